//! ENTRADA2's Iceberg table (SCHEMA.md of SIDN's entrada2): 49 columns. What is not known is NULL. The surprising fact: the name is
//! cut in two, `dns_domainname` is what somebody registered and `dns_qname` the labels before it.

use super::{
    Column, Context, Field, Kind, Schema, Scratch, Value, field, is_shown, maybe, options, push_raw_name,
};
use crate::dns::edns::{self, ClientSubnet};
use crate::dns::name;
use crate::transaction::Transaction;
use std::net::IpAddr;

/// Columns and names, in the order of the table. Its integers have 32 bits.
const FIELDS: [(Column, &str); 49] = [
    (Column::Id, "dns_id"),
    (Column::RequestTimestamp, "time"),
    (Column::EntradaQname, "dns_qname"),
    (Column::EntradaDomainname, "dns_domainname"),
    (Column::IpTtl, "ip_ttl"),
    (Column::IpVersion, "ip_version"),
    (Column::ProbeProt, "prot"),
    (Column::SrcIp, "ip_src"),
    (Column::SrcPort, "prot_src_port"),
    (Column::DstIp, "ip_dst"),
    (Column::DstPort, "prot_dst_port"),
    (Column::Aa, "dns_aa"),
    (Column::Tc, "dns_tc"),
    (Column::QueryRd, "dns_rd"),
    (Column::Ra, "dns_ra"),
    (Column::Ad, "dns_ad"),
    (Column::QueryCd, "dns_cd"),
    (Column::Ancount, "dns_ancount"),
    (Column::Arcount, "dns_arcount"),
    (Column::Nscount, "dns_nscount"),
    (Column::QueryQdcount, "dns_qdcount"),
    (Column::Opcode, "dns_opcode"),
    (Column::Rcode, "dns_rcode"),
    (Column::Qtype, "dns_qtype"),
    (Column::Qclass, "dns_qclass"),
    (Column::Country, "ip_geo_country"),
    (Column::ProbeAsn, "ip_asn"),
    (Column::AsOrg, "ip_asn_org"),
    (Column::EdnsUdpSize, "edns_udp"),
    (Column::EdnsVersion, "edns_version"),
    (Column::EdnsDo, "edns_do"),
    (Column::EdnsOptions, "edns_options"),
    (Column::Ecs, "edns_ecs"),
    (Column::EntradaEcsAsn, "edns_ecs_ip_asn"),
    (Column::EntradaEcsAsOrg, "edns_ecs_ip_asn_org"),
    (Column::EntradaEcsCountry, "edns_ecs_ip_geo_country"),
    (Column::Ede, "edns_ext_error"),
    (Column::Labels, "dns_labels"),
    (Column::EntradaProcTime, "dns_proc_time"),
    (Column::None, "dns_pub_resolver"),
    (Column::QuerySize, "dns_req_len"),
    (Column::ResponseSize, "dns_res_len"),
    (Column::EntradaTcpRtt, "tcp_rtt"),
    (Column::Server, "server"),
    (Column::Site, "server_location"),
    (Column::Answers, "dns_rdata"),
    (Column::AnswerCnames, "dns_cname"),
    (Column::EntradaTld, "dns_tld"),
    (Column::EntradaQnameFull, "dns_qname_full"),
];

/// The table of its Iceberg files.
pub(super) fn schema() -> Schema {
    let fields = FIELDS.map(|(column, name)| {
        let field = field(column, name);
        let field = match field.kind {
            Kind::U8 | Kind::U16 | Kind::U32 | Kind::I64 => field.of_kind(Kind::I32),
            _ => field,
        };
        match name {
            "server" => field.or("default-ns"),
            "server_location" => field.or("default-site"),
            _ => field,
        }
    });
    let fields: Vec<Field> = fields.into();
    Schema::new("entrada2", fields)
}

/// A part of the name that is asked for, from one place to another, in lower case unless it is all of it.
fn part<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
    start: Option<usize>,
) -> Value<'a> {
    let Scratch { bytes, pseudonym, .. } = scratch;
    let part = start.and_then(|start| row.key().name().get(start..)).filter(|part| !part.is_empty());
    let Some(name) = part.and_then(|part| context.name(part, pseudonym)) else { return Value::Null };
    push_raw_name(name, bytes);
    bytes.make_ascii_lowercase();
    Value::Text(scratch.text())
}

/// The address of the client subnet that the query names.
fn ecs(row: &Transaction<'_>) -> Option<IpAddr> {
    let option = options(row, row.query()).find(|option| option.0 == edns::ECS)?;
    ClientSubnet::parse(option.1).filter(|subnet| subnet.source_prefix > 0).map(|subnet| subnet.address)
}

super::columns! {
    qname(row, context, scratch) {
        let wire = row.key().name();
        let start = context.suffixes.registered_domain(wire);
        let is_shown = is_shown(row, context, &mut scratch.pseudonym);
        let Some(start) = start.filter(|start| *start > 0 && is_shown) else { return Value::Null };
        let before = name::labels(wire).scan(0, |at, label| {
            *at += 1 + label.len();
            (*at <= start).then_some(label)
        });
        for label in before {
            if !scratch.bytes.is_empty() {
                scratch.bytes.push(b'.');
            }
            super::push_lossy(label, &mut scratch.bytes);
        }
        scratch.bytes.make_ascii_lowercase();
        Value::Text(scratch.text())
    }

    domainname(row, context, scratch) {
        let start = context.suffixes.registered_domain(row.key().name());
        part(row, context, scratch, start)
    }

    tld(row, context, scratch) {
        part(row, context, scratch, crate::enrich::suffix::tld(row.key().name()))
    }

    qname_full(row, context, scratch) {
        let Scratch { bytes, pseudonym, .. } = scratch;
        let wire = Some(row.key().name()).filter(|wire| !wire.is_empty());
        let Some(name) = wire.and_then(|wire| context.name(wire, pseudonym)) else { return Value::Null };
        push_raw_name(name, bytes);
        Value::Text(scratch.text())
    }

    proc_time(row, _, _) { maybe(row.rtt_ns(), |ns| Value::I64(ns.div_euclid(1_000_000))) }

    tcp_rtt(row, _, _) {
        let rtt = row.facts().and_then(|facts| facts.handshake_rtt_ns());
        maybe(rtt, |ns| Value::I64(ns.max(0).div_euclid(1_000_000)))
    }

    ecs_asn(row, context, scratch) {
        let number = ecs(row).and_then(|address| context.geo.as_deref()?.asn(address));
        let Some(number) = number else { return Value::Null };
        super::push(&mut scratch.bytes, format_args!("AS{number}"));
        Value::Text(scratch.text())
    }

    ecs_as_org(row, context, _) {
        maybe(ecs(row).and_then(|address| context.geo.as_deref()?.as_org(address)), Value::Text)
    }

    ecs_country(row, context, _) {
        maybe(ecs(row).and_then(|address| context.geo.as_deref()?.country(address)), Value::Text)
    }
}
