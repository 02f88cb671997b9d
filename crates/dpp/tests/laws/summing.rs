//! Law 6 for what is said of rows: however they come, in whatever parts, their sum is the same, and is that of plain counting.

use crate::encoding::{Capture, PLAIN};
use crate::generate::{Scene, scenes_of_all};
use crate::oracle::Row;
use crate::packet::CLIENTS;
use crate::production::{machine, plain, run};
use crate::{Held, law, some_machines};
use dpp::capture::single;
use dpp::findings::{By, Definition, Findings, Wish};
use dpp::pipeline::{self, Machine, Nobody, Pool, RowAdder, RowTally, Rows, Sink, Summed, Watch};
use dpp::plan::Plan;
use dpp::summary::{Counted, Shown, Summary, Timed};
use dpp::tallies::entry::Op;
use dpp::tallies::{Room, Tally};
use dpp::transaction::Needs;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Mutex;

/// The sum of what a machine makes of a scene.
fn summed(bytes: &[u8], plan: &Plan, machine: &Machine, keys_max: u64) -> Summary {
    counted(bytes, plan, machine, &Summary::new(keys_max))
}

/// The same of anything that rows are added to.
fn counted<T: RowTally>(bytes: &[u8], plan: &Plan, machine: &Machine, blank: &T) -> T {
    let sink = Summed::new(Nobody, plan, blank.clone());
    pipeline::run(single(bytes), plan, machine, &sink, &Watch::default()).expect("these are captures");
    sink.finish().1
}

/// A sink that deals rows out to several sums.
struct Dealt<A>(Mutex<Vec<A>>);

impl<A: RowAdder> Sink for Dealt<A> {
    type Piece = ();
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) {
        let mut adders = self.0.lock().unwrap();
        let count = adders.len();
        for (number, row) in rows.iter().enumerate() {
            adders[(number * number + rows.len()) % count].add_all(std::iter::once(row));
        }
        pool.recycle(rows);
    }

    fn size(&self, (): &()) -> usize {
        0
    }

    fn accept(&self, _: usize, (): &()) -> Result<(), Infallible> {
        Ok(())
    }

    fn recycle(&self, (): (), _: &Pool) {}
}

type Reduced = BTreeMap<(Op, Vec<u8>), u64>;

fn tell(sum: &impl Tally, reduced: &mut Reduced) {
    sum.tell("s/", &mut |op, key, number| {
        let mine = reduced.entry((op, key.to_vec())).or_insert(match op {
            Op::Sum | Op::Max => 0,
            Op::Min => u64::MAX,
            Op::Member => 1,
        });
        *mine = match op {
            Op::Sum => *mine + number,
            Op::Member => 1,
            Op::Min => number.min(*mine),
            Op::Max => number.max(*mine),
        };
    });
}

fn taken<T: Tally>(mut blank: T, reduced: &Reduced) -> T {
    for ((op, key), number) in reduced {
        assert_eq!(blank.take(*op, &key[2..], *number), Ok(()), "{op:?} {}", key.escape_ascii());
    }
    blank.settle();
    blank
}

/// However rows are dealt out to three sums that begin as `blank`, these are the whole: told, reduced and taken by `taker`, and
/// merged, which is given.
fn check_dealt<T: RowTally + PartialEq>(
    bytes: &[u8],
    plan: &Plan,
    blank: T,
    taker: T,
    whole: &T,
) -> Result<T, TestCaseError> {
    let sink = Dealt(Mutex::new([(); 3].map(|()| blank.adder(&plan.context)).into()));
    pipeline::run(single(bytes), plan, &machine(2, 3, 4096, 0), &sink, &Watch::default())
        .expect("these are captures");
    let mut parts: Vec<T> = sink.0.into_inner().unwrap().into_iter().map(RowAdder::sum).collect();
    let mut reduced = Reduced::new();
    parts.iter().for_each(|part| tell(part, &mut reduced));
    prop_assert!(taken(taker, &reduced) == *whole, "told, reduced and taken");
    let mut merged = parts.pop().expect("three");
    parts.iter().for_each(|part| merged.merge(part));
    prop_assert!(merged == *whole, "merged");
    let (mut told, mut told_whole) = (Reduced::new(), Reduced::new());
    tell(&merged, &mut told);
    tell(whole, &mut told_whole);
    prop_assert!(told == told_whole, "equal sums tell the same");
    Ok(merged)
}

#[test]
fn every_machine_and_every_partition_gives_the_same_sum() {
    let keys_max = proptest::sample::select(vec![u64::MAX, u64::MAX, 3, 0]);
    law(33, 30, (scenes_of_all(60, 1), some_machines(), keys_max), |(mut scene, machines, keys_max)| {
        scene.plan.sink_needs |= Summary::NEEDS;
        let capture = Capture::of(&scene.packets, PLAIN).bytes;
        let whole = summed(&capture, &scene.plan, &plain(), keys_max);
        for machine in &machines {
            let sum = summed(&capture, &scene.plan, machine, keys_max);
            prop_assert!(sum == whole, "{:?}\n{:?}\n{:?}", machine, sum, whole);
        }
        let sides = Plan { sink_needs: scene.plan.sink_needs | Needs::SIDES, ..scene.plan.clone() };
        let sum = summed(&capture, &sides, &plain(), keys_max);
        prop_assert!(sum == whole, "with all that is known of both sides");
        let mut by_message = scene.plan.clone();
        by_message.schema = by_message.schema.of_messages();
        let sum = summed(&capture, &by_message, &plain(), keys_max);
        prop_assert!(sum == whole, "a row for each message");
        let (blank, taker) = (Summary::new(keys_max), Summary::new(u64::MAX));
        let merged = check_dealt(&capture, &scene.plan, blank, taker, &whole)?;
        prop_assert!(merged.figures(10) == whole.figures(10), "equal sums have equal figures");
        Ok(())
    });
}

#[test]
fn every_machine_and_every_partition_gives_the_same_table() {
    let tables = proptest::sample::select(vec![
        ("traffic", &["minute", "client"][..]),
        ("traffic", &["second", "server", "type"]),
        ("random-subdomains", &["domain"]),
        ("slow-names", &["name"]),
        ("amplification", &["client-prefix"]),
    ]);
    let room = proptest::sample::select(vec![u64::MAX, 40, 7, 0]);
    law(
        35,
        30,
        (scenes_of_all(60, 1), some_machines(), tables, room),
        |(mut scene, machines, (name, by), room)| {
            let definition = Definition::named(name).expect("there is one");
            let by = by.iter().map(|name| By::named(name).expect("there is one")).collect();
            let all: Vec<_> = definition.least.iter().map(|least| (least.0, f64::MIN)).collect();
            let wish = Wish::new(definition, by, &all);
            scene.plan.sink_needs |= wish.needs();
            let room = Room { tallies: room, words: room.saturating_mul(4) };
            let blank = Findings::with_room(wish.clone(), room);
            let capture = Capture::of(&scene.packets, PLAIN).bytes;
            let whole = counted(&capture, &scene.plan, &plain(), &blank);
            for machine in &machines {
                let sum = counted(&capture, &scene.plan, machine, &blank);
                prop_assert!(sum == whole, "{:?}\n{:?}\n{:?}", machine, sum, whole);
            }
            let sides = Plan { sink_needs: scene.plan.sink_needs | Needs::SIDES, ..scene.plan.clone() };
            let sum = counted(&capture, &sides, &plain(), &blank);
            prop_assert!(sum == whole, "with all that is known of both sides");
            let merged = check_dealt(&capture, &scene.plan, blank.clone(), blank, &whole)?;
            prop_assert!(merged.table(10) == whole.table(10), "equal sums have equal tables");
            Ok(())
        },
    );
}

/// A capture of so many queries of different servers, clients and names, each of which is answered.
fn capture_of_many(count: u16, [servers, clients, names]: [u16; 3]) -> Vec<u8> {
    let mut capture =
        vec![0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 101, 0, 0, 0];
    let mut packet = |ms: u32, [from, to]: [([u8; 4], u16); 2], message: &[u8]| {
        let length = 28 + message.len() as u16;
        for word in [1_700_000_000 + ms / 1000, ms % 1000 * 1000, length.into(), length.into()] {
            capture.extend(word.to_le_bytes());
        }
        capture.extend([0x45, 0, (length >> 8) as u8, length as u8, 0, 0, 0, 0, 64, 17, 0, 0]);
        capture.extend([from.0, to.0].concat());
        capture.extend([from.1, to.1, length - 20, 0].map(u16::to_be_bytes).concat());
        capture.extend(message);
    };
    for number in 0..count {
        let [server, client, name] = [servers, clients, names].map(|most| number * 7 % most);
        let ends = [
            ([10, 1 + (client / 8) as u8, (client % 8) as u8, 1], 1024 + number),
            ([172, 16, (server >> 8) as u8, server as u8], 53),
        ];
        let label = format!("n{name:04}");
        let domain = format!("d{:03}", name / 2);
        let question =
            [b"\x05", label.as_bytes(), b"\x04", domain.as_bytes(), b"\x03com\0\0\x01\0\x01"].concat();
        let header = |flags: [u8; 2]| [&number.to_be_bytes()[..], &flags, &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
        let ms = u32::from(number) * 10;
        packet(ms, ends, &[header([1, 0]), question.clone()].concat());
        packet(ms + 1 + ms % 7, [ends[1], ends[0]], &[header([0x81, 0x80]), question].concat());
    }
    capture
}

/// What follows from keys is counted with them, and by itself once they are too many to be counted one by one: it is the same.
#[test]
fn what_is_too_much_to_be_counted_one_by_one_is_missed_nowhere() {
    let plan = Plan { sink_needs: Summary::NEEDS, ..Plan::default() };
    for (keys, keys_max) in [
        ([300, 40, 50], u64::MAX),
        ([256, 256, 256], 256),
        ([257, 257, 257], 256),
        ([2, 300, 4], 100),
        ([2, 4, 300], 100),
        ([9, 9, 9], 0),
    ] {
        let capture = capture_of_many(1500, keys);
        let whole = summed(&capture, &plan, &plain(), keys_max);
        assert_eq!(whole.counted(Counted::Answered), 1500, "{keys:?}");
        assert_eq!(whole.by_server.is_there(), keys[0] <= 256, "{keys:?}");
        assert_eq!((whole.rtts.count(), whole.query_sizes.count()), (1500, 1500), "{keys:?}");
        assert_eq!(whole.rtts.min().zip(whole.rtts.max()), Some((1_000_000, 7_000_000)), "{keys:?}");
        let all = [&whole.clients, &whole.client_prefixes, &whole.names, &whole.domains, &whole.tlds];
        assert_eq!(all.map(|tops| tops.total()), [1500; 5], "{keys:?}");
        let exact = [keys[1], keys[1], keys[2], keys[2], 1].map(|different| u64::from(different) <= keys_max);
        assert_eq!(all.map(|tops| tops.is_exact())[0], exact[0], "{keys:?}");
        assert_eq!(all.map(|tops| tops.is_exact())[2], exact[2], "{keys:?}");
        check_dealt(&capture, &plan, Summary::new(keys_max), Summary::new(u64::MAX), &whole)
            .unwrap_or_else(|error| panic!("{keys:?}: {error}"));
        for workers in [2, 3] {
            let sum = summed(&capture, &plan, &machine(workers, 3, 4096, 0), keys_max);
            assert!(sum == whole, "{keys:?}, {workers} workers");
        }
    }
}

#[test]
fn the_sum_is_that_of_plain_counting() {
    law(34, 200, scenes_of_all(80, 1), |scene| check_plainly(&scene));
}

fn check_plainly(scene: &Scene) -> Held {
    let Scene { mut plan, packets } = scene.clone();
    let capture = Capture::of(&packets, PLAIN).bytes;
    // Queries that cannot be read are rows only if somebody has a place for them; sums have none.
    let rows = run(&capture[..], &plan, &plain()).rows;
    plan.sink_needs |= Summary::NEEDS;
    let sum = summed(&capture, &plan, &plain(), u64::MAX);
    let count = |of: &dyn Fn(&&Row) -> bool| rows.iter().filter(of).count() as u64;
    prop_assert_eq!(sum.counted(Counted::Queries), rows.len() as u64);
    prop_assert_eq!(sum.counted(Counted::Answered), count(&|row| row.answer.is_some()));
    let others = sum.counted(Counted::Unanswered) + sum.counted(Counted::Unpaired);
    prop_assert_eq!(others, count(&|row| row.answer.is_none()));
    let times = || rows.iter().map(|row| row.request_ns);
    prop_assert_eq!(sum.first_and_last_ns(), times().min().zip(times().max()));
    for qtype in rows.iter().filter_map(|row| row.question.qtype).collect::<BTreeSet<_>>() {
        prop_assert_eq!(sum.types.of(qtype), count(&|row| row.question.qtype == Some(qtype)));
    }
    let mut rtts: Vec<i64> = rows.iter().filter_map(|row| Some(row.answer?.0 - row.request_ns)).collect();
    rtts.sort_unstable();
    prop_assert_eq!(sum.rtts.count(), rtts.len() as u64);
    prop_assert_eq!(sum.rtts.max(), rtts.last().map(|ns| *ns as u64));
    prop_assert_eq!(sum.rtts.sum(), rtts.iter().map(|ns| *ns as u128).sum::<u128>());
    let errors = sum.rcodes.of(3);
    let is_error = |row: &&Row| row.answer.is_some_and(|(_, words)| words == "Non-Existent Domain");
    prop_assert_eq!(errors, count(&is_error));

    let mut clients: BTreeMap<String, u64> = BTreeMap::new();
    for row in &rows {
        let address = CLIENTS
            .iter()
            .find(|client| client.0 == row.tuple.client.to_ascii_lowercase())
            .expect("one of ours")
            .1;
        *clients.entry(address.to_string()).or_default() += 1;
    }
    let mut names: BTreeMap<String, u64> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.question.name != "-") {
        let name = if row.question.name.is_empty() { "." } else { &row.question.name };
        *names.entry(name.to_ascii_lowercase()).or_default() += 1;
    }
    let figures = sum.figures(usize::MAX);
    for (key, exact) in [("clients", clients), ("names", names)] {
        let table = figures.table(key).expect("there is one");
        let told = table.rows.iter().map(|row| match &row[..2] {
            [Shown::Text(text), Shown::Count(count)] => (text.to_string(), *count),
            other => panic!("{other:?}"),
        });
        prop_assert_eq!(told.collect::<BTreeMap<_, _>>(), exact, "{}", key);
    }
    plan.unasked = true;
    let unasked = summed(&capture, &plan, &plain(), u64::MAX);
    prop_assert_eq!(unasked.counted(Counted::Queries), rows.len() as u64);
    prop_assert_eq!(unasked.rtts.count(), sum.rtts.count());
    let rows_unasked = run(&capture[..], &plan, &plain()).outcome.totals.rows_unasked;
    let others = unasked.counted(Counted::Unasked) + unasked.counted(Counted::Announcements);
    prop_assert_eq!(others, rows_unasked);
    let spans = sum.times.spans().map(|(_, counters)| counters[Timed::Queries as usize]);
    prop_assert_eq!(spans.sum::<u64>(), rows.len() as u64);
    Ok(())
}
