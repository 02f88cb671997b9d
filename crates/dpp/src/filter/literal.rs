//! Values as they are written in expressions, each read as what the column beside it asks for.

use super::mnemonics::Registry;
use super::tree::place;
use crate::table::{Column, Entry, Kind};
use std::borrow::Cow;
use std::net::IpAddr;

/// What values of a column are to the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Truth,
    Number(Option<Registry>),
    /// Nanoseconds.
    Span,
    /// Nanoseconds since 1970 UTC.
    Time,
    /// One of both, as seconds with a fraction.
    Seconds,
    Fraction,
    Address,
    Name,
    Word,
    Text,
    /// Nothing can be asked but whether it is there.
    Opaque,
}

/// How a sort is called in complaints, and how its values are written.
struct Said {
    called: &'static str,
    example: &'static str,
}

impl Sort {
    pub(super) fn of(entry: &Entry) -> Sort {
        match entry.kind {
            Kind::Bool => Sort::Truth,
            Kind::I64 if entry.name.ends_with("_ns") => Sort::Span,
            Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 | Kind::I32 | Kind::I64 | Kind::Numbers => {
                Sort::Number(Registry::of(entry.column))
            }
            Kind::F64 => Sort::Fraction,
            Kind::TimestampMicros | Kind::TimestampNanos => Sort::Time,
            Kind::Seconds => Sort::Seconds,
            Kind::Address => Sort::Address,
            Kind::Name => Sort::Name,
            Kind::Word => Sort::Word,
            Kind::Text | Kind::Texts => Sort::Text,
            Kind::Bytes | Kind::Records => Sort::Opaque,
        }
    }

    fn said(self) -> Said {
        let (called, example) = match self {
            Sort::Truth => ("true or false", "true or false"),
            Sort::Number(_) => ("a number", "53"),
            Sort::Span => ("a time span", "10ms, 1.5s, or a number of nanoseconds"),
            Sort::Time => ("a time", "2026-01-31, 2026-01-31T12:00:00Z, or seconds since 1970"),
            Sort::Seconds => ("a number of seconds", "0.25, 10ms, or a time"),
            Sort::Fraction => ("a number", "2.5"),
            Sort::Address => ("an address", "192.0.2.1 or 2001:db8::1"),
            Sort::Name => ("a name", "www.example.com"),
            Sort::Word => ("a word", "udp"),
            Sort::Text => ("a text", "'text'"),
            Sort::Opaque => ("no plain value", ""),
        };
        Said { called, example }
    }

    /// What a column of this sort is.
    pub(super) fn called(self) -> &'static str {
        self.said().called
    }

    /// What can be asked of it.
    pub(super) fn questions(self) -> &'static str {
        match self {
            Sort::Truth => "=, != and is null, or to stand alone",
            Sort::Address => "=, !=, in and is null",
            Sort::Name => "=, !=, in, under, like, ~, !~ and is null",
            Sort::Word | Sort::Text => "=, !=, in, like, ~, !~ and is null",
            Sort::Opaque => "is null and is not null",
            _ => "=, !=, <, <=, >, >=, in and is null",
        }
    }
}

/// A value as complaints show it: long ones from their beginning.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
    }
}

/// Reads a number, a time or a fraction, as it is compared.
pub(super) fn number(sort: Sort, column: Column, text: &str) -> Result<i128, String> {
    let read = match sort {
        Sort::Number(registry) => return whole(registry, text),
        Sort::Span => span_ns(text, 0),
        Sort::Time => time_ns(text).or_else(|| decimal(text, 9)),
        Sort::Seconds => span_ns(text, 9).or_else(|| time_ns(text)),
        Sort::Fraction => text.parse().ok().filter(|fraction: &f64| fraction.is_finite()).map(place),
        _ => None,
    };
    read.ok_or_else(|| {
        let (Said { called, example }, text) = (sort.said(), short(text));
        format!("'{text}' is not {called}, which {} is compared with: write {example}", column.entry().name)
    })
}

fn whole(registry: Option<Registry>, text: &str) -> Result<i128, String> {
    let number = decimal(text, 0).filter(|_| !text.contains('.'));
    match (number, registry) {
        (Some(number), _) => Ok(number),
        (None, Some(registry)) => registry.code(text).map(i128::from).ok_or_else(|| {
            let (called, example) = registry.words();
            format!("'{}' is no {called} that is known by name here: write {example}", short(text))
        }),
        (None, None) => Err(format!("'{}' is no whole number, such as 53", short(text))),
    }
}

/// A number with at most `places` decimals, times ten to the power of `places`.
fn decimal(text: &str, places: usize) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let are_digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    // So many digits are more than 64 bits ever have, and fewer than overflow 128.
    if !(1..=25).contains(&whole.len())
        || fraction.len() > places
        || !are_digits(whole)
        || !are_digits(fraction)
    {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse::<i128>().ok().map(|number| sign * number)
}

/// Units of time spans: their names, and how many nanoseconds they have.
const UNITS: &[(&str, i128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// A time span in nanoseconds: a number and a unit, or a number of so many decimal places more than nanoseconds have.
fn span_ns(text: &str, places: usize) -> Option<i128> {
    let end = text.find(|letter: char| letter.is_alphabetic()).unwrap_or(text.len());
    let (number, unit) = (text[..end].trim_end(), &text[end..]);
    if unit.is_empty() {
        return decimal(number, places);
    }
    let (_, unit_ns) = UNITS.iter().find(|(name, _)| *name == unit)?;
    // What is finer than a nanosecond is no time of ours.
    let (scaled, scale) = (decimal(number, 9)?.checked_mul(*unit_ns)?, 1_000_000_000);
    (scaled % scale == 0).then_some(scaled / scale)
}

/// A time of RFC 3339 in nanoseconds since 1970 UTC; also a day alone, a time without seconds, and one without a zone, which is
/// UTC.
fn time_ns(text: &str) -> Option<i128> {
    let number = |text: &str, digits: usize| {
        let is_number = text.len() == digits && text.bytes().all(|digit| digit.is_ascii_digit());
        if is_number { text.parse::<i64>().ok() } else { None }
    };
    let (day, clock) = text.split_at_checked(10)?;
    let mut parts = day.splitn(3, '-');
    let (year, month, day) =
        (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let seconds = i128::from(days(year, month, day)?) * 86_400;
    let Some(clock) = clock.strip_prefix(['T', 't', ' ']) else {
        return clock.is_empty().then_some(seconds * 1_000_000_000);
    };
    let (clock, east) = match clock.find(['Z', 'z', '+', '-']) {
        None => (clock, 0),
        Some(at) => match (&clock[at..at + 1], &clock[at + 1..]) {
            ("Z" | "z", "") => (&clock[..at], 0),
            ("Z" | "z", _) => return None,
            (sign, zone) => {
                let (hours, minutes) = zone.split_once(':')?;
                let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
                let minutes = (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?;
                (&clock[..at], if sign == "-" { -minutes } else { minutes })
            }
        },
    };
    let (hours, rest) = clock.split_once(':')?;
    let (minutes, second) = rest.split_once(':').unwrap_or((rest, "00"));
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    number(second.split('.').next()?, 2)?;
    let ns = decimal(second, 9)?;
    let is_time = hours < 24 && minutes < 60 && (0..61_000_000_000).contains(&ns);
    is_time.then_some((seconds + i128::from(hours * 3600 + (minutes - east) * 60)) * 1_000_000_000 + ns)
}

/// Days from 1970-01-01, in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month - 1).ok().filter(|month| *month < 12)?;
    if !(1..=lengths[month]).contains(&day) {
        return None;
    }
    let leap_days = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    Some(years + lengths[..month].iter().sum::<i64>() + day - 1)
}

/// Reads an address, or all addresses with a prefix: from the lowest to the highest.
pub(super) fn addresses(text: &str) -> Result<(IpAddr, IpAddr), String> {
    let trouble = || {
        let text = short(text);
        format!("'{text}' is no address: write 192.0.2.1, 2001:db8::1, or a prefix such as 192.0.2.0/24")
    };
    let (address, length) = match text.split_once('/') {
        None => (text, None),
        Some((address, length)) => (address, Some(length)),
    };
    let address: IpAddr = address.parse().map_err(|_| trouble())?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let Some(length) = length else { return Ok((address, address)) };
    let is_number = length.bytes().all(|digit| digit.is_ascii_digit());
    let length =
        length.parse::<u32>().ok().filter(|length| is_number && *length <= bits).ok_or_else(trouble)?;
    let host = |all: u128| all.checked_shr(length).unwrap_or(0);
    Ok(match address {
        IpAddr::V4(address) => {
            let host = host(u32::MAX.into()) as u32;
            (IpAddr::V4((address.to_bits() & !host).into()), IpAddr::V4((address.to_bits() | host).into()))
        }
        IpAddr::V6(address) => {
            let host = host(u128::MAX);
            (IpAddr::V6((address.to_bits() & !host).into()), IpAddr::V6((address.to_bits() | host).into()))
        }
    })
}
