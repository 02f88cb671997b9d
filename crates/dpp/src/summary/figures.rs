//! The figures of a [`Summary`], each with its key and its words: what text, JSON and pages are made of.
//!
//! Values are as they are; how many digits they have, and in which unit people read them, is for whoever shows them.

use super::{COUNTED, Counted, Summary, TEXT, TIMED};
use crate::dns::iana;
use crate::dns::name::write_text;
use crate::tallies::{AddressKey, Counts, Number, Quantiles, Top, Tops};
use crate::transaction::TRANSPORTS;
use std::borrow::Cow;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// It is not known, or there is none.
    Nothing,
    /// A number of things.
    Count(u64),
    /// A number of different things, with its standard error as a share of it.
    About(Number),
    /// So many of so many.
    Share(u64, u64),
    /// A length of time, ns.
    Ns(u64),
    /// A length, bytes.
    Bytes(u64),
    /// A mean: of times in ns, of lengths in bytes.
    Mean(f64),
    /// A time, ns since 1970 UTC.
    Time(i64),
    /// Yes or no.
    Flag(bool),
    /// An address, a name, a mnemonic.
    Text(Cow<'static, str>),
}

/// A figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its key, for programs.
    pub key: &'static str,
    /// What it is, in a sentence.
    pub sentence: &'static str,
    /// The value.
    pub value: Shown,
}

/// Figures that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Their key.
    pub key: &'static str,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// Figures in rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its key.
    pub key: &'static str,
    /// What it shows, in a sentence.
    pub sentence: &'static str,
    /// The keys of its columns.
    pub columns: Vec<&'static str>,
    /// A value for each column.
    pub rows: Vec<Vec<Shown>>,
    /// Whether all of it was counted, and nothing estimated.
    pub is_exact: bool,
}

/// All figures of a summary, in an order that people read.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Single ones.
    pub groups: Vec<Group>,
    /// Tables.
    pub tables: Vec<Table>,
}

impl Figures {
    /// The figure of a group.
    pub fn of(&self, group: &str, key: &str) -> Option<&Shown> {
        let group = self.groups.iter().find(|of| of.key == group)?;
        Some(&group.figures.iter().find(|figure| figure.key == key)?.value)
    }

    /// A table.
    pub fn table(&self, key: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.key == key)
    }
}

/// Quantiles that are told: per mille, and the key.
const QUANTILES: [(u64, &str); 7] =
    [(10, "p1"), (100, "p10"), (500, "p50"), (900, "p90"), (950, "p95"), (990, "p99"), (999, "p999")];

impl Summary {
    /// All figures; of what there is most of so many rows.
    pub fn figures(&self, rows: usize) -> Figures {
        let groups = vec![
            Group { key: "totals", figures: self.totals() },
            Group { key: "shares", figures: self.shares() },
            Group { key: "distinct", figures: self.numbers() },
            distribution("rtt", &self.rtts, Shown::Ns),
            distribution("query_size", &self.query_sizes, Shown::Bytes),
            distribution("response_size", &self.response_sizes, Shown::Bytes),
        ];
        let tables = vec![
            self.over_time(),
            of_counts("types", "Types that were asked for.", &self.types, |code, out| {
                iana::TYPES.write(code, out);
            }),
            of_counts("classes", "Classes that were asked for.", &self.classes, |code, out| {
                iana::CLASSES.write(code, out);
            }),
            of_counts("rcodes", "Response codes of answers.", &self.rcodes, iana::write_rcode),
            of_counts("transports", "Transports of queries.", &self.transports, transport),
            of_counts("opcodes", "Opcodes of queries.", &self.opcodes, |code, out| {
                iana::OPCODES.write(code, out);
            }),
            of_counts("edns_versions", "EDNS versions of queries.", &self.edns_versions, number),
            of_counts(
                "edns_sizes",
                "Longest datagrams that clients can take, bytes.",
                &self.edns_sizes,
                number,
            ),
            of_tops("clients", "Clients with the most queries.", &self.clients, rows, who),
            of_tops(
                "client_prefixes",
                "Networks of clients with the most queries: /24 of IPv4, /48 of IPv6.",
                &self.client_prefixes,
                rows,
                network,
            ),
            self.servers_table(rows),
            of_tops("names", "Names that were asked for most often.", &self.names, rows, name),
            of_tops("domains", "Registered domains of names.", &self.domains, rows, name),
            of_tops("tlds", "Top-level domains of names.", &self.tlds, rows, name),
        ];
        Figures { groups, tables }
    }

    fn totals(&self) -> Vec<Figure> {
        let time = |pick: fn((i64, i64)) -> i64| {
            self.first_and_last_ns().map_or(Shown::Nothing, |both| Shown::Time(pick(both)))
        };
        let first = ("first_query", "When the first query was sent.", time(|both| both.0));
        let last = ("last_query", "When the last query was sent.", time(|both| both.1));
        let counted =
            COUNTED.iter().map(|&(what, key, sentence)| (key, sentence, Shown::Count(self.counted(what))));
        [first, last].into_iter().chain(counted).map(figure).collect()
    }

    fn shares(&self) -> Vec<Figure> {
        use Counted::*;
        let queries = |what| Shown::Share(self.counted(what), self.counted(Queries));
        let code = |code| Shown::Share(self.rcodes.of(code), self.rcodes.total());
        let rows = [
            ("unanswered", "Of queries, those that were not answered in time.", queries(Unanswered)),
            ("retried", "Of queries, those that were repeated.", queries(Retried)),
            ("nxdomain", "Of answers, those with NXDOMAIN.", code(super::NXDOMAIN)),
            ("servfail", "Of answers, those with SERVFAIL.", code(super::SERVFAIL)),
            ("refused", "Of answers, those with REFUSED.", code(super::REFUSED)),
            ("edns", "Of queries, those with an OPT record.", queries(Edns)),
            ("dnssec", "Of queries, those with DO set.", queries(Do)),
            ("ipv6", "Of queries, those over IPv6.", queries(Ipv6)),
            (
                "truncated",
                "Of answers, those with TC set.",
                Shown::Share(self.counted(Tc), self.counted(Answered)),
            ),
        ];
        rows.into_iter().map(figure).collect()
    }

    fn numbers(&self) -> Vec<Figure> {
        let rows = [
            ("clients", "Different clients.", &self.clients),
            ("client_prefixes", "Different networks of clients.", &self.client_prefixes),
            ("servers", "Different servers.", &self.servers),
            ("names", "Different names, without regard to case.", &self.names),
            ("domains", "Different registered domains.", &self.domains),
            ("tlds", "Different top-level domains.", &self.tlds),
        ];
        rows.into_iter()
            .map(|(key, sentence, tops)| figure((key, sentence, Shown::About(tops.distinct()))))
            .collect()
    }

    fn over_time(&self) -> Table {
        let columns = ["start", "width"].into_iter().chain(TIMED.iter().map(|row| row.1)).collect();
        let width = Shown::Ns(self.times.width_s() * 1_000_000_000);
        let row = |(start, counters): (i64, &[u64; TIMED.len()])| {
            let when = [Shown::Time(start.saturating_mul(1_000_000_000)), width.clone()];
            when.into_iter().chain(counters.map(Shown::Count)).collect()
        };
        let rows = self.times.spans().map(row).collect();
        let sentence = "What came in each span of time with something in it.";
        Table { key: "over_time", sentence, columns, rows, is_exact: true }
    }

    fn servers_table(&self, rows: usize) -> Table {
        let sentence =
            "Servers with the most queries; where they are many, what they did is estimated from a sample.";
        let top = self.servers.top(rows);
        let mut table = of_top("servers", sentence, &self.servers, &top, who);
        table.is_exact &= self.by_server.is_there() || self.sample.is_whole();
        table.columns.extend(["looked_at", "without_code", "nxdomain", "servfail", "rtt_mean"]);
        table.columns.extend(["rtt_p50", "rtt_p90", "rtt_p99", "rtt_max"]);
        let all = self.of_servers(top.iter().map(|top| &top.key[..]));
        for (row, figures) in table.rows.iter_mut().zip(all) {
            let figures = figures.unwrap_or_default();
            let (queries, time) = (figures.queries(), |ns: Option<u64>| ns.map_or(Shown::Nothing, Shown::Ns));
            row.push(Shown::Count(queries));
            row.push(Shown::Share(figures.without_code, queries));
            row.push(Shown::Share(figures.rcodes.of(super::NXDOMAIN), queries));
            row.push(Shown::Share(figures.rcodes.of(super::SERVFAIL), queries));
            row.push(figures.rtts.mean().map_or(Shown::Nothing, Shown::Mean));
            row.extend([500, 900, 990].map(|per_mille| time(figures.rtts.quantile(per_mille))));
            row.push(time(figures.rtts.max()));
        }
        table
    }
}

fn figure((key, sentence, value): (&'static str, &'static str, Shown)) -> Figure {
    Figure { key, sentence, value }
}

/// What is told of a histogram.
fn distribution(key: &'static str, of: &Quantiles, unit: fn(u64) -> Shown) -> Group {
    let value = |number: Option<u64>| number.map_or(Shown::Nothing, unit);
    let ends = [
        ("count", "How many there are.", Shown::Count(of.count())),
        ("min", "The smallest.", value(of.min())),
        ("max", "The largest.", value(of.max())),
        ("mean", "The mean.", of.mean().map_or(Shown::Nothing, Shown::Mean)),
    ];
    const SENTENCE: &str =
        "What so many of a hundred (p999: of a thousand) do not exceed, at most 0.8 % too high.";
    let quantiles = QUANTILES.map(|(per_mille, key)| (key, SENTENCE, value(of.quantile(per_mille))));
    Group { key, figures: ends.into_iter().chain(quantiles).map(figure).collect() }
}

fn of_counts(
    key: &'static str,
    sentence: &'static str,
    counts: &Counts,
    write: impl Fn(u16, &mut Vec<u8>),
) -> Table {
    let total = counts.total();
    let row = |(number, count)| {
        vec![text(|out| write(number, out)), Shown::Count(count), Shown::Share(count, total)]
    };
    let rows = counts.most_frequent().into_iter().map(row).collect();
    Table { key, sentence, columns: vec![SINGULAR, "count", "share"], rows, is_exact: true }
}

/// What the first column of tables is called.
const SINGULAR: &str = "value";

fn of_tops(
    key: &'static str,
    sentence: &'static str,
    tops: &Tops,
    rows: usize,
    write: impl Fn(&[u8], &mut Vec<u8>),
) -> Table {
    of_top(key, sentence, tops, &tops.top(rows), write)
}

fn of_top(
    key: &'static str,
    sentence: &'static str,
    tops: &Tops,
    top: &[Top],
    write: impl Fn(&[u8], &mut Vec<u8>),
) -> Table {
    let total = tops.total();
    let row = |top: &Top| {
        let counts = [top.count, top.least, top.most].map(Shown::Count);
        let value = text(|out| write(&top.key, out));
        [value].into_iter().chain(counts).chain([Shown::Share(top.count, total)]).collect()
    };
    let columns = vec![SINGULAR, "count", "least", "most", "share"];
    Table { key, sentence, columns, rows: top.iter().map(row).collect(), is_exact: tops.is_exact() }
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> Shown {
    let mut bytes = Vec::new();
    write(&mut bytes);
    Shown::Text(String::from_utf8_lossy(&bytes).into_owned().into())
}

fn number(number: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(number.to_string().as_bytes());
}

fn transport(number: u16, out: &mut Vec<u8>) {
    let row = TRANSPORTS.iter().find(|row| row.0 as u16 == number);
    out.extend_from_slice(row.map_or("unknown", |row| row.1).as_bytes());
}

fn name(wire: &[u8], out: &mut Vec<u8>) {
    write_text(wire, out);
}

/// A network, by its key.
fn network(key: &[u8], out: &mut Vec<u8>) {
    match AddressKey::of_network(key) {
        Some((address, bits)) => out.extend_from_slice(format!("{address}/{bits}").as_bytes()),
        // In a part file that others wrote.
        None => out.extend(key.escape_ascii()),
    }
}

/// A client or server, by its key.
fn who(key: &[u8], out: &mut Vec<u8>) {
    if let Some(address) = AddressKey::address(key) {
        return out.extend_from_slice(address.to_string().as_bytes());
    }
    match key {
        [TEXT, text @ ..] => out.extend_from_slice(text),
        // In a part file that others wrote.
        other => out.extend(other.escape_ascii()),
    }
}
