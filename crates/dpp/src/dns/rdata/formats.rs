//! The table of formats: which fields the RDATA of each type has. To add a type, add a row.

use super::Field::{self, *};

pub(super) const TYPE_A: u16 = 1;
pub(super) const TYPE_AAAA: u16 = 28;
pub(super) const CLASS_CHAOS: u16 = 3;

/// The fields of a type, in their order; `None` for types that are written as unknown ones are.
///
/// Types mean the same in all classes, as far as is known, but for the oldest. (An update has class NONE or ANY with RDATA
/// of the zone's class, multicast DNS has flags in it.)
pub(super) fn fields(rtype: u16, class: u16) -> Option<&'static [Field]> {
    Some(match rtype {
        // A of class CH: a name and an address of the Chaosnet.
        TYPE_A if class == CLASS_CHAOS => &[Name, Octal],
        TYPE_A => &[Ipv4],
        // NS, MD, MF, CNAME; MB, MG, MR; PTR, NSAP-PTR (RFC 1348), DNAME (RFC 6672).
        2..=5 | 7..=9 | 12 | 23 | 39 => &[Name],
        // SOA
        6 => &[Name, Name, U32, U32, U32, U32, U32],
        // WKS
        11 => &[Ipv4, Services],
        // HINFO
        13 => &[Text, Text],
        // MINFO, RP (RFC 1183)
        14 | 17 => &[Name, Name],
        // MX; AFSDB, RT (RFC 1183), KX (RFC 2230)
        15 | 18 | 21 | 36 => &[U16, Name],
        // TXT; ISDN, whose second string may be missing (RFC 1183); NINFO, SPF (RFC 7208), AVC, RESINFO (RFC 9606), WALLET,
        // CLA
        16 | 20 | 56 | 99 | 258 | 261 | 262 | 263 => &[Texts],
        // X25 (RFC 1183)
        19 => &[Text],
        // NSAP (RFC 1706)
        22 => &[Nsap],
        // SIG (RFC 2535)
        24 => &[Type, U8, U8, U32, Time, Time, U16, Name, Base64],
        // KEY (RFC 2535): there may be none
        25 => &[U16, U8, U8, Base64OrNothing],
        // PX (RFC 2163)
        26 => &[U16, Name, Name],
        // GPOS (RFC 1712)
        27 => &[Text, Text, Text],
        TYPE_AAAA => &[Ipv6],
        // LOC (RFC 1876)
        29 => &[Location],
        // NXT (RFC 2535)
        30 => &[Name, FirstTypes],
        // EID, NIMLOC
        31 | 32 => &[Hex],
        // SRV (RFC 2782)
        33 => &[U16, U16, U16, Name],
        // NAPTR (RFC 3403)
        35 => &[U16, U16, Text, Text, Expression, Name],
        // CERT (RFC 4398)
        37 => &[U16, U16, U8, Base64],
        // OPT (RFC 6891)
        41 => &[Options],
        // APL (RFC 3123)
        42 => &[Prefixes],
        // DS (RFC 4034), CDS (RFC 7344), TA, DLV (RFC 4431)
        43 | 59 | 32768 | 32769 => &[U16, U8, U8, Hex],
        // SSHFP (RFC 4255)
        44 => &[U8, U8, Hex],
        // IPSECKEY (RFC 4025): there may be no key
        45 => &[U8, Gateway, Base64OrNothing],
        // RRSIG (RFC 4034)
        46 => &[Type, U8, U8, U32, Time, Time, U16, UncompressedName, Base64],
        // NSEC (RFC 4034); multicast DNS compresses the name
        47 => &[Name, Types],
        // DNSKEY (RFC 4034), RKEY, CDNSKEY (RFC 7344)
        48 | 57 | 60 => &[U16, U8, U8, Base64],
        // DHCID (RFC 4701), OPENPGPKEY (RFC 7929)
        49 | 61 => &[Base64],
        // NSEC3 (RFC 5155)
        50 => &[U8, U8, U16, Salt, Hash, Types],
        // NSEC3PARAM (RFC 5155)
        51 => &[U8, U8, U16, Salt],
        // TLSA (RFC 6698), SMIMEA (RFC 8162)
        52 | 53 => &[U8, U8, U8, Hex],
        // HIP (RFC 8005)
        55 => &[HostIdentity, UncompressedNames],
        // TALINK
        58 => &[UncompressedName, UncompressedName],
        // CSYNC (RFC 7477)
        62 => &[U32, U16, Types],
        // ZONEMD (RFC 8976)
        63 => &[U32, U8, U8, Hex],
        // SVCB, HTTPS (RFC 9460)
        64 | 65 => &[U16, UncompressedName, ServiceParams],
        // DSYNC (RFC 9859)
        66 => &[Type, U8, U16, UncompressedName],
        // NID, L64 (RFC 6742)
        104 | 106 => &[U16, Locator],
        // L32 (RFC 6742)
        105 => &[U16, Ipv4],
        // LP (RFC 6742)
        107 => &[U16, UncompressedName],
        // EUI48 (RFC 7043)
        108 => &[Eui(6)],
        // EUI64 (RFC 7043)
        109 => &[Eui(8)],
        // TKEY (RFC 2930)
        249 => &[UncompressedName, U32, U32, U16, Error, Base64Counted, Base64Counted],
        // TSIG (RFC 8945)
        250 => &[UncompressedName, U48, U16, Base64Counted, U16, Error, Base64Counted],
        // URI (RFC 7553)
        256 => &[U16, U16, TextToEnd],
        // CAA (RFC 8659)
        257 => &[U8, Tag, TextToEnd],
        // AMTRELAY (RFC 8777)
        260 => &[U8, Relay],
        _ => return None,
    })
}
