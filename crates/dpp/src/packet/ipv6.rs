//! IPv6 and its extension headers (RFC 8200 sections 3 and 4).
//!
//! ```text
//!   0       1       2       3
//!  +-------+-------+-------+-------+      extension:
//!  |ver| class |   flow label      |      +-------+-------+------- ...
//!  |payload length | next  | hops  |      | next  | length| data
//!  | source, 16 bytes              |      +-------+-------+------- ...
//!  | destination, 16 bytes         |      length in units of 8 bytes, less one
//!  +-------+-------+-------+-------+      (authentication header: 4 bytes, less two)
//! ```
//! Payload length 0 is a jumbogram or segmentation offload: what the layers around it say counts then.

use super::{Addresses, Fragment, IP_PROTOCOLS, Next, Packet, Skip, Step, Walk, be16, be32, look_up};

const HEADER: usize = 40;

#[inline(always)]
pub(super) fn decode(walk: &mut Walk) -> Next {
    let bytes = walk.rest;
    let Some((header, rest)) = bytes.split_at_checked(HEADER) else { return Err(Skip::IpCut) };
    if header[0] >> 4 != 6 {
        return Err(Skip::IpMalformed);
    }
    walk.length = match usize::from(be16(header, 4)) {
        0 => walk.length - HEADER,
        stated => stated,
    };
    walk.rest = &rest[..walk.length.min(rest.len())];
    walk.at_ip(
        Addresses::V6 {
            source: header[8..].first_chunk().expect("header is 40 bytes"),
            destination: header[24..].first_chunk().expect("header is 40 bytes"),
        },
        bytes,
    );
    look_up(IP_PROTOCOLS, header[6], Skip::IpProtocol)
}

/// An extension header that only points on to the next one.
pub(super) fn extension(walk: &mut Walk) -> Next {
    step_over(walk, 8)
}

/// The authentication header: as an extension, but measured in other units.
pub(super) fn authentication(walk: &mut Walk) -> Next {
    step_over(walk, 4)
}

/// Steps over an extension header whose length counts units of `unit` bytes.
fn step_over(walk: &mut Walk, unit: usize) -> Next {
    let Some(head) = walk.rest.first_chunk::<2>() else { return Err(Skip::IpCut) };
    // RFC 8200 section 4.3 counts from 8 bytes in units of 8; RFC 4302 section 2.2 counts from 8 in units of 4.
    let length = 8 + usize::from(head[1]) * unit;
    let next_header = head[0];
    if length > walk.length {
        return Err(Skip::IpMalformed);
    }
    let Some(rest) = walk.rest.get(length..) else { return Err(Skip::IpCut) };
    walk.rest = rest;
    walk.length -= length;
    look_up(IP_PROTOCOLS, next_header, Skip::IpProtocol)
}

/// The fragment header (RFC 8200 section 4.5): next header, reserved, offset 13 bits, 2 reserved, M; identification. One
/// with offset 0 and nothing to follow is a whole datagram (RFC 6946).
#[cold]
pub(super) fn fragment<'a>(walk: &mut Walk<'a>) -> Result<Step<'a>, Skip> {
    let Some((header, rest)) = walk.rest.split_at_checked(8) else { return Err(Skip::IpCut) };
    let Some(length) = walk.length.checked_sub(8) else { return Err(Skip::IpMalformed) };
    (walk.rest, walk.length) = (rest, length);
    let (offset, more) = (usize::from(be16(header, 2) & 0xFFF8), header[3] & 1 != 0);
    if offset == 0 && !more {
        return look_up(IP_PROTOCOLS, header[0], Skip::IpProtocol).map(Step::Into);
    }
    Ok(Step::Found(Packet::Fragment(Fragment {
        addresses: walk.addresses.ok_or(Skip::IpMalformed)?,
        protocol: header[0],
        identification: be32(header, 4),
        offset,
        more,
        payload: walk.rest,
        payload_length: walk.length,
        outer: walk.outer(),
        layers_left: walk.layers_left,
    })))
}
