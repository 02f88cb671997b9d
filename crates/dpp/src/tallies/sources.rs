//! Sets of addresses: exact, as long as there are not far too many.
//!
//! A set of more than its bound is thinned out: it keeps those addresses whose mixed bits begin with so many zeros (its
//! *level*) that they are no more than the bound, and each stands for a power of two. Which these are depends on what was
//! added alone, never on the order or the grouping: so a set that was thinned merges like any other, and an attack from
//! billions of made-up addresses costs neither the memory nor the measurement. (Wegman's adaptive sampling. With the bounds of
//! [`limits`](crate::limits) the standard error is below one in a thousand; below the bound there is none.)

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher};

/// What can be in a set.
pub trait Address: Copy + Eq + Ord + Hash {
    /// Its bits, mixed: the same for ever, as sets of other machines and days are mixed alike.
    fn mixed(self) -> u64;
}

/// Random digits (of pi), as any would do, but these must never change.
const MIX: [u64; 3] = [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D0];

/// Multiplies to 128 bits and folds the halves.
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl Address for u32 {
    fn mixed(self) -> u64 {
        u64::from(self).mixed()
    }
}

impl Address for u64 {
    fn mixed(self) -> u64 {
        fold(fold(self ^ MIX[0], MIX[1]) ^ self, MIX[2])
    }
}

impl Address for u128 {
    fn mixed(self) -> u64 {
        fold(((self >> 64) as u64).mixed() ^ MIX[0], MIX[1] ^ self as u64).mixed()
    }
}

/// Where an address stands in a table; never in what is told. The seed keeps senders from choosing who collides.
#[derive(Clone, Copy, Debug, Default)]
struct Seeded(u64);

impl BuildHasher for Seeded {
    type Hasher = Mixer;

    #[inline(always)]
    fn build_hasher(&self) -> Mixer {
        Mixer(self.0)
    }
}

/// Mixes one number.
struct Mixer(u64);

impl Hasher for Mixer {
    #[inline(always)]
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    #[inline(always)]
    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    #[inline(always)]
    fn write_u64(&mut self, number: u64) {
        self.0 = fold(self.0 ^ number ^ MIX[0], MIX[1]);
    }

    #[inline(always)]
    fn write_u128(&mut self, number: u128) {
        let (high, low) = ((number >> 64) as u64, number as u64);
        self.0 = fold(fold(self.0 ^ high ^ MIX[0], MIX[1]) ^ low, MIX[2]);
    }
}

/// A set of addresses.
#[derive(Clone, Debug)]
pub struct Sources<T> {
    set: HashSet<T, Seeded>,
    /// How many zeros the mixed bits of its addresses begin with, at least.
    level: u32,
    max: usize,
}

/// Two sets are equal that hold the same; where it stands in their tables does not matter.
impl<T: Address> PartialEq for Sources<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.level, &self.set) == (other.level, &other.set)
    }
}

impl<T: Address> Eq for Sources<T> {}

impl<T: Address> Sources<T> {
    /// An empty set that keeps at most so many addresses.
    pub fn new(seed: u64, max: usize) -> Self {
        Sources { set: HashSet::with_hasher(Seeded(seed)), level: 0, max }
    }

    /// Adds an address. Gives whether there are too many now: then [`thin_out`](Sources::thin_out) is due.
    #[inline(always)]
    #[must_use]
    pub fn add(&mut self, address: T) -> bool {
        if self.level > 0 && address.mixed().leading_zeros() < self.level {
            return false;
        }
        self.set.insert(address) && self.set.len() > self.max
    }

    /// Keeps only so many as there may be.
    #[cold]
    pub fn thin_out(&mut self) {
        while self.set.len() > self.max {
            self.rise_to(self.level + 1);
        }
    }

    /// Keeps only what a set of this level keeps.
    #[cold]
    pub fn rise_to(&mut self, level: u32) {
        if level > self.level {
            self.level = level;
            self.set.retain(|address| address.mixed().leading_zeros() >= level);
        }
    }

    /// 0 if it is complete; else each address in it stands for two to the power of this.
    pub fn level(&self) -> u32 {
        self.level
    }

    /// How many there are: exactly, if the set is complete.
    pub fn count(&self) -> u64 {
        (self.set.len() as u64) << self.level
    }

    /// How many it keeps.
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether it keeps none.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Those it keeps, in any order.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.set.iter().copied()
    }

    /// Those it keeps, in order.
    pub fn sorted(&self) -> Vec<T> {
        let mut all: Vec<T> = self.iter().collect();
        all.sort_unstable();
        all
    }

    /// Adds another set.
    pub fn merge(&mut self, other: &Self) {
        self.rise_to(other.level);
        self.make_room(other);
        for address in other.iter() {
            if self.add(address) {
                self.thin_out();
            }
        }
    }

    /// Room for a larger set before its addresses come, which come in the order of its table: a table that grew with them would
    /// have them all in the same place.
    pub fn make_room(&mut self, other: &Self) {
        self.set.reserve(other.len().saturating_sub(self.set.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_of(addresses: impl IntoIterator<Item = u32>, seed: u64, max: usize) -> Sources<u32> {
        let mut set = Sources::new(seed, max);
        for address in addresses {
            if set.add(address) {
                set.thin_out();
            }
        }
        set
    }

    #[test]
    fn a_small_set_is_exact() {
        let set = set_of([7, 0, 7, u32::MAX, 0], 1, 3);
        assert_eq!((set.count(), set.level(), set.sorted()), (3, 0, vec![0, 7, u32::MAX]));
    }

    #[test]
    fn a_large_set_estimates_and_keeps_its_bound() {
        let set = set_of(0..1_000_000, 1, 10_000);
        assert!(set.len() <= 10_000 && set.len() > 4_000, "{}", set.len());
        assert!(set.count().abs_diff(1_000_000) < 40_000, "{}", set.count());
    }

    #[test]
    fn neither_order_nor_grouping_nor_seed_matter() {
        let whole = set_of(0..5_000, 1, 700);
        assert_eq!(whole, set_of((0..5_000).rev(), 99, 700));
        for cut in [0, 1, 600, 701, 3_000, 4_999] {
            let (mut left, right) = (set_of(0..cut, 3, 700), set_of(cut..5_000, 5, 700));
            let mut other = right.clone();
            other.merge(&left);
            left.merge(&right);
            assert_eq!((&left, &other), (&whole, &whole), "{cut}");
        }
    }

    #[test]
    fn addresses_of_all_widths_are_spread() {
        fn low_zeros<T: Address>(all: impl Iterator<Item = T>) -> usize {
            all.filter(|address| address.mixed().leading_zeros() >= 4).count()
        }
        let expected = 850..1150;
        assert!(expected.contains(&low_zeros(0..16_000_u32)), "{}", low_zeros(0..16_000_u32));
        assert!(expected.contains(&low_zeros((0..16_000_u64).map(|low| low << 32))));
        assert!(expected.contains(&low_zeros((0..16_000_u128).map(|low| 0x2001_0db8 << 96 | low))));
    }
}
