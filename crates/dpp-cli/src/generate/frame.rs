//! Packets as they lie in a classic pcap file: record header, envelope, IPv4 or IPv6, UDP or TCP.
//!
//! The surprising fact: every checksum is added up in full, four bytes at a time. Packets of a hundred bytes
//! are too small for anything cleverer to be worth its lines. Called by `traffic`.
//!
//! ```text
//!   record header   seconds | microseconds | captured length | length on the wire     4 x 4, little endian
//!   envelope        Ethernet unless the profile says otherwise
//!   IPv4 (RFC 791, 3.1) 20 bytes, or IPv6 (RFC 8200, 3) 40 bytes, with a fragment header (4.5) 48
//!   UDP (RFC 768) 8 bytes, or TCP (RFC 9293, 3.1) 20 bytes
//! ```

use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::envelope::{Envelope, Family};
use super::hosts::Pair;
use super::profile::Profile;
use super::transaction::Side;

/// One direction between two sockets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    /// Who sends.
    pub(super) side: Side,
    pub(super) pair: Pair,
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    /// TTL or hop limit as captured.
    pub(super) hops: u8,
    /// The IP identification; only fragments need it, but senders often set it.
    pub(super) identification: u16,
}

/// What a TCP header says beyond the ports.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) sequence: u32,
    pub(super) acknowledged: u32,
    pub(super) flags: u8,
}

/// Writes a capture: classic pcap, microseconds, little endian.
#[derive(Debug)]
pub(super) struct CaptureWriter<W> {
    out: W,
    buffer: Vec<u8>,
    /// By family and side.
    envelopes: [[Envelope; 2]; 2],
    mtu: usize,
    packets: u64,
    flushed_bytes: u64,
}

/// What is gathered before it is handed to the writer below.
const BUFFER_BYTES: usize = 1 << 20;
const RECORD_HEADER_BYTES: usize = 16;
const FRAGMENT_HEADER_BYTES: usize = 8;
const SNAPLEN: u32 = 262_144;

pub(super) const CLIENT_SIDE: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
pub(super) const RESOLVER_SIDE: [u8; 6] = [0x02, 0, 0, 0, 0, 0x53];

const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;
const NEXT_HEADER_FRAGMENT: u8 = 44;

impl<W: Write> CaptureWriter<W> {
    /// Begins a capture with its file header.
    pub(super) fn new(profile: &Profile, out: W) -> Self {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES + (1 << 16));
        buffer.extend_from_slice(&0xa1b2_c3d4u32.to_le_bytes());
        buffer.extend_from_slice(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        buffer.extend_from_slice(&SNAPLEN.to_le_bytes());
        buffer.extend_from_slice(&(profile.link_type as u32).to_le_bytes());
        let mut writer = CaptureWriter {
            out,
            buffer,
            envelopes: Default::default(),
            mtu: profile.mtu as usize,
            packets: 0,
            flushed_bytes: 0,
        };
        for family in profile.families() {
            for side in [Side::Client, Side::Resolver] {
                let envelope = Envelope::new(profile.wrapping(), family, side);
                writer.envelopes[family as usize][side as usize] = envelope.expect("the profile was checked");
            }
        }
        writer
    }

    /// How many packets have been recorded.
    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// Records a UDP datagram in one packet.
    pub(super) fn udp(&mut self, stamp_ns: u64, flow: &Flow, message: &[u8]) -> io::Result<()> {
        let header = udp_header(flow, message);
        let whole = Place::Whole;
        let carried = Carried { protocol: PROTOCOL_UDP, place: whole, header: &header, payload: message };
        self.packet(stamp_ns, flow, &carried)
    }

    /// Whether a UDP datagram with this message is too large for one packet.
    pub(super) fn needs_fragments(&self, pair: Pair, message: &[u8]) -> bool {
        8 + message.len() + ip_header_bytes(pair) > self.mtu
    }

    /// The datagram and how much of it goes into each fragment but the last: a multiple of eight.
    pub(super) fn datagram(&self, flow: &Flow, message: &[u8]) -> (Vec<u8>, usize) {
        let room = match flow.pair {
            Pair::V4(..) => self.mtu - 20,
            Pair::V6(..) => self.mtu - 40 - FRAGMENT_HEADER_BYTES,
        };
        ([&udp_header(flow, message)[..], message].concat(), room & !7)
    }

    /// Records the fragment of a datagram that begins at this offset.
    pub(super) fn fragment(
        &mut self,
        stamp_ns: u64,
        flow: &Flow,
        (datagram, room): (&[u8], usize),
        offset: usize,
    ) -> io::Result<()> {
        let end = (offset + room).min(datagram.len());
        let place = Place::Fragment { offset: offset as u16, last: end == datagram.len() };
        let carried = Carried { protocol: PROTOCOL_UDP, place, header: &[], payload: &datagram[offset..end] };
        self.packet(stamp_ns, flow, &carried)
    }

    /// Records a TCP segment.
    pub(super) fn tcp(
        &mut self,
        stamp_ns: u64,
        flow: &Flow,
        segment: &Segment,
        payload: &[u8],
    ) -> io::Result<()> {
        let header = tcp_header(flow, segment, payload);
        let carried = Carried { protocol: PROTOCOL_TCP, place: Place::Whole, header: &header, payload };
        self.packet(stamp_ns, flow, &carried)
    }

    /// Hands over what is left, and gives the packets and bytes of the whole capture.
    pub(super) fn finish(mut self) -> io::Result<(u64, u64)> {
        self.flush()?;
        self.out.flush()?;
        Ok((self.packets, self.flushed_bytes))
    }

    fn packet(&mut self, stamp_ns: u64, flow: &Flow, carried: &Carried<'_>) -> io::Result<()> {
        let record_at = self.buffer.len();
        self.buffer.extend_from_slice(&[0; RECORD_HEADER_BYTES]);
        let family = family(flow.pair) as usize;
        self.buffer.extend_from_slice(self.envelopes[family][flow.side as usize].headers());
        self.write_ip(flow, carried);
        self.buffer.extend_from_slice(carried.header);
        self.buffer.extend_from_slice(carried.payload);
        let frame_at = record_at + RECORD_HEADER_BYTES;
        self.envelopes[family][flow.side as usize].complete(&mut self.buffer, frame_at);
        let captured = self.buffer.len() - record_at - RECORD_HEADER_BYTES;
        self.buffer[record_at..][..RECORD_HEADER_BYTES].copy_from_slice(&record_header(stamp_ns, captured));
        self.packets += 1;
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn write_ip(&mut self, flow: &Flow, carried: &Carried<'_>) {
        match (flow.pair, carried.place) {
            (Pair::V4(source, destination), _) => {
                self.buffer.extend_from_slice(&ipv4_header(flow, carried, [source, destination]));
            }
            (Pair::V6(source, destination), Place::Whole) => {
                let header = ipv6_header(flow, carried.protocol, carried.bytes(), [source, destination]);
                self.buffer.extend_from_slice(&header);
            }
            (Pair::V6(source, destination), Place::Fragment { offset, last }) => {
                let bytes = carried.bytes() + FRAGMENT_HEADER_BYTES;
                let header = ipv6_header(flow, NEXT_HEADER_FRAGMENT, bytes, [source, destination]);
                self.buffer.extend_from_slice(&header);
                self.buffer.extend_from_slice(&fragment_header(flow, carried.protocol, offset, last));
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.flushed_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// What an IP packet carries.
#[derive(Debug, Clone, Copy)]
struct Carried<'a> {
    protocol: u8,
    place: Place,
    header: &'a [u8],
    payload: &'a [u8],
}

impl Carried<'_> {
    fn bytes(&self) -> usize {
        self.header.len() + self.payload.len()
    }
}

/// Which part of a datagram an IP packet carries; the offset is in bytes.
#[derive(Debug, Clone, Copy)]
enum Place {
    Whole,
    Fragment { offset: u16, last: bool },
}

fn record_header(stamp_ns: u64, captured: usize) -> [u8; RECORD_HEADER_BYTES] {
    let seconds = u32::try_from(stamp_ns / 1_000_000_000).expect("a capture that ends before the year 2106");
    let micros = (stamp_ns % 1_000_000_000 / 1000) as u32;
    let mut header = [0; RECORD_HEADER_BYTES];
    for (place, word) in header.chunks_exact_mut(4).zip([seconds, micros, captured as u32, captured as u32]) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    header
}

fn family(pair: Pair) -> Family {
    match pair {
        Pair::V4(..) => Family::V4,
        Pair::V6(..) => Family::V6,
    }
}

fn ip_header_bytes(pair: Pair) -> usize {
    match pair {
        Pair::V4(..) => 20,
        Pair::V6(..) => 40,
    }
}

const DO_NOT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;

fn ipv4_header(flow: &Flow, carried: &Carried<'_>, [source, destination]: [Ipv4Addr; 2]) -> [u8; 20] {
    let flags_and_offset = match carried.place {
        Place::Whole => DO_NOT_FRAGMENT,
        Place::Fragment { offset, last: true } => offset / 8,
        Place::Fragment { offset, last: false } => MORE_FRAGMENTS | (offset / 8),
    };
    let mut header = [0; 20];
    header[0] = 0x45;
    header[2..4].copy_from_slice(&((20 + carried.bytes()) as u16).to_be_bytes());
    header[4..6].copy_from_slice(&flow.identification.to_be_bytes());
    header[6..8].copy_from_slice(&flags_and_offset.to_be_bytes());
    header[8] = flow.hops;
    header[9] = carried.protocol;
    header[12..16].copy_from_slice(&source.octets());
    header[16..20].copy_from_slice(&destination.octets());
    let checksum = !folded(sum(&header));
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header
}

fn ipv6_header(flow: &Flow, next_header: u8, bytes: usize, [source, destination]: [Ipv6Addr; 2]) -> [u8; 40] {
    let mut header = [0; 40];
    header[0] = 0x60;
    header[4..6].copy_from_slice(&(bytes as u16).to_be_bytes());
    header[6] = next_header;
    header[7] = flow.hops;
    header[8..24].copy_from_slice(&source.octets());
    header[24..40].copy_from_slice(&destination.octets());
    header
}

/// Offset, a multiple of eight, and the flag for more to come share a word (RFC 8200, section 4.5).
fn fragment_header(flow: &Flow, protocol: u8, offset: u16, last: bool) -> [u8; FRAGMENT_HEADER_BYTES] {
    let [place_high, place_low] = (offset | u16::from(!last)).to_be_bytes();
    let [high, low] = flow.identification.to_be_bytes();
    [protocol, 0, place_high, place_low, 0, 0, high, low]
}

fn udp_header(flow: &Flow, message: &[u8]) -> [u8; 8] {
    let mut header = [0; 8];
    header[0..2].copy_from_slice(&flow.source_port.to_be_bytes());
    header[2..4].copy_from_slice(&flow.destination_port.to_be_bytes());
    header[4..6].copy_from_slice(&((8 + message.len()) as u16).to_be_bytes());
    // A checksum that comes out as 0 is sent as all ones, because 0 means none (RFC 768).
    let checksum = match !folded(transport_sum(flow.pair, PROTOCOL_UDP, &header, message)) {
        0 => 0xffff,
        checksum => checksum,
    };
    header[6..8].copy_from_slice(&checksum.to_be_bytes());
    header
}

fn tcp_header(flow: &Flow, segment: &Segment, payload: &[u8]) -> [u8; 20] {
    let mut header = [0; 20];
    header[0..2].copy_from_slice(&flow.source_port.to_be_bytes());
    header[2..4].copy_from_slice(&flow.destination_port.to_be_bytes());
    header[4..8].copy_from_slice(&segment.sequence.to_be_bytes());
    header[8..12].copy_from_slice(&segment.acknowledged.to_be_bytes());
    header[12] = 5 << 4;
    header[13] = segment.flags;
    header[14..16].copy_from_slice(&0xffffu16.to_be_bytes());
    let checksum = !folded(transport_sum(flow.pair, PROTOCOL_TCP, &header, payload));
    header[16..18].copy_from_slice(&checksum.to_be_bytes());
    header
}

/// The sum over pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1), header and payload.
fn transport_sum(pair: Pair, protocol: u8, header: &[u8], payload: &[u8]) -> u64 {
    let addresses = match pair {
        Pair::V4(source, destination) => sum(&source.octets()) + sum(&destination.octets()),
        Pair::V6(source, destination) => sum(&source.octets()) + sum(&destination.octets()),
    };
    addresses + u64::from(protocol) + (header.len() + payload.len()) as u64 + sum(header) + sum(payload)
}

/// The sum of the bytes as numbers of 32 bits in network order; folded, it is the sum of the 16-bit ones,
/// because 2^16 is 1 modulo 2^16 - 1 (RFC 1071).
pub(super) fn sum(bytes: &[u8]) -> u64 {
    let (quads, rest) = bytes.as_chunks::<4>();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    quads.iter().chain([&last]).map(|quad| u64::from(u32::from_be_bytes(*quad))).sum()
}

/// The ones' complement sum in 16 bits.
pub(super) fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
