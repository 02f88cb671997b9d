//! The values of a column chunk before they are encoded: times and ports, other numbers, texts with their
//! dictionary, bytes.
//!
//! A page of values is encoded alike but for one case: that in which the dictionary of texts gets full is two.

use super::dictionary::{Dictionary, is_same, plain, plain_texts};
use super::encoding::{deltas, deltas_32, runs_and_bits, width_of};
use super::numbers::{Numbers, Numeric, widened};
use crate::text::{ADDRESS_ROOM, NAME_ROOM, write_address, write_name};
use dpp::table::{Kind, Value};
use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;
use parquet::data_type::{AsBytes, ByteArray};
use parquet::file::statistics::Statistics;
use std::net::IpAddr;

/// The values of a page, and what the chunk remembers of earlier ones.
pub(super) enum Values {
    /// Those that are rarely equal to the one before them: times, ports, message ids.
    Deltas(Deltas),
    /// All other numbers.
    Numbers(Box<Numbers>),
    /// All that is printed.
    Texts(Box<Texts>),
    /// Messages.
    Blobs(Blobs),
}

/// How many values were encoded, and how.
pub(super) struct Encoded {
    pub(super) values: usize,
    pub(super) encoding: Encoding,
    /// Their bounds, if pages have an index and the values have bounds.
    pub(super) bounds: Option<Bounds>,
}

/// The least and the largest value of a page.
pub(super) struct Bounds {
    /// What they are compared by.
    pub(super) keys: (Vec<u8>, Vec<u8>),
    /// What the index says.
    pub(super) plain: (Vec<u8>, Vec<u8>),
}

/// What is made beside pages, on request.
#[derive(Default)]
pub(super) struct Extras {
    /// Whether pages have an index.
    pub(super) has_index: bool,
    /// Whether chunks have a bloom filter.
    pub(super) has_bloom: bool,
    /// That of the chunk, once it has a value.
    pub(super) bloom: Option<Sbbf>,
}

/// Bytes of a bloom filter while it is filled: at half a million different values one in a hundred others passes.
/// It is folded to what that takes in the end.
const BLOOM_BYTES: usize = 1 << 20;

/// How many values may pass a bloom filter though they are not there.
const BLOOM_FALSE: f64 = 0.01;

impl Extras {
    /// Adds a value to the bloom filter, if there is one.
    #[inline]
    pub(super) fn sift<T: AsBytes + ?Sized>(&mut self, value: &T) {
        if self.has_bloom {
            self.bloom.get_or_insert_with(|| Sbbf::new_with_num_of_bytes(BLOOM_BYTES)).insert(value);
        }
    }

    /// The chunk's bloom filter.
    pub(super) fn take_bloom(&mut self) -> Option<Sbbf> {
        let mut bloom = self.bloom.take()?;
        bloom.fold_to_target_fpp(BLOOM_FALSE);
        Some(bloom)
    }
}

/// Longer texts are not in statistics: nobody looks for them there. No name is longer.
const BOUND_MAX: usize = 1 << 10;

impl Values {
    /// No values of a column of this kind.
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::TimestampMicros | Kind::TimestampNanos | Kind::I32 => Values::Deltas(Deltas::new(kind)),
            Kind::Address | Kind::Name | Kind::Word | Kind::Text => Values::Texts(Box::default()),
            Kind::Bytes => Values::Blobs(Blobs::default()),
            Kind::Bool
            | Kind::U8
            | Kind::U16
            | Kind::U32
            | Kind::U64
            | Kind::I64
            | Kind::F64
            | Kind::Seconds => Values::Numbers(Box::new(Numbers::new(kind))),
            Kind::Numbers | Kind::Texts | Kind::Records => unreachable!("{kind:?} is a list of other kinds"),
        }
    }

    /// No values of an element of lists of this kind. A list is not torn apart where the dictionary gets full: that
    /// is asked before each row.
    pub(super) fn of_element(kind: Kind) -> Self {
        let mut values = Values::of(kind);
        if let Values::Texts(texts) = &mut values {
            texts.dictionary.texts_max = usize::MAX;
        }
        values
    }

    /// A row begins in a column of lists.
    pub(super) fn begin_list(&mut self) {
        if let Values::Texts(texts) = self {
            texts.is_full |= texts.dictionary.texts().len() >= super::dictionary::TEXT_BYTES_MAX;
        }
    }

    /// Takes a value that is no NULL into the page.
    #[inline]
    pub(super) fn take(&mut self, value: Value) {
        match self {
            Values::Deltas(deltas) => deltas.take(value),
            Values::Numbers(numbers) => numbers.take(value),
            Values::Texts(texts) => texts.take(value),
            Values::Blobs(blobs) => blobs.take(value),
        }
    }

    /// Takes values that are kept as these numbers.
    pub(super) fn take_numbers(&mut self, numbers: &[i64]) {
        match self {
            Values::Deltas(deltas) => deltas.page.extend_from_slice(numbers),
            Values::Numbers(values) => values.take_all(numbers),
            Values::Texts(_) | Values::Blobs(_) => unreachable!("numbers in a column of texts or bytes"),
        }
    }

    /// Takes a value that is no NULL so often.
    pub(super) fn take_often(&mut self, value: Value, count: usize) {
        match self {
            Values::Deltas(deltas) => {
                let bits = deltas.numeric.bits(value);
                deltas.page.extend(std::iter::repeat_n(bits, count));
            }
            Values::Numbers(numbers) => numbers.take_often(value, count),
            Values::Texts(texts) => texts.take_often(value, count),
            Values::Blobs(blobs) => (0..count).for_each(|_| blobs.take(value)),
        }
    }

    /// Whether the page has no values.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Values::Deltas(deltas) => deltas.page.is_empty(),
            Values::Numbers(numbers) => numbers.len() == 0,
            Values::Texts(texts) => texts.numbers.is_empty() && texts.plain_values == 0,
            Values::Blobs(blobs) => blobs.lengths.is_empty(),
        }
    }

    /// About how many bytes the page takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Values::Deltas(deltas) => deltas.page.len() * size_of::<i64>(),
            Values::Numbers(numbers) => numbers.size(),
            Values::Texts(texts) => texts.numbers.len() * size_of::<u32>() + texts.plain.len(),
            Values::Blobs(blobs) => blobs.lengths.len() * size_of::<u32>() + blobs.bytes.len(),
        }
    }

    /// Encodes as many values of the page as can be encoded alike, and takes them out of it.
    pub(super) fn encode(&mut self, out: &mut Vec<u8>, extras: &mut Extras) -> Encoded {
        match self {
            Values::Deltas(deltas) => deltas.encode(out, extras),
            Values::Numbers(numbers) => numbers.encode(out, extras),
            Values::Texts(texts) => texts.encode(out, extras),
            Values::Blobs(blobs) => blobs.encode(out, extras),
        }
    }

    /// The chunk's dictionary: how many values, and their PLAIN encoding.
    pub(super) fn dictionary(&self) -> Option<(usize, &[u8])> {
        match self {
            Values::Deltas(_) | Values::Blobs(_) => None,
            Values::Numbers(numbers) => numbers.dictionary(),
            Values::Texts(texts) => Some((texts.dictionary.len(), texts.dictionary.texts())),
        }
    }

    /// Adds the dictionary's values to the bloom filter.
    pub(super) fn sift_dictionary(&self, extras: &mut Extras) {
        match self {
            Values::Deltas(_) | Values::Blobs(_) => {}
            Values::Numbers(numbers) => numbers.sift_dictionary(extras),
            Values::Texts(texts) => plain_texts(texts.dictionary.texts()).for_each(|text| extras.sift(text)),
        }
    }

    /// What the footer says of the chunk's values.
    pub(super) fn statistics(&self, nulls: u64) -> Statistics {
        match self {
            Values::Deltas(deltas) => deltas.numeric.statistics(deltas.bounds, nulls),
            Values::Numbers(numbers) => numbers.statistics(nulls),
            Values::Texts(texts) => texts.statistics(nulls),
            Values::Blobs(_) => Statistics::byte_array(None, None, None, Some(nulls), false),
        }
    }

    /// Forgets the chunk.
    pub(super) fn forget(&mut self) {
        match self {
            Values::Deltas(deltas) => deltas.bounds = None,
            Values::Numbers(numbers) => numbers.forget(),
            Values::Texts(texts) => texts.forget(),
            Values::Blobs(_) => {}
        }
    }
}

/// Numbers of one kind, always encoded as their differences.
pub(super) struct Deltas {
    numeric: Numeric,
    page: Vec<i64>,
    /// The least and the largest of the chunk's earlier pages.
    bounds: Option<(i64, i64)>,
}

impl Deltas {
    fn new(kind: Kind) -> Self {
        Deltas { numeric: Numeric::new(kind), page: Vec::new(), bounds: None }
    }

    /// Takes a value that is no NULL into the page.
    #[inline(always)]
    pub(super) fn take(&mut self, value: Value) {
        self.page.push(match value {
            Value::TimestampMicros(micros) => micros,
            Value::U16(number) => number.into(),
            other => self.numeric.bits(other),
        });
    }

    fn encode(&mut self, out: &mut Vec<u8>, extras: &mut Extras) -> Encoded {
        let ranks = self.numeric.ranks(&self.page);
        self.bounds = widened(self.bounds, ranks);
        match self.numeric.kind {
            Kind::I32 => deltas_32(&self.page, out),
            _ => deltas(&self.page, out),
        }
        if extras.has_bloom {
            self.page.iter().for_each(|&number| self.numeric.sift(number, extras));
        }
        let values = self.page.len();
        self.page.clear();
        let bounds = extras.has_index.then(|| self.numeric.bounds(ranks)).flatten();
        Encoded { values, encoding: Encoding::DELTA_BINARY_PACKED, bounds }
    }
}

/// Bytes without a dictionary: each message is another one.
#[derive(Default)]
pub(super) struct Blobs {
    lengths: Vec<i64>,
    bytes: Vec<u8>,
}

impl Blobs {
    fn take(&mut self, value: Value) {
        let Value::Bytes(bytes) = value else { unreachable!("{value:?} in a column of bytes") };
        self.lengths.push(bytes.len() as i64);
        self.bytes.extend_from_slice(bytes);
    }

    /// DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes. There is neither an order nor a filter of messages.
    fn encode(&mut self, out: &mut Vec<u8>, extras: &mut Extras) -> Encoded {
        if extras.has_bloom {
            let mut rest = &self.bytes[..];
            for &length in &self.lengths {
                let (value, behind) = rest.split_at(length as usize);
                extras.sift(value);
                rest = behind;
            }
        }
        deltas_32(&self.lengths, out);
        out.append(&mut self.bytes);
        let values = self.lengths.len();
        self.lengths.clear();
        Encoded { values, encoding: Encoding::DELTA_LENGTH_BYTE_ARRAY, bounds: None }
    }
}

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
    fn take_often(&mut self, value: Value, count: usize) {
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

    fn encode(&mut self, out: &mut Vec<u8>, extras: &mut Extras) -> Encoded {
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

    fn statistics(&self, nulls: u64) -> Statistics {
        let bytes = |text: &Vec<u8>| ByteArray::from(text.clone());
        let short = |bound: &&(Vec<u8>, Vec<u8>)| bound.0.len().max(bound.1.len()) <= BOUND_MAX;
        let bounds = self.bounds.as_ref().filter(short);
        let (least, largest) = bounds.map(|(least, largest)| (bytes(least), bytes(largest))).unzip();
        Statistics::byte_array(least, largest, None, Some(nulls), false)
    }

    fn forget(&mut self) {
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
