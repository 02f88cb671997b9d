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

/// An event that is a row, or a segment that led to some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    shard: u16,
    index: u32,
}

impl Row {
    #[inline]
    pub(super) fn new(shard: usize, index: usize) -> Row {
        Row { shard: shard as u16, index: index as u32 }
    }

    /// The event, in the parts of its chunk.
    #[inline]
    pub(super) fn event(self, parts: &[Part]) -> &Event {
        &parts[usize::from(self.shard)].events[self.index as usize]
    }
}

impl Rows {
    /// Takes the parts of a chunk and its queries and segments in order. Retries and duplicates are no rows; a query that is
    /// still open, because the run was interrupted, ends them.
    pub(super) fn new(parts: Vec<Part>, mut order: Vec<Row>) -> Rows {
        let is_row = |row: &Row| row.event(&parts).state.is_row();
        if let Some(first) = order.iter().position(|row| !is_row(row)) {
            let rest = order.split_off(first);
            take_rows(&parts, rest.into_iter(), &mut order);
        }
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
            compact.append_from(&self.parts[usize::from(row.shard)], row.index as usize);
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
        self.order.iter().map(|row| Transaction::new(&self.parts[usize::from(row.shard)], row.index as usize))
    }
}

/// Takes the rows among queries and segments, and among the messages that segments led to, up to the first query that is
/// still open. Gives whether there is none.
fn take_rows(parts: &[Part], mut rows: impl Iterator<Item = Row>, taken: &mut Vec<Row>) -> bool {
    rows.all(|row| {
        let event = row.event(parts);
        match event.state {
            State::Assembled => {
                let mut messages = event.assembled().map(|index| Row { index: index as u32, ..row });
                messages.all(|row| take_row(parts, row, taken))
            }
            _ => take_row(parts, row, taken),
        }
    })
}

/// Takes a message if it is a row. Gives whether it is no query that is still open.
fn take_row(parts: &[Part], row: Row, taken: &mut Vec<Row>) -> bool {
    let state = row.event(parts).state;
    if state.is_row() {
        taken.push(row);
    }
    !state.is_open()
}
