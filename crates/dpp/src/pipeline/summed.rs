//! A sink that counts: what is in the rows is added up, and they go on to another sink, or to nobody.

use super::{Pool, Rows, Sink};
use crate::findings::Findings;
use crate::plan::Plan;
use crate::summary::Summary;
use crate::table::Context;
use crate::tallies::Tally;
use crate::transaction::Transaction;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

/// What rows can be added to.
pub trait RowTally: Tally + Clone + Send + Sync {
    /// Adds a row.
    fn add(&mut self, row: &Transaction, context: &Context);

    /// Adds rows.
    fn add_all<'a>(&mut self, rows: impl Iterator<Item = Transaction<'a>>, context: &Context) {
        rows.for_each(|row| self.add(&row, context));
    }
}

impl RowTally for Summary {
    fn add(&mut self, row: &Transaction, context: &Context) {
        self.add(row, context);
    }
}

impl RowTally for Findings {
    fn add(&mut self, row: &Transaction, context: &Context) {
        self.add(row, context);
    }
}

/// A sink, and the sum of its rows. The plan's `sink_needs` must have what the sum needs for all figures to be there.
#[derive(Debug)]
pub struct Summed<'a, S, T> {
    sink: S,
    plan: &'a Plan,
    /// Of nothing.
    blank: T,
    /// As many as workers counted at once; who wants to count takes one.
    free: Mutex<Vec<T>>,
}

impl<'a, S, T: RowTally> Summed<'a, S, T> {
    /// Adds up what goes to this sink; each worker begins with a clone of `blank`, the sum of nothing.
    pub fn new(sink: S, plan: &'a Plan, blank: T) -> Self {
        Summed { sink, plan, blank, free: Mutex::default() }
    }

    /// The sink, and the sum.
    pub fn finish(self) -> (S, T) {
        let parts = self.free.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter();
        let sum = parts.reduce(|mut sum, part| {
            sum.merge(&part);
            sum
        });
        (self.sink, sum.unwrap_or(self.blank))
    }

    fn add(&self, rows: &Rows) {
        let free = || self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = free().pop();
        let mut sum = taken.unwrap_or_else(|| self.blank.clone());
        sum.add_all(rows.iter(), &self.plan.context);
        free().push(sum);
    }
}

impl<S: Sink, T: RowTally> Sink for Summed<'_, S, T> {
    type Piece = S::Piece;
    type Error = S::Error;

    fn lanes(&self) -> usize {
        self.sink.lanes()
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> S::Piece {
        self.add(&rows);
        self.sink.encode(rows, pool)
    }

    fn size(&self, piece: &S::Piece) -> usize {
        self.sink.size(piece)
    }

    fn accept(&self, lane: usize, piece: &S::Piece) -> Result<(), S::Error> {
        self.sink.accept(lane, piece)
    }

    fn flush(&self, lane: usize) -> Result<(), S::Error> {
        self.sink.flush(lane)
    }

    fn recycle(&self, piece: S::Piece, pool: &Pool) {
        self.sink.recycle(piece, pool);
    }
}

/// A sink that wants nothing: the rows have been seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Sink for Nobody {
    type Piece = ();
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) {
        pool.recycle(rows);
    }

    fn size(&self, (): &()) -> usize {
        0
    }

    fn accept(&self, _: usize, (): &()) -> Result<(), Infallible> {
        Ok(())
    }

    fn recycle(&self, (): (), _: &Pool) {}
}
