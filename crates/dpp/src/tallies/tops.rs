//! What there was most of: [`Tops`], of keys that are bytes.
//!
//! While the keys are not too many each has its count, and everything is exact. Beyond that a *sketch* is kept of all of them:
//! four rows of counters, in each of which a key has one by its hash, together with others (Count-Min: a key's count is at most
//! the smallest of its four), and those keys whose *rank* is smallest. Each occurrence brings a random number, and a key's rank
//! is the least of its own; so the more often a key comes the surer it is kept. Of a key that makes up a share f of all
//! occurrences (1 - f)^k is the chance that it is not among k kept ones.
//!
//! The surprising fact is what is not here: no list of candidates that come and go, as Space-Saving has it. Which of them are
//! there depends on the order in which they came; counters that add up and least numbers do not
//! (docs/decisions/2026-11-22-tallies-that-merge.md).

use super::address::AddressKey;
use super::distinct::{Number, Registers};
use super::entry::{Entries, NotMine, Op};
use super::keyed::{AHEAD, Keyed, Tag};
use super::murmur::Hash;
use super::tally::{Tally, Teller, read_hex, read_number};
use crate::limits::{TOPS_CELLS, TOPS_KEPT, TOPS_ROWS};
use std::cmp::Reverse;

/// Keys and how often they came.
#[derive(Clone, Debug, PartialEq)]
pub struct Tops {
    keys_max: u64,
    counts: Counts,
}

/// A key, and how often it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Top {
    /// The key.
    pub key: Vec<u8>,
    /// So often, about; exactly, if the others equal it.
    pub count: u64,
    /// At least so often; of a sketch, but for one key in a million.
    pub least: u64,
    /// At most so often.
    pub most: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum Counts {
    Exact(Keyed<Weight>),
    Sketch(Box<Sketch>),
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq)]
struct Weight {
    count: u64,
    rank: u64,
}

impl Tops {
    /// No keys yet. Up to `keys_max` different ones are counted exactly.
    pub fn new(keys_max: u64) -> Self {
        Tops { keys_max, counts: Counts::Exact(Keyed::default()) }
    }

    /// A key came `n` times, once at least. `rank` is random, and the same for the same occurrence wherever it is counted: a hash
    /// of what it is known by, divided by `n`. Gives the key's number, while keys are exact: they have them in the order in which
    /// they came, so that who knows something of a key can keep it by that.
    #[inline]
    pub fn add(&mut self, key: &[u8], rank: u64, n: u64) -> Option<usize> {
        match &mut self.counts {
            Counts::Exact(keys) => match keys.look_up(key) {
                Ok((number, weight)) => {
                    weight.add(rank, n);
                    Some(number)
                }
                Err(free) => {
                    let number = keys.push(free, key, Weight { count: n, rank });
                    self.settle();
                    Some(number).filter(|_| self.is_exact())
                }
            },
            Counts::Sketch(sketch) => {
                sketch.add(key, rank, n);
                None
            }
        }
    }

    /// What a key is looked up by: who has it before need not have it made again.
    #[inline]
    pub fn tag(&self, key: &[u8]) -> Tag {
        match &self.counts {
            Counts::Exact(keys) => keys.tag(key),
            Counts::Sketch(_) => Tag::default(),
        }
    }

    /// The same of an address.
    #[inline(always)]
    pub fn tag_of_address(&self, key: AddressKey) -> Tag {
        match &self.counts {
            Counts::Exact(keys) => keys.tag_of_address(key),
            Counts::Sketch(_) => Tag::default(),
        }
    }

    /// Keys of these tags came once each, with these ranks: those that are known already are counted. `is_it` says whether bytes are
    /// those of the key at a place, if its tag does not say all. Gives the numbers that keys have, from 1, and a bit for each of the
    /// others, which are to be added singly.
    #[inline(always)]
    pub fn add_known(
        &mut self,
        tags: &[Tag],
        ranks: &[u64],
        is_it: impl Fn(usize, &[u8]) -> bool,
        numbers: &mut [u32; AHEAD],
    ) -> u32 {
        let all = (1_u64 << tags.len()) - 1;
        match &mut self.counts {
            Counts::Exact(keys) => {
                keys.each_known(tags, is_it, numbers, |place, weight| weight.add(ranks[place], 1))
            }
            Counts::Sketch(_) => {
                *numbers = [0; AHEAD];
                all as u32
            }
        }
    }

    /// Whether a key can be added while all counts stay exact.
    pub fn has_room_for(&self, key: &[u8]) -> bool {
        match &self.counts {
            Counts::Exact(keys) => (keys.len() as u64) < self.keys_max || keys.number(key).is_some(),
            Counts::Sketch(_) => false,
        }
    }

    /// Tells keys that are counted exactly, with their ranks and counts, in any order; of a sketch nothing.
    pub fn each(&self, mut tell: impl FnMut(&[u8], u64, u64)) {
        if let Counts::Exact(keys) = &self.counts {
            keys.iter().for_each(|(key, weight)| tell(key, weight.rank, weight.count));
        }
    }

    /// So many different keys are counted exactly.
    pub fn keys_max(&self) -> u64 {
        self.keys_max
    }

    /// Whether all counts are exact.
    pub fn is_exact(&self) -> bool {
        matches!(self.counts, Counts::Exact(_))
    }

    /// How many different keys there were.
    pub fn distinct(&self) -> Number {
        match &self.counts {
            Counts::Exact(keys) => Number { keys: keys.len() as u64, error: 0.0 },
            Counts::Sketch(sketch) => Number { keys: sketch.distinct.number(), error: Registers::error() },
        }
    }

    /// How often keys came in all.
    pub fn total(&self) -> u64 {
        match &self.counts {
            Counts::Exact(keys) => sum(keys.iter().map(|(_, weight)| weight.count)),
            Counts::Sketch(sketch) => sum(sketch.row(0).iter().copied()),
        }
    }

    /// The most frequent keys, of equally frequent ones the lower first.
    pub fn top(&self, count: usize) -> Vec<Top> {
        let mut tops = match &self.counts {
            Counts::Exact(keys) => keys.iter().map(|(key, weight)| (Reverse(weight.count), key)).collect(),
            Counts::Sketch(sketch) => sketch.most_of_kept(),
        };
        if count < tops.len() {
            tops.select_nth_unstable(count);
            tops.truncate(count);
        }
        tops.sort_unstable();
        let (usual, nearly_all) = match &self.counts {
            Counts::Exact(_) => (0, 0),
            Counts::Sketch(sketch) => (sketch.noise(USUAL), sketch.noise(NEARLY_ALL)),
        };
        let top = |(Reverse(most), key): (Reverse<u64>, &[u8])| {
            let (count, least) = (most.saturating_sub(usual).max(1), most.saturating_sub(nearly_all).max(1));
            Top { key: key.to_vec(), count, least, most }
        };
        tops.into_iter().map(top).collect()
    }

    /// Of a key that makes up such a share of all occurrences, the chance that [`Tops::top`] does not know it.
    pub fn chance_to_miss(&self, share: f64) -> f64 {
        let squared = |chance: f64, _| chance * chance;
        if self.is_exact() { 0.0 } else { (0..TOPS_KEPT.trailing_zeros()).fold(1.0 - share, squared) }
    }

    /// Counts all keys in a sketch from now on.
    fn sketch_mut(&mut self) -> &mut Sketch {
        if let Counts::Exact(keys) = &self.counts {
            let mut sketch = Box::<Sketch>::default();
            sketch.add_exact(keys);
            self.counts = Counts::Sketch(sketch);
        }
        match &mut self.counts {
            Counts::Exact(_) => unreachable!("it is a sketch now"),
            Counts::Sketch(sketch) => sketch,
        }
    }
}

impl Weight {
    #[inline]
    fn add(&mut self, rank: u64, n: u64) {
        self.count = self.count.saturating_add(n);
        self.rank = self.rank.min(rank);
    }
}

/// Nothing in part files can make a sum overflow; the largest number stands for all beyond it.
fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

/// Of so many of 1000 counters in each row there are more beside a key: in all four rows with one half's chance.
const USUAL: usize = 840;

/// With a chance of less than one in a million.
const NEARLY_ALL: usize = 31;

/// What is known of keys that are too many.
#[derive(Clone, Debug)]
struct Sketch {
    /// Row by row.
    cells: Vec<u64>,
    distinct: Registers,
    /// The ranks of keys: of [`TOPS_KEPT`] with the smallest ones, and of some more.
    kept: Keyed<u64>,
    /// Keys of larger ranks are none of those.
    rank_max: u64,
}

impl Default for Sketch {
    fn default() -> Self {
        Sketch {
            cells: vec![0; TOPS_ROWS * TOPS_CELLS],
            distinct: Registers::default(),
            kept: Keyed::default(),
            rank_max: u64::MAX,
        }
    }
}

// Each row takes sixteen bits of half a hash.
const _: () = assert!(TOPS_CELLS == 1 << 16 && TOPS_ROWS * 16 == 64 && TOPS_KEPT.is_power_of_two());

/// Where a key's counters are.
#[inline]
fn places(hash: Hash) -> [usize; TOPS_ROWS] {
    std::array::from_fn(|row| row * TOPS_CELLS + (hash.first >> (16 * row)) as usize % TOPS_CELLS)
}

impl Sketch {
    #[inline]
    fn add(&mut self, key: &[u8], rank: u64, n: u64) {
        self.count(key, n);
        self.keep(key, rank);
    }

    #[inline]
    fn count(&mut self, key: &[u8], n: u64) {
        let hash = Hash::of(key);
        for place in places(hash) {
            self.cells[place] = self.cells[place].saturating_add(n);
        }
        self.distinct.add(hash);
    }

    #[inline]
    fn keep(&mut self, key: &[u8], rank: u64) {
        if rank <= self.rank_max {
            self.keep_for_now(key, rank);
        }
    }

    #[cold]
    fn keep_for_now(&mut self, key: &[u8], rank: u64) {
        let number = self.kept.number_or(key, || rank);
        let mine = self.kept.value_mut(number);
        *mine = rank.min(*mine);
        if self.kept.len() >= 2 * TOPS_KEPT {
            self.prune();
        }
    }

    /// Forgets keys that cannot be among those of the smallest ranks any more: ranks of others only fall.
    fn prune(&mut self) {
        let (mut kept, mut rank_max) = (Keyed::default(), self.rank_max);
        for (rank, key) in self.kept() {
            kept.number_or(key, || rank);
            rank_max = rank;
        }
        (self.kept, self.rank_max) = (kept, rank_max);
    }

    /// The keys of the smallest ranks, in their order.
    fn kept(&self) -> Vec<(u64, &[u8])> {
        let mut kept: Vec<(u64, &[u8])> = self.kept.iter().map(|(key, rank)| (*rank, key)).collect();
        if kept.len() > TOPS_KEPT {
            kept.select_nth_unstable(TOPS_KEPT);
            kept.truncate(TOPS_KEPT);
        }
        kept.sort_unstable();
        kept
    }

    fn add_exact(&mut self, keys: &Keyed<Weight>) {
        for (key, weight) in keys.iter() {
            // A rank alone is what a sketch told of a key that is counted elsewhere.
            if weight.count > 0 {
                self.count(key, weight.count);
            }
            self.keep(key, weight.rank);
        }
    }

    fn merge(&mut self, other: &Sketch) {
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            *mine = mine.saturating_add(*theirs);
        }
        self.distinct.merge(&other.distinct);
        other.kept.iter().for_each(|(key, rank)| self.keep(key, *rank));
    }

    fn row(&self, row: usize) -> &[u64] {
        &self.cells[row * TOPS_CELLS..][..TOPS_CELLS]
    }

    /// How often the keys that are kept came at most.
    fn most_of_kept(&self) -> Vec<(Reverse<u64>, &[u8])> {
        let most = |key| places(Hash::of(key)).map(|place| self.cells[place]).into_iter().min();
        self.kept().into_iter().map(|(_, key)| (Reverse(most(key).unwrap_or(0)), key)).collect()
    }

    /// More than this is beside a key in at most so many of 1000 counters of each row. Which counters are a key's own is up to
    /// its hash, so this is what others add to its count, with the fourth power of that chance.
    fn noise(&self, larger_of_1000: usize) -> u64 {
        let of_row = |row| {
            let mut row = self.row(row).to_vec();
            let place = TOPS_CELLS - 1 - TOPS_CELLS * larger_of_1000 / 1000;
            *row.select_nth_unstable(place).1
        };
        (0..TOPS_ROWS).map(of_row).max().unwrap_or(0)
    }
}

impl PartialEq for Sketch {
    fn eq(&self, other: &Self) -> bool {
        self.cells == other.cells && self.distinct == other.distinct && self.kept() == other.kept()
    }
}

impl Tally for Tops {
    fn merge(&mut self, other: &Tops) {
        self.keys_max = self.keys_max.min(other.keys_max);
        match (&mut self.counts, &other.counts) {
            (_, Counts::Sketch(theirs)) => self.sketch_mut().merge(theirs),
            (Counts::Sketch(mine), Counts::Exact(theirs)) => mine.add_exact(theirs),
            (Counts::Exact(mine), Counts::Exact(theirs)) => {
                for (key, weight) in theirs.iter() {
                    let number = mine.number_or(key, || Weight { count: 0, rank: weight.rank });
                    mine.value_mut(number).add(weight.rank, weight.count);
                }
            }
        }
        self.settle();
    }
}

/// An entry for the bound, one for the count of each key or counter, one for each rank, and those of the registers.
impl Entries for Tops {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let mut teller = Teller::new(prefix, emit);
        teller.tell(Op::Min, b"m", self.keys_max);
        match &self.counts {
            Counts::Exact(keys) => keys.iter().for_each(|(key, weight)| {
                teller.tell_bytes(Op::Sum, b'n', key, weight.count);
                teller.tell_bytes(Op::Min, b'r', key, weight.rank);
            }),
            Counts::Sketch(sketch) => {
                for (place, &count) in sketch.cells.iter().enumerate().filter(|(_, count)| **count > 0) {
                    teller.tell(Op::Sum, format!("c{place}").as_bytes(), count);
                }
                sketch.kept().iter().for_each(|(rank, key)| teller.tell_bytes(Op::Min, b'r', key, *rank));
                sketch.distinct.tell_registers(&mut teller);
            }
        }
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        match (op, key.split_first().ok_or(NotMine)?) {
            (Op::Min, (b'm', [])) => self.keys_max = self.keys_max.min(number),
            (Op::Sum, (b'n', hex)) => {
                let key = read_hex(hex)?;
                match &mut self.counts {
                    Counts::Exact(keys) => {
                        let place = keys.number_or(&key, || Weight { count: 0, rank: u64::MAX });
                        keys.value_mut(place).add(u64::MAX, number);
                    }
                    Counts::Sketch(sketch) => sketch.count(&key, number),
                }
            }
            (Op::Min, (b'r', hex)) => {
                let key = read_hex(hex)?;
                match &mut self.counts {
                    Counts::Exact(keys) => {
                        let place = keys.number_or(&key, || Weight { count: 0, rank: number });
                        keys.value_mut(place).add(number, 0);
                    }
                    Counts::Sketch(sketch) => sketch.keep(&key, number),
                }
            }
            (Op::Sum, (b'c', place)) => {
                let cell = self.sketch_mut().cells.get_mut(read_number::<usize>(place)?).ok_or(NotMine)?;
                *cell = cell.saturating_add(number);
            }
            (Op::Max, (b'h', place)) => self.sketch_mut().distinct.take_register(place, number)?,
            _ => return Err(NotMine),
        }
        Ok(())
    }

    fn settle(&mut self) {
        if matches!(&self.counts, Counts::Exact(keys) if keys.len() as u64 > self.keys_max) {
            self.sketch_mut();
        }
    }
}
