//! The options of `dpp extract`, and of datasets.

use super::beside::{Beside, PartsSite};
use super::reading::Many;
use super::table::Options;
use super::values::{Truth, path};
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// A run on many captures.
#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "dpp extract [OPTIONS] INPUT... -o OUTPUT",
    after_help = EXTRACT_EXAMPLES,
    max_term_width = 100
)]
pub(crate) struct Extract {
    /// Captures, directories of captures, patterns in quotes ('*.pcap.gz'), @FILE (a list of paths, one on a
    /// line; @- reads it from standard input), or - for a capture on standard input
    #[arg(value_name = "INPUT", env = "DPP_FILENAME", hide_env = true)]
    #[arg(value_parser = path())]
    pub(crate) inputs: Vec<PathBuf>,

    /// The table, else dns_output.csv or .parquet; - is CSV on standard output; with --per-file a directory
    #[arg(short, long, env = "DPP_OUTPUT_FILENAME", hide_env = true)]
    #[arg(value_parser = path())]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) many: Many,

    #[command(flatten)]
    pub(crate) datasets: Datasets,

    /// A table for each capture, in the directory OUTPUT, with nothing matched across captures
    #[arg(long, env = "DPP_PER_FILE", hide_env = true, help_heading = "Inputs", value_parser = Truth)]
    pub(crate) per_file: bool,

    #[command(flatten)]
    pub(crate) beside: Beside,

    #[command(flatten)]
    pub(crate) parts: PartsSite,

    #[command(flatten)]
    pub(crate) options: Options,
}

const EXTRACT_EXAMPLES: &str = "\
Examples:
  dpp extract captures/ -o queries.parquet              all captures of a directory, by name
  dpp extract 'eth0-*.pcap.gz' --order time -o q.csv    by the time of their first packets
  dpp extract in.pcap out.pcap --merge -o q.csv         both directions of a link
  dpp extract captures/ --per-file -o tables/           a table for each
  find . -name '*.pcap' | dpp extract @- -o q.csv       a list of paths";

/// A directory of files instead of one table.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Datasets {
    /// A folder for each value of these: year, month, day, hour (of the query, UTC) or columns; OUTPUT is a directory
    #[arg(
        long,
        env = "DPP_PARTITION_BY",
        hide_env = true,
        help_heading = "Dataset",
        value_name = "PART,..."
    )]
    pub(crate) partition_by: Option<OsString>,

    /// The most rows of a file, else 1048576
    #[arg(long, env = "DPP_ROWS_PER_FILE", hide_env = true, help_heading = "Dataset", value_name = "N")]
    pub(crate) rows_per_file: Option<OsString>,

    /// The most bytes of a file's rows before they are encoded, else 256MiB
    #[arg(long, env = "DPP_BYTES_PER_FILE", hide_env = true, help_heading = "Dataset", value_name = "SIZE")]
    pub(crate) bytes_per_file: Option<OsString>,

    /// What the rows of a file are sorted by, else as the queries came
    #[arg(long, env = "DPP_SORT_BY", hide_env = true, help_heading = "Dataset", value_name = "COLUMN,...")]
    pub(crate) sort_by: Option<OsString>,
}

impl Datasets {
    /// Whether the output is a dataset.
    pub(crate) fn are_asked_for(&self) -> bool {
        let Datasets { partition_by, rows_per_file, bytes_per_file, sort_by } = self;
        [partition_by, rows_per_file, bytes_per_file, sort_by].iter().any(|option| option.is_some())
    }
}
