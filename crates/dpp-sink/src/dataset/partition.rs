//! What rows of a file have in common, and the folders that says so: `day=2026-11-21/hour=13/`.
//!
//! Parts of the time are those of the query (of the response, where there is no query), in UTC. Everything else is a column:
//! its text, in which what no file name can have, and what Hive escapes, is a percent sign and two digits. The surprising fact: a
//! text that is too long for the name of a folder is cut, and ends with an exclamation mark and a digest of the whole, so that two
//! values never share a folder.

use super::digest;
use dpp::calendar::Civil;
use dpp::table::{Column, Context, Kind, Scratch, Value};
use dpp::transaction::Transaction;
use std::fmt::{self, Write};

/// A way to cut a dataset into folders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partitioning(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Year,
    Month,
    Day,
    Hour,
    Column(Column),
}

/// What a dataset cannot be cut by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// A word that is neither a part of the time nor a column that folders can be named after.
    #[error("'{0}' is neither year, month, day, hour nor a column that folders can be called after")]
    Unknown(String),
    /// A word that stands there twice, maybe by another name.
    #[error("'{0}' stands there twice; name it once")]
    Twice(String),
}

/// What Hive calls the folder of rows that have no value.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

impl Partitioning {
    /// Reads a list such as `day,hour,server`.
    ///
    /// # Errors
    /// The first word that is unknown, or that was there before.
    pub fn parse(text: &str) -> Result<Partitioning, PartError> {
        let part = |word: &str| match word {
            "year" => Ok(Part::Year),
            "month" => Ok(Part::Month),
            "day" => Ok(Part::Day),
            "hour" => Ok(Part::Hour),
            word => match Column::named(word) {
                Some(column) if is_plain(column.entry().kind) => Ok(Part::Column(column)),
                _ => Err(PartError::Unknown(word.to_owned())),
            },
        };
        let mut parts = Vec::new();
        for word in text.split(',').map(str::trim) {
            let part = part(word)?;
            if parts.contains(&part) {
                return Err(PartError::Twice(word.to_owned()));
            }
            parts.push(part);
        }
        Ok(Partitioning(parts))
    }

    /// The columns that have to be known.
    pub fn columns(&self) -> impl Iterator<Item = Column> {
        self.0.iter().filter_map(|part| match part {
            Part::Column(column) => Some(*column),
            _ => None,
        })
    }

    /// Makes `folder` that of a row.
    pub(super) fn folder(
        &self,
        row: &Transaction,
        context: &Context,
        scratch: &mut Scratch,
        folder: &mut String,
    ) {
        folder.clear();
        let Civil { year, month, day, hour, .. } = Civil::of(row.request_ns().div_euclid(1_000_000_000));
        for part in &self.0 {
            // Nothing can fail in writing to memory.
            let _ = match part {
                Part::Year => write!(folder, "year={year:04}/"),
                Part::Month => write!(folder, "month={year:04}-{month:02}/"),
                Part::Day => write!(folder, "day={year:04}-{month:02}-{day:02}/"),
                Part::Hour => write!(folder, "hour={hour:02}/"),
                Part::Column(column) => {
                    folder.push_str(column.entry().name);
                    folder.push('=');
                    text(column.value(row, context, scratch), folder);
                    folder.push('/');
                    Ok(())
                }
            };
        }
    }
}

impl fmt::Display for Partitioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let name = match part {
                Part::Year => "year",
                Part::Month => "month",
                Part::Day => "day",
                Part::Hour => "hour",
                Part::Column(column) => column.entry().name,
            };
            write!(f, "{comma}{name}")?;
        }
        Ok(())
    }
}

/// Whether folders can be called after values of this kind.
fn is_plain(kind: Kind) -> bool {
    use Kind::*;
    matches!(kind, Bool | U8 | U16 | U32 | U64 | I32 | I64 | Address | Name | Word | Text)
}

/// Appends a value as Hive would.
fn text(value: Value, folder: &mut String) {
    let mut plain = String::new();
    // Nothing can fail in writing to memory.
    let _ = match value {
        Value::Bool(is) => write!(plain, "{is}"),
        Value::U16(number) => write!(plain, "{number}"),
        Value::U64(number) => write!(plain, "{number}"),
        Value::I64(number) => write!(plain, "{number}"),
        Value::Address(address) => write!(plain, "{address}"),
        Value::Name(wire) => {
            let mut name = Vec::new();
            dpp::dns::name::write_text(wire, &mut name);
            write!(plain, "{}", String::from_utf8_lossy(&name))
        }
        Value::Word(word) => write!(plain, "{word}"),
        Value::Text(text) => write!(plain, "{text}"),
        _ => return folder.push_str(NULL),
    };
    if plain.is_empty() {
        return folder.push_str(NULL);
    }
    let start = folder.len();
    for (place, octet) in plain.bytes().enumerate() {
        let is_safe =
            octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.' | b'+' | b'~' | b'@');
        // A folder is not called `.` or `..`: there is always a name and an equals sign before. But a value may be what the folder
        // of those without one is called.
        let is_told_apart = place > 0 || plain != NULL;
        match is_safe && is_told_apart {
            true => folder.push(octet.into()),
            false => drop(write!(folder, "%{octet:02X}")),
        }
    }
    if folder.len() - start > LONGEST {
        let mut end = start + LONGEST - 1 - DIGITS;
        // No escape is cut in two.
        let tail = folder.as_bytes()[..end].iter().rev().take(2);
        end -= tail.copied().position(|octet| octet == b'%').map_or(0, |before| before + 1);
        folder.truncate(end);
        folder.push('!');
        folder.push_str(&digest(plain.as_bytes(), DIGITS));
    }
}

/// The longest name of a folder behind the equals sign. File systems allow 255 bytes with the column before it.
const LONGEST: usize = 200;

/// Hexadecimal digits of the digest that ends a longer one: so many that nobody finds two values with the same.
const DIGITS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_name_can_have_is_escaped() {
        let check = |value: Value, expected: &str| {
            let mut folder = String::new();
            text(value, &mut folder);
            assert_eq!(folder, expected);
        };
        check(Value::Text("a/b=c d"), "a%2Fb%3Dc%20d");
        check(Value::Text(".."), "..");
        check(Value::Address("2001:db8::1".parse().unwrap()), "2001%3Adb8%3A%3A1");
        check(Value::Null, NULL);
        check(Value::Text(""), NULL);
        check(Value::U64(53), "53");
        check(Value::Text(NULL), "%5F_HIVE_DEFAULT_PARTITION__");
    }

    #[test]
    fn long_values_have_folders_of_their_own() {
        let folder = |value: &str| {
            let mut folder = String::new();
            text(Value::Text(value), &mut folder);
            folder
        };
        let fits = "a".repeat(LONGEST);
        assert_eq!(folder(&fits), fits);
        let (one, other) = (folder(&format!("{fits}x")), folder(&format!("{fits}y")));
        assert!(one != other && one.starts_with("aaa") && one.contains('!') && one.len() == LONGEST, "{one}");
        assert!(folder(&one) != one, "a value that looks like a cut one is not taken for it");
        // Wherever the cut falls, no escape is left in two.
        for before in 0..3 {
            let cut = folder(&format!("{}{}", "b".repeat(before), "/".repeat(100)));
            let whole = cut.split_once('!').expect("it is cut").0;
            assert!(whole.as_bytes()[before..].chunks(3).all(|escape| escape == b"%2F"), "{cut}");
            assert!(cut.len() <= LONGEST);
        }
    }

    #[test]
    fn words_are_parts_of_time_or_columns() {
        assert_eq!(Partitioning::parse("day, hour").unwrap(), Partitioning(vec![Part::Day, Part::Hour]));
        assert_eq!(
            Partitioning::parse("transport").unwrap().columns().collect::<Vec<_>>(),
            [Column::Transport]
        );
        assert_eq!(Partitioning::parse("day,hours"), Err(PartError::Unknown("hours".to_owned())));
        assert_eq!(Partitioning::parse("day,qtype,day"), Err(PartError::Twice("day".to_owned())));
        assert_eq!(Partitioning::parse("day, qtype").unwrap().to_string(), "day,qtype");
        assert!(Partitioning::parse("query_time").is_err());
    }
}
