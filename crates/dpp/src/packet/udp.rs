//! UDP (RFC 768).
//!
//! ```text
//!  +--------+--------+--------+--------+------ ...
//!  | source | dest.  | length | check  | payload
//!  +--------+--------+--------+--------+------ ...
//! ```
//! A length of 0 stands for "the rest of the packet" (RFC 2675 section 4). A length beyond the packet is believed as far
//! as there are bytes.

use super::{Datagram, Skip, Walk, be16};

const HEADER: usize = 8;

#[inline]
pub(super) fn decode<'a>(walk: &Walk<'a>) -> Result<Datagram<'a>, Skip> {
    let Some((header, rest)) = walk.rest.split_at_checked(HEADER) else { return Err(Skip::UdpCut) };
    let length = match usize::from(be16(header, 4)) {
        0 => walk.length,
        stated => stated,
    };
    let Some(payload_length) = length.checked_sub(HEADER) else { return Err(Skip::UdpMalformed) };
    Ok(Datagram {
        addresses: walk.addresses.ok_or(Skip::IpMalformed)?,
        source_port: be16(header, 0),
        destination_port: be16(header, 2),
        payload: &rest[..payload_length.min(rest.len())],
        payload_length,
    })
}
