//! The way of a packet, from bytes to rows: the only threads of the engine.
//!
//! ```text
//!  input -> cut -> decode -> match -> encode -> accept -> output
//!           one    any       a shard  any       a lane
//! ```
//! [`run`] starts workers that are all alike; a `Schedule` hands each the next thing to do. Cutting is done by one at a time;
//! decoding and encoding by any, chunk by chunk; a shard and a lane see all chunks in order. There is no router and no
//! aggregator, and with one worker it is simply the sequential program.

mod checked;
mod counting;
mod decode;
mod defragment;
mod fates;
mod items;
mod knot;
mod late;
mod logged;
mod messages;
mod pool;
mod reading;
mod rows;
mod schedule;
mod stream_window;
mod streams;
mod summed;
mod watch;
mod worker;

use crate::capture::{self, Ending, InputError, InputsRead, Regression};
use crate::limits;
pub use crate::limits::WORKERS_MAX;
use crate::plan::Plan;
use crate::stats::Totals;
use std::num::NonZeroUsize;

pub use checked::Checked;
pub use fates::{Carried, Fate, PartOf, fates};
pub use messages::{Message, messages};
pub use pool::Pool;
pub use rows::Rows;
pub use summed::{Nobody, Pot, RowAdder, RowTally, Singly, Summed};
pub use watch::{Told, Watch};
pub use worker::{run, run_on};

/// How the work is done. Nothing of this changes what comes out.
#[derive(Clone, Debug)]
pub struct Machine {
    /// How many workers.
    pub workers: NonZeroUsize,
    /// Bytes of a chunk.
    pub chunk_bytes: usize,
    /// The most packets of a chunk.
    pub chunk_packets: usize,
    /// Seed of the hash that spreads tuples.
    pub seed: u64,
    /// Called by each worker, with its number, before it starts: the place to pin it to a CPU.
    pub on_start: fn(usize),
}

impl Machine {
    /// So many workers, and the sizes that measured best.
    pub fn new(workers: NonZeroUsize, seed: u64) -> Self {
        Machine { workers, chunk_bytes: 256 << 10, chunk_packets: usize::MAX, seed, on_start: |_| {} }
    }
}

/// A run that came to its end.
#[derive(Debug)]
pub struct Outcome {
    /// Everything that was counted. The sums close.
    pub totals: Totals,
    /// Rows handed to the sink.
    pub rows: u64,
    /// How the capture ended: with an interruption, or as the first input that did not end well, or complete.
    pub ending: Ending,
    /// What became of the inputs.
    pub inputs: InputsRead,
    /// How often a timestamp was earlier than the one before.
    pub regressions: u64,
    /// The first time it was.
    pub first_regression: Option<Regression>,
    /// Timestamps of the capture's first and last packet, ns.
    pub first_and_last_ns: Option<(i64, i64)>,
}

/// Why a run failed. `E` is the sink's error.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E> {
    /// An input cannot be read.
    #[error(transparent)]
    Capture(#[from] InputError),
    /// The sink cannot write.
    #[error(transparent)]
    Sink(E),
}

/// Where rows go.
///
/// Each chunk's [`Rows`] are first `encode`d, by any worker and in any order; then each lane `accept`s the pieces of all
/// chunks in capture order, one at a time, while other lanes do the same. A row-wise sink has one lane, which writes; a
/// columnar one may have a lane for each column.
pub trait Sink: Sync {
    /// What a chunk becomes.
    type Piece: Send + Sync;
    /// Why writing failed.
    type Error: Send;

    /// How many lanes there are; at least one.
    fn lanes(&self) -> usize;

    /// Turns the rows of a chunk into a piece. The sink takes the rows; what it does not need it gives back to `pool`.
    fn encode(&self, rows: Rows, pool: &Pool) -> Self::Piece;

    /// About how many bytes of memory a piece takes. Pieces that wait for an earlier one take no more than
    /// [`PIECES_BYTES_MAX`](crate::limits::PIECES_BYTES_MAX) in all.
    fn size(&self, piece: &Self::Piece) -> usize;

    /// Takes the next piece in capture order.
    ///
    /// # Errors
    /// The sink's; the run ends then.
    fn accept(&self, lane: usize, piece: &Self::Piece) -> Result<(), Self::Error>;

    /// Hands on what this lane holds back of the pieces it has accepted, as far as the format can: somebody who reads along a
    /// capture that has not ended has waited long enough. Captures that have ended never ask for it.
    ///
    /// # Errors
    /// The sink's; the run ends then.
    fn flush(&self, _lane: usize) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Takes back a piece that all lanes have accepted.
    fn recycle(&self, piece: Self::Piece, pool: &Pool);
}

/// Who lends a sink has it back when the run is over.
impl<S: Sink> Sink for &S {
    type Piece = S::Piece;
    type Error = S::Error;

    fn lanes(&self) -> usize {
        (**self).lanes()
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> S::Piece {
        (**self).encode(rows, pool)
    }

    fn size(&self, piece: &S::Piece) -> usize {
        (**self).size(piece)
    }

    fn accept(&self, lane: usize, piece: &S::Piece) -> Result<(), S::Error> {
        (**self).accept(lane, piece)
    }

    fn flush(&self, lane: usize) -> Result<(), S::Error> {
        (**self).flush(lane)
    }

    fn recycle(&self, piece: S::Piece, pool: &Pool) {
        (**self).recycle(piece, pool);
    }
}

/// How the plan wants the capture cut.
fn settings(plan: &Plan, machine: &Machine) -> capture::Settings {
    capture::Settings {
        bytes: machine.chunk_bytes.clamp(1, limits::CHUNK_BYTES_MAX),
        packets: machine.chunk_packets.clamp(1, limits::CHUNK_PACKETS_MAX),
        jump_ns: plan.limits.jump_ns,
        monotonic: plan.monotonic,
        merge: plan.merge,
    }
}
