//! LLC (IEEE 802.2) and SNAP (RFC 1042), and the rings of old, which have nothing else.
//!
//! ```text
//!  LLC         | DSAP 1 | SSAP 1 | control 1 |       AA AA 03: SNAP follows, 06 06 03: IPv4
//!  SNAP        | organisation 3 | type 2 |           00 00 00 and 00 00 F8: an ethertype
//!  token ring  | AC 1 | FC 1 | destination 6 | source 6 | route, if the source's first bit is set | LLC
//!  FDDI        | FC 1 | destination 6 | source 6 | LLC
//! ```

use super::{ETHERTYPES, Layer, Next, Skip, Walk, be16, look_up};

pub(super) fn decode(walk: &mut Walk) -> Next {
    match walk.link_header(3)? {
        [0xAA, 0xAA, 0x03] => Ok(Layer::Snap),
        [0x06, 0x06, 0x03] => Ok(Layer::Ipv4),
        _ => Err(Skip::Ethertype),
    }
}

pub(super) fn snap(walk: &mut Walk) -> Next {
    let header = walk.link_header(5)?;
    match (&header[..3], be16(header, 3)) {
        ([0, 0, 0 | 0xF8], ethertype) => look_up(ETHERTYPES, ethertype, Skip::Ethertype),
        // Bridged Ethernet with and without its checksum (RFC 2427 section 4.2).
        ([0x00, 0x80, 0xC2], 1 | 7) => Ok(Layer::Ethernet),
        _ => Err(Skip::Ethertype),
    }
}

pub(super) fn token_ring(walk: &mut Walk) -> Next {
    let header = walk.link_header(14)?;
    if header[1] & 0xC0 != 0x40 {
        return Err(Skip::LinkControl);
    }
    if header[8] & 0x80 != 0 {
        let route = walk.rest.first().map_or(2, |first| usize::from(first & 0x1F));
        walk.link_header(route)?;
    }
    Ok(Layer::Llc)
}

pub(super) fn fddi(walk: &mut Walk) -> Next {
    match walk.link_header(13)?[0] & 0xF0 {
        0x50 => Ok(Layer::Llc),
        _ => Err(Skip::LinkControl),
    }
}
