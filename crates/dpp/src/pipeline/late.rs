//! What waits in TCP streams behind holes when the input ends: messages of one more chunk, behind all others.
//!
//! No packet completes them, so none of the ways by which messages come to their place in the order is theirs. They stand in
//! the order of the packets that brought their last bytes, which is the same however many shards found them, and are read by
//! whoever comes; then they are matched like those of any other chunk.

use super::decode::Decoded;
use super::defragment::Fragments;
use super::pool::Pool;
use super::reading::{Arrived, Events, Reader};
use super::rows::Row;
use super::streams::InStream;
use crate::capture::Chunk;
use crate::dns;
use crate::limits;
use crate::packet::{Datagram, Origin};
use crate::stats::Totals;
use crate::stream::tcp::{Carrier, Message};
use crate::stream::{self, KeptFlow, append};
use crate::transaction::{Arrival, Needs, Part, Transport};
use std::ops::Range;

/// Where a capture ends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    /// The position of the packet that would come next.
    pub(super) position: u64,
    /// The clock.
    clock_ns: i64,
}

impl End {
    /// Where this chunk ends, behind all before it.
    pub(super) fn of(chunk: &Chunk, before: End) -> End {
        let position = chunk.first_position + chunk.records.len() as u64;
        chunk.records.last().map_or(before, |record| End { position, clock_ns: record.clock_ns })
    }
}

/// Messages found behind the end.
#[derive(Default)]
pub(super) struct Late {
    list: Vec<LateMessage>,
    payloads: Vec<u8>,
    /// How many may still come from the cell at hand.
    left: usize,
    /// How many were not set aside.
    unread: u64,
}

struct LateMessage {
    flow: KeptFlow,
    payload: Range<u32>,
    length: usize,
    time_ns: i64,
    handshake_rtt_ns: Option<i64>,
    carrier: Carrier,
}

/// The part of the shard that has the message's connection, and so its other messages.
struct There<'a> {
    decoded: &'a mut Decoded,
    shard: usize,
}

impl Events for There<'_> {
    fn part(&mut self, _: u32, may_be_row: bool) -> &mut Part {
        let part = &mut self.decoded.parts[self.shard];
        if may_be_row {
            self.decoded.order.push(Row::new(self.shard, part.events.len()));
        }
        part
    }
}

impl Late {
    /// The next messages are those of another cell.
    pub(super) fn begin_cell(&mut self) {
        self.left = limits::LATE_MESSAGES_MAX;
    }

    /// Sets a message aside, unless it cannot be read or there are too many: what two octets of a stream can announce takes a
    /// hundred here.
    pub(super) fn add(&mut self, message: &Message) {
        if self.left == 0 || dns::Message::parse(message.bytes).is_none() {
            self.unread += 1;
            return;
        }
        self.left -= 1;
        let &Message { ref flow, bytes, length, time_ns, handshake_rtt_ns, carrier } = message;
        let payload = append(&mut self.payloads, bytes);
        let (flow, carrier) = (flow.into(), *carrier);
        self.list.push(LateMessage { flow, payload, length, time_ns, handshake_rtt_ns, carrier });
    }

    /// The chunk of these messages, if there are any, and the positions of the packets that brought them.
    pub(super) fn decode(
        mut self,
        reader: &Reader,
        end: End,
        shards: usize,
        pool: &Pool,
        totals: &mut Totals,
    ) -> Option<(Decoded, Vec<u64>)> {
        totals.stream_messages_unread += self.unread;
        if self.list.is_empty() {
            return None;
        }
        // Those of one packet are of one stream, and stand in its order already.
        self.list.sort_by_key(|message| message.carrier.position);
        let mut decoded = Decoded {
            parts: (0..shards).map(|_| pool.part(end.position)).collect(),
            order: pool.order(),
            fragments: (0..shards).map(|_| Fragments::default()).collect(),
        };
        let mut scratch = [0; dns::name::WIRE_MAX];
        for (number, message) in self.list.iter().enumerate() {
            let arrived = self.arrived(number as u32, message, end);
            let shard = stream::cell_of_flow(&arrived.datagram.flow) % shards;
            if reader.needs.has(Needs::SIDES) {
                let origin = Origin { packet: number as u32, ..message.carrier.origin };
                Origin::note(&mut decoded.parts[shard].origins, origin);
            }
            let mut events = There { decoded: &mut decoded, shard };
            let read = reader.read(&arrived, &mut events, totals, &mut scratch);
            totals.stream_messages_unread += u64::from(read.is_err());
        }
        Some((decoded, self.list.iter().map(|message| message.carrier.position).collect()))
    }

    fn arrived<'a>(&'a self, packet: u32, message: &'a LateMessage, end: End) -> Arrived<'a, InStream> {
        let &LateMessage { ref flow, ref payload, length, time_ns, handshake_rtt_ns, carrier } = message;
        let payload = &self.payloads[payload.start as usize..payload.end as usize];
        Arrived {
            arrival: Arrival { time_ns, before_ns: end.clock_ns, after_ns: end.clock_ns, packet },
            datagram: Datagram { flow: flow.borrow(), payload, payload_length: length },
            transport: Transport::Tcp,
            around: InStream { outer: carrier.outer, handshake_rtt_ns },
        }
    }
}
