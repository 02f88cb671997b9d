//! GTP-U, which carries the users' packets of mobile networks (3GPP TS 29.281 section 5).
//!
//! ```text
//!  | version 3 = 1, PT 1 = 1, 0, E 1, S 1, PN 1 | type 1 | length 2 | TEID 4 |
//!  | sequence 2 | N-PDU 1 | next extension 1 |                   if one of E, S, PN is set
//!  | words 1 | ..., up to words * 4 | next extension 1 |         until the next extension is 0
//! ```
//! The length counts what follows the TEID. What the packet is, is not said: IP, in 5G Ethernet too.

use super::{Layer, Next, Skip, Tunnel, Walk, be16, be32, guess};

/// The type of a message that carries a packet.
const PACKET: u8 = 255;
const EXTENSION: u8 = 0x04;
const OPTIONAL: u8 = 0x07;

pub(super) fn decode(walk: &mut Walk) -> Next {
    match walk.rest.first() {
        Some(first) if first & 0xF0 != 0x30 => return Err(Skip::Port),
        _ => {}
    }
    let header = walk.tunnel_header(8)?;
    if header[1] != PACKET {
        return Err(Skip::TunnelControl);
    }
    walk.outer.set_tunnel(Tunnel::Gtp, be32(header, 4));
    walk.trim(usize::from(be16(header, 2)))?;
    if header[0] & OPTIONAL != 0 {
        let optional = walk.tunnel_header(4)?;
        let is_chained = header[0] & EXTENSION != 0 && optional[3] != 0;
        if is_chained {
            extensions(walk)?
        }
    }
    match walk.rest.first().map(|first| first >> 4) {
        None => Err(if walk.length == 0 { Skip::TunnelControl } else { Skip::TunnelCut }),
        Some(4) => Ok(Layer::Ipv4),
        Some(6) => Ok(Layer::Ipv6),
        Some(_) if guess::is_ethernet(walk.rest) => Ok(Layer::Ethernet),
        Some(_) => Err(Skip::Ethertype),
    }
}

/// Steps over extension headers. Each is at least four bytes, so there are not more than the datagram has room for.
fn extensions(walk: &mut Walk) -> Result<(), Skip> {
    loop {
        let length = match walk.rest.first() {
            Some(0) => return Err(Skip::TunnelMalformed),
            words => words.map_or(4, |words| usize::from(*words) * 4),
        };
        let extension = walk.tunnel_header(length)?;
        if extension[length - 1] == 0 {
            return Ok(());
        }
    }
}
