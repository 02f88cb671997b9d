//! Datasets: a directory of files, in folders by what rows have in common (Hive's `day=2026-11-21/hour=13/`).
//!
//! ```text
//!  rows -> by partition -> kept until a file is full -> sorted -> written whole, under its name only then
//!          any worker      ------------ a lane, which has some of the partitions ------------
//! ```
//! Which rows a file has is a function of the rows alone: it is full when it has so many rows, or so many bytes of them, or
//! when its lane has too much to keep and this is what it has most of. So a run that was killed and is started again writes the
//! same files again. [`Manifest`] says which runs are complete and need not be started again, and what their files are called, so
//! that no run touches another's.

mod manifest;
mod partition;
mod sort;

pub use manifest::{FileEntry, InputEntry, Manifest, ManifestError, RunEntry, State, digest};
pub use partition::{PartError, Partitioning};

use crate::TableSink;
use dpp::pipeline::{Pool, Rows, Sink};
use dpp::plan::Plan;
use dpp::table::{Column, Scratch};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How a dataset is cut into files.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What rows of a file have in common.
    pub partitioning: Partitioning,
    /// The most rows of a file.
    pub file_rows: usize,
    /// The most bytes of its rows, as they are kept: before they are encoded and compressed.
    pub file_bytes: usize,
    /// What rows of a file are sorted by; else they are in the order of queries.
    pub sort_by: Vec<Column>,
    /// What files are called before their number ([`RunEntry::stem`]): `part` gives `part-00000.parquet`.
    pub stem: String,
    /// What they end with.
    pub extension: String,
    /// Whether they hold messages. Then rows of one message, which is written once, are never parted: they go where the first goes.
    pub of_messages: bool,
}

impl Settings {
    fn units(&self, rows: &Rows) -> impl Iterator<Item = Range<usize>> {
        units(self.of_messages, rows)
    }
}

/// The numbers of rows that stay together in one file: of one row, or, in files of messages, of those of one message.
pub(crate) fn units(of_messages: bool, rows: &Rows) -> impl Iterator<Item = Range<usize>> {
    let (count, mut next) = (rows.len(), 0);
    std::iter::from_fn(move || {
        let first = next;
        next += 1;
        while of_messages && next < count && rows.get(next).continues(&rows.get(next - 1)) {
            next += 1;
        }
        (first < count).then_some(first..next)
    })
}

/// Bytes of rows that are kept in all lanes. More makes larger files where there are many partitions.
const KEPT_BYTES_MAX: usize = 1 << 30;

/// Lanes, each with some of the partitions. Fixed, because what is kept in a lane is bounded for each.
const LANES: usize = 4;

/// Rows that are handed to the format at a time, so that what they become is never kept twice; more by those of one message.
const BATCH: usize = 1 << 14;

/// Why a dataset cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write '{}'", path.display())]
pub struct Error {
    /// The file or directory.
    path: PathBuf,
    #[source]
    source: FileError,
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        std::io::Error::other(error)
    }
}

impl Error {
    fn at(path: &Path, source: impl Into<FileError>) -> Error {
        Error { path: path.to_owned(), source: source.into() }
    }
}

/// What a file cannot be written for.
pub type FileError = Box<dyn std::error::Error + Send + Sync>;

/// Writes files of one format.
pub trait FileFormat: Send + Sync {
    /// Writes a whole file of this name, in a folder that is there. It has its name only when it is complete.
    ///
    /// # Errors
    /// Why it cannot be written.
    fn write(&self, path: &Path, rows: &mut dyn Iterator<Item = Rows>, pool: &Pool) -> Result<(), FileError>;
}

/// Writes all rows into a sink, and finishes it with this metadata.
///
/// # Errors
/// The sink's.
pub fn fill<W, S>(
    sink: S,
    rows: &mut dyn Iterator<Item = Rows>,
    pool: &Pool,
    metadata: Vec<(String, String)>,
) -> Result<W, FileError>
where
    S: TableSink<W>,
    S::Error: std::error::Error + Sync + 'static,
{
    for batch in rows {
        let is_due = batch.is_due();
        let piece = sink.encode(batch, pool);
        for lane in 0..sink.lanes() {
            sink.accept(lane, &piece)?;
            if is_due {
                sink.flush(lane)?;
            }
        }
        sink.recycle(piece, pool);
    }
    Ok(sink.finish(metadata)?)
}

/// A dataset in the making.
pub struct Dataset<F> {
    root: PathBuf,
    plan: Plan,
    settings: Settings,
    format: F,
    lanes: Vec<Mutex<Lane>>,
    /// The files that are complete.
    written: Mutex<Vec<FileEntry>>,
    pool: Pool,
}

impl<F: FileFormat> Dataset<F> {
    /// A dataset in this directory, which is there.
    pub fn new(root: &Path, plan: &Plan, settings: Settings, format: F) -> Self {
        Dataset {
            root: root.to_owned(),
            plan: plan.clone(),
            settings,
            format,
            lanes: (0..LANES).map(|_| Mutex::default()).collect(),
            written: Mutex::default(),
            pool: Pool::default(),
        }
    }

    /// Writes what is left. Gives the files of this run, by their names.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn finish(self) -> Result<Vec<FileEntry>, Error> {
        for lane in &self.lanes {
            let mut lane = lock(lane);
            let lane = &mut *lane;
            for (folder, file) in &mut lane.files {
                self.write(folder, file)?;
            }
        }
        let mut written = self.written.into_inner().unwrap_or_else(PoisonError::into_inner);
        written.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(written)
    }

    /// Appends rows to the file of their partition, which may be full then.
    fn keep(&self, lane: &mut Lane, folder: &str, rows: &Rows) -> Result<(), Error> {
        if !lane.files.contains_key(folder) {
            lane.files.insert(folder.to_owned(), File::default());
        }
        for unit in self.settings.units(rows) {
            let file = lane.files.get_mut(folder).expect("it was put there");
            let size = unit.clone().map(|number| rows.row_size(number)).sum::<usize>();
            unit.for_each(|number| file.rows.push(rows, number));
            file.bytes += size;
            lane.bytes += size;
            if file.rows.len() >= self.settings.file_rows || file.bytes >= self.settings.file_bytes {
                lane.bytes -= file.bytes;
                self.write(folder, file)?;
            } else if lane.bytes > KEPT_BYTES_MAX / LANES {
                self.write_largest(lane)?;
            }
        }
        Ok(())
    }

    /// Writes what most is kept of; of equals the first by name.
    fn write_largest(&self, lane: &mut Lane) -> Result<(), Error> {
        let mut largest: Option<(&String, &mut File)> = None;
        for (folder, file) in &mut lane.files {
            if largest.as_ref().is_none_or(|(_, largest)| file.bytes > largest.bytes) {
                largest = Some((folder, file));
            }
        }
        let Some((folder, file)) = largest else { return Ok(()) };
        lane.bytes -= file.bytes;
        self.write(folder, file)
    }

    /// Writes a file of the rows that are kept, and begins the next one.
    fn write(&self, folder: &str, file: &mut File) -> Result<(), Error> {
        let mut rows = std::mem::replace(&mut file.rows, Rows::none());
        file.bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        if !self.settings.sort_by.is_empty() {
            let units = self.settings.units(&rows);
            let order = sort::order(&rows, units, &self.settings.sort_by, &self.plan.context);
            rows.arrange(&order);
        }
        let Settings { stem, extension, .. } = &self.settings;
        let name = format!("{folder}{stem}-{:05}.{extension}", file.number);
        file.number += 1;
        let path = self.root.join(&name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Error::at(folder, error))?;
        }
        let count = rows.len();
        let mut units = self.settings.units(&rows);
        let mut batches = std::iter::from_fn(|| {
            let mut batch = Rows::none();
            while batch.len() < BATCH
                && let Some(unit) = units.next()
            {
                unit.for_each(|number| batch.push(&rows, number));
            }
            (!batch.is_empty()).then_some(batch)
        });
        self.format.write(&path, &mut batches, &self.pool).map_err(|error| Error::at(&path, error))?;
        let bytes = std::fs::metadata(&path).map_or(0, |known| known.len());
        lock(&self.written).push(FileEntry { path: name, rows: count as u64, bytes });
        Ok(())
    }
}

/// Some of the partitions.
#[derive(Default)]
struct Lane {
    /// The file that each partition is at, by its folder.
    files: BTreeMap<String, File>,
    bytes: usize,
}

/// A file that is not full.
struct File {
    number: usize,
    rows: Rows,
    bytes: usize,
}

impl Default for File {
    fn default() -> Self {
        File { number: 0, rows: Rows::none(), bytes: 0 }
    }
}

/// The rows of a chunk, by partition, with the lane that each partition is in.
pub struct Piece(Vec<(String, usize, Rows)>);

impl<F: FileFormat> Sink for Dataset<F> {
    type Piece = Piece;
    type Error = Error;

    fn lanes(&self) -> usize {
        LANES
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Piece {
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        let (mut folder, mut scratch) = (String::new(), Scratch::default());
        let Settings { partitioning, .. } = &self.settings;
        for unit in self.settings.units(&rows) {
            partitioning.folder(&rows.get(unit.start), &self.plan.context, &mut scratch, &mut folder);
            // Rows of one partition follow each other as a rule.
            match groups.iter_mut().rev().find(|group| group.0 == folder) {
                Some(group) => group.1.extend(unit),
                None => groups.push((folder.clone(), unit.collect())),
            }
        }
        if let [(_, numbers)] = &groups[..]
            && numbers.len() == rows.len()
        {
            let folder = groups.swap_remove(0).0;
            return Piece(vec![(folder.clone(), lane_of(&folder), rows.compact(pool))]);
        }
        let copied = |(folder, numbers): (String, Vec<usize>)| {
            let mut group = Rows::none();
            numbers.iter().for_each(|&number| group.push(&rows, number));
            let lane = lane_of(&folder);
            (folder, lane, group)
        };
        let piece = Piece(groups.into_iter().map(copied).collect());
        pool.recycle(rows);
        piece
    }

    fn size(&self, piece: &Piece) -> usize {
        piece.0.iter().map(|(_, _, rows)| rows.size()).sum()
    }

    fn accept(&self, lane: usize, piece: &Piece) -> Result<(), Error> {
        let mut mine = lock(&self.lanes[lane]);
        for (folder, _, rows) in piece.0.iter().filter(|group| group.1 == lane) {
            self.keep(&mut mine, folder, rows)?;
        }
        Ok(())
    }

    fn recycle(&self, piece: Piece, pool: &Pool) {
        piece.0.into_iter().for_each(|(_, _, rows)| pool.recycle(rows));
    }
}

/// The lane of a partition: FNV-1a, the same on every machine.
fn lane_of(folder: &str) -> usize {
    let mixed = folder.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01B3)
    });
    (mixed >> 32) as usize % LANES
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
