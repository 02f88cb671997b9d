//! [`Intake`]: bytes on their way in, which can be looked at before they are taken.
//!
//! Every layer of a source reads from one: the recognisers look [`ahead`](Intake::ahead), the decompressors
//! take from [`buffered`](Intake::buffered), the engine's large reads pass straight through. The surprising
//! fact: an intake never fails. It ends, and knows why ([`take_trouble`](Intake::take_trouble)); so no
//! decompressor can lose or reword the error of the layer below it.

use std::io::{self, Read};

/// What one read of the layer below asks for: the capacity of a Linux pipe.
const BUFFER_LEN: usize = 64 * 1024;

/// A buffered reader with a position, a look-ahead and a reason for its end.
pub(crate) struct Intake {
    below: Box<dyn Read + Send>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    position: u64,
    ended: bool,
    trouble: Option<io::Error>,
}

impl Intake {
    pub(crate) fn new(below: impl Read + Send + 'static) -> Intake {
        let buffer = vec![0; BUFFER_LEN].into();
        Intake { below: Box::new(below), buffer, start: 0, end: 0, position: 0, ended: false, trouble: None }
    }

    /// What is here already; may be empty.
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The next `len` bytes, still to be taken; fewer only where the bytes end.
    pub(crate) fn ahead(&mut self, len: usize) -> &[u8] {
        while self.end - self.start < len && self.refill() > 0 {}
        &self.buffered()[..len.min(self.end - self.start)]
    }

    /// Takes `len` bytes of what is [`buffered`](Intake::buffered).
    pub(crate) fn take(&mut self, len: usize) {
        assert!(len <= self.end - self.start, "only what was seen can be taken");
        self.start += len;
        self.position += len as u64;
    }

    /// Reads more behind what is buffered; gives the number of new bytes, 0 at the end.
    pub(crate) fn refill(&mut self) -> usize {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let arrived =
            settle(self.below.as_mut(), &mut self.buffer[self.end..], &mut self.ended, &mut self.trouble);
        self.end += arrived;
        arrived
    }

    /// Moves bytes to `out`: those buffered, else straight from below. 0 only at the end.
    pub(crate) fn give(&mut self, out: &mut [u8]) -> usize {
        let buffered = copy_front(self.buffered(), out);
        if buffered > 0 {
            self.take(buffered);
            return buffered;
        }
        let arrived = settle(self.below.as_mut(), out, &mut self.ended, &mut self.trouble);
        self.position += arrived as u64;
        arrived
    }

    /// Takes `len` bytes unseen; whether there were so many.
    pub(crate) fn skip(&mut self, len: u64) -> bool {
        let mut left = len;
        while left > 0 && (self.start < self.end || self.refill() > 0) {
            let here = left.min(self.buffered().len() as u64);
            self.take(here as usize);
            left -= here;
        }
        left == 0
    }

    /// How many bytes were taken.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether the bytes ended because of trouble, not yet taken.
    pub(crate) fn has_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// Why the bytes ended, if not because there are no more; told once.
    pub(crate) fn take_trouble(&mut self) -> Option<io::Error> {
        self.trouble.take()
    }
}

/// An intake of nothing.
impl Default for Intake {
    fn default() -> Intake {
        let (below, buffer) = (Box::new(io::empty()), Box::default());
        Intake { below, buffer, start: 0, end: 0, position: 0, ended: true, trouble: None }
    }
}

/// One read from `below`; an error is kept as the trouble that ended it. After the end nothing is read:
/// a terminal or a FIFO could begin again.
fn settle(below: &mut dyn Read, out: &mut [u8], ended: &mut bool, trouble: &mut Option<io::Error>) -> usize {
    if *ended || out.is_empty() {
        return 0;
    }
    match below.read(out) {
        Ok(0) => *ended = true,
        Ok(arrived) => return arrived,
        Err(error) => (*ended, *trouble) = (true, Some(error)),
    }
    0
}

fn copy_front(from: &[u8], to: &mut [u8]) -> usize {
    let len = from.len().min(to.len());
    to[..len].copy_from_slice(&from[..len]);
    len
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Failing, Trickle};

    #[test]
    fn what_was_looked_at_is_still_given() {
        let mut intake = Intake::new(Trickle::of(b"capture"));
        assert_eq!(intake.ahead(4), b"capt");
        assert_eq!(intake.position(), 0);
        let mut all: Vec<u8> = Vec::new();
        let mut byte = [0; 3];
        while let given @ 1.. = intake.give(&mut byte) {
            all.extend_from_slice(&byte[..given]);
        }
        assert_eq!(all, b"capture");
        assert_eq!(intake.position(), 7);
    }

    #[test]
    fn looking_beyond_the_end_gives_what_is_there() {
        let mut intake = Intake::new(&b"abc"[..]);
        assert_eq!(intake.ahead(10), b"abc");
        assert!(!intake.skip(4));
        assert_eq!(intake.position(), 3);
        assert!(!intake.has_trouble());
    }

    #[test]
    fn a_failure_below_is_an_end_with_a_reason() {
        let mut intake = Intake::new(Failing::after(b"abc"));
        assert_eq!(intake.ahead(4), b"abc");
        assert_eq!(intake.take_trouble().unwrap().kind(), io::ErrorKind::ConnectionReset);
        assert!(intake.take_trouble().is_none());
    }

    #[test]
    fn a_large_read_passes_the_buffer_by() {
        let mut intake = Intake::new(io::repeat(7));
        intake.ahead(4);
        let mut out = vec![0; 4 * BUFFER_LEN];
        assert_eq!(intake.give(&mut out), BUFFER_LEN, "first what was looked at");
        assert_eq!(intake.give(&mut out), out.len(), "then straight from below");
    }
}
