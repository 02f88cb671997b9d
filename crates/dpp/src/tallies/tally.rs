//! What all tallies have in common, and how they tell their entries.

use super::entry::{Entries, NotMine, Op};

/// What was counted of a multiset: it depends on what was added, never on the order or the grouping.
pub trait Tally: Entries {
    /// Adds what another has counted.
    fn merge(&mut self, other: &Self);
}

/// Tells entries whose keys begin alike.
pub struct Teller<'a> {
    key: Vec<u8>,
    stem: usize,
    emit: &'a mut dyn FnMut(Op, &[u8], u64),
}

impl<'a> Teller<'a> {
    /// All keys begin with this.
    pub fn new(prefix: &str, emit: &'a mut dyn FnMut(Op, &[u8], u64)) -> Self {
        Teller { key: prefix.into(), stem: prefix.len(), emit }
    }

    /// Tells an entry whose key goes on like this.
    pub fn tell(&mut self, op: Op, rest: &[u8], number: u64) {
        self.tell_written(op, number, |key| key.extend_from_slice(rest));
    }

    /// The same, where the key is `kind`, and bytes in hexadecimal digits: a key is text without blanks, whatever is counted.
    pub fn tell_bytes(&mut self, op: Op, kind: u8, bytes: &[u8], number: u64) {
        self.tell_written(op, number, |key| {
            key.push(kind);
            write_hex(bytes, key);
        });
    }

    fn tell_written(&mut self, op: Op, number: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.key.truncate(self.stem);
        write(&mut self.key);
        (self.emit)(op, &self.key, number);
    }
}

/// Appends bytes as hexadecimal digits.
pub fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend(bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]));
}

/// The bytes that were written so.
///
/// # Errors
/// If they were not.
pub fn read_hex(text: &[u8]) -> Result<Vec<u8>, NotMine> {
    let digit = |letter: u8| match letter {
        b'0'..=b'9' => Ok(letter - b'0'),
        b'a'..=b'f' => Ok(letter - b'a' + 10),
        _ => Err(NotMine),
    };
    let (pairs, odd) = text.as_chunks::<2>();
    let byte = |&[high, low]: &[u8; 2]| Ok(digit(high)? << 4 | digit(low)?);
    if odd.is_empty() { pairs.iter().map(byte).collect() } else { Err(NotMine) }
}

/// A number in decimal digits, as keys have it.
///
/// # Errors
/// If it is none, or is written otherwise than we would.
pub fn read_number<N: std::str::FromStr + std::fmt::Display>(text: &[u8]) -> Result<N, NotMine> {
    let text = std::str::from_utf8(text).map_err(|_| NotMine)?;
    let number: N = text.parse().map_err(|_| NotMine)?;
    if number.to_string() == text { Ok(number) } else { Err(NotMine) }
}

/// Divides a key at its first slash.
///
/// # Errors
/// If it has none.
pub fn split_key(key: &[u8]) -> Result<(&[u8], &[u8]), NotMine> {
    let at = key.iter().position(|&octet| octet == b'/').ok_or(NotMine)?;
    Ok((&key[..at], &key[at + 1..]))
}

/// A time, ns since 1970, as a number of entries, in the same order.
pub fn number_of_ns(ns: i64) -> u64 {
    (ns as u64) ^ 1 << 63
}

/// The time that has this number.
pub fn ns_of_number(number: u64) -> i64 {
    (number ^ 1 << 63) as i64
}
