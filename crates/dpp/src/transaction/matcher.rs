//! The matcher: one [`Shard`] sees the messages of its tuples in capture order and decides every query.
//!
//! For each tuple and question there is at most one open query, and a short queue of responses nobody has claimed.
//! Packets' own timestamps decide what belongs together; the capture's clock only frees memory. What is due is forgotten
//! when a message of its tuple comes, or at a sweep or closing, or when its whole part is due: that gives the same verdicts as
//! forgetting everything at once, because between two sweeps the clock only grows.

use super::duplicates::Duplicates;
use super::table::{Cursor, Place, Table};
use super::window::Window;
use super::{Closing, Event, Lacks, Matches, Part, Rtt, State, Transport};
use crate::limits::Limits;
use crate::tallies::rssac::Rssac;

/// The rules' parameters.
#[derive(Clone, Copy, Debug)]
pub struct Matching {
    /// T in nanoseconds.
    pub timeout_ns: i64,
    /// Whether a query's row is to know more of its response than event and key hold.
    pub facts: bool,
    /// Whether that is a [`Brief`](super::Brief).
    pub briefs: bool,
    /// Whether responses that nobody asked for are rows.
    pub unasked: bool,
    /// How far apart two copies of a message may be; none are looked for without it.
    pub duplicates_ns: Option<i64>,
    /// R and the bounds.
    pub limits: Limits,
}

/// Reads messages from TCP segments.
pub trait Assemble {
    /// Takes the segments of a part that is gone through next.
    fn begin(&mut self, part: &mut Part);

    /// Position of the next segment's packet; behind the last one, that of no packet.
    fn next_position(&self) -> u64;

    /// Takes that segment, and appends to its part an event for each message that it completes. Gives the clock after it.
    fn assemble(&mut self, part: &mut Part) -> i64;
}

/// Types of queries whose answer may take several messages.
const IXFR: u16 = 251;
const AXFR: u16 = 252;

/// What waits, and what was decided, in one share of the tuples.
#[derive(Debug)]
pub struct Shard {
    rules: Matching,
    table: Table,
    window: Window,
    /// What waits of the tuple at hand; kept for its memory only.
    waiting: Vec<Place>,
    duplicates: Option<Duplicates>,
    /// Whether there were TCP segments.
    has_streams: bool,
    /// Counts of what was decided here.
    pub matches: Matches,
    /// Round-trip times of what was matched here.
    pub rtt: Rtt,
    /// What was counted here: messages of which copies are not.
    pub rssac: Option<Box<Rssac>>,
}

/// What is merged into the decoder's events by position: segments, and places where the window of streams is enforced.
struct Beside<'a, A> {
    streams: &'a mut A,
    closings: &'a [Closing],
}

impl<A: Assemble> Beside<'_, A> {
    /// Position of the next segment's packet, or of the packet behind which is the next closing.
    #[inline]
    fn next_position(&self) -> u64 {
        let closing = self.closings.first().map_or(u64::MAX, |closing| closing.position);
        self.streams.next_position().min(closing)
    }
}

/// The message at hand.
#[derive(Clone, Copy)]
struct Here {
    place: Place,
    event: Event,
}

impl Shard {
    /// A shard that has seen nothing.
    pub fn new(rules: Matching) -> Self {
        Shard {
            rules,
            table: Table::new(),
            window: Window::default(),
            waiting: Vec::new(),
            has_streams: false,
            duplicates: rules.duplicates_ns.map(|ns| Duplicates::new(ns, rules.limits.window_packets)),
            matches: Matches::default(),
            rtt: Rtt::default(),
            rssac: None,
        }
    }

    /// Takes the shard's part of the next chunk and decides what can be decided. Gives back the parts in which nothing
    /// waits any more, with their chunk numbers (0 for the first part taken, and so on).
    pub fn advance(
        &mut self,
        mut part: Part,
        streams: &mut impl Assemble,
    ) -> impl Iterator<Item = (u64, Part)> + '_ {
        let count = part.events.len() as u32;
        let sequence = std::mem::take(&mut part.sequence);
        let closings = std::mem::take(&mut part.closings);
        self.rules.facts |= !part.facts.is_empty();
        if !part.segments.is_empty() {
            self.has_streams = true;
            streams.begin(&mut part);
        }
        part.plain = part.events.len();
        let clock_ns = part.events.last().map(|last| last.after_ns);
        let mut clock_ns = sequence.last().map(|&last| part.events[last as usize].after_ns).or(clock_ns);
        let first_position = part.first_position;
        let mut beside = Beside { streams, closings: &closings };
        let mut next = beside.next_position() - first_position;
        let chunk = self.window.take_up(part);
        for number in 0..count {
            // Only where datagrams were put together from fragments does the order differ.
            let index = sequence.get(number as usize).copied().unwrap_or(number);
            let place = Place { chunk, index };
            let here = Here { place, event: *self.window.event(place) };
            while next < u64::from(here.event.packet) {
                self.beside(chunk, &mut beside);
                next = beside.next_position() - first_position;
            }
            self.step(here);
        }
        while beside.next_position() < u64::MAX {
            clock_ns = Some(self.beside(chunk, &mut beside));
        }
        self.window.put_down();
        if let Some(clock_ns) = clock_ns {
            self.forget_whole_parts(clock_ns);
        }
        self.window.release(chunk);
        self.window.hand_back()
    }

    /// The input has ended: every open query is timed out. Gives back all parts.
    pub fn finish(&mut self) -> impl Iterator<Item = (u64, Part)> + '_ {
        for chunk in self.window.chunks() {
            self.forget_in(chunk, |_, _| true);
            self.window.release(chunk);
        }
        self.window.hand_back()
    }

    /// The run was interrupted: what is open stays open, and the answer to a query that is still open counts as unclaimed. Gives
    /// back all parts.
    pub fn abandon(&mut self) -> impl Iterator<Item = (u64, Part)> + '_ {
        for chunk in self.window.chunks() {
            if self.window.get(chunk).is_none() {
                continue;
            }
            let part = self.window.part_mut(chunk);
            self.matches.still_open += u64::from(part.open);
            if !self.rules.unasked {
                part.drop_unclaimed();
            }
            let transfers = part.events.iter().filter(|event| event.state == State::Transfer).count();
            self.matches.unclaimed_responses += u64::from(part.unclaimed) + transfers as u64;
        }
        self.window.release_all();
        self.window.hand_back()
    }

    #[inline(always)]
    fn step(&mut self, here: Here) {
        match here.event.state {
            State::Query | State::Response | State::BareResponse | State::Echo => self.message(here),
            State::Unpaired | State::Announcement => self.message(here),
            State::Sweep => self.sweep(here),
            State::Matched | State::TimedOut | State::Unasked | State::Settled => self.decided(here),
            state => unreachable!("the decoder gives no verdict such as {state:?}"),
        }
    }

    #[inline(always)]
    fn message(&mut self, here: Here) {
        if self.duplicates.is_some() {
            if self.is_duplicate(here) {
                return;
            }
            self.count(here);
        }
        match here.event.state {
            State::Query => self.query(here),
            State::Response => self.response(here),
            State::BareResponse => self.bare_response(here),
            State::Echo => self.echo(here),
            _ => self.unpaired(here),
        }
    }

    /// The frame of a response tells of its query. If that had a frame of its own, it is the same once more.
    #[cold]
    fn echo(&mut self, here: Here) {
        self.gather(here);
        let is_same = |&place: &Place| {
            let other = self.window.event(place);
            matches!(other.state, State::Open | State::Transfer)
                && here.event.time_ns.abs_diff(other.time_ns) <= self.rules.timeout_ns as u64
                && self.same_question(here.place, place)
        };
        if self.waiting.iter().any(is_same) {
            self.matches.queries += 1;
            self.matches.duplicate_queries += 1;
            self.window.event_mut(here.place).state = State::Duplicate;
            return;
        }
        self.window.event_mut(here.place).state = State::Query;
        self.query(Here { event: Event { state: State::Query, ..here.event }, ..here });
    }

    /// Who wrote it down has decided already: the item of a C-DNS file.
    #[cold]
    fn decided(&mut self, here: Here) {
        match here.event.state {
            State::Matched => {
                self.matches.queries += 1;
                self.matches.responses += 1;
                self.matches.matched += 1;
                let facts = self.window.part(here.place.chunk).facts.get(here.place.index as usize);
                if facts.is_none_or(|facts| !facts.own.lacks.has(Lacks::DELAY)) {
                    // It may be negative: who captured a little out of order may have written that.
                    self.rtt.add(here.event.rtt_ns.max(0) as u64);
                }
            }
            State::TimedOut => {
                self.matches.queries += 1;
                self.matches.timed_out += 1;
            }
            _ => {
                self.matches.responses += 1;
                self.matches.unclaimed_responses += 1;
            }
        }
    }

    /// Multicast waits for nothing.
    #[cold]
    fn unpaired(&mut self, here: Here) {
        if here.event.state.is_query() {
            self.matches.queries += 1;
            self.matches.unpaired_queries += 1;
        } else {
            self.matches.responses += 1;
            self.matches.unpaired_responses += 1;
        }
    }

    /// What is next beside the decoder's events: a segment, or a closing behind it. Gives the clock after it.
    fn beside(&mut self, chunk: u64, beside: &mut Beside<impl Assemble>) -> i64 {
        match beside.closings.split_first() {
            Some((closing, rest)) if closing.position < beside.streams.next_position() => {
                beside.closings = rest;
                self.forget_due(closing.clock_ns, closing.oldest);
                closing.clock_ns
            }
            _ => self.segment(chunk, beside.streams),
        }
    }

    /// The next segment leads to events for the messages that it completes. Gives the clock after it.
    #[inline(never)]
    fn segment(&mut self, chunk: u64, streams: &mut impl Assemble) -> i64 {
        let part = self.window.part_mut(chunk);
        let first = part.events.len();
        let clock_ns = streams.assemble(part);
        for index in first..part.events.len() {
            let place = Place { chunk, index: index as u32 };
            self.message(Here { place, event: *self.window.event(place) });
        }
        clock_ns
    }

    /// Counts the message at hand, if it is to be counted.
    #[cold]
    fn count(&mut self, here: Here) {
        let digests = &self.window.part(here.place.chunk).digests;
        if let Some((_, Some(counted))) = digests.get(here.place.index as usize) {
            self.rssac.get_or_insert_default().count(counted);
        }
    }

    /// Drops the message at hand if it was captured before.
    #[cold]
    fn is_duplicate(&mut self, here: Here) -> bool {
        let part = self.window.part(here.place.chunk);
        let position = part.position(&here.event);
        let noted = part.digests.get(here.place.index as usize);
        let Some(&(digest, _)) = noted.filter(|(digest, _)| *digest != 0) else {
            return false;
        };
        let arrival = here.event.arrival();
        if !self.duplicates.as_mut().is_some_and(|seen| seen.is_one(digest, &arrival, position)) {
            return false;
        }
        if here.event.state.is_query() {
            self.matches.queries += 1;
            self.matches.duplicate_queries += 1;
        } else {
            self.matches.responses += 1;
            self.matches.duplicate_responses += 1;
        }
        self.window.event_mut(here.place).state = State::Duplicate;
        true
    }

    /// A query repeats an open one, or claims a response that was captured before it, or becomes open.
    #[inline]
    fn query(&mut self, here: Here) {
        self.matches.queries += 1;
        self.gather(here);
        let (mut answer, mut given_up) = (None, 0);
        for number in 0..self.waiting.len() {
            let place = self.waiting[number];
            let other = *self.window.event(place);
            match other.state {
                State::Open if self.same_question(here.place, place) => {
                    if here.event.time_ns.abs_diff(other.time_ns) <= self.rules.timeout_ns as u64 {
                        return self.retry(here.place, place);
                    }
                    self.give_up(place);
                    given_up += 1;
                }
                State::Transfer if self.same_question(here.place, place) => {
                    self.give_up(place);
                    given_up += 1;
                }
                State::Unclaimed if !self.same_question(here.place, place) => {}
                State::Unclaimed | State::UnclaimedBare if self.answers(&other, &here.event) => {
                    let age = (self.age(place), place);
                    answer = Some(answer.map_or(age, |earliest| age.min(earliest)));
                }
                _ => {}
            }
        }
        match answer {
            Some((_, place)) => self.claim(here, place),
            None => self.wait(here, self.waiting.len() - given_up),
        }
    }

    /// A response answers the open query of its question, or waits for it.
    #[inline]
    fn response(&mut self, here: Here) {
        self.matches.responses += 1;
        if let Some((cursor, query)) = self.plain_query(here) {
            if self.is_transfer(query) {
                return self.transfer(here, query);
            }
            self.table.remove(cursor);
            return self.answer(here, query);
        }
        self.gather(here);
        let query = self.waiting.iter().copied().find(|&place| {
            let other = self.window.event(place);
            other.state == State::Open
                && self.answers(&here.event, other)
                && self.same_question(here.place, place)
        });
        match query {
            Some(query) => self.answer_found(here, query),
            None => self.unasked(here, |shard, place| shard.same_question(here.place, place)),
        }
    }

    /// No open query fits the response at hand: it goes on with the answer to a query that `is_meant`, or waits.
    fn unasked(&mut self, here: Here, is_meant: impl Fn(&Self, Place) -> bool) {
        let transfers = self
            .waiting
            .iter()
            .copied()
            .filter(|&place| self.window.event(place).state == State::Transfer && is_meant(self, place));
        match transfers.min_by_key(|&place| self.age(place)) {
            Some(query) => self.go_on(here, query),
            None => self.wait(here, self.waiting.len()),
        }
    }

    /// Whether the answer to the query at `place` may take several messages (RFC 5936, RFC 1995).
    #[inline]
    fn is_transfer(&self, place: Place) -> bool {
        self.has_streams && self.asks_for_transfer(place)
    }

    fn asks_for_transfer(&self, place: Place) -> bool {
        let key = self.window.key(place);
        key.transport() == Transport::Tcp && matches!(key.qtype(), IXFR | AXFR)
    }

    /// The response at hand is the first message of the answer to the query at `query`, which stays in the table.
    #[cold]
    fn transfer(&mut self, here: Here, query: Place) {
        let event = self.window.event_mut(query);
        (event.state, event.rcode) = (State::Transfer, here.event.rcode);
        event.rtt_ns = here.event.time_ns - event.time_ns;
        self.lengthen(here, query);
    }

    /// The response at hand is one more message of that answer.
    #[cold]
    fn go_on(&mut self, here: Here, query: Place) {
        self.matches.continuations += 1;
        self.lengthen(here, query);
    }

    /// The answer to `query` has grown by the response at hand: more may follow.
    fn lengthen(&mut self, here: Here, query: Place) {
        self.window.event_mut(here.place).state = State::Settled;
        self.share_facts(query, here.place);
        let part = self.window.part_mut(query.chunk);
        let event = &mut part.events[query.index as usize];
        event.after_ns = event.after_ns.max(here.event.after_ns);
        part.newest_ns = part.newest_ns.max(event.after_ns);
    }

    /// The query that the response at hand answers, if it is as plain as nearly all are: byte for byte the same question,
    /// open, and not due. There is at most one such query, so whatever else waits of the tuple can be left alone.
    #[inline]
    fn plain_query(&self, here: Here) -> Option<(Cursor, Place)> {
        let key = self.window.key(here.place);
        let mut cursor = self.table.chain(here.event.hash);
        while let Some((hash, place)) = self.table.get(cursor) {
            if hash == here.event.hash {
                let part = self.window.part(place.chunk);
                let other = &part.events[place.index as usize];
                let plain = other.state == State::Open
                    && self.answers(&here.event, other)
                    && here.event.before_ns <= self.due_ns(other)
                    && part.key(other) == key;
                if plain {
                    return Some((cursor, place));
                }
            }
            cursor = self.table.next(cursor);
        }
        None
    }

    /// A response without a question section answers the oldest open query of its tuple, or waits.
    #[cold]
    fn bare_response(&mut self, here: Here) {
        self.matches.responses += 1;
        self.gather(here);
        let open = self.waiting.iter().copied().filter(|&place| {
            let other = self.window.event(place);
            other.state == State::Open && self.answers(&here.event, other)
        });
        match open.min_by_key(|&place| self.age(place)) {
            Some(query) => self.answer_found(here, query),
            None => self.unasked(here, |_, _| true),
        }
    }

    /// What tells which of two messages is older: its time, then its place in the capture. (Its index does not tell, as what was
    /// put together from several packets stands behind everything else of its chunk.)
    #[inline]
    fn age(&self, place: Place) -> (i64, u64, u32, u32) {
        let event = self.window.event(place);
        (event.time_ns, place.chunk, event.packet, place.index)
    }

    /// Whether `response` comes after `query` and within T of it, both ends included.
    #[inline]
    fn answers(&self, response: &Event, query: &Event) -> bool {
        response.time_ns >= query.time_ns
            && response.time_ns.abs_diff(query.time_ns) <= self.rules.timeout_ns as u64
    }

    /// Fills `waiting` with what waits of the tuple at hand, after forgetting what is due.
    #[inline]
    fn gather(&mut self, here: Here) {
        self.waiting.clear();
        let mut cursor = self.table.chain(here.event.hash);
        while let Some((hash, place)) = self.table.get(cursor) {
            if hash == here.event.hash && self.window.key(here.place).same_tuple(&self.window.key(place)) {
                if here.event.before_ns > self.due_ns(self.window.event(place)) {
                    cursor = self.table.remove(cursor);
                    self.close(place);
                    self.window.release(place.chunk);
                    continue;
                }
                self.waiting.push(place);
            }
            cursor = self.table.next(cursor);
        }
    }

    /// `query` repeats the open one at `first`, whose row takes the earlier of the two times.
    fn retry(&mut self, query: Place, first: Place) {
        let time_ns = self.window.event(query).time_ns;
        self.window.event_mut(query).state = State::Retry;
        let open = self.window.event_mut(first);
        open.time_ns = open.time_ns.min(time_ns);
        if self.rules.facts || self.rules.briefs {
            self.window.part_mut(first.chunk).repeated(first.index);
        }
        self.matches.retries += 1;
    }

    /// The response at hand answers the open query at `query`.
    #[cold]
    fn answer_found(&mut self, here: Here, query: Place) {
        if self.is_transfer(query) {
            return self.transfer(here, query);
        }
        self.take_out(query);
        self.answer(here, query);
    }

    /// The response at hand answers the query at `query`, which is out of the table.
    #[inline]
    fn answer(&mut self, here: Here, query: Place) {
        self.window.event_mut(here.place).state = State::Settled;
        self.window.part_mut(query.chunk).open -= 1;
        self.matched(query, here);
        self.window.release(query.chunk);
    }

    /// The query at hand claims the response at `place`, which was captured before it.
    #[cold]
    fn claim(&mut self, query: Here, place: Place) {
        let response = Here { place, event: *self.window.event(place) };
        self.take_out(place);
        self.window.event_mut(place).state = State::Settled;
        self.window.part_mut(place.chunk).unclaimed -= 1;
        if self.is_transfer(query.place) {
            // There is room: what it claims waited until now.
            self.wait(query, 0);
            self.transfer(response, query.place);
        } else {
            self.matched(query.place, response);
        }
        self.window.release(place.chunk);
    }

    #[inline]
    fn matched(&mut self, query: Place, response: Here) {
        let event = self.window.event_mut(query);
        event.state = State::Matched;
        event.rtt_ns = response.event.time_ns - event.time_ns;
        event.rcode = response.event.rcode;
        let rtt_ns = event.rtt_ns;
        self.matches.matched += 1;
        self.rtt.add(rtt_ns as u64);
        self.share_facts(query, response.place);
    }

    /// Tells the query's row what is known of its response.
    #[inline]
    fn share_facts(&mut self, query: Place, response: Place) {
        if self.rules.briefs
            && let Some(brief) = self.window.part(response.chunk).brief(response.index)
        {
            self.window.part_mut(query.chunk).answered_briefly(query.index, &brief);
        }
        if self.rules.facts {
            self.copy_facts(query, response);
        }
    }

    #[cold]
    fn copy_facts(&mut self, query: Place, response: Place) {
        if query.chunk == response.chunk {
            return self.window.part_mut(query.chunk).answered_here(query.index, response.index);
        }
        // Two parts cannot be borrowed at once.
        let part = self.window.part_mut(response.chunk);
        let Some(told) = part.told(response.index) else { return };
        let kept = std::mem::take(&mut part.kept);
        self.window.part_mut(query.chunk).answered(query.index, &told, &kept);
        self.window.part_mut(response.chunk).kept = kept;
    }

    /// The message at hand waits, unless that many others of its tuple are too many already.
    #[inline]
    fn wait(&mut self, here: Here, others: usize) {
        if others >= self.rules.limits.per_tuple {
            self.matches.tuple_overflows += 1;
            return self.decide(here.place);
        }
        let due_ns = self.due_ns(&here.event);
        self.table.insert(here.event.hash, here.place);
        let part = self.window.part_mut(here.place.chunk);
        let event = &mut part.events[here.place.index as usize];
        match here.event.state {
            State::Query => {
                event.state = State::Open;
                part.open += 1;
            }
            state => {
                event.state = if state == State::Response { State::Unclaimed } else { State::UnclaimedBare };
                part.unclaimed += 1;
            }
        }
        part.newest_ns = part.newest_ns.max(here.event.after_ns);
        part.due_ns = part.due_ns.min(due_ns);
    }

    /// What a waiting message is forgotten after: T + R by the clock for a query, R for a response.
    #[inline]
    fn due_ns(&self, event: &Event) -> i64 {
        let lifetime_ns = match event.state {
            State::Query | State::Open | State::Transfer => {
                self.rules.timeout_ns + self.rules.limits.disorder_ns
            }
            _ => self.rules.limits.disorder_ns,
        };
        event.after_ns.saturating_add(lifetime_ns)
    }

    /// Forgets what waits at `place`.
    #[cold]
    fn give_up(&mut self, place: Place) {
        self.take_out(place);
        self.close(place);
        self.window.release(place.chunk);
    }

    /// Takes what waits at `place` out of the table.
    fn take_out(&mut self, place: Place) {
        self.table.remove(self.table.find(self.window.event(place).hash, place));
    }

    /// Decides what waited at `place` and is out of the table.
    fn close(&mut self, place: Place) {
        let state = self.window.event(place).state;
        let part = self.window.part_mut(place.chunk);
        match state {
            State::Open | State::Transfer => part.open -= 1,
            _ => part.unclaimed -= 1,
        }
        self.decide(place);
    }

    /// An open query is timed out, a transfer is complete; an unclaimed response is dropped.
    fn decide(&mut self, place: Place) {
        let event = self.window.event_mut(place);
        match event.state {
            State::Query | State::Open => {
                event.state = State::TimedOut;
                self.matches.timed_out += 1;
            }
            State::Transfer => {
                event.state = State::Matched;
                self.matches.matched += 1;
                self.rtt.add(event.rtt_ns as u64);
            }
            _ => {
                event.state = if self.rules.unasked { State::Unasked } else { State::Settled };
                self.matches.unclaimed_responses += 1;
            }
        }
    }

    /// The end of a chunk: the parts in which all is due are closed. What else is due can wait.
    fn forget_whole_parts(&mut self, clock_ns: i64) {
        let disorder_ns = self.rules.limits.disorder_ns;
        for chunk in self.window.chunks() {
            let Some(part) = self.window.get(chunk) else { continue };
            let lifetime_ns = if part.open == 0 { 0 } else { self.rules.timeout_ns } + disorder_ns;
            if part.waits() && clock_ns > part.newest_ns.saturating_add(lifetime_ns) {
                self.forget_in(chunk, |_, _| true);
                self.window.release(chunk);
            }
        }
    }

    /// Closes everything that is due by the clock before this packet; then, at the positions where that is looked at,
    /// everything that left the window.
    #[cold]
    fn sweep(&mut self, here: Here) {
        let clock_ns = here.event.before_ns;
        let position = self.window.part(here.place.chunk).position(&here.event);
        let oldest = match position.is_multiple_of(self.rules.limits.sweep_packets) {
            true => position.saturating_sub(self.rules.limits.window_packets),
            false => 0,
        };
        if let Some(duplicates) = &mut self.duplicates {
            duplicates.sweep(clock_ns, position);
        }
        self.forget_due(clock_ns, oldest);
    }

    /// Closes everything that is due by this clock; then everything that came before the `oldest` position.
    fn forget_due(&mut self, clock_ns: i64, oldest: u64) {
        for chunk in self.window.chunks() {
            if self.window.get(chunk).is_some_and(|part| part.due_ns < clock_ns) {
                self.forget_in(chunk, |_, due_ns| due_ns < clock_ns);
                self.window.release(chunk);
            }
            if self.window.get(chunk).is_some_and(|part| part.waits() && part.first_position < oldest) {
                self.matches.window_overflows += self.forget_in(chunk, |position, _| position < oldest);
                self.window.release(chunk);
            }
        }
    }

    /// Closes what waits in a part and satisfies `due` (its position, when it is due). Gives the number closed.
    fn forget_in(&mut self, chunk: u64, due: impl Fn(u64, i64) -> bool) -> u64 {
        let Some(part) = self.window.get(chunk) else { return 0 };
        let (mut closed, mut next_due_ns) = (0, i64::MAX);
        for index in 0..part.events.len() as u32 {
            let place = Place { chunk, index };
            let part = self.window.part(chunk);
            let event = &part.events[index as usize];
            if !event.state.waits() {
                continue;
            }
            let due_ns = self.due_ns(event);
            if !due(part.position(event), due_ns) {
                next_due_ns = next_due_ns.min(due_ns);
                continue;
            }
            self.take_out(place);
            self.close(place);
            closed += 1;
        }
        self.window.part_mut(chunk).due_ns = next_due_ns;
        closed
    }

    #[inline]
    fn same_question(&self, a: Place, b: Place) -> bool {
        self.window.key(a).same_question(&self.window.key(b))
    }
}
