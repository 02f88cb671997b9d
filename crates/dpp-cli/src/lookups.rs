//! The tables that the user brings: read before the run, so that a broken one is known before anything is written.
//!
//! [`checks`](crate::checks) calls this and puts them into the plan's context.

use crate::flags::{Lookups, Options};
use crate::hiding::read_file;
use crate::inputs::Input;
use anyhow::{anyhow, bail};
use dpp::enrich::{Geo, GeoDb, Place, Places, SuffixList, Template};
use dpp::table::{Column, Context};
use dpp_sink::dataset::digest;
use std::path::PathBuf;
use std::sync::Arc;

/// What is told of the user's files in metadata and manifests, by key, so that two tables can be seen to be made with the same.
pub(crate) type Told = Vec<(&'static str, Option<String>)>;

/// The context with all tables, and what is told of them: digests of what they hold, for paths say nothing.
///
/// # Errors
/// A table that cannot be read.
pub(crate) fn context(lookups: &Lookups) -> anyhow::Result<(Context, Told)> {
    let Lookups { geoip, psl, servers, server_template } = lookups;
    let mut databases = Vec::new();
    let mut digests = Vec::new();
    for path in geoip {
        let file = read_file("--geoip", "the database", path, u64::MAX)?;
        digests.push(whole_digest(&file));
        let database = GeoDb::open(file);
        databases.push(database.map_err(|error| anyhow!("--geoip: the file '{}' {error}", path.display()))?);
    }
    let list = psl.as_deref().map(|path| read_file("--psl", "the list", path, u64::MAX)).transpose()?;
    let suffixes = match (&list, psl) {
        (Some(list), Some(path)) => SuffixList::parse(list)
            .map_err(|error| anyhow!("--psl: the list '{}': {error}", path.display()))?,
        _ => SuffixList::built_in(),
    };
    let table = |path: &PathBuf| -> anyhow::Result<(Places, String)> {
        let file = read_file("--servers", "the table", path, u64::MAX)?;
        let places = Places::parse(&file);
        let places = places.map_err(|error| anyhow!("--servers: the table '{}': {error}", path.display()))?;
        Ok((places, whole_digest(&file)))
    };
    let (places, places_digest) = servers.as_ref().map(table).transpose()?.unzip();
    let told = vec![
        ("geoip_sha256", (!digests.is_empty()).then(|| digests.join(","))),
        ("psl_sha256", list.as_deref().map(whole_digest)),
        ("servers_sha256", places_digest),
        ("server_template", server_template.as_ref().map(|text| text.to_string_lossy().into_owned())),
    ];
    let geo = (!databases.is_empty()).then(|| Arc::new(Geo::new(databases)));
    let (suffixes, places) = (Arc::new(suffixes), places.map(Arc::new));
    Ok((Context { geo, suffixes, places, ..Context::default() }, told))
}

fn whole_digest(file: &[u8]) -> String {
    digest(file, SHA256_DIGITS)
}

/// The digits of a whole digest.
const SHA256_DIGITS: usize = 64;

/// The template of inputs' names.
///
/// # Errors
/// What is no template, and one that no input is called like.
pub(crate) fn template(lookups: &Lookups, captures: &[Input]) -> anyhow::Result<Option<Template>> {
    let Some(text) = &lookups.server_template else { return Ok(None) };
    let text = text.to_string_lossy();
    let template = Template::parse(&text).map_err(|error| anyhow!("--server-template '{text}': {error}"))?;
    let is_read = |capture: &Input| place(&template, capture).is_some();
    if let Some(first) = captures.first().filter(|_| !captures.iter().any(is_read)) {
        bail!("--server-template '{text}': {} is not called like this, and no other input is", first.name());
    }
    Ok(Some(template))
}

/// What an input's name says; nothing if it is not as the template has it.
pub(crate) fn place(template: &Template, input: &Input) -> Option<Place> {
    match input {
        Input::Stdin | Input::Live(_) => None,
        Input::Path(path) => template.read(&path.to_string_lossy()),
    }
}

/// Whether a column is looked up in a table that the user brings.
pub(crate) fn needs_table(column: Column) -> bool {
    use Column::*;
    matches!(column, Country | Asn | AsOrg | DstCountry | DstAsn | DstAsOrg | Server | Site)
}

/// Columns that an option (`--fields`, `--partition-by`) names, though nothing can be in them.
///
/// # Errors
/// The first, and what it needs.
pub(crate) fn check(option: &str, columns: &[Column], options: &Options) -> anyhow::Result<()> {
    let Lookups { geoip, servers, server_template, .. } = &options.lookups;
    for column in columns {
        let name = column.entry().name;
        match column {
            Column::Country
            | Column::Asn
            | Column::AsOrg
            | Column::DstCountry
            | Column::DstAsn
            | Column::DstAsOrg
                if geoip.is_empty() =>
            {
                bail!("{option}: the column '{name}' needs a database; name one with --geoip")
            }
            Column::Server | Column::Site if servers.is_none() && server_template.is_none() => {
                bail!(
                    "{option}: the column '{name}' needs names; give them with --servers or --server-template"
                )
            }
            _ => {}
        }
    }
    Ok(())
}
