//! Parts of what a live run counts beside its rows: one after each period, of what was counted since the one before.
//!
//! The surprising fact: where one part ends and the next begins is up to when it is written, and does not matter. Each query or
//! message is in one of them, parts add up to the same in any grouping, and RSSAC002 figures have their day by the message's own
//! time, so a day's figures are whole whichever parts they are in. A part that cannot be written is written with the next. One has
//! no capture by which it could be known again, so it gets a mark of its own.

use super::files;
use crate::beside;
use crate::checks::Job;
use crate::counting;
use crate::flags;
use crate::output::Output;
use crate::parts::{Out, Since};
use crate::rssac;
use crate::service::log::{Field, Log};
use crate::stats::{self, Before};
use crate::time;
use anyhow::{Context, anyhow, bail};
use dpp::limits::TALLIED_KEYS_MAX;
use dpp::pipeline::{Pot, Watch};
use dpp::summary::Summary;
use dpp::tallies::Tally;
use dpp::tallies::rssac::Rssac;
use dpp_sink::dataset::digest;
use dpp_sink::parts::ledger::Ledger;
use dpp_sink::parts::{Form, Header};
use dpp_sink::rotating::{Settings, Template};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Parts after so long, unless told otherwise.
const EVERY: Duration = Duration::from_secs(300);

/// Which parts, as options say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    every: Duration,
    stats: Option<Names>,
    rssac: Option<Names>,
    /// As it stands in keys.
    site: String,
}

/// What parts are called.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Names {
    /// As the option has it.
    name: PathBuf,
    template: Template,
    form: Form,
}

/// Judges which parts a live job is to write, and tells it.
///
/// # Errors
/// Names that cannot be or are not told apart, and what does not go together.
pub(crate) fn check(
    job: &mut Job,
    wish: &flags::Beside,
    every: Option<&OsStr>,
    site: Option<&OsStr>,
) -> anyhow::Result<()> {
    beside::tell_plan(wish, &job.options, &mut job.plan)?;
    let said = every.map(|every| time::of_option("--parts-every", every)).transpose()?;
    let every = said.unwrap_or(EVERY);
    let site_text = site.map(|site| site.to_string_lossy().into_owned());
    let names = |option: &'static str, name: &Option<PathBuf>| -> anyhow::Result<Option<Names>> {
        let Some(name) = name else { return Ok(None) };
        let form = beside::form(option, name)?;
        let Some(text) = name.to_str() else {
            bail!("{option} '{}': names of files are UTF-8", name.display())
        };
        let template = Template::parse(text, site_text.as_deref());
        let template = template.map_err(|error| anyhow!("{option} '{text}': {error}"))?;
        let settings = Settings { every: Some(every), ..Settings::new(template.clone()) };
        settings.check().map_err(|error| anyhow!("{option} '{text}': {error}"))?;
        Ok(Some(Names { name: name.clone(), template, form }))
    };
    let (stats, rssac) = (names("--stats", &wish.stats)?, names("--rssac", &wish.rssac)?);
    if let (Some(stats), Some(rssac)) = (&stats, &rssac)
        && stats.template == rssac.template
    {
        bail!("--stats and --rssac would write the same file; choose another")
    }
    match (&stats, &rssac, said) {
        (None, None, Some(_)) => {
            bail!("--parts-every is for --stats and --rssac; name one, or leave it out")
        }
        (None, None, None) => {}
        _ => {
            let wish = Wish { every, stats, rssac, site: counting::site(site)? };
            job.live.get_or_insert_default().parts = Some(wish);
        }
    }
    Ok(())
}

impl Wish {
    fn names(&self) -> impl Iterator<Item = (&'static str, &Names)> {
        let stats = self.stats.iter().map(|names| ("--stats", names));
        stats.chain(self.rssac.iter().map(|names| ("--rssac", names)))
    }

    /// The folders that parts are in.
    pub(super) fn folders(&self) -> impl Iterator<Item = PathBuf> {
        self.names().map(|(_, names)| files::folder(&names.name))
    }

    /// Makes the folders.
    ///
    /// # Errors
    /// Which cannot be made.
    pub(super) fn make_folders(&self) -> anyhow::Result<()> {
        self.names().try_for_each(|(option, names)| {
            let folder = files::folder(&names.name);
            let cannot = || format!("{option}: cannot make the folder '{}'", folder.display());
            fs::create_dir_all(&folder).with_context(cannot)
        })
    }

    /// Looks whether parts can be made by the process as it is now.
    ///
    /// # Errors
    /// Where not.
    pub(super) fn try_folders(&self) -> anyhow::Result<()> {
        self.names().try_for_each(|(option, names)| files::try_to_write(option, &names.name))
    }

    /// Which parts, in lines.
    pub(super) fn told(&self) -> String {
        let line = |(option, names): (&str, &Names)| {
            format!("Parts of {option}: {} every {} s\n", names.name.display(), self.every.as_secs())
        };
        self.names().map(line).collect()
    }

    /// Whether transactions are counted, whose condition a part tells.
    pub(super) fn has_stats(&self) -> bool {
        self.stats.is_some()
    }
}

/// Who writes parts while a run goes on.
pub(super) struct Parts<'a> {
    wish: &'a Wish,
    job: &'a Job,
    watch: &'a Watch,
    log: &'a Log,
    pot: Pot<Summary>,
    /// What was counted and could not be written yet.
    summary: Option<Summary>,
    rssac: Option<Box<Rssac>>,
    before: Before,
    /// By what parts of this run are known.
    mark: String,
    sequence: u64,
}

/// So long the engine may take to tell what it has counted; what it has not told is in the next part.
const ANSWER: Duration = Duration::from_secs(2);

impl<'a> Parts<'a> {
    pub(super) fn new(wish: &'a Wish, job: &'a Job, watch: &'a Watch, log: &'a Log) -> Parts<'a> {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let mark = format!("{host} {} {}", std::process::id(), now().as_nanos());
        Parts {
            wish,
            job,
            watch,
            log,
            pot: Pot::default(),
            summary: None,
            rssac: None,
            before: Before::default(),
            mark,
            sequence: 0,
        }
    }

    /// Where the sums are that rows are added to, if they are wanted.
    pub(super) fn pot(&self) -> Option<Pot<Summary>> {
        self.wish.stats.is_some().then(|| self.pot.clone())
    }

    /// Writes a part after each period, until the run is over.
    pub(super) fn write_while(&mut self, is_over: &AtomicBool, pause: Duration) {
        let begins =
            |at: Duration| Duration::from_secs(at.as_secs() - at.as_secs() % self.wish.every.as_secs());
        let mut start = begins(now());
        while !is_over.load(Ordering::Acquire) {
            thread::park_timeout(pause);
            let current = begins(now());
            if current != start {
                self.ask();
                self.write(start);
                start = current;
            }
        }
    }

    /// Writes what is left when the run is over.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        let every = self.wish.every.as_secs();
        match self.write(Duration::from_secs(now().as_secs() / every * every)) {
            true => Ok(()),
            false => bail!("the last parts could not be written; the log tells why"),
        }
    }

    /// Has the engine tell what it has counted.
    fn ask(&self) {
        let (asked, answers) = (Instant::now(), self.watch.answers());
        self.watch.ask();
        while self.watch.answers() == answers && asked.elapsed() < ANSWER {
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Writes the parts of a period that began so long after 1970. Gives whether all were.
    fn write(&mut self, start: Duration) -> bool {
        let wish = self.wish;
        let mut is_written = true;
        if let Some(names) = &wish.stats {
            let more = self.pot.take();
            let sum = match (self.summary.take(), more) {
                (Some(mut sum), Some(more)) => {
                    sum.merge(&more);
                    Some(sum)
                }
                (sum, more) => sum.or(more),
            };
            let sum = sum.unwrap_or_else(|| Summary::new(TALLIED_KEYS_MAX));
            let totals = self.watch.told().totals;
            let (since, header) = (self.since("stats"), stats::header(&self.job.plan, TALLIED_KEYS_MAX));
            let written = open(names, start, self.sequence, &header, |out| {
                self.before.write_part(out, &since, sum.clone(), &totals)
            });
            if !self.told(written) {
                (self.summary, is_written) = (Some(sum), false);
            }
        }
        if let Some(names) = &wish.rssac {
            let mut tally = self.rssac.take().unwrap_or_default();
            if let Some(more) = self.watch.take_rssac() {
                tally.absorb(*more);
            }
            let (since, header) = (self.since("rssac"), rssac::header(&self.job.plan));
            let written = open(names, start, self.sequence, &header, |out| {
                rssac::write_part_since(out, &since, &tally)
            });
            if !self.told(written) {
                (self.rssac, is_written) = (Some(tally), false);
            }
        }
        self.sequence += 1;
        is_written
    }

    fn since(&self, kind: &str) -> Since {
        let mut ledger = Ledger::default();
        ledger.content(&digest(format!("{kind} {} {}", self.mark, self.sequence).as_bytes(), MARK_DIGITS));
        Since { site: self.wish.site.clone(), ledger }
    }

    /// Says what became of a part. Gives whether it was written.
    fn told(&self, written: anyhow::Result<PathBuf>) -> bool {
        match written {
            Ok(path) => self.log.info("part complete", &[("file", Field::text(path.display()))]),
            Err(error) => {
                let why = Field::text(format!("{error:#}"));
                self.log.error("a part cannot be written; it will be with the next", &[("why", why)]);
                return false;
            }
        }
        true
    }
}

/// Digits of a mark: as many as a fingerprint has.
const MARK_DIGITS: usize = 32;

/// Opens the part of a period under a name that no file has, and has it written.
fn open(
    names: &Names,
    start: Duration,
    sequence: u64,
    header: &Header,
    write: impl FnOnce(Out) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let start_ns = i64::try_from(start.as_nanos()).unwrap_or(i64::MAX);
    let free = |path: &PathBuf| !path.exists();
    let path = (0..).map(|copy| names.template.path(start_ns, sequence, copy)).find(free);
    let path = path.expect("there are more numbers than files");
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        fs::create_dir_all(folder).with_context(|| format!("cannot make '{}'", folder.display()))?;
    }
    let output = Output::Path(path.clone());
    write(Out::new(output.open(&Arc::default())?, names.form, header, &output)?)?;
    Ok(path)
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
