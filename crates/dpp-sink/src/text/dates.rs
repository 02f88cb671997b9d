//! Times as dates: `2026-11-21T14:38:28.123456789Z` (RFC 3339), nine digits, always UTC.
//!
//! Nanoseconds of 64 bits reach from 1677 to 2262, so years have four digits and none is negative. Printing remembers the
//! second it printed last, for the next row's is mostly the same; a new one costs a division or two.

use super::{NUMBER_ROOM, THREE_DIGITS};
use dpp::calendar::Civil;

const SECOND_NS: i64 = 1_000_000_000;

/// How long a date is: `2026-11-21T14:38:28.123456789Z`.
const DATE_LENGTH: usize = 30;

/// Prints times as dates.
#[derive(Clone, Copy, Debug)]
pub struct Dates {
    /// The second since 1970 that was printed last.
    second: i64,
    /// Its text, with the dot behind it.
    text: [u8; 20],
}

impl Default for Dates {
    fn default() -> Self {
        Dates { second: 0, text: *b"1970-01-01T00:00:00." }
    }
}

impl Dates {
    /// Prints nanoseconds since 1970 as RFC 3339 says.
    #[inline]
    pub fn write(&mut self, ns: i64, room: &mut [u8; NUMBER_ROOM]) -> usize {
        let (second, fraction) = (ns.div_euclid(SECOND_NS), ns.rem_euclid(SECOND_NS) as usize);
        if second != self.second {
            self.turn_to(second);
        }
        room[..20].copy_from_slice(&self.text);
        room[20..24].copy_from_slice(&THREE_DIGITS[fraction / 1_000_000]);
        room[23..27].copy_from_slice(&THREE_DIGITS[fraction / 1000 % 1000]);
        room[26..30].copy_from_slice(&THREE_DIGITS[fraction % 1000]);
        room[29] = b'Z';
        DATE_LENGTH
    }

    /// Prepares the text of another second.
    #[cold]
    fn turn_to(&mut self, second: i64) {
        let Civil { year, month, day, hour, minute, second: of_minute } = Civil::of(second);
        let century = (year / 100) as u8;
        for (at, pair) in [
            (0, century),
            (2, (year % 100) as u8),
            (5, month),
            (8, day),
            (11, hour),
            (14, minute),
            (17, of_minute),
        ] {
            self.text[at..at + 2].copy_from_slice(&[b'0' + pair / 10, b'0' + pair % 10]);
        }
        self.second = second;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ns: i64) -> String {
        let mut room = [0; NUMBER_ROOM];
        let length = Dates::default().write(ns, &mut room);
        String::from_utf8(room[..length].to_vec()).unwrap()
    }

    #[test]
    fn times_are_dates_with_nine_digits() {
        for (ns, expected) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (1_795_271_908_123_456_789, "2026-11-21T14:38:28.123456789Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
            (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
        ] {
            assert_eq!(text(ns), expected);
        }
    }

    #[test]
    fn a_second_that_is_remembered_prints_as_one_that_is_not() {
        let (mut dates, mut room) = (Dates::default(), [0; NUMBER_ROOM]);
        for ns in
            [5, SECOND_NS - 1, SECOND_NS, SECOND_NS + 7_000_000, 3, -SECOND_NS, 0, 1_700_000_000 * SECOND_NS]
        {
            let length = dates.write(ns, &mut room);
            assert_eq!(std::str::from_utf8(&room[..length]).unwrap(), text(ns));
        }
    }
}
