//! Domain names in expressions: from text to lower-case wire form, and sets of them.
//!
//! Names are compared as DNS does it, label by label and without regard to ASCII case. Text is what the columns print: no
//! final dot (one more does no harm), a backslash before what is no letter, digit, hyphen or underscore, and three octal
//! digits behind it for what cannot be printed.

use crate::dns::name::WIRE_MAX;

/// The lower-case wire form of a name given as text.
pub(super) fn to_wire(text: &str) -> Result<Box<[u8]>, &'static str> {
    if text == "." {
        return Ok([0].into());
    }
    let (mut wire, mut start, mut rest) = (vec![0], 0, text.as_bytes());
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        match octet {
            b'.' => {
                end_label(&mut wire, start)?;
                start = wire.len();
                wire.push(0);
            }
            b'\\' => wire.push(escaped(&mut rest)?.to_ascii_lowercase()),
            octet => wire.push(octet.to_ascii_lowercase()),
        }
    }
    // A final dot has begun a label that is the root.
    if wire.len() - start > 1 || start == 0 {
        end_label(&mut wire, start)?;
        wire.push(0);
    }
    if wire.len() > WIRE_MAX { Err("a name has at most 255 octets") } else { Ok(wire.into()) }
}

fn end_label(wire: &mut [u8], start: usize) -> Result<(), &'static str> {
    match wire.len() - start - 1 {
        0 => Err("a label of a name is empty"),
        length @ 1..=63 => {
            wire[start] = length as u8;
            Ok(())
        }
        _ => Err("a label of a name has at most 63 octets"),
    }
}

fn escaped(rest: &mut &[u8]) -> Result<u8, &'static str> {
    let is_octal = |digit: &u8| (b'0'..=b'7').contains(digit);
    let (octet, length) = match rest {
        [a @ b'0'..=b'3', b, c, ..] if is_octal(b) && is_octal(c) => {
            ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), 3)
        }
        [b'0'..=b'9', ..] => return Err("behind a backslash there are three octal digits, up to 377"),
        [octet, ..] => (*octet, 1),
        [] => return Err("a name ends with a backslash"),
    };
    *rest = &rest[length..];
    Ok(octet)
}

/// Appends a name in wire form as the columns print it.
pub(super) fn write_text(wire: &[u8], text: &mut Vec<u8>) {
    let (mut rest, begin) = (wire, text.len());
    while let Some((&length @ 1.., behind)) = rest.split_first() {
        let (label, behind) = behind.split_at(usize::from(length).min(behind.len()));
        if text.len() > begin {
            text.push(b'.');
        }
        for (place, &octet) in label.iter().enumerate() {
            match octet {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => text.push(octet),
                b'-' if place > 0 => text.push(octet),
                b'*' if place == 0 => text.push(octet),
                b'!'..=b'~' => text.extend_from_slice(&[b'\\', octet]),
                _ => text.extend_from_slice(&[
                    b'\\',
                    b'0' + (octet >> 6),
                    b'0' + (octet >> 3 & 7),
                    b'0' + (octet & 7),
                ]),
            }
        }
        rest = behind;
    }
    if text.len() == begin && !wire.is_empty() {
        text.push(b'.');
    }
}

/// A set of names, in lower-case wire form.
#[derive(Clone, Debug)]
pub(super) struct Names(Vec<Box<[u8]>>);

impl Names {
    pub(super) fn new(mut names: Vec<Box<[u8]>>) -> Self {
        names.sort_unstable();
        names.dedup();
        Names(names)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether this name is one of them.
    #[inline]
    pub(super) fn contains(&self, wire: &[u8]) -> bool {
        match &self.0[..] {
            [one] => one.eq_ignore_ascii_case(wire),
            _ => self.search(wire, |wire| self.0.binary_search_by(|name| (**name).cmp(wire)).is_ok()),
        }
    }

    /// Whether this name is one of them or below one.
    #[inline]
    pub(super) fn are_above(&self, wire: &[u8]) -> bool {
        match &self.0[..] {
            [one] => suffixes(wire).any(|suffix| one.eq_ignore_ascii_case(suffix)),
            _ => self.search(wire, |wire| {
                suffixes(wire).any(|suffix| self.0.binary_search_by(|name| (**name).cmp(suffix)).is_ok())
            }),
        }
    }

    /// Asks with the name in lower case.
    fn search(&self, wire: &[u8], find: impl FnOnce(&[u8]) -> bool) -> bool {
        let mut lower = [0; WIRE_MAX];
        let Some(lower) = lower.get_mut(..wire.len()) else { return false };
        lower.copy_from_slice(wire);
        lower.make_ascii_lowercase();
        find(lower)
    }
}

/// A name in wire form, and all that it lies below, down to the root.
fn suffixes(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(wire), |wire| {
        wire.get(1 + usize::from(*wire.first()?)..).filter(|rest| !rest.is_empty())
    })
}
