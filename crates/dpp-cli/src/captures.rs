//! The captures of a run: looked at before the work starts, put in order, opened when it is their turn.
//!
//! The look is cheap, a few blocks of each file, and finds most that cannot be read before anything is written.
//! The surprising fact: what is no file (standard input, a FIFO) gives its bytes only once, so it is not looked
//! at. It is opened when it is its turn, and nobody knows before when its first packet was. [`run`](crate::run)
//! hands [`Captures`] to the engine, and asks [`Log`] afterwards what became of them.

use crate::checks::Manner;
use crate::flags::Order;
use crate::inputs::Input;
use anyhow::{anyhow, bail};
use dpp::capture::{
    CaptureError, Chunk, Cutter, FILE_HEADER_MAX, InputError, Settings, check_header, single,
};
use dpp_source::{Source, SourceError, Warnings};
use std::collections::VecDeque;
use std::io::{self, Cursor, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A capture that is, or was, read.
#[derive(Clone)]
pub(crate) struct Taken {
    pub(crate) input: Input,
    /// The outermost compression.
    pub(crate) compression: &'static str,
    warnings: Warnings,
}

impl Taken {
    /// What was odd while reading, oldest first.
    pub(crate) fn oddities(&self) -> Vec<String> {
        self.warnings.list()
    }
}

/// A capture that cannot be read, and was left out.
#[derive(Clone)]
pub(crate) struct Failed {
    pub(crate) input: Input,
    pub(crate) reason: String,
}

/// What becomes of the captures, in the order of the engine's numbers.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) taken: Vec<Taken>,
    pub(crate) failed: Vec<Failed>,
    /// Why the run cannot go on.
    pub(crate) error: Option<anyhow::Error>,
}

/// Opens captures, and remembers what became of them.
#[derive(Clone)]
pub(crate) struct Opener {
    manner: Manner,
    stop: Arc<AtomicBool>,
    log: Arc<Mutex<Log>>,
    consumed: Arc<AtomicU64>,
}

impl Opener {
    pub(crate) fn new(manner: Manner, stop: Arc<AtomicBool>) -> Opener {
        Opener { manner, stop, log: Arc::default(), consumed: Arc::default() }
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes read so far, as they lie on disk, of all captures together.
    pub(crate) fn consumed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.consumed)
    }

    /// Puts captures in order. What cannot be read is found now, as far as it lies in files.
    ///
    /// # Errors
    /// The first that cannot be read, unless the run is to go on without.
    pub(crate) fn look(&self, captures: Vec<Input>) -> anyhow::Result<Vec<Input>> {
        // One needs no order, and is opened next anyway.
        if captures.len() == 1 {
            return Ok(captures);
        }
        let all = captures.len();
        let mut looked = Vec::with_capacity(all);
        for input in captures {
            match self.look_at(&input) {
                Ok(first_ns) => looked.push((first_ns, input)),
                Err(error) => self.leave_out(input, error)?,
            }
        }
        if looked.is_empty() {
            bail!("none of the {all} captures can be read");
        }
        let by_name = |input: &Input| match input {
            Input::Stdin => (true, PathBuf::new()),
            // The path as it was given, if there is no working directory to put it in.
            Input::Path(path) => (false, std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        };
        match self.manner.order {
            Order::Given => {}
            Order::Name => looked.sort_by_cached_key(|(_, input)| by_name(input)),
            // Without a packet there is no time; such captures are last.
            Order::Time => {
                looked
                    .sort_by_cached_key(|(first_ns, input)| (first_ns.is_none(), *first_ns, by_name(input)));
            }
        }
        Ok(looked.into_iter().map(|(_, input)| input).collect())
    }

    /// Looks whether a file can be read. Gives the time of its first packet, if the order is by time.
    fn look_at(&self, input: &Input) -> anyhow::Result<Option<i64>> {
        // What is not there is told by opening it.
        if !input.is_file() && input.is_there() {
            return Ok(None);
        }
        let capture = self.open(input)?;
        if self.manner.order != Order::Time {
            return Ok(None);
        }
        first_packet_ns(capture).map_err(|failed| unread(input, failed.error))
    }

    /// Goes on without a capture, if the user wants it.
    fn leave_out(&self, input: Input, error: anyhow::Error) -> anyhow::Result<()> {
        if !self.manner.keep_going || is_stopped(&error) {
            return Err(error);
        }
        let reason = format!("{error:#}");
        // Nobody may be listening; the report tells it once more.
        let _ = writeln!(io::stderr(), "Error: {reason}; going on without it");
        self.log().failed.push(Failed { input, reason });
        Ok(())
    }

    /// Opens a capture and looks whether the engine will accept it.
    fn open(&self, input: &Input) -> anyhow::Result<Capture> {
        let stop = Arc::clone(&self.stop);
        let mut source = match input {
            Input::Stdin => Source::stdin_until(stop)?,
            Input::Path(path) => Source::open_until(path, stop)?,
        };
        let mut header = Vec::new();
        (&mut source)
            .take(FILE_HEADER_MAX as u64)
            .read_to_end(&mut header)
            .map_err(|error| unread(input, error.into()))?;
        match check_header(&header) {
            Ok(()) => {}
            // What stops looks like the end.
            Err(_) if self.stop.load(Ordering::Acquire) => {
                return Err(SourceError::Stopped { name: input.name() }.into());
            }
            Err(error) => return Err(unread(input, error)),
        }
        Ok(Capture {
            header: Cursor::new(header),
            of_it: source.consumed(),
            counted: 0,
            source,
            of_all: None,
        })
    }

    /// Opens the first of these captures; the others when it is their turn.
    ///
    /// # Errors
    /// If it cannot be read; or none of them, if the run is to go on without those that cannot.
    pub(crate) fn captures(&self, captures: impl IntoIterator<Item = Input>) -> anyhow::Result<Captures> {
        let mut captures =
            Captures { opener: self.clone(), waiting: captures.into_iter().collect(), first: None };
        captures.first = captures.take_next()?;
        Ok(captures)
    }
}

/// Whether a capture was not opened because the run was stopped.
pub(crate) fn is_stopped(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(SourceError::Stopped { .. }))
}

/// What a capture that cannot be read is introduced with.
fn unread(input: &Input, error: CaptureError) -> anyhow::Error {
    anyhow!(error).context(format!("cannot read {}", input.name()))
}

/// The timestamp of the first packet, ns.
fn first_packet_ns(capture: Capture) -> Result<Option<i64>, InputError> {
    let settings =
        Settings { bytes: 4096, packets: 1, jump_ns: 0, monotonic: false, keep_going: false, merge: false };
    let chunk = Cutter::new(single(capture), settings)?.next(Chunk::default())?;
    Ok(chunk.and_then(|chunk| chunk.records.first().map(|record| record.time_ns)))
}

/// Captures, opened one after the other.
pub(crate) struct Captures {
    opener: Opener,
    waiting: VecDeque<Input>,
    /// Already open.
    first: Option<Capture>,
}

impl Captures {
    /// Bytes on disk of the one capture that there is.
    pub(crate) fn size(&self) -> Option<u64> {
        self.first.as_ref().filter(|_| self.waiting.is_empty())?.source.size()
    }

    /// Whether not one could be opened.
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The next that can be read.
    fn take_next(&mut self) -> anyhow::Result<Option<Capture>> {
        while let Some(input) = self.waiting.pop_front() {
            match self.opener.open(&input) {
                Ok(capture) => {
                    let (compression, warnings) =
                        (capture.source.compression().name(), capture.source.warnings());
                    self.opener.log().taken.push(Taken { input, compression, warnings });
                    return Ok(Some(Capture { of_all: Some(self.opener.consumed()), ..capture }));
                }
                Err(error) => self.opener.leave_out(input, error)?,
            }
        }
        Ok(None)
    }
}

impl Iterator for Captures {
    type Item = io::Result<Capture>;

    fn next(&mut self) -> Option<io::Result<Capture>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        if self.opener.stop.load(Ordering::Acquire) {
            return None;
        }
        match self.take_next() {
            Ok(capture) => capture.map(Ok),
            // After a request to stop there is nothing that could be wrong with the next capture.
            Err(error) if is_stopped(&error) => None,
            Err(error) => {
                let told = io::Error::other(format!("{error:#}"));
                self.opener.log().error = Some(error);
                Some(Err(told))
            }
        }
    }
}

/// A capture that is being read, and counts what is read of it.
pub(crate) struct Capture {
    header: Cursor<Vec<u8>>,
    source: Source,
    /// Bytes on disk read of it.
    of_it: Arc<AtomicU64>,
    counted: u64,
    /// And of all captures; a look does not count.
    of_all: Option<Arc<AtomicU64>>,
}

impl Read for Capture {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = match self.header.read(out)? {
            0 => self.source.read(out)?,
            read => read,
        };
        if let Some(of_all) = &self.of_all {
            let consumed = self.of_it.load(Ordering::Relaxed);
            of_all.fetch_add(consumed - self.counted, Ordering::Relaxed);
            self.counted = consumed;
        }
        Ok(read)
    }
}

/// Bytes on disk of all these captures, if all are files.
pub(crate) fn size_of_all(captures: &[Input]) -> Option<u64> {
    captures.iter().map(Input::size).sum()
}
