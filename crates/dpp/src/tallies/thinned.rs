//! A tally for each of many keys: [`Thinned`], of everything while that has room, otherwise of a fair share of it.
//!
//! Each occurrence brings a random number, and belongs to a *level* by it: seven of eight to the lowest, seven of eight others
//! to the next, and so on. Each key has a tally for each level that it has occurrences of. When there are too many tallies, or
//! too much in them, the lowest level is forgotten, of all keys, and what belongs to it is not counted any more; what is left is
//! an eighth of all occurrences, drawn by lot. So a key that comes often is as surely there as its share is large, whenever it
//! came first, and all its figures are of the same draw.
//!
//! The surprising fact: nothing is lost by forgetting late. Tallies only grow in number and size, so the level that is reached in
//! the end is the least at which all there is has room, and whatever was forgotten on the way would have been forgotten then
//! (docs/decisions/2026-11-22-tallies-that-merge.md).

use super::entry::{Entries, NotMine, Op};
use super::keyed::Keyed;
use super::tally::{Tally, Teller, read_hex, split_key, write_hex};
use std::collections::BTreeMap;

/// A tally that is one of many.
pub trait Part: Tally + Clone {
    /// How many words it has beside what all such have: never more of less.
    fn words(&self) -> usize;
}

/// How much there may be of a [`Thinned`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Tallies: of a key about one for each factor of eight by which it came more often than once.
    pub tallies: u64,
    /// Words in them, beside what all have.
    pub words: u64,
}

impl Room {
    /// Nothing is ever forgotten.
    pub const UNBOUNDED: Room = Room { tallies: u64::MAX, words: u64::MAX };

    fn smaller(self, other: Room) -> Room {
        Room { tallies: self.tallies.min(other.tallies), words: self.words.min(other.words) }
    }
}

/// Tallies by key.
#[derive(Clone, Debug)]
pub struct Thinned<T> {
    room: Room,
    /// What belongs to lower levels is not counted.
    level: u8,
    /// By key, and the level behind it.
    tallies: Keyed<T>,
    words: u64,
    /// Of nothing.
    blank: T,
}

/// Bits of a random number for each level.
const LEVEL_BITS: u32 = 3;
/// No number has more bits.
const LEVEL_MAX: u8 = (u64::BITS / LEVEL_BITS) as u8;

/// The level that this random number belongs to.
#[inline]
fn level_of(rank: u64) -> u8 {
    (rank.leading_zeros() / LEVEL_BITS) as u8
}

impl<T: Part> Thinned<T> {
    /// Nothing yet; each tally begins as a clone of `blank`.
    pub fn new(room: Room, blank: T) -> Self {
        Thinned { room, level: 0, tallies: Keyed::default(), words: 0, blank }
    }

    /// A key came: `count` adds that to a tally. `rank` is random, and the same for the same occurrence wherever it is counted.
    /// The key is left as it was.
    #[inline]
    pub fn add(&mut self, key: &mut Vec<u8>, rank: u64, count: impl FnOnce(&mut T)) {
        let level = level_of(rank);
        if level < self.level {
            return;
        }
        key.push(level);
        self.change(key, count);
        key.pop();
        self.thin();
    }

    /// Changes the tally of a key with its level.
    #[inline]
    fn change(&mut self, key: &[u8], change: impl FnOnce(&mut T)) {
        let number = self.tallies.number_or(key, || self.blank.clone());
        let tally = self.tallies.value_mut(number);
        let before = tally.words();
        change(tally);
        // A tally of another bound may become smaller by merging.
        self.words = (self.words + tally.words() as u64).saturating_sub(before as u64);
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.tallies.len() as u64 <= self.room.tallies && self.words <= self.room.words
    }

    /// Forgets levels until all there is has room.
    #[inline]
    fn thin(&mut self) {
        while !self.has_room() && self.level <= LEVEL_MAX {
            self.forget_below(self.level + 1);
        }
    }

    #[cold]
    fn forget_below(&mut self, level: u8) {
        let all = std::mem::take(&mut self.tallies);
        (self.level, self.words) = (level, 0);
        for (key, tally) in all.iter().filter(|(key, _)| key.last().is_some_and(|own| *own >= level)) {
            self.words += tally.words() as u64;
            self.tallies.number_or(key, || tally.clone());
        }
    }

    /// Of so many occurrences one was counted, on average: 1 if all were.
    pub fn one_in(&self) -> u64 {
        1_u64.checked_shl(LEVEL_BITS * u32::from(self.level)).unwrap_or(u64::MAX)
    }

    /// The keys and what was counted of each, in the order of keys.
    pub fn all(&self) -> Vec<(&[u8], T)> {
        let mut all = BTreeMap::<&[u8], T>::new();
        for (key, tally) in self.tallies.iter() {
            let Some((_, key)) = key.split_last() else { continue };
            match all.get_mut(key) {
                Some(mine) => mine.merge(tally),
                None => _ = all.insert(key, tally.clone()),
            }
        }
        all.into_iter().collect()
    }
}

impl<T: Part + PartialEq> PartialEq for Thinned<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.room, self.level) == (other.room, other.level) && self.tallies == other.tallies
    }
}

impl<T: Part> Tally for Thinned<T> {
    fn merge(&mut self, other: &Thinned<T>) {
        self.room = self.room.smaller(other.room);
        if other.level > self.level {
            self.forget_below(other.level);
        }
        for (key, theirs) in other.tallies.iter() {
            if key.last().is_some_and(|level| *level >= self.level) {
                self.change(key, |mine| mine.merge(theirs));
                self.thin();
            }
        }
        self.thin();
    }
}

/// Entries for the bounds and the level; for each tally one that names it, and its own.
impl<T: Part> Entries for Thinned<T> {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let mut teller = Teller::new(prefix, emit);
        teller.tell(Op::Min, b"tallies", self.room.tallies);
        teller.tell(Op::Min, b"words", self.room.words);
        teller.tell(Op::Max, b"level", self.level.into());
        for (key, tally) in self.tallies.iter() {
            let mut hex = Vec::new();
            write_hex(key, &mut hex);
            let hex = String::from_utf8(hex).expect("digits are text");
            Teller::new(prefix, emit).tell(Op::Member, format!("k{hex}").as_bytes(), 1);
            tally.tell(&format!("{prefix}g{hex}/"), emit);
        }
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        match (op, key) {
            (Op::Min, b"tallies") => self.room.tallies = self.room.tallies.min(number),
            (Op::Min, b"words") => self.room.words = self.room.words.min(number),
            (Op::Max, b"level") => {
                let level =
                    u8::try_from(number).ok().filter(|level| *level <= LEVEL_MAX + 1).ok_or(NotMine)?;
                if level > self.level {
                    self.forget_below(level);
                }
            }
            (Op::Member, [b'k', hex @ ..]) => self.take_of(hex, |_| Ok(()))?,
            (_, [b'g', rest @ ..]) => {
                let (hex, rest) = split_key(rest)?;
                self.take_of(hex, |tally| tally.take(op, rest, number))?;
            }
            _ => return Err(NotMine),
        }
        self.thin();
        Ok(())
    }

    fn settle(&mut self) {
        self.thin();
    }
}

impl<T: Part> Thinned<T> {
    /// Takes something of a tally, unless it is forgotten.
    fn take_of(
        &mut self,
        hex: &[u8],
        take: impl FnOnce(&mut T) -> Result<(), NotMine>,
    ) -> Result<(), NotMine> {
        let key = read_hex(hex)?;
        let level = *key.last().filter(|level| **level <= LEVEL_MAX).ok_or(NotMine)?;
        let mut done = Ok(());
        if level >= self.level {
            self.change(&key, |tally| done = take(tally));
        }
        done
    }
}
