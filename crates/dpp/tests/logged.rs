//! What somebody else logged, as input of a whole run: dnstap frames and C-DNS blocks. The rows do not depend on how it was
//! cut, by chunks, files or an end that came too early; what is not stored is not made up; what is made to cost is given up.

#[path = "laws/trickle.rs"]
mod trickle;

use dpp::capture::{CaptureError, Ending, Inputs, single};
use dpp::cdns::{
    BlockParameters, ClassType, FilePreamble, Hints, Item, Question, Record, Sections, Signature, Writer,
    dns_flags, item_hints, sig_flags,
};
use dpp::dnstap::{Dnstap, Message, MessageType, Time, frames};
use dpp::limits::{BLOCK_ITEMS_ALWAYS, BLOCK_ITEMS_MAX};
use dpp::packet::Skip;
use dpp::pipeline::{self, Machine, Outcome, Pool, Rows, RunError, Sink, Watch};
use dpp::plan::Plan;
use dpp::table::{COLUMNS, Column, Context, Schema, Scratch, Value};
use dpp::tallies::entry::Entries;
use dpp::tallies::rssac::Wanted;
use dpp::tallies::servers::Servers;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use trickle::Trickle;

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SECOND;

/// A sink that keeps the values of the plan's columns of all rows as text; it can stop the run at the first piece.
struct Collect<'a> {
    plan: &'a Plan,
    rows: Mutex<Vec<Vec<String>>>,
    stop: Option<&'a Watch>,
}

impl Sink for Collect<'_> {
    type Piece = Vec<Vec<String>>;
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Self::Piece {
        let (context, mut scratch) = (Context::default(), Scratch::default());
        let mut row = |row: &_| {
            let text = |field: &dpp::table::Field| match field.column.value(row, &context, &mut scratch) {
                Value::Null => "-".to_owned(),
                value => format!("{value:?}"),
            };
            self.plan.schema.fields().iter().map(text).collect()
        };
        let encoded = rows.iter().map(|transaction| row(&transaction)).collect();
        pool.recycle(rows);
        encoded
    }

    fn size(&self, piece: &Self::Piece) -> usize {
        piece.len()
    }

    fn accept(&self, _: usize, piece: &Self::Piece) -> Result<(), Infallible> {
        self.rows.lock().unwrap().extend_from_slice(piece);
        self.stop.iter().for_each(|watch| watch.stop.store(true, Ordering::Relaxed));
        Ok(())
    }

    fn recycle(&self, _: Self::Piece, _: &Pool) {}
}

struct Run {
    rows: Vec<Vec<String>>,
    outcome: Outcome,
}

impl Run {
    fn value(&self, row: usize, column: &str) -> &str {
        &self.rows[row][Column::named(column).expect("a column") as usize]
    }
}

fn plan() -> Plan {
    let schema = Schema::of(COLUMNS.iter().map(|entry| entry.column));
    Plan { schema, unasked: true, sparse: true, ..Plan::default() }
}

fn try_run(inputs: impl Inputs, plan: &Plan, machine: &Machine) -> Result<Run, CaptureError> {
    let sink = Collect { plan, rows: Mutex::default(), stop: None };
    match pipeline::run(inputs, plan, machine, &sink, &Watch::default()) {
        Ok(outcome) => {
            assert!(outcome.totals.check(), "{:?}", outcome.totals);
            let rows = sink.rows.into_inner().unwrap();
            assert_eq!(rows.len() as u64, outcome.rows);
            Ok(Run { rows, outcome })
        }
        Err(RunError::Capture(error)) => Err(error.error),
        Err(RunError::Sink(never)) => match never {},
    }
}

fn run(bytes: &[u8], plan: &Plan, machine: &Machine) -> Run {
    try_run(single(bytes), plan, machine).expect("an input")
}

fn machine(workers: usize, chunk_bytes: usize, chunk_packets: usize, seed: u64) -> Machine {
    let workers = NonZeroUsize::new(workers).expect("a worker");
    Machine { chunk_bytes, chunk_packets, ..Machine::new(workers, seed) }
}

fn plain() -> Machine {
    machine(1, 256 << 10, usize::MAX, 0)
}

fn machines() -> [Machine; 4] {
    [machine(1, 1, 1, 1), machine(3, 7, 2, 2), machine(2, 300, 1, 3), machine(4, 4096, usize::MAX, 4)]
}

/// Every machine, and an input that trickles, gives the rows and totals of the plain one.
fn check_machines(bytes: &[u8], plan: &Plan, name: &str) -> Run {
    let expected = run(bytes, plan, &plain());
    for machine in machines() {
        let run = run(bytes, plan, &machine);
        assert_eq!(run.rows, expected.rows, "{name}: {machine:?}");
        assert_eq!(run.outcome.totals, expected.outcome.totals, "{name}: {machine:?}");
    }
    let trickle = Trickle { input: bytes, bytes: 3, interrupted: false };
    let trickled = try_run(single(trickle), plan, &machine(2, 64, 3, 5)).expect("an input");
    assert_eq!(trickled.rows, expected.rows, "{name}: trickling in");
    expected
}

fn file(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../captures").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn logged_files() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../captures/cdns");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .filter(|name| name.ends_with(".cdns"))
        .map(|name| format!("cdns/{name}"))
        .collect();
    names.sort();
    names.push("files/compactor__test.dnstap".to_owned());
    names.push("files/bind9__large-answer.fstrm".to_owned());
    names.into_iter().map(|name| (name.clone(), file(&name))).collect()
}

fn law<S: Strategy>(seed: u8, cases: u32, strategy: S, check: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S::Value: std::fmt::Debug,
{
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, rng).run(&strategy, check).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_machine_reads_the_same_in_files_of_others() {
    for (name, bytes) in logged_files() {
        let run = check_machines(&bytes, &plan(), &name);
        assert!(!run.rows.is_empty(), "{name}");
        assert!(matches!(run.outcome.ending, Ending::Complete), "{name}: {:?}", run.outcome.inputs);
        // With nothing asked for but what every plan wants there are as many rows.
        let few = Plan { unasked: true, sparse: true, ..Plan::default() };
        assert_eq!(check_machines(&bytes, &few, &name).rows.len(), run.rows.len(), "{name}");
    }
}

/// An item without what the block's end would tell is the same item: it was read from a table that stood before.
#[test]
fn a_file_that_is_cut_anywhere_gives_the_rows_before_the_cut() {
    for name in ["cdns/matching.cdns", "cdns/edns-cookie-tcp.cdns", "files/compactor__test.dnstap"] {
        let (bytes, plan) = (file(name), Plan { match_timeout_ns: 1_200_000_000, ..plan() });
        let whole = run(&bytes, &plan, &plain()).rows;
        let mut counts = vec![];
        for length in 0..bytes.len() {
            let cut = try_run(single(&bytes[..length]), &plan, &plain());
            let other = try_run(single(&bytes[..length]), &plan, &machine(2, 50, 1, 9));
            let (Ok(cut), Ok(other)) = (&cut, &other) else {
                assert!(cut.is_err() && other.is_err() && length < 64, "{name}: {length}");
                continue;
            };
            assert_eq!(cut.rows, other.rows, "{name}: {length}");
            assert_eq!(cut.outcome.totals, other.outcome.totals, "{name}: {length}");
            counts.push(cut.rows.len());
            if name.ends_with("cdns") {
                assert_eq!(cut.rows, whole[..cut.rows.len()], "{name}: {length}");
            }
        }
        assert!(counts.is_sorted() && *counts.last().unwrap() + 1 >= whole.len(), "{name}: {counts:?}");
        assert!(counts.contains(&(whole.len() / 2)), "{name}: {counts:?}");
    }
}

#[test]
fn inputs_of_all_kinds_follow_each_other() {
    let names = [
        "files/dnscap__edns.pcap",
        "files/compactor__test.dnstap",
        "cdns/matching.cdns",
        "cdns/ednsflags.cdns",
        "files/bind9__large-answer.fstrm",
        "files/zeek__dns-edns-cookie.pcap",
        "cdns/mdns.cdns",
    ];
    let files = names.map(file);
    let alone: Vec<_> = files.iter().flat_map(|bytes| run(bytes, &plan(), &plain()).rows).collect();
    for machine in machines().iter().chain(&[plain()]) {
        let inputs = files.iter().map(|bytes| Ok(&bytes[..]));
        let together = try_run(inputs, &plan(), machine).expect("inputs");
        assert_eq!(together.rows, alone, "{machine:?}");
        assert_eq!(together.outcome.inputs.captures, 7);
    }
}

#[test]
fn frames_can_be_merged_with_packets_and_blocks_cannot() {
    let [packets, frames, blocks] =
        ["files/dnscap__edns.pcap", "files/compactor__test.dnstap", "cdns/matching.cdns"].map(file);
    let merge = Plan { merge: true, ..plan() };
    let rows = |inputs: [&[u8]; 2], plan: &Plan, machine: &Machine| {
        try_run(inputs.into_iter().map(Ok), plan, machine).map(|run| {
            let mut rows = run.rows;
            rows.sort();
            rows
        })
    };
    let one_by_one = rows([&packets, &frames], &plan(), &plain()).unwrap();
    for machine in machines() {
        assert_eq!(rows([&packets, &frames], &merge, &machine).unwrap(), one_by_one, "{machine:?}");
        let refused = rows([&packets, &blocks], &merge, &machine).unwrap_err();
        assert!(matches!(refused, CaptureError::BlocksToMerge), "{refused}");
    }
}

#[test]
fn an_interruption_leaves_the_first_rows() {
    let mut bytes = Vec::new();
    let preamble = preamble(Hints::ALL);
    let mut writer = Writer::new(preamble, 0);
    writer.begin(&mut bytes);
    for block in 0..200_u16 {
        for item in 0..3 {
            writer.add(&Item { id: Some(3 * block + item), qname: Some(b"\x01a\0"), ..pair(block.into()) });
        }
        writer.finish_block(&mut bytes);
    }
    writer.end(&mut bytes);
    let whole = run(&bytes, &plan(), &plain()).rows;
    for machine in machines() {
        let watch = Watch::default();
        let plan = plan();
        let sink = Collect { plan: &plan, rows: Mutex::default(), stop: Some(&watch) };
        let outcome = pipeline::run(single(&bytes[..]), &plan, &machine, &sink, &watch);
        let outcome = outcome.unwrap_or_else(|_| panic!("an input"));
        let rows = sink.rows.into_inner().unwrap();
        assert!(matches!(outcome.ending, Ending::Interrupted | Ending::Complete), "{machine:?}");
        assert!(!rows.is_empty() && rows[..] == whole[..rows.len()], "{machine:?}: {}", rows.len());
    }
}

fn preamble(hints: Hints) -> FilePreamble {
    let mut parameters = BlockParameters::default();
    parameters.storage.hints = hints;
    parameters.storage.ticks_per_second = SECOND as u64;
    FilePreamble { parameters: vec![parameters], ..FilePreamble::default() }
}

fn blocks(hints: Hints, items: &[Item]) -> Vec<u8> {
    let (mut bytes, mut writer) = (Vec::new(), Writer::new(preamble(hints), 0));
    writer.begin(&mut bytes);
    items.iter().for_each(|item| assert!(writer.add(item)));
    writer.finish_block(&mut bytes);
    writer.end(&mut bytes);
    bytes
}

/// A query with its response, after so many seconds.
fn pair(seconds: i64) -> Item<'static> {
    let both = sig_flags::QUERY | sig_flags::RESPONSE;
    Item {
        time_ns: Some(START + seconds * SECOND),
        delay_ns: Some(1000),
        signature: Signature { sig_flags: Some(both), ..Signature::default() },
        ..Item::default()
    }
}

fn first_row(hints: Hints, item: Item) -> Run {
    let run = run(&blocks(hints, &[item]), &plan(), &plain());
    assert_eq!(run.rows.len(), 1);
    run
}

fn check(hints: Hints, item: Item, expected: &[(&str, &str)]) {
    let run = first_row(hints, item);
    let told: Vec<_> = expected.iter().map(|(name, _)| (*name, run.value(0, name))).collect();
    assert_eq!(told, expected);
}

const OPTIONS: &[u8] = b"\0\x0A\0\x08abcdefgh\0\x03\0\0";

fn with_opt(flags: u8, opt_rdata: Option<&'static [u8]>) -> Item<'static> {
    let signature = Signature {
        sig_flags: Some(flags),
        udp_size: Some(1232),
        edns_version: Some(0),
        dns_flags: Some(dns_flags::QUERY_DO),
        opt_rdata,
        ..Signature::default()
    };
    Item { signature, ..pair(0) }
}

#[test]
fn options_of_a_query_are_those_of_its_signature() {
    let flags = sig_flags::QUERY | sig_flags::RESPONSE | sig_flags::QUERY_OPT;
    let told = [
        ("edns_options", "Numbers([10, 3])"),
        ("cookie_client", "Bool(true)"),
        ("cookie_server", "Bool(false)"),
        ("edns_do", "Bool(true)"),
        ("edns_udp_size", "U16(1232)"),
    ];
    check(Hints::ALL, with_opt(flags, Some(OPTIONS)), &told);
    let none = [("edns_options", "Numbers([])"), ("cookie_client", "Bool(false)")];
    check(Hints::ALL, with_opt(flags, None), &none);
    // Not stored is not the same as none.
    let unknown = [("edns_options", "-"), ("cookie_client", "-"), ("edns_udp_size", "U16(1232)")];
    let hints = Hints { signature: Hints::ALL.signature & !(1 << 15), ..Hints::ALL };
    check(hints, with_opt(flags, None), &unknown);
    let no_opt = [("edns_options", "-"), ("cookie_client", "Bool(false)"), ("edns_udp_size", "-")];
    check(Hints::ALL, with_opt(sig_flags::QUERY | sig_flags::RESPONSE, None), &no_opt);
}

#[test]
fn options_are_those_of_an_opt_record_among_the_others() {
    let opt = |ttl, rdata| Record {
        name: Some(b"\0"),
        class_type: Some(ClassType { rtype: 41, class: 4096 }),
        ttl,
        rdata,
    };
    let whole = [opt(Some(0x8000), Some(OPTIONS))];
    let sections = Sections { additional: &whole, ..Sections::default() };
    let told = [
        ("response_edns_options", "Numbers([10, 3])"),
        ("response_edns_udp_size", "U16(4096)"),
        ("response_edns_do", "Bool(true)"),
        ("nsid", "Text(\"\")"),
    ];
    check(Hints::ALL, Item { response: sections, ..pair(0) }, &told);
    let without_ttl = [opt(None, Some(OPTIONS))];
    let sections = Sections { additional: &without_ttl, ..Sections::default() };
    let told = [
        ("response_edns_options", "Numbers([10, 3])"),
        ("response_edns_udp_size", "-"),
        ("response_edns_do", "-"),
    ];
    check(Hints::ALL, Item { response: sections, ..pair(0) }, &told);
    // The signature knows more of the query's than such a record.
    let flags = sig_flags::QUERY | sig_flags::RESPONSE | sig_flags::QUERY_OPT;
    let item = Item { query: sections, ..with_opt(flags, Some(b"\0\x0C\0\0")) };
    check(Hints::ALL, item, &[("edns_options", "Numbers([12])"), ("edns_udp_size", "U16(1232)")]);
}

#[test]
fn a_section_that_is_not_stored_is_not_empty() {
    let sections = [("answers", "answers"), ("authority", "authority"), ("additional", "additional")];
    let hints =
        [item_hints::RESPONSE_ANSWERS, item_hints::RESPONSE_AUTHORITY, item_hints::RESPONSE_ADDITIONAL];
    for ((_, column), hint) in sections.into_iter().zip(hints) {
        let item = Item { qname: Some(b"\0"), ..pair(0) };
        let all = first_row(Hints::ALL, item);
        let without = first_row(Hints { item: Hints::ALL.item & !hint, ..Hints::ALL }, item);
        for (_, other) in sections {
            assert_ne!(all.value(0, other), "-", "{other}");
            assert_eq!(without.value(0, other) == "-", other == column, "{other}");
        }
    }
    let hints = item_hints::QUERY_ANSWERS | item_hints::QUERY_AUTHORITY | item_hints::QUERY_ADDITIONAL;
    let hints = Hints { item: Hints::ALL.item & !hints, ..Hints::ALL };
    let unknown = [("query_answers", "-"), ("query_authority", "-"), ("query_additional", "-")];
    check(hints, pair(0), &unknown);
}

#[test]
fn nothing_is_made_up() {
    let run = first_row(Hints::ALL, Item::default());
    // What is known of an item of which nothing is known: where it stood, and that it is no pair.
    let known = ["match", "query_count", "frame_query", "query_wire"];
    for (entry, value) in COLUMNS.iter().zip(&run.rows[0]).filter(|(entry, _)| !entry.is_foreign) {
        let is_known = known.contains(&entry.name) || entry.name.starts_with("query_a");
        assert_eq!(value != "-", is_known, "{}: {value}", entry.name);
    }
}

/// DNS Probe writes neither flags that tell whether there are messages, nor delays, and zeros where there is no EDNS.
#[test]
fn items_of_dns_probe_are_pairs_without_a_delay() {
    let item = Item {
        time_ns: Some(START),
        query_size: Some(40),
        response_size: Some(56),
        rtt: Some(25_000_000),
        signature: Signature {
            response_rcode: Some(3),
            udp_size: Some(0),
            edns_version: Some(0),
            ..Signature::default()
        },
        ..Item::default()
    };
    let told = [
        ("match", "Word(\"matched\")"),
        ("rcode", "U16(3)"),
        ("rtt_ns", "-"),
        ("response_time", "-"),
        ("edns_version", "-"),
        ("tcp_rtt_ns", "I64(25000000)"),
        ("query_size", "U64(40)"),
        ("response_size", "U64(56)"),
        ("response_messages", "U64(1)"),
    ];
    check(Hints::ALL, item, &told);
    let run = first_row(Hints::ALL, item);
    assert_eq!(run.outcome.totals.rtt.mean_ns(), None, "an unknown delay is not none");
}

#[test]
fn an_item_that_is_neither_query_nor_response_is_no_row() {
    let signature = Signature { sig_flags: Some(0), ..Signature::default() };
    let bytes = blocks(Hints::ALL, &[pair(0), Item { signature, ..pair(1) }, pair(2)]);
    let run = check_machines(&bytes, &plan(), "neither");
    assert_eq!((run.rows.len(), run.outcome.totals.item_faults), (2, 1));
    assert_eq!(run.outcome.totals.read.packets, 3);
}

#[test]
fn a_delay_may_be_negative() {
    let run = first_row(Hints::ALL, Item { delay_ns: Some(-2000), ..pair(0) });
    assert_eq!(run.value(0, "rtt_ns"), "I64(-2000)");
    assert_eq!(run.value(0, "response_time"), format!("TimestampNanos({})", START - 2000));
}

#[test]
fn a_block_of_too_many_items_is_read_as_far_as_makes_sense() {
    // Blocks with nothing but a list of empty items, which take an octet each.
    for (count, read) in [
        (BLOCK_ITEMS_ALWAYS as u32, BLOCK_ITEMS_ALWAYS),
        (200_000, BLOCK_ITEMS_ALWAYS + 200_008 / 4),
        (2_000_000, BLOCK_ITEMS_MAX),
    ] {
        let mut bytes = Vec::new();
        Writer::new(preamble(Hints::ALL), 0).begin(&mut bytes);
        bytes.extend([0xA2, 0x00, 0xA0, 0x03, 0x9A]);
        bytes.extend(count.to_be_bytes());
        bytes.resize(bytes.len() + count as usize, 0xA0);
        bytes.push(0xFF);
        let few = Plan { sparse: true, ..Plan::default() };
        let run = run(&bytes, &few, &machine(2, 1000, 1, 0));
        let told = (run.outcome.rows, run.outcome.totals.items_unread);
        assert_eq!(told, (read, u64::from(count) - read));
        assert_eq!(run.outcome.totals.read.packets, count.into());
    }
}

#[test]
fn a_damaged_block_is_skipped_and_the_next_one_is_read() {
    let mut bytes = blocks(Hints::ALL, &[pair(0)]);
    assert_eq!(bytes.pop(), Some(0xFF));
    // It chooses parameters that the file does not have.
    bytes.extend([0xA2, 0x00, 0xA1, 0x01, 0x07, 0x03, 0x81, 0xA0]);
    bytes.extend([0xA2, 0x00, 0xA0, 0x03, 0x81, 0xA0, 0xFF]);
    let run = check_machines(&bytes, &plan(), "damaged");
    assert_eq!(run.rows.len(), 2);
    assert_eq!(run.outcome.totals.skips.of(Skip::CdnsBlock).packets, 1);
}

/// A stream of these frames.
fn stream(frames_of: &[Dnstap]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frames::write_start(&mut bytes);
    for frame in frames_of {
        frames::write_frame_with(&mut bytes, |out| frame.write(out));
    }
    frames::write_stop(&mut bytes);
    bytes
}

const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
const RESPONSE: &[u8] = b"\x12\x34\x81\x80\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";

/// A frame with all of it.
fn message(kind: u32, at_ms: i64) -> Message<'static> {
    let message = Message {
        socket_family: Some(1),
        socket_protocol: Some(1),
        query_address: Some(&[192, 0, 2, 1]),
        response_address: Some(&[192, 0, 2, 53]),
        query_port: Some(4000),
        response_port: Some(53),
        ..Message::new(MessageType(kind))
    };
    let time = Time::from_ns(START + at_ms * 1_000_000);
    match kind % 2 {
        1 => Message { query_time: time, query_message: Some(QUERY), ..message },
        _ => Message { response_time: time, response_message: Some(RESPONSE), ..message },
    }
}

fn frames_run(messages: &[Message]) -> Run {
    let frames: Vec<_> = messages.iter().map(|message| Dnstap::new(*message)).collect();
    check_machines(&stream(&frames), &plan(), "frames")
}

fn told<'a>(run: &'a Run, columns: &[&str]) -> Vec<Vec<&'a str>> {
    (0..run.rows.len()).map(|row| columns.iter().map(|column| run.value(row, column)).collect()).collect()
}

#[test]
fn the_frames_of_a_query_and_its_response_are_a_row() {
    for role in 0..8 {
        let run = frames_run(&[message(2 * role + 1, 0), message(2 * role + 2, 5)]);
        assert_eq!(told(&run, &["match", "rtt_ns"]), [["Word(\"matched\")", "I64(5000000)"]], "role {role}");
    }
}

#[test]
fn two_roles_never_mix() {
    let run = frames_run(&[message(5, 0), message(3, 1), message(4, 5), message(6, 9)]);
    let rows = [["Word(\"CLIENT\")", "I64(9000000)"], ["Word(\"RESOLVER\")", "I64(4000000)"]];
    assert_eq!(told(&run, &["dnstap_role", "rtt_ns"]), rows);
}

#[test]
fn who_was_asked_may_say_auth_of_the_query_and_client_of_the_response() {
    for (query, response, role) in [(1, 6, "Word(\"AUTH\")"), (5, 2, "Word(\"CLIENT\")")] {
        for frames in [[message(query, 0), message(response, 5)], [message(response, 5), message(query, 0)]] {
            let run = frames_run(&frames);
            assert_eq!(told(&run, &["dnstap_role", "rtt_ns"]), [[role, "I64(5000000)"]]);
        }
    }
}

#[test]
fn a_response_that_says_when_its_query_came_is_a_row() {
    let query_time = Time::from_ns(START);
    let alone = Message { query_time, ..message(6, 5) };
    let run = frames_run(&[alone]);
    let columns = ["match", "rtt_ns", "q_rd", "query_size", "rd", "response_size"];
    let expected = ["Word(\"matched\")", "I64(5000000)", "-", "-", "Bool(true)", "U64(19)"];
    assert_eq!(told(&run, &columns), [expected]);
    let run = frames_run(&[Message { query_message: Some(QUERY), ..alone }]);
    let expected = ["Word(\"matched\")", "I64(5000000)", "Bool(true)", "U64(19)", "Bool(true)", "U64(19)"];
    assert_eq!(told(&run, &columns), [expected], "both messages in a frame");
    // The query had a frame of its own: told of once more, it is no retry.
    let run = frames_run(&[message(5, 0), Message { query_message: Some(QUERY), ..alone }]);
    assert_eq!(told(&run, &columns), [expected]);
    assert_eq!(run.value(0, "query_count"), "U64(1)");
    assert_eq!(run.outcome.totals.matches.duplicate_queries, 1);
}

/// The figures of a logged input, as lines without their day; of this server, or of all.
fn figures(bytes: &[u8], server: Option<&str>) -> Vec<String> {
    let mut servers = Servers::default();
    let add = |server: &str| servers.add(server.parse().unwrap(), 32).unwrap();
    server.map(add);
    let servers = if server.is_some() { servers } else { Servers::all() };
    let plan = Plan { rows: false, rssac: Some(Wanted { servers, labels: true, sketch: false }), ..plan() };
    let run = check_machines(bytes, &plan, "figures");
    let mut lines = Vec::new();
    let mut tell = |_, key: &[u8], number| {
        let key = String::from_utf8(key.to_vec()).unwrap();
        lines.push(format!("{} {number}", key.trim_start_matches("20231114/")));
    };
    run.outcome.totals.rssac.iter().for_each(|tally| tally.tell("", &mut tell));
    lines
}

#[test]
fn frames_count_as_they_were_logged_and_only_those_of_the_server() {
    let of = |messages: &[Message], server| {
        let frames: Vec<_> = messages.iter().map(|message| Dnstap::new(*message)).collect();
        figures(&stream(&frames), server)
    };
    let repeated = Message { query_time: Time::from_ns(START), query_message: Some(QUERY), ..message(2, 5) };
    let both = [
        "labels/1 1",
        "q/udp/4 1",
        "r/udp/4 1",
        "rcode/0 1",
        "size/q/udp/16 1",
        "size/r/udp/16 1",
        "4/c0000201 1",
    ];
    assert_eq!(of(&[message(1, 0), repeated], None), both);
    assert_eq!(of(&[message(1, 0), repeated], Some("192.0.2.53")), both);
    assert_eq!(of(&[message(1, 0), repeated], Some("192.0.2.1")), ["others 2"]);
    assert_eq!(of(&[message(3, 0), message(4, 5)], None), ["others 2"], "what a resolver asks");
    let unknown = Message { response_address: None, response_port: None, ..message(1, 0) };
    assert_eq!(of(&[unknown], None).len(), 4);
    assert_eq!(of(&[unknown], Some("192.0.2.53")), ["others 1"]);
    let tls = Message { socket_protocol: Some(3), query_address: None, ..message(1, 0) };
    assert_eq!(of(&[tls], None), ["labels/1 1", "q/dot/4 1"]);
}

#[test]
fn items_count_as_what_is_stored_of_them() {
    assert_eq!(figures(&blocks(Hints::ALL, &[pair(0)]), None), ["q/other/4 1", "r/other/4 1"]);
    assert_eq!(figures(&blocks(Hints::ALL, &[pair(0)]), Some("192.0.2.53")), ["others 2"]);
    let response = Item { response_size: Some(600), delay_ns: Some(-SECOND), ..pair(0) };
    let signature = Signature {
        transport_flags: Some(0),
        response_rcode: Some(23),
        server_port: Some(53),
        ..response.signature
    };
    let told = figures(&blocks(Hints::ALL, &[Item { signature, ..response }]), None);
    assert_eq!(told, ["q/udp/4 1", "r/udp/4 1", "rcode/23 1", "size/r/udp/592 1"]);
}

#[test]
fn a_response_without_anything_of_its_query_is_unasked() {
    let run = frames_run(&[message(6, 5)]);
    assert_eq!(
        told(&run, &["match", "response_size", "query_size"]),
        [["Word(\"no_query\")", "U64(19)", "-"]]
    );
}

#[test]
fn what_a_frame_does_not_tell_is_not_made_up() {
    let kind = MessageType(5);
    let bare = Message { query_message: Some(QUERY), ..Message::new(kind) };
    let run = frames_run(&[bare]);
    let columns =
        ["src_ip", "src_port", "dst_ip", "dst_port", "transport", "query_time", "ip_version", "ip_ttl"];
    assert_eq!(told(&run, &columns), [["-"; 8]]);
    assert_eq!(run.value(0, "id"), "U16(4660)");
    let server = Message { socket_family: Some(2), response_address: Some(&[1; 16]), ..bare };
    let run = frames_run(&[server]);
    assert_eq!(told(&run, &["src_ip", "dst_ip"]), [["-", "Address(101:101:101:101:101:101:101:101)"]]);
}

#[test]
fn every_protocol_is_a_transport_or_none() {
    let names = ["-", "udp", "tcp", "dot", "doh", "dnscrypt-udp", "dnscrypt-tcp", "doq", "-", "-"];
    for (protocol, name) in [0, 1, 2, 3, 4, 5, 6, 7, 8, u32::MAX].into_iter().zip(names) {
        let run = frames_run(&[Message { socket_protocol: Some(protocol), ..message(5, 0) }]);
        let expected = if name == "-" { "-".to_owned() } else { format!("Word({name:?})") };
        assert_eq!(run.value(0, "transport").replace('_', "-"), expected, "{protocol}");
    }
}

#[test]
fn unknown_types_of_frames_are_rows_with_a_number() {
    let run = frames_run(&[message(15, 0), message(16, 1), message(1001, 2), message(0xFFFF_FFFF, 3)]);
    let columns = ["dnstap_role", "dnstap_type", "match"];
    let rows = [
        ["Text(\"8\")", "Text(\"15\")", "Word(\"matched\")"],
        ["Text(\"127\")", "Text(\"1001\")", "Word(\"no_response\")"],
        ["Text(\"127\")", "Text(\"4294967295\")", "Word(\"no_response\")"],
    ];
    assert_eq!(told(&run, &columns)[0], rows[0]);
    assert_eq!(run.rows.len(), 2, "types that are too high to be told apart repeat each other");
    assert_eq!(told(&run, &columns)[1], rows[1]);
}

#[test]
fn a_message_that_is_cut_is_as_good_as_its_question() {
    for length in 0..QUERY.len() {
        let run = frames_run(&[Message { query_message: Some(&QUERY[..length]), ..message(5, 0) }]);
        // With `parse_error` among the columns, what has a header is a row.
        assert_eq!(run.rows.len(), usize::from(length >= 12), "{length} octets");
        assert_eq!(run.outcome.totals.read.packets, 1);
    }
}

#[test]
fn frames_without_messages_and_no_frames_at_all_are_skipped() {
    let without = Message::new(MessageType(5));
    let mut bytes = stream(&[Dnstap::new(without), Dnstap::new(message(5, 0))]);
    let stop = bytes.len() - 12;
    let mut tail = bytes.split_off(stop);
    frames::write_frame(&mut bytes, b"\xFF\xFF\xFF");
    frames::write_frame(&mut bytes, b"\x78\x01");
    bytes.append(&mut tail);
    let run = check_machines(&bytes, &plan(), "skipped");
    let skips = &run.outcome.totals.skips;
    assert_eq!(run.rows.len(), 1);
    assert_eq!(skips.total().packets, 3);
    assert_eq!(skips.of(Skip::DnstapMalformed).packets + skips.of(Skip::DnstapWithoutMessage).packets, 3);
}

#[test]
fn frames_that_are_too_long_are_passed_over_and_counted() {
    let mut bytes = Vec::new();
    frames::write_start(&mut bytes);
    for length in [2 << 20, 5 << 20] {
        frames::write_frame_with(&mut bytes, |out| Dnstap::new(message(5, 0)).write(out));
        frames::write_frame(&mut bytes, &vec![0; length]);
    }
    frames::write_stop(&mut bytes);
    let run = check_machines(&bytes, &plan(), "long");
    assert_eq!(run.outcome.inputs.too_long, 2);
    assert_eq!(run.outcome.totals.matches.retries, 1);
    assert!(matches!(run.outcome.ending, Ending::Complete));
}

/// Items drawn with most fields there or not.
#[derive(Clone, Debug)]
struct Drawn {
    time_ms: Option<i64>,
    delay_ns: Option<i64>,
    client: Option<Vec<u8>>,
    server: Option<Vec<u8>>,
    ports: [Option<u16>; 2],
    id: Option<u16>,
    qname: bool,
    sizes: [Option<u32>; 2],
    flags: Option<u8>,
    dns_flags: Option<u32>,
    transport: Option<u8>,
    rcode: Option<u16>,
    counts: Option<u16>,
    records: Option<u16>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let address = || option::of(prop_oneof![vec(any::<u8>(), 1..5), vec(any::<u8>(), 16)]);
    let first = (option::of(0..5000_i64), option::of(-50_000..2_000_000_i64), address(), address());
    let second = (option::of(0..4_u16), option::of(Just(53)), option::of(0..3_u16), any::<bool>());
    let third = (option::of(0..600_u32), option::of(0..600_u32), option::of(0..64_u8));
    let fourth = (
        option::of(0..0x8000_u32),
        option::of(0..64_u8),
        option::of(0..25_u16),
        option::of(0..3_u16),
        option::of(0..3_u16),
    );
    (first, second, third, fourth).prop_map(|(first, second, third, fourth)| Drawn {
        time_ms: first.0,
        delay_ns: first.1,
        client: first.2,
        server: first.3,
        ports: [second.0, second.1],
        id: second.2,
        qname: second.3,
        sizes: [third.0, third.1],
        flags: third.2,
        dns_flags: fourth.0,
        transport: fourth.1,
        rcode: fourth.2,
        counts: fourth.3,
        records: fourth.4,
    })
}

const SOME_RECORDS: [Record; 2] = [
    Record {
        name: Some(b"\x01a\0"),
        class_type: Some(ClassType { rtype: 1, class: 1 }),
        ttl: Some(60),
        rdata: Some(&[192, 0, 2, 7]),
    },
    Record {
        name: Some(b"\0"),
        class_type: Some(ClassType { rtype: 41, class: 512 }),
        ttl: Some(0),
        rdata: None,
    },
];
const MORE_QUESTIONS: [Question; 1] =
    [Question { name: Some(b"\x01b\0"), class_type: Some(ClassType { rtype: 28, class: 1 }) }];

fn item(drawn: &Drawn) -> Item<'_> {
    let records = &SOME_RECORDS[..drawn.records.unwrap_or_default().into()];
    let questions = if drawn.records == Some(2) { &MORE_QUESTIONS[..] } else { &[] };
    let signature = Signature {
        server: drawn.server.as_deref(),
        server_port: drawn.ports[1],
        transport_flags: drawn.transport,
        sig_flags: drawn.flags,
        opcode: drawn.counts.map(|count| count as u8),
        dns_flags: drawn.dns_flags,
        qdcount: drawn.counts,
        ancount: drawn.counts,
        nscount: drawn.counts,
        arcount: drawn.counts,
        response_rcode: drawn.rcode,
        ..Signature::default()
    };
    Item {
        time_ns: drawn.time_ms.map(|ms| START + ms * 1_000_000),
        delay_ns: drawn.delay_ns,
        client: drawn.client.as_deref(),
        client_port: drawn.ports[0],
        id: drawn.id,
        qname: drawn.qname.then_some(b"\x03www\x07example\0"),
        query_size: drawn.sizes[0],
        response_size: drawn.sizes[1],
        signature,
        query: Sections { questions, ..Sections::default() },
        response: Sections { answers: records, additional: records, ..Sections::default() },
        ..Item::default()
    }
}

/// What a value is that is there or not.
fn maybe<T: std::fmt::Debug>(wrap: &str, value: Option<T>) -> String {
    value.map_or("-".to_owned(), |value| format!("{wrap}({value:?})"))
}

#[test]
fn drawn_items_are_rows_of_what_they_say() {
    law(50, 60, (vec(vec(drawn(), 0..8), 0..5), any::<bool>()), |(of_blocks, unasked)| {
        let (mut bytes, mut writer) = (Vec::new(), Writer::new(preamble(Hints::ALL), 7));
        writer.begin(&mut bytes);
        for of_block in &of_blocks {
            of_block.iter().for_each(|drawn| assert!(writer.add(&item(drawn))));
            writer.finish_block(&mut bytes);
        }
        writer.end(&mut bytes);
        let plan = Plan { unasked, ..plan() };
        let run = check_machines(&bytes, &plan, "drawn");
        let mut rows = 0;
        for drawn in of_blocks.iter().flatten() {
            let item = item(drawn);
            let flags = drawn.flags.map(|flags| (flags & 1 != 0, flags & 2 != 0));
            let (has_query, has_response) = flags.unwrap_or_else(|| {
                let response = [drawn.delay_ns.is_some(), drawn.sizes[1].is_some(), drawn.rcode.is_some()];
                let has_response = response.contains(&true);
                let has_query = drawn.delay_ns.is_some() || drawn.sizes[0].is_some() || !has_response;
                (has_query, has_response)
            });
            if !(has_query || has_response && unasked) {
                continue;
            }
            let row = rows;
            rows += 1;
            let on = |side: bool, value: String| if side { value } else { "-".to_owned() };
            let pair = has_query && has_response;
            let expected = [
                ("id", maybe("U16", drawn.id)),
                ("src_port", maybe("U16", drawn.ports[0])),
                ("dst_port", maybe("U16", drawn.ports[1])),
                ("rtt_ns", on(pair, maybe("I64", drawn.delay_ns))),
                ("query_time", on(has_query, maybe("TimestampNanos", item.time_ns))),
                ("query_size", on(has_query, maybe("U64", drawn.sizes[0]))),
                ("response_size", on(has_response, maybe("U64", drawn.sizes[1]))),
                ("rcode", on(has_response, maybe("U16", drawn.rcode))),
                ("q_rd", on(has_query, maybe("Bool", drawn.dns_flags.map(|flags| flags >> 4 & 1 == 1)))),
                ("aa", on(has_response, maybe("Bool", drawn.dns_flags.map(|flags| flags >> 14 & 1 == 1)))),
                ("q_qdcount", on(has_query, maybe("U16", drawn.counts))),
                ("qdcount", on(has_response && !has_query, maybe("U16", drawn.counts))),
            ];
            for (column, expected) in expected {
                prop_assert_eq!(run.value(row, column), &expected, "{} of {:?}", column, drawn);
            }
        }
        prop_assert_eq!(run.rows.len(), rows);
        Ok(())
    });
}

#[test]
fn drawn_frames_are_the_same_rows_on_every_machine() {
    let frame = (0..17_u32, 0..4000_i64, any::<u8>(), 0..3_u16, option::of(0..4000_i64));
    law(51, 80, vec(frame, 0..40), |drawn| {
        let messages: Vec<_> = drawn
            .iter()
            .map(|&(kind, at_ms, lacks, port, query_ms)| {
                let mut message = message(kind, at_ms);
                let query_time = query_ms.and_then(|ms| Time::from_ns(START + ms * 1_000_000));
                message.query_time = message.query_time.or(query_time);
                message.query_port = (lacks & 1 == 0).then_some(4000 + port);
                if lacks & 6 == 6 {
                    (message.query_address, message.socket_protocol) = (None, None);
                }
                if lacks & 24 == 24 {
                    (message.query_time, message.response_time) = (None, None);
                }
                if lacks & 96 == 96 {
                    message.query_message = Some(QUERY);
                }
                message
            })
            .collect();
        let run = frames_run(&messages);
        prop_assert_eq!(run.outcome.totals.read.packets, messages.len() as u64);
        Ok(())
    });
}
