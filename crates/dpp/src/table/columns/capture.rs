//! Where the messages come from, and their bytes.

use super::{Context, Scratch, Value, maybe};
use crate::transaction::{Side, Transaction};

pub(super) fn input<'a>(row: &Transaction<'a>, context: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    let number = row.facts().map(|facts| facts.own.input as usize);
    maybe(number.and_then(|number| context.inputs.get(number)?.get()), |name| Value::Text(name))
}

fn frame<'a>(side: Option<&Side>) -> Value<'a> {
    maybe(side.map(|side| side.frame).filter(|&frame| frame > 0), Value::U64)
}

pub(super) fn frame_query<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    frame(row.query())
}

pub(super) fn frame_response<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    frame(row.response())
}

fn wire<'a>(row: &Transaction<'a>, side: Option<&Side>) -> Value<'a> {
    let bytes = side.map(|side| row.message(side));
    maybe(bytes.filter(|bytes| !bytes.is_empty()), Value::Bytes)
}

pub(super) fn query_wire<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    wire(row, row.query())
}

pub(super) fn response_wire<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    wire(row, row.response())
}
