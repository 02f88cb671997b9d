//! The values of a column chunk before they are encoded: numbers, or texts with their dictionary.

use super::dictionary::{Dictionary, plain};
use super::encoding::{deltas, runs_and_bits, width_of};
use crate::csv::signed;
use crate::text::{ADDRESS_ROOM, NAME_ROOM, write_address, write_name, write_numbers};
use dpp::table::{Kind, Value};
use parquet::basic::Encoding;
use parquet::data_type::ByteArray;
use parquet::file::statistics::Statistics;
use std::net::IpAddr;

/// The values of a page, and what the chunk remembers of earlier ones.
pub(super) enum Values {
    /// Timestamps and small numbers.
    Numbers(Numbers),
    /// All that is printed.
    Texts(Box<Texts>),
}

/// How many values were encoded, and how.
pub(super) struct Encoded {
    pub(super) values: usize,
    pub(super) encoding: Encoding,
}

impl Values {
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::TimestampMicros | Kind::I32 | Kind::U64 => Values::Numbers(Numbers::new(kind)),
            Kind::Address | Kind::Name | Kind::Word | Kind::Text | Kind::Numbers => {
                Values::Texts(Box::default())
            }
            kind => todo!("{kind:?}"),
        }
    }

    /// Whether the page has no values.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Values::Numbers(numbers) => numbers.page.is_empty(),
            Values::Texts(texts) => texts.numbers.is_empty() && texts.plain_values == 0,
        }
    }

    /// Encodes as many values of the page as can be encoded alike, and takes them out of it.
    pub(super) fn encode(&mut self, out: &mut Vec<u8>) -> Encoded {
        match self {
            Values::Numbers(numbers) => numbers.encode(out),
            Values::Texts(texts) => texts.encode(out),
        }
    }

    /// The chunk's dictionary: how many values, and their PLAIN encoding.
    pub(super) fn dictionary(&self) -> Option<(usize, &[u8])> {
        match self {
            Values::Numbers(_) => None,
            Values::Texts(texts) => Some((texts.dictionary.len(), texts.dictionary.texts())),
        }
    }

    /// What the footer says of the chunk's values.
    pub(super) fn statistics(&self, nulls: u64) -> Statistics {
        match self {
            Values::Numbers(numbers) => numbers.statistics(nulls),
            Values::Texts(texts) => texts.statistics(nulls),
        }
    }

    /// Forgets the chunk.
    pub(super) fn forget(&mut self) {
        match self {
            Values::Numbers(numbers) => numbers.bounds = None,
            Values::Texts(texts) => texts.forget(),
        }
    }
}

/// Numbers of one kind.
pub(super) struct Numbers {
    kind: Kind,
    page: Vec<i64>,
    /// The least and the largest of the chunk's earlier pages.
    bounds: Option<(i64, i64)>,
}

impl Numbers {
    fn new(kind: Kind) -> Self {
        Numbers { kind, page: Vec::new(), bounds: None }
    }

    /// Takes a value into the page, if it is one.
    #[inline(always)]
    pub(super) fn take(&mut self, value: Value) {
        match value {
            Value::Null => {}
            Value::TimestampMicros(micros) => self.page.push(micros),
            Value::U16(number) => self.page.push(number.into()),
            Value::U64(number) => self.page.push(signed(number)),
            _ => unreachable!("{value:?} in a column of numbers"),
        }
    }

    fn encode(&mut self, out: &mut Vec<u8>) -> Encoded {
        if let Some(&first) = self.page.first() {
            let bounds = self.bounds.unwrap_or((first, first));
            let widen =
                |(least, largest): (i64, i64), &number: &i64| (least.min(number), largest.max(number));
            self.bounds = Some(self.page.iter().fold(bounds, widen));
        }
        deltas(&self.page, out);
        let values = self.page.len();
        self.page.clear();
        Encoded { values, encoding: Encoding::DELTA_BINARY_PACKED }
    }

    fn statistics(&self, nulls: u64) -> Statistics {
        let (least, largest) = self.bounds.unzip();
        let narrow = |bound: Option<i64>| bound.map(|number| number as i32);
        match self.kind {
            Kind::I32 => Statistics::int32(narrow(least), narrow(largest), None, Some(nulls), false),
            _ => Statistics::int64(least, largest, None, Some(nulls), false),
        }
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
    /// Takes a value into the page, if it is one.
    #[inline(always)]
    pub(super) fn take(&mut self, value: Value) {
        match value {
            Value::Null => {}
            Value::Name(wire) => self.take_known_by(wire, value),
            // Eight bytes, so that there is no shorter value among the longer ones.
            Value::Address(IpAddr::V4(v4)) => {
                self.take_known_by(&u64::from(v4.to_bits()).to_le_bytes(), value)
            }
            Value::Address(IpAddr::V6(v6)) => self.take_known_by(&v6.octets(), value),
            Value::Word(text) => self.take_fixed(text),
            Value::Text(text) => self.take_known_by(text.as_bytes(), value),
            Value::Numbers(numbers) => {
                let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                self.take_known_by(&raw, value);
            }
            _ => unreachable!("{value:?} in a column of texts"),
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

    fn encode(&mut self, out: &mut Vec<u8>) -> Encoded {
        if self.is_full && self.numbers.is_empty() {
            out.append(&mut self.plain);
            let values = std::mem::take(&mut self.plain_values);
            return Encoded { values, encoding: Encoding::PLAIN };
        }
        let width = width_of(self.dictionary.len().saturating_sub(1) as u64);
        out.push(width as u8);
        runs_and_bits(&self.numbers, width, out);
        let values = self.numbers.len();
        self.numbers.clear();
        Encoded { values, encoding: Encoding::RLE_DICTIONARY }
    }

    fn statistics(&self, nulls: u64) -> Statistics {
        let bytes = |text: &Vec<u8>| ByteArray::from(text.clone());
        let bounds = self.bounds.as_ref().map(|(least, largest)| (bytes(least), bytes(largest)));
        let (least, largest) = bounds.unzip();
        Statistics::byte_array(least, largest, None, Some(nulls), false)
    }

    fn forget(&mut self) {
        self.dictionary.clear();
        self.is_full = false;
        self.bounds = None;
        self.fixed = Fixed::default();
    }
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
            Value::Numbers(numbers) => {
                let length = write_numbers(numbers, &mut self.address);
                &self.address[..length]
            }
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
