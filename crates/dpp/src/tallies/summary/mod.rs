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

use super::entry::{Entries, NotMine, Op};
use super::keyed::fold;
use super::murmur::{Hash, finished};
use super::tally::{Tally, Teller, ns_of_number, number_of_ns, split_key};
use super::{Counts, Groups, Number, Quantiles, Sample, Times, Tops};
use crate::dns::name::WIRE_MAX;
use crate::enrich::SuffixList;
use crate::table::{Context, Scratch, Value};
use crate::transaction::{Face, Lacks, Needs, Side, State, Transaction};
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
    Unanswered, "unanswered", "Queries that were not answered in time.";
    Retries, "retries", "Repeated queries, at the time of the first.";
    NoError, "noerror", "Answers with NOERROR, at the time of the query, as all answers.";
    NxDomain, "nxdomain", "Answers with NXDOMAIN.";
    ServFail, "servfail", "Answers with SERVFAIL.";
    Refused, "refused", "Answers with REFUSED.";
    OtherCode, "other_rcode", "Answers with another response code.";
    Tcp, "other_transport", "Queries over anything else than UDP.";
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
                self.belongs.clear();
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
                self.belongs.clear();
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

/// A client or server as it may come out, if it is known and may.
#[derive(Default)]
struct Who {
    address: AddressKey,
    text: Vec<u8>,
    length: usize,
}

impl Who {
    fn of(value: Value) -> Who {
        let mut who = Who::default();
        match value {
            Value::Address(address) => who.length = address_key(address, &mut who.address).len(),
            Value::Text(text) => who.text = [&[TEXT], text.as_bytes()].concat(),
            _ => {}
        }
        who
    }

    fn of_address(is_known: bool, address: impl FnOnce() -> IpAddr) -> Who {
        let mut who = Who::default();
        if is_known {
            who.length = address_key(address(), &mut who.address).len();
        }
        who
    }

    #[inline]
    fn key(&self) -> Option<&[u8]> {
        match self.length {
            0 => Some(&self.text[..]).filter(|text| !text.is_empty()),
            length => Some(&self.address[..length]),
        }
    }
}

/// The words of an address key, as numbers.
#[inline]
fn words(who: &Who) -> (u64, u64) {
    match who.text.is_empty() {
        true => {
            let both = u128::from_le_bytes(*who.address.last_chunk().expect("it has one octet more"));
            (both as u64, (both >> 64) as u64)
        }
        false => {
            let Hash { first, second } = Hash::of(&who.text);
            (first, second)
        }
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
            State::Unasked => return self.count(Counted::Unasked, true),
            State::Announcement => return self.count(Counted::Announcements, true),
            _ => return,
        };
        self.count(outcome, true);
        self.add_query(row);
        let code = row.response_code().filter(|_| outcome == Counted::Answered);
        let code = code.filter(|_| !row.response().is_some_and(|side| side.lacks.has(Lacks::RCODE)));
        self.add_answer(row, code);
        self.add_time(row, outcome, code);
        self.add_keys(row, context, code);
    }

    #[inline]
    fn count(&mut self, what: Counted, is_so: bool) {
        let count = &mut self.counted[what as usize];
        *count = count.saturating_add(is_so.into());
    }

    fn add_query(&mut self, row: &Transaction) {
        let key = row.key();
        self.count(Counted::Queries, true);
        if !row.lacks(Lacks::TRANSPORT) {
            self.transports.add(key.transport() as u16);
        }
        if !row.lacks(Lacks::CLIENT) || !row.lacks(Lacks::SERVER) {
            let version = if key.client().is_ipv6() { Counted::Ipv6 } else { Counted::Ipv4 };
            self.count(version, true);
        }
        if !key.name().is_empty() {
            if !row.lacks(Lacks::TYPE) {
                self.types.add(key.qtype());
            }
            if !row.lacks(Lacks::CLASS) {
                self.classes.add(key.qclass());
            }
        }
        let retries = row.facts().map_or(0, |facts| facts.retries);
        self.counted[Counted::Retries as usize] += u64::from(retries);
        self.count(Counted::Retried, retries > 0);
        let Some(side) = row.query() else { return };
        if !side.lacks.has(Lacks::LENGTH) {
            self.query_sizes.add(side.length.into());
        }
        if !side.lacks.has(Lacks::OPCODE) {
            self.opcodes.add(side.flags >> 11 & 15);
        }
        self.add_flags(side, &[(0x0100, Counted::Rd), (0x0010, Counted::Cd), (0x0020, Counted::Ad)]);
        if let Some(edns) = side.edns {
            self.count(Counted::Edns, true);
            self.count(Counted::Do, edns.flags & 0x8000 != 0);
            self.edns_versions.add(edns.version.into());
            self.edns_sizes.add(edns.udp_size);
        }
    }

    fn add_answer(&mut self, row: &Transaction, code: Option<u16>) {
        if let Some(code) = code {
            self.rcodes.add(code);
        }
        match row.rtt_ns().map(u64::try_from) {
            Some(Ok(rtt_ns)) => self.rtts.add(rtt_ns),
            Some(Err(_)) => self.count(Counted::NegativeRtts, true),
            None => {}
        }
        let Some(side) = row.response() else { return };
        if !side.lacks.has(Lacks::LENGTH) {
            self.response_sizes.add(side.length.into());
        }
        let flags = [
            (0x0400, Counted::Aa),
            (0x0200, Counted::Tc),
            (0x0080, Counted::Ra),
            (0x0020, Counted::AnsweredAd),
        ];
        self.add_flags(side, &flags);
        self.count(Counted::AnsweredEdns, side.edns.is_some());
    }

    #[inline(always)]
    fn add_flags(&mut self, side: &Side, flags: &[(u16, Counted)]) {
        if !side.lacks.has(Lacks::FLAGS) {
            flags.iter().for_each(|&(flag, what)| self.count(what, side.flags & flag != 0));
        }
    }

    fn add_time(&mut self, row: &Transaction, outcome: Counted, code: Option<u16>) {
        if row.lacks(Lacks::TIME) {
            return;
        }
        let ns = row.request_ns();
        let (first, last) = &mut self.first_and_last_ns;
        (*first, *last) = (ns.min(*first), ns.max(*last));
        let code = code.map(|code| match code {
            NOERROR => Timed::NoError,
            NXDOMAIN => Timed::NxDomain,
            SERVFAIL => Timed::ServFail,
            REFUSED => Timed::Refused,
            _ => Timed::OtherCode,
        });
        let retries = row.facts().map_or(0, |facts| facts.retries);
        let is_udp = row.key().transport() == crate::transaction::Transport::Udp;
        self.times.add(ns, |counters| {
            counters[Timed::Queries as usize] += 1;
            counters[Timed::Unanswered as usize] += u64::from(outcome == Counted::Unanswered);
            counters[Timed::Retries as usize] += u64::from(retries);
            counters[Timed::Tcp as usize] += u64::from(!is_udp);
            if let Some(code) = code {
                counters[code as usize] += 1;
            }
        });
    }

    fn add_keys(&mut self, row: &Transaction, context: &Context, code: Option<u16>) {
        let key = row.key();
        let is_plain = !context.privacy.is_active();
        let (client, server) = match is_plain {
            true => (
                Who::of_address(!row.lacks(Lacks::CLIENT), || key.client()),
                Who::of_address(!row.lacks(Lacks::SERVER), || key.server()),
            ),
            false => {
                let mut scratch = Scratch::default();
                let client = Who::of(context.client(row, &mut scratch));
                (client, Who::of(context.server(row, &mut scratch)))
            }
        };
        let rank = rank(row, &client, &server);
        if let Some(client) = client.key() {
            self.clients.add(client, rank, 1);
        }
        if let Some(server) = server.key() {
            self.servers.add(server, rank, 1);
            let done = Server { code, rtt_ns: row.rtt_ns().and_then(|ns| u64::try_from(ns).ok()) };
            if let Some(figures) = self.by_server.of(server) {
                figures.add(&done, 1);
            }
            self.sample.add(rank, server, done.number());
        }
        if key.name().is_empty() || row.lacks(Lacks::NAME) {
            return;
        }
        let mut room = [0; WIRE_MAX];
        let name = &mut room[..key.name().len()];
        name.copy_from_slice(key.name());
        name.make_ascii_lowercase();
        match is_plain {
            true => self.add_name(name, &context.suffixes, rank),
            false => self.add_hidden_name(name, context, rank),
        }
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
        self.counted[what as usize]
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

/// The random number that a transaction brings: a hash of when it was, of the tuple as it may come out, and of its id. Positions
/// in the capture, which are nearer at hand, would be others in another grouping of files.
#[inline]
fn rank(row: &Transaction, client: &Who, server: &Who) -> u64 {
    let key = row.key();
    let (ports, id) =
        (u64::from(key.client_port()) << 16 | u64::from(key.server_port()), u64::from(key.id()));
    let (client, server) = (words(client), words(server));
    let who = fold(client.0 ^ MIX[0], client.1 ^ server.1 ^ MIX[1]);
    let what = fold(server.0 ^ MIX[2], (ports << 16 | id) ^ MIX[3]);
    finished(fold(row.request_ns() as u64 ^ who, what ^ MIX[0]))
}
