//! What operators of root servers owe the world each day (RSSAC002), as a tally of messages.
//!
//! Nothing is matched for it: each message is counted where it is read, by the UTC day of its own timestamp. A *query* is a
//! message without the QR bit to an address and port of the server, a *response* one with it from there; all other messages
//! are *others*, which are counted and that is all. What counts as what, and why, is told in docs/rssac002.md.
//!
//! The tally is told as entries (docs/formats.md has all of their keys), in the order of part files:
//!
//! ```text
//! +-/20240601/q/udp/4 123             queries over UDP and IPv4
//! +-/20240601/rcode/3 45              responses with that code
//! +-/20240601/size/q/udp/32 67        queries over UDP of 32 to 47 octets
//! .-/20240601/4/c0000201 1            192.0.2.1 has sent a query
//! >-/20240601/4/h001f 7               of a sketch of sources, a register and its value
//! ```
//!
//! Sources are sets of addresses, or on request sketches of them from the start, which are small and estimate. Each of the two merges
//! by itself, so tallies that have either or both merge in any order; the number is that of both together.

use super::distinct::Registers;
use super::entry::{Entries, NotMine, Op};
use super::murmur::Hash;
use super::servers::Servers;
use super::sources::Sources;
use crate::limits::{SOURCES_V4_MAX, SOURCES_V6_MAX};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What carried a message: its name in keys, and the word for it in the keys of RSSAC002 files.
pub const CARRIERS: [(&str, &str); 9] = [
    ("udp", "udp"),
    ("tcp", "tcp"),
    ("dot", "tls"),
    ("doh", "https"),
    ("doq", "quic"),
    ("dtls", "dtls"),
    ("dnscrypt-udp", "dnscrypt-udp"),
    ("dnscrypt-tcp", "dnscrypt-tcp"),
    ("other", "other"),
];

/// Which of [`CARRIERS`] is UDP.
pub const UDP: usize = 0;
/// And TCP.
pub const TCP: usize = 1;

/// Which way a message went; the number of its name in [`WAYS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Query = 0,
    /// From it.
    Response = 1,
}

/// Names of [`Way`]s in keys.
const WAYS: [&str; 2] = ["q", "r"];

/// Names of IP versions in keys.
const VERSIONS: [&str; 2] = ["4", "6"];

/// The octets of a size's bucket.
const BUCKET: u64 = 16;

/// What is to be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which addresses are the server's.
    pub servers: Servers,
    /// Whether labels of names are counted.
    pub labels: bool,
    /// Whether sources are sketches instead of sets.
    pub sketch: bool,
}

/// A message, as far as it counts.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// When it came, ns since 1970 UTC.
    pub time_ns: i64,
    /// Which way it went.
    pub way: Way,
    /// Which of [`CARRIERS`] brought it.
    pub carrier: usize,
    /// Who is at the other end; if that is not known, whether it is IPv6.
    pub peer: Result<IpAddr, bool>,
    /// Octets of the DNS message, if they are known.
    pub size: Option<usize>,
    /// The response code, if it is known.
    pub rcode: Option<u16>,
    /// How many labels the name has that is asked for, if that is counted.
    pub labels: Option<u8>,
    /// Whether its source goes into a sketch instead of a set.
    pub sketch: bool,
}

/// Counts by number. Nearly all are of low numbers; but a day of few messages, of which a broken clock makes thousands, has no room
/// for numbers that are not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// How much was counted, up to [`Counts::FEW`].
    all: u64,
    /// Low numbers, once it is more than a few.
    low: Option<Box<[u64; Counts::LOW]>>,
    /// All others.
    high: BTreeMap<u16, u64>,
}

impl Counts {
    /// 1,536 octets in buckets, and all codes and labels there are.
    const LOW: usize = 96;

    /// From so many on there is room for all low numbers.
    const FEW: u64 = 1_000;

    #[inline(always)]
    fn add(&mut self, number: u16, count: u64) {
        match self.low.as_mut().and_then(|low| low.get_mut(usize::from(number))) {
            Some(counter) => *counter = counter.saturating_add(count),
            None => self.add_rare(number, count),
        }
    }

    #[cold]
    fn add_rare(&mut self, number: u16, count: u64) {
        let counter = self.high.entry(number).or_default();
        *counter = counter.saturating_add(count);
        self.all = self.all.saturating_add(count).min(Counts::FEW);
        if self.all == Counts::FEW && self.low.is_none() {
            let mut low = Box::new([0; Counts::LOW]);
            let high = self.high.split_off(&(Counts::LOW as u16));
            let lows = std::mem::replace(&mut self.high, high);
            lows.into_iter().for_each(|(number, count)| low[usize::from(number)] = count);
            self.low = Some(low);
        }
    }

    /// The numbers that were counted, in order.
    fn iter(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        let low = (0..).zip(self.low.iter().flat_map(|low| low.iter().copied()));
        let low = low.filter(|(_, count)| *count > 0);
        low.chain(self.high.iter().map(|(&number, &count)| (number, count)))
    }

    fn merge(&mut self, other: &Counts) {
        other.iter().for_each(|(number, count)| self.add(number, count));
    }
}

/// What is counted of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// By [`Way`], carrier and IP version.
    volume: [[[u64; 2]; CARRIERS.len()]; 2],
    /// Sizes by [`Way`] and, of UDP and TCP, carrier; in buckets.
    sizes: [[Counts; 2]; 2],
    rcodes: Counts,
    labels: Counts,
    v4: Sources<u32>,
    v6: Sources<u128>,
    /// The /64 prefixes of all addresses in IPv6 there ever were, once not all of them are kept.
    nets: Option<Sources<u64>>,
    /// Sketches of sources, in the order of [`SETS`].
    sketches: Option<Box<[Registers; 3]>>,
    seed: Seed,
}

/// Names of sets of sources in keys: addresses in IPv4, in IPv6, and /64 prefixes of these.
const SETS: [&str; 3] = ["4", "6", "64"];

impl Day {
    fn new(seed: u64) -> Day {
        Day {
            volume: Default::default(),
            sizes: Default::default(),
            rcodes: Counts::default(),
            labels: Counts::default(),
            v4: Sources::new(seed, SOURCES_V4_MAX),
            v6: Sources::new(seed, SOURCES_V6_MAX),
            nets: None,
            sketches: None,
            seed: Seed(seed),
        }
    }

    #[inline(always)]
    fn count(&mut self, message: &Counted) {
        let way = message.way as usize;
        let is_v6 = message.peer.map_or_else(|is_v6| is_v6, |peer| peer.is_ipv6());
        self.volume[way][message.carrier][usize::from(is_v6)] += 1;
        if let (UDP | TCP, Some(size)) = (message.carrier, message.size) {
            self.sizes[way][message.carrier].add((size as u64 / BUCKET).min(u16::MAX.into()) as u16, 1);
        }
        match (message.way, message.peer) {
            (Way::Response, _) => {
                if let Some(rcode) = message.rcode {
                    self.rcodes.add(rcode, 1);
                }
            }
            (Way::Query, peer) => {
                match peer {
                    Ok(peer) if message.sketch => self.sketch(peer),
                    Ok(peer) => self.source(peer),
                    Err(_) => {}
                }
                if let Some(labels) = message.labels {
                    self.labels.add(labels.into(), 1);
                }
            }
        }
    }

    #[inline(always)]
    fn source(&mut self, source: IpAddr) {
        match source {
            IpAddr::V4(source) => {
                if self.v4.add(source.to_bits()) {
                    self.v4.thin_out();
                }
            }
            IpAddr::V6(source) => self.source_v6(source.to_bits()),
        }
    }

    #[inline(always)]
    fn source_v6(&mut self, source: u128) {
        if let Some(nets) = &mut self.nets
            && nets.add(net(source))
        {
            nets.thin_out();
        }
        if self.v6.add(source) {
            self.nets();
            self.v6.thin_out();
        }
    }

    /// Counts a source in the sketches, by the hash of its octets.
    #[inline]
    fn sketch(&mut self, source: IpAddr) {
        let [v4, v6, nets] = &mut **self.sketches.get_or_insert_default();
        match source {
            IpAddr::V4(source) => v4.add(Hash::of(&source.octets())),
            IpAddr::V6(source) => {
                v6.add(Hash::of(&source.octets()));
                nets.add(Hash::of(&source.octets()[..8]));
            }
        }
    }

    /// Sketches of all sources, also of those that are kept as addresses: in IPv4, in IPv6, and of /64 prefixes.
    pub fn sketches(&self) -> [Registers; 3] {
        let mut all = self.sketches.as_deref().cloned().unwrap_or_default();
        let [v4, v6, nets] = &mut all;
        self.v4.iter().for_each(|source| v4.add(Hash::of(&source.to_be_bytes())));
        self.v6.iter().for_each(|source| v6.add(Hash::of(&source.to_be_bytes())));
        match &self.nets {
            Some(kept) => kept.iter().for_each(|net| nets.add(Hash::of(&net.to_be_bytes()))),
            None => self.v6.iter().for_each(|source| nets.add(Hash::of(&net(source).to_be_bytes()))),
        }
        all
    }

    /// The /64 prefixes, which are kept beside the addresses from now on.
    #[cold]
    fn nets(&mut self) -> &mut Sources<u64> {
        let Day { nets, v6, seed, .. } = self;
        nets.get_or_insert_with(|| {
            let mut nets = Sources::new(seed.0, SOURCES_V6_MAX);
            v6.iter().for_each(|address| add(&mut nets, net(address)));
            nets
        })
    }

    /// So many messages went this way over this carrier and IP version (0 is IPv4, 1 IPv6).
    pub fn volume(&self, way: Way, carrier: usize, version: usize) -> u64 {
        self.volume[way as usize][carrier][version]
    }

    /// The sizes of messages over UDP (0) or TCP (1): the first size of each bucket of 16 octets, and how many.
    pub fn sizes(&self, way: Way, carrier: usize) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.sizes[way as usize][carrier].iter().map(|(bucket, count)| (u64::from(bucket) * BUCKET, count))
    }

    /// Responses by code.
    pub fn rcodes(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.rcodes.iter()
    }

    /// Queries by how many labels the name has that they ask for.
    pub fn labels(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.labels.iter()
    }

    /// How many sources queries had: in IPv4, in IPv6, and /64 prefixes of these.
    pub fn sources(&self) -> [u64; 3] {
        let nets = match &self.nets {
            Some(nets) => nets.count(),
            None => {
                let mut nets: Vec<u64> = self.v6.iter().map(net).collect();
                nets.sort_unstable();
                nets.dedup();
                nets.len() as u64
            }
        };
        let kept = [self.v4.count(), self.v6.count(), nets];
        if self.sketches.is_none() {
            return kept;
        }
        // Of a set that was thinned out a sketch has only what is kept; its own estimate says more then.
        let is_thinned = self.has_thinned();
        let sketched = self.sketches().map(|sketch| sketch.number());
        [0, 1, 2].map(|set| if is_thinned { sketched[set].max(kept[set]) } else { sketched[set] })
    }

    fn has_thinned(&self) -> bool {
        self.v4.level() > 0 || self.v6.level() > 0
    }

    /// Whether the numbers of sources are exact. They are estimates if there were too many to be kept, or sketches were wanted.
    pub fn sources_are_exact(&self) -> bool {
        !self.has_thinned() && self.sketches.is_none()
    }

    /// Whether some of the sources are known by sketches alone, whose standard error is [`Registers::error`].
    pub fn has_sketches(&self) -> bool {
        self.sketches.is_some()
    }

    /// All messages.
    pub fn messages(&self) -> u64 {
        self.volume.iter().flatten().flatten().sum()
    }

    fn merge(&mut self, other: &Day) {
        for (mine, theirs) in self.volume.iter_mut().zip(&other.volume) {
            for (mine, theirs) in mine.iter_mut().flatten().zip(theirs.iter().flatten()) {
                *mine = mine.saturating_add(*theirs);
            }
        }
        for (mine, theirs) in self.sizes.iter_mut().flatten().zip(other.sizes.iter().flatten()) {
            mine.merge(theirs);
        }
        self.rcodes.merge(&other.rcodes);
        self.labels.merge(&other.labels);
        if let Some(theirs) = &other.sketches {
            let mine = self.sketches.get_or_insert_default();
            mine.iter_mut().zip(&**theirs).for_each(|(mine, theirs)| mine.merge(theirs));
        }
        self.v4.merge(&other.v4);
        if let Some(nets) = &other.nets {
            self.nets().merge(nets);
        }
        self.v6.make_room(&other.v6);
        other.v6.iter().for_each(|source| self.source_v6(source));
        if other.v6.level() > 0 {
            self.v6.rise_to(other.v6.level());
        }
    }

    /// Tells what adds up, each key behind `prefix`, in order.
    fn tell_sums(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let mut told = Vec::new();
        for (way, carriers) in WAYS.iter().zip(&self.volume) {
            for ((carrier, _), versions) in CARRIERS.iter().zip(carriers) {
                let counts = VERSIONS.iter().zip(versions);
                told.extend(counts.map(|(version, count)| (format!("{way}/{carrier}/{version}"), *count)));
            }
        }
        for (way, carriers) in WAYS.iter().zip(&self.sizes) {
            for ((carrier, _), sizes) in CARRIERS.iter().zip(carriers) {
                let first = |bucket: u16| u64::from(bucket) * BUCKET;
                let key = |bucket| format!("size/{way}/{carrier}/{}", first(bucket));
                told.extend(sizes.iter().map(|(bucket, count)| (key(bucket), count)));
            }
        }
        told.extend(self.rcodes.iter().map(|(rcode, count)| (format!("rcode/{rcode}"), count)));
        told.extend(self.labels.iter().map(|(labels, count)| (format!("labels/{labels}"), count)));
        told.sort_unstable();
        for (key, count) in told.into_iter().filter(|(_, count)| *count > 0) {
            emit(Op::Sum, format!("{prefix}{key}").as_bytes(), count);
        }
    }

    /// Tells the sources.
    fn tell_sources(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let mut hex = Hex::new(&format!("{prefix}4/"));
        self.v4.sorted().iter().for_each(|source| emit(Op::Member, hex.key((*source).into(), 8), 1));
        let mut hex = Hex::new(&format!("{prefix}6/"));
        self.v6.sorted().iter().for_each(|source| emit(Op::Member, hex.key(*source, 32), 1));
        let mut hex = Hex::new(&format!("{prefix}64/"));
        let nets = self.nets.as_ref().map(Sources::sorted).unwrap_or_default();
        nets.iter().for_each(|net| emit(Op::Member, hex.key((*net).into(), 16), 1));
    }

    /// Tells sketches, and how far sets were thinned out.
    fn tell_levels(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let levels = [self.v4.level(), self.v6.level(), self.nets.as_ref().map_or(0, Sources::level)];
        for (place, (set, level)) in SETS.iter().zip(levels).enumerate() {
            if let Some(sketches) = &self.sketches {
                let mut hex = Hex::new(&format!("{prefix}{set}/h"));
                let registers = sketches[place].values();
                registers
                    .for_each(|(register, value)| emit(Op::Max, hex.key(register.into(), 4), value.into()));
            }
            if level > 0 {
                emit(Op::Max, format!("{prefix}{set}/level").as_bytes(), level.into());
            }
        }
    }

    fn take(&mut self, op: Op, key: &str, number: u64) -> Option<()> {
        let parts: Vec<&str> = key.split('/').collect();
        let way = |name: &str| WAYS.iter().position(|way| *way == name);
        let carrier = |name: &str| CARRIERS.iter().position(|(carrier, _)| *carrier == name);
        let version = |name: &str| VERSIONS.iter().position(|version| *version == name);
        match (op, &parts[..]) {
            (Op::Sum, ["size", way_name, carrier_name, first]) => {
                let first = digits(first).filter(|first| first % BUCKET == 0)? / BUCKET;
                let sizes = self.sizes[way(way_name)?].get_mut(carrier(carrier_name)?)?;
                sizes.add(u16::try_from(first).ok()?, number);
            }
            (Op::Sum, ["rcode", rcode]) => self.rcodes.add(digits(rcode)?.try_into().ok()?, number),
            (Op::Sum, ["labels", labels]) => self.labels.add(digits(labels)?.try_into().ok()?, number),
            (Op::Sum, [way_name, carrier_name, version_name]) => {
                let counter =
                    &mut self.volume[way(way_name)?][carrier(carrier_name)?][version(version_name)?];
                *counter = counter.saturating_add(number);
            }
            (Op::Member, ["4", source]) => add(&mut self.v4, hex(source, 8)? as u32),
            (Op::Member, ["6", source]) => self.source_v6(hex(source, 32)?),
            (Op::Member, ["64", prefix]) => add(self.nets(), hex(prefix, 16)? as u64),
            (Op::Max, ["4", "level"]) => self.v4.rise_to(level(number)?),
            (Op::Max, ["6", "level"]) => {
                self.nets();
                self.v6.rise_to(level(number)?);
            }
            (Op::Max, ["64", "level"]) => self.nets().rise_to(level(number)?),
            (Op::Max, [set, register]) => {
                let set = SETS.iter().position(|name| name == set)?;
                let register = hex(register.strip_prefix('h')?, 4)? as u16;
                self.sketches.get_or_insert_default()[set].take_value(register, number).ok()?;
            }
            _ => return None,
        }
        Some(())
    }
}

fn net(address: u128) -> u64 {
    (address >> 64) as u64
}

fn add<T: super::sources::Address>(set: &mut Sources<T>, address: T) {
    if set.add(address) {
        set.thin_out();
    }
}

/// A number as it is told: no sign, no zeros in front.
fn digits(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn level(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|level| (1..=64).contains(level))
}

fn hex(text: &str, width: usize) -> Option<u128> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == width && text.bytes().all(is_hex)).then(|| u128::from_str_radix(text, 16).ok())?
}

/// Writes keys that end in hexadecimal digits.
struct Hex {
    key: Vec<u8>,
    prefix: usize,
}

impl Hex {
    fn new(prefix: &str) -> Hex {
        Hex { key: prefix.as_bytes().to_vec(), prefix: prefix.len() }
    }

    fn key(&mut self, number: u128, width: usize) -> &[u8] {
        self.key.truncate(self.prefix);
        let digit = |place: usize| b"0123456789abcdef"[(number >> (4 * place) & 0xF) as usize];
        self.key.extend((0..width).rev().map(digit));
        &self.key
    }
}

/// The tally: what is counted of each day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rssac {
    /// In their order.
    days: Vec<(u16, Box<Day>)>,
    /// Messages neither to the server nor from it.
    pub others: u64,
    /// Messages of a time before 1970, or after [`DAY_LAST`].
    pub undated: u64,
    seed: Seed,
}

/// Spreads sets over their tables. Tallies are equal whatever theirs is.
#[derive(Clone, Copy, Debug, Default)]
struct Seed(u64);

impl PartialEq for Seed {
    fn eq(&self, _: &Seed) -> bool {
        true
    }
}

impl Eq for Seed {}

/// Nanoseconds of a day. UTC as timestamps count it has no leap seconds.
const DAY_NS: i64 = 86_400_000_000_000;

/// The last day that is counted, in days since 1970: where the 32 bits for seconds end that most captures have, in 2106. What is
/// later is a broken clock, and days that are made up are no reason to take memory for each.
pub const DAY_LAST: u16 = 49_710;

impl Rssac {
    /// An empty tally. What it says never depends on the seed.
    pub fn new(seed: u64) -> Rssac {
        Rssac { seed: Seed(seed), ..Rssac::default() }
    }

    /// Counts a message.
    #[inline(always)]
    pub fn count(&mut self, message: &Counted) {
        let day = message.time_ns.div_euclid(DAY_NS);
        match u16::try_from(day).ok().filter(|day| *day <= DAY_LAST) {
            Some(day) => self.day_mut(day).count(message),
            None => self.undated += 1,
        }
    }

    #[inline(always)]
    fn day_mut(&mut self, day: u16) -> &mut Day {
        // Most messages are of the last day, as time goes on.
        let place = match self.days.last() {
            Some((last, _)) if *last == day => self.days.len() - 1,
            _ => self.place_of(day),
        };
        &mut self.days[place].1
    }

    /// The place of a day; of a new one there is nothing yet.
    #[cold]
    fn place_of(&mut self, day: u16) -> usize {
        let Seed(seed) = self.seed;
        let place = self.days.binary_search_by_key(&day, |(day, _)| *day);
        place.unwrap_or_else(|place| {
            self.days.insert(place, (day, Box::new(Day::new(seed))));
            place
        })
    }

    /// This day is among the days, even if nothing is counted of it: its figures are zeros then.
    pub fn add_day(&mut self, day: u16) {
        self.day_mut(day);
    }

    /// The days, by their number since 1970, in order.
    pub fn days(&self) -> impl Iterator<Item = (u16, &Day)> {
        self.days.iter().map(|(day, figures)| (*day, &**figures))
    }

    /// All messages that came, whatever they were.
    pub fn messages(&self) -> u64 {
        self.others + self.undated + self.days().map(|(_, day)| day.messages()).sum::<u64>()
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Rssac) {
        self.others = self.others.saturating_add(other.others);
        self.undated = self.undated.saturating_add(other.undated);
        for (day, theirs) in other.days() {
            self.day_mut(day).merge(theirs);
        }
    }

    /// Adds another tally, whose sets are taken over where there are none yet.
    pub fn absorb(&mut self, mut other: Rssac) {
        for (day, theirs) in std::mem::take(&mut other.days) {
            let place = match self.days.binary_search_by_key(&day, |(day, _)| *day) {
                Ok(place) => place,
                Err(place) => {
                    self.days.insert(place, (day, theirs));
                    continue;
                }
            };
            let mine = &mut self.days[place].1;
            // The larger set takes the smaller.
            if mine.v4.len() + mine.v6.len() < theirs.v4.len() + theirs.v6.len() {
                let smaller = std::mem::replace(mine, theirs);
                mine.merge(&smaller);
            } else {
                mine.merge(&theirs);
            }
        }
        self.merge(&other);
    }
}

/// The date of a day since 1970, as `YYYYMMDD`.
pub fn date(day: u16) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}{month:02}{day:02}")
}

/// The day of a date.
pub fn day_of(date: &str) -> Option<u16> {
    let number: u32 = date.parse().ok()?;
    // Days are close to dates: 30.6 days a month, 365.25 a year.
    let (year, month, day) = (i64::from(number / 10_000), i64::from(number / 100 % 100), number % 100);
    let about = (year - 1970) * 1461 / 4 + (month - 1) * 153 / 5 + i64::from(day);
    let near = about.saturating_sub(5).max(0)..=about.saturating_add(5);
    let mut near = near.filter_map(|day| u16::try_from(day).ok()).filter(|day| *day <= DAY_LAST);
    near.find(|day| self::date(*day) == date)
}

/// Year, month and day (Howard Hinnant's `civil_from_days`: years begin in March, so that the odd day is the last).
fn civil(day: u16) -> (u32, u32, u32) {
    let day = u32::from(day) + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + u32::from(month <= 2), month, day)
}

/// In the order of part files, if the prefix is the same for all.
impl Entries for Rssac {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let prefixes = |day| format!("{prefix}{}/", date(day));
        self.days().for_each(|(day, figures)| figures.tell_sums(&prefixes(day), emit));
        for (name, count) in [("others", self.others), ("undated", self.undated)] {
            if count > 0 {
                emit(Op::Sum, format!("{prefix}{name}").as_bytes(), count);
            }
        }
        self.days().for_each(|(day, figures)| figures.tell_sources(&prefixes(day), emit));
        self.days().for_each(|(day, figures)| figures.tell_levels(&prefixes(day), emit));
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        let key = std::str::from_utf8(key).map_err(|_| NotMine)?;
        match (op, key.split_once('/')) {
            (Op::Sum, None) if key == "others" => self.others = self.others.saturating_add(number),
            (Op::Sum, None) if key == "undated" => self.undated = self.undated.saturating_add(number),
            (_, Some((date, rest))) => {
                let day = day_of(date).ok_or(NotMine)?;
                self.day_mut(day).take(op, rest, number).ok_or(NotMine)?;
            }
            _ => return Err(NotMine),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The entries of a tally, as lines.
    fn told(tally: &Rssac) -> Vec<String> {
        let mut lines = Vec::new();
        tally.tell("-/", &mut |op, key, number| {
            lines.push(format!("{op:?} {} {number}", String::from_utf8_lossy(key)));
        });
        lines
    }

    /// Messages as text: day and nanosecond, way, carrier, peer, size, code.
    fn tally(messages: &[(i64, Way, usize, &str, usize, u16)]) -> Rssac {
        let mut tally = Rssac::new(7);
        for &(time_ns, way, carrier, peer, size, rcode) in messages {
            let (peer, size, rcode) = (Ok(peer.parse().unwrap()), Some(size), Some(rcode));
            tally.count(&Counted { time_ns, way, carrier, peer, size, rcode, labels: None, sketch: false });
        }
        tally
    }

    const NOON: i64 = 43_200_000_000_000;

    #[test]
    fn a_query_counts_by_carrier_version_size_and_source() {
        let queries = [
            (NOON, Way::Query, UDP, "192.0.2.1", 31, 0),
            (NOON, Way::Query, UDP, "192.0.2.1", 32, 0),
            (NOON, Way::Query, TCP, "2001:db8::1", 65_535, 0),
        ];
        assert_eq!(
            told(&tally(&queries)),
            [
                "Sum -/19700101/q/tcp/6 1",
                "Sum -/19700101/q/udp/4 2",
                "Sum -/19700101/size/q/tcp/65520 1",
                "Sum -/19700101/size/q/udp/16 1",
                "Sum -/19700101/size/q/udp/32 1",
                "Member -/19700101/4/c0000201 1",
                "Member -/19700101/6/20010db8000000000000000000000001 1",
            ]
        );
    }

    #[test]
    fn a_response_counts_by_its_code_and_is_no_source() {
        let responses = [
            (NOON, Way::Response, UDP, "192.0.2.1", 512, 23),
            (NOON, Way::Response, 2, "2001:db8::1", 512, 0),
        ];
        assert_eq!(
            told(&tally(&responses)),
            [
                "Sum -/19700101/r/dot/6 1",
                "Sum -/19700101/r/udp/4 1",
                "Sum -/19700101/rcode/0 1",
                "Sum -/19700101/rcode/23 1",
                "Sum -/19700101/size/r/udp/512 1",
            ]
        );
    }

    #[test]
    fn a_day_ends_before_midnight() {
        let at = |time_ns| (time_ns, Way::Response, UDP, "192.0.2.1", 0, 0);
        let tally = tally(&[at(DAY_NS - 1), at(DAY_NS), at(2 * DAY_NS - 1), at(-1), at(i64::MAX), at(0)]);
        let days: Vec<_> = tally.days().map(|(day, figures)| (day, figures.messages())).collect();
        assert_eq!((days, tally.undated, tally.messages()), (vec![(0, 2), (1, 2)], 2, 6));
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (day, expected) in [
            (0, "19700101"),
            (59, "19700301"),
            (11_016, "20000229"),
            (19_875, "20240601"),
            (49_710, "21060207"),
        ] {
            assert_eq!((date(day), day_of(expected)), (expected.to_string(), Some(day)));
        }
        assert!((0..=DAY_LAST).all(|day| day_of(&date(day)) == Some(day)));
        for none in [
            "20230229", "20240632", "20240001", "19691231", "21060208", "2024061", "+2024060", "99999999", "",
        ] {
            assert_eq!(day_of(none), None, "{none}");
        }
    }

    /// Messages that differ in everything; with sketches of some of their sources, or none.
    fn mixed(count: u32, is_sketch: bool) -> Vec<Counted> {
        let message = |number: u32| {
            let spread = number.wrapping_mul(2_654_435_761);
            let v4 = IpAddr::from((spread >> 24).to_be_bytes());
            let v6 = IpAddr::from((u128::from(spread >> 20) << 60).to_be_bytes());
            let sketch = is_sketch && spread & 0x300 > 0;
            Counted {
                time_ns: i64::from(spread % 3) * DAY_NS + i64::from(number),
                way: if spread & 4 == 0 { Way::Query } else { Way::Response },
                carrier: (spread >> 3) as usize % CARRIERS.len(),
                peer: Ok(if spread & 8 == 0 { v4 } else { v6 }),
                size: Some((spread >> 16) as usize),
                rcode: Some((spread >> 19) as u16),
                labels: Some((spread >> 25) as u8),
                sketch,
            }
        };
        (0..count).map(message).collect()
    }

    fn tally_of(messages: &[Counted], seed: u64) -> Rssac {
        let mut tally = Rssac::new(seed);
        messages.iter().for_each(|message| tally.count(message));
        tally
    }

    #[test]
    fn neither_order_nor_grouping_matter() {
        for (cut, is_sketch) in [0, 1, 777, 2_999].into_iter().flat_map(|cut| [(cut, false), (cut, true)]) {
            let messages = mixed(3_000, is_sketch);
            let whole = told(&tally_of(&messages, 1));
            let (left, right) = (tally_of(&messages[..cut], 2), tally_of(&messages[cut..], 3));
            let (mut merged, mut absorbed) = (left.clone(), right.clone());
            merged.merge(&right);
            absorbed.absorb(left);
            assert_eq!((&told(&merged), &told(&absorbed)), (&whole, &whole), "{cut}");
            assert_eq!(merged, absorbed);
        }
    }

    #[test]
    fn what_is_told_can_be_taken_and_is_in_order() {
        for is_sketch in [false, true] {
            let tally = tally_of(&mixed(3_000, is_sketch), 1);
            let (mut taken, mut last) = (Rssac::new(2), None);
            tally.tell("", &mut |op, key, number| {
                assert!(last < Some((op, key.to_vec())), "{op:?} {}", String::from_utf8_lossy(key));
                last = Some((op, key.to_vec()));
                taken.take(op, key, number).unwrap();
            });
            taken.settle();
            assert_eq!(taken, tally);
        }
    }

    #[test]
    fn what_was_sketched_here_and_kept_there_is_one_number() {
        let query = |source: u32, sketch| Counted {
            time_ns: NOON,
            way: Way::Query,
            carrier: UDP,
            peer: Ok(match source % 2 {
                0 => IpAddr::from(source.to_be_bytes()),
                _ => IpAddr::from((u128::from(source / 4) << 64 | u128::from(source)).to_be_bytes()),
            }),
            size: None,
            rcode: None,
            labels: None,
            sketch,
        };
        let tally = |sources: std::ops::Range<u32>, sketch| {
            tally_of(&sources.map(|source| query(source, sketch)).collect::<Vec<_>>(), 1)
        };
        let day = |tally: &Rssac| tally.days().next().unwrap().1.clone();
        let (kept, mut both) = (tally(0..60_000, false), tally(40_000..100_000, true));
        assert_eq!((day(&kept).sources_are_exact(), day(&kept).sources()), (true, [30_000, 30_000, 15_000]));
        both.merge(&kept);
        let whole = day(&tally(0..100_000, true));
        assert_eq!((day(&both).sources_are_exact(), day(&both).sources()), (false, whole.sources()));
        assert_eq!(day(&both).sketches(), whole.sketches());
        for (estimate, count) in whole.sources().into_iter().zip([50_000.0, 50_000.0, 25_000.0]) {
            let error = (estimate as f64 / count - 1.0).abs();
            assert!(error < 3.0 * Registers::error(), "{estimate} of {count}");
        }
    }

    #[test]
    fn a_day_of_few_messages_takes_little_memory() {
        let counts = |numbers: &[u16]| {
            let mut counts = Counts::default();
            numbers.iter().for_each(|number| counts.add(*number, 1));
            counts
        };
        let few = counts(&[3, 200, 3]);
        assert!(few.low.is_none());
        let mut many = counts(&[[95, 96, 95, 7].repeat(249), vec![1, 2, 3]].concat());
        assert!(many.low.is_none());
        many.add(200, 1);
        assert!(many.low.is_some());
        many.merge(&few);
        let told: Vec<_> = many.iter().collect();
        assert_eq!(told, [(1, 1), (2, 1), (3, 3), (7, 249), (95, 498), (96, 249), (200, 2)]);
        let empty_day = size_of::<Day>();
        assert!(empty_day < 1_100, "{empty_day} octets");
    }

    #[test]
    fn what_no_tally_tells_is_not_taken() {
        for (op, key) in [
            (Op::Sum, "20240601"),
            (Op::Sum, "20240601/q/udp"),
            (Op::Sum, "20240601/q/udp/5"),
            (Op::Sum, "20240601/x/udp/4"),
            (Op::Sum, "20240632/q/udp/4"),
            (Op::Max, "20240601/q/udp/4"),
            (Op::Sum, "20240601/size/q/udp/17"),
            (Op::Sum, "20240601/size/q/dot/16"),
            (Op::Sum, "20240601/size/q/udp/1048576"),
            (Op::Sum, "20240601/rcode/65536"),
            (Op::Sum, "20240601/rcode/03"),
            (Op::Member, "20240601/4/C0000201"),
            (Op::Member, "20240601/4/+0000201"),
            (Op::Member, "20240601/6/c0000201"),
            (Op::Max, "20240601/4/level"),
            (Op::Sum, "other"),
        ] {
            let number = if op == Op::Max { 65 } else { 1 };
            assert_eq!(Rssac::default().take(op, key.as_bytes(), number), Err(NotMine), "{key}");
        }
    }

    #[test]
    fn prefixes_of_sources_are_counted_whatever_was_thinned_out() {
        let mut day = Day::new(1);
        day.v6 = Sources::new(1, 500);
        (0..2_000).for_each(|number: u128| day.source_v6((number % 900) << 64 | number));
        assert!(!day.sources_are_exact());
        assert_eq!(day.sources()[2], 900);
        assert!(day.sources()[1].abs_diff(2_000) < 400, "{}", day.sources()[1]);
        let mut again = Day::new(2);
        let mut take = |op, key: &[u8], number| {
            again.take(op, std::str::from_utf8(key).unwrap(), number).unwrap();
        };
        day.tell_sources("", &mut take);
        day.tell_levels("", &mut take);
        assert_eq!(again.sources(), day.sources());
    }
}
