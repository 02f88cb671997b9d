//! `dpp stats --by` and `--table`: figures of groups of transactions as a table, to standard output or a file.
//!
//! What the engine counts is a [`Findings`]; here is what the user wants, checked, and the file in its format.

use super::{KIND, Transactions, count};
use crate::counting::{self, Partial};
use crate::flags::{self, Tables};
use crate::formats::Format;
use crate::lookups;
use crate::nearest::did_you_mean;
use crate::output::Output;
use anyhow::bail;
use dpp::findings::{By, DEFINITIONS, Definition, Findings, Table, Wish};
use dpp::table::{Column, Kind};
use dpp_sink::findings::{write_csv, write_jsonl, write_parquet, write_tsv};
use dpp_sink::packed::{Packed, Packing};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// The table that there is when nothing but what it is by is said.
const USUAL: &str = "traffic";

/// Whether a table is wanted, and no screen.
///
/// # Errors
/// What is said of a table that nobody wants.
pub(super) fn is_wanted(wish: &Tables) -> anyhow::Result<bool> {
    let is_wanted = !wish.by.is_empty() || wish.table.is_some();
    let idle = [("--output", wish.output.is_some()), ("--least", !wish.least.is_empty())];
    match idle.iter().find(|(_, is_given)| *is_given && !is_wanted) {
        Some((option, _)) => bail!(
            "{option} is about a table of figures; name one with --by or --table (the screen and --json go to standard output)"
        ),
        None => Ok(is_wanted),
    }
}

/// Writes the table.
///
/// # Errors
/// What the user or the machine must mend.
pub(super) fn write(wish: &flags::Stats) -> anyhow::Result<()> {
    let wanted = wanted(&wish.tables)?;
    let output = match wish.tables.output.as_deref() {
        None => Output::Stdout,
        Some(path) if path == Path::new("-") => Output::Stdout,
        Some(path) => Output::Path(path.to_path_buf()),
    };
    let (format, packing) = format(&output)?;
    let captures = counting::named(KIND, &wish.summing.counting)?;
    output.check_spares(&captures)?;
    let Transactions { job, .. } = Transactions::check(captures, &wish.summing, wanted.needs())?;
    let is_silent = job.is_silent();
    let blank = Findings::new(wanted, wish.summing.exact);
    let (findings, counted, opened) = count(job, blank, || output.open(&Arc::default()))?;
    let mut judged = counted.judge(Partial::Shown)?;
    let table = findings.table(wish.showing.top.unwrap_or(usize::MAX));
    let written = Packed::new(opened, packing).and_then(|mut packed| {
        print(&table, format, &mut packed)?;
        packed.finish()?.finish()
    });
    written.map_err(|error| output.explain(error))?;
    if table.one_in > 1 {
        judged.warnings.push(estimated(table.one_in));
    }
    if !is_silent {
        judged.warn(String::new());
    }
    judged.verdict
}

/// What is said of a table that had no room.
fn estimated(one_in: u64) -> String {
    format!(
        "too many groups to count all: one transaction in {one_in} was counted, drawn by lot, and the table is estimated \
         from these (its column one_in says so). A coarser --by, --where or --sample make it exact, or --exact, which takes memory \
         for each group"
    )
}

/// What is wanted, if there is such a thing.
fn wanted(tables: &Tables) -> anyhow::Result<Wish> {
    let name = &plainly(tables.table.as_deref().unwrap_or(USUAL)).replace('_', "-")[..];
    let names = || DEFINITIONS.iter().map(|definition| definition.name);
    let Some(definition) = Definition::named(name) else {
        let all = names().collect::<Vec<_>>().join(", ");
        bail!("--table: there is no table '{name}'{} (there are {all})", did_you_mean(name, names()))
    };
    let by = tables.by.iter().map(|name| by(&plainly(name))).collect::<anyhow::Result<Vec<_>>>()?;
    if by.is_empty() && definition.by.is_empty() {
        bail!("--table: {name} needs --by, which says what its rows are: --by minute, --by server")
    }
    let mut names = definition.measures.to_vec();
    for by in &by {
        match names.contains(&by.name) {
            true => bail!("--by: the table would have two columns '{}'", by.name),
            false => names.push(by.name),
        }
    }
    let least =
        tables.least.iter().map(|text| least(definition, text)).collect::<anyhow::Result<Vec<_>>>()?;
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
        if let Some(column) = by.column() {
            check_known(column)?;
        }
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
            bail!("--by: the column '{name}' cannot be grouped by: {what}")
        }
        None => {
            let own = keys().collect::<Vec<_>>().join(", ");
            bail!(
                "--by: there is no '{name}'{} (there are {own}, and the columns of dpp extract)",
                did_you_mean(name, By::names())
            )
        }
    }
}

/// What is looked up in tables that `dpp stats` is not given is nothing to group by.
fn check_known(column: Column) -> anyhow::Result<()> {
    if lookups::needs_table(column) {
        bail!(
            "--by: the column '{}' is looked up in a table that dpp stats does not read; dpp extract does",
            column.entry().name
        )
    }
    Ok(())
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
