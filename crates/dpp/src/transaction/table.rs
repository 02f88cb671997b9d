//! The hash table of what waits: a multimap from a tuple's hash to places in the parts.
//!
//! Chains in a slab. A tuple may have several entries (its open queries and unclaimed responses), and the matcher wants
//! to see all of them on one walk and to unlink some; that is what a chain does best, and it leaves no tombstones.

/// Where an event is: the chunk's number and the index in the shard's part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub chunk: u64,
    pub index: u32,
}

const END: u32 = u32::MAX;
const HEADS_MIN: usize = 1 << 10;

#[derive(Clone, Copy, Debug)]
struct Entry {
    place: Place,
    hash: u32,
    next: u32,
}

/// The entries, and a free list through them.
#[derive(Debug)]
pub(super) struct Table {
    heads: Vec<u32>,
    entries: Vec<Entry>,
    free: u32,
    length: usize,
}

/// A position on a chain: the entry it stands on, and the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    previous: u32,
    current: u32,
}

impl Table {
    pub(super) fn new() -> Self {
        Table { heads: vec![END; HEADS_MIN], entries: Vec::new(), free: END, length: 0 }
    }

    #[inline]
    fn head(&self, hash: u32) -> usize {
        hash as usize & (self.heads.len() - 1)
    }

    /// The start of the chain of `hash`. Others with the same lower bits are on it too.
    #[inline]
    pub(super) fn chain(&self, hash: u32) -> Cursor {
        Cursor { previous: END, current: self.heads[self.head(hash)] }
    }

    /// The entry the cursor stands on: its hash and place; `None` at the end.
    #[inline]
    pub(super) fn get(&self, cursor: Cursor) -> Option<(u32, Place)> {
        self.entries.get(cursor.current as usize).map(|entry| (entry.hash, entry.place))
    }

    /// One further. The cursor must stand on an entry.
    #[inline]
    pub(super) fn next(&self, cursor: Cursor) -> Cursor {
        Cursor { previous: cursor.current, current: self.entries[cursor.current as usize].next }
    }

    /// Takes out the entry the cursor stands on; the cursor then stands on the next.
    #[inline]
    pub(super) fn remove(&mut self, cursor: Cursor) -> Cursor {
        let Entry { hash, next, .. } = self.entries[cursor.current as usize];
        match cursor.previous {
            END => {
                let head = self.head(hash);
                self.heads[head] = next;
            }
            previous => self.entries[previous as usize].next = next,
        }
        self.entries[cursor.current as usize].next = self.free;
        self.free = cursor.current;
        self.length -= 1;
        Cursor { previous: cursor.previous, current: next }
    }

    /// The cursor on the entry of `place`, which must be there.
    #[inline]
    pub(super) fn find(&self, hash: u32, place: Place) -> Cursor {
        let mut cursor = self.chain(hash);
        while self.get(cursor).expect("what waits is in the table").1 != place {
            cursor = self.next(cursor);
        }
        cursor
    }

    /// Adds an entry in front of its chain.
    #[inline]
    pub(super) fn insert(&mut self, hash: u32, place: Place) {
        if self.length == self.heads.len() {
            self.grow();
        }
        let head = self.head(hash);
        let entry = Entry { place, hash, next: self.heads[head] };
        self.heads[head] = match self.free {
            END => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
            free => {
                self.free = self.entries[free as usize].next;
                self.entries[free as usize] = entry;
                free
            }
        };
        self.length += 1;
    }

    /// Twice as many heads; every entry is linked anew. All slab entries are in use when this is called.
    #[cold]
    fn grow(&mut self) {
        self.heads = vec![END; self.heads.len() * 2];
        for number in 0..self.entries.len() {
            let head = self.head(self.entries[number].hash);
            self.entries[number].next = self.heads[head];
            self.heads[head] = number as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(table: &Table, hash: u32) -> Vec<u32> {
        let (mut cursor, mut found) = (table.chain(hash), Vec::new());
        while let Some((entry_hash, place)) = table.get(cursor) {
            if entry_hash == hash {
                found.push(place.index);
            }
            cursor = table.next(cursor);
        }
        found.sort();
        found
    }

    #[test]
    fn a_hash_finds_all_its_places_through_growth_and_removal() {
        let mut table = Table::new();
        for index in 0..10_000u32 {
            table.insert(index % 3_000, Place { chunk: 0, index });
        }
        assert_eq!(places(&table, 7), [7, 3_007, 6_007, 9_007]);
        table.remove(table.find(7, Place { chunk: 0, index: 3_007 }));
        assert_eq!(places(&table, 7), [7, 6_007, 9_007]);
        table.insert(7, Place { chunk: 1, index: 1 });
        assert_eq!(places(&table, 7), [1, 7, 6_007, 9_007]);
    }
}
