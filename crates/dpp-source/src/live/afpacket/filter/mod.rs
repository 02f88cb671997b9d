//! The filter that the kernel runs on each packet, so that what is no DNS is not even copied.
//!
//! It is made from the ports, as classic BPF:
//! ```text
//!  link layer: where the network layer begins (X), behind up to two VLAN tags  -> IPv4, IPv6, or dropped
//!  network layer: fragments and extension headers are let through              -> X is the transport layer, A its number
//!  transport layer: UDP or TCP with one of the ports on either side            -> let through
//! ```
//! The surprising fact: it may let through too much, and never too little. What cannot be told in a few instructions (an
//! extension header, a third VLAN tag, what is in a tunnel) passes, and the engine looks closely. What leads on to something is
//! not listed here a second time: the engine is asked ([`Leads`]).

mod assembler;

pub(super) use assembler::Instruction;

use crate::live::ports::merge;
use assembler::{Assembler, Label, code};
use dpp::limits;
use dpp::packet::{self, Packet, Skip, Walk};
use std::ops::RangeInclusive;

/// What the kernel hands us packets from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// The Ethernet header.
    Ethernet,
    /// The IP header.
    RawIp,
}

impl Link {
    /// Its number in captures.
    pub(super) fn linktype(self) -> u16 {
        match self {
            Link::Ethernet => 1,
            Link::RawIp => 101,
        }
    }
}

/// What is let through.
#[derive(Clone, Debug)]
pub(super) struct Passes<'a> {
    /// Ports that carry DNS.
    pub ports: &'a [RangeInclusive<u16>],
    /// Also fragments of UDP and TCP.
    pub fragments: bool,
    /// Also whatever may have such packets inside.
    pub tunnels: bool,
    /// Only what comes in: an interface that sends to itself shows each packet on its way out, too.
    pub incoming_only: bool,
    /// So many bytes of a packet.
    pub snaplen: u32,
}

/// Nothing is let through.
pub(super) const NOTHING: &[Instruction] = &[Instruction { code: code::RETURN, then: 0, otherwise: 0, k: 0 }];

const TAGS: &[u16] = &[0x8100, 0x88A8, 0x9100, 0x9200, 0x9300];
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86DD;
/// Ethertypes below this are lengths.
const TYPE_MIN: u16 = 0x0600;
const TCP: u8 = 6;
const UDP: u8 = 17;
const UDP_LITE: u8 = 136;
const FRAGMENT_HEADER: u8 = 44;
/// The authentication header, which stands behind IPv4, too.
const AUTHENTICATION: u8 = 51;
/// Next headers of IPv6 that only point on.
const EXTENSIONS: &[u8] = &[0, 43, AUTHENTICATION, 60, 135, 139, 140];

/// Where the kernel tells what kind of packet it is, instead of what is in it (SKF_AD_OFF + SKF_AD_PKTTYPE).
const PACKET_TYPE: u32 = (-0x1000_i32 + 4) as u32;
/// A packet on its way out (linux/if_packet.h).
const PACKET_OUTGOING: u32 = 4;

/// The memory word in which the number of the transport layer waits.
const TRANSPORT: u32 = 0;

/// The program for packets that begin with `link`.
pub(super) fn program(link: Link, passes: &Passes) -> Vec<Instruction> {
    let mut asm = Assembler::default();
    let (accept, drop) = (asm.label(), asm.label());
    let leads = if passes.tunnels { Leads::ask() } else { Leads::default() };
    let mut writer = Writer { asm, passes, leads, accept, drop };
    writer.packet(link);
    writer.asm.assemble()
}

struct Writer<'a> {
    asm: Assembler,
    passes: &'a Passes<'a>,
    leads: Leads,
    accept: Label,
    drop: Label,
}

impl Writer<'_> {
    fn packet(&mut self, link: Link) {
        let (ipv4, ipv6, transport) = (self.asm.label(), self.asm.label(), self.asm.label());
        if self.passes.incoming_only {
            self.asm.plain(code::LOAD_WORD, PACKET_TYPE);
            self.asm.go_if(code::IF_EQUAL, PACKET_OUTGOING, self.drop);
        }
        match link {
            Link::Ethernet => self.ethernet(ipv4, ipv6),
            Link::RawIp => self.raw_ip(ipv4, ipv6),
        }
        self.asm.place(ipv4);
        self.ipv4(transport);
        self.asm.place(ipv6);
        self.ipv6(transport);
        self.asm.place(transport);
        self.transport();
        self.asm.place(self.accept);
        self.asm.plain(code::RETURN, self.passes.snaplen);
        self.asm.place(self.drop);
        self.asm.plain(code::RETURN, 0);
    }

    /// X becomes the end of the Ethernet header and of up to two tags. A tag that the kernel took out is not there any more.
    fn ethernet(&mut self, ipv4: Label, ipv6: Label) {
        let ethertype = self.asm.label();
        for end in [14, 18, 22] {
            self.asm.plain(code::SET_X, end);
            self.asm.plain(code::LOAD_HALF, end - 2);
            let tag = if end == 22 { self.accept } else { self.asm.label() };
            for number in TAGS {
                self.asm.go_if(code::IF_EQUAL, u32::from(*number), tag);
            }
            self.asm.go(ethertype);
            if end < 22 {
                self.asm.place(tag);
            }
        }
        self.asm.place(ethertype);
        self.asm.go_if(code::IF_EQUAL, u32::from(IPV4), ipv4);
        self.asm.go_if(code::IF_EQUAL, u32::from(IPV6), ipv6);
        for number in std::mem::take(&mut self.leads.ethertypes) {
            self.asm.go_if(code::IF_EQUAL, u32::from(number), self.accept);
        }
        match self.passes.tunnels {
            true => self.asm.branch(code::IF_AT_LEAST, u32::from(TYPE_MIN), self.drop, self.accept),
            false => self.asm.go(self.drop),
        }
    }

    fn raw_ip(&mut self, ipv4: Label, ipv6: Label) {
        self.asm.plain(code::SET_X, 0);
        self.asm.plain(code::LOAD_BYTE_AT_X, 0);
        self.asm.plain(code::AND, 0xF0);
        self.asm.go_if(code::IF_EQUAL, 0x40, ipv4);
        self.asm.branch(code::IF_EQUAL, 0x60, ipv6, self.drop);
    }

    /// X becomes the end of the IPv4 header at X, and A the protocol.
    fn ipv4(&mut self, transport: Label) {
        let whole = self.asm.label();
        self.asm.plain(code::LOAD_HALF_AT_X, 6);
        // More fragments, or an offset.
        self.asm.go_unless(code::IF_ANY_BIT, 0x3FFF, whole);
        match self.passes.fragments {
            true => self.fragment_of(9),
            false => self.asm.go(self.drop),
        }
        self.asm.place(whole);
        self.asm.plain(code::LOAD_BYTE_AT_X, 9);
        self.asm.plain(code::STORE_MEMORY, TRANSPORT);
        self.asm.plain(code::LOAD_BYTE_AT_X, 0);
        self.asm.plain(code::AND, 0x0F);
        self.asm.plain(code::SHIFT_LEFT, 2);
        self.asm.plain(code::ADD_X, 0);
        self.asm.plain(code::A_TO_X, 0);
        self.asm.plain(code::LOAD_MEMORY, TRANSPORT);
        self.asm.go(transport);
    }

    /// The packet is a fragment; what it is of is told by the byte at X + `at`.
    fn fragment_of(&mut self, at: u32) {
        self.asm.plain(code::LOAD_BYTE_AT_X, at);
        for protocol in [UDP, TCP, UDP_LITE, AUTHENTICATION] {
            self.asm.go_if(code::IF_EQUAL, u32::from(protocol), self.accept);
        }
        for protocol in self.leads.protocols.clone() {
            self.asm.go_if(code::IF_EQUAL, u32::from(protocol), self.accept);
        }
        self.asm.go(self.drop);
    }

    /// X becomes the end of the IPv6 header at X, and A the next header.
    fn ipv6(&mut self, transport: Label) {
        let fragment = self.asm.label();
        self.asm.plain(code::LOAD_BYTE_AT_X, 6);
        self.asm.go_if(code::IF_EQUAL, u32::from(FRAGMENT_HEADER), fragment);
        for extension in EXTENSIONS {
            self.asm.go_if(code::IF_EQUAL, u32::from(*extension), self.accept);
        }
        self.asm.plain(code::STORE_MEMORY, TRANSPORT);
        self.asm.plain(code::X_TO_A, 0);
        self.asm.plain(code::ADD, 40);
        self.asm.plain(code::A_TO_X, 0);
        self.asm.plain(code::LOAD_MEMORY, TRANSPORT);
        self.asm.go(transport);
        // A whole datagram may have a fragment header, too (RFC 6946): offset 0, and no more to follow.
        self.asm.place(fragment);
        match self.passes.fragments {
            true => self.asm.go(self.accept),
            false => {
                self.asm.plain(code::LOAD_HALF_AT_X, 42);
                self.asm.branch(code::IF_ANY_BIT, 0xFFF9, self.drop, self.accept);
            }
        }
    }

    /// A is the number of the transport layer, which begins at X.
    fn transport(&mut self) {
        let (udp, tcp) = (self.asm.label(), self.asm.label());
        self.asm.go_if(code::IF_EQUAL, u32::from(UDP), udp);
        self.asm.go_if(code::IF_EQUAL, u32::from(TCP), tcp);
        self.asm.go_if(code::IF_EQUAL, u32::from(UDP_LITE), udp);
        self.asm.go_if(code::IF_EQUAL, u32::from(AUTHENTICATION), self.accept);
        for protocol in std::mem::take(&mut self.leads.protocols) {
            self.asm.go_if(code::IF_EQUAL, u32::from(protocol), self.accept);
        }
        self.asm.go(self.drop);
        self.asm.place(udp);
        let tunnels: Vec<_> = self.leads.ports.iter().map(|port| *port..=*port).collect();
        if !tunnels.is_empty() {
            self.ports(&tunnels);
        }
        self.asm.place(tcp);
        self.ports(&few(self.passes.ports));
        self.asm.go(self.drop);
    }

    /// Lets pass what has one of these ports on either side.
    fn ports(&mut self, ranges: &[RangeInclusive<u16>]) {
        for side in [2, 0] {
            self.asm.plain(code::LOAD_HALF_AT_X, side);
            for range in ranges {
                let (first, last) = (u32::from(*range.start()), u32::from(*range.end()));
                if first == last {
                    self.asm.go_if(code::IF_EQUAL, first, self.accept);
                    continue;
                }
                let next = self.asm.label();
                self.asm.go_unless(code::IF_AT_LEAST, first, next);
                self.asm.branch(code::IF_GREATER, last, next, self.accept);
                self.asm.place(next);
            }
        }
    }
}

/// The same ports in as few ranges as there can be; all ports where even those are too many to be asked for one by one.
fn few(ranges: &[RangeInclusive<u16>]) -> Vec<RangeInclusive<u16>> {
    let merged = merge(ranges);
    if merged.len() > limits::KERNEL_FILTER_RANGES_MAX { vec![0..=u16::MAX] } else { merged }
}

/// Numbers behind which the engine may find a packet, besides IP, VLAN tags, UDP and TCP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Leads {
    pub ethertypes: Vec<u16>,
    pub protocols: Vec<u8>,
    /// UDP ports of tunnels.
    pub ports: Vec<u16>,
}

impl Leads {
    /// Asks the engine about each number there is, with a packet that ends behind it: it is told either that nothing more is
    /// known, or that there is too little.
    pub(super) fn ask() -> Leads {
        let plain_types = |number: &u16| [IPV4, IPV6].contains(number) || TAGS.contains(number);
        let plain_protocols = |number: &u8| {
            [UDP, TCP, UDP_LITE, FRAGMENT_HEADER].contains(number) || EXTENSIONS.contains(number)
        };
        let ethertypes = TYPE_MIN..=u16::MAX;
        Leads {
            ethertypes: ethertypes
                .filter(|number| !plain_types(number) && ethertype_leads(*number))
                .collect(),
            protocols: (0..=u8::MAX)
                .filter(|number| !plain_protocols(number) && protocol_leads(*number))
                .collect(),
            ports: (0..=u16::MAX).filter(|port| is_tunnel(*port)).collect(),
        }
    }
}

fn ethertype_leads(number: u16) -> bool {
    let mut frame = [0; 14];
    frame[12..].copy_from_slice(&number.to_be_bytes());
    leads(Link::Ethernet, &frame)
}

fn protocol_leads(number: u8) -> bool {
    let mut v4 = [0; 20];
    (v4[0], v4[3], v4[9]) = (0x45, 20, number);
    let mut v6 = [0; 40];
    (v6[0], v6[6]) = (0x60, number);
    leads(Link::RawIp, &v4) || leads(Link::RawIp, &v6)
}

fn leads(link: Link, bytes: &[u8]) -> bool {
    use Skip::{Arp, Encrypted, Ethertype, Icmp, IpProtocol, LinkControl};
    let ends = [Ethertype, Arp, LinkControl, Encrypted, Icmp, IpProtocol];
    packet::decode(link.linktype(), bytes).map_or_else(|skip| !ends.contains(&skip), |_| true)
}

fn is_tunnel(port: u16) -> bool {
    let mut bytes = [0; 28];
    (bytes[0], bytes[3], bytes[9], bytes[25]) = (0x45, 28, UDP, 8);
    bytes[22..24].copy_from_slice(&port.to_be_bytes());
    let Ok(mut walk) = Walk::new(Link::RawIp.linktype(), &bytes) else { return false };
    match walk.packet() {
        Ok(Packet::Datagram(datagram)) => walk.enter(&datagram).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
