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
//! Total length 0 is what a network card with segmentation offload leaves behind: the captured length counts then.
//! Checksums are not verified: offload leaves them unset on every packet a host sends.

use super::{Addresses, IP_PROTOCOLS, Next, Skip, Walk, be16, look_up};

const HEADER: usize = 20;
/// More fragments, and the 13 bits of the fragment offset.
const FRAGMENT: u16 = 0x3FFF;

#[inline]
pub(super) fn decode(walk: &mut Walk) -> Next {
    let bytes = walk.rest;
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Err(Skip::IpCut) };
    let header_length = usize::from(header[0] & 0x0F) * 4;
    let total = match usize::from(be16(header, 2)) {
        0 => bytes.len(),
        stated => stated,
    };
    if header[0] >> 4 != 4 || header_length < HEADER || total < header_length {
        return Err(Skip::IpMalformed);
    }
    let Some(rest) = bytes.get(header_length..total.min(bytes.len())) else { return Err(Skip::IpCut) };
    if be16(header, 6) & FRAGMENT != 0 {
        return Err(Skip::Fragment);
    }
    walk.rest = rest;
    walk.length = total - header_length;
    walk.addresses = Some(Addresses::V4 {
        source: bytes[12..].first_chunk().expect("header is 20 bytes"),
        destination: bytes[16..].first_chunk().expect("header is 20 bytes"),
    });
    match header[9] {
        // Numbers that only IPv6 uses for its extension headers.
        0 | 43 | 44 | 60 | 135 | 139 | 140 => Err(Skip::IpProtocol),
        protocol => look_up(IP_PROTOCOLS, protocol, Skip::IpProtocol),
    }
}
