//! What became of single packets, for people who look for one.
//!
//! One sequential reading with one shard, as in [`messages`](super::messages()), that asks of each packet in question: which
//! messages did it carry or complete, why was it skipped, or what did it wait for? A segment or fragment may be decided many
//! packets later; the reading ends when all are.

use super::decode::{Decoded, decode};
use super::defragment::{Defragmenter, join};
use super::late::{End, Late};
use super::messages::{Message, Met, visit_all};
use super::pool::Pool;
use super::reading::Reader;
use super::streams::Streams;
use super::{Machine, settings};
use crate::capture::{Chunk, Cutter, InputError, Inputs};
use crate::limits;
use crate::packet::{Addresses, Segment, Skip, Skipped};
use crate::plan::Plan;
use crate::stats::Totals;
use crate::stream::fragments;
use crate::stream::tcp::Decided;
use crate::transaction::Transport;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// A packet and what became of it. A packet that is neither skipped, nor has messages, nor waited, was used all the same: a
/// multicast response, which is only counted, or a message of which nothing can be read.
#[derive(Clone, Debug)]
pub struct Fate {
    /// Its position in the capture, from 0.
    pub position: u64,
    /// Its timestamp, ns.
    pub time_ns: i64,
    /// Its link type.
    pub linktype: u16,
    /// What was captured of it.
    pub bytes: Vec<u8>,
    /// The messages that it carries or completes, one for each question.
    pub messages: Vec<Carried>,
    /// Why it was not used.
    pub skip: Option<Skip>,
    /// What it is a part of, if it has no message of its own.
    pub part: Option<PartOf>,
    /// The position of the packet that completed what it is a part of; of a stream, the next message.
    pub completed_at: Option<u64>,
}

/// What takes several packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartOf {
    /// A fragmented datagram.
    Datagram,
    /// A TCP stream.
    Stream,
}

/// A message, or one question of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The QR bit.
    pub is_response: bool,
    /// The response code.
    pub rcode: u16,
    /// What carried it.
    pub transport: Transport,
    /// The DNS id.
    pub id: u16,
    /// The client.
    pub client: IpAddr,
    /// The client's port.
    pub client_port: u16,
    /// The server, or the unspecified address if any may answer.
    pub server: IpAddr,
    /// The server's port.
    pub server_port: u16,
    /// The name in wire form; empty if there is no question that can be read.
    pub name: Vec<u8>,
    /// The type asked for.
    pub qtype: u16,
}

impl From<&Message<'_>> for Carried {
    fn from(message: &Message) -> Self {
        let Message { is_response, rcode, key, .. } = message;
        Carried {
            is_response: *is_response,
            rcode: *rcode,
            transport: key.transport(),
            id: key.id(),
            client: key.client(),
            client_port: key.client_port(),
            server: key.server(),
            server_port: key.server_port(),
            name: key.name().to_vec(),
            qtype: key.qtype(),
        }
    }
}

/// Tells what became of the packets at these positions, as far as the capture has them, in order.
///
/// # Errors
/// [`InputError`] if an input is no capture.
pub fn fates(
    inputs: impl Inputs,
    plan: &Plan,
    machine: &Machine,
    wanted: &BTreeSet<u64>,
) -> Result<Vec<Fate>, InputError> {
    let (pool, mut totals) = (Pool::default(), Totals::default());
    let reader = Reader::new(plan, machine.seed);
    let (mut streams, mut defragmenter) = (Streams::new(reader, 0, 1, &pool), Defragmenter::new(plan, 0, 1));
    totals.skips.log();
    streams.log();
    defragmenter.log();
    let mut cutter = Cutter::new(inputs, settings(plan, machine))?;
    let mut trace = Trace::new(wanted);
    let mut end = End::default();
    while !trace.is_over() {
        let Some(chunk) = cutter.next(pool.chunk())? else {
            trace.has_ended = true;
            break;
        };
        trace.copy_from(&chunk);
        let mut decoded = decode(&chunk, &reader, 1, &pool, &mut totals);
        trace.fragments(&decoded);
        let wholes = defragmenter.take(&decoded.fragments[0]);
        wholes.positions().for_each(|position| trace.put_together(position));
        join(&mut decoded, &[wholes], &reader, &mut totals);
        let mut held = Vec::new();
        visit_all(&mut decoded.parts[0], &mut streams, |met| held.push(Held::from(met)));
        held.into_iter().for_each(|met| trace.see(met));
        for skipped in
            [totals.skips.drain_log(), streams.drain_log(), defragmenter.drain_log()].into_iter().flatten()
        {
            trace.skipped(skipped);
        }
        streams.drain_decided().iter().for_each(|decided| trace.decided(decided));
        trace.here.clear();
        trace.next_position = chunk.first_position + chunk.records.len() as u64;
        end = End::of(&chunk, end);
        pool.recycle_chunk(chunk);
    }
    let mut late = Late::default();
    if trace.has_ended {
        streams.flush(&mut late);
    }
    if let Some((mut decoded, positions)) = late.decode(&reader, end, 1, &pool, &mut totals) {
        let mut held = Vec::new();
        visit_all(&mut decoded.parts[0], &mut streams, |met| {
            if let Met::Message(message) = met {
                held.push(Held::from(Met::Message(message.moved_to(&positions, end))));
            }
        });
        held.into_iter().for_each(|met| trace.see(met));
    }
    let [streams, fragments] = [streams.finish(), defragmenter.finish()];
    let late = [streams, fragments].into_iter().flat_map(|mut totals| totals.skips.drain_log());
    late.for_each(|skipped| trace.skipped(skipped));
    Ok(trace.fates.into_values().collect())
}

/// One direction of a connection: source and destination, each with its port.
type Direction = (IpAddr, u16, IpAddr, u16);

fn direction(segment: &Segment) -> Direction {
    let (source, destination) = match segment.flow.addresses {
        Addresses::V4 { source, destination } => ((*source).into(), (*destination).into()),
        Addresses::V6 { source, destination } => ((*source).into(), (*destination).into()),
    };
    (source, segment.flow.source_port, destination, segment.flow.destination_port)
}

impl Carried {
    fn direction(&self) -> Direction {
        let (client, server) = ((self.client, self.client_port), (self.server, self.server_port));
        let (from, to) = if self.is_response { (server, client) } else { (client, server) };
        (from.0, from.1, to.0, to.1)
    }
}

/// What is met on the way through a part, kept.
enum Held {
    Message(u64, Carried),
    Segment(u64, Direction),
}

impl From<Met<'_>> for Held {
    fn from(met: Met) -> Self {
        match met {
            Met::Message(message) => Held::Message(message.position, (&message).into()),
            Met::Segment(position, segment) => Held::Segment(position, direction(&segment)),
        }
    }
}

/// The packets that are traced.
struct Trace<'a> {
    wanted: &'a BTreeSet<u64>,
    fates: BTreeMap<u64, Fate>,
    next_position: u64,
    /// Datagrams that are not whole, and the positions of their first fragments; both ways.
    begun: HashMap<fragments::Key, u64>,
    firsts: HashMap<u64, fragments::Key>,
    /// The fragments of the chunk at hand.
    here: HashMap<u64, fragments::Key>,
    /// Traced fragments, while their datagrams are not whole.
    fragments: HashMap<fragments::Key, Vec<u64>>,
    /// Traced segments without a message so far.
    segments: HashMap<Direction, Vec<u64>>,
    /// Traced segments of which it is not known whether they were used.
    undecided: BTreeSet<u64>,
    /// Whether all of the capture was read.
    has_ended: bool,
}

impl<'a> Trace<'a> {
    fn new(wanted: &'a BTreeSet<u64>) -> Self {
        Trace {
            wanted,
            fates: BTreeMap::new(),
            next_position: 0,
            begun: HashMap::new(),
            firsts: HashMap::new(),
            here: HashMap::new(),
            fragments: HashMap::new(),
            segments: HashMap::new(),
            undecided: BTreeSet::new(),
            has_ended: false,
        }
    }

    /// Whether nothing is left to be found out.
    fn is_over(&self) -> bool {
        let is_behind = self.wanted.last().is_none_or(|&last| last < self.next_position);
        is_behind && self.fragments.is_empty() && self.segments.is_empty() && self.undecided.is_empty()
    }

    /// Copies the packets in question.
    fn copy_from(&mut self, chunk: &Chunk) {
        let end = chunk.first_position + chunk.records.len() as u64;
        for &position in self.wanted.range(chunk.first_position..end) {
            let record = &chunk.records[(position - chunk.first_position) as usize];
            let fate = Fate {
                position,
                time_ns: record.time_ns,
                linktype: record.linktype,
                bytes: chunk.packet(record).to_vec(),
                messages: Vec::new(),
                skip: None,
                part: None,
                completed_at: None,
            };
            self.fates.insert(position, fate);
        }
    }

    /// Notes the fragments of a chunk.
    fn fragments(&mut self, decoded: &Decoded) {
        for (position, fragment) in decoded.fragments.iter().flat_map(|fragments| fragments.iter()) {
            let datagram = fragments::Key::of(&fragment);
            self.here.insert(position, datagram);
            self.begin(datagram, position);
            if let Some(fate) = self.fates.get_mut(&position) {
                fate.part = Some(PartOf::Datagram);
                self.fragments.entry(datagram).or_default().push(position);
            }
        }
    }

    fn begin(&mut self, datagram: fragments::Key, position: u64) {
        if self.begun.len() >= limits::TRACED_DATAGRAMS_MAX {
            self.begun.clear();
            self.firsts.clear();
        }
        if let Entry::Vacant(vacant) = self.begun.entry(datagram) {
            vacant.insert(position);
            self.firsts.insert(position, datagram);
        }
    }

    /// A datagram is decided. Gives the traced fragments of it.
    fn end(&mut self, datagram: &fragments::Key) -> Vec<u64> {
        self.begun.remove(datagram).map(|first| self.firsts.remove(&first));
        self.fragments.remove(datagram).unwrap_or_default()
    }

    /// The packet at this position completed its datagram.
    fn put_together(&mut self, at: u64) {
        let Some(datagram) = self.here.get(&at).copied() else { return };
        for position in self.end(&datagram) {
            self.set(position, |fate| fate.completed_at = Some(at));
        }
    }

    fn see(&mut self, met: Held) {
        match met {
            Held::Segment(position, direction) => {
                if let Some(fate) = self.fates.get_mut(&position) {
                    fate.part = Some(PartOf::Stream);
                    self.segments.entry(direction).or_default().push(position);
                    self.undecided.insert(position);
                }
            }
            Held::Message(at, message) => {
                if message.transport == Transport::Tcp {
                    for position in self.segments.remove(&message.direction()).unwrap_or_default() {
                        self.set(position, |fate| fate.completed_at = Some(at));
                    }
                }
                self.set(at, |fate| fate.messages.push(message));
            }
        }
    }

    fn decided(&mut self, decided: &Decided) {
        self.undecided.remove(&decided.position);
    }

    /// Packets that shared a fate: one alone, or those of a datagram, whose first or completing fragment is named.
    fn skipped(&mut self, Skipped { skip, position: at, volume }: Skipped) {
        if let Some(fate) = self.fates.get_mut(&at) {
            fate.skip = Some(skip);
            if fate.part == Some(PartOf::Stream) {
                // It gave nothing to the stream.
                (fate.part, fate.completed_at) = (None, None);
            }
            let waiting = self.segments.values_mut().chain(self.fragments.values_mut());
            waiting.for_each(|positions| positions.retain(|&position| position != at));
            self.segments.retain(|_, positions| !positions.is_empty());
            self.fragments.retain(|_, positions| !positions.is_empty());
        }
        if volume.packets == 1 {
            return;
        }
        let of_whole = self.fates.values_mut().filter(|fate| fate.completed_at == Some(at));
        of_whole.for_each(|fate| fate.skip = Some(skip));
        let (given_up, unreadable) = (self.firsts.get(&at).copied(), self.here.get(&at).copied());
        let Some(datagram) = given_up.or(unreadable) else { return };
        let completed_at = given_up.is_none().then_some(at);
        for position in self.end(&datagram) {
            self.set(position, |fate| (fate.skip, fate.completed_at) = (Some(skip), completed_at));
        }
    }

    fn set(&mut self, position: u64, change: impl FnOnce(&mut Fate)) {
        if let Some(fate) = self.fates.get_mut(&position) {
            change(fate);
        }
    }
}
