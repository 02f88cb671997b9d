//! `dpp generate`, and what is made from the flag table.

use crate::room::Room;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

#[test]
fn the_same_seed_gives_the_same_capture() {
    let room = Room::new();
    let generate = |output: &str, seed: &[&str]| {
        room.dpp(&[&["generate", output, "--transactions", "100"], seed].concat()).well();
        room.read(output)
    };
    let (default, one, two) =
        (generate("a.pcap", &[]), generate("b.pcap", &["--seed", "1"]), generate("c.pcap", &["--seed", "2"]));
    assert!(default == one, "the default seed is 1");
    assert!(one != two);
}

#[test]
fn a_summary_is_told_unless_silent() {
    let room = Room::new();
    let generate = ["generate", "in.pcap", "--transactions", "10"];
    assert!(!room.dpp(&generate).well().stderr.is_empty());
    for silent in ["-s", "--silent"] {
        let run = room.dpp(&[&generate[..], &[silent]].concat()).well();
        assert_eq!((run.stdout, run.stderr), (String::new(), String::new()));
    }
}

#[test]
fn a_capture_of_so_many_seconds_is_so_long() {
    let room = Room::new();
    let arguments = ["generate", "in.pcap", "--duration-seconds", "10", "--qps", "100"];
    room.dpp(&[&arguments[..], &["--clients", "1", "--resolvers", "1"]].concat()).well();
    room.dpp(&["in.pcap", "out.csv"]).well();
    let lines = room.lines("out.csv");
    let second = |line: &String| line.split(',').next().unwrap().parse::<u64>().unwrap() / 1_000_000;
    assert!((800..1200).contains(&lines.len()), "{} rows", lines.len());
    assert!((9..=10).contains(&(second(&lines[lines.len() - 1]) - second(&lines[1]))));
}

#[test]
fn a_capture_is_written_as_carefully_as_a_table() {
    let room = Room::new();
    room.write("out.pcap", "old");
    fs::set_permissions(room.path("out.pcap"), fs::Permissions::from_mode(0o600)).unwrap();
    room.write("victim", "precious");
    symlink("victim", room.path("out.pcap.part")).unwrap();
    room.dpp(&["generate", "out.pcap", "--transactions", "1"]).well();
    assert_eq!(room.read("victim"), b"precious");
    assert_eq!(&room.read("out.pcap")[..4], b"\xd4\xc3\xb2\xa1");
    assert_eq!(fs::metadata(room.path("out.pcap")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(room.inventory().len(), 2);
}

#[test]
fn a_link_of_a_capture_to_nothing_is_followed() {
    let room = Room::new();
    symlink("target.pcap", room.path("link.pcap")).unwrap();
    room.dpp(&["generate", "link.pcap", "--transactions", "1"]).well();
    assert!(room.path("link.pcap").is_symlink() && room.path("target.pcap").is_file());
    let run = room.dpp(&["generate", "missing/out.pcap", "--transactions", "1"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("its directory does not exist"), "{}", run.stderr);
}

#[test]
fn the_environment_of_a_run_does_not_reach_the_generator() {
    let room = Room::new();
    let mut command = room.command(&["generate", "out.pcap", "--transactions", "1"]);
    command.envs([
        ("DPP_FORMAT", "xml"),
        ("DPP_FILENAME", "in.pcap"),
        ("DPP_SILENT", "yes"),
        ("DPP_THREADS", "0"),
    ]);
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    assert!(room.path("out.pcap").exists());
}

#[test]
fn completions_are_scripts_that_know_the_options() {
    let room = Room::new();
    for (shell, mark) in [("bash", "complete -F"), ("zsh", "#compdef dpp"), ("fish", "complete -c dpp")] {
        let script = room.dpp(&["completions", shell]).well().stdout;
        assert!(script.contains(mark) && script.contains("match-timeout-ms"), "{shell}: {script}");
    }
    let script = room.dpp(&["completions", "bash"]).well().stdout;
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().expect("there is a bash");
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success(), "bash understands it");
}

#[test]
fn the_manual_page_tells_of_the_options_and_exit_codes() {
    let page = Room::new().dpp(&["man"]).well().stdout;
    for words in
        [".TH dpp 1", ".SH NAME", r"\-\-match\-timeout\-ms", r"\-\-zstd", "Exit codes", "Environment"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    let page = Room::new().dpp(&["man", "extract"]).well().stdout;
    for words in [".TH dpp-extract 1", r"\-\-keep\-going", r"\-\-match\-timeout\-ms", "Examples"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let missing = Room::new().dpp(&["man", "--", "missing"]);
    assert!(missing.code == Some(1) && missing.stderr.contains("no command 'missing'"), "{}", missing.stderr);
}

#[test]
fn the_short_help_is_silent_about_what_has_no_effect() {
    let room = Room::new();
    let (short, long) = (room.dpp(&["-h"]).well().stdout, room.dpp(&["--help"]).well().stdout);
    for option in ["--bonded", "--dns-wire-fast-path"] {
        assert!(!short.contains(option) && long.contains(option), "{option}");
    }
    assert!(long.contains("No effect"));
    for words in ["Usage: dpp [OPTIONS] INPUT [OUTPUT]", "Examples:", "--strict"] {
        assert!(short.contains(words) && long.contains(words), "{words}");
    }
}

#[test]
fn the_version_is_one_line() {
    let run = Room::new().dpp(&["-V"]).well();
    assert_eq!(run.stdout, format!("dpp {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_profile_is_not_written_over() {
    let room = Room::new();
    room.write("profile.toml", "clients = 3\n");
    let run = room.dpp(&["generate", "profile.toml", "--profile", "profile.toml", "--transactions", "1"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("is the profile itself"), "{}", run.stderr);
    assert_eq!(fs::read_to_string(room.path("profile.toml")).unwrap(), "clients = 3\n");
}
