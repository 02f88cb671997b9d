//! Law 1, to the last byte: files are the same for every number of workers, every size of chunk and every seed of the
//! hash; and CSV is, byte for byte, what the oracle says.
//!
//! Oracle and scenes are those of the engine's laws. The scenes are dressed here: names get characters that must be
//! escaped and quoted, which the engine does not care about and a file does. Scenes are small; that many chunks of
//! ordinary size are put together well is seen on a longer capture, where all machines must agree.

#[allow(dead_code, reason = "shared with the laws of the engine, which use more of it")]
#[path = "../../../dpp/tests/laws/arrivals.rs"]
mod arrivals;
#[allow(dead_code, reason = "shared with the laws of the engine, which use more of it")]
#[path = "../../../dpp/tests/laws/carriers.rs"]
mod carriers;
#[allow(dead_code, reason = "shared with the laws of the engine, which use more of it")]
#[path = "../../../dpp/tests/laws/encoding.rs"]
mod encoding;
#[allow(dead_code, reason = "shared with the laws of the engine, which use more of it")]
#[path = "../../../dpp/tests/laws/generate.rs"]
mod generate;
#[allow(dead_code, reason = "shared with the laws of the engine, which use more of it")]
#[path = "../../../dpp/tests/laws/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "shared with the laws of the engine, which use more of it")]
#[path = "../../../dpp/tests/laws/packet.rs"]
mod packet;
mod plain;

use dpp::pipeline::{Machine, Watch, run};
use dpp::plan::Plan;
use dpp::table::{COLUMNS, Schema};
use dpp_sink::TableSink;
use dpp_sink::cdns::{self, CdnsFile};
use dpp_sink::csv::{Csv, Tsv};
use dpp_sink::jsonl::Jsonl;
use dpp_sink::lines::{Format, Table};
use dpp_sink::packed::{Packed, Packing};
use dpp_sink::parquet::{Compression, Parquet, Settings};
use dpp_sink::zeek::Zeek;
use encoding::{Capture, PLAIN};
use generate::{Scene, scenes};
use oracle::meaning;
use packet::Content;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::io::Write;
use std::num::NonZeroUsize;
use std::process::Command;

#[test]
fn csv_is_what_the_oracle_says() {
    law(1, 150, |scene| {
        let expected = plain::csv(&meaning(&scene.packets, &scene.plan).rows);
        let capture = Capture::of(&scene.packets, PLAIN).bytes;
        for machine in machines() {
            let written = String::from_utf8(csv(&capture, &scene.plan, &machine)).expect("CSV is ASCII");
            prop_assert_eq!(&written, &expected, "{:?}", machine);
        }
        Ok(())
    });
}

#[test]
fn parquet_of_any_scene_is_the_same_on_every_machine() {
    law(2, 25, |scene| {
        let capture = Capture::of(&scene.packets, PLAIN).bytes;
        let mut files = machines().into_iter().map(|machine| {
            let file = parquet(&capture, &scene.plan, &machine, Compression::Snappy, 7);
            (file, machine)
        });
        let (first, _) = files.next().expect("a machine");
        for (file, machine) in files {
            prop_assert!(file == first, "other bytes on {:?}", machine);
        }
        Ok(())
    });
}

#[test]
fn csv_of_a_long_capture_is_the_same_on_every_machine() {
    check(machines(), "CSV", |capture, machine| csv(capture, &Plan::default(), machine));
}

#[test]
fn parquet_of_a_long_capture_is_the_same_on_every_machine() {
    for compression in [Compression::Snappy, Compression::Zstd(3)] {
        check(machines(), "Parquet", |capture, machine| {
            parquet(capture, &Plan::default(), machine, compression, 1000)
        });
    }
}

/// All columns.
fn all_columns() -> Plan {
    Plan { schema: Schema::of(COLUMNS.iter().map(|entry| entry.column)), ..Plan::default() }
}

/// Lines with all columns of a long capture take long to print without optimization.
fn some_machines() -> Vec<Machine> {
    let machines = machines().into_iter();
    machines.filter(|machine| machine.workers.get() < 3 && machine.chunk_bytes > 4096).collect()
}

#[test]
fn lines_with_all_columns_are_the_same_on_every_machine() {
    let plan = all_columns();
    check(some_machines(), "CSV", |capture, machine| {
        filled(capture, &plan, machine, Csv::new(Vec::new(), &plan))
    });
    check(some_machines(), "TSV", |capture, machine| {
        filled(capture, &plan, machine, Tsv::new(Vec::new(), &plan))
    });
    check(some_machines(), "JSON", |capture, machine| {
        filled(capture, &plan, machine, Jsonl::new(Vec::new(), &plan))
    });
    check(some_machines(), "Zeek", |capture, machine| {
        filled(capture, &plan, machine, Zeek::new(Vec::new(), &plan))
    });
}

#[test]
fn packed_lines_are_the_same_on_every_machine() {
    let plan = Plan::default();
    for packing in [Packing::Gzip, Packing::Zstd] {
        check(some_machines(), "packed", |capture, machine| {
            let packed = Packed::new(Vec::new(), Some(packing)).expect("there is memory");
            let packed = filled(capture, &plan, machine, Csv::new(packed, &plan));
            packed.finish().expect("memory takes everything")
        });
    }
}

#[test]
fn cdns_of_any_scene_is_the_same_on_every_machine() {
    law(3, 25, |scene| {
        let capture = Capture::of(&scene.packets, PLAIN).bytes;
        let mut files =
            machines().into_iter().map(|machine| (cdns(&capture, &scene.plan, &machine, 7), machine));
        let (first, _) = files.next().expect("a machine");
        for (file, machine) in files {
            prop_assert!(file == first, "other bytes on {:?}", machine);
        }
        Ok(())
    });
}

#[test]
fn cdns_of_a_long_capture_is_the_same_on_every_machine() {
    check(machines(), "C-DNS", |capture, machine| cdns(capture, &Plan::default(), machine, 1000));
}

/// A C-DNS file of everything, in blocks of so many items.
fn cdns(capture: &[u8], plan: &Plan, machine: &Machine, block_items: u64) -> Vec<u8> {
    let settings = cdns::Settings { block_items, ..cdns::Settings::default() };
    let plan = Plan { unasked: true, sink_needs: settings.needs(), ..plan.clone() };
    let sink = CdnsFile::new(Vec::new(), &plan, &settings, machine.seed).expect("memory takes everything");
    run(dpp::capture::single(capture), &plan, machine, &sink, &Watch::default()).expect("a run");
    sink.finish(Vec::new()).expect("memory takes everything")
}

/// A CSV file.
fn csv(capture: &[u8], plan: &Plan, machine: &Machine) -> Vec<u8> {
    filled(capture, plan, machine, Csv::new(Vec::new(), plan))
}

/// What a table of lines was written to.
fn filled<W: Write + Send, F: Format>(
    capture: &[u8],
    plan: &Plan,
    machine: &Machine,
    table: Table<W, F>,
) -> W {
    run(dpp::capture::single(capture), plan, machine, &table, &Watch::default()).expect("a run");
    table.finish(Vec::new()).expect("memory takes everything")
}

/// A Parquet file that carries all counts.
fn parquet(
    capture: &[u8],
    plan: &Plan,
    machine: &Machine,
    compression: Compression,
    group_rows: usize,
) -> Vec<u8> {
    let group_rows = NonZeroUsize::new(group_rows).expect("not zero");
    let settings = Settings { compression, group_rows, ..Settings::default() };
    let sink = Parquet::new(Vec::new(), plan, settings).expect("memory takes everything");
    let outcome = run(dpp::capture::single(capture), plan, machine, &sink, &Watch::default()).expect("a run");
    let totals = format!("{:?}", outcome.totals);
    sink.finish(vec![("totals".into(), totals)]).expect("memory takes everything")
}

/// Checks a property on dressed scenes drawn with a fixed seed. A scene that fails is shrunk and printed.
fn law(seed: u8, cases: u32, property: impl Fn(Scene) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let held = TestRunner::new_with_rng(config, rng).run(&dressed_scenes(), property);
    held.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Scenes in which two of the names and one of the types are others.
fn dressed_scenes() -> impl Strategy<Value = Scene> {
    let types = proptest::sample::select(vec![28, 2, 12, 16, 65, 255, 65_280]);
    (scenes(60, 1), names(), names(), types).prop_map(|(mut scene, name, other, qtype)| {
        for packet in &mut scene.packets {
            let Content::Message(message) = &mut packet.content else { continue };
            for question in &mut message.questions {
                dress(&mut question.name, "mail", &name);
                dress(&mut question.name, "www.example", &other);
                question.qtype = if question.qtype == 28 { qtype } else { question.qtype };
            }
        }
        scene
    })
}

/// Puts a name in the place of another; in capitals, if that is in mixed case.
fn dress(name: &mut String, plain: &str, dress: &str) {
    match name.eq_ignore_ascii_case(plain) {
        true if name == plain => *name = dress.to_string(),
        true => *name = dress.to_ascii_uppercase(),
        false => {}
    }
}

/// Names of up to 245 octets, of all kinds of characters; those that are not ASCII are several octets.
fn names() -> impl Strategy<Value = String> {
    let characters =
        proptest::sample::select("aZ09_-*,\"\\;@ ~!\0\t\n\r\u{7f}\u{80}é€".chars().collect::<Vec<_>>());
    let characters = prop_oneof![2 => characters, 1 => proptest::char::range('a', 'z')];
    let labels = proptest::collection::vec(characters, 1..=20).prop_map(|label| label.into_iter().collect());
    proptest::collection::vec(labels, 1..=4).prop_map(|labels: Vec<String>| labels.join("."))
}

/// Traffic with everything that could tempt a parallel program to disorder.
const PROFILE: &str = "
clients = 40
resolvers = 2
names = 200
loss_share = 0.05
retry_share = 0.1
duplicate_share = 0.05
ipv6_share = 0.4
edns_share = 0.5
reorder_share = 0.1
reorder_max_ms = 900.0
case_mix_share = 0.5
tcp_share = 0.05
fragment_share = 0.05
qps = 800.0
";

fn capture() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a place for temporary files");
    let profile = folder.path().join("profile.toml");
    std::fs::write(&profile, PROFILE).expect("the profile is written");
    let output = Command::new(env!("CARGO_BIN_EXE_dpp"))
        .args(["generate", "-", "--transactions", "4000", "--seed", "11", "--profile"])
        .arg(&profile)
        .output()
        .expect("dpp starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Machines as different as can be.
fn machines() -> Vec<Machine> {
    let mut machines = Vec::new();
    for workers in [1, 2, 3, 8] {
        for (chunk_packets, chunk_bytes) in
            [(1, 1), (2, 4096), (37, 100_000), (usize::MAX, 1000), (usize::MAX, 1 << 18)]
        {
            let workers = NonZeroUsize::new(workers).expect("not zero");
            let seed = chunk_packets as u64 ^ workers.get() as u64;
            machines.push(Machine { chunk_packets, chunk_bytes, ..Machine::new(workers, seed) });
        }
    }
    machines
}

/// Checks that `write` gives the same bytes on these machines.
fn check(machines: Vec<Machine>, what: &str, write: impl Fn(&[u8], &Machine) -> Vec<u8>) {
    let capture = capture();
    let mut first = None;
    for machine in machines {
        let bytes = write(&capture, &machine);
        let first = first.get_or_insert_with(|| bytes.clone());
        assert!(bytes.len() > 20_000, "{what}: only {} bytes", bytes.len());
        assert!(bytes == *first, "{what}: other bytes on {machine:?}");
    }
}
