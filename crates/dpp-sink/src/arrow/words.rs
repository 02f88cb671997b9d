//! The distinct words of a column, numbered in the order of first sight.
//!
//! In a file a dictionary may stand behind the batches that use it, so all words of a column are collected and
//! written at the end, once; readers that know no replacements and no additions (Polars) find what they expect. Only
//! when they get too many to be kept are they written early, and those that follow as an addition (a *delta*). In a
//! stream each batch has its own dictionary before it.

use std::collections::HashMap;

/// A file's dictionary is written, and the next words added to it, when it has so many words or its texts take so
/// many bytes: names of codes, countries and networks are far fewer, and what a sender can make up must not fill
/// memory.
const COUNT_MAX: usize = 1 << 16;
const BYTES_MAX: usize = 1 << 22;

/// Words and their numbers.
#[derive(Default)]
pub(super) struct Words {
    numbers: HashMap<Box<str>, u32>,
    /// The words, one behind the other, and where each ends.
    texts: String,
    ends: Vec<usize>,
    fixed: Fixed,
}

impl Words {
    /// How many.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes they take.
    pub(super) fn size(&self) -> usize {
        self.texts.len()
    }

    /// The words, one behind the other.
    pub(super) fn texts(&self) -> &str {
        &self.texts
    }

    /// Where each ends.
    pub(super) fn ends(&self) -> &[usize] {
        &self.ends
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= COUNT_MAX || self.size() >= BYTES_MAX
    }

    /// The word of this number.
    pub(super) fn word(&self, number: u32) -> &str {
        let index = number as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.texts[start..self.ends[index]]
    }

    /// The number of a word.
    pub(super) fn number(&mut self, word: &str) -> u32 {
        if let Some(&number) = self.numbers.get(word) {
            return number;
        }
        let number = self.ends.len() as u32;
        self.numbers.insert(word.into(), number);
        self.texts.push_str(word);
        self.ends.push(self.texts.len());
        number
    }

    /// The number of a word that lies at a fixed place.
    #[inline]
    pub(super) fn number_of_fixed(&mut self, word: &'static str) -> u32 {
        match self.fixed.0[Fixed::place(word)] {
            Some((seen, number)) if std::ptr::eq(seen, word) => number,
            _ => {
                let number = self.number(word);
                self.fixed.0[Fixed::place(word)] = Some((word, number));
                number
            }
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.texts.clear();
        self.ends.clear();
        self.fixed = Fixed::default();
    }
}

/// Words that lie at fixed places, with their numbers. Where in memory a word lies decides only whether it is found
/// here or among all, which gives the same number; but here it is not hashed.
struct Fixed([Option<(&'static str, u32)>; 64]);

impl Default for Fixed {
    fn default() -> Self {
        Fixed([None; 64])
    }
}

impl Fixed {
    fn place(word: &'static str) -> usize {
        word.as_ptr().addr() % 64
    }
}
