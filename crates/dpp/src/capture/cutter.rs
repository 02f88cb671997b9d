//! Cuts the stream of a capture into chunks.
//!
//! The only reader of the input, and the only place that sees all packets in order; so it also numbers them, keeps the
//! clock, and notices when time goes backwards. A record that is not complete yet moves to the front of the next buffer.

use super::{CaptureError, Chunk, FILE_HEADER_MAX, Format, Record, Step, clock};
use crate::limits;
use std::io::{self, Read};

/// How the capture ended.
#[derive(Debug)]
pub enum Ending {
    /// After a whole record.
    Complete,
    /// In the middle of the record at this byte offset of the (decompressed) stream.
    CutOff {
        /// Where the last, incomplete record starts.
        offset: u64,
    },
    /// With a record header that cannot be.
    Damaged {
        /// Where the damaged header starts in the (decompressed) stream.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The input could not be read further: the compressed stream is damaged or cut off, or the device failed.
    Unreadable {
        /// How many (decompressed) bytes were read.
        offset: u64,
        /// What the reader said.
        error: io::Error,
    },
    /// The run was interrupted.
    Interrupted,
}

/// Where a timestamp went backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regression {
    /// Position of the packet that is earlier than the one before it, from 0.
    pub position: u64,
    /// Timestamp of the packet before, ns.
    pub previous_ns: i64,
    /// Timestamp of this packet, ns.
    pub time_ns: i64,
}

/// Reads a capture and hands it out chunk by chunk.
pub struct Cutter<R> {
    input: R,
    format: Format,
    settings: Settings,
    /// Bytes that belong to the next chunk.
    carry: Vec<u8>,
    /// Offset in the stream of the first byte of `carry`.
    offset: u64,
    /// Bytes to drop before the next record: the rest of a block that reaches beyond what was read.
    discard: u64,
    /// Offset in the stream where that block starts.
    discard_from: u64,
    position: u64,
    clock_ns: i64,
    last_ns: i64,
    first_ns: i64,
    at_end: bool,
    ending: Ending,
    regressions: u64,
    first_regression: Option<Regression>,
}

/// How to cut.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Bytes to read for a chunk.
    pub bytes: usize,
    /// The most packets of a chunk.
    pub packets: usize,
    /// J in ns.
    pub jump_ns: i64,
    /// Whether a regression is an error.
    pub monotonic: bool,
}

/// The bytes read so far do not tell.
struct TooFew;

/// Why hopping stops in a buffer.
enum Stop {
    /// The rest of the buffer is for later: the chunk is full, or the next record is not complete.
    Later,
    /// Nothing more can be read.
    End,
}

impl<R: Read> Cutter<R> {
    /// Reads the file header.
    ///
    /// # Errors
    /// [`CaptureError`] if this is no capture.
    pub fn new(mut input: R, settings: Settings) -> Result<Self, CaptureError> {
        let (mut carry, mut filled) = (Vec::new(), 0);
        fill(&mut input, &mut carry, &mut filled, FILE_HEADER_MAX)?;
        carry.truncate(filled);
        let (format, header) = Format::recognise(&carry)?;
        carry.drain(..header);
        Ok(Cutter {
            input,
            format,
            settings,
            carry,
            offset: header as u64,
            discard: 0,
            discard_from: 0,
            position: 0,
            clock_ns: 0,
            last_ns: 0,
            first_ns: 0,
            at_end: false,
            ending: Ending::Complete,
            regressions: 0,
            first_regression: None,
        })
    }

    /// The next chunk, in the memory of `chunk`; `None` at the end of the capture.
    ///
    /// # Errors
    /// [`CaptureError::Regression`] if time goes backwards and must not.
    pub fn next(&mut self, mut chunk: Chunk) -> Result<Option<Chunk>, CaptureError> {
        self.start(&mut chunk);
        let (mut at, mut wanted) = (0, self.settings.bytes);
        loop {
            self.read(&mut chunk, wanted);
            let stop = self.hop(&mut chunk, &mut at)?;
            if let Stop::End = stop {
                (self.at_end, at) = (true, chunk.filled);
            } else if chunk.records.is_empty() {
                // Not one record is complete: this takes more bytes than usual.
                self.drop_front(&mut chunk, at);
                (at, wanted) = (0, wanted.max(chunk.filled * 2));
                continue;
            }
            break;
        }
        self.offset += at as u64;
        self.carry.extend_from_slice(&chunk.bytes[at..chunk.filled]);
        Ok((!chunk.records.is_empty()).then_some(chunk))
    }

    /// An empty chunk that begins with what was left of the last one.
    fn start(&mut self, chunk: &mut Chunk) {
        chunk.records.clear();
        (chunk.first_position, chunk.clock_before_ns) = (self.position, self.clock_ns);
        chunk.filled = self.carry.len();
        if chunk.bytes.len() < chunk.filled {
            chunk.bytes.resize(chunk.filled, 0);
        }
        chunk.bytes[..chunk.filled].copy_from_slice(&self.carry);
        self.carry.clear();
    }

    fn drop_front(&mut self, chunk: &mut Chunk, length: usize) {
        chunk.bytes.copy_within(length..chunk.filled, 0);
        chunk.filled -= length;
        self.offset += length as u64;
    }

    /// Reads until there are `wanted` bytes, or no more. First drops what is to be discarded.
    fn read(&mut self, chunk: &mut Chunk, wanted: usize) {
        while !self.at_end && chunk.filled < wanted {
            let before = chunk.filled;
            let read = fill(&mut self.input, &mut chunk.bytes, &mut chunk.filled, wanted);
            self.at_end = chunk.filled < wanted;
            if let Err(error) = read {
                self.ending = Ending::Unreadable { offset: self.offset + chunk.filled as u64, error };
            }
            if self.discard > 0 {
                debug_assert_eq!(before, 0, "what is discarded reaches beyond all that was read");
                let dropped = self.discard.min(chunk.filled as u64);
                self.discard -= dropped;
                self.drop_front(chunk, dropped as usize);
            }
        }
    }

    /// Hops from record to record, from `at` on.
    fn hop(&mut self, chunk: &mut Chunk, at: &mut usize) -> Result<Stop, CaptureError> {
        if self.discard > 0 {
            return Ok(self.cut_off(self.discard_from));
        }
        while chunk.records.len() < self.settings.packets {
            let rest = &chunk.bytes[*at..chunk.filled];
            match self.format.step(rest, self.last_ns) {
                Step::Packet { start, caplen, time_ns, linktype, length } => {
                    let Ok(clock_ns) = self.clock_after(time_ns, &rest[length..]) else {
                        return Ok(Stop::Later);
                    };
                    self.accept(time_ns, clock_ns)?;
                    let start = (*at + start) as u32;
                    chunk.records.push(Record { time_ns, clock_ns, start, caplen: caplen as u32, linktype });
                    *at += length;
                }
                Step::Other { length } => {
                    let here = length.min(rest.len() as u64);
                    (self.discard, self.discard_from) = (length - here, self.offset + *at as u64);
                    *at += here as usize;
                    if self.discard > 0 {
                        return Ok(Stop::Later);
                    }
                }
                Step::More if !self.at_end => return Ok(Stop::Later),
                Step::More if rest.is_empty() => return Ok(Stop::End),
                Step::More => return Ok(self.cut_off(self.offset + *at as u64)),
                Step::Damaged(what) => {
                    self.ending = Ending::Damaged { offset: self.offset + *at as u64, what };
                    return Ok(Stop::End);
                }
            }
        }
        Ok(Stop::Later)
    }

    /// The stream ends inside the record at this offset, for the reason already known if there is one.
    fn cut_off(&mut self, offset: u64) -> Stop {
        if let Ending::Complete = self.ending {
            self.ending = Ending::CutOff { offset };
        }
        Stop::End
    }

    /// The clock after a packet at `time_ns`, before the bytes in `rest`. An error if they are too few to tell.
    #[inline(always)]
    fn clock_after(&self, time_ns: i64, rest: &[u8]) -> Result<i64, TooFew> {
        if self.position == 0 {
            return Ok(time_ns);
        }
        clock::after(self.clock_ns, time_ns, self.settings.jump_ns, || self.peek(rest, time_ns))
    }

    /// The timestamp of the next packet in `rest`. It must come soon: what lies behind [`limits::PEEK_MAX`] confirms nothing.
    #[cold]
    fn peek(&self, rest: &[u8], last_ns: i64) -> Result<Option<i64>, TooFew> {
        let (mut format, mut at) = (self.format.clone(), 0);
        while at < limits::PEEK_MAX {
            let Some(rest) = rest.get(at..) else { break };
            match format.step(rest, last_ns) {
                Step::Packet { time_ns, .. } => return Ok(Some(time_ns)),
                Step::Other { length } => at = at.saturating_add(length as usize),
                Step::More => break,
                Step::Damaged(_) => return Ok(None),
            }
        }
        if at < limits::PEEK_MAX && !self.at_end { Err(TooFew) } else { Ok(None) }
    }

    /// Numbers the packet, sets the clock, and notices time going backwards.
    #[inline(always)]
    fn accept(&mut self, time_ns: i64, clock_ns: i64) -> Result<(), CaptureError> {
        if time_ns < self.last_ns && self.position > 0 {
            self.regress(time_ns)?;
        }
        if self.position == 0 {
            self.first_ns = time_ns;
        }
        (self.last_ns, self.clock_ns) = (time_ns, clock_ns);
        self.position += 1;
        Ok(())
    }

    #[cold]
    fn regress(&mut self, time_ns: i64) -> Result<(), CaptureError> {
        let regression = Regression { position: self.position, previous_ns: self.last_ns, time_ns };
        if self.settings.monotonic {
            return Err(CaptureError::Regression(regression));
        }
        self.regressions += 1;
        self.first_regression.get_or_insert(regression);
        Ok(())
    }

    /// How the capture ended; meaningful after the last chunk.
    pub fn ending(&mut self) -> Ending {
        std::mem::replace(&mut self.ending, Ending::Complete)
    }

    /// The timestamps of the first and the last packet, ns; `None` before the first.
    pub fn span(&self) -> Option<(i64, i64)> {
        (self.position > 0).then_some((self.first_ns, self.last_ns))
    }

    /// How often time went backwards, and the first time it did.
    pub fn regressions(&self) -> (u64, Option<Regression>) {
        (self.regressions, self.first_regression)
    }
}

/// Reads into `bytes` from `filled` on until `wanted` bytes are there or the input ends.
fn fill(input: &mut impl Read, bytes: &mut Vec<u8>, filled: &mut usize, wanted: usize) -> io::Result<()> {
    if bytes.len() < wanted {
        bytes.resize(wanted, 0);
    }
    while *filled < wanted {
        match input.read(&mut bytes[*filled..wanted]) {
            Ok(0) => break,
            Ok(read) => *filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
