//! The program that the kernel runs on each packet that comes in: DNS goes to our sockets, everything else on its way.
//!
//! ```text
//!  Ethernet, up to two VLAN tags -> IPv4 or IPv6 with up to two extension headers -> UDP or TCP with one of the ports:
//!      note the time before the packet, and give it to the socket of its queue
//!  whatever else, and whatever cannot be told: pass it on
//! ```
//! The surprising fact: what is taken is *gone* for the kernel. So this program errs the other way round than a filter of a
//! capture does: what it does not understand (a tunnel, a third tag) it leaves alone. And where a queue has no socket (we
//! were killed, the interface got more queues) its packets pass, too: the map says so itself.
//!
//! The time is that of the kernel's monotonic clock, in the metadata that XDP lets a program put before a packet. Not all
//! drivers have room for it; the mark tells whether it is there.

mod assembler;
#[cfg(test)]
mod interpreter;
#[cfg(test)]
mod tests;

pub(super) use assembler::Instruction;

use assembler::{Assembler, Label, MAP, code};
use std::ops::RangeInclusive;

/// What goes to our sockets.
#[derive(Clone, Debug)]
pub(super) struct Takes<'a> {
    /// Ports that carry DNS, in as few ranges as there can be ([`merge`](crate::live::ports::merge)).
    pub ports: &'a [RangeInclusive<u16>],
    /// Also those fragments of UDP and TCP that do not tell their ports.
    pub fragments: bool,
}

/// What stands before a packet that was taken: the time, then [`MARK`], each 8 bytes as the machine has them.
pub(super) const METADATA_BYTES: usize = 16;
/// Tells that the time is there. Any number would do that no packet is likely to have left there.
pub(super) const MARK: u64 = 0x6470_702D_7864_7031;

const TAGS: &[u16] = &[0x8100, 0x88A8, 0x9100, 0x9200, 0x9300];
const IPV4: i32 = 0x0800;
const IPV6: i32 = 0x86DD;
/// TCP, UDP and UDP-Lite, whose ports are where those of UDP are.
const TRANSPORTS: &[i32] = &[17, 6, 136];
/// Extension headers of IPv6 that tell their length, in 8 bytes less the first (RFC 8200 section 4.3).
const EXTENSIONS: &[i32] = &[0, 43, 60];
/// Longer ones are left to the kernel: nobody puts DNS behind them.
const EXTENSION_EIGHTS: RangeInclusive<i32> = 1..=8;
const FRAGMENT_HEADER: i32 = 44;

/// Of `struct xdp_md` (linux/bpf.h).
const DATA: i16 = 0;
const DATA_END: i16 = 4;
const DATA_META: i16 = 8;
const QUEUE: i16 = 16;
/// What the program answers.
const PASS: i32 = 2;
/// Numbers of the kernel's functions.
const KTIME_GET_NS: i32 = 5;
const REDIRECT_MAP: i32 = 51;
const ADJUST_META: i32 = 54;

/// A register that has the same all the way.
const CONTEXT: u8 = 6;
/// The number of the protocol that stands at the cursor; later the time.
const NUMBER: u8 = 7;
/// Where we are in the packet, and where it ends.
const CURSOR: u8 = 2;
const END: u8 = 3;

/// The program, for a map of sockets with this descriptor.
pub(super) fn program(takes: &Takes, map: i32) -> Vec<Instruction> {
    let mut asm = Assembler::default();
    let (pass, take) = (asm.label(), asm.label());
    let mut writer = Writer { asm, takes, pass, take };
    writer.packet();
    writer.answers(map);
    writer.asm.assemble()
}

struct Writer<'a> {
    asm: Assembler,
    takes: &'a Takes<'a>,
    pass: Label,
    take: Label,
}

impl Writer<'_> {
    fn packet(&mut self) {
        let (ipv4, ipv6, transport) = (self.asm.label(), self.asm.label(), self.asm.label());
        self.asm.with_register(code::COPY, CONTEXT, 1);
        self.asm.load(code::LOAD_U32, CURSOR, CONTEXT, DATA);
        self.asm.load(code::LOAD_U32, END, CONTEXT, DATA_END);
        self.ethernet(ipv4, ipv6);
        self.asm.place(ipv4);
        self.ipv4(transport);
        self.asm.place(ipv6);
        self.ipv6();
        self.asm.place(transport);
        self.transport();
    }

    /// Passes on what has not so many bytes from the cursor on.
    fn need(&mut self, bytes: i32) {
        self.asm.with_register(code::COPY, 4, CURSOR);
        self.asm.with(code::ADD, 4, bytes);
        self.asm.go_if_register(code::IF_ABOVE_REGISTER, 4, END, self.pass);
    }

    /// The cursor goes behind the Ethernet header and the tags.
    fn ethernet(&mut self, ipv4: Label, ipv6: Label) {
        let ethertype = self.asm.label();
        self.need(14);
        self.asm.load_be16(5, CURSOR, 12);
        self.asm.with(code::ADD, CURSOR, 14);
        for _ in 0..2 {
            let tag = self.asm.label();
            for number in TAGS {
                self.asm.go_if(code::IF_EQUAL, 5, i32::from(*number), tag);
            }
            self.asm.go(ethertype);
            self.asm.place(tag);
            self.need(4);
            self.asm.load_be16(5, CURSOR, 2);
            self.asm.with(code::ADD, CURSOR, 4);
        }
        self.asm.place(ethertype);
        self.asm.go_if(code::IF_EQUAL, 5, IPV4, ipv4);
        self.asm.go_if(code::IF_EQUAL, 5, IPV6, ipv6);
        self.asm.go(self.pass);
    }

    /// The cursor goes behind the IPv4 header, however long.
    fn ipv4(&mut self, transport: Label) {
        let is_first = self.asm.label();
        self.need(20);
        self.asm.load(code::LOAD_U8, NUMBER, CURSOR, 9);
        self.asm.load_be16(5, CURSOR, 6);
        // The offset of a fragment: behind 0 there are no ports.
        self.asm.with(code::AND, 5, 0x1FFF);
        self.asm.go_if(code::IF_EQUAL, 5, 0, is_first);
        self.later_fragment();
        self.asm.place(is_first);
        self.asm.load(code::LOAD_U8, 5, CURSOR, 0);
        self.asm.with(code::AND, 5, 0x0F);
        self.go_behind(5..=15, 4, transport);
    }

    /// The cursor goes so many times `unit` bytes on, as r5 says, if that is one of these numbers, and then to the label. One by
    /// one, as only those who may see all of the kernel's memory may add a register to it.
    fn go_behind(&mut self, numbers: RangeInclusive<i32>, unit: i32, to: Label) {
        for number in numbers {
            let other = self.asm.label();
            self.asm.go_if(code::IF_NOT_EQUAL, 5, number, other);
            self.asm.with(code::ADD, CURSOR, number * unit);
            self.asm.go(to);
            self.asm.place(other);
        }
        self.asm.go(self.pass);
    }

    /// The cursor goes behind the IPv6 header and up to two more.
    fn ipv6(&mut self) {
        self.need(40);
        self.asm.load(code::LOAD_U8, NUMBER, CURSOR, 6);
        self.asm.with(code::ADD, CURSOR, 40);
        for _ in 0..2 {
            let (extension, next) = (self.asm.label(), self.asm.label());
            let fragment = self.asm.label();
            for number in EXTENSIONS {
                self.asm.go_if(code::IF_EQUAL, NUMBER, *number, extension);
            }
            self.asm.go_if(code::IF_EQUAL, NUMBER, FRAGMENT_HEADER, fragment);
            self.asm.go(next);
            self.asm.place(extension);
            self.need(8);
            self.asm.load(code::LOAD_U8, NUMBER, CURSOR, 0);
            self.asm.load(code::LOAD_U8, 5, CURSOR, 1);
            self.asm.with(code::ADD, 5, 1);
            self.go_behind(EXTENSION_EIGHTS, 8, next);
            self.asm.place(fragment);
            self.fragment_header();
            self.asm.place(next);
        }
    }

    fn fragment_header(&mut self) {
        let is_first = self.asm.label();
        self.need(8);
        self.asm.load(code::LOAD_U8, NUMBER, CURSOR, 0);
        self.asm.load_be16(5, CURSOR, 2);
        self.asm.with(code::AND, 5, 0xFFF8);
        self.asm.go_if(code::IF_EQUAL, 5, 0, is_first);
        self.later_fragment();
        self.asm.place(is_first);
        self.asm.with(code::ADD, CURSOR, 8);
    }

    /// A fragment that does not tell its ports.
    fn later_fragment(&mut self) {
        let transports = if self.takes.fragments { TRANSPORTS } else { &[] };
        for number in transports {
            self.asm.go_if(code::IF_EQUAL, NUMBER, *number, self.take);
        }
        self.asm.go(self.pass);
    }

    fn transport(&mut self) {
        let ports = self.asm.label();
        for number in TRANSPORTS {
            self.asm.go_if(code::IF_EQUAL, NUMBER, *number, ports);
        }
        self.asm.go(self.pass);
        self.asm.place(ports);
        self.need(4);
        // A response's source is looked at first, as it is longer.
        for side in [0, 2] {
            self.asm.load_be16(5, CURSOR, side);
            for range in self.takes.ports {
                let (first, last) = (i32::from(*range.start()), i32::from(*range.end()));
                if first == last {
                    self.asm.go_if(code::IF_EQUAL, 5, first, self.take);
                    continue;
                }
                let next = self.asm.label();
                self.asm.go_if(code::IF_BELOW, 5, first, next);
                self.asm.go_if(code::IF_ABOVE, 5, last, next);
                self.asm.go(self.take);
                self.asm.place(next);
            }
        }
        self.asm.go(self.pass);
    }

    fn answers(&mut self, map: i32) {
        let redirect = self.asm.label();
        self.asm.place(self.take);
        self.asm.call(KTIME_GET_NS);
        self.asm.with_register(code::COPY, NUMBER, 0);
        self.asm.with_register(code::COPY, 1, CONTEXT);
        self.asm.with(code::SET, 2, -(METADATA_BYTES as i32));
        self.asm.call(ADJUST_META);
        self.asm.go_if(code::IF_NOT_EQUAL, 0, 0, redirect);
        self.asm.load(code::LOAD_U32, 2, CONTEXT, DATA_META);
        self.asm.load(code::LOAD_U32, 3, CONTEXT, DATA);
        self.asm.with_register(code::COPY, 4, 2);
        self.asm.with(code::ADD, 4, METADATA_BYTES as i32);
        self.asm.go_if_register(code::IF_ABOVE_REGISTER, 4, 3, redirect);
        self.asm.store(code::STORE_U64, 2, 0, NUMBER);
        self.asm.set_u64(4, 0, MARK);
        self.asm.store(code::STORE_U64, 2, 8, 4);
        self.asm.place(redirect);
        self.asm.load(code::LOAD_U32, 2, CONTEXT, QUEUE);
        self.asm.set_u64(1, MAP, map as u32 as u64);
        self.asm.with(code::SET, 3, PASS);
        self.asm.call(REDIRECT_MAP);
        self.asm.exit();
        self.asm.place(self.pass);
        self.asm.with(code::SET, 0, PASS);
        self.asm.exit();
    }
}
