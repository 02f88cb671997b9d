//! A walk told step by step, for people who wonder what became of a packet.

use super::{Addresses, Datagram, Fragment, Layer, Packet, Skip, Step, Walk, be16, be32};
use std::net::IpAddr;

/// A header that a walk stepped over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSeen {
    /// What it is.
    pub layer: Layer,
    /// Where it begins in the packet, in bytes.
    pub start: usize,
    /// How long it is, in bytes; 0 if it could not be read, or is only a view of the one before.
    pub length: usize,
    /// What it says: addresses, ports, ids.
    pub about: Option<String>,
}

/// Walks a captured packet as [`Walk::packet`] does and tells of each layer, and what it came to. Datagrams that are not
/// `is_wanted`, which asks for the ports of DNS, are entered if they are packets of a tunnel.
///
/// ```
/// use dpp::packet::{self, Skip};
/// // An ARP request in VLAN 5.
/// let mut frame = [0u8; 46];
/// frame[12..18].copy_from_slice(&[0x81, 0x00, 0x00, 0x05, 0x08, 0x06]);
/// let (layers, found) = packet::layers(1, &frame, |_| true);
/// assert_eq!((layers[1].layer.name(), layers[1].start, layers[1].length), ("VLAN tag", 14, 4));
/// assert_eq!(layers[1].about.as_deref(), Some("id 5, type 0x0806"));
/// assert_eq!(found, Err(Skip::Arp));
/// ```
pub fn layers<'a>(
    linktype: u16,
    bytes: &'a [u8],
    is_wanted: impl Fn(&Datagram) -> bool,
) -> (Vec<LayerSeen>, Result<Packet<'a>, Skip>) {
    let mut seen = Vec::new();
    let found = Walk::new(linktype, bytes).and_then(|mut walk| {
        loop {
            let packet = packet(&mut walk, bytes, &mut seen)?;
            match packet {
                Packet::Datagram(datagram) if !is_wanted(&datagram) => match walk.enter(&datagram) {
                    Ok(()) => {}
                    Err(_) => return Ok(packet),
                },
                _ => return Ok(packet),
            }
        }
    });
    (seen, found)
}

/// [`Walk::packet`], with a note of each step.
fn packet<'a>(walk: &mut Walk<'a>, bytes: &[u8], seen: &mut Vec<LayerSeen>) -> Result<Packet<'a>, Skip> {
    while walk.layers_left > 0 {
        let (layer, rest) = (walk.layer, walk.rest);
        // A second walk, which has passed no tunnel yet, tells whether this layer is one.
        let mut here = walk.clone();
        here.outer.tunnel = None;
        let _ = here.step();
        let step = walk.step();
        let length = match &step {
            Ok(Step::Found(packet)) => transport_length(packet, walk),
            _ => at(rest, walk.rest),
        };
        let header = &rest[..length.min(rest.len())];
        let (start, about) = (at(bytes, rest), about(layer, header, &here, &step));
        seen.push(LayerSeen { layer, start, length: header.len(), about });
        match step? {
            Step::Into(layer) => walk.layer = layer,
            Step::Found(packet) => return Ok(packet),
        }
        walk.layers_left -= 1;
    }
    Err(Skip::TooDeep)
}

/// Where `inner` begins in `outer`, of which it is a part.
fn at(outer: &[u8], inner: &[u8]) -> usize {
    (inner.as_ptr() as usize).saturating_sub(outer.as_ptr() as usize).min(outer.len())
}

/// How long the header of a layer is that ends a walk.
fn transport_length(packet: &Packet, walk: &Walk) -> usize {
    match packet {
        Packet::Datagram(_) => 8,
        Packet::Segment(segment) => walk.length - segment.payload_length,
        Packet::Fragment(_) if walk.layer == Layer::Ipv6Fragment => 8,
        Packet::Fragment(_) => 0,
    }
}

fn about(layer: Layer, header: &[u8], walk: &Walk, step: &Result<Step, Skip>) -> Option<String> {
    if let Ok(Step::Found(packet)) = step {
        return Some(about_packet(packet));
    }
    let said = match layer {
        Layer::Ethernet if header.len() >= 14 => about_ethernet(header),
        Layer::Vlan if header.len() >= 4 => {
            format!("id {}, type 0x{:04x}", be16(header, 0) & 0x0FFF, be16(header, 2))
        }
        Layer::Mpls if header.len() >= 4 => format!("label {}", be32(header, 0) >> 12),
        Layer::LinuxCooked if header.len() >= 16 => format!("type 0x{:04x}", be16(header, 14)),
        Layer::LinuxCooked2 if header.len() >= 20 => format!("type 0x{:04x}", be16(header, 0)),
        Layer::Snap if header.len() >= 5 => format!("type 0x{:04x}", be16(header, 3)),
        Layer::Ipv4 | Layer::Ipv4InIp if header.len() >= 20 => about_ip(walk.addresses?, header[9]),
        Layer::Ipv6 | Layer::Ipv6InIp if header.len() >= 40 => about_ip(walk.addresses?, header[6]),
        Layer::Ipv6Extension | Layer::Ipv6Authentication => format!("next header {}", header.first()?),
        _ => match (walk.outer.tunnel?, walk.outer.tunnel_id) {
            (tunnel, 0) => tunnel.name().to_string(),
            (tunnel, id) => format!("{} {id}", tunnel.name()),
        },
    };
    Some(said)
}

fn about_packet(packet: &Packet) -> String {
    match packet {
        Packet::Datagram(datagram) => {
            let flow = &datagram.flow;
            format!("{} > {}, {} bytes", flow.source_port, flow.destination_port, datagram.payload_length)
        }
        Packet::Segment(segment) => {
            let flow = &segment.flow;
            format!("{} > {}, {} bytes", flow.source_port, flow.destination_port, segment.payload_length)
        }
        Packet::Fragment(fragment) => {
            let more = if fragment.more { ", more follow" } else { "" };
            let Fragment { identification, offset, payload_length, .. } = fragment;
            format!("datagram {identification}, {payload_length} bytes at {offset}{more}")
        }
    }
}

fn about_ethernet(header: &[u8]) -> String {
    let address = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":");
    format!("{} > {}, type 0x{:04x}", address(&header[6..12]), address(&header[..6]), be16(header, 12))
}

fn about_ip(addresses: Addresses, protocol: u8) -> String {
    let (source, destination) = match addresses {
        Addresses::V4 { source, destination } => (IpAddr::from(*source), IpAddr::from(*destination)),
        Addresses::V6 { source, destination } => (IpAddr::from(*source), IpAddr::from(*destination)),
    };
    format!("{source} > {destination}, protocol {protocol}")
}
