//! What a run tells while it runs, against what it comes to.

use crate::encoding::{Capture, PLAIN};
use crate::generate::{scenes, scenes_of_all};
use crate::packet::Packet;
use crate::production::{machine, watched};
use crate::{law, some_machines};
use dpp::capture::single;
use dpp::packet::SKIPS;
use dpp::pipeline::{Told, Watch};
use dpp::plan::Plan;
use dpp::stats::Totals;
use proptest::prelude::*;
use std::io::{self, Read};

/// A reader that hands out little at a time, asks for totals each time, and keeps what was told.
struct Asking<'a> {
    input: &'a [u8],
    watch: &'a Watch,
    told: &'a mut Vec<Told>,
}

impl Read for Asking<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.told.push(self.watch.told());
        self.watch.ask();
        let length = buffer.len().min(97);
        self.input.read(&mut buffer[..length])
    }
}

/// Numbers of every room that counts.
fn numbers(told: &Told) -> Vec<u64> {
    let Totals { read, used, skips, fragments, streams, matches, rtt, messages, .. } = &told.totals;
    let mut numbers = vec![told.rows, *messages, read.packets, read.bytes, used.packets, used.bytes];
    numbers.extend(SKIPS.iter().map(|row| skips.of(row.0).packets));
    numbers.extend([fragments.begun, fragments.completed, fragments.conflicting, fragments.evicted]);
    numbers.extend(streams.rows().map(|row| row.1));
    numbers.extend([matches.queries, matches.responses, matches.matched, matches.timed_out]);
    numbers.extend([matches.retries, matches.unclaimed_responses, rtt.max_ns().unwrap_or(0)]);
    numbers
}

/// Numbers that are no less than others.
fn have_grown(before: &Told, after: &Told) -> bool {
    numbers(before).iter().zip(numbers(after)).all(|(before, after)| *before <= after)
}

#[test]
fn what_a_run_tells_only_grows_and_ends_at_its_outcome() {
    let scenes = prop_oneof![scenes(60, 1), scenes_of_all(60, 1)];
    law(13, 40, (scenes, some_machines()), |(scene, machines)| {
        let capture = Capture::of(&scene.packets, PLAIN);
        for machine in &machines {
            let (watch, mut told) = (Watch::live(), Vec::new());
            let input = Asking { input: &capture.bytes[..], watch: &watch, told: &mut told };
            let run = watched(single(input), &scene.plan, machine, 1, &watch);
            told.push(watch.told());
            prop_assert!(told.is_sorted_by(have_grown), "{:?}", machine);
            let mut totals = run.outcome.totals;
            totals.skips.forget_first();
            let last = told.pop().expect("there is one");
            prop_assert!(last.totals == totals, "{:?}: the last told is the outcome's", machine);
            prop_assert_eq!(last.rows, run.outcome.rows);
        }
        Ok(())
    });
}

#[test]
fn a_run_tells_what_it_has_counted_before_it_ends() {
    let packets: Vec<Packet> = (0..40)
        .flat_map(|s| [format!("{s} query a7 www"), format!("{s}.1 response a7 www")])
        .map(|text| Packet::parse(&text))
        .collect();
    let capture = Capture::of(&packets, PLAIN);
    for workers in [1, 3] {
        let (watch, mut told) = (Watch::live(), Vec::new());
        let input = Asking { input: &capture.bytes[..], watch: &watch, told: &mut told };
        watched(single(input), &Plan::default(), &machine(workers, 1, 97, 0), 1, &watch);
        let last = told.pop().expect("the capture takes many reads");
        assert!(last.totals.read.packets > 40, "{workers} workers: {:?}", last.totals.read);
        assert!(last.totals.matches.matched > 15 && last.totals.rtt.max_ns() == Some(100_000_000));
        assert!(last.rows > 10, "{workers} workers: {} rows", last.rows);
    }
}
