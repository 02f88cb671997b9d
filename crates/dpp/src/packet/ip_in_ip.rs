//! IP in IP (RFC 2003, RFC 2473, RFC 4213) and EtherIP (RFC 3378). The first have no header of their own.
//!
//! ```text
//!  EtherIP   | version 4 = 3, reserved 12 | Ethernet
//! ```

use super::{Layer, Next, Skip, Tunnel, Walk, ipv4, ipv6};

pub(super) fn inner_ipv4(walk: &mut Walk) -> Next {
    walk.outer.set_tunnel(Tunnel::Ipip, 0);
    ipv4::decode(walk)
}

pub(super) fn inner_ipv6(walk: &mut Walk) -> Next {
    walk.outer.set_tunnel(Tunnel::SixInFour, 0);
    ipv6::decode(walk)
}

pub(super) fn ether_ip(walk: &mut Walk) -> Next {
    let header = walk.tunnel_header(2)?;
    if header[0] >> 4 != 3 {
        return Err(Skip::TunnelMalformed);
    }
    walk.outer.set_tunnel(Tunnel::EtherIp, 0);
    Ok(Layer::Ethernet)
}
