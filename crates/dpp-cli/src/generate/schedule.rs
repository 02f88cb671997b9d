//! What is still to be recorded, soonest first.
//!
//! The surprising fact: the heap moves only a time and a slot number; the items lie still in their slots,
//! which are used again and again, so nothing is allocated once the busiest moment has been seen.
//! Called by `traffic`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Items ordered by time; items of one moment keep the order in which they were pushed.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    soonest: BinaryHeap<Reverse<Due>>,
    slots: Vec<T>,
    free: Vec<u32>,
    pushed: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at_ns: u64,
    /// How many were pushed before.
    turn: u64,
    slot: u32,
}

impl<T: Copy> Schedule<T> {
    pub(super) fn new() -> Self {
        Schedule { soonest: BinaryHeap::new(), slots: Vec::new(), free: Vec::new(), pushed: 0 }
    }

    /// Remembers `item` until the time `at_ns`.
    pub(super) fn push(&mut self, at_ns: u64, item: T) {
        let slot = self.store(item);
        self.soonest.push(Reverse(Due { at_ns, turn: self.pushed, slot }));
        self.pushed += 1;
    }

    /// The soonest item, if it is due before `limit_ns`.
    pub(super) fn pop_before(&mut self, limit_ns: u64) -> Option<T> {
        if self.soonest.peek()?.0.at_ns >= limit_ns {
            return None;
        }
        let Reverse(due) = self.soonest.pop()?;
        self.free.push(due.slot);
        Some(self.slots[due.slot as usize])
    }

    fn store(&mut self, item: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = item;
            return slot;
        }
        self.slots.push(item);
        (self.slots.len() - 1) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_by_time_then_by_turn_and_only_before_the_limit() {
        let mut schedule = Schedule::new();
        for (at_ns, item) in [(5, 'c'), (3, 'a'), (5, 'd'), (4, 'b'), (9, 'e')] {
            schedule.push(at_ns, item);
        }
        let before: String = std::iter::from_fn(|| schedule.pop_before(9)).collect();
        assert_eq!(before, "abcd");
        assert_eq!(schedule.pop_before(10), Some('e'));
        assert_eq!(schedule.pop_before(u64::MAX), None);
    }

    #[test]
    fn slots_are_used_again() {
        let mut schedule = Schedule::new();
        for at_ns in 0..100 {
            schedule.push(at_ns, at_ns);
            assert_eq!(schedule.pop_before(u64::MAX), Some(at_ns));
        }
        assert_eq!(schedule.slots.len(), 1);
    }
}
