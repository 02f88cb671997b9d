//! Memory does not grow with the input: a live pipe that is many times as long takes no more.
//!
//! The runs start the program itself, since what counts is the memory of a whole process, which its report tells. A table
//! in Parquet takes more until its first row group is complete, so there the shorter run is as long as that takes.

use std::path::Path;
use std::process::{Command, Stdio};

/// Nothing is ever answered, so every query waits as long as any may.
const QUERIES_ONLY: &str = "loss_share = 1\nretry_share = 0\n";

/// A busy resolver, as shipped.
const SHIPPED: &str = "";

/// Peaks may differ by so much from run to run, beside a share: it depends on how far the workers are apart.
const JITTER_KIB: u64 = 8 * 1024;

const CSV_KIB_MAX: u64 = 128 * 1024;
const PARQUET_KIB_MAX: u64 = 200 * 1024;

/// More rows than a row group has.
const A_ROW_GROUP: u64 = 540_000;

#[test]
fn csv_of_ten_times_the_traffic_takes_no_more_memory() {
    check("out.csv", SHIPPED, [20_000, 200_000], CSV_KIB_MAX);
}

#[test]
fn csv_of_ten_times_the_unanswered_queries_takes_no_more_memory() {
    check("out.csv", QUERIES_ONLY, [20_000, 200_000], CSV_KIB_MAX);
}

#[test]
fn parquet_of_twice_the_row_groups_takes_no_more_memory() {
    check("out.parquet", QUERIES_ONLY, [A_ROW_GROUP, 2 * A_ROW_GROUP], PARQUET_KIB_MAX);
}

#[test]
fn parquet_of_a_whole_row_group_of_answers_stays_within_its_bound() {
    let peak = peak_kib("out.parquet", SHIPPED, A_ROW_GROUP);
    assert!(peak < PARQUET_KIB_MAX, "{peak} KiB");
}

/// Checks that the longer of two runs stays within the bound, and takes hardly more than the shorter.
fn check(output: &str, profile: &str, transactions: [u64; 2], kib_max: u64) {
    let [shorter, longer] = transactions.map(|transactions| peak_kib(output, profile, transactions));
    assert!(longer < kib_max, "{output}: {longer} KiB, allowed are {kib_max}");
    let most = shorter + shorter * 3 / 10 + JITTER_KIB;
    assert!(longer <= most, "{output}: {shorter} KiB, but {longer} for {transactions:?} transactions");
}

/// The peak memory of a run over a pipe of so many transactions.
fn peak_kib(output: &str, profile: &str, transactions: u64) -> u64 {
    let folder = tempfile::tempdir().expect("a place for temporary files");
    std::fs::write(folder.path().join("profile.toml"), profile).expect("the profile is written");
    // At this rate the clock runs for seconds, so that queries and responses are forgotten in the shorter run too.
    let traffic = ["generate", "-", "--qps", "5000", "--profile", "profile.toml", "--transactions"];
    let mut generator = dpp(folder.path())
        .args(traffic)
        .arg(transactions.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("dpp generate starts");
    let capture = generator.stdout.take().expect("it is piped");
    let run = dpp(folder.path())
        .args(["--report-format", "json", "--threads", "2", "-", output])
        .stdin(capture)
        .output()
        .expect("dpp starts");
    assert!(generator.wait().expect("the generator ends").success());
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).expect("the report is JSON");
    let rows = report["messages"]["rows"].as_u64().expect("a number of rows");
    assert!(rows > transactions / 10 * 9, "{rows} rows of {transactions} transactions");
    report["metrics"]["max_memory_usage_kib"].as_u64().expect("a number of KiB")
}

fn dpp(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dpp"));
    command.current_dir(folder);
    command
}
