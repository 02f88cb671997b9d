//! The meaning of a run: the sequential matcher, one pass over described packets, everything forgotten at once.
//!
//! Written from the rules (ARCHITECTURE.md, "What a transaction is"), as plainly as they allow, and knowing nothing of the
//! engine: no shards, no chunks, no bytes. What the engine gives is right if it equals this. Times are `i128`, so that
//! no sum of them can overflow.

use crate::arrivals::{Arrival, arrivals};
use crate::packet::{Asked, Code, Kind, Message, Packet, Pairing, Time, Tuple};
use dpp::limits::Limits;
use dpp::plan::Plan;
use dpp::transaction::Matches;
use dpp::transaction::Needs;
use std::collections::BTreeMap;
use std::fmt;

/// A query and what became of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) request_ns: i64,
    pub(crate) tuple: Tuple,
    pub(crate) question: Asked,
    /// When it was answered, and the response code in words.
    pub(crate) answer: Option<(i64, &'static str)>,
    /// What only some plans want to know.
    pub(crate) facts: Option<Facts>,
}

/// What else is known of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// How many messages the answer took.
    pub(crate) messages: u32,
    /// What is wrong with the query, or the first message of its answer.
    pub(crate) error: Option<&'static str>,
    /// Whether the query had a VLAN tag.
    pub(crate) tagged: bool,
}

/// What a run gives.
pub(crate) struct Meaning {
    pub(crate) rows: Vec<Row>,
    pub(crate) matches: Matches,
    /// How many rows stand before the first whose verdict came because the clock or the window forgot it.
    pub(crate) decided_at_once: usize,
    /// Answers that may take several messages, and were complete only because nothing more came.
    pub(crate) transfers: u64,
}

/// What the capture means.
pub(crate) fn meaning(packets: &[Packet], plan: &Plan) -> Meaning {
    let mut matcher = after(packets, packets.len(), plan);
    matcher.time_out_all();
    matcher.meaning()
}

/// What it means if the clock goes by other times than the packets' own, as these cannot be believed.
pub(crate) fn meaning_by(times: &[i64], packets: &[Packet], plan: &Plan) -> Meaning {
    let mut matcher = after_by(times, packets, packets.len(), plan);
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
    let times: Vec<i64> = packets.iter().map(|packet| packet.time_ns).collect();
    after_by(&times, packets, read, plan)
}

fn after_by<'a>(by: &[i64], packets: &[Packet], read: usize, plan: &'a Plan) -> Matcher<'a> {
    let times: Vec<i128> = packets.iter().map(|packet| packet.time_ns.into()).collect();
    let by: Vec<i128> = by.iter().map(|time_ns| (*time_ns).into()).collect();
    let clocks = clocks(&by, plan.limits.jump_ns.into());
    let mut matcher = Matcher::new(plan);
    let arrivals = arrivals(&packets[..read], plan);
    for at in 0..read {
        if at > 0 {
            matcher.forget(clocks[at - 1]);
        }
        if (at as u64).is_multiple_of(plan.limits.sweep_packets) {
            matcher.close_window(at as u64);
        }
        for message in &arrivals[at].messages {
            matcher.message(message, Moment { position: at as u64, time: times[at], clock: clocks[at] });
        }
        if let Some(first) = first_in_stream_window(&arrivals[..=at], &plan.limits) {
            matcher.forget(clocks[at]);
            matcher.give_up_before(first);
        }
    }
    if let Some(last) = read.checked_sub(1) {
        matcher.forget(clocks[last]);
    }
    matcher
}

/// If the last of these packets makes the bytes of all streams reach another multiple of a sweep: the first packet that is
/// within the window then.
fn first_in_stream_window(arrivals: &[Arrival], limits: &Limits) -> Option<u64> {
    let sweep = limits.sweep_stream_bytes;
    let sum = |arrivals: &[Arrival]| arrivals.iter().map(|arrival| arrival.stream_bytes).sum::<u64>();
    let reached = sum(arrivals) / sweep;
    if reached == sum(&arrivals[..arrivals.len() - 1]) / sweep {
        return None;
    }
    let left = (reached * sweep).saturating_sub(limits.window_stream_bytes).div_ceil(sweep);
    (0..arrivals.len()).position(|last| sum(&arrivals[..=last]) / sweep >= left).map(|first| first as u64)
}

/// Where a packet stands, its own time, and the clock after it.
#[derive(Clone, Copy)]
struct Moment {
    position: u64,
    time: i128,
    clock: i128,
}

type Folded = (String, Option<u16>, Option<u16>);

struct Matcher<'a> {
    plan: &'a Plan,
    waiting: BTreeMap<Tuple, Waiting>,
    /// One for each first query, in order.
    rows: Vec<Row>,
    matches: Matches,
    /// Messages that may be captured once more.
    seen: Vec<(Message, Moment)>,
    /// The first row that was forgotten.
    first_forgotten: usize,
    transfers: u64,
    /// Responses seen, duplicates not counted.
    responses: u64,
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
    /// Whether it was answered and more messages may follow.
    is_transfer: bool,
}

struct Unclaimed {
    question: Option<Folded>,
    code: Code,
    position: u64,
    until: i128,
    error: Option<&'static str>,
}

/// Types of queries whose answer may take several messages: IXFR and AXFR.
const TRANSFERS: [u16; 2] = [251, 252];

/// What the questions of a message have in common.
struct Said {
    tuple: Tuple,
    error: Option<&'static str>,
    tagged: bool,
    now: Moment,
}

impl Said {
    /// Whether the answer to a question of this type may take several messages.
    fn is_transfer(&self, qtype: Option<u16>) -> bool {
        self.tuple.is_tcp() && qtype.is_some_and(|qtype| TRANSFERS.contains(&qtype))
    }

    /// The row of a query, without an answer.
    fn row(&self, question: &Asked, plan: &Plan) -> Row {
        Row {
            request_ns: self.now.time as i64,
            tuple: self.tuple,
            question: question.clone(),
            answer: None,
            facts: (plan.needs() != Needs::NOTHING).then_some(Facts {
                messages: 0,
                error: self.error,
                tagged: self.tagged,
            }),
        }
    }
}

impl Row {
    /// The (first) response that answers it.
    fn take(&mut self, time: i128, code: Code, error: Option<&'static str>) {
        self.answer = Some((time as i64, code.text()));
        if let Some(facts) = &mut self.facts {
            facts.messages += 1;
            facts.error = facts.error.or(error);
        }
    }
}

impl Matcher<'_> {
    fn new(plan: &Plan) -> Matcher<'_> {
        Matcher {
            plan,
            waiting: BTreeMap::new(),
            rows: Vec::new(),
            matches: Matches::default(),
            seen: Vec::new(),
            first_forgotten: usize::MAX,
            transfers: 0,
            responses: 0,
        }
    }

    fn message(&mut self, message: &Message, now: Moment) {
        let class_bits = message.tuple.class_bits(self.plan);
        let mut questions = message.asked();
        questions.iter_mut().for_each(|asked| asked.qclass = asked.qclass.map(|class| class & class_bits));
        let (is_query, count) = (message.kind == Kind::Query, questions.len().max(1) as u64);
        let matches = &mut self.matches;
        *(if is_query { &mut matches.queries } else { &mut matches.responses }) += count;
        if self.is_duplicate(message, now) {
            let matches = &mut self.matches;
            *(if is_query { &mut matches.duplicate_queries } else { &mut matches.duplicate_responses }) +=
                count;
            return;
        }
        let tuple = match message.tuple.pairing(self.plan) {
            Pairing::Tuple => message.tuple,
            Pairing::AnyServer => message.tuple.of_any_server(),
            Pairing::Nobody => return self.unpaired(message, &questions, now),
        };
        let said = Said { tuple, error: self.error(message), tagged: message.tagged, now };
        match message.kind {
            Kind::Query => questions.iter().for_each(|question| self.query(&said, question)),
            Kind::Response(code) => {
                let code = if message.damage.is_some() { code.of_header() } else { code };
                match &questions[..] {
                    [] => self.response(&said, None, code),
                    questions => questions.iter().for_each(|q| self.response(&said, Some(q), code)),
                }
            }
        }
    }

    fn error(&self, message: &Message) -> Option<&'static str> {
        if !self.plan.wants_malformed() {
            return None;
        }
        message.error().map(|error| error.name())
    }

    /// Whether the same was captured within the window. What is dropped is not remembered.
    fn is_duplicate(&mut self, message: &Message, now: Moment) -> bool {
        let Some(window) = self.plan.duplicates_ns else { return false };
        if message.tuple.is_tcp() {
            return false;
        }
        self.seen.retain(|(_, then)| now.position - then.position <= self.plan.limits.window_packets);
        let same = |(other, _): &(Message, Moment)| {
            Message { tagged: message.tagged, tunnelled: message.tunnelled, ..other.clone() } == *message
        };
        let before = self.seen.iter().position(same);
        if before.is_some_and(|at| (self.seen[at].1.time - now.time).abs() <= window.into()) {
            return true;
        }
        before.map(|at| self.seen.remove(at));
        self.seen.push((message.clone(), now));
        false
    }

    /// A query that nobody in particular answers, or an answer to nobody in particular.
    fn unpaired(&mut self, message: &Message, questions: &[Asked], now: Moment) {
        if message.kind != Kind::Query {
            self.matches.unpaired_responses += questions.len().max(1) as u64;
            return;
        }
        self.matches.unpaired_queries += questions.len() as u64;
        let said = Said { tuple: message.tuple, error: self.error(message), tagged: message.tagged, now };
        questions.iter().for_each(|question| self.rows.push(said.row(question, self.plan)));
    }

    fn query(&mut self, said: &Said, question: &Asked) {
        let now = said.now;
        let (timeout, limits) = (i128::from(self.plan.match_timeout_ns), self.plan.limits);
        let waiting = self.waiting.entry(said.tuple).or_default();
        match waiting.open.get(&question.folded()) {
            Some(open) if open.is_transfer => {
                self.matches.matched += 1;
                waiting.open.remove(&question.folded());
            }
            Some(open) => {
                let first = &mut self.rows[open.row].request_ns;
                if (now.time - i128::from(*first)).abs() <= timeout {
                    self.matches.retries += 1;
                    *first = (*first).min(now.time as i64);
                    return;
                }
                self.matches.timed_out += 1;
                waiting.open.remove(&question.folded());
            }
            None => {}
        }
        let row = self.rows.len();
        self.rows.push(said.row(question, self.plan));
        let in_time = waiting.unclaimed.range((now.time, 0)..=(now.time + timeout, u64::MAX));
        let mut fitting = in_time
            .filter(|(_, response)| response.question.as_ref().is_none_or(|q| *q == question.folded()));
        if let Some((&key, response)) = fitting.next() {
            self.rows[row].take(key.0, response.code, response.error);
            if said.is_transfer(question.qtype) {
                let clock = now.clock.max(response.until - i128::from(limits.disorder_ns));
                let until = clock + timeout + i128::from(limits.disorder_ns);
                let open = Open { row, position: now.position, until, is_transfer: true };
                waiting.open.insert(question.folded(), open);
            } else {
                self.matches.matched += 1;
            }
            waiting.unclaimed.remove(&key);
        } else if waiting.open.len() + waiting.unclaimed.len() >= limits.per_tuple {
            self.matches.tuple_overflows += 1;
            self.matches.timed_out += 1;
        } else {
            let until = now.clock + timeout + i128::from(limits.disorder_ns);
            let open = Open { row, position: now.position, until, is_transfer: false };
            waiting.open.insert(question.folded(), open);
        }
    }

    fn response(&mut self, said: &Said, question: Option<&Asked>, code: Code) {
        self.responses += 1;
        let now = said.now;
        let (timeout, limits) = (i128::from(self.plan.match_timeout_ns), self.plan.limits);
        let waiting = self.waiting.entry(said.tuple).or_default();
        let folded = question.map(Asked::folded);
        let asks_this = |asked: &Folded| folded.as_ref().is_none_or(|folded| folded == asked);
        let in_time = |request_ns: i64| (0..=timeout).contains(&(now.time - i128::from(request_ns)));
        let oldest = |is_transfer: bool| {
            let fitting = waiting.open.iter().filter(|(asked, open)| {
                let is_fit = is_transfer || in_time(self.rows[open.row].request_ns);
                open.is_transfer == is_transfer && asks_this(asked) && is_fit
            });
            let oldest = fitting.min_by_key(|(_, open)| (self.rows[open.row].request_ns, open.row));
            oldest.map(|(asked, _)| asked.clone())
        };
        let until = now.clock + timeout + i128::from(limits.disorder_ns);
        if let Some(asked) = oldest(false) {
            let open = waiting.open.get_mut(&asked).expect("it is open");
            self.rows[open.row].take(now.time, code, said.error);
            if said.is_transfer(asked.1) {
                open.is_transfer = true;
                open.until = open.until.max(until);
            } else {
                self.matches.matched += 1;
                waiting.open.remove(&asked);
            }
        } else if let Some(asked) = oldest(true) {
            let open = waiting.open.get_mut(&asked).expect("it is open");
            open.until = open.until.max(until);
            self.rows[open.row].facts.iter_mut().for_each(|facts| facts.messages += 1);
            self.matches.continuations += 1;
        } else if waiting.open.len() + waiting.unclaimed.len() >= limits.per_tuple {
            self.matches.tuple_overflows += 1;
            self.matches.unclaimed_responses += 1;
        } else {
            let until = now.clock + i128::from(limits.disorder_ns);
            let unclaimed =
                Unclaimed { question: folded, code, position: now.position, until, error: said.error };
            waiting.unclaimed.insert((now.time, self.responses), unclaimed);
        }
    }

    /// Forgets what the clock is past.
    fn forget(&mut self, clock: i128) {
        self.close(|_, until| clock > until);
        let window = i128::from(self.plan.duplicates_ns.unwrap_or(0));
        self.seen.retain(|(_, then)| clock <= then.clock + window);
    }

    /// Gives up what is too many packets back.
    fn close_window(&mut self, at: u64) {
        self.give_up_before(at.saturating_sub(self.plan.limits.window_packets));
    }

    fn give_up_before(&mut self, first: u64) {
        self.matches.window_overflows += self.close(|position, _| position < first);
    }

    /// Closes all that waits and whose position and end of life are such. Gives how many.
    fn close(&mut self, is_due: impl Fn(u64, i128) -> bool) -> u64 {
        let (mut queries, mut transfers, mut responses) = (0, 0, 0);
        for waiting in self.waiting.values_mut() {
            waiting.open.retain(|_, open| {
                let is_due = is_due(open.position, open.until);
                if is_due {
                    *(if open.is_transfer { &mut transfers } else { &mut queries }) += 1;
                    self.first_forgotten = self.first_forgotten.min(open.row);
                }
                !is_due
            });
            let before = waiting.unclaimed.len();
            waiting.unclaimed.retain(|_, response| !is_due(response.position, response.until));
            responses += (before - waiting.unclaimed.len()) as u64;
        }
        self.transfers += transfers;
        self.matches.matched += transfers;
        self.matches.timed_out += queries;
        self.matches.unclaimed_responses += responses;
        queries + transfers + responses
    }

    fn time_out_all(&mut self) {
        self.close(|_, _| true);
    }

    /// What came out, up to the first query that is still open.
    fn meaning(mut self) -> Meaning {
        let open = self.waiting.values().flat_map(|waiting| waiting.open.values());
        // What answers a query that is still open is unclaimed.
        let answered = open.clone().filter(|open| open.is_transfer).count();
        let rows: Vec<usize> = open.map(|open| open.row).collect();
        let unclaimed: usize = self.waiting.values().map(|waiting| waiting.unclaimed.len()).sum();
        self.matches.still_open += rows.len() as u64;
        self.matches.unclaimed_responses += (unclaimed + answered) as u64;
        self.rows.truncate(rows.into_iter().min().unwrap_or(usize::MAX));
        let decided_at_once = self.first_forgotten.min(self.rows.len());
        Meaning { rows: self.rows, matches: self.matches, decided_at_once, transfers: self.transfers }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} -> ", Time(self.request_ns), self.tuple, self.question)?;
        match self.answer {
            Some((ns, code)) => write!(f, "{} {code}", Time(ns)),
            None => write!(f, "timeout"),
        }?;
        self.facts.as_ref().map_or(Ok(()), |facts| write!(f, " {facts:?}"))
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
