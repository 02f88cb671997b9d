//! Domain names, read from a message (RFC 1035 sections 3.1 and 4.1.4), and written as text.
//!
//! A name that is not compressed is borrowed from the message; a compressed one is written out into the caller's
//! scratch. Pointers should lead back ("a prior occurrence", says the RFC), but some senders' lead forwards, and what they
//! point to can be read all the same. So what ends a loop is not the direction: a pointer to where the name has already
//! been is damage.
//!
//! There are two ways to write a name, which differ in what they do with octets that cannot be seen: DPP's columns have
//! always had three *octal* digits ([`write_text`]), but in master files, and so in RDATA, they are decimal and the name
//! ends in a dot ([`write_absolute`]). Row-wise sinks have a faster way to write the former.

use super::{Malformed, text};
use crate::limits::POINTERS_MAX;

/// The longest name in wire form, with its final zero octet (RFC 1035 section 3.1).
pub const WIRE_MAX: usize = 255;

/// Reads the name at `at`: its uncompressed wire form, and where the field after it starts.
///
/// # Errors
/// [`Malformed`] names what is wrong.
#[inline]
pub fn read<'b>(
    message: &'b [u8],
    at: usize,
    scratch: &'b mut [u8; WIRE_MAX],
) -> Result<(&'b [u8], usize), Malformed> {
    let mut end = at;
    loop {
        match message.get(end) {
            None => return Err(Malformed::Cut),
            Some(0) => break,
            Some(&length @ 1..=63) => end += 1 + usize::from(length),
            Some(_) => return read_compressed(message, at, scratch),
        }
    }
    match &message[at..=end] {
        name if name.len() <= WIRE_MAX => Ok((name, end + 1)),
        _ => Err(Malformed::NameTooLong),
    }
}

/// The same for a name with a compression pointer (or with a label type that does not exist).
#[cold]
fn read_compressed<'b>(
    message: &[u8],
    at: usize,
    scratch: &'b mut [u8; WIRE_MAX],
) -> Result<(&'b [u8], usize), Malformed> {
    let (written, followed) = write_labels(message, at, scratch);
    let followed = followed?;
    scratch[written] = 0;
    Ok((&scratch[..=written], followed.end))
}

/// As much of the name at `at` as can be read, in wire form: all labels before the damage that fit into 255 octets, and a
/// zero octet. Empty if there is nothing to be read, not even that the name is the root.
#[cold]
pub(super) fn read_partly<'b>(message: &[u8], at: usize, scratch: &'b mut [u8; WIRE_MAX]) -> &'b [u8] {
    let (written, followed) = write_labels(message, at, scratch);
    if written == 0 && followed.is_err() {
        return &[];
    }
    scratch[written] = 0;
    &scratch[..=written]
}

/// Writes the labels of the name at `at` into `scratch`, up to its end or its damage, and says how many octets they have.
/// One octet is left over in any case.
fn write_labels(
    message: &[u8],
    at: usize,
    scratch: &mut [u8; WIRE_MAX],
) -> (usize, Result<Followed, Malformed>) {
    let mut written = 0;
    let followed = follow(message, at, &mut [0; POINTERS_MAX], |label| {
        let room = scratch[..WIRE_MAX - 1].get_mut(written..written + label.len());
        room.ok_or(Malformed::NameTooLong)?.copy_from_slice(label);
        written += label.len();
        Ok(())
    });
    (written, followed)
}

/// What is known of a name when its end was reached.
pub(super) struct Followed {
    /// Where the field after the name starts.
    pub(super) end: usize,
    /// The pointers that were followed.
    pub(super) pointers: usize,
    /// Whether one of them led forwards.
    pub(super) forwards: bool,
}

/// Follows the name at `start` from label to label, and gives each, with its length octet, to `take`. `places` is where the
/// pointers lead; what it holds before does not matter, so that a walk over many names clears it once.
#[inline]
pub(super) fn follow(
    message: &[u8],
    start: usize,
    places: &mut [u16; POINTERS_MAX],
    mut take: impl FnMut(&[u8]) -> Result<(), Malformed>,
) -> Result<Followed, Malformed> {
    let (mut at, mut after) = (start, None);
    let (mut pointers, mut forwards) = (0, false);
    loop {
        match *message.get(at).ok_or(Malformed::Cut)? {
            0 => return Ok(Followed { end: after.unwrap_or(at + 1), pointers, forwards }),
            length @ 1..=63 => {
                let next = at + 1 + usize::from(length);
                take(message.get(at..next).ok_or(Malformed::Cut)?)?;
                at = next;
            }
            64..=191 => return Err(Malformed::Label),
            high @ 192..=255 => {
                let low = *message.get(at + 1).ok_or(Malformed::Cut)?;
                let place = u16::from_be_bytes([high & 0x3F, low]);
                let target = usize::from(place);
                let been_there = target == start || places[..pointers].contains(&place);
                if been_there || pointers == POINTERS_MAX {
                    return Err(Malformed::Pointer);
                }
                places[pointers] = place;
                pointers += 1;
                forwards |= target > at;
                after = after.or(Some(at + 2));
                at = target;
            }
        }
    }
}

/// Takes the name at `at` where compression is not allowed, with its final zero octet; `None` if there is none.
pub(super) fn uncompressed(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let mut end = at;
    while let length @ 1.. = *bytes.get(end)? {
        if length > 63 {
            return None;
        }
        end += 1 + usize::from(length);
    }
    let name = &bytes[at..=end];
    (name.len() <= WIRE_MAX).then_some(name)
}

/// Steps over the name at `at` without reading it: where the field after it starts.
///
/// # Errors
/// [`Malformed`] if the name does not end, or has a label type that does not exist.
#[inline]
pub fn skip(message: &[u8], at: usize) -> Result<usize, Malformed> {
    let mut at = at;
    loop {
        match message.get(at) {
            None => return Err(Malformed::Cut),
            Some(0) => return Ok(at + 1),
            Some(&length @ 1..=63) => at += 1 + usize::from(length),
            Some(64..=191) => return Err(Malformed::Label),
            Some(192..=255) => return if at + 2 <= message.len() { Ok(at + 2) } else { Err(Malformed::Cut) },
        }
    }
}

/// Appends a name given in wire form as the columns have it: labels joined by dots without a final one, the root as a dot.
/// Letters, digits, `_`, a hyphen that is not first and an asterisk that is first in its label stand for themselves; other
/// printable characters get a backslash, all other octets a backslash and three octal digits.
///
/// ```
/// let mut text = Vec::new();
/// dpp::dns::name::write_text(b"\x03a b\x07example\0", &mut text);
/// assert_eq!(text, br"a\040b.example");
/// ```
pub fn write_text(wire: &[u8], out: &mut Vec<u8>) {
    write_labels_text(wire, out, |octet, out| {
        out.extend_from_slice(&[b'\\', b'0' + (octet >> 6), b'0' + (octet >> 3 & 7), b'0' + (octet & 7)]);
    });
}

/// Appends a name given in wire form as master files have it (RFC 1035 section 5.1): the same characters have a backslash
/// as in [`write_text`], but the digits of other octets are decimal, and there is a final dot.
///
/// ```
/// let mut text = Vec::new();
/// dpp::dns::name::write_absolute(b"\x03a b\x07example\0", &mut text);
/// assert_eq!(text, br"a\032b.example.");
/// ```
pub fn write_absolute(wire: &[u8], out: &mut Vec<u8>) {
    write_labels_text(wire, out, text::escaped_decimal);
    if wire.len() > 1 {
        out.push(b'.');
    }
}

/// Writes labels with dots between them; `escape` writes what cannot be seen.
fn write_labels_text(wire: &[u8], out: &mut Vec<u8>, escape: impl Fn(u8, &mut Vec<u8>)) {
    if wire == [0] {
        out.push(b'.');
    }
    for (number, label) in labels(wire).enumerate() {
        if number > 0 {
            out.push(b'.');
        }
        for (place, &octet) in label.iter().enumerate() {
            match octet {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => out.push(octet),
                b'-' if place > 0 => out.push(octet),
                b'*' if place == 0 => out.push(octet),
                b'!'..=b'~' => out.extend_from_slice(&[b'\\', octet]),
                _ => escape(octet, out),
            }
        }
    }
}

/// The labels of a name in wire form, without their lengths and without the root.
pub fn labels(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let (&length @ 1.., behind) = rest.split_first()? else { return None };
        let (label, behind) = behind.split_at(usize::from(length).min(behind.len()));
        rest = behind;
        Some(label)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the name at `at`: its wire form in hexadecimal and where it ends, or what is wrong.
    fn check(message: &[u8], at: usize, expected: Result<(&[u8], usize), Malformed>) {
        let mut scratch = [0; WIRE_MAX];
        assert_eq!(read(message, at, &mut scratch), expected);
    }

    #[test]
    fn a_plain_name_is_borrowed_and_a_compressed_one_written_out() {
        check(b"\x03www\x07example\0rest", 0, Ok((b"\x03www\x07example\0", 13)));
        check(b"\x07example\0\x03www\xC0\x00rest", 9, Ok((b"\x03www\x07example\0", 15)));
        check(b"\0\xC0\x00", 1, Ok((b"\0", 3)));
    }

    #[test]
    fn pointers_may_lead_forwards() {
        check(b"\xC0\x02\x01a\0", 0, Ok((b"\x01a\0", 2)));
        check(b"\x01a\xC0\x05\0\x01b\0", 0, Ok((b"\x01a\x01b\0", 4)));
        // Back, and from there forwards over the place where the name started.
        check(b"\x01a\xC0\x08\x01b\xC0\x00\0", 4, Ok((b"\x01b\x01a\0", 8)));
        // The label after the first pointer starts with the second octet of the pointer.
        check(b"\xC0\x01a\0", 0, Ok((b"\x01a\0", 2)));
        check(b"\xC0\x03\0", 0, Err(Malformed::Cut));
    }

    #[test]
    fn a_pointer_to_where_the_name_has_been_is_malformed() {
        check(b"\xC0\x00", 0, Err(Malformed::Pointer));
        check(b"\x01a\xC0\x00", 0, Err(Malformed::Pointer));
        check(b"\0\x01a\x01b\xC0\x03", 1, Err(Malformed::Pointer));
        check(b"\xC0\x02\xC0\x00", 0, Err(Malformed::Pointer));
        check(b"\x01a\xC0\x05\0\x01b\xC0\x00", 5, Err(Malformed::Pointer));
        // A loop that is too long for a name before it comes round.
        let long = [&long_name(255)[..254], b"\xC0\x00"].concat();
        check(&long, 0, Err(Malformed::Pointer));
        check(&[&b"\x01a"[..], &long].concat(), 0, Err(Malformed::NameTooLong));
    }

    #[test]
    fn each_label_may_have_its_pointer_and_not_one_more() {
        // Pointers, each to the one after it, and then the root.
        let chain = |pointers: u8| {
            let mut message: Vec<u8> = (1..=pointers).flat_map(|n| [0xC0 | (n >> 7), n << 1]).collect();
            message.push(0);
            message
        };
        check(&chain(128), 0, Ok((b"\0", 2)));
        check(&chain(129), 0, Err(Malformed::Pointer));
    }

    #[test]
    fn what_comes_before_the_damage_is_read() {
        let partly = |message: &[u8], expected: &[u8]| {
            assert_eq!(read_partly(message, 0, &mut [0; WIRE_MAX]), expected);
        };
        partly(b"\x03www\x07exam", b"\x03www\0");
        partly(b"\x03www\x41", b"\x03www\0");
        partly(b"\x03www\x01.\xC0\x00", b"\x03www\x01.\0");
        partly(b"\x03www\xC0", b"\x03www\0");
        partly(b"\x03www\0", b"\x03www\0");
        partly(b"\0", b"\0");
        for message in [&b""[..], b"\x03ww", b"\x80", b"\xC0\x00", b"\xC0\x07"] {
            partly(message, b"");
        }
        partly(&long_name(255), &long_name(255));
        let first_labels = [&long_name(256)[..240], b"\0"].concat();
        partly(&long_name(256), &first_labels);
    }

    #[test]
    fn label_types_that_do_not_exist_are_malformed() {
        check(b"\x40a\0", 0, Err(Malformed::Label));
        check(b"\x01a\x80\0", 0, Err(Malformed::Label));
    }

    #[test]
    fn a_name_that_does_not_end_is_cut() {
        for message in [&b""[..], b"\x03ww", b"\x03www", b"\x03www\xC0"] {
            check(message, 0, Err(Malformed::Cut));
        }
    }

    /// A name of labels of 39 letters, `length` octets in all.
    fn long_name(length: usize) -> Vec<u8> {
        let mut name = [&[39][..], &[b'a'; 39]].concat().repeat(6);
        name.push((length - name.len() - 2) as u8);
        name.resize(length - 1, b'b');
        name.push(0);
        name
    }

    #[test]
    fn names_may_have_255_octets_and_not_one_more() {
        check(&long_name(255), 0, Ok((&long_name(255), 255)));
        check(&long_name(256), 0, Err(Malformed::NameTooLong));
        let compressed = |length| [&long_name(length)[..], b"\x02xy\xC0\x00"].concat();
        check(&compressed(252), 252, Ok((&[b"\x02xy", &long_name(252)[..]].concat(), 257)));
        check(&compressed(253), 253, Err(Malformed::NameTooLong));
    }

    #[test]
    fn skipping_ends_where_reading_ends() {
        for (message, at) in [(&b"\x03www\x07example\0rest"[..], 0), (b"\x07example\0\x03www\xC0\x00rest", 9)]
        {
            let (_, end) =
                read(message, at, &mut [0; WIRE_MAX]).map(|(name, end)| (name.len(), end)).unwrap();
            assert_eq!(skip(message, at), Ok(end));
        }
        assert_eq!(skip(b"\x03www\xC0", 0), Err(Malformed::Cut));
    }

    #[test]
    fn where_names_must_not_be_compressed_pointers_are_no_names() {
        assert_eq!(uncompressed(b"x\x01a\0y", 1), Some(&b"\x01a\0"[..]));
        assert_eq!(uncompressed(b"\0", 0), Some(&b"\0"[..]));
        for bytes in [&b""[..], b"\x01a", b"\x02a\0", b"\x01a\xC0\0", b"\x40\0", &long_name(256)] {
            assert_eq!(uncompressed(bytes, 0), None);
        }
        assert_eq!(uncompressed(&long_name(255), 0), Some(&long_name(255)[..]));
    }

    #[test]
    fn names_as_text() {
        let check = |wire: &[u8], octal: &str, decimal: &str| {
            let (mut text, mut absolute) = (Vec::new(), Vec::new());
            write_text(wire, &mut text);
            write_absolute(wire, &mut absolute);
            let as_str = |text: Vec<u8>| String::from_utf8(text).unwrap();
            assert_eq!((as_str(text), as_str(absolute)), (octal.to_owned(), decimal.to_owned()));
        };
        check(b"", "", "");
        check(b"\0", ".", ".");
        check(b"\x07Example\x03COM\0", "Example.COM", "Example.COM.");
        check(b"\x03a.b\x01c\0", r"a\.b.c", r"a\.b.c.");
        check(b"\x02-a\x02a-\x02*b\x02b*\x02_c\0", r"\-a.a-.*b.b\*._c", r"\-a.a-.*b.b\*._c.");
        check(
            b"\x03a b\x02\0\xFF\x01\x7F\x03a\"\\\0",
            r#"a\040b.\000\377.\177.a\"\\"#,
            r#"a\032b.\000\255.\127.a\"\\."#,
        );
    }
}
