//! The datagrams that wait, found by key, by age and by source.
//!
//! Each stands on two chains, oldest first: that of all datagrams of its family (whose timeouts differ), and that of its
//! source. So what is due, what is oldest, and what is a source's oldest is the first of a chain, and coming and going take
//! a few steps whatever waits. The hash maps are only ever asked, never gone through.

use super::datagram::Datagram;
use super::key::{Family, Key, Origin};
use crate::limits::FragmentLimits;
use crate::stream::KeptAddresses;
use std::collections::HashMap;

/// The number of a datagram that waits; used again when it has gone.
pub(super) type Slot = usize;

#[derive(Debug, Default)]
pub(super) struct Waiting {
    by_key: HashMap<Key, Slot>,
    by_origin: HashMap<Origin, usize>,
    entries: Vec<Option<Entry>>,
    free_entries: Vec<Slot>,
    sources: Vec<Source>,
    free_sources: Vec<usize>,
    v4: Chain,
    v6: Chain,
    /// Bytes charged, in all.
    charge: usize,
    /// How many have begun.
    begun: u64,
}

#[derive(Debug)]
struct Entry {
    datagram: Datagram,
    source: usize,
    /// Counts up: the order in which datagrams began.
    number: u64,
    of_age: Link,
    of_source: Link,
}

/// A source of which something waits.
#[derive(Debug, Default)]
struct Source {
    datagrams: usize,
    charge: usize,
    chain: Chain,
}

/// The neighbours on a chain.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    before: Option<u32>,
    after: Option<u32>,
}

/// The ends of a chain.
#[derive(Clone, Copy, Debug, Default)]
struct Chain {
    first: Option<u32>,
    last: Option<u32>,
}

/// What the tables for so many datagrams come to. A hash map is at most 7/8 full and has twice as many buckets as before
/// when it grows.
#[cfg(test)]
pub(super) fn table_bytes(datagrams: usize) -> usize {
    let buckets = (datagrams * 8 / 7).next_power_of_two();
    let maps = size_of::<(Key, Slot)>() + size_of::<(Origin, usize)>() + 2;
    let tables = size_of::<Option<Entry>>() + size_of::<Source>() + size_of::<Slot>() + size_of::<usize>();
    buckets * maps + datagrams.next_power_of_two() * tables
}

impl Waiting {
    pub(super) fn find(&self, key: &Key) -> Option<Slot> {
        self.by_key.get(key).copied()
    }

    pub(super) fn datagram(&self, slot: Slot) -> &Datagram {
        &self.entry(slot).datagram
    }

    pub(super) fn datagram_mut(&mut self, slot: Slot) -> &mut Datagram {
        &mut self.entry_mut(slot).datagram
    }

    /// How many places there are for them, all of which are passed to go through all.
    pub(super) fn places(&self) -> usize {
        self.entries.len()
    }

    /// All of them, in no order that means anything.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = &Datagram> {
        self.entries.iter().flatten().map(|entry| &entry.datagram)
    }

    /// The same.
    pub(super) fn datagrams_mut(&mut self) -> impl Iterator<Item = &mut Datagram> {
        self.entries.iter_mut().flatten().map(|entry| &mut entry.datagram)
    }

    /// The datagram that began first, of one family.
    pub(super) fn oldest_of(&self, family: Family) -> Option<Slot> {
        let chain = match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        };
        chain.first.map(|slot| slot as Slot)
    }

    /// The datagram that began first.
    pub(super) fn oldest(&self) -> Option<Slot> {
        let firsts = [Family::V4, Family::V6].into_iter().filter_map(|family| self.oldest_of(family));
        firsts.min_by_key(|&slot| self.entry(slot).number)
    }

    /// The datagram that must go before the one at `slot` may be charged `growth` more: the source's oldest if that would
    /// exceed its share, the oldest of all if the cell were too full; `None` if there is room.
    pub(super) fn in_the_way(&self, slot: Slot, growth: usize, limits: &FragmentLimits) -> Option<Slot> {
        let source = &self.sources[self.entry(slot).source];
        let exceeds = |datagrams, charge, part| {
            datagrams > limits.datagrams / part || charge + growth > limits.bytes / part
        };
        if exceeds(source.datagrams, source.charge, limits.shares) {
            return source.chain.first.map(|slot| slot as Slot);
        }
        match exceeds(self.by_key.len(), self.charge, 1) {
            true => self.oldest(),
            false => None,
        }
    }

    /// Adds a datagram, charged nothing.
    pub(super) fn begin(&mut self, datagram: Datagram) -> Slot {
        let ends = datagram.key.ends;
        let slot = self.free_entries.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() - 1
        });
        let source = self.source_of(&ends);
        self.by_key.insert(datagram.key, slot);
        self.begun += 1;
        let (of_age, of_source) = (Link::default(), Link::default());
        self.entries[slot] = Some(Entry { datagram, source, number: self.begun, of_age, of_source });
        self.sources[source].datagrams += 1;
        self.sources[source].chain.append(&mut self.entries, slot, |entry| &mut entry.of_source);
        let ages = if ends.family() == Family::V4 { &mut self.v4 } else { &mut self.v6 };
        ages.append(&mut self.entries, slot, |entry| &mut entry.of_age);
        slot
    }

    /// Charges a datagram `before` bytes less and `after` bytes more.
    pub(super) fn charge(&mut self, slot: Slot, before: usize, after: usize) {
        let source = self.entry(slot).source;
        for charge in [&mut self.charge, &mut self.sources[source].charge] {
            *charge = *charge - before + after;
        }
    }

    /// Takes a datagram out.
    pub(super) fn remove(&mut self, slot: Slot) -> Datagram {
        self.charge(slot, self.datagram(slot).charge(), 0);
        let source = self.entry(slot).source;
        let ends = self.datagram(slot).key.ends;
        self.sources[source].chain.unlink(&mut self.entries, slot, |entry| &mut entry.of_source);
        let ages = if ends.family() == Family::V4 { &mut self.v4 } else { &mut self.v6 };
        ages.unlink(&mut self.entries, slot, |entry| &mut entry.of_age);
        self.sources[source].datagrams -= 1;
        if self.sources[source].datagrams == 0 {
            self.by_origin.remove(&ends.origin());
            self.free_sources.push(source);
        }
        let entry = self.entries[slot].take().expect("a slot in use has an entry");
        self.free_entries.push(slot);
        self.by_key.remove(&entry.datagram.key);
        entry.datagram
    }

    /// Whether the bounds are kept, and what is charged is what is there.
    #[cfg(test)]
    pub(super) fn keeps(&self, limits: &FragmentLimits) -> bool {
        let keeps = |datagrams: &dyn Fn(&Entry) -> bool, charge: usize, part: usize| {
            let these = || self.entries.iter().flatten().filter(|entry| datagrams(entry));
            these().map(|entry| entry.datagram.charge()).sum::<usize>() == charge
                && charge <= limits.bytes / part
                && these().count() <= limits.datagrams / part
        };
        let mut sources = self.by_origin.values();
        keeps(&|_| true, self.charge, 1)
            && sources.all(|&of| keeps(&|entry| entry.source == of, self.sources[of].charge, limits.shares))
    }

    fn source_of(&mut self, ends: &KeptAddresses) -> usize {
        *self.by_origin.entry(ends.origin()).or_insert_with(|| {
            self.free_sources.pop().unwrap_or_else(|| {
                self.sources.push(Source::default());
                self.sources.len() - 1
            })
        })
    }

    fn entry(&self, slot: Slot) -> &Entry {
        self.entries[slot].as_ref().expect("a slot in use has an entry")
    }

    fn entry_mut(&mut self, slot: Slot) -> &mut Entry {
        self.entries[slot].as_mut().expect("a slot in use has an entry")
    }
}

impl Chain {
    fn append(&mut self, entries: &mut [Option<Entry>], slot: Slot, link: fn(&mut Entry) -> &mut Link) {
        *linked(entries, slot as u32, link) = Link { before: self.last, after: None };
        match self.last {
            Some(last) => linked(entries, last, link).after = Some(slot as u32),
            None => self.first = Some(slot as u32),
        }
        self.last = Some(slot as u32);
    }

    fn unlink(&mut self, entries: &mut [Option<Entry>], slot: Slot, link: fn(&mut Entry) -> &mut Link) {
        let Link { before, after } = *linked(entries, slot as u32, link);
        match before {
            Some(before) => linked(entries, before, link).after = after,
            None => self.first = after,
        }
        match after {
            Some(after) => linked(entries, after, link).before = before,
            None => self.last = before,
        }
    }
}

fn linked(entries: &mut [Option<Entry>], slot: u32, link: fn(&mut Entry) -> &mut Link) -> &mut Link {
    link(entries[slot as usize].as_mut().expect("what is on a chain has an entry"))
}
