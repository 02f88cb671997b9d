//! The options of `dpp stats` and its steps, and of `dpp report`, which adds up alike.

use super::parts::{Adding, Numbered, Sites, Written};
use super::reading::{Counting, Selection, Timeout};
use super::table::{Hiding, Lookups};
use super::values::path;
use crate::stats::tables::keys;
use clap::{Args, Subcommand};
use dpp::findings::DEFINITIONS;
use std::path::PathBuf;

/// What is in captures: all at once, or step by step.
#[derive(Debug, Args)]
#[command(
    override_usage = "dpp stats INPUT... [OPTIONS]\n       \
        dpp stats map INPUT... -o PART\n       \
        dpp stats merge PART... -o PART\n       \
        dpp stats report PART...",
    after_help = STATS_EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Stats {
    #[command(subcommand)]
    pub(crate) step: Option<StatsStep>,
    #[command(flatten)]
    pub(crate) summing: Summing,
    #[command(flatten)]
    pub(crate) showing: Showing,
    #[command(flatten)]
    pub(crate) tables: Tables,
    #[command(flatten)]
    pub(crate) looking: Looking,
}

const STATS_EXAMPLES: &str = "\
Examples:
  dpp stats captures/                                   one screen
  dpp stats captures/ --by minute,server -o servers.csv
  dpp stats map capture.pcap.zst --site ams -o ams.tally
  dpp stats merge ams.tally lon.tally -o both.tally
  dpp stats report both.tally --json
  dpp report both.tally -o both.html";

/// Steps of statistics that stand by themselves. A capture that is called like one is given as `./map`.
#[derive(Debug, Subcommand)]
pub(crate) enum StatsStep {
    /// Add captures up to a part
    Map(Box<StatsMap>),
    /// Add parts up to one: of other captures, sites, days
    Merge(StatsMerge),
    /// What is in parts, on one screen
    Report(StatsReport),
}

/// Adding captures up to a part.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "dpp stats map [OPTIONS] INPUT... -o PART", max_term_width = 100)]
pub(crate) struct StatsMap {
    #[command(flatten)]
    pub(crate) summing: Summing,

    #[command(flatten)]
    pub(crate) wanted: Wanted,

    #[command(flatten)]
    pub(crate) looking: Looking,

    #[command(flatten)]
    pub(crate) numbered: Numbered,

    #[command(flatten)]
    pub(crate) written: Written,
}

/// Adding parts up.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "dpp stats merge [OPTIONS] PART... -o PART", max_term_width = 100)]
pub(crate) struct StatsMerge {
    #[command(flatten)]
    pub(crate) adding: Adding,

    #[command(flatten)]
    pub(crate) written: Written,
}

/// What is in parts.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "dpp stats report [OPTIONS] PART...", max_term_width = 100)]
pub(crate) struct StatsReport {
    #[command(flatten)]
    pub(crate) adding: Adding,

    #[command(flatten)]
    pub(crate) sites: Sites,

    #[command(flatten)]
    pub(crate) showing: Showing,

    #[command(flatten)]
    pub(crate) tables: Tables,
}

/// How figures are shown.
#[derive(Clone, Debug, Args)]
pub(crate) struct Showing {
    /// All figures as one JSON object
    #[arg(long, conflicts_with_all = ["by", "table"])]
    pub(crate) json: bool,

    /// Rows of what there is most of; else 8 on the screen, 100 in JSON, and all in a table of figures
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,
}

/// Figures of groups of transactions, as tables: which.
#[derive(Clone, Debug, Args)]
pub(crate) struct Wanted {
    #[arg(long, help = by_help(), value_name = "KEY,...", help_heading = "Tables of figures")]
    pub(crate) by: Vec<String>,

    #[arg(long, help = table_help(), value_name = "TABLE[:KEY,...]", help_heading = "Tables of figures")]
    pub(crate) table: Vec<String>,
}

/// What keys of tables of figures are looked up in.
#[derive(Clone, Debug, Args)]
pub(crate) struct Looking {
    /// A database in MaxMind's format, for tables by country, asn, as_org (of the client), dst_country, dst_asn or dst_as_org
    #[arg(long, value_name = "FILE", help_heading = "Tables of figures", value_parser = path())]
    pub(crate) geoip: Vec<PathBuf>,

    /// A table of servers, for tables by site: a line is an address or prefix, a server and a site
    #[arg(long, value_name = "FILE", help_heading = "Tables of figures", value_parser = path())]
    pub(crate) servers: Option<PathBuf>,
}

/// Tables of figures, and how they are written.
#[derive(Clone, Debug, Args)]
pub(crate) struct Tables {
    #[command(flatten)]
    pub(crate) wanted: Wanted,

    /// Only rows with at least so much, instead of what the table says: queries=100
    #[arg(long, value_name = "COLUMN=NUMBER", help_heading = "Tables of figures")]
    pub(crate) least: Vec<String>,

    /// The table, else CSV on standard output: .csv, .tsv, .jsonl, .parquet, text also with .gz or .zst. Of several tables the names of
    /// all: {table}.csv
    #[arg(short, long, value_name = "FILE", help_heading = "Tables of figures", value_parser = path())]
    pub(crate) output: Option<PathBuf>,
}

/// The help of `--by`.
fn by_help() -> String {
    let keys = keys().collect::<Vec<_>>().join(", ");
    format!("A table of figures by {keys}, or any column; by several at once: minute,server")
}

/// The help of `--table`.
fn table_help() -> String {
    let tables = DEFINITIONS.iter().map(|definition| definition.name).collect::<Vec<_>>().join(", ");
    format!(
        "Which figures, of which rows: {tables}; else the first of these. By what, behind a colon or with --by. May be given several times"
    )
}

/// What is in captures, as a page.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "dpp report [OPTIONS] INPUT... -o PAGE", max_term_width = 100)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) summing: Summing,

    /// The page, one HTML file; - is standard output
    #[arg(short, long, value_name = "PAGE", value_parser = path(), default_value = "report.html")]
    pub(crate) output: PathBuf,

    /// What the page is called; else by its captures
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,

    #[command(flatten)]
    pub(crate) sites: Sites,
}

/// How what is in captures is added up.
#[derive(Clone, Debug, Args)]
pub(crate) struct Summing {
    #[command(flatten)]
    pub(crate) counting: Counting,

    /// Count all clients, names and so on one by one, however many there are. Takes memory for each
    #[arg(long)]
    pub(crate) exact: bool,

    #[command(flatten)]
    pub(crate) selection: Selection,

    /// A list of public suffixes instead of the one that is built in
    #[arg(long, env = "DPP_PSL", hide_env = true, value_name = "FILE", value_parser = path())]
    pub(crate) psl: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) timeout: Timeout,

    #[command(flatten)]
    pub(crate) hiding: Hiding,
}

impl Summing {
    pub(crate) fn lookups(&self) -> Lookups {
        Lookups { geoip: Vec::new(), psl: self.psl.clone(), servers: None, server_template: None }
    }
}
