//! A short soak: at a steady rate memory comes to rest, and nothing is lost. `benches/soak` does the same for hours.

use crate::agreement::warm_up;
use crate::ask::Perf;
use crate::stage::{Running, Stage, free_port};
use crate::unbound;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// So many queries at such a rate take ten seconds.
const QUERIES: usize = 30_000;
const RATE: usize = 3000;
/// In this time memory may grow: pieces and tables are made when they are first needed.
const WARMING: Duration = Duration::from_secs(4);
/// By so much it may grow after, KiB: less than the messages of that time alone are, so they cannot be kept.
const GROWTH_KIB: u64 = 6144;

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

#[test]
fn at_a_steady_rate_memory_comes_to_rest_and_nothing_is_lost() {
    let (stage, port) = (Stage::new(), free_port());
    let mut dpp = stage.dpp_live("tap", "dnstap+unix:tap.sock", "rows.csv", &[]);
    let mut server = unbound::start(&stage, port, &unbound::to_socket(&stage, "tap.sock"));
    warm_up(&stage, &mut server, port, "rows.csv.part");
    let started = Instant::now();
    let (mut at_first, mut later) = (0, 0);
    thread::scope(|scope| {
        let perf = Perf { mode: "udp", port, queries: QUERIES, rate: RATE };
        let stage = &stage;
        let asking = scope.spawn(move || perf.run(stage));
        while !asking.is_finished() {
            let most = if started.elapsed() < WARMING { &mut at_first } else { &mut later };
            *most = resident_kib(&dpp).max(*most);
            thread::sleep(Duration::from_millis(50));
        }
    });
    dpp.wait_for("the last row", || rows(&stage, "rows.csv.part") >= QUERIES);
    eprintln!("{at_first} KiB in the first seconds, {later} KiB after");
    assert!(later <= at_first + GROWTH_KIB, "{at_first} KiB in the first seconds, {later} KiB after");
    server.stop();
    assert!(dpp.stop().success(), "{}", stage.text("tap.log"));
    assert_eq!(rows(&stage, "rows.csv"), QUERIES);
}
