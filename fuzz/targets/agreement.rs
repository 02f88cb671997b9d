//! A whole run over any bytes: every machine tells the same, and that is what the oracle of the laws makes of them.
//!
//! The oracle takes described packets, with letters for people and text for names. So here the messages that the engine
//! reads are described in its words: each tuple gets an id of its own, and the octets of a name become the characters with
//! their numbers. Nothing is lost, as letters fold alike on both sides. A packet is a segment of whole messages, one for
//! each question, whatever it was. Called by `run` and `scene`.

use crate::oracle::{self, Meaning, meaning};
use crate::packet::{Code, Content, Kind, Message, Other, Packet, Part, Question, Tuple};
use dpp::capture::{Chunk, Cutter, Ending, InputError, Record, Regression, Settings, single};
use dpp::dns::iana::TSIG_ERROR;
use dpp::limits::Limits;
use dpp::pipeline::{self, Machine, Outcome, Pool, Rows, RunError, Sink, Watch};
use dpp::plan::Plan;
use dpp::stats::Totals;
use dpp::table::{Column, Context, Scratch, Value};
use dpp::transaction::{Key, Matches, Rtt, Transaction, Transport};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Checks that all `machines` tell the same of these bytes, that it is the oracle's, and gives it; `None` if the bytes
/// are no capture.
pub fn check(bytes: &[u8], plan: &Plan, machines: [&Machine; 2]) -> Option<Told> {
    let [one, other] = machines.map(|machine| run(bytes, plan, machine));
    assert_eq!(one, other, "{machines:?}");
    let told = one.ok()?;
    assert!(told.totals.check(), "the sums close: {:?}", told.totals);
    let before_matching = Totals { matches: Matches::default(), rtt: Rtt::default(), ..told.totals.clone() };
    let packets = packets(bytes, plan).expect("a capture");
    if packets.iter().any(|record| LOGGED.contains(&record.linktype)) {
        // What others logged, the oracle does not know.
        let totals = pipeline::messages(single(bytes), plan, machines[1], |_| {}).expect("a capture");
        assert_eq!(before_matching, totals, "what is counted before matching");
        return Some(told);
    }
    let described = Described::read(bytes, plan, machines[1]).expect("a capture");
    // Nor can a description say how many bytes the segments had, on which the window of streams depends.
    let usual = Limits::default();
    if described.is_timely && plan.limits.window_stream_bytes == usual.window_stream_bytes {
        let expected = meaning(&described.packets, plan);
        told.check(&expected, |tuple| described.asked[usize::from(tuple.id)]);
    }
    assert_eq!(before_matching, described.totals, "what is counted before matching");
    Some(told)
}

/// Records that are no packets.
const LOGGED: [u16; 3] = [Record::DNSTAP, Record::CDNS, Record::CDNS_CUT];

/// Who asked whom and how: addresses and ports of client and server, whether over TCP, and the id.
pub type Asked = ([(IpAddr, u16); 2], bool, u16);

/// Everything that a run tells.
#[derive(Debug, PartialEq)]
pub struct Told {
    pub rows: Vec<Row>,
    pub totals: Totals,
    /// The kind of ending, and its offset.
    pub ending: (&'static str, u64),
    pub regressions: (u64, Option<Regression>),
    pub span: Option<(i64, i64)>,
}

/// A row, with its name in wire form.
#[derive(Debug, PartialEq)]
pub struct Row {
    request_ns: i64,
    asked: Asked,
    name: Vec<u8>,
    qtype: Option<u16>,
    qclass: Option<u16>,
    answer: Option<(i64, &'static str)>,
}

impl Told {
    /// Checks that this is what the oracle says, and what its tuples stand for.
    pub fn check(&self, meaning: &Meaning, asked: impl Fn(&Tuple) -> Asked) {
        let expected: Vec<Row> = meaning.rows.iter().map(|row| Row::expected(row, &asked)).collect();
        assert_eq!(self.rows, expected, "rows of the engine and of the oracle");
        assert_eq!(self.totals.matches, meaning.matches);
        let rtts = self.rows.iter().filter_map(|row| Some(row.answer?.0.abs_diff(row.request_ns)));
        assert_eq!(self.totals.rtt.max_ns(), rtts.max());
    }
}

/// Runs the engine. An error is told in words, so that it can be compared.
fn run(bytes: &[u8], plan: &Plan, machine: &Machine) -> Result<Told, String> {
    let sink = Collect(Mutex::default());
    let outcome = match pipeline::run(single(bytes), plan, machine, &sink, &Watch::default()) {
        Ok(outcome) => outcome,
        Err(RunError::Capture(error)) => return Err(error.error.to_string()),
        Err(RunError::Sink(never)) => match never {},
    };
    let rows = sink.0.into_inner().expect("no panic while locked");
    let Outcome { totals, ending, regressions, first_regression, first_and_last_ns, .. } = outcome;
    assert_eq!(outcome.rows, rows.len() as u64);
    let ending = match ending {
        Ending::Complete => ("complete", 0),
        Ending::CutOff { offset } => ("cut off", offset),
        Ending::Damaged { offset, what } => (what, offset),
        other => panic!("{other:?} of bytes in memory"),
    };
    Ok(Told { rows, totals, ending, regressions: (regressions, first_regression), span: first_and_last_ns })
}

/// A sink that keeps all rows.
struct Collect(Mutex<Vec<Row>>);

impl Sink for Collect {
    type Piece = Mutex<Vec<Row>>;
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Self::Piece {
        let piece = rows.iter().map(|transaction| Row::told(&transaction)).collect();
        pool.recycle(rows);
        Mutex::new(piece)
    }

    fn size(&self, piece: &Self::Piece) -> usize {
        piece.lock().map_or(0, |rows| rows.len())
    }

    fn accept(&self, _: usize, piece: &Self::Piece) -> Result<(), Infallible> {
        let mut rows = self.0.try_lock().expect("a lane takes one piece at a time");
        rows.append(&mut piece.lock().expect("no panic while locked"));
        Ok(())
    }

    fn recycle(&self, _: Self::Piece, _: &Pool) {}
}

impl Row {
    fn told(transaction: &Transaction) -> Row {
        let key = transaction.key();
        let (context, mut scratch) = (Context::default(), Scratch::default());
        let code = match Column::ResponseCode.value(transaction, &context, &mut scratch) {
            Value::Word(word) => Some(word),
            _ => None,
        };
        let mut number = |column: Column| match column.value(transaction, &context, &mut scratch) {
            Value::U16(number) => Some(number),
            _ => None,
        };
        Row {
            request_ns: transaction.request_ns(),
            asked: asked(&key),
            name: key.name().to_vec(),
            qtype: number(Column::Qtype),
            qclass: number(Column::Qclass),
            answer: transaction.response_ns().zip(code),
        }
    }

    /// The oracle's row. Its name is either the octets as characters, which begin with a length, or text with dots.
    fn expected(row: &oracle::Row, asked: impl Fn(&Tuple) -> Asked) -> Row {
        Row {
            request_ns: row.request_ns,
            asked: asked(&row.tuple),
            name: wire(&row.question.name),
            qtype: row.question.qtype,
            qclass: row.question.qclass,
            answer: row.answer,
        }
    }
}

fn asked(key: &Key) -> Asked {
    let endpoints = [(key.client(), key.client_port()), (key.server(), key.server_port())];
    (endpoints, key.transport() == Transport::Tcp, key.id())
}

/// The octets that stand in `name` as characters: all of them end with the root. Otherwise it is text.
fn wire(name: &str) -> Vec<u8> {
    if name.ends_with('\0') {
        return name.chars().map(|octet| u32::from(octet) as u8).collect();
    }
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut wire: Vec<u8> =
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    wire.push(0);
    wire
}

/// A capture in the oracle's words.
struct Described {
    packets: Vec<Packet>,
    /// What [`Tuple::id`] stands for.
    asked: Vec<Asked>,
    totals: Totals,
    /// Whether each message has the time and the place of its packet, which is all that a description can say.
    is_timely: bool,
}

impl Described {
    fn read(bytes: &[u8], plan: &Plan, machine: &Machine) -> Result<Described, InputError> {
        let mut packets = times(bytes, plan)?;
        let (mut asked, mut is_timely) = (Vec::new(), true);
        let totals = pipeline::messages(single(bytes), plan, machine, |message| {
            let packet: &mut Packet = &mut packets[message.position as usize];
            // A message found behind a hole that was given up is dated with the segment that brought it; one found behind a
            // hole at the end stands behind all others.
            is_timely &= packet.time_ns == message.time_ns && !message.is_late;
            add(&mut packet.content, &message, &mut asked);
        })?;
        assert_eq!(totals.read.packets, packets.len() as u64);
        Ok(Described { packets, asked, totals, is_timely })
    }
}

/// All packets with their times and nothing in them.
fn times(bytes: &[u8], plan: &Plan) -> Result<Vec<Packet>, InputError> {
    let packet = |record: Record| Packet { time_ns: record.time_ns, content: Content::Other(Other::Arp) };
    Ok(packets(bytes, plan)?.into_iter().map(packet).collect())
}

/// All records of a capture that is cut into few chunks.
fn packets(bytes: &[u8], plan: &Plan) -> Result<Vec<Record>, InputError> {
    let jump_ns = plan.limits.jump_ns;
    let whole =
        Settings { bytes: bytes.len() + 1, packets: usize::MAX, jump_ns, monotonic: false, merge: false };
    let (mut cutter, mut packets) = (Cutter::new(single(bytes), whole)?, Vec::new());
    while let Some(chunk) = cutter.next(Chunk::default())? {
        packets.extend_from_slice(&chunk.records);
    }
    Ok(packets)
}

/// Describes a message, or one more question of it.
fn add(content: &mut Content, message: &pipeline::Message, known: &mut Vec<Asked>) {
    let key = &message.key;
    let question = Question {
        name: key.name().iter().copied().map(char::from).collect(),
        qtype: key.qtype(),
        qclass: key.qclass(),
    };
    let asked = asked(key);
    let number = known.iter().position(|other| *other == asked).unwrap_or_else(|| {
        known.push(asked);
        known.len() - 1
    });
    // The port of these two is one that everybody asks for.
    let client = if asked.1 { 'E' } else { 'e' };
    let tuple = Tuple { client, server: 1, id: u16::try_from(number).expect("a small capture") };
    let message = Message {
        kind: if message.is_response { Kind::Response(code(message.rcode)) } else { Kind::Query },
        tuple,
        questions: if key.name().is_empty() { Vec::new() } else { vec![question] },
        identification: 0,
        damage: None,
        tagged: false,
        tunnelled: false,
    };
    let part = Part { message, number: 1, count: 1 };
    match content {
        Content::Segment(_, parts) => parts.push(part),
        content => *content = Content::Segment(SEQUENCE.fetch_add(1, Ordering::Relaxed), vec![part]),
    }
}

/// No two packets are the same segment.
static SEQUENCE: AtomicU32 = AtomicU32::new(0);

/// How a response could have told this code.
fn code(rcode: u16) -> Code {
    match rcode & TSIG_ERROR {
        0 => Code::Opt(rcode as u8 & 15, (rcode >> 4) as u8),
        _ => Code::Tsig(0, rcode & !TSIG_ERROR),
    }
}
