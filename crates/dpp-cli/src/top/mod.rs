//! `dpp top`: what comes, on a terminal, while it comes.
//!
//! ```text
//!  sources, or captures at a pace -> the engine, as for any table -> Counting -> Screen -> the terminal
//! ```
//! The engine's rows are added up where they would be written ([`Counting`]), in panes of time ([`panes`]). Each refresh takes
//! what is new away from it, so nobody waits for whoever draws, and nothing piles up where a terminal stands still. [`view`] draws
//! what is in [`state`], which keys change ([`keys`]); captures are read at the speed of [`pace`].
//!
//! The surprising fact: the screen is behind what comes by T + R, 2.2 s, for only then it is known which queries have no answer.

mod keys;
mod pace;
mod panes;
mod screen;
mod state;
#[cfg(test)]
mod tests;
mod view;

use crate::captures::Opener;
use crate::checks::{Manner, check_merged, check_timeout, manner, workers};
use crate::flags::{Lookups, Top};
use crate::inputs::{self, Input, Search};
use crate::live;
use crate::lookups;
use crate::nearest::did_you_mean;
use crate::parts;
use crate::plan;
use crate::signals;
use crate::time;
use anyhow::{Context, bail};
use dpp::capture::{Chunks, Cutter, InputError, Settings};
use dpp::limits::CHUNK_PACKETS_MAX;
use dpp::pipeline::{self, Machine, Outcome, Pool, Rows, RunError, Sink, Watch};
use dpp::plan::Plan;
use dpp::summary::Summary;
use pace::{Pace, Paced, Speed};
use panes::{Panes, WINDOWS, Window};
use state::State;
use std::convert::Infallible;
use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// A sink that counts, from where it is taken now and then.
struct Counting<'a> {
    plan: &'a Plan,
    fresh: Mutex<Panes>,
}

impl Counting<'_> {
    /// What was counted since this was asked last.
    fn take(&self) -> Panes {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        let next = fresh.emptied();
        std::mem::replace(&mut *fresh, next)
    }
}

impl Sink for Counting<'_> {
    type Piece = Rows;
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    /// Rows are counted in their order, when they are accepted: windows go by the time behind them.
    fn encode(&self, rows: Rows, _: &Pool) -> Rows {
        rows
    }

    fn size(&self, rows: &Rows) -> usize {
        rows.size()
    }

    fn accept(&self, _: usize, rows: &Rows) -> Result<(), Infallible> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner).add(rows, &self.plan.context);
        Ok(())
    }

    fn recycle(&self, rows: Rows, pool: &Pool) {
        pool.recycle(rows);
    }
}

/// What runs while somebody looks.
struct Session<'a> {
    /// What is looked at, in a word.
    source: String,
    plan: &'a Plan,
    /// Of --sample.
    sample: Option<OsString>,
    counting: &'a Counting<'a>,
    watch: &'a Watch,
    /// Of captures.
    pace: Option<&'a Pace>,
    /// What live sources count.
    counts: live::Named,
    /// What came of the run, once it has ended.
    ended: OnceLock<Result<Outcome, InputError>>,
    /// Whether the engine has gone, in whichever way.
    is_gone: AtomicBool,
    interval: Duration,
}

/// Notes that the engine has gone, even if it panics.
struct Leave<'a>(&'a AtomicBool);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Session<'_> {
    /// Runs the engine.
    fn run(&self, chunks: impl Chunks, machine: &Machine) {
        let _leave = Leave(&self.is_gone);
        let came = match pipeline::run_on(chunks, self.plan, machine, self.counting, self.watch) {
            Ok(outcome) => Ok(outcome),
            Err(RunError::Sink(never)) => match never {},
            Err(RunError::Capture(error)) => Err(error),
        };
        let _ = self.ended.set(came);
    }
}

/// `dpp top`.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn top(wish: &Top) -> anyhow::Result<()> {
    if wish.sources.is_empty() {
        bail!("dpp top: name a live source, or captures (dpp top --help tells more)")
    }
    let Some(speed) = Speed::read(&wish.speed) else {
        bail!("--speed '{}': allowed are numbers from 0.001, such as 1 or 10, and max", wish.speed)
    };
    let (window, interval) = (window(&wish.window)?, interval(wish)?);
    let manner = manner(&wish.joined, false)?;
    let plan = plan(wish, manner)?;
    let machine = Machine::new(workers(wish.workers.threads.clone())?, RandomState::new().hash_one(0));
    let sources = sources(wish)?;
    parts::refuse(&sources)?;
    if !io::stdout().is_terminal() {
        bail!(
            "dpp top draws on a terminal, and standard output is none; dpp stats tells the same figures once"
        )
    }
    let is_live = sources.iter().any(Input::is_live);
    let mut state = State::new(window, (!is_live).then_some(speed));
    state.is_colored = std::env::var_os("NO_COLOR").is_none_or(|said| said.is_empty());
    state.condition =
        wish.selection.filter.as_ref().map_or_else(String::new, |text| text.to_string_lossy().into_owned());
    let source = match &sources[..] {
        [one] => one.file_name(),
        many => format!("{} {}", many.len(), if is_live { "sources" } else { "captures" }),
    };
    let stage = Stage { source, plan, sample: wish.selection.sample.clone(), machine, interval };
    match is_live {
        true => of_sources(&sources, stage, state),
        false => of_captures(sources, manner, stage, state, speed),
    }
}

/// What a session is made of.
struct Stage {
    source: String,
    plan: Plan,
    sample: Option<OsString>,
    machine: Machine,
    interval: Duration,
}

/// Looks at captures.
fn of_captures(
    sources: Vec<Input>,
    manner: Manner,
    mut stage: Stage,
    state: State,
    speed: Speed,
) -> anyhow::Result<()> {
    check_merged(manner, &sources)?;
    let ends = Ends::default();
    let opener = Opener::new(manner, Arc::clone(&ends.sources));
    let sources = opener.look(sources)?;
    let opened = opener.captures(sources)?;
    if opened.is_empty() {
        bail!("none of the captures can be read")
    }
    stage.plan.sparse = opened.is_sparse();
    let settings = Settings {
        bytes: stage.machine.chunk_bytes,
        packets: CHUNK_PACKETS_MAX,
        jump_ns: stage.plan.limits.jump_ns,
        monotonic: false,
        merge: stage.plan.merge,
    };
    let pace = Pace::new(speed);
    let explain = |error| opener.explain(error);
    let cutter = Cutter::new(opened, settings).map_err(explain)?;
    let looked = look(Paced::new(cutter, &pace), &stage, state, &ends, Some(&pace), Vec::new());
    match looked? {
        Some(error) => Err(opener.explain(error)),
        None => Ok(()),
    }
}

/// Looks at live sources.
fn of_sources(sources: &[Input], mut stage: Stage, state: State) -> anyhow::Result<()> {
    stage.plan.sparse =
        sources.iter().any(|input| matches!(input, Input::Live(address) if address.is_sparse()));
    let ends = Ends::default();
    let opened = live::look(sources, &stage.plan.ports)?;
    let (feed, threads, counts) = opened.start(&stage.plan, Arc::clone(&ends.sources))?;
    let looked = look(feed, &stage, state, &ends, None, counts);
    ends.end();
    for thread in threads {
        let _ = thread.join();
    }
    match looked? {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// How long a signal waits for the screen to notice.
const SOON: Duration = Duration::from_secs(2);

/// How everything ends: the run is told before the sources, whose end must not look like the capture's.
#[derive(Clone)]
struct Ends {
    watch: Arc<Watch>,
    sources: Arc<AtomicBool>,
}

impl Default for Ends {
    fn default() -> Self {
        Ends { watch: Arc::new(Watch::live()), sources: Arc::default() }
    }
}

impl Ends {
    fn end(&self) {
        self.watch.stop.store(true, Ordering::SeqCst);
        self.sources.store(true, Ordering::SeqCst);
    }

    /// The same, whatever the terminal does: who reads keys from one that has gone may never come back. There is nothing to lose.
    fn end_soon(&self) {
        self.end();
        thread::spawn(|| {
            thread::sleep(SOON);
            screen::give_back();
            process::exit(1);
        });
    }

    fn are_near(&self) -> bool {
        self.watch.stop.load(Ordering::SeqCst)
    }
}

/// Runs the engine and the screen beside it. Gives why the captures could not be read further, if that is so.
fn look(
    chunks: impl Chunks,
    stage: &Stage,
    state: State,
    ends: &Ends,
    pace: Option<&Pace>,
    counts: live::Named,
) -> anyhow::Result<Option<InputError>> {
    let counting = Counting { plan: &stage.plan, fresh: Mutex::default() };
    let session = Session {
        source: stage.source.clone(),
        plan: &stage.plan,
        sample: stage.sample.clone(),
        counting: &counting,
        watch: &ends.watch,
        pace,
        counts,
        ended: OnceLock::new(),
        is_gone: AtomicBool::new(false),
        interval: stage.interval,
    };
    let at_signal = ends.clone();
    signals::listen_at_terminal(move || at_signal.end_soon(), screen::give_back)
        .context("cannot listen to signals")?;
    let looked = thread::scope(|scope| {
        scope.spawn(|| session.run(chunks, &stage.machine));
        let looked = screen::look(&session, state, ends);
        ends.end();
        pace.into_iter().for_each(Pace::end);
        looked
    });
    looked?;
    Ok(session.ended.into_inner().and_then(Result::err))
}

fn window(text: &str) -> anyhow::Result<Window> {
    match WINDOWS.iter().find(|row| row.1 == text) {
        Some((window, _)) => Ok(*window),
        None => {
            let names = WINDOWS.iter().map(|row| row.1);
            let hint = did_you_mean(text, names.clone());
            bail!("--window '{text}': allowed are {}{hint}", names.collect::<Vec<_>>().join(", "))
        }
    }
}

fn interval(wish: &Top) -> anyhow::Result<Duration> {
    let interval = time::of_option("--interval", &wish.interval)?;
    if !(Duration::from_millis(100)..=Duration::from_secs(60)).contains(&interval) {
        bail!("--interval: allowed are times from 100ms to 60s, such as 500ms or 2s")
    }
    Ok(interval)
}

/// Live sources, or captures.
fn sources(wish: &Top) -> anyhow::Result<Vec<Input>> {
    let words: Vec<OsString> = wish.sources.iter().map(|path| path.clone().into_os_string()).collect();
    let is_live =
        |word: &OsString| matches!(word.to_str().map(live::Address::parse), Some(Ok(Some(_)) | Err(_)));
    if words.iter().any(is_live) {
        if let Some(file) = words.iter().find(|word| !is_live(word)) {
            bail!("'{}' is no live source, and others are; look at one kind at a time", file.display())
        }
        return Ok(inputs::sources(&words)?.captures);
    }
    let search = Search { recursive: wish.joined.recursive, ..Search::default() };
    Ok(inputs::all(&wish.sources, search)?.captures)
}

fn plan(wish: &Top, manner: Manner) -> anyhow::Result<Plan> {
    let lookups = Lookups { geoip: Vec::new(), psl: wish.psl.clone(), servers: None, server_template: None };
    Ok(Plan {
        match_timeout_ns: check_timeout(&wish.timeout.match_timeout_ms)?,
        ports: plan::ports(&wish.messages.reading.port)?,
        context: lookups::context(&lookups)?.0,
        sink_needs: Summary::NEEDS,
        select: plan::select(wish.selection.filter.as_deref(), wish.selection.sample.as_deref())?,
        duplicates_ns: wish.messages.dedup_packets.as_deref().map(plan::window_ns).transpose()?,
        merge: manner.merge,
        steered: true,
        ..Plan::default()
    })
}
