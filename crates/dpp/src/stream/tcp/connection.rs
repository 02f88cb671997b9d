//! A connection: two directions, the handshake before them, and how they end.

use super::Message;
use super::direction::{Delivery, Direction};
use super::key::Key;
use crate::packet::Segment;

/// A connection. `sides` are the directions of what the lower and the higher end of the key send.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) key: Key,
    pub(super) sides: [Direction; 2],
    handshake: Handshake,
    pub(super) phase: Phase,
    /// The clock at its last segment, ns.
    pub(super) last_ns: i64,
}

/// How far a connection has come. Of each phase only so many are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing was seen of it but SYNs.
    HalfOpen,
    Open,
    /// Both directions have ended; what is still to come was sent before.
    Closed,
}

/// The handshake (RFC 9293 section 3.5), as far as it was seen.
#[derive(Clone, Copy, Debug)]
enum Handshake {
    /// The client's ACK is still to come.
    Begun {
        /// Which end sent the first SYN.
        client: u8,
        is_answered: bool,
        /// The timestamp of the client's last SYN before it was answered.
        syn_ns: Option<i64>,
    },
    /// It is over, or was not seen.
    Over { rtt_ns: Option<i64> },
}

impl Connection {
    /// A connection of which nothing is known yet.
    pub(super) fn new(key: Key) -> Self {
        let sides = [Direction::default(), Direction::default()];
        Connection { key, sides, handshake: Handshake::Over { rtt_ns: None }, phase: Phase::Open, last_ns: 0 }
    }

    /// A connection that begins with a SYN.
    pub(super) fn opened(key: Key, from: usize, segment: &Segment, time_ns: i64) -> Self {
        let mut connection = Connection::new(key);
        let is_answered = segment.has(Segment::ACK);
        connection.sides[from].open(segment.sequence);
        connection.phase = Phase::HalfOpen;
        connection.handshake = Handshake::Begun {
            client: if is_answered { 1 - from } else { from } as u8,
            is_answered,
            syn_ns: (!is_answered).then_some(time_ns),
        };
        connection
    }

    pub(super) fn handshake_rtt_ns(&self) -> Option<i64> {
        match self.handshake {
            Handshake::Begun { .. } => None,
            Handshake::Over { rtt_ns } => rtt_ns,
        }
    }

    /// Whether nothing more is to come in either direction.
    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        self.sides.iter().all(Direction::is_closed)
    }

    /// Whether a SYN belongs to this connection: it came before, or it is the other end's. If not, the ports were used
    /// again.
    pub(super) fn takes_syn(&mut self, from: usize, segment: &Segment, time_ns: i64) -> bool {
        let is_answer = segment.has(Segment::ACK);
        let answers = self.sides[1 - from].began_with(segment.acknowledgment.wrapping_sub(1));
        let side = &mut self.sides[from];
        let (is_new, is_again) = (side.is_new(), side.began_with(segment.sequence));
        let takes = match &mut self.handshake {
            Handshake::Begun { client, is_answered, syn_ns } => {
                let is_client = usize::from(*client) == from;
                // A server with SYN cookies may answer a second SYN with another number (RFC 4987 section 3.6).
                let takes = is_again || is_new || is_answer && !is_client && side.is_at_start();
                if takes && is_client && !is_answer && (!*is_answered || is_new) {
                    *syn_ns = Some(time_ns);
                }
                *is_answered |= takes && is_answer;
                takes
            }
            Handshake::Over { .. } => is_again || is_new && is_answer && answers,
        };
        if takes && !is_again {
            side.open(segment.sequence);
        }
        takes
    }

    /// Takes a segment that is not a RST.
    #[inline]
    pub(super) fn take<V: FnMut(Message<'_>)>(
        &mut self,
        from: usize,
        segment: &Segment,
        payload: &[u8],
        out: &mut Delivery<V>,
    ) {
        if let Handshake::Begun { client, syn_ns, .. } = self.handshake
            && usize::from(client) == from
            && segment.flags & (Segment::SYN | Segment::ACK) == Segment::ACK
        {
            self.end_handshake(from, syn_ns, segment, out);
        }
        let is_calm = self.sides.iter().all(|side| side.buffer.is_none() && !side.has_end());
        if is_calm && !segment.has(Segment::FIN) {
            return self.take_data(from, segment, payload, out);
        }
        if segment.has(Segment::ACK) {
            self.sides[1 - from].acknowledged(segment.acknowledgment, out.limits);
        }
        self.take_data(from, segment, payload, out);
        if segment.has(Segment::FIN) {
            let end = data_sequence(segment).wrapping_add(segment.payload_length as u32);
            self.sides[from].note_end(end, out.limits);
        }
        self.end_waiting(from, out);
    }

    #[inline]
    fn take_data<V: FnMut(Message<'_>)>(
        &mut self,
        from: usize,
        segment: &Segment,
        payload: &[u8],
        out: &mut Delivery<V>,
    ) {
        if segment.payload_length > 0 {
            self.sides[from].take(data_sequence(segment), payload, segment.payload_length, out);
        }
    }

    /// Ends what has been waited for long enough, and directions whose end has come.
    fn end_waiting<V: FnMut(Message<'_>)>(&mut self, from: usize, out: &mut Delivery<V>) {
        let is_over = self.sides.iter().all(Direction::has_end);
        let mut has_ended = false;
        for side in [from, 1 - from] {
            match is_over {
                true => self.sides[side].flush(out),
                false => self.sides[side].lose_patience(out),
            }
            has_ended |= self.sides[side].close_at_end(out.counts, out.tickets);
            out.flow = out.flow.reversed();
        }
        out.counts.finished += u64::from(has_ended && self.is_closed());
    }

    /// The client's first segment with an ACK ends the handshake. It also tells where the server began, if its SYN was not
    /// captured.
    fn end_handshake<V>(
        &mut self,
        from: usize,
        syn_ns: Option<i64>,
        segment: &Segment,
        out: &mut Delivery<V>,
    ) {
        let [client, server] = [&self.sides[from], &self.sides[1 - from]];
        if client.is_at_start()
            && client.ahead(segment.sequence) == 0
            && (server.is_new() || server.is_at_start() && server.ahead(segment.acknowledgment) != 0)
        {
            self.sides[1 - from].open(segment.acknowledgment.wrapping_sub(1));
        }
        let rtt_ns = syn_ns.and_then(|syn_ns| out.time_ns.checked_sub(syn_ns)).filter(|&rtt_ns| rtt_ns >= 0);
        self.handshake = Handshake::Over { rtt_ns };
        out.counts.handshakes += u64::from(rtt_ns.is_some());
        out.handshake_rtt_ns = rtt_ns;
    }

    /// Ends both directions by a RST, and gives whether it was one. What came early is read first; a RST far from where its
    /// sender's stream stands is forged, and nobody believes it (RFC 5961 section 3).
    pub(super) fn reset<V: FnMut(Message<'_>)>(
        &mut self,
        from: usize,
        segment: &Segment,
        out: &mut Delivery<V>,
    ) -> bool {
        let is_far = self.sides[from].ahead(segment.sequence).unsigned_abs() > u64::from(out.limits.far);
        if is_far && !self.sides[from].is_new() || !self.sides.iter().any(Direction::is_open) {
            return false;
        }
        for side in [from, 1 - from] {
            self.sides[side].flush(out);
            self.sides[side].close(out.counts, out.tickets);
            out.flow = out.flow.reversed();
        }
        true
    }
}

/// The sequence number of the first byte of data: a SYN takes the one before it.
#[inline]
fn data_sequence(segment: &Segment) -> u32 {
    segment.sequence.wrapping_add(u32::from(segment.has(Segment::SYN)))
}
