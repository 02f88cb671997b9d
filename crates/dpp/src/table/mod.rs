//! THE column table: what can be known of a transaction, each fact an entry with name, type, unit and one sentence.
//!
//! A column is asked for its [`Value`] of a transaction and computes nothing else. Row-wise sinks ask all columns of a row,
//! columnar ones all rows of a column; both get the same value. Headers, the schema page and the help derive from here:
//! **to add a column, add it to the table below and say in `value` where it comes from**.

use crate::dns::iana;
use crate::privacy::Pseudonyms;
use crate::transaction::Transaction;
use std::net::IpAddr;

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    TimestampMicros,
    /// An IPv4 or IPv6 address, as text (RFC 5952).
    Address,
    /// An unsigned 16-bit number.
    U16,
    /// A domain name as text, escaped.
    Name,
    /// One of a few fixed texts.
    Text,
}

/// One fact of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Absent.
    Null,
    /// [`Kind::TimestampMicros`].
    TimestampMicros(i64),
    /// [`Kind::Address`].
    Address(IpAddr),
    /// [`Kind::U16`].
    U16(u16),
    /// [`Kind::Name`], in wire form.
    Name(&'a [u8]),
    /// [`Kind::Text`].
    Text(&'static str),
}

macro_rules! columns {
    ($($variant:ident, $name:literal, $kind:ident, $null:literal, $sentence:literal;)*) => {
        /// A column. [`COLUMNS`] lists them all.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Column { $(#[doc = $sentence] $variant,)* }

        /// All columns and what is said of them.
        pub const COLUMNS: &[Entry] = &[$(Entry {
            column: Column::$variant,
            name: $name,
            kind: Kind::$kind,
            nullable: $null,
            sentence: $sentence,
        },)*];

        impl Column {
            /// Hands this column's values of all rows to `take`. The column is chosen once, before the loop, so that each
            /// column has a loop of its own.
            #[inline(always)]
            pub fn for_each_value<'a>(
                self,
                rows: impl Iterator<Item = Transaction<'a>>,
                pseudonyms: Option<&Pseudonyms>,
                mut take: impl FnMut(Value<'a>),
            ) {
                match self {
                    $(Column::$variant => rows.for_each(|row| take(Column::$variant.value(&row, pseudonyms))),)*
                }
            }
        }
    };
}

/// What is said of a column.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The column.
    pub column: Column,
    /// Its name in headers and schemas.
    pub name: &'static str,
    /// The type of its values.
    pub kind: Kind,
    /// Whether it can be absent.
    pub nullable: bool,
    /// What it says, in a sentence.
    pub sentence: &'static str,
}

columns! {
    RequestTimestamp, "request_timestamp", TimestampMicros, false,
        "When the query was captured (the earliest of it and its retries), rounded down to microseconds";
    ResponseTimestamp, "response_timestamp", TimestampMicros, true,
        "When the response that answered it was captured, rounded down to microseconds; absent if none came in time";
    SourceIp, "source_ip", Address, false, "The client: who sent the query";
    SourcePort, "source_port", U16, false, "The client's port";
    Id, "id", U16, false, "The DNS message ID";
    Name, "name", Name, false, "The name asked for, in the case of the query, without the final dot (the root is a dot)";
    QueryType, "query_type", Text, false, "The type asked for, by name; types without one are `Unknown`";
    ResponseCode, "response_code", Text, true, "The response code in words, extended by EDNS or TSIG; absent if no response came in time";
}

/// The default schema: the eight columns of DPP.
pub fn schema_dpp() -> Vec<Column> {
    COLUMNS.iter().map(|entry| entry.column).collect()
}

impl Column {
    /// What the table says of this column.
    #[inline]
    pub fn entry(self) -> &'static Entry {
        &COLUMNS[self as usize]
    }

    /// This column's value of a transaction.
    #[inline(always)]
    pub fn value<'a>(self, transaction: &Transaction<'a>, pseudonyms: Option<&Pseudonyms>) -> Value<'a> {
        match self {
            Column::RequestTimestamp => Value::TimestampMicros(transaction.request_ns().div_euclid(1000)),
            Column::ResponseTimestamp => match transaction.response_ns() {
                Some(ns) => Value::TimestampMicros(ns.div_euclid(1000)),
                None => Value::Null,
            },
            Column::SourceIp => {
                let client = transaction.key().client();
                Value::Address(pseudonyms.map_or(client, |pseudonyms| pseudonyms.of(client)))
            }
            Column::SourcePort => Value::U16(transaction.key().client_port()),
            Column::Id => Value::U16(transaction.key().id()),
            Column::Name => Value::Name(transaction.key().name()),
            Column::QueryType => Value::Text(iana::query_type(transaction.key().qtype())),
            Column::ResponseCode => match transaction.response_code() {
                Some(code) => Value::Text(iana::response_code(code)),
                None => Value::Null,
            },
        }
    }
}
