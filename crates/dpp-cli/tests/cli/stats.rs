//! `dpp stats` and `dpp report`: the same figures whatever the machine and the order, and what is said of captures that are not whole.
//! Parts: what was counted apart and added up is what would have been counted at once.

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
fn one_thing_is_no_things() {
    let room = Room::new();
    let one = ["--clients", "1", "--resolvers", "1", "--seed", "3"];
    let ended = room.dpp(&[&["generate", "in.pcap", "--transactions", "1"], &one[..]].concat()).well();
    assert!(ended.stderr.contains(": 1 transaction, 1 query, 1 response"), "{}", ended.stderr);
    let screen = room.dpp(&["stats", "in.pcap"]).well().stdout;
    assert!(screen.contains("1 client, 1 server, 1 name, 1 registered domain\n"), "{screen}");
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

/// A room with captures `1.pcap` to `4.pcap`, and a part of each, of which the last two are of a site.
fn with_parts() -> Room {
    let room = Room::new();
    room.write("tcp.toml", "tcp_share = 0.2\n");
    for number in ["1", "2", "3", "4"] {
        let (capture, part) = (format!("{number}.pcap"), format!("{number}.tally"));
        let traffic = ["--transactions", "500", "--seed", number, "--profile", "tcp.toml"];
        room.dpp(&[&["generate", &capture], &traffic[..]].concat()).well();
        let site: &[&str] = if number > "2" { &["--site", "a b"] } else { &[] };
        room.dpp(&[&["stats", "map", &capture, "--seq", number, "-o", &part, "-s"], site].concat()).well();
    }
    room
}

#[test]
fn parts_have_the_figures_of_the_whole() {
    let room = with_parts();
    let whole = figures(&room, &["1.pcap", "2.pcap", "3.pcap", "4.pcap"]);
    assert!(whole["transactions"].as_u64() > Some(1900), "{}", whole["transactions"]);
    let of = |arguments: &[&str]| {
        let ended = room.dpp(&[&["stats", "report", "--json"], arguments].concat()).well();
        serde_json::from_str::<Value>(&ended.stdout).expect("an object")
    };
    assert_eq!(of(&["4.tally", "2.tally", "1.tally", "3.tally"]), whole);
    room.dpp(&["stats", "merge", "3.tally", "1.tally", "4.tally", "2.tally", "-o", "all.txt", "-s"]).well();
    assert_eq!(of(&["all.txt"]), whole);
    assert_eq!(of(&["all.txt", "--site", "a b"]), figures(&room, &["3.pcap", "4.pcap"]));
    let screen = |arguments: &[&str]| room.dpp(&[&["stats"], arguments].concat()).well().stdout;
    let captures = ["1.pcap", "2.pcap", "3.pcap", "4.pcap"];
    assert_eq!(screen(&["report", "all.txt"]), screen(&captures));
    room.dpp(&["report", "1.tally", "2.tally", "3.tally", "4.tally", "-o", "page.html", "-s"]).well();
    let page = fs::read_to_string(room.path("page.html")).unwrap();
    let object = &page[page.find("{\"dpp\"").expect("the object stands in the page")..];
    let object = &object[..object.find("</script>").expect("in a script")];
    assert_eq!(serde_json::from_str::<Value>(object).expect("an object"), whole);
}

#[test]
fn a_capture_cut_where_nothing_is_open_has_the_figures_of_its_halves() {
    let room = Room::new();
    room.dpp(&["generate", "1.pcap", "--duration-seconds", "200", "--qps", "0.2"]).well();
    let whole = room.read("1.pcap");
    let (mut at, mut cuts) = (24, Vec::new());
    let mut before_ms = None;
    while at < whole.len() {
        let field = |place: usize| u64::from(u32::from_le_bytes(whole[place..place + 4].try_into().unwrap()));
        let ms = field(at) * 1000 + field(at + 4) / 1000;
        if before_ms.is_some_and(|before_ms| ms > before_ms + 2500) {
            cuts.push(at);
        }
        before_ms = Some(ms);
        at += 16 + field(at + 8) as usize;
    }
    assert!(!cuts.is_empty(), "nowhere is nothing open");
    for cut in cuts.into_iter().take(4) {
        room.write("left.pcap", &whole[..cut]);
        room.write("right.pcap", [&whole[..24], &whole[cut..]].concat());
        for half in ["left", "right"] {
            let (capture, part) = (format!("{half}.pcap"), format!("{half}.tally"));
            room.dpp(&["stats", "map", &capture, "-o", &part, "-s"]).well();
        }
        let halves = room.dpp(&["stats", "report", "--json", "right.tally", "left.tally"]).well();
        let halves = serde_json::from_str::<Value>(&halves.stdout).expect("an object");
        assert_eq!(of_traffic(halves), of_traffic(figures(&room, &["1.pcap"])), "cut at {cut}");
    }
}

#[test]
fn parts_merge_to_the_same_bytes_in_any_order_and_grouping() {
    let room = with_parts();
    let merge = |parts: &[&str], output: &str| {
        room.dpp(&[&["stats", "merge", "-s", "-o", output], parts].concat()).well();
    };
    let all = ["1.tally", "2.tally", "3.tally", "4.tally"];
    merge(&all, "all.tally");
    merge(&all, "all.txt");
    let groupings: [&[&[usize]]; 6] = [
        &[&[3, 2, 1, 0]],
        &[&[0, 1], &[2, 3]],
        &[&[0], &[3], &[1, 2]],
        &[&[2, 0], &[1], &[3]],
        &[&[1, 3, 2], &[0]],
        &[&[0, 1, 2, 3]],
    ];
    for grouping in groupings {
        let mut groups = Vec::new();
        for (number, group) in grouping.iter().enumerate() {
            // Text or not: they hold the same.
            let name =
                if number % 2 == 0 { format!("group{number}.txt") } else { format!("group{number}.tally") };
            merge(&group.iter().map(|part| all[*part]).collect::<Vec<_>>(), &name);
            groups.insert(0, name);
        }
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        merge(&groups, "sum.tally");
        merge(&groups, "sum.txt");
        assert!(room.read("sum.tally") == room.read("all.tally"), "{grouping:?}");
        assert!(room.read("sum.txt") == room.read("all.txt"), "{grouping:?}");
    }
    // Who has no dpp at hand sorts lines.
    for part in &all {
        merge(&[part], &part.replace("tally", "txt"));
    }
    let sorted =
        room.shell("LC_ALL=C sort -m ?.txt > sorted.txt; \"$DPP\" stats merge - --form text < sorted.txt");
    assert!(sorted.well().stdout.as_bytes() == room.read("all.txt"), "sorted lines are a part");
}

/// A room with parts, and others that do not add up with these.
fn with_odd_parts() -> Room {
    let room = with_parts();
    fs::copy(room.path("1.tally"), room.path("copy.tally")).expect("a copy");
    let map = |arguments: &[&str]| room.dpp(&[&["stats", "map", "-s"], arguments].concat()).well();
    map(&["2.pcap", "--seq", "1", "-o", "number.tally"]);
    map(&["2.pcap", "--where", "qtype = A", "-o", "where.txt"]);
    map(&["2.pcap", "--exact", "-o", "exact.tally"]);
    room.dpp(&["rssac", "map", "1.pcap", "--server", "all", "-o", "rssac.tally", "-s"]).well();
    let text = String::from_utf8(room.read("where.txt")).unwrap();
    room.write("cut.txt", &text[..text.len() - 3]);
    room.write("newer.txt", text.replace("#dpp-part 2 ", "#dpp-part 3 "));
    room.write("unknown.txt", text.replace("+-/account/messages ", "+-/account/moods "));
    fs::create_dir(room.path("folder")).expect("a folder");
    room
}

/// Runs this, and holds what it says against the beginning of a sentence.
#[track_caller]
fn check_refused(room: &Room, arguments: &[&str], sentence: &str) {
    let before = room.inventory();
    let ended = room.dpp(arguments);
    assert!(ended.stderr.starts_with(&format!("Error: {sentence}")), "{arguments:?}: {}", ended.stderr);
    assert_eq!((ended.code, room.inventory()), (Some(1), before), "{arguments:?}");
}

#[test]
fn parts_that_do_not_add_up_are_refused() {
    let room = with_odd_parts();
    for (arguments, sentence) in [
        (
            &["stats", "merge", "1.tally", "copy.tally", "-o", "x"][..],
            "'copy.tally' does not add up: file number 1 is there twice, here and in '1.tally'",
        ),
        (
            &["stats", "report", "number.tally", "1.tally"],
            "'1.tally' does not add up: file number 1 is there twice, here and in 'number.tally'",
        ),
        (
            &["stats", "merge", "2.tally", "where.txt", "-o", "x"],
            "'2.tally' was counted with another parameter, which does not add up: where=qtype = A and where=none",
        ),
        (
            &["report", "1.tally", "exact.tally", "-o", "x"],
            "'1.tally' was counted with another parameter, which does not add up: keys=all and keys=65536",
        ),
        (
            &["stats", "merge", "1.tally", "rssac.tally", "-o", "x"],
            "'rssac.tally' counts something else: 'stats' and 'rssac'",
        ),
        (
            &["rssac", "merge", "1.tally", "rssac.tally", "-o", "x"],
            "'1.tally' counts something else: 'rssac' and 'stats'",
        ),
        (&["stats", "report", "rssac.tally"], "'rssac.tally' counts something else"),
        (&["stats", "report", "cut.txt"], "'cut.txt' was cut off"),
        (&["stats", "merge", "newer.txt", "-o", "x"], "'newer.txt' is of version 3 of the format"),
        (&["stats", "report", "unknown.txt"], "a part has an entry that nobody counts: '-/account/moods'"),
        (&["stats", "merge", "1.tally", "1.pcap", "-o", "x"], "'1.pcap' is no part file"),
        (&["report", "1.tally", "2.pcap", "-o", "x"], "'1.tally' is a part, and '2.pcap' is none"),
        (
            &["report", "1.tally", "-o", "1.tally"],
            "the output '1.tally' and the input '1.tally' are the same file",
        ),
        (&["report", "1.tally", "-o", "x", "--port", "5353"], "--port says how captures are counted"),
        (&["report", "1.tally", "-o", "x", "--match-timeout-ms", "100"], "--match-timeout-ms says how"),
        (&["report", "1.tally", "-o", "x", "--hide-names", "drop"], "--hide-names says how captures"),
        (
            &["stats", "map", "1.pcap", "-o", "x", "--hide-addresses", "truncate", "--where", "qname = a.b"],
            "--where: what this names must not be told beside what is hidden",
        ),
        (&["stats", "1.tally"], "'1.tally' is a part, and was counted"),
        (&["stats", "map", "1.pcap", "copy.pcap", "-o", "x"], "'copy.pcap' does not exist"),
        (&["stats", "map", "1.pcap", "-o", "folder"], "--output: 'folder' is a directory"),
        (
            &["stats", "map", "1.pcap", "-o", "1.pcap"],
            "the output '1.pcap' and the input '1.pcap' are the same",
        ),
        (&["stats", "map", "1.pcap", "--site", "", "-o", "x"], "--site: name the site"),
        (&["stats", "map", "-o", "x"], "dpp stats map: name captures"),
        (&["stats", "merge", "folder", "-o", "x"], "the directory 'folder' holds no files"),
        (
            &["stats", "report", "1.tally", "--site", "a b"],
            "--site: the parts have no site 'a b'; they have -",
        ),
        (
            &["stats", "mrege", "1.tally"],
            "dpp stats: there is no capture 'mrege', and no step that is called so; did you mean 'merge'?",
        ),
        (
            &["stats", "mpa", "1.tally"],
            "dpp stats: there is no capture 'mpa', and no step that is called so; did you mean 'map'?",
        ),
        (
            &["stats", "Report", "1.tally"],
            "dpp stats: there is no capture 'Report', and no step that is called so; did you mean 'report'?",
        ),
        (&["stats", "--json", "report", "1.tally"], "dpp stats: 'report' is a step, which stands first"),
    ] {
        check_refused(&room, arguments, sentence);
    }
}

#[test]
fn a_capture_that_cannot_be_counted_whole_makes_no_part() {
    let room = Room::with_capture();
    let capture = room.read("in.pcap");
    room.write("cut.pcap", &capture[..capture.len() - 5]);
    room.write("same.pcap", &capture);
    for (arguments, sentence) in [
        (&["cut.pcap", "--strict"][..], "without --strict this is a warning"),
        (&["in.pcap", "same.pcap"], "the same capture is there twice (fingerprint "),
        (&["in.pcap", "cut.pcap", "--seq", "name"], "--seq: 'cut.pcap' has no number"),
    ] {
        let ended = room.dpp(&[&["stats", "map", "-o", "x.tally"], arguments].concat());
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        assert!(ended.stderr.contains(sentence), "{arguments:?}: {}", ended.stderr);
        assert!(!room.path("x.tally").exists(), "{arguments:?}");
    }
    let ended = room.dpp(&["stats", "map", "cut.pcap", "-o", "x.tally"]).well();
    assert!(ended.stderr.contains("WARN: 'cut.pcap' is cut off in the middle"), "{}", ended.stderr);
    let told = room.dpp(&["stats", "report", "x.tally", "--json"]).well().report();
    assert_eq!(told["inputs"][0], serde_json::json!({ "name": "cut.pcap", "ending": "cut_off" }));
}

#[test]
fn what_is_left_out_and_what_is_missing_is_in_the_figures() {
    let room = with_parts();
    room.write("odd name.tally", "this is text");
    let merge = [
        "stats",
        "merge",
        "--keep-going",
        "1.tally",
        "3.tally",
        "4.tally",
        "odd name.tally",
        "-o",
        "all.tally",
    ];
    let merged = room.dpp(&merge);
    assert_eq!(merged.code, Some(1));
    assert!(
        merged.stderr.ends_with("Error: 1 of 4 parts was left out; all others were added up\n"),
        "{}",
        merged.stderr
    );
    room.dpp(&["generate", "6.pcap", "--transactions", "10", "--seed", "6"]).well();
    room.dpp(&["stats", "map", "6.pcap", "--seq", "name", "-o", "6.tally", "-s"]).well();
    let ended = room.dpp(&["stats", "report", "all.tally", "6.tally", "--json"]).well();
    assert!(ended.stderr.contains("WARN: files are missing between 1 and 6: 4 (2-5)\n"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("WARN: left out when parts were added up: odd name.tally\n"),
        "{}",
        ended.stderr
    );
    let told = ended.report();
    assert_eq!(told["left_out"], serde_json::json!(["odd name.tally"]));
    let missing = serde_json::json!([{ "site": "-", "first": 1, "last": 6, "count": 4, "ranges": [[2, 5]] }]);
    assert_eq!(told["missing"], missing);
}
