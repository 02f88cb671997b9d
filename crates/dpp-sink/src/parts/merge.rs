//! Many parts become one.
//!
//! First each part's header and ledger are read: what does not add up, and what would be added twice, is found before anything
//! is. Then the entries of all parts are gone through in order, in one pass, and those of equal keys reduced.
//!
//! The way is by windows: of each part the next few hundred entries are read. All entries up to the first window's end are known
//! then; they are sorted at once, by sixteen octets behind what all of them have in common, and that is what is cheap about it:
//! a tree of losers compares whole keys eleven times for each entry of 1,440 parts, and waits for memory each time.

use super::ledger::Ledger;
use super::read::Part;
use super::{Header, PartError, Wrong, key_name, op, reduced, shown};
use dpp::tallies::entry::Op;
use std::cmp::Ordering;

/// Entries of a part that are read ahead. With fewer, the common end of all windows moves on in small steps; with more, those of
/// thousands of parts take much memory (40 octets each, and their keys).
const WINDOW: usize = 256;

/// Parts that stay open. Most systems allow a process 1,024 files.
const OPEN_MAX: usize = 256;

/// Parts that add up.
pub struct Sum {
    header: Header,
    ledger: Ledger,
    parts: Vec<Part>,
    left_out: Vec<PartError>,
}

impl Sum {
    /// Looks whether parts add up. With `keep_going` those that do not are left out, and the result says so; of two parts with a
    /// file in common the one stays whose ledger is first in order, whichever is named first.
    ///
    /// # Errors
    /// A part that cannot be read or does not add up.
    pub fn of(
        parts: impl IntoIterator<Item = Result<Part, PartError>>,
        day: Option<&str>,
        keep_going: bool,
    ) -> Result<Sum, PartError> {
        let (mut looked, mut left_out) = (Vec::new(), Vec::new());
        for part in parts {
            let read = part.and_then(|mut part| {
                let ledger = part.ledger()?;
                if looked.len() >= OPEN_MAX {
                    part.park();
                }
                ledger.judge(day).map_err(|wrong| part.error(wrong))?;
                Ok((ledger, part))
            });
            match read {
                Ok(read) => looked.push(read),
                Err(error) if keep_going => left_out.push(error),
                Err(error) => return Err(error),
            }
        }
        looked.sort_by(|(one, one_part), (other, other_part)| {
            (one, one_part.name()).cmp(&(other, other_part.name()))
        });
        let mut sum =
            Sum { header: Header::default(), ledger: Ledger::default(), parts: Vec::new(), left_out };
        let mut ledgers: Vec<Ledger> = Vec::new();
        for (ledger, part) in looked {
            match sum.add(&ledger, &part, &ledgers) {
                Ok(()) => {
                    sum.parts.push(part);
                    ledgers.push(ledger);
                }
                Err(wrong) if keep_going => sum.left_out.push(part.error(wrong)),
                Err(wrong) => return Err(part.error(wrong)),
            }
        }
        for error in &sum.left_out {
            let name = error.part.trim_matches('\'').rsplit('/').next().unwrap_or_default();
            sum.ledger.left_out(&key_name(name));
        }
        if let Some(day) = day {
            sum.ledger.only_day(day);
        }
        Ok(sum)
    }

    /// Adds what a part says of itself, behind those of which these are the ledgers.
    fn add(&mut self, ledger: &Ledger, part: &Part, before: &[Ledger]) -> Result<(), Wrong> {
        match self.parts.first() {
            None => self.header = part.header().clone(),
            Some(_) => self.header.join(part.header())?,
        }
        if let Some(file) = self.ledger.in_both(ledger) {
            let other = before.iter().position(|before| before.in_both(ledger).as_ref() == Some(&file));
            let other = other.map_or("another part", |other| self.parts[other].name());
            return Err(Wrong::Twice(format!("{file}, here and in {other}")));
        }
        self.ledger.merge(ledger);
        Ok(())
    }

    /// What is true of all parts.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What they say of files.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The parts that were left out, and why.
    pub fn left_out(&self) -> &[PartError] {
        &self.left_out
    }

    /// How many parts are added up.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Goes through the entries of all parts, the ledger's first, in order. Each key is there once.
    ///
    /// # Errors
    /// What is wrong with a part, and the error of `emit`.
    pub fn entries<E: From<PartError>>(
        self,
        mut emit: impl FnMut(Op, &[u8], u64) -> Result<(), E>,
    ) -> Result<(), E> {
        self.ledger.tell(&mut emit)?;
        let mut windows = Vec::with_capacity(self.parts.len());
        for part in self.parts {
            windows.push(Window::new(part));
        }
        let mut batch = Batch::default();
        while batch.gather(&mut windows)? {
            batch.reduce(&windows, &mut emit)?;
            windows.iter_mut().for_each(Window::forget);
            windows.retain(|window| !window.is_done());
        }
        Ok(())
    }
}

impl Ledger {
    /// Whether it can be added to others.
    fn judge(&self, day: Option<&str>) -> Result<(), Wrong> {
        if let Some(file) = self.twice() {
            return Err(Wrong::Twice(file));
        }
        match day {
            Some(day) if self.days().all(|(date, _)| date != day) => {
                let dates: Vec<&str> = self.days().map(|(date, _)| date).collect();
                let dates = if dates.is_empty() { "no day".to_owned() } else { dates.join(", ") };
                Err(Wrong::Day(day.to_owned(), dates))
            }
            _ => Ok(()),
        }
    }
}

/// The next entries of a part.
struct Window {
    part: Part,
    /// Signs and keys, one behind the other.
    keys: Vec<u8>,
    /// Where each key ends, and its number.
    entries: Vec<(u32, u64)>,
    /// How many of them were used.
    used: usize,
    is_end: bool,
}

impl Window {
    fn new(part: Part) -> Window {
        Window { part, keys: Vec::new(), entries: Vec::new(), used: 0, is_end: false }
    }

    #[inline]
    fn key(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.entries[index - 1].0 };
        &self.keys[start as usize..self.entries[index].0 as usize]
    }

    /// Reads on until it is full.
    fn fill(&mut self) -> Result<(), PartError> {
        while self.entries.len() < WINDOW && !self.is_end {
            match self.part.key() {
                Some(key) => self.keys.extend_from_slice(key),
                None => {
                    self.is_end = true;
                    break;
                }
            }
            self.entries.push((self.keys.len() as u32, self.part.number()));
            self.part.step()?;
        }
        Ok(())
    }

    /// The last key that is known; `None` if all are that there are.
    fn bound(&self) -> Option<&[u8]> {
        let last = self.entries.len().checked_sub(1).filter(|_| !self.is_end)?;
        Some(self.key(last))
    }

    /// Forgets what was used.
    fn forget(&mut self) {
        if self.used == 0 {
            return;
        }
        let start = self.entries[self.used - 1].0;
        self.keys.drain(..start as usize);
        self.entries.drain(..self.used);
        self.entries.iter_mut().for_each(|(end, _)| *end -= start);
        self.used = 0;
    }

    fn is_done(&self) -> bool {
        self.is_end && self.entries.is_empty()
    }
}

/// Entries that are sorted at once.
#[derive(Default)]
struct Batch {
    items: Vec<Item>,
    /// How many octets all keys have in common.
    common: usize,
    /// The octets of the longest.
    longest: usize,
}

#[derive(Clone, Copy)]
struct Item {
    /// Sixteen octets behind what all have in common; zeros where a key ends.
    head: u128,
    number: u64,
    window: u32,
    index: u32,
}

impl Batch {
    /// Takes all entries that can be in order now. Gives whether there are any.
    fn gather(&mut self, windows: &mut [Window]) -> Result<bool, PartError> {
        windows.iter_mut().try_for_each(Window::fill)?;
        self.items.clear();
        self.longest = 0;
        let bound: Option<Vec<u8>> = windows.iter().filter_map(Window::bound).min().map(<[u8]>::to_vec);
        let firsts =
            || windows.iter().filter(|window| !window.entries.is_empty()).map(|window| window.key(0));
        let Some(first) = firsts().min() else { return Ok(false) };
        let last = match &bound {
            Some(bound) => bound.clone(),
            None => {
                let last = |window: &Window| window.key(window.entries.len() - 1).to_vec();
                windows.iter().filter(|window| !window.entries.is_empty()).map(last).max().unwrap_or_default()
            }
        };
        self.common = first.iter().zip(&last).take_while(|(one, other)| one == other).count();
        for (number, window) in windows.iter_mut().enumerate() {
            for index in 0..window.entries.len() {
                let key = window.key(index);
                if *key > last[..] {
                    break;
                }
                let head = head(&key[self.common..]);
                self.longest = self.longest.max(key.len());
                let (window_number, index_number) = (number as u32, index as u32);
                let item = Item {
                    head,
                    number: window.entries[index].1,
                    window: window_number,
                    index: index_number,
                };
                self.items.push(item);
                window.used = index + 1;
            }
        }
        Ok(true)
    }

    /// Sorts, and makes one of all that have the same key.
    fn reduce<E: From<PartError>>(
        &mut self,
        windows: &[Window],
        emit: &mut impl FnMut(Op, &[u8], u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let key = |item: &Item| windows[item.window as usize].key(item.index as usize);
        let common = self.common;
        // Most keys have no more than their head behind what is common: then nobody needs to look at the keys themselves, which lie
        // all over the memory.
        let is_short = self.longest <= common + 16;
        self.items.sort_unstable_by(|one, other| {
            one.head.cmp(&other.head).then_with(|| match is_short {
                true => Ordering::Equal,
                false => rest(key(one), common).cmp(rest(key(other), common)),
            })
        });
        let mut items = self.items.iter().peekable();
        while let Some(first) = items.next() {
            let whole = key(first);
            let Some((op, name)) = whole.split_first().and_then(|(sign, name)| Some((op(*sign)?, name)))
            else {
                unreachable!("a part has no key without operator")
            };
            let mut number = first.number;
            while let Some(next) = items.next_if(|next| {
                next.head == first.head && (is_short || rest(key(next), common) == rest(whole, common))
            }) {
                let Some(sum) = reduced(op, number, next.number) else {
                    return Err(windows[next.window as usize]
                        .part
                        .error(Wrong::Overflow(shown(whole)))
                        .into());
                };
                number = sum;
            }
            emit(op, name, number)?;
        }
        Ok(())
    }
}

/// The first sixteen octets. No key has a zero in it, so a key that ends is before those that go on.
#[inline]
fn head(key: &[u8]) -> u128 {
    let mut head = [0; 16];
    match key.first_chunk() {
        Some(first) => head = *first,
        None => head[..key.len()].copy_from_slice(key),
    }
    u128::from_be_bytes(head)
}

/// What is behind them.
#[inline]
fn rest(key: &[u8], common: usize) -> &[u8] {
    key.get(common + 16..).unwrap_or_default()
}
