//! Code points and the words people use for them.
//!
//! There are two kinds of words. Those of DPP, [`query_type`] and [`response_code`], are part of the default schema and
//! never change; code points that DPP has no word for are all alike `Unknown`. The mnemonics of IANA's registries
//! ("Domain Name System (DNS) Parameters") are for everything else: each registry is a [`Registry`], which gives the name of
//! a code point, makes one for those that have none (`TYPE731`, RFC 3597), and finds the code point of a name.

use super::text;

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

/// A registry of code points and their names.
#[derive(Debug)]
pub struct Registry {
    /// Each code point with its name, ascending.
    rows: &'static [(u16, &'static str)],
    /// The names of the first code points, to index.
    first: &'static [Option<&'static str>],
    /// What stands before the number of a code point that has no name.
    prefix: &'static str,
}

impl Registry {
    /// The name of a code point, if it has one.
    ///
    /// ```
    /// use dpp::dns::iana::TYPES;
    /// assert_eq!((TYPES.name(29), TYPES.name(731)), (Some("LOC"), None));
    /// ```
    #[inline]
    pub fn name(&self, code: u16) -> Option<&'static str> {
        match self.first.get(usize::from(code)) {
            Some(name) => *name,
            None => self.rows.binary_search_by_key(&code, |row| row.0).ok().map(|row| self.rows[row].1),
        }
    }

    /// Appends the name of a code point; for one without a name it is made of the number.
    ///
    /// ```
    /// let mut text = Vec::new();
    /// dpp::dns::iana::TYPES.write(731, &mut text);
    /// assert_eq!(text, b"TYPE731");
    /// ```
    pub fn write(&self, code: u16, out: &mut Vec<u8>) {
        match self.name(code) {
            Some(name) => out.extend_from_slice(name.as_bytes()),
            None => {
                out.extend_from_slice(self.prefix.as_bytes());
                text::decimal(code.into(), out);
            }
        }
    }

    /// The code point of a name, in capitals or not, made of a number or not.
    ///
    /// ```
    /// use dpp::dns::iana::TYPES;
    /// assert_eq!((TYPES.code("aaaa"), TYPES.code("Type28")), (Some(28), Some(28)));
    /// assert_eq!((TYPES.code("28"), TYPES.code("TYPE65536")), (None, None));
    /// ```
    pub fn code(&self, name: &str) -> Option<u16> {
        let row = self.rows.iter().find(|row| row.1.eq_ignore_ascii_case(name));
        row.map(|row| row.0).or_else(|| self.code_of_number(name))
    }

    /// The code point of a name that is made of a number (RFC 3597 section 5).
    pub(crate) fn code_of_number(&self, name: &str) -> Option<u16> {
        let (prefix, number) = name.split_at_checked(self.prefix.len())?;
        let is_number = number.bytes().all(|digit| digit.is_ascii_digit());
        if prefix.eq_ignore_ascii_case(self.prefix) && is_number { number.parse().ok() } else { None }
    }

    /// Every code point that has a name, and the name, ascending.
    pub fn rows(&self) -> &'static [(u16, &'static str)] {
        self.rows
    }
}

/// The rows of a registry as an array to index.
const fn indexed<const N: usize>(rows: &[(u16, &'static str)]) -> [Option<&'static str>; N] {
    let mut names = [None; N];
    let mut row = 0;
    while row < rows.len() {
        if (rows[row].0 as usize) < N {
            names[rows[row].0 as usize] = Some(rows[row].1);
        }
        row += 1;
    }
    names
}

macro_rules! registries {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal, $indexed:literal: $($code:literal $word:literal)*;)*) => {
        $(
            $(#[$doc])*
            pub static $name: Registry = {
                const ROWS: &[(u16, &str)] = &[$(($code, $word)),*];
                static FIRST: [Option<&str>; $indexed] = indexed(ROWS);
                Registry { rows: ROWS, first: &FIRST, prefix: $prefix }
            };
        )*

        #[cfg(test)]
        const REGISTRIES: &[&Registry] = &[$(&$name),*];
    };
}

registries! {
    /// Types of resource records and queries, by their mnemonics.
    TYPES, "TYPE", 265:
        1 "A" 2 "NS" 3 "MD" 4 "MF" 5 "CNAME" 6 "SOA" 7 "MB" 8 "MG" 9 "MR" 10 "NULL" 11 "WKS" 12 "PTR" 13 "HINFO"
        14 "MINFO" 15 "MX" 16 "TXT" 17 "RP" 18 "AFSDB" 19 "X25" 20 "ISDN" 21 "RT" 22 "NSAP" 23 "NSAP-PTR" 24 "SIG"
        25 "KEY" 26 "PX" 27 "GPOS" 28 "AAAA" 29 "LOC" 30 "NXT" 31 "EID" 32 "NIMLOC" 33 "SRV" 34 "ATMA" 35 "NAPTR"
        36 "KX" 37 "CERT" 38 "A6" 39 "DNAME" 40 "SINK" 41 "OPT" 42 "APL" 43 "DS" 44 "SSHFP" 45 "IPSECKEY" 46 "RRSIG"
        47 "NSEC" 48 "DNSKEY" 49 "DHCID" 50 "NSEC3" 51 "NSEC3PARAM" 52 "TLSA" 53 "SMIMEA" 55 "HIP" 56 "NINFO"
        57 "RKEY" 58 "TALINK" 59 "CDS" 60 "CDNSKEY" 61 "OPENPGPKEY" 62 "CSYNC" 63 "ZONEMD" 64 "SVCB" 65 "HTTPS"
        66 "DSYNC" 67 "HHIT" 68 "BRID" 99 "SPF" 100 "UINFO" 101 "UID" 102 "GID" 103 "UNSPEC" 104 "NID" 105 "L32"
        106 "L64" 107 "LP" 108 "EUI48" 109 "EUI64" 128 "NXNAME" 249 "TKEY" 250 "TSIG" 251 "IXFR" 252 "AXFR"
        253 "MAILB" 254 "MAILA" 255 "ANY" 256 "URI" 257 "CAA" 258 "AVC" 259 "DOA" 260 "AMTRELAY" 261 "RESINFO"
        262 "WALLET" 263 "CLA" 264 "IPN" 32768 "TA" 32769 "DLV";
    /// Classes, by their mnemonics.
    CLASSES, "CLASS", 256: 1 "IN" 3 "CH" 4 "HS" 254 "NONE" 255 "ANY";
    /// Opcodes, by their mnemonics.
    OPCODES, "OPCODE", 16: 0 "QUERY" 1 "IQUERY" 2 "STATUS" 4 "NOTIFY" 5 "UPDATE" 6 "DSO";
    /// Response codes, by their mnemonics. For a code that may come from a TSIG record see [`rcode_name`].
    RCODES, "RCODE", 24:
        0 "NOERROR" 1 "FORMERR" 2 "SERVFAIL" 3 "NXDOMAIN" 4 "NOTIMP" 5 "REFUSED" 6 "YXDOMAIN" 7 "YXRRSET" 8 "NXRRSET"
        9 "NOTAUTH" 10 "NOTZONE" 11 "DSOTYPENI" 16 "BADVERS" 17 "BADKEY" 18 "BADTIME" 19 "BADMODE" 20 "BADNAME"
        21 "BADALG" 22 "BADTRUNC" 23 "BADCOOKIE";
    /// Options of OPT records. (IANA's names are partly sentences; where an RFC has a short word, this is it.)
    OPTIONS, "OPT", 22:
        1 "LLQ" 2 "UL" 3 "NSID" 5 "DAU" 6 "DHU" 7 "N3U" 8 "ECS" 9 "EXPIRE" 10 "COOKIE" 11 "KEEPALIVE" 12 "PADDING"
        13 "CHAIN" 14 "KEYTAG" 15 "EDE" 16 "CLIENT-TAG" 17 "SERVER-TAG" 18 "REPORT-CHANNEL" 19 "ZONEVERSION"
        20 "MQTYPE-QUERY" 21 "MQTYPE-RESPONSE" 20292 "UMBRELLA-IDENT" 26946 "DEVICEID";
    /// The codes of extended errors (RFC 8914).
    EXTENDED_ERRORS, "EDE", 33:
        0 "Other Error" 1 "Unsupported DNSKEY Algorithm" 2 "Unsupported DS Digest Type" 3 "Stale Answer"
        4 "Forged Answer" 5 "DNSSEC Indeterminate" 6 "DNSSEC Bogus" 7 "Signature Expired"
        8 "Signature Not Yet Valid" 9 "DNSKEY Missing" 10 "RRSIGs Missing" 11 "No Zone Key Bit Set"
        12 "NSEC Missing" 13 "Cached Error" 14 "Not Ready" 15 "Blocked" 16 "Censored" 17 "Filtered" 18 "Prohibited"
        19 "Stale NXDOMAIN Answer" 20 "Not Authoritative" 21 "Not Supported" 22 "No Reachable Authority"
        23 "Network Error" 24 "Invalid Data" 25 "Signature Expired before Valid" 26 "Too Early"
        27 "Unsupported NSEC3 Iterations Value" 28 "Unable to conform to policy" 29 "Synthesized"
        30 "Invalid Query Type" 31 "Rate Limited" 32 "Over Quota";
    /// The keys of parameters in SVCB and HTTPS records (RFC 9460).
    SVC_PARAMS, "key", 10:
        0 "mandatory" 1 "alpn" 2 "no-default-alpn" 3 "port" 4 "ipv4hint" 5 "ech" 6 "ipv6hint" 7 "dohpath" 8 "ohttp"
        9 "tls-supported-groups";
}

/// The mnemonic of a type of records or queries.
#[inline]
pub fn type_name(code: u16) -> Option<&'static str> {
    TYPES.name(code)
}

/// The mnemonic of a class.
#[inline]
pub fn class_name(code: u16) -> Option<&'static str> {
    CLASSES.name(code)
}

/// The mnemonic of an opcode.
#[inline]
pub fn opcode_name(code: u8) -> Option<&'static str> {
    OPCODES.name(code.into())
}

/// The mnemonic of a response code. Like [`response_code`], it takes the error of a TSIG record with [`TSIG_ERROR`] set.
///
/// ```
/// use dpp::dns::iana::{TSIG_ERROR, rcode_name};
/// assert_eq!((rcode_name(16), rcode_name(TSIG_ERROR | 16)), (Some("BADVERS"), Some("BADSIG")));
/// ```
#[inline]
pub fn rcode_name(code: u16) -> Option<&'static str> {
    match code {
        TSIG_BADSIG => Some("BADSIG"),
        code => RCODES.name(code & !TSIG_ERROR),
    }
}

/// Appends the mnemonic of a response code, as [`rcode_name`] has it; one without a mnemonic is `RCODE` and its number.
pub fn write_rcode(code: u16, out: &mut Vec<u8>) {
    match rcode_name(code) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => RCODES.write(code & !TSIG_ERROR, out),
    }
}

/// The response code of a mnemonic. `BADSIG` is 16, as `BADVERS` is.
pub fn rcode(name: &str) -> Option<u16> {
    if name.eq_ignore_ascii_case("BADSIG") { Some(16) } else { RCODES.code(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_their_codes_and_back() {
        for registry in REGISTRIES {
            assert!(registry.rows.is_sorted_by(|one, next| one.0 < next.0), "{registry:?}");
            for code in
                (0..300).chain(20290..20295).chain(26940..26950).chain(32760..32780).chain(65530..=u16::MAX)
            {
                let mut text = Vec::new();
                registry.write(code, &mut text);
                let text = String::from_utf8(text).unwrap();
                let row = registry.rows.iter().find(|row| row.0 == code);
                assert_eq!(registry.name(code), row.map(|row| row.1));
                assert_eq!(text, row.map_or(format!("{}{code}", registry.prefix), |row| row.1.to_owned()));
                for text in [text.to_ascii_lowercase(), text.to_ascii_uppercase()] {
                    assert_eq!(registry.code(&text), Some(code), "{text}");
                }
                assert_eq!(registry.code(&format!("{}{code}", registry.prefix)), Some(code));
            }
        }
    }

    #[test]
    fn what_is_no_name_has_no_code() {
        for name in [
            "",
            "A ",
            "TYPE",
            "TYPE+1",
            "TYPE-1",
            "TYPE 1",
            "TYPE65536",
            "TYPE1x",
            "1",
            "TYP\u{c9}1",
            "CLASS1",
        ] {
            assert_eq!(TYPES.code(name), None, "{name}");
        }
    }

    #[test]
    fn where_dpp_has_a_word_of_its_own_for_a_type_it_is_the_mnemonic() {
        let differ: Vec<_> = (0..=u16::MAX)
            .filter(|&code| query_type(code) != UNKNOWN_TYPE && type_name(code) != Some(query_type(code)))
            .map(|code| (code, query_type(code)))
            .collect();
        assert_eq!(differ, [(0, "ZERO"), (65305, "ANAME")]);
    }

    #[test]
    fn sixteen_is_two_response_codes() {
        let text = |code| {
            let mut out = Vec::new();
            write_rcode(code, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!((text(16), text(TSIG_ERROR | 16)), ("BADVERS".into(), "BADSIG".into()));
        assert_eq!((text(TSIG_ERROR | 18), text(TSIG_ERROR | 4000)), ("BADTIME".into(), "RCODE4000".into()));
        assert_eq!((rcode("badsig"), rcode("BadVers"), rcode("rcode16")), (Some(16), Some(16), Some(16)));
    }
}
