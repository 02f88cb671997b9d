//! `dpp live` and `dpp check`: what is said on the command line, in the environment and in a file, and dnstap that comes to a
//! socket.

use crate::room::Room;
use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const SOURCE: &str = "dnstap+unix:s.sock";

/// What `dpp check` says of a file, with these arguments behind its name.
#[track_caller]
fn check(config: &str, arguments: &[&str], expected: &str) {
    let room = Room::new();
    room.write("dpp.toml", config);
    let told = room.dpp(&[&["check", "dpp.toml"], arguments].concat());
    let text = told.stdout + &told.stderr;
    assert!(text.contains(expected), "{text}");
}

#[test]
fn each_option_may_stand_in_a_file() {
    let config = "source = [\"dnstap+unix:s.sock\"]\noutput = \"out.parquet\"\nzstd = true\nfields = [\"qname\", \"qtype\"]\n\
                  threads = 3\nport = [\"53\", \"5300-5399\"]\n";
    for expected in [
        "Source: dnstap+unix:s.sock",
        "out.parquet",
        "Format: PARQUET with ZSTD compression",
        "Columns: qname, qtype",
        "Ports: 53,5300-5399",
        "Workers: 3",
    ] {
        check(config, &[], expected);
    }
}

#[test]
fn the_command_line_goes_before_the_file() {
    let config = format!("source = \"{SOURCE}\"\noutput = \"a.csv\"\nthreads = 3\n");
    check(&config, &["--threads", "2"], "Workers: 2");
    check(&config, &["-o", "b.csv"], "b.csv");
    check(&config, &["--source", "dnstap+unix:other"], "Source: dnstap+unix:other");
}

#[test]
fn the_environment_goes_before_the_file() {
    let room = Room::new();
    room.write("dpp.toml", format!("source = \"{SOURCE}\"\noutput = \"a.csv\"\nthreads = 3\n"));
    let mut command = room.command(&["check", "dpp.toml"]);
    let told = command.env("DPP_THREADS", "1").output().expect("dpp starts");
    assert!(String::from_utf8_lossy(&told.stdout).contains("Workers: 1"), "{told:?}");
}

#[test]
fn a_mistake_in_a_file_is_told_with_its_line_and_a_remedy() {
    let source = format!("source = \"{SOURCE}\"\n\n");
    for (line, expected) in [
        ("thread = 3", "dpp.toml, line 3: there is no option 'thread'; did you mean 'threads'?"),
        ("threads = \"many\"", "dpp.toml, line 3: invalid value 'many' for '--threads <N>'"),
        ("v2 = 1", "dpp.toml, line 3"),
        ("fields = [\"qnam\"]", "dpp.toml, line 3"),
        ("[output]\nname = 1", "dpp.toml, line 3"),
        ("output = ", "this is no TOML"),
        ("queue-size = \"much\"", "dpp.toml, line 3"),
        ("monotonic-capture = true", "--monotonic-capture"),
    ] {
        check(&format!("{source}{line}\n"), &[], expected);
    }
    check("threads = 1\n", &[], "say with --source where packets come from");
    check("source = [\"capture.pcap\"]\n", &[], "is no live source");
    check("source = [\"dnstap+unix:a\", \"dnstap+unix:a?mode=0666\"]\n", &[], "is named twice");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let told = Room::new().dpp(&["live", "none.toml"]);
    assert_eq!(told.code, Some(1));
    assert!(told.stderr.contains("cannot read the configuration 'none.toml'"), "{}", told.stderr);
}

#[test]
fn a_live_source_among_files_is_refused() {
    let room = Room::with_capture();
    let told = room.dpp(&["extract", "in.pcap", SOURCE, "-o", "out.csv"]);
    assert!(told.stderr.contains("live sources are for dpp live"), "{}", told.stderr);
}

/// A `dpp` that runs until it is told to stop.
struct Running(Child);

impl Running {
    fn start(room: &Room, arguments: &[&str]) -> Running {
        Running(room.command(arguments).spawn().expect("dpp starts"))
    }

    #[track_caller]
    fn stop(mut self) -> String {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        let status = self.0.wait().expect("it ends");
        let mut told = String::new();
        std::io::Read::read_to_string(&mut self.0.stderr.take().expect("a pipe"), &mut told).expect("text");
        assert!(status.success(), "{told}");
        told
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

/// Waits until something is so.
#[track_caller]
fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} has not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn replay(room: &Room, file: &str, socket: &str) {
    let arguments = ["-t", "protobuf:dnstap.Dnstap", "-r", file, "-u", socket];
    let sent = Command::new("fstrm_replay").args(arguments).current_dir(room.path("")).output();
    let sent = sent.expect("fstrm_replay is there (Debian: apt-get install fstrm-bin)");
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
}

#[test]
fn what_a_server_sends_becomes_the_rows_that_a_file_of_it_gives() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    room.dpp(&["in.dnstap", "file.csv"]).well();
    let dpp = Running::start(&room, &["live", "--source", SOURCE, "-o", "live.csv"]);
    wait_for("the socket", || room.path("s.sock").exists());
    replay(&room, "in.dnstap", "s.sock");
    let rows = room.lines("file.csv").len();
    // Rows come while it runs, and without any more messages.
    let written = || fs::read_to_string(room.path("live.csv.part")).map_or(0, |text| text.lines().count());
    wait_for("the last row", || written() == rows);
    assert!(!room.path("live.csv").exists(), "it is not complete");
    dpp.stop();
    assert_eq!(room.lines("live.csv"), room.lines("file.csv"));
    assert!(!room.path("s.sock").exists(), "the socket goes with it");
}

#[test]
fn a_source_may_stand_where_a_capture_stands() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    room.dpp(&["in.dnstap", "file.jsonl"]).well();
    let dpp = Running::start(&room, &[SOURCE, "live.jsonl"]);
    wait_for("the socket", || room.path("s.sock").exists());
    replay(&room, "in.dnstap", "s.sock");
    let told = dpp.stop();
    assert_eq!(room.read("live.jsonl"), room.read("file.jsonl"), "{told}");
}

#[test]
fn several_sources_are_one_capture() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    let sources = ["--source", "dnstap+unix:a.sock", "--source", "dnstap+unix:b.sock"];
    let fields = ["--fields", "qname,input", "-o", "live.csv"];
    let dpp = Running::start(&room, &[&["live"][..], &sources, &fields].concat());
    for socket in ["a.sock", "b.sock"] {
        wait_for("the socket", || room.path(socket).exists());
        replay(&room, "in.dnstap", socket);
    }
    dpp.stop();
    let lines = room.lines("live.csv");
    for input in ["dnstap+unix:a.sock", "dnstap+unix:b.sock"] {
        let of_it = lines.iter().filter(|line| line.ends_with(input)).count();
        assert!(of_it > 0, "{input} has rows");
    }
}
