//! A service on made-up traffic: `dpp drill`, which no help tells of. Tests start it, let Prometheus look at it, and see
//! what the sandbox leaves of it. It does everything in the order that [`service`](super) wants.

use super::Monitor;
use super::http::Listener;
use super::log::{Field, Log, Style};
use super::metrics::{Deliveries, Delivery, Relayed};
use super::notify::Notify;
use super::sandbox::Sandbox;
use crate::flags::Drill;
use crate::signals;
use anyhow::Context;
use dpp::pipeline::{Machine, Pool, Rows, RunError, Sink, Watch, run_on};
use dpp::plan::Plan;
use dpp_source::live::{Counts, Feed, Inlet, Pace, Queue};
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::thread::CapabilitySet;
use signal_hook::consts::SIGHUP;
use std::convert::Infallible;
use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// So much may wait.
const QUEUE_BYTES: usize = 1 << 20;

/// Runs until SIGTERM.
///
/// # Errors
/// If something cannot be opened, or the sandbox cannot be entered.
pub(crate) fn drill(wish: &Drill) -> anyhow::Result<()> {
    let log = Log::stderr(if wish.json { Style::Json } else { Style::Text }, wish.log_level);
    let notify = Notify::from_environment().context("cannot reach the socket of NOTIFY_SOCKET")?;
    let listener = Listener::open(&wish.metrics)?;
    sandbox(wish).enter(&log)?;
    if let Some(path) = &wish.attempt {
        let attempts = thread::scope(|scope| scope.spawn(|| attempts(path, wish)).join());
        return attempts.unwrap_or_else(|_| Ok(()));
    }
    let (watch, stop) = (Arc::new(Watch::live()), Arc::<AtomicBool>::default());
    signals::listen(Arc::clone(&watch), Arc::clone(&stop)).context("cannot listen to signals")?;
    let queue = Queue::new(QUEUE_BYTES, Arc::clone(&stop));
    let monitor = Arc::new(Monitor::new(Arc::clone(&watch), Some((Arc::clone(&queue), QUEUE_BYTES))));
    monitor.relay(Relayed { name: "nobody".into(), counts: Arc::default(), bytes_max: QUEUE_BYTES });
    let queue_of_beat = Arc::clone(&queue);
    let source = thread::spawn(made_up(&queue, monitor.source("drill")));
    let pages_stop = Arc::<AtomicBool>::default();
    let (address, seen) = (listener.address.clone(), Arc::clone(&monitor));
    let pages = listener.start(Arc::new(move |path| seen.page(path)), Arc::clone(&pages_stop))?;
    monitor.pulse.set_ready(true);
    notify.ready();
    log.record("ready", &[("metrics", Field::text(&address))]);
    let hangup = Arc::<AtomicBool>::default();
    signal_hook::flag::register(SIGHUP, Arc::clone(&hangup)).context("cannot listen to SIGHUP")?;
    let sink = Void { rows: monitor.sink("void"), monitor: &monitor, hold: wish.hold.as_deref() };
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut ending = None;
            loop {
                // Looked at before the signal is, which came earlier: nobody ends without having said so.
                let is_over = is_done.load(Ordering::Acquire);
                if stop.load(Ordering::Acquire) && ending.is_none() {
                    notify.stopping();
                    ending = Some(monitor.pulse.excuse());
                }
                if is_over {
                    break;
                }
                monitor.beat(&notify, &log);
                log.debug("beat", &[("bytes", (queue_of_beat.bytes() as u64).into())]);
                if hangup.swap(false, Ordering::AcqRel) {
                    notify.reloading();
                    monitor.reloaded(true);
                    notify.ready();
                    log.record("reloaded", &[]);
                }
                thread::park_timeout(Duration::from_millis(200));
            }
        });
        let pace = Pace { bytes: 1 << 16, interval: Duration::from_millis(100), jump_ns: 10_000_000_000 };
        let machine = Machine::new(NonZeroUsize::MIN, 0);
        let came = run_on(Feed::new(queue, pace), &Plan::default(), &machine, &sink, &watch);
        is_done.store(true, Ordering::Release);
        match came {
            Ok(outcome) => log.record("stopped", &[("rows", outcome.rows.into())]),
            Err(RunError::Capture(error)) => log.error("cannot read", &[("why", Field::text(error.error))]),
            Err(RunError::Sink(never)) => match never {},
        }
    });
    pages_stop.store(true, Ordering::Release);
    let _ = (source.join(), pages.join());
    Ok(())
}

fn sandbox(wish: &Drill) -> Sandbox {
    Sandbox {
        user: wish.user.clone(),
        keep: if wish.keep_net_raw { CapabilitySet::NET_RAW } else { CapabilitySet::empty() },
        read: wish.read.clone(),
        write: wish.write.clone(),
        commands: wish.commands,
        bpf: false,
        filters: !wish.no_filters,
    }
}

/// Tries this and that, and says on standard output what came of it.
fn attempts(elsewhere: &Path, wish: &Drill) -> anyhow::Result<()> {
    let written = |folder: &Path| fs::write(folder.join("attempt"), "x");
    let moved = |folder: &Path| fs::rename(folder.join("attempt"), folder.join("moved"));
    let mut results: Vec<(&str, io::Result<()>)> = Vec::new();
    if let Some(folder) = wish.write.first() {
        results.push(("write", written(folder).and_then(|()| moved(folder))));
        results.push(("read what was written", fs::read(folder.join("moved")).map(drop)));
    }
    if let Some(path) = wish.read.first() {
        results.push(("read", fs::read(path).map(drop)));
        results.push(("write what is for reading", fs::write(path, "x")));
    }
    results.push(("write elsewhere", written(elsewhere)));
    results.push(("read elsewhere", fs::read(elsewhere.join("secret")).map(drop)));
    results.push(("read our figures", fs::read("/proc/self/status").map(drop)));
    results.push(("start a program", Command::new("/bin/true").status().map(drop)));
    let packets = socket(AddressFamily::PACKET, SocketType::RAW, None);
    results.push(("open a packet socket", packets.map(drop).map_err(Into::into)));
    results.push(("open a socket", std::net::TcpListener::bind("127.0.0.1:0").map(drop)));
    results.push(("start a thread", thread::Builder::new().spawn(|| {}).map(drop)));
    let name = rustix::system::uname();
    let renamed = rustix::system::sethostname(name.nodename().to_bytes());
    results.push(("name the host", renamed.map_err(Into::into)));
    let root = rustix::thread::set_thread_uid(rustix::fs::Uid::ROOT);
    results.push(("become root", root.map_err(Into::into)));
    results.push(("change the root", rustix::process::chroot("/").map_err(Into::into)));
    let mut told = String::new();
    for (what, result) in results {
        let came = result.map_or_else(|error| error.kind().to_string(), |()| "ok".to_owned());
        told += &format!("{what}: {came}\n");
    }
    io::stdout().write_all(told.as_bytes()).context(crate::output::STDOUT)
}

/// A source: a query and its response a hundred times a second, 3 ms apart.
fn made_up(queue: &Arc<Queue>, counts: Arc<Counts>) -> impl FnOnce() + Send + 'static {
    let mut inlet: Inlet = queue.inlet(0, counts);
    move || {
        let mut id = 0_u16;
        while !inlet.is_stopping() {
            let ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos()) as i64;
            for (later_ns, is_response) in [(0, false), (3_000_000, true)] {
                if inlet
                    .push(ns + later_ns, LINKTYPE_RAW, |bytes| bytes.extend(message(id, is_response)))
                    .is_err()
                {
                    inlet.drop_batch();
                }
            }
            if inlet.hand_over().is_err() {
                inlet.drop_batch();
            }
            id = id.wrapping_add(1);
            thread::park_timeout(Duration::from_millis(10));
        }
    }
}

/// Packets that begin with their IP header.
const LINKTYPE_RAW: u16 = 101;

/// A question for `dpp.` from 10.0.0.1 to 10.0.0.2, or its answer, in UDP over IPv4.
fn message(id: u16, is_response: bool) -> Vec<u8> {
    let (client, server) = (([10, 0, 0, 1], 40_000_u16), ([10, 0, 0, 2], 53_u16));
    let (from, to) = if is_response { (server, client) } else { (client, server) };
    let dns_header =
        [id.to_be_bytes(), [if is_response { 0x80 } else { 0 }, 0], [0, 1], [0; 2], [0; 2], [0; 2]];
    let dns = [&dns_header.concat()[..], b"\x03dpp\0\0\x01\0\x01"].concat();
    let (udp_length, ip_length) = (8 + dns.len() as u16, 28 + dns.len() as u16);
    let udp = [from.1, to.1, udp_length, 0].map(u16::to_be_bytes).concat();
    let ip = [&[0x45, 0][..], &ip_length.to_be_bytes(), &[0, 0, 0, 0, 64, 17, 0, 0], &from.0, &to.0].concat();
    [ip, udp, dns].concat()
}

/// An output that only counts, and waits if it is told to.
struct Void<'a> {
    rows: Arc<Deliveries>,
    monitor: &'a Monitor,
    hold: Option<&'a Path>,
}

impl Sink for Void<'_> {
    type Piece = u64;
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, _: &Pool) -> u64 {
        rows.len() as u64
    }

    fn size(&self, _: &u64) -> usize {
        size_of::<u64>()
    }

    fn accept(&self, _: usize, rows: &u64) -> Result<(), Infallible> {
        let mut excuse = None;
        while self.hold.is_some_and(Path::exists) {
            excuse.get_or_insert_with(|| self.monitor.pulse.excuse());
            thread::park_timeout(Duration::from_millis(20));
        }
        drop(excuse);
        self.rows.add(Delivery::Rows, *rows);
        Ok(())
    }

    fn recycle(&self, _: u64, _: &Pool) {}
}
