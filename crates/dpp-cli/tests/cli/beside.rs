//! What is counted beside a table: the same as in a run of its own, and the table is the same as without.

use crate::room::Room;
use serde_json::Value;
use std::fs;
use std::io::Write;

const BESIDE: [&str; 6] = ["--stats", "s.tally", "--rssac", "r.tally", "--rssac-server", "all"];

/// A room with a capture of datagrams and streams.
fn room() -> Room {
    let room = Room::new();
    room.write("tcp.toml", "tcp_share = 0.2\nfragment_share = 0.1\n");
    let traffic = ["--transactions", "700", "--profile", "tcp.toml"];
    room.dpp(&[&["generate", "in.pcap"], &traffic[..]].concat()).well();
    room
}

/// Runs this in pieces.
#[track_caller]
fn run(room: &Room, pieces: &[&[&str]]) {
    room.dpp(&pieces.concat()).well();
}

/// What is counted beside a table of these options is what is counted alone with those.
#[track_caller]
fn check_same(options: &[&str], stats: &[&str]) {
    let room = room();
    run(&room, &[&["extract", "in.pcap", "-s", "-o", "plain.parquet"], options]);
    run(&room, &[&["stats", "map", "in.pcap", "-s", "-o", "stats.tally"], stats]);
    run(&room, &[&["rssac", "map", "in.pcap", "-s", "-o", "rssac.tally", "--server", "all"]]);
    for threads in ["1", "3"] {
        run(&room, &[&["extract", "in.pcap", "-s", "-o", "out.parquet", "-t", threads], options, &BESIDE]);
        assert!(room.read("out.parquet") == room.read("plain.parquet"), "{options:?}: the table");
        assert!(room.read("s.tally") == room.read("stats.tally"), "{options:?}: statistics");
        assert!(room.read("r.tally") == room.read("rssac.tally"), "{options:?}: RSSAC002");
    }
}

#[test]
fn figures_beside_a_table_are_those_of_a_run_of_their_own() {
    check_same(&[], &[]);
    check_same(&["--fields", "qname,rcode", "--zstd"], &[]);
    check_same(&["-f", "csv", "--match-timeout-ms", "1"], &["--match-timeout-ms", "1"]);
}

#[test]
fn conditions_leave_transactions_out_of_statistics_and_no_message_out_of_rssac() {
    let condition = ["--where", "qtype = A and src_port > 30000"];
    check_same(&condition, &condition);
}

#[test]
fn figures_are_written_as_an_object_or_a_page_too() {
    let room = room();
    run(&room, &[&["in.pcap", "out.csv", "-s", "--stats", "s.json"]]);
    let alone = room.dpp(&["stats", "in.pcap", "--json"]).well().stdout;
    assert_eq!(String::from_utf8(room.read("s.json")).unwrap(), alone);
    run(&room, &[&["in.pcap", "out.csv", "-s", "--schema", "full", "--unasked", "--stats", "s.json"]]);
    assert_eq!(String::from_utf8(room.read("s.json")).unwrap(), alone, "whatever is in the table");
    run(&room, &[&["in.pcap", "out.csv", "-s", "--stats", "s.html"]]);
    run(&room, &[&["report", "in.pcap", "-s", "-o", "page.html"]]);
    assert!(room.read("s.html") == room.read("page.html"), "the page");
    run(&room, &[&["in.pcap", "out.csv", "-s", "--stats", "s.txt", "--site", "a b"]]);
    assert!(room.lines("s.txt").iter().any(|line| line.starts_with("+a%20b/account/messages ")));
}

#[test]
fn what_a_table_hides_is_hidden_in_statistics() {
    let room = room();
    room.write("key.txt", "a passphrase\n");
    let hidden = ["--anonymize", "key.txt", "--fields", "src_ip"];
    run(&room, &[&["in.pcap", "out.csv", "-s", "--stats", "s.json"], &hidden]);
    run(&room, &[&["in.pcap", "plain.csv", "-s", "--fields", "src_ip", "--stats", "p.json"]]);
    let clients = |name: &str| {
        let figures: Value = serde_json::from_slice(&room.read(name)).unwrap();
        let rows = figures["tops"]["clients"]["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let written = room.lines("out.csv");
    assert!(clients("s.json").iter().all(|client| written.contains(client)), "pseudonyms of the table");
    assert!(clients("s.json").iter().all(|client| !clients("p.json").contains(client)), "and no address");
    // As in a run of their own.
    let alone = room.dpp(&["stats", "in.pcap", "--json", "--anonymize", "key.txt"]).well().stdout;
    assert_eq!(String::from_utf8(room.read("s.json")).unwrap(), alone);
    // Parts with and without pseudonyms do not add up.
    run(&room, &[&["in.pcap", "out.csv", "-s", "--stats", "s.tally"], &hidden]);
    run(&room, &[&["stats", "map", "in.pcap", "-s", "-o", "alone.tally", "--anonymize", "key.txt"]]);
    assert!(room.read("s.tally") == room.read("alone.tally"), "the part of a run of its own");
    room.dpp(&["generate", "b.pcap", "--transactions", "10", "--seed", "9"]).well();
    run(&room, &[&["stats", "map", "b.pcap", "-s", "-o", "b.tally"]]);
    let ended = room.dpp(&["stats", "report", "s.tally", "b.tally"]);
    assert!(
        ended
            .stderr
            .contains("was counted with other parameters than 'b.tally', so they do not add up: privacy="),
        "{}",
        ended.stderr
    );
}

#[test]
fn of_a_capture_that_is_not_whole_there_is_a_table_and_no_part() {
    let room = room();
    let capture = room.read("in.pcap");
    room.write("cut.pcap", &capture[..capture.len() - 5]);
    room.write("same.pcap", &capture);
    run(&room, &[&["extract", "in.pcap", "same.pcap", "-o", "out.csv", "-s", "--stats", "s.json"]]);
    fs::remove_file(room.path("out.csv")).unwrap();
    let before = room.inventory();
    for (beside, option) in [(&BESIDE[..], "--stats"), (&BESIDE[2..], "--rssac")] {
        let ended = room.dpp(&[&["extract", "in.pcap", "same.pcap", "-o", "out.csv", "-s"], beside].concat());
        let twice =
            "'in.pcap' and 'same.pcap' are the same capture, which must not count twice; name one of them";
        assert_eq!(ended.stderr, format!("Error: {option}: {twice}\n"));
        assert_eq!((ended.code, room.inventory()), (Some(1), before.clone()));
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&capture).unwrap();
    room.write("packed.pcap.gz", packed.finish().unwrap());
    for (arguments, sentence) in [
        (&["cut.pcap", "--strict"][..], "Error: 'cut.pcap' is cut off"),
        (
            &["in.pcap", "packed.pcap.gz"],
            "Error: --stats: 'in.pcap' and 'packed.pcap.gz' are the same capture (fingerprint ",
        ),
        (
            &["in.pcap", "packed.pcap.gz"],
            "which must not count twice; name one of them; the table was written\n",
        ),
    ] {
        let ended = room.dpp(&[&["extract", "-o", "out.csv", "-s"], arguments, &BESIDE].concat());
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        assert!(ended.stderr.contains(sentence), "{arguments:?}: {}", ended.stderr);
        assert!(room.path("out.csv").exists(), "{arguments:?}");
        for part in ["s.tally", "r.tally", "s.tally.part", "r.tally.part"] {
            assert!(!room.path(part).exists(), "{arguments:?}: {part}");
        }
        fs::remove_file(room.path("out.csv")).unwrap();
    }
    room.write("no.pcap", "this is text");
    let keep_going = ["extract", "in.pcap", "no.pcap", "-o", "out.csv", "-s", "--keep-going"];
    assert_eq!(room.dpp(&[&keep_going, &BESIDE[..]].concat()).code, Some(1));
    let told = room.dpp(&["stats", "report", "s.tally", "--json"]).well().report();
    assert_eq!(told["left_out"][0]["name"], "no.pcap");
    assert_eq!(told["left_out"][0]["reason"], "unreadable");
}

#[test]
fn what_cannot_be_counted_beside_a_table_is_refused() {
    let room = room();
    room.write("key.txt", "a passphrase\n");
    let rssac = ["--rssac", "r.tally", "--rssac-server", "all"];
    for (arguments, sentence) in [
        (
            &["--stats", "s.csv"][..],
            "--stats 's.csv': end its name with .tally for a part, .txt for a part as text, .json",
        ),
        (&["--rssac", "r.json", "--rssac-server", "all"], "--rssac 'r.json': end its name with .tally"),
        (&["--rssac", "r.tally"], "--rssac-server: say whose queries count"),
        (&["--rssac", "r.tally", "--rssac-server", "x"], "--rssac-server 'x' is no address"),
        (&["--rssac-server", "all"], "--rssac-server and --rssac-labels are for --rssac"),
        (&["--rssac-labels"], "--rssac-server and --rssac-labels are for --rssac"),
        (&["--site", "ams"], "--site is for the parts of --stats and --rssac"),
        (&["--stats", "x.txt", "--site", ""], "--site: name the site"),
        (
            &["--stats", "x.txt", "--rssac", "x.txt", "--rssac-server", "all"],
            "--stats and --rssac would write the same",
        ),
        (
            &["--stats", "out.txt", "-o", "out.txt"],
            "--stats: the figures and the table would have the same file",
        ),
        (&["--stats", "in.txt"], "the output 'in.txt' and the input are the same file"),
        (&[&rssac[..], &["--dedup-packets", "1ms"]].concat(), "--rssac counts every message beside rows"),
        (
            &[&rssac[..], &["--anonymize", "key.txt"]].concat(),
            "--rssac counts addresses of clients as they are",
        ),
        (
            &["--stats", "s.tally", "--hide-addresses", "truncate", "--where", "src_ip = 192.0.2.1"],
            "--where: what this names must not be told beside what is hidden",
        ),
        (&["--stats", "s.tally", "--per-file"], "--stats and --rssac count beside one table"),
        (
            &["--stats", "s.tally", "--partition-by", "day", "-f", "parquet"],
            "--stats and --rssac count beside one table",
        ),
    ] {
        let room_arguments: Vec<&str> = match arguments.contains(&"-o") {
            true => arguments.to_vec(),
            false if arguments.contains(&"--per-file") || arguments.contains(&"--partition-by") => {
                [arguments, &["-o", "folder"]].concat()
            }
            false => [arguments, &["-o", "out.csv"]].concat(),
        };
        fs::rename(room.path("in.pcap"), room.path("in.txt")).unwrap();
        let before = room.inventory();
        let ended = room.dpp(&[&["extract", "in.txt"], &room_arguments[..]].concat());
        assert!(ended.stderr.starts_with(&format!("Error: {sentence}")), "{arguments:?}: {}", ended.stderr);
        assert_eq!((ended.code, room.inventory()), (Some(1), before), "{arguments:?}");
        fs::rename(room.path("in.txt"), room.path("in.pcap")).unwrap();
    }
    let ended = room.dpp(&["afpacket:lo", "out.csv", "--stats", "s.tally"]);
    assert!(ended.stderr.contains("--stats and --rssac count captures that have an end"), "{}", ended.stderr);
}

#[test]
fn who_reads_no_more_rows_is_told_that_there_is_no_part() {
    let room = Room::new();
    room.dpp(&["generate", "1.pcap", "--transactions", "200000"]).well();
    let ended = room.shell("(\"$DPP\" 1.pcap - --stats x.tally; echo $? > code) | head -1 > first");
    assert_eq!(room.read("code"), b"0\n");
    assert!(ended.stderr.contains("WARN: no figures were written, as nobody read the rows to their end\n"));
    assert!(!room.path("x.tally").exists());
}
