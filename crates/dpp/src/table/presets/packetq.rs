//! PacketQ's table `dns` (FIELDS.md of PacketQ 1.7): 45 columns, a row for each message in the direction it went, so addresses
//! and ports of a response are turned round. There is no NULL: what is not there is 0 or an empty text. Names end in a dot, and
//! an octet that is not printable ASCII is `$`.

use super::{
    Column, Kind, Schema, Scratch, Value, count, field, flag, header_rcode, ip_protocol, is_response, length,
    maybe, options, own, own_time, push_labels, question, records,
};
use super::{Context, Field};
use crate::dns::edns::{self, ClientSubnet};
use crate::dns::{Record, Section};
use crate::privacy::PseudonymousSubnet;
use crate::table::Style;
use crate::transaction::{Edns, Lacks, Transaction};

/// Columns and their names, in PacketQ's order. Its integers have 32 bits, but for those of times.
const FIELDS: [(Column, &str); 45] = [
    (Column::PacketqId, "id"),
    (Column::PacketqSeconds, "s"),
    (Column::PacketqMicros, "us"),
    (Column::PacketqEtherType, "ether_type"),
    (Column::PacketqSrcPort, "src_port"),
    (Column::PacketqDstPort, "dst_port"),
    (Column::PacketqSrcAddr, "src_addr"),
    (Column::PacketqDstAddr, "dst_addr"),
    (Column::PacketqProtocol, "protocol"),
    (Column::PacketqIpTtl, "ip_ttl"),
    (Column::IpVersion, "ip_version"),
    (Column::None, "fragments"),
    (Column::PacketqQname, "qname"),
    (Column::PacketqAname, "aname"),
    (Column::Id, "msg_id"),
    (Column::PacketqMsgSize, "msg_size"),
    (Column::PacketqOpcode, "opcode"),
    (Column::PacketqRcode, "rcode"),
    (Column::PacketqExtendedRcode, "extended_rcode"),
    (Column::PacketqEdnsVersion, "edns_version"),
    (Column::PacketqZ, "z"),
    (Column::PacketqUdpSize, "udp_size"),
    (Column::PacketqQdCount, "qd_count"),
    (Column::PacketqAnCount, "an_count"),
    (Column::PacketqNsCount, "ns_count"),
    (Column::PacketqArCount, "ar_count"),
    (Column::PacketqQtype, "qtype"),
    (Column::PacketqQclass, "qclass"),
    (Column::PacketqAtype, "atype"),
    (Column::PacketqAclass, "aclass"),
    (Column::PacketqAttl, "attl"),
    (Column::PacketqAa, "aa"),
    (Column::PacketqTc, "tc"),
    (Column::PacketqRd, "rd"),
    (Column::PacketqCd, "cd"),
    (Column::PacketqRa, "ra"),
    (Column::PacketqAd, "ad"),
    (Column::PacketqDo, "do"),
    (Column::PacketqEdns0, "edns0"),
    (Column::PacketqQr, "qr"),
    (Column::PacketqEcs, "edns0_ecs"),
    (Column::PacketqEcsFamily, "edns0_ecs_family"),
    (Column::PacketqEcsSource, "edns0_ecs_source"),
    (Column::PacketqEcsScope, "edns0_ecs_scope"),
    (Column::PacketqEcsAddress, "edns0_ecs_address"),
];

/// The table `dns`.
pub(super) fn schema() -> Schema {
    let fields = FIELDS.map(|(column, name)| {
        let field = field(column, name).or_zero();
        let field = match field.kind {
            Kind::Text if column == Column::None => field.of_kind(Kind::I32),
            Kind::U8 | Kind::U16 => field.of_kind(Kind::I32),
            _ => field,
        };
        let is_flag =
            matches!(name, "aa" | "tc" | "rd" | "cd" | "ra" | "ad" | "do" | "edns0" | "qr" | "edns0_ecs");
        let type_name = match field.kind {
            Kind::Text | Kind::Address => "text",
            _ if is_flag => "bool",
            _ => "int",
        };
        Field { type_name, ..field }
    });
    let style = Style { wraps: true, ..Style::default() };
    Schema::new("packetq", fields.into()).of_messages().in_style(style)
}

/// Yes and no are numbers.
fn bit<'a>(is: Option<bool>) -> Value<'a> {
    maybe(is, |is| Value::U16(is.into()))
}

fn edns(row: &Transaction<'_>) -> Option<Edns> {
    own(row)?.edns
}

fn subnet(row: &Transaction<'_>) -> Option<ClientSubnet> {
    options(row, own(row))
        .find(|option| option.0 == edns::ECS)
        .and_then(|option| ClientSubnet::parse(option.1))
}

/// The client subnet as it may come out.
fn written(row: &Transaction<'_>, context: &Context, subnet: &ClientSubnet) -> PseudonymousSubnet {
    context.subnet(row, subnet.address, subnet.source_prefix, is_response(row).into())
}

fn first_answer<'a>(row: &Transaction<'a>) -> Option<(&'a [u8], Record<'a>)> {
    records(row, own(row), Section::Answer).next()
}

/// Appends a name as PacketQ has it.
fn push_name(wire: &[u8], out: &mut Vec<u8>) {
    push_labels(wire, out, |octet, out| out.push(if (b' '..=b'~').contains(&octet) { octet } else { b'$' }));
    out.push(b'.');
}

macro_rules! bits {
    ($($name:ident $bit:literal)*) => { super::columns! { $($name(row, _, _) { bit(flag(own(row), $bit)) })* } };
}

bits! { qr 15 aa 10 tc 9 rd 8 ra 7 ad 5 cd 4 }

macro_rules! counts {
    ($($name:ident $index:literal)*) => {
        super::columns! { $($name(row, _, _) { maybe(count(own(row), $index), Value::U16) })* }
    };
}

counts! { qd_count 0 an_count 1 ns_count 2 ar_count 3 }

super::columns! {
    // PacketQ numbers packets from 1; here it is the number of the packet that completed the message.
    id(row, _, _) { maybe(own(row).map(|side| side.frame), Value::U64) }

    seconds(row, _, _) { maybe(own_time(row), |ns| Value::I64(ns.div_euclid(1_000_000_000))) }

    micros(row, _, _) { maybe(own_time(row), |ns| Value::I64(ns.rem_euclid(1_000_000_000) / 1000)) }

    ether_type(row, _, _) {
        if row.lacks(Lacks::CLIENT.and(Lacks::SERVER)) {
            return Value::Null;
        }
        Value::U16(if row.key().client().is_ipv4() { 0x0800 } else { 0x86DD })
    }

    src_port(row, _, _) { port(row, !is_response(row)) }

    dst_port(row, _, _) { port(row, is_response(row)) }

    src_addr(row, context, scratch) { address(row, !is_response(row), context, scratch) }

    dst_addr(row, context, scratch) { address(row, is_response(row), context, scratch) }

    protocol(row, _, _) { maybe(ip_protocol(row.key().transport()), Value::U64) }

    ip_ttl(row, _, _) { maybe(own(row), |side| Value::U64(side.hop_limit.into())) }

    qname(row, context, scratch) {
        let Scratch { bytes, name, pseudonym, .. } = scratch;
        let wire = question(row, name).and_then(|asked| context.name(asked.name, pseudonym));
        let Some(wire) = wire.filter(|wire| !wire.is_empty()) else { return Value::Null };
        push_name(wire, bytes);
        Value::Text(scratch.text())
    }

    aname(row, context, scratch) {
        let Scratch { bytes, name, pseudonym, .. } = scratch;
        let owner = first_answer(row).and_then(|(message, record)| record.owner(message, name).ok());
        let Some(owner) = owner.and_then(|owner| context.name(owner, pseudonym)) else { return Value::Null };
        push_name(owner, bytes);
        Value::Text(scratch.text())
    }

    msg_size(row, _, _) { maybe(length(own(row)), |length| Value::U64(length.into())) }

    opcode(row, _, _) {
        let own = own(row).filter(|side| !side.lacks.has(Lacks::OPCODE));
        maybe(own, |side| Value::U16(side.flags >> 11 & 0x0F))
    }

    rcode(row, _, _) { maybe(header_rcode(own(row)), Value::U16) }

    extended_rcode(row, _, _) {
        // Whole, as far as OPT extends it; without EDNS there is none.
        maybe(own(row).filter(|side| side.edns.is_some()), |side| Value::U16(side.rcode & 0x0FFF))
    }

    edns_version(row, _, _) { maybe(edns(row), |edns| Value::U16(edns.version.into())) }

    z(row, _, _) { maybe(edns(row), |edns| Value::U16(edns.flags & 0x7FFF)) }

    udp_size(row, _, _) { maybe(edns(row), |edns| Value::U16(edns.udp_size)) }

    qtype(row, _, scratch) {
        maybe(question(row, &mut scratch.name).and_then(|asked| asked.qtype), Value::U16)
    }

    qclass(row, _, scratch) {
        maybe(question(row, &mut scratch.name).and_then(|asked| asked.qclass), Value::U16)
    }

    atype(row, _, _) { maybe(first_answer(row), |(_, record)| Value::U16(record.rtype)) }

    aclass(row, _, _) { maybe(first_answer(row), |(_, record)| Value::U16(record.class)) }

    attl(row, _, _) { maybe(first_answer(row), |(_, record)| Value::U64(record.ttl.into())) }

    dnssec_ok(row, _, _) { bit(edns(row).map(|edns| edns.flags & 0x8000 != 0)) }

    edns0(row, _, _) { bit(own(row).map(|side| side.edns.is_some())) }

    ecs(row, _, _) { bit(Some(options(row, own(row)).any(|option| option.0 == edns::ECS))) }

    ecs_family(row, _, _) { maybe(subnet(row), |subnet| Value::U16(subnet.family)) }

    ecs_source(row, context, _) {
        let written = subnet(row).and_then(|subnet| written(row, context, &subnet).prefix);
        maybe(written, |prefix| Value::U16(prefix.into()))
    }

    // Of what stands for all of a subnet, no length says anything.
    ecs_scope(row, context, _) {
        let subnet = subnet(row).filter(|subnet| written(row, context, subnet).prefix.is_some());
        maybe(subnet, |subnet| Value::U16(subnet.scope_prefix.into()))
    }

    ecs_address(row, context, scratch) {
        let Some(subnet) = subnet(row) else { return Value::Null };
        let subnet = written(row, context, &subnet);
        super::push(&mut scratch.bytes, format_args!("{}", subnet.address));
        Value::Text(scratch.text())
    }
}

/// The client's port or the server's.
fn port<'a>(row: &Transaction<'a>, of_client: bool) -> Value<'a> {
    let (lacks, port) = match of_client {
        true => (Lacks::CLIENT_PORT, row.key().client_port()),
        false => (Lacks::SERVER_PORT, row.key().server_port()),
    };
    if row.lacks(lacks) { Value::Null } else { Value::U16(port) }
}

/// The client's address or the server's.
fn address<'a>(
    row: &Transaction<'a>,
    of_client: bool,
    context: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    if of_client { context.client(row, scratch) } else { context.server(row, scratch) }
}
