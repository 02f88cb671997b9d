//! The schemas of other tools, so that whoever has queries, dashboards or parsers for one of them need not rewrite them.
//!
//! A file for each tool has both: the list of its fields, and the functions of the columns that only it has (their rows stand in
//! the column table, in the group `preset`). docs/presets.md says what is equal to the tool's own output and what is not. The
//! surprising fact is how many texts a record has: each tool writes the same name, and the same RDATA, in a way of its own, so
//! each has a writer here, over the wire form.

pub(super) mod dns_collector;
pub(super) mod dns_probe;
pub(super) mod ecs;
pub(super) mod entrada2;
pub(super) mod packetq;
pub(super) mod zeek;

use super::columns::{message_of, section};
use super::{Absent, Column, Context, Field, Kind, Schema, Scratch, Value};
use crate::calendar::Civil;
use crate::dns::edns::Options;
use crate::dns::name;
use crate::dns::{Message, Record, Section};
use crate::privacy::PseudonymousSubnet;
use crate::transaction::{Face, Lacks, Side, Transaction, Transport};
use std::net::IpAddr;

/// A schema of another tool.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// What it is asked for by.
    pub name: &'static str,
    /// Whose it is, in a sentence.
    pub sentence: &'static str,
    /// Makes it.
    pub schema: fn() -> Schema,
}

/// All of them.
pub const PRESETS: &[Preset] = &[
    preset("dns-probe", "CZ.NIC DNS Probe 1.6: its 55 Parquet columns, those of ENTRADA", dns_probe::schema),
    preset("entrada2", "SIDN ENTRADA2: the 49 columns of its Iceberg table", entrada2::schema),
    preset("zeek", "Zeek 8: dns.log, as TSV with its header lines or as JSON", zeek::schema),
    preset("dns-collector", "DNS-collector: flat JSON, a line for each message", dns_collector::schema),
    preset("ecs", "Elastic Common Schema: JSON as Packetbeat 8 writes it", ecs::schema),
    preset("packetq", "PacketQ 1.7: the table `dns`, a row for each message", packetq::schema),
];

const fn preset(name: &'static str, sentence: &'static str, schema: fn() -> Schema) -> Preset {
    Preset { name, sentence, schema }
}

/// The functions of columns, without what they all have in common.
macro_rules! columns {
    ($($name:ident($row:ident, $context:pat, $scratch:pat) $body:block)*) => {
        $(pub(in crate::table) fn $name<'a>(
            $row: &Transaction<'a>,
            $context: &'a Context,
            $scratch: &'a mut Scratch,
        ) -> Value<'a> $body)*
    };
}
use columns;

columns! {
    // What there is nothing of in any row; the field says what stands there instead.
    none(_row, _, _) { Value::Null }
}

impl Field {
    /// Of another kind.
    fn of_kind(self, kind: Kind) -> Field {
        Field { kind, ..self }
    }

    /// With 0, false or an empty text where there is no value.
    fn or_zero(self) -> Field {
        Field { absent: Absent::Zero, ..self }
    }

    /// With this text where there is no value.
    fn or(self, text: &'static str) -> Field {
        Field { absent: Absent::Word(text), ..self }
    }

    /// With this number where there is no value.
    fn or_number(self, number: i64) -> Field {
        Field { absent: Absent::Number(number), ..self }
    }

    /// Of texts that are JSON.
    fn of_json(self) -> Field {
        Field { is_json: true, ..self }
    }
}

/// A column under the tool's name for it.
fn field(column: Column, name: &'static str) -> Field {
    Field::from(column).called(name)
}

/// The same text in all rows.
fn constant(text: &'static str, name: &'static str) -> Field {
    field(Column::None, name).of_kind(Kind::Word).or(text)
}

/// The message that is the row, in a schema with a row for each.
fn own<'a>(row: &Transaction<'a>) -> Option<&'a Side> {
    match row.face() {
        Face::Query => row.query(),
        Face::Response => row.response(),
        Face::Both => row.response().or(row.query()),
    }
}

/// Whether the row is a response's.
fn is_response(row: &Transaction<'_>) -> bool {
    match row.face() {
        Face::Query => false,
        Face::Response => true,
        Face::Both => row.response().is_some(),
    }
}

/// When the message that is the row was captured, ns.
fn own_time(row: &Transaction<'_>) -> Option<i64> {
    let time = if is_response(row) { row.response_ns() } else { Some(row.request_ns()) };
    time.filter(|_| !row.lacks(Lacks::TIME))
}

/// When the query was captured, ns.
fn query_time(row: &Transaction<'_>) -> Option<i64> {
    (!row.is_unasked() && !row.lacks(Lacks::TIME)).then(|| row.request_ns())
}

/// A bit of the second word of a header.
fn flag(side: Option<&Side>, bit: u32) -> Option<bool> {
    side.filter(|side| !side.lacks.has(Lacks::FLAGS)).map(|side| side.flags >> bit & 1 == 1)
}

/// QDCOUNT, ANCOUNT, NSCOUNT or ARCOUNT.
fn count(side: Option<&Side>, index: usize) -> Option<u16> {
    side.filter(|side| !side.lacks.has(Lacks::COUNTS)).map(|side| side.counts[index])
}

/// The length of a message.
fn length(side: Option<&Side>) -> Option<u32> {
    side.filter(|side| !side.lacks.has(Lacks::LENGTH)).map(|side| side.length)
}

/// The response code as the header has it, without what OPT or TSIG make of it.
fn header_rcode(side: Option<&Side>) -> Option<u16> {
    side.filter(|side| !side.lacks.has(Lacks::RCODE)).map(|side| match side.lacks.has(Lacks::FLAGS) {
        true => side.rcode & 0x0F,
        false => side.flags & 0x0F,
    })
}

/// The records of a section that can be read, with the bytes of the message; nothing if there are none.
fn records<'a>(
    row: &Transaction<'a>,
    side: Option<&Side>,
    which: Section,
) -> impl Iterator<Item = (&'a [u8], Record<'a>)> + use<'a> {
    let message = message_of(row, side);
    let records = message.and_then(|message| Some((message.bytes(), section(&message, which)?)));
    records.into_iter().flat_map(|(bytes, records)| records.map(move |record| (bytes, record)))
}

/// The options of a message's OPT record.
fn options<'a>(
    row: &Transaction<'a>,
    side: Option<&Side>,
) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
    let options = side.and_then(|side| {
        let (at, length) = side.options?;
        row.kept_of(side).get(at.at()..at.at() + usize::from(length))
    });
    Options::of(options.unwrap_or_default())
}

/// What a message asks.
#[derive(Clone, Copy)]
struct Asked<'a> {
    /// In wire form; empty if it could not be read.
    name: &'a [u8],
    /// QTYPE, if it could be read.
    qtype: Option<u16>,
    /// QCLASS, likewise.
    qclass: Option<u16>,
}

/// The question of the message that is the row. A response has one of its own.
fn question<'b, 'a: 'b>(row: &Transaction<'a>, scratch: &'b mut [u8; name::WIRE_MAX]) -> Option<Asked<'b>> {
    let key = row.key();
    let qtype = (!row.lacks(Lacks::TYPE)).then(|| key.qtype());
    let qclass = (!row.lacks(Lacks::CLASS)).then(|| key.qclass());
    let of_query = Some(Asked { name: key.name(), qtype, qclass })
        .filter(|asked| !asked.name.is_empty() || asked.qtype.is_some());
    let message = if is_response(row) { message_of(row, row.response()) } else { None };
    let Some(message) = message else { return of_query };
    let (question, _) = message.question(Message::QUESTIONS, scratch).ok()?;
    let crate::dns::Question { name, qtype, qclass } = question;
    // Of multicast DNS the first bit is no part of the class, as the key knows.
    let qclass = if qclass & 0x7FFF == key.qclass() { key.qclass() } else { qclass };
    (message.question_count() > 0).then_some(Asked { name, qtype: Some(qtype), qclass: Some(qclass) })
}

/// Whether the name that is asked for comes out as it is. If parts of it are pseudonyms, it is not cut in two: nobody could tell
/// where.
fn is_shown(row: &Transaction<'_>, context: &Context, pseudonym: &mut [u8; name::WIRE_MAX]) -> bool {
    context.name(row.key().name(), pseudonym) == Some(row.key().name())
}

/// 17 or 6: over what the message came, or what came over that.
fn ip_protocol(transport: Transport) -> Option<u64> {
    match transport {
        Transport::Udp | Transport::Doq | Transport::Dtls | Transport::DnscryptUdp => Some(17),
        Transport::Tcp | Transport::Dot | Transport::Doh | Transport::DnscryptTcp => Some(6),
        Transport::Unknown => None,
    }
}

/// The same by name.
fn carrier(transport: Transport) -> Option<&'static str> {
    ip_protocol(transport).map(|number| if number == 17 { "udp" } else { "tcp" })
}

/// Appends the labels of a name with dots between them, none behind, and nothing for the root. `escape` writes what a tool does
/// not write as it is.
fn push_labels(wire: &[u8], out: &mut Vec<u8>, mut escape: impl FnMut(u8, &mut Vec<u8>)) {
    for (number, label) in name::labels(wire).enumerate() {
        if number > 0 {
            out.push(b'.');
        }
        label.iter().for_each(|&octet| escape(octet, out));
    }
}

/// Appends octets as they are, if they are UTF-8; what is not becomes U+FFFD, as many tools have it.
fn push_lossy(octets: &[u8], out: &mut Vec<u8>) {
    for chunk in octets.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }
}

/// Appends a name, its octets as they are, with what is no UTF-8 replaced. A character does not reach from label to label.
fn push_raw_name(wire: &[u8], out: &mut Vec<u8>) {
    let [first, inner @ .., 0] = wire else { return };
    // As nearly all are. The lengths of labels are ASCII, too, and stand where the dots are to be.
    if wire.is_ascii() {
        let (start, mut at) = (out.len(), usize::from(*first));
        out.extend_from_slice(inner);
        while let Some(length) = inner.get(at) {
            out[start + at] = b'.';
            at += 1 + usize::from(*length);
        }
        return;
    }
    for (number, label) in name::labels(wire).enumerate() {
        if number > 0 {
            out.push(b'.');
        }
        push_lossy(label, out);
    }
}

/// Appends an address of RDATA as it may come out; `index` of them were before it in the row.
fn push_rdata_address(
    row: &Transaction<'_>,
    context: &Context,
    address: IpAddr,
    index: u16,
    out: &mut Vec<u8>,
) {
    push(out, format_args!("{}", context.rdata_address(row, address, index)));
}

/// Appends `192.0.2.0/24` or `[2001:db8::]/48`, as Go's programs have subnets; gives whether it is one with a length. What stands
/// for all of a subnet has none and is alone.
fn push_subnet(subnet: &PseudonymousSubnet, out: &mut Vec<u8>) -> bool {
    let address = subnet.address;
    match address.address() {
        Some(IpAddr::V6(_)) => push(out, format_args!("[{address}]")),
        _ => push(out, format_args!("{address}")),
    }
    if let Some(prefix) = subnet.prefix {
        push(out, format_args!("/{prefix}"));
    }
    subnet.prefix.is_some()
}

/// Appends what is formatted.
fn push(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    use std::io::Write;
    out.write_fmt(arguments).expect("a vector takes everything");
}

/// A value, or none.
fn maybe<'a, T>(known: Option<T>, value: impl FnOnce(T) -> Value<'a>) -> Value<'a> {
    known.map_or(Value::Null, value)
}

/// Appends a second as `2026-11-21T14:38:28`. Nanoseconds of 64 bits reach from 1677 to 2262.
fn push_second(seconds: i64, out: &mut Vec<u8>) {
    let Civil { year, month, day, hour, minute, second } = Civil::of(seconds);
    push(out, format_args!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::Pseudonym;

    #[test]
    fn names_are_text_whatever_is_in_them() {
        let check = |wire: &[u8], expected: &str| {
            let mut out = Vec::new();
            push_raw_name(wire, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        check(b"\0", "");
        check(b"\x03a.b\x01C\0", "a.b.C");
        check(b"\x02\xC3\xB6\x02\xFFx\0", "\u{F6}.\u{FFFD}x");
        // Half a character in each of two labels is none.
        check(b"\x01\xC3\x01\xB6\0", "\u{FFFD}.\u{FFFD}");
    }

    #[test]
    fn a_subnet_has_a_length_unless_its_address_stands_for_all_of_it() {
        let check = |address: &str, prefix: Option<u8>, expected: &str| {
            let (address, mut out) = (Pseudonym::Address(address.parse().unwrap()), Vec::new());
            let has_length = push_subnet(&PseudonymousSubnet { address, prefix }, &mut out);
            assert_eq!((String::from_utf8(out).unwrap().as_str(), has_length), (expected, prefix.is_some()));
        };
        check("192.0.2.0", Some(24), "192.0.2.0/24");
        check("2001:db8::", Some(48), "[2001:db8::]/48");
        check("192.0.2.77", None, "192.0.2.77");
        check("2001:db8::77", None, "[2001:db8::77]");
    }

    #[test]
    fn no_schema_has_another_number_of_columns_than_its_tool() {
        let counts: Vec<(&str, usize)> =
            PRESETS.iter().map(|preset| (preset.name, (preset.schema)().fields().len())).collect();
        let expected = [
            ("dns-probe", 55),
            ("entrada2", 49),
            ("zeek", 26),
            ("dns-collector", 64),
            ("ecs", 69),
            ("packetq", 45),
        ];
        assert_eq!(counts, expected);
    }
}
