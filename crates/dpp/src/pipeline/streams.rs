//! Reading DNS messages from the TCP segments of a shard's cells, while the shard goes through its part.

use super::pool::Pool;
use super::reading::{Around, Arrived, Events, Reader, Scratch};
use crate::dns;
use crate::limits;
use crate::packet::{Datagram, Outer, Segment, Skip, Skipped};
use crate::stats::Totals;
use crate::stream::tcp::Connections;
use crate::stream::{Moment, Segments};
use crate::transaction::{Arrival, Assemble, Event, Part, Transport};

/// The cells of a shard.
pub(super) struct Streams<'a> {
    reader: Reader<'a>,
    shards: usize,
    /// The cells `shard`, `shard + shards`, and so on.
    cells: Vec<Connections>,
    totals: Totals,
    scratch: Scratch,
    /// The segments of the part at hand.
    segments: Segments,
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

    /// The segment of an event of the part at hand.
    pub(super) fn segment(&self, event: &Event) -> Segment<'_> {
        self.segments.get(event.key).0
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
        self.segments.clear();
        let done = std::mem::replace(&mut self.segments, std::mem::take(&mut part.segments));
        self.pool.recycle_segments(done);
    }

    fn assemble(&mut self, part: &mut Part, event: Event) {
        let (segment, held) = self.segments.get(event.key);
        let arrival = event.arrival();
        let position = part.position(&event);
        let moment = Moment {
            position,
            time_ns: arrival.time_ns,
            before_ns: arrival.before_ns,
            after_ns: arrival.after_ns,
        };
        let Streams { reader, shards, cells, totals, scratch, .. } = self;
        let mut events = Here(part);
        let taken = cells[held.cell() / *shards].take(&segment, &moment, |message| {
            let datagram =
                Datagram { flow: message.flow, payload: message.bytes, payload_length: message.length };
            let arrival = Arrival { time_ns: message.time_ns, ..arrival };
            let around = InStream { outer: held.outer, handshake_rtt_ns: message.handshake_rtt_ns };
            let arrived = Arrived {
                arrival: &arrival,
                datagram: &datagram,
                transport: Transport::Tcp,
                around: &around,
            };
            if let Err(skip) = reader.read(&arrived, &mut events, totals, scratch) {
                unread(totals, skip);
            }
        });
        match taken {
            Ok(()) => totals.used.merge(&held.volume()),
            Err(skip) => totals.skips.add_all(skip, position, &held.volume()),
        }
    }
}

/// What lay around a message in a stream: around the segment that completed it.
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

/// A message in a stream that cannot be read. Its packets are used all the same, perhaps by other messages.
#[cold]
fn unread(totals: &mut Totals, _: Skip) {
    totals.stream_messages_unread += 1;
}

/// The part at hand: connections stay in their cell's shard.
struct Here<'a>(&'a mut Part);

impl Events for Here<'_> {
    fn part(&mut self, _: u32, _: bool) -> &mut Part {
        self.0
    }
}
