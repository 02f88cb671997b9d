//! SIGINT and SIGTERM. The runs read from a FIFO that stays open, so only a signal can end them.

use crate::room::{Ended, Room};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{Read, Write};
use std::process::Child;

/// Enough for many chunks, and for queries that are still open when the signal comes.
const TRANSACTIONS: &str = "20000";

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("the process is there");
}

/// A room with a capture, its whole table `whole.csv`, and a FIFO.
fn room() -> Room {
    let room = Room::new();
    room.dpp(&["generate", "in.pcap", "--transactions", TRANSACTIONS]).well();
    room.dpp(&["in.pcap", "whole.csv"]).well();
    room.fifo("fifo");
    room
}

/// Feeds the whole capture through the FIFO. It is still open afterwards; and `dpp` has read all that does
/// not fit into a pipe, so it listens to signals by now.
fn feed(room: &Room) -> File {
    let mut fifo = File::options().write(true).open(room.path("fifo")).expect("dpp opens the other end");
    fifo.write_all(&room.read("in.pcap")).expect("dpp reads");
    fifo
}

#[test]
fn the_first_signal_finishes_what_was_read() {
    for stop in [Signal::INT, Signal::TERM] {
        let room = room();
        let child = room.command(&["fifo", "out.csv", "--report-format", "json"]).spawn().unwrap();
        let fifo = feed(&room);
        signal(&child, stop);
        let run = Ended::from(child.wait_with_output().unwrap()).well();
        drop(fifo);
        let report = run.report();
        assert_eq!(report["warnings"]["graceful_signal_shutdown"], true);
        assert_eq!(report["capture"]["ending"], "interrupted");
        assert!(report["messages"]["still_open"].as_u64() > Some(0));
        assert_eq!(report["accounting"][2]["holds"], true);
        let (part, whole) = (room.read("out.csv"), room.read("whole.csv"));
        let rows = part.iter().filter(|&&byte| byte == b'\n').count() - 1;
        assert_eq!(report["messages"]["rows"], rows);
        assert!(rows > 0 && part.len() < whole.len(), "{rows} rows");
        assert!(
            whole.starts_with(&part) && part.ends_with(b"\n"),
            "the rows are the first of the whole table"
        );
        assert!(!room.path("out.csv.part").exists());
    }
}

#[test]
fn a_run_that_was_stopped_is_no_failure_even_with_strict() {
    let room = room();
    let child = room.command(&["fifo", "out.csv", "--strict"]).spawn().unwrap();
    let fifo = feed(&room);
    signal(&child, Signal::INT);
    let run = Ended::from(child.wait_with_output().unwrap()).well();
    drop(fifo);
    assert!(run.stderr.contains("WARN: stopped by a signal"), "{}", run.stderr);
}

#[test]
fn the_second_signal_ends_at_once() {
    let room = room();
    // The output is a FIFO that nobody empties: the run cannot finish, whatever it does.
    let output = room.fifo("out.csv");
    let mut child = room.command(&["in.pcap", "out.csv"]).spawn().unwrap();
    let mut reader = File::open(output).expect("dpp opens the other end");
    reader.read_exact(&mut [0; 8]).expect("dpp writes");
    signal(&child, Signal::INT);
    signal(&child, Signal::TERM);
    let code = child.wait().unwrap().code();
    assert!(matches!(code, Some(130 | 143)), "128 and the number of the second signal: {code:?}");
}

#[test]
fn a_signal_before_the_first_byte_leaves_nothing() {
    let room = Room::new();
    room.fifo("fifo");
    let child = room.command(&["fifo", "out.csv"]).spawn().unwrap();
    // As soon as the FIFO opens at this end, dpp has opened it at the other, and listens to signals.
    let fifo = File::options().write(true).open(room.path("fifo")).unwrap();
    signal(&child, Signal::TERM);
    let run = Ended::from(child.wait_with_output().unwrap());
    drop(fifo);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("had given nothing yet"), "{}", run.stderr);
    assert!(!room.path("out.csv").exists() && !room.path("out.csv.part").exists());
}
