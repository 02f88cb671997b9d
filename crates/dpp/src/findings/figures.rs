//! What is counted of each group of transactions, and THE table of measures: what is told of that.
//!
//! **To add a measure, add a row to [`MEASURES`]**; what it needs to be counted is a row of `counted!`, or a field of
//! [`Figures`]. Counts of a draw are multiplied by what was drawn one of; shares, means and quantiles are those of the draw.

use super::Cell;
use crate::table::{Column, Context, Kind, Scratch, Value};
use crate::tallies::entry::{Entries, NotMine, Op};
use crate::tallies::{Hash, Part, Several, Spread, Tally, Teller};
use crate::transaction::{Lacks, State, Transaction};

macro_rules! counted {
    ($($variant:ident, $key:literal, $sentence:literal;)*) => {
        /// What is added up.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        enum Counted { $(#[doc = $sentence] $variant,)* }

        /// The keys that part files have for them.
        const COUNTED: &[&str] = &[$($key,)*];
    };
}

counted! {
    Queries, "queries", "Transactions with a query.";
    Answered, "answered", "Those that were answered.";
    Unanswered, "unanswered", "Those that were not, in time.";
    Retries, "retries", "Repeated queries.";
    NoError, "rcodes.0", "NOERROR.";
    ServFail, "rcodes.2", "SERVFAIL.";
    NxDomain, "rcodes.3", "NXDOMAIN.";
    Refused, "rcodes.5", "REFUSED.";
    OtherCode, "rcodes.other", "Another response code.";
    QueryBytes, "query_bytes", "Lengths of queries.";
    ResponseBytes, "response_bytes", "Lengths of answers.";
    Any, "types.255", "Queries for ANY.";
    Txt, "types.16", "For TXT.";
    Dnskey, "types.48", "For DNSKEY.";
    Names, "with_name", "Queries whose name is known.";
    NameOctets, "name_octets", "The lengths of their names.";
    NameMicrobits, "name_microbits", "The entropies of their names, in millionths of a bit per octet.";
}

/// What is counted of a group.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figures {
    counts: [u64; COUNTED.len()],
    response_max: u64,
    rtts: Spread,
    clients: Several,
    names: Several,
}

/// What some tables need and others do not: a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wants(u8);

impl Wants {
    pub(super) const NOTHING: Wants = Wants(0);
    const RTTS: Wants = Wants(1);
    const CLIENTS: Wants = Wants(2);
    const NAMES: Wants = Wants(4);
    const SHAPES: Wants = Wants(8);

    pub(super) fn and(self, other: Wants) -> Wants {
        Wants(self.0 | other.0)
    }

    #[inline]
    fn has(self, other: Wants) -> bool {
        self.0 & other.0 != 0
    }
}

/// Types that are asked for to have much sent to somebody else.
const TXT: u16 = 16;
const DNSKEY: u16 = 48;
const ANY: u16 = 255;

impl Figures {
    /// Of nothing. Different clients and names are counted one by one however many there are, or only so far as that is small.
    pub(super) fn new(is_exact: bool) -> Self {
        let several = if is_exact { Several::exact() } else { Several::default() };
        Figures {
            counts: [0; COUNTED.len()],
            response_max: 0,
            rtts: Spread::default(),
            clients: several.clone(),
            names: several,
        }
    }

    #[inline]
    fn of(&self, what: Counted) -> u64 {
        self.counts[what as usize]
    }

    #[inline]
    fn count(&mut self, what: Counted, n: u64) {
        let count = &mut self.counts[what as usize];
        *count = count.saturating_add(n);
    }

    /// Counts a transaction with a query.
    pub(super) fn add(&mut self, row: &Transaction, context: &Context, scratch: &mut Scratch, wants: Wants) {
        self.count(Counted::Queries, 1);
        match row.state() {
            State::Matched => self.count(Counted::Answered, 1),
            State::TimedOut => self.count(Counted::Unanswered, 1),
            _ => {}
        }
        let brief = row.brief();
        self.count(Counted::Retries, brief.retries().into());
        self.count(Counted::QueryBytes, brief.length().unwrap_or(0).into());
        let response = row.answer_bytes().unwrap_or(0);
        self.count(Counted::ResponseBytes, response);
        self.response_max = self.response_max.max(response);
        match Column::Rcode.value(row, context, scratch) {
            Value::U16(0) => self.count(Counted::NoError, 1),
            Value::U16(2) => self.count(Counted::ServFail, 1),
            Value::U16(3) => self.count(Counted::NxDomain, 1),
            Value::U16(5) => self.count(Counted::Refused, 1),
            Value::U16(_) => self.count(Counted::OtherCode, 1),
            _ => {}
        }
        if !row.lacks(Lacks::TYPE) && !row.key().name().is_empty() {
            match row.key().qtype() {
                TXT => self.count(Counted::Txt, 1),
                DNSKEY => self.count(Counted::Dnskey, 1),
                ANY => self.count(Counted::Any, 1),
                _ => {}
            }
        }
        if let Some(rtt_ns) = row.rtt_ns().filter(|_| wants.has(Wants::RTTS)) {
            // What others wrote down may be negative, and is nothing that anybody waited.
            u64::try_from(rtt_ns).into_iter().for_each(|rtt_ns| self.rtts.add(rtt_ns));
        }
        if wants.has(Wants::CLIENTS) {
            self.add_client(context.client(row, scratch));
        }
        if wants.has(Wants::NAMES)
            && let Value::Name(name) = Column::QnameLower.value(row, context, scratch)
        {
            self.names.add(Hash::of(name));
        }
        if wants.has(Wants::SHAPES) {
            self.add_shape(row, context, scratch);
        }
    }

    fn add_client(&mut self, client: Value) {
        let hash = match client {
            Value::Address(std::net::IpAddr::V4(address)) => Hash::of(&address.octets()),
            Value::Address(std::net::IpAddr::V6(address)) => Hash::of(&address.octets()),
            Value::Text(text) => Hash::of(text.as_bytes()),
            _ => return,
        };
        self.clients.add(hash);
    }

    /// What names look like. Fractions are added up as whole numbers, whose sum is the same in any order.
    fn add_shape(&mut self, row: &Transaction, context: &Context, scratch: &mut Scratch) {
        if let Value::U64(octets) = Column::QnameLength.value(row, context, scratch)
            && let Value::F64(bits) = Column::Entropy.value(row, context, scratch)
        {
            self.count(Counted::Names, 1);
            self.count(Counted::NameOctets, octets);
            self.count(Counted::NameMicrobits, (bits * 1e6).round() as u64);
        }
    }
}

impl Part for Figures {
    fn words(&self) -> usize {
        self.rtts.words() + self.clients.words() + self.names.words()
    }
}

impl Tally for Figures {
    fn merge(&mut self, other: &Figures) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine = mine.saturating_add(*theirs);
        }
        self.response_max = self.response_max.max(other.response_max);
        self.rtts.merge(&other.rtts);
        self.clients.merge(&other.clients);
        self.names.merge(&other.names);
    }
}

impl Entries for Figures {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let mut teller = Teller::new(prefix, emit);
        for (key, &count) in COUNTED.iter().zip(&self.counts).filter(|(_, count)| **count > 0) {
            teller.tell(Op::Sum, key.as_bytes(), count);
        }
        if self.response_max > 0 {
            teller.tell(Op::Max, b"response_bytes", self.response_max);
        }
        self.rtts.tell(&format!("{prefix}t/"), emit);
        self.clients.tell(&format!("{prefix}c/"), emit);
        self.names.tell(&format!("{prefix}n/"), emit);
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        match (op, key) {
            (_, [b't', b'/', rest @ ..]) => self.rtts.take(op, rest, number),
            (_, [b'c', b'/', rest @ ..]) => self.clients.take(op, rest, number),
            (_, [b'n', b'/', rest @ ..]) => self.names.take(op, rest, number),
            (Op::Max, b"response_bytes") => {
                self.response_max = self.response_max.max(number);
                Ok(())
            }
            (Op::Sum, key) => {
                let place = COUNTED.iter().position(|own| own.as_bytes() == key).ok_or(NotMine)?;
                self.counts[place] = self.counts[place].saturating_add(number);
                Ok(())
            }
            _ => Err(NotMine),
        }
    }
}

/// Something that is told of a group.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Its name in tables.
    pub name: &'static str,
    /// The kind of its values.
    pub kind: Kind,
    /// What it is, in a sentence.
    pub sentence: &'static str,
    pub(super) wants: Wants,
    told: fn(&Figures) -> Told,
}

/// What is told of a draw.
enum Told {
    /// Something that there is the more of, the more was drawn.
    Count(u64),
    /// Something that there is not.
    Number(u64),
    /// A part of a whole.
    Ratio(u64, u64),
    /// Millionths of a part of a whole.
    Micro(u64, u64),
    Fraction(f64),
    Nothing,
}

use Told::{Count, Fraction, Micro, Nothing, Number, Ratio};

impl Measure {
    /// The measure of this name.
    pub fn named(name: &str) -> Option<&'static Measure> {
        MEASURES.iter().find(|measure| measure.name == name)
    }

    /// Its value for a group, of whose transactions one in so many was counted.
    pub(super) fn cell(&self, figures: &Figures, one_in: u64) -> Cell {
        match (self.told)(figures) {
            Count(count) => Cell::Count(count.saturating_mul(one_in)),
            Number(number) => Cell::Count(number),
            Ratio(_, 0) | Micro(_, 0) | Nothing => Cell::Null,
            Ratio(part, whole) => Cell::Fraction(part as f64 / whole as f64),
            Micro(part, whole) => Cell::Fraction(part as f64 / whole as f64 / 1e6),
            Fraction(fraction) => Cell::Fraction(fraction),
        }
    }
}

fn quantile(figures: &Figures, per_mille: u64) -> Told {
    figures.rtts.quantile(per_mille).map_or(Nothing, Number)
}

const fn count(name: &'static str, sentence: &'static str, told: fn(&Figures) -> Told) -> Measure {
    Measure { name, kind: Kind::U64, sentence, wants: Wants::NOTHING, told }
}

const fn ratio(name: &'static str, sentence: &'static str, told: fn(&Figures) -> Told) -> Measure {
    Measure { name, kind: Kind::F64, sentence, wants: Wants::NOTHING, told }
}

const fn time(name: &'static str, sentence: &'static str, told: fn(&Figures) -> Told) -> Measure {
    Measure { name, kind: Kind::U64, sentence, wants: Wants::RTTS, told }
}

/// All measures.
pub const MEASURES: &[Measure] = &[
    count("queries", "Queries, without repeated ones", |f| Count(f.of(Counted::Queries))),
    count("answered", "Queries that were answered in time", |f| Count(f.of(Counted::Answered))),
    count("unanswered", "Queries that were not answered in time", |f| Count(f.of(Counted::Unanswered))),
    count("retries", "Repeated queries", |f| Count(f.of(Counted::Retries))),
    count("noerror", "Answers with NOERROR", |f| Count(f.of(Counted::NoError))),
    count("nxdomain", "Answers with NXDOMAIN", |f| Count(f.of(Counted::NxDomain))),
    count("servfail", "Answers with SERVFAIL", |f| Count(f.of(Counted::ServFail))),
    count("refused", "Answers with REFUSED", |f| Count(f.of(Counted::Refused))),
    count("other_rcodes", "Answers with another response code", |f| Count(f.of(Counted::OtherCode))),
    count("query_bytes", "Lengths of the queries together (`query_size`), bytes", |f| {
        Count(f.of(Counted::QueryBytes))
    }),
    count(
        "response_bytes",
        "Lengths of the answers together, in all their messages (`response_bytes`), bytes",
        |f| Count(f.of(Counted::ResponseBytes)),
    ),
    count("response_max_bytes", "Length of the longest answer, bytes", |f| Number(f.response_max)),
    time("waited_ns", "Round-trip times of the answered queries together, ns", |f| {
        Count(u64::try_from(f.rtts.sum()).unwrap_or(u64::MAX))
    }),
    Measure {
        name: "rtt_mean_ns",
        kind: Kind::F64,
        sentence: "Mean round-trip time of the answered queries, ns",
        wants: Wants::RTTS,
        told: |f| f.rtts.mean().map_or(Nothing, Fraction),
    },
    time(
        "rtt_p50_ns",
        "Round-trip time that half of the answered queries do not exceed, ns, at most 0.8 % too high",
        |f| quantile(f, 500),
    ),
    time("rtt_p90_ns", "The same of 90 in 100", |f| quantile(f, 900)),
    time("rtt_p95_ns", "The same of 95 in 100", |f| quantile(f, 950)),
    time("rtt_p99_ns", "The same of 99 in 100", |f| quantile(f, 990)),
    time("rtt_max_ns", "The longest round-trip time, ns", |f| f.rtts.max().map_or(Nothing, Number)),
    Measure {
        name: "clients",
        kind: Kind::U64,
        sentence: "Different clients; exact up to 128, beyond that with a standard error of 3.3 %",
        wants: Wants::CLIENTS,
        told: |f| Number(f.clients.number()),
    },
    Measure {
        name: "names",
        kind: Kind::U64,
        sentence: "Different names asked for, without regard to case; exact up to 128, beyond that with a standard error of 3.3 %",
        wants: Wants::NAMES,
        told: |f| Number(f.names.number()),
    },
    Measure {
        name: "names_per_query",
        kind: Kind::F64,
        sentence: "Different names asked for, of each query: 1 if none came twice",
        wants: Wants::NAMES,
        told: |f| Ratio(f.names.number(), f.of(Counted::Queries)),
    },
    Measure {
        name: "name_length_mean",
        kind: Kind::F64,
        sentence: "Mean length of the names asked for (`qname_length`), octets",
        wants: Wants::SHAPES,
        told: |f| Ratio(f.of(Counted::NameOctets), f.of(Counted::Names)),
    },
    Measure {
        name: "name_entropy_mean",
        kind: Kind::F64,
        sentence: "Mean entropy of the names asked for (`qname_entropy`), bits per octet",
        wants: Wants::SHAPES,
        told: |f| Micro(f.of(Counted::NameMicrobits), f.of(Counted::Names)),
    },
    ratio("unanswered_share", "Of the queries, those that were not answered in time: 0 to 1", |f| {
        Ratio(f.of(Counted::Unanswered), f.of(Counted::Queries))
    }),
    ratio("retry_share", "Repeated queries, for each query", |f| {
        Ratio(f.of(Counted::Retries), f.of(Counted::Queries))
    }),
    ratio("nxdomain_share", "Of the answers, those with NXDOMAIN: 0 to 1", |f| {
        Ratio(f.of(Counted::NxDomain), f.of(Counted::Answered))
    }),
    ratio("amplification", "Bytes of answers, for each byte of queries", |f| {
        Ratio(f.of(Counted::ResponseBytes), f.of(Counted::QueryBytes))
    }),
    ratio("any_share", "Of the queries, those for ANY: 0 to 1", |f| {
        Ratio(f.of(Counted::Any), f.of(Counted::Queries))
    }),
    ratio("txt_share", "Of the queries, those for TXT: 0 to 1", |f| {
        Ratio(f.of(Counted::Txt), f.of(Counted::Queries))
    }),
    ratio("dnskey_share", "Of the queries, those for DNSKEY: 0 to 1", |f| {
        Ratio(f.of(Counted::Dnskey), f.of(Counted::Queries))
    }),
];
