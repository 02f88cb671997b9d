//! `dpp check`: what a live run would do, and what stands against it, tried as far as nothing is changed by it.
//!
//! Nothing is opened or made that somebody else could see. So what another has already (a port, a socket) is a note and no error:
//! mostly that is the `dpp` that runs with the old configuration while the new one is checked. All that stands against it is
//! told at once, each with its option's line.

use super::sources;
use super::{Wish, files, read};
use crate::checks::Job;
use crate::flags::Live;
use crate::inputs::Input;
use crate::output::Output;
use crate::report::{self, several};
use crate::service::http::Listener;
use crate::service::sandbox::Identity;
use anyhow::{anyhow, bail};
use rustix::fs::{Access, access};
use rustix::process::getuid;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// What the run would do, in lines.
///
/// # Errors
/// All that is wrong with the configuration.
pub(crate) fn tell(wish: Live) -> anyhow::Result<String> {
    let (job, config) = read(wish, "check")?;
    let wish = job.live.clone().unwrap_or_default();
    let mut found = Found::default();
    found.look(&job, &wish);
    let explained = |error| match &config {
        Some(config) => config.explain(error),
        None => error,
    };
    let mut troubles = found.troubles.into_iter().map(|error| format!("{:#}", explained(error)));
    match (troubles.len(), troubles.next()) {
        (_, None) => {}
        (1, Some(trouble)) => bail!(trouble),
        (number, Some(first)) => {
            let others: String = troubles.map(|trouble| format!("\n  {trouble}")).collect();
            bail!("{number} things stand against it:\n  {first}{others}")
        }
    }
    let mut text = plan(&job, &wish)?;
    for note in found.notes {
        let _ = writeln!(text, "Note: {note}");
    }
    Ok(text)
}

/// What the run would do.
fn plan(job: &Job, wish: &Wish) -> anyhow::Result<String> {
    let mut text = String::new();
    for capture in &job.captures {
        let _ = writeln!(text, "Source: {}", capture.path());
    }
    let _ = writeln!(text, "Output: {}", report::target_path(&job.target));
    if let Some(files) = &wish.files {
        let settings = files.settings(job)?;
        let every = settings.every.map(|every| format!("after {} s", every.as_secs()));
        let rows = settings.rows.map(|rows| format!("after {}", several(rows.get(), "row")));
        let bytes = settings.bytes.map(|bytes| format!("after {} of rows", several(bytes.get(), "byte")));
        let ends: Vec<String> = every.into_iter().chain(rows).chain(bytes).collect();
        let ends = if ends.is_empty() { "at the end".to_owned() } else { ends.join(", or ") };
        let _ = writeln!(text, "Files end: {ends}");
    }
    text.extend(wish.parts.as_ref().map(super::parts::Wish::told));
    let _ = writeln!(text, "Format: {}", report::table_words(&job.table));
    let columns: Vec<&str> = job.plan.schema.fields().iter().map(|field| &*field.name).collect();
    let _ = writeln!(text, "Columns: {}", columns.join(", "));
    let _ = writeln!(text, "Ports: {}", job.plan.ports);
    let _ = writeln!(text, "Workers: {}", job.workers);
    Ok(text)
}

/// What was found when it was looked.
#[derive(Default)]
struct Found {
    troubles: Vec<anyhow::Error>,
    notes: Vec<String>,
}

impl Found {
    fn look(&mut self, job: &Job, wish: &Wish) {
        for capture in &job.captures {
            if let Input::Live(address) = capture {
                let looked = sources::look(address, &job.plan.ports);
                self.take(looked.map_err(|error| anyhow!("--source {error:#}")));
            }
        }
        let user = wish.service.user.as_deref().map(Identity::of).transpose();
        let user = user.map_err(|error| self.troubles.push(anyhow!("--user: {error}"))).ok().flatten();
        self.trouble(output(job, wish, user.as_ref()));
        if let Some(address) = &wish.service.metrics {
            self.take(Listener::look(address));
        }
        if let Some(otlp) = &wish.service.otlp {
            self.trouble(otlp.look_up());
            self.trouble(otlp.open().map(drop));
        }
        if let Some(command) = wish.files.as_ref().and_then(files::Wish::command) {
            self.trouble(shell(command));
        }
    }

    fn trouble(&mut self, looked: anyhow::Result<()>) {
        self.take(looked.map(|()| None));
    }

    fn take(&mut self, looked: anyhow::Result<Option<String>>) {
        match looked {
            Ok(note) => self.notes.extend(note),
            Err(error) => self.troubles.push(error),
        }
    }
}

/// Looks whether the output could be written.
fn output(job: &Job, wish: &Wish, user: Option<&Identity>) -> anyhow::Result<()> {
    match job.target.one() {
        Some(Output::Relay(settings)) => settings.look().map_err(|error| {
            anyhow!(
                "--output: cannot send to '{}': {error}; name another receiver",
                Output::receiver(settings)
            )
        }),
        Some(Output::Path(path)) => {
            let of_file = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            match &wish.files {
                Some(files) => {
                    files.settings(job)?;
                    folder(&files::folder(path), true, user)
                }
                None => folder(of_file.unwrap_or(Path::new(".")), false, user),
            }
        }
        Some(Output::Stdout) | None => Ok(()),
    }
}

/// Looks whether files could be made in a folder, which is made itself if it may be.
fn folder(path: &Path, is_made: bool, user: Option<&Identity>) -> anyhow::Result<()> {
    let name = path.display();
    let there = path.ancestors().map(|path| if path == Path::new("") { Path::new(".") } else { path });
    let there = there.into_iter().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let is_there = there == path;
    if !is_there && !is_made {
        bail!("--output: there is no folder '{name}'; make it, or name another");
    }
    let known = fs::metadata(there)?;
    if !known.is_dir() {
        bail!("--output: '{}' is no folder; name another", there.display());
    }
    match user {
        // Only root becomes somebody else, and makes the folder before, which is root's then.
        Some(user) if getuid().is_root() => {
            if !is_there {
                bail!(
                    "--output: there is no folder '{name}', and root would make it for itself; make it, and give it to the user"
                );
            }
            if !user.may_write(&known) {
                bail!(
                    "--output: the user of the service may not write into '{name}'; give it to that user, or name another"
                );
            }
            Ok(())
        }
        _ => access(there, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
            anyhow!(
                "--output: no file can be made in '{}': {error}; let this user write there, or name another",
                there.display()
            )
        }),
    }
}

/// Has the shell read a command, without running it.
fn shell(command: &str) -> anyhow::Result<()> {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-n", "-c", command, "dpp"]).stdin(Stdio::null());
    let read = shell.output().map_err(|error| anyhow!("--after-file: cannot run '/bin/sh': {error}"))?;
    match read.status.success() {
        true => Ok(()),
        false => bail!("--after-file: the shell says: {}", String::from_utf8_lossy(&read.stderr).trim()),
    }
}
