//! A table from keys, which are bytes, to something small: what the tallies of keys are made of.
//!
//! Keys lie one behind the other, in the order in which they came, which is their *number*; a slot of the table has a number
//! and half of the key's hash. So a key that is known takes one hash and three places in memory: its slot, its entry, its
//! bytes. (An address of IPv4 takes two: its slot has all of it.) The hash is under a seed drawn by lot, because who fills the table is not to be trusted; nothing that is told
//! depends on it, nor on the numbers.

use super::address::AddressKey;
use super::murmur::fold;
use std::hash::{BuildHasher, RandomState};
use std::hint::{black_box, select_unpredictable};
use std::sync::OnceLock;

/// Keys, and what is known of each.
#[derive(Clone)]
pub(super) struct Keyed<V> {
    seed: u64,
    /// For each key, in a slot near the place that its hash says: half of the hash (or all of an IPv4 address), and behind it its
    /// number from 1. A power of two, at least twice as many as keys.
    slots: Vec<u64>,
    entries: Vec<Entry<V>>,
    bytes: Vec<u8>,
}

#[derive(Clone)]
struct Entry<V> {
    start: usize,
    length: u32,
    value: V,
}

const SLOTS_MIN: usize = 16;

impl<V> Default for Keyed<V> {
    fn default() -> Self {
        static SEED: OnceLock<u64> = OnceLock::new();
        let seed = *SEED.get_or_init(|| RandomState::new().hash_one(0));
        Keyed { seed, slots: vec![0; SLOTS_MIN], entries: Vec::new(), bytes: Vec::new() }
    }
}

impl<V> Keyed<V> {
    /// How many keys.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The number of a key, if it is known.
    #[inline]
    pub(super) fn number(&self, key: &[u8]) -> Option<usize> {
        self.find(key).ok()
    }

    /// The number of a key; a new one begins with this.
    #[inline]
    pub(super) fn number_or(&mut self, key: &[u8], new: impl FnOnce() -> V) -> usize {
        match self.find(key) {
            Ok(number) => number,
            Err(free) => self.push(free, key, new()),
        }
    }

    /// The number of a key and what is known of it; of one that is not there, where it belongs.
    #[inline]
    pub(super) fn look_up(&mut self, key: &[u8]) -> Result<(usize, &mut V), Free> {
        self.find(key).map(|number| (number, &mut self.entries[number].value))
    }

    /// What a slot has of a key.
    #[inline]
    pub(super) fn tag(&self, key: &[u8]) -> Tag {
        Tag(match AddressKey::ipv4_of(key) {
            Some(octets) => ipv4_tag(octets),
            None => hash(self.seed, key) & HASH,
        })
    }

    /// The same of an address.
    #[inline(always)]
    pub(super) fn tag_of_address(&self, key: AddressKey) -> Tag {
        Tag(match key.ipv4() {
            Some(octets) => ipv4_tag(octets),
            None => key.hash_ipv6(self.seed) & HASH,
        })
    }

    /// Does something with what is known of the keys of these tags. `is_it` says whether bytes are those of the key at a place, if its
    /// tag does not say all. Gives the numbers that keys have, from 1, and 0 for those that are not there, and of these a bit each.
    #[inline(always)]
    pub(super) fn each_known(
        &mut self,
        tags: &[Tag],
        is_it: impl Fn(usize, &[u8]) -> bool,
        numbers: &mut [u32; AHEAD],
        mut with: impl FnMut(usize, &mut V),
    ) -> u32 {
        self.guess(tags, numbers);
        let mut missing = 0;
        for (place, (tag, number)) in tags.iter().zip(numbers.iter_mut()).enumerate() {
            let found = match self.is_at(*number, *tag, |key| is_it(place, key)) {
                true => Ok(*number as usize - 1),
                false => self.find_tag(*tag, |key| is_it(place, key)),
            };
            match found {
                Ok(found) => {
                    with(place, &mut self.entries[found].value);
                    *number = found as u32 + 1;
                }
                Err(_) => {
                    missing |= 1 << place;
                    *number = 0;
                }
            }
        }
        missing
    }

    /// The numbers that keys of these tags have, from 1, as far as the first two slots say it. Many loads go on at once here, for
    /// slots, entries and bytes; where keys are looked up one by one, each would wait for the one before. Which of the slots it is
    /// nobody can foretell, so there is no branch.
    #[inline(always)]
    fn guess(&self, tags: &[Tag], numbers: &mut [u32; AHEAD]) {
        for (&Tag(tag), number) in tags.iter().zip(numbers.iter_mut()) {
            let slot = self.place(tag);
            let [first, second] = [slot, (slot + 1) & (self.slots.len() - 1)].map(|slot| self.slots[slot]);
            let found = select_unpredictable(first & TAG == tag, first, second);
            *number = select_unpredictable(found & TAG == tag, (found & !TAG) as u32, 0);
        }
        let fetched = tags.iter().zip(numbers.iter()).fold(0, |sum, (&Tag(tag), &number)| {
            let entry = self.entries.get((number as usize).wrapping_sub(1));
            let start = entry.map_or(0, |entry| entry.start);
            let start = select_unpredictable(tag & IS_IPV4 != 0, 0, start);
            sum ^ self.bytes.get(start).copied().unwrap_or_default()
        });
        black_box(fetched);
    }

    /// Whether the key of this number, from 1, is this one.
    #[inline(always)]
    fn is_at(&self, number: u32, Tag(tag): Tag, is_it: impl Fn(&[u8]) -> bool) -> bool {
        let entry = self.entries.get((number as usize).wrapping_sub(1));
        // Of an IPv4 address the tag is all.
        entry.is_some_and(|entry| tag & IS_IPV4 != 0 || is_it(self.key(entry)))
    }

    /// What is known of the key of this number.
    #[inline]
    pub(super) fn value_mut(&mut self, number: usize) -> &mut V {
        &mut self.entries[number].value
    }

    /// What is known of a key.
    pub(super) fn get(&self, key: &[u8]) -> Option<&V> {
        Some(&self.entries[self.number(key)?].value)
    }

    /// The key of this number.
    pub(super) fn key_of(&self, number: usize) -> &[u8] {
        self.key(&self.entries[number])
    }

    /// All of them, in the order of their numbers: which must not be told.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &V)> {
        self.entries.iter().map(|entry| self.shown(entry))
    }

    fn shown<'a>(&'a self, entry: &'a Entry<V>) -> (&'a [u8], &'a V) {
        (self.key(entry), &entry.value)
    }

    #[inline]
    fn key(&self, entry: &Entry<V>) -> &[u8] {
        &self.bytes[entry.start..entry.start + entry.length as usize]
    }

    /// The number of a key; of one that is not there the slot that is free for it, and what to put there beside its number.
    #[inline(always)]
    fn find(&self, key: &[u8]) -> Result<usize, Free> {
        self.find_tag(self.tag(key), |bytes| is_same(bytes, key))
    }

    #[inline(always)]
    fn find_tag(&self, Tag(tag): Tag, is_it: impl Fn(&[u8]) -> bool) -> Result<usize, Free> {
        let mut slot = self.place(tag);
        loop {
            let found = self.slots[slot];
            if found == 0 {
                return Err(Free { slot, tag });
            }
            if found & TAG == tag {
                let number = (found & !TAG) as usize - 1;
                // Of an IPv4 address the tag is all.
                if tag & IS_IPV4 != 0 || is_it(self.key(&self.entries[number])) {
                    return Ok(number);
                }
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    /// Where to begin to look.
    #[inline(always)]
    fn place(&self, tag: u64) -> usize {
        // Of an IPv4 address the tag is no hash; to ask whether it is one would take longer than to hash all.
        (fold(tag ^ self.seed, MIX[0]) >> (u64::BITS - self.slots.len().trailing_zeros())) as usize
    }

    /// Adds a key that is not there, where it belongs.
    #[cold]
    pub(super) fn push(&mut self, free: Free, key: &[u8], value: V) -> usize {
        let number = self.entries.len();
        assert!((number as u64) < !TAG, "two thousand million keys do not fit into memory");
        self.slots[free.slot] = free.tag | (number as u64 + 1);
        self.entries.push(Entry { start: self.bytes.len(), length: key.len() as u32, value });
        self.bytes.extend_from_slice(key);
        if self.entries.len() * 2 > self.slots.len() {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        let slots = vec![0; self.slots.len() * 2];
        for found in std::mem::replace(&mut self.slots, slots).into_iter().filter(|found| *found > 0) {
            let mut slot = self.place(found & TAG);
            while self.slots[slot] > 0 {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.slots[slot] = found;
        }
    }
}

/// Those of which so much is known are the same.
impl<V: PartialEq> PartialEq for Keyed<V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl<V: std::fmt::Debug> std::fmt::Debug for Keyed<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut all: Vec<_> =
            self.iter().map(|(key, value)| (key.escape_ascii().to_string(), value)).collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        f.debug_map().entries(all).finish()
    }
}

/// A slot without a number, and the hash that belongs there.
pub(super) struct Free {
    slot: usize,
    tag: u64,
}

/// The half of the hash that is in a slot, or an IPv4 address.
const HASH: u64 = !0 << 32;

/// Says that it is an address.
const IS_IPV4: u64 = 1 << 31;

#[inline(always)]
fn ipv4_tag(octets: u32) -> u64 {
    u64::from(octets) << 32 | IS_IPV4
}

/// For so many keys something is fetched at once: all that is fetched for them fits into the first cache.
pub const AHEAD: usize = 32;

/// What a slot has of a key beside its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tag(u64);

/// What tells keys apart.
const TAG: u64 = HASH | IS_IPV4;

/// Random digits (of pi).
const MIX: [u64; 2] = [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344];

/// Sixteen bytes at a time; the last sixteen may overlap those before.
#[inline]
pub(super) fn hash(seed: u64, key: &[u8]) -> u64 {
    let mut state = begin_hash(seed, key.len());
    let mut rest = key;
    while rest.len() > 16 {
        let (block, behind) = rest.split_first_chunk::<16>().expect("there are more");
        let both = u128::from_le_bytes(*block);
        state = hash_block(state, (both as u64, (both >> 64) as u64));
        rest = behind;
    }
    let (one, other) = match (key.last_chunk::<16>(), rest.first_chunk::<8>(), rest.first_chunk::<4>()) {
        (Some(last), ..) => {
            let both = u128::from_le_bytes(*last);
            (both as u64, (both >> 64) as u64)
        }
        (_, Some(first), _) => {
            let last = rest.last_chunk::<8>().expect("there are as many from the end");
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        }
        (.., Some(first)) => {
            let last = rest.last_chunk::<4>().expect("there are as many from the end");
            (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
        }
        _ => (rest.iter().fold(0, |word, &octet| word << 8 | u64::from(octet)), 0),
    };
    hash_last(state, (one, other), seed)
}

/// The hash of no bytes yet, of so many.
#[inline(always)]
pub(super) fn begin_hash(seed: u64, length: usize) -> u64 {
    seed ^ fold(length as u64 ^ MIX[0], MIX[1])
}

/// Adds sixteen bytes.
#[inline(always)]
pub(super) fn hash_block(state: u64, (one, other): (u64, u64)) -> u64 {
    fold(one ^ state, other ^ MIX[0])
}

/// Adds the last bytes.
#[inline(always)]
pub(super) fn hash_last(state: u64, (one, other): (u64, u64), seed: u64) -> u64 {
    fold(fold(one ^ state, other ^ MIX[1]) ^ seed, MIX[0])
}

/// Whether two keys are the same. They are short, and a call would take longer than to compare them: sixteen bytes at a time, of
/// which the last may overlap those before.
#[inline(always)]
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    if let (Some(last), Some(other_last)) = (one.last_chunk::<16>(), other.last_chunk::<16>()) {
        let (words, other_words) = (one.as_chunks::<16>().0, other.as_chunks::<16>().0);
        return last == other_last && words.iter().zip(other_words).all(|(one, other)| one == other);
    }
    if let (Some(first), Some(other_first)) = (one.first_chunk::<8>(), other.first_chunk::<8>()) {
        return first == other_first && one.last_chunk::<8>() == other.last_chunk::<8>();
    }
    one == other
}
