//! What tables tell that the user brought: of names, of addresses, of servers. They are asked with the real names and addresses,
//! whatever is written instead of these; a registered domain is itself a name, and written as names are.

use super::{Context, Scratch, Value, maybe};
use crate::enrich::{Geo, suffix};
use crate::transaction::{Lacks, Transaction};
use std::net::IpAddr;

/// What a part of the name, from this place on, is written as.
fn part<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
    start: impl FnOnce(&[u8]) -> Option<usize>,
) -> Value<'a> {
    let name = row.key().name();
    let part = start(name).map(|start| &name[start..]);
    maybe(part.and_then(|part| context.name(part, &mut scratch.pseudonym)), Value::Name)
}

pub(super) fn registered_domain<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    part(row, context, scratch, |name| context.suffixes.registered_domain(name))
}

pub(super) fn tld<'a>(row: &Transaction<'a>, context: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    part(row, context, scratch, suffix::tld)
}

/// The databases, and the client's address.
fn client<'a>(row: &Transaction, context: &'a Context) -> Option<(&'a Geo, IpAddr)> {
    let geo = context.geo.as_deref().filter(|_| !row.lacks(Lacks::CLIENT))?;
    Some((geo, row.key().client()))
}

/// The databases, and the server's address.
fn server<'a>(row: &Transaction, context: &'a Context) -> Option<(&'a Geo, IpAddr)> {
    let geo = context.geo.as_deref().filter(|_| !row.lacks(Lacks::SERVER))?;
    Some((geo, row.key().server()))
}

macro_rules! origins {
    ($($function:ident, $end:ident, $fact:ident, $value:expr;)*) => {
        $(pub(super) fn $function<'a>(
            row: &Transaction<'a>,
            context: &'a Context,
            _: &'a mut Scratch,
        ) -> Value<'a> {
            maybe($end(row, context).and_then(|(geo, address)| geo.$fact(address)), $value)
        })*
    };
}

origins! {
    country, client, country, Value::Text;
    asn, client, asn, |asn| Value::U64(asn.into());
    as_org, client, as_org, Value::Text;
    dst_country, server, country, Value::Text;
    dst_asn, server, asn, |asn| Value::U64(asn.into());
    dst_as_org, server, as_org, Value::Text;
}

pub(super) fn server_name<'a>(row: &Transaction<'a>, context: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    let [server, _] = context.place(row);
    maybe(server, Value::Text)
}

pub(super) fn site<'a>(row: &Transaction<'a>, context: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    let [_, site] = context.place(row);
    maybe(site, Value::Text)
}
