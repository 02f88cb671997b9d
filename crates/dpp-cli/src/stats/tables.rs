//! `dpp stats --by` and `--table`: figures of groups of transactions as tables, to standard output or files; and into parts, and
//! out of them.
//!
//! What the engine counts is [`AllFindings`]; here is what the user wants, checked, and the files in their formats. A part's header
//! names the tables that are counted in it ([`TABLES`]), in the order of these names; entries have their numbers. Which rows
//! are told (`--least`, `--top`) is not said before the report, for all are counted.

use super::{Entries, Found, KIND, Transactions, count};
use crate::counting::{self, Partial};
use crate::flags::{self, Looking, Lookups, StatsReport, Summing, Tables, Wanted};
use crate::formats::Format;
use crate::inputs::Input;
use crate::lookups;
use crate::nearest::did_you_mean;
use crate::output::{Opened, Output};
use crate::parts::{OfDay, Parts};
use crate::stats::traffic::{Traffic, table_of};
use anyhow::{Context, anyhow, bail};
use dpp::findings::{AllFindings, By, DEFINITIONS, Definition, Findings, Table, Wish};
use dpp::limits::{GROUPED_BY_MAX, TABLES_MAX};
use dpp::plan::Plan;
use dpp::table::{Column, Kind};
use dpp::transaction::Needs;
use dpp_sink::findings::{write_csv, write_jsonl, write_parquet, write_tsv};
use dpp_sink::packed::{Packed, Packing};
use dpp_sink::parts::Header;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The table that there is when nothing but what it is by is said.
const USUAL: &str = "traffic";

/// Whether tables are wanted, and no screen.
///
/// # Errors
/// What is said of a table that nobody wants.
pub(super) fn are_wanted(wish: &Tables) -> anyhow::Result<bool> {
    let are_wanted = !wish.wanted.by.is_empty() || !wish.wanted.table.is_empty();
    let idle = [("--output", wish.output.is_some()), ("--least", !wish.least.is_empty())];
    match idle.iter().find(|(_, is_given)| *is_given && !are_wanted) {
        Some((option, _)) => bail!(
            "{option} is about a table of figures; name one with --by or --table (the screen and --json go to standard output)"
        ),
        None => Ok(are_wanted),
    }
}

/// Writes the tables of captures.
///
/// # Errors
/// What the user or the machine must mend.
pub(super) fn write(wish: &flags::Stats) -> anyhow::Result<()> {
    let wanted = wanted(&wish.tables.wanted, &wish.tables.least)?;
    let files = files(&wish.tables, &wanted)?;
    let captures = counting::named(KIND, &wish.summing.counting)?;
    files.iter().try_for_each(|file| file.output.check_spares(&captures))?;
    let needs = wanted.iter().fold(Needs::NOTHING, |needs, wish| needs | wish.needs());
    let lookups = lookups(&wanted, &wish.looking, &wish.summing)?;
    files.iter().try_for_each(|file| check_spares(&file.output, &lookups))?;
    let Transactions { job, .. } = Transactions::check(captures, &wish.summing, needs, &lookups)?;
    let is_silent = job.is_silent();
    let blank = AllFindings::new(wanted, wish.summing.exact);
    let (found, counted, opened) = count(job, blank, || open(&files))?;
    let mut judged = counted.judge(Partial::Shown)?;
    put(&files, opened, found.all(), wish.showing.top)?;
    judged.warnings.extend(estimated(&found));
    if !is_silent {
        judged.warn(String::new());
    }
    judged.verdict
}

/// Writes tables that are in parts.
///
/// # Errors
/// What the user or the machine must mend.
pub(super) fn write_of_parts(wish: &StatsReport) -> anyhow::Result<()> {
    let wanted = wanted(&wish.tables.wanted, &wish.tables.least)?;
    let files = files(&wish.tables, &wanted)?;
    let parts = Parts::named(&wish.adding, (KIND, "report"), &Output::Stdout, OfDay::Any)?;
    files.iter().try_for_each(|file| parts.check_spared(&file.output))?;
    // Where the wanted ones are among the tables of these parts, and how many these are.
    let places = RefCell::new((Vec::new(), 0));
    let new = |header: &Header| {
        let mut counted = named_by(header)?;
        let chosen =
            wanted.iter().map(|wish| place(wish, &counted)).collect::<anyhow::Result<Vec<usize>>>()?;
        for (wish, place) in wanted.iter().zip(&chosen) {
            counted[*place] = wish.clone();
        }
        places.replace((chosen, counted.len()));
        let keys_max = super::keys_max(header);
        Ok(Traffic::new(keys_max, AllFindings::new(counted, keys_max == u64::MAX)))
    };
    // Those of a table that the header does not name are taken, and refused then.
    let is_wanted = |key: &[u8]| {
        let (chosen, count) = &*places.borrow();
        table_of(key).is_some_and(|place| chosen.contains(&place) || place >= *count)
    };
    let is_silent = wish.adding.quiet.silent;
    let entries = Entries { parts: &parts, new: &new, is_wanted: &is_wanted };
    let (found, opened) = Found::of(entries, &wish.sites, is_silent, || open(&files))?;
    let places = places.into_inner().0;
    let all = found.traffic.tables.all();
    put(&files, opened, places.iter().map(|place| &all[*place]), wish.showing.top)?;
    if !is_silent {
        estimated(&found.traffic.tables).iter().for_each(|warning| {
            let _ = writeln!(io::stderr(), "WARN: {warning}");
        });
    }
    found.verdict
}

/// Where a table is among those of parts.
fn place(wish: &Wish, counted: &[Wish]) -> anyhow::Result<usize> {
    let name = wish.name();
    counted.iter().position(|counted| counted.name() == name).ok_or_else(|| match counted {
        [] => anyhow!("there are no tables in these parts; name them to dpp stats map, too: --table {name}"),
        _ => anyhow!("there is no table {name} in these parts; there are {}", names(counted)),
    })
}

/// What is said of tables that had no room.
pub(super) fn estimated(tables: &AllFindings) -> Vec<String> {
    let estimated = tables.all().iter().filter(|findings| findings.one_in() > 1);
    let sentence = |findings: &Findings| {
        format!(
            "too many groups of {} to count all: one transaction in {} was counted, drawn by lot, and the table is estimated \
             from these (its column one_in says so). A coarser --by, --where or --sample make it exact, or --exact, which takes \
             memory for each group",
            findings.wish().name(),
            findings.one_in()
        )
    };
    estimated.map(sentence).collect()
}

/// The parameter that says which tables are in a part.
const TABLES: &str = "tables";

/// Says which tables are in a part, if there are some, and what their keys were looked up in.
pub(super) fn named_in(mut header: Header, wanted: &[Wish], plan: &Plan) -> Header {
    let names: BTreeSet<String> = wanted.iter().map(Wish::name).collect();
    if !names.is_empty() {
        let names = names.into_iter().collect::<Vec<_>>().join(" ");
        header.parameters.insert(TABLES.to_owned(), names);
    }
    for (key, digest) in plan.told.iter().filter(|told| LOOKED_UP.contains(&told.0)) {
        header.parameters.extend(digest.iter().map(|digest| ((*key).to_owned(), digest.clone())));
    }
    header
}

/// The keys by which a plan and a part tell what the user brought for lookups.
const LOOKED_UP: [&str; 2] = ["geoip_sha256", "servers_sha256"];

/// What the keys of these tables are looked up in.
///
/// # Errors
/// A key that is looked up in what is not there, and what is there and asked by none.
pub(super) fn lookups(wanted: &[Wish], looking: &Looking, summing: &Summing) -> anyhow::Result<Lookups> {
    let Looking { geoip, servers } = looking;
    let columns = wanted.iter().flat_map(|wish| wish.by().iter().filter_map(By::column));
    let columns: Vec<Column> = columns.filter(|column| lookups::needs_table(*column)).collect();
    let is_named = |column: &Column| matches!(column, Column::Server | Column::Site);
    for column in &columns {
        let name = column.entry().name;
        match is_named(column) {
            true if servers.is_none() => {
                bail!("--by: '{name}' needs a table of servers; name one with --servers")
            }
            false if geoip.is_empty() => bail!("--by: '{name}' needs a database; name one with --geoip"),
            _ => {}
        }
    }
    if !geoip.is_empty() && columns.iter().all(is_named) {
        bail!("--geoip is for tables by what is looked up there: --by country")
    }
    if servers.is_some() && !columns.iter().any(is_named) {
        bail!("--servers is for tables by what is looked up there: --by site")
    }
    Ok(Lookups { geoip: geoip.clone(), servers: servers.clone(), ..summing.lookups() })
}

/// The tables that parts are said to have.
///
/// # Errors
/// One that this program does not know.
pub(super) fn named_by(header: &Header) -> anyhow::Result<Vec<Wish>> {
    let names = header.parameters.get(TABLES).map_or("", String::as_str);
    let wish = |name| wish(name, None, &[]).with_context(|| format!("a part has a table '{name}'"));
    names.split_ascii_whitespace().map(wish).collect()
}

/// The tables that were counted, as a line.
pub(super) fn told(wanted: &[Wish]) -> String {
    if wanted.is_empty() { String::new() } else { format!("Tables: {}\n", names(wanted)) }
}

fn names(wanted: &[Wish]) -> String {
    wanted.iter().map(Wish::name).collect::<Vec<_>>().join(", ")
}

/// What is wanted, if there is such a thing. `--by` says by what the one table is that is named without that, and where none is named,
/// each is a table of the usual figures.
pub(super) fn wanted(flags: &Wanted, least: &[String]) -> anyhow::Result<Vec<Wish>> {
    let wanted = match (&flags.table[..], &flags.by[..]) {
        ([], by) => by.iter().map(|by| wish(USUAL, Some(by), least)).collect::<anyhow::Result<Vec<_>>>()?,
        (tables, []) => tables.iter().map(|table| wish(table, None, least)).collect::<anyhow::Result<_>>()?,
        ([table], [by]) if !table.contains(':') => vec![wish(table, Some(by), least)?],
        _ => bail!(
            "--by: which table is it that is by this? Each says it itself behind a colon: --table retries:server --table traffic:minute"
        ),
    };
    let mut seen = BTreeSet::new();
    if let Some(wish) = wanted.iter().find(|wish| !seen.insert(wish.name())) {
        bail!("--table: {} is wanted twice; once is enough", wish.name())
    }
    match wanted.len() {
        ..=TABLES_MAX => Ok(wanted),
        count => bail!("--table: {count} tables are too many for one run; it may have {TABLES_MAX}"),
    }
}

/// A table by its name, and by what it is: that is said elsewhere, or behind a colon, or the table's own.
fn wish(text: &str, by: Option<&str>, least: &[String]) -> anyhow::Result<Wish> {
    let (name, (option, keys)) = match (by, text.split_once(':')) {
        (Some(keys), _) => (text, ("--by", Some(keys))),
        (None, Some((name, keys))) => (name, ("--table", Some(keys))),
        (None, None) => (text, ("--table", None)),
    };
    let name = &plainly(name).replace('_', "-")[..];
    let names = || DEFINITIONS.iter().map(|definition| definition.name);
    let Some(definition) = Definition::named(name) else {
        let all = names().collect::<Vec<_>>().join(", ");
        bail!("--table: there is no table '{name}'{} (there are {all})", did_you_mean(name, names()))
    };
    let keys = keys.into_iter().flat_map(|keys| keys.split(','));
    let by = keys
        .map(|key| self::by(&plainly(key)).map_err(|error| anyhow!("{option}: {error}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    if by.is_empty() && definition.by.is_empty() {
        bail!("--table: {name} needs --by, which says what its rows are: --by minute, --by server")
    }
    if by.len() > GROUPED_BY_MAX {
        bail!("{option}: a table is by at most {GROUPED_BY_MAX} keys")
    }
    let mut names = definition.measures.to_vec();
    for by in &by {
        match names.contains(&by.name) {
            true => bail!("{option}: the table would have two columns '{}'", by.name),
            false => names.push(by.name),
        }
    }
    let least = least.iter().map(|text| self::least(definition, text)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Wish::new(definition, by, &least))
}

/// A name as it is meant: all that are known have small letters.
fn plainly(name: &str) -> String {
    name.trim().to_ascii_lowercase()
}

/// What `--by` takes beside columns, as its help calls it.
pub(crate) fn keys() -> impl Iterator<Item = String> {
    By::own_names().map(|(name, _)| name.replace('_', "-"))
}

fn by(name: &str) -> anyhow::Result<By> {
    if let Some(by) = By::named(name) {
        return Ok(by);
    }
    match Column::named(name) {
        Some(column) => {
            let what = match column.entry().kind {
                Kind::TimestampMicros | Kind::TimestampNanos | Kind::Seconds => {
                    "every row has another time; take minute, hour, day"
                }
                _ => "lists, fractions and bytes are nothing to group by",
            };
            bail!("the column '{name}' cannot be grouped by: {what}")
        }
        None => {
            let own = keys().collect::<Vec<_>>().join(", ");
            bail!(
                "there is no '{name}'{} (there are {own}, and the columns of dpp extract)",
                did_you_mean(name, By::names())
            )
        }
    }
}

/// Refuses an output that would destroy what is looked up.
///
/// # Errors
/// Which file it is.
pub(super) fn check_spares(output: &Output, lookups: &Lookups) -> anyhow::Result<()> {
    let Lookups { geoip, psl, servers, .. } = lookups;
    let files = geoip.iter().chain(psl).chain(servers).cloned().map(Input::Path);
    output.check_spares(&files.collect::<Vec<_>>())
}

fn least(definition: &Definition, text: &str) -> anyhow::Result<(&'static str, f64)> {
    let Some((name, number)) = text.split_once('=') else {
        bail!("--least: '{text}' is not COLUMN=NUMBER, as in queries=100")
    };
    let (name, number) = (plainly(name).replace('-', "_"), number.trim());
    let Some(name) = definition.measures.iter().find(|measure| **measure == name) else {
        let meant = did_you_mean(&name, definition.measures.iter().copied());
        bail!("--least: the table {} has no figure '{name}'{meant}", definition.name)
    };
    match number.parse::<f64>() {
        Ok(least) if least.is_finite() => Ok((name, least)),
        _ => bail!("--least: '{number}' is not a number"),
    }
}

/// Where a table goes.
struct File {
    output: Output,
    format: Format,
    packing: Option<Packing>,
}

/// What stands in the name of an output for the name of its table.
const NAME: &str = "{table}";

/// Where the tables go.
fn files(wish: &Tables, wanted: &[Wish]) -> anyhow::Result<Vec<File>> {
    let path = wish.output.as_deref().filter(|path| *path != Path::new("-"));
    let template = path.and_then(Path::to_str).filter(|text| text.contains(NAME));
    if wanted.len() > 1 && template.is_none() {
        bail!(
            "-o: {} tables have no room in one file; name it with {NAME} in it, for all: -o {NAME}.csv",
            wanted.len()
        )
    }
    let output = |wish: &Wish| match (template, path) {
        (Some(text), _) => Output::Path(PathBuf::from(text.replace(NAME, &wish.file_name()))),
        (None, Some(path)) => Output::Path(path.to_path_buf()),
        (None, None) => Output::Stdout,
    };
    let file = |wish: &Wish| {
        let output = output(wish);
        let (format, packing) = format(&output)?;
        Ok(File { output, format, packing })
    };
    wanted.iter().map(file).collect()
}

fn open(files: &[File]) -> anyhow::Result<Vec<Opened>> {
    files.iter().map(|file| file.output.open(&Arc::default())).collect()
}

/// Writes each table to its file, with at most so many rows.
fn put<'f>(
    files: &[File],
    opened: Vec<Opened>,
    findings: impl IntoIterator<Item = &'f Findings>,
    top: Option<usize>,
) -> anyhow::Result<()> {
    for ((file, opened), findings) in files.iter().zip(opened).zip(findings) {
        let table = findings.table(top.unwrap_or(usize::MAX));
        let written = Packed::new(opened, file.packing).and_then(|mut packed| {
            print(&table, file.format, &mut packed)?;
            packed.finish()?.finish()
        });
        written.map_err(|error| file.output.explain(error))?;
    }
    Ok(())
}

/// The format and the compression that the output's name tells.
fn format(output: &Output) -> anyhow::Result<(Format, Option<Packing>)> {
    const FORMATS: [Format; 4] = [Format::Csv, Format::Tsv, Format::Jsonl, Format::Parquet];
    let Output::Path(path) = output else { return Ok((Format::Csv, None)) };
    let (format, packing) = Format::of_path(path);
    let Some(format) = format.filter(|format| FORMATS.contains(format)) else {
        bail!(
            "-o: '{}' says no format that tables of figures have; end it with .csv, .tsv, .jsonl or .parquet",
            path.display()
        )
    };
    if packing.is_some() && !format.row().packs {
        bail!("-o: '{}': {} is compressed inside, and not once more", path.display(), format.row().name)
    }
    Ok((format, packing))
}

fn print(table: &Table, format: Format, out: &mut (impl Write + Send)) -> io::Result<()> {
    match format {
        Format::Tsv => write_tsv(table, out),
        Format::Jsonl => write_jsonl(table, out),
        Format::Parquet => write_parquet(table, out).map_err(|error| match error {
            dpp_sink::parquet::Error::Io(error) => error,
            error => io::Error::other(error),
        }),
        _ => write_csv(table, out),
    }
}
