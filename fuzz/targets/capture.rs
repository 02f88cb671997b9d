//! Bytes to packets: whatever a capture is, and however it is cut into chunks, its packets are the same.
//!
//! The input is a [`Head`] that says how to cut, then the capture. It is read in two ways by the same cutter, and once
//! more through a reader that trickles; all must agree on every packet, on the clock, and on how and where the capture
//! ends. Classic pcap is also read by a plain reader below. Started by `fuzz/run`.

#![no_main]

#[path = "../../crates/dpp/tests/laws/trickle.rs"]
mod trickle;

use dpp::capture::{
    CaptureError, CaptureRead, Chunk, Chunks, Cutter, Ending, InputError, Record, Regression, Settings,
    single,
};
use dpp::limits::{BLOCK_MAX, CAPLEN_MAX, Limits};
use std::io::{self, Read};
use trickle::Trickle;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((head, capture)) = Head::parse(input) else { return };
    let whole = || capture.chain(io::repeat(0).take(head.zeros));
    let read = read(whole(), head.one);
    assert_eq!(read, self::read(whole(), head.other), "one and other way to cut");
    let trickle = Trickle { input: capture, bytes: head.trickle, interrupted: false };
    let trickled = self::read(trickle.chain(io::repeat(0).take(head.zeros)), head.one);
    assert_eq!(read, trickled, "at once and trickling in");
    let Ok(read) = read else { return };
    check_monotonic(whole(), head.other, &read);
    if head.zeros == 0 {
        check_prefix(&capture[..head.cut.min(capture.len())], head.one, &read);
        check_plain(capture, &read);
    }
});

/// How to cut.
struct Head {
    one: Settings,
    other: Settings,
    /// The most bytes that the trickling reader hands out at once.
    trickle: usize,
    /// Where the capture is cut off, to compare.
    cut: usize,
    /// Zeros to append: they fill what a damaged length promises.
    zeros: u64,
}

impl Head {
    fn parse(input: &[u8]) -> Option<(Head, &[u8])> {
        let ([a, b, one, c, d, other, trickle, cut, beyond, zeros], capture) =
            input.split_first_chunk::<10>()?;
        let settings = |bytes: [u8; 2], packets: u8| Settings {
            bytes: usize::from(u16::from_le_bytes(bytes)).max(1),
            packets: if packets == 0 { usize::MAX } else { packets.into() },
            jump_ns: Limits::default().jump_ns,
            monotonic: false,
            merge: false,
        };
        // With few packets to a chunk, the same zeros would be copied again and again.
        let zeros =
            if *one == 0 && *other == 0 && *zeros >= 0xF0 { u64::from(zeros & 7) * 160_000 } else { 0 };
        let head = Head {
            one: settings([*a, *b], *one),
            other: settings([*c, *d], *other),
            trickle: usize::from(*trickle).max(1),
            cut: usize::from(u16::from_le_bytes([*cut, *beyond])),
            zeros,
        };
        Some((head, capture))
    }
}

/// Everything that the cutter tells.
#[derive(Debug, PartialEq)]
struct Reading {
    packets: Vec<Packet>,
    /// The kind of ending, and its offset.
    ending: (&'static str, u64),
    regressions: (u64, Option<Regression>),
    span: Option<(i64, i64)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Packet {
    time_ns: i64,
    clock_ns: i64,
    linktype: u16,
    bytes: Vec<u8>,
}

/// Reads a whole capture and checks what holds of every chunk. An error is told in words, so that it can be compared.
fn read(input: impl Read + Send, settings: Settings) -> Result<Reading, String> {
    let words = |error: InputError| error.error.to_string();
    let mut cutter = Cutter::new(single(input), settings).map_err(words)?;
    let (mut packets, mut memory, mut clock_ns) = (Vec::new(), Chunk::default(), 0);
    while let Some(chunk) = cutter.next(memory).map_err(words)? {
        let before_ns = packets.last().map_or(chunk.records[0].time_ns, |_| clock_ns);
        assert_eq!((chunk.first_position, chunk.clock_before_ns), (packets.len() as u64, before_ns));
        assert!(!chunk.records.is_empty() && chunk.records.len() <= settings.packets);
        check_memory(&chunk, settings);
        packets.extend(chunk.records.iter().map(|record| Packet {
            time_ns: record.time_ns,
            clock_ns: record.clock_ns,
            linktype: record.linktype,
            bytes: chunk.packet(record).to_vec(),
        }));
        clock_ns = packets.last().map_or(0, |packet: &Packet| packet.clock_ns);
        memory = chunk;
    }
    let CaptureRead { inputs, regressions, first_regression, first_and_last_ns } = cutter.read();
    let ending = match inputs.ending() {
        Ending::Complete => ("complete", 0),
        Ending::CutOff { offset } => ("cut off", offset),
        Ending::Damaged { offset, what } => (what, offset),
        other => panic!("{other:?} of bytes in memory"),
    };
    Ok(Reading { packets, ending, regressions: (regressions, first_regression), span: first_and_last_ns })
}

/// A chunk holds what it was asked to hold, or the longest packet and as much as the look ahead may need, or, as buffers
/// double, less than twice that.
fn check_memory(chunk: &Chunk, settings: Settings) {
    let longest = 3 * BLOCK_MAX as usize;
    assert!(chunk.filled <= chunk.bytes.len());
    assert!(chunk.bytes.len() <= settings.bytes + 2 * longest, "{} bytes in a chunk", chunk.bytes.len());
    chunk.records.iter().for_each(|record| assert!(record.caplen <= BLOCK_MAX));
}

/// A capture that must be in order ends at its first regression, if it has one.
fn check_monotonic(input: impl Read + Send, settings: Settings, whole: &Reading) {
    let told = read(input, Settings { monotonic: true, ..settings }).err();
    let expected = whole.regressions.1.map(|first| CaptureError::Regression(first).to_string());
    assert_eq!(told, expected);
}

/// The beginning of a capture has the first of its packets. Only the last one's clock may differ: the next packet, which
/// could confirm it, is missing.
fn check_prefix(beginning: &[u8], settings: Settings, whole: &Reading) {
    let Ok(mut read) = read(beginning, settings) else { return };
    // Of a C-DNS block that is cut something can be read; in the whole it is another.
    read.packets.pop_if(|packet| packet.linktype == Record::CDNS_CUT);
    let count = read.packets.len();
    assert!(count <= whole.packets.len(), "a beginning has no more packets than the whole");
    if let Some(last) = read.packets.last_mut() {
        last.clock_ns = whole.packets[count - 1].clock_ns;
    }
    assert_eq!(read.packets, whole.packets[..count]);
}

/// Reads classic pcap plainly (draft-ietf-opsawg-pcap) and compares.
fn check_plain(capture: &[u8], told: &Reading) {
    let Some((header, mut rest)) = capture.split_first_chunk::<24>() else { return };
    let number = |bytes: &[u8]| {
        let bytes = bytes.try_into().expect("four bytes");
        if header[0] == 0xA1 { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    let unit_ns = match number(&header[..4]) {
        0xA1B2_C3D4 => 1000,
        0xA1B2_3C4D => 1,
        _ => return,
    };
    let version = [4, 6].map(|at| match header[0] {
        0xA1 => u16::from_be_bytes([header[at], header[at + 1]]),
        _ => u16::from_le_bytes([header[at], header[at + 1]]),
    });
    let mut packets = Vec::new();
    while let Some((fields, after)) = rest.split_at_checked(16) {
        let [first, second] = [8, 12].map(|at| number(&fields[at..at + 4]));
        let length = match version {
            [2, 0..=2] => second,
            [2, 3] => first.min(second),
            _ => first,
        };
        let Some((bytes, after)) = after.split_at_checked(length as usize) else { break };
        if length > CAPLEN_MAX {
            break;
        }
        let [seconds, fraction] = [0, 4].map(|at| i64::from(number(&fields[at..at + 4])));
        packets.push((seconds * 1_000_000_000 + fraction * unit_ns, number(&header[20..]) as u16, bytes));
        rest = after;
    }
    let read: Vec<_> = told.packets.iter().map(|p| (p.time_ns, p.linktype, &p.bytes[..])).collect();
    assert_eq!(read, packets);
    let left = (capture.len() - rest.len()) as u64;
    assert_eq!(told.ending.1, if rest.is_empty() { 0 } else { left }, "{:?}", told.ending);
}
