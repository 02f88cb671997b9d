//! The places in a row where addresses and names stand, and the set of those that are protected.
//!
//! Who asks for pseudonyms and says no more wants its clients hidden: the client's address, wherever a row has it, and the
//! client subnet, which is the same address shortened. Servers, and what stands in records, are public as a rule and what
//! an analysis is about. But `ptr` is worth a thought: hosts are looked up by the names that point back to them, and that may
//! be a client looking up itself or its neighbours. `all` is the word for a table that leaves the house.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A place where addresses or names stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The address of who asked.
    Client,
    /// The address of who answered, also as dnstap's response address.
    Server,
    /// The address in an EDNS client subnet, of both sides.
    Ecs,
    /// Addresses in the data of records (A, AAAA, hints of SVCB and HTTPS).
    Rdata,
    /// Names that point back to addresses, wherever a name stands.
    Ptr,
    /// The client's address as dnstap has it, the query address. Whoever names the client means this too.
    Dnstap,
    /// All other names: the question's, records' owners, and names in the data of records.
    Names,
}

/// A field as users know it.
#[derive(Clone, Copy, Debug)]
pub struct FieldEntry {
    /// What to say.
    pub word: &'static str,
    /// What it stands for.
    pub field: Field,
    /// Whether it is protected if nothing is said.
    pub default: bool,
    /// What it is.
    pub sentence: &'static str,
}

const fn entry(word: &'static str, field: Field, default: bool, sentence: &'static str) -> FieldEntry {
    FieldEntry { word, field, default, sentence }
}

/// All fields.
pub const FIELDS: [FieldEntry; 7] = [
    entry("client", Field::Client, true, "the client's address"),
    entry("server", Field::Server, false, "the server's address"),
    entry("ecs", Field::Ecs, true, "the EDNS client subnet"),
    entry("rdata", Field::Rdata, false, "addresses in the data of records"),
    entry("ptr", Field::Ptr, false, "names below in-addr.arpa and ip6.arpa"),
    entry("dnstap", Field::Dnstap, true, "the client's address in dnstap"),
    entry("names", Field::Names, true, "names, if names are mapped"),
];

/// A set of fields. It reads and prints as `client,ecs`, or `all`.
///
/// ```
/// # use dpp::privacy::{Field, Fields};
/// let fields: Fields = "client,server".parse().unwrap();
/// assert!(fields.contains(Field::Server) && !fields.contains(Field::Ecs));
/// assert_eq!(Fields::default().to_string(), "client,ecs,dnstap,names");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields(u8);

/// What is no field.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no field '{word}'; did you mean one of {}, all?", allowed.join(", "))]
pub struct UnknownField {
    /// What the user said.
    pub word: String,
    /// What there is.
    pub allowed: Vec<&'static str>,
}

impl Fields {
    /// All of them.
    pub const ALL: Fields = Fields((1 << FIELDS.len()) - 1);

    /// This one alone.
    pub fn only(field: Field) -> Self {
        Fields(1 << field as u8)
    }

    /// Whether the field is one of them.
    pub fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u8) != 0
    }

    /// These, and the field.
    #[must_use]
    pub fn with(self, field: Field) -> Self {
        Fields(self.0 | 1 << field as u8)
    }

    fn those(wanted: impl Fn(&FieldEntry) -> bool) -> Self {
        let wanted = FIELDS.iter().filter(|entry| wanted(entry));
        wanted.fold(Fields(0), |fields, entry| fields.with(entry.field))
    }
}

impl Default for Fields {
    fn default() -> Self {
        Fields::those(|entry| entry.default)
    }
}

impl FromStr for Fields {
    type Err = UnknownField;

    fn from_str(text: &str) -> Result<Self, UnknownField> {
        text.split(',').map(str::trim).try_fold(Fields(0), |fields, word| {
            match FIELDS.iter().find(|entry| entry.word == word) {
                Some(FieldEntry { field: Field::Client, .. }) => {
                    Ok(fields.with(Field::Client).with(Field::Dnstap))
                }
                Some(entry) => Ok(fields.with(entry.field)),
                None if word == "all" => Ok(Fields::ALL),
                None => Err(UnknownField {
                    word: word.to_string(),
                    allowed: FIELDS.iter().map(|entry| entry.word).collect(),
                }),
            }
        })
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Fields::ALL {
            return f.write_str("all");
        }
        let words: Vec<_> =
            FIELDS.iter().filter(|entry| self.contains(entry.field)).map(|entry| entry.word).collect();
        f.write_str(&words.join(","))
    }
}
