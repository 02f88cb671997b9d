//! Texts of a column chunk, with their dictionary.
//!
//! A page of values is encoded alike but for one case: that in which the dictionary gets full is two.
//!
//! Columns with at most one value a row hand over some dozen values at a time: each is somewhere else in a dictionary that is
//! larger than the fast memory, and what is looked up together is waited for together.

use super::dictionary::{Dictionary, KNOWN_MAX, TEXT_BYTES_MAX, is_same, plain, plain_texts};
use super::encoding::{runs_and_bits, width_of};
use super::values::{Bounds, Encoded, Extras};
use crate::text::{ADDRESS_ROOM, NAME_ROOM, write_address, write_name};
use dpp::table::Value;
use parquet::basic::Encoding;
use parquet::data_type::ByteArray;
use parquet::file::statistics::Statistics;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    /// Those that have not been looked up yet.
    waiting: Waiting,
    fixed: Fixed,
    printer: Printer,
}

/// Values one behind the other.
#[derive(Default)]
struct Waiting {
    raw: Vec<u8>,
    /// Where each ends, and what it is.
    list: Vec<(u32, Raw)>,
}

/// What the bytes are that a value is known by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Raw {
    /// A name in wire form.
    Name,
    /// An address of version 4 in eight bytes, so that there is no shorter value among the longer ones.
    V4,
    /// An address of version 6.
    V6,
    /// The text itself.
    Text,
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

    /// About how many bytes the page takes; with what waits, that may be too many.
    pub(super) fn size(&self) -> usize {
        let Waiting { raw, list } = &self.waiting;
        (self.numbers.len() + list.len()) * size_of::<u32>() + self.plain.len() + raw.len()
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
            Value::Word(text) => self.take_fixed(text),
            Value::Text(text) if let Some(last) = self.last_if(text.as_bytes()) => self.numbers.push(last),
            value => known_by(value, |raw, what| self.take_known_by(raw, what)),
        }
    }

    /// Takes a value that is no NULL into the page, at the latest when it is [settled](Self::settle).
    #[inline(always)]
    pub(super) fn take_soon(&mut self, value: Value) {
        match value {
            Value::Word(text) => {
                self.settle();
                self.take_fixed(text);
            }
            value => known_by(value, |raw, what| self.wait(raw, what)),
        }
    }

    /// Takes a text so often.
    pub(super) fn take_often(&mut self, value: Value, count: usize) {
        self.settle();
        for done in 0..count {
            self.take(value);
            if let Some(&number) = self.numbers.last().filter(|_| !self.is_full) {
                return self.numbers.extend(std::iter::repeat_n(number, count - done - 1));
            }
        }
    }

    fn take_known_by(&mut self, raw: &[u8], what: Raw) {
        match self.code_known_by(raw, what) {
            Some(number) => self.numbers.push(number),
            None => {
                self.is_full = true;
                self.take_plain(raw, what);
            }
        }
    }

    /// The number of a value in the dictionary, unless that is full.
    fn code_known_by(&mut self, raw: &[u8], what: Raw) -> Option<u32> {
        if self.is_full {
            return None;
        }
        let Texts { dictionary, bounds, printer, .. } = self;
        dictionary.number(raw, || {
            let text = printer.print(raw, what);
            widen(bounds, text);
            text
        })
    }

    /// The same of any value that is no NULL.
    pub(super) fn code(&mut self, value: Value) -> Option<u32> {
        let mut code = None;
        known_by(value, |raw, what| code = self.code_known_by(raw, what));
        code
    }

    /// Takes a value by its number in the dictionary so often.
    pub(super) fn take_code_often(&mut self, code: i64, count: usize) {
        self.settle();
        self.numbers.extend(std::iter::repeat_n(code as u32, count));
    }

    /// Takes values by their numbers in the dictionary.
    pub(super) fn take_codes(&mut self, codes: &[i64]) {
        self.settle();
        self.numbers.extend(codes.iter().map(|&code| code as u32));
    }

    /// Takes it, or lets it wait.
    #[inline]
    fn wait(&mut self, raw: &[u8], what: Raw) {
        if self.is_full {
            return self.take_plain(raw, what);
        }
        let is_behind = !self.waiting.list.is_empty() || what != Raw::Text;
        if !is_behind && let Some(last) = self.last_if(raw) {
            return self.numbers.push(last);
        }
        let Waiting { raw: all, list } = &mut self.waiting;
        all.extend_from_slice(raw);
        list.push((all.len() as u32, what));
        if list.len() == KNOWN_MAX {
            self.settle();
        }
    }

    /// The number of the last text if it is this one: texts of columns of texts often are, such as the name of an input.
    fn last_if(&self, text: &[u8]) -> Option<u32> {
        let last = *self.numbers.last().filter(|_| !self.is_full)?;
        is_same(self.dictionary.raw(last), text).then_some(last)
    }

    /// Takes what waits.
    pub(super) fn settle(&mut self) {
        if self.waiting.list.is_empty() {
            return;
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        let known = self.dictionary.known(waiting.iter().map(|(raw, _)| raw));
        for (value, known) in waiting.iter().zip(known) {
            match (known, value) {
                (Some(number), _) if !self.is_full => self.numbers.push(number),
                (_, (raw, what)) => self.take_known_by(raw, what),
            }
        }
        waiting.raw.clear();
        waiting.list.clear();
        self.waiting = waiting;
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
        self.take_known_by(text.as_bytes(), Raw::Text);
        if let Some(&number) = self.numbers.last().filter(|_| !self.is_full) {
            self.fixed.0[Fixed::place(text)] = Some((text, number));
        }
    }

    fn take_plain(&mut self, raw: &[u8], what: Raw) {
        let text = self.printer.print(raw, what);
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

/// What a value is known by.
#[inline(always)]
fn known_by(value: Value, take: impl FnOnce(&[u8], Raw)) {
    match value {
        Value::Name(wire) => take(wire, Raw::Name),
        Value::Address(IpAddr::V4(v4)) => take(&u64::from(v4.to_bits()).to_le_bytes(), Raw::V4),
        Value::Address(IpAddr::V6(v6)) => take(&v6.octets(), Raw::V6),
        Value::Word(text) => take(text.as_bytes(), Raw::Text),
        Value::Text(text) => take(text.as_bytes(), Raw::Text),
        _ => unreachable!("{value:?} in a column of texts"),
    }
}

impl Waiting {
    fn iter(&self) -> impl Iterator<Item = (&[u8], Raw)> + Clone {
        let mut start = 0;
        self.list.iter().map(move |&(end, what)| {
            let raw = &self.raw[start..end as usize];
            start = end as usize;
            (raw, what)
        })
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
    fn print<'a>(&'a mut self, raw: &'a [u8], what: Raw) -> &'a [u8] {
        let address: IpAddr = match what {
            Raw::Text => return raw,
            Raw::Name => {
                let length = write_name(raw, &mut self.name).length;
                return &self.name[..length];
            }
            Raw::V4 => Ipv4Addr::from_bits(u64::from_le_bytes(octets(raw)) as u32).into(),
            Raw::V6 => Ipv6Addr::from_octets(octets(raw)).into(),
        };
        let length = write_address(address, &mut self.address);
        &self.address[..length]
    }
}

fn octets<const N: usize>(raw: &[u8]) -> [u8; N] {
    raw.try_into().expect("an address is as long as its version says")
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

    #[test]
    fn what_waits_is_taken_as_if_it_had_not_waited() {
        let names: Vec<String> = (0..1000_u32).map(|number| format!("n{}", number * number % 311)).collect();
        let address = |number: usize| match number % 2 {
            0 => Value::Address(Ipv4Addr::from_bits(number as u32 * 7 % 64).into()),
            _ => Value::Address(Ipv6Addr::from_bits(number as u128 * 5 % 64).into()),
        };
        for texts_max in [0, 1, 500, TEXT_BYTES_MAX] {
            let [mut at_once, mut soon] = [(); 2].map(|()| Texts::default());
            (at_once.dictionary.texts_max, soon.dictionary.texts_max) = (texts_max, texts_max);
            for (number, name) in names.iter().enumerate() {
                let value = match number % 5 {
                    0 => address(number),
                    1 => Value::Word(["one", "two"][number % 2]),
                    _ => Value::Text(name),
                };
                at_once.take(value);
                soon.take_soon(value);
            }
            soon.settle();
            assert!(soon.numbers == at_once.numbers && soon.plain == at_once.plain, "{texts_max}");
            assert!(
                soon.dictionary() == at_once.dictionary() && soon.bounds == at_once.bounds,
                "{texts_max}"
            );
        }
    }
}
