//! TCP (RFC 9293 section 3.1).
//!
//! ```text
//!   0       1       2       3
//!  +-------+-------+-------+-------+
//!  | source port   | dest. port    |
//!  | sequence number               |
//!  | acknowledgment number         |
//!  |off|res| flags | window        |
//!  | checksum      | urgent        |
//!  | options, up to offset * 4     |
//!  +-------+-------+-------+-------+
//! ```
//! Neither checksum nor window is looked at: offload leaves the one unset, and the other says nothing about what was sent.

use super::{Flow, Skip, Walk, be16, be32};

const HEADER: usize = 20;

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Who sends to whom.
    pub flow: Flow<'a>,
    /// The sequence number of the first byte of the payload; of a SYN, its own.
    pub sequence: u32,
    /// What the sender has received, if [`Segment::ACK`] is set.
    pub acknowledgment: u32,
    /// The eight flags from CWR to FIN.
    pub flags: u8,
    /// The captured payload.
    pub payload: &'a [u8],
    /// The payload's length in bytes as the headers state it; more than `payload` when the snaplen cut the packet.
    pub payload_length: usize,
}

impl Segment<'_> {
    /// No more data follows.
    pub const FIN: u8 = 0x01;
    /// The connection begins.
    pub const SYN: u8 = 0x02;
    /// The connection is torn down.
    pub const RST: u8 = 0x04;
    /// `acknowledgment` means something.
    pub const ACK: u8 = 0x10;

    /// Whether a flag is set.
    #[inline]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

#[inline(always)]
pub(super) fn decode<'a>(walk: &Walk<'a>) -> Result<Segment<'a>, Skip> {
    let Some(header) = walk.rest.first_chunk::<HEADER>() else { return Err(Skip::TcpCut) };
    let header_length = usize::from(header[12] >> 4) * 4;
    let Some(payload_length) = walk.length.checked_sub(header_length) else { return Err(Skip::TcpMalformed) };
    if header_length < HEADER {
        return Err(Skip::TcpMalformed);
    }
    Ok(Segment {
        flow: Flow {
            addresses: walk.addresses.ok_or(Skip::IpMalformed)?,
            source_port: be16(header, 0),
            destination_port: be16(header, 2),
        },
        sequence: be32(header, 4),
        acknowledgment: be32(header, 8),
        flags: header[13],
        payload: walk.rest.get(header_length..).unwrap_or_default(),
        payload_length,
    })
}
