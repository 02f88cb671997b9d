//! Tables of lines: what CSV, TSV, Zeek's logs and JSON lines have in common.
//!
//! Each chunk is printed by any worker into one buffer ([`Lines`]); the one lane writes the buffers in order. How a row
//! looks a [`Format`] says. The surprising fact: what stands before the first line is written only when there is a line, or
//! none will come, for Zeek's logs begin with the time of their first row.

use crate::TableSink;
use crate::text::NAME_ROOM;
use dpp::pipeline::{Pool, Rows, Sink};
use dpp::plan::Plan;
use dpp::table::{Context, Kind, Schema};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// How rows become lines.
pub trait Format: Sync {
    /// How it writes this schema.
    fn of(schema: &Schema) -> Self;

    /// What stands before the lines.
    fn head(&self, span: Span) -> Vec<u8>;

    /// What stands behind the lines.
    fn foot(&self, _span: Span) -> Vec<u8> {
        Vec::new()
    }

    /// How many octets at the start of a line only join it to the one before. The first line goes without them.
    fn joint(&self) -> usize {
        0
    }

    /// Prints rows.
    fn print(&self, rows: &Rows, context: &Context, lines: &mut Lines);
}

/// Times of the first and the last row, ns, if there are rows and the format wants to know.
pub type Span = Option<(i64, i64)>;

/// A table of lines in the making.
#[derive(Debug)]
pub struct Table<W, F> {
    format: F,
    context: Context,
    output: Mutex<Output<W>>,
    /// Buffers to print into again.
    buffers: Mutex<Vec<Lines>>,
}

/// What was written, and where to.
#[derive(Debug)]
struct Output<W> {
    out: W,
    has_head: bool,
    span: Span,
}

impl<W: Write, F: Format> Table<W, F> {
    /// Begins a table with the plan's columns.
    pub fn new(out: W, plan: &Plan) -> Self {
        Table {
            format: F::of(&plan.schema),
            context: plan.context.clone(),
            output: Mutex::new(Output { out, has_head: false, span: None }),
            buffers: Mutex::default(),
        }
    }
}

impl<W: Write> Output<W> {
    fn begin(&mut self, format: &impl Format) -> io::Result<()> {
        if !self.has_head {
            self.has_head = true;
            self.out.write_all(&format.head(self.span))?;
        }
        Ok(())
    }

    fn accept(&mut self, lines: &Lines, format: &impl Format) -> io::Result<()> {
        if lines.filled == 0 {
            return Ok(());
        }
        if let Some((first, last)) = lines.span {
            self.span = Some((self.span.map_or(first, |span| span.0), last));
        }
        let joint = if self.has_head { 0 } else { format.joint() };
        self.begin(format)?;
        self.out.write_all(&lines.text()[joint..])
    }
}

impl<W: Write + Send, F: Format> TableSink<W> for Table<W, F> {
    fn finish(self, _: Vec<(String, String)>) -> io::Result<W> {
        let mut output = self.output.into_inner().unwrap_or_else(PoisonError::into_inner);
        output.begin(&self.format)?;
        output.out.write_all(&self.format.foot(output.span))?;
        Ok(output.out)
    }
}

impl<W: Write + Send, F: Format> Sink for Table<W, F> {
    type Piece = Lines;
    type Error = io::Error;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Lines {
        let mut lines = self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        lines.clear();
        self.format.print(&rows, &self.context, &mut lines);
        pool.recycle(rows);
        lines
    }

    fn size(&self, lines: &Lines) -> usize {
        // A buffer grows to twice what it needs.
        lines.filled.max(lines.bytes.len() / 2)
    }

    fn accept(&self, _lane: usize, lines: &Lines) -> io::Result<()> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).accept(lines, &self.format)
    }

    fn flush(&self, _lane: usize) -> io::Result<()> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).out.flush()
    }

    fn recycle(&self, mut lines: Lines, _pool: &Pool) {
        lines.shrink();
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(lines);
    }
}

/// The lines of a chunk.
#[derive(Debug, Default)]
pub struct Lines {
    /// As long as it has ever been, so that it is cleared only once.
    pub(crate) bytes: Vec<u8>,
    /// How much of it is text.
    pub(crate) filled: usize,
    pub(crate) span: Span,
    /// Room to make a text in that may be of any length.
    pub(crate) long: Vec<u8>,
}

/// Room for the longest value that is no list, text or bytes: a name in which everything is escaped and quoted. So much
/// there is for every cell, also the last one, so that values are printed without looking whether there is.
pub(crate) const CELL_ROOM: usize = 2 * NAME_ROOM;

/// What a value takes at most that is no name; one that takes more is put where there is room for it.
pub(crate) const SHORT_ROOM: usize = 128;

/// What a value of this kind takes at most of the room of a row.
pub(crate) fn room_of(kind: Kind) -> usize {
    match kind {
        Kind::Name => CELL_ROOM,
        _ => SHORT_ROOM,
    }
}

/// Memory of a buffer that is kept for another chunk. The lines of a chunk of 256 KiB take a fraction of it, but for those
/// with lists of records.
const KEPT_MAX: usize = 4 << 20;

impl Lines {
    fn text(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    fn clear(&mut self) {
        (self.filled, self.span) = (0, None);
    }

    /// Gives back the memory of an uncommonly long chunk.
    fn shrink(&mut self) {
        for bytes in [&mut self.bytes, &mut self.long] {
            if bytes.len() > KEPT_MAX {
                *bytes = Vec::new();
            }
        }
    }

    /// Makes sure that there are so many bytes from `at` on.
    #[inline(always)]
    pub(crate) fn make_room(&mut self, at: usize, room: usize) {
        if self.bytes.len() < at + room {
            self.grow(at + room);
        }
    }

    #[cold]
    fn grow(&mut self, length: usize) {
        self.bytes.resize(length * 2, 0);
    }

    /// Puts what `push` makes at `at`, with so much room behind it, and says how long it is.
    pub(crate) fn put_long(&mut self, at: usize, room: usize, push: impl FnOnce(&mut Vec<u8>)) -> usize {
        self.long.clear();
        push(&mut self.long);
        let length = self.long.len();
        self.make_room(at, length + room);
        self.bytes[at..at + length].copy_from_slice(&self.long);
        length
    }
}
