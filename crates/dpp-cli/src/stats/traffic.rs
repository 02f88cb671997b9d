//! What is in some traffic, and what was read to know it: all that a part of statistics holds, and all that is shown.

use crate::counting::Read;
use crate::report;
use dpp::findings::AllFindings;
use dpp::packet::SKIPS;
use dpp::pipeline::{RowAdder, RowTally};
use dpp::stats::Totals;
use dpp::summary::Summary;
use dpp::table::Context;
use dpp::tallies::entry::{Entries, NotMine, Op};
use dpp::tallies::{Tally, read_number, split_key};
use dpp::transaction::Transaction;
use dpp_sink::parts::{key_name, name_of};
use std::collections::BTreeSet;

/// What is in some traffic.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Traffic {
    pub(super) summary: Summary,
    /// What is counted for tables of figures.
    pub(super) tables: AllFindings,
    pub(super) account: Account,
    pub(super) inputs: Vec<Listed>,
    /// Entries that were taken.
    taken: u64,
}

/// After so many entries it is looked whether what they name is too much to be kept one by one.
const SETTLED: u64 = 1 << 20;

/// What stands before the keys of an account, of inputs and of tables; a summary has no such keys.
const ACCOUNT: &str = "account";
const INPUT: &str = "input";
const TABLE: &str = "table";

/// The number of the table that an entry is of. Its key begins with a site.
pub(super) fn table_of(key: &[u8]) -> Option<usize> {
    let (_, rest) = split_key(key).ok()?;
    let rest = rest.strip_prefix(TABLE.as_bytes())?.strip_prefix(b"/")?;
    read_number(split_key(rest).ok()?.0).ok()
}

impl Traffic {
    /// Of which nothing is known. Up to so many different clients, servers, names and so on are counted one by one.
    pub(super) fn new(keys_max: u64, tables: AllFindings) -> Traffic {
        let account = Account::of(&Totals::default());
        Traffic { summary: Summary::new(keys_max), tables, account, inputs: Vec::new(), taken: 0 }
    }

    /// What was added up beside rows.
    pub(super) fn of(summary: Summary, totals: &Totals, read: &[Read]) -> Traffic {
        let tables = AllFindings::default();
        let nothing = Account::of(&Totals::default());
        Traffic { summary, tables, account: nothing, inputs: Vec::new(), taken: 0 }.read_in(totals, read)
    }

    /// With what was read to know it.
    pub(super) fn read_in(self, totals: &Totals, read: &[Read]) -> Traffic {
        let inputs = read.iter().map(Listed::of).collect();
        Traffic { account: Account::of(totals), inputs, ..self }
    }
}

impl Tally for Traffic {
    fn merge(&mut self, other: &Traffic) {
        self.summary.merge(&other.summary);
        self.tables.merge(&other.tables);
        self.account.merge(&other.account);
        self.inputs.extend(other.inputs.iter().cloned());
        self.inputs.sort();
    }
}

/// Of rows nothing is known of packets and captures.
impl RowTally for Traffic {
    type Adder = Adding;

    fn adder(&self, context: &Context) -> Adding {
        Adding {
            summary: self.summary.adder(context),
            tables: self.tables.adder(context),
            blank: self.clone(),
        }
    }
}

/// Adds rows to all that is counted of them.
pub(super) struct Adding {
    summary: <Summary as RowTally>::Adder,
    tables: <AllFindings as RowTally>::Adder,
    blank: Traffic,
}

impl RowAdder for Adding {
    type Sum = Traffic;

    fn add_all<'r>(&mut self, rows: impl Iterator<Item = Transaction<'r>> + Clone) {
        self.summary.add_all(rows.clone());
        self.tables.add_all(rows);
    }

    fn sum(self) -> Traffic {
        Traffic { summary: self.summary.sum(), tables: self.tables.sum(), ..self.blank }
    }
}

impl Entries for Traffic {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        self.summary.tell(prefix, emit);
        self.tables.tell(&format!("{prefix}{TABLE}/"), emit);
        self.account.tell(&format!("{prefix}{ACCOUNT}/"), emit);
        // Captures without a packet may be called alike, and have nothing else by which they could be told apart.
        let keys: BTreeSet<String> = self.inputs.iter().map(Listed::key).collect();
        keys.iter().for_each(|key| emit(Op::Member, format!("{prefix}{INPUT}/{key}").as_bytes(), 1));
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        self.taken += 1;
        if self.taken.is_multiple_of(SETTLED) {
            self.summary.settle();
        }
        match (op, split_key(key)) {
            (_, Ok((of, rest))) if of == TABLE.as_bytes() => self.tables.take(op, rest, number),
            (_, Ok((of, rest))) if of == ACCOUNT.as_bytes() => self.account.take(op, rest, number),
            (Op::Member, Ok((of, rest))) if of == INPUT.as_bytes() => {
                self.inputs.push(Listed::of_key(rest).ok_or(NotMine)?);
                Ok(())
            }
            _ => self.summary.take(op, key, number),
        }
    }

    fn settle(&mut self) {
        self.summary.settle();
        self.tables.settle();
        self.inputs.sort();
    }
}

/// A figure of an account: its key, and where it stands.
type Row = (&'static str, fn(&Totals) -> u64);

/// Where packets and messages went.
pub(super) const READ: [Row; 9] = [
    ("packets_read", |totals| totals.read.packets),
    ("packets_used", |totals| totals.used.packets),
    ("bytes_read", |totals| totals.read.bytes),
    ("messages", |totals| totals.messages),
    ("queries", |totals| totals.matches.queries),
    ("responses", |totals| totals.matches.responses),
    ("unclaimed_responses", |totals| totals.matches.unclaimed_responses),
    ("duplicates", |totals| totals.matches.duplicate_queries + totals.matches.duplicate_responses),
    ("filtered", |totals| totals.messages_filtered + totals.rows_filtered),
];

/// Connections on the ports of encrypted DNS whose beginning was seen. On 443 it may be anything.
pub(super) const ENCRYPTED: [Row; 4] = [
    ("dot_connections", |totals| totals.seen.tcp_opened.of(853)),
    ("doq_connections", |totals| totals.seen.quic_opened.of(853)),
    ("https_connections", |totals| totals.seen.tcp_opened.of(443)),
    ("quic_connections", |totals| totals.seen.quic_opened.of(443)),
];

/// What was read, and what of it says nothing of transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// One for each of [`READ`] and [`ENCRYPTED`].
    counts: [u64; READ.len() + ENCRYPTED.len()],
    /// Packets that were skipped, one for each of [`SKIPS`].
    skips: [u64; SKIPS.len()],
}

impl Account {
    /// What came to an earlier account of the same run.
    pub(super) fn since(&self, before: &Account) -> Account {
        let mut since = self.clone();
        since
            .counts
            .iter_mut()
            .zip(&before.counts)
            .for_each(|(now, before)| *now = now.saturating_sub(*before));
        since
            .skips
            .iter_mut()
            .zip(&before.skips)
            .for_each(|(now, before)| *now = now.saturating_sub(*before));
        since
    }

    pub(super) fn of(totals: &Totals) -> Account {
        let rows = READ.iter().chain(&ENCRYPTED);
        let mut account = Account { counts: [0; _], skips: [0; _] };
        account.counts.iter_mut().zip(rows).for_each(|(count, (_, of))| *count = of(totals));
        account.skips.iter_mut().zip(SKIPS).for_each(|(count, row)| *count = totals.skips.of(row.0).packets);
        account
    }

    /// So many of what has this key.
    pub(super) fn count(&self, key: &str) -> u64 {
        let place = READ.iter().chain(&ENCRYPTED).position(|row| row.0 == key);
        place.map_or(0, |place| self.counts[place])
    }

    /// Packets that were skipped: the reason, what it says, and how many. Only reasons that there were.
    pub(super) fn skips(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let rows = SKIPS.iter().zip(self.skips).filter(|(_, packets)| *packets > 0);
        rows.map(|(&(_, name, sentence), packets)| (name, sentence, packets))
    }
}

impl Tally for Account {
    fn merge(&mut self, other: &Account) {
        let mine = self.counts.iter_mut().chain(&mut self.skips);
        let theirs = other.counts.iter().chain(&other.skips);
        mine.zip(theirs).for_each(|(mine, theirs)| *mine = mine.saturating_add(*theirs));
    }
}

impl Entries for Account {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let counts =
            READ.iter().chain(&ENCRYPTED).zip(self.counts).map(|(row, count)| (row.0.to_owned(), count));
        let skips = self.skips().map(|(name, _, packets)| (format!("skips/{name}"), packets));
        for (key, count) in counts.chain(skips).filter(|(_, count)| *count > 0) {
            emit(Op::Sum, format!("{prefix}{key}").as_bytes(), count);
        }
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        let count = match key.strip_prefix(b"skips/") {
            Some(reason) => {
                let place = SKIPS.iter().position(|row| row.1.as_bytes() == reason);
                &mut self.skips[place.ok_or(NotMine)?]
            }
            None => {
                let place = READ.iter().chain(&ENCRYPTED).position(|row| row.0.as_bytes() == key);
                &mut self.counts[place.ok_or(NotMine)?]
            }
        };
        *count = count.saturating_add(number);
        if op == Op::Sum { Ok(()) } else { Err(NotMine) }
    }
}

/// A capture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Listed {
    pub(super) name: String,
    /// How it ended; `None` if that is not known.
    pub(super) ending: Option<&'static str>,
    /// Its fingerprint; empty if there is nothing in it.
    print: String,
}

/// What stands in a key for an ending that is not known, and for a fingerprint that there is none of.
const NONE: &str = "-";

impl Listed {
    fn of(read: &Read) -> Listed {
        Listed {
            name: read.input.file_name(),
            ending: read.ending.as_ref().map(report::ending),
            print: read.print.clone().unwrap_or_default(),
        }
    }

    fn key(&self) -> String {
        let print = if self.print.is_empty() { NONE } else { &self.print };
        format!("{}/{}/{print}", key_name(&self.name), self.ending.unwrap_or(NONE))
    }

    fn of_key(key: &[u8]) -> Option<Listed> {
        let mut words = str::from_utf8(key).ok()?.split('/');
        let (name, ending, print) = (words.next()?, words.next()?, words.next()?);
        let known = report::ENDINGS.into_iter().find(|known| *known == ending);
        let is_one = (known.is_some() || ending == NONE) && words.next().is_none();
        let print = if print == NONE { "" } else { print };
        is_one.then_some(Listed { name: name_of(name)?, ending: known, print: print.to_owned() })
    }
}
