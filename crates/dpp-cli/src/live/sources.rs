//! From addresses to sources that are open, and then run.

use super::address::Address;
use anyhow::bail;
use dpp::plan::Ports;
use dpp_source::live::{Counts, Queue};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// A source that is open, with all that takes privileges behind it.
pub(super) trait Opened: Send {
    /// Starts its threads, which put packets into the queue under this number until that is stopping.
    fn start(
        self: Box<Self>,
        queue: &Arc<Queue>,
        input: u32,
        counts: Arc<Counts>,
    ) -> io::Result<Vec<JoinHandle<()>>>;
}

/// Opens a source.
///
/// # Errors
/// What stands against it, and what to do.
pub(super) fn open(address: &Address, _ports: &Ports) -> anyhow::Result<Box<dyn Opened>> {
    bail!("'{address}': not yet")
}
