//! The distinct values of a column chunk: raw bytes in, a number out, and the text printed once for each.
//!
//! Values are known by their raw bytes (a name's wire form, an address's octets), so a value that was seen
//! before costs a hash, a look and a comparison, and is never printed again. Numbers are given in the order
//! of first sight; the hash's seed, which keeps senders from choosing what collides, shows nowhere.

use std::hash::BuildHasher;
use std::ops::Range;

/// A dictionary takes no new value once its texts take so many bytes. Busy resolvers have some ten thousand
/// names a row group; a flood of random ones should not fill memory with what will never be seen again.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;

/// So many values are looked up at once, at most.
pub(super) const KNOWN_MAX: usize = 64;

/// Values and their numbers.
pub(super) struct Dictionary {
    seed: u64,
    /// Open addressing, a power of two long, at most half full.
    slots: Vec<Slot>,
    /// The raw values, one behind the other, and where each ends.
    raw: Vec<u8>,
    ends: Vec<u32>,
    /// The texts as Parquet wants them in a dictionary page: each with its length before it.
    texts: Vec<u8>,
    /// It takes no new value once its texts take so many bytes.
    pub(super) texts_max: usize,
}

/// The upper half of a value's hash, and its number plus one; 0 is free.
#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u32,
    number: u32,
}

/// The smallest number of slots.
const SLOTS_MIN: usize = 1 << 10;

impl Default for Dictionary {
    fn default() -> Self {
        let seed = std::hash::RandomState::new().hash_one(0);
        let slots = vec![Slot::default(); SLOTS_MIN];
        Dictionary {
            seed,
            slots,
            raw: Vec::new(),
            ends: Vec::new(),
            texts: Vec::new(),
            texts_max: TEXT_BYTES_MAX,
        }
    }
}

impl Dictionary {
    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The body of a dictionary page.
    pub(super) fn texts(&self) -> &[u8] {
        &self.texts
    }

    /// Forgets all values; the memory is kept.
    pub(super) fn clear(&mut self) {
        self.slots.fill(Slot::default());
        self.raw.clear();
        self.ends.clear();
        self.texts.clear();
    }

    /// The number of a value. `text` is asked for if it is new. `None` if it is new and the dictionary is
    /// full.
    #[inline]
    pub(super) fn number<'t>(&mut self, raw: &[u8], text: impl FnOnce() -> &'t [u8]) -> Option<u32> {
        let hash = hash(raw, self.seed);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.number == 0 {
                return self.add(raw, hash, at, text());
            }
            if slot.hash == hash && is_same(self.raw(slot.number - 1), raw) {
                return Some(slot.number - 1);
            }
            at = (at + 1) & mask;
        }
    }

    /// The numbers of these values, as far as they can be found at first sight: where another value stands in the way, or
    /// none, there may still be one. One step after the other is done for all, so that the memory of one need not have come
    /// before that of the next is asked for.
    pub(super) fn known<'r>(
        &self,
        values: impl Iterator<Item = &'r [u8]> + Clone,
    ) -> [Option<u32>; KNOWN_MAX] {
        let mut slots = [(0, Slot::default()); KNOWN_MAX];
        for (place, raw) in slots.iter_mut().zip(values.clone()) {
            let hash = hash(raw, self.seed);
            *place = (hash, self.slots[hash as usize & (self.slots.len() - 1)]);
        }
        let mut places = [const { None }; KNOWN_MAX];
        for (place, (hash, slot)) in places.iter_mut().zip(slots) {
            let is_likely = slot.number > 0 && slot.hash == hash;
            *place = is_likely.then(|| (slot.number - 1, self.place(slot.number - 1)));
        }
        let mut known = [None; KNOWN_MAX];
        for ((known, raw), place) in known.iter_mut().zip(values).zip(places) {
            *known = place.and_then(|(number, place)| is_same(&self.raw[place], raw).then_some(number));
        }
        known
    }

    /// The raw value of a number.
    #[inline]
    pub(super) fn raw(&self, number: u32) -> &[u8] {
        &self.raw[self.place(number)]
    }

    /// Where it lies.
    #[inline]
    fn place(&self, number: u32) -> Range<usize> {
        let index = number as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        start as usize..self.ends[index] as usize
    }

    /// Puts a new value into the free slot `at`.
    #[cold]
    fn add(&mut self, raw: &[u8], hash: u32, at: usize, text: &[u8]) -> Option<u32> {
        if self.texts.len() >= self.texts_max {
            return None;
        }
        self.raw.extend_from_slice(raw);
        self.ends.push(self.raw.len() as u32);
        plain(text, &mut self.texts);
        let number = self.ends.len() as u32;
        self.slots[at] = Slot { hash, number };
        if self.ends.len() * 2 > self.slots.len() {
            self.grow();
        }
        Some(number - 1)
    }

    fn grow(&mut self) {
        let length = self.slots.len() * 2;
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); length]);
        for slot in old.into_iter().filter(|slot| slot.number != 0) {
            let mut at = slot.hash as usize & (length - 1);
            while self.slots[at].number != 0 {
                at = (at + 1) & (length - 1);
            }
            self.slots[at] = slot;
        }
    }
}

/// The texts of a body of PLAIN texts.
pub(super) fn plain_texts(mut body: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = body.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        body = rest;
        Some(text)
    })
}

/// PLAIN encoding of a text: its length in four bytes, and the text.
pub(super) fn plain(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
}

/// Values up to this length are looked at as two or four words from both ends, which meet or overlap: names
/// and addresses are mostly that short, and have no loop to mispredict then.
const SHORT: usize = 32;

/// Whether two values are equal.
#[inline(always)]
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let differ = |at: usize| word(one, at) ^ word(other, at);
    match one.len() {
        // The library's comparison reads from where no bytes are, which takes it longer than to compare some.
        0 => true,
        length @ 8..=16 => differ(0) | differ(length - 8) == 0,
        length @ 17..=SHORT => differ(0) | differ(8) | differ(length - 16) | differ(length - 8) == 0,
        _ => one == other,
    }
}

/// A hash under `seed`.
#[inline(always)]
fn hash(raw: &[u8], seed: u64) -> u32 {
    let mut state = seed ^ raw.len() as u64;
    let mut rest = raw;
    while rest.len() > SHORT {
        let (block, after) = rest.split_at(SHORT);
        state = mix(block, state);
        rest = after;
    }
    let state = mix(rest, state);
    (state >> 32) as u32 ^ state as u32
}

/// Mixes up to [`SHORT`] bytes into the state.
#[inline(always)]
fn mix(block: &[u8], state: u64) -> u64 {
    let (one, other) = match block.len() {
        0..8 => (fold(block.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)) ^ state, DIGITS[0]), 0),
        length @ 8..=16 => (fold(word(block, 0) ^ state, word(block, length - 8) ^ DIGITS[0]), 0),
        length => (
            fold(word(block, 0) ^ state, word(block, 8) ^ DIGITS[0]),
            fold(word(block, length - 16) ^ DIGITS[1], word(block, length - 8) ^ state),
        ),
    };
    fold(one ^ other.rotate_left(32), DIGITS[2])
}

#[inline(always)]
fn word(raw: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*raw[at..].first_chunk().expect("within the value"))
}

/// Digits of pi.
pub(super) const DIGITS: [u64; 3] = [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D1];

/// Multiplies to 128 bits and folds the halves: every input bit reaches every output bit.
#[inline(always)]
pub(super) fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
