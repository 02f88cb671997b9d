//! The options of `dpp top`.

use super::{Late, Order, Reading, Setting, Truth, path};
use clap::Args;
use clap::builder::{EnumValueParser, RangedI64ValueParser};
use dpp::pipeline::WORKERS_MAX;
use std::ffi::OsString;
use std::path::PathBuf;

/// What comes and goes, on a terminal.
#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "dpp top [OPTIONS] SOURCE...",
    after_help = TOP_EXAMPLES,
    max_term_width = 100
)]
pub(crate) struct Top {
    /// Live sources as for dpp live (`dpp live --source help` lists them), or captures as for dpp extract, which are read at
    /// their own speed
    #[arg(value_name = "SOURCE", value_parser = path())]
    pub(crate) sources: Vec<PathBuf>,

    /// How fast captures are read: so many of their seconds in one, or max
    #[arg(long, value_name = "SPEED", default_value = "1")]
    pub(crate) speed: String,

    /// What is shown at first: 10s, 1m or all
    #[arg(long, value_name = "WINDOW", default_value = "10s")]
    pub(crate) window: String,

    /// How often the screen changes, 100ms to 60s
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub(crate) interval: OsString,

    /// Only transactions that meet a condition on columns: 'qtype = AAAA and src_ip in 192.0.2.0/24'
    #[arg(long = "where", env = "DPP_WHERE", hide_env = true, value_name = "CONDITION")]
    pub(crate) filter: Option<OsString>,

    /// Only a part of all clients or transactions, always the same: client:1/100, transaction:0.01
    #[arg(long, env = "DPP_SAMPLE", hide_env = true, value_name = "OF:SHARE")]
    pub(crate) sample: Option<OsString>,

    /// A list of public suffixes instead of the one that is built in
    #[arg(long, env = "DPP_PSL", hide_env = true, value_name = "FILE", value_parser = path())]
    pub(crate) psl: Option<PathBuf>,

    /// Later than this a response does not answer its query; 1 to 5000
    #[arg(long, env = "DPP_MATCH_TIMEOUT_MS", hide_env = true, help_heading = "Matching", value_name = "MS")]
    #[arg(default_value = "1200", allow_negative_numbers = true)]
    pub(crate) match_timeout_ms: OsString,

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

    /// Workers, else one for each CPU; the figures are the same for any number
    #[arg(short, long, env = "DPP_THREADS", hide_env = true, help_heading = "Machine", value_name = "N")]
    #[arg(value_parser = Late(RangedI64ValueParser::<u16>::new().range(1..=WORKERS_MAX as i64)))]
    pub(crate) threads: Option<Setting<u16>>,
}

const TOP_EXAMPLES: &str = "\
Examples:
  dpp top afpacket:eth0                           what an interface brings, now
  dpp top dnstap+unix:/run/dnstap.sock            what a DNS server tells
  dpp top capture.pcap --speed 10                 a capture, ten times as fast as it was
  dpp top captures/ --speed max --window all      all there is, as fast as it can be read";
