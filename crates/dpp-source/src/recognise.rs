//! [`recognise`]: what the first bytes of a file say it is.
//!
//! Two tables: the captures by their magic number, and what people hand over instead, each with the remedy.
//! The surprising fact: most things have a magic number at offset 0, but a tar archive is known only by byte
//! 257, and text by having nothing but text. [`crate::source`] asks before it gives a source to anyone.

use std::fmt;

use crate::compression::{self, Compression};

/// What some first bytes look like; displayed as the end of a sentence that begins with "it".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A packet capture, of a kind that is read or not.
    Capture(Capture),
    /// Something compressed.
    Compressed(Compression),
    /// Something known that is no capture.
    Other {
        /// What it is: "a ZIP archive".
        name: &'static str,
        /// What to do about it: "unpack it first".
        remedy: &'static str,
    },
    /// No bytes at all.
    Empty,
    /// This many bytes, fewer than the four that make a magic number.
    Short(usize),
    /// Nothing known; its first four bytes.
    Unknown([u8; 4]),
}

/// The kinds of packet captures that can be told by their magic number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Capture {
    /// Classic pcap, microseconds, big-endian.
    PcapMicrosecondsBig,
    /// Classic pcap, microseconds, little-endian.
    PcapMicrosecondsLittle,
    /// Classic pcap, nanoseconds, big-endian.
    PcapNanosecondsBig,
    /// Classic pcap, nanoseconds, little-endian.
    PcapNanosecondsLittle,
    /// pcapng; its byte order is told by each section.
    Pcapng,
    /// "Modified" pcap by A. Kuznetzov: record headers of 24 bytes.
    PcapModified,
    /// The variant of it by F. Mesquita. Not read.
    PcapMesquita,
    /// The pcap variant by Navtel. Not read.
    PcapNavtel,
    /// IXIA lcap, a pcap with a longer header. Not read.
    Lcap,
    /// snoop (RFC 1761). Not read.
    Snoop,
    /// Microsoft Network Monitor. Not read.
    NetworkMonitor,
    /// A stream of frames, as servers log them.
    Dnstap,
    /// C-DNS (RFC 8618).
    Cdns,
}

impl Capture {
    /// Its name in messages: "classic pcap (microseconds, little-endian)".
    pub fn name(self) -> &'static str {
        CAPTURES.iter().find(|row| row.capture == self).map_or("a capture", |row| row.name)
    }

    /// Whether the engine reads this kind.
    pub fn is_read(self) -> bool {
        CAPTURES.iter().any(|row| row.capture == self && row.is_read)
    }
}

impl Content {
    /// Whether this is what was counted of captures: a part of `dpp stats` or `dpp rssac`.
    pub fn is_part(self) -> bool {
        matches!(self, Content::Other { remedy: PART, .. })
    }

    /// Whether this is something whole that no capture is or holds: what is made of captures (a table, a page, a part), a text, a
    /// picture. Not so what may have been one, or has one in it.
    pub fn is_something_else(self) -> bool {
        matches!(self, Content::Other { remedy: TABLE | PAGE | PART | NAME_A_CAPTURE, .. })
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Capture(kind) if kind.is_read() => write!(f, "is {}", kind.name()),
            Content::Capture(kind) => write!(f, "is {}; {CONVERT}", kind.name()),
            Content::Compressed(compression) => write!(f, "is compressed with {}", compression.name()),
            Content::Other { name, remedy } => write!(f, "looks like {name}; {remedy}"),
            Content::Empty => write!(f, "is empty; even a capture without packets has a header"),
            Content::Short(1) => write!(f, "has only 1 byte; even a capture without packets has a header"),
            Content::Short(len) => {
                write!(f, "has only {len} bytes; even a capture without packets has a header")
            }
            Content::Unknown([a, b, c, d]) => {
                write!(f, "begins with the unknown bytes {a:02x} {b:02x} {c:02x} {d:02x}; {NAME_A_CAPTURE}")
            }
        }
    }
}

/// What the first bytes of something look like. 512 bytes are enough for every answer; with fewer,
/// fewer things are known.
///
/// ```
/// use dpp_source::{Capture, Content, recognise};
///
/// assert_eq!(recognise(&[0x0a, 0x0d, 0x0d, 0x0a]), Content::Capture(Capture::Pcapng));
/// assert_eq!(recognise(b"%PDF-1.7").to_string(), "looks like a PDF document; name a capture: pcap, pcapng, dnstap or C-DNS");
/// ```
pub fn recognise(first_bytes: &[u8]) -> Content {
    if let Some(capture) = capture(first_bytes) {
        return Content::Capture(capture);
    }
    if let Some(compression) = compression::recognise(first_bytes) {
        return Content::Compressed(compression);
    }
    match *first_bytes {
        [] => Content::Empty,
        [_] | [_, _] | [_, _, _] => Content::Short(first_bytes.len()),
        [a, b, c, d, ..] => other(first_bytes).unwrap_or(Content::Unknown([a, b, c, d])),
    }
}

/// The kind of capture that begins with these bytes.
pub(crate) fn capture(first_bytes: &[u8]) -> Option<Capture> {
    let has = |at: usize, sign: &[u8]| first_bytes.get(at..).is_some_and(|rest| rest.starts_with(sign));
    let is = |row: &&CaptureRow| has(0, row.magic) && has(row.more.0, row.more.1);
    CAPTURES.iter().find(is).map(|row| row.capture)
}

/// Enough bytes to know a capture that is read.
pub(crate) const MAGIC_LEN: usize = 12;

/// Enough bytes to know what is no capture: tar's magic ends at 262, and some lines of text are wanted.
pub(crate) const LOOK_LEN: usize = 512;

const CONVERT: &str = "convert it first (editcap -F pcap FILE OUT.pcap)";
const NAME_A_CAPTURE: &str = "name a capture: pcap, pcapng, dnstap or C-DNS";
const OLD: &str = "convert it with the inspector of its time, or name the capture it was made from";
const LIVE: &str = "it is one side of a socket's talk; name what fstrm_capture wrote";
const TABLE: &str = "name the capture it was made from";
const UNPACK: &str = "unpack it first";
const PAGE: &str = "the download may have failed; fetch the capture again";
const PART: &str = "it was counted already: dpp stats report and dpp rssac report take parts";

struct CaptureRow {
    magic: &'static [u8],
    /// What stands there further on, and where.
    more: (usize, &'static [u8]),
    capture: Capture,
    is_read: bool,
    name: &'static str,
}

const fn row(magic: &'static [u8], capture: Capture, is_read: bool, name: &'static str) -> CaptureRow {
    CaptureRow { magic, more: (0, b""), capture, is_read, name }
}

/// Magic numbers in file order (draft-ietf-opsawg-pcap 4, draft-ietf-opsawg-pcapng 4.1, libpcap's sf-pcap.c
/// for the variants).
static CAPTURES: [CaptureRow; 20] = [
    row(b"\xa1\xb2\xc3\xd4", Capture::PcapMicrosecondsBig, true, "classic pcap (microseconds, big-endian)"),
    row(
        b"\xd4\xc3\xb2\xa1",
        Capture::PcapMicrosecondsLittle,
        true,
        "classic pcap (microseconds, little-endian)",
    ),
    row(b"\xa1\xb2\x3c\x4d", Capture::PcapNanosecondsBig, true, "classic pcap (nanoseconds, big-endian)"),
    row(
        b"\x4d\x3c\xb2\xa1",
        Capture::PcapNanosecondsLittle,
        true,
        "classic pcap (nanoseconds, little-endian)",
    ),
    row(b"\x0a\x0d\x0d\x0a", Capture::Pcapng, true, "pcapng"),
    row(b"\xa1\xb2\xcd\x34", Capture::PcapModified, true, "a modified pcap with longer record headers"),
    row(b"\x34\xcd\xb2\xa1", Capture::PcapModified, true, "a modified pcap with longer record headers"),
    row(b"\xa1\xb2\x34\xcd", Capture::PcapMesquita, false, "Mesquita's variant of pcap"),
    row(b"\xcd\x34\xb2\xa1", Capture::PcapMesquita, false, "Mesquita's variant of pcap"),
    row(b"\xa1\x2b\x3c\x4d", Capture::PcapNavtel, false, "Navtel's variant of pcap"),
    row(b"\x4d\x3c\x2b\xa1", Capture::PcapNavtel, false, "Navtel's variant of pcap"),
    row(b"\x1c\x00\x01\xac", Capture::Lcap, false, "an IXIA lcap capture"),
    row(b"\xac\x01\x00\x1c", Capture::Lcap, false, "an IXIA lcap capture"),
    row(b"\x1c\x00\x01\xab", Capture::Lcap, false, "an IXIA lcap capture"),
    row(b"\xab\x01\x00\x1c", Capture::Lcap, false, "an IXIA lcap capture"),
    row(b"snoop\0\0\0", Capture::Snoop, false, "a snoop capture"),
    row(b"GMBU", Capture::NetworkMonitor, false, "a Microsoft Network Monitor capture"),
    // A control frame: escape, its length, type START (the fstrm specification).
    CaptureRow {
        more: (8, b"\0\0\0\x02"),
        ..row(&[0; 4], Capture::Dnstap, true, "a dnstap file (Frame Streams)")
    },
    // A CBOR array of three, or of unknown length, that begins with a text (RFC 8618 section 7.2).
    row(b"\x83\x65C-DNS", Capture::Cdns, true, "a C-DNS file (RFC 8618)"),
    row(b"\x9f\x65C-DNS", Capture::Cdns, true, "a C-DNS file (RFC 8618)"),
];

struct Likeness {
    /// Bytes that must stand at these offsets.
    signs: &'static [(usize, &'static [u8])],
    name: &'static str,
    remedy: &'static str,
}

const fn like(
    signs: &'static [(usize, &'static [u8])],
    name: &'static str,
    remedy: &'static str,
) -> Likeness {
    Likeness { signs, name, remedy }
}

/// What is handed over in place of a capture.
static LIKENESSES: [Likeness; 27] = [
    // A Frame Streams control frame of type READY (the fstrm specification).
    like(&[(0, &[0; 4]), (8, &[0, 0, 0, 4])], "a dnstap stream (Frame Streams)", LIVE),
    like(&[(0, b"\x83\x68DNS-STAT")], "an old C-DNS file (before RFC 8618)", OLD),
    like(&[(0, b"\x9f\x68DNS-STAT")], "an old C-DNS file (before RFC 8618)", OLD),
    like(&[(0, b"\x89DPPPRT\n")], "a part of dpp stats or dpp rssac", PART),
    like(&[(0, b"#dpp-part ")], "a part of dpp stats or dpp rssac", PART),
    like(&[(0, b"PAR1")], "a Parquet table", TABLE),
    like(&[(0, b"ARROW1\0\0")], "an Arrow IPC file", TABLE),
    like(&[(0, &[0xff; 4])], "an Arrow IPC stream", TABLE),
    like(&[(0, b"ORC")], "an ORC table", TABLE),
    like(&[(0, b"Obj\x01")], "an Avro file", TABLE),
    like(&[(0, b"SQLite format 3\0")], "an SQLite database", TABLE),
    like(&[(0, b"PK\x03\x04")], "a ZIP archive", "unpack it first (unzip -p FILE | dpp -)"),
    like(&[(0, b"PK\x05\x06")], "an empty ZIP archive", NAME_A_CAPTURE),
    like(&[(0, b"7z\xbc\xaf\x27\x1c")], "a 7z archive", UNPACK),
    like(&[(0, b"Rar!\x1a\x07")], "a RAR archive", UNPACK),
    like(&[(257, b"ustar")], "a tar archive", "unpack it first (tar -xOf FILE | dpp - for a single capture)"),
    like(&[(0, b"\x1f\x9d")], "a file packed with compress (.Z)", "unpack it first (gzip -dc FILE | dpp -)"),
    like(&[(0, b"\x5d\0\0")], "a file packed with lzma", "unpack it first (xz -dc FILE | dpp -)"),
    like(&[(0, b"LZIP")], "a file packed with lzip", "unpack it first (lzip -dc FILE | dpp -)"),
    like(
        &[(0, b"\x02\x21\x4c\x18")],
        "an lz4 file of the legacy kind",
        "unpack it first (lz4 -dc FILE | dpp -)",
    ),
    like(&[(0, b"\xff\x06\0\0sNaPpY")], "a Snappy stream", UNPACK),
    like(&[(0, b"\x7fELF")], "a program (ELF)", NAME_A_CAPTURE),
    like(&[(0, b"%PDF")], "a PDF document", NAME_A_CAPTURE),
    like(&[(0, b"\x89PNG")], "a PNG picture", NAME_A_CAPTURE),
    like(&[(0, b"{\\rtf")], "an RTF document", NAME_A_CAPTURE),
    like(&[(0, b"-----BEGIN ")], "a key or certificate", NAME_A_CAPTURE),
    like(&[(0, &[0; 16])], "a file of zeros, perhaps lost in a crash", "fetch it again"),
];

fn other(first_bytes: &[u8]) -> Option<Content> {
    let fits =
        |(at, sign): &(usize, &[u8])| first_bytes.get(*at..).is_some_and(|rest| rest.starts_with(sign));
    let known = LIKENESSES.iter().find(|likeness| likeness.signs.iter().all(fits));
    let known = known.map(|&Likeness { name, remedy, .. }| Content::Other { name, remedy });
    known.or_else(|| text(first_bytes))
}

/// What kind of text this is, if it is text.
fn text(first_bytes: &[u8]) -> Option<Content> {
    let text = whole_characters(first_bytes)?;
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return None;
    }
    let text = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).to_ascii_lowercase();
    let first_line = text.lines().next().unwrap_or_default();
    let (name, remedy) = match text.as_bytes() {
        [b'<', ..] if text.contains("<html") || text.contains("<!doctype html") => {
            ("a web page (HTML)", PAGE)
        }
        [b'<', ..] => ("XML", NAME_A_CAPTURE),
        [b'{' | b'[', ..] => ("JSON", TABLE),
        _ if first_line.contains(',') => ("a CSV table", TABLE),
        _ if first_line.contains('\t') => ("a table with tabs", TABLE),
        _ => ("text", NAME_A_CAPTURE),
    };
    Some(Content::Other { name, remedy })
}

/// The bytes as UTF-8; a character cut off at their end is left out.
fn whole_characters(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok(),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(first_bytes: &[u8], sentence: &str) {
        assert_eq!(recognise(first_bytes).to_string(), sentence);
    }

    #[test]
    fn what_is_read_is_said_to_be_read() {
        let read: Vec<_> = CAPTURES.iter().filter(|row| row.is_read).map(|row| row.magic).collect();
        let pcap = [b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1"];
        let others = [b"\x0a\x0d\x0d\x0a", b"\xa1\xb2\xcd\x34", b"\x34\xcd\xb2\xa1"];
        let frames_and_cdns: [&[u8]; 3] = [b"\0\0\0\0", b"\x83eC-DNS", b"\x9feC-DNS"];
        let packets = pcap.iter().chain(&others).map(|magic| &magic[..]);
        assert_eq!(read, packets.chain(frames_and_cdns).collect::<Vec<_>>());
        check(b"\x4d\x3c\xb2\xa1\x02\0\x04\0", "is classic pcap (nanoseconds, little-endian)");
    }

    #[test]
    fn every_row_of_both_tables_recognises_its_own_bytes() {
        for row in &CAPTURES {
            let mut bytes = [row.magic, &[0xEE; 16]].concat();
            bytes[row.more.0..row.more.0 + row.more.1.len()].copy_from_slice(row.more.1);
            assert_eq!(recognise(&bytes), Content::Capture(row.capture));
            assert_eq!(row.capture.name(), row.name);
        }
        for likeness in &LIKENESSES {
            let mut bytes = vec![b'.'; LOOK_LEN];
            for (at, sign) in likeness.signs {
                bytes[*at..at + sign.len()].copy_from_slice(sign);
            }
            let Likeness { name, remedy, .. } = *likeness;
            assert_eq!(recognise(&bytes), Content::Other { name, remedy });
        }
    }

    #[test]
    fn what_may_have_been_a_capture_or_holds_one_is_not_something_else() {
        for (first_bytes, expected) in [
            (&b"PAR1"[..], true),
            (b"\x89DPPPRT\n", true),
            (b"#dpp-part 2 rssac\n", true),
            (b"<!doctype html>", true),
            (b"a,b\n1,2\n", true),
            (b"notes", true),
            (b"PK\x03\x04", false),
            (&[0; 512], false),
            (b"\x89unknown", false),
            (b"", false),
            (b"\xd4\xc3\xb2\xa1", false),
            (b"\x1f\x8b\x08\0", false),
        ] {
            assert_eq!(recognise(first_bytes).is_something_else(), expected, "{first_bytes:?}");
        }
    }

    #[test]
    fn captures_of_other_kinds_are_to_be_converted() {
        check(
            b"\xa1\xb2\x34\xcd",
            "is Mesquita's variant of pcap; convert it first (editcap -F pcap FILE OUT.pcap)",
        );
        check(
            b"snoop\0\0\0\0\0\0\x02",
            "is a snoop capture; convert it first (editcap -F pcap FILE OUT.pcap)",
        );
    }

    #[test]
    fn a_frame_stream_is_known_across_its_length_field() {
        let start = b"\0\0\0\0\0\0\0\x22\0\0\0\x02\0\0\0\x01\0\0\0\x16protobuf:dnstap.Dnstap";
        check(start, "is a dnstap file (Frame Streams)");
    }

    #[test]
    fn texts_are_told_apart() {
        check(
            b"request_timestamp,name\n1,a.example\n",
            "looks like a CSV table; name the capture it was made from",
        );
        check(b"  {\"a\": 1}", "looks like JSON; name the capture it was made from");
        check(
            b"\xef\xbb\xbf<!DOCTYPE HTML>",
            "looks like a web page (HTML); the download may have failed; fetch the capture again",
        );
        check(b"<?xml version='1.0'?>", "looks like XML; name a capture: pcap, pcapng, dnstap or C-DNS");
        check("Liebe Grüße".as_bytes(), "looks like text; name a capture: pcap, pcapng, dnstap or C-DNS");
        check(&"Grüße".as_bytes()[..4], "looks like text; name a capture: pcap, pcapng, dnstap or C-DNS");
    }

    #[test]
    fn what_is_too_short_is_counted() {
        check(b"", "is empty; even a capture without packets has a header");
        check(b"\xa1", "has only 1 byte; even a capture without packets has a header");
        check(b"\xa1\xb2\xc3", "has only 3 bytes; even a capture without packets has a header");
    }

    #[test]
    fn unknown_bytes_are_shown() {
        check(
            b"\xde\xad\xbe\xef\x01",
            "begins with the unknown bytes de ad be ef; name a capture: pcap, pcapng, dnstap or C-DNS",
        );
        check(
            b"text\0with a zero",
            "begins with the unknown bytes 74 65 78 74; name a capture: pcap, pcapng, dnstap or C-DNS",
        );
    }
}
