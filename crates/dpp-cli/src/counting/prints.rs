//! Fingerprints of captures, taken while they are read, by which one that is counted twice is found.

use crate::captures::{self, Captures};
use crate::inputs::Input;
use dpp_sink::dataset::digest;
use dpp_source::Source;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
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

/// So much of a file is looked at first, where another is as long. In it is the timestamp of the first packet.
const GLANCE: u64 = 4096;

/// Refuses captures that are the same, as far as that is seen without reading them: files that are equally long, and begin alike.
/// Copies that are packed otherwise are found when they have been read.
///
/// # Errors
/// Which two they are.
pub(crate) fn check_twins(captures: &[Input]) -> anyhow::Result<()> {
    // In the order of lengths, so that of several twins the same are named each time.
    let mut lengths: BTreeMap<u64, Vec<(&Input, &Path)>> = BTreeMap::new();
    for capture in captures {
        if let (Input::Path(path), Some(length)) = (capture, capture.size()) {
            lengths.entry(length).or_default().push((capture, path));
        }
    }
    for files in lengths.into_values().filter(|files| files.len() > 1) {
        let mut seen: HashMap<String, Vec<(&Input, &Path)>> = HashMap::new();
        for file in files {
            // What cannot be read is told when it is its turn.
            let Ok(first) = first(file.1, GLANCE) else { continue };
            let others = seen.entry(digest(&first, DIGITS)).or_default();
            if let Some(twin) = others.iter().find(|other| are_same(other.1, file.1)) {
                return Err(super::same(twin.0, file.0, None));
            }
            others.push(file);
        }
    }
    Ok(())
}

/// The first octets of a file.
fn first(path: &Path, octets: u64) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    File::open(path)?.take(octets).read_to_end(&mut first).map(|_| first)
}

/// Whether two files of the same length would have the same fingerprint. Of a packed one all octets must be the same to know it.
fn are_same(one: &Path, other: &Path) -> bool {
    let is_plain = Source::open(one).is_ok_and(|source| source.compression().name() == "none");
    let looked = if is_plain { PRINTED as u64 } else { u64::MAX };
    let both =
        [one, other].map(|path| File::open(path).map(|file| BufReader::new(file.take(looked)).bytes()));
    let [Ok(mut one_octets), Ok(other_octets)] = both else { return false };
    let is_same = |(one, other): (io::Result<u8>, io::Result<u8>)| matches!((one, other), (Ok(one), Ok(other)) if one == other);
    one_octets.by_ref().zip(other_octets).all(is_same) && !captures::is_empty(one)
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
