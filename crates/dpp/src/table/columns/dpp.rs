//! The eight columns of DPP, which are the default schema. They are computed in every run of nearly every user, so each is
//! inlined into the loops of the sinks.

use super::{Context, Scratch, Value, maybe};
use crate::dns::iana;
use crate::transaction::{Lacks, Transaction};

#[inline(always)]
pub(super) fn request_timestamp<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    match row.is_unasked() || row.lacks(Lacks::TIME) {
        true => Value::Null,
        false => Value::TimestampMicros(row.request_ns().div_euclid(1000)),
    }
}

#[inline(always)]
pub(super) fn response_timestamp<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    match row.response_ns() {
        Some(ns) if !row.lacks(Lacks::TIME) => Value::TimestampMicros(ns.div_euclid(1000)),
        _ => Value::Null,
    }
}

#[inline(always)]
pub(super) fn source_ip<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    context.client(row, scratch)
}

#[inline(always)]
pub(super) fn source_port<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    match row.lacks(Lacks::CLIENT_PORT) {
        true => Value::Null,
        false => Value::U16(row.key().client_port()),
    }
}

#[inline(always)]
pub(super) fn id<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    match row.lacks(Lacks::ID) {
        true => Value::Null,
        false => Value::U16(row.key().id()),
    }
}

#[inline(always)]
pub(super) fn name<'a>(row: &Transaction<'a>, context: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    match row.key().name() {
        [] => Value::Null,
        name => maybe(context.name(name, &mut scratch.pseudonym), Value::Name),
    }
}

#[inline(always)]
pub(super) fn query_type<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    match row.lacks(Lacks::TYPE) {
        true => Value::Null,
        false => Value::Word(iana::query_type(row.key().qtype())),
    }
}

#[inline(always)]
pub(super) fn response_code<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    match row.response_code() {
        Some(code) if !row.lacks(Lacks::RCODE) => Value::Word(iana::response_code(code)),
        _ => Value::Null,
    }
}
