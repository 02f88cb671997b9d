//! The meaning of a run: the sequential matcher, one pass over described packets, everything forgotten at once.
//!
//! Written from the rules (ARCHITECTURE.md, "What a transaction is"), as plainly as they allow, and knowing nothing of the
//! engine: no shards, no chunks, no bytes. What the engine gives is right if it equals this. Times are `i128`, so that
//! no sum of them can overflow.

use crate::packet::{Code, Content, Kind, Message, Packet, Question, Time, Tuple};
use dpp::plan::Plan;
use dpp::transaction::Matches;
use std::collections::BTreeMap;
use std::fmt;

/// A query and what became of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) request_ns: i64,
    pub(crate) tuple: Tuple,
    pub(crate) question: Question,
    /// When it was answered, and the response code in words.
    pub(crate) answer: Option<(i64, &'static str)>,
}

/// What a run gives.
pub(crate) struct Meaning {
    pub(crate) rows: Vec<Row>,
    pub(crate) matches: Matches,
}

/// What the capture means.
pub(crate) fn meaning(packets: &[Packet], plan: &Plan) -> Meaning {
    let mut matcher = after(packets, packets.len(), plan);
    matcher.time_out_all();
    matcher.meaning()
}

/// What it means if the run is stopped when so many packets are read.
pub(crate) fn meaning_if_stopped(packets: &[Packet], read: usize, plan: &Plan) -> Meaning {
    after(packets, read, plan).meaning()
}

/// The clock after each packet.
pub(crate) fn clocks(times: &[i128], jump: i128) -> Vec<i128> {
    let near = |a: i128, b: i128| (a - b).abs() <= jump;
    let mut clocks: Vec<i128> = Vec::new();
    for (at, &time) in times.iter().enumerate() {
        let clock = clocks.last().copied().unwrap_or(time);
        let confirmed = times.get(at + 1).is_some_and(|&next| near(next, time));
        clocks.push(match near(time, clock) {
            true => clock.max(time),
            false if confirmed => time,
            false => clock,
        });
    }
    clocks
}

fn after<'a>(packets: &[Packet], read: usize, plan: &'a Plan) -> Matcher<'a> {
    let times: Vec<i128> = packets.iter().map(|packet| packet.time_ns.into()).collect();
    let clocks = clocks(&times, plan.limits.jump_ns.into());
    let mut matcher = Matcher::new(plan);
    for (at, packet) in packets[..read].iter().enumerate() {
        if at > 0 {
            matcher.forget(clocks[at - 1]);
        }
        if (at as u64).is_multiple_of(plan.limits.sweep_packets) {
            matcher.close_window(at as u64);
        }
        if let (Content::Message(message), None) = (&packet.content, packet.skip()) {
            matcher.message(message, Moment { position: at as u64, time: times[at], clock: clocks[at] });
        }
    }
    if let Some(last) = read.checked_sub(1) {
        matcher.forget(clocks[last]);
    }
    matcher
}

/// Where a packet stands, its own time, and the clock after it.
#[derive(Clone, Copy)]
struct Moment {
    position: u64,
    time: i128,
    clock: i128,
}

type Folded = (String, u16, u16);

struct Matcher<'a> {
    plan: &'a Plan,
    waiting: BTreeMap<Tuple, Waiting>,
    /// One for each first query, in order.
    rows: Vec<Row>,
    matches: Matches,
}

/// What waits of a tuple.
#[derive(Default)]
struct Waiting {
    open: BTreeMap<Folded, Open>,
    /// By time, then by the order they came in.
    unclaimed: BTreeMap<(i128, u64), Unclaimed>,
}

struct Open {
    row: usize,
    position: u64,
    until: i128,
}

struct Unclaimed {
    question: Option<Folded>,
    code: Code,
    position: u64,
    until: i128,
}

impl Matcher<'_> {
    fn new(plan: &Plan) -> Matcher<'_> {
        Matcher { plan, waiting: BTreeMap::new(), rows: Vec::new(), matches: Matches::default() }
    }

    fn message(&mut self, message: &Message, now: Moment) {
        let questions = message.questions.iter().take(dpp::limits::QUESTIONS_MAX.into());
        match message.kind {
            Kind::Query => questions.for_each(|q| self.query(message.tuple, q, now)),
            Kind::Response(code) if message.questions.is_empty() => {
                self.response(message.tuple, None, code, now);
            }
            Kind::Response(code) => {
                questions.for_each(|q| self.response(message.tuple, Some(q), code, now));
            }
        }
    }

    fn query(&mut self, tuple: Tuple, question: &Question, now: Moment) {
        self.matches.queries += 1;
        let (timeout, limits) = (i128::from(self.plan.match_timeout_ns), self.plan.limits);
        let waiting = self.waiting.entry(tuple).or_default();
        if let Some(open) = waiting.open.get(&question.folded()) {
            let first = &mut self.rows[open.row].request_ns;
            if (now.time - i128::from(*first)).abs() <= timeout {
                self.matches.retries += 1;
                *first = (*first).min(now.time as i64);
                return;
            }
            self.matches.timed_out += 1;
            waiting.open.remove(&question.folded());
        }
        let row = self.rows.len();
        self.rows.push(Row { request_ns: now.time as i64, tuple, question: question.clone(), answer: None });
        let in_time = waiting.unclaimed.range((now.time, 0)..=(now.time + timeout, u64::MAX));
        let mut fitting = in_time
            .filter(|(_, response)| response.question.as_ref().is_none_or(|q| *q == question.folded()));
        if let Some((&key, response)) = fitting.next() {
            self.matches.matched += 1;
            self.rows[row].answer = Some((key.0 as i64, response.code.text()));
            waiting.unclaimed.remove(&key);
        } else if waiting.open.len() + waiting.unclaimed.len() >= limits.per_tuple {
            self.matches.tuple_overflows += 1;
            self.matches.timed_out += 1;
        } else {
            let until = now.clock + timeout + i128::from(limits.disorder_ns);
            waiting.open.insert(question.folded(), Open { row, position: now.position, until });
        }
    }

    fn response(&mut self, tuple: Tuple, question: Option<&Question>, code: Code, now: Moment) {
        self.matches.responses += 1;
        let (timeout, limits) = (i128::from(self.plan.match_timeout_ns), self.plan.limits);
        let waiting = self.waiting.entry(tuple).or_default();
        let folded = question.map(Question::folded);
        let asks_this = |asked: &Folded| folded.as_ref().is_none_or(|folded| folded == asked);
        let in_time = |request_ns: i64| (0..=timeout).contains(&(now.time - i128::from(request_ns)));
        let fitting = waiting
            .open
            .iter()
            .filter(|(asked, open)| asks_this(asked) && in_time(self.rows[open.row].request_ns));
        let oldest = fitting.min_by_key(|(_, open)| (self.rows[open.row].request_ns, open.row));
        if let Some((asked, open)) = oldest.map(|(asked, open)| (asked.clone(), open.row)) {
            self.matches.matched += 1;
            self.rows[open].answer = Some((now.time as i64, code.text()));
            waiting.open.remove(&asked);
        } else if waiting.open.len() + waiting.unclaimed.len() >= limits.per_tuple {
            self.matches.tuple_overflows += 1;
            self.matches.unclaimed_responses += 1;
        } else {
            let until = now.clock + i128::from(limits.disorder_ns);
            let unclaimed = Unclaimed { question: folded, code, position: now.position, until };
            waiting.unclaimed.insert((now.time, self.matches.responses), unclaimed);
        }
    }

    /// Forgets what the clock is past.
    fn forget(&mut self, clock: i128) {
        self.close(|_, until| clock > until);
    }

    /// Gives up what is too many packets back.
    fn close_window(&mut self, at: u64) {
        let first = at.saturating_sub(self.plan.limits.window_packets);
        self.matches.window_overflows += self.close(|position, _| position < first);
    }

    /// Closes all that waits and whose position and end of life are such. Gives how many.
    fn close(&mut self, is_due: impl Fn(u64, i128) -> bool) -> u64 {
        let (mut queries, mut responses) = (0, 0);
        for waiting in self.waiting.values_mut() {
            let before = (waiting.open.len(), waiting.unclaimed.len());
            waiting.open.retain(|_, open| !is_due(open.position, open.until));
            waiting.unclaimed.retain(|_, response| !is_due(response.position, response.until));
            queries += (before.0 - waiting.open.len()) as u64;
            responses += (before.1 - waiting.unclaimed.len()) as u64;
        }
        self.matches.timed_out += queries;
        self.matches.unclaimed_responses += responses;
        queries + responses
    }

    fn time_out_all(&mut self) {
        self.close(|_, _| true);
    }

    /// What came out, up to the first query that is still open.
    fn meaning(mut self) -> Meaning {
        let open = self.waiting.values().flat_map(|waiting| waiting.open.values());
        let rows: Vec<usize> = open.map(|open| open.row).collect();
        let unclaimed: usize = self.waiting.values().map(|waiting| waiting.unclaimed.len()).sum();
        self.matches.still_open += rows.len() as u64;
        self.matches.unclaimed_responses += unclaimed as u64;
        self.rows.truncate(rows.into_iter().min().unwrap_or(usize::MAX));
        Meaning { rows: self.rows, matches: self.matches }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} -> ", Time(self.request_ns), self.tuple, self.question)?;
        match self.answer {
            Some((ns, code)) => write!(f, "{} {code}", Time(ns)),
            None => write!(f, "timeout"),
        }
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
