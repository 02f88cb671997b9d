//! What a column says of a transaction, and of which kind it is.

use super::scratch::{Records, Texts};
use std::net::IpAddr;

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no.
    Bool,
    /// An unsigned number of 8, 16, 32 or 64 bits.
    U8,
    /// 16 bits.
    U16,
    /// 32 bits.
    U32,
    /// 64 bits.
    U64,
    /// A signed number of 32 bits.
    I32,
    /// A signed number of 64 bits.
    I64,
    /// A number with a fraction.
    F64,
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    TimestampMicros,
    /// Nanoseconds since 1970-01-01 00:00:00 UTC.
    TimestampNanos,
    /// Seconds with six decimals: a time since 1970 or a time span, kept in nanoseconds.
    Seconds,
    /// An IPv4 or IPv6 address, as text (RFC 5952).
    Address,
    /// A domain name as text, escaped.
    Name,
    /// One of a few texts.
    Word,
    /// Any text.
    Text,
    /// Bytes; in text formats as hexadecimal digits.
    Bytes,
    /// Unsigned 16-bit numbers.
    Numbers,
    /// Texts.
    Texts,
    /// Resource records: name, type, class, ttl, data.
    Records,
}

/// One fact of one transaction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Absent.
    Null,
    /// [`Kind::Bool`].
    Bool(bool),
    /// [`Kind::U16`], and the one for 16-bit numbers in a column of [`Kind::I32`].
    U16(u16),
    /// [`Kind::U8`], [`Kind::U32`], [`Kind::U64`].
    U64(u64),
    /// [`Kind::I32`], [`Kind::I64`].
    I64(i64),
    /// [`Kind::F64`].
    F64(f64),
    /// [`Kind::TimestampMicros`].
    TimestampMicros(i64),
    /// [`Kind::TimestampNanos`].
    TimestampNanos(i64),
    /// [`Kind::Seconds`], in nanoseconds.
    Seconds(i64),
    /// [`Kind::Address`].
    Address(IpAddr),
    /// [`Kind::Name`], in wire form.
    Name(&'a [u8]),
    /// [`Kind::Word`], and a text that lies at a fixed place in a column of [`Kind::Text`].
    Word(&'static str),
    /// [`Kind::Text`], and a word that does not lie at a fixed place in a column of [`Kind::Word`].
    Text(&'a str),
    /// [`Kind::Bytes`].
    Bytes(&'a [u8]),
    /// [`Kind::Numbers`].
    Numbers(&'a [u16]),
    /// [`Kind::Texts`].
    Texts(Texts<'a>),
    /// [`Kind::Records`].
    Records(Records<'a>),
}

impl<'a> Value<'a> {
    /// The same as columns of a kind have it that takes more numbers than its own.
    #[inline]
    pub fn in_kind(self, kind: Kind) -> Value<'a> {
        match (kind, self) {
            (Kind::I32 | Kind::I64, Value::U16(number)) => Value::I64(number.into()),
            (Kind::I32 | Kind::I64, Value::U64(number)) => {
                Value::I64(i64::try_from(number).unwrap_or(i64::MAX))
            }
            (_, value) => value,
        }
    }

    /// The 64 bits that a number in a column of this kind is kept as where columns are kept as numbers: fractions as the bits
    /// they have, and what is beyond the kind's range as the end of that range.
    ///
    /// # Panics
    /// If it is no number.
    #[inline(always)]
    pub fn bits(self, kind: Kind) -> i64 {
        let bits = match self {
            Value::Bool(is) => is.into(),
            Value::U16(number) => number.into(),
            Value::U64(number) if kind == Kind::U64 => return number as i64,
            Value::U64(number) => number.min(i64::MAX as u64) as i64,
            Value::I64(number) => number,
            Value::TimestampMicros(time) | Value::TimestampNanos(time) => time,
            // As text formats print it: rounded down to microseconds.
            Value::Seconds(ns) => return (ns.div_euclid(1000) as f64 / 1e6).to_bits() as i64,
            Value::F64(number) => return number.to_bits() as i64,
            _ => unreachable!("{self:?} in a column of numbers"),
        };
        let (least, most) = match kind {
            Kind::U8 => (0, u8::MAX.into()),
            Kind::U16 => (0, u16::MAX.into()),
            Kind::U32 => (0, u32::MAX.into()),
            Kind::I32 => (i32::MIN.into(), i32::MAX.into()),
            _ => return bits,
        };
        bits.clamp(least, most)
    }

    /// What stands for an absent value of this kind where tables know none.
    pub fn zero(kind: Kind) -> Value<'static> {
        match kind {
            Kind::Bool => Value::Bool(false),
            Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 => Value::U64(0),
            Kind::I32 | Kind::I64 => Value::I64(0),
            Kind::F64 => Value::F64(0.0),
            Kind::TimestampMicros => Value::TimestampMicros(0),
            Kind::TimestampNanos => Value::TimestampNanos(0),
            Kind::Seconds => Value::Seconds(0),
            Kind::Address | Kind::Name | Kind::Word | Kind::Text => Value::Word(""),
            Kind::Bytes => Value::Bytes(&[]),
            Kind::Numbers => Value::Numbers(&[]),
            Kind::Texts => Value::Texts(Texts::EMPTY),
            Kind::Records => Value::Records(Records::EMPTY),
        }
    }
}
