//! The resource records of the messages: sections as lists, and what is asked of answers most often.
//!
//! A list has the records that could be read. Where damage, or the end of what was captured, comes before the first of a
//! section, the section is not empty but unknown. Names and data are those of the message; nothing is sorted or left out but
//! the OPT record, which is none. Of a zone transfer only the first message is kept.

use super::{Context, Scratch, Value, maybe};
use crate::dns::edns::Opt;
use crate::dns::iana::{CLASSES, TYPES};
use crate::dns::name;
use crate::dns::rdata::{rdata_address, rdata_name, write_rdata};
use crate::dns::{Message, Record, Section};
use crate::limits::RECORDS_TEXT_MAX;
use crate::table::RecordText;
use crate::transaction::{Side, Transaction};
use std::net::IpAddr;

const TYPE_A: u16 = 1;
const TYPE_CNAME: u16 = 5;
const TYPE_AAAA: u16 = 28;

/// The message of a side, if its bytes were kept.
fn message<'a>(row: &Transaction<'a>, side: Option<&Side>) -> Option<Message<'a>> {
    Message::parse(row.kept(side?.message))
}

/// The records of a message, as far as they can be read; `None` if it cannot be told where they begin.
fn records<'a>(message: &Message<'a>) -> Option<crate::dns::Records<'a>> {
    let mut at = Message::QUESTIONS;
    for _ in 0..message.question_count() {
        at = message.skip_question(at).ok()?;
    }
    Some(message.records(at))
}

/// The records of a section; `None` if there are some, of which none can be read.
fn section<'a>(
    message: &Message<'a>,
    section: Section,
) -> Option<impl Iterator<Item = Record<'a>> + use<'a>> {
    let [_, answers, authorities, additionals] = message.counts();
    let announced = match section {
        Section::Answer => answers,
        Section::Authority => authorities,
        Section::Additional => additionals,
    };
    let mut inside = match announced {
        0 => None,
        _ => {
            let here = records(message)?.skip_while(move |record| record.section < section);
            Some(here.take_while(move |record| record.section == section).peekable())
        }
    };
    match inside.as_mut().map(|inside| inside.peek().is_some()) {
        Some(false) => None,
        _ => Some(inside.into_iter().flatten()),
    }
}

/// The records of the answer section of the response, as far as they can be read.
fn answer<'a>(row: &Transaction<'a>) -> Option<(&'a [u8], impl Iterator<Item = Record<'a>> + use<'a>)> {
    let message = message(row, row.response())?;
    // They are the first of the message. The very first tells whether any can be read.
    let (first, rest) = match usize::from(message.counts()[1]) {
        0 => (None, message.records(Message::QUESTIONS).take(0)),
        count => {
            let mut records = records(&message)?;
            (Some(records.next()?), records.take(count - 1))
        }
    };
    Some((message.bytes(), first.into_iter().chain(rest)))
}

/// A section as a list.
fn list<'a>(
    row: &Transaction<'a>,
    side: Option<&Side>,
    which: Section,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    let Some(message) = message(row, side) else { return Value::Null };
    let Some(records) = section(&message, which) else { return Value::Null };
    let is_opt = |record: &Record| which == Section::Additional && Opt::of(record).is_some();
    let mut owner = Owner::default();
    for record in records.filter(|record| !is_opt(record)) {
        let start = scratch.bytes.len();
        let record = write(message.bytes(), &record, &mut owner, scratch);
        if scratch.bytes.len() > RECORDS_TEXT_MAX {
            scratch.bytes.truncate(start);
            break;
        }
        scratch.records.push(record);
    }
    Value::Records(scratch.records())
}

/// The owner that was written last. The records of a set have the same, and nearly always by the same pointer.
#[derive(Clone, Copy, Default)]
struct Owner {
    pointer: Option<[u8; 2]>,
    start: u32,
    end: u32,
}

/// Writes a record into the scratch.
fn write(message: &[u8], record: &Record, owner: &mut Owner, scratch: &mut Scratch) -> RecordText {
    let Scratch { bytes, name, .. } = scratch;
    let start = bytes.len() as u32;
    let pointer = message[record.owner_at..].first_chunk().copied().filter(|pointer| pointer[0] >= 0xC0);
    if pointer.is_some() && pointer == owner.pointer {
        bytes.extend_from_within(owner.start as usize..owner.end as usize);
    } else if let Ok(wire) = record.owner(message, name) {
        name::write_text(wire, bytes);
    }
    let name_end = bytes.len() as u32;
    *owner = Owner { pointer, start, end: name_end };
    TYPES.write(record.rtype, bytes);
    let rtype_end = bytes.len() as u32;
    CLASSES.write(record.class, bytes);
    let class_end = bytes.len() as u32;
    write_rdata(message, record, bytes);
    let (end, ttl) = (bytes.len() as u32, Some(record.ttl));
    RecordText { start, name_end, rtype_end, class_end, end, ttl }
}

pub(super) fn answers<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    list(row, row.response(), Section::Answer, scratch)
}

pub(super) fn authority<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    list(row, row.response(), Section::Authority, scratch)
}

pub(super) fn additional<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    list(row, row.response(), Section::Additional, scratch)
}

pub(super) fn q_answers<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    list(row, row.query(), Section::Answer, scratch)
}

pub(super) fn q_authority<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    list(row, row.query(), Section::Authority, scratch)
}

pub(super) fn q_additional<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    list(row, row.query(), Section::Additional, scratch)
}

/// The first address of this type in the answer section.
fn address<'a>(row: &Transaction<'a>, rtype: u16) -> Option<IpAddr> {
    answer(row)?.1.filter(|record| record.rtype == rtype).find_map(|record| rdata_address(&record))
}

pub(super) fn a<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(address(row, TYPE_A), Value::Address)
}

pub(super) fn aaaa<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(address(row, TYPE_AAAA), Value::Address)
}

pub(super) fn cname<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    let first = answer(row).and_then(|(message, mut records)| {
        let record = records.find(|record| record.rtype == TYPE_CNAME)?;
        rdata_name(message, &record, &mut scratch.name)
    });
    maybe(first, Value::Name)
}

pub(super) fn cnames<'a>(row: &Transaction<'a>, _: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    let Some((message, records)) = answer(row) else { return Value::Null };
    for record in records.filter(|record| record.rtype == TYPE_CNAME) {
        let start = scratch.bytes.len();
        let Some(target) = rdata_name(message, &record, &mut scratch.name) else { continue };
        name::write_text(target, &mut scratch.bytes);
        if scratch.bytes.len() > RECORDS_TEXT_MAX {
            scratch.bytes.truncate(start);
            break;
        }
        scratch.end_text();
    }
    Value::Texts(scratch.texts())
}

pub(super) fn ttl_min<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    let least = answer(row).and_then(|(_, records)| records.map(|record| record.ttl).min());
    maybe(least, |ttl| Value::U64(ttl.into()))
}
