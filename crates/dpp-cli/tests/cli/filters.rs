//! `--where` and `--sample`: which rows there are, what is said of that, and what is refused.

use crate::room::Room;
use dpp::filter::Filter;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A file of the repository as an argument.
fn argument(path: &str) -> String {
    in_repository(path).to_str().expect("UTF-8").to_owned()
}

const FIELDS: [&str; 2] = ["--fields", "src_ip,src_port,dst_ip,id,qname,qtype,rcode,transport"];

/// The rows of a capture under these options, and its report.
fn rows(capture: &str, options: &[&str]) -> (Vec<String>, serde_json::Value) {
    let room = Room::new();
    let arguments = [&[capture, "out.csv", "--report-format", "json"], options].concat();
    let report = room.dpp(&arguments).well().report();
    for identity in report["accounting"].as_array().expect("sums") {
        assert_eq!(identity["holds"], true, "{identity}");
    }
    (room.lines("out.csv")[1..].to_vec(), report)
}

/// What a condition leaves of a capture's rows is what a program that reads the table would leave of them.
#[track_caller]
fn check(capture: &str, condition: &str, is_meant: impl Fn(&[&str]) -> bool) {
    let capture = argument(capture);
    let (all, _) = rows(&capture, &FIELDS);
    let (some, report) = rows(&capture, &[&FIELDS[..], &["--where", condition]].concat());
    let meant = |row: &&String| is_meant(&row.split(',').collect::<Vec<_>>());
    let expected: Vec<String> = all.iter().filter(meant).cloned().collect();
    assert_eq!(some, expected, "{condition}");
    assert!(!some.is_empty() && some.len() < all.len(), "{condition} leaves {} of {}", some.len(), all.len());
    let count = |key: &str| report["messages"][key].as_u64().expect("a count");
    assert_eq!(count("rows"), some.len() as u64);
    assert!(count("messages_filtered") > 0 || count("rows") + count("rows_filtered") == all.len() as u64);
}

const DEMO: &str = "demo/dns.pcap";
const MANY: &str = "captures/files/dnscap__dns.pcap.gz";

#[test]
fn a_condition_leaves_the_rows_that_meet_it() {
    check(DEMO, "qtype = AAAA", |row| row[5] == "28");
    check(DEMO, "rcode = NXDOMAIN", |row| row[6] == "3");
    check(DEMO, "rcode is null or qname under arpa", |row| row[6].is_empty() || row[4].ends_with(".arpa"));
    check(DEMO, "qname not like '*google*'", |row| !row[4].contains("google"));
    check(DEMO, "id > 30000 and not qname ~ 'arpa$'", |row| {
        row[3].parse::<u32>().unwrap() > 30_000 && !row[4].ends_with("arpa")
    });
    check(MANY, "src_port > 40000", |row| row[1].parse::<u32>().unwrap() > 40_000);
    check(MANY, "src_port > 40000 and qtype = A", |row| {
        row[1].parse::<u32>().unwrap() > 40_000 && row[5] == "1"
    });
}

#[test]
fn what_the_tuple_tells_is_decided_before_matching() {
    let capture = argument(MANY);
    let (all, whole) = rows(&capture, &[]);
    let (some, report) = rows(&capture, &["--where", "src_port > 40000"]);
    let count = |report: &serde_json::Value, key: &str| report["messages"][key].as_u64().expect("a count");
    assert!(count(&report, "messages_filtered") > 0);
    assert_eq!(count(&report, "rows_filtered"), 0);
    assert_eq!(count(&report, "messages"), count(&whole, "messages"));
    assert!(count(&report, "queries") < count(&whole, "queries"));
    assert!(some.len() < all.len());
    let (none, report) = rows(&capture, &["--where", "id < 0"]);
    assert!(none.is_empty());
    assert_eq!(count(&report, "messages_filtered"), count(&report, "messages"));
}

/// All transactions of a client are in a sample, or none; a smaller sample is a part of a larger one.
#[test]
fn a_sample_has_whole_clients() {
    let room = Room::with_capture();
    let capture = room.path("in.pcap").to_str().unwrap().to_owned();
    let by_client = |options: &[&str]| {
        let mut counts = BTreeMap::new();
        for row in rows(&capture, &[&["--fields", "src_ip"], options].concat()).0 {
            *counts.entry(row).or_insert(0) += 1;
        }
        counts
    };
    let all = by_client(&[]);
    let half = by_client(&["--sample", "client:1/2"]);
    let tenth = by_client(&["--sample", "client:0.1"]);
    assert!(!half.is_empty() && half.len() < all.len());
    assert!(half.iter().all(|(client, rows)| all[client] == *rows));
    assert!(tenth.keys().all(|client| half.contains_key(client)), "a smaller sample is part of a larger one");
    assert!(by_client(&["--sample", "client:1/2,seed=1"]).keys().ne(half.keys()));
    assert_eq!(by_client(&["--sample", "client:1"]), all);
    let (some, report) = rows(&capture, &["--sample", "transaction:1/2"]);
    assert!((350..650).contains(&some.len()), "{}", some.len());
    assert_eq!(report["config"]["sample"], "transaction:1/2");
    assert!(report["messages"]["messages_filtered"].as_u64().unwrap() > 500);
}

#[test]
fn a_condition_is_told() {
    let room = Room::with_capture();
    let condition = "qtype = A  and\nid > 5";
    let ended = room.dpp(&["in.pcap", "out.parquet", "--where", condition, "--sample", "client:0.50"]).well();
    assert!(ended.stderr.contains("Rows where: qtype = A and id > 5\n"), "{}", ended.stderr);
    assert!(ended.stderr.contains("Sample: client:1/2\n"), "{}", ended.stderr);
    assert!(ended.stderr.contains("Rows left out: "), "{}", ended.stderr);
    let has = |file: &str, text: &str| {
        let bytes = room.read(file);
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    assert!(has("out.parquet", r#""where":"qtype = A  and\nid > 5""#) && has("out.parquet", "client:1/2"));
    let report =
        room.dpp(&["in.pcap", "out.csv", "--where", condition, "--report-format", "json"]).well().report();
    assert_eq!((&report["config"]["where"], &report["config"]["sample"]), (&condition.into(), &().into()));
    room.write("key", "a passphrase that is long enough");
    let condition = "src_ip in 192.0.2.0/24";
    room.dpp(&["in.pcap", "hidden.parquet", "--where", condition, "--anonymize", "key"]).well();
    assert!(!has("hidden.parquet", "192.0.2.0/24"), "who has pseudonyms does not tell addresses");
}

/// A condition sees real addresses, though the table does not.
#[test]
fn pseudonyms_are_given_to_what_is_left() {
    let room = Room::new();
    let capture = argument(DEMO);
    room.write("key", "a passphrase that is long enough");
    let lines = |condition: &str| {
        room.dpp(&[&capture, "out.csv", "--fields", "src_ip,id", "--anonymize", "key", "--where", condition])
            .well();
        room.lines("out.csv")[1..].to_vec()
    };
    for condition in ["src_ip = 192.168.1.17", "src_ip = 192.168.1.17 or qtype = TXT"] {
        let lines = lines(condition);
        assert!(!lines.is_empty() && lines.iter().all(|line| !line.contains("192.168.1.17")), "{lines:?}");
    }
}

#[test]
fn variables_and_many_captures_have_conditions_too() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "one.csv", "--where", "qtype = A", "--sample", "transaction:1/2"]).well();
    let mut command = room.command(&["extract", "in.pcap", "-o", "other.csv"]);
    command.env("DPP_WHERE", "qtype = A").env("DPP_SAMPLE", "transaction:1/2");
    assert!(command.output().unwrap().status.success());
    assert!(room.read("one.csv") == room.read("other.csv"));
    for threads in ["1", "2", "7"] {
        let condition = ["--where", "qtype = A", "--sample", "transaction:1/2", "-t", threads];
        room.dpp(&[&["in.pcap", "other.csv"], &condition[..]].concat()).well();
        assert!(room.read("one.csv") == room.read("other.csv"), "{threads} threads");
    }
}

#[test]
fn an_error_has_place_and_remedy() {
    let room = Room::with_capture();
    let before = room.inventory();
    let check = |arguments: &[&str], expected: &str| {
        let ended = room.dpp(&[&["in.pcap", "out.csv"], arguments].concat());
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        assert!(room.inventory() == before, "a refusal changes no file");
    };
    check(
        &["--where", "qtype = A and qnam = x"],
        "--where: there is no column 'qnam'; did you mean 'qname'? (--fields help lists them all)\n  \
         qtype = A and qnam = x\n                ^^^^",
    );
    check(&["--where", ""], "--where: here the name of a column is missing");
    check(
        &["--sample", "client:7"],
        "--sample 'client:7': the share is no fraction up to 1: write client:1/100",
    );
}

/// The conditions of the page, in their tables.
fn documented() -> BTreeSet<String> {
    let page = std::fs::read_to_string(in_repository("docs/filters.md")).expect("the page of conditions");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(condition, _)| condition.to_owned()).collect()
}

#[test]
fn what_the_page_shows_can_be_asked() {
    let conditions = documented();
    assert!(conditions.len() > 15, "{conditions:?}");
    for condition in conditions {
        if let Err(error) = Filter::parse(&condition, &|_| String::new()) {
            panic!("{condition}: {error}");
        }
    }
}
