//! Why a packet gives no message: one row a reason.
//!
//! Every packet that is read and not used is counted under exactly one of these, in packets and in bytes; the text
//! report, the JSON report and the accounting identity are made from the table. The names are part of the JSON report.

macro_rules! skips {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $sentence:literal;)*) => {
        /// The reason why a packet was not used. [`SKIPS`] lists them all.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Skip { $(#[doc = $sentence] $variant,)* }

        /// All reasons: the value, its name in reports, and a sentence for people.
        pub const SKIPS: &[(Skip, &str, &str)] = &[$((Skip::$variant, $name, $sentence),)*];
    };
}

skips! {
    Linktype, "linktype", "link type that is not decoded";
    LinkCut, "link_cut", "captured bytes end inside the link-layer header";
    LinkMalformed, "link_malformed", "link-layer header that contradicts itself";
    LinkControl, "link_control", "link layer talking to itself: 802.11 management, PPP negotiation, PPPoE discovery";
    LinkFragment, "link_fragment", "fragment of a frame, made below IP: 802.11, CAPWAP, PPP multilink";
    LinkAggregate, "link_aggregate", "802.11 frame with several packets in it";
    WlanProtected, "wlan_protected", "802.11 frame that is encrypted";
    Arp, "arp", "ARP";
    Ethertype, "ethertype", "neither IPv4 nor IPv6";
    IpCut, "ip_cut", "captured bytes end inside the IP header";
    IpMalformed, "ip_malformed", "IP header that contradicts itself";
    Icmp, "icmp", "ICMP or ICMPv6";
    Encrypted, "encrypted", "IPsec ESP, MACsec, encrypted or compressed PPP, CAPWAP over DTLS";
    IpProtocol, "ip_protocol", "transport that is not decoded";
    TunnelCut, "tunnel_cut", "captured bytes end inside the header of a tunnel";
    TunnelMalformed, "tunnel_malformed", "tunnel header that contradicts itself";
    TunnelControl, "tunnel_control", "tunnel talking to itself: echo, keepalive, signalling";
    TooDeep, "too_deep", "more header layers than any real packet has";
    FragmentMalformed, "fragment_malformed", "IP fragment that fits into no datagram";
    FragmentRepeated, "fragment_repeated", "IP fragment that was there already";
    FragmentOverlap, "fragment_overlap", "IP fragments of a datagram of which two overlap and are not the same one twice, even if their bytes agree";
    FragmentTimeout, "fragment_timeout", "IP fragments whose datagram was not complete in time";
    FragmentEvicted, "fragment_evicted", "IP fragments given up because too many waited";
    FragmentIncomplete, "fragment_incomplete", "IP fragments whose datagram was not complete when the capture ended";
    UdpCut, "udp_cut", "captured bytes end inside the UDP header";
    UdpMalformed, "udp_malformed", "UDP length shorter than its own header";
    Port, "port", "UDP, but not on a DNS port";
    Doq, "doq", "UDP port 853: DNS over QUIC or DTLS, encrypted";
    Quic, "quic", "UDP port 443: QUIC, perhaps DNS over HTTPS";
    TcpCut, "tcp_cut", "captured bytes end inside the TCP header";
    TcpMalformed, "tcp_malformed", "TCP header that contradicts itself";
    TcpPort, "tcp_port", "TCP, but not on a DNS port";
    Dot, "dot", "TCP port 853: DNS over TLS, encrypted";
    Https, "https", "TCP port 443: HTTPS, perhaps DNS over HTTPS";
    TcpNoData, "tcp_no_data", "TCP on a DNS port without data: handshake, acknowledgment, end";
    TcpRepeated, "tcp_repeated", "TCP data that was there already";
    TcpUnplaced, "tcp_unplaced", "TCP data too far from what is expected next in its stream";
    TcpNotDns, "tcp_not_dns", "TCP data on a DNS port in which no DNS message could be found";
    TcpHole, "tcp_hole", "TCP data that could not be read because other bytes of its message were not captured";
    TcpIncomplete, "tcp_incomplete", "TCP data of a message that was not complete when its stream or the capture ended";
    TcpEvicted, "tcp_evicted", "TCP data given up because too much waited";
    DnstapMalformed, "dnstap_malformed", "dnstap frame that cannot be read";
    DnstapWithoutMessage, "dnstap_without_message", "dnstap frame without a DNS message in it";
    KnotMalformed, "knot_malformed", "datagram of Knot DNS that cannot be read";
    CdnsBlock, "cdns_block", "C-DNS block that cannot be read";
    DnsHeaderCut, "dns_header_cut", "fewer than the 12 bytes of a DNS header";
    DnsQuestionCut, "dns_question_cut", "DNS message that ends inside its first question";
    DnsQuestionMalformed, "dns_question_malformed", "first question with an invalid label or compression pointer";
    DnsNameTooLong, "dns_name_too_long", "first question with a name of more than 255 octets";
    DnsQueryWithoutQuestion, "dns_query_without_question", "DNS query that asks nothing (QDCOUNT 0)";
}

impl Skip {
    /// The name under which reports count this reason.
    pub fn name(self) -> &'static str {
        SKIPS[self as usize].1
    }
}

/// A number of packets and their captured bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Packets.
    pub packets: u64,
    /// Captured bytes, without record headers.
    pub bytes: u64,
}

impl Volume {
    /// One packet of so many bytes.
    #[inline]
    pub fn of(bytes: usize) -> Volume {
        Volume { packets: 1, bytes: bytes as u64 }
    }

    /// One packet more.
    #[inline]
    pub fn add(&mut self, bytes: usize) {
        self.merge(&Volume::of(bytes));
    }

    /// Adds another volume.
    #[inline]
    pub fn merge(&mut self, other: &Volume) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// How many examples of each reason are remembered: more than anybody looks at one by one. All of them take 22 KiB.
pub const FIRST_MAX: usize = 64;

/// A packet that was not used, or packets that shared a fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Why.
    pub skip: Skip,
    /// The position of the packet, or of one of them.
    pub position: u64,
    /// How many they are.
    pub volume: Volume,
}

/// What was not used, by reason, and where the first examples are. Merges in any order to the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skips {
    volumes: [Volume; SKIPS.len()],
    /// Positions of the first packets of each reason, in order; `u64::MAX` where there are no more.
    first: [[u64; FIRST_MAX]; SKIPS.len()],
    /// All of them, one by one, for those who ask; they must [drain](Skips::drain_log) it.
    log: Option<Vec<Skipped>>,
}

impl Default for Skips {
    fn default() -> Self {
        let (volumes, first) = ([Volume::default(); SKIPS.len()], [[u64::MAX; FIRST_MAX]; SKIPS.len()]);
        Skips { volumes, first, log: None }
    }
}

impl Skips {
    /// Counts a packet.
    #[inline]
    pub fn add(&mut self, skip: Skip, position: u64, bytes: usize) {
        self.add_all(skip, position, &Volume::of(bytes));
    }

    /// Counts packets that shared a fate; the one at `position` is the example.
    #[inline]
    pub fn add_all(&mut self, skip: Skip, position: u64, volume: &Volume) {
        self.volumes[skip as usize].merge(volume);
        insert(&mut self.first[skip as usize], position);
        if let Some(log) = &mut self.log {
            log.push(Skipped { skip, position, volume: *volume });
        }
    }

    /// From now on notes each skip.
    pub fn log(&mut self) {
        self.log.get_or_insert_default();
    }

    /// Gives what was noted since it was last asked for.
    pub fn drain_log(&mut self) -> Vec<Skipped> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What was skipped for this reason.
    pub fn of(&self, skip: Skip) -> Volume {
        self.volumes[skip as usize]
    }

    /// The positions of the first packets that were skipped for this reason, at most [`FIRST_MAX`].
    pub fn first(&self, skip: Skip) -> impl Iterator<Item = u64> + '_ {
        self.first[skip as usize].iter().copied().take_while(|&position| position != u64::MAX)
    }

    /// All of it.
    pub fn total(&self) -> Volume {
        let mut total = Volume::default();
        self.volumes.iter().for_each(|volume| total.merge(volume));
        total
    }

    /// Forgets where the first packets are, as positions in different captures must not be mixed.
    pub fn forget_first(&mut self) {
        self.first = [[u64::MAX; FIRST_MAX]; SKIPS.len()];
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Skips) {
        self.volumes.iter_mut().zip(&other.volumes).for_each(|(mine, theirs)| mine.merge(theirs));
        for (mine, theirs) in self.first.iter_mut().zip(&other.first) {
            theirs.iter().for_each(|&position| insert(mine, position));
        }
        if let (Some(mine), Some(theirs)) = (&mut self.log, &other.log) {
            mine.extend(theirs);
        }
    }
}

/// Puts a position among the first ones, if it is one of them.
#[inline]
fn insert(first: &mut [u64; FIRST_MAX], position: u64) {
    if position < first[FIRST_MAX - 1] {
        let at = first.partition_point(|&other| other < position);
        first[at..].rotate_right(1);
        first[at] = position;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_stands_at_its_own_number_and_has_its_own_name() {
        for (number, (skip, name, _)) in SKIPS.iter().enumerate() {
            assert_eq!(*skip as usize, number);
            assert_eq!(skip.name(), *name);
            assert_eq!(SKIPS.iter().filter(|row| row.1 == *name).count(), 1, "{name} twice");
        }
    }
}
