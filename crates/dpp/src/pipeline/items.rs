//! Transactions that somebody else wrote down: the items of a C-DNS block.
//!
//! Who wrote them has decided what belongs together, so nothing is matched here: an item is an event with its verdict. What
//! the writer left out is noted as lacking. If columns want to read the messages, they are put together from what is stored
//! (RFC 8618 section 9): they say the same, in other bytes.

use super::counting::{Counting, Logged};
use super::reading::{Events, Reader};
use crate::cdns::{
    Block, FilePreamble, Item, Record, Sections, Signature, StorageParameters, dns_flags, is_ipv6,
    item_hints, sig_flags, transport_flags,
};
use crate::dns::{Message, Question};
use crate::limits::{BLOCK_ITEMS_ALWAYS, BLOCK_ITEMS_MAX, ITEM_MESSAGES_MAX};
use crate::packet::{Addresses, Flow, Origin, Skip};
use crate::stats::Totals;
use crate::transaction::{
    Arrival, Edns, Facts, Lacks, Needs, Noted, Part, Role, Side, Spot, State, Transport, Tuple,
};

/// Reads the items of a block that came at `arrival`. Gives how many there are.
pub(super) fn block(
    (bytes, is_cut): (&[u8], bool),
    preamble: &FilePreamble,
    arrival: Arrival,
    reader: &Reader,
    events: &mut impl Events,
    totals: &mut Totals,
) -> Result<u64, Skip> {
    let block = if is_cut { Block::parse_cut(bytes, preamble) } else { Block::parse(bytes, preamble) };
    let block = block.map_err(|_| Skip::CdnsBlock)?;
    let mut faults = block.faults().clone();
    let mut reading = Reading {
        needs: reader.needs,
        seed: reader.seed,
        unasked: reader.plan.unasked,
        rows: reader.plan.rows,
        counting: reader.counting,
        storage: &block.parameters().storage,
        arrival: Arrival { time_ns: block.times().earliest_ns.unwrap_or(arrival.time_ns), ..arrival },
        messages_left: ITEM_MESSAGES_MAX,
        items_without_messages: 0,
    };
    let items_max = (BLOCK_ITEMS_ALWAYS + bytes.len() as u64 / 4).min(BLOCK_ITEMS_MAX);
    let (mut items, mut count) = (block.items(), 0);
    while let Some(item) = items.next(&mut faults) {
        count += 1;
        match count <= items_max {
            true => totals.messages += reading.item(&item, events, totals),
            false => totals.items_unread += 1,
        }
    }
    block.for_each_malformed(&mut faults, |_| totals.items_malformed += 1);
    totals.item_faults += faults.total();
    totals.items_unread += reading.items_without_messages;
    Ok(count)
}

struct Reading<'a> {
    needs: Needs,
    seed: u64,
    unasked: bool,
    /// Whether there are rows.
    rows: bool,
    counting: Option<Counting<'a>>,
    /// What says which parts of an item may be stored.
    storage: &'a StorageParameters,
    arrival: Arrival,
    /// How many more bytes of messages may be put together.
    messages_left: usize,
    /// How many items have come since.
    items_without_messages: u64,
}

impl Reading<'_> {
    /// An item becomes an event. Gives how many messages it was made of.
    fn item(&mut self, item: &Item, events: &mut impl Events, totals: &mut Totals) -> u64 {
        let (has_query, has_response) = messages_of(item);
        if !has_query && !has_response {
            // Its flags say that there is nothing.
            totals.item_faults += 1;
            return 0;
        }
        let state = match (has_query, has_response) {
            (true, true) => State::Matched,
            (true, false) => State::TimedOut,
            (false, true) if self.unasked => State::Unasked,
            (false, _) => State::Settled,
        };
        let signature = &item.signature;
        let (addresses, lacks_addresses) = Client::of(item);
        let flow = Flow {
            addresses: addresses.borrow(),
            source_port: item.client_port.unwrap_or_default(),
            destination_port: signature.server_port.unwrap_or_default(),
        };
        let messages = u64::from(has_query) + u64::from(has_response);
        if let Some(counting) = self.counting {
            let lacks = lacks_addresses.and(lacks(item, has_query, has_response));
            let counted =
                Counted { item, flow, lacks, time_ns: item.time_ns.unwrap_or(self.arrival.time_ns) };
            let ways = [(has_query, false), (has_response, true)];
            let there = ways.into_iter().filter(|(is_there, _)| *is_there);
            there.for_each(|(_, is_response)| counting.logged(&counted.message(is_response), totals));
        }
        if !self.rows {
            return messages;
        }
        let id = item.id.unwrap_or_default();
        let tuple =
            Tuple::of(&flow, transport(signature.transport_flags), id, false).with_role(role(signature));
        let hash = tuple.hash(self.seed);
        let part = events.part(hash, has_query || self.unasked);
        let asked = signature.class_type.unwrap_or_default();
        let question = item.qname.map(|name| Question { name, qtype: asked.rtype, qclass: asked.class });
        let unnamed = Question { name: &[], qtype: asked.rtype, qclass: asked.class };
        let arrival = Arrival { time_ns: item.time_ns.unwrap_or(self.arrival.time_ns), ..self.arrival };
        let rcode = signature.response_rcode.unwrap_or_default();
        part.push(&arrival, state, rcode, (&tuple, hash), Some(&question.unwrap_or(unnamed)));
        part.set_rtt(item.delay_ns.unwrap_or_default());
        let lacks = lacks_addresses.and(lacks(item, has_query, has_response));
        if self.needs != Needs::NOTHING || lacks != Lacks::default() {
            self.describe(item, part, lacks, (has_query, has_response));
        }
        messages
    }

    /// Says what else is known of the item.
    fn describe(
        &mut self,
        item: &Item,
        part: &mut Part,
        lacks: Lacks,
        (has_query, has_response): (bool, bool),
    ) {
        let signature = &item.signature;
        let wants_messages = self.needs.reads_queries() || self.needs.reads_responses();
        self.items_without_messages += u64::from(wants_messages && self.messages_left == 0);
        let mut query =
            Side { lacks: lacks.and(self.lacks_sections(&item.query, QUERY_SECTIONS)), ..Side::default() };
        query.hop_limit = item.hop_limit.unwrap_or_default();
        query.lacks.set(Lacks::LENGTH, item.query_size.is_none());
        query.length = item.query_size.unwrap_or_default();
        query.rcode = signature.query_rcode.unwrap_or_default();
        query.flags = header_flags(signature, false);
        query.counts = counts(signature);
        query.edns = query_edns(item);
        query.lacks.set(Lacks::OPTIONS, !self.stores_options(item));
        let lacks = lacks.and(self.lacks_sections(&item.response, RESPONSE_SECTIONS));
        let mut response = Side { lacks, ..Side::default() };
        response.lacks.set(Lacks::COUNTS, has_query);
        response.lacks.set(Lacks::LENGTH, item.response_size.is_none());
        response.length = item.response_size.unwrap_or_default();
        response.rcode = signature.response_rcode.unwrap_or_default();
        response.flags = header_flags(signature, true);
        response.counts = counts(signature);
        response.edns = item.response.additional.iter().find_map(edns_of);
        let is_unknown = |record: &Record| is_opt(record) && record.rdata.is_none();
        let stores_rdata = self.storage.hints.record & RDATA != 0;
        response.lacks.set(Lacks::OPTIONS, !stores_rdata && item.response.additional.iter().any(is_unknown));
        if has_query && self.needs.reads_queries() {
            self.put_together(item, &mut query, part, false);
        }
        if has_response && self.needs.reads_responses() {
            self.put_together(item, &mut response, part, true);
        }
        if let Some(event) = part.events.last()
            && let Some(origin) = Origin::of(&part.origins, event.packet)
        {
            (response.input, response.frame) = (origin.input, origin.frame);
        }
        let own = if has_query { query } else { response };
        let answer = (has_query && has_response).then_some(response);
        let facts = Facts {
            answer_messages: answer.is_some().into(),
            answer_bytes: answer.map_or(0, |answer| answer.length.into()),
            ..Facts::of(own, self.handshake_rtt_ns(item))
        };
        part.describe(facts, answer);
    }

    /// Which sections are not there because they were not stored. Hints do not tell all: DNS Probe stores answers without
    /// setting theirs.
    fn lacks_sections(&self, sections: &Sections, hints: [u64; 3]) -> Lacks {
        let mut lacks = Lacks::default();
        let empty = [sections.answers, sections.authority, sections.additional].map(<[Record]>::is_empty);
        let which = [Lacks::ANSWERS, Lacks::AUTHORITY, Lacks::ADDITIONAL];
        for ((is_empty, hint), which) in empty.into_iter().zip(hints).zip(which) {
            lacks.set(which, is_empty && self.storage.hints.item & hint == 0);
        }
        lacks
    }

    /// Whether it is known which EDNS options the query has.
    fn stores_options(&self, item: &Item) -> bool {
        const OPT_RDATA: u64 = 1 << 15;
        let hints = self.storage.hints;
        let may_be_stored = hints.item & item_hints::SIGNATURE != 0 && hints.signature & OPT_RDATA != 0;
        let has_opt = item.signature.sig_flags.map(|flags| flags & sig_flags::QUERY_OPT != 0);
        match has_opt {
            Some(false) => true,
            Some(true) => may_be_stored || item.signature.opt_rdata.is_some(),
            None if item.signature.udp_size.is_some() => may_be_stored,
            None => item.signature.opt_rdata.is_some(),
        }
    }

    /// CZ.NIC's: ticks of the handshake.
    fn handshake_rtt_ns(&self, item: &Item) -> Option<i64> {
        let ticks_ns = i128::from(item.rtt?) * 1_000_000_000;
        i64::try_from(ticks_ns / i128::from(self.storage.ticks_per_second.max(1))).ok()
    }

    /// Puts a message together, and keeps it with the part.
    fn put_together(&mut self, item: &Item, side: &mut Side, part: &mut Part, is_response: bool) {
        if self.messages_left > 0 {
            let (message, options) = message(item, side, is_response);
            self.messages_left = self.messages_left.saturating_sub(message.len());
            side.keep_whole(part.keep(&message));
            if is_response && self.needs.has(Needs::NOTED) && !side.lacks.has(Lacks::ANSWERS) {
                let surveyed =
                    Message::parse(&message).and_then(|it| Some((it, it.survey_behind_questions()?)));
                side.note(surveyed.map_or_else(Noted::default, |(it, survey)| Noted::of_whole(&it, &survey)));
            }
            side.options = options.filter(|_| !side.lacks.has(Lacks::OPTIONS)).and_then(Spot::with_length);
        }
    }
}

/// An item whose messages are counted.
struct Counted<'a> {
    item: &'a Item<'a>,
    /// From client to server.
    flow: Flow<'a>,
    lacks: Lacks,
    time_ns: i64,
}

impl<'a> Counted<'a> {
    fn message(&self, is_response: bool) -> Logged<'a> {
        let Counted { item, flow, lacks, time_ns } = *self;
        let signature = &item.signature;
        let size = if is_response { item.response_size } else { item.query_size };
        // Who stores no delay dates the response like its query.
        let delay_ns = if is_response { item.delay_ns.unwrap_or_default() } else { 0 };
        Logged {
            flow: if is_response { flow.reversed() } else { flow },
            transport: transport(signature.transport_flags),
            role: role(signature),
            lacks,
            is_response,
            time_ns: time_ns.saturating_add(delay_ns),
            size: size.and_then(|size| usize::try_from(size).ok()),
            rcode: signature.response_rcode.filter(|_| is_response),
            name: item.qname.filter(|_| !is_response),
        }
    }
}

/// The hint of the data of records.
const RDATA: u64 = 2;

/// Hints of the sections of a query.
const QUERY_SECTIONS: [u64; 3] =
    [item_hints::QUERY_ANSWERS, item_hints::QUERY_AUTHORITY, item_hints::QUERY_ADDITIONAL];

/// Hints of the sections of a response.
const RESPONSE_SECTIONS: [u64; 3] =
    [item_hints::RESPONSE_ANSWERS, item_hints::RESPONSE_AUTHORITY, item_hints::RESPONSE_ADDITIONAL];

/// Whether there is a query, and a response. Where the flags that say so are not stored, what is tells.
fn messages_of(item: &Item) -> (bool, bool) {
    let signature = &item.signature;
    match signature.sig_flags {
        Some(flags) => (flags & sig_flags::QUERY != 0, flags & sig_flags::RESPONSE != 0),
        None => {
            let has_response =
                item.delay_ns.is_some() || item.response_size.is_some() || signature.response_rcode.is_some();
            let only_response = has_response && item.delay_ns.is_none() && item.query_size.is_none();
            (!only_response, has_response)
        }
    }
}

/// What the item does not tell.
fn lacks(item: &Item, has_query: bool, has_response: bool) -> Lacks {
    let signature = &item.signature;
    let mut lacks = Lacks::default();
    lacks.set(Lacks::TIME, item.time_ns.is_none());
    lacks.set(Lacks::DELAY, item.delay_ns.is_none() && has_query && has_response);
    lacks.set(Lacks::CLIENT_PORT, item.client_port.is_none());
    lacks.set(Lacks::SERVER_PORT, signature.server_port.is_none());
    lacks.set(Lacks::ID, item.id.is_none());
    lacks.set(Lacks::TRANSPORT, signature.transport_flags.is_none());
    lacks.set(Lacks::TYPE.and(Lacks::CLASS), signature.class_type.is_none());
    lacks.set(Lacks::NAME, item.qname.is_none());
    lacks.set(Lacks::FLAGS, signature.dns_flags.is_none());
    lacks.set(Lacks::OPCODE, signature.opcode.is_none());
    lacks.set(Lacks::RCODE, signature.response_rcode.is_none());
    let counts = [signature.qdcount, signature.ancount, signature.nscount, signature.arcount];
    lacks.set(Lacks::COUNTS, counts.iter().any(Option::is_none));
    lacks
}

/// The addresses of an item, whole.
enum Client {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
}

impl Client {
    /// With zeros for what is not stored.
    fn of(item: &Item) -> (Client, Lacks) {
        let signature = &item.signature;
        let flags = signature.transport_flags;
        let known = |address: Option<&[u8]>| address.and_then(|address| is_ipv6(address, flags));
        let told = flags.map(|flags| flags & transport_flags::IPV6 != 0);
        let is_v6 = known(item.client).or(known(signature.server)).or(told).unwrap_or(false);
        let (client, server) = (item.client_address(), item.server_address());
        let mut lacks = Lacks::default();
        lacks.set(Lacks::CLIENT, client.is_none_or(|address| address.is_ipv6() != is_v6));
        lacks.set(Lacks::SERVER, server.is_none_or(|address| address.is_ipv6() != is_v6));
        let addresses = match is_v6 {
            true => {
                let octets = |address| match address {
                    Some(std::net::IpAddr::V6(address)) => std::net::Ipv6Addr::octets(&address),
                    _ => [0; 16],
                };
                Client::V6(octets(client), octets(server))
            }
            false => {
                let octets = |address| match address {
                    Some(std::net::IpAddr::V4(address)) => std::net::Ipv4Addr::octets(&address),
                    _ => [0; 4],
                };
                Client::V4(octets(client), octets(server))
            }
        };
        (addresses, lacks)
    }

    fn borrow(&self) -> Addresses<'_> {
        match self {
            Client::V4(source, destination) => Addresses::V4 { source, destination },
            Client::V6(source, destination) => Addresses::V6 { source, destination },
        }
    }
}

/// What carried it, by bits 1 to 4 of the transport flags.
fn transport(flags: Option<u8>) -> Transport {
    match flags.map(|flags| flags >> 1 & 0x0F) {
        Some(0) => Transport::Udp,
        Some(1) => Transport::Tcp,
        Some(2) => Transport::Dot,
        Some(3) => Transport::Dtls,
        Some(4) => Transport::Doh,
        _ => Transport::Unknown,
    }
}

/// As whom the one who wrote it took part, by the types of C-DNS.
fn role(signature: &Signature) -> Role {
    const ROLES: [u8; 7] = [5, 3, 2, 1, 4, 6, 7];
    let number = signature.qr_type.and_then(|kind| ROLES.get(usize::from(kind)));
    number.map_or(Role::default(), |&role| Role(role))
}

/// The second word of the header.
fn header_flags(signature: &Signature, is_response: bool) -> u16 {
    let stored = signature.dns_flags.unwrap_or_default();
    let (shift, qr, rcode) = match is_response {
        true => (8, 0x8000, signature.response_rcode),
        false => (0, 0, signature.query_rcode),
    };
    // CD, AD, Z, RA, RD, TC, AA from the lowest bit on, as in the header from bit 4 on.
    let flags = ((stored >> shift) as u16 & 0x7F) << 4;
    let opcode = u16::from(signature.opcode.unwrap_or_default() & 0x0F) << 11;
    qr | opcode | flags | rcode.unwrap_or_default() & 0x0F
}

fn counts(signature: &Signature) -> [u16; 4] {
    [signature.qdcount, signature.ancount, signature.nscount, signature.arcount]
        .map(Option::unwrap_or_default)
}

/// What the query's OPT record says. Who writes no flags that tell whether there is one writes zeros if there is none.
fn query_edns(item: &Item) -> Option<Edns> {
    let signature = &item.signature;
    let (udp_size, version) = (signature.udp_size?, signature.edns_version.unwrap_or_default());
    let has_opt = match signature.sig_flags {
        Some(flags) => flags & sig_flags::QUERY_OPT != 0,
        None => udp_size != 0 || version != 0 || signature.opt_rdata.is_some(),
    };
    let stored = signature.dns_flags.unwrap_or_default();
    let bits = [(dns_flags::QUERY_DO, 0x8000), (dns_flags::QUERY_CO, 0x4000), (dns_flags::QUERY_DE, 0x2000)];
    let flags = bits.iter().filter(|(bit, _)| stored & bit != 0).map(|(_, flag)| flag).sum();
    has_opt.then_some(Edns { udp_size, version, flags })
}

const OPT: u16 = 41;

fn is_opt(record: &Record) -> bool {
    record.class_type.is_some_and(|class_type| class_type.rtype == OPT)
}

/// What an OPT record that is stored among the others says; nothing if its TTL, which has most of it, is not stored.
fn edns_of(record: &Record) -> Option<Edns> {
    let class_type = record.class_type.filter(|_| is_opt(record))?;
    let [_, version, high, low] = record.ttl?.to_be_bytes();
    Some(Edns { udp_size: class_type.class, version, flags: u16::from_be_bytes([high, low]) })
}

/// The longest message.
const MESSAGE_MAX: usize = u16::MAX as usize;

/// A message that says what is stored of it, and where in it the options of its OPT record are.
fn message(item: &Item, side: &Side, is_response: bool) -> (Vec<u8>, Option<(u32, u16)>) {
    let sections = if is_response { &item.response } else { &item.query };
    let mut out = Vec::with_capacity(128);
    out.extend(item.id.unwrap_or_default().to_be_bytes());
    out.extend(side.flags.to_be_bytes());
    out.extend([0; 8]);
    let (mut counts, mut options) = ([0u16; 4], None);
    counts[0] = questions(item, sections, is_response, &mut out);
    counts[1] = records(sections.answers.iter(), &mut out).0;
    counts[2] = records(sections.authority.iter(), &mut out).0;
    let opt_rdata = item.signature.opt_rdata.filter(|_| !is_response).unwrap_or_default();
    let is_whole = |opt: &Record| opt.ttl.is_some() && (opt.rdata.is_some() || opt_rdata.is_empty());
    let has_opt = sections.additional.iter().any(|record| is_opt(record) && is_whole(record));
    // What the signature says of it, if nothing that says as much is among the records.
    let opt = side.edns.filter(|_| !has_opt);
    if let Some(edns) = opt {
        let [high, low] = edns.flags.to_be_bytes();
        let ttl = u32::from_be_bytes([(side.rcode >> 4) as u8, edns.version, high, low]);
        if record(b"\0", OPT, edns.udp_size, ttl, opt_rdata, &mut out) {
            counts[3] = 1;
            options = Some(((out.len() - opt_rdata.len()) as u32, opt_rdata.len() as u16));
        }
    }
    let more = sections.additional.iter().filter(|record| opt.is_none() || !is_opt(record));
    let (count, stored) = records(more, &mut out);
    counts[3] += count;
    for (at, count) in [4, 6, 8, 10].into_iter().zip(counts) {
        out[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }
    (out, options.or(stored))
}

/// Appends the questions. Gives how many.
fn questions(item: &Item, sections: &Sections, is_response: bool, out: &mut Vec<u8>) -> u16 {
    let none = match is_response {
        true => sig_flags::RESPONSE_NO_QUESTION,
        false => sig_flags::QUERY_NO_QUESTION,
    };
    let first = item.qname.filter(|_| item.signature.sig_flags.unwrap_or_default() & none == 0);
    let mut count = 0;
    let mut question = |name: &[u8], rtype: u16, class: u16| {
        if out.len() + name.len() + 4 <= MESSAGE_MAX {
            out.extend_from_slice(name);
            out.extend(rtype.to_be_bytes());
            out.extend(class.to_be_bytes());
            count += 1;
        }
    };
    if let Some(name) = first {
        let asked = item.signature.class_type.unwrap_or_default();
        question(name, asked.rtype, asked.class);
    }
    for more in sections.questions {
        let asked = more.class_type.unwrap_or_default();
        question(more.name.unwrap_or(b"\0"), asked.rtype, asked.class);
    }
    count
}

/// Appends records. Gives how many, and where the options of the first OPT record among them are.
fn records<'a>(
    records: impl Iterator<Item = &'a Record<'a>>,
    out: &mut Vec<u8>,
) -> (u16, Option<(u32, u16)>) {
    let (mut count, mut options) = (0, None);
    for one in records {
        let kind = one.class_type.unwrap_or_default();
        let name = one.name.unwrap_or(b"\0");
        let (ttl, rdata) = (one.ttl.unwrap_or_default(), one.rdata.unwrap_or_default());
        if !record(name, kind.rtype, kind.class, ttl, rdata, out) {
            break;
        }
        count += 1;
        if options.is_none() && is_opt(one) {
            options = Some(((out.len() - rdata.len()) as u32, rdata.len() as u16));
        }
    }
    (count, options)
}

/// Where the first name of a message is, and a pointer to it (RFC 1035 section 4.1.4).
const NAMES: usize = 12;
const FIRST_NAME: [u8; 2] = [0xC0, NAMES as u8];

/// Appends a record, if there is room for it in a message.
fn record(name: &[u8], rtype: u16, class: u16, ttl: u32, rdata: &[u8], out: &mut Vec<u8>) -> bool {
    const FIXED: usize = 10;
    let Ok(length) = u16::try_from(rdata.len()) else { return false };
    // Nearly all owners are the name that was asked for; without pointers a long answer would not fit.
    let is_first = name.len() > FIRST_NAME.len() && out.get(NAMES..NAMES + name.len()) == Some(name);
    let name = if is_first { &FIRST_NAME[..] } else { name };
    if out.len() + name.len() + FIXED + rdata.len() > MESSAGE_MAX {
        return false;
    }
    out.extend_from_slice(name);
    out.extend(rtype.to_be_bytes());
    out.extend(class.to_be_bytes());
    out.extend(ttl.to_be_bytes());
    out.extend(length.to_be_bytes());
    out.extend_from_slice(rdata);
    true
}
