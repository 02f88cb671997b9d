//! Octets as the text of master files: numbers, hexadecimal, base64, base32 and quoted strings, appended to a vector.
//!
//! All of it is ASCII. [`rdata`](super::rdata) and [`edns`](super::edns) put their fields together from these.

use crate::calendar::Civil;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A number without leading zeros.
pub(super) fn decimal(number: u64, out: &mut Vec<u8>) {
    padded(number, 1, out);
}

/// A number of at least `width` digits.
pub(super) fn padded(number: u64, width: usize, out: &mut Vec<u8>) {
    let (mut digits, mut at, mut rest) = ([b'0'; 20], 20, number);
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[at.min(20 - width)..]);
}

/// A number in octal.
pub(super) fn octal(number: u16, out: &mut Vec<u8>) {
    write!(out, "{number:o}").expect("a vector takes everything");
}

const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// Two hexadecimal digits for each octet, without spaces.
pub(super) fn hex(octets: &[u8], out: &mut Vec<u8>) {
    for octet in octets {
        out.push(HEX_UPPER[usize::from(octet >> 4)]);
        out.push(HEX_UPPER[usize::from(octet & 15)]);
    }
}

/// The same in small letters, in groups of `size` octets with `between` in between (EUI-48, ILNP's locators).
pub(super) fn hex_groups(octets: &[u8], size: usize, between: u8, out: &mut Vec<u8>) {
    for (number, group) in octets.chunks(size).enumerate() {
        if number > 0 {
            out.push(between);
        }
        let start = out.len();
        hex(group, out);
        out[start..].make_ascii_lowercase();
    }
}

/// Base64 with padding (RFC 4648 section 4).
pub(crate) fn base64(octets: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in octets.chunks(3) {
        let mut three = [0; 3];
        three[..group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        let four = [18, 12, 6, 0].map(|shift| DIGITS[(bits >> shift & 63) as usize]);
        out.extend_from_slice(&four[..=group.len()]);
        out.extend_from_slice(&b"=="[..3 - group.len()]);
    }
}

/// Base32 with the digits of hexadecimal, without padding (RFC 4648 section 7, RFC 5155 section 3.3).
pub(super) fn base32hex(octets: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
    for group in octets.chunks(5) {
        let mut bits = [0; 8];
        bits[3..3 + group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(bits);
        let eight = std::array::from_fn::<_, 8, _>(|digit| DIGITS[(bits >> (35 - 5 * digit) & 31) as usize]);
        out.extend_from_slice(&eight[..(group.len() * 8).div_ceil(5)]);
    }
}

/// Text between quotation marks (RFC 1035 section 5.1).
pub(super) fn quoted(octets: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    octets.iter().for_each(|&octet| quoted_octet(octet, out));
    out.push(b'"');
}

/// An octet as it stands between quotation marks.
pub(super) fn quoted_octet(octet: u8, out: &mut Vec<u8>) {
    match octet {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', octet]),
        b' '..=b'~' => out.push(octet),
        _ => escaped_decimal(octet, out),
    }
}

/// A backslash and three decimal digits (RFC 1035 section 5.1).
pub(super) fn escaped_decimal(octet: u8, out: &mut Vec<u8>) {
    out.push(b'\\');
    padded(octet.into(), 3, out);
}

/// Whether octets are characters that can be seen, or spaces.
pub(super) fn is_printable(octets: &[u8]) -> bool {
    octets.iter().all(|octet| (b' '..=b'~').contains(octet))
}

/// A dotted address.
pub(super) fn ipv4(address: Ipv4Addr, out: &mut Vec<u8>) {
    for (number, octet) in address.octets().into_iter().enumerate() {
        if number > 0 {
            out.push(b'.');
        }
        decimal(octet.into(), out);
    }
}

/// An address as RFC 5952 says.
pub(super) fn ipv6(address: Ipv6Addr, out: &mut Vec<u8>) {
    write!(out, "{address}").expect("a vector takes everything");
}

/// Numbers with commas between them.
pub(super) fn decimals(numbers: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
    for (place, number) in numbers.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        decimal(number, out);
    }
}

/// Seconds since 1970 as YYYYMMDDHHmmSS (RFC 4034 section 3.2). The years are those of 32 bits: to 2106.
pub(super) fn time(seconds: u32, out: &mut Vec<u8>) {
    let Civil { year, month, day, hour, minute, second } = Civil::of(seconds.into());
    padded(year.into(), 4, out);
    for number in [month, day, hour, minute, second] {
        padded(number.into(), 2, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(write: impl Fn(&mut Vec<u8>), expected: &str) {
        let mut out = Vec::new();
        write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn numbers() {
        for number in [0, 1, 9, 10, 65535, u64::MAX] {
            check(|out| decimal(number, out), &number.to_string());
            check(|out| padded(number, 3, out), &format!("{number:03}"));
        }
    }

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (octets, in_base64, in_base32) in [
            ("", "", ""),
            ("f", "Zg==", "CO"),
            ("fo", "Zm8=", "CPNG"),
            ("foo", "Zm9v", "CPNMU"),
            ("foob", "Zm9vYg==", "CPNMUOG"),
            ("fooba", "Zm9vYmE=", "CPNMUOJ1"),
            ("foobar", "Zm9vYmFy", "CPNMUOJ1E8"),
        ] {
            check(|out| base64(octets.as_bytes(), out), in_base64);
            check(|out| base32hex(octets.as_bytes(), out), in_base32);
        }
        check(|out| base64(&[0xFB, 0xFF, 0xFE], out), "+//+");
        check(|out| hex(b"\0\x9A\xFF", out), "009AFF");
        check(|out| hex_groups(&[0, 0x5E, 0xFF], 1, b'-', out), "00-5e-ff");
    }

    #[test]
    fn strings_are_quoted() {
        check(|out| quoted(b"", out), "\"\"");
        check(|out| quoted(b"a \"b\\;", out), r#""a \"b\\;""#);
        check(|out| quoted(b"\0\x7F\xFF~", out), r#""\000\127\255~""#);
    }

    #[test]
    fn times_of_32_bits() {
        for (seconds, expected) in [
            (0, "19700101000000"),
            (68_169_599, "19720228235959"),
            (68_169_600, "19720229000000"),
            (68_256_000, "19720301000000"),
            (951_782_400, "20000229000000"),
            (1_078_012_799, "20040228235959"),
            (1_735_689_599, "20241231235959"),
            (1_735_689_600, "20250101000000"),
            (4_107_542_399, "21000228235959"),
            (4_107_542_400, "21000301000000"),
            (u32::MAX, "21060207062815"),
        ] {
            check(|out| time(seconds, out), expected);
        }
    }
}
