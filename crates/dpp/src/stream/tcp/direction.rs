//! One direction of a connection: where a segment's data belongs, and where messages begin and end in it.
//!
//! The surprising fact: a direction knows its place in the stream and its place in the messages separately. A hole costs the
//! messages it hits; but if the length of the message it begins in is known and the message ends behind the hole, the next
//! one is found without searching.

use super::Message;
use super::buffer::{Buffer, Hole, Part, Piece, Pool};
use super::counts::Streams;
use super::plausible::{START, find, is_impossible, plausible};
use super::tickets::{Carrier, Tickets};
use crate::limits::StreamLimits;
use crate::packet::{Flow, Skip};
use crate::stream::steps::steps;

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Direction {
    /// The place of the next byte. Its low 32 bits are the sequence number, so it never wraps.
    next: u64,
    pub(super) buffer: Option<Box<Buffer>>,
    /// The number of the SYN; of a stream picked up in the middle, as if there had been one just before.
    isn: u32,
    /// Where a stream begins that was picked up in the middle, while what comes from before is still believed; or 0.
    floor: u64,
    /// What is not there behind that: from where to where, counted from there.
    lack: [u32; 2],
    /// Bytes of a message already counted that are still to pass.
    passing: u32,
    /// Why they pass.
    passing_skip: Skip,
    /// Where the FIN stands.
    end: Option<u32>,
    /// Where the next segment starts if the stream goes on where the last one was that was too far away.
    elsewhere: Option<u32>,
    framing: Framing,
    state: State,
}

/// What is known about the place in the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// Followed from the SYN: lengths are believed, whatever they are.
    Known,
    /// A message was found that looks like one; the next one must, too.
    Guessed,
    /// The start of each segment is tried.
    Lost,
}

/// What is known about the place in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing: the first data gives it.
    New,
    /// Nothing any more, because it was given up.
    Evicted,
    Open,
    /// A FIN or RST came. What is not old begins anew.
    Closed,
}

/// What is needed to hand out a message, or to count why not.
pub(super) struct Delivery<'a, 'f, V> {
    pub(super) flow: Flow<'f>,
    pub(super) handshake_rtt_ns: Option<i64>,
    /// What the messages are dated with.
    pub(super) time_ns: i64,
    /// The clock.
    pub(super) now_ns: i64,
    pub(super) limits: &'a StreamLimits,
    pub(super) counts: &'a mut Streams,
    pub(super) pool: &'a mut Pool,
    pub(super) tickets: &'a mut Tickets,
    /// The packets of the segment at hand.
    pub(super) carrier: &'a Carrier,
    pub(super) visit: &'a mut V,
}

impl<V: FnMut(Message<'_>)> Delivery<'_, '_, V> {
    #[inline]
    fn hand_out(&mut self, bytes: &[u8], length: usize) {
        self.counts.messages += 1;
        self.counts.message_bytes += bytes.len() as u64;
        self.tickets.used();
        let Delivery { flow, time_ns, handshake_rtt_ns, .. } = *self;
        let carrier = self.tickets.carrier(self.carrier);
        (self.visit)(Message { flow, bytes, length, time_ns, handshake_rtt_ns, carrier });
    }

    /// So many bytes are those of no message.
    #[cold]
    fn skip_bytes(&mut self, length: usize) {
        if length > 0 {
            self.counts.skipped_bytes += length as u64;
            self.tickets.lost(Skip::TcpNotDns);
        }
    }
}

impl Default for Direction {
    fn default() -> Self {
        Direction {
            next: 0,
            buffer: None,
            isn: 0,
            floor: 0,
            lack: [0; 2],
            passing: 0,
            passing_skip: Skip::TcpHole,
            end: None,
            elsewhere: None,
            framing: Framing::Lost,
            state: State::New,
        }
    }
}

impl Direction {
    /// Begins behind a SYN.
    pub(super) fn open(&mut self, isn: u32) {
        self.pick_up(isn.wrapping_add(1));
        self.framing = Framing::Known;
    }

    /// Begins in the middle.
    fn pick_up(&mut self, sequence: u32) {
        let mut buffer = self.buffer.take();
        if let Some(buffer) = &mut buffer {
            buffer.hole = Hole::default();
        }
        *self = Direction {
            // Far enough from 0 that places before it can be told.
            next: 1 << 32 | u64::from(sequence),
            isn: sequence.wrapping_sub(1),
            state: State::Open,
            buffer,
            ..Direction::default()
        };
    }

    pub(super) fn is_new(&self) -> bool {
        matches!(self.state, State::New | State::Evicted)
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether `isn` is that of the SYN it began with.
    pub(super) fn began_with(&self, isn: u32) -> bool {
        !self.is_new() && self.isn == isn
    }

    /// Whether nothing has come since the SYN.
    pub(super) fn is_at_start(&self) -> bool {
        self.state == State::Open && self.buffer.is_none() && self.next as u32 == self.isn.wrapping_add(1)
    }

    /// How far a sequence number lies ahead of what is expected next (RFC 9293 section 3.4).
    #[inline]
    pub(super) fn ahead(&self, sequence: u32) -> i64 {
        i64::from(sequence.wrapping_sub(self.next as u32) as i32)
    }

    /// Takes the data of a segment that begins at `sequence`. What becomes of it the tickets are told.
    #[inline]
    pub(super) fn take<V: FnMut(Message<'_>)>(
        &mut self,
        sequence: u32,
        payload: &[u8],
        payload_length: usize,
        out: &mut Delivery<V>,
    ) {
        let ahead = self.ahead(sequence);
        if ahead == 0 && payload.len() == payload_length && self.buffer.is_none() && self.state == State::Open
        {
            self.elsewhere = None;
            return self.read(payload, out);
        }
        let earlier = if ahead < 0 { self.take_earlier(ahead, payload, payload_length, out) } else { 0 };
        if earlier == payload_length {
            return;
        }
        let (sequence, payload) =
            (sequence.wrapping_add(earlier as u32), payload.get(earlier..).unwrap_or_default());
        let payload_length = payload_length - earlier;
        let Some(ahead) = self.place(sequence, payload_length, out) else {
            out.counts.unplaced_bytes += payload.len() as u64;
            return out.tickets.lost(Skip::TcpUnplaced);
        };
        let old = usize::try_from(-ahead).unwrap_or(0);
        let bytes = payload.get(old..).unwrap_or_default();
        out.counts.repeated_bytes += (payload.len() - bytes.len()) as u64;
        if old >= payload_length {
            return out.tickets.lost(Skip::TcpRepeated);
        }
        let start = self.next + ahead.max(0) as u64;
        let part = Part { start, bytes, missing: payload_length - old - bytes.len() };
        match self.buffer.as_ref().and_then(|buffer| buffer.first_piece()) {
            None if ahead <= 0 => {
                self.read(bytes, out);
                self.cut_off(part.missing as u64, out);
            }
            _ => self.keep_early(part, out),
        }
    }

    /// Reads what of a segment lies before the place where the stream was picked up: the first segments of a capture overtake each
    /// other like any others. Each is read by itself at once, as nothing tells whether others are still to come. Gives how much
    /// of it that is.
    #[cold]
    fn take_earlier<V: FnMut(Message<'_>)>(
        &mut self,
        ahead: i64,
        payload: &[u8],
        payload_length: usize,
        out: &mut Delivery<V>,
    ) -> usize {
        let most = u64::from(out.limits.earlier_bytes);
        if self.floor == 0 || self.state != State::Open || self.next - self.floor > most {
            self.floor = 0;
            return 0;
        }
        let start = self.next - ahead.unsigned_abs();
        let end = start + payload_length as u64;
        let lack = self.lack.map(|at| self.floor + u64::from(at));
        let length = if start >= self.floor {
            if start < lack[0] || end > lack[1] {
                return 0;
            }
            let side = usize::from(start > lack[0]);
            self.lack[side] = ([end, start][side] - self.floor) as u32;
            payload_length
        } else {
            let before = self.floor - start;
            if before > most {
                return 0;
            }
            self.lack = match end < self.floor {
                true => [payload_length as u32, before as u32],
                false => self.lack.map(|at| at + before as u32),
            };
            self.floor = start;
            payload_length.min(before as usize)
        };
        let captured = payload.len().min(length);
        out.counts.cut_bytes += (length - captured) as u64;
        self.read_apart(&payload[..captured], out);
        length
    }

    /// Reads bytes of which neither what is before them nor what is behind is at hand.
    fn read_apart<V: FnMut(Message<'_>)>(&mut self, bytes: &[u8], out: &mut Delivery<V>) {
        let framing = std::mem::replace(&mut self.framing, Framing::Lost);
        let rest = self.read_whole(bytes, out);
        self.framing = framing;
        match rest.split_first_chunk() {
            Some((prefix, begun)) if rest.len() >= START => {
                out.hand_out(begun, u16::from_be_bytes(*prefix).into());
                out.counts.messages_cut += 1;
            }
            _ => out.skip_bytes(rest.len()),
        }
    }

    /// How far ahead a segment lies, if that is believed; begins anew where that must be.
    fn place<V: FnMut(Message<'_>)>(
        &mut self,
        sequence: u32,
        payload_length: usize,
        out: &mut Delivery<V>,
    ) -> Option<i64> {
        let ahead = self.ahead(sequence);
        let is_far = ahead.unsigned_abs() > u64::from(out.limits.far);
        let goes_on = self.elsewhere.take() == Some(sequence);
        match self.state {
            State::New => {
                self.pick_up(sequence);
                self.floor = self.next;
            }
            State::Evicted => self.pick_up(sequence),
            State::Closed if is_far || ahead >= 0 => self.pick_up(sequence),
            State::Closed | State::Open if !is_far => return Some(ahead),
            _ if goes_on => {
                self.flush(out);
                self.abandon(Skip::TcpIncomplete, out.counts, out.tickets);
                self.pick_up(sequence);
                out.counts.strayed += 1;
            }
            _ => {
                self.elsewhere = Some(sequence.wrapping_add(payload_length as u32));
                return None;
            }
        }
        Some(0)
    }

    /// Puts a segment where others wait too, and reads what has become contiguous.
    fn keep_early<V: FnMut(Message<'_>)>(&mut self, part: Part, out: &mut Delivery<V>) {
        let buffer = self.buffer.get_or_insert_with(|| out.pool.get());
        let first = buffer.first_piece();
        let (taken, is_new) = buffer.insert(part, out.time_ns, || out.tickets.hold(out.carrier));
        out.counts.repeated_bytes += (part.bytes.len() - taken) as u64;
        if !is_new {
            out.tickets.lost(Skip::TcpRepeated);
        } else if part.bytes.is_empty() {
            out.tickets.lost(Skip::TcpNoData);
        }
        self.read_pieces(out);
        while self.waiting().is_some_and(|buffer| {
            buffer.has_more_than(out.limits.direction_pieces, out.limits.direction_bytes)
        }) {
            self.give_up_hole(out);
        }
        if self.waiting().and_then(|buffer| buffer.first_piece()) != first {
            self.watch(out.now_ns);
        }
    }

    /// The buffer, if early pieces wait in it.
    fn waiting(&mut self) -> Option<&mut Buffer> {
        self.buffer.as_deref_mut().filter(|buffer| buffer.first_piece().is_some())
    }

    /// Begins to watch a hole.
    fn watch(&mut self, now_ns: i64) {
        if let Some(buffer) = &mut self.buffer {
            buffer.hole = Hole { since_ns: now_ns, missed: None, ..buffer.hole };
        }
    }

    /// Reads the pieces that have their turn.
    fn read_pieces<V: FnMut(Message<'_>)>(&mut self, out: &mut Delivery<V>) {
        while let Some(piece) = self.buffer.as_mut().and_then(|buffer| buffer.take_piece(self.next)) {
            self.read_piece(&piece, out);
        }
    }

    fn read_piece<V: FnMut(Message<'_>)>(&mut self, piece: &Piece, out: &mut Delivery<V>) {
        let before = out.tickets.turn_to(piece.ticket);
        self.read(&piece.bytes, out);
        self.cut_off(piece.missing.into(), out);
        out.tickets.turn_to(before);
        out.tickets.release(piece.ticket);
    }

    /// Passes over what the snaplen cut off.
    fn cut_off<V: FnMut(Message<'_>)>(&mut self, length: u64, out: &mut Delivery<V>) {
        out.counts.cut_bytes += length;
        self.lose(length, out);
    }

    /// Goes on behind the first hole. Messages found there were complete when their segment came, and are dated with that.
    fn give_up_hole<V: FnMut(Message<'_>)>(&mut self, out: &mut Delivery<V>) {
        let Some(start) = self.waiting().and_then(|buffer| buffer.first_piece()) else { return };
        out.counts.gaps += 1;
        out.counts.gap_bytes += start - self.next;
        self.lose(start - self.next, out);
        let now = out.time_ns;
        while let Some(piece) = self.buffer.as_mut().and_then(|buffer| buffer.take_piece(self.next)) {
            out.time_ns = piece.time_ns;
            self.read_piece(&piece, out);
        }
        out.time_ns = now;
        self.watch(out.now_ns);
    }

    /// Gives up all holes.
    pub(super) fn flush<V: FnMut(Message<'_>)>(&mut self, out: &mut Delivery<V>) {
        while self.waiting().is_some() {
            self.give_up_hole(out);
        }
    }

    /// Hears that the receiver has everything up to `sequence`.
    pub(super) fn acknowledged(&mut self, sequence: u32, limits: &StreamLimits) {
        let (ahead, next) = (self.ahead(sequence), self.next);
        if let Some(buffer) = self.waiting()
            && (1..=i64::from(limits.far)).contains(&ahead)
        {
            buffer.hole.acknowledged = buffer.hole.acknowledged.max(next + ahead as u64);
        }
    }

    /// Gives up holes that have been waited for long enough. Called at each segment of the connection.
    pub(super) fn lose_patience<V: FnMut(Message<'_>)>(&mut self, out: &mut Delivery<V>) {
        let limits = out.limits;
        let Some(buffer) = self.waiting() else { return };
        let (first, hole) = (buffer.first_piece(), &mut buffer.hole);
        let acknowledged = hole.acknowledged;
        if first.is_some_and(|first| first > acknowledged) {
            if out.now_ns.saturating_sub(hole.since_ns) > limits.lost_ns {
                self.give_up_hole(out);
            }
            return;
        }
        let Some((since_ns, segments)) = &mut hole.missed else {
            hole.missed = Some((out.now_ns, 0));
            return;
        };
        *segments += 1;
        if *segments >= limits.missed_segments || out.now_ns.saturating_sub(*since_ns) > limits.missed_ns {
            while self.waiting().is_some_and(|b| b.first_piece().is_some_and(|first| first <= acknowledged)) {
                self.give_up_hole(out);
            }
        }
    }

    /// A FIN behind the last byte, at `sequence`.
    pub(super) fn note_end(&mut self, sequence: u32, limits: &StreamLimits) {
        if self.state == State::Open {
            self.end = Some(sequence);
            // The rest was sent; if it was received, nobody will say so any more.
            self.acknowledged(sequence, limits);
        }
    }

    /// Ends the direction if its FIN has its turn. Gives whether it has ended by it just now.
    pub(super) fn close_at_end(&mut self, counts: &mut Streams, tickets: &mut Tickets) -> bool {
        let ends = self.state == State::Open && self.end == Some(self.next as u32);
        if ends {
            self.next += 1;
            self.close(counts, tickets);
        }
        ends
    }

    /// Whether its FIN was seen.
    pub(super) fn has_end(&self) -> bool {
        self.end.is_some() || self.state == State::Closed
    }

    /// Ends it; what is incomplete is lost.
    pub(super) fn close(&mut self, counts: &mut Streams, tickets: &mut Tickets) {
        self.abandon(Skip::TcpIncomplete, counts, tickets);
        if self.state == State::Open {
            self.state = State::Closed;
        }
    }

    /// Gives up what is incomplete, for this reason.
    pub(super) fn abandon(&mut self, skip: Skip, counts: &mut Streams, tickets: &mut Tickets) {
        if let Some(buffer) = &mut self.buffer {
            give_up_message(buffer, self.framing, skip, counts, tickets);
            counts.lost_bytes += buffer.drop_pieces(|ticket| tickets.lose(ticket, skip)) as u64;
        }
        self.passing = 0;
        self.framing = Framing::Lost;
    }

    /// Gives up what is incomplete because others need the room. Without early pieces the place is kept, and the rest
    /// of the message will pass by.
    pub(super) fn evict(&mut self, counts: &mut Streams, tickets: &mut Tickets) {
        counts.evicted += 1;
        let framing = self.framing;
        let (have, wanted) = self.buffer.as_ref().map_or((0, 2), |b| (b.message.len(), b.wanted()));
        let has_pieces = self.waiting().is_some();
        self.abandon(Skip::TcpEvicted, counts, tickets);
        if has_pieces {
            self.state = State::Evicted;
        } else if have >= START || framing == Framing::Known && have >= 2 {
            self.passing = (wanted - have) as u32;
            self.passing_skip = Skip::TcpEvicted;
            self.framing = framing;
        }
    }

    /// Reads bytes that have their turn.
    #[inline]
    fn read<V: FnMut(Message<'_>)>(&mut self, bytes: &[u8], out: &mut Delivery<V>) {
        steps(bytes.len());
        self.next += bytes.len() as u64;
        let mut rest = bytes;
        if self.passing > 0 {
            rest = self.pass(rest, out);
        }
        if self.buffer.is_some() {
            rest = self.complete(rest, out);
        }
        rest = self.read_whole(rest, out);
        if !rest.is_empty() {
            let buffer = self.buffer.get_or_insert_with(|| out.pool.get());
            append(buffer, rest, out);
        }
    }

    /// Lets the rest of a message pass that is counted already.
    fn pass<'b, V: FnMut(Message<'_>)>(&mut self, bytes: &'b [u8], out: &mut Delivery<V>) -> &'b [u8] {
        let (passed, rest) = bytes.split_at(bytes.len().min(self.passing as usize));
        self.passing -= passed.len() as u32;
        out.counts.lost_bytes += passed.len() as u64;
        out.tickets.lost(self.passing_skip);
        rest
    }

    /// Hands out the messages that lie in `bytes` as a whole, and gives the rest: the start of a message.
    #[inline(always)]
    fn read_whole<'b, V: FnMut(Message<'_>)>(
        &mut self,
        mut bytes: &'b [u8],
        out: &mut Delivery<V>,
    ) -> &'b [u8] {
        loop {
            if self.framing != Framing::Known && bytes.len() >= START && !self.agrees(bytes, out.counts) {
                bytes = self.seek(bytes, out);
                if bytes.is_empty() {
                    return bytes;
                }
            }
            let Some((prefix, rest)) = bytes.split_first_chunk() else { return bytes };
            let length = usize::from(u16::from_be_bytes(*prefix));
            let is_sure = self.framing == Framing::Known || bytes.len() >= START;
            let Some((message, rest)) = rest.split_at_checked(length).filter(|_| is_sure) else {
                return bytes;
            };
            out.hand_out(message, length);
            bytes = rest;
        }
    }

    /// Looks for a message inside `bytes`. Gives them from there on, or none.
    #[cold]
    fn seek<'b, V: FnMut(Message<'_>)>(&mut self, bytes: &'b [u8], out: &mut Delivery<V>) -> &'b [u8] {
        let noise = find(bytes).unwrap_or(bytes.len());
        out.skip_bytes(noise);
        if noise < bytes.len() {
            self.framing = Framing::Guessed;
            out.counts.resynchronisations += 1;
        }
        &bytes[noise..]
    }

    /// Whether a message seems to begin here.
    fn agrees(&mut self, bytes: &[u8], counts: &mut Streams) -> bool {
        steps(bytes.len().min(START + 255));
        let agrees = plausible(bytes);
        counts.resynchronisations += u64::from(agrees && self.framing == Framing::Lost);
        self.framing = if agrees { Framing::Guessed } else { Framing::Lost };
        agrees
    }

    /// Completes the message that was begun, if there is one. Gives what is left of `bytes`.
    fn complete<'b, V: FnMut(Message<'_>)>(&mut self, bytes: &'b [u8], out: &mut Delivery<V>) -> &'b [u8] {
        let Some(mut buffer) = self.buffer.take_if(|buffer| !buffer.message.is_empty()) else { return bytes };
        let rest = self.complete_in(&mut buffer, bytes, out);
        self.buffer = Some(buffer);
        rest
    }

    /// The same with the buffer in hand. A try to find the framing begins at the start of a segment, and is decided when
    /// there are [`START`] bytes; if it fails, the segment that decided it is tried next. So each byte is looked at twice
    /// at most.
    fn complete_in<'b, V: FnMut(Message<'_>)>(
        &mut self,
        buffer: &mut Buffer,
        bytes: &'b [u8],
        out: &mut Delivery<V>,
    ) -> &'b [u8] {
        let begun = buffer.message.len();
        let mut rest = bytes;
        if self.framing != Framing::Known && begun < START {
            rest = append_up_to(buffer, START, rest, out.time_ns);
            if buffer.message.len() < START {
                out.tickets.join(&mut buffer.segments, out.carrier);
                return rest;
            }
            if !self.agrees(&buffer.message, out.counts) {
                out.counts.skipped_bytes += begun as u64;
                out.tickets.lose_all(&mut buffer.segments, Skip::TcpNotDns);
                buffer.message.clear();
                return bytes;
            }
        }
        if buffer.message.len() < 2 {
            rest = append_up_to(buffer, 2, rest, out.time_ns);
        }
        let wanted = buffer.wanted();
        rest = append_up_to(buffer, wanted, rest, out.time_ns);
        if let Some((prefix, message)) = buffer.message.split_first_chunk::<2>()
            && message.len() == usize::from(u16::from_be_bytes(*prefix))
        {
            out.hand_out(message, message.len());
            out.tickets.use_all(&mut buffer.segments);
            buffer.message.clear();
            buffer.progressed = true;
        } else if !bytes.is_empty() {
            out.tickets.join(&mut buffer.segments, out.carrier);
        }
        rest
    }

    /// Passes over bytes that the capture does not have. A message that began before them is handed out as far as it goes
    /// if its header is there.
    fn lose<V: FnMut(Message<'_>)>(&mut self, length: u64, out: &mut Delivery<V>) {
        if length == 0 {
            return;
        }
        self.next += length;
        let begun = self.buffer.take_if(|buffer| !buffer.message.is_empty());
        if let Some(mut buffer) = begun {
            self.passing = self.cut_message(&mut buffer, out);
            self.buffer = Some(buffer);
        }
        let of_message = length.min(self.passing.into());
        self.passing -= of_message as u32;
        if length > of_message {
            self.framing = Framing::Lost;
        }
    }

    /// Ends a message where the capture has a hole, and gives how much of it lies behind that.
    fn cut_message<V: FnMut(Message<'_>)>(&mut self, buffer: &mut Buffer, out: &mut Delivery<V>) -> u32 {
        let (have, wanted) = (buffer.message.len(), buffer.wanted());
        let is_sure = self.framing == Framing::Known || have >= START;
        if have >= START {
            let now = std::mem::replace(&mut out.time_ns, buffer.message_ns);
            let last = *buffer.segments.last().expect("some segment brought the bytes");
            let before = out.tickets.turn_to(last);
            out.hand_out(&buffer.message[2..], wanted - 2);
            out.tickets.turn_to(before);
            out.tickets.use_all(&mut buffer.segments);
            out.time_ns = now;
            out.counts.messages_cut += 1;
            buffer.message.clear();
        } else {
            give_up_message(buffer, self.framing, Skip::TcpHole, out.counts, out.tickets);
        }
        buffer.progressed = true;
        self.passing_skip = Skip::TcpHole;
        match is_sure && have >= 2 {
            true => (wanted - have) as u32,
            false => 0,
        }
    }
}

/// Moves bytes to a message until it has `length`, and gives the rest.
fn append_up_to<'b>(buffer: &mut Buffer, length: usize, bytes: &'b [u8], time_ns: i64) -> &'b [u8] {
    let (head, rest) = bytes.split_at(bytes.len().min(length - buffer.message.len()));
    buffer.append(head, time_ns);
    rest
}

/// Moves bytes to a message, and notes whose they are.
fn append<V: FnMut(Message<'_>)>(buffer: &mut Buffer, bytes: &[u8], out: &mut Delivery<V>) {
    buffer.append(bytes, out.time_ns);
    out.tickets.join(&mut buffer.segments, out.carrier);
}

/// Counts the message that was begun as lost, for this reason, or what might have been one as skipped. What cannot be
/// a message is lost for no other reason than that.
fn give_up_message(
    buffer: &mut Buffer,
    framing: Framing,
    skip: Skip,
    counts: &mut Streams,
    tickets: &mut Tickets,
) {
    let begun = buffer.message.len();
    let skip = if is_impossible(&buffer.message) { Skip::TcpNotDns } else { skip };
    tickets.lose_all(&mut buffer.segments, skip);
    if framing == Framing::Known || begun >= START {
        counts.incomplete += u64::from(begun > 0);
        counts.lost_bytes += begun as u64;
    } else {
        counts.skipped_bytes += begun as u64;
    }
    buffer.message.clear();
}
