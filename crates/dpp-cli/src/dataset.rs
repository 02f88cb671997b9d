//! `dpp extract ... --partition-by`: a directory of files instead of one table.
//!
//! [`checks`](crate::checks) makes a [`Wish`] of the options, [`run`](crate::run) fills the dataset; what a dataset is stands in
//! `dpp_sink::dataset`. A run that the manifest says is complete is not started again.

use crate::checks::Table;
use crate::flags::Datasets;
use crate::inputs::Input;
use crate::output::{Output, table_stem};
use crate::plan;
use crate::report;
use crate::sinks::{self, Out, UseSink};
use anyhow::{anyhow, bail};
use dpp::pipeline::{Pool, Rows};
use dpp::plan::Plan;
use dpp_sink::TableSink;
use dpp_sink::dataset::{self, FileError, FileFormat, Partitioning, Settings};
use dpp_sink::packed::Packed;
use std::error::Error;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Rows of a file unless set otherwise: some 30 to 60 MB of Parquet, which is what readers of many files like.
const FILE_ROWS: usize = 1 << 20;
/// And so many bytes of them, as they are kept.
const FILE_BYTES: usize = 256 << 20;

/// A dataset that nothing speaks against.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) root: PathBuf,
    pub(crate) settings: Settings,
    /// A run for each input.
    pub(crate) per_file: bool,
}

/// The dataset that the options ask for, if they do.
///
/// # Errors
/// What cannot be understood.
pub(crate) fn wish(
    options: &Datasets,
    output: Option<&Path>,
    per_file: bool,
    extension: &str,
) -> anyhow::Result<Option<Wish>> {
    if !options.are_asked_for() {
        return Ok(None);
    }
    let Some(root) = output.filter(|path| *path != Path::new("-")) else {
        bail!(
            "a dataset (--partition-by, --rows-per-file, --bytes-per-file, --sort-by) is a directory; name it with -o"
        )
    };
    let text = |text: &OsStr| text.to_string_lossy().into_owned();
    let partitioning = match &options.partition_by {
        Some(words) => {
            Partitioning::parse(&text(words)).map_err(|error| anyhow!("--partition-by: {error}"))?
        }
        None => Partitioning::default(),
    };
    let sort_by = match &options.sort_by {
        Some(columns) => plan::columns("--sort-by", columns)?,
        None => Vec::new(),
    };
    let settings = Settings {
        partitioning,
        sort_by,
        file_rows: number("--rows-per-file", options.rows_per_file.as_deref())?.unwrap_or(FILE_ROWS),
        file_bytes: number("--bytes-per-file", options.bytes_per_file.as_deref())?.unwrap_or(FILE_BYTES),
        stem: "part".to_owned(),
        extension: extension.to_owned(),
    };
    Ok(Some(Wish { root: root.to_owned(), settings, per_file }))
}

/// A number with one of the units of bytes, or none.
fn number(option: &str, text: Option<&OsStr>) -> anyhow::Result<Option<usize>> {
    let Some(text) = text else { return Ok(None) };
    let text = text.to_string_lossy();
    let word = text.trim();
    let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let unit = match word[digits..].trim() {
        "" | "B" => Some(1),
        "k" | "kB" => Some(1_000),
        "M" | "MB" => Some(1_000_000),
        "G" | "GB" => Some(1_000_000_000),
        "Ki" | "KiB" => Some(1 << 10),
        "Mi" | "MiB" => Some(1 << 20),
        "Gi" | "GiB" => Some(1 << 30),
        _ => None,
    };
    let number = word[..digits].parse().ok().zip(unit);
    match number.and_then(|(number, unit): (usize, usize)| number.checked_mul(unit)) {
        Some(number @ 1..) => Ok(Some(number)),
        _ => bail!("{option} '{word}': allowed is a number above 0, such as 1000000, 500k or 128MiB"),
    }
}

/// What columns files need beside those they have: for folders and order.
pub(crate) fn needs(wish: &Wish) -> dpp::transaction::Needs {
    let columns = wish.settings.partitioning.columns().chain(wish.settings.sort_by.iter().copied());
    columns.fold(dpp::transaction::Needs::NOTHING, |needs, column| needs | column.entry().needs)
}

impl Wish {
    /// What the dataset is made with: as text, which the manifest keeps.
    pub(crate) fn plan(&self, plan: &Plan, table: &Table) -> String {
        let Settings { partitioning, file_rows, file_bytes, sort_by, extension, .. } = &self.settings;
        let sorted: Vec<&str> = sort_by.iter().map(|column| column.entry().name).collect();
        let metadata = report::metadata_of(plan).into_iter().map(|(_, value)| value).collect::<String>();
        format!(
            "{metadata} {extension} {table:?} by {partitioning:?}, {file_rows} rows, {file_bytes} bytes, sorted by {sorted:?}, each input by itself: {}",
            self.per_file
        )
    }

    /// The same for a run on these inputs: files are called after the input, if each is by itself.
    pub(crate) fn settings_of(&self, inputs: &[Input]) -> Settings {
        let mut settings = self.settings.clone();
        if let ([input], true) = (inputs, self.per_file) {
            settings.stem = table_stem(input).to_string_lossy().into_owned();
        }
        settings
    }
}

/// What the manifest knows inputs by.
pub(crate) fn named(inputs: &[Input]) -> Vec<(String, Option<u64>)> {
    inputs.iter().map(|input| (input.path(), input.size())).collect()
}

/// Writes the files of a dataset in the table's format.
pub(crate) struct Files<'a> {
    pub(crate) table: &'a Table,
    pub(crate) plan: &'a Plan,
}

impl FileFormat for Files<'_> {
    fn write(&self, path: &Path, rows: &mut dyn Iterator<Item = Rows>, pool: &Pool) -> Result<(), FileError> {
        let output = Output::Path(path.to_owned());
        let out = Packed::new(output.open()?, self.table.packing)?;
        let filled = sinks::open(self.table, self.plan, out, Filling { rows, pool, plan: self.plan });
        filled?.finish()?.finish()?;
        Ok(())
    }
}

/// Fills a file's sink.
struct Filling<'a, 'b> {
    rows: &'a mut (dyn Iterator<Item = Rows> + 'b),
    pool: &'a Pool,
    plan: &'a Plan,
}

impl UseSink for Filling<'_, '_> {
    type Done = Out;

    fn with<S: TableSink<Out, Error: Error + Sync + 'static>>(self, sink: S) -> anyhow::Result<Out> {
        dataset::fill(sink, self.rows, self.pool, report::metadata_of(self.plan))
            .map_err(|error| anyhow!(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        for (text, expected) in [
            ("1000", Some(1000)),
            ("500k", Some(500_000)),
            ("128 MiB", Some(128 << 20)),
            ("0", None),
            ("1.5G", None),
            ("", None),
            ("-1", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(number("--rows-per-file", Some(text.as_ref())).ok().flatten(), expected, "{text}");
        }
    }
}
