//! The options of `dpp drill`, which only builds for tests have.

use crate::service::http::Address;
use crate::service::log::Level;
use clap::Args;
use std::path::PathBuf;

/// A service on made-up traffic. Its options are the tests'.
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
