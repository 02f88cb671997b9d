//! THE flag table: every option, its variable, its default and its sentence.
//!
//! Help, completions and the man page are made from here. The surprising fact: a variable that cannot be
//! understood is no usage error (exit code 2) but an ordinary one (1), told by [`checks`](crate::checks) in
//! its turn; so what may come from a variable is a [`Setting`]. **To add an option, add a field.** `main`
//! parses; `checks` judges.

mod top;

use crate::formats::Format;
use crate::generate::{Amount, Request};
#[cfg(debug_assertions)]
use crate::service::{http::Address, log::Level};
use clap::builder::{
    EnumValueParser, OsStringValueParser, PossibleValue, RangedI64ValueParser, RangedU64ValueParser,
    TypedValueParser,
};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgGroup, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use dpp::packet::FIRST_MAX;
use dpp::pipeline::WORKERS_MAX;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
pub(crate) use top::Top;

/// What the user asks for. Ends the process where that is not to be understood, and after `--help`.
pub(crate) fn parse() -> CommandLine {
    CommandLine::try_parse().unwrap_or_else(|error| in_our_words(error).exit())
}

/// The command line with the options of a file among it, behind the name of the command.
pub(crate) fn parse_with(more: &[OsString]) -> Result<CommandLine, clap::Error> {
    let mut words = std::env::args_os();
    let first = words.by_ref().take(2).collect::<Vec<_>>();
    CommandLine::try_parse_from(first.into_iter().chain(more.iter().cloned()).chain(words))
}

/// All options of a command, as clap knows them, and where each comes from on this command line.
pub(crate) fn known(name: &str) -> (clap::Command, Option<clap::ArgMatches>) {
    let mut command = CommandLine::command();
    let matches = command.clone().try_get_matches_from(std::env::args_os()).ok();
    command.build();
    let own = command.find_subcommand(name).cloned().unwrap_or(command);
    let of_own = matches.and_then(|matches| Some(matches.subcommand_matches(name)?.clone()));
    (own, of_own)
}

/// Clap takes an argument too many for a subcommand that may not stand there. Nobody means that.
fn in_our_words(error: clap::Error) -> clap::Error {
    let (ErrorKind::ArgumentConflict, Some(ContextValue::String(argument))) =
        (error.kind(), error.get(ContextKind::InvalidSubcommand))
    else {
        return error;
    };
    let mut message = if CommandLine::command().find_subcommand(argument).is_some() {
        format!("'{argument}' is a command, which stands first and has its options behind it")
    } else {
        format!(
            "'{argument}' is one argument too many: there is one INPUT and one OUTPUT \
             (for more captures: dpp extract INPUT... -o OUTPUT)"
        )
    };
    if argument.parse::<u8>().is_ok() && std::env::args().any(|flag| is_zstd(&flag)) {
        message =
            format!("'{argument}' is one argument too many; a level of zstd is given as --zstd={argument}");
    }
    CommandLine::command().error(ErrorKind::TooManyValues, message)
}

/// Whether this is `--zstd`, or a group of short options with `-z` last; without a level.
fn is_zstd(flag: &str) -> bool {
    flag == "--zstd" || (flag.starts_with('-') && !flag.starts_with("--") && flag.ends_with('z'))
}

/// What may be asked of the program.
#[derive(Debug, Parser)]
#[command(
    name = "dpp",
    version,
    about = "DNS captures to tables: one row per DNS query, paired with its response.",
    override_usage = "dpp [OPTIONS] INPUT [OUTPUT]\n       dpp extract INPUT... -o OUTPUT\n       \
        dpp live [CONFIG]\n       dpp check | explain | stats | report | top | rssac | generate | completions | man",
    after_help = EXAMPLES,
    after_long_help = AFTER_LONG_HELP,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: Single,
}

macro_rules! examples {
    () => {
        "\
Examples:
  dpp capture.pcap queries.parquet            a table for DuckDB, Polars, Spark
  dpp capture.pcap.zst - | head               rows as CSV on standard output
  dpp extract captures/ -o queries.parquet    a directory of files as one capture
  dpp afpacket:eth0 queries.csv               rows of live traffic, until Ctrl-C"
    };
}

const EXAMPLES: &str = examples!();

const AFTER_LONG_HELP: &str = concat!(
    examples!(),
    "

Exit codes:
  0  done; also after Ctrl-C, and when the reader of standard output has gone
  1  an error; where rows were written all the same, the message says so
  2  the command line was not understood

Environment:
  Every option has a variable: DPP_ and its name, such as DPP_MATCH_TIMEOUT_MS. INPUT is
  DPP_FILENAME, OUTPUT is DPP_OUTPUT_FILENAME. The command line goes before the environment. A
  switch is on if its variable is true, y, yes, enabled, on or 1, in any case; what the
  environment switches on, the command line cannot switch off."
);

/// The subcommands. A capture that is called like one is given as `./generate`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Many captures: as one, merged by time, or each for itself
    Extract(Box<Extract>),
    /// Live sources, for months: interfaces and dnstap into files that follow each other
    Live(Box<Live>),
    /// Tell what `dpp live` would do with a configuration, and what stands against it
    #[command(override_usage = CHECK_USAGE, after_help = CHECK_EXAMPLES)]
    Check(Box<Live>),
    /// Tell what became of packets, and why
    Explain(Explain),
    /// What is in captures, on one screen
    Stats(Box<Stats>),
    /// The same as a page to look at, which needs no network
    Report(Box<Report>),
    /// What comes now, on a terminal: live sources, or captures at their own speed
    Top(Box<Top>),
    /// Count what operators of root servers publish each day (RSSAC002), in parts that add up
    Rssac(Box<Rssac>),
    /// Write a synthetic DNS capture
    Generate(Generate),
    /// Run as a service on made-up traffic, as tests do
    #[cfg(debug_assertions)]
    #[command(hide = true)]
    Drill(Drill),
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man {
        /// Of this command, instead of all
        command: Option<String>,
    },
}

/// What came from the command line or from a variable; `Err` holds the text of a variable that is not
/// understood.
pub(crate) type Setting<T> = Result<T, String>;

/// A service on made-up traffic. Its options are the tests'.
#[cfg(debug_assertions)]
#[derive(Clone, Debug, Args)]
pub(crate) struct Drill {
    /// Where pages are: 127.0.0.1:9153, unix:/path
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) metrics: Address,
    /// A folder that is written into
    #[arg(long)]
    pub(crate) write: Vec<PathBuf>,
    /// What is read again
    #[arg(long)]
    pub(crate) read: Vec<PathBuf>,
    /// As whom it goes on
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Keeps CAP_NET_RAW
    #[arg(long)]
    pub(crate) keep_net_raw: bool,
    /// May start programs
    #[arg(long)]
    pub(crate) commands: bool,
    /// Without landlock and seccomp
    #[arg(long)]
    pub(crate) no_filters: bool,
    /// Log lines as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The log goes down to this level
    #[arg(long, default_value = "info", value_parser = Level::of)]
    pub(crate) log_level: Level,
    /// While there is this file, the output waits
    #[arg(long)]
    pub(crate) hold: Option<PathBuf>,
    /// Tries to do what a service must not, here, and ends
    #[arg(long)]
    pub(crate) attempt: Option<PathBuf>,
}

/// A run on one capture.
#[derive(Clone, Debug, Args)]
pub(crate) struct Single {
    /// The capture: pcap, pcapng, dnstap or C-DNS, compressed or not; - is standard input; or a live SOURCE
    #[arg(value_name = "INPUT", env = "DPP_FILENAME", hide_env = true)]
    #[arg(value_parser = path())]
    pub(crate) input: Option<PathBuf>,

    /// The table, else dns_output.csv or .parquet; - is CSV on standard output
    #[arg(value_name = "OUTPUT", env = "DPP_OUTPUT_FILENAME", hide_env = true)]
    #[arg(value_parser = path())]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) beside: Beside,

    #[command(flatten)]
    pub(crate) parts: PartsSite,

    #[command(flatten)]
    pub(crate) options: Options,
}

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

/// A run on sources whose capture has not ended.
#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "dpp live [CONFIG] [OPTIONS]\n       dpp live --source SOURCE... --output NAME [OPTIONS]",
    after_help = LIVE_EXAMPLES,
    max_term_width = 100
)]
pub(crate) struct Live {
    /// A TOML file of options: each has its long name there, and the command line and the environment go before it
    #[arg(value_name = "CONFIG", env = "DPP_CONFIG", hide_env = true)]
    #[arg(value_parser = path())]
    pub(crate) config: Option<PathBuf>,

    /// Where packets or messages come from: afpacket:INTERFACE, dnstap+unix:PATH, dnstap+tcp://HOST:PORT,
    /// dnstap+tls://HOST:PORT?cert=FILE&key=FILE, knot:DIRECTORY. May be repeated; `help` tells what can be said of each
    #[arg(long, env = "DPP_SOURCE", hide_env = true, help_heading = "Live", value_name = "SOURCE")]
    pub(crate) source: Vec<OsString>,

    /// The table, or the names of files that follow each other: queries-%Y%m%d-%H%M%S.parquet, {site}/{seq}.csv.gz
    #[arg(
        short,
        long,
        env = "DPP_OUTPUT_FILENAME",
        hide_env = true,
        help_heading = "Live",
        value_name = "NAME"
    )]
    #[arg(value_parser = path())]
    pub(crate) output: Option<PathBuf>,

    /// A new file after so long, aligned to UTC: 5m, 1h, 1d
    #[arg(long, env = "DPP_ROTATE_EVERY", hide_env = true, help_heading = "Live", value_name = "TIME")]
    pub(crate) rotate_every: Option<OsString>,

    /// A new file after so many rows
    #[arg(long, env = "DPP_ROTATE_ROWS", hide_env = true, help_heading = "Live", value_name = "N")]
    pub(crate) rotate_rows: Option<OsString>,

    /// A new file after so many bytes of rows, as they are kept before they are encoded
    #[arg(long, env = "DPP_ROTATE_SIZE", hide_env = true, help_heading = "Live", value_name = "SIZE")]
    pub(crate) rotate_size: Option<OsString>,

    /// What {site} in names of files stands for, and of which parts are
    #[arg(long, env = "DPP_SITE", hide_env = true, help_heading = "Live", value_name = "NAME")]
    pub(crate) site: Option<OsString>,

    /// A command for each complete file, run by sh; "$1" in it is the file's name, which stands at its end otherwise
    #[arg(long, env = "DPP_AFTER_FILE", hide_env = true, help_heading = "Live", value_name = "COMMAND")]
    pub(crate) after_file: Option<OsString>,

    /// How long the end waits for such commands; those that go on then are ended. Else 60s
    #[arg(long, env = "DPP_AFTER_FILE_WAIT", hide_env = true, help_heading = "Live", value_name = "TIME")]
    pub(crate) after_file_wait: Option<OsString>,

    /// How long packets may wait before they are worked on, so that rows come soon; else 200ms
    #[arg(long, env = "DPP_FLUSH_INTERVAL", hide_env = true, help_heading = "Live", value_name = "TIME")]
    pub(crate) flush_interval: Option<OsString>,

    /// Bytes of packets that may wait for the engine; what does not fit is dropped and counted. Else 256MiB
    #[arg(long, env = "DPP_QUEUE_SIZE", hide_env = true, help_heading = "Live", value_name = "SIZE")]
    pub(crate) queue_size: Option<OsString>,

    /// Where /metrics and /health are: 127.0.0.1:9153 or unix:/run/dpp/metrics.sock; else nowhere
    #[arg(long, env = "DPP_METRICS", hide_env = true, help_heading = "Service", value_name = "ADDRESS")]
    pub(crate) metrics: Option<OsString>,

    #[command(flatten)]
    pub(crate) beside: Beside,

    /// How often parts of --stats and --rssac are written, aligned to UTC; else 5m
    #[arg(
        long,
        env = "DPP_PARTS_EVERY",
        hide_env = true,
        help_heading = "Beside the table",
        value_name = "TIME"
    )]
    pub(crate) parts_every: Option<OsString>,

    #[command(flatten)]
    pub(crate) otlp: Otlp,

    /// Log lines as text or json, on standard error
    #[arg(long, env = "DPP_LOG_FORMAT", hide_env = true, help_heading = "Service", value_name = "FORMAT")]
    pub(crate) log_format: Option<OsString>,

    /// The log goes down to this level: error, warn, info or debug; else info
    #[arg(long, env = "DPP_LOG_LEVEL", hide_env = true, help_heading = "Service", value_name = "LEVEL")]
    pub(crate) log_level: Option<OsString>,

    /// As whom it goes on once everything is open, if it was started as root: USER, or USER:GROUP
    #[arg(long, env = "DPP_USER", hide_env = true, help_heading = "Service", value_name = "USER")]
    pub(crate) user: Option<OsString>,

    /// Without landlock and seccomp, which leave it only the files and calls of the kernel that it needs
    #[arg(long, env = "DPP_NO_SANDBOX", hide_env = true, help_heading = "Service", value_parser = Truth)]
    pub(crate) no_sandbox: bool,

    #[command(flatten)]
    pub(crate) options: Options,
}

const LIVE_EXAMPLES: &str = "\
Examples:
  dpp live --source afpacket:eth0 --rotate-every 5m -o 'queries-%Y%m%d-%H%M.parquet'
  dpp live --source dnstap+unix:/run/dnstap.sock --rotate-every 1h -o '%Y/%m/%d/%H.csv.gz'
  dpp live dpp.toml
  dpp check dpp.toml
  dpp afpacket:eth0 - | head                  rows on standard output, until Ctrl-C";

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

/// How many captures are read.
#[derive(Clone, Debug, Args)]
pub(crate) struct Many {
    /// Which capture is first: by name, by the time of the first packet, or as given
    #[arg(long, env = "DPP_ORDER", hide_env = true, help_heading = "Inputs", value_name = "ORDER")]
    #[arg(default_value = "name", value_parser = Late(EnumValueParser::<Order>::new()))]
    pub(crate) order: Setting<Order>,

    /// Merge captures that overlap in time, packet by packet
    #[arg(long, env = "DPP_MERGE", hide_env = true, help_heading = "Inputs", value_parser = Truth)]
    pub(crate) merge: bool,

    /// Of directories take also what is in the directories in them
    #[arg(long, env = "DPP_RECURSIVE", hide_env = true, help_heading = "Inputs", value_parser = Truth)]
    pub(crate) recursive: bool,

    /// Go on without the captures that cannot be read, and say so in the end
    #[arg(long, env = "DPP_KEEP_GOING", hide_env = true, help_heading = "Inputs", value_parser = Truth)]
    pub(crate) keep_going: bool,
}

/// What became of packets.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "dpp explain [OPTIONS] INPUT...", max_term_width = 100)]
pub(crate) struct Explain {
    /// Captures, named as for dpp extract; frames are numbered over all of them
    #[arg(value_name = "INPUT")]
    #[arg(value_parser = path())]
    pub(crate) inputs: Vec<PathBuf>,

    /// These packets, numbered from 1: their layers and what became of them
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    #[arg(value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub(crate) frame: Vec<u64>,

    /// How many packets were skipped for this reason, and the first of them
    #[arg(long, value_name = "REASON", conflicts_with = "frame")]
    pub(crate) reason: Option<String>,

    #[command(flatten)]
    pub(crate) reading: Reading,

    #[command(flatten)]
    pub(crate) many: Many,
}

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
    /// A table of figures by second, minute, hour, day, server, client, client-prefix, type, rcode, name, domain, tld, transport, or any
    /// column; by several at once: minute,server
    #[arg(long, value_name = "KEY,...", help_heading = "Tables of figures")]
    pub(crate) by: Vec<String>,

    /// Which figures, of which rows: traffic, unless another table is named (docs/stats.md); by what, behind a colon or with --by.
    /// May be given several times
    #[arg(long, value_name = "TABLE[:KEY,...]", help_heading = "Tables of figures")]
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

/// What a part says of the captures it was made of.
#[derive(Clone, Debug, Args)]
pub(crate) struct Numbered {
    /// The site that the captures are of
    #[arg(long, env = "DPP_SITE", hide_env = true, value_name = "NAME", help_heading = "Part")]
    pub(crate) site: Option<OsString>,

    /// Number the captures, so that missing ones are seen: N is the first's; with `name`, the last digits of each name
    #[arg(long, value_name = "N", help_heading = "Part")]
    pub(crate) seq: Option<OsString>,
}

/// How a part is written.
#[derive(Clone, Debug, Args)]
pub(crate) struct Written {
    /// The part, else standard output
    #[arg(short, long, value_name = "PART", value_parser = path(), help_heading = "Part")]
    pub(crate) output: Option<PathBuf>,

    /// Lines of text that can be sorted, or compact; else text if the name ends with .txt
    #[arg(long, value_name = "FORM", help_heading = "Part")]
    pub(crate) form: Option<PartForm>,
}

/// Forms of parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PartForm {
    Text,
    Compact,
}

/// Parts that are added up.
#[derive(Clone, Debug, Args)]
pub(crate) struct Adding {
    /// Parts, directories of them, patterns in quotes, @FILE (a list of paths), or - for one on standard input
    #[arg(value_name = "PART", value_parser = path())]
    pub(crate) parts: Vec<PathBuf>,

    /// Of directories take also what is in the directories in them
    #[arg(long, env = "DPP_RECURSIVE", hide_env = true, value_parser = Truth)]
    pub(crate) recursive: bool,

    /// Leave out the parts that do not add up, and say so in the result
    #[arg(long, env = "DPP_KEEP_GOING", hide_env = true, value_parser = Truth)]
    pub(crate) keep_going: bool,

    #[command(flatten)]
    pub(crate) quiet: Quiet,
}

/// Of which sites.
#[derive(Clone, Debug, Args)]
pub(crate) struct Sites {
    /// Of parts only what these sites have; else all together
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', allow_hyphen_values = true)]
    #[arg(value_parser = OsStringValueParser::new().try_map(site_name))]
    pub(crate) site: Vec<OsString>,
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
    V2,
    V3,
    V4,
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

/// The options of every run.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Format, else that of OUTPUT's extension, else csv
    #[arg(short, long, env = "DPP_FORMAT", hide_env = true, help_heading = "Table")]
    #[arg(value_parser = Late(EnumValueParser::<Format>::new()))]
    pub(crate) format: Option<Setting<Format>>,

    /// Compress Parquet with zstd, at level 3 or LEVEL (1 to 22), not Snappy
    #[arg(short, long, env = "DPP_ZSTD", hide_env = true, help_heading = "Table", value_name = "LEVEL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = ZSTD_LEVEL, value_parser = ZstdParser)]
    pub(crate) zstd: Option<Zstd>,

    /// Write Parquet of format version 2, with its data pages
    #[arg(long, env = "DPP_V2", hide_env = true, help_heading = "Table", value_parser = Truth)]
    pub(crate) v2: bool,

    /// Write the page index of Parquet, so that readers can step over pages
    #[arg(long, env = "DPP_PAGE_INDEX", hide_env = true, help_heading = "Table", value_parser = Truth)]
    pub(crate) page_index: bool,

    /// Write Parquet's bloom filters of these columns, so that readers can step over row groups: qname,src_ip
    #[arg(long, env = "DPP_BLOOM", hide_env = true, help_heading = "Table", value_name = "COLUMN,...")]
    pub(crate) bloom: Option<OsString>,

    /// The columns, by name and in this order; `help` lists them. Else the eight of DPP
    #[arg(long, env = "DPP_FIELDS", hide_env = true, help_heading = "Table", value_name = "COLUMN,...")]
    pub(crate) fields: Option<OsString>,

    /// The columns of a schema: dpp, full, or that of another tool
    #[arg(long, env = "DPP_SCHEMA", hide_env = true, help_heading = "Table", value_name = "NAME")]
    pub(crate) schema: Option<OsString>,

    /// Without these columns of the schema, or of --fields
    #[arg(long, env = "DPP_DROP", hide_env = true, help_heading = "Table", value_name = "COLUMN,...")]
    pub(crate) drop: Option<OsString>,

    #[command(flatten)]
    pub(crate) selection: Selection,

    /// Responses that nobody asked for become rows too, at their own places
    #[arg(long, env = "DPP_UNASKED", hide_env = true, help_heading = "Table", value_parser = Truth)]
    pub(crate) unasked: bool,

    #[command(flatten)]
    pub(crate) cdns: Cdns,

    #[command(flatten)]
    pub(crate) hiding: Hiding,

    /// Look at each row again for addresses that should be hidden; one is an error, and there is no table
    #[arg(long, env = "DPP_CHECK_PRIVACY", hide_env = true, help_heading = "Privacy", value_parser = Truth)]
    pub(crate) check_privacy: bool,

    #[command(flatten)]
    pub(crate) lookups: Lookups,

    #[command(flatten)]
    pub(crate) timeout: Timeout,

    #[command(flatten)]
    pub(crate) messages: Messages,

    /// Stop with an error at the first packet that is out of order
    #[arg(long, env = "DPP_MONOTONIC_CAPTURE", hide_env = true, help_heading = "Matching")]
    #[arg(value_parser = Truth)]
    pub(crate) monotonic_capture: bool,

    #[command(flatten)]
    pub(crate) strictness: Strictness,

    /// Report as text on standard error or as JSON on standard output
    #[arg(long, env = "DPP_REPORT_FORMAT", hide_env = true, help_heading = "Report", value_name = "FORMAT")]
    #[arg(default_value = "text", value_parser = Late(EnumValueParser::<ReportFormat>::new()))]
    pub(crate) report_format: Setting<ReportFormat>,

    #[command(flatten)]
    pub(crate) quiet: Quiet,

    /// Save the first packets of each reason for which packets were skipped, as pcapng
    #[arg(long, env = "DPP_SAVE_SKIPPED", hide_env = true, help_heading = "Report", value_name = "FILE")]
    #[arg(value_parser = path())]
    pub(crate) save_skipped: Option<PathBuf>,

    /// So many packets of each reason are saved; 1 to 64, else 8
    #[arg(long, env = "DPP_EXAMPLES", hide_env = true, help_heading = "Report", value_name = "K")]
    #[arg(value_parser = Late(RangedI64ValueParser::<u16>::new().range(1..=FIRST_MAX as i64)))]
    pub(crate) examples: Option<Setting<u16>>,

    #[command(flatten)]
    pub(crate) workers: Workers,

    /// Pin each worker to a CPU
    #[arg(short, long, env = "DPP_AFFINITY", hide_env = true, help_heading = "Machine", value_parser = Truth)]
    pub(crate) affinity: bool,

    /// No effect: there is one decoder, and it is the fast one
    #[arg(
        long,
        env = "DPP_DNS_WIRE_FAST_PATH",
        hide_env = true,
        help_heading = "Accepted for compatibility"
    )]
    #[arg(hide_short_help = true, value_parser = Truth)]
    pub(crate) dns_wire_fast_path: bool,

    /// No effect: how much waits to be written is bounded in any case
    #[arg(short, long, env = "DPP_BONDED", hide_env = true, help_heading = "Accepted for compatibility")]
    #[arg(hide_short_help = true, value_name = "N", value_parser = Late(str::parse::<usize>))]
    pub(crate) bonded: Option<Setting<usize>>,
}

const CHECK_USAGE: &str =
    "dpp check [CONFIG] [OPTIONS]\n       dpp check --source SOURCE... --output NAME [OPTIONS]";

const CHECK_EXAMPLES: &str = "\
Examples:
  dpp check /etc/dpp/root.toml                          what it would do, and what is wrong with it
  dpp check /etc/dpp/root.toml && systemctl reload dpp@root";

/// Where figures are sent. Texts: what they say, [`service::otlp`](crate::service::otlp) judges.
#[derive(Clone, Debug, Args)]
pub(crate) struct Otlp {
    /// A collector of OpenTelemetry that figures are sent to: http://127.0.0.1:4318 (build feature otlp); else none
    #[arg(long, env = "DPP_OTLP", hide_env = true, help_heading = "Service", value_name = "URL")]
    pub(crate) otlp: Option<OsString>,

    /// How often they are sent; else 60s
    #[arg(long, env = "DPP_OTLP_INTERVAL", hide_env = true, help_heading = "Service", value_name = "TIME")]
    pub(crate) otlp_interval: Option<OsString>,

    /// Who signs the collector's certificate, PEM; for https
    #[arg(long, env = "DPP_OTLP_CA", hide_env = true, help_heading = "Service", value_name = "FILE")]
    #[arg(value_parser = path())]
    pub(crate) otlp_ca: Option<PathBuf>,
}

/// How C-DNS is written. Texts: what they say, [`plan`](crate::plan) judges.
#[derive(Clone, Debug, Args)]
pub(crate) struct Cdns {
    /// Sections that are stored: all, answers (of responses) or none; else all
    #[arg(long, env = "DPP_CDNS_SECTIONS", hide_env = true, help_heading = "C-DNS", value_name = "SECTIONS")]
    #[arg(hide_short_help = true)]
    pub(crate) cdns_sections: Option<OsString>,

    /// Fields that are not stored, by the names of compactor's excludes file: client-port,query-size
    #[arg(long, env = "DPP_CDNS_EXCLUDE", hide_env = true, help_heading = "C-DNS", value_name = "FIELD,...")]
    #[arg(hide_short_help = true)]
    pub(crate) cdns_exclude: Option<OsString>,

    /// Bits that are stored of addresses of clients and servers, in IPv4 and IPv6: 24,48,32,128; else all
    #[arg(
        long,
        env = "DPP_CDNS_PREFIX",
        hide_env = true,
        help_heading = "C-DNS",
        value_name = "C4,C6,S4,S6"
    )]
    #[arg(hide_short_help = true)]
    pub(crate) cdns_prefix: Option<OsString>,

    /// Precision of times: us or ns; else us
    #[arg(long, env = "DPP_CDNS_TICKS", hide_env = true, help_heading = "C-DNS", value_name = "UNIT")]
    #[arg(hide_short_help = true)]
    pub(crate) cdns_ticks: Option<OsString>,

    /// Items of a block, 1 to 100000; else 5000
    #[arg(long, env = "DPP_CDNS_BLOCK_ITEMS", hide_env = true, help_heading = "C-DNS", value_name = "N")]
    #[arg(hide_short_help = true, allow_negative_numbers = true)]
    pub(crate) cdns_block_items: Option<OsString>,

    /// Store only records of these types; with ! before each, all others: !SOA,!NS
    #[arg(long, env = "DPP_CDNS_RR_TYPES", hide_env = true, help_heading = "C-DNS", value_name = "TYPE,...")]
    #[arg(hide_short_help = true)]
    pub(crate) cdns_rr_types: Option<OsString>,

    /// Store only messages of these opcodes; with ! before each, all others: !NOTIFY
    #[arg(
        long,
        env = "DPP_CDNS_OPCODES",
        hide_env = true,
        help_heading = "C-DNS",
        value_name = "OPCODE,..."
    )]
    #[arg(hide_short_help = true)]
    pub(crate) cdns_opcodes: Option<OsString>,
}

/// What is hidden, and how.
#[derive(Clone, Debug, Args)]
pub(crate) struct Hiding {
    /// Replace client addresses by pseudonyms made with this passphrase
    #[arg(long, env = "DPP_ANONYMIZE", hide_env = true, help_heading = "Privacy", value_name = "KEYFILE")]
    #[arg(value_parser = path())]
    pub(crate) anonymize: Option<PathBuf>,

    /// Replace addresses: truncate, truncate:24,48, cryptopan, ipcrypt-pfx, ipcrypt-det, ipcrypt-nd, ipcrypt-ndx, hmac, dpp
    #[arg(
        long,
        env = "DPP_HIDE_ADDRESSES",
        hide_env = true,
        help_heading = "Privacy",
        value_name = "SCHEME"
    )]
    pub(crate) hide_addresses: Option<OsString>,

    /// Replace names: drop, registered-domain, registered-domain:hash, hash
    #[arg(long, env = "DPP_HIDE_NAMES", hide_env = true, help_heading = "Privacy", value_name = "SCHEME")]
    pub(crate) hide_names: Option<OsString>,

    /// Where: client, server, ecs, rdata, ptr, dnstap, names, or all; else client,ecs,dnstap,names
    #[arg(
        long,
        env = "DPP_HIDE_FIELDS",
        hide_env = true,
        help_heading = "Privacy",
        value_name = "FIELD,..."
    )]
    pub(crate) hide_fields: Option<OsString>,

    /// The key: 32 or 64 hexadecimal digits, or a passphrase
    #[arg(long, env = "DPP_HIDE_KEY", hide_env = true, help_heading = "Privacy", value_name = "KEYFILE")]
    #[arg(value_parser = path())]
    pub(crate) hide_key: Option<PathBuf>,
}

/// Tables that columns look up.
#[derive(Clone, Debug, Args)]
pub(crate) struct Lookups {
    /// A database of countries or networks in MaxMind's format; of several, for each fact the first that has it
    #[arg(long, env = "DPP_GEOIP", hide_env = true, help_heading = "Lookup", value_name = "FILE")]
    #[arg(value_parser = path())]
    pub(crate) geoip: Vec<PathBuf>,

    /// A list of public suffixes instead of the one that is built in
    #[arg(long, env = "DPP_PSL", hide_env = true, help_heading = "Lookup", value_name = "FILE")]
    #[arg(value_parser = path())]
    pub(crate) psl: Option<PathBuf>,

    /// A table of servers: a line is an address or prefix, a server and a site
    #[arg(long, env = "DPP_SERVERS", hide_env = true, help_heading = "Lookup", value_name = "FILE")]
    #[arg(value_parser = path())]
    pub(crate) servers: Option<PathBuf>,

    /// What captures are called: '{server}_{site}-%Y%m%d.pcap*' tells server and site
    #[arg(
        long,
        env = "DPP_SERVER_TEMPLATE",
        hide_env = true,
        help_heading = "Lookup",
        value_name = "TEMPLATE"
    )]
    pub(crate) server_template: Option<OsString>,
}

/// What is read as DNS.
#[derive(Clone, Debug, Args)]
pub(crate) struct Reading {
    /// Ports that carry DNS, and ranges of them: 53,5300-5399. May be repeated; else 53
    #[arg(long, env = "DPP_PORT", hide_env = true, help_heading = "Matching", value_name = "PORT,...")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) port: Vec<OsString>,
}

/// What is counted beside the table, in the same pass.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Beside {
    /// What is in the table's transactions, too: a part (x.tally), all figures (x.json) or a page (x.html)
    #[arg(long, env = "DPP_STATS", hide_env = true, help_heading = "Beside the table", value_name = "FILE")]
    #[arg(value_parser = path())]
    pub(crate) stats: Option<PathBuf>,

    /// RSSAC002 figures of all messages, too: a part for dpp rssac report (x.tally)
    #[arg(long, env = "DPP_RSSAC", hide_env = true, help_heading = "Beside the table", value_name = "PART")]
    #[arg(value_parser = path())]
    pub(crate) rssac: Option<PathBuf>,

    /// Whose messages these are, as --server of dpp rssac: ADDRESS, ADDRESS/BITS, a name from the table of --servers, or all
    #[arg(
        long,
        env = "DPP_RSSAC_SERVER",
        hide_env = true,
        help_heading = "Beside the table",
        value_name = "SERVER,...",
        value_delimiter = ','
    )]
    pub(crate) rssac_server: Vec<OsString>,

    /// Count the labels of the names that are asked for there, too
    #[arg(long, env = "DPP_RSSAC_LABELS", hide_env = true, help_heading = "Beside the table")]
    #[arg(value_parser = Truth)]
    pub(crate) rssac_labels: bool,
}

/// Of where parts are that are made beside a table of captures.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PartsSite {
    /// The site that parts are of
    #[arg(long, env = "DPP_SITE", hide_env = true, help_heading = "Beside the table", value_name = "NAME")]
    pub(crate) site: Option<OsString>,
}

/// Which messages there are.
#[derive(Clone, Debug, Args)]
pub(crate) struct Messages {
    #[command(flatten)]
    pub(crate) reading: Reading,

    /// Drop messages that were captured twice within this time: 10ms, 500us, 1s
    #[arg(
        long,
        env = "DPP_DEDUP_PACKETS",
        hide_env = true,
        help_heading = "Matching",
        value_name = "WINDOW"
    )]
    #[arg(allow_negative_numbers = true)]
    pub(crate) dedup_packets: Option<OsString>,
}

/// How long a response may take.
#[derive(Clone, Debug, Args)]
pub(crate) struct Timeout {
    /// Later than this a response does not answer its query; 1 to 5000
    #[arg(long, env = "DPP_MATCH_TIMEOUT_MS", hide_env = true, help_heading = "Matching", value_name = "MS")]
    #[arg(default_value = MATCH_TIMEOUT_MS, allow_negative_numbers = true)]
    pub(crate) match_timeout_ms: OsString,
}

/// Unless told otherwise.
pub(crate) const MATCH_TIMEOUT_MS: &str = "1200";

/// Which transactions there are.
#[derive(Clone, Debug, Args)]
pub(crate) struct Selection {
    /// Only transactions that meet a condition on columns: 'qtype = AAAA and src_ip in 192.0.2.0/24'
    #[arg(
        long = "where",
        env = "DPP_WHERE",
        hide_env = true,
        help_heading = "Selection",
        value_name = "CONDITION"
    )]
    pub(crate) filter: Option<OsString>,

    /// Only a part of all clients or transactions, always the same: client:1/100, transaction:0.01
    #[arg(long, env = "DPP_SAMPLE", hide_env = true, help_heading = "Selection", value_name = "OF:SHARE")]
    pub(crate) sample: Option<OsString>,
}

/// Captures that are counted, and not written.
#[derive(Clone, Debug, Args)]
pub(crate) struct Counting {
    /// Captures, named as for dpp extract
    #[arg(value_name = "INPUT", value_parser = path())]
    pub(crate) inputs: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) messages: Messages,

    #[command(flatten)]
    pub(crate) many: Many,

    #[command(flatten)]
    pub(crate) strictness: Strictness,

    #[command(flatten)]
    pub(crate) quiet: Quiet,

    #[command(flatten)]
    pub(crate) workers: Workers,
}

/// What is an error.
#[derive(Clone, Debug, Args)]
pub(crate) struct Strictness {
    /// Make it an error if a capture is cut off or damaged
    #[arg(long, env = "DPP_STRICT", hide_env = true, help_heading = "Matching", value_parser = Truth)]
    pub(crate) strict: bool,
}

/// What is said.
#[derive(Clone, Debug, Args)]
pub(crate) struct Quiet {
    /// Print nothing but errors, and what was asked for
    #[arg(short, long, env = "DPP_SILENT", hide_env = true, help_heading = "Report", value_parser = Truth)]
    pub(crate) silent: bool,
}

/// Who works.
#[derive(Clone, Debug, Args)]
pub(crate) struct Workers {
    /// Workers, else one for each CPU; what comes out is the same for any number
    #[arg(short, long, env = "DPP_THREADS", hide_env = true, help_heading = "Machine", value_name = "N")]
    #[arg(value_parser = Late(RangedI64ValueParser::<u16>::new().range(1..=WORKERS_MAX as i64)))]
    pub(crate) threads: Option<Setting<u16>>,
}

/// What the order of captures is taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    // Of their full paths, folder by folder, byte by byte.
    #[default]
    Name,
    // Of their first packets.
    Time,
    // On the command line.
    Given,
}

impl Order {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Order::Name => "name",
            Order::Time => "time",
            Order::Given => "given",
        }
    }
}

/// Formats of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Text,
    Json,
}

/// Whether, and how much, Parquet is compressed with zstd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zstd {
    Off,
    Level(i32),
}

/// The level that costs little more time than the lowest and is nearly as small as any.
const ZSTD_LEVEL: &str = "3";

/// Synthetic captures.
#[derive(Debug, Args)]
#[command(override_usage = "dpp generate OUT --transactions N [OPTIONS]\n       \
    dpp generate OUT --duration-seconds S --qps Q [OPTIONS]")]
#[command(group(ArgGroup::new("amount").args(["transactions", "duration_seconds"]).required(true)))]
pub(crate) struct Generate {
    /// The capture to write (classic pcap); - is standard output
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// So many transactions; retries and duplicates come on top
    #[arg(long, value_name = "N")]
    transactions: Option<u64>,
    /// All transactions that begin in so many seconds
    #[arg(long, value_name = "S", requires = "qps")]
    duration_seconds: Option<f64>,
    /// Queries per second, instead of the profile's
    #[arg(long, value_name = "Q")]
    qps: Option<f64>,
    /// Clients, instead of the profile's
    #[arg(long, value_name = "N")]
    clients: Option<u32>,
    /// Resolvers, instead of the profile's
    #[arg(long, value_name = "N")]
    resolvers: Option<u32>,
    /// Where chance starts from: the same seed gives the same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// What the traffic looks like: a TOML file with what differs from a busy resolver
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// A table of the DNS messages that are completely in the capture, and the frame that completes each
    #[arg(long, value_name = "FILE")]
    messages: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(crate) silent: bool,
}

impl From<Generate> for Request {
    fn from(arguments: Generate) -> Request {
        let Generate {
            output,
            transactions,
            duration_seconds,
            qps,
            clients,
            resolvers,
            seed,
            profile,
            messages,
            silent: _,
        } = arguments;
        let amount = match (transactions, duration_seconds, qps) {
            (Some(transactions), ..) => Amount::Transactions(transactions),
            (None, Some(seconds), Some(qps)) => Amount::Duration { seconds, qps },
            _ => unreachable!("one amount is required, and a duration requires --qps"),
        };
        Request { output, messages, amount, clients, resolvers, seed, profile, qps }
    }
}

/// The name of a site, which may begin with a hyphen: a single one stands for what has no site. With two it is an option, and the
/// name was forgotten.
fn site_name(name: OsString) -> Result<OsString, String> {
    match name.to_string_lossy().starts_with("--") {
        true => Err("this looks like an option, so the name of a site is missing".to_owned()),
        false => Ok(name),
    }
}

/// Any path. An empty one is no usage error either; `checks` says what it was meant for.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// A parser whose complaints about variables come later, from `checks`.
#[derive(Clone)]
struct Late<P>(P);

impl<P: TypedValueParser> TypedValueParser for Late<P> {
    type Value = Setting<P::Value>;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        self.0.parse_ref(command, arg, value).map(Ok)
    }

    fn parse_ref_(
        &self,
        command: &clap::Command,
        arg: Option<&Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> Result<Self::Value, clap::Error> {
        match self.0.parse_ref(command, arg, value) {
            Ok(value) => Ok(Ok(value)),
            Err(_) if source == ValueSource::EnvVariable => Ok(Err(value.to_string_lossy().into_owned())),
            Err(error) => Err(error),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        self.0.possible_values()
    }
}

/// A switch, and what its variable must say to be on. All else is off, and no error.
#[derive(Clone)]
struct Truth;

impl Truth {
    fn of(value: &OsStr) -> bool {
        let on = ["true", "y", "yes", "enabled", "on", "1"];
        value.to_str().is_some_and(|value| on.iter().any(|on| value.eq_ignore_ascii_case(on)))
    }
}

impl TypedValueParser for Truth {
    type Value = bool;

    fn parse_ref(&self, _: &clap::Command, _: Option<&Arg>, value: &OsStr) -> Result<bool, clap::Error> {
        Ok(Truth::of(value))
    }
}

/// On the command line a level, in the environment a switch.
#[derive(Clone)]
struct ZstdParser;

impl TypedValueParser for ZstdParser {
    type Value = Zstd;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Zstd, clap::Error> {
        RangedI64ValueParser::<i32>::new().range(1..=22).parse_ref(command, arg, value).map(Zstd::Level)
    }

    fn parse_ref_(
        &self,
        command: &clap::Command,
        arg: Option<&Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> Result<Zstd, clap::Error> {
        match source {
            ValueSource::EnvVariable if Truth::of(value) => self.parse_ref(command, arg, ZSTD_LEVEL.as_ref()),
            ValueSource::EnvVariable => Ok(Zstd::Off),
            _ => self.parse_ref(command, arg, value),
        }
    }
}
