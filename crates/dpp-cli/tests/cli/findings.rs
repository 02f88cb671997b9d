//! `dpp stats --by` and `--table`: the same table whatever the machine and the format, and what is said of mistakes.

use crate::room::{Room, pcap};
use dpp::findings::{By, DEFINITIONS};
use std::collections::BTreeMap;

#[test]
fn a_table_by_server_has_the_figures_of_the_rows() {
    let room = Room::with_capture();
    room.dpp(&["stats", "in.pcap", "--by", "server,type", "-o", "by.csv"]).well();
    room.dpp(&["-s", "in.pcap", "rows.csv", "--fields", "dst_ip,qtype_name"]).well();
    let mut expected = BTreeMap::<String, u64>::new();
    room.lines("rows.csv")[1..].iter().for_each(|row| *expected.entry(row.clone()).or_default() += 1);
    let lines = room.lines("by.csv");
    assert!(lines[0].starts_with("server,type,queries,answered,unanswered,retries,noerror,"), "{}", lines[0]);
    assert!(lines[0].ends_with(",rtt_max_ns,clients,names,one_in"), "{}", lines[0]);
    let found: BTreeMap<String, u64> = lines[1..]
        .iter()
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[..2].join(","), cells[2].parse().unwrap())
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn neither_threads_nor_files_change_a_table() {
    let room = Room::with_capture();
    room.dpp(&["generate", "b.pcap", "--transactions", "700", "--seed", "2"]).well();
    for table in [&["--by", "minute,client-prefix"][..], &["--table", "slow-names", "--least", "answered=1"]]
    {
        let of = |more: &[&str]| room.dpp(&[&["stats", "--merge"], table, more].concat()).well().stdout;
        let expected = of(&["in.pcap", "b.pcap", "--threads", "1"]);
        assert!(expected.lines().count() > 5, "{expected}");
        for threads in ["2", "8"] {
            assert_eq!(of(&["b.pcap", "in.pcap", "--threads", threads]), expected, "{threads} threads");
        }
    }
}

#[test]
fn formats_are_told_by_names_of_files() {
    let room = Room::with_capture();
    for name in ["t.csv", "t.tsv", "t.jsonl", "t.parquet", "t.csv.gz", "t.jsonl.zst"] {
        room.dpp(&["stats", "in.pcap", "--by", "type", "-o", name]).well();
    }
    let csv = room.lines("t.csv");
    let told = room.dpp(&["stats", "in.pcap", "--by", "type"]).well().stdout;
    assert_eq!(told.lines().collect::<Vec<_>>(), csv);
    assert_eq!(room.lines("t.tsv"), csv.iter().map(|line| line.replace(',', "\t")).collect::<Vec<_>>());
    let heads: Vec<&str> = csv[0].split(',').collect();
    for (line, row) in room.lines("t.jsonl").iter().zip(&csv[1..]) {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        for (head, cell) in heads.iter().zip(row.split(',')) {
            let value = &object[*head];
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
            assert_eq!(text, cell, "{head} of {line}");
        }
    }
    assert!(room.read("t.parquet").starts_with(b"PAR1") && room.read("t.parquet").ends_with(b"PAR1"));
    let mut unpacked = String::new();
    let packed = room.read("t.csv.gz");
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked.lines().collect::<Vec<_>>(), csv);
}

#[test]
fn conditions_and_numbers_of_rows_hold_for_tables_too() {
    let room = Room::with_capture();
    let of = |more: &[&str]| room.dpp(&[&["stats", "in.pcap", "--by", "type"], more].concat()).well().stdout;
    let all = of(&[]);
    let https: Vec<&str> = all.lines().filter(|line| line.starts_with("HTTPS,")).collect();
    assert_eq!(of(&["--where", "qtype = HTTPS"]).lines().skip(1).collect::<Vec<_>>(), https);
    assert_eq!(of(&["--top", "2"]).lines().collect::<Vec<_>>(), all.lines().take(3).collect::<Vec<_>>());
    let queries = |line: &str| line.split(',').nth(1).unwrap().parse::<u64>().unwrap();
    let least = of(&["--least", "queries=50"]);
    let expected: Vec<&str> = all
        .lines()
        .enumerate()
        .filter(|(at, line)| *at == 0 || queries(line) >= 50)
        .map(|row| row.1)
        .collect();
    assert_eq!(least.lines().collect::<Vec<_>>(), expected);
    assert!(expected.len() > 1 && expected.len() < all.lines().count());
}

#[test]
fn a_capture_without_dns_has_a_table_without_rows() {
    let room = Room::new();
    room.write("empty.pcap", pcap(&[]));
    for table in [&["--by", "minute"][..], &["--table", "random-subdomains"]] {
        let told = room.dpp(&[&["stats", "empty.pcap"], table].concat()).well().stdout;
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn groups_that_have_room_are_all_counted_and_nothing_is_said() {
    let room = Room::new();
    room.dpp(&["generate", "in.pcap", "--transactions", "3000", "--clients", "2500"]).well();
    let of = |more: &[&str]| room.dpp(&[&["stats", "in.pcap", "--by", "client,name"], more].concat()).well();
    let few = of(&[]);
    assert!(few.stderr.is_empty() && few.stdout.lines().skip(1).all(|line| line.ends_with(",1")));
    assert_eq!(of(&["--exact"]).stdout, few.stdout);
}

/// More groups than have room.
#[test]
fn of_too_many_groups_some_are_counted_and_that_is_said() {
    let room = Room::new();
    let many = ["--transactions", "280000", "--clients", "280000", "--silent"];
    room.dpp(&[&["generate", "many.pcap"], &many[..]].concat()).well();
    let of = |more: &[&str]| {
        room.dpp(&[&["stats", "many.pcap", "--by", "client,name,second"], more].concat()).well()
    };
    let told = of(&["--threads", "2"]);
    assert!(told.stderr.contains("one transaction in 8 was counted"), "{}", told.stderr);
    let queries = |line: &str| line.split(',').nth(3).unwrap().parse::<u64>().unwrap();
    let sum: u64 = told.stdout.lines().skip(1).map(queries).sum();
    assert!((270_000..290_000).contains(&sum) && sum.is_multiple_of(8), "{sum}");
    assert!(told.stdout.lines().skip(1).all(|line| line.ends_with(",8")));
    let other = of(&["--threads", "1", "--silent"]);
    assert!(other.stderr.is_empty() && other.stdout == told.stdout);
    let exact = of(&["--exact", "-o", "exact.csv"]);
    assert!(exact.stderr.is_empty(), "{}", exact.stderr);
    assert_eq!(room.lines("exact.csv").iter().skip(1).map(|line| queries(line)).sum::<u64>(), 280_000);
}

#[test]
fn names_may_be_written_otherwise() {
    let room = Room::with_capture();
    for (one, other) in [
        (&["--by", "Minute"][..], &["--by", "minute"][..]),
        (&["--by", "client-prefix, SERVER_PREFIX"], &["--by", "client_prefix,server-prefix"]),
        (&["--table", "slow_names"], &["--table", "slow-names"]),
        (
            &["--table", "Slow-Names", "--least", "Answered=1"],
            &["--table", "slow-names", "--least", "answered=1"],
        ),
        (&["--by", "type", "--least", "query-bytes=9"], &["--by", "type", "--least", "query_bytes=9"]),
    ] {
        let of = |arguments: &[&str]| room.dpp(&[&["stats", "in.pcap"], arguments].concat()).well().stdout;
        assert_eq!(of(one), of(other), "{one:?}");
    }
}

#[test]
fn the_help_has_all_keys_and_tables() {
    let help = Room::new().dpp(&["stats", "--help"]).well().stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for (name, _) in By::own_names() {
        let name = name.replace('_', "-");
        assert!(help.contains(&format!(" {name}, ")), "{name}: {help}");
    }
    let tables = DEFINITIONS.iter().map(|definition| definition.name).collect::<Vec<_>>().join(", ");
    assert!(help.contains(&format!("of which rows: {tables}; else")), "{help}");
}

#[test]
fn mistakes_are_told_with_what_was_meant() {
    let room = Room::with_capture();
    let before = room.inventory();
    for (arguments, words) in [
        (
            &["--by", "minutes"][..],
            "there is no 'minutes'; did you mean 'minute'? (there are second, minute, ",
        ),
        (&["--by", "xyz"], "there is no 'xyz' (there are second, "),
        (&["--by", "type,type"], "two columns 'type'"),
        (&["--by", "response_bytes"], "two columns 'response_bytes'"),
        (&["--by", "query_time"], "take minute, hour, day"),
        (&["--by", "answers"], "cannot be grouped by"),
        (&["--by", "country"], "looked up in a table"),
        (&["--table", "slow-name"], "did you mean 'slow-names'?"),
        (&["--table", "traffic"], "needs --by"),
        (&["--by", "type", "--least", "querys=3"], "did you mean 'queries'?"),
        (&["--by", "type", "--least", "queries"], "not COLUMN=NUMBER"),
        (&["--by", "type", "--least", "queries=many"], "'many' is not a number"),
        (&["--by", "type", "-o", "x.arrow"], "says no format"),
        (&["--by", "type", "-o", "x.parquet.gz"], "compressed inside"),
        (&["--by", "type", "-o", "in.pcap"], "says no format"),
        (&["-o", "x.csv"], "--output is about a table"),
        (&["--least", "queries=3"], "--least is about a table"),
    ] {
        let ended = room.dpp(&[&["stats", "in.pcap"], arguments].concat());
        assert_eq!(ended.code, Some(1), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{arguments:?}: {}", ended.stderr);
        assert_eq!(room.inventory(), before, "{arguments:?}");
    }
}
