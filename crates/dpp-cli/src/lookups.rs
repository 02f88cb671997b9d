//! The tables that the user brings: read before the run, so that a broken one is known before anything is written.
//!
//! [`checks`](crate::checks) calls this and puts them into the plan's context.

use crate::flags::{Lookups, Options};
use crate::hiding::read_file;
use crate::inputs::Input;
use anyhow::{anyhow, bail};
use dpp::enrich::{Geo, GeoDb, Place, Places, SuffixList, Template};
use dpp::table::{Column, Context};
use std::path::Path;
use std::sync::Arc;

/// The context with all tables.
///
/// # Errors
/// A table that cannot be read.
pub(crate) fn context(lookups: &Lookups) -> anyhow::Result<Context> {
    let Lookups { geoip, psl, servers, .. } = lookups;
    let geo = match &geoip[..] {
        [] => None,
        paths => Some(Arc::new(Geo::new(paths.iter().map(|path| database(path)).collect::<Result<_, _>>()?))),
    };
    let suffixes = match psl {
        None => SuffixList::built_in(),
        Some(path) => SuffixList::parse(&read_file("--psl", "the list", path, u64::MAX)?)
            .map_err(|error| anyhow!("--psl: the list '{}': {error}", path.display()))?,
    };
    let places = servers.as_deref().map(places).transpose()?.map(Arc::new);
    Ok(Context { geo, suffixes: Arc::new(suffixes), places, ..Context::default() })
}

fn database(path: &Path) -> anyhow::Result<GeoDb> {
    let file = read_file("--geoip", "the database", path, u64::MAX)?;
    GeoDb::open(file).map_err(|error| anyhow!("--geoip: the file '{}' {error}", path.display()))
}

fn places(path: &Path) -> anyhow::Result<Places> {
    let file = read_file("--servers", "the table", path, u64::MAX)?;
    Places::parse(&file).map_err(|error| anyhow!("--servers: the table '{}': {error}", path.display()))
}

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
        Input::Stdin => None,
        Input::Path(path) => template.read(&path.to_string_lossy()),
    }
}

/// Columns that are named, though nothing can be in them.
///
/// # Errors
/// The first, and what it needs.
pub(crate) fn check(columns: &[Column], options: &Options) -> anyhow::Result<()> {
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
                bail!("--fields: the column '{name}' needs a database; name one with --geoip")
            }
            Column::Server | Column::Site if servers.is_none() && server_template.is_none() => {
                bail!(
                    "--fields: the column '{name}' needs names; give them with --servers or --server-template"
                )
            }
            _ => {}
        }
    }
    Ok(())
}
