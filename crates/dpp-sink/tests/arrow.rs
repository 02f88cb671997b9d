//! Arrow files and streams, read back with arrow-ipc's own readers and compared with the rows that went in.
#![cfg(feature = "arrow")]

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::{FileReader, StreamReader};
use dpp::pipeline::{Machine, Pool, Rows, RunError, Sink, Watch, run};
use dpp::plan::Plan;
use dpp::table::{Scratch, Value};
use dpp_sink::TableSink;
use dpp_sink::arrow::{Arrow, Form, Settings};
use dpp_sink::text::{NAME_ROOM, write_name};
use std::convert::Infallible;
use std::io::{self, Cursor, Write};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

/// A capture of so many queries, 40 us apart: names with what must be escaped, types with and without names; every seventh
/// has no response.
fn capture(queries: usize) -> Vec<u8> {
    let mut bytes =
        [&0xA1B2_C3D4u32.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8], &[0, 0, 4, 0], &[1, 0, 0, 0]].concat();
    for number in 0..queries {
        let micros = 1_700_000_000_000_000 + 40 * number as u64;
        packet(micros, &frame(number, None), &mut bytes);
        if !number.is_multiple_of(7) {
            packet(micros + 10, &frame(number, Some((number % 4) as u8)), &mut bytes);
        }
    }
    bytes
}

fn packet(micros: u64, frame: &[u8], bytes: &mut Vec<u8>) {
    for field in [micros / 1_000_000, micros % 1_000_000, frame.len() as u64, frame.len() as u64] {
        bytes.extend_from_slice(&(field as u32).to_le_bytes());
    }
    bytes.extend_from_slice(frame);
}

fn frame(number: usize, rcode: Option<u8>) -> Vec<u8> {
    let name = match number % 50 {
        0 => b"\x03a b\x04\xFF\0.,\x03-x*\0".to_vec(),
        1 => b"\0".to_vec(),
        other => [format!("\x06host{other:02}").as_bytes(), b"\x07example\0"].concat(),
    };
    let qtype = [1u16, 28, 65, 999][number / 3 % 4].to_be_bytes();
    let flags = rcode.map_or([1, 0], |rcode| [0x81, 0x80 | rcode]);
    let header = [&((number * 31) as u16).to_be_bytes()[..], &flags, &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
    let message = [&header[..], &name, &qtype, &[0, 1]].concat();
    let client = (1024 + (number * 7919 % 60_000) as u16).to_be_bytes();
    let mut ends = [(client, number as u8), ([0, 53], 53)];
    if rcode.is_some() {
        ends.reverse();
    }
    let [(source, from), (destination, to)] = ends;
    let length = (message.len() as u16 + 8).to_be_bytes();
    let udp = [&source[..], &destination, &length, &[0, 0], &message].concat();
    let total = (udp.len() as u16 + 20).to_be_bytes();
    let ip =
        [&[8, 0, 0x45, 0][..], &total, &[0, 0, 0, 0, 64, 17, 0, 0], &[192, 0, 2, from], &[192, 0, 2, to]];
    [&[2; 12][..], &ip.concat(), &udp].concat()
}

/// How a run is done.
#[derive(Clone, Copy)]
struct Way {
    workers: usize,
    chunk_bytes: usize,
}

const SIMPLY: Way = Way { workers: 1, chunk_bytes: 1 << 18 };

fn pour<S: Sink>(capture: &[u8], way: Way, sink: &S) -> Result<(), S::Error>
where
    S::Error: std::fmt::Debug,
{
    let mut machine = Machine::new(NonZeroUsize::new(way.workers).unwrap(), 7);
    machine.chunk_bytes = way.chunk_bytes;
    match run(dpp::capture::single(capture), &Plan::default(), &machine, sink, &Watch::default()) {
        Ok(_) => Ok(()),
        Err(RunError::Sink(error)) => Err(error),
        Err(error) => panic!("{error:?}"),
    }
}

fn batches_of(form: Form, rows: usize) -> Settings {
    let metadata = vec![("dpp.plan".into(), "the plan".into())];
    Settings { batch_rows: NonZeroUsize::new(rows).unwrap(), metadata, ..Settings::of(form) }
}

fn write(queries: usize, way: Way, settings: Settings) -> Vec<u8> {
    let sink = Arrow::new(Vec::new(), &Plan::default(), settings).unwrap();
    pour(&capture(queries), way, &sink).unwrap();
    sink.finish(vec![("dpp.totals".into(), "the totals".into())]).unwrap()
}

fn read(form: Form, bytes: Vec<u8>) -> Vec<RecordBatch> {
    match form {
        Form::File => FileReader::try_new(Cursor::new(bytes), None).unwrap().map(Result::unwrap).collect(),
        Form::Stream => {
            StreamReader::try_new(Cursor::new(bytes), None).unwrap().map(Result::unwrap).collect()
        }
    }
}

/// A cell as text, "-" where nothing is.
fn cell(column: &dyn Array, row: usize) -> String {
    use arrow_schema::{DataType, TimeUnit};
    match column.data_type() {
        _ if column.is_null(row) => "-".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if **zone == *"UTC" => {
            column.as_primitive::<TimestampMicrosecondType>().value(row).to_string()
        }
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Dictionary(..) => {
            let words = column.as_dictionary::<Int32Type>();
            words.values().as_string::<i32>().value(words.key(row).unwrap()).to_owned()
        }
        other => panic!("no column is {other}"),
    }
}

fn rows(batches: &[RecordBatch]) -> Vec<String> {
    let row = |batch: &RecordBatch, row| {
        batch.columns().iter().map(|column| cell(column, row)).collect::<Vec<_>>().join("|")
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |number| row(batch, number))).collect()
}

/// A sink that keeps each row as [`rows`] gives it.
#[derive(Default)]
struct Kept(Mutex<Vec<String>>);

impl Sink for Kept {
    type Piece = Rows;
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, _: &Pool) -> Rows {
        rows
    }

    fn size(&self, rows: &Rows) -> usize {
        rows.size()
    }

    fn accept(&self, _: usize, rows: &Rows) -> Result<(), Infallible> {
        let text = |value: Value| match value {
            Value::Null => "-".to_owned(),
            Value::TimestampMicros(micros) => micros.to_string(),
            Value::Address(address) => address.to_string(),
            Value::U16(number) => number.to_string(),
            Value::Name(wire) => {
                let mut room = [0; NAME_ROOM];
                let length = write_name(wire, &mut room).length;
                String::from_utf8(room[..length].to_vec()).unwrap()
            }
            Value::Word(text) => text.to_owned(),
            value => unreachable!("{value:?} in no column here"),
        };
        let (plan, mut scratch) = (Plan::default(), Scratch::default());
        for row in rows.iter() {
            let fields = plan.schema.fields().iter();
            let texts: Vec<_> =
                fields.map(|field| text(field.value(&row, &plan.context, &mut scratch))).collect();
            self.0.lock().unwrap().push(texts.join("|"));
        }
        Ok(())
    }

    fn recycle(&self, _: Rows, _: &Pool) {}
}

#[test]
fn rows_read_back_as_they_were() {
    let kept = Kept::default();
    let Ok(()) = pour(&capture(20_000), SIMPLY, &kept);
    let expected = kept.0.into_inner().unwrap();
    assert_eq!(expected.len(), 20_000);
    for form in [Form::File, Form::Stream] {
        for zstd in [None, Some(1), Some(19)] {
            let settings = Settings { zstd, ..batches_of(form, 3_001) };
            let batches = read(form, write(20_000, SIMPLY, settings));
            assert!(rows(&batches) == expected, "{form:?} {zstd:?}: rows differ");
        }
    }
}

#[test]
fn batches_end_at_exact_row_counts() {
    let lengths = |form, queries| {
        let batches = read(form, write(queries, SIMPLY, batches_of(form, 1000)));
        batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>()
    };
    for (queries, file, stream) in [
        (0, &[][..], &[0][..]),
        (999, &[999], &[999]),
        (2000, &[1000, 1000], &[1000, 1000, 0]),
        (2500, &[1000, 1000, 500], &[1000, 1000, 500]),
    ] {
        assert_eq!(lengths(Form::File, queries), file);
        assert_eq!(lengths(Form::Stream, queries), stream);
    }
}

#[test]
fn words_are_numbered_as_they_come_once_in_a_file_and_for_each_batch_of_a_stream() {
    let words = |batch: &RecordBatch| {
        let words = batch.column(6).as_dictionary::<Int32Type>().values();
        words.as_string::<i32>().iter().flatten().collect::<Vec<_>>().join(" ")
    };
    let words =
        |form| read(form, write(30, SIMPLY, batches_of(form, 10))).iter().map(words).collect::<Vec<_>>();
    assert_eq!(words(Form::File), ["A AAAA HTTPS Unknown"; 3]);
    assert_eq!(
        words(Form::Stream),
        ["A AAAA HTTPS Unknown", "Unknown A AAAA HTTPS", "HTTPS Unknown A AAAA", ""]
    );
}

#[test]
fn the_plan_is_in_the_schema_and_the_totals_behind_the_rows() {
    let file = write(10, SIMPLY, batches_of(Form::File, 1000));
    let reader = FileReader::try_new(Cursor::new(file), None).unwrap();
    assert_eq!(reader.schema().metadata()["dpp.plan"], "the plan");
    assert_eq!(reader.custom_metadata()["dpp.totals"], "the totals");
    let stream = write(10, SIMPLY, batches_of(Form::Stream, 1000));
    let reader = StreamReader::try_new(Cursor::new(&stream), None).unwrap();
    assert_eq!(reader.schema().metadata()["dpp.plan"], "the plan");
    assert!(stream.windows(10).any(|window| window == b"the totals"));
}

#[test]
fn the_bytes_depend_neither_on_workers_nor_on_chunks() {
    for form in [Form::File, Form::Stream] {
        let expected = write(4_000, SIMPLY, batches_of(form, 700));
        for workers in [1, 2, 8] {
            for chunk_bytes in [1 << 9, 1 << 14] {
                let file = write(4_000, Way { workers, chunk_bytes }, batches_of(form, 700));
                assert!(file == expected, "{form:?}: {workers} workers, chunks of {chunk_bytes} bytes");
            }
        }
    }
}

/// A writer that has room for so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_ends_the_run_with_its_error() {
    let sink = Arrow::new(Full(20_000), &Plan::default(), batches_of(Form::File, 1000)).unwrap();
    assert_eq!(pour(&capture(5000), SIMPLY, &sink).unwrap_err().kind(), io::ErrorKind::StorageFull);
    let sink = Arrow::new(Full(2000), &Plan::default(), Settings::of(Form::Stream)).unwrap();
    pour(&capture(1000), SIMPLY, &sink).unwrap();
    assert_eq!(sink.finish(Vec::new()).err().unwrap().kind(), io::ErrorKind::StorageFull);
}

/// A writer whose bytes can be looked at.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stream_that_is_flushed_can_be_read_up_to_there() {
    let seen = Seen::default();
    let written = || seen.0.lock().unwrap().clone();
    let sink = Arrow::new(seen.clone(), &Plan::default(), batches_of(Form::Stream, 1000)).unwrap();
    let flush = || (0..sink.lanes()).for_each(|lane| sink.flush(lane).unwrap());
    pour(&capture(1200), SIMPLY, &sink).unwrap();
    assert_eq!(rows(&read(Form::Stream, written())).len(), 1000, "what is of no full batch waits");
    flush();
    let expected = rows(&read(Form::Stream, write(1200, SIMPLY, batches_of(Form::Stream, 1000))));
    assert!(rows(&read(Form::Stream, written())) == expected);
    let length = written().len();
    flush();
    assert_eq!(written().len(), length, "nothing new, nothing to be written");
    sink.finish(Vec::new()).unwrap();
    assert!(rows(&read(Form::Stream, written())) == expected);
}

#[test]
fn a_file_has_the_batches_it_should_have_however_often_it_is_flushed() {
    let sink = Arrow::new(Vec::new(), &Plan::default(), batches_of(Form::File, 1000)).unwrap();
    pour(&capture(500), SIMPLY, &sink).unwrap();
    (0..sink.lanes()).for_each(|lane| sink.flush(lane).unwrap());
    let metadata = vec![("dpp.totals".into(), "the totals".into())];
    assert!(sink.finish(metadata).unwrap() == write(500, SIMPLY, batches_of(Form::File, 1000)));
}
