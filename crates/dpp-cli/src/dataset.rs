//! `dpp extract ... --partition-by`: a directory of files instead of one table.
//!
//! [`checks`](crate::checks) makes a [`Wish`] of the options, [`run`](crate::run) fills the dataset; what a dataset is stands in
//! `dpp_sink::dataset`. A run that the manifest says is complete is not started again.

use crate::captures;
use crate::checks::Table;
use crate::flags::Datasets;
use crate::formats::{Format, packing_named};
use crate::inputs::Input;
use crate::lookups;
use crate::output::{Output, table_stem};
use crate::plan;
use crate::report;
use crate::sinks::{self, Out, UseSink};
use anyhow::{anyhow, bail};
use dpp::enrich::{Place, Template};
use dpp::filter::Filter;
use dpp::pipeline::{Pool, Rows};
use dpp::plan::Plan;
use dpp_sink::TableSink;
use dpp_sink::cdns::{Prefixes, SECTIONS, Settings as CdnsSettings};
pub(crate) use dpp_sink::dataset::Settings;
use dpp_sink::dataset::{self, FileError, FileFormat, InputEntry, Partitioning, RunEntry, digest};
use dpp_sink::packed::{Packed, Packing};
use serde_json::{Value, json};
use std::error::Error;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    format: Format,
) -> anyhow::Result<Option<Wish>> {
    if !options.are_asked_for() {
        return Ok(None);
    }
    let Some(root) = output.filter(|path| *path != Path::new("-")) else {
        bail!(
            "a dataset (--partition-by, --rows-per-file, --bytes-per-file, --sort-by) is a directory; name it with -o"
        )
    };
    check_name(root, format)?;
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
        extension: format.row().extensions[0].to_owned(),
        of_messages: !format.has_columns(),
    };
    Ok(Some(Wish { root: root.to_owned(), settings, per_file }))
}

/// Refuses a directory that is called like a file of another format than those in it.
fn check_name(root: &Path, format: Format) -> anyhow::Result<()> {
    let name = root.display();
    if let Some(word) = packing_named(root) {
        bail!("-o '{name}': a dataset is a directory, which is not packed; name it without .{word}")
    }
    match Format::of_path(root).0 {
        Some(told) if told != format => bail!(
            "-o '{name}': a dataset is a directory, here of {} files; add -f {}, or give it a name without extension",
            format.row().name,
            told.row().name
        ),
        _ => Ok(()),
    }
}

/// Refuses a condition that can stand neither in a manifest or part, beside what is hidden, nor be told by a fingerprint: nobody could
/// tell whether another run has the same.
///
/// # Errors
/// That, and what to do.
pub(crate) fn check_condition(condition: Option<&Filter>) -> anyhow::Result<()> {
    match condition {
        Some(condition) if !condition.names_nobody() => bail!(
            "--where: what this names must not be told beside what is hidden, and without a key no other run \
             could be seen to have the same condition; choose a scheme with a key (such as --hide-addresses cryptopan \
             --hide-key FILE), or a condition on numbers and words only"
        ),
        _ => Ok(()),
    }
}

/// A number with one of the units of bytes, or none.
pub(crate) fn number(option: &str, text: Option<&OsStr>) -> anyhow::Result<Option<usize>> {
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
    /// What the dataset is made with, for the manifest: everything that another run must have the same. Plain facts, so that
    /// another version can read them; which version wrote a run stands with the run.
    pub(crate) fn plan(&self, plan: &Plan, table: &Table) -> Value {
        // What files are called, and what they hold, is told by the format.
        let Settings { partitioning, file_rows, file_bytes, sort_by, stem: _, extension: _, of_messages: _ } =
            &self.settings;
        let sorted: Vec<&str> = sort_by.iter().map(|column| column.entry().name).collect();
        json!({
            "rows": report::facts(plan),
            "table": facts(table),
            "files": {
                "partition_by": partitioning.to_string(),
                "rows_per_file": file_rows,
                "bytes_per_file": file_bytes,
                "sort_by": sorted,
                "per_file": self.per_file,
            },
        })
    }

    /// The run that reads these inputs. Its files are called after the input, if each is by itself.
    pub(crate) fn run(&self, plan: &Value, inputs: &[Input], template: Option<&Template>) -> RunEntry {
        let prefix = match (inputs, self.per_file) {
            ([input], true) => table_stem(input).to_string_lossy().into_owned(),
            _ => "part".to_owned(),
        };
        let entries = inputs.iter().map(|input| entry(input, template)).collect();
        RunEntry::new(&prefix, concat!("dpp ", env!("CARGO_PKG_VERSION")), plan, entries)
    }

    /// How the files of a run are made.
    pub(crate) fn settings_of(&self, run: &RunEntry) -> Settings {
        Settings { stem: run.stem().to_owned(), ..self.settings.clone() }
    }
}

/// How a table is written.
fn facts(table: &Table) -> Value {
    let Table { format, packing, zstd, v2, page_index, bloom, cdns } = table;
    let packing = packing.map(|packing| match packing {
        Packing::Gzip => "gzip",
        Packing::Zstd => "zstd",
    });
    json!({
        "format": format.row().name,
        "packing": packing,
        "zstd": zstd,
        "v2": v2,
        "page_index": page_index,
        "bloom": bloom,
        "cdns": (*format == Format::Cdns).then(|| facts_of_cdns(cdns)),
    })
}

fn facts_of_cdns(cdns: &CdnsSettings) -> Value {
    let CdnsSettings {
        sections,
        excluded,
        prefixes: Prefixes { client_v4, client_v6, server_v4, server_v6 },
        block_items,
        ticks_per_second,
        opcodes,
        rr_types,
        // That is the program with its version, which is told of each run.
        generator: _,
    } = cdns;
    json!({
        "sections": SECTIONS.iter().find(|row| row.0 == *sections).map(|row| row.1),
        "excluded": excluded.iter().map(|field| field.name).collect::<Vec<_>>(),
        "prefix_bits": [client_v4, client_v6, server_v4, server_v6],
        "block_items": block_items,
        "ticks_per_second": ticks_per_second,
        "opcodes": opcodes,
        "rr_types": rr_types,
    })
}

/// So many bytes of an input's beginning, and of its end, tell what it is: the first packets with their times, and the last.
const ENDS: u64 = 64 << 10;

/// Digits of their digest.
const ENDS_DIGITS: usize = 32;

/// Headers alone are no longer than this, whatever a pcapng tells of its machine and interface; with more, nobody looks whether
/// there is a packet.
const EMPTY_MAX: u64 = 4 << 10;

/// What the manifest knows an input by.
fn entry(input: &Input, template: Option<&Template>) -> InputEntry {
    let file = match input {
        Input::Stdin | Input::Live(_) => None,
        Input::Path(path) => input.size().map(|bytes| (path, bytes)),
    };
    let place = template.and_then(|template| lookups::place(template, input));
    // What cannot be read is told when it is opened.
    let (head, ends) = file.and_then(|(path, bytes)| ends(path, bytes).ok()).unzip();
    InputEntry {
        name: input.path(),
        bytes: file.map(|file| file.1),
        head: head.flatten(),
        ends,
        is_empty: file.is_some_and(|(path, bytes)| bytes <= EMPTY_MAX && captures::is_empty(path)),
        said: place.map(|Place { server, site }| json!([server, site]).to_string()),
    }
}

/// Digests of the beginning, if it is long enough to tell captures apart, and of both ends. Many captures have nothing but the same
/// header.
fn ends(path: &Path, bytes: u64) -> io::Result<(Option<String>, String)> {
    let (mut file, mut ends) = (File::open(path)?, Vec::new());
    (&mut file).take(ENDS).read_to_end(&mut ends)?;
    let head = (ends.len() as u64 == ENDS).then(|| digest(&ends, ENDS_DIGITS));
    file.seek(SeekFrom::Start(bytes.saturating_sub(ENDS)))?;
    file.take(ENDS).read_to_end(&mut ends)?;
    Ok((head, digest(&ends, ENDS_DIGITS)))
}

/// Writes the files of a dataset in the table's format.
pub(crate) struct Files<'a> {
    pub(crate) table: &'a Table,
    pub(crate) plan: &'a Plan,
}

impl FileFormat for Files<'_> {
    fn write(&self, path: &Path, rows: &mut dyn Iterator<Item = Rows>, pool: &Pool) -> Result<(), FileError> {
        let output = Output::Path(path.to_owned());
        let out = Packed::new(output.open(&Arc::default())?, self.table.packing)?;
        let filled = sinks::open(self.table, self.plan, out, Filling { rows, pool, plan: self.plan });
        filled?.finish()?.finish()?;
        Ok(())
    }
}

/// Fills a file's sink.
pub(crate) struct Filling<'a, 'b> {
    pub(crate) rows: &'a mut (dyn Iterator<Item = Rows> + 'b),
    pub(crate) pool: &'a Pool,
    pub(crate) plan: &'a Plan,
}

impl UseSink for Filling<'_, '_> {
    type Done = Out;

    fn with<S: TableSink<Out, Error: Error + Sync + 'static>>(self, sink: S) -> anyhow::Result<Out> {
        dataset::fill(sink, self.rows, self.pool, report::metadata_of(self.plan))
            .map_err(|error| anyhow!(error))
    }
}

#[cfg(test)]
mod tests;
