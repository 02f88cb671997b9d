//! What was counted, by when it was: [`Panes`].
//!
//! A view wants the last ten seconds, the last minute, and all there was. So transactions are added up for each of the last ten
//! seconds, and for each ten seconds of the minute before; what is older is one sum. A pane that gets too old is merged into the
//! next wider one, so that nothing is counted twice, and all panes together are what `dpp stats` adds up, to the last digit.
//!
//! The surprising fact: *now* is not the time of the last packet, nor that of any clock on a wall, but the time up to which all
//! is decided: the capture's clock behind the last rows that came. Whether a query stays without an answer shows T + R later, so
//! a view of the newest packets would show a rate that falls.

use dpp::limits::TALLIED_KEYS_MAX;
use dpp::pipeline::Rows;
use dpp::summary::{Summary, Timed};
use dpp::table::Context;
use dpp::tallies::Tally;
use std::collections::{BTreeMap, VecDeque};

const SECOND_NS: i64 = 1_000_000_000;

/// So many seconds are there one by one.
const ONES: i64 = 10;

/// So many seconds the shorter panes and the longer ones reach back.
const MINUTE: i64 = 60;

/// The time of a packet may be so far ahead of the capture's clock, in seconds, without being wrong: J of ARCHITECTURE.md. What is
/// farther ahead, or behind, is counted, but at no time.
const AHEAD: i64 = 10;

/// Seconds of which the rate is kept: columns of the widest terminals.
const PULSE_MAX: usize = 512;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    TenSeconds,
    Minute,
    All,
}

/// All windows, and what they are called.
pub(super) const WINDOWS: [(Window, &str); 3] =
    [(Window::TenSeconds, "10s"), (Window::Minute, "1m"), (Window::All, "all")];

impl Window {
    pub(super) fn name(self) -> &'static str {
        WINDOWS.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// The one that is shown after it.
    pub(super) fn next(self) -> Window {
        let place = WINDOWS.iter().position(|row| row.0 == self).unwrap_or(0);
        WINDOWS[(place + 1) % WINDOWS.len()].0
    }
}

/// Sums of transactions, by time. There are at most ten panes of a second, seven of ten, and one of the rest.
pub(super) struct Panes {
    /// Up to when all is decided, ns; `None` before the first rows.
    clock_ns: Option<i64>,
    /// When the first query was sent that is in a pane, ns.
    since_ns: Option<i64>,
    ones: VecDeque<Pane>,
    tens: VecDeque<Pane>,
    rest: Summary,
}

/// Where something is counted: in the pane of a second, in that of ten, or with all the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    One(i64),
    Ten(i64),
    Rest,
}

/// What came in a second, or in ten.
struct Pane {
    start_s: i64,
    summary: Summary,
}

/// What there is in a window.
pub(super) struct Sum {
    pub(super) summary: Summary,
    /// How long it is, in seconds; 0 if that is not known.
    pub(super) seconds: f64,
}

impl Default for Panes {
    fn default() -> Self {
        Panes {
            clock_ns: None,
            since_ns: None,
            ones: VecDeque::new(),
            tens: VecDeque::new(),
            rest: Summary::new(TALLIED_KEYS_MAX),
        }
    }
}

/// The pane that begins at this time; a new one has nothing in it.
fn pane_at(panes: &mut VecDeque<Pane>, start_s: i64) -> &mut Summary {
    // Most of what comes is of now.
    let place = match panes.iter().rposition(|pane| pane.start_s <= start_s) {
        Some(place) if panes[place].start_s == start_s => place,
        before => {
            let place = before.map_or(0, |place| place + 1);
            panes.insert(place, Pane { start_s, summary: Summary::new(TALLIED_KEYS_MAX) });
            place
        }
    };
    &mut panes[place].summary
}

fn ten_of(second: i64) -> i64 {
    second.div_euclid(10) * 10
}

impl Panes {
    /// Up to when all is decided, ns.
    pub(super) fn clock_ns(&self) -> Option<i64> {
        self.clock_ns
    }

    /// Counts the rows of a chunk. They are given in the order of the capture.
    pub(super) fn add(&mut self, rows: &Rows, context: &Context) {
        if let Some(ns) = rows.live_until_ns() {
            self.advance(ns);
        }
        let now = self.clock_ns.map(second_of);
        let mut numbers: Vec<(Place, usize)> = Vec::with_capacity(rows.len());
        for (number, row) in rows.iter().enumerate() {
            let ns = row.request_ns();
            let second = now.and_then(|now| (second_of(ns) <= now + AHEAD).then(|| second_of(ns).min(now)));
            let place = self.place(second);
            numbers.push((place, number));
            if place != Place::Rest {
                self.since_ns = Some(self.since_ns.map_or(ns, |since_ns| since_ns.min(ns)));
            }
        }
        // Most of what comes is of now, and in order.
        numbers.sort();
        for numbers in numbers.chunk_by(|one, other| one.0 == other.0) {
            let mut adder = self.rest.adder(context);
            adder.add_all(numbers.iter().map(|&(_, number)| rows.get(number)));
            self.at(numbers[0].0).merge(&adder.sum());
        }
    }

    /// Where that is counted which was sent in this second.
    #[inline]
    fn place(&self, second: Option<i64>) -> Place {
        match (second, self.clock_ns.map(second_of)) {
            (Some(second), Some(now)) if second > now - ONES => Place::One(second),
            (Some(second), Some(now)) if ten_of(second) > ten_of(now) - MINUTE => Place::Ten(ten_of(second)),
            _ => Place::Rest,
        }
    }

    fn at(&mut self, place: Place) -> &mut Summary {
        match place {
            Place::One(second) => pane_at(&mut self.ones, second),
            Place::Ten(ten) => pane_at(&mut self.tens, ten),
            Place::Rest => &mut self.rest,
        }
    }

    /// The time up to which all is decided goes on. Where it goes back, another capture begins: what was before is the past then.
    fn advance(&mut self, ns: i64) {
        let before = self.clock_ns.replace(ns);
        let now = second_of(ns);
        if before.is_some_and(|before| now < second_of(before) - AHEAD) {
            self.forget_times();
        }
        while let Some(pane) = self.ones.pop_front_if(|pane| pane.start_s <= now - ONES) {
            let ten = ten_of(pane.start_s);
            match self.tens.iter_mut().find(|wider| wider.start_s == ten) {
                Some(wider) => wider.summary.merge(&pane.summary),
                None => *pane_at(&mut self.tens, ten) = pane.summary,
            }
        }
        while let Some(pane) = self.tens.pop_front_if(|pane| pane.start_s <= ten_of(now) - MINUTE) {
            self.rest.merge(&pane.summary);
        }
    }

    /// All that was counted becomes the rest.
    fn forget_times(&mut self) {
        for pane in self.tens.drain(..).chain(self.ones.drain(..)) {
            self.rest.merge(&pane.summary);
        }
        self.since_ns = None;
    }

    /// Adds what was counted elsewhere, and later.
    pub(super) fn merge(&mut self, other: &Panes) {
        let Some(clock_ns) = other.clock_ns else { return self.rest.merge(&other.rest) };
        self.advance(clock_ns);
        for pane in other.tens.iter().chain(&other.ones) {
            self.at(self.place(Some(pane.start_s))).merge(&pane.summary);
        }
        self.rest.merge(&other.rest);
        self.since_ns = match (self.since_ns, other.since_ns) {
            (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
    }

    /// The same time, and nothing counted.
    pub(super) fn emptied(&self) -> Panes {
        Panes { clock_ns: self.clock_ns, ..Panes::default() }
    }

    /// All together.
    fn parts(&self) -> impl Iterator<Item = &Summary> {
        let panes = self.tens.iter().chain(&self.ones).map(|pane| &pane.summary);
        panes.chain([&self.rest])
    }

    /// What is in a window, whose end is now.
    pub(super) fn sum(&self, window: Window) -> Sum {
        let mut summary = match window {
            Window::All => self.rest.clone(),
            _ => Summary::new(TALLIED_KEYS_MAX),
        };
        let tens = self.tens.iter().filter(|_| window != Window::TenSeconds);
        tens.chain(&self.ones).for_each(|pane| summary.merge(&pane.summary));
        let (Some(clock_ns), Some(since_ns)) = (self.clock_ns, self.since_ns) else {
            return Sum { seconds: length(summary.first_and_last_ns()), summary };
        };
        let now = second_of(clock_ns);
        let from_s = match window {
            Window::TenSeconds => now - ONES + 1,
            Window::Minute => ten_of(now) - MINUTE + 10,
            Window::All => return Sum { seconds: length(summary.first_and_last_ns()), summary },
        };
        let from_ns = since_ns.max(from_s.saturating_mul(SECOND_NS));
        Sum { seconds: length(Some((from_ns, clock_ns))), summary }
    }
}

fn second_of(ns: i64) -> i64 {
    ns.div_euclid(SECOND_NS)
}

fn length(ends: Option<(i64, i64)>) -> f64 {
    ends.map_or(0.0, |(from_ns, to_ns)| to_ns.saturating_sub(from_ns).max(0) as f64 / SECOND_NS as f64)
}

/// How many queries came in each of the last seconds.
#[derive(Default)]
pub(super) struct Pulse(BTreeMap<i64, u64>);

impl Pulse {
    /// Adds what came.
    pub(super) fn add(&mut self, panes: &Panes) {
        let seconds = panes.parts().filter(|part| part.times.width_s() == 1);
        for (second, counters) in seconds.flat_map(|part| part.times.spans()) {
            *self.0.entry(second).or_default() += counters[Timed::Queries as usize];
        }
        while self.0.len() > PULSE_MAX {
            self.0.pop_first();
        }
    }

    /// Those of so many seconds up to the last whole one before this time; the last is the newest.
    pub(super) fn until(&self, clock_ns: i64, seconds: usize) -> Vec<u64> {
        let now = second_of(clock_ns);
        (now - seconds as i64..now).map(|second| self.0.get(&second).copied().unwrap_or(0)).collect()
    }
}
