//! Conditions and samples: what is left out while messages are read changes no row that stays.
//!
//! The oracle is the run without a selection, of which each row is asked by itself afterwards. The run with it drops messages
//! before they are matched, and the rest where rows are made.

use crate::encoding::{Capture, PLAIN};
use crate::generate::scenes_of_all;
use crate::oracle::Row;
use crate::production::{machines, row, run};
use crate::{a_machine, law};
use dpp::capture::single;
use dpp::filter::{Filter, Scratch, Select};
use dpp::pipeline::{self, Machine, Outcome, Pool, Rows, Sink, Watch};
use dpp::plan::Plan;
use dpp::table::Context;
use proptest::prelude::*;
use proptest::sample::select;
use std::cell::Cell;
use std::convert::Infallible;
use std::sync::Mutex;

/// Conditions that meet some of the scenes' rows: of the tuple, and of the rest.
const CONDITIONS: [&str; 28] = [
    "src_ip = 192.0.2.1",
    "src_ip in (192.0.2.0/24, 2001:db8::/32)",
    "source_ip = 2001:db8::1",
    "dst_ip = 203.0.113.53",
    "dst_ip is null",
    "dst_ip in ::/0",
    "src_port = 4001",
    "source_port >= 4002",
    "dst_port = 53",
    "dst_port in (5353, 5355)",
    "id = 7",
    "id > 7",
    "ip_version = 6",
    "transport = tcp",
    "transport like 'u*'",
    "qtype = A",
    "qtype in (28, AXFR)",
    "qname under www",
    "qname = WWW.example",
    "qname is null",
    "qname ~ '^m'",
    "rcode = NOERROR",
    "rcode > 5",
    "rtt_ns < 1ms",
    "query_time >= 1970-01-02",
    "aa",
    "vlan = 7",
    "parse_error is not null",
];

/// Conditions of conditions.
fn expressions() -> impl Strategy<Value = String> {
    let condition = select(CONDITIONS.to_vec()).prop_map(str::to_owned);
    condition.prop_recursive(3, 12, 3, |inner| {
        let some = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            2 => some.clone().prop_map(|parts| format!("({})", parts.join(" and "))),
            2 => some.prop_map(|parts| format!("({})", parts.join(" or "))),
            1 => inner.prop_map(|part| format!("not {part}")),
        ]
    })
}

/// Selections: a condition, a sample, or both.
fn selections() -> impl Strategy<Value = String> {
    let samples =
        select(vec!["client:1/2", "client:1/2,seed=1", "transaction:1/2", "transaction:2/3,seed=5"]);
    let samples = samples.prop_map(str::to_owned);
    prop_oneof![
        4 => expressions(),
        1 => samples.clone(),
        1 => (expressions(), samples).prop_map(|(expression, sample)| format!("{expression} / {sample}")),
    ]
}

fn selection(text: &str) -> Select {
    let (expression, sample) = match text.split_once(" / ") {
        Some((expression, sample)) => (Some(expression), Some(sample)),
        None if text.parse::<dpp::filter::Sample>().is_ok() => (None, Some(text)),
        None => (Some(text), None),
    };
    let parse = |text| Filter::parse(text, &|_| String::new()).expect("a condition");
    Select { filter: expression.map(parse), sample: sample.map(|sample| sample.parse().expect("a sample")) }
}

#[test]
fn what_is_left_out_early_is_what_would_be_left_out_late() {
    // Messages and rows that were left out, and rows that were not.
    let counts = [const { Cell::new(0) }; 3];
    let all = prop_oneof![scenes_of_all(60, 1), crate::generate::scenes(60, 1)];
    let strategy = (all, selections(), any::<[bool; 2]>(), a_machine());
    law(41, 700, strategy, |(scene, text, [unasked, sparse], machine)| {
        let select = selection(&text);
        // Both keep as much, so that facts can be compared, and parse errors make the same rows.
        let plan = Plan { sink_needs: select.needs(), unasked, ..scene.plan.clone() };
        let capture = Capture::of(&scene.packets, PLAIN);
        let (expected, of_all) = after_the_run(&capture.bytes, &plan, &select, &machine);
        let plan = Plan { select, sparse, ..plan };
        let (told, reading) = (run(&capture.bytes[..], &plan, &machine), text);
        prop_assert!(told.rows == expected, "{}\n{:?}\n{:?}", reading, told.rows, expected);
        let totals = &told.outcome.totals;
        prop_assert!(totals.check(), "{}\n{:?}", reading, totals);
        prop_assert!(!sparse || totals.messages_filtered == 0, "nothing is known early of sparse inputs");
        let missing = of_all.rows - told.outcome.rows;
        match totals.messages_filtered {
            0 => prop_assert_eq!(totals.rows_filtered, missing, "{}", reading),
            _ => prop_assert!(totals.rows_filtered <= missing, "{}", reading),
        }
        let seen = [totals.messages_filtered, totals.rows_filtered, told.outcome.rows];
        counts.iter().zip(seen).for_each(|(count, seen)| count.set(count.get() + seen));
        Ok(())
    });
    let counts = counts.each_ref().map(Cell::get);
    assert!(counts.iter().all(|count| *count > 500), "all of this happens often: {counts:?}");
}

/// A selection that is set from outside, before the run or while it goes on, is what the plan's would have been.
#[test]
fn a_selection_that_is_set_from_outside_goes_before_the_plans() {
    let strategy = (scenes_of_all(60, 1), selections(), selections(), a_machine());
    law(43, 200, strategy, |(scene, text, other, machine)| {
        let (select, other) = (selection(&text), selection(&other));
        let plan = Plan { sink_needs: select.needs() | other.needs(), ..scene.plan.clone() };
        let capture = Capture::of(&scene.packets, PLAIN);
        let expected = run(
            &capture.bytes[..],
            &Plan { select: select.clone(), steered: true, ..plan.clone() },
            &machine,
        );
        let watch = dpp::pipeline::Watch::default();
        watch.select(select, &plan.context);
        let steered = Plan { select: other, steered: true, ..plan };
        let told = crate::watched(single(&capture.bytes[..]), &steered, &machine, 1, &watch);
        prop_assert!(told.rows == expected.rows, "{}\n{:?}\n{:?}", text, told.rows, expected.rows);
        prop_assert_eq!(told.outcome.totals.rows_filtered, expected.outcome.totals.rows_filtered);
        prop_assert_eq!(told.outcome.totals.messages_filtered, 0, "nothing was decided early");
        Ok(())
    });
}

/// What is decided early needs nothing to be kept.
#[test]
fn a_condition_on_the_tuple_costs_no_facts() {
    law(42, 100, (scenes_of_all(60, 1), a_machine()), |(scene, machine)| {
        let select = selection("dst_ip in 203.0.113.0/24 and src_port = 4001");
        let capture = Capture::of(&scene.packets, PLAIN);
        let plan = Plan { sink_needs: select.needs(), ..scene.plan.clone() };
        let (mut expected, _) = after_the_run(&capture.bytes, &plan, &select, &machine);
        let plan = Plan { select, ..scene.plan.clone() };
        let run = run(&capture.bytes[..], &plan, &machine);
        let keeps = scene.plan.needs() != dpp::transaction::Needs::NOTHING;
        expected.iter_mut().filter(|_| !keeps).for_each(|row| row.facts = None);
        prop_assert!(run.rows == expected, "{:?}\n{:?}", run.rows, expected);
        Ok(())
    });
}

/// Which machine it is changes neither rows nor what is counted.
#[test]
fn every_machine_leaves_out_the_same() {
    let strategy = (scenes_of_all(60, 1), selections(), a_machine());
    law(43, 100, strategy, |(scene, text, machine)| {
        let plan = Plan { select: selection(&text), ..scene.plan.clone() };
        let capture = Capture::of(&scene.packets, PLAIN);
        let (one, other) =
            (run(&capture.bytes[..], &plan, &machine), run(&capture.bytes[..], &plan, &machines()[0]));
        prop_assert!(one.rows == other.rows, "{}", text);
        prop_assert!(one.outcome.totals == other.outcome.totals, "{}", text);
        Ok(())
    });
}

/// The rows of a run without a selection that meet it, each asked by itself.
fn after_the_run(capture: &[u8], plan: &Plan, select: &Select, machine: &Machine) -> (Vec<Row>, Outcome) {
    let sink = Passing { select, rows: Mutex::default() };
    let run = pipeline::run(single(capture), plan, machine, &sink, &Watch::default());
    let outcome = run.unwrap_or_else(|error| panic!("this is a capture: {error:?}"));
    (sink.rows.into_inner().expect("nobody panics"), outcome)
}

/// A sink that keeps the rows that pass.
struct Passing<'a> {
    select: &'a Select,
    rows: Mutex<Vec<Row>>,
}

impl Sink for Passing<'_> {
    type Piece = Vec<Row>;
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Vec<Row> {
        let (context, mut scratch) = (Context::default(), Scratch::default());
        let passing = rows.iter().filter(|row| self.select.passes(row, &context, &mut scratch));
        let encoded = passing.map(|transaction| row(&transaction)).collect();
        pool.recycle(rows);
        encoded
    }

    fn size(&self, piece: &Vec<Row>) -> usize {
        piece.len()
    }

    fn accept(&self, _: usize, piece: &Vec<Row>) -> Result<(), Infallible> {
        self.rows.lock().expect("nobody panics").extend_from_slice(piece);
        Ok(())
    }

    fn recycle(&self, _: Vec<Row>, _: &Pool) {}
}
