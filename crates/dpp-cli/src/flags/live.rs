//! The options of `dpp live`, which `dpp check` has, too.

use super::beside::Beside;
use super::table::Options;
use super::values::{Truth, path};
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

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

pub(super) const CHECK_USAGE: &str =
    "dpp check [CONFIG] [OPTIONS]\n       dpp check --source SOURCE... --output NAME [OPTIONS]";

pub(super) const CHECK_EXAMPLES: &str = "\
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
