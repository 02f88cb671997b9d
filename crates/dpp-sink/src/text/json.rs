//! JSON (RFC 8259): strings, and lists of texts and records.
//!
//! Text is UTF-8 already; quotes, backslashes and control characters are escaped, and nothing else is. So what is printed
//! here never has a line end in it. JSON lines are made of this, and the cells of CSV and TSV that hold lists.

use super::{NUMBER_ROOM, write_u64};
use dpp::table::{Record, Records, Texts};

/// Whether an octet of a text has to be escaped.
#[inline]
fn is_special(octet: u8) -> bool {
    octet < 0x20 || octet == b'"' || octet == b'\\'
}

/// Whether a text can stand between quotes as it is.
#[inline]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    // Not `any`: without an early end it takes many octets at once.
    !text.iter().fold(false, |found, &octet| found | is_special(octet))
}

/// Appends a text in quotes.
pub(crate) fn push_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    push_escaped(text.as_bytes(), out);
    out.push(b'"');
}

/// Appends a text without its quotes.
pub(crate) fn push_escaped(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&octet| is_special(octet)) {
        out.extend_from_slice(&rest[..at]);
        push_special(rest[at], out);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

fn push_special(octet: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let short = match octet {
        b'"' | b'\\' => octet,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        _ => {
            out.extend_from_slice(b"\\u00");
            return out
                .extend_from_slice(&[DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 0xF)]]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends an array of what `push` makes of each item.
pub(crate) fn push_array<T>(
    items: impl Iterator<Item = T>,
    out: &mut Vec<u8>,
    mut push: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(b'[');
    let start = out.len();
    for item in items {
        if out.len() > start {
            out.push(b',');
        }
        push(item, out);
    }
    out.push(b']');
}

/// Appends an array of strings.
pub(crate) fn push_texts(texts: Texts<'_>, out: &mut Vec<u8>) {
    push_array(texts.iter(), out, push_text);
}

/// Appends an array of objects.
pub(crate) fn push_records(records: Records<'_>, out: &mut Vec<u8>) {
    push_array(records.iter(), out, push_record);
}

fn push_record(record: Record<'_>, out: &mut Vec<u8>) {
    for (key, text) in
        [("{\"name\":", record.name), (",\"type\":", record.rtype), (",\"class\":", record.class)]
    {
        out.extend_from_slice(key.as_bytes());
        push_text(text, out);
    }
    out.extend_from_slice(b",\"ttl\":");
    match record.ttl {
        Some(ttl) => push_number(ttl.into(), out),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"data\":");
    push_text(record.data, out);
    out.push(b'}');
}

/// Appends a number.
pub(crate) fn push_number(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; NUMBER_ROOM];
    let length = write_u64(number, &mut digits);
    out.extend_from_slice(&digits[..length]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> String {
        let mut out = Vec::new();
        push_text(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn quotes_backslashes_and_control_characters_are_escaped() {
        for (plain, expected) in [
            ("", r#""""#),
            ("a b", r#""a b""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("\n\r\t\u{8}\u{c}\0\u{1f}\u{7f}", "\"\\n\\r\\t\\b\\f\\u0000\\u001f\u{7f}\""),
            ("é\u{2028}\u{10FFFF}/", "\"é\u{2028}\u{10FFFF}/\""),
        ] {
            assert_eq!(text(plain), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_back_and_is_one_line(plain in any::<String>()) {
            let written = text(&plain);
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), plain.clone());
            prop_assert!(!written.contains(['\n', '\r']));
            prop_assert_eq!(is_plain(plain.as_bytes()), written.len() == plain.len() + 2);
        }
    }
}
