//! The options of `dpp rssac` and its steps.

use super::parts::{Adding, Numbered, Sites, Written};
use super::reading::Counting;
use super::values::path;
use clap::{Args, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// RSSAC002: all at once, or step by step.
#[derive(Debug, Args)]
#[command(
    override_usage = "dpp rssac INPUT... --server ADDRESS --service NAME -o DIRECTORY [OPTIONS]\n       \
        dpp rssac map INPUT... --server ADDRESS -o PART\n       \
        dpp rssac merge PART... -o PART\n       \
        dpp rssac report PART... --service NAME -o DIRECTORY",
    after_help = RSSAC_EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Rssac {
    #[command(subcommand)]
    pub(crate) step: Option<RssacStep>,
    #[command(flatten)]
    pub(crate) count: RssacCount,
    #[command(flatten)]
    pub(crate) publish: RssacPublish,
}

const RSSAC_EXAMPLES: &str = "\
Examples:
  dpp rssac captures/ --server all --service ns1.example -o yaml/
  dpp rssac map capture.pcap.zst --server 192.0.2.53 --site ams --seq 17 -o ams-0017.tally
  dpp rssac merge ams-*.tally lon-*.tally -o day.tally
  dpp rssac report day.tally --service ns1.example -o yaml/";

/// Steps of RSSAC002 that stand by themselves. A capture that is called like one is given as `./map`.
#[derive(Debug, Subcommand)]
pub(crate) enum RssacStep {
    /// Count the messages of captures into a part
    Map(Box<RssacMap>),
    /// Add parts up to one: of other captures, sites, days
    Merge(RssacMerge),
    /// Write the files that are published
    Report(RssacReport),
}

/// Counting messages.
#[derive(Clone, Debug, Args)]
pub(crate) struct RssacCount {
    #[command(flatten)]
    pub(crate) counting: Counting,

    /// Addresses of the server: ADDRESS, ADDRESS/BITS, a name from the table of --servers, or all. May be repeated
    #[arg(long, value_name = "SERVER,...", help_heading = "Counting", value_delimiter = ',')]
    pub(crate) server: Vec<OsString>,

    /// A table of servers: a line is an address or prefix, a server and a site
    #[arg(long, env = "DPP_SERVERS", hide_env = true, value_name = "FILE", help_heading = "Counting")]
    #[arg(value_parser = path())]
    pub(crate) servers: Option<PathBuf>,

    /// Count the labels of the names that are asked for, too
    #[arg(long, help_heading = "Counting")]
    pub(crate) labels: bool,

    /// Count sources by sketches (HyperLogLog) instead of exactly: small parts, with a standard error of 0.8 %
    #[arg(long, help_heading = "Counting")]
    pub(crate) sketch: bool,
}

/// Counting into a part.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "dpp rssac map [OPTIONS] INPUT... --server ADDRESS -o PART", max_term_width = 100)]
pub(crate) struct RssacMap {
    #[command(flatten)]
    pub(crate) count: RssacCount,

    #[command(flatten)]
    pub(crate) numbered: Numbered,

    #[command(flatten)]
    pub(crate) written: Written,
}

/// Adding parts up.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "dpp rssac merge [OPTIONS] PART... -o PART", max_term_width = 100)]
pub(crate) struct RssacMerge {
    #[command(flatten)]
    pub(crate) adding: Adding,

    #[command(flatten)]
    pub(crate) written: Written,

    /// Only this day (UTC): 2024-06-01. A part that has nothing of it is refused
    #[arg(long, value_name = "DATE")]
    pub(crate) day: Option<OsString>,
}

/// Writing what is published.
#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "dpp rssac report [OPTIONS] PART... --service NAME -o DIRECTORY",
    max_term_width = 100
)]
pub(crate) struct RssacReport {
    #[command(flatten)]
    pub(crate) adding: Adding,

    #[command(flatten)]
    pub(crate) publish: RssacPublish,

    #[command(flatten)]
    pub(crate) sites: Sites,
}

/// What is published, and where.
#[derive(Clone, Debug, Args)]
pub(crate) struct RssacPublish {
    /// The directory of the files, else all on standard output
    #[arg(short = 'o', long = "output", value_name = "DIRECTORY", value_parser = path())]
    pub(crate) directory: Option<PathBuf>,

    /// The service's name: b.root-servers.net
    #[arg(long, value_name = "NAME", help_heading = "Publishing")]
    pub(crate) service: Option<OsString>,

    /// The version of RSSAC002
    #[arg(long, value_name = "VERSION", help_heading = "Publishing", default_value = "v5")]
    pub(crate) rssac_version: RssacVersion,

    /// Only this day (UTC): 2024-06-01
    #[arg(long, value_name = "DATE", help_heading = "Publishing")]
    pub(crate) day: Option<OsString>,

    /// A log of zone serials, for load times and zone sizes
    #[arg(long, value_name = "FILE", help_heading = "Publishing", value_parser = path())]
    pub(crate) zone_log: Option<PathBuf>,

    /// Write sketches of sources beside the files, which Apache DataSketches reads and merges: ...-ipv4.hll
    #[arg(long, help_heading = "Publishing")]
    pub(crate) hll: bool,
}

/// Versions of RSSAC002.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RssacVersion {
    #[value(alias = "2")]
    V2,
    #[value(alias = "3")]
    V3,
    #[value(alias = "4")]
    V4,
    #[value(alias = "5")]
    V5,
}

impl RssacVersion {
    /// As files call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            RssacVersion::V2 => "rssac002v2",
            RssacVersion::V3 => "rssac002v3",
            RssacVersion::V4 => "rssac002v4",
            RssacVersion::V5 => "rssac002v5",
        }
    }
}
