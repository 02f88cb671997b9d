//! Datasets: directories of files by partition, that are the same however often a run was killed.

use crate::room::Room;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

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

/// The files below a directory of the room, by their names from there, but for the manifest.
fn files(room: &Room, directory: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let (root, mut found) = (room.path(directory), BTreeMap::new());
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
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
    found.remove(Path::new("_dpp_manifest.json")).expect("there is a manifest");
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

#[test]
fn a_run_that_was_killed_and_is_started_again_leaves_the_same() {
    let room = room();
    room.dpp(&make(&["a.pcap", "b.pcap"], "whole", &[])).well();
    let whole = files(&room, "whole");
    // How far it has come when it is killed is decided by how much of the second capture it has been given.
    let capture = room.read("b.pcap");
    for bytes in [24, capture.len() / 2, capture.len() - 1] {
        let (set, pipe) = (format!("set-{bytes}"), format!("pipe-{bytes}"));
        let path = room.fifo(&pipe);
        let mut child = room
            .command(&make(&["a.pcap", &pipe], &set, &["--order", "given"]))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dpp starts");
        let mut writer = fs::OpenOptions::new().write(true).open(&path).expect("dpp opens the pipe");
        writer.write_all(&capture[..bytes]).expect("dpp reads");
        child.kill().expect("it still waits for the rest");
        child.wait().expect("it is gone");
        drop(writer);
        room.dpp(&make(&["a.pcap", "b.pcap"], &set, &[])).well();
        assert!(files(&room, &set) == whole, "killed after {bytes} bytes");
    }
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
    room.dpp(&make(&["a.pcap", "b.pcap"], "set", &["--per-file"])).well();
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
    refused(&make(&["a.pcap"], "b.pcap", &[]), "is no directory");
    refused(&["extract", "a.pcap", "--partition-by", "day"], "name it with -o");
    refused(&["extract", "a.pcap", "-o", "x", "--partition-by", "days"], "'days' is neither");
    refused(&["extract", "a.pcap", "-o", "x", "--sort-by", "qnam"], "did you mean 'qname'?");
    refused(&["extract", "a.pcap", "-o", "x", "--rows-per-file", "0"], "allowed is a number above 0");
    refused(&["extract", "set", "-o", "set", "--rows-per-file", "5"], "set");
}
