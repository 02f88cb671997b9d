//! What is in some traffic, in one value that merges: [`Summary`].
//!
//! It is about queries and the answers to them. Of responses that nobody asked for it says how many there were and no more, so
//! that shares are shares of what was asked. A message with several questions is several transactions, as it is several rows.
//!
//! What it costs, per transaction: a table for the client, one for the server and one for the name, each a hash and three
//! places in memory, which are fetched for some rows at once; a counter for its [`Kind`]; up to four histograms. Registered domain
//! and TLD cost no look-up of their own while names are few enough to be counted one by one: which they are is kept beside the
//! name's number, as a client's network is beside the client's.
//!
//! Addresses and names are counted as they may come out: the same [`Context`] that columns are written with says what to put in
//! their place, and what tells one transaction from another is made of that too.

mod figures;
mod kinds;
mod server;

use crate::dns::name::WIRE_MAX;
use crate::enrich::SuffixList;
use crate::table::{Context, Scratch, Value};
use crate::tallies::entry::{Entries, NotMine, Op};
use crate::tallies::{
    AHEAD, AddressKey, AddressRoom, Counts, Groups, Hash, Number, Quantiles, Sample, Tag, Tally, Teller,
    Times, Tops, finished, fold, ns_of_number, number_of_ns, split_key,
};
use crate::transaction::{Brief, Face, Fields, Lacks, Needs, State, Transaction};
pub use figures::{Figure, Figures, Group, Shown, Table};
use kinds::{Kind, Kinds};
pub use server::{Server, ServerFigures};
use std::num::NonZeroU32;

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

/// Where the name of a query belongs.
#[derive(Clone, Copy, Debug)]
struct Belongs {
    /// The number of its registered domain, from 1.
    domain: Option<NonZeroU32>,
    /// The number of its TLD, from 1.
    tld: Option<NonZeroU32>,
}

/// Such a number, of one from 0.
fn from_one(number: Option<usize>) -> Option<NonZeroU32> {
    NonZeroU32::new(number? as u32 + 1)
}

/// A number from 0, of such one.
#[inline(always)]
fn from_zero(number: Option<NonZeroU32>) -> Option<usize> {
    number.map(|number| number.get() as usize - 1)
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
            /// The numbers that the networks of clients have, likewise.
            networks: Vec<u32>,
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
                    networks: Vec::new(),
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

/// The key of a client or server that is written otherwise; empty if nothing is written.
fn hidden_key(value: Value) -> Vec<u8> {
    match value {
        Value::Address(address) => AddressKey::from(address).bytes(&mut AddressRoom::default()).to_vec(),
        Value::Text(text) => [&[TEXT], text.as_bytes()].concat(),
        _ => Vec::new(),
    }
}

/// Random digits (of pi).
const MIX: [u64; 4] =
    [0xA409_3822_299F_31D0, 0x082E_FA98_EC4E_6C89, 0x4528_21E6_38D0_1377, 0xBE54_66CF_34E9_0C6C];

impl Summary {
    /// What of a transaction has to be kept for it.
    pub const NEEDS: Needs = Needs::BRIEF;

    /// Counts a row.
    pub fn add(&mut self, row: &Transaction, context: &Context) {
        self.add_all(std::iter::once(*row), context);
    }

    /// Counts rows. The more there are the less each costs.
    pub fn add_all<'a>(&mut self, rows: impl Iterator<Item = Transaction<'a>> + Clone, context: &Context) {
        let mut gathered = Gathered::default();
        let (mut ahead, mut rows) = (rows.clone(), rows.peekable());
        while rows.peek().is_some() {
            if !context.privacy.is_active() {
                self.look_ahead(ahead.by_ref().take(AHEAD), &mut gathered);
            }
            for (place, row) in rows.by_ref().take(AHEAD).enumerate() {
                gathered.place = place;
                self.add_row(&row, context, &mut gathered);
            }
        }
        self.add_kinds(&mut gathered.kinds);
    }

    /// Fetches into the processor's cache what will be looked at for these rows. Row by row each look into memory would wait for the
    /// one before.
    fn look_ahead<'a>(&self, rows: impl Iterator<Item = Transaction<'a>>, gathered: &mut Gathered) {
        let mut clients = [Tag::default(); AHEAD];
        for (place, row) in rows.enumerate().take(AHEAD) {
            let key = row.key().taken_apart();
            let is_lower = !has_upper_case(key.name);
            let name = if is_lower { key.name } else { lowered(key.name, &mut gathered.room) };
            (gathered.names[place], gathered.are_lower[place]) = (self.names.tag(name), is_lower);
            clients[place] = self.clients.tag_of_address(key.client);
        }
        let (names, one) = self.names.look_ahead(&gathered.names);
        let (clients, other) = self.clients.look_ahead(&clients);
        let domains = names.map(|number| {
            let belongs = self.belongs.get((number as usize).wrapping_sub(1));
            belongs.and_then(|belongs| belongs.domain).map_or(0, NonZeroU32::get)
        });
        let networks = clients.map(|number| {
            let network = self.networks.get((number as usize).wrapping_sub(1));
            network.map_or(0, |number| number + 1)
        });
        let fetched = one ^ other ^ self.domains.look_ahead_numbered(&domains);
        std::hint::black_box(fetched ^ self.client_prefixes.look_ahead_numbered(&networks));
    }

    #[inline(always)]
    fn add_row(&mut self, row: &Transaction, context: &Context, gathered: &mut Gathered) {
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
        let brief = row.brief();
        match brief.is_whole() {
            true => self.add_query(row, (outcome, &brief, Lacks::default()), context, gathered),
            false => self.add_lacking(row, (outcome, &brief), context, gathered),
        }
    }

    /// Counts a query of which not all is known.
    #[cold]
    #[inline(never)]
    fn add_lacking(
        &mut self,
        row: &Transaction,
        (outcome, brief): (Counted, &Brief),
        context: &Context,
        gathered: &mut Gathered,
    ) {
        self.add_query(row, (outcome, brief, brief.lacks()), context, gathered);
    }

    #[inline(always)]
    fn add_query(
        &mut self,
        row: &Transaction,
        (outcome, brief, lacks): (Counted, &Brief, Lacks),
        context: &Context,
        gathered: &mut Gathered,
    ) {
        let (key, ns, rtt_ns) = (row.key().taken_apart(), row.request_ns(), row.rtt_ns());
        let code = row.response_code().filter(|_| !lacks.has(Lacks::RCODE));
        self.count_kind(&mut gathered.kinds, Kind::of(&key, brief, lacks, outcome, code), ns);
        self.add_measures(brief, rtt_ns);
        if !lacks.has(Lacks::TIME) {
            let (first, last) = &mut self.first_and_last_ns;
            (*first, *last) = (ns.min(*first), ns.max(*last));
        }
        if brief.retries() > 0 {
            self.add_retries(brief, ns);
        }
        let rtt_ns = rtt_ns.and_then(|ns| u64::try_from(ns).ok());
        let done = Done { key, lacks, did: Server { code, rtt_ns } };
        self.add_keys(row, &done, context, gathered);
    }

    #[inline(always)]
    fn count(&mut self, what: Counted, n: u64) {
        let count = &mut self.counted[what as usize];
        *count = count.wrapping_add(n);
    }

    /// Lengths and times.
    #[inline(always)]
    fn add_measures(&mut self, brief: &Brief, rtt_ns: Option<i64>) {
        if let Some(length) = brief.length() {
            self.query_sizes.add(length.into());
        }
        if let Some(length) = brief.answer_length() {
            self.response_sizes.add(length.into());
        }
        match rtt_ns.map(u64::try_from) {
            Some(Ok(rtt_ns)) => self.rtts.add(rtt_ns),
            Some(Err(_)) => self.count(Counted::NegativeRtts, 1),
            None => {}
        }
    }

    #[cold]
    fn add_retries(&mut self, brief: &Brief, ns: i64) {
        let retries = u64::from(brief.retries());
        self.count(Counted::Retries, retries);
        if !brief.lacks().has(Lacks::TIME) {
            self.times.add(ns, |counters| {
                let count = &mut counters[Timed::Retries as usize];
                *count = count.saturating_add(retries);
            });
        }
    }

    #[inline(always)]
    fn add_keys(&mut self, row: &Transaction, done: &Done, context: &Context, gathered: &mut Gathered) {
        if context.privacy.is_active() {
            return self.add_hidden_keys(row, done, context, &mut gathered.room);
        }
        let Done { key, lacks, .. } = done;
        let known = |address, what| (!lacks.has(what)).then_some(address);
        let client = known(key.client, Lacks::CLIENT);
        let server = known(key.server, Lacks::SERVER);
        let words = |key: Option<AddressKey>| key.map_or((0, 0), AddressKey::words);
        let rank = rank(row.request_ns(), key, words(client), words(server));
        if let Some(client) = client {
            let number = self.clients.add_address(client, rank);
            self.add_network(number, client, rank);
        }
        if let Some(server) = server {
            let number = self.servers.add_address(server, rank);
            self.add_server(number, rank, &done.did, |take| take(server.bytes(&mut AddressRoom::default())));
        }
        if let Some(name) = done.name() {
            let (tag, is_lower) = (gathered.names[gathered.place], gathered.are_lower[gathered.place]);
            let name = if is_lower { name } else { lowered(name, &mut gathered.room) };
            self.add_name((tag, name), &context.suffixes, rank);
        }
    }

    /// The same where something is written otherwise.
    #[cold]
    fn add_hidden_keys(
        &mut self,
        row: &Transaction,
        done: &Done,
        context: &Context,
        room: &mut [u8; WIRE_MAX],
    ) {
        let mut scratch = Scratch::default();
        let client = hidden_key(context.client(row, &mut scratch));
        let server = hidden_key(context.server(row, &mut scratch));
        let words = |key: &[u8]| {
            let Hash { first, second } = Hash::of(key);
            (first, second)
        };
        let rank = rank(row.request_ns(), &done.key, words(&client), words(&server));
        if !client.is_empty() {
            let number = self.clients.add(&client, rank, 1);
            if let Some(address) = AddressKey::address(&client) {
                self.add_network(number, address.into(), rank);
            }
        }
        if !server.is_empty() {
            let number = self.servers.add(&server, rank, 1);
            self.add_server(number, rank, &done.did, |take| take(&server));
        }
        if let Some(name) = done.name() {
            self.add_hidden_name(lowered(name, room), context, rank);
        }
    }

    /// Counts what a server did, by the number that it has among servers, if it has one. `tell` tells its key, which nobody asks
    /// for while it is known by number.
    #[inline(always)]
    fn add_server(
        &mut self,
        number: Option<usize>,
        rank: u64,
        did: &Server,
        tell: impl Fn(&mut dyn FnMut(&[u8])),
    ) {
        match number.and_then(|number| self.groups.get(number)) {
            Some(group) => {
                if let Some(figures) = self.by_server.numbered(*group as usize) {
                    figures.add(did);
                }
            }
            None if self.by_server.is_there() => tell(&mut |key| self.add_new_server(number, key, did)),
            None => {}
        }
        if self.sample.takes(rank) {
            tell(&mut |key| self.sample.add(rank, key, did.number()));
        }
    }

    #[cold]
    fn add_new_server(&mut self, number: Option<usize>, key: &[u8], did: &Server) {
        let Some(group) = self.by_server.number(key) else { return };
        if number == Some(self.groups.len()) {
            self.groups.push(group as u32);
        }
        if let Some(figures) = self.by_server.numbered(group) {
            figures.add(did);
        }
    }

    /// Counts the network of the client that has this number among clients, if it has one.
    #[inline(always)]
    fn add_network(&mut self, number: Option<usize>, client: AddressKey, rank: u64) {
        match number.and_then(|number| self.networks.get(number)) {
            Some(network) => self.client_prefixes.add_numbered(*network as usize, rank, 1),
            None => self.add_new_network(number, client, rank),
        }
    }

    #[inline(never)]
    fn add_new_network(&mut self, number: Option<usize>, client: AddressKey, rank: u64) {
        match self.client_prefixes.add(&client.network(), rank, 1) {
            Some(network) if number == Some(self.networks.len()) => self.networks.push(network as u32),
            Some(_) => {}
            None => self.networks.clear(),
        }
    }

    /// What is known by numbers must be looked up again.
    fn forget_numbers(&mut self) {
        self.networks.clear();
        self.belongs.clear();
        self.groups.clear();
    }

    #[inline]
    fn add_name(&mut self, (tag, name): (Tag, &[u8]), suffixes: &SuffixList, rank: u64) {
        let number = self.names.add_tagged(tag, name, rank);
        if let Some(belongs) = number.and_then(|number| self.belongs.get(number)) {
            if let Some(domain) = from_zero(belongs.domain) {
                self.domains.add_numbered(domain, rank, 1);
            }
            if let Some(tld) = from_zero(belongs.tld) {
                self.tlds.add_numbered(tld, rank, 1);
            }
            return;
        }
        let split = suffixes.split(name);
        let domain = split.and_then(|split| split.registered);
        let domain = domain.and_then(|start| self.domains.add(&name[start..], rank, 1));
        let tld = split.and_then(|split| self.tlds.add(&name[split.tld..], rank, 1));
        let may_remember = self.domains.is_exact() && self.tlds.is_exact();
        if !may_remember {
            self.belongs.clear();
        } else if number == Some(self.belongs.len()) {
            self.belongs.push(Belongs { domain: from_one(domain), tld: from_one(tld) });
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

/// What is kept while rows are counted, of which nothing is left behind the last one.
struct Gathered {
    kinds: Kinds,
    /// By what the names of the rows at hand are looked up.
    names: [Tag; AHEAD],
    /// Whether they are in lower case as they are.
    are_lower: [bool; AHEAD],
    /// Which of these rows it is.
    place: usize,
    /// Room for a name.
    room: [u8; WIRE_MAX],
}

impl Default for Gathered {
    fn default() -> Self {
        Gathered {
            kinds: Kinds::default(),
            names: [Tag::default(); AHEAD],
            are_lower: [false; AHEAD],
            place: 0,
            room: [0; WIRE_MAX],
        }
    }
}

/// What all that counts a query by keys asks for.
struct Done<'a> {
    key: Fields<'a>,
    lacks: Lacks,
    did: Server,
}

impl<'a> Done<'a> {
    /// The name that was asked for, if it is known.
    #[inline(always)]
    fn name(&self) -> Option<&'a [u8]> {
        Some(self.key.name).filter(|name| !name.is_empty() && !self.lacks.has(Lacks::NAME))
    }
}

/// A name in lower case, as it is in most traffic already.
#[cold]
fn lowered<'r>(name: &[u8], room: &'r mut [u8; WIRE_MAX]) -> &'r [u8] {
    let lower = &mut room[..name.len()];
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    lower
}

/// Whether an octet is a letter of upper case: sixteen at a time, of which the last may overlap those before.
#[inline(always)]
fn has_upper_case(name: &[u8]) -> bool {
    let Some(last) = name.last_chunk::<16>() else {
        let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) else {
            return name.iter().any(u8::is_ascii_uppercase);
        };
        return upper_case(u64::from_le_bytes(*first)) | upper_case(u64::from_le_bytes(*last)) != 0;
    };
    let blocks = name.as_chunks::<16>().0.iter().chain([last]);
    let upper = |block: &[u8; 16]| {
        let both = u128::from_le_bytes(*block);
        upper_case(both as u64) | upper_case((both >> 64) as u64)
    };
    blocks.fold(0, |all, block| all | upper(block)) != 0
}

/// The highest bits of those octets that are letters of upper case.
#[inline(always)]
fn upper_case(octets: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * EACH;
    let low = octets & !HIGH;
    // The highest bit of an octet is set from 'A' on, and from what is behind 'Z' on.
    let (from_a, behind_z) = (low + (0x80 - 0x41) * EACH, low + (0x80 - 0x5B) * EACH);
    from_a & !behind_z & !octets & HIGH
}

/// The random number that a transaction brings: a hash of when it was, of the tuple as it may come out, and of its id. Positions
/// in the capture, which are nearer at hand, would be others in another grouping of files.
#[inline(always)]
fn rank(ns: i64, key: &Fields, client: (u64, u64), server: (u64, u64)) -> u64 {
    let (ports, id) = (u64::from(key.client_port) << 16 | u64::from(key.server_port), u64::from(key.id));
    let who = fold(client.0 ^ MIX[0], client.1 ^ server.1 ^ MIX[1]);
    let what = fold(server.0 ^ MIX[2], (ports << 16 | id) ^ MIX[3]);
    finished(fold(ns as u64 ^ who, what ^ MIX[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_upper_case_are_found_wherever_they_stand() {
        for length in 0..50 {
            let mut name = vec![b'a'; length];
            assert!(!has_upper_case(&name), "{length}");
            for place in 0..length {
                for octet in 0..=u8::MAX {
                    name[place] = octet;
                    assert_eq!(
                        has_upper_case(&name),
                        octet.is_ascii_uppercase(),
                        "{octet} at {place} of {length}"
                    );
                }
                name[place] = b'z';
            }
        }
    }
}
