//! A run on live sources, from opening them to the report.
//!
//! The order matters, and the sandbox makes it: first all is opened that takes privileges or may fail for what the user said;
//! then the process shuts itself in, while it is alone; then threads begin. A first SIGINT or SIGTERM ends the sources, what they
//! have is worked on, and files become complete; a second one ends the process at once. SIGHUP reads the configuration again.

use super::files::{self, Form};
use super::parts::{self, Parts};
use super::reload::Reload;
use super::sources::{self, Opened};
use super::{Service, Waits, Wish};
use crate::captures::Opener;
use crate::checks::{Job, Voice};
use crate::inputs::Input;
use crate::output::{Output, Target, is_closed_pipe};
use crate::report::{self, Account, Lived, Times};
use crate::run::{Done, Intake, Work};
use crate::service::Monitor;
use crate::service::http::Listener;
use crate::service::log::{Field, Level, Log, Style, Told};
use crate::service::metrics::{Delivery, Exports, Relayed};
use crate::service::notify::Notify;
use crate::service::otlp;
use crate::service::sandbox::Sandbox;
use crate::signals;
use anyhow::Context;
use dpp::pipeline::{Machine, Watch};
use dpp_sink::relay;
use dpp_sink::rotating::{self, Event, Left, Rotating};
use dpp_source::live::{COUNTS, Count, Feed, Pace, Queue};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::thread::CapabilitySet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

/// Reads live sources until a signal, and reports.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn run(job: &Job, wish: &Wish) -> anyhow::Result<()> {
    let Service { log_style, log_level, .. } = wish.service;
    let log = Arc::new(Log::stderr(log_style, log_level));
    match go_on(job, wish, &log) {
        // Who reads objects reads no sentences.
        Err(error) if log.style() == Style::Json && !is_closed_pipe(&error) => {
            log.error("ended with an error", &[("why", Field::text(format!("{error:#}")))]);
            Err(Told.into())
        }
        came => came,
    }
}

fn go_on(job: &Job, wish: &Wish, log: &Arc<Log>) -> anyhow::Result<()> {
    let started = Instant::now();
    let Service { metrics, otlp, .. } = &wish.service;
    let notify = Notify::from_environment().context("cannot reach the socket of NOTIFY_SOCKET")?;
    let pages = metrics.as_ref().map(Listener::open).transpose()?;
    let exporter = otlp.as_ref().map(|otlp| otlp.open()).transpose()?;
    let sources = open(job)?;
    let rotation = wish.files.as_ref().map(|files| files.settings(job)).transpose()?;
    prepare(job, rotation.as_ref(), log)?;
    wish.parts.as_ref().map_or(Ok(()), parts::Wish::make_folders)?;
    let has_threads = |input: &Input| matches!(input, Input::Live(address) if address.has_threads());
    let sandbox = match job.captures.iter().any(has_threads) {
        true => {
            let why = "DPDK has started threads, and it holds for threads";
            log.warn("no sandbox", &[("why", Field::text(why))]);
            None
        }
        false => {
            let sandbox = sandbox(job, wish)?;
            sandbox.enter(log)?;
            Some(sandbox)
        }
    };
    if let Some(parts) = &wish.parts {
        parts.try_folders()?;
    }
    if let (Some(_), Some(Output::Path(name))) = (&rotation, job.target.one()) {
        // Who hears "ready" relies on it.
        files::try_to_write("--output", name)?;
    }
    tell_of_sockets(job, log);

    let (watch, stop, hangup) = (Arc::new(Watch::live()), Arc::<AtomicBool>::default(), Arc::default());
    let commands = rotation.as_ref().map(|rotation| Arc::clone(&rotation.commands)).unwrap_or_default();
    signals::listen_live(Arc::clone(&stop), Arc::clone(&hangup), move || commands.end())
        .context("cannot listen to signals")?;
    let queue = Queue::new(wish.queue_bytes, Arc::clone(&stop));
    let waiting = Some((Arc::clone(&queue), wish.queue_bytes));
    let mut monitor = Monitor::new(Arc::clone(&watch), waiting);
    monitor.exports = exporter.is_some().then(Exports::default);
    let monitor = Arc::new(monitor);
    let relayed = Arc::default();
    if let Some(Output::Relay(settings)) = job.target.one() {
        let (name, bytes_max) = (Output::receiver(settings), settings.buffer_bytes);
        monitor.relay(Relayed { name, counts: Arc::clone(&relayed), bytes_max });
    }
    let pages_stop = Arc::<AtomicBool>::default();
    let seen = Arc::clone(&monitor);
    let pages = pages.map(|pages| {
        log.record("metrics", &[("address", Field::text(&pages.address))]);
        pages.start(Arc::new(move |path| seen.page(path)), Arc::clone(&pages_stop))
    });
    let pages = pages.transpose().context("cannot start the thread of --metrics")?;
    let exporter =
        exporter.map(|exporter| exporter.start(resource(wish), Arc::clone(&monitor), Arc::clone(log)));
    let exporter = exporter.transpose().context("cannot start the thread of --otlp")?;
    announce(job, log);
    let threads = start(sources, job, &queue, &monitor)?;
    log.debug("sources started", &[("threads", (threads.len() as u64).into())]);
    let opener = Opener::new(job.manner, Arc::default());
    let waits = Waits::default();
    let mut parts = wish.parts.as_ref().map(|parts| Parts::new(parts, job, &watch, log));
    let work = Work {
        job,
        set: None,
        watch: &watch,
        opener: &opener,
        waits: Some(&waits),
        relayed: &relayed,
        sums: None,
        pot: parts.as_ref().and_then(Parts::pot),
    };
    let intake = Intake::Live(Feed::new(queue, pace(job, wish)));
    let mut output = Outlet::open(&work, rotation, &monitor, log)?;
    let mut reload = Reload::new(job, &watch, output.rotating(), sandbox);
    let is_over = AtomicBool::new(false);
    let done = thread::scope(|scope| {
        let beats = scope.spawn(|| {
            let (mut troubles, mut absences) = (Troubles::default(), Absences::default());
            monitor.pulse.set_ready(true);
            notify.ready();
            log.record("ready", &[]);
            let (mut is_told, mut excuse) = (false, None);
            while !is_over.load(Ordering::Acquire) {
                monitor.beat(&notify, log);
                troubles.tell(&monitor, log, TROUBLE_PAUSE);
                absences.tell(&monitor, log);
                // An output that takes long, or is being finished, is no engine that hangs.
                let is_excused = is_told || waits.longer_than(PATIENCE);
                excuse = is_excused.then(|| excuse.take().unwrap_or_else(|| monitor.pulse.excuse()));
                if stop.load(Ordering::Acquire) && !is_told {
                    is_told = true;
                    notify.stopping();
                    log.record("stopping", &[]);
                }
                thread::park_timeout(BEAT);
            }
            troubles.tell(&monitor, log, Duration::ZERO);
        });
        // Beside the beats, for it has to wait where the output waits for its disk.
        let reloads = scope.spawn(|| {
            while !is_over.load(Ordering::Acquire) {
                if hangup.swap(false, Ordering::AcqRel) {
                    notify.reloading();
                    monitor.reloaded(reload.read(log));
                    notify.ready();
                }
                thread::park_timeout(BEAT);
            }
        });
        let counts = scope.spawn(|| {
            if let Some(parts) = &mut parts {
                parts.write_while(&is_over, BEAT);
            }
        });
        let done = output.fill(&work, intake);
        let is_signalled = stop.load(Ordering::SeqCst);
        // Where the run ends by itself, nobody takes what the sources have.
        stop.store(true, Ordering::SeqCst);
        is_over.store(true, Ordering::Release);
        beats.thread().unpark();
        reloads.thread().unpark();
        counts.thread().unpark();
        done.map(|done| (done, is_signalled))
    });
    monitor.pulse.set_ready(false);
    for thread in threads {
        let _ = thread.join();
    }
    pages_stop.store(true, Ordering::Release);
    pages.map(JoinHandle::join);
    if let Some(exporter) = exporter {
        exporter.finish();
    }
    let counted = parts.map_or(Ok(()), Parts::finish);
    let (done, is_signalled) = done?;
    let tables = vec![done];
    let times = Times::new(&tables, started.elapsed());
    let log_of_captures = std::mem::take(&mut *opener.log());
    let lived = Lived { losses: losses(&monitor, job, &relayed), sources: monitor.sources(), is_signalled };
    let account = Account::new(job, tables, log_of_captures, times).with_lived(lived).with_relayed(relayed);
    log.record("stopped", &[("rows", watch.told().rows.into())]);
    match speaks_json(job, log) {
        true => log.record("report", &[("report", Field::Parts(account.json()))]),
        false => account.tell().context(crate::output::STDOUT)?,
    }
    counted
}

/// Whether what people would read on standard error has to be objects, as the log's lines are there.
fn speaks_json(job: &Job, log: &Log) -> bool {
    log.style() == Style::Json && job.voice == Voice::Text
}

/// Says what is about to be done.
fn announce(job: &Job, log: &Log) {
    if !speaks_json(job, log) {
        return report::banner(job);
    }
    let sources: Vec<String> = job.captures.iter().map(Input::path).collect();
    let fields = [
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("sources", Field::Parts(sources.into())),
        ("output", Field::text(report::target_path(&job.target))),
        ("format", Field::text(report::table_words(&job.table))),
        ("workers", (job.workers.get() as u64).into()),
    ];
    log.record("started", &fields);
}

/// What this process is to a collector. Of one configuration it is the same after a restart.
fn resource(wish: &Wish) -> otlp::Resource {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let of_file = wish.config.as_ref().and_then(|path| path.file_stem());
    let name =
        of_file.map_or_else(|| std::process::id().to_string(), |name| name.to_string_lossy().into_owned());
    let site = wish.files.as_ref().and_then(files::Wish::site);
    let mut resource = vec![
        ("service.name", "dpp".to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", format!("{host}/{name}")),
        ("host.name", host),
    ];
    resource.extend(site.map(|site| ("dpp.site", site.to_owned())));
    resource
}

/// Which sources are away, as far as the log knows it.
#[derive(Default)]
struct Absences(Vec<Option<SystemTime>>);

impl Absences {
    /// Tells the log of sources that have gone, and that are back.
    fn tell(&mut self, monitor: &Monitor, log: &Log) {
        let sources = monitor.sources();
        self.0.resize(sources.len(), None);
        for ((source, counts), told) in sources.iter().zip(&mut self.0) {
            let now = counts.away_since();
            let source = ("source", Field::text(source));
            match (std::mem::replace(told, now), now) {
                (None, Some(_)) => log.warn("source is away", &[source]),
                (Some(since), None) => {
                    let seconds = since.elapsed().unwrap_or_default().as_secs();
                    log.say(Level::Info, "source is back", &[source, ("seconds", seconds.into())]);
                }
                _ => {}
            }
        }
    }
}

/// What sources counted of trouble, as far as the log knows it, and when that was told last.
#[derive(Default)]
struct Troubles(Vec<[(u64, Option<Instant>); COUNTS.len()]>);

/// The same trouble is not told more often: a sender whose clock is wrong has it with each message.
const TROUBLE_PAUSE: Duration = Duration::from_secs(60);

/// What is no trouble.
const USUAL: [Count; 5] = [
    Count::Taken,
    Count::TakenBytes,
    Count::Connections,
    Count::OtherTraffic,
    // Of an interface that is away there is more to tell.
    Count::Reopened,
];

impl Troubles {
    /// Tells the log what has come since it was told last: packets dropped, senders that broke off.
    fn tell(&mut self, monitor: &Monitor, log: &Log, pause: Duration) {
        let sources = monitor.sources();
        self.0.resize(sources.len(), [(0, None); COUNTS.len()]);
        for ((source, counts), told) in sources.iter().zip(&mut self.0) {
            let unusual = COUNTS.iter().zip(told).filter(|(entry, _)| !USUAL.contains(&entry.count));
            for (entry, (told, since)) in unusual {
                let now = counts.get(entry.count);
                if now > *told && since.is_none_or(|since| since.elapsed() >= pause) {
                    *since = Some(Instant::now());
                    let more = now - std::mem::replace(told, now);
                    log.warn(entry.meaning, &[("source", Field::text(source)), ("count", more.into())]);
                }
            }
        }
    }
}

/// What was lost, in sentences.
fn losses(monitor: &Monitor, job: &Job, relayed: &relay::Counts) -> Vec<String> {
    let lost = |(source, packets): (String, u64)| {
        (packets > 0).then(|| {
            format!(
                "'{source}' lost {} or {}, for nobody took them in time",
                report::several(packets, "packet"),
                report::things(packets, "message")
            )
        })
    };
    let unwritten = monitor.sink(FILES).get(Delivery::RowsDropped);
    let unwritten = (unwritten > 0)
        .then(|| format!("{} lost, which could not be written", report::several_were(unwritten, "row")));
    let unsent = relayed.dropped();
    let unsent = (unsent > 0).then(|| {
        let receiver = report::target_path(&job.target);
        format!(
            "{receiver} did not get {}, for want of room or of a receiver",
            report::several(unsent, "message")
        )
    });
    monitor.dropped().into_iter().filter_map(lost).chain(unwritten).chain(unsent).collect()
}

/// What files are called among the outputs.
const FILES: &str = "files";

/// Often enough for a watchdog, and for whoever waits for a signal to be heard.
const BEAT: Duration = Duration::from_millis(200);

/// So long an output may take a piece without being called slow.
const PATIENCE: Duration = Duration::from_secs(1);

/// Opens all sources.
fn open(job: &Job) -> anyhow::Result<Vec<Box<dyn Opened>>> {
    let one = |input: &Input| match input {
        Input::Live(address) => sources::open(address, &job.plan.ports),
        _ => unreachable!("live sources only"),
    };
    job.captures.iter().map(one).collect()
}

/// Starts the threads of all sources.
fn start(
    sources: Vec<Box<dyn Opened>>,
    job: &Job,
    queue: &Arc<Queue>,
    monitor: &Monitor,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let mut threads = Vec::new();
    for (number, source) in sources.into_iter().enumerate() {
        let name = job.captures[number].path();
        let started = source.start(queue, number as u32, monitor.source(&name));
        threads.extend(started.with_context(|| format!("cannot start '{name}'"))?);
    }
    Ok(threads)
}

/// Makes the folder of files that follow each other, and sees to what a run left that was killed.
fn prepare(job: &Job, rotation: Option<&rotating::Settings>, log: &Log) -> anyhow::Result<()> {
    let (Some(settings), Some(Output::Path(name))) = (rotation, job.target.one()) else { return Ok(()) };
    files::make_folder(name)?;
    for recovered in rotating::recover(&settings.template, settings.content) {
        log.record("recovered", &[("what", Field::text(recovered))]);
    }
    Ok(())
}

/// Tells of sockets that were made as another user and cannot be removed at the end, as their folder is not this one's. The next
/// start removes them; until then senders find nobody there.
fn tell_of_sockets(job: &Job, log: &Log) {
    let folders = job.captures.iter().filter_map(|input| match input {
        Input::Live(address) => address.folder(),
        _ => None,
    });
    for folder in folders {
        if accessat(CWD, &folder, Access::WRITE_OK, AtFlags::EACCESS).is_err() {
            let why = "the user of the service may not write into this folder";
            log.info(
                "sockets will stay until the next start",
                &[("folder", Field::text(folder.display())), ("why", why.into())],
            );
        }
    }
}

/// What is left to the process once all is open.
fn sandbox(job: &Job, wish: &Wish) -> anyhow::Result<Sandbox> {
    let mut write = Vec::new();
    let (mut keep, mut bpf) = (CapabilitySet::empty(), false);
    let of_file = |path: &Path| path.parent().filter(|path| !path.as_os_str().is_empty()).map(PathBuf::from);
    let folder_of = |path: &Path| of_file(path).unwrap_or_else(|| PathBuf::from("."));
    if let Some(Output::Path(path)) = job.target.one() {
        write.push(if wish.files.is_some() { files::folder(path) } else { folder_of(path) });
    }
    write.extend(wish.parts.iter().flat_map(parts::Wish::folders));
    let metrics = wish.service.metrics.iter().filter_map(|address| address.path());
    write.extend(metrics.map(folder_of));
    for input in &job.captures {
        let Input::Live(address) = input else { continue };
        write.extend(address.folder());
        if address.wants_packets() {
            keep |= CapabilitySet::NET_RAW;
        }
        if address.wants_bpf() {
            keep |= CapabilitySet::NET_ADMIN | CapabilitySet::BPF;
            bpf = true;
        }
    }
    // Of a file its folder, which a bare name does not tell.
    let whole = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
    let read = wish.config.iter().map(PathBuf::from).chain(job.files_read()).map(whole).collect();
    Ok(Sandbox {
        user: wish.service.user.clone(),
        keep,
        read,
        write,
        commands: wish.files.as_ref().is_some_and(files::Wish::has_command),
        bpf,
        filters: wish.service.sandbox,
    })
}

fn pace(job: &Job, wish: &Wish) -> Pace {
    Pace {
        bytes: Machine::new(NonZeroUsize::MIN, 0).chunk_bytes,
        interval: wish.interval,
        jump_ns: job.plan.limits.jump_ns,
    }
}

/// Where rows go.
enum Outlet {
    /// To one file, standard output, or a receiver.
    One(Output),
    /// To files that follow each other.
    Files { output: Output, rotating: Option<Arc<Rotating>> },
}

impl Outlet {
    fn open(
        work: &Work,
        rotation: Option<rotating::Settings>,
        monitor: &Arc<Monitor>,
        log: &Arc<Log>,
    ) -> anyhow::Result<Outlet> {
        let Target::One(output) = work.job.target.clone() else {
            unreachable!("live sources have one output")
        };
        let Some(settings) = rotation else { return Ok(Outlet::One(output)) };
        let tell = teller(Arc::clone(log), Arc::clone(monitor));
        let rotating = Rotating::new(settings, Form::of(work.job), tell)?;
        Ok(Outlet::Files { output, rotating: Some(Arc::new(rotating)) })
    }

    /// What a new configuration changes.
    fn rotating(&self) -> Option<&Arc<Rotating>> {
        match self {
            Outlet::One(_) => None,
            Outlet::Files { rotating, .. } => rotating.as_ref(),
        }
    }

    /// Runs the engine until the sources end.
    fn fill(&mut self, work: &Work, intake: Intake) -> anyhow::Result<Done> {
        match self {
            Outlet::One(output) => work.write(intake, output.clone()),
            Outlet::Files { output, rotating } => {
                let (plan, intake) = work.plan_of(intake);
                let rotating = rotating.take().expect("it is filled once");
                let started = Instant::now();
                let (outcome, checked) = work.look(intake, &*rotating, &plan, output)?;
                let (processing, finishing) = (started.elapsed(), Instant::now());
                // Else a configuration is being put in force, and whoever does that finishes the files.
                if let Some(rotating) = Arc::into_inner(rotating) {
                    rotating.finish();
                }
                let taken = Vec::new();
                Ok(Done {
                    output: output.clone(),
                    taken,
                    outcome,
                    processing,
                    finishing: finishing.elapsed(),
                    checked,
                })
            }
        }
    }
}

/// Tells the log, and counts, what becomes of files.
fn teller(log: Arc<Log>, monitor: Arc<Monitor>) -> rotating::Tell {
    let counts = monitor.sink(FILES);
    Box::new(move |event| match event {
        Event::FileComplete { path, rows, bytes } => {
            monitor.pulse.set_failing(false);
            counts.add(Delivery::Files, 1);
            counts.add(Delivery::Rows, rows);
            counts.add(Delivery::Bytes, bytes);
            let fields =
                [("path", Field::text(path.display())), ("rows", rows.into()), ("bytes", bytes.into())];
            log.record("file complete", &fields);
        }
        Event::FileFailed { path, error, left } => {
            // Not ready until a file is complete again.
            monitor.pulse.set_failing(true);
            counts.add(Delivery::Failures, 1);
            let left = match left {
                Left::Nothing => "nothing".to_owned(),
                Left::Finished => "a complete file of what it had".to_owned(),
                Left::SetAside { path, rows } => {
                    format!("{} in {}", report::several(rows, "row"), path.display())
                }
            };
            let path = Field::text(path.display());
            log.error(
                "file failed",
                &[("path", path), ("why", Field::text(error)), ("left", Field::text(left))],
            );
        }
        Event::RowsDropped { rows } => {
            counts.add(Delivery::RowsDropped, rows);
            log.error("rows dropped", &[("rows", rows.into())]);
        }
        Event::RowsMisfiled { rows } => {
            counts.add(Delivery::RowsMisfiled, rows);
            log.warn("rows are in a file of another time than theirs", &[("rows", rows.into())]);
        }
        Event::HookFailed { path, error } => {
            counts.add(Delivery::Failures, 1);
            let path = Field::text(path.display());
            log.error("command failed", &[("path", path), ("why", Field::text(error))]);
        }
        Event::HooksAwaited { files, patience } => {
            let seconds = ("seconds", patience.as_secs().into());
            log.record("waiting for commands", &[("files", files.into()), seconds]);
        }
    })
}
