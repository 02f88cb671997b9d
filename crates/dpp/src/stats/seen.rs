//! What was seen where no DNS was: [`Seen`].

use crate::packet;
use std::collections::BTreeMap;

/// So many packets of each number. Numbers have 16 bits, which bounds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<u16, u64>);

impl Tally {
    fn add(&mut self, number: u16) {
        *self.0.entry(number).or_default() += 1;
    }

    fn merge(&mut self, other: &Tally) {
        for (number, packets) in &other.0 {
            *self.0.entry(*number).or_default() += packets;
        }
    }

    /// So many packets of this number.
    pub fn of(&self, number: u16) -> u64 {
        self.0.get(&number).copied().unwrap_or(0)
    }

    /// The most frequent numbers with their packets, at most `count`; of equally frequent ones the lower first.
    pub fn most_frequent(&self, count: usize) -> Vec<(u16, u64)> {
        let mut all: Vec<(u16, u64)> = self.0.iter().map(|(&number, &packets)| (number, packets)).collect();
        all.sort_by_key(|&(number, packets)| (std::cmp::Reverse(packets), number));
        all.truncate(count);
        all
    }
}

/// What the packets were that gave no message, as far as their headers tell. Packets that were set aside (segments on DNS
/// ports, fragments) are not among them, for reasons of their own tell of those; but datagrams put together from fragments are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Link types.
    pub linktypes: Tally,
    /// Ethertypes, behind tags.
    pub ethertypes: Tally,
    /// IP protocols.
    pub protocols: Tally,
    /// Service ports (the lower of the two) of UDP.
    pub udp_ports: Tally,
    /// Service ports of TCP.
    pub tcp_ports: Tally,
    /// Service ports of the TCP connections that were opened: of 853 those of DNS over TLS.
    pub tcp_opened: Tally,
    /// Service ports of QUIC Initial packets of clients: of 853 those of DNS over QUIC.
    pub quic_opened: Tally,
}

impl Seen {
    /// Looks at a packet.
    #[cold]
    pub fn add(&mut self, linktype: u16, bytes: &[u8]) {
        self.linktypes.add(linktype);
        self.note(packet::glance(linktype, bytes));
    }

    /// Looks at what was put together from fragments, before which this walk stands.
    #[cold]
    pub fn add_whole(&mut self, walk: packet::Walk) {
        self.note(packet::inside(walk));
    }

    fn note(&mut self, glance: packet::Glance) {
        glance.ethertype.into_iter().for_each(|ethertype| self.ethertypes.add(ethertype));
        glance.protocol.into_iter().for_each(|protocol| self.protocols.add(protocol.into()));
        let (ports, opened) = match glance.protocol {
            Some(6) => (&mut self.tcp_ports, &mut self.tcp_opened),
            _ => (&mut self.udp_ports, &mut self.quic_opened),
        };
        glance.port.into_iter().for_each(|port| ports.add(port));
        glance.port.filter(|_| glance.opens).into_iter().for_each(|port| opened.add(port));
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Seen) {
        self.linktypes.merge(&other.linktypes);
        self.ethertypes.merge(&other.ethertypes);
        self.protocols.merge(&other.protocols);
        self.udp_ports.merge(&other.udp_ports);
        self.tcp_ports.merge(&other.tcp_ports);
        self.tcp_opened.merge(&other.tcp_opened);
        self.quic_opened.merge(&other.quic_opened);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An Ethernet frame: what follows the addresses, in hexadecimal digits.
    fn frame(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        [&[0; 12][..], &digits.chunks(2).map(byte).collect::<Vec<_>>()].concat()
    }

    const UDP: &str = "0800 4500001c 00000000 40110000 0a000001 0a000002";

    #[track_caller]
    fn check(hex: &str, ethertype: Option<u16>, protocol: Option<u16>, udp_port: Option<u16>) {
        let mut seen = Seen::default();
        seen.add(1, &frame(hex));
        let only = |tally: &Tally| tally.most_frequent(9).first().map(|row| row.0);
        let told = (only(&seen.ethertypes), only(&seen.protocols), only(&seen.udp_ports));
        assert_eq!(told, (ethertype, protocol, udp_port));
        assert_eq!(seen.linktypes.most_frequent(9), [(1, 1)]);
    }

    #[test]
    fn a_packet_is_known_by_its_headers() {
        check("0806", Some(0x0806), None, None);
        check("8100 0001 0806", Some(0x0806), None, None);
        check("8100", Some(0x8100), None, None);
        check("0026 4242", None, None, None);
        check("0800 4500 0014 0000 0000 4001 0000 0a000001 0a000002", Some(0x0800), Some(1), None);
        check(&format!("{UDP} 9c40 14e9 0008 0000"), Some(0x0800), Some(17), Some(5353));
        check(&format!("{UDP} 14e9 9c40 0008 0000"), Some(0x0800), Some(17), Some(5353));
        check("", None, None, None);
    }

    #[test]
    fn what_opens_a_connection_is_counted_by_its_port() {
        let opened = |hex: &str| {
            let mut seen = Seen::default();
            seen.add(1, &frame(hex));
            (seen.tcp_opened.most_frequent(1), seen.quic_opened.most_frequent(1))
        };
        let tcp = |flags: &str| {
            let ip = "0800 45000028 00000000 40060000 0a000001 0a000002";
            opened(&format!("{ip} 9c40 0355 00000001 00000000 50{flags} 0000 00000000"))
        };
        assert_eq!(tcp("02"), (vec![(853, 1)], vec![]));
        assert_eq!(tcp("12"), (vec![], vec![]));
        let quic = |ports: &str, payload: &str| {
            let ip = "0800 45000021 00000000 40110000 0a000001 0a000002";
            opened(&format!("{ip} {ports} 000d 0000 {payload}"))
        };
        assert_eq!(quic("9c40 0355", "c3 00000001"), (vec![], vec![(853, 1)]));
        assert_eq!(quic("9c40 01bb", "d3 6b3343cf"), (vec![], vec![(443, 1)]));
        assert_eq!(quic("0355 9c40", "c3 00000001"), (vec![], vec![]), "the server's");
        assert_eq!(quic("9c40 0355", "e3 00000001"), (vec![], vec![]), "a Handshake packet");
        assert_eq!(quic("9c40 0355", "43 00000001"), (vec![], vec![]), "a short header");
    }

    #[test]
    fn equally_frequent_numbers_come_in_order_and_merging_commutes() {
        let (mut one, mut other) = (Seen::default(), Seen::default());
        ["0806", "88cc", "0806"].iter().for_each(|hex| one.add(1, &frame(hex)));
        ["88cc", "86dd"].iter().for_each(|hex| other.add(1, &frame(hex)));
        let (mut left, mut right) = (one.clone(), other.clone());
        left.merge(&other);
        right.merge(&one);
        assert_eq!(left, right);
        assert_eq!(left.ethertypes.most_frequent(2), [(0x0806, 2), (0x88cc, 2)]);
        assert_eq!((left.ethertypes.of(0x0806), left.ethertypes.of(1)), (2, 0));
    }
}
