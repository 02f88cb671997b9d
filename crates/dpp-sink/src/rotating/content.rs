//! How much of a file that was not finished is whole.
//!
//! Lines, frames and packets stand one behind the other, so a file that broke off is good up to the last whole one. After a
//! power cut a file may also end in zeros, where its length had reached the disk and its bytes had not; no line ends there, and
//! no frame or packet of ours is empty. Formats whose end tells where everything is (Parquet, Arrow), or that are compressed, are
//! nothing without it.

use crate::pcap;
use dpp::dnstap::frames::{self, Frames, Step};
use dpp::limits::CAPLEN_MAX;
use std::io::{self, BufRead, Read};

/// What a file is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// CSV that is not compressed: a line of names, then a record a row, in which quoted line ends are no ends.
    Csv,
    /// Text that is not compressed, a line a row, behind so many lines of heading.
    Lines {
        /// Lines that are no rows: 1 in TSV, none in JSON lines.
        heading: u64,
    },
    /// A dnstap file: frames.
    Dnstap,
    /// A pcap file, as [`Pcap`](crate::pcap::Pcap) writes it.
    Pcap,
    /// Something that is good only as a whole.
    Whole,
}

/// What of a file is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// So many bytes from its beginning.
    pub(super) bytes: u64,
    /// So many lines, frames or packets that are no heading.
    pub(super) records: u64,
    /// Whether what ends such a file is missing.
    wants_end: bool,
}

impl Extent {
    /// What must stand behind the bytes.
    pub(super) fn end(&self) -> Vec<u8> {
        let mut end = Vec::new();
        if self.wants_end {
            frames::write_stop(&mut end);
        }
        end
    }
}

impl Content {
    /// Whether a record is a row.
    pub(super) fn has_rows(self) -> bool {
        matches!(self, Content::Csv | Content::Lines { .. })
    }

    /// Looks how much is whole; `None` if nothing is but the file that was finished.
    ///
    /// # Errors
    /// The reader's.
    pub(super) fn extent(self, bytes: impl BufRead) -> io::Result<Option<Extent>> {
        match self {
            Content::Csv => lines(bytes, 1, true).map(Some),
            Content::Lines { heading } => lines(bytes, heading, false).map(Some),
            Content::Dnstap => dnstap(bytes).map(Some),
            Content::Pcap => packets(bytes).map(Some),
            Content::Whole => Ok(None),
        }
    }
}

/// Whole lines. Line ends between quotes are none, if there are quotes.
fn lines(mut bytes: impl BufRead, heading: u64, knows_quotes: bool) -> io::Result<Extent> {
    let (mut whole, mut at, mut count, mut is_quoted) = (0, 0, 0u64, false);
    loop {
        let buffer = bytes.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        for (index, octet) in (1..).zip(buffer) {
            match octet {
                b'"' => is_quoted ^= knows_quotes,
                b'\n' if !is_quoted => (whole, count) = (at + index, count + 1),
                _ => {}
            }
        }
        let length = buffer.len();
        at += length as u64;
        bytes.consume(length);
    }
    Ok(Extent { bytes: whole, records: count.saturating_sub(heading), wants_end: false })
}

/// Whole frames.
fn dnstap(mut bytes: impl BufRead) -> io::Result<Extent> {
    let mut extent = Extent { bytes: 0, records: 0, wants_end: false };
    // Bytes that are held, and how many of them are of frames that were seen.
    let (mut frames, mut held, mut seen) = (Frames::new(), Vec::new(), 0);
    loop {
        match frames.step(&held[seen..]) {
            Step::Data { total, .. } => {
                extent.records += 1;
                seen += total;
                extent.bytes += total as u64;
            }
            Step::Control { total, .. } => {
                seen += total;
                extent.bytes += total as u64;
            }
            Step::More => {
                held.drain(..std::mem::take(&mut seen));
                if !more(&mut bytes, &mut held)? {
                    break;
                }
            }
            // What cannot be, and what nobody would read.
            Step::TooLong { .. } | Step::Damaged(_) => break,
        }
        extent.wants_end = frames.is_open();
    }
    Ok(extent)
}

/// Reads some more bytes; `false` at the end.
fn more(bytes: &mut impl BufRead, held: &mut Vec<u8>) -> io::Result<bool> {
    let buffer = bytes.fill_buf()?;
    let length = buffer.len();
    held.extend_from_slice(buffer);
    bytes.consume(length);
    Ok(length > 0)
}

/// Whole packets.
fn packets(mut bytes: impl BufRead) -> io::Result<Extent> {
    const RECORD: usize = 16;
    let mut extent = Extent { bytes: 0, records: 0, wants_end: false };
    let mut header = [0; pcap::HEADER_LENGTH];
    if take(&mut bytes, &mut header)? && header == pcap::header() {
        extent.bytes = header.len() as u64;
        let mut record = [0; RECORD];
        while take(&mut bytes, &mut record)? {
            let [.., a, b, c, d, _, _, _, _] = record;
            let length = u32::from_le_bytes([a, b, c, d]);
            let is_packet = (1..=CAPLEN_MAX).contains(&length);
            if !is_packet || io::copy(&mut (&mut bytes).take(length.into()), &mut io::sink())? < length.into()
            {
                break;
            }
            extent.bytes += RECORD as u64 + u64::from(length);
            extent.records += 1;
        }
    }
    Ok(extent)
}

/// Fills a buffer; `false` if there is not so much.
fn take(bytes: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match bytes.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// What is whole of a file, in buffers of any size.
    fn extent(content: Content, file: &[u8]) -> (u64, u64) {
        let read = |capacity| content.extent(BufReader::with_capacity(capacity, file)).unwrap().unwrap();
        let [one, other] = [1, 1000].map(read);
        assert_eq!(one, other);
        (one.bytes, one.records)
    }

    /// A file of these pieces, of which so many are heading, is good up to the last whole one wherever it is cut, and also if
    /// zeros follow there.
    fn check(content: Content, pieces: &[Vec<u8>], heading: usize) {
        let file = pieces.concat();
        for cut in 0..=file.len() {
            let (mut whole, mut count) = (0, 0);
            while count < pieces.len() && whole + pieces[count].len() <= cut {
                whole += pieces[count].len();
                count += 1;
            }
            let expected = (whole as u64, count.saturating_sub(heading) as u64);
            assert_eq!(extent(content, &file[..cut]), expected, "{content:?} cut at {cut}");
            for zeros in [1, 3, 600] {
                let file = [&file[..cut], &vec![0; zeros]].concat();
                // They may complete a packet or a frame, if its length was there; but they are no line, and no further record.
                let (bytes, records) = extent(content, &file);
                let most = expected.1 + u64::from(!content.has_rows());
                assert!(bytes >= expected.0 && (expected.1..=most).contains(&records), "{zeros} at {cut}");
            }
        }
    }

    fn texts(pieces: &[&str]) -> Vec<Vec<u8>> {
        pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect()
    }

    #[test]
    fn lines_are_whole_up_to_their_end() {
        check(Content::Lines { heading: 0 }, &texts(&["{\"a\":1}\n", "{\"a\":\"\\\"\"}\n", "{}\n"]), 0);
        check(Content::Lines { heading: 1 }, &texts(&["a\tb\n", "1\t2\n", "3\t\"\n", "\t\n"]), 1);
    }

    #[test]
    fn a_line_end_between_quotes_ends_no_record() {
        check(Content::Csv, &texts(&["a,b\n", "1,\"x\ny\"\n", "2,\"\"\"\n\"\n", "3,\n"]), 1);
    }

    #[test]
    fn frames_are_whole_up_to_their_length() {
        let piece = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut piece = Vec::new();
            write(&mut piece);
            piece
        };
        let frame = |length: usize| piece(&|out| frames::write_frame(out, &vec![7; length]));
        let start = piece(&frames::write_start);
        let pieces = [start.clone(), frame(1), frame(300), frame(9)];
        check(Content::Dnstap, &pieces, 1);
        let cut = Content::Dnstap.extent(&pieces.concat()[..]).unwrap().unwrap();
        assert_eq!(cut.end(), piece(&frames::write_stop));
        let ended = [&pieces.concat()[..], &cut.end()].concat();
        let whole = Content::Dnstap.extent(&ended[..]).unwrap().unwrap();
        assert_eq!((whole.bytes, whole.records, whole.end()), (ended.len() as u64, 3, vec![]));
        assert_eq!(Content::Dnstap.extent(&start[..5]).unwrap().unwrap().end(), b"", "no stream, no end");
    }

    #[test]
    fn packets_are_whole_up_to_their_length() {
        let packet = |length: u32| {
            let words = [9, 9, length, length];
            [&words.map(u32::to_le_bytes).concat()[..], &vec![7; length as usize]].concat()
        };
        check(Content::Pcap, &[pcap::header().to_vec(), packet(1), packet(300), packet(20)], 1);
        let beyond = [pcap::header().to_vec(), packet(20), packet(CAPLEN_MAX + 1)].concat();
        assert_eq!(extent(Content::Pcap, &beyond), (60, 1));
    }

    #[test]
    fn what_is_good_only_as_a_whole_has_no_extent() {
        assert_eq!(Content::Whole.extent(&b"PAR1"[..]).unwrap(), None);
    }
}
