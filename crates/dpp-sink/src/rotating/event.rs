//! What becomes of files, told while it happens, and counted.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Something that the user of a service wants to read in its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A file is complete and has its name.
    FileComplete {
        /// The file.
        path: PathBuf,
        /// Its rows.
        rows: u64,
        /// Its length.
        bytes: u64,
    },
    /// A file could not be written. Its rows that are still in memory will be written to another, after a while.
    FileFailed {
        /// What it would have been called.
        path: PathBuf,
        /// Why, with all causes.
        error: String,
        /// What was left of it.
        left: Left,
    },
    /// Rows were dropped since this was told last, because they could not be written and there was no more room for them.
    RowsDropped {
        /// How many.
        rows: u64,
    },
    /// Rows that went into the file of another period than theirs, since this was told last: they came late, or were dated
    /// after the capture's clock.
    RowsMisfiled {
        /// How many.
        rows: u64,
    },
    /// The command that follows a file could not be run, or did not succeed.
    HookFailed {
        /// The file.
        path: PathBuf,
        /// Why.
        error: String,
    },
    /// The run is over but for commands, which it waits for.
    HooksAwaited {
        /// Files whose command has not ended.
        files: u64,
        /// How long at most.
        patience: Duration,
    },
}

/// What was left of a file that could not be finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing, or nothing that is not still in memory.
    Nothing,
    /// It was finished with the rows it had; a [`Event::FileComplete`] tells of it.
    Finished,
    /// It is called this now; so many of its rows are nowhere else.
    SetAside {
        /// Where it is.
        path: PathBuf,
        /// Rows that only this file may have.
        rows: u64,
    },
}

/// Takes events, in the thread in which they happen; it should be quick.
pub type Tell = Box<dyn Fn(Event) + Send + Sync>;

/// What was counted. Every row that was handed over is in `rows`, `rows_set_aside` or `rows_dropped`, or still waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files that are complete.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that could not be written or finished; each attempt is one.
    pub failures: u64,
    /// Rows that went into the file of another period than theirs: it had ended, or had not begun by the capture's clock.
    pub rows_misfiled: u64,
    /// Rows of files that were set aside, and that are nowhere else.
    pub rows_set_aside: u64,
    /// Rows that were dropped because they could not be written.
    pub rows_dropped: u64,
    /// Commands that failed.
    pub hooks_failed: u64,
}

/// The same while it is counted, by several threads.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) files: AtomicU64,
    pub(super) rows: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) rows_misfiled: AtomicU64,
    /// Those of which an event has told.
    pub(super) rows_misfiled_told: AtomicU64,
    pub(super) rows_set_aside: AtomicU64,
    pub(super) rows_dropped: AtomicU64,
    /// Those of which no event has told.
    pub(super) rows_dropped_untold: AtomicU64,
    pub(super) hooks_failed: AtomicU64,
}

impl Tally {
    pub(super) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            files: read(&self.files),
            rows: read(&self.rows),
            bytes: read(&self.bytes),
            failures: read(&self.failures),
            rows_misfiled: read(&self.rows_misfiled),
            rows_set_aside: read(&self.rows_set_aside),
            rows_dropped: read(&self.rows_dropped),
            hooks_failed: read(&self.hooks_failed),
        }
    }

    pub(super) fn drop_rows(&self, rows: u64) {
        add(&self.rows_dropped, rows);
        add(&self.rows_dropped_untold, rows);
    }
}

/// Counts so many more.
pub(super) fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}
