//! The numbers of captures, from which it is known later that one is missing.

use crate::inputs::Input;
use crate::output::table_stem;
use anyhow::bail;
use dpp_sink::parts::ledger::SEQUENCE_MAX;
use std::ffi::OsStr;

/// Where captures have their numbers from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Numbering {
    /// The first has this, the others those behind.
    From(u64),
    /// The last digits of their names.
    Names,
}

pub(crate) fn numbering(text: &OsStr) -> anyhow::Result<Numbering> {
    let text = text.to_string_lossy();
    match text.parse() {
        Ok(first @ 0..=SEQUENCE_MAX) => Ok(Numbering::From(first)),
        _ if text == "name" => Ok(Numbering::Names),
        _ => bail!("--seq '{text}': allowed is a number up to {SEQUENCE_MAX}, or name"),
    }
}

impl Numbering {
    /// The number of the capture that is at this place.
    pub(crate) fn of(self, place: usize, capture: &Input) -> anyhow::Result<u64> {
        let number = match self {
            Numbering::From(first) => Some(first + place as u64),
            Numbering::Names => last_digits(&table_stem(capture).to_string_lossy()),
        };
        match number.filter(|number| *number <= SEQUENCE_MAX) {
            Some(number) => Ok(number),
            None => bail!("--seq: {} has no number; number it with --seq N, or rename it", capture.name()),
        }
    }
}

fn last_digits(name: &str) -> Option<u64> {
    let digits = name.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let first = digits.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
    digits[first..].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_digits_of_a_name_are_its_number() {
        for (name, number) in
            [("eth0-0017", Some(17)), ("20240601-0000x", Some(0)), ("7", Some(7)), ("eth", None), ("", None)]
        {
            assert_eq!(last_digits(name), number, "{name}");
        }
    }
}
