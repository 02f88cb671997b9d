//! TCP streams: scenes of segments drawn from bytes, and what a plain reader makes of them.
//!
//! A scene is a function of a string of bytes, its *decisions*, so that property tests and the fuzzer draw the same scenes.
//! The oracle knows the whole streams; it marks which bytes have come, and a message has come with the byte that leaves
//! none missing before its end. Nothing is bounded, nothing is given up.

use dpp::limits::StreamLimits;
use dpp::packet::{Addresses, Flow, Segment, Volume};
use dpp::stream::Moment;
use dpp::stream::tcp::{Carrier, Connections, Decided, Streams};
use std::collections::BTreeSet;

const MS: i64 = 1_000_000;

/// Decisions, and zeros behind them.
struct Dice<'a>(&'a [u8]);

impl Dice<'_> {
    fn below(&mut self, sides: usize) -> usize {
        let mut number = 0;
        for _ in 0..if sides > 256 { 2 } else { 1 } {
            let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
            (number, self.0) = (number << 8 | usize::from(*first), rest);
        }
        number % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == sides - 1
    }
}

/// What one side sends.
struct Stream {
    isn: u32,
    messages: Vec<Vec<u8>>,
    /// All messages with their prefixes.
    bytes: Vec<u8>,
    /// Where each message ends.
    ends: Vec<usize>,
}

impl Stream {
    /// Messages whose bytes cannot be taken for the beginning of one anywhere else: in each window of 14 bytes that does not
    /// begin at a prefix, a count, the opcode or the length is impossible.
    fn new(dice: &mut Dice, number: usize, shortest: usize) -> Stream {
        let isn = u32::MAX.wrapping_add(dice.below(4096) as u32).wrapping_sub(2048);
        let mut stream = Stream { isn, messages: Vec::new(), bytes: Vec::new(), ends: Vec::new() };
        for index in 0..dice.below(7) {
            let length = shortest
                + match dice.below(8) {
                    0..=4 => dice.below(40),
                    5 | 6 => dice.below(3000),
                    _ => dice.below(65_536 - shortest),
                };
            let flags = if number == 0 { 0 } else { 0x80 };
            let mut message = vec![0xFF, 0xFF, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0, 15];
            message.extend([0xFF; 15].into_iter().chain([0, 0, 1, 0, 1]));
            message.extend((0..length).map(|at| 0xF0 | (index * 3 + at / 5) as u8 & 15));
            message.truncate(length);
            stream.bytes.extend((length as u16).to_be_bytes());
            stream.bytes.extend(&message);
            stream.messages.push(message);
            stream.ends.push(stream.bytes.len());
        }
        stream
    }

    /// Cuts the stream into segments, in order.
    fn cut(&self, dice: &mut Dice) -> Vec<(usize, usize)> {
        let (mut cuts, mut at) = (Vec::new(), 0);
        while at < self.bytes.len() {
            let end = self.ends.iter().copied().find(|&end| end > at).unwrap_or(at);
            let length = match dice.below(4) {
                0 => end - at,
                1 => 1 + dice.below(1460),
                2 if cuts.len() < 200 => 1 + dice.below(3),
                _ => 1460,
            };
            let to = (at + length.min(9000)).min(self.bytes.len());
            cuts.push((at, to));
            at = to;
        }
        cuts
    }
}

/// A segment of a scene.
#[derive(Clone, Copy, Debug)]
struct Step {
    connection: usize,
    side: usize,
    flags: u8,
    from: usize,
    to: usize,
    /// How many bytes of it were captured.
    captured: usize,
    /// Whether the capture has it at all.
    is_captured: bool,
    time_ns: i64,
}

struct Scene {
    /// By connection and side.
    streams: Vec<[Stream; 2]>,
    steps: Vec<Step>,
    limits: StreamLimits,
}

impl Scene {
    /// All segments come, in some disorder, some twice or in other cuts.
    fn whole(dice: &mut Dice) -> Scene {
        let mut scene = Scene::drawn(dice, 0);
        scene.steps.iter_mut().for_each(|step| step.is_captured = true);
        scene
    }

    /// Segments are missing or cut, connections begin in the middle, bounds are small and time passes.
    fn with_losses(dice: &mut Dice) -> Scene {
        let mut scene = Scene::drawn(dice, 17);
        if dice.one_in(2) {
            scene.limits = StreamLimits {
                connections: 1 + dice.below(3),
                half_open: 1 + dice.below(2),
                cell_bytes: 1200 + dice.below(5000),
                direction_bytes: 1 + dice.below(4000),
                direction_pieces: 1 + dice.below(6),
                far: 1000,
                ..scene.limits
            };
        }
        let unopened = dice.below(8);
        let mut late_ns = 0;
        for step in &mut scene.steps {
            let is_handshake =
                step.flags & Segment::SYN != 0 || step.from == step.to && step.flags == Segment::ACK;
            step.is_captured = match is_handshake {
                true => unopened >> step.connection & 1 == 0,
                false => !dice.one_in(9),
            };
            if dice.one_in(9) {
                step.captured = dice.below(80).min(step.captured);
            }
            if dice.one_in(20) {
                late_ns += MS * dice.below(5000) as i64;
            }
            step.time_ns += late_ns;
        }
        scene
    }

    fn drawn(dice: &mut Dice, shortest: usize) -> Scene {
        let connections = 1 + dice.below(3);
        let stream = |dice: &mut Dice, side| Stream::new(dice, side, shortest);
        let streams: Vec<_> = (0..connections).map(|_| [stream(dice, 0), stream(dice, 1)]).collect();
        let mut lanes = Vec::new();
        for (connection, sides) in streams.iter().enumerate() {
            for (side, stream) in sides.iter().enumerate() {
                lanes.push(lane(dice, connection, side, stream));
            }
        }
        let mut steps: Vec<Step> = Vec::new();
        for connection in 0..connections {
            let flags = [(0, Segment::SYN), (1, Segment::SYN | Segment::ACK), (0, Segment::ACK)];
            steps.extend(flags.map(|(side, flags)| step(connection, side, flags, 0, 0)));
        }
        lanes.iter_mut().for_each(|lane| lane.reverse());
        while lanes.iter().any(|lane| !lane.is_empty()) {
            let lane = dice.below(lanes.len());
            let lane = (lane..).map(|lane| lane % lanes.len()).find(|&lane| !lanes[lane].is_empty()).unwrap();
            for _ in 0..=dice.below(4) {
                steps.extend(lanes[lane].pop());
            }
        }
        for (number, step) in steps.iter_mut().enumerate() {
            step.time_ns = number as i64 * MS / 10;
        }
        Scene { streams, steps, limits: StreamLimits::default() }
    }
}

fn step(connection: usize, side: usize, flags: u8, from: usize, to: usize) -> Step {
    Step { connection, side, flags, from, to, captured: to - from, is_captured: true, time_ns: 0 }
}

/// The segments of a stream: with some others that overlap them, each later by a few than its turn, and then a FIN.
fn lane(dice: &mut Dice, connection: usize, side: usize, stream: &Stream) -> Vec<Step> {
    let mut steps = Vec::new();
    let cuts = stream.cut(dice);
    for (turn, &(from, to)) in cuts.iter().enumerate() {
        let late = if dice.one_in(6) { dice.below(7) } else { 0 };
        steps.push((turn + late, step(connection, side, Segment::ACK, from, to)));
        if dice.one_in(8) {
            let from = from.saturating_sub(dice.below(600));
            let to = (to + dice.below(600)).min(from + 9000).min(stream.bytes.len());
            steps.push((turn + dice.below(9), step(connection, side, Segment::ACK, from, to)));
        }
    }
    steps.sort_by_key(|&(turn, _)| turn);
    let end = stream.bytes.len();
    let mut steps: Vec<Step> = steps.into_iter().map(|(_, step)| step).collect();
    if dice.one_in(2) {
        steps.push(step(connection, side, Segment::FIN | Segment::ACK, end, end));
    }
    steps
}

/// What was read at a step: the side that sent it, its bytes, and the length its prefix states.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    step: usize,
    connection: usize,
    side: usize,
    bytes: Vec<u8>,
    length: usize,
}

/// Plays a scene to a cell. Acknowledgments are what the other side has really received so far. Each segment's fate is told by
/// itself if it is to be `traced`.
fn play(scene: &Scene, traced: bool) -> (Vec<Found>, Streams, Fates) {
    let mut cell = Connections::new(&scene.limits);
    if traced {
        cell.trace();
    }
    let mut found = Vec::new();
    let mut fates = Fates::default();
    let mut received: Vec<[Received; 2]> =
        scene.streams.iter().map(|sides| [Received::of(&sides[0]), Received::of(&sides[1])]).collect();
    let mut now_ns = 0;
    for (number, step) in scene.steps.iter().enumerate() {
        let own = &scene.streams[step.connection][step.side];
        let other = &scene.streams[step.connection][1 - step.side];
        received[step.connection][step.side].mark(step.from, step.to);
        if !step.is_captured {
            continue;
        }
        let ends = [[192, 0, 2, 9], [192, 0, 2, 1]];
        let ports = [4000 + step.connection as u16, 53];
        let flow = Flow {
            addresses: Addresses::V4 { source: &ends[step.side], destination: &ends[1 - step.side] },
            source_port: ports[step.side],
            destination_port: ports[1 - step.side],
        };
        let first = u32::from(step.flags & Segment::SYN == 0);
        let acknowledged = received[step.connection][1 - step.side].until;
        let segment = Segment {
            flow,
            sequence: own.isn.wrapping_add(first).wrapping_add(step.from as u32),
            acknowledgment: other.isn.wrapping_add(1).wrapping_add(acknowledged as u32),
            flags: step.flags,
            payload: &own.bytes[step.from..step.from + step.captured.min(step.to - step.from)],
            payload_length: step.to - step.from,
        };
        let moment = Moment {
            position: number as u64,
            time_ns: step.time_ns,
            before_ns: now_ns,
            after_ns: step.time_ns,
        };
        now_ns = step.time_ns;
        let carrier = Carrier { position: number as u64, volume: Volume::of(1), ..Carrier::default() };
        let outcome = cell.take(&segment, &moment, &carrier, |message| {
            let side = if message.flow == flow { step.side } else { 1 - step.side };
            let (bytes, length) = (message.bytes.to_vec(), message.length);
            found.push(Found { step: number, connection: step.connection, side, bytes, length });
            fates.brought.insert(message.carrier.position);
        });
        let own =
            outcome.map(|outcome| Decided { position: carrier.position, volume: carrier.volume, outcome });
        own.into_iter().chain(cell.decided()).for_each(|decided| fates.decide(&decided));
        fates.segments += 1;
    }
    cell.flush(|message| {
        let step = &scene.steps[message.carrier.position as usize];
        let (number, side) = (scene.steps.len() - 1, step.side);
        let (bytes, length) = (message.bytes.to_vec(), message.length);
        found.push(Found { step: number, connection: step.connection, side, bytes, length });
        fates.brought.insert(message.carrier.position);
    });
    cell.finish();
    cell.decided().for_each(|decided| fates.decide(&decided));
    fates.check(&cell.counts);
    assert!(cell.counts.check(), "{:?}", cell.counts);
    assert_eq!(cell.counts.messages, found.len() as u64);
    (found, cell.counts, fates)
}

/// What became of the segments of a scene.
#[derive(Default)]
struct Fates {
    segments: u64,
    used: u64,
    skipped: u64,
    /// Those, or some of those, that were used, that were not, and that brought the last byte of a message.
    used_at: BTreeSet<u64>,
    unused_at: BTreeSet<u64>,
    brought: BTreeSet<u64>,
}

impl Fates {
    fn decide(&mut self, decided: &Decided) {
        let packets = decided.volume.packets;
        match decided.outcome {
            Ok(()) => {
                self.used += packets;
                assert!(self.used_at.insert(decided.position), "{decided:?} again");
            }
            Err(_) => {
                self.skipped += packets;
                assert!(self.unused_at.insert(decided.position), "{decided:?} again");
            }
        }
    }

    /// Each has one fate, and one that brought the last byte of a message was used.
    fn check(&self, counts: &Streams) {
        assert_eq!(self.used + self.skipped, self.segments);
        assert_eq!(self.used > 0, counts.messages > 0);
        assert!(self.brought.is_disjoint(&self.unused_at));
        assert!(self.used_at.is_disjoint(&self.unused_at));
    }
}

/// Which bytes of a stream have come.
struct Received {
    bytes: Vec<bool>,
    /// The first that has not.
    until: usize,
}

impl Received {
    fn of(stream: &Stream) -> Received {
        Received { bytes: vec![false; stream.bytes.len()], until: 0 }
    }

    fn mark(&mut self, from: usize, to: usize) {
        self.bytes[from..to].fill(true);
        while self.bytes.get(self.until) == Some(&true) {
            self.until += 1;
        }
    }
}

/// Each message at the step that leaves none of its bytes, and none before them, missing.
fn meaning(scene: &Scene) -> Vec<Found> {
    let mut found = Vec::new();
    let mut received: Vec<[Received; 2]> =
        scene.streams.iter().map(|sides| [Received::of(&sides[0]), Received::of(&sides[1])]).collect();
    for (number, &Step { connection, side, from, to, .. }) in scene.steps.iter().enumerate() {
        let (received, stream) = (&mut received[connection][side], &scene.streams[connection][side]);
        let before = received.until;
        received.mark(from, to);
        for (bytes, _) in stream
            .messages
            .iter()
            .zip(&stream.ends)
            .filter(|&(_, &end)| before < end && end <= received.until)
        {
            let (bytes, length) = (bytes.clone(), bytes.len());
            found.push(Found { step: number, connection, side, bytes, length });
        }
    }
    found
}

/// The steps whose segments bring bytes that have not come before.
fn new_data(scene: &Scene) -> BTreeSet<u64> {
    let mut received: Vec<[Received; 2]> =
        scene.streams.iter().map(|sides| [Received::of(&sides[0]), Received::of(&sides[1])]).collect();
    let mut brings = |&(_, step): &(usize, &Step)| {
        let received = &mut received[step.connection][step.side];
        let is_new = received.bytes[step.from..step.to].contains(&false);
        received.mark(step.from, step.to);
        is_new
    };
    scene.steps.iter().enumerate().filter(|step| brings(step)).map(|(number, _)| number as u64).collect()
}

/// Where all segments come, messages are those of the oracle, each at its step, nothing is lost, and every segment is used
/// that brings something new.
pub(crate) fn check_whole(decisions: &[u8]) {
    let scene = Scene::whole(&mut Dice(decisions));
    let (found, counts, fates) = play(&scene, true);
    assert_eq!(fates.used_at, new_data(&scene));
    let meaning = meaning(&scene);
    for (found, meaning) in found.iter().zip(&meaning) {
        assert_eq!(found, meaning);
    }
    assert_eq!(found.len(), meaning.len());
    let lost =
        counts.gaps + counts.incomplete + counts.evicted + counts.resynchronisations + counts.messages_cut;
    assert_eq!((lost, counts.skipped_bytes, counts.lost_bytes, counts.unplaced_bytes), (0, 0, 0, 0));
}

/// Where segments are missing, each message found is one that was sent, or its beginning; and what is found does not
/// depend on chance. Gives how many of the messages sent were found.
pub(crate) fn check_with_losses(decisions: &[u8]) -> (usize, usize) {
    let scene = Scene::with_losses(&mut Dice(decisions));
    let (found, counts, fates) = play(&scene, false);
    for message in &found {
        let sent = &scene.streams[message.connection][message.side].messages;
        let is_sent = |whole: &&Vec<u8>| whole.len() == message.length && whole.starts_with(&message.bytes);
        assert!(sent.iter().any(|whole| is_sent(&whole)), "{message:?}");
    }
    let cut = found.iter().filter(|message| message.bytes.len() < message.length).count();
    assert_eq!(cut as u64, counts.messages_cut);
    let (again, counts_again, traced) = play(&scene, true);
    assert_eq!((&again, counts_again), (&found, counts));
    assert_eq!((traced.used, traced.skipped), (fates.used, fates.skipped));
    let sent = scene.streams.iter().flatten().map(|stream| stream.messages.len()).sum();
    (found.len(), sent)
}
