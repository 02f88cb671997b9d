//! The names of codes, beside their numbers: IANA's mnemonics, and `TYPE731` and the like for codes that have none.

use super::message::{opcode_of, rcode_of};
use super::{Context, Scratch, Value};
use crate::dns::iana::{self, CLASSES, OPCODES, Registry, TYPES};
use crate::transaction::{Lacks, Transaction};

/// The name of a code; one that is made of its number lies in the scratch.
fn named<'a>(code: u16, registry: &Registry, scratch: &'a mut Scratch) -> Value<'a> {
    match registry.name(code) {
        Some(name) => Value::Word(name),
        None => {
            registry.write(code, &mut scratch.bytes);
            Value::Text(scratch.text())
        }
    }
}

pub(super) fn qtype<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    match row.lacks(Lacks::TYPE) {
        true => Value::Null,
        false => named(row.key().qtype(), &TYPES, scratch),
    }
}

pub(super) fn qclass<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    match row.lacks(Lacks::CLASS) {
        true => Value::Null,
        false => named(row.key().qclass(), &CLASSES, scratch),
    }
}

pub(super) fn opcode<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    match opcode_of(row) {
        Some(code) => named(code, &OPCODES, scratch),
        None => Value::Null,
    }
}

pub(super) fn rcode<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    let Some(code) = rcode_of(row) else { return Value::Null };
    match iana::rcode_name(code) {
        Some(name) => Value::Word(name),
        None => {
            iana::write_rcode(code, &mut scratch.bytes);
            Value::Text(scratch.text())
        }
    }
}
