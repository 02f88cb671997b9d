//! A message on its way through the matcher: a fixed-size [`Event`] and, beside it, the bytes of its [`Key`].
//!
//! Events of one chunk and one shard lie together in a [`Part`], in capture order. A part is owned by one place at a
//! time: the decoder fills it, its shard decides it, the sink reads it. So verdicts are plain fields, without locks or
//! atomics, and the bytes of the packet are free as soon as it is decoded.
//!
//! 48 bytes an event, and about 45 a key: 2,500 packets fill a part of 230 KiB, which stays in the second-level cache.

use super::Key;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// A query that waits for its response.
    Open,
    /// A query with its response: `rtt_ns` and `rcode` are the response's.
    Matched,
    /// A query that was not answered in time.
    TimedOut,
    /// A query that repeats an open one; it has no row of its own.
    Retry,
    /// A response that waits for its query, with a question.
    Response,
    /// A response that waits for its query, without a question section.
    BareResponse,
    /// A response that is done with: it answered a query, or was given up.
    Settled,
    /// No message: here everything that is due must be forgotten, because the clock goes back or the window ends.
    Sweep,
}

/// One message (one question of it), or a sweep.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// The packet's own timestamp, ns since 1970 UTC. Of a query: the earliest of it and its retries.
    pub time_ns: i64,
    /// The capture's clock before this packet, ns.
    pub before_ns: i64,
    /// The capture's clock after this packet, ns.
    pub after_ns: i64,
    /// Response minus query, ns; only when matched.
    pub rtt_ns: i64,
    /// Hash of the tuple; all of it, the shard was chosen by its upper bits.
    pub hash: u32,
    /// Where the key starts in the part's key bytes.
    pub key: u32,
    /// Which packet of the chunk, from 0.
    pub packet: u32,
    /// The message's own response code; once matched, the response's.
    pub rcode: u16,
    /// Length of the name in wire form.
    pub name_length: u8,
    /// Where it stands.
    pub state: State,
}

impl Event {
    /// A sweep before a packet: by the clock before it, everything due is forgotten.
    pub(crate) fn sweep(before_ns: i64, after_ns: i64, packet: u32) -> Event {
        Event {
            time_ns: before_ns,
            before_ns,
            after_ns,
            rtt_ns: 0,
            hash: 0,
            key: 0,
            packet,
            rcode: 0,
            name_length: 0,
            state: State::Sweep,
        }
    }
}

/// The share of one shard in one chunk.
#[derive(Debug, Default)]
pub struct Part {
    /// Position in the capture of the chunk's first packet.
    pub first_position: u64,
    /// The messages, in capture order.
    pub events: Vec<Event>,
    /// The keys of the events, one behind the other.
    pub keys: Vec<u8>,
    /// Queries that are open.
    pub(super) open: u32,
    /// Responses that are unclaimed.
    pub(super) unclaimed: u32,
    /// The clock after the last message that waits or has waited here: all of them are due once it is long past.
    pub(super) newest_ns: i64,
    /// No message of this part is due before the clock is past this.
    pub(super) due_ns: i64,
}

impl Part {
    /// The bytes of an event's key.
    #[inline]
    pub fn key(&self, event: &Event) -> Key<'_> {
        Key::at(&self.keys, event.key as usize, event.name_length)
    }

    /// Position in the capture of the packet an event came with.
    #[inline]
    pub fn position(&self, event: &Event) -> u64 {
        self.first_position + u64::from(event.packet)
    }

    /// Appends a copy of another part's event of this index, with its key.
    pub(crate) fn append_from(&mut self, other: &Part, index: usize) {
        let event = other.events[index];
        self.first_position = other.first_position;
        self.events.push(Event { key: self.keys.len() as u32, ..event });
        self.keys.extend_from_slice(other.key(&event).bytes());
    }

    /// Empties the part for a chunk that starts at `first_position`; its memory is kept.
    pub(crate) fn reset(&mut self, first_position: u64) {
        self.first_position = first_position;
        self.events.clear();
        self.keys.clear();
        (self.open, self.unclaimed) = (0, 0);
        (self.newest_ns, self.due_ns) = (i64::MIN, i64::MAX);
    }

    /// Whether something here still waits.
    #[inline]
    pub(super) fn waits(&self) -> bool {
        self.open + self.unclaimed > 0
    }
}
