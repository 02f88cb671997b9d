//! Commands that run now, so that none outlives the run.
//!
//! Each has a process group of its own, as a shell has children, and a signal to the shell alone would leave them. The surprising
//! fact: a group is known by the number of its first process, which belongs to somebody else once that is reaped. So a process that has
//! ended is first seen to have (without reaping it), then taken off the list under the lock, and reaped then: while the list is
//! held, its numbers are ours.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a command has to see to its end once it was asked to.
const GRACE: Duration = Duration::from_millis(500);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(10);

/// Commands that run now. Shared by the threads that run them and whoever ends them.
#[derive(Debug, Default)]
pub struct Commands(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    groups: Vec<Pid>,
    is_over: bool,
}

impl Commands {
    /// Runs a command; `None` if none are run any more.
    pub(super) fn run(&self, command: &mut Command) -> io::Result<Option<ExitStatus>> {
        let mut state = self.lock();
        if state.is_over {
            return Ok(None);
        }
        let mut child = command.process_group(0).spawn()?;
        let group = Pid::from_child(&child);
        state.groups.push(group);
        drop(state);
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(group), look), Err(Errno::INTR)) {}
        self.lock().groups.retain(|other| *other != group);
        child.wait().map(Some)
    }

    /// Ends those that run, the hard way where they do not end when they are asked to. None is run any more.
    pub fn end(&self) {
        let mut state = self.lock();
        state.is_over = true;
        let signal = |signal| state.groups.iter().for_each(|group| _ = kill_process_group(*group, signal));
        signal(Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while !state.groups.iter().all(|group| has_ended(*group)) && Instant::now() < deadline {
            thread::sleep(LOOK);
        }
        signal(Signal::KILL);
    }

    /// Whether none are run any more.
    pub(super) fn are_over(&self) -> bool {
        self.lock().is_over
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a process of ours has ended.
fn has_ended(process: Pid) -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    !matches!(waitid(WaitId::Pid(process), look), Ok(None))
}
