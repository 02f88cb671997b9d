//! What columns make their pages with: a codec, and room.
//!
//! Columns that share a lane end their pages one after the other, so they share the room too: it stays in the nearest cache,
//! where that of each column of its own would have been driven out long ago.

use super::compression::{Compression, Compressor};
use parquet::errors::Result;

/// A codec, and room.
pub(super) struct Tools {
    pub(super) compressor: Compressor,
    pub(super) room: Room,
}

/// Room to make a page in. Nothing in it outlives the page.
#[derive(Default)]
pub(super) struct Room {
    /// The encoded values.
    pub(super) encoded: Vec<u8>,
    /// Levels and values, before they are compressed.
    pub(super) page: Vec<u8>,
    /// Codes of runs of numbers.
    pub(super) codes: Vec<u32>,
    /// Values that are no runs.
    pub(super) literals: Vec<u32>,
    /// Numbers, each as often as it is there.
    pub(super) expanded: Vec<i64>,
}

impl Tools {
    pub(super) fn new(compression: Compression) -> Result<Self> {
        Ok(Tools { compressor: Compressor::new(compression)?, room: Room::default() })
    }
}
