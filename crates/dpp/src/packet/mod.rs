//! From link layer to transport: a packet's bytes become a borrowed [`Packet`] or a [`Skip`] with its reason.
//!
//! Each protocol has a file with its header drawn on top and a `decode` that looks at the bytes in hand and says which
//! layer comes next. The tables below say which number means which layer: **to add an encapsulation, write its file, add
//! a [`Layer`] and give it a row here**. Lengths are checked where bytes become a header; nothing is copied. A [`Walk`]
//! stops at UDP, TCP and fragments: what those mean depends on the ports the user asked for, and on other packets. The
//! caller may let it go on, into a tunnel over UDP or with a datagram put together from fragments.

mod ethernet;
mod fragment;
mod glance;
mod ipv4;
mod ipv6;
mod skip;
mod tcp;
mod udp;

pub use fragment::Fragment;
pub use glance::{Glance, glance};
pub use skip::{FIRST_MAX, SKIPS, Skip, Skips, Volume};
pub use tcp::Segment;
pub use udp::Datagram;

#[cfg(test)]
mod tests;

use crate::limits;

/// A header that knows how to read itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Ethernet II, or 802.3 with LLC.
    Ethernet,
    /// IPv4.
    Ipv4,
    /// An IPv4 packet that is a fragment.
    Ipv4Fragment,
    /// IPv6.
    Ipv6,
    /// An IPv6 extension header that only points on to the next one.
    Ipv6Extension,
    /// The IPv6 authentication header: as an extension, but measured in other units.
    Ipv6Authentication,
    /// The IPv6 fragment header.
    Ipv6Fragment,
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// What a number in a header leads to.
type Next = Result<Layer, Skip>;

/// Link types (the `network` field of pcap, `LinkType` of pcapng).
const LINKTYPES: &[(u16, Next)] = &[(1, Ok(Layer::Ethernet))];

/// Ethertypes.
const ETHERTYPES: &[(u16, Next)] =
    &[(0x0800, Ok(Layer::Ipv4)), (0x86DD, Ok(Layer::Ipv6)), (0x0806, Err(Skip::Arp))];

/// IP protocol numbers, which are also IPv6 next-header values.
const IP_PROTOCOLS: &[(u8, Next)] = &[
    (17, Ok(Layer::Udp)),
    (6, Ok(Layer::Tcp)),
    (0, Ok(Layer::Ipv6Extension)),
    (43, Ok(Layer::Ipv6Extension)),
    (60, Ok(Layer::Ipv6Extension)),
    (135, Ok(Layer::Ipv6Extension)),
    (139, Ok(Layer::Ipv6Extension)),
    (140, Ok(Layer::Ipv6Extension)),
    (51, Ok(Layer::Ipv6Authentication)),
    (44, Ok(Layer::Ipv6Fragment)),
    (1, Err(Skip::Icmp)),
    (58, Err(Skip::Icmp)),
    (50, Err(Skip::Encrypted)),
];

/// Destination ports of tunnels over UDP. Asked only about datagrams that are on no DNS port.
const UDP_TUNNELS: &[(u16, Next)] = &[];

/// The row of a dispatch table, or `otherwise`.
#[inline(always)]
fn look_up<K: Copy + PartialEq>(table: &'static [(K, Next)], key: K, otherwise: Skip) -> Next {
    match table.iter().find(|row| row.0 == key) {
        Some(row) => row.1,
        None => Err(otherwise),
    }
}

/// The two addresses of an IP header, as they are on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

impl<'a> Addresses<'a> {
    /// The same with source and destination exchanged.
    #[inline]
    pub fn reversed(self) -> Self {
        match self {
            Addresses::V4 { source, destination } => {
                Addresses::V4 { source: destination, destination: source }
            }
            Addresses::V6 { source, destination } => {
                Addresses::V6 { source: destination, destination: source }
            }
        }
    }
}

/// Who sends to whom: the addresses of the innermost IP header, and the ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow<'a> {
    /// The addresses of the innermost IP header.
    pub addresses: Addresses<'a>,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
}

impl Flow<'_> {
    /// The same with source and destination exchanged.
    #[inline]
    pub fn reversed(self) -> Self {
        Flow {
            addresses: self.addresses.reversed(),
            source_port: self.destination_port,
            destination_port: self.source_port,
        }
    }
}

/// What a walk comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A UDP datagram.
    Datagram(Datagram<'a>),
    /// A TCP segment.
    Segment(Segment<'a>),
    /// A fragment of an IP datagram.
    Fragment(Fragment<'a>),
}

/// The most VLAN tags that are remembered.
pub const VLANS_MAX: usize = 4;

/// What lay around the innermost IP header. Nothing of it takes part in matching.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outer {
    /// VLAN ids from outside in, of all Ethernet layers; the first `vlan_count` of them.
    pub vlans: [u16; VLANS_MAX],
    /// How many VLAN ids are known.
    pub vlan_count: u8,
    /// The innermost tunnel.
    pub tunnel: Option<Tunnel>,
    /// Its number: VNI, GRE key, TEID, session; 0 if it has none.
    pub tunnel_id: u32,
}

impl Outer {
    /// The VLAN ids that are known, from outside in.
    pub fn vlans(&self) -> &[u16] {
        &self.vlans[..usize::from(self.vlan_count)]
    }
}

/// A kind of tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Tunnel {
    /// GRE (RFC 2784, RFC 2890).
    Gre,
}

impl Tunnel {
    /// Its name.
    pub fn name(self) -> &'static str {
        "gre"
    }
}

/// A packet on the way inward: what is still to be read, and what the outer layers said.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    /// The layer that `rest` begins with.
    layer: Layer,
    /// From the next header to the end of what was captured, trimmed to the lengths the outer headers state.
    rest: &'a [u8],
    /// What IP says the bytes after its header are long; more than `rest` when the snaplen cut the packet.
    length: usize,
    addresses: Option<Addresses<'a>>,
    /// The outermost IP header's addresses.
    outermost: Option<Addresses<'a>>,
    /// The header that the addresses are from.
    ip_header: &'a [u8],
    outer: Outer,
    /// How many more layers may be entered.
    layers_left: usize,
}

/// One layer further.
enum Step<'a> {
    Into(Layer),
    Found(Packet<'a>),
}

impl<'a> Walk<'a> {
    /// Begins with the first byte of a captured packet of `linktype`.
    ///
    /// # Errors
    /// [`Skip::Linktype`] if it is none that is known.
    #[inline]
    pub fn new(linktype: u16, bytes: &'a [u8]) -> Result<Self, Skip> {
        Ok(Walk {
            layer: look_up(LINKTYPES, linktype, Skip::Linktype)?,
            rest: bytes,
            length: bytes.len(),
            addresses: None,
            outermost: None,
            ip_header: &[],
            outer: Outer::default(),
            layers_left: limits::LAYERS_MAX,
        })
    }

    /// Goes on with the payload of a datagram that was put together from fragments, of which `first` had offset 0.
    ///
    /// # Errors
    /// A [`Skip`] if nothing is known of what the datagram carries.
    pub fn resume(
        first: &Fragment<'a>,
        outermost: Addresses<'a>,
        payload: &'a [u8],
        length: usize,
    ) -> Result<Self, Skip> {
        let layer = match first.addresses {
            Addresses::V4 { .. } => ipv4::transport(first.protocol)?,
            Addresses::V6 { .. } => look_up(IP_PROTOCOLS, first.protocol, Skip::IpProtocol)?,
        };
        Ok(Walk {
            layer,
            rest: payload,
            length,
            addresses: Some(first.addresses),
            outermost: Some(outermost),
            ip_header: &[],
            outer: first.outer,
            layers_left: first.layers_left,
        })
    }

    /// Walks on to the next datagram, segment or fragment.
    ///
    /// # Errors
    /// A [`Skip`] names the layer that ended the walk: not IP, a transport that is not known, damaged, or cut off.
    #[inline(always)]
    pub fn packet(&mut self) -> Result<Packet<'a>, Skip> {
        while self.layers_left > 0 {
            match self.step()? {
                Step::Into(layer) => self.layer = layer,
                Step::Found(packet) => return Ok(packet),
            }
            self.layers_left -= 1;
        }
        Err(Skip::TooDeep)
    }

    #[inline(always)]
    fn step(&mut self) -> Result<Step<'a>, Skip> {
        let layer = match self.layer {
            Layer::Ethernet => ethernet::decode(self)?,
            Layer::Ipv4 => ipv4::decode(self)?,
            Layer::Ipv6 => ipv6::decode(self)?,
            Layer::Ipv6Extension => ipv6::extension(self, 8)?,
            Layer::Ipv6Authentication => ipv6::extension(self, 4)?,
            Layer::Ipv4Fragment => return ipv4::fragment(self),
            Layer::Ipv6Fragment => return ipv6::fragment(self),
            Layer::Udp => return udp::decode(self).map(|datagram| Step::Found(Packet::Datagram(datagram))),
            Layer::Tcp => return tcp::decode(self).map(|segment| Step::Found(Packet::Segment(segment))),
        };
        Ok(Step::Into(layer))
    }

    /// Enters the tunnel that `datagram`, to which the walk came last, is a packet of.
    ///
    /// # Errors
    /// [`Skip::Port`] if its port is that of no tunnel.
    #[cold]
    pub fn enter(&mut self, datagram: &Datagram<'a>) -> Result<(), Skip> {
        self.layer = look_up(UDP_TUNNELS, datagram.flow.destination_port, Skip::Port)?;
        (self.rest, self.length) = (datagram.payload, datagram.payload_length);
        Ok(())
    }

    /// What lies around what the walk came to.
    #[inline]
    pub fn outer(&self) -> &Outer {
        &self.outer
    }

    /// The addresses of the outermost IP header; `None` if there was none yet.
    pub fn outermost(&self) -> Option<Addresses<'a>> {
        self.outermost
    }

    /// The identification field of the innermost IP header if it is IPv4, which tells a packet captured twice from one
    /// sent twice; 0 otherwise.
    pub fn identification(&self) -> u16 {
        match (self.addresses, self.ip_header.get(4..6)) {
            (Some(Addresses::V4 { .. }), Some(bytes)) => be16(bytes, 0),
            _ => 0,
        }
    }

    /// Notes the addresses of an IP header.
    #[inline(always)]
    fn at_ip(&mut self, addresses: Addresses<'a>, header: &'a [u8]) {
        (self.addresses, self.ip_header) = (Some(addresses), header);
        if self.outermost.is_none() {
            self.outermost = Some(addresses);
        }
    }
}

/// Walks a captured packet of `linktype` down to its datagram, segment or fragment.
///
/// # Errors
/// A [`Skip`] names the layer that ended the walk.
///
/// ```
/// use dpp::packet::{self, Skip};
/// // An ARP request: not IP, so it is skipped by name.
/// let mut frame = [0u8; 42];
/// frame[12..14].copy_from_slice(&[0x08, 0x06]);
/// assert_eq!(packet::decode(1, &frame), Err(Skip::Arp));
/// ```
pub fn decode(linktype: u16, bytes: &[u8]) -> Result<Packet<'_>, Skip> {
    Walk::new(linktype, bytes)?.packet()
}

/// The big-endian number at `at`, which the caller has checked to be there.
#[inline(always)]
fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The same with 32 bits.
#[inline(always)]
fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
