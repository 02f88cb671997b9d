//! Where the table goes: standard output, or a file that gets its name when it is complete.
//!
//! [`checks`](crate::checks) decides which of them; [`run`](crate::run) opens it, once the input is known to
//! be a capture, and closes it.

use dpp_sink::part_file::PartFile;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

/// What cannot be done when standard output fails.
pub(crate) const STDOUT: &str = "cannot write to standard output";

/// An output that nothing speaks against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Stdout,
    /// A file, there already or not; or a device or FIFO.
    Path(PathBuf),
}

impl Output {
    /// Opens it; a file under its `.part` name.
    pub(crate) fn open(&self) -> anyhow::Result<Opened> {
        let opened = match self {
            Output::Stdout => io::stdout().as_fd().try_clone_to_owned().map(|fd| Opened::Stdout(fd.into())),
            Output::Path(path) => PartFile::create(path).map(Opened::Path),
        };
        opened.map_err(|error| self.explain(error))
    }

    /// An error of its, with its name. A [`PartFile`]'s has it already.
    pub(crate) fn explain(&self, error: impl Into<anyhow::Error>) -> anyhow::Error {
        match self {
            Output::Stdout => error.into().context(STDOUT),
            Output::Path(_) => error.into(),
        }
    }
}

/// An output that is being written.
pub(crate) enum Opened {
    Stdout(File),
    Path(PartFile),
}

impl Opened {
    /// Everything is written: a file gets its name.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Opened::Stdout(mut file) => file.flush(),
            Opened::Path(file) => file.finish(),
        }
    }
}

impl Write for Opened {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Opened::Stdout(file) => file.write(bytes),
            Opened::Path(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Opened::Stdout(file) => file.flush(),
            Opened::Path(file) => file.flush(),
        }
    }
}

/// Whether an output failed because its reader has gone: it has all it wanted.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let is_closed_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_closed_pipe))
}
