//! DNS over TCP (RFC 1035 section 4.2.2, RFC 7766): one cell reads messages from segments.
//!
//! The surprising fact: nearly every message lies in one segment that comes when it is expected, and is handed out from there;
//! nothing is copied, and its connection is a line in a table. Everything else is for the rest: segments that come early,
//! twice or never, messages over many segments, streams whose beginning nobody saw.
//!
//! # What is read
//!
//! - *Place.* Data is read in the order of its sequence numbers. Of a byte that comes twice the first copy counts. Data before
//!   what was read is repeated; data ahead waits. Farther than `far` from what is expected it is believed only if the next
//!   segment goes on there. A SYN with another number begins the connection anew; after FIN or RST, and where nothing is
//!   known, the first data gives the place. Where nothing was known before, what overtook it is read by itself when it comes: up
//!   to `earlier_bytes` before it, and while no more were read behind it. Each is read at once, for nothing tells whether others
//!   are still to come; a message that lies in two of them is cut.
//! - *Framing.* From the SYN on, each length prefix is believed. Without it the start of each segment is tried: 14 bytes must
//!   look like a prefix and a header (`plausible.rs`), and so must those behind each message found that way. If fewer
//!   than 14 bytes are there, the next ones decide; if they do not fit, that segment's own start is tried. If that does not fit
//!   either, a message is looked for inside the segment, with a harder look: its first question or record must be there and of a
//!   class in use, and behind it another must begin or the segment end. One in the last bytes of a segment is not found.
//! - *Holes.* What is behind a hole waits until it is filled, or until the receiver has acknowledged what the capture does not
//!   have, and a few segments or a moment have passed; or, not acknowledged, for longer; or until too much
//!   waits, or FINs of both sides or a RST came. Then reading goes on behind the hole. A message that began before
//!   it is handed out as far as it goes, if its header is there; if its end lies behind the hole, the framing is kept. Holes
//!   that the snaplen made are given up at once. At the end of the input all are ([`Connections::flush`]).
//! - *Time.* A message counts at the packet that completed it, or whose coming made a hole be given up. In the second case it is
//!   dated with the segment that brought its last byte: the receiver had it then.
//! - *Fates.* A segment was used if a message got one of its bytes; that is known when the last of them has left
//!   (`tickets.rs`). If none did, the first loss names the reason: no message found, a hole in the message, the stream ended
//!   inside it, too much waited.
//! - *Handshake.* Its round-trip time is from the client's last SYN before the first SYN-ACK to the client's first ACK:
//!   the same wherever between client and server the capture was taken. It is unknown to data in the SYN itself.
//! - *Bounds* ([`StreamLimits`]). Of too many connections the one that was quiet longest is forgotten: half-open ones, open
//!   ones and closed ones apart from each other. Of closed ones few are remembered, for what comes late or twice. Of too many incomplete bytes in the cell, the direction goes that has waited longest since it
//!   completed a message.

mod buffer;
mod connection;
mod counts;
mod direction;
mod key;
mod order;
mod plausible;
#[cfg(test)]
mod tests;
mod tickets;
#[cfg(test)]
mod worst;

pub use counts::Streams;
pub use tickets::Carrier;

use crate::limits::StreamLimits;
use crate::packet::{Flow, Segment, Skip, Volume};
use crate::stream::Moment;
use crate::stream::steps::steps;
use buffer::Pool;
use connection::{Connection, Phase};
use direction::{Delivery, Direction};
use key::{Key, Seed};
use order::Order;
use std::collections::HashMap;
use tickets::Tickets;

/// A message from a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Who sent it to whom: the segment's flow, or the reverse if the segment's coming ended a wait on the other side.
    pub flow: Flow<'a>,
    /// Its bytes, without the length prefix.
    pub bytes: &'a [u8],
    /// What the length prefix says; more than `bytes` where the capture has not all of it.
    pub length: usize,
    /// The timestamp that dates it, ns.
    pub time_ns: i64,
    /// From SYN to the client's ACK, ns, if both were seen.
    pub handshake_rtt_ns: Option<i64>,
    /// The packets that brought its last byte.
    pub carrier: &'a Carrier,
}

/// What became of a segment that had to wait, or of several of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The position of its packet, or of one of them.
    pub position: u64,
    /// How many packets these are.
    pub volume: Volume,
    /// Whether a message got some of its bytes, or why not.
    pub outcome: Result<(), Skip>,
}

/// The connections of one cell.
#[derive(Debug)]
pub struct Connections {
    /// What was found so far.
    pub counts: Streams,
    limits: StreamLimits,
    index: HashMap<Key, u32, Seed>,
    slots: Vec<Connection>,
    free: Vec<usize>,
    /// Slots of connections by phase, those that were quiet longest first.
    phases: [Order; 3],
    /// Directions that have a buffer (twice the slot, and the side), those that completed a message longest ago first.
    waiting: Order,
    pool: Pool,
    tickets: Tickets,
}

impl Connections {
    /// An empty cell.
    pub fn new(limits: &StreamLimits) -> Self {
        Connections {
            counts: Streams::default(),
            limits: *limits,
            index: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            phases: Default::default(),
            waiting: Order::default(),
            pool: Pool::default(),
            tickets: Tickets::default(),
        }
    }

    /// From now on each segment that waits is told by itself when it is decided.
    pub fn trace(&mut self) {
        self.tickets.trace();
    }

    /// Takes a segment on a DNS port, and hands each message it completes to `visit`, in stream order. A segment without data
    /// may end a wait, so messages may come of it, too.
    ///
    /// Gives what became of the segment: whether a message got some of its bytes, or why not. `None` if that is still open;
    /// what was decided of those that came before, [`decided`](Self::decided) tells.
    #[inline]
    pub fn take(
        &mut self,
        segment: &Segment,
        moment: &Moment,
        carrier: &Carrier,
        mut visit: impl FnMut(Message<'_>),
    ) -> Option<Result<(), Skip>> {
        self.tickets.begin();
        self.take_begun(segment, moment, carrier, &mut visit);
        self.tickets.end()
    }

    /// Whether [`decided`](Self::decided) would give anything.
    #[inline]
    pub fn has_decided(&self) -> bool {
        !self.tickets.decided.is_empty()
    }

    /// Gives what was decided of segments that had waited, since it was last asked for.
    pub fn decided(&mut self) -> impl Iterator<Item = Decided> + '_ {
        self.tickets.decided.drain(..)
    }

    #[inline]
    fn take_begun(
        &mut self,
        segment: &Segment,
        moment: &Moment,
        carrier: &Carrier,
        visit: &mut impl FnMut(Message<'_>),
    ) {
        let payload = &segment.payload[..segment.payload.len().min(segment.payload_length)];
        self.counts.payload_bytes += payload.len() as u64;
        let (key, from) = Key::of(&segment.flow);
        let known = self.known(&key, moment, carrier, visit);
        if segment.has(Segment::RST) {
            self.counts.skipped_bytes += payload.len() as u64;
            return self.reset(known, from, segment, moment, carrier, visit);
        }
        let slot = match known {
            _ if segment.has(Segment::SYN) => self.open(known, (key, from), segment, moment, carrier, visit),
            Some(slot) => self.renew(slot, moment),
            None if segment.payload_length == 0 => return,
            None => self.add(Connection::new(key), moment),
        };
        let (connection, mut out) = self.delivery(slot, segment.flow, moment, carrier, visit);
        connection.take(from, segment, payload, &mut out);
        self.settle_both(slot);
        self.note_phase(slot);
    }

    /// The input has ended: what is behind a hole is read, and handed to `visit` if it is a message. The order is that of this
    /// cell alone; each message tells its [`carrier`](Message::carrier).
    pub fn flush(&mut self, mut visit: impl FnMut(Message<'_>)) {
        self.tickets.begin();
        let (moment, carrier) =
            (Moment { position: 0, time_ns: 0, before_ns: 0, after_ns: 0 }, Carrier::default());
        while let Some(place) = self.waiting.first() {
            let (slot, side) = (place / 2, place % 2);
            let flow = self.slots[slot].key.flow(side);
            let (connection, mut out) = self.delivery(slot, flow.borrow(), &moment, &carrier, &mut visit);
            connection.sides[side].flush(&mut out);
            self.abandon(slot, side, Skip::TcpIncomplete);
        }
    }

    /// Nothing more is wanted: what is incomplete is lost.
    pub fn finish(&mut self) {
        while let Some(place) = self.waiting.first() {
            self.abandon(place / 2, place % 2, Skip::TcpIncomplete);
        }
    }

    /// Gives up what is incomplete on a side.
    fn abandon(&mut self, slot: usize, side: usize, skip: Skip) {
        self.slots[slot].sides[side].abandon(skip, &mut self.counts, &mut self.tickets);
        self.settle(slot, side);
    }

    /// The connection of a segment, unless it was quiet so long that it must be another one.
    #[inline]
    fn known<V: FnMut(Message<'_>)>(
        &mut self,
        key: &Key,
        moment: &Moment,
        carrier: &Carrier,
        visit: &mut V,
    ) -> Option<usize> {
        let slot = *self.index.get(key)? as usize;
        if moment.after_ns.saturating_sub(self.slots[slot].last_ns) <= self.limits.idle_ns {
            return Some(slot);
        }
        self.end(slot, moment, carrier, visit);
        None
    }

    /// Where a SYN leads: to the connection that is there, or to a new one.
    fn open<V: FnMut(Message<'_>)>(
        &mut self,
        known: Option<usize>,
        (key, from): (Key, usize),
        segment: &Segment,
        moment: &Moment,
        carrier: &Carrier,
        visit: &mut V,
    ) -> usize {
        if let Some(slot) = known {
            if self.slots[slot].takes_syn(from, segment, moment.time_ns) {
                self.slots[slot].last_ns = moment.after_ns;
                return slot;
            }
            self.end(slot, moment, carrier, visit);
        }
        self.counts.opened += 1;
        self.add(Connection::opened(key, from, segment, moment.time_ns), moment)
    }

    /// A segment that is not a SYN came: the connection is not half-open, and not quiet.
    #[inline]
    fn renew(&mut self, slot: usize, moment: &Moment) -> usize {
        self.slots[slot].last_ns = moment.after_ns;
        match self.slots[slot].phase {
            Phase::HalfOpen => self.turn(slot, Phase::Open),
            phase => self.phases[phase as usize].renew(slot),
        }
        slot
    }

    /// A connection has come to another phase. The room it needs there is made before it moves, so that it is never the one
    /// to go.
    fn turn(&mut self, slot: usize, phase: Phase) {
        self.make_room(phase);
        self.phases[self.slots[slot].phase as usize].remove(slot);
        self.phases[phase as usize].push(slot);
        self.slots[slot].phase = phase;
    }

    /// Notes whether a connection has closed, or goes on after it had.
    #[inline]
    fn note_phase(&mut self, slot: usize) {
        let connection = &self.slots[slot];
        match (connection.phase, connection.is_closed()) {
            (Phase::Open, true) => self.turn(slot, Phase::Closed),
            (Phase::Closed, false) => self.turn(slot, Phase::Open),
            _ => {}
        }
    }

    fn reset<V: FnMut(Message<'_>)>(
        &mut self,
        known: Option<usize>,
        from: usize,
        segment: &Segment,
        moment: &Moment,
        carrier: &Carrier,
        visit: &mut V,
    ) {
        let Some(slot) = known else { return };
        let (connection, mut out) = self.delivery(slot, segment.flow, moment, carrier, visit);
        let is_reset = connection.reset(from, segment, &mut out);
        self.settle_both(slot);
        self.counts.reset += u64::from(is_reset);
        match self.slots[slot].phase {
            Phase::HalfOpen if is_reset => self.forget(slot, Skip::TcpIncomplete),
            _ => self.note_phase(slot),
        }
    }

    /// A connection, and what is needed to hand out its messages.
    #[inline]
    fn delivery<'a, 'f, V>(
        &'a mut self,
        slot: usize,
        flow: Flow<'f>,
        moment: &Moment,
        carrier: &'a Carrier,
        visit: &'a mut V,
    ) -> (&'a mut Connection, Delivery<'a, 'f, V>) {
        let connection = &mut self.slots[slot];
        let out = Delivery {
            flow,
            handshake_rtt_ns: connection.handshake_rtt_ns(),
            time_ns: moment.time_ns,
            now_ns: moment.after_ns,
            limits: &self.limits,
            counts: &mut self.counts,
            pool: &mut self.pool,
            tickets: &mut self.tickets,
            carrier,
            visit,
        };
        (connection, out)
    }

    /// Enters a connection.
    fn add(&mut self, mut connection: Connection, moment: &Moment) -> usize {
        connection.last_ns = moment.after_ns;
        self.counts.connections += 1;
        self.make_room(connection.phase);
        let (key, phase) = (connection.key, connection.phase);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = connection;
                slot
            }
            None => {
                self.slots.push(connection);
                self.slots.len() - 1
            }
        };
        self.index.insert(key, slot as u32);
        self.phases[phase as usize].push(slot);
        slot
    }

    /// Forgets a connection if there are too many of this phase. That closed ones go is no loss, and not counted.
    fn make_room(&mut self, phase: Phase) {
        let (most, counted) = match phase {
            Phase::HalfOpen => (self.limits.half_open, Some(&mut self.counts.half_open_forgotten)),
            Phase::Open => (self.limits.connections, Some(&mut self.counts.forgotten)),
            Phase::Closed => (self.limits.closed, None),
        };
        let order = &self.phases[phase as usize];
        if let Some(slot) = order.first().filter(|_| order.len() >= most) {
            counted.into_iter().for_each(|count| *count += 1);
            self.forget(slot, Skip::TcpEvicted);
        }
    }

    /// Forgets a connection that is over, though nothing said so. What is behind holes is read first.
    #[cold]
    fn end<V: FnMut(Message<'_>)>(&mut self, slot: usize, moment: &Moment, carrier: &Carrier, visit: &mut V) {
        for side in 0..2 {
            let flow = self.slots[slot].key.flow(side);
            let (connection, mut out) = self.delivery(slot, flow.borrow(), moment, carrier, visit);
            connection.sides[side].flush(&mut out);
        }
        self.forget(slot, Skip::TcpIncomplete);
    }

    /// Forgets a connection; what is incomplete is lost, for this reason.
    fn forget(&mut self, slot: usize, skip: Skip) {
        steps(1);
        self.abandon(slot, 0, skip);
        self.abandon(slot, 1, skip);
        let connection = &self.slots[slot];
        self.index.remove(&connection.key);
        self.phases[connection.phase as usize].remove(slot);
        self.free.push(slot);
    }

    /// Charges what waits on both sides, and gives up what is too much.
    #[inline]
    fn settle_both(&mut self, slot: usize) {
        let [low, high] = &self.slots[slot].sides;
        if low.buffer.is_none() && high.buffer.is_none() {
            return;
        }
        self.settle(slot, 0);
        self.settle(slot, 1);
        while self.pool.held > self.limits.cell_bytes {
            steps(1);
            let Some(place) = self.waiting.first() else { break };
            self.slots[place / 2].sides[place % 2].evict(&mut self.counts, &mut self.tickets);
            self.settle(place / 2, place % 2);
        }
    }

    /// Charges what waits on a side, or takes its buffer back.
    fn settle(&mut self, slot: usize, side: usize) {
        let Direction { buffer: place, .. } = &mut self.slots[slot].sides[side];
        let Some(buffer) = place else { return };
        let (name, waited) = (2 * slot + side, buffer.waits);
        if buffer.is_empty() {
            self.pool.put_back(place.take().expect("there is one"));
            if waited {
                self.waiting.remove(name);
            }
            return;
        }
        self.pool.charge(buffer);
        buffer.waits = true;
        match (waited, std::mem::take(&mut buffer.progressed)) {
            (false, _) => self.waiting.push(name),
            (true, true) => self.waiting.renew(name),
            (true, false) => {}
        }
    }
}
