//! Ethernet II (IEEE 802.3 clause 3).
//!
//! ```text
//!  +---------------+---------------+-----------+------------ ...
//!  | destination 6 | source 6      | type 2    | payload
//!  +---------------+---------------+-----------+------------ ...
//! ```
//! A type below 0x0600 is a length (802.3 with LLC); its SNAP form carries an ethertype again.

use super::{ETHERTYPES, Next, Skip, Walk, be16, look_up};

const HEADER: usize = 14;
/// LLC and SNAP for an ethertype: AA AA 03, organisation 00 00 00, type.
const SNAP: [u8; 6] = [0xAA, 0xAA, 0x03, 0, 0, 0];

#[inline]
pub(super) fn decode(walk: &mut Walk) -> Next {
    let Some((header, rest)) = walk.rest.split_at_checked(HEADER) else { return Err(Skip::LinkCut) };
    walk.rest = rest;
    match be16(header, 12) {
        length if length < 0x0600 => snap(walk),
        ethertype => look_up(ETHERTYPES, ethertype, Skip::Ethertype),
    }
}

#[cold]
fn snap(walk: &mut Walk) -> Next {
    let Some((header, rest)) = walk.rest.split_at_checked(8) else { return Err(Skip::LinkCut) };
    if header[..6] != SNAP {
        return Err(Skip::Ethertype);
    }
    walk.rest = rest;
    look_up(ETHERTYPES, be16(header, 6), Skip::Ethertype)
}
