//! Transactions that somebody else wrote down: the items of a C-DNS block.
//!
//! Who wrote them has decided what belongs together, so nothing is matched here: an item is an event with its verdict. What
//! the writer left out is noted as lacking. If columns want to read the messages, they are put together from what is stored
//! (RFC 8618 section 9): they say the same, in other bytes.

use super::reading::{Events, Reader};
use crate::cdns::{
    Block, FilePreamble, Item, Record, Sections, Signature, dns_flags, is_ipv6, item_hints, sig_flags,
    transport_flags,
};
use crate::dns::Question;
use crate::limits::ITEM_MESSAGES_MAX;
use crate::packet::{Addresses, Flow, Outer, Skip};
use crate::stats::Totals;
use crate::transaction::{
    Arrival, Edns, Facts, Kept, Lacks, Needs, Part, Role, Side, State, Transport, Tuple,
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
        stores: block.parameters().storage.hints.item,
        arrival: Arrival { time_ns: block.times().earliest_ns.unwrap_or(arrival.time_ns), ..arrival },
        messages_left: ITEM_MESSAGES_MAX,
    };
    let (mut items, mut count) = (block.items(), 0);
    while let Some(item) = items.next(&mut faults) {
        count += 1;
        totals.messages += reading.item(&item, events);
    }
    block.for_each_malformed(&mut faults, |_| totals.items_malformed += 1);
    totals.item_faults += faults.total();
    totals.items_unread += u64::from(reading.messages_left == 0);
    Ok(count)
}

struct Reading {
    needs: Needs,
    seed: u64,
    unasked: bool,
    /// The hints that say which parts of an item may be stored.
    stores: u64,
    arrival: Arrival,
    /// How many more bytes of messages may be put together.
    messages_left: usize,
}

impl Reading {
    /// An item becomes an event. Gives how many messages it was made of.
    fn item(&mut self, item: &Item, events: &mut impl Events) -> u64 {
        let (has_query, has_response) = messages_of(item);
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
        self.describe(item, part, lacks, (has_query, has_response));
        u64::from(has_query) + u64::from(has_response)
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
        let mut query = Side { lacks, ..Side::default() };
        query.outer = Outer { hop_limit: item.hop_limit.unwrap_or_default(), ..Outer::default() };
        query.length = item.query_size.unwrap_or_default();
        query.rcode = signature.query_rcode.unwrap_or_default();
        query.flags = header_flags(signature, false);
        query.counts = counts(signature);
        query.edns = query_edns(signature);
        let mut response = Side { lacks, ..Side::default() };
        response.lacks.set(Lacks::COUNTS, has_query);
        response.lacks.set(Lacks::LENGTH, item.response_size.is_none());
        response.length = item.response_size.unwrap_or_default();
        response.rcode = signature.response_rcode.unwrap_or_default();
        response.flags = header_flags(signature, true);
        response.counts = counts(signature);
        response.edns = item.response.additional.iter().find_map(edns_of);
        query.lacks.set(Lacks::LENGTH, item.query_size.is_none());
        if has_query && self.needs.has(Needs::QUERY) {
            query.message = self.message(item, &query, part, false);
        }
        let stores_sections = self.stores & SECTIONS != 0;
        if has_response && stores_sections && self.needs.has(Needs::RESPONSE) {
            response.message = self.message(item, &response, part, true);
        }
        let facts = match has_query {
            true => Facts {
                own: query,
                answer: has_response.then_some(response),
                answer_messages: has_response.into(),
                answer_bytes: u64::from(response.length) * u64::from(has_response),
                ..Facts::default()
            },
            false => Facts { own: response, ..Facts::default() },
        };
        part.describe(facts);
    }

    /// Puts a message together, and keeps it with the part.
    fn message(&mut self, item: &Item, side: &Side, part: &mut Part, is_response: bool) -> Kept {
        if self.messages_left == 0 {
            return Kept::default();
        }
        let message = message(item, side, is_response);
        self.messages_left = self.messages_left.saturating_sub(message.len());
        part.keep(&message)
    }
}

/// Hints of the sections of a response.
const SECTIONS: u64 =
    item_hints::RESPONSE_ANSWERS | item_hints::RESPONSE_AUTHORITY | item_hints::RESPONSE_ADDITIONAL;

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
    lacks.set(Lacks::TYPE, signature.class_type.is_none());
    lacks.set(Lacks::NAME, item.qname.is_none());
    lacks.set(Lacks::FLAGS, signature.dns_flags.is_none());
    lacks.set(Lacks::OPCODE, signature.opcode.is_none());
    lacks.set(Lacks::RCODE, signature.response_rcode.is_none());
    lacks.set(Lacks::COUNTS, signature.qdcount.is_none());
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

fn query_edns(signature: &Signature) -> Option<Edns> {
    let udp_size = signature.udp_size?;
    let is_do = signature.dns_flags.unwrap_or_default() & dns_flags::QUERY_DO != 0;
    let flags = if is_do { 0x8000 } else { 0 };
    Some(Edns { udp_size, version: signature.edns_version.unwrap_or_default(), flags })
}

const OPT: u16 = 41;

/// What an OPT record that is stored among the others says.
fn edns_of(record: &Record) -> Option<Edns> {
    let class_type = record.class_type.filter(|class_type| class_type.rtype == OPT)?;
    let [_, version, high, low] = record.ttl.unwrap_or_default().to_be_bytes();
    Some(Edns { udp_size: class_type.class, version, flags: u16::from_be_bytes([high, low]) })
}

/// The longest message.
const MESSAGE_MAX: usize = u16::MAX as usize;

/// A message that says what is stored of it.
fn message(item: &Item, side: &Side, is_response: bool) -> Vec<u8> {
    let sections = if is_response { &item.response } else { &item.query };
    let mut out = Vec::with_capacity(128);
    out.extend(item.id.unwrap_or_default().to_be_bytes());
    out.extend(side.flags.to_be_bytes());
    out.extend([0; 8]);
    let mut counts = [0u16; 4];
    counts[0] = questions(item, sections, is_response, &mut out);
    counts[1] = records(sections.answers, &mut out);
    counts[2] = records(sections.authority, &mut out);
    counts[3] = records(sections.additional, &mut out);
    let has_opt = sections.additional.iter().any(|record| edns_of(record).is_some());
    if let Some(edns) = side.edns.filter(|_| !has_opt) {
        let rdata = item.signature.opt_rdata.filter(|_| !is_response).unwrap_or_default();
        let ttl = u32::from_be_bytes([
            (side.rcode >> 4) as u8,
            edns.version,
            (edns.flags >> 8) as u8,
            edns.flags as u8,
        ]);
        counts[3] += u16::from(record(b"\0", OPT, edns.udp_size, ttl, rdata, &mut out));
    }
    for (at, count) in [4, 6, 8, 10].into_iter().zip(counts) {
        out[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }
    out
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

/// Appends records. Gives how many.
fn records(records: &[Record], out: &mut Vec<u8>) -> u16 {
    let mut count = 0;
    for one in records {
        let kind = one.class_type.unwrap_or_default();
        let name = one.name.unwrap_or(b"\0");
        let (ttl, rdata) = (one.ttl.unwrap_or_default(), one.rdata.unwrap_or_default());
        if !record(name, kind.rtype, kind.class, ttl, rdata, out) {
            break;
        }
        count += 1;
    }
    count
}

/// Appends a record, if there is room for it in a message.
fn record(name: &[u8], rtype: u16, class: u16, ttl: u32, rdata: &[u8], out: &mut Vec<u8>) -> bool {
    const FIXED: usize = 10;
    let Ok(length) = u16::try_from(rdata.len()) else { return false };
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
