//! What comes out: formats, names, environment, pipes; and what is left when writing fails.

use crate::frames;
use crate::room::{Room, pcap};
use dpp::dnstap::frames::{Frames, Step};
use dpp::dnstap::{Direction, Dnstap};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const HEADER: &str =
    "request_timestamp,response_timestamp,source_ip,source_port,id,name,query_type,response_code";

/// Which format a file has.
fn format(bytes: &[u8]) -> &'static str {
    match bytes {
        _ if bytes.starts_with(HEADER.as_bytes()) => "csv",
        _ if bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1") => "parquet",
        _ => "neither",
    }
}

#[test]
fn the_format_is_what_f_says_else_the_extension_else_csv() {
    let room = Room::with_capture();
    for (output, option, expected) in [
        ("a.csv", None, "csv"),
        ("a.parquet", None, "parquet"),
        ("a.pq", None, "parquet"),
        ("a.PQ", None, "parquet"),
        ("a.txt", None, "csv"),
        ("a", None, "csv"),
        ("b.parquet", Some("csv"), "csv"),
        ("b.csv", Some("parquet"), "parquet"),
        ("b.txt", Some("pq"), "parquet"),
        ("a.dat", None, "csv"),
        ("a.2026", None, "csv"),
        ("b.pcapng", Some("csv"), "csv"),
    ] {
        let options: Vec<&str> = option.into_iter().flat_map(|format| ["-f", format]).collect();
        room.dpp(&[&["in.pcap", output], &options[..]].concat()).well();
        assert_eq!(format(&room.read(output)), expected, "{output} {option:?}");
    }
}

#[test]
fn an_output_without_a_name_gets_dpps() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap"]).well();
    room.dpp(&["in.pcap", "-f", "parquet"]).well();
    assert_eq!(format(&room.read("dns_output.csv")), "csv");
    assert_eq!(format(&room.read("dns_output.parquet")), "parquet");
}

#[test]
fn the_command_line_goes_before_the_environment() {
    let room = Room::with_capture();
    let silent = room.dpp(&["in.pcap", "a.csv"]).well().stderr;
    assert!(silent.contains("DNS match timeout: 1200 ms"), "the default: {silent}");
    for (arguments, ms) in [(&["in.pcap", "a.csv"][..], 7), (&["in.pcap", "--match-timeout-ms", "9"], 9)] {
        let output = room.command(arguments).env("DPP_MATCH_TIMEOUT_MS", "7").output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(&format!("DNS match timeout: {ms} ms")), "{stderr}");
    }
    let from_environment =
        [("DPP_FILENAME", "in.pcap"), ("DPP_OUTPUT_FILENAME", "env.out"), ("DPP_FORMAT", "pq")];
    room.command(&[]).envs(from_environment).output().unwrap();
    assert_eq!(format(&room.read("env.out")), "parquet");
    room.command(&["-f", "csv"]).envs(from_environment).output().unwrap();
    assert_eq!(format(&room.read("env.out")), "csv");
}

#[test]
fn a_switch_is_on_by_the_command_line_or_by_the_environment() {
    let room = Room::with_capture();
    let is_silent = |value: Option<&str>, arguments: &[&str]| {
        let mut command = room.command(arguments);
        command.envs(value.map(|value| ("DPP_SILENT", value)));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        output.stderr.is_empty()
    };
    for on in ["true", "y", "yes", "enabled", "on", "1", "TRUE", "Yes", "eNabled", "On"] {
        assert!(is_silent(Some(on), &["in.pcap"]), "{on}");
    }
    for off in ["false", "0", "2", "01", "t", "no", "off", "", " 1", "nonsense"] {
        assert!(!is_silent(Some(off), &["in.pcap"]), "{off}");
        assert!(is_silent(Some(off), &["in.pcap", "-s"]), "{off}, but -s");
    }
    assert!(!is_silent(None, &["in.pcap"]));
}

#[test]
fn zstd_is_a_level_on_the_command_line_and_a_switch_in_the_environment() {
    let room = Room::with_capture();
    let level = |value: Option<&str>, options: &[&str]| {
        let mut command = room.command(&["in.pcap", "a.pq", "--report-format", "json"]);
        command.args(options).envs(value.map(|value| ("DPP_ZSTD", value)));
        let report: serde_json::Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        report["config"]["zstd_level"].as_u64()
    };
    assert_eq!(level(None, &[]), None);
    assert_eq!(level(None, &["-z"]), Some(3));
    assert_eq!(level(None, &["--zstd"]), Some(3));
    assert_eq!(level(None, &["--zstd=19"]), Some(19));
    assert_eq!(level(Some("1"), &[]), Some(3));
    assert_eq!(level(Some("7"), &[]), None);
    assert_eq!(level(Some("yes"), &["--zstd=7"]), Some(7));
}

#[test]
fn files_pipes_and_devices_are_inputs() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "file.csv"]).well();
    assert_eq!(room.lines("file.csv").len(), 1001);
    let fifo = room.fifo("fifo");
    let child = room.command(&["fifo", "fifo.csv"]).spawn().unwrap();
    fs::write(fifo, room.read("in.pcap")).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let mut child = room.command(&["-", "pipe.csv"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&room.read("in.pcap")).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let mut redirected = room.command(&["-", "redirected.csv"]);
    assert!(redirected.stdin(File::open(room.path("in.pcap")).unwrap()).status().unwrap().success());
    for name in ["fifo.csv", "pipe.csv", "redirected.csv"] {
        assert!(room.read(name) == room.read("file.csv"), "{name}");
    }
}

#[test]
fn standard_output_carries_the_rows_and_nothing_else() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "file.csv"]).well();
    let run = room.dpp(&["in.pcap", "-"]).well();
    assert_eq!(run.stdout.as_bytes(), room.read("file.csv"));
    assert_eq!(run.stderr, "");
}

#[test]
fn a_silent_run_prints_nothing() {
    let room = Room::with_capture();
    let run = room.dpp(&["in.pcap", "-s"]).well();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
}

#[test]
fn a_device_is_written_in_place() {
    let room = Room::with_capture();
    let before = room.inventory();
    room.dpp(&["in.pcap", "/dev/null"]).well();
    assert!(room.inventory() == before);
}

#[test]
fn a_link_that_points_to_nothing_is_followed() {
    let room = Room::with_capture();
    symlink("target.csv", room.path("link.csv")).unwrap();
    room.dpp(&["in.pcap", "link.csv"]).well();
    assert!(fs::symlink_metadata(room.path("link.csv")).unwrap().is_symlink());
    assert_eq!(room.lines("target.csv").len(), 1001);
}

#[test]
fn an_old_table_is_replaced() {
    let room = Room::with_capture();
    room.write("out.csv", "old");
    room.dpp(&["in.pcap", "out.csv"]).well();
    assert_eq!(room.lines("out.csv").len(), 1001);
}

#[test]
fn a_table_that_is_replaced_passes_its_permissions_on() {
    let room = Room::with_capture();
    room.write("out.csv", "old");
    fs::set_permissions(room.path("out.csv"), fs::Permissions::from_mode(0o600)).unwrap();
    room.dpp(&["in.pcap", "out.csv"]).well();
    assert_eq!(room.lines("out.csv").len(), 1001);
    assert_eq!(fs::metadata(room.path("out.csv")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_link_under_the_name_of_the_part_is_replaced_and_not_followed() {
    let room = Room::with_capture();
    room.write("victim", "precious");
    symlink("victim", room.path("out.csv.part")).unwrap();
    room.dpp(&["in.pcap", "out.csv"]).well();
    assert_eq!(room.read("victim"), b"precious");
    assert_eq!(room.lines("out.csv").len(), 1001);
    assert!(!room.path("out.csv.part").is_symlink());
}

/// Starts a run that has read all but a pipe's content of `large.pcap` and waits for more.
fn waiting(room: &Room, options: &[&str]) -> (Child, File) {
    room.dpp(&["generate", "large.pcap", "--transactions", "20000"]).well();
    room.fifo("fifo");
    let child = room.command(&[&["fifo", "out.csv"], options].concat()).spawn().unwrap();
    let mut fifo = File::options().write(true).open(room.path("fifo")).expect("dpp opens the other end");
    fifo.write_all(&room.read("large.pcap")).expect("dpp reads");
    (child, fifo)
}

#[test]
fn an_output_that_another_run_is_writing_is_refused() {
    let room = Room::with_capture();
    let (first, fifo) = waiting(&room, &[]);
    let second = room.dpp(&["in.pcap", "out.csv"]);
    assert_eq!(second.code, Some(1));
    let reason = "another run is writing 'out.csv.part'; wait for it or name another output";
    assert!(second.stderr.contains(reason), "{}", second.stderr);
    drop(fifo);
    assert!(first.wait_with_output().unwrap().status.success());
    assert_eq!(room.lines("out.csv").len(), 20001);
}

#[test]
fn what_a_killed_run_left_does_not_hinder_the_next() {
    let room = Room::with_capture();
    let (mut killed, _fifo) = waiting(&room, &[]);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(room.path("out.csv.part").exists() && !room.path("out.csv").exists());
    room.dpp(&["in.pcap", "out.csv"]).well();
    assert_eq!(room.lines("out.csv").len(), 1001);
    assert!(!room.path("out.csv.part").exists());
}

#[test]
fn a_capture_without_packets_gives_a_table_without_rows() {
    let room = Room::new();
    room.write("in.pcap", pcap(&[]));
    room.dpp(&["in.pcap", "out.csv"]).well();
    assert_eq!(room.lines("out.csv"), [HEADER]);
    room.dpp(&["in.pcap", "out.pq"]).well();
    assert_eq!(format(&room.read("out.pq")), "parquet");
}

#[test]
fn neither_threads_nor_what_is_accepted_for_compatibility_changes_a_byte() {
    let room = Room::with_capture();
    for output in ["a.csv", "a.pq"] {
        room.dpp(&["in.pcap", output, "--threads", "1"]).well();
        let expected = room.read(output);
        for options in [
            &["--threads", "2"][..],
            &["--threads", "5", "--affinity"],
            &["--dns-wire-fast-path", "--bonded", "0"],
            &["-b", "100000", "-a"],
        ] {
            room.dpp(&[&["in.pcap", output], options].concat()).well();
            assert!(room.read(output) == expected, "{output} {options:?}");
        }
    }
}

/// The CPUs of a thread, by its status in `/proc`.
fn cpus(status: &str) -> Vec<usize> {
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("Linux tells");
    let number = |text: &str| text.parse::<usize>().expect("a CPU has a number");
    let range = |range: &str| match range.split_once('-') {
        Some((first, last)) => number(first)..=number(last),
        None => number(range)..=number(range),
    };
    list.trim().split(',').flat_map(range).collect()
}

/// The CPUs of each thread of a process, but the one that listens to signals.
fn cpus_of_workers(child: &Child) -> Vec<Vec<usize>> {
    let threads = fs::read_dir(format!("/proc/{}/task", child.id())).expect("the process is there");
    let statuses =
        threads.filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).ok());
    statuses.filter(|status| !status.starts_with("Name:\tsignals\n")).map(|status| cpus(&status)).collect()
}

/// Two workers have started, and they run on these CPUs once they have all that `expected` says. Threads
/// start when they like, so this looks until they have.
#[track_caller]
fn check_cpus(options: &[&str], expected: [Vec<usize>; 2]) {
    let room = Room::new();
    let (child, fifo) = waiting(&room, options);
    let started = Instant::now();
    loop {
        let mut found = cpus_of_workers(&child);
        found.sort();
        if found == expected {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{options:?}: {found:?}");
        std::thread::yield_now();
    }
    drop(fifo);
    assert!(child.wait_with_output().unwrap().status.success());
}

#[test]
fn with_affinity_each_worker_has_one_cpu() {
    let all = cpus(&fs::read_to_string("/proc/thread-self/status").unwrap());
    let one = |worker: usize| vec![all[worker % all.len()]];
    check_cpus(&["-t", "2"], [all.clone(), all.clone()]);
    check_cpus(&["-a", "-t", "2"], [one(0), one(1)]);
}

#[test]
fn parquet_knows_its_plan_and_totals_but_not_where_it_was_made() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "a.pq"]).well();
    fs::rename(room.path("in.pcap"), room.path("other.pcap")).unwrap();
    room.dpp(&["other.pcap", "b.pq", "--report-format", "json"]).well();
    assert!(room.read("a.pq") == room.read("b.pq"));
    let text = String::from_utf8_lossy(&room.read("a.pq")).into_owned();
    for words in ["dpp.plan", r#""match_timeout_ms":1200"#, "dpp.totals", r#""rows":1000"#] {
        assert!(text.contains(words), "{words}");
    }
}

#[test]
fn pseudonyms_replace_addresses_and_nothing_else() {
    let room = Room::with_capture();
    room.write("key", "secret\n");
    room.dpp(&["in.pcap", "plain.csv"]).well();
    room.dpp(&["in.pcap", "pseudonyms.csv", "--anonymize", "key"]).well();
    let split = |line: &String| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let (plain, pseudonyms) = (room.lines("plain.csv"), room.lines("pseudonyms.csv"));
    assert_eq!(plain.len(), pseudonyms.len());
    for (plain, pseudonym) in plain.iter().zip(&pseudonyms).skip(1) {
        let (plain, pseudonym) = (split(plain), split(pseudonym));
        assert_ne!(plain[2], pseudonym[2]);
        assert_eq!((&plain[..2], &plain[3..]), (&pseudonym[..2], &pseudonym[3..]));
    }
}

#[test]
fn a_file_called_like_a_subcommand_is_given_with_its_directory() {
    let room = Room::with_capture();
    fs::rename(room.path("in.pcap"), room.path("generate")).unwrap();
    room.dpp(&["./generate", "man"]).well();
    assert_eq!(room.lines("man").len(), 1001, "and behind the input every name is an output");
}

#[test]
fn a_reader_that_has_seen_enough_is_a_quiet_end() {
    let room = Room::new();
    room.dpp(&["generate", "in.pcap", "--transactions", "20000"]).well();
    let mut child = room.command(&["in.pcap", "-"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), HEADER);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
}

#[test]
fn nobody_listening_on_standard_error_is_harmless() {
    let room = Room::with_capture();
    let mut child = room.command(&["-", "out.csv"]).stdin(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    child.stdin.take().unwrap().write_all(&room.read("in.pcap")).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(room.lines("out.csv").len(), 1001);
}

#[test]
fn a_full_device_is_an_error() {
    let room = Room::with_capture();
    let small = Room::new();
    small.dpp(&["generate", "in.pcap", "--transactions", "2"]).well();
    for format in ["csv", "tsv", "jsonl", "parquet", "arrow", "arrows", "cdns", "dnstap", "pcap"] {
        for room in [&room, &small] {
            let run = room.dpp(&["in.pcap", "/dev/full", "-f", format, "-t", "1"]);
            assert_eq!(run.code, Some(1));
            let error = run.stderr.split_once("Error: ").expect("an error is told").1;
            assert!(error.starts_with("cannot write /dev/full: the disk is full"), "{format}: {error}");
            assert!(error.contains("No space left"), "{format}: {error}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_written_to_its_end_is_removed() {
    let room = Room::with_capture();
    room.write("out.csv", "old");
    let before = room.inventory();
    for output in ["out.csv", "out.pq"] {
        // Files of at most 8 or 16 KiB, as the shell counts; without the signal that would come with it.
        let run = room.shell(&format!("trap '' XFSZ; ulimit -f 16; exec \"$DPP\" in.pcap {output}"));
        assert_eq!(run.code, Some(1));
        assert!(run.stderr.contains(&format!("{output}.part: the file is larger")), "{}", run.stderr);
        assert!(room.inventory() == before, "the old table is still there, and nothing else");
    }
}

#[test]
fn a_regression_ends_a_run_that_asks_for_order() {
    let room = Room::new();
    let mut capture = pcap(&[b"one", b"two"]);
    // The second record's microseconds: before the first.
    capture[24 + 16 + 3..][..4].copy_from_slice(&(1_699_999_999_u32).to_le_bytes());
    room.write("in.pcap", capture);
    room.dpp(&["in.pcap", "out.csv"]).well();
    fs::remove_file(room.path("out.csv")).unwrap();
    let run = room.dpp(&["in.pcap", "out.csv", "--monotonic-capture"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr.contains("packet 2 at 1699999999001000000 ns is earlier than packet 1"),
        "{}",
        run.stderr
    );
    assert_eq!(room.inventory().len(), 1, "only the input is there");
}

#[test]
fn messages_of_several_questions_are_written_once() {
    let room = Room::new();
    let two_questions = |flags| {
        let mut message = frames::message(7, flags, "a.example");
        message.extend_from_slice(&message.clone()[12..]);
        message[5] = 2;
        message[28] = b'b';
        message
    };
    let (client, server) = ("192.0.2.1:40000", "192.0.2.53:53");
    let query = frames::udp(client, server, &two_questions(0x0100));
    let response = frames::udp(server, client, &two_questions(0x8180));
    let unasked = frames::udp(server, "192.0.2.2:40000", &two_questions(0x8180));
    room.write("in.pcap", pcap(&[&query, &response, &unasked]));
    // An item of C-DNS is read back as a row of its first question.
    for (format, rows) in [("pcap", 4), ("dnstap", 4), ("cdns", 2)] {
        let back = format!("back.{format}");
        room.dpp(&["extract", "in.pcap", "--unasked", "-o", &back]).well();
        let ended =
            room.dpp(&["extract", &back, "--unasked", "-o", "rows.csv", "--report-format", "json"]).well();
        let report = ended.report();
        assert_eq!(room.lines("rows.csv").len(), 1 + rows, "{format}: {report}");
        assert_eq!(report["messages"]["retries"], 0, "{format}: {report}");
        assert_eq!(report["messages"]["unclaimed_responses"], rows / 2, "{format}: {report}");
    }
}

#[test]
fn a_response_of_which_no_time_is_known_has_none_in_dnstap() {
    let room = Room::with_capture();
    for (excluded, is_dated) in [("response-delay", false), ("response-size", true)] {
        room.dpp(&["in.pcap", "in.cdns", "--cdns-exclude", excluded]).well();
        room.dpp(&["in.cdns", "out.dnstap"]).well();
        let file = room.read("out.dnstap");
        let (mut frames, mut at, mut responses) = (Frames::new(), 0, 0);
        loop {
            at += match frames.step(&file[at..]) {
                Step::Data { start, length, total } => {
                    let frame = Dnstap::parse(&file[at..][start..][..length]).expect("ours");
                    let message = frame.message.expect("a message");
                    let is_response = message.kind.direction() == Direction::Response;
                    assert_eq!(message.response_time.is_some(), is_response && is_dated, "{excluded}");
                    assert!(message.query_time.is_some());
                    responses += usize::from(is_response);
                    total
                }
                Step::Control { total, .. } => total,
                _ => break,
            };
        }
        assert!(responses > 100, "{responses}");
    }
}
