//! Does a DNS message begin here? For streams of which the beginning is not known.
//!
//! ```text
//!   0        2    4       6         8         10        12        14
//!  +--------+----+-------+---------+---------+---------+---------+------- ...
//!  | length | id | flags | QDCOUNT | ANCOUNT | NSCOUNT | ARCOUNT | name
//!  +--------+----+-------+---------+---------+---------+---------+------- ...
//! ```
//! (RFC 1035 sections 4.1.1 and 4.2.2.) The two bytes of QDCOUNT, the Z bit, the opcode and three counts that must fit into
//! the length let about one in 10^7 of random places pass, and the first name, if it is there, fewer still.

/// The bytes that are needed for an answer: the prefix and the header.
pub(super) const START: usize = 14;

/// The least bytes of a question: the root, type and class.
const QUESTION: u32 = 5;
/// The least bytes of a resource record: a name of one byte, and ten bytes of fields.
const RECORD: u32 = 11;

/// Opcodes in use: QUERY, IQUERY, STATUS, NOTIFY, UPDATE, DSO.
const OPCODES: [u8; 6] = [0, 1, 2, 4, 5, 6];

/// Whether `bytes` look like a length prefix and a message behind it. At least [`START`] bytes.
#[inline]
pub(super) fn plausible(bytes: &[u8]) -> bool {
    let Some((start, rest)) = bytes.split_first_chunk::<START>() else { return false };
    let field = |at: usize| u32::from(u16::from_be_bytes([start[at], start[at + 1]]));
    let [length, flags, questions, answers, authorities, additionals] = [0, 4, 6, 8, 10, 12].map(field);
    let (opcode, rcode) = ((flags >> 11) as u8 & 0x0F, flags & 0x0F);
    let is_response = flags & 0x8000 != 0;
    let records = answers + authorities + additionals;
    let needed = 12 + questions * QUESTION + records * RECORD;
    OPCODES.contains(&opcode)
        && flags & 0x40 == 0
        && questions <= 1
        && needed <= length
        && (is_response || rcode == 0)
        && (questions + records > 0 || opcode == 6 || is_response && rcode != 0 && length == 12)
        && (questions + records == 0 || first_name_is_plausible(rest))
}

/// Whether labels of at most 63 bytes, 255 in all, end in the root, as far as the bytes go. Nothing stands before the first name
/// that it could point to.
fn first_name_is_plausible(bytes: &[u8]) -> bool {
    let mut at = 0;
    while let Some(&length) = bytes.get(at) {
        match length {
            0 => return true,
            1..=63 => at += 1 + usize::from(length),
            _ => return false,
        }
        if at > 254 {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hex: &str, expected: bool) {
        let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        let bytes: Vec<u8> = digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect();
        assert_eq!(plausible(&bytes), expected, "{hex}");
    }

    #[test]
    fn a_query_a_response_and_a_message_without_questions_are_plausible() {
        check("0011 abcd 0100 0001 0000 0000 0000 00 0001 0001", true);
        check("0030 abcd 8180 0001 0001 0000 0001 0161 00 0001 0001", true);
        check("0040 abcd 8400 0000 0002 0000 0000 0161 00", true);
        check("000c abcd 8005 0000 0000 0000 0000", true);
        check("0020 abcd 3000 0000 0000 0000 0000", true);
    }

    #[test]
    fn a_message_that_cannot_hold_what_it_counts_is_not_plausible() {
        check("0010 abcd 0100 0001 0000 0000 0000 00", false);
        check("0030 abcd 8180 0001 0004 0000 0000 00", false);
    }

    #[test]
    fn opcodes_flags_and_counts_nobody_sends_are_not_plausible() {
        check("0011 abcd 1900 0001 0000 0000 0000 00", false);
        check("0011 abcd 0140 0001 0000 0000 0000 00", false);
        check("0011 abcd 0103 0001 0000 0000 0000 00", false);
        check("0030 abcd 0100 0002 0000 0000 0000 00", false);
        check("0030 abcd 0100 0000 0000 0000 0000", false);
    }

    #[test]
    fn a_first_name_that_points_or_never_ends_is_not_plausible() {
        check("0030 abcd 0100 0001 0000 0000 0000 c00c", false);
        check(&format!("0fff abcd 0100 0001 0000 0000 0000 {}", "0161".repeat(128)), false);
    }

    #[test]
    fn zeros_and_less_than_a_header_are_not_plausible() {
        check("0000 0000 0000 0000 0000 0000 0000", false);
        check("0011 abcd 0100 0001 0000 0000 00", false);
    }
}
