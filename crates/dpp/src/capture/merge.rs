//! Merges captures that overlap in time, one for each interface or site, into one by timestamp.
//!
//! Each capture is cut by a [`Cutter`] of its own; of the packets they are at, the earliest goes first, and of several
//! equally early ones that of the input with the smallest number. So packets of one capture keep their order, and if each
//! is sorted by time, so is the whole. A capture that is not is merged as it goes along: what stands behind a packet
//! waits for it.
//!
//! What comes out is read by the cutter like any other capture, in a format that stands in no file and is recognised by
//! nobody, so that the way of a packet is the same:
//!
//! ```text
//!  record header, 26 bytes:
//!    time in ns 8 | input 4 | frame number in it 8 | captured length 4 | link type 2 | data      little-endian
//! ```

use super::{CaptureError, Chunk, Cutter, InputError, Inputs, InputsRead, Record, Settings, Step};
use crate::limits;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io::{self, Read};
use std::iter::{Once, once};

const RECORD_HEADER: usize = 26;

/// Bytes that each capture reads at a time. All of them are open, so it is less than a chunk of the run.
const BYTES: usize = 64 << 10;

/// Any number of captures, read as one.
pub(super) struct Merge<R: Read + Send> {
    /// By the numbers of their inputs; those at their end are gone.
    captures: Vec<Option<Capture<R>>>,
    /// The timestamps of the packets that the captures are at.
    heads: BinaryHeap<Reverse<(i64, usize)>>,
    read: InputsRead,
    /// The record that is being handed out, and how much of it was.
    record: Vec<u8>,
    handed: usize,
}

/// A capture and the packet that it is at.
struct Capture<R: Read + Send> {
    cutter: Cutter<Once<io::Result<R>>>,
    chunk: Chunk,
    at: usize,
    /// How many packets of it were handed out.
    frames: u64,
}

impl<R: Read + Send> Merge<R> {
    /// Opens all inputs.
    pub(super) fn open(mut inputs: impl Inputs<Input = R>) -> Result<Merge<R>, InputError> {
        let (captures, heads, read) = Default::default();
        let mut merge = Merge { captures, heads, read, record: Vec::new(), handed: 0 };
        while let Some(input) = inputs.open_next() {
            let number = merge.captures.len();
            let capture = match merge.heads.len() < limits::MERGED_MAX {
                true => Capture::open(input),
                false => return Err(InputError { input: number, error: CaptureError::TooManyToMerge }),
            };
            merge.captures.push(None);
            match capture {
                Ok(capture) => merge.add(number, capture),
                Err(error) => return Err(InputError { input: number, error }),
            }
        }
        Ok(merge)
    }

    fn add(&mut self, number: usize, mut capture: Capture<R>) {
        self.read.captures += 1;
        match capture.head_ns() {
            Some(time_ns) => {
                self.heads.push(Reverse((time_ns, number)));
                self.captures[number] = Some(capture);
            }
            None => self.read.ended(number, capture.cutter.inputs_read().ending()),
        }
    }

    /// Makes the earliest packet the record to be handed out; `false` if there is none.
    fn advance(&mut self) -> bool {
        self.record.clear();
        self.handed = 0;
        let Some(mut head) = self.heads.peek_mut() else { return false };
        let number = head.0.1;
        let capture = self.captures[number].as_mut().expect("a capture with a head is open");
        capture.write(number, &mut self.record);
        match capture.head_ns() {
            Some(time_ns) => *head = Reverse((time_ns, number)),
            None => {
                PeekMut::pop(head);
                self.read.ended(number, capture.cutter.inputs_read().ending());
                self.captures[number] = None;
            }
        }
        true
    }

    /// What became of the inputs so far.
    pub(super) fn inputs_read(&mut self) -> InputsRead {
        std::mem::take(&mut self.read)
    }
}

impl<R: Read + Send> Read for Merge<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() && (self.handed < self.record.len() || self.advance()) {
            let rest = &self.record[self.handed..];
            let length = rest.len().min(buffer.len() - filled);
            buffer[filled..filled + length].copy_from_slice(&rest[..length]);
            filled += length;
            self.handed += length;
        }
        Ok(filled)
    }
}

impl<R: Read + Send> Capture<R> {
    fn open(input: io::Result<R>) -> Result<Capture<R>, CaptureError> {
        // Its clock is of no interest; that of the merged capture is kept.
        let settings =
            Settings { bytes: BYTES, packets: usize::MAX, jump_ns: i64::MAX, monotonic: false, merge: false };
        let cutter = Cutter::new(once(input), settings).map_err(|error| error.error)?;
        if cutter.holds_blocks() {
            return Err(CaptureError::BlocksToMerge);
        }
        Ok(Capture { cutter, chunk: Chunk::default(), at: 0, frames: 0 })
    }

    /// The timestamp of the packet that the capture is at; `None` at its end.
    fn head_ns(&mut self) -> Option<i64> {
        if self.at == self.chunk.records.len() {
            let next = self.cutter.next(std::mem::take(&mut self.chunk));
            self.chunk = next.expect("an open input, in any order, is read to its end")?;
            self.at = 0;
        }
        Some(self.chunk.records[self.at].time_ns)
    }

    /// Writes the packet that the capture is at, and goes on to the next.
    fn write(&mut self, number: usize, to: &mut Vec<u8>) {
        let record = &self.chunk.records[self.at];
        let Record { time_ns, caplen, linktype, .. } = *record;
        self.frames += 1;
        Header { time_ns, input: number as u32, frame: self.frames, caplen, linktype }.write(to);
        to.extend_from_slice(self.chunk.packet(record));
        self.at += 1;
    }
}

/// What stands before a packet's bytes.
struct Header {
    time_ns: i64,
    input: u32,
    frame: u64,
    caplen: u32,
    linktype: u16,
}

impl Header {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.time_ns.to_le_bytes());
        to.extend(self.input.to_le_bytes());
        to.extend(self.frame.to_le_bytes());
        to.extend(self.caplen.to_le_bytes());
        to.extend(self.linktype.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Header> {
        let (time, rest) = bytes.split_first_chunk()?;
        let (input, rest) = rest.split_first_chunk()?;
        let (frame, rest) = rest.split_first_chunk()?;
        let (caplen, rest) = rest.split_first_chunk()?;
        Some(Header {
            time_ns: i64::from_le_bytes(*time),
            input: u32::from_le_bytes(*input),
            frame: u64::from_le_bytes(*frame),
            caplen: u32::from_le_bytes(*caplen),
            linktype: u16::from_le_bytes(*rest.first_chunk()?),
        })
    }
}

/// What the record at the start of `bytes` is.
pub(super) fn step(bytes: &[u8]) -> Step {
    let Some(Header { time_ns, caplen, linktype, .. }) = Header::read(bytes) else { return Step::More };
    let caplen = caplen as usize;
    match RECORD_HEADER + caplen {
        length if length > bytes.len() => Step::More,
        length => Step::Packet { start: RECORD_HEADER, caplen, time_ns, linktype, length },
    }
}

/// The number of the input that the record at the start of `bytes` comes from, and its number there.
pub(super) fn origin(bytes: &[u8]) -> (u32, u64) {
    let Header { input, frame, .. } = Header::read(bytes).expect("a whole record");
    (input, frame)
}
