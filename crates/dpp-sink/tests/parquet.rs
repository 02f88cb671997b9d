//! Parquet files, read back with the parquet crate's own reader and compared with the rows that went in.
#![cfg(feature = "parquet")]

use bytes::Bytes;
use dpp::pipeline::{Machine, Pool, Rows, Sink, Watch, run};
use dpp::plan::Plan;
use dpp::table::{Schema, Scratch, Value};
use dpp_sink::TableSink;
use dpp_sink::parquet::{Compression, Error, Parquet, Settings, Version};
use dpp_sink::text::{NAME_ROOM, write_name};
use parquet::basic::{Encoding, PageType};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::serialized_reader::ReadOptionsBuilder;
use parquet::file::statistics::Statistics;
use parquet::record::Field;
use std::convert::Infallible;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::Mutex;

/// A query of a capture; the `number`-th is sent 40 us after the one before it.
struct Query {
    name: Vec<u8>,
    qtype: u16,
    rcode: Option<u8>,
    is_ipv6: bool,
}

/// A name in wire form.
fn wire(labels: &[&[u8]]) -> Vec<u8> {
    let mut wire: Vec<u8> = labels.iter().flat_map(|label| [&[label.len() as u8], *label].concat()).collect();
    wire.push(0);
    wire
}

/// Queries of all sorts: a few names, two of them with what must be escaped, every seventh without a
/// response.
fn mixed(count: usize) -> Vec<Query> {
    let query = |number: usize| Query {
        name: match number % 100 {
            0 => wire(&[b"a b", b"\xFF\0.,\"\\", b"-x*"]),
            1 => wire(&[]),
            2 => wire(&[&[b'l'; 63], &[b'\n'; 63], &[0xFF; 63], &[b'z'; 61]]),
            other => wire(&[format!("host{other}").as_bytes(), b"example"]),
        },
        qtype: [1, 28, 65, 999][number % 4],
        rcode: (!number.is_multiple_of(7)).then_some((number % 5 % 4) as u8),
        is_ipv6: number.is_multiple_of(5),
    };
    (0..count).map(query).collect()
}

/// A name for each query that no other has, of 63 octets: 15,651 fill the dictionary, in the middle of a page.
fn all_different(count: usize) -> Vec<Query> {
    let name = |number: usize| wire(&[format!("{number:063}").as_bytes()]);
    (0..count).map(|number| Query { name: name(number), qtype: 1, rcode: Some(0), is_ipv6: false }).collect()
}

/// The queries as a capture, each response 10 us after its query.
fn capture(queries: &[Query]) -> Vec<u8> {
    let mut bytes =
        [&0xA1B2_C3D4u32.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8], &[0, 0, 4, 0], &[1, 0, 0, 0]].concat();
    for (number, query) in queries.iter().enumerate() {
        let micros = 1_700_000_000_000_000 + 40 * number as u64;
        packet(micros, &frame(number, query, None), &mut bytes);
        if query.rcode.is_some() {
            packet(micros + 10, &frame(number, query, query.rcode), &mut bytes);
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

fn frame(number: usize, query: &Query, rcode: Option<u8>) -> Vec<u8> {
    let (client, server) = (1024 + (number * 7919 % 60_000) as u16, 53);
    let flags = rcode.map_or([1, 0], |rcode| [0x81, 0x80 | rcode]);
    let id = (number * 31 % 65_536) as u16;
    let header = [&id.to_be_bytes()[..], &flags, &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
    let message = [&header[..], &query.name, &query.qtype.to_be_bytes(), &[0, 1]].concat();
    let length = (message.len() as u16 + 8).to_be_bytes();
    let (client_host, server_host) = (number as u8, 53);
    let ((source, from), (destination, to)) = match rcode {
        None => ((client, client_host), (server, server_host)),
        Some(_) => ((server, server_host), (client, client_host)),
    };
    let udp = [&source.to_be_bytes()[..], &destination.to_be_bytes(), &length, &[0, 0], &message].concat();
    let ip = match query.is_ipv6 {
        true => {
            let address = |host| [&[0x20, 1, 0xD, 0xB8][..], &[0; 11], &[host]].concat();
            [&[0x86, 0xDD, 0x60, 0, 0, 0][..], &length, &[17, 64], &address(from), &address(to)].concat()
        }
        false => {
            let total = (udp.len() as u16 + 20).to_be_bytes();
            let fixed = [&[8, 0, 0x45, 0][..], &total, &[0, 0, 0, 0, 64, 17, 0, 0]].concat();
            [&fixed[..], &[192, 0, 2, from], &[192, 0, 2, to]].concat()
        }
    };
    [&[2; 12][..], &ip, &udp].concat()
}

/// How a run is done.
#[derive(Clone, Copy)]
struct Way {
    workers: usize,
    chunk_bytes: usize,
}

const SIMPLY: Way = Way { workers: 1, chunk_bytes: 1 << 18 };

fn pour<S: Sink>(capture: &[u8], plan: &Plan, way: Way, sink: &S) -> Result<(), S::Error>
where
    S::Error: std::fmt::Debug,
{
    let mut machine = Machine::new(NonZeroUsize::new(way.workers).unwrap(), 7);
    machine.chunk_bytes = way.chunk_bytes;
    match run(dpp::capture::single(capture), plan, &machine, sink, &Watch::default()) {
        Ok(_) => Ok(()),
        Err(dpp::pipeline::RunError::Sink(error)) => Err(error),
        Err(error) => panic!("{error:?}"),
    }
}

fn groups_of(rows: usize) -> Settings {
    Settings { group_rows: NonZeroUsize::new(rows).unwrap(), ..Settings::default() }
}

fn write(queries: &[Query], way: Way, settings: Settings) -> Vec<u8> {
    let sink = Parquet::new(Vec::new(), &Plan::default(), settings).unwrap();
    pour(&capture(queries), &Plan::default(), way, &sink).unwrap();
    sink.finish(vec![("dpp.plan".into(), "the plan".into())]).unwrap()
}

fn open(file: Vec<u8>) -> SerializedFileReader<Bytes> {
    SerializedFileReader::new(Bytes::from(file)).unwrap()
}

fn metadata(file: Vec<u8>) -> ParquetMetaData {
    let options = ReadOptionsBuilder::new().with_encoding_stats_as_mask(false).build();
    SerializedFileReader::new_with_options(Bytes::from(file), options).unwrap().metadata().clone()
}

/// Each row as text, "-" where nothing is.
fn read(file: Vec<u8>) -> Vec<String> {
    let text = |field: &Field| match field {
        Field::Null => "-".to_owned(),
        Field::Str(text) => text.clone(),
        Field::Int(number) => number.to_string(),
        Field::TimestampMicros(micros) => micros.to_string(),
        other => panic!("no column has {other}"),
    };
    let row = |row: parquet::record::Row| {
        row.get_column_iter().map(|(_, field)| text(field)).collect::<Vec<_>>().join("|")
    };
    open(file).get_row_iter(None).unwrap().map(|fields| row(fields.unwrap())).collect()
}

/// A sink that keeps each row as [`read`] gives it.
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
        let mut row = |row| {
            let mut texts = Vec::new();
            for field in plan.schema.fields() {
                texts.push(text(field.value(&row, &plan.context, &mut scratch)));
            }
            texts.join("|")
        };
        self.0.lock().unwrap().extend(rows.iter().map(&mut row));
        Ok(())
    }

    fn recycle(&self, _: Rows, _: &Pool) {}
}

#[track_caller]
fn check_reads_back(queries: &[Query], settings: Settings) {
    let kept = Kept::default();
    let Ok(()) = pour(&capture(queries), &Plan::default(), SIMPLY, &kept);
    let expected = kept.0.into_inner().unwrap();
    assert_eq!(expected.len(), queries.len());
    assert!(read(write(queries, SIMPLY, settings)) == expected, "rows differ");
}

fn column<'m>(metadata: &'m ParquetMetaData, name: &str) -> &'m ColumnChunkMetaData {
    let columns = metadata.row_group(0).columns();
    columns.iter().find(|column| column.column_path().string() == name).unwrap()
}

/// A column's data pages by encoding, in order.
fn encodings(metadata: &ParquetMetaData, name: &str) -> Vec<Encoding> {
    let pages = column(metadata, name).page_encoding_stats().unwrap();
    let data = pages.iter().filter(|pages| pages.page_type != PageType::DICTIONARY_PAGE);
    data.map(|pages| pages.encoding).collect()
}

#[test]
fn rows_read_back_as_they_were_with_every_codec_and_version() {
    // More than two pages, and names that need escapes, and absent values.
    let queries = mixed(40_000);
    for compression in [Compression::Snappy, Compression::Zstd(1)] {
        for version in [Version::One, Version::Two] {
            check_reads_back(&queries, Settings { compression, version, ..groups_of(1 << 19) });
        }
    }
}

#[test]
fn rows_read_back_as_they_were_when_names_outgrow_the_dictionary() {
    let queries = all_different(20_000);
    check_reads_back(&queries, groups_of(1 << 19));
    let metadata = metadata(write(&queries, SIMPLY, groups_of(1 << 19)));
    assert_eq!(encodings(&metadata, "name"), [Encoding::RLE_DICTIONARY, Encoding::PLAIN]);
}

#[test]
fn each_row_group_has_a_dictionary_of_its_own() {
    let queries = all_different(20_000);
    check_reads_back(&queries, groups_of(10_000));
    let metadata = metadata(write(&queries, SIMPLY, groups_of(10_000)));
    assert_eq!(encodings(&metadata, "name"), [Encoding::RLE_DICTIONARY]);
}

#[test]
fn a_column_without_any_value_is_written() {
    let queries: Vec<_> = mixed(30_000).into_iter().map(|query| Query { rcode: None, ..query }).collect();
    check_reads_back(&queries, groups_of(1 << 19));
    let metadata = metadata(write(&queries, SIMPLY, groups_of(1 << 19)));
    let statistics = column(&metadata, "response_code").statistics().unwrap();
    assert_eq!((statistics.null_count_opt(), statistics.min_bytes_opt()), (Some(30_000), None));
}

#[test]
fn the_schema_is_that_of_dpp() {
    let mut printed = Vec::new();
    let metadata = metadata(write(&mixed(10), SIMPLY, Settings::default()));
    parquet::schema::printer::print_schema(&mut printed, metadata.file_metadata().schema());
    let expected = "\
message schema {
  REQUIRED INT64 request_timestamp (TIMESTAMP(MICROS,true));
  OPTIONAL INT64 response_timestamp (TIMESTAMP(MICROS,true));
  REQUIRED BYTE_ARRAY source_ip (STRING);
  REQUIRED INT32 source_port;
  REQUIRED INT32 id;
  REQUIRED BYTE_ARRAY name (STRING);
  REQUIRED BYTE_ARRAY query_type (STRING);
  OPTIONAL BYTE_ARRAY response_code (STRING);
}
";
    assert_eq!(String::from_utf8(printed).unwrap(), expected);
}

#[test]
fn numbers_are_deltas_and_texts_have_dictionaries() {
    let metadata = metadata(write(&mixed(1000), SIMPLY, Settings::default()));
    for name in ["request_timestamp", "response_timestamp", "source_port", "id"] {
        assert_eq!(encodings(&metadata, name), [Encoding::DELTA_BINARY_PACKED], "{name}");
        assert_eq!(column(&metadata, name).dictionary_page_offset(), None, "{name}");
    }
    for name in ["source_ip", "name", "query_type", "response_code"] {
        assert_eq!(encodings(&metadata, name), [Encoding::RLE_DICTIONARY], "{name}");
        assert!(column(&metadata, name).dictionary_page_offset().is_some(), "{name}");
    }
}

#[test]
fn chunks_have_exact_statistics() {
    let metadata = metadata(write(&mixed(1000), SIMPLY, Settings::default()));
    let first = 1_700_000_000_000_000;
    let requests = Statistics::int64(Some(first), Some(first + 40 * 999), None, Some(0), false);
    assert_eq!(column(&metadata, "request_timestamp").statistics(), Some(&requests));
    let types = Statistics::byte_array(Some("A".into()), Some("Unknown".into()), None, Some(0), false);
    assert_eq!(column(&metadata, "query_type").statistics(), Some(&types));
    let codes = column(&metadata, "response_code").statistics().unwrap();
    assert_eq!(codes.null_count_opt(), Some(143));
}

#[test]
fn the_footer_names_the_writer_and_keeps_the_metadata() {
    let metadata = metadata(write(&mixed(10), SIMPLY, Settings::default()));
    let file = metadata.file_metadata();
    assert_eq!(file.created_by(), Some(concat!("dpp ", env!("CARGO_PKG_VERSION"))));
    let pairs = file.key_value_metadata().unwrap();
    let pairs: Vec<_> = pairs.iter().map(|pair| (&pair.key[..], pair.value.as_deref())).collect();
    assert_eq!(pairs, [("dpp.plan", Some("the plan"))]);
    assert_eq!(file.version(), 1);
}

#[test]
fn a_run_without_rows_makes_a_file_without_row_groups() {
    let file = write(&[], SIMPLY, Settings::default());
    let metadata = metadata(file.clone());
    assert_eq!((metadata.num_row_groups(), metadata.file_metadata().num_rows()), (0, 0));
    assert_eq!(read(file), [""; 0]);
}

#[test]
fn row_groups_end_at_exact_row_counts() {
    for (rows, expected) in [(999, &[999][..]), (1000, &[1000]), (2500, &[1000, 1000, 500])] {
        let metadata = metadata(write(&mixed(rows), SIMPLY, groups_of(1000)));
        let groups: Vec<_> = metadata.row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups, expected);
    }
}

#[test]
fn the_bytes_depend_neither_on_workers_nor_on_chunks() {
    for queries in [mixed(20_000), all_different(20_000)] {
        let expected = write(&queries, SIMPLY, groups_of(17_000));
        for workers in [1, 2, 3, 8] {
            for chunk_bytes in [1 << 12, 1 << 16] {
                let file = write(&queries, Way { workers, chunk_bytes }, groups_of(17_000));
                assert!(file == expected, "{workers} workers, chunks of {chunk_bytes} bytes");
            }
        }
    }
}

/// A plan with all columns there are.
fn all_columns() -> Plan {
    let columns = dpp::table::COLUMNS.iter().map(|entry| entry.column);
    Plan { schema: Schema::of(columns), ..Plan::default() }
}

fn write_all_columns(queries: &[Query], way: Way, settings: &Settings) -> Vec<u8> {
    let sink = Parquet::new(Vec::new(), &all_columns(), settings.clone()).unwrap();
    pour(&capture(queries), &all_columns(), way, &sink).unwrap();
    sink.finish(Vec::new()).unwrap()
}

fn group_sizes(file: &[u8]) -> Vec<i64> {
    metadata(file.to_vec()).row_groups().iter().map(|group| group.num_rows()).collect()
}

#[test]
fn neither_do_those_of_all_columns_with_row_groups_that_end_by_bytes() {
    let bloom = vec!["qname".to_owned(), "src_port".to_owned()];
    // At this level the codec lets what it has done before decide what it does.
    let compression = Compression::Zstd(9);
    let settings = Settings { compression, group_bytes: 100_000, page_index: true, bloom, ..groups_of(4000) };
    let queries = mixed(9000);
    let expected = write_all_columns(&queries, SIMPLY, &settings);
    for (workers, chunk_bytes) in [(1, 1 << 12), (2, 1 << 13), (3, 1 << 20)] {
        let file = write_all_columns(&queries, Way { workers, chunk_bytes }, &settings);
        assert!(file == expected, "{workers} workers, chunks of {chunk_bytes} bytes");
    }
    let groups = group_sizes(&expected);
    assert_eq!(groups.iter().sum::<i64>(), 9000);
    assert!(groups.iter().all(|&rows| rows <= 4000) && groups[0] < 4000, "{groups:?}");
    assert_eq!(open(expected).get_row_iter(None).unwrap().count(), 9000);
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
    let is_full =
        |error: Error| matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::StorageFull);
    let queries = all_different(20_000);
    let sink = Parquet::new(Full(100_000), &Plan::default(), groups_of(1000)).unwrap();
    assert!(is_full(pour(&capture(&queries), &Plan::default(), SIMPLY, &sink).unwrap_err()));
    let sink = Parquet::new(Full(100), &Plan::default(), Settings::default()).unwrap();
    pour(&capture(&queries), &Plan::default(), SIMPLY, &sink).unwrap();
    assert!(is_full(sink.finish(Vec::new()).err().unwrap()));
}

#[test]
fn a_compression_level_that_does_not_exist_is_refused() {
    let settings = Settings { compression: Compression::Zstd(23), ..Settings::default() };
    assert!(Parquet::new(Vec::new(), &Plan::default(), settings).is_err());
    assert!(Compression::is_level(22) && !Compression::is_level(23) && !Compression::is_level(0));
}
