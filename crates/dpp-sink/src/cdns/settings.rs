//! What is stored of a row, and how.
//!
//! [`FIELDS`] is the one list of fields that can be left out, by the names that compactor of dns-stats gives them in its
//! file of excludes: the storage hints of the file, what has to be kept of messages, and the help are made from it.

use dpp::cdns::{Hints, item_hints};
use dpp::dns::iana;
use dpp::transaction::Needs;

/// How a file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which sections of messages are stored, beside the first question.
    pub sections: Sections,
    /// What is not stored.
    pub excluded: Vec<&'static Field>,
    /// How much of addresses is.
    pub prefixes: Prefixes,
    /// Items of a block.
    pub block_items: u64,
    /// The precision of times: so many in a second.
    pub ticks_per_second: u64,
    /// If set, rows with another OPCODE are left out.
    pub opcodes: Option<Vec<u8>>,
    /// If set, records of another type are left out.
    pub rr_types: Option<Vec<u16>>,
    /// The program that writes.
    pub generator: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            sections: Sections::All,
            excluded: Vec::new(),
            prefixes: Prefixes::default(),
            block_items: 5000,
            ticks_per_second: 1_000_000,
            opcodes: None,
            rr_types: None,
            generator: "dpp".to_owned(),
        }
    }
}

/// Which sections are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sections {
    /// None.
    None,
    /// The answers of responses.
    Answers,
    /// All, of queries and responses.
    All,
}

/// All choices: the value, its name, and a sentence.
pub const SECTIONS: &[(Sections, &str, &str)] = &[
    (Sections::All, "all", "every section of queries and responses"),
    (Sections::Answers, "answers", "the answers of responses"),
    (Sections::None, "none", "only the question"),
];

/// How many bits are kept of addresses; all, unless set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefixes {
    /// Of clients' IPv4 addresses.
    pub client_v4: Option<u8>,
    /// Of clients' IPv6 addresses.
    pub client_v6: Option<u8>,
    /// Of servers' IPv4 addresses.
    pub server_v4: Option<u8>,
    /// Of servers' IPv6 addresses.
    pub server_v6: Option<u8>,
}

/// A field that can be left out.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, compactor's.
    pub name: &'static str,
    /// The hints that are cleared then.
    hints: Hints,
}

const NOTHING: Hints = Hints { item: 0, signature: 0, record: 0, other: 0 };

const fn item(name: &'static str, item: u64) -> Field {
    Field { name, hints: Hints { item, ..NOTHING } }
}

/// A field of the signature, by its number there.
const fn signature(name: &'static str, number: u32) -> Field {
    Field { name, hints: Hints { signature: 1 << number, ..NOTHING } }
}

const fn record(name: &'static str, record: u64) -> Field {
    Field { name, hints: Hints { record, ..NOTHING } }
}

const MALFORMED: u64 = 1;
const EVENTS: u64 = 2;
const TRANSPORT_FLAGS: u64 = 1 << 2;
const OPT_RDATA: u64 = 1 << 15;

/// Everything that can be left out.
pub const FIELDS: &[Field] = &[
    item("time-offset", item_hints::TIME),
    item("response-delay", item_hints::DELAY),
    item("client-address", item_hints::CLIENT),
    item("client-port", item_hints::CLIENT_PORT),
    item("client-hoplimit", item_hints::HOP_LIMIT),
    signature("server-address", 0),
    signature("server-port", 1),
    signature("qr-transport-flags", 2),
    item("transaction-id", item_hints::ID),
    signature("query-opcode", 5),
    signature("query-rcode", 7),
    signature("dns-flags", 6),
    signature("response-rcode", 16),
    signature("query-qdcount", 9),
    signature("query-ancount", 10),
    signature("query-nscount", 11),
    signature("query-arcount", 12),
    item("query-name", item_hints::QNAME),
    signature("query-class-type", 8),
    record("rr-ttl", 1),
    record("rr-rdata", 2),
    signature("query-udp-size", 14),
    signature("query-opt-rdata", 15),
    signature("query-edns-version", 13),
    item("query-question-sections", item_hints::QUERY_QUESTIONS),
    item("query-answer-sections", item_hints::QUERY_ANSWERS),
    item("query-authority-sections", item_hints::QUERY_AUTHORITY),
    item("query-additional-sections", item_hints::QUERY_ADDITIONAL),
    item("response-answer-sections", item_hints::RESPONSE_ANSWERS),
    item("response-authority-sections", item_hints::RESPONSE_AUTHORITY),
    item("response-additional-sections", item_hints::RESPONSE_ADDITIONAL),
    item("query-size", item_hints::QUERY_SIZE),
    item("response-size", item_hints::RESPONSE_SIZE),
    signature("qr-sig-flags", 4),
    signature("qr-type", 3),
    Field { name: "malformed-messages", hints: Hints { other: MALFORMED, ..NOTHING } },
];

impl Field {
    /// The field of this name.
    pub fn named(name: &str) -> Option<&'static Field> {
        FIELDS.iter().find(|field| field.name == name)
    }
}

const QUERY_SECTIONS: u64 = item_hints::QUERY_QUESTIONS
    | item_hints::QUERY_ANSWERS
    | item_hints::QUERY_AUTHORITY
    | item_hints::QUERY_ADDITIONAL;

const RESPONSE_SECTIONS: u64 =
    item_hints::RESPONSE_ANSWERS | item_hints::RESPONSE_AUTHORITY | item_hints::RESPONSE_ADDITIONAL;

impl Sections {
    /// The hints of those that are stored.
    fn hints(self) -> u64 {
        match self {
            Sections::None => 0,
            Sections::Answers => item_hints::RESPONSE_ANSWERS,
            Sections::All => QUERY_SECTIONS | RESPONSE_SECTIONS,
        }
    }
}

/// The OPCODEs that exist.
pub fn all_opcodes() -> Vec<u8> {
    iana::OPCODES.rows().iter().filter_map(|row| row.0.try_into().ok()).collect()
}

/// The types of records that exist: not those that are only asked for (IXFR to ANY), or only stand in bit maps (NXNAME).
pub fn all_rr_types() -> Vec<u16> {
    let types = iana::TYPES.rows().iter().map(|row| row.0);
    types.filter(|rtype| !matches!(rtype, 128 | 251..=255)).collect()
}

impl Settings {
    /// Whether the lists of OPCODEs and types are to be obeyed.
    pub(super) fn is_listed(&self) -> bool {
        self.opcodes.is_some() || self.rr_types.is_some()
    }

    /// What may be stored: not what no row has, and not what is excluded.
    pub fn hints(&self) -> Hints {
        let not_stored = QUERY_SECTIONS | RESPONSE_SECTIONS | item_hints::PROCESSING;
        let Hints { item, signature, record, other } = Hints::ALL;
        let all = Hints {
            item: item & !not_stored | self.sections.hints(),
            other: other & !EVENTS,
            signature,
            record,
        };
        self.excluded.iter().fold(all, |hints, field| Hints {
            item: hints.item & !field.hints.item,
            signature: hints.signature & !field.hints.signature,
            record: hints.record & !field.hints.record,
            other: hints.other & !field.hints.other,
        })
    }

    /// Whether messages that cannot be read are stored.
    pub(super) fn has_malformed(&self) -> bool {
        self.hints().other & MALFORMED != 0
    }

    /// What the plan has to keep for this.
    pub fn needs(&self) -> Needs {
        let hints = self.hints();
        // Queries that cannot be read are known by their bytes.
        let of_query = hints.item & QUERY_SECTIONS != 0
            || hints.signature & (TRANSPORT_FLAGS | OPT_RDATA) != 0
            || hints.other & MALFORMED != 0;
        let wants = [
            (true, Needs::UNREADABLE),
            (of_query, Needs::QUERY),
            (hints.item & RESPONSE_SECTIONS != 0, Needs::RESPONSE),
        ];
        wants.into_iter().filter(|want| want.0).fold(Needs::NOTHING, |needs, want| needs | want.1)
    }
}
