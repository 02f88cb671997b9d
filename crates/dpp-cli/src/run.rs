//! A run, from the opened captures to the report.
//!
//! Everything else has been judged by [`checks`](crate::checks). The order matters: signals are listened to
//! before anything can wait; an output is opened only when its first input has shown to be a capture, so that a
//! mistaken input leaves nothing behind; and what is written is complete before anything is said about it.
//! A table for each capture is a run for each: nothing of one reaches into another.

use crate::affinity;
use crate::captures::{Captures, Opener, Taken, is_stopped, size_of_all};
use crate::checks::{Job, Voice};
use crate::inputs::Input;
use crate::lookups;
use crate::output::{Opened, Output, Target};
use crate::progress::Progress;
use crate::report::{self, Account, Times, grouped};
use crate::signals;
use crate::sinks::{self, Out, UseSink};
use anyhow::{Context, anyhow, bail};
use dpp::capture::{CaptureError, InputError};
use dpp::pipeline::{self, Checked, Machine, Outcome, RunError, Sink, Watch};
use dpp::plan::Plan;
use dpp::table::LeakCheck;
use dpp_sink::TableSink;
use dpp_sink::packed::Packed;
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Does the job and reports on it.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn run(job: Job) -> anyhow::Result<()> {
    let started = Instant::now();
    let (watch, stop) = (Arc::<Watch>::default(), Arc::<AtomicBool>::default());
    signals::listen(Arc::clone(&watch), Arc::clone(&stop)).context("cannot listen to signals")?;
    let opener = Opener::new(job.manner, stop);
    let captures = opener.look(job.captures.clone())?;
    let tables = Work { job: &job, watch: &watch, opener: &opener }.write_all(captures)?;
    let saved = job.saved.as_ref().map_or(Ok(()), |saved| saved.save(&job, &tables));
    let times = Times::new(&tables, started.elapsed());
    let account = Account::new(&job, tables, std::mem::take(&mut opener.log().failed), times);
    let told = account.tell().context(crate::output::STDOUT);
    // A reader who does not want the report does not make a bad run a good one.
    account.judge().and(told).and(saved)
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

/// The engine between captures and a sink.
struct Work<'a> {
    job: &'a Job,
    watch: &'a Arc<Watch>,
    opener: &'a Opener,
}

impl Work<'_> {
    /// Writes all tables.
    fn write_all(&self, captures: Vec<Input>) -> anyhow::Result<Vec<Done>> {
        let (count, size) = (captures.len(), size_of_all(&captures));
        let (mut tables, mut progress) = (Vec::new(), None);
        for (captures, output) in portions(&self.job.target, captures) {
            let captures = match self.opener.captures(captures) {
                Ok(captures) if captures.is_empty() => continue,
                Ok(captures) => captures,
                Err(error) if is_stopped(&error) && !tables.is_empty() => break,
                Err(error) => return Err(behind(&tables, error)),
            };
            let size = if count == 1 { captures.size() } else { size };
            progress.get_or_insert_with(|| self.announce(size));
            tables.push(self.write(captures, output).map_err(|error| behind(&tables, error))?);
            if self.watch.stop.load(Ordering::Acquire) {
                break;
            }
        }
        if tables.is_empty() {
            bail!("none of the {} captures can be read", self.job.captures.len());
        }
        Ok(tables)
    }

    /// Says what is going to be done, and shows how far it has come.
    fn announce(&self, size: Option<u64>) -> Option<Progress> {
        report::banner(self.job);
        let is_shown = self.job.voice == Voice::Text;
        is_shown.then(|| Progress::show(Arc::clone(self.watch), size, self.opener.consumed())).flatten()
    }

    /// Writes a whole table. On an error nothing is left of it.
    fn write(&self, captures: Captures, output: Output) -> anyhow::Result<Done> {
        let table = &self.job.table;
        let opened = Packed::new(output.open()?, table.packing).map_err(|error| output.explain(error))?;
        let plan = self.plan(&captures);
        let fill = Fill { work: self, captures, plan: &plan, output: &output };
        let Filled { outcome, processing, finishing, checked } =
            sinks::open(table, &self.job.cdns, &plan, opened, fill)?;
        let taken = std::mem::take(&mut self.opener.log().taken);
        Ok(Done { output, taken, outcome, processing, finishing, checked })
    }

    /// The plan for these captures.
    fn plan(&self, captures: &Captures) -> Plan {
        let mut plan = self.job.plan.clone();
        plan.sparse = captures.is_sparse();
        plan.sink_needs |= sinks::needs(self.job.table.format, &self.job.cdns);
        let inputs = captures.inputs();
        plan.context.inputs = inputs.iter().map(Input::file_name).collect();
        if let Some(template) = &self.job.template {
            plan.context.input_places =
                inputs.iter().map(|input| lookups::place(template, input).unwrap_or_default()).collect();
        }
        plan
    }

    /// Runs the engine.
    fn engine<S: Sink<Error: Error + Sync + 'static>>(
        &self,
        captures: Captures,
        sink: &S,
        plan: &Plan,
        output: &Output,
    ) -> anyhow::Result<Outcome> {
        match pipeline::run(captures, plan, &self.machine(), sink, self.watch) {
            Ok(outcome) => Ok(outcome),
            Err(RunError::Sink(error)) => Err(output.explain(error)),
            Err(RunError::Capture(error)) => Err(self.explain(error)),
        }
    }

    /// Why the engine cannot go on, with the name of the capture.
    fn explain(&self, InputError { input, error }: InputError) -> anyhow::Error {
        let mut log = self.opener.log();
        if let Some(error) = log.error.take() {
            return error;
        }
        let name = log.taken.get(input).map_or_else(|| "the capture".to_owned(), |taken| taken.input.name());
        let is_regression = matches!(error, CaptureError::Regression(_));
        anyhow!(error).context(match is_regression {
            true => format!("{name} is out of order; without --monotonic-capture that does no harm"),
            false => format!("cannot read {name}"),
        })
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
    captures: Captures,
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
        let Fill { work, captures, plan, output } = self;
        let started = Instant::now();
        let (outcome, checked) = match work.job.options.hiding.check_privacy {
            false => (work.engine(captures, &sink, plan, output)?, None),
            true => {
                let watched = Checked::new(&sink, plan);
                let outcome = work.engine(captures, &watched, plan, output)?;
                (outcome, Some(watched.found()))
            }
        };
        checked.as_ref().map_or(Ok(()), |found| refuse_leaks(found, plan, output))?;
        let processing = started.elapsed();
        let finishing = Instant::now();
        let packed = sink.finish(report::metadata(plan, &outcome)).map_err(|error| output.explain(error))?;
        packed.finish().and_then(Opened::finish).map_err(|error| output.explain(error))?;
        Ok(Filled { outcome, processing, finishing: finishing.elapsed(), checked })
    }
}

/// A table that gives away what it should hide is none.
fn refuse_leaks(found: &LeakCheck, plan: &Plan, output: &Output) -> anyhow::Result<()> {
    let counted = plan.schema.fields().iter().zip(&found.leaks).filter(|(_, values)| **values > 0);
    let columns: Vec<String> =
        counted.map(|(field, values)| format!("'{}' (rows: {})", field.name, grouped(*values))).collect();
    if columns.is_empty() {
        return Ok(());
    }
    let kept = match output {
        Output::Stdout => "the rows are already written",
        Output::Path(_) => "no table was written",
    };
    bail!(
        "--check-privacy: addresses that are to be hidden are seen in {}; {kept}; \
         hide more (--hide-fields, --hide-names), or --drop these columns",
        columns.join(", ")
    )
}

/// Which captures go into which output.
fn portions(target: &Target, captures: Vec<Input>) -> Vec<(Vec<Input>, Output)> {
    match target {
        Target::One(output) => vec![(captures, output.clone())],
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
