//! An entry: one fact of a tally that anybody can reduce.
//!
//! An entry is an operator, a key and a number. Entries of equal operator and key become one, by the operator; nothing else is
//! ever done to them. So any number of sorted lists of entries can be merged in one pass, in constant memory.

/// How two entries of the same key become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// `+`: they add up.
    Sum,
    /// `.`: the key is in a set; its number is 1.
    Member,
    /// `<`: the smaller stays.
    Min,
    /// `>`: the larger stays.
    Max,
}

/// What tells itself as entries, and can be made from them again.
pub trait Entries {
    /// Tells all entries, each key behind `prefix`, in any order. Two equal tallies tell the same.
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64));

    /// Takes an entry whose key, without the prefix, is this. Entries of reduced lists are taken in any order; once all have been,
    /// [`settle`](Entries::settle) is called.
    ///
    /// # Errors
    /// If no such tally tells such an entry.
    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine>;

    /// All entries were taken.
    fn settle(&mut self) {}
}

/// An entry that cannot be of this tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotMine;
