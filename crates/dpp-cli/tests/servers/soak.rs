//! A short soak: at a steady rate memory comes to rest, and nothing is lost. `benches/soak` does the same for hours.

use crate::agreement::warm_up;
use crate::ask::Perf;
use crate::stage::{Running, Stage, free_port};
use crate::unbound;
use std::fs;
use std::thread;
use std::time::Duration;

/// So many queries at such a rate take five seconds: a round.
const QUERIES: usize = 15_000;
const RATE: usize = 3000;
/// A round in which memory grows by less than this has come to rest, KiB. The messages of a round alone are six times that, so
/// they cannot be kept.
const GROWTH_KIB: u64 = 1024;
/// After so many rounds it must have: in the first pieces and tables are made, and where the machine is busy with other things
/// there is more on its way than before.
const ROUNDS_MAX: usize = 6;

/// How many rows of what dnsperf asked for have come.
fn rows(stage: &Stage, file: &str) -> usize {
    stage.text(file).matches(".perf.test,").count()
}

/// The memory of a process, KiB.
fn resident_kib(process: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Asks for a round, and gives the most memory that `dpp` had in it.
#[track_caller]
fn most_in_a_round(stage: &Stage, dpp: &Running, port: u16) -> u64 {
    thread::scope(|scope| {
        let perf = Perf { mode: "udp", port, queries: QUERIES, rate: RATE };
        let asking = scope.spawn(move || perf.run(stage));
        let mut most = 0;
        while !asking.is_finished() {
            most = resident_kib(dpp).max(most);
            thread::sleep(Duration::from_millis(50));
        }
        asking.join().expect("all were answered");
        most
    })
}

/// Whether the last round was as the one before.
fn has_come_to_rest(most_kib: &[u64]) -> bool {
    matches!(most_kib, [.., before, last] if *last <= before + GROWTH_KIB)
}

#[test]
fn at_a_steady_rate_memory_comes_to_rest_and_nothing_is_lost() {
    let (stage, port) = (Stage::new(), free_port());
    let mut dpp = stage.dpp_live("tap", "dnstap+unix:tap.sock", "rows.csv", &[]);
    let mut server = unbound::start(&stage, port, &unbound::to_socket(&stage, "tap.sock"));
    warm_up(&stage, &mut server, port, "rows.csv.part");
    let mut most_kib = vec![most_in_a_round(&stage, &dpp, port)];
    while !has_come_to_rest(&most_kib) {
        assert!(most_kib.len() < ROUNDS_MAX, "memory grows: {most_kib:?} KiB");
        most_kib.push(most_in_a_round(&stage, &dpp, port));
    }
    eprintln!("memory in each round: {most_kib:?} KiB");
    let queries = QUERIES * most_kib.len();
    dpp.wait_for("the last row", || rows(&stage, "rows.csv.part") >= queries);
    server.stop();
    assert!(dpp.stop().success(), "{}", stage.text("tap.log"));
    assert_eq!(rows(&stage, "rows.csv"), queries);
}
