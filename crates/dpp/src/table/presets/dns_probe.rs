//! CZ.NIC DNS Probe's 55 Parquet columns (`doc/ExportedDataSchema.rst` of DNS Probe 1.6), which are those of ENTRADA. All but the
//! time of the TCP handshake always have a value: 0, false or an empty text where there is none. The surprising facts: RA, AD
//! and the like are the query's, the domain is always the last two labels, and several columns are the same in all rows.

use super::{
    Column, Context, Kind, Schema, Scratch, Value, field, ip_protocol, maybe, options, push, push_raw_name,
    query_time,
};
use crate::dns::{edns, name};
use crate::transaction::{Lacks, Transaction};

/// Columns, names and kinds, in the probe's order.
const FIELDS: [(Column, &str, Kind); 55] = [
    (Column::Id, "id", Kind::I32),
    (Column::ProbeUnixtime, "unixtime", Kind::I64),
    (Column::ProbeTime, "time", Kind::I64),
    (Column::ProbeQname, "qname", Kind::Text),
    (Column::ProbeDomainname, "domainname", Kind::Text),
    (Column::QueryIpLength, "len", Kind::I32),
    (Column::None, "frag", Kind::I32),
    (Column::IpTtl, "ttl", Kind::I32),
    (Column::IpVersion, "ipv", Kind::I32),
    (Column::ProbeProt, "prot", Kind::I32),
    (Column::SrcIp, "src", Kind::Address),
    (Column::SrcPort, "srcp", Kind::I32),
    (Column::DstIp, "dst", Kind::Address),
    (Column::DstPort, "dstp", Kind::I32),
    (Column::UdpChecksum, "udp_sum", Kind::I32),
    (Column::QuerySize, "dns_len", Kind::I32),
    (Column::Aa, "aa", Kind::Bool),
    (Column::Tc, "tc", Kind::Bool),
    (Column::QueryRd, "rd", Kind::Bool),
    (Column::QueryRa, "ra", Kind::Bool),
    (Column::QueryZ, "z", Kind::Bool),
    (Column::QueryAd, "ad", Kind::Bool),
    (Column::QueryCd, "cd", Kind::Bool),
    (Column::Ancount, "ancount", Kind::I32),
    (Column::Arcount, "arcount", Kind::I32),
    (Column::Nscount, "nscount", Kind::I32),
    (Column::QueryQdcount, "qdcount", Kind::I32),
    (Column::Opcode, "opcode", Kind::I32),
    (Column::ProbeRcode, "rcode", Kind::I32),
    (Column::Qtype, "qtype", Kind::I32),
    (Column::Qclass, "qclass", Kind::I32),
    (Column::Country, "country", Kind::Text),
    (Column::ProbeAsn, "asn", Kind::Text),
    (Column::EdnsUdpSize, "edns_udp", Kind::I32),
    (Column::EdnsVersion, "edns_version", Kind::I32),
    (Column::EdnsDo, "edns_do", Kind::Bool),
    (Column::None, "edns_ping", Kind::Bool),
    (Column::Nsid, "edns_nsid", Kind::Text),
    (Column::ProbeDau, "edns_dnssec_dau", Kind::Text),
    (Column::ProbeDhu, "edns_dnssec_dhu", Kind::Text),
    (Column::ProbeN3u, "edns_dnssec_n3u", Kind::Text),
    (Column::None, "edns_client_subnet", Kind::Text),
    (Column::ProbeEdnsOther, "edns_other", Kind::Text),
    (Column::None, "edns_client_subnet_asn", Kind::Text),
    (Column::None, "edns_client_subnet_country", Kind::Text),
    (Column::Labels, "labels", Kind::I32),
    (Column::ResponseIpLength, "res_len", Kind::I32),
    (Column::ProbeTimeMicro, "time_micro", Kind::I64),
    (Column::None, "resp_frag", Kind::I32),
    (Column::None, "proc_time", Kind::I32),
    (Column::None, "is_google", Kind::Bool),
    (Column::None, "is_opendns", Kind::Bool),
    (Column::ResponseBytes, "dns_res_len", Kind::I32),
    (Column::Site, "server_location", Kind::Text),
    (Column::ProbeTcpRtt, "tcp_hs_rtt", Kind::F64),
];

/// The table of its Parquet files.
pub(super) fn schema() -> Schema {
    let fields = FIELDS.map(|(column, name, kind)| {
        let field = field(column, name).of_kind(kind);
        match name {
            // ENTRADA's mark for a query that was not answered; the probe has no rows of these.
            "rcode" => field.or_number(-1),
            "tcp_hs_rtt" => field,
            _ => field.or_zero(),
        }
    });
    Schema::new("dns-probe", fields.into())
}

/// Whole microseconds since 1970.
fn micros(row: &Transaction<'_>) -> Option<i64> {
    query_time(row).map(|ns| ns.div_euclid(1000))
}

super::columns! {
    unixtime(row, _, _) { maybe(micros(row), |micros| Value::I64(micros.div_euclid(1_000_000))) }

    time(row, _, _) { maybe(micros(row), Value::I64) }

    time_micro(row, _, _) { maybe(micros(row), |micros| Value::I64(micros.rem_euclid(1_000_000))) }

    // Octets that are no UTF-8 are replaced, for a Parquet string with them cannot be read.
    qname(row, context, scratch) {
        let Scratch { bytes, pseudonym, .. } = scratch;
        let Some(name) = context.name(row.key().name(), pseudonym) else { return Value::Null };
        push_raw_name(name, bytes);
        Value::Text(scratch.text())
    }

    domainname(row, context, scratch) {
        let wire = row.key().name();
        let skipped = name::labels(wire).count().saturating_sub(2);
        let start: usize = name::labels(wire).take(skipped).map(|label| 1 + label.len()).sum();
        let Scratch { bytes, pseudonym, .. } = scratch;
        let Some(name) = context.name(&wire[start..], pseudonym) else { return Value::Null };
        push_raw_name(name, bytes);
        bytes.make_ascii_lowercase();
        Value::Text(scratch.text())
    }

    prot(row, _, _) { maybe(ip_protocol(row.key().transport()), Value::U64) }

    rcode(row, _, _) { maybe(super::header_rcode(row.response()), Value::U16) }

    asn(row, context, scratch) {
        let geo = context.geo.as_deref().filter(|_| !row.lacks(Lacks::CLIENT));
        let Some(number) = geo.and_then(|geo| geo.asn(row.key().client())) else { return Value::Null };
        push(&mut scratch.bytes, format_args!("AS{number}"));
        Value::Text(scratch.text())
    }

    dau(row, _, scratch) { understood(row, edns::DAU, scratch) }

    dhu(row, _, scratch) { understood(row, edns::DHU, scratch) }

    n3u(row, _, scratch) { understood(row, edns::N3U, scratch) }

    edns_other(row, _, scratch) {
        let mut options = options(row, row.query()).peekable();
        if options.peek().is_none() {
            return Value::Null;
        }
        let codes = options.filter(|option| !option.1.is_empty()).map(|option| option.0);
        push_list(codes, &mut scratch.bytes);
        Value::Text(scratch.text())
    }

    tcp_rtt(row, _, _) {
        let rtt = row.facts().and_then(|facts| facts.handshake_rtt_ns());
        maybe(rtt, |ns| Value::F64(ns.max(0).div_euclid(1000) as f64 / 1e3))
    }
}

/// Algorithms that a client understands, an octet each, with commas between.
fn understood<'a>(row: &Transaction<'a>, code: u16, scratch: &'a mut Scratch) -> Value<'a> {
    let Some(option) = options(row, row.query()).find(|option| option.0 == code) else { return Value::Null };
    push_list(option.1.iter().map(|&number| number.into()), &mut scratch.bytes);
    Value::Text(scratch.text())
}

/// Appends numbers with commas between.
fn push_list(numbers: impl Iterator<Item = u16>, out: &mut Vec<u8>) {
    for number in numbers {
        if !out.is_empty() {
            out.push(b',');
        }
        push(out, format_args!("{number}"));
    }
}
