//! What a transaction is known by beside its event and key: kept only if a column wants it.
//!
//! A message brings its own [`Side`]; when a response answers a query, its side is copied into the query's facts, so that the
//! row has both.

use crate::dns::ParseError;
use crate::packet::Outer;

/// What is known of a query and, once it is answered, of its response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The message itself.
    pub own: Side,
    /// The (first) response that answered it.
    pub answer: Option<Side>,
    /// How many messages the answer took: more than one for a zone transfer.
    pub answer_messages: u32,
    /// Their lengths in all, bytes.
    pub answer_bytes: u64,
    /// How long the TCP handshake of its connection took, ns.
    pub handshake_rtt_ns: Option<i64>,
}

/// What is known of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// What lay around it.
    pub outer: Outer,
    /// Its length in bytes as the headers state it.
    pub length: u32,
    /// Where in the message the captured bytes end, if that is before its end.
    pub truncated_at: Option<u32>,
    /// What is wrong with it.
    pub error: Option<ParseError>,
    /// Whether the type it asks for could be read.
    pub has_type: bool,
}

impl Facts {
    /// A response has come that answers this query, or is a further message of its answer.
    pub(super) fn answered_by(&mut self, response: &Facts) {
        self.answer.get_or_insert(response.own);
        self.answer_messages += 1;
        self.answer_bytes += u64::from(response.own.length);
        self.handshake_rtt_ns = self.handshake_rtt_ns.or(response.handshake_rtt_ns);
    }
}
