//! Places for what lives for a while, known by number and used again and again.
//!
//! The surprising fact: what was given back keeps its memory for the next that takes the place. Called by
//! `traffic`.

use std::ops::{Index, IndexMut};

/// Items by number.
#[derive(Debug)]
pub(super) struct Slots<T> {
    items: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots { items: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// A place with what was last in it, or with something new.
    pub(super) fn take(&mut self, new: impl FnOnce() -> T) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.items.push(new());
            (self.items.len() - 1) as u32
        })
    }

    /// Nobody asks for this number any more.
    pub(super) fn give_back(&mut self, slot: u32) {
        self.free.push(slot);
    }
}

impl<T> Index<u32> for Slots<T> {
    type Output = T;

    fn index(&self, slot: u32) -> &T {
        &self.items[slot as usize]
    }
}

impl<T> IndexMut<u32> for Slots<T> {
    fn index_mut(&mut self, slot: u32) -> &mut T {
        &mut self.items[slot as usize]
    }
}
