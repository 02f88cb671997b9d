//! A worker asks the schedule for the next task and does it, until there is none.

use super::decode::{Decoded, decode};
use super::defragment::{Defragmenter, Wholes, join};
use super::late::{End, Late};
use super::reading::Reader;
use super::schedule::{Schedule, Task};
use super::streams::Streams;
use super::{Machine, Outcome, Pool, Rows, RunError, Sink, WORKERS_MAX, Watch, settings};
use crate::capture::{CaptureRead, Chunk, Chunks, Cutter, Ending, Inputs};
use crate::filter::{Scratch, Select};
use crate::plan::Plan;
use crate::stats::Totals;
use crate::table::Context;
use crate::transaction::{Matching, Needs, Shard, Transaction};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

/// Reads a capture from `inputs`, matches it as `plan` says, and hands all rows to `sink`, in capture order. Inputs are
/// opened one after the other, and where the capture was cut into them changes nothing.
///
/// # Errors
/// [`RunError`] if an input is no capture, or if the sink fails. Damage further on is no error; [`Outcome::inputs`] tells of
/// it.
pub fn run<I: Inputs, S: Sink>(
    inputs: I,
    plan: &Plan,
    machine: &Machine,
    sink: &S,
    watch: &Watch,
) -> Result<Outcome, RunError<S::Error>> {
    run_on(Cutter::new(inputs, settings(plan, machine))?, plan, machine, sink, watch)
}

/// The same for a capture that is cut elsewhere: one that has not ended.
///
/// # Errors
/// [`RunError`] if it cannot be read further, or if the sink fails.
pub fn run_on<C: Chunks, S: Sink>(
    chunks: C,
    plan: &Plan,
    machine: &Machine,
    sink: &S,
    watch: &Watch,
) -> Result<Outcome, RunError<S::Error>> {
    let workers = machine.workers.get().min(WORKERS_MAX);
    let rules = Matching {
        timeout_ns: plan.match_timeout_ns,
        facts: plan.needs().has(Needs::SIDES),
        briefs: plan.needs().keeps_briefs(),
        unasked: plan.unasked,
        duplicates_ns: plan.duplicates_ns,
        limits: plan.limits,
    };
    let reader = Reader::new(plan, machine.seed);
    let pool = Pool::default();
    let seat =
        |shard| Seat { shard: Shard::new(rules), streams: Streams::new(reader, shard, workers, &pool) };
    let shared = Shared {
        reader,
        choice: Choice::of(plan),
        machine,
        sink,
        watch,
        chunks: Mutex::new(chunks),
        end: Mutex::new(End::default()),
        seats: (0..workers).map(|shard| Mutex::new(seat(shard))).collect(),
        defragmenters: (0..workers)
            .map(|shard| Mutex::new(Defragmenter::new(plan, shard, workers)))
            .collect(),
        schedule: Mutex::new(Schedule::new(workers, sink.lanes(), workers, &plan.limits)),
        changed: Condvar::new(),
        pool: &pool,
        totals: (0..workers).map(|_| Mutex::default()).collect(),
        rows: AtomicU64::new(0),
        error: Mutex::new(None),
    };
    std::thread::scope(|scope| {
        for worker in 1..workers {
            let shared = &shared;
            // Whoever cannot be had is not missed: workers are alike, and any of them can do all there is to do.
            let _ = Builder::new().spawn_scoped(scope, move || shared.work(worker));
        }
        shared.work(0);
    });
    shared.outcome()
}

/// What is left to be decided of transactions that may be rows.
struct Choice<'a> {
    select: &'a Select,
    /// Whether their messages were read with [`Plan::early`].
    was_early: bool,
    context: Context,
}

impl<'a> Choice<'a> {
    /// `None` if all are rows that come so far.
    fn of(plan: &'a Plan) -> Option<Choice<'a>> {
        let Plan { select, context, .. } = plan;
        let was_early = plan.early().is_some();
        let is_done = select.is_all() || (was_early && select.is_decided_early());
        (!is_done).then(|| Choice { select, was_early, context: context.unhidden() })
    }

    #[inline]
    fn has(&self, row: &Transaction, scratch: &mut Scratch) -> bool {
        match self.was_early {
            true => self.select.rest_passes(row, &self.context, scratch),
            false => self.select.passes(row, &self.context, scratch),
        }
    }
}

/// What workers share.
struct Shared<'a, C: Chunks, S: Sink> {
    reader: Reader<'a>,
    choice: Option<Choice<'a>>,
    machine: &'a Machine,
    sink: &'a S,
    watch: &'a Watch,
    chunks: Mutex<C>,
    /// Where the last chunk that was cut ends.
    end: Mutex<End>,
    seats: Vec<Mutex<Seat<'a>>>,
    defragmenters: Vec<Mutex<Defragmenter<'a>>>,
    schedule: Mutex<Schedule<Encoded<S::Piece>>>,
    /// The schedule has changed.
    changed: Condvar,
    pool: &'a Pool,
    /// What each worker counts. Its own for as long as it counts; now and then somebody looks.
    totals: Vec<Mutex<Totals>>,
    rows: AtomicU64,
    /// The first error.
    error: Mutex<Option<RunError<S::Error>>>,
}

/// A shard, and those who read the streams of its connections for it.
struct Seat<'a> {
    shard: Shard,
    streams: Streams<'a>,
}

impl Seat<'_> {
    /// Adds what was counted so far.
    fn tell(&self, totals: &mut Totals) {
        totals.matches.merge(&self.shard.matches);
        totals.rtt.merge(&self.shard.rtt);
        self.streams.tell(totals);
    }
}

/// A chunk's piece, how many rows are in it, and whether they are due.
struct Encoded<P> {
    piece: P,
    rows: u64,
    is_due: bool,
}

/// Locks what no panic leaves half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<C: Chunks, S: Sink> Shared<'_, C, S> {
    fn work(&self, worker: usize) {
        let _leave = Leave(self);
        (self.machine.on_start)(worker);
        let totals = || lock(&self.totals[worker]);
        let (mut parts, mut scratch) = (Vec::new(), Scratch::default());
        loop {
            match self.next_task(worker) {
                Task::Cut => self.cut(worker),
                Task::Match { shard, part } => {
                    let Seat { shard: matcher, streams } = &mut *lock(&self.seats[shard]);
                    parts.extend(matcher.advance(part, streams));
                    self.change(|schedule| schedule.matched(shard, &mut parts));
                }
                Task::Flush => {
                    let decoded = self.flush(&mut totals());
                    self.change(|schedule| schedule.flushed(decoded));
                }
                Task::Finish { shard } => {
                    parts.extend(lock(&self.seats[shard]).shard.finish());
                    self.change(|schedule| schedule.finished(shard, &mut parts));
                }
                Task::Abandon { shard } => {
                    parts.extend(lock(&self.seats[shard]).shard.abandon());
                    self.change(|schedule| schedule.finished(shard, &mut parts));
                }
                Task::Defragment { shard, chunk, fragments } => {
                    let wholes = lock(&self.defragmenters[shard]).take(&fragments);
                    self.change(|schedule| schedule.defragmented(shard, chunk, wholes));
                }
                Task::Join { chunk, decoded, wholes } => self.join(chunk, decoded, &wholes, &mut totals()),
                Task::Encode { chunk, parts, order } => {
                    let rows = self.select(Rows::new(parts, order), &mut scratch, &mut totals());
                    let rows = self.split(rows, &mut totals());
                    self.encode(chunk, rows);
                }
                Task::Accept { lane, piece } => self.accept(lane, piece),
                Task::Wait => unreachable!("next_task waits"),
                Task::Leave => break,
            }
        }
    }

    /// The next task; waits until there is one.
    fn next_task(&self, worker: usize) -> Task<Encoded<S::Piece>> {
        let mut schedule = lock(&self.schedule);
        loop {
            match schedule.next(worker) {
                Task::Wait => schedule = self.changed.wait(schedule).unwrap_or_else(PoisonError::into_inner),
                task => return task,
            }
        }
    }

    /// Changes the schedule and wakes those who wait for that.
    fn change<T>(&self, change: impl FnOnce(&mut Schedule<Encoded<S::Piece>>) -> T) -> T {
        let result = change(&mut lock(&self.schedule));
        self.changed.notify_all();
        result
    }

    /// Cuts a chunk, lets the next worker cut, and decodes it.
    fn cut(&self, worker: usize) {
        match self.cut_next() {
            Ok(Some(chunk)) => {
                self.watch.packets.fetch_add(chunk.records.len() as u64, Ordering::Relaxed);
                let mut end = lock(&self.end);
                *end = End::of(&chunk, *end);
                drop(end);
                let number = self.change(Schedule::cut_one);
                let decoded = self.decode(&chunk, &mut lock(&self.totals[worker]));
                self.pool.recycle_chunk(chunk);
                self.change(|schedule| schedule.decoded(number, decoded));
                if self.watch.is_asked() {
                    self.watch.tell(|| self.told());
                }
            }
            Ok(None) => self.change(|schedule| schedule.cut_last(self.interrupted())),
            Err(error) => self.fail(error),
        }
    }

    fn cut_next(&self) -> Result<Option<Chunk>, RunError<S::Error>> {
        if self.interrupted() {
            return Ok(None);
        }
        let chunk = lock(&self.chunks).next(self.pool.chunk())?;
        // Inputs that were told to end have ended at different times. Merged, that is not how the whole would go on.
        let is_torn = self.reader.plan.merge && self.interrupted();
        Ok(chunk.filter(|_| !is_torn))
    }

    fn interrupted(&self) -> bool {
        self.watch.stop.load(Ordering::Acquire)
    }

    fn decode(&self, chunk: &Chunk, totals: &mut Totals) -> Decoded {
        decode(chunk, &self.reader, self.seats.len(), self.pool, totals)
    }

    fn join(&self, chunk: u64, mut decoded: Decoded, wholes: &[Wholes], totals: &mut Totals) {
        join(&mut decoded, wholes, &self.reader, totals);
        self.change(|schedule| schedule.ready(chunk, decoded));
    }

    /// Reads what waits in streams behind holes: one more chunk, if there are messages.
    fn flush(&self, totals: &mut Totals) -> Option<Decoded> {
        let mut late = Late::default();
        for seat in &self.seats {
            lock(seat).streams.flush(&mut late);
        }
        let end = *lock(&self.end);
        let (decoded, _) = late.decode(&self.reader, end, self.seats.len(), self.pool, totals)?;
        Some(decoded)
    }

    /// Leaves out what the user does not want to see.
    fn select(&self, rows: Rows, scratch: &mut Scratch, totals: &mut Totals) -> Rows {
        let selection = self.reader.plan.steered.then(|| self.watch.selection()).flatten();
        let (rows, dropped) = match (selection, &self.choice) {
            (Some(now), _) => rows.only(|row| now.select.passes(row, &now.context, scratch)),
            (None, Some(choice)) => rows.only(|row| choice.has(row, scratch)),
            (None, None) => return rows,
        };
        totals.rows_filtered += dropped;
        rows
    }

    /// Makes a row of each message, if the schema has it so.
    fn split(&self, rows: Rows, totals: &mut Totals) -> Rows {
        if !self.reader.plan.schema.by_message {
            return rows;
        }
        let transactions = rows.len() as u64;
        let rows = rows.by_message();
        totals.rows_split += rows.len() as u64 - transactions;
        rows
    }

    fn encode(&self, chunk: u64, rows: Rows) {
        let (count, is_due) = (rows.len() as u64, rows.is_due());
        let piece = self.sink.encode(rows, self.pool);
        let bytes = self.sink.size(&piece);
        self.change(|schedule| schedule.encoded(chunk, Encoded { rows: count, is_due, piece }, bytes));
    }

    fn accept(&self, lane: usize, piece: Arc<Encoded<S::Piece>>) {
        let accepted = self.sink.accept(lane, &piece.piece);
        let flushed = accepted.and_then(|()| if piece.is_due { self.sink.flush(lane) } else { Ok(()) });
        if let Err(error) = flushed {
            return self.fail(RunError::Sink(error));
        }
        if lane == 0 {
            self.rows.fetch_add(piece.rows, Ordering::Relaxed);
        }
        drop(piece);
        let done = self.change(|schedule| schedule.accepted(lane));
        if let Some(encoded) = done.and_then(Arc::into_inner) {
            self.sink.recycle(encoded.piece, self.pool);
        }
    }

    fn fail(&self, error: RunError<S::Error>) {
        lock(&self.error).get_or_insert(error);
        self.change(Schedule::fail);
    }

    /// What has been counted so far, and the rows that the sink has. Whoever counts is waited for, so this is for few askers.
    fn told(&self) -> (Totals, u64) {
        let mut totals = Totals::default();
        for of_worker in &self.totals {
            let mut of_worker = lock(of_worker);
            // Sets of sources are large: they are handed over, and the worker begins anew.
            let rssac = of_worker.rssac.take();
            totals.merge(&of_worker);
            totals.absorb(Totals { rssac, ..Totals::default() });
        }
        self.seats.iter().for_each(|seat| lock(seat).tell(&mut totals));
        self.defragmenters.iter().for_each(|defragmenter| lock(defragmenter).tell(&mut totals));
        self.add_unasked(&mut totals);
        (totals, self.rows.load(Ordering::Relaxed))
    }

    /// Responses that nobody asked for are rows, if the plan wants them.
    fn add_unasked(&self, totals: &mut Totals) {
        if self.reader.plan.unasked {
            totals.rows_unasked = totals.matches.unclaimed_responses + totals.matches.unpaired_responses;
        }
    }

    /// What the run came to, once all workers have left.
    fn outcome(mut self) -> Result<Outcome, RunError<S::Error>> {
        if let Some(error) = lock(&self.error).take() {
            self.watch.give_up();
            return Err(error);
        }
        let mut totals = Totals::default();
        self.totals.iter().for_each(|of_worker| totals.absorb(std::mem::take(&mut lock(of_worker))));
        for seat in std::mem::take(&mut self.seats) {
            let Seat { shard, streams } = seat.into_inner().unwrap_or_else(PoisonError::into_inner);
            totals.matches.merge(&shard.matches);
            totals.rtt.merge(&shard.rtt);
            totals.absorb(Totals { rssac: shard.rssac, ..Totals::default() });
            totals.absorb(streams.finish());
        }
        for defragmenter in std::mem::take(&mut self.defragmenters) {
            totals.absorb(defragmenter.into_inner().unwrap_or_else(PoisonError::into_inner).finish());
        }
        self.add_unasked(&mut totals);
        let (read, matches) = (totals.read, totals.matches);
        assert!(totals.check(), "every packet, query and response is accounted for: {read:?}, {matches:?}");
        let counted = totals.rssac.as_ref().map_or(0, |tally| tally.messages());
        let Plan { rssac, rows, duplicates_ns, .. } = self.reader.plan;
        let is_simple = rssac.is_some() && !rows && duplicates_ns.is_none();
        assert!(!is_simple || counted == totals.messages, "every message is counted: {counted}");
        let CaptureRead { inputs, regressions, first_regression, first_and_last_ns } =
            lock(&self.chunks).read();
        let ending = match lock(&self.schedule).was_interrupted() {
            true => Ending::Interrupted,
            false => inputs.ending(),
        };
        let rows = self.rows.load(Ordering::Relaxed);
        self.watch.settle(&mut totals, rows);
        Ok(Outcome { totals, rows, ending, inputs, regressions, first_regression, first_and_last_ns })
    }
}

/// Lets the others leave when a worker panics, so that the panic ends the run instead of hanging it.
struct Leave<'a, 'b, C: Chunks, S: Sink>(&'a Shared<'b, C, S>);

impl<C: Chunks, S: Sink> Drop for Leave<'_, '_, C, S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.change(Schedule::fail);
        }
    }
}
