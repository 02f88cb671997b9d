//! Every column, asked in all ways that sinks ask, which must say the same, of the column's kind.
//!
//! And the inputs to ask about: messages as packets, and frames as streams. Called by the cases and by the fuzz target
//! `columns`.

use dpp::capture::{self, CaptureRead, Chunk, Chunks, Composer, InputError, single};
use dpp::dns::name;
use dpp::dnstap::frames;
use dpp::pipeline::{self, Machine, Pool, Rows, Sink, Watch};
use dpp::plan::Plan;
use dpp::stats::Totals;
use dpp::table::{
    BASIS_ROOM, Batch, COLUMNS, Context, Entry, Field, Kind, PRESETS, Record, Schema, Scratch, TURN_ROWS,
    Take, Told, Value,
};
use dpp::transaction::Transaction;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::Mutex;

/// A row: its columns' values by their names.
pub(crate) type Row = BTreeMap<&'static str, String>;

#[derive(Default)]
struct Collect(Mutex<Vec<Row>>);

impl Sink for Collect {
    type Piece = Vec<Row>;
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Vec<Row> {
        let (context, mut scratch) = (Context::default(), Scratch::default());
        let mut told: Vec<Row> = rows.iter().map(|_| Row::new()).collect();
        let schemas = PRESETS.iter().map(|preset| (preset.schema)());
        schemas
            .for_each(|schema| schema.fields().iter().for_each(|field| check_turns(field, &rows, &context)));
        for entry in COLUMNS {
            check_turns(&entry.column.into(), &rows, &context);
            let mut values = Vec::new();
            entry.column.for_each_value(rows.iter(), &context, &mut scratch, |value| {
                assert!(fits(entry.kind, &value), "{}: {value:?}", entry.name);
                values.push(written(&value));
            });
            for ((transaction, row), value) in rows.iter().zip(&mut told).zip(values) {
                let alone = written(&entry.column.value(&transaction, &context, &mut scratch));
                assert!(
                    !is_text(entry.kind) || std::str::from_utf8(&scratch.bytes).is_ok(),
                    "{}",
                    entry.name
                );
                assert_eq!(alone, value, "{}", entry.name);
                let taken = entry.column.with_value(&transaction, &context, &mut scratch, Written);
                assert_eq!(taken, value, "{}", entry.name);
                check_basis(entry, &transaction, &value);
                row.insert(entry.name, value);
            }
        }
        pool.recycle(rows);
        told
    }

    fn size(&self, piece: &Vec<Row>) -> usize {
        piece.len()
    }

    fn accept(&self, _: usize, piece: &Vec<Row>) -> Result<(), Infallible> {
        self.0.lock().unwrap().extend_from_slice(piece);
        Ok(())
    }

    fn recycle(&self, _: Vec<Row>, _: &Pool) {}
}

/// Writes a value down.
struct Written;

impl Take<'_> for Written {
    type Done = String;

    fn take(self, value: Value<'_>) -> String {
        written(&value)
    }
}

/// What columns said of their bases, whatever the input was: they must always say the same. Forgotten when it is much.
static SAID: Mutex<BTreeMap<(&str, Vec<u8>), String>> = Mutex::new(BTreeMap::new());

fn check_basis(entry: &Entry, row: &Transaction, value: &str) {
    let Some(basis) = entry.column.basis() else { return };
    let mut room = [0; BASIS_ROOM];
    let bytes = basis.bytes(row, &mut room).to_vec();
    let mut said = SAID.lock().unwrap();
    if said.len() > 100_000 {
        said.clear();
    }
    let before = said.entry((entry.name, bytes)).or_insert_with(|| value.to_string());
    assert_eq!(before, value, "{}: of the same basis", entry.name);
}

/// Asks for the numbers of several rows at once, and whether anybody needs to ask at all.
fn check_turns(field: &Field, rows: &Rows, context: &Context) {
    let (mut scratch, mut batch) = (Scratch::default(), Batch::default());
    let absent = field.absent.value(field.kind);
    let is_lacking = Told::by(rows.tells()).lacks(field.column, context);
    let all: Vec<_> = rows.iter().collect();
    for turn in all.chunks(TURN_ROWS) {
        let are_numbers = field.fill(turn, context, &mut scratch, &mut batch);
        let mut numbers = batch.numbers().iter();
        let mut is_there = batch.is_there().iter();
        field.for_each_value(turn.iter().copied(), context, &mut scratch, |value| {
            assert!(!is_lacking || value == absent, "{}: {value:?}", field.name);
            if are_numbers {
                let number = (value != Value::Null).then(|| value.bits(field.kind));
                assert_eq!(is_there.next(), Some(&u8::from(number.is_some())), "{}", field.name);
                assert_eq!(
                    number,
                    if number.is_some() { numbers.next().copied() } else { None },
                    "{}",
                    field.name
                );
            }
        });
        assert!(!are_numbers || numbers.next().is_none(), "{}", field.name);
    }
}

/// Whether nothing but text is made in the scratch for values of the kind.
fn is_text(kind: Kind) -> bool {
    matches!(kind, Kind::Word | Kind::Text | Kind::Texts | Kind::Records)
}

/// Whether a value is one of the kind.
fn fits(kind: Kind, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) => kind == Kind::Bool,
        Value::U16(_) => matches!(kind, Kind::U16 | Kind::I32),
        Value::U64(number) => match kind {
            Kind::U8 => *number <= u8::MAX.into(),
            Kind::U32 => *number <= u32::MAX.into(),
            kind => kind == Kind::U64,
        },
        Value::I64(_) => matches!(kind, Kind::I32 | Kind::I64),
        Value::F64(_) => kind == Kind::F64,
        Value::TimestampMicros(_) => kind == Kind::TimestampMicros,
        Value::TimestampNanos(_) => kind == Kind::TimestampNanos,
        Value::Seconds(_) => kind == Kind::Seconds,
        Value::Address(_) => kind == Kind::Address,
        Value::Name(_) => kind == Kind::Name,
        Value::Word(_) | Value::Text(_) => matches!(kind, Kind::Word | Kind::Text),
        Value::Bytes(_) => kind == Kind::Bytes,
        Value::Numbers(_) => kind == Kind::Numbers,
        Value::Texts(_) => kind == Kind::Texts,
        Value::Records(_) => kind == Kind::Records,
    }
}

/// A value as text; `-` if it is absent.
fn written(value: &Value) -> String {
    let record = |Record { name, rtype, class, ttl, data }: Record| {
        let ttl = ttl.map_or("-".to_string(), |ttl| ttl.to_string());
        format!("{name} {ttl} {class} {rtype} {data}")
    };
    match value {
        Value::Null => "-".to_string(),
        Value::Bool(is) => is.to_string(),
        Value::U16(number) => number.to_string(),
        Value::U64(number) => number.to_string(),
        Value::I64(number)
        | Value::TimestampMicros(number)
        | Value::TimestampNanos(number)
        | Value::Seconds(number) => number.to_string(),
        Value::F64(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Name(wire) => {
            let mut text = Vec::new();
            name::write_text(wire, &mut text);
            String::from_utf8(text).expect("ASCII")
        }
        Value::Word(text) => text.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Value::Numbers(numbers) => format!("{numbers:?}"),
        Value::Texts(texts) => format!("[{}]", texts.iter().collect::<Vec<_>>().join("; ")),
        Value::Records(records) => format!("[{}]", records.iter().map(record).collect::<Vec<_>>().join("; ")),
    }
}

/// All there is to know.
fn plan() -> Plan {
    let all = Schema::of(COLUMNS.iter().map(|entry| entry.column));
    Plan { schema: all, unasked: true, sparse: true, ..Plan::default() }
}

/// All rows of an input; none if it is no capture.
pub(crate) fn rows(input: &[u8]) -> Vec<Row> {
    let (machine, sink) = (Machine::new(NonZeroUsize::MIN, 0), Collect::default());
    let _ = pipeline::run(single(input), &plan(), &machine, &sink, &Watch::default());
    sink.0.into_inner().unwrap()
}

/// All rows of what came live, so much of it in each chunk, a second after each other; and what was counted.
pub(crate) fn rows_live(linktype: u16, told: &[&[u8]], at_once: usize) -> (Vec<Row>, Totals) {
    let workers = NonZeroUsize::new(at_once.clamp(1, 3)).expect("some");
    let (machine, sink) = (Machine::new(workers, at_once as u64), Collect::default());
    let live = Live { composer: Composer::new(i64::MAX), told, linktype, at_once, time_ns: 0 };
    let outcome =
        pipeline::run_on(live, &plan(), &machine, &sink, &Watch::default()).expect("it cannot fail");
    assert!(outcome.totals.check(), "{:?}", outcome.totals);
    (sink.0.into_inner().unwrap(), outcome.totals)
}

struct Live<'a> {
    composer: Composer,
    told: &'a [&'a [u8]],
    linktype: u16,
    at_once: usize,
    time_ns: i64,
}

impl Chunks for Live<'_> {
    fn next(&mut self, mut chunk: Chunk) -> Result<Option<Chunk>, InputError> {
        if self.told.is_empty() {
            return Ok(None);
        }
        let (now, later) = self.told.split_at(self.at_once.min(self.told.len()));
        let mut batch = capture::Batch::default();
        for bytes in now {
            self.time_ns += 1_000_000_000;
            batch.push(self.time_ns, self.linktype, |out| out.extend_from_slice(bytes));
        }
        self.told = later;
        self.composer.begin(&mut chunk);
        self.composer.add(&mut chunk, &batch);
        self.composer.end(&mut chunk);
        Ok(Some(chunk))
    }

    fn read(&mut self) -> CaptureRead {
        self.composer.read()
    }
}

/// A capture of these messages, each in a packet of its own, a nanosecond after the one before.
pub(crate) fn capture_of(messages: &[&[u8]]) -> Vec<u8> {
    let mut capture = b"\x4D\x3C\xB2\xA1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x65\0\0\0".to_vec();
    for (number, message) in messages.iter().enumerate() {
        let is_response = message.get(2).is_some_and(|flags| flags & 0x80 != 0);
        let (udp, ip) = (message.len() as u16 + 8, message.len() as u16 + 28);
        let [client, server] = [&b"\xC0\0\x02\x01"[..], b"\xC0\0\x02\x02"];
        let (addresses, ports) = match is_response {
            false => ([client, server].concat(), [40000, 53]),
            true => ([server, client].concat(), [53, 40000]),
        };
        let head = [b"\x45\0", &ip.to_be_bytes()[..], b"\0\0\0\0\x40\x11\0\0", &addresses].concat();
        let ports = ports.map(u16::to_be_bytes).concat();
        let packet = [&head[..], &ports, &udp.to_be_bytes(), b"\0\0", message].concat();
        let (time_ns, length) = ((number as u32).to_le_bytes(), (packet.len() as u32).to_le_bytes());
        capture.extend([&[1, 0, 0, 0], &time_ns[..], &length, &length, &packet].concat());
    }
    capture
}

/// A stream of these frames of dnstap.
pub(crate) fn stream_of(told: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut stream = Vec::new();
    frames::write_start(&mut stream);
    told.iter().for_each(|frame| frames::write_frame(&mut stream, frame.as_ref()));
    frames::write_stop(&mut stream);
    stream
}
