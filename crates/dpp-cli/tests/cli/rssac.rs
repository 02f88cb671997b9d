//! `dpp rssac`: counting, adding up, and the files that are published.

use crate::frames::{message, tcp, udp};
use crate::room::Room;
use dpp::tallies::{Hash, Registers};
use std::fs;

const CLIENT: &str = "192.0.2.1:40000";
const SERVER: &str = "192.0.2.53:53";
const PRIMARY: &str = "198.51.100.1:53";

/// A classic pcap with these Ethernet frames, each at so many microseconds since 1970.
fn pcap(frames: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0".to_vec();
    for (at_us, frame) in frames {
        let length = frame.len() as u32;
        for field in [(at_us / 1_000_000) as u32, (at_us % 1_000_000) as u32, length, length] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.extend_from_slice(frame);
    }
    bytes
}

/// The record headers of a pcap: where each starts.
fn records(pcap: &[u8]) -> Vec<usize> {
    let (mut at, mut records) = (24, Vec::new());
    while at < pcap.len() {
        records.push(at);
        let length = u32::from_le_bytes(pcap[at + 8..at + 12].try_into().unwrap());
        at += 16 + length as usize;
    }
    records
}

/// Midnight before 2023-11-14.
const MIDNIGHT_US: u64 = 1_699_920_000_000_000;

/// Some messages to and from the server, and others, around a midnight.
fn traffic() -> Vec<(u64, Vec<u8>)> {
    let query = |id| message(id, 0x0100, "www.example");
    let response = |id, rcode: u16| message(id, 0x8180 | rcode, "www.example");
    let prefixed = |message: Vec<u8>| [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    let over_tcp = tcp(CLIENT, SERVER, 1, &prefixed(query(3)));
    vec![
        (MIDNIGHT_US - 2, udp(CLIENT, SERVER, &query(1))),
        (MIDNIGHT_US - 1, udp(SERVER, CLIENT, &response(1, 3))),
        (MIDNIGHT_US, udp("192.0.2.2:5353", SERVER, &query(2))),
        (MIDNIGHT_US + 1, udp(SERVER, "192.0.2.2:5353", &response(2, 0))),
        (MIDNIGHT_US + 2, over_tcp.clone()),
        // The same segment again.
        (MIDNIGHT_US + 3, over_tcp),
        // What the server asks its primary, and what that answers.
        (MIDNIGHT_US + 4, udp("192.0.2.53:40053", PRIMARY, &query(4))),
        (MIDNIGHT_US + 5, udp(PRIMARY, "192.0.2.53:40053", &response(4, 0))),
        // The primary notifies it; that is a query that it receives. Its answer is a response that it sends.
        (MIDNIGHT_US + 6, udp("198.51.100.1:5300", SERVER, &message(5, 0x2400, "example"))),
        (MIDNIGHT_US + 7, udp(SERVER, "198.51.100.1:5300", &message(5, 0xA400, "example"))),
        // A header and nothing behind it that could be read.
        (MIDNIGHT_US + 8, udp("192.0.2.3:1024", SERVER, b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x40")),
    ]
}

const ENTRIES: &str = "\
+!day/20231113 2
+!day/20231114 6
+-/20231113/q/udp/4 1
+-/20231113/r/udp/4 1
+-/20231113/rcode/3 1
+-/20231113/size/q/udp/16 1
+-/20231113/size/r/udp/16 1
+-/20231114/q/tcp/4 1
+-/20231114/q/udp/4 3
+-/20231114/r/udp/4 2
+-/20231114/rcode/0 2
+-/20231114/size/q/tcp/16 1
+-/20231114/size/q/udp/0 1
+-/20231114/size/q/udp/16 2
+-/20231114/size/r/udp/16 2
+-/others 2
.-/20231113/4/c0000201 1
.-/20231114/4/c0000201 1
.-/20231114/4/c0000202 1
.-/20231114/4/c0000203 1
.-/20231114/4/c6336401 1
>~end 1
";

/// The entries of a text part, without those that say which captures they are from.
fn entries(room: &Room, name: &str) -> String {
    let lines = room.lines(name).into_iter();
    let is_entry = |line: &String| !line.starts_with('#') && !line.starts_with("+!content/");
    lines.filter(is_entry).map(|line| line + "\n").collect()
}

#[test]
fn messages_count_by_day_and_only_those_of_the_server() {
    let room = Room::new();
    room.write("in.pcap", pcap(&traffic()));
    let map = ["rssac", "map", "in.pcap", "--server", "192.0.2.53", "-o", "part.txt"];
    let told = room.dpp(&map).well().stderr;
    assert_eq!(entries(&room, "part.txt"), ENTRIES);
    let header = ["#dpp-part 2 rssac", "#parameter ports=53", "#parameter servers=192.0.2.53"];
    assert_eq!(room.lines("part.txt")[..3], header);
    assert!(told.contains("Packets: 11, 10 with DNS messages, 1 skipped\n"), "{told}");
    assert!(told.contains("Messages: 10, 8 of the server, 2 of others\n"), "{told}");
    assert!(told.contains("2023-11-14: 6 messages; sources: 4 IPv4, 0 IPv6 in 0 /64\n"), "{told}");
}

#[test]
fn captures_of_both_directions_count_copies_once_if_that_is_wanted() {
    let room = Room::new();
    let twice: Vec<_> = traffic().into_iter().flat_map(|packet| [packet.clone(), packet]).collect();
    room.write("in.pcap", pcap(&twice));
    let map =
        ["rssac", "map", "in.pcap", "--server", "192.0.2.53", "-o", "part.txt", "--dedup-packets", "1ms"];
    room.dpp(&map).well();
    let counted = entries(&room, "part.txt");
    // Others are not looked at so closely.
    assert_eq!(counted.replace("+-/others 4", "+-/others 2"), ENTRIES);
    assert!(room.lines("part.txt").contains(&"#parameter dedup_ns=1000000".to_owned()));
}

#[test]
fn halves_add_up_to_the_whole_wherever_it_is_cut() {
    let room = Room::new();
    room.dpp(&["generate", "in.pcap", "--transactions", "400"]).well();
    let whole = room.read("in.pcap");
    let map = |input: &str, output: &str| {
        room.dpp(&["rssac", "map", input, "--server", "all", "-o", output]).well();
    };
    map("in.pcap", "whole.txt");
    let records = records(&whole);
    for cut in [records[0], records[1], records[records.len() / 3], records[records.len() - 1]] {
        room.write("left.pcap", &whole[..cut]);
        room.write("right.pcap", [&whole[..24], &whole[cut..]].concat());
        map("left.pcap", "left.tally");
        map("right.pcap", "right.txt");
        room.dpp(&["rssac", "merge", "right.txt", "left.tally", "-o", "merged.txt"]).well();
        assert_eq!(entries(&room, "merged.txt"), entries(&room, "whole.txt"), "cut at {cut}");
    }
}

#[test]
fn neither_workers_nor_files_matter() {
    let room = Room::new();
    room.write("tcp.toml", "tcp_share = 0.3\nfragment_share = 0.1\ntcp_reorder_share = 0.1\n");
    room.dpp(&["generate", "in.pcap", "--transactions", "1000", "--profile", "tcp.toml"]).well();
    let map = |more: &[&str]| {
        let arguments = ["rssac", "map", "--server", "all", "--form", "text", "--labels", "-s"];
        room.dpp(&[&arguments, more].concat()).well().stdout
    };
    let one = map(&["in.pcap", "-t", "1"]);
    assert!(one.contains("/q/tcp/4 ") && one.contains("/labels/"), "{one}");
    assert_eq!(map(&["in.pcap", "-t", "2"]), one);
    assert_eq!(map(&["in.pcap", "-t", "7"]), one);
    let whole = room.read("in.pcap");
    let cut = records(&whole)[700];
    room.write("a.pcap", &whole[..cut]);
    room.write("b.pcap", [&whole[..24], &whole[cut..]].concat());
    let without_prints = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with("+!content/")).map(str::to_owned).collect()
    };
    assert_eq!(without_prints(&map(&["a.pcap", "b.pcap"])), without_prints(&one));
}

/// What a user would write who has no dpp at hand.
const REDUCE: &str = r#"
LC_ALL=C sort -m "$@" | awk '
    function out() { if (key != "") printf "%s %d\n", key, number }
    /^#/        { if ($0 != last) print; last = $0; next }
    $1 == key   { if (key ~ /^\+/) number += $2
                  if (key ~ /^</ && $2 < number) number = $2
                  if (key ~ /^>/ && $2 > number) number = $2
                  next }
                { out(); key = $1; number = $2 }
    END         { out() }'
"#;

#[test]
fn sorting_lines_and_adding_them_up_is_merging() {
    let room = Room::new();
    for (seed, name) in [("1", "a"), ("2", "b"), ("3", "c")] {
        let capture = format!("{name}.pcap");
        room.dpp(&["generate", &capture, "--transactions", "300", "--seed", seed]).well();
        let part = format!("{name}.txt");
        room.dpp(&["rssac", "map", &capture, "--server", "all", "--site", name, "--seq", seed, "-o", &part])
            .well();
    }
    let reduced = room.shell(&format!("set -- a.txt b.txt c.txt; {REDUCE}")).well().stdout;
    let merged = room.dpp(&["rssac", "merge", "c.txt", "a.txt", "b.txt", "--form", "text"]).well().stdout;
    assert_eq!(reduced, merged);
    room.write("reduced.txt", reduced);
    let again = room.dpp(&["rssac", "merge", "reduced.txt", "--form", "text"]).well().stdout;
    assert_eq!(again, merged);
    let sorted =
        room.shell("LC_ALL=C sort -m a.txt b.txt c.txt > s.txt; \"$DPP\" rssac merge - --form text < s.txt");
    assert_eq!(sorted.well().stdout, merged);
}

#[test]
fn the_files_that_are_published_are_all_there() {
    let room = Room::new();
    room.write("in.pcap", pcap(&traffic()));
    let publish = ["--server", "192.0.2.53", "--service", "b.root-servers.net", "-o", "yaml", "-s"];
    room.dpp(&[&["rssac", "in.pcap"], &publish[..]].concat()).well();
    let text = |name: &str| String::from_utf8(room.read(name)).expect("text");
    assert_eq!(
        text("yaml/2023/11/traffic-volume/b-root-20231114-traffic-volume.yaml"),
        "---\nversion: rssac002v5\nservice: b.root-servers.net\nstart-period: 2023-11-14T00:00:00Z\n\
         metric: traffic-volume\n\
         dns-udp-queries-received-ipv4: 3\ndns-udp-queries-received-ipv6: 0\n\
         dns-tcp-queries-received-ipv4: 1\ndns-tcp-queries-received-ipv6: 0\n\
         dns-udp-responses-sent-ipv4: 2\ndns-udp-responses-sent-ipv6: 0\n\
         dns-tcp-responses-sent-ipv4: 0\ndns-tcp-responses-sent-ipv6: 0\n"
    );
    assert_eq!(
        text("yaml/2023/11/traffic-sizes/b-root-20231113-traffic-sizes.yaml")
            .lines()
            .skip(5)
            .collect::<Vec<_>>(),
        [
            "udp-request-sizes:",
            "  16-31: 1",
            "udp-response-sizes:",
            "  16-31: 1",
            "tcp-request-sizes: {}",
            "tcp-response-sizes: {}"
        ]
    );
    assert!(text("yaml/2023/11/rcode-volume/b-root-20231113-rcode-volume.yaml").ends_with("\n3: 1\n"));
    assert!(
        text("yaml/2023/11/unique-sources/b-root-20231114-unique-sources.yaml")
            .contains("num-sources-ipv4: 4\n")
    );
    room.dpp(&["rssac", "map", "in.pcap", "--server", "192.0.2.53", "-o", "a.tally", "-s"]).well();
    let report = [
        "rssac",
        "report",
        "a.tally",
        "--service",
        "ns1.example",
        "--rssac-version",
        "v2",
        "--day",
        "2023-11-13",
    ];
    let told = room.dpp(&report).well().stdout;
    assert!(told.starts_with("---\nservice: ns1.example\nstart-period: '2023-11-13T00:00:00Z'\nend-period: '2023-11-13T23:59:59Z'\n"), "{told}");
    assert_eq!(told.matches("---\n").count(), 4);
    let told =
        room.dpp(&["rssac", "report", "a.tally", "--service", "ns1.example", "--day", "2023-11-15"]).stderr;
    assert!(told.contains("there is nothing of 2023-11-15; there is 2023-11-13, 2023-11-14"), "{told}");
}

#[test]
fn sketches_are_small_and_add_up_with_each_other_and_with_sets() {
    let room = Room::new();
    let packets = traffic();
    room.write("in.pcap", pcap(&packets));
    room.write("left.pcap", pcap(&packets[..3]));
    room.write("right.pcap", pcap(&packets[3..]));
    let map = |input: &str, output: &str, options: &[&str]| {
        let map = ["rssac", "map", input, "--server", "192.0.2.53", "-o", output, "-s"];
        room.dpp(&[&map, options].concat()).well();
    };
    map("in.pcap", "whole.txt", &["--sketch"]);
    let whole = entries(&room, "whole.txt");
    assert!(room.lines("whole.txt").contains(&"#parameter sketch=hll-14".to_owned()));
    assert!(!whole.contains("\n.") && whole.matches("\n>-/20231114/4/h").count() == 4, "{whole}");
    map("in.pcap", "copies.txt", &["--sketch", "--dedup-packets", "1ms"]);
    assert_eq!(entries(&room, "copies.txt"), whole);
    map("left.pcap", "left.tally", &["--sketch"]);
    map("right.pcap", "right.tally", &["--sketch"]);
    room.dpp(&["rssac", "merge", "right.tally", "left.tally", "-o", "merged.txt"]).well();
    assert_eq!(entries(&room, "merged.txt"), whole);
    // With a part that has sets, whichever is named first.
    map("left.pcap", "exact.tally", &[]);
    room.dpp(&["rssac", "merge", "exact.tally", "right.tally", "-o", "one.txt"]).well();
    room.dpp(&["rssac", "merge", "right.tally", "exact.tally", "-o", "other.txt"]).well();
    assert_eq!(room.read("one.txt"), room.read("other.txt"));
    assert!(room.lines("one.txt").contains(&"#parameter sketch=hll-14".to_owned()));
    for (part, directory) in [("one.txt", "one"), ("whole.txt", "whole")] {
        let report = ["rssac", "report", part, "--service", "ns1.example", "--hll", "-o", directory];
        let told = room.dpp(&report).well().stderr;
        let estimates = "2023-11-14 are estimates: those of sketches, with a standard error of 0.8 %\n";
        assert!(told.contains(estimates), "{told}");
        let name = |end: &str| {
            format!("{directory}/2023/11/unique-sources/ns1.example-20231114-unique-sources{end}")
        };
        let text = String::from_utf8(room.read(&name(".yaml"))).unwrap();
        assert!(
            text.contains("num-sources-ipv4: 4\nnum-sources-ipv6: 0\nnum-sources-ipv6-aggregate: 0\n"),
            "{text}"
        );
        let mut sketch = Registers::default();
        for source in [[192, 0, 2, 1], [192, 0, 2, 2], [192, 0, 2, 3], [198, 51, 100, 1]] {
            sketch.add(Hash::of(&source));
        }
        assert_eq!(room.read(&name("-ipv4.hll")), sketch.to_datasketches());
        assert_eq!(room.read(&name("-ipv6-aggregate.hll")), Registers::default().to_datasketches());
    }
}

/// Runs this in a room with two parts of one server, and holds what it says against the beginning of a sentence.
#[track_caller]
fn check_refused(arguments: &[&str], sentence: &str) {
    let room = Room::new();
    room.write("in.pcap", pcap(&traffic()));
    room.write("same.pcap", pcap(&traffic()));
    room.write("other.pcap", pcap(&traffic()[1..]));
    for (input, server, seq, part) in [
        ("in.pcap", "192.0.2.53", "7", "a.tally"),
        ("other.pcap", "192.0.2.53", "7", "b.tally"),
        ("in.pcap", "192.0.2.53", "8", "c.txt"),
        ("other.pcap", "192.0.2.54", "9", "d.tally"),
    ] {
        room.dpp(&["rssac", "map", input, "--server", server, "--seq", seq, "-o", part, "-s"]).well();
    }
    let text = room.read("c.txt");
    room.write("cut.txt", &text[..text.len() - 3]);
    room.write("unknown.txt", String::from_utf8_lossy(&text).replace("q/udp/", "q/uzp/"));
    let text = room.dpp(&["rssac", "merge", "d.tally", "--form", "text", "-s"]).well().stdout;
    let own = text.replace("+!content/", "+!content/0").replace("seq/-/000000000009", "seq/-/000000000010");
    room.write("member.txt", own.replace("\n>~end", "\n.-/20231113/5/c0000201 1\n>~end"));
    fs::create_dir(room.path("folder")).expect("a folder");
    room.write("y.part", room.read("a.tally"));
    let before = room.inventory();
    let ended = room.dpp(&[&["rssac"], arguments].concat());
    assert!(ended.stderr.starts_with(&format!("Error: {sentence}")), "{arguments:?}: {}", ended.stderr);
    assert_eq!((ended.code, room.inventory()), (Some(1), before), "{arguments:?}");
}

#[test]
fn what_does_not_add_up_is_refused() {
    check_refused(
        &["merge", "a.tally", "b.tally", "-o", "x"],
        "'b.tally' does not add up: file number 7 is there twice, here and in 'a.tally'; leave one",
    );
    check_refused(
        &["merge", "a.tally", "c.txt", "-o", "x"],
        "'c.txt' does not add up: the same capture is there twice (fingerprint ",
    );
    check_refused(
        &["merge", "a.tally", "d.tally", "-o", "x"],
        "'d.tally' was counted with other parameters than 'a.tally', so they do not add up: servers=192.0.2.54, there servers=192.0.2.53",
    );
    check_refused(
        &["merge", "unknown.txt", "-o", "x"],
        "'unknown.txt' has an entry that nobody counts: '+-/20231113/q/uzp/",
    );
    check_refused(
        &["merge", "d.tally", "member.txt", "-o", "x"],
        "'member.txt' has an entry that nobody counts: '.-/20231113/5/c0000201'",
    );
    check_refused(
        &["merge", "a.tally", "-o", "a.tally"],
        "the output 'a.tally' and the input 'a.tally' are the same file",
    );
    check_refused(
        &["merge", "a.tally", "-o", "x.part"],
        "--output: 'x.part' is called like a file that is not finished yet",
    );
    check_refused(&["merge", "y.part", "-o", "y"], "the output 'y' and the input 'y.part' are the same file");
    check_refused(&["merge", "a.tally", "cut.txt", "-o", "x"], "'cut.txt' was cut off");
    check_refused(&["merge", "a.tally", "in.pcap", "-o", "x"], "'in.pcap' is no part file");
    check_refused(
        &["merge", "a.tally", "--day", "2023-11-15", "-o", "x"],
        "'a.tally' has nothing of 2023-11-15; it is of 2023-11-13, 2023-11-14",
    );
    check_refused(
        &["merge", "a.tally", "./a.tally", "-o", "x"],
        "'a.tally' and './a.tally' are the same file",
    );
    check_refused(&["merge", "a.tally", "--day", "2023-02-29", "-o", "x"], "--day '2023-02-29' is no day");
    check_refused(&["report", "d.tally", "--service", "x"], "nothing was counted; 9 messages were neither");
    check_refused(&["report", "a.tally", "--service", "x", "--hll"], "--hll: sketches are files; name");
    check_refused(&["report", "a.tally"], "--service: say what the files are of");
    check_refused(&["report", "a.tally", "--service", "../x"], "--service '../x' is no name");
    check_refused(
        &["report", "a.tally", "--service", "x", "--site", "ams"],
        "--site: the parts have no site 'ams'; they have -",
    );
    check_refused(&["merge", "-o", "x"], "dpp rssac merge: name parts");
    check_refused(&["merge", "folder", "-o", "x"], "the directory 'folder' holds no files (--recursive");
    check_refused(
        &["mrege", "a.tally"],
        "dpp rssac: there is no capture 'mrege', and no step that is called so; did you mean 'merge'?",
    );
    check_refused(
        &["mpa", "a.tally"],
        "dpp rssac: there is no capture 'mpa', and no step that is called so; did you mean 'map'?",
    );
    check_refused(&["--labels", "map", "in.pcap"], "dpp rssac: 'map' is a step, which stands first");
}

#[test]
fn what_cannot_be_counted_is_refused() {
    check_refused(&["map", "in.pcap", "-o", "x"], "--server: say whose queries count");
    check_refused(&["map", "in.pcap", "--server", "ns1", "-o", "x"], "--server 'ns1' is no address");
    check_refused(
        &["map", "in.pcap", "--server", "192.0.2.53/24", "-o", "x"],
        "--server '192.0.2.53/24' is no prefix",
    );
    check_refused(&["map", "in.pcap", "--server", "all", "--seq", "x", "-o", "x"], "--seq 'x': allowed is");
    check_refused(
        &["map", "in.pcap", "--server", "all", "--seq", "name", "-o", "x"],
        "--seq: 'in.pcap' has no number",
    );
    check_refused(
        &["map", "in.pcap", "--server", "all", "-o", "in.pcap"],
        "the output 'in.pcap' and the input 'in.pcap' are the same file",
    );
    check_refused(&["map", "a.tally", "--server", "all", "-o", "x"], "'a.tally' is a part, and was counted");
    check_refused(
        &["map", "in.pcap", "--server", "all", "-o", "folder"],
        "--output: 'folder' is a directory",
    );
    check_refused(&["map", "--server", "all", "-o", "x"], "dpp rssac: name captures");
    for map in [
        &["map", "in.pcap", "same.pcap", "-o", "x"][..],
        &["in.pcap", "same.pcap", "--service", "x", "-o", "y"],
    ] {
        check_refused(
            &[map, &["--server", "all"]].concat(),
            "'in.pcap' and 'same.pcap' are the same capture, which must not count twice; name one of them",
        );
    }
    check_refused(&["in.pcap", "--server", "all"], "--service: say what the files are of");
}

#[test]
fn what_is_left_out_and_what_is_missing_is_told() {
    let room = Room::new();
    room.write("in-3.pcap", pcap(&traffic()));
    room.write("in-5.pcap", pcap(&traffic()[1..]));
    for number in ["3", "5"] {
        let (input, part) = (format!("in-{number}.pcap"), format!("{number}.tally"));
        room.dpp(&[
            "rssac",
            "map",
            &input,
            "--server",
            "192.0.2.53",
            "--seq",
            "name",
            "--site",
            "a b",
            "-o",
            &part,
            "-s",
        ])
        .well();
    }
    room.write("again.tally", room.read("3.tally"));
    let merge =
        ["rssac", "merge", "3.tally", "again.tally", "5.tally", "-o", "day.txt", "-s", "--keep-going"];
    let merged = room.dpp(&merge);
    assert_eq!(merged.code, Some(1));
    assert!(
        merged
            .stderr
            .contains("Error: 'again.tally' does not add up: file number 3 of site a b is there twice"),
        "{}",
        merged.stderr
    );
    assert!(
        merged.stderr.ends_with("Error: 1 of 3 parts was left out; all others were added up\n"),
        "{}",
        merged.stderr
    );
    assert!(room.lines("day.txt").contains(&"+!left-out/again.tally/twice 1".to_owned()));
    let told = room.dpp(&["rssac", "report", "day.txt", "--service", "x"]).well().stderr;
    assert!(told.contains("WARN: files of site a b are missing between 3 and 5: 1 (4)\n"), "{told}");
    assert!(told.contains("WARN: left out: again.tally (it has what another part has, too)\n"), "{told}");
}

#[test]
fn servers_are_known_by_name() {
    let room = Room::new();
    room.write("in.pcap", pcap(&traffic()));
    room.write("servers.txt", "192.0.2.53 ns1 ams\n198.51.100.1 ns0\n");
    let map =
        ["rssac", "map", "in.pcap", "--server", "ns1", "--servers", "servers.txt", "-o", "part.txt", "-s"];
    room.dpp(&map).well();
    assert_eq!(entries(&room, "part.txt"), ENTRIES);
}

#[test]
fn a_part_at_fault_is_left_out_wherever_the_sum_goes() {
    let room = Room::new();
    for (number, from) in [("1", 0), ("2", 1), ("3", 2)] {
        let (capture, part) = (format!("{number}.pcap"), format!("{number}.txt"));
        room.write(&capture, pcap(&traffic()[from..]));
        room.dpp(&["rssac", "map", &capture, "--server", "192.0.2.53", "-o", &part, "-s"]).well();
    }
    let text = room.lines("3.txt").join("\n") + "\n";
    room.write("3.txt", text.replace("/size/q/udp/", "/size/q/udq/"));
    let sound = room.dpp(&["rssac", "merge", "1.txt", "2.txt", "--form", "text"]).well().stdout;
    let merge = "rssac merge --keep-going 3.txt 1.txt 2.txt --form text";
    let fifo = "mkfifo f; cat f > x.txt & timeout 60 \"$DPP\" rssac merge --keep-going 3.txt 1.txt 2.txt --form text -o f; code=$?; wait; exit $code";
    for script in [format!("\"$DPP\" {merge} > x.txt"), format!("\"$DPP\" {merge} -o x.txt"), fifo.to_owned()]
    {
        let ended = room.shell(&script);
        assert_eq!(ended.code, Some(1), "{script}: {}", ended.stderr);
        let named = "Error: '3.txt' has an entry that nobody counts: '+-/20231114/size/q/udq/";
        assert!(ended.stderr.starts_with(named), "{script}: {}", ended.stderr);
        let merged = String::from_utf8(room.read("x.txt")).unwrap();
        let left_out = "+!left-out/3.txt/unknown 1\n";
        assert!(merged.contains(left_out) && merged.replace(left_out, "") == sound, "{script}: {merged}");
    }
    let ended =
        room.shell("timeout 60 \"$DPP\" rssac merge --keep-going - 1.txt --form text < 3.txt > x.txt");
    assert!(
        ended.stderr.starts_with("Error: standard input has an entry that nobody counts"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.ends_with("as some of the output is written: write a file\n"), "{}", ended.stderr);
    assert_eq!(room.lines("x.txt").iter().filter(|line| line.starts_with("#dpp-part")).count(), 1);
    let report = ["rssac", "report", "--keep-going", "3.txt", "1.txt", "--service", "x", "-o", "yaml"];
    let ended = room.dpp(&report);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("WARN: left out: 3.txt (it has entries that nobody counts)\n"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.ends_with("Error: 1 part was left out; the files are of all others\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn parts_of_other_days_are_told_when_a_day_is_reported() {
    let room = Room::new();
    let packets = traffic();
    for (name, packets) in
        [("both", &packets[..]), ("first", &packets[..2]), ("second", &packets[2..]), ("none", &[])]
    {
        let (capture, part) = (format!("{name}.pcap"), format!("{name}.tally"));
        room.write(&capture, pcap(packets));
        room.dpp(&["rssac", "map", &capture, "--server", "192.0.2.53", "-o", &part, "-s"]).well();
    }
    let parts = ["both.tally", "first.tally", "second.tally", "none.tally"];
    let report = ["rssac", "report", "--service", "x", "-o", "yaml", "--day", "2023-11-13"];
    let told = room.dpp(&[&report, &parts[..]].concat()).well().stderr;
    assert_eq!(
        told,
        "WARN: 'second.tally' has nothing of 2023-11-13; it is of 2023-11-14\n4 files of 1 day in 'yaml'\n"
    );
    let merge =
        ["rssac", "merge", "-o", "x.tally", "--day", "2023-11-13", "both.tally", "first.tally", "none.tally"];
    room.dpp(&merge).well();
    let ended = room.dpp(&[&merge[..], &["second.tally"]].concat());
    assert_eq!(ended.stderr, "Error: 'second.tally' has nothing of 2023-11-13; it is of 2023-11-14\n");
}

#[test]
fn a_capture_that_was_cut_is_told_of_with_its_figures() {
    let room = Room::new();
    let whole = pcap(&traffic());
    room.write("cut.pcap", &whole[..whole.len() - 3]);
    let map = ["rssac", "map", "cut.pcap", "--server", "192.0.2.53", "--site", "ams", "-o", "a.txt", "-s"];
    room.dpp(&map).well();
    assert!(room.lines("a.txt").contains(&"+!ending/ams/cut.pcap/cut_off 1".to_owned()));
    room.dpp(&["rssac", "merge", "a.txt", "-o", "b.tally", "-s"]).well();
    for part in ["a.txt", "b.tally"] {
        let told = room.dpp(&["rssac", "report", part, "--service", "x", "-o", "yaml"]).well().stderr;
        let ended = "WARN: 'cut.pcap' of site ams was cut off in the middle of a record; it was counted up to there\n";
        assert!(told.starts_with(ended), "{told}");
    }
}

#[test]
fn where_there_was_no_message_there_is_no_day_and_a_day_that_is_asked_for_has_zeros() {
    let room = Room::new();
    room.write("empty.pcap", pcap(&[]));
    let figures = ["--service", "ns1.example", "-o", "yaml"];
    let count = ["rssac", "empty.pcap", "--server", "192.0.2.53"];
    let none =
        "WARN: no message was counted, so there is no day to write files of; --day writes those of a day\n";
    let told = room.dpp(&[&count[..], &figures].concat()).well().stderr;
    assert!(told.ends_with(none) && !room.path("yaml").exists(), "{told}");
    room.dpp(&[
        "rssac",
        "map",
        "empty.pcap",
        "--server",
        "192.0.2.53",
        "--site",
        "ams",
        "-o",
        "empty.tally",
        "-s",
    ])
    .well();
    let report = ["rssac", "report", "empty.tally"];
    assert_eq!(room.dpp(&[&report[..], &figures].concat()).well().stderr, none);
    assert_eq!(room.dpp(&[&report[..], &figures, &["-s"]].concat()).well().stderr, "");
    let zeros =
        "WARN: no message of 2023-11-13 was counted; its figures are zeros\n4 files of 1 day in 'yaml'\n";
    for run in [&count[..], &report] {
        let told = room.dpp(&[run, &figures, &["--day", "2023-11-13"]].concat()).well().stderr;
        assert!(told.ends_with(zeros), "{told}");
        let volume = room.read("yaml/2023/11/traffic-volume/ns1.example-20231113-traffic-volume.yaml");
        assert!(String::from_utf8(volume).unwrap().contains("\ndns-udp-queries-received-ipv4: 0\n"));
        fs::remove_dir_all(room.path("yaml")).unwrap();
    }
    // A site that had no message on a day on which another had some; and one whose server is another.
    room.write("in.pcap", pcap(&traffic()));
    for (site, server) in [("ber", "192.0.2.53"), ("lon", "192.0.2.99")] {
        let part = format!("{site}.tally");
        room.dpp(&[
            "rssac", "map", "in.pcap", "--server", server, "--site", site, "--seq", "1", "-o", &part, "-s",
        ])
        .well();
    }
    let of_site = ["rssac", "report", "empty.tally", "ber.tally", "--site", "ams", "--day", "2023-11-13"];
    let ended = room.dpp(&[&of_site[..], &figures].concat());
    assert!(ended.stderr.contains("--site: the parts have no site 'ams'; they have ber"), "{}", ended.stderr);
    room.dpp(&[
        "rssac",
        "map",
        "empty.pcap",
        "--server",
        "192.0.2.53",
        "--site",
        "ams",
        "--seq",
        "1",
        "-o",
        "empty.tally",
        "-s",
    ])
    .well();
    let told = room.dpp(&[&of_site[..], &figures].concat()).well().stderr;
    assert_eq!(told, zeros);
    let ended = room.dpp(&[&["rssac", "report", "lon.tally", "--day", "2023-11-13"], &figures[..]].concat());
    assert!(
        ended.stderr.starts_with("Error: nothing was counted; 10 messages were neither to the server"),
        "{}",
        ended.stderr
    );
}
