//! When the query and its response were captured.

use super::{Context, Scratch, Value, maybe};
use crate::transaction::{Lacks, Transaction};

pub(super) fn query_time<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    match row.is_unasked() || row.lacks(Lacks::TIME) {
        true => Value::Null,
        false => Value::TimestampNanos(row.request_ns()),
    }
}

pub(super) fn response_time<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    let is_known = !row.lacks(Lacks::TIME) && !row.lacks(Lacks::DELAY);
    maybe(row.response_ns().filter(|_| is_known), Value::TimestampNanos)
}

pub(super) fn rtt_ns<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(row.rtt_ns(), Value::I64)
}
