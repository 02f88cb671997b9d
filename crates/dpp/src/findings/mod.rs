//! Figures of groups of transactions as tables: over time, by server, by name; the slowest, the most repeated, what looks like
//! an attack.
//!
//! A [`Wish`] says by what transactions are grouped ([`By`]), and which of the [`DEFINITIONS`] is wanted: which transactions
//! count, which [`Measure`]s are told of each group, which groups are told and in which order. All of them are counted alike, in
//! one [`Findings`], which merges; several of the same transactions are [`AllFindings`]. **To add a table, add a row to
//! [`DEFINITIONS`]**.
//!
//! What it costs, per transaction: the key (each of its parts is asked of a column), a look into a hash table, some counters, a
//! place in a short sorted list for the round-trip time, for the client and for the name.

mod by;
mod figures;

use crate::dns::name::write_text;
use crate::limits::{FINDINGS_MAX, FINDINGS_WORDS_MAX};
use crate::table::{Context, Kind, Scratch, Value};
use crate::tallies::entry::{Entries, NotMine, Op};
use crate::tallies::{Hash, Room, Tally, Thinned, finished, fold, read_number, split_key};
use crate::transaction::{Face, Needs, State, Transaction, Transport};
pub use by::By;
use figures::{Figures, Wants};
pub use figures::{MEASURES, Measure};
use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

/// A table, and what it says.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// What it shows, in a sentence.
    pub sentence: &'static str,
    /// By what transactions are grouped, if nothing else is said; nothing if it must be said.
    pub by: &'static [&'static str],
    /// Which transactions count.
    only: Only,
    /// The names of the measures that are told, in their order.
    pub measures: &'static [&'static str],
    /// Groups are told whose measures are not less than this, if nothing else is said.
    pub least: &'static [(&'static str, f64)],
    /// The measure of which the largest comes first; without one, rows are in the order of what they are grouped by.
    pub order: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Only {
    Queries,
    AnsweredOverUdp,
}

impl Definition {
    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Definition> {
        DEFINITIONS.iter().find(|definition| definition.name == name)
    }

    /// Which transactions count, in words.
    pub fn counted(&self) -> &'static str {
        match self.only {
            Only::Queries => "all queries",
            Only::AnsweredOverUdp => "queries over UDP that were answered",
        }
    }
}

/// All tables.
pub const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "traffic",
        sentence: "How much there was, what came of it, and how long it took",
        by: &[],
        only: Only::Queries,
        measures: &[
            "queries",
            "answered",
            "unanswered",
            "retries",
            "noerror",
            "nxdomain",
            "servfail",
            "refused",
            "other_rcodes",
            "query_bytes",
            "response_bytes",
            "rtt_mean_ns",
            "rtt_p50_ns",
            "rtt_p90_ns",
            "rtt_p99_ns",
            "rtt_max_ns",
            "clients",
            "names",
        ],
        least: &[],
        order: None,
    },
    Definition {
        name: "slow-names",
        sentence: "Names that are slow to be answered, the slowest first",
        by: &["name"],
        only: Only::Queries,
        measures: &[
            "queries",
            "answered",
            "unanswered",
            "unanswered_share",
            "rtt_p50_ns",
            "rtt_p95_ns",
            "rtt_max_ns",
            "rtt_mean_ns",
            "waited_ns",
        ],
        least: &[("answered", 10.0)],
        order: Some("rtt_p95_ns"),
    },
    Definition {
        name: "slow-servers",
        sentence: "Servers that are slow to answer, the slowest first",
        by: &["server"],
        only: Only::Queries,
        measures: &[
            "queries",
            "answered",
            "unanswered",
            "unanswered_share",
            "servfail",
            "rtt_p50_ns",
            "rtt_p95_ns",
            "rtt_max_ns",
            "rtt_mean_ns",
            "waited_ns",
        ],
        least: &[("answered", 10.0)],
        order: Some("rtt_p95_ns"),
    },
    Definition {
        name: "nxdomain-storms",
        sentence: "Minutes in which a client asked for many names of which most do not exist, the most such answers first",
        by: &["minute", "client"],
        only: Only::Queries,
        measures: &[
            "queries",
            "answered",
            "nxdomain",
            "nxdomain_share",
            "clients",
            "names",
            "names_per_query",
        ],
        least: &[("nxdomain", 100.0), ("nxdomain_share", 0.5)],
        order: Some("nxdomain"),
    },
    Definition {
        name: "random-subdomains",
        sentence: "Registered domains below which nearly every query asks for another name, the most names first",
        by: &["domain"],
        only: Only::Queries,
        measures: &[
            "queries",
            "names",
            "names_per_query",
            "nxdomain_share",
            "unanswered_share",
            "name_length_mean",
            "name_entropy_mean",
            "clients",
        ],
        least: &[("names", 100.0), ("names_per_query", 0.5)],
        order: Some("names"),
    },
    Definition {
        name: "amplification",
        sentence: "Clients that get far more than they send, as victims of reflection do, the most bytes first",
        by: &["client"],
        only: Only::AnsweredOverUdp,
        measures: &[
            "queries",
            "query_bytes",
            "response_bytes",
            "amplification",
            "response_max_bytes",
            "any_share",
            "txt_share",
            "dnskey_share",
            "names",
        ],
        least: &[("queries", 10.0), ("amplification", 5.0)],
        order: Some("response_bytes"),
    },
    Definition {
        name: "retries",
        sentence: "Clients that repeat their queries, the most repetitions first",
        by: &["client"],
        only: Only::Queries,
        measures: &[
            "queries",
            "retries",
            "retry_share",
            "answered",
            "unanswered",
            "unanswered_share",
            "servfail",
        ],
        least: &[("retries", 1.0)],
        order: Some("retries"),
    },
];

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    definition: &'static str,
    by: Vec<By>,
    least: Vec<(&'static str, f64)>,
}

impl Wish {
    /// A table, by something else than it says, if that is not empty; of groups whose measures are not less than it says, or
    /// than is said here.
    ///
    /// # Panics
    /// If there is nothing to group by, or a measure is not among those of the table.
    pub fn new(definition: &'static Definition, by: Vec<By>, least: &[(&str, f64)]) -> Wish {
        let own =
            || definition.by.iter().map(|name| By::named(name).expect("tables name what there is")).collect();
        let by: Vec<By> = if by.is_empty() { own() } else { by };
        assert!(!by.is_empty(), "{}: there is nothing to group by", definition.name);
        let mut all = definition.least.to_vec();
        for (name, number) in least {
            let own = definition.measures.iter().find(|own| *own == name).expect("a measure of the table");
            all.retain(|(name, _)| name != own);
            all.push((own, *number));
        }
        Wish { definition: definition.name, by, least: all }
    }

    /// What is counted, in a word: the table and what it is by, `retries:client`. Which groups are told is not in it, for those
    /// that are not are counted too.
    pub fn name(&self) -> String {
        format!("{}:{}", self.definition, self.by.iter().map(|by| by.name).collect::<Vec<_>>().join(","))
    }

    /// What a file with the table is called: `retries`, and `retries-by-server` if it is by something else than it says.
    pub fn file_name(&self) -> String {
        let by: Vec<&str> = self.by.iter().map(|by| by.name).collect();
        match by == self.definition().by {
            true => self.definition.to_owned(),
            false => format!("{}-by-{}", self.definition, by.join("-")),
        }
    }

    /// What transactions are grouped by.
    pub fn by(&self) -> &[By] {
        &self.by
    }

    /// What has to be kept of transactions.
    pub fn needs(&self) -> Needs {
        self.by.iter().fold(Needs::BRIEF, |needs, by| needs | by.needs())
    }

    fn definition(&self) -> &'static Definition {
        Definition::named(self.definition).expect("it is one of them")
    }

    fn measures(&self) -> impl Iterator<Item = &'static Measure> {
        let names = self.definition().measures.iter();
        names.map(|name| Measure::named(name).expect("tables name measures that there are"))
    }

    fn wants(&self) -> Wants {
        self.measures().fold(Wants::NOTHING, |wants, measure| wants.and(measure.wants))
    }
}

/// What is counted for a table.
#[derive(Clone, Debug)]
pub struct Findings {
    wish: Arc<Wish>,
    only: Only,
    wants: Wants,
    groups: Thinned<Figures>,
    /// Room for what is made of a row.
    scratch: Scratch,
    key: Vec<u8>,
}

impl PartialEq for Findings {
    fn eq(&self, other: &Self) -> bool {
        self.wish == other.wish && self.groups == other.groups
    }
}

impl Findings {
    /// Of nothing. Everything is counted, however many groups there are, or as many as have room.
    pub fn new(wish: Wish, is_exact: bool) -> Self {
        let room = match is_exact {
            true => Room::UNBOUNDED,
            false => Room { tallies: FINDINGS_MAX, words: FINDINGS_WORDS_MAX },
        };
        Findings::with_room(wish, room)
    }

    /// The same with as much room as this.
    pub fn with_room(wish: Wish, room: Room) -> Self {
        let blank = Figures::new(room == Room::UNBOUNDED);
        let (only, wants) = (wish.definition().only, wish.wants());
        let groups = Thinned::new(room, blank);
        Findings { wish: Arc::new(wish), only, wants, groups, scratch: Scratch::default(), key: Vec::new() }
    }

    /// Counts a row.
    pub fn add(&mut self, row: &Transaction, context: &Context) {
        // Of a response in a row of its own there was the query; one that nobody asked for has none.
        if row.face() == Face::Response || row.is_unasked() {
            return;
        }
        let is_over_udp = || row.key().transport() == Transport::Udp;
        if self.only == Only::AnsweredOverUdp && !(row.state() == State::Matched && is_over_udp()) {
            return;
        }
        let Findings { wish, groups, scratch, key, wants, .. } = self;
        key.clear();
        wish.by.iter().for_each(|by| by.write(row, context, scratch, key));
        let rank = rank(row, key);
        groups.add(key, rank, |figures| figures.add(row, context, scratch, *wants));
    }

    /// For which table they are.
    pub fn wish(&self) -> &Wish {
        &self.wish
    }

    /// Of so many transactions one was counted, on average: 1 if all were.
    pub fn one_in(&self) -> u64 {
        self.groups.one_in()
    }

    /// The table, with at most so many rows.
    pub fn table(&self, rows: usize) -> Table {
        let (wish, one_in) = (&self.wish, self.groups.one_in());
        let measures: Vec<&Measure> = wish.measures().collect();
        let keys = wish.by.iter().map(|by| Heading { name: by.name, kind: by.kind(), is_key: true });
        let values = measures.iter().map(|own| Heading { name: own.name, kind: own.kind, is_key: false });
        let last = Heading { name: ONE_IN.0, kind: Kind::U64, is_key: false };
        let columns: Vec<Heading> = keys.chain(values).chain([last]).collect();
        let place = |name: &str| columns.iter().position(|column| !column.is_key && column.name == name);
        let least: Vec<_> =
            wish.least.iter().filter_map(|(name, least)| Some((place(name)?, *least))).collect();
        let order = wish.definition().order.and_then(place);
        let row = |(key, figures): (&[u8], Figures)| {
            let mut cells = by::cells(key);
            cells.resize(wish.by.len(), Cell::Null);
            cells.extend(measures.iter().map(|measure| measure.cell(&figures, one_in)));
            cells.push(Cell::Count(one_in));
            cells
        };
        let is_told = |row: &Vec<Cell>| {
            least.iter().all(|&(place, least)| row[place].number().is_some_and(|number| number >= least))
        };
        let mut all: Vec<Vec<Cell>> = self.groups.all().into_iter().map(row).filter(is_told).collect();
        all.sort_by_cached_key(|row| {
            let first = order.and_then(|place| row[place].number()).unwrap_or(0.0);
            (Descending(first), row[..wish.by.len()].iter().map(Cell::place).collect::<Vec<_>>())
        });
        all.truncate(rows);
        Table { columns, rows: all, one_in }
    }
}

/// The column that every table has last, and what it is.
pub const ONE_IN: (&str, &str) =
    ("one_in", "Of so many transactions one was counted; 1 if all were, and nothing is estimated");

/// The random number that a transaction brings: a hash of when it was, of ports and id, and of its group.
#[inline]
fn rank(row: &Transaction, key: &[u8]) -> u64 {
    let question = row.key();
    let (ports, id) = (
        u64::from(question.client_port()) << 16 | u64::from(question.server_port()),
        u64::from(question.id()),
    );
    let group = Hash::of(key);
    finished(fold(row.request_ns() as u64 ^ group.first, (ports << 16 | id) ^ group.second))
}

impl Tally for Findings {
    fn merge(&mut self, other: &Findings) {
        self.groups.merge(&other.groups);
    }
}

/// Those of the groups. For which table they are, whoever keeps them has to say.
impl Entries for Findings {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        self.groups.tell(prefix, emit);
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        self.groups.take(op, key, number)
    }

    fn settle(&mut self) {
        self.groups.settle();
    }
}

/// What is counted for several tables of the same transactions; each is as it would be alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AllFindings(Vec<Findings>);

impl AllFindings {
    /// Of nothing, for these tables.
    pub fn new(wishes: Vec<Wish>, is_exact: bool) -> Self {
        AllFindings(wishes.into_iter().map(|wish| Findings::new(wish, is_exact)).collect())
    }

    /// Counts a row.
    pub fn add(&mut self, row: &Transaction, context: &Context) {
        self.0.iter_mut().for_each(|findings| findings.add(row, context));
    }

    /// Those for each table.
    pub fn all(&self) -> &[Findings] {
        &self.0
    }
}

impl Tally for AllFindings {
    fn merge(&mut self, other: &AllFindings) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| mine.merge(theirs));
    }
}

/// Those of each table, behind its number.
impl Entries for AllFindings {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        for (number, findings) in self.0.iter().enumerate() {
            findings.tell(&format!("{prefix}{number}/"), emit);
        }
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        let (table, rest) = split_key(key)?;
        self.0.get_mut(read_number::<usize>(table)?).ok_or(NotMine)?.take(op, rest, number)
    }

    fn settle(&mut self) {
        self.0.iter_mut().for_each(Findings::settle);
    }
}

/// Rows for groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What each column is.
    pub columns: Vec<Heading>,
    /// A cell for each column.
    pub rows: Vec<Vec<Cell>>,
    /// Of so many transactions one was counted.
    pub one_in: u64,
}

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heading {
    /// Its name.
    pub name: &'static str,
    /// The kind of its values.
    pub kind: Kind,
    /// Whether it is one of those that transactions are grouped by.
    pub is_key: bool,
}

/// A value of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// None.
    Null,
    /// Yes or no.
    Flag(bool),
    /// A number of something.
    Count(u64),
    /// A number that may be negative.
    Signed(i64),
    /// A number with a fraction.
    Fraction(f64),
    /// A time, ns since 1970 UTC.
    Time(i64),
    /// An address.
    Address(IpAddr),
    /// An address with so many bits of it.
    Network(IpAddr, u8),
    /// A name in wire form.
    Name(Vec<u8>),
    /// A text.
    Text(String),
}

/// Where a cell stands among others of its column.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    None,
    Number(i128),
    Address(IpAddr, u8),
    Text(Vec<u8>),
}

/// The larger comes first.
#[derive(PartialEq)]
struct Descending(f64);

impl Eq for Descending {}

impl PartialOrd for Descending {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Descending {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0)
    }
}

impl Cell {
    /// It as columns of tables have it, with `room` for a text that must be made.
    pub fn value<'a>(&'a self, room: &'a mut String) -> Value<'a> {
        match self {
            Cell::Null => Value::Null,
            Cell::Flag(is) => Value::Bool(*is),
            Cell::Count(number) => Value::U64(*number),
            Cell::Signed(number) => Value::I64(*number),
            Cell::Fraction(number) => Value::F64(*number),
            Cell::Time(ns) => Value::TimestampNanos(*ns),
            Cell::Address(address) => Value::Address(*address),
            Cell::Network(address, bits) => {
                *room = format!("{address}/{bits}");
                Value::Text(room)
            }
            Cell::Name(wire) => Value::Name(wire),
            Cell::Text(text) => Value::Text(text),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Cell::Count(number) => Some(*number as f64),
            Cell::Fraction(number) => Some(*number),
            _ => None,
        }
    }

    fn place(&self) -> Place {
        match self {
            Cell::Null | Cell::Fraction(_) => Place::None,
            Cell::Flag(is) => Place::Number((*is).into()),
            Cell::Count(number) => Place::Number((*number).into()),
            Cell::Signed(number) | Cell::Time(number) => Place::Number((*number).into()),
            Cell::Address(address) => Place::Address(*address, u8::MAX),
            Cell::Network(address, bits) => Place::Address(*address, *bits),
            Cell::Name(wire) => {
                let mut text = Vec::new();
                write_text(wire, &mut text);
                Place::Text(text)
            }
            Cell::Text(text) => Place::Text(text.as_bytes().to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_name_what_there_is() {
        for definition in DEFINITIONS {
            let name = definition.name;
            assert!(definition.by.iter().all(|by| By::named(by).is_some()), "{name}");
            assert!(definition.measures.iter().all(|measure| Measure::named(measure).is_some()), "{name}");
            let told = definition.least.iter().map(|least| least.0).chain(definition.order);
            assert!(
                told.into_iter().all(|told| definition.measures.contains(&told)),
                "{name}: told, and not shown"
            );
        }
    }

    #[test]
    fn a_measure_is_told_somewhere() {
        for measure in MEASURES {
            let is_told = |definition: &Definition| definition.measures.contains(&measure.name);
            assert!(DEFINITIONS.iter().any(is_told), "{}", measure.name);
        }
    }

    #[test]
    fn columns_of_one_value_can_be_grouped_by() {
        for (name, kind) in [
            ("minute", Some(Kind::TimestampNanos)),
            ("client-prefix", Some(Kind::Text)),
            ("server", Some(Kind::Address)),
            ("qtype", Some(Kind::U64)),
            ("edns_do", Some(Kind::Bool)),
            ("name", Some(Kind::Name)),
            ("query_time", None),
            ("qname_entropy", None),
            ("answers", None),
            ("nonsense", None),
        ] {
            assert_eq!(By::named(name).map(|by| by.kind()), kind, "{name}");
        }
    }

    #[test]
    fn keys_that_nobody_wrote_have_cells_too() {
        for key in [&b"n123"[..], b"d\xFFab", b"t\xFF\xFFab", b"4abc", b"\xEE", b""] {
            assert!(by::cells(key).iter().all(|cell| *cell == Cell::Null), "{}", key.escape_ascii());
        }
        assert_eq!(by::cells(b"d\x03\x01a\0n12345678").len(), 2);
    }
}
