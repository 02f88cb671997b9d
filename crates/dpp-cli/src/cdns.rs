//! From the texts of the C-DNS options to the sink's settings. [`checks`](crate::checks) calls this; each complaint names the
//! option and what it allows.

use crate::flags::Cdns;
use crate::nearest::did_you_mean;
use anyhow::bail;
use dpp::dns::iana;
use dpp_sink::cdns::{FIELDS, Field, Prefixes, SECTIONS, Settings, all_opcodes, all_rr_types};
use std::borrow::Cow;
use std::ffi::OsString;

/// Blocks must be held whole by whoever reads them.
const BLOCK_ITEMS_MAX: u64 = 100_000;

/// The options, and what was said.
fn given(options: &Cdns) -> [(&'static str, &Option<OsString>); 7] {
    [
        ("--cdns-sections", &options.cdns_sections),
        ("--cdns-exclude", &options.cdns_exclude),
        ("--cdns-prefix", &options.cdns_prefix),
        ("--cdns-ticks", &options.cdns_ticks),
        ("--cdns-block-items", &options.cdns_block_items),
        ("--cdns-rr-types", &options.cdns_rr_types),
        ("--cdns-opcodes", &options.cdns_opcodes),
    ]
}

/// The first of the options that was used.
pub(crate) fn first_given(options: &Cdns) -> Option<&'static str> {
    given(options).into_iter().find(|option| option.1.is_some()).map(|option| option.0)
}

/// How C-DNS is to be written.
///
/// # Errors
/// What an option does not allow.
pub(crate) fn settings(options: &Cdns) -> anyhow::Result<Settings> {
    let mut settings =
        Settings { generator: concat!("dpp ", env!("CARGO_PKG_VERSION")).to_owned(), ..Settings::default() };
    if let Some(text) = text(&options.cdns_sections) {
        let Some(sections) = SECTIONS.iter().find(|sections| sections.1 == text) else {
            let names: Vec<&str> = SECTIONS.iter().map(|sections| sections.1).collect();
            bail!("--cdns-sections {text}: allowed are {}", names.join(", "))
        };
        settings.sections = sections.0;
    }
    if let Some(text) = text(&options.cdns_exclude) {
        settings.excluded = text.split(',').map(|name| field(name.trim())).collect::<anyhow::Result<_>>()?;
    }
    if let Some(text) = text(&options.cdns_prefix) {
        settings.prefixes = prefixes(&text)?;
    }
    match text(&options.cdns_ticks).as_deref() {
        None | Some("us") => {}
        Some("ns") => settings.ticks_per_second = 1_000_000_000,
        Some(text) => bail!("--cdns-ticks {text}: allowed are us and ns"),
    }
    if let Some(text) = text(&options.cdns_block_items) {
        settings.block_items = match text.parse() {
            Ok(items @ 1..=BLOCK_ITEMS_MAX) => items,
            _ => bail!("--cdns-block-items {text}: allowed are 1 to {BLOCK_ITEMS_MAX} items"),
        };
    }
    if let Some(text) = text(&options.cdns_rr_types) {
        settings.rr_types = Some(listed("--cdns-rr-types", &text, rr_type, all_rr_types())?);
    }
    if let Some(text) = text(&options.cdns_opcodes) {
        settings.opcodes = Some(listed("--cdns-opcodes", &text, opcode, all_opcodes())?);
    }
    Ok(settings)
}

fn text(option: &Option<OsString>) -> Option<Cow<'_, str>> {
    option.as_ref().map(|text| text.to_string_lossy())
}

fn field(name: &str) -> anyhow::Result<&'static Field> {
    if let Some(field) = Field::named(name) {
        return Ok(field);
    }
    let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    let hint = did_you_mean(name, names.iter().copied());
    bail!("--cdns-exclude: there is no field '{name}'{hint} (there are {})", names.join(", "))
}

/// How many bits each kind of address has.
const BITS: [u8; 4] = [32, 128, 32, 128];

fn prefixes(text: &str) -> anyhow::Result<Prefixes> {
    let numbers: Vec<Option<u8>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    match numbers[..] {
        [Some(client_v4), Some(client_v6), Some(server_v4), Some(server_v6)]
            if numbers.iter().flatten().zip(BITS).all(|(bits, most)| (1..=most).contains(bits)) =>
        {
            // All bits are what no prefix says, too.
            let cut = |bits: u8, most: u8| (bits < most).then_some(bits);
            Ok(Prefixes {
                client_v4: cut(client_v4, BITS[0]),
                client_v6: cut(client_v6, BITS[1]),
                server_v4: cut(server_v4, BITS[2]),
                server_v6: cut(server_v6, BITS[3]),
            })
        }
        _ => bail!(
            "--cdns-prefix {text}: name four numbers of bits, for clients' IPv4 (1 to 32) and IPv6 addresses (1 to 128) \
             and for servers', such as 24,48,32,128"
        ),
    }
}

/// A type by its name or number.
fn rr_type(name: &str) -> Option<u16> {
    iana::TYPES.code(name).or_else(|| name.parse().ok())
}

fn opcode(name: &str) -> Option<u8> {
    let code = iana::OPCODES.code(name).or_else(|| name.parse().ok())?;
    u8::try_from(code).ok().filter(|code| *code < 16)
}

/// The codes of a list, or all others if each has an exclamation mark.
fn listed<T: Copy + PartialEq + Ord>(
    option: &str,
    text: &str,
    code: impl Fn(&str) -> Option<T>,
    all: Vec<T>,
) -> anyhow::Result<Vec<T>> {
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    let negated = words.iter().filter(|word| word.starts_with('!')).count();
    if negated != 0 && negated != words.len() {
        bail!("{option} {text}: put ! before each of them, or before none");
    }
    let mut codes = Vec::new();
    for word in words {
        let name = word.trim_start_matches('!');
        match code(name) {
            Some(code) => codes.push(code),
            None => bail!("{option}: '{name}' is not known; use its name or its number"),
        }
    }
    if negated > 0 {
        codes = all.into_iter().filter(|code| !codes.contains(code)).collect();
    }
    codes.sort_unstable();
    codes.dedup();
    if codes.is_empty() {
        bail!("{option} {text}: nothing is left");
    }
    Ok(codes)
}
