//! Decoding: a chunk of packets becomes, for each shard, a part of events.
//!
//! The one loop over packets. Each is walked down to its message and counted, as used or as skipped; each question of a
//! message becomes an event in the part of the shard that its tuple's hash chooses. TCP segments are set aside for the shard
//! that has their connection's cell, fragments for those who put them together.

use super::defragment::Fragments;
use super::items;
use super::knot;
use super::logged;
use super::pool::Pool;
use super::reading::{Arrived, Events, Reader, Scratch};
use super::rows::Row;
use crate::capture::{Chunk, Record};
use crate::dns;
use crate::packet::{Datagram, Fragment, Origin, Outer, Packet, Segment, Skip, Volume, Walk};
use crate::plan::Ports;
use crate::stats::Totals;
use crate::stream::{self, Moment};
use crate::transaction::{Arrival, Live, Needs, Part, State, Transport};

/// A chunk as events: a part for each shard, its queries in capture order, and its fragments, by shard.
pub(super) struct Decoded {
    pub(super) parts: Vec<Part>,
    pub(super) order: Vec<Row>,
    pub(super) fragments: Vec<Fragments>,
}

/// Decodes the packets of `chunk` and counts them in `totals`.
pub(super) fn decode(
    chunk: &Chunk,
    reader: &Reader,
    shards: usize,
    pool: &Pool,
    totals: &mut Totals,
) -> Decoded {
    let origins = if reader.needs.has(Needs::SIDES) { &chunk.origins[..] } else { &[] };
    let part = || {
        let mut part = pool.part(chunk.first_position);
        part.origins.extend_from_slice(origins);
        part
    };
    let decoded = Decoded {
        parts: (0..shards).map(|_| part()).collect(),
        order: pool.order(),
        fragments: (0..shards).map(|_| Fragments::default()).collect(),
    };
    let bytes = chunk.records.iter().map(|record| u64::from(record.caplen)).sum();
    totals.read.merge(&Volume { packets: chunk.records.len() as u64, bytes });
    let first_sweep = chunk.first_position.checked_next_multiple_of(reader.plan.limits.sweep_packets);
    let next_sweep = first_sweep.unwrap_or(u64::MAX);
    let before_ns = chunk.clock_before_ns;
    let mut decoder = Decoder { reader, chunk, totals, decoded, before_ns, next_sweep, packet: 0 };
    let mut scratch = [0; dns::name::WIRE_MAX];
    for record in &chunk.records {
        decoder.record(record, chunk.packet(record), chunk.first_position, &mut scratch);
    }
    if chunk.is_quiet
        && let Some(until_ns) = chunk.live_until_ns
    {
        decoder.quiet(until_ns);
    }
    let live = chunk.live_until_ns.map(|until_ns| Live { until_ns, is_due: chunk.is_due });
    decoder.decoded.parts.iter_mut().for_each(|part| part.live = live);
    decoder.decoded
}

struct Decoder<'a> {
    reader: &'a Reader<'a>,
    chunk: &'a Chunk,
    totals: &'a mut Totals,
    decoded: Decoded,
    /// The clock before the packet at hand.
    before_ns: i64,
    /// The next position at which the window is enforced.
    next_sweep: u64,
    /// The packet at hand, counted from 0 in its chunk.
    packet: u32,
}

impl Decoder<'_> {
    #[inline(always)]
    fn record(&mut self, record: &Record, bytes: &[u8], first_position: u64, scratch: &mut Scratch) {
        let position = first_position + u64::from(self.packet);
        if record.clock_ns < self.before_ns || position == self.next_sweep {
            self.sweep(record, position);
        }
        if let Err(skip) = self.packet(record, position, bytes, scratch) {
            self.totals.skip(skip, record.linktype, position, bytes);
        }
        self.before_ns = record.clock_ns;
        self.packet += 1;
    }

    #[inline(always)]
    fn packet(
        &mut self,
        record: &Record,
        position: u64,
        bytes: &[u8],
        scratch: &mut Scratch,
    ) -> Result<(), Skip> {
        let Ok(mut walk) = Walk::new(record.linktype, bytes) else {
            return self.logged(record, bytes, scratch);
        };
        match walk.plain()? {
            Some(Packet::Datagram(datagram)) if self.reader.plan.ports.carry(&datagram.flow) => {
                self.datagram(record, &walk, &datagram, bytes, scratch)
            }
            Some(Packet::Segment(segment)) if self.reader.plan.ports.carry(&segment.flow) => {
                self.segment(record, position, bytes, walk.outer(), &segment);
                Ok(())
            }
            // Copies, so that what was walked for those need not lie in memory, only in registers.
            packet => self.other(record, position, bytes, walk.clone(), packet, scratch),
        }
    }

    /// What is no packet may be what a server logged.
    #[cold]
    #[inline(never)]
    fn logged(&mut self, record: &Record, bytes: &[u8], scratch: &mut Scratch) -> Result<(), Skip> {
        let arrival = self.arrival(record);
        match record.linktype {
            Record::DNSTAP => {
                logged::dnstap(bytes, arrival, self.reader, &mut self.decoded, self.totals, scratch)?
            }
            Record::KNOT => knot::datagram(bytes, arrival, self.reader, &mut self.decoded, self.totals)?,
            Record::CDNS | Record::CDNS_CUT => return self.block(record, bytes, arrival),
            _ => return Err(Skip::Linktype),
        }
        self.totals.used.add(bytes.len());
        Ok(())
    }

    /// The items of a C-DNS block count like packets.
    fn block(&mut self, record: &Record, bytes: &[u8], arrival: Arrival) -> Result<(), Skip> {
        let origin = Origin::of(&self.chunk.origins, self.packet).ok_or(Skip::CdnsBlock)?;
        let preamble = self.chunk.preambles.iter().find(|(input, _)| *input == origin.input);
        let (_, preamble) = preamble.ok_or(Skip::CdnsBlock)?;
        let block = (bytes, record.linktype == Record::CDNS_CUT);
        let items = items::block(block, preamble, arrival, self.reader, &mut self.decoded, self.totals)?;
        let more = Volume { packets: items.saturating_sub(1), bytes: 0 };
        self.totals.read.merge(&more);
        self.totals.used.merge(&more);
        self.totals.used.add(bytes.len());
        Ok(())
    }

    /// What is neither a datagram nor a segment on a DNS port may be a tunnel with one inside, or a fragment.
    #[inline(never)]
    fn other<'a>(
        &mut self,
        record: &Record,
        position: u64,
        bytes: &[u8],
        mut walk: Walk<'a>,
        packet: Option<Packet<'a>>,
        scratch: &mut Scratch,
    ) -> Result<(), Skip> {
        let packet = packet.map_or_else(|| walk.packet(), Ok)?;
        match reach(&mut walk, packet, &self.reader.plan.ports)? {
            Packet::Datagram(datagram) => self.datagram(record, &walk, &datagram, bytes, scratch),
            Packet::Segment(segment) => {
                self.segment(record, position, bytes, walk.outer(), &segment);
                Ok(())
            }
            Packet::Fragment(fragment) => self.fragment(record, position, bytes, &walk, &fragment),
        }
    }

    #[inline(never)]
    fn segment(&mut self, record: &Record, position: u64, bytes: &[u8], outer: Outer, segment: &Segment) {
        let moment = self.moment(record, position);
        self.decoded.segment(&moment, segment, &Volume::of(bytes.len()), &outer);
    }

    #[inline(always)]
    fn moment(&self, record: &Record, position: u64) -> Moment {
        let Arrival { time_ns, before_ns, after_ns, .. } = self.arrival(record);
        Moment { position, time_ns, before_ns, after_ns }
    }

    #[inline(always)]
    fn arrival(&self, record: &Record) -> Arrival {
        Arrival {
            time_ns: record.time_ns,
            before_ns: self.before_ns,
            after_ns: record.clock_ns,
            packet: self.packet,
        }
    }

    #[inline(always)]
    fn datagram(
        &mut self,
        record: &Record,
        walk: &Walk,
        datagram: &Datagram,
        bytes: &[u8],
        scratch: &mut Scratch,
    ) -> Result<(), Skip> {
        let arrived = Arrived {
            arrival: self.arrival(record),
            datagram: *datagram,
            transport: Transport::Udp,
            around: walk.clone(),
        };
        self.reader.read(&arrived, &mut self.decoded, self.totals, scratch)?;
        self.totals.used.add(bytes.len());
        Ok(())
    }

    /// Sets a fragment aside for the shard that has its cell.
    #[cold]
    fn fragment(
        &mut self,
        record: &Record,
        position: u64,
        bytes: &[u8],
        walk: &Walk,
        fragment: &Fragment,
    ) -> Result<(), Skip> {
        let moment = self.moment(record, position);
        let outermost = walk.outermost().unwrap_or(fragment.addresses);
        let cell = stream::cell_of_addresses(outermost);
        let shard = cell % self.decoded.fragments.len();
        self.decoded.fragments[shard].add(cell, fragment, outermost, moment, Volume::of(bytes.len()));
        Ok(())
    }

    /// Tells all shards that here everything due must be forgotten. After that nothing is due for this packet's events,
    /// so that they can start from a clock that has gone back, and those of one message do not forget each other.
    #[cold]
    fn sweep(&mut self, record: &Record, position: u64) {
        if position == self.next_sweep {
            self.next_sweep = position.saturating_add(self.reader.plan.limits.sweep_packets);
        }
        let sweep = Arrival { time_ns: self.before_ns, ..self.arrival(record) }.mark(State::Sweep);
        self.decoded.parts.iter_mut().for_each(|part| part.events.push(sweep));
        self.before_ns = self.before_ns.min(record.clock_ns);
    }

    /// No packet came until then: all shards forget what is due by that time.
    #[cold]
    fn quiet(&mut self, until_ns: i64) {
        let arrival =
            Arrival { time_ns: until_ns, before_ns: until_ns, after_ns: until_ns, packet: self.packet };
        for part in &mut self.decoded.parts {
            part.events.push(arrival.mark(State::Sweep));
        }
    }
}

impl Decoded {
    /// Sets a segment aside for the shard that has its connection's cell.
    pub(super) fn segment(&mut self, moment: &Moment, segment: &Segment, volume: &Volume, outer: &Outer) {
        let cell = stream::cell_of_flow(&segment.flow);
        let shard = cell % self.parts.len();
        self.parts[shard].segments.add(segment, *moment, cell, volume, outer);
    }
}

impl Events for Decoded {
    #[inline(always)]
    fn part(&mut self, hash: u32, may_be_row: bool) -> &mut Part {
        let shard = ((u64::from(hash) * self.parts.len() as u64) >> 32) as usize;
        let part = &mut self.parts[shard];
        if may_be_row {
            self.order.push(Row::new(shard, part.events.len()));
        }
        part
    }
}

/// Walks from `packet` on to the next datagram or segment on a DNS port, or fragment, through whatever tunnels there are.
#[inline(always)]
pub(super) fn reach<'a>(
    walk: &mut Walk<'a>,
    mut packet: Packet<'a>,
    ports: &Ports,
) -> Result<Packet<'a>, Skip> {
    loop {
        match packet {
            Packet::Datagram(datagram) if !ports.carry(&datagram.flow) => enter(walk, &datagram)?,
            Packet::Segment(segment) if !ports.carry(&segment.flow) => return Err(other_tcp(&segment)),
            packet => return Ok(packet),
        }
        packet = walk.packet()?;
    }
}

/// Enters the tunnel that a datagram belongs to, if it is one's; else says what it is by its port.
#[cold]
fn enter<'a>(walk: &mut Walk<'a>, datagram: &Datagram<'a>) -> Result<(), Skip> {
    walk.enter(datagram).map_err(|skip| match skip {
        Skip::Port if has_port(&datagram.flow, 853) => Skip::Doq,
        Skip::Port if has_port(&datagram.flow, 443) => Skip::Quic,
        skip => skip,
    })
}

#[cold]
fn other_tcp(segment: &Segment) -> Skip {
    match &segment.flow {
        flow if has_port(flow, 853) => Skip::Dot,
        flow if has_port(flow, 443) => Skip::Https,
        _ => Skip::TcpPort,
    }
}

fn has_port(flow: &crate::packet::Flow, port: u16) -> bool {
    flow.source_port == port || flow.destination_port == port
}
