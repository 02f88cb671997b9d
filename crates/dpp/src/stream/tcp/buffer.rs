//! What one direction of a stream waits with: the message that is not complete, and segments that came too early.
//!
//! Most directions never have one: a message that lies in one segment is handed out from there.

use super::tickets::TICKET_CHARGE;
use crate::stream::steps::steps;
use std::collections::VecDeque;

/// What an empty buffer is charged, and what a piece is charged beside its bytes, with its ticket.
const BUFFER_CHARGE: usize = 512;
const PIECE_CHARGE: usize = 64 + TICKET_CHARGE;
/// A vector for a message has at least so many bytes.
const MESSAGE_LEAST: usize = 512;
/// How many empty buffers are kept for reuse.
const SPARE_MAX: usize = 16;

/// The incomplete message and the early segments of a direction.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// The bytes of the incomplete message that are there, from its length prefix.
    pub(super) message: Vec<u8>,
    /// The timestamp of the segment that brought the last of them.
    pub(super) message_ns: i64,
    /// The tickets of the segments that brought them, in order.
    pub(super) segments: Vec<u32>,
    /// In order, apart from each other, and behind what was read.
    pieces: VecDeque<Piece>,
    pieces_bytes: usize,
    /// What is known about the hole before the first piece.
    pub(super) hole: Hole,
    /// What the cell charges for it, and whether it is in the order of those that wait.
    pub(super) charge: usize,
    pub(super) waits: bool,
    /// Whether a message was completed since it was last put in that order.
    pub(super) progressed: bool,
}

/// A part of a stream that came too early.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) start: u64,
    pub(super) bytes: Box<[u8]>,
    /// Bytes behind it that the snaplen cut off.
    pub(super) missing: u32,
    pub(super) time_ns: i64,
    /// The ticket of the segment it is from.
    pub(super) ticket: u32,
}

/// How long the first hole has been waited for. Times are of the clock, ns.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hole {
    pub(super) since_ns: i64,
    /// Up to where the receiver has everything.
    pub(super) acknowledged: u64,
    /// Since when that covers the hole, and how many segments have come since.
    pub(super) missed: Option<(i64, u8)>,
}

impl Piece {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64 + u64::from(self.missing)
    }
}

impl Buffer {
    pub(super) fn is_empty(&self) -> bool {
        self.message.is_empty() && self.pieces.is_empty()
    }

    /// How many bytes the message has, with its prefix, as far as is known yet.
    pub(super) fn wanted(&self) -> usize {
        self.message.first_chunk().map_or(2, |&prefix| 2 + usize::from(u16::from_be_bytes(prefix)))
    }

    /// Adds bytes to the message. Grows by doubling, so that the cost is linear and the memory at most twice the bytes.
    pub(super) fn append(&mut self, bytes: &[u8], time_ns: i64) {
        let needed = self.message.len() + bytes.len();
        if needed > self.message.capacity() {
            steps(self.message.len());
            let capacity = needed.next_power_of_two().max(MESSAGE_LEAST);
            self.message.reserve_exact(capacity - self.message.len());
        }
        steps(bytes.len());
        self.message.extend_from_slice(bytes);
        self.message_ns = time_ns;
    }

    /// Puts the parts of a segment into place that are not there yet: the first copy of a byte counts. `hold` gives the ticket
    /// for each. Gives how many captured bytes were new, and whether anything was.
    pub(super) fn insert(
        &mut self,
        segment: Part,
        time_ns: i64,
        mut hold: impl FnMut() -> u32,
    ) -> (usize, bool) {
        let (mut cursor, end) = (segment.start, segment.end());
        let mut at = self.pieces.partition_point(|piece| piece.end() <= cursor);
        let (bytes_before, pieces_before) = (self.pieces_bytes, self.pieces.len());
        while cursor < end {
            steps(1);
            let stop = self.pieces.get(at).map_or(end, |piece| piece.start.min(end));
            if cursor < stop {
                let piece = segment.piece(cursor, stop, time_ns, hold());
                steps(piece.bytes.len() + at.min(self.pieces.len() - at));
                self.pieces_bytes += piece.bytes.len();
                self.pieces.insert(at, piece);
                at += 1;
            }
            cursor = self.pieces.get(at).map_or(end, Piece::end);
            at += 1;
        }
        (self.pieces_bytes - bytes_before, self.pieces.len() > pieces_before)
    }

    /// Where the first early piece starts.
    pub(super) fn first_piece(&self) -> Option<u64> {
        self.pieces.front().map(|piece| piece.start)
    }

    /// Takes out the first piece if it starts at `next`.
    pub(super) fn take_piece(&mut self, next: u64) -> Option<Piece> {
        let piece = self.pieces.pop_front_if(|piece| piece.start == next)?;
        self.pieces_bytes -= piece.bytes.len();
        Some(piece)
    }

    pub(super) fn has_more_than(&self, pieces: usize, bytes: usize) -> bool {
        self.pieces.len() > pieces || self.pieces_bytes > bytes
    }

    /// Forgets the early pieces, `each` by its ticket, and gives how many bytes they had.
    pub(super) fn drop_pieces(&mut self, each: impl FnMut(u32)) -> usize {
        steps(self.pieces.len());
        self.pieces.drain(..).map(|piece| piece.ticket).for_each(each);
        std::mem::take(&mut self.pieces_bytes)
    }

    /// What is to be charged: at least half of the memory it takes. Memory that is out of proportion is given back.
    fn weigh(&mut self) -> usize {
        let (message, pieces) = (self.message.len(), self.pieces.len());
        if self.message.capacity() > (2 * message).max(MESSAGE_LEAST) {
            steps(message);
            self.message.shrink_to(message.next_power_of_two().max(MESSAGE_LEAST));
        }
        if self.pieces.capacity() > 4 * pieces + 8 {
            steps(pieces);
            self.pieces.shrink_to(2 * pieces);
        }
        let segments = self.segments.len();
        if self.segments.capacity() > 4 * segments + 32 {
            self.segments.shrink_to(2 * segments);
        }
        BUFFER_CHARGE + message + segments * TICKET_CHARGE + pieces * PIECE_CHARGE + self.pieces_bytes
    }
}

/// Where a segment's data lies in the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) start: u64,
    pub(super) bytes: &'a [u8],
    /// Bytes behind it that the snaplen cut off.
    pub(super) missing: usize,
}

impl Part<'_> {
    fn end(&self) -> u64 {
        self.start + (self.bytes.len() + self.missing) as u64
    }

    /// What of it lies between two places.
    fn piece(&self, from: u64, to: u64, time_ns: i64, ticket: u32) -> Piece {
        let within = |place: u64| ((place - self.start) as usize).min(self.bytes.len());
        let bytes: Box<[u8]> = self.bytes[within(from)..within(to)].into();
        let missing = (to - from) as u32 - bytes.len() as u32;
        Piece { start: from, bytes, missing, time_ns, ticket }
    }
}

/// The buffers of a cell: what they are charged, and a few to be used again.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Bytes charged for all buffers in use.
    pub(super) held: usize,
    // Boxed, because directions hold them boxed.
    #[allow(clippy::vec_box)]
    spare: Vec<Box<Buffer>>,
}

impl Pool {
    pub(super) fn get(&mut self) -> Box<Buffer> {
        self.spare.pop().unwrap_or_default()
    }

    /// Charges what the buffer has come to.
    pub(super) fn charge(&mut self, buffer: &mut Buffer) {
        let charge = buffer.weigh();
        self.held = self.held - buffer.charge + charge;
        buffer.charge = charge;
    }

    /// Takes back an empty buffer.
    pub(super) fn put_back(&mut self, mut buffer: Box<Buffer>) {
        buffer.weigh();
        self.held -= buffer.charge;
        if self.spare.len() < SPARE_MAX {
            let Buffer { message, pieces, segments, .. } = *buffer;
            *buffer = Buffer { message, pieces, segments, ..Buffer::default() };
            self.spare.push(buffer);
        }
    }
}
