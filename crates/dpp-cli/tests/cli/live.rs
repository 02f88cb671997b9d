//! `dpp live` and `dpp check`: what is said on the command line, in the environment and in a file, and dnstap that comes to a
//! socket.

use crate::room::Room;
use dpp::dnstap::{Direction, Dnstap, Message, MessageType, Role, Time, frames};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime};

pub(crate) const SOURCE: &str = "dnstap+unix:s.sock";

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

/// A `dpp` that runs until it is told to stop, with its log in a file.
pub(crate) struct Running(Child, PathBuf);

impl Running {
    pub(crate) fn start(room: &Room, arguments: &[&str]) -> Running {
        Running::start_in(room, &[], arguments)
    }

    fn start_with_log(room: &Room, log: &str, arguments: &[&str]) -> Running {
        Running::start_as(room, log, &[], arguments)
    }

    /// Has another program start it.
    pub(crate) fn start_in(room: &Room, before: &[&str], arguments: &[&str]) -> Running {
        Running::start_as(room, &format!("{}.log", arguments.len()), before, arguments)
    }

    fn start_as(room: &Room, log: &str, before: &[&str], arguments: &[&str]) -> Running {
        let log = room.path(log);
        let file = fs::File::create(&log).expect("a test can write");
        let mut command = room.command(arguments);
        if let [program, words @ ..] = before {
            let mut outer = Command::new(program);
            outer.args(words).arg(command.get_program()).args(command.get_args());
            outer.current_dir(room.path("")).stdin(Stdio::null()).stdout(Stdio::piped());
            command = outer;
        }
        Running(command.stderr(file).spawn().expect("dpp starts"), log)
    }

    /// How often this stands in the log.
    pub(crate) fn told(&self, what: &str) -> usize {
        fs::read_to_string(&self.1).map_or(0, |log| log.matches(what).count())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("it runs");
    }

    fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.0.wait().expect("it ends")
    }

    /// Ends it, and gives what it has said on standard output.
    #[track_caller]
    pub(crate) fn stop_and_read(mut self) -> String {
        let mut output = self.0.stdout.take().expect("it has one");
        self.stop();
        let mut text = String::new();
        output.read_to_string(&mut text).expect("it is text");
        text
    }

    #[track_caller]
    pub(crate) fn stop(mut self) -> String {
        self.signal(Signal::TERM);
        let status = self.wait();
        let told = fs::read_to_string(&self.1).expect("text");
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
pub(crate) fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} has not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a file to a socket, whose name is there a moment before somebody listens.
#[track_caller]
pub(crate) fn replay(room: &Room, file: &str, socket: &str) {
    let arguments = ["-t", "protobuf:dnstap.Dnstap", "-r", file, "-u", socket];
    wait_for("somebody who listens", || {
        let sent = Command::new("fstrm_replay").args(arguments).current_dir(room.path("")).output();
        let sent = sent.expect("fstrm_replay is there (Debian: apt-get install fstrm-bin)");
        let told = String::from_utf8_lossy(&sent.stderr);
        assert!(sent.status.success() || told.contains("fstrm_writer_open() failed"), "{told}");
        sent.status.success()
    });
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

/// How many rows can be read of a file that is being written.
fn rows_so_far(room: &Room, name: &str) -> usize {
    use std::io::Read;
    let part = room.path(&format!("{name}.part"));
    let Ok(bytes) = fs::read(&part) else { return 0 };
    let mut text = Vec::new();
    let is_table = name.contains(".csv") || name.contains(".jsonl");
    // An error is that it has no end.
    let _ = match name.rsplit('.').next() {
        _ if !is_table => {
            room.dpp(&[part.to_str().unwrap(), "so-far.csv"]);
            fs::File::open(room.path("so-far.csv")).and_then(|mut file| file.read_to_end(&mut text))
        }
        Some("gz") => flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut text),
        Some("zst") => zstd::Decoder::new(&bytes[..]).and_then(|mut decoder| decoder.read_to_end(&mut text)),
        _ => (&bytes[..]).read_to_end(&mut text),
    };
    let lines = text.iter().filter(|octet| **octet == b'\n').count();
    lines.saturating_sub(usize::from(!name.contains(".jsonl")))
}

#[test]
fn where_nothing_comes_any_more_rows_can_be_read_before_their_file_has_an_end() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    room.dpp(&["in.dnstap", "file.csv"]).well();
    let rows = room.lines("file.csv").len() - 1;
    let names =
        ["a.csv.gz", "b.jsonl.zst", "c.pcap", "d.dnstap", "e.pcap.gz", "f.dnstap.zst", "g-{seq}.csv.gz"];
    let running = names.map(|name| {
        let socket = format!("dnstap+unix:{name}.sock");
        let rotated: &[&str] = if name.starts_with('g') { &["--rotate-rows", "100000"] } else { &[] };
        let words = ["live", "--source", &socket, "-o", name, "--match-timeout-ms", "100"];
        let dpp = Running::start_with_log(&room, &format!("{name}.log"), &[&words[..], rotated].concat());
        wait_for("the socket", || room.path(&format!("{name}.sock")).exists());
        dpp
    });
    names.iter().for_each(|name| replay(&room, "in.dnstap", &format!("{name}.sock")));
    for name in names {
        let name = name.replace("{seq}", "000000");
        wait_for(&format!("the last row of {name}"), || rows_so_far(&room, &name) == rows);
    }
    running.into_iter().for_each(|dpp| drop(dpp.stop()));
}

#[test]
fn a_file_that_only_an_end_makes_readable_gets_it_with_its_period_though_nothing_comes() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    let words = ["live", "--source", SOURCE, "-o", "out/%s.parquet", "--rotate-every", "1s"];
    let dpp = Running::start(&room, &[&words[..], &["--match-timeout-ms", "100"]].concat());
    wait_for("the socket", || room.path("s.sock").exists());
    replay(&room, "in.dnstap", "s.sock");
    wait_for("a complete file", || dpp.told("rows=1000") == 1);
    dpp.stop();
}

/// A query of this id, or the answer to it, as a server tells of it.
fn frame(id: u16, is_response: bool, time: SystemTime) -> Vec<u8> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let flags = if is_response { 0x81 } else { 1 };
    let dns = [&id.to_be_bytes()[..], &[flags], b"\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01"].concat();
    let direction = if is_response { Direction::Response } else { Direction::Query };
    let mut message = Message::new(MessageType::of(Role::Client, direction));
    let time = Time::new(since.as_secs(), since.subsec_nanos());
    (message.socket_family, message.socket_protocol) = (Some(1), Some(1));
    message.query_address = Some(&[192, 0, 2, 1]);
    message.response_address = Some(&[192, 0, 2, 53]);
    (message.query_port, message.response_port) = (Some(5000), Some(53));
    match is_response {
        true => (message.response_time, message.response_message) = (time, Some(&dns[..])),
        false => (message.query_time, message.query_message) = (time, Some(&dns[..])),
    }
    let mut frame = Vec::new();
    frames::write_frame_with(&mut frame, |out| Dnstap::new(message).write(out));
    frame
}

/// A sender of dnstap that is believed, or not.
struct Server(UnixStream);

impl Server {
    fn new(room: &Room) -> Server {
        let mut server = Server(UnixStream::connect(room.path("s.sock")).unwrap());
        let mut start = Vec::new();
        frames::write_start(&mut start);
        server.0.write_all(&start).unwrap();
        server
    }

    /// Tells of an exchange that it says was at this time.
    fn exchange(&mut self, id: u16, time: SystemTime) {
        for is_response in [false, true] {
            self.0.write_all(&frame(id, is_response, time)).unwrap();
        }
    }
}

#[test]
fn forged_times_hold_up_no_file_and_no_row() {
    const DAY: Duration = Duration::from_secs(86_400);
    let room = Room::new();
    let words = ["live", "--source", SOURCE, "-o", "out/%s.csv", "--rotate-every", "1s"];
    let columns = ["--fields", "id,rtt_ns", "--match-timeout-ms", "100"];
    let dpp = Running::start(&room, &[&words[..], &columns].concat());
    wait_for("the socket", || room.path("s.sock").exists());
    let mut server = Server::new(&room);
    let begin = SystemTime::now();
    server.exchange(1, begin);
    server.exchange(2, begin + 365 * DAY);
    server.exchange(3, begin + 365 * DAY);
    server.exchange(4, begin - 365 * DAY);
    // Two files later still each second has its file.
    for (id, files) in [(5, 1), (6, 2), (7, 3)] {
        wait_for("a complete file", || dpp.told("file complete") >= files);
        server.exchange(id, SystemTime::now());
    }
    let told = dpp.stop();
    let end = SystemTime::now();
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let mut rows = Vec::new();
    for (name, _) in rows_of(&room, "out") {
        let period: u64 = name.strip_suffix(".csv").unwrap().parse().expect(&name);
        assert!((seconds(begin)..=seconds(end)).contains(&period), "{name} is of a time that there was");
        rows.extend(room.lines(&format!("out/{name}")).drain(1..));
    }
    rows.sort();
    assert_eq!(rows, ["1,0", "2,0", "3,0", "4,0", "5,0", "6,0", "7,0"], "{told}");
    assert!(told.contains("dated more than 10 s from when they came"), "{told}");
    assert!(told.contains("rows are in a file of another time than theirs"), "{told}");
}

/// All rows of the files of a folder, by their names.
fn rows_of(room: &Room, folder: &str) -> Vec<(String, usize)> {
    let entries = fs::read_dir(room.path(folder)).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<(String, usize)> = entries
        .map(|path| {
            let lines = fs::read_to_string(&path).unwrap_or_default().lines().count();
            (path.file_name().unwrap().to_string_lossy().into_owned(), lines.saturating_sub(1))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn files_follow_each_other_and_a_command_hears_of_each() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    let names = ["-o", "out/{site}-{seq}.csv", "--site", "fra1", "--rotate-rows", "400"];
    let command = ["--after-file", "echo done >> out.log;  echo"];
    let dpp = Running::start(&room, &[&["live", "--source", SOURCE], &names[..], &command].concat());
    wait_for("the socket", || room.path("s.sock").exists());
    replay(&room, "in.dnstap", "s.sock");
    wait_for("two files", || {
        rows_of(&room, "out").iter().filter(|file| file.0.ends_with(".csv")).count() >= 2
    });
    let told = dpp.stop();
    let expected = [("fra1-000000.csv", 400), ("fra1-000001.csv", 400), ("fra1-000002.csv", 200)];
    assert_eq!(rows_of(&room, "out"), expected.map(|(name, rows)| (name.to_owned(), rows)), "{told}");
    assert_eq!(told.matches("file complete path=").count(), 3, "{told}");
    assert_eq!(room.lines("out.log").len(), 3, "{told}");
}

/// Parts of a run on these sources, written each second.
const PARTS: [&str; 10] = [
    "--stats",
    "s/%s.txt",
    "--rssac",
    "r/{site}/%Y%m%d/%s.tally",
    "--rssac-server",
    "all",
    "--parts-every",
    "1s",
    "--site",
    "ams",
];

#[test]
fn parts_of_a_run_add_up_to_what_a_file_of_it_gives() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    room.dpp(&["rssac", "map", "in.dnstap", "--server", "all", "--site", "ams", "-o", "file.txt"]).well();
    let words = ["live", "--source", SOURCE, "-o", "out/{seq}.csv", "--match-timeout-ms", "100"];
    let dpp = Running::start(&room, &[&words[..], &PARTS].concat());
    wait_for("the socket", || room.path("s.sock").exists());
    // Parts come whether there is something in them or not.
    wait_for("parts", || dpp.told("part complete") >= 4);
    replay(&room, "in.dnstap", "s.sock");
    let parts = dpp.told("part complete");
    wait_for("more parts", || dpp.told("part complete") >= parts + 6);
    let before = dpp.told("part complete");
    let told = dpp.stop();
    assert!(told.matches("part complete").count() >= before + 2, "the last parts: {told}");

    room.dpp(&["rssac", "merge", "r", "--recursive", "-o", "live.txt"]).well();
    let counted = |name: &str| {
        let is_counted = |line: &String| !line.starts_with('#') && !line.starts_with("+!content/");
        room.lines(name).into_iter().filter(is_counted).collect::<Vec<_>>()
    };
    assert_eq!(counted("live.txt"), counted("file.txt"), "{told}");
    let file = room.dpp(&["stats", "in.dnstap", "--json", "--match-timeout-ms", "100"]).well().report();
    let live = room.dpp(&["stats", "report", "s", "--json", "--site", "ams"]).well().report();
    assert!(live["transactions"].as_u64() > Some(900), "{live}");
    for key in ["transactions", "outcomes", "types", "rcodes", "rtt", "sizes", "servers", "tops", "times"] {
        assert_eq!(live[key], file[key], "{key}");
    }
    for key in ["messages", "queries", "responses"] {
        assert_eq!(live["accounting"][key], file["accounting"][key], "{key}");
    }
    // A part is known again.
    let part = rows_of(&room, "s")[0].0.clone();
    fs::copy(room.path("s").join(&part), room.path("s/again.txt")).unwrap();
    let twice = room.dpp(&["stats", "report", "s"]).stderr;
    assert!(twice.contains("the same capture is there twice"), "{twice}");
}

#[test]
fn parts_that_cannot_be_are_refused() {
    let room = Room::new();
    room.write("key.txt", "a passphrase\n");
    for (arguments, expected) in [
        (&["--stats", "s.tally"][..], "put %"),
        (&["--stats", "s-%s.json"], "end its name with .tally for a part"),
        (&["--stats", "s-%s.tally", "--parts-every", "7m"], "what divides a day"),
        (&["--stats", "s-{site}-%s.tally"], "no site is named"),
        (&["--parts-every", "1m"], "--parts-every is for --stats and --rssac"),
        (&["--rssac", "r-%s.tally"], "--rssac-server: say whose queries count"),
        (&["--rssac-server", "all"], "are for --rssac"),
        (
            &["--rssac", "r-%s.tally", "--rssac-server", "all", "--anonymize", "key.txt"],
            "counts addresses of clients",
        ),
        (
            &["--stats", "x-%s.txt", "--rssac", "x-%s.txt", "--rssac-server", "all"],
            "would write the same file",
        ),
    ] {
        let told = room.dpp(&[&["check", "--source", SOURCE, "-o", "q.csv"], arguments].concat());
        assert!(told.code == Some(1) && told.stderr.contains(expected), "{arguments:?}: {}", told.stderr);
    }
    let words = ["check", "--source", SOURCE, "-o", "q-{seq}.csv"];
    let told = room.dpp(&[&words[..], &PARTS].concat()).well().stdout;
    assert!(told.contains("Parts of --stats: s/%s.txt every 1 s\n"), "{told}");
}

#[test]
fn names_that_files_would_share_are_refused() {
    let room = Room::new();
    for (arguments, expected) in [
        (&["-o", "q.csv", "--rotate-every", "5m"][..], "put %"),
        (&["-o", "q-%H%M.csv", "--rotate-every", "7m"], "what divides a day"),
        (&["-o", "q.csv", "--rotate-rows", "10"], "{seq}"),
        (&["-o", "q-%Q.csv"], "%Q"),
        (&["-o", "-", "--rotate-every", "5m"], "are for files"),
    ] {
        let told = room.dpp(&[&["check", "--source", SOURCE], arguments].concat());
        assert!(told.code == Some(1) && told.stderr.contains(expected), "{arguments:?}: {}", told.stderr);
    }
}

#[test]
fn a_configuration_is_read_again_while_messages_come() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    let config = |more: &str| {
        let source = "source = \"dnstap+unix:s.sock\"\noutput = \"out/{seq}.csv\"\nrotate-rows = 100000\n";
        room.write("dpp.toml", format!("{source}fields = [\"qname\", \"qtype\"]\n{more}"));
    };
    config("");
    let dpp = Running::start(&room, &["live", "dpp.toml"]);
    let written = |file: &str| {
        [file.to_owned(), format!("{file}.part")]
            .iter()
            .find_map(|name| fs::read_to_string(room.path(name)).ok())
            .map_or(0, |text| text.lines().count())
    };
    wait_for("the socket", || room.path("s.sock").exists());
    replay(&room, "in.dnstap", "s.sock");
    wait_for("all rows", || written("out/000000.csv") == 1001);
    // What cannot be is refused, and the old configuration stays in force.
    let refusals = [
        ("where = \"nonsense =\"\n", "dpp.toml, line 5"),
        ("port = 5353\n", "port: a change"),
        ("match-timeout-ms = 1\n", "match-timeout-ms: a change"),
        ("after-file = \"true\"\n", "the sandbox was closed without commands"),
        ("queue-size = \"1MiB\"\n", "queue-size: a change"),
        ("metrics = \"127.0.0.1:0\"\n", "metrics: a change"),
    ];
    for (number, (more, why)) in refusals.into_iter().enumerate() {
        config(more);
        dpp.hang_up();
        wait_for("a refusal", || dpp.told("configuration refused") == number + 1);
        wait_for(why, || dpp.told(why) == 1);
    }
    replay(&room, "in.dnstap", "s.sock");
    wait_for("all rows again", || written("out/000000.csv") == 2001);
    config("where = \"qtype = AAAA\"\ndrop = \"qname\"\nlog-format = \"json\"\n");
    dpp.hang_up();
    wait_for("the next file", || room.path("out/000000.csv").exists());
    replay(&room, "in.dnstap", "s.sock");
    wait_for("rows of the new kind", || written("out/000001.csv") > 10);
    let told = dpp.stop();
    let lines = room.lines("out/000001.csv");
    assert_eq!(lines[0], "qtype", "{told}");
    assert!(told.contains(r#","message":"configuration in force"}"#), "{told}");
    assert!(
        told.lines().last().is_some_and(|line| line.contains(r#""message":"report","report":{"#)),
        "{told}"
    );
    assert!(lines[1..].iter().all(|line| line == "28"), "{told}");
}

#[test]
fn names_ends_and_command_of_files_change_with_the_next_one_and_no_row_is_lost() {
    let (room, elsewhere) = (Room::with_capture(), Room::new());
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    let config = |output: &str, more: &str| {
        let source = format!("source = \"{SOURCE}\"\nfields = \"id\"\nmatch-timeout-ms = 100\n");
        room.write("dpp.toml", format!("{source}output = \"{output}\"\n{more}"));
    };
    let command = |word: &str| format!("after-file = \"echo {word} {{}} >> out.log\"\n");
    config("out/{site}-{seq}.csv", &format!("site = \"a\"\nrotate-rows = 100000\n{}", command("a")));
    let dpp = Running::start(&room, &["live", "dpp.toml"]);
    wait_for("the socket", || room.path("s.sock").exists());
    replay(&room, "in.dnstap", "s.sock");
    let rows = || rows_of(&room, "out").iter().map(|file| file.1).sum::<usize>();
    wait_for("all rows", || rows() == 1000);
    let outside = elsewhere.path("q-{seq}.csv");
    let refusals = [
        (outside.to_str().unwrap(), "site = \"a\"\n", "output: the sandbox was closed without"),
        ("out/%s.csv", "rotate-every = \"7s\"\n", "do not begin at the same times each day"),
        ("-", "site = \"a\"\n", "are for files"),
        ("out/q.csv", "", "whether files follow each other: a change"),
    ];
    for (number, (output, more, why)) in refusals.into_iter().enumerate() {
        config(output, more);
        dpp.hang_up();
        wait_for("a refusal", || dpp.told("configuration refused") == number + 1);
        wait_for(why, || dpp.told(why) == 1);
    }
    assert_eq!(dpp.told("file complete"), 0, "the old configuration is in force");
    config("out/%s-{seq}-{site}.csv", &format!("site = \"b\"\nrotate-every = \"2s\"\n{}", command("b")));
    dpp.hang_up();
    wait_for("the configuration", || dpp.told("configuration in force") == 1);
    replay(&room, "in.dnstap", "s.sock");
    wait_for("all rows again", || rows() == 2000);
    wait_for("an end by time", || dpp.told("file complete") >= 2);
    let told = dpp.stop();
    let files = rows_of(&room, "out");
    let mut log = room.lines("out.log");
    log.sort();
    let (last, timed) = files.split_last().unwrap();
    assert_eq!(*last, ("a-000000.csv".to_owned(), 1000), "{told}");
    let mut expected = vec!["a out/a-000000.csv".to_owned()];
    for (number, (name, _)) in timed.iter().enumerate() {
        let (second, rest) = name.split_once('-').unwrap();
        assert_eq!(second.parse::<u64>().unwrap() % 2, 0, "{name}: {told}");
        assert_eq!(rest, format!("{:06}-b.csv", number + 1), "{told}");
        expected.push(format!("b out/{name}"));
    }
    assert_eq!(timed.iter().map(|file| file.1).sum::<usize>(), 1000, "{told}");
    assert_eq!(log, expected, "{told}");
}

#[test]
fn without_a_sandbox_the_next_file_may_be_anywhere_and_have_a_command() {
    let (room, elsewhere) = (Room::new(), Room::new());
    let config = |output: PathBuf, more: &str| {
        let source = format!("source = \"{SOURCE}\"\nfields = \"id\"\nno-sandbox = true\n");
        room.write("dpp.toml", format!("{source}output = \"{}\"\n{more}", output.display()));
    };
    config(room.path("out/{seq}.csv"), "");
    let dpp = Running::start(&room, &["live", "dpp.toml"]);
    wait_for("the socket", || room.path("s.sock").exists());
    config(elsewhere.path("new/{seq}.csv"), "after-file = \"touch\"\n");
    wait_for("the start", || dpp.told("info ready") == 1);
    dpp.hang_up();
    wait_for("the configuration", || dpp.told("configuration in force") == 1);
    Server::new(&room).exchange(7, SystemTime::now());
    let part = elsewhere.path("new/000000.csv.part");
    wait_for("a row", || fs::read_to_string(&part).is_ok_and(|text| text == "id\n7\n"));
    let told = dpp.stop();
    assert_eq!(elsewhere.lines("new/000000.csv"), ["id", "7"], "{told}");
    assert!(!told.contains("command failed"), "{told}");
}

/// A page of the service at `m.sock`.
pub(crate) fn get(room: &Room, path: &str) -> String {
    let mut stream = UnixStream::connect(room.path("m.sock")).expect("it listens");
    let asked = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).expect("it is asked");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers");
    text
}

#[test]
fn what_is_counted_can_be_looked_at() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    let page = format!("unix:{}", room.path("m.sock").display());
    let arguments = ["live", "--source", SOURCE, "-o", "out.csv", "--metrics", &page];
    let dpp = Running::start(&room, &arguments);
    wait_for("the sockets", || room.path("s.sock").exists() && room.path("m.sock").exists());
    replay(&room, "in.dnstap", "s.sock");
    let get = |path: &str| get(&room, path);
    let messages = room.dpp(&["in.dnstap", "x.csv", "--report-format", "json"]).well().report();
    let messages = messages["packets"]["read"]["packets"].as_u64().unwrap();
    let line = format!("dpp_source_packets_total{{source=\"{SOURCE}\"}} {messages}");
    wait_for("all messages", || get("/metrics").contains(&line));
    assert!(get("/health").starts_with("HTTP/1.1 200"));
    dpp.stop();
}

#[test]
fn dnstap_is_sent_on_to_a_receiver() {
    let room = Room::with_capture();
    let dpp = Running::start(&room, &["live", "--source", SOURCE, "-o", "live.csv"]);
    wait_for("the socket", || room.path("s.sock").exists());
    let sent = room.dpp(&["in.pcap", SOURCE]).well();
    assert!(sent.stderr.contains("Rows: 1,000"), "{}", sent.stderr);
    dpp.stop();
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    room.dpp(&["in.dnstap", "file.csv"]).well();
    assert_eq!(room.lines("live.csv"), room.lines("file.csv"));
    // Files wait for a receiver, but not for ever.
    let refused = room.dpp(&["in.pcap", SOURCE]);
    assert!(
        refused.code == Some(1) && refused.stderr.contains("is a receiver listening there?"),
        "{}",
        refused.stderr
    );
    let refused = room.dpp(&["in.pcap", SOURCE, "-f", "csv"]);
    assert!(refused.stderr.contains("a receiver of dnstap takes no CSV"), "{}", refused.stderr);
}

#[test]
fn a_socket_that_the_service_may_not_remove_is_told_and_the_next_start_replaces_it() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::getuid().is_root() {
        return;
    }
    let room = Room::new();
    let open = |name: &str| fs::set_permissions(room.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    open("");
    for (folder, owner, stays) in [("root", 0, true), ("nobody", NOBODY, false)] {
        fs::create_dir(room.path(folder)).unwrap();
        open(folder);
        chown(room.path(folder), Some(owner), None).unwrap();
        let source = format!("dnstap+unix:{folder}/s.sock");
        for _ in 0..2 {
            let words = ["live", "--source", &source, "-o", "-", "--user", &NOBODY.to_string()];
            let dpp = Running::start(&room, &words);
            wait_for("the start", || dpp.told("info ready") == 1);
            let told = dpp.stop();
            assert_eq!(told.contains("sockets will stay until the next start"), stays, "{told}");
            assert_eq!(room.path(folder).join("s.sock").exists(), stays, "{told}");
        }
    }
}
