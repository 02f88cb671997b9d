//! A directory of its own for each test, and `dpp` run in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory that goes when the test is over.
pub(crate) struct Room(tempfile::TempDir);

/// What came of a process.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        let text = |bytes| String::from_utf8(bytes).expect("dpp prints UTF-8");
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ended {
    /// The process, if it ended well.
    #[track_caller]
    pub(crate) fn well(self) -> Ended {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// The JSON report.
    #[track_caller]
    pub(crate) fn report(&self) -> serde_json::Value {
        assert_eq!(self.stdout.lines().count(), 1, "a report is one line: {}", self.stdout);
        serde_json::from_str(&self.stdout).expect("the report is JSON")
    }
}

impl Room {
    pub(crate) fn new() -> Room {
        Room(tempfile::tempdir().expect("there is room for a test"))
    }

    /// A room with a capture `in.pcap` of some 2000 packets.
    pub(crate) fn with_capture() -> Room {
        let room = Room::new();
        room.dpp(&["generate", "in.pcap", "--transactions", "1000"]).well();
        room
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("a test can write");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let text = String::from_utf8(self.read(name)).expect("a CSV is text");
        text.lines().map(str::to_owned).collect()
    }

    /// All that is here: names, and the content of files.
    pub(crate) fn inventory(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let entries =
            fs::read_dir(self.0.path()).expect("the room is there").map(|entry| entry.unwrap().path());
        entries.map(|path| (path.clone(), path.is_file().then(|| fs::read(&path).unwrap()))).collect()
    }

    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let (mode, kind) = (rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR, rustix::fs::FileType::Fifo);
        rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).expect("a test can make a FIFO");
        path
    }

    /// `dpp` in this room, with nothing in its environment and nothing on standard input.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(dpp());
        command.args(arguments).env_clear().current_dir(self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn dpp(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().expect("dpp starts").into()
    }

    /// A shell in this room, with `$DPP`.
    pub(crate) fn shell(&self, script: &str) -> Ended {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(script).env("DPP", dpp()).current_dir(self.0.path());
        shell.output().expect("there is a shell").into()
    }
}

fn dpp() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_dpp"))
}

/// A classic pcap of the year 2023, with these Ethernet frames, a millisecond apart.
pub(crate) fn pcap(frames: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0".to_vec();
    for (at, frame) in (0..).zip(frames) {
        let length = frame.len() as u32;
        for field in [1_700_000_000, at * 1000, length, length] {
            bytes.extend_from_slice(&u32::to_le_bytes(field));
        }
        bytes.extend_from_slice(frame);
    }
    bytes
}
