//! THE flag table: every option, its variable, its default and its sentence.
//!
//! Help, completions and the man page are made from here. The surprising fact: a variable that cannot be
//! understood is no usage error (exit code 2) but an ordinary one (1), told by [`checks`](crate::checks) in
//! its turn; so what may come from a variable is a [`Setting`]. **To add an option, add a
//! field** to its command's file in this folder, or to `reading` if several commands share it. `main` parses;
//! `checks` judges.

mod beside;
#[cfg(debug_assertions)]
mod drill;
mod explain;
mod extract;
mod generate;
mod live;
mod parts;
mod reading;
mod rssac;
mod stats;
mod table;
mod top;
mod values;

pub(crate) use beside::{Beside, PartsSite};
#[cfg(debug_assertions)]
pub(crate) use drill::Drill;
pub(crate) use explain::Explain;
pub(crate) use extract::{Datasets, Extract};
pub(crate) use generate::Generate;
pub(crate) use live::{Live, Otlp};
pub(crate) use parts::{Adding, Numbered, PartForm, Sites, Written};
pub(crate) use reading::{Counting, Joined, MATCH_TIMEOUT_MS, Many, Order};
pub(crate) use rssac::{
    Rssac, RssacCount, RssacMap, RssacMerge, RssacPublish, RssacReport, RssacStep, RssacVersion,
};
pub(crate) use stats::{
    Looking, Report, Showing, Stats, StatsMap, StatsMerge, StatsReport, StatsStep, Summing, Tables, Wanted,
};
pub(crate) use table::{Cdns, Hiding, Lookups, Options, ReportFormat};
pub(crate) use top::Top;
pub(crate) use values::{Setting, Zstd};

use crate::nearest::complaint;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand};
use live::{CHECK_EXAMPLES, CHECK_USAGE};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use values::path;

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

/// What is said of a word that is no capture, but probably a command that is spelt otherwise.
pub(crate) fn misspelt(word: &Path) -> Option<String> {
    let command = CommandLine::command();
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    complaint(word, "command", shown.map(clap::Command::get_name), "dpp")
}

/// Clap takes an argument too many for a subcommand that may not stand there. Nobody means that.
fn in_our_words(error: clap::Error) -> clap::Error {
    // What else is wrong follows from that.
    if let (true, Some(word)) = (error.use_stderr(), std::env::args_os().nth(1))
        && let Some(complaint) = misspelt(Path::new(&word))
    {
        return CommandLine::command().error(ErrorKind::InvalidSubcommand, complaint);
    }
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
    /// What is in captures, or in parts, as a page to look at, which needs no network
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
