//! A run on live sources, from opening them to the report.
//!
//! The order matters: everything that takes privileges or may fail for what the user said is opened first; only then the
//! sources' threads begin. A first SIGINT or SIGTERM ends the sources, what they have is worked on, and files become complete; a
//! second one ends the process at once.

use super::Wish;
use super::sources::{self, Opened};
use crate::captures::Opener;
use crate::checks::Job;
use crate::inputs::Input;
use crate::output::Target;
use crate::report::{self, Account, Times};
use crate::run::{Intake, Work};
use crate::signals;
use anyhow::Context;
use dpp::pipeline::{Machine, Watch};
use dpp_source::live::{Counts, Feed, Pace, Queue};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Reads live sources until a signal, and reports.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn run(job: &Job, wish: &Wish) -> anyhow::Result<()> {
    let started = Instant::now();
    let (watch, stop) = (Arc::<Watch>::default(), Arc::<AtomicBool>::default());
    signals::listen_live(Arc::clone(&stop)).context("cannot listen to signals")?;
    let opened = open(job)?;
    let queue = Queue::new(wish.queue_bytes, Arc::clone(&stop));
    let pace = Pace {
        bytes: Machine::new(NonZeroUsize::MIN, 0).chunk_bytes,
        interval: wish.interval,
        jump_ns: job.plan.limits.jump_ns,
    };
    report::banner(job);
    let mut threads = Vec::new();
    for (number, source) in opened.into_iter().enumerate() {
        let name = job.captures[number].name();
        let counts = Arc::<Counts>::default();
        threads.extend(
            source.start(&queue, number as u32, counts).with_context(|| format!("cannot start {name}"))?,
        );
    }
    let opener = Opener::new(job.manner, Arc::default());
    let work = Work { job, set: None, watch: &watch, opener: &opener };
    let Target::One(output) = &job.target else { unreachable!("live sources have one output") };
    let done = work.write(Intake::Live(Feed::new(Arc::clone(&queue), pace)), output.clone());
    // Where the run ends by itself, nobody takes what the sources have.
    stop.store(true, Ordering::SeqCst);
    for thread in threads {
        let _ = thread.join();
    }
    let tables = vec![done?];
    let times = Times::new(&tables, started.elapsed());
    let log = std::mem::take(&mut *opener.log());
    let account = Account::new(job, tables, log, times);
    account.tell().context(crate::output::STDOUT)
}

/// Opens all sources.
fn open(job: &Job) -> anyhow::Result<Vec<Box<dyn Opened>>> {
    let one = |input: &Input| match input {
        Input::Live(address) => sources::open(address, &job.plan.ports),
        _ => unreachable!("live sources only"),
    };
    job.captures.iter().map(one).collect()
}
