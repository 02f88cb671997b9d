//! [`Source`]: the unpacked bytes of one capture, and what a run wants to know about them.
//!
//! Opening peels: as long as the first bytes are those of a compression, one layer is put around the bytes
//! below; what remains must be a capture, or it is refused with what it looks like. The surprising fact:
//! opening already reads, and so may wait for a slow pipe; who must stay interruptible there uses
//! [`Source::open_until`] and [`Source::stdin_until`]. The command line opens sources; the engine reads them.

use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};

use crate::compression::{self, Compression};
use crate::descriptor::{Descriptor, Stop};
use crate::error::SourceError;
use crate::intake::Intake;
use crate::recognise::{self, Content};

/// Layers of compression one inside the other. Two happen (a collector's `.gz` in an archive's `.zst`);
/// more is a mistake or a bomb.
const LAYERS_MAX: usize = 2;

/// The unpacked bytes of a capture, as a [`Read`].
///
/// `read` gives `Ok(0)` at the end of the capture, and when it was asked to stop. A compressed stream that
/// is cut off or damaged first gives everything unpacked before that, then an error of kind
/// [`io::ErrorKind::UnexpectedEof`] (cut off) or [`io::ErrorKind::InvalidData`] (damaged) that names the
/// compression and the byte of its stream. Errors of any other kind are the machine's.
pub struct Source {
    intake: Intake,
    compression: Compression,
    size: Option<u64>,
    identity: Identity,
    consumed: Arc<AtomicU64>,
    stop: Stop,
    warnings: Warnings,
}

impl Source {
    /// Opens a file, FIFO or device. Waits for the first bytes.
    pub fn open(path: &Path) -> Result<Source, SourceError> {
        Source::peel(Descriptor::open(path, Stop::default())?)
    }

    /// Takes the capture from standard input, unless that is a terminal. Waits for the first bytes.
    pub fn stdin() -> Result<Source, SourceError> {
        Source::peel(Descriptor::stdin(Stop::default())?)
    }

    /// Like [`open`](Source::open), but gives up waiting for the first bytes once `stop` is set, with
    /// [`SourceError::Stopped`]. Includes [`stop_on`](Source::stop_on).
    pub fn open_until(path: &Path, stop: Arc<AtomicBool>) -> Result<Source, SourceError> {
        Source::peel(Descriptor::open(path, Stop::on(stop))?)
    }

    /// Like [`stdin`](Source::stdin), with the promise of [`open_until`](Source::open_until).
    pub fn stdin_until(stop: Arc<AtomicBool>) -> Result<Source, SourceError> {
        Source::peel(Descriptor::stdin(Stop::on(stop))?)
    }

    /// Once `stop` is set, `read` gives `Ok(0)`: after 100 ms at the latest, even if a pipe gives nothing.
    /// The first flag given counts.
    pub fn stop_on(self, stop: Arc<AtomicBool>) -> Source {
        self.stop.obey(stop);
        self
    }

    /// The outermost compression.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Bytes on disk that were ahead when the source was opened, compressed as they are; `None` for what is
    /// no regular file.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Bytes read so far, compressed as they are: with [`size`](Source::size), the progress.
    pub fn consumed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.consumed)
    }

    /// Which file this is, whatever name it was opened by.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// What was odd but did not end the reading. A handle: look into it when reading has ended.
    pub fn warnings(&self) -> Warnings {
        self.warnings.clone()
    }

    fn peel(descriptor: Descriptor) -> Result<Source, SourceError> {
        let name = descriptor.name().to_owned();
        let mut source = Source {
            compression: Compression::None,
            size: descriptor.size(),
            identity: descriptor.identity(),
            consumed: descriptor.consumed(),
            stop: descriptor.stop(),
            warnings: Warnings::default(),
            intake: Intake::new(descriptor),
        };
        let mut layers = 0;
        while let Some(compression) = compression::recognise(source.intake.ahead(compression::MAGIC_MAX)) {
            if layers == LAYERS_MAX {
                return Err(SourceError::TooDeep { name, layers_max: LAYERS_MAX });
            }
            layers += 1;
            source = source.unpacked(compression, layers == 1);
        }
        source.checked(name)
    }

    fn unpacked(mut self, compression: Compression, outermost: bool) -> Source {
        if outermost {
            self.compression = compression;
        }
        self.intake = Intake::new(compression::unpack(compression, self.intake, self.warnings.clone()));
        self
    }

    /// The source, if what it gives is a capture.
    fn checked(mut self, name: String) -> Result<Source, SourceError> {
        if recognise::capture(self.intake.ahead(recognise::MAGIC_LEN))
            .is_some_and(|capture| capture.is_read())
        {
            return Ok(self);
        }
        let looks_like = recognise::recognise(self.intake.ahead(recognise::LOOK_LEN));
        if self.stop.is_set() {
            return Err(SourceError::Stopped { name });
        }
        match self.intake.take_trouble() {
            Some(trouble) if matches!(looks_like, Content::Empty | Content::Short(_)) => {
                Err(SourceError::from_trouble(name, trouble))
            }
            _ => Err(SourceError::NotACapture { name: self.compression.describe(name), looks_like }),
        }
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() || self.stop.is_set() {
            return Ok(0);
        }
        match self.intake.give(out) {
            // A decompressor that was stopped believes its stream was cut off.
            0 if !self.stop.is_set() => self.intake.take_trouble().map_or(Ok(0), Err),
            given => Ok(given),
        }
    }
}

/// Which file it is: equal for all names and links of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The device that holds the file.
    pub device: u64,
    /// The file's number on that device.
    pub inode: u64,
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Identity {
        Identity { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Sentences about what was odd while reading; a shared handle, cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    /// All warnings so far, oldest first.
    pub fn list(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn push(&self, warning: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
    }
}

#[cfg(test)]
mod tests;
