//! Code points and the words DPP uses for them: query types and response codes.
//!
//! The words are part of the default schema and never change; code points that DPP has no word for are all alike
//! `Unknown`. (The names of the IANA registry are for other schemas.)

/// The name of a query type.
///
/// ```
/// assert_eq!(dpp::dns::iana::query_type(28), "AAAA");
/// assert_eq!(dpp::dns::iana::query_type(29), "Unknown");
/// ```
#[inline]
pub fn query_type(code: u16) -> &'static str {
    match BY_CODE.get(usize::from(code)) {
        Some(name) => name,
        None if code == 65305 => "ANAME",
        None => UNKNOWN_TYPE,
    }
}

const UNKNOWN_TYPE: &str = "Unknown";

/// Query types below 258, in the order of their numbers.
const QUERY_TYPES: &[(u16, &str)] = &[
    (0, "ZERO"),
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (10, "NULL"),
    (12, "PTR"),
    (13, "HINFO"),
    (15, "MX"),
    (16, "TXT"),
    (24, "SIG"),
    (25, "KEY"),
    (28, "AAAA"),
    (33, "SRV"),
    (35, "NAPTR"),
    (37, "CERT"),
    (41, "OPT"),
    (43, "DS"),
    (44, "SSHFP"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (50, "NSEC3"),
    (51, "NSEC3PARAM"),
    (52, "TLSA"),
    (53, "SMIMEA"),
    (59, "CDS"),
    (60, "CDNSKEY"),
    (61, "OPENPGPKEY"),
    (62, "CSYNC"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (257, "CAA"),
];

/// [`QUERY_TYPES`] as an array to index.
static BY_CODE: [&str; 258] = {
    let mut names = [UNKNOWN_TYPE; 258];
    let mut row = 0;
    while row < QUERY_TYPES.len() {
        names[QUERY_TYPES[row].0 as usize] = QUERY_TYPES[row].1;
        row += 1;
    }
    names
};

/// A response code in words. 16 reads differently in a TSIG record (RFC 8945) than in OPT (RFC 6891); as both mean
/// "extended", the caller passes a TSIG error with [`TSIG_ERROR`] set.
#[inline]
pub fn response_code(code: u16) -> &'static str {
    match code {
        TSIG_BADSIG => "TSIG Failure",
        code => RESPONSE_CODES.get(usize::from(code & !TSIG_ERROR)).copied().unwrap_or(UNKNOWN_CODE),
    }
}

/// Marks a response code that came from a TSIG record.
pub const TSIG_ERROR: u16 = 0x8000;
const TSIG_BADSIG: u16 = TSIG_ERROR | 16;
const UNKNOWN_CODE: &str = "Unknown response code";

/// Response codes 0 to 23.
static RESPONSE_CODES: [&str; 24] = [
    "No Error",
    "Form Error",
    "Server Failure",
    "Non-Existent Domain",
    "Not Implemented",
    "Query Refused",
    "Name should not exist",
    "RR Set should not exist",
    "RR Set does not exist",
    "Not authorized",
    "Name not in zone",
    UNKNOWN_CODE,
    UNKNOWN_CODE,
    UNKNOWN_CODE,
    UNKNOWN_CODE,
    UNKNOWN_CODE,
    "EDNS_BADVERS",
    "Key not recognized",
    "Signature out of time window",
    "Bad TKEY mode",
    "Duplicate key name",
    "Algorithm not supported",
    "Bad truncation",
    "Bad server cookie",
];
