//! Values as text: numbers, addresses, times and names, printed into fixed-size room.
//!
//! Row-wise sinks print tens of millions of cells a second, so nothing here allocates or goes through `fmt`. A writer gets
//! room for the longest text it can produce and says how much it used; what lies behind that is undefined. Each has a
//! plain twin in the tests. What may be of any length (texts, bytes, lists) is appended to a vector instead; those functions
//! begin with `push`.

mod dates;
pub(crate) mod json;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use dates::Dates;

/// Room for a number, and more than it needs: writers store whole words.
pub const NUMBER_ROOM: usize = 32;
/// Room for an address: eight groups of four digits and seven colons at most, and slack.
pub const ADDRESS_ROOM: usize = 64;
/// Room for a name: 250 octets of four characters at most, dots, and slack.
pub const NAME_ROOM: usize = 1088;

/// Prints a 16-bit number.
#[inline]
pub fn write_u16(number: u16, room: &mut [u8; NUMBER_ROOM]) -> usize {
    // The five digits, one a byte, the first in the lowest, so that leading zeros can be shifted out.
    let (thousands, rest) = (u32::from(number) / 1000, u32::from(number) % 1000);
    let upper = u32::from_le_bytes(THREE_DIGITS[thousands as usize]) >> 8 & 0xFFFF;
    let lower = u32::from_le_bytes(THREE_DIGITS[rest as usize]) & 0xFF_FFFF;
    let text = u64::from(upper) | u64::from(lower) << 16;
    let zeros = ((text ^ ZEROS).trailing_zeros() / 8).min(4);
    room[..8].copy_from_slice(&(text >> (zeros * 8)).to_le_bytes());
    5 - zeros as usize
}

/// "00000" as a word, with a mark behind it.
const ZEROS: u64 = 0x0130_3030_3030;

/// Prints any number.
pub fn write_i64(number: i64, room: &mut [u8; NUMBER_ROOM]) -> usize {
    if number >= 0 {
        return write_u64(number.unsigned_abs(), room);
    }
    let mut digits = [0; NUMBER_ROOM];
    let length = write_u64(number.unsigned_abs(), &mut digits);
    room[0] = b'-';
    room[1..].copy_from_slice(&digits[..NUMBER_ROOM - 1]);
    1 + length
}

/// Prints any number that is not negative.
#[inline]
pub fn write_u64(number: u64, room: &mut [u8; NUMBER_ROOM]) -> usize {
    match u16::try_from(number) {
        Ok(number) => write_u16(number, room),
        Err(_) => write_long(number, room),
    }
}

/// Prints three digits at a time, the last ones first.
fn write_long(number: u64, room: &mut [u8; NUMBER_ROOM]) -> usize {
    let (mut digits, mut at, mut rest) = ([0; 24], 24, number);
    while rest >= 1000 {
        at -= 3;
        digits[at..at + 3].copy_from_slice(&THREE_DIGITS[(rest % 1000) as usize][..3]);
        rest /= 1000;
    }
    let first = write_u16(rest as u16, room);
    let length = first + digits.len() - at;
    room[first..length].copy_from_slice(&digits[at..]);
    length
}

/// Prints a number with a fraction: the fewest digits that read back as the same number, with a point or an exponent in
/// any case. What is no number is `NaN`, `inf` or `-inf`.
pub fn write_f64(number: f64, room: &mut [u8; NUMBER_ROOM]) -> usize {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format(number).as_bytes();
    room[..text.len()].copy_from_slice(text);
    text.len()
}

/// Prints nanoseconds as seconds with six decimals, rounded down.
pub fn write_seconds(ns: i64, room: &mut [u8; NUMBER_ROOM]) -> usize {
    let micros = ns.div_euclid(1000);
    let (seconds, fraction) =
        (micros.unsigned_abs() / 1_000_000, (micros.unsigned_abs() % 1_000_000) as usize);
    let mut digits = [0; NUMBER_ROOM];
    let length = write_u64(seconds, &mut digits);
    digits[length] = b'.';
    digits[length + 1..length + 5].copy_from_slice(&THREE_DIGITS[fraction / 1000]);
    digits[length + 4..length + 8].copy_from_slice(&THREE_DIGITS[fraction % 1000]);
    let sign = usize::from(micros < 0);
    room[0] = b'-';
    room[sign..].copy_from_slice(&digits[..NUMBER_ROOM - sign]);
    sign + length + 7
}

/// Prints yes or no.
pub fn write_bool(yes: bool, room: &mut [u8; NUMBER_ROOM]) -> usize {
    let text: &[u8] = if yes { b"true" } else { b"false" };
    room[..text.len()].copy_from_slice(text);
    text.len()
}

/// Appends two hexadecimal digits for each octet.
pub(crate) fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let pairs =
        bytes.iter().map(|&octet| [DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 0xF)]]);
    out.extend(pairs.flatten());
}

/// Appends numbers with `separator` between them.
pub(crate) fn push_numbers(numbers: &[u16], separator: u8, out: &mut Vec<u8>) {
    for (index, &number) in numbers.iter().enumerate() {
        if index > 0 {
            out.push(separator);
        }
        json::push_number(number.into(), out);
    }
}

/// Prints numbers with semicolons between them. There may be as many as VLAN ids are remembered.
pub fn write_numbers(numbers: &[u16], room: &mut [u8]) -> usize {
    let mut at = 0;
    for (index, &number) in numbers.iter().enumerate() {
        if index > 0 {
            room[at] = b';';
            at += 1;
        }
        let mut digits = [0; NUMBER_ROOM];
        let length = write_u16(number, &mut digits);
        room[at..at + length].copy_from_slice(&digits[..length]);
        at += length;
    }
    at
}

/// Prints microseconds since 1970. Remembers the second it printed last: in a capture it is mostly the same.
#[derive(Clone, Copy, Debug)]
pub struct Timestamps {
    /// The start of that second, in microseconds.
    start: i64,
    /// Its digits.
    digits: [u8; 10],
}

/// Seconds of ten digits: from September 2001 to November 2286.
const TEN_DIGITS: std::ops::Range<i64> = 1_000_000_000..10_000_000_000;

impl Default for Timestamps {
    fn default() -> Self {
        Timestamps { start: TEN_DIGITS.start * 1_000_000, digits: *b"1000000000" }
    }
}

impl Timestamps {
    /// Prints a time in microseconds.
    #[inline]
    pub fn write(&mut self, micros: i64, room: &mut [u8; NUMBER_ROOM]) -> usize {
        if micros.wrapping_sub(self.start) as u64 >= 1_000_000 && !self.turn_to(micros.div_euclid(1_000_000))
        {
            return write_i64(micros, room);
        }
        let fraction = micros.wrapping_sub(self.start) as u32;
        room[..10].copy_from_slice(&self.digits);
        room[10..14].copy_from_slice(&THREE_DIGITS[fraction as usize / 1000]);
        room[13..17].copy_from_slice(&THREE_DIGITS[fraction as usize % 1000]);
        16
    }

    /// Prepares the digits of another second, if it has ten.
    #[cold]
    fn turn_to(&mut self, second: i64) -> bool {
        if !TEN_DIGITS.contains(&second) {
            return false;
        }
        let mut room = [0; NUMBER_ROOM];
        write_i64(second, &mut room);
        (self.start, self.digits) = (second * 1_000_000, *room.first_chunk().expect("the room is larger"));
        true
    }
}

/// "000" to "999", each with a byte to spare.
static THREE_DIGITS: [[u8; 4]; 1000] = {
    let mut table = [[0; 4]; 1000];
    let mut number = 0;
    while number < 1000 {
        let digits = [number / 100, number / 10 % 10, number % 10];
        table[number] = [b'0' + digits[0] as u8, b'0' + digits[1] as u8, b'0' + digits[2] as u8, 0];
        number += 1;
    }
    table
};

/// Prints an address: dotted, or as RFC 5952 says (IPv4-mapped ones as `::ffff:192.0.2.1`).
#[inline]
pub fn write_address(address: IpAddr, room: &mut [u8; ADDRESS_ROOM]) -> usize {
    match address {
        IpAddr::V4(address) => write_ipv4(address, room, 0),
        IpAddr::V6(address) => write_ipv6(address, room),
    }
}

/// "0." to "255.", each with its length.
static OCTETS: [([u8; 4], u8); 256] = {
    let mut table = [([0; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let digits = [(octet / 100) as u8 + b'0', (octet / 10 % 10) as u8 + b'0', (octet % 10) as u8 + b'0'];
        table[octet] = match octet {
            0..10 => ([digits[2], b'.', 0, 0], 2),
            10..100 => ([digits[1], digits[2], b'.', 0], 3),
            _ => ([digits[0], digits[1], digits[2], b'.'], 4),
        };
        octet += 1;
    }
    table
};

#[inline]
fn write_ipv4(address: Ipv4Addr, room: &mut [u8; ADDRESS_ROOM], start: usize) -> usize {
    let mut at = start;
    for octet in address.octets() {
        let (text, length) = &OCTETS[usize::from(octet)];
        room[at..at + 4].copy_from_slice(text);
        at += usize::from(*length);
    }
    at - 1
}

fn write_ipv6(address: Ipv6Addr, room: &mut [u8; ADDRESS_ROOM]) -> usize {
    if let Some(mapped) = address.to_ipv4_mapped() {
        room[..7].copy_from_slice(b"::ffff:");
        return write_ipv4(mapped, room, 7);
    }
    let groups = address.segments();
    let zeros = longest_zeros(&groups);
    let mut at = write_groups(&groups[..zeros.start], room, 0);
    if !zeros.is_empty() {
        room[at..at + 2].copy_from_slice(b"::");
        at = write_groups(&groups[zeros.end..], room, at + 2);
    }
    at
}

/// The first of the longest runs of at least two zero groups, or nothing at the end.
#[inline]
fn longest_zeros(groups: &[u16; 8]) -> std::ops::Range<usize> {
    let (mut best, mut start) = (8..8, 0);
    for (at, &group) in groups.iter().enumerate() {
        if group != 0 {
            start = at + 1;
        } else if at + 1 - start > best.len().max(1) {
            best = start..at + 1;
        }
    }
    best
}

#[inline]
fn write_groups(groups: &[u16], room: &mut [u8; ADDRESS_ROOM], start: usize) -> usize {
    let mut at = start;
    for &group in groups {
        at += write_hex(group, room, at);
        room[at] = b':';
        at += 1;
    }
    at - usize::from(!groups.is_empty())
}

/// Prints up to four hexadecimal digits, without leading zeros.
#[inline]
fn write_hex(group: u16, room: &mut [u8; ADDRESS_ROOM], at: usize) -> usize {
    let group = u32::from(group);
    // One digit a byte, the first in the lowest, so that leading zeros can be shifted out.
    let word = group >> 12 | (group >> 8 & 0xF) << 8 | (group >> 4 & 0xF) << 16 | (group & 0xF) << 24;
    // The high bit of a byte plus 0x76 tells the digits above nine; `a` stands 39 behind where `:` would.
    let letters = (word + 0x7676_7676) >> 7 & 0x0101_0101;
    let text = word + 0x3030_3030 + letters * 39;
    let zeros = (word.trailing_zeros() / 8).min(3);
    room[at..at + 4].copy_from_slice(&(text >> (zeros * 8)).to_le_bytes());
    4 - zeros as usize
}

/// Prints a name given in wire form, as DPP does: labels joined by dots without a final one, the root as a dot. Letters,
/// digits, `_`, a hyphen that is not first and an asterisk that is first in its label stand for themselves; other printable
/// characters get a backslash, all other octets a backslash and three *octal* digits.
#[inline]
pub fn write_name(wire: &[u8], room: &mut [u8; NAME_ROOM]) -> NameText {
    match write_plain_name(wire, room) {
        Some(length) => NameText { length, plain: true },
        None => NameText { length: write_any_name(wire, room), plain: false },
    }
}

/// How a name was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameText {
    /// How much of the room it took.
    pub length: usize,
    /// Whether it certainly consists of letters, digits, `_`, `-` and dots.
    pub plain: bool,
}

/// The short way for a name in which every octet stands for itself, which is nearly every name. `None` if there is
/// something to escape, or the name is long.
#[inline]
fn write_plain_name(wire: &[u8], room: &mut [u8; NAME_ROOM]) -> Option<usize> {
    match wire.len() {
        3..=34 => write_plain_block::<32>(wire, room),
        35..=66 => write_plain_block::<64>(wire, room),
        _ => None,
    }
}

/// Copies the wire form, puts dots in the place of lengths, and checks a block of `N` octets at once.
#[inline]
fn write_plain_block<const N: usize>(wire: &[u8], room: &mut [u8; NAME_ROOM]) -> Option<usize> {
    let length = wire.len() - 2;
    // Plain letters behind the end, so that the whole block can be checked.
    let mut block = [b'a'; N];
    block[..length].copy_from_slice(&wire[1..=length]);
    let mut dots = 0;
    let mut hyphens = block[0] == b'-';
    let mut at = usize::from(wire[0]);
    while at < length {
        block[at] = b'.';
        hyphens |= wire[at + 2] == b'-';
        dots += 1;
        at += 1 + usize::from(wire[at + 1]);
    }
    room[..N].copy_from_slice(&block);
    (is_plain(&block, dots) && !hyphens).then_some(length)
}

/// Whether all octets are letters, digits, `_`, `-`, and exactly `dots` dots.
#[inline]
fn is_plain<const N: usize>(block: &[u8; N], dots: u8) -> bool {
    let (mut strange, mut found) = (0, 0);
    for &octet in block {
        let letter = (octet | 0x20).wrapping_sub(b'a') < 26;
        let digit = octet.wrapping_sub(b'0') < 10;
        let dot = octet == b'.';
        strange |= u8::from(!(letter | digit | dot | (octet == b'_') | (octet == b'-')));
        found += u8::from(dot);
    }
    strange == 0 && found == dots
}

/// The way for every name, octet by octet.
fn write_any_name(wire: &[u8], room: &mut [u8; NAME_ROOM]) -> usize {
    let (mut rest, mut at) = (wire, 0);
    while let Some((&length @ 1.., after)) = rest.split_first() {
        let (label, after) = after.split_at(usize::from(length).min(after.len()));
        if at > 0 {
            room[at] = b'.';
            at += 1;
        }
        for (place, &octet) in label.iter().enumerate() {
            at += write_octet(octet, place == 0, &mut room[at..]);
        }
        rest = after;
    }
    if at == 0 && !wire.is_empty() {
        room[0] = b'.';
        return 1;
    }
    at
}

#[inline]
fn write_octet(octet: u8, first: bool, room: &mut [u8]) -> usize {
    match octet {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => room[0] = octet,
        b'-' if !first => room[0] = octet,
        b'*' if first => room[0] = octet,
        0x21..=0x7E => {
            room[..2].copy_from_slice(&[b'\\', octet]);
            return 2;
        }
        _ => {
            room[..4].copy_from_slice(&[
                b'\\',
                b'0' + (octet >> 6),
                b'0' + (octet >> 3 & 7),
                b'0' + (octet & 7),
            ]);
            return 4;
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn u16_text(number: u16) -> String {
        let mut room = [0; NUMBER_ROOM];
        let length = write_u16(number, &mut room);
        String::from_utf8(room[..length].to_vec()).unwrap()
    }

    #[test]
    fn every_number_of_16_bits_prints_as_std_does() {
        (0..=u16::MAX).for_each(|number| assert_eq!(u16_text(number), number.to_string()));
    }

    #[track_caller]
    fn check<T>(
        write: impl Fn(T, &mut [u8; NUMBER_ROOM]) -> usize,
        cases: impl IntoIterator<Item = (T, impl AsRef<str>)>,
    ) {
        for (value, expected) in cases {
            let mut room = [b'?'; NUMBER_ROOM];
            let length = write(value, &mut room);
            assert_eq!(std::str::from_utf8(&room[..length]).unwrap(), expected.as_ref());
        }
    }

    #[test]
    fn numbers_of_every_length_print_as_std_does() {
        let powers = (0..20).map(|exponent| 10u64.pow(exponent));
        let near = powers.flat_map(|power| [power - 1, power, power + 1, power.saturating_mul(7)]);
        let unsigned: Vec<u64> = near.chain([1 << 53, u64::MAX, i64::MAX as u64]).collect();
        check(write_u64, unsigned.iter().map(|&number| (number, number.to_string())));
        let signed =
            unsigned.iter().map(|&number| number as i64).flat_map(|number| [number, number.wrapping_neg()]);
        check(write_i64, signed.chain([i64::MIN]).map(|number| (number, number.to_string())));
    }

    #[test]
    fn fractions_have_the_fewest_digits_that_read_back() {
        check(
            write_f64,
            [
                (0.0, "0.0"),
                (-0.5, "-0.5"),
                (3.0, "3.0"),
                (0.1 + 0.2, "0.30000000000000004"),
                (f64::NAN, "NaN"),
            ],
        );
        for number in [f64::MAX, f64::MIN_POSITIVE, -f64::MAX, 5e-324, 1.0 / 3.0, 2.75, 1e16, 1e-7] {
            let mut room = [0; NUMBER_ROOM];
            let length = write_f64(number, &mut room);
            let text = std::str::from_utf8(&room[..length]).unwrap();
            assert_eq!(text.parse::<f64>().unwrap(), number);
            assert!(length <= format!("{number:e}").len() + 4, "{text}");
        }
    }

    #[test]
    fn seconds_have_six_decimals_and_are_rounded_down() {
        check(
            write_seconds,
            [
                (0, "0.000000"),
                (999, "0.000000"),
                (1_000, "0.000001"),
                (-1, "-0.000001"),
                (-1_000_001, "-0.001001"),
                (1_533_309_955_393_636_999, "1533309955.393636"),
                (60_000_000_000, "60.000000"),
                (i64::MAX, "9223372036.854775"),
                (i64::MIN, "-9223372036.854776"),
            ],
        );
    }

    #[test]
    fn bytes_are_two_digits_each() {
        let mut out = Vec::new();
        push_hex(&[0, 0x0F, 0xA0, 0xFF], &mut out);
        assert_eq!(out, b"000fa0ff");
    }

    #[test]
    fn times_print_as_their_number_before_and_after_the_ten_digit_years() {
        let (mut times, mut room) = (Timestamps::default(), [0; NUMBER_ROOM]);
        for second in [
            0,
            1,
            -1,
            999_999_999,
            1_000_000_000,
            1_763_000_000,
            4_294_967_295,
            9_999_999_999,
            10_000_000_000,
        ] {
            for micros in [0, 1, 999_999, 500_000, 7_070] {
                let time = second * 1_000_000 + micros;
                let length = times.write(time, &mut room);
                assert_eq!(std::str::from_utf8(&room[..length]).unwrap(), time.to_string());
            }
        }
        let length = times.write(i64::MIN / 1000, &mut room);
        assert_eq!(std::str::from_utf8(&room[..length]).unwrap(), (i64::MIN / 1000).to_string());
    }

    #[test]
    fn addresses_print_as_std_does() {
        let mut room = [0; ADDRESS_ROOM];
        let mut check = |address: IpAddr| {
            let length = write_address(address, &mut room);
            assert_eq!(std::str::from_utf8(&room[..length]).unwrap(), address.to_string());
        };
        // Every pattern of zero groups, with a few values for the others.
        for zeros in 0..=255u32 {
            for value in [1, 0xA, 0xAB, 0xABC, 0xABCD, 0xFFFF] {
                let groups = std::array::from_fn(|group| if zeros >> group & 1 == 1 { 0u16 } else { value });
                check(Ipv6Addr::from(groups).into());
            }
        }
        check("::ffff:192.0.2.1".parse().unwrap());
        for n in 0..=255u8 {
            check(Ipv4Addr::new(n, n / 2, 255 - n, n.rotate_left(3)).into());
        }
    }

    fn name_text(wire: &[u8]) -> String {
        let mut room = [0; NAME_ROOM];
        let length = write_name(wire, &mut room).length;
        String::from_utf8(room[..length].to_vec()).unwrap()
    }

    #[test]
    fn names_are_escaped_as_dpp_does() {
        for (wire, text) in [
            (&b"\0"[..], "."),
            (b"", ""),
            (b"\x07Example\x03COM\0", "Example.COM"),
            (b"\x01*\x07example\0", "*.example"),
            (
                b"\x02-a\x02*b\x02_c\x03a b\x02\0\xff\x03a,b\x03a\"c\x03a\\d\0",
                "\\-a.*b._c.a\\040b.\\000\\377.a\\,b.a\\\"c.a\\\\d",
            ),
            (b"\x03a.b\x01c\0", "a\\.b.c"),
            (b"\x03a*b\0", "a\\*b"),
            (b"\x02a-\0", "a-"),
        ] {
            assert_eq!(name_text(wire), text);
        }
    }

    #[test]
    fn the_short_way_prints_what_the_long_way_prints() {
        let mut state = 7u64;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        let alphabet = b"abcXYZ019_-*.\x01 \xff";
        let mut plain = 0;
        for _ in 0..200_000 {
            let mut wire = Vec::new();
            let letters = if random(2) == 0 { 11 } else { alphabet.len() as u64 };
            for _ in 0..random(6) {
                let length = 1 + random(20) as usize;
                wire.push(length as u8);
                wire.extend((0..length).map(|_| alphabet[random(letters) as usize]));
            }
            wire.push(0);
            let mut room = [0; NAME_ROOM];
            let length = write_any_name(&wire, &mut room);
            plain += usize::from(write_plain_name(&wire, &mut [0; NAME_ROOM]).is_some());
            assert_eq!(name_text(&wire).as_bytes(), &room[..length], "{wire:?}");
        }
        assert!(plain > 20_000, "the short way was taken {plain} times");
    }
}
