//! By what transactions are counted together: spans of time, prefixes, columns of THE table; and the keys that come of it.
//!
//! A key is the parts one behind the other, each with its kind before it, so that keys are equal where all parts are. Names
//! are in it without regard to case, and as they may come out: columns are asked, and they know what is hidden.

use super::Cell;
use crate::limits::GROUPED_TEXT_MAX;
use crate::table::{COLUMNS, Column, Context, Kind, Scratch, Value};
use crate::transaction::{Lacks, Needs, Transaction};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Something that transactions are counted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// What it is called, which is what its column in a table is called.
    pub name: &'static str,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The span of so many ns that the query was sent in.
    Span(i64),
    /// The network of an address.
    Network(Column),
    /// What a column says.
    Column(Column),
}

const SECOND_NS: i64 = 1_000_000_000;

/// What has a name of its own: its name, what it is, and a sentence.
const OWN: &[(&str, What, &str)] = &[
    ("second", What::Span(SECOND_NS), "The second in which the query was sent: when that begins"),
    ("minute", What::Span(60 * SECOND_NS), "The minute, likewise"),
    ("hour", What::Span(3600 * SECOND_NS), "The hour (UTC), likewise"),
    ("day", What::Span(86_400 * SECOND_NS), "The day (UTC), likewise"),
    ("server", What::Column(Column::DstIp), "The server's address"),
    ("client", What::Column(Column::SrcIp), "The client's address"),
    ("server_prefix", What::Network(Column::DstIp), "The server's network: 24 bits of IPv4, 48 of IPv6"),
    ("client_prefix", What::Network(Column::SrcIp), "The client's network: 24 bits of IPv4, 48 of IPv6"),
    ("name", What::Column(Column::QnameLower), "The name asked for, in lower case"),
    ("domain", What::Column(Column::RegisteredDomain), "Its registered domain"),
    ("tld", What::Column(Column::Tld), "Its last label"),
    ("type", What::Column(Column::QtypeName), "The type asked for"),
    ("rcode", What::Column(Column::RcodeName), "The response code; absent if no answer came in time"),
    ("transport", What::Column(Column::Transport), "What carried the query"),
];

/// Octets of a network's address.
const V4_NETWORK: usize = 3;
const V6_NETWORK: usize = 6;

/// Kinds of parts of keys.
const NONE: u8 = 0;
const FLAG: u8 = b'b';
const NUMBER: u8 = b'n';
const SIGNED: u8 = b'i';
const TIME: u8 = b'@';
const V4: u8 = b'4';
const V6: u8 = b'6';
const V4_PREFIX: u8 = b'v';
const V6_PREFIX: u8 = b'w';
const NAME: u8 = b'd';
const TEXT: u8 = b't';

impl By {
    /// What is called so, with hyphens or underscores: one of its own names, or a column with one value that is no fraction.
    pub fn named(name: &str) -> Option<By> {
        let name = &name.replace('-', "_")[..];
        let own = OWN.iter().find(|row| row.0 == name).map(|&(name, what, _)| By { name, what });
        own.or_else(|| {
            let entry = Column::named(name)?.entry();
            let is_told = !entry.is_foreign && can_be_counted_by(entry.kind);
            is_told.then_some(By { name: entry.name, what: What::Column(entry.column) })
        })
    }

    /// All names that are no columns', with a sentence each.
    pub fn own_names() -> impl Iterator<Item = (&'static str, &'static str)> {
        OWN.iter().map(|row| (row.0, row.2))
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let columns = COLUMNS.iter().filter(|entry| !entry.is_foreign && can_be_counted_by(entry.kind));
        OWN.iter().map(|row| row.0).chain(columns.map(|entry| entry.name))
    }

    /// The column that is asked, if it is one.
    pub fn column(&self) -> Option<Column> {
        match self.what {
            What::Span(_) => None,
            What::Network(column) | What::Column(column) => Some(column),
        }
    }

    /// What has to be kept of a transaction for it, beside a brief.
    pub(super) fn needs(&self) -> Needs {
        match self.column() {
            // Whether it is known the brief tells.
            None | Some(Column::DstIp) => Needs::NOTHING,
            Some(column) => column.entry().needs,
        }
    }

    /// The kind of its values.
    pub(super) fn kind(&self) -> Kind {
        match self.what {
            What::Span(_) => Kind::TimestampNanos,
            What::Network(_) => Kind::Text,
            What::Column(column) => match column.entry().kind {
                Kind::U8 | Kind::U16 | Kind::U32 => Kind::U64,
                Kind::I32 => Kind::I64,
                Kind::Word => Kind::Text,
                kind => kind,
            },
        }
    }

    /// Appends the part of a key.
    pub(super) fn write<'a>(
        &self,
        row: &Transaction<'a>,
        context: &'a Context,
        scratch: &'a mut Scratch,
        key: &mut Vec<u8>,
    ) {
        match self.what {
            What::Span(_) if row.lacks(Lacks::TIME) => key.push(NONE),
            What::Span(width_ns) => {
                let start = row.request_ns().div_euclid(width_ns).wrapping_mul(width_ns);
                push(TIME, &start.to_be_bytes(), key);
            }
            What::Network(Column::DstIp) | What::Column(Column::DstIp)
                if row.brief().lacks().has(Lacks::SERVER) =>
            {
                key.push(NONE);
            }
            What::Network(column) => write_network(column.value(row, context, scratch), key),
            What::Column(column) => write_value(column.value(row, context, scratch), key),
        }
    }
}

fn can_be_counted_by(kind: Kind) -> bool {
    use Kind::*;
    matches!(kind, Bool | U8 | U16 | U32 | U64 | I32 | I64 | Address | Name | Word | Text)
}

fn push(kind: u8, octets: &[u8], key: &mut Vec<u8>) {
    key.push(kind);
    key.extend_from_slice(octets);
}

#[inline]
fn write_value(value: Value, key: &mut Vec<u8>) {
    match value {
        Value::Bool(is) => push(FLAG, &[is.into()], key),
        Value::U16(number) => push(NUMBER, &u64::from(number).to_be_bytes(), key),
        Value::U64(number) => push(NUMBER, &number.to_be_bytes(), key),
        Value::I64(number) => push(SIGNED, &number.to_be_bytes(), key),
        Value::Address(IpAddr::V4(address)) => push(V4, &address.octets(), key),
        Value::Address(IpAddr::V6(address)) => push(V6, &address.octets(), key),
        Value::Name(wire) => {
            key.extend([NAME, wire.len() as u8]);
            let start = key.len();
            key.extend_from_slice(wire);
            key[start..].make_ascii_lowercase();
        }
        Value::Word(text) | Value::Text(text) => write_text(text, key),
        _ => key.push(NONE),
    }
}

/// Texts of columns are short, and none has a bound; one that is long is cut.
fn write_text(text: &str, key: &mut Vec<u8>) {
    let mut length = text.len().min(GROUPED_TEXT_MAX);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    push(TEXT, &(length as u16).to_be_bytes(), key);
    key.extend_from_slice(&text.as_bytes()[..length]);
}

fn write_network(value: Value, key: &mut Vec<u8>) {
    match value {
        Value::Address(IpAddr::V4(address)) => push(V4_PREFIX, &address.octets()[..V4_NETWORK], key),
        Value::Address(IpAddr::V6(address)) => push(V6_PREFIX, &address.octets()[..V6_NETWORK], key),
        other => write_value(other, key),
    }
}

/// The values of a key, as far as it can be read: whoever wrote it.
pub(super) fn cells(key: &[u8]) -> Vec<Cell> {
    let (mut cells, mut rest) = (Vec::new(), key);
    while let Some((cell, behind)) = next_cell(rest) {
        cells.push(cell);
        rest = behind;
    }
    cells
}

fn next_cell(key: &[u8]) -> Option<(Cell, &[u8])> {
    let (&kind, rest) = key.split_first()?;
    let number = || rest.split_first_chunk::<8>();
    Some(match kind {
        FLAG => rest.split_first().map(|(&is, rest)| (Cell::Flag(is != 0), rest))?,
        NUMBER => number().map(|(octets, rest)| (Cell::Count(u64::from_be_bytes(*octets)), rest))?,
        SIGNED => number().map(|(octets, rest)| (Cell::Signed(i64::from_be_bytes(*octets)), rest))?,
        TIME => number().map(|(octets, rest)| (Cell::Time(i64::from_be_bytes(*octets)), rest))?,
        V4 => rest.split_first_chunk::<4>().map(|(octets, rest)| (Cell::Address((*octets).into()), rest))?,
        V6 => rest.split_first_chunk::<16>().map(|(octets, rest)| (Cell::Address((*octets).into()), rest))?,
        V4_PREFIX => {
            let (network, rest) = rest.split_first_chunk::<V4_NETWORK>()?;
            let mut octets = [0; 4];
            octets[..V4_NETWORK].copy_from_slice(network);
            (Cell::Network(Ipv4Addr::from(octets).into(), 8 * V4_NETWORK as u8), rest)
        }
        V6_PREFIX => {
            let (network, rest) = rest.split_first_chunk::<V6_NETWORK>()?;
            let mut octets = [0; 16];
            octets[..V6_NETWORK].copy_from_slice(network);
            (Cell::Network(Ipv6Addr::from(octets).into(), 8 * V6_NETWORK as u8), rest)
        }
        NAME => {
            let (&length, rest) = rest.split_first()?;
            let (wire, rest) = rest.split_at_checked(length.into())?;
            (Cell::Name(wire.to_vec()), rest)
        }
        TEXT => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            let (text, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
            (Cell::Text(String::from_utf8_lossy(text).into_owned()), rest)
        }
        _ => (Cell::Null, rest),
    })
}
