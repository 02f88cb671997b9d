//! The identity of a transaction as bytes that compare and hash fast.
//!
//! ```text
//!   0    1          2    4             6             8       10       12
//!  +----+----------+----+-------------+-------------+-------+--------+--------+--------+------ ...
//!  |role| transport| id | client port | server port | qtype | qclass | client | server | name
//!  +----+----------+----+-------------+-------------+-------+--------+--------+--------+------ ...
//!  *2+v6  17                                                          4 or 16 bytes each
//! ```
//! Two keys of the same tuple and the same question are equal byte by byte, but for the case of letters in the name.
//! The hash covers the tuple alone, so that a response without a question finds its way too.

use crate::dns::Question;
use crate::packet::{Addresses, Flow};
use crate::tallies::AddressKey;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const HEADER: usize = 12;
/// The bit of the first byte that says which IP version it is.
const V6: u8 = 1;
/// Where the question stands in the header.
const QUESTION: std::ops::Range<usize> = 8..12;

macro_rules! transports {
    ($($variant:ident, $number:literal, $name:literal, $sentence:literal;)*) => {
        /// What carried a message. Packets are UDP or TCP; servers that log their own messages (dnstap) know more.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Transport { $(#[doc = $sentence] $variant = $number,)* }

        /// All of them: the value, its name in columns, and a sentence.
        pub const TRANSPORTS: &[(Transport, &str, &str)] = &[$((Transport::$variant, $name, $sentence),)*];

        impl Transport {
            /// The one that keys have this number for.
            #[inline]
            fn of(number: u8) -> Transport {
                match number {
                    $($number => Transport::$variant,)*
                    _ => Transport::Unknown,
                }
            }

            /// Its name in columns; `None` if it is not known.
            #[inline]
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Transport::$variant => Some($name).filter(|_| self != Transport::Unknown),)*
                }
            }
        }
    };
}

transports! {
    Udp, 17, "udp", "UDP";
    Tcp, 6, "tcp", "TCP";
    Dot, 1, "dot", "DNS over TLS (RFC 7858)";
    Doh, 2, "doh", "DNS over HTTPS (RFC 8484)";
    Doq, 3, "doq", "DNS over QUIC (RFC 9250)";
    Dtls, 4, "dtls", "DNS over DTLS (RFC 8094)";
    DnscryptUdp, 5, "dnscrypt-udp", "DNSCrypt over UDP";
    DnscryptTcp, 7, "dnscrypt-tcp", "DNSCrypt over TCP";
    Unknown, 0, "unknown", "something else";
}

/// As what the one that logged a message took part in it (the types of dnstap messages, in pairs); 0 for packets, which
/// nobody logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Role(pub u8);

impl Role {
    /// The names of roles 1, 2 and so on: as whom the server acted.
    pub const NAMES: [&'static str; 7] =
        ["AUTH", "RESOLVER", "CLIENT", "FORWARDER", "STUB", "TOOL", "UPDATE"];

    /// Its name; `None` for packets, and for roles that have none yet.
    pub fn name(self) -> Option<&'static str> {
        Role::NAMES.get(usize::from(self.0).checked_sub(1)?).copied()
    }

    /// The role of the dnstap message type of this number: odd types are queries, the even ones behind them responses. Those
    /// beyond all that were ever given out are one.
    pub fn of_message_type(number: u32) -> Role {
        Role(number.div_ceil(2).min(127) as u8)
    }
}

/// (transport, client address, client port, server address, server port, DNS id).
#[derive(Clone, Copy, Debug)]
pub struct Tuple<'a> {
    /// Client as source, server as destination, whichever way the message went.
    addresses: Addresses<'a>,
    client_port: u16,
    server_port: u16,
    id: u16,
    transport: Transport,
    role: Role,
}

impl<'a> Tuple<'a> {
    /// The tuple of a message: a query's source is the client, a response's destination is.
    #[inline]
    pub fn of(flow: &Flow<'a>, transport: Transport, id: u16, is_response: bool) -> Self {
        let Flow { addresses, source_port, destination_port } =
            if is_response { flow.reversed() } else { *flow };
        let (client_port, server_port, role) = (source_port, destination_port, Role::default());
        Tuple { addresses, client_port, server_port, id, transport, role }
    }

    /// The client's address.
    #[inline]
    pub fn client(&self) -> IpAddr {
        self.both().0
    }

    /// The server's address.
    #[inline]
    pub fn server(&self) -> IpAddr {
        self.both().1
    }

    fn both(&self) -> (IpAddr, IpAddr) {
        match self.addresses {
            Addresses::V4 { source, destination } => ((*source).into(), (*destination).into()),
            Addresses::V6 { source, destination } => ((*source).into(), (*destination).into()),
        }
    }

    /// The client's port.
    #[inline]
    pub fn client_port(&self) -> u16 {
        self.client_port
    }

    /// The server's port.
    #[inline]
    pub fn server_port(&self) -> u16 {
        self.server_port
    }

    /// The DNS id.
    #[inline]
    pub fn id(&self) -> u16 {
        self.id
    }

    /// What carried the message.
    #[inline]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The same, logged by one who had this role.
    pub fn with_role(self, role: Role) -> Self {
        Tuple { role, ..self }
    }

    /// The same whichever server answers.
    pub fn of_any_server(self) -> Self {
        let addresses = match self.addresses {
            Addresses::V4 { source, .. } => Addresses::V4 { source, destination: &[0; 4] },
            Addresses::V6 { source, .. } => Addresses::V6 { source, destination: &[0; 16] },
        };
        Tuple { addresses, ..self }
    }

    /// A hash under `seed`. Results never depend on it; the seed keeps senders from choosing who collides.
    #[inline]
    pub fn hash(&self, seed: u64) -> u32 {
        let ports =
            u64::from(self.client_port) << 32 | u64::from(self.server_port) << 16 | u64::from(self.id);
        let addresses = match self.addresses {
            Addresses::V4 { source, destination } => {
                u64::from(u32::from_ne_bytes(*source)) << 32 | u64::from(u32::from_ne_bytes(*destination))
            }
            Addresses::V6 { source, destination } => {
                let (a, b) = (u128::from_ne_bytes(*source), u128::from_ne_bytes(*destination));
                let a = fold(a as u64 ^ seed, (a >> 64) as u64 ^ MIX[0]);
                let b = fold(b as u64 ^ MIX[1], (b >> 64) as u64 ^ seed);
                a ^ b.rotate_left(32)
            }
        };
        let mixed = fold(fold(addresses ^ seed, ports ^ MIX[0]) ^ seed, MIX[1]);
        (mixed >> 32) as u32 ^ mixed as u32
    }

    /// Appends the key of this tuple and `question` to `keys`; without a question, its fields are zero and empty.
    #[inline(always)]
    pub fn write(&self, question: Option<&Question>, keys: &mut Vec<u8>) {
        let (name, qtype, qclass) = question.map_or((&[][..], 0, 0), |q| (q.name, q.qtype, q.qclass));
        let [id, client_port, server_port, qtype, qclass] =
            [self.id, self.client_port, self.server_port, qtype, qclass].map(u16::to_be_bytes);
        let header = |version: u8| {
            joined::<HEADER>(&[
                &[self.role.0 << 1 | version, self.transport as u8],
                &id,
                &client_port,
                &server_port,
                &qtype,
                &qclass,
            ])
        };
        match self.addresses {
            Addresses::V4 { source, destination } => {
                keys.extend_from_slice(&joined::<{ HEADER + 8 }>(&[&header(0), source, destination]));
            }
            Addresses::V6 { source, destination } => {
                keys.extend_from_slice(&joined::<{ HEADER + 32 }>(&[&header(1), source, destination]));
            }
        }
        keys.extend_from_slice(name);
    }
}

/// The fields one behind the other; their lengths must add up to `N`.
#[inline(always)]
fn joined<const N: usize>(fields: &[&[u8]]) -> [u8; N] {
    let (mut bytes, mut at) = ([0; N], 0);
    for field in fields {
        bytes[at..at + field.len()].copy_from_slice(field);
        at += field.len();
    }
    bytes
}

/// Random digits (of pi) that break up patterns in the input.
const MIX: [u64; 2] = [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344];

/// Multiplies to 128 bits and folds the halves: every input bit reaches every output bit.
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The fields of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    /// The number of what carried the query.
    pub transport: u8,
    /// Whether it is IPv6.
    pub is_ipv6: bool,
    /// The DNS id.
    pub id: u16,
    /// The client's port.
    pub client_port: u16,
    /// The server's port.
    pub server_port: u16,
    /// QTYPE of the question.
    pub qtype: u16,
    /// QCLASS of the question.
    pub qclass: u16,
    /// The client's address.
    pub client: AddressKey,
    /// The server's address.
    pub server: AddressKey,
    /// The name in wire form, case as captured. Empty if there was no question.
    pub name: &'a [u8],
}

/// A key as written by [`Tuple::write`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a>(&'a [u8]);

impl<'a> Key<'a> {
    /// The key at `at` whose name has `name_length` bytes.
    #[inline]
    pub(super) fn at(keys: &'a [u8], at: usize, name_length: u8) -> Self {
        let fixed = match keys[at] & V6 {
            0 => HEADER + 8,
            _ => HEADER + 32,
        };
        Key(&keys[at..at + fixed + usize::from(name_length)])
    }

    /// All of its fields. Who wants most of them gets them so in one go.
    #[inline(always)]
    pub fn taken_apart(&self) -> Fields<'a> {
        const WHOLE: &str = "written with its key";
        let (header, rest) = self.0.split_first_chunk::<HEADER>().expect(WHOLE);
        let (is_ipv6, transport) = (header[0] & V6 != 0, header[1]);
        let [id, client_port, server_port, qtype, qclass] =
            [2, 4, 6, 8, 10].map(|at| u16::from_be_bytes([header[at], header[at + 1]]));
        let (client, server, name) = match is_ipv6 {
            false => {
                let (client, rest) = rest.split_first_chunk().expect(WHOLE);
                let (server, name) = rest.split_first_chunk().expect(WHOLE);
                (AddressKey::v4(*client), AddressKey::v4(*server), name)
            }
            true => {
                let (client, rest) = rest.split_first_chunk().expect(WHOLE);
                let (server, name) = rest.split_first_chunk().expect(WHOLE);
                (AddressKey::v6(*client), AddressKey::v6(*server), name)
            }
        };
        Fields { transport, is_ipv6, id, client_port, server_port, qtype, qclass, client, server, name }
    }

    /// How many bytes it has.
    pub(crate) fn size(&self) -> usize {
        self.0.len()
    }

    /// All of it.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.0
    }

    #[inline]
    fn number(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.0[at], self.0[at + 1]])
    }

    #[inline]
    fn address_length(&self) -> usize {
        match self.0[0] & V6 {
            0 => 4,
            _ => 16,
        }
    }

    /// What carried the query.
    #[inline]
    pub fn transport(&self) -> Transport {
        Transport::of(self.0[1])
    }

    /// The role of the one that logged it.
    #[inline]
    pub fn role(&self) -> Role {
        Role(self.0[0] >> 1)
    }

    /// The DNS id.
    #[inline]
    pub fn id(&self) -> u16 {
        self.number(2)
    }

    /// The client's port.
    #[inline]
    pub fn client_port(&self) -> u16 {
        self.number(4)
    }

    /// The server's port.
    #[inline]
    pub fn server_port(&self) -> u16 {
        self.number(6)
    }

    /// QTYPE of the question.
    #[inline]
    pub fn qtype(&self) -> u16 {
        self.number(8)
    }

    /// QCLASS of the question.
    #[inline]
    pub fn qclass(&self) -> u16 {
        self.number(10)
    }

    /// The client's address.
    #[inline]
    pub fn client(&self) -> IpAddr {
        self.address(HEADER)
    }

    /// The server's address.
    #[inline]
    pub fn server(&self) -> IpAddr {
        self.address(HEADER + self.address_length())
    }

    #[inline]
    fn address(&self, at: usize) -> IpAddr {
        match self.0[0] & V6 {
            0 => IpAddr::V4(Ipv4Addr::from(*self.0[at..].first_chunk::<4>().expect("written with its key"))),
            _ => IpAddr::V6(Ipv6Addr::from(*self.0[at..].first_chunk::<16>().expect("written with its key"))),
        }
    }

    /// The name in wire form, case as captured. Empty if there was no question.
    #[inline]
    pub fn name(&self) -> &'a [u8] {
        &self.0[self.name_start()..]
    }

    #[inline]
    fn name_start(&self) -> usize {
        HEADER + 2 * self.address_length()
    }

    /// Same tuple and same question; letters of the name match in either case (RFC 4343).
    #[inline]
    pub(super) fn same_question(&self, other: &Key) -> bool {
        self.0 == other.0 || self.same_but_for_case(other)
    }

    #[cold]
    fn same_but_for_case(&self, other: &Key) -> bool {
        let start = self.name_start();
        self.0.len() == other.0.len()
            && self.same_side(other)
            && self.0[1..start] == other.0[1..start]
            && self.0[start..].eq_ignore_ascii_case(&other.0[start..])
    }

    /// Addresses of the same version, and roles that may log the two messages of one transaction. BIND says AUTH of a query by
    /// what the server is, and CLIENT of its response by the RD bit, and the other way round: both are the one who was asked.
    #[inline]
    fn same_side(&self, other: &Key) -> bool {
        const WAS_ASKED: [u8; 2] = [1, 3];
        let (own, others) = (self.0[0], other.0[0]);
        own == others
            || own & V6 == others & V6 && [own, others].iter().all(|first| WAS_ASKED.contains(&(first >> 1)))
    }

    /// Same tuple, whatever was asked.
    #[inline]
    pub(super) fn same_tuple(&self, other: &Key) -> bool {
        let addresses = HEADER..self.name_start();
        self.same_side(other)
            && self.0[1..QUESTION.start] == other.0[1..QUESTION.start]
            && other.0.get(addresses.clone()) == Some(&self.0[addresses])
    }
}
