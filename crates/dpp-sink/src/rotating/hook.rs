//! The command after a file: compresses it, copies it away, tells somebody.
//!
//! Commands run in threads of their own, so many at once, and nothing waits for them but the end of the run. A command that
//! fails is told and forgotten: the file is there.

use super::event::{Event, Tell};
use super::event::{Tally, add};
use std::ffi::OsString;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// A command to run with the name of each file that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// What to run.
    pub program: PathBuf,
    /// With these arguments. `{}` in them is the file's name; if none has it, the name is appended.
    pub arguments: Vec<String>,
    /// How many run at once.
    pub at_once: NonZeroUsize,
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

    fn run(&self, path: &Path) -> Result<(), String> {
        let explain = |error: io::Error| format!("cannot run '{}': {error}", self.program.display());
        let status = self.command(path).status().map_err(explain)?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("'{}' failed: {status}", self.program.display())),
        }
    }
}

/// The threads that run commands.
#[derive(Debug)]
pub(super) struct Hooks {
    paths: SyncSender<PathBuf>,
    threads: Vec<JoinHandle<()>>,
}

impl Hooks {
    /// Starts the threads; at most so many files wait.
    ///
    /// # Errors
    /// There are no threads to be had.
    pub(super) fn start(
        hook: Hook,
        waiting: usize,
        tell: &Arc<Tell>,
        tally: &Arc<Tally>,
    ) -> io::Result<Hooks> {
        let (paths, waiting) = sync_channel(waiting.max(1));
        let (hook, waiting) = (Arc::new(hook), Arc::new(Mutex::new(waiting)));
        let start = |number| {
            let (hook, waiting) = (hook.clone(), waiting.clone());
            let (tell, tally) = (tell.clone(), tally.clone());
            Builder::new().name(format!("hook-{number}")).spawn(move || {
                while let Some(path) = next(&waiting) {
                    if let Err(error) = hook.run(&path) {
                        add(&tally.hooks_failed, 1);
                        tell(Event::HookFailed { path, error });
                    }
                }
            })
        };
        let threads = (0..hook.at_once.get()).map(start).collect::<io::Result<_>>()?;
        Ok(Hooks { paths, threads })
    }

    /// Has the command run for this file. `false` if too many wait.
    pub(super) fn run(&self, path: PathBuf) -> bool {
        self.paths.try_send(path).is_ok()
    }

    /// Waits until all are done.
    pub(super) fn finish(self) {
        drop(self.paths);
        for thread in self.threads {
            thread.join().expect("running a command does not panic");
        }
    }
}

fn next(waiting: &Mutex<Receiver<PathBuf>>) -> Option<PathBuf> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
