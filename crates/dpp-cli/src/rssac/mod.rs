//! `dpp rssac`: what operators of root servers publish each day, counted, added up and written.
//!
//! Three steps that can be far apart: *map* counts captures into a part ([`count`]), *merge* makes one part of many, *report*
//! writes the files ([`report`]). Without a word between, all is done at once. What counts, and why, is in docs/rssac002.md;
//! counting itself is the engine's, and part files are dpp-sink's.

mod count;
mod report;
mod yaml;
mod zones;

use crate::flags::{
    PartForm, Rssac, RssacMap, RssacMerge, RssacPublish, RssacReport, RssacStep, RssacWritten,
};
use crate::hiding::read_file;
use crate::inputs::{self, Input, Search};
use crate::output::{Opened, Output, STDOUT};
use crate::report::grouped;
use anyhow::{Context, anyhow, bail};
use dpp::tallies::Registers;
use dpp::tallies::entry::{Entries, NotMine, Op};
use dpp::tallies::rssac::{DAY_LAST, Rssac as Tally, date, day_of};
use dpp_sink::part_file::PartFile;
use dpp_sink::parts::ledger::Ledger;
use dpp_sink::parts::merge::Sum;
use dpp_sink::parts::read::Part;
use dpp_sink::parts::write::Writer;
use dpp_sink::parts::{Form, Header, PartError, Wrong, key_name};
use report::{File, Style};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zones::Zones;

/// Does what is asked for.
///
/// # Errors
/// What the user or the machine must mend.
pub(crate) fn rssac(wish: Rssac) -> anyhow::Result<()> {
    match wish.step {
        Some(RssacStep::Map(wish)) => map(*wish),
        Some(RssacStep::Merge(wish)) => merge(&wish),
        Some(RssacStep::Report(wish)) => report_of_parts(&wish),
        None => {
            let publishing = Publishing::of(&wish.publish)?;
            let job = count::check(wish.count)?;
            let silent = job.is_silent();
            let counted = count::count(job, || Ok(()))?.0;
            let told = publishing.publish(&counted.tally, silent);
            counted.judged.and(told)
        }
    }
}

fn map(wish: RssacMap) -> anyhow::Result<()> {
    let job = count::check(wish.count)?;
    let (output, form) = written(&wish.written)?;
    job.check_output(&output)?;
    let (counted, opened) = count::count(job, || output.open(&Arc::default()))?;
    let count::Counted { tally, ledger, header, site, judged } = counted;
    let mut out = Out::new(opened, form, &header, &output)?;
    ledger.tell(|op, key, number| out.put(op, key, number))?;
    let mut error = None;
    tally.tell(&format!("{site}/"), &mut |op, key, number| {
        if error.is_none() {
            error = out.put(op, key, number).err();
        }
    });
    error.map_or(Ok(()), Err)?;
    out.finish()?;
    judged
}

fn merge(wish: &RssacMerge) -> anyhow::Result<()> {
    let day = wish.day.as_deref().map(|text| day("--day", text)).transpose()?.map(date);
    let (output, form) = written(&wish.written)?;
    let sum = sum(&wish.parts, "merge", &output, day.as_deref(), wish.keep_going)?;
    let left_out = told_left_out(&sum);
    let mut out = Out::new(output.open(&Arc::default())?, form, sum.header(), &output)?;
    let parts = sum.parts();
    sum.entries(|op, key, number| match is_of(key, day.as_deref()) {
        true => out.put(op, key, number),
        false => Ok(()),
    })?;
    out.finish()?;
    if !wish.silent && output != Output::Stdout {
        let _ = writeln!(io::stderr(), "{} parts were added up", grouped(parts as u64));
    }
    match left_out {
        0 => Ok(()),
        count => bail!("{} of {} parts were left out; all others were added up", count, count + parts),
    }
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
    let sum = sum(&wish.parts, "report", &Output::Stdout, None, wish.keep_going)?;
    if sum.header().kind != count::KIND {
        bail!("these are parts of '{}'; dpp rssac report takes those of '{}'", sum.header().kind, count::KIND)
    }
    let (left_out, ledger) = (told_left_out(&sum), sum.ledger().clone());
    if let Some(day) = publishing.day {
        Publishing::check_day(ledger.days().filter_map(|(date, _)| day_of(date)), day)?;
    }
    let mut sites: BTreeMap<String, Tally> = BTreeMap::new();
    sum.entries(|op, key, number| {
        if key.first() == Some(&b'!') || !is_of(key, day.as_deref()) {
            return Ok(());
        }
        let unknown = || PartError {
            part: "a part".to_owned(),
            wrong: Wrong::Unknown(String::from_utf8_lossy(key).into_owned()),
        };
        let slash = key.iter().position(|&byte| byte == b'/').ok_or_else(unknown)?;
        let site = String::from_utf8_lossy(&key[..slash]).into_owned();
        let tally = sites.entry(site).or_default();
        tally.take(op, &key[slash + 1..], number).map_err(|NotMine| unknown())
    })?;
    warn_of(&ledger, wish.silent);
    let told = publishing.publish(&together(sites, &wish.site)?, wish.silent);
    match left_out {
        0 => told,
        count => told.and(Err(anyhow!("{count} parts were left out; the files are of all others"))),
    }
}

/// What these sites have together, or all of them.
fn together(sites: BTreeMap<String, Tally>, wanted: &[OsString]) -> anyhow::Result<Tally> {
    let wanted: Vec<String> = wanted.iter().map(|site| key_name(&site.to_string_lossy())).collect();
    if let Some(missing) = wanted.iter().find(|site| !sites.contains_key(*site)) {
        let there: Vec<&str> = sites.keys().map(String::as_str).collect();
        bail!("--site: the parts have no site '{missing}'; they have {}", there.join(", "))
    }
    let mut all = Tally::default();
    for (site, mut tally) in sites {
        if wanted.is_empty() || wanted.contains(&site) {
            tally.settle();
            all.absorb(tally);
        }
    }
    Ok(all)
}

/// The parts that are named, looked at.
fn sum(
    words: &[PathBuf],
    step: &str,
    output: &Output,
    day: Option<&str>,
    keep_going: bool,
) -> anyhow::Result<Sum> {
    if words.is_empty() {
        bail!("dpp rssac {step}: name parts (dpp rssac {step} --help tells more)")
    }
    let inputs = inputs::all(words, Search { recursive: false, keep_going })?;
    output.check_spares(&inputs.captures)?;
    let parts = inputs.captures.iter().map(|input| match input {
        Input::Path(path) => Part::open(path),
        _ => Part::read("standard input", io::stdin()),
    });
    let sum = Sum::of(parts, day, keep_going)?;
    if sum.parts() == 0 {
        told_left_out(&sum);
        bail!("none of the {} parts can be added up", inputs.captures.len())
    }
    Ok(sum)
}

/// Says which parts are left out. Gives how many.
fn told_left_out(sum: &Sum) -> usize {
    for error in sum.left_out() {
        let _ = writeln!(io::stderr(), "Error: {error}; going on without it");
    }
    sum.left_out().len()
}

/// Says which files are missing.
fn warn_of(ledger: &Ledger, is_silent: bool) {
    if is_silent {
        return;
    }
    let mut text = String::new();
    for sequence in ledger.sequences() {
        let of_site =
            if sequence.site == "-" { String::new() } else { format!(" of site {}", sequence.site) };
        if sequence.missing_count > 0 {
            let ranges = sequence.missing.iter().map(|(first, last)| match first == last {
                true => first.to_string(),
                false => format!("{first}-{last}"),
            });
            let (count, ranges) = (grouped(sequence.missing_count), ranges.collect::<Vec<_>>().join(", "));
            let (first, last) = (sequence.first, sequence.last);
            let _ = writeln!(
                text,
                "WARN: files{of_site} are missing between {first} and {last}: {count} ({ranges})"
            );
        }
    }
    for part in ledger.parts_left_out() {
        let _ = writeln!(text, "WARN: left out when parts were added up: {part}");
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Where a part goes, and its form.
fn written(wish: &RssacWritten) -> anyhow::Result<(Output, Form)> {
    let output = match wish.output.as_deref() {
        None => Output::Stdout,
        Some(path) if path == Path::new("-") => Output::Stdout,
        Some(path) if path == Path::new("") => bail!("--output: the part has an empty name; name a file"),
        Some(path) if path.is_dir() => {
            bail!("--output: '{}' is a directory; name a file in it", path.display())
        }
        // Such a file is taken for one that was never finished by whoever writes one of the name without it.
        Some(path) if path.extension().is_some_and(|extension| extension == "part") => {
            bail!(
                "--output: '{}' is called like a file that is not finished yet; call it .tally",
                path.display()
            )
        }
        Some(path) => Output::Path(path.to_owned()),
    };
    let is_text = match &output {
        Output::Path(path) => path.extension().is_some_and(|extension| extension == "txt"),
        _ => io::stdout().is_terminal(),
    };
    let form = match wish.form {
        Some(PartForm::Text) => Form::Text,
        Some(PartForm::Compact) => Form::Compact,
        None if is_text => Form::Text,
        None => Form::Compact,
    };
    Ok((output, form))
}

/// A part that is being written.
struct Out<'a> {
    writer: Writer<BufWriter<Opened>>,
    output: &'a Output,
}

impl<'a> Out<'a> {
    fn new(opened: Opened, form: Form, header: &Header, output: &'a Output) -> anyhow::Result<Out<'a>> {
        let writer = Writer::new(BufWriter::with_capacity(1 << 16, opened), form, header);
        Ok(Out { writer: writer.map_err(|error| output.explain(error))?, output })
    }

    fn put(&mut self, op: Op, key: &[u8], number: u64) -> anyhow::Result<()> {
        self.writer.put(op, key, number).map_err(|error| self.output.explain(error))
    }

    fn finish(self) -> anyhow::Result<()> {
        let Out { writer, output } = self;
        let buffered = writer.finish().map_err(|error| output.explain(error))?;
        let opened = buffered.into_inner().map_err(|error| output.explain(error.into_error()))?;
        opened.finish().map_err(|error| output.explain(error))
    }
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

    /// Writes the files of a tally.
    fn publish(&self, tally: &Tally, is_silent: bool) -> anyhow::Result<()> {
        let days: Vec<_> =
            tally.days().filter(|(day, _)| self.day.is_none_or(|wanted| wanted == *day)).collect();
        if let Some(day) = self.day {
            Publishing::check_day(tally.days().map(|(day, _)| day), day)?;
        }
        if days.is_empty() {
            bail!(
                "nothing was counted; {} messages were neither to the server nor from it: is --server right?",
                grouped(tally.others)
            )
        }
        let mut count = 0_u64;
        for (day, figures) in &days {
            if !figures.sources_are_exact() && !is_silent {
                let day = report::dashed(*day);
                let why = match figures.has_sketches() {
                    true => format!(
                        "those of sketches, with a standard error of {:.1} %",
                        100.0 * Registers::error()
                    ),
                    false => "there were too many".to_owned(),
                };
                let _ = writeln!(io::stderr(), "WARN: numbers of sources of {day} are estimates: {why}");
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
                "{} files of {} days are in '{}'",
                grouped(count),
                days.len(),
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

/// A log of zone serials is read whole; a day has two serials and a thousand instances.
const ZONE_LOG_MAX: u64 = 64 << 20;
