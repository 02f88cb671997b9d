//! MPLS (RFC 3032 section 2.1), also over UDP (RFC 7510) and IP (RFC 4023).
//!
//! ```text
//!  | label 20 | traffic class 3 | S 1 | TTL 8 |      until S is set, then the payload
//!  | 0000 | flags and length 12 | sequence 16 |      control word before a pseudowire's payload (RFC 4385)
//! ```
//! Nothing says what the payload is. IP begins with 4 or 6, a control word with 0, but so do Ethernet addresses. IP that
//! convinces is IP; then it is Ethernet if its type is one we know; then the first four bits decide.

use super::{Layer, Next, Skip, Tunnel, Walk, be32, guess};

const BOTTOM: u32 = 0x100;

pub(super) fn decode(walk: &mut Walk) -> Next {
    let entry = be32(walk.link_header(4)?, 0);
    walk.outer.set_tunnel(Tunnel::Mpls, entry >> 12);
    if entry & BOTTOM == 0 { Ok(Layer::Mpls) } else { payload(walk) }
}

fn payload(walk: &mut Walk) -> Next {
    let bytes = walk.rest;
    if let Some(layer) = guess::ip(bytes, walk.length) {
        return Ok(layer);
    }
    let is_behind_control_word = bytes.get(4..).is_some_and(guess::is_ethernet);
    if guess::is_ethernet(bytes) && !(bytes.starts_with(&[0; 4]) && is_behind_control_word) {
        return Ok(Layer::Ethernet);
    }
    match bytes.first().ok_or(Skip::LinkCut)? >> 4 {
        0 => walk.link_header(4).map(|_| Layer::Ethernet),
        1 => Err(Skip::TunnelControl), // associated channel (RFC 4385 section 5)
        4 => Ok(Layer::Ipv4),
        6 => Ok(Layer::Ipv6),
        _ => Ok(Layer::Ethernet),
    }
}

/// The payload of a datagram on the port of MPLS: not it if no label is the last.
pub(super) fn in_udp(walk: &mut Walk) -> Next {
    match walk.rest.chunks_exact(4).any(|entry| be32(entry, 0) & BOTTOM != 0) {
        true => decode(walk),
        false => Err(Skip::Port),
    }
}
