//! What a transaction is: messages become [`Event`]s, [`Shard`]s pair queries with responses, and a [`Transaction`] is
//! the finished row.
//!
//! The meaning is a sequential matcher (ARCHITECTURE.md, "What a transaction is"); production shares it out over shards
//! by a hash of the tuple, which changes nothing because no rule looks at two tuples. The surprising fact: a query's
//! event *is* its row. The decoder appends it, the shard writes the verdict into it, the sink prints it; nothing is
//! copied, merged or sorted in between.

mod brief;
mod duplicates;
mod event;
mod facts;
mod key;
mod matcher;
mod matches;
mod rtt;
mod table;
mod window;

pub use brief::Brief;
pub use event::{Arrival, Closing, Event, Live, Part, State};
pub use facts::{Edns, Facts, Kept, Lacks, Needs, Noted, Seldom, Side, Spot, Tells};
pub use key::{Fields, Key, Role, TRANSPORTS, Transport, Tuple};
pub use matcher::{Assemble, Matching, Shard};
pub use matches::Matches;
pub use rtt::Rtt;

/// A finished row: a query with what became of it. Borrowed from the part it was decoded into.
#[derive(Clone, Copy, Debug)]
pub struct Transaction<'a> {
    part: &'a Part,
    event: &'a Event,
    /// Looked up once: a row is asked for its facts, and for its messages, by nearly every column.
    facts: Option<&'a Facts>,
    query: Option<&'a Side>,
    response: Option<&'a Side>,
    index: u32,
    face: Face,
}

/// What of a transaction is a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Face {
    /// All of it.
    Both,
    /// The query's message.
    Query,
    /// The response's message.
    Response,
}

impl<'a> Transaction<'a> {
    /// The row of the query that is the `index`-th event of `part`.
    #[inline]
    pub(crate) fn new(part: &'a Part, index: usize) -> Self {
        let (event, facts) = (&part.events[index], part.facts.get(index));
        let (query, response) = facts.map_or((None, None), |facts| sides(part, event, facts));
        Transaction { part, event, facts, query, response, index: index as u32, face: Face::Both }
    }

    /// The row of one of its messages.
    #[inline]
    pub(crate) fn with_face(self, face: Face) -> Self {
        Transaction { face, ..self }
    }

    /// What of the transaction is this row: both messages, unless the schema has a row for each message.
    #[inline]
    pub fn face(&self) -> Face {
        self.face
    }

    /// When the query was sent, in nanoseconds since 1970 UTC: the earliest time stamp of the query and its retries. Of a
    /// response that nobody asked for, when that came.
    #[inline]
    pub fn request_ns(&self) -> i64 {
        self.event.time_ns
    }

    /// What became of it.
    #[inline]
    pub fn state(&self) -> State {
        self.event.state
    }

    /// Whether it is a response that nobody asked for, or one to nobody in particular.
    #[inline]
    pub fn is_unasked(&self) -> bool {
        is_unasked(self.event.state)
    }

    /// When the response that answered it was captured; `None` after a timeout.
    #[inline]
    pub fn response_ns(&self) -> Option<i64> {
        match self.event.state {
            State::Matched => Some(self.event.time_ns.saturating_add(self.event.rtt_ns)),
            State::Unasked | State::Announcement => Some(self.event.time_ns),
            _ => None,
        }
    }

    /// The response's code, extended by OPT or replaced by a TSIG error; `None` after a timeout.
    #[inline]
    pub fn response_code(&self) -> Option<u16> {
        match self.event.state {
            State::Matched | State::Unasked | State::Announcement => Some(self.event.rcode),
            _ => None,
        }
    }

    /// Tuple and question.
    #[inline]
    pub fn key(&self) -> Key<'a> {
        self.part.key(self.event)
    }

    /// What else is known of the query and its response; only if the plan needs it, or something is lacking.
    #[inline]
    pub fn facts(&self) -> Option<&'a Facts> {
        self.facts
    }

    /// What a summary wants to know of both, if the plan needs that.
    #[inline]
    pub fn brief(&self) -> Brief {
        match self.part.briefs.get(self.index as usize) {
            Some(brief) if brief.is_there() => *brief,
            _ => self.facts.map_or_else(Brief::default, |facts| Brief::of(facts, self.response)),
        }
    }

    /// The length of the answer in all its messages, bytes; only if the plan needs briefs or sides.
    #[inline]
    pub fn answer_bytes(&self) -> Option<u64> {
        match self.part.briefs.get(self.index as usize) {
            Some(brief) if brief.is_there() => {
                let first = brief.answer_length()?;
                Some(u64::from(first) + self.part.continued.get(&self.index).copied().unwrap_or(0))
            }
            _ => {
                let response = self.response().filter(|side| !side.lacks.has(Lacks::LENGTH))?;
                match self.is_unasked() {
                    true => Some(response.length.into()),
                    false => self.facts().map(|facts| facts.answer_bytes),
                }
            }
        }
    }

    /// What is known of the query's message, if there is one.
    #[inline]
    pub fn query(&self) -> Option<&'a Side> {
        self.query
    }

    /// What is known of the response's message, if there is one.
    #[inline]
    pub fn response(&self) -> Option<&'a Side> {
        self.response
    }

    /// Whether this row and the one before it are about different questions of the same message, the query's or that of a
    /// response that nobody asked for. Rows of one message stand one behind the other, in the order of its questions, and in one
    /// chunk; who sorts or parts rows, and writes messages, has to keep them so.
    pub fn continues(&self, before: &Transaction) -> bool {
        let (Some(this), Some(before_it)) = (self.facts(), before.facts()) else { return false };
        self.is_unasked() == before.is_unasked()
            && this.own.continues(&before_it.own)
            && self.kept_of(&this.own) == before.kept_of(&before_it.own)
    }

    /// Whether the response of such a row is the one of the row before it, too.
    pub fn continues_response(&self, before: &Transaction) -> bool {
        let (Some(this), Some(before_it)) = (self.response(), before.response()) else { return false };
        self.continues(before) && this.continues(before_it) && self.kept_of(this) == before.kept_of(before_it)
    }

    /// Whether this is not known, because the input does not tell.
    #[inline]
    pub fn lacks(&self, what: Lacks) -> bool {
        self.facts().is_some_and(|facts| facts.own.lacks.has(what))
    }

    /// A number that says which row it is: the position of its packet in the capture, and in the lowest eight bits which question
    /// of that packet it asks. Where the capture was cut, and what lies between the rows, does not matter. (Of more than 256
    /// different questions in one packet the rest share a number, and so do equal ones, which are of the same client.)
    pub fn number(&self) -> u64 {
        self.part.position(self.event) << 8 | u64::from(self.part.ordinal(self.index as usize))
    }

    /// The bytes of a message of this row, as far as they were captured; none unless they are needed.
    #[inline]
    pub fn message(&self, side: &Side) -> &'a [u8] {
        if side.is_whole() { self.part.kept(side.kept()) } else { &[] }
    }

    /// What was kept of a message: all of it, or no more than what is needed.
    #[inline]
    pub(crate) fn kept_of(&self, side: &Side) -> &'a [u8] {
        self.part.kept(side.kept())
    }

    /// The frame or item that a message of this row came in; none unless it is needed.
    #[inline]
    pub fn record(&self, side: &Side) -> &'a [u8] {
        self.part.kept(self.part.seldom(side).record)
    }

    /// What is known of a message of this row that is known of few.
    #[inline]
    pub fn seldom(&self, side: &Side) -> &'a Seldom {
        self.part.seldom(side)
    }

    /// Response less query, ns; it may be negative if others wrote it down.
    #[inline]
    pub fn rtt_ns(&self) -> Option<i64> {
        let is_known = self.event.state == State::Matched && !self.lacks(Lacks::DELAY);
        is_known.then_some(self.event.rtt_ns)
    }
}

/// What is known of the query's message, and of the response's. Not inlined: where nothing is known of messages, rows are made
/// in loops that have to be short.
#[inline(never)]
fn sides<'a>(part: &'a Part, event: &Event, facts: &'a Facts) -> (Option<&'a Side>, Option<&'a Side>) {
    match is_unasked(event.state) {
        true => (None, Some(&facts.own)),
        false => (Some(&facts.own), part.answer(facts)),
    }
}

/// Whether a message in this state is a response that nobody asked for, or one to nobody in particular.
#[inline]
fn is_unasked(state: State) -> bool {
    matches!(state, State::Unasked | State::Announcement)
}
