//! `dpp stats` and `dpp report`: what is in some traffic, in one pass, on one screen or one page.
//!
//! The engine matches queries and responses as for a table, and adds the rows up where they would be written
//! ([`Summary`]); [`text`] puts its figures on a screen, [`json`] tells all of them, and [`page`] shows those. Steps can be far
//! apart: *map* counts captures into a part, which holds what is shown and no more ([`traffic`]), *merge* makes one part of
//! many, and *report* shows what is in them. Figures of groups of transactions are [`tables`], which are counted by themselves, or
//! into the same parts.

mod json;
pub(crate) mod tables;
pub(crate) mod text;
mod traffic;

use crate::checks::check_timeout;
use crate::counting::{self, Job, Partial};
use crate::dataset;
use crate::flags::{self, Lookups, Showing, StatsMap, StatsMerge, StatsReport, StatsStep, Summing};
use crate::hiding;
use crate::inputs::{Input, Sought};
use crate::lookups;
use crate::output::{Opened, Output, STDOUT};
use crate::page;
use crate::parts::{Added, OfDay, Out, Parts, Since, are_parts, check_step, together, warn_of, written};
use crate::plan;
use crate::report::{self, grouped, several};
use anyhow::{Context, bail};
use dpp::findings::AllFindings;
use dpp::limits::TALLIED_KEYS_MAX;
use dpp::pipeline::{Nobody, RowTally, Summed};
use dpp::plan::Plan;
use dpp::stats::Totals;
use dpp::summary::{Counted, Summary};
use dpp::tallies::Tally;
use dpp::transaction::Needs;
use dpp_sink::parts::ledger::Ledger;
use dpp_sink::parts::{Form, Header};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use traffic::{Account, Traffic};

/// What these parts are of.
const KIND: &str = "stats";

/// Rows of tables in JSON, unless told otherwise.
const ROWS: usize = 100;

/// `dpp stats`.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn stats(wish: &flags::Stats) -> anyhow::Result<()> {
    match &wish.step {
        Some(StatsStep::Map(wish)) => map(wish),
        Some(StatsStep::Merge(wish)) => merge(wish),
        Some(StatsStep::Report(wish)) => report_of_parts(wish),
        None => {
            check_step(KIND, &wish.summing.counting.inputs)?;
            if tables::are_wanted(&wish.tables)? {
                return tables::write(wish);
            }
            tables::lookups(&[], &wish.looking, &wish.summing)?;
            let captures = counting::named(KIND, &wish.summing.counting)?;
            let silent = wish.summing.counting.quiet.silent;
            let (found, ()) = Transactions::check_usual(captures, &wish.summing)?.show(silent, || Ok(()))?;
            found.show(&wish.showing)?;
            found.verdict
        }
    }
}

/// `dpp report`: of captures, or of parts.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn report(wish: &flags::Report) -> anyhow::Result<()> {
    let output = match wish.output == Path::new("-") {
        true => Output::Stdout,
        false => Output::Path(wish.output.clone()),
    };
    let counting = &wish.summing.counting;
    let captures = counting::sought("report", counting, Sought::Either)?;
    output.check_spares(&captures)?;
    let (found, opened) = if are_parts(&captures)? {
        check_of_parts(&wish.summing)?;
        let parts = Parts::of(captures, KIND, counting.many.keep_going);
        Found::of_parts(&parts, &wish.sites, counting.quiet.silent, || output.open(&Arc::default()))?
    } else {
        if !wish.sites.site.is_empty() {
            bail!("--site chooses among the sites of parts, and these are captures; leave it out")
        }
        let transactions = Transactions::check_usual(captures, &wish.summing)?;
        transactions.show(counting.quiet.silent, || output.open(&Arc::default()))?
    };
    let title = wish.title.clone().unwrap_or_else(|| found.title());
    write(opened, &output, &page::render(&found.object(ROWS).to_string(), &title))?;
    found.verdict
}

fn write(mut opened: Opened, output: &Output, text: &str) -> anyhow::Result<()> {
    let written = opened.write_all(text.as_bytes()).and_then(|()| opened.finish());
    written.map_err(|error| output.explain(error))
}

/// What is written of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Part(Form),
    /// All of them as one JSON object.
    Object,
    Page,
}

/// Writes what was added up beside rows.
///
/// # Errors
/// If a part would not be of all that was to be counted, and the output's.
pub(crate) fn write_beside(
    opened: Opened,
    shape: Shape,
    output: &Output,
    (plan, keys_max): (&Plan, u64),
    summary: Summary,
    counted: &counting::Counted,
) -> anyhow::Result<()> {
    let traffic = Traffic::of(summary, &counted.outcome.totals, &counted.read);
    if let Shape::Part(form) = shape {
        counted.judge(Partial::Refused)?;
        return write_part(opened, form, output, &header(plan, keys_max), counted, traffic);
    }
    // How the captures ended the report of the table tells.
    let found = Found { traffic, ledger: counted.left_out(), verdict: Ok(()) };
    let object = found.object(ROWS).to_string();
    match shape {
        Shape::Page => write(opened, output, &page::render(&object, &found.title())),
        _ => write(opened, output, &format!("{object}\n")),
    }
}

/// What was read of a run that goes on, until its last part.
pub(crate) struct Before(Account);

impl Default for Before {
    fn default() -> Before {
        Before(Account::of(&Totals::default()))
    }
}

impl Before {
    /// Writes a part of what was added up since.
    ///
    /// # Errors
    /// The output's.
    pub(crate) fn write_part(
        &mut self,
        mut out: Out,
        since: &Since,
        summary: Summary,
        totals: &Totals,
    ) -> anyhow::Result<()> {
        let account = Account::of(totals);
        let mut traffic = Traffic::of(summary, &Totals::default(), &[]);
        traffic.account = account.since(&self.0);
        out.put_ledger(&since.ledger)?;
        out.put_all(&BTreeMap::from([(since.site.clone(), traffic)]))?;
        out.finish()?;
        self.0 = account;
        Ok(())
    }
}

/// Writes a part of captures.
fn write_part(
    opened: Opened,
    form: Form,
    output: &Output,
    header: &Header,
    counted: &counting::Counted,
    traffic: Traffic,
) -> anyhow::Result<()> {
    let ledger = counted.ledger()?;
    let mut out = Out::new(opened, form, header, output)?;
    out.put_ledger(&ledger)?;
    out.put_all(&BTreeMap::from([(counted.site.clone(), traffic)]))?;
    out.finish()
}

/// `dpp stats map`.
fn map(wish: &StatsMap) -> anyhow::Result<()> {
    let captures = counting::named("stats map", &wish.summing.counting)?;
    let (output, form) = written(&wish.written)?;
    let wanted = tables::wanted(&wish.wanted, &[])?;
    let needs = wanted.iter().fold(Summary::NEEDS, |needs, wish| needs | wish.needs());
    let lookups = tables::lookups(&wanted, &wish.looking, &wish.summing)?;
    tables::check_spares(&output, &lookups)?;
    let Transactions { job, header, .. } = Transactions::check(captures, &wish.summing, needs, &lookups)?;
    check_told(job.plan())?;
    let header = tables::named_in(header, &wanted, job.plan());
    let job = job.numbered(&wish.numbered)?;
    job.check_output(&output)?;
    let is_silent = job.is_silent();
    let blank = blank(&header)?;
    let (traffic, counted, opened) = count(job, blank, || output.open(&Arc::default()))?;
    let mut judged = counted.judge(Partial::Refused)?;
    judged.warnings.extend(tables::estimated(&traffic.tables));
    let traffic = traffic.read_in(&counted.outcome.totals, &counted.read);
    if !is_silent {
        let transactions = grouped(traffic.summary.counted(Counted::Queries));
        let tables = tables::told(&wanted);
        judged.warn(format!("{}Transactions: {transactions}\n{tables}", counted.told()));
    }
    write_part(opened, form, &output, &header, &counted, traffic)?;
    judged.verdict
}

/// `dpp stats merge`. What it writes is what would have been counted at once, so it does not grow with the number of parts.
fn merge(wish: &StatsMerge) -> anyhow::Result<()> {
    let (output, form) = written(&wish.written)?;
    let parts = Parts::named(&wish.adding, (KIND, "merge"), &output, OfDay::Any)?;
    let (added, sites, opened) = parts.tallies(blank, |_| true, || output.open(&Arc::default()))?;
    let mut out = Out::new(opened, form, &added.header, &output)?;
    out.put_ledger(&added.ledger)?;
    out.put_all(&sites)?;
    out.finish()?;
    added.tell(!wish.adding.quiet.silent && output != Output::Stdout)
}

/// `dpp stats report`.
fn report_of_parts(wish: &StatsReport) -> anyhow::Result<()> {
    if tables::are_wanted(&wish.tables)? {
        return tables::write_of_parts(wish);
    }
    let parts = Parts::named(&wish.adding, (KIND, "report"), &Output::Stdout, OfDay::Any)?;
    let (found, ()) = Found::of_parts(&parts, &wish.sites, wish.adding.quiet.silent, || Ok(()))?;
    found.show(&wish.showing)?;
    found.verdict
}

/// What there is to show.
struct Found {
    traffic: Traffic,
    /// What was left out, and which numbers are missing.
    ledger: Ledger,
    /// Whether it is all that was to be counted.
    verdict: anyhow::Result<()>,
}

/// Entries of parts that are wanted.
struct Entries<'a> {
    parts: &'a Parts<'a>,
    /// What takes them where parts have such a header.
    new: &'a dyn Fn(&Header) -> anyhow::Result<Traffic>,
    /// Whether it takes those of a key.
    is_wanted: &'a dyn Fn(&[u8]) -> bool,
}

impl Found {
    /// What is in parts, of these sites. What `open` gives is opened when the parts have shown to add up.
    fn of_parts<O>(
        parts: &Parts,
        sites: &flags::Sites,
        is_silent: bool,
        open: impl FnOnce() -> anyhow::Result<O>,
    ) -> anyhow::Result<(Found, O)> {
        let new = |header: &Header| Ok(Traffic::new(keys_max(header), AllFindings::default()));
        let is_wanted = |key: &[u8]| traffic::table_of(key).is_none();
        Found::of(Entries { parts, new: &new, is_wanted: &is_wanted }, sites, is_silent, open)
    }

    /// Those entries of parts that are wanted, of these sites.
    fn of<O>(
        wanted: Entries,
        sites: &flags::Sites,
        is_silent: bool,
        open: impl FnOnce() -> anyhow::Result<O>,
    ) -> anyhow::Result<(Found, O)> {
        let Entries { parts, new, is_wanted } = wanted;
        let (added, all, out) = parts.tallies(new, is_wanted, open)?;
        let verdict = added.verdict("the figures are those");
        let Added { header, mut ledger, .. } = added;
        let all = together(all, &mut ledger, sites, |all, traffic| all.merge(&traffic))?;
        let traffic = match all {
            Some(traffic) => traffic,
            None => new(&header)?,
        };
        warn_of(&ledger, is_silent);
        Ok((Found { traffic, ledger, verdict }, out))
    }

    /// What a page is called: as its capture, if there is one.
    fn title(&self) -> String {
        match &self.traffic.inputs[..] {
            [one] => one.name.clone(),
            inputs => several(inputs.len() as u64, "capture"),
        }
    }

    fn object(&self, rows: usize) -> Value {
        json::object(&self.traffic, &self.ledger, rows)
    }

    fn show(&self, wish: &Showing) -> anyhow::Result<()> {
        let Traffic { summary, account, .. } = &self.traffic;
        let told = match wish.json {
            true => format!("{}\n", self.object(wish.top.unwrap_or(ROWS))),
            false => text::screen(&summary.figures(wish.top.unwrap_or(text::TOPS)), account),
        };
        io::stdout().write_all(told.as_bytes()).context(STDOUT)
    }
}

/// Transactions that are to be added up.
struct Transactions {
    job: Job,
    /// What parts of it say.
    header: Header,
    keys_max: u64,
}

impl Transactions {
    /// Judges what is to be added up for what is shown.
    fn check_usual(captures: Vec<Input>, wish: &Summing) -> anyhow::Result<Transactions> {
        Transactions::check(captures, wish, Summary::NEEDS, &wish.lookups())
    }

    /// The same of anything that needs this of transactions, and is looked up there.
    fn check(
        captures: Vec<Input>,
        wish: &Summing,
        needs: Needs,
        lookups: &Lookups,
    ) -> anyhow::Result<Transactions> {
        let match_timeout_ns = check_timeout(&wish.timeout.match_timeout_ms)?;
        let privacy = hiding::privacy(&wish.hiding, false)?;
        let (context, mut told) = lookups::context(lookups)?;
        let context = dpp::table::Context { privacy, ..context };
        let select = plan::select(wish.selection.filter.as_deref(), wish.selection.sample.as_deref())?;
        told.push(("where_fingerprint", hiding::fingerprint_of(select.filter.as_ref(), &wish.hiding)?));
        let keys_max = if wish.exact { u64::MAX } else { TALLIED_KEYS_MAX };
        let plan = Plan {
            match_timeout_ns,
            context,
            select,
            sink_needs: needs,
            told: told.into(),
            ..Plan::default()
        };
        let job = Job::check(captures, &wish.counting, plan)?;
        let header = header(job.plan(), keys_max);
        Ok(Transactions { job, header, keys_max })
    }

    /// Adds up what is to be shown. What `open` gives is opened when the first capture has shown to be one.
    fn show<T>(
        self,
        is_silent: bool,
        open: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<(Found, T)> {
        let blank = Traffic::new(self.keys_max, AllFindings::default());
        let (traffic, counted, out) = count(self.job, blank, open)?;
        let judged = counted.judge(Partial::Shown)?;
        if !is_silent {
            judged.warn(String::new());
        }
        let traffic = traffic.read_in(&counted.outcome.totals, &counted.read);
        Ok((Found { traffic, ledger: counted.left_out(), verdict: judged.verdict }, out))
    }
}

/// Adds the rows up to the sum of nothing, `blank`. What `open` gives is opened when the first capture has shown to be one.
fn count<T: RowTally, O>(
    job: Job,
    blank: T,
    open: impl FnOnce() -> anyhow::Result<O>,
) -> anyhow::Result<(T, counting::Counted, O)> {
    let (run, out) = job.open(open)?;
    let plan = run.plan().clone();
    let sink = Summed::new(Nobody, &plan, blank);
    let counted = run.count(&plan, &sink)?;
    Ok((sink.finish().1, counted, out))
}

/// Refuses a condition that a part could neither tell nor be known again by.
///
/// # Errors
/// What can be done about it.
pub(crate) fn check_told(plan: &Plan) -> anyhow::Result<()> {
    let is_known = plan.told.iter().any(|told| told.0 == "where_fingerprint" && told.1.is_some());
    match plan.context.privacy.is_active() && !is_known {
        true => dataset::check_condition(plan.select.filter.as_ref()),
        false => Ok(()),
    }
}

/// What parts say that were counted with this plan.
pub(crate) fn header(plan: &Plan, keys_max: u64) -> Header {
    let keys = if keys_max == u64::MAX { ALL.to_owned() } else { keys_max.to_string() };
    let told = |key| plan.told.iter().find(|told| told.0 == key).and_then(|told| told.1.clone());
    let privacy = report::privacy(plan);
    let parameters = vec![
        ("match_timeout_ms", Some((plan.match_timeout_ns / 1_000_000).to_string())),
        ("keys", Some(keys)),
        ("where", report::condition(plan).map(|text| text.trim().to_owned())),
        ("where_fingerprint", told("where_fingerprint")),
        ("sample", plan.select.sample.map(|sample| sample.to_string())),
        ("psl_sha256", told("psl_sha256")),
        ("privacy", (!privacy.is_null()).then(|| privacy.to_string())),
        // Of queries whose question cannot be read there are rows if a column says what is wrong with them.
        ("malformed", plan.wants_malformed().then(|| "counted".to_owned())),
    ];
    counting::header(KIND, plan, parameters)
}

/// What parts say whose keys are all counted one by one.
const ALL: &str = "all";

/// Up to how many keys are counted one by one, as parts say it.
fn keys_max(header: &Header) -> u64 {
    let keys = header.parameters.get("keys").map(String::as_str);
    keys.and_then(|keys| keys.parse().ok()).unwrap_or(u64::MAX)
}

/// What is known of nothing, where parts say this.
///
/// # Errors
/// A table that this program does not know.
fn blank(header: &Header) -> anyhow::Result<Traffic> {
    let keys_max = keys_max(header);
    Ok(Traffic::new(keys_max, AllFindings::new(tables::named_by(header)?, keys_max == u64::MAX)))
}

/// Refuses options that say how captures are counted, where they were.
fn check_of_parts(wish: &Summing) -> anyhow::Result<()> {
    let Summing { counting, exact, selection, psl, timeout, hiding } = wish;
    let options = [
        ("--anonymize", hiding.anonymize.is_some()),
        ("--hide-addresses", hiding.hide_addresses.is_some()),
        ("--hide-names", hiding.hide_names.is_some()),
        ("--hide-fields", hiding.hide_fields.is_some()),
        ("--hide-key", hiding.hide_key.is_some()),
        ("--exact", *exact),
        ("--where", selection.filter.is_some()),
        ("--sample", selection.sample.is_some()),
        ("--psl", psl.is_some()),
        ("--match-timeout-ms", timeout.match_timeout_ms != flags::MATCH_TIMEOUT_MS),
        ("--port", !counting.messages.reading.port.is_empty()),
        ("--dedup-packets", counting.messages.dedup_packets.is_some()),
        ("--merge", counting.many.joined.merge),
        ("--strict", counting.strictness.strict),
    ];
    match options.iter().find(|option| option.1) {
        Some((option, _)) => {
            bail!("{option} says how captures are counted, and these are parts, which were; leave it out")
        }
        None => Ok(()),
    }
}
