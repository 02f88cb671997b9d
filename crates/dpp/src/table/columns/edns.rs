//! What the OPT records say (RFC 6891), of the query and of the response.
//!
//! Where the options lie was noted when the message was read, so no column has to look for them. Of several options of a kind
//! the first counts, and one whose data is not what its RFC says is as good as none; but the lists of codes name them all.

use super::{Context, Scratch, Value, maybe, text};
use crate::dns::edns::{self, ClientSubnet, Cookie, ExtendedError, Options};
use crate::table::context::write_subnet;
use crate::transaction::{Edns, Lacks, Side, Transaction};

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

/// The options of a message, if it has an OPT record and its bytes were kept.
fn options<'a>(row: &Transaction<'a>, side: Option<&Side>) -> Option<Options<'a>> {
    let (side, (at, length)) = side.and_then(|side| Some((side, side.options?)))?;
    let at = at.at();
    row.kept_of(side).get(at..at + usize::from(length)).map(Options::of)
}

/// The data of the first option of this code.
fn option<'a>(row: &Transaction<'a>, side: Option<&Side>, code: u16) -> Option<&'a [u8]> {
    let side = side.filter(|side| !side.lacks.has(Lacks::OPTION_DATA));
    options(row, side)?.find(|option| option.0 == code).map(|option| option.1)
}

/// Of some messages it is known that they have an option, but not which others.
fn codes<'a>(row: &Transaction<'a>, side: Option<&Side>, scratch: &'a mut Scratch) -> Value<'a> {
    let side = side.filter(|side| !side.lacks.has(Lacks::OPTIONS));
    let Some(options) = options(row, side) else { return Value::Null };
    scratch.numbers.extend(options.map(|option| option.0));
    Value::Numbers(&scratch.numbers)
}

pub(super) fn codes_of_query<'a>(
    row: &Transaction<'a>,
    _: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    codes(row, row.query(), scratch)
}

pub(super) fn codes_of_response<'a>(
    row: &Transaction<'a>,
    _: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    codes(row, row.response(), scratch)
}

pub(super) fn ecs<'a>(row: &Transaction<'a>, context: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    let subnet = option(row, row.query(), edns::ECS).and_then(ClientSubnet::parse);
    let Some(ClientSubnet { address, source_prefix, .. }) = subnet else { return Value::Null };
    write_subnet(&context.subnet(row, address, source_prefix, 0), &mut scratch.bytes);
    Value::Text(scratch.text())
}

pub(super) fn ecs_scope<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    let subnet = option(row, row.response(), edns::ECS).and_then(ClientSubnet::parse);
    maybe(subnet, |subnet| Value::U64(subnet.scope_prefix.into()))
}

/// The extended errors of the response (RFC 8914).
fn errors<'a>(row: &Transaction<'a>) -> impl Iterator<Item = ExtendedError<'a>> {
    let options = options(row, row.response()).into_iter().flatten();
    options.filter(|option| option.0 == edns::EDE).filter_map(|option| ExtendedError::parse(option.1))
}

pub(super) fn ede<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    scratch.numbers.extend(errors(row).map(|error| error.code));
    match scratch.numbers.is_empty() {
        true => Value::Null,
        false => Value::Numbers(&scratch.numbers),
    }
}

pub(super) fn ede_text<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    if context.hides_sentences() {
        return Value::Null;
    }
    text(errors(row).map(|error| error.text).find(|text| !text.is_empty()), scratch)
}

pub(super) fn nsid<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    text(option(row, row.response(), edns::NSID), scratch)
}

/// Whether the query has a cookie that `is` so. Of a query that was cut before its OPT record nobody knows, nor of one whose
/// bytes nobody wrote down.
fn cookie<'a>(row: &Transaction<'a>, is: impl Fn(Cookie) -> bool) -> Value<'a> {
    let query = row.query();
    let is_known = |side: &&Side| match side.options {
        _ if side.captured == 0 || side.lacks.has(Lacks::OPTIONS) => false,
        Some(_) if side.lacks.has(Lacks::OPTION_DATA) => false,
        Some(_) => true,
        None => row.seldom(side).truncated_at.is_none(),
    };
    let has = option(row, query, edns::COOKIE).and_then(Cookie::parse).is_some_and(is);
    maybe(query.filter(is_known), |_| Value::Bool(has))
}

pub(super) fn cookie_client<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    cookie(row, |_| true)
}

pub(super) fn cookie_server<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    cookie(row, |cookie| !cookie.server.is_empty())
}

fn padding_of<'a>(row: &Transaction<'a>, side: Option<&Side>) -> Value<'a> {
    maybe(option(row, side, edns::PADDING), |padding| Value::U16(padding.len() as u16))
}

pub(super) fn padding<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    padding_of(row, row.query())
}

pub(super) fn response_padding<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    padding_of(row, row.response())
}

pub(super) fn keepalive<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(option(row, row.response(), edns::KEEPALIVE).and_then(edns::keepalive_timeout), Value::U16)
}

pub(super) fn key_tags<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    let Some(tags) = option(row, row.query(), edns::KEYTAG).and_then(edns::key_tags) else {
        return Value::Null;
    };
    scratch.numbers.extend(tags);
    Value::Numbers(&scratch.numbers)
}

/// Algorithms that a client understands (RFC 6975), an octet each.
fn understood<'a>(row: &Transaction<'a>, code: u16, scratch: &'a mut Scratch) -> Value<'a> {
    let Some(algorithms) = option(row, row.query(), code) else { return Value::Null };
    scratch.numbers.extend(algorithms.iter().map(|&algorithm| u16::from(algorithm)));
    Value::Numbers(&scratch.numbers)
}

pub(super) fn dau<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    understood(row, edns::DAU, scratch)
}

pub(super) fn dhu<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    understood(row, edns::DHU, scratch)
}

pub(super) fn n3u<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    understood(row, edns::N3U, scratch)
}
