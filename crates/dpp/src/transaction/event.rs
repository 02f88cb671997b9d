//! A message on its way through the matcher: a fixed-size [`Event`] and, beside it, the bytes of its [`Key`].
//!
//! Events of one chunk and one shard lie together in a [`Part`], in capture order. A part is owned by one place at a
//! time: the decoder fills it, its shard decides it, the sink reads it. So verdicts are plain fields, without locks or
//! atomics, and the bytes of the packet are free as soon as it is decoded.
//!
//! 48 bytes an event, and about 45 a key: 2,500 packets fill a part of 230 KiB, which stays in the second-level cache.

use super::facts::{Answer, Told};
use super::{Brief, Facts, Kept, Key, Seldom, Side, Tells, Tuple};
use crate::dns::Question;
use crate::packet::Origin;
use crate::stream::Segments;
use crate::tallies::rssac::Counted;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// A query that the shard has not seen yet.
    Query,
    /// A query as the frame of its response tells of it, that the shard has not seen yet: it may have been there already.
    Echo,
    /// A query that waits for its response.
    Open,
    /// A query that was answered and waits for the rest of its answer, of many messages.
    Transfer,
    /// A query with its response: `rtt_ns` and `rcode` are the response's.
    Matched,
    /// A query that was not answered in time.
    TimedOut,
    /// A query to which no response can be told to belong: multicast DNS. It is a row that waits for nothing.
    Unpaired,
    /// A response that answers nobody in particular: multicast DNS. It is a row if responses that nobody asked for are.
    Announcement,
    /// A query that repeats an open one; it has no row of its own.
    Retry,
    /// A response with a question that the shard has not seen yet.
    Response,
    /// A response without a question section that the shard has not seen yet.
    BareResponse,
    /// A response that waits for its query, with a question.
    Unclaimed,
    /// A response that waits for its query, without a question section.
    UnclaimedBare,
    /// A response that is done with: it answered a query, or was given up.
    Settled,
    /// A response that nobody asked for, and that is a row.
    Unasked,
    /// A message that was captured twice; this is the second.
    Duplicate,
    /// No message: here everything that is due must be forgotten, because the clock goes back or the window ends.
    Sweep,
}

impl State {
    /// Whether the message waits in the shard's table.
    #[inline]
    pub(super) fn waits(self) -> bool {
        matches!(self, State::Open | State::Transfer | State::Unclaimed | State::UnclaimedBare)
    }

    /// Whether it is a query, whatever became of it.
    pub(crate) fn is_query(self) -> bool {
        use State::*;
        matches!(self, Query | Echo | Open | Transfer | Matched | TimedOut | Unpaired | Retry)
    }

    /// Whether it is a query with its verdict and a row of its own, or a response that has one without.
    #[inline]
    pub(crate) fn is_row(self) -> bool {
        match self {
            State::Matched | State::TimedOut | State::Unpaired => true,
            // If they are wanted: else nobody asks about them.
            State::Unasked | State::Announcement => true,
            _ => false,
        }
    }

    /// Whether it is a message of a part that has come to its end, and a row of its own now or once.
    pub(crate) fn may_be_row(self) -> bool {
        self.is_query() || matches!(self, State::Unasked | State::Unclaimed | State::UnclaimedBare)
    }

    /// Whether it has not got its verdict.
    pub(crate) fn is_undecided(self) -> bool {
        matches!(self, State::Open | State::Transfer | State::Unclaimed | State::UnclaimedBare)
    }
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
    /// Response minus query, ns; only when matched, or in transfer.
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

/// What the events of a packet have in common.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The packet's own timestamp, ns.
    pub time_ns: i64,
    /// The capture's clock before this packet, ns.
    pub before_ns: i64,
    /// The capture's clock after this packet, ns.
    pub after_ns: i64,
    /// Which packet of the chunk, from 0.
    pub packet: u32,
}

impl Arrival {
    /// An event that is no message, of this packet.
    pub(crate) fn mark(&self, state: State) -> Event {
        Event {
            time_ns: self.time_ns,
            before_ns: self.before_ns,
            after_ns: self.after_ns,
            rtt_ns: 0,
            hash: 0,
            key: 0,
            packet: self.packet,
            rcode: 0,
            name_length: 0,
            state,
        }
    }
}

impl Event {
    /// The packet it came with.
    #[inline]
    pub fn arrival(&self) -> Arrival {
        let Event { time_ns, before_ns, after_ns, packet, .. } = *self;
        Arrival { time_ns, before_ns, after_ns, packet }
    }
}

/// A place in the capture behind which everything is given up that has waited too long: since so many bytes of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Position of the packet behind which that is done.
    pub position: u64,
    /// The clock after it, ns.
    pub clock_ns: i64,
    /// What came before this position is given up.
    pub oldest: u64,
}

/// The end of a chunk of a capture that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// The clock there, ns.
    pub until_ns: i64,
    /// Whether no output should hold back the rows up to there.
    pub is_due: bool,
}

/// The share of one shard in one chunk.
#[derive(Debug, Default)]
pub struct Part {
    /// Position in the capture of the chunk's first packet.
    pub first_position: u64,
    /// The messages, in capture order; those from TCP streams, which the shard finds, by themselves behind the others.
    pub events: Vec<Event>,
    /// How many are not from TCP streams.
    pub(crate) plain: usize,
    /// The keys of the events, one behind the other.
    pub keys: Vec<u8>,
    /// What else is known of each event; empty unless a column wants it.
    pub facts: Vec<Facts>,
    /// What is known of each event for a summary; empty unless that is all that is wanted.
    pub(super) briefs: Vec<Brief>,
    /// How many bytes the messages of answers have that no brief tells of, which are those behind the first; by event.
    pub(super) continued: BTreeMap<u32, u64>,
    /// What is known of responses of other parts that answered queries of this one.
    pub(super) answers: Vec<Side>,
    /// What is known of few of all these messages.
    pub(super) seldom: Vec<Seldom>,
    /// What there is among all these.
    pub(crate) tells: Tells,
    /// Bytes of messages that facts point to; empty unless they are needed.
    pub kept: Vec<u8>,
    /// Where the packets of the chunk come from; empty unless somebody wants to know.
    pub origins: Vec<Origin>,
    /// A digest of each event's message, and what it counts as if it is no copy; empty unless duplicates are dropped.
    pub digests: Vec<(u128, Option<Counted>)>,
    /// TCP segments, until the shard has gone through the part.
    pub segments: Segments,
    /// Where in the chunk the window of streams is enforced, in capture order; nearly always nowhere.
    pub closings: Vec<Closing>,
    /// The numbers of the decoder's events in capture order, if that is not the order they stand in.
    pub(crate) sequence: Vec<u32>,
    /// What holds at the end of the chunk, if the capture has not ended.
    pub live: Option<Live>,
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

    /// How many other questions stand before the one of this event among the rows of its packet. All events of a packet that are
    /// rows are in one part, one behind the other. Only changes count, so that it is the same for rows that were copied, each
    /// once or twice.
    pub(super) fn ordinal(&self, index: usize) -> u8 {
        let event = &self.events[index];
        let of_packet = self.events[..index].iter().rev().take_while(|other| other.packet == event.packet);
        let (mut ordinal, mut key) = (0, self.key(event));
        for other in of_packet.filter(|other| other.state.is_row()) {
            let before = self.key(other);
            if before != key {
                (ordinal, key) = (ordinal + 1, before);
            }
            if ordinal == u8::MAX {
                break;
            }
        }
        ordinal
    }

    /// Appends a message, or one question of it.
    #[inline(always)]
    pub(crate) fn push(
        &mut self,
        arrival: &Arrival,
        state: State,
        rcode: u16,
        (tuple, hash): (&Tuple, u32),
        question: Option<&Question>,
    ) {
        self.events.push(Event {
            time_ns: arrival.time_ns,
            before_ns: arrival.before_ns,
            after_ns: arrival.after_ns,
            rtt_ns: 0,
            hash,
            key: self.keys.len() as u32,
            packet: arrival.packet,
            rcode,
            name_length: question.map_or(0, |question| question.name.len() as u8),
            state,
        });
        tuple.write(question, &mut self.keys);
    }

    /// Says how long the response to the event that was appended last took, ns.
    pub(crate) fn set_rtt(&mut self, rtt_ns: i64) {
        if let Some(event) = self.events.last_mut() {
            event.rtt_ns = rtt_ns;
        }
    }

    /// Says what else is known of the event that was appended last, and of the response to it, if that is known already.
    #[inline]
    pub(crate) fn describe(&mut self, mut facts: Facts, answer: Option<Side>) {
        self.tells.handshakes |= facts.handshake_rtt_ns().is_some();
        if let Some(answer) = answer {
            facts.answer = self.add_answer(answer);
        }
        if let Some(event) = self.events.last()
            && let Some(origin) = Origin::of(&self.origins, event.packet)
        {
            (facts.own.input, facts.own.frame) = (origin.input, origin.frame);
        }
        let is_query = self.events.last().is_some_and(|event| event.state.is_query());
        self.tells.add(&facts.own, is_query);
        if self.facts.len() + 1 < self.events.len() {
            self.facts.resize_with(self.events.len() - 1, Facts::default);
        }
        self.facts.push(facts);
    }

    /// Says what a summary wants to know of the event that was appended last.
    #[inline]
    pub(crate) fn describe_briefly(&mut self, brief: Brief) {
        self.briefs.resize(self.events.len() - 1, Brief::default());
        self.briefs.push(brief);
    }

    /// How many bytes facts, answers and briefs take.
    pub(crate) fn facts_size(&self) -> usize {
        self.facts.len() * size_of::<Facts>()
            + self.answers.len() * size_of::<Side>()
            + self.seldom.len() * size_of::<Seldom>()
            + self.briefs.len() * size_of::<Brief>()
    }

    /// Adds to a message what is known of few.
    pub(crate) fn add_seldom(&mut self, side: &mut Side, seldom: &Seldom) {
        side.seldom = None;
        if seldom != Seldom::NOTHING {
            self.tells.add_seldom(seldom);
            self.seldom.push(*seldom);
            side.seldom = NonZeroU32::new(self.seldom.len() as u32);
        }
    }

    /// What is known of a message of this part that is known of few.
    #[inline]
    pub(crate) fn seldom(&self, side: &Side) -> &Seldom {
        match side.seldom {
            None => Seldom::NOTHING,
            Some(number) => &self.seldom[number.get() as usize - 1],
        }
    }

    /// What is known of the response to the event of these facts.
    #[inline]
    pub(crate) fn answer(&self, facts: &Facts) -> Option<&Side> {
        facts.answer.map(|answer| match answer.place() {
            Ok(event) => &self.facts[event].own,
            Err(number) => &self.answers[number],
        })
    }

    fn add_answer(&mut self, answer: Side) -> Option<Answer> {
        self.tells.add(&answer, false);
        self.answers.push(answer);
        Answer::copied(self.answers.len())
    }

    /// A copy of another part's message, with all that is known of it and was kept there.
    fn copy(&mut self, side: &Side, seldom: &Seldom, kept: &[u8]) -> Side {
        let mut copy = *side;
        copy.keep(self.keep_of(side.kept(), kept));
        if side.seldom.is_some() {
            let record = self.keep_of(seldom.record, kept);
            self.add_seldom(&mut copy, &Seldom { record, ..*seldom });
        }
        copy
    }

    /// Keeps what another part keeps.
    fn keep_of(&mut self, Kept { start, length }: Kept, kept: &[u8]) -> Kept {
        self.keep(&kept[start..start + length as usize])
    }

    /// Keeps these bytes for as long as the part lives.
    pub(crate) fn keep(&mut self, bytes: &[u8]) -> Kept {
        let start = self.kept.len();
        self.kept.extend_from_slice(bytes);
        Kept { start, length: bytes.len() as u32 }
    }

    /// Bytes that are kept.
    #[inline]
    pub fn kept(&self, kept: Kept) -> &[u8] {
        &self.kept[kept.start..kept.start + kept.length as usize]
    }

    /// Notes that the query of this index was repeated.
    pub(super) fn repeated(&mut self, index: u32) {
        if let Some(facts) = self.facts.get_mut(index as usize) {
            facts.retries += 1;
        }
        if let Some(brief) = self.briefs.get_mut(index as usize) {
            brief.repeated();
        }
    }

    /// What a summary wants to know of the event of this index, if anything.
    #[inline]
    pub(super) fn brief(&self, index: u32) -> Option<Brief> {
        self.briefs.get(index as usize).copied()
    }

    /// The same of the response that answered the query of this index.
    #[inline]
    pub(super) fn answered_briefly(&mut self, index: u32, response: &Brief) {
        match self.briefs.get_mut(index as usize) {
            Some(brief) if brief.is_answered() => {
                self.continued(index, response.length().unwrap_or(0).into())
            }
            Some(brief) => brief.answer(response),
            None => {}
        }
    }

    /// The answer to the query of this index has so many bytes more.
    #[cold]
    fn continued(&mut self, index: u32, bytes: u64) {
        *self.continued.entry(index).or_default() += bytes;
    }

    /// The query of this index was answered by the response of that index.
    pub(super) fn answered_here(&mut self, query: u32, response: u32) {
        let Some(told) = self.facts.get(response as usize) else { return };
        let (length, handshake_rtt) = (told.own.length, told.handshake_rtt);
        let Some(facts) = self.facts.get_mut(query as usize) else { return };
        facts.answered_by(length, handshake_rtt);
        facts.answer = facts.answer.or(Answer::here(response));
    }

    /// What a query of another part is told of the response of this index that answers it.
    pub(super) fn told(&self, response: u32) -> Option<Told> {
        let Facts { own, handshake_rtt, .. } = self.facts.get(response as usize)?;
        Some(Told { side: *own, seldom: *self.seldom(own), handshake_rtt: *handshake_rtt })
    }

    /// The query of this index was answered by a response of another part, which keeps these bytes.
    pub(super) fn answered(&mut self, query: u32, told: &Told, kept: &[u8]) {
        let Some(facts) = self.facts.get_mut(query as usize) else { return };
        self.tells.handshakes |= told.handshake_rtt.is_some();
        facts.answered_by(told.side.length, told.handshake_rtt);
        if facts.answer.is_none() {
            let answer = self.copy(&told.side, &told.seldom, kept);
            self.facts[query as usize].answer = self.add_answer(answer);
        }
    }

    /// Notes the digest of the event that was appended last, and what its message counts as.
    pub(crate) fn digest(&mut self, digest: u128, counted: Option<Counted>) {
        self.digests.resize(self.events.len() - 1, (0, None));
        self.digests.push((digest, counted));
    }

    /// Appends a copy of another part's event of this index, with its key.
    pub(crate) fn append_from(&mut self, other: &Part, index: usize) {
        let event = other.events[index];
        if self.events.is_empty() {
            self.first_position = other.first_position;
        }
        let packet = other.position(&event).saturating_sub(self.first_position) as u32;
        self.events.push(Event { key: self.keys.len() as u32, packet, ..event });
        self.keys.extend_from_slice(other.key(&event).bytes());
        if let Some(brief) = other.briefs.get(index) {
            self.describe_briefly(*brief);
        }
        if let Some(&bytes) = other.continued.get(&(index as u32)) {
            self.continued(self.events.len() as u32 - 1, bytes);
        }
        if let Some(&(mut facts)) = other.facts.get(index) {
            let mut copy = |side: &Side| self.copy(side, other.seldom(side), &other.kept);
            let answer = other.answer(&facts).map(&mut copy);
            facts.own = copy(&facts.own);
            self.describe(facts, answer);
        }
    }

    /// Empties the part for a chunk that starts at `first_position`; its memory is kept.
    pub(crate) fn reset(&mut self, first_position: u64) {
        self.first_position = first_position;
        self.events.clear();
        self.plain = 0;
        self.keys.clear();
        self.facts.clear();
        self.briefs.clear();
        self.continued.clear();
        self.answers.clear();
        self.seldom.clear();
        self.tells = Tells::default();
        self.kept.clear();
        self.origins.clear();
        self.digests.clear();
        self.segments.clear();
        self.closings.clear();
        self.sequence.clear();
        self.live = None;
        (self.open, self.unclaimed) = (0, 0);
        (self.newest_ns, self.due_ns) = (i64::MIN, i64::MAX);
    }

    /// Responses that wait are no rows, so nobody needs to know that they did.
    pub(super) fn drop_unclaimed(&mut self) {
        let unclaimed = |event: &&mut Event| matches!(event.state, State::Unclaimed | State::UnclaimedBare);
        self.events.iter_mut().filter(unclaimed).for_each(|event| event.state = State::Settled);
    }

    /// Whether something here still waits.
    #[inline]
    pub(super) fn waits(&self) -> bool {
        self.open + self.unclaimed > 0
    }
}
