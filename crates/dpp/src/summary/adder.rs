//! Counting rows into a [`Summary`]: [`Adder`].
//!
//! Rows are counted some at a time ([`Batch`]): of each what is looked up is made first, then all names are looked up, then all
//! clients, then all servers. Each of these loops is short, and what one row waits for out of the memory comes while others are
//! asked for.
//!
//! The surprising fact is what a row does not count. A client's network is that of its address, a domain that of its name, and
//! what all servers did is what each of them did. So networks, domains, TLDs and round-trip times of all are *owed*, and paid from
//! the counts of clients, names and servers: at the end, or before these become too many to be counted one by one, after which
//! each row pays for itself. Nobody sees a sum that owes anything: who wants it takes the adder's place ([`Adder::sum`]).
//!
//! Rows of which something is lacking, and all rows where addresses or names are written otherwise, go the same way one by one
//! ([`Adder::add_singly`]).

use super::kinds::{Kind, Kinds};
use super::{Counted, Server, Summary, TEXT, Timed};
use crate::dns::name::WIRE_MAX;
use crate::enrich::SuffixList;
use crate::table::{Context, Scratch, Value};
use crate::tallies::{
    AHEAD, AddressKey, AddressRoom, Hash, Quantiles, Tag, Tally, Tops, finished, fold, is_same,
};
use crate::transaction::{Brief, Face, Fields, Lacks, State, Transaction};

/// Counts rows for a [`Summary`].
#[derive(Debug)]
pub struct Adder {
    sum: Summary,
    context: Context,
    kinds: Box<Kinds>,
    query_lengths: Lengths,
    answer_lengths: Lengths,
    /// The numbers of servers among groups, by their numbers among servers.
    groups: Vec<u32>,
    /// Whether networks of clients are owed.
    owes_networks: bool,
    /// Whether registered domains and TLDs of names are.
    owes_domains: bool,
}

/// What is looked up for some rows.
struct Batch<'a> {
    count: usize,
    names: [&'a [u8]; AHEAD],
    name_tags: [Tag; AHEAD],
    clients: [AddressKey; AHEAD],
    client_tags: [Tag; AHEAD],
    servers: [AddressKey; AHEAD],
    server_tags: [Tag; AHEAD],
    did: [Server; AHEAD],
    ranks: [u64; AHEAD],
}

impl Default for Batch<'_> {
    fn default() -> Self {
        let nowhere = AddressKey::v4([0; 4]);
        Batch {
            count: 0,
            names: [&[]; AHEAD],
            name_tags: [Tag::default(); AHEAD],
            clients: [nowhere; AHEAD],
            client_tags: [Tag::default(); AHEAD],
            servers: [nowhere; AHEAD],
            server_tags: [Tag::default(); AHEAD],
            did: [Server { code: None, rtt_ns: None }; AHEAD],
            ranks: [0; AHEAD],
        }
    }
}

/// A query to be counted.
struct Query<'a, 'r> {
    row: &'r Transaction<'a>,
    key: Fields<'a>,
    lacks: Lacks,
    did: Server,
}

impl Adder {
    /// Counts for a sum of nothing, up to so many keys one by one, as may come out by this context.
    pub fn new(keys_max: u64, context: &Context) -> Adder {
        let is_hidden = context.privacy.is_active();
        Adder {
            sum: Summary::new(keys_max),
            context: context.clone(),
            kinds: Box::default(),
            query_lengths: Lengths::default(),
            answer_lengths: Lengths::default(),
            groups: Vec::new(),
            owes_networks: !is_hidden,
            owes_domains: !is_hidden,
        }
    }

    /// Counts rows. The more there are at once the less each costs.
    pub fn add_all<'a>(&mut self, mut rows: impl Iterator<Item = Transaction<'a>>) {
        let mut batch = Batch::default();
        while let Some(row) = rows.next() {
            self.begin_row(&row, &mut batch);
            while batch.count < AHEAD {
                let Some(row) = rows.next() else { break };
                self.begin_row(&row, &mut batch);
            }
            self.add_batch(&batch);
            batch.count = 0;
        }
    }

    /// The sum of all that was counted.
    pub fn sum(mut self) -> Summary {
        self.sum.add_kinds(&mut self.kinds);
        self.query_lengths.pay(&mut self.sum.query_sizes);
        self.answer_lengths.pay(&mut self.sum.response_sizes);
        self.pay_networks();
        self.pay_domains();
        self.pay_rtts();
        self.sum
    }

    /// Counts what needs no look-up, and puts the rest into the batch.
    #[inline(always)]
    fn begin_row<'a>(&mut self, row: &Transaction<'a>, batch: &mut Batch<'a>) {
        if row.face() == Face::Response && !row.is_unasked() {
            // Of the same transaction there was the query.
            return;
        }
        let outcome = match row.state() {
            State::Matched => Counted::Answered,
            State::TimedOut => Counted::Unanswered,
            State::Unpaired => Counted::Unpaired,
            State::Unasked => return self.sum.count(Counted::Unasked, 1),
            State::Announcement => return self.sum.count(Counted::Announcements, 1),
            _ => return,
        };
        let brief = row.brief();
        if !brief.is_whole() || self.context.privacy.is_active() {
            return self.add_singly(row, &brief, outcome);
        }
        let query = self.begin_query(row, &brief, Lacks::default(), outcome);
        self.put(&query, batch);
    }

    /// Counts all of a query that is not counted by a key.
    #[inline(always)]
    fn begin_query<'a, 'r>(
        &mut self,
        row: &'r Transaction<'a>,
        brief: &Brief,
        lacks: Lacks,
        outcome: Counted,
    ) -> Query<'a, 'r> {
        let (key, ns, rtt_ns) = (row.key().taken_apart(), row.request_ns(), row.rtt_ns());
        let code = row.response_code().filter(|_| !lacks.has(Lacks::RCODE));
        self.sum.count_kind(&mut self.kinds, Kind::of(&key, brief, lacks, outcome, code), ns);
        if let Some(length) = brief.length() {
            self.query_lengths.add(length, &mut self.sum.query_sizes);
        }
        if let Some(length) = brief.answer_length() {
            self.answer_lengths.add(length, &mut self.sum.response_sizes);
        }
        if !lacks.has(Lacks::TIME) {
            let (first, last) = &mut self.sum.first_and_last_ns;
            (*first, *last) = (ns.min(*first), ns.max(*last));
        }
        if brief.retries() > 0 {
            self.add_retries(brief, ns);
        }
        if rtt_ns.is_some_and(|ns| ns < 0) {
            self.sum.count(Counted::NegativeRtts, 1);
        }
        let rtt_ns = rtt_ns.and_then(|ns| u64::try_from(ns).ok());
        Query { row, key, lacks, did: Server { code, rtt_ns } }
    }

    #[cold]
    fn add_retries(&mut self, brief: &Brief, ns: i64) {
        let retries = u64::from(brief.retries());
        self.sum.count(Counted::Retries, retries);
        if !brief.lacks().has(Lacks::TIME) {
            self.sum.times.add(ns, |counters| {
                let count = &mut counters[Timed::Retries as usize];
                *count = count.saturating_add(retries);
            });
        }
    }

    #[inline(always)]
    fn put<'a>(&mut self, query: &Query<'a, '_>, batch: &mut Batch<'a>) {
        let Query { row, key, did, .. } = query;
        let place = batch.count % AHEAD;
        batch.count += 1;
        batch.names[place] = key.name;
        batch.name_tags[place] = self.sum.names.tag(key.name);
        batch.clients[place] = key.client;
        batch.client_tags[place] = self.sum.clients.tag_of_address(key.client);
        batch.servers[place] = key.server;
        batch.server_tags[place] = self.sum.servers.tag_of_address(key.server);
        batch.did[place] = *did;
        batch.ranks[place] = rank(row.request_ns(), key, key.client.words(), key.server.words());
    }

    /// Counts the queries of a batch by their keys.
    fn add_batch(&mut self, batch: &Batch) {
        let all = 0..batch.count;
        let ranks = &batch.ranks[all.clone()];
        let mut numbers = [0; AHEAD];
        let names = &mut self.sum.names;
        // Known names are in lower case, as most that come are. One that is not is none of them, and is added as it should be.
        let is_name = |place: usize, key: &[u8]| is_same(batch.names[place], key);
        let mut new = names.add_known(&batch.name_tags[all.clone()], ranks, is_name, &mut numbers);
        while let Some(place) = next_bit(&mut new) {
            self.add_name(batch.names[place], ranks[place]);
        }
        let clients = &mut self.sum.clients;
        let is_client = |place: usize, key: &[u8]| batch.clients[place].is_ipv6(key);
        let mut new = clients.add_known(&batch.client_tags[all.clone()], ranks, is_client, &mut numbers);
        while let Some(place) = next_bit(&mut new) {
            self.add_client(batch.clients[place].bytes(&mut AddressRoom::default()), ranks[place]);
        }
        let servers = &mut self.sum.servers;
        let is_server = |place: usize, key: &[u8]| batch.servers[place].is_ipv6(key);
        let mut new = servers.add_known(&batch.server_tags[all.clone()], ranks, is_server, &mut numbers);
        while let Some(place) = next_bit(&mut new) {
            self.add_server(
                batch.servers[place].bytes(&mut AddressRoom::default()),
                ranks[place],
                &batch.did[place],
            );
        }
        for place in all {
            if numbers[place] > 0 {
                self.add_did(numbers[place] as usize - 1, batch, place);
            }
        }
    }

    /// Counts what a server did that is known by number.
    #[inline(always)]
    fn add_did(&mut self, number: usize, batch: &Batch, place: usize) {
        let (did, rank) = (&batch.did[place], batch.ranks[place]);
        let group = self.groups.get(number).map(|group| *group as usize);
        match (group, self.sum.by_server.is_there()) {
            (Some(group), true) => {
                if let Some(figures) = self.sum.by_server.numbered(group) {
                    figures.add(did);
                }
            }
            (None, true) => {
                let mut room = AddressRoom::default();
                self.add_to_group(Some(number), batch.servers[place].bytes(&mut room), did);
            }
            (_, false) => did.rtt_ns.into_iter().for_each(|ns| self.sum.rtts.add(ns)),
        }
        if self.sum.sample.takes(rank) {
            let mut room = AddressRoom::default();
            self.sum.sample.add(rank, batch.servers[place].bytes(&mut room), did.number());
        }
    }

    /// The same of a server that is not, or of which there are too many: as long as they are few, they are known from then on.
    #[inline(never)]
    fn add_to_group(&mut self, number: Option<usize>, key: &[u8], did: &Server) {
        let by_server = &mut self.sum.by_server;
        if !by_server.has_room_for(key) {
            self.pay_rtts();
        }
        let Summary { by_server, rtts, .. } = &mut self.sum;
        let group = by_server.number(key);
        match group.and_then(|group| by_server.numbered(group)) {
            Some(figures) => figures.add(did),
            None => did.rtt_ns.into_iter().for_each(|ns| rtts.add(ns)),
        }
        if let Some(group) = group.filter(|_| number == Some(self.groups.len())) {
            self.groups.push(group as u32);
        }
    }

    /// Counts a query of which something is lacking, or that is written otherwise.
    #[cold]
    #[inline(never)]
    fn add_singly(&mut self, row: &Transaction, brief: &Brief, outcome: Counted) {
        let query = self.begin_query(row, brief, brief.lacks(), outcome);
        let Query { key, lacks, did, .. } = &query;
        let context = &self.context;
        let (client, server) = match context.privacy.is_active() {
            true => (
                Who::hidden(context.client(row, &mut Scratch::default())),
                Who::hidden(context.server(row, &mut Scratch::default())),
            ),
            false => (Who::known(key.client), Who::known(key.server)),
        };
        let client = if lacks.has(Lacks::CLIENT) { Who::default() } else { client };
        let server = if lacks.has(Lacks::SERVER) { Who::default() } else { server };
        let rank = rank(row.request_ns(), key, client.words, server.words);
        if !client.key.is_empty() {
            self.add_client(&client.key, rank);
        }
        match server.key.is_empty() {
            true => did.rtt_ns.into_iter().for_each(|ns| self.sum.rtts.add(ns)),
            false => self.add_server(&server.key, rank, did),
        }
        if !lacks.has(Lacks::NAME) {
            self.add_name(key.name, rank);
        }
    }

    /// Counts a client.
    #[cold]
    fn add_client(&mut self, key: &[u8], rank: u64) {
        if !self.sum.clients.has_room_for(key) {
            self.pay_networks();
        }
        self.sum.clients.add(key, rank, 1);
        if !self.owes_networks {
            add_network(&mut self.sum.client_prefixes, key, rank, 1);
        }
    }

    /// Counts a server that is not known yet.
    #[cold]
    fn add_server(&mut self, key: &[u8], rank: u64, did: &Server) {
        let number = self.sum.servers.add(key, rank, 1);
        self.add_to_group(number, key, did);
        self.sum.sample.add(rank, key, did.number());
    }

    /// Counts a name, as it was captured; none if it is empty, as the root is not.
    #[cold]
    fn add_name(&mut self, name: &[u8], rank: u64) {
        if name.is_empty() {
            return;
        }
        let mut room = [0; WIRE_MAX];
        let name = lowered(name, &mut room);
        if self.context.privacy.is_active() {
            return self.add_hidden_name(name, rank);
        }
        if !self.sum.names.has_room_for(name) {
            self.pay_domains();
        }
        self.sum.names.add(name, rank, 1);
        if !self.owes_domains {
            let Summary { domains, tlds, .. } = &mut self.sum;
            add_domain((domains, tlds), &self.context.suffixes, name, rank, 1);
        }
    }

    /// The same of a name that is written otherwise: its parts are those of the real one, and written as names are.
    fn add_hidden_name(&mut self, name: &[u8], rank: u64) {
        let Adder { sum, context, .. } = self;
        let split = context.suffixes.split(name);
        let parts = [
            (&mut sum.names, Some(name)),
            (&mut sum.domains, split.and_then(|split| Some(&name[split.registered?..]))),
            (&mut sum.tlds, split.map(|split| &name[split.tld..])),
        ];
        for (tops, part) in parts {
            let mut room = [0; WIRE_MAX];
            if let Some(shown) = part.and_then(|part| context.name(part, &mut room)) {
                tops.add(shown, rank, 1);
            }
        }
    }

    fn pay_networks(&mut self) {
        let Summary { clients, client_prefixes, .. } = &mut self.sum;
        if std::mem::take(&mut self.owes_networks) {
            clients.each(|key, rank, n| add_network(client_prefixes, key, rank, n));
        }
    }

    fn pay_domains(&mut self) {
        if std::mem::take(&mut self.owes_domains) {
            let Summary { names, domains, tlds, .. } = &mut self.sum;
            let suffixes = &self.context.suffixes;
            names.each(|name, rank, n| add_domain((domains, tlds), suffixes, name, rank, n));
        }
    }

    /// Round-trip times of all servers that are counted one by one, which nobody may be behind this.
    fn pay_rtts(&mut self) {
        let Summary { by_server, rtts, .. } = &mut self.sum;
        by_server.all().iter().for_each(|(_, figures)| rtts.merge(&figures.rtts));
    }
}

/// A client or a server.
#[derive(Default)]
struct Who {
    /// The key that it is counted by; empty if it is not known, or nothing is to be written.
    key: Vec<u8>,
    /// What it brings to the rank.
    words: (u64, u64),
}

impl Who {
    fn known(address: AddressKey) -> Who {
        Who { key: address.bytes(&mut AddressRoom::default()).to_vec(), words: address.words() }
    }

    /// As it is written.
    fn hidden(value: Value) -> Who {
        let key = match value {
            Value::Address(address) => AddressKey::from(address).bytes(&mut AddressRoom::default()).to_vec(),
            Value::Text(text) => [&[TEXT], text.as_bytes()].concat(),
            _ => Vec::new(),
        };
        let Hash { first, second } = Hash::of(&key);
        Who { key, words: (first, second) }
    }
}

/// Counts the network of a client, if it is known by an address.
fn add_network(networks: &mut Tops, client: &[u8], rank: u64, n: u64) {
    if let Some(address) = AddressKey::address(client) {
        networks.add(&AddressKey::from(address).network(), rank, n);
    }
}

/// Counts the registered domain of a name, and its TLD.
fn add_domain(
    (domains, tlds): (&mut Tops, &mut Tops),
    suffixes: &SuffixList,
    name: &[u8],
    rank: u64,
    n: u64,
) {
    let Some(split) = suffixes.split(name) else { return };
    if let Some(start) = split.registered {
        domains.add(&name[start..], rank, n);
    }
    tlds.add(&name[split.tld..], rank, n);
}

/// So many lengths, from 0, have a counter each: most messages are shorter.
const LENGTHS: usize = 4096;

/// Lengths of messages, each counted by itself until they go into a histogram.
#[derive(Clone, Debug)]
struct Lengths(Box<[u64; LENGTHS]>);

impl Default for Lengths {
    fn default() -> Self {
        Lengths(Box::new([0; LENGTHS]))
    }
}

impl Lengths {
    #[inline(always)]
    fn add(&mut self, length: u32, longer: &mut Quantiles) {
        match self.0.get_mut(length as usize) {
            Some(count) => *count = count.wrapping_add(1),
            None => longer.add(length.into()),
        }
    }

    /// Puts all of them there.
    fn pay(&mut self, into: &mut Quantiles) {
        for (length, count) in (0..).zip(self.0.iter_mut()).filter(|(_, count)| **count > 0) {
            into.add_many(length, std::mem::take(count));
        }
    }
}

/// The lowest bit that is set, which is not behind this.
fn next_bit(bits: &mut u32) -> Option<usize> {
    let place = bits.trailing_zeros();
    *bits &= bits.wrapping_sub(1);
    (place < u32::BITS).then_some(place as usize)
}

/// Random digits (of pi).
const MIX: [u64; 4] =
    [0xA409_3822_299F_31D0, 0x082E_FA98_EC4E_6C89, 0x4528_21E6_38D0_1377, 0xBE54_66CF_34E9_0C6C];

/// A name in lower case.
fn lowered<'r>(name: &[u8], room: &'r mut [u8; WIRE_MAX]) -> &'r [u8] {
    let lower = &mut room[..name.len()];
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    lower
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
