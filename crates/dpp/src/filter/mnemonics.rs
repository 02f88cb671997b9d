//! Code points by name: the one place that expressions ask.

use crate::dns::iana;
use crate::table::Column;

/// What a column's numbers are called, if they have mnemonics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registry {
    Types,
    Classes,
    Opcodes,
    Codes,
}

impl Registry {
    /// The one for a column's numbers.
    pub(super) fn of(column: Column) -> Option<Registry> {
        match column {
            Column::Qtype => Some(Registry::Types),
            Column::Qclass => Some(Registry::Classes),
            Column::Opcode => Some(Registry::Opcodes),
            Column::Rcode => Some(Registry::Codes),
            _ => None,
        }
    }

    /// What its words are, and an example.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Registry::Types => ("type", "AAAA, TYPE64 or 28"),
            Registry::Classes => ("class", "IN, CLASS3 or 1"),
            Registry::Opcodes => ("opcode", "UPDATE or 5"),
            Registry::Codes => ("response code", "NXDOMAIN or 3"),
        }
    }

    /// The code point of a mnemonic, in capitals or not, or of the number's general form (RFC 3597 section 5).
    pub(super) fn code(self, word: &str) -> Option<u16> {
        match self {
            Registry::Types => type_code(word).or_else(|| iana::TYPES.code_of_number(word)),
            Registry::Classes => iana::CLASSES.code(word),
            Registry::Opcodes => iana::OPCODES.code(word),
            Registry::Codes => iana::RCODES.code(word),
        }
    }
}

/// Types are those that the column `query_type` has words for.
fn type_code(word: &str) -> Option<u16> {
    const UNKNOWN: &str = "Unknown";
    (0..=u16::MAX).find(|&code| {
        let name = iana::query_type(code);
        name != UNKNOWN && name.eq_ignore_ascii_case(word)
    })
}
