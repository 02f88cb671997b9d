//! Times as dates: `2026-11-21T14:38:28.123456789Z` (RFC 3339), nine digits, always UTC.
//!
//! Nanoseconds of 64 bits reach from 1677 to 2262, so years have four digits and none is negative. Printing remembers the
//! second it printed last, for the next row's is mostly the same; a new one costs a division or two.

use super::{NUMBER_ROOM, THREE_DIGITS};

const SECOND_NS: i64 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;

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

/// A second as calendar and clock have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: u16,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
}

/// Days of 400 years, after which the Gregorian calendar comes round.
const CYCLE_DAYS: i64 = 400 * 365 + 97;
/// Days from 1600-03-01 to 1970-01-01.
const MARCH_1600: i64 = 135_080;

impl Civil {
    /// A second of the years that 64 bits of nanoseconds reach.
    pub(crate) fn of(second: i64) -> Civil {
        let (day, clock) = (second.div_euclid(DAY_SECONDS), second.rem_euclid(DAY_SECONDS));
        // Years that begin in March have the day that comes and goes at their end.
        let since = day + MARCH_1600;
        let (cycle, of_cycle) = (since.div_euclid(CYCLE_DAYS), since.rem_euclid(CYCLE_DAYS));
        // Of a cycle the last day is a day more than four centuries, of a century's four years likewise.
        let century = (of_cycle / 36_524).min(3);
        let of_century = of_cycle - century * 36_524;
        let four = of_century / 1461;
        let of_four = of_century - four * 1461;
        let one = (of_four / 365).min(3);
        let of_year = of_four - one * 365;
        let year = 1600 + cycle * 400 + century * 100 + four * 4 + one;
        // March, April, ... have 31, 30, 31, 30, 31 days; from August on the same, and from January.
        let (half, of_half) = (of_year / 153, of_year % 153);
        let pair = of_half / 61;
        let of_pair = of_half - pair * 61;
        let (month, of_month) = if of_pair < 31 { (0, of_pair) } else { (1, of_pair - 31) };
        let month = half * 5 + pair * 2 + month;
        let is_next = month >= 10;
        Civil {
            year: (year + i64::from(is_next)) as u16,
            month: (if is_next { month - 9 } else { month + 3 }) as u8,
            day: (of_month + 1) as u8,
            hour: (clock / 3600) as u8,
            minute: (clock / 60 % 60) as u8,
            second: (clock % 60) as u8,
        }
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

    /// The plain twin: from day to day.
    fn next(date: (u16, u8, u8)) -> (u16, u8, u8) {
        let (year, month, day) = date;
        let is_leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
        let days = match month {
            2 => 28 + u8::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        match (month, day) {
            (12, 31) => (year + 1, 1, 1),
            _ if day == days => (year, month + 1, 1),
            _ => (year, month, day + 1),
        }
    }

    #[test]
    fn every_day_that_can_be_told_is_the_day_after_the_one_before() {
        let date = |day: i64| {
            let Civil { year, month, day, .. } = Civil::of(day * DAY_SECONDS);
            (year, month, day)
        };
        assert_eq!(date(0), (1970, 1, 1));
        let reach = i64::MAX / SECOND_NS / DAY_SECONDS + 1;
        (-reach..reach).for_each(|day| assert_eq!(date(day + 1), next(date(day)), "{day}"));
    }

    #[test]
    fn days_and_hours_are_those_of_the_calendar() {
        let told = |second| {
            let Civil { year, month, day, hour, .. } = Civil::of(second);
            (year, month, day, hour)
        };
        assert_eq!(told(0), (1970, 1, 1, 0));
        assert_eq!(told(951_782_400), (2000, 2, 29, 0));
        assert_eq!(told(951_868_800 + 3600 * 23), (2000, 3, 1, 23));
        assert_eq!(told(1_795_271_999), (2026, 11, 21, 14));
        assert_eq!(told(-1), (1969, 12, 31, 23));
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
