//! A drill that runs, and how to speak with it.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A running `dpp drill`. It is killed if it is dropped.
pub(crate) struct Drill {
    child: Child,
    log: BufReader<ChildStderr>,
    /// Where its pages are.
    pub(crate) address: String,
}

impl Drill {
    /// Starts it with these arguments, and waits until it is ready.
    pub(crate) fn start(arguments: &[&str]) -> Drill {
        Drill::from(Command::new(env!("CARGO_BIN_EXE_dpp")).arg("drill").args(arguments))
    }

    /// Starts this command.
    pub(crate) fn from(command: &mut Command) -> Drill {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("dpp starts");
        let log = BufReader::new(child.stderr.take().expect("it has a log"));
        let mut drill = Drill { child, log, address: String::new() };
        let ready = drill.line_with("ready");
        let address = ready.split(['"', '=', ' ', '}']).find(|word| word.starts_with("127.0.0.1:"));
        drill.address = address.unwrap_or_else(|| panic!("no address in {ready}")).to_owned();
        drill
    }

    /// The next line of its log that has this in it.
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        let mut before = String::new();
        loop {
            let mut line = String::new();
            let length = self.log.read_line(&mut line).expect("a log is text");
            assert!(length > 0, "no line with '{text}' came, but\n{before}");
            if line.contains(text) {
                return line.trim_end().to_owned();
            }
            before += &line;
        }
    }

    /// The page of a path: its status line, and what is on it.
    pub(crate) fn page(&self, path: &str) -> (String, String) {
        get(&self.address, path)
    }

    /// The value of a metric, by its name with its labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, page) = self.page("/metrics");
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in\n{page}")).parse().expect("a number")
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is there");
    }

    /// Ends it, as systemd does, and waits for that.
    pub(crate) fn stop(mut self) {
        self.signal(Signal::TERM);
        self.line_with("stopped");
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks for a page.
pub(crate) fn get(address: &str, path: &str) -> (String, String) {
    ask(TcpStream::connect(address).expect("somebody listens"), address, path)
}

/// Asks for a page at a socket of the file system.
#[cfg(feature = "otlp")]
pub(crate) fn get_unix(socket: &std::path::Path, path: &str) -> (String, String) {
    ask(std::os::unix::net::UnixStream::connect(socket).expect("somebody listens"), "here", path)
}

fn ask(mut stream: impl Read + Write, address: &str, path: &str) -> (String, String) {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .expect("it is asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

/// Waits until this is so; a minute at most.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "it does not come to this: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn totals_are_seen_while_it_runs() {
    let drill = Drill::start(&[]);
    until("rows", || drill.metric("dpp_rows_total") > 10.0);
    let matched = drill.metric("dpp_matched_total");
    assert!(matched > 10.0 && drill.metric("dpp_rtt_seconds_bucket{le=\"0.005\"}") >= matched);
    assert!(drill.metric("dpp_sink_rows_total{sink=\"void\"}") > 10.0);
    assert!(
        drill.metric("dpp_source_packets_total{source=\"drill\"}") >= drill.metric("dpp_packets_used_total")
    );
    drill.stop();
}

#[test]
fn an_output_that_waits_is_alive_and_not_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let hold = folder.path().join("hold");
    let drill = Drill::start(&["--hold", hold.to_str().expect("UTF-8"), "--read", "/tmp"]);
    until("ready", || drill.page("/ready").0.contains("200"));
    std::fs::write(&hold, "").expect("a file");
    until("not ready", || drill.page("/ready").0.contains("503"));
    assert!(drill.page("/health").0.contains("200"));
    assert_eq!(drill.metric("dpp_ready"), 0.0);
    std::fs::remove_file(&hold).expect("it is ours");
    until("ready again", || drill.page("/ready").0.contains("200"));
    drill.stop();
}

#[test]
fn the_log_is_json_if_that_is_wanted() {
    let mut drill = Drill::start(&["--json", "--log-level", "debug", "--no-filters"]);
    let line = drill.line_with("beat");
    let line: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
    assert_eq!((&line["level"], &line["message"]), (&"debug".into(), &"beat".into()));
    assert!(line["bytes"].is_u64() && line["time"].as_str().is_some_and(|time| time.ends_with('Z')));
}
