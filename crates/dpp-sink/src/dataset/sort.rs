//! The order of rows within a file.
//!
//! Each row's values become bytes that compare as the values do; the sort is stable, so that rows with equal values stay in the
//! order of their queries.

use dpp::pipeline::Rows;
use dpp::table::{Column, Context, Scratch, Value};
use std::net::IpAddr;
use std::ops::Range;

/// The numbers of the rows, sorted by these columns. Rows of a unit stay as they are, where the first of them stands.
pub(super) fn order(
    rows: &Rows,
    units: impl Iterator<Item = Range<usize>>,
    columns: &[Column],
    context: &Context,
) -> Vec<u32> {
    let (mut bytes, mut ends, mut scratch) = (Vec::new(), vec![0], Scratch::default());
    // The first row of each unit, and the one behind the last.
    let mut firsts = vec![0];
    for unit in units {
        let row = rows.get(unit.start);
        for column in columns {
            key(column.value(&row, context, &mut scratch), &mut bytes);
        }
        ends.push(bytes.len());
        firsts.push(unit.end as u32);
    }
    let of = |unit: u32| &bytes[ends[unit as usize]..ends[unit as usize + 1]];
    let mut sorted: Vec<u32> = (0..firsts.len() as u32 - 1).collect();
    sorted.sort_by(|&a, &b| of(a).cmp(of(b)));
    sorted.into_iter().flat_map(|unit| firsts[unit as usize]..firsts[unit as usize + 1]).collect()
}

/// Appends bytes that compare as the value does; what is absent comes first.
fn key(value: Value, out: &mut Vec<u8>) {
    const ABSENT: u8 = 0;
    const PRESENT: u8 = 1;
    if value == Value::Null {
        return out.push(ABSENT);
    }
    out.push(PRESENT);
    match value {
        Value::Bool(is) => out.push(is.into()),
        Value::U16(number) => out.extend(u64::from(number).to_be_bytes()),
        Value::U64(number) => out.extend(number.to_be_bytes()),
        Value::I64(number)
        | Value::TimestampMicros(number)
        | Value::TimestampNanos(number)
        | Value::Seconds(number) => out.extend((number as u64 ^ 1 << 63).to_be_bytes()),
        Value::F64(number) => {
            let bits = number.to_bits();
            let mask = if bits >> 63 == 1 { u64::MAX } else { 1 << 63 };
            out.extend((bits ^ mask).to_be_bytes());
        }
        Value::Address(IpAddr::V4(address)) => out.extend([&[4][..], &address.octets()].concat()),
        Value::Address(IpAddr::V6(address)) => out.extend([&[6][..], &address.octets()].concat()),
        Value::Name(wire) => name(wire, out),
        Value::Word(text) => bytes(text.as_bytes(), out),
        Value::Text(text) => bytes(text.as_bytes(), out),
        Value::Bytes(value) => bytes(value, out),
        Value::Numbers(numbers) => {
            numbers.iter().for_each(|number| out.extend(number.to_be_bytes()));
        }
        Value::Texts(texts) => texts.iter().for_each(|text| bytes(text.as_bytes(), out)),
        Value::Records(records) => records.iter().for_each(|record| {
            bytes(record.name.as_bytes(), out);
            bytes(record.data.as_bytes(), out);
        }),
        Value::Null => unreachable!("it was handled"),
    }
}

/// A name in canonical order (RFC 4034 section 6.1): by labels from the right, without regard to case; so names of a domain
/// stand together.
fn name(wire: &[u8], out: &mut Vec<u8>) {
    let labels: Vec<&[u8]> = dpp::dns::name::labels(wire).collect();
    for label in labels.iter().rev() {
        bytes(&label.to_ascii_lowercase(), out);
    }
    out.push(0);
}

/// Bytes of any length: a zero ends them, and one among them is told from that.
fn bytes(value: &[u8], out: &mut Vec<u8>) {
    for &octet in value {
        match octet {
            0 => out.extend([1, 1]),
            1 => out.extend([1, 2]),
            octet => out.push(octet),
        }
    }
    out.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sorted: &[Value]) {
        let keys: Vec<Vec<u8>> = sorted
            .iter()
            .map(|value| {
                let mut out = Vec::new();
                key(*value, &mut out);
                out
            })
            .collect();
        assert!(keys.is_sorted_by(|a, b| a < b), "{sorted:?}: {keys:?}");
    }

    #[test]
    fn keys_compare_as_values_do() {
        check(&[Value::Null, Value::I64(i64::MIN), Value::I64(-1), Value::I64(0), Value::I64(7)]);
        check(&[Value::F64(-2.5), Value::F64(-0.5), Value::F64(0.0), Value::F64(1e300)]);
        check(&[
            Value::Text(""),
            Value::Text("\0"),
            Value::Text("\u{1}"),
            Value::Text("a"),
            Value::Text("ab"),
        ]);
        check(&[
            Value::Name(b"\0"),
            Value::Name(b"\x07example\0"),
            Value::Name(b"\x01a\x07EXAMPLE\0"),
            Value::Name(b"\x01b\x01a\x07example\0"),
            Value::Name(b"\x01B\x07example\0"),
            Value::Name(b"\x03org\0"),
        ]);
        check(&[
            Value::Address("10.0.0.2".parse().unwrap()),
            Value::Address("192.0.2.1".parse().unwrap()),
            Value::Address("::1".parse().unwrap()),
        ]);
    }
}
