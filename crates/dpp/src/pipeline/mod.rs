//! The way of a packet, from bytes to rows: the only threads of the engine.
//!
//! ```text
//!  input -> cut -> decode -> match -> encode -> accept -> output
//!           one    any       a shard  any       a lane
//! ```
//! [`run`] starts workers that are all alike; a `Schedule` hands each the next thing to do. Cutting is done by one at a time;
//! decoding and encoding by any, chunk by chunk; a shard and a lane see all chunks in order. There is no router and no
//! aggregator, and with one worker it is simply the sequential program.

mod decode;
mod schedule;
mod worker;

use crate::capture::{self, CaptureError, Ending, Regression};
use crate::plan::Plan;
use crate::stats::Totals;
use crate::transaction::{Part, State, Transaction};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64};

pub use decode::{Message, messages};
pub use worker::run;

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

/// What a run tells while it runs, and how to stop it.
#[derive(Debug, Default)]
pub struct Watch {
    /// Set it, and the run stops reading and finishes what was read.
    pub stop: AtomicBool,
    /// Packets cut so far.
    pub packets: AtomicU64,
}

/// A run that came to its end.
#[derive(Debug)]
pub struct Outcome {
    /// Everything that was counted. The sums close.
    pub totals: Totals,
    /// Rows handed to the sink.
    pub rows: u64,
    /// How the capture ended.
    pub ending: Ending,
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
    /// The capture cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
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

    /// Takes the next piece in capture order.
    ///
    /// # Errors
    /// The sink's; the run ends then.
    fn accept(&self, lane: usize, piece: &Self::Piece) -> Result<(), Self::Error>;

    /// Takes back a piece that all lanes have accepted.
    fn recycle(&self, piece: Self::Piece, pool: &Pool);
}

/// The finished rows of a chunk, in capture order.
#[derive(Debug)]
pub struct Rows {
    /// The shards' parts.
    parts: Vec<Part>,
    /// Which events are rows.
    order: Vec<Row>,
}

/// An event that is a row: shard in the upper 8 bits, index in the shard's part below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row(u32);

impl Row {
    const INDEX_BITS: u32 = 24;

    #[inline]
    fn new(shard: usize, index: usize) -> Row {
        Row((shard as u32) << Self::INDEX_BITS | index as u32)
    }

    #[inline]
    fn shard(self) -> usize {
        (self.0 >> Self::INDEX_BITS) as usize
    }

    #[inline]
    fn index(self) -> usize {
        (self.0 & ((1 << Self::INDEX_BITS) - 1)) as usize
    }
}

/// The most packets of a chunk, so that all events of a part can be numbered in 24 bits.
const PACKETS_MAX: usize = (1 << Row::INDEX_BITS) / (crate::limits::QUESTIONS_MAX as usize + 1);

/// The most workers, and so shards.
pub const WORKERS_MAX: usize = 256;

impl Rows {
    /// Takes the parts of a chunk and its queries in order. Retries are no rows; a query that is still open, because the
    /// run was interrupted, ends them.
    fn new(parts: Vec<Part>, mut order: Vec<Row>) -> Rows {
        let state = |row: &Row| parts[row.shard()].events[row.index()].state;
        let open = order.iter().position(|row| state(row) == State::Open);
        order.truncate(open.unwrap_or(order.len()));
        order.retain(|row| state(row) != State::Retry);
        Rows { parts, order }
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
        self.order.iter().map(|row| Transaction::new(&self.parts[row.shard()], row.index()))
    }
}

/// Memory to use again.
#[derive(Debug, Default)]
pub struct Pool {
    parts: std::sync::Mutex<Vec<Part>>,
    orders: std::sync::Mutex<Vec<Vec<Row>>>,
    chunks: std::sync::Mutex<Vec<capture::Chunk>>,
}

impl Pool {
    /// Takes back the memory of some rows.
    pub fn recycle(&self, rows: Rows) {
        self.parts.lock().expect("no panic while locked").extend(rows.parts);
        self.orders.lock().expect("no panic while locked").push(rows.order);
    }

    fn part(&self, first_position: u64) -> Part {
        let mut part = self.parts.lock().expect("no panic while locked").pop().unwrap_or_default();
        part.reset(first_position);
        part
    }

    fn order(&self) -> Vec<Row> {
        let mut order = self.orders.lock().expect("no panic while locked").pop().unwrap_or_default();
        order.clear();
        order
    }

    fn chunk(&self) -> capture::Chunk {
        self.chunks.lock().expect("no panic while locked").pop().unwrap_or_default()
    }

    fn recycle_chunk(&self, chunk: capture::Chunk) {
        self.chunks.lock().expect("no panic while locked").push(chunk);
    }
}

/// How the plan wants the capture cut.
fn settings(plan: &Plan, machine: &Machine) -> capture::Settings {
    capture::Settings {
        bytes: machine.chunk_bytes.max(1),
        packets: machine.chunk_packets.clamp(1, PACKETS_MAX),
        jump_ns: plan.limits.jump_ns,
        monotonic: plan.monotonic,
    }
}
