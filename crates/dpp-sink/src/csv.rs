//! CSV (RFC 4180, with `\n` at line ends) and TSV: a header line, then a line a row.
//!
//! Both are the same but for what separates cells, and for what is done about a separator in a cell. In CSV such a cell, or
//! one with a quote or a line end in it, is quoted. TSV knows no quotes; in a column of any text tabs, line ends and
//! backslashes are `\t`, `\n`, `\r` and `\\`, and in other columns nothing of the kind can be: names are escaped already,
//! and so is JSON, which lists of texts and of records are written as. Absent values are empty.

use crate::lines::{CELL_ROOM, Format, Lines, SHORT_ROOM, Span, Table, room_of};
use crate::text::{self, ADDRESS_ROOM, Dates, NAME_ROOM, NUMBER_ROOM, NameText, Timestamps, json};
use dpp::pipeline::Rows;
use dpp::table::{Absent, Context, Field, Schema, Scratch, Take, Value};
use std::marker::PhantomData;

/// A CSV file in the making.
pub type Csv<W> = Table<W, Delimited<Comma>>;
/// A TSV file in the making.
pub type Tsv<W> = Table<W, Delimited<Tab>>;

/// Cells with something between them.
#[derive(Debug)]
pub struct Delimited<S> {
    fields: Vec<Field>,
    separator: PhantomData<S>,
}

/// What stands between cells.
pub trait Separator: Sync {
    /// The separator.
    const OCTET: u8;

    /// Appends a text in which there may be anything, so that it is one cell.
    fn push_text(text: &[u8], out: &mut Vec<u8>);

    /// Makes a cell of JSON, which has no tabs and line ends in it.
    fn push_json(json: &[u8], out: &mut Vec<u8>);

    /// Makes a cell of a name, which has neither tabs nor line ends in it, but may have a comma or a quote.
    fn close_name(cell: &mut [u8; CELL_ROOM], length: usize) -> usize;
}

/// CSV's.
#[derive(Debug)]
pub struct Comma;

/// TSV's.
#[derive(Debug)]
pub struct Tab;

impl Separator for Comma {
    const OCTET: u8 = b',';

    fn push_text(text: &[u8], out: &mut Vec<u8>) {
        push_quoted(text, out);
    }

    fn push_json(json: &[u8], out: &mut Vec<u8>) {
        push_quoted(json, out);
    }

    #[cold]
    fn close_name(cell: &mut [u8; CELL_ROOM], length: usize) -> usize {
        if !needs_quotes(&cell[..length]) {
            return length;
        }
        let mut quoted = Vec::new();
        push_quoted(&cell[..length], &mut quoted);
        cell[..quoted.len()].copy_from_slice(&quoted);
        quoted.len()
    }
}

impl Separator for Tab {
    const OCTET: u8 = b'\t';

    fn push_text(text: &[u8], out: &mut Vec<u8>) {
        for &octet in text {
            match octet {
                b'\t' => out.extend_from_slice(b"\\t"),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\\' => out.extend_from_slice(b"\\\\"),
                _ => out.push(octet),
            }
        }
    }

    fn push_json(json: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(json);
    }

    #[inline(always)]
    fn close_name(_: &mut [u8; CELL_ROOM], length: usize) -> usize {
        length
    }
}

fn needs_quotes(text: &[u8]) -> bool {
    text.iter().any(|octet| matches!(octet, b',' | b'"' | b'\n' | b'\r'))
}

/// Appends a text, with quotes around it and those in it doubled if it needs them.
fn push_quoted(text: &[u8], out: &mut Vec<u8>) {
    if !needs_quotes(text) {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for (index, part) in text.split(|&octet| octet == b'"').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(part);
    }
    out.push(b'"');
}

impl<S: Separator> Format for Delimited<S> {
    fn of(schema: &Schema) -> Self {
        Delimited { fields: schema.fields().to_vec(), separator: PhantomData }
    }

    fn head(&self, _: Span) -> Vec<u8> {
        let mut head = Vec::new();
        for field in &self.fields {
            S::push_text(field.name.as_bytes(), &mut head);
            head.push(S::OCTET);
        }
        head.pop();
        head.push(b'\n');
        head
    }

    fn print(&self, rows: &Rows, context: &Context, lines: &mut Lines) {
        let (mut scratch, mut times, mut dates) =
            (Scratch::default(), Timestamps::default(), Dates::default());
        let row_room = self.fields.iter().map(|field| room_of(field.kind()) + 1).sum::<usize>() + CELL_ROOM;
        for transaction in rows.iter() {
            let mut at = lines.filled;
            lines.make_room(at, row_room);
            for field in &self.fields {
                let (times, dates, separator) = (&mut times, &mut dates, PhantomData::<S>);
                let cell = Cell { field, times, dates, lines, at, row_room, separator };
                at = field.column.with_value(&transaction, context, &mut scratch, cell);
            }
            lines.bytes[at - 1] = b'\n';
            lines.filled = at;
        }
    }
}

/// Where a value is printed.
struct Cell<'l, S> {
    field: &'l Field,
    times: &'l mut Timestamps,
    dates: &'l mut Dates,
    lines: &'l mut Lines,
    at: usize,
    /// So much there is behind it for the rest of the row.
    row_room: usize,
    separator: PhantomData<S>,
}

impl<S: Separator> Take<'_> for Cell<'_, S> {
    /// Where the next cell begins.
    type Done = usize;

    #[inline(always)]
    fn take(self, value: Value<'_>) -> usize {
        let Cell { field, times, dates, lines, at, row_room, .. } = self;
        let cell = lines.bytes[at..].first_chunk_mut().expect("there is room for the row");
        match write_common::<S>(value, field.absent, times, cell) {
            Some(length) => {
                cell[length] = S::OCTET;
                at + length + 1
            }
            None => {
                let length = put_other::<S>(field.shown(value), dates, lines, at, row_room);
                lines.bytes[at + length] = S::OCTET;
                at + length + 1
            }
        }
    }
}

/// Prints a value of the kinds that the default schema has.
#[inline(always)]
fn write_common<S: Separator>(
    value: Value<'_>,
    absent: Absent,
    times: &mut Timestamps,
    cell: &mut [u8; CELL_ROOM],
) -> Option<usize> {
    let length = match value {
        Value::Null if absent == Absent::Null => 0,
        Value::TimestampMicros(micros) => times.write(micros, room::<NUMBER_ROOM>(cell)),
        Value::Address(address) => text::write_address(address, room::<ADDRESS_ROOM>(cell)),
        Value::U16(number) => text::write_u16(number, room::<NUMBER_ROOM>(cell)),
        Value::Name(wire) => match text::write_name(wire, room::<NAME_ROOM>(cell)) {
            NameText { length, plain: true } => length,
            NameText { length, .. } => S::close_name(cell, length),
        },
        Value::Word(text) if text.len() <= SHORT_ROOM => {
            cell[..text.len()].copy_from_slice(text.as_bytes());
            text.len()
        }
        _ => return None,
    };
    Some(length)
}

/// Prints values one by one: for tables that are not made of transactions.
#[derive(Default)]
pub(crate) struct Cells {
    times: Timestamps,
    dates: Dates,
    lines: Lines,
}

impl Cells {
    /// Appends a value as a cell.
    pub(crate) fn push<S: Separator>(&mut self, value: Value<'_>, out: &mut Vec<u8>) {
        self.lines.make_room(0, CELL_ROOM);
        let room = self.lines.bytes.first_chunk_mut().expect("there is room for a cell");
        let length = match write_common::<S>(value, Absent::Null, &mut self.times, room) {
            Some(length) => length,
            None => put_other::<S>(value, &mut self.dates, &mut self.lines, 0, CELL_ROOM),
        };
        out.extend_from_slice(&self.lines.bytes[..length]);
    }
}

/// Prints a value of the other kinds at `at`, with so much room behind it.
#[inline(never)]
fn put_other<S: Separator>(
    value: Value<'_>,
    dates: &mut Dates,
    lines: &mut Lines,
    at: usize,
    row_room: usize,
) -> usize {
    let number = lines.bytes[at..].first_chunk_mut().expect("there is room for the row");
    match value {
        Value::Bool(yes) => text::write_bool(yes, number),
        Value::U64(value) => text::write_u64(value, number),
        Value::I64(value) => text::write_i64(value, number),
        Value::F64(value) => text::write_f64(value, number),
        Value::TimestampMicros(micros) => text::write_i64(micros, number),
        Value::TimestampNanos(ns) => dates.write(ns, number),
        Value::Seconds(ns) => text::write_seconds(ns, number),
        value => lines.put_long(at, row_room, |out| push_long::<S>(value, out)),
    }
}

/// Appends a value that may be of any length.
fn push_long<S: Separator>(value: Value<'_>, out: &mut Vec<u8>) {
    let mut json = Vec::new();
    match value {
        Value::Word(text) => return S::push_text(text.as_bytes(), out),
        Value::Text(text) => return S::push_text(text.as_bytes(), out),
        Value::Bytes(bytes) => return text::push_hex(bytes, out),
        Value::Numbers(numbers) => return text::push_numbers(numbers, b';', out),
        Value::Texts(texts) => json::push_texts(texts, &mut json),
        Value::Records(records) => json::push_records(records, &mut json),
        value => unreachable!("{value:?} is short"),
    }
    S::push_json(&json, out);
}

#[inline(always)]
fn room<const N: usize>(cell: &mut [u8; CELL_ROOM]) -> &mut [u8; N] {
    cell.first_chunk_mut().expect("a cell has room for every kind")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{list, records};
    use proptest::prelude::*;

    /// A word longer than words are.
    const LONG: &str = match str::from_utf8(&[b'w'; SHORT_ROOM + 1]) {
        Ok(text) => text,
        Err(_) => "",
    };

    /// A cell with others before and behind it, as a row has them.
    fn cell<S: Separator>(value: Value<'_>) -> String {
        let mut lines = Lines::default();
        lines.make_room(1, CELL_ROOM);
        lines.bytes.fill(b'?');
        let room = lines.bytes[1..].first_chunk_mut().unwrap();
        let length = match write_common::<S>(value, Absent::Null, &mut Timestamps::default(), room) {
            Some(length) => length,
            None => put_other::<S>(value, &mut Dates::default(), &mut lines, 1, CELL_ROOM),
        };
        assert_eq!(lines.bytes[0], b'?');
        assert!(lines.bytes.len() > length + CELL_ROOM, "there is room for the rest of the row");
        String::from_utf8(lines.bytes[1..=length].to_vec()).unwrap()
    }

    #[test]
    fn each_kind_has_its_text() {
        let (none, texts) = (list(&[]), list(&["a", "", "b,\t\"\\"]));
        let record = records(&[("n.example", "MX", "IN", Some(300), "10 \"m\""), ("", "A", "CH", None, "é")]);
        for (value, csv, tsv) in [
            (Value::Null, "", ""),
            (Value::Bool(true), "true", "true"),
            (Value::Bool(false), "false", "false"),
            (Value::U16(65535), "65535", "65535"),
            (Value::U64(u64::MAX), "18446744073709551615", "18446744073709551615"),
            (Value::I64(i64::MIN), "-9223372036854775808", "-9223372036854775808"),
            (Value::F64(2.75), "2.75", "2.75"),
            (Value::TimestampMicros(1_700_000_000_000_001), "1700000000000001", "1700000000000001"),
            (
                Value::TimestampNanos(1_795_271_908_123_456_789),
                "2026-11-21T14:38:28.123456789Z",
                "2026-11-21T14:38:28.123456789Z",
            ),
            (Value::Seconds(-1), "-0.000001", "-0.000001"),
            (Value::Address([192, 0, 2, 1].into()), "192.0.2.1", "192.0.2.1"),
            (Value::Name(b"\x03a,\"\x01b\0"), "\"a\\,\\\"\".b\"", "a\\,\\\".b"),
            (Value::Name(b"\x02\t\n\0"), "\\011\\012", "\\011\\012"),
            (Value::Word("NoError"), "NoError", "NoError"),
            (Value::Word(LONG), LONG, LONG),
            (Value::Text(""), "", ""),
            (Value::Text("a,b\"c"), "\"a,b\"\"c\"", "a,b\"c"),
            (Value::Text("a\tb\nc\rd\\"), "\"a\tb\nc\rd\\\"", "a\\tb\\nc\\rd\\\\"),
            (Value::Bytes(&[0, 0xFF]), "00ff", "00ff"),
            (Value::Numbers(&[1, 65535]), "1;65535", "1;65535"),
            (Value::Numbers(&[]), "", ""),
            (Value::Texts(none.texts()), "[]", "[]"),
            (Value::Texts(texts.texts()), r#""[""a"","""",""b,\t\""\\""]""#, r#"["a","","b,\t\"\\"]"#),
            (
                Value::Records(record.records()),
                concat!(
                    r#""[{""name"":""n.example"",""type"":""MX"",""class"":""IN"",""ttl"":300,""data"":""10 \""m\""""},"#,
                    r#"{""name"":"""",""type"":""A"",""class"":""CH"",""ttl"":null,""data"":""é""}]""#
                ),
                concat!(
                    r#"[{"name":"n.example","type":"MX","class":"IN","ttl":300,"data":"10 \"m\""},"#,
                    r#"{"name":"","type":"A","class":"CH","ttl":null,"data":"é"}]"#
                ),
            ),
        ] {
            assert_eq!(cell::<Comma>(value), csv, "CSV, {value:?}");
            assert_eq!(cell::<Tab>(value), tsv, "TSV, {value:?}");
        }
    }

    #[test]
    fn values_may_be_of_any_length() {
        let long = "x,".repeat(2 << 20);
        assert_eq!(cell::<Comma>(Value::Text(&long)), format!("\"{long}\""));
        assert_eq!(cell::<Tab>(Value::Text(&long)), long);
        assert_eq!(cell::<Tab>(Value::Bytes(&[0xAB; 65_535])), "ab".repeat(65_535));
        assert_eq!(cell::<Comma>(Value::Numbers(&[7; 32_000])).len(), 2 * 32_000 - 1);
        let escaped: Vec<u8> = [&[63; 1][..], &[b','; 63]].concat().repeat(3);
        assert_eq!(cell::<Comma>(Value::Name(&[&escaped[..], &[0]].concat())).len(), 3 * 126 + 2 + 2);
    }

    /// What undoes the escapes of a TSV's text.
    fn unescaped(text: &str) -> String {
        let (mut plain, mut rest) = (String::new(), text.chars());
        while let Some(character) = rest.next() {
            plain.push(match character {
                '\\' => match rest.next().unwrap() {
                    't' => '\t',
                    'n' => '\n',
                    'r' => '\r',
                    other => other,
                },
                other => other,
            });
        }
        plain
    }

    proptest! {
        #[test]
        fn any_text_reads_back(first in any::<String>(), second in "[a,\"\n\r\t\\\\]{0,9}") {
            let line = format!("{},{},0\n", cell::<Comma>(Value::Text(&first)), cell::<Comma>(Value::Text(&second)));
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(rows.len(), 1);
            prop_assert_eq!(rows[0].iter().collect::<Vec<_>>(), [&first, &second, "0"]);
            let cells = [&first, &second].map(|text| cell::<Tab>(Value::Text(text)));
            for (cell, text) in cells.iter().zip([&first, &second]) {
                prop_assert!(!cell.contains(['\t', '\n', '\r']));
                prop_assert_eq!(&unescaped(cell), text);
            }
        }

        #[test]
        fn any_list_reads_back(texts in proptest::collection::vec(any::<String>(), 0..4)) {
            let scratch = list(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            let tsv = cell::<Tab>(Value::Texts(scratch.texts()));
            prop_assert!(!tsv.contains(['\t', '\n', '\r']));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&tsv).unwrap(), texts);
            let line = cell::<Comma>(Value::Texts(scratch.texts())) + "\n";
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            prop_assert_eq!(&reader.records().next().unwrap().unwrap()[0], &tsv);
        }
    }
}
