//! A run, from the opened capture to the report.
//!
//! Everything else has been judged by [`checks`](crate::checks). The order matters: signals are listened to
//! before anything can wait; the output is opened only when the input has shown to be a capture, so that a
//! mistaken input leaves nothing behind; and what is written is complete before anything is said about it.

use crate::affinity;
use crate::checks::{Input, Job, Table, Voice};
use crate::output::Opened;
use crate::progress::Progress;
use crate::report::{self, Account, Times};
use crate::signals;
use anyhow::{Context, anyhow};
use dpp::capture::{CaptureError, FILE_HEADER_MAX, InputError, check_header, single};
use dpp::pipeline::{self, Machine, Outcome, RunError, Sink, Watch};
use dpp_sink::csv::Csv;
use dpp_sink::parquet::{self, Compression, Parquet, Version};
use dpp_source::{Source, SourceError};
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Does the job and reports on it.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn run(job: Job) -> anyhow::Result<()> {
    let started = Instant::now();
    let (watch, stop) = (Arc::<Watch>::default(), Arc::<AtomicBool>::default());
    signals::listen(Arc::clone(&watch), Arc::clone(&stop)).context("cannot listen to signals")?;
    let mut source = open(&job.input, stop)?;
    let header = read_header(&mut source, &job)?;
    let (warnings, compression) = (source.warnings(), source.compression().name());
    report::banner(&job);
    let progress = (job.voice == Voice::Text)
        .then(|| Progress::show(Arc::clone(&watch), source.size(), source.consumed()))
        .flatten();
    let done = Work { job: &job, watch: &watch }.write(header.chain(source));
    drop(progress);
    let Done { outcome, processing, finishing } = done?;
    let times = Times { processing, finishing, total: started.elapsed() };
    let account = Account { job: &job, outcome: &outcome, compression, oddities: warnings.list(), times };
    let told = account.tell().context(crate::output::STDOUT);
    // A reader who does not want the report does not make a bad run a good one.
    account.judge().and(told)
}

fn open(input: &Input, stop: Arc<AtomicBool>) -> Result<Source, SourceError> {
    match input {
        Input::Stdin => Source::stdin_until(stop),
        Input::Path(path) => Source::open_until(path, stop),
    }
}

/// Takes the file header from the source and looks whether the engine will accept it.
fn read_header(source: &mut Source, job: &Job) -> anyhow::Result<io::Cursor<Vec<u8>>> {
    let mut header = Vec::new();
    let refused = |error: CaptureError| anyhow!(error).context(unread(&job.input));
    source.take(FILE_HEADER_MAX as u64).read_to_end(&mut header).map_err(|error| refused(error.into()))?;
    check_header(&header).map_err(refused)?;
    Ok(io::Cursor::new(header))
}

/// What a capture that cannot be read is introduced with.
fn unread(input: &Input) -> String {
    format!("cannot read {}", report::input_name(input))
}

/// What came of the work.
struct Done {
    outcome: Outcome,
    processing: Duration,
    finishing: Duration,
}

/// The engine between a source and a sink.
struct Work<'a> {
    job: &'a Job,
    watch: &'a Watch,
}

impl Work<'_> {
    /// Writes the whole table. On an error nothing is left of it.
    fn write(&self, input: impl Read + Send) -> anyhow::Result<Done> {
        let output = self.job.output.open()?;
        match self.job.table {
            Table::Csv => self.write_csv(input, output),
            Table::Parquet { zstd, v2 } => {
                let compression = zstd.map_or(Compression::Snappy, Compression::Zstd);
                let version = if v2 { Version::Two } else { Version::One };
                let settings = parquet::Settings { compression, version, ..Default::default() };
                self.write_parquet(input, output, settings)
            }
        }
    }

    fn write_csv(&self, input: impl Read + Send, output: Opened) -> anyhow::Result<Done> {
        let explain = |error| self.job.output.explain(error);
        let sink = Csv::new(output, &self.job.plan).map_err(explain)?;
        let (outcome, processing) = self.fill(input, &sink)?;
        let finishing = Instant::now();
        sink.finish().and_then(Opened::finish).map_err(explain)?;
        Ok(Done { outcome, processing, finishing: finishing.elapsed() })
    }

    fn write_parquet(
        &self,
        input: impl Read + Send,
        output: Opened,
        settings: parquet::Settings,
    ) -> anyhow::Result<Done> {
        let sink = Parquet::new(output, &self.job.plan, settings)?;
        let (outcome, processing) = self.fill(input, &sink)?;
        let finishing = Instant::now();
        sink.finish(report::metadata(&self.job.plan, &outcome))?.finish()?;
        Ok(Done { outcome, processing, finishing: finishing.elapsed() })
    }

    /// Fills the sink with the rows of the capture. Gives also how long it took.
    fn fill<S: Sink<Error: Error + Sync + 'static>>(
        &self,
        input: impl Read + Send,
        sink: &S,
    ) -> anyhow::Result<(Outcome, Duration)> {
        let started = Instant::now();
        match pipeline::run(single(input), &self.job.plan, &self.machine(), sink, self.watch) {
            Ok(outcome) => Ok((outcome, started.elapsed())),
            Err(RunError::Sink(error)) => Err(self.job.output.explain(error)),
            Err(RunError::Capture(InputError { error: error @ CaptureError::Regression(_), .. })) => {
                Err(anyhow!(error).context(format!(
                    "{} is out of order; without --monotonic-capture that does no harm",
                    report::input_name(&self.job.input)
                )))
            }
            Err(RunError::Capture(InputError { error, .. })) => {
                Err(anyhow!(error).context(unread(&self.job.input)))
            }
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
