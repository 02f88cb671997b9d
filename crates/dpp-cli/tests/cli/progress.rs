//! The progress bar: who sees it, and who does not.
//!
//! The terminal is a pseudo terminal that python3 holds. What is drawn on it is read while `dpp` waits for the
//! rest of a FIFO; so the bar has all the time it needs to appear. That there is none is told by its thread,
//! which starts before the output does.

use crate::room::Room;
use rustix::fs::OFlags;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Prints the name of a new terminal of 80 columns; when told that somebody has opened it, copies what
/// appears on it to standard output until all have closed it.
const TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
ours, theirs = pty.openpty()
fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
print(os.ttyname(theirs), flush=True)
sys.stdin.readline()
os.close(theirs)
try:
    while text := os.read(ours, 4096):
        os.write(1, text)
except OSError:
    pass
"#;

/// A terminal, seen from its user.
struct Terminal {
    python: Child,
    screen: BufReader<ChildStdout>,
}

impl Terminal {
    /// A terminal, and what a program writes to.
    fn new() -> (Terminal, File) {
        let mut command = Command::new("python3");
        command.args(["-c", TERMINAL]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut python = command.spawn().expect("there is a python3");
        let mut screen = BufReader::new(python.stdout.take().expect("a pipe"));
        let mut name = String::new();
        screen.read_line(&mut name).expect("python3 names the terminal");
        // It must not become the terminal of this process, which a closed one would end.
        let mut options = File::options();
        options.write(true).custom_flags(OFlags::NOCTTY.bits() as i32);
        let file = options.open(name.trim_end()).expect("the terminal is there");
        python.stdin.take().expect("a pipe").write_all(b"opened\n").expect("python3 reads");
        (Terminal { python, screen }, file)
    }

    /// Waits until these words are drawn.
    fn read_until(&mut self, words: &str) {
        let mut seen = String::new();
        let mut byte = [0];
        while !seen.ends_with(words) {
            self.screen.read_exact(&mut byte).unwrap_or_else(|_| panic!("no '{words}' in {seen:?}"));
            seen.push(byte[0].into());
        }
    }

    /// What is drawn until all programs have gone.
    fn read_to_end(mut self) -> String {
        let mut seen = Vec::new();
        self.screen.read_to_end(&mut seen).expect("python3 copies");
        self.python.wait().expect("python3 ends");
        String::from_utf8_lossy(&seen).into_owned()
    }
}

/// A run that waits for the rest of a FIFO.
struct Run {
    room: Room,
    child: Child,
    fifo: File,
}

impl Run {
    fn start(options: &[&str], stderr: impl FnOnce(&Room) -> Stdio) -> Run {
        let room = Room::new();
        room.dpp(&["generate", "in.pcap", "--transactions", "20000"]).well();
        room.fifo("fifo");
        let mut command = room.command(&[&["fifo", "out.csv"], options].concat());
        let child = command.env("TERM", "xterm").stderr(stderr(&room)).spawn().expect("dpp starts");
        let mut fifo = File::options().write(true).open(room.path("fifo")).expect("dpp opens the other end");
        // More than a pipe holds: when it is written, dpp has begun its output.
        fifo.write_all(&room.read("in.pcap")).expect("dpp reads");
        Run { room, child, fifo }
    }

    /// Whether there is a thread that draws.
    fn draws(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("dpp still runs");
        let names = threads.filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")).ok());
        let names: Vec<String> = names.collect();
        assert!(names.iter().any(|name| name == "signals\n"), "threads have names: {names:?}");
        names.iter().any(|name| name == "progress\n")
    }

    /// Ends the capture, and so the run.
    fn end(self) -> Room {
        drop(self.fifo);
        assert!(self.child.wait_with_output().expect("dpp ends").status.success());
        assert_eq!(self.room.lines("out.csv").len(), 20_001);
        self.room
    }
}

#[test]
fn a_terminal_sees_a_bar_while_the_run_lasts() {
    let (mut terminal, file) = Terminal::new();
    let run = Run::start(&[], |_| file.into());
    // The first drawing may still say 0 B.
    terminal.read_until("MiB, ");
    terminal.read_until(" packets/s");
    assert!(run.draws());
    run.end();
    let report = terminal.read_to_end();
    let last = report.rfind("packets/s").map_or(&report[..], |at| &report[at..]);
    assert!(last.contains("\x1b[2K"), "the bar is wiped: {report:?}");
}

#[test]
fn a_silent_run_and_one_that_reports_json_draw_no_bar() {
    for options in [&["-s"][..], &["--report-format", "json"]] {
        let (terminal, file) = Terminal::new();
        let run = Run::start(options, |_| file.into());
        assert!(!run.draws(), "{options:?}");
        run.end();
        assert_eq!(terminal.read_to_end(), "", "{options:?}");
    }
}

#[test]
fn a_file_gets_the_report_and_no_bar() {
    let run = Run::start(&[], |room| File::create(room.path("stderr")).expect("a test can write").into());
    assert!(!run.draws());
    let stderr = String::from_utf8(run.end().read("stderr")).expect("the report is UTF-8");
    assert!(stderr.contains("DNS match timeout") && !stderr.contains('\x1b'), "{stderr}");
}
