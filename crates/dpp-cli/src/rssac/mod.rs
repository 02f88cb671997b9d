//! `dpp rssac`: what operators of root servers publish each day, counted, added up and written.
//!
//! Three steps that can be far apart: *map* counts captures into a part ([`count`]), *merge* makes one part of many, *report*
//! writes the files ([`report`]). Without a word between, all is done at once. What counts, and why, is in docs/rssac002.md;
//! counting itself is the engine's, and part files are dpp-sink's.

mod count;
mod report;
mod yaml;
mod zones;

use crate::counting::{self, Partial};
use crate::flags::{Rssac, RssacMap, RssacMerge, RssacPublish, RssacReport, RssacStep};
use crate::hiding::read_file;
use crate::output::{Opened, Output, STDOUT};
use crate::parts::{OfDay, Out, Parts, Scratch, Since, check_step, together, warn_of, warn_of_day, written};
use crate::report::{several, several_were};
use anyhow::{Context, bail};
use count::KIND;
pub(crate) use count::{header, servers};
use dpp::plan::Plan;
use dpp::tallies::Registers;
use dpp::tallies::rssac::{DAY_LAST, Rssac as Tally, date, day_of};
use dpp_sink::part_file::PartFile;
use dpp_sink::parts::Form;
use dpp_sink::parts::merge::Sum;
use report::{File, Style};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use zones::Zones;

/// Does what is asked for.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn rssac(wish: Rssac) -> anyhow::Result<()> {
    match wish.step {
        Some(RssacStep::Map(wish)) => map(&wish),
        Some(RssacStep::Merge(wish)) => merge(&wish),
        Some(RssacStep::Report(wish)) => report_of_parts(&wish),
        None => {
            check_step(KIND, &wish.count.counting.inputs)?;
            let publishing = Publishing::of(&wish.publish)?;
            let messages = count::check(&wish.count, None)?;
            let is_silent = messages.job.is_silent();
            let counted = messages.count(|| Ok(()))?.0;
            let told = publishing.publish(counted.tally, is_silent);
            counted.verdict.and(told)
        }
    }
}

fn map(wish: &RssacMap) -> anyhow::Result<()> {
    let messages = count::check(&wish.count, Some(&wish.numbered))?;
    let (output, form) = written(&wish.written)?;
    messages.job.check_output(&output)?;
    let (counted, opened) = messages.count(|| output.open(&Arc::default()))?;
    let mut out = Out::new(opened, form, &counted.header, &output)?;
    out.put_ledger(&counted.ledger)?;
    out.put_in_order(&counted.site, &counted.tally)?;
    out.finish()?;
    counted.verdict
}

/// Writes a part of what was counted beside rows.
///
/// # Errors
/// If not all was counted that was to be, and the output's.
pub(crate) fn write_part(
    opened: Opened,
    form: Form,
    output: &Output,
    plan: &Plan,
    counted: &counting::Counted,
) -> anyhow::Result<()> {
    let none = Tally::default();
    let tally = counted.outcome.totals.rssac.as_deref().unwrap_or(&none);
    counted.judge(Partial::Refused)?;
    let mut out = Out::new(opened, form, &count::header(plan), output)?;
    out.put_ledger(&count::ledger(counted, tally)?)?;
    out.put_in_order(&counted.site, tally)?;
    out.finish()
}

/// Writes a part of what was counted in a run that goes on.
///
/// # Errors
/// The output's.
pub(crate) fn write_part_since(mut out: Out, since: &Since, tally: &Tally) -> anyhow::Result<()> {
    let mut ledger = since.ledger.clone();
    tally.days().for_each(|(day, figures)| ledger.day(&date(day), figures.messages()));
    out.put_ledger(&ledger)?;
    out.put_in_order(&since.site, tally)?;
    out.finish()
}

/// Entry by entry: there may be more sources than fit into memory.
fn merge(wish: &RssacMerge) -> anyhow::Result<()> {
    let day = wish.day.as_deref().map(|text| day("--day", text)).transpose()?.map(date);
    let (output, form) = written(&wish.written)?;
    let of_day = day.as_deref().map_or(OfDay::Any, OfDay::Only);
    let parts = Parts::named(&wish.adding, (KIND, "merge"), &output, of_day)?;
    let check = |sum: Sum| {
        let mut scratch = Scratch::<Tally>::default();
        sum.entries(|op, key, number| scratch.check((op, key, number)))
    };
    let add = |sum: Sum| {
        let mut out = Out::new(output.open(&Arc::default())?, form, sum.header(), &output)?;
        let mut scratch = Scratch::<Tally>::default();
        sum.entries(|op, key, number| {
            scratch.check((op, key, number))?;
            match is_of(key, day.as_deref()) {
                true => out.put(op, key, number),
                false => Ok(()),
            }
        })?;
        out.finish()
    };
    let (added, ()) = match output.is_replaced() {
        true => parts.add(check, add)?,
        false => parts.add_once(check, add)?,
    };
    added.tell(!wish.adding.quiet.silent && output != Output::Stdout)
}

/// Whether an entry is of this day, or of none; those of files were told before.
fn is_of(key: &[u8], day: Option<&str>) -> bool {
    let date = key.split(|&byte| byte == b'/').nth(1).unwrap_or_default();
    let is_dated = key.first() != Some(&b'!') && date.len() == 8 && date.iter().all(u8::is_ascii_digit);
    day.is_none_or(|day| !is_dated || date == day.as_bytes())
}

fn report_of_parts(wish: &RssacReport) -> anyhow::Result<()> {
    let publishing = Publishing::of(&wish.publish)?;
    let day = publishing.day.map(date);
    let of_day = day.as_deref().map_or(OfDay::Any, OfDay::Wanted);
    let parts = Parts::named(&wish.adding, (KIND, "report"), &Output::Stdout, of_day)?;
    let (added, sites, ()) =
        parts.tallies(|_| Ok(Tally::default()), |key| is_of(key, day.as_deref()), || Ok(()))?;
    let silent = wish.adding.quiet.silent;
    let mut ledger = added.ledger.clone();
    let mut tally = together(sites, &mut ledger, &wish.sites, Tally::absorb)?.unwrap_or_default();
    warn_of(&ledger, silent);
    if let Some(day) = publishing.day {
        Publishing::check_day(ledger.days().filter_map(|(date, _)| day_of(date)), day)?;
        warn_of_day(&added, &report::dashed(day), silent);
        // These sites may have had no message where others had some.
        if ledger.days().any(|(date, _)| day_of(date) == Some(day)) {
            tally.add_day(day);
        }
    }
    publishing.publish(tally, silent).and(added.verdict("the files are"))
}

/// A day as options name it.
fn day(option: &str, text: &OsStr) -> anyhow::Result<u16> {
    let text = text.to_string_lossy();
    let digits: String = text.chars().filter(|letter| *letter != '-').collect();
    match day_of(&digits) {
        Some(day) => Ok(day),
        None => {
            bail!("{option} '{text}' is no day; write it as 2024-06-01, up to {}", report::dashed(DAY_LAST))
        }
    }
}

/// What is published, where nothing speaks against it.
struct Publishing {
    style: Style,
    directory: Option<PathBuf>,
    day: Option<u16>,
    zones: Option<Zones>,
    has_sketches: bool,
}

impl Publishing {
    fn of(wish: &RssacPublish) -> anyhow::Result<Publishing> {
        let Some(service) = &wish.service else {
            bail!("--service: say what the files are of, such as b.root-servers.net")
        };
        let service = service.to_string_lossy().into_owned();
        let can_be_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if service.is_empty() || !service.bytes().all(can_be_name) || service.starts_with('.') {
            bail!(
                "--service '{service}' is no name of a service; names have letters, digits, dots and hyphens"
            )
        }
        if let Some(path) = wish.directory.as_deref().filter(|path| path.exists() && !path.is_dir()) {
            bail!("--output: '{}' is no directory; name another", path.display())
        }
        if wish.hll && wish.directory.is_none() {
            bail!("--hll: sketches are files; name their directory with --output")
        }
        let zones = wish.zone_log.as_deref().map(|path| -> anyhow::Result<Zones> {
            let log = read_file("--zone-log", "the log", path, ZONE_LOG_MAX)?;
            let name = || format!("--zone-log: the log '{}'", path.display());
            let log = String::from_utf8(log).with_context(name)?;
            Zones::parse(&log).with_context(name)
        });
        Ok(Publishing {
            style: Style { service, version: wish.rssac_version },
            directory: wish.directory.clone(),
            day: wish.day.as_deref().map(|text| day("--day", text)).transpose()?,
            zones: zones.transpose()?,
            has_sketches: wish.hll,
        })
    }

    /// Refuses a day of which there is nothing, unless there is nothing of any.
    fn check_day(there: impl Iterator<Item = u16>, wanted: u16) -> anyhow::Result<()> {
        let there: Vec<u16> = there.collect();
        if there.is_empty() || there.contains(&wanted) {
            return Ok(());
        }
        let named: Vec<String> = there.into_iter().map(report::dashed).collect();
        bail!("--day: there is nothing of {}; there is {}", report::dashed(wanted), named.join(", "))
    }

    /// Writes the files of a tally. Where there was no message at all there is no day, and a day that is asked for has zeros.
    fn publish(&self, mut tally: Tally, is_silent: bool) -> anyhow::Result<()> {
        if let Some(day) = self.day {
            Publishing::check_day(tally.days().map(|(day, _)| day), day)?;
        }
        match self.day {
            Some(day) if tally.messages() == 0 => tally.add_day(day),
            None if tally.messages() == 0 && tally.days().next().is_none() => {
                let told = "no message was counted, so there is no day to write files of; --day writes those of a day";
                warn(told, is_silent);
                return Ok(());
            }
            _ => {}
        }
        let days: Vec<_> =
            tally.days().filter(|(day, _)| self.day.is_none_or(|wanted| wanted == *day)).collect();
        if days.is_empty() && tally.others == 0 {
            bail!("nothing was counted: there is no DNS message with a day")
        }
        if days.is_empty() {
            bail!(
                "nothing was counted; {} neither to the server nor from it: is --server right?",
                several_were(tally.others, "message")
            )
        }
        let mut count = 0_u64;
        for (day, figures) in &days {
            if figures.messages() == 0 {
                let day = report::dashed(*day);
                warn(&format!("no message of {day} was counted; its figures are zeros"), is_silent);
            }
            if !figures.sources_are_exact() {
                let day = report::dashed(*day);
                let why = match figures.has_sketches() {
                    true => format!(
                        "those of sketches, with a standard error of {:.1} %",
                        100.0 * Registers::error()
                    ),
                    false => "there were too many".to_owned(),
                };
                warn(&format!("numbers of sources of {day} are estimates: {why}"), is_silent);
            }
            let mut files = self.style.files(*day, figures, self.zones.as_ref());
            if self.has_sketches {
                files.extend(self.style.sketches(*day, figures));
            }
            files.iter().try_for_each(|file| self.write(file))?;
            count += files.len() as u64;
        }
        if let (Some(directory), false) = (&self.directory, is_silent) {
            let _ = writeln!(
                io::stderr(),
                "{} of {} in '{}'",
                several(count, "file"),
                several(days.len() as u64, "day"),
                directory.display()
            );
        }
        Ok(())
    }

    fn write(&self, file: &File) -> anyhow::Result<()> {
        let Some(directory) = &self.directory else {
            return io::stdout().write_all(&file.bytes).context(STDOUT);
        };
        let folder = directory.join(&file.folder);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the directory '{}'", folder.display()))?;
        let mut part = PartFile::create(&folder.join(&file.name))?;
        part.write_all(&file.bytes)?;
        Ok(part.finish()?)
    }
}

/// Says what may be wrong. Nobody may be listening.
fn warn(sentence: &str, is_silent: bool) {
    if !is_silent {
        let _ = writeln!(io::stderr(), "WARN: {sentence}");
    }
}

/// A log of zone serials is read whole; a day has two serials and a thousand instances.
const ZONE_LOG_MAX: u64 = 64 << 20;
