//! SIGHUP: the configuration is read again, and what of it may change while packets go on coming is in force from then on.
//!
//! What rows look like, which they are, and what is hidden is decided behind the matcher, and changes with the next chunk or the
//! next file; so does where files are, when they end and which command follows them, and how the log looks. What is matched, and
//! what is kept of messages for columns, was decided when the run began: a configuration that needs other sources, ports or times,
//! or more of messages than is kept, is refused as a whole, and the log says what asks for a restart. So is one that needs a folder
//! or a command which the sandbox has shut out. Until it is right the old one stays in force.

use super::files::{self, Form};
use super::{Service, Wish};
use crate::checks::Job;
use crate::inputs::Input;
use crate::output::Output;
use crate::service::log::{Field, Log};
use crate::service::sandbox::Sandbox;
use anyhow::{Context, bail};
use dpp::filter::Select;
use dpp::pipeline::Watch;
use dpp::plan::Plan;
use dpp::transaction::Needs;
use dpp_sink::rotating::{Rotating, Settings};
use std::sync::{Arc, Weak};

/// What is compared with, and what is changed.
pub(super) struct Reload<'a> {
    job: &'a Job,
    watch: &'a Watch,
    /// What is kept of messages.
    needs: Needs,
    /// Files that follow each other, if the output is such.
    files: Option<Weak<Rotating>>,
    /// What the process has shut itself into.
    sandbox: Option<Sandbox>,
}

impl<'a> Reload<'a> {
    pub(super) fn new(
        job: &'a Job,
        watch: &'a Watch,
        files: Option<&Arc<Rotating>>,
        sandbox: Option<Sandbox>,
    ) -> Self {
        Reload { job, watch, needs: needs_of(job), files: files.map(Arc::downgrade), sandbox }
    }

    /// Reads the configuration again, and puts it in force if that can be done. Says whether it is.
    pub(super) fn read(&mut self, log: &Log) -> bool {
        match self.change(log) {
            Ok(()) => log.record("configuration in force", &[]),
            Err(error) => {
                log.error("configuration refused", &[("why", Field::text(format!("{error:#}")))]);
                return false;
            }
        }
        true
    }

    fn change(&mut self, log: &Log) -> anyhow::Result<()> {
        let job = super::again().context("the old one stays in force")?;
        self.refuse(&job)?;
        if let (Some(settings), Some(files)) = (self.rotation(&job)?, &self.files)
            && let Some(rotating) = files.upgrade()
        {
            rotating.change(settings, Form::of(&job)).context("the old configuration stays in force")?;
        }
        if let Some(Wish { service: Service { log_style, log_level, .. }, .. }) = &job.live {
            log.change(*log_style, *log_level);
        }
        self.watch.select(job.plan.select.clone(), &job.plan.context);
        Ok(())
    }

    /// Where files are to be and when they end, if that can be: their folder is made.
    fn rotation(&self, job: &Job) -> anyhow::Result<Option<Settings>> {
        let Some(wish) = job.live.as_ref().and_then(|live| live.files.as_ref()) else { return Ok(None) };
        let settings = wish.settings(job)?;
        let Some(Output::Path(name)) = job.target.one() else { return Ok(Some(settings)) };
        let folder = files::folder(name);
        if let Some(sandbox) = &self.sandbox {
            if !sandbox.may_write(&folder) {
                bail!(
                    "output: the sandbox was closed without '{}'; restart, or take a folder below the old one; the old \
                     configuration stays in force",
                    folder.display()
                );
            }
            if wish.has_command() && !sandbox.may_run_commands() {
                bail!(
                    "after-file: the sandbox was closed without commands; restart, or have a command from the start; the \
                     old configuration stays in force"
                );
            }
        }
        files::make_folder(name)
            .and_then(|()| files::try_to_write("--output", name))
            .context("the old one stays in force")?;
        Ok(Some(settings))
    }

    /// Whether transactions are counted beside the rows.
    fn counts(&self) -> bool {
        let parts = self.job.live.as_ref().and_then(|live| live.parts.as_ref());
        parts.is_some_and(super::parts::Wish::has_stats)
    }

    /// What cannot change while the run goes on.
    fn refuse(&self, job: &Job) -> anyhow::Result<()> {
        let (old, new) = (&self.job.plan, &job.plan);
        let places = |job: &Job| job.captures.iter().map(Input::path).collect::<Vec<_>>();
        let others = [
            ("source", places(self.job) != places(job)),
            ("port", old.ports != new.ports),
            ("match-timeout-ms", old.match_timeout_ns != new.match_timeout_ns),
            ("dedup-packets", old.duplicates_ns != new.duplicates_ns),
            ("unasked", old.unasked != new.unasked),
            ("output", self.files.is_none() && report_target(self.job) != report_target(job)),
            ("threads", self.job.options.workers.threads != job.options.workers.threads),
            ("rssac-server or rssac-labels", servers(old) != servers(new)),
            // A part tells one condition.
            ("where or sample (--stats counts by it)", self.counts() && conditions(old) != conditions(new)),
            ("check-privacy", self.job.options.check_privacy || job.options.check_privacy),
        ];
        let of_live = self.job.live.iter().zip(&job.live).flat_map(|(old, new)| old.differences(new));
        if let Some((option, _)) = others.into_iter().chain(of_live).find(|other| other.1) {
            bail!("{option}: a change of this asks for a restart; the old configuration stays in force");
        }
        if self.files.is_none() && !self.has_same_form(job) {
            bail!(
                "one output cannot change what it looks like: let files follow each other (rotate-every), or restart; \
                 the old configuration stays in force"
            );
        }
        if needs_of(job) | self.needs != self.needs {
            bail!(
                "its columns or conditions need more of messages than is kept since the start: restart, or name such columns \
                 at the start too; the old configuration stays in force"
            );
        }
        Ok(())
    }

    /// Whether rows look the same.
    fn has_same_form(&self, job: &Job) -> bool {
        let facts = |job: &Job| {
            let mut facts = crate::report::facts(&job.plan);
            facts["where"] = serde_json::Value::Null;
            facts["sample"] = serde_json::Value::Null;
            facts
        };
        self.job.table == job.table && facts(self.job) == facts(job)
    }
}

fn report_target(job: &Job) -> String {
    crate::report::target_path(&job.target)
}

/// What has to be kept of messages.
fn needs_of(job: &Job) -> Needs {
    super::plan_of(job).needs()
}

/// Whose messages are counted for RSSAC002, and whether labels are.
fn servers(plan: &Plan) -> Option<(String, bool)> {
    plan.rssac.as_ref().map(|wanted| (wanted.servers.to_string(), wanted.labels))
}

/// Which transactions are rows, as it was said.
fn conditions(plan: &Plan) -> (Option<String>, Option<String>) {
    let Select { filter, sample } = &plan.select;
    (filter.as_ref().map(|filter| filter.text().to_owned()), sample.map(|sample| sample.to_string()))
}
