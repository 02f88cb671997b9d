//! From link layer to transport: a packet's bytes become a borrowed [`Packet`] or a [`Skip`] with its reason.
//!
//! Each protocol has a file with its header drawn on top and a `decode` that looks at the bytes in hand and says which
//! layer comes next; small ones of a family share a file. The tables below say which number means which layer: **to add
//! an encapsulation, write its file, add a [`Layer`] and give it a row here**. Lengths are checked where bytes become a
//! header; nothing is copied. A [`Walk`] stops at UDP, TCP and fragments: what those mean depends on the ports the user
//! asked for, and on other packets. The caller may let it go on, into a tunnel over UDP or with a datagram put together
//! from fragments. [`layers`] tells of each step, for people.

mod capwap;
mod cooked;
mod erspan;
mod ethernet;
mod family;
mod fragment;
mod frame_relay;
mod glance;
mod gre;
mod gtp;
mod guess;
mod ip_in_ip;
mod ipv4;
mod ipv6;
mod l2tp;
mod lisp;
mod llc;
mod mpls;
mod nflog;
mod outer;
mod ppp;
mod seen;
mod skip;
mod tcp;
mod teredo;
mod udp;
mod vxlan;
mod wlan;
mod wrapped;

pub use fragment::Fragment;
pub use glance::{Glance, glance};
pub use outer::{Outer, TUNNELS, Tunnel, VLANS_MAX};
pub use seen::{LayerSeen, layers};
pub use skip::{FIRST_MAX, SKIPS, Skip, Skipped, Skips, Volume};
pub use tcp::Segment;
pub use udp::Datagram;

#[cfg(test)]
mod tests;

use crate::limits;

macro_rules! layers {
    (
        common { $($common:ident, $common_name:literal;)* }
        rare { $($rare:ident, $rare_name:literal, $decode:path;)* }
    ) => {
        /// A header that knows how to read itself. The common ones are decoded in [`Walk::packet`] itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Layer {
            $(#[doc = $common_name] $common,)*
            $(#[doc = $rare_name] $rare,)*
        }

        impl Layer {
            /// What people call it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Layer::$common => $common_name,)*
                    $(Layer::$rare => $rare_name,)*
                }
            }
        }

        #[inline(never)]
        fn decode_rare(walk: &mut Walk) -> Next {
            match walk.layer {
                $(Layer::$common => unreachable!("a common layer is not decoded as a rare one"),)*
                $(Layer::$rare => $decode(walk),)*
            }
        }
    };
}

layers! {
    common {
        Ethernet, "Ethernet";
        Ipv4, "IPv4";
        Ipv6, "IPv6";
        Udp, "UDP";
        Tcp, "TCP";
        Ipv4Fragment, "IPv4 fragment";
        Ipv6Fragment, "IPv6 fragment header";
        UdpLite, "UDP-Lite";
    }
    rare {
        Ipv6Extension, "IPv6 extension header", ipv6::extension;
        Ipv6Authentication, "authentication header", ipv6::authentication;
        Vlan, "VLAN tag", ethernet::vlan;
        ProviderBackbone, "802.1ah tag", ethernet::provider_backbone;
        VnTag, "VN-tag", ethernet::vn_tag;
        ETag, "E-tag", ethernet::six_byte_tag;
        CiscoMetadata, "Cisco metadata", ethernet::six_byte_tag;
        EthertypeDsa, "ethertype DSA tag", ethernet::six_byte_tag;
        Llc, "LLC", llc::decode;
        Snap, "SNAP", llc::snap;
        TokenRing, "token ring", llc::token_ring;
        Fddi, "FDDI", llc::fddi;
        LinuxCooked, "Linux cooked", cooked::linux;
        LinuxCooked2, "Linux cooked, version 2", cooked::linux_2;
        Infiniband, "IP over InfiniBand", cooked::infiniband;
        RawIp, "raw IP", family::raw;
        Loopback, "loopback", family::loopback;
        Enc, "ENC", family::enc;
        Pflog, "PFLOG", family::pflog;
        Ipnet, "IPNET", family::ipnet;
        Nflog, "NFLOG", nflog::decode;
        Ppi, "PPI", wrapped::ppi;
        Pktap, "PKTAP", wrapped::pktap;
        Ppp, "PPP", ppp::decode;
        PppWithDirection, "PPP with direction", ppp::with_direction;
        Hdlc, "HDLC", ppp::hdlc;
        Pppoe, "PPPoE", ppp::over_ethernet;
        FrameRelay, "frame relay", frame_relay::decode;
        Wlan, "802.11", wlan::decode;
        WlanSwapped, "802.11 in CAPWAP", wlan::swapped;
        WlanAggregate, "A-MSDU", wlan::aggregate;
        Radiotap, "radiotap", wlan::radiotap;
        Prism, "Prism", wlan::prism;
        Avs, "AVS", wlan::avs;
        Mpls, "MPLS", mpls::decode;
        MplsInUdp, "MPLS in UDP", mpls::in_udp;
        Ipv4InIp, "IPv4 in IP", ip_in_ip::inner_ipv4;
        Ipv6InIp, "IPv6 in IP", ip_in_ip::inner_ipv6;
        EtherIp, "EtherIP", ip_in_ip::ether_ip;
        Gre, "GRE", gre::decode;
        GreInUdp, "GRE in UDP", gre::in_udp;
        Wccp, "WCCP", gre::wccp;
        Erspan, "ERSPAN", erspan::decode;
        Vxlan, "VXLAN", vxlan::decode;
        VxlanGpe, "VXLAN-GPE", vxlan::extended;
        Geneve, "Geneve", vxlan::geneve;
        Nsh, "NSH", vxlan::nsh;
        Gtp, "GTP-U", gtp::decode;
        L2tpInUdp, "L2TP", l2tp::in_udp;
        L2tpInIp, "L2TPv3 in IP", l2tp::session;
        Teredo, "Teredo", teredo::decode;
        Ayiya, "AYIYA", teredo::ayiya;
        Capwap, "CAPWAP", capwap::decode;
        Lisp, "LISP", lisp::decode;
    }
}

/// What a number in a header leads to.
type Next = Result<Layer, Skip>;

/// Link types (the `network` field of pcap, `LinkType` of pcapng). In each table the first three rows are the common ones.
const LINKTYPES: &[(u16, Next)] = &[
    (1, Ok(Layer::Ethernet)),
    (113, Ok(Layer::LinuxCooked)),
    (276, Ok(Layer::LinuxCooked2)),
    (101, Ok(Layer::RawIp)),
    (12, Ok(Layer::RawIp)),
    (14, Ok(Layer::RawIp)),
    (228, Ok(Layer::Ipv4)),
    (229, Ok(Layer::Ipv6)),
    (0, Ok(Layer::Loopback)),
    (108, Ok(Layer::Loopback)),
    (9, Ok(Layer::Ppp)),
    (50, Ok(Layer::Hdlc)),
    (104, Ok(Layer::Hdlc)),
    (51, Ok(Layer::Pppoe)),
    (166, Ok(Layer::PppWithDirection)),
    (204, Ok(Layer::PppWithDirection)),
    (107, Ok(Layer::FrameRelay)),
    (105, Ok(Layer::Wlan)),
    (127, Ok(Layer::Radiotap)),
    (119, Ok(Layer::Prism)),
    (163, Ok(Layer::Avs)),
    (192, Ok(Layer::Ppi)),
    (258, Ok(Layer::Pktap)),
    (239, Ok(Layer::Nflog)),
    (109, Ok(Layer::Enc)),
    (117, Ok(Layer::Pflog)),
    (226, Ok(Layer::Ipnet)),
    (242, Ok(Layer::Infiniband)),
    (6, Ok(Layer::TokenRing)),
    (10, Ok(Layer::Fddi)),
];

/// Ethertypes.
const ETHERTYPES: &[(u16, Next)] = &[
    (0x0800, Ok(Layer::Ipv4)),
    (0x86DD, Ok(Layer::Ipv6)),
    (0x8100, Ok(Layer::Vlan)),
    (0x8847, Ok(Layer::Mpls)),
    (0x8848, Ok(Layer::Mpls)),
    (0x88A8, Ok(Layer::Vlan)),
    (0x9100, Ok(Layer::Vlan)),
    (0x9200, Ok(Layer::Vlan)),
    (0x9300, Ok(Layer::Vlan)),
    (0x0806, Err(Skip::Arp)),
    (0x8863, Err(Skip::LinkControl)),
    (0x8864, Ok(Layer::Pppoe)),
    (0x6558, Ok(Layer::Ethernet)),
    (0x88E7, Ok(Layer::ProviderBackbone)),
    (0x8926, Ok(Layer::VnTag)),
    (0x893F, Ok(Layer::ETag)),
    (0x8909, Ok(Layer::CiscoMetadata)),
    (0xDADA, Ok(Layer::EthertypeDsa)),
    (0x894F, Ok(Layer::Nsh)),
    (0x8870, Ok(Layer::Llc)),
    (0x88E5, Err(Skip::Encrypted)),
];

/// PPP protocols below those that negotiate.
const PPP_PROTOCOLS: &[(u16, Next)] = &[
    (0x0021, Ok(Layer::Ipv4)),
    (0x0057, Ok(Layer::Ipv6)),
    (0x0281, Ok(Layer::Mpls)),
    (0x0283, Ok(Layer::Mpls)),
    (0x003D, Err(Skip::LinkFragment)),
    (0x0053, Err(Skip::Encrypted)),
    (0x00FD, Err(Skip::Encrypted)),
];

/// Protocols of GRE that are no ethertypes.
const GRE_PROTOCOLS: &[(u16, Next)] = &[
    (0x88BE, Ok(Layer::Erspan)),
    (0x22EB, Ok(Layer::Erspan)),
    (0x880B, Ok(Layer::Ppp)),
    (0x883E, Ok(Layer::Wccp)),
];

/// Protocols of VXLAN-GPE and NSH.
const NSH_PROTOCOLS: &[(u8, Next)] = &[
    (1, Ok(Layer::Ipv4)),
    (2, Ok(Layer::Ipv6)),
    (3, Ok(Layer::Ethernet)),
    (4, Ok(Layer::Nsh)),
    (5, Ok(Layer::Mpls)),
];

/// IP protocol numbers, which are also IPv6 next-header values.
const IP_PROTOCOLS: &[(u8, Next)] = &[
    (17, Ok(Layer::Udp)),
    (6, Ok(Layer::Tcp)),
    (47, Ok(Layer::Gre)),
    (1, Err(Skip::Icmp)),
    (58, Err(Skip::Icmp)),
    (0, Ok(Layer::Ipv6Extension)),
    (43, Ok(Layer::Ipv6Extension)),
    (60, Ok(Layer::Ipv6Extension)),
    (135, Ok(Layer::Ipv6Extension)),
    (139, Ok(Layer::Ipv6Extension)),
    (140, Ok(Layer::Ipv6Extension)),
    (51, Ok(Layer::Ipv6Authentication)),
    (44, Ok(Layer::Ipv6Fragment)),
    (50, Err(Skip::Encrypted)),
    (4, Ok(Layer::Ipv4InIp)),
    (41, Ok(Layer::Ipv6InIp)),
    (97, Ok(Layer::EtherIp)),
    (115, Ok(Layer::L2tpInIp)),
    (136, Ok(Layer::UdpLite)),
    (137, Ok(Layer::Mpls)),
];

/// Where a tunnel's port stands. Some answer from it. Others choose the source port at random, so that what comes from
/// the port is a tunnel's only if it leads to a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Destination,
    Either,
}

/// Ports of tunnels over UDP. Asked only about datagrams that are on no DNS port. What comes to such a port and has no
/// bit of the tunnel is [`Skip::Port`], as if the port were none.
const UDP_TUNNELS: &[(u16, Side, Layer)] = &[
    (4789, Side::Destination, Layer::Vxlan),
    (8472, Side::Destination, Layer::Vxlan),
    (4790, Side::Destination, Layer::VxlanGpe),
    (6081, Side::Destination, Layer::Geneve),
    (2152, Side::Either, Layer::Gtp),
    (1701, Side::Either, Layer::L2tpInUdp),
    (3544, Side::Either, Layer::Teredo),
    (4341, Side::Destination, Layer::Lisp),
    (4754, Side::Destination, Layer::GreInUdp),
    (6635, Side::Destination, Layer::MplsInUdp),
    (5072, Side::Either, Layer::Ayiya),
    (5247, Side::Either, Layer::Capwap),
];

/// The row of a dispatch table, or `otherwise`. The first rows become comparisons where this is called, which lets the
/// compiler go straight to the next layer; the rest is searched.
#[inline(always)]
fn look_up<K: Copy + PartialEq>(table: &'static [(K, Next)], key: K, otherwise: Skip) -> Next {
    match table {
        [first, ..] if first.0 == key => first.1,
        [_, second, ..] if second.0 == key => second.1,
        [_, _, third, ..] if third.0 == key => third.1,
        _ => search(table, key, otherwise),
    }
}

#[cold]
#[inline(never)]
fn search<K: Copy + PartialEq>(table: &'static [(K, Next)], key: K, otherwise: Skip) -> Next {
    table.iter().find(|row| row.0 == key).map_or(Err(otherwise), |row| row.1)
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

/// A packet on the way inward: what is still to be read, and what the outer layers said.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    /// The layer that `rest` begins with.
    layer: Layer,
    /// From the next header to the end of what was captured, trimmed to the lengths the outer headers state.
    rest: &'a [u8],
    /// How long `rest` would be if nothing had been cut off: never less. Outside of IP, as long as it is.
    length: usize,
    addresses: Option<Addresses<'a>>,
    /// The outermost IP header's addresses, if `addresses` are not they.
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
            length: length.max(payload.len()),
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

    /// Walks the way of nearly every packet: Ethernet, IP, UDP or TCP. For others it gives `None`, and [`Walk::packet`] goes
    /// on from there. To be called first: a packet is never too deep for so few layers.
    ///
    /// # Errors
    /// As for [`Walk::packet`].
    #[inline(always)]
    pub fn plain(&mut self) -> Result<Option<Packet<'a>>, Skip> {
        if self.layer == Layer::Ethernet {
            self.layer = ethernet::decode(self)?;
            self.layers_left -= 1;
        }
        self.layer = match self.layer {
            Layer::Ipv4 => ipv4::decode(self)?,
            Layer::Ipv6 => ipv6::decode(self)?,
            _ => return Ok(None),
        };
        self.layers_left -= 1;
        Ok(match self.layer {
            Layer::Udp => Some(Packet::Datagram(udp::decode(self)?)),
            Layer::Tcp => Some(Packet::Segment(tcp::decode(self)?)),
            _ => None,
        })
    }

    /// Reads one layer.
    #[inline(always)]
    fn step(&mut self) -> Result<Step<'a>, Skip> {
        let layer = match self.layer {
            Layer::Ethernet => ethernet::decode(self)?,
            Layer::Ipv4 => ipv4::decode(self)?,
            Layer::Ipv6 => ipv6::decode(self)?,
            Layer::Udp => return udp::decode(self).map(|datagram| Step::Found(Packet::Datagram(datagram))),
            Layer::Tcp => return tcp::decode(self).map(|segment| Step::Found(Packet::Segment(segment))),
            Layer::Ipv4Fragment => return ipv4::fragment(self),
            Layer::Ipv6Fragment => return ipv6::fragment(self),
            Layer::UdpLite => return udp::lite(self).map(|datagram| Step::Found(Packet::Datagram(datagram))),
            _ => decode_rare(self)?,
        };
        Ok(Step::Into(layer))
    }

    /// Enters the tunnel that `datagram`, to which the walk came last, is a packet of.
    ///
    /// # Errors
    /// [`Skip::Port`] if its ports are those of no tunnel.
    #[cold]
    pub fn enter(&mut self, datagram: &Datagram<'a>) -> Result<(), Skip> {
        let row = |port: u16| UDP_TUNNELS.iter().find(|row| row.0 == port);
        let to = row(datagram.flow.destination_port);
        let &(_, side, layer) = to.or_else(|| row(datagram.flow.source_port)).ok_or(Skip::Port)?;
        let inside = Walk {
            layer,
            rest: datagram.payload,
            length: datagram.payload_length,
            layers_left: self.layers_left.saturating_sub(1),
            ..self.clone()
        };
        if to.is_none() && side == Side::Destination {
            inside.clone().packet().map_err(|_| Skip::Port)?;
        }
        *self = inside;
        Ok(())
    }

    /// Steps over a link-layer header of `length` bytes.
    #[inline(always)]
    fn link_header(&mut self, length: usize) -> Result<&'a [u8], Skip> {
        let Some((header, rest)) = self.rest.split_at_checked(length) else { return Err(Skip::LinkCut) };
        self.rest = rest;
        self.length -= length;
        Ok(header)
    }

    /// Steps over a tunnel's header of `length` bytes.
    fn tunnel_header(&mut self, length: usize) -> Result<&'a [u8], Skip> {
        let Some((header, rest)) = self.rest.split_at_checked(length) else {
            return Err(self.too_short(length));
        };
        self.rest = rest;
        self.length -= length;
        Ok(header)
    }

    /// Looks at the first bytes of a tunnel's header.
    fn tunnel_peek<const LENGTH: usize>(&self) -> Result<&'a [u8; LENGTH], Skip> {
        self.rest.first_chunk().ok_or_else(|| self.too_short(LENGTH))
    }

    /// Why there are no `length` bytes: they were cut off, or the headers outside say that there never were.
    #[cold]
    fn too_short(&self, length: usize) -> Skip {
        if self.is_length_known() && length > self.length { Skip::TunnelMalformed } else { Skip::TunnelCut }
    }

    /// Ends the packet `length` bytes from here, as the header just read says.
    fn trim(&mut self, length: usize) -> Result<(), Skip> {
        if self.is_length_known() && length > self.length {
            return Err(Skip::TunnelMalformed);
        }
        self.length = length;
        self.rest = &self.rest[..length.min(self.rest.len())];
        Ok(())
    }

    /// Whether a header has told how long the packet is: IP does, a link layer seldom.
    fn is_length_known(&self) -> bool {
        self.addresses.is_some()
    }

    /// What lies around what the walk came to.
    #[inline]
    pub fn outer(&self) -> &Outer {
        &self.outer
    }

    /// The addresses of the outermost IP header; `None` if there was none yet.
    pub fn outermost(&self) -> Option<Addresses<'a>> {
        self.outermost.or(self.addresses)
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
        if self.outermost.is_none() {
            self.outermost = self.addresses;
        }
        (self.addresses, self.ip_header) = (Some(addresses), header);
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
