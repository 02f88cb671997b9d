//! `dpp stats` and `dpp report`: the same figures whatever the machine and the order, and what is said of captures that are not whole.

use crate::room::Room;
use serde_json::Value;
use std::fs;

/// The figures as JSON, of these arguments.
#[track_caller]
fn figures(room: &Room, arguments: &[&str]) -> Value {
    let ended = room.dpp(&[&["stats", "--json"], arguments].concat()).well();
    serde_json::from_str(&ended.stdout).expect("an object")
}

/// The same without what captures are called, and without what each packet's place decides.
fn of_traffic(mut figures: Value) -> Value {
    figures["inputs"] = Value::Null;
    figures
}

#[test]
fn figures_are_those_of_the_table_and_of_the_report() {
    let room = Room::with_capture();
    let figures = figures(&room, &["in.pcap"]);
    let report = room.dpp(&["--report-format", "json", "in.pcap", "in.csv"]).well().report();
    let rows = room.lines("in.csv");
    assert_eq!(figures["transactions"], rows.len() - 1);
    let of_rows = |name: &str| rows.iter().filter(|row| row.contains(name)).count();
    let outcome = |key: &str| {
        let outcomes = figures["outcomes"].as_array().unwrap();
        outcomes.iter().find(|row| row["key"] == key).map_or(0, |row| row["count"].as_u64().unwrap())
    };
    assert_eq!(
        outcome("answered"),
        report["metrics"]["total_matched_query_response_pairs"].as_u64().unwrap()
    );
    assert_eq!(outcome("unanswered"), report["metrics"]["timed_out_queries"].as_u64().unwrap());
    let types = figures["types"]["rows"].as_array().unwrap();
    let https = types.iter().find(|row| row["key"] == "HTTPS").unwrap();
    assert_eq!(https["count"], of_rows(",HTTPS,"));
    assert_eq!(figures["accounting"]["packets_read"], report["packets"]["read"]["packets"]);
}

#[test]
fn neither_threads_nor_order_nor_files_change_a_figure() {
    let room = Room::with_capture();
    for (seed, name) in [("2", "b.pcap"), ("3", "c.pcap")] {
        room.dpp(&["generate", name, "--transactions", "700", "--seed", seed]).well();
    }
    let expected = of_traffic(figures(&room, &["in.pcap", "b.pcap", "c.pcap", "--merge", "--threads", "1"]));
    for threads in ["2", "5"] {
        let others = ["c.pcap", "in.pcap", "b.pcap", "--merge", "--threads", threads];
        assert_eq!(of_traffic(figures(&room, &others)), expected, "{threads} threads");
    }
}

#[test]
fn the_screen_tells_what_is_in_a_capture() {
    let room = Room::new();
    room.dpp(&["generate", "in.pcap", "--duration-seconds", "300", "--qps", "3"]).well();
    let screen = room.dpp(&["stats", "in.pcap"]).well().stdout;
    for words in
        ["Queries", "Time", "Over time", "Types", "Rcodes", "RTT", "Top servers", "Top clients", "Top names"]
    {
        assert!(
            screen.lines().any(|line| line.starts_with(words) || line.contains(words)),
            "{words}: {screen}"
        );
    }
    for words in ["Top client networks", "Top domains", "Top TLDs"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    assert!(screen.lines().all(|line| line.chars().count() <= 100), "{screen}");
    assert!(screen.lines().count() <= 50, "{screen}");
}

#[test]
fn networks_of_clients_are_their_sums() {
    let room = Room::with_capture();
    let figures = figures(&room, &["in.pcap", "--top", "100000"]);
    let rows = |of: &Value, key: &str| of["tops"][key]["rows"].as_array().unwrap().clone();
    let mut expected = std::collections::BTreeMap::new();
    for row in rows(&figures, "clients") {
        let client: std::net::IpAddr = row["key"].as_str().unwrap().parse().unwrap();
        let network = match client {
            std::net::IpAddr::V4(client) => {
                let [a, b, c, _] = client.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            std::net::IpAddr::V6(client) => {
                let [a, b, c, ..] = client.segments();
                format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
            }
        };
        *expected.entry(network).or_default() += row["count"].as_u64().unwrap();
    }
    let told: std::collections::BTreeMap<String, u64> = rows(&figures, "client_prefixes")
        .iter()
        .map(|row| (row["key"].as_str().unwrap().to_owned(), row["count"].as_u64().unwrap()))
        .collect();
    assert!(told.len() > 1, "{told:?}");
    assert_eq!(told, expected);
    assert_eq!(figures["distinct"]["client_prefixes"]["count"], expected.len());
    assert_eq!(figures["tops"]["client_prefixes"]["total"], figures["tops"]["clients"]["total"]);
}

#[test]
fn conditions_leave_out_transactions() {
    let room = Room::with_capture();
    let figures = figures(&room, &["in.pcap", "--where", "qtype = HTTPS"]);
    let types = figures["types"]["rows"].as_array().unwrap();
    assert_eq!(types.len(), 1);
    assert_eq!(figures["transactions"], types[0]["count"]);
}

#[test]
fn a_capture_without_dns_has_figures_too() {
    let room = Room::new();
    room.write("empty.pcap", crate::room::pcap(&[]));
    let figures = figures(&room, &["empty.pcap"]);
    assert_eq!(figures["transactions"], 0);
    assert_eq!(figures["rtt"], Value::Null);
    let screen = room.dpp(&["stats", "empty.pcap"]).well().stdout;
    assert!(screen.contains("Queries      0"), "{screen}");
}

#[test]
fn a_capture_that_is_cut_off_is_told_and_with_strict_an_error() {
    let room = Room::with_capture();
    let capture = room.read("in.pcap");
    room.write("cut.pcap", &capture[..capture.len() - 5]);
    let ended = room.dpp(&["stats", "cut.pcap"]).well();
    assert!(ended.stderr.contains("cut off in the middle of the record"), "{}", ended.stderr);
    let ended = room.dpp(&["stats", "cut.pcap", "--strict"]);
    assert_eq!(ended.code, Some(1));
    let told = figures(&room, &["cut.pcap", "--silent"]);
    assert_eq!(told["inputs"][0]["ending"], "cut_off");
}

#[test]
fn mistakes_leave_nothing_behind() {
    let room = Room::with_capture();
    room.write("no.pcap", "this is text");
    for arguments in [
        &["report", "no.pcap", "-o", "page.html"][..],
        &["report", "missing.pcap", "-o", "page.html"],
        &["report", "in.pcap", "-o", "page.html", "--where", "nonsense"],
        &["report", "in.pcap", "-o", "in.pcap"],
        &["stats"],
    ] {
        let before = room.inventory();
        let ended = room.dpp(arguments);
        assert_eq!(ended.code, Some(1), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.starts_with("Error: "), "{arguments:?}: {}", ended.stderr);
        assert_eq!(room.inventory(), before, "{arguments:?}");
    }
}

#[test]
fn the_page_holds_the_object() {
    let room = Room::with_capture();
    room.dpp(&["report", "in.pcap", "-o", "page.html", "--title", "a <title>"]).well();
    let page = fs::read_to_string(room.path("page.html")).unwrap();
    assert!(page.contains("a &lt;title&gt;"));
    let object = figures(&room, &["in.pcap"]).to_string();
    assert!(page.contains(object.trim()), "the object stands in the page");
}
