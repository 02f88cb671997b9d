//! What the headers of the two messages say: codes, flags, counts, lengths.

use super::{Context, Scratch, Value, maybe};
use crate::dns::iana::TSIG_ERROR;
use crate::transaction::{Lacks, Side, Transaction};

/// The opcode of the query, or of the response if there is no query.
pub(super) fn opcode_of(row: &Transaction<'_>) -> Option<u16> {
    let own = row.facts().map(|facts| &facts.own).filter(|own| !own.lacks.has(Lacks::OPCODE));
    own.map(|own| own.flags >> 11 & 0x0F)
}

/// The response code, with a mark if it is the error of a TSIG record.
pub(super) fn rcode_of(row: &Transaction<'_>) -> Option<u16> {
    row.response_code().filter(|_| !row.lacks(Lacks::RCODE))
}

pub(super) fn opcode<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(opcode_of(row), |opcode| Value::U64(opcode.into()))
}

pub(super) fn rcode<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(rcode_of(row), |rcode| Value::U16(rcode & !TSIG_ERROR))
}

macro_rules! flags {
    ($($query:ident, $response:ident, $bit:literal;)*) => {
        $(pub(super) fn $query<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
            flag(row.query(), $bit)
        }

        pub(super) fn $response<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
            flag(row.response(), $bit)
        })*
    };
}

flags! {
    q_aa, aa, 10;
    q_tc, tc, 9;
    q_rd, rd, 8;
    q_ra, ra, 7;
    q_z, z, 6;
    q_ad, ad, 5;
    q_cd, cd, 4;
}

fn flag<'a>(side: Option<&Side>, bit: u32) -> Value<'a> {
    let side = side.filter(|side| !side.lacks.has(Lacks::FLAGS));
    maybe(side, |side| Value::Bool(side.flags >> bit & 1 == 1))
}

macro_rules! counts {
    ($($query:ident, $response:ident, $index:literal;)*) => {
        $(pub(super) fn $query<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
            count(row.query(), $index)
        }

        pub(super) fn $response<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
            count(row.response(), $index)
        })*
    };
}

counts! {
    q_qdcount, qdcount, 0;
    q_ancount, ancount, 1;
    q_nscount, nscount, 2;
    q_arcount, arcount, 3;
}

fn count<'a>(side: Option<&Side>, index: usize) -> Value<'a> {
    maybe(side.filter(|side| !side.lacks.has(Lacks::COUNTS)), |side| Value::U16(side.counts[index]))
}

fn size<'a>(side: Option<&Side>) -> Value<'a> {
    maybe(side.filter(|side| !side.lacks.has(Lacks::LENGTH)), |side| Value::U64(side.length.into()))
}

pub(super) fn query_size<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    size(row.query())
}

pub(super) fn response_size<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    size(row.response())
}

pub(super) fn response_messages<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    let messages = match row.is_unasked() {
        true => Some(1),
        false => row.facts().filter(|facts| facts.is_answered()).map(|facts| facts.answer_messages),
    };
    maybe(messages, |messages| Value::U64(messages.into()))
}

pub(super) fn response_bytes<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(row.answer_bytes(), Value::U64)
}
