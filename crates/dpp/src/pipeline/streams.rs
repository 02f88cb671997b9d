//! Reading DNS messages from the TCP segments of a shard's cells, while the shard goes through its part.

use super::pool::Pool;
use super::reading::{Around, Arrived, Events, Reader, Scratch};
use crate::dns;
use crate::limits;
use crate::packet::{Datagram, Outer, Segment, Skipped};
use crate::stats::Totals;
use crate::stream::tcp::Connections;
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
        }
    }

    /// From now on each skip is noted.
    pub(super) fn log(&mut self) {
        self.totals.skips.log();
    }

    /// Gives the skips that were noted.
    pub(super) fn drain_log(&mut self) -> Vec<Skipped> {
        self.totals.skips.drain_log()
    }

    /// The next segment of the part at hand.
    pub(super) fn next_segment(&self) -> Segment<'_> {
        self.segments.get(self.next).0
    }

    /// The input has ended. Gives what was counted.
    pub(super) fn finish(mut self) -> Totals {
        for mut cell in self.cells {
            cell.finish();
            self.totals.streams.merge(&cell.counts);
        }
        self.totals
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
        let Streams { reader, shards, cells, totals, scratch, .. } = self;
        let mut events = Here(part);
        let taken = cells[held.cell() / *shards].take(&segment, &held.moment, |message| {
            let datagram =
                Datagram { flow: message.flow, payload: message.bytes, payload_length: message.length };
            let arrival = Arrival { time_ns: message.time_ns, ..arrival };
            let around = InStream { outer: held.outer, handshake_rtt_ns: message.handshake_rtt_ns };
            let arrived = Arrived { arrival, datagram, transport: Transport::Tcp, around };
            // The packets of a message that cannot be read are used all the same, perhaps by others.
            let read = reader.read(&arrived, &mut events, totals, scratch);
            totals.stream_messages_unread += u64::from(read.is_err());
        });
        match taken {
            Ok(()) => totals.used.merge(&held.volume()),
            Err(skip) => totals.skips.add_all(skip, position, &held.volume()),
        }
        after_ns
    }
}

/// What lay around a message in a stream: around the segment that completed it.
#[derive(Clone)]
struct InStream {
    outer: Outer,
    handshake_rtt_ns: Option<i64>,
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
