//! Link types that say hardly more than which IP it is.
//!
//! ```text
//!  raw, 12 14 101   nothing: the first four bits of the packet
//!  NULL, 0          | family 4, in the byte order of the host |
//!  LOOP, 108        | family 4, big-endian |
//!  ENC, 109         | family 4, in the byte order of the host | SPI 4 | flags 4 |
//!  PFLOG, 117       | length 1 | family 1 | ..., padded to a multiple of 4
//!  IPNET, 226       | version 1 | family 1 | hook 2 | length 4 | interface 4 | group 4 | zones 4 4 |
//! ```
//! A family is an `AF_` constant of the host. IPv4 is 2 on all of them; IPv6 has a number for each.

use super::{Layer, Next, Skip, Walk};

/// An IP packet of either version.
pub(super) fn raw(walk: &mut Walk) -> Next {
    match walk.rest.first().map(|first| first >> 4) {
        None => Err(Skip::IpCut),
        Some(4) => Ok(Layer::Ipv4),
        Some(6) => Ok(Layer::Ipv6),
        Some(_) => Err(Skip::IpMalformed),
    }
}

pub(super) fn loopback(walk: &mut Walk) -> Next {
    walk.link_header(4).and_then(either_order)
}

pub(super) fn enc(walk: &mut Walk) -> Next {
    walk.link_header(12).and_then(|header| either_order(&header[..4]))
}

pub(super) fn pflog(walk: &mut Walk) -> Next {
    let length = walk.rest.first().map_or(0, |first| usize::from(*first));
    if length == 1 {
        return Err(Skip::LinkMalformed);
    }
    let header = walk.link_header(length.next_multiple_of(4).max(4))?;
    family(header[1])
}

pub(super) fn ipnet(walk: &mut Walk) -> Next {
    walk.link_header(24).and_then(|header| family(header[1]))
}

/// A family in four bytes, of which only the first or the last can be other than 0.
fn either_order(bytes: &[u8]) -> Next {
    match *bytes {
        [number, 0, 0, 0] | [0, 0, 0, number] => family(number),
        _ => Err(Skip::Ethertype),
    }
}

fn family(number: u8) -> Next {
    match number {
        2 => Ok(Layer::Ipv4),
        // Linux, Windows, OpenBSD and NetBSD, Solaris, FreeBSD, macOS.
        10 | 23 | 24 | 26 | 28 | 30 => Ok(Layer::Ipv6),
        _ => Err(Skip::Ethertype),
    }
}
