//! What Knot DNS tells of a query and its reply: a datagram of its probe module (libknot/probe/data.h).
//!
//! ```text
//!   0 ip 1 | proto 1 | local address 16 | local port 2 | remote address 16 | remote port 2
//!  38 reply: header 12 | size 2 | rcode 2 | extended error 2 | tcp_rtt 4
//!  60 query: options 4 | udp size 2 | edns version 1 | edns flags 1 | header 12 | size 2 | class 2 | type 2
//!  86 length of the name 1 | name
//! ```
//! It is a structure of C as it lies in memory: no version, no time, and the name, which is the last, cut behind its end, but
//! not exactly there. The DNS headers are as on the wire, all other numbers in the order of the machine. The surprising fact:
//! that order is taken to be little-endian on every machine, as is that of the bits in the flags, so that what is read depends
//! on the bytes alone; Knot on a big-endian one cannot be understood.
//!
//! Offsets are those of Knot DNS 3.1.0 to 3.5; the numbers of transports those since 3.2.0.

/// The addresses of both; one that is not known is zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair<'a> {
    /// IPv4.
    V4 {
        /// The server's.
        server: &'a [u8; 4],
        /// The client's.
        client: &'a [u8; 4],
    },
    /// IPv6.
    V6 {
        /// The server's.
        server: &'a [u8; 16],
        /// The client's.
        client: &'a [u8; 16],
    },
}

/// What carried the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// DNS over QUIC.
    Quic,
    /// DNS over TLS.
    Tls,
    /// DNS over HTTPS.
    Https,
    /// A number that means nothing yet.
    Other(u8),
}

/// What the OPT record of the query says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryEdns {
    /// The longest datagram that the client can take.
    pub udp_size: u16,
    /// The version.
    pub version: u8,
    /// DO.
    pub dnssec_ok: bool,
    /// DE. (Knot DNS up to 3.5 leaves it zero.)
    pub delegation_aware: bool,
    /// Which options it has, of those of codes 0 to 31: bit n is option n.
    pub options: u32,
}

/// What was replied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its DNS header.
    pub header: [u8; 12],
    /// Its length, bytes.
    pub size: u16,
    /// Its response code, with its extension or the error of TSIG.
    pub rcode: u16,
    /// The code of its extended error.
    pub extended_error: Option<u16>,
}

/// A query, and what was replied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe<'a> {
    /// Server and client; none if the client used a Unix socket.
    pub addresses: Option<Pair<'a>>,
    /// The server's port.
    pub server_port: u16,
    /// The client's port.
    pub client_port: u16,
    /// What carried it.
    pub carrier: Carrier,
    /// How long the TCP handshake took, in microseconds, if that is known.
    pub handshake_rtt_us: Option<u32>,
    /// The query's DNS header.
    pub header: [u8; 12],
    /// The query's length, bytes.
    pub size: u16,
    /// QNAME in wire form, its case kept.
    pub qname: &'a [u8],
    /// QTYPE.
    pub qtype: u16,
    /// QCLASS.
    pub qclass: u16,
    /// What its OPT record says, if it has one.
    pub edns: Option<QueryEdns>,
    /// The reply; none if the server dropped the query.
    pub reply: Option<Reply>,
}

/// Where the name starts.
const NAME: usize = 87;
/// An extended error that is none.
const NO_ERROR: u16 = 0xFFFF;

impl<'a> Probe<'a> {
    /// Reads a datagram. What follows the name is not looked at: a few bytes always do. `None` if it cannot be one: it is too
    /// short, of another family of addresses, or its name is none.
    pub fn parse(bytes: &'a [u8]) -> Option<Probe<'a>> {
        let fixed: &[u8; NAME] = bytes.first_chunk()?;
        let qname = bytes[NAME..].get(..usize::from(fixed[86])).filter(|name| is_name(name))?;
        let short = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        let long = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let header = |at: usize| fixed[at..at + 12].try_into().expect("twelve bytes");
        let addresses = match fixed[0] {
            0 => None,
            4 => Some(Pair::V4 { server: octets(fixed, 2), client: octets(fixed, 20) }),
            6 => Some(Pair::V6 { server: octets(fixed, 2), client: octets(fixed, 20) }),
            _ => return None,
        };
        let flags = fixed[67];
        let edns = QueryEdns {
            udp_size: short(64),
            version: fixed[66],
            dnssec_ok: flags & 2 != 0,
            delegation_aware: flags & 4 != 0,
            options: long(60),
        };
        let reply = Reply {
            header: header(38),
            size: short(50),
            rcode: short(52),
            extended_error: Some(short(54)).filter(|&code| code != NO_ERROR),
        };
        Some(Probe {
            addresses,
            server_port: short(18),
            client_port: short(36),
            carrier: carrier(fixed[1]),
            handshake_rtt_us: Some(long(56)).filter(|&rtt| rtt != 0),
            header: header(68),
            size: short(80),
            qname,
            qtype: short(84),
            qclass: short(82),
            edns: (flags & 1 != 0).then_some(edns),
            reply: (reply.size != 0).then_some(reply),
        })
    }
}

fn octets<const N: usize>(bytes: &[u8; NAME], at: usize) -> &[u8; N] {
    bytes[at..].first_chunk().expect("the name comes later")
}

fn carrier(number: u8) -> Carrier {
    match number {
        0 => Carrier::Udp,
        1 => Carrier::Tcp,
        2 => Carrier::Quic,
        3 => Carrier::Tls,
        4 => Carrier::Https,
        other => Carrier::Other(other),
    }
}

/// Whether these bytes are a name in wire form, without compression: labels, and the root at the end.
fn is_name(mut bytes: &[u8]) -> bool {
    while let Some((&length, behind)) = bytes.split_first() {
        match length {
            0 => return behind.is_empty(),
            1..=63 => match behind.get(usize::from(length)..) {
                Some(rest) => bytes = rest,
                None => return false,
            },
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A datagram of zeros with these bytes at these places.
    fn datagram(length: usize, parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; length];
        parts.iter().for_each(|(at, part)| bytes[*at..at + part.len()].copy_from_slice(part));
        bytes
    }

    #[test]
    fn each_field_has_its_place() {
        let client: [u8; 16] = std::array::from_fn(|index| index as u8 + 1);
        let server: [u8; 16] = std::array::from_fn(|index| index as u8 + 101);
        let bytes = datagram(
            89 + 3,
            &[
                (0, &[6, 2]),
                (2, &server),
                (18, &[0x34, 0x12]),
                (20, &client),
                (36, &[0x78, 0x56]),
                (38, b"reply header"),
                (50, &[1, 2, 3, 4, 5, 6]),
                (56, &[7, 8, 9, 10]),
                (60, &[1, 4, 0, 0x80, 0xD0, 4, 9, 7]),
                (68, b"query header"),
                (80, &[11, 12, 3, 0, 28, 0]),
                (86, b"\x03\x01a\0"),
            ],
        );
        let probe = Probe {
            addresses: Some(Pair::V6 { server: &server, client: &client }),
            server_port: 0x1234,
            client_port: 0x5678,
            carrier: Carrier::Quic,
            handshake_rtt_us: Some(0x0A09_0807),
            header: *b"query header",
            size: 0x0C0B,
            qname: b"\x01a\0",
            qtype: 28,
            qclass: 3,
            edns: Some(QueryEdns {
                udp_size: 1232,
                version: 9,
                dnssec_ok: true,
                delegation_aware: true,
                options: 0x8000_0401,
            }),
            reply: Some(Reply {
                header: *b"reply header",
                size: 0x0201,
                rcode: 0x0403,
                extended_error: Some(0x0605),
            }),
        };
        assert_eq!(Probe::parse(&bytes), Some(probe));
    }

    #[test]
    fn what_is_not_there_is_none() {
        let bytes = datagram(90, &[(54, &[0xFF, 0xFF]), (60, &[1]), (86, &[1])]);
        let probe = Probe::parse(&bytes).unwrap();
        assert_eq!((probe.addresses, probe.handshake_rtt_us, probe.edns), (None, None, None));
        assert_eq!((probe.reply, probe.qname), (None, &b"\0"[..]));
        let replied = datagram(90, &[(50, &[12]), (54, &[0xFF, 0xFF]), (86, &[1])]);
        assert_eq!(Probe::parse(&replied).unwrap().reply.unwrap().extended_error, None);
    }

    fn check(length: usize, parts: &[(usize, &[u8])], is_read: bool) {
        assert_eq!(Probe::parse(&datagram(length, parts)).is_some(), is_read, "{length} {parts:?}");
    }

    #[test]
    fn a_name_that_is_cut_is_none() {
        let name = b"\x04\x02ab\0";
        for (length, is_read) in
            [(0_usize, false), (86, false), (87, false), (90, false), (91, true), (344, true)]
        {
            let there = name.len().min(length.saturating_sub(86));
            check(length, &[(length.min(86), &name[..there])], is_read);
        }
    }

    #[test]
    fn a_name_ends_where_its_length_says() {
        check(100, &[(86, b"\x01\0")], true);
        check(100, &[(86, b"\x00\0")], false);
        check(100, &[(86, b"\x02\0\0")], false);
        check(100, &[(86, b"\x03\x02ab")], false);
        check(100, &[(86, b"\x02\x01a")], false);
        check(100, &[(86, b"\x02\xC0\x0C")], false);
        let longest: Vec<u8> = [&[255][..], &[&[63; 64][..]; 3].concat(), &[61; 62], &[0]].concat();
        check(344, &[(86, &longest)], true);
        check(342, &[(86, &longest)], true);
        check(341, &[(86, &longest[..255])], false);
    }

    #[test]
    fn of_other_families_nothing_is_known() {
        check(90, &[(0, &[4]), (86, &[1])], true);
        check(90, &[(0, &[5]), (86, &[1])], false);
    }
}
