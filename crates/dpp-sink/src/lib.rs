//! Where tables go: CSV, Parquet and Arrow.
//!
//! Each sink is a file here and takes the rows of the engine ([`dpp::pipeline::Sink`]); [`part_file`] keeps output under
//! another name until it is complete, [`text`] prints values.

use dpp::pipeline::Sink;

#[cfg(feature = "arrow")]
pub mod arrow;
pub mod csv;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod part_file;
pub mod text;

/// A sink that becomes one whole table.
pub trait TableSink<W>: Sink {
    /// Writes what is left, with `metadata` where the format has a place for it, and gives the writer back.
    ///
    /// # Errors
    /// The writer's.
    fn finish(self, metadata: Vec<(String, String)>) -> Result<W, Self::Error>;
}
