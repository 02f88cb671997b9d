//! The options of every run that writes a table: its columns, its rows, and what is hidden in it.

use super::reading::{Messages, Quiet, Selection, Strictness, Timeout, Workers};
use super::values::{Late, Setting, Truth, ZSTD_LEVEL, Zstd, ZstdParser, path};
use crate::formats::Format;
use clap::builder::{EnumValueParser, RangedI64ValueParser};
use clap::{Args, ValueEnum};
use dpp::packet::FIRST_MAX;
use std::ffi::OsString;
use std::path::PathBuf;

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

/// Formats of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Text,
    Json,
}
