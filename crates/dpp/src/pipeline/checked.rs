//! A sink that is watched: before it takes rows, a second look is taken at what it will write of them.

use super::{Pool, Rows, Sink};
use crate::plan::Plan;
use crate::table::{LeakCheck, Scratch};
use std::sync::{Mutex, PoisonError};

/// A sink, and what looking at its rows has found. It takes twice the time.
#[derive(Debug)]
pub struct Checked<'a, S> {
    sink: &'a S,
    plan: &'a Plan,
    found: Mutex<LeakCheck>,
}

impl<'a, S> Checked<'a, S> {
    /// Watches a sink for the plan's columns.
    pub fn new(sink: &'a S, plan: &'a Plan) -> Self {
        Checked { sink, plan, found: Mutex::default() }
    }

    /// What was found.
    pub fn found(self) -> LeakCheck {
        self.found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Sink> Sink for Checked<'_, S> {
    type Piece = S::Piece;
    type Error = S::Error;

    fn lanes(&self) -> usize {
        self.sink.lanes()
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> S::Piece {
        let (mut found, mut scratch) = (LeakCheck::default(), Scratch::default());
        for row in rows.iter() {
            found.look_at(&row, &self.plan.schema, &self.plan.context, &mut scratch);
        }
        self.found.lock().unwrap_or_else(PoisonError::into_inner).merge(&found);
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
