//! A disk that takes nothing for a while: servers are answered all the same, and what had no room is counted.
//!
//! The disk is a FIFO that the test reads, or does not. Behind it `dpp` fills its pieces, then its queue, which is made small;
//! from there on what senders send is read and dropped.

use crate::agreement::ask_until;
use crate::ask::{self, Perf, Question};
use crate::stage::{Running, Stage, free_port};
use crate::unbound;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

/// A disk that is as slow as the test wants.
struct Disk {
    fifo: File,
    /// What has been written to it.
    text: String,
}

impl Disk {
    fn new(stage: &Stage, name: &str) -> Disk {
        let path = stage.path(name);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a test can make a FIFO");
        let fifo = File::options().read(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(path);
        Disk { fifo: fifo.expect("a test can read"), text: String::new() }
    }

    /// Takes what there is.
    fn take(&mut self) {
        let mut bytes = Vec::new();
        match self.fifo.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
        self.text.push_str(std::str::from_utf8(&bytes).expect("rows are ASCII here"));
    }

    /// Takes what there is, and tells whether this is written.
    fn has(&mut self, name: &str) -> bool {
        self.take();
        self.text.contains(name)
    }
}

/// `dpp` before such a disk, with a small queue and a page of metrics.
struct Slow {
    stage: Stage,
    dpp: Running,
    disk: Disk,
    page: u16,
}

const SOCKET: &str = "tap.sock";

impl Slow {
    fn start() -> Slow {
        let (stage, page) = (Stage::new(), free_port());
        let disk = Disk::new(&stage, "rows.csv");
        let metrics = format!("127.0.0.1:{page}");
        let more = ["--fields", "qname,id,rcode", "--queue-size", "64KiB", "--metrics", &metrics];
        let mut dpp = stage.dpp_live("slow", &format!("dnstap+unix:{SOCKET}"), "rows.csv", &more);
        let socket = stage.path(SOCKET);
        dpp.wait_for("its socket", || socket.exists());
        dpp.wait_for_port(page);
        Slow { stage, dpp, disk, page }
    }
}

/// The page of metrics at a port.
#[derive(Clone, Copy)]
struct Metrics(u16);

impl Metrics {
    /// The sum of all samples on the page of metrics that begin so.
    fn sum(self, beginning: &str) -> u64 {
        let mut page = TcpStream::connect(("127.0.0.1", self.0)).expect("the page of metrics");
        page.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .expect("a request");
        let mut text = String::new();
        page.read_to_string(&mut text).expect("a page");
        let samples = text.lines().filter(|line| line.starts_with(beginning));
        let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<u64>().ok());
        samples.map(|line| value(line).unwrap_or_else(|| panic!("{line}"))).sum()
    }

    fn dropped(self) -> u64 {
        self.sum("dpp_source_dropped_total{")
    }

    fn taken(self) -> u64 {
        self.sum("dpp_source_packets_total{")
    }
}

#[test]
fn a_slow_disk_holds_no_server_up() {
    let (mut slow, port) = (Slow::start(), free_port());
    let metrics = Metrics(slow.page);
    let mut server = unbound::start(&slow.stage, port, &unbound::to_socket(&slow.stage, SOCKET));
    server.wait_for_port(port);
    ask_until(&mut server, port, "warm-up", || slow.disk.has("warm-up"));
    // From here on nothing is taken, and all the same each of these is answered.
    let mut rounds = 0;
    while metrics.dropped() == 0 {
        Perf { mode: "udp", port, queries: 5000, rate: 100_000 }.run(&slow.stage);
        rounds += 1;
        assert!(rounds < 100, "half a million queries cannot all have found room");
    }
    // Where it goes on, rows do.
    ask_until(&mut server, port, "it-is-back", || slow.disk.has("it-is-back"));
    let lost = metrics.dropped();
    let list: Vec<Question> = (0..50).map(|n| Question::of(&format!("after-{n}.zone.test"))).collect();
    let localhost = Ipv4Addr::LOCALHOST;
    ask::udp(localhost.into(), (localhost, port).into(), &list);
    slow.dpp.wait_for("the rows", || (0..50).all(|n| slow.disk.has(&format!("after-{n}.zone.test"))));
    assert_eq!(metrics.dropped(), lost, "what comes now has room");
    eprintln!("{rounds} times 5000 queries, {lost} messages had no room");
    server.stop();
}

#[test]
fn what_a_slow_disk_leaves_no_room_for_is_counted_to_the_message() {
    let mut slow = Slow::start();
    let stage = &slow.stage;
    stage.dpp(&["generate", "in.pcap", "--transactions", "40000"]);
    stage.dpp(&["-s", "in.pcap", "in.dnstap"]);
    let read = stage.dpp(&["in.dnstap", "file.csv", "--report-format", "json"]);
    let mut replay = Command::new("fstrm_replay");
    replay
        .args(["-t", "protobuf:dnstap.Dnstap", "-r", "in.dnstap", "-u", SOCKET])
        .current_dir(stage.folder());
    // It is a sender that waits where it is not read; it need not.
    let told = replay.output().expect("fstrm_replay is there (Debian: apt-get install fstrm-bin)");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let report = String::from_utf8(read.stdout).expect("a report is text");
    let report: serde_json::Value = serde_json::from_str(&report).expect("a report is JSON");
    let all = report["packets"]["read"]["packets"].as_u64().expect("a number");
    let metrics = Metrics(slow.page);
    slow.dpp.wait_for("all to be counted", || metrics.taken() + metrics.dropped() >= all);
    let (taken, dropped) = (metrics.taken(), metrics.dropped());
    assert_eq!(taken + dropped, all);
    assert!(dropped > 0, "the queue has room for all of {all}");
    eprintln!("of {all} messages {dropped} had no room");
}
