//! Laws about captures in many inputs: where a capture was cut into files changes nothing, and captures that are merged
//! are those packets in the order of their timestamps.

use crate::encoding::{Capture, Encoding, PLAIN};
use crate::generate::{Scene, scenes};
use crate::oracle::{meaning, meaning_if_stopped};
use crate::packet::Packet;
use crate::production::{Collect, FailAtEnd, machine, plain, run_all, watched};
use crate::{a_machine, check, check_prefix, encodings, law, regressions, some_machines, whole_packets};
use dpp::capture::{CaptureError, Ending, FILE_HEADER_MAX, InputError, Listed};
use dpp::limits::{LISTED_MAX, MERGED_MAX};
use dpp::pipeline::{self, Machine, RunError, Watch};
use dpp::plan::Plan;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn where_a_capture_is_cut_into_files_changes_nothing() {
    let strategy = (scenes(40, 1000), cuts(), some_machines());
    law(20, 500, strategy, |(scene, cuts, machines)| {
        let (files, meaning) = (cut(&scene, &cuts), meaning(&scene.packets, &scene.plan));
        for machine in &machines {
            let run = run_all(open(&files), &scene.plan, machine);
            check(&run, &scene, &meaning, &(&cuts, machine))?;
            prop_assert_eq!(run.outcome.inputs.captures, files.len() as u64);
            prop_assert!(matches!(run.outcome.ending, Ending::Complete), "{:?}", run.outcome.inputs);
        }
        Ok(())
    });
}

#[test]
fn every_cut_in_two_changes_nothing() {
    law(21, 20, (scenes(12, 1000), any::<u64>(), a_machine()), |(scene, variety, machine)| {
        let meaning = meaning(&scene.packets, &scene.plan);
        for at in 0..=scene.packets.len() {
            for encoding in encodings(variety) {
                let files = vec![
                    Capture::of(&scene.packets[..at], encoding),
                    Capture::behind(&scene.packets, at..scene.packets.len(), encoding),
                ];
                let run = run_all(open(&files), &scene.plan, &machine);
                check(&run, &scene, &meaning, &(at, encoding, &machine))?;
            }
        }
        Ok(())
    });
}

#[test]
fn a_file_that_ends_too_early_is_named_and_the_next_one_goes_on() {
    let strategy = (scenes(40, 1000), cuts(), vec(any::<Index>(), 8), any::<u8>(), some_machines());
    law(22, 300, strategy, |(scene, cuts, places, failing, machines)| {
        let files = cut_apart(&scene, &cuts);
        let lengths = shortened(&files, &places);
        let (mut whole, mut endings, mut first) = (Vec::new(), Vec::new(), 0);
        for (number, (file, &length)) in files.iter().zip(&lengths).enumerate() {
            let (end, packets) = file.end_before(length);
            whole.extend_from_slice(&scene.packets[first..first + packets]);
            first += file.ends.last().expect("a header").1;
            match failing >> number & 1 {
                1 => endings.push((number, "unreadable", length as u64)),
                _ if end < length => endings.push((number, "cut off", end as u64)),
                _ => {}
            }
        }
        let whole = Scene { packets: whole, ..scene.clone() };
        let meaning = meaning(&whole.packets, &whole.plan);
        for machine in &machines {
            let inputs = files.iter().zip(&lengths).enumerate().map(|(number, (file, &length))| {
                let bytes = &file.bytes[..length];
                Ok(Box::new(bytes) as Box<dyn Read + Send>)
                    .map(|input| if failing >> number & 1 == 1 { Box::new(FailAtEnd(input)) } else { input })
            });
            let run = run_all(inputs, &whole.plan, machine);
            check(&run, &whole, &meaning, &(&lengths, failing, machine))?;
            prop_assert_eq!(&told(&run.outcome.inputs.endings), &endings);
            let overall = endings.first().map_or("complete", |ending| ending.1);
            prop_assert_eq!(kind(&run.outcome.ending).0, overall);
        }
        Ok(())
    });
}

#[test]
fn a_damaged_file_is_named_and_the_next_one_goes_on() {
    let packets = parse(&["0 query a7 www", "0.1 response a7 www"]);
    let mut damaged = Capture::of(&packets[..1], PLAIN);
    let end = damaged.bytes.len() as u64;
    damaged.bytes.extend([0xFF; 16]);
    let run = run_all(open(&[damaged, Capture::of(&packets[1..], PLAIN)]), &Plan::default(), &plain());
    assert_eq!((run.outcome.totals.matches.matched, run.outcome.inputs.endings.count), (1, 1));
    match run.outcome.inputs.endings.first[..] {
        [(0, Ending::Damaged { offset, .. })] => assert_eq!(offset, end),
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn the_witness_of_a_jump_may_be_far_behind_and_in_another_file() {
    // Behind the packet that jumps: statistics longer than any packet, a file without packets, and more statistics.
    let packets =
        parse(&["0 query a7 www", "500 query b7 www", "500.1 response b7 www", "500.2 query c7 www"]);
    let nothing = [&[0x0A, 0, 0, 0], &2_000_000_u32.to_le_bytes()[..], &[0; 1_999_992]].concat();
    let file = |packets: &[Packet]| Capture::of(packets, Encoding::Pcapng { variety: 0 }).bytes;
    let files = [
        [file(&packets[..2]), nothing.clone()].concat(),
        file(&[]),
        Capture::of(&[], PLAIN).bytes,
        [&file(&[])[..], &nothing, &file(&packets[2..])].concat(),
    ];
    let scene = Scene { plan: Plan::default(), packets };
    let meaning = meaning(&scene.packets, &scene.plan);
    for machine in [plain(), machine(2, 1, 1, 0), machine(1, 2, 4096, 0)] {
        let run = run_all(files.iter().map(|file| Ok(&file[..])), &scene.plan, &machine);
        check(&run, &scene, &meaning, &machine).unwrap();
    }
}

#[test]
fn a_run_that_is_stopped_when_a_file_is_opened_gives_a_prefix() {
    let strategy = (scenes(40, 1000), cuts(), any::<Index>(), some_machines());
    law(26, 200, strategy, |(scene, cuts, place, machines)| {
        let (files, full) = (cut(&scene, &cuts), meaning(&scene.packets, &scene.plan));
        let last = place.index(files.len());
        for machine in &machines {
            let watch = Watch::default();
            let inputs = files.iter().enumerate().map(|(number, file)| {
                watch.stop.fetch_or(number == last, Ordering::Relaxed);
                Ok(&file.bytes[..])
            });
            let run = watched(inputs, &scene.plan, machine, 1, &watch);
            let read = run.outcome.totals.read.packets as usize;
            let last_ns = scene.packets[..read].last().map(|packet| packet.time_ns);
            prop_assert_eq!(run.outcome.first_and_last_ns.map(|span| span.1), last_ns);
            let stopped = meaning_if_stopped(&scene.packets, read, &scene.plan);
            check_prefix(&run, &stopped, &full, machine)?;
            prop_assert!(matches!(run.outcome.ending, Ending::Interrupted), "{:?}", run.outcome.ending);
        }
        Ok(())
    });
}

#[test]
fn inputs_are_opened_one_at_a_time() {
    static OPEN: AtomicUsize = AtomicUsize::new(0);
    struct Input(&'static [u8]);
    impl Read for Input {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }
    impl Drop for Input {
        fn drop(&mut self) {
            OPEN.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let file: &[u8] = Capture::of(&parse(&["0 query a7 www"]), PLAIN).bytes.leak();
    let inputs = (0..5000).map(|_| {
        assert_eq!(OPEN.fetch_add(1, Ordering::SeqCst), 0, "the one before is closed");
        Ok(Input(file))
    });
    let run = run_all(inputs, &Plan::default(), &machine(3, usize::MAX, 4096, 0));
    assert_eq!((run.outcome.inputs.captures, run.outcome.totals.read.packets), (5000, 5000));
    assert_eq!(OPEN.load(Ordering::SeqCst), 0);
}

#[test]
fn no_inputs_are_a_capture_of_no_packets() {
    for merge in [false, true] {
        let run = run_all(open(&[]), &Plan { merge, ..Plan::default() }, &plain());
        assert_eq!((run.outcome.inputs.captures, run.outcome.totals.read.packets), (0, 0));
    }
}

#[test]
fn what_is_no_capture_ends_the_run() {
    let packets = parse(&["0 query a7 www", "0.1 response a7 www"]);
    let files = [Capture::of(&packets[..1], PLAIN).bytes, Capture::of(&packets[1..], PLAIN).bytes];
    for merge in [false, true] {
        let plan = Plan { merge, ..Plan::default() };
        for (bad, missing) in (0..3).flat_map(|bad| [(bad, false), (bad, true)]) {
            let mut inputs: Vec<io::Result<&[u8]>> = files.iter().map(|file| Ok(&file[..])).collect();
            inputs.insert(bad, if missing { Err(io::ErrorKind::NotFound.into()) } else { Ok(b"GET /") });
            let error = error(inputs.into_iter(), &plan, &machine(2, 1, 1, 0));
            assert_eq!(error.input, bad);
            match error.error {
                CaptureError::Read(error) => assert!(missing && error.kind() == io::ErrorKind::NotFound),
                CaptureError::NotACapture(bytes) => assert!(!missing && bytes == b"GET "),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn only_the_first_of_many_bad_endings_are_named_and_all_are_counted() {
    let count = LISTED_MAX + 20;
    let cut_off = &Capture::of(&parse(&["0 query a7 www"]), PLAIN).bytes[..30];
    let inputs = run_all((0..count).map(|_| Ok(cut_off)), &Plan::default(), &plain()).outcome.inputs;
    assert_eq!((inputs.captures, inputs.endings.count), (count as u64, count as u64));
    let named: Vec<usize> = inputs.endings.first.iter().map(|row| row.0).collect();
    assert_eq!(named, (0..LISTED_MAX).collect::<Vec<_>>());
}

#[test]
fn a_monotonic_run_names_the_input_of_its_first_regression() {
    let strategy = (scenes(40, 1000), cuts(), any::<bool>(), a_machine());
    law(23, 200, strategy, |(mut scene, cuts, merge, machine)| {
        (scene.plan.monotonic, scene.plan.merge) = (true, merge);
        let files = cut_apart(&scene, &cuts);
        let mut packets: Vec<(usize, Packet)> = Vec::new();
        for (number, file) in files.iter().enumerate() {
            let next = packets.len()..packets.len() + file.ends.last().expect("a header").1;
            packets.extend(scene.packets[next].iter().map(|packet| (number, packet.clone())));
        }
        if merge {
            packets = merged(packets);
        }
        let in_order: Vec<Packet> = packets.iter().map(|(_, packet)| packet.clone()).collect();
        let Some(&first) = regressions(&in_order).first() else { return Ok(()) };
        let error = error(open(&files), &scene.plan, &machine);
        prop_assert_eq!(error.input, packets[first.position as usize].0);
        prop_assert!(matches!(error.error, CaptureError::Regression(found) if found == first), "{:?}", error);
        Ok(())
    });
}

#[test]
fn merged_captures_are_their_packets_in_the_order_of_time() {
    let strategy = (scenes(40, 1000), any::<bool>(), vec(0..5_usize, 40), any::<u64>(), some_machines());
    law(24, 500, strategy, |(mut scene, sorted, owners, variety, machines)| {
        if sorted {
            scene.packets.sort_by_key(|packet| packet.time_ns);
        }
        let owned: Vec<(usize, Packet)> = owners.into_iter().zip(scene.packets.iter().cloned()).collect();
        let files: Vec<Capture> = (0..5)
            .map(|owner| {
                let packets: Vec<Packet> =
                    owned.iter().filter(|row| row.0 == owner).map(|row| row.1.clone()).collect();
                Capture::of(&packets, encodings(variety)[(variety as usize % 7 + owner) % 6])
            })
            .collect();
        let order = merged(owned.clone());
        if sorted {
            let mut by_time = owned;
            by_time.sort_by_key(|(owner, packet)| (packet.time_ns, *owner));
            prop_assert!(order.iter().map(|row| row.1.time_ns).eq(by_time.iter().map(|row| row.1.time_ns)));
            prop_assert!(order.iter().map(|row| row.0).eq(by_time.iter().map(|row| row.0)));
        }
        scene.packets = order.into_iter().map(|row| row.1).collect();
        scene.plan.merge = true;
        let meaning = meaning(&scene.packets, &scene.plan);
        for machine in &machines {
            let run = run_all(open(&files), &scene.plan, machine);
            check(&run, &scene, &meaning, &(variety, machine))?;
            prop_assert_eq!(run.outcome.inputs.captures, 5);
        }
        Ok(())
    });
}

#[test]
fn a_merged_capture_that_ends_too_early_is_named_and_the_others_go_on() {
    let strategy = (scenes(40, 1000), cuts(), vec(any::<Index>(), 8), some_machines());
    law(25, 300, strategy, |(mut scene, cuts, places, machines)| {
        scene.plan.merge = true;
        let files = cut_apart(&scene, &cuts);
        let lengths = shortened(&files, &places);
        let (mut owned, mut endings, mut first) = (Vec::new(), Vec::new(), 0);
        for (number, (file, &length)) in files.iter().zip(&lengths).enumerate() {
            let part = file.ends.last().expect("a header").1;
            let of_file = Scene { packets: scene.packets[first..first + part].to_vec(), ..scene.clone() };
            owned.extend(whole_packets(&of_file, file, length).packets.into_iter().map(|p| (number, p)));
            first += part;
            let end = file.end_before(length).0;
            endings.extend((end < length).then_some((number, "cut off", end as u64)));
        }
        scene.packets = merged(owned).into_iter().map(|row| row.1).collect();
        let meaning = meaning(&scene.packets, &scene.plan);
        for machine in &machines {
            let inputs = files.iter().zip(&lengths).map(|(file, &length)| Ok(&file.bytes[..length]));
            let run = run_all(inputs, &scene.plan, machine);
            check(&run, &scene, &meaning, &(&lengths, machine))?;
            let mut told = told(&run.outcome.inputs.endings);
            told.sort_unstable();
            prop_assert_eq!(&told, &endings);
        }
        Ok(())
    });
}

#[test]
fn so_many_captures_can_be_merged_and_no_more() {
    let packets: Vec<Packet> =
        (0..=MERGED_MAX).map(|s| Packet::parse(&format!("{s} query a7 www"))).collect();
    let files: Vec<Capture> = packets.chunks(1).rev().map(|packet| Capture::of(packet, PLAIN)).collect();
    let plan = Plan { merge: true, ..Plan::default() };
    let run = run_all(open(&files[..MERGED_MAX]), &plan, &plain());
    assert_eq!((run.outcome.totals.read.packets, run.outcome.regressions), (MERGED_MAX as u64, 0));
    let error = error(open(&files), &plan, &plain());
    assert!(matches!(error, InputError { input: MERGED_MAX, error: CaptureError::TooManyToMerge }));
}

/// Where a capture is cut, and how each file is written.
#[derive(Clone, Debug)]
struct Cuts {
    places: Vec<Index>,
    variety: u64,
}

fn cuts() -> impl Strategy<Value = Cuts> {
    (vec(any::<Index>(), 0..7), any::<u64>()).prop_map(|(places, variety)| Cuts { places, variety })
}

impl Cuts {
    /// How the file with this number is written.
    fn encoding(&self, number: usize) -> Encoding {
        encodings(self.variety)[(self.variety >> (8 * number)) as usize % 6]
    }
}

/// The files of a capture that was cut between packets, in several formats; some have no packets.
fn cut(scene: &Scene, cuts: &Cuts) -> Vec<Capture> {
    files(scene, cuts, Capture::behind)
}

/// The same, but each file can be read without those before it.
fn cut_apart(scene: &Scene, cuts: &Cuts) -> Vec<Capture> {
    files(scene, cuts, |packets, range, encoding| Capture::of(&packets[range], encoding))
}

fn files(
    scene: &Scene,
    cuts: &Cuts,
    file: impl Fn(&[Packet], Range<usize>, Encoding) -> Capture,
) -> Vec<Capture> {
    let count = scene.packets.len();
    let mut ends: Vec<usize> = cuts.places.iter().map(|place| place.index(count + 1)).collect();
    ends.push(count);
    ends.sort_unstable();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let ranges = starts.zip(ends.iter().copied());
    let written = ranges
        .enumerate()
        .map(|(number, (start, end))| file(&scene.packets, start..end, cuts.encoding(number)));
    written.collect()
}

/// How many bytes are left of each file: of some all, of none less than a file header.
fn shortened(files: &[Capture], places: &[Index]) -> Vec<usize> {
    let lengths = files.iter().zip(places).map(|(file, place)| {
        let shortest = FILE_HEADER_MAX;
        shortest + place.index(2 * (file.bytes.len() + 1 - shortest)).min(file.bytes.len() - shortest)
    });
    lengths.collect()
}

/// Merges plainly: of the packets that the captures are at, the earliest goes first, of the smallest number.
fn merged(owned: Vec<(usize, Packet)>) -> Vec<(usize, Packet)> {
    let (mut rest, mut merged) = (owned, Vec::new());
    while !rest.is_empty() {
        let is_head = |at: usize| rest[..at].iter().all(|before| before.0 != rest[at].0);
        let heads = (0..rest.len()).filter(|&at| is_head(at));
        let first = heads.min_by_key(|&at| (rest[at].1.time_ns, rest[at].0)).expect("a head");
        merged.push(rest.remove(first));
    }
    merged
}

fn open(files: &[Capture]) -> impl Iterator<Item = io::Result<&[u8]>> {
    files.iter().map(|file| Ok(&file.bytes[..]))
}

fn parse(lines: &[&str]) -> Vec<Packet> {
    lines.iter().map(|line| Packet::parse(line)).collect()
}

/// The error that a run ends with.
fn error<'a>(
    inputs: impl Iterator<Item = io::Result<&'a [u8]>> + Send,
    plan: &Plan,
    machine: &Machine,
) -> InputError {
    match pipeline::run(inputs, plan, machine, &Collect::new(1), &Watch::default()) {
        Err(RunError::Capture(error)) => error,
        Err(RunError::Sink(never)) => match never {},
        Ok(outcome) => panic!("an error is expected: {outcome:?}"),
    }
}

/// The number of each input that did not end well, how it ended, and where.
fn told(endings: &Listed<Ending>) -> Vec<(usize, &'static str, u64)> {
    let row = |(number, ending): &(usize, Ending)| (*number, kind(ending).0, kind(ending).1);
    endings.first.iter().map(row).collect()
}

fn kind(ending: &Ending) -> (&'static str, u64) {
    match ending {
        Ending::Complete => ("complete", 0),
        Ending::CutOff { offset } => ("cut off", *offset),
        Ending::Damaged { offset, .. } => ("damaged", *offset),
        Ending::Unreadable { offset, .. } => ("unreadable", *offset),
        Ending::Interrupted => ("interrupted", 0),
    }
}
