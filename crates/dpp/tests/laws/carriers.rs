//! How messages travel: drafts of messages become packets.
//!
//! A draft says when a message is sent and how; here the packets are made of it and put in order: fragments, the segments of
//! streams, copies. Sequence numbers are given in the order of the capture, so that streams come in order whatever the drafts
//! were. Called by `generate.rs`.

use crate::packet::{Bare, Content, Damage, INITIAL_SEQUENCE, Kind, Message, Packet, Part, Question, Tuple};
use std::collections::{BTreeMap, VecDeque};

/// How a message travels.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// If it does not go over TCP.
    pub(crate) carrier: Carrier,
    /// If it does: in how many parts, how many packets lie between them, and whether it follows what is sent before it in the
    /// same segment.
    pub(crate) parts: usize,
    pub(crate) gaps: [usize; 2],
    pub(crate) joined: bool,
    /// How many packets later it is captured once more, and how much its time differs, ns.
    pub(crate) copy: Option<(usize, i64)>,
    pub(crate) damage: Option<Damage>,
    pub(crate) identification: u16,
    pub(crate) tagged: bool,
    pub(crate) tunnelled: bool,
}

/// What carries a datagram.
#[derive(Clone, Debug)]
pub(crate) enum Carrier {
    Plain,
    /// So many fragments, with so many packets between them; the one of number `lost` is.
    Fragments {
        count: usize,
        gaps: [usize; 2],
        lost: usize,
        backwards: bool,
    },
}

impl Way {
    pub(crate) const PLAIN: Way = Way {
        carrier: Carrier::Plain,
        parts: 1,
        gaps: [0; 2],
        joined: false,
        copy: None,
        damage: None,
        identification: 0,
        tagged: false,
        tunnelled: false,
    };

    /// A message that goes this way.
    pub(crate) fn message(&self, kind: Kind, tuple: Tuple, questions: &[Question]) -> Content {
        let is_v4 = tuple.client().0.is_ipv4() && !tuple.is_tcp();
        let kind = match (kind, self.damage) {
            (Kind::Response(code), Some(_)) => Kind::Response(code.of_header()),
            (kind, _) => kind,
        };
        Content::Message(Message {
            kind,
            tuple,
            questions: questions.to_vec(),
            identification: if is_v4 { self.identification } else { 0 },
            damage: self.damage.filter(|_| questions.len() == 1),
            // All segments of one direction of a connection alike, as a segment may have parts of several messages.
            tagged: match (tuple.is_tcp(), kind) {
                (false, _) => self.tagged,
                (true, Kind::Query) => tuple.client == 'B',
                (true, Kind::Response(_)) => tuple.server == 2,
            },
            tunnelled: if tuple.is_tcp() {
                kind == Kind::Query && tuple.client == 'C'
            } else {
                self.tunnelled
            },
        })
    }
}

/// A packet to be: what is drawn, where, and how it goes.
pub(crate) struct Draft {
    pub(crate) place: usize,
    pub(crate) packet: Packet,
    pub(crate) way: Way,
}

/// What is to be captured at a place.
enum Slot {
    Packet(Packet),
    /// A message that enters its stream, or the next part of what is there.
    Stream {
        time_ns: i64,
        message: Message,
        enters: Option<Way>,
    },
}

/// The packets of the drafts, in the order of the capture.
pub(crate) fn carry(drafts: Vec<Draft>) -> Vec<Packet> {
    let mut slots: Vec<(usize, Slot)> = Vec::new();
    // Of each fragmented datagram another one.
    let mut identification = 1000;
    for Draft { place, packet, way } in drafts {
        let Packet { time_ns, content } = packet;
        match content {
            Content::Message(message) if message.tuple.is_tcp() => {
                let parts = way.parts;
                let more = |number: usize| {
                    let gap: usize = way.gaps[..number].iter().sum();
                    let time_ns = time_ns + number as i64;
                    (place + gap, Slot::Stream { time_ns, message: message.clone(), enters: None })
                };
                let more: Vec<_> = (1..parts).map(more).collect();
                slots.push((place, Slot::Stream { time_ns, message: message.clone(), enters: Some(way) }));
                slots.extend(more);
            }
            Content::Message(message) => match way.carrier {
                Carrier::Plain => {
                    let content = Content::Message(message);
                    let copy = way.copy.map(|(later, ns)| (place + later, time_ns + ns));
                    for (place, time_ns) in std::iter::once((place, time_ns)).chain(copy) {
                        slots.push((place, Slot::Packet(Packet { time_ns, content: content.clone() })));
                    }
                }
                Carrier::Fragments { count, gaps, lost, backwards } => {
                    identification += 1;
                    let message = Message { identification, ..message };
                    let mut numbers: Vec<usize> = (1..=count).collect();
                    if backwards {
                        numbers.reverse();
                    }
                    for (at, number) in numbers.into_iter().enumerate().filter(|entry| entry.1 != lost) {
                        let place = place + gaps[..at].iter().sum::<usize>();
                        let content = Content::Fragment(message.clone(), (number, count));
                        slots.push((place, Slot::Packet(Packet { time_ns: time_ns + at as i64, content })));
                    }
                }
            },
            content => slots.push((place, Slot::Packet(Packet { time_ns, content }))),
        }
    }
    slots.sort_by_key(|(place, _)| *place);
    let (mut streams, mut packets) = (Streams::default(), Vec::new());
    for (_, slot) in slots {
        match slot {
            Slot::Packet(packet) => packets.push(packet),
            Slot::Stream { time_ns, message, enters } => {
                streams.send(time_ns, &message, enters, &mut packets)
            }
        }
    }
    packets
}

/// Client and server.
type Ends = (char, u8);

#[derive(Default)]
struct Streams(BTreeMap<(Ends, bool), Stream>);

/// One direction of a connection.
#[derive(Default)]
struct Stream {
    /// How many bytes were sent.
    sent: u32,
    /// What is to be sent: the message, in how many parts, of which how many are sent, and whether it waits for no segment of
    /// its own.
    queue: VecDeque<(Message, usize, usize, bool)>,
}

impl Streams {
    /// Sends what comes next in the stream of a message, which may be that message.
    fn send(&mut self, time_ns: i64, message: &Message, enters: Option<Way>, packets: &mut Vec<Packet>) {
        let ends = (message.tuple.client, message.tuple.server);
        let is_query = message.kind == Kind::Query;
        if !self.0.contains_key(&(ends, true)) {
            self.0.insert((ends, true), Stream::default());
            self.0.insert((ends, false), Stream::default());
            let tuple = Tuple { id: 0, ..message.tuple };
            for (bare, sequence) in [(Bare::Syn, 0), (Bare::SynAck, 0), (Bare::Ack, 1)] {
                let content = Content::Bare(bare, tuple, INITIAL_SEQUENCE.wrapping_add(sequence));
                packets.push(Packet { time_ns, content });
            }
        }
        let stream = self.0.get_mut(&(ends, is_query)).expect("it was opened");
        let copy = enters.as_ref().and_then(|way| way.copy);
        if let Some(way) = enters {
            stream.queue.push_back((message.clone(), way.parts, 0, way.joined));
        }
        let Some((sequence, parts)) = stream.segment() else { return };
        let content = Content::Segment(sequence, parts);
        packets.push(Packet { time_ns, content: content.clone() });
        if let Some((_, ns)) = copy {
            packets.push(Packet { time_ns: time_ns + ns, content });
        }
    }
}

impl Stream {
    /// The next segment: the next part, and behind the last part of a message the first of those that are joined to it.
    fn segment(&mut self) -> Option<(u32, Vec<Part>)> {
        let sequence = INITIAL_SEQUENCE.wrapping_add(1).wrapping_add(self.sent);
        let mut parts = Vec::new();
        while let Some((message, count, sent, joined)) = self.queue.front_mut() {
            if !parts.is_empty() && !*joined {
                break;
            }
            *sent += 1;
            let part = Part { message: message.clone(), number: *sent, count: *count };
            self.sent = self.sent.wrapping_add(part.len() as u32);
            parts.push(part);
            if sent < count {
                break;
            }
            self.queue.pop_front();
        }
        (!parts.is_empty()).then_some((sequence, parts))
    }
}
