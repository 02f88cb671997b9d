//! Datasets: directories of files by partition, that are the same however often a run was killed.

use crate::room::{Ended, Room};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const PARTS: [&str; 6] =
    ["--partition-by", "hour,transport,qtype", "--rows-per-file", "700", "--sort-by", "qname,query_time"];

/// A room with two captures that follow each other by time.
fn room() -> Room {
    let room = Room::new();
    for (name, seed) in [("a.pcap", "1"), ("b.pcap", "2")] {
        room.dpp(&["generate", name, "--transactions", "3000", "--seed", seed, "--clients", "50"]).well();
    }
    room
}

/// How many lines a text has.
fn lines(text: &[u8]) -> usize {
    text.iter().filter(|octet| **octet == b'\n').count()
}

/// The files below a directory of the room, by their names from there, but for the manifest.
fn files(room: &Room, directory: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = everything(room, directory);
    files.remove(Path::new("_dpp_manifest.json")).expect("there is a manifest");
    files
}

/// All files below a directory of the room, and folders without any.
fn everything(room: &Room, directory: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let (root, mut found) = (room.path(directory), BTreeMap::new());
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let entries: Vec<_> = fs::read_dir(&folder).expect("a folder").collect();
        if entries.is_empty() {
            found.insert(folder.strip_prefix(&root).expect("it lies there").to_owned(), b"empty".to_vec());
        }
        for entry in entries {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name = path.strip_prefix(&root).expect("it lies there").to_owned();
                    found.insert(name, fs::read(&path).expect("a file"));
                }
            }
        }
    }
    found
}

fn make<'a>(inputs: &[&'a str], to: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["extract"][..], inputs, &["-s", "-o", to, "-f", "csv"], &PARTS, more].concat()
}

#[test]
fn all_rows_are_there_in_their_folders_and_sorted() {
    let room = room();
    let fields = ["--fields", "qname,query_time,qtype,transport,id"];
    room.dpp(&make(&["a.pcap", "b.pcap"], "set", &fields)).well();
    room.dpp(&[&["extract", "a.pcap", "b.pcap", "-s", "-o", "whole.csv"][..], &fields].concat()).well();
    let mut rows = Vec::new();
    for (path, content) in files(&room, "set") {
        let name = path.to_str().expect("UTF-8");
        let folders: Vec<&str> = name.split('/').collect();
        assert!(folders[0].starts_with("hour=") && folders[1].starts_with("transport="), "{name}");
        let qtype = folders[2].strip_prefix("qtype=").expect("a folder by type");
        let text = String::from_utf8(content).expect("text");
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert!((1..=700).contains(&lines.len()), "{name} has {} rows", lines.len());
        assert!(lines.iter().all(|line| line.split(',').nth(2) == Some(qtype)), "{name}");
        let reversed = |line: &&str| {
            let name = line.split(',').next().unwrap_or_default().to_lowercase();
            name.split('.').rev().map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(lines.is_sorted_by_key(reversed), "{name}");
        rows.extend(lines.iter().map(|line| (*line).to_owned()));
    }
    let mut whole: Vec<String> = room.lines("whole.csv").into_iter().skip(1).collect();
    rows.sort();
    whole.sort();
    assert_eq!(rows, whole);
}

#[test]
fn the_same_bytes_come_for_any_number_of_workers() {
    let room = room();
    for (threads, to) in [("1", "one"), ("2", "two"), ("5", "five")] {
        room.dpp(&make(&["a.pcap", "b.pcap"], to, &["--threads", threads])).well();
    }
    let one = files(&room, "one");
    assert!(one.len() > 10);
    assert!(one == files(&room, "two") && one == files(&room, "five"));
}

/// How many files there are below a directory of the room, under their names.
fn count(room: &Room, directory: &str) -> usize {
    let (mut folders, mut count) = (vec![room.path(directory)], 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.path().extension() {
                _ if entry.path().is_dir() => folders.push(entry.path()),
                Some(extension) if extension == "csv" => count += 1,
                _ => {}
            }
        }
    }
    count
}

/// Begins a run, and sends it a signal when it has written so many files. What it is then, it is: this must hold at any moment.
fn stop_at(room: &Room, arguments: &[&str], directory: &str, files: usize, stop: Signal) {
    let mut child =
        room.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("dpp starts");
    while count(room, directory) < files && child.try_wait().expect("it is ours").is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = kill_process(Pid::from_child(&child), stop);
    child.wait().expect("it is gone");
}

#[test]
fn a_run_that_was_stopped_and_is_started_again_leaves_the_same() {
    let room = room();
    for per_file in [&[][..], &["--per-file"]] {
        let more = [&["--rows-per-file", "40"], per_file].concat();
        let parts = ["--partition-by", "hour,transport,qtype", "--sort-by", "qname,query_time"];
        let run = |to: &'static str| {
            [&["extract", "a.pcap", "b.pcap", "-s", "-f", "csv", "-o", to], &parts[..], &more].concat()
        };
        room.dpp(&run("whole")).well();
        let whole = everything(&room, "whole");
        for stop in [Signal::KILL, Signal::INT] {
            for number in [0, 1, 7, 60, 110] {
                stop_at(&room, &run("set"), "set", number, stop);
                room.dpp(&run("set")).well();
                assert!(everything(&room, "set") == whole, "{stop:?} at {number} files {per_file:?}");
                fs::remove_dir_all(room.path("set")).expect("it is removed");
            }
        }
        // Stopped again and again, and then another run between.
        for number in [90, 30, 1] {
            stop_at(&room, &run("set"), "set", number, Signal::KILL);
        }
        room.dpp(&run("set")).well();
        assert!(everything(&room, "set") == whole);
        for set in ["set", "whole"] {
            fs::remove_dir_all(room.path(set)).expect("it is removed");
        }
    }
}

#[test]
fn a_full_disk_leaves_what_was_complete_and_the_next_run_makes_the_same() {
    let room = room();
    let run = "extract b.pcap -s -f csv -o set --partition-by transport --per-file";
    let words: Vec<&str> = run.split(' ').collect();
    room.dpp(&[
        "extract",
        "a.pcap",
        "-s",
        "-f",
        "csv",
        "-o",
        "set",
        "--partition-by",
        "transport",
        "--per-file",
    ])
    .well();
    let before = everything(&room, "set");
    // A file that is too long ends the run as a full disk does; or it kills it, if nobody takes the signal.
    for trap in ["trap '' XFSZ;", "ulimit -c 0;"] {
        let ended = room.shell(&format!("{trap} ulimit -f 40; exec \"$DPP\" {run}"));
        assert_ne!(ended.code, Some(0));
        if ended.code.is_some() {
            assert!(ended.stderr.contains("larger than the file system or a limit"), "{}", ended.stderr);
            assert!(everything(&room, "set") == before, "nothing is left of it");
        }
        assert!(before.iter().filter(|(path, _)| !path.starts_with("_dpp")).all(|(path, content)| {
            fs::read(room.path("set").join(path)).is_ok_and(|now| now == *content)
        }));
    }
    room.dpp(&words).well();
    room.dpp(&[&words[..5], &["-o", "whole"], &words[7..8], &["transport", "--per-file", "a.pcap"]].concat())
        .well();
    assert!(everything(&room, "set") == everything(&room, "whole"));
}

#[test]
fn runs_into_one_directory_have_nothing_in_common_and_their_order_does_not_matter() {
    let room = room();
    fs::create_dir(room.path("x")).expect("a folder");
    room.write("x/a.pcap", room.read("b.pcap"));
    for more in [&[][..], &["--per-file"]] {
        for (set, runs) in [("ab", ["a.pcap", "x/a.pcap"]), ("ba", ["x/a.pcap", "a.pcap"])] {
            room.dpp(&make(&runs[..1], set, more)).well();
            let first = files(&room, set);
            room.dpp(&make(&runs[1..], set, more)).well();
            let both = files(&room, set);
            assert!(first.iter().all(|(path, content)| both.get(path) == Some(content)));
            assert!(both.len() > first.len());
        }
        assert!(everything(&room, "ab") == everything(&room, "ba"));
        let rows = |set| files(&room, set).values().map(|content| lines(content) - 1).sum::<usize>();
        room.dpp(&["extract", "a.pcap", "-s", "-o", "a.csv"]).well();
        room.dpp(&["extract", "b.pcap", "-s", "-o", "b.csv"]).well();
        assert_eq!(rows("ab"), room.lines("a.csv").len() + room.lines("b.csv").len() - 2);
        if more == ["--per-file"] {
            // At once it is the same as one by one, though the captures are called the same.
            room.dpp(&make(&["a.pcap", "x/a.pcap"], "at-once", more)).well();
            assert!(everything(&room, "ab") == everything(&room, "at-once"));
        }
        for set in ["ab", "ba"] {
            fs::remove_dir_all(room.path(set)).expect("it is removed");
        }
    }
}

#[test]
fn captures_are_not_read_into_a_dataset_twice() {
    let room = room();
    room.dpp(&["generate", "c.pcap", "--transactions", "300", "--seed", "3"]).well();
    let unchanged = |arguments: &[&str], set: &str, reason: &str| {
        let before = everything(&room, set);
        let ended = room.dpp(arguments);
        assert!(ended.code == Some(1) && ended.stderr.contains(reason), "{arguments:?}: {}", ended.stderr);
        assert!(everything(&room, set) == before, "{arguments:?}");
    };
    // A directory from which old captures go and new ones come.
    room.dpp(&make(&["a.pcap", "b.pcap"], "set", &[])).well();
    let again = "b.pcap' is in the dataset already, where it was read as one with another (2 captures from ";
    unchanged(&make(&["b.pcap", "c.pcap"], "set", &[]), "set", again);
    unchanged(&make(&["b.pcap", "a.pcap"], "set", &["--order", "given"]), "set", "is in the dataset already");
    room.dpp(&make(&["a.pcap", "b.pcap"], "each", &["--per-file"])).well();
    room.dpp(&make(&["b.pcap", "c.pcap"], "each", &["--per-file"])).well();
    room.dpp(&make(&["a.pcap", "b.pcap", "c.pcap"], "all", &["--per-file"])).well();
    assert!(everything(&room, "each") == everything(&room, "all"));
    // One that was moved is the same.
    fs::create_dir(room.path("old")).expect("a folder");
    fs::rename(room.path("c.pcap"), room.path("old/c.pcap")).expect("it is moved");
    room.dpp(&make(&["old/c.pcap"], "all", &["--per-file"])).well();
    assert!(everything(&room, "each") == everything(&room, "all"));
    // One that has grown is not.
    room.dpp(&["generate", "a.pcap", "--transactions", "3100", "--seed", "1", "--clients", "50"]).well();
    let grown = make(&["a.pcap", "b.pcap"], "all", &["--per-file"]);
    unchanged(&grown, "all", "a.pcap' is not what it was when it was read into the dataset");
    room.dpp(&["generate", "d.pcap", "--transactions", "300", "--seed", "4"]).well();
    let on = room.dpp(&make(&["a.pcap", "d.pcap"], "all", &["--per-file", "--keep-going"]));
    assert!(on.code == Some(1) && on.stderr.contains("going on without it"), "{}", on.stderr);
    room.dpp(&make(&["d.pcap"], "all", &["--per-file"])).well();
    assert!(files(&room, "all").keys().any(|path| path.to_string_lossy().contains("/d-")));
}

#[test]
fn what_can_be_read_only_once_stays_and_is_not_mixed_up() {
    let room = room();
    let path = room.fifo("live");
    let capture = room.read("a.pcap");
    let run = make(&["live"], "set", &["--rows-per-file", "100"]);
    let child = room.command(&run).spawn().expect("dpp starts");
    let mut writer = fs::OpenOptions::new().write(true).open(&path).expect("dpp opens the pipe");
    writer.write_all(&capture).expect("dpp reads");
    kill_process(Pid::from_child(&child), Signal::INT).expect("it still waits for more");
    Ended::from(child.wait_with_output().expect("it ends")).well();
    drop(writer);
    let before = files(&room, "set");
    assert!(!before.is_empty());
    room.dpp(&make(&["b.pcap"], "set", &["--rows-per-file", "100"])).well();
    let after = files(&room, "set");
    assert!(after.len() > before.len());
    assert!(before.iter().all(|(path, content)| after.get(path) == Some(content)));
    let again = room.dpp(&run);
    assert!(
        again.code == Some(1) && again.stderr.contains("live' already, and nobody can tell"),
        "{}",
        again.stderr
    );
}

#[test]
fn only_one_run_at_a_time_writes_to_a_dataset() {
    let room = room();
    let path = room.fifo("live");
    let mut child = room.command(&make(&["live"], "set", &[])).spawn().expect("dpp starts");
    let mut writer = fs::OpenOptions::new().write(true).open(&path).expect("dpp opens the pipe");
    writer.write_all(&room.read("a.pcap")).expect("dpp reads");
    let other = room.dpp(&make(&["b.pcap"], "set", &[]));
    assert!(
        other.code == Some(1) && other.stderr.contains("another run is writing to the dataset"),
        "{}",
        other.stderr
    );
    drop(writer);
    assert!(child.wait().expect("it ends").success());
    room.dpp(&make(&["b.pcap"], "set", &[])).well();
}

#[test]
fn who_asks_for_other_rows_is_told_in_what_the_dataset_differs() {
    let room = room();
    room.write("servers", "198.51.100.1 one\n");
    let run = make(&["a.pcap"], "set", &["--servers", "servers"]);
    room.dpp(&run).well();
    let refused = |arguments: &[&str], what: &str| {
        let ended = room.dpp(arguments);
        let told = format!("was made otherwise (other: {what})");
        assert!(ended.code == Some(1) && ended.stderr.contains(&told), "{arguments:?}: {}", ended.stderr);
    };
    refused(&make(&["a.pcap"], "set", &["--servers", "servers", "--unasked"]), "unasked");
    refused(&make(&["a.pcap"], "set", &["--servers", "servers", "--per-file", "--merge"]), "");
    refused(&make(&["a.pcap"], "set", &["--servers", "servers", "--port", "53,54"]), "ports");
    refused(&make(&["a.pcap"], "set", &[]), "servers_sha256");
    // The same file under another name is the same; another one under the same name is not.
    room.write("copy", room.read("servers"));
    room.dpp(&make(&["a.pcap"], "set", &["--servers", "copy"])).well();
    room.write("servers", "198.51.100.1 two\n");
    refused(&run, "servers_sha256");
    let manifest = String::from_utf8(room.read("set/_dpp_manifest.json")).expect("text");
    assert!(manifest.contains("\"format\": \"csv\"") && !manifest.contains("Settings {"), "{manifest}");
}

#[test]
fn what_is_complete_is_not_done_again_and_what_is_new_is_added() {
    let room = room();
    room.dpp(&make(&["a.pcap"], "set", &["--per-file"])).well();
    let before = files(&room, "set");
    let arguments = make(&["a.pcap"], "set", &["--per-file"]);
    let loudly: Vec<&str> = arguments.into_iter().filter(|argument| *argument != "-s").collect();
    assert!(room.dpp(&loudly).well().stderr.contains("Nothing to do"));
    assert!(files(&room, "set") == before);
    let more = room.dpp(&[&loudly[..], &["b.pcap"]].concat()).well();
    assert!(!more.stderr.contains("stopped by a signal"), "{}", more.stderr);
    let both = files(&room, "set");
    assert!(both.len() > before.len());
    assert!(before.iter().all(|(path, content)| both.get(path) == Some(content)));
    // A file that was lost is written again, and nothing else changes.
    let lost = both.keys().next().expect("there are files");
    fs::remove_file(room.path("set").join(lost)).expect("it is removed");
    room.dpp(&make(&["a.pcap", "b.pcap"], "set", &["--per-file"])).well();
    assert!(files(&room, "set") == both);
}

#[test]
fn a_dataset_is_refused_where_it_does_not_fit() {
    let room = room();
    let refused = |arguments: &[&str], reason: &str| {
        let ended = room.dpp(arguments);
        assert!(ended.code != Some(0) && ended.stderr.contains(reason), "{arguments:?}: {}", ended.stderr);
    };
    fs::create_dir(room.path("full")).expect("a folder");
    room.write("full/x", "something");
    refused(&make(&["a.pcap"], "full", &[]), "has files in it and no manifest");
    room.dpp(&make(&["a.pcap"], "set", &[])).well();
    refused(&make(&["a.pcap"], "set", &["--fields", "id"]), "was made otherwise");
    refused(&make(&["a.pcap"], "a.pcap", &[]), "lies in the dataset's directory");
    room.write("plain", "something");
    refused(&make(&["a.pcap"], "plain", &[]), "is no directory");
    refused(&make(&["a.pcap"], "set.jsonl", &[]), "a directory, here of csv files; add -f jsonl");
    refused(
        &["extract", "a.pcap", "-o", "e5.csv", "--partition-by", "day"],
        "here of parquet files; add -f csv",
    );
    refused(&make(&["a.pcap"], "set.csv.gz", &[]), "name it without .gz or .zst");
    refused(&["extract", "a.pcap", "-o", "x", "--partition-by", "day,day"], "'day' stands there twice");
    refused(&["extract", "plain", "-o", "x", "--partition-by", "day"], "plain");
    assert!(!room.path("x").exists() && !room.path("e5.csv").exists(), "what is refused leaves nothing");
    refused(&["extract", "a.pcap", "--partition-by", "day"], "name it with -o");
    refused(&["extract", "a.pcap", "-o", "x", "--partition-by", "days"], "'days' is neither");
    refused(&["extract", "a.pcap", "-o", "x", "--sort-by", "qnam"], "did you mean 'qname'?");
    refused(&["extract", "a.pcap", "-o", "x", "--rows-per-file", "0"], "allowed is a number above 0");
    refused(&["extract", "set", "-o", "set", "--rows-per-file", "5"], "set");
}
