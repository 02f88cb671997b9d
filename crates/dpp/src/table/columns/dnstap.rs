//! What a server that logs its messages says beside them: the fields of its dnstap frames.
//!
//! A query has a frame, and so has its response. Each fact is the first frame's that tells it, the query's before the
//! response's, for an operator's name is in both, but what a policy did often only in the latter. A query that only the frame
//! of its response tells of has that one.

use super::{Context, Scratch, Value, maybe, text, write_escaped};
use crate::dns::name;
use crate::dnstap::names::{
    HTTP_PROTOCOLS, MESSAGE_TYPES, Names, POLICY_ACTIONS, POLICY_MATCHES, SOCKET_PROTOCOLS,
};
use crate::dnstap::{Dnstap, Message, Policy};
use crate::privacy::Field;
use crate::transaction::{Role, Transaction};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The frames of the query and of the response.
fn frames<'a>(row: &Transaction<'a>) -> impl Iterator<Item = Dnstap<'a>> {
    let sides = [row.query(), row.response()].into_iter().flatten();
    let records = sides.map(|side| row.record(side)).filter(|record| !record.is_empty());
    records.filter_map(|record| Dnstap::parse(record).ok())
}

fn messages<'a>(row: &Transaction<'a>) -> impl Iterator<Item = Message<'a>> {
    frames(row).filter_map(|frame| frame.message)
}

fn policy<'a>(row: &Transaction<'a>) -> Option<Policy<'a>> {
    messages(row).find_map(|message| message.policy)
}

/// The word for a number; one that has none is its digits.
fn word<'a>(number: Option<u32>, names: &Names, scratch: &'a mut Scratch) -> Value<'a> {
    match number.map(|number| (number, names.name(number))) {
        None => Value::Null,
        Some((_, Some(name))) => Value::Word(name),
        Some((number, None)) => digits(number, scratch),
    }
}

fn digits(number: u32, scratch: &mut Scratch) -> Value<'_> {
    write!(scratch.bytes, "{number}").expect("a vector takes everything");
    Value::Text(scratch.text())
}

/// Octets that are a name in wire form, and nothing else.
fn is_name(bytes: &[u8]) -> bool {
    // One that is compressed is written otherwise than it stands there.
    name::read(bytes, 0, &mut [0; name::WIRE_MAX]).is_ok_and(|(name, _)| name == bytes)
}

pub(super) fn identity<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    text(frames(row).find_map(|frame| frame.identity), scratch)
}

pub(super) fn version<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    text(frames(row).find_map(|frame| frame.version), scratch)
}

/// Nobody knows what it tells, be it of clients, names or servers.
pub(super) fn extra<'a>(row: &Transaction<'a>, context: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    if context.privacy.is_active() {
        return Value::Null;
    }
    text(frames(row).find_map(|frame| frame.extra), scratch)
}

pub(super) fn role<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    match (row.key().role(), row.key().role().name()) {
        (role, _) if role == Role::default() => Value::Null,
        (_, Some(name)) => Value::Word(name),
        (Role(number), None) => digits(number.into(), scratch),
    }
}

pub(super) fn kind<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    word(messages(row).next().map(|message| message.kind.0), &MESSAGE_TYPES, scratch)
}

pub(super) fn socket_protocol<'a>(
    row: &Transaction<'a>,
    _: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    word(messages(row).find_map(|message| message.socket_protocol), &SOCKET_PROTOCOLS, scratch)
}

pub(super) fn http_protocol<'a>(
    row: &Transaction<'a>,
    _: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    word(messages(row).find_map(|message| message.http_protocol), &HTTP_PROTOCOLS, scratch)
}

pub(super) fn zone<'a>(row: &Transaction<'a>, context: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    let zone = messages(row).find_map(|message| message.query_zone).filter(|zone| is_name(zone));
    maybe(zone.and_then(|zone| context.name(zone, &mut scratch.pseudonym)), Value::Name)
}

pub(super) fn policy_type<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    text(policy(row).and_then(|policy| policy.kind), scratch)
}

pub(super) fn policy_rule<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    let rule = policy(row).and_then(|policy| policy.rule);
    // The name of a rule for addresses spells them.
    let is_told = context.privacy.addresses.is_none() || !rule.is_some_and(is_for_addresses);
    name_or_text(rule.filter(|_| is_told), context, scratch)
}

/// Whether a rule of RPZ is for addresses: `24.0.2.0.192.rpz-client-ip.zone.example`.
fn is_for_addresses(rule: &[u8]) -> bool {
    let has = |word: &[u8]| rule.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    [&b"\x0drpz-client-ip"[..], b"\x06rpz-ip", b"\x08rpz-nsip"].into_iter().any(has)
}

pub(super) fn policy_action<'a>(
    row: &Transaction<'a>,
    _: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    word(policy(row).and_then(|policy| policy.action), &POLICY_ACTIONS, scratch)
}

pub(super) fn policy_match<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    word(policy(row).and_then(|policy| policy.matched), &POLICY_MATCHES, scratch)
}

pub(super) fn policy_value<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    let Some(policy) = policy(row) else { return Value::Null };
    let what = policy.matched.and_then(|matched| POLICY_MATCHES.name(matched));
    let address = policy.value.filter(|_| what.is_some_and(|what| what.ends_with("_IP"))).and_then(address);
    match address {
        Some(address) => {
            let field = if what == Some("CLIENT_IP") { Field::Dnstap } else { Field::Rdata };
            let address = context.pseudonym(field, row, address, 0);
            write!(scratch.bytes, "{address}").expect("a vector takes everything");
            Value::Text(scratch.text())
        }
        None => name_or_text(policy.value, context, scratch),
    }
}

/// The address that octets are.
fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into()),
        16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into()),
        _ => None,
    }
}

/// A name if the octets are one, as the rules of RPZ are; else what they spell, unless something is hidden that this may be.
fn name_or_text<'a>(bytes: Option<&[u8]>, context: &Context, scratch: &'a mut Scratch) -> Value<'a> {
    let Some(bytes) = bytes else { return Value::Null };
    if is_name(bytes) {
        let Some(name) = context.name(bytes, &mut scratch.pseudonym) else { return Value::Null };
        name::write_text(name, &mut scratch.bytes);
    } else if context.privacy.is_active() {
        return Value::Null;
    } else {
        write_escaped(bytes, &mut scratch.bytes);
    }
    Value::Text(scratch.text())
}
