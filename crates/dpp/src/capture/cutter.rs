//! Cuts a capture into chunks.
//!
//! The only reader of the inputs, and the only place that sees all packets in order; so it also numbers them, keeps the
//! clock, and notices when time goes backwards. Where one input ends and the next begins, only the format changes: all
//! else goes on, within a chunk too. What is left of a buffer moves to the front of the next: a record that is not
//! complete yet, and the last packet as long as the clock doubts its timestamp, for only the next packet tells whether it
//! is right, and that one may be far away or in another input.

use super::clock::Clock;
use super::dnstap;
use super::merge::{self, Merge};
use super::{
    CaptureError, CaptureRead, Chunk, Chunks, FILE_HEADER_MAX, Format, InputError, Inputs, InputsRead,
    Record, Step,
};
use crate::cdns::FilePreamble;
use crate::packet::Origin;
use std::io::{self, Read};
use std::sync::Arc;

/// How an input ended.
#[derive(Clone, Debug)]
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
        error: Arc<io::Error>,
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
pub struct Cutter<I: Inputs> {
    /// `None` after the last.
    inputs: Option<I>,
    /// What is being read.
    input: Option<Open<I::Input>>,
    /// How many were opened or could not be.
    tried: usize,
    read: InputsRead,
    format: Format,
    settings: Settings,
    /// What the next chunk begins with: the packet in doubt, if there is one, then bytes of the input.
    carry: Vec<u8>,
    doubted: Option<Record>,
    /// Where that one comes from.
    doubted_origin: Option<Origin>,
    /// How many packets there were before this input.
    input_start: u64,
    /// The preambles of C-DNS files that chunks may still need.
    preambles: Vec<(u32, Arc<FilePreamble>)>,
    /// Place in the chunk's bytes where what was read of the input starts, and the offset in the input of that place.
    front: usize,
    offset: u64,
    /// Bytes to drop before the next record: the rest of a block that reaches beyond what was read.
    discard: u64,
    /// Offset in the input where that block starts.
    discard_from: u64,
    /// How many of those bytes are padding that the block does not count.
    discard_padding: u64,
    at_end: bool,
    /// How the input ends, as far as that is known.
    ending: Ending,
    position: u64,
    clock: Clock,
    last_ns: i64,
    span: Option<(i64, i64)>,
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
    /// Whether the inputs overlap in time and are to be merged by timestamp.
    pub merge: bool,
}

/// What bytes are read from.
enum Open<R: Read + Send> {
    /// An input; when it ends, the next is opened.
    Input(R),
    /// All inputs at once.
    Merge(Merge<R>),
}

/// Why hopping stops in a buffer.
enum Stop {
    /// The rest of the buffer is for later: the chunk is full, or the next record is not complete.
    Later,
    /// Nothing more can be read of this input.
    End,
}

impl<I: Inputs> Cutter<I> {
    /// Opens the first input; all of them, if they are to be merged.
    ///
    /// # Errors
    /// [`InputError`] if one is no capture, or there are too many to merge.
    pub fn new(inputs: I, settings: Settings) -> Result<Self, InputError> {
        let mut cutter = Cutter {
            inputs: Some(inputs),
            input: None,
            tried: 0,
            read: InputsRead::default(),
            format: Format::none(),
            settings,
            carry: Vec::new(),
            doubted: None,
            doubted_origin: None,
            preambles: Vec::new(),
            input_start: 0,
            front: 0,
            offset: 0,
            discard: 0,
            discard_from: 0,
            discard_padding: 0,
            at_end: true,
            ending: Ending::Complete,
            position: 0,
            clock: Clock::new(settings.jump_ns),
            last_ns: 0,
            span: None,
            regressions: 0,
            first_regression: None,
        };
        match cutter.inputs.take_if(|_| settings.merge) {
            Some(inputs) => {
                cutter.input = Some(Open::Merge(Merge::open(inputs)?));
                (cutter.format, cutter.at_end) = (Format::Merged, false);
            }
            None => {
                let mut chunk = Chunk::default();
                let at = cutter.open(&mut chunk)?.unwrap_or(0);
                cutter.keep_rest(&mut chunk, at);
            }
        }
        Ok(cutter)
    }

    /// The next chunk, in the memory of `chunk`; `None` at the end of the capture.
    ///
    /// # Errors
    /// [`CaptureError::Regression`] if time goes backwards and must not; others if the next input is no capture.
    pub fn next(&mut self, mut chunk: Chunk) -> Result<Option<Chunk>, InputError> {
        let (mut at, mut wanted) = (self.start(&mut chunk), self.settings.bytes);
        loop {
            self.read(&mut chunk, at, wanted);
            match self.hop(&mut chunk, &mut at)? {
                Stop::Later if chunk.records.len() > usize::from(self.clock.doubts()) => break,
                Stop::Later => {
                    // Not one packet is complete and certain: this takes more bytes than usual.
                    at = self.drop_front(&mut chunk, at);
                    wanted = wanted.max(chunk.filled * 2);
                }
                Stop::End => {
                    self.close();
                    chunk.filled = at;
                    match self.open(&mut chunk)? {
                        Some(first) => at = first,
                        None => {
                            self.settle(&mut chunk, None);
                            break;
                        }
                    }
                }
            }
        }
        self.keep_rest(&mut chunk, at);
        self.hand_preambles(&mut chunk);
        let Some(last) = chunk.records.last() else { return Ok(None) };
        self.span = Some((self.span.map_or(chunk.records[0].time_ns, |span| span.0), last.time_ns));
        Ok(Some(chunk))
    }

    /// Opens the next input, which begins in the chunk's bytes behind what is there. Gives the place of its first record;
    /// `None` if there are no more inputs.
    fn open(&mut self, chunk: &mut Chunk) -> Result<Option<usize>, InputError> {
        let Some(input) = self.inputs.as_mut().and_then(Inputs::open_next) else {
            self.inputs = None;
            return Ok(None);
        };
        let number = self.tried;
        self.tried += 1;
        match input.map_err(CaptureError::Read).and_then(|input| self.begin(input, chunk)) {
            Ok(at) => Ok(Some(at)),
            Err(error) => Err(InputError { input: number, error }),
        }
    }

    /// Reads the file header of an input. Gives the place behind it.
    fn begin(&mut self, mut input: I::Input, chunk: &mut Chunk) -> Result<usize, CaptureError> {
        let start = chunk.filled;
        let read = fill(&mut input, &mut chunk.bytes, &mut chunk.filled, start + FILE_HEADER_MAX);
        let mut filled = std::mem::replace(&mut chunk.filled, start);
        read?;
        let (format, header) = Format::recognise(&chunk.bytes[start..filled])?;
        if let Format::Dnstap(_) = format {
            let opening = dnstap::opening(&chunk.bytes[start..filled]);
            fill(&mut input, &mut chunk.bytes, &mut filled, start + opening)?;
            dnstap::check(&chunk.bytes[start..filled])?;
        }
        (self.input, self.format, self.at_end) = (Some(Open::Input(input)), format, false);
        (chunk.filled, self.front, self.offset) = (filled, start, 0);
        self.read.captures += 1;
        self.input_start = self.position;
        Ok(start + header)
    }

    /// Notes how the input ended.
    fn close(&mut self) {
        let ending = std::mem::replace(&mut self.ending, Ending::Complete);
        // Of a damaged input the rest is not read: nothing more comes.
        self.at_end = true;
        match self.input.take() {
            Some(Open::Input(_)) => self.read.ended(self.tried - 1, ending),
            Some(Open::Merge(mut merge)) => self.read = merge.inputs_read(),
            None => {}
        }
    }

    /// The number of the input that a record at the start of `bytes` comes from.
    fn input_of(&self, bytes: &[u8]) -> usize {
        match self.format {
            Format::Merged => merge::origin(bytes).0 as usize,
            _ => self.tried - 1,
        }
    }

    /// Gives the chunk the preambles of its inputs. Only those of the input at hand, and of the packet in doubt, are needed
    /// later.
    fn hand_preambles(&mut self, chunk: &mut Chunk) {
        chunk.preambles.clear();
        if self.preambles.is_empty() {
            return;
        }
        chunk.preambles.extend_from_slice(&self.preambles);
        let now = self.tried.saturating_sub(1) as u32;
        let doubted = self.doubted_origin.map(|origin| origin.input);
        self.preambles.retain(|(input, _)| *input == now || Some(*input) == doubted);
    }

    /// An empty chunk that begins with what was left of the last one. Gives the place of its first record.
    fn start(&mut self, chunk: &mut Chunk) -> usize {
        chunk.records.clear();
        chunk.records.extend(self.doubted.take());
        chunk.is_quiet = false;
        chunk.is_due = false;
        chunk.live_until_ns = None;
        chunk.origins.clear();
        chunk.origins.extend(self.doubted_origin.take().map(|origin| Origin { packet: 0, ..origin }));
        chunk.first_position = self.position - chunk.records.len() as u64;
        chunk.clock_before_ns = self.clock.ns();
        chunk.filled = self.carry.len();
        if chunk.bytes.len() < chunk.filled {
            chunk.bytes.resize(chunk.filled, 0);
        }
        chunk.bytes[..chunk.filled].copy_from_slice(&self.carry);
        self.carry.clear();
        self.front = chunk.records.first().map_or(0, |record| record.caplen as usize);
        self.front
    }

    /// Keeps for the next chunk the packet in doubt, if there is one, and what lies behind `at`.
    fn keep_rest(&mut self, chunk: &mut Chunk, at: usize) {
        self.offset = self.offset_of(at);
        if let Some(record) = chunk.records.pop_if(|_| self.clock.doubts()) {
            self.carry.extend_from_slice(chunk.packet(&record));
            self.doubted_origin = Origin::of(&chunk.origins, chunk.records.len() as u32);
            self.doubted = Some(Record { start: 0, ..record });
        }
        self.carry.extend_from_slice(&chunk.bytes[at..chunk.filled]);
    }

    /// Drops what lies before `at` and belongs to no packet; only one in doubt can be there. Gives the new place of `at`.
    fn drop_front(&mut self, chunk: &mut Chunk, at: usize) -> usize {
        self.offset = self.offset_of(at);
        self.front = 0;
        if let Some(record) = chunk.records.last_mut() {
            let (start, length) = (record.start as usize, record.caplen as usize);
            chunk.bytes.copy_within(start..start + length, 0);
            (record.start, self.front) = (0, length);
        }
        chunk.bytes.copy_within(at..chunk.filled, self.front);
        chunk.filled -= at - self.front;
        self.front
    }

    /// The offset in the input of a place in the chunk's bytes.
    fn offset_of(&self, at: usize) -> u64 {
        self.offset + (at - self.front) as u64
    }

    /// Reads until there are `wanted` bytes, or no more. First drops, at `at`, what is to be discarded.
    fn read(&mut self, chunk: &mut Chunk, at: usize, wanted: usize) {
        let Some(input) = &mut self.input else { return };
        while !self.at_end && chunk.filled < wanted {
            let before = chunk.filled;
            let read = fill(input, &mut chunk.bytes, &mut chunk.filled, wanted);
            self.at_end = chunk.filled < wanted;
            if let Err(error) = read {
                let offset = self.offset + (chunk.filled - self.front) as u64;
                self.ending = Ending::Unreadable { offset, error: Arc::new(error) };
            }
            if self.discard > 0 {
                debug_assert_eq!(before, at, "what is discarded reaches beyond all that was read");
                let dropped = self.discard.min((chunk.filled - at) as u64);
                self.discard -= dropped;
                self.offset += dropped;
                chunk.bytes.copy_within(at + dropped as usize..chunk.filled, at);
                chunk.filled -= dropped as usize;
            }
        }
    }

    /// Hops from record to record, from `at` on.
    fn hop(&mut self, chunk: &mut Chunk, at: &mut usize) -> Result<Stop, InputError> {
        if self.discard > 0 {
            return Ok(if self.at_end { self.end_of_block() } else { Stop::Later });
        }
        let is_merged = matches!(self.format, Format::Merged);
        if !is_merged {
            self.note_origin(
                chunk,
                self.tried.saturating_sub(1) as u32,
                self.position - self.input_start + 1,
            );
        }
        // Whatever a full chunk ends with must be certain.
        while chunk.records.len() < self.settings.packets || self.clock.doubts() {
            let rest = &chunk.bytes[*at..chunk.filled];
            match self.format.step(rest, self.last_ns) {
                Step::Packet { start, caplen, time_ns, linktype, length } => {
                    if !self.clock.follow(time_ns) && !self.admit(chunk, time_ns) {
                        if let Format::Cdns(reader) = &mut self.format {
                            reader.again();
                        }
                        return Ok(Stop::Later);
                    }
                    if let Err(error) = self.accept(time_ns) {
                        return Err(InputError {
                            input: self.input_of(&chunk.bytes[*at..chunk.filled]),
                            error,
                        });
                    }
                    if is_merged {
                        let (input, frame) = merge::origin(&chunk.bytes[*at..]);
                        self.note_origin(chunk, input, frame);
                    }
                    let (start, clock_ns) = ((*at + start) as u32, self.clock.ns());
                    chunk.records.push(Record { time_ns, clock_ns, start, caplen: caplen as u32, linktype });
                    *at += length;
                }
                step @ (Step::Other { length } | Step::TooLong { length }) => {
                    if let Format::Cdns(reader) = &mut self.format {
                        let input = (self.tried - 1) as u32;
                        self.preambles.extend(reader.new_preamble().map(|preamble| (input, preamble)));
                    }
                    self.read.too_long += u64::from(matches!(step, Step::TooLong { .. }));
                    let here = length.min(rest.len() as u64);
                    (self.discard, self.discard_from) = (length - here, self.offset_of(*at));
                    *at += here as usize;
                    if self.discard > 0 {
                        self.discard_padding = length - self.format.unpadded(rest).unwrap_or(length);
                        return Ok(Stop::Later);
                    }
                }
                Step::More if !self.at_end => return Ok(Stop::Later),
                Step::More if rest.is_empty() => return Ok(Stop::End),
                Step::More => match self.format.unpadded(rest) {
                    Some(length) if length <= rest.len() as u64 => pad(chunk, *at),
                    _ => {
                        let offset = self.offset_of(*at);
                        self.take_cut_block(chunk, at)?;
                        return Ok(self.cut_off(offset));
                    }
                },
                Step::Damaged(what) => {
                    self.ending = Ending::Damaged { offset: self.offset_of(*at), what };
                    return Ok(Stop::End);
                }
            }
        }
        Ok(Stop::Later)
    }

    /// The input ends inside a block, of which something may be read all the same.
    #[cold]
    fn take_cut_block(&mut self, chunk: &mut Chunk, at: &mut usize) -> Result<(), InputError> {
        let rest = &chunk.bytes[*at..chunk.filled];
        let Format::Cdns(reader) = &self.format else { return Ok(()) };
        let time_ns = self.last_ns;
        if !reader.has_items(rest) || !self.clock.follow(time_ns) && !self.admit(chunk, time_ns) {
            return Ok(());
        }
        self.accept(time_ns).map_err(|error| InputError { input: self.tried - 1, error })?;
        let (start, caplen) = (*at as u32, (chunk.filled - *at) as u32);
        let (clock_ns, linktype) = (self.clock.ns(), Record::CDNS_CUT);
        chunk.records.push(Record { time_ns, clock_ns, start, caplen, linktype });
        *at = chunk.filled;
        Ok(())
    }

    /// Notes where the next packet of the chunk comes from.
    fn note_origin(&self, chunk: &mut Chunk, input: u32, frame: u64) {
        let packet = chunk.records.len() as u32;
        Origin::note(&mut chunk.origins, Origin { packet, input, frame });
    }

    /// The input ends inside a block that is to be discarded, or in its padding.
    fn end_of_block(&mut self) -> Stop {
        match std::mem::take(&mut self.discard) {
            missing if missing <= self.discard_padding => Stop::End,
            _ => self.cut_off(self.discard_from),
        }
    }

    /// The input ends inside the record at this offset, for the reason already known if there is one.
    fn cut_off(&mut self, offset: u64) -> Stop {
        if let Ending::Complete = self.ending {
            self.ending = Ending::CutOff { offset };
        }
        Stop::End
    }

    /// A packet whose timestamp is not simply believed: it is the first, or the one before it is in doubt, or it is itself.
    /// `false` if there is no room for it in this chunk.
    #[cold]
    fn admit(&mut self, chunk: &mut Chunk, time_ns: i64) -> bool {
        if self.position == 0 {
            self.clock.start(time_ns);
            // Before the first packet the clock stands where it stands after it: nothing has been quiet since 1970.
            chunk.clock_before_ns = time_ns;
            return true;
        }
        self.settle(chunk, Some(time_ns));
        let room = chunk.records.len() < self.settings.packets;
        if room && !self.clock.follow(time_ns) {
            self.clock.doubt(time_ns);
        }
        room
    }

    /// Decides about the packet in doubt, which is the chunk's last, if there is one.
    fn settle(&mut self, chunk: &mut Chunk, next_ns: Option<i64>) {
        if self.clock.doubts() {
            self.clock.settle(next_ns);
            let last = chunk.records.last_mut().expect("the packet in doubt is the last of its chunk");
            last.clock_ns = self.clock.ns();
        }
    }

    /// Numbers the packet and notices time going backwards.
    #[inline(always)]
    fn accept(&mut self, time_ns: i64) -> Result<(), CaptureError> {
        if time_ns < self.last_ns {
            self.regress(time_ns)?;
        }
        self.last_ns = time_ns;
        self.position += 1;
        Ok(())
    }

    #[cold]
    fn regress(&mut self, time_ns: i64) -> Result<(), CaptureError> {
        let regression = Regression { position: self.position, previous_ns: self.last_ns, time_ns };
        if self.position == 0 {
            return Ok(());
        }
        if self.settings.monotonic {
            return Err(CaptureError::Regression(regression));
        }
        self.regressions += 1;
        self.first_regression.get_or_insert(regression);
        Ok(())
    }

    /// What became of the inputs; meaningful after the last chunk.
    pub fn inputs_read(&mut self) -> InputsRead {
        match &mut self.input {
            Some(Open::Merge(merge)) => merge.inputs_read(),
            _ => std::mem::take(&mut self.read),
        }
    }

    /// Whether the input at hand has blocks, not packets.
    pub(super) fn holds_blocks(&self) -> bool {
        matches!(self.format, Format::Cdns(_))
    }
}

impl<I: Inputs> Chunks for Cutter<I> {
    fn next(&mut self, chunk: Chunk) -> Result<Option<Chunk>, InputError> {
        Cutter::next(self, chunk)
    }

    fn read(&mut self) -> CaptureRead {
        CaptureRead {
            inputs: self.inputs_read(),
            regressions: self.regressions,
            first_regression: self.first_regression,
            first_and_last_ns: self.span,
        }
    }
}

impl<R: Read + Send> Read for Open<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Open::Input(input) => input.read(buffer),
            Open::Merge(merge) => merge.read(buffer),
        }
    }
}

/// Adds the padding that is missing at the end of the block at `at`, which is the last.
#[cold]
fn pad(chunk: &mut Chunk, at: usize) {
    chunk.bytes.truncate(chunk.filled);
    chunk.filled = at + (chunk.filled - at).next_multiple_of(4);
    chunk.bytes.resize(chunk.filled, 0);
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
