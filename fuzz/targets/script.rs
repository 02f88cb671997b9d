//! Scripts: bytes from which described packets are made, eight bytes a packet.
//!
//! The laws draw their scenes with a strategy; libFuzzer mutates bytes. With a fixed length for each step, inserting,
//! removing and copying bytes insert, remove and copy packets, and a step refers to packets before it ("answer that one,
//! exactly T later"), so messages meet. Called by `scene`.

use crate::carriers::{Carrier, Draft, Way, carry};
use crate::packet::{
    CLIENTS, Code, Content, Damage, EPOCH_NS, Kind, LAST_NS, Message, Other, Packet, Question, SECOND, Tuple,
};
use dpp::plan::Plan;

const MILLISECOND: i64 = 1_000_000;

/// More make a run slow and show nothing new.
const PACKETS_MAX: usize = 200;

/// The packets that a script describes, in the order of the capture.
pub fn play(script: &[u8], plan: &Plan) -> Vec<Packet> {
    let (mut drawn, mut drafts) = (Vec::new(), Vec::new());
    let mut now = EPOCH_NS;
    for (place, step) in script.as_chunks().0.iter().take(PACKETS_MAX).enumerate() {
        let step = Step(*step);
        let time_ns = step.time_ns(&drawn, &mut now, plan).clamp(0, LAST_NS);
        let packet = Packet { time_ns, content: step.content(&drawn) };
        drafts.push(Draft { place, packet: packet.clone(), way: step.way() });
        drawn.push(packet);
    }
    let mut packets = carry(drafts);
    packets.iter_mut().for_each(|packet| packet.time_ns = packet.time_ns.clamp(0, LAST_NS));
    packets
}

/// ```text
///  what | how many back | length | sign, way, jitter | who | what is asked | code | how asked
/// ```
struct Step([u8; 8]);

impl Step {
    /// The packets from the one referred to back to the first.
    fn before<'a>(&self, packets: &'a [Packet]) -> impl Iterator<Item = &'a Packet> + use<'a> {
        packets.iter().rev().skip(usize::from(self.0[1]) % packets.len().max(1))
    }

    /// The upper bits say from where time is counted: from the packet before and it goes on, so that only this packet is
    /// off, or from the one referred to.
    fn time_ns(&self, packets: &[Packet], now: &mut i64, plan: &Plan) -> i64 {
        match (self.0[2] >> 6, self.before(packets).next()) {
            (2, _) => *now + self.distance_ns(plan),
            (3, Some(reference)) => reference.time_ns + self.distance_ns(plan),
            _ => {
                *now = (*now + self.distance_ns(plan)).clamp(0, LAST_NS);
                *now
            }
        }
    }

    /// A length of the rules or of the clock on the wall, forwards or backwards, and a nanosecond more or less.
    fn distance_ns(&self, plan: &Plan) -> i64 {
        let (timeout, disorder, jump) = (plan.match_timeout_ns, plan.limits.disorder_ns, plan.limits.jump_ns);
        let lengths = [
            0,
            MILLISECOND,
            30 * MILLISECOND,
            400 * MILLISECOND,
            timeout,
            disorder,
            timeout + disorder,
            jump,
            jump + timeout,
            3 * SECOND,
            9 * SECOND,
            60 * SECOND,
            3_600 * SECOND,
            315_000_000 * SECOND,
            2_600_000_000 * SECOND,
            timeout / 2,
        ];
        let length = lengths[usize::from(self.0[2] & 15)];
        let sign = if self.0[3] & 0x80 == 0 { 1 } else { -1 };
        sign * length + [0, 0, 1, -1][usize::from(self.0[3] & 3)]
    }

    fn content(&self, packets: &[Packet]) -> Content {
        let messages = || {
            self.before(packets).filter_map(|packet| match &packet.content {
                Content::Message(message) => Some(message),
                _ => None,
            })
        };
        match self.0[0] % 8 {
            0..=2 => self.message(Kind::Query),
            3 => self.message(Kind::Response(self.code())),
            4 | 5 => match messages().find(|message| message.kind == Kind::Query) {
                Some(query) => self.take_up(query, Kind::Response(self.code())),
                None => Content::Other(Other::Tcp),
            },
            6 => match messages().next() {
                Some(first) => self.take_up(first, first.kind),
                None => Content::Other(Other::Arp),
            },
            _ => {
                let others = [Other::Arp, Other::Tcp, Other::Port, Other::Empty, Other::Half];
                Content::Other(others[usize::from(self.0[5]) % others.len()])
            }
        }
    }

    /// A message that refers to nothing.
    fn message(&self, kind: Kind) -> Content {
        self.way().message(kind, self.tuple(), &self.questions())
    }

    /// How a message travels.
    fn way(&self) -> Way {
        let fragments = |count, gaps, lost, backwards| Carrier::Fragments { count, gaps, lost, backwards };
        let plain = Way { tagged: self.0[7] & 8 != 0, ..Way::PLAIN };
        match self.0[3] >> 2 & 31 {
            way @ 16..=19 => {
                let (count, gap) = (2 + usize::from(way & 1), usize::from(way >> 1 & 1));
                Way { carrier: fragments(count, [gap, 2], 0, false), ..plain }
            }
            20 => Way { carrier: fragments(3, [0, 1], 2, false), ..plain },
            21 => Way { carrier: fragments(3, [1, 1], 0, true), ..plain },
            way @ 22..=25 => {
                let (parts, gap) = (2 + usize::from(way & 1), usize::from(way >> 1 & 1));
                Way { parts, gaps: [gap, 2], ..plain }
            }
            26 => Way { joined: true, ..plain },
            27 => Way { copy: Some((0, 0)), ..plain },
            28 => Way { copy: Some((1, 30 * MILLISECOND)), ..plain },
            29 => Way { damage: Some(Damage::NameCut), ..plain },
            30 => Way { damage: Some(Damage::ClassCut), ..plain },
            31 => Way { damage: Some(Damage::BadLabel), ..plain },
            _ => plain,
        }
    }

    fn tuple(&self) -> Tuple {
        let who = self.0[4];
        let client = CLIENTS[usize::from(who & 7) % CLIENTS.len()].0;
        // Only who asks from port 53 can be understood by server 3, which would not be seen to speak DNS otherwise.
        let server = match (who >> 3 & 3) + 1 {
            3 if !"ef".contains(client) => 1,
            server => server,
        };
        let id = 7 + u16::from(who >> 6 & 1);
        // Nobody connects to himself, and no two connections have the same ends.
        match (who >> 7, client, server) {
            (0, ..) => Tuple { client, server, id },
            (_, 'f', _) => Tuple { client: 'A', server: 1, id },
            (_, _, 4) => Tuple { client: client.to_ascii_uppercase(), server: 1, id },
            _ => Tuple { client: client.to_ascii_uppercase(), server, id },
        }
    }

    /// Questions: none, one, or some that differ in name or type.
    fn questions(&self) -> Vec<Question> {
        let names = ["www", "WwW", "mail", "", "www.example", "a.example", "WWW.example", "www"];
        let types = [(1, 1), (28, 1), (1, 3), (252, 1)];
        let count = [1, 1, 2, 0, 1, 3, 1, 5][usize::from(self.0[5] >> 5)];
        let question = |number: usize| {
            let (qtype, qclass) = types[(usize::from(self.0[5] >> 3) + number / names.len()) % types.len()];
            Question { name: names[(usize::from(self.0[5]) + number) % names.len()].into(), qtype, qclass }
        };
        (0..count).map(question).collect()
    }

    fn code(&self) -> Code {
        let low = self.0[6] & 15;
        match self.0[6] >> 4 {
            0..=10 => Code::Header(low),
            11 | 12 => Code::Opt(low, self.0[7] >> 6),
            13 | 14 => Code::Tsig(low, u16::from(self.0[7] >> 3)),
            _ => Code::Unreadable(low),
        }
    }

    /// A message of the same tuple, whose questions are changed somehow.
    fn take_up(&self, message: &Message, kind: Kind) -> Content {
        let mut questions = message.questions.clone();
        match self.0[7] & 7 {
            0..=2 => {}
            3 => questions.iter_mut().for_each(|question| question.name.make_ascii_uppercase()),
            4 => questions.clear(),
            5 => drop(questions.drain(..questions.len().saturating_sub(1))),
            6 => questions.reverse(),
            _ => questions.iter_mut().for_each(|question| question.qtype ^= 1 ^ 28),
        }
        self.way().message(kind, message.tuple, &questions)
    }
}
