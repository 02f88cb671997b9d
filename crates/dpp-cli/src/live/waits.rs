//! Whether the output is being waited for: a disk, or whoever reads a pipe, may take its time, and that is no engine that hangs.

use dpp::pipeline::{Pool, Rows, Sink};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Since when each of those who wait does so.
#[derive(Debug, Default)]
pub(crate) struct Waits(Mutex<Vec<Instant>>);

impl Waits {
    /// Whether somebody has waited for so long.
    pub(super) fn longer_than(&self, time: Duration) -> bool {
        self.lock().first().is_some_and(|since| since.elapsed() > time)
    }

    /// Does something that may take long.
    fn during<T>(&self, wait: impl FnOnce() -> T) -> T {
        let since = Instant::now();
        self.lock().push(since);
        let done = wait();
        let mut waits = self.lock();
        if let Some(place) = waits.iter().position(|other| *other == since) {
            waits.remove(place);
        }
        done
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sink of which it is known how long it takes.
pub(crate) struct Timed<'a, S> {
    pub(crate) sink: &'a S,
    pub(crate) waits: &'a Waits,
}

impl<S: Sink> Sink for Timed<'_, S> {
    type Piece = S::Piece;
    type Error = S::Error;

    fn lanes(&self) -> usize {
        self.sink.lanes()
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> S::Piece {
        self.sink.encode(rows, pool)
    }

    fn size(&self, piece: &S::Piece) -> usize {
        self.sink.size(piece)
    }

    fn accept(&self, lane: usize, piece: &S::Piece) -> Result<(), S::Error> {
        self.waits.during(|| self.sink.accept(lane, piece))
    }

    fn flush(&self, lane: usize) -> Result<(), S::Error> {
        self.waits.during(|| self.sink.flush(lane))
    }

    fn recycle(&self, piece: S::Piece, pool: &Pool) {
        self.sink.recycle(piece, pool);
    }
}
