//! Fingerprints of captures, taken while they are read, by which one that is counted twice is found.

use crate::captures::{self, Captures};
use crate::inputs::Input;
use dpp_sink::dataset::digest;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// The fingerprints of captures, in the order in which they were opened.
pub(crate) type Prints = Arc<Mutex<Vec<Arc<Mutex<Print>>>>>;

/// Captures whose fingerprints are taken while they are read.
pub(crate) struct Printed {
    captures: Captures,
    prints: Prints,
}

impl Printed {
    pub(crate) fn new(captures: Captures, prints: &Prints) -> Printed {
        Printed { captures, prints: Arc::clone(prints) }
    }
}

impl Iterator for Printed {
    type Item = io::Result<PrintedCapture>;

    fn next(&mut self) -> Option<Self::Item> {
        let capture = match self.captures.next()? {
            Ok(capture) => capture,
            Err(error) => return Some(Err(error)),
        };
        let print = Arc::<Mutex<Print>>::default();
        self.prints.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&print));
        Some(Ok(PrintedCapture { capture, print }))
    }
}

/// A capture that is being read.
pub(crate) struct PrintedCapture {
    capture: captures::Capture,
    print: Arc<Mutex<Print>>,
}

impl Read for PrintedCapture {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.capture.read(out)?;
        self.print.lock().unwrap_or_else(PoisonError::into_inner).add(&out[..read]);
        Ok(read)
    }
}

/// A fingerprint: the first octets of a capture, unpacked, and how many there are. Timestamps are among them, so two captures
/// have the same only if they are the same. Reading all of it would cost more than counting does.
#[derive(Default)]
pub(crate) struct Print {
    first: Vec<u8>,
    length: u64,
}

/// So much of a capture is looked at: hundreds of packets.
const PRINTED: usize = 64 << 10;

/// Captures that are no longer may have no packet; those are all the same, and may be there many times.
const EMPTY_MAX: u64 = 4096;

/// Digits of a fingerprint: enough that no two of all captures there are have the same by chance.
const DIGITS: usize = 32;

impl Print {
    fn add(&mut self, read: &[u8]) {
        let room = PRINTED - self.first.len();
        self.first.extend_from_slice(&read[..room.min(read.len())]);
        self.length += read.len() as u64;
    }

    /// `None` if there is nothing that could be counted twice.
    pub(super) fn text(&self, input: &Input) -> Option<String> {
        let is_empty = match input {
            Input::Path(path) => self.length <= EMPTY_MAX && input.is_file() && captures::is_empty(path),
            _ => false,
        };
        let all = [&self.first[..], &self.length.to_le_bytes()].concat();
        (!is_empty).then(|| digest(&all, DIGITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_of_the_beginning_and_the_length() {
        let print = |bytes: &[u8], step: usize| {
            let mut print = Print::default();
            bytes.chunks(step).for_each(|read| print.add(read));
            print.text(&Input::Stdin)
        };
        let long = vec![7; 3 * PRINTED];
        assert_eq!(print(&long, 1000), print(&long, PRINTED + 1));
        assert_ne!(print(&long, 1000), print(&long[1..], 1000));
    }
}
