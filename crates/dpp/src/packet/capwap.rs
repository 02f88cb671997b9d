//! CAPWAP data, between wireless access points and their controller (RFC 5415 section 4.3).
//!
//! ```text
//!  | version 4 = 0, type 4 | words 5, radio 5, binding 5, T 1 | F 1, L 1, W 1, M 1, K 1, 000 | fragment 2 | offset 2 |
//!  | ..., up to words * 4 |
//! ```
//! T: a frame as the binding has it (1: 802.11); otherwise 802.3. F: a fragment. K: a keepalive. Type 1: DTLS follows.

use super::{Layer, Next, Skip, Tunnel, Walk, be32};

const WLAN: u32 = 1;
const NATIVE: u32 = 0x100;
const FRAGMENT: u32 = 0x80;
const KEEPALIVE: u32 = 0x08;

pub(super) fn decode(walk: &mut Walk) -> Next {
    match walk.rest.first() {
        Some(0) | None => {}
        Some(1) => return Err(Skip::Encrypted),
        Some(_) => return Err(Skip::Port),
    }
    let head = walk.tunnel_peek::<8>()?;
    let word = be32(head, 0);
    let length = (word >> 19 & 0x1F) as usize * 4;
    if length < head.len() {
        return Err(Skip::TunnelMalformed);
    }
    walk.tunnel_header(length)?;
    walk.outer.set_tunnel(Tunnel::Capwap, 0);
    match word {
        word if word & KEEPALIVE != 0 => Err(Skip::TunnelControl),
        word if word & FRAGMENT != 0 => Err(Skip::LinkFragment),
        word if word & NATIVE == 0 => Ok(Layer::Ethernet),
        word if word >> 9 & 0x1F == WLAN => Ok(Layer::WlanSwapped),
        _ => Err(Skip::Ethertype),
    }
}
