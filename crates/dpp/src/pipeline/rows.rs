//! Rows: what a sink gets of a chunk.
//!
//! Nothing is copied or sorted: rows are the events of queries, where the shards left them, and a list that tells which
//! events are rows, in capture order.

use super::pool::Pool;
use crate::transaction::{Event, Face, Part, Side, State, Tells, Transaction};
use std::ops::Range;

/// The finished rows of a chunk, in capture order.
#[derive(Debug)]
pub struct Rows {
    /// The shards' parts.
    pub(super) parts: Vec<Part>,
    /// Which events are rows.
    pub(super) order: Vec<Row>,
}

/// What facts count for in [`Rows::row_size`]. It is about their size, but always the same: where files end that hold so many
/// bytes of rows must not change with what else is kept of a row.
const FACTS_COUNT: usize = 272;

/// An event that is a row, or may be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    shard: u16,
    face: Face,
    index: u32,
}

impl Row {
    #[inline]
    pub(super) fn new(shard: usize, index: usize) -> Row {
        Row { shard: shard as u16, face: Face::Both, index: index as u32 }
    }

    /// The event, in the parts of its chunk.
    #[inline]
    pub(super) fn event(self, parts: &[Part]) -> &Event {
        &parts[usize::from(self.shard)].events[self.index as usize]
    }

    /// What is told of it.
    #[inline]
    fn transaction(self, parts: &[Part]) -> Transaction<'_> {
        Transaction::new(&parts[usize::from(self.shard)], self.index as usize).with_face(self.face)
    }
}

impl Rows {
    /// Takes the parts of a chunk and its queries in order, but for those from TCP streams. Retries and duplicates are no rows;
    /// a query that is still open, because the run was interrupted, ends them.
    pub(super) fn new(parts: Vec<Part>, mut order: Vec<Row>) -> Rows {
        add_streams(&parts, &mut order);
        let mut has_ended = false;
        order.retain(|row| {
            let state = row.event(&parts).state;
            has_ended |= state.is_undecided();
            state.is_row() && !has_ended
        });
        Rows { parts, order }
    }

    /// The same without those that do not pass. Says also how many these are.
    pub(super) fn only(mut self, mut passes: impl FnMut(&Transaction) -> bool) -> (Rows, u64) {
        let Rows { parts, order } = &mut self;
        let all = order.len();
        order.retain(|row| passes(&row.transaction(parts)));
        let dropped = all - order.len();
        (self, dropped as u64)
    }

    /// The same with a row for each message: the query's, then the response's, if there is one.
    pub(super) fn by_message(mut self) -> Rows {
        let parts = &self.parts;
        let faces = |row: Row| {
            let (has_query, has_response) = match row.event(parts).state {
                State::Matched => (true, true),
                State::Unasked | State::Announcement => (false, true),
                _ => (true, false),
            };
            let query = has_query.then_some(Row { face: Face::Query, ..row });
            query.into_iter().chain(has_response.then_some(Row { face: Face::Response, ..row }))
        };
        self.order = self.order.into_iter().flat_map(faces).collect();
        self
    }

    /// What there is among these rows, and maybe among what lies between them.
    pub fn tells(&self) -> Tells {
        let mut tells = Tells::default();
        self.parts.iter().for_each(|part| tells.merge(&part.tells));
        tells
    }

    /// The clock behind these rows, ns, if the capture has not ended: queries of more than T + R before it have come, and are
    /// decided, but for those that are late.
    pub fn live_until_ns(&self) -> Option<i64> {
        self.parts.first()?.live.map(|live| live.until_ns)
    }

    /// Whether no output should hold back the rows up to here, as somebody who reads along has waited long enough.
    pub fn is_due(&self) -> bool {
        self.parts.first().and_then(|part| part.live).is_some_and(|live| live.is_due)
    }

    /// About how many bytes of memory the rows take, with all that lies between them.
    pub fn size(&self) -> usize {
        let part = |part: &Part| {
            part.events.len() * size_of::<Event>() + part.facts_size() + part.keys.len() + part.kept.len()
        };
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
        let renumbered = self.order.iter().enumerate();
        order.extend(renumbered.map(|(index, row)| Row { face: row.face, ..Row::new(0, index) }));
        let mut compact = Part::default();
        compact.live = self.parts.first().and_then(|part| part.live);
        for row in &self.order {
            compact.append_from(&self.parts[usize::from(row.shard)], row.index as usize);
        }
        pool.recycle(self);
        Rows { parts: vec![compact], order }
    }

    /// No rows yet, for [`Rows::push`].
    pub fn none() -> Rows {
        Rows { parts: vec![Part::default()], order: Vec::new() }
    }

    /// No rows, in place of others with which they have in common that those before them are due, and the clock.
    pub fn mark(&self) -> Rows {
        let mut mark = Rows::none();
        mark.parts[0].live = self.parts.first().and_then(|part| part.live);
        mark
    }

    /// Appends a copy of another's row of this number. Only to rows that were made by [`Rows::none`]; each must have come
    /// after those before it.
    pub fn push(&mut self, other: &Rows, number: usize) {
        let row = other.order[number];
        let index = self.parts[0].events.len();
        self.parts[0].append_from(&other.parts[usize::from(row.shard)], row.index as usize);
        self.order.push(Row { face: row.face, ..Row::new(0, index) });
    }

    /// About how many bytes the row of this number takes; the same wherever it lies.
    pub fn row_size(&self, number: usize) -> usize {
        let row = self.order[number];
        let part = &self.parts[usize::from(row.shard)];
        let facts = part.facts.get(row.index as usize);
        let kept = |side: &Side| side.captured as usize + part.seldom(side).record.length as usize;
        let facts =
            facts.map_or(0, |facts| FACTS_COUNT + kept(&facts.own) + part.answer(facts).map_or(0, kept));
        size_of::<Event>() + size_of::<Row>() + part.key(row.event(&self.parts)).size() + facts
    }

    /// The row of this number.
    pub fn get(&self, number: usize) -> Transaction<'_> {
        let row = self.order[number];
        Transaction::new(&self.parts[usize::from(row.shard)], row.index as usize).with_face(row.face)
    }

    /// Puts the rows in the order of these numbers, each of which must stand there once.
    pub fn arrange(&mut self, numbers: &[u32]) {
        self.order = numbers.iter().map(|&number| self.order[number as usize]).collect();
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
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Transaction<'_>> + Clone {
        self.range(0..self.len())
    }

    /// Those of these numbers, from 0.
    ///
    /// # Panics
    /// If there are not so many.
    #[inline]
    pub fn range(&self, numbers: Range<usize>) -> impl ExactSizeIterator<Item = Transaction<'_>> + Clone {
        self.order[numbers].iter().map(|row| row.transaction(&self.parts))
    }
}

/// Adds the queries that shards found in TCP streams.
fn add_streams(parts: &[Part], order: &mut Vec<Row>) {
    let plain = order.len();
    for (shard, part) in parts.iter().enumerate() {
        let found = part.events.iter().enumerate().skip(part.plain);
        order.extend(
            found.filter(|(_, event)| event.state.may_be_row()).map(|(index, _)| Row::new(shard, index)),
        );
    }
    if order.len() > plain {
        order.sort_by_key(|row| row.event(parts).packet);
    }
}
