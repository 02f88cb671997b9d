//! The progress bar on standard error: bytes, packets per second, time left.
//!
//! Compressed input counts as it lies on disk, so the time left is right for it too; a pipe has no size and
//! gets a spinner. A thread of its own looks at the run's counters ten times a second; the run itself knows
//! nothing of it.

use crate::report;
use dpp::pipeline::Watch;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Often enough to look alive.
const INTERVAL: Duration = Duration::from_millis(100);

const WITH_SIZE: &str = "{bar:30} {binary_bytes:>10} of {binary_total_bytes}, {msg} packets/s, {eta} left";
const WITHOUT_SIZE: &str = "{spinner} {binary_bytes:>10}, {msg} packets/s";

/// A bar that is shown until this is dropped.
pub(crate) struct Progress {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Shows a bar, if standard error is a terminal. `size` and `consumed` are bytes as they lie on disk.
    /// Where the system has no thread left for it, the run goes on without a bar.
    pub(crate) fn show(watch: Arc<Watch>, size: Option<u64>, consumed: Arc<AtomicU64>) -> Option<Progress> {
        if !io::stderr().is_terminal() {
            return None;
        }
        let (end, ended) = mpsc::channel();
        let bar = bar(size);
        let show = move || {
            let started = Instant::now();
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(INTERVAL) {
                let packets = watch.packets.load(Ordering::Relaxed) as f64;
                let speed = packets / started.elapsed().as_secs_f64();
                bar.set_message(report::grouped(speed as u64));
                bar.set_position(consumed.load(Ordering::Relaxed));
            }
            bar.finish_and_clear();
        };
        let thread = Builder::new().name("progress".to_owned()).spawn(show).ok()?;
        Some(Progress { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // If the bar's thread has panicked, the bar is gone, which is all that is wanted.
            let _ = thread.join();
        }
    }
}

fn bar(size: Option<u64>) -> ProgressBar {
    let template = if size.is_some() { WITH_SIZE } else { WITHOUT_SIZE };
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr()).with_style(style)
}
