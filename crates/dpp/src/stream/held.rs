//! Segments and fragments that are set aside: copies that outlive the packet's bytes.
//!
//! The decoder sets them aside in capture order; the cells take them up chunk by chunk. Payloads lie one behind the other
//! in an arena beside the list.

use super::Moment;
use crate::packet::{Addresses, Flow, Fragment, Outer, Segment, Volume};
use std::ops::Range;

/// The addresses of an IP header, kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeptAddresses {
    /// IPv4: source and destination.
    V4([u8; 4], [u8; 4]),
    /// IPv6: source and destination.
    V6([u8; 16], [u8; 16]),
}

impl From<Addresses<'_>> for KeptAddresses {
    #[inline]
    fn from(addresses: Addresses) -> Self {
        match addresses {
            Addresses::V4 { source, destination } => KeptAddresses::V4(*source, *destination),
            Addresses::V6 { source, destination } => KeptAddresses::V6(*source, *destination),
        }
    }
}

impl KeptAddresses {
    /// As they were.
    #[inline]
    pub fn borrow(&self) -> Addresses<'_> {
        match self {
            KeptAddresses::V4(source, destination) => Addresses::V4 { source, destination },
            KeptAddresses::V6(source, destination) => Addresses::V6 { source, destination },
        }
    }
}

/// Who sends to whom, kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeptFlow {
    /// The addresses.
    pub addresses: KeptAddresses,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
}

impl From<&Flow<'_>> for KeptFlow {
    #[inline]
    fn from(flow: &Flow) -> Self {
        let Flow { addresses, source_port, destination_port } = *flow;
        KeptFlow { addresses: addresses.into(), source_port, destination_port }
    }
}

impl KeptFlow {
    /// As it was.
    #[inline]
    pub fn borrow(&self) -> Flow<'_> {
        let KeptFlow { ref addresses, source_port, destination_port } = *self;
        Flow { addresses: addresses.borrow(), source_port, destination_port }
    }
}

/// A segment, but for its payload. 128 bytes: there is one for every packet of a capture of DNS over TCP.
#[derive(Clone, Debug)]
pub struct HeldSegment {
    flow: KeptFlow,
    sequence: u32,
    acknowledgment: u32,
    payload: Range<u32>,
    payload_length: u32,
    packets: u32,
    bytes: u32,
    /// Where its packet stands.
    pub moment: Moment,
    /// What lay around it.
    pub outer: Outer,
    flags: u8,
    cell: u8,
}

impl HeldSegment {
    /// The cell of its connection.
    #[inline]
    pub fn cell(&self) -> usize {
        self.cell.into()
    }

    /// The packets it came in.
    #[inline]
    pub fn volume(&self) -> Volume {
        Volume { packets: self.packets.into(), bytes: self.bytes.into() }
    }
}

/// Segments with their payloads, in capture order.
#[derive(Debug, Default)]
pub struct Segments {
    list: Vec<HeldSegment>,
    payloads: Vec<u8>,
}

impl Segments {
    /// Sets a segment aside, which came in packets of this volume, the last of them at `moment`.
    #[inline]
    pub fn add(&mut self, segment: &Segment, moment: Moment, cell: usize, volume: &Volume, outer: &Outer) {
        self.list.push(HeldSegment {
            flow: (&segment.flow).into(),
            sequence: segment.sequence,
            acknowledgment: segment.acknowledgment,
            payload: append(&mut self.payloads, segment.payload),
            // No IP packet, nor one put together from fragments, comes near 4 GiB.
            payload_length: segment.payload_length as u32,
            packets: volume.packets as u32,
            bytes: volume.bytes as u32,
            moment,
            outer: *outer,
            flags: segment.flags,
            cell: cell as u8,
        });
    }

    /// The segment of this number as it was, and what else is known of it.
    #[inline]
    pub fn get(&self, number: usize) -> (Segment<'_>, &HeldSegment) {
        let held = &self.list[number];
        let segment = Segment {
            flow: held.flow.borrow(),
            sequence: held.sequence,
            acknowledgment: held.acknowledgment,
            flags: held.flags,
            payload: &self.payloads[held.payload.start as usize..held.payload.end as usize],
            payload_length: held.payload_length as usize,
        };
        (segment, held)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many bytes of payload were captured of all of them.
    #[inline]
    pub fn payload_bytes(&self) -> u64 {
        self.payloads.len() as u64
    }

    /// Where the packet of each stands, and how many bytes of its payload were captured.
    pub fn payloads(&self) -> impl Iterator<Item = (Moment, u64)> {
        self.list.iter().map(|held| (held.moment, held.payload.len() as u64))
    }

    /// The position of the packet of this number's segment, if there is one.
    #[inline]
    pub fn position(&self, number: usize) -> Option<u64> {
        self.list.get(number).map(|held| held.moment.position)
    }

    /// Puts those that were added late in their place.
    pub fn put_in_order(&mut self) {
        self.list.sort_by_key(|held| held.moment.position);
    }

    /// Forgets them all; their memory is kept.
    pub fn clear(&mut self) {
        self.list.clear();
        self.payloads.clear();
    }
}

/// A fragment, but for its payload.
#[derive(Clone, Debug)]
pub struct HeldFragment {
    addresses: KeptAddresses,
    outermost: KeptAddresses,
    protocol: u8,
    identification: u32,
    offset: usize,
    more: bool,
    payload: Range<u32>,
    payload_length: usize,
    outer: Outer,
    layers_left: usize,
    /// Where its packet stands.
    pub moment: Moment,
    /// The packet it came in.
    pub volume: Volume,
}

impl HeldFragment {
    /// Sets a fragment aside, its payload at the end of `arena`.
    pub fn new(
        fragment: &Fragment,
        outermost: Addresses,
        moment: Moment,
        volume: Volume,
        arena: &mut Vec<u8>,
    ) -> Self {
        HeldFragment {
            addresses: fragment.addresses.into(),
            outermost: outermost.into(),
            protocol: fragment.protocol,
            identification: fragment.identification,
            offset: fragment.offset,
            more: fragment.more,
            payload: append(arena, fragment.payload),
            payload_length: fragment.payload_length,
            outer: fragment.outer,
            layers_left: fragment.layers_left,
            moment,
            volume,
        }
    }

    /// The fragment as it was.
    pub fn fragment<'a>(&'a self, arena: &'a [u8]) -> Fragment<'a> {
        Fragment {
            addresses: self.addresses.borrow(),
            protocol: self.protocol,
            identification: self.identification,
            offset: self.offset,
            more: self.more,
            payload: &arena[self.payload.start as usize..self.payload.end as usize],
            payload_length: self.payload_length,
            outer: self.outer,
            layers_left: self.layers_left,
        }
    }

    /// The addresses of the outermost IP header around it.
    pub fn outermost(&self) -> Addresses<'_> {
        self.outermost.borrow()
    }
}

/// Copies bytes to the end of an arena. Gives their place.
#[inline]
pub fn append(arena: &mut Vec<u8>, bytes: &[u8]) -> Range<u32> {
    let start = arena.len() as u32;
    arena.extend_from_slice(bytes);
    start..arena.len() as u32
}
