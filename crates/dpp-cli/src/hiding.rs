//! What is hidden: from the options to the engine's mapping, and what cannot be had together with it.
//!
//! [`checks`](crate::checks) calls this. The surprising fact: `--anonymize` takes key files that `--hide-key` refuses, because it
//! has always taken any text for a passphrase.

use crate::flags::{Hiding, Options};
use crate::formats::Format;
use anyhow::{Context, bail};
use dpp::filter::Filter;
use dpp::limits::KEY_FILE_BYTES_MAX;
use dpp::plan::Plan;
use dpp::privacy::{
    AddressMap, AddressScheme, FIELDS, Field, Fields, KeyFile, MapError, NameMap, NameScheme, Privacy,
};
use dpp::table::{CAPTURED, Schema};
use dpp::transaction::Needs;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

/// What is to be written instead of what, and whether rows are to be looked at again.
///
/// # Errors
/// A scheme, field or key that is none; options that do not go together.
pub(crate) fn privacy(hiding: &Hiding, is_checked: bool) -> anyhow::Result<Privacy> {
    let Hiding { anonymize, hide_addresses, hide_names, hide_fields, hide_key } = hiding;
    if let Some(path) = anonymize {
        if hide_addresses.is_some() || hide_names.is_some() || hide_fields.is_some() || hide_key.is_some() {
            bail!(
                "--anonymize hides clients as DPP does, and nothing else; use either it or the options --hide-... \
                 (--hide-addresses dpp gives the same pseudonyms)"
            );
        }
        return anonymized(path);
    }
    let addresses: Option<AddressScheme> = scheme("--hide-addresses", hide_addresses.as_deref())?;
    let names: Option<NameScheme> = scheme("--hide-names", hide_names.as_deref())?;
    if addresses.is_none() && names.is_none() {
        if hide_fields.is_some() || hide_key.is_some() || is_checked {
            let option = match (hide_fields, hide_key) {
                (Some(_), _) => "--hide-fields",
                (_, Some(_)) => "--hide-key",
                _ => "--check-privacy",
            };
            bail!(
                "{option}: nothing is hidden; add --hide-addresses or --hide-names (dpp --help tells more)"
            );
        }
        return Ok(Privacy::default());
    }
    let fields = fields(hide_fields.as_deref(), addresses, names)?;
    let key = key(hide_key.as_deref(), addresses, names)?;
    let map_error = |option: &str, error: MapError| match error {
        MapError::KeyMissing(_) => anyhow::anyhow!("{option}: {error}; name it with --hide-key"),
        MapError::Key(_) => anyhow::anyhow!("--hide-key: {error}"),
    };
    let addresses = addresses.map(|scheme| AddressMap::new(scheme, key.as_ref())).transpose();
    let names = names.map(|scheme| NameMap::new(scheme, key.as_ref())).transpose();
    Ok(Privacy {
        addresses: addresses.map_err(|error| map_error("--hide-addresses", error))?,
        names: names.map_err(|error| map_error("--hide-names", error))?,
        fields,
    })
}

/// The compatible way: DPP's pseudonyms for clients.
fn anonymized(path: &Path) -> anyhow::Result<Privacy> {
    let content = read_file("--anonymize", "the key file", path, u64::MAX)?;
    match AddressMap::dpp(&content) {
        Ok(map) => Ok(Privacy { addresses: Some(map), names: None, fields: Fields::only(Field::Client) }),
        Err(error) => {
            bail!("--anonymize: the key file '{}' {error}; it must hold a passphrase as text", path.display())
        }
    }
}

/// The scheme of an option.
fn scheme<S: FromStr<Err: std::fmt::Display>>(
    option: &str,
    text: Option<&OsStr>,
) -> anyhow::Result<Option<S>> {
    let scheme = text.map(|text| text.to_string_lossy().trim().parse::<S>()).transpose();
    scheme.map_err(|error| anyhow::anyhow!("{option}: {error}"))
}

/// The fields. What is named must be of use: who names a field thinks that it is hidden.
fn fields(
    text: Option<&OsStr>,
    addresses: Option<AddressScheme>,
    names: Option<NameScheme>,
) -> anyhow::Result<Fields> {
    let Some(text) = text else { return Ok(Fields::default()) };
    let fields: Fields = match text.to_string_lossy().parse() {
        Ok(fields) => fields,
        Err(error) => bail!("--hide-fields: {error}"),
    };
    let is_name = |field: Field| field == Field::Names;
    let named = |names: bool| {
        FIELDS.iter().find(|entry| fields.contains(entry.field) && is_name(entry.field) == names)
    };
    let is_all = fields == Fields::ALL;
    match (named(false), addresses) {
        (Some(entry), None) if !is_all => {
            bail!(
                "--hide-fields: '{}' is addresses, and nothing says how they are hidden; add --hide-addresses",
                entry.word
            )
        }
        (None, Some(_)) => {
            bail!("--hide-fields: no addresses are among them, so --hide-addresses hides nothing; add client")
        }
        _ => {}
    }
    match (named(true), names) {
        (Some(_), None) if !is_all => {
            bail!("--hide-fields: nothing says how 'names' are hidden; add --hide-names")
        }
        (None, Some(_)) => {
            bail!("--hide-fields: 'names' is not among them, so --hide-names hides nothing; add names")
        }
        _ => {}
    }
    Ok(fields)
}

/// The key, which must be of use too.
fn key(
    path: Option<&Path>,
    addresses: Option<AddressScheme>,
    names: Option<NameScheme>,
) -> anyhow::Result<Option<KeyFile>> {
    let Some(path) = path else { return Ok(None) };
    let is_needed =
        addresses.is_some_and(AddressScheme::needs_key) || names.is_some_and(NameScheme::needs_key);
    if !is_needed {
        bail!("--hide-key: no scheme that was chosen has a key; leave it out, or choose another scheme");
    }
    let content = read_file("--hide-key", "the key file", path, KEY_FILE_BYTES_MAX as u64)?;
    match KeyFile::read(&content) {
        Ok(key) => Ok(Some(key)),
        Err(error) => bail!("--hide-key: the key file '{}' {error}; {}", path.display(), error.remedy()),
    }
}

/// The fingerprint of a condition that must not be told beside what is hidden, which only who has the key can make; so that two
/// tables can be seen to be made with the same. Without a key there is none that would not tell the condition to who tries all
/// addresses, nor with a key file that no scheme but DPP's takes.
///
/// # Errors
/// A key file that cannot be read.
pub(crate) fn fingerprint_of(filter: Option<&Filter>, hiding: &Hiding) -> anyhow::Result<Option<String>> {
    let Hiding { anonymize, hide_key, .. } = hiding;
    let (Some(filter), Some(path)) = (filter, anonymize.as_ref().or(hide_key.as_ref())) else {
        return Ok(None);
    };
    if filter.names_nobody() {
        return Ok(None);
    }
    let content = read_file("--hide-key", "the key file", path, KEY_FILE_BYTES_MAX as u64)?;
    let key = KeyFile::read(&content).ok();
    Ok(key.map(|key| key.fingerprint(&format!("condition {}", filter.text().trim()))))
}

/// A file that an option names, up to one byte more than it may have. It must be a plain file, so that reading it can neither
/// wait nor end somewhere else the next time.
pub(crate) fn read_file(option: &str, what: &str, path: &Path, bytes_max: u64) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let known = fs::metadata(path)
        .with_context(|| format!("{option}: cannot open {what} '{name}'; check the path"))?;
    if !known.is_file() {
        bail!("{option}: {what} '{name}' is not a regular file; save it as one");
    }
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes_max.saturating_add(1)).read_to_end(&mut content))
        .with_context(|| format!("{option}: cannot read {what} '{name}'; check its permissions"))?;
    Ok(content)
}

/// Refuses what would carry all that is hidden.
///
/// # Errors
/// Columns and formats of whole messages; a second look where there are no columns.
pub(crate) fn check(
    privacy: &Privacy,
    schema: &Schema,
    format: Format,
    options: &Options,
) -> anyhow::Result<()> {
    if !privacy.is_active() {
        return Ok(());
    }
    for column in CAPTURED {
        if schema.contains(column) {
            let name = column.entry().name;
            bail!(
                "the column '{name}' holds messages as they were captured, with all that is to be hidden; \
                 leave it out (--drop {name})"
            );
        }
    }
    match format {
        Format::Dnstap | Format::Pcap => bail!(
            "-f {} writes messages as they were captured, with all that is to be hidden; \
             choose a format of columns, such as csv or parquet",
            format.row().name
        ),
        Format::Cdns => match privacy.addresses.as_ref().filter(|map| !map.keeps_family()) {
            Some(map) => bail!(
                "-f cdns stores addresses only, and '{}' gives others than of the same length; \
                 choose another scheme, such as cryptopan, or a format of columns, such as csv or parquet",
                map.scheme()
            ),
            None if options.check_privacy => bail!(
                "--check-privacy looks at columns, which -f cdns has none of; leave it out, \
                 and check a table with the same options (-f csv)"
            ),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// What can be done about columns that give away what is hidden: hide what is not hidden yet, or leave them out, as far as there
/// is something left to hide or to write.
pub(crate) fn remedy(plan: &Plan, options: &Options, columns: &[&str]) -> String {
    let Privacy { addresses, names, fields } = &plan.context.privacy;
    let more: Vec<&str> = match options.hiding.anonymize {
        Some(_) => vec!["--hide-addresses dpp instead of --anonymize", "--hide-fields all", "--hide-names"],
        None => {
            let all = [
                ("--hide-addresses", addresses.is_none()),
                ("--hide-names", names.is_none()),
                ("--hide-fields all", *fields != Fields::ALL),
            ];
            all.into_iter().filter(|option| option.1).map(|option| option.0).collect()
        }
    };
    let others_stay = columns.len() < plan.schema.fields().len();
    let remedies = [
        (!more.is_empty()).then(|| format!("hide more ({})", more.join(", "))),
        others_stay.then(|| format!("leave these columns out (--drop {})", columns.join(","))),
    ];
    let remedies: Vec<String> = remedies.into_iter().flatten().collect();
    match &remedies[..] {
        [] => "choose other columns (--fields help lists them all)".to_owned(),
        remedies => remedies.join(", or "),
    }
}

/// What the second look needs of a transaction: the addresses that lie in messages.
pub(crate) fn needs_of_check(privacy: &Privacy, options: &Options) -> Needs {
    let in_messages = [Field::Ecs, Field::Rdata].into_iter().any(|field| privacy.map_of(field).is_some());
    match options.check_privacy && in_messages {
        true => Needs::QUERY | Needs::RESPONSE,
        false => Needs::NOTHING,
    }
}
