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
        if order.iter().any(|row| row.event(&parts).state == State::Assembled) {
            order = opened(&parts, &order);
        }
        let open = order.iter().position(|row| row.event(&parts).state.is_open());
        order.truncate(open.unwrap_or(order.len()));
        order.retain(|row| !matches!(row.event(&parts).state, State::Retry | State::Duplicate));
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

/// The same with the queries that segments led to in the segments' places.
fn opened(parts: &[Part], order: &[Row]) -> Vec<Row> {
    let mut opened = Vec::with_capacity(order.len());
    for row in order {
        let event = row.event(parts);
        match event.state {
            State::Assembled => opened.extend(
                event
                    .assembled()
                    .map(|index| Row { index: index as u32, ..*row })
                    .filter(|row| row.event(parts).state.is_query()),
            ),
            _ => opened.push(*row),
        }
    }
    opened
}
