//! L2TP, version 2 (RFC 2661 section 3.1) and 3 (RFC 3931 sections 4.1.1 and 4.1.2).
//!
//! ```text
//!  2             | T 1, L 1, .., S 1, ., O 1, P 1, ...., version 4 = 2 | length 2, if L | tunnel 2 | session 2 |
//!                | Ns 2, Nr 2, if S | offset 2 and as many bytes, if O | PPP
//!  3 over UDP    | T 1, ..., version 4 = 3 | reserved 2 | session 4 | cookie | sublayer |
//!  3 over IP     | session 4, 0 if T | cookie | sublayer |
//! ```
//! Cookie (0, 4 or 8 bytes) and sublayer (0 or 4) of version 3 are known to the two ends only. Where the packet begins, and
//! whether it is Ethernet, PPP or IP, is found by trying: the first place where IP convinces.

use super::{Layer, Next, Skip, Tunnel, Walk, be16, be32, guess};

const CONTROL: u16 = 0x8000;
const LENGTH: u16 = 0x4000;
const SEQUENCE: u16 = 0x0800;
const OFFSET: u16 = 0x0200;
const VERSION: u16 = 0x000F;

/// The payload of a datagram on the port of L2TP.
pub(super) fn in_udp(walk: &mut Walk) -> Next {
    let flags = be16(walk.tunnel_peek::<2>()?, 0);
    match (flags & VERSION, flags & CONTROL) {
        (2 | 3, CONTROL) => Err(Skip::TunnelControl),
        (2, _) => version_2(walk, flags),
        (3, _) => walk.tunnel_header(4).and_then(|_| session(walk)),
        _ => Err(Skip::Port),
    }
}

fn version_2(walk: &mut Walk, flags: u16) -> Next {
    let before = walk.length;
    walk.tunnel_header(2)?;
    if flags & LENGTH != 0 {
        let stated = usize::from(be16(walk.tunnel_header(2)?, 0));
        walk.trim(stated.checked_sub(before - walk.length).ok_or(Skip::TunnelMalformed)?)?;
    }
    let ids = walk.tunnel_header(4)?;
    if flags & SEQUENCE != 0 {
        walk.tunnel_header(4)?;
    }
    if flags & OFFSET != 0 {
        let offset = usize::from(be16(walk.tunnel_header(2)?, 0));
        walk.tunnel_header(offset)?;
    }
    walk.outer.set_tunnel(Tunnel::L2tp, u32::from(be16(ids, 2)));
    if walk.length == 0 { Err(Skip::TunnelControl) } else { Ok(Layer::Ppp) }
}

/// Version 3 from its session on.
pub(super) fn session(walk: &mut Walk) -> Next {
    match be32(walk.tunnel_header(4)?, 0) {
        0 => Err(Skip::TunnelControl),
        session => {
            walk.outer.set_tunnel(Tunnel::L2tp, session);
            payload(walk)
        }
    }
}

fn payload(walk: &mut Walk) -> Next {
    /// Cookie and sublayer together.
    const LENGTHS: [usize; 4] = [0, 4, 8, 12];
    for length in LENGTHS {
        let Some(bytes) = walk.rest.get(length..) else { break };
        if let Some(layer) = packet(bytes, walk.length - length) {
            return walk.tunnel_header(length).map(|_| layer);
        }
    }
    Err(Skip::Ethertype)
}

fn packet(bytes: &[u8], length: usize) -> Option<Layer> {
    if guess::is_ethernet_with_ip(bytes, length) {
        return Some(Layer::Ethernet);
    }
    match bytes {
        [0xFF, 0x03, 0, 0x21 | 0x57, inner @ ..] => guess::ip(inner, length - 4).map(|_| Layer::Ppp),
        _ => guess::ip(bytes, length),
    }
}
