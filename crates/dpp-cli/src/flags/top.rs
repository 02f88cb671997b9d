//! The options of `dpp top`.

use super::reading::{Joined, Messages, Selection, Timeout, Workers};
use super::values::path;
use clap::Args;
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

    #[command(flatten)]
    pub(crate) selection: Selection,

    /// A list of public suffixes instead of the one that is built in
    #[arg(long, env = "DPP_PSL", hide_env = true, value_name = "FILE", value_parser = path())]
    pub(crate) psl: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) timeout: Timeout,

    #[command(flatten)]
    pub(crate) messages: Messages,

    #[command(flatten)]
    pub(crate) joined: Joined,

    #[command(flatten)]
    pub(crate) workers: Workers,
}

const TOP_EXAMPLES: &str = "\
Examples:
  dpp top afpacket:eth0                           what an interface brings, now
  dpp top dnstap+unix:/run/dnstap.sock            what a DNS server tells
  dpp top capture.pcap --speed 10                 a capture, ten times as fast as it was
  dpp top captures/ --speed max --window all      all there is, as fast as it can be read";
