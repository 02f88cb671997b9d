//! A sink that counts: what is in the rows is added up, and they go on to another sink, or to nobody.

use super::{Pool, Rows, Sink};
use crate::plan::Plan;
use crate::summary::Summary;
use crate::tallies::Tally;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A sink, and the sum of its rows. The plan's `sink_needs` must have [`Summary::NEEDS`] for all figures to be there.
#[derive(Debug)]
pub struct Summed<'a, S> {
    sink: S,
    plan: &'a Plan,
    keys_max: u64,
    pot: Pot,
}

/// What was counted, in as many sums as workers counted at once; who wants to count takes one. Those who share a pot can take what is
/// in it while a run goes on; what is being counted just then stays for the next time.
#[derive(Clone, Debug, Default)]
pub struct Pot(Arc<Mutex<Vec<Summary>>>);

impl Pot {
    /// All that was counted since it was taken last.
    pub fn take(&self) -> Option<Summary> {
        let parts = std::mem::take(&mut *self.lock());
        parts.into_iter().reduce(|mut sum, part| {
            sum.merge(&part);
            sum
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Summary>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, S> Summed<'a, S> {
    /// Adds up what goes to this sink. Up to so many different keys of a kind are counted one by one.
    pub fn new(sink: S, plan: &'a Plan, keys_max: u64) -> Self {
        Summed { sink, plan, keys_max, pot: Pot::default() }
    }

    /// The same, in a pot that others have.
    pub fn in_pot(self, pot: &Pot) -> Self {
        Summed { pot: pot.clone(), ..self }
    }

    /// The sink, and the sum.
    pub fn finish(self) -> (S, Summary) {
        (self.sink, self.pot.take().unwrap_or_else(|| Summary::new(self.keys_max)))
    }

    fn add(&self, rows: &Rows) {
        let taken = self.pot.lock().pop();
        let mut summary = taken.unwrap_or_else(|| Summary::new(self.keys_max));
        rows.iter().for_each(|row| summary.add(&row, &self.plan.context));
        self.pot.lock().push(summary);
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
