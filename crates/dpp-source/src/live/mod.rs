//! Live sources: interfaces and sockets, whose capture has not ended.
//!
//! ```text
//!  source (a thread or several) -> inlet -> queue -> feed -> the engine's chunks
//! ```
//! Each source fills the batches of its [`Inlet`], which hands them to the one [`Queue`]; the [`Feed`] puts them into chunks,
//! and tells the engine when nothing comes. The surprising fact: nothing here ever waits for the engine. Where the queue is
//! full, a source leaves its packets to the kernel, or drops a batch and counts it ([`Count`]), so that no server and no kernel
//! ring is held up by a slow disk.

mod counts;
pub mod dnstap;
#[cfg(feature = "dpdk")]
pub mod dpdk;
mod error;
mod feed;
mod queue;
mod unix_socket;

pub use counts::{COUNTS, Count, Counts};
pub use error::LiveError;
pub use feed::{Feed, Pace};
pub use queue::{Full, Inlet, Queue};
pub use unix_socket::UnixSocket;
