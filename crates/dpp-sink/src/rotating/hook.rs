//! The command after a file: compresses it, copies it away, tells somebody.
//!
//! Commands run in threads of their own, so many at once, and nothing waits for them but the end of the run, and that not
//! for ever. A command that fails is told and forgotten: the file is there.

use super::commands::Commands;
use super::event::{Event, Tell};
use super::event::{Tally, add};
use std::ffi::OsString;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// A command to run with the name of each file that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// What to run.
    pub program: PathBuf,
    /// With these arguments. `{}` in them is the file's name; if none has it, the name is appended.
    pub arguments: Vec<String>,
    /// How many run at once; more where an earlier hook of the run had more.
    pub at_once: NonZeroUsize,
    /// How long the end of the run waits for those that are still to be run, or run. Then they are ended.
    pub patience: Duration,
}

impl Hook {
    /// The command for a file. Its input and output are nothing; what it says on standard error is said on ours.
    fn command(&self, path: &Path) -> Command {
        const PLACE: &str = "{}";
        let mut command = Command::new(&self.program);
        // Whoever waits for word from us would take the command's for ours.
        command.env_remove("NOTIFY_SOCKET");
        for argument in &self.arguments {
            let mut parts = argument.split(PLACE);
            let mut argument = OsString::from(parts.next().unwrap_or_default());
            parts.for_each(|part| {
                argument.push(path);
                argument.push(part);
            });
            command.arg(argument);
        }
        if !self.arguments.iter().any(|argument| argument.contains(PLACE)) {
            command.arg(path);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn run(&self, path: &Path, commands: &Commands) -> Result<(), String> {
        let program = self.program.display();
        let explain = |error: io::Error| format!("cannot run '{program}': {error}");
        match commands.run(&mut self.command(path)).map_err(explain)? {
            Some(status) if status.success() => Ok(()),
            Some(status) if commands.are_over() => {
                Err(format!("'{program}' was ended with the run, which waited no longer: {status}"))
            }
            Some(status) => Err(format!("'{program}' failed: {status}")),
            None => Err(format!("'{program}' was not run: the run is over, and waited no longer")),
        }
    }
}

/// A file that is complete, and what was the command after it when it began.
type Complete = (Hook, PathBuf);

/// The threads that run commands.
pub(super) struct Hooks {
    files: SyncSender<Complete>,
    runner: Runner,
    threads: Vec<JoinHandle<()>>,
    /// Closed when all threads are done.
    done: Receiver<()>,
    patience: Duration,
}

/// What each of the threads has.
#[derive(Clone)]
struct Runner {
    files: Arc<Mutex<Receiver<Complete>>>,
    commands: Arc<Commands>,
    tell: Arc<Tell>,
    tally: Arc<Tally>,
    /// Files whose command has not ended.
    left: Arc<AtomicUsize>,
    /// Closed with the last runner.
    _is_busy: Sender<()>,
}

impl Runner {
    /// Runs commands until no more files will come.
    fn work(self) {
        while let Some((hook, path)) = self.next() {
            if let Err(error) = hook.run(&path, &self.commands) {
                add(&self.tally.hooks_failed, 1);
                (self.tell)(Event::HookFailed { path, error });
            }
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn next(&self) -> Option<Complete> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
    }
}

impl Hooks {
    /// At most so many files wait. There are no threads before a hook is known.
    pub(super) fn new(
        waiting: usize,
        commands: &Arc<Commands>,
        tell: &Arc<Tell>,
        tally: &Arc<Tally>,
    ) -> Hooks {
        let (files, waiting) = sync_channel(waiting.max(1));
        let (is_busy, done) = channel();
        let runner = Runner {
            files: Arc::new(Mutex::new(waiting)),
            commands: commands.clone(),
            tell: tell.clone(),
            tally: tally.clone(),
            left: Arc::default(),
            _is_busy: is_busy,
        };
        Hooks { files, runner, threads: Vec::new(), done, patience: Duration::ZERO }
    }

    /// Makes ready for files with this hook: starts the threads that are missing. Of several hooks the last says how long the
    /// end waits.
    ///
    /// # Errors
    /// There are no threads to be had.
    pub(super) fn expect(&mut self, hook: &Hook) -> io::Result<()> {
        for number in self.threads.len()..hook.at_once.get() {
            let runner = self.runner.clone();
            self.threads.push(Builder::new().name(format!("hook-{number}")).spawn(|| runner.work())?);
        }
        self.patience = hook.patience;
        Ok(())
    }

    /// Has the command run for this file. `false` if too many wait.
    pub(super) fn run(&self, hook: Hook, path: PathBuf) -> bool {
        self.runner.left.fetch_add(1, Ordering::Relaxed);
        let is_taken = self.files.try_send((hook, path)).is_ok();
        if !is_taken {
            self.runner.left.fetch_sub(1, Ordering::Relaxed);
        }
        is_taken
    }

    /// Waits until all are done, or ends what goes on for too long.
    pub(super) fn finish(self) {
        let Hooks { files, runner, threads, done, patience } = self;
        let (commands, left) = (runner.commands.clone(), runner.left.load(Ordering::Relaxed) as u64);
        if left > 0 {
            (runner.tell)(Event::HooksAwaited { files: left, patience });
        }
        drop((files, runner));
        if done.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            commands.end();
        }
        for thread in threads {
            thread.join().expect("running a command does not panic");
        }
    }
}
