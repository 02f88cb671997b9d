//! The configuration of `dpp live`: a TOML file whose keys are the long names of options.
//!
//! Nothing is read from it that is not an option already, so whatever can be said there can be said on the command line and in
//! the environment too, and those go before it. The file becomes words of a command line, which clap reads; what is wrong with one
//! of them is told with the file's name and line.

use crate::flags::{self, CommandLine};
use crate::nearest::did_you_mean;
use anyhow::{Context, anyhow, bail};
use clap::ArgAction;
use clap::parser::ValueSource;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The longest configuration; a list of all options takes some kilobytes.
const BYTES_MAX: u64 = 1 << 20;

/// The options of a file, by their names, with the lines they stand on.
pub(super) struct Config {
    name: String,
    lines: Vec<(String, usize)>,
}

impl Config {
    /// Reads a file, and the command line once more with what stands in it.
    ///
    /// # Errors
    /// What is wrong, and on which line.
    pub(super) fn read(path: &Path, command: &str) -> anyhow::Result<(Config, CommandLine)> {
        let name = path.display().to_string();
        let text = read(path)?;
        let table = DeTable::parse(&text)
            .map_err(|error| anyhow!("{name}: this is no TOML: {}", error.to_string().trim_end()))?;
        let mut words = Words::new(&name, &text, command);
        for (key, value) in table.get_ref() {
            words.add(key.get_ref(), key.span().start, value)?;
        }
        let Words { given, lines, .. } = words;
        let config = Config { name, lines };
        // Each by itself was understood; together they may still exclude each other.
        let line =
            flags::parse_with(&given).map_err(|error| anyhow!("{}: {}", config.name, first_line(&error)))?;
        Ok((config, line))
    }

    /// An error that speaks of an option of the file, with its line.
    pub(super) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let text = error.to_string();
        let meant = self.lines.iter().find(|(key, _)| {
            let rest = text.strip_prefix("--").and_then(|text| text.strip_prefix(&**key));
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '-'))
        });
        match meant {
            Some((_, line)) => error.context(format!("{}, line {line}", self.name)),
            None => error.context(self.name.clone()),
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let name = path.display();
    let known = fs::metadata(path).with_context(|| {
        format!("cannot read the configuration '{name}'; name a TOML file, or say all with options (dpp live --help)")
    })?;
    if known.len() > BYTES_MAX {
        bail!("the configuration '{name}' is longer than {} KiB; is it a capture?", BYTES_MAX >> 10);
    }
    fs::read_to_string(path).with_context(|| format!("cannot read the configuration '{name}'"))
}

/// Options of a file as words of a command line.
struct Words<'a> {
    name: &'a str,
    text: &'a str,
    command: clap::Command,
    said: Option<clap::ArgMatches>,
    given: Vec<OsString>,
    lines: Vec<(String, usize)>,
}

impl<'a> Words<'a> {
    fn new(name: &'a str, text: &'a str, command: &str) -> Words<'a> {
        let (command, said) = flags::known(command);
        Words { name, text, command, said, given: Vec::new(), lines: Vec::new() }
    }

    fn add(&mut self, key: &str, at: usize, value: &Spanned<DeValue>) -> anyhow::Result<()> {
        let line = 1 + self.text[..at].matches('\n').count();
        let here = format!("{}, line {line}", self.name);
        // Switches and their values may be written with underscores, as in most files of this kind.
        let long = key.replace('_', "-");
        let Some(arg) = self.command.get_arguments().find(|arg| arg.get_long() == Some(&long)) else {
            let known = self.command.get_arguments().filter_map(|arg| arg.get_long());
            bail!(
                "{here}: there is no option '{key}'{} (dpp live --help lists them all)",
                did_you_mean(&long, known)
            );
        };
        self.lines.push((long.clone(), line));
        let id = arg.get_id().as_str();
        let source = self.said.as_ref().and_then(|said| said.value_source(id));
        if matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable)) {
            return Ok(());
        }
        let words = words(arg, &long, value.get_ref()).with_context(|| here.clone())?;
        for word in &words {
            let alone = [OsString::from("dpp"), OsString::from("live"), word.clone()];
            if let Err(error) = <CommandLine as clap::Parser>::try_parse_from(alone) {
                bail!("{here}: {}", first_line(&error));
            }
        }
        self.given.extend(words);
        Ok(())
    }
}

/// An option of the file as words.
fn words(arg: &clap::Arg, long: &str, value: &DeValue) -> anyhow::Result<Vec<OsString>> {
    let word = |text: &str| OsString::from(format!("--{long}={text}"));
    let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
    Ok(match value {
        DeValue::Boolean(is_on) if is_switch => match is_on {
            true => vec![OsString::from(format!("--{long}"))],
            false => Vec::new(),
        },
        _ if is_switch => bail!("'{long}' is a switch: true or false"),
        // An option that may stand alone, such as zstd.
        DeValue::Boolean(true) if arg.get_num_args().is_some_and(|range| range.min_values() == 0) => {
            vec![OsString::from(format!("--{long}"))]
        }
        DeValue::Boolean(false) if arg.get_num_args().is_some_and(|range| range.min_values() == 0) => {
            Vec::new()
        }
        DeValue::Array(values) => {
            let texts: Vec<String> =
                values.iter().map(|value| text(long, value.get_ref())).collect::<Result<_, _>>()?;
            match arg.get_action() {
                ArgAction::Append => texts.iter().map(|text| word(text)).collect(),
                _ => vec![word(&texts.join(","))],
            }
        }
        value => vec![word(&text(long, value)?)],
    })
}

fn text(long: &str, value: &DeValue) -> anyhow::Result<String> {
    Ok(match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Boolean(_) | DeValue::Array(_) | DeValue::Table(_) => {
            bail!("'{long}' takes a text, a number or a list of these")
        }
    })
}

/// What clap complains about, without its hints for people at a terminal.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
