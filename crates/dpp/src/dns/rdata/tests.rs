//! RDATA of every type as text, and laws on drawn bytes.

use super::*;
use crate::dns::iana::TYPES;
use crate::dns::twin::law;
use crate::dns::{Message, Section, name};
use proptest::collection::vec;
use proptest::prelude::*;

fn record(rtype: u16, rdata: &[u8]) -> Record<'_> {
    Record { section: Section::Answer, owner_at: 0, rtype, class: 1, ttl: 0, rdata_at: 0, rdata }
}

/// The text of RDATA of a type.
fn text_of(message: &[u8], record: &Record) -> String {
    let mut out = b"before".to_vec();
    write_rdata(message, record, &mut out);
    String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned()
}

/// Octets written as hexadecimal digits, with spaces anywhere.
fn octets(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// RDATA without compression, and its text; and that it is not expanded.
fn check(rtype: &str, rdata: &[u8], expected: &str) {
    let record = record(TYPES.code(rtype).unwrap(), rdata);
    assert_eq!(text_of(rdata, &record), expected, "{rtype}");
    let mut expanded = b"before".to_vec();
    expand_rdata(rdata, &record, &mut expanded);
    assert_eq!(&expanded[6..], rdata, "{rtype}");
}

fn check_hex(rtype: &str, digits: &str, expected: &str) {
    check(rtype, &octets(digits), expected);
}

/// RDATA that is not what its type says.
fn check_unsound(rtype: &str, rdata: &[u8]) {
    let digits: String = rdata.iter().map(|octet| format!("{octet:02X}")).collect();
    check(rtype, rdata, format!("\\# {} {digits}", rdata.len()).trim_end());
}

#[test]
fn addresses() {
    check("A", b"\xC0\0\x02\x01", "192.0.2.1");
    check("AAAA", b"\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01", "2001:db8::1");
    check("AAAA", b"\0\0\0\0\0\0\0\0\0\0\xFF\xFF\xC0\0\x02\x01", "::ffff:192.0.2.1");
    check_unsound("A", b"\xC0\0\x02");
    check_unsound("A", b"\xC0\0\x02\x01\0");
    check_unsound("AAAA", b"\xC0\0\x02\x01");
}

#[test]
fn an_address_of_class_ch_is_another() {
    let rdata = b"\x01a\0\x01\xFF";
    let record = Record { class: 3, ..record(1, rdata) };
    assert_eq!(text_of(rdata, &record), "a. 777");
    assert_eq!(rdata_address(&Record { class: 3, ..super::tests::record(1, b"\xC0\x0C\0\x01") }), None);
}

#[test]
fn addresses_are_given() {
    let address =
        |rtype, rdata: &[u8]| rdata_address(&record(rtype, rdata)).map(|address| address.to_string());
    assert_eq!(address(1, b"\xC0\0\x02\x01").as_deref(), Some("192.0.2.1"));
    assert_eq!(address(28, &[0; 16]).as_deref(), Some("::"));
    for (rtype, length) in [(1, 0), (1, 3), (1, 5), (1, 16), (28, 4), (28, 15), (28, 17), (2, 4), (105, 16)] {
        assert_eq!(address(rtype, &[0; 17][..length]), None);
    }
}

#[test]
fn the_first_name_is_given() {
    let first_name = |rtype: &str, rdata: &[u8], expected: Option<&[u8]>| {
        let bytes = [&b"\x01z\0"[..], rdata].concat();
        let record = Record { rdata_at: 3, ..record(TYPES.code(rtype).unwrap(), &bytes[3..]) };
        assert_eq!(rdata_name(&bytes, &record, &mut [0; 255]), expected, "{rtype}");
    };
    first_name("CNAME", b"\x01a\xC0\0", Some(b"\x01a\x01z\0"));
    first_name("SRV", b"\0\x01\0\x02\0\x35\xC0\0", Some(b"\x01z\0"));
    first_name("SOA", b"\x01a\0\xC0\0", Some(b"\x01a\0"));
    first_name("SVCB", b"\0\x01\0", Some(b"\0"));
    first_name("SVCB", b"\0\x01\xC0\0", None);
    first_name("RRSIG", b"\0\x01\x05\x02\0\0\0\x09\0\0\0\0\0\0\0\x01\0\x07\x01a\0", Some(b"\x01a\0"));
    first_name("MX", b"\0", None);
    first_name("CNAME", b"\x01a", None);
    first_name("A", b"\xC0\0\x02\x01", None);
    first_name("TYPE731", b"\x01a\0", None);
}

#[test]
fn rdata_of_no_octets_is_written_as_unknown() {
    for rtype in ["A", "NS", "TXT", "NULL", "APL", "DHCID", "TYPE731"] {
        check(rtype, b"", r"\# 0");
    }
    check("OPT", b"", "");
}

#[test]
fn unknown_types_are_written_as_rfc_3597_says() {
    check("TYPE731", b"\xAB\xCD\xEF\x01\x23\x45", r"\# 6 ABCDEF012345");
    check("NULL", b"anything", r"\# 8 616E797468696E67");
    check("A6", b"\0", r"\# 1 00");
}

#[test]
fn types_of_rfc_1035() {
    for rtype in ["NS", "MD", "MF", "CNAME", "MB", "MG", "MR", "PTR", "NSAP-PTR", "DNAME"] {
        check(rtype, b"\x03ns1\x07example\0", "ns1.example.");
        check_unsound(rtype, b"\x03ns1\x07example\0\0");
        check_unsound(rtype, b"\x03ns1\x07example");
    }
    check("NS", b"\0", ".");
    check("PTR", b"\x04a.b \x01*\x02\xFF-\0", r"a\.b\032.*.\255-.");
    check(
        "SOA",
        b"\x02ns\0\x05admin\0\x78\xA4\x52\x11\0\0\x1C\x20\0\0\x0E\x10\0\x12\x75\0\xFF\xFF\xFF\xFF",
        "ns. admin. 2024034833 7200 3600 1209600 4294967295",
    );
    check_unsound("SOA", b"\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0");
    check("WKS", b"\x0A\0\0\x01\x06\x80\0\0\x40", "10.0.0.1 6 0 25");
    check("WKS", b"\x0A\0\0\x01\x11", "10.0.0.1 17");
    check("HINFO", b"\x05PC 98\x00", r#""PC 98" """#);
    check("MINFO", b"\x01a\0\x01b\0", "a. b.");
    check("MX", b"\0\x0A\x04mail\x07example\0", "10 mail.example.");
    check("MX", b"\0\0\0", "0 .");
    check("TXT", b"\x05v=1 a\0\x04\"\\\x07\xFF", r#""v=1 a" "" "\"\\\007\255""#);
    check_unsound("TXT", b"\x05v=1");
}

#[test]
fn types_of_later_times() {
    check("RP", b"\x05admin\x01a\0\0", "admin.a. .");
    for rtype in ["AFSDB", "RT", "KX"] {
        check(rtype, b"\0\x01\x01a\0", "1 a.");
    }
    check("X25", b"\x0C311061700956", r#""311061700956""#);
    check("ISDN", b"\x0F150862028003217\x03004", r#""150862028003217" "004""#);
    check("ISDN", b"\x0F150862028003217", r#""150862028003217""#);
    check_hex(
        "NSAP",
        "47000580005A0000000001E133FFFFFF00016100",
        "0x47000580005A0000000001E133FFFFFF00016100",
    );
    check("KEY", b"\xC1\0\x03\0", "49408 3 0");
    check("KEY", b"\x01\0\x03\x05abc", "256 3 5 YWJj");
    check("PX", b"\0\x32\x01a\0\x01b\0", "50 a. b.");
    check("GPOS", b"\x0A-32.6882 E\x05116.8\x0210", r#""-32.6882 E" "116.8" "10""#);
    check("NXT", b"\x01a\0\x40\x01\0\x02", "a. A MX NXT");
    check_unsound("NXT", b"\x01a\0\xC2");
    check("EID", b"\xE3\x2C", "E32C");
    check("SRV", b"\0\x01\0\x02\x13\xC4\x03sip\0", "1 2 5060 sip.");
    check(
        "NAPTR",
        b"\0\x64\0\x0A\x01u\x07E2U+sip\x19!^.*$!sip:info@example.x!\0",
        r#"100 10 "u" "E2U+sip" "!^.*$!sip:info@example.x!" ."#,
    );
    check("CERT", b"\0\x01\x30\x39\x08abc", "1 12345 8 YWJj");
    check("SSHFP", b"\x02\x01\x12\x34\x56\x78\x9A", "2 1 123456789A");
    check("DHCID", &octets("000001C4B9F51D0B"), "AAABxLn1HQs=");
    check("OPENPGPKEY", b"abcd", "YWJjZA==");
    check("TLSA", b"\x03\x01\x01\xD2\xAB\xDE", "3 1 1 D2ABDE");
    check("SMIMEA", b"\x03\0\0\x30", "3 0 0 30");
    check_unsound("TLSA", b"\x03\x01\x01");
    check("TALINK", b"\x01a\0\x01b\0", "a. b.");
    check("URI", b"\0\x0A\0\x01ftp://a.example/\"", r#"10 1 "ftp://a.example/\"""#);
}

#[test]
fn properties_have_tags() {
    check("CAA", b"\x80\x05issueca.example; a=b", r#"128 issue "ca.example; a=b""#);
    check("CAA", b"\0\x05issue;", r#"0 issue ";""#);
    check("CAA", b"\0\x09issuewild", r#"0 issuewild """#);
    check_unsound("CAA", b"\0\0;");
    check_unsound("CAA", b"\0\x03a b;");
    check_unsound("CAA", b"\0\x05issu");
}

#[test]
fn types_of_dnssec() {
    // RFC 4034 section 5.4.
    check_hex(
        "DS",
        "EC45 05 01 2BB183AF5F22588179A53B0A98631FAD1A292118",
        "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
    );
    check("CDS", b"\0\0\0\0\0", "0 0 0 00");
    check("DLV", b"\0\x01\x08\x02\xAB", "1 8 2 AB");
    check("TA", b"\0\x01\x08\x02\xAB", "1 8 2 AB");
    check_unsound("DS", b"\xEC\x45\x05\x01");
    check("DNSKEY", b"\x01\x01\x03\x08\x03\x01\0\x01", "257 3 8 AwEAAQ==");
    check("CDNSKEY", b"\0\0\x03\0\0", "0 3 0 AA==");
    check_unsound("DNSKEY", b"\x01\x01\x03\x08");
    // RFC 4034 section 3.3, with fewer octets of signature.
    check_hex(
        "RRSIG",
        "0001 05 03 00015180 3E7C9DD7 3E5510D7 0A52 076578616D706C6503636F6D00 A0906525",
        "A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJBlJQ==",
    );
    check_hex(
        "SIG",
        "0000 05 00 00000000 00000000 FFFFFFFF 0001 00 AB",
        "TYPE0 5 0 0 19700101000000 21060207062815 1 . qw==",
    );
    // RFC 4034 section 4.3.
    check_hex(
        "NSEC",
        "04686F7374 076578616D706C65 03636F6D 00 0006 400100000003 041B 000000000000000000000000000000000000000000000000000020",
        "host.example.com. A MX RRSIG NSEC TYPE1234",
    );
    // RFC 5155 appendix B.1.
    check_hex(
        "NSEC3",
        "01 01 000C 04 AABBCCDD 14 174EB2409FE28BCB4887A1836F957F0A8425E27B 0007 22 01 00 00 00 02 90",
        "1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS SOA MX RRSIG DNSKEY NSEC3PARAM",
    );
    check("NSEC3", b"\x01\0\0\0\0\x01\xFF", "1 0 0 - VS");
    check_unsound("NSEC3", b"\x01\0\0\0\0\0");
    check("NSEC3PARAM", b"\x01\0\0\x0C\x02\xAA\xBB", "1 0 12 AABB");
    check("NSEC3PARAM", b"\x01\0\0\0\0", "1 0 0 -");
    check("CSYNC", b"\0\0\0\x42\0\x03\0\x04\x60\0\0\x08", "66 3 A NS AAAA");
    check("CSYNC", b"\0\0\0\x42\0\x03", "66 3");
    check("ZONEMD", b"\x78\xA4\x52\x11\x01\x01\xAB\xCD", "2024034833 1 1 ABCD");
    check("DSYNC", b"\0\x3B\x01\x14\xEF\x01a\0", "CDS 1 5359 a.");
}

#[test]
fn lists_of_types_have_windows_in_order() {
    let check_types = |windows: &[u8], expected: &str| check("CSYNC", &[&[0; 6], windows].concat(), expected);
    let check_unsound_types = |windows: &[u8]| check_unsound("CSYNC", &[&[0; 6], windows].concat());
    check_types(b"\0\x01\x40\x01\x01\x40", "0 0 A CAA");
    check_types(&[&b"\xFF\x20"[..], &[0; 31], b"\x01"].concat(), "0 0 TYPE65535");
    check_types(b"\0\x01\0", "0 0");
    check_unsound_types(b"\0");
    check_unsound_types(b"\0\0");
    check_unsound_types(b"\0\x02\x40");
    check_unsound_types(b"\0\x01\x40\0\x01\x40");
    check_unsound_types(b"\x01\x01\x40\0\x01\x40");
    check_unsound_types(&[&b"\0\x21"[..], &[1; 33]].concat());
}

#[test]
fn places() {
    // RFC 1876 section 4 and appendix A.
    check_hex("LOC", "00 12 16 13 80000000 80000000 00989680", "0 0 0.000 N 0 0 0.000 E 0.00m 1m 10000m 10m");
    check_hex(
        "LOC",
        "00 33 16 13 89172DD0 70BE15F0 00988D20",
        "42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m",
    );
    check_hex(
        "LOC",
        "00 00 01 15 7FFFFFFF 80000001 FFFFFFFF",
        "0 0 0.001 S 0 0 0.001 E 42849672.95m 0m 0m 1000m",
    );
    check_hex(
        "LOC",
        "00 50 51 99 934FD900 59604E00 00000000",
        "90 0 0.000 N 180 0 0.000 W -100000.00m 0.05m 0.50m 90000000m",
    );
    for digits in [
        "01 12 16 13 80000000 80000000 00989680",
        "00 A2 16 13 80000000 80000000 00989680",
        "00 12 1A 13 80000000 80000000 00989680",
        "00 12 16 13 934FD901 80000000 00989680",
        "00 12 16 13 80000000 FFFFFFFF 00989680",
        "00 12 16 13 80000000 80000000 009896",
        "00 12 16 13 80000000 80000000 00989680 00",
    ] {
        check_unsound("LOC", &octets(digits));
    }
}

#[test]
fn prefixes() {
    // RFC 3123 section 6.
    check(
        "APL",
        b"\0\x01\x15\x03\xC0\xA8\x20\0\x01\x1C\x83\xC0\xA8\x26",
        "1:192.168.32.0/21 !1:192.168.38.0/28",
    );
    check("APL", b"\0\x01\x04\x01\xE0\0\x02\x08\x01\xFF\0\x02\x80\0", "1:224.0.0.0/4 2:ff00::/8 2:::/128");
    check_unsound("APL", b"\0\x01\x21\0");
    check_unsound("APL", b"\0\x01\x20\x05\x01\x02\x03\x04\x05");
    check_unsound("APL", b"\0\x02\x81\0");
    check_unsound("APL", b"\0\x03\x08\x01\x01");
    check_unsound("APL", b"\0\x01\x08\x02\x01");
}

#[test]
fn gateways_and_relays() {
    check("IPSECKEY", b"\x0A\x01\x02\xC0\0\x02\x26abc", "10 1 2 192.0.2.38 YWJj");
    check("IPSECKEY", b"\x0A\0\x02abc", "10 0 2 . YWJj");
    check("IPSECKEY", b"\x0A\x03\0\x01a\0", "10 3 0 a.");
    check("IPSECKEY", b"\x0A\x02\0\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01", "10 2 0 2001:db8::1");
    check_unsound("IPSECKEY", b"\x0A\x04\0abc");
    check_unsound("IPSECKEY", b"\x0A\x03\0\xC0\0");
    check("AMTRELAY", b"\x0A\x01\xCB\0\x71\x0F", "10 0 1 203.0.113.15");
    check("AMTRELAY", b"\x80\x80", "128 1 0 .");
    check("AMTRELAY", b"\x0A\x83\x01a\0", "10 1 3 a.");
    check_unsound("AMTRELAY", b"\x80\x80\0");
}

#[test]
fn hosts_and_their_identities() {
    check("HIP", b"\x04\x02\0\x03\x20\x01\0\x10abc", "2 20010010 YWJj");
    check("HIP", b"\x04\x02\0\x03\x20\x01\0\x10abc\x03rvs\0\x01b\0", "2 20010010 YWJj rvs. b.");
    check_unsound("HIP", b"\x04\x02\0\x03\x20\x01\0\x10abc\xC0\0");
    check_unsound("HIP", b"\0\x02\0\x03abc");
    check_hex("NID", "000A 00144FFFFF20EE64", "10 0014:4fff:ff20:ee64");
    check_hex("L64", "000A 20010DB81140 1000", "10 2001:0db8:1140:1000");
    check("L32", b"\0\x0A\x0A\x01\x02\0", "10 10.1.2.0");
    check("LP", b"\0\x0A\x01a\0", "10 a.");
    check_hex("EUI48", "00005E00532A", "00-00-5e-00-53-2a");
    check_hex("EUI64", "00005EEF1000002A", "00-00-5e-ef-10-00-00-2a");
}

#[test]
fn texts_of_many_types() {
    for rtype in ["NINFO", "SPF", "AVC", "RESINFO", "WALLET", "CLA"] {
        check(rtype, b"\x09qnamemin \0", r#""qnamemin " """#);
    }
}

#[test]
fn services() {
    let check_service = |params: &[u8], expected: &str| {
        for rtype in ["SVCB", "HTTPS"] {
            check(rtype, &[b"\0\x10\x03foo\0", params].concat(), format!("16 foo. {expected}").trim_end());
        }
    };
    let check_unsound_service = |params: &[u8]| check_unsound("SVCB", &[b"\0\x10\x03foo\0", params].concat());
    // RFC 9460 appendix D.
    check("HTTPS", b"\0\0\x03foo\x07example\x03com\0", "0 foo.example.com.");
    check("SVCB", b"\0\x01\0", "1 .");
    check_service(b"\0\x03\0\x02\0\x35", "port=53");
    check_service(b"\x02\x9B\0\x05hello", r#"key667="hello""#);
    check_service(b"\x02\x9B\0\x09hello\xD2qoo", r#"key667="hello\210qoo""#);
    check_service(b"\x02\x9B\0\0", "key667");
    check_service(
        b"\0\x06\0\x20\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\x53\0\x01",
        "ipv6hint=2001:db8::1,2001:db8::53:1",
    );
    check_service(
        b"\0\0\0\x04\0\x01\0\x04\0\x01\0\x09\x02h2\x05h3-19\0\x04\0\x04\xC0\0\x02\x01",
        r#"mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1"#,
    );
    check_service(b"\0\x01\0\x0C\x08f\\oo,bar\x02h2", r#"alpn="f\\\\oo\\,bar,h2""#);
    check_service(
        b"\0\x01\0\x03\x02h3\0\x02\0\0\0\x05\0\x03abc\0\x07\0\x10/dns-query{?dns}\0\x08\0\0\0\x09\0\x04\0\x1D\0\x17",
        r#"alpn="h3" no-default-alpn ech=YWJj dohpath="/dns-query{?dns}" ohttp tls-supported-groups=29,23"#,
    );
    for params in [
        &b"\0\x03\0\x01\0"[..],
        b"\0\x03\0\x03\0\x35\0",
        b"\0\0\0\0",
        b"\0\0\0\x03\0\x01\0",
        b"\0\x01\0\0",
        b"\0\x01\0\x01\0",
        b"\0\x01\0\x02\x02h",
        b"\0\x02\0\x01x",
        b"\0\x04\0\0",
        b"\0\x04\0\x05\xC0\0\x02\x01\xC0",
        b"\0\x05\0\0",
        b"\0\x06\0\x04\xC0\0\x02\x01",
        b"\0\x08\0\x01x",
        b"\0\x09\0\x03\0\x1D\0",
        b"\0\x03\0\x02\0\x35\0\x03\0\x02\0\x35",
        b"\0\x04\0\x04\xC0\0\x02\x01\0\x03\0\x02\0\x35",
        b"\0\x03\0",
        b"\xFF\xFF\0\x01",
    ] {
        check_unsound_service(params);
    }
    check_unsound("SVCB", b"\0\x10\xC0\0");
}

#[test]
fn keys_and_signatures_of_transactions() {
    let algorithm = b"\x0Bhmac-sha256\0";
    check(
        "TSIG",
        &[&algorithm[..], b"\0\0\x65\x53\xF1\0\x01\x2C\0\x03abc\x12\x34\0\0\0\0"].concat(),
        "hmac-sha256. 1700000000 300 3 YWJj 4660 NOERROR 0",
    );
    check(
        "TSIG",
        &[&algorithm[..], b"\x01\0\0\0\0\0\x01\x2C\0\0\x12\x34\0\x10\0\x01a"].concat(),
        "hmac-sha256. 1099511627776 300 0 4660 BADSIG 1 YQ==",
    );
    check(
        "TKEY",
        &[&algorithm[..], b"\x65\x53\xF1\0\x65\x53\xF1\x01\0\x03\xFF\xFF\0\x03abc\0\0"].concat(),
        "hmac-sha256. 1700000000 1700000001 3 RCODE65535 3 YWJj 0",
    );
    check_unsound("TSIG", &[&algorithm[..], b"\0\0\x65\x53\xF1\0\x01\x2C\0\x03ab"].concat());
}

#[test]
fn options_are_a_list() {
    check("OPT", b"\0\x03\0\0\0\x0F\0\x03\0\x09x\xFD\xE9\0\x01\xFF", r#"NSID EDE=9,"x" OPT65001=FF"#);
    check_unsound("OPT", b"\0\x03\0\0\0\x0C\0\x02\0");
    check_unsound("OPT", b"\0\x03\0\0\0");
}

/// A record in a message, behind the question "example." at 12: its RDATA as text and expanded.
fn check_compressed(rtype: &str, rdata: &[u8], text: &str, expanded: &[u8]) {
    let code = TYPES.code(rtype).unwrap();
    let header = b"\0\x01\x80\0\0\x01\0\x01\0\0\0\0\x07example\0\0\x01\0\x01";
    let fixed = [code, 1, 0, 9, rdata.len() as u16].map(u16::to_be_bytes).concat();
    // Behind the record there is something that looks like more of a name.
    let bytes = [&header[..], b"\xC0\x0C", &fixed, rdata, b"\x01z\0"].concat();
    let record = Message::parse(&bytes).unwrap().records(25).next().unwrap();
    assert_eq!(text_of(&bytes, &record), text, "{rtype}");
    let mut out = b"before".to_vec();
    expand_rdata(&bytes, &record, &mut out);
    assert_eq!(&out[6..], expanded, "{rtype}");
}

#[test]
fn compressed_names_are_written_out() {
    const WWW: &[u8] = b"\x03www\xC0\x0C";
    const WHOLE: &[u8] = b"\x03www\x07example\0";
    let names = |before: &[u8], between: &[u8], behind: &[u8], rtype: &str, text: &str| {
        let compressed = [before, WWW, between, behind].concat();
        check_compressed(rtype, &compressed, text, &[before, WHOLE, between, behind].concat());
    };
    for rtype in ["NS", "MD", "MF", "CNAME", "MB", "MG", "MR", "PTR", "DNAME"] {
        names(b"", b"", b"", rtype, "www.example.");
    }
    for rtype in ["MX", "AFSDB", "RT", "KX"] {
        names(b"\0\x05", b"", b"", rtype, "5 www.example.");
    }
    names(b"\0\x01\0\x02\0\x03", b"", b"", "SRV", "1 2 3 www.example.");
    names(b"\0\x01\0\x02\x01a\0\x01c", b"", b"", "NAPTR", r#"1 2 "a" "" "c" www.example."#);
    names(b"", b"\0\x01\x40", b"", "NSEC", "www.example. A");
    names(b"", b"\x40", b"", "NXT", "www.example. A");
    let sig = b"\0\x01\x05\x02\0\0\0\x09\0\0\0\0\0\0\0\x01\0\x07";
    names(sig, b"\xAB\xC0\x0C", b"", "SIG", "A 5 2 9 19700101000000 19700101000001 7 www.example. q8AM");
    for (rtype, before, prefix) in [("MINFO", &b""[..], ""), ("RP", b"", ""), ("PX", b"\0\x05", "5 ")] {
        let rdata = [before, WWW, b"\xC0\x0C"].concat();
        let expanded = [before, WHOLE, b"\x07example\0"].concat();
        check_compressed(rtype, &rdata, &format!("{prefix}www.example. example."), &expanded);
    }
    let numbers = b"\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05";
    let soa = [WWW, b"\xC0\x0C", numbers].concat();
    check_compressed(
        "SOA",
        &soa,
        "www.example. example. 1 2 3 4 5",
        &[WHOLE, b"\x07example\0", numbers].concat(),
    );
}

#[test]
fn names_that_cannot_be_read_leave_the_rdata_as_it_is() {
    let unsound = |rtype: &str, rdata: &[u8]| {
        let digits: String = rdata.iter().map(|octet| format!("{octet:02X}")).collect();
        check_compressed(rtype, rdata, &format!("\\# {} {digits}", rdata.len()), rdata);
    };
    // A pointer to itself, out of the message, and names that reach over the end of the RDATA.
    unsound("NS", b"\xC0\x25");
    unsound("NS", b"\xC3\xFF");
    unsound("NS", b"\x01a");
    unsound("NS", b"\x03a");
    unsound("NS", b"\x01a\xC0");
    unsound("MX", b"\0");
    unsound("MINFO", b"\xC0\x0C\xC0");
    // Names nobody compresses.
    unsound("LP", b"\0\x05\xC0\x0C");
    unsound("HTTPS", b"\0\x05\xC0\x0C");
    // What is behind the names does not matter to them.
    check_compressed("SOA", b"\xC0\x0C\0\xFF", r"\# 4 C00C00FF", b"\x07example\0\0\xFF");
}

/// A type's fields that stand before a name that may be compressed can be stepped over.
#[test]
fn every_row_of_the_table_can_be_expanded() {
    let mut rows = 0;
    for rtype in 0..=u16::MAX {
        let Some(fields) = formats::fields(rtype, 1) else { continue };
        rows += 1;
        assert!(TYPES.name(rtype).is_some(), "{rtype} has a format but no name");
        let Some(last) = fields.iter().rposition(|&field| field == Field::Name) else { continue };
        for field in &fields[..last] {
            let can_be = *field == Field::Name
                || field.step_over(&mut Reader::of(&[], &record(0, &[0; 20]))).is_some();
            assert!(can_be, "{rtype}: {field:?}");
        }
    }
    assert!(rows > 60, "{rows}");
}

/// Octets of which many are small, as lengths and high parts of numbers are.
fn likely_octets() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![4 => Just(0), 4 => 0..6_u8, 1 => Just(0xC0), 2 => any::<u8>()];
    prop_oneof![vec(octet.clone(), 0..12), vec(octet, 0..80)]
}

fn types() -> Vec<u16> {
    TYPES.rows().iter().map(|row| row.0).chain([0, 731, 65535]).collect()
}

#[test]
fn whatever_the_octets_are_there_is_text() {
    let sound = std::cell::Cell::new(0);
    law(600, (likely_octets(), 0..40_usize), |(bytes, place)| {
        let (rdata_at, class) = (place.min(bytes.len()), 1 + (place % 3) as u16);
        for rtype in types() {
            let rdata = &bytes[rdata_at..];
            let record = Record { class, rdata_at, ..record(rtype, rdata) };
            let text = text_of(&bytes, &record);
            assert!(text.bytes().all(|octet| (b' '..=b'~').contains(&octet)), "{rtype}: {text:?}");
            assert!(!text.ends_with(' ') && !text.starts_with(' '), "{rtype}: {text:?}");
            assert!(!text.is_empty() || rtype == 41 && rdata.is_empty(), "{rtype}");
            sound.set(sound.get() + usize::from(!text.starts_with("\\#")));
            let _ = (rdata_address(&record), rdata_name(&bytes, &record, &mut [0; 255]));
        }
        Ok(())
    });
    assert!(sound.get() > 2000, "{} were sound", sound.get());
}

#[test]
fn records_that_are_from_elsewhere_do_no_harm() {
    law(300, (likely_octets(), likely_octets(), any::<usize>()), |(bytes, rdata, at)| {
        for rtype in types() {
            for rdata_at in [at, at % 90, usize::MAX] {
                let record = Record { rdata_at, owner_at: rdata_at, ..record(rtype, &rdata) };
                let _ = (text_of(&bytes, &record), record.owner(&bytes, &mut [0; 255]));
                expand_rdata(&bytes, &record, &mut Vec::new());
                let _ = rdata_name(&bytes, &record, &mut [0; 255]);
            }
        }
        Ok(())
    });
}

#[test]
fn what_is_expanded_is_not_expanded_any_more_and_reads_the_same() {
    let differ = std::cell::Cell::new(0);
    law(600, (likely_octets(), 0..40_usize), |(bytes, place)| {
        let rdata_at = place.min(bytes.len());
        for rtype in types() {
            let record = Record { rdata_at, ..record(rtype, &bytes[rdata_at..]) };
            let (mut once, mut twice) = (Vec::new(), Vec::new());
            expand_rdata(&bytes, &record, &mut once);
            if once == record.rdata {
                continue;
            }
            differ.set(differ.get() + 1);
            let expanded = super::tests::record(rtype, &once);
            expand_rdata(&once, &expanded, &mut twice);
            assert_eq!(once, twice, "{rtype}");
            let text = text_of(&bytes, &record);
            if !text.starts_with("\\#") {
                assert_eq!(text, text_of(&once, &expanded), "{rtype}");
            }
        }
        Ok(())
    });
    assert!(differ.get() > 200, "{} had compressed names", differ.get());
}

#[test]
fn a_walk_over_anything_ends_and_its_records_lie_in_order() {
    law(2000, (vec(0..4_u8, 3), likely_octets(), 12..30_usize), |(counts, bytes, at)| {
        let header = [0, 1, 0x80, 0, 0, 1, 0, counts[0], 0, counts[1], 0, counts[2]];
        let bytes = [&header[..], &bytes].concat();
        let message = Message::parse(&bytes).unwrap();
        let (mut end, mut read) = (at, 0);
        let mut records = message.records(at);
        for record in records.by_ref() {
            assert!(record.owner_at == end && record.rdata_at >= end + 11);
            end = record.rdata_at + record.rdata.len();
            read += 1;
        }
        assert!(records.at() == end && (read == 0 || end <= bytes.len()));
        assert_eq!(
            records.is_complete(),
            read == counts.iter().map(|&count| usize::from(count)).sum::<usize>()
        );
        let _ = message.opt(at).map(|opt| (opt.options().count(), opt.extended_errors().count()));
        Ok(())
    });
}

/// A name comes to 1004 characters at most, and a list to 80 for each octet.
#[test]
fn text_is_not_out_of_proportion() {
    let longest = [&[63][..], &[0xFF; 63]].concat().repeat(3);
    let name = [&longest[..], &[61], &[0xFF; 61], &[0]].concat();
    let mut text = Vec::new();
    name::write_absolute(&name, &mut text);
    assert_eq!((name.len(), text.len()), (255, 250 * 4 + 4));
    let rdata = [&b"\0\0\0\0\0\0"[..], &[&b"\x41\x20"[..], &[0xFF; 32]].concat()].concat();
    assert!(text_of(&rdata, &record(62, &rdata)).len() < rdata.len() * 80);
    let rdata = [&b"\0\0\0\0\0"[..], &[0xFF; 8192]].concat();
    assert!(text_of(&rdata, &record(11, &rdata)).len() < rdata.len() * 48);
    check_unsound("WKS", &[&b"\0\0\0\0\0"[..], &[0xFF; 8193]].concat());
}
