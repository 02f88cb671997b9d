//! Where rows wait between the one who sorts them into files and the threads that write these.
//!
//! There are a few *slots*, each with its thread, so that a file is filled while the ones before it are still on their way to the
//! disk. All is behind one lock, which is taken for some chunk's rows at a time. The surprising fact: who hands rows over waits
//! when there are too many, and so the capture waits; but not for a file that has failed, if the source cannot wait. Then rows are
//! dropped, by those who count them.

use super::{Overflow, Rules};
use dpp::limits::ROTATING_FILES_MAX;
use dpp::pipeline::Rows;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a file is called after, and what holds for it.
#[derive(Clone, Debug)]
pub(super) struct Title {
    pub(super) time_ns: i64,
    pub(super) sequence: u64,
    pub(super) rules: Arc<Rules>,
}

/// A place for a file, by its number.
pub(super) type Place = usize;

#[derive(Debug)]
pub(super) struct Desk {
    state: Mutex<State>,
    changed: Condvar,
    overflow: Overflow,
    /// Bytes that may wait for one file.
    waiting_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    slots: [Slot; ROTATING_FILES_MAX],
    /// No more rows will come.
    is_over: bool,
    /// A thread panicked.
    is_lost: bool,
}

#[derive(Debug, Default)]
struct Slot {
    /// The file, until it is complete.
    title: Option<Title>,
    rows: VecDeque<Rows>,
    bytes: usize,
    /// All its rows have come.
    is_closed: bool,
    /// It could not be written, and waits to be tried again.
    has_failed: bool,
}

impl Desk {
    pub(super) fn new(overflow: Overflow, waiting_bytes: usize) -> Desk {
        Desk { state: Mutex::default(), changed: Condvar::new(), overflow, waiting_bytes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something others wait for.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.lock());
        self.changed.notify_all();
        done
    }

    /// Begins a file, once there is a place for it. `None` if there is none, as all files in the making have failed.
    pub(super) fn begin(&self, title: Title) -> Option<Place> {
        let mut state = self.lock();
        loop {
            assert!(!state.is_lost, "a thread that writes files panicked");
            if let Some(place) = state.slots.iter().position(|slot| slot.title.is_none()) {
                state.slots[place] = Slot { title: Some(title), ..Slot::default() };
                drop(state);
                self.changed.notify_all();
                return Some(place);
            }
            if self.overflow == Overflow::Drop && state.slots.iter().all(|slot| slot.has_failed) {
                return None;
            }
            state = self.wait(state);
        }
    }

    /// Hands rows to a file. Gives them back if it has failed and no more can wait for it.
    pub(super) fn put(&self, place: Place, rows: Rows) -> Result<(), Rows> {
        let size = rows.size();
        let mut state = self.lock();
        loop {
            assert!(!state.is_lost, "a thread that writes files panicked");
            let slot = &mut state.slots[place];
            // A chunk alone may be of any size.
            if slot.rows.is_empty() || slot.bytes + size <= self.waiting_bytes {
                slot.bytes += size;
                slot.rows.push_back(rows);
                drop(state);
                self.changed.notify_all();
                return Ok(());
            }
            if self.overflow == Overflow::Drop && slot.has_failed {
                return Err(rows);
            }
            state = self.wait(state);
        }
    }

    /// Says that the rows of a file up to here are due. Of several marks that wait behind each other the last is enough.
    pub(super) fn mark(&self, place: Place, mark: Rows) {
        self.change(|state| {
            let rows = &mut state.slots[place].rows;
            rows.pop_back_if(|last| last.is_empty());
            rows.push_back(mark);
        });
    }

    /// All rows of a file have come.
    pub(super) fn close(&self, place: Place) {
        self.change(|state| state.slots[place].is_closed = true);
    }

    /// No more rows will come at all.
    pub(super) fn end(&self) {
        self.change(|state| {
            state.is_over = true;
            state.slots.iter_mut().for_each(|slot| slot.is_closed = true);
        });
    }

    /// A thread panicked, and nobody must wait for it.
    pub(super) fn lose(&self) {
        self.change(|state| state.is_lost = true);
    }

    pub(super) fn is_over(&self) -> bool {
        self.lock().is_over
    }

    /// Bytes of rows that wait.
    pub(super) fn waiting(&self) -> usize {
        self.lock().slots.iter().map(|slot| slot.bytes).sum()
    }

    /// The next file of a place; `None` if none will come.
    pub(super) fn next_file(&self, place: Place) -> Option<Title> {
        let mut state = self.lock();
        loop {
            if let Some(title) = &state.slots[place].title {
                return Some(title.clone());
            }
            if state.is_over {
                return None;
            }
            state = self.wait(state);
        }
    }

    /// The next rows of the file at this place; `None` if that is all.
    pub(super) fn next_rows(&self, place: Place) -> Option<Rows> {
        let mut state = self.lock();
        loop {
            let slot = &mut state.slots[place];
            if let Some(rows) = slot.rows.pop_front() {
                slot.bytes -= rows.size();
                drop(state);
                self.changed.notify_all();
                return Some(rows);
            }
            if slot.is_closed {
                return None;
            }
            state = self.wait(state);
        }
    }

    /// The file at this place has failed: waits so long, or until no more rows will come.
    pub(super) fn wait_to_retry(&self, place: Place, pause: Duration) {
        self.change(|state| state.slots[place].has_failed = true);
        let begin = Instant::now();
        let mut state = self.lock();
        while !state.is_over
            && let Some(left) = pause.checked_sub(begin.elapsed()).filter(|left| !left.is_zero())
        {
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.slots[place].has_failed = false;
    }

    /// The file at this place is done with, and another may be begun there.
    pub(super) fn leave(&self, place: Place) {
        self.change(|state| state.slots[place] = Slot::default());
    }
}
