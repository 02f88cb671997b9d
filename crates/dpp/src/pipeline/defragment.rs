//! Putting fragments together, between decoding and matching.
//!
//! A chunk with fragments stops here: each shard takes those of its cells, in capture order, and gives back the datagrams
//! and segments that became whole. When all shards have, [`join`] puts them where they belong: behind the events of the
//! chunk, with a list that tells the order. Chunks without fragments never come here.

use super::decode::{Decoded, reach};
use super::reading::{Around, Arrived, Reader};
use super::rows::Row;
use crate::dns;
use crate::limits;
use crate::packet::{Addresses, Datagram, Fragment, Outer, Packet, Skip, Skipped, Skips, Volume};
use crate::plan::Plan;
use crate::stats::Totals;
use crate::stream::fragments::Reassembler;
use crate::stream::{HeldFragment, KeptFlow, Moment, Segments, append};
use crate::transaction::{Arrival, Transport};
use std::ops::Range;

/// The fragments of one shard's cells in one chunk.
#[derive(Default)]
pub(super) struct Fragments {
    held: Vec<(usize, HeldFragment)>,
    payloads: Vec<u8>,
}

impl Fragments {
    pub(super) fn add(
        &mut self,
        cell: usize,
        fragment: &Fragment,
        outermost: Addresses,
        moment: Moment,
        volume: Volume,
    ) {
        let held = HeldFragment::new(fragment, outermost, moment, volume, &mut self.payloads);
        self.held.push((cell, held));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// All of them, with the positions of their packets.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Fragment<'_>)> {
        self.held.iter().map(|(_, held)| (held.moment.position, held.fragment(&self.payloads)))
    }
}

/// What fragments of a chunk became, in capture order.
#[derive(Default)]
pub(super) struct Wholes {
    list: Vec<Whole>,
    payloads: Vec<u8>,
}

/// What became whole.
struct Whole {
    moment: Moment,
    volume: Volume,
    outer: Outer,
    /// What the fragments had in common.
    identification: u32,
    what: What,
}

impl Around for &Whole {
    fn outer(&self) -> Outer {
        self.outer
    }

    fn identification(&self) -> u32 {
        self.identification
    }
}

enum What {
    Datagram { flow: KeptFlow, payload: Range<u32>, length: usize },
    Segment(Segments),
}

/// Puts together the fragments of a shard's cells.
pub(super) struct Defragmenter<'a> {
    plan: &'a Plan,
    shards: usize,
    /// The cells `shard`, `shard + shards`, and so on.
    cells: Vec<Reassembler>,
    totals: Totals,
}

impl<'a> Defragmenter<'a> {
    pub(super) fn new(plan: &'a Plan, shard: usize, shards: usize) -> Self {
        let cells = (shard..limits::CELLS).step_by(shards);
        let cells = cells.map(|_| Reassembler::new(&plan.limits.fragments)).collect();
        Defragmenter { plan, shards, cells, totals: Totals::default() }
    }

    /// Takes the fragments of the next chunk that has some.
    pub(super) fn take(&mut self, fragments: &Fragments) -> Wholes {
        let mut wholes = Wholes::default();
        for (cell, held) in &fragments.held {
            let fragment = held.fragment(&fragments.payloads);
            let packet = Piece { outermost: held.outermost(), moment: held.moment, volume: held.volume };
            self.fragment(*cell, &fragment, &packet, &mut wholes);
        }
        wholes
    }

    /// A fragment may complete its datagram, which may be a fragment again.
    fn fragment(&mut self, cell: usize, fragment: &Fragment, piece: &Piece, wholes: &mut Wholes) {
        let reassembler = &mut self.cells[cell / self.shards];
        let Some(whole) = reassembler.take(fragment, piece.outermost, &piece.moment, piece.volume) else {
            return;
        };
        let (volume, position) = (whole.volume, piece.moment.position);
        let piece = Piece { volume, ..*piece };
        let identification = whole.first.identification;
        let reached = whole.walk().and_then(|mut walk| {
            let packet = walk.packet()?;
            let packet = reach(&mut walk, packet, &self.plan.ports)?;
            Ok((packet, walk.outer()))
        });
        match reached {
            Ok((Packet::Fragment(inner), _)) => {
                let mut payload = Vec::new();
                let inner = HeldFragment::new(&inner, piece.outermost, piece.moment, volume, &mut payload);
                self.fragment(cell, &inner.fragment(&payload), &piece, wholes);
            }
            Ok((packet, outer)) => wholes.add(&packet, outer, identification, &piece),
            Err(skip) => {
                self.totals.skips.add_all(skip, position, &volume);
                if let Ok(walk) = whole.walk() {
                    self.totals.seen.add_whole(walk);
                }
            }
        }
    }

    /// From now on each skip is noted.
    pub(super) fn log(&mut self) {
        self.totals.skips.log();
        self.cells.iter_mut().for_each(|cell| cell.skips.log());
    }

    /// Gives the skips that were noted.
    pub(super) fn drain_log(&mut self) -> Vec<Skipped> {
        let cells = self.cells.iter_mut().map(|cell| &mut cell.skips);
        cells.chain([&mut self.totals.skips]).flat_map(Skips::drain_log).collect()
    }

    /// Adds what was counted so far.
    pub(super) fn tell(&self, totals: &mut Totals) {
        totals.merge(&self.totals);
        for cell in &self.cells {
            totals.fragments.merge(&cell.counts);
            totals.skips.merge(&cell.skips);
        }
    }

    /// The input has ended. Gives what was counted; with the log of what was given up, if one is kept.
    pub(super) fn finish(mut self) -> Totals {
        let mut totals = std::mem::take(&mut self.totals);
        self.cells.iter_mut().for_each(Reassembler::finish);
        self.tell(&mut totals);
        totals
    }
}

/// What is to be known of a fragment's packet.
#[derive(Clone, Copy)]
struct Piece<'a> {
    outermost: Addresses<'a>,
    moment: Moment,
    volume: Volume,
}

impl Wholes {
    /// Where the packets stand that completed them.
    pub(super) fn positions(&self) -> impl Iterator<Item = u64> {
        self.list.iter().map(|whole| whole.moment.position)
    }

    fn add(&mut self, packet: &Packet, outer: Outer, identification: u32, piece: &Piece) {
        let what = match packet {
            Packet::Datagram(datagram) => What::Datagram {
                flow: (&datagram.flow).into(),
                payload: append(&mut self.payloads, datagram.payload),
                length: datagram.payload_length,
            },
            Packet::Segment(segment) => {
                let mut segments = Segments::default();
                segments.add(segment, piece.moment, 0, &piece.volume, &outer);
                What::Segment(segments)
            }
            Packet::Fragment(_) => unreachable!("fragments of fragments are put together first"),
        };
        let Piece { moment, volume, .. } = *piece;
        self.list.push(Whole { moment, volume, outer, identification, what });
    }
}

/// Adds what became whole to the events of its chunk.
pub(super) fn join(decoded: &mut Decoded, wholes: &[Wholes], reader: &Reader, totals: &mut Totals) {
    let plain: Vec<usize> = decoded.parts.iter().map(|part| part.events.len()).collect();
    let rows = decoded.order.len();
    let mut all: Vec<(&Whole, &[u8])> = Vec::new();
    for wholes in wholes {
        all.extend(wholes.list.iter().map(|whole| (whole, &wholes.payloads[..])));
    }
    all.sort_by_key(|(whole, _)| whole.moment.position);
    for (whole, payloads) in all {
        match whole.enter(payloads, decoded, reader, totals) {
            Ok(Entered::Message) => totals.used.merge(&whole.volume),
            Ok(Entered::Segment) => {}
            Err(skip) => totals.skips.add_all(skip, whole.moment.position, &whole.volume),
        }
    }
    put_in_order(decoded, &plain, rows);
}

enum Entered {
    Message,
    Segment,
}

impl Whole {
    fn enter(
        &self,
        payloads: &[u8],
        decoded: &mut Decoded,
        reader: &Reader,
        totals: &mut Totals,
    ) -> Result<Entered, Skip> {
        let Moment { position, time_ns, before_ns, after_ns } = self.moment;
        match &self.what {
            What::Segment(segments) => {
                decoded.segment(&self.moment, &segments.get(0).0, &self.volume, &self.outer);
                Ok(Entered::Segment)
            }
            What::Datagram { flow, payload, length } => {
                let packet = (position - decoded.parts[0].first_position) as u32;
                let arrival = Arrival { time_ns, before_ns, after_ns, packet };
                let datagram = Datagram {
                    flow: flow.borrow(),
                    payload: &payloads[payload.start as usize..payload.end as usize],
                    payload_length: *length,
                };
                let arrived = Arrived { arrival, datagram, transport: Transport::Udp, around: self };
                let mut scratch = [0; dns::name::WIRE_MAX];
                reader.read(&arrived, decoded, totals, &mut scratch)?;
                Ok(Entered::Message)
            }
        }
    }
}

/// Tells the order of events, segments and rows after some were appended: from number `plain` on in each part, and `rows` in
/// the list. Of one packet, what was there first comes first.
fn put_in_order(decoded: &mut Decoded, plain: &[usize], rows: usize) {
    for (part, &plain) in decoded.parts.iter_mut().zip(plain) {
        if part.events.len() > plain {
            let mut sequence: Vec<u32> = (0..part.events.len() as u32).collect();
            sequence.sort_by_key(|&index| part.events[index as usize].packet);
            part.sequence = sequence;
        }
        part.segments.put_in_order();
    }
    if decoded.order.len() > rows {
        let Decoded { parts, order, .. } = decoded;
        order.sort_by_key(|row: &Row| row.event(parts).packet);
    }
}
