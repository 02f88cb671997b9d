//! `dpp live` as a service: what it says before and behind a run, what its end leaves behind, whom it says is away.

use crate::live::{Running, SOURCE, get, replay, wait_for};
use crate::room::Room;
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::os::unix::net::UnixListener;
use std::process::Command;

/// Lines of a log as objects.
#[track_caller]
fn objects(log: &str) -> Vec<Value> {
    let object = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    log.lines().map(object).collect()
}

#[test]
fn a_log_of_objects_has_nothing_else_in_it() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    let arguments = ["live", "--source", SOURCE, "-o", "out.csv", "--log-format", "json"];
    let dpp = Running::start(&room, &arguments);
    wait_for("the socket", || room.path("s.sock").exists());
    replay(&room, "in.dnstap", "s.sock");
    let objects = objects(&dpp.stop());
    let started = objects.iter().find(|line| line["message"] == "started").expect("it says what it does");
    assert_eq!((&started["sources"][0], &started["format"]), (&SOURCE.into(), &"CSV".into()));
    let last = objects.last().expect("there are lines");
    let report = &last["report"];
    assert_eq!((&last["message"], &report["messages"]["rows"]), (&"report".into(), &1000.into()), "{last}");
}

#[test]
fn an_error_that_ends_a_run_is_an_object_too() {
    let room = Room::new();
    fs::create_dir(room.path("s.sock")).expect("it is new");
    let arguments = ["live", "--source", SOURCE, "-o", "out.csv", "--log-format", "json"];
    let told = room.dpp(&arguments);
    assert_eq!(told.code, Some(1));
    let objects = objects(&told.stderr);
    let last = objects.last().expect("there are lines");
    assert_eq!((&last["level"], &last["message"]), (&"error".into(), &"ended with an error".into()));
    assert!(last["why"].as_str().is_some_and(|why| why.contains("no socket; remove it")), "{last}");
}

#[test]
fn the_report_has_each_source_and_that_a_signal_ended_it() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    let sources = ["--source", SOURCE, "--source", "dnstap+unix:quiet.sock"];
    let output = ["-o", "out.csv", "--report-format", "json"];
    let dpp = Running::start(&room, &[&["live"][..], &sources, &output].concat());
    wait_for("the sockets", || room.path("s.sock").exists() && room.path("quiet.sock").exists());
    replay(&room, "in.dnstap", "s.sock");
    let report: Value = serde_json::from_str(&dpp.stop_and_read()).expect("the report is JSON");
    let [source, quiet] = &report["sources"].as_array().expect("there are sources")[..] else {
        panic!("{report}")
    };
    assert_eq!((&source["source"], &quiet["source"]), (&SOURCE.into(), &"dnstap+unix:quiet.sock".into()));
    assert_eq!(source["packets"], report["packets"]["read"]["packets"]);
    assert_eq!((&source["connections"], &quiet["packets"]), (&1.into(), &0.into()));
    assert_eq!(report["warnings"]["graceful_signal_shutdown"], true);
    assert_eq!((&report["capture"]["ending"], &report["receiver"]), (&"complete".into(), &Value::Null));
}

/// Whether this process does anything any more.
fn lives(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// A run with a command that hears nothing, when that runs: the numbers of its processes.
fn with_a_deaf_command(room: &Room, more: &[&str]) -> (Running, Vec<String>) {
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    let output = ["live", "--source", SOURCE, "-o", "out/{seq}.csv", "--rotate-rows", "1000"];
    let command = "trap '' TERM INT; sleep 1000 & echo $$ $! > out/new && mv out/new out/pids; wait; wait; #";
    let dpp = Running::start(room, &[&output[..], &["--after-file", command], more].concat());
    wait_for("the socket", || room.path("s.sock").exists());
    replay(room, "in.dnstap", "s.sock");
    wait_for("the command", || room.path("out/pids").exists());
    let pids = String::from_utf8(room.read("out/pids")).expect("numbers");
    let pids: Vec<String> = pids.split_whitespace().map(str::to_owned).collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| lives(pid)), "{pids:?}");
    (dpp, pids)
}

#[test]
fn the_end_waits_for_commands_but_not_for_ever() {
    let room = Room::with_capture();
    let (dpp, pids) = with_a_deaf_command(&room, &["--after-file-wait", "300ms"]);
    let told = dpp.stop();
    // Who was killed needs a moment to be gone.
    wait_for("the end of the command", || !pids.iter().any(|pid| lives(pid)));
    assert!(told.contains("waiting for commands files=1"), "{told}");
    assert!(told.contains("command failed") && told.contains("was ended with the run"), "{told}");
}

#[test]
fn a_second_signal_leaves_no_command_behind() {
    let room = Room::with_capture();
    let (mut dpp, pids) = with_a_deaf_command(&room, &[]);
    dpp.signal(Signal::TERM);
    wait_for("the wait for the command", || dpp.told("waiting for commands") == 1);
    assert!(pids.iter().all(|pid| lives(pid)), "it is waited for");
    dpp.signal(Signal::TERM);
    assert_eq!(dpp.wait().code(), Some(143));
    wait_for("the end of the command", || !pids.iter().any(|pid| lives(pid)));
}

#[test]
fn what_is_sent_on_is_counted_where_one_looks() {
    let room = Room::with_capture();
    room.dpp(&["in.pcap", "in.dnstap"]).well();
    let page = format!("unix:{}", room.path("m.sock").display());
    let receiver = "dnstap+unix:r.sock?buffer=20KiB";
    let options = ["--metrics", &page, "--report-format", "json"];
    let dpp = Running::start(&room, &[&["live", "--source", SOURCE, "-o", receiver], &options[..]].concat());
    wait_for("the sockets", || room.path("s.sock").exists() && room.path("m.sock").exists());
    let metric = |name: &str| {
        let page = get(&room, "/metrics");
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).trim().parse::<u64>().expect("a number")
    };
    let of = "{sink=\"dnstap+unix:r.sock\"}";
    let full = || metric("dpp_relay_dropped_total{sink=\"dnstap+unix:r.sock\",reason=\"full\"}");
    // Nobody is there. What comes together may be more than the buffer, if that is empty; the rest finds no room.
    replay(&room, "in.dnstap", "s.sock");
    wait_for("what waits", || metric(&format!("dpp_relay_waiting_bytes{of}")) > 0);
    replay(&room, "in.dnstap", "s.sock");
    wait_for("a full buffer", || full() > 0);
    assert_eq!(metric(&format!("dpp_relay_limit_bytes{of}")), 20 << 10);
    assert_eq!(metric(&format!("dpp_relay_connected{of}")), 0);
    wait_for("an attempt", || metric(&format!("dpp_relay_refused_total{of}")) > 0);
    // Then somebody is.
    let other = Running::start(&room, &["live", "--source", "dnstap+unix:r.sock", "-o", "other.csv"]);
    wait_for("a connection", || metric(&format!("dpp_relay_connected{of}")) == 1);
    wait_for("an empty buffer", || metric(&format!("dpp_relay_waiting_bytes{of}")) == 0);
    wait_for("what waited", || metric(&format!("dpp_relay_sent_total{of}")) > 0);
    let (sent, lost) = (metric(&format!("dpp_relay_sent_total{of}")), full());
    let report: Value = serde_json::from_str(&dpp.stop_and_read()).expect("the report is JSON");
    let receiver = &report["receiver"];
    assert_eq!(receiver["receiver"], "dnstap+unix:r.sock");
    assert_eq!((&receiver["sent"], &receiver["dropped_full"]), (&sent.into(), &lost.into()), "{receiver}");
    assert_eq!(receiver["connections"], 1);
    let warnings = report["warnings"]["sentences"].to_string();
    assert!(warnings.contains("for want of room or of a receiver"), "{warnings}");
    other.stop();
}

/// A network namespace with an interface, which goes when the test is over.
struct Namespace(String);

impl Namespace {
    fn new() -> Namespace {
        let namespace = Namespace(format!("dpp-away-{}", std::process::id()));
        ip(&["netns", "add", &namespace.0]);
        namespace.add();
        namespace
    }

    /// Adds the interface, and one at its other end.
    fn add(&self) {
        self.ip(&["link", "add", "eth7", "type", "veth", "peer", "name", "eth8"]);
        self.ip(&["link", "set", "eth8", "up"]);
        self.ip(&["link", "set", "eth7", "up"]);
    }

    fn ip(&self, arguments: &[&str]) {
        ip(&[&["-n", &self.0], arguments].concat());
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

#[track_caller]
fn ip(arguments: &[&str]) {
    let ran = Command::new("ip").args(arguments).output().expect("ip is installed by `make peers`");
    assert!(ran.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// Network namespaces are root's.
#[test]
fn an_interface_that_is_away_is_no_readiness() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let (room, namespace) = (Room::new(), Namespace::new());
    let page = format!("unix:{}", room.path("m.sock").display());
    let sources = ["live", "--source", "afpacket:eth7", "--source", SOURCE];
    let arguments = [&sources[..], &["-o", "out.csv", "--metrics", &page]].concat();
    let dpp = Running::start_in(&room, &["ip", "netns", "exec", &namespace.0], &arguments);
    wait_for("the pages", || room.path("m.sock").exists());
    wait_for("ready", || get(&room, "/ready").starts_with("HTTP/1.1 200"));
    for round in 1..=2 {
        if round == 1 {
            namespace.ip(&["link", "set", "eth7", "down"]);
        } else {
            namespace.ip(&["link", "del", "eth7"]);
        }
        wait_for("not ready", || get(&room, "/ready").starts_with("HTTP/1.1 503"));
        let told = get(&room, "/ready");
        assert!(told.contains("not ready\nafpacket:eth7 is away since 2"), "{told}");
        assert_eq!(told.matches("is away").count(), 1, "{told}");
        assert!(get(&room, "/health").starts_with("HTTP/1.1 200"), "it lives all the same");
        assert!(get(&room, "/metrics").contains("dpp_source_away{source=\"afpacket:eth7\"} 1"));
        wait_for("the log", || dpp.told("source is away") == round);
        if round == 2 {
            namespace.add();
        } else {
            namespace.ip(&["link", "set", "eth7", "up"]);
        }
        wait_for("ready again", || get(&room, "/ready").starts_with("HTTP/1.1 200"));
        wait_for("the log", || dpp.told("source is back source=afpacket:eth7 seconds=") == round);
    }
    dpp.stop();
}

/// What `dpp check` says of these options.
#[track_caller]
fn check(room: &Room, options: &[&str], code: i32, expected: &str) {
    let told = room.dpp(&[&["check"], options].concat());
    let text = told.stdout + &told.stderr;
    assert!(told.code == Some(code) && text.contains(expected), "{options:?}: {expected}: {text}");
}

#[test]
fn what_only_opening_would_refuse_is_told_before() {
    let room = Room::new();
    room.write("file", "");
    let page = UnixListener::bind(room.path("taken.sock")).expect("it is new");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = format!("127.0.0.1:{}", taken.local_addr().expect("it has one").port());
    let source = ["--source", SOURCE, "-o", "out.csv"];
    let with = |more: &[&str], expected: &str| check(&room, &[&source[..], more].concat(), 1, expected);
    let of = |source: &str, expected: &str| check(&room, &["--source", source, "-o", "out.csv"], 1, expected);
    let to = |name: &[&str], expected: &str| {
        check(&room, &[&["--source", SOURCE, "-o"], name].concat(), 1, expected)
    };
    of("afpacket:eth99", "--source 'afpacket:eth99': there is no interface 'eth99'; there are: lo");
    of("dnstap+unix:no/s.sock", "No such file or directory");
    of("dnstap+unix:file", "there is something that is no socket; remove it");
    of("knot:nowhere", "No such file or directory");
    of("dnstap+tcp://192.0.2.1:6000", "look whether it is an address of this machine");
    of("dnstap+tls://127.0.0.1:0?cert=file&key=file", "certificate 'file': there is none in it");
    to(&["no/out.csv"], "--output: there is no folder 'no'; make it, or name another");
    to(&["file/{seq}.csv"], "--output: 'file' is no folder");
    to(&["dnstap+tcp://no.such.host.invalid:1"], "cannot send to 'dnstap+tcp://no.such.host.invalid:1'");
    to(&["dnstap+tls://localhost:1?ca=file"], "authorities of the receiver 'file': there is none in it");
    with(&["--metrics", "192.0.2.1:9153"], "--metrics: cannot listen on '192.0.2.1:9153'");
    with(&["--metrics", "unix:/nowhere/m.sock"], "--metrics: cannot listen on 'unix:/nowhere/m.sock'");
    with(&["--user", "nemo"], "--user: there is no user 'nemo'");
    to(&["{seq}.csv", "--after-file", "if true; then"], "--after-file: the shell says: ");
    to(&["{seq}.csv", "--after-file-wait", "3s"], "--after-file-wait: say with --after-file");
    // What somebody has may be another dpp with this configuration.
    let listening = format!("dnstap+tcp://{taken}");
    let notes = ["--source", &listening, "-o", "out.csv", "--metrics", &taken];
    check(&room, &notes, 0, &format!("Note: '{listening}': cannot listen on {taken}"));
    check(&room, &notes, 0, &format!("Note: --metrics: somebody listens on '{taken}' already"));
    check(&room, &["--source", "dnstap+unix:taken.sock", "-o", "{seq}.csv"], 0, "Files end: at the end");
    drop(page);
    assert!(!room.path("s.sock").exists() && !room.path("out.csv.part").exists(), "nothing is made");
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_lines() {
    let room = Room::new();
    room.write(
        "dpp.toml",
        "source = [\n  \"afpacket:eth99\",\n  \"dnstap+unix:s.sock\",\n]\noutput = \"no/out.csv\"\nuser = \"nemo\"\n",
    );
    let told = room.dpp(&["check", "dpp.toml"]);
    assert_eq!(told.code, Some(1));
    for line in [
        "Error: 3 things stand against it:",
        "  dpp.toml, line 1: --source 'afpacket:eth99': there is no interface",
        "  dpp.toml, line 5: --output: there is no folder 'no'",
        "  dpp.toml, line 6: --user: there is no user 'nemo'",
    ] {
        assert!(told.stderr.lines().any(|other| other.starts_with(line)), "no {line} in {}", told.stderr);
    }
}

#[test]
fn a_folder_is_looked_at_with_the_eyes_of_the_user() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    use std::os::unix::fs::{PermissionsExt, chown};
    let room = Room::new();
    fs::create_dir(room.path("out")).expect("it is new");
    fs::set_permissions(room.path("out"), fs::Permissions::from_mode(0o750)).expect("it is ours");
    let options = ["--source", SOURCE, "--user", "nobody", "-o"];
    let named = |name| [&options[..], &[name]].concat();
    check(&room, &named("out/{seq}.csv"), 1, "the user of the service may not write into 'out'");
    check(&room, &named("new/{seq}.csv"), 1, "root would make it for itself");
    chown(room.path("out"), Some(65_534), None).expect("we are root");
    check(&room, &named("out/{seq}.csv"), 0, "Output: ");
    assert!(!room.path("new").exists());
}

#[test]
fn each_command_shows_its_own_usage() {
    let room = Room::new();
    for (command, usage) in
        [("check", "dpp check [CONFIG] [OPTIONS]"), ("live", "dpp live [CONFIG] [OPTIONS]")]
    {
        let help = room.dpp(&[command, "--help"]).well().stdout;
        assert!(help.contains(&format!("Usage: {usage}")), "{help}");
    }
    let help = room.dpp(&["check", "-h"]).well().stdout;
    assert!(!help.contains("Usage: dpp live") && help.contains("dpp check /etc/dpp/root.toml"), "{help}");
}

#[cfg(not(feature = "otlp"))]
#[test]
fn a_build_that_cannot_send_figures_says_so() {
    let room = Room::new();
    let url = ["--otlp", "http://127.0.0.1:4318"];
    let told = room.dpp(&[&["check", "--source", SOURCE, "-o", "out.csv"], &url[..]].concat());
    assert!(
        told.code == Some(1) && told.stderr.contains("built without it; build it with --features otlp"),
        "{told:?}"
    );
}

#[cfg(feature = "otlp")]
#[test]
fn a_collector_is_looked_up_before() {
    let room = Room::new();
    room.write(
        "dpp.toml",
        format!("source = \"{SOURCE}\"\noutput = \"out.csv\"\notlp = \"http://no.such.host.invalid\"\n"),
    );
    check(&room, &["dpp.toml"], 1, "dpp.toml, line 3: --otlp: cannot find the host 'no.such.host.invalid'");
    check(&room, &["--source", SOURCE, "-o", "out.csv", "--otlp", "http://localhost:4318"], 0, "Output: ");
}
