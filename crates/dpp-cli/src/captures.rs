//! The captures of a run: looked at before the work starts, put in order, opened when it is their turn.
//!
//! The look is cheap, a few blocks of each file, and finds most that cannot be read before anything is written.
//! The surprising fact: what is no file (standard input, a FIFO) gives its bytes only once, so it is not looked
//! at. It is opened when it is its turn, and nobody knows before when its first packet was. [`run`](crate::run)
//! hands [`Captures`] to the engine, and asks [`Log`] afterwards what became of them.

use crate::checks::Manner;
use crate::flags::Order;
use crate::inputs::Input;
use crate::report::none_can;
use anyhow::{anyhow, bail};
use dpp::capture::{
    CaptureError, Chunk, Cutter, FILE_HEADER_MAX, InputError, Settings, check_header, is_sparse, single,
};
use dpp_source::{Source, SourceError, Warnings};
use std::collections::VecDeque;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A capture that is, or was, read.
#[derive(Clone)]
pub(crate) struct Taken {
    pub(crate) input: Input,
    /// The outermost compression.
    pub(crate) compression: &'static str,
    warnings: Warnings,
    at_end: Arc<AtomicBool>,
}

impl Taken {
    /// Whether nothing is left to be read of it; not so if that is because the run was stopped.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at_end.load(Ordering::Acquire)
    }

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
    /// How many were not read, because a dataset has all of their rows.
    pub(crate) complete: usize,
    /// Whether one may lack what packets always have.
    is_sparse: bool,
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
            bail!("{} be read", none_can(all as u64, "capture"));
        }
        let by_name = |input: &Input| match input {
            Input::Stdin | Input::Live(_) => (true, PathBuf::new()),
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
    ///
    /// # Errors
    /// The error, if the user does not.
    pub(crate) fn leave_out(&self, input: Input, error: anyhow::Error) -> anyhow::Result<()> {
        if !self.manner.keep_going || is_stopped(&error) {
            return Err(error);
        }
        let reason = format!("{error:#}");
        // Nobody may be listening; the report tells it once more.
        let _ = writeln!(io::stderr(), "Error: {reason}; going on without it");
        self.log().failed.push(Failed { input, reason });
        Ok(())
    }

    /// Why the engine cannot go on, with the name of the capture.
    pub(crate) fn explain(&self, InputError { input, error }: InputError) -> anyhow::Error {
        let mut log = self.log();
        if let Some(error) = log.error.take() {
            return error;
        }
        let name = log.taken.get(input).map_or_else(|| "the capture".to_owned(), |taken| taken.input.name());
        let is_regression = matches!(error, CaptureError::Regression(_));
        anyhow!(error).context(match is_regression {
            true => format!("{name} is out of order; without --monotonic-capture that does no harm"),
            false => format!("cannot read {name}"),
        })
    }

    /// Opens a capture and looks whether the engine will accept it.
    fn open(&self, input: &Input) -> anyhow::Result<Capture> {
        let stop = Arc::clone(&self.stop);
        let mut source = match input {
            Input::Live(_) => unreachable!("a live source is not opened as a file"),
            Input::Stdin => Source::stdin_until(stop)?,
            Input::Path(path) => Source::open_until(path, stop)?,
        };
        let mut header = Vec::new();
        (&mut source)
            .take(FILE_HEADER_MAX as u64)
            .read_to_end(&mut header)
            .map_err(|error| unread(input, error.into()))?;
        match check_header(&header) {
            Ok(()) => self.log().is_sparse |= is_sparse(&header),
            // What stops looks like the end.
            Err(_) if self.stop.load(Ordering::Acquire) => {
                return Err(SourceError::Stopped { name: input.name() }.into());
            }
            Err(error) => return Err(unread(input, error)),
        }
        let (stop, at_end) = (Arc::clone(&self.stop), Arc::default());
        let consumed = Consumed { of_it: source.consumed(), counted: 0, of_all: None };
        Ok(Capture { header: Cursor::new(header), source, stop, at_end, consumed })
    }

    /// Opens the first of these captures; the others when it is their turn.
    ///
    /// # Errors
    /// If it cannot be read; or none of them, if the run is to go on without those that cannot.
    pub(crate) fn captures(&self, captures: impl IntoIterator<Item = Input>) -> anyhow::Result<Captures> {
        let mut captures = Captures {
            opener: self.clone(),
            waiting: captures.into_iter().collect(),
            first: None,
            handed: 0,
            name: None,
        };
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

/// Whether a file is a capture that has no packet.
pub(crate) fn is_empty(path: &Path) -> bool {
    let first = |source| first_packet_ns(source).ok();
    Source::open(path).ok().and_then(first) == Some(None)
}

/// The timestamp of the first packet, ns.
fn first_packet_ns(capture: impl Read + Send) -> Result<Option<i64>, InputError> {
    let settings = Settings { bytes: 4096, packets: 1, jump_ns: 0, monotonic: false, merge: false };
    let chunk = Cutter::new(single(capture), settings)?.next(Chunk::default())?;
    Ok(chunk.and_then(|chunk| chunk.records.first().map(|record| record.time_ns)))
}

/// Captures, opened one after the other.
pub(crate) struct Captures {
    opener: Opener,
    waiting: VecDeque<Input>,
    /// Already open, and what it is.
    first: Option<(Capture, Input)>,
    /// How many were handed out.
    handed: usize,
    /// Told of each that is handed out, with its number.
    name: Option<Naming>,
}

/// Hears what an input is, before its packets are read. The engine counts only those that could be opened, and which these are is
/// known when it is their turn.
type Naming = Box<dyn FnMut(usize, &Input) + Send>;

impl Captures {
    /// Who wants to hear the inputs' names.
    pub(crate) fn named(mut self, name: impl FnMut(usize, &Input) + Send + 'static) -> Captures {
        self.name = Some(Box::new(name));
        self
    }

    /// How many there may be.
    pub(crate) fn len_max(&self) -> usize {
        usize::from(self.first.is_some()) + self.waiting.len()
    }

    fn hand_out(&mut self, (capture, input): (Capture, Input)) -> Capture {
        if let Some(name) = &mut self.name {
            name(self.handed, &input);
        }
        self.handed += 1;
        capture
    }

    /// Bytes on disk of the one capture that there is.
    pub(crate) fn size(&self) -> Option<u64> {
        self.first.as_ref().filter(|_| self.waiting.is_empty())?.0.source.size()
    }

    /// Whether one of them may lack what packets always have. Of those that cannot be looked at before it is their turn nobody
    /// knows.
    pub(crate) fn is_sparse(&self) -> bool {
        self.opener.log().is_sparse || self.waiting.iter().any(|input| !input.is_file())
    }

    /// Whether not one could be opened.
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The next that can be read.
    fn take_next(&mut self) -> anyhow::Result<Option<(Capture, Input)>> {
        while let Some(input) = self.waiting.pop_front() {
            match self.opener.open(&input) {
                Ok(mut capture) => {
                    capture.consumed.of_all = Some(self.opener.consumed());
                    self.opener.log().taken.push(capture.taken(input.clone()));
                    return Ok(Some((capture, input)));
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
            return Some(Ok(self.hand_out(first)));
        }
        if self.opener.stop.load(Ordering::Acquire) {
            return None;
        }
        match self.take_next() {
            Ok(taken) => taken.map(|taken| Ok(self.hand_out(taken))),
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

/// A capture that is being read.
pub(crate) struct Capture {
    header: Cursor<Vec<u8>>,
    source: Source,
    stop: Arc<AtomicBool>,
    at_end: Arc<AtomicBool>,
    consumed: Consumed,
}

impl Capture {
    fn taken(&self, input: Input) -> Taken {
        let (compression, warnings) = (self.source.compression().name(), self.source.warnings());
        Taken { input, compression, warnings, at_end: Arc::clone(&self.at_end) }
    }
}

impl Read for Capture {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = match self.header.read(out)? {
            0 => self.source.read(out)?,
            read => read,
        };
        if read == 0 && !out.is_empty() && !self.stop.load(Ordering::Acquire) {
            self.at_end.store(true, Ordering::Release);
        }
        self.consumed.count();
        Ok(read)
    }
}

/// Adds what is read of a capture, as it lies on disk, to what is read of all.
struct Consumed {
    of_it: Arc<AtomicU64>,
    counted: u64,
    /// A look does not count.
    of_all: Option<Arc<AtomicU64>>,
}

impl Consumed {
    fn count(&mut self) {
        let Some(of_all) = &self.of_all else { return };
        let now = self.of_it.load(Ordering::Relaxed);
        of_all.fetch_add(now - self.counted, Ordering::Relaxed);
        self.counted = now;
    }
}

/// Bytes on disk of all these captures, if all are files.
pub(crate) fn size_of_all(captures: &[Input]) -> Option<u64> {
    captures.iter().map(Input::size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const HEADER: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0";

    #[test]
    fn what_is_read_is_counted_once_and_as_it_lies_on_disk() {
        let folder = tempfile::tempdir().expect("a place for temporary files");
        let capture = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).expect("a test can write");
            Input::Path(path)
        };
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(&[HEADER, &[0; 16_000]].concat()).expect("memory takes everything");
        let packed = packed.finish().expect("memory takes everything");
        let bytes = (HEADER.len() + packed.len()) as u64;
        let opener = Opener::new(Manner::default(), Arc::default());
        let captures = vec![capture("b", &packed), capture("a", HEADER)];
        let captures = opener.look(captures).expect("both can be read");
        assert_eq!(opener.consumed().load(Ordering::Relaxed), 0, "a look does not count");
        assert_eq!(size_of_all(&captures), Some(bytes));
        for capture in opener.captures(captures).expect("the first can be read") {
            io::copy(&mut capture.expect("both can be read"), &mut io::sink()).expect("it can be read");
        }
        assert_eq!(opener.consumed().load(Ordering::Relaxed), bytes);
        let names: Vec<_> = opener.log().taken.iter().map(|taken| taken.input.name()).collect();
        assert!(names.len() == 2 && names.is_sorted(), "{names:?}");
    }
}
