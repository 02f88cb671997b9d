//! GRE (RFC 2784, RFC 2890, routing of RFC 1701), its version 1 for PPTP (RFC 2637), and what Cisco puts inside.
//!
//! ```text
//!   0       1       2       3
//!  +-------+-------+-------+-------+
//!  |CRKSs|0|...|ver| protocol      |     C checksum, R routing, K key, S sequence number
//!  | checksum      | offset        |     if C or R
//!  | key                           |     if K; in version 1 payload length and call id, always
//!  | sequence number               |     if S
//!  | family 2, offset 1, length 1, length bytes |  if R: until family and length are 0
//!  +-------+-------+-------+-------+
//!  | acknowledgment                |     version 1, if its A bit (0x0080) is set
//!  +-------+-------+-------+-------+
//! ```
//! A keepalive is a GRE header with protocol 0, or nothing behind it.

use super::{ETHERTYPES, GRE_PROTOCOLS, Layer, Next, Skip, Tunnel, Walk, be16, be32, look_up};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

const ERSPAN: u16 = 0x88BE;
const PPP: u16 = 0x880B;

pub(super) fn decode(walk: &mut Walk) -> Next {
    let head = walk.tunnel_header(4)?;
    let (flags, number) = (be16(head, 0), be16(head, 2));
    match flags & VERSION {
        0 => version_0(walk, flags, number),
        1 if number == PPP && flags & KEY != 0 => pptp(walk, flags),
        _ => Err(Skip::TunnelMalformed),
    }
}

fn version_0(walk: &mut Walk, flags: u16, number: u16) -> Next {
    if flags & (CHECKSUM | ROUTING) != 0 {
        walk.tunnel_header(4)?;
    }
    let key = if flags & KEY != 0 { be32(walk.tunnel_header(4)?, 0) } else { 0 };
    if flags & SEQUENCE != 0 {
        walk.tunnel_header(4)?;
    }
    if flags & ROUTING != 0 {
        routes(walk)?;
    }
    walk.outer.set_tunnel(Tunnel::Gre, key);
    if number == 0 || walk.length == 0 {
        return Err(Skip::TunnelControl);
    }
    // The first ERSPAN has no header, and no sequence number by which its successor is told from it.
    if number == ERSPAN && flags & SEQUENCE == 0 {
        walk.outer.set_tunnel(Tunnel::Erspan, 0);
        return Ok(Layer::Ethernet);
    }
    protocol(number)
}

/// Steps over source routes.
fn routes(walk: &mut Walk) -> Result<(), Skip> {
    loop {
        let head = walk.tunnel_header(4)?;
        if head[3] == 0 && be16(head, 0) == 0 {
            return Ok(());
        }
        walk.tunnel_header(usize::from(head[3]))?;
    }
}

/// What a GRE protocol number leads to: an ethertype, as nearly always, or its own.
pub(super) fn protocol(number: u16) -> Next {
    match look_up(ETHERTYPES, number, Skip::Ethertype) {
        Err(Skip::Ethertype) => look_up(GRE_PROTOCOLS, number, Skip::Ethertype),
        next => next,
    }
}

fn pptp(walk: &mut Walk, flags: u16) -> Next {
    let head = walk.tunnel_header(4)?;
    if flags & SEQUENCE != 0 {
        walk.tunnel_header(4)?;
    }
    if flags & ACKNOWLEDGMENT != 0 {
        walk.tunnel_header(4)?;
    }
    walk.outer.set_tunnel(Tunnel::Pptp, u32::from(be16(head, 2)));
    walk.trim(usize::from(be16(head, 0)))?;
    if walk.length == 0 { Err(Skip::TunnelControl) } else { Ok(Layer::Ppp) }
}

/// WCCP version 2 has a redirect header of 4 bytes before the IPv4 packet, version 1 has none.
pub(super) fn wccp(walk: &mut Walk) -> Next {
    if walk.rest.first().is_some_and(|first| first >> 4 != 4) {
        walk.tunnel_header(4)?;
    }
    Ok(Layer::Ipv4)
}

/// GRE over UDP (RFC 8086): not it if a bit is set that GRE version 0 has no use for.
pub(super) fn in_udp(walk: &mut Walk) -> Next {
    match *walk.tunnel_peek()? {
        [first, second] if (first & 0x4F, second) == (0, 0) => decode(walk),
        _ => Err(Skip::Port),
    }
}
