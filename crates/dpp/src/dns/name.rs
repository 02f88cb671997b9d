//! Domain names, read from a message (RFC 1035 sections 3.1 and 4.1.4). Sinks print them.
//!
//! A name that is not compressed is borrowed from the message; a compressed one is written out into the caller's
//! scratch. Pointers must point backwards, which is what the RFC says ("a prior occurrence") and what makes loops
//! impossible.

use super::Malformed;

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
    let (mut at, mut written) = (at, 0);
    let mut after = None;
    // Every pointer must lead before the start of the piece it ends, so the pieces run backwards and end.
    let mut piece = at;
    loop {
        let head = *message.get(at).ok_or(Malformed::Cut)?;
        match head {
            0..=63 => {
                let label = message.get(at..=at + usize::from(head)).ok_or(Malformed::Cut)?;
                let room = scratch.get_mut(written..written + label.len()).ok_or(Malformed::NameTooLong)?;
                room.copy_from_slice(label);
                written += label.len();
                at += label.len();
                if head == 0 {
                    return Ok((&scratch[..written], after.unwrap_or(at)));
                }
            }
            64..=191 => return Err(Malformed::Label),
            192..=255 => {
                let low = *message.get(at + 1).ok_or(Malformed::Cut)?;
                let target = usize::from(u16::from_be_bytes([head & 0x3F, low]));
                if target >= piece {
                    return Err(Malformed::Label);
                }
                after = after.or(Some(at + 2));
                (piece, at) = (target, target);
            }
        }
    }
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
    fn pointers_that_do_not_point_backwards_are_malformed() {
        check(b"\xC0\x00", 0, Err(Malformed::Label));
        check(b"\x01a\xC0\x00", 0, Err(Malformed::Label));
        check(b"\xC0\x02\x01a\0", 0, Err(Malformed::Label));
        // The second pointer would go round for ever if it could lead into the piece it ends.
        check(b"\x01a\xC0\x05\0\x01b\xC0\x00", 5, Err(Malformed::Label));
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
}
