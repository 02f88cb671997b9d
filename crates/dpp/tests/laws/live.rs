//! Laws about captures that have not ended: into which batches packets come, and from which of several sources, changes
//! nothing, and neither does being told that nothing came for a while, nor, for all others, a packet whose time is forged.

use crate::encoding::{Capture, PLAIN};
use crate::generate::{Scene, scenes, scenes_of_all};
use crate::oracle::{clocks, meaning, meaning_by};
use crate::packet::SECOND;
use crate::production::run_on;
use crate::{check, law, some_machines};
use dpp::capture::{
    Batch, CaptureRead, Chunk, Chunks, Composer, Cutter, InputError, Record, Settings, single,
};
use dpp::limits::Limits;
use proptest::collection::vec;
use proptest::prelude::*;
use std::vec::IntoIter;

#[test]
fn into_which_batches_packets_come_changes_nothing() {
    let scenes = prop_oneof![scenes(60, 1000), scenes_of_all(60, 1000)];
    law(33, 300, (scenes, vec(any::<u8>(), 1..40), some_machines()), |(scene, dice, machines)| {
        let expected = meaning(&scene.packets, &scene.plan);
        for machine in &machines {
            let source = Source::new(&scene, &scene, &dice, |_, _| None);
            let run = run_on(source, &scene.plan, machine);
            check(&run, &scene, &expected, &(&dice, machine))?;
        }
        Ok(())
    });
}

/// With the usual bounds, for what is due already does not count against them; and where timestamps are those of time that
/// passed, but for the disorder that is tolerated, as otherwise nobody can say for how long it was quiet.
#[test]
fn quiet_times_change_nothing_but_when_rows_come() {
    let scenes = prop_oneof![scenes(60, 1000), scenes_of_all(60, 1000)];
    law(34, 400, (scenes, vec(any::<u8>(), 1..40), some_machines()), |(mut scene, dice, machines)| {
        let Limits { jump_ns, .. } = scene.plan.limits;
        let Limits { fragments, streams, disorder_ns, .. } = scene.plan.limits;
        scene.plan.limits = Limits { jump_ns, fragments, streams, disorder_ns, ..Limits::default() };
        let expected = meaning(&scene.packets, &scene.plan);
        let times: Vec<i128> = scene.packets.iter().map(|packet| packet.time_ns.into()).collect();
        let clocks = clocks(&times, jump_ns.into());
        let is_late = |at: &usize| (clocks[*at] - times[*at]).abs() > i128::from(disorder_ns);
        // Up to here nothing was farther out of order than is tolerated.
        let orderly = (0..times.len()).find(is_late).unwrap_or(times.len());
        // Before a packet whose time is believed at once, so much can have passed since the one before.
        let passed = |before: usize, die: u8| {
            let at = before + 1;
            let gap = times.get(at)? - clocks[before];
            let is_told = die.is_multiple_of(3) && at < orderly && gap > 0 && gap <= i128::from(jump_ns);
            is_told.then(|| (gap * i128::from(die) / 255) as i64)
        };
        for machine in &machines {
            let run = run_on(Source::new(&scene, &scene, &dice, passed), &scene.plan, machine);
            check(&run, &scene, &expected, &(&dice, machine))?;
        }
        Ok(())
    });
}

/// Times that are forged, a second to a year away in both directions, and those of whole exchanges as well as of single packets,
/// decide what their packets are answers to, and nothing else: the clock goes by when they came.
#[test]
fn forged_times_move_neither_the_clock_nor_others() {
    let scenes = prop_oneof![scenes(60, 1000), scenes_of_all(60, 1000)];
    law(35, 400, (scenes, vec(any::<u8>(), 1..40), some_machines()), |(scene, dice, machines)| {
        let mut forged = scene.clone();
        for (number, packet) in forged.packets.iter_mut().enumerate() {
            let die = dice[number % dice.len()];
            let away = [SECOND, 20 * SECOND, 3600 * SECOND, 365 * 86_400 * SECOND][usize::from(die >> 6)];
            packet.time_ns += match die % 8 {
                0..3 => away,
                3 => -away,
                _ => 0,
            };
        }
        let times: Vec<i64> = scene.packets.iter().map(|packet| packet.time_ns).collect();
        let expected = meaning_by(&times, &forged.packets, &forged.plan);
        for machine in &machines {
            let run = run_on(Source::new(&scene, &forged, &dice, |_, _| None), &scene.plan, machine);
            check(&run, &scene, &expected, &(&dice, machine))?;
        }
        Ok(())
    });
}

/// A capture that comes in batches.
struct Source {
    composer: Composer,
    steps: IntoIter<Step>,
}

/// What comes next: some batches for a chunk, or nothing for so long.
enum Step {
    Batches(Vec<Batch>),
    Quiet(i64),
}

impl Source {
    /// The packets of a scene, in batches and from sources as the dice fall, with the times that another one says they have.
    /// `passed` tells what quiet time comes behind a packet, if any.
    fn new(scene: &Scene, said: &Scene, dice: &[u8], passed: impl Fn(usize, u8) -> Option<i64>) -> Source {
        let mut steps = vec![Step::Quiet(SECOND)];
        let mut batches: Vec<Batch> = Vec::new();
        let packets = packets(scene);
        for (number, (record, bytes)) in packets.iter().enumerate() {
            let die = dice[number % dice.len()];
            let input = u32::from(die >> 6);
            if die & 1 == 0 || batches.last().is_none_or(|batch| batch.input != input) {
                batches.push(Batch { input, ..Batch::default() });
            }
            let batch = batches.last_mut().expect("it was put there");
            let said_ns = said.packets[number].time_ns;
            batch.push_at(said_ns, record.time_ns, record.linktype, |out| out.extend_from_slice(bytes));
            let quiet = passed(number, die.wrapping_mul(31));
            if die & 6 == 0 || quiet.is_some() {
                steps.push(Step::Batches(std::mem::take(&mut batches)));
            }
            steps.extend(quiet.map(Step::Quiet));
        }
        steps.push(Step::Batches(batches));
        let composer = Composer::new(scene.plan.limits.jump_ns);
        Source { composer, steps: steps.into_iter() }
    }
}

impl Chunks for Source {
    fn next(&mut self, mut chunk: Chunk) -> Result<Option<Chunk>, InputError> {
        self.composer.begin(&mut chunk);
        match self.steps.next() {
            Some(Step::Batches(batches)) => {
                batches.iter().for_each(|batch| self.composer.add(&mut chunk, batch));
                self.composer.end(&mut chunk);
            }
            Some(Step::Quiet(since_ns)) => {
                self.composer.quiet(&mut chunk, since_ns);
            }
            None => {
                self.composer.settle_last(&mut chunk);
                return Ok((!chunk.records.is_empty()).then_some(chunk));
            }
        }
        Ok(Some(chunk))
    }

    fn read(&mut self) -> CaptureRead {
        self.composer.read()
    }
}

/// The packets of a scene with their bytes.
fn packets(scene: &Scene) -> Vec<(Record, Vec<u8>)> {
    let capture = Capture::of(&scene.packets, PLAIN);
    let settings = Settings {
        bytes: 1 << 20,
        packets: usize::MAX,
        jump_ns: scene.plan.limits.jump_ns,
        monotonic: false,
        merge: false,
    };
    let mut cutter = Cutter::new(single(&capture.bytes[..]), settings).expect("a capture");
    let mut packets = Vec::new();
    while let Some(chunk) = cutter.next(Chunk::default()).expect("a capture") {
        packets.extend(chunk.records.iter().map(|record| (*record, chunk.packet(record).to_vec())));
    }
    packets
}
