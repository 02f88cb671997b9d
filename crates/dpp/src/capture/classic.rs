//! Classic pcap (draft-ietf-opsawg-pcap): a file header, then records.
//!
//! ```text
//!  file header, 24 bytes:  magic 4 | version 2+2 | zone 4 | sigfigs 4 | snaplen 4 | link type 2, FCS 2
//!  record header, 16:      seconds 4 | fraction 4 | captured length 4 | original length 4 | data
//! ```
//! All numbers are in the order the magic number tells; it also tells whether fractions are micro- or nanoseconds.

use super::{CaptureError, Step};
use crate::limits;

pub(super) const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// What the file header says.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    big_endian: bool,
    fraction_ns: i64,
    linktype: u16,
}

impl Reader {
    /// Reads the file header; `None` if the magic number is another's.
    pub(super) fn open(bytes: &[u8]) -> Option<Result<Reader, CaptureError>> {
        let (big_endian, fraction_ns) = match bytes.first_chunk::<4>()? {
            [0xA1, 0xB2, 0xC3, 0xD4] => (true, 1000),
            [0xD4, 0xC3, 0xB2, 0xA1] => (false, 1000),
            [0xA1, 0xB2, 0x3C, 0x4D] => (true, 1),
            [0x4D, 0x3C, 0xB2, 0xA1] => (false, 1),
            _ => return None,
        };
        let Some(header) = bytes.first_chunk::<FILE_HEADER>() else {
            return Some(Err(CaptureError::HeaderCut(bytes.len())));
        };
        // The upper bits of the last field say how long a frame check sequence is; IP lengths trim it off.
        let linktype = number(big_endian, header, 20) as u16;
        Some(Ok(Reader { big_endian, fraction_ns, linktype }))
    }

    #[inline(always)]
    pub(super) fn step(&self, bytes: &[u8]) -> Step {
        let Some(header) = bytes.first_chunk::<RECORD_HEADER>() else {
            return Step::More;
        };
        let caplen = number(self.big_endian, header, 8);
        if caplen > limits::CAPLEN_MAX {
            return Step::Damaged("a packet longer than any capture tool writes");
        }
        let length = RECORD_HEADER + caplen as usize;
        if length > bytes.len() {
            return Step::More;
        }
        let seconds = i64::from(number(self.big_endian, header, 0));
        // A fraction of a whole second or more, which broken writers leave, carries over.
        let fraction = i64::from(number(self.big_endian, header, 4));
        Step::Packet {
            start: RECORD_HEADER,
            caplen: caplen as usize,
            time_ns: seconds * 1_000_000_000 + fraction * self.fraction_ns,
            linktype: self.linktype,
            length,
        }
    }
}

#[inline(always)]
fn number(big_endian: bool, header: &[u8], at: usize) -> u32 {
    let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
    if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}
