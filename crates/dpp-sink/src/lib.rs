//! Where tables go: lines of text (CSV, TSV, Zeek's logs, JSON) and Parquet.
//!
//! Each sink is a file here and takes the rows of the engine ([`dpp::pipeline::Sink`]); [`lines`] is what those of text have
//! in common, and [`text`] prints their values. [`packed`] compresses what a sink writes; [`part_file`] keeps it under another
//! name until it is complete.

use dpp::pipeline::Sink;

pub mod csv;
pub mod jsonl;
pub mod lines;
pub mod packed;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod part_file;
#[cfg(test)]
mod testing;
pub mod text;
pub mod zeek;

/// A sink that becomes one whole table.
pub trait TableSink<W>: Sink {
    /// Writes what is left, with `metadata` where the format has a place for it, and gives the writer back.
    ///
    /// # Errors
    /// The writer's.
    fn finish(self, metadata: Vec<(String, String)>) -> Result<W, Self::Error>;
}
