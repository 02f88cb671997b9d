//! SIGINT and SIGTERM: the first asks the run to finish what it has read, the second ends the process at
//! once.
//!
//! One thread takes all signals, one after the other, so that two that come together are never both the
//! first. SIGPIPE stays ignored, as Rust leaves it: a closed pipe is an error of the write, which `main`
//! forgives.

use dpp::pipeline::Watch;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// From now on signals stop the run: `watch` first, then the source.
///
/// # Errors
/// The system's, if no signal can be listened to.
pub(crate) fn listen(watch: Arc<Watch>, source: Arc<AtomicBool>) -> io::Result<()> {
    on_first(move || {
        // The source's end must not look like the capture's; so the run is told before.
        watch.stop.store(true, Ordering::SeqCst);
        source.store(true, Ordering::SeqCst);
    })
}

/// From now on SIGINT and SIGTERM end the sources, and that is the capture's end: all that was captured is worked on. SIGHUP asks for
/// the configuration to be read again.
///
/// # Errors
/// The system's, if no signal can be listened to.
pub(crate) fn listen_live(sources: Arc<AtomicBool>, hangup: Arc<AtomicBool>) -> io::Result<()> {
    signal_hook::flag::register(SIGHUP, hangup)?;
    on_first(move || sources.store(true, Ordering::SeqCst))
}

fn on_first(stop: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        let mut signals = signals.forever();
        if signals.next().is_some() {
            stop();
        }
        if let Some(second) = signals.next() {
            low_level::exit(128 + second);
        }
    })?;
    Ok(())
}
