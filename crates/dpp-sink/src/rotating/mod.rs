//! Output that rotates: files that follow each other, for a run that does not end.
//!
//! ```text
//!  rows -> which file? -> wait -> a thread writes the file -> fsync, rename -> a command, in a thread of its own
//!          the one lane   a slot  a few, so that the next file is filled meanwhile
//! ```
//! **Where a file ends.** By time ([`Settings::every`]), aligned to UTC midnight: with the first row whose query time is in a later
//! period. A row of an earlier period that comes late goes into the file that is open, and is counted. A live capture has a clock
//! of its own: where no row comes the file is closed once it is a [`Settings::grace`] past the period, and a row that is dated
//! behind it begins nothing, but counts like a late one. In files, rows of so much earlier, and so many in succession, that no
//! disorder explains them, mean that time has gone back; they begin a file of their own. By rows, exactly;
//! by size, with the row that fills it: bytes of rows as they are kept, before they are encoded and compressed, so that the same
//! rows make the same files. Files without rows are not written.
//!
//! **What can change.** All of that, while rows go on coming ([`Rotating::change`]): the open file is completed by the rules it began
//! under, the next one begins under the new ones, and numbers go on.
//!
//! **What it is called.** A [`Template`], which is read before the first file and refused if files would have the same names. A name that is
//! taken all the same, by an earlier run, gets `-1`, `-2` and so on before its extension: a complete file is never touched.
//!
//! **What happens if it cannot be written.** The run goes on, and what became of the file is told as an [`Event`]. What is
//! good of the file is saved; a copy of the rows it took last is kept until it is complete, and these are written to a new file
//! after [`Settings::retry`], with those that have come since. If too many wait, they are dropped and counted, or the capture
//! waits: that is [`Overflow`]. A run that was killed leaves a part, which [`recover()`] finds at the next start.
//!
//! **When a row can be read.** Formats of lines and dnstap hold nothing back: a row is in the `.part` when its chunk has been
//! accepted. What is compressed holds back a block, an Arrow stream a batch, pcap the last second of packets, to sort them: but
//! no longer than until the feed of a live capture says that rows are due ([`Rows::is_due`]). C-DNS, Parquet and Arrow files are
//! read when they are complete.
//!
//! The surprising fact: [`Sink::accept`] cannot fail here, as there is no error after which a service should stop writing.

mod commands;
mod content;
mod course;
mod desk;
mod event;
mod feed;
mod hook;
mod recover;
mod template;
#[cfg(test)]
mod tests;
mod writer;

pub use commands::Commands;
pub use content::Content;
pub use event::{Counts, Event, Left, Tell};
pub use hook::Hook;
pub use recover::{Done, Recovered, recover};
pub use template::{Template, TemplateError};

use crate::dataset::{FileFormat, units};
use course::Course;
use desk::{Desk, Place, Title};
use dpp::limits::{ROTATING_FILES_MAX, RotationLimits};
use dpp::pipeline::{Pool, Rows, Sink};
use event::Tally;
use hook::Hooks;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Where files end, what they are called, and what is done about them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What files are called.
    pub template: Template,
    /// The length of a period: seconds that divide a day, or days, which are counted from 1970-01-01.
    pub every: Option<Duration>,
    /// The most rows of a file.
    pub rows: Option<NonZeroU64>,
    /// A file that has so many bytes of rows, as they are kept, ends.
    pub bytes: Option<NonZeroU64>,
    /// So long after the end of its period a file is closed although no later row has come: how long a row may take to be
    /// decided, T + R.
    pub grace: Duration,
    /// Whether files hold messages. Then rows of one message, which is written once, are never parted.
    pub of_messages: bool,
    /// What can be saved of a file that was not finished.
    pub content: Content,
    /// How long to wait before a file that failed is tried again.
    pub retry: Duration,
    /// What becomes of rows that cannot be written, beyond those that may wait.
    pub overflow: Overflow,
    /// What to run with the name of each file that is complete.
    pub hook: Option<Hook>,
    /// Where such commands are while they run, for who wants to end them at once.
    pub commands: Arc<Commands>,
    /// The bounds.
    pub limits: RotationLimits,
}

/// What becomes of rows that cannot be written because their file has failed, when as many wait as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// They are dropped, and counted: the capture is live and cannot wait.
    Drop,
    /// The capture waits: it is a file. Only at its end, after one more attempt, are they dropped.
    Wait,
}

impl Settings {
    /// One file that never ends.
    pub fn new(template: Template) -> Settings {
        Settings {
            template,
            every: None,
            rows: None,
            bytes: None,
            grace: Duration::from_millis(2200),
            of_messages: false,
            content: Content::Whole,
            retry: Duration::from_secs(10),
            overflow: Overflow::Drop,
            hook: None,
            commands: Arc::default(),
            limits: RotationLimits::default(),
        }
    }

    /// Looks whether files can be told apart.
    ///
    /// # Errors
    /// What is wrong, and the remedy.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.rows.or(self.bytes).is_some() && !self.template.is_numbered() {
            return Err(SettingsError::NotNumbered);
        }
        let Some(every) = self.every else { return Ok(()) };
        const DAY: u64 = 86_400;
        let seconds = every.as_secs();
        let divides = seconds > 0 && (DAY.is_multiple_of(seconds) || seconds.is_multiple_of(DAY));
        if !divides || every.subsec_nanos() > 0 {
            return Err(SettingsError::Period(every));
        }
        let missing = self.template.missing_for(i64::try_from(seconds).unwrap_or(i64::MAX));
        match missing.is_empty() {
            true => Ok(()),
            false => Err(SettingsError::SameNames { every, missing: missing.join(" ") }),
        }
    }
}

/// What is wrong with settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A period that does not divide a day.
    #[error(
        "files of {0:?} do not begin at the same times each day; take what divides a day, like 60s, 5m, 1h, or days"
    )]
    Period(Duration),
    /// Periods with the same name.
    #[error("files of {every:?} would have the same names; put {missing} (or {{seq}}) into the template")]
    SameNames {
        /// The period.
        every: Duration,
        /// What the template does not tell.
        missing: String,
    },
    /// Files that end by rows or size without a number.
    #[error(
        "files that end after so many rows or bytes would have the same names; put {{seq}} into the template"
    )]
    NotNumbered,
}

/// Why output that rotates cannot begin, or cannot change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The machine has no threads left.
    #[error("no thread can be started to write files, or to run commands")]
    Thread(#[from] io::Error),
}

/// A sink that writes files of one format which follow each other.
///
/// The format should keep what it has of a file that fails ([`PartFile::create_kept`](crate::part_file::PartFile::create_kept)).
pub struct Rotating {
    shared: Arc<Shared>,
    lane: Mutex<Lane>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads that write files have.
struct Shared {
    desk: Desk,
    /// Names that files are being written under.
    names: Mutex<BTreeSet<PathBuf>>,
    tally: Arc<Tally>,
    tell: Arc<Tell>,
    /// Until the end.
    hooks: Mutex<Option<Hooks>>,
    pool: Pool,
}

/// What holds for a file, from its first row to its command.
struct Rules {
    settings: Settings,
    format: Box<dyn FileFormat>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

/// The one who sorts rows into files.
struct Lane {
    course: Course,
    /// What holds for the next file.
    rules: Arc<Rules>,
    /// The time that the open file is called after.
    name_ns: i64,
    /// Where it is being written. There may be a file without a place: all are taken by such as cannot be written.
    place: Option<Place>,
    /// The number of the next file.
    sequence: u64,
}

impl Rotating {
    /// Begins. `tell` is told what becomes of files.
    ///
    /// # Errors
    /// [`StartError`]. Whether files can be written shows only later.
    pub fn new(
        settings: Settings,
        format: impl FileFormat + 'static,
        tell: Tell,
    ) -> Result<Self, StartError> {
        settings.check()?;
        let (tally, tell) = (Arc::<Tally>::default(), Arc::new(tell));
        let mut hooks = Hooks::new(settings.limits.hooks, &settings.commands, &tell, &tally);
        settings.hook.iter().try_for_each(|hook| hooks.expect(hook))?;
        let course = Course::new(&settings);
        let shared = Arc::new(Shared {
            desk: Desk::new(settings.overflow, settings.limits.waiting_bytes),
            names: Mutex::default(),
            tally,
            tell,
            hooks: Mutex::new(Some(hooks)),
            pool: Pool::default(),
        });
        let rules = Arc::new(Rules { settings, format: Box::new(format) });
        let lane = Mutex::new(Lane { course, rules, name_ns: 0, place: None, sequence: 0 });
        let mut rotating = Rotating { shared, lane, threads: Vec::new() };
        for place in 0..ROTATING_FILES_MAX {
            let shared = rotating.shared.clone();
            let thread = Builder::new().name(format!("files-{place}")).spawn(move || shared.work(place))?;
            rotating.threads.push(thread);
        }
        Ok(rotating)
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.shared.tally.counts()
    }

    /// Bytes of rows that wait to be written.
    pub fn waiting_bytes(&self) -> usize {
        self.shared.desk.waiting()
    }

    /// Ends the open file; the next row begins one that these settings hold for, in this format. Files that have begun keep what they
    /// began with, from their name to their command, also where they fail and are tried again. What a run has only once stays as
    /// it is: [`Settings::overflow`], [`Settings::commands`] and [`Settings::limits`].
    ///
    /// # Errors
    /// [`StartError`]; then nothing has changed.
    pub fn change(&self, settings: Settings, format: impl FileFormat + 'static) -> Result<(), StartError> {
        settings.check()?;
        if let (Some(hooks), Some(hook)) = (&mut *self.shared.hooks(), &settings.hook) {
            hooks.expect(hook)?;
        }
        let lane = &mut *self.lane();
        self.close(lane);
        let settings = Settings { limits: lane.rules.settings.limits, ..settings };
        lane.course.change(&settings);
        lane.rules = Arc::new(Rules { settings, format: Box::new(format) });
        Ok(())
    }

    /// Closes the last file and waits for all files and all commands.
    pub fn finish(mut self) -> Counts {
        if let Err(panic) = self.end() {
            std::panic::resume_unwind(panic);
        }
        self.counts()
    }

    fn end(&mut self) -> std::thread::Result<()> {
        self.shared.desk.end();
        let ended: Vec<_> = self.threads.drain(..).map(JoinHandle::join).collect();
        self.shared.tell_dropped();
        self.shared.tell_misfiled();
        let hooks = self.shared.hooks().take();
        if let Some(hooks) = hooks {
            hooks.finish();
        }
        ended.into_iter().collect()
    }

    fn lane(&self) -> MutexGuard<'_, Lane> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sorts rows into files.
    fn sort(&self, lane: &mut Lane, rows: Rows) {
        let Settings { of_messages, bytes, .. } = lane.rules.settings;
        let mut first = 0;
        for unit in units(of_messages, &rows) {
            if let Some(name_ns) = lane.course.begins(rows.get(unit.start).request_ns()) {
                self.hand(lane, feed::copy(&rows, first..unit.start));
                self.close(lane);
                (lane.name_ns, first) = (name_ns, unit.start);
            }
            let count = unit.len() as u64;
            let size = if bytes.is_some() {
                unit.clone().map(|number| rows.row_size(number) as u64).sum()
            } else {
                0
            };
            if lane.course.add(count, size) {
                self.hand(lane, feed::copy(&rows, first..unit.end));
                self.close(lane);
                first = unit.end;
            }
        }
        match first {
            0 => self.hand(lane, rows),
            first => self.hand(lane, feed::copy(&rows, first..rows.len())),
        }
    }

    /// Hands rows to the open file, for which there may have been no place so far.
    fn hand(&self, lane: &mut Lane, rows: Rows) {
        if rows.is_empty() {
            return;
        }
        if lane.place.is_none() {
            let rules = Arc::clone(&lane.rules);
            let title = Title { time_ns: lane.name_ns, sequence: lane.sequence, rules };
            lane.place = self.shared.desk.begin(title);
            lane.sequence += u64::from(lane.place.is_some());
        }
        let handed = match lane.place {
            Some(place) => self.shared.desk.put(place, rows),
            None => Err(rows),
        };
        if let Err(rows) = handed {
            self.shared.tally.drop_rows(rows.len() as u64);
        }
    }

    fn close(&self, lane: &mut Lane) {
        if let Some(place) = lane.place.take() {
            self.shared.desk.close(place);
        }
        self.shared.tell_misfiled();
    }
}

impl Drop for Rotating {
    fn drop(&mut self) {
        // Who did not ask for the end does not want to know how it went; files that are open are finished all the same.
        let _ = self.end();
    }
}

impl Sink for Rotating {
    /// The rows of a chunk, until they are accepted.
    type Piece = Mutex<Option<Rows>>;
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Self::Piece {
        Mutex::new(Some(rows.compact(pool)))
    }

    fn size(&self, piece: &Self::Piece) -> usize {
        piece.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, Rows::size)
    }

    fn accept(&self, _lane: usize, piece: &Self::Piece) -> Result<(), Infallible> {
        let rows = piece.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(rows) = rows else { return Ok(()) };
        let (live_until_ns, mark) = (rows.live_until_ns(), rows.is_due().then(|| rows.mark()));
        let lane = &mut *self.lane();
        if live_until_ns.is_some_and(|until_ns| lane.course.follow(until_ns)) {
            self.close(lane);
        }
        self.sort(lane, rows);
        if let (Some(place), Some(mark)) = (lane.place, mark) {
            self.shared.desk.mark(place, mark);
        }
        self.shared.tally.rows_misfiled.store(lane.course.misfiled, Ordering::Relaxed);
        if live_until_ns.is_some_and(|until_ns| lane.course.is_over(until_ns)) {
            self.close(lane);
        }
        Ok(())
    }

    fn recycle(&self, piece: Self::Piece, pool: &Pool) {
        let rows = piece.into_inner().unwrap_or_else(PoisonError::into_inner);
        rows.into_iter().for_each(|rows| pool.recycle(rows));
    }
}
