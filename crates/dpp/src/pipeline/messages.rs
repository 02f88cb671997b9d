//! The program's reading of a capture, message by message, to be compared with others' reading.
//!
//! Cut and decoded as in a run, with one shard and nothing matched.

use super::decode::decode;
use super::defragment::{Defragmenter, join};
use super::late::{End, Late};
use super::pool::Pool;
use super::reading::Reader;
use super::streams::Streams;
use super::{Machine, settings};
use crate::capture::{Cutter, InputError, Inputs};
use crate::packet::Segment;
use crate::plan::Plan;
use crate::stats::Totals;
use crate::transaction::{Assemble, Event, Key, Part, State};

/// A message of a capture, before matching: one for each question of a packet's message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Position of its packet in the capture, from 0.
    pub position: u64,
    /// The packet's timestamp, ns.
    pub time_ns: i64,
    /// The QR bit.
    pub is_response: bool,
    /// Whether it was found only when the capture had ended, behind a hole in its stream. A run then counts it behind the last
    /// packet, wherever its own stands.
    pub is_late: bool,
    /// The response code: of a query as its header has it, of a response extended.
    pub rcode: u16,
    /// Tuple and question.
    pub key: Key<'a>,
}

/// Visits every message of a capture that would be matched, in capture order: the program's reading, to be compared with
/// others'. Returns the counts of packets.
///
/// # Errors
/// [`InputError`] if an input is no capture.
pub fn messages(
    inputs: impl Inputs,
    plan: &Plan,
    machine: &Machine,
    mut visit: impl FnMut(Message),
) -> Result<Totals, InputError> {
    let (pool, mut totals) = (Pool::default(), Totals::default());
    let reader = Reader::new(plan, machine.seed);
    let (mut streams, mut defragmenter) = (Streams::new(reader, 0, 1, &pool), Defragmenter::new(plan, 0, 1));
    let mut cutter = Cutter::new(inputs, settings(plan, machine))?;
    let mut end = End::default();
    while let Some(chunk) = cutter.next(pool.chunk())? {
        let mut decoded = decode(&chunk, &reader, 1, &pool, &mut totals);
        let wholes = defragmenter.take(&decoded.fragments[0]);
        join(&mut decoded, &[wholes], &reader, &mut totals);
        visit_all(&mut decoded.parts[0], &mut streams, |met| match met {
            Met::Message(message) => visit(message),
            Met::Segment(..) => {}
        });
        end = End::of(&chunk, end);
        pool.recycle_chunk(chunk);
    }
    let mut late = Late::default();
    streams.flush(&mut late);
    if let Some((mut decoded, positions)) = late.decode(&reader, end, 1, &pool, &mut totals) {
        visit_all(&mut decoded.parts[0], &mut streams, |met| match met {
            Met::Message(message) => visit(message.moved_to(&positions, end)),
            Met::Segment(..) => {}
        });
    }
    totals.merge(&streams.finish());
    totals.merge(&defragmenter.finish());
    Ok(totals)
}

/// What is met on the way through a part.
pub(super) enum Met<'a> {
    /// A message.
    Message(Message<'a>),
    /// A segment and its position, before the messages that it completes.
    Segment(u64, Segment<'a>),
}

/// Goes through a part in capture order.
pub(super) fn visit_all(part: &mut Part, streams: &mut Streams, mut visit: impl FnMut(Met)) {
    streams.begin(part);
    let sequence = match std::mem::take(&mut part.sequence) {
        sequence if sequence.is_empty() => (0..part.events.len() as u32).collect(),
        sequence => sequence,
    };
    for index in sequence {
        let event = part.events[index as usize];
        visit_streams(part, streams, part.position(&event), &mut visit);
        if event.state != State::Sweep {
            visit(Met::Message(Message::of(part, &event)));
        }
    }
    visit_streams(part, streams, u64::MAX, &mut visit);
}

/// Visits the segments before a position, and the messages that they complete.
fn visit_streams(part: &mut Part, streams: &mut Streams, before: u64, visit: &mut impl FnMut(Met)) {
    while streams.next_position() < before {
        visit(Met::Segment(streams.next_position(), streams.next_segment()));
        let first = part.events.len();
        streams.assemble(part);
        part.events[first..].iter().for_each(|event| visit(Met::Message(Message::of(part, event))));
    }
}

impl<'a> Message<'a> {
    /// The same at the packet that brought it, if it was found behind the end of the capture.
    pub(super) fn moved_to(self, positions: &[u64], end: End) -> Self {
        Message { position: positions[(self.position - end.position) as usize], is_late: true, ..self }
    }

    fn of(part: &'a Part, event: &Event) -> Self {
        Message {
            position: part.position(event),
            time_ns: event.time_ns,
            is_response: !event.state.is_query(),
            is_late: false,
            rcode: event.rcode,
            key: part.key(event),
        }
    }
}
