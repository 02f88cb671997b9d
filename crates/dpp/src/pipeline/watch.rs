//! [`Watch`]: what a run tells while it runs, and how to stop it.
//!
//! The engine has no clock, so it cannot tell "each second"; it tells when it is asked. Whoever wants to see totals asks,
//! and the worker that cuts the next chunk adds up what all have counted. A live capture has a chunk soon, even where
//! nothing comes, so the answer is as old as the asker is patient. A run over files asks nothing and pays nothing.

use crate::filter::Select;
use crate::stats::Totals;
use crate::table::Context;
use crate::tallies::rssac::Rssac;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a run tells while it runs, and how to stop it. Of several runs, one after the other, it tells the sum.
#[derive(Debug, Default)]
pub struct Watch {
    /// Set it, and the run stops reading and finishes what was read.
    pub stop: AtomicBool,
    /// Packets cut so far.
    pub packets: AtomicU64,
    /// `None` if nobody will ask.
    running: Option<Running>,
    /// Which transactions are rows, if that is not what the plan says any more.
    selection: Mutex<Option<Arc<Selection>>>,
}

/// Which transactions are rows, and the tables that conditions look into, as they are without anything hidden.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) select: Select,
    pub(super) context: Context,
}

#[derive(Debug, Default)]
struct Running {
    /// Somebody has asked, and there was no answer yet.
    asked: AtomicBool,
    sums: Mutex<Sums>,
}

#[derive(Debug, Default)]
struct Sums {
    /// Of runs that have come to their end.
    before: Told,
    /// Of the one that runs.
    now: Told,
    /// What was counted for RSSAC002 since it was taken; it is in neither.
    rssac: Option<Box<Rssac>>,
    answers: u64,
}

/// What was counted so far.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// As in [`Outcome`](super::Outcome), but the sums of law 3 need not close yet. It has no examples of skips, for positions in
    /// different runs must not be mixed.
    pub totals: Totals,
    /// Rows that the sink has accepted.
    pub rows: u64,
}

impl Told {
    fn merge(&mut self, other: &Told) {
        self.totals.merge(&other.totals);
        self.totals.skips.forget_first();
        self.rows += other.rows;
    }
}

impl Sums {
    /// Takes what is large out of totals, so that it is neither copied nor told twice.
    fn take_rssac(&mut self, totals: &mut Totals) {
        match (&mut self.rssac, totals.rssac.take()) {
            (Some(mine), Some(theirs)) => mine.absorb(*theirs),
            (mine, theirs) => *mine = mine.take().or(theirs),
        }
    }
}

impl Watch {
    /// One whose totals can be seen while it runs.
    pub fn live() -> Watch {
        Watch { running: Some(Running::default()), ..Watch::default() }
    }

    /// From the next chunk on these transactions are rows, whatever the plan says. It must be [`steered`](crate::plan::Plan::steered),
    /// and what the selection needs be kept.
    pub fn select(&self, select: Select, context: &Context) {
        let selection = Selection { select, context: context.unhidden() };
        *self.selection.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(selection));
    }

    pub(super) fn selection(&self) -> Option<Arc<Selection>> {
        self.selection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for what was counted so far; the run answers when it cuts its next chunk.
    pub fn ask(&self) {
        if let Some(running) = &self.running {
            running.asked.store(true, Ordering::Relaxed);
        }
    }

    /// The latest answer, and all of the runs that have ended. Each number only ever grows. Nothing where nobody may ask.
    pub fn told(&self) -> Told {
        let Some(sums) = self.sums() else { return Told::default() };
        let mut told = sums.before.clone();
        told.merge(&sums.now);
        told
    }

    /// What was counted for RSSAC002 since it was taken last, as far as it was told.
    pub fn take_rssac(&self) -> Option<Box<Rssac>> {
        self.sums()?.rssac.take()
    }

    /// How often it was answered: if this grows where somebody asks, the engine works.
    pub fn answers(&self) -> u64 {
        self.sums().map_or(0, |sums| sums.answers)
    }

    fn sums(&self) -> Option<MutexGuard<'_, Sums>> {
        Some(self.running.as_ref()?.sums.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether somebody wants an answer.
    #[inline]
    pub(super) fn is_asked(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.asked.load(Ordering::Relaxed))
    }

    /// Answers, if nobody else has by now. The lock is held while `count` adds up, so that no older sum comes behind a newer.
    pub(super) fn tell(&self, count: impl FnOnce() -> (Totals, u64)) {
        let Some(mut sums) = self.sums() else { return };
        let is_mine =
            self.running.as_ref().is_some_and(|running| running.asked.swap(false, Ordering::Relaxed));
        if is_mine {
            let (mut totals, rows) = count();
            sums.take_rssac(&mut totals);
            sums.now = Told { totals, rows };
            sums.answers += 1;
        }
    }

    /// A run has failed: what it told last is what is known of it.
    pub(super) fn give_up(&self) {
        if let Some(mut sums) = self.sums() {
            let last = std::mem::take(&mut sums.now);
            sums.before.merge(&last);
        }
    }

    /// A run has ended, with these figures.
    pub(super) fn settle(&self, totals: &mut Totals, rows: u64) {
        if let Some(mut sums) = self.sums() {
            sums.take_rssac(totals);
            sums.before.merge(&Told { totals: totals.clone(), rows });
            sums.now = Told::default();
            sums.answers += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(messages: u64) -> Totals {
        Totals { messages, ..Totals::default() }
    }

    fn seen(watch: &Watch) -> (u64, u64, u64) {
        let Told { totals, rows } = watch.told();
        (totals.messages, rows, watch.answers())
    }

    #[test]
    fn an_answer_comes_once_for_each_question() {
        let watch = Watch::live();
        watch.tell(|| unreachable!("nobody has asked"));
        watch.ask();
        assert!(watch.is_asked());
        watch.tell(|| (messages(3), 2));
        watch.tell(|| unreachable!("it was answered"));
        assert_eq!(seen(&watch), (3, 2, 1));
    }

    #[test]
    fn runs_add_up() {
        let watch = Watch::live();
        watch.ask();
        watch.tell(|| (messages(3), 2));
        watch.settle(&mut messages(4), 3);
        assert_eq!(seen(&watch), (4, 3, 2));
        watch.ask();
        watch.tell(|| (messages(1), 1));
        assert_eq!(seen(&watch), (5, 4, 3));
        watch.give_up();
        assert_eq!(seen(&watch), (5, 4, 3), "of a run that failed too");
    }

    #[test]
    fn what_was_counted_for_rssac_is_given_once() {
        let counted = |others| {
            let mut tally = Box::<Rssac>::default();
            tally.others = others;
            Totals { rssac: Some(tally), ..Totals::default() }
        };
        let watch = Watch::live();
        let taken = || watch.take_rssac().map(|tally| tally.others);
        assert_eq!(taken(), None);
        for others in [3, 4] {
            watch.ask();
            watch.tell(|| (counted(others), 0));
        }
        assert_eq!((taken(), taken()), (Some(7), None));
        let mut last = counted(5);
        watch.settle(&mut last, 0);
        assert_eq!((taken(), last.rssac), (Some(5), None));
        assert_eq!(watch.told().totals.rssac, None);
    }

    #[test]
    fn where_nobody_may_ask_nothing_is_told() {
        let watch = Watch::default();
        watch.ask();
        assert!(!watch.is_asked());
        watch.settle(&mut messages(4), 3);
        assert_eq!(seen(&watch), (0, 0, 0));
    }
}
