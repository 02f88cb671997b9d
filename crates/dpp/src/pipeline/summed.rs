//! A sink that counts: what is in the rows is added up, and they go on to another sink, or to nobody.

use super::{Pool, Rows, Sink};
use crate::findings::{AllFindings, Findings};
use crate::plan::Plan;
use crate::summary::Summary;
use crate::table::Context;
use crate::tallies::Tally;
use crate::transaction::Transaction;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What rows can be added to.
pub trait RowTally: Tally + Clone + Send + Sync {
    /// Adds rows.
    fn add_all<'r>(&mut self, rows: impl Iterator<Item = Transaction<'r>> + Clone, context: &Context);
}

impl RowTally for Summary {
    fn add_all<'r>(&mut self, rows: impl Iterator<Item = Transaction<'r>> + Clone, context: &Context) {
        self.add_all(rows, context);
    }
}

impl RowTally for Findings {
    fn add_all<'r>(&mut self, rows: impl Iterator<Item = Transaction<'r>> + Clone, context: &Context) {
        rows.for_each(|row| self.add(&row, context));
    }
}

impl RowTally for AllFindings {
    fn add_all<'r>(&mut self, rows: impl Iterator<Item = Transaction<'r>> + Clone, context: &Context) {
        rows.for_each(|row| self.add(&row, context));
    }
}

/// A sink, and the sum of its rows. The plan's `sink_needs` must have what the sum needs for all figures to be there.
#[derive(Debug)]
pub struct Summed<'a, S, T> {
    sink: S,
    plan: &'a Plan,
    /// Of nothing.
    blank: T,
    pot: Pot<T>,
}

/// What was counted, in as many sums as workers counted at once; who wants to count takes one. Those who share a pot can take what is
/// in it while a run goes on; what is being counted just then stays for the next time.
#[derive(Clone, Debug)]
pub struct Pot<T>(Arc<Mutex<Vec<T>>>);

impl<T> Default for Pot<T> {
    fn default() -> Self {
        Pot(Arc::default())
    }
}

impl<T: RowTally> Pot<T> {
    /// All that was counted since it was taken last.
    pub fn take(&self) -> Option<T> {
        let parts = std::mem::take(&mut *self.lock());
        parts.into_iter().reduce(|mut sum, part| {
            sum.merge(&part);
            sum
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, S, T: RowTally> Summed<'a, S, T> {
    /// Adds up what goes to this sink; each worker begins with a clone of `blank`, the sum of nothing.
    pub fn new(sink: S, plan: &'a Plan, blank: T) -> Self {
        Summed { sink, plan, blank, pot: Pot::default() }
    }

    /// The same, in a pot that others have.
    pub fn in_pot(self, pot: &Pot<T>) -> Self {
        Summed { pot: pot.clone(), ..self }
    }

    /// The sink, and the sum.
    pub fn finish(self) -> (S, T) {
        (self.sink, self.pot.take().unwrap_or(self.blank))
    }

    fn add(&self, rows: &Rows) {
        let taken = self.pot.lock().pop();
        let mut sum = taken.unwrap_or_else(|| self.blank.clone());
        sum.add_all(rows.iter(), &self.plan.context);
        self.pot.lock().push(sum);
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
