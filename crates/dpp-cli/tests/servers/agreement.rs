//! How far what a server says in dnstap agrees with what was on the wire.
//!
//! *The same*, in each row: client, client's port, transport, id, name as it was written, type and response code, and that is
//! also what the sender knows; and beyond it the server's address and port, the sizes of both messages, and each byte of them.
//! *Not the same*: times, for a server dates a message when it has read or made it. A query's time in dnstap is never before that
//! on the wire (but for rounding), and as a rule some 100 us behind; a response's may be either side of it. *Nothing lost*: as
//! many rows from dnstap as from the recording, and as many as were asked. *Not compared*: the order of rows, because servers
//! with several threads send messages as each thread has them.

use crate::ask::{self, Perf, Question};
use crate::recording::{PATIENT, Recording};
use crate::rows::{FIELDS, Fact, Row, facts};
use crate::stage::{Running, Stage};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::thread;

/// What a server says of itself, and does not say of messages.
pub(crate) struct Agreement {
    /// As what it took part.
    pub(crate) role: &'static str,
    pub(crate) identity: &'static str,
    /// What its version begins with.
    pub(crate) version: &'static str,
    /// Columns that are empty in dnstap.
    pub(crate) lacks: &'static [&'static str],
    /// In how many rounds it is asked. Rows are waited for between them, and a round is no more than the server's own queue
    /// holds: so nothing is lost however slowly its thread for dnstap runs.
    pub(crate) rounds: usize,
    /// How much is asked in a round, as [`asked`] counts it.
    pub(crate) size: usize,
    /// By how much its times may be too early, because it rounds them.
    pub(crate) tick_us: i64,
}

/// The columns that must be the same, besides what the sender knows.
const SAME: &[&str] = &[
    "dst_ip",
    "dst_port",
    "match",
    "query_size",
    "response_size",
    "query_wire",
    "response_wire",
    "query_count",
];

/// dnsperf asks so many a second over each transport: far below what any of the servers can do.
const RATE: usize = 1000;

/// The first label of questions that only find out whether all is up.
const WARM_UP: &str = "warm-up";

/// `dpp` that takes what comes from here, and writes rows to `<name>.jsonl`.
#[track_caller]
pub(crate) fn receiver(stage: &Stage, name: &'static str, source: &str, more: &[&str]) -> Running {
    let fields = ["--fields", FIELDS, "--match-timeout-ms", PATIENT];
    let mut dpp = stage.dpp_live(name, source, &format!("{name}.jsonl"), &[&fields, more].concat());
    let begun = stage.path(&format!("{name}.jsonl.part"));
    dpp.wait_for("its output", || begun.exists());
    dpp
}

/// The rows that have come in this file, without those of questions that only wait.
pub(crate) fn rows_of(stage: &Stage, file: &str) -> Vec<Row> {
    measured(Row::read(&stage.text(file)))
}

fn measured(mut rows: Vec<Row>) -> Vec<Row> {
    rows.retain(|row| !row.text("qname").starts_with(WARM_UP) && !row.text("qname").starts_with("end-of-"));
    rows
}

/// Asks until a row in this file tells that the server is connected to `dpp`.
#[track_caller]
pub(crate) fn warm_up(stage: &Stage, server: &mut Running, port: u16, file: &str) {
    server.wait_for_port(port);
    ask_until(server, port, WARM_UP, || stage.text(file).contains(WARM_UP));
}

/// Asks for this name in the zone until something is so.
#[track_caller]
pub(crate) fn ask_until(server: &mut Running, port: u16, name: &str, mut is_so: impl FnMut() -> bool) {
    let localhost = Ipv4Addr::LOCALHOST;
    let question = Question::of(&format!("{name}.zone.test"));
    server.wait_for("a row of its answers", || {
        ask::udp(localhost.into(), (localhost, port).into(), std::slice::from_ref(&question));
        is_so()
    });
}

/// Asks from several clients at once, over both transports and both families, [`asked`] queries in all. Gives what our own
/// sender asked.
#[track_caller]
pub(crate) fn ask_all(stage: &Stage, port: u16, size: usize, seed: u16) -> Vec<Fact> {
    let (four, six) = (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
    let other = Ipv4Addr::new(127, 0, 0, 99);
    let [at_four, at_six]: [SocketAddr; 2] = [(four, port).into(), (six, port).into()];
    let list = |place: u16| Question::list(seed.wrapping_mul(5).wrapping_add(place), size as u16);
    thread::scope(|scope| {
        let perf = ["udp", "tcp"].map(|mode| {
            let perf = Perf { mode, port, queries: 2 * size, rate: RATE };
            scope.spawn(move || perf.run(stage))
        });
        let asked = [
            scope.spawn(move || ask::udp(four.into(), at_four, &list(0))),
            scope.spawn(move || ask::udp(other.into(), at_four, &list(1))),
            scope.spawn(move || ask::udp(six.into(), at_six, &list(2))),
            scope.spawn(move || ask::tcp(at_four, &list(3), 1)),
            scope.spawn(move || ask::tcp(at_six, &list(4), 10)),
        ];
        let facts = asked.into_iter().flat_map(|asked| asked.join().expect("all were answered")).collect();
        for perf in perf {
            perf.join().expect("all were answered");
        }
        facts
    })
}

/// How many [`ask_all`] asks.
pub(crate) const fn asked(size: usize) -> usize {
    9 * size
}

impl Agreement {
    /// Asks the server, which sends dnstap to `dpp`, and holds the three tables against each other.
    #[track_caller]
    pub(crate) fn check(&self, stage: &Stage, mut dpp: Running, mut server: Running, port: u16) {
        warm_up(stage, &mut server, port, "tap.jsonl.part");
        let own_port = port.to_string();
        let mut packets = receiver(stage, "packets", "afpacket:lo", &["--port", &own_port]);
        warm_up(stage, &mut server, port, "packets.jsonl.part");
        let recording = Recording::start(stage, port);
        let mut known = Vec::new();
        for round in 1..=self.rounds {
            known.extend(ask_all(stage, port, self.size, round as u16));
            let asked = asked(self.size) * round;
            dpp.wait_for("the last row", || rows_of(stage, "tap.jsonl.part").len() >= asked);
            packets.wait_for("the last row", || rows_of(stage, "packets.jsonl.part").len() >= asked);
        }
        let asked = asked(self.size) * self.rounds;
        let wire = measured(recording.rows(stage));
        // The server goes first, and says so.
        server.stop();
        let [live, seen] = [(dpp, "tap"), (packets, "packets")].map(|(dpp, name)| {
            assert!(dpp.stop().success(), "{}", stage.text(&format!("{name}.log")));
            rows_of(stage, &format!("{name}.jsonl"))
        });
        let counts = [&live, &seen, &wire].map(Vec::len);
        assert_eq!(counts, [asked; 3], "rows from dnstap, from AF_PACKET, and from the recording");
        compare(&seen, &wire, SAME, &[]);
        let apart = times_apart(&seen, &wire);
        let most_us = apart.iter().map(|us| us.abs()).max().unwrap_or_default();
        assert!(most_us < SOON_US, "the interface and the recording are {most_us} us apart");
        self.compare(&live, &wire);
        let told: BTreeSet<Fact> = facts(&live).into_iter().collect();
        let untold: Vec<&Fact> = known.iter().filter(|fact| !told.contains(fact)).collect();
        assert!(untold.is_empty(), "what was asked and has no row: {untold:?}");
        let report: serde_json::Value = serde_json::from_str(&stage.text("tap.report")).expect("a report");
        let messages = &report["messages"];
        assert_eq!([&messages["timed_out"], &messages["unclaimed_responses"]], [0, 0], "{messages}");
    }

    #[track_caller]
    fn compare(&self, live: &[Row], wire: &[Row]) {
        compare(live, wire, SAME, self.lacks);
        for row in live {
            let told = ["dnstap_role", "dnstap_identity"].map(|column| row.text(column));
            assert_eq!(told, [self.role, self.identity]);
            assert!(row.text("dnstap_version").starts_with(self.version), "{row:?}");
        }
        let behind_us = times_apart(live, wire);
        let [least, median, most] = [0, behind_us.len() / 2, behind_us.len() - 1].map(|at| behind_us[at]);
        eprintln!("queries in dnstap behind the wire: least {least} us, median {median} us, most {most} us");
        assert!(least >= -self.tick_us, "a query is in dnstap {} us before it was on the wire", -least);
        assert!(median < SOON_US, "the median is {median} us behind");
    }
}

/// Rows from two sources say the same in these columns, but for those that the first does not have.
#[track_caller]
fn compare(one: &[Row], other: &[Row], same: &[&str], lacks: &[&str]) {
    assert_eq!(facts(one), facts(other), "what makes a transaction is the same");
    let columns: Vec<&str> = same.iter().copied().filter(|column| !lacks.contains(column)).collect();
    for (one, other) in in_order(one).zip(in_order(other)) {
        assert_eq!(one.say(&columns), other.say(&columns), "{one:?}");
        for column in lacks {
            assert!(one.get(column).is_null(), "{column} of {one:?}");
        }
    }
}

/// By how much the queries of one source are dated later than those of another, us, from the least to the most.
fn times_apart(one: &[Row], other: &[Row]) -> Vec<i64> {
    let both = in_order(one).zip(in_order(other));
    let mut apart: Vec<i64> = both.map(|(one, other)| one.asked_us() - other.asked_us()).collect();
    apart.sort_unstable();
    apart
}

/// So far a server's time of a query is behind the wire at most, in most rows. As a rule it is a thousandth of that; but tests
/// share their processors.
const SOON_US: i64 = 250_000;

/// Rows in an order that is the same from all sources.
fn in_order(rows: &[Row]) -> impl Iterator<Item = &Row> {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_cached_key(|row| (row.fact(), row.text("query_time").to_owned()));
    rows.into_iter()
}
