//! Decoding: a chunk of packets becomes, for each shard, a part of events.
//!
//! The one loop over packets. Each is walked down to its message and counted, as used or as skipped; each question of a
//! message becomes an event in the part of the shard that its tuple's hash chooses.

use super::pool::Pool;
use super::rows::Row;
use crate::capture::{Chunk, Record};
use crate::dns::{self, Malformed, Question};
use crate::limits;
use crate::packet::{self, Datagram, Skip};
use crate::plan::Plan;
use crate::stats::Totals;
use crate::transaction::{Event, Part, State, Tuple};

/// A chunk as events: a part for each shard, and its queries in capture order.
pub(super) struct Decoded {
    pub parts: Vec<Part>,
    pub order: Vec<Row>,
}

/// Decodes the packets of `chunk` and counts them in `totals`.
pub(super) fn decode(
    chunk: &Chunk,
    plan: &Plan,
    shards: usize,
    seed: u64,
    pool: &Pool,
    totals: &mut Totals,
) -> Decoded {
    let parts = (0..shards).map(|_| pool.part(chunk.first_position)).collect();
    let decoded = Decoded { parts, order: pool.order() };
    let mut decoder = Decoder { plan, seed, totals, decoded, before_ns: chunk.clock_before_ns, packet: 0 };
    let mut scratch = [0; dns::name::WIRE_MAX];
    for record in &chunk.records {
        decoder.record(record, chunk.packet(record), chunk.first_position, &mut scratch);
    }
    decoder.decoded
}

/// Where compressed names are written out. Cleared once a chunk, as clearing it for every message would show.
type Scratch = [u8; dns::name::WIRE_MAX];

struct Decoder<'a> {
    plan: &'a Plan,
    seed: u64,
    totals: &'a mut Totals,
    decoded: Decoded,
    /// The clock before the packet at hand.
    before_ns: i64,
    /// The packet at hand, counted from 0 in its chunk.
    packet: u32,
}

impl Decoder<'_> {
    #[inline(always)]
    fn record(&mut self, record: &Record, bytes: &[u8], first_position: u64, scratch: &mut Scratch) {
        let position = first_position + u64::from(self.packet);
        if record.clock_ns < self.before_ns || position.is_multiple_of(self.plan.limits.sweep_packets) {
            self.sweep(record);
        }
        self.totals.read.add(bytes.len());
        match self.packet(record, bytes, scratch) {
            Ok(()) => self.totals.used.add(bytes.len()),
            Err(skip) => self.totals.skip(skip, bytes.len()),
        }
        self.before_ns = record.clock_ns;
        self.packet += 1;
    }

    #[inline(always)]
    fn packet(&mut self, record: &Record, bytes: &[u8], scratch: &mut Scratch) -> Result<(), Skip> {
        let datagram = packet::decode(record.linktype, bytes)?;
        if datagram.source_port != self.plan.port && datagram.destination_port != self.plan.port {
            return Err(Skip::Port);
        }
        let message = dns::Message::parse(datagram.payload).ok_or(Skip::DnsHeaderCut)?;
        self.message(record, &datagram, &message, scratch)?;
        self.totals.messages_cut += u64::from(datagram.payload.len() < datagram.payload_length);
        Ok(())
    }

    /// A message becomes an event for each of its questions.
    #[inline(always)]
    fn message(
        &mut self,
        record: &Record,
        datagram: &Datagram,
        message: &dns::Message,
        scratch: &mut Scratch,
    ) -> Result<(), Skip> {
        let is_response = message.is_response();
        let tuple = Tuple::of(datagram, message.id(), is_response);
        let state = if is_response { State::Response } else { State::Open };
        match message.question_count() {
            1 => {
                let (question, end) = message.question(dns::Message::QUESTIONS, scratch).map_err(skip_of)?;
                let rcode = self.rcode(message, end);
                self.event(record, &tuple, Some(&question), state, rcode);
            }
            0 if !is_response => return Err(Skip::DnsQueryWithoutQuestion),
            0 => {
                let rcode = self.rcode(message, dns::Message::QUESTIONS);
                self.event(record, &tuple, None, State::BareResponse, rcode);
            }
            count => self.questions(record, message, &tuple, state, count)?,
        }
        Ok(())
    }

    /// A message with several questions. Those that can be read count; a bad first one spoils the message.
    #[cold]
    fn questions(
        &mut self,
        record: &Record,
        message: &dns::Message,
        tuple: &Tuple,
        state: State,
        count: u16,
    ) -> Result<(), Skip> {
        let (readable, end) = readable_questions(message, count)?;
        let rcode = if readable == count { self.rcode(message, end) } else { message.header_rcode() };
        let taken = readable.min(limits::QUESTIONS_MAX);
        self.totals.questions_unread += u64::from(count - taken);
        let mut at = dns::Message::QUESTIONS;
        for _ in 0..taken {
            let mut scratch = [0; dns::name::WIRE_MAX];
            let (question, next) = message.question(at, &mut scratch).map_err(skip_of)?;
            self.event(record, tuple, Some(&question), state, rcode);
            at = next;
        }
        Ok(())
    }

    /// The complete response code, or that of the header if the records cannot be walked. Queries have the header's.
    #[inline(always)]
    fn rcode(&mut self, message: &dns::Message, questions_end: usize) -> u16 {
        if !message.is_response() {
            return message.header_rcode();
        }
        message.response_code(questions_end).unwrap_or_else(|_| {
            self.totals.records_unread += 1;
            message.header_rcode()
        })
    }

    #[inline(always)]
    fn event(
        &mut self,
        record: &Record,
        tuple: &Tuple,
        question: Option<&Question>,
        state: State,
        rcode: u16,
    ) {
        let hash = tuple.hash(self.seed);
        let shard = ((u64::from(hash) * self.decoded.parts.len() as u64) >> 32) as usize;
        let part = &mut self.decoded.parts[shard];
        if state == State::Open {
            self.decoded.order.push(Row::new(shard, part.events.len()));
        }
        part.events.push(Event {
            time_ns: record.time_ns,
            before_ns: self.before_ns,
            after_ns: record.clock_ns,
            rtt_ns: 0,
            hash,
            key: part.keys.len() as u32,
            packet: self.packet,
            rcode,
            name_length: question.map_or(0, |question| question.name.len() as u8),
            state,
        });
        tuple.write(question, &mut part.keys);
    }

    /// Tells all shards that here everything due must be forgotten. After that nothing is due for this packet's events,
    /// so that they can start from a clock that has gone back, and those of one message do not forget each other.
    #[cold]
    fn sweep(&mut self, record: &Record) {
        let sweep = Event::sweep(self.before_ns, record.clock_ns, self.packet);
        self.decoded.parts.iter_mut().for_each(|part| part.events.push(sweep));
        self.before_ns = self.before_ns.min(record.clock_ns);
    }
}

/// How many of `count` questions can be read, and where they end. The first must be readable.
fn readable_questions(message: &dns::Message, count: u16) -> Result<(u16, usize), Skip> {
    let mut scratch = [0; dns::name::WIRE_MAX];
    let (_, mut at) = message.question(dns::Message::QUESTIONS, &mut scratch).map_err(skip_of)?;
    let mut readable = 1;
    while readable < count {
        let Ok((_, next)) = message.question(at, &mut scratch) else { break };
        (at, readable) = (next, readable + 1);
    }
    Ok((readable, at))
}

/// The reason to skip a message whose first question cannot be read.
#[cold]
fn skip_of(malformed: Malformed) -> Skip {
    match malformed {
        Malformed::Cut => Skip::DnsQuestionCut,
        Malformed::Label | Malformed::Pointer => Skip::DnsQuestionMalformed,
        Malformed::NameTooLong => Skip::DnsNameTooLong,
    }
}
