//! JSON lines: a row is an object (RFC 8259) and a line, its keys in the order of the schema.
//!
//! Numbers are numbers, also those beyond 2^53, which are integers in every digit; times in nanoseconds are RFC 3339
//! strings, those in microseconds integers; bytes are hexadecimal digits; lists are arrays. What is absent is `null`, or
//! is left out, or names with dots become objects in objects, as the schema's style says. All keys are printed once, into
//! a list of [`Step`]s that each row follows.

use crate::lines::{CELL_ROOM, Format, Lines, SHORT_ROOM, Span, room_of};
use crate::text::{self, ADDRESS_ROOM, Dates, NAME_ROOM, NUMBER_ROOM, NameText, Timestamps, json};
use dpp::pipeline::Rows;
use dpp::table::{Context, Field, Schema, Scratch, Value};

/// A file of JSON lines in the making.
pub type Jsonl<W> = crate::lines::Table<W, Objects>;

/// An object a line.
#[derive(Debug)]
pub struct Objects {
    steps: Vec<Step>,
    omits_absent: bool,
    /// Room for a row, but for what may be of any length.
    row_room: usize,
}

/// What follows in an object. A comma is written behind each member, and the last one becomes a brace.
#[derive(Debug)]
enum Step {
    /// A member, `"key":` and its value.
    Member(Vec<u8>, Field),
    /// The beginning of an object, `"key":{`.
    Open(Vec<u8>),
    /// Its end; it began with so many octets.
    Close(usize),
}

/// What an object has in it.
enum Node<'a> {
    Member(&'a str, &'a Field),
    Object(&'a str, Vec<Node<'a>>),
}

/// Puts a field where its path leads. Objects stand where the first of their fields does.
fn insert<'a>(nodes: &mut Vec<Node<'a>>, path: &'a str, field: &'a Field) {
    let Some((head, rest)) = path.split_once('.') else { return nodes.push(Node::Member(path, field)) };
    for node in nodes.iter_mut() {
        match node {
            Node::Object(name, members) if *name == head => return insert(members, rest, field),
            _ => {}
        }
    }
    let mut members = Vec::new();
    insert(&mut members, rest, field);
    nodes.push(Node::Object(head, members));
}

/// `"key":` and what stands behind.
pub(crate) fn key(name: &str, behind: &str) -> Vec<u8> {
    let mut key = Vec::new();
    json::push_text(name, &mut key);
    key.push(b':');
    key.extend_from_slice(behind.as_bytes());
    key
}

fn push_steps(nodes: Vec<Node<'_>>, steps: &mut Vec<Step>) {
    for node in nodes {
        match node {
            Node::Member(name, field) => steps.push(Step::Member(key(name, ""), field.clone())),
            Node::Object(name, members) => {
                let open = key(name, "{");
                let close = Step::Close(open.len());
                steps.push(Step::Open(open));
                push_steps(members, steps);
                steps.push(close);
            }
        }
    }
}

impl Step {
    /// The room it takes at most, with a comma or a brace.
    fn room(&self) -> usize {
        match self {
            Step::Member(key, field) => key.len() + room_of(field.kind()) + 1,
            Step::Open(key) => key.len(),
            Step::Close(_) => 1,
        }
    }
}

impl Format for Objects {
    fn of(schema: &Schema) -> Self {
        let mut nodes = Vec::new();
        for field in schema.fields() {
            match schema.style.nests {
                true => insert(&mut nodes, &field.name, field),
                false => nodes.push(Node::Member(&field.name, field)),
            }
        }
        let mut steps = Vec::new();
        push_steps(nodes, &mut steps);
        let row_room = steps.iter().map(Step::room).sum::<usize>() + CELL_ROOM + b"{}\n".len();
        Objects { steps, omits_absent: schema.style.omits_absent, row_room }
    }

    fn head(&self, _: Span) -> Vec<u8> {
        Vec::new()
    }

    fn print(&self, rows: &Rows, context: &Context, lines: &mut Lines) {
        let mut scratch = Scratch::default();
        let mut printer = Printer { row_room: self.row_room, ..Printer::default() };
        for row in rows.iter() {
            printer.begin(lines);
            for step in &self.steps {
                match step {
                    Step::Member(key, field) => {
                        let value = field.value(&row, context, &mut scratch);
                        self.member(key, field, value, &mut printer, lines);
                    }
                    Step::Open(key) => printer.copy(key, lines),
                    Step::Close(opened) => printer.close(*opened, lines),
                }
            }
            printer.end(lines);
        }
    }
}

impl Objects {
    #[inline(always)]
    fn member(&self, key: &[u8], field: &Field, value: Value<'_>, printer: &mut Printer, lines: &mut Lines) {
        if self.omits_absent && matches!(value, Value::Null) {
            return;
        }
        printer.copy(key, lines);
        printer.at += match field.is_json {
            false => printer.value(value, lines),
            true => lines.put_long(printer.at, printer.row_room, |out| push_json(value, out)),
        };
        lines.bytes[printer.at] = b',';
        printer.at += 1;
    }
}

/// Where the next octet goes, and what was printed last.
#[derive(Default)]
struct Printer {
    at: usize,
    row_room: usize,
    times: Timestamps,
    dates: Dates,
}

impl Printer {
    fn begin(&mut self, lines: &mut Lines) {
        lines.make_room(lines.filled, self.row_room);
        lines.bytes[lines.filled] = b'{';
        self.at = lines.filled + 1;
    }

    #[inline]
    fn copy(&mut self, text: &[u8], lines: &mut Lines) {
        lines.bytes[self.at..self.at + text.len()].copy_from_slice(text);
        self.at += text.len();
    }

    /// Ends an object; one with nothing in it has never begun.
    fn close(&mut self, opened: usize, lines: &mut Lines) {
        match lines.bytes[self.at - 1] {
            b',' => {
                lines.bytes[self.at - 1..=self.at].copy_from_slice(b"},");
                self.at += 1;
            }
            _ => self.at -= opened,
        }
    }

    fn end(&mut self, lines: &mut Lines) {
        self.at -= usize::from(lines.bytes[self.at - 1] == b',');
        self.copy(b"}\n", lines);
        lines.filled = self.at;
    }

    /// Prints a value and says how long it is.
    fn value(&mut self, value: Value<'_>, lines: &mut Lines) -> usize {
        let cell: &mut [u8; CELL_ROOM] =
            lines.bytes[self.at..].first_chunk_mut().expect("there is room for the row");
        match value {
            Value::Null => null(cell),
            Value::Bool(yes) => text::write_bool(yes, room::<NUMBER_ROOM>(cell)),
            Value::U16(number) => text::write_u16(number, room::<NUMBER_ROOM>(cell)),
            Value::U64(number) => text::write_u64(number, room::<NUMBER_ROOM>(cell)),
            Value::I64(number) => text::write_i64(number, room::<NUMBER_ROOM>(cell)),
            Value::F64(number) if number.is_finite() => text::write_f64(number, room::<NUMBER_ROOM>(cell)),
            Value::F64(_) => null(cell),
            Value::TimestampMicros(micros) => self.times.write(micros, room::<NUMBER_ROOM>(cell)),
            Value::Seconds(ns) => text::write_seconds(ns, room::<NUMBER_ROOM>(cell)),
            Value::TimestampNanos(ns) => {
                let length = self.dates.write(ns, behind_quote(cell));
                close_quotes(cell, length)
            }
            Value::Address(address) => {
                let length = text::write_address(address, behind_quote::<ADDRESS_ROOM>(cell));
                close_quotes(cell, length)
            }
            Value::Name(wire) => match text::write_name(wire, behind_quote::<NAME_ROOM>(cell)) {
                NameText { length, plain: true } => close_quotes(cell, length),
                NameText { length, .. } => close_escaped(cell, length),
            },
            Value::Word(text) => self.text(text, lines),
            Value::Text(text) => self.text(text, lines),
            value => lines.put_long(self.at, self.row_room, |out| push_long(value, out)),
        }
    }

    fn text(&mut self, text: &str, lines: &mut Lines) -> usize {
        let length = text.len();
        if length > SHORT_ROOM - 2 || !json::is_plain(text.as_bytes()) {
            return lines.put_long(self.at, self.row_room, |out| json::push_text(text, out));
        }
        let cell = lines.bytes[self.at..].first_chunk_mut().expect("there is room for the row");
        cell[1..=length].copy_from_slice(text.as_bytes());
        close_quotes(cell, length)
    }
}

fn null(cell: &mut [u8; CELL_ROOM]) -> usize {
    cell[..4].copy_from_slice(b"null");
    4
}

#[inline(always)]
fn room<const N: usize>(cell: &mut [u8; CELL_ROOM]) -> &mut [u8; N] {
    cell.first_chunk_mut().expect("a cell has room for every kind")
}

/// Room behind where a quote will be.
#[inline(always)]
fn behind_quote<const N: usize>(cell: &mut [u8; CELL_ROOM]) -> &mut [u8; N] {
    cell[1..].first_chunk_mut().expect("a cell has room for every kind")
}

/// Puts quotes around a text that stands where a quote leaves room for it.
#[inline(always)]
fn close_quotes(cell: &mut [u8; CELL_ROOM], length: usize) -> usize {
    cell[0] = b'"';
    cell[length + 1] = b'"';
    length + 2
}

/// The same with a name that is escaped, and its backslashes and quotes once more.
#[cold]
fn close_escaped(cell: &mut [u8; CELL_ROOM], length: usize) -> usize {
    let mut escaped = Vec::new();
    json::push_escaped(&cell[1..=length], &mut escaped);
    cell[1..=escaped.len()].copy_from_slice(&escaped);
    close_quotes(cell, escaped.len())
}

/// Appends texts that are JSON already.
fn push_json(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Word(text) => out.extend_from_slice(text.as_bytes()),
        Value::Text(text) => out.extend_from_slice(text.as_bytes()),
        Value::Texts(texts) => {
            json::push_array(texts.iter(), out, |text, out| out.extend_from_slice(text.as_bytes()));
        }
        _ => out.extend_from_slice(b"null"),
    }
}

/// Prints values one by one: for tables that are not made of transactions.
#[derive(Default)]
pub(crate) struct Values {
    printer: Printer,
    lines: Lines,
}

impl Values {
    /// Appends a value.
    pub(crate) fn push(&mut self, value: Value<'_>, out: &mut Vec<u8>) {
        self.lines.make_room(0, CELL_ROOM);
        let length = self.printer.value(value, &mut self.lines);
        out.extend_from_slice(&self.lines.bytes[..length]);
    }
}

/// Appends a value that may be of any length.
fn push_long(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Bytes(bytes) => {
            out.push(b'"');
            text::push_hex(bytes, out);
            out.push(b'"');
        }
        Value::Numbers(numbers) => {
            json::push_array(numbers.iter(), out, |&number, out| json::push_number(number.into(), out));
        }
        Value::Texts(texts) => json::push_texts(texts, out),
        Value::Records(records) => json::push_records(records, out),
        value => unreachable!("{value:?} is short"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{list, records};
    use dpp::table::{Column, Style};
    use proptest::prelude::*;

    /// A row of such fields and values.
    fn line(style: Style, members: &[(&'static str, Value<'_>)]) -> String {
        // The kind says only how much room there is, and a name takes most.
        let field = |name: &'static str| Field { name: name.into(), ..Column::Name.into() };
        let fields = members.iter().map(|member| field(member.0)).collect();
        let mut schema = Schema::new("test", fields);
        schema.style = style;
        let objects = Objects::of(&schema);
        let mut printer = Printer { row_room: objects.row_room, ..Printer::default() };
        let mut lines = Lines::default();
        printer.begin(&mut lines);
        let value = |name: &str| members.iter().find(|member| member.0 == name).unwrap().1;
        for step in &objects.steps {
            match step {
                Step::Member(key, field) => {
                    objects.member(key, field, value(&field.name), &mut printer, &mut lines);
                }
                Step::Open(key) => printer.copy(key, &mut lines),
                Step::Close(opened) => printer.close(*opened, &mut lines),
            }
        }
        printer.end(&mut lines);
        String::from_utf8(lines.bytes[..lines.filled].to_vec()).unwrap()
    }

    const PLAIN: Style = Style { omits_absent: false, nests: false, zeek_log: false, wraps: false };
    const NESTING: Style = Style { omits_absent: true, nests: true, ..PLAIN };

    #[test]
    fn each_kind_has_its_json() {
        let (none, texts) = (list(&[]), list(&["a", "\"\\\n"]));
        let record = records(&[("n.example", "TXT", "IN", Some(300), "\"a\""), ("", "A", "CH", None, "é")]);
        for (value, expected) in [
            (Value::Null, "null"),
            (Value::Bool(true), "true"),
            (Value::Bool(false), "false"),
            (Value::U16(65535), "65535"),
            (Value::U64(u64::MAX), "18446744073709551615"),
            (Value::I64(-9_007_199_254_740_993), "-9007199254740993"),
            (Value::F64(2.0), "2.0"),
            (Value::F64(f64::INFINITY), "null"),
            (Value::TimestampMicros(1_700_000_000_000_001), "1700000000000001"),
            (Value::TimestampNanos(1), r#""1970-01-01T00:00:00.000000001Z""#),
            (Value::Seconds(1_999), "0.000001"),
            (Value::Address([192, 0, 2, 1].into()), r#""192.0.2.1""#),
            (Value::Name(b"\x07example\0"), r#""example""#),
            (Value::Name(b"\x03a\"\xFF\0"), r#""a\\\"\\377""#),
            (Value::Word("NoError"), r#""NoError""#),
            (Value::Text("a\tb\"\\\u{1}é"), r#""a\tb\"\\\u0001é""#),
            (Value::Bytes(&[0, 0xFF]), r#""00ff""#),
            (Value::Numbers(&[1, 65535]), "[1,65535]"),
            (Value::Numbers(&[]), "[]"),
            (Value::Texts(none.texts()), "[]"),
            (Value::Texts(texts.texts()), r#"["a","\"\\\n"]"#),
            (
                Value::Records(record.records()),
                concat!(
                    r#"[{"name":"n.example","type":"TXT","class":"IN","ttl":300,"data":"\"a\""},"#,
                    r#"{"name":"","type":"A","class":"CH","ttl":null,"data":"é"}]"#
                ),
            ),
        ] {
            let line = line(PLAIN, &[("a", value), ("b", value)]);
            assert_eq!(line, format!("{{\"a\":{expected},\"b\":{expected}}}\n"));
            serde_json::from_str::<serde_json::Value>(&line).unwrap();
        }
    }

    #[test]
    fn texts_that_are_json_are_taken_as_they_are() {
        let texts = list(&["1.0", "{}"]);
        for (value, expected) in [
            (Value::Text("[{\"a\":1}]"), "[{\"a\":1}]"),
            (Value::Word("0.5"), "0.5"),
            (Value::Texts(texts.texts()), "[1.0,{}]"),
            (Value::Null, "null"),
        ] {
            let mut out = Vec::new();
            push_json(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn names_with_dots_are_objects_in_objects_where_the_first_of_them_stands() {
        let (one, none) = (Value::U16(1), Value::Null);
        for (style, members, expected) in [
            (PLAIN, &[("dns.id", one), ("ip", none)][..], r#"{"dns.id":1,"ip":null}"#),
            (
                NESTING,
                &[
                    ("dns.id", one),
                    ("ip", one),
                    ("dns.flags.aa", one),
                    ("dns.flags.tc", one),
                    ("dns.rd", one),
                ],
                r#"{"dns":{"id":1,"flags":{"aa":1,"tc":1},"rd":1},"ip":1}"#,
            ),
            (NESTING, &[("a.b.c", none), ("a.b.d", none), ("e", one)], r#"{"e":1}"#),
            (NESTING, &[("a.b.c", none), ("a.d", one), ("a.e.f", none)], r#"{"a":{"d":1}}"#),
            (NESTING, &[("a.b", none), ("c", none)], "{}"),
            (NESTING, &[], "{}"),
            (
                Style { omits_absent: false, ..NESTING },
                &[("a.b", none), ("c\"", none)],
                r#"{"a":{"b":null},"c\"":null}"#,
            ),
            (Style { nests: false, ..NESTING }, &[("a.b", none), ("c.d", one)], r#"{"c.d":1}"#),
        ] {
            assert_eq!(line(style, members), format!("{expected}\n"));
        }
    }

    #[test]
    fn values_may_be_of_any_length() {
        let (plain, strange) = ("x".repeat(70_000), "\"".repeat(70_000));
        let bytes = [0xAB; 65_535];
        let line = line(
            PLAIN,
            &[("a", Value::Text(&plain)), ("b", Value::Text(&strange)), ("c", Value::Bytes(&bytes))],
        );
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["a"], plain);
        assert_eq!(read["b"], strange);
        assert_eq!(read["c"], "ab".repeat(65_535));
    }

    proptest! {
        #[test]
        fn any_text_reads_back_from_one_line(text in any::<String>(), name in proptest::collection::vec(any::<u8>(), 1..64)) {
            let wire = [&[name.len() as u8][..], &name, &[0]].concat();
            let line = line(PLAIN, &[("a", Value::Text(&text)), ("b", Value::Name(&wire))]);
            prop_assert!(!line.trim_end_matches('\n').contains(['\n', '\r']));
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(&read["a"], &text);
            let mut room = [0; NAME_ROOM];
            let length = text::write_name(&wire, &mut room).length;
            prop_assert_eq!(read["b"].as_str().unwrap().as_bytes(), &room[..length]);
        }
    }
}
