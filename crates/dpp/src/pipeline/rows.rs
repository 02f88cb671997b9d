//! Rows: what a sink gets of a chunk.
//!
//! Nothing is copied or sorted: rows are the events of queries, where the shards left them, and a list that tells which
//! events are rows, in capture order.

use super::pool::Pool;
use crate::transaction::{Event, Part, State, Transaction};

/// The finished rows of a chunk, in capture order.
#[derive(Debug)]
pub struct Rows {
    /// The shards' parts.
    pub(super) parts: Vec<Part>,
    /// Which events are rows.
    pub(super) order: Vec<Row>,
}

/// An event that is a row: shard in the upper 8 bits, index in the shard's part below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row(u32);

impl Row {
    const INDEX_BITS: u32 = 24;

    #[inline]
    pub(super) fn new(shard: usize, index: usize) -> Row {
        Row((shard as u32) << Self::INDEX_BITS | index as u32)
    }

    #[inline]
    fn shard(self) -> usize {
        (self.0 >> Self::INDEX_BITS) as usize
    }

    #[inline]
    fn index(self) -> usize {
        (self.0 & ((1 << Self::INDEX_BITS) - 1)) as usize
    }
}

impl Rows {
    /// Takes the parts of a chunk and its queries in order. Retries are no rows; a query that is still open, because the
    /// run was interrupted, ends them.
    pub(super) fn new(parts: Vec<Part>, mut order: Vec<Row>) -> Rows {
        let state = |row: &Row| parts[row.shard()].events[row.index()].state;
        let open = order.iter().position(|row| state(row) == State::Open);
        order.truncate(open.unwrap_or(order.len()));
        order.retain(|row| state(row) != State::Retry);
        Rows { parts, order }
    }

    /// About how many bytes of memory the rows take, with all that lies between them.
    pub fn size(&self) -> usize {
        let part = |part: &Part| part.events.len() * size_of::<Event>() + part.keys.len();
        self.parts.iter().map(part).sum::<usize>() + self.order.len() * size_of::<Row>()
    }

    /// The same rows without what lies between them (retries, and responses), if that is most of the memory they take. For
    /// sinks that keep rows until they can be written.
    pub fn compact(self, pool: &Pool) -> Rows {
        const CROWD: usize = 3;
        if self.parts.iter().map(|part| part.events.len()).sum::<usize>() <= self.order.len() * CROWD {
            return self;
        }
        let mut order = pool.order();
        order.extend((0..self.order.len()).map(|index| Row::new(0, index)));
        let mut compact = Part::default();
        for row in &self.order {
            compact.append_from(&self.parts[row.shard()], row.index());
        }
        pool.recycle(self);
        Rows { parts: vec![compact], order }
    }

    /// How many rows.
    #[inline]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The rows, in capture order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Transaction<'_>> {
        self.order.iter().map(|row| Transaction::new(&self.parts[row.shard()], row.index()))
    }
}
