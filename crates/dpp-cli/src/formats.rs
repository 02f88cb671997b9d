//! The formats of tables: THE table of their names and extensions.
//!
//! [`flags`](crate::flags) takes names from here, [`checks`](crate::checks) guesses by extension, [`run`](crate::run) opens the
//! sink. **To add a format, add a variant and its row here, and say in `run` which sink it is.**

use clap::ValueEnum;
use clap::builder::PossibleValue;
use dpp_sink::packed::Packing;
use std::path::Path;

/// A format of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Tsv,
    Jsonl,
    Parquet,
    Arrow,
    ArrowStream,
    Cdns,
    Dnstap,
    Pcap,
}

/// What is to be known of a format.
pub(crate) struct Row {
    pub(crate) format: Format,
    /// Its name, and what else it is called.
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    /// What its files end with; the first is given to files that need a name.
    pub(crate) extensions: &'static [&'static str],
    /// Whether gzip or zstd around it makes sense: not if it compresses by itself, or is read from its end.
    pub(crate) packs: bool,
    /// Whether it can be written to a pipe.
    pub(crate) streams: bool,
    pub(crate) help: &'static str,
}

pub(crate) const FORMATS: &[Row] = &[
    row(Format::Csv, "csv", &[], &["csv"], true, true, "a header line and a line a row"),
    row(
        Format::Tsv,
        "tsv",
        &[],
        &["tsv"],
        true,
        true,
        "the same with tabs; the schema zeek with its own header lines",
    ),
    row(
        Format::Jsonl,
        "jsonl",
        &["json", "ndjson"],
        &["jsonl", "json", "ndjson"],
        true,
        true,
        "an object a line",
    ),
    row(
        Format::Parquet,
        "parquet",
        &["pq"],
        &["parquet", "pq"],
        false,
        false,
        "columns, typed and compressed",
    ),
    row(
        Format::Arrow,
        "arrow",
        &["ipc", "feather"],
        &["arrow", "feather", "ipc"],
        false,
        false,
        "an Arrow IPC file",
    ),
    row(Format::ArrowStream, "arrows", &["arrow-stream"], &["arrows"], true, true, "an Arrow IPC stream"),
    row(Format::Cdns, "cdns", &["c-dns"], &["cdns", "cbor"], true, true, "C-DNS (RFC 8618)"),
    row(
        Format::Dnstap,
        "dnstap",
        &["fstrm"],
        &["dnstap", "fstrm", "tap"],
        true,
        true,
        "dnstap, a frame stream",
    ),
    row(Format::Pcap, "pcap", &[], &["pcap"], true, true, "the messages of the rows as packets"),
];

const fn row(
    format: Format,
    name: &'static str,
    aliases: &'static [&'static str],
    extensions: &'static [&'static str],
    packs: bool,
    streams: bool,
    help: &'static str,
) -> Row {
    Row { format, name, aliases, extensions, packs, streams, help }
}

/// Compressions and what files end with that have them.
const PACKINGS: &[(Packing, &str)] =
    &[(Packing::Gzip, "gz"), (Packing::Zstd, "zst"), (Packing::Zstd, "zstd")];

/// What else compressed files end with, and what captures do that are read and not written. A table of such a name would not be
/// what it is called.
const UNWRITTEN_PACKINGS: &[&str] = &["xz", "lz4", "bz2", "lzma", "lz", "br", "sz", "z", "zip", "7z", "rar"];
const UNWRITTEN_CAPTURES: &[&str] = &["pcapng", "cap", "dmp", "ntar"];

/// What a path would promise that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unwritten {
    /// A compression, or one more than can be.
    Packing(String),
    /// A capture of another kind than pcap.
    Capture(String),
}

impl Unwritten {
    /// What the file's extensions promise, if it is such a thing.
    pub(crate) fn of_path(path: &Path) -> Option<Unwritten> {
        let is_packing = |word: &str| PACKINGS.iter().any(|row| row.1 == word);
        let mut word = extension(path);
        let is_packed = is_packing(&word);
        if is_packed {
            word = extension(&path.with_extension(""));
        }
        if UNWRITTEN_PACKINGS.contains(&&*word) || is_packed && is_packing(&word) {
            return Some(Unwritten::Packing(word));
        }
        UNWRITTEN_CAPTURES.contains(&&*word).then_some(Unwritten::Capture(word))
    }
}

/// The compression that the last extension of a path names, of whatever kind: for what is never packed.
pub(crate) fn packing_named(path: &Path) -> Option<String> {
    let word = extension(path);
    let is_packing = UNWRITTEN_PACKINGS.contains(&&*word) || PACKINGS.iter().any(|row| row.1 == word);
    is_packing.then_some(word)
}

/// The last extension of a path, in lower case; empty if it has none.
fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

impl Format {
    pub(crate) fn row(self) -> &'static Row {
        FORMATS.iter().find(|row| row.format == self).expect("each format has a row")
    }

    /// Whether it has the columns of a table. The others have messages, whatever columns there are.
    pub(crate) fn has_columns(self) -> bool {
        !matches!(self, Format::Cdns | Format::Dnstap | Format::Pcap)
    }

    /// What a schema is written as where neither an option nor the name of a file says: as its tool does, if that is text.
    pub(crate) fn of_schema(name: &str) -> Format {
        match name {
            "zeek" => Format::Tsv,
            "dns-collector" | "ecs" => Format::Jsonl,
            _ => Format::Csv,
        }
    }

    /// The format and the compression that a file's extensions tell.
    pub(crate) fn of_path(path: &Path) -> (Option<Format>, Option<Packing>) {
        let last = extension(path);
        let packing = PACKINGS.iter().find(|row| row.1 == last).map(|row| row.0);
        let named = if packing.is_some() { extension(&path.with_extension("")) } else { last };
        let format = FORMATS.iter().find(|row| row.extensions.contains(&&*named)).map(|row| row.format);
        (format, packing)
    }
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Format; FORMATS.len()] = {
            let mut all = [Format::Csv; FORMATS.len()];
            let mut at = 0;
            while at < all.len() {
                all[at] = FORMATS[at].format;
                at += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let Row { name, aliases, help, .. } = self.row();
        Some(PossibleValue::new(*name).aliases(*aliases).help(*help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_tell_format_and_compression() {
        for (path, expected) in [
            ("a/b.csv", (Some(Format::Csv), None)),
            ("b.JSON.GZ", (Some(Format::Jsonl), Some(Packing::Gzip))),
            ("b.cdns.zst", (Some(Format::Cdns), Some(Packing::Zstd))),
            ("b.gz", (None, Some(Packing::Gzip))),
            ("b.pq", (Some(Format::Parquet), None)),
            ("b", (None, None)),
        ] {
            assert_eq!(Format::of_path(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn extensions_of_what_is_not_written_are_known() {
        let packing = |word: &str| Some(Unwritten::Packing(word.to_owned()));
        let capture = |word: &str| Some(Unwritten::Capture(word.to_owned()));
        for (path, expected) in [
            ("x.pcap.XZ", packing("xz")),
            ("x.csv.bz2", packing("bz2")),
            ("x.parquet.xz", packing("xz")),
            ("x.lz4", packing("lz4")),
            ("x.csv.bz2.gz", packing("bz2")),
            ("x.csv.gz.gz", packing("gz")),
            ("x.pcapng", capture("pcapng")),
            ("x.cap.gz", capture("cap")),
            ("x.csv.gz", None),
            ("x.pcap", None),
            ("x.dat", None),
            ("x.gz", None),
            ("xz", None),
            (".xz", None),
            ("dir.xz/x", None),
        ] {
            assert_eq!(Unwritten::of_path(Path::new(path)), expected, "{path}");
        }
    }
}
