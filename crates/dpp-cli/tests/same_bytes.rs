//! Law 1, to the last byte: CSV and Parquet files are the same for every number of workers, every size of chunk and every
//! seed of the hash. (That the rows are the right ones is the business of the engine's own tests.)

use dpp::pipeline::{Machine, Watch, run};
use dpp::plan::Plan;
use dpp_sink::csv::Csv;
use dpp_sink::parquet::{Compression, Parquet, Settings};
use std::num::NonZeroUsize;
use std::process::Command;

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

/// Checks that `write` gives the same bytes on all machines.
fn check(what: &str, write: impl Fn(&[u8], &Machine) -> Vec<u8>) {
    let capture = capture();
    let mut first = None;
    for machine in machines() {
        let bytes = write(&capture, &machine);
        let first = first.get_or_insert_with(|| bytes.clone());
        assert!(bytes.len() > 20_000, "{what}: only {} bytes", bytes.len());
        assert!(bytes == *first, "{what}: other bytes on {machine:?}");
    }
}

#[test]
fn csv_is_the_same_on_every_machine() {
    check("CSV", |capture, machine| {
        let plan = Plan::default();
        let sink = Csv::new(Vec::new(), &plan).expect("memory takes everything");
        run(capture, &plan, machine, &sink, &Watch::default()).expect("a run");
        sink.finish().expect("memory takes everything")
    });
}

#[test]
fn parquet_is_the_same_on_every_machine() {
    for compression in [Compression::Snappy, Compression::Zstd(3)] {
        check("Parquet", |capture, machine| {
            let plan = Plan::default();
            let group_rows = NonZeroUsize::new(1000).expect("not zero");
            let settings = Settings { compression, group_rows, ..Settings::default() };
            let sink = Parquet::new(Vec::new(), &plan, settings).expect("memory takes everything");
            let outcome = run(capture, &plan, machine, &sink, &Watch::default()).expect("a run");
            let totals = format!("{:?}", outcome.totals);
            sink.finish(vec![("totals".into(), totals)]).expect("memory takes everything")
        });
    }
}
