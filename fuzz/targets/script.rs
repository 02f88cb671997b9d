//! Scripts: bytes from which described packets are made, eight bytes a packet.
//!
//! The laws draw their scenes with a strategy; libFuzzer mutates bytes. With a fixed length for each step, inserting,
//! removing and copying bytes insert, remove and copy packets, and a step refers to packets before it ("answer that one,
//! exactly T later"), so messages meet. Called by `scene`.

use crate::packet::{
    CLIENTS, Code, Content, EPOCH_NS, Kind, LAST_NS, Message, Other, Packet, Question, SECOND, Tuple,
};
use dpp::plan::Plan;

const MILLISECOND: i64 = 1_000_000;

/// More make a run slow and show nothing new.
const PACKETS_MAX: usize = 200;

/// The packets that a script describes, in the order of the capture.
pub fn play(script: &[u8], plan: &Plan) -> Vec<Packet> {
    let mut packets = Vec::new();
    let mut now = EPOCH_NS;
    for step in script.as_chunks().0.iter().take(PACKETS_MAX) {
        let step = Step(*step);
        let time_ns = step.time_ns(&packets, &mut now, plan).clamp(0, LAST_NS);
        packets.push(Packet { time_ns, content: step.content(&packets) });
    }
    packets
}

/// ```text
///  what | how many back | length | sign, jitter | who | what is asked | code | how asked
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
                Content::Other(_) => None,
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
        Content::Message(Message { kind, tuple: self.tuple(), questions: self.questions() })
    }

    fn tuple(&self) -> Tuple {
        let who = self.0[4];
        let client = CLIENTS[usize::from(who & 7) % CLIENTS.len()].0;
        // Only who asks from port 53 can be understood by server 3, which would not be seen to speak DNS otherwise.
        let server = match (who >> 3 & 3) + 1 {
            3 if !"ef".contains(client) => 1,
            server => server,
        };
        Tuple { client, server, id: 7 + u16::from(who >> 6 & 1) }
    }

    /// Questions: none, one, or some that differ in name or type.
    fn questions(&self) -> Vec<Question> {
        let names = ["www", "WwW", "mail", "", "www.example", "a.example", "WWW.example", "www"];
        let types = [(1, 1), (28, 1), (1, 3), (1, 1)];
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
        Content::Message(Message { kind, tuple: message.tuple, questions })
    }
}
