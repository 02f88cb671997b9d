//! Zeek's dns.log (scripts/base/protocols/dns of Zeek 8): 26 fields, a row for each transaction.
//!
//! Zeek logs microseconds, lower-cases names, and takes rtt, AA and RA only from responses with at least one record that it
//! reports. The surprising facts: TC is the query's, Z is three bits of the query's header, and the name of a response that
//! nobody asked for is the owner of its first record. The `uid` is a random number of the connection in Zeek; here it is a hash of
//! addresses (as they come out), ports and transport, so that rows of one flow share it and each run gives the same.

use super::{
    Column, Context, Field, Kind, Schema, Scratch, Value, carrier, count, field, flag, header_rcode, maybe,
    push, push_rdata_address, query_time, records,
};
use crate::dns::name::{self, WIRE_MAX};
use crate::dns::rdata::{HIDDEN, rdata_address, rdata_name};
use crate::dns::{Record, Section};
use crate::limits::RECORDS_TEXT_MAX;
use crate::table::Style;
use crate::transaction::{Lacks, Transaction};
use sha2::{Digest, Sha256};

/// Columns, names and Zeek's types, in Zeek's order.
const FIELDS: [(Column, &str, &str); 26] = [
    (Column::ZeekTs, "ts", "time"),
    (Column::ZeekUid, "uid", "string"),
    (Column::SrcIp, "id.orig_h", "addr"),
    (Column::SrcPort, "id.orig_p", "port"),
    (Column::DstIp, "id.resp_h", "addr"),
    (Column::DstPort, "id.resp_p", "port"),
    (Column::ZeekProto, "proto", "enum"),
    (Column::Id, "trans_id", "count"),
    (Column::ZeekRtt, "rtt", "interval"),
    (Column::ZeekQuery, "query", "string"),
    (Column::ZeekQclass, "qclass", "count"),
    (Column::ZeekQclassName, "qclass_name", "string"),
    (Column::ZeekQtype, "qtype", "count"),
    (Column::ZeekQtypeName, "qtype_name", "string"),
    (Column::ZeekRcode, "rcode", "count"),
    (Column::ZeekRcodeName, "rcode_name", "string"),
    (Column::ZeekAa, "AA", "bool"),
    (Column::QueryTc, "TC", "bool"),
    (Column::QueryRd, "RD", "bool"),
    (Column::ZeekRa, "RA", "bool"),
    (Column::ZeekZ, "Z", "count"),
    (Column::ZeekAnswers, "answers", "vector[string]"),
    (Column::ZeekTtls, "TTLs", "vector[interval]"),
    (Column::ZeekRejected, "rejected", "bool"),
    (Column::Opcode, "opcode", "count"),
    (Column::ZeekOpcodeName, "opcode_name", "string"),
];

/// dns.log.
pub(super) fn schema() -> Schema {
    let fields = FIELDS.map(|(column, name, type_name)| {
        let field = Field { type_name, ..field(column, name) };
        match type_name {
            // Zeek starts with F and 0 and never unsets them.
            "bool" => field.or_zero(),
            "vector[interval]" => field.of_json(),
            "port" | "count" if field.kind == Kind::I32 => field.of_kind(Kind::U16),
            _ => field,
        }
    });
    let style = Style { omits_absent: true, zeek_log: true, ..Style::default() };
    Schema::new("zeek", fields.into()).in_style(style)
}

const UPDATE: u16 = 5;

/// A time as Zeek has it: a double, from whole seconds and whole microseconds.
fn seconds(ns: i64) -> f64 {
    let micros = ns.div_euclid(1000);
    micros.div_euclid(1_000_000) as f64 + micros.rem_euclid(1_000_000) as f64 / 1e6
}

super::columns! {
    ts(row, _, _) {
        let time = (!row.lacks(Lacks::TIME)).then(|| row.request_ns());
        maybe(time, |ns| Value::F64(seconds(ns)))
    }

    uid(row, context, scratch) {
        let mut flow = Sha256::new();
        for address in [Context::client, Context::server] {
            match address(context, row, scratch) {
                Value::Text(text) => flow.update(text),
                Value::Address(address) => flow.update(address.to_string()),
                _ => {}
            }
            flow.update([0]);
        }
        let key = row.key();
        flow.update(key.client_port().to_be_bytes());
        flow.update(key.server_port().to_be_bytes());
        flow.update(carrier(key.transport()).unwrap_or_default());
        scratch.clear();
        scratch.bytes.push(b'C');
        push_base62(*flow.finalize().first_chunk().expect("a hash has 32 octets"), &mut scratch.bytes);
        Value::Text(scratch.text())
    }

    proto(row, _, _) { maybe(carrier(row.key().transport()), Value::Word) }

    rtt(row, _, _) {
        let span = query_time(row).zip(row.response_ns()).filter(|_| has_reported(row));
        let span = span.map(|(query, response)| seconds(response) - seconds(query));
        maybe(span.filter(|span| *span != 0.0), Value::F64)
    }

    query(row, context, scratch) {
        let Scratch { bytes, name, pseudonym, .. } = scratch;
        let wire = match (row.is_unasked() || is_update(row), row.key().name()) {
            (true, _) => {
                let first = reported(row).next();
                first.and_then(|(message, record)| record.owner(message, name).ok())
            }
            (false, []) => None,
            (false, wire) => Some(wire),
        };
        let Some(wire) = wire.and_then(|wire| context.name(wire, pseudonym)) else { return Value::Null };
        push_name(wire, bytes);
        Value::Text(scratch.text())
    }

    qclass(row, _, _) { maybe(asked(row).and_then(|(_, qclass)| qclass), Value::U16) }

    qclass_name(row, _, scratch) {
        let Some((_, Some(qclass))) = asked(row) else { return Value::Null };
        named(qclass, CLASSES, "qclass-", scratch)
    }

    qtype(row, _, _) { maybe(asked(row), |(qtype, _)| Value::U16(qtype)) }

    qtype_name(row, _, scratch) {
        let Some((qtype, _)) = asked(row) else { return Value::Null };
        match type_name(qtype) {
            Some(name) => Value::Word(name),
            None => named(qtype, &[], "query-", scratch),
        }
    }

    rcode(row, _, _) { maybe(header_rcode(row.response()), Value::U16) }

    rcode_name(row, _, scratch) {
        let Some(rcode) = header_rcode(row.response()) else { return Value::Null };
        named(rcode, RCODES, "unassigned-", scratch)
    }

    aa(row, _, _) { maybe(flag(row.response(), 10), |aa| Value::Bool(aa && has_reported(row))) }

    ra(row, _, _) { maybe(flag(row.response(), 7), |ra| Value::Bool(ra && has_reported(row))) }

    z(row, _, _) {
        let flags = row.query().filter(|side| !side.lacks.has(Lacks::FLAGS)).map_or(0, |side| side.flags);
        Value::U64(u64::from(flags >> 4 & 7))
    }

    answers(row, context, scratch) {
        let mut addresses = 0;
        for (message, record) in reported(row) {
            let start = scratch.bytes.len();
            if !push_reported(row, context, (message, &record), &mut addresses, scratch) {
                scratch.bytes.truncate(start);
                continue;
            }
            if scratch.bytes.len() > RECORDS_TEXT_MAX {
                scratch.bytes.truncate(start);
                break;
            }
            scratch.end_text();
        }
        if scratch.ends.is_empty() { Value::Null } else { Value::Texts(scratch.texts()) }
    }

    ttls(row, context, scratch) {
        // As many as there are answers, whatever these are.
        let mut room = Scratch::default();
        let Value::Texts(answers) = answers(row, context, &mut room) else { return Value::Null };
        let mut left = answers.len();
        let mut unused = Scratch::default();
        for (message, record) in reported(row) {
            if left == 0 {
                break;
            }
            unused.clear();
            if push_reported(row, context, (message, &record), &mut 0, &mut unused) {
                push(&mut scratch.bytes, format_args!("{}.0", record.ttl));
                scratch.end_text();
                left -= 1;
            }
        }
        Value::Texts(scratch.texts())
    }

    rejected(row, _, _) {
        let response = row.response();
        let counts = [0, 1, 2, 3].map(|index| count(response, index));
        let [Some(questions), Some(answers), Some(authorities), Some(additionals)] = counts else {
            return Value::Null;
        };
        Value::Bool(match questions {
            0 => header_rcode(response).is_some_and(|rcode| rcode != 0),
            _ => answers == 0 && authorities == 0 && additionals == 0,
        })
    }

    opcode_name(row, _, scratch) {
        let own = row.facts().map(|facts| &facts.own).filter(|own| !own.lacks.has(Lacks::OPCODE));
        let Some(own) = own else { return Value::Null };
        named(own.flags >> 11 & 0x0F, OPCODES, "opcode-", scratch)
    }
}

fn is_update(row: &Transaction<'_>) -> bool {
    let flags = row.facts().filter(|facts| !facts.own.lacks.has(Lacks::OPCODE));
    flags.is_some_and(|facts| facts.own.flags >> 11 & 0x0F == UPDATE)
}

/// QTYPE, and QCLASS if it could be read: Zeek takes both from queries only, and of an update not at all.
fn asked(row: &Transaction<'_>) -> Option<(u16, Option<u16>)> {
    let is_known = !row.is_unasked() && !row.lacks(Lacks::TYPE) && !row.key().name().is_empty();
    let qclass = (!row.lacks(Lacks::CLASS)).then(|| row.key().qclass());
    (is_known && !is_update(row)).then(|| (row.key().qtype(), qclass))
}

/// The records that Zeek reports: those of the answer section of types that it has a word for, and of unknown types. Of an
/// update the prerequisites and the changes, which the server sends back; else the client's.
fn reported<'a>(row: &Transaction<'a>) -> Box<dyn Iterator<Item = (&'a [u8], Record<'a>)> + 'a> {
    let answers = |side, which| records(row, side, which);
    if !is_update(row) {
        let is_reported =
            |(_, record): &(_, Record)| !matches!(record.rtype, 13 | 41 | 64 | 65 | 249 | 250 | 257);
        return Box::new(answers(row.response(), Section::Answer).filter(is_reported));
    }
    let both = |side| answers(side, Section::Answer).chain(answers(side, Section::Authority));
    let of_response = both(row.response());
    match both(row.response()).next() {
        Some(_) => Box::new(of_response),
        None => Box::new(both(row.query())),
    }
}

fn has_reported(row: &Transaction<'_>) -> bool {
    reported(row).next().is_some()
}

const CLASS_NONE: u16 = 254;
const CLASS_ANY: u16 = 255;
const TYPE_ANY: u16 = 255;

/// Appends what Zeek says of a record; gives whether that is anything.
fn push_reported(
    row: &Transaction<'_>,
    context: &Context,
    (message, record): (&[u8], &Record),
    addresses: &mut u16,
    scratch: &mut Scratch,
) -> bool {
    if !is_update(row) {
        return push_answer(row, context, (message, record), addresses, scratch).is_some();
    }
    let Scratch { bytes, name, pseudonym, .. } = &mut *scratch;
    let word = match (record.section, record.class, record.rtype) {
        (Section::Answer, CLASS_NONE, TYPE_ANY) => "pre: NoName",
        (Section::Answer, CLASS_NONE, _) => "pre: NoRRSet",
        (Section::Answer, CLASS_ANY, TYPE_ANY) => "pre: Name",
        (Section::Answer, ..) => "pre: RRSet",
        (_, CLASS_ANY, TYPE_ANY) => "del: Name",
        (_, CLASS_ANY, _) => "del: RRSet",
        (_, CLASS_NONE, _) => "del:",
        _ => "add:",
    };
    bytes.extend_from_slice(word.as_bytes());
    if record.rtype != TYPE_ANY {
        let known = type_name(record.rtype);
        push(bytes, format_args!(" {}", known.map_or(format!("query-{}", record.rtype), str::to_owned)));
    }
    if word != "del: RRSet" {
        let owner = record.owner(message, name).ok().and_then(|owner| context.name(owner, pseudonym));
        bytes.push(b' ');
        push_name(owner.unwrap_or_default(), bytes);
    }
    if matches!(word, "del:" | "add:") {
        let record = Record { class: 1, ..*record };
        bytes.push(b' ');
        if push_answer(row, context, (message, &record), addresses, scratch).is_none() {
            scratch.bytes.pop();
        }
    }
    true
}

/// Appends the text of a record of an answer; `None` if Zeek has none for it, or the RDATA is not what the type says.
fn push_answer(
    row: &Transaction<'_>,
    context: &Context,
    (message, record): (&[u8], &Record),
    addresses: &mut u16,
    scratch: &mut Scratch,
) -> Option<()> {
    let Scratch { bytes, name, pseudonym, .. } = scratch;
    let rdata = record.rdata;
    match record.rtype {
        1 | 28 | 38 => {
            let address = match record.rtype {
                // A6 (RFC 2874) with all of an address.
                38 => rdata_address(&Record { rtype: 28, rdata: rdata.strip_prefix(&[0])?, ..*record }),
                _ => rdata_address(record),
            };
            push_rdata_address(row, context, address?, *addresses, bytes);
            *addresses = addresses.saturating_add(1);
        }
        2 | 5 | 6 | 12 | 15 | 33 => push_target(context, (message, record), (name, pseudonym), bytes)?,
        11 => return None,
        16 => push_strings("TXT", rdata, bytes)?,
        99 => push_strings("SPF", rdata, bytes)?,
        29 => push(bytes, format_args!("LOC:  {} {} {}", rdata.get(1)?, rdata.get(2)?, rdata.get(3)?)),
        35 => {
            let (numbers, strings) = rdata.split_at_checked(4)?;
            let [order, preference] = [0, 2].map(|at| u16::from_be_bytes([numbers[at], numbers[at + 1]]));
            push(bytes, format_args!("NAPTR {order} {preference}"));
            for (number, string) in counted(strings).take(3).enumerate() {
                bytes.push(b' ');
                // The third, an expression, may spell any name.
                let is_hidden = number == 2 && !string.is_empty() && context.hides_content();
                push_text(if is_hidden { HIDDEN } else { string }, bytes);
            }
            let before = bytes.len();
            bytes.push(b' ');
            push_target(context, (message, record), (name, pseudonym), bytes)?;
            if bytes.len() == before + 1 {
                bytes.pop();
            }
        }
        43 => push(bytes, format_args!("DS {} {}", rdata.get(2)?, rdata.get(3)?)),
        44 => {
            bytes.extend_from_slice(b"SSHFP: ");
            rdata.get(2..)?.iter().for_each(|octet| push(bytes, format_args!("{octet:02x}")));
        }
        46 => {
            let covered = u16::from_be_bytes([*rdata.first()?, *rdata.get(1)?]);
            push(bytes, format_args!("RRSIG {covered} "));
            let before = bytes.len();
            push_target(context, (message, record), (name, pseudonym), bytes)?;
            if bytes.len() == before {
                bytes.extend_from_slice(b"<Root>");
            }
        }
        47 => {
            bytes.extend_from_slice(b"NSEC ");
            let owner = record.owner(message, name).ok().and_then(|owner| context.name(owner, pseudonym));
            push_name(owner.unwrap_or_default(), bytes);
            bytes.push(b' ');
            push_target(context, (message, record), (name, pseudonym), bytes)?;
        }
        48 => push(bytes, format_args!("DNSKEY {}", rdata.get(3)?)),
        50 => bytes.extend_from_slice(b"NSEC3"),
        51 => bytes.extend_from_slice(b"NSEC3PARAM"),
        65534 => bytes.extend_from_slice(b"BIND9 signing signal"),
        other => push(bytes, format_args!("<unknown type={other}>")),
    }
    Some(())
}

/// Appends the name that a record leads to.
fn push_target(
    context: &Context,
    (message, record): (&[u8], &Record),
    (room, pseudonym): (&mut [u8; WIRE_MAX], &mut [u8; WIRE_MAX]),
    out: &mut Vec<u8>,
) -> Option<()> {
    let target = rdata_name(message, record, room)?;
    push_name(context.name(target, pseudonym).unwrap_or_default(), out);
    Some(())
}

/// The strings of a record, each behind its length.
fn counted(rdata: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = rdata;
    std::iter::from_fn(move || {
        let (&length, behind) = rest.split_first()?;
        let (string, behind) = behind.split_at_checked(length.into())?;
        rest = behind;
        Some(string)
    })
}

/// Appends each string with a word and its length before it.
fn push_strings(word: &str, rdata: &[u8], out: &mut Vec<u8>) -> Option<()> {
    for (number, string) in counted(rdata).enumerate() {
        if number > 0 {
            out.push(b' ');
        }
        push(out, format_args!("{word} {} ", string.len()));
        push_text(string, out);
    }
    (!rdata.is_empty()).then_some(())
}

/// Appends a name in lower case.
fn push_name(wire: &[u8], out: &mut Vec<u8>) {
    for (number, label) in name::labels(wire).enumerate() {
        if number > 0 {
            out.push(b'.');
        }
        push_text(&label.to_ascii_lowercase(), out);
    }
}

/// Appends octets as they are; what is no UTF-8 is escaped here, all else where it is printed.
fn push_text(octets: &[u8], out: &mut Vec<u8>) {
    for chunk in octets.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        chunk.invalid().iter().for_each(|octet| push(out, format_args!("\\x{octet:02x}")));
    }
}

/// Appends 96 bits as digits and letters.
fn push_base62(bits: [u8; 12], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = bits.iter().fold(0u128, |number, &octet| number << 8 | u128::from(octet));
    while rest > 0 {
        out.push(DIGITS[(rest % 62) as usize]);
        rest /= 62;
    }
}

/// The word for a code; one without is made of its number.
fn named<'a>(code: u16, words: &[(u16, &'static str)], prefix: &str, scratch: &'a mut Scratch) -> Value<'a> {
    match words.iter().find(|word| word.0 == code) {
        Some(word) => Value::Word(word.1),
        None => {
            push(&mut scratch.bytes, format_args!("{prefix}{code}"));
            Value::Text(scratch.text())
        }
    }
}

const CLASSES: &[(u16, &str)] =
    &[(1, "C_INTERNET"), (2, "C_CSNET"), (3, "C_CHAOS"), (4, "C_HESIOD"), (254, "C_NONE"), (255, "C_ANY")];

const RCODES: &[(u16, &str)] = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSet"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
];

const OPCODES: &[(u16, &str)] =
    &[(0, "query"), (1, "iquery"), (2, "server-status"), (4, "notify"), (5, "dynamic-update"), (6, "dso")];

/// Zeek's word for a type: IANA's up to where its table ends, but for a few.
fn type_name(code: u16) -> Option<&'static str> {
    match code {
        255 => Some("*"),
        65281 => Some("WINS"),
        65282 => Some("WINS-R"),
        65422 => Some("XPF"),
        65521 => Some("INTEGRITY"),
        66..=98 | 110..=248 | 258..=32767 => None,
        code => crate::dns::iana::type_name(code),
    }
}
