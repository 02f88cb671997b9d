//! Conditions of any text: read or refused with a place in it, and asked of a fixed capture's rows.
//!
//! The input is the text. A condition and its opposite never meet the same row; what is decided early is what would be
//! decided late. Started by `fuzz/run`.

#![no_main]

use dpp::capture::single;
use dpp::filter::{Filter, Scratch, Select};
use dpp::pipeline::{self, Machine, Pool, Rows, Sink, Watch};
use dpp::plan::Plan;
use dpp::table::Context;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::Mutex;

/// Some queries and responses, answered and not.
static CAPTURE: &[u8] = include_bytes!("../../demo/dns.pcap");

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(text) = str::from_utf8(input) else { return };
    let filter = match Filter::parse(text, &|_| String::new()) {
        Ok(filter) => filter,
        Err(error) => return check_error(&error.to_string()),
    };
    assert_eq!(filter.text(), text);
    let plan =
        Plan { sink_needs: Select { filter: Some(filter.clone()), sample: None }.needs(), ..Plan::default() };
    let late = run(&plan, Some(&filter));
    let opposite = Filter::parse(&format!("not ({text})"), &|_| String::new());
    // Its two words may be one bracket or some bytes too many.
    if let Ok(opposite) = opposite {
        assert!(run(&plan, Some(&opposite)).iter().all(|id| !late.contains(id)), "a row is not both");
    }
    let select = Select { filter: Some(filter), sample: None };
    assert_eq!(run(&Plan { select, ..plan }, None), late, "what is decided early is what would be late");
});

/// A place is shown on one line, below the text.
fn check_error(error: &str) {
    let lines: Vec<&str> = error.lines().collect();
    let marks = lines.last().expect("a line").trim();
    assert!(lines.len() == 3 && !marks.is_empty() && marks.bytes().all(|mark| mark == b'^'), "{error}");
}

/// The ids and times of the rows that pass.
fn run(plan: &Plan, filter: Option<&Filter>) -> Vec<(u16, i64)> {
    let sink = Passing { filter, rows: Mutex::default() };
    let machine = Machine::new(NonZeroUsize::MIN, 0);
    pipeline::run(single(CAPTURE), plan, &machine, &sink, &Watch::default()).expect("it is a capture");
    sink.rows.into_inner().expect("nobody panics")
}

/// A sink that keeps rows that pass.
struct Passing<'a> {
    filter: Option<&'a Filter>,
    rows: Mutex<Vec<(u16, i64)>>,
}

impl Sink for Passing<'_> {
    type Piece = Vec<(u16, i64)>;
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Self::Piece {
        let (context, mut scratch) = (Context::default(), Scratch::default());
        let passing = rows
            .iter()
            .filter(|row| self.filter.is_none_or(|filter| filter.passes(row, &context, &mut scratch)));
        let piece = passing.map(|row| (row.key().id(), row.request_ns())).collect();
        pool.recycle(rows);
        piece
    }

    fn size(&self, piece: &Self::Piece) -> usize {
        piece.len()
    }

    fn accept(&self, _: usize, piece: &Self::Piece) -> Result<(), Infallible> {
        self.rows.lock().expect("nobody panics").extend_from_slice(piece);
        Ok(())
    }

    fn recycle(&self, _: Self::Piece, _: &Pool) {}
}
