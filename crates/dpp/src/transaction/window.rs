//! The parts in which something waits: the shard's window on the capture.
//!
//! Parts come in chunk by chunk, stay while a message in them waits, and go back as soon as none does, in any order. The part
//! that is being gone through is kept at hand, apart from the others: nearly every answer concerns a query in it.

use super::table::Place;
use super::{Event, Key, Part};
use std::collections::VecDeque;
use std::ops::Range;

#[derive(Debug, Default)]
pub(super) struct Window {
    /// The parts by chunk number from `first`; `None` once handed back.
    parts: VecDeque<Option<Part>>,
    first: u64,
    /// The part that is being gone through, while that goes on: the next one behind `parts`.
    current: Option<Part>,
    /// Parts in which nothing waits any more, with their chunk numbers.
    done: Vec<(u64, Part)>,
}

impl Window {
    /// Takes the part of the next chunk in hand. Gives its chunk number.
    pub(super) fn take_up(&mut self, part: Part) -> u64 {
        self.current = Some(part);
        self.first + self.parts.len() as u64
    }

    /// Puts the part in hand to the others.
    pub(super) fn put_down(&mut self) {
        let part = self.current.take();
        self.parts.push_back(part);
    }

    /// Lets go of a part in which nothing waits any more, but for the one in hand.
    #[inline]
    pub(super) fn release(&mut self, chunk: u64) {
        let Some(slot) = self.parts.get_mut((chunk - self.first) as usize) else { return };
        if let Some(part) = slot.take_if(|part| !part.waits()) {
            self.done.push((chunk, part));
        }
    }

    /// Lets go of all parts, whatever waits in them.
    pub(super) fn release_all(&mut self) {
        for (number, part) in self.parts.drain(..).enumerate() {
            self.done.extend(part.map(|part| (self.first + number as u64, part)));
        }
    }

    /// The parts let go since the last time.
    pub(super) fn hand_back(&mut self) -> impl Iterator<Item = (u64, Part)> + '_ {
        while self.parts.front().is_some_and(Option::is_none) {
            self.parts.pop_front();
            self.first += 1;
        }
        self.done.drain(..)
    }

    /// The chunks that have or had a part here.
    pub(super) fn chunks(&self) -> Range<u64> {
        self.first..self.first + self.parts.len() as u64 + u64::from(self.current.is_some())
    }

    #[inline]
    fn is_current(&self, chunk: u64) -> bool {
        (chunk - self.first) as usize == self.parts.len()
    }

    /// The part of a chunk, if it is still here.
    #[inline]
    pub(super) fn get(&self, chunk: u64) -> Option<&Part> {
        match self.is_current(chunk) {
            true => self.current.as_ref(),
            false => self.parts[(chunk - self.first) as usize].as_ref(),
        }
    }

    #[inline]
    pub(super) fn part(&self, chunk: u64) -> &Part {
        self.get(chunk).expect("a part stays while something waits in it")
    }

    #[inline]
    pub(super) fn part_mut(&mut self, chunk: u64) -> &mut Part {
        let part = match self.is_current(chunk) {
            true => self.current.as_mut(),
            false => self.parts[(chunk - self.first) as usize].as_mut(),
        };
        part.expect("a part stays while something waits in it")
    }

    #[inline]
    pub(super) fn event(&self, place: Place) -> &Event {
        &self.part(place.chunk).events[place.index as usize]
    }

    #[inline]
    pub(super) fn event_mut(&mut self, place: Place) -> &mut Event {
        &mut self.part_mut(place.chunk).events[place.index as usize]
    }

    #[inline]
    pub(super) fn key(&self, place: Place) -> Key<'_> {
        let part = self.part(place.chunk);
        part.key(&part.events[place.index as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part in which so many queries wait.
    fn part(open: u32) -> Part {
        Part { open, ..Part::default() }
    }

    /// The chunks whose parts are handed back.
    fn handed_back(window: &mut Window) -> Vec<u64> {
        window.hand_back().map(|(chunk, _)| chunk).collect()
    }

    #[test]
    fn parts_go_back_in_any_order_as_soon_as_nothing_waits() {
        let mut window = Window::default();
        for open in [1, 0, 1] {
            let chunk = window.take_up(part(open));
            window.put_down();
            window.release(chunk);
        }
        assert_eq!(handed_back(&mut window), [1]);
        assert_eq!((window.chunks(), window.get(1).is_none()), (0..3, true));
        window.part_mut(2).open = 0;
        window.release(2);
        assert_eq!((handed_back(&mut window), window.chunks()), (vec![2], 0..3));
        window.part_mut(0).open = 0;
        window.release(0);
        assert_eq!(handed_back(&mut window), [0]);
        assert_eq!((window.chunks(), window.take_up(part(0))), (3..3, 3));
    }

    #[test]
    fn the_part_in_hand_is_one_of_the_parts_but_is_not_let_go() {
        let mut window = Window::default();
        let chunk = window.take_up(part(0));
        window.part_mut(chunk).unclaimed = 0;
        window.release(chunk);
        assert!(handed_back(&mut window).is_empty());
        assert_eq!((window.chunks(), window.get(chunk).is_some()), (0..1, true));
        window.put_down();
        window.release(chunk);
        assert_eq!(handed_back(&mut window), [0]);
    }

    #[test]
    fn all_parts_can_be_let_go_whatever_waits() {
        let mut window = Window::default();
        for open in [2, 0, 1] {
            window.take_up(part(open));
            window.put_down();
        }
        window.release_all();
        assert_eq!(handed_back(&mut window), [0, 1, 2]);
    }
}
