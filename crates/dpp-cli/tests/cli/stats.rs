//! `dpp stats` and `dpp report`: the same figures whatever the machine and the order, and what is said of captures that are not whole.
//! Parts: what was counted apart and added up is what would have been counted at once.

use crate::room::Room;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;

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
            "'where.txt' was counted with other parameters than '2.tally', so they do not add up: where=qtype = A, there where=none",
        ),
        (
            &["report", "1.tally", "exact.tally", "-o", "x"],
            "'exact.tally' was counted with other parameters than '1.tally', so they do not add up: keys=all, there keys=65536",
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
        (
            &["stats", "report", "unknown.txt"],
            "'unknown.txt' has an entry that nobody counts: '+-/account/moods'",
        ),
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
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&capture).unwrap();
    let packed = packed.finish().unwrap();
    room.write("also.gz", &packed);
    room.write("same.gz", packed);
    for (arguments, sentence) in [
        (&["cut.pcap", "--strict"][..], "without --strict this is a warning"),
        (
            &["in.pcap", "same.pcap"],
            "Error: 'in.pcap' and 'same.pcap' are the same capture, which must not count twice; name one",
        ),
        (&["in.pcap", "same.gz"], "Error: 'in.pcap' and 'same.gz' are the same capture (fingerprint "),
        (&["also.gz", "same.gz"], "Error: 'also.gz' and 'same.gz' are the same capture, which must not"),
        (&["in.pcap", "cut.pcap", "--seq", "name"], "--seq: 'cut.pcap' has no number"),
    ] {
        let ended = room.dpp(&[&["stats", "map", "-o", "x.tally"], arguments].concat());
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        assert!(ended.stderr.contains(sentence), "{arguments:?}: {}", ended.stderr);
        assert!(!room.path("x.tally").exists(), "{arguments:?}");
    }
    let twice = room.dpp(&["stats", "in.pcap", "same.gz"]).well().stderr;
    assert!(
        twice.ends_with("WARN: 'in.pcap' and 'same.gz' are the same capture, and count twice\n"),
        "{twice}"
    );
    // Captures without a packet are alike, and may be many.
    room.write("1.pcap", &capture[..24]);
    room.write("2.pcap", &capture[..24]);
    room.dpp(&["stats", "map", "1.pcap", "in.pcap", "2.pcap", "-o", "empty.tally", "-s"]).well();
    let ended = room.dpp(&["stats", "map", "cut.pcap", "-o", "x.tally"]).well();
    assert!(ended.stderr.contains("WARN: 'cut.pcap' is cut off in the middle"), "{}", ended.stderr);
    let told = room.dpp(&["stats", "report", "x.tally", "--json"]).well().report();
    assert_eq!(told["inputs"][0], json!({ "name": "cut.pcap", "ending": "cut_off" }));
    for merged in [false, true] {
        if merged {
            room.dpp(&["stats", "merge", "x.tally", "-o", "y.tally"]).well();
        }
        let part = if merged { "y.tally" } else { "x.tally" };
        let told = room.dpp(&["stats", "report", part]).well().stderr;
        let ended = "WARN: 'cut.pcap' was cut off in the middle of a record; it was counted up to there\n";
        assert_eq!(told, ended);
        assert_eq!(room.dpp(&["stats", "report", part, "-s"]).well().stderr, "");
    }
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
    assert!(ended.stderr.contains("WARN: left out: odd name.tally (it is no part)\n"), "{}", ended.stderr);
    let told = ended.report();
    let left_out = json!([{ "name": "odd name.tally", "reason": "foreign", "words": "it is no part" }]);
    assert_eq!(told["left_out"], left_out);
    let missing = json!([{ "site": "-", "first": 1, "last": 6, "count": 4, "ranges": [[2, 5]] }]);
    assert_eq!(told["missing"], missing);
}

/// A room with two sound parts, and three that are seen to be at fault only when they are added up.
fn with_faults() -> Room {
    let room = with_parts();
    let text = |number: &str| {
        let part = format!("{number}.tally");
        room.dpp(&["stats", "merge", &part, "--form", "text", "-s"]).well().stdout
    };
    let three = text("3");
    room.write("unknown.txt", text("4").replace("+a%20b/account/messages ", "+a%20b/account/moods "));
    room.write("unsorted.txt", {
        let mut lines: Vec<&str> = three.lines().collect();
        let places = lines.iter().enumerate().filter(|(_, line)| line.starts_with("+a%20b/"));
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        lines.swap(places[40], places[41]);
        lines.join("\n") + "\n"
    });
    room.write("large.txt", {
        let messages = three.lines().find(|line| line.starts_with("+a%20b/account/messages ")).unwrap();
        three.replace(messages, &format!("+a%20b/account/messages {}", u64::MAX))
    });
    room
}

#[test]
fn a_part_that_is_at_fault_in_the_middle_is_named_or_left_out() {
    let room = with_faults();
    for (odd, sentence, reason) in [
        ("unknown.txt", "has an entry that nobody counts: '+a%20b/account/moods'", "unknown"),
        ("unsorted.txt", "is not sorted: '", "unsorted"),
    ] {
        check_refused(
            &room,
            &["stats", "merge", "1.tally", odd, "2.tally", "-o", "x"],
            &format!("'{odd}' {sentence}"),
        );
        check_refused(&room, &["stats", "report", odd, "2.tally"], &format!("'{odd}' {sentence}"));
        check_refused(&room, &["report", "1.tally", odd, "-o", "x"], &format!("'{odd}' {sentence}"));
        for order in [["1.tally", odd, "2.tally"], ["2.tally", "1.tally", odd]] {
            let merge = ["stats", "merge", "--keep-going", "-o", "x.txt"];
            let ended = room.dpp(&[&merge[..], &order].concat());
            assert!(ended.stderr.contains(&format!("Error: '{odd}' {sentence}")), "{}", ended.stderr);
            let last = "2 parts added up\nError: 1 of 3 parts was left out; all others were added up\n";
            assert_eq!((ended.code, ended.stderr.ends_with(last)), (Some(1), true), "{}", ended.stderr);
            let left_out = format!("+!left-out/{odd}/{reason} 1\n");
            let merged = String::from_utf8(room.read("x.txt")).unwrap();
            let sound = room.dpp(&["stats", "merge", "1.tally", "2.tally", "--form", "text"]).well().stdout;
            assert!(merged.contains(&left_out) && merged.replace(&left_out, "") == sound, "{order:?}");
        }
        let shown = room.dpp(&["stats", "report", "--keep-going", "1.tally", odd, "2.tally", "--json"]);
        assert_eq!(shown.code, Some(1));
        let last = "Error: 1 part was left out; the figures are those of all others\n";
        assert!(shown.stderr.ends_with(last), "{}", shown.stderr);
        assert_eq!(shown.report()["left_out"][0]["reason"], reason);
        assert_eq!(shown.report()["inputs"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn all_parts_at_fault_are_left_out_and_the_twin_of_one_comes_back() {
    let room = with_faults();
    // Both have the number 4, and one of them is at fault.
    let all = [
        "stats",
        "merge",
        "--keep-going",
        "-o",
        "x.txt",
        "unknown.txt",
        "4.tally",
        "large.txt",
        "2.tally",
        "1.tally",
    ];
    let ended = room.dpp(&all);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("Error: 'large.txt' comes to more than can be counted: '+a%20b/account/"),
        "{}",
        ended.stderr
    );
    assert!(
        ended
            .stderr
            .ends_with("3 parts added up\nError: 2 of 5 parts were left out; all others were added up\n"),
        "{}",
        ended.stderr
    );
    let merged = String::from_utf8(room.read("x.txt")).unwrap();
    let sound =
        room.dpp(&["stats", "merge", "1.tally", "2.tally", "4.tally", "--form", "text"]).well().stdout;
    let lines = merged.lines().filter(|line| !line.starts_with("+!left-out/"));
    assert!(lines.eq(sound.lines()), "the sum of the others");
    assert_eq!(merged.lines().filter(|line| line.starts_with("+!left-out/")).count(), 2);
    check_refused(
        &room,
        &["stats", "merge", "4.tally", "large.txt", "-o", "x"],
        "'large.txt' comes to more than can",
    );
}

#[test]
fn what_can_be_read_only_once_is_not_read_twice() {
    let room = with_faults();
    let merge = |input: &str, parts: &str| {
        room.shell(&format!(
            "cat {input} | timeout 60 \"$DPP\" stats merge --keep-going - {parts} -o x.tally"
        ))
    };
    let ended = merge("1.tally", "unknown.txt");
    let told = "; it cannot be left out, as standard input can be read only once: name files\n";
    assert!(
        ended.stderr.starts_with("Error: 'unknown.txt' has an entry that nobody counts"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.ends_with(told), "{}", ended.stderr);
    assert!(!room.path("x.tally").exists());
    let ended = merge("unknown.txt", "1.tally");
    assert!(
        ended
            .stderr
            .starts_with("Error: standard input has an entry that nobody counts: '+a%20b/account/moods'"),
        "{}",
        ended.stderr
    );
    let told = room.dpp(&["stats", "report", "x.tally", "--json"]).well().report();
    assert_eq!(told["left_out"][0]["name"], "standard input");
}

#[test]
fn figures_of_a_site_come_with_the_warnings_of_that_site() {
    let room = with_parts();
    let capture = room.read("1.pcap");
    room.write("cut.pcap", &capture[..capture.len() - 5]);
    room.write("text.pcap", "this is text");
    let map = ["stats", "map", "--keep-going", "cut.pcap", "text.pcap", "--site", "lon", "-o", "5.tally"];
    assert_eq!(room.dpp(&map).code, Some(1));
    let map = ["stats", "map", "1.pcap", "--seq", "7", "--site=-x", "-o", "6.tally", "-s"];
    room.dpp(&map).well();
    room.dpp(&["generate", "7.pcap", "--transactions", "10", "--seed", "7"]).well();
    room.dpp(&["stats", "map", "7.pcap", "--seq", "9", "--site", "a b", "-o", "7.tally", "-s"]).well();
    let merge = [
        "stats",
        "merge",
        "-s",
        "-o",
        "all.tally",
        "2.tally",
        "3.tally",
        "4.tally",
        "5.tally",
        "6.tally",
        "7.tally",
    ];
    room.dpp(&merge).well();
    for (site, warnings, inputs) in [
        ("a b", &["WARN: files of site a b are missing between 3 and 9: 4 (5-8)\n"][..], 3),
        (
            "lon",
            &[
                "WARN: 'cut.pcap' of site lon was cut off in the middle of a record; it was counted up to there\n",
                "WARN: left out: text.pcap (it cannot be read)\n",
            ],
            1,
        ),
        ("-", &[], 1),
        ("-,-x", &[], 2),
        ("-x", &[], 1),
    ] {
        let of_site = ["all.tally", "--site", site];
        let told = room.dpp(&[&["stats", "report", "--json"], &of_site[..]].concat()).well();
        assert_eq!(told.stderr, warnings.concat(), "{site}");
        assert_eq!(told.report()["inputs"].as_array().unwrap().len(), inputs, "{site}");
        let page = room.dpp(&[&["report", "-o", "page.html"], &of_site[..]].concat()).well();
        assert_eq!(page.stderr, warnings.concat(), "{site}");
        let page = fs::read_to_string(room.path("page.html")).unwrap();
        assert!(page.contains(told.stdout.trim_end()), "{site}: the page has the figures of the site");
    }
    let ended = room.dpp(&["stats", "report", "all.tally", "--site", "--json"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("the name of a site is missing"), "{}", ended.stderr);
    check_refused(&room, &["report", "1.pcap", "--site", "lon"], "--site chooses among the sites of parts");
}

#[test]
fn captures_that_are_left_out_have_numbers_that_nobody_knows() {
    let room = Room::new();
    for seed in ["1", "3"] {
        room.dpp(&["generate", &format!("{seed}.pcap"), "--transactions", "50", "--seed", seed]).well();
    }
    room.write("2.pcap", "no capture");
    for (kind, more) in [("stats", &[][..]), ("rssac", &["--server", "all"])] {
        let map = |seq: &str| {
            let captures = ["1.pcap", "2.pcap", "3.pcap", "--keep-going", "--form", "text", "--seq", seq];
            room.dpp(&[&[kind, "map"], &captures[..], more].concat())
        };
        let ended = map("1");
        assert!(ended.code == Some(1) && ended.stdout.is_empty(), "{}", ended.stdout);
        assert!(
            ended.stderr.contains("--seq: captures that are left out would have had numbers"),
            "{}",
            ended.stderr
        );
        let numbered = map("name").stdout;
        let numbers: Vec<&str> = numbered.lines().filter(|line| line.starts_with("+!seq/")).collect();
        assert_eq!(numbers, ["+!seq/-/000000000001 1", "+!seq/-/000000000003 1"], "{kind}");
    }
}

#[test]
fn what_lies_beside_captures_is_passed_over() {
    let room = Room::new();
    for seed in ["1", "2"] {
        room.dpp(&["generate", &format!("{seed}.pcap"), "--transactions", "50", "--seed", seed]).well();
    }
    let passed_for = |noun: &str, ended: &str, count: &str, first: &str| {
        let told = format!("Passed over: {count} of directories, as they are no {noun} ('{first}')\n");
        assert!(ended.contains(&told), "{ended}");
    };
    let passed = |ended: &str, count: &str, first: &str| passed_for("captures", ended, count, first);
    // The page of the first run, and what else is made of captures.
    assert_eq!(room.dpp(&["report", "."]).well().stderr, "");
    let page = room.read("report.html");
    passed(&room.dpp(&["report", "."]).well().stderr, "1 file", "./report.html");
    assert!(room.read("report.html") == page, "the same page");
    room.dpp(&["extract", "1.pcap", "-o", "t.csv.gz", "-s", "--stats", "t.tally"]).well();
    room.dpp(&["extract", "1.pcap", "-o", "t.parquet", "-s", "--stats", "t.json"]).well();
    room.write("notes", "text");
    passed(&room.dpp(&["report", "."]).well().stderr, "6 files", "./notes");
    assert!(room.read("report.html") == page, "the same page");
    let whole = room.dpp(&["stats", "1.pcap", "2.pcap", "--json"]).well().stdout;
    let told = room.dpp(&["stats", ".", "--json"]).well();
    passed(&told.stderr, "6 files", "./notes");
    assert_eq!(told.stdout, whole);
    assert_eq!(room.dpp(&["stats", ".", "--json", "-s"]).well().stderr, "");
    passed(&room.dpp(&["explain", "."]).well().stderr, "6 files", "./notes");
    passed(&room.dpp(&["extract", ".", "-o", "all.csv"]).well().stderr, "6 files", "./notes");
    let quiet = room.dpp(&["extract", ".", "-o", "all.csv", "--report-format", "json"]).well();
    assert_eq!((quiet.stderr.as_str(), quiet.report()["inputs"].as_array().unwrap().len()), ("", 2));
    assert_eq!(quiet.report()["inputs_passed_over"], 7);
    // What is just being written is no input, though it is empty.
    for name in ["new.json", "new.json", "new.tally"] {
        let verb = if name.ends_with("json") { "stats . --json" } else { "stats map ." };
        assert_eq!(room.shell(&format!("\"$DPP\" {verb} -s > {name}")).well().stderr, "");
    }
    assert_eq!(String::from_utf8(room.read("new.json")).unwrap(), whole);
    room.shell("rm new.json new.tally").well();
    // What is named is taken for what it is said to be, and so is what may have been a capture.
    let ended = room.dpp(&["stats", "1.pcap", "notes"]);
    assert!(ended.stderr.starts_with("Error: 'notes' is no capture: it looks like text"), "{}", ended.stderr);
    for (name, bytes) in
        [("x.pcap", &b"text"[..]), ("lost", &[0; 600]), ("odd", b"\x01\x02\x03\x04"), ("empty", b"")]
    {
        room.write(name, bytes);
        let ended = room.dpp(&["stats", "."]);
        assert!(ended.stderr.contains(&format!("Error: './{name}' is no capture")), "{}", ended.stderr);
        fs::remove_file(room.path(name)).unwrap();
    }
    // Parts are taken where there is no capture, and by those that take parts.
    room.shell("mkdir parts; cp t.tally parts/1.tally; cp report.html t.json parts").well();
    passed_for("parts", &room.dpp(&["stats", "report", "."]).well().stderr, "8 files", "./1.pcap");
    room.dpp(&["stats", "map", "2.pcap", "-o", "parts/2.tally", "-s"]).well();
    let told = room.dpp(&["stats", "report", "parts", "--json"]).well();
    assert_eq!(told.stdout, whole);
    passed_for("parts", &told.stderr, "2 files", "parts/report.html");
    passed(&room.dpp(&["report", "parts", "-o", "x.html"]).well().stderr, "2 files", "parts/report.html");
    assert!(String::from_utf8(room.read("x.html")).unwrap().contains(whole.trim_end()), "the page of parts");
    let sentence = "the directory 'parts' holds no capture, but other files, such as 'parts/";
    check_refused(&room, &["stats", "parts"], sentence);
    room.shell("gzip -c t.tally > parts/t.tally.gz").well();
    check_refused(
        &room,
        &["stats", "report", "parts", "-s"],
        "'parts/t.tally.gz' is compressed; unpack it first",
    );
}

#[test]
fn a_part_on_standard_input_is_known_as_one() {
    let room = with_parts();
    room.dpp(&["stats", "merge", "2.tally", "-o", "2.txt"]).well();
    room.dpp(&["report", "2.tally", "-o", "expected.html"]).well();
    for script in [
        "cat 2.tally | \"$DPP\" report - -o page.html",
        "\"$DPP\" report - -o page.html < 2.tally",
        "\"$DPP\" report - -o page.html < 2.txt",
        "sort 2.txt | (sleep 0.2; cat) | \"$DPP\" report - -o page.html",
    ] {
        room.shell(&format!("export LC_ALL=C; {script}")).well();
        assert!(room.read("page.html") == room.read("expected.html"), "{script}");
    }
    room.dpp(&["report", "2.tally", "3.tally", "-o", "expected.html"]).well();
    room.shell("cat 3.tally | \"$DPP\" report 2.tally - -o page.html").well();
    assert!(room.read("page.html") == room.read("expected.html"), "with a file");
    // A capture is one still, whole.
    room.shell("cat 2.pcap | \"$DPP\" report - --title x -o page.html").well();
    let figures = room.shell("cat 2.pcap | \"$DPP\" stats - --json").well().stdout;
    assert!(String::from_utf8(room.read("page.html")).unwrap().contains(figures.trim_end()), "of a capture");
    let ended = room.shell("cat 2.tally | \"$DPP\" report 2.pcap - -o page.html");
    assert!(
        ended.stderr.starts_with("Error: standard input is a part, and '2.pcap' is none"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_part_where_a_capture_is_wanted_is_told_what_takes_it() {
    let room = with_odd_parts();
    for (arguments, sentence) in [
        (
            &["top", "1.tally"][..],
            "'1.tally' is a part, and was counted; dpp stats report shows what is in parts",
        ),
        (
            &["top", "1.pcap", "rssac.tally"],
            "'rssac.tally' is a part, and was counted; dpp rssac report shows",
        ),
        (&["stats", "1.pcap", "1.tally"], "'1.tally' is a part, and was counted; dpp stats report shows"),
        (
            &["1.tally", "x.csv"],
            "'1.tally' is no capture: it looks like a part of dpp stats or dpp rssac; it was counted",
        ),
        (
            &["explain", "where.txt"],
            "'where.txt' is no capture: it looks like a part of dpp stats or dpp rssac;",
        ),
    ] {
        check_refused(&room, arguments, sentence);
    }
}
