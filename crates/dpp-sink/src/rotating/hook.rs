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
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
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
    /// How many run at once.
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

/// The threads that run commands.
pub(super) struct Hooks {
    paths: SyncSender<PathBuf>,
    threads: Vec<JoinHandle<()>>,
    commands: Arc<Commands>,
    /// Files whose command has not ended.
    left: Arc<AtomicUsize>,
    /// Closed when all threads are done.
    done: Receiver<()>,
    patience: Duration,
    tell: Arc<Tell>,
}

impl Hooks {
    /// Starts the threads; at most so many files wait.
    ///
    /// # Errors
    /// There are no threads to be had.
    pub(super) fn start(
        hook: Hook,
        waiting: usize,
        commands: &Arc<Commands>,
        tell: &Arc<Tell>,
        tally: &Arc<Tally>,
    ) -> io::Result<Hooks> {
        let (paths, waiting) = sync_channel(waiting.max(1));
        let (hook, waiting) = (Arc::new(hook), Arc::new(Mutex::new(waiting)));
        let ((is_busy, done), left) = (channel(), Arc::<AtomicUsize>::default());
        let start = |number| {
            let (hook, waiting, commands) = (hook.clone(), waiting.clone(), commands.clone());
            let (tell, tally, left, is_busy) = (tell.clone(), tally.clone(), left.clone(), is_busy.clone());
            Builder::new().name(format!("hook-{number}")).spawn(move || {
                let _is_busy = is_busy;
                while let Some(path) = next(&waiting) {
                    if let Err(error) = hook.run(&path, &commands) {
                        add(&tally.hooks_failed, 1);
                        tell(Event::HookFailed { path, error });
                    }
                    left.fetch_sub(1, Ordering::Relaxed);
                }
            })
        };
        let threads = (0..hook.at_once.get()).map(start).collect::<io::Result<_>>()?;
        let (commands, tell, patience) = (commands.clone(), tell.clone(), hook.patience);
        Ok(Hooks { paths, threads, commands, left, done, patience, tell })
    }

    /// Has the command run for this file. `false` if too many wait.
    pub(super) fn run(&self, path: PathBuf) -> bool {
        self.left.fetch_add(1, Ordering::Relaxed);
        let is_taken = self.paths.try_send(path).is_ok();
        if !is_taken {
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
        is_taken
    }

    /// Waits until all are done, or ends what goes on for too long.
    pub(super) fn finish(self) {
        drop(self.paths);
        let (files, patience) = (self.left.load(Ordering::Relaxed) as u64, self.patience);
        if files > 0 {
            (self.tell)(Event::HooksAwaited { files, patience });
        }
        if self.done.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            self.commands.end();
        }
        for thread in self.threads {
            thread.join().expect("running a command does not panic");
        }
    }
}

fn next(waiting: &Mutex<Receiver<PathBuf>>) -> Option<PathBuf> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
