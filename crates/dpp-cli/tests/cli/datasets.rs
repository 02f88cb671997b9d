//! Datasets: directories of files by partition, that are the same however often a run was killed.

use crate::frames;
use crate::room::{Ended, Room, pcap};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const PARTS: [&str; 6] =
    ["--partition-by", "hour,transport,qtype", "--rows-per-file", "700", "--sort-by", "qname,query_time"];

const MANIFEST: &str = "_dpp_manifest.json";

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
    files.remove(Path::new(MANIFEST)).expect("there is a manifest");
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

/// A capture of so many queries, the first for A and all others for A and AAAA of one name, with an option of so many bytes.
fn queries(count: usize, padding: u16) -> Vec<u8> {
    let query = |number: usize| {
        let mut message = frames::message(7, 0x0100, &format!("n{}.example", number % 7));
        if number > 0 {
            message[5] = 2;
            message.extend_from_slice(&[0xC0, 12, 0, 28, 0, 1]);
        }
        message[11] = 1;
        message.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0]);
        message.extend([padding + 4, 12, padding].map(u16::to_be_bytes).as_flattened());
        message.resize(message.len() + usize::from(padding), 0);
        frames::udp(&format!("192.0.2.1:{}", 10_000 + number), "192.0.2.53:53", &message)
    };
    let queries: Vec<Vec<u8>> = (0..count).map(query).collect();
    pcap(&queries.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// How many packets a classic pcap has.
fn packets(capture: &[u8]) -> usize {
    let (mut rest, mut count) = (&capture[24..], 0);
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().expect("four bytes"));
        (rest, count) = (&rest[16 + length as usize..], count + 1);
    }
    count
}

#[test]
fn messages_of_several_questions_are_written_once_however_many_rows_there_are() {
    let room = Room::new();
    // Rows that are handed on at a time: that many would end between the two of a message.
    const BATCH: usize = 1 << 14;
    room.write("many.pcap", queries(BATCH / 2 + 100, 0));
    // And so long that what C-DNS prepares at a time ends between them, too.
    room.write("long.pcap", queries(BATCH / 2 + 100, 2200));
    for (capture, format) in [("many", "pcap"), ("many", "dnstap"), ("many", "cdns"), ("long", "cdns")] {
        let (input, set) = (format!("{capture}.pcap"), format!("{capture}-{format}"));
        let whole = format!("{set}.{format}");
        room.dpp(&["extract", &input, "-s", "-o", &whole]).well();
        room.dpp(&["extract", &input, "-s", "-f", format, "-o", &set, "--partition-by", "year"]).well();
        let files = files(&room, &set);
        assert_eq!(files.len(), 1);
        assert!(files.into_values().all(|file| file == room.read(&whole)), "{set}");
    }
}

#[test]
fn messages_of_several_questions_are_written_once_wherever_their_rows_go() {
    let room = Room::new();
    const COUNT: usize = 700;
    room.write("in.pcap", queries(COUNT, 0));
    for (set, options, several) in [
        ("rows", &["--rows-per-file", "100"][..], true),
        ("bytes", &["--bytes-per-file", "100k"], true),
        ("parted", &["--partition-by", "qtype"], false),
        ("sorted", &["--sort-by", "qtype,qname"], false),
        ("all", &["--partition-by", "qtype", "--sort-by", "qtype", "--rows-per-file", "100"], true),
    ] {
        for format in ["pcap", "cdns"] {
            let set = format!("{set}-{format}");
            room.dpp(&[&["extract", "in.pcap", "-s", "-f", format, "-o", &set][..], options].concat()).well();
            let files = files(&room, &set);
            assert_eq!(files.len() > 1, several, "{set}");
            // They are where those of the first question are.
            assert!(files.keys().all(|path| !path.starts_with("qtype=28")), "{set}");
            if format == "pcap" {
                assert_eq!(files.values().map(|file| packets(file)).sum::<usize>(), COUNT, "{set}");
                continue;
            }
            // An item is read back as a row of its first question.
            let names: Vec<String> =
                files.keys().map(|path| format!("{set}/{}", path.to_string_lossy())).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            room.dpp(&[&["extract", "-s", "-o", "back.csv", "--order", "given"][..], &names].concat()).well();
            assert_eq!(room.lines("back.csv").len(), 1 + COUNT, "{set}");
        }
    }
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
        // Some fifty files, and a while between each and the next.
        let parts = ["-s", "-f", "csv", "--partition-by", "transport,qtype", "--rows-per-file", "150"];
        let run =
            |to: &'static str| [&["extract", "a.pcap", "b.pcap", "-o", to], &parts[..], per_file].concat();
        room.dpp(&run("whole")).well();
        let whole = everything(&room, "whole");
        let points = [(Signal::KILL, &[0, 1, 9, 30][..]), (Signal::INT, &[0, 5, 30])];
        for (stop, number) in
            points.into_iter().flat_map(|(stop, all)| all.iter().map(move |&number| (stop, number)))
        {
            stop_at(&room, &run("set"), "set", number, stop);
            room.dpp(&run("set")).well();
            assert!(everything(&room, "set") == whole, "{stop:?} at {number} files {per_file:?}");
            fs::remove_dir_all(room.path("set")).expect("it is removed");
        }
        // Stopped again and again.
        for number in [30, 20, 1] {
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
    let options = ["-s", "-f", "csv", "--partition-by", "transport", "--per-file"];
    let run = |inputs: &[&'static str], to: &'static str| [&["extract", "-o", to], inputs, &options].concat();
    room.dpp(&run(&["a.pcap"], "set")).well();
    let before = everything(&room, "set");
    // A file that is too long ends the run as a full disk does; or it kills it, if nobody takes the signal.
    for trap in ["trap '' XFSZ;", "ulimit -c 0;"] {
        let words = run(&["b.pcap"], "set").join(" ");
        let ended = room.shell(&format!("{trap} ulimit -f 40; exec \"$DPP\" {words}"));
        assert_ne!(ended.code, Some(0));
        if ended.code.is_some() {
            assert!(ended.stderr.contains("larger than the file system or a limit"), "{}", ended.stderr);
            assert!(everything(&room, "set") == before, "nothing is left of it");
        }
        let now = everything(&room, "set");
        let tables = before.iter().filter(|(path, _)| *path != Path::new(MANIFEST));
        assert!(tables.into_iter().all(|(path, content)| now.get(path) == Some(content)));
    }
    room.dpp(&run(&["b.pcap"], "set")).well();
    room.dpp(&run(&["a.pcap", "b.pcap"], "whole")).well();
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
fn a_copy_of_a_capture_or_a_longer_one_is_not_taken_for_another() {
    let room = room();
    fs::create_dir(room.path("x")).expect("a folder");
    let (capture, half) = (room.read("a.pcap"), room.read("a.pcap").len() / 2);
    assert!(half > 64 << 10, "a shorter one could be like another by chance");
    room.write("x/a.pcap", &capture[..half]);
    room.write("copy.pcap", &capture);
    let refused = |inputs: &[&str], to: &str, more: &[&str]| {
        let before = everything(&room, to);
        let ended = room.dpp(&make(inputs, to, more));
        let told = "is in the dataset: one is a copy of the other, or has grown";
        assert!(ended.code == Some(1) && ended.stderr.contains(told), "{inputs:?}: {}", ended.stderr);
        assert!(everything(&room, to) == before);
    };
    for more in [&[][..], &["--per-file"]] {
        room.dpp(&make(&["x/a.pcap"], "set", more)).well();
        for other in ["a.pcap", "copy.pcap"] {
            refused(&[other], "set", more);
            refused(&["b.pcap", other], "set", more);
        }
        // The remedy is to leave it out.
        room.dpp(&make(&["b.pcap"], "set", more)).well();
        fs::remove_dir_all(room.path("set")).expect("it is removed");
    }
    // Both at once are known before the first is begun.
    room.dpp(&make(&["b.pcap"], "set", &["--per-file"])).well();
    refused(&["a.pcap", "copy.pcap"], "set", &["--per-file"]);
}

#[test]
fn a_capture_without_packets_may_be_called_as_any_other() {
    let room = room();
    // Of a pcapng a block each for the section and the interface; the others are of a header only.
    let section = [0x0A0D_0D0A, 28, 0x1A2B_3C4D, 1, u32::MAX, u32::MAX, 28];
    let interface = [1, 20, 1, 0, 20];
    let blocks = [&section[..], &interface].concat();
    let ng: Vec<u8> = blocks.into_iter().flat_map(u32::to_le_bytes).collect();
    room.write("packed", pcap(&[]));
    room.shell("gzip -n packed").well();
    for (name, silent) in [("pcap", pcap(&[])), ("pcapng", ng), ("gz", room.read("packed.gz"))] {
        let capture = |folder: &str, file: &str| format!("{name}-{folder}/{file}.{name}");
        for (folder, from) in [("1", "a.pcap"), ("2", "b.pcap")] {
            fs::create_dir(room.path(&format!("{name}-{folder}"))).expect("a folder");
            room.write(&capture(folder, from), room.read(from));
            room.write(&capture(folder, "eth1"), &silent);
        }
        let set = format!("set-{name}");
        let [a, b] = [("1", "a.pcap"), ("2", "b.pcap")].map(|(folder, from)| {
            let inputs = [capture(folder, from), capture(folder, "eth1")];
            room.dpp(&make(&[&inputs[0], &inputs[1]], &set, &[])).well();
            files(&room, &set).len()
        });
        assert!(b > a, "{name}");
        // What it was when it was read is in the dataset; now there is more.
        room.write(&capture("1", "eth1"), pcap(&[&[0; 60]]));
        room.dpp(&make(&[&capture("1", "eth1")], &set, &[])).well();
        // With a packet it is as any other.
        fs::create_dir_all(room.path("x")).expect("a folder");
        room.write("x/one.pcap", pcap(&[&[0; 60]]));
        room.dpp(&make(&["x/one.pcap"], &set, &[])).well();
        let ended = room.dpp(&make(&["x/one.pcap", &capture("2", "eth1")], &set, &[]));
        assert!(
            ended.code == Some(1) && ended.stderr.contains("one.pcap' is in the dataset already"),
            "{name}"
        );
    }
}

#[test]
fn what_was_left_out_is_not_said_to_be_complete() {
    let room = room();
    room.write("aa.pcap", "no capture");
    for more in [&["--keep-going"][..], &["--keep-going", "--per-file"]] {
        let run = make(&["a.pcap", "aa.pcap", "b.pcap"], "set", more);
        for _ in 0..2 {
            let ended = room.dpp(&run);
            assert!(ended.code == Some(1) && ended.stderr.contains("aa.pcap"), "{}", ended.stderr);
            let manifest = String::from_utf8(room.read("set/_dpp_manifest.json")).expect("text");
            assert!(!manifest.contains("aa.pcap") && manifest.contains("b.pcap"), "{manifest}");
        }
        room.dpp(&[&make(&["a.pcap", "b.pcap"], "whole", &more[1..])[..]].concat()).well();
        assert!(everything(&room, "set") == everything(&room, "whole"));
        for set in ["set", "whole"] {
            fs::remove_dir_all(room.path(set)).expect("it is removed");
        }
    }
}

#[test]
fn a_capture_that_was_cut_off_is_an_error_each_time_if_it_must_not_be() {
    let room = room();
    let capture = room.read("a.pcap");
    room.write("cut.pcap", &capture[..capture.len() - 5]);
    let strictly = make(&["cut.pcap"], "set", &["--strict"]);
    assert_eq!(room.dpp(&strictly).code, Some(1));
    let before = everything(&room, "set");
    let again = room.dpp(&strictly);
    assert!(again.code == Some(1) && again.stderr.contains("ended as 'cut_off'"), "{}", again.stderr);
    room.dpp(&make(&["cut.pcap"], "set", &[])).well();
    assert!(everything(&room, "set") == before);
}

#[test]
fn a_condition_beside_what_is_hidden_is_not_told_and_not_mixed_up() {
    let room = room();
    room.write("key", "00112233445566778899aabbccddeeff");
    let run = |condition: &'static str, more: &[&'static str], to: &'static str| {
        make(&["a.pcap"], to, &[&["--where", condition, "--hide-addresses"], more].concat())
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let dpp = |words: Vec<String>| room.dpp(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let keyed = ["hmac", "--hide-key", "key"];
    dpp(run("src_ip in 10.0.0.0/8", &keyed, "set")).well();
    dpp(run("src_ip in 10.0.0.0/8", &keyed, "set")).well();
    let other = dpp(run("src_ip in 10.0.0.0/9", &keyed, "set"));
    assert!(other.stderr.contains("(other: where_fingerprint)"), "{}", other.stderr);
    let manifest = |set: &str| String::from_utf8(room.read(&format!("{set}/{MANIFEST}"))).expect("text");
    assert!(!manifest("set").contains("10.0.0.0"), "{}", manifest("set"));
    room.dpp(&make(&["a.pcap"], "names", &["--hide-names", "drop"])).well();
    room.dpp(&make(&["a.pcap"], "plain", &[])).well();
    for (set, is_anonymized) in [("set", true), ("names", true), ("plain", false)] {
        assert!(manifest(set).contains(&format!("\"anonymized\": {is_anonymized}")), "{}", manifest(set));
    }
    let refused = dpp(run("src_ip in 10.0.0.0/8", &["truncate"], "short"));
    assert!(
        refused.code == Some(1) && refused.stderr.contains("choose a scheme with a key"),
        "{}",
        refused.stderr
    );
    assert!(!room.path("short").exists());
    dpp(run("qtype = A", &["truncate"], "short")).well();
    let other = dpp(run("qtype = AAAA", &["truncate"], "short"));
    assert!(other.stderr.contains("(other: where)"), "{}", other.stderr);
}

#[test]
fn a_schema_of_a_tool_that_writes_text_makes_files_of_text() {
    let room = room();
    for (schema, extension) in
        [("zeek", "tsv"), ("ecs", "jsonl"), ("full", "parquet"), ("dns-probe", "parquet")]
    {
        room.dpp(&["extract", "a.pcap", "-s", "-o", schema, "--partition-by", "day", "--schema", schema])
            .well();
        let names: Vec<PathBuf> = files(&room, schema).into_keys().collect();
        let is_so = |path: &PathBuf| path.extension().is_some_and(|known| known == extension);
        assert!(!names.is_empty() && names.iter().all(is_so), "{names:?}");
    }
}

#[test]
fn what_can_be_read_only_once_stays_and_is_not_mixed_up() {
    let room = room();
    let path = room.fifo("live");
    let capture = room.read("a.pcap");
    let run = make(&["live"], "set", &[]);
    let child = room.command(&run).spawn().expect("dpp starts");
    let mut writer = fs::OpenOptions::new().write(true).open(&path).expect("dpp opens the pipe");
    writer.write_all(&capture).expect("dpp reads");
    kill_process(Pid::from_child(&child), Signal::INT).expect("it still waits for more");
    Ended::from(child.wait_with_output().expect("it ends")).well();
    drop(writer);
    let before = files(&room, "set");
    assert!(!before.is_empty());
    room.dpp(&make(&["b.pcap"], "set", &[])).well();
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
fn a_capture_that_becomes_a_copy_while_others_are_read_is_refused() {
    let room = room();
    room.dpp(&["generate", "c.pcap", "--transactions", "300", "--seed", "3"]).well();
    for more in [&[][..], &["--keep-going"]] {
        room.write("b.pcap", room.read("c.pcap"));
        room.dpp(&make(&["a.pcap"], "set", &["--per-file"])).well();
        let path = room.fifo("live");
        let options = [&["--per-file", "--order", "given"], more].concat();
        let mut command = room.command(&make(&["live", "b.pcap"], "set", &options));
        let child = command.spawn().expect("dpp starts");
        let mut writer = fs::OpenOptions::new().write(true).open(&path).expect("dpp opens the pipe");
        room.write("b.pcap", room.read("a.pcap"));
        writer.write_all(&room.read("c.pcap")).expect("dpp reads");
        drop(writer);
        let ended = Ended::from(child.wait_with_output().expect("it ends"));
        let is_told = ended.stderr.contains("a.pcap' does, which is in the dataset");
        assert!(ended.code == Some(1) && is_told, "{more:?}: {}", ended.stderr);
        let names = files(&room, "set").into_keys().map(|path| path.to_string_lossy().into_owned());
        let names: Vec<String> = names.collect();
        assert!(names.iter().any(|name| name.contains("/live-")), "{names:?}");
        assert!(!names.iter().any(|name| name.contains("/b-")), "{names:?}");
        fs::remove_dir_all(room.path("set")).expect("it is removed");
        fs::remove_file(path).expect("it is removed");
    }
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
    refused(&make(&["a.pcap"], "set", &["--servers", "servers", "--merge"]), "merge");
    refused(&make(&["a.pcap"], "set", &["--servers", "servers", "--per-file"]), "per_file");
    refused(&make(&["a.pcap"], "set", &["--servers", "servers", "--sample", "client:1/2"]), "sample");
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
    refused(&make(&["./a.pcap"], ".", &[]), "lies in the dataset's directory");
    room.write("plain", "something");
    refused(&make(&["a.pcap"], "plain", &[]), "is no directory");
    refused(&make(&["a.pcap"], "set.jsonl", &[]), "a directory, here of csv files; add -f jsonl");
    refused(
        &["extract", "a.pcap", "-o", "e5.csv", "--partition-by", "day"],
        "here of parquet files; add -f csv",
    );
    refused(&make(&["a.pcap"], "set.csv.gz", &[]), "is not packed; name it without .gz");
    refused(&make(&["a.pcap"], "set.xz", &[]), "is not packed; name it without .xz");
    refused(&["extract", "a.pcap", "-o", "x", "--partition-by", "day,day"], "'day' stands there twice");
    refused(&["extract", "plain", "-o", "x", "--partition-by", "day"], "plain");
    assert!(!room.path("x").exists() && !room.path("e5.csv").exists(), "what is refused leaves nothing");
    refused(&["extract", "a.pcap", "--partition-by", "day"], "name it with -o");
    refused(&["extract", "a.pcap", "-o", "x", "--partition-by", "days"], "'days' is neither");
    refused(&["extract", "a.pcap", "-o", "x", "--sort-by", "qnam"], "did you mean 'qname'?");
    refused(
        &["extract", "a.pcap", "-o", "x", "--partition-by", "day,server"],
        "--partition-by: the column 'server' needs names",
    );
    refused(
        &["extract", "a.pcap", "-o", "x", "--sort-by", "country"],
        "--sort-by: the column 'country' needs a database",
    );
    refused(&["extract", "a.pcap", "-o", "x", "--rows-per-file", "0"], "allowed is a number above 0");
    refused(&["extract", "set", "-o", "set", "--rows-per-file", "5"], "set");
}
