//! A terminal of tmux's, in which a shell has started `dpp top`.

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What has not come by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal, and the folder it is in. Both go when the test is over.
pub(crate) struct Terminal {
    folder: tempfile::TempDir,
}

/// What the shell does: `dpp top`, which reads the terminal or a file, and then it tells how that ended, and what the terminal is
/// like.
const SCRIPT: &str = r#"
stty -g > before.tty
"$DPP" top "$@" < "${FEED:-/dev/tty}" 2> errors.txt
code=$?
stty -g > after.tty
echo "dpp top has ended with $code"
exec cat
"#;

impl Terminal {
    pub(crate) fn new() -> Terminal {
        Terminal { folder: tempfile::tempdir().expect("there is room for a test") }
    }

    /// One with a capture `in.pcap`, of these options of `dpp generate`.
    pub(crate) fn with_capture(options: &[&str]) -> Terminal {
        let terminal = Terminal::new();
        terminal.dpp(&[&["generate", "in.pcap"], options].concat());
        terminal
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    /// What another `dpp` says that has ended well.
    #[track_caller]
    pub(crate) fn dpp(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dpp"));
        let told =
            command.args(arguments).env_clear().current_dir(self.folder()).output().expect("dpp starts");
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8(told.stdout).expect("dpp prints UTF-8")
    }

    /// Starts `dpp top` in a window of this size.
    pub(crate) fn start(&self, width: u16, height: u16, arguments: &[&str]) {
        self.start_with(&[], width, height, arguments);
    }

    /// The same with more in its environment.
    pub(crate) fn start_with(
        &self,
        environment: &[(&str, &str)],
        width: u16,
        height: u16,
        arguments: &[&str],
    ) {
        fs::write(self.path("run.sh"), SCRIPT).expect("a test can write");
        let (width, height) = (width.to_string(), height.to_string());
        let dpp = format!("DPP={}", env!("CARGO_BIN_EXE_dpp"));
        let mut words = vec!["new-session", "-d", "-x", &width, "-y", &height, "-s", "top", "env", &dpp];
        let more: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        words.extend(more.iter().map(String::as_str));
        words.extend(["sh", "run.sh"]);
        words.extend(arguments);
        self.tmux(&words);
    }

    /// What tmux says.
    #[track_caller]
    fn tmux(&self, words: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.args(["-S", "tmux.sock", "-f", "/dev/null"]).args(words).current_dir(self.folder());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("LANG", "C.UTF-8").env("TERM", "xterm-256color");
        let told = command.output().expect("tmux is installed by `make peers`");
        assert!(told.status.success(), "{words:?}: {}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8_lossy(&told.stdout).into_owned()
    }

    /// The screen, line by line.
    pub(crate) fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "top"])
    }

    /// The same with what colours it.
    pub(crate) fn painted(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e", "-t", "top"])
    }

    /// The screen, when it is like this, and is not just being drawn: it is the same twice.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let (deadline, mut before) = (Instant::now() + PATIENCE, String::new());
        loop {
            let screen = self.screen();
            if is_so(&screen) && screen == before {
                return screen;
            }
            before.clone_from(&screen);
            let errors = self.text("errors.txt");
            assert!(Instant::now() < deadline, "{what} has not come:\n{screen}\n{errors}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The screen, when it has this text.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_until(text, |screen| screen.contains(text))
    }

    /// Types letters.
    pub(crate) fn write(&self, letters: &str) {
        self.tmux(&["send-keys", "-t", "top", "-l", "--", letters]);
    }

    /// Presses a key that tmux has a name for.
    pub(crate) fn press(&self, key: &str) {
        self.tmux(&["send-keys", "-t", "top", key]);
    }

    pub(crate) fn resize(&self, width: u16, height: u16) {
        self.tmux(&["resize-window", "-t", "top", "-x", &width.to_string(), "-y", &height.to_string()]);
    }

    /// Whether the cursor is seen, and whether the screen is the other one, which programs like this use.
    fn state(&self) -> String {
        self.tmux(&["display-message", "-p", "-t", "top", "cursor #{cursor_flag} other #{alternate_on}"])
    }

    /// Sends a signal to `dpp`.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).expect("it runs");
    }

    /// Takes the terminal away, and waits until `dpp` has noticed.
    #[track_caller]
    pub(crate) fn vanish(&self) {
        let process = self.process();
        self.tmux(&["kill-server"]);
        let deadline = Instant::now() + PATIENCE;
        while test_kill_process(process).is_ok() {
            assert!(Instant::now() < deadline, "dpp top goes on without a terminal");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn process(&self) -> Pid {
        let shell = self.tmux(&["display-message", "-p", "-t", "top", "#{pane_pid}"]);
        let shell = shell.trim();
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).expect("it runs");
        let child: i32 = children.trim().parse().expect("there is one process");
        Pid::from_raw(child).expect("a process")
    }

    /// Waits until it has ended well, and looks whether the terminal is what it was.
    #[track_caller]
    pub(crate) fn wait_for_the_end(&self) {
        let screen = self.wait_for("dpp top has ended with");
        assert!(screen.contains("ended with 0"), "{screen}{}", self.text("errors.txt"));
        assert_eq!(self.text("after.tty"), self.text("before.tty"));
        assert!(!self.text("before.tty").is_empty());
        assert_eq!(self.state().trim(), "cursor 1 other 0");
        assert_eq!(self.text("errors.txt"), "");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let mut command = Command::new("tmux");
        let _ = command.args(["-S", "tmux.sock", "kill-server"]).current_dir(self.folder()).output();
    }
}
