//! [`Pulse`]: whether the service lives, and whether it is ready.
//!
//! A process that exists may hang all the same, so life is that the engine goes on: it answers who asks
//! ([`Watch::ask`]), also where no packet comes. The watchdog of systemd and `/health` both ask the pulse. An output that waits
//! for a disk stops the engine on purpose, and files that are finished at the end take their time; that is no reason to be
//! killed and started again, and an [`Excuse`] says so.

use dpp::pipeline::Watch;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An engine that has not answered for so long hangs: it is asked each second, and a chunk takes far less.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Whether the service lives.
pub(crate) struct Pulse {
    last: Mutex<(u64, Instant)>,
    is_ready: AtomicBool,
    /// Whether the last file could not be written.
    is_failing: AtomicBool,
    /// How many excuses there are.
    excuses: AtomicUsize,
}

/// As long as this is there, the engine may stand still: the output waits for a disk, or is being finished.
pub(crate) struct Excuse<'a>(&'a Pulse);

impl Drop for Excuse<'_> {
    fn drop(&mut self) {
        self.0.excuses.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pulse {
    /// It lives, and is not ready yet.
    pub(crate) fn new() -> Pulse {
        let last = Mutex::new((0, Instant::now()));
        Pulse {
            last,
            is_ready: AtomicBool::default(),
            is_failing: AtomicBool::default(),
            excuses: AtomicUsize::new(0),
        }
    }

    /// Asks the engine for a sign of life. Called each second.
    pub(crate) fn beat(&self, watch: &Watch) {
        self.beat_at(watch, Instant::now());
    }

    fn beat_at(&self, watch: &Watch, now: Instant) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = watch.answers();
        if answers != last.0 || self.is_excused() {
            *last = (answers, now);
        }
        watch.ask();
    }

    /// Everything is open and packets are taken, or not any more.
    pub(crate) fn set_ready(&self, is_ready: bool) {
        self.is_ready.store(is_ready, Ordering::Relaxed);
    }

    /// A file could not be written; or one could again.
    pub(crate) fn set_failing(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::Relaxed);
    }

    /// The engine stands still for a reason, until this is dropped.
    pub(crate) fn excuse(&self) -> Excuse<'_> {
        self.excuses.fetch_add(1, Ordering::Relaxed);
        Excuse(self)
    }

    /// What stands against packets being taken and rows being written; nothing if it is ready.
    pub(crate) fn obstacles(&self) -> impl Iterator<Item = &'static str> {
        let obstacles = [
            (!self.is_ready.load(Ordering::Relaxed), "it begins, or ends"),
            (!self.is_alive(), "the engine does not answer"),
            (self.is_excused(), "the output takes long, or is being finished"),
            (self.is_failing.load(Ordering::Relaxed), "the last file could not be written; the log says why"),
        ];
        obstacles.into_iter().filter_map(|(is_so, what)| is_so.then_some(what))
    }

    #[cfg(test)]
    fn is_ready(&self) -> bool {
        self.obstacles().next().is_none()
    }

    /// Whether the engine goes on, or has a reason not to.
    pub(crate) fn is_alive(&self) -> bool {
        self.is_alive_at(Instant::now())
    }

    fn is_alive_at(&self, now: Instant) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).1;
        now.saturating_duration_since(last) < SILENCE_MAX
    }

    fn is_excused(&self) -> bool {
        self.excuses.load(Ordering::Relaxed) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_does_not_answer_is_dead_unless_it_waits_for_a_disk() {
        let (pulse, watch, start) = (Pulse::new(), Watch::live(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        pulse.beat_at(&watch, after(1));
        assert!(pulse.is_alive_at(after(29)));
        assert!(!pulse.is_alive_at(after(32)));
        pulse.set_ready(true);
        let (disk, end) = (pulse.excuse(), pulse.excuse());
        pulse.beat_at(&watch, after(33));
        assert!(pulse.is_alive_at(after(34)) && !pulse.is_ready());
        drop(disk);
        pulse.beat_at(&watch, after(90));
        assert!(pulse.is_alive_at(after(91)));
        drop(end);
        pulse.beat_at(&watch, after(92));
        assert!(pulse.is_alive_at(after(93)) && !pulse.is_alive_at(after(121)));
    }

    #[test]
    fn what_lives_may_not_be_ready_yet() {
        let pulse = Pulse::new();
        assert!(pulse.is_alive() && !pulse.is_ready());
        pulse.set_ready(true);
        assert!(pulse.is_ready());
    }
}
