//! How often each of some small numbers came: types, response codes, sizes of buffers. They have sixteen bits, which bounds them.

use super::entry::{Entries, NotMine, Op};
use super::tally::{Tally, Teller, read_number};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Most of what DNS numbers is below this, and lies in an array.
const LOW: usize = 256;

/// Counts by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    low: Box<[u64; LOW]>,
    high: BTreeMap<u16, u64>,
}

impl Default for Counts {
    fn default() -> Self {
        Counts { low: Box::new([0; LOW]), high: BTreeMap::new() }
    }
}

impl Counts {
    /// A number came.
    #[inline]
    pub fn add(&mut self, number: u16) {
        self.add_many(number, 1);
    }

    /// A number came so many times, once at least.
    #[inline]
    pub fn add_many(&mut self, number: u16, n: u64) {
        let count = match self.low.get_mut(usize::from(number)) {
            Some(count) => count,
            None => self.high.entry(number).or_default(),
        };
        *count = count.saturating_add(n);
    }

    /// So often a number came.
    pub fn of(&self, number: u16) -> u64 {
        let low = self.low.get(usize::from(number));
        low.or_else(|| self.high.get(&number)).copied().unwrap_or(0)
    }

    /// So often any came.
    pub fn total(&self) -> u64 {
        self.iter().fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// The numbers that came, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        let low = (0..).zip(self.low.iter()).filter(|(_, count)| **count > 0);
        low.chain(self.high.iter().map(|(number, count)| (*number, count)))
            .map(|(number, count)| (number, *count))
    }

    /// The same, the most frequent first; of equally frequent ones the lower.
    pub fn most_frequent(&self) -> Vec<(u16, u64)> {
        let mut all: Vec<(u16, u64)> = self.iter().collect();
        all.sort_by_key(|&(number, count)| (Reverse(count), number));
        all
    }
}

impl Tally for Counts {
    fn merge(&mut self, other: &Counts) {
        other.iter().for_each(|(number, count)| self.add_many(number, count));
    }
}

impl Entries for Counts {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let mut teller = Teller::new(prefix, emit);
        self.iter().for_each(|(number, count)| teller.tell(Op::Sum, number.to_string().as_bytes(), count));
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        if op != Op::Sum || number == 0 {
            return Err(NotMine);
        }
        self.add_many(read_number(key)?, number);
        Ok(())
    }
}
