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
mod origin;
mod outer;
mod ppp;
mod seen;
mod skip;
mod tcp;
mod teredo;
mod udp;
mod vxlan;
mod walk;
mod wlan;
mod wrapped;

pub use fragment::Fragment;
pub use glance::{Glance, glance, inside};
pub use origin::Origin;
pub use outer::{Outer, TUNNELS, Tunnel, VLANS_MAX};
pub use seen::{LayerSeen, layers};
pub use skip::{FIRST_MAX, SKIPS, Skip, Skipped, Skips, Volume};
pub use tcp::Segment;
pub use udp::Datagram;
use walk::Step;
pub use walk::Walk;

#[cfg(test)]
mod tests;

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

/// Link types (the `network` field of pcap, `LinkType` of pcapng). In each table the first four rows are the common ones.
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
        [_, _, _, fourth, ..] if fourth.0 == key => fourth.1,
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
