//! SIGINT and SIGTERM: the first asks the run to finish what it has read, the second ends the process at
//! once, and whatever it has started.
//!
//! One thread takes all signals, one after the other, so that two that come together are never both the
//! first. SIGPIPE stays ignored, as Rust leaves it: a closed pipe is an error of the write, which `main`
//! forgives.

use dpp::pipeline::Watch;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use std::ffi::c_int;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// From now on signals stop the run: `watch` first, then the source.
///
/// # Errors
/// The system's, if no signal can be listened to.
pub(crate) fn listen(watch: Arc<Watch>, source: Arc<AtomicBool>) -> io::Result<()> {
    on_signals(
        &[SIGINT, SIGTERM],
        move || {
            // The source's end must not look like the capture's; so the run is told before.
            watch.stop.store(true, Ordering::SeqCst);
            source.store(true, Ordering::SeqCst);
        },
        || (),
    )
}

/// From now on SIGINT and SIGTERM end the sources, and that is the capture's end: all that was captured is worked on. SIGHUP asks for
/// the configuration to be read again. What must not outlive the process `leave` ends, before a second signal ends that.
///
/// # Errors
/// The system's, if no signal can be listened to.
pub(crate) fn listen_live(
    sources: Arc<AtomicBool>,
    hangup: Arc<AtomicBool>,
    leave: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    signal_hook::flag::register(SIGHUP, hangup)?;
    on_signals(&[SIGINT, SIGTERM], move || sources.store(true, Ordering::SeqCst), leave)
}

/// From now on SIGINT and SIGTERM, and SIGHUP, which says that the terminal has gone, do this. What was done to the terminal
/// `leave` mends, before a second signal ends the process.
///
/// # Errors
/// The system's, if no signal can be listened to.
#[cfg(feature = "top")]
pub(crate) fn listen_at_terminal(
    stop: impl FnOnce() + Send + 'static,
    leave: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    on_signals(&[SIGINT, SIGTERM, SIGHUP], stop, leave)
}

/// Does one thing on the first signal, and another on the second, which ends the process.
fn on_signals(
    signals: &[c_int],
    stop: impl FnOnce() + Send + 'static,
    leave: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::new(signals)?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        let mut signals = signals.forever();
        if signals.next().is_some() {
            stop();
        }
        if let Some(second) = signals.next() {
            leave();
            low_level::exit(128 + second);
        }
    })?;
    Ok(())
}
