//! A tally for each key, while they are few: [`Groups`].
//!
//! Beyond [`GROUPS_MAX`] keys there are none at all. Some of them cannot be kept for good: what came of a key before it was chosen
//! would be missing, and which are chosen would depend on the order. Who needs figures then has a [`Sample`](super::Sample).

use super::entry::{Entries, NotMine, Op};
use super::keyed::Keyed;
use super::tally::{Tally, Teller, read_hex, split_key, write_hex};
use crate::limits::GROUPS_MAX;

/// A tally for each key.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups<T> {
    /// `None` if there were too many keys.
    groups: Option<Keyed<T>>,
}

impl<T> Default for Groups<T> {
    fn default() -> Self {
        Groups { groups: Some(Keyed::default()) }
    }
}

impl<T: Tally + Default> Groups<T> {
    /// The tally of a key, to be added to; `None` if there are too many keys.
    #[inline]
    pub fn of(&mut self, key: &[u8]) -> Option<&mut T> {
        let number = self.number(key)?;
        self.numbered(number)
    }

    /// The number of a key, which is new or not; `None` if there are too many. Numbers are given in the order of coming, so that
    /// who knows something of a key can keep it by that.
    pub fn number(&mut self, key: &[u8]) -> Option<usize> {
        let groups = self.groups.as_mut()?;
        let number = groups.number_or(key, T::default);
        if groups.len() > GROUPS_MAX {
            self.groups = None;
        }
        Some(number).filter(|_| self.is_there())
    }

    /// Whether there are not too many keys, with this one.
    pub fn has_room_for(&self, key: &[u8]) -> bool {
        let has_room = |groups: &Keyed<T>| groups.len() < GROUPS_MAX || groups.number(key).is_some();
        self.groups.as_ref().is_some_and(has_room)
    }

    /// The tally of the key of this number; `None` if there are too many keys.
    ///
    /// # Panics
    /// If no key has it.
    #[inline]
    pub fn numbered(&mut self, number: usize) -> Option<&mut T> {
        self.groups.as_mut().map(|groups| groups.value_mut(number))
    }

    /// The tally of a key, if it came and there were not too many.
    pub fn get(&self, key: &[u8]) -> Option<&T> {
        self.groups.as_ref()?.get(key)
    }

    /// Whether there were not too many.
    pub fn is_there(&self) -> bool {
        self.groups.is_some()
    }

    /// All keys and their tallies, in the order of keys; none if they were too many.
    pub fn all(&self) -> Vec<(&[u8], &T)> {
        let mut all: Vec<_> = self.groups.iter().flat_map(Keyed::iter).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }
}

impl<T: Tally + Default> Tally for Groups<T> {
    fn merge(&mut self, other: &Groups<T>) {
        match &other.groups {
            None => self.groups = None,
            Some(theirs) => theirs.iter().for_each(|(key, theirs)| {
                if let Some(mine) = self.of(key) {
                    mine.merge(theirs);
                }
            }),
        }
    }
}

/// An entry that says there were too many; or one that names each key, and those of its tally.
impl<T: Tally + Default> Entries for Groups<T> {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        if !self.is_there() {
            Teller::new(prefix, emit).tell(Op::Member, b"many", 1);
        }
        for (key, tally) in self.all() {
            let mut hex = Vec::new();
            write_hex(key, &mut hex);
            let hex = String::from_utf8(hex).expect("digits are text");
            Teller::new(prefix, emit).tell(Op::Member, format!("k{hex}").as_bytes(), 1);
            tally.tell(&format!("{prefix}g{hex}/"), emit);
        }
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        match (op, key) {
            (Op::Member, b"many") => self.groups = None,
            (Op::Member, [b'k', hex @ ..]) => _ = self.of(&read_hex(hex)?),
            (_, [b'g', rest @ ..]) => {
                let (hex, rest) = split_key(rest)?;
                if let Some(group) = self.of(&read_hex(hex)?) {
                    group.take(op, rest, number)?;
                }
            }
            _ => return Err(NotMine),
        }
        Ok(())
    }

    fn settle(&mut self) {
        let Some(groups) = &mut self.groups else { return };
        (0..groups.len()).for_each(|number| groups.value_mut(number).settle());
    }
}
