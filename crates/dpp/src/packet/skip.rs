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
    Vlan, "vlan", "VLAN tag (802.1Q, 802.1ad)";
    Mpls, "mpls", "MPLS label";
    Pppoe, "pppoe", "PPPoE";
    Arp, "arp", "ARP";
    Ethertype, "ethertype", "neither IPv4 nor IPv6";
    IpCut, "ip_cut", "captured bytes end inside the IP header";
    IpMalformed, "ip_malformed", "IP header that contradicts itself";
    Fragment, "fragment", "IP fragment";
    Tcp, "tcp", "TCP segment";
    Icmp, "icmp", "ICMP or ICMPv6";
    Tunnel, "tunnel", "IP in IP, or GRE";
    Encrypted, "encrypted", "IPsec ESP";
    IpProtocol, "ip_protocol", "transport that is not decoded";
    TooDeep, "too_deep", "more header layers than any real packet has";
    UdpCut, "udp_cut", "captured bytes end inside the UDP header";
    UdpMalformed, "udp_malformed", "UDP length shorter than its own header";
    Port, "port", "UDP, but not on a DNS port";
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
