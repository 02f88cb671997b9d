//! Link types that say something about a packet and then name its real link type.
//!
//! ```text
//!  PPI, 192     | version 1 | flags 1 | length 2 | link type 4 | fields, up to length |       little-endian
//!  PKTAP, 258   | length 4 | kind 4 | link type 4 | ..., up to length |                       little-endian
//! ```

use super::{LINKTYPES, Next, Skip, Walk, look_up};

pub(super) fn ppi(walk: &mut Walk) -> Next {
    let head = walk.rest.first_chunk::<8>().ok_or(Skip::LinkCut)?;
    let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
    if length < head.len() {
        return Err(Skip::LinkMalformed);
    }
    walk.link_header(length)?;
    linktype([head[4], head[5], head[6], head[7]])
}

pub(super) fn pktap(walk: &mut Walk) -> Next {
    let head = walk.rest.first_chunk::<12>().ok_or(Skip::LinkCut)?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if length < head.len() {
        return Err(Skip::LinkMalformed);
    }
    walk.link_header(length)?;
    match head[4] {
        0 => Err(Skip::LinkControl), // no packet inside
        _ => linktype([head[8], head[9], head[10], head[11]]),
    }
}

fn linktype(number: [u8; 4]) -> Next {
    match number {
        [low, high, 0, 0] => look_up(LINKTYPES, u16::from_le_bytes([low, high]), Skip::Linktype),
        _ => Err(Skip::Linktype),
    }
}
