//! Memory that goes round: chunks, parts and row lists are used again instead of being given back.
//!
//! Fresh memory costs more than anything that is done with it, as the kernel clears it page by page.

use super::rows::{Row, Rows};
use crate::capture::Chunk;
use crate::stream::Segments;
use crate::transaction::Part;
use std::sync::Mutex;

/// Memory to use again.
#[derive(Debug, Default)]
pub struct Pool {
    parts: Mutex<Vec<Part>>,
    orders: Mutex<Vec<Vec<Row>>>,
    chunks: Mutex<Vec<Chunk>>,
    segments: Mutex<Vec<Segments>>,
}

impl Pool {
    /// Takes back the memory of some rows.
    pub fn recycle(&self, rows: Rows) {
        self.parts.lock().expect("no panic while locked").extend(rows.parts);
        self.orders.lock().expect("no panic while locked").push(rows.order);
    }

    pub(super) fn part(&self, first_position: u64) -> Part {
        let mut part = self.parts.lock().expect("no panic while locked").pop().unwrap_or_default();
        part.reset(first_position);
        if let Some(segments) = self.segments.lock().expect("no panic while locked").pop() {
            part.segments = segments;
        }
        part
    }

    /// Takes back the memory of segments.
    pub(super) fn recycle_segments(&self, mut segments: Segments) {
        segments.clear();
        self.segments.lock().expect("no panic while locked").push(segments);
    }

    pub(super) fn order(&self) -> Vec<Row> {
        let mut order = self.orders.lock().expect("no panic while locked").pop().unwrap_or_default();
        order.clear();
        order
    }

    pub(super) fn chunk(&self) -> Chunk {
        self.chunks.lock().expect("no panic while locked").pop().unwrap_or_default()
    }

    pub(super) fn recycle_chunk(&self, chunk: Chunk) {
        self.chunks.lock().expect("no panic while locked").push(chunk);
    }
}
