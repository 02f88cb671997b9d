//! The terminal: it is taken, drawn on, listened to, and given back as it was, whatever happens.
//!
//! Each refresh takes what was counted since the last, and asks the engine for its totals. The engine waits for neither. A pause
//! stops the taking; of a capture also the reading.

use super::panes::{Panes, Pulse, Window};
use super::state::{Order, State};
use super::view::{Seen, draw};
use super::{Ends, Session};
use crate::plan;
use crate::report;
use crate::service::metrics::dropped;
use anyhow::Context;
use dpp::capture::Ending;
use dpp::pipeline::Outcome;
use ratatui::DefaultTerminal;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::disable_raw_mode;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Rows of tables that can be looked through.
const ROWS: usize = 1000;

/// Of the last seconds as many as the widest terminals have columns.
const SECONDS: usize = 512;

/// After so long it is noticed that a signal came, or that a capture has ended.
const PATIENCE: Duration = Duration::from_millis(100);

/// The terminal, until this is dropped.
struct Taken(DefaultTerminal);

impl Taken {
    fn take() -> io::Result<Taken> {
        // Gives it back at a panic, too, before that is told.
        Ok(Taken(ratatui::try_init()?))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // Who has closed the terminal does not miss it.
        let _ = ratatui::try_restore();
        let _ = execute!(io::stdout(), Show);
    }
}

/// Gives the terminal back from where nothing may wait: a signal ends the process now, perhaps as the terminal takes nothing more.
pub(super) fn give_back() {
    const AS_IT_WAS: &[u8] = b"\x1b[?1049l\x1b[?25h";
    let _ = disable_raw_mode();
    let out = io::stdout();
    let mut ready = [PollFd::new(&out, PollFlags::OUT)];
    if poll(&mut ready, Some(&Timespec::default())).is_ok_and(|count| count > 0) {
        let _ = rustix::io::write(out.as_fd(), AS_IT_WAS);
    }
}

/// What has been counted, and what of it is seen.
struct Screen<'a> {
    session: &'a Session<'a>,
    ends: &'a Ends,
    panes: Panes,
    pulse: Pulse,
    seen: Seen,
    /// What of it depends on the window is of this one.
    window: Window,
}

/// Draws until somebody leaves, the engine fails, or a signal comes.
///
/// # Errors
/// If there is no terminal to draw on.
pub(super) fn look(session: &Session, mut state: State, ends: &Ends) -> anyhow::Result<()> {
    let mut taken = Taken::take().context("cannot take the terminal")?;
    let mut screen = Screen::new(session, ends, state.window);
    let (mut due, mut is_stale) = (Instant::now(), true);
    loop {
        let now = Instant::now();
        if now >= due {
            is_stale |= screen.refresh(&state);
            due = now + session.interval;
        }
        if is_stale {
            screen.show(&state);
            let drawn = taken.0.draw(|frame| draw(frame, &mut state, &screen.seen));
            drawn.context("cannot draw on the terminal")?;
            is_stale = false;
        }
        let wait = due.saturating_duration_since(Instant::now()).min(PATIENCE);
        if event::poll(wait).context("cannot listen to the terminal")? {
            is_stale = true;
            match event::read().context("cannot listen to the terminal")? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    if let Some(order) = state.press(key)
                        && !screen.obey(order, &mut state)
                    {
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
        if ends.are_near() || screen.has_failed() {
            return Ok(());
        }
        if screen.has_just_ended() {
            due = Instant::now();
        }
    }
}

impl<'a> Screen<'a> {
    fn new(session: &'a Session<'a>, ends: &'a Ends, window: Window) -> Screen<'a> {
        let panes = Panes::default();
        let seen = Seen {
            source: session.source.clone(),
            figures: panes.sum(window).summary.figures(ROWS),
            seconds: 0.0,
            clock_ns: None,
            pulse: Vec::new(),
            packets: 0,
            skipped: 0,
            dropped: None,
            is_away: false,
            end: None,
        };
        Screen { session, ends, panes, pulse: Pulse::default(), seen, window }
    }

    /// Takes what is new, unless it is to stand still. Says whether there may be something.
    fn refresh(&mut self, state: &State) -> bool {
        if state.is_paused {
            return false;
        }
        // Before what was counted is taken: then all of it was.
        let ended = self.session.ended.get();
        let fresh = self.session.counting.take();
        self.pulse.add(&fresh);
        self.panes.merge(&fresh);
        let told = match ended {
            Some(Ok(outcome)) => {
                self.seen.end = Some(end(outcome));
                outcome.totals.clone()
            }
            _ => {
                self.session.watch.ask();
                self.session.watch.told().totals
            }
        };
        self.seen.packets = told.read.packets;
        self.seen.skipped = told.skips.total().packets;
        let counts = &self.session.counts;
        self.seen.dropped =
            (!counts.is_empty()).then(|| counts.iter().map(|(_, counts)| dropped(counts)).sum());
        self.seen.is_away = counts.iter().any(|(_, counts)| counts.away_since().is_some());
        self.look_at(state.window);
        true
    }

    /// What is seen is of the window that is looked at.
    fn show(&mut self, state: &State) {
        if state.window != self.window {
            self.look_at(state.window);
        }
    }

    fn look_at(&mut self, window: Window) {
        self.window = window;
        let sum = self.panes.sum(window);
        self.seen.figures = sum.summary.figures(ROWS);
        self.seen.seconds = sum.seconds;
        self.seen.clock_ns = self.panes.clock_ns();
        self.seen.pulse = self.seen.clock_ns.map_or_else(Vec::new, |ns| self.pulse.until(ns, SECONDS));
    }

    /// Does what a key wants. Says whether to go on.
    fn obey(&mut self, order: Order, state: &mut State) -> bool {
        match order {
            Order::Leave => return false,
            Order::Pause(is_paused) => self.session.pace.into_iter().for_each(|pace| pace.pause(is_paused)),
            Order::Speed(speed) => self.session.pace.into_iter().for_each(|pace| pace.set_speed(speed)),
            Order::Reset => self.reset(),
            Order::Select(text) => match self.select(&text) {
                Ok(()) => {
                    state.condition = text;
                    self.reset();
                }
                Err(error) => state.notice = first_line(&error),
            },
        }
        true
    }

    /// From now on only what meets this condition is counted.
    fn select(&self, text: &str) -> anyhow::Result<()> {
        let condition = Some(OsStr::new(text)).filter(|_| !text.trim().is_empty());
        let select = plan::select(condition, self.session.sample.as_deref())?;
        let plan = self.session.plan;
        anyhow::ensure!(
            plan.needs().has(select.needs()),
            "this looks at what is not kept now; start dpp top with it as --where"
        );
        self.session.watch.select(select, &plan.context);
        Ok(())
    }

    /// Forgets what was counted.
    fn reset(&mut self) {
        let fresh = self.session.counting.take();
        self.panes.merge(&fresh);
        self.panes = self.panes.emptied();
        self.pulse = Pulse::default();
        self.look_at(self.window);
    }

    /// Whether nothing more will come, and not because the capture is over.
    fn has_failed(&self) -> bool {
        let is_gone = self.session.is_gone.load(Ordering::Acquire);
        is_gone && !matches!(self.session.ended.get(), Some(Ok(_))) && !self.ends.are_near()
    }

    /// Whether the capture has ended, and that is not seen yet.
    fn has_just_ended(&self) -> bool {
        self.seen.end.is_none() && matches!(self.session.ended.get(), Some(Ok(_)))
    }
}

/// What is wrong, without the lines below that point at it.
fn first_line(error: &anyhow::Error) -> String {
    format!("{error:#}").lines().next().unwrap_or_default().to_owned()
}

/// How a capture ended, in few words.
fn end(outcome: &Outcome) -> String {
    let endings = || outcome.inputs.endings.first.iter().map(|(_, ending)| ending);
    match endings().find(|ending| !matches!(ending, Ending::Complete)) {
        Some(ending) => format!("END ({})", report::ending(ending).replace('_', " ")),
        None => "END".to_owned(),
    }
}
