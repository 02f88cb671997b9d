//! What is refused, and in which order; before anything is opened for writing.
//!
//! [`check`] turns what the user said into a [`Job`] that can be run. The surprising fact: most of this is
//! about not destroying the capture. An output that is the input under any name (a path, a hard link, a
//! symbolic link, the file behind a redirection, even the `.part` of the output) is refused. `main` calls it;
//! `run` does the job.

use crate::flags::{Format, Options, ReportFormat, Setting, Zstd};
use crate::output::Output;
use anyhow::{Context, bail};
use dpp::pipeline::WORKERS_MAX;
use dpp::plan::Plan;
use dpp::privacy::Pseudonyms;
use dpp_sink::part_file::{end_of_links, part_path};
use dpp_source::{Identity, SourceError};
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// A run that nothing speaks against.
pub(crate) struct Job {
    pub(crate) input: Input,
    pub(crate) output: Output,
    pub(crate) table: Table,
    pub(crate) voice: Voice,
    pub(crate) plan: Plan,
    pub(crate) workers: NonZeroUsize,
    pub(crate) cpus: NonZeroUsize,
    /// What the user said, for the report.
    pub(crate) options: Options,
}

/// Where the capture comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Stdin,
    Path(PathBuf),
}

/// The file format of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Csv,
    Parquet {
        /// Level of zstd; without it Snappy.
        zstd: Option<i32>,
        /// Format version 2.
        v2: bool,
    },
}

/// What is told of the run, beside errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    Silent,
    /// Text on standard error, and a progress bar if that is a terminal.
    Text,
    /// One line on standard output.
    Json,
}

/// Judges the options.
///
/// # Errors
/// The first thing that is wrong, and what to do about it.
pub(crate) fn check(options: Options) -> anyhow::Result<Job> {
    let input = check_input(options.input.as_deref())?;
    let pseudonyms = options.anonymize.as_deref().map(read_key).transpose()?;
    let format = understood(options.format.clone(), "DPP_FORMAT", "csv, parquet or pq")?;
    let report = understood(Some(options.report_format.clone()), "DPP_REPORT_FORMAT", "text or json")?;
    let match_timeout_ns = check_timeout(&options.match_timeout_ms)?;
    understood(options.bonded.clone(), "DPP_BONDED", "a number")?;
    let threads = understood(options.threads.clone(), "DPP_THREADS", "a number from 1 to 256")?;
    let format = format.unwrap_or_else(|| format_of(options.output.as_deref()));
    let output = check_output(options.output.as_deref(), format)?;
    check_overlap(&input, &output, options.anonymize.as_deref())?;
    check_stdout(&output, format, report)?;
    let table = check_table(format, &options)?;
    let cpus = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let workers = threads.and_then(|threads| NonZeroUsize::new(threads.into()));
    Ok(Job {
        voice: voice(&options, &output, report),
        plan: Plan { match_timeout_ns, pseudonyms, monotonic: options.monotonic_capture, ..Plan::default() },
        workers: workers.unwrap_or(cpus).min(NonZeroUsize::new(WORKERS_MAX).expect("there may be workers")),
        cpus,
        input,
        output,
        table,
        options,
    })
}

/// What cannot be a capture; opening it for good comes later, since a FIFO may have to be waited for.
fn check_input(path: Option<&Path>) -> anyhow::Result<Input> {
    let Some(path) = path else {
        bail!("Input filename is required: name a capture, or - for standard input (dpp --help tells more)")
    };
    if path == Path::new("-") {
        if io::stdin().is_terminal() {
            return Err(SourceError::Terminal { name: "standard input".into() }.into());
        }
        return Ok(Input::Stdin);
    }
    let name = format!("'{}'", path.display());
    match fs::metadata(path) {
        Ok(known) if known.is_dir() => Err(SourceError::Directory { name }.into()),
        Ok(_) => Ok(Input::Path(path.to_owned())),
        Err(error) => Err(SourceError::from_open(name, error).into()),
    }
}

/// A key file is a plain file, so that reading it can neither wait nor end somewhere else the next time.
fn read_key(path: &Path) -> anyhow::Result<Pseudonyms> {
    let name = path.display();
    let known = fs::metadata(path)
        .with_context(|| format!("--anonymize: cannot open the key file '{name}'; check the path"))?;
    if !known.is_file() {
        bail!("--anonymize: the key file '{name}' is not a regular file; write the passphrase into one");
    }
    let content = fs::read(path)
        .with_context(|| format!("--anonymize: cannot read the key file '{name}'; check its permissions"))?;
    match Pseudonyms::from_key_file(&content) {
        Ok(pseudonyms) => Ok(pseudonyms),
        Err(error) => bail!("--anonymize: the key file '{name}' {error}; it must hold a passphrase as text"),
    }
}

/// The value of an option, if its variable can be understood.
fn understood<T>(setting: Option<Setting<T>>, variable: &str, allowed: &str) -> anyhow::Result<Option<T>> {
    match setting.transpose() {
        Ok(value) => Ok(value),
        Err(text) => bail!("{variable} is '{text}'; allowed is {allowed}"),
    }
}

/// T in ns.
fn check_timeout(text: &OsStr) -> anyhow::Result<i64> {
    match text.to_str().and_then(|text| text.trim().parse::<i64>().ok()) {
        Some(ms @ 1..=5000) => Ok(ms * 1_000_000),
        _ => bail!("--match-timeout-ms {}: allowed are 1 to 5000 milliseconds", text.display()),
    }
}

/// The format that the output's extension tells.
fn format_of(output: Option<&Path>) -> Format {
    let extension = output.and_then(Path::extension).unwrap_or_default();
    let is = |name| extension.eq_ignore_ascii_case(name);
    if is("parquet") || is("pq") { Format::Parquet } else { Format::Csv }
}

fn check_output(path: Option<&Path>, format: Format) -> anyhow::Result<Output> {
    let path = path.unwrap_or(Path::new(match format {
        Format::Csv => "dns_output.csv",
        Format::Parquet => "dns_output.parquet",
    }));
    if path == Path::new("-") {
        return Ok(Output::Stdout);
    }
    if path == Path::new("") {
        bail!("the output has an empty name; name a file, or leave it out for a default one")
    }
    let path = follow(path)?;
    match fs::metadata(&path) {
        Ok(known) if known.is_dir() => {
            bail!("the output '{}' is a directory; name a file in it", path.display())
        }
        _ => Ok(Output::Path(path)),
    }
}

/// The output's own path. A symbolic link to a file is refused, for it is not clear which of the two is to be
/// replaced; one that points to nothing yet is followed.
fn follow(path: &Path) -> anyhow::Result<PathBuf> {
    if path.is_symlink() && fs::metadata(path).is_ok_and(|known| known.is_file()) {
        let target = fs::canonicalize(path).unwrap_or_default();
        bail!(
            "the output '{}' is a symbolic link; name the file it points to, '{}', or remove the link",
            path.display(),
            target.display()
        );
    }
    let Ok(end) = end_of_links(path) else {
        bail!("the output '{}' is a symbolic link that leads in circles; remove it", path.display())
    };
    Ok(end)
}

/// Refuses an output that would destroy the capture or the key.
fn check_overlap(input: &Input, output: &Output, key: Option<&Path>) -> anyhow::Result<()> {
    let input_file = match input {
        Input::Stdin => regular(of_descriptor(io::stdin())),
        Input::Path(path) => identity(path),
    };
    let key_file = key.and_then(identity);
    for (name, file) in output_files(output) {
        if file == input_file {
            bail!("the output '{name}' and the input are the same file; choose another output");
        }
        if file == key_file {
            bail!("the output '{name}' and the key file are the same file; choose another output");
        }
    }
    Ok(())
}

/// The existing files that this output would write to.
fn output_files(output: &Output) -> Vec<(String, Option<Identity>)> {
    let files = match output {
        Output::Stdout => vec![("-".to_owned(), regular(of_descriptor(io::stdout())))],
        Output::Path(path) => [path.clone(), part_path(path)]
            .iter()
            .map(|path| (path.display().to_string(), identity(path)))
            .collect(),
    };
    files.into_iter().filter(|(_, file)| file.is_some()).collect()
}

fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().as_ref().map(Identity::from)
}

fn of_descriptor(descriptor: impl AsFd) -> io::Result<Metadata> {
    File::from(descriptor.as_fd().try_clone_to_owned()?).metadata()
}

/// Only files are destroyed by being written to; a terminal or a socket may well be both ends.
fn regular(known: io::Result<Metadata>) -> Option<Identity> {
    known.ok().filter(Metadata::is_file).as_ref().map(Identity::from)
}

fn check_stdout(output: &Output, format: Format, report: Option<ReportFormat>) -> anyhow::Result<()> {
    match (output, format, report) {
        (Output::Stdout, Format::Parquet, _) => {
            bail!("Parquet cannot be written to standard output; name an output file, or use -f csv")
        }
        (Output::Stdout, _, Some(ReportFormat::Json)) => {
            bail!("standard output cannot carry rows and the JSON report; name an output file")
        }
        _ => Ok(()),
    }
}

fn check_table(format: Format, options: &Options) -> anyhow::Result<Table> {
    let zstd = match options.zstd {
        Some(Zstd::Level(level)) => Some(level),
        Some(Zstd::Off) | None => None,
    };
    let v2 = options.v2;
    match format {
        Format::Parquet => Ok(Table::Parquet { zstd, v2 }),
        Format::Csv if zstd.is_some() => {
            bail!("--zstd is for Parquet; add -f parquet, or compress the CSV: dpp IN - | zstd > OUT.zst")
        }
        Format::Csv if v2 => bail!("--v2 is a version of Parquet; add -f parquet"),
        Format::Csv => Ok(Table::Csv),
    }
}

fn voice(options: &Options, output: &Output, report: Option<ReportFormat>) -> Voice {
    match report {
        Some(ReportFormat::Json) => Voice::Json,
        _ if options.silent || *output == Output::Stdout => Voice::Silent,
        _ => Voice::Text,
    }
}
