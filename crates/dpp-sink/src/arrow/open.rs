//! A column of a record batch that is not complete: the buffers as Arrow lays them out.

use super::chunk::{Column, NO_WORD, Values};
use super::words::Words;
use dpp::table::Kind;
use std::ops::Range;

/// A column of the batch.
pub(super) struct Open {
    rows: usize,
    nulls: usize,
    /// A bit for each row; empty if all rows have a value.
    present: Bits,
    values: Buffers,
}

/// The buffers behind the one that says what is absent.
enum Buffers {
    Bools(Bits),
    Numbers(usize, Vec<u8>),
    Texts(Offsets, Vec<u8>),
    Words(Vec<u8>, Box<Dictionary>),
    List(Offsets, Box<Open>),
    Struct(Vec<Open>),
}

/// The words of a column, and which of them those of the present chunk are.
#[derive(Default)]
struct Dictionary {
    words: Words,
    /// How many words were written before these.
    before: usize,
    of_chunk: Vec<u32>,
}

/// Bits, the first in the lowest place.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    length: usize,
}

/// Where each item begins, and the last one ends; 32 bits each, which a batch is small enough for (`cut`).
struct Offsets {
    end: i32,
    bytes: Vec<u8>,
}

/// What a finished column is: a length and a count of nulls for it and each of its children, and the buffers of all.
#[derive(Default)]
pub(super) struct Arrays {
    pub(super) rows: usize,
    pub(super) nodes: Vec<(usize, usize)>,
    pub(super) buffers: Vec<Vec<u8>>,
}

impl Open {
    pub(super) fn of(kind: Kind) -> Self {
        Open::like(&Column::of(kind))
    }

    /// Room for what has this shape.
    fn like(column: &Column) -> Self {
        let values = match &column.values {
            Values::Bools(_) => Buffers::Bools(Bits::default()),
            Values::Numbers(width, _) => Buffers::Numbers(*width, Vec::new()),
            Values::Texts(..) => Buffers::Texts(Offsets::default(), Vec::new()),
            Values::Words(..) => Buffers::Words(Vec::new(), Box::default()),
            Values::List(_, items) => Buffers::List(Offsets::default(), Box::new(Open::like(items))),
            Values::Struct(columns) => Buffers::Struct(columns.iter().map(Open::like).collect()),
        };
        Open { rows: 0, nulls: 0, present: Bits::default(), values }
    }

    /// Takes some rows of a chunk.
    pub(super) fn append(&mut self, column: &Column, rows: Range<usize>) {
        self.append_presence(column, &rows);
        self.rows += rows.len();
        match (&mut self.values, &column.values) {
            (Buffers::Bools(bits), Values::Bools(bools)) => bits.extend(&bools[rows]),
            (Buffers::Numbers(width, bytes), Values::Numbers(_, numbers)) => {
                bytes.extend_from_slice(&numbers[rows.start * *width..rows.end * *width]);
            }
            (Buffers::Texts(offsets, bytes), Values::Texts(lengths, texts)) => {
                bytes.extend_from_slice(&texts[offsets.extend(lengths, rows)]);
            }
            (Buffers::Words(bytes, dictionary), Values::Words(numbers, words)) => {
                dictionary.extend(bytes, &numbers[rows], words);
            }
            (Buffers::List(offsets, items), Values::List(lengths, from)) => {
                items.append(from, offsets.extend(lengths, rows));
            }
            (Buffers::Struct(columns), Values::Struct(from)) => {
                columns.iter_mut().zip(from).for_each(|(column, from)| column.append(from, rows.clone()));
            }
            _ => unreachable!("a chunk and a batch have the same schema"),
        }
    }

    fn append_presence(&mut self, column: &Column, rows: &Range<usize>) {
        let nulls = match column.nulls {
            0 => 0,
            _ => column.present[rows.clone()].iter().filter(|&&is_present| !is_present).count(),
        };
        if nulls == 0 {
            return if self.nulls > 0 {
                self.present.extend_true(rows.len())
            };
        }
        if self.nulls == 0 {
            self.present.extend_true(self.rows);
        }
        self.present.extend(&column.present[rows.clone()]);
        self.nulls += nulls;
    }

    /// Takes what the batch has, and begins another.
    pub(super) fn take(&mut self) -> Arrays {
        let mut arrays = Arrays { rows: self.rows, ..Arrays::default() };
        self.take_into(&mut arrays);
        arrays
    }

    fn take_into(&mut self, arrays: &mut Arrays) {
        let (rows, nulls) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.nulls));
        arrays.nodes.push((rows, nulls));
        let buffers = &mut arrays.buffers;
        buffers.push(self.present.take());
        match &mut self.values {
            Buffers::Bools(bits) => buffers.push(bits.take()),
            Buffers::Numbers(_, bytes) | Buffers::Words(bytes, _) => buffers.push(std::mem::take(bytes)),
            Buffers::Texts(offsets, bytes) => buffers.extend([offsets.take(), std::mem::take(bytes)]),
            Buffers::List(offsets, items) => {
                buffers.push(offsets.take());
                items.take_into(arrays);
            }
            Buffers::Struct(columns) => columns.iter_mut().for_each(|column| column.take_into(arrays)),
        }
    }

    /// The words of a column of words, and how many were written before them.
    pub(super) fn words(&self) -> Option<(&Words, usize)> {
        match &self.values {
            Buffers::Words(_, dictionary) => Some((&dictionary.words, dictionary.before)),
            _ => None,
        }
    }

    /// Forgets the words, which were written. The next ones are numbered behind them, or in their place.
    pub(super) fn forget_words(&mut self, are_more: bool) {
        if let Buffers::Words(_, dictionary) = &mut self.values {
            dictionary.before = if are_more { dictionary.before + dictionary.words.len() } else { 0 };
            dictionary.words.clear();
        }
    }
}

impl Dictionary {
    /// Appends the numbers that the chunk's words have here.
    fn extend(&mut self, bytes: &mut Vec<u8>, numbers: &[u32], of_chunk: &Words) {
        self.of_chunk.clear();
        self.of_chunk.resize(of_chunk.len(), NO_WORD);
        for &number in numbers {
            let own = match self.of_chunk.get(number as usize) {
                None => 0,
                Some(&NO_WORD) => self.learn(number, of_chunk),
                Some(&own) => own,
            };
            bytes.extend_from_slice(&own.to_le_bytes());
        }
    }

    #[cold]
    fn learn(&mut self, number: u32, of_chunk: &Words) -> u32 {
        let own = self.before as u32 + self.words.number(of_chunk.word(number));
        self.of_chunk[number as usize] = own;
        own
    }
}

impl Bits {
    fn push(&mut self, bit: bool) {
        if self.length.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (self.length % 8);
        }
        self.length += 1;
    }

    fn extend(&mut self, bits: &[bool]) {
        let unaligned = bits.len().min(self.length.wrapping_neg() % 8);
        bits[..unaligned].iter().for_each(|&bit| self.push(bit));
        let mut whole = bits[unaligned..].chunks_exact(8);
        for eight in whole.by_ref() {
            self.bytes.push(eight.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit)));
            self.length += 8;
        }
        whole.remainder().iter().for_each(|&bit| self.push(bit));
    }

    fn extend_true(&mut self, count: usize) {
        let unaligned = count.min(self.length.wrapping_neg() % 8);
        (0..unaligned).for_each(|_| self.push(true));
        let whole = (count - unaligned) / 8;
        self.bytes.resize(self.bytes.len() + whole, 0xFF);
        self.length += whole * 8;
        (0..(count - unaligned) % 8).for_each(|_| self.push(true));
    }

    fn take(&mut self) -> Vec<u8> {
        self.length = 0;
        std::mem::take(&mut self.bytes)
    }
}

impl Default for Offsets {
    fn default() -> Self {
        Offsets { end: 0, bytes: 0i32.to_le_bytes().to_vec() }
    }
}

impl Offsets {
    /// Appends the ends of some rows that have these lengths, in a chunk. Gives where they lie there.
    fn extend(&mut self, lengths: &[u32], rows: Range<usize>) -> Range<usize> {
        let start = sum(&lengths[..rows.start]);
        for &length in &lengths[rows.clone()] {
            self.end += i32::try_from(length).expect("a message is shorter than 2 GiB, and so is a batch");
            self.bytes.extend_from_slice(&self.end.to_le_bytes());
        }
        start..start + sum(&lengths[rows])
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(self).bytes
    }
}

fn sum(lengths: &[u32]) -> usize {
    lengths.iter().map(|&length| length as usize).sum()
}

/// A dictionary's words as a column without nulls.
pub(super) fn texts(words: &Words) -> Arrays {
    let ends = std::iter::once(0).chain(words.ends().iter().copied());
    let offsets = ends.flat_map(|end| (end as i32).to_le_bytes()).collect();
    let buffers = vec![Vec::new(), offsets, words.texts().into()];
    Arrays { rows: words.len(), nodes: vec![(words.len(), 0)], buffers }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_the_same_however_they_come() {
        let all: Vec<bool> = (0..100).map(|number| number % 3 == 0 || (30..60).contains(&number)).collect();
        let mut expected = Bits::default();
        all.iter().for_each(|&bit| expected.push(bit));
        for piece in 1..30 {
            let mut bits = Bits::default();
            for piece in all.chunks(piece) {
                match piece.iter().all(|&bit| bit) {
                    true => bits.extend_true(piece.len()),
                    false => bits.extend(piece),
                }
            }
            assert_eq!((bits.length, &bits.bytes), (100, &expected.bytes), "by {piece}");
        }
    }
}
