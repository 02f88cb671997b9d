//! Counting captures: a run of the engine whose rows nobody writes.
//!
//! Who counts makes a [`Job`], and says what its plan wants to know and which sink adds up; here captures are found, opened and
//! read, and it is judged whether all was read that was to be counted. Beside what was counted, what is known of the captures
//! themselves goes into parts: a fingerprint of each, so that one that is counted twice is found when parts are added up, and
//! its number if it has one, so that a missing one is. [`stats`](crate::stats) and [`rssac`](crate::rssac) call this.

mod numbering;
mod prints;

pub(crate) use self::prints::{Printed, Prints, check_twins};
use crate::captures::{self, Captures, Failed, Log, Opener, Taken};
use crate::checks::{Manner, check_merged, manner, workers};
use crate::flags::{Counting, Many, Numbered};
use crate::inputs::{self, Input, Search, Sought};
use crate::output::Output;
use crate::parts;
use crate::plan;
use crate::progress::Progress;
use crate::report::{self, grouped, none_can, several};
use crate::signals;
use anyhow::{Context, anyhow, bail};
use dpp::capture::{Ending, Listed};
use dpp::packet::SKIPS;
use dpp::pipeline::{self, Machine, Outcome, RunError, Sink, Watch};
use dpp::plan::Plan;
use dpp_sink::parts::ledger::Ledger;
use dpp_sink::parts::{Header, key_name};
use numbering::{Numbering, numbering};
use std::collections::HashMap;
use std::convert::Infallible;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

/// A run that nothing speaks against.
pub(crate) struct Job {
    captures: Vec<Input>,
    manner: Manner,
    plan: Plan,
    numbers: Option<Numbers>,
    workers: NonZeroUsize,
    is_strict: bool,
    is_silent: bool,
    /// Whether the same capture may be there twice.
    has_twins: bool,
}

/// Where the captures are from, and how they are numbered, if a part is to say so.
struct Numbers {
    /// As it stands in keys.
    site: String,
    numbering: Option<Numbering>,
}

/// What is done where not all can be counted that was to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Partial {
    /// What was counted is shown, and the rest is told.
    Shown,
    /// Nothing is: what is written down as a day's figures must be those of the day.
    Refused,
}

impl Job {
    /// Judges what is to be counted. The plan is of whoever counts; which messages there are is said here.
    ///
    /// # Errors
    /// The first thing that is wrong, and what to do about it.
    pub(crate) fn check(captures: Vec<Input>, wish: &Counting, plan: Plan) -> anyhow::Result<Job> {
        parts::refuse(&captures)?;
        let ports = plan::ports(&wish.messages.reading.port)?;
        let duplicates_ns = wish.messages.dedup_packets.as_deref().map(plan::window_ns).transpose()?;
        let manner = manner(&wish.many.joined, wish.many.keep_going)?;
        let workers = workers(wish.workers.threads.clone())?;
        check_merged(manner, &captures)?;
        Ok(Job {
            captures,
            manner,
            plan: Plan { ports, duplicates_ns, merge: manner.merge, ..plan },
            numbers: None,
            workers,
            is_strict: wish.strictness.strict,
            is_silent: wish.quiet.silent,
            has_twins: true,
        })
    }

    /// With no capture twice: what is written down as a day's figures must not count it so.
    pub(crate) fn without_twins(self) -> Job {
        Job { has_twins: false, ..self }
    }

    /// With what a part says of its captures.
    ///
    /// # Errors
    /// A site or a number that cannot stand in a part.
    pub(crate) fn numbered(self, wish: &Numbered) -> anyhow::Result<Job> {
        let site = site(wish.site.as_deref())?;
        let numbering = wish.seq.as_deref().map(numbering).transpose()?;
        Ok(Job { numbers: Some(Numbers { site, numbering }), ..self }.without_twins())
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// The site as it stands in keys.
    pub(crate) fn site(&self) -> &str {
        self.numbers.as_ref().map_or("-", |numbers| &numbers.site)
    }

    /// Refuses an output that would destroy a capture.
    pub(crate) fn check_output(&self, output: &Output) -> anyhow::Result<()> {
        output.check_spares(&self.captures)
    }

    /// What the engine is told, but for what is known when captures are open.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Opens the first capture. What `open` gives is opened when that has shown to be one, so that what cannot be written is
    /// known before hours of counting, and a mistaken input leaves nothing behind.
    ///
    /// # Errors
    /// What the user or the machine must mend.
    pub(crate) fn open<T>(self, open: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(Run, T)> {
        let (watch, stop) = (Arc::<Watch>::default(), Arc::<AtomicBool>::default());
        signals::listen(Arc::clone(&watch), Arc::clone(&stop)).context("cannot listen to signals")?;
        let opener = Opener::new(self.manner, stop);
        let captures = opener.look(self.captures.clone())?;
        let numbers = match &self.numbers {
            Some(Numbers { site, numbering: Some(numbering) }) => {
                numbering.check_left_out(self.captures.len() - captures.len())?;
                Some(numbering.of_all(site, &captures)?)
            }
            _ => None,
        };
        if !self.has_twins {
            check_twins(&captures)?;
        }
        let size = captures::size_of_all(&captures);
        let opened = opener.captures(captures.clone())?;
        if opened.is_empty() {
            bail!("{} be read", none_can(self.captures.len() as u64, "capture"));
        }
        let out = open()?;
        let plan = Plan { sparse: opened.is_sparse(), ..self.plan.clone() };
        Ok((Run { job: self, plan, watch, opener, captures, opened, numbers, size }, out))
    }
}

/// Octets of a site's name in a key, which has room for more.
const SITE_MAX: usize = 128;

/// The site as it stands in keys.
///
/// # Errors
/// A name that cannot stand there.
pub(crate) fn site(named: Option<&OsStr>) -> anyhow::Result<String> {
    let site = named.map_or_else(|| "-".to_owned(), |site| key_name(&site.to_string_lossy()));
    match site.len() {
        1..=SITE_MAX => Ok(site),
        _ => bail!("--site: name the site with at most {SITE_MAX} letters"),
    }
}

/// What every part says that was counted with this plan: what must be the same for two parts to add up. Whose kind it is adds what
/// else must.
pub(crate) fn header(kind: &str, plan: &Plan, more: Vec<(&str, Option<String>)>) -> Header {
    let parameters =
        [("ports", Some(plan.ports.to_string())), ("dedup_ns", plan.duplicates_ns.map(|ns| ns.to_string()))];
    let parameters = parameters.into_iter().chain(more);
    Header {
        kind: kind.to_owned(),
        parameters: parameters.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect(),
        programs: [format!("dpp {}", env!("CARGO_PKG_VERSION"))].into(),
    }
}

/// The captures that are named, as `dpp extract` would find them.
///
/// # Errors
/// If there are none, and what names none; a step of the command that is spelt otherwise is told.
pub(crate) fn named(command: &str, wish: &Counting) -> anyhow::Result<Vec<Input>> {
    sought(command, wish, Sought::Captures)
}

/// The same of captures or parts.
///
/// # Errors
/// If there are none, and what names none.
pub(crate) fn sought(command: &str, wish: &Counting, sought: Sought) -> anyhow::Result<Vec<Input>> {
    if wish.inputs.is_empty() {
        bail!("dpp {command}: name captures, or a directory of them (dpp {command} --help tells more)")
    }
    let Many { joined, keep_going } = &wish.many;
    let search = Search { recursive: joined.recursive, keep_going: *keep_going, sought };
    let inputs = inputs::all(&wish.inputs, search)?;
    inputs.tell_passed(wish.quiet.silent);
    Ok(inputs.captures)
}

/// A run whose first capture is open.
pub(crate) struct Run {
    job: Job,
    /// The job's, with what is known of the captures.
    plan: Plan,
    watch: Arc<Watch>,
    opener: Opener,
    /// In the order in which they are read.
    captures: Vec<Input>,
    opened: Captures,
    /// Their numbers.
    numbers: Option<Vec<u64>>,
    size: Option<u64>,
}

impl Run {
    /// What the engine is told.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// What the user or the machine must mend.
    pub(crate) fn count<S>(self, plan: &Plan, sink: &S) -> anyhow::Result<Counted>
    where
        S: Sink<Error = Infallible>,
    {
        let Run { job, watch, opener, captures, opened, numbers, size, plan: _ } = self;
        let prints: Prints = Arc::default();
        let progress =
            (!job.is_silent).then(|| Progress::show(Arc::clone(&watch), size, opener.consumed())).flatten();
        let printed = Printed::new(opened, &prints);
        let machine = Machine::new(job.workers, RandomState::new().hash_one(0));
        let outcome = match pipeline::run(printed, plan, &machine, sink, &watch) {
            Ok(outcome) => outcome,
            Err(RunError::Sink(never)) => match never {},
            Err(RunError::Capture(error)) => return Err(opener.explain(error)),
        };
        drop(progress);
        let is_stopped = watch.stop.load(Ordering::Acquire) || matches!(outcome.ending, Ending::Interrupted);
        let Log { taken, failed, .. } = std::mem::take(&mut *opener.log());
        let mut read = read(&taken, &outcome, &prints);
        // Those that are missing there could not be opened.
        let mut places = captures.iter().enumerate();
        for read in &mut read {
            let place = places.find(|(_, capture)| **capture == read.input);
            read.number = place.and_then(|(place, _)| Some(numbers.as_ref()?[place]));
        }
        let (site, is_strict, named) = (job.site().to_owned(), job.is_strict, job.captures.len());
        Ok(Counted { site, outcome, read, failed, named, is_strict, is_stopped })
    }
}

/// That two captures are the same.
fn same(one: &Input, other: &Input, print: Option<&str>) -> anyhow::Error {
    let print = print.map_or_else(String::new, |print| format!(" (fingerprint {print})"));
    anyhow!(
        "{} and {} are the same capture{print}, which must not count twice; name one of them",
        one.name(),
        other.name()
    )
}

/// What became of captures that were read.
pub(crate) fn read(taken: &[Taken], outcome: &Outcome, prints: &Prints) -> Vec<Read> {
    let prints = prints.lock().unwrap_or_else(PoisonError::into_inner);
    let Listed { count, first } = &outcome.inputs.endings;
    let are_all_known = *count == first.len() as u64;
    let read = taken.iter().enumerate().map(|(number, taken)| {
        let ending = first.iter().find(|(input, _)| *input == number).map(|(_, ending)| ending.clone());
        let print = prints
            .get(number)
            .and_then(|print| print.lock().unwrap_or_else(PoisonError::into_inner).text(&taken.input));
        let ending = ending.or(are_all_known.then_some(Ending::Complete));
        Read { oddities: taken.oddities(), input: taken.input.clone(), ending, print, number: None }
    });
    read.collect()
}

/// A capture that was read.
pub(crate) struct Read {
    pub(crate) input: Input,
    /// How it ended; `None` if that is not known.
    pub(crate) ending: Option<Ending>,
    /// By what it is known again; `None` if there is nothing in it.
    pub(crate) print: Option<String>,
    number: Option<u64>,
    oddities: Vec<String>,
}

/// What came of a run, beside what the sink has added up.
pub(crate) struct Counted {
    /// As it stands in keys.
    pub(crate) site: String,
    pub(crate) outcome: Outcome,
    /// The captures, in the order in which they were read.
    pub(crate) read: Vec<Read>,
    /// Those that could not be.
    pub(crate) failed: Vec<Failed>,
    /// How many there were to be.
    pub(crate) named: usize,
    /// Whether a capture that is cut off or damaged is an error.
    pub(crate) is_strict: bool,
    pub(crate) is_stopped: bool,
}

/// What is to be said of a run.
pub(crate) struct Judged {
    /// What was odd, in sentences.
    pub(crate) warnings: Vec<String>,
    /// Whether all was counted that was to be.
    pub(crate) verdict: anyhow::Result<()>,
}

impl Counted {
    /// What is known of the captures, for a part.
    ///
    /// # Errors
    /// If a capture is there twice.
    pub(crate) fn ledger(&self) -> anyhow::Result<Ledger> {
        let mut ledger = self.left_out();
        for read in &self.read {
            read.print.iter().for_each(|print| ledger.content(print));
            read.number.into_iter().for_each(|number| ledger.sequence(&self.site, number));
            if let Some(ending) =
                read.ending.as_ref().map(report::ending).filter(|name| *name != report::WHOLE)
            {
                ledger.ended(&self.site, &key_name(&read.input.file_name()), ending);
            }
        }
        match self.twins() {
            Some((one, other, print)) => Err(same(one, other, Some(print))),
            None => Ok(ledger),
        }
    }

    /// Two captures that are the same, and their fingerprint.
    fn twins(&self) -> Option<(&Input, &Input, &str)> {
        let mut seen = HashMap::new();
        self.read.iter().find_map(|read| {
            let print = read.print.as_deref()?;
            seen.insert(print, &read.input).map(|first| (first, &read.input, print))
        })
    }

    /// The captures that could not be read, as a part says it.
    pub(crate) fn left_out(&self) -> Ledger {
        let mut ledger = Ledger::default();
        let names = self.failed.iter().map(|failed| key_name(&failed.input.file_name()));
        names.for_each(|name| ledger.unread(&self.site, &name));
        ledger
    }

    /// Whether all was read that was to be.
    ///
    /// # Errors
    /// If it was not, and nothing is done with a part of it.
    pub(crate) fn judge(&self, partial: Partial) -> anyhow::Result<Judged> {
        let is_shown = partial == Partial::Shown;
        let mut judged = Judged { warnings: Vec::new(), verdict: Ok(()) };
        let rest = match is_shown {
            true => "the figures are those of what could be read",
            false => "no figures were written, as not all was counted",
        };
        if self.is_stopped && !is_shown {
            bail!("stopped by a signal; {rest}")
        }
        if self.is_stopped {
            let told = "stopped by a signal; these are the figures of what was read by then";
            judged.warnings.push(told.to_owned());
        }
        for Read { input, ending, oddities, .. } in &self.read {
            let name = input.name();
            judged.warnings.extend(oddities.iter().map(|oddity| format!("{name}: {oddity}")));
            let Some(ending) = ending else { continue };
            let Some(sentence) = report::sentence(&name, ending) else { continue };
            let error = match report::is_unreadable(ending) {
                true => anyhow!("{sentence}; {rest}"),
                false if self.is_strict && is_shown => anyhow!("{sentence}; {rest}"),
                false if self.is_strict => {
                    anyhow!("{sentence}; no figures were written; without --strict this is a warning")
                }
                false => {
                    judged.warnings.push(sentence);
                    continue;
                }
            };
            if !is_shown {
                return Err(error);
            }
            judged.verdict = judged.verdict.and(Err(error));
        }
        if let Some((one, other, _)) = self.twins().filter(|_| is_shown) {
            let twins = format!("{} and {} are the same capture, and count twice", one.name(), other.name());
            judged.warnings.push(twins);
        }
        if self.read.iter().any(|read| read.ending.is_none()) {
            let count = several(self.outcome.inputs.endings.count, "capture");
            judged.warnings.push(format!("{count} in all did not end well"));
        }
        if let [first, ..] = &self.failed[..] {
            let of = format!("{} of {}", self.failed.len(), several(self.named as u64, "capture"));
            let error = anyhow!("{of} could not be read ({}); all others were counted", first.reason);
            judged.verdict = judged.verdict.and(Err(error));
        }
        Ok(judged)
    }

    /// What became of packets, in lines.
    pub(crate) fn told(&self) -> String {
        let totals = &self.outcome.totals;
        let [read, used, left] =
            [totals.read, totals.used, totals.skips.total()].map(|volume| grouped(volume.packets));
        let mut text = format!("Packets: {read}, {used} with DNS messages, {left} skipped\n");
        for (skip, name, sentence) in SKIPS {
            let volume = totals.skips.of(*skip);
            if volume.packets > 0 {
                let frames = report::frames(&totals.skips, *skip);
                let _ = writeln!(
                    text,
                    "Skipped: {}: {sentence} ({name}; {frames})",
                    several(volume.packets, "packet")
                );
            }
        }
        text
    }
}

impl Judged {
    /// Says what was odd, behind other words. Nobody may be listening.
    pub(crate) fn warn(&self, mut text: String) {
        self.warnings.iter().for_each(|warning| text.push_str(&format!("WARN: {warning}\n")));
        let _ = io::stderr().write_all(text.as_bytes());
    }
}
