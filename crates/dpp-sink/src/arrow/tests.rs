//! Values of every kind, pushed into columns as chunks are, and read back with arrow-ipc.

use super::chunk::{Chunk, Column};
use super::lane::Lane;
use super::{File, Form, Settings, schema};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampNanosecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use dpp::table::{Kind, RecordText, Scratch, Value};
use std::io::Cursor;
use std::num::NonZeroUsize;

/// Writes a column of these values, which come in chunks of `chunk_rows` rows, in batches of `batch_rows`.
fn write(kind: Kind, values: &[Value], form: Form, chunk_rows: usize, batch_rows: usize) -> Vec<u8> {
    let settings = Settings { batch_rows: NonZeroUsize::new(batch_rows).unwrap(), ..Settings::of(form) };
    let schema = Schema::new(vec![Field::new("column", schema::data_type(kind), true)]);
    let mut lane = Lane::new([(0, kind)].into_iter(), &settings).unwrap();
    let mut file = File::new(Vec::new(), &schema, &settings).unwrap();
    let mut chunk = Chunk::of(vec![Column::of(kind)]);
    for values in values.chunks(chunk_rows) {
        chunk.fill_first(values);
        let mut closed = Vec::new();
        lane.accept(&chunk, &mut closed).unwrap();
        file.take(closed);
        file.write_complete().unwrap();
    }
    file.take(lane.finish().unwrap());
    file.finish(Vec::new()).unwrap()
}

/// The column of each batch.
fn read(form: Form, bytes: Vec<u8>) -> Vec<ArrayRef> {
    let column = |batch: arrow_array::RecordBatch| batch.column(0).clone();
    match form {
        Form::File => FileReader::try_new(Cursor::new(bytes), None)
            .unwrap()
            .map(|batch| column(batch.unwrap()))
            .collect(),
        Form::Stream => StreamReader::try_new(Cursor::new(bytes), None)
            .unwrap()
            .map(|batch| column(batch.unwrap()))
            .collect(),
    }
}

fn number<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> String
where
    T::Native: ToString,
{
    array.as_primitive::<T>().value(row).to_string()
}

/// A value as text; lists in brackets, "-" where nothing is.
fn text(array: &dyn Array, row: usize) -> String {
    match array.data_type() {
        _ if array.is_null(row) => "-".to_owned(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::UInt8 => number::<UInt8Type>(array, row),
        DataType::UInt16 => number::<UInt16Type>(array, row),
        DataType::UInt32 => number::<UInt32Type>(array, row),
        DataType::UInt64 => number::<UInt64Type>(array, row),
        DataType::Int32 => number::<Int32Type>(array, row),
        DataType::Int64 => number::<Int64Type>(array, row),
        DataType::Float64 => number::<Float64Type>(array, row),
        DataType::Timestamp(TimeUnit::Microsecond, _) => number::<TimestampMicrosecondType>(array, row),
        DataType::Timestamp(_, _) => number::<TimestampNanosecondType>(array, row),
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Binary => format!("{:?}", array.as_binary::<i32>().value(row)),
        DataType::Dictionary(..) => {
            let words = array.as_dictionary::<Int32Type>();
            text(words.values(), words.key(row).unwrap())
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            format!("[{}]", (0..items.len()).map(|row| text(&items, row)).collect::<Vec<_>>().join(" "))
        }
        DataType::Struct(_) => {
            let columns = array.as_struct().columns();
            columns.iter().map(|column| text(column, row)).collect::<Vec<_>>().join(":")
        }
        other => panic!("nothing is {other}"),
    }
}

#[track_caller]
fn check(kind: Kind, values: &[Value], expected: &str) {
    for form in [Form::File, Form::Stream] {
        for batch_rows in [1, 2, 3, 100] {
            let whole = write(kind, values, form, values.len(), batch_rows);
            for chunk_rows in 1..values.len() {
                let bytes = write(kind, values, form, chunk_rows, batch_rows);
                assert!(bytes == whole, "{kind:?}: other bytes in chunks of {chunk_rows} rows");
            }
            let texts: Vec<String> = read(form, whole)
                .iter()
                .flat_map(|array| (0..array.len()).map(|row| text(array, row)).collect::<Vec<_>>())
                .collect();
            assert_eq!(texts.join(", "), expected, "{kind:?} {form:?} in batches of {batch_rows} rows");
        }
    }
}

#[test]
fn values_of_every_kind_read_back() {
    use Value::{Address, Bool, Bytes, F64, I64, Name, Null, Numbers, Text, U16, U64, Word};
    check(Kind::Bool, &[Bool(true), Null, Bool(false), Bool(true)], "true, -, false, true");
    check(Kind::U8, &[Null, U64(0), U64(255)], "-, 0, 255");
    check(Kind::U16, &[U16(65_535), Null, U16(1)], "65535, -, 1");
    check(Kind::U32, &[U64(u32::MAX.into()), U64(7), Null], "4294967295, 7, -");
    check(Kind::U64, &[U64(u64::MAX), Null, Null], "18446744073709551615, -, -");
    check(Kind::I32, &[U16(65_535), I64(-1), Null], "65535, -1, -");
    check(Kind::I64, &[I64(i64::MIN), Null, I64(5)], "-9223372036854775808, -, 5");
    check(Kind::F64, &[F64(2.5), Null, F64(-0.125)], "2.5, -, -0.125");
    check(Kind::TimestampMicros, &[Value::TimestampMicros(-1), Null], "-1, -");
    check(
        Kind::TimestampNanos,
        &[Value::TimestampNanos(1_700_000_000_123_456_789), Null],
        "1700000000123456789, -",
    );
    check(Kind::Seconds, &[Value::Seconds(1_700_000_000_123_456_789), Null], "1700000000.123456, -");
    let (v4, v6) = ("192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
    check(Kind::Address, &[Address(v4), Null, Address(v6), Text("cc")], "192.0.2.1, -, 2001:db8::1, cc");
    check(Kind::Name, &[Name(b"\x01a\x02b.\0"), Null, Name(b"\0")], "a.b\\., -, .");
    check(Kind::Text, &[Text("é"), Text(""), Null, Word("w")], "é, , -, w");
    check(Kind::Word, &[Word("b"), Null, Text("a"), Text("b"), Word("")], "b, -, a, b, ");
    check(Kind::Word, &[Null, Null], "-, -");
    check(Kind::Bytes, &[Bytes(&[0, 255]), Null, Bytes(&[])], "[0, 255], -, []");
    check(
        Kind::Numbers,
        &[Numbers(&[1, 65_535]), Numbers(&[]), Null, Numbers(&[3])],
        "[1 65535], [], -, [3]",
    );
}

#[test]
fn lists_of_texts_and_records_read_back() {
    let mut scratch = Scratch::default();
    for text in ["x", "", "yz"] {
        scratch.bytes.extend_from_slice(text.as_bytes());
        scratch.end_text();
    }
    let (texts, none) = (Value::Texts(scratch.texts()), Value::zero(Kind::Texts));
    check(Kind::Texts, &[none, texts, Value::Null, texts], "[], [x  yz], -, [x  yz]");

    let mut scratch = Scratch::default();
    scratch.bytes.extend_from_slice(b"nAINdnTXTINe");
    let record = |start, ttl| RecordText {
        start,
        name_end: start + 1,
        rtype_end: start + 2,
        class_end: start + 4,
        end: start + 5,
        ttl,
    };
    let other = RecordText { start: 5, name_end: 6, rtype_end: 9, class_end: 11, end: 12, ttl: None };
    scratch.records.extend([record(0, Some(u32::MAX)), other, record(0, Some(0))]);
    let (records, none) = (Value::Records(scratch.records()), Value::zero(Kind::Records));
    let list = "[n:A:IN:4294967295:d n:TXT:IN:-:e n:A:IN:0:d]";
    check(Kind::Records, &[records, Value::Null, none, records], &format!("{list}, -, [], {list}"));
}

#[test]
fn a_batch_ends_before_the_row_that_would_make_it_too_heavy() {
    let long = "x".repeat(5 << 20);
    let values =
        [Value::Text(&long), Value::Text(&long), Value::Null, Value::Text(&long), Value::Text(&long)];
    for chunk_rows in [1, 2, 5] {
        let batches = read(Form::Stream, write(Kind::Text, &values, Form::Stream, chunk_rows, 100));
        assert_eq!(batches.iter().map(|array| array.len()).collect::<Vec<_>>(), [4, 1]);
    }
}

#[test]
fn words_beyond_what_is_kept_are_added_to_the_dictionary() {
    let words: Vec<String> = (0..150_000).map(|number| format!("w{}", number % 140_000)).collect();
    let values: Vec<Value> = words.iter().map(|word| Value::Text(word)).collect();
    let batches = read(Form::File, write(Kind::Word, &values, Form::File, 10_000, 50_000));
    let found =
        batches.iter().flat_map(|array| (0..array.len()).map(|row| text(array, row)).collect::<Vec<_>>());
    assert!(found.eq(words.iter().cloned()), "words differ");
    // Those that were forgotten stand there twice.
    assert_eq!(batches[0].as_dictionary::<Int32Type>().values().len(), 150_000);
}
