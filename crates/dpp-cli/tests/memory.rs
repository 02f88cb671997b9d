//! Memory does not grow with the input: a live pipe that is many times as long takes no more, and a chunk that waits keeps only
//! its rows.
//!
//! The runs start the program itself, since what counts is the memory of a whole process, which its report tells. A table
//! in Parquet takes more until its first row group is complete, so there the shorter run is as long as that takes.

use std::io::Write;
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
const CDNS_KIB_MAX: u64 = 200 * 1024;

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
fn cdns_of_ten_times_the_traffic_takes_no_more_memory() {
    check("out.cdns", SHIPPED, [40_000, 400_000], CDNS_KIB_MAX);
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

#[test]
fn retries_of_a_query_that_stays_open_take_no_memory() {
    for output in ["out.csv", "out.parquet"] {
        let capture = one_query_and_again(600_000);
        let mut run = dpp(Path::new("."));
        let folder = tempfile::tempdir().expect("a place for temporary files");
        let output = folder.path().join(output);
        run.args(["--threads", "2", "--report-format", "json", "-"]).arg(&output);
        let mut run = run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("dpp starts");
        let mut input = run.stdin.take().expect("a pipe");
        input.write_all(&capture).expect("dpp reads to the end");
        drop(input);
        let report = run.wait_with_output().expect("dpp ends");
        let report: serde_json::Value = serde_json::from_slice(&report.stdout).expect("the report is JSON");
        let peak = report["metrics"]["max_memory_usage_kib"].as_u64().expect("a number of KiB");
        assert!(peak < 100 * 1024, "{}: {peak} KiB", output.display());
    }
}

/// A capture of the same query over and over, all at the same time: the first stays open to the end.
fn one_query_and_again(packets: usize) -> Vec<u8> {
    let header =
        [&0xA1B2_C3D4u32.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8], &[0, 0, 4, 0, 1, 0, 0, 0]].concat();
    let message = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01";
    let udp = [&[0xD4, 0x31, 0, 53, 0, message.len() as u8 + 8, 0, 0], &message[..]].concat();
    let ip = [0x45, 0, 0, udp.len() as u8 + 20, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 53];
    let frame = [&[2; 12][..], &[8, 0], &ip, &udp].concat();
    let length = (frame.len() as u32).to_le_bytes();
    let record = [&1_700_000_000u32.to_le_bytes()[..], &[0; 4], &length, &length, &frame].concat();
    [header, record.repeat(packets)].concat()
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
