//! A run, from the opened captures to the report.
//!
//! Everything else has been judged by [`checks`](crate::checks). The order matters: signals are listened to
//! before anything can wait; an output is opened only when its first input has shown to be a capture, so that a
//! mistaken input leaves nothing behind; and what is written is complete before anything is said about it.
//! A table for each capture is a run for each: nothing of one reaches into another.

use crate::affinity;
use crate::beside::{Beside, Sums};
use crate::captures::{Captures, Opener, Taken, is_stopped, size_of_all};
use crate::checks::{Job, Voice};
use crate::counting::{self, Counted};
use crate::dataset::{self, Wish};
use crate::flags::Options;
use crate::hiding;
use crate::inputs::Input;
use crate::live::{self, Timed, Waits};
use crate::lookups;
use crate::output::{Opened, Output, Target, is_closed_pipe};
use crate::progress::Progress;
use crate::report::{self, Account, Times, grouped, none_can, several};
use crate::signals;
use crate::sinks::{self, Out, UseSink};
use anyhow::{Context, bail};
use dpp::capture::Ending;
use dpp::limits::TALLIED_KEYS_MAX;
use dpp::pipeline::{self, Checked, Machine, Outcome, Pot, RunError, Sink, Summed, Watch};
use dpp::plan::Plan;
use dpp::stats::Totals;
use dpp::summary::Summary;
use dpp::table::LeakCheck;
use dpp_sink::TableSink;
use dpp_sink::dataset::{Dataset, FileEntry, Manifest, ManifestError, RunEntry, State};
use dpp_sink::packed::Packed;
use dpp_sink::relay;
use dpp_source::live::Feed;
use serde_json::Value;
use std::error::Error;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Does the job and reports on it.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn run(job: Job) -> anyhow::Result<()> {
    if let Some(wish) = &job.live {
        return live::run(&job, wish);
    }
    let started = Instant::now();
    let (watch, stop) = (Arc::<Watch>::default(), Arc::<AtomicBool>::default());
    signals::listen(Arc::clone(&watch), Arc::clone(&stop)).context("cannot listen to signals")?;
    let opener = Opener::new(job.manner, stop);
    let captures = opener.look(job.captures.clone())?;
    let set = match &job.target {
        Target::Dataset(wish) => Some((&**wish, wish.plan(&job.plan, &job.table))),
        _ => None,
    };
    let relayed = Arc::default();
    job.beside.as_ref().map_or(Ok(()), |beside| beside.check_captures(&captures))?;
    let sums = job.beside.as_ref().map(Beside::open).transpose()?;
    let (watch, sums_seen) = (&watch, sums.as_ref());
    let work = Work {
        job: &job,
        set,
        watch,
        opener: &opener,
        waits: None,
        relayed: &relayed,
        sums: sums_seen,
        pot: None,
    };
    let written = work.write_all(captures);
    if sums_seen.is_some() && matches!(&written, Err(error) if is_closed_pipe(error)) {
        // Who reads rows has all it wants, but who waits for a part has not.
        let _ = writeln!(io::stderr(), "WARN: no figures were written, as nobody read the rows to their end");
    }
    let Some(mut tables) = written? else {
        if job.voice != Voice::Silent {
            let _ = writeln!(io::stderr(), "Nothing to do: the dataset has all of it");
        }
        return Ok(());
    };
    let saved = job.saved.as_ref().map_or(Ok(()), |saved| saved.save(&job, &tables));
    let figures = match (sums, &mut tables[..]) {
        (Some(sums), [table]) => write_sums(sums, table, &job, &opener, watch),
        _ => Ok(()),
    };
    let times = Times::new(&tables, started.elapsed());
    let log = std::mem::take(&mut *opener.log());
    let account = Account::new(&job, tables, log, times).with_relayed(relayed);
    let told = account.tell().context(crate::output::STDOUT);
    // A reader who does not want the report does not make a bad run a good one.
    account.judge().and(told).and(saved).and(figures)
}

/// Writes what was counted beside a table.
fn write_sums(sums: Sums, table: &mut Done, job: &Job, opener: &Opener, watch: &Watch) -> anyhow::Result<()> {
    // Sets of sources are large, and nobody else looks at them.
    let rssac = table.outcome.totals.rssac.take();
    let totals = Totals { rssac, ..table.outcome.totals.clone() };
    let is_stopped =
        watch.stop.load(Ordering::Acquire) || matches!(table.outcome.ending, Ending::Interrupted);
    let counted = Counted {
        site: sums.site().to_owned(),
        read: counting::read(&table.taken, &table.outcome, sums.prints()),
        outcome: report::outcome(totals, table.outcome.rows),
        failed: opener.log().failed.clone(),
        named: job.captures.len(),
        is_strict: job.options.strictness.strict,
        is_stopped,
    };
    sums.write(&job.plan, &counted)
}

/// A table that was written.
pub(crate) struct Done {
    pub(crate) output: Output,
    /// The captures it was made of, by their numbers.
    pub(crate) taken: Vec<Taken>,
    pub(crate) outcome: Outcome,
    pub(crate) processing: Duration,
    pub(crate) finishing: Duration,
    /// What a second look at the rows has found.
    pub(crate) checked: Option<LeakCheck>,
}

/// What the engine reads.
pub(crate) enum Intake {
    /// Captures, one after the other or merged.
    Files(Captures),
    /// Live sources, all at once.
    Live(Feed),
}

/// The engine between captures and a sink.
pub(crate) struct Work<'a> {
    pub(crate) job: &'a Job,
    /// The dataset that is written, and what it is made with.
    pub(crate) set: Option<(&'a Wish, Value)>,
    pub(crate) watch: &'a Arc<Watch>,
    pub(crate) opener: &'a Opener,
    /// Where it is noted how long the output takes, if somebody wants to know.
    pub(crate) waits: Option<&'a Waits>,
    /// What is counted of messages that are sent on.
    pub(crate) relayed: &'a Arc<relay::Counts>,
    /// What is counted beside the rows of captures.
    pub(crate) sums: Option<&'a Sums<'a>>,
    /// Where what is counted beside live rows is added to.
    pub(crate) pot: Option<Pot<Summary>>,
}

impl Work<'_> {
    /// Writes all tables; `None` if there is nothing to do, because the manifest of a dataset has all runs.
    fn write_all(&self, captures: Vec<Input>) -> anyhow::Result<Option<Vec<Done>>> {
        let (count, size) = (captures.len(), size_of_all(&captures));
        let (mut tables, mut progress) = (Vec::new(), None);
        let mut manifest = self.manifest()?;
        for (captures, output) in self.admitted(portions(&self.job.target, captures), manifest.as_ref())? {
            // What was another capture when all were admitted may be one by now that is complete, or must not be read.
            let run = self.run_of(&captures);
            if let (Some(manifest), Some(run)) = (&manifest, &run) {
                match manifest.judge_now(run) {
                    Ok(State::ToDo) => {}
                    Ok(State::Complete) => {
                        self.check_whole(manifest, run, &captures)?;
                        self.opener.log().complete += captures.len();
                        continue;
                    }
                    Err(error) => {
                        self.refuse(&captures, error).map_err(|error| behind(&tables, error))?;
                        continue;
                    }
                }
            }
            let names = captures.clone();
            let captures = match self.opener.captures(captures) {
                Ok(captures) if captures.is_empty() => continue,
                Ok(captures) => captures,
                Err(error) if is_stopped(&error) && !tables.is_empty() => break,
                Err(error) => return Err(behind(&tables, error)),
            };
            let size = if count == 1 { captures.size() } else { size };
            progress.get_or_insert_with(|| self.announce(size));
            let written = match (&mut manifest, &run) {
                (Some(manifest), Some(run)) => self.write_dataset(captures, &names, run, manifest, output),
                _ => self.write(Intake::Files(captures), output),
            };
            tables.push(written.map_err(|error| behind(&tables, error))?);
            if self.watch.stop.load(Ordering::Acquire) {
                break;
            }
        }
        if tables.is_empty() {
            let (complete, failed) = {
                let log = self.opener.log();
                (log.complete, log.failed.len())
            };
            match (complete, failed) {
                (0, _) => {}
                (_, 0) => return Ok(None),
                _ => bail!(
                    "{} could not be read; the dataset has all others",
                    several(failed as u64, "capture")
                ),
            }
            bail!("{} be read", none_can(self.job.captures.len() as u64, "capture"));
        }
        Ok(Some(tables))
    }

    /// The manifest of the dataset, if it is one.
    fn manifest(&self) -> anyhow::Result<Option<Manifest>> {
        let Some((wish, made_with)) = &self.set else { return Ok(None) };
        Ok(Some(Manifest::open(&wish.root, made_with.clone())?))
    }

    /// The run of a dataset that reads these captures.
    fn run_of(&self, captures: &[Input]) -> Option<RunEntry> {
        let (wish, made_with) = self.set.as_ref()?;
        Some(wish.run(made_with, captures, self.job.template.as_ref()))
    }

    /// The portions that can be added to the dataset. It is known of all of them before the first is begun.
    fn admitted(&self, portions: Vec<Portion>, manifest: Option<&Manifest>) -> anyhow::Result<Vec<Portion>> {
        let Some(manifest) = manifest else { return Ok(portions) };
        let runs: Vec<RunEntry> = portions.iter().filter_map(|(captures, _)| self.run_of(captures)).collect();
        let mut admitted = Vec::with_capacity(portions.len());
        for ((captures, output), judged) in portions.into_iter().zip(manifest.judge(&runs)) {
            match judged {
                Ok(_) => admitted.push((captures, output)),
                Err(error) => self.refuse(&captures, error)?,
            }
        }
        Ok(admitted)
    }

    /// Goes on without a capture that the dataset cannot take, if the user wants it.
    fn refuse(&self, captures: &[Input], error: ManifestError) -> anyhow::Result<()> {
        match captures {
            [capture] => self.opener.leave_out(capture.clone(), error.into()),
            _ => Err(error.into()),
        }
    }

    /// With `--strict` what is complete is an error as it was when it was read.
    fn check_whole(&self, manifest: &Manifest, run: &RunEntry, captures: &[Input]) -> anyhow::Result<()> {
        match manifest.ending(run) {
            Some(ending) if self.job.options.strictness.strict && ending != report::WHOLE => bail!(
                "--strict: {} in the dataset ended as '{ending}'; leave it out, or go without --strict",
                if let [capture] = captures { capture.name() } else { "a capture".to_owned() }
            ),
            _ => Ok(()),
        }
    }

    /// Writes the files of a run of a dataset, which the manifest has then. On an error nothing is left of it, unless nobody can
    /// read its captures again.
    fn write_dataset(
        &self,
        captures: Captures,
        inputs: &[Input],
        run: &RunEntry,
        manifest: &mut Manifest,
        output: Output,
    ) -> anyhow::Result<Done> {
        manifest.begin(run)?;
        let (done, files) = match self.fill_dataset(captures, inputs, run, output) {
            Ok(filled) => filled,
            Err(error) => {
                // What may give away what should be hidden does not stay either.
                if run.is_repeatable() || self.job.options.check_privacy {
                    manifest
                        .give_up(run)
                        .with_context(|| format!("{error:#}; and nothing could be removed"))?;
                }
                return Err(error);
            }
        };
        // A run that was stopped, or could not read on, is to be started again; if it can be.
        let is_stopped = self.watch.stop.load(Ordering::Acquire);
        let inner = done.outcome.inputs.endings.first.iter().map(|(_, ending)| ending);
        let endings = || inner.clone().chain([&done.outcome.ending]);
        let is_whole = !is_stopped
            && done.taken.len() == inputs.len()
            && !endings()
                .any(|ending| matches!(ending, Ending::Interrupted) || report::is_unreadable(ending));
        if is_whole || !run.is_repeatable() {
            manifest.complete(run, report::worst(endings()), files)?;
        }
        Ok(done)
    }

    /// Writes the files of a run of a dataset.
    fn fill_dataset(
        &self,
        captures: Captures,
        inputs: &[Input],
        run: &RunEntry,
        output: Output,
    ) -> anyhow::Result<(Done, Vec<FileEntry>)> {
        let Some((wish, _)) = &self.set else { unreachable!("only a dataset has runs") };
        let started = Instant::now();
        let (plan, intake) = self.plan_of(Intake::Files(captures));
        let files = dataset::Files { table: &self.job.table, plan: &plan };
        let sink = Dataset::new(&wish.root, &plan, wish.settings_of(run), files);
        let (outcome, checked) = self.look(intake, &sink, &plan, &output)?;
        let processing = started.elapsed();
        let finishing = Instant::now();
        let files = sink.finish()?;
        if self.run_of(inputs).as_ref() != Some(run) {
            bail!(
                "{} has changed while it was read; run again when it is complete",
                if let [input] = inputs { input.name() } else { "a capture".to_owned() }
            );
        }
        let taken = std::mem::take(&mut self.opener.log().taken);
        Ok((Done { output, taken, outcome, processing, finishing: finishing.elapsed(), checked }, files))
    }

    /// Runs the engine, and looks a second time at the rows if that is wanted.
    pub(crate) fn look<S: Sink<Error: Error + Sync + 'static>>(
        &self,
        intake: Intake,
        sink: &S,
        plan: &Plan,
        output: &Output,
    ) -> anyhow::Result<(Outcome, Option<LeakCheck>)> {
        if !self.job.options.check_privacy {
            return Ok((self.engine(intake, sink, plan, output)?, None));
        }
        let watched = Checked::new(sink, plan);
        let outcome = self.engine(intake, &watched, plan, output)?;
        let found = watched.found();
        refuse_leaks(&found, plan, output, &self.job.options)?;
        Ok((outcome, Some(found)))
    }

    /// Says what is going to be done, and shows how far it has come.
    fn announce(&self, size: Option<u64>) -> Option<Progress> {
        report::banner(self.job);
        let is_shown = self.job.voice == Voice::Text;
        is_shown.then(|| Progress::show(Arc::clone(self.watch), size, self.opener.consumed())).flatten()
    }

    /// Writes a whole table. On an error nothing is left of it.
    pub(crate) fn write(&self, intake: Intake, output: Output) -> anyhow::Result<Done> {
        let table = &self.job.table;
        if let Target::Directory { path, .. } = &self.job.target {
            let name = path.display();
            fs::create_dir_all(path).with_context(|| {
                format!("--per-file: cannot make the directory '{name}'; name another with -o")
            })?;
        }
        let opened =
            Packed::new(output.open(self.relayed)?, table.packing).map_err(|error| output.explain(error))?;
        let (plan, intake) = self.plan_of(intake);
        let fill = Fill { work: self, intake, plan: &plan, output: &output };
        let Filled { outcome, processing, finishing, checked } = sinks::open(table, &plan, opened, fill)?;
        let taken = std::mem::take(&mut self.opener.log().taken);
        Ok(Done { output, taken, outcome, processing, finishing, checked })
    }

    /// The plan for what is read, which tells it what its inputs are.
    pub(crate) fn plan_of(&self, intake: Intake) -> (Plan, Intake) {
        match intake {
            Intake::Files(captures) => {
                let plan = self.plan(&captures);
                let captures = self.naming(captures, &plan);
                (plan, Intake::Files(captures))
            }
            Intake::Live(feed) => (live::plan_of(self.job), Intake::Live(feed)),
        }
    }

    /// The plan for these captures.
    fn plan(&self, captures: &Captures) -> Plan {
        let mut plan = self.job.plan.clone();
        plan.sparse = captures.is_sparse();
        plan.sink_needs |= sinks::needs(&self.job.table);
        let count = captures.len_max();
        plan.context.inputs = (0..count).map(|_| OnceLock::new()).collect();
        if self.job.template.is_some() {
            plan.context.input_places = (0..count).map(|_| OnceLock::new()).collect();
        }
        plan
    }

    /// The captures, which tell the plan what they are as they are opened.
    fn naming(&self, captures: Captures, plan: &Plan) -> Captures {
        let names = Arc::clone(&plan.context.inputs);
        let (places, template) = (Arc::clone(&plan.context.input_places), self.job.template.clone());
        captures.named(move |number, input| {
            names.get(number).map(|name| name.get_or_init(|| input.file_name()));
            if let (Some(place), Some(template)) = (places.get(number), &template) {
                place.get_or_init(|| lookups::place(template, input).unwrap_or_default());
            }
        })
    }

    /// Runs the engine.
    fn engine<S: Sink<Error: Error + Sync + 'static>>(
        &self,
        intake: Intake,
        sink: &S,
        plan: &Plan,
        output: &Output,
    ) -> anyhow::Result<Outcome> {
        let machine = self.machine();
        let ended = match (intake, self.waits) {
            (Intake::Files(captures), _) if let Some(sums) = self.sums => {
                sums.run(captures, plan, &machine, sink, self.watch)
            }
            (Intake::Files(captures), _) => pipeline::run(captures, plan, &machine, sink, self.watch),
            (Intake::Live(feed), Some(waits)) if let Some(pot) = &self.pot => {
                let timed = Timed { sink, waits };
                let summed = Summed::new(&timed, plan, Summary::new(TALLIED_KEYS_MAX)).in_pot(pot);
                pipeline::run_on(feed, plan, &machine, &summed, self.watch)
            }
            (Intake::Live(feed), None) => pipeline::run_on(feed, plan, &machine, sink, self.watch),
            (Intake::Live(feed), Some(waits)) => {
                pipeline::run_on(feed, plan, &machine, &Timed { sink, waits }, self.watch)
            }
        };
        match ended {
            Ok(outcome) => Ok(outcome),
            Err(RunError::Sink(error)) => Err(output.explain(error)),
            Err(RunError::Capture(error)) => Err(self.opener.explain(error)),
        }
    }

    fn machine(&self) -> Machine {
        // Who does not know the seed cannot make a capture whose tuples all fall into one place.
        let mut machine = Machine::new(self.job.workers, RandomState::new().hash_one(0));
        if self.job.options.affinity {
            machine.on_start = affinity::pin;
        }
        machine
    }
}

/// Fills a sink with the rows of the captures, and finishes it.
struct Fill<'a> {
    work: &'a Work<'a>,
    intake: Intake,
    plan: &'a Plan,
    output: &'a Output,
}

/// A sink that was filled: what the engine says, how long that and finishing took, and what a second look at the rows has found.
struct Filled {
    outcome: Outcome,
    processing: Duration,
    finishing: Duration,
    checked: Option<LeakCheck>,
}

impl UseSink for Fill<'_> {
    type Done = Filled;

    fn with<S: TableSink<Out, Error: Error + Sync + 'static>>(self, sink: S) -> anyhow::Result<Filled> {
        let Fill { work, intake, plan, output } = self;
        let started = Instant::now();
        let (outcome, checked) = work.look(intake, &sink, plan, output)?;
        let processing = started.elapsed();
        let finishing = Instant::now();
        let packed = sink.finish(report::metadata(plan, &outcome)).map_err(|error| output.explain(error))?;
        packed.finish().and_then(Opened::finish).map_err(|error| output.explain(error))?;
        Ok(Filled { outcome, processing, finishing: finishing.elapsed(), checked })
    }
}

/// A table that gives away what it should hide is none.
fn refuse_leaks(found: &LeakCheck, plan: &Plan, output: &Output, options: &Options) -> anyhow::Result<()> {
    let counted = plan.schema.fields().iter().zip(&found.leaks).filter(|(_, values)| **values > 0);
    let (columns, told): (Vec<&str>, Vec<String>) = counted
        .map(|(field, values)| (&*field.name, format!("'{}' (rows: {})", field.name, grouped(*values))))
        .unzip();
    if columns.is_empty() {
        return Ok(());
    }
    let kept = match output {
        Output::Stdout | Output::Relay(_) => "the rows are already written",
        Output::Path(_) => "no table was written",
    };
    bail!(
        "--check-privacy: addresses or names that are to be hidden are seen in {}; {kept}; {}",
        told.join(", "),
        hiding::remedy(plan, options, &columns)
    )
}

/// Captures that are read as one, and where their rows go.
type Portion = (Vec<Input>, Output);

/// Which captures go into which output.
fn portions(target: &Target, captures: Vec<Input>) -> Vec<Portion> {
    match target {
        Target::One(output) => vec![(captures, output.clone())],
        Target::Dataset(wish) if wish.per_file => {
            let output = Output::Path(wish.root.clone());
            captures.into_iter().map(|capture| (vec![capture], output.clone())).collect()
        }
        Target::Dataset(wish) => vec![(captures, Output::Path(wish.root.clone()))],
        Target::Directory { .. } => captures
            .into_iter()
            .filter_map(|capture| target.of(&capture).map(|output| (vec![capture], output)))
            .collect(),
    }
}

/// An error that comes when some tables are complete, and stay.
fn behind(tables: &[Done], error: anyhow::Error) -> anyhow::Error {
    match tables.len() {
        0 => error,
        1 => error.context("a table was complete before this, and stays"),
        count => error.context(format!("{count} tables were complete before this, and stay")),
    }
}
