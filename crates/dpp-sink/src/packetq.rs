//! JSON as PacketQ writes it: one array with one table in it, which has a head that names and types the columns, and data that is
//! an array for each row. Programs that read PacketQ's output find columns by their places in the head.
//!
//! The surprising fact: a comma stands between rows, and no chunk knows whether another one comes. So each row brings the comma
//! that belongs behind the one before it, and the first row of all loses its own.

use crate::lines::{Format, Lines, Span};
use crate::text::{self, ADDRESS_ROOM, NUMBER_ROOM, json};
use dpp::pipeline::Rows;
use dpp::table::{Context, Field, Schema, Scratch, Value};

/// A table in the making.
pub type PacketQ<W> = crate::lines::Table<W, Wrapped>;

/// A table in an array.
#[derive(Debug)]
pub struct Wrapped {
    fields: Vec<Field>,
}

/// What stands before a row.
const BEFORE_ROW: &[u8] = b",\n      [";

impl Format for Wrapped {
    fn of(schema: &Schema) -> Self {
        Wrapped { fields: schema.fields().to_vec() }
    }

    fn head(&self, _: Span) -> Vec<u8> {
        let columns: Vec<String> = self
            .fields
            .iter()
            .map(|field| {
                format!("      {{ \"name\": \"{}\",\"type\": \"{}\" }}", field.name, field.type_name)
            })
            .collect();
        let head = format!(
            "[\n  {{\n    \"table_name\": \"result-0\",\n    \"query\": \"select * from dns\",\n    \"head\": [\n{}\n    ],\n    \"data\": [",
            columns.join(",\n")
        );
        head.into_bytes()
    }

    fn foot(&self, _: Span) -> Vec<u8> {
        b"\n    ]\n  }\n]\n".to_vec()
    }

    fn joint(&self) -> usize {
        1
    }

    fn print(&self, rows: &Rows, context: &Context, lines: &mut Lines) {
        let mut scratch = Scratch::default();
        let out = &mut lines.bytes;
        out.clear();
        for row in rows.iter() {
            out.extend_from_slice(BEFORE_ROW);
            for field in &self.fields {
                push_cell(field.value(&row, context, &mut scratch), out);
                out.push(b',');
            }
            out.pop();
            out.push(b']');
        }
        lines.filled = out.len();
    }
}

fn push_cell(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::U16(number) => json::push_number(number.into(), out),
        Value::U64(number) => json::push_number(number, out),
        Value::I64(number) => {
            let mut room = [0; NUMBER_ROOM];
            let length = text::write_i64(number, &mut room);
            out.extend_from_slice(&room[..length]);
        }
        Value::Address(address) => {
            let mut room = [0; ADDRESS_ROOM];
            let length = text::write_address(address, &mut room);
            out.push(b'"');
            out.extend_from_slice(&room[..length]);
            out.push(b'"');
        }
        Value::Word(text) => json::push_text(text, out),
        Value::Text(text) => json::push_text(text, out),
        // Its columns have no other kinds.
        _ => out.extend_from_slice(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_numbers_or_quoted() {
        for (value, expected) in [
            (Value::U16(0), "0"),
            (Value::U64(1 << 40), "1099511627776"),
            (Value::I64(-1), "-1"),
            (Value::Address([192, 0, 2, 1].into()), "\"192.0.2.1\""),
            (Value::Word(""), "\"\""),
            (Value::Text("\\.\"."), r#""\\.\".""#),
            (Value::Null, "null"),
        ] {
            let mut out = Vec::new();
            push_cell(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
