//! Where tables go: lines of text (CSV, TSV, Zeek's logs, JSON), Parquet, Arrow, dnstap, pcap; datasets of such files, and
//! files that follow each other.
//!
//! Each sink is a file here and takes the rows of the engine ([`dpp::pipeline::Sink`]); [`lines`] is what those of text have
//! in common, and [`text`] prints their values; [`messages`] is what formats of messages have in common. [`packed`] compresses what a sink writes; [`relay`] sends frames of
//! dnstap to another receiver; [`part_file`] keeps it under another
//! name until it is complete. [`findings`] are tables of figures, which are written whole.

use dpp::pipeline::Sink;
use std::sync::{Mutex, PoisonError};

#[cfg(feature = "arrow")]
pub mod arrow;
pub mod cdns;
pub mod csv;
pub mod dataset;
pub mod dnstap;
pub mod findings;
pub mod jsonl;
pub mod lines;
mod messages;
pub mod packed;
pub mod packetq;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod part_file;
pub mod parts;
pub mod pcap;
pub mod relay;
pub mod rotating;
#[cfg(test)]
mod testing;
pub mod text;
pub mod zeek;

/// Buffers to write into again.
#[derive(Debug, Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// An empty one.
    fn take(&self) -> Vec<u8> {
        let mut buffer = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        buffer.clear();
        buffer
    }

    fn give_back(&self, buffer: Vec<u8>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

/// A sink that becomes one whole table.
pub trait TableSink<W>: Sink {
    /// Writes what is left, with `metadata` where the format has a place for it, and gives the writer back, to be finished.
    ///
    /// # Errors
    /// The writer's.
    fn finish(self, metadata: Vec<(String, String)>) -> Result<W, Self::Error>;
}
