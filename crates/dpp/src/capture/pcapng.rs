//! pcapng (draft-ietf-opsawg-pcapng): blocks, each with its type and length.
//!
//! ```text
//!  +--------+--------------+---------- ... -----+--------------+
//!  | type 4 | total length | body, padded to 4  | total length |
//!  +--------+--------------+---------- ... -----+--------------+
//!  section header   byte-order magic 4 | ...                        a new section: other order, other interfaces
//!  interface        link type 2 | reserved 2 | snaplen 4 | options  numbered from 0 within the section
//!  enhanced packet  interface 4 | time 4+4 | captured 4 | original 4 | data
//!  simple packet    original 4 | data                               no time: it gets its predecessor's
//!  packet (old)     interface 2 | drops 2 | time 4+4 | captured 4 | original 4 | data
//! ```
//! Each interface has its own link type and unit of time. Blocks of other types are stepped over, whatever their length.

use super::{Record, Step};
use crate::limits;
use std::sync::Arc;

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Type, length, and the length again at the end.
const FRAME: usize = 12;
/// A section header block with all its fields and no options.
const SECTION_MIN: u64 = 28;
const OPTION_TSRESOL: u16 = 9;
const OPTION_TSOFFSET: u16 = 14;

/// The section being read: its byte order and interfaces. Cloned when a timestamp needs a look ahead, so the interfaces
/// are shared until one more is described.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    big_endian: bool,
    interfaces: Arc<Vec<Interface>>,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    linktype: u16,
    snaplen: u32,
    unit: Unit,
    offset_seconds: i64,
}

/// The unit of an interface's timestamps, as the way to nanoseconds.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Multiply(u64),
    Divide(u64),
    /// 2^-n seconds.
    Binary(u32),
}

impl Reader {
    pub(super) fn new() -> Self {
        Reader { big_endian: false, interfaces: Arc::default() }
    }

    /// Whether a capture with these first bytes is pcapng.
    pub(super) fn begins(bytes: &[u8]) -> bool {
        bytes.starts_with(&SECTION.to_be_bytes())
    }

    #[inline]
    pub(super) fn step(&mut self, bytes: &[u8], last_ns: i64) -> Step {
        let Some(head) = bytes.first_chunk::<FRAME>() else { return Step::More };
        let kind = self.u32(head, 0);
        if kind == SECTION {
            return self.section(head);
        }
        let Some(length) = self.block_length(head, FRAME as u64) else {
            return Step::Damaged("a block shorter than its own frame");
        };
        if !matches!(kind, INTERFACE | OLD_PACKET | SIMPLE_PACKET | ENHANCED_PACKET) {
            return Step::Other { length };
        }
        if length > u64::from(limits::BLOCK_MAX) {
            return Step::Damaged("a packet or interface block longer than any capture tool writes");
        }
        let length = length as usize;
        let Some(block) = bytes.get(..length) else { return Step::More };
        match kind {
            INTERFACE => self.interface(block),
            ENHANCED_PACKET => self.enhanced_packet(block),
            SIMPLE_PACKET => self.simple_packet(block, last_ns),
            _ => self.old_packet(block),
        }
    }

    /// A new section. Its length can be read once its byte order is known.
    #[cold]
    fn section(&mut self, head: &[u8; FRAME]) -> Step {
        self.big_endian = match head[8..12] {
            [0x1A, 0x2B, 0x3C, 0x4D] => true,
            [0x4D, 0x3C, 0x2B, 0x1A] => false,
            _ => return Step::Damaged("a section header without a byte-order magic"),
        };
        let Some(length) = self.block_length(head, SECTION_MIN) else {
            return Step::Damaged("a section header shorter than its fields");
        };
        self.interfaces = Arc::default();
        Step::Other { length }
    }

    /// The total length that the block at the start of `bytes` states. Padding that it does not count may be missing at the
    /// end of a file.
    pub(super) fn unpadded(&self, bytes: &[u8]) -> Option<u64> {
        bytes.first_chunk::<FRAME>().map(|head| u64::from(self.u32(head, 4)))
    }

    /// The total length of a block, if it is no less than `least`. Some writers forget to pad it; in 64 bits even the
    /// greatest can be.
    #[inline]
    fn block_length(&self, head: &[u8; FRAME], least: u64) -> Option<u64> {
        let stated = u64::from(self.u32(head, 4));
        (stated >= least).then(|| stated.next_multiple_of(4))
    }

    #[cold]
    fn interface(&mut self, block: &[u8]) -> Step {
        if block.len() < FRAME + 8 {
            return Step::Damaged("an interface block shorter than its fields");
        }
        if self.interfaces.len() >= limits::INTERFACES_MAX {
            return Step::Damaged("more interfaces than any host has");
        }
        let (linktype, snaplen) = (self.u16(block, 8), self.u32(block, 12));
        let mut interface = Interface { linktype, snaplen, ..Interface::UNKNOWN };
        for (code, value) in self.options(&block[16..block.len() - 4]) {
            match (code, value) {
                (OPTION_TSRESOL, [resolution, ..]) => interface.unit = Unit::of(*resolution),
                (OPTION_TSOFFSET, [_, _, _, _, _, _, _, _, ..]) => {
                    interface.offset_seconds = self.i64(value);
                }
                _ => {}
            }
        }
        Arc::make_mut(&mut self.interfaces).push(interface);
        Step::Other { length: block.len() as u64 }
    }

    /// The options of a block (code, value), until the end mark or the first that does not fit.
    fn options<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let big_endian = self.big_endian;
        let mut rest = bytes;
        std::iter::from_fn(move || {
            let (head, after) = rest.split_at_checked(4)?;
            let [code, length] = [0, 2].map(|at| {
                let bytes = [head[at], head[at + 1]];
                if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
            });
            let value = after.get(..usize::from(length))?;
            rest = after.get(usize::from(length).next_multiple_of(4)..).unwrap_or(&[]);
            (code != 0).then_some((code, value))
        })
    }

    #[inline]
    fn enhanced_packet(&self, block: &[u8]) -> Step {
        const DATA: usize = 28;
        if block.len() < DATA + 4 {
            return Step::Damaged("a packet block shorter than its fields");
        }
        self.packet(block, DATA, self.u32(block, 8), self.ticks(block), self.u32(block, 20))
    }

    #[cold]
    fn old_packet(&self, block: &[u8]) -> Step {
        const DATA: usize = 28;
        if block.len() < DATA + 4 {
            return Step::Damaged("a packet block shorter than its fields");
        }
        self.packet(block, DATA, u32::from(self.u16(block, 8)), self.ticks(block), self.u32(block, 20))
    }

    /// The timestamp that enhanced and old packet blocks have at the same place.
    #[inline]
    fn ticks(&self, block: &[u8]) -> u64 {
        u64::from(self.u32(block, 12)) << 32 | u64::from(self.u32(block, 16))
    }

    /// A packet whose data starts at `data`. Its stated length is believed as far as the block goes.
    #[inline]
    fn packet(&self, block: &[u8], data: usize, interface: u32, ticks: u64, caplen: u32) -> Step {
        let caplen = (caplen as usize).min(block.len() - 4 - data);
        let (linktype, time_ns) = match self.interfaces.get(interface as usize) {
            Some(interface) => (interface.linktype, interface.time_ns(ticks)),
            None => (Record::NO_LINKTYPE, Interface::UNKNOWN.time_ns(ticks)),
        };
        Step::Packet { start: data, caplen, time_ns, linktype, length: block.len() }
    }

    /// A packet of interface 0, cut at its snaplen.
    #[cold]
    fn simple_packet(&self, block: &[u8], last_ns: i64) -> Step {
        const DATA: usize = 12;
        if block.len() < DATA + 4 {
            return Step::Damaged("a packet block shorter than its fields");
        }
        let (linktype, snaplen) = match self.interfaces.first() {
            Some(Interface { linktype, snaplen: 0, .. }) => (*linktype, u32::MAX),
            Some(Interface { linktype, snaplen, .. }) => (*linktype, *snaplen),
            None => (Record::NO_LINKTYPE, u32::MAX),
        };
        let caplen = (self.u32(block, 8).min(snaplen) as usize).min(block.len() - 4 - DATA);
        Step::Packet { start: DATA, caplen, time_ns: last_ns, linktype, length: block.len() }
    }

    #[inline(always)]
    fn u32(&self, bytes: &[u8], at: usize) -> u32 {
        let bytes = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    #[inline]
    fn u16(&self, bytes: &[u8], at: usize) -> u16 {
        let bytes = [bytes[at], bytes[at + 1]];
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    fn i64(&self, bytes: &[u8]) -> i64 {
        let bytes = *bytes.first_chunk::<8>().expect("the caller has seen eight bytes");
        if self.big_endian { i64::from_be_bytes(bytes) } else { i64::from_le_bytes(bytes) }
    }
}

impl Unit {
    /// The unit that an `if_tsresol` octet tells: a power of ten, or of two if its high bit is set.
    fn of(resolution: u8) -> Unit {
        let exponent = u32::from(resolution & 0x7F);
        match resolution {
            0x80.. => Unit::Binary(exponent),
            0..=9 => Unit::Multiply(10u64.pow(9 - exponent)),
            // Finer units than 10^-28 s would be zero in 64 bits anyway.
            _ => Unit::Divide(10u64.pow((exponent - 9).min(19))),
        }
    }

    /// Nanoseconds, rounded down.
    #[inline]
    fn ns(self, ticks: u64) -> i128 {
        match self {
            Unit::Multiply(factor) => i128::from(ticks) * i128::from(factor),
            Unit::Divide(divisor) => i128::from(ticks / divisor),
            Unit::Binary(exponent) => (i128::from(ticks) * 1_000_000_000) >> exponent,
        }
    }
}

impl Interface {
    /// What holds unless the capture says otherwise: microseconds, no limit.
    const UNKNOWN: Interface = Interface {
        linktype: Record::NO_LINKTYPE,
        snaplen: 0,
        unit: Unit::Multiply(1000),
        offset_seconds: 0,
    };

    /// The time in ns since 1970. What 64 bits cannot hold (before 1677, after 2262) is the nearest that they can.
    #[inline]
    fn time_ns(&self, ticks: u64) -> i64 {
        let ns = self.unit.ns(ticks) + i128::from(self.offset_seconds) * 1_000_000_000;
        i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_the_greatest_length_is_longer_than_that_when_padded() {
        let section = [&SECTION.to_be_bytes()[..], &[0xFF; 4], &[0x1A, 0x2B, 0x3C, 0x4D]].concat();
        let unknown = [&[0, 0, 0, 99][..], &[0xFF; 8]].concat();
        for bytes in [section, unknown] {
            let mut reader = Reader { big_endian: true, interfaces: Arc::default() };
            assert!(matches!(reader.step(&bytes, 0), Step::Other { length: 0x1_0000_0000 }));
        }
    }

    #[test]
    fn timestamps_have_the_unit_and_offset_of_their_interface() {
        let time = |resolution: u8, offset_seconds: i64, ticks: u64| {
            Interface { unit: Unit::of(resolution), offset_seconds, ..Interface::UNKNOWN }.time_ns(ticks)
        };
        assert_eq!(time(6, 0, 1_700_000_000_123_456), 1_700_000_000_123_456_000);
        assert_eq!(time(9, 0, 1_700_000_000_123_456_789), 1_700_000_000_123_456_789);
        assert_eq!(time(3, 5, 1_700_000_000_123), 1_700_000_005_123_000_000);
        assert_eq!(time(12, 0, 1_999), 1);
        assert_eq!(time(0x80 | 10, 0, 1024 + 512), 1_500_000_000);
        assert_eq!(time(0xFF, 0, u64::MAX), 0);
        assert_eq!(time(0, 0, u64::MAX), i64::MAX);
        assert_eq!(time(0, i64::MIN, 1), i64::MIN);
        // Far beyond what 64 bits hold, and back by the offset.
        assert_eq!(time(0, -10_000_000_000, 11_700_000_000), 1_700_000_000_000_000_000);
    }
}
