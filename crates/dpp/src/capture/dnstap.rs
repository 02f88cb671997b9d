//! dnstap files: each data frame of the stream is a record, dated by the server that wrote it.

use super::{CaptureError, Format, Record, Step};
use crate::dnstap::frames::{self, Frames, WrongOpening};
use crate::dnstap::time_of;

/// A stream of frames.
#[derive(Clone, Debug)]
pub(super) struct Reader(Frames);

/// Opens a stream by its first bytes; `None` if they are another's. Its START is the first thing that is read.
pub(super) fn open(bytes: &[u8]) -> Option<Format> {
    frames::begins(bytes).then(|| Format::Dnstap(Reader(Frames::new())))
}

/// How many bytes its START takes, so that [`check`] can tell what the frames are; no more, as nothing may follow for long.
pub(super) fn opening(bytes: &[u8]) -> usize {
    const ESCAPE: usize = 8;
    let length = bytes[4..ESCAPE].first_chunk().map_or(0, |length| u32::from_be_bytes(*length) as usize);
    ESCAPE + length
}

/// Looks whether the frames are dnstap's.
pub(super) fn check(bytes: &[u8]) -> Result<(), CaptureError> {
    frames::check_opening(bytes).map_err(|wrong| match wrong {
        WrongOpening::OtherContent(content) => CaptureError::OtherFrames(content.escape_ascii().to_string()),
        WrongOpening::Cut => CaptureError::HeaderCut(bytes.len()),
        WrongOpening::Damaged(what) => CaptureError::FramesDamaged(what),
    })
}

impl Reader {
    /// What the frame at the start of `bytes` is. One that does not say when it was written is dated like the one before.
    pub(super) fn step(&mut self, bytes: &[u8], last_ns: i64) -> Step {
        match self.0.step(bytes) {
            frames::Step::Data { start, length, total } => {
                let time_ns = time_of(&bytes[start..start + length]).unwrap_or(last_ns);
                Step::Packet { start, caplen: length, time_ns, linktype: Record::DNSTAP, length: total }
            }
            frames::Step::TooLong { total } => Step::TooLong { length: total },
            frames::Step::Control { total, .. } => Step::Other { length: total as u64 },
            frames::Step::More => Step::More,
            frames::Step::Damaged(what) => Step::Damaged(what),
        }
    }
}
