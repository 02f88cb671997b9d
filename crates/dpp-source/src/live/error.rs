//! Why a live source cannot be opened: each names the thing and the remedy.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;

/// Why a live source cannot be opened.
#[derive(Debug, Error)]
pub enum LiveError {
    /// Another process receives what is sent to this socket.
    #[error("cannot listen on '{}': somebody listens there already; stop that process, or choose another path", .0.display())]
    SocketInUse(PathBuf),
    /// The path is something else than a socket.
    #[error("cannot listen on '{}': there is something that is no socket; remove it, or choose another path", .0.display())]
    NoSocket(PathBuf),
    /// The path of a socket does not fit.
    #[error("cannot listen on '{}': the path of a socket has at most 107 bytes; choose a shorter one", .0.display())]
    PathTooLong(PathBuf),
    /// The folder is not there, or nothing may be made in it.
    #[error("cannot listen on '{}': {source}; look whether its folder is there and may be written to", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Owner, group or mode of a socket cannot be set.
    #[error("cannot set owner, group and mode of '{}': {source}; another owner needs root", path.display())]
    SocketRights {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An address of TCP cannot be used.
    #[error(
        "cannot listen on {address}: {source}; look whether it is an address of this machine, and the port free"
    )]
    Address {
        /// The address and port.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A certificate or key cannot be used.
    #[error("{what} '{}': {problem}; it must be a file in PEM format", path.display())]
    Credentials {
        /// What the file should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Sockets of Knot DNS are numbered from 1.
    #[error("{0} sockets for Knot DNS: it numbers its channels from 1 to 65535")]
    KnotSockets(u32),
    /// A port of DPDK cannot be captured.
    #[cfg(feature = "dpdk")]
    #[error(transparent)]
    Dpdk(#[from] super::dpdk::DpdkError),
}
