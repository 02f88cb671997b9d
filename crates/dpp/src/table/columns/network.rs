//! What carried the query: addresses, ports, the IP header, and what lay around it.

use super::{Context, Scratch, Value, maybe};
use crate::packet::Outer;
use crate::transaction::{Lacks, Side, Transaction};
use std::net::IpAddr;

pub(super) fn src_ip<'a>(row: &Transaction<'a>, context: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    context.client(row, scratch)
}

pub(super) fn src_port<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    match row.lacks(Lacks::CLIENT_PORT) {
        true => Value::Null,
        false => Value::U16(row.key().client_port()),
    }
}

pub(super) fn dst_ip<'a>(row: &Transaction<'a>, context: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    context.server(row, scratch)
}

pub(super) fn dst_port<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    match row.lacks(Lacks::SERVER_PORT) {
        true => Value::Null,
        false => Value::U16(row.key().server_port()),
    }
}

pub(super) fn ip_version<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    match (row.lacks(Lacks::CLIENT.and(Lacks::SERVER)), row.key().client()) {
        (true, _) => Value::Null,
        (_, IpAddr::V4(_)) => Value::U64(4),
        (_, IpAddr::V6(_)) => Value::U64(6),
    }
}

pub(super) fn transport<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(row.key().transport().name(), Value::Word)
}

fn hop_limit<'a>(side: Option<&Side>) -> Value<'a> {
    maybe(side.map(|side| side.hop_limit).filter(|&limit| limit > 0), |limit| Value::U64(limit.into()))
}

pub(super) fn ip_ttl<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    hop_limit(row.query())
}

pub(super) fn response_ip_ttl<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    hop_limit(row.response())
}

fn ip_length<'a>(side: Option<&Side>) -> Value<'a> {
    maybe(side.map(|side| side.ip_length).filter(|&length| length > 0), |length| Value::U64(length.into()))
}

pub(super) fn query_ip_length<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    ip_length(row.query())
}

pub(super) fn response_ip_length<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    ip_length(row.response())
}

/// It is over the addresses and the name, too: who knows all else could tell 16 bits of what is hidden.
pub(super) fn udp_checksum<'a>(row: &Transaction<'a>, context: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    let side = row.query().filter(|_| !context.privacy.is_active());
    maybe(side.and_then(|side| side.udp_checksum()), Value::U16)
}

pub(super) fn tcp_rtt_ns<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(row.facts().and_then(|facts| facts.handshake_rtt_ns()), |ns| Value::I64(ns.max(0)))
}

/// What lay around the query, or around the response if there is no query.
fn outer<'a>(row: &Transaction<'a>) -> Option<&'a Outer> {
    row.facts().map(|facts| &row.seldom(&facts.own).outer)
}

pub(super) fn vlan<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(outer(row).map(Outer::vlan_ids).filter(|ids| !ids.is_empty()), Value::Numbers)
}

pub(super) fn tunnel<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(outer(row).and_then(|outer| outer.tunnel), |tunnel| Value::Word(tunnel.name()))
}

pub(super) fn tunnel_id<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(outer(row).filter(|outer| outer.tunnel.is_some()), |outer| Value::U64(outer.tunnel_id.into()))
}
