//! Part files: tallies on their way from those who count to those who report.
//!
//! A part is a header and entries: an operator, a key and a number each, sorted, and none twice. It comes in two forms that
//! hold the same. As *text* it is lines in the order of their bytes, the header's among them, so that anybody can merge parts
//! who can sort lines:
//!
//! ```text
//! #dpp-part 2 rssac
//! #parameter servers=192.0.2.53
//! #program dpp 0.1.0
//! +!content/5f3a... 1
//! +-/20240601/q/udp/4 123
//! .-/20240601/4/c0000201 1
//! >~end 1
//! ```
//! The *compact* form has the same header, and the entries in compressed blocks ([`block`]): keys without what they have in common,
//! and sets of addresses as numbers. Which form it is, a part's first byte tells. The last line is the end, and that of a compact
//! part the number of its entries: a part without it was cut.
//!
//! [`merge`] makes one part of many; how many there are takes neither descriptors nor, but for a window of each, memory. What is
//! to be known of the files that were counted stands first in a part ([`ledger`]), so that one that was counted twice is found
//! before anything is added.

mod block;
pub mod ledger;
pub mod merge;
pub mod read;
pub mod write;

use dpp::tallies::entry::Op;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use thiserror::Error;

/// How a part is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Sorted lines.
    Text,
    /// Compressed blocks.
    Compact,
}

/// The version of both forms.
pub const VERSION: u32 = 2;

/// The first bytes of a compact part.
const MAGIC: [u8; 8] = *b"\x89DPPPRT\n";

/// What the first line of a header begins with.
const FIRST: &str = "#dpp-part ";

/// The last line of every part that is text.
const END: &[u8] = b">~end";

/// The longest key, its operator with it. Those of sources have sixty octets; of groups by several names and texts, thousands
/// ([`GROUPED_BY_MAX`](dpp::limits::GROUPED_BY_MAX)).
pub const KEY_MAX: usize = 1 << 12;

/// The longest header. It names servers, of which some have hundreds.
pub const HEADER_MAX: usize = 1 << 20;

/// The parameter that says which sketches were made, where no sets are. Parts with sketches and parts with sets add up; those with
/// other sketches do not.
pub const SKETCH: &str = "sketch";

/// What is true of the whole part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// What was counted: `rssac`, `stats`.
    pub kind: String,
    /// What was to be counted. Parts with others are not to be added up.
    pub parameters: BTreeMap<String, String>,
    /// Who counted. Of a merged part all of them.
    pub programs: BTreeSet<String>,
}

impl Header {
    /// Its lines, in order, with their ends.
    fn text(&self) -> String {
        let mut text = format!("{FIRST}{VERSION} {}\n", self.kind);
        self.parameters
            .iter()
            .for_each(|(name, value)| text.push_str(&format!("#parameter {name}={}\n", escaped(value))));
        self.programs.iter().for_each(|program| text.push_str(&format!("#program {}\n", escaped(program))));
        text
    }

    /// Reads a line. That of several parts in one may be there several times.
    fn line(&mut self, line: &str) -> Result<(), Wrong> {
        if let Some(first) = line.strip_prefix(FIRST) {
            let (version, kind) = first.split_once(' ').ok_or(Wrong::Header)?;
            if version.parse() != Ok(VERSION) {
                return Err(Wrong::Version(version.chars().take(16).collect()));
            }
            match self.kind.as_str() {
                "" => self.kind = kind.to_owned(),
                known if known == kind => {}
                known => return Err(Wrong::Kind(known.to_owned(), kind.to_owned())),
            }
        } else if let Some(parameter) = line.strip_prefix("#parameter ") {
            let (name, value) = parameter.split_once('=').ok_or(Wrong::Header)?;
            let value = name_of(value).ok_or(Wrong::Header)?;
            if let Some(known) = self.parameters.insert(name.to_owned(), value.clone())
                && known != value
            {
                return Err(Wrong::Mixed(difference(name, &known, "and", &value)));
            }
        } else if let Some(program) = line.strip_prefix("#program ") {
            self.programs.insert(name_of(program).ok_or(Wrong::Header)?);
        } else {
            return Err(Wrong::Header);
        }
        Ok(())
    }

    /// Adds the header of another part.
    ///
    /// # Errors
    /// If the two are not to be added up; `named` is what this one is called in the error.
    pub fn join(&mut self, other: &Header, named: &str) -> Result<(), Wrong> {
        if self.kind != other.kind {
            return Err(Wrong::Kind(self.kind.clone(), other.kind.clone()));
        }
        let names: BTreeSet<&String> = self.parameters.keys().chain(other.parameters.keys()).collect();
        let value = |header: &Header, name: &str| {
            header.parameters.get(name).cloned().unwrap_or_else(|| "none".to_owned())
        };
        let has_both = |name: &str| self.parameters.contains_key(name) && other.parameters.contains_key(name);
        let differences: Vec<String> = names
            .into_iter()
            .filter(|name| *name != SKETCH || has_both(name))
            .map(|name| (name, value(self, name), value(other, name)))
            .filter(|(_, mine, theirs)| mine != theirs)
            .map(|(name, mine, theirs)| difference(name, &theirs, "there", &mine))
            .collect();
        if !differences.is_empty() {
            return Err(Wrong::Parameters(named.to_owned(), differences.join("; ")));
        }
        let sketch = other.parameters.get_key_value(SKETCH);
        self.parameters.extend(sketch.map(|(name, value)| (name.clone(), value.clone())));
        self.programs.extend(other.programs.iter().cloned());
        Ok(())
    }

    /// What must be the same for two parts to add up; those with few parameters are before those with more.
    fn ground(&self) -> (&str, usize, Vec<(&String, &String)>) {
        let parameters: Vec<_> = self.parameters.iter().filter(|(name, _)| *name != SKETCH).collect();
        (&self.kind, parameters.len(), parameters)
    }
}

/// Two values of a parameter, in words; of long ones from shortly before where they differ.
fn difference(name: &str, one: &str, word: &str, other: &str) -> String {
    const BEFORE: usize = 20;
    let alike = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let is_long = one.len().max(other.len()) > SHOWN_MAX;
    let start = if is_long { alike.saturating_sub(BEFORE) } else { 0 };
    let from = |text: &str| match start {
        0 => shown(text.as_bytes()),
        _ => format!("...{}", shown(&text.as_bytes()[start.min(text.len())..])),
    };
    format!("{name}={}, {word} {name}={}", from(one), from(other))
}

/// So many octets of a text can be read.
const SHOWN_MAX: usize = 100;

/// Text as it stands in headers: what cannot be printed, and `%`, by their hexadecimal digits.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b' '..=b'$' | b'&'..=b'~' => (byte as char).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// A name as it stands in keys: letters, digits, and few others; all else by hexadecimal digits, so that it neither ends the key
/// nor is taken for a part of it.
pub fn key_name(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => (byte as char).to_string(),
        byte => format!("%{byte:02X}"),
    };
    name.bytes().map(byte).collect()
}

/// The text that stands so in a header or a key; `None` if none does.
pub fn name_of(escaped: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(escaped.len()), escaped.as_bytes());
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, behind) = behind.split_first_chunk::<2>()?;
        let [high, low] = digits.map(|digit| (digit as char).to_digit(16));
        bytes.push((high? * 16 + low?) as u8);
        rest = behind;
    }
    String::from_utf8(bytes).ok()
}

/// The name that stands so in a key, as somebody typed it, but for what a terminal would obey.
pub fn shown_name(escaped: &str) -> String {
    let name = name_of(escaped).unwrap_or_else(|| escaped.to_owned());
    let letter = |letter: char| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    name.chars().map(letter).collect()
}

/// Whether this can be a key: octets that can be seen.
fn can_be_key(key: &[u8]) -> bool {
    !key.is_empty() && key.len() < KEY_MAX && key.iter().all(u8::is_ascii_graphic)
}

/// The sign of an operator.
fn sign(op: Op) -> u8 {
    match op {
        Op::Sum => b'+',
        Op::Member => b'.',
        Op::Min => b'<',
        Op::Max => b'>',
    }
}

/// The operator of a sign.
fn op(sign: u8) -> Option<Op> {
    [Op::Sum, Op::Member, Op::Min, Op::Max].into_iter().find(|op| self::sign(*op) == sign)
}

/// What two entries of one key come to; `None` if it is more than can be counted.
fn reduced(op: Op, one: u64, other: u64) -> Option<u64> {
    match op {
        Op::Sum => one.checked_add(other),
        Op::Member => Some(1),
        Op::Min => Some(one.min(other)),
        Op::Max => Some(one.max(other)),
    }
}

/// What is wrong with a part, and which it is.
#[derive(Debug, Error)]
#[error("{part} {wrong}")]
pub struct PartError {
    /// How it is called.
    pub part: String,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What may be wrong with a part.
#[derive(Debug, Error)]
pub enum Wrong {
    /// It is something else.
    #[error("is no part file; those are written by 'map' and 'merge'")]
    Foreign,
    /// It is packed.
    #[error("is compressed; unpack it first (the compact form needs no compression)")]
    Packed,
    /// Another version of the format.
    #[error("is of version {0} of the format, and this program reads version {VERSION}; write it anew")]
    Version(String),
    /// A header that cannot be read.
    #[error("has a header that cannot be read; write it anew")]
    Header,
    /// Parts of two kinds.
    #[error("counts something else: '{0}' and '{1}' do not add up")]
    Kind(String, String),
    /// It was counted otherwise than another part, which is named.
    #[error("was counted with other parameters than {0}, so they do not add up: {1}")]
    Parameters(String, String),
    /// Parts that were counted otherwise were sorted into one.
    #[error("holds parts with other parameters, which do not add up: {0}; sort those apart")]
    Mixed(String),
    /// It ends too early.
    #[error("was cut off; write or copy it anew")]
    Cut,
    /// There is something behind the end.
    #[error("has something behind its end; write or copy it anew")]
    Behind,
    /// Entries are not in order.
    #[error("is not sorted: '{0}' stands behind '{1}'; sort it with LC_ALL=C")]
    Unsorted(String, String),
    /// A line that is no entry.
    #[error("has a line that is no entry: '{0}'; write it anew")]
    Line(String),
    /// A number that cannot be.
    #[error("has a number that cannot be: '{0}'; write it anew")]
    Number(String),
    /// Numbers that are too large.
    #[error("comes to more than can be counted: '{0}'")]
    Overflow(String),
    /// A key that no tally of this kind has.
    #[error("has an entry that nobody counts: '{0}'; was it written by a newer program?")]
    Unknown(String),
    /// A compressed block that is damaged.
    #[error("is damaged: {0}; write or copy it anew")]
    Damaged(&'static str),
    /// It is not what it was.
    #[error("has changed while it was read; run again when it is complete")]
    Changed,
    /// A file that was counted twice.
    #[error("does not add up: {0}; leave one of the two out, or let --keep-going do so")]
    Twice(String),
    /// Nothing of the day that was asked for.
    #[error("has nothing of {0}; it is of {1}")]
    Day(String, String),
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl Wrong {
    /// Why such a part is left out of a merge, in a word that stands in the result; [`left_out_words`](ledger::left_out_words) has
    /// the sentences.
    pub fn word(&self) -> &'static str {
        match self {
            Wrong::Foreign => "foreign",
            Wrong::Packed => "compressed",
            Wrong::Version(_) => "version",
            Wrong::Kind(..) => "kind",
            Wrong::Parameters(..) | Wrong::Mixed(_) => "parameters",
            Wrong::Cut => "cut",
            Wrong::Unsorted(..) => "unsorted",
            Wrong::Header | Wrong::Behind | Wrong::Line(_) | Wrong::Number(_) | Wrong::Damaged(_) => {
                "damaged"
            }
            Wrong::Overflow(_) => "overflow",
            Wrong::Unknown(_) => "unknown",
            Wrong::Changed => "changed",
            Wrong::Twice(_) => "twice",
            Wrong::Day(..) => "day",
            Wrong::Io(_) => "unreadable",
        }
    }

    /// With the name of the part.
    fn of(self, part: &str) -> PartError {
        PartError { part: part.to_owned(), wrong: self }
    }
}

/// A key as errors show it, with its operator.
pub fn shown_key(op: Op, key: &[u8]) -> String {
    shown(&[&[sign(op)], key].concat())
}

/// A key or line as it is shown: not longer than one can read.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_MAX)]).escape_debug().to_string()
}

#[cfg(test)]
mod tests;
