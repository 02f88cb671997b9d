//! The traffic itself: transactions drawn from a profile, and their packets recorded in order of time.
//!
//! The surprising fact: a transaction's fate is drawn whole when it begins. All its packets go into the
//! schedule at once and nothing drawn later changes them; a duplicate is the same entry twice, and a packet
//! recorded late one whose turn comes after its timestamp. Called by `generate::write_capture`.

use std::io::{self, Write};

use super::frame::{CaptureWriter, Flow, Segment};
use super::hosts::Hosts;
use super::message::{self, Answer, Question};
use super::names::Names;
use super::profile::{DELAY_MAX_MS, Profile, QueryType, Rcode};
use super::random::{Choice, Random, Share, exp, ln, mixed};
use super::schedule::Schedule;
use super::{Amount, Summary};

/// All that is needed to record one capture.
pub(super) struct Traffic<W> {
    dice: Dice,
    hosts: Hosts,
    names: Names,
    schedule: Schedule<Packet>,
    capture: CaptureWriter<W>,
    /// The message being written, used again for each.
    message: Vec<u8>,
    summary: Summary,
}

/// The first moment of every capture: 2026-01-01 00:00:00 UTC.
const START_NS: u64 = 1_767_225_600_000_000_000;

impl<W: Write> Traffic<W> {
    /// The traffic that `profile` describes, to be recorded on `out`.
    pub(super) fn new(profile: &Profile, seed: u64, out: W) -> Self {
        Traffic {
            dice: Dice::new(profile, Random::new(seed, 0)),
            hosts: Hosts::new(profile, &mut Random::new(seed, 1)),
            names: Names::new(profile.names, &mut Random::new(seed, 2)),
            schedule: Schedule::new(),
            capture: CaptureWriter::new(out),
            message: Vec::with_capacity(1 << 13),
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
            self.begin(start_ns);
            start_ns = self.dice.next_start_ns(start_ns, qps);
        }
        self.record_before(u64::MAX)?;
        (self.summary.packets, self.summary.bytes) = self.capture.finish()?;
        Ok(self.summary)
    }

    /// Draws a transaction and puts its packets into the schedule.
    fn begin(&mut self, start_ns: u64) {
        let transaction = self.dice.transaction(&self.hosts);
        self.summary.transactions += 1;
        self.summary.unanswered += u64::from(!transaction.answered);
        let rtt_ns = self.dice.rtt_ns();
        if self.dice.tcp.happens(&mut self.dice.random) {
            self.begin_tcp(start_ns, transaction, rtt_ns);
        } else {
            self.begin_udp(start_ns, transaction, rtt_ns);
        }
    }

    fn begin_udp(&mut self, start_ns: u64, mut transaction: Transaction, rtt_ns: u64) {
        if self.dice.fragmented.happens(&mut self.dice.random) {
            transaction.enlarge_response();
        }
        self.plan(start_ns, transaction, Content::Query);
        let mut asked_ns = start_ns;
        if self.dice.retry.happens(&mut self.dice.random) {
            asked_ns += self.dice.retry_delay_ns;
            self.plan(asked_ns, transaction, Content::Retry);
        }
        if transaction.answered {
            self.plan(asked_ns + rtt_ns, transaction, Content::Response);
        }
    }

    fn begin_tcp(&mut self, start_ns: u64, transaction: Transaction, rtt_ns: u64) {
        let mut stamp_ns = start_ns;
        for (step, &TcpStep { wait, load, .. }) in TCP_STEPS.iter().enumerate() {
            stamp_ns += match wait {
                Wait::Nanoseconds(wait_ns) => wait_ns,
                Wait::ResponseTime => rtt_ns,
            };
            if transaction.answered || load != Load::Response {
                self.plan(stamp_ns, transaction, Content::Segment(step));
            }
        }
    }

    /// Puts a packet into the schedule: late perhaps, twice perhaps.
    fn plan(&mut self, stamp_ns: u64, transaction: Transaction, content: Content) {
        let packet = Packet { transaction, content, stamp_ns, copy: false };
        let late_ns = self.dice.lateness_ns();
        self.summary.reordered += u64::from(late_ns > 0);
        self.schedule.push(stamp_ns + late_ns, packet);
        if self.dice.duplicate.happens(&mut self.dice.random) {
            let stamp_ns = stamp_ns + 1000 * u64::from(self.dice.random.below(50));
            self.schedule.push(stamp_ns, Packet { stamp_ns, copy: true, ..packet });
        }
    }

    /// Records all that is due before `limit_ns`.
    fn record_before(&mut self, limit_ns: u64) -> io::Result<()> {
        while let Some(packet) = self.schedule.pop_before(limit_ns) {
            let recorded = self.record_packet(&packet)?;
            self.summary.extra_fragments += recorded - 1;
            *self.counter(&packet) += 1;
        }
        Ok(())
    }

    /// Where this packet counts; each counts in one place.
    fn counter(&mut self, packet: &Packet) -> &mut u64 {
        match packet.content {
            _ if packet.copy => &mut self.summary.duplicates,
            Content::Query => &mut self.summary.queries,
            Content::Retry => &mut self.summary.retries,
            Content::Response => &mut self.summary.responses,
            Content::Segment(step) => match TCP_STEPS[step].load {
                Load::Nothing => &mut self.summary.bare_segments,
                Load::Query => &mut self.summary.queries,
                Load::Response => &mut self.summary.responses,
            },
        }
    }

    fn record_packet(&mut self, packet: &Packet) -> io::Result<u64> {
        let transaction = &packet.transaction;
        let (side, load, turn) = match packet.content {
            Content::Query => (Side::Client, Load::Query, 0),
            Content::Retry => (Side::Client, Load::Query, 1),
            Content::Response => (Side::Resolver, Load::Response, 0),
            Content::Segment(step) => return self.record_segment(packet, step),
        };
        self.write_message(transaction, load);
        let flow = transaction.flow(side, turn, &self.hosts);
        self.capture.udp(packet.stamp_ns, &flow, &self.message)
    }

    /// Records a TCP segment; its numbers follow from all that both sides sent in the steps before.
    fn record_segment(&mut self, packet: &Packet, step: usize) -> io::Result<u64> {
        let transaction = &packet.transaction;
        let TcpStep { side, flags, load, .. } = TCP_STEPS[step];
        let (mut here, mut there) =
            (transaction.first_sequence(side), transaction.first_sequence(side.other()));
        for before in &TCP_STEPS[..step] {
            let sent =
                self.write_tcp_payload(transaction, before.load) + u32::from(before.flags & (SYN | FIN) != 0);
            let number = if before.side == side { &mut here } else { &mut there };
            *number = number.wrapping_add(sent);
        }
        let acknowledged = if flags & ACK == 0 { 0 } else { there };
        self.write_tcp_payload(transaction, load);
        let flow = transaction.flow(side, step as u16, &self.hosts);
        self.capture.tcp(
            packet.stamp_ns,
            &flow,
            &Segment { sequence: here, acknowledged, flags },
            &self.message,
        )
    }

    /// Replaces `self.message` by the message with its length before it (RFC 1035, section 4.2.2), and gives
    /// how many bytes that makes.
    fn write_tcp_payload(&mut self, transaction: &Transaction, load: Load) -> u32 {
        self.write_message(transaction, load);
        if !self.message.is_empty() {
            let length = (self.message.len() as u16).to_be_bytes();
            self.message.splice(0..0, length);
        }
        self.message.len() as u32
    }

    /// Replaces `self.message`; by nothing where a lost response would be.
    fn write_message(&mut self, transaction: &Transaction, load: Load) {
        let question = transaction.question(&self.names);
        match load {
            Load::Query => message::write_query(&mut self.message, &question),
            Load::Response if transaction.answered => {
                message::write_response(&mut self.message, &question, &transaction.answer());
            }
            Load::Response | Load::Nothing => self.message.clear(),
        }
    }
}

/// A packet that waits to be recorded.
#[derive(Debug, Clone, Copy)]
struct Packet {
    transaction: Transaction,
    content: Content,
    stamp_ns: u64,
    /// Captured a second time.
    copy: bool,
}

#[derive(Debug, Clone, Copy)]
enum Content {
    Query,
    Retry,
    Response,
    /// This step of [`TCP_STEPS`].
    Segment(usize),
}

/// A query and what will become of it.
#[derive(Debug, Clone, Copy)]
struct Transaction {
    client: u32,
    resolver: u32,
    name: u32,
    query_type: QueryType,
    rcode: Rcode,
    answered: bool,
    id: u16,
    client_port: u16,
    edns_size: Option<u16>,
    /// The answer section is at least this long.
    answer_bytes_min: u16,
    /// See [`Question::upper_case`].
    upper_case: u64,
    /// Random bits for what nobody asks about: IP identifications and TCP sequence numbers.
    numbers: u64,
}

impl Transaction {
    /// Makes it a transaction with EDNS and a response of two or three fragments.
    fn enlarge_response(&mut self) {
        self.rcode = Rcode::NoError;
        self.edns_size = Some(4096);
        self.answer_bytes_min = 1500 + (self.numbers % 2048) as u16;
    }

    fn question<'a>(&self, names: &'a Names) -> Question<'a> {
        Question {
            id: self.id,
            name: names.wire(self.name),
            query_type: self.query_type,
            upper_case: self.upper_case,
            edns_size: self.edns_size,
        }
    }

    fn answer(&self) -> Answer {
        let bytes_min = usize::from(self.answer_bytes_min);
        Answer { rcode: self.rcode, facts: Names::facts(self.name), bytes_min }
    }

    /// From this side to the other; `turn` tells packets of one side apart.
    fn flow(&self, side: Side, turn: u16, hosts: &Hosts) -> Flow {
        let pair = hosts.pair(self.client, self.resolver);
        match side {
            Side::Client => Flow {
                pair,
                source_port: self.client_port,
                destination_port: DNS_PORT,
                hops: HOPS - (self.client % 16) as u8,
                identification: (self.numbers as u16).wrapping_add(turn),
            },
            Side::Resolver => Flow {
                pair: pair.reversed(),
                source_port: DNS_PORT,
                destination_port: self.client_port,
                hops: HOPS,
                identification: ((self.numbers >> 16) as u16).wrapping_add(turn),
            },
        }
    }

    fn first_sequence(&self, side: Side) -> u32 {
        match side {
            Side::Client => (self.numbers >> 32) as u32,
            Side::Resolver => mixed(self.numbers) as u32,
        }
    }
}

const DNS_PORT: u16 = 53;
/// What senders start with; clients are up to 15 hops away from the capture, resolvers none.
const HOPS: u8 = 64;

/// Everything that is left to chance.
struct Dice {
    random: Random,
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
    fragmented: Share,
    retry: Share,
    retry_delay_ns: u64,
    duplicate: Share,
    late: Share,
    late_max_ns: u64,
}

impl Dice {
    fn new(profile: &Profile, random: Random) -> Self {
        Dice {
            random,
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
            tcp: Share::new(profile.tcp_share),
            fragmented: Share::new(profile.fragment_share),
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
            answer_bytes_min: 0,
            upper_case: if self.mixed_case.happens(random) { random.bits() } else { 0 },
            numbers: random.bits(),
        }
    }

    fn rtt_ns(&mut self) -> u64 {
        let slow = self.slow.happens(&mut self.random);
        let delay = if slow { &self.slow_delay } else { &self.usual_delay };
        delay.draw_ns(&mut self.random)
    }

    /// By how much a packet is recorded too late: mostly 0.
    fn lateness_ns(&mut self) -> u64 {
        if self.late.happens(&mut self.random) { 1 + self.random.below_wide(self.late_max_ns) } else { 0 }
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Resolver,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Side::Client => Side::Resolver,
            Side::Resolver => Side::Client,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    Nothing,
    Query,
    Response,
}

#[derive(Debug, Clone, Copy)]
enum Wait {
    Nanoseconds(u64),
    ResponseTime,
}

/// One segment of a connection as it is captured beside the resolver.
struct TcpStep {
    wait: Wait,
    side: Side,
    flags: u8,
    load: Load,
}

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// The resolver's host acts at once; the client's next segment has the network to cross.
const AT_ONCE: Wait = Wait::Nanoseconds(20_000);
const ACROSS: Wait = Wait::Nanoseconds(200_000);

const fn step(wait: Wait, side: Side, flags: u8, load: Load) -> TcpStep {
    TcpStep { wait, side, flags, load }
}

/// A connection for one query: three segments to open it, two with messages, three to close it.
const TCP_STEPS: [TcpStep; 8] = [
    step(Wait::Nanoseconds(0), Side::Client, SYN, Load::Nothing),
    step(AT_ONCE, Side::Resolver, SYN | ACK, Load::Nothing),
    step(ACROSS, Side::Client, ACK, Load::Nothing),
    step(AT_ONCE, Side::Client, PSH | ACK, Load::Query),
    step(Wait::ResponseTime, Side::Resolver, PSH | ACK, Load::Response),
    step(ACROSS, Side::Client, FIN | ACK, Load::Nothing),
    step(AT_ONCE, Side::Resolver, FIN | ACK, Load::Nothing),
    step(ACROSS, Side::Client, ACK, Load::Nothing),
];
