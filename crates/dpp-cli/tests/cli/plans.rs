//! What options make of a run: columns, ports (and what their protocols want), packets captured twice.

use crate::frames::{message, udp};
use crate::room::{Room, pcap};

const QUERY: u16 = 0x0000;
const RESPONSE: u16 = 0x8400;

const CLIENT: &str = "192.0.2.1:40000";
const SERVER: &str = "192.0.2.53:53";

/// The rows (without header) and the report of a run on these frames.
fn run(frames: &[Vec<u8>], options: &[&str]) -> (Vec<String>, serde_json::Value) {
    let room = Room::new();
    room.write("in.pcap", pcap(&frames.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    let report =
        room.dpp(&[&["in.pcap", "out.csv", "--report-format", "json"], options].concat()).well().report();
    for identity in report["accounting"].as_array().unwrap() {
        assert_eq!(identity["holds"], true, "{identity}");
    }
    (room.lines("out.csv")[1..].to_vec(), report)
}

#[track_caller]
fn check(frames: &[Vec<u8>], options: &[&str], rows: &[&str]) {
    assert_eq!(run(frames, options).0, rows, "{options:?}");
}

#[test]
fn columns_come_as_named_and_in_that_order() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "all.csv"]).well();
    room.dpp(&["in.pcap", "some.csv", "--fields", "id, name,transport"]).well();
    room.dpp(&["in.pcap", "some.parquet", "--fields", "id,name"]).well();
    let (all, some) = (room.lines("all.csv"), room.lines("some.csv"));
    assert_eq!(some[0], "id,name,transport");
    assert_eq!(all.len(), some.len());
    for (all, some) in all.iter().zip(&some).skip(1) {
        let cells: Vec<&str> = all.split(',').collect();
        assert!(some.starts_with(&format!("{},{},", cells[4], cells[5])), "{all} {some}");
    }
    let environment =
        room.command(&["in.pcap", "other.csv"]).env("DPP_FIELDS", "id,name,transport").output().unwrap();
    assert!(environment.status.success());
    assert!(room.read("other.csv") == room.read("some.csv"));
}

#[test]
fn help_lists_the_columns_and_writes_nothing() {
    let room = Room::with_capture();
    let before = room.inventory();
    let list = room.dpp(&["--fields", "help"]).well().stdout;
    let own = || dpp::table::COLUMNS.iter().filter(|entry| !entry.is_foreign);
    assert_eq!(list.lines().count(), own().count());
    for entry in own() {
        assert!(list.contains(entry.name) && list.contains(entry.sentence), "{}", entry.name);
    }
    assert_eq!(room.dpp(&["extract", "in.pcap", "--fields", "help"]).well().stdout, list);
    assert!(room.inventory() == before);
}

#[test]
fn a_query_that_cannot_be_read_is_a_row_if_a_column_says_so() {
    let broken = udp(CLIENT, SERVER, &[0, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let whole = udp(CLIENT, SERVER, &message(8, QUERY, "w.example"));
    let frames = [broken, whole];
    check(&frames, &["--fields", "id,name"], &["8,w.example"]);
    let (rows, _) = run(&frames, &["--fields", "id,name,parse_error"]);
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows[0].starts_with("7,,"), "{rows:?}");
    assert_eq!(rows[1], "8,w.example,");
}

#[test]
fn only_packets_on_the_ports_are_dns() {
    let at = |port: u16, id| udp(CLIENT, &format!("192.0.2.53:{port}"), &message(id, QUERY, "p.example"));
    let frames = [at(53, 1), at(5300, 2), at(5399, 3), at(5400, 4), at(8053, 5)];
    let ids = |options: &[&str]| run(&frames, &[&["--fields", "id"], options].concat()).0.join(" ");
    assert_eq!(ids(&[]), "1");
    assert_eq!(ids(&["--port", "5300-5399,8053"]), "2 3 5");
    assert_eq!(ids(&["--port", "53", "--port", "5400"]), "1 4");
    let room = Room::new();
    room.write("in.pcap", pcap(&frames.each_ref().map(Vec::as_slice)));
    let run = room.command(&["in.pcap", "out.csv"]).env("DPP_PORT", "53,8053").output().unwrap();
    assert!(run.status.success());
    assert_eq!(room.lines("out.csv").len(), 3);
}

#[test]
fn multicast_queries_are_rows_and_multicast_responses_are_counted() {
    let (ask, tell) = ("192.0.2.1:5353", "192.0.2.2:5353");
    let group = "224.0.0.251:5353";
    let frames = [
        udp(ask, group, &message(0, QUERY, "printer.local")),
        udp(tell, group, &message(0, RESPONSE, "printer.local")),
        udp(ask, group, &message(0, QUERY, "printer.local")),
    ];
    let (rows, report) = run(&frames, &["--port", "5353", "--fields", "name,response_timestamp"]);
    assert_eq!(rows, ["printer.local,", "printer.local,"], "there is no retry where nothing is waited for");
    let messages = &report["messages"];
    assert_eq!((&messages["multicast_queries"], &messages["multicast_responses"]), (&2.into(), &1.into()));
    assert_eq!((&messages["matched"], &messages["unclaimed_responses"]), (&0.into(), &0.into()));
}

#[test]
fn multicast_responses_are_rows_if_responses_that_nobody_asked_for_are() {
    let (ask, tell, group) = ("192.0.2.1:5353", "192.0.2.2:5353", "224.0.0.251:5353");
    let announcement = b"\0\0\x84\0\0\0\0\x01\0\0\0\0\x01a\0\0\x01\x80\x01\0\0\0\x78\0\x04\xC0\0\x02\x02";
    let mut asks_alone = message(0, QUERY, "a");
    let class = asks_alone.len() - 2;
    asks_alone[class] |= 0x80;
    let frames = [udp(ask, group, &asks_alone), udp(tell, group, announcement)];
    let fields = "src_ip,dst_ip,qname,qtype,qclass,rcode_name,answer_a,answers,match";
    let query = "192.0.2.1,224.0.0.251,a,1,1,,,,unpaired";
    let told = "224.0.0.251,192.0.2.2,,,,NOERROR,192.0.2.2,\"[{\"\"name\"\":\"\"a\"\",\"\"type\"\":\"\"A\"\",\
                \"\"class\"\":\"\"CLASS32769\"\",\"\"ttl\"\":120,\"\"data\"\":\"\"192.0.2.2\"\"}]\",unpaired";
    check(&frames, &["--port", "5353", "--fields", fields], &[query]);
    check(&frames, &["--port", "5353", "--fields", fields, "--unasked"], &[query, told]);
    let (rows, report) = run(&frames, &["--port", "5353", "--unasked"]);
    assert_eq!(rows[1], ",1700000000001000,224.0.0.251,5353,0,,,No Error", "{rows:?}");
    let messages = &report["messages"];
    assert_eq!((&messages["rows"], &messages["unclaimed_responses"]), (&2.into(), &0.into()));
}

#[test]
fn a_response_without_a_question_does_not_say_what_was_asked() {
    let bare = udp(SERVER, CLIENT, b"\0\x07\x80\x05\0\0\0\0\0\0\0\0");
    check(&[bare], &["--unasked", "--fields", "id,name,query_type"], &["7,,"]);
}

#[test]
fn a_legacy_multicast_query_is_answered_by_whoever_knows() {
    let frames = [
        udp("192.0.2.1:40000", "224.0.0.251:5353", &message(7, QUERY, "printer.local")),
        udp("192.0.2.2:5353", "192.0.2.1:40000", &message(7, RESPONSE, "printer.local")),
    ];
    let row = "printer.local,1700000000001000";
    check(&frames, &["--port", "5353", "--fields", "name,response_timestamp"], &[row]);
}

#[test]
fn a_link_local_query_is_answered_by_whoever_has_the_name() {
    let frames = [
        udp("192.0.2.1:40000", "224.0.0.252:5355", &message(7, QUERY, "host")),
        udp("192.0.2.2:5355", "192.0.2.1:40000", &message(7, 0x8000, "host")),
        udp("192.0.2.1:40001", "224.0.0.252:5355", &message(8, QUERY, "nobody")),
    ];
    let rows = ["host,1700000000001000", "nobody,"];
    check(&frames, &["--port", "5355", "--fields", "name,response_timestamp"], &rows);
    check(&frames, &["--port", "53,5355", "--fields", "name,response_timestamp"], &rows);
}

#[test]
fn a_packet_captured_twice_counts_once_if_asked_for() {
    let query = udp(CLIENT, SERVER, &message(7, QUERY, "d.example"));
    let response = udp(SERVER, CLIENT, &message(7, RESPONSE, "d.example"));
    let frames = [query.clone(), query, response.clone(), response];
    let counts = |options: &[&str]| {
        let (rows, report) = run(&frames, options);
        let messages = &report["messages"];
        let keys = ["retries", "unclaimed_responses", "duplicate_queries", "duplicate_responses"];
        (rows.len(), keys.map(|key| messages[key].as_u64().unwrap()))
    };
    assert_eq!(counts(&[]), (1, [1, 1, 0, 0]));
    assert_eq!(counts(&["--dedup-packets", "10ms"]), (1, [0, 0, 1, 1]));
    assert_eq!(counts(&["--dedup-packets", "1"]), (1, [0, 0, 1, 1]), "the window's end is in it");
    assert_eq!(counts(&["--dedup-packets", "999us"]), (1, [1, 1, 0, 0]));
}
