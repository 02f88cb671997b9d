//! From link layer to transport: a packet's bytes become a borrowed [`Datagram`] or a [`Skip`] with its reason.
//!
//! Each protocol has a file with its header drawn on top and a `decode` that looks at the bytes in hand and says which
//! layer comes next. The tables below say which number means which layer: **to add an encapsulation, write its file, add
//! a [`Layer`] and give it a row here**. Lengths are checked where bytes become a header; nothing is copied.

mod ethernet;
mod ipv4;
mod ipv6;
mod skip;
mod udp;

pub use skip::{SKIPS, Skip};

#[cfg(test)]
mod tests;

use crate::limits;

/// A header that knows how to read itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Ethernet,
    Ipv4,
    Ipv6,
    /// An IPv6 extension header that only points on to the next one.
    Ipv6Extension,
    /// The IPv6 authentication header: as an extension, but measured in other units.
    Ipv6Authentication,
    Udp,
}

/// What a number in a header leads to.
type Next = Result<Layer, Skip>;

/// Link types (the `network` field of pcap, `LinkType` of pcapng).
const LINKTYPES: &[(u16, Next)] = &[(1, Ok(Layer::Ethernet))];

/// Ethertypes.
const ETHERTYPES: &[(u16, Next)] = &[
    (0x0800, Ok(Layer::Ipv4)),
    (0x86DD, Ok(Layer::Ipv6)),
    (0x8100, Err(Skip::Vlan)),
    (0x88A8, Err(Skip::Vlan)),
    (0x9100, Err(Skip::Vlan)),
    (0x9200, Err(Skip::Vlan)),
    (0x8847, Err(Skip::Mpls)),
    (0x8848, Err(Skip::Mpls)),
    (0x8863, Err(Skip::Pppoe)),
    (0x8864, Err(Skip::Pppoe)),
    (0x0806, Err(Skip::Arp)),
];

/// IP protocol numbers, which are also IPv6 next-header values.
const IP_PROTOCOLS: &[(u8, Next)] = &[
    (17, Ok(Layer::Udp)),
    (0, Ok(Layer::Ipv6Extension)),
    (43, Ok(Layer::Ipv6Extension)),
    (60, Ok(Layer::Ipv6Extension)),
    (135, Ok(Layer::Ipv6Extension)),
    (139, Ok(Layer::Ipv6Extension)),
    (140, Ok(Layer::Ipv6Extension)),
    (51, Ok(Layer::Ipv6Authentication)),
    (44, Err(Skip::Fragment)),
    (6, Err(Skip::Tcp)),
    (1, Err(Skip::Icmp)),
    (58, Err(Skip::Icmp)),
    (4, Err(Skip::Tunnel)),
    (41, Err(Skip::Tunnel)),
    (47, Err(Skip::Tunnel)),
    (50, Err(Skip::Encrypted)),
];

/// The row of a dispatch table, or `otherwise`.
#[inline(always)]
fn look_up<K: Copy + PartialEq>(table: &'static [(K, Next)], key: K, otherwise: Skip) -> Next {
    match table.iter().find(|row| row.0 == key) {
        Some(row) => row.1,
        None => Err(otherwise),
    }
}

/// The two addresses of an IP header, as they are on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses<'a> {
    /// IPv4 (RFC 791 section 3.1).
    V4 {
        /// Source address.
        source: &'a [u8; 4],
        /// Destination address.
        destination: &'a [u8; 4],
    },
    /// IPv6 (RFC 8200 section 3).
    V6 {
        /// Source address.
        source: &'a [u8; 16],
        /// Destination address.
        destination: &'a [u8; 16],
    },
}

/// A UDP datagram inside a packet: who, to whom, and the bytes that were captured of its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The addresses of the innermost IP header.
    pub addresses: Addresses<'a>,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// The captured payload; shorter than the datagram when the snaplen cut it.
    pub payload: &'a [u8],
    /// The payload's length in bytes as the headers state it.
    pub payload_length: usize,
}

/// A packet on the way inward: what is still to be read, and what the outer layers said.
struct Walk<'a> {
    /// From the next header to the end of what was captured, trimmed to the lengths the outer headers state.
    rest: &'a [u8],
    /// What IP says the bytes after its header are long; more than `rest` when the snaplen cut the packet.
    length: usize,
    addresses: Option<Addresses<'a>>,
}

/// Walks a captured packet of `linktype` down to its UDP datagram.
///
/// # Errors
/// A [`Skip`] names the layer that ended the walk: not IP, not UDP, damaged, or cut off.
///
/// ```
/// use dpp::packet::{self, Skip};
/// // An ARP request: not IP, so it is skipped by name.
/// let mut frame = [0u8; 42];
/// frame[12..14].copy_from_slice(&[0x08, 0x06]);
/// assert_eq!(packet::decode(1, &frame), Err(Skip::Arp));
/// ```
#[inline]
pub fn decode(linktype: u16, bytes: &[u8]) -> Result<Datagram<'_>, Skip> {
    let mut walk = Walk { rest: bytes, length: bytes.len(), addresses: None };
    let mut layer = look_up(LINKTYPES, linktype, Skip::Linktype)?;
    for _ in 0..limits::LAYERS_MAX {
        layer = match layer {
            Layer::Ethernet => ethernet::decode(&mut walk)?,
            Layer::Ipv4 => ipv4::decode(&mut walk)?,
            Layer::Ipv6 => ipv6::decode(&mut walk)?,
            Layer::Ipv6Extension => ipv6::extension(&mut walk, 8)?,
            Layer::Ipv6Authentication => ipv6::extension(&mut walk, 4)?,
            Layer::Udp => return udp::decode(&walk),
        };
    }
    Err(Skip::TooDeep)
}

/// The big-endian number at `at`, which the caller has checked to be there.
#[inline(always)]
fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
