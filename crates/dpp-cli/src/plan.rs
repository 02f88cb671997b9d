//! From the texts of options to the engine's plan: columns, conditions, ports, the window for packets that were captured twice.
//!
//! [`checks`](crate::checks) calls this; each complaint names the option and what it allows.

use crate::nearest::did_you_mean;
use crate::time;
use anyhow::{anyhow, bail};
use dpp::filter::{Filter, SampleError, Select};
use dpp::plan::Ports;
use dpp::table::{ALIASES, COLUMNS, Column, Field, PRESETS, Preset, Schema};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The word that asks for the list of columns instead of naming some.
pub(crate) const HELP: &str = "help";

/// The longest window in which a packet may have been captured twice; beyond that a client may well have asked again with
/// the same IPv4 identification.
const WINDOW_MAX_NS: i64 = 10_000_000_000;

/// Columns of DPP, and ours with the same in another form. Who leaves out one of the two means what is in it.
const TWINS: [(Column, Column); 7] = [
    (Column::RequestTimestamp, Column::QueryTime),
    (Column::ResponseTimestamp, Column::ResponseTime),
    (Column::SourceIp, Column::SrcIp),
    (Column::SourcePort, Column::SrcPort),
    (Column::Name, Column::Qname),
    (Column::QueryType, Column::Qtype),
    (Column::ResponseCode, Column::Rcode),
];

/// The columns that an option (`--fields`, `--sort-by`) names, in their order there.
///
/// # Errors
/// A name that no column has, or that stands there twice.
pub(crate) fn columns(option: &str, text: &OsStr) -> anyhow::Result<Vec<Column>> {
    let mut columns = Vec::new();
    for name in text.to_string_lossy().split(',').map(str::trim) {
        let Some(column) = Column::named(name) else {
            bail!("{option}: there is no column '{name}'{}", column_hint(name))
        };
        if columns.contains(&column) {
            bail!("{option}: the column '{name}' stands there twice; name it once");
        }
        columns.push(column);
    }
    Ok(columns)
}

/// Takes the columns of `--drop` out of a schema. Each is named as the schema calls it, or as any schema of ours does.
///
/// # Errors
/// A column that is not in it, and if nothing would be left.
pub(crate) fn drop_columns(schema: &mut Schema, text: &OsStr) -> anyhow::Result<()> {
    let mut dropped: Vec<Cow<str>> = Vec::new();
    for name in text.to_string_lossy().split(',').map(str::trim) {
        let called = called(schema, name)?;
        if called.iter().any(|name| dropped.contains(name)) {
            bail!("--drop: the column '{name}' stands there twice; name it once");
        }
        dropped.extend(called);
    }
    schema.retain(|field| !dropped.contains(&field.name));
    match schema.fields() {
        [] => bail!("--drop: no column would be left; leave one"),
        _ => Ok(()),
    }
}

/// What the columns of a schema are called there that this name is for.
fn called(schema: &Schema, name: &str) -> anyhow::Result<Vec<Cow<'static, str>>> {
    let names = |is_it: &dyn Fn(&Field) -> bool| -> Vec<_> {
        schema.fields().iter().filter(|field| is_it(field)).map(|field| field.name.clone()).collect()
    };
    let own = names(&|field| field.name == name);
    if !own.is_empty() {
        return Ok(own);
    }
    let Some(column) = Column::named(name) else {
        let known = schema.fields().iter().map(|field| &*field.name);
        let hint = did_you_mean(name, known);
        let hint = if hint.is_empty() { column_hint(name) } else { hint };
        bail!("--drop: there is no column '{name}'{hint}")
    };
    let twin = TWINS.iter().find_map(|&(dpp, ours)| match column {
        column if column == dpp => Some(ours),
        column if column == ours => Some(dpp),
        _ => None,
    });
    let same = names(&|field| field.column == column);
    let found = if same.is_empty() { names(&|field| Some(field.column) == twin) } else { same };
    if found.is_empty() {
        bail!("--drop: the column '{name}' is not in the table anyway; leave it out here");
    }
    Ok(found)
}

/// What to append to the complaint that there is no such column.
fn column_hint(name: &str) -> String {
    let known = COLUMNS.iter().map(|entry| entry.name).chain(ALIASES.iter().map(|alias| alias.0));
    format!("{} (--fields help lists them all)", did_you_mean(name, known))
}

/// The condition of `--where` and the sample of `--sample`.
///
/// # Errors
/// What is no condition, or no sample.
pub(crate) fn select(condition: Option<&OsStr>, sample: Option<&OsStr>) -> anyhow::Result<Select> {
    let filter = |text: &OsStr| {
        Filter::parse(&text.to_string_lossy(), &column_hint).map_err(|error| anyhow!("--where: {error}"))
    };
    let part = |text: &OsStr| {
        let text = text.to_string_lossy();
        text.parse().map_err(|error: SampleError| anyhow!("--sample '{text}': {error}"))
    };
    Ok(Select { filter: condition.map(filter).transpose()?, sample: sample.map(part).transpose()? })
}

/// The schemas that `--schema` knows.
pub(crate) fn schemas() -> impl Iterator<Item = Preset> {
    let dpp = "the default: the eight columns of DPP community 0.3.1";
    let own = [
        Preset { name: "dpp", sentence: dpp, schema: Schema::dpp },
        Preset { name: "full", sentence: "all columns of our own", schema: Schema::full },
    ];
    own.into_iter().chain(PRESETS.iter().copied())
}

/// The schema of `--schema`.
///
/// # Errors
/// A name that no schema has.
pub(crate) fn schema(text: &OsStr) -> anyhow::Result<Schema> {
    let text = text.to_string_lossy();
    match schemas().find(|known| known.name == text) {
        Some(known) => Ok((known.schema)()),
        None => {
            let hint = did_you_mean(&text, schemas().map(|known| known.name));
            let known: Vec<&str> = schemas().map(|known| known.name).collect();
            bail!("--schema: there is no schema '{text}'{hint} (there are {})", known.join(", "))
        }
    }
}

/// What `--schema help` prints: each schema and its sentence.
pub(crate) fn schema_list() -> String {
    let width = schemas().map(|known| known.name.len()).max().unwrap_or(0);
    schemas().map(|known| format!("{:width$}  {}\n", known.name, known.sentence)).collect()
}

/// What `--fields help` prints: each column and its sentence.
pub(crate) fn column_list() -> String {
    let own = || COLUMNS.iter().filter(|entry| !entry.is_foreign);
    let width = own().map(|entry| entry.name.len()).max().unwrap_or(0);
    own().map(|entry| format!("{:width$}  {}\n", entry.name, entry.sentence)).collect()
}

/// The ports of all `--port` options together; the default if there is none.
///
/// # Errors
/// What is neither a port nor a range of ports.
pub(crate) fn ports(texts: &[OsString]) -> anyhow::Result<Ports> {
    let mut ranges = Vec::new();
    for text in texts {
        for word in text.to_string_lossy().split(',').map(str::trim) {
            let Some(range) = range(word) else {
                bail!(
                    "--port '{word}': allowed are ports from 1 to 65535 and ranges such as 5300-5399, with commas between"
                )
            };
            ranges.push(range);
        }
    }
    Ok(if ranges.is_empty() { Ports::default() } else { Ports::new(joined(ranges)) })
}

fn range(word: &str) -> Option<RangeInclusive<u16>> {
    let port = |word: &str| word.trim().parse::<u16>().ok().filter(|port| *port > 0);
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let range = port(first)?..=port(last)?;
    (!range.is_empty()).then_some(range)
}

/// The same ports in as few ranges as can be, in order: each packet is compared with all of them.
fn joined(mut ranges: Vec<RangeInclusive<u16>>) -> Vec<RangeInclusive<u16>> {
    ranges.sort_by_key(|range| *range.start());
    let mut joined: Vec<RangeInclusive<u16>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(before) if *range.start() <= before.end().saturating_add(1) => {
                *before = *before.start()..=*before.end().max(range.end());
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// The window of `--dedup-packets`, ns. A number without a unit is milliseconds, as for `--match-timeout-ms`.
///
/// # Errors
/// What is no such time.
pub(crate) fn window_ns(text: &OsStr) -> anyhow::Result<i64> {
    let text = text.to_string_lossy();
    let text = text.trim();
    let window_ns = time::read(text, Some(Duration::from_millis(1)))
        .and_then(|window| i64::try_from(window.as_nanos()).ok());
    match window_ns {
        Some(window_ns @ ..=WINDOW_MAX_NS) => Ok(window_ns),
        _ => bail!(
            "--dedup-packets '{text}': allowed are times up to 10 s, such as 10ms, 500us or 1s (without a unit ms)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_ports(texts: &[&str], expected: Result<&str, &str>) {
        let texts: Vec<OsString> = texts.iter().map(OsString::from).collect();
        match (ports(&texts), expected) {
            (Ok(ports), Ok(expected)) => assert_eq!(ports.to_string(), expected),
            (Err(error), Err(word)) => {
                assert!(error.to_string().starts_with(&format!("--port '{word}'")), "{error}")
            }
            (got, _) => panic!("{texts:?} gives {got:?}"),
        }
    }

    #[test]
    fn ports_are_lists_and_ranges_and_come_out_sorted_and_joined() {
        check_ports(&[], Ok("53"));
        check_ports(&["53", "5300-5399,5353"], Ok("53,5300-5399"));
        check_ports(&["5353,53"], Ok("53,5353"));
        check_ports(&["1-2", "3-4", "6"], Ok("1-4,6"));
        check_ports(&["1-65535", "53"], Ok("1-65535"));
        check_ports(&["0"], Err("0"));
        check_ports(&["53,"], Err(""));
        check_ports(&["65536"], Err("65536"));
        check_ports(&["54-53"], Err("54-53"));
        check_ports(&["dns"], Err("dns"));
    }

    #[test]
    fn no_name_of_a_schema_is_there_twice_or_both_a_value_and_an_object() {
        for Preset { name, schema, .. } in schemas() {
            let schema = schema();
            let names: Vec<&str> = schema.fields().iter().map(|field| &*field.name).collect();
            for (at, one) in names.iter().enumerate() {
                let is_object = |other: &&&str| {
                    schema.style.nests && other.strip_prefix(one).is_some_and(|rest| rest.starts_with('.'))
                };
                assert_eq!(names.iter().find(is_object), None, "{name}: {one}");
                assert!(!names[at + 1..].contains(one), "{name}: {one} is there twice");
            }
        }
    }

    #[test]
    fn windows_have_units_and_an_end() {
        for (text, ns) in [
            ("10ms", Some(10_000_000)),
            ("500us", Some(500_000)),
            ("1 s", Some(1_000_000_000)),
            ("1ns", Some(1)),
            ("20", Some(20_000_000)),
            ("10s", Some(WINDOW_MAX_NS)),
            ("10001ms", None),
            ("0", None),
            ("-1", None),
            ("", None),
            ("1.5ms", None),
            ("1h", None),
            ("99999999999999999999", None),
            ("9999999999999999s", None),
        ] {
            assert_eq!(window_ns(text.as_ref()).ok(), ns, "{text}");
        }
    }

    #[test]
    fn a_column_that_is_misspelt_is_guessed() {
        for (text, reason) in [
            ("name,source_prot", "no column 'source_prot'; did you mean 'source_port'?"),
            ("ttl", "no column 'ttl' (--fields help"),
            ("", "no column ''"),
            ("id,name,id", "'id' stands there twice"),
        ] {
            let error = columns("--fields", text.as_ref()).expect_err(text).to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert_eq!(columns("--fields", "id, name".as_ref()).unwrap(), [Column::Id, Column::Name]);
    }
}
