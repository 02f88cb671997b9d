//! Reading DNS messages from the TCP segments of a shard's cells, while the shard goes through its part.

use super::late::Late;
use super::pool::Pool;
use super::reading::{Around, Arrived, Events, Reader, Scratch};
use crate::dns;
use crate::limits;
use crate::packet::{Datagram, Origin, Outer, Segment, Skipped};
use crate::stats::Totals;
use crate::stream::tcp::{Carrier, Connections, Decided};
use crate::stream::{Moment, Segments};
use crate::transaction::{Arrival, Assemble, Part, Transport};

/// The cells of a shard.
pub(super) struct Streams<'a> {
    reader: Reader<'a>,
    shards: usize,
    /// The cells `shard`, `shard + shards`, and so on.
    cells: Vec<Connections>,
    totals: Totals,
    scratch: Scratch,
    /// The segments of the part at hand, and which is next.
    segments: Segments,
    next: usize,
    pool: &'a Pool,
    /// What became of each segment, for those who ask.
    log: Option<Vec<Decided>>,
}

impl<'a> Streams<'a> {
    pub(super) fn new(reader: Reader<'a>, shard: usize, shards: usize, pool: &'a Pool) -> Self {
        let cells = (shard..limits::CELLS).step_by(shards);
        let cells = cells.map(|_| Connections::new(&reader.plan.limits.streams)).collect();
        Streams {
            reader,
            shards,
            cells,
            totals: Totals::default(),
            scratch: [0; dns::name::WIRE_MAX],
            segments: Segments::default(),
            next: 0,
            pool,
            log: None,
        }
    }

    /// From now on each skip is noted, and what became of each segment.
    pub(super) fn log(&mut self) {
        self.log.get_or_insert_default();
        self.totals.skips.log();
        self.cells.iter_mut().for_each(Connections::trace);
    }

    /// Gives the skips that were noted.
    pub(super) fn drain_log(&mut self) -> Vec<Skipped> {
        self.totals.skips.drain_log()
    }

    /// Gives what became of segments since it was last asked for.
    pub(super) fn drain_decided(&mut self) -> Vec<Decided> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The next segment of the part at hand.
    pub(super) fn next_segment(&self) -> Segment<'_> {
        self.segments.get(self.next).0
    }

    /// The input has ended: appends what is behind holes.
    pub(super) fn flush(&mut self, late: &mut Late) {
        for cell in &mut self.cells {
            late.begin_cell();
            cell.flush(|message| late.add(&message));
        }
    }

    /// Adds what was counted so far.
    pub(super) fn tell(&self, totals: &mut Totals) {
        totals.merge(&self.totals);
        self.cells.iter().for_each(|cell| totals.streams.merge(&cell.counts));
    }

    /// Nothing more comes. Gives what was counted.
    pub(super) fn finish(mut self) -> Totals {
        for mut cell in self.cells {
            cell.finish();
            cell.decided().for_each(|decided| count(&mut self.totals, &decided));
            self.totals.streams.merge(&cell.counts);
        }
        self.totals
    }
}

/// Counts what became of packets, and notes it.
#[inline]
fn decide(totals: &mut Totals, log: &mut Option<Vec<Decided>>, decided: Decided) {
    count(totals, &decided);
    if let Some(log) = log {
        log.push(decided);
    }
}

#[inline]
fn count(totals: &mut Totals, decided: &Decided) {
    match decided.outcome {
        Ok(()) => totals.used.merge(&decided.volume),
        Err(skip) => totals.skips.add_all(skip, decided.position, &decided.volume),
    }
}

impl Assemble for Streams<'_> {
    /// The segments leave the part, so that their memory goes round while the part waits for its queries' responses.
    fn begin(&mut self, part: &mut Part) {
        self.next = 0;
        let done = std::mem::replace(&mut self.segments, std::mem::take(&mut part.segments));
        self.pool.recycle_segments(done);
    }

    #[inline]
    fn next_position(&self) -> u64 {
        self.segments.position(self.next).unwrap_or(u64::MAX)
    }

    fn assemble(&mut self, part: &mut Part) -> i64 {
        let (segment, held) = self.segments.get(self.next);
        self.next += 1;
        let Moment { position, time_ns, before_ns, after_ns } = held.moment;
        let packet = (position - part.first_position) as u32;
        let arrival = Arrival { time_ns, before_ns, after_ns, packet };
        let Streams { reader, shards, cells, totals, scratch, log, .. } = self;
        let origin = match part.origins.is_empty() {
            true => Origin::default(),
            false => Origin::of(&part.origins, packet).unwrap_or_default(),
        };
        let carrier = Carrier { position, volume: held.volume(), outer: held.outer, origin };
        let mut events = Here(part);
        let cell = &mut cells[held.cell() / *shards];
        let outcome = cell.take(&segment, &held.moment, &carrier, |message| {
            let datagram =
                Datagram { flow: message.flow, payload: message.bytes, payload_length: message.length };
            let arrival = Arrival { time_ns: message.time_ns, ..arrival };
            let around =
                InStream { outer: message.carrier.outer, handshake_rtt_ns: message.handshake_rtt_ns };
            let arrived = Arrived { arrival, datagram, transport: Transport::Tcp, around };
            // The packets of a message that cannot be read are used all the same, perhaps by others.
            let read = reader.read(&arrived, &mut events, totals, scratch);
            totals.stream_messages_unread += u64::from(read.is_err());
        });
        if let Some(outcome) = outcome {
            decide(totals, log, Decided { position, volume: carrier.volume, outcome });
        }
        if cell.has_decided() {
            cell.decided().for_each(|decided| decide(totals, log, decided));
        }
        after_ns
    }
}

/// What lay around a message in a stream: around the segment that brought its last byte.
#[derive(Clone)]
pub(super) struct InStream {
    pub(super) outer: Outer,
    pub(super) handshake_rtt_ns: Option<i64>,
}

impl Around for InStream {
    fn outer(&self) -> Outer {
        self.outer
    }

    fn handshake_rtt_ns(&self) -> Option<i64> {
        self.handshake_rtt_ns
    }
}

/// The part at hand: connections stay in their cell's shard.
struct Here<'a>(&'a mut Part);

impl Events for Here<'_> {
    fn part(&mut self, _: u32, _: bool) -> &mut Part {
        self.0
    }
}
