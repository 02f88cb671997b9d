//! Parquet files: lanes of columns, so that columns are encoded side by side.
//!
//! ```text
//!  rows -> value -> page (16,384 rows) -> chunk (524,288 rows) -> row group -> file
//!          ------------- a lane, for some of the columns ------    ---- in order ----
//! ```
//! The bytes depend on the rows alone: see `lane`. Pages are encoded here, because a dictionary built from
//! raw bytes (`dictionary`, `numbers`) neither prints nor hashes the text of each row; page headers, row groups and
//! the footer are the parquet crate's. Page indexes and bloom filters are written on request: rows are in time
//! order, and the statistics of chunks suffice to find a time.

mod bases;
mod chunk;
mod column;
mod compression;
mod dictionary;
mod encoding;
mod lane;
mod memo;
mod numbers;
#[cfg(test)]
mod tests;
mod texts;
mod tools;
mod values;

use crate::TableSink;
use chunk::Closed;
use column::{Column, leaves_of};
use dpp::pipeline::{Pool, Rows, Sink};
use dpp::plan::Plan;
use dpp::table::{Basis, Context, Field, Kind, Told};
use dpp::transaction::{Side, Transaction};
use lane::{ClosedLeaves, Lane};
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tools::Tools;

pub use compression::Compression;

/// How a file is written. What is in it does not depend on this.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The codec of all pages.
    pub compression: Compression,
    /// Which pages.
    pub version: Version,
    /// Rows of a row group. A row group is kept in memory, compressed, until it is complete.
    pub group_rows: NonZeroUsize,
    /// Bytes of messages in the rows of a row group, if there are columns that write messages out: with these a row
    /// group may end earlier.
    pub group_bytes: u64,
    /// Whether readers can find pages by their bounds, and rows in them.
    pub page_index: bool,
    /// The columns, by name, that have a bloom filter in each row group: readers can tell which ones lack a value.
    pub bloom: Vec<String>,
}

/// The version of data pages, and the format version in the footer.
///
/// Numbers are DELTA_BINARY_PACKED in both, which the oldest readers of version 1 do not know; pyarrow, DuckDB
/// and Polars read both, as tests show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Pages that are compressed with their levels.
    One,
    /// Pages whose levels are not compressed.
    Two,
}

/// Rows of a row group unless set otherwise: 6 MB of compressed pages as a rule, 130 MB if every name is new
/// and long. Twice as many would make files 1 % smaller.
const GROUP_ROWS: usize = 1 << 19;

/// Bytes of messages in the rows of a row group unless set otherwise: a group may be as short as five hundred rows if
/// all messages are as long as they can be.
const GROUP_BYTES: u64 = 1 << 26;

/// A page of lists, texts or bytes ends with the row with which it takes so many bytes, which readers unpack at once.
const PAGE_BYTES: usize = 1 << 20;

/// There are at most so many lanes: each reads all rows once more, and more are of no use to any number of workers
/// that the rest of the way keeps busy.
const LANES_MAX: usize = 8;

/// If there are more columns than lanes, fewer suffice: of all that are made of heads of messages there are so many that the
/// lanes of others are never the last ones.
const LANES_OF_MANY: usize = 6;

/// Which lane each field's column is in. Those that are made of names have the first, and those that are made of the heads of
/// messages the second, where each basis is looked up once for all of them. Others with large dictionaries have two of the lanes
/// to themselves, one each: what other columns read would drive the dictionaries out of the cache.
fn lanes_of(fields: &[Field]) -> Vec<usize> {
    if fields.len() <= LANES_MAX {
        return (0..fields.len()).collect();
    }
    let is_heavy = |field: &Field| matches!(field.kind(), Kind::Name | Kind::Address | Kind::Records);
    let (mut own, mut shared) = (2..LANES_MAX / 2, (LANES_MAX / 2..LANES_OF_MANY).cycle());
    let lane = |field: &Field| match field.column.basis() {
        Some(Basis::Name) => Some(0),
        Some(Basis::Query | Basis::Response) => Some(1),
        None => is_heavy(field).then(|| own.next()).flatten().or_else(|| shared.next()),
    };
    fields.iter().filter_map(lane).collect()
}

impl Default for Settings {
    fn default() -> Self {
        let group_rows = NonZeroUsize::new(GROUP_ROWS).expect("not zero");
        Settings {
            compression: Compression::Snappy,
            version: Version::One,
            group_rows,
            group_bytes: GROUP_BYTES,
            page_index: false,
            bloom: Vec::new(),
        }
    }
}

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The writer failed.
    #[error(transparent)]
    Io(io::Error),
    /// The encoder refused.
    #[error("cannot encode Parquet: {0}")]
    Encode(ParquetError),
}

impl From<ParquetError> for Error {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(error) => Error::Io(*error),
                Err(inner) => Error::Encode(ParquetError::External(inner)),
            },
            error => Error::Encode(error),
        }
    }
}

/// A Parquet file in the making.
pub struct Parquet<W: Write> {
    lanes: Vec<Mutex<Lane>>,
    context: Context,
    /// Whether columns look into messages.
    has_messages: bool,
    /// Whether there are lanes of several columns.
    has_crowds: bool,
    file: Mutex<File<W>>,
}

impl<W: Write + Send> Parquet<W> {
    /// Begins a file with the plan's columns.
    ///
    /// # Errors
    /// The writer's, or a compression level that does not exist.
    pub fn new(out: W, plan: &Plan, settings: Settings) -> Result<Self, Error> {
        let fields = plan.schema.fields();
        let out = Out(Some(out));
        let file = SerializedFileWriter::new(out, schema(plan)?, Arc::new(properties(&settings)))?;
        let leaves = file.schema_descr().columns();
        let mut columns: Vec<Vec<Column>> = Vec::new();
        columns.resize_with(fields.len().min(LANES_MAX), Vec::new);
        let tools = || Ok(Arc::new(Mutex::new(Tools::new(settings.compression)?)));
        let tools = columns.iter().map(|_| tools()).collect::<ParquetResult<Vec<_>>>()?;
        let mut first_leaf = 0;
        for (lane, field) in lanes_of(fields).into_iter().zip(fields) {
            let is_nullable = plan.is_nullable(field);
            let column =
                Column::new(field.clone(), is_nullable, first_leaf, leaves, &settings, &tools[lane])?;
            columns[lane].push(column);
            first_leaf += leaves_of(field.kind());
        }
        columns.retain(|columns| !columns.is_empty());
        let lane = |columns| Mutex::new(Lane::new(columns, &settings));
        let closed = leaves.iter().map(|_| VecDeque::new()).collect();
        Ok(Parquet {
            lanes: columns.into_iter().map(lane).collect(),
            context: plan.context.clone(),
            has_crowds: fields.len() > LANES_MAX,
            has_messages: plan.needs().reads_queries() || plan.needs().reads_responses(),
            file: Mutex::new(File { writer: file, closed }),
        })
    }
}

impl<W: Write + Send> TableSink<W> for Parquet<W> {
    /// Writes the last row group and the footer, with `metadata` as its key-value pairs.
    fn finish(self, metadata: Vec<(String, String)>) -> Result<W, Error> {
        let mut file = self.file.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut closed = Vec::new();
        for lane in self.lanes {
            lane.into_inner().unwrap_or_else(PoisonError::into_inner).finish(&mut closed)?;
        }
        file.take(closed)?;
        for (key, value) in metadata {
            file.writer.append_key_value_metadata(KeyValue::new(key, value));
        }
        Ok(file.finish()?)
    }
}

/// What lanes get of a chunk of the capture.
pub struct Piece {
    rows: Rows,
    /// What columns hang on; nothing if each has a lane to itself, where nobody asks.
    told: Told,
    /// How many bytes of messages each row has; of no row if none are kept.
    weights: Vec<u32>,
}

/// The bytes of the messages of a row that columns look into.
fn weight(row: Transaction) -> u32 {
    let length = |side: &Side| side.captured;
    row.query().map_or(0, length).saturating_add(row.response().map_or(0, length))
}

impl<W: Write + Send> Sink for Parquet<W> {
    type Piece = Piece;
    type Error = Error;

    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Piece {
        let rows = rows.compact(pool);
        let weights = if self.has_messages { rows.iter().map(weight).collect() } else { Vec::new() };
        let told = if self.has_crowds { Told::by(rows.tells()) } else { Told::default() };
        Piece { rows, told, weights }
    }

    fn size(&self, piece: &Piece) -> usize {
        piece.rows.size() + piece.weights.len() * size_of::<u32>()
    }

    fn accept(&self, lane: usize, piece: &Piece) -> Result<(), Error> {
        let mut closed = Vec::new();
        lock(&self.lanes[lane]).accept(piece, &self.context, &mut closed)?;
        if !closed.is_empty() {
            lock(&self.file).take(closed)?;
        }
        Ok(())
    }

    fn recycle(&self, piece: Piece, pool: &Pool) {
        pool.recycle(piece.rows);
    }
}

/// Locks what is not looked at any more after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The writer, to be taken out of a file that is finished. The file's own way to give it back flushes it, and of an error then
/// keeps nothing but a text within a text.
struct Out<W>(Option<W>);

impl<W: Write> Out<W> {
    fn writer(&mut self) -> &mut W {
        self.0.as_mut().expect("nothing is written behind the end")
    }
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }
}

/// The file, and the column chunks that wait for the others of their row group.
struct File<W: Write> {
    writer: SerializedFileWriter<Out<W>>,
    /// Of each leaf, in order.
    closed: Vec<VecDeque<Closed>>,
}

impl<W: Write + Send> File<W> {
    /// Takes chunks, and writes what is complete with them.
    fn take(&mut self, closed: ClosedLeaves) -> ParquetResult<()> {
        for (leaf, chunk) in closed {
            self.closed[leaf].push_back(chunk);
        }
        self.write_complete()
    }

    /// Writes the row groups of which all columns are there.
    fn write_complete(&mut self) -> ParquetResult<()> {
        while let Some(chunks) = self.next_complete() {
            let mut group = self.writer.next_row_group()?;
            for chunk in chunks {
                group.append_column(&chunk.pages, chunk.result)?;
            }
            group.close()?;
        }
        Ok(())
    }

    /// Writes the footer, and gives the writer back.
    fn finish(mut self) -> ParquetResult<W> {
        self.writer.finish()?;
        Ok(self.writer.inner_mut().0.take().expect("it is taken once"))
    }

    fn next_complete(&mut self) -> Option<Vec<Closed>> {
        match self.closed.iter().any(VecDeque::is_empty) {
            true => None,
            false => self.closed.iter_mut().map(VecDeque::pop_front).collect(),
        }
    }
}

fn properties(settings: &Settings) -> WriterProperties {
    let version = match settings.version {
        Version::One => WriterVersion::PARQUET_1_0,
        Version::Two => WriterVersion::PARQUET_2_0,
    };
    let created_by = format!("dpp {}", env!("CARGO_PKG_VERSION"));
    WriterProperties::builder().set_writer_version(version).set_created_by(created_by).build()
}

fn schema(plan: &Plan) -> ParquetResult<TypePtr> {
    let field =
        |field: &Field| schema_field(&field.name, field.kind(), plan.is_nullable(field)).map(Arc::new);
    let fields: ParquetResult<_> = plan.schema.fields().iter().map(field).collect();
    Type::group_type_builder("schema").with_fields(fields?).build().map(Arc::new)
}

fn schema_field(name: &str, kind: Kind, nullable: bool) -> ParquetResult<Type> {
    let repetition = if nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let element = match kind {
        Kind::Numbers => primitive("element", Kind::U16, Repetition::REQUIRED),
        Kind::Texts => primitive("element", Kind::Text, Repetition::REQUIRED),
        Kind::Records => record(),
        kind => return primitive(name, kind, repetition),
    };
    let list = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element?)])
        .build()?;
    Type::group_type_builder(name)
        .with_repetition(repetition)
        .with_logical_type(Some(LogicalType::List))
        .with_fields(vec![Arc::new(list)])
        .build()
}

/// An element of a list of records.
fn record() -> ParquetResult<Type> {
    let part = |(name, kind, repetition)| primitive(name, kind, repetition).map(Arc::new);
    let parts = [
        ("name", Kind::Text, Repetition::REQUIRED),
        ("type", Kind::Text, Repetition::REQUIRED),
        ("class", Kind::Text, Repetition::REQUIRED),
        ("ttl", Kind::U32, Repetition::OPTIONAL),
        ("data", Kind::Text, Repetition::REQUIRED),
    ];
    let parts: ParquetResult<_> = parts.into_iter().map(part).collect();
    Type::group_type_builder("element").with_repetition(Repetition::REQUIRED).with_fields(parts?).build()
}

pub(crate) fn primitive(name: &str, kind: Kind, repetition: Repetition) -> ParquetResult<Type> {
    let unsigned = |bits| Some(LogicalType::integer(bits, false));
    let (physical, logical) = match kind {
        Kind::Bool => (PhysicalType::BOOLEAN, None),
        Kind::U8 => (PhysicalType::INT32, unsigned(8)),
        Kind::U16 => (PhysicalType::INT32, unsigned(16)),
        Kind::U32 => (PhysicalType::INT32, unsigned(32)),
        Kind::U64 => (PhysicalType::INT64, unsigned(64)),
        Kind::I32 => (PhysicalType::INT32, None),
        Kind::I64 => (PhysicalType::INT64, None),
        Kind::F64 | Kind::Seconds => (PhysicalType::DOUBLE, None),
        Kind::TimestampMicros => (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        Kind::TimestampNanos => (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::NANOS))),
        Kind::Address | Kind::Name | Kind::Word | Kind::Text => {
            (PhysicalType::BYTE_ARRAY, Some(LogicalType::String))
        }
        Kind::Bytes => (PhysicalType::BYTE_ARRAY, None),
        Kind::Numbers | Kind::Texts | Kind::Records => unreachable!("{kind:?} is a list"),
    };
    Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .build()
}
