//! UDP (RFC 768), and UDP-Lite (RFC 3828).
//!
//! ```text
//!  +--------+--------+--------+--------+------ ...
//!  | source | dest.  | length | check  | payload
//!  +--------+--------+--------+--------+------ ...
//! ```
//! A length of 0 stands for "the rest of the packet" (RFC 2675 section 4). A length beyond the packet is believed as far
//! as there are bytes. UDP-Lite has no length, but says there how much its checksum covers.

use super::{Flow, Skip, Walk, be16};

const HEADER: usize = 8;

/// A UDP datagram inside a packet: who, to whom, and the bytes that were captured of its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sends to whom.
    pub flow: Flow<'a>,
    /// The captured payload; shorter than the datagram when the snaplen cut it.
    pub payload: &'a [u8],
    /// The payload's length in bytes as the headers state it.
    pub payload_length: usize,
}

#[inline(always)]
pub(super) fn decode<'a>(walk: &Walk<'a>) -> Result<Datagram<'a>, Skip> {
    let Some((header, rest)) = walk.rest.split_at_checked(HEADER) else { return Err(Skip::UdpCut) };
    let length = match usize::from(be16(header, 4)) {
        0 => walk.length,
        stated => stated,
    };
    let Some(payload_length) = length.checked_sub(HEADER) else { return Err(Skip::UdpMalformed) };
    Ok(Datagram {
        flow: Flow {
            addresses: walk.addresses.ok_or(Skip::IpMalformed)?,
            source_port: be16(header, 0),
            destination_port: be16(header, 2),
        },
        payload: &rest[..payload_length.min(rest.len())],
        payload_length,
    })
}

/// UDP-Lite: its coverage is 0 or at least its header, too, so this is UDP except for where it ends.
#[cold]
pub(super) fn lite<'a>(walk: &Walk<'a>) -> Result<Datagram<'a>, Skip> {
    let datagram = decode(walk)?;
    Ok(Datagram { payload: &walk.rest[HEADER..], payload_length: walk.length - HEADER, ..datagram })
}
