//! `dpp stats`: what is in some traffic, in one pass and on one screen.
//!
//! The engine matches queries and responses as for a table, and adds the rows up where they would be written
//! ([`Summary`](dpp::tallies::Summary)); [`text`] puts its figures on a screen, [`json`] tells all of them.

mod json;
mod text;

use crate::captures::{self, Opener};
use crate::checks::{check_timeout, manner, workers};
use crate::flags;
use crate::inputs::{self, Search};
use crate::lookups;
use crate::output::STDOUT;
use crate::plan;
use crate::progress::Progress;
use crate::report;
use crate::signals;
use anyhow::{Context, bail};
use dpp::capture::Ending;
use dpp::limits::TALLIED_KEYS_MAX;
use dpp::pipeline::{self, Machine, Nobody, Outcome, RunError, Summed, Watch};
use dpp::plan::Plan;
use dpp::tallies::Summary;
use serde_json::{Map, Value, json};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Rows of tables in JSON, unless told otherwise.
const ROWS: usize = 100;

/// Does what is asked for.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn stats(wish: flags::Stats) -> anyhow::Result<()> {
    if wish.inputs.is_empty() {
        bail!("dpp stats: name captures, or a directory of them (dpp stats --help tells more)")
    }
    let manner = manner(&wish.many)?;
    let (context, _) = lookups::context(&wish.lookups())?;
    let plan = Plan {
        match_timeout_ns: check_timeout(&wish.match_timeout_ms)?,
        ports: plan::ports(&wish.reading.port)?,
        context,
        sink_needs: Summary::NEEDS,
        select: plan::select(wish.filter.as_deref(), wish.sample.as_deref())?,
        duplicates_ns: wish.dedup_packets.as_deref().map(plan::window_ns).transpose()?,
        merge: manner.merge,
        ..Plan::default()
    };
    let workers = workers(wish.threads.clone())?;
    let search = Search { recursive: wish.many.recursive, keep_going: manner.keep_going };
    let captures = inputs::all(&wish.inputs, search)?.captures;
    let keys_max = if wish.exact { u64::MAX } else { TALLIED_KEYS_MAX };

    let (watch, stop) = (Arc::<Watch>::default(), Arc::<AtomicBool>::default());
    signals::listen(Arc::clone(&watch), Arc::clone(&stop)).context("cannot listen to signals")?;
    let opener = Opener::new(manner, stop);
    let captures = opener.look(captures)?;
    let size = captures::size_of_all(&captures);
    let opened = opener.captures(captures)?;
    if opened.is_empty() {
        bail!("none of the captures can be read")
    }
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
    let told = told(&summary, &outcome, &opener, &wish);
    io::stdout().write_all(told.as_bytes()).context(STDOUT)?;
    judge(&outcome, &opener, &wish)
}

/// The screen, or the object.
fn told(summary: &Summary, outcome: &Outcome, opener: &Opener, wish: &flags::Stats) -> String {
    if !wish.json {
        return text::screen(&summary.figures(wish.top.unwrap_or(text::TOPS)), outcome);
    }
    let inputs: Vec<Value> =
        opener.log().taken.iter().map(|taken| json!({ "filename": taken.input.path() })).collect();
    let mut object = Map::new();
    object.insert("dpp".to_owned(), json!(env!("CARGO_PKG_VERSION")));
    object.insert("inputs".to_owned(), json!(inputs));
    object.insert("capture".to_owned(), report::totals(outcome));
    object.extend(json::figures(&summary.figures(wish.top.unwrap_or(ROWS))));
    format!("{}\n", Value::Object(object))
}

/// Whether all of it was read; if not, that is said, and is an error where it must be.
fn judge(outcome: &Outcome, opener: &Opener, wish: &flags::Stats) -> anyhow::Result<()> {
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
