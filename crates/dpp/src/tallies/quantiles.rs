//! How numbers are distributed: [`Quantiles`], a histogram that merges exactly.
//!
//! Buckets are powers of two cut into 128 equal steps, so a quantile read from it is at most 1/128 (0.8 %) above the exact one,
//! for any number of values of any size. Sum, smallest and largest are exact. Buckets are there from the first that has
//! something to the last: round trips of 100 us to 1 s take 13 KiB, all numbers of 64 bits 58.

use super::entry::{Entries, NotMine, Op};
use super::tally::{Tally, Teller, read_number};

const STEP_BITS: u32 = 7;
const STEPS: usize = 1 << STEP_BITS;
const BUCKETS: usize = STEPS * (u64::BITS - STEP_BITS + 1) as usize;

/// A histogram of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// The number of the first bucket that is there.
    first: usize,
    buckets: Vec<u64>,
    sum: u128,
    min: u64,
    max: u64,
}

impl Default for Quantiles {
    fn default() -> Self {
        Quantiles { first: 0, buckets: Vec::new(), sum: 0, min: u64::MAX, max: 0 }
    }
}

impl Quantiles {
    /// How much a quantile is above the exact one at most, as a share of it.
    pub const RELATIVE_ERROR: f64 = 1.0 / STEPS as f64;

    /// Counts a number.
    #[inline]
    pub fn add(&mut self, number: u64) {
        let bucket = bucket(number);
        match self.buckets.get_mut(bucket.wrapping_sub(self.first)) {
            Some(count) => *count = count.wrapping_add(1),
            None => self.add_in(bucket, 1),
        }
        self.sum = self.sum.wrapping_add(number.into());
        self.min = self.min.min(number);
        self.max = self.max.max(number);
    }

    /// Counts a number so many times, once at least.
    pub fn add_many(&mut self, number: u64, n: u64) {
        self.add_in(bucket(number), n);
        self.sum = self.sum.saturating_add(u128::from(number) * u128::from(n));
        self.min = self.min.min(number);
        self.max = self.max.max(number);
    }

    /// Adds to a bucket that may not be there.
    #[cold]
    fn add_in(&mut self, bucket: usize, count: u64) {
        if self.buckets.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            self.buckets.splice(0..0, std::iter::repeat_n(0, self.first - bucket));
            self.first = bucket;
        }
        let place = bucket - self.first;
        if place >= self.buckets.len() {
            self.buckets.resize(place + 1, 0);
        }
        self.buckets[place] = self.buckets[place].saturating_add(count);
    }

    /// How many numbers were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// All of them together.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The smallest; `None` if nothing was counted.
    pub fn min(&self) -> Option<u64> {
        (!self.buckets.is_empty()).then_some(self.min)
    }

    /// The largest.
    pub fn max(&self) -> Option<u64> {
        (!self.buckets.is_empty()).then_some(self.max)
    }

    /// The mean.
    pub fn mean(&self) -> Option<f64> {
        (!self.buckets.is_empty()).then(|| self.sum as f64 / self.count() as f64)
    }

    /// The number that `per_mille` of 1000 do not exceed, at most 0.8 % too high; `None` if nothing was counted.
    ///
    /// ```
    /// let mut times = dpp::tallies::Quantiles::default();
    /// (1..=1000).for_each(|us| times.add(us * 1000));
    /// let median = times.quantile(500).unwrap();
    /// assert!((500_000..=504_000).contains(&median), "{median}");
    /// ```
    pub fn quantile(&self, per_mille: u64) -> Option<u64> {
        let bucket = ranked((self.first..).zip(self.buckets.iter().copied()), self.count(), per_mille)?;
        Some(last_of(bucket).min(self.max))
    }

    /// The buckets that are not empty: the smallest and the largest number that falls into each, and how many did.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        let all = (self.first..).zip(&self.buckets);
        all.filter(|(_, count)| **count > 0).map(|(bucket, &count)| {
            let start = bucket.checked_sub(1).map_or(0, |before| last_of(before) + 1);
            (start, last_of(bucket), count)
        })
    }
}

/// The bucket of a number: its leading bits.
#[inline]
pub(super) fn bucket(number: u64) -> usize {
    let shift = (u64::BITS - number.leading_zeros()).saturating_sub(STEP_BITS + 1);
    (shift as usize) * STEPS + (number >> shift) as usize
}

/// The largest number that falls into a bucket.
pub(super) fn last_of(bucket: usize) -> u64 {
    let shift = (bucket / STEPS).saturating_sub(1);
    let lead = (bucket - shift * STEPS) as u64;
    // Of the very last bucket this is 2^64 - 1.
    ((lead + 1) << shift).wrapping_sub(1)
}

/// The bucket that has the number which `per_mille` of 1000 do not exceed. Buckets come in their order, each with how many
/// numbers fell into it; `all` are these together.
pub(super) fn ranked(
    buckets: impl IntoIterator<Item = (usize, u64)>,
    all: u64,
    per_mille: u64,
) -> Option<usize> {
    let rank = (u128::from(all) * u128::from(per_mille)).div_ceil(1000).max(1);
    let mut seen = 0;
    let found = buckets.into_iter().find(|(_, count)| {
        seen += u128::from(*count);
        seen >= rank
    });
    found.map(|(bucket, _)| bucket)
}

/// A bucket as an entry names it, into which so many numbers fell.
pub(super) fn read_bucket(name: &[u8], count: u64) -> Result<usize, NotMine> {
    read_number(name).ok().filter(|bucket| *bucket < BUCKETS && count > 0).ok_or(NotMine)
}

/// A sum has more than 64 bits, and is told in two parts that add up: what is below 2^32 of it, and the rest.
pub(super) fn tell_sum(teller: &mut Teller, sum: u128) {
    teller.tell(Op::Sum, b"s0", sum as u64 & 0xFFFF_FFFF);
    teller.tell(Op::Sum, b"s1", u64::try_from(sum >> 32).unwrap_or(u64::MAX));
}

pub(super) fn take_sum(sum: &mut u128, part: &[u8], number: u64) -> Result<(), NotMine> {
    let shift = match part {
        b"0" => 0,
        b"1" => 32,
        _ => return Err(NotMine),
    };
    *sum = sum.saturating_add(u128::from(number) << shift);
    Ok(())
}

impl Tally for Quantiles {
    fn merge(&mut self, other: &Quantiles) {
        for (bucket, &count) in (other.first..).zip(&other.buckets).filter(|(_, count)| **count > 0) {
            self.add_in(bucket, count);
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

impl Entries for Quantiles {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        if self.buckets.is_empty() {
            return;
        }
        let mut teller = Teller::new(prefix, emit);
        for (bucket, &count) in (self.first..).zip(&self.buckets).filter(|(_, count)| **count > 0) {
            teller.tell(Op::Sum, format!("b{bucket}").as_bytes(), count);
        }
        tell_sum(&mut teller, self.sum);
        teller.tell(Op::Min, b"m", self.min);
        teller.tell(Op::Max, b"m", self.max);
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        match (op, key) {
            (Op::Sum, [b'b', bucket @ ..]) => self.add_in(read_bucket(bucket, number)?, number),
            (Op::Sum, [b's', part @ ..]) => take_sum(&mut self.sum, part, number)?,
            (Op::Min, b"m") => self.min = self.min.min(number),
            (Op::Max, b"m") => self.max = self.max.max(number),
            _ => return Err(NotMine),
        }
        Ok(())
    }
}
