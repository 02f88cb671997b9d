//! How numbers of one of many groups are distributed: [`Spread`], which has the buckets of [`Quantiles`](super::Quantiles) that are
//! not empty.
//!
//! A name that was asked for twice has two round-trip times, and no use for all the buckets between them. A bucket here is a
//! word: above its number, below how often a number fell into it, which nobody brings to 2^48.

use super::entry::{Entries, NotMine, Op};
use super::quantiles::{bucket, last_of, ranked, read_bucket, take_sum, tell_sum};
use super::tally::{Tally, Teller};

const COUNT_BITS: u32 = 48;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;

/// Numbers of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// In the order of buckets.
    words: Vec<u64>,
    sum: u128,
    max: u64,
}

impl Spread {
    /// Counts a number.
    #[inline]
    pub fn add(&mut self, number: u64) {
        self.add_in(bucket(number) as u64, 1);
        self.sum = self.sum.saturating_add(number.into());
        self.max = self.max.max(number);
    }

    #[inline]
    fn add_in(&mut self, bucket: u64, count: u64) {
        let place = self.words.partition_point(|word| word >> COUNT_BITS < bucket);
        match self.words.get_mut(place).filter(|word| **word >> COUNT_BITS == bucket) {
            Some(word) => {
                *word = bucket << COUNT_BITS | (*word & COUNT_MAX).saturating_add(count).min(COUNT_MAX)
            }
            None => self.words.insert(place, bucket << COUNT_BITS | count.min(COUNT_MAX)),
        }
    }

    /// How many words it takes: never more for less.
    pub fn words(&self) -> usize {
        self.words.len()
    }

    /// How many numbers were counted.
    pub fn count(&self) -> u64 {
        self.words.iter().fold(0, |sum, word| sum.saturating_add(word & COUNT_MAX))
    }

    /// All of them together.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The largest; `None` if nothing was counted.
    pub fn max(&self) -> Option<u64> {
        (!self.words.is_empty()).then_some(self.max)
    }

    /// The mean.
    pub fn mean(&self) -> Option<f64> {
        (!self.words.is_empty()).then(|| self.sum as f64 / self.count() as f64)
    }

    /// The number that `per_mille` of 1000 do not exceed, at most 0.8 % too high; `None` if nothing was counted.
    pub fn quantile(&self, per_mille: u64) -> Option<u64> {
        let buckets = self.words.iter().map(|word| ((word >> COUNT_BITS) as usize, word & COUNT_MAX));
        Some(last_of(ranked(buckets, self.count(), per_mille)?).min(self.max))
    }
}

impl Tally for Spread {
    fn merge(&mut self, other: &Spread) {
        other.words.iter().for_each(|word| self.add_in(word >> COUNT_BITS, word & COUNT_MAX));
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }
}

/// The entries of [`Quantiles`](super::Quantiles), without the smallest.
impl Entries for Spread {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        if self.words.is_empty() {
            return;
        }
        let mut teller = Teller::new(prefix, emit);
        for word in &self.words {
            teller.tell(Op::Sum, format!("b{}", word >> COUNT_BITS).as_bytes(), word & COUNT_MAX);
        }
        tell_sum(&mut teller, self.sum);
        teller.tell(Op::Max, b"m", self.max);
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        match (op, key) {
            (Op::Sum, [b'b', bucket @ ..]) => self.add_in(read_bucket(bucket, number)? as u64, number),
            (Op::Sum, [b's', part @ ..]) => take_sum(&mut self.sum, part, number)?,
            (Op::Max, b"m") => self.max = self.max.max(number),
            _ => return Err(NotMine),
        }
        Ok(())
    }
}
