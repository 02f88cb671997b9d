//! A sink that counts: what is in the rows is added up, and they go on to another sink, or to nobody.

use super::{Pool, Rows, Sink};
use crate::plan::Plan;
use crate::summary::Summary;
use crate::tallies::Tally;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

/// A sink, and the sum of its rows. The plan's `sink_needs` must have [`Summary::NEEDS`] for all figures to be there.
#[derive(Debug)]
pub struct Summed<'a, S> {
    sink: S,
    plan: &'a Plan,
    keys_max: u64,
    /// As many as workers counted at once; who wants to count takes one.
    free: Mutex<Vec<Summary>>,
}

impl<'a, S> Summed<'a, S> {
    /// Adds up what goes to this sink. Up to so many different keys of a kind are counted one by one.
    pub fn new(sink: S, plan: &'a Plan, keys_max: u64) -> Self {
        Summed { sink, plan, keys_max, free: Mutex::default() }
    }

    /// The sink, and the sum.
    pub fn finish(self) -> (S, Summary) {
        let parts = self.free.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter();
        let sum = parts.reduce(|mut sum, part| {
            sum.merge(&part);
            sum
        });
        (self.sink, sum.unwrap_or_else(|| Summary::new(self.keys_max)))
    }

    fn add(&self, rows: &Rows) {
        let free = || self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = free().pop();
        let mut summary = taken.unwrap_or_else(|| Summary::new(self.keys_max));
        summary.add_all(rows.iter(), &self.plan.context);
        free().push(summary);
    }
}

impl<S: Sink> Sink for Summed<'_, S> {
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
