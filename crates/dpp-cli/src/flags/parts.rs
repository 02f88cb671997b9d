//! Options of parts, whatever is counted in them: how they are numbered, written and added up.

use super::reading::Quiet;
use super::values::{Truth, path};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

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

/// The name of a site, which may begin with a hyphen: a single one stands for what has no site. With two it is an option, and the
/// name was forgotten.
fn site_name(name: OsString) -> Result<OsString, String> {
    match name.to_string_lossy().starts_with("--") {
        true => Err("this looks like an option, so the name of a site is missing".to_owned()),
        false => Ok(name),
    }
}
