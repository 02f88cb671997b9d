//! Figures of a run that merge: [`Totals`].
//!
//! Each worker and each shard counts for itself; `merge` adds up, in any order and grouping, to the same figures (law 6).
//! The identities that must hold at the end of every run are in [`Totals::check`].

mod seen;

use crate::dns::PARSE_ERRORS;
pub use crate::packet::Volume;
use crate::packet::{Skip, Skips};
use crate::stream::{Fragments, Streams};
use crate::tallies::rssac::Rssac;
use crate::transaction::{Matches, Rtt};
pub use seen::{Seen, Tally};

/// Everything that was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All packets of the capture.
    pub read: Volume,
    /// Packets whose message was used.
    pub used: Volume,
    /// Packets that were not, by reason.
    pub skips: Skips,
    /// What those were that were skipped while decoding.
    pub seen: Seen,
    /// What became of fragmented datagrams.
    pub fragments: Fragments,
    /// What was found in TCP streams.
    pub streams: Streams,
    /// DNS messages that were read; a packet may bring several, or a part of one.
    pub messages: u64,
    /// And those among them that were left out by their tuple, before they were matched.
    pub messages_filtered: u64,
    /// Transactions that were left out as rows.
    pub rows_filtered: u64,
    /// Responses that nobody asked for, if they are rows.
    pub rows_unasked: u64,
    /// How many more rows there are because each message is one.
    pub rows_split: u64,
    /// Queries and responses.
    pub matches: Matches,
    /// Responses whose records could not be walked: their response code is that of the header alone.
    pub records_unread: u64,
    /// Questions after the first that could not be read, or were beyond
    /// [`QUESTIONS_MAX`](crate::limits::QUESTIONS_MAX).
    pub questions_unread: u64,
    /// Messages shorter than their headers state, because the snaplen cut the packet.
    pub messages_cut: u64,
    /// Messages with something wrong, by what is wrong; only if a column wants to know.
    pub parse_errors: [u64; PARSE_ERRORS.len()],
    /// Messages in TCP streams that could not be read, or were too many when the capture ended.
    pub stream_messages_unread: u64,
    /// Messages that another writer could not read, and put into a C-DNS file as they were.
    pub items_malformed: u64,
    /// Fields of C-DNS items that cannot be right, and were left out.
    pub item_faults: u64,
    /// C-DNS items that were not read, or whose messages were not put together: those behind
    /// [`BLOCK_ITEMS_MAX`](crate::limits::BLOCK_ITEMS_MAX) in their block, or, with all messages, behind
    /// [`ITEM_MESSAGES_MAX`](crate::limits::ITEM_MESSAGES_MAX).
    pub items_unread: u64,
    /// Round-trip times of what was matched.
    pub rtt: Rtt,
    /// What was counted for RSSAC002, if it is and there was a message.
    pub rssac: Option<Box<Rssac>>,
}

impl Totals {
    /// Counts a message that was read, of which so many bytes were captured of those that its headers state.
    #[inline(always)]
    pub fn message(&mut self, captured: usize, stated: usize) {
        self.messages += 1;
        self.messages_cut += u64::from(captured < stated);
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Totals) {
        self.read.merge(&other.read);
        self.used.merge(&other.used);
        self.skips.merge(&other.skips);
        self.seen.merge(&other.seen);
        self.fragments.merge(&other.fragments);
        self.streams.merge(&other.streams);
        self.messages += other.messages;
        self.messages_filtered += other.messages_filtered;
        self.rows_filtered += other.rows_filtered;
        self.rows_unasked += other.rows_unasked;
        self.rows_split += other.rows_split;
        self.matches.merge(&other.matches);
        self.records_unread += other.records_unread;
        self.questions_unread += other.questions_unread;
        self.messages_cut += other.messages_cut;
        self.parse_errors.iter_mut().zip(&other.parse_errors).for_each(|(mine, theirs)| *mine += theirs);
        self.stream_messages_unread += other.stream_messages_unread;
        self.items_malformed += other.items_malformed;
        self.item_faults += other.item_faults;
        self.items_unread += other.items_unread;
        self.rtt.merge(&other.rtt);
        if let Some(theirs) = &other.rssac {
            self.rssac.get_or_insert_default().merge(theirs);
        }
    }

    /// Adds another count that nobody needs any more: what is large in it is taken over, not copied.
    pub fn absorb(&mut self, mut other: Totals) {
        match (&mut self.rssac, other.rssac.take()) {
            (Some(mine), Some(theirs)) => mine.absorb(*theirs),
            (mine, theirs) => *mine = mine.take().or(theirs),
        }
        self.merge(&other);
    }

    /// Counts a packet that was not used.
    #[cold]
    pub fn skip(&mut self, skip: Skip, linktype: u16, position: u64, bytes: &[u8]) {
        self.skips.add(skip, position, bytes.len());
        self.seen.add(linktype, bytes);
    }

    /// Whether the sums close (law 3): packets read = used + skipped, in packets and in bytes, and queries = matched +
    /// timed out + retries + still open + unpaired + duplicates, and responses = matched + continuations + unclaimed + unpaired +
    /// duplicates.
    pub fn check(&self) -> bool {
        let mut accounted = self.skips.total();
        accounted.merge(&self.used);
        let Matches {
            queries,
            responses,
            matched,
            timed_out,
            retries,
            still_open,
            unclaimed_responses,
            continuations,
            unpaired_queries,
            unpaired_responses,
            duplicate_queries,
            duplicate_responses,
            ..
        } = self.matches;
        let answered = matched + continuations;
        accounted == self.read
            && self.streams.check()
            && queries == matched + timed_out + retries + still_open + unpaired_queries + duplicate_queries
            && responses == answered + unclaimed_responses + unpaired_responses + duplicate_responses
    }
}
