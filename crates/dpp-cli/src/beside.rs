//! What is counted beside rows, in the same pass: statistics and RSSAC002 figures.
//!
//! Whoever writes a table has read all that these need. The table is the same with and without; so are the figures, but that
//! what the table's options leave out or hide is left out of statistics, or hidden in them. [`checks`](crate::checks) judges what
//! is asked for, [`run`](crate::run) opens it beside its table and writes it when the rows are complete.

use crate::captures::Captures;
use crate::checks::check_file;
use crate::counting::{self, Counted, Printed, Prints, check_twins};
use crate::flags::{self, Options};
use crate::inputs::Input;
use crate::output::{Opened, Output};
use crate::rssac;
use crate::stats::{self, Shape};
use anyhow::{anyhow, bail};
use dpp::limits::TALLIED_KEYS_MAX;
use dpp::pipeline::{self, Machine, Outcome, RunError, Sink, Summed, Watch};
use dpp::plan::Plan;
use dpp::summary::Summary;
use dpp::tallies::rssac::Wanted;
use dpp_sink::parts::Form;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// What is counted beside rows.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    pub(crate) stats: Option<(Output, Shape)>,
    pub(crate) rssac: Option<(Output, Form)>,
    /// As it stands in keys.
    site: String,
}

impl Beside {
    /// Judges what is asked for, and tells the plan; `None` if it is nothing.
    ///
    /// # Errors
    /// A name that does not say what is to be written, and what does not go together.
    pub(crate) fn check(
        wish: &flags::Beside,
        site: Option<&OsStr>,
        options: &Options,
        plan: &mut Plan,
    ) -> anyhow::Result<Option<Beside>> {
        let flags::Beside { stats, rssac, .. } = wish;
        let beside = Beside {
            stats: stats.as_deref().map(stats_file).transpose()?,
            rssac: rssac.as_deref().map(rssac_file).transpose()?,
            site: counting::site(site)?,
        };
        tell_plan(wish, options, plan)?;
        if beside.outputs().next().is_none() && site.is_some() {
            bail!("--site is for the parts of --stats and --rssac; name one, or leave it out")
        }
        let is_wanted = beside.outputs().next().is_some();
        Ok(is_wanted.then_some(beside))
    }

    /// Where figures go, with the option that says so.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = (&'static str, &Output)> {
        let stats = self.stats.iter().map(|(output, _)| ("--stats", output));
        stats.chain(self.rssac.iter().map(|(output, _)| ("--rssac", output)))
    }

    /// Refuses captures that are the same where a part of them is to be made, as far as that is seen before they are read.
    ///
    /// # Errors
    /// Which two they are.
    pub(crate) fn check_captures(&self, captures: &[Input]) -> anyhow::Result<()> {
        let option = match (&self.stats, &self.rssac) {
            (Some((_, Shape::Part(_))), _) => "--stats",
            (_, Some(_)) => "--rssac",
            _ => return Ok(()),
        };
        check_twins(captures).map_err(|error| anyhow!("{option}: {error:#}"))
    }

    /// Opens them, so that what cannot be written is known before hours of counting.
    ///
    /// # Errors
    /// What cannot be written.
    pub(crate) fn open(&self) -> anyhow::Result<Sums<'_>> {
        let open = |output: &Output| output.open(&Arc::default());
        Ok(Sums {
            beside: self,
            stats: self.stats.as_ref().map(|(output, _)| open(output)).transpose()?,
            rssac: self.rssac.as_ref().map(|(output, _)| open(output)).transpose()?,
            prints: Prints::default(),
            summary: OnceLock::new(),
        })
    }
}

/// Has the engine count what is asked for.
///
/// # Errors
/// What does not go together.
pub(crate) fn tell_plan(wish: &flags::Beside, options: &Options, plan: &mut Plan) -> anyhow::Result<()> {
    let flags::Beside { stats, rssac, rssac_server, rssac_labels } = wish;
    match rssac {
        Some(_) if plan.context.privacy.is_active() => bail!(
            "--rssac counts addresses of clients as they are, which are hidden in the table; count them in a \
             run of their own (dpp rssac map)"
        ),
        Some(_) if plan.duplicates_ns.is_some() => bail!(
            "--rssac counts every message beside rows, and --dedup-packets drops some; count them in a run of \
             their own (dpp rssac map)"
        ),
        Some(_) => {
            let servers = options.lookups.servers.as_deref();
            let servers = rssac::servers("--rssac-server", rssac_server, servers)?;
            plan.rssac = Some(Wanted { servers, labels: *rssac_labels, sketch: false });
        }
        None if !rssac_server.is_empty() || *rssac_labels => {
            bail!(
                "--rssac-server and --rssac-labels are for --rssac; name a part with that, or leave them out"
            )
        }
        None => {}
    }
    if stats.is_some() {
        plan.sink_needs |= Summary::NEEDS;
        stats::check_told(plan)?;
    }
    Ok(())
}

/// What a file is: how its name ends, what that means, and what is said of it.
type Ending<T> = (&'static str, T, &'static str);

const PARTS: [Ending<Form>; 2] = [("tally", Form::Compact, "a part"), ("txt", Form::Text, "a part as text")];

const PAGES: [Ending<Shape>; 2] = [("json", Shape::Object, "all figures"), ("html", Shape::Page, "a page")];

fn stats_file(path: &Path) -> anyhow::Result<(Output, Shape)> {
    let parts = PARTS.map(|(end, form, what)| (end, Shape::Part(form), what));
    let shape = meant("--stats", path, &[parts, PAGES].concat())?;
    Ok((check_file(path)?, shape))
}

fn rssac_file(path: &Path) -> anyhow::Result<(Output, Form)> {
    let form = form("--rssac", path)?;
    Ok((check_file(path)?, form))
}

/// The form of a part, as its name says it.
///
/// # Errors
/// If it says none.
pub(crate) fn form(option: &str, path: &Path) -> anyhow::Result<Form> {
    meant(option, path, &PARTS)
}

fn meant<T: Copy>(option: &str, path: &Path, endings: &[Ending<T>]) -> anyhow::Result<T> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match endings.iter().find(|row| Some(row.0) == extension) {
        Some((_, meant, _)) => Ok(*meant),
        None => {
            let ends: Vec<_> = endings.iter().map(|(end, _, what)| format!(".{end} for {what}")).collect();
            bail!("{option} '{}': end its name with {}", path.display(), ends.join(", "))
        }
    }
}

/// What is being counted beside rows.
pub(crate) struct Sums<'a> {
    beside: &'a Beside,
    stats: Option<Opened>,
    rssac: Option<Opened>,
    /// Of the captures, as they are read.
    prints: Prints,
    /// Once they are.
    summary: OnceLock<Summary>,
}

impl Sums<'_> {
    /// Runs the engine, and counts what comes by.
    pub(crate) fn run<S: Sink>(
        &self,
        captures: Captures,
        plan: &Plan,
        machine: &Machine,
        sink: &S,
        watch: &Watch,
    ) -> Result<Outcome, RunError<S::Error>> {
        let printed = Printed::new(captures, &self.prints);
        if self.stats.is_none() {
            return pipeline::run(printed, plan, machine, sink, watch);
        }
        let summed = Summed::new(sink, plan, Summary::new(TALLIED_KEYS_MAX));
        let outcome = pipeline::run(printed, plan, machine, &summed, watch)?;
        self.summary.get_or_init(|| summed.finish().1);
        Ok(outcome)
    }

    /// The captures' fingerprints.
    pub(crate) fn prints(&self) -> &Prints {
        &self.prints
    }

    /// The site as it stands in keys.
    pub(crate) fn site(&self) -> &str {
        &self.beside.site
    }

    /// Writes the figures of a run.
    ///
    /// # Errors
    /// If a part cannot be of all that was to be counted, and the outputs'.
    pub(crate) fn write(self, plan: &Plan, counted: &Counted) -> anyhow::Result<()> {
        let Sums { beside, stats, rssac, summary, .. } = self;
        let keys_max = TALLIED_KEYS_MAX;
        let stats = match (stats, &beside.stats) {
            (Some(opened), Some((output, shape))) => {
                let summary = summary.into_inner().unwrap_or_else(|| Summary::new(keys_max));
                stats::write_beside(opened, *shape, output, (plan, keys_max), summary, counted)
            }
            _ => Ok(()),
        };
        let rssac = match (rssac, &beside.rssac) {
            (Some(opened), Some((output, form))) => rssac::write_part(opened, *form, output, plan, counted),
            _ => Ok(()),
        };
        let named = |option: &'static str| {
            move |error: anyhow::Error| anyhow!("{option}: {error:#}; the table was written")
        };
        stats.map_err(named("--stats")).and(rssac.map_err(named("--rssac")))
    }
}
