//! The tables that the user brings: read before the run, so that a broken one is known before anything is written.
//!
//! [`checks`](crate::checks) calls this and puts them into the plan's context.

use crate::flags::{Hiding, Lookups, Options};
use crate::hiding::read_file;
use crate::inputs::Input;
use anyhow::{anyhow, bail};
use dpp::enrich::{Geo, GeoDb, Place, Places, SuffixList, Template};
use dpp::limits::KEY_FILE_BYTES_MAX;
use dpp::privacy::KeyFile;
use dpp::table::{Column, Context};
use dpp_sink::dataset::digest;
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

/// What is told of these files in metadata and manifests, so that two tables can be seen to be made with the same: digests, for
/// paths say nothing. A condition beside pseudonyms is told by a fingerprint that only who has the key can make.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn told(options: &Options) -> anyhow::Result<Vec<(&'static str, Option<String>)>> {
    let Lookups { geoip, psl, servers, server_template } = &options.lookups;
    let of = |option: &str, path: &Path| -> anyhow::Result<String> {
        Ok(digest(&read_file(option, "the file", path, u64::MAX)?, SHA256_DIGITS))
    };
    let databases = geoip.iter().map(|path| of("--geoip", path)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(vec![
        ("geoip_sha256", Some(databases.join(",")).filter(|_| !databases.is_empty())),
        ("psl_sha256", psl.as_deref().map(|path| of("--psl", path)).transpose()?),
        ("servers_sha256", servers.as_deref().map(|path| of("--servers", path)).transpose()?),
        ("server_template", server_template.as_ref().map(|text| text.to_string_lossy().into_owned())),
        ("where_fingerprint", condition(options)?),
    ])
}

/// The digits of a whole digest.
const SHA256_DIGITS: usize = 64;

/// The fingerprint of the condition, if there is a key. Without one, none can be made that would not tell the condition to
/// who tries all addresses.
fn condition(options: &Options) -> anyhow::Result<Option<String>> {
    let Hiding { anonymize, hide_key, .. } = &options.hiding;
    let (Some(condition), Some(path)) = (&options.filter, anonymize.as_ref().or(hide_key.as_ref())) else {
        return Ok(None);
    };
    let content = read_file("--hide-key", "the key file", path, KEY_FILE_BYTES_MAX as u64)?;
    let key = KeyFile::read(&content).ok();
    Ok(key.map(|key| key.fingerprint(&format!("condition {}", condition.to_string_lossy().trim()))))
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
