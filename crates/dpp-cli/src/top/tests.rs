//! What is counted in which window, what a pace changes (nothing), and what is drawn on screens of any size.

use super::pace::{Pace, Paced, Speed};
use super::panes::{Panes, Pulse, Window};
use super::state::State;
use super::view::{Seen, draw};
use super::{Counting, keys};
use crate::generate::{self, Amount, Request};
use dpp::capture::{CaptureRead, Chunk, Chunks, Cutter, InputError, Settings, single};
use dpp::pipeline::{Machine, Nobody, Summed, Watch, run, run_on};
use dpp::plan::Plan;
use dpp::summary::{Counted, Figures, Group, Shown, Summary, Table, Timed};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A capture of so many seconds.
fn capture(seconds: f64, qps: f64) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("there is room for a test");
    let output = folder.path().join("in.pcap");
    let amount = Amount::Duration { seconds, qps };
    let request = Request {
        output: output.clone(),
        messages: None,
        amount,
        clients: None,
        resolvers: None,
        seed: 7,
        profile: None,
        qps: None,
    };
    generate::run(&request).expect("a capture can be made");
    std::fs::read(output).expect("it is there")
}

fn plan() -> Plan {
    Plan { sink_needs: Summary::NEEDS, steered: true, ..Plan::default() }
}

fn machine(workers: usize) -> Machine {
    Machine::new(NonZeroUsize::new(workers).expect("some"), 1)
}

/// What `dpp stats` counts.
fn whole(capture: &[u8]) -> Summary {
    let plan = plan();
    let summed = Summed::new(Nobody, &plan, Summary::new(dpp::limits::TALLIED_KEYS_MAX));
    run(single(capture), &plan, &machine(1), &summed, &Watch::default()).expect("it can be read");
    summed.finish().1
}

/// What is counted at this speed, if somebody takes what is new each time the engine wants another chunk.
fn counted(capture: &[u8], speed: &str, workers: usize) -> Panes {
    let (plan, pace) = (plan(), Pace::new(Speed::read(speed).expect("a speed")));
    let counting = Counting { plan: &plan, fresh: Mutex::default() };
    let settings = Settings {
        bytes: 1 << 14,
        packets: 1 << 16,
        jump_ns: 10_000_000_000,
        monotonic: false,
        merge: false,
    };
    let cutter = Cutter::new(single(capture), settings).expect("it is a capture");
    let mut taken = Panes::default();
    let taking = Taking { chunks: Paced::new(cutter, &pace), take: || taken.merge(&counting.take()) };
    run_on(taking, &plan, &machine(workers), &counting, &Watch::default()).expect("it can be read");
    taken.merge(&counting.take());
    taken
}

/// Chunks, before each of which something is done.
struct Taking<C, F> {
    chunks: C,
    take: F,
}

impl<C: Chunks, F: FnMut() + Send> Chunks for Taking<C, F> {
    fn next(&mut self, chunk: Chunk) -> Result<Option<Chunk>, InputError> {
        (self.take)();
        self.chunks.next(chunk)
    }

    fn read(&mut self) -> CaptureRead {
        self.chunks.read()
    }
}

/// Queries of the seconds from this one on, as `dpp stats` counts them.
fn queries_from(whole: &Summary, second: i64) -> u64 {
    let spans = whole.times.spans().filter(|(start, _)| *start >= second);
    spans.map(|(_, counters)| counters[Timed::Queries as usize]).sum()
}

#[test]
fn all_panes_together_are_what_dpp_stats_counts() {
    let capture = capture(90.0, 20.0);
    let whole = whole(&capture);
    for (speed, workers) in [("max", 1), ("max", 3), ("1000", 2)] {
        let panes = counted(&capture, speed, workers);
        assert!(panes.sum(Window::All).summary == whole, "speed {speed}, {workers} workers");
        let now = panes.clock_ns().expect("there were packets").div_euclid(1_000_000_000);
        for (window, from) in [(Window::TenSeconds, now - 9), (Window::Minute, now.div_euclid(10) * 10 - 50)]
        {
            let sum = panes.sum(window);
            let expected = queries_from(&whole, from);
            assert_eq!(sum.summary.counted(Counted::Queries), expected, "{window:?}, speed {speed}");
            assert!(expected > 100 && sum.seconds > 9.0 && sum.seconds <= 60.0, "{}", sum.seconds);
        }
    }
}

#[test]
fn the_pulse_is_the_queries_of_whole_seconds() {
    let capture = capture(15.0, 30.0);
    let (whole, panes) = (whole(&capture), counted(&capture, "max", 1));
    let mut pulse = Pulse::default();
    pulse.add(&panes);
    let clock_ns = panes.clock_ns().expect("there were packets");
    let now = clock_ns.div_euclid(1_000_000_000);
    let seconds = pulse.until(clock_ns, 8);
    assert_eq!(seconds.len(), 8);
    assert_eq!(seconds.iter().sum::<u64>(), queries_from(&whole, now - 8) - queries_from(&whole, now));
}

/// A capture with the records of one behind those of another.
fn behind(first: &[u8], second: &[u8]) -> Vec<u8> {
    [first, &second[24..]].concat()
}

/// The same with all timestamps so many seconds later.
fn later(capture: &[u8], seconds: u32) -> Vec<u8> {
    let mut capture = capture.to_vec();
    let mut at = 24;
    while at < capture.len() {
        let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().expect("four octets"));
        let (time, length) = (word(at).wrapping_add(seconds), word(at + 8) as usize);
        capture[at..at + 4].copy_from_slice(&time.to_le_bytes());
        at += 16 + length;
    }
    capture
}

#[test]
fn a_clock_that_goes_back_begins_anew_and_loses_nothing() {
    let first = capture(20.0, 20.0);
    let both = behind(&later(&first, 5000), &first);
    let whole = whole(&both);
    let panes = counted(&both, "max", 2);
    assert!(panes.sum(Window::All).summary == whole);
    let minute = panes.sum(Window::Minute);
    let own = counted(&first, "max", 2).sum(Window::Minute);
    // Queries at the very beginning may still be answered by the other capture's clock.
    let [both, own] = [minute, own].map(|sum| sum.summary.counted(Counted::Queries));
    assert_eq!(both, own);
}

#[test]
fn one_wrong_timestamp_moves_no_window() {
    let good = capture(20.0, 20.0);
    let one = later(&capture(1.0, 3.0), 1 << 30);
    let length = 24 + 16 + u32::from_le_bytes(one[32..36].try_into().expect("four octets")) as usize;
    let with = behind(&good, &one[..length]);
    let with = behind(&with, &later(&good, 20));
    let panes = counted(&with, "max", 1);
    assert!(panes.sum(Window::All).summary == whole(&with));
    let without = counted(&behind(&good, &later(&good, 20)), "max", 1);
    let queries = |panes: &Panes| panes.sum(Window::TenSeconds).summary.counted(Counted::Queries);
    assert!(queries(&without) > 100);
    assert_eq!(queries(&panes), queries(&without));
}

#[test]
fn a_gap_of_hours_is_passed_over() {
    let good = capture(2.0, 20.0);
    let with = behind(&good, &later(&good, 20_000));
    let begin = Instant::now();
    assert!(counted(&with, "5", 1).sum(Window::All).summary == whole(&with));
    assert!(begin.elapsed() < Duration::from_secs(60), "4000 s at this speed");
}

fn count(key: &'static str, count: u64) -> dpp::summary::Figure {
    dpp::summary::Figure { key, sentence: "", value: Shown::Count(count) }
}

fn of_most(key: &'static str, names: &[&str]) -> Table {
    let columns = vec!["value", "count", "least", "most", "share"];
    let row = |name: &&str| {
        let number = Shown::Count(u64::MAX);
        let name = Shown::Text((*name).to_owned().into());
        vec![name, number.clone(), number.clone(), number, Shown::Share(1, 3)]
    };
    Table { key, sentence: "", columns, rows: names.iter().map(row).collect(), is_exact: false }
}

/// Everything that is on the screen, from texts that no engine would give.
fn hostile() -> Seen {
    let long = "x".repeat(1000);
    let names = [
        "\u{1b}[2J",
        "a\nb\r\u{7}\u{9b}2J\u{7f}",
        "日本語日本語日本語日本語日本語日本語",
        "e\u{301}\u{202e}",
        &long,
        "",
    ];
    let tables = ["types", "rcodes", "clients", "servers", "names", "domains", "tlds"];
    let over_time = Table {
        key: "over_time",
        sentence: "",
        columns: vec!["start", "width", "queries"],
        rows: [i64::MIN, 0, i64::MAX]
            .map(|start| {
                vec![Shown::Time(start), Shown::Ns(1_000_000_000 * 86_400 * 128), Shown::Count(u64::MAX / 4)]
            })
            .into(),
        is_exact: true,
    };
    Seen {
        source: "\u{1b}]0;x\u{7}日本.pcap".to_owned(),
        figures: Figures {
            groups: vec![Group {
                key: "totals",
                figures: vec![count("queries", u64::MAX), count("answered", 1)],
            }],
            tables: tables.map(|key| of_most(key, &names)).into_iter().chain([over_time]).collect(),
        },
        seconds: 1e-9,
        clock_ns: Some(i64::MAX),
        pulse: vec![u64::MAX; 512],
        packets: u64::MAX,
        skipped: u64::MAX,
        dropped: Some(u64::MAX),
        is_away: true,
        end: Some("END (cut\u{1b}[m off)".to_owned()),
    }
}

fn drawn(width: u16, height: u16, state: &mut State, seen: &Seen) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("memory is a terminal");
    terminal.draw(|frame| draw(frame, state, seen)).expect("it can be drawn on");
    terminal
}

#[test]
fn screens_of_any_size_can_be_drawn_and_hold_nothing_that_a_terminal_obeys() {
    let nothing = Panes::default().sum(Window::All).summary.figures(10);
    let empty =
        Seen { figures: nothing, seconds: 0.0, clock_ns: None, pulse: Vec::new(), end: None, ..hostile() };
    let mut state = State::new(Window::All, None);
    for seen in [&empty, &hostile()] {
        for typed in ["", "?", "x", "/\u{1b}語", "w", " ", "s", "fx"] {
            for letter in typed.chars() {
                state.press(KeyEvent::from(KeyCode::Char(letter)));
            }
            for (width, height) in
                (0..45).map(|size| (size * 5 % 133, size)).chain([(20, 5), (80, 24), (300, 1), (1, 90)])
            {
                let terminal = drawn(width, height, &mut state, seen);
                for cell in &terminal.backend().buffer().content {
                    assert!(!cell.symbol().contains(char::is_control), "{typed:?} at {width}x{height}");
                }
            }
            state.press(KeyEvent::from(KeyCode::Esc));
        }
    }
}

#[test]
fn a_screen_of_eighty_columns_has_all_that_matters() {
    let capture = capture(20.0, 50.0);
    let panes = counted(&capture, "max", 1);
    let sum = panes.sum(Window::All);
    let seen = Seen {
        source: "in.pcap".to_owned(),
        figures: sum.summary.figures(100),
        seconds: sum.seconds,
        clock_ns: panes.clock_ns(),
        pulse: Vec::new(),
        packets: 2000,
        skipped: 0,
        dropped: None,
        is_away: false,
        end: None,
    };
    let mut state = State::new(Window::All, Speed::read("2"));
    for number in 0..keys::TABLES.len() {
        state.table = number;
        let screen = drawn(80, 24, &mut state, &seen).backend().to_string();
        for words in [
            "dpp top in.pcap",
            "speed 2",
            "q/s",
            "SERVFAIL",
            "RTT p50",
            "Types",
            "NOERROR",
            "share",
            "q quit",
        ] {
            assert!(screen.contains(words), "{words}: {screen}");
        }
        assert!(screen.contains(keys::TABLES[number].words), "{screen}");
        let rows =
            screen.lines().skip_while(|line| !line.contains("share")).filter(|line| line.contains('%'));
        assert!(rows.count() >= 2, "{screen}");
    }
}
