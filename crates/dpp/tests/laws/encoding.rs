//! Captures: described packets written as classic pcap or as pcapng, in all the ways that must read the same.
//!
//! A pcapng is made as awkward as the format allows: sections of changing byte order, interfaces with other units and
//! offsets of time, all three kinds of packet block, and blocks that nobody knows. Which packet is written how follows
//! from `variety` alone. Called by the laws and the cases.

use crate::packet::{EPOCH_NS, Packet, SECOND};
use std::ops::Range;

/// A way to write a capture.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Encoding {
    /// Classic pcap, with timestamps in units of so many ns.
    Classic {
        big_endian: bool,
        unit_ns: i64,
    },
    Pcapng {
        variety: u64,
    },
}

/// Exact for every time of a description, and the simplest.
pub(crate) const PLAIN: Encoding = Encoding::Classic { big_endian: false, unit_ns: 1 };

/// A capture in bytes.
pub(crate) struct Capture {
    pub(crate) bytes: Vec<u8>,
    /// Where the file header and each record or block ends, and how many packets lie before that.
    pub(crate) ends: Vec<(usize, usize)>,
}

impl Capture {
    pub(crate) fn of(packets: &[Packet], encoding: Encoding) -> Capture {
        Capture::behind(packets, 0..packets.len(), encoding)
    }

    /// The packets of a range, in a file that follows one with those before it.
    pub(crate) fn behind(packets: &[Packet], range: Range<usize>, encoding: Encoding) -> Capture {
        let previous_ns = range.start.checked_sub(1).map(|at| packets[at].time_ns);
        match encoding {
            Encoding::Classic { big_endian, unit_ns } => classic(&packets[range], big_endian, unit_ns),
            Encoding::Pcapng { variety } => pcapng(&packets[range], variety, previous_ns),
        }
    }

    /// The last end that is not beyond `offset`.
    pub(crate) fn end_before(&self, offset: usize) -> (usize, usize) {
        self.ends[self.ends.partition_point(|end| end.0 <= offset) - 1]
    }
}

/// Numbers in one of the two byte orders.
struct Bytes {
    big_endian: bool,
    bytes: Vec<u8>,
}

impl Bytes {
    fn new(big_endian: bool) -> Bytes {
        Bytes { big_endian, bytes: Vec::new() }
    }

    fn u16(mut self, number: u16) -> Bytes {
        self.bytes.extend(if self.big_endian { number.to_be_bytes() } else { number.to_le_bytes() });
        self
    }

    fn u32(mut self, number: u32) -> Bytes {
        self.bytes.extend(if self.big_endian { number.to_be_bytes() } else { number.to_le_bytes() });
        self
    }

    fn u64(mut self, number: u64) -> Bytes {
        self.bytes.extend(if self.big_endian { number.to_be_bytes() } else { number.to_le_bytes() });
        self
    }

    /// Bytes, filled up to a multiple of four.
    fn padded(mut self, bytes: &[u8]) -> Bytes {
        self.bytes.extend(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }
}

fn classic(packets: &[Packet], big_endian: bool, unit_ns: i64) -> Capture {
    let magic = if unit_ns == 1 { 0xA1B2_3C4D } else { 0xA1B2_C3D4 };
    let mut bytes = Bytes::new(big_endian).u32(magic).u16(2).u16(4).u32(0).u32(0).u32(65535).u32(1).bytes;
    let mut ends = vec![(bytes.len(), 0)];
    for (at, packet) in packets.iter().enumerate() {
        let frame = packet.frame();
        let (seconds, ns) = (packet.time_ns.div_euclid(SECOND), packet.time_ns.rem_euclid(SECOND));
        let header = Bytes::new(big_endian).u32(seconds as u32).u32((ns / unit_ns) as u32);
        bytes.extend(header.u32(frame.len() as u32).u32(frame.len() as u32).bytes);
        bytes.extend(frame);
        ends.push((bytes.len(), at + 1));
    }
    Capture { bytes, ends }
}

/// An interface's `if_tsresol` and `if_tsoffset`.
type Interface = (Option<u8>, Option<i64>);

/// The first can tell every time since 1970; the others only some.
const INTERFACES: [Interface; 7] = [
    (Some(9), None),
    (None, None),
    (Some(9), Some(1_500_000_000)),
    (Some(12), Some(EPOCH_NS / SECOND - 1000)),
    (Some(0x80 | 9), None),
    (Some(3), Some(-100_000)),
    (Some(9), Some(FIRST_NS / SECOND)),
];

/// The first whole second that fits in 64 bits of nanoseconds.
pub(crate) const FIRST_NS: i64 = i64::MIN / SECOND * SECOND;

/// The time in the interface's units; `None` if it cannot be told exactly.
fn ticks((resolution, offset): Interface, time_ns: i64) -> Option<u64> {
    let ns = i128::from(time_ns) - i128::from(offset.unwrap_or(0)) * i128::from(SECOND);
    let per_second: i128 = match resolution.unwrap_or(6) {
        binary @ 0x80.. => 1 << (binary & 0x7F),
        decimal => 10_i128.pow(decimal.into()),
    };
    let exact = ns * per_second % i128::from(SECOND) == 0 && ns <= i64::MAX.into();
    exact.then_some(ns * per_second / i128::from(SECOND)).and_then(|ticks| ticks.try_into().ok())
}

struct Writer {
    capture: Capture,
    big_endian: bool,
    packets: usize,
    dice: u64,
}

fn pcapng(packets: &[Packet], variety: u64, mut previous_ns: Option<i64>) -> Capture {
    let capture = Capture { bytes: Vec::new(), ends: vec![(0, 0)] };
    let mut writer = Writer { capture, big_endian: variety % 2 == 1, packets: 0, dice: variety };
    writer.section();
    for packet in packets {
        if writer.roll(8) == 0 {
            writer.big_endian ^= writer.roll(2) == 0;
            writer.section();
        }
        if writer.roll(4) == 0 {
            writer.unknown();
        }
        writer.packet(packet, previous_ns);
        previous_ns = Some(packet.time_ns);
    }
    if writer.roll(2) == 0 {
        writer.unknown();
    }
    writer.capture
}

impl Writer {
    /// A number below `sides`: the next of a linear congruential sequence (Knuth's MMIX).
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % sides
    }

    fn bytes(&self) -> Bytes {
        Bytes::new(self.big_endian)
    }

    fn block(&mut self, kind: u32, body: Bytes) {
        let length = 12 + body.bytes.len() as u32;
        let head = self.bytes().u32(kind).u32(length).bytes;
        let block = [head, body.bytes, self.bytes().u32(length).bytes].concat();
        self.capture.bytes.extend(block);
        self.capture.ends.push((self.capture.bytes.len(), self.packets));
    }

    /// A section header and all interfaces.
    fn section(&mut self) {
        let body = self.bytes().u32(0x1A2B_3C4D).u16(1).u16(0).u64(u64::MAX);
        self.block(0x0A0D_0D0A, body);
        for (resolution, offset) in INTERFACES {
            let mut body = self.bytes().u16(1).u16(0).u32(0).u16(2).u16(3).padded(b"lan");
            if let Some(resolution) = resolution {
                body = body.u16(9).u16(1).padded(&[resolution]);
            }
            if let Some(offset) = offset {
                body = body.u16(14).u16(8).u64(offset as u64);
            }
            self.block(1, body.u16(0).u16(0));
        }
    }

    /// A block without a packet: name resolution, statistics, or of nobody's type; sometimes a long one.
    fn unknown(&mut self) {
        let kind = [4, 5, 0x0BAD][self.roll(3) as usize];
        let size = [0, 0, 4, 4, 40, 40, 300, 5000][self.roll(8) as usize];
        let body = self.bytes().padded(&vec![0xA5; size]);
        self.block(kind, body);
    }

    fn packet(&mut self, packet: &Packet, previous_ns: Option<i64>) {
        self.packets += 1;
        let (frame, way) = (packet.frame(), self.roll(4));
        let length = frame.len() as u32;
        if previous_ns == Some(packet.time_ns) && way < 2 {
            // A simple packet block has no time; it is read with its predecessor's.
            return self.block(3, self.bytes().u32(length).padded(&frame));
        }
        let wanted = self.roll(INTERFACES.len() as u64) as usize;
        let (interface, ticks) = std::iter::once(wanted)
            .chain(0..INTERFACES.len())
            .find_map(|at| Some((at, ticks(INTERFACES[at], packet.time_ns)?)))
            .expect("an interface can tell the time");
        let head = match way {
            0 => self.bytes().u16(interface as u16).u16(7),
            _ => self.bytes().u32(interface as u32),
        };
        let head = head.u32((ticks >> 32) as u32).u32(ticks as u32).u32(length).u32(length);
        let body = head.padded(&frame);
        match way {
            0 => self.block(2, body),
            1 => self.block(6, body.u16(1).u16(3).padded(b"why").u16(0).u16(0)),
            _ => self.block(6, body),
        }
    }
}
