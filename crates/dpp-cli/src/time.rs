//! Times as people write them: `200ms`, `5s`, `10m`, `1h`, `1d`.

use anyhow::bail;
use std::ffi::OsStr;
use std::time::Duration;

/// What a unit is, in ns.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// A time above 0 with its unit; one without is so many of `bare`, if that is allowed.
pub(crate) fn read(text: &str, bare: Option<Duration>) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit_ns = match text[digits..].trim_start() {
        "" => bare?.as_nanos() as u64,
        word => UNITS.iter().find(|unit| unit.0 == word)?.1,
    };
    let number: u64 = text[..digits].parse().ok()?;
    let ns = number.checked_mul(unit_ns).filter(|ns| *ns > 0)?;
    Some(Duration::from_nanos(ns))
}

/// What an option says, which must have a unit.
///
/// # Errors
/// What is no such time.
pub(crate) fn of_option(option: &str, text: &OsStr) -> anyhow::Result<Duration> {
    let text = text.to_string_lossy();
    match read(&text, None) {
        Some(time) => Ok(time),
        None => bail!("{option} '{text}': allowed are times such as 200ms, 5s, 10m, 1h or 1d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, expected) in [
            ("1ns", 1),
            ("500us", 500_000),
            ("200ms", 200_000_000),
            (" 5s ", 5_000_000_000),
            ("5 s", 5_000_000_000),
            ("10m", 600_000_000_000),
            ("10min", 600_000_000_000),
            ("1h", 3_600_000_000_000),
            ("1d", 86_400_000_000_000),
        ] {
            assert_eq!(read(text, None), Some(Duration::from_nanos(expected)), "{text}");
        }
        for text in ["", "5", "0s", "-1s", "1w", "1.5h", "s", "99999999999999999999s", "9999999999999d"] {
            assert_eq!(read(text, None), None, "{text}");
        }
    }

    #[test]
    fn where_a_unit_may_be_left_out_it_is_known() {
        let bare = Some(Duration::from_millis(1));
        assert_eq!(read("20", bare), Some(Duration::from_millis(20)));
        assert_eq!([read("0", bare), read("", bare)], [None, None]);
    }
}
