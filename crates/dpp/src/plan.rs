//! What the user wants, as plain data. The output is a function of the input's bytes and of this, and of nothing else
//! (law 1); how many threads do it is [`Machine`](crate::pipeline::Machine)'s business.

use crate::filter::{Early, Select};
use crate::limits::Limits;
use crate::packet::Flow;
use crate::table::{Context, Field, Presence, Schema};
use crate::tallies::rssac;
use crate::transaction::Needs;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The options that decide what comes out.
#[derive(Clone, Debug)]
pub struct Plan {
    /// T in nanoseconds: a response that comes later than this after its query does not answer it.
    pub match_timeout_ns: i64,
    /// The ports that carry DNS; a datagram or segment is read if either of its ports is one.
    pub ports: Ports,
    /// The columns of a row, in order, and what they are called.
    pub schema: Schema,
    /// What columns look up, and what they write instead of what. Matching sees the real addresses and names.
    pub context: Context,
    /// What the sink needs of a transaction beside its columns.
    pub sink_needs: Needs,
    /// Which transactions are rows. It sees the real addresses too.
    pub select: Select,
    /// Whether the selection may change while the run goes on. Then nothing of it is decided before a row is.
    pub steered: bool,
    /// Whether responses that nobody asked for are rows.
    pub unasked: bool,
    /// Whether there are rows. Without, nothing is matched: what is left are totals and tallies.
    pub rows: bool,
    /// If set, messages are counted for RSSAC002, each where it is read.
    pub rssac: Option<rssac::Wanted>,
    /// Whether an input may lack what packets always have: dnstap and C-DNS. Then each column may be without a value.
    pub sparse: bool,
    /// If set, the first packet with an earlier timestamp than the one before it ends the run with an error.
    pub monotonic: bool,
    /// If set, a message that equals one at most so many nanoseconds before or after it was captured twice, and is dropped.
    pub duplicates_ns: Option<i64>,
    /// If set, the inputs are captures that overlap in time, and are merged by timestamp; otherwise each follows the one
    /// before.
    pub merge: bool,
    /// The bounds of all that waits.
    pub limits: Limits,
    /// What cannot be seen in the rest of the plan, as metadata tell it: what the files held that the context was made of.
    /// Nothing but metadata depends on it.
    pub told: Arc<[(&'static str, Option<String>)]>,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            match_timeout_ns: 1_200_000_000,
            ports: Ports::default(),
            schema: Schema::dpp(),
            context: Context::default(),
            sink_needs: Needs::NOTHING,
            select: Select::default(),
            steered: false,
            unasked: false,
            rows: true,
            rssac: None,
            sparse: false,
            monotonic: false,
            duplicates_ns: None,
            merge: false,
            limits: Limits::default(),
            told: Arc::default(),
        }
    }
}

impl Plan {
    /// What of a transaction has to be kept beside its event and key.
    pub fn needs(&self) -> Needs {
        let of_select = match self.early() {
            Some(_) => self.select.needs_late(),
            None => self.select.needs(),
        };
        // A response without a question says nothing of what was asked, which only its side can tell from type 0.
        let of_unasked = if self.unasked { Needs::SIDES } else { Needs::NOTHING };
        let needs = self.sink_needs | of_select | of_unasked;
        let needs =
            self.schema.fields().iter().fold(needs, |needs, field| needs | field.column.entry().needs);
        // The pseudonym of an address in a record may hang on which of the records that is.
        match needs.has(Needs::NOTED) && self.context.hides_in_messages() {
            true => needs | Needs::RESPONSE,
            false => needs,
        }
    }

    /// What can be decided of the selection when a message is read. Where an input may lack parts of a tuple nothing can: a query
    /// and its response may not tell the same.
    pub fn early(&self) -> Option<Early<'_>> {
        self.select.early().filter(|_| !self.sparse && !self.steered)
    }

    /// Whether queries whose question cannot be read become rows too: they do if a column says what is wrong with them, or the
    /// sink has a place for them.
    pub fn wants_malformed(&self) -> bool {
        self.needs().has(Needs::UNREADABLE)
    }

    /// Whether a column may be without a value in some rows.
    pub fn is_nullable(&self, field: &Field) -> bool {
        match field.column.entry().presence {
            Presence::Always => self.sparse,
            Presence::OfQuery => self.sparse || self.unasked,
            Presence::OfQuestion => {
                self.sparse || self.unasked || self.wants_malformed() || self.context.drops_names()
            }
            Presence::Seldom => true,
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match (range.start(), range.end()) {
                (start, end) if start == end => write!(f, "{comma}{start}")?,
                (start, end) => write!(f, "{comma}{start}-{end}")?,
            }
        }
        Ok(())
    }
}

/// A set of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports(Vec<RangeInclusive<u16>>);

impl Default for Ports {
    fn default() -> Self {
        Ports(vec![53..=53])
    }
}

impl Ports {
    /// The port of multicast DNS (RFC 6762).
    pub const MDNS: u16 = 5353;
    /// The port of link-local multicast name resolution (RFC 4795).
    pub const LLMNR: u16 = 5355;

    /// The ports in these ranges.
    pub fn new(ranges: Vec<RangeInclusive<u16>>) -> Self {
        Ports(ranges)
    }

    /// The ranges.
    pub fn ranges(&self) -> &[RangeInclusive<u16>] {
        &self.0
    }

    /// Whether this is one of them.
    #[inline(always)]
    pub fn has(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(&port))
    }

    /// Whether the source or the destination port is one of them.
    #[inline(always)]
    pub fn carry(&self, flow: &Flow) -> bool {
        self.0.iter().any(|range| range.contains(&flow.source_port) || range.contains(&flow.destination_port))
    }
}
