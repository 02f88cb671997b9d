//! What a part says of the files that were counted: their fingerprints, their numbers, their days.
//!
//! It stands first in a part, as sums whose keys begin with `!`: a file that is in two parts comes to 2, in any order and
//! grouping, and is found before anything is added.
//!
//! ```text
//! +!content/8f4b...  1    a file of this fingerprint was counted
//! +!day/20240601  234     so many messages of this day
//! +!ending/ams/a.pcap/cut_off 1   a capture of this site that did not end well, and how
//! +!left-out/b.part/twice 1       a part that was left out of a merge, and why
//! +!left-out/c.pcap/unreadable/ams 1   a capture of this site that could not be read
//! +!seq/ams/000000000017 1   a file of this number at this site
//! ```

use super::shown_name;
use dpp::tallies::entry::Op;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// What is known of files.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ledger {
    /// Keys behind the `!`, and how often.
    entries: BTreeMap<String, u64>,
}

/// The digits of a number in a key: so that the order of keys is that of numbers.
const DIGITS: usize = 12;

/// The largest number of a file.
pub const SEQUENCE_MAX: u64 = 999_999_999_999;

/// Why something was left out: the word that stands in keys, and what it says.
const REASONS: [(&str, &str); 14] = [
    ("changed", "it changed while it was read"),
    ("compressed", "it is compressed"),
    ("cut", "it was cut off"),
    ("damaged", "it is damaged"),
    ("day", "it has nothing of the day"),
    ("foreign", "it is no part"),
    ("kind", "it counts something else"),
    ("overflow", "it comes to more than can be counted"),
    ("parameters", "it was counted with other parameters than most"),
    ("twice", "it has what another part has, too"),
    ("unknown", "it has entries that nobody counts"),
    ("unreadable", "it cannot be read"),
    ("unsorted", "it is not sorted"),
    ("version", "it is of another version"),
];

/// What such a word says of something that was left out.
pub fn left_out_words(reason: &str) -> &'static str {
    REASONS.iter().find(|row| row.0 == reason).map_or("it does not add up", |row| row.1)
}

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut<'a> {
    /// How it is called, as in keys.
    pub name: &'a str,
    /// Why, in a word.
    pub reason: &'a str,
}

/// A capture that did not end well.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ended<'a> {
    /// Its site, as in keys.
    pub site: &'a str,
    /// How it is called, likewise.
    pub name: &'a str,
    /// How it ended.
    pub ending: &'a str,
}

/// Some of the numbers of a site's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// The site as it stands in keys.
    pub site: String,
    /// The first and the last number.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// How many there are.
    pub count: u64,
    /// Ranges that are missing between, the first of them.
    pub missing: Vec<(u64, u64)>,
    /// How many numbers these are, with those of ranges that are not named.
    pub missing_count: u64,
}

/// So many ranges of missing numbers are named.
const MISSING_NAMED: usize = 10;

impl Ledger {
    /// Takes an entry, without the `!`. Gives whether it is one.
    pub(super) fn add(&mut self, key: &[u8], number: u64) -> bool {
        let Some(key) = std::str::from_utf8(key).ok().filter(|key| is_known(key)) else { return false };
        let counter = self.entries.entry(key.to_owned()).or_default();
        *counter = counter.saturating_add(number);
        true
    }

    /// A file of this fingerprint was counted.
    pub fn content(&mut self, fingerprint: &str) {
        self.add(format!("content/{fingerprint}").as_bytes(), 1);
    }

    /// A file of this number was counted at a site, which is named as in keys.
    pub fn sequence(&mut self, site: &str, number: u64) {
        self.add(format!("seq/{site}/{number:0DIGITS$}").as_bytes(), 1);
    }

    /// So many messages of this date were counted.
    pub fn day(&mut self, date: &str, messages: u64) {
        self.add(format!("day/{date}").as_bytes(), messages);
    }

    /// A part was left out, which is named as in keys, for this reason.
    pub fn left_out(&mut self, part: &str, reason: &str) {
        self.add(format!("left-out/{part}/{reason}").as_bytes(), 1);
    }

    /// A capture of a site could not be read; both are named as in keys.
    pub fn unread(&mut self, site: &str, capture: &str) {
        self.add(format!("left-out/{capture}/unreadable/{site}").as_bytes(), 1);
    }

    /// A capture of a site did not end well; all are named as in keys.
    pub fn ended(&mut self, site: &str, capture: &str, ending: &str) {
        self.add(format!("ending/{site}/{capture}/{ending}").as_bytes(), 1);
    }

    /// Adds another part's.
    pub fn merge(&mut self, other: &Ledger) {
        for (key, number) in &other.entries {
            self.add(key.as_bytes(), *number);
        }
    }

    /// Forgets all days but this one.
    pub fn only_day(&mut self, date: &str) {
        self.entries.retain(|key, _| key.strip_prefix("day/").is_none_or(|day| day == date));
    }

    /// Forgets what is known to be of other sites than these, which are named as in keys.
    pub fn only_sites(&mut self, sites: &[String]) {
        let is_wanted = |site: &str| sites.iter().any(|wanted| wanted == site);
        self.entries.retain(|key, _| site_of(key).is_none_or(is_wanted));
    }

    /// The sites of which something is known, as in keys.
    pub fn sites(&self) -> BTreeSet<&str> {
        self.entries.keys().filter_map(|key| site_of(key)).collect()
    }

    /// The first file that is there twice, in words.
    pub fn twice(&self) -> Option<String> {
        self.files().find(|(_, count)| **count > 1).map(|(key, _)| words(key))
    }

    /// The first file that is in both.
    pub fn in_both(&self, other: &Ledger) -> Option<String> {
        other.files().find(|(key, _)| self.entries.contains_key(*key)).map(|(key, _)| words(key))
    }

    fn files(&self) -> impl Iterator<Item = (&String, &u64)> {
        // Numbers before fingerprints: people know them.
        let of = |prefix: &'static str| self.entries.iter().filter(move |(key, _)| key.starts_with(prefix));
        of("seq/").chain(of("content/"))
    }

    /// The dates, with their messages.
    pub fn days(&self) -> impl Iterator<Item = (&str, u64)> {
        self.entries.iter().filter_map(|(key, messages)| Some((key.strip_prefix("day/")?, *messages)))
    }

    /// How many files were counted that have a fingerprint.
    pub fn contents(&self) -> u64 {
        self.entries.iter().filter(|(key, _)| key.starts_with("content/")).map(|(_, count)| count).sum()
    }

    /// The parts and captures that were left out.
    pub fn all_left_out(&self) -> impl Iterator<Item = LeftOut<'_>> {
        self.entries.keys().filter_map(|key| {
            let mut words = key.strip_prefix("left-out/")?.split('/');
            Some(LeftOut { name: words.next()?, reason: words.next()? })
        })
    }

    /// The captures that did not end well.
    pub fn all_ended(&self) -> impl Iterator<Item = Ended<'_>> {
        self.entries.keys().filter_map(|key| {
            let mut words = key.strip_prefix("ending/")?.split('/');
            Some(Ended { site: words.next()?, name: words.next()?, ending: words.next()? })
        })
    }

    /// The numbers of files, site by site.
    pub fn sequences(&self) -> Vec<Sequence> {
        let mut sites: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        let numbers = self.entries.keys().filter_map(|key| key.strip_prefix("seq/")?.rsplit_once('/'));
        for (site, number) in numbers {
            sites.entry(site).or_default().extend(number.parse::<u64>().ok());
        }
        sites.into_iter().filter_map(|(site, numbers)| Sequence::of(site, &numbers)).collect()
    }

    /// Tells its entries, in order.
    ///
    /// # Errors
    /// Those of `emit`.
    pub fn tell<E>(&self, mut emit: impl FnMut(Op, &[u8], u64) -> Result<(), E>) -> Result<(), E> {
        self.entries.iter().try_for_each(|(key, number)| emit(Op::Sum, format!("!{key}").as_bytes(), *number))
    }
}

impl Sequence {
    fn of(site: &str, numbers: &BTreeSet<u64>) -> Option<Sequence> {
        let (&first, &last) = (numbers.first()?, numbers.last()?);
        let neighbours = numbers.iter().zip(numbers.iter().skip(1));
        let holes = neighbours.filter(|(one, next)| *one + 1 < **next).map(|(one, next)| (one + 1, next - 1));
        let count = numbers.len() as u64;
        let missing = holes.take(MISSING_NAMED).collect();
        Some(Sequence {
            site: site.to_owned(),
            first,
            last,
            count,
            missing,
            missing_count: last - first + 1 - count,
        })
    }
}

/// The site that an entry is of, if it is of one.
fn site_of(key: &str) -> Option<&str> {
    match key.split_once('/')? {
        ("seq", rest) => Some(rest.rsplit_once('/')?.0),
        ("ending", rest) => rest.split('/').next(),
        ("left-out", rest) => rest.split('/').nth(2),
        _ => None,
    }
}

/// Whether this is so many words, none of which is empty.
fn is_made_of(text: &str, words: RangeInclusive<usize>) -> bool {
    words.contains(&text.split('/').count()) && text.split('/').all(|word| !word.is_empty())
}

fn is_known(key: &str) -> bool {
    let is_number = |text: &str| text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    match key.split_once('/') {
        Some(("content", fingerprint)) => fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()),
        Some(("day", date)) => date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()),
        Some(("left-out", rest)) => is_made_of(rest, 2..=3),
        Some(("ending", rest)) => is_made_of(rest, 3..=3),
        Some(("seq", rest)) => rest.rsplit_once('/').is_some_and(|(_, number)| is_number(number)),
        _ => false,
    }
}

/// A file, as a sentence says it.
fn words(key: &str) -> String {
    match key.split_once('/') {
        Some(("seq", rest)) => {
            let (site, number) = rest.rsplit_once('/').unwrap_or(("-", rest));
            let at = if site == "-" { String::new() } else { format!(" of site {}", shown_name(site)) };
            format!(
                "file number {}{at} is there twice",
                number.trim_start_matches('0').parse::<u64>().unwrap_or(0)
            )
        }
        _ => format!("the same capture is there twice (fingerprint {})", key.trim_start_matches("content/")),
    }
}
