//! Many parts become one.
//!
//! First each part's header and ledger are read: what does not add up, and what would be added twice, is found before anything
//! is. Then the entries of all parts are gone through in order, in one pass, and those of equal keys reduced.
//!
//! The way is by rounds. Of each part two blocks are there, so all entries up to the least of their ends are known. A round takes
//! those up to a bound below that, so many as the second cache holds: plain ones are sorted by sixteen octets behind what all of
//! them have in common; of a set the values are bits that are set, where they are dense, and are sorted where they are not. A
//! tree of losers would compare whole keys eleven times for each entry of 1,440 parts, and wait for memory each time.

use super::block::{Block, Set, last_before, put_digits};
use super::ledger::Ledger;
use super::read::{Part, Unpacker};
use super::{Header, PartError, Wrong, key_name, op, reduced, shown};
use dpp::tallies::entry::Op;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Plain entries of a round, about: 32 octets each, and their keys.
const PLAIN_ENTRIES: usize = 1 << 14;

/// Parts whose entries are looked at to find a bound below which there are so many.
const ASKED: usize = 16;

/// Addresses that a round has bits for: half a MiB of them.
const SPAN: u128 = 1 << 22;

/// With fewer values than one in so many addresses, bits would be nearly all zeros.
const SPARSE: f64 = 256.0;

/// Values of a round that are sorted, about.
const SORTED: f64 = 65_536.0;

/// Parts that stay open. Most systems allow a process 1,024 files.
const OPEN_MAX: usize = 256;

/// Parts that add up.
pub struct Sum {
    header: Header,
    ledger: Ledger,
    parts: Vec<Part>,
    /// Of each part, at its place.
    ledgers: Vec<Ledger>,
    left_out: Vec<PartError>,
}

impl Sum {
    /// Looks whether parts add up. With `keep_going` those that do not are left out, and the result says so; of two parts with a
    /// file in common the one stays whose ledger is first in order, and of parts with different parameters those stay that are of
    /// most captures (of as many, those with fewer parameters), whichever is named first.
    ///
    /// # Errors
    /// A part that cannot be read or does not add up.
    pub fn of(
        parts: impl IntoIterator<Item = Result<Part, PartError>>,
        day: Option<&str>,
        keep_going: bool,
    ) -> Result<Sum, PartError> {
        let mut unpacker = unpacker()?;
        let (mut looked, mut left_out) = (Vec::new(), Vec::new());
        for part in parts {
            let read = part.and_then(|mut part| {
                let ledger = part.ledger(&mut unpacker)?;
                if looked.len() >= OPEN_MAX {
                    part.park();
                }
                ledger.judge(day).map_err(|wrong| part.error(wrong))?;
                Ok((ledger, part))
            });
            match read {
                Ok(read) => looked.push(read),
                Err(error) if keep_going => left_out.push(error),
                Err(error) => return Err(error),
            }
        }
        looked.sort_by(|(one, one_part), (other, other_part)| {
            (one, one_part.name()).cmp(&(other, other_part.name()))
        });
        let (header, named) = match prevailing(&looked) {
            Some(part) => (part.header().clone(), part.name().to_owned()),
            None => Default::default(),
        };
        let mut sum = Sum {
            header,
            ledger: Ledger::default(),
            parts: Vec::new(),
            ledgers: Vec::new(),
            left_out: Vec::new(),
        };
        for (ledger, part) in looked {
            match sum.add(&ledger, &part, &named) {
                Ok(()) => {
                    sum.parts.push(part);
                    sum.ledgers.push(ledger);
                }
                Err(wrong) if keep_going => left_out.push(part.error(wrong)),
                Err(wrong) => return Err(part.error(wrong)),
            }
        }
        if let Some(day) = day {
            sum.ledger.only_day(day);
        }
        left_out.iter().for_each(|error| sum.note_left_out(error));
        sum.left_out = left_out;
        Ok(sum)
    }

    /// Says in the result that a part was left out, and why.
    pub fn note_left_out(&mut self, error: &PartError) {
        let name = error.part.trim_matches('\'').rsplit('/').next().unwrap_or_default();
        self.ledger.left_out(&key_name(name), error.wrong.word());
    }

    /// Adds what a part says of itself. `named` is the part that has the header of all.
    fn add(&mut self, ledger: &Ledger, part: &Part, named: &str) -> Result<(), Wrong> {
        let mut header = self.header.clone();
        header.join(part.header(), named)?;
        if let Some(file) = self.ledger.in_both(ledger) {
            let other = self.ledgers.iter().position(|before| before.in_both(ledger).as_ref() == Some(&file));
            let other = other.map_or("another part", |other| self.parts[other].name());
            return Err(Wrong::Twice(format!("{file}, here and in {other}")));
        }
        self.header = header;
        self.ledger.merge(ledger);
        Ok(())
    }

    /// The parts that have something of other days and nothing of this one, and which days these are.
    pub fn without_day(&self, date: &str) -> Vec<(&str, String)> {
        let both = self.parts.iter().zip(&self.ledgers);
        both.filter(|(_, ledger)| !ledger.may_have(date))
            .map(|(part, ledger)| (part.name(), ledger.dates()))
            .collect()
    }

    /// What is true of all parts.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What they say of files.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The parts that do not add up, and why.
    pub fn left_out(&self) -> &[PartError] {
        &self.left_out
    }

    /// How many parts are added up.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Goes through the entries of all parts, the ledger's first, in order. Each key is there once.
    ///
    /// # Errors
    /// What is wrong with a part, and the error of `emit`.
    pub fn entries<E: From<PartError>>(
        self,
        mut emit: impl FnMut(Op, &[u8], u64) -> Result<(), E>,
    ) -> Result<(), E> {
        self.ledger.tell(&mut emit)?;
        let (mut parts, mut unpacker) = (self.parts, unpacker()?);
        let (mut batch, mut members) = (Batch::default(), Members::default());
        loop {
            parts.iter_mut().try_for_each(|part| part.ready(&mut unpacker).map(drop))?;
            parts.retain(|part| part.front().is_some());
            match least(&parts) {
                None => return Ok(()),
                Some(Least::Plain(key)) => {
                    batch.gather(&mut parts, &key)?;
                    batch.reduce(&mut emit)?;
                }
                Some(Least::Member(set)) => members.reduce(&mut parts, &set, &mut emit)?,
            }
        }
    }
}

fn unpacker() -> Result<Unpacker, PartError> {
    Unpacker::new().map_err(|error| Wrong::Io(error).of("zstd"))
}

/// The first entry of all that are left.
enum Least {
    /// A plain one with this key.
    Plain(Vec<u8>),
    /// A member.
    Member(Member),
}

/// A value of a set.
struct Member {
    /// What is before the digits, with its sign.
    stem: Vec<u8>,
    digits: usize,
    value: u128,
}

fn least(parts: &[Part]) -> Option<Least> {
    let (mut least, mut least_key, mut key) = (None, Vec::new(), Vec::new());
    for block in parts.iter().filter_map(Part::front) {
        // Most are of the same set: then their values tell.
        if let (Block::Set(set), Some(Least::Member(member))) = (block, &mut least)
            && set.is_of(&member.stem, member.digits)
        {
            if set.value < member.value {
                member.value = set.value;
                set.key_of(set.value, &mut least_key);
            }
            continue;
        }
        block.key(&mut key);
        if least.is_none() || key < least_key {
            least = Some(match block {
                Block::Plain(plain) => Least::Plain(plain.key.clone()),
                Block::Set(Set { stem, digits, value, .. }) => {
                    Least::Member(Member { stem: stem.clone(), digits: *digits, value: *value })
                }
            });
            std::mem::swap(&mut key, &mut least_key);
        }
    }
    least
}

/// The first of the parts with whose parameters most captures were counted; of as many, with the fewest parameters, which is nearest
/// to what is counted where nobody says otherwise.
fn prevailing(looked: &[(Ledger, Part)]) -> Option<&Part> {
    let mut grounds = BTreeMap::new();
    for (ledger, part) in looked {
        grounds.entry(part.header().ground()).or_insert((0, part)).0 += ledger.contents().max(1);
    }
    // Of equals the last is the greatest, and grounds are in order.
    grounds
        .into_iter()
        .rev()
        .max_by_key(|((_, parameters, _), (captures, _))| (*captures, Reverse(*parameters)))
        .map(|(_, (_, part))| part)
}

impl Ledger {
    /// Whether it can be added to others.
    fn judge(&self, day: Option<&str>) -> Result<(), Wrong> {
        if let Some(file) = self.twice() {
            return Err(Wrong::Twice(file));
        }
        match day {
            Some(day) if !self.may_have(day) => Err(Wrong::Day(dashed(day), self.dates())),
            _ => Ok(()),
        }
    }

    /// Whether there is something of this day, or nothing of any: captures without a message are of each day.
    fn may_have(&self, day: &str) -> bool {
        self.days().any(|(date, _)| date == day) || self.days().next().is_none()
    }

    /// The days of which there is something, in words.
    fn dates(&self) -> String {
        self.days().map(|(date, _)| dashed(date)).collect::<Vec<_>>().join(", ")
    }
}

/// A date as people write it, `2024-06-01`.
fn dashed(date: &str) -> String {
    match date.len() {
        8 => format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]),
        _ => date.to_owned(),
    }
}

/// Values of a set, of all parts.
#[derive(Default)]
struct Members {
    /// Where there are many: a bit for each value from some first on. All are zeros between rounds.
    bits: Vec<u64>,
    /// Where there are few: those that are there.
    values: Vec<u128>,
}

impl Members {
    /// Tells the values of this set from the least on, as far as they are known, each once.
    fn reduce<E: From<PartError>>(
        &mut self,
        parts: &mut [Part],
        least: &Member,
        emit: &mut impl FnMut(Op, &[u8], u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let known = Known::of(parts, least);
        let is_of_set = |part: &&mut Part| match part.front() {
            Some(Block::Set(set)) => set.is_of(&least.stem, least.digits),
            _ => false,
        };
        let mut parts: Vec<&mut Part> = parts.iter_mut().filter(is_of_set).collect();
        let mut key = least.stem[1..].to_vec();
        let stem = key.len();
        let mut tell = |value| {
            key.truncate(stem);
            put_digits(&mut key, value, least.digits);
            emit(Op::Member, &key, 1)
        };
        let mut first = Some(least.value);
        while let Some(value) = first.filter(|value| *value <= known.last) {
            first = match known.density * SPARSE >= 1.0 {
                true => self.of_dense(
                    &mut parts,
                    value..=known.last.min(value.saturating_add(SPAN - 1)),
                    &mut tell,
                )?,
                false => {
                    let span = (SORTED / known.density) as u128;
                    self.of_sparse(&mut parts, known.last.min(value.saturating_add(span)), &mut tell)?
                }
            };
        }
        Ok(())
    }

    /// Values that are close. Gives the first behind.
    fn of_dense<E: From<PartError>>(
        &mut self,
        parts: &mut [&mut Part],
        span: RangeInclusive<u128>,
        tell: &mut impl FnMut(u128) -> Result<(), E>,
    ) -> Result<Option<u128>, E> {
        let (first, last) = span.into_inner();
        let words = ((last - first) / 64 + 1) as usize;
        if self.bits.len() < words {
            self.bits.resize(words, 0);
        }
        let bits = &mut self.bits[..words];
        let next = drain(parts, last, |value| {
            let place = (value - first) as usize;
            bits[place / 64] |= 1 << (place % 64);
        })?;
        for (place, word) in bits.iter_mut().enumerate().filter(|(_, word)| **word > 0) {
            let mut left = std::mem::take(word);
            while left > 0 {
                tell(first + (64 * place) as u128 + u128::from(left.trailing_zeros()))?;
                left &= left - 1;
            }
        }
        Ok(next)
    }

    /// Values that are far from each other. Gives the first behind.
    fn of_sparse<E: From<PartError>>(
        &mut self,
        parts: &mut [&mut Part],
        last: u128,
        tell: &mut impl FnMut(u128) -> Result<(), E>,
    ) -> Result<Option<u128>, E> {
        let next = drain(parts, last, |value| self.values.push(value))?;
        self.values.sort_unstable();
        self.values.dedup();
        self.values.drain(..).try_for_each(tell)?;
        Ok(next)
    }
}

/// All values of a set up to the last, in any order. Gives the first behind.
#[inline]
fn drain(parts: &mut [&mut Part], last: u128, mut take: impl FnMut(u128)) -> Result<Option<u128>, PartError> {
    let mut first = None;
    for part in parts {
        let next = part.drain_set(last, &mut take)?;
        first = first.into_iter().chain(next).min();
    }
    Ok(first)
}

/// What is known of a set before its values are read.
struct Known {
    /// All values up to this one are known.
    last: u128,
    /// Values for each number, about, of all parts together. Zero if nothing can be said, as there are few.
    density: f64,
}

impl Known {
    fn of(parts: &[Part], set: &Member) -> Known {
        let Member { stem, digits, .. } = set;
        let (mut last, mut key) = (u128::MAX, Vec::new());
        let (mut densities, mut asked, mut all) = (0.0, 0.0, 0.0);
        for part in parts {
            let (mut end, mut behind) = (u128::MAX, None);
            match (part.front(), part.next()) {
                (Some(Block::Set(front)), next) if front.is_of(stem, *digits) => {
                    let (mut values, mut distance) = (front.left, front.last - front.value);
                    match next {
                        Some(Block::Set(next)) if next.is_of(stem, *digits) => {
                            (values, distance, end) =
                                (values.saturating_add(next.left), next.last - front.value, next.last);
                        }
                        next => behind = next,
                    }
                    all += 1.0;
                    // Few that are left lie closer than those of all others do.
                    if values >= 64 {
                        (densities, asked) = (densities + values as f64 / distance as f64, asked + 1.0);
                    }
                }
                (front, _) => behind = front,
            }
            if let Some(behind) = behind {
                behind.key(&mut key);
                end = last_before(stem, *digits, &key);
            }
            last = last.min(end);
        }
        let density = if asked > 0.0 { densities / asked * all } else { 0.0 };
        Known { last, density }
    }
}

/// Plain entries that are sorted at once.
#[derive(Default)]
struct Batch {
    items: Vec<Item>,
    /// Signs and keys, one behind the other.
    keys: Vec<u8>,
    /// How many octets all keys have in common.
    common: usize,
    /// The octets of the longest.
    longest: usize,
}

#[derive(Clone, Copy)]
struct Item {
    /// Sixteen octets behind what all have in common; zeros where a key ends.
    head: u128,
    number: u64,
    /// Where its key is: the place, and its length in the lowest sixteen bits.
    key: u64,
}

impl Batch {
    /// Takes entries from the least on, so many as can be in order now.
    fn gather(&mut self, parts: &mut [Part], least: &[u8]) -> Result<(), PartError> {
        let bound = bound(parts, least)?;
        self.items.clear();
        self.keys.clear();
        self.longest = 0;
        self.common = least.iter().zip(&bound).take_while(|(one, other)| one == other).count();
        for part in parts {
            part.drain_plain(&bound, |key, number| {
                let place = (self.keys.len() << 16 | key.len()) as u64;
                self.items.push(Item { head: head(&key[self.common..]), number, key: place });
                self.keys.extend_from_slice(key);
                self.longest = self.longest.max(key.len());
            })?;
        }
        Ok(())
    }

    /// Sorts, and makes one of all that have the same key.
    fn reduce<E: From<PartError>>(
        &mut self,
        emit: &mut impl FnMut(Op, &[u8], u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let Batch { items, keys, common, longest } = self;
        let key = |item: &Item| &keys[(item.key >> 16) as usize..][..item.key as usize & 0xFFFF];
        // Most keys have no more than their head behind what is common: then nobody needs to look at the keys themselves, which lie
        // all over the memory.
        let is_short = *longest <= *common + 16;
        let rest = |item: &Item| match is_short {
            true => &[],
            false => rest(key(item), *common),
        };
        items.sort_unstable_by(|one, other| match one.head.cmp(&other.head) {
            Ordering::Equal => rest(one).cmp(rest(other)),
            order => order,
        });
        for same in items.chunk_by(|one, other| one.head == other.head && rest(one) == rest(other)) {
            let whole = key(&same[0]);
            let Some((op, name)) = whole.split_first().and_then(|(sign, name)| Some((op(*sign)?, name)))
            else {
                unreachable!("a part has no key without operator")
            };
            let mut numbers = same.iter().map(|item| item.number);
            let first = numbers.next().unwrap_or_default();
            match numbers.try_fold(first, |sum, number| reduced(op, sum, number)) {
                Some(number) => emit(op, name, number)?,
                None => return Err(Wrong::Overflow(shown(whole)).of("the sum of the parts").into()),
            }
        }
        Ok(())
    }
}

/// The key up to which plain entries are gathered: all up to it are known, and they are not very many.
fn bound(parts: &[Part], least: &[u8]) -> Result<Vec<u8>, PartError> {
    let (mut known, mut last): (Option<Vec<u8>>, Vec<u8>) = (None, Vec::new());
    for part in parts {
        let end = match (part.front(), part.next()) {
            (Some(Block::Plain(front)), None) => {
                last = last.max(front.last.clone());
                continue;
            }
            (Some(Block::Plain(_)), Some(Block::Plain(next))) => next.last.clone(),
            (Some(Block::Plain(front)), Some(Block::Set(_))) => front.last.clone(),
            (Some(Block::Set(set)), _) => {
                let mut key = Vec::new();
                set.key_of(set.value, &mut key);
                key
            }
            (None, _) => continue,
        };
        if known.as_ref().is_none_or(|known| end < *known) {
            known = Some(end);
        }
    }
    let mut bound = known.unwrap_or(last);
    for part in parts.iter().step_by(parts.len().div_ceil(ASKED)) {
        let Some(Block::Plain(plain)) = part.front() else { continue };
        let ahead = plain.ahead((PLAIN_ENTRIES / parts.len()).max(1)).map_err(|wrong| part.error(wrong))?;
        bound = bound.min(ahead);
    }
    // Of a part that is not sorted, what is ahead may be less; that is found when it is gathered.
    Ok(bound.max(least.to_vec()))
}

/// The first sixteen octets. No key has a zero in it, so a key that ends is before those that go on.
#[inline]
fn head(key: &[u8]) -> u128 {
    let mut head = [0; 16];
    match key.first_chunk() {
        Some(first) => head = *first,
        None => head[..key.len()].copy_from_slice(key),
    }
    u128::from_be_bytes(head)
}

/// What is behind them.
#[inline]
fn rest(key: &[u8], common: usize) -> &[u8] {
    key.get(common + 16..).unwrap_or_default()
}
