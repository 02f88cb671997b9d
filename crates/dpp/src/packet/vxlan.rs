//! VXLAN (RFC 7348 section 5), VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe), Geneve (RFC 8926) and NSH (RFC 8300).
//!
//! ```text
//!  VXLAN    | flags: I 08, version 30, P 04, O 01 | 0 | 0 | next protocol, if P | VNI 24 | reserved 8 |
//!  Geneve   | version 2, options' words 6 | O 80, C 40 | protocol 2 | VNI 24 | reserved 8 | options |
//!  NSH      | version 2, O 1, ... | words 6 | type | next protocol 1 | ..., up to words * 4 |
//! ```
//! O marks packets for the operators of the network, which are not for its users.

use super::{ETHERTYPES, Layer, NSH_PROTOCOLS, Next, Skip, Tunnel, Walk, be16, be32, look_up};

const HEADER: usize = 8;
const HAS_VNI: u8 = 0x08;
const HAS_PROTOCOL: u8 = 0x04;
const OPERATORS: u8 = 0x01;
const VERSION: u8 = 0x30;

/// VXLAN. Without the bit that every such packet has, it is something else on the same port.
pub(super) fn decode(walk: &mut Walk) -> Next {
    match walk.rest.first() {
        Some(flags) if flags & HAS_VNI == 0 => Err(Skip::Port),
        Some(flags) if flags & HAS_PROTOCOL != 0 => extended(walk),
        _ => header(walk).map(|_| Layer::Ethernet),
    }
}

/// VXLAN-GPE, of version 0. Some senders state a protocol and forget the bit that says so; without one it is VXLAN.
pub(super) fn extended(walk: &mut Walk) -> Next {
    match walk.rest.first() {
        Some(flags) if flags & VERSION != 0 => return Err(Skip::Port),
        _ => {}
    }
    match *header(walk)? {
        [flags, ..] if flags & OPERATORS != 0 => Err(Skip::TunnelControl),
        [_, _, _, 0, ..] => Ok(Layer::Ethernet),
        [_, _, _, protocol, ..] => look_up(NSH_PROTOCOLS, protocol, Skip::Ethertype),
    }
}

fn header<'a>(walk: &mut Walk<'a>) -> Result<&'a [u8; HEADER], Skip> {
    let header = walk.tunnel_peek::<HEADER>()?;
    walk.tunnel_header(HEADER)?;
    let vni = if header[0] & HAS_VNI != 0 { be32(header, 4) >> 8 } else { 0 };
    walk.outer.set_tunnel(Tunnel::Vxlan, vni);
    Ok(header)
}

pub(super) fn geneve(walk: &mut Walk) -> Next {
    match walk.rest.first() {
        Some(first) if first & 0xC0 != 0 => return Err(Skip::Port),
        _ => {}
    }
    let header = walk.tunnel_header(HEADER)?;
    walk.tunnel_header(usize::from(header[0] & 0x3F) * 4)?;
    walk.outer.set_tunnel(Tunnel::Geneve, be32(header, 4) >> 8);
    match header[1] & 0x80 {
        0 => look_up(ETHERTYPES, be16(header, 2), Skip::Ethertype),
        _ => Err(Skip::TunnelControl),
    }
}

pub(super) fn nsh(walk: &mut Walk) -> Next {
    let header = walk.tunnel_header(4)?;
    let length = usize::from(header[1] & 0x3F) * 4;
    if header[0] & 0xC0 != 0 || length < HEADER {
        return Err(Skip::TunnelMalformed);
    }
    walk.tunnel_header(length - 4)?;
    match header[0] & 0x20 {
        0 => look_up(NSH_PROTOCOLS, header[3], Skip::Ethertype),
        _ => Err(Skip::TunnelControl),
    }
}
