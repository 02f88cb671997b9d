//! Some of very many: [`Sample`], a fair draw of occurrences, from which anything can be estimated that was not counted.
//!
//! Each occurrence brings a random number, its *rank*, and those of the smallest ranks are the sample. So each is as likely in
//! it as any other, whichever way they came together. Whoever has a hundredth of the traffic has a hundredth of the sample.

use super::entry::{Entries, NotMine, Op};
use super::keyed::Keyed;
use super::tally::{Tally, Teller, read_hex};
use crate::limits::SAMPLE_MAX;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Occurrences of keys with a number each, drawn by lot.
#[derive(Clone)]
pub struct Sample {
    /// Keys that occurrences have, or had.
    keys: Keyed<()>,
    /// Those of the sample and some more.
    occurrences: Vec<Occurrence>,
    /// Occurrences of larger ranks are none of it.
    rank_max: u64,
}

/// 24 bytes, of which there may be many.
#[derive(Clone, Copy)]
struct Occurrence {
    rank: u64,
    number: u64,
    /// The number of its key.
    key: u32,
}

impl Default for Sample {
    fn default() -> Self {
        Sample { keys: Keyed::default(), occurrences: Vec::new(), rank_max: u64::MAX }
    }
}

/// What was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drawn<'a> {
    /// A key.
    pub key: &'a [u8],
    /// A number.
    pub number: u64,
    /// How often they came together.
    pub count: u64,
}

/// Of an occurrence as an entry has it: rank and number.
const HEADER: usize = 16;

impl Sample {
    /// A key came, with a number. `rank` is random, and the same for the same occurrence wherever it is counted.
    #[inline]
    pub fn add(&mut self, rank: u64, key: &[u8], number: u64) {
        if self.takes(rank) {
            self.add_for_now(rank, key, number);
        }
    }

    /// Whether an occurrence of this rank may be drawn, as far as is known yet.
    #[inline]
    pub fn takes(&self, rank: u64) -> bool {
        rank <= self.rank_max
    }

    #[cold]
    fn add_for_now(&mut self, rank: u64, key: &[u8], number: u64) {
        let key = self.keys.number_or(key, || ()) as u32;
        self.occurrences.push(Occurrence { rank, number, key });
        if self.occurrences.len() >= 2 * SAMPLE_MAX {
            self.prune();
        }
    }

    /// Forgets what cannot be in the sample any more.
    fn prune(&mut self) {
        let mut drawn = std::mem::take(&mut self.occurrences);
        self.draw(&mut drawn);
        let mut keys = Keyed::default();
        // Numbers of keys there, from 1, by those here.
        let mut numbers = vec![0; self.keys.len()];
        for Occurrence { key, .. } in &mut drawn {
            let there = &mut numbers[*key as usize];
            if *there == 0 {
                *there = keys.number_or(self.key(*key), || ()) as u32 + 1;
            }
            *key = *there - 1;
        }
        self.rank_max = drawn.iter().map(|occurrence| occurrence.rank).max().unwrap_or(u64::MAX);
        (self.keys, self.occurrences) = (keys, drawn);
    }

    /// Leaves those that are the sample, in any order. Of occurrences that are alike in everything any are taken.
    fn draw(&self, all: &mut Vec<Occurrence>) {
        if all.len() > SAMPLE_MAX {
            all.select_nth_unstable_by(SAMPLE_MAX, |one, other| self.compare(one, other));
            all.truncate(SAMPLE_MAX);
        }
    }

    fn key(&self, number: u32) -> &[u8] {
        self.keys.key_of(number as usize)
    }

    fn compare(&self, one: &Occurrence, other: &Occurrence) -> Ordering {
        let numbers = (one.rank, one.number).cmp(&(other.rank, other.number));
        numbers.then_with(|| self.key(one.key).cmp(self.key(other.key)))
    }

    /// The sample, in any order.
    fn drawn_by_lot(&self) -> Vec<Occurrence> {
        let mut all = self.occurrences.clone();
        self.draw(&mut all);
        all
    }

    /// What was drawn, key by key, and by number for each.
    pub fn drawn(&self) -> Vec<Drawn<'_>> {
        let mut counts = BTreeMap::new();
        for Occurrence { number, key, .. } in self.drawn_by_lot() {
            *counts.entry((self.key(key), number)).or_insert(0) += 1;
        }
        counts.into_iter().map(|((key, number), count)| Drawn { key, number, count }).collect()
    }

    /// Whether everything was drawn.
    pub fn is_whole(&self) -> bool {
        self.rank_max == u64::MAX && self.occurrences.len() <= SAMPLE_MAX
    }
}

impl PartialEq for Sample {
    fn eq(&self, other: &Self) -> bool {
        let sorted = |of: &Sample| {
            let mut all = of.drawn_by_lot();
            all.sort_unstable_by(|one, other| of.compare(one, other));
            all
        };
        let (mine, theirs) = (sorted(self), sorted(other));
        let same = |(one, two): (&Occurrence, &Occurrence)| {
            (one.rank, one.number, self.key(one.key)) == (two.rank, two.number, other.key(two.key))
        };
        mine.len() == theirs.len() && mine.iter().zip(&theirs).all(same)
    }
}

impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.drawn()).finish()
    }
}

impl Tally for Sample {
    fn merge(&mut self, other: &Sample) {
        for Occurrence { rank, number, key } in &other.occurrences {
            self.add(*rank, other.key(*key), *number);
        }
    }
}

/// An entry for all occurrences that are alike.
impl Entries for Sample {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for Occurrence { rank, number, key } in self.drawn_by_lot() {
            let bytes = [&rank.to_be_bytes()[..], &number.to_be_bytes()[..], self.key(key)].concat();
            *counts.entry(bytes).or_default() += 1;
        }
        let mut teller = Teller::new(prefix, emit);
        counts.iter().for_each(|(bytes, count)| teller.tell_bytes(Op::Sum, b'd', bytes, *count));
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        let (Op::Sum, Some((b'd', hex))) = (op, key.split_first()) else { return Err(NotMine) };
        let bytes = read_hex(hex)?;
        let (numbers, key) = bytes.split_first_chunk::<HEADER>().ok_or(NotMine)?;
        let both = u128::from_be_bytes(*numbers);
        // More are not in the sample; whoever writes such an entry does not get more work done by it.
        for _ in 0..number.min(SAMPLE_MAX as u64) {
            self.add((both >> 64) as u64, key, both as u64);
        }
        Ok(())
    }
}
