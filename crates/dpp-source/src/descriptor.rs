//! [`Descriptor`]: the open file or pipe at the bottom of every source.
//!
//! Files, FIFOs, devices and standard input are one thing here: a file descriptor that is read. The one
//! difference: what is no regular file may have nothing to give for hours, so it is waited for with a time
//! limit, and a request to stop is heard between two waits. [`crate::source`] opens them.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::error::SourceError;
use crate::source::Identity;

/// How long one wait for a silent pipe lasts: short enough that Ctrl-C feels immediate.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// An open file descriptor, with what must be known while it is read.
pub(crate) struct Descriptor {
    file: File,
    name: String,
    size: Option<u64>,
    identity: Identity,
    consumed: Arc<AtomicU64>,
    stop: Stop,
}

impl Descriptor {
    /// Opens `path` without waiting for a FIFO's writer: that wait belongs to `read`, which can be stopped.
    pub(crate) fn open(path: &Path, stop: Stop) -> Result<Descriptor, SourceError> {
        let name = format!("'{}'", path.display());
        let nonblocking = OFlags::NONBLOCK.bits() as i32;
        match OpenOptions::new().read(true).custom_flags(nonblocking).open(path) {
            Ok(file) => Descriptor::new(file, name, stop),
            Err(error) => Err(SourceError::from_open(name, error)),
        }
    }

    pub(crate) fn stdin(stop: Stop) -> Result<Descriptor, SourceError> {
        let name = "standard input".to_owned();
        match io::stdin().as_fd().try_clone_to_owned() {
            Ok(fd) => Descriptor::new(File::from(fd), name, stop),
            Err(error) => Err(SourceError::from_open(name, error)),
        }
    }

    fn new(mut file: File, name: String, stop: Stop) -> Result<Descriptor, SourceError> {
        if file.is_terminal() {
            return Err(SourceError::Terminal { name });
        }
        let metadata = match file.metadata() {
            Ok(metadata) if metadata.is_dir() => return Err(SourceError::Directory { name }),
            Ok(metadata) => metadata,
            Err(source) => return Err(SourceError::Io { name, source }),
        };
        let size = metadata.is_file().then(|| ahead(&mut file, metadata.len()));
        let identity = Identity::from(&metadata);
        Ok(Descriptor { file, name, size, identity, consumed: Arc::default(), stop })
    }

    /// How messages call it: a quoted path, or "standard input".
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn size(&self) -> Option<u64> {
        self.size
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    pub(crate) fn consumed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.consumed)
    }

    pub(crate) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    fn is_regular(&self) -> bool {
        self.size.is_some()
    }

    /// Whether one wait made bytes, or their end, available.
    fn wait(&self) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.file, PollFlags::IN)];
        match poll(&mut fds, Some(&WAIT)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Gives `Ok(0)` at the end and when stopped; never `Interrupted` or `WouldBlock`.
impl Read for Descriptor {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.stop.is_set() {
            if !self.is_regular() && !self.wait()? {
                continue;
            }
            match self.file.read(out) {
                Ok(arrived) => {
                    self.consumed.fetch_add(arrived as u64, Ordering::Relaxed);
                    return Ok(arrived);
                }
                // Another reader of the same pipe was faster, or a signal arrived.
                Err(error) if is_passing(error.kind()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(0)
    }
}

fn is_passing(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

/// The bytes from here to the end of a regular file; the kernel is told that they will be read in order.
/// Standard input may stand in the middle of its file.
fn ahead(file: &mut File, len: u64) -> u64 {
    // Advice and progress are comforts: a file system that refuses either is read all the same.
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(&*file, 0, None, rustix::fs::Advice::Sequential);
    len.saturating_sub(file.stream_position().unwrap_or(0))
}

/// The wish to end early: a flag that someone else sets, perhaps given only after opening.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<OnceLock<Arc<AtomicBool>>>);

impl Stop {
    pub(crate) fn on(flag: Arc<AtomicBool>) -> Stop {
        let stop = Stop::default();
        stop.obey(flag);
        stop
    }

    /// The first flag counts.
    pub(crate) fn obey(&self, flag: Arc<AtomicBool>) {
        self.0.get_or_init(|| flag);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.get().is_some_and(|flag| flag.load(Ordering::Acquire))
    }
}
