//! THE column table: what can be known of a transaction, each fact an entry with name, type, unit and one sentence.
//!
//! A column is asked for its [`Value`] of a transaction and computes nothing else. Row-wise sinks ask all columns of a row,
//! columnar ones all rows of a column; both get the same value. Headers, the schema page and the help derive from here:
//! **to add a column, add it to the table below and say in `value` where it comes from**.

use crate::dns::iana;
use crate::privacy::Pseudonyms;
use crate::transaction::{Facts, Transaction, Transport};
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
    /// An unsigned 64-bit number.
    U64,
    /// Numbers as text, with semicolons between them.
    Numbers,
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
    /// [`Kind::U64`].
    U64(u64),
    /// [`Kind::Numbers`].
    Numbers(&'a [u16]),
}

macro_rules! columns {
    ($($variant:ident, $name:literal, $kind:ident, $null:literal, $facts:literal, $sentence:literal;)*) => {
        /// A column. [`COLUMNS`] lists them all.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Column { $(#[doc = $sentence] $variant,)* }

        /// All columns and what is said of them.
        pub const COLUMNS: &[Entry] = &[$(Entry {
            column: Column::$variant,
            name: $name,
            kind: Kind::$kind,
            nullable: $null,
            needs_facts: $facts,
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
    /// Whether it takes more than a transaction's event and key hold.
    pub needs_facts: bool,
    /// What it says, in a sentence.
    pub sentence: &'static str,
}

columns! {
    RequestTimestamp, "request_timestamp", TimestampMicros, false, false,
        "When the query was captured (the earliest of it and its retries), rounded down to microseconds";
    ResponseTimestamp, "response_timestamp", TimestampMicros, true, false,
        "When the response that answered it was captured, rounded down to microseconds; absent if none came in time";
    SourceIp, "source_ip", Address, false, false, "The client: who sent the query";
    SourcePort, "source_port", U16, false, false, "The client's port";
    Id, "id", U16, false, false, "The DNS message ID";
    Name, "name", Name, false, false, "The name asked for, in the case of the query, without the final dot (the root is a dot)";
    QueryType, "query_type", Text, false, false, "The type asked for, by name; types without one are `Unknown`";
    ResponseCode, "response_code", Text, true, false, "The response code in words, extended by EDNS or TSIG; absent if no response came in time";
    Transport, "transport", Text, false, false, "What carried the query: UDP or TCP";
    ParseError, "parse_error", Text, true, true, "What is wrong with the query or, if nothing is, with its response";
    TruncatedAt, "truncated_at", U64, true, true, "How many bytes of the query (or, if it is whole, of its response) were captured; absent if both are whole";
    Vlan, "vlan", Numbers, true, true, "VLAN ids around the query, from outside in";
    Tunnel, "tunnel", Text, true, true, "The innermost tunnel around the query";
    TunnelId, "tunnel_id", U64, true, true, "That tunnel's number: VNI, key, session";
    TcpRtt, "tcp_rtt_us", U64, true, true, "How long the TCP handshake of the connection took, microseconds";
    ResponseMessages, "response_messages", U64, true, true, "How many messages the answer took: more than one for a zone transfer";
    ResponseBytes, "response_bytes", U64, true, true, "Length of the answer in all its messages, bytes";
}

/// The default schema: the eight columns of DPP.
pub fn schema_dpp() -> Vec<Column> {
    COLUMNS[..8].iter().map(|entry| entry.column).collect()
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
            Column::Name => match transaction.key().name() {
                [] => Value::Null,
                name => Value::Name(name),
            },
            Column::QueryType => match transaction.facts() {
                Some(facts) if !facts.own.has_type => Value::Null,
                _ => Value::Text(iana::query_type(transaction.key().qtype())),
            },
            Column::ResponseCode => match transaction.response_code() {
                Some(code) => Value::Text(iana::response_code(code)),
                None => Value::Null,
            },
            Column::Transport => Value::Text(match transaction.key().transport() {
                Transport::Udp => "UDP",
                Transport::Tcp => "TCP",
            }),
            column => transaction.facts().map_or(Value::Null, |facts| column.value_of_facts(facts)),
        }
    }

    /// This column's value, if it needs facts.
    fn value_of_facts(self, facts: &Facts) -> Value<'_> {
        let number = |number: Option<u64>| number.map_or(Value::Null, Value::U64);
        let Facts { own, answer, .. } = facts;
        let sides = || [Some(own), answer.as_ref()].into_iter().flatten();
        match self {
            Column::ParseError => match sides().find_map(|side| side.error) {
                Some(error) => Value::Text(error.name()),
                None => Value::Null,
            },
            Column::TruncatedAt => number(sides().find_map(|side| side.truncated_at).map(u64::from)),
            Column::Vlan => match own.outer.vlan_ids() {
                [] => Value::Null,
                vlans => Value::Numbers(vlans),
            },
            Column::Tunnel => own.outer.tunnel.map_or(Value::Null, |tunnel| Value::Text(tunnel.name())),
            Column::TunnelId => number(own.outer.tunnel.map(|_| own.outer.tunnel_id.into())),
            Column::TcpRtt => number(facts.handshake_rtt_ns.map(|ns| ns.max(0) as u64 / 1000)),
            Column::ResponseMessages => number(answer.map(|_| facts.answer_messages.into())),
            Column::ResponseBytes => number(answer.map(|_| facts.answer_bytes)),
            _ => unreachable!("{self:?} needs no facts"),
        }
    }
}
