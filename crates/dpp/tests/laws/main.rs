//! The laws of the engine, held against an oracle.
//!
//! Law 1 (the output depends on the input and the plan alone) and law 2 (it is that of the sequential matcher) are one
//! property: whatever the machine, the rows and counts are the oracle's. The rest are laws about encodings, cuts and
//! interruptions, and, in `cases.rs`, the rules one by one, each as a capture small enough to read. Scenes are drawn with
//! a fixed seed, so each run tests the same ones.

mod arrivals;
mod asking;
mod carriers;
mod cases;
mod encoding;
mod filters;
mod formats;
mod found;
mod generate;
mod inputs;
mod live;
mod oracle;
mod packet;
mod production;
mod summing;
mod trickle;

use arrivals::arrivals;
use dpp::capture::{CaptureError, Ending, InputError, Regression, single};
use dpp::dns::PARSE_ERRORS;
use dpp::limits::{FragmentLimits, Limits, StreamLimits};
use dpp::packet::{SKIPS, Skip};
use dpp::pipeline::{self, Machine, RunError, Watch};
use dpp::plan::Plan;
use dpp::stats::Volume;
use dpp::transaction::Matches;
use encoding::{Capture, Encoding, PLAIN};
use generate::{Scene, scenes, scenes_of_all};
use oracle::{Meaning, Row, meaning, meaning_if_stopped};
use packet::{Kind, Message, Packet, SECOND};
use production::{
    Collect, DiskFull, FailAfter, FailAtEnd, Run, StopAfter, machine, machines, plain, run, watched,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::fmt::Debug;
use std::io::Read;
use trickle::Trickle;

#[test]
fn every_machine_gives_the_rows_of_the_oracle() {
    law(1, 300, (scenes(60, 1), some_machines()), |(scene, machines)| check_machines(&scene, &machines));
    law(21, 500, (scenes_of_all(60, 1), some_machines()), |(scene, machines)| {
        check_machines(&scene, &machines)
    });
}

#[test]
fn every_machine_of_all_gives_the_rows_of_the_oracle() {
    law(2, 2, scenes(200, 1), |scene| check_machines(&scene, &machines()));
    law(22, 4, scenes_of_all(200, 1), |scene| check_machines(&scene, &machines()));
}

#[test]
fn more_workers_than_cells_give_the_rows_of_the_oracle() {
    let many = dpp::limits::CELLS + 3;
    law(28, 6, scenes_of_all(60, 1), |scene| check_machines(&scene, &[machine(many, 2, 4096, 0)]));
}

/// With the bounds that the oracle does not know: all machines give up the same.
#[test]
fn what_is_given_up_at_a_bound_is_the_same_on_every_machine() {
    let bounds = (1..4_usize, 1..4_usize, proptest::sample::select(vec![1, SECOND]));
    law(29, 120, (scenes_of_all(60, 1), bounds, some_machines()), |(mut scene, bounds, machines)| {
        let (datagrams, connections, age_ns) = bounds;
        let Limits { fragments, streams, .. } = &mut scene.plan.limits;
        *fragments = FragmentLimits {
            v4_timeout_ns: age_ns,
            v6_timeout_ns: age_ns,
            datagrams,
            shares: 1,
            ..FragmentLimits::default()
        };
        *streams = StreamLimits { connections, half_open: 1, idle_ns: age_ns, ..StreamLimits::default() };
        check_alike(&scene, &machines)
    });
}

/// What stands behind the holes, some of them open at the end, the oracle does not know either: all machines find the same.
#[test]
fn where_packets_are_missing_every_machine_finds_the_same() {
    law(32, 120, (scenes_of_all(60, 1), 2..7_usize, some_machines()), |(mut scene, nth, machines)| {
        let mut packets = std::mem::take(&mut scene.packets).into_iter().enumerate().collect::<Vec<_>>();
        packets.retain(|(number, _)| number % nth != nth - 1);
        scene.packets = packets.into_iter().map(|(_, packet)| packet).collect();
        check_alike(&scene, &machines)
    });
}

#[test]
fn every_lane_sees_every_piece_in_order() {
    law(3, 100, (scenes(60, 1), a_machine()), |(scene, machine)| {
        let (capture, meaning) = (Capture::of(&scene.packets, PLAIN), meaning(&scene.packets, &scene.plan));
        let run = watched(single(&capture.bytes[..]), &scene.plan, &machine, 3, &Watch::default());
        check(&run, &scene, &meaning, &machine)?;
        Ok(())
    });
}

#[test]
fn every_encoding_of_the_same_packets_gives_the_same_rows() {
    let scenes = prop_oneof![scenes(40, 1000), scenes_of_all(40, 1000)];
    law(4, 150, (scenes, any::<u64>(), a_machine()), |(scene, variety, machine)| {
        let meaning = meaning(&scene.packets, &scene.plan);
        for encoding in encodings(variety) {
            let capture = Capture::of(&scene.packets, encoding);
            check(&run(&capture.bytes[..], &scene.plan, &machine), &scene, &meaning, &(encoding, &machine))?;
        }
        Ok(())
    });
}

#[test]
fn pcapng_tells_nanoseconds() {
    law(5, 200, (scenes(40, 1), any::<u64>(), a_machine()), |(scene, variety, machine)| {
        let capture = Capture::of(&scene.packets, Encoding::Pcapng { variety });
        let meaning = meaning(&scene.packets, &scene.plan);
        check(&run(&capture.bytes[..], &scene.plan, &machine), &scene, &meaning, &(variety, &machine))?;
        Ok(())
    });
}

#[test]
fn how_the_input_trickles_in_does_not_matter() {
    let strategy = (scenes(30, 1000), any::<u64>(), a_machine(), 1..80_usize);
    law(6, 100, strategy, |(scene, variety, machine, bytes)| {
        let meaning = meaning(&scene.packets, &scene.plan);
        for (encoding, bytes) in [(PLAIN, 1), (PLAIN, bytes), (Encoding::Pcapng { variety }, bytes)] {
            let capture = Capture::of(&scene.packets, encoding);
            let input = Trickle { input: &capture.bytes[..], bytes, interrupted: false };
            check(&run(input, &scene.plan, &machine), &scene, &meaning, &(encoding, bytes, &machine))?;
        }
        Ok(())
    });
}

#[test]
fn a_capture_cut_off_anywhere_gives_the_rows_of_its_whole_packets() {
    let check_cuts = |scene: Scene| {
        for encoding in encodings(5) {
            let capture = Capture::of(&scene.packets, encoding);
            for length in header_length(encoding)..=capture.bytes.len() {
                check_cut(&scene, &capture, length, &plain())?;
            }
        }
        Ok(())
    };
    law(7, 1, scenes(5, 1000), check_cuts);
    law(27, 1, scenes_of_all(4, 1000), check_cuts);
}

#[test]
fn every_machine_sees_the_same_cut() {
    let scenes = prop_oneof![scenes(40, 1000), scenes_of_all(40, 1000)];
    let strategy = (scenes, any::<u64>(), any::<proptest::sample::Index>(), some_machines());
    law(8, 90, strategy, |(scene, variety, place, machines)| {
        for encoding in encodings(variety) {
            let capture = Capture::of(&scene.packets, encoding);
            let shortest = header_length(encoding);
            let length = shortest + place.index(capture.bytes.len() + 1 - shortest);
            machines.iter().try_for_each(|machine| check_cut(&scene, &capture, length, machine))?;
        }
        Ok(())
    });
}

#[test]
fn an_input_that_fails_gives_the_rows_of_its_whole_packets() {
    let scenes = prop_oneof![scenes(40, 1000), scenes_of_all(40, 1000)];
    let strategy = (scenes, any::<proptest::sample::Index>(), a_machine());
    law(9, 200, strategy, |(scene, place, machine)| {
        let capture = Capture::of(&scene.packets, PLAIN);
        let length = header_length(PLAIN) + place.index(capture.bytes.len() + 1 - header_length(PLAIN));
        let whole = whole_packets(&scene, &capture, length);
        let run = run(FailAtEnd(&capture.bytes[..length]), &scene.plan, &machine);
        check(&run, &whole, &meaning(&whole.packets, &whole.plan), &(length, &machine))?;
        match run.outcome.ending {
            Ending::Unreadable { offset, .. } => prop_assert_eq!(offset, length as u64),
            ending => prop_assert!(false, "the input fails after {} bytes, but {:?}", length, ending),
        }
        Ok(())
    });
}

#[test]
fn a_run_that_is_stopped_gives_a_prefix_of_the_full_run() {
    let scenes = prop_oneof![scenes(60, 1), scenes_of_all(60, 1)];
    let strategy = (scenes, any::<proptest::sample::Index>(), some_machines());
    law(10, 250, strategy, |(scene, place, machines)| {
        let capture = Capture::of(&scene.packets, PLAIN);
        let full = meaning(&scene.packets, &scene.plan);
        for machine in &machines {
            let watch = Watch::default();
            let left = 1 + place.index(capture.bytes.len());
            let input = StopAfter { input: &capture.bytes[..], left, watch: &watch };
            let run = watched(single(input), &scene.plan, machine, 1, &watch);
            let read = run.outcome.totals.read.packets as usize;
            let stopped = meaning_if_stopped(&scene.packets, read, &scene.plan);
            check_prefix(&run, &stopped, &full, machine)?;
            prop_assert!(matches!(run.outcome.ending, Ending::Interrupted), "{:?}", run.outcome.ending);
        }
        Ok(())
    });
}

#[test]
fn a_monotonic_run_ends_at_the_first_regression() {
    law(11, 200, (scenes(40, 1), a_machine()), |(mut scene, machine)| {
        scene.plan.monotonic = true;
        let capture = Capture::of(&scene.packets, PLAIN);
        match (regressions(&scene.packets).first(), run_to_error(&capture.bytes[..], &scene.plan, &machine)) {
            (None, None) => {}
            (Some(first), Some(CaptureError::Regression(found))) => prop_assert_eq!(found, *first),
            (first, error) => {
                prop_assert!(false, "the first regression is {first:?}, the run ends with {error:?}")
            }
        }
        Ok(())
    });
}

#[test]
fn a_sink_that_fails_ends_the_run_with_its_error() {
    let packets: Vec<Packet> = (0..40).map(|s| Packet::parse(&format!("{s} query a7 www"))).collect();
    let capture = Capture::of(&packets, PLAIN);
    for workers in [1, 2, 3, 8] {
        let machine = machine(workers, 1, 1, 0);
        let sink = FailAfter::pieces(5);
        match pipeline::run(single(&capture.bytes[..]), &Plan::default(), &machine, &sink, &Watch::default())
        {
            Err(RunError::Sink(DiskFull)) => assert_eq!(sink.pieces_taken(), 5),
            other => panic!("{workers} workers: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_capture_is_refused() {
    let capture = Capture::of(&[Packet::parse("0 query a7 www")], PLAIN).bytes;
    let error = |bytes: &[u8]| run_to_error(bytes, &Plan::default(), &plain());
    assert!(matches!(error(b""), Some(CaptureError::NotACapture(bytes)) if bytes.is_empty()));
    assert!(matches!(error(b"GET / HTTP/1.1"), Some(CaptureError::NotACapture(bytes)) if bytes == b"GET "));
    assert!(matches!(error(&capture[..3]), Some(CaptureError::NotACapture(_))));
    assert!(matches!(error(&capture[..4]), Some(CaptureError::HeaderCut(4))));
    assert!(matches!(error(&capture[..23]), Some(CaptureError::HeaderCut(23))));
    assert!(error(&capture[..24]).is_none());
}

#[test]
fn a_scene_is_the_text_it_prints() {
    law(12, 300, scenes_of_all(40, 1), |scene| {
        for packet in &scene.packets {
            let text = packet.to_string();
            prop_assert!(Packet::parse(&text) == *packet, "{}", text);
        }
        Ok(())
    });
}

/// Whether a law held.
type Held = Result<(), TestCaseError>;

/// Checks a property on scenes drawn with a fixed seed. A scene that fails is shrunk and printed.
fn law<S: Strategy<Value: Debug> + 'static>(
    seed: u8,
    cases: u32,
    strategy: S,
    property: impl Fn(S::Value) -> Held,
) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let held = TestRunner::new_with_rng(config, rng).run(&strategy.boxed(), property);
    held.unwrap_or_else(|failure| panic!("{failure}"));
}

fn a_machine() -> impl Strategy<Value = Machine> {
    proptest::sample::select(machines())
}

fn some_machines() -> impl Strategy<Value = Vec<Machine>> {
    proptest::collection::vec(a_machine(), 4)
}

/// Ways to write packets with times in whole microseconds.
fn encodings(variety: u64) -> [Encoding; 6] {
    let classic = |big_endian, unit_ns| Encoding::Classic { big_endian, unit_ns };
    [
        classic(false, 1),
        classic(true, 1),
        classic(false, 1000),
        classic(true, 1000),
        Encoding::Pcapng { variety },
        Encoding::Pcapng { variety: variety.wrapping_add(1) },
    ]
}

/// The fewest bytes that are a capture of no packets.
fn header_length(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Classic { .. } => 24,
        Encoding::Pcapng { .. } => 4,
    }
}

/// What is left of a scene when its capture is so long.
fn whole_packets(scene: &Scene, capture: &Capture, length: usize) -> Scene {
    let (_, packets) = capture.end_before(length);
    Scene { packets: scene.packets[..packets].to_vec(), ..scene.clone() }
}

/// Checks that a capture cut to `length` bytes gives the rows of its whole packets, and that the ending says so.
fn check_cut(scene: &Scene, capture: &Capture, length: usize, machine: &Machine) -> Held {
    let whole = whole_packets(scene, capture, length);
    let run = run(&capture.bytes[..length], &whole.plan, machine);
    check(&run, &whole, &meaning(&whole.packets, &whole.plan), &(length, machine))?;
    let (end, _) = capture.end_before(length);
    let told = match run.outcome.ending {
        Ending::Complete => None,
        Ending::CutOff { offset } => Some(offset),
        ending => return Err(TestCaseError::fail(format!("{ending:?} after {length} bytes, {machine:?}"))),
    };
    let cut_off = (end < length).then_some(end as u64);
    prop_assert_eq!(told, cut_off, "where the capture of {} bytes is cut off, {:?}", length, machine);
    Ok(())
}

/// Checks that all these machines give what the oracle does.
fn check_machines(scene: &Scene, machines: &[Machine]) -> Held {
    let (capture, meaning) = (Capture::of(&scene.packets, PLAIN), meaning(&scene.packets, &scene.plan));
    let expected = Told::of(scene, &meaning);
    machines.iter().try_for_each(|machine| {
        check_told(&run(&capture.bytes[..], &scene.plan, machine), &expected, machine)
    })
}

/// Checks everything that a run tells. `of` says which run it was.
/// Checks that these machines give the rows and figures that the plain one gives.
fn check_alike(scene: &Scene, machines: &[Machine]) -> Held {
    let capture = Capture::of(&scene.packets, PLAIN);
    let expected = run(&capture.bytes[..], &scene.plan, &plain());
    for machine in machines {
        let run = run(&capture.bytes[..], &scene.plan, machine);
        prop_assert!(run.rows == expected.rows, "{:?}\n{:?}\n{:?}", machine, run.rows, expected.rows);
        let (told, totals) = (&run.outcome.totals, &expected.outcome.totals);
        prop_assert!(told == totals, "{:?}\n{:?}\n{:?}", machine, told, totals);
    }
    Ok(())
}

fn check(run: &Run, scene: &Scene, meaning: &Meaning, of: &dyn Debug) -> Held {
    check_told(run, &Told::of(scene, meaning), of)
}

fn check_told(run: &Run, expected: &Told, of: &dyn Debug) -> Held {
    let told = Told::by(run);
    prop_assert!(run.outcome.totals.check(), "the sums close: {:?}", run.outcome.totals);
    prop_assert!(told == *expected, "{:?}\ntold     {:?}\nexpected {:?}", of, told, expected);
    Ok(())
}

/// Checks that an interrupted run is a prefix of the full one, and counts as the oracle does when it stops there. The
/// engine may not yet have forgotten what the clock is past: rows behind such a query are left out, and it counts as open.
fn check_prefix(run: &Run, stopped: &Meaning, full: &Meaning, of: &dyn Debug) -> Held {
    let rows = &run.rows;
    prop_assert!(full.rows.starts_with(rows), "{:?}\n{:?}\nis no prefix of\n{:?}", of, rows, full.rows);
    let lengths = stopped.decided_at_once..=stopped.rows.len();
    prop_assert!(lengths.contains(&rows.len()), "{:?}\n{:?}", of, rows);
    prop_assert!(run.outcome.totals.check(), "the sums close: {:?}", run.outcome.totals);
    let undecided = |m: Matches| Matches {
        timed_out: m.matched + m.timed_out + m.still_open,
        unclaimed_responses: m.matched + m.unclaimed_responses,
        matched: 0,
        still_open: 0,
        ..m
    };
    let told = run.outcome.totals.matches;
    prop_assert_eq!(undecided(told), undecided(stopped.matches), "{:?}", of);
    prop_assert!(told.still_open >= stopped.matches.still_open, "{:?}", of);
    let matched = stopped.matches.matched - stopped.transfers..=stopped.matches.matched;
    prop_assert!(matched.contains(&told.matched), "{:?}", of);
    Ok(())
}

/// Everything that a run tells, but how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    rows: Vec<Row>,
    matches: Matches,
    rows_counted: u64,
    read: Volume,
    /// The reasons for which some were.
    skipped: Vec<(&'static str, Volume)>,
    used: Volume,
    records_unread: u64,
    questions_unread: u64,
    stream_messages_unread: u64,
    parse_errors: [u64; PARSE_ERRORS.len()],
    first_and_last_ns: Option<(i64, i64)>,
    regressions: u64,
    first_regression: Option<Regression>,
    rtt_max_ns: Option<u64>,
}

impl Told {
    fn by(run: &Run) -> Told {
        let (outcome, totals) = (&run.outcome, &run.outcome.totals);
        assert_eq!(totals.messages_cut, 0, "no scene has such packets");
        Told {
            rows: run.rows.clone(),
            matches: totals.matches,
            rows_counted: outcome.rows,
            read: totals.read,
            skipped: by_reason(|skip| totals.skips.of(skip)),
            used: totals.used,
            records_unread: totals.records_unread,
            questions_unread: totals.questions_unread,
            stream_messages_unread: totals.stream_messages_unread,
            parse_errors: totals.parse_errors,
            first_and_last_ns: outcome.first_and_last_ns,
            regressions: outcome.regressions,
            first_regression: outcome.first_regression,
            // What was matched behind a query that is still open has no row, but counts.
            rtt_max_ns: totals.rtt.max_ns().filter(|_| totals.matches.still_open == 0),
        }
    }

    /// What is to be told of a scene.
    fn of(scene: &Scene, meaning: &Meaning) -> Told {
        let Scene { packets, plan } = scene;
        let arrivals = arrivals(packets, plan);
        let fates = || packets.iter().zip(&arrivals);
        let skipped = |skip| volume(fates().filter(move |fate| fate.1.skip == skip).map(|fate| fate.0));
        let messages = || arrivals.iter().flat_map(|arrival| arrival.messages.iter().copied());
        let unread = |message: &&Message| message.damage.is_some() && message.kind != Kind::Query;
        let mut parse_errors = [0; PARSE_ERRORS.len()];
        if plan.wants_malformed() {
            messages().filter_map(Message::error).for_each(|error| parse_errors[error as usize] += 1);
        }
        let rtts = meaning.rows.iter().filter_map(|row| Some((row.answer?.0 - row.request_ns) as u64));
        let regressions = regressions(packets);
        Told {
            rows: meaning.rows.clone(),
            matches: meaning.matches,
            rows_counted: meaning.rows.len() as u64,
            read: volume(packets.iter()),
            skipped: by_reason(|skip| skipped(Some(skip))),
            used: skipped(None),
            records_unread: messages().filter(|message| message.has_unreadable_records()).count() as u64,
            questions_unread: messages().filter(unread).count() as u64,
            stream_messages_unread: arrivals.iter().map(|arrival| arrival.unread).sum(),
            parse_errors,
            first_and_last_ns: packets.first().zip(packets.last()).map(|(a, b)| (a.time_ns, b.time_ns)),
            regressions: regressions.len() as u64,
            first_regression: regressions.first().copied(),
            rtt_max_ns: rtts.max().filter(|_| meaning.matches.still_open == 0),
        }
    }
}

/// The volumes of the skips for which there is one.
fn by_reason(volume: impl Fn(Skip) -> Volume) -> Vec<(&'static str, Volume)> {
    let all = SKIPS.iter().map(|row| (row.1, volume(row.0)));
    all.filter(|(_, volume)| volume.packets > 0).collect()
}

fn volume<'a>(packets: impl Iterator<Item = &'a Packet>) -> Volume {
    let mut volume = Volume::default();
    packets.for_each(|packet| volume.add(packet.frame().len()));
    volume
}

/// Where timestamps go backwards.
fn regressions(packets: &[Packet]) -> Vec<Regression> {
    let pairs = packets.windows(2).enumerate().filter(|(_, pair)| pair[1].time_ns < pair[0].time_ns);
    let regressions = pairs.map(|(at, pair)| Regression {
        position: at as u64 + 1,
        previous_ns: pair[0].time_ns,
        time_ns: pair[1].time_ns,
    });
    regressions.collect()
}

/// The error a run ends with, if it does.
fn run_to_error(input: impl Read + Send, plan: &Plan, machine: &Machine) -> Option<CaptureError> {
    match pipeline::run(single(input), plan, machine, &Collect::new(1), &Watch::default()) {
        Ok(_) => None,
        Err(RunError::Capture(InputError { input: 0, error })) => Some(error),
        Err(RunError::Capture(error)) => panic!("there is one input: {error:?}"),
        Err(RunError::Sink(never)) => match never {},
    }
}
