//! Which files the service may touch: landlock (`landlock(7)`), which an ordinary user can ask for.
//!
//! What is open already stays open. Everything else is out of sight but for the folders of the configuration and a few
//! files that a C library or we read in the middle of the work.

use super::Sandbox;
use crate::service::log::Log;
use anyhow::{Context, anyhow};
use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use std::path::{Path, PathBuf};

/// The latest rights that this was written for; of older kernels, those that they know.
const RIGHTS: ABI = ABI::V6;

/// What names are looked up with when a sender or receiver is connected again (and the libraries that glibc loads for it),
/// the zone that hook commands tell time in, our own figures of memory and CPU, interfaces, and the two devices that everybody has.
const SYSTEM: [&str; 22] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/passwd",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/run/systemd/resolve",
    "/usr/lib",
    "/usr/share/zoneinfo",
    "/usr/share/ca-certificates",
    "/lib",
    "/lib64",
    "/proc/self",
    "/proc/sys/net",
    "/sys/class/net",
    "/sys/devices",
];

/// Builds the wall, as far as the kernel has one, and tells how far that is.
///
/// # Errors
/// If a folder that is to be written into cannot be reached.
pub(super) fn restrict(sandbox: &Sandbox, log: &Log) -> anyhow::Result<&'static str> {
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let all = AccessFs::from_all(RIGHTS);
    let writing = all & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let mut rules = Vec::new();
    for path in &sandbox.write {
        let folder = PathFd::new(path).with_context(|| {
            format!("cannot reach '{}', which is to be written into; make it before", path.display())
        })?;
        rules.push(PathBeneath::new(folder, writing));
    }
    let everything = sandbox.commands.then(|| (PathBuf::from("/"), reading | AccessFs::Execute));
    let system = SYSTEM.iter().map(|path| (PathBuf::from(path), reading));
    let own = sandbox.read.iter().map(|path| (replaceable(path), reading));
    let devices = ["/dev/null", "/dev/zero"].map(|path| (path.into(), reading | AccessFs::WriteFile));
    for (path, rights) in own.chain(system).chain(everything).chain(devices) {
        // What is not there cannot be read in any case.
        let Ok(opened) = PathFd::new(&path) else { continue };
        let rights = if path.is_dir() { rights } else { rights & AccessFs::from_file(RIGHTS) };
        rules.push(PathBeneath::new(opened, rights));
    }
    let status = enforce(all, rules).map_err(|error| anyhow!(error).context("cannot restrict files"))?;
    let (state, why) = match status {
        RulesetStatus::FullyEnforced => return Ok("restricted"),
        RulesetStatus::PartiallyEnforced => ("partly restricted", "this kernel knows only a part of it"),
        RulesetStatus::NotEnforced => ("free", "this kernel has no landlock"),
    };
    log.warn("files are not fully restricted", &[("why", why.into())]);
    Ok(state)
}

fn enforce(
    all: BitFlags<AccessFs>,
    rules: Vec<PathBeneath<PathFd>>,
) -> Result<RulesetStatus, landlock::RulesetError> {
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        // Nobody else's processes are to be killed from here.
        .scope(Scope::Signal)?
        .create()?
        .add_rules(rules.into_iter().map(Ok::<_, landlock::RulesetError>))?;
    Ok(ruleset.restrict_self()?.ruleset)
}

/// A file, or its folder, in which another of that name may take its place; but not one of the large folders of a system, of
/// which nothing else is our business.
fn replaceable(path: &Path) -> PathBuf {
    let is_crowded = |folder: &Path| {
        let crowded = ["", "/", "/etc", "/tmp", "/var/tmp", "/home", "/root"];
        crowded.iter().any(|other| folder == Path::new(other))
    };
    match path.parent() {
        Some(folder) if !path.is_dir() && !is_crowded(folder) => folder.to_owned(),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_file_its_folder_is_readable_unless_much_else_is_there() {
        for (path, expected) in [
            ("/etc/dpp/live.toml", "/etc/dpp"),
            ("/etc/dpp.toml", "/etc/dpp.toml"),
            ("/usr/lib", "/usr/lib"),
            ("key", "key"),
            ("/", "/"),
        ] {
            assert_eq!(replaceable(Path::new(path)), Path::new(expected));
        }
    }
}
