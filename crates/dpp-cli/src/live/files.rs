//! Files that follow each other, as the output of a live run.
//!
//! The names and rules are `dpp_sink::rotating`'s; here they are read from options. A configuration that is read again changes them
//! all, and what files look like, with the next file.

use crate::checks::{Job, Table};
use crate::dataset::{Filling, number};
use crate::flags::Live;
use crate::formats::Format;
use crate::output::{Opened, Output};
use crate::sinks;
use crate::time;
use anyhow::{Context, anyhow, bail};
use dpp::pipeline::{Pool, Rows};
use dpp::plan::Plan;
use dpp_sink::dataset::{FileError, FileFormat};
use dpp_sink::packed::Packed;
use dpp_sink::part_file::PartFile;
use dpp_sink::rotating::{Content, Hook, Settings, Template};
use std::fs;
use std::io;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// When files end, and what is done with them; as options say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    every: Option<Duration>,
    rows: Option<NonZeroU64>,
    bytes: Option<NonZeroU64>,
    site: Option<String>,
    hook: Option<Hook>,
}

/// Commands that run at once: copying one file to another machine may take longer than the next file.
const HOOKS: NonZeroUsize = NonZeroUsize::new(2).expect("2 is not 0");

impl Wish {
    /// What the options say; `None` if the output is one file.
    ///
    /// # Errors
    /// What cannot be understood.
    pub(super) fn of(live: &Live) -> anyhow::Result<Option<Wish>> {
        let count = |option, text: &Option<_>| -> anyhow::Result<Option<NonZeroU64>> {
            Ok(number(option, Option::as_deref(text))?.and_then(|number| NonZeroU64::new(number as u64)))
        };
        let wish = Wish {
            every: live
                .rotate_every
                .as_deref()
                .map(|text| time::of_option("--rotate-every", text))
                .transpose()?,
            rows: count("--rotate-rows", &live.rotate_rows)?,
            bytes: count("--rotate-size", &live.rotate_size)?,
            site: live.site.as_ref().map(|site| site.to_string_lossy().into_owned()),
            hook: hook_of(live)?,
        };
        let is_template =
            live.output.as_deref().and_then(Path::to_str).is_some_and(|name| name.contains(['%', '{']));
        let is_asked_for = is_template
            || wish.every.is_some()
            || wish.rows.or(wish.bytes).is_some()
            || wish.site.is_some()
            || wish.hook.is_some();
        Ok(is_asked_for.then_some(wish))
    }

    /// The settings of the output of this job.
    ///
    /// # Errors
    /// Names that cannot be, or that files would share.
    pub(super) fn settings(&self, job: &Job) -> anyhow::Result<Settings> {
        let Some(Output::Path(path)) = job.target.one() else {
            bail!("--rotate-every and its like are for files; name them with --output")
        };
        let Some(name) = path.to_str() else {
            bail!("--output '{}': names of files are UTF-8", path.display())
        };
        let template = Template::parse(name, self.site.as_deref())
            .map_err(|error| anyhow!("--output '{name}': {error}"))?;
        let wait_ns = job.plan.match_timeout_ns + job.plan.limits.disorder_ns;
        let settings = Settings {
            every: self.every,
            rows: self.rows,
            bytes: self.bytes,
            grace: Duration::from_nanos(wait_ns as u64),
            of_messages: !job.table.format.has_columns(),
            content: content(&job.table),
            hook: self.hook.clone(),
            ..Settings::new(template)
        };
        settings.check().map_err(|error| anyhow!("--output '{name}': {error}"))?;
        Ok(settings)
    }

    /// What `{site}` stands for, if it was said.
    pub(super) fn site(&self) -> Option<&str> {
        self.site.as_deref()
    }

    /// The command for each file, as the shell gets it.
    pub(super) fn command(&self) -> Option<&str> {
        self.hook.as_ref().and_then(|hook| hook.arguments.get(1)).map(String::as_str)
    }

    /// Whether a command is run for each file.
    pub(super) fn has_command(&self) -> bool {
        self.hook.is_some()
    }
}

/// The folder that all files of such names are in: as much of it as does not change.
pub(super) fn folder(name: &Path) -> PathBuf {
    let fixed = |part: &&std::path::Component| !part.as_os_str().to_string_lossy().contains(['%', '{']);
    let parent = name.parent().unwrap_or(Path::new(""));
    let folder: PathBuf =
        parent.components().collect::<Vec<_>>().iter().take_while(|part| fixed(part)).collect();
    if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder }
}

/// Makes the folder of files with such names.
pub(super) fn make_folder(name: &Path) -> anyhow::Result<()> {
    let folder = folder(name);
    fs::create_dir_all(&folder)
        .with_context(|| format!("--output: cannot make the folder '{}'", folder.display()))
}

/// Looks whether files of such names can be made by the process as it is now.
pub(super) fn try_to_write(option: &str, name: &Path) -> anyhow::Result<()> {
    let folder = folder(name);
    let attempt = folder.join(format!(".dpp-{}", std::process::id()));
    let made = fs::File::create(&attempt).and_then(|_| fs::remove_file(&attempt));
    match made {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error).with_context(|| {
            format!(
                "{option}: no file can be made in '{}'; let the user of the service write there",
                folder.display()
            )
        }),
        // A full disk may have room soon.
        _ => Ok(()),
    }
}

/// How long the end waits for commands: copying the last file away takes some seconds, and what stops a service has little
/// more patience (systemd 90 s).
const HOOK_PATIENCE: Duration = Duration::from_secs(60);

/// The command for each file, if there is one.
fn hook_of(live: &Live) -> anyhow::Result<Option<Hook>> {
    let Some(command) = &live.after_file else {
        if live.after_file_wait.is_some() {
            bail!("--after-file-wait: say with --after-file what is waited for, or leave it out");
        }
        return Ok(None);
    };
    let patience = live.after_file_wait.as_deref().map(|text| time::of_option("--after-file-wait", text));
    Ok(Some(hook(&command.to_string_lossy(), patience.transpose()?.unwrap_or(HOOK_PATIENCE))))
}

/// A command for the shell, with the file's name as its first argument: where `{}` or `$1` stands, else behind it.
fn hook(command: &str, patience: Duration) -> Hook {
    let command = command.replace("{}", "\"$1\"");
    let command = if command.contains("$1") { command } else { format!("{command} \"$1\"") };
    let arguments = ["-c", &command, "dpp", "{}"].map(str::to_owned).to_vec();
    Hook { program: "/bin/sh".into(), arguments, at_once: HOOKS, patience }
}

/// What can be saved of a file in this format that was not finished.
fn content(table: &Table) -> Content {
    match table.format {
        _ if table.packing.is_some() => Content::Whole,
        Format::Csv => Content::Csv,
        Format::Tsv => Content::Lines { heading: 1 },
        Format::Jsonl => Content::Lines { heading: 0 },
        Format::Dnstap => Content::Dnstap,
        Format::Pcap => Content::Pcap,
        Format::Parquet | Format::Arrow | Format::ArrowStream | Format::Cdns => Content::Whole,
    }
}

/// What files look like.
pub(super) struct Form {
    table: Table,
    plan: Plan,
}

impl Form {
    /// As the job wants them.
    pub(super) fn of(job: &Job) -> Form {
        Form { table: job.table.clone(), plan: super::plan_of(job) }
    }
}

impl FileFormat for Form {
    fn write(&self, path: &Path, rows: &mut dyn Iterator<Item = Rows>, pool: &Pool) -> Result<(), FileError> {
        let Form { table, plan } = self;
        let out = Packed::new(Opened::Path(PartFile::create_kept(path)?), table.packing)?;
        let filled = sinks::open(table, plan, out, Filling { rows, pool, plan })?;
        filled.finish()?.finish()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_files_is_what_of_their_names_does_not_change() {
        for (name, expected) in [
            ("q.csv", "."),
            ("out/q-%H.csv", "out"),
            ("/var/lib/dpp/%Y/%m/q.csv", "/var/lib/dpp"),
            ("{site}/q.csv", "."),
            ("/q-{seq}.csv", "/"),
        ] {
            assert_eq!(folder(Path::new(name)), Path::new(expected), "{name}");
        }
    }

    #[test]
    fn the_files_name_is_the_commands_last_word_unless_it_says_where() {
        let command = |text| hook(text, HOOK_PATIENCE).arguments[1].clone();
        assert_eq!(command("gzip -9"), "gzip -9 \"$1\"");
        assert_eq!(command("scp \"$1\" host:"), "scp \"$1\" host:");
    }
}
