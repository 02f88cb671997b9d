//! Options that commands share: which captures are read, what in them is a message and what a transaction, and
//! who works.

use super::values::{Late, Setting, Truth, path};
use clap::builder::{EnumValueParser, RangedI64ValueParser};
use clap::{Args, ValueEnum};
use dpp::pipeline::WORKERS_MAX;
use std::ffi::OsString;
use std::path::PathBuf;

/// How captures become one.
#[derive(Clone, Debug, Args)]
pub(crate) struct Joined {
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
}

/// How many captures are read.
#[derive(Clone, Debug, Args)]
pub(crate) struct Many {
    #[command(flatten)]
    pub(crate) joined: Joined,

    /// Go on without the captures that cannot be read, and say so in the end
    #[arg(long, env = "DPP_KEEP_GOING", hide_env = true, help_heading = "Inputs", value_parser = Truth)]
    pub(crate) keep_going: bool,
}

/// What is read as DNS.
#[derive(Clone, Debug, Args)]
pub(crate) struct Reading {
    /// Ports that carry DNS, and ranges of them: 53,5300-5399. May be repeated; else 53
    #[arg(long, env = "DPP_PORT", hide_env = true, help_heading = "Matching", value_name = "PORT,...")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) port: Vec<OsString>,
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
