//! What a packet without DNS looks like from outside, for people who wonder what is in their capture.
//!
//! Nothing depends on this but a report, so it is short: link layers are known by where their ethertype stands, tags are
//! passed over, and behind the first IP header only ports are looked for. What lies in tunnels is left to [`Walk`].

use super::{Datagram, Flow, Packet, Segment, Walk, be16};

/// What can be told of a packet, from outside in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// The ethertype, behind tags.
    pub ethertype: Option<u16>,
    /// The IP protocol: of the innermost transport, or else of the outermost IP header.
    pub protocol: Option<u8>,
    /// The port of the service, if it is UDP or TCP: the lower of the two, as clients take high ones.
    pub port: Option<u16>,
    /// Whether it opens a connection: a TCP SYN, or a QUIC Initial packet of the client. Encrypted DNS is known by no more.
    pub opens: bool,
}

/// Link types with an ethertype: where it stands and where what it tells of begins, in bytes.
const LINKS: &[(u16, usize, usize)] = &[(1, 12, 14), (113, 14, 16), (276, 0, 20)];
/// Link types of bare IP.
const IP: &[u16] = &[12, 14, 101, 228, 229];
/// Tags that another ethertype follows.
const TAGS: &[u16] = &[0x8100, 0x88A8, 0x9100, 0x9200];
/// The most tags passed over.
const TAGS_MAX: usize = 8;

/// The ports of multicast DNS and LLMNR.
const MULTICAST: &[u16] = &[5353, 5355];

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Looks at a captured packet of `linktype`.
///
/// ```
/// use dpp::packet;
/// let mut frame = [0u8; 42];
/// frame[12..14].copy_from_slice(&[0x08, 0x06]);
/// assert_eq!(packet::glance(1, &frame).ethertype, Some(0x0806));
/// ```
pub fn glance(linktype: u16, bytes: &[u8]) -> Glance {
    let (ethertype, protocol) = outside(linktype, bytes);
    let inside = Walk::new(linktype, bytes).map(inside).unwrap_or_default();
    Glance { ethertype, protocol: inside.protocol.or(protocol), ..inside }
}

/// Looks at what lies before a walk: transport and ports.
pub fn inside(walk: Walk) -> Glance {
    match innermost(walk) {
        Some(Found { transport, port, opens }) => {
            Glance { ethertype: None, protocol: Some(transport), port: Some(port), opens }
        }
        None => Glance::default(),
    }
}

/// The ethertype and the IP protocol of the outermost headers.
fn outside(linktype: u16, bytes: &[u8]) -> (Option<u16>, Option<u8>) {
    let Some(&(_, type_at, mut payload_at)) = LINKS.iter().find(|row| row.0 == linktype) else {
        return (None, if IP.contains(&linktype) { protocol(bytes) } else { None });
    };
    let Some(mut ethertype) = number_at(bytes, type_at) else { return (None, None) };
    for _ in 0..TAGS_MAX {
        match number_at(bytes, payload_at + 2) {
            Some(next) if TAGS.contains(&ethertype) => (ethertype, payload_at) = (next, payload_at + 4),
            _ => break,
        }
    }
    match ethertype {
        0x0800 | 0x86DD => (Some(ethertype), bytes.get(payload_at..).and_then(protocol)),
        // A length (IEEE 802.3).
        ..0x0600 => (None, None),
        _ => (Some(ethertype), None),
    }
}

fn number_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|number| be16(number, 0))
}

/// The protocol field of an IP header.
fn protocol(ip: &[u8]) -> Option<u8> {
    match ip.first()? >> 4 {
        4 => ip.get(9).copied(),
        6 => ip.get(6).copied(),
        _ => None,
    }
}

/// The innermost transport that a walk comes to.
struct Found {
    transport: u8,
    /// Its service port.
    port: u16,
    opens: bool,
}

fn innermost(mut walk: Walk) -> Option<Found> {
    let mut found = None;
    loop {
        match walk.packet() {
            Ok(Packet::Datagram(datagram)) => {
                let (port, opens) = (service(&datagram.flow), is_initial(&datagram));
                found = Some(Found { transport: UDP, port, opens });
                if walk.enter(&datagram).is_err() {
                    return found;
                }
            }
            Ok(Packet::Segment(segment)) => {
                let opens = segment.has(Segment::SYN) && !segment.has(Segment::ACK);
                return Some(Found { transport: TCP, port: service(&segment.flow), opens });
            }
            Ok(Packet::Fragment(_)) | Err(_) => return found,
        }
    }
}

/// Whether a datagram is a QUIC Initial packet to the service: long header, fixed bit, and the type that the version has for
/// it (RFC 9000 section 17.2.2, RFC 9369 section 3.2). A client sends one or a few for a connection.
fn is_initial(datagram: &Datagram) -> bool {
    const QUIC_V2: u32 = 0x6B33_43CF;
    let Some(&[first, a, b, c, d]) = datagram.payload.first_chunk() else { return false };
    let initial = match u32::from_be_bytes([a, b, c, d]) {
        0 => return false,
        QUIC_V2 => 1,
        _ => 0,
    };
    let is_to_service = service(&datagram.flow) == datagram.flow.destination_port;
    is_to_service && first & 0xC0 == 0xC0 && (first >> 4) & 3 == initial
}

/// The lower of the two ports; but multicast DNS and LLMNR are asked from anywhere.
fn service(flow: &Flow) -> u16 {
    let ports = [flow.source_port, flow.destination_port];
    match ports.into_iter().find(|port| MULTICAST.contains(port)) {
        Some(port) => port,
        None => ports[0].min(ports[1]),
    }
}
