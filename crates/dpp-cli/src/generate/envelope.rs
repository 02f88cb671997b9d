//! What lies around the IP packets of a capture: the link layer and the encapsulations of the profile.
//!
//! The surprising fact: nothing is composed while a capture is written. All headers outside of the innermost
//! IP packet are the same for every packet of a family and a direction, but for lengths and IPv4 checksums;
//! so they are laid out once, copied before each packet, and those few words put right. Called by `frame`;
//! `profile` asks whether the layers can lie in their order.
//!
//! ```text
//!   link layer | layer | layer with an IP header of its own | Ethernet, where a layer carries that | IP packet
//! ```

use serde::Deserialize;

use super::frame::{CLIENT_SIDE, RESOLVER_SIDE, folded, sum};
use super::transaction::Side;

/// The link types a capture can have, with their numbers (tcpdump.org, link-layer header types).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LinkType {
    Null = 0,
    Ethernet = 1,
    Ppp = 9,
    Raw = 101,
    #[serde(rename = "ieee802_11")]
    Wireless = 105,
    Loop = 108,
    LinuxSll = 113,
    Radiotap = 127,
    Ipv4 = 228,
    Ipv6 = 229,
    Nflog = 239,
    LinuxSll2 = 276,
}

/// Which direction has the VLAN tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VlanOn {
    Both,
    Queries,
    Responses,
}

impl VlanOn {
    fn has(self, side: Side) -> bool {
        match self {
            VlanOn::Both => true,
            VlanOn::Queries => side == Side::Client,
            VlanOn::Responses => side == Side::Resolver,
        }
    }
}

/// One encapsulation as the profile names it: `name` or `name:number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Layer {
    kind: &'static Kind,
    /// VLAN id, label, VNI, session: whatever tells tunnels of a kind apart.
    number: u32,
}

/// A kind of encapsulation.
#[derive(Debug, PartialEq, Eq)]
struct Kind {
    name: &'static str,
    /// The number when the profile gives none, and the largest there is.
    number: u32,
    number_max: u32,
    build: Build,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Build {
    Vlan(u16),
    Mpls,
    MplsPseudowire,
    /// Without control word.
    MplsPlainPseudowire,
    Pppoe,
    Gre(GreKey),
    GreEthernet,
    Erspan(u8),
    Vxlan,
    VxlanGpe,
    Geneve,
    /// What is inside, if only one family will do, and the family outside.
    IpInIp(Option<Family>, Family),
    Teredo,
    Gtpu,
    L2tpv2,
    L2tpv3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GreKey {
    Absent,
    Present,
}

/// The family of an IP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

const fn kind(name: &'static str, number: u32, number_max: u32, build: Build) -> Kind {
    Kind { name, number, number_max, build }
}

const BITS_24: u32 = 0xff_ffff;

/// All encapsulations; docs/generate.md has a line for each.
const KINDS: &[Kind] = &[
    kind("vlan", 1, 4094, Build::Vlan(0x8100)),
    kind("qinq", 1, 4094, Build::Vlan(0x88a8)),
    kind("mpls", 16, 0xf_ffff, Build::Mpls),
    kind("mpls_pw", 17, 0xf_ffff, Build::MplsPseudowire),
    kind("mpls_pw_plain", 18, 0xf_ffff, Build::MplsPlainPseudowire),
    kind("pppoe", 1, 0xffff, Build::Pppoe),
    kind("gre", 0, 0, Build::Gre(GreKey::Absent)),
    kind("gre_key", 1, u32::MAX, Build::Gre(GreKey::Present)),
    kind("gretap", 0, 0, Build::GreEthernet),
    kind("erspan1", 0, 0, Build::Erspan(1)),
    kind("erspan2", 1, 0x3ff, Build::Erspan(2)),
    kind("erspan3", 1, 0x3ff, Build::Erspan(3)),
    kind("vxlan", 1, BITS_24, Build::Vxlan),
    kind("vxlan_gpe", 1, BITS_24, Build::VxlanGpe),
    kind("geneve", 1, BITS_24, Build::Geneve),
    kind("ipip", 0, 0, Build::IpInIp(None, Family::V4)),
    kind("6in4", 0, 0, Build::IpInIp(Some(Family::V6), Family::V4)),
    kind("4in6", 0, 0, Build::IpInIp(Some(Family::V4), Family::V6)),
    kind("6in6", 0, 0, Build::IpInIp(Some(Family::V6), Family::V6)),
    kind("teredo", 0, 0, Build::Teredo),
    kind("gtpu", 1, u32::MAX, Build::Gtpu),
    kind("l2tpv2", 1, 0xffff, Build::L2tpv2),
    kind("l2tpv3", 1, u32::MAX, Build::L2tpv3),
];

/// The most layers a profile can have: more than any network has, and few enough for the lengths of IP.
const LAYERS_MAX: usize = 32;

impl TryFrom<String> for Layer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (text.as_str(), None),
        };
        let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
            let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            return Err(format!("no encapsulation '{name}'; there are {}", known.join(", ")));
        };
        let number = match number {
            None => kind.number,
            Some(_) if kind.number_max == 0 => return Err(format!("{name} has no number")),
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|number| (1..=kind.number_max).contains(number))
                .ok_or_else(|| format!("{name}:{digits}: allowed is 1 to {}", kind.number_max))?,
        };
        Ok(Layer { kind, number })
    }
}

/// How the packets of a capture are wrapped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrapping<'a> {
    pub(super) link_type: LinkType,
    pub(super) layers: &'a [Layer],
    pub(super) vlan_on: VlanOn,
}

/// The headers before an IP packet, and what to put right in them.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    headers: Vec<u8>,
    fixes: Vec<Fix>,
    /// Frames are filled up to a multiple of this many bytes.
    align: usize,
}

/// Positions are bytes from the start of the frame.
#[derive(Debug, Clone, Copy)]
enum Fix {
    /// The bytes from `from` to the end of the frame, in network order.
    Length { at: usize, from: usize },
    /// The same in the order of the file.
    LengthOfFile { at: usize, from: usize },
    /// The checksum of an IPv4 header.
    Ipv4Checksum { header_at: usize },
}

impl Envelope {
    /// The envelope for packets of a family from a side. An error says which layer cannot carry what.
    pub(super) fn new(wrapping: Wrapping<'_>, family: Family, side: Side) -> Result<Self, String> {
        if wrapping.layers.len() > LAYERS_MAX {
            return Err(format!("{} layers; allowed are {LAYERS_MAX}", wrapping.layers.len()));
        }
        let mut stack = Stack { headers: Vec::new(), ethertype: ethertype(family), side, outer_ips: 0 };
        for layer in wrapping.layers.iter().rev() {
            if !matches!(layer.kind.build, Build::Vlan(_)) || wrapping.vlan_on.has(side) {
                stack.add(*layer)?;
            }
        }
        stack.add_link(wrapping.link_type)?;
        let align = if wrapping.link_type == LinkType::Nflog { 4 } else { 1 };
        Ok(Envelope { align, ..stack.envelope() })
    }

    /// The headers, before anything is put right.
    pub(super) fn headers(&self) -> &[u8] {
        &self.headers
    }

    /// Puts right what depends on the packet; `frame_at` is where the frame begins, and it ends the buffer.
    pub(super) fn complete(&self, buffer: &mut Vec<u8>, frame_at: usize) {
        let frame = &mut buffer[frame_at..];
        let bytes = frame.len();
        for &fix in &self.fixes {
            match fix {
                Fix::Length { at, from } => {
                    frame[at..at + 2].copy_from_slice(&((bytes - from) as u16).to_be_bytes());
                }
                Fix::LengthOfFile { at, from } => {
                    frame[at..at + 2].copy_from_slice(&((bytes - from) as u16).to_le_bytes());
                }
                Fix::Ipv4Checksum { header_at } => {
                    let checksum = !folded(sum(&frame[header_at..header_at + 20]));
                    frame[header_at + 10..header_at + 12].copy_from_slice(&checksum.to_be_bytes());
                }
            }
        }
        let padded = bytes.next_multiple_of(self.align);
        buffer.resize(frame_at + padded, 0);
    }
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const MPLS: u16 = 0x8847;
const PPPOE: u16 = 0x8864;
const ETHERNET_BRIDGING: u16 = 0x6558;

fn ethertype(family: Family) -> u16 {
    match family {
        Family::V4 => IPV4,
        Family::V6 => IPV6,
    }
}

/// Headers from the inside out.
struct Stack {
    /// Each with what is to be put right in it; positions from its own start.
    headers: Vec<(Vec<u8>, Vec<Fix>)>,
    /// What the outermost header is, so far.
    ethertype: u16,
    side: Side,
    outer_ips: u8,
}

impl Stack {
    fn add(&mut self, layer: Layer) -> Result<(), String> {
        let Layer { kind, number } = layer;
        let [_, vni_1, vni_2, vni_3] = number.to_be_bytes();
        let refuse = |carried: &str| Err(format!("{} cannot carry {carried}", kind.name));
        match kind.build {
            Build::Vlan(tag) => {
                self.put(&words([number as u16, self.ethertype]), &[]);
                self.ethertype = tag;
            }
            Build::Mpls => match self.ethertype {
                IPV4 | IPV6 | MPLS => self.put_label(number),
                other => return refuse(name_of(other)),
            },
            Build::MplsPseudowire => {
                self.put_ethernet();
                // The control word (RFC 4448, section 4.6).
                self.put(&[0; 4], &[]);
                self.ethertype = 0;
                self.put_label(number);
            }
            Build::MplsPlainPseudowire => {
                // What begins with 0, 4 or 6 would be taken for a control word or IP (RFC 4928, section 2).
                self.put_ethernet_between([[0xac, 0xde, 0x48, 0, 0, 0x01], [0xac, 0xde, 0x48, 0, 0, 0x53]]);
                self.ethertype = 0;
                self.put_label(number);
            }
            Build::Pppoe => {
                let Some(protocol) = ppp_protocol(self.ethertype) else {
                    return refuse(name_of(self.ethertype));
                };
                let header = words([0x1100, number as u16, 0, protocol]);
                self.put(&header, &[Fix::Length { at: 4, from: 6 }]);
                self.ethertype = PPPOE;
            }
            Build::Gre(key) => {
                if !matches!(self.ethertype, IPV4 | IPV6 | MPLS) {
                    self.put_ethernet();
                    self.ethertype = ETHERNET_BRIDGING;
                }
                let mut header = words([if key == GreKey::Present { 0x2000 } else { 0 }, self.ethertype]);
                if key == GreKey::Present {
                    header.extend(number.to_be_bytes());
                }
                self.put_in_ip(&header, PROTOCOL_GRE, Family::V4);
            }
            Build::GreEthernet => {
                self.put_ethernet();
                self.put_in_ip(&words([0, ETHERNET_BRIDGING]), PROTOCOL_GRE, Family::V4);
            }
            Build::Erspan(version) => {
                self.put_ethernet();
                let session = number as u16;
                let header = match version {
                    1 => words([0, 0x88be]),
                    // GRE with a sequence number; version 1, VLAN 0; session; index.
                    2 => words([0x1000, 0x88be, 0, 1, 0x1000, session, 0, 1]),
                    // The same with version 2; timestamp; security group tag, flags.
                    _ => words([0x1000, 0x22eb, 0, 1, 0x2000, session, 0, 1, 0, 0]),
                };
                self.put_in_ip(&header, PROTOCOL_GRE, Family::V4);
            }
            Build::Vxlan => {
                self.put_ethernet();
                self.put(&[8, 0, 0, 0, vni_1, vni_2, vni_3, 0], &[]);
                self.put_udp([ANY_PORT, 4789]);
            }
            Build::VxlanGpe => {
                let next = match self.ethertype {
                    IPV4 => 1,
                    IPV6 => 2,
                    MPLS => 5,
                    _ => {
                        self.put_ethernet();
                        3
                    }
                };
                self.put(&[0x0c, 0, 0, next, vni_1, vni_2, vni_3, 0], &[]);
                self.put_udp([ANY_PORT, 4790]);
            }
            Build::Geneve => {
                self.put_ethernet();
                // One option of four bytes, of a class for experiments.
                let option = [0xff, 0xff, 0x01, 0x01, 1, 2, 3, 4];
                self.put(&[&[2, 0, 0x65, 0x58, vni_1, vni_2, vni_3, 0], &option[..]].concat(), &[]);
                self.put_udp([ANY_PORT, 6081]);
            }
            Build::IpInIp(inside, outside) => {
                let (family, protocol) = match self.ethertype {
                    IPV4 => (Family::V4, 4),
                    IPV6 => (Family::V6, 41),
                    other => return refuse(name_of(other)),
                };
                if inside.is_some_and(|inside| inside != family) {
                    return refuse(name_of(self.ethertype));
                }
                self.put_ip(protocol, outside);
            }
            Build::Teredo => match self.ethertype {
                IPV6 => self.put_udp([ANY_PORT, 3544]),
                other => return refuse(name_of(other)),
            },
            Build::Gtpu => {
                if !matches!(self.ethertype, IPV4 | IPV6) {
                    return refuse(name_of(self.ethertype));
                }
                let header = [&[0x30, 255, 0, 0], &number.to_be_bytes()[..]].concat();
                self.put(&header, &[Fix::Length { at: 2, from: 8 }]);
                self.put_udp([2152, 2152]);
            }
            Build::L2tpv2 => {
                let Some(protocol) = ppp_protocol(self.ethertype) else {
                    return refuse(name_of(self.ethertype));
                };
                // Version 2 with a length; tunnel, session; PPP with address and control.
                let header = words([0x4002, 0, 1, number as u16, 0xff03, protocol]);
                self.put(&header, &[Fix::Length { at: 2, from: 0 }]);
                self.put_udp([1701, 1701]);
            }
            Build::L2tpv3 => {
                self.put_ethernet();
                self.put_in_ip(&number.to_be_bytes(), PROTOCOL_L2TP, Family::V4);
            }
        }
        Ok(())
    }

    fn add_link(&mut self, link_type: LinkType) -> Result<(), String> {
        let ip = matches!(self.ethertype, IPV4 | IPV6);
        let wrong = Err(format!("the link type {link_type:?} cannot carry {}", name_of(self.ethertype)));
        let from_resolver = self.side == Side::Resolver;
        let address = if from_resolver { RESOLVER_SIDE } else { CLIENT_SIDE };
        // In 1 to 4, beside the resolver: sent to it, or by it.
        let packet_type = if from_resolver { 4 } else { 0 };
        match link_type {
            LinkType::Ethernet => self.put_ethernet_between([CLIENT_SIDE, RESOLVER_SIDE]),
            LinkType::Raw if ip => {}
            LinkType::Ipv4 if self.ethertype == IPV4 => {}
            LinkType::Ipv6 if self.ethertype == IPV6 => {}
            LinkType::Null if ip => self.put(&self.bsd_family().to_le_bytes(), &[]),
            LinkType::Loop if ip => self.put(&self.bsd_family().to_be_bytes(), &[]),
            LinkType::Ppp => match ppp_protocol(self.ethertype) {
                Some(protocol) => self.put(&words([0xff03, protocol]), &[]),
                None => return wrong,
            },
            LinkType::LinuxSll => {
                let header =
                    [&words([packet_type, 1, 6]), &address[..], &words([0, self.ethertype])].concat();
                self.put(&header, &[]);
            }
            LinkType::LinuxSll2 => {
                let start = words([self.ethertype, 0, 0, 2, 1, packet_type << 8 | 6]);
                self.put(&[&start, &address[..], &[0, 0]].concat(), &[]);
            }
            LinkType::Wireless => self.put_wireless(&[0x08], &[]),
            LinkType::Radiotap => {
                // Data with quality of service; the header of radiotap says nothing but its length.
                self.put_wireless(&[0x88], &[0, 0]);
                self.put(&[0, 0, 8, 0, 0, 0, 0, 0], &[]);
            }
            LinkType::Nflog if ip => {
                let family = if self.ethertype == IPV4 { 2 } else { 10 };
                let [high, low] = self.ethertype.to_be_bytes();
                // Family, version, resource; the packet's protocol and hook; the packet itself, with its length.
                let header = [family, 0, 0, 0, 8, 0, 1, 0, high, low, 1, 0, 0, 0, 9, 0];
                self.put(&header, &[Fix::LengthOfFile { at: 12, from: 12 }]);
            }
            _ => return wrong,
        }
        Ok(())
    }

    /// Puts a header around all there is.
    fn put(&mut self, header: &[u8], fixes: &[Fix]) {
        self.headers.push((header.to_vec(), fixes.to_vec()));
    }

    fn put_label(&mut self, label: u32) {
        let bottom = u32::from(self.ethertype != MPLS);
        self.put(&(label << 12 | bottom << 8 | 64).to_be_bytes(), &[]);
        self.ethertype = MPLS;
    }

    /// Ethernet inside of something else. Its addresses are those for documentation (RFC 7042, section 2.1.2):
    /// readers that must guess where it begins believe in makers they know.
    fn put_ethernet(&mut self) {
        self.put_ethernet_between([[0, 0, 0x5e, 0, 0x53, 0x01], [0, 0, 0x5e, 0, 0x53, 0x53]]);
    }

    fn put_ethernet_between(&mut self, [client, resolver]: [[u8; 6]; 2]) {
        let (source, destination) = match self.side {
            Side::Client => (client, resolver),
            Side::Resolver => (resolver, client),
        };
        self.put(&[&destination[..], &source, &self.ethertype.to_be_bytes()].concat(), &[]);
    }

    /// IEEE 802.11: to the network from the client, from the network from the resolver; then LLC and SNAP.
    fn put_wireless(&mut self, frame_control: &[u8; 1], quality: &[u8]) {
        let (way, addresses) = match self.side {
            Side::Client => (0x01, [RESOLVER_SIDE, CLIENT_SIDE, RESOLVER_SIDE]),
            Side::Resolver => (0x02, [CLIENT_SIDE, RESOLVER_SIDE, RESOLVER_SIDE]),
        };
        let snap = [&[0xaa, 0xaa, 3, 0, 0, 0], &self.ethertype.to_be_bytes()[..]].concat();
        let header =
            [&frame_control[..], &[way, 0, 0], addresses.as_flattened(), &[0, 0], quality, &snap].concat();
        self.put(&header, &[]);
    }

    fn put_in_ip(&mut self, header: &[u8], protocol: u8, family: Family) {
        self.put(header, &[]);
        self.put_ip(protocol, family);
    }

    /// Without checksum, as tunnels do it (RFC 6935).
    fn put_udp(&mut self, ports: [u16; 2]) {
        self.put(&words([ports[0], ports[1], 0, 0]), &[Fix::Length { at: 4, from: 0 }]);
        self.put_ip(PROTOCOL_UDP, Family::V4);
    }

    /// The ends of the tunnel lie in 192.0.2.0/24 (RFC 5737) or 2001:db8:7::/48, another two for each tunnel.
    fn put_ip(&mut self, protocol: u8, family: Family) {
        self.outer_ips += 1;
        let (client_end, resolver_end) = (2 * self.outer_ips, 2 * self.outer_ips + 1);
        let ends = match self.side {
            Side::Client => [client_end, resolver_end],
            Side::Resolver => [resolver_end, client_end],
        };
        match family {
            Family::V4 => {
                let [source, destination] = ends.map(|end| [192, 0, 2, end]);
                let start = [0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
                let fixes = [Fix::Length { at: 2, from: 0 }, Fix::Ipv4Checksum { header_at: 0 }];
                self.put(&[&start[..], &source, &destination].concat(), &fixes);
            }
            Family::V6 => {
                let prefix = [0x20, 0x01, 0x0d, 0xb8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                let [source, destination] = ends.map(|end| [&prefix[..], &[end]].concat());
                let start = [0x60, 0, 0, 0, 0, 0, protocol, 64];
                self.put(&[&start[..], &source, &destination].concat(), &[Fix::Length { at: 4, from: 40 }]);
            }
        }
        self.ethertype = ethertype(family);
    }

    /// AF_INET, and AF_INET6 as Darwin has it.
    fn bsd_family(&self) -> u32 {
        if self.ethertype == IPV4 { 2 } else { 30 }
    }

    fn envelope(self) -> Envelope {
        let mut envelope = Envelope::default();
        for (header, fixes) in self.headers.into_iter().rev() {
            let start = envelope.headers.len();
            envelope.headers.extend(header);
            envelope.fixes.extend(fixes.into_iter().map(|fix| fix.moved(start)));
        }
        envelope
    }
}

impl Fix {
    fn moved(self, by: usize) -> Self {
        match self {
            Fix::Length { at, from } => Fix::Length { at: at + by, from: from + by },
            Fix::LengthOfFile { at, from } => Fix::LengthOfFile { at: at + by, from: from + by },
            Fix::Ipv4Checksum { header_at } => Fix::Ipv4Checksum { header_at: header_at + by },
        }
    }
}

const PROTOCOL_UDP: u8 = 17;
const PROTOCOL_GRE: u8 = 47;
const PROTOCOL_L2TP: u8 = 115;
/// Where a tunnel's source port only spreads the load.
const ANY_PORT: u16 = 50_000;

fn ppp_protocol(ethertype: u16) -> Option<u16> {
    match ethertype {
        IPV4 => Some(0x0021),
        IPV6 => Some(0x0057),
        MPLS => Some(0x0281),
        _ => None,
    }
}

fn name_of(ethertype: u16) -> &'static str {
    match ethertype {
        IPV4 => "IPv4",
        IPV6 => "IPv6",
        MPLS => "MPLS",
        PPPOE => "PPPoE",
        _ => "a VLAN tag",
    }
}

/// Words in network order.
fn words<const N: usize>(words: [u16; N]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_layer(text: &str, expected: Result<u32, &str>) {
        match (Layer::try_from(text.to_string()), expected) {
            (Ok(layer), expected) => assert_eq!(Ok(layer.number), expected, "{text}"),
            (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
            (Err(error), Ok(_)) => panic!("{text}: {error}"),
        }
    }

    #[test]
    fn a_layer_is_a_name_and_perhaps_a_number() {
        check_layer("vlan", Ok(1));
        check_layer("vlan:100", Ok(100));
        check_layer("vlan:4095", Err("vlan:4095: allowed is 1 to 4094"));
        check_layer("vlan:x", Err("vlan:x: allowed is"));
        check_layer("gre:1", Err("gre has no number"));
        check_layer("wireguard", Err("there are vlan, qinq, mpls"));
    }

    fn envelope(link_type: LinkType, layers: &[&str], family: Family) -> Result<Envelope, String> {
        let layers: Vec<Layer> =
            layers.iter().map(|text| Layer::try_from(text.to_string()).unwrap()).collect();
        let wrapping = Wrapping { link_type, layers: &layers, vlan_on: VlanOn::Queries };
        Envelope::new(wrapping, family, Side::Client)
    }

    #[test]
    fn layers_lie_in_the_order_of_the_profile() {
        let envelope = envelope(LinkType::Ethernet, &["qinq:5", "vlan:6", "mpls:7", "mpls:8"], Family::V6);
        let headers = envelope.unwrap().headers;
        assert_eq!(headers[12..22], [0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 0x88, 0x47]);
        assert_eq!(headers[22..], [0, 0, 0x70, 64, 0, 0, 0x81, 64]);
    }

    #[test]
    fn what_cannot_be_carried_is_refused_by_name() {
        let check = |link_type, layers: &[&str], family, expected: &str| {
            assert_eq!(envelope(link_type, layers, family).unwrap_err(), expected);
        };
        check(LinkType::Ethernet, &["6in4"], Family::V4, "6in4 cannot carry IPv4");
        check(LinkType::Ethernet, &["ipip", "vlan"], Family::V4, "ipip cannot carry a VLAN tag");
        check(LinkType::Raw, &["mpls"], Family::V4, "the link type Raw cannot carry MPLS");
        check(LinkType::Ipv6, &[], Family::V4, "the link type Ipv6 cannot carry IPv4");
        check(LinkType::Raw, &["gre"; 33], Family::V4, "33 layers; allowed are 32");
    }

    #[test]
    fn every_encapsulation_has_a_line_on_its_page() {
        let page = include_str!("../../../../docs/generate.md");
        for kind in KINDS {
            let explained = page.lines().any(|line| {
                line.starts_with("| `")
                    && line.split('|').nth(1).is_some_and(|cell| cell.contains(&format!("`{}`", kind.name)))
            });
            assert!(explained, "docs/generate.md does not explain {}", kind.name);
        }
    }
}
