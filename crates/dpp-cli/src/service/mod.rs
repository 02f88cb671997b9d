//! What makes a service of a run: that others can see how it is, and that it can do no harm.
//!
//! ```text
//!  open    Log, Notify::from_environment, Listener::open, then sources and outputs: what takes privileges
//!  enclose Sandbox::enter: while there is no other thread
//!  start   signals, sources, outputs, Monitor::new, Listener::start, Exporter::start
//!  ready   Pulse::set_ready, Notify::ready
//!  go on   Monitor::beat each second, beside the engine; Notify::reloading, Monitor::reloaded, Notify::ready at a SIGHUP
//!  stop    Notify::stopping, Pulse::excuse, and beats go on; files are finished; then the pages go
//! ```
//! The order is the surprising part: landlock and user ids hold for threads, so nothing may start one before the sandbox
//! is entered. `dpp live` does all of it in this order;
//! so does `drill`, on made-up traffic, which only builds for tests have.

#[cfg(debug_assertions)]
pub(crate) mod drill;
mod exposition;
mod families;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod notify;
pub(crate) mod otlp;
#[cfg(test)]
mod packaging;
pub(crate) mod pulse;
pub(crate) mod sandbox;

use crate::report::{grouped, several};
use dpp::pipeline::Watch;
use dpp_source::live::{Counts, Queue};
use families::Families;
use http::{Page, Status};
use log::Log;
use metrics::{Deliveries, Exports, Named, Relayed, View};
use notify::Notify;
use pulse::Pulse;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// What others can see of a service. Shared by the loop, the pages, and whoever opens sources and outputs.
pub(crate) struct Monitor {
    watch: Arc<Watch>,
    /// Whether the service lives, and is ready.
    pub(crate) pulse: Pulse,
    /// Between live sources and the engine, and how many bytes may wait there.
    queue: Option<(Arc<Queue>, usize)>,
    sources: Mutex<Named<Counts>>,
    sinks: Mutex<Named<Deliveries>>,
    /// Receivers that messages are sent on to, and how many bytes may wait for each.
    relays: Mutex<Vec<Relayed>>,
    /// What came of figures that were sent to a collector, if they are.
    pub(crate) exports: Option<Exports>,
    reloads: [AtomicU64; 2],
    /// When it began.
    pub(crate) started: SystemTime,
}

impl Monitor {
    /// Nothing to see yet. The watch is one that can be asked ([`Watch::live`]).
    pub(crate) fn new(watch: Arc<Watch>, queue: Option<(Arc<Queue>, usize)>) -> Monitor {
        Monitor {
            watch,
            pulse: Pulse::new(),
            queue,
            sources: Mutex::default(),
            sinks: Mutex::default(),
            relays: Mutex::default(),
            exports: None,
            reloads: Default::default(),
            started: SystemTime::now(),
        }
    }

    /// A source of this name counts here. One that is opened anew under the same name goes on with the counts it had: none may
    /// ever go back.
    pub(crate) fn source(&self, name: &str) -> Arc<Counts> {
        of_name(&self.sources, name)
    }

    /// The same for an output.
    pub(crate) fn sink(&self, name: &str) -> Arc<Deliveries> {
        of_name(&self.sinks, name)
    }

    /// Messages are sent on to a receiver of this name.
    pub(crate) fn relay(&self, relay: Relayed) {
        lock(&self.relays).push(relay);
    }

    /// The configuration was read again, and is in force, or is not because something is wrong with it.
    pub(crate) fn reloaded(&self, is_in_force: bool) {
        self.reloads[usize::from(!is_in_force)].fetch_add(1, Ordering::Relaxed);
    }

    /// Once a second: asks the engine for a sign of life, passes it on, and lets the log say what it owes.
    pub(crate) fn beat(&self, notify: &Notify, log: &Log) {
        self.pulse.beat(&self.watch);
        if self.pulse.is_alive() {
            notify.alive();
        }
        log.catch_up();
        notify.status(&self.status());
    }

    /// All sources, with what they count.
    pub(crate) fn sources(&self) -> Named<Counts> {
        lock(&self.sources).clone()
    }

    /// What each source has dropped so far, by its name.
    pub(crate) fn dropped(&self) -> Vec<(String, u64)> {
        lock(&self.sources).iter().map(|(name, counts)| (name.clone(), metrics::dropped(counts))).collect()
    }

    /// The service in a line.
    fn status(&self) -> String {
        let told = self.watch.told();
        let dropped = self.dropped().into_iter().map(|(_, packets)| packets).sum();
        format!(
            "{}{}, {} dropped, {}",
            if self.is_ready() { "" } else { "not ready: " },
            several(told.totals.read.packets, "packet"),
            grouped(dropped),
            several(told.rows, "row")
        )
    }

    /// What stands against packets being taken from all sources and rows being written.
    fn obstacles(&self) -> Vec<String> {
        let away = |(source, counts): &(String, Arc<Counts>)| {
            Some(format!("{source} is away since {}", log::time(counts.away_since()?)))
        };
        let sources: Vec<String> = lock(&self.sources).iter().filter_map(away).collect();
        self.pulse.obstacles().map(str::to_owned).chain(sources).collect()
    }

    fn is_ready(&self) -> bool {
        self.obstacles().is_empty()
    }

    /// The page of a path.
    pub(crate) fn page(&self, path: &str) -> Page {
        let yes_or_no = |is_so, no: &str| match is_so {
            true => Page::plain(Status::OK, "ok\n"),
            false => Page::plain(Status::UNAVAILABLE, no),
        };
        match path {
            "/metrics" => Page {
                status: Status::OK,
                content_type: exposition::CONTENT_TYPE,
                body: exposition::text(&self.families()),
            },
            "/health" => yes_or_no(self.pulse.is_alive(), "the engine does not answer\n"),
            "/ready" => match &self.obstacles()[..] {
                [] => Page::plain(Status::OK, "ok\n"),
                obstacles => {
                    Page::plain(Status::UNAVAILABLE, format!("not ready\n{}\n", obstacles.join("\n")))
                }
            },
            "/" => Page::plain(Status::OK, "/metrics\n/health\n/ready\n"),
            _ => Page::plain(Status::NOT_FOUND, "there are /metrics, /health and /ready\n"),
        }
    }

    /// All figures, at most about a second old.
    pub(crate) fn families(&self) -> Families {
        self.watch.ask();
        let [success, failure] = &self.reloads;
        // Before the sources are held, which it looks at too.
        let is_ready = self.is_ready();
        metrics::families(View {
            told: self.watch.told(),
            sources: &lock(&self.sources),
            sinks: &lock(&self.sinks),
            queue: self.queue.as_ref().map(|(queue, bytes_max)| (queue.bytes(), *bytes_max)),
            started: self.started,
            is_ready,
            relays: &lock(&self.relays),
            exports: self.exports.as_ref(),
            reloads: (success.load(Ordering::Relaxed), failure.load(Ordering::Relaxed)),
        })
    }
}

/// What is counted under this name, from now on if nothing was so far.
fn of_name<T: Default>(all: &Mutex<Named<T>>, name: &str) -> Arc<T> {
    let mut all = lock(all);
    if let Some((_, counts)) = all.iter().find(|(other, _)| other == name) {
        return Arc::clone(counts);
    }
    let counts = Arc::<T>::default();
    all.push((name.to_owned(), Arc::clone(&counts)));
    counts
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::metrics::Delivery;
    use super::*;
    use dpp_source::live::Count;

    fn monitor() -> Monitor {
        Monitor::new(Arc::new(Watch::live()), None)
    }

    #[test]
    fn pages_tell_what_is_and_what_is_not() {
        let monitor = monitor();
        let status = |path| monitor.page(path).status;
        assert_eq!((status("/health"), status("/ready")), (Status::OK, Status::UNAVAILABLE));
        monitor.pulse.set_ready(true);
        assert_eq!((status("/ready"), status("/metrics"), status("/")), (Status::OK, Status::OK, Status::OK));
        assert_eq!(status("/etc/passwd"), Status::NOT_FOUND);
    }

    #[test]
    fn what_is_not_ready_says_why() {
        let monitor = monitor();
        monitor.pulse.set_ready(true);
        let ready = || monitor.page("/ready").body;
        let (one, other) = (monitor.source("afpacket:eth0"), monitor.source("afpacket:eth1"));
        assert_eq!(ready(), "ok\n");
        one.set_away(true);
        let since = log::time(one.away_since().unwrap());
        let away = format!("afpacket:eth0 is away since {since}\n");
        assert_eq!(ready(), format!("not ready\n{away}"));
        monitor.pulse.set_failing(true);
        let failing = "the last file could not be written; the log says why\n";
        assert_eq!(ready(), format!("not ready\n{failing}{away}"));
        let page = exposition::text(&monitor.families());
        for line in [
            "dpp_ready 0",
            "dpp_source_away{source=\"afpacket:eth0\"} 1",
            "dpp_source_away{source=\"afpacket:eth1\"} 0",
        ] {
            assert!(page.lines().any(|other| other == line), "{page}");
        }
        one.set_away(false);
        monitor.pulse.set_failing(false);
        assert_eq!((ready(), other.away_since()), ("ok\n".to_owned(), None));
    }

    #[test]
    fn who_is_opened_again_goes_on_counting() {
        let monitor = monitor();
        monitor.source("afpacket:eth0").add(Count::DroppedByKernel, 1234);
        monitor.source("afpacket:eth0").add(Count::DroppedByKernel, 1);
        monitor.sink("rows").add(Delivery::Files, 2);
        monitor.reloaded(false);
        let page = exposition::text(&monitor.families());
        let line = "dpp_source_dropped_total{source=\"afpacket:eth0\",reason=\"by_kernel\"} 1235";
        assert!(page.contains(line) && page.contains("dpp_sink_files_total{sink=\"rows\"} 2"), "{page}");
        assert!(page.contains("dpp_reloads_total{result=\"failure\"} 1"), "{page}");
        assert_eq!(monitor.status(), "not ready: 0 packets, 1,235 dropped, 0 rows");
    }
}
