//! What a run tells of itself: text for people, JSON for programs, and whether it was good.
//!
//! Both texts are made from one [`Account`], and their figures from one table ([`figures`]), so they cannot
//! disagree. The key-value metadata of Parquet files come from the same table; what depends on the machine is
//! left out there. [`run`](crate::run) fills the account and calls [`Account::tell`].

mod figures;
mod json;
mod text;

use crate::checks::{Input, Job, Voice};
use crate::output::Output;
use anyhow::bail;
use dpp::capture::Ending;
use dpp::pipeline::Outcome;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

pub(crate) use figures::grouped;
pub(crate) use json::metadata;
pub(crate) use text::banner;

/// All that is known after a run.
pub(crate) struct Account<'a> {
    pub(crate) job: &'a Job,
    pub(crate) outcome: &'a Outcome,
    /// The outermost compression of the input.
    pub(crate) compression: &'static str,
    /// What was odd with the input, oldest first.
    pub(crate) oddities: Vec<String>,
    pub(crate) times: Times,
}

/// How long it took.
pub(crate) struct Times {
    /// From the first packet to the last row.
    pub(crate) processing: Duration,
    /// Then, until the output was complete.
    pub(crate) finishing: Duration,
    /// All in all.
    pub(crate) total: Duration,
}

/// How the capture ended, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    /// In the middle of a packet, or of the compressed stream.
    CutOff,
    /// At bytes that cannot be.
    Damaged,
    /// The machine could not read on.
    Unreadable,
    /// A signal.
    Interrupted,
}

impl End {
    fn of(ending: &Ending) -> End {
        match ending {
            Ending::Complete => End::Complete,
            Ending::Interrupted => End::Interrupted,
            Ending::CutOff { .. } => End::CutOff,
            Ending::Damaged { .. } => End::Damaged,
            Ending::Unreadable { error, .. } => match error.kind() {
                io::ErrorKind::UnexpectedEof => End::CutOff,
                io::ErrorKind::InvalidData => End::Damaged,
                _ => End::Unreadable,
            },
        }
    }

    fn name(self) -> &'static str {
        match self {
            End::Complete => "complete",
            End::CutOff => "cut_off",
            End::Damaged => "damaged",
            End::Unreadable => "unreadable",
            End::Interrupted => "interrupted",
        }
    }
}

impl Account<'_> {
    /// Reports in the voice that the job asks for.
    ///
    /// # Errors
    /// If there is nobody who takes the JSON report.
    pub(crate) fn tell(&self) -> io::Result<()> {
        match self.job.voice {
            Voice::Silent => Ok(()),
            Voice::Text => {
                say(&text::report(self));
                Ok(())
            }
            Voice::Json => writeln!(io::stdout(), "{}", json::report(self)),
        }
    }

    /// Whether the run was good: the machine could read everything, and so it must be with `--strict`.
    ///
    /// # Errors
    /// If it was not. The rows are written all the same, and the message says so.
    pub(crate) fn judge(&self) -> anyhow::Result<()> {
        let Some(trouble) = self.trouble() else { return Ok(()) };
        let strict = self.job.options.strict;
        match End::of(&self.outcome.ending) {
            End::Unreadable => bail!("{trouble}; the rows before that were written"),
            End::CutOff | End::Damaged if strict => {
                bail!("{trouble}; the rows before that were written; without --strict this is a warning")
            }
            _ => Ok(()),
        }
    }

    /// Why the capture was not read to its end, unless the user wanted it so.
    fn trouble(&self) -> Option<String> {
        let name = input_name(&self.job.input);
        match &self.outcome.ending {
            Ending::Complete | Ending::Interrupted => None,
            Ending::CutOff { offset } => {
                Some(format!("{name} is cut off in the middle of the record at byte {offset}"))
            }
            Ending::Damaged { offset, what } => Some(format!("{name} is damaged at byte {offset}: {what}")),
            Ending::Unreadable { offset, error } => {
                Some(format!("{name} cannot be read beyond byte {offset} (unpacked): {error}"))
            }
        }
    }

    /// Everything that is worth a warning, in sentences.
    fn warnings(&self) -> Vec<String> {
        self.oddities.iter().cloned().chain(self.trouble()).collect()
    }
}

/// How the input is called in messages.
pub(crate) fn input_name(input: &Input) -> String {
    match input {
        Input::Stdin => "standard input".to_owned(),
        Input::Path(path) => format!("'{}'", path.display()),
    }
}

/// The path of the input, as directly as it can be named.
fn input_path(input: &Input) -> String {
    match input {
        Input::Stdin => "stdin".to_owned(),
        Input::Path(path) => direct(path),
    }
}

/// The path of the output, as directly as it can be named.
fn output_path(output: &Output) -> String {
    match output {
        Output::Stdout => "stdout".to_owned(),
        Output::Path(path) => direct(path),
    }
}

/// The path without links. A file that is not there yet is named by its directory's.
fn direct(path: &Path) -> String {
    let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let through_parent = || Some(parent.canonicalize().ok()?.join(path.file_name()?));
    let direct = path.canonicalize().ok().or_else(through_parent);
    direct.as_deref().unwrap_or(path).display().to_string()
}

/// Says something on standard error. Nobody may be listening; the run goes on all the same.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
