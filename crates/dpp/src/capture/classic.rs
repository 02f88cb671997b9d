//! Classic pcap (draft-ietf-opsawg-pcap): a file header, then records.
//!
//! ```text
//!  file header, 24 bytes:  magic 4 | version 2+2 | zone 4 | sigfigs 4 | snaplen 4 | link type 2, FCS 2
//!  record header, 16:      seconds 4 | fraction 4 | captured length 4 | original length 4 | data
//! ```
//! All numbers are in the order the magic number tells; it also tells whether fractions are micro- or nanoseconds. Old
//! programs wrote the two lengths the other way round, and some kernels longer record headers, with a magic number of
//! their own; libpcap reads them, and so do we.

use super::{CaptureError, Format, Step};
use crate::limits;

pub(super) const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// The record header with which some Linux kernels were patched: interface 4 | protocol 2 | kind 1 | nothing 1 more.
const LONG_RECORD_HEADER: usize = 24;

/// Opens a capture by its file header; `None` if the magic number is another's.
pub(super) fn open(bytes: &[u8]) -> Option<Result<Format, CaptureError>> {
    let (big_endian, fraction_ns, record_header) = match bytes.first_chunk::<4>()? {
        [0xA1, 0xB2, 0xC3, 0xD4] => (true, 1000, RECORD_HEADER),
        [0xD4, 0xC3, 0xB2, 0xA1] => (false, 1000, RECORD_HEADER),
        [0xA1, 0xB2, 0x3C, 0x4D] => (true, 1, RECORD_HEADER),
        [0x4D, 0x3C, 0xB2, 0xA1] => (false, 1, RECORD_HEADER),
        [0xA1, 0xB2, 0xCD, 0x34] => (true, 1000, LONG_RECORD_HEADER),
        [0x34, 0xCD, 0xB2, 0xA1] => (false, 1000, LONG_RECORD_HEADER),
        _ => return None,
    };
    let Some(header) = bytes.first_chunk::<FILE_HEADER>() else {
        return Some(Err(CaptureError::HeaderCut(bytes.len())));
    };
    // The upper bits of the last field say how long a frame check sequence is; IP lengths trim it off.
    let linktype = number(big_endian, header, 20) as u16;
    let reader = Reader { big_endian, fraction_ns, linktype };
    let version = [4, 6].map(|at| match big_endian {
        true => u16::from_be_bytes([header[at], header[at + 1]]),
        false => u16::from_le_bytes([header[at], header[at + 1]]),
    });
    let lengths = match version {
        [2, 0..=2] => Lengths::Swapped,
        [2, 3] => Lengths::Either,
        _ => Lengths::Usual,
    };
    Some(Ok(match (record_header, lengths) {
        (RECORD_HEADER, Lengths::Usual) => Format::Classic(reader),
        _ => Format::OddClassic(OddReader { reader, record_header, lengths }),
    }))
}

/// Where the captured length stands.
#[derive(Clone, Copy, Debug)]
enum Lengths {
    /// Before the original length.
    Usual,
    /// Behind it.
    Swapped,
    /// Here or there; it is the smaller one.
    Either,
}

/// Reads the records that everybody writes.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    big_endian: bool,
    fraction_ns: i64,
    linktype: u16,
}

impl Reader {
    #[inline(always)]
    pub(super) fn step(&self, bytes: &[u8]) -> Step {
        match bytes.first_chunk() {
            Some(header) => self.record(bytes, header, number(self.big_endian, header, 8), RECORD_HEADER),
            None => Step::More,
        }
    }

    /// A record whose data, so long, begins at `start`.
    #[inline(always)]
    fn record(&self, bytes: &[u8], header: &[u8; RECORD_HEADER], caplen: u32, start: usize) -> Step {
        if caplen > limits::CAPLEN_MAX {
            return Step::Damaged("a packet longer than any capture tool writes");
        }
        let length = start + caplen as usize;
        if length > bytes.len() {
            return Step::More;
        }
        let seconds = i64::from(number(self.big_endian, header, 0));
        // A fraction of a whole second or more, which broken writers leave, carries over.
        let fraction = i64::from(number(self.big_endian, header, 4));
        Step::Packet {
            start,
            caplen: caplen as usize,
            time_ns: seconds * 1_000_000_000 + fraction * self.fraction_ns,
            linktype: self.linktype,
            length,
        }
    }
}

/// Reads records that are otherwise.
#[derive(Clone, Debug)]
pub(super) struct OddReader {
    reader: Reader,
    record_header: usize,
    lengths: Lengths,
}

impl OddReader {
    pub(super) fn step(&self, bytes: &[u8]) -> Step {
        let Some(header) = bytes.first_chunk() else { return Step::More };
        let [first, second] = [8, 12].map(|at| number(self.reader.big_endian, header, at));
        let caplen = match self.lengths {
            Lengths::Usual => first,
            Lengths::Swapped => second,
            Lengths::Either => first.min(second),
        };
        self.reader.record(bytes, header, caplen, self.record_header)
    }
}

#[inline(always)]
fn number(big_endian: bool, header: &[u8], at: usize) -> u32 {
    let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
    if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}
