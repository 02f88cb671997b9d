//! What was asked: name, type and class, and what can be told from the name alone: from the real one, whatever is written
//! instead of it.

use super::{Context, Scratch, Value, maybe};
use crate::transaction::{Lacks, Transaction};

/// The name in wire form, if there is one.
#[inline]
fn wire<'a>(row: &Transaction<'a>) -> Option<&'a [u8]> {
    Some(row.key().name()).filter(|name| !name.is_empty())
}

/// The same, if what can be told from it may come out.
#[inline]
fn told<'a>(row: &Transaction<'a>, context: &Context) -> Option<&'a [u8]> {
    wire(row).filter(|_| !context.drops_names())
}

/// The labels of a name in wire form.
fn labels(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let (&length, behind) = rest.split_first().filter(|(length, _)| **length > 0)?;
        let (label, behind) = behind.split_at_checked(length.into())?;
        rest = behind;
        Some(label)
    })
}

pub(super) fn qname<'a>(row: &Transaction<'a>, context: &'a Context, scratch: &'a mut Scratch) -> Value<'a> {
    maybe(wire(row).and_then(|name| context.name(name, &mut scratch.pseudonym)), Value::Name)
}

pub(super) fn qname_lower<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    scratch: &'a mut Scratch,
) -> Value<'a> {
    let name = wire(row).and_then(|name| context.name(name, &mut scratch.pseudonym));
    let Some(name) = name else { return Value::Null };
    // All are looked at: so it is one step for many.
    if !name.iter().fold(false, |is_found, octet| is_found | octet.is_ascii_uppercase()) {
        return Value::Name(name);
    }
    // No length octet is that of a letter: those of labels are below 64.
    scratch.bytes.extend(name.iter().map(u8::to_ascii_lowercase));
    Value::Name(&scratch.bytes)
}

pub(super) fn qtype<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    match row.lacks(Lacks::TYPE) {
        true => Value::Null,
        false => Value::U16(row.key().qtype()),
    }
}

pub(super) fn qclass<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    match row.lacks(Lacks::CLASS) {
        true => Value::Null,
        false => Value::U16(row.key().qclass()),
    }
}

pub(super) fn labels_count(wire: &[u8]) -> u64 {
    labels(wire).count() as u64
}

pub(super) fn labels_of<'a>(row: &Transaction<'a>, context: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(told(row, context), |name| Value::U64(labels_count(name)))
}

pub(super) fn qname_length<'a>(row: &Transaction<'a>, context: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(told(row, context), |name| Value::U64(name.len() as u64))
}

pub(super) fn label_length_max<'a>(
    row: &Transaction<'a>,
    context: &'a Context,
    _: &'a mut Scratch,
) -> Value<'a> {
    maybe(told(row, context), |name| Value::U64(labels(name).map(<[u8]>::len).max().unwrap_or(0) as u64))
}

pub(super) fn entropy<'a>(row: &Transaction<'a>, context: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(told(row, context), |name| Value::F64(shannon(name)))
}

/// n * log2(n) for the lengths that names have: a table, as the logarithm is what entropy costs. Filled by a plain series so
/// that the last bit is the same on every machine, whatever its mathematical library does.
static N_LOG_N: std::sync::LazyLock<[f64; 256]> = std::sync::LazyLock::new(|| {
    std::array::from_fn(|n| if n == 0 { 0.0 } else { n as f64 * log2(n as f64) })
});

/// The logarithm to base 2 of a number from 1 to 255, by additions and multiplications alone.
fn log2(number: f64) -> f64 {
    let (mut whole, mut rest) = (0.0, number);
    while rest >= 2.0 {
        (whole, rest) = (whole + 1.0, rest / 2.0);
    }
    // Squaring doubles a logarithm: each time it passes 1, the next binary digit is set.
    let (mut fraction, mut digit) = (0.0, 0.5);
    for _ in 0..40 {
        rest *= rest;
        if rest >= 2.0 {
            (rest, fraction) = (rest / 2.0, fraction + digit);
        }
        digit /= 2.0;
    }
    whole + fraction
}

/// Bits per octet of the labels of a name in wire form.
fn shannon(wire: &[u8]) -> f64 {
    let (mut counts, mut total) = ([0u8; 256], 0);
    for label in labels(wire) {
        label.iter().for_each(|octet| counts[usize::from(octet.to_ascii_lowercase())] += 1);
        total += label.len();
    }
    if total == 0 {
        return 0.0;
    }
    // Each octet is counted where it is met first; the sum is over at most as many as the name has.
    let (mut sum, n_log_n) = (0.0, &*N_LOG_N);
    for label in labels(wire) {
        for octet in label {
            let count = std::mem::take(&mut counts[usize::from(octet.to_ascii_lowercase())]);
            sum += n_log_n[usize::from(count)];
        }
    }
    (n_log_n[total.min(255)] - sum) / total as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_the_library() {
        for n in 1..256 {
            assert!((log2(n as f64) - (n as f64).log2()).abs() < 1e-11, "{n}");
        }
    }

    #[test]
    fn entropy_is_that_of_the_letters() {
        let check = |wire: &[u8], bits: f64| assert!((shannon(wire) - bits).abs() < 1e-9, "{wire:?}");
        check(b"\0", 0.0);
        check(b"\x04aaaa\0", 0.0);
        check(b"\x02ab\x02AB\0", 1.0);
        check(b"\x04abcd\0", 2.0);
        check(b"\x03aab\0", 0.918_295_834_054_489_6);
    }
}
