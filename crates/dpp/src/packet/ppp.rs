//! PPP (RFC 1661, RFC 1662) and what it travels in: HDLC, and PPPoE (RFC 2516).
//!
//! ```text
//!  PPP          | FF 03, or nothing | protocol 2, or 1 if the first byte is odd |
//!  Cisco HDLC   | address 0F or 8F | control 00 | ethertype 2 |
//!  PPPoE        | version 4, type 4 | code 1 | session 2 | length 2 | PPP without FF 03
//! ```

use super::{ETHERTYPES, Layer, Next, PPP_PROTOCOLS, Skip, Tunnel, Walk, be16, look_up};

pub(super) fn decode(walk: &mut Walk) -> Next {
    if walk.rest.starts_with(&[0xFF, 0x03]) {
        walk.link_header(2)?;
    }
    let first = u16::from(*walk.rest.first().ok_or(Skip::LinkCut)?);
    let protocol = match first & 1 {
        0 => be16(walk.link_header(2)?, 0),
        _ => walk.link_header(1).map(|_| first)?,
    };
    match protocol {
        // RFC 1661 section 2: everything from here on negotiates.
        0x8000.. => Err(Skip::LinkControl),
        protocol => look_up(PPP_PROTOCOLS, protocol, Skip::Ethertype),
    }
}

/// A byte that says who sent it, and PPP.
pub(super) fn with_direction(walk: &mut Walk) -> Next {
    walk.link_header(1).map(|_| Layer::Ppp)
}

/// PPP, or Cisco's HDLC: both are found under the link types of both.
pub(super) fn hdlc(walk: &mut Walk) -> Next {
    match walk.rest.first() {
        Some(0x0F | 0x8F) => {
            let header = walk.link_header(4)?;
            look_up(ETHERTYPES, be16(header, 2), Skip::Ethertype)
        }
        _ => Ok(Layer::Ppp),
    }
}

/// PPPoE with a session.
pub(super) fn over_ethernet(walk: &mut Walk) -> Next {
    let header = walk.link_header(6)?;
    match header[..2] {
        [0x11, 0] => {}
        [0x11, _] => return Err(Skip::LinkControl),
        _ => return Err(Skip::LinkMalformed),
    }
    walk.outer.set_tunnel(Tunnel::Pppoe, u32::from(be16(header, 2)));
    walk.trim(usize::from(be16(header, 4)))?;
    Ok(Layer::Ppp)
}
