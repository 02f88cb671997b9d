//! The rows of a file, as its format asks for them; and again, if the file fails.
//!
//! A format takes rows and writes them when it likes, so when it fails nobody knows which of them the disk has. A copy of those
//! that were taken last is kept until the file is complete. It costs a copy of each row, some ten nanoseconds.

use super::desk::{Desk, Place};
use dpp::pipeline::{Pool, Rows};
use std::collections::VecDeque;

/// The rows of one file.
#[derive(Debug)]
pub(super) struct Feed<'a> {
    desk: &'a Desk,
    place: Place,
    pool: &'a Pool,
    /// Bytes of copies that may be kept.
    retained_max: usize,
    /// Rows that a file which failed had taken, to be taken first.
    again: VecDeque<Rows>,
    /// Copies of the last rows of this attempt.
    retained: VecDeque<Rows>,
    retained_bytes: usize,
    /// Rows that this attempt has taken.
    pub(super) taken: u64,
    /// Those of them of which there is no copy any more: the first.
    pub(super) forgotten: u64,
}

impl<'a> Feed<'a> {
    pub(super) fn new(desk: &'a Desk, place: Place, pool: &'a Pool, retained_max: usize) -> Self {
        Feed {
            desk,
            place,
            pool,
            retained_max,
            again: VecDeque::new(),
            retained: VecDeque::new(),
            retained_bytes: 0,
            taken: 0,
            forgotten: 0,
        }
    }

    /// Waits until there are rows to be taken; `false` if none will come. A file is begun only when it has rows.
    pub(super) fn has_rows(&mut self) -> bool {
        while self.again.is_empty()
            && let Some(rows) = self.desk.next_rows(self.place)
        {
            // A mark behind rows that are in a complete file.
            self.again.extend(Some(rows).filter(|rows| !rows.is_empty()));
        }
        !self.again.is_empty()
    }

    fn retain(&mut self, rows: &Rows) {
        let copy = copy(rows, 0..rows.len());
        self.retained_bytes += copy.size();
        self.retained.push_back(copy);
        while self.retained_bytes > self.retained_max
            && let Some(first) = self.retained.pop_front()
        {
            self.retained_bytes -= first.size();
            self.forgotten += first.len() as u64;
            self.pool.recycle(first);
        }
    }

    /// The file is complete: the next one begins with the rows behind its.
    pub(super) fn forget(&mut self) {
        self.retained.drain(..).for_each(|rows| self.pool.recycle(rows));
        (self.retained_bytes, self.taken, self.forgotten) = (0, 0, 0);
    }

    /// The file has failed, and so many of its first rows need not be written again. The others come again, as far as there is
    /// a copy of them.
    pub(super) fn rewind(&mut self, safe: u64) {
        let mut safe = safe.saturating_sub(self.forgotten) as usize;
        let mut again = VecDeque::new();
        for rows in self.retained.drain(..) {
            let skipped = safe.min(rows.len());
            safe -= skipped;
            match skipped {
                0 => again.push_back(rows),
                _ if skipped == rows.len() => self.pool.recycle(rows),
                _ => again.push_back(copy(&rows, skipped..rows.len())),
            }
        }
        again.append(&mut self.again);
        self.again = again;
        self.forget();
    }
}

impl Iterator for Feed<'_> {
    type Item = Rows;

    fn next(&mut self) -> Option<Rows> {
        let rows = self.again.pop_front().or_else(|| self.desk.next_rows(self.place))?;
        if !rows.is_empty() {
            self.taken += rows.len() as u64;
            self.retain(&rows);
        }
        Some(rows)
    }
}

/// Some of these rows.
pub(super) fn copy(rows: &Rows, numbers: std::ops::Range<usize>) -> Rows {
    let mut copy = rows.mark();
    numbers.for_each(|number| copy.push(rows, number));
    copy
}
