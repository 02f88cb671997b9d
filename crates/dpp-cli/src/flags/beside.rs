//! Options of what is counted beside a table.

use super::values::{Truth, path};
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

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
