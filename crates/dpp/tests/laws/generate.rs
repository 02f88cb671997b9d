//! Scenes: random captures, made so that messages meet each other and the edges of every rule.
//!
//! A scene is drawn as steps, each of which refers to packets already drawn ("answer that one, exactly T later"), because
//! packets drawn on their own would hardly ever meet. Few clients, ids and names, so that keys collide all the time. The
//! strategies shrink, so a scene that fails becomes a short one. Called by the laws.

use crate::carriers::{Carrier, Draft, Way, carry};
use crate::packet::{
    Code, Content, Damage, EPOCH_NS, Kind, LAST_NS, Message, Other, Packet, Question, SECOND, Tuple,
};
use dpp::limits::{FragmentLimits, Limits, StreamLimits};
use dpp::plan::{Plan, Ports};
use dpp::table::Column;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt;

const MILLISECOND: i64 = 1_000_000;

/// A capture and the rules it is read by.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) plan: Plan,
    pub(crate) packets: Vec<Packet>,
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { match_timeout_ns, duplicates_ns, ports, .. } = &self.plan;
        writeln!(f, "timeout {match_timeout_ns} ns, duplicates {duplicates_ns:?}, ports {ports}")?;
        writeln!(f, "{:?}, {:?}", self.plan.limits, self.plan.schema)?;
        self.packets.iter().try_for_each(|packet| writeln!(f, "    {packet}"))
    }
}

/// Scenes of up to so many packets, with times in whole units of so many ns.
pub(crate) fn scenes(packets_max: usize, unit_ns: i64) -> impl Strategy<Value = Scene> {
    staged(plans(), steps(whats(tuples(), &TYPES), Just(Way::PLAIN)), packets_max, unit_ns)
}

/// Scenes of everything that may happen to messages on their way, and of everything that may be asked for: they come twice, in
/// fragments, over TCP, damaged, to groups.
pub(crate) fn scenes_of_all(packets_max: usize, unit_ns: i64) -> impl Strategy<Value = Scene> {
    staged(plans_of_all(), steps(whats(all_tuples(), &ALL_TYPES), ways()), packets_max, unit_ns)
}

fn staged(
    plans: impl Strategy<Value = Plan>,
    steps: impl Strategy<Value = Step>,
    packets_max: usize,
    unit_ns: i64,
) -> impl Strategy<Value = Scene> {
    (plans, vec(steps, 1..=packets_max)).prop_map(move |(plan, steps)| {
        let mut packets = play(&steps, &plan);
        packets.iter_mut().for_each(|packet| packet.time_ns -= packet.time_ns % unit_ns);
        Scene { plan, packets }
    })
}

/// The usual rules, and bounds so small that they are met.
fn plans() -> impl Strategy<Value = Plan> {
    let timeouts = select(vec![1_200 * MILLISECOND, 1_200 * MILLISECOND, 5 * SECOND, MILLISECOND]);
    let disorders = select(vec![SECOND, SECOND, 10 * MILLISECOND, 0]);
    let jumps = select(vec![10 * SECOND, 10 * SECOND, SECOND]);
    let tuples = select(vec![256, 256, 256, 5, 3, 2, 1]);
    let windows = select(vec![(1 << 22, 1 << 19), (1 << 22, 1), (0, 1), (1, 3), (3, 2), (10, 7), (12, 1)]);
    (timeouts, disorders, jumps, tuples, windows).prop_map(
        |(match_timeout_ns, disorder_ns, jump_ns, per_tuple, (window_packets, sweep_packets))| Plan {
            match_timeout_ns,
            limits: Limits {
                disorder_ns,
                jump_ns,
                per_tuple,
                window_packets,
                sweep_packets,
                ..Limits::default()
            },
            ..Plan::default()
        },
    )
}

/// The same with more wishes. Nothing is given up for want of time or room: how that is done the rooms' own tests say.
fn plans_of_all() -> impl Strategy<Value = Plan> {
    let duplicates =
        select(vec![None, None, Some(0), Some(MILLISECOND), Some(30 * MILLISECOND), Some(SECOND)]);
    let ports = select(vec![
        vec![53..=53],
        vec![53..=53, 5353..=5355],
        vec![5353..=5353, 53..=53],
        vec![53..=53, 5355..=5355],
    ]);
    let columns =
        select(vec![vec![], vec![], vec![Column::ParseError], vec![Column::ResponseMessages, Column::Vlan]]);
    let windows = select(vec![
        (1 << 28, 1 << 24),
        (1 << 28, 1 << 24),
        (0, 1),
        (100, 50),
        (60, 40),
        (250, 90),
        (200, 1),
    ]);
    (plans(), duplicates, ports, columns, windows).prop_map(
        |(mut plan, duplicates_ns, ports, columns, window)| {
            (plan.limits.window_stream_bytes, plan.limits.sweep_stream_bytes) = window;
            let ages_ns = i64::MAX;
            plan.limits.fragments = FragmentLimits {
                v4_timeout_ns: ages_ns,
                v6_timeout_ns: ages_ns,
                datagrams: 10_000,
                bytes: 100 << 20,
                ..FragmentLimits::default()
            };
            plan.limits.streams = StreamLimits { idle_ns: ages_ns, ..StreamLimits::default() };
            columns.iter().for_each(|&column: &Column| plan.schema.push(column));
            Plan { duplicates_ns, ports: Ports::new(ports), ..plan }
        },
    )
}

/// A step of the drawing: one packet.
#[derive(Clone, Debug)]
struct Step {
    /// How many packets back the packet is that this one refers to.
    back: usize,
    anchor: Anchor,
    distance: Distance,
    /// A distance that only this timestamp is wrong by.
    wrong: Option<Distance>,
    what: What,
    way: Way,
    /// How many packets later it is captured than drawn.
    later: usize,
}

/// What a packet's time is counted from.
#[derive(Clone, Copy, Debug)]
enum Anchor {
    /// The time that passes from packet to packet; it passes by this step.
    Now,
    /// The time of the packet referred to; no time passes.
    Reference,
}

/// A span of time: a length of the rules or of the clock on the wall, and a nanosecond more or less.
#[derive(Clone, Copy, Debug)]
struct Distance {
    length: Length,
    sign: i64,
    jitter_ns: i64,
}

#[derive(Clone, Copy, Debug)]
enum Length {
    Fixed(i64),
    Timeout,
    Disorder,
    Both,
    Jump,
}

#[derive(Clone, Debug)]
enum What {
    Query(Tuple, Vec<Question>),
    Response(Tuple, Vec<Question>, Code),
    /// An answer to the query referred to.
    Answer(Change, Code),
    /// The packet referred to once more.
    Again(Change),
    Other(Other),
}

/// What is different in a message that takes up another.
#[derive(Clone, Copy, Debug)]
enum Change {
    Nothing,
    Case,
    NoQuestion,
    LastQuestionOnly,
    Reversed,
    OtherType,
    /// Another of the servers of its port.
    OtherServer,
}

fn steps(
    whats: impl Strategy<Value = What>,
    ways: impl Strategy<Value = Way>,
) -> impl Strategy<Value = Step> {
    let anchors = prop_oneof![2 => Just(Anchor::Now), 1 => Just(Anchor::Reference)];
    let backs = prop_oneof![4 => Just(0), 4 => 0..4_usize, 1 => 0..30_usize];
    let wrongs = prop_oneof![25 => Just(None), 1 => far().prop_map(Some)];
    let laters = prop_oneof![8 => Just(0), 2 => 1..5_usize, 1 => 5..20_usize];
    (backs, anchors, distances(), wrongs, whats, laters, ways).prop_map(
        |(back, anchor, distance, wrong, what, later, way)| Step {
            back,
            anchor,
            distance,
            wrong,
            what,
            way,
            later,
        },
    )
}

fn distances() -> impl Strategy<Value = Distance> {
    let near = (
        prop_oneof![
            4 => Just(Length::Fixed(0)),
            4 => select(vec![1, 30, 400]).prop_map(|ms| Length::Fixed(ms * MILLISECOND)),
            3 => Just(Length::Timeout),
            1 => Just(Length::Disorder),
            1 => Just(Length::Both),
        ],
        select(vec![1, 1, 1, 1, 1, -1]),
        select(vec![0, 0, 0, 1, -1]),
    );
    let near = near.prop_map(|(length, sign, jitter_ns)| Distance { length, sign, jitter_ns });
    prop_oneof![30 => near, 1 => far()]
}

/// Seconds, minutes, decades, and J.
fn far() -> impl Strategy<Value = Distance> {
    let lengths = prop_oneof![
        Just(Length::Jump),
        select(vec![3, 9, 60, 3_600, 315_000_000, 2_600_000_000])
            .prop_map(|seconds| Length::Fixed(seconds * SECOND)),
    ];
    (lengths, select(vec![1, -1]), -1..=1_i64).prop_map(|(length, sign, jitter_ns)| Distance {
        length,
        sign,
        jitter_ns,
    })
}

fn whats(
    tuples: impl Strategy<Value = Tuple> + Clone,
    types: &'static [(u16, u16)],
) -> impl Strategy<Value = What> {
    let questions = || questions(types);
    let others = select(vec![Other::Arp, Other::Tcp, Other::Port, Other::Empty, Other::Half]);
    prop_oneof![
        6 => (tuples.clone(), questions()).prop_map(|(tuple, questions)| What::Query(tuple, questions)),
        2 => (tuples, questions(), codes()).prop_map(|(tuple, questions, code)| {
            What::Response(tuple, questions, code)
        }),
        6 => (changes(), codes()).prop_map(|(change, code)| What::Answer(change, code)),
        3 => changes().prop_map(What::Again),
        1 => others.prop_map(What::Other),
    ]
}

fn tuples() -> impl Strategy<Value = Tuple> + Clone {
    let clients = select(vec!['a', 'a', 'a', 'a', 'b', 'c', 'd', 'd', 'e', 'f']);
    (clients, select(vec![1, 1, 1, 2, 3, 4]), select(vec![7, 7, 7, 8])).prop_map(|(client, server, id)| {
        // Only who asks from port 53 can be understood by server 3 or 4, which would not be seen to speak DNS otherwise.
        let server = if server == 3 && !"ef".contains(client) { 1 } else { server };
        Tuple { client, server, id }
    })
}

/// Those, and who speaks over TCP, and multicast.
fn all_tuples() -> impl Strategy<Value = Tuple> + Clone {
    let groups = (select(vec!['a', 'a', 'd', 'm', 'm', 'n']), select(vec![5, 5, 6, 7, 8, 1]));
    let multicast = groups.prop_map(|(client, server)| Tuple { client, server, id: 7 });
    let tcp = tuples().prop_map(|Tuple { client, server, id }| {
        // Nobody connects to himself, and no two connections have the same ends.
        let (client, server) = if client == 'f' { ('a', 1) } else { (client, server) };
        let server = if server == 4 { 1 } else { server };
        Tuple { client: client.to_ascii_uppercase(), server, id }
    });
    prop_oneof![3 => tuples(), 3 => tcp, 1 => multicast]
}

/// How messages travel.
fn ways() -> impl Strategy<Value = Way> {
    let gaps = || (0..3_usize, 0..3_usize);
    let carriers = prop_oneof![
        4 => Just(Carrier::Plain),
        2 => (2..4_usize, gaps(), 0..8_usize, any::<bool>()).prop_map(|(count, gaps, lost, backwards)| {
            Carrier::Fragments { count, gaps: [gaps.0, gaps.1], lost, backwards }
        }),
    ];
    let segments = (prop_oneof![3 => Just(1), 1 => 2..4_usize], gaps(), any::<bool>());
    let copies = prop_oneof![
        3 => Just(None),
        1 => (0..3_usize, select(vec![0, 1, MILLISECOND, -MILLISECOND, 30 * MILLISECOND, 30 * MILLISECOND + 1, SECOND + 1]))
            .prop_map(Some),
    ];
    let damages = prop_oneof![
        12 => Just(None),
        1 => select(vec![Damage::NameCut, Damage::TypeCut, Damage::ClassCut, Damage::ClassHalf, Damage::BadLabel]).prop_map(Some),
    ];
    let tags = select(vec![false, false, false, true]);
    (carriers, segments, copies, damages, select(vec![0, 0, 0, 1]), tags.clone(), tags).prop_map(
        |(carrier, (parts, gaps, joined), copy, damage, identification, tagged, tunnelled)| Way {
            carrier,
            parts,
            gaps: [gaps.0, gaps.1],
            joined,
            copy,
            damage,
            identification,
            tagged,
            tunnelled,
        },
    )
}

const TYPES: [(u16, u16); 6] = [(1, 1), (1, 1), (1, 1), (1, 0x8001), (28, 1), (1, 3)];
/// With zone transfers.
const ALL_TYPES: [(u16, u16); 6] = [(1, 1), (1, 1), (28, 1), (252, 1), (252, 1), (251, 1)];

fn questions(types: &'static [(u16, u16)]) -> impl Strategy<Value = Vec<Question>> {
    let names = select(vec!["www", "www", "WwW", "www.example", "mail", ""]);
    let types = select(types);
    let question =
        (names, types).prop_map(|(name, (qtype, qclass))| Question { name: name.to_string(), qtype, qclass });
    let counts = prop_oneof![20 => Just(1), 2 => 2..4_usize, 1 => Just(0)];
    counts.prop_flat_map(move |count| vec(question.clone(), count))
}

fn codes() -> impl Strategy<Value = Code> {
    prop_oneof![
        6 => (0..16_u8).prop_map(Code::Header),
        1 => (0..16_u8, 0..4_u8).prop_map(|(low, upper)| Code::Opt(low, upper)),
        1 => (0..16_u8, select(vec![0, 16, 17, 18, 22, 23])).prop_map(|(low, error)| Code::Tsig(low, error)),
        1 => (0..16_u8).prop_map(Code::Unreadable),
    ]
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => Just(Change::Nothing),
        2 => Just(Change::Case),
        2 => Just(Change::NoQuestion),
        1 => Just(Change::LastQuestionOnly),
        1 => Just(Change::Reversed),
        1 => Just(Change::OtherType),
        1 => Just(Change::OtherServer),
    ]
}

/// Draws the packets and puts them in the order of their capture.
fn play(steps: &[Step], plan: &Plan) -> Vec<Packet> {
    let mut now = EPOCH_NS;
    let mut drawn: Vec<Packet> = Vec::new();
    let mut drafts: Vec<Draft> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let packets: Vec<&Packet> = drawn.iter().rev().collect();
        let reference = packets.get(step.back % packets.len().max(1)).copied();
        let time_ns = match (step.anchor, reference) {
            (Anchor::Reference, Some(reference)) => reference.time_ns + step.distance.ns(plan),
            _ => {
                now = (now + step.distance.ns(plan)).clamp(0, LAST_NS);
                now
            }
        };
        let wrong_ns = step.wrong.map_or(0, |wrong| wrong.ns(plan));
        let content = step.what.content(&packets[step.back % packets.len().max(1)..], &step.way);
        let packet = Packet { time_ns: (time_ns + wrong_ns).clamp(0, LAST_NS), content };
        drafts.push(Draft { place: at + step.later, packet: packet.clone(), way: step.way.clone() });
        drawn.push(packet);
    }
    let mut packets = carry(drafts);
    packets.iter_mut().for_each(|packet| packet.time_ns = packet.time_ns.clamp(0, LAST_NS));
    packets
}

impl Distance {
    fn ns(self, plan: &Plan) -> i64 {
        let length_ns = match self.length {
            Length::Fixed(ns) => ns,
            Length::Timeout => plan.match_timeout_ns,
            Length::Disorder => plan.limits.disorder_ns,
            Length::Both => plan.match_timeout_ns + plan.limits.disorder_ns,
            Length::Jump => plan.limits.jump_ns,
        };
        self.sign * length_ns + self.jitter_ns
    }
}

impl What {
    /// What is in the packet. `before` are the packets from the one referred to back to the first.
    fn content(&self, before: &[&Packet], way: &Way) -> Content {
        let is_query = |message: &&Message| message.kind == Kind::Query;
        let message = |kind, tuple, questions: &[Question]| way.message(kind, tuple, questions);
        match self {
            What::Query(tuple, questions) => message(Kind::Query, *tuple, questions),
            What::Response(tuple, questions, code) => message(Kind::Response(*code), *tuple, questions),
            What::Answer(change, code) => match messages(before).find(is_query) {
                Some(query) => {
                    message(Kind::Response(*code), change.of_tuple(query.tuple), &change.of(&query.questions))
                }
                None => Content::Other(Other::Arp),
            },
            What::Again(change) => match messages(before).next() {
                Some(first) => {
                    message(first.kind, change.of_tuple(first.tuple), &change.of(&first.questions))
                }
                None => Content::Other(Other::Tcp),
            },
            What::Other(other) => Content::Other(*other),
        }
    }
}

fn messages<'a>(packets: &'a [&Packet]) -> impl Iterator<Item = &'a Message> {
    packets.iter().filter_map(|packet| match &packet.content {
        Content::Message(message) => Some(message),
        _ => None,
    })
}

impl Change {
    fn of_tuple(self, tuple: Tuple) -> Tuple {
        let server = match (self, tuple.server) {
            (Change::OtherServer, 5) => 7,
            (Change::OtherServer, 6) => 8,
            (_, server) => server,
        };
        Tuple { server, ..tuple }
    }

    fn of(self, questions: &[Question]) -> Vec<Question> {
        let mut changed = questions.to_vec();
        match self {
            Change::Nothing | Change::OtherServer => {}
            Change::Case => changed.iter_mut().for_each(|question| question.name = swap_case(&question.name)),
            Change::NoQuestion => changed.clear(),
            Change::LastQuestionOnly => drop(changed.drain(..changed.len().saturating_sub(1))),
            Change::Reversed => changed.reverse(),
            Change::OtherType => changed.iter_mut().for_each(|question| question.qtype ^= 1 ^ 28),
        }
        changed
    }
}

/// Every other letter in the other case.
fn swap_case(name: &str) -> String {
    let swap = |(at, letter): (usize, char)| match letter.is_ascii_lowercase() {
        _ if at % 2 == 1 => letter,
        true => letter.to_ascii_uppercase(),
        false => letter.to_ascii_lowercase(),
    };
    name.chars().enumerate().map(swap).collect()
}
