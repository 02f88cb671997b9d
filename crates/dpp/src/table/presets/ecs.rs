//! Elastic Common Schema, as Packetbeat 8 writes a DNS transaction: objects in objects, keys left out where there is no value,
//! also where a number of bytes is 0. `@timestamp` stands first, the rest in the order of the alphabet, as in published samples.
//! The surprising facts: a query without response has the code NOERROR but the status Error, TTLs are text, and milliseconds
//! are cut from times whose duration is given in nanoseconds.

use super::{
    Column, Context, Field, Schema, Scratch, Value, carrier, constant, field, flag, ip_protocol, is_shown,
    length, maybe, options, push, push_lossy, push_rdata_address, push_second, push_subnet, records,
};
use crate::dns::edns::{self, ClientSubnet};
use crate::dns::iana::{self, TSIG_ERROR};
use crate::dns::rdata::{HIDDEN_RDATA, rdata_address, rdata_name, write_rdata, write_veiled_rdata};
use crate::dns::{Record, Section, name};
use crate::limits::RECORDS_TEXT_MAX;
use crate::table::Style;
use crate::table::context::RecordVeil;
use crate::transaction::{Edns, Lacks, Side, State, Transaction, Transport};
use sha1::{Digest, Sha1};
use std::collections::HashSet;
use std::net::IpAddr;

/// Columns and keys, in their order.
const FIELDS: [(Column, &str); 69] = [
    (Column::EcsTimestamp, "@timestamp"),
    (Column::EcsQueryBytes, "client.bytes"),
    (Column::SrcIp, "client.ip"),
    (Column::SrcPort, "client.port"),
    (Column::EcsResponseBytes, "destination.bytes"),
    (Column::DstIp, "destination.ip"),
    (Column::DstPort, "destination.port"),
    (Column::EcsAdditionalsCount, "dns.additionals_count"),
    (Column::EcsAnswers, "dns.answers"),
    (Column::EcsAnswersCount, "dns.answers_count"),
    (Column::EcsAuthoritiesCount, "dns.authorities_count"),
    (Column::EcsAd, "dns.flags.authentic_data"),
    (Column::EcsAa, "dns.flags.authoritative"),
    (Column::EcsCd, "dns.flags.checking_disabled"),
    (Column::EcsRa, "dns.flags.recursion_available"),
    (Column::EcsRd, "dns.flags.recursion_desired"),
    (Column::EcsTc, "dns.flags.truncated_response"),
    (Column::EcsHeaderFlags, "dns.header_flags"),
    (Column::Id, "dns.id"),
    (Column::EcsOpCode, "dns.op_code"),
    (Column::EcsOptCookie, "dns.opt.cookie"),
    (Column::EcsOptDo, "dns.opt.do"),
    (Column::EcsOptExtRcode, "dns.opt.ext_rcode"),
    (Column::EcsOptNsid, "dns.opt.nsid"),
    (Column::EcsOptSubnet, "dns.opt.subnet"),
    (Column::EcsOptUdpSize, "dns.opt.udp_size"),
    (Column::EcsOptVersion, "dns.opt.version"),
    (Column::EcsQuestionClass, "dns.question.class"),
    (Column::EcsEtldPlusOne, "dns.question.etld_plus_one"),
    (Column::EcsQuestionName, "dns.question.name"),
    (Column::EcsRegisteredDomain, "dns.question.registered_domain"),
    (Column::EcsSubdomain, "dns.question.subdomain"),
    (Column::EcsTopLevelDomain, "dns.question.top_level_domain"),
    (Column::EcsQuestionType, "dns.question.type"),
    (Column::EcsResolvedIp, "dns.resolved_ip"),
    (Column::EcsResponseCode, "dns.response_code"),
    (Column::EcsDnsType, "dns.type"),
    (Column::None, "ecs.version"),
    (Column::EcsErrorMessage, "error.message"),
    (Column::None, "event.category"),
    (Column::None, "event.dataset"),
    (Column::EcsDuration, "event.duration"),
    (Column::EcsEnd, "event.end"),
    (Column::None, "event.kind"),
    (Column::EcsStart, "event.start"),
    (Column::None, "event.type"),
    (Column::EcsMethod, "method"),
    (Column::EcsNetworkBytes, "network.bytes"),
    (Column::EcsCommunityId, "network.community_id"),
    (Column::None, "network.direction"),
    (Column::None, "network.protocol"),
    (Column::EcsTransport, "network.transport"),
    (Column::EcsNetworkType, "network.type"),
    (Column::Site, "observer.geo.name"),
    (Column::Server, "observer.name"),
    (Column::EcsQuery, "query"),
    (Column::EcsRelatedIp, "related.ip"),
    (Column::EcsQuestionName, "resource"),
    (Column::EcsResponseBytes, "server.bytes"),
    (Column::DstIp, "server.ip"),
    (Column::DstPort, "server.port"),
    (Column::Asn, "source.as.number"),
    (Column::AsOrg, "source.as.organization.name"),
    (Column::EcsQueryBytes, "source.bytes"),
    (Column::Country, "source.geo.country_iso_code"),
    (Column::SrcIp, "source.ip"),
    (Column::SrcPort, "source.port"),
    (Column::EcsStatus, "status"),
    (Column::None, "type"),
];

/// What stands in all rows.
const CONSTANTS: &[(&str, &str)] = &[
    ("ecs.version", "8.11.0"),
    ("event.category", r#"["network"]"#),
    ("event.dataset", "dns"),
    ("event.kind", "event"),
    ("event.type", r#"["connection","protocol"]"#),
    ("network.direction", "unknown"),
    ("network.protocol", "dns"),
    ("type", "dns"),
];

/// Objects in objects.
pub(super) fn schema() -> Schema {
    let fields = FIELDS.map(|(column, name)| {
        let field = match CONSTANTS.iter().find(|constant| constant.0 == name) {
            Some(&(name, text)) => constant(text, name),
            None => field(column, name),
        };
        match name {
            "event.category" | "event.type" | "dns.answers" | "error.message" => field.of_json(),
            _ if name.starts_with("dns.flags.") || name.ends_with("s_count") => field.or_zero(),
            _ => field,
        }
    });
    let fields: Vec<Field> = fields.into();
    let style = Style { omits_absent: true, nests: true, ..Style::default() };
    Schema::new("ecs", fields).in_style(style)
}

/// The message that the row speaks of: the response, or the query if there is none.
fn told<'a>(row: &Transaction<'a>) -> Option<&'a Side> {
    row.response().or(row.query())
}

fn edns(row: &Transaction<'_>) -> Option<Edns> {
    told(row)?.edns
}

/// When the response came, ns.
fn response_time(row: &Transaction<'_>) -> Option<i64> {
    row.response_ns().filter(|_| !row.lacks(Lacks::TIME))
}

/// A time with three digits, the others cut.
fn instant<'a>(ns: Option<i64>, scratch: &'a mut Scratch) -> Value<'a> {
    let Some(ns) = ns else { return Value::Null };
    push_second(ns.div_euclid(1_000_000_000), &mut scratch.bytes);
    push(&mut scratch.bytes, format_args!(".{:03}Z", ns.rem_euclid(1_000_000_000) / 1_000_000));
    Value::Text(scratch.text())
}

/// How many bytes, if there are any.
fn bytes<'a>(length: Option<u32>) -> Value<'a> {
    maybe(length.filter(|length| *length > 0), |length| Value::U64(length.into()))
}

/// How many records can be read of a section, without OPT.
fn records_in<'a>(row: &Transaction<'a>, which: Section) -> Value<'a> {
    let read = records(row, told(row), which);
    Value::U64(read.filter(|(_, record)| !(which == Section::Additional && record.rtype == 41)).count() as u64)
}

/// The data of the first option of this code in hexadecimal digits.
fn hex<'a>(row: &Transaction<'a>, code: u16, scratch: &'a mut Scratch) -> Value<'a> {
    let Some((_, data)) = options(row, told(row)).find(|option| option.0 == code) else { return Value::Null };
    data.iter().for_each(|octet| push(&mut scratch.bytes, format_args!("{octet:02x}")));
    Value::Text(scratch.text())
}

macro_rules! flags {
    ($($name:ident $bit:literal)*) => {
        super::columns! { $($name(row, _, _) { maybe(flag(told(row), $bit), Value::Bool) })* }
    };
}

flags! { aa 10 tc 9 rd 8 ra 7 ad 5 cd 4 }

super::columns! {
    timestamp(row, _, scratch) {
        instant((!row.lacks(Lacks::TIME)).then(|| row.request_ns()), scratch)
    }

    start(row, _, scratch) { instant(super::query_time(row), scratch) }

    end(row, _, scratch) { instant(response_time(row), scratch) }

    duration(row, _, _) { maybe(row.rtt_ns(), Value::I64) }

    query_bytes(row, _, _) { bytes(length(row.query())) }

    response_bytes(row, _, _) { bytes(length(row.response())) }

    network_bytes(row, _, _) {
        let [query, response] = [row.query(), row.response()].map(|side| length(side).unwrap_or(0));
        bytes(Some(query.saturating_add(response)))
    }

    answers_count(row, _, _) { records_in(row, Section::Answer) }

    authorities_count(row, _, _) { records_in(row, Section::Authority) }

    additionals_count(row, _, _) { records_in(row, Section::Additional) }

    answers(row, context, scratch) {
        let mut addresses = 0;
        for (message, record) in records(row, told(row), Section::Answer) {
            let before = scratch.bytes.len();
            scratch.bytes.push(if before == 0 { b'[' } else { b',' });
            push_record(row, context, (message, &record), &mut addresses, scratch);
            if scratch.bytes.len() > RECORDS_TEXT_MAX {
                scratch.bytes.truncate(before);
                break;
            }
        }
        if scratch.bytes.is_empty() {
            return Value::Null;
        }
        scratch.bytes.push(b']');
        Value::Text(scratch.text())
    }

    resolved_ip(row, context, scratch) {
        push_resolved(row, context, scratch);
        if scratch.ends.is_empty() { Value::Null } else { Value::Texts(scratch.texts()) }
    }

    related_ip(row, context, scratch) {
        let mut resolved = Scratch::default();
        push_resolved(row, context, &mut resolved);
        let mut all: Vec<String> = Vec::new();
        for address in [Context::client, Context::server] {
            match address(context, row, &mut *scratch) {
                Value::Address(address) => all.push(address.to_string()),
                Value::Text(text) => all.push(text.to_owned()),
                _ => {}
            }
        }
        all.extend(resolved.texts().iter().map(str::to_owned));
        scratch.clear();
        let mut seen = HashSet::new();
        for address in &all {
            if seen.insert(address) {
                scratch.bytes.extend_from_slice(address.as_bytes());
                scratch.end_text();
            }
        }
        if scratch.ends.is_empty() { Value::Null } else { Value::Texts(scratch.texts()) }
    }

    header_flags(row, _, scratch) {
        let names = [("AA", 10), ("TC", 9), ("RD", 8), ("RA", 7), ("AD", 5), ("CD", 4)];
        let set = names.iter().filter(|name| flag(told(row), name.1) == Some(true)).map(|name| name.0);
        let dnssec_ok = edns(row).filter(|edns| edns.flags & 0x8000 != 0).map(|_| "DO");
        for name in set.chain(dnssec_ok) {
            scratch.bytes.extend_from_slice(name.as_bytes());
            scratch.end_text();
        }
        if scratch.ends.is_empty() { Value::Null } else { Value::Texts(scratch.texts()) }
    }

    op_code(row, _, scratch) { opcode(told(row), scratch) }

    method(row, _, scratch) { opcode(row.facts().map(|facts| &facts.own), scratch) }

    opt_do(row, _, _) { maybe(edns(row), |edns| Value::Bool(edns.flags & 0x8000 != 0)) }

    opt_version(row, _, scratch) {
        let Some(edns) = edns(row) else { return Value::Null };
        push(&mut scratch.bytes, format_args!("{}", edns.version));
        Value::Text(scratch.text())
    }

    opt_udp_size(row, _, _) { maybe(edns(row), |edns| Value::U16(edns.udp_size)) }

    opt_ext_rcode(row, _, scratch) {
        match told(row).filter(|side| side.edns.is_some()) {
            Some(side) => rcode_name(side.rcode, scratch),
            None => Value::Null,
        }
    }

    opt_nsid(row, _, scratch) { hex(row, edns::NSID, scratch) }

    opt_cookie(row, _, scratch) { hex(row, edns::COOKIE, scratch) }

    opt_subnet(row, context, scratch) {
        let option = options(row, told(row)).find(|option| option.0 == edns::ECS);
        let Some(subnet) = option.and_then(|option| ClientSubnet::parse(option.1)) else { return Value::Null };
        let index = u16::from(row.response().is_some());
        let written = context.subnet(row, subnet.address, subnet.source_prefix, index);
        if push_subnet(&written, &mut scratch.bytes) {
            push(&mut scratch.bytes, format_args!("/{}", subnet.scope_prefix));
        }
        Value::Text(scratch.text())
    }

    question_name(row, context, scratch) { text_of_name(Some(row.key().name()), context, scratch) }

    question_type(row, _, scratch) {
        if row.lacks(Lacks::TYPE) || row.key().name().is_empty() {
            return Value::Null;
        }
        push_type(row.key().qtype(), &mut scratch.bytes);
        Value::Text(scratch.text())
    }

    question_class(row, _, scratch) {
        if row.lacks(Lacks::CLASS) || row.key().name().is_empty() {
            return Value::Null;
        }
        push_class(row.key().qclass(), &mut scratch.bytes);
        Value::Text(scratch.text())
    }

    query(row, context, scratch) {
        let Scratch { bytes, pseudonym, .. } = scratch;
        let is_whole = !row.lacks(Lacks::TYPE) && !row.lacks(Lacks::CLASS);
        let wire = Some(row.key().name()).filter(|wire| !wire.is_empty() && is_whole);
        let Some(name) = wire.and_then(|wire| context.name(wire, pseudonym)) else { return Value::Null };
        bytes.extend_from_slice(b"class ");
        push_class(row.key().qclass(), bytes);
        bytes.extend_from_slice(b", type ");
        push_type(row.key().qtype(), bytes);
        bytes.extend_from_slice(b", ");
        push_name(name, bytes);
        Value::Text(scratch.text())
    }

    etld_plus_one(row, context, scratch) {
        let wire = row.key().name();
        text_of_name(context.suffixes.registered_domain(wire).map(|start| &wire[start..]), context, scratch)
    }

    registered_domain(row, context, scratch) {
        text_of_name(registered(row, context).map(|start| &row.key().name()[start..]), context, scratch)
    }

    top_level_domain(row, context, scratch) {
        let registered = registered(row, context).map(|start| &row.key().name()[start..]);
        let behind = registered.map(|name| &name[1 + usize::from(name[0])..]);
        text_of_name(behind, context, scratch)
    }

    subdomain(row, context, scratch) {
        let wire = row.key().name();
        let is_shown = is_shown(row, context, &mut scratch.pseudonym);
        let start = registered(row, context).filter(|start| *start > 0 && is_shown);
        let Some(start) = start else { return Value::Null };
        let before = [&wire[..start], &[0]].concat();
        push_name(&before, &mut scratch.bytes);
        Value::Text(scratch.text())
    }

    response_code(row, _, scratch) {
        // Without a response it is that of the query's header.
        match row.lacks(Lacks::RCODE) {
            true => Value::Null,
            false => rcode_name(row.response_code().unwrap_or(0), scratch),
        }
    }

    dns_type(row, _, _) {
        Value::Word(if row.response_ns().is_some() { "answer" } else { "query" })
    }

    status(row, _, _) {
        let is_ok = row.state() == State::Matched && row.response_code() == Some(0);
        Value::Word(if is_ok { "OK" } else { "Error" })
    }

    error_message(row, _, scratch) {
        let notes = notes(row);
        let Some((first, further)) = notes.split_first() else { return Value::Null };
        if further.is_empty() {
            push(&mut scratch.bytes, format_args!("\"{first}\""));
        } else {
            push(&mut scratch.bytes, format_args!("[\"{}\"]", notes.join("\",\"")));
        }
        Value::Text(scratch.text())
    }

    community_id(row, context, scratch) {
        let Value::Address(client) = context.client(row, scratch) else { return Value::Null };
        let Value::Address(server) = context.server(row, scratch) else { return Value::Null };
        let key = row.key();
        let Some(protocol) = ip_protocol(key.transport()) else { return Value::Null };
        if row.lacks(Lacks::CLIENT_PORT) || row.lacks(Lacks::SERVER_PORT) {
            return Value::Null;
        }
        let mut ends = [(client, key.client_port()), (server, key.server_port())];
        ends.sort_unstable();
        scratch.clear();
        push_community_id(ends, protocol as u8, &mut scratch.bytes);
        Value::Text(scratch.text())
    }

    transport(row, _, _) { maybe(carrier(row.key().transport()), Value::Word) }

    network_type(row, _, _) {
        match (row.lacks(Lacks::CLIENT.and(Lacks::SERVER)), row.key().client()) {
            (true, _) => Value::Null,
            (_, IpAddr::V4(_)) => Value::Word("ipv4"),
            (_, IpAddr::V6(_)) => Value::Word("ipv6"),
        }
    }
}

/// Where the registered domain starts; of a name of two labels that is a public suffix, at its start.
fn registered(row: &Transaction<'_>, context: &Context) -> Option<usize> {
    let wire = row.key().name();
    let start = context.suffixes.registered_domain(wire);
    start.or_else(|| (name::labels(wire).count() == 2).then_some(0))
}

/// What is remarkable, in Packetbeat's words.
fn notes(row: &Transaction<'_>) -> Vec<&'static str> {
    let (query, response) = (row.query(), row.response());
    let mut notes = Vec::new();
    match row.state() {
        State::Unasked | State::Announcement => notes.push("Response: received without an associated Query"),
        State::Matched => {}
        _ => notes.push("No response to this query was received"),
    }
    if let (Some(query), Some(response)) = (query, response) {
        match (query.edns.is_some(), response.edns.is_some()) {
            (true, false) => notes.push("Responder does not support EDNS"),
            (false, true) => notes.push("Unexpected EDNS answer"),
            _ => {}
        }
    }
    let is_large = |side: Option<&Side>| {
        row.key().transport() == Transport::Udp
            && side.is_some_and(|side| side.edns.is_none() && length(Some(side)) > Some(512))
    };
    if is_large(query) {
        notes.push("Non-EDNS packet has size greater than 512");
    }
    if is_large(response) {
        notes.push("Response: Non-EDNS packet has size greater than 512");
    }
    notes
}

/// Appends a Community ID of version 1 (seed 0) of two ends, the lower one first.
fn push_community_id(ends: [(IpAddr, u16); 2], protocol: u8, out: &mut Vec<u8>) {
    let mut hash = Sha1::new();
    hash.update([0, 0]);
    for (address, _) in ends {
        match address {
            IpAddr::V4(address) => hash.update(address.octets()),
            IpAddr::V6(address) => hash.update(address.octets()),
        }
    }
    hash.update([protocol, 0]);
    ends.iter().for_each(|end| hash.update(end.1.to_be_bytes()));
    out.extend_from_slice(b"1:");
    crate::dns::text::base64(&hash.finalize(), out);
}

/// A name as text; none if there is none, or it must not come out.
fn text_of_name<'a>(wire: Option<&[u8]>, context: &Context, scratch: &'a mut Scratch) -> Value<'a> {
    let Scratch { bytes, pseudonym, .. } = scratch;
    let wire = wire.filter(|wire| !wire.is_empty()).and_then(|wire| context.name(wire, pseudonym));
    let Some(wire) = wire else { return Value::Null };
    push_name(wire, bytes);
    Value::Text(scratch.text())
}

/// Appends a name as the Go library has it: escaped as in master files, without the final dot; the root is a dot.
fn push_name(wire: &[u8], out: &mut Vec<u8>) {
    if wire == [0] {
        out.push(b'.');
    }
    super::push_labels(wire, out, |octet, out| match octet {
        b'.' | b' ' | b'\'' | b'@' | b';' | b'(' | b')' | b'"' | b'\\' => {
            out.extend_from_slice(&[b'\\', octet])
        }
        b'!'..=b'~' => out.push(octet),
        _ => push(out, format_args!("\\{octet:03}")),
    });
}

fn push_type(code: u16, out: &mut Vec<u8>) {
    match iana::type_name(code) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => push(out, format_args!("{code}")),
    }
}

fn push_class(code: u16, out: &mut Vec<u8>) {
    match (code, iana::class_name(code)) {
        (2, _) => out.extend_from_slice(b"CS"),
        (_, Some(name)) => out.extend_from_slice(name.as_bytes()),
        (code, None) => push(out, format_args!("{code}")),
    }
}

fn opcode<'a>(side: Option<&Side>, scratch: &'a mut Scratch) -> Value<'a> {
    let Some(side) = side.filter(|side| !side.lacks.has(Lacks::OPCODE)) else { return Value::Null };
    let code = side.flags >> 11 & 0x0F;
    match iana::opcode_name(code as u8).filter(|_| code < 6) {
        Some(name) => Value::Word(name),
        None => {
            push(&mut scratch.bytes, format_args!("{code}"));
            Value::Text(scratch.text())
        }
    }
}

fn rcode_name<'a>(code: u16, scratch: &'a mut Scratch) -> Value<'a> {
    let code = code & !TSIG_ERROR;
    match (code, iana::rcode_name(code)) {
        (16, _) => Value::Word("BADSIG"),
        (_, Some(name)) => Value::Word(name),
        (code, None) => {
            push(&mut scratch.bytes, format_args!("Unknown {code}"));
            Value::Text(scratch.text())
        }
    }
}

/// Appends the addresses of the answer section, each a text.
fn push_resolved(row: &Transaction<'_>, context: &Context, scratch: &mut Scratch) {
    let addresses = records(row, told(row), Section::Answer).filter_map(|(_, record)| rdata_address(&record));
    for (index, address) in (0u16..).zip(addresses) {
        push_rdata_address(row, context, address, index, &mut scratch.bytes);
        scratch.end_text();
    }
}

/// Appends a record as an object, its keys in the order of the alphabet.
fn push_record(
    row: &Transaction<'_>,
    context: &Context,
    (message, record): (&[u8], &Record),
    addresses: &mut u16,
    scratch: &mut Scratch,
) {
    let Scratch { bytes, name, pseudonym, .. } = scratch;
    let mut class = Vec::new();
    push_class(record.class, &mut class);
    let mut rtype = Vec::new();
    push_type(record.rtype, &mut rtype);
    let mut owner = Vec::new();
    let wire = record.owner(message, name).ok().and_then(|wire| context.name(wire, pseudonym));
    push_name(wire.unwrap_or_default(), &mut owner);
    let mut members: Vec<(&str, Json)> = vec![
        ("class", Json::Text(class)),
        ("name", Json::Text(owner)),
        ("ttl", Json::Text(record.ttl.to_string().into())),
        ("type", Json::Text(rtype)),
    ];
    let target = |room: &mut [u8; name::WIRE_MAX], pseudonym: &mut [u8; name::WIRE_MAX]| {
        let mut text = Vec::new();
        let wire = rdata_name(message, record, room).and_then(|wire| context.name(wire, pseudonym));
        push_name(wire.unwrap_or_default(), &mut text);
        text
    };
    let mut presentation = Vec::new();
    let is_veiled = context.hides_in_messages();
    if is_veiled {
        let of_response = row.response().is_some();
        let veil = RecordVeil { context, row, of_response, index: *addresses };
        write_veiled_rdata(message, record, &veil, &mut presentation);
    } else {
        write_rdata(message, record, &mut presentation);
    }
    let presentation = String::from_utf8(presentation).unwrap_or_default();
    // What is not what its type says is written as types are that nobody knows.
    let words: Vec<&str> = presentation.split(' ').collect();
    let is_sound = !presentation.starts_with("\\#");
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    let mut add = |key: &'static str, value: Json| members.push((key, value));
    let text = |text: &str| Json::Text(text.into());
    let algorithm = |number: &str| Json::Text(algorithm_name(number).into());
    match record.rtype {
        1 | 28 if is_sound && let Some(address) = rdata_address(record) => {
            let mut data = Vec::new();
            push_rdata_address(row, context, address, *addresses, &mut data);
            *addresses = addresses.saturating_add(1);
            add("data", Json::Text(data));
        }
        2 | 5 | 12 if is_sound => add("data", Json::Text(target(name, pseudonym))),
        15 if is_sound => {
            add("data", Json::Text(target(name, pseudonym)));
            add("preference", Json::Number(word(0).into()));
        }
        33 if is_sound => {
            add("data", Json::Text(target(name, pseudonym)));
            add("priority", Json::Number(word(0).into()));
            add("weight", Json::Number(word(1).into()));
            add("port", Json::Number(word(2).into()));
        }
        6 if is_sound => {
            add("data", Json::Text(target(name, pseudonym)));
            let behind = name::skip(message, record.rdata_at).ok();
            let mailbox = behind.and_then(|at| name::read(message, at, name).ok());
            let mut rname = Vec::new();
            push_name(
                mailbox.and_then(|(wire, _)| context.name(wire, pseudonym)).unwrap_or_default(),
                &mut rname,
            );
            add("rname", Json::Text(rname));
            for (at, key) in (2..).zip(["serial", "refresh", "retry", "expire", "minimum"]) {
                add(key, Json::Number(word(at).into()));
            }
        }
        16 if is_sound => {
            let (mut data, mut rest) = (Vec::new(), record.rdata);
            while let Some((&length, behind)) = rest.split_first() {
                let (string, behind) = behind.split_at(usize::from(length).min(behind.len()));
                if !data.is_empty() {
                    data.push(b' ');
                }
                push_escaped(string, &mut data);
                rest = behind;
            }
            add("data", Json::Text(data));
        }
        43 if is_sound => {
            add("key_tag", text(word(0)));
            add("algorithm", algorithm(word(1)));
            add("digest_type", text(word(2)));
            add("data", text(word(3)));
        }
        48 if is_sound => {
            add("flags", text(word(0)));
            add("protocol", text(word(1)));
            add("algorithm", algorithm(word(2)));
            add("data", text(word(3)));
        }
        46 if is_sound => {
            add("type_covered", text(word(0)));
            add("algorithm", algorithm(word(1)));
            for (at, key) in (2..).zip(["labels", "original_ttl", "expiration", "inception", "key_tag"]) {
                add(key, text(word(at)));
            }
            add("signer_name", Json::Text(target(name, pseudonym)));
            add("data", text(word(8)));
        }
        47 if is_sound => {
            add("data", Json::Text(target(name, pseudonym)));
            add("type_bits", text(&words[1..].join(" ")));
        }
        50 if is_sound => {
            for (at, key) in (0..).zip(["hash", "flags", "iterations", "salt", "data"]) {
                add(key, text(word(at)));
            }
            add("type_bits", text(&words[5.min(words.len())..].join(" ")));
        }
        // Octets as they are: of what nobody reads, nobody knows whom they name. An OPT record out of its place has subnets.
        _ if context.hides_content() || is_veiled && record.rtype == TYPE_OPT => {
            add("data", Json::Text(HIDDEN_RDATA.into()));
        }
        _ => {
            let mut data = Vec::new();
            push_escaped(record.rdata, &mut data);
            add("data", Json::Text(data));
        }
    }
    members.sort_by_key(|member| member.0);
    push_object(&members, bytes);
}

const TYPE_OPT: u16 = 41;

/// A value of a member.
enum Json {
    Text(Vec<u8>),
    Number(String),
}

fn push_object(members: &[(&str, Json)], out: &mut Vec<u8>) {
    for (number, (key, value)) in members.iter().enumerate() {
        push(out, format_args!("{}\"{key}\":", if number == 0 { '{' } else { ',' }));
        match value {
            Json::Text(text) => {
                out.push(b'"');
                push_json(text, out);
                out.push(b'"');
            }
            Json::Number(number) => out.extend_from_slice(number.as_bytes()),
        }
    }
    out.push(b'}');
}

/// Appends text as it stands between the quotes of JSON.
fn push_json(text: &[u8], out: &mut Vec<u8>) {
    let mut plain = Vec::new();
    push_lossy(text, &mut plain);
    for octet in plain {
        match octet {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', octet]),
            0..=0x1F => push(out, format_args!("\\u{octet:04x}")),
            _ => out.push(octet),
        }
    }
}

/// Appends octets as the Go library writes strings.
fn push_escaped(octets: &[u8], out: &mut Vec<u8>) {
    for &octet in octets {
        match octet {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', octet]),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b' '..=b'~' => out.push(octet),
            _ => push(out, format_args!("\\{octet:03}")),
        }
    }
}

/// The mnemonic of a DNSSEC algorithm; a number that has none is itself.
fn algorithm_name(number: &str) -> &str {
    match number {
        "1" => "RSAMD5",
        "2" => "DH",
        "3" => "DSA",
        "5" => "RSASHA1",
        "6" => "DSA-NSEC3-SHA1",
        "7" => "RSASHA1-NSEC3-SHA1",
        "8" => "RSASHA256",
        "10" => "RSASHA512",
        "12" => "ECC-GOST",
        "13" => "ECDSAP256SHA256",
        "14" => "ECDSAP384SHA384",
        "15" => "ED25519",
        "16" => "ED448",
        number => number,
    }
}
