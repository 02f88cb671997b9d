//! ERSPAN II and III (draft-foschiano-erspan): a switch's copy of what passed one of its ports, inside GRE.
//!
//! ```text
//!  II    | version 4 = 1, VLAN 12 | COS 3, encapsulation 2, T 1, session 10 | reserved 12, index 20 |
//!  III   | version 4 = 2, VLAN 12 | COS 3, BSO 2, T 1, session 10 | timestamp 32 |
//!        | group 16 | P 1, frame type 5, hardware 6, D 1, granularity 2, O 1 | 8 bytes more if O |
//! ```

use super::{Layer, Next, Skip, Tunnel, Walk, be16};

const SESSION: u16 = 0x03FF;

pub(super) fn decode(walk: &mut Walk) -> Next {
    match walk.rest.first().map(|first| first >> 4) {
        None => Err(Skip::TunnelCut),
        Some(1) => version_2(walk),
        Some(2) => version_3(walk),
        Some(_) => Err(Skip::TunnelMalformed),
    }
}

fn version_2(walk: &mut Walk) -> Next {
    let header = walk.tunnel_header(8)?;
    walk.outer.set_tunnel(Tunnel::Erspan, u32::from(be16(header, 2) & SESSION));
    Ok(Layer::Ethernet)
}

fn version_3(walk: &mut Walk) -> Next {
    let header = walk.tunnel_header(12)?;
    walk.outer.set_tunnel(Tunnel::Erspan, u32::from(be16(header, 2) & SESSION));
    if header[11] & 1 != 0 {
        walk.tunnel_header(8)?;
    }
    match header[10] >> 2 & 0x1F {
        0 => Ok(Layer::Ethernet),
        2 => Ok(Layer::RawIp),
        _ => Err(Skip::Ethertype),
    }
}
