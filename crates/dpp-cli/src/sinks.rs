//! Which sink writes which format: the one place that knows all of them.
//!
//! Sinks are types of their own, so whoever wants one gives something that can take any ([`UseSink`]): the engine that fills
//! it, or a dataset that has a file to write.

use crate::checks::Table;
use crate::formats::Format;
use crate::output::Opened;
use crate::report;
use dpp::plan::Plan;
use dpp::transaction::Needs;
use dpp_sink::TableSink;
use dpp_sink::arrow::{self, Arrow, Form};
use dpp_sink::cdns::{self, CdnsFile};
use dpp_sink::csv::{Csv, Tsv};
use dpp_sink::dnstap::{self, DnstapFile};
use dpp_sink::jsonl::Jsonl;
use dpp_sink::packed::Packed;
use dpp_sink::parquet::{self, Compression, Parquet, Version};
use dpp_sink::pcap::{self, Pcap};
use dpp_sink::zeek::Zeek;
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::io;

/// What all sinks write to.
pub(crate) type Out = Packed<Opened>;

/// Something that can be done with a sink of any format.
pub(crate) trait UseSink {
    /// What comes of it.
    type Done;

    fn with<S: TableSink<Out, Error: Error + Sync + 'static>>(self, sink: S) -> anyhow::Result<Self::Done>;
}

/// Opens the sink of a table.
pub(crate) fn open<U: UseSink>(
    table: &Table,
    cdns: &cdns::Settings,
    plan: &Plan,
    out: Out,
    user: U,
) -> anyhow::Result<U::Done> {
    match table.format {
        Format::Csv => user.with(Csv::new(out, plan)),
        Format::Tsv if plan.schema.style.zeek_log => user.with(Zeek::new(out, plan)),
        Format::Tsv => user.with(Tsv::new(out, plan)),
        Format::Jsonl => user.with(Jsonl::new(out, plan)),
        Format::Parquet => {
            let compression = table.zstd.map_or(Compression::Snappy, Compression::Zstd);
            let version = if table.v2 { Version::Two } else { Version::One };
            let settings = parquet::Settings { compression, version, ..Default::default() };
            user.with(Parquet::new(out, plan, settings)?)
        }
        Format::Arrow => user.with(arrow(Form::File, plan, out)?),
        Format::ArrowStream => user.with(arrow(Form::Stream, plan, out)?),
        Format::Dnstap => user.with(DnstapFile::new(out, None)?),
        Format::Pcap => user.with(Pcap::new(out)?),
        Format::Cdns => user.with(CdnsFile::new(out, plan, cdns, RandomState::new().hash_one(0))?),
    }
}

fn arrow(form: Form, plan: &Plan, out: Out) -> io::Result<Arrow<Out>> {
    let metadata = report::metadata_of(plan);
    Arrow::new(out, plan, arrow::Settings { metadata, ..arrow::Settings::of(form) })
}

/// What a format needs of a transaction beside the columns.
pub(crate) fn needs(format: Format, cdns: &cdns::Settings) -> Needs {
    match format {
        Format::Cdns => cdns.needs(),
        Format::Dnstap => dnstap::NEEDS,
        Format::Pcap => pcap::NEEDS,
        _ => Needs::NOTHING,
    }
}
