//! The traffic itself: transactions drawn from a profile, and their packets recorded in order of time.
//!
//! The surprising fact: a transaction's fate is drawn whole when it begins. All its packets go into the
//! schedule at once and nothing drawn later changes them; a duplicate is the same entry twice, and a packet
//! recorded late one whose turn comes after its timestamp. Only the fragments of a datagram are dealt with when
//! its turn has come. Called by `generate::write_capture`.

use std::io::{self, Write};

use super::connection::{Connection, Exchange, Habits};
use super::frame::{CaptureWriter, Flow};
use super::hosts::Hosts;
use super::listing::{Listing, Transport};
use super::names::Names;
use super::profile::{DELAY_MAX_MS, Profile, QueryType, Rcode};
use super::random::{Choice, Random, Share, exp, ln};
use super::schedule::Schedule;
use super::slots::Slots;
use super::transaction::{Scribe, Side, Transaction};
use super::{Amount, Summary};

/// All that is needed to record one capture.
pub(super) struct Traffic<'a, W> {
    dice: Dice,
    hosts: Hosts,
    scribe: Scribe,
    habits: Habits,
    schedule: Schedule<Entry>,
    connections: Slots<Connection>,
    datagrams: Slots<Datagram>,
    capture: CaptureWriter<W>,
    listing: Listing<'a>,
    summary: Summary,
}

/// The first moment of every capture: 2026-01-01 00:00:00 UTC.
const START_NS: u64 = 1_767_225_600_000_000_000;

impl<'a, W: Write> Traffic<'a, W> {
    /// The traffic that `profile` describes, to be recorded on `out`, its messages on `listing`.
    pub(super) fn new(profile: &Profile, seed: u64, out: W, listing: Listing<'a>) -> Self {
        Traffic {
            dice: Dice::new(profile, seed),
            hosts: Hosts::new(profile, &mut Random::new(seed, 1)),
            scribe: Scribe::new(Names::new(profile.names, &mut Random::new(seed, 2))),
            habits: Habits::new(profile),
            schedule: Schedule::new(),
            connections: Slots::default(),
            datagrams: Slots::default(),
            capture: CaptureWriter::new(profile, out),
            listing,
            summary: Summary::default(),
        }
    }

    /// Records so much traffic, at `qps` unless the amount has its own, and ends the capture.
    pub(super) fn record(mut self, amount: Amount, qps: f64) -> io::Result<Summary> {
        let (transactions, end_ns, qps) = match amount {
            Amount::Transactions(transactions) => (transactions, u64::MAX, qps),
            Amount::Duration { seconds, qps } => (u64::MAX, START_NS + (seconds * 1e9) as u64, qps),
        };
        let mut start_ns = self.dice.next_start_ns(START_NS, qps);
        while self.summary.transactions < transactions && start_ns < end_ns {
            self.record_before(start_ns)?;
            let begun = self.begin(start_ns, transactions - self.summary.transactions);
            self.summary.transactions += begun;
            for _ in 0..begun {
                start_ns = self.dice.next_start_ns(start_ns, qps);
            }
        }
        self.record_before(u64::MAX)?;
        self.listing.finish()?;
        (self.summary.packets, self.summary.bytes) = self.capture.finish()?;
        Ok(self.summary)
    }

    /// Draws a transaction, or a connection's worth of them, and puts their packets into the schedule. Gives
    /// how many transactions that were.
    fn begin(&mut self, start_ns: u64, transactions_max: u64) -> u64 {
        let transaction = self.dice.transaction(&self.hosts);
        self.summary.unanswered += u64::from(!transaction.answered);
        let rtt_ns = self.dice.rtt_ns();
        if self.dice.tcp.happens(&mut self.dice.random) {
            return self.begin_tcp(start_ns, transaction, rtt_ns, transactions_max);
        }
        self.begin_udp(start_ns, transaction, rtt_ns);
        1
    }

    fn begin_udp(&mut self, start_ns: u64, mut transaction: Transaction, rtt_ns: u64) {
        if self.dice.fragmented.happens(&mut self.dice.random) {
            transaction.enlarge_response();
        }
        let message = |transaction, content| Content::Message { transaction, content };
        self.plan(start_ns, message(transaction, Message::Query));
        let mut asked_ns = start_ns;
        if self.dice.retry.happens(&mut self.dice.random) {
            asked_ns += self.dice.retry_delay_ns;
            self.plan(asked_ns, message(transaction, Message::Retry));
        }
        if transaction.answered {
            self.plan(asked_ns + rtt_ns, message(transaction, Message::Response));
        }
    }

    fn begin_tcp(&mut self, start_ns: u64, first: Transaction, rtt_ns: u64, transactions_max: u64) -> u64 {
        let count = self.dice.queries_of_connection().min(transactions_max);
        let mut exchanges = Vec::with_capacity(count as usize);
        exchanges.push(self.dice.exchange(first, rtt_ns));
        for _ in 1..count {
            let Transaction { client, resolver, client_port, .. } = first;
            let drawn = self.dice.transaction(&self.hosts);
            self.summary.unanswered += u64::from(!drawn.answered);
            let rtt_ns = self.dice.rtt_ns();
            let transaction = Transaction { client, resolver, client_port, ..drawn };
            exchanges.push(self.dice.exchange(transaction, rtt_ns));
        }
        let slot = self.connections.take(|| Connection::new(first));
        let connection = &mut self.connections[slot];
        connection.draw(start_ns, &exchanges, &self.habits, &mut self.dice.detail, &mut self.scribe);
        for index in 0..self.connections[slot].steps().len() {
            let step = self.connections[slot].steps()[index];
            if step.captured {
                let planned = self.plan(step.stamp_ns, Content::Segment { slot, index: index as u32 });
                self.connections[slot].waiting += planned;
            } else if step.has_data() {
                self.summary.uncaptured += 1;
            }
        }
        count
    }

    /// Puts a packet into the schedule: late perhaps, twice perhaps. Gives how many entries that makes.
    fn plan(&mut self, stamp_ns: u64, content: Content) -> usize {
        let entry = Entry { content, stamp_ns, copy: false };
        let late_ns = self.dice.lateness_ns();
        self.summary.reordered += u64::from(late_ns > 0);
        self.schedule.push(stamp_ns + late_ns, entry);
        if !self.dice.duplicate.happens(&mut self.dice.random) {
            return 1;
        }
        let stamp_ns = stamp_ns + 1000 * u64::from(self.dice.random.below(50));
        self.schedule.push(stamp_ns, Entry { stamp_ns, copy: true, ..entry });
        2
    }

    /// Records all that is due before `limit_ns`.
    fn record_before(&mut self, limit_ns: u64) -> io::Result<()> {
        while let Some(entry) = self.schedule.pop_before(limit_ns) {
            match entry.content {
                Content::Message { transaction, content } => {
                    self.record_message(&entry, &transaction, content)?;
                }
                Content::Segment { slot, index } => self.record_segment(&entry, slot, index as usize)?,
                Content::Fragment { slot, offset } => {
                    self.record_fragment(entry.stamp_ns, slot, offset as usize)?;
                }
            }
        }
        Ok(())
    }

    fn record_message(
        &mut self,
        entry: &Entry,
        transaction: &Transaction,
        content: Message,
    ) -> io::Result<()> {
        let (side, turn, counter) = match content {
            Message::Query => (Side::Client, 0, &mut self.summary.queries),
            Message::Retry => (Side::Client, 1, &mut self.summary.retries),
            Message::Response => (Side::Resolver, 0, &mut self.summary.responses),
        };
        *if entry.copy { &mut self.summary.duplicates } else { counter } += 1;
        let message = match side {
            Side::Client => self.scribe.query(transaction),
            Side::Resolver => self.scribe.response(transaction),
        };
        let flow = transaction.flow(side, turn, &self.hosts);
        if self.capture.needs_fragments(flow.pair, message) {
            let datagram = self.capture.datagram(&flow, message);
            return self.record_datagram(entry.stamp_ns, flow, datagram);
        }
        self.capture.udp(entry.stamp_ns, &flow, message)?;
        let complete = (self.capture.packets(), entry.stamp_ns);
        self.listing.note(complete, &flow, Transport::Udp, message)
    }

    /// Records a datagram in fragments: at once and in order, unless something becomes of them.
    fn record_datagram(
        &mut self,
        stamp_ns: u64,
        mut flow: Flow,
        (bytes, room): (Vec<u8>, usize),
    ) -> io::Result<()> {
        let mut offsets: Vec<usize> = (0..bytes.len()).step_by(room).collect();
        let dice = &mut self.dice;
        let reordered = dice.fragment_reordered.happens(&mut dice.detail);
        let lost = dice.fragment_lost.happens(&mut dice.detail);
        let twice = dice.fragment_twice.happens(&mut dice.detail);
        if dice.fragments_have_fates {
            // Fragments that are left over must not meet those of another datagram.
            flow.identification = dice.next_identification();
        }
        let again = twice.then(|| offsets[dice.detail.below(offsets.len() as u32) as usize]);
        if reordered {
            dice.shuffle(&mut offsets);
        }
        if lost {
            offsets.remove(dice.detail.below(offsets.len() as u32) as usize);
            self.summary.uncaptured += 1;
        }
        let waiting = offsets.len() + usize::from(twice);
        // The datagram's message has been counted as a packet.
        self.summary.extra_fragments += waiting as u64 - 1;
        let missing = (0..bytes.len()).step_by(room).collect();
        let slot = self.datagrams.take(Datagram::default);
        self.datagrams[slot] = Datagram { flow: Some(flow), bytes, room, missing, waiting };
        let mut due_ns = stamp_ns;
        for &offset in &offsets {
            if due_ns == stamp_ns {
                self.record_fragment(stamp_ns, slot, offset)?;
            } else {
                self.plan_fragment(due_ns, slot, offset);
            }
            if reordered {
                due_ns += 1000 + self.dice.detail.below_wide(FRAGMENTS_APART_MAX_NS);
            }
        }
        if let Some(offset) = again {
            due_ns += 1000 + self.dice.detail.below_wide(FRAGMENTS_APART_MAX_NS);
            self.plan_fragment(due_ns, slot, offset);
        }
        Ok(())
    }

    fn plan_fragment(&mut self, stamp_ns: u64, slot: u32, offset: usize) {
        let content = Content::Fragment { slot, offset: offset as u32 };
        self.schedule.push(stamp_ns, Entry { content, stamp_ns, copy: false });
    }

    fn record_fragment(&mut self, stamp_ns: u64, slot: u32, offset: usize) -> io::Result<()> {
        let datagram = &mut self.datagrams[slot];
        let Some(flow) = &datagram.flow else { return Ok(()) };
        self.capture.fragment(stamp_ns, flow, (&datagram.bytes, datagram.room), offset)?;
        let missing_before = datagram.missing.len();
        datagram.missing.retain(|&missing| missing != offset);
        if datagram.missing.is_empty() && missing_before > 0 {
            let complete = (self.capture.packets(), stamp_ns);
            self.listing.note(complete, flow, Transport::Udp, &datagram.bytes[8..])?;
        }
        datagram.waiting -= 1;
        if datagram.waiting == 0 {
            self.datagrams.give_back(slot);
        }
        Ok(())
    }

    fn record_segment(&mut self, entry: &Entry, slot: u32, index: usize) -> io::Result<()> {
        let connection = &mut self.connections[slot];
        let step = connection.steps()[index];
        let flow = connection.first.flow(step.side, index as u16, &self.hosts);
        self.capture.tcp(entry.stamp_ns, &flow, &step.segment, connection.payload(&step))?;
        let messages = connection.messages_in(&step);
        let summary = &mut self.summary;
        match (entry.copy || step.again, messages, step.side) {
            (true, ..) => summary.duplicates += 1,
            (false, 0, _) => summary.bare_segments += 1,
            (false, _, Side::Client) => summary.queries += messages,
            (false, _, Side::Resolver) => summary.responses += messages,
        }
        if !entry.copy && !step.again {
            summary.joined_messages += messages.saturating_sub(1);
        }
        let complete = (self.capture.packets(), entry.stamp_ns);
        let listing = &mut self.listing;
        connection.see(index, |message| listing.note(complete, &flow, Transport::Tcp, message))?;
        connection.waiting -= 1;
        if connection.waiting == 0 {
            self.connections.give_back(slot);
        }
        Ok(())
    }
}

/// A packet that waits to be recorded.
#[derive(Debug, Clone, Copy)]
struct Entry {
    content: Content,
    stamp_ns: u64,
    /// Captured a second time.
    copy: bool,
}

#[derive(Debug, Clone, Copy)]
enum Content {
    /// A message over UDP.
    Message { transaction: Transaction, content: Message },
    /// A step of the connection in this slot.
    Segment { slot: u32, index: u32 },
    /// A fragment of the datagram in this slot.
    Fragment { slot: u32, offset: u32 },
}

#[derive(Debug, Clone, Copy)]
enum Message {
    Query,
    Retry,
    Response,
}

/// A datagram in fragments.
#[derive(Debug, Default)]
struct Datagram {
    /// `None` where no datagram has been yet.
    flow: Option<Flow>,
    bytes: Vec<u8>,
    room: usize,
    /// Where the fragments begin that have not been recorded.
    missing: Vec<usize>,
    /// Fragments that are still to be recorded.
    waiting: usize,
}

/// Between fragments that do not come together.
const FRAGMENTS_APART_MAX_NS: u64 = 500_000;

/// Everything that is left to chance.
struct Dice {
    random: Random,
    /// For what came later: a stream of its own, so that what is drawn from the other stays as it was.
    detail: Random,
    resolvers: u32,
    names: Choice,
    query_types: (Vec<QueryType>, Choice),
    rcodes: (Vec<Rcode>, Choice),
    lost: Share,
    edns: Share,
    mixed_case: Share,
    slow: Share,
    usual_delay: Delay,
    slow_delay: Delay,
    tcp: Share,
    queries_per_connection: u32,
    transfer: Share,
    transfer_messages: u16,
    response_bytes_min: u16,
    fragmented: Share,
    fragment_reordered: Share,
    fragment_lost: Share,
    fragment_twice: Share,
    fragments_have_fates: bool,
    identification: u16,
    retry: Share,
    retry_delay_ns: u64,
    duplicate: Share,
    late: Share,
    late_max_ns: u64,
}

impl Dice {
    fn new(profile: &Profile, seed: u64) -> Self {
        let fates =
            [profile.fragment_reorder_share, profile.fragment_loss_share, profile.fragment_duplicate_share];
        Dice {
            random: Random::new(seed, 0),
            detail: Random::new(seed, 3),
            resolvers: profile.resolvers,
            names: Choice::zipf(profile.names, profile.name_popularity_exponent),
            query_types: weighted(profile.query_types.iter()),
            rcodes: weighted(profile.rcodes.iter()),
            lost: Share::new(profile.loss_share),
            edns: Share::new(profile.edns_share),
            mixed_case: Share::new(profile.case_mix_share),
            slow: Share::new(profile.rtt_slow_share),
            usual_delay: Delay::new(profile.rtt_median_ms, profile.rtt_sigma),
            slow_delay: Delay::new(profile.rtt_slow_median_ms, profile.rtt_slow_sigma),
            tcp: Share::new(connection_share(profile)),
            queries_per_connection: profile.tcp_queries_per_connection,
            transfer: Share::new(profile.axfr_share),
            transfer_messages: profile.axfr_messages as u16,
            response_bytes_min: profile.response_bytes_min as u16,
            fragmented: Share::new(profile.fragment_share),
            fragment_reordered: Share::new(profile.fragment_reorder_share),
            fragment_lost: Share::new(profile.fragment_loss_share),
            fragment_twice: Share::new(profile.fragment_duplicate_share),
            fragments_have_fates: fates.iter().any(|&share| share > 0.0),
            identification: 0,
            retry: Share::new(profile.retry_share),
            retry_delay_ns: nanoseconds(profile.retry_delay_ms),
            duplicate: Share::new(profile.duplicate_share),
            late: Share::new(profile.reorder_share),
            late_max_ns: nanoseconds(profile.reorder_max_ms),
        }
    }

    /// When the transaction after the one at `start_ns` begins.
    fn next_start_ns(&mut self, start_ns: u64, qps: f64) -> u64 {
        start_ns + (self.random.exponential() * 1e9 / qps) as u64
    }

    fn transaction(&mut self, hosts: &Hosts) -> Transaction {
        let random = &mut self.random;
        Transaction {
            client: hosts.draw_client(random),
            resolver: random.below(self.resolvers),
            name: self.names.draw(random) as u32,
            query_type: self.query_types.0[self.query_types.1.draw(random)],
            rcode: self.rcodes.0[self.rcodes.1.draw(random)],
            answered: !self.lost.happens(random),
            id: random.below(1 << 16) as u16,
            client_port: 1024 + random.below((1 << 16) - 1024) as u16,
            edns_size: self.edns.happens(random).then_some(1232),
            answer_bytes_min: self.response_bytes_min,
            upper_case: if self.mixed_case.happens(random) { random.bits() } else { 0 },
            numbers: random.bits(),
        }
    }

    fn rtt_ns(&mut self) -> u64 {
        let slow = self.slow.happens(&mut self.random);
        let delay = if slow { &self.slow_delay } else { &self.usual_delay };
        delay.draw_ns(&mut self.random)
    }

    /// From 1 to twice the average, all alike.
    fn queries_of_connection(&mut self) -> u64 {
        let average = self.queries_per_connection;
        if average == 1 { 1 } else { 1 + u64::from(self.detail.below(2 * average - 1)) }
    }

    /// A transaction of a connection: a zone transfer perhaps.
    fn exchange(&mut self, mut transaction: Transaction, rtt_ns: u64) -> Exchange {
        let transfer = self.transfer.happens(&mut self.detail);
        if transfer {
            transaction.query_type = QueryType::Axfr;
        }
        Exchange { transaction, rtt_ns, messages: if transfer { self.transfer_messages } else { 1 } }
    }

    fn next_identification(&mut self) -> u16 {
        self.identification = self.identification.wrapping_add(1);
        self.identification
    }

    /// Fisher and Yates.
    fn shuffle(&mut self, offsets: &mut [usize]) {
        for place in (1..offsets.len()).rev() {
            offsets.swap(place, self.detail.below(place as u32 + 1) as usize);
        }
    }

    /// By how much a packet is recorded too late: mostly 0.
    fn lateness_ns(&mut self) -> u64 {
        if self.late.happens(&mut self.random) { 1 + self.random.below_wide(self.late_max_ns) } else { 0 }
    }
}

/// The share of what begins that is a connection: one makes as many transactions as it has queries.
fn connection_share(profile: &Profile) -> f64 {
    let connections = profile.tcp_share / f64::from(profile.tcp_queries_per_connection);
    match profile.tcp_queries_per_connection {
        1 => profile.tcp_share,
        _ => connections / (connections + 1.0 - profile.tcp_share),
    }
}

fn weighted<'a, T: Copy + 'a>(weights: impl Iterator<Item = (&'a T, &'a f64)>) -> (Vec<T>, Choice) {
    let (alternatives, weights): (Vec<T>, Vec<f64>) = weights.unzip();
    let choice = Choice::new(&weights);
    (alternatives, choice)
}

/// A log-normal distribution of times.
struct Delay {
    ln_median_ns: f64,
    sigma: f64,
}

impl Delay {
    fn new(median_ms: f64, sigma: f64) -> Self {
        Delay { ln_median_ns: ln(median_ms * 1e6), sigma }
    }

    /// At least a microsecond, so that a response is dated after its query.
    fn draw_ns(&self, random: &mut Random) -> u64 {
        let delay_ns = exp(self.ln_median_ns + self.sigma * random.normal());
        delay_ns.clamp(1000.0, DELAY_MAX_MS * 1e6) as u64
    }
}

fn nanoseconds(milliseconds: f64) -> u64 {
    (milliseconds * 1e6) as u64
}
