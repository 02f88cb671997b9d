//! IEEE 802.11 (section 9.3.2, data frames) and what capture programs put before it.
//!
//! ```text
//!  802.11     | control 2 | duration 2 | address 6 | address 6 | address 6 | sequence 2 |
//!             | address 6, if to and from a distribution system | QoS 2, if QoS | HT 4, if QoS and order | LLC
//!  A-MSDU     | destination 6 | source 6 | length 2 | LLC ..., padded to 4 |        again and again
//!  radiotap   | version 1 | pad 1 | length 2, little-endian | ..., up to length |
//!  Prism      | 144 bytes |
//!  AVS        | 80 21 10 .. | length 4, big-endian | ..., up to length |
//! ```
//! Some cards pad the header to a multiple of 4, which only radiotap would say: it is seen where LLC begins.

use super::{Layer, Next, Skip, Walk, be16, be32};

const PRISM: usize = 144;
/// The beginning of LLC with SNAP.
const LLC: [u8; 3] = [0xAA, 0xAA, 0x03];

const TO_DS_AND_FROM_DS: u8 = 0x03;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

pub(super) fn decode(walk: &mut Walk) -> Next {
    let control = *walk.rest.first_chunk().ok_or(Skip::LinkCut)?;
    data(walk, control, u16::from_le_bytes)
}

/// Some access points send numbers of two bytes, the control field too, in the other order.
pub(super) fn swapped(walk: &mut Walk) -> Next {
    let &[first, second] = walk.rest.first_chunk().ok_or(Skip::LinkCut)?;
    match is_data(second) && !is_data(first) {
        true => data(walk, [second, first], u16::from_be_bytes),
        false => data(walk, [first, second], u16::from_le_bytes),
    }
}

fn is_data(kind: u8) -> bool {
    kind & 0x0F == 0x08
}

/// A frame with this control field, whose numbers `number` reads.
fn data(walk: &mut Walk, [kind, flags]: [u8; 2], number: fn([u8; 2]) -> u16) -> Next {
    if kind & 0x03 != 0 {
        return Err(Skip::LinkMalformed);
    }
    // Management, control, and data frames that have none.
    if !is_data(kind) || kind & 0x40 != 0 {
        return Err(Skip::LinkControl);
    }
    let quality = 24 + if flags & TO_DS_AND_FROM_DS == TO_DS_AND_FROM_DS { 6 } else { 0 };
    let has_quality = kind & 0x80 != 0;
    let length = match (has_quality, flags & ORDER != 0) {
        (false, _) => quality,
        (true, false) => quality + 2,
        (true, true) => quality + 6,
    };
    let header = walk.link_header(length)?;
    if flags & PROTECTED != 0 {
        return Err(Skip::WlanProtected);
    }
    if flags & MORE_FRAGMENTS != 0 || number([header[22], header[23]]) & 0x0F != 0 {
        return Err(Skip::LinkFragment);
    }
    if !walk.rest.starts_with(&LLC) && length % 4 == 2 && walk.rest.get(2..5) == Some(&LLC) {
        walk.link_header(2)?;
    }
    let is_aggregate = has_quality && number([header[quality], header[quality + 1]]) & 0x80 != 0;
    if is_aggregate { Ok(Layer::WlanAggregate) } else { Ok(Layer::Llc) }
}

/// A frame of several packets; used only if it is one after all, as a walk leads to one packet.
pub(super) fn aggregate(walk: &mut Walk) -> Next {
    /// What may follow the last packet: padding and the frame's checksum.
    const TRAILER: usize = 3 + 4;
    let header = walk.link_header(14)?;
    let length = usize::from(be16(header, 12));
    if walk.rest.len() > length + TRAILER {
        return Err(Skip::LinkAggregate);
    }
    walk.trim(length)?;
    Ok(Layer::Llc)
}

pub(super) fn radiotap(walk: &mut Walk) -> Next {
    let head = walk.rest.first_chunk::<8>().ok_or(Skip::LinkCut)?;
    let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
    if head[0] != 0 || length < head.len() {
        return Err(Skip::LinkMalformed);
    }
    walk.link_header(length).map(|_| Layer::Wlan)
}

/// A Prism header, or AVS under the same link type.
pub(super) fn prism(walk: &mut Walk) -> Next {
    if walk.rest.starts_with(&[0x80, 0x21, 0x10]) {
        return avs(walk);
    }
    walk.link_header(PRISM).map(|_| Layer::Wlan)
}

pub(super) fn avs(walk: &mut Walk) -> Next {
    let head = walk.rest.first_chunk::<8>().ok_or(Skip::LinkCut)?;
    let length = be32(head, 4) as usize;
    if length < head.len() {
        return Err(Skip::LinkMalformed);
    }
    walk.link_header(length).map(|_| Layer::Wlan)
}
