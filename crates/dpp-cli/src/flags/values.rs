//! How values of options are understood, whether they come from the command line or from a variable.

use clap::Arg;
use clap::builder::{OsStringValueParser, PossibleValue, RangedI64ValueParser, TypedValueParser};
use clap::parser::ValueSource;
use std::ffi::OsStr;
use std::path::PathBuf;

/// What came from the command line or from a variable; `Err` holds the text of a variable that is not
/// understood.
pub(crate) type Setting<T> = Result<T, String>;

/// Whether, and how much, Parquet is compressed with zstd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zstd {
    Off,
    Level(i32),
}

/// The level that costs little more time than the lowest and is nearly as small as any.
pub(super) const ZSTD_LEVEL: &str = "3";

/// Any path. An empty one is no usage error either; `checks` says what it was meant for.
pub(super) fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// A parser whose complaints about variables come later, from `checks`.
#[derive(Clone)]
pub(super) struct Late<P>(pub(super) P);

impl<P: TypedValueParser> TypedValueParser for Late<P> {
    type Value = Setting<P::Value>;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        self.0.parse_ref(command, arg, value).map(Ok)
    }

    fn parse_ref_(
        &self,
        command: &clap::Command,
        arg: Option<&Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> Result<Self::Value, clap::Error> {
        match self.0.parse_ref(command, arg, value) {
            Ok(value) => Ok(Ok(value)),
            Err(_) if source == ValueSource::EnvVariable => Ok(Err(value.to_string_lossy().into_owned())),
            Err(error) => Err(error),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        self.0.possible_values()
    }
}

/// A switch, and what its variable must say to be on. All else is off, and no error.
#[derive(Clone)]
pub(super) struct Truth;

impl Truth {
    fn of(value: &OsStr) -> bool {
        let on = ["true", "y", "yes", "enabled", "on", "1"];
        value.to_str().is_some_and(|value| on.iter().any(|on| value.eq_ignore_ascii_case(on)))
    }
}

impl TypedValueParser for Truth {
    type Value = bool;

    fn parse_ref(&self, _: &clap::Command, _: Option<&Arg>, value: &OsStr) -> Result<bool, clap::Error> {
        Ok(Truth::of(value))
    }
}

/// On the command line a level, in the environment a switch.
#[derive(Clone)]
pub(super) struct ZstdParser;

impl TypedValueParser for ZstdParser {
    type Value = Zstd;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Zstd, clap::Error> {
        RangedI64ValueParser::<i32>::new().range(1..=22).parse_ref(command, arg, value).map(Zstd::Level)
    }

    fn parse_ref_(
        &self,
        command: &clap::Command,
        arg: Option<&Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> Result<Zstd, clap::Error> {
        match source {
            ValueSource::EnvVariable if Truth::of(value) => self.parse_ref(command, arg, ZSTD_LEVEL.as_ref()),
            ValueSource::EnvVariable => Ok(Zstd::Off),
            _ => self.parse_ref(command, arg, value),
        }
    }
}
