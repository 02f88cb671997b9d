//! The engine, run on bytes, with everything it says collected and put into the oracle's words.
//!
//! The sink keeps what each of its lanes was given, so that a lane that misses a piece, or sees two in the wrong order,
//! shows. Called by the laws and the cases.

use crate::oracle::{Facts, Row};
use crate::packet::{Asked, Tuple};
use dpp::capture::{Chunks, Ending, Inputs, single};
use dpp::pipeline::{self, Machine, Outcome, Pool, Rows, RunError, Sink, Watch};
use dpp::plan::Plan;
use dpp::table::{Column, Context, Scratch, Value};
use dpp::transaction::{Transaction, Transport};
use std::convert::Infallible;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// A finished run.
pub(crate) struct Run {
    pub(crate) rows: Vec<Row>,
    pub(crate) outcome: Outcome,
}

/// Runs the engine with one lane.
pub(crate) fn run(input: impl Read + Send, plan: &Plan, machine: &Machine) -> Run {
    run_all(single(input), plan, machine)
}

/// Runs the engine on many inputs.
pub(crate) fn run_all(inputs: impl Inputs, plan: &Plan, machine: &Machine) -> Run {
    watched(inputs, plan, machine, 1, &Watch::default())
}

/// Runs the engine with so many lanes, which must all see the same.
pub(crate) fn watched(
    inputs: impl Inputs,
    plan: &Plan,
    machine: &Machine,
    lanes: usize,
    watch: &Watch,
) -> Run {
    let sink = Collect::new(lanes);
    let outcome = pipeline::run(inputs, plan, machine, &sink, watch);
    sink.run(outcome)
}

/// Runs the engine on a capture that is cut elsewhere.
pub(crate) fn run_on(chunks: impl Chunks, plan: &Plan, machine: &Machine) -> Run {
    let sink = Collect::new(1);
    let outcome = pipeline::run_on(chunks, plan, machine, &sink, &Watch::default());
    sink.run(outcome)
}
/// A sink that keeps all rows, once for each lane.
pub(crate) struct Collect {
    pub(crate) lanes: Vec<Mutex<Vec<Row>>>,
    encoded: AtomicU64,
    recycled: AtomicU64,
}

impl Collect {
    pub(crate) fn new(lanes: usize) -> Collect {
        let lanes = (0..lanes).map(|_| Mutex::default()).collect();
        Collect { lanes, encoded: AtomicU64::new(0), recycled: AtomicU64::new(0) }
    }

    /// The run that filled it.
    fn run(self, outcome: Result<Outcome, RunError<Infallible>>) -> Run {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(RunError::Capture(error)) => panic!("these are captures: {error:?}"),
            Err(RunError::Sink(never)) => match never {},
        };
        let mut lanes: Vec<Vec<Row>> =
            self.lanes.into_iter().map(|lane| lane.into_inner().unwrap()).collect();
        let rows = lanes.pop().expect("a lane");
        lanes.iter().for_each(|lane| assert_eq!(*lane, rows, "each lane sees all rows in order"));
        // What was encoded behind the last whole piece of an interrupted run is dropped.
        let (encoded, recycled) = (self.encoded.into_inner(), self.recycled.into_inner());
        match outcome.ending {
            Ending::Interrupted => assert!(recycled <= encoded, "no piece comes back twice"),
            _ => assert_eq!(recycled, encoded, "each piece comes back once"),
        }
        Run { rows, outcome }
    }
}

impl Sink for Collect {
    type Piece = Vec<Row>;
    type Error = Infallible;

    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Vec<Row> {
        let encoded: Vec<Row> = rows.iter().map(|transaction| row(&transaction)).collect();
        assert_eq!((rows.len(), rows.is_empty()), (encoded.len(), encoded.is_empty()));
        pool.recycle(rows);
        self.encoded.fetch_add(1, Ordering::Relaxed);
        encoded
    }

    fn size(&self, piece: &Vec<Row>) -> usize {
        piece.len()
    }

    fn accept(&self, lane: usize, piece: &Vec<Row>) -> Result<(), Infallible> {
        let mut lane = self.lanes[lane].try_lock().expect("a lane takes one piece at a time");
        std::thread::yield_now();
        lane.extend_from_slice(piece);
        Ok(())
    }

    fn recycle(&self, _: Vec<Row>, _: &Pool) {
        self.recycled.fetch_add(1, Ordering::Relaxed);
    }
}

/// A sink that fails once it has taken some pieces.
pub(crate) struct FailAfter {
    pieces: u64,
    taken: AtomicU64,
}

/// Why it fails.
#[derive(Debug)]
pub(crate) struct DiskFull;

impl FailAfter {
    pub(crate) fn pieces(pieces: u64) -> FailAfter {
        FailAfter { pieces, taken: AtomicU64::new(0) }
    }

    pub(crate) fn pieces_taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Sink for FailAfter {
    type Piece = ();
    type Error = DiskFull;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) {
        pool.recycle(rows);
    }

    fn size(&self, (): &()) -> usize {
        0
    }

    fn accept(&self, _: usize, (): &()) -> Result<(), DiskFull> {
        match self.pieces_taken() < self.pieces {
            true => self.taken.fetch_add(1, Ordering::Relaxed),
            false => return Err(DiskFull),
        };
        Ok(())
    }

    fn recycle(&self, (): (), _: &Pool) {}
}

/// A row in the oracle's words.
pub(crate) fn row(transaction: &Transaction) -> Row {
    let key = transaction.key();
    let client = (key.client(), key.client_port());
    let name = if key.name().is_empty() { "-".to_string() } else { dotted(key.name()) };
    let (context, mut scratch) = (Context::default(), Scratch::default());
    let number = |column: Column, scratch: &mut Scratch| match column.value(transaction, &context, scratch) {
        Value::U16(number) => Some(number),
        Value::Null => None,
        value => panic!("a type or class is no {value:?}"),
    };
    let (qtype, qclass) = (number(Column::Qtype, &mut scratch), number(Column::Qclass, &mut scratch));
    let question = Asked { name, qtype, qclass };
    let code = match Column::ResponseCode.value(transaction, &context, &mut scratch) {
        Value::Word(text) => Some(text),
        Value::Null => None,
        value => panic!("a response code is no {value:?}"),
    };
    assert_eq!(code.is_some(), transaction.response_ns().is_some());
    Row {
        request_ns: transaction.request_ns(),
        tuple: Tuple::between(
            client,
            (key.server(), key.server_port()),
            key.id(),
            key.transport() == Transport::Tcp,
        ),
        question,
        answer: transaction.response_ns().zip(code),
        facts: transaction.facts().map(|facts| Facts {
            messages: facts.answer_messages,
            error: match Column::ParseError.value(transaction, &context, &mut scratch) {
                Value::Word(text) => Some(text),
                _ => None,
            },
            tagged: transaction.seldom(&facts.own).outer.vlan_ids() == [7],
        }),
    }
}

/// A name in wire form, of labels that need no escapes, with dots.
fn dotted(wire: &[u8]) -> String {
    let (mut labels, mut rest) = (Vec::new(), wire);
    while let Some((&length @ 1.., after)) = rest.split_first() {
        let (label, after) = after.split_at(length.into());
        labels.push(std::str::from_utf8(label).expect("ASCII"));
        rest = after;
    }
    assert_eq!(rest, [0], "a name ends with the root");
    labels.join(".")
}

/// A machine with so many workers and such chunks.
pub(crate) fn machine(workers: usize, chunk_packets: usize, chunk_bytes: usize, seed: u64) -> Machine {
    let workers = NonZeroUsize::new(workers).expect("at least one");
    Machine { chunk_packets, chunk_bytes, ..Machine::new(workers, seed) }
}

/// One worker, and everything in one chunk.
pub(crate) fn plain() -> Machine {
    Machine::new(NonZeroUsize::MIN, 0)
}

/// Every number of workers with every size of chunk.
pub(crate) fn machines() -> Vec<Machine> {
    let default_bytes = plain().chunk_bytes;
    let mut machines = Vec::new();
    for workers in [1, 2, 3, 8] {
        for packets in [1, 2, 3, 7, usize::MAX] {
            for bytes in [1, 100, 4096, default_bytes] {
                for seed in [0, 0x9E37_79B9_7F4A_7C15] {
                    machines.push(machine(workers, packets, bytes, seed));
                }
            }
        }
    }
    machines
}

/// A reader that stops the run once it has handed out so many bytes.
pub(crate) struct StopAfter<'a, R> {
    pub(crate) input: R,
    pub(crate) left: usize,
    pub(crate) watch: &'a Watch,
}

impl<R: Read> Read for StopAfter<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.left = self.left.saturating_sub(read);
        if self.left == 0 {
            self.watch.stop.store(true, Ordering::Relaxed);
        }
        Ok(read)
    }
}

/// A reader that fails where another would end.
pub(crate) struct FailAtEnd<R>(pub(crate) R);

impl<R: Read> Read for FailAtEnd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(io::Error::other("the cable is out")),
            read => Ok(read),
        }
    }
}
