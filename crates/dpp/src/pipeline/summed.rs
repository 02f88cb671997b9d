//! A sink that counts: what is in the rows is added up, and they go on to another sink, or to nobody.

use super::{Pool, Rows, Sink};
use crate::findings::{AllFindings, Findings};
use crate::plan::Plan;
use crate::summary::{self, Summary};
use crate::table::Context;
use crate::tallies::Tally;
use crate::transaction::Transaction;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What rows can be added to.
pub trait RowTally: Tally + Clone + Send + Sync {
    /// What adds them.
    type Adder: RowAdder<Sum = Self>;

    /// What adds rows to a sum of nothing, with the bounds of this one, as may come out by this context.
    fn adder(&self, context: &Context) -> Self::Adder;
}

/// Adds rows.
pub trait RowAdder: Send {
    /// What comes of it.
    type Sum;

    /// Adds some.
    fn add_all<'r>(&mut self, rows: impl Iterator<Item = Transaction<'r>> + Clone);

    /// The sum of all of them.
    fn sum(self) -> Self::Sum;
}

impl RowTally for Summary {
    type Adder = summary::Adder;

    fn adder(&self, context: &Context) -> summary::Adder {
        self.adder(context)
    }
}

impl RowAdder for summary::Adder {
    type Sum = Summary;

    fn add_all<'r>(&mut self, rows: impl Iterator<Item = Transaction<'r>> + Clone) {
        self.add_all(rows);
    }

    fn sum(self) -> Summary {
        self.sum()
    }
}

/// What takes rows one by one, as it takes entries: with the context beside it.
#[derive(Clone, Debug)]
pub struct Singly<T>(T, Context);

macro_rules! singly {
    ($($kind:ty)*) => {$(
        impl RowTally for $kind {
            type Adder = Singly<$kind>;

            fn adder(&self, context: &Context) -> Singly<$kind> {
                Singly(self.clone(), context.clone())
            }
        }

        impl RowAdder for Singly<$kind> {
            type Sum = $kind;

            fn add_all<'r>(&mut self, rows: impl Iterator<Item = Transaction<'r>> + Clone) {
                rows.for_each(|row| self.0.add(&row, &self.1));
            }

            fn sum(self) -> $kind {
                self.0
            }
        }
    )*};
}

singly!(Findings AllFindings);

/// A sink, and the sum of its rows. The plan's `sink_needs` must have what the sum needs for all figures to be there.
#[derive(Debug)]
pub struct Summed<'a, S, T: RowTally> {
    sink: S,
    plan: &'a Plan,
    /// Of nothing.
    blank: T,
    pot: Pot<T>,
}

/// What was counted, in as many sums as workers counted at once; who wants to count takes one. Those who share a pot can take what is
/// in it while a run goes on; what is being counted just then stays for the next time.
pub struct Pot<T: RowTally>(Arc<Mutex<Counting<T>>>);

struct Counting<T: RowTally> {
    adders: Vec<T::Adder>,
    /// What was counted by another plan.
    before: Option<T>,
}

impl<T: RowTally> Default for Pot<T> {
    fn default() -> Self {
        Pot(Arc::new(Mutex::new(Counting { adders: Vec::new(), before: None })))
    }
}

impl<T: RowTally> Clone for Pot<T> {
    fn clone(&self) -> Self {
        Pot(self.0.clone())
    }
}

impl<T: RowTally> std::fmt::Debug for Pot<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pot(..)")
    }
}

impl<T: RowTally> Pot<T> {
    /// All that was counted since it was taken last.
    pub fn take(&self) -> Option<T> {
        let (adders, before) = {
            let mut counting = self.lock();
            (std::mem::take(&mut counting.adders), counting.before.take())
        };
        before.into_iter().chain(adders.into_iter().map(RowAdder::sum)).reduce(|mut sum, part| {
            sum.merge(&part);
            sum
        })
    }

    /// Who counts from now on begins anew.
    fn begin(&self) {
        let before = self.take();
        self.lock().before = before;
    }

    fn lock(&self) -> MutexGuard<'_, Counting<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, S, T: RowTally> Summed<'a, S, T> {
    /// Adds up what goes to this sink; each worker begins with nothing, as `blank` is.
    pub fn new(sink: S, plan: &'a Plan, blank: T) -> Self {
        Summed { sink, plan, blank, pot: Pot::default() }
    }

    /// The same, in a pot that others have, of whom none counts now.
    pub fn in_pot(self, pot: &Pot<T>) -> Self {
        pot.begin();
        Summed { pot: pot.clone(), ..self }
    }

    /// The sink, and the sum.
    pub fn finish(self) -> (S, T) {
        (self.sink, self.pot.take().unwrap_or(self.blank))
    }

    fn add(&self, rows: &Rows) {
        let taken = self.pot.lock().adders.pop();
        let mut adder = taken.unwrap_or_else(|| self.blank.adder(&self.plan.context));
        adder.add_all(rows.iter());
        self.pot.lock().adders.push(adder);
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
