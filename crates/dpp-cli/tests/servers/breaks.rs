//! Servers and `dpp` that crash and come again: the other goes on, and nobody has to tell it.
//!
//! What is lost is what was on its way, and no more: a server that is killed loses the messages that its thread for dnstap had
//! not sent yet, and a `dpp` that is killed those it had not written, with what the server gave up while nobody listened. All
//! that is told by rows before is there after.

use crate::agreement::{ask_until, receiver, rows_of, warm_up};
use crate::ask::{self, Question};
use crate::rows::{Fact, Row};
use crate::stage::{Running, Stage, free_port};
use crate::{bind, knot, unbound};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

const SOCKET: &str = "tap.sock";

/// A server of these tests, which sends to the socket.
type Start = fn(&Stage, u16) -> Running;

const UNBOUND: Start = |stage, port| unbound::start(stage, port, &unbound::to_socket(stage, SOCKET));
const BIND: Start = |stage, port| bind::start(stage, port, SOCKET);
const KNOT: Start = |stage, port| knot::start(stage, port, &knot::to_socket(stage, SOCKET));

/// So many are asked while all is well. Less than any server's queue holds.
const WELL: u16 = 150;
/// So many when something is about to break, or is broken.
const ABOUT: u16 = 50;

fn ask(port: u16, seed: u16, count: u16) -> Vec<Fact> {
    let localhost = Ipv4Addr::LOCALHOST;
    ask::udp(localhost.into(), (localhost, port).into(), &Question::list(seed, count))
}

/// The facts of rows; those without an answer, whose response was lost, are none.
fn answered(rows: &[Row]) -> BTreeSet<Fact> {
    let facts: Vec<Fact> = rows.iter().filter_map(Row::fact).collect();
    let set: BTreeSet<Fact> = facts.iter().cloned().collect();
    assert_eq!(set.len(), facts.len(), "no row comes twice");
    set
}

/// Waits until all of these have rows in a file.
#[track_caller]
fn wait_for_rows(dpp: &mut Running, stage: &Stage, file: &str, facts: &[Fact]) {
    dpp.wait_for("a row for each", || {
        let told = answered(&rows_of(stage, file));
        facts.iter().all(|fact| told.contains(fact))
    });
}

/// A server that is killed and started anew, between two times in which all is well.
#[track_caller]
fn check_server(start: Start) {
    let (stage, port) = (Stage::new(), free_port());
    let mut dpp = receiver(&stage, "tap", &format!("dnstap+unix:{SOCKET}"), &[]);
    let file = "tap.jsonl.part";
    let mut server = start(&stage, port);
    warm_up(&stage, &mut server, port, file);
    let first = ask(port, 1, WELL);
    wait_for_rows(&mut dpp, &stage, file, &first);
    let in_its_buffer = ask(port, 2, ABOUT);
    server.kill();

    let before = rows_of(&stage, file).len();
    let mut server = start(&stage, port);
    server.wait_for_port(port);
    ask_until(&mut server, port, "warm-up-again", || stage.text(file).contains("warm-up-again"));
    let second = ask(port, 3, WELL);
    wait_for_rows(&mut dpp, &stage, file, &second);
    server.stop();
    assert!(dpp.stop().success(), "{}", stage.text("tap.log"));

    let told = answered(&rows_of(&stage, "tap.jsonl"));
    let kept = in_its_buffer.iter().filter(|fact| told.contains(fact)).count();
    eprintln!("{kept} of {ABOUT} in its buffer were sent; rows at its death {before}");
    assert_eq!(told.len(), usize::from(2 * WELL) + kept, "of both lives, and nothing else");
}

#[test]
fn unbound_may_be_killed_and_started_again() {
    check_server(UNBOUND);
}

#[test]
fn bind_may_be_killed_and_started_again() {
    check_server(BIND);
}

#[test]
fn knot_may_be_killed_and_started_again() {
    check_server(KNOT);
}

/// `dpp` that is killed and started anew, on the socket that lies there, while the server goes on.
#[track_caller]
fn check_receiver(start: Start) {
    let (stage, port) = (Stage::new(), free_port());
    let source = format!("dnstap+unix:{SOCKET}");
    let mut dpp = receiver(&stage, "first", &source, &[]);
    let mut server = start(&stage, port);
    warm_up(&stage, &mut server, port, "first.jsonl.part");
    let first = ask(port, 1, WELL);
    wait_for_rows(&mut dpp, &stage, "first.jsonl.part", &first);
    dpp.kill();
    assert!(stage.path(SOCKET).exists(), "who is killed leaves its socket");
    let between = ask(port, 2, ABOUT);

    let mut dpp = receiver(&stage, "second", &source, &[]);
    // It connects by itself, some seconds later.
    warm_up(&stage, &mut server, port, "second.jsonl.part");
    let second = ask(port, 3, WELL);
    wait_for_rows(&mut dpp, &stage, "second.jsonl.part", &second);
    server.stop();
    assert!(dpp.stop().success(), "{}", stage.text("second.log"));

    let told = answered(&rows_of(&stage, "first.jsonl.part"));
    assert_eq!(told, first.into_iter().collect(), "what was written is there, and whole");
    let told = answered(&rows_of(&stage, "second.jsonl"));
    let kept = between.iter().filter(|fact| told.contains(fact)).count();
    eprintln!("{kept} of {ABOUT} were kept by the server");
    assert_eq!(told.len(), usize::from(WELL) + kept, "of the second life, and what the server kept");
}

#[test]
fn unbound_finds_a_receiver_that_was_killed_again() {
    check_receiver(UNBOUND);
}

#[test]
fn bind_finds_a_receiver_that_was_killed_again() {
    check_receiver(BIND);
}

#[test]
fn knot_finds_a_receiver_that_was_killed_again() {
    check_receiver(KNOT);
}
