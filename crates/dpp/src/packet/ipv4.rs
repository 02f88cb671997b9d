//! IPv4 (RFC 791 section 3.1).
//!
//! ```text
//!   0       1       2       3
//!  +-------+-------+-------+-------+
//!  |ver|IHL|  TOS  | total length  |
//!  |identification |flags| offset  |
//!  |  TTL  | proto | checksum      |
//!  | source                        |
//!  | destination                   |
//!  | options, up to IHL * 4        |
//!  +-------+-------+-------+-------+
//! ```
//! Total length 0 is what a network card with segmentation offload leaves behind: what the layers around it say counts then.
//! Checksums are not verified: offload leaves them unset on every packet a host sends.

use super::{Addresses, Fragment, IP_PROTOCOLS, Layer, Next, Packet, Skip, Step, Walk, be16, look_up};

const HEADER: usize = 20;
/// More fragments follow.
const MORE: u16 = 0x2000;
/// The fragment offset, in units of 8 bytes.
const OFFSET: u16 = 0x1FFF;
const FRAGMENT: u16 = MORE | OFFSET;

#[inline(always)]
pub(super) fn decode(walk: &mut Walk) -> Next {
    let bytes = walk.rest;
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Err(Skip::IpCut) };
    let header_length = usize::from(header[0] & 0x0F) * 4;
    let total = match usize::from(be16(header, 2)) {
        0 => walk.length,
        stated => stated,
    };
    if header[0] >> 4 != 4 || header_length < HEADER || total < header_length {
        return Err(Skip::IpMalformed);
    }
    let Some(rest) = bytes.get(header_length..total.min(bytes.len())) else { return Err(Skip::IpCut) };
    walk.rest = rest;
    walk.length = total - header_length;
    walk.at_ip(
        Addresses::V4 {
            source: bytes[12..].first_chunk().expect("header is 20 bytes"),
            destination: bytes[16..].first_chunk().expect("header is 20 bytes"),
        },
        bytes,
    );
    if be16(header, 6) & FRAGMENT != 0 {
        return Ok(Layer::Ipv4Fragment);
    }
    transport(header[9])
}

/// What a datagram of this protocol carries.
#[inline(always)]
pub(super) fn transport(protocol: u8) -> Next {
    match protocol {
        // Numbers that only IPv6 uses for its extension headers.
        0 | 43 | 44 | 60 | 135 | 139 | 140 => Err(Skip::IpProtocol),
        protocol => look_up(IP_PROTOCOLS, protocol, Skip::IpProtocol),
    }
}

/// The packet behind whose header the walk stands is a fragment.
#[cold]
pub(super) fn fragment<'a>(walk: &mut Walk<'a>) -> Result<Step<'a>, Skip> {
    let header = walk.ip_header;
    let flags = be16(header, 6);
    Ok(Step::Found(Packet::Fragment(Fragment {
        addresses: walk.addresses.ok_or(Skip::IpMalformed)?,
        protocol: header[9],
        identification: u32::from(be16(header, 4)),
        offset: usize::from(flags & OFFSET) * 8,
        more: flags & MORE != 0,
        payload: walk.rest,
        payload_length: walk.length,
        outer: walk.outer(),
        layers_left: walk.layers_left,
    })))
}
