//! NFLOG, what a Linux firewall logs (link type 239).
//!
//! ```text
//!  | family 1 | version 1 | resource 2 |   then entries:   | length 2 | type 2 | length - 4 bytes, padded to 4 |
//! ```
//! Entries are in the byte order of the host, which nothing states: types are small, so the byte that is 0 tells it. The
//! packet, from its IP header on, is the entry of type 9.

use super::{Layer, Next, Skip, Walk};

const PACKET: u16 = 9;

pub(super) fn decode(walk: &mut Walk) -> Next {
    walk.link_header(4)?;
    loop {
        let head = walk.link_header(4)?;
        let number = if head[3] == 0 { u16::from_le_bytes } else { u16::from_be_bytes };
        let (length, kind) = (number([head[0], head[1]]), number([head[2], head[3]]));
        let Some(length) = usize::from(length).checked_sub(4) else { return Err(Skip::LinkMalformed) };
        if kind == PACKET {
            walk.trim(length)?;
            return Ok(Layer::RawIp);
        }
        walk.link_header(length.next_multiple_of(4))?;
    }
}
