//! `dpp live`: sources whose capture has not ended, for months.
//!
//! What is said on the command line, in the environment and in a file ([`config`]) becomes a [`Wish`] beside the
//! [`Job`] of any run; sources are [`address`]es; [`sources`] opens them and [`run`](run::run) joins them to the
//! engine. The surprising fact: behind the feed of the sources nothing is different from a file. `dpp SOURCE SINK` is the same
//! without names that change.

mod address;
mod config;
mod files;
mod receiver;
mod reload;
mod run;
mod sources;
mod waits;

use crate::checks::{self, Job};
use crate::flags::{Command, CommandLine, Live, Options};
use crate::inputs::Input;
use crate::report;
use crate::service::http::Address as Page;
use crate::service::log::{Level, Style};
use crate::sinks;
use crate::time;
use anyhow::{anyhow, bail};
use dpp::plan::Plan;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

pub(crate) use address::Address;
pub(crate) use receiver::receiver;
pub(crate) use run::run;
pub(crate) use waits::{Timed, Waits};

/// How live sources are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// How long packets may wait before they are worked on.
    pub(crate) interval: Duration,
    /// Bytes of packets that may wait.
    pub(crate) queue_bytes: usize,
    /// Files that follow each other; else the output is one.
    files: Option<files::Wish>,
    service: Service,
    /// Where options were read from.
    config: Option<PathBuf>,
}

/// What makes a service of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Service {
    metrics: Option<Page>,
    log_style: Style,
    log_level: Level,
    user: Option<String>,
    sandbox: bool,
}

impl Default for Service {
    fn default() -> Self {
        Service { metrics: None, log_style: Style::Text, log_level: Level::Info, user: None, sandbox: true }
    }
}

impl Service {
    fn of(live: &Live) -> anyhow::Result<Service> {
        let text = |text: &Option<OsString>| text.as_ref().map(|text| text.to_string_lossy().into_owned());
        let metrics = text(&live.metrics).map(|text| text.parse()).transpose();
        let log_style = match text(&live.log_format).as_deref() {
            None | Some("text") => Style::Text,
            Some("json") => Style::Json,
            Some(other) => bail!("--log-format '{other}': allowed are text and json"),
        };
        let log_level = text(&live.log_level).map(|text| Level::of(&text)).transpose();
        let usual_level = if live.options.silent { Level::Error } else { Level::Info };
        Ok(Service {
            metrics: metrics.map_err(|error: anyhow::Error| anyhow!("--metrics: {error}"))?,
            log_style,
            log_level: log_level.map_err(|error| anyhow!("--log-level: {error}"))?.unwrap_or(usual_level),
            user: text(&live.user),
            sandbox: !live.no_sandbox,
        })
    }
}

/// A fifth of a second: rows come T + R after their queries anyway, which is ten times that, and a chunk costs some microseconds
/// however little there is in it.
const INTERVAL: Duration = Duration::from_millis(200);

/// What one second brings on a link of 2 Gbit/s of nothing but DNS.
const QUEUE_BYTES: usize = 256 << 20;

impl Default for Wish {
    fn default() -> Self {
        Wish {
            interval: INTERVAL,
            queue_bytes: QUEUE_BYTES,
            files: None,
            // For a look at an interface nobody wants lines of a log, but for those that are about trouble.
            service: Service { log_level: Level::Warn, ..Service::default() },
            config: None,
        }
    }
}

impl Wish {
    /// What the options say.
    ///
    /// # Errors
    /// What cannot be understood.
    pub(crate) fn of(live: &Live) -> anyhow::Result<Wish> {
        let usual = Wish::default();
        let interval = live
            .flush_interval
            .as_deref()
            .map(|text| time::of_option("--flush-interval", text))
            .transpose()?;
        let allowed = Duration::from_millis(1)..=Duration::from_secs(60);
        if interval.is_some_and(|interval| !allowed.contains(&interval)) {
            bail!("--flush-interval: allowed are times from 1ms to 60s, such as 200ms or 1s");
        }
        let queue_bytes = crate::dataset::number("--queue-size", live.queue_size.as_deref())?;
        Ok(Wish {
            interval: interval.unwrap_or(usual.interval),
            queue_bytes: queue_bytes.unwrap_or(usual.queue_bytes),
            files: files::Wish::of(live)?,
            service: Service::of(live)?,
            config: live.config.clone(),
        })
    }
}

/// Refuses options that mean nothing where the capture has no end.
///
/// # Errors
/// The first of them.
pub(crate) fn check(options: &Options) -> anyhow::Result<()> {
    if options.monotonic_capture {
        bail!(
            "--monotonic-capture ends a run at the first packet out of order; live sources go on: leave it out"
        );
    }
    if options.strict {
        bail!(
            "--strict is for captures that may be cut off or damaged; live sources are neither: leave it out"
        );
    }
    Ok(())
}

/// What sources there are, and what can be said of each.
pub(crate) fn source_list() -> String {
    let mut list = String::new();
    for entry in address::SCHEMES {
        let _ = writeln!(list, "{}\n    {}", entry.form, entry.sentence);
        for parameter in entry.parameters {
            let _ = writeln!(list, "    {}={}  {}", parameter.name, parameter.form, parameter.sentence);
        }
    }
    list
}

/// The plan for live sources, which are all known before the first packet. Which transactions are rows may change.
pub(crate) fn plan_of(job: &Job) -> Plan {
    let mut plan = job.plan.clone();
    let is_sparse = |input: &Input| matches!(input, Input::Live(address) if address.is_sparse());
    plan.sparse = job.captures.iter().any(is_sparse);
    plan.steered = true;
    plan.sink_needs |= sinks::needs(&job.table);
    plan.context.inputs = job.captures.iter().map(|input| OnceLock::from(input.file_name())).collect();
    plan
}

/// The job that the command line and the configuration say now.
fn again() -> anyhow::Result<Job> {
    match crate::flags::parse() {
        CommandLine { command: Some(Command::Live(wish)), .. } => job(*wish, "live"),
        CommandLine { run, .. } => checks::check_one(run),
    }
}

/// Does what the options and the configuration say.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn start(wish: Live) -> anyhow::Result<()> {
    crate::run::run(job(wish, "live")?)
}

/// What the run would do, in lines.
///
/// # Errors
/// What is wrong with the configuration.
pub(crate) fn tell(wish: Live) -> anyhow::Result<String> {
    let job = job(wish, "check")?;
    for capture in &job.captures {
        if let Input::Live(address) = capture {
            sources::check(address, &job.plan.ports)?;
        }
    }
    let mut text = String::new();
    for capture in &job.captures {
        let _ = writeln!(text, "Source: {}", capture.path());
    }
    let _ = writeln!(text, "Output: {}", report::target_path(&job.target));
    if let Some(files) = job.live.as_ref().and_then(|live| live.files.as_ref()) {
        let settings = files.settings(&job)?;
        let every = settings.every.map(|every| format!("after {} s", every.as_secs()));
        let rows = settings.rows.map(|rows| format!("after {rows} rows"));
        let bytes = settings.bytes.map(|bytes| format!("after {bytes} bytes of rows"));
        let ends: Vec<String> = every.into_iter().chain(rows).chain(bytes).collect();
        let ends = if ends.is_empty() { "at the end".to_owned() } else { ends.join(", or ") };
        let _ = writeln!(text, "Files end: {ends}");
    }
    let _ = writeln!(text, "Format: {}", report::table_words(&job.table));
    let columns: Vec<&str> = job.plan.schema.fields().iter().map(|field| &*field.name).collect();
    let _ = writeln!(text, "Columns: {}", columns.join(", "));
    let _ = writeln!(text, "Ports: {}", job.plan.ports);
    let _ = writeln!(text, "Workers: {}", job.workers);
    Ok(text)
}

/// The job, with what stands in the configuration.
fn job(wish: Live, command: &str) -> anyhow::Result<Job> {
    let Some(path) = wish.config.clone() else { return checks::check_live(wish) };
    let (config, CommandLine { command, .. }) = config::Config::read(&path, command)?;
    let (Some(Command::Live(wish)) | Some(Command::Check(wish))) = command else {
        unreachable!("the command is the same")
    };
    checks::check_live(*wish).map_err(|error| config.explain(error))
}
