//! What columns are made of that comes again and again: each [basis](dpp::table::Basis) is looked up once, for all columns
//! that are made of it.
//!
//! ```text
//!  rows of a turn -> numbers of their names -> qname: code 7 of its dictionary, labels: 3, tld: code 0, ...
//! ```
//! The rows of a turn get the numbers of their bases, and a column remembers by number what it said when it was asked
//! ([`memo`](super::memo)). It is asked in the order of first sight, so its own dictionary is what it would be without all this.

use super::dictionary::{Dictionary, KNOWN_MAX};
use dpp::table::{BASIS_ROOM, Basis};
use dpp::transaction::Transaction;

/// More are not known at a time: what columns remember of them should stay in the second-level cache.
const BASES_MAX: usize = 1 << 15;

/// The different bases of one sort in a row group.
pub(super) struct Bases {
    basis: Basis,
    dictionary: Dictionary,
    /// Whether there have been too many: then columns are asked about each row until the group is complete.
    is_over: bool,
    /// Of each row of the turn.
    numbers: Vec<u32>,
    /// The rows of the turn whose bases were not there before, the first of each.
    fresh: Vec<usize>,
    /// Each number of the turn once, and of each basis the turn that had it last.
    distinct: Vec<u32>,
    seen: Vec<u32>,
    turn: u32,
}

impl Bases {
    pub(super) fn of(basis: Basis) -> Self {
        let (numbers, fresh, distinct, seen) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let dictionary = Dictionary::default();
        Bases { basis, dictionary, is_over: false, numbers, fresh, distinct, seen, turn: 0 }
    }

    /// Takes the rows of a turn.
    pub(super) fn take(&mut self, rows: &[Transaction]) {
        self.numbers.clear();
        self.fresh.clear();
        if self.is_over {
            return;
        }
        match self.basis {
            // There are many names. What is looked up together is waited for together.
            Basis::Name => rows.chunks(KNOWN_MAX).for_each(|rows| {
                let known = self.dictionary.known(rows.iter().map(|row| row.key().name()));
                rows.iter().zip(known).for_each(|(row, known)| self.add(row.key().name(), known));
            }),
            basis => rows.iter().for_each(|row| {
                let mut room = [0; BASIS_ROOM];
                self.add(basis.bytes(row, &mut room), None);
            }),
        }
        self.is_over = self.dictionary.len() > BASES_MAX;
        self.find_distinct();
    }

    fn find_distinct(&mut self) {
        self.distinct.clear();
        self.turn += 1;
        self.seen.resize(self.dictionary.len(), 0);
        for &number in &self.numbers {
            if std::mem::replace(&mut self.seen[number as usize], self.turn) != self.turn {
                self.distinct.push(number);
            }
        }
    }

    /// Adds the number of a basis, if it is known already, or looks it up.
    #[inline]
    fn add(&mut self, bytes: &[u8], known: Option<u32>) {
        let count = self.dictionary.len();
        let number = known.or_else(|| self.dictionary.number(bytes, || &[]));
        if number == Some(count as u32) {
            self.fresh.push(self.numbers.len());
        }
        self.numbers.extend(number);
    }

    /// Of which sort they are.
    pub(super) fn basis(&self) -> Basis {
        self.basis
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.dictionary.len()
    }

    /// The rows of the turn whose bases were not there before.
    pub(super) fn fresh(&self) -> &[usize] {
        &self.fresh
    }

    /// The numbers of the bases of the turn's rows, unless there are too many.
    pub(super) fn numbers(&self) -> Option<&[u32]> {
        (!self.is_over).then_some(&self.numbers)
    }

    /// Each of these numbers once.
    pub(super) fn distinct(&self) -> &[u32] {
        &self.distinct
    }

    /// Forgets the group.
    pub(super) fn forget(&mut self) {
        self.dictionary.clear();
        self.seen.clear();
        self.turn = 0;
        self.is_over = false;
    }
}
