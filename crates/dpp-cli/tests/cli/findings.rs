//! `dpp stats --by` and `--table`: the same table whatever the machine, the format and the way through parts, and what is said of
//! mistakes.

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

/// Tables of several kinds.
const SEVERAL: [&str; 8] = [
    "--table",
    "slow-names",
    "--table",
    "traffic:second,client-prefix",
    "--table",
    "retries:server",
    "--table",
    "amplification:qtype,edns_do",
];

/// What the files with these tables are called.
const NAMES: [&str; 4] =
    ["slow-names", "traffic-by-second-client_prefix", "retries-by-server", "amplification-by-qtype-edns_do"];

/// The tables that were written to files called after them.
fn written(room: &Room, end: &str) -> Vec<Vec<u8>> {
    NAMES.iter().map(|name| room.read(&format!("{name}.{end}"))).collect()
}

/// A room with captures `1.pcap` to `3.pcap`, and a part with tables of each, of which the last is of a site.
fn with_parts() -> Room {
    let room = Room::new();
    for number in ["1", "2", "3"] {
        let (capture, part) = (format!("{number}.pcap"), format!("{number}.tally"));
        room.dpp(&["generate", &capture, "--transactions", "400", "--seed", number]).well();
        let site = if number == "3" { "ams" } else { "-" };
        let map = ["stats", "map", &capture, "--site", site, "-o", &part, "-s"];
        room.dpp(&[&map, &SEVERAL[..]].concat()).well();
    }
    room
}

#[test]
fn parts_have_the_tables_of_the_whole() {
    let room = with_parts();
    let merge = |parts: &[&str], output: &str| {
        room.dpp(&[&["stats", "merge", "-s", "-o", output], parts].concat()).well();
    };
    merge(&["2.tally", "1.tally"], "21.txt");
    merge(&["1.tally", "3.tally"], "13.tally");
    merge(&["3.tally", "21.txt"], "321.tally");
    merge(&["2.tally", "13.tally"], "213.tally");
    assert!(room.read("321.tally") == room.read("213.tally"), "in any grouping the same bytes");
    for (end, more) in [
        ("csv", &["--least", "queries=1"][..]),
        ("parquet", &[]),
        ("jsonl", &["--top", "3"]),
        ("tsv.gz", &[]),
    ] {
        let more = [&SEVERAL[..], more, &["-s"]].concat();
        let of = |inputs: &[&str]| {
            let output = format!("{{table}}.{end}");
            room.dpp(&[&["stats"], inputs, &more, &["-o", &output]].concat()).well();
            written(&room, end)
        };
        let whole = of(&["1.pcap", "2.pcap", "3.pcap"]);
        assert!(whole.iter().flatten().count() > 500, "{end}: there is something in it");
        for parts in [
            &["1.tally", "2.tally", "3.tally"][..],
            &["3.tally", "1.tally", "2.tally"],
            &["3.tally", "21.txt"],
            &["321.tally"],
        ] {
            assert!(of(&[&["report"], parts].concat()) == whole, "{end}: {parts:?}");
        }
        assert!(of(&["report", "321.tally", "--site", "ams"]) == of(&["3.pcap"]), "{end}: a site");
    }
}

#[test]
fn a_part_with_tables_has_the_other_figures_too() {
    let room = with_parts();
    let of = |arguments: &[&str]| room.dpp(&[&["stats"], arguments].concat()).well().stdout;
    assert_eq!(of(&["report", "2.tally", "--json"]), of(&["2.pcap", "--json"]));
    assert_eq!(of(&["report", "1.tally"]), of(&["1.pcap"]));
    room.dpp(&["report", "1.tally", "-o", "part.html"]).well();
    room.dpp(&["report", "1.pcap", "-o", "capture.html"]).well();
    assert!(room.read("part.html") == room.read("capture.html"), "the page is the same");
}

#[test]
fn tables_of_one_run_are_those_of_a_run_each() {
    let room = Room::with_capture();
    room.dpp(&[&["stats", "in.pcap", "-o", "{table}.csv"], &SEVERAL[..]].concat()).well();
    for (table, told) in SEVERAL.chunks(2).zip(written(&room, "csv")) {
        let alone = room.dpp(&[&["stats", "in.pcap"], table].concat()).well().stdout;
        assert!(alone.as_bytes() == told, "{table:?}");
    }
    room.dpp(&["stats", "in.pcap", "--by", "type", "--by", "rcode,transport", "-o", "{table}.csv"]).well();
    let by = |keys: &str| room.dpp(&["stats", "in.pcap", "--by", keys]).well().stdout.into_bytes();
    assert!(room.read("traffic-by-type.csv") == by("type"));
    assert!(room.read("traffic-by-rcode-transport.csv") == by("rcode,transport"));
}

/// A frame with a query from 192.0.2.1 for a name in wire form.
fn query(name: &[u8], (server, port): ([u8; 4], u16)) -> Vec<u8> {
    let dns = [b"\0\x01\x01\0\0\x01\0\0\0\0\0\0", name, b"\0\x01\0\x01"].concat();
    let length = |header: usize| ((header + dns.len()) as u16).to_be_bytes();
    let udp = [b"\x10\x00", &port.to_be_bytes()[..], &length(8), b"\0\0"].concat();
    let ip = [b"\x45\0", &length(28)[..], b"\0\0\0\0\x40\x11\0\0\xc0\0\x02\x01", &server].concat();
    [&[2; 12][..], b"\x08\0", &ip, &udp, &dns].concat()
}

#[test]
fn groups_by_several_of_the_longest_names_go_through_parts() {
    let room = Room::new();
    let labels = [63, 63, 63, 61].map(|length| [&[length][..], &vec![b'x'; length.into()]].concat());
    let name = [&labels.concat()[..], b"\0"].concat();
    assert_eq!(name.len(), 255, "there are none that are longer");
    room.write("long.pcap", pcap(&[&query(&name, ([192, 0, 2, 53], 53))]));
    let by = ["--by", "name,qname,domain,qname_lower,type,server,client"];
    let whole = room.dpp(&[&["stats", "long.pcap"], &by[..]].concat()).well().stdout;
    assert!(whole.lines().count() == 2 && whole.len() > 1000, "{whole}");
    for part in ["long.tally", "long.txt"] {
        let map = ["stats", "map", "long.pcap", "-o", part, "--site", &"s".repeat(128)];
        room.dpp(&[&map, &by[..]].concat()).well();
        assert_eq!(room.dpp(&[&["stats", "report", part], &by[..]].concat()).well().stdout, whole);
    }
}

#[test]
fn a_server_that_may_be_anybody_has_no_address() {
    let room = Room::new();
    let frames = [([224, 0, 0, 252], 5355), ([192, 0, 2, 53], 53)].map(|server| query(b"\x01a\0", server));
    room.write("llmnr.pcap", pcap(&[&frames[0], &frames[1]]));
    for hide in [&[][..], &["--hide-addresses", "hmac"]] {
        room.write("key.txt", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
        let of = |by: &str| {
            let stats = ["stats", "llmnr.pcap", "--port", "53,5355", "--by", by, "--hide-key", "key.txt"];
            let stats = if hide.is_empty() { &stats[..6] } else { &stats };
            let told = room.dpp(&[stats, hide].concat()).well().stdout;
            told.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for by in ["server", "server-prefix"] {
            let servers = of(by);
            assert!(servers.len() == 2 && servers[0].is_empty() && !servers[1].is_empty(), "{servers:?}");
            assert_eq!(of(&format!("{by},edns_do")), servers, "with all that is known of messages");
        }
    }
}

#[test]
fn parts_of_other_tables_do_not_add_up() {
    let room = with_parts();
    room.dpp(&["stats", "map", "1.pcap", "-o", "none.tally", "-s"]).well();
    room.dpp(&["stats", "map", "2.pcap", "--table", "retries", "-o", "retries.txt", "-s"]).well();
    let text = String::from_utf8(room.read("retries.txt")).unwrap();
    room.write("newer.txt", text.replace("=retries:client", "=fast-names:name"));
    room.write("odd.txt", text.replace("/table/0/level ", "/table/1/level "));
    let before = room.inventory();
    for (arguments, words) in [
        (
            &["merge", "1.tally", "none.tally", "-o", "x"][..],
            "do not add up: tables=amplification:qtype,edns_do retries:server slow-names:name traffic:second,client_prefix, there tables=none",
        ),
        (
            &["report", "3.tally", "retries.txt"],
            "tables=retries:client, there tables=amplification:qtype,edns_do retries:server slow-names:name traffic:second,client_prefix",
        ),
        (
            &["report", "none.tally", "--by", "server"],
            "no tables in these parts; name them to dpp stats map, too: --table traffic:server",
        ),
        (
            &["report", "1.tally", "--table", "retries"],
            "no table retries:client in these parts; there are amplification:qtype,edns_do, retries:server, slow-names:name, ",
        ),
        (&["merge", "newer.txt", "-o", "x"], "'fast-names:name'"),
        (&["report", "newer.txt", "--table", "retries"], "'fast-names:name'"),
        (&["report", "odd.txt", "--table", "retries"], "nobody counts: '>-/table/1/level'"),
        (&["merge", "odd.txt", "-o", "x"], "nobody counts: '>-/table/1/level'"),
        (&["report", "1.tally", "--table", "slow-names", "--json"], "cannot be used with"),
        (
            &["report", "1.tally", "--table", "slow-names", "-o", "1.tally.csv", "--site", "lon"],
            "have no site 'lon'",
        ),
        (&["report", "1.tally", "-o", "x.csv"], "--output is about a table"),
        (
            &["map", "1.pcap", "--table", "slow-names", "--least", "queries=3", "-o", "x"],
            "unexpected argument '--least'",
        ),
    ] {
        let ended = room.dpp(&[&["stats"], arguments].concat());
        assert!(ended.code != Some(0) && ended.stderr.contains(words), "{arguments:?}: {}", ended.stderr);
        assert_eq!(room.inventory(), before, "{arguments:?}");
    }
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
        (&["--by", "country"], "'country' needs a database; name one with --geoip"),
        (&["--by", "minute,site"], "'site' needs a table of servers; name one with --servers"),
        (&["--by", "minute", "--geoip", "in.pcap"], "--geoip is for tables by what is looked up there"),
        (&["--servers", "in.pcap"], "--servers is for tables by what is looked up there"),
        (&["--table", "slow-name"], "did you mean 'slow-names'?"),
        (&["--table", "traffic"], "needs --by"),
        (&["--by", "type", "--least", "querys=3"], "did you mean 'queries'?"),
        (&["--by", "type", "--least", "queries"], "not COLUMN=NUMBER"),
        (&["--by", "type", "--least", "queries=many"], "'many' is not a number"),
        (&["--by", "type", "-o", "x.arrow"], "says no format"),
        (&["--by", "type", "-o", "x.parquet.gz"], "compressed inside"),
        (&["--by", "type", "-o", "in.pcap"], "says no format"),
        (&["--by", "type", "--by", "rcode", "-o", "x.csv"], "name it with {table} in it"),
        (&["--table", "retries:typ"], "--table: there is no 'typ'; did you mean 'type'?"),
        (&["--table", "retries", "--table", "slow-names", "--by", "type"], "--table retries:server"),
        (&["--table", "retries:server", "--by", "type"], "--table retries:server"),
        (&["--table", "retries", "--table", "retries:client"], "retries:client is wanted twice"),
        (&["--table", "retries:"], "there is no ''"),
        (&["--by", "name,type,rcode,server,client,minute,hour,day"], "at most 7 keys"),
        (&["-o", "x.csv"], "--output is about a table"),
        (&["--least", "queries=3"], "--least is about a table"),
    ] {
        let ended = room.dpp(&[&["stats", "in.pcap"], arguments].concat());
        assert_eq!(ended.code, Some(1), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{arguments:?}: {}", ended.stderr);
        assert_eq!(room.inventory(), before, "{arguments:?}");
    }
    let keys = ["second", "minute", "hour", "day", "server", "client", "name", "domain", "tld"];
    let many = keys.iter().flat_map(|one| ["type", "rcode"].map(|other| format!("--by={one},{other}")));
    let many: Vec<String> = many.collect();
    let stats = ["stats", "in.pcap", "-o", "{table}.csv"];
    let ended = room.dpp(&[&stats[..], &many.iter().map(String::as_str).collect::<Vec<_>>()].concat());
    assert!(ended.stderr.contains("18 tables are too many for one run; it may have 16"), "{}", ended.stderr);
    assert_eq!(room.inventory(), before);
}
