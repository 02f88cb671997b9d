//! The options of `dpp explain`.

use super::reading::{Many, Reading};
use super::values::path;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use std::path::PathBuf;

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
