//! Texts of a column chunk, with their dictionary.
//!
//! A page of values is encoded alike but for one case: that in which the dictionary gets full is two.

use super::dictionary::{Dictionary, TEXT_BYTES_MAX, is_same, plain, plain_texts};
use super::encoding::{runs_and_bits, width_of};
use super::values::{Bounds, Encoded, Extras};
use crate::text::{ADDRESS_ROOM, NAME_ROOM, write_address, write_name};
use dpp::table::Value;
use parquet::basic::Encoding;
use parquet::data_type::ByteArray;
use parquet::file::statistics::Statistics;
use std::net::IpAddr;

/// Longer texts are not in statistics: nobody looks for them there. No name is longer.
const BOUND_MAX: usize = 1 << 10;

/// Texts: numbers of a dictionary until it is full, then plain.
#[derive(Default)]
pub(super) struct Texts {
    dictionary: Dictionary,
    /// Whether the dictionary has refused a value of this chunk.
    is_full: bool,
    /// The page's values up to then.
    numbers: Vec<u32>,
    /// The page's values after that.
    plain: Vec<u8>,
    plain_values: usize,
    /// The least and the largest text of the chunk.
    bounds: Option<(Vec<u8>, Vec<u8>)>,
    fixed: Fixed,
    printer: Printer,
}

impl Texts {
    /// A list is not torn apart where the dictionary gets full: that is asked before each row.
    pub(super) fn never_tear(&mut self) {
        self.dictionary.texts_max = usize::MAX;
    }

    /// A row begins in a column of lists.
    pub(super) fn begin_list(&mut self) {
        self.is_full |= self.dictionary.texts().len() >= TEXT_BYTES_MAX;
    }

    /// Whether the page has no values.
    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.plain_values == 0
    }

    /// About how many bytes the page takes.
    pub(super) fn size(&self) -> usize {
        self.numbers.len() * size_of::<u32>() + self.plain.len()
    }

    /// The chunk's dictionary: how many values, and their PLAIN encoding.
    pub(super) fn dictionary(&self) -> (usize, &[u8]) {
        (self.dictionary.len(), self.dictionary.texts())
    }

    /// Adds the dictionary's values to the bloom filter.
    pub(super) fn sift_dictionary(&self, extras: &mut Extras) {
        plain_texts(self.dictionary.texts()).for_each(|text| extras.sift(text));
    }

    /// Takes a value that is no NULL into the page.
    #[inline(always)]
    pub(super) fn take(&mut self, value: Value) {
        match value {
            Value::Name(wire) => self.take_known_by(wire, value),
            // Eight bytes, so that there is no shorter value among the longer ones.
            Value::Address(IpAddr::V4(v4)) => {
                self.take_known_by(&u64::from(v4.to_bits()).to_le_bytes(), value)
            }
            Value::Address(IpAddr::V6(v6)) => self.take_known_by(&v6.octets(), value),
            Value::Word(text) => self.take_fixed(text),
            Value::Text(text) => self.take_text(text),
            _ => unreachable!("{value:?} in a column of texts"),
        }
    }

    /// Takes a text so often.
    pub(super) fn take_often(&mut self, value: Value, count: usize) {
        for done in 0..count {
            self.take(value);
            if let Some(&number) = self.numbers.last().filter(|_| !self.is_full) {
                return self.numbers.extend(std::iter::repeat_n(number, count - done - 1));
            }
        }
    }

    fn take_known_by(&mut self, raw: &[u8], value: Value) {
        if !self.is_full {
            let Texts { dictionary, bounds, printer, .. } = self;
            let number = dictionary.number(raw, || {
                let text = printer.print(value);
                widen(bounds, text);
                text
            });
            if let Some(number) = number {
                return self.numbers.push(number);
            }
            self.is_full = true;
        }
        self.take_plain(value);
    }

    /// Takes a text that is often the one before it: the name of an input.
    fn take_text(&mut self, text: &str) {
        match self.numbers.last() {
            Some(&last) if !self.is_full && is_same(self.dictionary.raw(last), text.as_bytes()) => {
                self.numbers.push(last)
            }
            _ => self.take_known_by(text.as_bytes(), Value::Text(text)),
        }
    }

    /// Takes a text that lies at a fixed place.
    #[inline(always)]
    fn take_fixed(&mut self, text: &'static str) {
        match self.fixed.0[Fixed::place(text)] {
            Some((seen, number)) if std::ptr::eq(seen, text) && !self.is_full => self.numbers.push(number),
            _ => self.take_unseen(text),
        }
    }

    #[cold]
    fn take_unseen(&mut self, text: &'static str) {
        self.take_known_by(text.as_bytes(), Value::Word(text));
        if let Some(&number) = self.numbers.last().filter(|_| !self.is_full) {
            self.fixed.0[Fixed::place(text)] = Some((text, number));
        }
    }

    fn take_plain(&mut self, value: Value) {
        let text = self.printer.print(value);
        widen(&mut self.bounds, text);
        plain(text, &mut self.plain);
        self.plain_values += 1;
    }

    pub(super) fn encode(&mut self, out: &mut Vec<u8>, extras: &mut Extras) -> Encoded {
        if self.is_full && self.numbers.is_empty() {
            let bounds = extras.has_index.then(|| bounds_of(plain_texts(&self.plain))).flatten();
            if extras.has_bloom {
                plain_texts(&self.plain).for_each(|text| extras.sift(text));
            }
            out.append(&mut self.plain);
            let values = std::mem::take(&mut self.plain_values);
            return Encoded { values, encoding: Encoding::PLAIN, bounds };
        }
        let width = width_of(self.dictionary.len().saturating_sub(1) as u64);
        out.push(width as u8);
        runs_and_bits(&self.numbers, width, out);
        let bounds = extras.has_index.then(|| self.bounds_of_page()).flatten();
        let values = self.numbers.len();
        self.numbers.clear();
        Encoded { values, encoding: Encoding::RLE_DICTIONARY, bounds }
    }

    /// The least and the largest of the page's values, looked up by their numbers.
    fn bounds_of_page(&self) -> Option<Bounds> {
        let mut is_there = vec![false; self.dictionary.len()];
        self.numbers.iter().for_each(|&number| is_there[number as usize] = true);
        let texts = plain_texts(self.dictionary.texts()).zip(&is_there);
        bounds_of(texts.filter(|(_, is_there)| **is_there).map(|(text, _)| text))
    }

    pub(super) fn statistics(&self, nulls: u64) -> Statistics {
        let bytes = |text: &Vec<u8>| ByteArray::from(text.clone());
        let short = |bound: &&(Vec<u8>, Vec<u8>)| bound.0.len().max(bound.1.len()) <= BOUND_MAX;
        let bounds = self.bounds.as_ref().filter(short);
        let (least, largest) = bounds.map(|(least, largest)| (bytes(least), bytes(largest))).unzip();
        Statistics::byte_array(least, largest, None, Some(nulls), false)
    }

    pub(super) fn forget(&mut self) {
        self.dictionary.clear();
        self.is_full = false;
        self.bounds = None;
        self.fixed = Fixed::default();
    }
}

/// The least and the largest of some texts, unless one of them is long.
fn bounds_of<'t>(texts: impl Iterator<Item = &'t [u8]>) -> Option<Bounds> {
    let widen = |bounds: Option<(&'t [u8], &'t [u8])>, text: &'t [u8]| match bounds {
        Some((least, largest)) => Some((least.min(text), largest.max(text))),
        None => Some((text, text)),
    };
    let (least, largest) = texts.fold(None, widen)?;
    let both = || (least.to_vec(), largest.to_vec());
    (least.len().max(largest.len()) <= BOUND_MAX).then(|| Bounds { keys: both(), plain: both() })
}

/// Makes room for a text between the least and the largest.
fn widen(bounds: &mut Option<(Vec<u8>, Vec<u8>)>, text: &[u8]) {
    let (least, largest) = bounds.get_or_insert_with(|| (text.to_vec(), text.to_vec()));
    if text < &least[..] {
        text.clone_into(least);
    }
    if text > &largest[..] {
        text.clone_into(largest);
    }
}

/// Texts that lie at fixed places, with their dictionary numbers. Where in memory a text lies decides only
/// whether it is found here or in the dictionary, which gives the same number; but here it is not hashed.
struct Fixed([Option<(&'static str, u32)>; 64]);

impl Default for Fixed {
    fn default() -> Self {
        Fixed([None; 64])
    }
}

impl Fixed {
    fn place(text: &'static str) -> usize {
        text.as_ptr().addr() % 64
    }
}

/// Room to print a value in.
struct Printer {
    name: [u8; NAME_ROOM],
    address: [u8; ADDRESS_ROOM],
}

impl Default for Printer {
    fn default() -> Self {
        Printer { name: [0; NAME_ROOM], address: [0; ADDRESS_ROOM] }
    }
}

impl Printer {
    fn print<'a>(&'a mut self, value: Value<'a>) -> &'a [u8] {
        match value {
            Value::Name(wire) => {
                let length = write_name(wire, &mut self.name).length;
                &self.name[..length]
            }
            Value::Address(address) => {
                let length = write_address(address, &mut self.address);
                &self.address[..length]
            }
            Value::Word(text) => text.as_bytes(),
            Value::Text(text) => text.as_bytes(),
            _ => unreachable!("{value:?} in a column of texts"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_text_is_a_text_like_any_other() {
        let mut texts = Texts::default();
        for text in ["A", "", "A", ""] {
            texts.take(Value::Word(text));
        }
        assert_eq!(texts.numbers, [0, 1, 0, 1]);
        assert_eq!(texts.dictionary.texts(), b"\x01\0\0\0A\0\0\0\0");
    }
}
