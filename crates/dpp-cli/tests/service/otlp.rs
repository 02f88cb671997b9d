//! Figures that are sent to a collector, which reads them with OpenTelemetry's own definitions (`collector.py`): they are those of
//! `/metrics`, and nothing that a collector does holds up a service.
//!
//! `make peers` installs what the collector needs; `DPP_PEERS_PYTHON` names another Python that has it.

use crate::drill::until;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A process that ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder with a collector and a service.
struct Stage {
    folder: TempDir,
    port: u16,
}

impl Stage {
    fn new() -> Stage {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        Stage { folder: tempfile::tempdir().expect("a folder"), port: free.expect("a free port").port() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// What the collector does from now on.
    fn mood(&self, mood: &str) {
        fs::write(self.path("mood.new"), mood).expect("a test can write");
        fs::rename(self.path("mood.new"), self.path("mood")).expect("a test can write");
    }

    fn collector(&self, more: &[&Path]) -> Process {
        let _ = fs::remove_file(self.path("port"));
        let mut command = Command::new(python());
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/service/collector.py"));
        command.arg(self.folder.path()).arg(self.port.to_string()).args(more);
        let said = File::create(self.path("collector.log")).expect("a test can write");
        let process = Process(command.stderr(said).spawn().expect("Python starts"));
        until("a collector", || self.path("port").exists());
        process
    }

    /// A service that sends to this host each second, with the log in a file.
    fn service(&self, url: &str, more: &[&str]) -> Process {
        let page = self.path("m.sock");
        let mut command = Command::new(env!("CARGO_BIN_EXE_dpp"));
        command.args(["live", "--source", "dnstap+unix:s.sock", "-o", "out-{seq}.csv", "--site", "fra1"]);
        command
            .args(["--otlp", url, "--otlp-interval", "1s", "--metrics"])
            .arg(format!("unix:{}", page.display()));
        command.args(more).env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        let log = File::options().create(true).append(true).open(self.path("log")).expect("a test can write");
        let process = Process(command.stderr(log).spawn().expect("dpp starts"));
        until("a service", || self.path("m.sock").exists() && self.text("log").contains("info ready"));
        process
    }

    /// What `/metrics` says, in the order of letters.
    fn scraped(&self) -> BTreeSet<String> {
        let page = crate::drill::get_unix(&self.path("m.sock"), "/metrics").1;
        page.lines().filter(|line| !line.starts_with("# HELP")).map(normal).collect()
    }

    fn metric(&self, name: &str) -> f64 {
        let line =
            self.scraped().into_iter().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
        line.unwrap_or_else(|| panic!("no {name}")).parse().expect("a number")
    }

    /// What the collector was told last: of itself, and figures.
    fn told(&self) -> (Vec<String>, BTreeSet<String>) {
        let text = self.text("last");
        let is_figure = |line: &&str| {
            line.starts_with("# ")
                || !line.split(' ').next().unwrap_or("").contains('=')
                || line.contains('{')
        };
        let (figures, resource): (Vec<&str>, Vec<&str>) = text.lines().partition(is_figure);
        (resource.into_iter().map(str::to_owned).collect(), figures.into_iter().map(normal).collect())
    }

    fn said(&self, what: &str) -> usize {
        self.text("log").matches(what).count()
    }
}

fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("DPP_PEERS_PYTHON") {
        return python.into();
    }
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/bin/python");
    assert!(python.exists(), "{} is missing: run `make peers`, which installs it", python.display());
    python
}

/// A line whose number is written in one way.
fn normal(line: &str) -> String {
    match line.rsplit_once(' ').and_then(|(name, value)| Some((name, value.parse::<f64>().ok()?))) {
        Some((name, value)) => format!("{} {value}", bounds(name)),
        None => line.to_owned(),
    }
}

/// And so the bound of a bucket.
fn bounds(name: &str) -> String {
    let Some((before, bound)) = name.split_once("le=\"") else { return name.to_owned() };
    match bound.trim_end_matches("\"}").parse::<f64>() {
        Ok(bound) => format!("{before}le=\"{bound}\"}}"),
        Err(_) => name.to_owned(),
    }
}

/// What is another at each look: the process's own figures, and those of sending.
fn is_steady(line: &str) -> bool {
    !line.starts_with("process_") && !line.starts_with("dpp_otlp_exports_total")
}

fn send_dnstap(stage: &Stage) {
    let run = |program: &str, arguments: &[&str]| {
        let ran = Command::new(program).args(arguments).current_dir(stage.folder.path()).output();
        let ran = ran.unwrap_or_else(|error| panic!("cannot start {program}: {error}; run `make peers`"));
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    let dpp = env!("CARGO_BIN_EXE_dpp");
    run(dpp, &["generate", "in.pcap", "--transactions", "500"]);
    run(dpp, &["-s", "in.pcap", "in.dnstap"]);
    run("fstrm_replay", &["-t", "protobuf:dnstap.Dnstap", "-r", "in.dnstap", "-u", "s.sock"]);
}

fn end(mut service: Process, signal: Signal) -> (bool, Duration) {
    let began = Instant::now();
    kill_process(Pid::from_child(&service.0), signal).expect("it runs");
    (service.0.wait().expect("it ends").success(), began.elapsed())
}

/// By name, so that names can be looked up in the sandbox.
fn url(stage: &Stage) -> String {
    format!("http://localhost:{}", stage.port)
}

#[test]
fn a_collector_gets_what_a_scrape_shows() {
    let stage = Stage::new();
    stage.mood("well");
    let _collector = stage.collector(&[]);
    let service = stage.service(&url(&stage), &[]);
    send_dnstap(&stage);
    until("all rows are seen", || stage.metric("dpp_rows_total") == 500.0);
    let steady = |figures: BTreeSet<String>| {
        figures.into_iter().filter(|line| is_steady(line)).collect::<BTreeSet<_>>()
    };
    let mut differ = String::new();
    let same = || {
        let (told, scraped) = (steady(stage.told().1), steady(stage.scraped()));
        differ = format!("{:#?}", told.symmetric_difference(&scraped).collect::<Vec<_>>());
        told == scraped
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut same = same;
    while !same() {
        assert!(
            Instant::now() < deadline,
            "told and scraped differ in {differ}\n{}",
            stage.text("collector.log")
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    let (resource, figures) = stage.told();
    // It is not for want of figures that they agree.
    for line in [
        "# TYPE dpp_rtt_seconds histogram",
        "# TYPE dpp_source_dropped_total counter",
        "# TYPE process_resident_memory_bytes gauge",
        "dpp_rows_total 500",
        "dpp_source_connections_total{source=\"dnstap+unix:s.sock\"} 1",
    ] {
        assert!(figures.contains(line), "no {line} in {figures:#?}");
    }
    assert!(figures.len() > 250, "{}", figures.len());
    let matched =
        figures.iter().find_map(|line| line.strip_prefix("dpp_rtt_seconds_count ")?.parse::<u64>().ok());
    assert!(matched.is_some_and(|matched| matched > 400), "{matched:?}");
    for fact in ["service.name=dpp", "dpp.site=fra1"] {
        assert!(resource.iter().any(|line| line == fact), "no {fact} in {resource:?}");
    }
    assert!(resource.iter().any(|line| line.starts_with("service.instance.id=")), "{resource:?}");
    assert_eq!(stage.said("metrics are sent"), 1, "{}", stage.text("log"));
    let (is_well, _) = end(service, Signal::TERM);
    assert!(is_well, "{}", stage.text("log"));
    // The end tells the last: that the file is complete.
    let (_, figures) = stage.told();
    let complete = figures.iter().any(|line| line == "dpp_sink_rows_total{sink=\"files\"} 500");
    assert!(complete, "{figures:#?}");
}

#[test]
fn a_collector_that_is_away_or_talks_nonsense_is_counted_and_holds_up_nothing() {
    let stage = Stage::new();
    let failures = || stage.metric("dpp_otlp_exports_total{result=\"failure\"}");
    let successes = || stage.metric("dpp_otlp_exports_total{result=\"success\"}");
    // Nobody is there at all.
    let service = stage.service(&url(&stage), &[]);
    until("it fails", || failures() >= 2.0);
    stage.mood("well");
    let mut collector = stage.collector(&[]);
    until("it succeeds", || successes() >= 2.0);
    for (number, (mood, why)) in
        [("busy", "503"), ("broken", "500"), ("nonsense", "cannot be sent"), ("page", "is not OTLP")]
            .into_iter()
            .enumerate()
    {
        let (before, said) = (failures(), stage.said("metrics cannot be sent"));
        assert_eq!(said, number + 1, "once each time it begins to fail: {}", stage.text("log"));
        stage.mood(mood);
        until(mood, || failures() >= before + 2.0);
        assert!(
            stage.text("log").lines().any(|line| line.contains("cannot be sent") && line.contains(why)),
            "{why}: {}",
            stage.text("log")
        );
        let before = successes();
        stage.mood("well");
        until("it succeeds again", || successes() > before);
    }
    stage.mood("picky");
    until("values are rejected", || stage.metric("dpp_otlp_rejected_total") >= 3.0);
    // All that time rows come.
    stage.mood("mute");
    send_dnstap(&stage);
    until("all rows are seen", || stage.metric("dpp_rows_total") == 500.0);
    assert!(crate::drill::get_unix(&stage.path("m.sock"), "/ready").0.contains("200"));
    let (is_well, took) = end(service, Signal::TERM);
    assert!(is_well && took < Duration::from_secs(20), "{took:?}: {}", stage.text("log"));
    assert!(stage.path("out-000000.csv").exists());
    let _ = collector.0.kill();
}

#[test]
fn tls_is_spoken_with_those_who_are_trusted_alone() {
    let stage = Stage::new();
    stage.mood("well");
    let openssl = |arguments: &str| {
        let made =
            Command::new("openssl").args(arguments.split(' ')).current_dir(stage.folder.path()).output();
        let made = made.expect("openssl is installed by `make peers`");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    for name in ["one", "other"] {
        openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext \
             subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -keyout {name}.key -out {name}.pem"
        ));
    }
    let _collector = stage.collector(&[&stage.path("one.pem"), &stage.path("one.key")]);
    let url = format!("https://localhost:{}", stage.port);
    let successes = || stage.metric("dpp_otlp_exports_total{result=\"success\"}");
    let failures = || stage.metric("dpp_otlp_exports_total{result=\"failure\"}");
    let service = stage.service(&url, &["--otlp-ca", "one.pem"]);
    until("it succeeds", || successes() >= 1.0);
    assert!(end(service, Signal::TERM).0, "{}", stage.text("log"));
    fs::remove_file(stage.path("log")).expect("there is a log");
    let service = stage.service(&url, &["--otlp-ca", "other.pem"]);
    until("it fails", || failures() >= 1.0);
    assert_eq!(successes(), 0.0);
    assert!(end(service, Signal::TERM).0);
}

/// The collector is reached after root has become somebody else.
#[test]
fn another_user_sends_too() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let stage = Stage::new();
    use std::os::unix::fs::{PermissionsExt, chown};
    fs::set_permissions(stage.folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    stage.mood("well");
    let _collector = stage.collector(&[]);
    // Nobody's, who writes there.
    chown(stage.folder.path(), Some(65_534), Some(65_534)).expect("we are root");
    let service = stage.service(&url(&stage), &["--user", "nobody"]);
    assert_eq!(stage.said("user changed"), 1, "{}", stage.text("log"));
    until("it succeeds", || stage.metric("dpp_otlp_exports_total{result=\"success\"}") >= 1.0);
    assert!(end(service, Signal::TERM).0, "{}", stage.text("log"));
}
