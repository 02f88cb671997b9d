//! What a run tells of itself: text for people, JSON for programs, and whether it was good.
//!
//! Both texts are made from one [`Account`], and their figures from one table ([`figures`]), so they cannot
//! disagree. The key-value metadata of Parquet files come from the same table; what depends on the machine is
//! left out there. [`run`](crate::run) fills the account and calls [`Account::tell`].

mod figures;
mod json;
mod seen;
mod text;

use crate::captures::{Failed, Log, Taken};
use crate::checks::{Job, Voice};
use crate::output::{Output, Target};
use crate::run::Done;
use anyhow::bail;
use dpp::capture::{Ending, InputsRead, Listed};
use dpp::pipeline::Outcome;
use dpp::stats::Totals;
use dpp::table::LeakCheck;
use dpp_sink::relay;
use dpp_source::live;
use serde_json::Value;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use figures::{
    EXAMPLES_SHOWN, Figure, Group, Number, frames, grouped, groups, messages, none_can, parse_errors,
    several, several_were, skips, things, were,
};
pub(crate) use json::{condition, facts, metadata, metadata_of, privacy};
pub(crate) use text::{banner, table as table_words, utc};

/// All that is known after a run.
pub(crate) struct Account<'a> {
    job: &'a Job,
    /// Of all tables together.
    outcome: Outcome,
    tables: Vec<Done>,
    /// How each capture ended, in their order; `None` if that is not known.
    endings: Vec<Option<Ending>>,
    /// Captures that were left out.
    failed: Vec<Failed>,
    /// What a live run has to tell beside that.
    lived: Lived,
    /// What was counted of messages that were sent on.
    relayed: Arc<relay::Counts>,
    times: Times,
}

/// What there is to tell of a live run alone.
#[derive(Default)]
pub(crate) struct Lived {
    /// What was lost, in sentences.
    pub(crate) losses: Vec<String>,
    /// The sources by their names, and what they counted.
    pub(crate) sources: Vec<(String, Arc<live::Counts>)>,
    /// Whether a signal ended it.
    pub(crate) is_signalled: bool,
}

/// How long it took.
pub(crate) struct Times {
    /// From the first packet to the last row.
    processing: Duration,
    /// Then, until the output was complete.
    finishing: Duration,
    /// All in all.
    total: Duration,
}

impl Times {
    pub(crate) fn new(tables: &[Done], total: Duration) -> Times {
        Times {
            processing: tables.iter().map(|table| table.processing).sum(),
            finishing: tables.iter().map(|table| table.finishing).sum(),
            total,
        }
    }
}

/// How the capture ended, as far as it matters; the worst is last.
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
        ENDINGS[self as usize]
    }
}

impl<'a> Account<'a> {
    pub(crate) fn new(job: &'a Job, tables: Vec<Done>, log: Log, times: Times) -> Account<'a> {
        let Log { failed, complete, .. } = log;
        let endings = tables.iter().flat_map(|table| endings(table, job.manner.merge)).collect();
        let (lived, relayed) = (Lived::default(), Arc::default());
        let mut account =
            Account { job, outcome: sum(&tables), tables, endings, failed, lived, relayed, times };
        // Only a signal ends a run before all captures had their turn; for live ones it is the only end there is.
        if job.live.is_none()
            && account.taken().count() + account.failed.len() + complete < job.captures.len()
        {
            account.outcome.ending = Ending::Interrupted;
        }
        account
    }

    /// With what a live run has to tell.
    pub(crate) fn with_lived(self, lived: Lived) -> Account<'a> {
        Account { lived, ..self }
    }

    /// With what was counted of messages that were sent on.
    pub(crate) fn with_relayed(self, relayed: Arc<relay::Counts>) -> Account<'a> {
        Account { relayed, ..self }
    }

    /// The receiver that rows were sent on to, by its name, and what was counted of that.
    fn receiver(&self) -> Option<(String, Vec<Figure>)> {
        match self.job.target.one() {
            Some(Output::Relay(settings)) => {
                Some((Output::receiver(settings), figures::relayed(&self.relayed)))
            }
            _ => None,
        }
    }

    /// Whether a signal ended the reading.
    fn is_signalled(&self) -> bool {
        self.lived.is_signalled || End::of(&self.outcome.ending) == End::Interrupted
    }

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

    /// The report as one object.
    pub(crate) fn json(&self) -> Value {
        json::report(self)
    }

    /// What a second look at the rows has found, if there was one.
    fn checked(&self) -> Option<LeakCheck> {
        let mut looks = self.tables.iter().filter_map(|table| table.checked.as_ref());
        let mut sum = looks.next()?.clone();
        looks.for_each(|found| sum.merge(found));
        Some(sum)
    }

    /// Whether the run was good: the machine could read everything, and so it must be with `--strict`.
    ///
    /// # Errors
    /// If it was not. The rows are written all the same, and the message says so.
    pub(crate) fn judge(&self) -> anyhow::Result<()> {
        let rows = if self.is_single() {
            "the rows before that were written"
        } else {
            "all other rows were written"
        };
        if let Some(trouble) = self.trouble(|end| end == End::Unreadable) {
            bail!("{trouble}; {rows}");
        }
        if let [first, others @ ..] = &self.failed[..] {
            let of =
                format!("{} of {}", self.failed.len(), several(self.job.captures.len() as u64, "capture"));
            let dots = if others.is_empty() { "" } else { ", ..." };
            bail!("{of} could not be read ({}{dots}); all other rows were written", first.reason);
        }
        match self.trouble(|end| end == End::CutOff || end == End::Damaged) {
            Some(trouble) if self.job.options.strictness.strict => {
                bail!("{trouble}; {rows}; without --strict this is a warning")
            }
            _ => Ok(()),
        }
    }

    /// The captures that were read, in order.
    fn taken(&self) -> impl Iterator<Item = &Taken> {
        self.tables.iter().flat_map(|table| &table.taken)
    }

    /// And how each ended, as far as that is known.
    fn ended(&self) -> impl Iterator<Item = (&Taken, &Ending)> {
        let ended = self.taken().zip(&self.endings);
        ended.filter_map(|(taken, ending)| Some((taken, ending.as_ref()?)))
    }

    /// Whether one capture was asked for.
    fn is_single(&self) -> bool {
        self.job.captures.len() == 1
    }

    /// The first trouble of a kind.
    fn trouble(&self, is_meant: impl Fn(End) -> bool) -> Option<String> {
        let (taken, ending) = self.ended().find(|(_, ending)| is_meant(End::of(ending)))?;
        sentence(&taken.input.name(), ending)
    }

    /// Everything that is worth a warning, in sentences.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.lived.losses.clone();
        for taken in self.taken() {
            let introduced = |oddity| match self.is_single() {
                true => oddity,
                false => format!("{}: {oddity}", taken.input.name()),
            };
            warnings.extend(taken.oddities().into_iter().map(introduced));
        }
        warnings.extend(self.ended().filter_map(|(taken, ending)| sentence(&taken.input.name(), ending)));
        if self.endings.iter().any(Option::is_none) {
            let count = self.tables.iter().map(|table| table.outcome.inputs.endings.count).sum();
            warnings.push(format!("{} in all did not end well", several(count, "capture")));
        }
        warnings.extend(self.failed.iter().map(|failed| format!("left out: {}", failed.reason)));
        warnings
    }
}

/// How the captures of a table ended.
fn endings(table: &Done, is_merged: bool) -> Vec<Option<Ending>> {
    let Listed { count, first } = &table.outcome.inputs.endings;
    let unlisted = (*count == first.len() as u64).then_some(Ending::Complete);
    let mut endings = vec![unlisted; table.taken.len()];
    for (number, ending) in first {
        endings[*number] = Some(ending.clone());
    }
    if let Ending::Interrupted = table.outcome.ending {
        // What an open one looks like is the end that the signal made; of merged ones nobody knows how far they were.
        for (ending, taken) in endings.iter_mut().zip(&table.taken) {
            let is_told = taken.is_at_end() || matches!(ending, Some(Ending::Damaged { .. }));
            if is_merged || !is_told {
                *ending = Some(Ending::Interrupted);
            }
        }
    }
    endings
}

/// Why a capture was not read to its end, unless the user wanted it so.
pub(crate) fn sentence(name: &str, ending: &Ending) -> Option<String> {
    match ending {
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

/// How a capture ended that is known by the name of its ending alone.
pub(crate) fn ended(ending: &str) -> &'static str {
    match ending {
        "cut_off" => "was cut off in the middle of a record",
        "damaged" => "was damaged",
        _ => "could not be read to its end",
    }
}

/// These figures as an outcome of which no more is known.
pub(crate) fn outcome(totals: Totals, rows: u64) -> Outcome {
    Outcome {
        totals,
        rows,
        ending: Ending::Complete,
        inputs: InputsRead::default(),
        regressions: 0,
        first_regression: None,
        first_and_last_ns: None,
    }
}

/// What came of all tables together.
fn sum(tables: &[Done]) -> Outcome {
    let mut sum = outcome(Totals::default(), 0);
    for Done { outcome, .. } in tables {
        sum.totals.merge(&outcome.totals);
        if tables.len() > 1 {
            sum.totals.skips.forget_first();
        }
        sum.rows += outcome.rows;
        sum.regressions += outcome.regressions;
        sum.first_regression = sum.first_regression.or(outcome.first_regression);
        sum.first_and_last_ns = match (sum.first_and_last_ns, outcome.first_and_last_ns) {
            (Some(all), Some(own)) => Some((all.0.min(own.0), all.1.max(own.1))),
            (all, own) => all.or(own),
        };
        sum.ending = match (&sum.ending, &outcome.ending) {
            (_, Ending::Interrupted) | (Ending::Complete, _) => outcome.ending.clone(),
            (first, _) => first.clone(),
        };
    }
    sum
}

/// What the job reads, in few words.
fn inputs_path(job: &Job) -> String {
    match &job.captures[..] {
        [one] => one.path(),
        many => several(many.len() as u64, "input"),
    }
}

/// Where the job writes, as directly as it can be named.
pub(crate) fn target_path(target: &Target) -> String {
    match target {
        Target::One(output) => output_path(output),
        Target::Directory { path, .. } => direct(path),
        Target::Dataset(wish) => direct(&wish.root),
    }
}

/// The path of the output, as directly as it can be named.
fn output_path(output: &Output) -> String {
    match output {
        Output::Stdout => "stdout".to_owned(),
        Output::Path(path) => direct(path),
        Output::Relay(settings) => settings.target.to_string(),
    }
}

/// The path without links. A file that is not there yet is named by its directory's.
pub(crate) fn direct(path: &Path) -> String {
    let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let through_parent = || Some(parent.canonicalize().ok()?.join(path.file_name()?));
    let direct = path.canonicalize().ok().or_else(through_parent);
    direct.as_deref().unwrap_or(path).display().to_string()
}

/// Whether the machine could not read on, and might another time. What is cut off or damaged always will be.
pub(crate) fn is_unreadable(ending: &Ending) -> bool {
    End::of(ending) == End::Unreadable
}

/// What an ending is called.
pub(crate) fn ending(ending: &Ending) -> &'static str {
    End::of(ending).name()
}

/// What the endings of captures are called together: as the worst of them.
pub(crate) fn worst<'a>(endings: impl Iterator<Item = &'a Ending>) -> &'static str {
    endings.map(End::of).max_by_key(|end| *end as u8).map_or(WHOLE, End::name)
}

/// What an ending is called that is none but the capture's.
pub(crate) const WHOLE: &str = "complete";

/// What endings are called, in the order of [`End`].
pub(crate) const ENDINGS: [&str; 5] = [WHOLE, "cut_off", "damaged", "unreadable", "interrupted"];

/// Says something on standard error. Nobody may be listening; the run goes on all the same.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
