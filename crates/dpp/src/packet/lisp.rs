//! LISP data (RFC 9300 section 5.1).
//!
//! ```text
//!  | N, L, E, V, I 08, ... | nonce or map version 24 | instance id 24, if I, and locator bits 8 |
//! ```

use super::{Layer, Next, Skip, Tunnel, Walk, be32};

const HAS_INSTANCE: u8 = 0x08;

pub(super) fn decode(walk: &mut Walk) -> Next {
    let header = walk.tunnel_header(8)?;
    let instance = if header[0] & HAS_INSTANCE != 0 { be32(header, 4) >> 8 } else { 0 };
    let layer = match walk.rest.first().map(|first| first >> 4) {
        None => return Err(Skip::TunnelCut),
        Some(4) => Layer::Ipv4,
        Some(6) => Layer::Ipv6,
        Some(_) => return Err(Skip::Port),
    };
    walk.outer.set_tunnel(Tunnel::Lisp, instance);
    Ok(layer)
}
