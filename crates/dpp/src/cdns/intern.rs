//! A table that has each entry once, and gives its number.
//!
//! Entries are kept as they are written, one behind the other: the table of a block is a copy of them. Numbers are given
//! in the order of first use, so the seed of the hash, which keeps senders from choosing names that collide, shows nowhere.

use super::cbor::{BYTES, put_head};

/// A place that holds nothing.
const FREE: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub(super) struct Interned {
    seed: u64,
    /// Numbers of entries, by hash; a power of two, at most half full.
    places: Vec<u32>,
    entries: Vec<Entry>,
    /// The entries, encoded.
    encoded: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    /// What is compared: of a string, its content.
    at: u32,
    length: u32,
}

impl Interned {
    pub(super) fn new(seed: u64) -> Self {
        Interned { seed, places: vec![FREE; 256], entries: Vec::new(), encoded: Vec::new() }
    }

    /// The number of an entry that is a string of bytes.
    #[inline]
    pub(super) fn string(&mut self, octets: &[u8]) -> u64 {
        self.number(octets, |encoded, length| put_head(encoded, BYTES, length))
    }

    /// The number of an entry that is encoded already.
    #[inline]
    pub(super) fn value(&mut self, encoded: &[u8]) -> u64 {
        self.number(encoded, |_, _| {})
    }

    #[inline]
    fn number(&mut self, octets: &[u8], head: impl Fn(&mut Vec<u8>, u64)) -> u64 {
        let hash = hash(self.seed, octets);
        let mask = self.places.len() - 1;
        let mut place = hash as usize & mask;
        while self.places[place] != FREE {
            let number = self.places[place];
            let entry = self.entries[number as usize];
            if entry.hash == hash && self.octets(entry) == octets {
                return number.into();
            }
            place = (place + 1) & mask;
        }
        let number = self.entries.len() as u32;
        self.places[place] = number;
        head(&mut self.encoded, octets.len() as u64);
        self.entries.push(Entry { hash, at: self.encoded.len() as u32, length: octets.len() as u32 });
        self.encoded.extend_from_slice(octets);
        if self.entries.len() * 2 > self.places.len() {
            self.grow();
        }
        number.into()
    }

    fn octets(&self, entry: Entry) -> &[u8] {
        &self.encoded[entry.at as usize..][..entry.length as usize]
    }

    #[cold]
    fn grow(&mut self) {
        let mask = self.places.len() * 2 - 1;
        self.places.clear();
        self.places.resize(mask + 1, FREE);
        for (number, entry) in self.entries.iter().enumerate() {
            let mut place = entry.hash as usize & mask;
            while self.places[place] != FREE {
                place = (place + 1) & mask;
            }
            self.places[place] = number as u32;
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All of them, encoded, in the order of their numbers.
    pub(super) fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    pub(super) fn clear(&mut self) {
        if !self.entries.is_empty() {
            self.places.fill(FREE);
            self.entries.clear();
            self.encoded.clear();
        }
    }
}

/// Multiplies to 128 bits and folds: each bit of the input reaches all of the output.
#[inline(always)]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// A hash of some octets, eight at a time; the last eight may overlap those before.
#[inline]
fn hash(seed: u64, octets: &[u8]) -> u32 {
    const ONE: u64 = 0x9E37_79B9_7F4A_7C15;
    const OTHER: u64 = 0xD1B5_4A32_D192_ED03;
    let mut state = mix(seed ^ ONE, octets.len() as u64 ^ OTHER);
    let (words, rest) = octets.as_chunks::<8>();
    for word in words {
        state = mix(state ^ u64::from_le_bytes(*word), ONE);
    }
    if !rest.is_empty() {
        let last = match octets.last_chunk::<8>() {
            Some(last) => u64::from_le_bytes(*last),
            None => rest.iter().fold(0, |word, &octet| word << 8 | u64::from(octet)),
        };
        state = mix(state ^ last, OTHER);
    }
    (state ^ state >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_have_one_number_and_numbers_are_by_first_use() {
        for seed in [0, 1, u64::MAX] {
            let mut table = Interned::new(seed);
            let names: Vec<Vec<u8>> = (0..5000_u32).map(|n| vec![n as u8; (n / 200) as usize + 1]).collect();
            let mut distinct: Vec<&Vec<u8>> = Vec::new();
            for name in names.iter().chain(&names) {
                let number = distinct.iter().position(|other| *other == name).unwrap_or_else(|| {
                    distinct.push(name);
                    distinct.len() - 1
                });
                assert_eq!(table.string(name), number as u64);
            }
            assert_eq!(table.len(), distinct.len());
            table.clear();
            assert_eq!((table.string(b""), table.string(b"a"), table.encoded()), (0, 1, &b"\x40\x41a"[..]));
        }
    }

    #[test]
    fn a_string_and_a_value_are_encoded_as_they_are_written() {
        let mut table = Interned::new(7);
        assert_eq!((table.value(&[0x81, 0]), table.value(&[0x81, 1]), table.value(&[0x81, 0])), (0, 1, 0));
        assert_eq!(table.encoded(), [0x81, 0, 0x81, 1]);
    }
}
