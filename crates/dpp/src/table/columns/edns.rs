//! What the OPT records say (RFC 6891), of the query and of the response.

use super::{Context, Scratch, Value, maybe};
use crate::transaction::{Edns, Side, Transaction};

/// DO, the first bit of the flags (RFC 3225).
const DO: u16 = 0x8000;

fn of(side: Option<&Side>) -> Option<Edns> {
    side.and_then(|side| side.edns)
}

pub(super) fn version<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(of(row.query()), |edns| Value::U64(edns.version.into()))
}

pub(super) fn udp_size<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(of(row.query()), |edns| Value::U16(edns.udp_size))
}

pub(super) fn dnssec_ok<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(of(row.query()), |edns| Value::Bool(edns.flags & DO != 0))
}

pub(super) fn response_version<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(of(row.response()), |edns| Value::U64(edns.version.into()))
}

pub(super) fn response_udp_size<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(of(row.response()), |edns| Value::U16(edns.udp_size))
}

pub(super) fn response_dnssec_ok<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(of(row.response()), |edns| Value::Bool(edns.flags & DO != 0))
}
