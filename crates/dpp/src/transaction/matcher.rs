//! The matcher: one [`Shard`] sees the messages of its tuples in capture order and decides every query.
//!
//! For each tuple and question there is at most one open query, and a short queue of responses nobody has claimed.
//! Packets' own timestamps decide what belongs together; the capture's clock only frees memory. What is due is forgotten
//! when a message of its tuple comes, or at a sweep, or when its whole part is due: that gives the same verdicts as
//! forgetting everything at once, because between two sweeps the clock only grows.

use super::table::{Cursor, Place, Table};
use super::window::Window;
use super::{Event, Matches, Part, Rtt, State};
use crate::limits::Limits;

/// The rules' parameters.
#[derive(Clone, Copy, Debug)]
pub struct Matching {
    /// T in nanoseconds.
    pub timeout_ns: i64,
    /// R and the bounds.
    pub limits: Limits,
}

/// What waits, and what was decided, in one share of the tuples.
#[derive(Debug)]
pub struct Shard {
    rules: Matching,
    table: Table,
    window: Window,
    /// What waits of the tuple at hand; kept for its memory only.
    waiting: Vec<Place>,
    /// Counts of what was decided here.
    pub matches: Matches,
    /// Round-trip times of what was matched here.
    pub rtt: Rtt,
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
            matches: Matches::default(),
            rtt: Rtt::default(),
        }
    }

    /// Takes the shard's part of the next chunk and decides what can be decided. Gives back the parts in which nothing
    /// waits any more, with their chunk numbers (0 for the first part taken, and so on).
    pub fn advance(&mut self, part: Part) -> impl Iterator<Item = (u64, Part)> + '_ {
        let count = part.events.len() as u32;
        let clock_ns = part.events.last().map(|last| last.after_ns);
        let chunk = self.window.take_up(part);
        for index in 0..count {
            let place = Place { chunk, index };
            self.step(Here { place, event: *self.window.event(place) });
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
            self.forget_in(chunk, u32::MAX, |_, _| true);
            self.window.release(chunk);
        }
        self.window.hand_back()
    }

    /// The run was interrupted: what is open stays open. Gives back all parts.
    pub fn abandon(&mut self) -> impl Iterator<Item = (u64, Part)> + '_ {
        for chunk in self.window.chunks() {
            let Some(part) = self.window.get(chunk) else { continue };
            self.matches.still_open += u64::from(part.open);
            self.matches.unclaimed_responses += u64::from(part.unclaimed);
        }
        self.window.release_all();
        self.window.hand_back()
    }

    #[inline]
    fn step(&mut self, here: Here) {
        match here.event.state {
            State::Open => self.query(here),
            State::Response => self.response(here),
            State::BareResponse => self.bare_response(here),
            State::Sweep => self.sweep(here),
            State::Matched | State::TimedOut | State::Retry | State::Settled => {
                unreachable!("the decoder gives no verdicts")
            }
        }
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
                State::Response if !self.same_question(here.place, place) => {}
                State::Response | State::BareResponse if self.answers(&other, &here.event) => {
                    let age = (other.time_ns, place);
                    answer = Some(answer.map_or(age, |earliest| age.min(earliest)));
                }
                _ => {}
            }
        }
        match answer {
            Some((_, place)) => self.claim(here.place, place),
            None => self.wait(here, self.waiting.len() - given_up),
        }
    }

    /// A response answers the open query of its question, or waits for it.
    #[inline]
    fn response(&mut self, here: Here) {
        self.matches.responses += 1;
        if let Some((cursor, query)) = self.plain_query(here) {
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
            None => self.wait(here, self.waiting.len()),
        }
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
        match open.min_by_key(|&place| (self.window.event(place).time_ns, place)) {
            Some(query) => self.answer_found(here, query),
            None => self.wait(here, self.waiting.len()),
        }
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
        self.matches.retries += 1;
    }

    /// The response at hand answers the open query at `query`.
    #[cold]
    fn answer_found(&mut self, here: Here, query: Place) {
        self.take_out(query);
        self.answer(here, query);
    }

    /// The response at hand answers the query at `query`, which is out of the table.
    #[inline]
    fn answer(&mut self, here: Here, query: Place) {
        self.window.event_mut(here.place).state = State::Settled;
        self.window.part_mut(query.chunk).open -= 1;
        self.matched(query, &here.event);
        self.window.release(query.chunk);
    }

    /// The query at hand claims the response at `place`, which was captured before it.
    #[cold]
    fn claim(&mut self, query: Place, place: Place) {
        let response = *self.window.event(place);
        self.take_out(place);
        self.window.event_mut(place).state = State::Settled;
        self.window.part_mut(place.chunk).unclaimed -= 1;
        self.matched(query, &response);
        self.window.release(place.chunk);
    }

    #[inline]
    fn matched(&mut self, query: Place, response: &Event) {
        let event = self.window.event_mut(query);
        event.state = State::Matched;
        event.rtt_ns = response.time_ns - event.time_ns;
        event.rcode = response.rcode;
        let rtt_ns = event.rtt_ns;
        self.matches.matched += 1;
        self.rtt.add(rtt_ns as u64);
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
        match here.event.state {
            State::Open => part.open += 1,
            _ => part.unclaimed += 1,
        }
        part.newest_ns = part.newest_ns.max(here.event.after_ns);
        part.due_ns = part.due_ns.min(due_ns);
    }

    /// What a waiting message is forgotten after: T + R by the clock for a query, R for a response.
    #[inline]
    fn due_ns(&self, event: &Event) -> i64 {
        let lifetime_ns = match event.state {
            State::Open => self.rules.timeout_ns + self.rules.limits.disorder_ns,
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
        let open = self.window.event(place).state == State::Open;
        let part = self.window.part_mut(place.chunk);
        match open {
            true => part.open -= 1,
            false => part.unclaimed -= 1,
        }
        self.decide(place);
    }

    /// An open query is timed out; an unclaimed response is dropped.
    fn decide(&mut self, place: Place) {
        let event = self.window.event_mut(place);
        match event.state {
            State::Open => {
                event.state = State::TimedOut;
                self.matches.timed_out += 1;
            }
            _ => {
                event.state = State::Settled;
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
                self.forget_in(chunk, u32::MAX, |_, _| true);
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
        for chunk in self.window.chunks() {
            // Events of this chunk after the one at hand have not been seen yet.
            let end = if chunk == here.place.chunk { here.place.index } else { u32::MAX };
            if self.window.get(chunk).is_some_and(|part| part.due_ns < clock_ns) {
                self.forget_in(chunk, end, |_, due_ns| due_ns < clock_ns);
                self.window.release(chunk);
            }
            if self.window.get(chunk).is_some_and(|part| part.waits() && part.first_position < oldest) {
                self.matches.window_overflows += self.forget_in(chunk, end, |position, _| position < oldest);
                self.window.release(chunk);
            }
        }
    }

    /// Closes what waits among the first `end` events of a part and satisfies `due` (its position, when it is due).
    /// Gives the number closed.
    fn forget_in(&mut self, chunk: u64, end: u32, due: impl Fn(u64, i64) -> bool) -> u64 {
        let Some(part) = self.window.get(chunk) else { return 0 };
        let (mut closed, mut next_due_ns) = (0, i64::MAX);
        for index in 0..end.min(part.events.len() as u32) {
            let place = Place { chunk, index };
            let part = self.window.part(chunk);
            let event = &part.events[index as usize];
            if !matches!(event.state, State::Open | State::Response | State::BareResponse) {
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
