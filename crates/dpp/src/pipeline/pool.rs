//! Memory that goes round: chunks, parts and row lists are used again instead of being given back.
//!
//! Fresh memory costs more than anything that is done with it, as the kernel clears it page by page. What is given back may be
//! more than was taken, for sinks make copies of rows; of those no more are kept than were ever lent.

use super::rows::{Row, Rows};
use crate::capture::Chunk;
use crate::stream::Segments;
use crate::transaction::Part;
use std::sync::Mutex;

/// Memory to use again.
#[derive(Debug, Default)]
pub struct Pool {
    parts: Mutex<Lent<Part>>,
    orders: Mutex<Lent<Vec<Row>>>,
    chunks: Mutex<Vec<Chunk>>,
    segments: Mutex<Vec<Segments>>,
}

/// Things that are lent and come back.
#[derive(Debug)]
struct Lent<T> {
    here: Vec<T>,
    /// How many there are in all, here or with others.
    made: usize,
}

impl<T> Default for Lent<T> {
    fn default() -> Self {
        Lent { here: Vec::new(), made: 0 }
    }
}

impl<T: Default> Lent<T> {
    fn take(&mut self) -> T {
        self.here.pop().unwrap_or_else(|| {
            self.made += 1;
            T::default()
        })
    }

    /// Takes one back, or one of another's making; not if all of ours are here.
    fn give_back(&mut self, thing: T) {
        if self.here.len() < self.made {
            self.here.push(thing);
        }
    }
}

impl Pool {
    /// Takes back the memory of some rows.
    pub fn recycle(&self, rows: Rows) {
        let mut parts = self.parts.lock().expect("no panic while locked");
        rows.parts.into_iter().for_each(|part| parts.give_back(part));
        drop(parts);
        self.orders.lock().expect("no panic while locked").give_back(rows.order);
    }

    pub(super) fn part(&self, first_position: u64) -> Part {
        let mut part = self.parts.lock().expect("no panic while locked").take();
        part.reset(first_position);
        if let Some(segments) = self.segments.lock().expect("no panic while locked").pop() {
            part.segments = segments;
        }
        part
    }

    /// Takes back the memory of segments.
    pub(super) fn recycle_segments(&self, mut segments: Segments) {
        segments.clear();
        self.segments.lock().expect("no panic while locked").push(segments);
    }

    pub(super) fn order(&self) -> Vec<Row> {
        let mut order = self.orders.lock().expect("no panic while locked").take();
        order.clear();
        order
    }

    pub(super) fn chunk(&self) -> Chunk {
        self.chunks.lock().expect("no panic while locked").pop().unwrap_or_default()
    }

    pub(super) fn recycle_chunk(&self, chunk: Chunk) {
        self.chunks.lock().expect("no panic while locked").push(chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(pool: &Pool) -> (usize, usize) {
        (pool.parts.lock().unwrap().here.len(), pool.orders.lock().unwrap().here.len())
    }

    #[test]
    fn copies_that_sinks_make_are_not_kept_beyond_what_was_lent() {
        let pool = Pool::default();
        pool.recycle(Rows::none());
        assert_eq!(kept(&pool), (0, 0));
        let lent = Rows { parts: vec![pool.part(0), pool.part(0)], order: pool.order() };
        (0..10).for_each(|_| pool.recycle(Rows::none()));
        assert_eq!(kept(&pool), (2, 1));
        pool.recycle(lent);
        assert_eq!(kept(&pool), (2, 1));
        (0..3).for_each(|_| _ = pool.part(0));
        assert_eq!(kept(&pool), (0, 1));
    }
}
