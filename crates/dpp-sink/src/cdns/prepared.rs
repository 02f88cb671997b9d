//! Rows as items want them, but for the tables of the block.
//!
//! Everything that has bytes (addresses, names, data) lies in one arena, where fields have their places; so a chunk of rows
//! is prepared without a single allocation once the arenas have their sizes.

use super::veiled;
use dpp::cdns::{
    ClassType, Hints, Item, MalformedMessage, Question, Record, Sections, Signature, dns_flags, item_hints,
    sig_flags, transport_flags,
};
use dpp::dns::{self, Message, Section, rdata};
use dpp::limits::CDNS_PREPARED_MAX;
use dpp::pipeline::Rows;
use dpp::privacy::Field;
use dpp::table::Context;
use dpp::transaction::{Edns, Face, Facts, Key, Lacks, Role, Side, Transaction, Transport};
use std::net::IpAddr;

/// Where compressed names are written out.
type Scratch = [u8; dns::name::WIRE_MAX];

/// What of rows is prepared.
#[derive(Clone, Debug)]
pub(super) struct Preparing {
    hints: Hints,
    context: Context,
}

impl Preparing {
    pub(super) fn new(hints: Hints, context: Context) -> Preparing {
        Preparing { hints, context }
    }

    fn has(&self, hint: u64) -> bool {
        self.hints.item & hint != 0
    }

    /// Names of records are not stored either if that of the question is not: it would stand among them. (RFC 8618 wants
    /// records to have names and types; compactor leaves them out, too.)
    fn has_names(&self) -> bool {
        self.has(item_hints::QNAME)
    }

    fn has_types(&self) -> bool {
        self.hints.signature & CLASS_TYPE != 0
    }

    fn has_rdata(&self) -> bool {
        self.hints.record & RDATA != 0
    }
}

/// A chunk's rows, prepared.
#[derive(Clone, Debug, Default)]
pub(super) struct Prepared {
    bytes: Vec<u8>,
    rows: Vec<Row>,
    questions: Vec<Placed>,
    records: Vec<Placed>,
}

/// Where something lies in the arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    start: u32,
    length: u32,
}

impl Place {
    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..][..self.length as usize]
    }
}

/// A question or a record.
#[derive(Clone, Copy, Debug)]
struct Placed {
    name: Option<Place>,
    class_type: Option<ClassType>,
    ttl: u32,
    rdata: Option<Place>,
}

/// So many questions and records of one message, one behind the other.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    questions: u16,
    /// Of answers, authority and additional.
    records: [u16; 3],
}

/// A row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row {
    pub(super) has_query: bool,
    pub(super) has_response: bool,
    /// How many messages it stands for, repeated ones too.
    pub(super) messages: u32,
    time_ns: Option<i64>,
    delay_ns: Option<i64>,
    client: Option<Place>,
    server: Option<Place>,
    qname: Option<Place>,
    opt_rdata: Option<Place>,
    /// A query that cannot be read.
    malformed: Option<Malformed>,
    client_port: Option<u16>,
    id: Option<u16>,
    hop_limit: Option<u8>,
    query_size: Option<u32>,
    response_size: Option<u32>,
    /// What has no bytes.
    signature: Signature<'static>,
    first_question: u32,
    first_record: u32,
    query: Counts,
    response: Counts,
}

#[derive(Clone, Copy, Debug)]
struct Malformed {
    time_ns: Option<i64>,
    /// None beside pseudonyms: nobody can tell what is in it.
    payload: Option<Place>,
}

impl Prepared {
    /// Prepares rows, from the first on; gives how many. Those behind are left for later if these are very long.
    pub(super) fn fill(&mut self, rows: &Rows, preparing: &Preparing) -> usize {
        self.clear();
        let (mut before, mut scratch) = (None, [0; dns::name::WIRE_MAX]);
        for (index, row) in rows.iter().enumerate() {
            if self.size() > CDNS_PREPARED_MAX {
                return index;
            }
            self.row(&row, before.as_ref(), (preparing, &mut scratch));
            before = Some(row);
        }
        rows.len()
    }

    /// Prepares one row only.
    pub(super) fn fill_one(
        &mut self,
        row: &Transaction,
        before: Option<&Transaction>,
        preparing: &Preparing,
    ) {
        self.clear();
        self.row(row, before, (preparing, &mut [0; dns::name::WIRE_MAX]));
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.questions.clear();
        self.records.clear();
    }

    /// Bytes of memory.
    pub(super) fn size(&self) -> usize {
        let placed = self.questions.len() + self.records.len();
        self.bytes.len() + self.rows.len() * size_of::<Row>() + placed * size_of::<Placed>()
    }

    fn row(
        &mut self,
        row: &Transaction,
        before: Option<&Transaction>,
        (preparing, scratch): (&Preparing, &mut Scratch),
    ) {
        let Some(facts) = row.facts() else { unreachable!("the plan keeps what this sink needs") };
        let is_half = row.face() == Face::Response && !row.is_unasked();
        if is_half || before.is_some_and(|before| row.continues(before)) {
            return;
        }
        let key = row.key();
        let mut out = self.begin(row, facts, &preparing.context);
        let mut query = row.query();
        if let Some(side) = query
            && !is_readable(row, side, scratch)
        {
            let is_shown = !preparing.context.privacy.is_active();
            let payload = is_shown.then(|| self.place(row.message(side)));
            out.malformed = Some(Malformed { time_ns: out.time_ns, payload });
            query = None;
        }
        let response = row.response();
        out.has_query = query.is_some();
        out.has_response = response.is_some();
        let Some(own) = query.or(response) else {
            self.rows.push(out);
            return;
        };
        if !out.has_query {
            out.time_ns = row.response_ns().filter(|_| !own.lacks.has(Lacks::TIME));
        } else if out.time_ns.is_some() {
            out.delay_ns = row.rtt_ns();
        }
        out.messages = if out.has_query { 1 + facts.retries } else { 0 };
        out.messages += if out.has_response { facts.answer_messages.max(1) } else { 0 };
        self.question(&key, own, &preparing.context, &mut out);
        self.messages(row, (query, response), (preparing, scratch), &mut out);
        sizes((query, response), &mut out);
        headers((query, response), own, &mut out);
        self.rows.push(out);
    }

    /// Who and when.
    fn begin(&mut self, row: &Transaction, facts: &Facts, context: &Context) -> Row {
        let (key, lacks) = (row.key(), facts.own.lacks);
        let known = |what: Lacks| (!lacks.has(what)).then_some(());
        let (client, server) = (key.client(), key.server());
        let signature = Signature {
            server_port: known(Lacks::SERVER_PORT).map(|()| key.server_port()),
            transport_flags: known(Lacks::TRANSPORT).map(|()| transport(key.transport(), client)),
            qr_type: qr_type(key.role()),
            ..Signature::default()
        };
        Row {
            time_ns: known(Lacks::TIME).map(|()| row.request_ns()),
            client: known(Lacks::CLIENT).and_then(|()| self.written(row, Field::Client, client, context)),
            server: known(Lacks::SERVER).and_then(|()| self.written(row, Field::Server, server, context)),
            client_port: known(Lacks::CLIENT_PORT).map(|()| key.client_port()),
            id: known(Lacks::ID).map(|()| key.id()),
            signature,
            first_question: self.questions.len() as u32,
            first_record: self.records.len() as u32,
            ..Row::default()
        }
    }

    /// The first question.
    fn question(&mut self, key: &Key, own: &Side, context: &Context, out: &mut Row) {
        if !own.lacks.has(Lacks::NAME) && !key.name().is_empty() {
            out.qname = self.name(key.name(), context);
        }
        // C-DNS has both or none (RFC 8618 section 7.3.2.2).
        if !own.lacks.has(Lacks::TYPE) && !own.lacks.has(Lacks::CLASS) {
            out.signature.class_type = Some(ClassType { rtype: key.qtype(), class: key.qclass() });
        }
    }

    /// What only the messages themselves tell.
    fn messages(
        &mut self,
        row: &Transaction,
        (query, response): (Option<&Side>, Option<&Side>),
        (preparing, scratch): (&Preparing, &mut Scratch),
        out: &mut Row,
    ) {
        use item_hints::*;
        if let Some(message) = query.and_then(|side| Message::parse(row.message(side))) {
            let stored = [QUERY_QUESTIONS, QUERY_ANSWERS, QUERY_AUTHORITY, QUERY_ADDITIONAL];
            let stored = stored.map(|hint| preparing.has(hint));
            let walked = self.message(&message, row, stored, (preparing, &mut *scratch), &mut out.query);
            out.opt_rdata = walked.opt_rdata;
            if let Some(flags) = &mut out.signature.transport_flags
                && walked.has_trailing
            {
                *flags |= transport_flags::TRAILING;
            }
        }
        let stored = [QUERY_QUESTIONS, RESPONSE_ANSWERS, RESPONSE_AUTHORITY, RESPONSE_ADDITIONAL];
        let stored = stored.map(|hint| preparing.has(hint));
        if let Some(message) = response.and_then(|side| Message::parse(row.message(side)))
            && stored != [false; 4]
        {
            self.message(&message, row, stored, (preparing, &mut *scratch), &mut out.response);
        }
    }

    /// Prepares the sections that are stored, as far as they can be read. The OPT record of a query is told by the signature
    /// and is not among its records, as compactor has it.
    fn message(
        &mut self,
        message: &Message,
        row: &Transaction,
        [questions, sections @ ..]: [bool; 4],
        (preparing, scratch): (&Preparing, &mut Scratch),
        counts: &mut Counts,
    ) -> Walked {
        let mut walked = Walked::default();
        let (bytes, key, context) = (message.bytes(), row.key(), &preparing.context);
        let veil = veiled::Veil::of(context, row, message.is_response());
        let mut at = Message::QUESTIONS;
        let (several, mut is_met) = (message.question_count() > 1, false);
        for _ in 0..message.question_count() {
            if !(several && questions) {
                let Ok(next) = message.skip_question(at) else { return walked };
                at = next;
                continue;
            }
            let Ok((question, next)) = message.question(at, scratch) else { return walked };
            at = next;
            let class_type = ClassType { rtype: question.qtype, class: question.qclass };
            // The one that the row is about stands in the item.
            let is_own = question.qtype == key.qtype() && question.name.eq_ignore_ascii_case(key.name());
            if is_own && !is_met {
                is_met = true;
                continue;
            }
            let name = preparing.has_names().then(|| self.name(question.name, context)).flatten();
            let class_type = preparing.has_types().then_some(class_type);
            self.questions.push(Placed { name, class_type, ttl: 0, rdata: None });
            counts.questions += 1;
        }
        let mut records = message.records(at);
        // Owners that are the same pointer are the same name.
        let mut owner: Option<(&[u8], Place)> = None;
        for record in records.by_ref() {
            let section = record.section as usize;
            let is_opt = record.section == Section::Additional && record.rtype == TYPE_OPT;
            if is_opt && !message.is_response() && walked.opt_rdata.is_none() {
                let start = self.bytes.len();
                match &veil {
                    None => self.bytes.extend_from_slice(record.rdata),
                    Some(veil) => veil.options(record.rdata, &mut self.bytes),
                }
                walked.opt_rdata = Some(self.since(start));
                continue;
            }
            if !sections[section] {
                continue;
            }
            let pointer = bytes.get(record.owner_at..record.owner_at + 2).filter(|two| two[0] >= 0xC0);
            let name = match (pointer, owner) {
                _ if !preparing.has_names() => None,
                (Some(pointer), Some((known, place))) if known == pointer => Some(place),
                _ => {
                    let Ok(name) = record.owner(bytes, scratch) else { return walked };
                    let place = self.name(name, context);
                    owner = pointer.zip(place).or(owner);
                    place
                }
            };
            let start = self.bytes.len();
            let is_told = match &veil {
                _ if !preparing.has_rdata() => false,
                None => {
                    rdata::expand_rdata(bytes, &record, &mut self.bytes);
                    true
                }
                Some(veil) => veil.rdata(bytes, &record, &mut self.bytes).is_some(),
            };
            let rdata = is_told.then(|| self.since(start));
            let class_type = ClassType { rtype: record.rtype, class: record.class };
            let class_type = preparing.has_types().then_some(class_type);
            self.records.push(Placed { name, class_type, ttl: record.ttl, rdata });
            counts.records[section] += 1;
        }
        walked.has_trailing =
            records.is_complete() && records.at() < bytes.len() && message.opcode() != OPCODE_DSO;
        walked
    }

    #[inline]
    fn place(&mut self, octets: &[u8]) -> Place {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(octets);
        self.since(start)
    }

    fn since(&self, start: usize) -> Place {
        Place { start: start as u32, length: (self.bytes.len() - start) as u32 }
    }

    #[inline]
    fn address(&mut self, address: IpAddr) -> Place {
        match address {
            IpAddr::V4(v4) => self.place(&v4.octets()),
            IpAddr::V6(v6) => self.place(&v6.octets()),
        }
    }

    /// An address as it may come out. What is none, or of another family, has no place here: the program refuses such schemes.
    #[inline]
    fn written(
        &mut self,
        row: &Transaction,
        field: Field,
        address: IpAddr,
        context: &Context,
    ) -> Option<Place> {
        let written = context.pseudonym(field, row, address, 0).address();
        let written = written.filter(|written| written.is_ipv4() == address.is_ipv4())?;
        Some(self.address(written))
    }

    /// A name as it may come out.
    #[inline]
    fn name(&mut self, name: &[u8], context: &Context) -> Option<Place> {
        if !context.privacy.is_active() {
            return Some(self.place(name));
        }
        let mut room = [0; dns::name::WIRE_MAX];
        context.name(name, &mut room).map(|name| self.place(name))
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The questions of all rows.
    pub(super) fn questions(&self) -> impl Iterator<Item = Question<'_>> {
        self.questions
            .iter()
            .map(|question| Question { name: self.bytes(question.name), class_type: question.class_type })
    }

    /// The records of all rows.
    pub(super) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.records.iter().map(|record| Record {
            name: self.bytes(record.name),
            class_type: record.class_type,
            ttl: Some(record.ttl),
            rdata: self.bytes(record.rdata),
        })
    }

    /// The query of a row, if it cannot be read.
    pub(super) fn malformed(&self, row: &Row) -> Option<MalformedMessage<'_>> {
        let Malformed { time_ns, payload } = row.malformed?;
        Some(MalformedMessage {
            time_ns,
            client: self.bytes(row.client),
            client_port: row.client_port,
            server: self.bytes(row.server),
            server_port: row.signature.server_port,
            transport_flags: row.signature.transport_flags,
            payload: self.bytes(payload),
        })
    }

    /// The item of a row, if there is a message of it that can be read.
    #[inline]
    pub(super) fn item<'a>(
        &'a self,
        row: &Row,
        questions: &'a [Question<'a>],
        records: &'a [Record<'a>],
    ) -> Option<Item<'a>> {
        if !row.has_query && !row.has_response {
            return None;
        }
        let mut rest = (&questions[row.first_question as usize..], &records[row.first_record as usize..]);
        let (query, response) = (sections(&mut rest, row.query), sections(&mut rest, row.response));
        let (server, opt_rdata) = (self.bytes(row.server), self.bytes(row.opt_rdata));
        Some(Item {
            time_ns: row.time_ns,
            client: self.bytes(row.client),
            client_port: row.client_port,
            id: row.id,
            hop_limit: row.hop_limit,
            delay_ns: row.delay_ns,
            qname: self.bytes(row.qname),
            query_size: row.query_size,
            response_size: row.response_size,
            signature: Signature { server, opt_rdata, ..row.signature },
            query,
            response,
            ..Item::default()
        })
    }

    #[inline]
    fn bytes(&self, place: Option<Place>) -> Option<&[u8]> {
        place.map(|place| place.of(&self.bytes))
    }
}

const TYPE_OPT: u16 = 41;
/// Bits of hints: of signatures, and of records.
const CLASS_TYPE: u64 = 1 << 8;
const RDATA: u64 = 1 << 1;
/// Its messages have other things in the place of sections (RFC 8490 section 5.4).
const OPCODE_DSO: u8 = 6;

/// What is found on the way through a message.
#[derive(Default)]
struct Walked {
    opt_rdata: Option<Place>,
    has_trailing: bool,
}

/// Whether the first question of a query can be read, if its bytes are there and there is one.
fn is_readable(row: &Transaction, side: &Side, scratch: &mut Scratch) -> bool {
    let (bytes, name) = (row.message(side), row.key().name());
    // As nearly always: it is the row's own, and complete.
    let is_own = bytes
        .get(Message::QUESTIONS..)
        .is_some_and(|rest| !name.is_empty() && rest.starts_with(name) && rest.len() >= name.len() + 4);
    match Message::parse(bytes) {
        Some(message) if !is_own && message.question_count() > 0 => {
            message.question(Message::QUESTIONS, scratch).is_ok()
        }
        _ => true,
    }
}

/// How long the messages were.
fn sizes((query, response): (Option<&Side>, Option<&Side>), out: &mut Row) {
    let size = |side: &Side| (!side.lacks.has(Lacks::LENGTH)).then_some(side.length);
    out.query_size = query.and_then(size);
    out.response_size = response.and_then(size);
    out.hop_limit = query.map(|side| side.hop_limit).filter(|&limit| limit > 0);
}

/// What the headers and OPT records say.
fn headers((query, response): (Option<&Side>, Option<&Side>), own: &Side, out: &mut Row) {
    let signature = &mut out.signature;
    let has = |side: Option<&Side>, of: fn(&Side) -> bool| side.is_some_and(of);
    let no_question = |side: &Side| !side.lacks.has(Lacks::COUNTS) && side.counts[0] == 0;
    let bits = [
        (query.is_some(), sig_flags::QUERY),
        (response.is_some(), sig_flags::RESPONSE),
        (has(query, |side| side.edns.is_some()), sig_flags::QUERY_OPT),
        (has(response, |side| side.edns.is_some()), sig_flags::RESPONSE_OPT),
        (has(query, no_question), sig_flags::QUERY_NO_QUESTION),
        (has(response, no_question), sig_flags::RESPONSE_NO_QUESTION),
    ];
    signature.sig_flags = Some(bits.iter().filter(|bit| bit.0).map(|bit| bit.1).sum());
    signature.opcode = (!own.lacks.has(Lacks::OPCODE)).then_some((own.flags >> 11 & 0x0F) as u8);
    if !own.lacks.has(Lacks::FLAGS) {
        let flags = |side: Option<&Side>, edns: [u32; 3], shift: u32| {
            side.map_or(0, |side| header_flags(side.flags) << shift | edns_flags(side.edns, edns))
        };
        let of_query = [dns_flags::QUERY_DO, dns_flags::QUERY_CO, dns_flags::QUERY_DE];
        let of_response = [dns_flags::RESPONSE_DO, dns_flags::RESPONSE_CO, dns_flags::RESPONSE_DE];
        signature.dns_flags = Some(flags(query, of_query, 0) | flags(response, of_response, 8));
    }
    let rcode = |side: &Side| (!side.lacks.has(Lacks::RCODE)).then(|| rcode(side));
    signature.query_rcode = query.and_then(rcode);
    signature.response_rcode = response.and_then(rcode);
    if !own.lacks.has(Lacks::COUNTS) {
        [signature.qdcount, signature.ancount, signature.nscount, signature.arcount] = own.counts.map(Some);
    }
    if let Some(edns) = query.and_then(|side| side.edns) {
        (signature.edns_version, signature.udp_size) = (Some(edns.version), Some(edns.udp_size));
    }
}

/// CD, AD, Z, RA, RD, TC and AA: seven bits, in this order from the lowest on.
fn header_flags(flags: u16) -> u32 {
    u32::from(flags >> 4 & 0x7F)
}

/// DO, CO and DE, the first three flags of an OPT record, as these bits.
fn edns_flags(edns: Option<Edns>, bits: [u32; 3]) -> u32 {
    let flags = edns.map_or(0, |edns| edns.flags);
    let set = |(number, bit): (usize, u32)| if flags & 0x8000 >> number != 0 { bit } else { 0 };
    bits.into_iter().enumerate().map(set).sum()
}

/// The response code that header and OPT record say. The error of a TSIG record, which may be in its place, has a field of
/// its own in the protocol and none in the format; then the header's bits are what is left.
fn rcode(side: &Side) -> u16 {
    match side.rcode & dns::iana::TSIG_ERROR {
        0 => side.rcode,
        _ => side.flags & 0x0F,
    }
}

/// The numbers of transports; 15 is one that has none.
fn transport(transport: Transport, client: IpAddr) -> u8 {
    let number = match transport {
        Transport::Udp => 0,
        Transport::Tcp => 1,
        Transport::Dot => 2,
        Transport::Dtls => 3,
        Transport::Doh => 4,
        Transport::Doq | Transport::DnscryptUdp | Transport::DnscryptTcp | Transport::Unknown => 15,
    };
    number << 1 | if client.is_ipv6() { transport_flags::IPV6 } else { 0 }
}

/// Whom a server says it spoke to, from the role it says it had: the kinds are those of dnstap in another order.
fn qr_type(role: Role) -> Option<u8> {
    let name = match role.name()? {
        "AUTH" => "authoritative",
        "RESOLVER" => "resolver",
        "CLIENT" => "client",
        "FORWARDER" => "forwarder",
        "STUB" => "stub",
        "TOOL" => "tool",
        "UPDATE" => "update",
        _ => return None,
    };
    dpp::cdns::QR_TYPES.iter().position(|kind| *kind == name).map(|number| number as u8)
}

/// Takes the questions and records of one message.
#[inline]
fn sections<'a>(rest: &mut (&'a [Question<'a>], &'a [Record<'a>]), counts: Counts) -> Sections<'a> {
    let (questions, further) = rest.0.split_at(counts.questions.into());
    rest.0 = further;
    let mut take = |count: u16| {
        let (records, further) = rest.1.split_at(count.into());
        rest.1 = further;
        records
    };
    let [answers, authority, additional] = counts.records.map(&mut take);
    Sections { questions, answers, authority, additional }
}
