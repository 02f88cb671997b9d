//! [`SourceError`]: why a source could not be opened.
//!
//! Each variant is the user's to repair, so each names the thing and the remedy. What goes wrong *after*
//! opening is an [`std::io::Error`] of the read. Made in this crate, shown by the command line.

use std::io;

use rustix::io::Errno;

use crate::recognise::Content;

/// Why something cannot be read as a capture. `name` is a quoted path or "standard input".
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is no such file.
    #[error("{name} does not exist; check the path")]
    NotFound {
        /// What was to be opened.
        name: String,
    },
    /// The file is there, but not for this user.
    #[error("{name} may not be read by this user; change its permissions or run as a user who may read it")]
    Permission {
        /// What was to be opened.
        name: String,
    },
    /// A directory was named.
    #[error("{name} is a directory; name a capture file in it")]
    Directory {
        /// What was to be opened.
        name: String,
    },
    /// Nobody types a capture.
    #[error("{name} is a terminal; pipe a capture into it (tcpdump -w - ... | dpp -) or name a file")]
    Terminal {
        /// What was to be opened.
        name: String,
    },
    /// The content, unpacked if it was compressed, is something else.
    #[error("{name} is no capture: it {looks_like}")]
    NotACapture {
        /// What was opened.
        name: String,
        /// What its first bytes look like.
        looks_like: Content,
    },
    /// Compressed again and again.
    #[error("{name} is compressed more than {layers_max} times over; unpack it first")]
    TooDeep {
        /// What was opened.
        name: String,
        /// How many layers are unpacked.
        layers_max: usize,
    },
    /// Compressed, but cut off or damaged before the first bytes of the capture.
    #[error("{name} holds nothing that can be unpacked; fetch it again")]
    Damaged {
        /// What was opened.
        name: String,
        /// Which compression, where, and what is wrong.
        source: io::Error,
    },
    /// The run was stopped before the first bytes came.
    #[error("{name} had given nothing yet when the run was stopped")]
    Stopped {
        /// What was opened.
        name: String,
    },
    /// The process, or the machine, may have no more files open.
    #[error(
        "{name} cannot be opened, as too many files are open; allow more of them (ulimit -n), or read fewer at a time"
    )]
    TooManyOpen {
        /// What was to be opened.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// The machine could not read.
    #[error("{name} cannot be read; check the disk or the pipe's other end")]
    Io {
        /// What was to be read.
        name: String,
        /// What the system says.
        source: io::Error,
    },
}

impl SourceError {
    /// The system refused to open `name`, a quoted path, or to say what it is.
    pub fn from_open(name: String, source: io::Error) -> SourceError {
        if matches!(Errno::from_io_error(&source), Some(Errno::MFILE | Errno::NFILE)) {
            return SourceError::TooManyOpen { name, source };
        }
        match source.kind() {
            io::ErrorKind::NotFound => SourceError::NotFound { name },
            io::ErrorKind::PermissionDenied => SourceError::Permission { name },
            _ => SourceError::Io { name, source },
        }
    }

    /// The first bytes of `name` could not be had.
    pub(crate) fn from_trouble(name: String, source: io::Error) -> SourceError {
        match source.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
                SourceError::Damaged { name, source }
            }
            _ => SourceError::Io { name, source },
        }
    }
}
