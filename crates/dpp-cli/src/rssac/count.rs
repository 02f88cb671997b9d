//! Counting messages for RSSAC002: what the engine is told, what parts say, and what was counted.

use crate::counting::{self, Job, Partial};
use crate::flags::{Numbered, RssacCount};
use crate::hiding::read_file;
use crate::report::{grouped, several};
use anyhow::{anyhow, bail};
use dpp::enrich::Places;
use dpp::limits::HLL_LG_REGISTERS;
use dpp::pipeline::Nobody;
use dpp::plan::Plan;
use dpp::tallies::rssac::{Rssac, Wanted, date};
use dpp::tallies::servers::Servers;
use dpp_sink::parts::ledger::Ledger;
use dpp_sink::parts::{Header, SKETCH};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

/// What these parts are of.
pub(super) const KIND: &str = "rssac";

/// A run that nothing speaks against.
pub(super) struct Messages {
    pub(super) job: Job,
    /// What parts of it say.
    header: Header,
}

/// What came of it.
pub(super) struct Counted {
    pub(super) tally: Rssac,
    pub(super) ledger: Ledger,
    pub(super) header: Header,
    /// As it stands in keys.
    pub(super) site: String,
    /// Whether all that was to be counted was.
    pub(super) verdict: anyhow::Result<()>,
}

/// Judges what is to be counted.
///
/// # Errors
/// The first thing that is wrong, and what to do about it.
pub(super) fn check(wish: &RssacCount, numbered: Option<&Numbered>) -> anyhow::Result<Messages> {
    let captures = counting::named(KIND, &wish.counting)?;
    let servers = servers("--server", &wish.server, wish.servers.as_deref())?;
    let wanted = Wanted { servers, labels: wish.labels, sketch: wish.sketch };
    let plan = Plan { rows: false, rssac: Some(wanted), ..Plan::default() };
    let job = Job::check(captures, &wish.counting, plan)?.without_twins();
    let job = match numbered {
        Some(numbered) => job.numbered(numbered)?,
        None => job,
    };
    let header = header(job.plan());
    Ok(Messages { job, header })
}

/// What parts say that were counted with this plan.
pub(crate) fn header(plan: &Plan) -> Header {
    let wanted = plan.rssac.as_ref();
    let servers = wanted.map(|wanted| wanted.servers.to_string());
    let labels = wanted.is_some_and(|wanted| wanted.labels).then(|| "counted".to_owned());
    let sketch = wanted.is_some_and(|wanted| wanted.sketch).then(|| format!("hll-{HLL_LG_REGISTERS}"));
    counting::header(KIND, plan, vec![("servers", servers), ("labels", labels), (SKETCH, sketch)])
}

/// The server's addresses, as the option of this name says.
///
/// # Errors
/// What is no server.
pub(crate) fn servers(option: &str, words: &[OsString], table: Option<&Path>) -> anyhow::Result<Servers> {
    const ALLOWED: &str =
        "an address, a prefix such as 192.0.2.0/24, a name from the table of --servers, or all";
    if words.is_empty() {
        bail!("{option}: say whose queries count: {ALLOWED}")
    }
    let table = match table {
        Some(path) => {
            let file = read_file("--servers", "the table", path, u64::MAX)?;
            let places = Places::parse(&file);
            Some(places.map_err(|error| anyhow!("--servers: the table '{}': {error}", path.display()))?)
        }
        None => None,
    };
    let mut servers = Servers::default();
    for word in words {
        let word = word.to_string_lossy();
        let word = word.trim();
        if word == "all" {
            return Ok(Servers::all());
        }
        let (address, length) =
            word.split_once('/').map_or((word, None), |(address, length)| (address, Some(length)));
        match (address.parse::<IpAddr>(), &table) {
            (Ok(address), _) => {
                let width = if address.is_ipv4() { 32 } else { 128 };
                let length = length.map_or(Ok(width), str::parse);
                let added = length.ok().and_then(|length| servers.add(address, length).ok());
                if added.is_none() {
                    bail!(
                        "{option} '{word}' is no prefix: behind its bits there must be zeros; allowed is {ALLOWED}"
                    )
                }
            }
            (Err(_), Some(table)) => {
                let ranges = table.addresses_of(word);
                if ranges.is_empty() {
                    bail!("{option} '{word}' is not in the table of --servers; allowed is {ALLOWED}")
                }
                ranges.into_iter().for_each(|(first, last)| servers.add_range(first, last));
            }
            (Err(_), None) => bail!("{option} '{word}' is no address; allowed is {ALLOWED}"),
        }
    }
    Ok(servers)
}

impl Messages {
    /// Counts. What `open` gives is opened when the first capture has shown to be one.
    ///
    /// # Errors
    /// What the user or the machine must mend.
    pub(super) fn count<T>(self, open: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(Counted, T)> {
        let Messages { job, header } = self;
        let is_silent = job.is_silent();
        let (run, out) = job.open(open)?;
        let plan = run.plan().clone();
        let mut counted = run.count(&plan, &Nobody)?;
        let tally = counted.outcome.totals.rssac.take().map_or_else(Rssac::default, |tally| *tally);
        let judged = counted.judge(Partial::Refused)?;
        let ledger = ledger(&counted, &tally)?;
        if !is_silent {
            judged.warn(told(&counted, &tally));
        }
        Ok((Counted { tally, ledger, header, site: counted.site, verdict: judged.verdict }, out))
    }
}

/// What is known of the captures, and of their days.
///
/// # Errors
/// If a capture is there twice.
pub(super) fn ledger(counted: &counting::Counted, tally: &Rssac) -> anyhow::Result<Ledger> {
    let mut ledger = counted.ledger()?;
    tally.days().for_each(|(day, figures)| ledger.day(&date(day), figures.messages()));
    Ok(ledger)
}

/// Says what was counted, and what was not.
fn told(counted: &counting::Counted, tally: &Rssac) -> String {
    let totals = &counted.outcome.totals;
    let mut text = counted.told();
    let server = tally.messages() - tally.others - tally.undated;
    let [messages, server, others] = [totals.messages, server, tally.others].map(grouped);
    let _ = writeln!(text, "Messages: {messages}, {server} of the server, {others} of others");
    for (words, count) in [
        ("with a timestamp that no day has", tally.undated),
        (
            "captured twice, not counted",
            totals.matches.duplicate_queries + totals.matches.duplicate_responses,
        ),
        ("cut by the snaplen", totals.messages_cut),
        ("responses with unreadable records, counted by the code of the header", totals.records_unread),
        ("in TCP streams that are unreadable", totals.stream_messages_unread),
    ] {
        if count > 0 {
            let _ = writeln!(text, "Messages {words}: {}", grouped(count));
        }
    }
    for (day, figures) in tally.days() {
        let [v4, v6, nets] = figures.sources().map(grouped);
        let day = super::report::dashed(day);
        let messages = several(figures.messages(), "message");
        let _ = writeln!(text, "{day}: {messages}; sources: {v4} IPv4, {v6} IPv6 in {nets} /64");
    }
    if tally.days().next().is_none() && tally.others > 0 {
        let _ = writeln!(text, "WARN: no message was to the server or from it; is --server right?");
    }
    text
}
