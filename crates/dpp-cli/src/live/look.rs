//! Live sources for somebody who only looks: `dpp top`. No service, no files, no sandbox.

use super::sources::{self, Opened};
use super::{INTERVAL, QUEUE_BYTES};
use crate::inputs::Input;
use anyhow::Context;
use dpp::pipeline::Machine;
use dpp::plan::{Plan, Ports};
use dpp_source::live::{Counts, Feed, Pace, Queue};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

/// Sources that are open, with what each is called.
pub(crate) struct Looked(Vec<(String, Box<dyn Opened>)>);

/// What sources count, by their names.
pub(crate) type Named = Vec<(String, Arc<Counts>)>;

/// Opens live sources.
///
/// # Errors
/// What stands against one of them, and what to do.
pub(crate) fn look(inputs: &[Input], ports: &Ports) -> anyhow::Result<Looked> {
    let open = |input: &Input| match input {
        Input::Live(address) => Ok((input.path(), sources::open(address, ports)?)),
        _ => unreachable!("live sources only"),
    };
    inputs.iter().map(open).collect::<anyhow::Result<_>>().map(Looked)
}

impl Looked {
    /// Starts all sources, which end when `stop` is set: the capture of all, their threads, and what they count.
    ///
    /// # Errors
    /// The system's, if there can be no thread.
    pub(crate) fn start(
        self,
        plan: &Plan,
        stop: Arc<AtomicBool>,
    ) -> anyhow::Result<(Feed, Vec<JoinHandle<()>>, Named)> {
        let queue = Queue::new(QUEUE_BYTES, stop);
        let (mut threads, mut named) = (Vec::new(), Named::new());
        for (number, (name, source)) in self.0.into_iter().enumerate() {
            let counts = Arc::<Counts>::default();
            let started = source.start(&queue, number as u32, Arc::clone(&counts));
            threads.extend(started.with_context(|| format!("cannot start '{name}'"))?);
            named.push((name, counts));
        }
        let bytes = Machine::new(NonZeroUsize::MIN, 0).chunk_bytes;
        let pace = Pace { bytes, interval: INTERVAL, jump_ns: plan.limits.jump_ns };
        Ok((Feed::new(queue, pace), threads, named))
    }
}
