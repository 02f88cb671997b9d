//! DNS-collector's flat JSON (docs/formats.md, v2 and v3): 64 keys in byte order, all of them always there, an object for each
//! message. What is not known is `-`, 0 or false. Lists are one text with `|` between their items, and numbers among them are
//! text too. The surprising facts: ports are text, DO is a number, and of all EDNS options only subnets and extended errors have
//! data.

use super::{
    Column, Context, Kind, Schema, Scratch, Value, constant, count, field, flag, is_response, length, maybe,
    options, own, own_time, push, push_lossy, push_raw_name, push_rdata_address, push_second, question,
    records,
};
use crate::dns::edns::{self, ClientSubnet, ExtendedError, Opt};
use crate::dns::iana::{self, TSIG_ERROR};
use crate::dns::rdata::{rdata_address, rdata_name, write_rdata, write_veiled_rdata};
use crate::dns::{Record, Section, name};
use crate::limits::RECORDS_TEXT_MAX;
use crate::table::context::RecordVeil;
use crate::transaction::{Edns, Lacks, Transaction, Transport};
use std::net::IpAddr;

/// Columns and keys, in byte order.
const FIELDS: [(Column, &str); 64] = [
    (Column::CollectorAncount, "dns.ancount"),
    (Column::CollectorArcount, "dns.arcount"),
    (Column::CollectorAa, "dns.flags.aa"),
    (Column::CollectorAd, "dns.flags.ad"),
    (Column::CollectorCd, "dns.flags.cd"),
    (Column::CollectorQr, "dns.flags.qr"),
    (Column::CollectorRa, "dns.flags.ra"),
    (Column::CollectorRd, "dns.flags.rd"),
    (Column::CollectorTc, "dns.flags.tc"),
    (Column::Id, "dns.id"),
    (Column::CollectorLength, "dns.length"),
    (Column::CollectorMalformed, "dns.malformed-packet"),
    (Column::CollectorNscount, "dns.nscount"),
    (Column::CollectorOpcode, "dns.opcode"),
    (Column::CollectorQclass, "dns.qclass"),
    (Column::CollectorQdcount, "dns.qdcount"),
    (Column::CollectorQname, "dns.qname"),
    (Column::CollectorQtype, "dns.qtype"),
    (Column::CollectorRcode, "dns.rcode"),
    (Column::CollectorAnClasses, "dns.resource-records.an.classes"),
    (Column::CollectorAnNames, "dns.resource-records.an.names"),
    (Column::CollectorAnRdatas, "dns.resource-records.an.rdatas"),
    (Column::CollectorAnTypes, "dns.resource-records.an.rdatatypes"),
    (Column::CollectorAnTtls, "dns.resource-records.an.ttls"),
    (Column::CollectorArClasses, "dns.resource-records.ar.classes"),
    (Column::CollectorArNames, "dns.resource-records.ar.names"),
    (Column::CollectorArRdatas, "dns.resource-records.ar.rdatas"),
    (Column::CollectorArTypes, "dns.resource-records.ar.rdatatypes"),
    (Column::CollectorArTtls, "dns.resource-records.ar.ttls"),
    (Column::CollectorNsClasses, "dns.resource-records.ns.classes"),
    (Column::CollectorNsNames, "dns.resource-records.ns.names"),
    (Column::CollectorNsRdatas, "dns.resource-records.ns.rdatas"),
    (Column::CollectorNsTypes, "dns.resource-records.ns.rdatatypes"),
    (Column::CollectorNsTtls, "dns.resource-records.ns.ttls"),
    (Column::DnstapExtra, "dnstap.extra"),
    (Column::CollectorIdentity, "dnstap.identity"),
    (Column::CollectorLatency, "dnstap.latency"),
    (Column::CollectorLatencyMs, "dnstap.latency_ms"),
    (Column::CollectorOperation, "dnstap.operation"),
    (Column::None, "dnstap.peer-name"),
    (Column::DnstapPolicyAction, "dnstap.policy-action"),
    (Column::DnstapPolicyMatch, "dnstap.policy-match"),
    (Column::DnstapPolicyRule, "dnstap.policy-rule"),
    (Column::DnstapPolicyType, "dnstap.policy-type"),
    (Column::DnstapPolicyValue, "dnstap.policy-value"),
    (Column::DnstapZone, "dnstap.query-zone"),
    (Column::CollectorTimestamp, "dnstap.timestamp-rfc3339ns"),
    (Column::DnstapVersion, "dnstap.version"),
    (Column::CollectorDo, "edns.dnssec-ok"),
    (Column::CollectorOptionCodes, "edns.options.codes"),
    (Column::CollectorOptionDatas, "edns.options.datas"),
    (Column::CollectorOptionNames, "edns.options.names"),
    (Column::CollectorOptionsCount, "edns.optionscount"),
    (Column::CollectorEdnsRcode, "edns.rcode"),
    (Column::CollectorUdpSize, "edns.udp-size"),
    (Column::CollectorEdnsVersion, "edns.version"),
    (Column::CollectorFamily, "network.family"),
    (Column::None, "network.ip-defragmented"),
    (Column::CollectorProtocol, "network.protocol"),
    (Column::SrcIp, "network.query-ip"),
    (Column::CollectorQueryPort, "network.query-port"),
    (Column::DstIp, "network.response-ip"),
    (Column::CollectorResponsePort, "network.response-port"),
    (Column::None, "network.tcp-reassembled"),
];

/// Flat JSON.
pub(super) fn schema() -> Schema {
    let fields = FIELDS.map(|(column, name)| {
        let field = field(column, name);
        match (name, field.kind) {
            ("dnstap.peer-name", _) => constant("-", name),
            ("network.ip-defragmented" | "network.tcp-reassembled", _) => field.of_kind(Kind::Bool).or_zero(),
            ("dnstap.latency", _) => field.of_json(),
            (_, Kind::Text | Kind::Word | Kind::Name | Kind::Address) => field.or("-"),
            _ => field.or_zero(),
        }
    });
    Schema::new("dns-collector", fields.into()).of_messages()
}

macro_rules! flags {
    ($($name:ident $bit:literal)*) => {
        super::columns! { $($name(row, _, _) { maybe(flag(own(row), $bit), Value::Bool) })* }
    };
}

flags! { qr 15 aa 10 tc 9 rd 8 ra 7 ad 5 cd 4 }

macro_rules! counts {
    ($($name:ident $index:literal)*) => {
        super::columns! { $($name(row, _, _) { maybe(count(own(row), $index), Value::U16) })* }
    };
}

counts! { qdcount 0 ancount 1 nscount 2 arcount 3 }

macro_rules! sections {
    ($($classes:ident $names:ident $rdatas:ident $types:ident $ttls:ident $section:ident)*) => {
        super::columns! {
            $($classes(row, context, scratch) { list(row, context, Section::$section, Part::Class, scratch) }
            $names(row, context, scratch) { list(row, context, Section::$section, Part::Name, scratch) }
            $rdatas(row, context, scratch) { list(row, context, Section::$section, Part::Rdata, scratch) }
            $types(row, context, scratch) { list(row, context, Section::$section, Part::Type, scratch) }
            $ttls(row, context, scratch) { list(row, context, Section::$section, Part::Ttl, scratch) })*
        }
    };
}

sections! {
    an_classes an_names an_rdatas an_types an_ttls Answer
    ns_classes ns_names ns_rdatas ns_types ns_ttls Authority
    ar_classes ar_names ar_rdatas ar_types ar_ttls Additional
}

/// A part of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Class,
    Name,
    Rdata,
    Type,
    Ttl,
}

/// A part of all records of a section but OPT, with `|` between them; none if there are none.
fn list<'a>(
    row: &Transaction<'a>,
    context: &Context,
    section: Section,
    part: Part,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    let (mut is_empty, mut addresses) = (true, 0);
    for (message, record) in records(row, own(row), section) {
        if section == Section::Additional && Opt::of(&record).is_some() {
            continue;
        }
        let start = scratch.bytes.len();
        if !std::mem::take(&mut is_empty) {
            scratch.bytes.push(b'|');
        }
        let Scratch { bytes, name, pseudonym, .. } = &mut *scratch;
        match part {
            Part::Class => bytes.extend_from_slice(class_name(record.class).as_bytes()),
            Part::Type => bytes.extend_from_slice(type_name(record.rtype).as_bytes()),
            Part::Ttl => push(bytes, format_args!("{}", record.ttl)),
            Part::Name => {
                let owner = record.owner(message, name).ok().and_then(|owner| context.name(owner, pseudonym));
                push_raw_name(owner.unwrap_or_default(), bytes);
            }
            Part::Rdata => push_rdata(row, context, (message, &record), &mut addresses, scratch),
        }
        if scratch.bytes.len() > RECORDS_TEXT_MAX {
            scratch.bytes.truncate(start);
            break;
        }
    }
    if is_empty { Value::Null } else { Value::Text(scratch.text()) }
}

/// Appends RDATA; of types that it does not know, a hyphen.
fn push_rdata(
    row: &Transaction<'_>,
    context: &Context,
    (message, record): (&[u8], &Record),
    addresses: &mut u16,
    scratch: &mut Scratch,
) {
    let start = scratch.bytes.len();
    if !record.rdata.is_empty() && try_rdata(row, context, (message, record), addresses, scratch).is_none() {
        scratch.bytes.truncate(start);
        scratch.bytes.push(b'-');
    }
}

fn try_rdata(
    row: &Transaction<'_>,
    context: &Context,
    (message, record): (&[u8], &Record),
    addresses: &mut u16,
    scratch: &mut Scratch,
) -> Option<()> {
    let Scratch { bytes, name, pseudonym, .. } = scratch;
    let rdata = record.rdata;
    let u16_at = |at: usize| Some(u16::from_be_bytes([*rdata.get(at)?, *rdata.get(at + 1)?]));
    match record.rtype {
        1 | 28 => {
            push_rdata_address(row, context, rdata_address(record)?, *addresses, bytes);
            *addresses = addresses.saturating_add(1);
            return Some(());
        }
        16 => {
            let mut rest = rdata;
            while let Some((&length, behind)) = rest.split_first() {
                let (string, behind) = behind.split_at_checked(length.into())?;
                push_lossy(string, bytes);
                rest = behind;
            }
            return Some(());
        }
        64 | 65 => {
            // Its form is that of master files, but that names have no final dot unless they are the root.
            let start = bytes.len();
            if context.hides_in_messages() {
                let veil = RecordVeil { context, row, of_response: is_response(row), index: *addresses };
                write_veiled_rdata(message, record, &veil, bytes);
                *addresses = addresses.saturating_add(1);
            } else {
                write_rdata(message, record, bytes);
            }
            return (!bytes[start..].starts_with(b"\\#")).then(|| without_final_dot(start, bytes));
        }
        15 => push(bytes, format_args!("{} ", u16_at(0)?)),
        33 => push(bytes, format_args!("{} {} {} ", u16_at(0)?, u16_at(2)?, u16_at(4)?)),
        2 | 5 | 12 | 6 => {}
        _ => return None,
    }
    let target = rdata_name(message, record, name)?;
    push_raw_name(context.name(target, pseudonym).unwrap_or_default(), bytes);
    if record.rtype == 6 {
        let behind = name::skip(message, record.rdata_at).ok()?;
        let (mailbox, end) = name::read(message, behind, name).ok()?;
        bytes.push(b' ');
        push_raw_name(context.name(mailbox, pseudonym).unwrap_or_default(), bytes);
        for at in [0, 4, 8, 12, 16] {
            let number = message.get(end + at..)?.first_chunk()?;
            push(bytes, format_args!(" {}", u32::from_be_bytes(*number)));
        }
    }
    Some(())
}

/// Takes the final dot from the name that is the second word behind `start`.
fn without_final_dot(start: usize, out: &mut Vec<u8>) {
    let mut spaces = (start..out.len()).filter(|&at| out[at] == b' ');
    let first = spaces.next().unwrap_or(out.len());
    let end = spaces.next().unwrap_or(out.len());
    if end > first + 2 && out[end - 1] == b'.' {
        out.remove(end - 1);
    }
}

fn edns(row: &Transaction<'_>) -> Option<Edns> {
    own(row)?.edns
}

/// What `push` makes of each option, with `|` between.
fn per_option<'a>(
    row: &Transaction<'a>,
    scratch: &'a mut Scratch,
    mut push_one: impl FnMut(u16, &[u8], &mut Vec<u8>),
) -> Value<'a> {
    let mut is_empty = true;
    for (code, data) in options(row, own(row)) {
        if !std::mem::take(&mut is_empty) {
            scratch.bytes.push(b'|');
        }
        push_one(code, data, &mut scratch.bytes);
    }
    if is_empty { Value::Null } else { Value::Text(scratch.text()) }
}

super::columns! {
    length_of(row, _, _) { maybe(length(own(row)), |length| Value::U64(length.into())) }

    malformed(row, _, _) { maybe(own(row), |side| Value::Bool(side.error.is_some())) }

    opcode(row, _, _) {
        let own = own(row).filter(|side| !side.lacks.has(Lacks::OPCODE));
        maybe(own, |side| Value::U16(side.flags >> 11 & 0x0F))
    }

    qname(row, context, scratch) {
        let Scratch { bytes, name, pseudonym, .. } = scratch;
        let wire = question(row, name).and_then(|asked| context.name(asked.name, pseudonym));
        let Some(wire) = wire.filter(|wire| !wire.is_empty()) else { return Value::Null };
        push_raw_name(wire, bytes);
        Value::Text(scratch.text())
    }

    qtype(row, _, scratch) {
        let qtype = question(row, &mut scratch.name).and_then(|asked| asked.qtype);
        maybe(qtype, |qtype| Value::Word(type_name(qtype)))
    }

    qclass(row, _, scratch) {
        let qclass = question(row, &mut scratch.name).and_then(|asked| asked.qclass);
        maybe(qclass, |qclass| Value::Word(class_name(qclass)))
    }

    rcode(row, _, _) {
        let response = own(row).filter(|side| is_response(row) && !side.lacks.has(Lacks::RCODE));
        maybe(response, |side| Value::Word(rcode_name(side.rcode & !TSIG_ERROR)))
    }

    identity(row, context, scratch) {
        let [server, _] = context.place(row);
        match Column::DnstapIdentity.value(row, context, scratch) {
            Value::Null => maybe(server, Value::Text),
            identity => identity,
        }
    }

    latency(row, _, scratch) {
        let ns = row.rtt_ns().filter(|_| is_response(row)).unwrap_or(0);
        let sign = if ns < 0 { "-" } else { "" };
        let (whole, part) = (ns.unsigned_abs() / 1_000_000_000, ns.unsigned_abs() % 1_000_000_000);
        push(&mut scratch.bytes, format_args!("{sign}{whole}.{part:09}"));
        let zeros = scratch.bytes.iter().rev().take_while(|&&digit| digit == b'0').count();
        scratch.bytes.truncate(scratch.bytes.len() - zeros);
        scratch.bytes.pop_if(|last| *last == b'.');
        Value::Text(scratch.text())
    }

    latency_ms(row, _, _) {
        maybe(row.rtt_ns().filter(|_| is_response(row)), |ns| Value::I64(ns / 1_000_000))
    }

    operation(row, _, scratch) {
        let flags = own(row).filter(|side| !side.lacks.has(Lacks::OPCODE)).map_or(0, |side| side.flags);
        let role = match row.key().role().name() {
            Some(role) => role,
            None if flags >> 11 & 0x0F == 5 => "UPDATE",
            None => "CLIENT",
        };
        push(&mut scratch.bytes, format_args!("{role}_{}", if is_response(row) { "RESPONSE" } else { "QUERY" }));
        Value::Text(scratch.text())
    }

    timestamp(row, _, scratch) {
        let Some(ns) = own_time(row) else { return Value::Null };
        push_rfc_3339(ns, &mut scratch.bytes);
        Value::Text(scratch.text())
    }

    dnssec_ok(row, _, _) { maybe(edns(row), |edns| Value::U16(edns.flags >> 15)) }

    option_codes(row, _, scratch) {
        per_option(row, scratch, |code, _, out| push(out, format_args!("{code}")))
    }

    option_names(row, _, scratch) {
        per_option(row, scratch, |code, _, out| out.extend_from_slice(option_name(code).as_bytes()))
    }

    option_datas(row, context, scratch) {
        let index = u16::from(is_response(row));
        per_option(row, scratch, |code, data, out| match code {
            edns::ECS => push_subnet(row, context, (data, index), out),
            edns::EDE => push_error(data, context, out),
            _ => out.push(b'-'),
        })
    }

    options_count(row, _, _) { Value::U64(options(row, own(row)).count() as u64) }

    edns_rcode(row, _, _) {
        maybe(own(row).filter(|side| side.edns.is_some()), |side| Value::U16(side.rcode & 0x0FF0))
    }

    udp_size(row, _, _) { maybe(edns(row), |edns| Value::U16(edns.udp_size)) }

    edns_version(row, _, _) { maybe(edns(row), |edns| Value::U16(edns.version.into())) }

    family(row, _, _) {
        let is_logged = row.key().role().0 > 0;
        if row.lacks(Lacks::CLIENT.and(Lacks::SERVER)) {
            return Value::Null;
        }
        Value::Word(match (row.key().client(), is_logged) {
            (IpAddr::V4(_), false) => "IPv4",
            (IpAddr::V6(_), false) => "IPv6",
            (IpAddr::V4(_), true) => "INET",
            (IpAddr::V6(_), true) => "INET6",
        })
    }

    protocol(row, _, _) {
        Value::Word(match row.key().transport() {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Dot => "DOT",
            Transport::Doh => "DOH",
            Transport::Doq => "DOQ",
            Transport::DnscryptUdp => "DNSCryptUDP",
            Transport::DnscryptTcp => "DNSCryptTCP",
            Transport::Dtls | Transport::Unknown => "UNKNOWN",
        })
    }

    query_port(row, _, scratch) {
        if row.lacks(Lacks::CLIENT_PORT) {
            return Value::Null;
        }
        push(&mut scratch.bytes, format_args!("{}", row.key().client_port()));
        Value::Text(scratch.text())
    }

    response_port(row, _, scratch) {
        if row.lacks(Lacks::SERVER_PORT) {
            return Value::Null;
        }
        push(&mut scratch.bytes, format_args!("{}", row.key().server_port()));
        Value::Text(scratch.text())
    }
}

/// Appends the client subnet of an option.
fn push_subnet(row: &Transaction<'_>, context: &Context, (data, index): (&[u8], u16), out: &mut Vec<u8>) {
    let Some(subnet) = ClientSubnet::parse(data) else { return out.push(b'-') };
    super::push_subnet(&context.subnet(row, subnet.address, subnet.source_prefix, index), out);
}

/// Appends code, registered words and text of an extended error, if sentences may come out.
fn push_error(data: &[u8], context: &Context, out: &mut Vec<u8>) {
    let Some(error) = ExtendedError::parse(data) else { return out.push(b'-') };
    push(out, format_args!("{} {} ", error.code, iana::EXTENDED_ERRORS.name(error.code).unwrap_or("-")));
    match error.text {
        [] => out.push(b'-'),
        _ if context.hides_sentences() => out.push(b'-'),
        text => push_lossy(text, out),
    }
}

/// Appends a time with up to nine digits of the second, without zeros at their end.
fn push_rfc_3339(ns: i64, out: &mut Vec<u8>) {
    let (seconds, part) = (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000));
    push_second(seconds, out);
    if part > 0 {
        push(out, format_args!(".{part:09}"));
        while out.pop_if(|last| *last == b'0').is_some() {}
    }
    out.push(b'Z');
}

const UNKNOWN: &str = "UNKNOWN";

/// Its word for a type; it has none for many.
fn type_name(code: u16) -> &'static str {
    match code {
        0 => "NONE",
        23 => "NSAP_PTR",
        1..=30
        | 33
        | 35..=39
        | 41..=53
        | 55
        | 56
        | 59..=62
        | 64
        | 65
        | 99
        | 103
        | 108
        | 109
        | 249..=259
        | 32768
        | 32769 => iana::type_name(code).unwrap_or(UNKNOWN),
        _ => UNKNOWN,
    }
}

fn class_name(code: u16) -> &'static str {
    match code {
        2 => "CS",
        code => iana::class_name(code).unwrap_or(UNKNOWN),
    }
}

fn rcode_name(code: u16) -> &'static str {
    if code == 16 { "BADSIG" } else { iana::rcode_name(code).unwrap_or(UNKNOWN) }
}

fn option_name(code: u16) -> &'static str {
    match code {
        edns::NSID => "NSID",
        edns::ECS => "CSUBNET",
        edns::EXPIRE => "EXPIRE",
        edns::COOKIE => "COOKIE",
        edns::KEEPALIVE => "KEEPALIVE",
        edns::PADDING => "PADDING",
        edns::EDE => "ERRORS",
        _ => UNKNOWN,
    }
}
