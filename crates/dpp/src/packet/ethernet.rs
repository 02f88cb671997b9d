//! Ethernet II (IEEE 802.3 clause 3) and the tags that may stand before its type.
//!
//! ```text
//!  +---------------+---------------+-----------+------------ ...
//!  | destination 6 | source 6      | type 2    | payload
//!  +---------------+---------------+-----------+------------ ...
//!
//!  802.1Q, 802.1ad    | priority 3, DEI 1, VLAN id 12 | type 2
//!  802.1ah            | priority 3, DEI 1, UCA 1, reserved 3, I-SID 24 | Ethernet
//!  802.1BR E-tag      | 6 bytes | type 2
//!  VN-tag             | 4 bytes | type 2
//!  Cisco metadata     | version 1, length 1, option 2, security group 2 | type 2
//!  Ethertype DSA      | reserved 2, tag 4 | type 2
//! ```
//! A type below 0x0600 is a length (802.3 with LLC).

use super::{ETHERTYPES, Layer, Next, Skip, Tunnel, Walk, be16, be32, look_up};

const HEADER: usize = 14;
/// Types below this are lengths.
const TYPE_MIN: u16 = 0x0600;

#[inline(always)]
pub(super) fn decode(walk: &mut Walk) -> Next {
    let header = walk.link_header(HEADER)?;
    ethertype(be16(header, 12))
}

/// What a type field leads to.
#[inline(always)]
pub(super) fn ethertype(number: u16) -> Next {
    match number {
        length if length < TYPE_MIN => Ok(Layer::Llc),
        number => look_up(ETHERTYPES, number, Skip::Ethertype),
    }
}

/// A VLAN tag, of whichever number.
pub(super) fn vlan(walk: &mut Walk) -> Next {
    let tag = walk.link_header(4)?;
    walk.outer.push_vlan(be16(tag, 0) & 0x0FFF);
    ethertype(be16(tag, 2))
}

/// 802.1ah: the I-TAG; the customer's Ethernet header follows.
pub(super) fn provider_backbone(walk: &mut Walk) -> Next {
    let tag = walk.link_header(4)?;
    walk.outer.set_tunnel(Tunnel::Pbb, be32(tag, 0) & 0x00FF_FFFF);
    Ok(Layer::Ethernet)
}

/// Four bytes nobody asks for, and a type.
pub(super) fn vn_tag(walk: &mut Walk) -> Next {
    walk.link_header(6).and_then(|tag| ethertype(be16(tag, 4)))
}

/// Six bytes nobody asks for, and a type.
pub(super) fn six_byte_tag(walk: &mut Walk) -> Next {
    walk.link_header(8).and_then(|tag| ethertype(be16(tag, 6)))
}
