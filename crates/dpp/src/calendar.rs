//! Seconds since 1970 as calendar and clock have them, always UTC.
//!
//! The surprising fact: years begin in March here, so that the day which comes and goes is the last of its year. Whoever prints a
//! date asks this room, and nobody counts days elsewhere.

const DAY_SECONDS: i64 = 86_400;

/// A second as calendar and clock have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59: leap seconds are none of their own since 1970.
    pub second: u8,
}

/// Days of 400 years, after which the Gregorian calendar comes round.
const CYCLE_DAYS: i64 = 400 * 365 + 97;
/// Days from 1600-03-01 to 1970-01-01.
const MARCH_1600: i64 = 135_080;

impl Civil {
    /// A second of the years that 64 bits of nanoseconds reach.
    pub fn of(second: i64) -> Civil {
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

    const SECOND_NS: i64 = 1_000_000_000;

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
}
