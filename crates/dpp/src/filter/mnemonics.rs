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

const CLASSES: &[(u16, &str)] = &[(1, "IN"), (3, "CH"), (4, "HS"), (254, "NONE"), (255, "ANY")];

const OPCODES: &[(u16, &str)] =
    &[(0, "QUERY"), (1, "IQUERY"), (2, "STATUS"), (4, "NOTIFY"), (5, "UPDATE"), (6, "DSO")];

const CODES: &[(u16, &str)] = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
    (11, "DSOTYPENI"),
    (16, "BADVERS"),
    (17, "BADKEY"),
    (18, "BADTIME"),
    (19, "BADMODE"),
    (20, "BADNAME"),
    (21, "BADALG"),
    (22, "BADTRUNC"),
    (23, "BADCOOKIE"),
];

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
        let (rows, prefix): (&[(u16, &str)], &str) = match self {
            Registry::Types => return type_code(word).or_else(|| general(word, "TYPE")),
            Registry::Classes => (CLASSES, "CLASS"),
            Registry::Opcodes => (OPCODES, "OPCODE"),
            Registry::Codes => (CODES, "RCODE"),
        };
        let row = rows.iter().find(|row| row.1.eq_ignore_ascii_case(word));
        row.map(|row| row.0).or_else(|| general(word, prefix))
    }
}

fn general(word: &str, prefix: &str) -> Option<u16> {
    let (start, number) = word.split_at_checked(prefix.len())?;
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    if start.eq_ignore_ascii_case(prefix) && is_number { number.parse().ok() } else { None }
}

/// Types are those that the column `query_type` has words for.
fn type_code(word: &str) -> Option<u16> {
    const UNKNOWN: &str = "Unknown";
    (0..=u16::MAX).find(|&code| {
        let name = iana::query_type(code);
        name != UNKNOWN && name.eq_ignore_ascii_case(word)
    })
}
