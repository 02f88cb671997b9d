//! The hash of keys that decides what is told: MurmurHash3 of 128 bits, under the seed that Apache DataSketches gives it.
//!
//! What it decides is written into part files and read on other machines, so nothing of it may be drawn by lot. Who knows it
//! can make keys that collide; what comes of that each tally says that uses it.

const SEED: u64 = 9001;
const C1: u64 = 0x87C3_7B91_1142_53D5;
const C2: u64 = 0x4CF5_AD43_2745_937F;

/// The hash of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash {
    /// The first half.
    pub first: u64,
    /// The second half.
    pub second: u64,
}

impl Hash {
    /// The hash of these bytes.
    #[inline]
    pub fn of(bytes: &[u8]) -> Hash {
        let (mut first, mut second) = (SEED, SEED);
        let (blocks, tail) = bytes.as_chunks::<16>();
        for block in blocks {
            let (one, other) = halves(block);
            first = (first ^ mixed_one(one)).rotate_left(27).wrapping_add(second);
            first = first.wrapping_mul(5).wrapping_add(0x52DC_E729);
            second = (second ^ mixed_other(other)).rotate_left(31).wrapping_add(first);
            second = second.wrapping_mul(5).wrapping_add(0x3849_5AB5);
        }
        // What is missing in the last block counts as zero, which mixes to zero.
        let mut last = [0; 16];
        last[..tail.len()].copy_from_slice(tail);
        let (one, other) = halves(&last);
        first ^= mixed_one(one) ^ bytes.len() as u64;
        second ^= mixed_other(other) ^ bytes.len() as u64;
        first = first.wrapping_add(second);
        second = second.wrapping_add(first);
        (first, second) = (finished(first), finished(second));
        first = first.wrapping_add(second);
        Hash { first, second: second.wrapping_add(first) }
    }
}

#[inline]
fn halves(block: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*block);
    (both as u64, (both >> 64) as u64)
}

#[inline]
fn mixed_one(word: u64) -> u64 {
    word.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

#[inline]
fn mixed_other(word: u64) -> u64 {
    word.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

/// Every bit of a word reaches every bit of the result.
#[inline]
pub(super) fn finished(word: u64) -> u64 {
    let word = (word ^ word >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let word = (word ^ word >> 33).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    word ^ word >> 33
}
