//! Where a test plays: a folder of its own, free ports, and processes that go when it is over.

use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// A folder that goes when the test is over.
pub(crate) struct Stage(tempfile::TempDir);

impl Stage {
    pub(crate) fn new() -> Stage {
        Stage(tempfile::tempdir().expect("there is room for a test"))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).expect("a test can write");
    }

    /// A file's text as far as it has been written, or nothing.
    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    /// A program of Debian's that runs until it is told to stop. What it says goes to the file `<name>.log`.
    #[track_caller]
    pub(crate) fn start(&self, name: &'static str, package: &str, arguments: &[&str]) -> Running {
        let mut command = Command::new(name);
        command.args(arguments).stdout(self.appended(&format!("{name}.log")));
        self.spawn(name, &mut command).unwrap_or_else(|error| {
            panic!(
                "cannot start {name}: {error}; on Debian: apt-get install --no-install-recommends {package}"
            )
        })
    }

    /// `dpp live` until it is told to stop, with nothing in its environment. Its report goes to `<name>.report`, as JSON, and
    /// what it says to `<name>.log`.
    pub(crate) fn dpp_live(&self, name: &'static str, source: &str, output: &str, more: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dpp"));
        command.args(["live", "--source", source, "-o", output, "--report-format", "json"]).args(more);
        command.env_clear().stdout(self.appended(&format!("{name}.report")));
        self.spawn(name, &mut command).expect("dpp starts")
    }

    /// `dpp` until it has ended well.
    #[track_caller]
    pub(crate) fn dpp(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dpp"));
        let told =
            command.args(arguments).env_clear().current_dir(self.folder()).output().expect("dpp starts");
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        told
    }

    fn spawn(&self, name: &'static str, command: &mut Command) -> io::Result<Running> {
        let log = format!("{name}.log");
        command.stdin(Stdio::null()).stderr(self.appended(&log)).current_dir(self.folder());
        Ok(Running { name, child: command.spawn()?, log: self.path(&log) })
    }

    /// A file to which a process writes behind what is there.
    fn appended(&self, name: &str) -> File {
        File::options().create(true).append(true).open(self.path(name)).expect("a test can write")
    }
}

/// A process that ends with its test.
pub(crate) struct Running {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until something is so, while it runs.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                panic!("{} ended before {what}: {status}\n{}", self.name, self.said());
            }
            assert!(Instant::now() < deadline, "{what} has not come; {} says\n{}", self.name, self.said());
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until it takes connections to this port of 127.0.0.1.
    #[track_caller]
    pub(crate) fn wait_for_port(&mut self, port: u16) {
        self.wait_for("its port", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Tells it to end, and waits.
    #[track_caller]
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().expect("it can be waited for") {
                Some(status) => return status,
                None => std::thread::sleep(PAUSE),
            }
            assert!(Instant::now() < deadline, "{} does not stop; it says\n{}", self.name, self.said());
        }
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(self) {}
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{} said:\n{}", self.name, self.said());
        }
    }
}

/// What has not come by then never will.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked.
const PAUSE: Duration = Duration::from_millis(10);

/// A port of loopback that nobody has, neither for UDP nor for TCP, and that no other test here gets: the kernel gives none of
/// these by itself.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 10_000;
    const PORTS: u16 = 20_000;
    // Tests of other processes begin elsewhere.
    let first = (std::process::id() % 311) as u16 * 64;
    loop {
        let port = FIRST + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS;
        let is_free = |address: &str| {
            TcpListener::bind((address, port)).is_ok() && UdpSocket::bind((address, port)).is_ok()
        };
        if is_free("127.0.0.1") && is_free("::1") {
            return port;
        }
    }
}
