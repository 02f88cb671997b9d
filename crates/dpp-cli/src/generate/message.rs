//! DNS messages as a plain resolver and its clients write them (RFC 1035, section 4; EDNS: RFC 6891).
//!
//! The surprising fact: what a name's answer holds is nowhere stored. It follows from a word of facts that
//! belongs to the name, so that every response about a name says the same. Called by `traffic`.
//!
//! ```text
//!   0  id | 2  flags | 4  QDCOUNT | 6  ANCOUNT | 8  NSCOUNT | 10  ARCOUNT | 12  qname, qtype, qclass
//! ```

use super::profile::{QueryType, Rcode};

/// What one question and its answer have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) id: u16,
    /// The wire form of the name, in lower case.
    pub(super) name: &'a [u8],
    pub(super) query_type: QueryType,
    /// Which letters are in upper case: bit n for the n-th byte, and again after 64.
    pub(super) upper_case: u64,
    /// The UDP size that the OPT record offers; without it there is no OPT record.
    pub(super) edns_size: Option<u16>,
}

/// What the answer says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) rcode: Rcode,
    /// The word that everything about the name follows from.
    pub(super) facts: u64,
    /// The answer section grows beyond this many bytes, as with very many addresses.
    pub(super) bytes_min: usize,
}

/// RD: a client asks for recursion.
const QUERY_FLAGS: u16 = 0x0100;
/// QR, RD, RA.
const RESPONSE_FLAGS: u16 = 0x8180;
/// QR, AA.
const TRANSFER_FLAGS: u16 = 0x8400;
const CLASS_IN: u16 = 1;
const TTL_SECONDS: u32 = 300;
/// The compression pointer to the name of the question.
const TO_QUESTION: u16 = 0xc00c;

/// Replaces `message` by the query.
pub(super) fn write_query(message: &mut Vec<u8>, question: &Question<'_>) {
    write_start(message, question, QUERY_FLAGS);
    write_opt(message, question);
}

/// Replaces `message` by the response.
pub(super) fn write_response(message: &mut Vec<u8>, question: &Question<'_>, answer: &Answer) {
    write_start(message, question, RESPONSE_FLAGS | answer.rcode as u16);
    if answer.rcode == Rcode::NoError {
        let records = write_answers(message, question.query_type, answer);
        message[6..8].copy_from_slice(&records.to_be_bytes());
    }
    write_opt(message, question);
}

/// Which message of a zone transfer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) index: u16,
    pub(super) last: bool,
}

/// Replaces `message` by one message of a zone transfer (RFC 5936, section 2.2): the SOA record begins the first
/// and ends the last. Of half of the names only the first message repeats the question, as the RFC allows.
pub(super) fn write_transfer(
    message: &mut Vec<u8>,
    question: &Question<'_>,
    answer: &Answer,
    Part { index, last }: Part,
) {
    write_start(message, question, TRANSFER_FLAGS);
    let mut records = 0;
    if index > 0 && answer.facts.is_multiple_of(2) {
        // The name stays, as the owner of the first record.
        message[4..6].copy_from_slice(&[0, 0]);
        message.truncate(message.len() - 4);
        message.extend_from_slice(words([QueryType::A as u16, CLASS_IN]).as_flattened());
        message.extend_from_slice(&TTL_SECONDS.to_be_bytes());
        message.extend_from_slice(&[0, 4]);
        message.extend_from_slice(&address_ipv4(answer.facts, index));
        records = 1;
    }
    if index == 0 {
        write_record(message, TO_QUESTION, QueryType::Soa, answer.facts, 0);
        records += 1;
    }
    while records < 3 || message.len() < answer.bytes_min {
        write_record(message, TO_QUESTION, QueryType::A, answer.facts, index.wrapping_add(records));
        records += 1;
    }
    if last {
        write_record(message, TO_QUESTION, QueryType::Soa, answer.facts, 0);
        records += 1;
    }
    message[6..8].copy_from_slice(&records.to_be_bytes());
    write_opt(message, question);
}

fn write_start(message: &mut Vec<u8>, question: &Question<'_>, flags: u16) {
    let [id_high, id_low] = question.id.to_be_bytes();
    let [flags_high, flags_low] = flags.to_be_bytes();
    let opt_records = u8::from(question.edns_size.is_some());
    message.clear();
    message.extend_from_slice(&[id_high, id_low, flags_high, flags_low, 0, 1, 0, 0, 0, 0, 0, opt_records]);
    write_name(message, question);
    message.extend_from_slice(words([question.query_type as u16, CLASS_IN]).as_flattened());
}

fn write_name(message: &mut Vec<u8>, question: &Question<'_>) {
    let start = message.len();
    message.extend_from_slice(question.name);
    if question.upper_case != 0 {
        for (place, byte) in message[start..].iter_mut().enumerate() {
            // Length bytes are below 64, where no letters are.
            if question.upper_case >> (place % 64) & 1 == 1 {
                byte.make_ascii_uppercase();
            }
        }
    }
}

fn write_opt(message: &mut Vec<u8>, question: &Question<'_>) {
    if let Some(size) = question.edns_size {
        let [high, low] = size.to_be_bytes();
        message.extend_from_slice(&[0, 0, 41, high, low, 0, 0, 0, 0, 0, 0]);
    }
}

/// Appends the answer section and gives its number of records.
fn write_answers(message: &mut Vec<u8>, query_type: QueryType, answer: &Answer) -> u16 {
    let start = message.len();
    let (alias, wanted) = record_counts(query_type, answer.facts);
    let owner = if alias { write_alias(message) } else { TO_QUESTION };
    let mut written = 0;
    while written < wanted || message.len() - start < answer.bytes_min {
        write_record(message, owner, query_type, answer.facts, written);
        written += 1;
    }
    written + u16::from(alias)
}

/// Whether the name is an alias, and how many records of the type it has; of sixteen names so many.
fn record_counts(query_type: QueryType, facts: u64) -> (bool, u16) {
    match (query_type, facts % 16) {
        (QueryType::A, 0..=9) => (false, 1),
        (QueryType::A, 10..=12) => (false, 2),
        (QueryType::A, 13) => (false, 3),
        (QueryType::Aaaa, 0..=8) => (false, 0),
        (QueryType::Aaaa, 9..=12) => (false, 1),
        (QueryType::Aaaa, 13) => (false, 2),
        (QueryType::A | QueryType::Aaaa, _) => (true, 1),
        (QueryType::Https, 0..=10) => (false, 0),
        _ => (false, 1),
    }
}

/// Appends a CNAME record to "edge" below the name itself, and gives the pointer to that.
fn write_alias(message: &mut Vec<u8>) -> u16 {
    write_record_start(message, TO_QUESTION, QueryType::Cname, ALIAS.len());
    let pointer = 0xc000 | message.len() as u16;
    message.extend_from_slice(ALIAS);
    pointer
}

const ALIAS: &[u8] = b"\x04edge\xc0\x0c";

/// Appends record number `ordinal` of the type. Names in the data are pointers or the root.
fn write_record(message: &mut Vec<u8>, owner: u16, query_type: QueryType, facts: u64, ordinal: u16) {
    let mut data = |bytes: &[u8]| {
        write_record_start(message, owner, query_type, bytes.len());
        message.extend_from_slice(bytes);
    };
    match query_type {
        // Only asked for; a transfer's records are of the other types.
        QueryType::Axfr => {}
        QueryType::A => data(&address_ipv4(facts, ordinal)),
        QueryType::Aaaa => data(&address_ipv6(facts, ordinal)),
        QueryType::Ns => data(b"\x03ns1\xc0\x0c"),
        QueryType::Cname => data(ALIAS),
        QueryType::Ptr => data(b"\x04host\xc0\x0c"),
        QueryType::Mx => data(b"\x00\x0a\x04mail\xc0\x0c"),
        QueryType::Txt => data(b"\x0bv=spf1 -all"),
        // Priority, weight, port 443, the root: the service is not there (RFC 2782).
        QueryType::Srv => data(b"\x00\x00\x00\x00\x01\xbb\x00"),
        // Priority 1, the owner itself, no parameters (RFC 9460).
        QueryType::Https => data(b"\x00\x01\x00"),
        QueryType::Soa => data(&SOA),
        QueryType::Ds => data(&delegation_signer(facts)),
    }
}

/// ns1 and the owner, then serial 1, refresh, retry, expire and minimum.
const SOA: [u8; 28] = *b"\x03ns1\xc0\x0c\xc0\x0c\0\0\0\x01\0\0\x0e\x10\0\0\x03\x84\0\x09\x3a\x80\0\0\x01\x2c";

fn write_record_start(message: &mut Vec<u8>, owner: u16, record_type: QueryType, data_len: usize) {
    let mut start = [0; 12];
    start[..6].copy_from_slice(words([owner, record_type as u16, CLASS_IN]).as_flattened());
    start[6..10].copy_from_slice(&TTL_SECONDS.to_be_bytes());
    start[10..].copy_from_slice(&(data_len as u16).to_be_bytes());
    message.extend_from_slice(&start);
}

/// In 203.0.113.0/24 (RFC 5737).
fn address_ipv4(facts: u64, ordinal: u16) -> [u8; 4] {
    [203, 0, 113, ((facts >> 8) as u8).wrapping_add(ordinal as u8)]
}

/// In 2001:db8:a::/48 (RFC 3849).
fn address_ipv6(facts: u64, ordinal: u16) -> [u8; 16] {
    let [high, low] = ((facts >> 8) as u16).to_be_bytes();
    let [ordinal_high, ordinal_low] = ordinal.to_be_bytes();
    [0x20, 0x01, 0x0d, 0xb8, 0, 0x0a, high, low, 0, 0, 0, 0, 0, 0, ordinal_high, ordinal_low]
}

/// Key tag, algorithm 13, digest type 2 and 32 bytes of digest (RFC 4034, section 5).
fn delegation_signer(facts: u64) -> [u8; 36] {
    let word = facts.to_be_bytes();
    std::array::from_fn(|place| match place {
        2 => 13,
        3 => 2,
        _ => word[place % 8],
    })
}

/// Words in network order.
fn words<const N: usize>(words: [u16; N]) -> [[u8; 2]; N] {
    words.map(u16::to_be_bytes)
}
