//! The threads that write files, each one after the other.
//!
//! A file that fails is not the end of anything: what is good of it is saved, what is still in memory is written to the next one,
//! after a pause, and so on until it works. When no more rows will come that goes on only while each attempt saves some.

use super::content::Content;
use super::desk::{Place, Title};
use super::event::{Event, Left, add};
use super::feed::Feed;
use super::hook::Hooks;
use super::{Rules, Shared, recover};
use crate::dataset::FileError;
use crate::part_file::{part_path, take_left};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

impl Shared {
    /// Writes the files of a place, until no more will come.
    pub(super) fn work(&self, place: Place) {
        let _lose = Lose(self);
        while let Some(title) = self.desk.next_file(place) {
            self.write_file(place, &title);
            self.desk.leave(place);
        }
    }

    /// Writes a file; several, if it fails.
    fn write_file(&self, place: Place, title: &Title) {
        let rules = &*title.rules;
        let mut feed = Feed::new(&self.desk, place, &self.pool, rules.settings.limits.retained_bytes);
        while feed.has_rows() {
            let is_last = self.desk.is_over();
            let path = self.claim(title);
            let result = self.attempt(&path, &mut feed, rules);
            let has_failed = result.is_err();
            let saved = match result {
                Ok(()) => self.complete(&path, &mut feed, rules),
                Err(error) => self.fail(&path, error.as_ref(), &mut feed, rules),
            };
            self.release(&path);
            if is_last && saved == 0 {
                self.tally.drop_rows(feed.by_ref().map(|rows| rows.len() as u64).sum());
            }
            self.tell_dropped();
            if has_failed && !is_last {
                self.desk.wait_to_retry(place, rules.settings.retry);
            }
        }
    }

    fn attempt(&self, path: &Path, feed: &mut Feed, rules: &Rules) -> Result<(), FileError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .map_err(|error| format!("cannot create '{}': {error}", folder.display()))?;
        }
        rules.format.write(path, feed, &self.pool)
    }

    /// The first name of a file that is free, and nobody else's until it is released.
    fn claim(&self, title: &Title) -> PathBuf {
        let mut claimed = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let template = &title.rules.settings.template;
        let name = |copy| template.path(title.time_ns, title.sequence, copy);
        let is_free = |path: &PathBuf| !claimed.contains(path) && recover::is_free(path);
        let path = (0..=u32::MAX).map(name).find(is_free).expect("folders have fewer files");
        claimed.insert(path.clone());
        path
    }

    fn release(&self, path: &Path) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }

    /// A file has all rows that came. Says how many.
    fn complete(&self, path: &Path, feed: &mut Feed, rules: &Rules) -> u64 {
        let rows = feed.taken;
        assert!(rows > 0, "a format takes the rows that there are");
        feed.forget();
        self.complete_with(path, rows, rules);
        rows
    }

    /// A file has its name, and so many rows.
    fn complete_with(&self, path: &Path, rows: u64, rules: &Rules) {
        let bytes = fs::metadata(path).map_or(0, |known| known.len());
        add(&self.tally.files, 1);
        add(&self.tally.rows, rows);
        add(&self.tally.bytes, bytes);
        (self.tell)(Event::FileComplete { path: path.to_owned(), rows, bytes });
        let Some(hook) = &rules.settings.hook else { return };
        let hooks = self.hooks();
        if hooks.as_ref().is_some_and(|hooks| !hooks.run(hook.clone(), path.to_owned())) {
            add(&self.tally.hooks_failed, 1);
            let error = "too many files wait for their command".to_owned();
            (self.tell)(Event::HookFailed { path: path.to_owned(), error });
        }
    }

    /// A file could not be written: saves what can be saved, and winds its rows back. Says how many rows are in a complete file.
    fn fail(
        &self,
        path: &Path,
        error: &(dyn std::error::Error + 'static),
        feed: &mut Feed,
        rules: &Rules,
    ) -> u64 {
        let (left, safe) = save(path, feed, rules.settings.content);
        add(&self.tally.failures, 1);
        match &left {
            Left::SetAside { rows, .. } => add(&self.tally.rows_set_aside, *rows),
            Left::Nothing | Left::Finished => self.tally.drop_rows(feed.forgotten.saturating_sub(safe)),
        }
        if left == Left::Finished {
            self.complete_with(path, safe, rules);
        }
        feed.rewind(safe);
        (self.tell)(Event::FileFailed { path: path.to_owned(), error: with_causes(error), left });
        safe
    }

    pub(super) fn hooks(&self) -> MutexGuard<'_, Option<Hooks>> {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of rows that are in a file of another time than theirs.
    pub(super) fn tell_misfiled(&self) {
        let rows = self.tally.rows_misfiled.load(Ordering::Relaxed);
        let told = self.tally.rows_misfiled_told.swap(rows, Ordering::Relaxed);
        if rows > told {
            (self.tell)(Event::RowsMisfiled { rows: rows - told });
        }
    }

    /// Tells of rows that were dropped.
    pub(super) fn tell_dropped(&self) {
        let rows = self.tally.rows_dropped_untold.swap(0, Ordering::Relaxed);
        if rows > 0 {
            (self.tell)(Event::RowsDropped { rows });
        }
    }
}

/// Saves what is left of a file that failed. Says also how many of its first rows are in a complete file.
fn save(path: &Path, feed: &Feed, content: Content) -> (Left, u64) {
    let part = part_path(path);
    let kept = |part| (Left::SetAside { path: part, rows: feed.forgotten }, 0);
    let file = match take_left(&part) {
        Ok(Some(file)) => file,
        Ok(None) => return (Left::Nothing, 0),
        Err(_) => return kept(part),
    };
    if content.has_rows()
        && let Ok(Some(extent)) = recover::extent(&file, content)
        && extent.records > 0
        && recover::finish(&part, path, &file, &extent).is_ok()
    {
        return (Left::Finished, extent.records.min(feed.taken));
    }
    // Every retry would leave another one on a disk that is full, and each of their rows will be written again.
    if feed.forgotten == 0 && fs::remove_file(&part).is_ok() {
        return (Left::Nothing, 0);
    }
    kept(recover::set_aside(&part, path).unwrap_or(part))
}

/// An error and what caused it.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut told: Vec<String> = causes.map(ToString::to_string).collect();
    // Transparent errors say what their cause says.
    told.dedup();
    told.join(": ")
}

/// Says so if the thread panics.
struct Lose<'a>(&'a Shared);

impl Drop for Lose<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.desk.lose();
        }
    }
}
