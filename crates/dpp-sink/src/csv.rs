//! CSV (RFC 4180, with `\n` at line ends): a header line, then a line a row.
//!
//! A field is quoted if it has a comma or a quote in it, which only names can have (their line ends are escaped). Absent
//! values are empty. Each chunk is printed by any worker into one buffer; the one lane writes the buffers in order.

use crate::TableSink;
use crate::text::{self, ADDRESS_ROOM, NAME_ROOM, NUMBER_ROOM, NameText, Timestamps};
use dpp::pipeline::{Pool, Rows, Sink};
use dpp::plan::Plan;
use dpp::table::{Context, Field, Schema, Scratch, Value};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// A CSV file in the making.
#[derive(Debug)]
pub struct Csv<W> {
    schema: Schema,
    context: Context,
    out: Mutex<W>,
    /// Buffers to print into again.
    buffers: Mutex<Vec<Lines>>,
}

impl<W: Write> Csv<W> {
    /// Writes the header line for the plan's columns.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(mut out: W, plan: &Plan) -> io::Result<Self> {
        let names: Vec<&str> = plan.schema.fields().iter().map(|field| &*field.name).collect();
        out.write_all(names.join(",").as_bytes())?;
        out.write_all(b"\n")?;
        Ok(Csv {
            schema: plan.schema.clone(),
            context: plan.context.clone(),
            out: Mutex::new(out),
            buffers: Mutex::default(),
        })
    }
}

impl<W: Write + Send> TableSink<W> for Csv<W> {
    fn finish(self, _: Vec<(String, String)>) -> io::Result<W> {
        let mut out = self.out.into_inner().unwrap_or_else(PoisonError::into_inner);
        out.flush()?;
        Ok(out)
    }
}

impl<W: Write + Send> Sink for Csv<W> {
    type Piece = Lines;
    type Error = io::Error;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Lines {
        let mut lines = self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        lines.print(&rows, self.schema.fields(), &self.context);
        pool.recycle(rows);
        lines
    }

    fn size(&self, lines: &Lines) -> usize {
        lines.filled
    }

    fn accept(&self, _lane: usize, lines: &Lines) -> io::Result<()> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).write_all(lines.text())
    }

    fn recycle(&self, lines: Lines, _pool: &Pool) {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(lines);
    }
}

/// The lines of a chunk.
#[derive(Debug, Default)]
pub struct Lines {
    /// As long as it has ever been, so that it is cleared only once.
    bytes: Vec<u8>,
    filled: usize,
}

/// Room for the longest cell: a name in which everything is escaped and quoted.
const CELL_ROOM: usize = 2 * NAME_ROOM;

impl Lines {
    fn text(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    fn print(&mut self, rows: &Rows, fields: &[Field], context: &Context) {
        let mut scratch = Scratch::default();
        self.filled = 0;
        let mut times = Timestamps::default();
        let row_room = fields.len() * (CELL_ROOM + 1);
        for transaction in rows.iter() {
            if self.bytes.len() < self.filled + row_room {
                self.bytes.resize((self.filled + row_room) * 2, 0);
            }
            let mut at = self.filled;
            for field in fields {
                let value = field.value(&transaction, context, &mut scratch);
                let cell = self.bytes[at..].first_chunk_mut().expect("there is room for the row");
                let length = write_cell(value, &mut times, cell);
                cell[length] = b',';
                at += length + 1;
            }
            self.bytes[at - 1] = b'\n';
            self.filled = at;
        }
    }
}

#[inline(always)]
fn write_cell(value: Value, times: &mut Timestamps, cell: &mut [u8; CELL_ROOM]) -> usize {
    match value {
        Value::Null => 0,
        Value::TimestampMicros(micros) => times.write(micros, room::<NUMBER_ROOM>(cell)),
        Value::Address(address) => text::write_address(address, room::<ADDRESS_ROOM>(cell)),
        Value::U16(number) => text::write_u16(number, room::<NUMBER_ROOM>(cell)),
        Value::Name(wire) => match text::write_name(wire, room::<NAME_ROOM>(cell)) {
            NameText { length, plain: true } => length,
            NameText { length, .. } => quote_if_needed(cell, length),
        },
        Value::Word(text) => {
            cell[..text.len()].copy_from_slice(text.as_bytes());
            text.len()
        }
        Value::Text(text) => {
            cell[..text.len()].copy_from_slice(text.as_bytes());
            quote_if_needed(cell, text.len())
        }
        Value::U64(number) => text::write_i64(signed(number), room::<NUMBER_ROOM>(cell)),
        Value::Numbers(numbers) => text::write_numbers(numbers, cell),
        value => todo!("{value:?}"),
    }
}

/// No number that is counted or measured here comes near 2^63.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[inline(always)]
fn room<const N: usize>(cell: &mut [u8; CELL_ROOM]) -> &mut [u8; N] {
    cell.first_chunk_mut().expect("a cell has room for every kind")
}

/// If there is a comma, a quote or a line end in the text in `cell`, puts quotes around it and doubles those in it.
#[cold]
fn quote_if_needed(cell: &mut [u8; CELL_ROOM], length: usize) -> usize {
    if !cell[..length].iter().any(|octet| matches!(octet, b',' | b'"' | b'\n' | b'\r')) {
        return length;
    }
    let text = cell[..length].to_vec();
    let quoted = std::iter::once(b'"')
        .chain(text.iter().flat_map(|&octet| std::iter::repeat_n(octet, if octet == b'"' { 2 } else { 1 })))
        .chain(std::iter::once(b'"'));
    let mut at = 0;
    for octet in quoted {
        cell[at] = octet;
        at += 1;
    }
    at
}
