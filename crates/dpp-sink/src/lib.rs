//! Where tables go: CSV and Parquet.
//!
//! Each sink is a file here and takes the rows of the engine ([`dpp::pipeline::Sink`]); [`part_file`] keeps output under
//! another name until it is complete, [`text`] prints values.

pub mod csv;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod part_file;
pub mod text;
