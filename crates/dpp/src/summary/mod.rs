//! What is in some traffic, in one value that merges: [`Summary`].
//!
//! It is about queries and the answers to them. Of responses that nobody asked for it says how many there were and no more, so
//! that shares are shares of what was asked. A message with several questions is several transactions, as it is several rows.
//!
//! Rows are counted by an [`Adder`], which says what that costs.
//!
//! Addresses and names are counted as they may come out: the same [`Context`] that columns are written with says what to put in
//! their place, and what tells one transaction from another is made of that too.

mod adder;
mod figures;
mod kinds;
mod server;

use crate::table::Context;
use crate::tallies::entry::{Entries, NotMine, Op};
use crate::tallies::{
    Counts, Groups, Number, Quantiles, Sample, Tally, Teller, Times, Tops, ns_of_number, number_of_ns,
    split_key,
};
use crate::transaction::Needs;
pub use adder::Adder;
pub use figures::{Figure, Figures, Group, Shown, Table};
pub use server::{Server, ServerFigures};

macro_rules! named {
    ($(#[$doc:meta])* $list:ident of $kind:ident: $($variant:ident, $key:literal, $sentence:literal;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum $kind { $(#[doc = $sentence] $variant,)* }

        /// All of them: the value, its key, and a sentence.
        pub const $list: &[($kind, &str, &str)] = &[$(($kind::$variant, $key, $sentence),)*];
    };
}

named! {
    /// What is counted, and nothing else said of it.
    COUNTED of Counted:
    Queries, "queries", "Queries: transactions with one; repeated queries are not among them.";
    Answered, "answered", "Queries that were answered.";
    Unanswered, "unanswered", "Queries that were not answered in time.";
    Unpaired, "unpaired", "Queries of multicast DNS, to which no response can be told to belong.";
    Unasked, "unasked", "Responses that nobody asked for, if they are rows.";
    Announcements, "announcements", "Responses of multicast DNS, if responses that nobody asked for are rows.";
    Retries, "retries", "Repeated queries.";
    Retried, "retried", "Queries that were repeated.";
    NegativeRtts, "negative_rtts", "Answers that somebody wrote down as earlier than their queries.";
    Ipv4, "ipv4", "Queries over IPv4.";
    Ipv6, "ipv6", "Queries over IPv6.";
    Rd, "query_rd", "Queries with RD set: recursion desired.";
    Cd, "query_cd", "Queries with CD set: checking disabled.";
    Ad, "query_ad", "Queries with AD set.";
    Edns, "query_edns", "Queries with an OPT record.";
    Do, "query_do", "Queries with DO set: DNSSEC wanted.";
    Aa, "response_aa", "Answers with AA set: authoritative.";
    Tc, "response_tc", "Answers with TC set: truncated.";
    Ra, "response_ra", "Answers with RA set: recursion available.";
    AnsweredAd, "response_ad", "Answers with AD set: authenticated data.";
    AnsweredEdns, "response_edns", "Answers with an OPT record.";
}

named! {
    /// What is counted for each span of time.
    TIMED of Timed:
    Queries, "queries", "Queries.";
    Answered, "answered", "Queries that were answered, at the time of the query, as all answers.";
    Unanswered, "unanswered", "Queries that were not answered in time.";
    Retries, "retries", "Repeated queries, at the time of the first.";
    NoError, "rcodes.0", "Answers with NOERROR.";
    ServFail, "rcodes.2", "Answers with SERVFAIL.";
    NxDomain, "rcodes.3", "Answers with NXDOMAIN.";
    Refused, "rcodes.5", "Answers with REFUSED.";
    OtherCode, "rcodes.other", "Answers with another response code.";
    TypeA, "types.1", "Queries for A.";
    TypeNs, "types.2", "Queries for NS.";
    TypePtr, "types.12", "Queries for PTR.";
    TypeMx, "types.15", "Queries for MX.";
    TypeTxt, "types.16", "Queries for TXT.";
    TypeAaaa, "types.28", "Queries for AAAA.";
    TypeDs, "types.43", "Queries for DS.";
    TypeDnskey, "types.48", "Queries for DNSKEY.";
    TypeHttps, "types.65", "Queries for HTTPS.";
    OtherType, "types.other", "Queries for another type.";
    Udp, "transports.udp", "Queries over UDP.";
    Tcp, "transports.tcp", "Queries over TCP.";
    OtherTransport, "transports.other", "Queries over another transport.";
}

/// What of a query is counted together: which of these there were, as a number of these bits. (One counter for each set of them
/// is one addition for a query, instead of eight.)
const ASKED: [(Counted, u16); 8] = [
    (Counted::Rd, 1),
    (Counted::Cd, 2),
    (Counted::Ad, 4),
    (Counted::Edns, 8),
    (Counted::Do, 16),
    (Counted::Ipv4, 32),
    (Counted::Ipv6, 64),
    (Counted::Retried, 128),
];

/// The same of an answer.
const ANSWERED: [(Counted, u16); 5] = [
    (Counted::Aa, 1),
    (Counted::Tc, 2),
    (Counted::Ra, 4),
    (Counted::AnsweredAd, 8),
    (Counted::AnsweredEdns, 16),
];

/// The bit among these that stands for one of them.
const fn bit(kinds: &[(Counted, u16)], what: Counted) -> u16 {
    let mut at = 0;
    while at < kinds.len() {
        if kinds[at].0 as usize == what as usize {
            return kinds[at].1;
        }
        at += 1;
    }
    0
}

/// Response codes (RFC 1035 section 4.1.1).
const NOERROR: u16 = 0;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const REFUSED: u16 = 5;

macro_rules! summary {
    ($($field:ident: $kind:ty, $key:literal, $empty:expr, $sentence:literal;)*) => {
        /// What is in some traffic.
        #[derive(Clone, Debug)]
        pub struct Summary {
            counted: [u64; COUNTED.len()],
            /// When the first and the last query was sent; of none the first is later than the last.
            first_and_last_ns: (i64, i64),
            $(#[doc = $sentence] pub $field: $kind,)*
        }

        impl Summary {
            /// Of nothing. Up to so many different clients, servers, names and so on are counted one by one.
            pub fn new(keys_max: u64) -> Self {
                let empty_tops = || Tops::new(keys_max);
                Summary {
                    counted: [0; COUNTED.len()],
                    first_and_last_ns: (i64::MAX, i64::MIN),
                    $($field: ($empty)(&empty_tops),)*
                }
            }
        }

        impl PartialEq for Summary {
            fn eq(&self, other: &Self) -> bool {
                self.counted == other.counted
                    && self.first_and_last_ns == other.first_and_last_ns
                    $(&& self.$field == other.$field)*
            }
        }

        impl Tally for Summary {
            fn merge(&mut self, other: &Summary) {
                for (mine, theirs) in self.counted.iter_mut().zip(&other.counted) {
                    *mine = mine.saturating_add(*theirs);
                }
                let (mine, theirs) = (&mut self.first_and_last_ns, other.first_and_last_ns);
                *mine = (mine.0.min(theirs.0), mine.1.max(theirs.1));
                $(self.$field.merge(&other.$field);)*
            }
        }

        impl Entries for Summary {
            fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
                let mut teller = Teller::new(prefix, emit);
                for (&(_, key, _), &count) in COUNTED.iter().zip(&self.counted).filter(|row| *row.1 > 0) {
                    teller.tell(Op::Sum, key.as_bytes(), count);
                }
                if let Some((first, last)) = self.first_and_last_ns() {
                    teller.tell(Op::Min, b"query_time", number_of_ns(first));
                    teller.tell(Op::Max, b"query_time", number_of_ns(last));
                }
                $(self.$field.tell(&format!(concat!("{}", $key, "/"), prefix), emit);)*
            }

            fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
                if let Ok((part, rest)) = split_key(key) {
                    $(if part == $key.as_bytes() {
                        return self.$field.take(op, rest, number);
                    })*
                    return Err(NotMine);
                }
                let (first, last) = &mut self.first_and_last_ns;
                match (op, key) {
                    (Op::Min, b"query_time") => *first = ns_of_number(number).min(*first),
                    (Op::Max, b"query_time") => *last = ns_of_number(number).max(*last),
                    (Op::Sum, _) => {
                        let place = COUNTED.iter().position(|row| row.1.as_bytes() == key).ok_or(NotMine)?;
                        if bit(&ASKED, COUNTED[place].0) | bit(&ANSWERED, COUNTED[place].0) != 0 {
                            return Err(NotMine);
                        }
                        self.counted[place] = self.counted[place].saturating_add(number);
                    }
                    _ => return Err(NotMine),
                }
                Ok(())
            }

            fn settle(&mut self) {
                $(self.$field.settle();)*
            }
        }
    };
}

fn empty<T: Default>(_: &dyn Fn() -> Tops) -> T {
    T::default()
}

summary! {
    asked: Counts, "asked", empty, "Queries by what was set in them, for [`Summary::counted`].";
    answered: Counts, "answered_with", empty, "Answers by what was set in them, likewise.";
    times: Times<{ TIMED.len() }>, "times", empty, "Counts over time: see [`Timed`].";
    types: Counts, "types", empty, "Types that were asked for.";
    classes: Counts, "classes", empty, "Classes that were asked for.";
    rcodes: Counts, "rcodes", empty, "Response codes of answers.";
    transports: Counts, "transports", empty, "Transports of queries, by the numbers of [`Transport`](crate::transaction::Transport).";
    opcodes: Counts, "opcodes", empty, "Opcodes of queries.";
    edns_versions: Counts, "edns_versions", empty, "EDNS versions of queries.";
    edns_sizes: Counts, "edns_sizes", empty, "Longest datagrams that clients can take, as their OPT records say, bytes.";
    query_sizes: Quantiles, "query_sizes", empty, "Lengths of queries, bytes.";
    response_sizes: Quantiles, "response_sizes", empty, "Lengths of answers (of several messages, the first), bytes.";
    rtts: Quantiles, "rtts", empty, "Round-trip times, ns.";
    clients: Tops, "clients", |new: &dyn Fn() -> Tops| new(), "Clients.";
    servers: Tops, "servers", |new: &dyn Fn() -> Tops| new(), "Servers.";
    client_prefixes: Tops, "client_prefixes", |new: &dyn Fn() -> Tops| new(), "Networks that clients are in: /24 and /48.";
    names: Tops, "names", |new: &dyn Fn() -> Tops| new(), "Names that were asked for, in lower case.";
    domains: Tops, "domains", |new: &dyn Fn() -> Tops| new(), "Their registered domains.";
    tlds: Tops, "tlds", |new: &dyn Fn() -> Tops| new(), "Their top-level domains.";
    by_server: Groups<ServerFigures>, "by_server", empty, "What servers did, if they are few.";
    sample: Sample, "sample", empty, "What they did, drawn by lot.";
}

/// What stands before the text that is written instead of an address.
const TEXT: u8 = b't';

impl Summary {
    /// What of a transaction has to be kept for it.
    pub const NEEDS: Needs = Needs::BRIEF;

    /// What counts rows for such a sum, from nothing on: up to as many keys one by one.
    pub fn adder(&self, context: &Context) -> Adder {
        Adder::new(self.clients.keys_max(), context)
    }

    #[inline(always)]
    fn count(&mut self, what: Counted, n: u64) {
        let count = &mut self.counted[what as usize];
        *count = count.wrapping_add(n);
    }

    /// So many of what is only counted.
    pub fn counted(&self, what: Counted) -> u64 {
        match (bit(&ASKED, what), bit(&ANSWERED, what)) {
            (0, 0) => self.counted[what as usize],
            (0, bit) => self.answered.with(bit),
            (bit, _) => self.asked.with(bit),
        }
    }

    /// When the first and the last query was sent, ns since 1970; `None` if there is none, or none has a time.
    pub fn first_and_last_ns(&self) -> Option<(i64, i64)> {
        Some(self.first_and_last_ns).filter(|(first, last)| first <= last)
    }

    /// How many different clients, servers, names, registered domains and TLDs there were.
    pub fn distinct(&self) -> [Number; 5] {
        [&self.clients, &self.servers, &self.names, &self.domains, &self.tlds].map(Tops::distinct)
    }
}
