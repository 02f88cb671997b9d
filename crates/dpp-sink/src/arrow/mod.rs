//! Arrow IPC, as a file or as a stream: columns that others map into memory as they are.
//!
//! ```text
//!  rows -> columns of a chunk ---------> record batch (65,536 rows) -> message -> file or stream
//!          encode: any worker, values    accept: a lane appends, and   in order, when all lanes
//!          are made here                 compresses what is complete   have closed the batch
//! ```
//! The bytes depend on the rows alone: a batch ends behind a number of rows or of bytes (`cut`), wherever chunks do. Only in
//! a stream of a capture that has not ended it ends also where somebody who reads along has waited long enough.
//! arrow-ipc has the types and the layout of message headers; the buffers are filled and written here, because its
//! own writer would have dictionaries before the first batch, which we know only behind the last (`words`), and
//! would compress all columns in one place.
//!
//! Metadata: what is known before the first row is the schema's. The rest is the footer's of a file; a stream has
//! no footer, so there it is the last record batch's, which is written even without rows.

mod chunk;
mod cut;
mod lane;
mod message;
mod open;
mod schema;
#[cfg(test)]
mod tests;
mod words;

use crate::TableSink;
use arrow_schema::Schema;
use chunk::Chunk;
use dpp::pipeline::{Pool, Rows, Sink};
use dpp::plan::Plan;
use dpp::table::{Context, Field};
use lane::{Closed, Lane};
use message::Messages;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A file: it has a footer that tells where each batch is, and buffers are compressed.
    File,
    /// A stream: it can be read while it is written, and what is in it lies there plain.
    Stream,
}

/// How it is written. What is in it does not depend on this, but for the metadata.
#[derive(Clone, Debug)]
pub struct Settings {
    /// File or stream.
    pub form: Form,
    /// Level of zstd for all buffers; without it they lie there plain.
    pub zstd: Option<i32>,
    /// The most rows of a record batch; no more than 2^20. A batch is kept in memory until it is complete.
    pub batch_rows: NonZeroUsize,
    /// Metadata of the schema: what is known before the first row.
    pub metadata: Vec<(String, String)>,
}

/// Rows of a record batch: enough that a dictionary with each batch of a stream costs nothing, and few enough that
/// a reader has something to work on soon.
const BATCH_ROWS: usize = 1 << 16;

/// With names alone a batch of so many rows takes at most 1 GiB, and offsets have 31 bits.
const BATCH_ROWS_MAX: usize = 1 << 20;

/// The level that costs little: twice as fast as 3 for a few percent more bytes.
const FILE_LEVEL: i32 = 1;

impl Settings {
    /// As the form is written as a rule.
    pub fn of(form: Form) -> Self {
        let zstd = (form == Form::File).then_some(FILE_LEVEL);
        let batch_rows = NonZeroUsize::new(BATCH_ROWS).expect("not zero");
        Settings { form, zstd, batch_rows, metadata: Vec::new() }
    }
}

/// Lanes at most. To append the columns of a chunk takes less time than to hand out many small tasks for it; more
/// cores than this would not have their share of the rest of the work.
const LANES_MAX: usize = 16;

/// An Arrow file or stream in the making.
pub struct Arrow<W> {
    fields: Vec<Field>,
    context: Context,
    lanes: Vec<Mutex<Lane>>,
    file: Mutex<File<W>>,
    /// Chunks to fill again.
    chunks: Mutex<Vec<Chunk>>,
}

impl<W: Write + Send> Arrow<W> {
    /// Begins a table with the plan's columns.
    ///
    /// # Errors
    /// The writer's, or a compression level that does not exist.
    pub fn new(out: W, plan: &Plan, settings: Settings) -> io::Result<Self> {
        let fields = plan.schema.fields().to_vec();
        let lane = |first: usize| {
            let columns =
                (first..fields.len()).step_by(LANES_MAX).map(|column| (column, fields[column].kind()));
            Lane::new(columns, &settings).map(Mutex::new)
        };
        let lanes = (0..fields.len().min(LANES_MAX)).map(lane).collect::<io::Result<_>>()?;
        let schema = schema::schema(plan, &settings.metadata);
        let file = Mutex::new(File::new(out, &schema, &settings)?);
        Ok(Arrow { fields, context: plan.context.clone(), lanes, file, chunks: Mutex::default() })
    }
}

impl<W: Write + Send> TableSink<W> for Arrow<W> {
    /// Writes the last batch, and what ends the format.
    fn finish(self, metadata: Vec<(String, String)>) -> io::Result<W> {
        let mut file = self.file.into_inner().unwrap_or_else(PoisonError::into_inner);
        for lane in self.lanes {
            let mut lane = lane.into_inner().unwrap_or_else(PoisonError::into_inner);
            file.take(lane.finish()?);
        }
        file.finish(metadata)
    }
}

impl<W: Write + Send> Sink for Arrow<W> {
    type Piece = Chunk;
    type Error = io::Error;

    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Chunk {
        let chunk = lock(&self.chunks).pop();
        let mut chunk = chunk.unwrap_or_else(|| Chunk::new(&self.fields));
        chunk.fill(&rows, &self.fields, &self.context);
        pool.recycle(rows);
        chunk
    }

    fn size(&self, chunk: &Chunk) -> usize {
        chunk.size()
    }

    fn accept(&self, lane: usize, chunk: &Chunk) -> io::Result<()> {
        let mut closed = Vec::new();
        lock(&self.lanes[lane]).accept(chunk, &mut closed)?;
        if closed.is_empty() {
            return Ok(());
        }
        let mut file = lock(&self.file);
        file.take(closed);
        file.write_complete()
    }

    /// Ends the batch, in a stream. A file is read when it is complete.
    fn flush(&self, lane: usize) -> io::Result<()> {
        let mut closed = Vec::new();
        lock(&self.lanes[lane]).flush(&mut closed)?;
        if closed.is_empty() {
            return Ok(());
        }
        let mut file = lock(&self.file);
        file.take(closed);
        file.write_complete()?;
        file.messages.flush()
    }

    fn recycle(&self, chunk: Chunk, _: &Pool) {
        lock(&self.chunks).push(chunk);
    }
}

/// Locks what is not looked at any more after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file, and the columns of batches that wait for the others.
struct File<W> {
    messages: Messages<W>,
    form: Form,
    /// Of each column, in order.
    closed: Vec<VecDeque<Closed>>,
    /// Of each column, the number of its dictionary: they are counted in the order of the columns.
    dictionaries: Vec<i64>,
}

impl<W: Write> File<W> {
    fn new(out: W, schema: &Schema, settings: &Settings) -> io::Result<Self> {
        let form = settings.form;
        let messages = Messages::begin(out, schema, form, settings.zstd.is_some())?;
        let closed = schema.fields().iter().map(|_| VecDeque::new()).collect();
        Ok(File { messages, form, closed, dictionaries: schema::dictionaries(schema) })
    }

    fn take(&mut self, columns: impl IntoIterator<Item = (usize, Closed)>) {
        for (column, closed) in columns {
            self.closed[column].push_back(closed);
        }
    }

    /// Writes the batches of which all columns are there.
    fn write_complete(&mut self) -> io::Result<()> {
        while !self.closed.iter().any(VecDeque::is_empty) {
            self.write_next(&[])?;
        }
        Ok(())
    }

    /// Writes the next batch, with the dictionaries that it needs before it.
    fn write_next(&mut self, metadata: &[(String, String)]) -> io::Result<()> {
        let columns: Vec<Closed> = self.closed.iter_mut().filter_map(VecDeque::pop_front).collect();
        for (column, id) in columns.iter().zip(&self.dictionaries) {
            if let Some(dictionary) = &column.dictionary {
                self.messages.dictionary(*id, dictionary)?;
            }
        }
        let arrays: Vec<_> = columns.iter().map(|column| &column.arrays).collect();
        // Behind the rows of a file stand the last dictionaries alone.
        if self.form == Form::Stream || arrays.first().is_some_and(|first| first.rows > 0) {
            self.messages.batch(&arrays, metadata)?;
        }
        Ok(())
    }

    /// Writes what is left: the last batch, which all lanes have closed, and the end.
    fn finish(mut self, metadata: Vec<(String, String)>) -> io::Result<W> {
        while self.closed.first().is_some_and(|first| first.len() > 1) {
            self.write_next(&[])?;
        }
        match self.form {
            Form::File => {
                self.write_next(&[])?;
                self.messages.end_file(&metadata)
            }
            Form::Stream => {
                self.write_next(&metadata)?;
                self.messages.end_stream()
            }
        }
    }
}
