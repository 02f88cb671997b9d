//! The sandbox: what a service may still do once everything is open. It reads strangers' bytes for months; if one day they
//! find a way in, they should find themselves in an empty room.
//!
//! Four walls, each of which stands without the others: another user, no capabilities but those that a source needs again,
//! [`files`] (landlock) and [`calls`] (seccomp). Where a kernel lacks the last two, the log says so and the service runs.
//!
//! The surprising fact: the kernel knows no processes here, only threads. All of this holds for the thread that asks for it
//! and those that it starts *later*; so the sandbox is entered before any other thread is there, and it refuses to be entered
//! otherwise.

mod calls;
mod files;
mod user;

pub(crate) use user::Identity;

use super::log::{Field, Log};
use anyhow::{Context, bail};
use rustix::process::getuid;
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::path::{Path, PathBuf};

/// What is left to the service.
#[derive(Clone, Debug)]
pub(crate) struct Sandbox {
    /// As whom it goes on if it was started as root: `name`, `name:group`, or numbers.
    pub(crate) user: Option<String>,
    /// What a source needs again when an interface returns (`NET_RAW`), or a low port.
    pub(crate) keep: CapabilitySet,
    /// Files and folders that it reads again: databases, keys, the configuration. Of a file all of its folder, for files are
    /// replaced by new ones.
    pub(crate) read: Vec<PathBuf>,
    /// Folders that it writes into: outputs, sockets. They must be there.
    pub(crate) write: Vec<PathBuf>,
    /// Whether a command is run for each file. It finds itself in the same room: it may read everything and write where we may.
    pub(crate) commands: bool,
    /// Whether XDP programs are loaded again when an interface returns.
    pub(crate) bpf: bool,
    /// Whether the last two walls are built.
    pub(crate) filters: bool,
}

impl Default for Sandbox {
    /// The same user, nothing kept, nothing to read or write.
    fn default() -> Sandbox {
        Sandbox {
            user: None,
            keep: CapabilitySet::empty(),
            read: Vec::new(),
            write: Vec::new(),
            commands: false,
            bpf: false,
            filters: true,
        }
    }
}

impl Sandbox {
    /// Gives up everything else, for ever. Only the first thread of the process can do that, while it is alone.
    ///
    /// # Errors
    /// If the user cannot be had or a folder is not there, and if there are other threads.
    pub(crate) fn enter(&self, log: &Log) -> anyhow::Result<()> {
        let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
        if threads != 1 {
            bail!(
                "the sandbox would hold one of {threads} threads only; it must be entered before they start"
            );
        }
        self.drop_privileges(log)?;
        rustix::thread::set_no_new_privs(true).context("cannot give up new privileges")?;
        if !self.filters {
            log.warn("sandbox filters are switched off", &[]);
            return Ok(());
        }
        let files = files::restrict(self, log)?;
        let calls = calls::restrict(self, log);
        log.record("sandbox entered", &[("files", files.into()), ("calls", calls.into())]);
        Ok(())
    }

    /// Whether files may be made in this folder, which itself need not be there, once the sandbox is entered.
    pub(crate) fn may_write(&self, folder: &Path) -> bool {
        let mut there =
            folder.ancestors().map(|path| if path == Path::new("") { Path::new(".") } else { path });
        let there = there.find_map(|path| path.canonicalize().ok());
        let holds = |ours: &PathBuf| {
            let ours = ours.canonicalize().ok();
            ours.zip(there.as_ref()).is_some_and(|(ours, there)| there.starts_with(ours))
        };
        !self.filters || self.write.iter().any(holds)
    }

    /// Whether programs may be started then.
    pub(crate) fn may_run_commands(&self) -> bool {
        !self.filters || self.commands
    }

    /// Becomes the user, and gives up capabilities.
    fn drop_privileges(&self, log: &Log) -> anyhow::Result<()> {
        let is_root = getuid().is_root();
        let mut kept = self.keep;
        match &self.user {
            Some(name) if is_root => {
                drop_bounds(kept);
                user::become_user(name)?;
                log.info("user changed", &[("user", name.as_str().into())]);
            }
            Some(name) => {
                log.info("user not changed, as this is not root", &[("user", name.as_str().into())])
            }
            None if is_root => {
                log.warn("running as root; name a user that it changes to when all is open", &[]);
                // Root expects to write into everybody's folders.
                kept |= CapabilitySet::DAC_OVERRIDE | CapabilitySet::FOWNER | CapabilitySet::CHOWN;
                drop_bounds(kept);
            }
            None => {}
        }
        let now = rustix::thread::capabilities(None).context("cannot read our capabilities")?;
        let left = now.permitted & kept;
        let sets = CapabilitySets { effective: left, permitted: left, inheritable: CapabilitySet::empty() };
        rustix::thread::set_capabilities(None, sets).context("cannot give up capabilities")?;
        let missing = self.keep - left;
        if !missing.is_empty() {
            log.warn(
                "capabilities are missing; an interface that went away cannot be opened again",
                &[("capabilities", Field::text(format!("{missing:?}")))],
            );
        }
        Ok(())
    }
}

/// Lets no program that is started ever get other capabilities. Without the right to do so there is nothing to lose.
fn drop_bounds(kept: CapabilitySet) {
    for capability in CapabilitySet::all().iter().filter(|capability| !kept.contains(*capability)) {
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
}
