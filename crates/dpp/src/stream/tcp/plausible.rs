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
    let Start { length, flags, questions, records, needed } = Start::of(start);
    let (opcode, rcode) = ((flags >> 11) as u8 & 0x0F, flags & 0x0F);
    let is_response = flags & 0x8000 != 0;
    OPCODES.contains(&opcode)
        && flags & 0x40 == 0
        && questions <= 1
        && needed <= length
        && (is_response || rcode == 0)
        && (questions + records > 0 || opcode == 6 || is_response && rcode != 0 && length == 12)
        && (questions + records == 0 || first_name_is_plausible(rest))
}

/// Whether `bytes` are the beginning of no message at all: what the header counts cannot be in it. Text never can, nor can TLS.
pub(super) fn is_impossible(bytes: &[u8]) -> bool {
    bytes.first_chunk().map(Start::of).is_some_and(|start| start.needed > start.length)
}

/// A prefix and a header.
struct Start {
    length: u32,
    flags: u32,
    questions: u32,
    records: u32,
    /// The least length that holds all these.
    needed: u32,
}

impl Start {
    #[inline]
    fn of(start: &[u8; START]) -> Start {
        let field = |at: usize| u32::from(u16::from_be_bytes([start[at], start[at + 1]]));
        let [length, flags, questions, answers, authorities, additionals] = [0, 4, 6, 8, 10, 12].map(field);
        let records = answers + authorities + additionals;
        Start { length, flags, questions, records, needed: 12 + questions * QUESTION + records * RECORD }
    }
}

/// Where in `bytes`, behind their start, a message seems to begin: one that looks like one, whose first question or record is
/// there and of a class in use, and behind which another begins or the bytes end. A query asks something.
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    // At most one in a hundred places passes the look at QDCOUNT; the rest is for those.
    let places = bytes.windows(START).enumerate().skip(1);
    let mut likely = places.filter(|(_, start)| start[6] == 0 && start[7] <= 1);
    likely.find(|&(at, _)| is_surely_one(&bytes[at..])).map(|(at, _)| at)
}

/// The same question as [`plausible`] asks, where nothing else speaks for it. A header read three bytes late looks like one
/// without a question: its zeros are others' zeros.
fn is_surely_one(bytes: &[u8]) -> bool {
    let length = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    let (is_response, asks) = (bytes[4] & 0x80 != 0, bytes[7] == 1);
    plausible(bytes)
        && (asks || is_response)
        && first_class(&bytes[START..]).is_some_and(|class| CLASSES.contains(&class))
        && bytes.get(2 + length..).is_none_or(|next| next.len() < START || plausible(next))
}

/// The class behind the first name and its type, without the top bit that mDNS uses.
fn first_class(bytes: &[u8]) -> Option<u16> {
    let mut at = 0;
    loop {
        match *bytes.get(at)? {
            0 => break,
            length => at += 1 + usize::from(length),
        }
    }
    let class = bytes.get(at + 3..)?.first_chunk()?;
    Some(u16::from_be_bytes(*class) & 0x7FFF)
}

/// Classes in use: IN, CH, HS, NONE, ANY.
const CLASSES: [u16; 5] = [1, 3, 4, 254, 255];

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
        assert_eq!(plausible(&bytes(hex)), expected, "{hex}");
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
    }

    const QUERY: &str = "0011 abcd 0100 0001 0000 0000 0000 00 0001 0001";

    fn check_found(before: &str, behind: &str, expected: bool) {
        let found = find(&bytes(&format!("{before}{QUERY}{behind}")));
        assert_eq!(found, expected.then_some(bytes(before).len()), "{before} {behind}");
    }

    #[test]
    fn a_message_is_found_behind_noise_if_the_bytes_end_there_or_another_begins() {
        check_found("ff", "", true);
        check_found("0000 0000 0000 0000 0000", QUERY, true);
        check_found("c00c 0001 0001 0000 003c 0004", "0011 ab", true);
        check_found("ff", "0011 abcd ffff 0001 0000 0000 0000 00", false);
    }

    #[test]
    fn behind_noise_a_question_of_a_class_nobody_uses_begins_no_message() {
        assert_eq!(find(&bytes("ff 0011 abcd 0100 0001 0000 0000 0000 00 0001 0017")), None);
        assert_eq!(find(&bytes("ff 0011 abcd 0100 0001 0000 0000 0000 00 0001 00")), None);
        assert_eq!(find(&bytes("ff 0040 abcd 8400 0000 0002 0000 0000 00 0001 0001")), Some(1));
        assert_eq!(find(&[0; 40]), None);
        assert_eq!(find(&[]), None);
    }

    #[test]
    fn text_and_tls_are_the_beginning_of_no_message() {
        assert!(is_impossible(b"GET / HTTP/1.1"));
        assert!(is_impossible(&bytes("1603 0102 0001 0001 fc03 0349 abcd")));
        assert!(!is_impossible(&bytes("0030 abcd 0100 0003 0000 0000 0000")));
        assert!(!is_impossible(b"GET"));
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
