//! Zeek's logs: TSV with lines that name and type the columns before the rows, and one line behind them.
//!
//! Absent values are `-`, empty ones `(empty)`; times have six decimals, yes and no are `T` and `F`, the items of a list have
//! commas between them. In texts a backslash is doubled, and what is neither printable ASCII nor well-formed UTF-8 is `\x`
//! and two digits; an octet that a column has escaped so already stays so. The surprising fact: `#open` and `#close`, which in Zeek are when its log was written, are the times of
//! the first and the last row, for the same capture gives the same file whenever it is read (without rows, 1970).

use crate::lines::{Format, Lines, Span};
use crate::text::{self, ADDRESS_ROOM, NUMBER_ROOM, json};
use dpp::calendar::Civil;
use dpp::pipeline::Rows;
use dpp::table::{Context, Field, Schema, Scratch, Texts, Value};
use std::io::Write;

/// A log in the making.
pub type Zeek<W> = crate::lines::Table<W, Log>;

const UNSET: &[u8] = b"-";
const EMPTY: &[u8] = b"(empty)";

/// Zeek's log of DNS.
#[derive(Debug)]
pub struct Log {
    fields: Vec<Field>,
}

impl Format for Log {
    fn of(schema: &Schema) -> Self {
        Log { fields: schema.fields().to_vec() }
    }

    fn head(&self, span: Span) -> Vec<u8> {
        let list = |of: fn(&Field) -> &str| {
            self.fields.iter().map(|field| format!("\t{}", of(field))).collect::<String>()
        };
        let head = format!(
            "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n\
             #open\t{}\n#fields{}\n#types{}\n",
            date(span.map_or(0, |span| span.0)),
            list(|field| &field.name),
            list(|field| field.type_name),
        );
        head.into_bytes()
    }

    fn foot(&self, span: Span) -> Vec<u8> {
        format!("#close\t{}\n", date(span.map_or(0, |span| span.1))).into_bytes()
    }

    fn print(&self, rows: &Rows, context: &Context, lines: &mut Lines) {
        let mut scratch = Scratch::default();
        let out = &mut lines.bytes;
        out.clear();
        for row in rows.iter() {
            for field in &self.fields {
                match (field.value(&row, context, &mut scratch), field.type_name) {
                    (Value::Texts(times), "vector[interval]") => push_intervals(times, out),
                    (value, _) => push_cell(value, out),
                }
                out.push(b'\t');
            }
            out.pop();
            out.push(b'\n');
            let first = lines.span.map_or(row.request_ns(), |span| span.0);
            lines.span = Some((first, row.request_ns()));
        }
        lines.filled = out.len();
    }
}

/// A time as the head and the foot have it.
fn date(ns: i64) -> String {
    let Civil { year, month, day, hour, minute, second } = Civil::of(ns.div_euclid(1_000_000_000));
    format!("{year:04}-{month:02}-{day:02}-{hour:02}-{minute:02}-{second:02}")
}

fn push_cell(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(UNSET),
        Value::Bool(yes) => out.push(if yes { b'T' } else { b'F' }),
        Value::U16(number) => json::push_number(number.into(), out),
        Value::U64(number) => json::push_number(number, out),
        Value::I64(number) => push_short(|room| text::write_i64(number, room), out),
        Value::F64(number) => push_decimals(number, out),
        Value::TimestampMicros(micros) => {
            push_short(|room| text::write_seconds(micros.saturating_mul(1000), room), out);
        }
        Value::TimestampNanos(ns) | Value::Seconds(ns) => {
            push_short(|room| text::write_seconds(ns, room), out);
        }
        Value::Address(address) => {
            let mut room = [0; ADDRESS_ROOM];
            let length = text::write_address(address, &mut room);
            out.extend_from_slice(&room[..length]);
        }
        Value::Name(wire) => push_text(&labels(wire), false, out),
        Value::Word(text) => push_text(text.as_bytes(), false, out),
        Value::Text(text) => push_text(text.as_bytes(), false, out),
        Value::Bytes([]) | Value::Numbers([]) => out.extend_from_slice(EMPTY),
        Value::Bytes(bytes) => text::push_hex(bytes, out),
        Value::Numbers(numbers) => text::push_numbers(numbers, b',', out),
        Value::Texts(texts) if texts.is_empty() => out.extend_from_slice(EMPTY),
        Value::Texts(texts) => {
            for (index, text) in texts.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                push_text(text.as_bytes(), true, out);
            }
        }
        Value::Records(records) => {
            let mut json = Vec::new();
            json::push_records(records, &mut json);
            push_text(&json, false, out);
        }
    }
}

/// Appends a time or a time span: with six decimals.
fn push_decimals(seconds: f64, out: &mut Vec<u8>) {
    write!(out, "{seconds:.6}").expect("a vector takes everything");
}

/// Appends time spans, which come as texts of numbers.
fn push_intervals(spans: Texts<'_>, out: &mut Vec<u8>) {
    for (index, span) in spans.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_decimals(span.parse().unwrap_or_default(), out);
    }
}

fn push_short(write: impl FnOnce(&mut [u8; NUMBER_ROOM]) -> usize, out: &mut Vec<u8>) {
    let mut room = [0; NUMBER_ROOM];
    let length = write(&mut room);
    out.extend_from_slice(&room[..length]);
}

/// A name as Zeek knows it: the octets of its labels with dots between. The root is empty.
fn labels(wire: &[u8]) -> Vec<u8> {
    let (mut name, mut rest) = (Vec::new(), wire);
    while let Some((&length @ 1.., after)) = rest.split_first() {
        let (label, after) = after.split_at(usize::from(length).min(after.len()));
        if !name.is_empty() {
            name.push(b'.');
        }
        name.extend_from_slice(label);
        rest = after;
    }
    name
}

/// Appends a text, or one of a list. What would pass for a mark is told from it by its first octet.
fn push_text(text: &[u8], is_in_list: bool, out: &mut Vec<u8>) {
    match text {
        b"" => return out.extend_from_slice(EMPTY),
        UNSET | EMPTY => {
            push_hex_escape(text[0], out);
            return out.extend_from_slice(&text[1..]);
        }
        _ => {}
    }
    for chunk in text.utf8_chunks() {
        let mut rest = chunk.valid().chars();
        while let Some(character) = rest.next() {
            match character {
                '\\' if is_escaped_octet(rest.as_str()) => out.push(b'\\'),
                '\\' => out.extend_from_slice(b"\\\\"),
                ',' if is_in_list => push_hex_escape(b',', out),
                '\0'..' ' | '\u{7f}' => push_hex_escape(character as u8, out),
                _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        chunk.invalid().iter().for_each(|&octet| push_hex_escape(octet, out));
    }
}

/// Whether behind a backslash stands what makes it an octet that is no ASCII.
fn is_escaped_octet(text: &str) -> bool {
    matches!(text.as_bytes(), [b'x', b'8'..=b'9' | b'a'..=b'f', b'0'..=b'9' | b'a'..=b'f', ..])
}

fn push_hex_escape(octet: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\x");
    text::push_hex(&[octet], out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::list;

    fn cell(value: Value<'_>) -> String {
        let mut out = Vec::new();
        push_cell(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_as_zeek_writes_them() {
        for (value, expected) in [
            (Value::Null, "-"),
            (Value::Text("-"), r"\x2d"),
            (Value::Text(""), "(empty)"),
            (Value::Word(""), "(empty)"),
            (Value::Text("(empty)"), r"\x28empty)"),
            (Value::Text("--"), "--"),
            (Value::Text("a b,c"), "a b,c"),
            (Value::Text("\u{7}\t\n\u{7f}"), r"\x07\x09\x0a\x7f"),
            (Value::Text(r"\x07"), r"\\x07"),
            (Value::Text(r"a\xffb\x8"), r"a\xffb\\x8"),
            (Value::F64(1_533_309_955.393_636), "1533309955.393636"),
            (Value::F64(60.0), "60.000000"),
            (Value::Text("größe"), "größe"),
            (Value::Name(b"\x03a.b\x02\xFFc\x00"), r"a.b.\xffc"),
            (Value::Name(b"\x02\xC3\xB6\x02a\\\0"), r"ö.a\\"),
            (Value::Name(b"\0"), "(empty)"),
            (Value::Bool(true), "T"),
            (Value::Bool(false), "F"),
            (Value::U16(65535), "65535"),
            (Value::U64(u64::MAX), "18446744073709551615"),
            (Value::I64(-1), "-1"),
            (Value::Seconds(60_000_000_000), "60.000000"),
            (Value::TimestampNanos(1_533_309_955_393_636_999), "1533309955.393636"),
            (Value::TimestampMicros(1_533_309_955_393_636), "1533309955.393636"),
            (Value::Address([192, 0, 2, 1].into()), "192.0.2.1"),
            (Value::Numbers(&[1, 28]), "1,28"),
            (Value::Numbers(&[]), "(empty)"),
            (Value::Bytes(&[0xAB]), "ab"),
            (Value::Texts(list(&["CC", "AA", ",", ",,"]).texts()), r"CC,AA,\x2c,\x2c\x2c"),
            (Value::Texts(list(&["", "-"]).texts()), r"(empty),\x2d"),
            (Value::Texts(list(&[]).texts()), "(empty)"),
        ] {
            assert_eq!(cell(value), expected);
        }
    }
}
