//! `dpp stats` and `dpp report`: what is in some traffic, in one pass, on one screen or one page.
//!
//! The engine matches queries and responses as for a table, and adds the rows up where they would be written
//! ([`Summary`]); [`text`] puts its figures on a screen, [`json`] tells all of them, and
//! [`page`] shows those.

mod json;
pub(crate) mod text;

use crate::captures::{self, Opener};
use crate::checks::{Manner, check_merged, check_timeout, manner, workers};
use crate::flags::{self, Summing};
use crate::inputs::{self, Input, Search};
use crate::lookups;
use crate::output::{Output, STDOUT};
use crate::page;
use crate::plan;
use crate::progress::Progress;
use crate::report::{self, grouped};
use crate::signals;
use anyhow::{Context, bail};
use dpp::capture::Ending;
use dpp::limits::TALLIED_KEYS_MAX;
use dpp::pipeline::{self, Machine, Nobody, Outcome, RunError, Summed, Watch};
use dpp::plan::Plan;
use dpp::summary::Summary;
use serde_json::Value;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Rows of tables in JSON, unless told otherwise.
const ROWS: usize = 100;

/// `dpp stats`.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn stats(wish: &flags::Stats) -> anyhow::Result<()> {
    let sum = sum(&wish.summing, "stats", |_| Ok(()))?.0;
    let told = match wish.json {
        true => format!("{}\n", sum.object(wish.top.unwrap_or(ROWS))),
        false => text::screen(&sum.summary.figures(wish.top.unwrap_or(text::TOPS)), &sum.outcome),
    };
    io::stdout().write_all(told.as_bytes()).context(STDOUT)?;
    sum.judged
}

/// `dpp report`.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn report(wish: &flags::Report) -> anyhow::Result<()> {
    let output = match wish.output == Path::new("-") {
        true => Output::Stdout,
        false => Output::Path(wish.output.clone()),
    };
    let (sum, mut opened) = sum(&wish.summing, "report", |captures| {
        output.check_spares(captures)?;
        output.open(&Arc::default())
    })?;
    let title = wish.title.clone().unwrap_or_else(|| match &sum.inputs[..] {
        [(name, _)] => name.clone(),
        inputs => format!("{} captures", grouped(inputs.len() as u64)),
    });
    let page = page::render(&sum.object(ROWS).to_string(), &title);
    let written = opened.write_all(page.as_bytes()).and_then(|()| opened.finish());
    written.map_err(|error| output.explain(error))?;
    sum.judged
}

/// What is in captures.
struct Sum {
    summary: Summary,
    outcome: Outcome,
    /// The captures' names, and how each ended.
    inputs: Vec<(String, Ending)>,
    /// Whether all of it was read.
    judged: anyhow::Result<()>,
}

impl Sum {
    fn object(&self, rows: usize) -> Value {
        json::object(&self.summary, &self.outcome, &self.inputs, rows)
    }
}

/// Adds up. What `open` gives is opened when the first capture has shown to be one, so that what cannot be written is known before
/// hours of counting, and a mistaken input leaves nothing behind.
fn sum<T>(
    wish: &Summing,
    command: &str,
    open: impl FnOnce(&[Input]) -> anyhow::Result<T>,
) -> anyhow::Result<(Sum, T)> {
    if wish.inputs.is_empty() {
        bail!("dpp {command}: name captures, or a directory of them (dpp {command} --help tells more)")
    }
    let manner = manner(&wish.many)?;
    let plan = plan(wish, manner)?;
    let workers = workers(wish.threads.clone())?;
    let search = Search { recursive: wish.many.recursive, keep_going: manner.keep_going };
    let captures = inputs::all(&wish.inputs, search)?.captures;
    check_merged(manner, &captures)?;
    let keys_max = if wish.exact { u64::MAX } else { TALLIED_KEYS_MAX };

    let (watch, stop) = (Arc::<Watch>::default(), Arc::<AtomicBool>::default());
    signals::listen(Arc::clone(&watch), Arc::clone(&stop)).context("cannot listen to signals")?;
    let opener = Opener::new(manner, stop);
    let captures = opener.look(captures)?;
    let size = captures::size_of_all(&captures);
    let opened = opener.captures(captures.clone())?;
    if opened.is_empty() {
        bail!("none of the captures can be read")
    }
    let out = open(&captures)?;
    let plan = Plan { sparse: opened.is_sparse(), ..plan };
    let is_told = !wish.silent;
    let progress = is_told.then(|| Progress::show(Arc::clone(&watch), size, opener.consumed())).flatten();
    let sink = Summed::new(Nobody, &plan, keys_max);
    let machine = Machine::new(workers, RandomState::new().hash_one(0));
    let outcome = match pipeline::run(opened, &plan, &machine, &sink, &watch) {
        Ok(outcome) => outcome,
        Err(RunError::Sink(never)) => match never {},
        Err(RunError::Capture(error)) => return Err(opener.explain(error)),
    };
    drop(progress);
    let (Nobody, summary) = sink.finish();
    let inputs = inputs_of(&outcome, &opener);
    let judged = judge(&outcome, &opener, wish);
    Ok((Sum { summary, outcome, inputs, judged }, out))
}

fn plan(wish: &Summing, manner: Manner) -> anyhow::Result<Plan> {
    Ok(Plan {
        match_timeout_ns: check_timeout(&wish.match_timeout_ms)?,
        ports: plan::ports(&wish.reading.port)?,
        context: lookups::context(&wish.lookups())?.0,
        sink_needs: Summary::NEEDS,
        select: plan::select(wish.filter.as_deref(), wish.sample.as_deref())?,
        duplicates_ns: wish.dedup_packets.as_deref().map(plan::window_ns).transpose()?,
        merge: manner.merge,
        ..Plan::default()
    })
}

/// The captures, and how each ended.
fn inputs_of(outcome: &Outcome, opener: &Opener) -> Vec<(String, Ending)> {
    let log = opener.log();
    let mut inputs: Vec<_> =
        log.taken.iter().map(|taken| (taken.input.file_name(), Ending::Complete)).collect();
    for (number, ending) in &outcome.inputs.endings.first {
        if let Some(input) = inputs.get_mut(*number) {
            input.1 = ending.clone();
        }
    }
    inputs
}

/// Whether all of it was read; if not, that is said, and is an error where it must be.
fn judge(outcome: &Outcome, opener: &Opener, wish: &Summing) -> anyhow::Result<()> {
    let mut warnings = Vec::new();
    if matches!(outcome.ending, Ending::Interrupted) {
        warnings.push("stopped by a signal; these are the figures of what was read by then".to_owned());
    }
    let log = opener.log();
    for (number, ending) in &outcome.inputs.endings.first {
        let name = log.taken.get(*number).map_or_else(|| "a capture".to_owned(), |taken| taken.input.name());
        let Some(sentence) = report::sentence(&name, ending) else { continue };
        if wish.strict || report::is_unreadable(ending) {
            bail!("{sentence}; the figures are those of what could be read")
        }
        warnings.push(sentence);
    }
    if !wish.silent {
        let text: String = warnings.iter().map(|warning| format!("WARN: {warning}\n")).collect();
        let _ = io::stderr().write_all(text.as_bytes());
    }
    match &log.failed[..] {
        [] => Ok(()),
        [first, ..] => {
            bail!(
                "{} captures could not be read ({}); all others were counted",
                log.failed.len(),
                first.reason
            )
        }
    }
}
