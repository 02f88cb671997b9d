//! Live sources: interfaces and sockets, whose capture has not ended.
//!
//! ```text
//!  source (a thread or several) -> inlet -> queue -> feed -> the engine's chunks
//! ```
//! Each source fills the batches of its [`Inlet`], which hands them to the one [`Queue`]; the [`Feed`] puts them into chunks,
//! and tells the engine when nothing comes. The surprising fact: nothing here ever waits for the engine. Where the queue is
//! full, a source leaves its packets to the kernel, or drops a batch and counts it ([`Count`]), so that no server and no kernel
//! ring is held up by a slow disk.

pub mod afpacket;
mod counts;
pub mod dnstap;
#[cfg(feature = "dpdk")]
pub mod dpdk;
mod error;
mod feed;
pub mod knot;
mod ports;
mod queue;
#[cfg(all(test, target_os = "linux"))]
mod testing;
mod unix_socket;
#[cfg(all(feature = "xdp", target_os = "linux"))]
pub mod xdp;

pub use counts::{COUNTS, Count, Counts};
pub use error::LiveError;
pub use feed::{Feed, Pace};
pub use queue::{Full, Inlet, Queue};
pub use unix_socket::UnixSocket;

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, ns since 1970 UTC: for messages that do not say when they were.
fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
