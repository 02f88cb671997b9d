//! Parquet files: a lane for each column, so that columns are encoded side by side.
//!
//! ```text
//!  rows -> value -> page (16,384 rows) -> chunk (524,288 rows) -> row group -> file
//!          ------------ a lane, one for each column -----------    ---- in order ----
//! ```
//! The bytes depend on the rows alone: see `lane`. Pages are encoded here, because a dictionary built from
//! raw bytes (`dictionary`) neither prints nor hashes the text of each row; page headers, row groups and the
//! footer are the parquet crate's. Neither page indexes nor bloom filters are written: rows are in time
//! order, and the statistics of chunks suffice to find a time.

mod chunk;
mod compression;
mod dictionary;
mod encoding;
mod lane;
mod values;

use crate::TableSink;
use chunk::Closed;
use dpp::pipeline::{Pool, Rows, Sink};
use dpp::plan::Plan;
use dpp::table::{Context, Field, Kind};
use lane::Lane;
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

pub use compression::Compression;

/// How a file is written. What is in it does not depend on this.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The codec of all pages.
    pub compression: Compression,
    /// Which pages.
    pub version: Version,
    /// Rows of a row group. A row group is kept in memory, compressed, until it is complete.
    pub group_rows: NonZeroUsize,
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

impl Default for Settings {
    fn default() -> Self {
        let group_rows = NonZeroUsize::new(GROUP_ROWS).expect("not zero");
        Settings { compression: Compression::Snappy, version: Version::One, group_rows }
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
    file: Mutex<File<W>>,
}

impl<W: Write + Send> Parquet<W> {
    /// Begins a file with the plan's columns.
    ///
    /// # Errors
    /// The writer's, or a compression level that does not exist.
    pub fn new(out: W, plan: &Plan, settings: Settings) -> Result<Self, Error> {
        let file = SerializedFileWriter::new(out, schema(plan)?, Arc::new(properties(settings)))?;
        let lane = |(field, descriptor): (&Field, &_)| {
            Lane::new(field.clone(), Arc::clone(descriptor), &settings).map(Mutex::new)
        };
        let lanes: ParquetResult<Vec<_>> =
            plan.schema.fields().iter().zip(file.schema_descr().columns()).map(lane).collect();
        let closed = plan.schema.fields().iter().map(|_| VecDeque::new()).collect();
        Ok(Parquet {
            lanes: lanes?,
            context: plan.context.clone(),
            file: Mutex::new(File { writer: file, closed }),
        })
    }
}

impl<W: Write + Send> TableSink<W> for Parquet<W> {
    /// Writes the last row group and the footer, with `metadata` as its key-value pairs.
    fn finish(self, metadata: Vec<(String, String)>) -> Result<W, Error> {
        let mut file = self.file.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (number, lane) in self.lanes.into_iter().enumerate() {
            let mut lane = lane.into_inner().unwrap_or_else(PoisonError::into_inner);
            file.closed[number].extend(lane.finish()?);
        }
        file.write_complete()?;
        for (key, value) in metadata {
            file.writer.append_key_value_metadata(KeyValue::new(key, value));
        }
        Ok(file.writer.into_inner()?)
    }
}

impl<W: Write + Send> Sink for Parquet<W> {
    type Piece = Rows;
    type Error = Error;

    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Rows {
        rows.compact(pool)
    }

    fn size(&self, rows: &Rows) -> usize {
        rows.size()
    }

    fn accept(&self, lane: usize, rows: &Rows) -> Result<(), Error> {
        let mut closed = Vec::new();
        lock(&self.lanes[lane]).accept(rows, &self.context, &mut closed)?;
        if !closed.is_empty() {
            let mut file = lock(&self.file);
            file.closed[lane].extend(closed);
            file.write_complete()?;
        }
        Ok(())
    }

    fn recycle(&self, rows: Rows, pool: &Pool) {
        pool.recycle(rows);
    }
}

/// Locks what is not looked at any more after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file, and the column chunks that wait for the others of their row group.
struct File<W: Write> {
    writer: SerializedFileWriter<W>,
    /// Of each column, in order.
    closed: Vec<VecDeque<Closed>>,
}

impl<W: Write + Send> File<W> {
    /// Writes the row groups of which all columns are there.
    fn write_complete(&mut self) -> ParquetResult<()> {
        while let Some(chunks) = self.next_complete() {
            let mut group = self.writer.next_row_group()?;
            for chunk in chunks {
                group.append_column(&chunk.bytes, chunk.result)?;
            }
            group.close()?;
        }
        Ok(())
    }

    fn next_complete(&mut self) -> Option<Vec<Closed>> {
        match self.closed.iter().any(VecDeque::is_empty) {
            true => None,
            false => self.closed.iter_mut().map(VecDeque::pop_front).collect(),
        }
    }
}

fn properties(settings: Settings) -> WriterProperties {
    let version = match settings.version {
        Version::One => WriterVersion::PARQUET_1_0,
        Version::Two => WriterVersion::PARQUET_2_0,
    };
    let created_by = format!("dpp {}", env!("CARGO_PKG_VERSION"));
    WriterProperties::builder().set_writer_version(version).set_created_by(created_by).build()
}

fn schema(plan: &Plan) -> ParquetResult<TypePtr> {
    let field = |field: &Field| schema_field(field, plan.is_nullable(field)).map(Arc::new);
    let fields: ParquetResult<_> = plan.schema.fields().iter().map(field).collect();
    Type::group_type_builder("schema").with_fields(fields?).build().map(Arc::new)
}

fn schema_field(field: &Field, nullable: bool) -> ParquetResult<Type> {
    let (physical, logical) = match field.kind() {
        Kind::TimestampMicros => (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        Kind::I32 => (PhysicalType::INT32, None),
        Kind::U64 => (PhysicalType::INT64, None),
        Kind::Address | Kind::Name | Kind::Word | Kind::Text | Kind::Numbers => {
            (PhysicalType::BYTE_ARRAY, Some(LogicalType::String))
        }
        kind => todo!("{kind:?}"),
    };
    let repetition = if nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    Type::primitive_type_builder(&field.name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .build()
}
