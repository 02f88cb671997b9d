//! The numbers of captures, from which it is known later that one is missing.

use crate::inputs::Input;
use crate::output::table_stem;
use anyhow::bail;
use dpp_sink::parts::ledger::{Ledger, SEQUENCE_MAX};
use std::ffi::OsStr;

/// Where captures have their numbers from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Numbering {
    /// The first has this, the others those behind.
    From(u64),
    /// The last digits of their names.
    Names,
}

/// Reads the option.
///
/// # Errors
/// What is no number.
pub(super) fn numbering(text: &OsStr) -> anyhow::Result<Numbering> {
    let text = text.to_string_lossy();
    match text.parse() {
        Ok(first @ 0..=SEQUENCE_MAX) => Ok(Numbering::From(first)),
        _ if text == "name" => Ok(Numbering::Names),
        _ => bail!("--seq '{text}': allowed is a number up to {SEQUENCE_MAX}, or name"),
    }
}

impl Numbering {
    /// Refuses to number captures one after the other where some were left out: nobody knows which numbers are theirs, and all
    /// others would be called by wrong ones.
    ///
    /// # Errors
    /// If there are some.
    pub(super) fn check_left_out(self, left_out: usize) -> anyhow::Result<()> {
        match self {
            Numbering::From(_) if left_out > 0 => bail!(
                "--seq: captures that are left out would have had numbers; number them by name (--seq name), or name those \
                 that can be read"
            ),
            _ => Ok(()),
        }
    }

    /// The numbers of captures. The same twice is refused before anything is counted.
    ///
    /// # Errors
    /// A capture without a number, and one with that of another.
    pub(super) fn of_all(self, site: &str, captures: &[Input]) -> anyhow::Result<Vec<u64>> {
        let (mut numbers, mut seen) = (Vec::new(), Ledger::default());
        for (place, capture) in captures.iter().enumerate() {
            let (number, mut own) = (self.of(place, capture)?, Ledger::default());
            own.sequence(site, number);
            if let Some(file) = seen.in_both(&own) {
                bail!("--seq: {file}; the second is {}", capture.name())
            }
            seen.merge(&own);
            numbers.push(number);
        }
        Ok(numbers)
    }

    /// The number of the capture that is at this place.
    fn of(self, place: usize, capture: &Input) -> anyhow::Result<u64> {
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
