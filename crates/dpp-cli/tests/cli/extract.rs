//! Many captures: how they are named, put in order and read as one, and what is said of each.
//!
//! The captures are parts of one that `dpp generate` made, cut here; what its own table has is what must come
//! out again.

use crate::room::{Ended, Room};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::Stdio;

/// The records of a classic pcap, each with its header.
fn records(capture: &[u8]) -> Vec<&[u8]> {
    let (mut records, mut rest) = (Vec::new(), &capture[24..]);
    while !rest.is_empty() {
        let length = 16 + u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let (record, behind) = rest.split_at(length);
        records.push(record);
        rest = behind;
    }
    records
}

/// A classic pcap of these records, with the file header of `capture`.
fn classic(capture: &[u8], records: &[&[u8]]) -> Vec<u8> {
    [&capture[..24], &records.concat()].concat()
}

/// The same as pcapng, with microseconds as they are its default.
fn pcapng(records: &[&[u8]]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let padded = body.len().next_multiple_of(4);
        let length = (12 + padded as u32).to_le_bytes();
        [&kind.to_le_bytes(), &length[..], body, &vec![0; padded - body.len()], &length].concat()
    };
    let mut file =
        block(0x0A0D_0D0A, &[&0x1A2B_3C4D_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    file.extend(block(1, &[1, 0, 0, 0, 0, 0, 0, 0]));
    for record in records {
        let field = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
        let micros = u64::from(field(0)) * 1_000_000 + u64::from(field(4));
        let fields =
            [0, (micros >> 32) as u32, micros as u32, field(8), field(12)].map(u32::to_le_bytes).concat();
        file.extend(block(6, &[&fields, &record[16..]].concat()));
    }
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// A room with a capture `in.pcap`, its table `in.csv`, and a directory `parts` with the capture in four files:
/// `0` plain, `1` pcapng and gzip, `2` zstd, `3` pcapng. The cuts lie between queries and their responses.
fn room() -> Room {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.csv"]).well();
    fs::create_dir(room.path("parts")).unwrap();
    let capture = room.read("in.pcap");
    let records = records(&capture);
    let (first, rest) = records.split_at(301);
    let (second, rest) = rest.split_at(700);
    let (third, fourth) = rest.split_at(3);
    room.write("parts/0.pcap", classic(&capture, first));
    room.write("parts/1.pcapng.gz", gzip(&pcapng(second)));
    room.write("parts/2.pcap.zst", zstd(&classic(&capture, third)));
    room.write("parts/3.pcapng", pcapng(fourth));
    room
}

/// Runs `dpp extract` and expects the table of the whole capture.
#[track_caller]
fn check(room: &Room, arguments: &[&str]) {
    room.dpp(&[&["extract", "-o", "out.csv"], arguments].concat()).well();
    assert!(room.read("out.csv") == room.read("in.csv"), "{arguments:?}");
}

/// Runs `dpp extract` and expects a refusal that tells all of this and changes nothing.
#[track_caller]
fn check_refused(room: &Room, arguments: &[&str], reasons: &[&str]) {
    let before = room.inventory();
    let run = room.dpp(&[&["extract"], arguments].concat());
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    for reason in reasons {
        assert!(run.stderr.contains(reason), "the reason should tell of '{reason}': {}", run.stderr);
    }
    assert!(run.stdout.is_empty() && room.inventory() == before, "a refusal changes nothing");
}

#[test]
fn a_capture_in_many_files_is_one_capture() {
    let room = room();
    let parts = ["parts/0.pcap", "parts/1.pcapng.gz", "parts/2.pcap.zst", "parts/3.pcapng"];
    for threads in ["1", "2", "3"] {
        check(&room, &[&["-t", threads], &parts[..]].concat());
    }
    room.dpp(&["in.pcap", "in.parquet", "-z"]).well();
    room.dpp(&["extract", "parts", "-o", "out.parquet", "-z"]).well();
    assert!(room.read("out.parquet") == room.read("in.parquet"), "and Parquet byte for byte");
}

#[test]
fn it_may_be_cut_anywhere() {
    let room = Room::new();
    room.dpp(&["generate", "in.pcap", "--transactions", "20"]).well();
    room.dpp(&["in.pcap", "in.csv"]).well();
    let capture = room.read("in.pcap");
    let records = records(&capture);
    for cut in 0..=records.len() {
        let (left, right) = records.split_at(cut);
        room.write("a", classic(&capture, left));
        room.write("b", pcapng(right));
        check(&room, &["a", "b"]);
    }
    fs::create_dir(room.path("packets")).unwrap();
    for (at, record) in records.iter().enumerate() {
        room.write(&format!("packets/{at:04}"), classic(&capture, &[record]));
    }
    check(&room, &["packets"]);
}

#[test]
fn the_order_is_that_of_names_or_times_or_as_given() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.csv"]).well();
    let capture = room.read("in.pcap");
    let records = records(&capture);
    let (first, rest) = records.split_at(500);
    let (second, third) = rest.split_at(700);
    room.write("c", classic(&capture, first));
    room.write("a", gzip(&pcapng(second)));
    room.write("b", classic(&capture, third));
    room.write("0.empty", classic(&capture, &[]));
    check(&room, &["--order", "time", "a", "0.empty", "b", "c"]);
    check(&room, &["--order", "given", "c", "a", "b"]);
    let order = |arguments: &[&str]| {
        let run = room.dpp(&[&["extract", "-o", "out.csv", "--report-format", "json"], arguments].concat());
        let report = run.well().report();
        let name = |input: &serde_json::Value| {
            input["filename"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
        };
        report["inputs"].as_array().unwrap().iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(order(&["c", "b", "0.empty", "a"]), ["0.empty", "a", "b", "c"]);
    assert_eq!(order(&["c", "./b", "0.empty", "a"]), ["0.empty", "a", "b", "c"]);
    assert_eq!(order(&["c", "b", "0.empty", "a", "--order", "time"]), ["c", "a", "b", "0.empty"]);
    assert_eq!(order(&["c", "b", "0.empty", "a", "--order", "given"]), ["c", "b", "0.empty", "a"]);
}

#[test]
fn captures_of_the_same_time_are_sorted_by_name() {
    let room = Room::with_capture();
    for name in ["b", "a", "c"] {
        room.write(name, room.read("in.pcap"));
    }
    let run =
        room.dpp(&["extract", "c", "a", "b", "--order", "time", "-o", "out.csv", "--report-format", "json"]);
    let report = run.well().report();
    let names: Vec<_> =
        (0..3).map(|at| report["inputs"][at]["filename"].as_str().unwrap().to_owned()).collect();
    assert!(names.is_sorted(), "{names:?}");
}

#[test]
fn a_directory_stands_for_the_files_in_it() {
    let room = room();
    check(&room, &["parts"]);
    room.write("parts/.hidden", "no capture");
    room.write("parts/in.csv.part", "no capture");
    room.fifo("parts/fifo");
    check(&room, &["parts/"]);
    fs::create_dir(room.path("parts/4")).unwrap();
    fs::rename(room.path("parts/3.pcapng"), room.path("parts/4/3.pcapng")).unwrap();
    symlink(room.path("parts"), room.path("parts/4/circle")).unwrap();
    check(&room, &["parts", "--recursive"]);
    room.dpp(&["extract", "parts", "-o", "out.csv"]).well();
    assert!(room.lines("out.csv").len() < room.lines("in.csv").len());
    fs::create_dir(room.path("none")).unwrap();
    check_refused(&room, &["none", "-o", "new.csv"], &["the directory 'none' holds no files", "--recursive"]);
}

#[test]
fn a_pattern_in_quotes_stands_for_the_files_that_match() {
    let room = room();
    check(&room, &["parts/*"]);
    check(&room, &["par?s/[0-2].*", "*/3.pcapng"]);
    check_refused(&room, &["parts/*.cap", "-o", "new.csv"], &["no file matches 'parts/*.cap'"]);
    check_refused(&room, &["parts/[", "-o", "new.csv"], &["'parts/['"]);
    // A file of that very name is meant by it.
    room.write("[0].pcap", room.read("in.pcap"));
    room.write("0.pcap", "no capture");
    check(&room, &["[0].pcap"]);
}

#[test]
fn a_list_names_a_path_on_each_line() {
    let room = room();
    room.write("list", "parts/2.pcap.zst\nparts/1.pcapng.gz\r\n\nparts/0.pcap\nparts/3.pcapng");
    check(&room, &["@list"]);
    room.write("list", "parts\n");
    check(&room, &["@list"]);
    let mut command = room.command(&["extract", "@-", "-o", "out.csv"]);
    command.stdin(File::open(room.path("list")).unwrap());
    assert!(command.status().unwrap().success());
    room.write("list", "\n");
    check_refused(&room, &["@list", "-o", "new.csv"], &["the list 'list' names no file"]);
    room.write("list", "parts/*\n");
    check_refused(&room, &["@list", "-o", "new.csv"], &["the list 'list'", "'parts/*' does not exist"]);
    check_refused(&room, &["@in.pcap", "-o", "new.csv"], &["the list 'in.pcap'", "is it a capture?"]);
    check_refused(&room, &["@missing", "-o", "new.csv"], &["the list 'missing' cannot be read"]);
    check_refused(&room, &["-", "@-", "-o", "new.csv"], &["standard input can be read only once"]);
    room.write("list", "parts\n");
    check_refused(&room, &["@list", "-o", "list"], &["the output 'list'", "the list 'list'"]);
}

#[test]
fn standard_input_and_pipes_come_last_unless_the_order_is_given() {
    let room = room();
    for arguments in [
        &["-", "parts/0.pcap", "parts/1.pcapng.gz", "parts/2.pcap.zst"][..],
        &["parts/[0-2]*", "-", "--order", "time"],
    ] {
        let mut command = room.command(&[&["extract", "-o", "out.csv"], arguments].concat());
        command.stdin(File::open(room.path("parts/3.pcapng")).unwrap());
        assert!(command.status().unwrap().success());
        assert!(room.read("out.csv") == room.read("in.csv"), "{arguments:?}");
    }
    let mut command = room.command(&["extract", "-o", "out.csv", "-", "parts/[1-3]*", "--order", "given"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&room.read("parts/0.pcap")).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(room.read("out.csv") == room.read("in.csv"));
    check_refused(&room, &["-", "-", "-o", "new.csv"], &["standard input can be read only once"]);
}

#[test]
fn the_same_file_twice_is_a_mistake() {
    let room = room();
    fs::hard_link(room.path("in.pcap"), room.path("hard.pcap")).unwrap();
    symlink("in.pcap", room.path("soft.pcap")).unwrap();
    check_refused(&room, &["in.pcap", "in.pcap", "-o", "new.csv"], &["'in.pcap' is named twice"]);
    for other in ["hard.pcap", "soft.pcap", "./in.pcap"] {
        let names = [&format!("'{other}'")[..], "'in.pcap'", "the same file"];
        check_refused(&room, &["in.pcap", other, "-o", "new.csv"], &names);
    }
    check_refused(&room, &["parts", "parts/0.pcap", "-o", "new.csv"], &["'parts/0.pcap' is named twice"]);
}

#[test]
fn an_output_that_is_one_of_the_captures_is_refused() {
    let room = room();
    fs::hard_link(room.path("parts/1.pcapng.gz"), room.path("hard.csv")).unwrap();
    for output in ["parts/0.pcap", "hard.csv"] {
        check_refused(
            &room,
            &["parts", "-o", output],
            &[&format!("the output '{output}' and the input 'parts/")],
        );
    }
}

#[test]
fn what_cannot_be_read_is_named_before_anything_is_written() {
    let room = room();
    room.write("text", "no capture");
    room.write("cut", &room.read("in.pcap")[..10]);
    for (name, reason) in [
        ("text", "'text' is no capture"),
        ("cut", "cannot read 'cut'"),
        ("missing", "'missing' does not exist"),
    ] {
        check_refused(&room, &["in.pcap", name, "-o", "new.csv"], &[reason]);
    }
    check_refused(&room, &["-o", "new.csv"], &["name captures"]);
}

#[test]
fn who_keeps_going_gets_the_rows_of_the_others_and_is_told() {
    let room = room();
    room.write("parts/1.text", "\x01 no capture");
    room.write("parts/2.cut", &room.read("in.pcap")[..10]);
    room.write("list", "parts\nmissing\n");
    let arguments = ["extract", "@list", "--keep-going", "-o", "out.csv"];
    for voice in [&["-s"][..], &[]] {
        let run = room.dpp(&[&arguments[..], voice].concat());
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        for named in ["'parts/1.text' is no capture", "'parts/2.cut'", "'missing' does not exist"] {
            assert!(run.stderr.contains(named), "{}", run.stderr);
        }
        assert!(run.stderr.contains("Error: 3 of 7 captures could not be read"), "{}", run.stderr);
        assert!(run.stderr.contains("all other rows were written"), "{}", run.stderr);
        assert!(room.read("out.csv") == room.read("in.csv"));
    }
    let run = room.dpp(&[&arguments[..], &["--report-format", "json"]].concat());
    assert_eq!(run.code, Some(1));
    let report = run.report();
    let failed = report["inputs_failed"].as_array().unwrap();
    assert_eq!((failed.len(), report["inputs"].as_array().unwrap().len()), (3, 4));
    assert!(failed.iter().any(|failed| failed["filename"].as_str().unwrap().ends_with("/parts/1.text")));
    assert!(failed.iter().all(|failed| !failed["error"].as_str().unwrap().is_empty()));
    check_refused(
        &room,
        &["parts/1.text", "missing", "--keep-going", "-o", "new.csv"],
        &["none of the 2 captures"],
    );
}

#[test]
fn what_a_pipe_holds_is_found_out_when_it_is_its_turn() {
    let room = room();
    for (keep_going, code) in [(&[][..], 1), (&["--keep-going"][..], 1)] {
        let mut command =
            room.command(&[&["extract", "in.pcap", "-", "-o", "pipe.csv"], keep_going].concat());
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"no capture").unwrap();
        let run = Ended::from(child.wait_with_output().unwrap());
        assert_eq!(run.code, Some(code));
        assert!(run.stderr.contains("standard input is no capture"), "{}", run.stderr);
        assert_eq!(room.path("pipe.csv").exists(), !keep_going.is_empty());
        assert!(!room.path("pipe.csv.part").exists());
    }
    assert!(room.read("pipe.csv") == room.read("in.csv"));
}

#[test]
fn rows_have_the_name_of_their_input_though_one_before_it_was_left_out() {
    let room = room();
    room.write("second.pcap", room.read("in.pcap"));
    let inputs = ["extract", "in.pcap", "-", "second.pcap", "--order", "given", "--keep-going"];
    let mut command = room.command(&[&inputs[..], &["--fields", "input", "-o", "names.csv"]].concat());
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"no capture").unwrap();
    let run = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let mut names = room.lines("names.csv");
    names.dedup();
    assert_eq!(names, ["input", "in.pcap", "second.pcap"]);
}

#[test]
fn how_a_capture_ended_is_told_with_its_name_and_ends_no_other() {
    let room = room();
    let first = room.read("parts/0.pcap");
    room.write("parts/0.pcap", &first[..first.len() - 1]);
    let arguments = ["extract", "parts", "-o", "out.csv"];
    let run = room.dpp(&arguments).well();
    assert!(
        run.stderr.contains("WARN: 'parts/0.pcap' is cut off in the middle of the record at byte "),
        "{}",
        run.stderr
    );
    let (rows, whole) = (room.lines("out.csv").len(), room.lines("in.csv").len());
    assert!(whole - 1 <= rows && rows <= whole, "one packet is missing: {rows} of {whole}");
    let report = room.dpp(&[&arguments[..], &["--report-format", "json"]].concat()).well().report();
    let endings: Vec<_> = (0..4).map(|at| report["inputs"][at]["ending"].as_str().unwrap()).collect();
    assert_eq!(endings, ["cut_off", "complete", "complete", "complete"]);
    assert_eq!((&report["capture"]["ending"], &report["capture"]["cut_off"]), (&"cut_off".into(), &1.into()));
    let strict = room.dpp(&[&arguments[..], &["--strict"]].concat());
    assert_eq!(strict.code, Some(1));
    assert!(strict.stderr.contains("Error: 'parts/0.pcap' is cut off"), "{}", strict.stderr);
}

#[test]
fn a_report_of_many_captures_says_how_many_and_names_each() {
    let room = room();
    let text = room.dpp(&["extract", "parts", "-o", "out.csv"]).well().stderr;
    assert!(text.contains("Input: 4 inputs\n") && text.contains("Captures: 4\n"), "{text}");
    let report =
        |arguments: &[&str]| room.dpp(&[arguments, &["--report-format", "json"]].concat()).well().report();
    let many = report(&["extract", "parts", "-o", "out.csv"]);
    assert_eq!(many["config"]["input_filename"], "4 inputs");
    assert_eq!(many["capture"]["compression"], "mixed");
    let compressions: Vec<_> = (0..4).map(|at| many["inputs"][at]["compression"].as_str().unwrap()).collect();
    assert_eq!(compressions, ["none", "gzip", "zstd", "none"]);
    let (one, same) = (report(&["in.pcap", "out.csv"]), report(&["extract", "in.pcap", "-o", "out.csv"]));
    for section in ["config", "packets", "messages", "rtt_ms", "accounting", "inputs"] {
        assert_eq!(one[section], same[section], "{section}");
    }
    for section in ["packets", "messages", "rtt_ms", "accounting"] {
        assert_eq!(one[section], many[section], "{section}");
    }
}

#[test]
fn each_capture_can_have_a_table_of_its_own() {
    let room = room();
    room.dpp(&["extract", "parts", "--per-file", "-o", "new/tables/"]).well();
    assert_eq!(fs::read_dir(room.path("new/tables")).unwrap().count(), 4);
    room.write("text", "no capture");
    assert_eq!(room.dpp(&["extract", "text", "--per-file", "-o", "none"]).code, Some(1));
    assert!(!room.path("none").exists(), "what is no capture leaves nothing behind");
    fs::create_dir(room.path("tables")).unwrap();
    let run = room.dpp(&["extract", "parts", "--per-file", "-o", "tables", "--report-format", "json"]).well();
    let report = run.report();
    assert_eq!(
        report["config"]["output_filename"],
        room.path("tables").canonicalize().unwrap().display().to_string()
    );
    let mut rows = 0;
    for (at, name) in ["0.pcap", "1.pcapng.gz", "2.pcap.zst", "3.pcapng"].into_iter().enumerate() {
        room.dpp(&[&format!("parts/{name}"), "alone.csv"]).well();
        assert!(room.read(&format!("tables/{at}.csv")) == room.read("alone.csv"), "{name}");
        let input = &report["inputs"][at];
        assert!(input["output_filename"].as_str().unwrap().ends_with(&format!("/tables/{at}.csv")));
        assert_eq!(input["messages"]["rows"], room.lines("alone.csv").len() - 1);
        rows += room.lines("alone.csv").len() - 1;
    }
    assert_eq!(report["messages"]["rows"], rows);
    let capture = room.read("in.pcap");
    assert_eq!(report["packets"]["read"]["packets"], records(&capture).len());
    for identity in report["accounting"].as_array().unwrap() {
        assert_eq!(identity["holds"], true, "{identity}");
    }
    let text = room.dpp(&["extract", "parts", "--per-file", "-o", "tables", "-f", "parquet"]).well().stderr;
    assert!(text.contains("Captures: 4\nTables: 4\n"), "{text}");
    assert!(room.read("tables/2.parquet").starts_with(b"PAR1"));
}

#[test]
fn tables_that_would_have_one_name_are_refused() {
    let room = room();
    fs::create_dir(room.path("tables")).unwrap();
    room.write("parts/0.pcapng", room.read("in.pcap"));
    let clash = ["'parts/0.pcap'", "'parts/0.pcapng'", "'tables/0.csv'"];
    check_refused(&room, &["parts", "--per-file", "-o", "tables"], &clash);
    assert_eq!(fs::read_dir(room.path("tables")).unwrap().count(), 0);
    check_refused(&room, &["in.pcap", "--per-file"], &["name the directory"]);
    check_refused(&room, &["in.pcap", "--per-file", "-o", "in.pcap"], &["'in.pcap' is no directory"]);
    check_refused(&room, &["in.pcap", "--per-file", "-o", ""], &["'' is no directory"]);
    check_refused(&room, &["in.pcap", "--per-file", "-o", "-"], &["'-' is no directory"]);
    check_refused(&room, &["parts", "--per-file", "--merge", "-o", "tables"], &["--merge", "--per-file"]);
    fs::hard_link(room.path("parts/1.pcapng.gz"), room.path("tables/in.csv")).unwrap();
    check_refused(
        &room,
        &["in.pcap", "parts/1.pcapng.gz", "--per-file", "-o", "tables"],
        &["the output 'tables/in.csv' and the input 'parts/1.pcapng.gz' are the same file"],
    );
}

#[test]
fn a_table_for_each_goes_on_without_the_captures_that_cannot_be_read() {
    let room = room();
    fs::create_dir(room.path("tables")).unwrap();
    room.write("parts/1.text", "\x01 no capture");
    let arguments = ["extract", "parts", "--per-file", "-o", "tables"];
    assert_eq!(room.dpp(&arguments).code, Some(1));
    assert_eq!(fs::read_dir(room.path("tables")).unwrap().count(), 0);
    let run = room.dpp(&[&arguments[..], &["--keep-going"]].concat());
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("Error: 1 of 5 captures could not be read"), "{}", run.stderr);
    assert_eq!(fs::read_dir(room.path("tables")).unwrap().count(), 4);
}

#[test]
fn captures_are_open_only_while_they_are_read() {
    let room = Room::new();
    room.dpp(&["generate", "in.pcap", "--transactions", "100"]).well();
    room.dpp(&["in.pcap", "in.csv"]).well();
    let capture = room.read("in.pcap");
    fs::create_dir(room.path("packets")).unwrap();
    fs::create_dir(room.path("tables")).unwrap();
    for (at, record) in records(&capture).iter().enumerate() {
        room.write(&format!("packets/{at:04}"), classic(&capture, &[record]));
    }
    room.shell("ulimit -n 24; $DPP extract packets -o out.csv -t 2 --order time").well();
    assert!(room.read("out.csv") == room.read("in.csv"));
    room.shell("ulimit -n 24; $DPP extract packets -o tables -t 2 --per-file").well();
}

#[test]
fn more_captures_than_may_be_open_cannot_be_merged() {
    let room = Room::new();
    room.dpp(&["generate", "in.pcap", "--transactions", "3000"]).well();
    fs::create_dir(room.path("captures")).unwrap();
    // Each is longer than what is read of it at once: one that was read to its end is open no more.
    (10..40).for_each(|number| room.write(&format!("captures/{number}"), room.read("in.pcap")));
    let run = room.shell("ulimit -n 24; $DPP extract captures -o out.csv -t 2 --merge");
    assert_eq!(run.code, Some(1));
    let advice = "cannot be opened, as too many files are open; allow more of them (ulimit -n), or read fewer at a time";
    assert!(run.stderr.contains("Error: 'captures/") && run.stderr.contains(advice), "{}", run.stderr);
}

#[test]
fn a_signal_ends_the_reading_of_all_captures() {
    let room = room();
    room.fifo("fifo");
    let command = ["extract", "parts/0.pcap", "fifo", "in.pcap", "--order", "given", "-o", "out.csv"];
    let child = room.command(&[&command[..], &["--report-format", "json"]].concat()).spawn().unwrap();
    // It opens when it is its turn.
    let mut fifo = File::options().write(true).open(room.path("fifo")).unwrap();
    fifo.write_all(&room.read("parts/3.pcapng")[..60]).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let run = Ended::from(child.wait_with_output().unwrap()).well();
    drop(fifo);
    let report = run.report();
    assert_eq!(report["capture"]["ending"], "interrupted");
    assert_eq!(report["warnings"]["graceful_signal_shutdown"], true);
    let inputs = report["inputs"].as_array().unwrap();
    assert!(inputs.len() <= 2, "what was not reached is not named: {inputs:?}");
    assert_eq!(inputs[0]["ending"], "complete");
    assert!(room.read("in.csv").starts_with(&room.read("out.csv")));
}

#[test]
fn tables_that_are_complete_when_a_signal_comes_stay() {
    let room = room();
    room.fifo("fifo");
    fs::create_dir(room.path("tables")).unwrap();
    let command =
        ["extract", "parts/0.pcap", "fifo", "in.pcap", "--per-file", "--order", "given", "-o", "tables"];
    let child = room.command(&[&command[..], &["--report-format", "json"]].concat()).spawn().unwrap();
    // The FIFO opens when the first table is complete.
    let fifo = File::options().write(true).open(room.path("fifo")).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let run = Ended::from(child.wait_with_output().unwrap()).well();
    drop(fifo);
    assert_eq!(run.report()["capture"]["ending"], "interrupted");
    assert_eq!(run.report()["inputs"].as_array().unwrap().len(), 1);
    room.dpp(&["parts/0.pcap", "alone.csv"]).well();
    assert!(room.read("tables/0.csv") == room.read("alone.csv"));
    assert_eq!(fs::read_dir(room.path("tables")).unwrap().count(), 1);
}

/// Whether a packet comes from a client, as `dpp generate` numbers network cards.
fn is_query(record: &[u8]) -> bool {
    record[16 + 11] == 1
}

/// The queries of a capture and its responses, as a tap of each direction sees them.
fn directions(capture: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (queries, responses): (Vec<_>, Vec<_>) =
        records(capture).into_iter().partition(|record| is_query(record));
    assert!(!queries.is_empty() && !responses.is_empty());
    (classic(capture, &queries), pcapng(&responses))
}

#[test]
fn captures_of_both_directions_are_merged() {
    let room = Room::new();
    // So few that no two packets are of the same time.
    room.dpp(&["generate", "in.pcap", "--transactions", "3000", "--qps", "50"]).well();
    room.dpp(&["in.pcap", "in.csv"]).well();
    let (queries, responses) = directions(&room.read("in.pcap"));
    room.write("queries.pcap", queries);
    room.write("responses.pcapng.gz", gzip(&responses));
    for threads in ["1", "3"] {
        check(&room, &["queries.pcap", "responses.pcapng.gz", "--merge", "-t", threads]);
        check(&room, &["responses.pcapng.gz", "queries.pcap", "--merge", "--order", "given", "-t", threads]);
    }
    room.dpp(&["extract", "queries.pcap", "responses.pcapng.gz", "-o", "out.csv"]).well();
    assert!(room.read("out.csv") != room.read("in.csv"), "one after the other they are something else");
    let arguments =
        ["extract", "*ueries.pcap", "res*", "--merge", "-o", "out.csv", "--report-format", "json"];
    let report = room.dpp(&arguments).well().report();
    assert_eq!(report["config"]["merge"], true);
    assert_eq!(report["inputs"].as_array().unwrap().len(), 2);
    assert_eq!(report["capture"]["regressions"], 0);
}

#[test]
fn an_end_of_a_merged_capture_is_told_with_its_name() {
    let room = Room::with_capture();
    let (queries, responses) = directions(&room.read("in.pcap"));
    room.write("queries.pcap", queries);
    room.write("responses.pcapng", &responses[..responses.len() - 1]);
    room.write("text", "no capture");
    let run = room.dpp(&["extract", "queries.pcap", "responses.pcapng", "--merge", "-o", "out.csv"]).well();
    assert!(run.stderr.contains("WARN: 'responses.pcapng' is cut off"), "{}", run.stderr);
    check_refused(&room, &["queries.pcap", "text", "--merge", "-o", "new.csv"], &["'text' is no capture"]);
}

/// A packet of one client that asks the same of the same port under the same number, over and over.
fn record(millis: u32, is_query: bool) -> Vec<u8> {
    let dns =
        [b"\0\x07", &[u8::from(!is_query) << 7, 0][..], b"\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01"].concat();
    let (ports, addresses) = match is_query {
        true => ([0x99, 0x99, 0, 53], [10, 0, 0, 1, 10, 0, 0, 2]),
        false => ([0, 53, 0x99, 0x99], [10, 0, 0, 2, 10, 0, 0, 1]),
    };
    let udp = [&ports[..], &[0, 8 + dns.len() as u8, 0, 0], &dns].concat();
    let ip = [&[0x45, 0, 0, 20 + udp.len() as u8, 0, 0, 0, 0, 64, 17, 0, 0][..], &addresses, &udp].concat();
    let frame = [&[0; 12][..], &[8, 0], &ip].concat();
    let length = frame.len() as u32;
    let header = [1_700_000_000 + millis / 1000, millis % 1000 * 1000, length, length];
    [header.map(u32::to_le_bytes).concat(), frame].concat()
}

#[test]
fn a_merge_that_is_stopped_wrote_the_first_rows_of_the_whole() {
    let room = Room::new();
    let header = crate::room::pcap(&[]);
    // A query that misses its response is timed out by the next one.
    let queries: Vec<_> = (0..20_000).map(|at| record(at * 2000, true)).collect();
    let responses: Vec<_> = (0..20_000).map(|at| record(at * 2000 + 1, false)).collect();
    let whole: Vec<_> =
        queries.iter().zip(&responses).flat_map(|(query, response)| [&query[..], response]).collect();
    room.write("in.pcap", classic(&header, &whole));
    room.dpp(&["in.pcap", "in.csv"]).well();
    room.write("queries.pcap", [&header[..], &queries.concat()].concat());
    room.fifo("fifo");
    let arguments =
        ["extract", "queries.pcap", "fifo", "--merge", "-o", "out.csv", "--report-format", "json"];
    let child = room.command(&arguments).spawn().unwrap();
    let mut fifo = File::options().write(true).open(room.path("fifo")).unwrap();
    fifo.write_all(&[&header[..], &responses[..10_000].concat()].concat()).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let run = Ended::from(child.wait_with_output().unwrap()).well();
    drop(fifo);
    assert_eq!(run.report()["capture"]["ending"], "interrupted");
    assert_eq!(run.report()["capture"]["cut_off"], 0);
    let (part, whole) = (room.lines("out.csv"), room.lines("in.csv"));
    assert!(part.len() > 1000 && part.len() < whole.len(), "{} rows", part.len());
    let differs = part.iter().zip(&whole).position(|(part, whole)| part != whole);
    assert_eq!(differs, None, "the rows are the first of the whole table");
}

#[test]
fn the_environment_speaks_to_extract_too() {
    let room = room();
    let mut command = room.command(&["extract"]);
    command.envs([("DPP_FILENAME", "parts/*"), ("DPP_OUTPUT_FILENAME", "out.csv"), ("DPP_ORDER", "time")]);
    command.env("DPP_SILENT", "on");
    let run = Ended::from(command.output().unwrap()).well();
    assert!(run.stderr.is_empty() && room.read("out.csv") == room.read("in.csv"), "{}", run.stderr);
    let run = Ended::from(room.command(&["extract", "parts"]).env("DPP_ORDER", "size").output().unwrap());
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("DPP_ORDER is 'size'; allowed is name, time or given"), "{}", run.stderr);
    fs::create_dir(room.path("tables")).unwrap();
    let mut command = room.command(&["extract", "parts", "-o", "tables"]);
    assert!(command.env("DPP_PER_FILE", "yes").status().unwrap().success());
    assert_eq!(fs::read_dir(room.path("tables")).unwrap().count(), 4);
}
