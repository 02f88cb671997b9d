//! What is in some traffic, in one value that merges: [`Summary`].
//!
//! It is about queries and the answers to them. Of responses that nobody asked for it says how many there were and no more, so
//! that shares are shares of what was asked. A message with several questions is several transactions, as it is several rows.
//!
//! What it costs, per transaction: a table for the client, one for the server and one for the name, each a hash and three
//! places in memory; some counters; up to five histograms. Registered domain and TLD cost no look-up of their own while names
//! are few enough to be counted one by one: which they are is kept beside the name's number.
//!
//! Addresses and names are counted as they may come out: the same [`Context`] that columns are written with says what to put in
//! their place, and what tells one transaction from another is made of that too.

mod figures;
mod server;

use crate::dns::name::WIRE_MAX;
use crate::enrich::SuffixList;
use crate::table::{Context, Scratch, Value};
use crate::tallies::entry::{Entries, NotMine, Op};
use crate::tallies::{
    Counts, Groups, Hash, Number, Quantiles, Sample, Tally, Teller, Times, Tops, finished, fold,
    ns_of_number, number_of_ns, split_key,
};
use crate::transaction::{Face, Key, Lacks, Needs, Side, State, Transaction, Transport};
pub use figures::{Figure, Figures, Group, Shown, Table};
pub use server::{Server, ServerFigures};
use std::net::IpAddr;

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

/// Flags of a header, and the bits that stand for them.
const ASKED_FLAGS: [(u16, u16); 3] = [
    (0x0100, bit(&ASKED, Counted::Rd)),
    (0x0010, bit(&ASKED, Counted::Cd)),
    (0x0020, bit(&ASKED, Counted::Ad)),
];
const ANSWERED_FLAGS: [(u16, u16); 4] = [
    (0x0400, bit(&ANSWERED, Counted::Aa)),
    (0x0200, bit(&ANSWERED, Counted::Tc)),
    (0x0080, bit(&ANSWERED, Counted::Ra)),
    (0x0020, bit(&ANSWERED, Counted::AnsweredAd)),
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

/// Where the name of a query belongs.
#[derive(Clone, Copy, Debug)]
struct Belongs {
    /// The number of its registered domain.
    domain: Option<u32>,
    /// The number of its TLD.
    tld: Option<u32>,
}

macro_rules! summary {
    ($($field:ident: $kind:ty, $key:literal, $empty:expr, $sentence:literal;)*) => {
        /// What is in some traffic.
        #[derive(Clone, Debug)]
        pub struct Summary {
            counted: [u64; COUNTED.len()],
            /// When the first and the last query was sent; of none the first is later than the last.
            first_and_last_ns: (i64, i64),
            $(#[doc = $sentence] pub $field: $kind,)*
            /// Where names belong, by their numbers, as far as they came one by one. It says nothing that names do not.
            belongs: Vec<Belongs>,
            /// The numbers that servers have among groups, likewise.
            groups: Vec<u32>,
        }

        impl Summary {
            /// Of nothing. Up to so many different clients, servers, names and so on are counted one by one.
            pub fn new(keys_max: u64) -> Self {
                let empty_tops = || Tops::new(keys_max);
                Summary {
                    counted: [0; COUNTED.len()],
                    first_and_last_ns: (i64::MAX, i64::MIN),
                    $($field: ($empty)(&empty_tops),)*
                    belongs: Vec::new(),
                    groups: Vec::new(),
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
                self.forget_numbers();
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
                self.forget_numbers();
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
    transports: Counts, "transports", empty, "Transports of queries, by the numbers of [`Transport`].";
    opcodes: Counts, "opcodes", empty, "Opcodes of queries.";
    edns_versions: Counts, "edns_versions", empty, "EDNS versions of queries.";
    edns_sizes: Counts, "edns_sizes", empty, "Longest datagrams that clients can take, as their OPT records say, bytes.";
    query_sizes: Quantiles, "query_sizes", empty, "Lengths of queries, bytes.";
    response_sizes: Quantiles, "response_sizes", empty, "Lengths of answers (of several messages, the first), bytes.";
    rtts: Quantiles, "rtts", empty, "Round-trip times, ns.";
    clients: Tops, "clients", |new: &dyn Fn() -> Tops| new(), "Clients.";
    servers: Tops, "servers", |new: &dyn Fn() -> Tops| new(), "Servers.";
    names: Tops, "names", |new: &dyn Fn() -> Tops| new(), "Names that were asked for, in lower case.";
    domains: Tops, "domains", |new: &dyn Fn() -> Tops| new(), "Their registered domains.";
    tlds: Tops, "tlds", |new: &dyn Fn() -> Tops| new(), "Their top-level domains.";
    by_server: Groups<ServerFigures>, "by_server", empty, "What servers did, if they are few.";
    sample: Sample, "sample", empty, "What they did, drawn by lot.";
}

/// Room for the key of an address: the version as a digit, and the octets.
type AddressKey = [u8; 17];

/// What stands before the text that is written instead of an address.
const TEXT: u8 = b't';

/// The key of an address.
#[inline]
fn address_key(address: IpAddr, room: &mut AddressKey) -> &[u8] {
    match address {
        IpAddr::V4(address) => {
            room[0] = b'4';
            room[1..5].copy_from_slice(&address.octets());
            &room[..5]
        }
        IpAddr::V6(address) => {
            room[0] = b'6';
            room[1..].copy_from_slice(&address.octets());
            room
        }
    }
}

/// The words of the key of an address, or of none.
#[inline]
fn words(key: &AddressKey) -> (u64, u64) {
    let both = u128::from_le_bytes(*key.last_chunk().expect("it has one octet more"));
    (both as u64, (both >> 64) as u64)
}

/// The key of a client or server that is written otherwise; empty if nothing is written.
fn hidden_key(value: Value) -> Vec<u8> {
    match value {
        Value::Address(address) => address_key(address, &mut AddressKey::default()).to_vec(),
        Value::Text(text) => [&[TEXT], text.as_bytes()].concat(),
        _ => Vec::new(),
    }
}

/// Random digits (of pi).
const MIX: [u64; 4] =
    [0xA409_3822_299F_31D0, 0x082E_FA98_EC4E_6C89, 0x4528_21E6_38D0_1377, 0xBE54_66CF_34E9_0C6C];

impl Summary {
    /// What of a transaction has to be kept for it.
    pub const NEEDS: Needs = Needs::SIDES;

    /// Counts a row.
    pub fn add(&mut self, row: &Transaction, context: &Context) {
        if row.face() == Face::Response && !row.is_unasked() {
            // Of the same transaction there was the query.
            return;
        }
        let outcome = match row.state() {
            State::Matched => Counted::Answered,
            State::TimedOut => Counted::Unanswered,
            State::Unpaired => Counted::Unpaired,
            State::Unasked => return self.count(Counted::Unasked, 1),
            State::Announcement => return self.count(Counted::Announcements, 1),
            _ => return,
        };
        self.count(Counted::Queries, 1);
        self.count(outcome, 1);
        let mut lacks = row.facts().map_or(Lacks::default(), |facts| facts.own.lacks);
        lacks.set(Lacks::RCODE, row.response().is_some_and(|side| side.lacks.has(Lacks::RCODE)));
        let code = row.response_code().filter(|_| !lacks.has(Lacks::RCODE));
        let done = Done { key: row.key(), lacks, outcome, code, rtt_ns: row.rtt_ns() };
        self.add_query(row, &done);
        self.add_answer(row, &done);
        if !lacks.has(Lacks::TIME) {
            self.add_time(row, &done);
        }
        self.add_keys(row, &done, context);
    }

    #[inline(always)]
    fn count(&mut self, what: Counted, n: u64) {
        let count = &mut self.counted[what as usize];
        *count = count.wrapping_add(n);
    }

    #[inline(always)]
    fn add_query(&mut self, row: &Transaction, done: &Done) {
        let Done { key, lacks, .. } = done;
        if !lacks.has(Lacks::TRANSPORT) {
            self.transports.add(key.transport() as u16);
        }
        if !key.name().is_empty() {
            if !lacks.has(Lacks::TYPE) {
                self.types.add(key.qtype());
            }
            if !lacks.has(Lacks::CLASS) {
                self.classes.add(key.qclass());
            }
        }
        let mut asked = match key.client().is_ipv6() {
            _ if lacks.has(Lacks::CLIENT.and(Lacks::SERVER)) => 0,
            true => const { bit(&ASKED, Counted::Ipv6) },
            false => const { bit(&ASKED, Counted::Ipv4) },
        };
        let retries = row.facts().map_or(0, |facts| facts.retries);
        self.count(Counted::Retries, retries.into());
        asked |= if retries > 0 { const { bit(&ASKED, Counted::Retried) } } else { 0 };
        if let Some(side) = row.query() {
            if !side.lacks.has(Lacks::LENGTH) {
                self.query_sizes.add(side.length.into());
            }
            if !side.lacks.has(Lacks::OPCODE) {
                self.opcodes.add(side.flags >> 11 & 15);
            }
            asked |= flags(side, &ASKED_FLAGS);
            if let Some(edns) = side.edns {
                asked |= const { bit(&ASKED, Counted::Edns) };
                asked |= if edns.flags & 0x8000 != 0 { const { bit(&ASKED, Counted::Do) } } else { 0 };
                self.edns_versions.add(edns.version.into());
                self.edns_sizes.add(edns.udp_size);
            }
        }
        self.asked.add(asked);
    }

    #[inline(always)]
    fn add_answer(&mut self, row: &Transaction, done: &Done) {
        if let Some(code) = done.code {
            self.rcodes.add(code);
        }
        match done.rtt_ns.map(u64::try_from) {
            Some(Ok(rtt_ns)) => self.rtts.add(rtt_ns),
            Some(Err(_)) => self.count(Counted::NegativeRtts, 1),
            None => {}
        }
        let Some(side) = row.response() else { return };
        if !side.lacks.has(Lacks::LENGTH) {
            self.response_sizes.add(side.length.into());
        }
        let edns = if side.edns.is_some() { const { bit(&ANSWERED, Counted::AnsweredEdns) } } else { 0 };
        self.answered.add(flags(side, &ANSWERED_FLAGS) | edns);
    }

    #[inline(always)]
    fn add_time(&mut self, row: &Transaction, done: &Done) {
        let ns = row.request_ns();
        let (first, last) = &mut self.first_and_last_ns;
        (*first, *last) = (ns.min(*first), ns.max(*last));
        let code = done.code.map(|code| match code {
            NOERROR => Timed::NoError,
            NXDOMAIN => Timed::NxDomain,
            SERVFAIL => Timed::ServFail,
            REFUSED => Timed::Refused,
            _ => Timed::OtherCode,
        });
        let qtype = match done.key.qtype() {
            1 => Timed::TypeA,
            2 => Timed::TypeNs,
            12 => Timed::TypePtr,
            15 => Timed::TypeMx,
            16 => Timed::TypeTxt,
            28 => Timed::TypeAaaa,
            43 => Timed::TypeDs,
            48 => Timed::TypeDnskey,
            65 => Timed::TypeHttps,
            _ => Timed::OtherType,
        };
        let transport = match done.key.transport() {
            Transport::Udp => Timed::Udp,
            Transport::Tcp => Timed::Tcp,
            _ => Timed::OtherTransport,
        };
        let outcome = match done.outcome {
            Counted::Answered => Some(Timed::Answered),
            Counted::Unanswered => Some(Timed::Unanswered),
            _ => None,
        };
        let retries = row.facts().map_or(0, |facts| facts.retries);
        self.times.add(ns, |counters| {
            let mut count =
                |what: Timed, n: u64| counters[what as usize] = counters[what as usize].wrapping_add(n);
            count(Timed::Queries, 1);
            count(Timed::Retries, retries.into());
            count(qtype, 1);
            count(transport, 1);
            outcome.into_iter().chain(code).for_each(|what| count(what, 1));
        });
    }

    #[inline(always)]
    fn add_keys(&mut self, row: &Transaction, done: &Done, context: &Context) {
        if context.privacy.is_active() {
            return self.add_hidden_keys(row, done, context);
        }
        let Done { key, lacks, .. } = done;
        let (mut client, mut server) = (AddressKey::default(), AddressKey::default());
        let client_length = match lacks.has(Lacks::CLIENT) {
            true => 0,
            false => address_key(key.client(), &mut client).len(),
        };
        let server_length = match lacks.has(Lacks::SERVER) {
            true => 0,
            false => address_key(key.server(), &mut server).len(),
        };
        let rank = rank(row.request_ns(), key, words(&client), words(&server));
        self.add_ends(&client[..client_length], &server[..server_length], rank, done);
        let mut room = [0; WIRE_MAX];
        if let Some(name) = lower_case(done, &mut room) {
            self.add_name(name, &context.suffixes, rank);
        }
    }

    /// The same where something is written otherwise.
    #[cold]
    fn add_hidden_keys(&mut self, row: &Transaction, done: &Done, context: &Context) {
        let mut scratch = Scratch::default();
        let client = hidden_key(context.client(row, &mut scratch));
        let server = hidden_key(context.server(row, &mut scratch));
        let words = |key: &[u8]| {
            let Hash { first, second } = Hash::of(key);
            (first, second)
        };
        let rank = rank(row.request_ns(), &done.key, words(&client), words(&server));
        self.add_ends(&client, &server, rank, done);
        let mut room = [0; WIRE_MAX];
        if let Some(name) = lower_case(done, &mut room) {
            self.add_hidden_name(name, context, rank);
        }
    }

    /// Counts client and server by their keys; an empty one is not known.
    #[inline(always)]
    fn add_ends(&mut self, client: &[u8], server: &[u8], rank: u64, done: &Done) {
        if !client.is_empty() {
            self.clients.add(client, rank, 1);
        }
        if !server.is_empty() {
            let number = self.servers.add(server, rank, 1);
            let did = Server { code: done.code, rtt_ns: done.rtt_ns.and_then(|ns| u64::try_from(ns).ok()) };
            if let Some(figures) = self.group(number, server) {
                figures.add(&did);
            }
            self.sample.add(rank, server, did.number());
        }
    }

    /// What a server did, by its number among servers, if it has one.
    #[inline]
    fn group(&mut self, number: Option<usize>, server: &[u8]) -> Option<&mut ServerFigures> {
        let group = match number.and_then(|number| self.groups.get(number)) {
            Some(group) => *group as usize,
            None => {
                let group = self.by_server.number(server)?;
                if number == Some(self.groups.len()) {
                    self.groups.push(group as u32);
                }
                group
            }
        };
        self.by_server.numbered(group)
    }

    /// What is known by numbers must be looked up again.
    fn forget_numbers(&mut self) {
        self.belongs.clear();
        self.groups.clear();
    }

    #[inline]
    fn add_name(&mut self, name: &[u8], suffixes: &SuffixList, rank: u64) {
        let number = self.names.add(name, rank, 1);
        if let Some(belongs) = number.and_then(|number| self.belongs.get(number)) {
            if let Some(domain) = belongs.domain {
                self.domains.add_numbered(domain as usize, rank, 1);
            }
            if let Some(tld) = belongs.tld {
                self.tlds.add_numbered(tld as usize, rank, 1);
            }
            return;
        }
        let split = suffixes.split(name);
        let domain = split.and_then(|split| split.registered);
        let domain = domain.and_then(|start| self.domains.add(&name[start..], rank, 1));
        let tld = split.and_then(|split| self.tlds.add(&name[split.tld..], rank, 1));
        let may_remember = self.domains.is_exact() && self.tlds.is_exact();
        if number == Some(self.belongs.len()) && may_remember {
            let number = |number: Option<usize>| number.map(|number| number as u32);
            self.belongs.push(Belongs { domain: number(domain), tld: number(tld) });
        }
    }

    /// The same, of a name that is written otherwise: its parts are those of the real one, and written as names are.
    #[cold]
    fn add_hidden_name(&mut self, name: &[u8], context: &Context, rank: u64) {
        let split = context.suffixes.split(name);
        let parts = [
            (&mut self.names, Some(name)),
            (&mut self.domains, split.and_then(|split| Some(&name[split.registered?..]))),
            (&mut self.tlds, split.map(|split| &name[split.tld..])),
        ];
        for (tops, part) in parts {
            let mut room = [0; WIRE_MAX];
            if let Some(shown) = part.and_then(|part| context.name(part, &mut room)) {
                tops.add(shown, rank, 1);
            }
        }
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

/// What all that counts a query asks for.
struct Done<'a> {
    key: Key<'a>,
    lacks: Lacks,
    outcome: Counted,
    code: Option<u16>,
    rtt_ns: Option<i64>,
}

/// The bits of what is set in the header of a message.
#[inline(always)]
fn flags(side: &Side, bits: &[(u16, u16)]) -> u16 {
    let flags = if side.lacks.has(Lacks::FLAGS) { 0 } else { side.flags };
    bits.iter().fold(0, |set, &(flag, bit)| set | if flags & flag != 0 { bit } else { 0 })
}

/// The name that was asked for, if it is known.
#[inline(always)]
fn lower_case<'r>(done: &Done, room: &'r mut [u8; WIRE_MAX]) -> Option<&'r [u8]> {
    let name = done.key.name();
    if name.is_empty() || done.lacks.has(Lacks::NAME) {
        return None;
    }
    let lower = &mut room[..name.len()];
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    Some(lower)
}

/// The random number that a transaction brings: a hash of when it was, of the tuple as it may come out, and of its id. Positions
/// in the capture, which are nearer at hand, would be others in another grouping of files.
#[inline(always)]
fn rank(ns: i64, key: &Key, client: (u64, u64), server: (u64, u64)) -> u64 {
    let (ports, id) =
        (u64::from(key.client_port()) << 16 | u64::from(key.server_port()), u64::from(key.id()));
    let who = fold(client.0 ^ MIX[0], client.1 ^ server.1 ^ MIX[1]);
    let what = fold(server.0 ^ MIX[2], (ports << 16 | id) ^ MIX[3]);
    finished(fold(ns as u64 ^ who, what ^ MIX[0]))
}
