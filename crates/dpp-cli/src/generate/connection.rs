//! A TCP connection with DNS messages in it (RFC 7766): drawn whole, segment by segment.
//!
//! The surprising fact: a connection also knows what its capture will show. The bytes that were never captured
//! count as seen from the start, so that a message is complete in the segment that fills the last gap before
//! its end, and one that touches such bytes never is. Called by `traffic`.
//!
//! ```text
//!   SYN, SYN ACK, ACK | queries and responses, each with two bytes of length before it | FIN, FIN, ACK or RST
//! ```

use super::frame::Segment;
use super::message::Part;
use super::profile::Profile;
use super::random::{Random, Share};
use super::transaction::{Scribe, Side, Transaction};

/// What connections are like.
pub(super) struct Habits {
    pipelined: Share,
    joined: Share,
    split: Share,
    segment_bytes_max: u32,
    across_ns: u64,
    ack_delay_ns: u64,
    gap: Share,
    lost: Share,
    retransmitted: Share,
    reordered: Share,
    reset: Share,
    midstream: Share,
    wrapping: Share,
}

impl Habits {
    pub(super) fn new(profile: &Profile) -> Self {
        Habits {
            pipelined: Share::new(profile.tcp_pipeline_share),
            joined: Share::new(profile.tcp_join_share),
            split: Share::new(profile.tcp_split_share),
            segment_bytes_max: profile.mss,
            across_ns: (profile.tcp_rtt_ms * 1e6) as u64,
            ack_delay_ns: (profile.tcp_ack_delay_ms * 1e6) as u64,
            gap: Share::new(profile.tcp_gap_share),
            lost: Share::new(profile.tcp_loss_share),
            retransmitted: Share::new(profile.tcp_retransmit_share),
            reordered: Share::new(profile.tcp_reorder_share),
            reset: Share::new(profile.tcp_reset_share),
            midstream: Share::new(profile.tcp_midstream_share),
            wrapping: Share::new(profile.tcp_wrap_share),
        }
    }
}

/// A transaction of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exchange {
    pub(super) transaction: Transaction,
    pub(super) rtt_ns: u64,
    /// So many messages make the response; more than one is a zone transfer.
    pub(super) messages: u16,
}

/// A connection and what of it has been recorded; used again for another when it is over.
#[derive(Debug)]
pub(super) struct Connection {
    /// Whose addresses and ports it has.
    pub(super) first: Transaction,
    halves: [Half; 2],
    steps: Vec<Step>,
    /// Segments that are still to be recorded.
    pub(super) waiting: usize,
    /// From when on each side can send again.
    free_ns: [u64; 2],
}

/// What one side sends; positions count its bytes from 0.
#[derive(Debug, Default)]
struct Half {
    first_sequence: u32,
    bytes: Vec<u8>,
    /// Where each message ends, its length included.
    ends: Vec<u32>,
    /// How much of it is in segments.
    sent: u32,
    /// Never captured.
    gaps: Vec<(u32, u32)>,
    /// Captured, or never to be.
    seen: Spans,
    /// How many messages lie before what has been seen without hole.
    passed: usize,
}

/// A segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) stamp_ns: u64,
    pub(super) side: Side,
    from: u32,
    to: u32,
    pub(super) segment: Segment,
    pub(super) captured: bool,
    /// Sent before.
    pub(super) again: bool,
}

impl Step {
    pub(super) fn has_data(&self) -> bool {
        self.from < self.to
    }
}

/// The resolver's host acts at once; so does the client's stack after the network was crossed.
const AT_ONCE_NS: u64 = 20_000;
/// Between segments that leave together.
const SPACING_NS: u64 = 12_000;
/// Until a lost segment is sent again (RFC 6298 allows a second; the usual stack has 200 ms).
const RETRANSMISSION_NS: u64 = 200_000_000;
/// By how much a segment is overtaken.
const OVERTAKEN_MAX_NS: u64 = 300_000;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

impl Connection {
    pub(super) fn new(first: Transaction) -> Self {
        Connection { first, halves: Default::default(), steps: Vec::new(), waiting: 0, free_ns: [0; 2] }
    }

    /// Draws the whole connection anew.
    pub(super) fn draw(
        &mut self,
        start_ns: u64,
        exchanges: &[Exchange],
        habits: &Habits,
        random: &mut Random,
        scribe: &mut Scribe,
    ) {
        self.clear(exchanges[0].transaction, habits.wrapping.happens(random), random);
        let mut drawing = Drawing { connection: self, habits, random, scribe };
        drawing.whole(start_ns, exchanges);
        if habits.ack_delay_ns > 0 {
            self.acknowledge(habits);
        }
        self.number();
    }

    fn clear(&mut self, first: Transaction, wraps: bool, random: &mut Random) {
        self.first = first;
        self.steps.clear();
        self.waiting = 0;
        self.free_ns = [0; 2];
        for side in [Side::Client, Side::Resolver] {
            let half = &mut self.halves[side as usize];
            half.clear();
            half.first_sequence = match wraps {
                true => 0u32.wrapping_sub(2 + random.below(300)),
                false => first.first_sequence(side),
            };
        }
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(super) fn payload(&self, step: &Step) -> &[u8] {
        &self.halves[step.side as usize].bytes[step.from as usize..step.to as usize]
    }

    /// How many messages end in this segment.
    pub(super) fn messages_in(&self, step: &Step) -> u64 {
        let ends = &self.halves[step.side as usize].ends;
        (ends.partition_point(|&end| end <= step.to) - ends.partition_point(|&end| end <= step.from)) as u64
    }

    /// Notes that this segment was captured, and visits the messages that are complete with it.
    pub(super) fn see<E>(
        &mut self,
        step: usize,
        mut visit: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Step { side, from, to, .. } = self.steps[step];
        let half = &mut self.halves[side as usize];
        half.seen.add(from, to);
        let reached = half.seen.without_hole();
        while let Some(&end) = half.ends.get(half.passed).filter(|&&end| end <= reached) {
            let start = half.passed.checked_sub(1).map_or(0, |before| half.ends[before]);
            half.passed += 1;
            if !half.gaps.iter().any(|&(from, to)| from < end && start < to) {
                visit(&half.bytes[start as usize + 2..end as usize])?;
            }
        }
        Ok(())
    }

    /// Adds the segments that only acknowledge: every second segment at once, a single one when nothing that
    /// would carry the acknowledgement was sent for a while (RFC 9293, section 3.8.6.3).
    fn acknowledge(&mut self, habits: &Habits) {
        self.steps.sort_by_key(|step| step.stamp_ns);
        let mut pending: [Option<(u64, u32)>; 2] = [None; 2];
        let mut sent = [0; 2];
        for index in 0..self.steps.len() {
            let Step { stamp_ns, side, from, to, segment, captured, .. } = self.steps[index];
            if segment.flags & RST != 0 {
                return;
            }
            for side in [Side::Client, Side::Resolver] {
                if let Some((due_ns, _)) = pending[side as usize].take_if(|(due_ns, _)| *due_ns < stamp_ns) {
                    let position = sent[side as usize];
                    self.push(due_ns, side, ACK, (position, position), true);
                }
            }
            sent[side as usize] = to.max(sent[side as usize]);
            if captured || from < to {
                pending[side as usize] = None;
            }
            if from < to {
                let reaction_ns = match side {
                    Side::Client => AT_ONCE_NS,
                    Side::Resolver => habits.across_ns,
                };
                let awaited = &mut pending[side.other() as usize];
                *awaited = match *awaited {
                    None => Some((stamp_ns + habits.ack_delay_ns, 1)),
                    Some((_, 1)) => Some((stamp_ns + reaction_ns, 2)),
                    Some((due_ns, count)) => Some((due_ns, count + 1)),
                };
            }
        }
    }

    /// Puts the segments in order of time and numbers them: each acknowledges what came before without hole.
    fn number(&mut self) {
        self.steps.sort_by_key(|step| step.stamp_ns);
        let mut arrived = [Arrived::default(), Arrived::default()];
        for step in &mut self.steps {
            let (half, other) = (&self.halves[step.side as usize], &self.halves[step.side.other() as usize]);
            let Segment { flags, .. } = step.segment;
            let closed = if step.has_data() { 0 } else { arrived[step.side as usize].fin };
            let offset = if flags & SYN != 0 { 0 } else { 1 + step.from + closed };
            step.segment.sequence = half.first_sequence.wrapping_add(offset);
            if flags & ACK != 0 {
                let acknowledged = arrived[step.side.other() as usize].count();
                step.segment.acknowledged = other.first_sequence.wrapping_add(acknowledged);
            }
            arrived[step.side as usize].note(step);
        }
        for half in &mut self.halves {
            half.gaps.iter().for_each(|&(from, to)| half.seen.add(from, to));
        }
    }

    fn push(&mut self, stamp_ns: u64, side: Side, flags: u8, (from, to): (u32, u32), captured: bool) {
        let segment = Segment { sequence: 0, acknowledged: 0, flags };
        self.steps.push(Step { stamp_ns, side, from, to, segment, captured, again: false });
    }
}

impl Half {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.sent = 0;
        self.gaps.clear();
        self.seen.0.clear();
        self.passed = 0;
    }

    /// Appends a message with its length before it (RFC 1035, section 4.2.2).
    fn append(&mut self, message: &[u8]) {
        self.bytes.extend_from_slice(&(message.len() as u16).to_be_bytes());
        self.bytes.extend_from_slice(message);
        self.ends.push(self.bytes.len() as u32);
    }
}

/// What has arrived at the other side, as sequence numbers from the SYN on.
#[derive(Debug, Default)]
struct Arrived {
    spans: Spans,
    fin: u32,
}

impl Arrived {
    fn note(&mut self, step: &Step) {
        self.spans.add(step.from, step.to);
        self.fin |= u32::from(step.segment.flags & FIN != 0);
    }

    fn count(&self) -> u32 {
        1 + self.spans.without_hole() + self.fin
    }
}

/// Ranges of bytes in order, apart from each other.
#[derive(Debug, Default)]
struct Spans(Vec<(u32, u32)>);

impl Spans {
    fn add(&mut self, from: u32, to: u32) {
        if from == to {
            return;
        }
        let first = self.0.partition_point(|&(_, end)| end < from);
        let after = self.0.partition_point(|&(start, _)| start <= to);
        let touched = &self.0[first..after];
        let start = touched.first().map_or(from, |&(start, _)| start.min(from));
        let end = touched.last().map_or(to, |&(_, end)| end.max(to));
        self.0.splice(first..after, [(start, end)]);
    }

    /// The end of the range that begins with byte 0.
    fn without_hole(&self) -> u32 {
        self.0.first().map_or(0, |&(start, end)| if start == 0 { end } else { 0 })
    }
}

/// A connection being drawn.
struct Drawing<'a> {
    connection: &'a mut Connection,
    habits: &'a Habits,
    random: &'a mut Random,
    scribe: &'a mut Scribe,
}

impl Drawing<'_> {
    fn whole(&mut self, start_ns: u64, exchanges: &[Exchange]) {
        let across_ns = self.habits.across_ns;
        let from_start = !self.habits.midstream.happens(self.random);
        let opened_ns = start_ns + AT_ONCE_NS + across_ns;
        self.bare(start_ns, Side::Client, SYN, from_start);
        self.bare(start_ns + AT_ONCE_NS, Side::Resolver, SYN | ACK, from_start);
        self.bare(opened_ns, Side::Client, ACK, from_start);
        let end_ns = if self.habits.pipelined.happens(self.random) {
            self.pipelined(opened_ns + AT_ONCE_NS, exchanges)
        } else {
            self.one_by_one(opened_ns + AT_ONCE_NS, exchanges)
        };
        if self.habits.reset.happens(self.random) {
            return self.bare(end_ns, Side::Client, RST | ACK, true);
        }
        self.bare(end_ns, Side::Client, FIN | ACK, true);
        self.bare(end_ns + AT_ONCE_NS, Side::Resolver, FIN | ACK, true);
        self.bare(end_ns + AT_ONCE_NS + across_ns, Side::Client, ACK, true);
    }

    /// Each query waits for the response before; gives when the last response has crossed the network.
    fn one_by_one(&mut self, mut at_ns: u64, exchanges: &[Exchange]) -> u64 {
        for exchange in exchanges {
            self.append_query(exchange);
            let asked_ns = self.send(at_ns, Side::Client);
            let responded_ns = asked_ns + exchange.rtt_ns;
            let arrived_ns = if exchange.transaction.answered {
                self.append_response(exchange);
                self.send(responded_ns, Side::Resolver)
            } else {
                self.bare(responded_ns, Side::Resolver, ACK, false);
                responded_ns
            };
            at_ns = arrived_ns + self.habits.across_ns;
        }
        at_ns
    }

    /// All queries leave at once; responses come as they are ready. Gives the same.
    fn pipelined(&mut self, at_ns: u64, exchanges: &[Exchange]) -> u64 {
        let mut ready = Vec::with_capacity(exchanges.len());
        for (index, exchange) in exchanges.iter().enumerate() {
            self.append_query(exchange);
            let last = index + 1 == exchanges.len();
            if last || !self.habits.joined.happens(self.random) {
                let asked_ns = self.send(at_ns, Side::Client);
                let together = &exchanges[ready.len()..=index];
                ready.extend(together.iter().map(|exchange| (asked_ns + exchange.rtt_ns, exchange)));
            }
        }
        ready.sort_by_key(|&(ready_ns, _)| ready_ns);
        let mut end_ns = ready.last().map_or(at_ns, |&(ready_ns, _)| ready_ns);
        for (index, (ready_ns, exchange)) in ready.iter().enumerate() {
            if exchange.transaction.answered {
                self.append_response(exchange);
            }
            let last = index + 1 == ready.len();
            if last || !self.habits.joined.happens(self.random) {
                end_ns = end_ns.max(self.send(*ready_ns, Side::Resolver));
            }
        }
        end_ns + self.habits.across_ns
    }

    fn append_query(&mut self, exchange: &Exchange) {
        let query = self.scribe.query(&exchange.transaction);
        self.connection.halves[Side::Client as usize].append(query);
    }

    fn append_response(&mut self, exchange: &Exchange) {
        let half = &mut self.connection.halves[Side::Resolver as usize];
        if exchange.messages == 1 {
            return half.append(self.scribe.response(&exchange.transaction));
        }
        for index in 0..exchange.messages {
            let part = Part { index, last: index + 1 == exchange.messages };
            half.append(self.scribe.transfer(&exchange.transaction, part));
        }
    }

    /// A segment without data, after all that the side has sent.
    fn bare(&mut self, stamp_ns: u64, side: Side, flags: u8, captured: bool) {
        let end = self.connection.halves[side as usize].bytes.len() as u32;
        self.connection.push(stamp_ns, side, flags, (end, end), captured);
    }

    /// Sends what has been appended, as a whole or in segments; gives when all of it has arrived.
    fn send(&mut self, at_ns: u64, side: Side) -> u64 {
        let half = &mut self.connection.halves[side as usize];
        let (from, to) = (half.sent, half.bytes.len() as u32);
        half.sent = to;
        if from == to {
            return at_ns;
        }
        let start_ns = at_ns.max(self.connection.free_ns[side as usize]);
        let cuts = self.cuts(side, from, to);
        let gap = match self.habits.gap.happens(self.random) {
            true => self.random.below(cuts.len() as u32) as usize,
            false => usize::MAX,
        };
        let (mut start, mut before, mut arrived_ns) = (from, from, start_ns);
        for (index, &end) in cuts.iter().enumerate() {
            let sent_ns = start_ns + index as u64 * SPACING_NS;
            let stamp_ns = sent_ns + self.held_up_ns();
            let flags = if end == to { PSH | ACK } else { ACK };
            // What follows the gap is captured again from the next message on: there a reader can go on.
            let captured = index < gap;
            self.connection.push(stamp_ns, side, flags, (start, end), captured);
            if captured && self.habits.retransmitted.happens(self.random) {
                let fits = end - before <= self.habits.segment_bytes_max;
                let again_from = if fits && self.random.below(2) == 0 { before } else { start };
                self.send_again(stamp_ns, side, flags, (again_from, end));
            }
            arrived_ns = arrived_ns.max(stamp_ns);
            if index == gap {
                self.connection.halves[side as usize].gaps.push((start, to));
            }
            (before, start) = (start, end);
        }
        self.connection.free_ns[side as usize] = start_ns + cuts.len() as u64 * SPACING_NS;
        arrived_ns
    }

    /// How much later than sent a segment is captured.
    fn held_up_ns(&mut self) -> u64 {
        if self.habits.lost.happens(self.random) {
            RETRANSMISSION_NS
        } else if self.habits.reordered.happens(self.random) {
            SPACING_NS + self.random.below_wide(OVERTAKEN_MAX_NS)
        } else {
            0
        }
    }

    fn send_again(&mut self, stamp_ns: u64, side: Side, flags: u8, bytes: (u32, u32)) {
        let later_ns = 1000 + self.random.below_wide(2 * RETRANSMISSION_NS / 100);
        self.connection.push(stamp_ns + later_ns, side, flags, bytes, true);
        if let Some(step) = self.connection.steps.last_mut() {
            step.again = true;
        }
    }

    /// Where the segments of these bytes end: when they are full, and where a message is torn, as by hosts
    /// that write its length on its own.
    fn cuts(&mut self, side: Side, from: u32, to: u32) -> Vec<u32> {
        let half = &self.connection.halves[side as usize];
        let mut torn = Vec::new();
        let mut start = from;
        for &end in &half.ends[half.ends.partition_point(|&end| end <= from)..] {
            if self.habits.split.happens(self.random) {
                let after_length = self.random.below(2) == 0;
                torn.push(start + if after_length { 2 } else { 1 + self.random.below(end - start - 1) });
            }
            start = end;
        }
        let mut torn = torn.into_iter().peekable();
        let mut cuts = Vec::new();
        let mut at = from;
        while at < to {
            let full = (at + self.habits.segment_bytes_max).min(to);
            at = torn.next_if(|&cut| cut < full).unwrap_or(full);
            torn.next_if_eq(&at);
            cuts.push(at);
        }
        cuts
    }
}
