//! Teredo (RFC 4380 section 5.1.1) and AYIYA (draft-massar-v6ops-ayiya-02): IPv6 through address translators.
//!
//! ```text
//!  Teredo   | 00 01 | id length 1 | value length 1 | id | value | nonce 8 | confirmation 1 |    if authenticated
//!           | 00 00 | port 2 | address 4 |                                                      if the origin is told
//!  AYIYA    | id length 4, id type 4 | signature words 4, hash 4 | auth 4, operation 4 | next header 1 | epoch 4 |
//!           | id, 2 to the power of its length | signature |
//! ```
//! A bubble, which opens a translator, is an IPv6 header and nothing else.

use super::{IP_PROTOCOLS, Layer, Next, Skip, Tunnel, Walk, look_up};

/// No next header (RFC 8200 section 4.7).
const NOTHING: u8 = 59;

pub(super) fn decode(walk: &mut Walk) -> Next {
    if let [0, 1, id, value, ..] = *walk.rest {
        walk.tunnel_header(4 + usize::from(id) + usize::from(value) + 9)?;
    }
    if walk.rest.starts_with(&[0, 0]) {
        walk.tunnel_header(8)?;
    }
    match *walk.rest {
        [] => Err(Skip::TunnelCut),
        [0x60..0x70, _, _, _, 0, 0, NOTHING, ..] => Err(Skip::TunnelControl),
        [0x60..0x70, ..] => {
            walk.outer.set_tunnel(Tunnel::Teredo, 0);
            Ok(Layer::Ipv6)
        }
        _ => Err(Skip::Port),
    }
}

pub(super) fn ayiya(walk: &mut Walk) -> Next {
    let head = walk.tunnel_peek::<4>()?;
    let (id, signature) = (1 << (head[0] >> 4), usize::from(head[1] >> 4) * 4);
    match head[2] & 0x0F {
        1 | 3 => {} // a packet; a packet and a question whether it arrived
        0..8 => return Err(Skip::TunnelControl),
        _ => return Err(Skip::Port),
    }
    let next_header = head[3];
    walk.tunnel_header(8 + id + signature)?;
    walk.outer.set_tunnel(Tunnel::Ayiya, 0);
    match next_header {
        41 => Ok(Layer::Ipv6),
        4 => Ok(Layer::Ipv4),
        NOTHING => Err(Skip::TunnelControl),
        number => look_up(IP_PROTOCOLS, number, Skip::IpProtocol),
    }
}
