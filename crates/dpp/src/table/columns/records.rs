//! The resource records of the messages: sections as lists, and what is asked of answers most often.
//!
//! A list has the records that could be read. Where damage, or the end of what was captured, comes before the first of a
//! section, the section is not empty but unknown. Names and data are those of the message; nothing is sorted or left out but
//! the OPT record, which is none. Of a zone transfer only the first message is kept.

use super::{Context, Scratch, Value, maybe};
use crate::dns::edns::Opt;
use crate::dns::iana::{CLASSES, TYPES};
use crate::dns::name;
use crate::dns::rdata::{rdata_name, write_rdata, write_veiled_rdata};
use crate::dns::{Message, Record, Section};
use crate::limits::RECORDS_TEXT_MAX;
use crate::table::RecordText;
use crate::table::context::{RecordVeil, written};
use crate::transaction::{Lacks, Noted, Side, Spot, Transaction};
use std::net::IpAddr;

const TYPE_CNAME: u16 = 5;

/// The message of a side, if its bytes were kept, and this section of it was written down.
fn message_with<'a>(row: &Transaction<'a>, side: Option<&Side>, section: Section) -> Option<Message<'a>> {
    let lacks = match section {
        Section::Answer => Lacks::ANSWERS,
        Section::Authority => Lacks::AUTHORITY,
        Section::Additional => Lacks::ADDITIONAL,
    };
    message(row, side.filter(|side| !side.lacks.has(lacks)))
}

/// The message of a side, if its bytes were kept.
pub(in crate::table) fn message<'a>(row: &Transaction<'a>, side: Option<&Side>) -> Option<Message<'a>> {
    Message::parse(row.message(side?))
}

/// The records of a section; `None` if there are some, of which none can be read.
pub(in crate::table) fn section<'a>(
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
            let here = message.records_behind_questions()?.skip_while(move |record| record.section < section);
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
    let message = message_with(row, row.response(), Section::Answer)?;
    // They are the first of the message. The very first tells whether any can be read.
    let (first, rest) = match usize::from(message.counts()[1]) {
        0 => (None, message.records(Message::QUESTIONS).take(0)),
        count => {
            let mut records = message.records_behind_questions()?;
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
    context: &Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    let Some(message) = message_with(row, side, which) else { return Value::Null };
    let Some(records) = section(&message, which) else { return Value::Null };
    let is_opt = |record: &Record| which == Section::Additional && Opt::of(record).is_some();
    let (mut owner, of_response) = (Owner::default(), message.is_response());
    // Asked once: of tables that hide nothing there it is what it was.
    let is_veiled = context.hides_in_messages();
    for (index, record) in (0..).zip(records).filter(|(_, record)| !is_opt(record)) {
        let start = scratch.bytes.len();
        let index = u16::try_from(index % (1 << 16)).expect("made to fit");
        let veil = is_veiled.then_some(RecordVeil { context, row, of_response, index });
        let record = write(message.bytes(), &record, veil.as_ref(), &mut owner, scratch);
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
fn write(
    message: &[u8],
    record: &Record,
    veil: Option<&RecordVeil>,
    owner: &mut Owner,
    scratch: &mut Scratch,
) -> RecordText {
    let Scratch { bytes, name, pseudonym, .. } = scratch;
    let start = bytes.len() as u32;
    let pointer = message[record.owner_at..].first_chunk().copied().filter(|pointer| pointer[0] >= 0xC0);
    if pointer.is_some() && pointer == owner.pointer {
        bytes.extend_from_within(owner.start as usize..owner.end as usize);
    } else if let Ok(wire) = record.owner(message, name)
        && let Some(wire) = veil.map_or(Some(wire), |veil| veil.context.name(wire, pseudonym))
    {
        name::write_text(wire, bytes);
    }
    let name_end = bytes.len() as u32;
    *owner = Owner { pointer, start, end: name_end };
    TYPES.write(record.rtype, bytes);
    let rtype_end = bytes.len() as u32;
    CLASSES.write(record.class, bytes);
    let class_end = bytes.len() as u32;
    match veil {
        None => write_rdata(message, record, bytes),
        Some(veil) => write_veiled_rdata(message, record, veil, bytes),
    }
    let (end, ttl) = (bytes.len() as u32, Some(record.ttl));
    RecordText { start, name_end, rtype_end, class_end, end, ttl }
}

pub(super) fn answers<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    list(row, row.response(), Section::Answer, context, scratch)
}

pub(super) fn authority<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    list(row, row.response(), Section::Authority, context, scratch)
}

pub(super) fn additional<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    list(row, row.response(), Section::Additional, context, scratch)
}

pub(super) fn q_answers<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    list(row, row.query(), Section::Answer, context, scratch)
}

pub(super) fn q_authority<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    list(row, row.query(), Section::Authority, context, scratch)
}

pub(super) fn q_additional<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    list(row, row.query(), Section::Additional, context, scratch)
}

/// What lies behind a place that was noted when the response was read.
#[inline]
fn noted<'a>(row: &Transaction<'a>, which: fn(&Noted) -> Option<Spot>) -> Option<(&'a [u8], usize)> {
    let side = row.response()?;
    let spot = which(&side.noted())?;
    Some((row.kept_of(side), spot.at()))
}

/// The first address of a type in the answer section, of so many octets.
#[inline]
fn address<'a, const N: usize>(
    row: &Transaction<'a>,
    context: &Context,
    which: fn(&Noted) -> Option<Spot>,
    scratch: &'a mut Scratch,
) -> Value<'a>
where
    IpAddr: From<[u8; N]>,
{
    let Some((kept, at)) = noted(row, which) else { return Value::Null };
    let Some(octets) = kept.get(at..).and_then(|rest| rest.first_chunk::<N>()) else { return Value::Null };
    let address = IpAddr::from(*octets);
    if !context.hides_in_messages() {
        return Value::Address(address);
    }
    let index = answer(row).and_then(|(_, mut records)| records.position(|record| record.rdata_at == at));
    let index = index.and_then(|index| u16::try_from(index).ok()).unwrap_or(u16::MAX);
    written(context.rdata_address(row, address, index), scratch)
}

pub(super) fn a<'a>(row: &Transaction<'a>, context: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    address::<4>(row, context, |noted| noted.a, scratch)
}

pub(super) fn aaaa<'a>(row: &Transaction<'a>, context: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    address::<16>(row, context, |noted| noted.aaaa, scratch)
}

pub(super) fn cname<'a>(row: &Transaction<'a>, context: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    let Scratch { name, pseudonym, .. } = scratch;
    let target = noted(row, |noted| noted.cname).and_then(|(kept, at)| name::read(kept, at, name).ok());
    maybe(target.and_then(|(target, _)| context.name(target, pseudonym)), Value::Name)
}

pub(super) fn cnames<'a>(row: &Transaction<'a>, context: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    let Some((message, records)) = answer(row).filter(|_| !context.drops_names()) else { return Value::Null };
    for record in records.filter(|record| record.rtype == TYPE_CNAME) {
        let start = scratch.bytes.len();
        let target = rdata_name(message, &record, &mut scratch.name);
        let target = target.and_then(|target| context.name(target, &mut scratch.pseudonym));
        let Some(target) = target else { continue };
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
    maybe(row.response().and_then(|side| side.noted().ttl_min), |ttl| Value::U64(ttl.into()))
}
