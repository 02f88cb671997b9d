//! `dpp live`: sources whose capture has not ended, for months.
//!
//! What is said on the command line, in the environment and in a file ([`config`]) becomes a [`Wish`] beside the
//! [`Job`] of any run; sources are [`address`]es; [`sources`] opens them and [`run`](run::run) joins them to the
//! engine. The surprising fact: behind the feed of the sources nothing is different from a file. `dpp SOURCE SINK` is the same
//! without names that change.

mod address;
mod config;
mod files;
#[cfg(feature = "top")]
mod look;
pub(crate) mod parts;
mod receiver;
mod reload;
mod run;
mod sources;
mod tell;
mod waits;

use crate::checks::{self, Job};
use crate::flags::{Command, CommandLine, Live, Options};
use crate::inputs::Input;
use crate::service::http::Address as Page;
use crate::service::log::{Level, Style};
use crate::service::otlp;
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
#[cfg(feature = "top")]
pub(crate) use look::{Named, look};
pub(crate) use receiver::receiver;
pub(crate) use run::run;
pub(crate) use tell::tell;
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
    /// Parts of what is counted beside the rows.
    parts: Option<parts::Wish>,
    service: Service,
    /// Where options were read from.
    config: Option<PathBuf>,
}

/// What makes a service of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Service {
    metrics: Option<Page>,
    otlp: Option<otlp::Wish>,
    log_style: Style,
    log_level: Level,
    user: Option<String>,
    sandbox: bool,
}

impl Default for Service {
    fn default() -> Self {
        Service {
            metrics: None,
            otlp: None,
            log_style: Style::Text,
            log_level: Level::Info,
            user: None,
            sandbox: true,
        }
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
        let usual_level = if live.options.quiet.silent { Level::Error } else { Level::Info };
        Ok(Service {
            metrics: metrics.map_err(|error: anyhow::Error| anyhow!("--metrics: {error}"))?,
            otlp: otlp::Wish::of(&live.otlp)?,
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
            parts: None,
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
            parts: None,
            service: Service::of(live)?,
            config: live.config.clone(),
        })
    }
}

impl Wish {
    /// Which options that cannot change while a run goes on are others there.
    fn differences(&self, other: &Wish) -> Vec<(&'static str, bool)> {
        // The log's look can, as can names and ends of files; and the configuration's path cannot be another.
        let Wish { interval, queue_bytes, files, parts, service, config: _ } = self;
        let Service { metrics, otlp, user, sandbox, log_style: _, log_level: _ } = service;
        let service = &other.service;
        let site = |wish: &Wish| wish.files.as_ref().and_then(|files| files.site().map(str::to_owned));
        vec![
            ("flush-interval", *interval != other.interval),
            ("queue-size", *queue_bytes != other.queue_bytes),
            ("metrics", *metrics != service.metrics),
            ("otlp, otlp-interval or otlp-ca", *otlp != service.otlp),
            ("user", *user != service.user),
            ("no-sandbox", *sandbox != service.sandbox),
            ("stats, rssac or parts-every", *parts != other.parts),
            ("whether files follow each other", files.is_some() != other.files.is_some()),
            ("site (a collector was told of it)", otlp.is_some() && site(self) != site(other)),
        ]
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
    if options.strictness.strict {
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

/// The job, with what stands in the configuration.
fn job(wish: Live, command: &str) -> anyhow::Result<Job> {
    read(wish, command).map(|(job, _)| job)
}

/// The job, and the configuration that told it, which knows the lines of options.
fn read(wish: Live, command: &str) -> anyhow::Result<(Job, Option<config::Config>)> {
    let Some(path) = wish.config.clone() else { return Ok((checks::check_live(wish, command)?, None)) };
    let name = command;
    let (config, CommandLine { command, .. }) = config::Config::read(&path, name)?;
    let (Some(Command::Live(wish)) | Some(Command::Check(wish))) = command else {
        unreachable!("the command is the same")
    };
    match checks::check_live(*wish, name) {
        Ok(job) => Ok((job, Some(config))),
        Err(error) => Err(config.explain(error)),
    }
}
