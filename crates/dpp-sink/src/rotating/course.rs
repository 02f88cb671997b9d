//! Where files end: by the times of rows, their number and their bytes.
//!
//! A [`Course`] sees every row before it is written, and says whether the file that is open is still its. It knows nothing of
//! files and threads, and asks no clock: the same rows make the same files. The surprising fact: the time of a row is not
//! simply believed. Who sends it to a live source may lie; there the capture's own clock is known, which nobody can forge, and
//! no row is of a later time than that. In a capture in files one row from the far future begins a file of the far future, and
//! all rows after it are late; when as many as no single disorder explains have come, time has gone back, and the next file has a
//! true name again.

use super::Settings;
use dpp::limits::RotationLimits;

/// Decides where files end.
#[derive(Debug)]
pub(super) struct Course {
    every_ns: Option<i64>,
    rows_max: u64,
    bytes_max: u64,
    grace_ns: i64,
    limits: RotationLimits,
    open: Option<Open>,
    /// The capture's clock, if it has not ended, where it was told last.
    clock_ns: Option<i64>,
    /// The same less the grace, up to where rows have been sorted: what comes from before is late.
    over_ns: i64,
    /// Rows that came after the end of their period, or before its beginning, and so are in the file of another.
    pub(super) misfiled: u64,
}

/// The file that is open.
#[derive(Debug)]
struct Open {
    /// The beginning of its period, or the time of its first row.
    name_ns: i64,
    rows: u64,
    bytes: u64,
    /// How many rows in succession were of a much earlier time.
    far_back: u64,
}

impl Course {
    pub(super) fn new(settings: &Settings) -> Course {
        Course {
            every_ns: settings.every.map(|every| i64::try_from(every.as_nanos()).unwrap_or(i64::MAX)),
            rows_max: settings.rows.map_or(u64::MAX, u64::from),
            bytes_max: settings.bytes.map_or(u64::MAX, u64::from),
            grace_ns: i64::try_from(settings.grace.as_nanos()).unwrap_or(i64::MAX),
            limits: settings.limits,
            open: None,
            clock_ns: None,
            over_ns: i64::MIN,
            misfiled: 0,
        }
    }

    /// The open file ends, and the next one will end where these settings say. What is known of time stays known.
    pub(super) fn change(&mut self, settings: &Settings) {
        let Course { clock_ns, over_ns, misfiled, .. } = *self;
        *self = Course { clock_ns, over_ns, misfiled, ..Course::new(settings) };
    }

    /// Where the period of a time begins. They divide days, or are of days since 1970.
    fn period(&self, time_ns: i64) -> i64 {
        self.every_ns.map_or(time_ns, |every_ns| time_ns.saturating_sub(time_ns.rem_euclid(every_ns)))
    }

    /// The capture's clock behind the rows that come next; told before them. `true` if the open file ends with that: it is of a
    /// time that is still to come, as the clock has gone back since.
    pub(super) fn follow(&mut self, clock_ns: i64) -> bool {
        self.clock_ns = Some(clock_ns);
        self.over_ns = self.over_ns.min(clock_ns);
        let back_ns = clock_ns.saturating_add(self.limits.late_ns);
        let has_gone_back =
            self.every_ns.is_some() && self.open.as_ref().is_some_and(|open| open.name_ns > back_ns);
        if has_gone_back {
            self.end();
        }
        has_gone_back
    }

    /// Whether a row of this time begins a file, and which time its name tells.
    pub(super) fn begins(&mut self, time_ns: i64) -> Option<i64> {
        let ahead_of = self.clock_ns.filter(|clock_ns| time_ns > *clock_ns);
        let name_ns = match &mut self.open {
            None => self.period_of_next(ahead_of.unwrap_or(time_ns)),
            Some(open) => {
                let end_ns = open.name_ns.saturating_add(self.every_ns?);
                let is_far_back = time_ns < open.name_ns.saturating_sub(self.limits.late_ns);
                // Where there is a clock, it says when time has gone back.
                open.far_back = if is_far_back && self.clock_ns.is_none() { open.far_back + 1 } else { 0 };
                if ahead_of.is_some() || time_ns < end_ns && open.far_back <= self.limits.late_rows {
                    self.misfiled += u64::from(!(open.name_ns..end_ns).contains(&time_ns));
                    return None;
                }
                self.period(time_ns)
            }
        };
        self.misfiled += u64::from(self.every_ns.is_some() && self.period(time_ns) != name_ns);
        self.open = Some(Open { name_ns, rows: 0, bytes: 0, far_back: 0 });
        Some(name_ns)
    }

    /// The period of a row where no file is open. If its own is over it is late, and belongs to the one that the clock is at: else
    /// a source whose clock is behind the others would get a file for each of its rows.
    fn period_of_next(&self, time_ns: i64) -> i64 {
        let Some(every_ns) = self.every_ns else { return time_ns };
        let own = self.period(time_ns);
        if own.saturating_add(every_ns) > self.over_ns { own } else { self.period(self.over_ns) }
    }

    /// Takes rows into the open file. `true` if it is full: the next row begins another.
    pub(super) fn add(&mut self, rows: u64, bytes: u64) -> bool {
        let Some(open) = &mut self.open else { return false };
        open.rows += rows;
        open.bytes += bytes;
        let is_full = open.rows >= self.rows_max || open.bytes >= self.bytes_max;
        if is_full {
            self.open = None;
        }
        is_full
    }

    /// Whoever is in charge wants the open file to end.
    pub(super) fn end(&mut self) {
        self.open = None;
    }

    /// The capture's clock is there now. `true` if the open file ends with that.
    pub(super) fn is_over(&mut self, clock_ns: i64) -> bool {
        self.over_ns = clock_ns.saturating_sub(self.grace_ns);
        let (Some(open), Some(every_ns)) = (&self.open, self.every_ns) else { return false };
        let is_over = open.name_ns.saturating_add(every_ns) <= self.over_ns;
        if is_over {
            self.open = None;
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::Template;
    use std::num::NonZeroU64;
    use std::time::Duration;

    const SECOND: i64 = 1_000_000_000;

    fn settings(every_s: u64) -> Settings {
        let template = Template::parse("%s-{seq}", None).unwrap();
        let limits = RotationLimits { late_rows: 3, ..RotationLimits::default() };
        let every = (every_s > 0).then(|| Duration::from_secs(every_s));
        Settings { every, limits, grace: Duration::from_secs(2), ..Settings::new(template) }
    }

    /// Rows of these times, in seconds, of 10 bytes each; told are files as `name: times`, and how many rows are in another file
    /// than their period's. A `c` stands before the clock behind the rows that follow, a `q` before that behind those that came,
    /// a `p` before a period that is in force from there on.
    fn check(settings: &Settings, rows: &str, expected: &[&str], misfiled: u64) {
        let (mut course, mut files, mut is_open) = (Course::new(settings), Vec::<String>::new(), false);
        for word in rows.split_whitespace() {
            if let Some(every_s) = word.strip_prefix('p') {
                let every = Some(Duration::from_secs(every_s.parse().unwrap()));
                course.change(&Settings { every, ..settings.clone() });
                is_open = false;
                continue;
            }
            if let Some(quiet) = word.strip_prefix('q') {
                is_open &= !course.is_over(quiet.parse::<i64>().unwrap() * SECOND);
                continue;
            }
            if let Some(clock) = word.strip_prefix('c') {
                is_open &= !course.follow(clock.parse::<i64>().unwrap() * SECOND);
                continue;
            }
            let begun = course.begins(word.parse::<i64>().unwrap() * SECOND);
            assert!(is_open || begun.is_some(), "{word} has a file");
            files.extend(begun.map(|name_ns| format!("{}:", name_ns / SECOND)));
            *files.last_mut().unwrap() += &format!(" {word}");
            is_open = !course.add(1, 10);
        }
        let expected = expected.iter().map(|file| file.to_string()).collect();
        assert_eq!((files, course.misfiled), (expected, misfiled), "{rows}");
    }

    #[test]
    fn a_file_ends_with_the_first_row_of_a_later_period() {
        check(&settings(60), "61 119 120 185 500", &["60: 61 119", "120: 120", "180: 185", "480: 500"], 0);
        check(&settings(86_400), "5 86399 86400", &["0: 5 86399", "86400: 86400"], 0);
        check(&settings(60), "-1 0", &["-60: -1", "0: 0"], 0);
    }

    #[test]
    fn a_late_row_goes_into_the_file_that_is_open_and_is_counted() {
        check(&settings(60), "119 120 119 118 121", &["60: 119", "120: 120 119 118 121"], 2);
    }

    #[test]
    fn one_row_from_the_future_does_not_hold_all_others() {
        check(&settings(60), "1 9000 2 3 4 5 6", &["0: 1", "9000: 9000 2 3 4", "0: 5 6"], 3);
    }

    #[test]
    fn two_clocks_that_differ_do_not_make_a_file_with_every_turn() {
        check(
            &settings(60),
            "9000 1 2 3 9001 4 5 6 9002 7 8 9 9003",
            &["9000: 9000 1 2 3 9001 4 5 6 9002 7 8 9 9003"],
            9,
        );
    }

    #[test]
    fn rows_that_are_a_little_late_are_so_however_many_they_are() {
        check(&settings(60), "60 55 55 55 55 55 55 61", &["60: 60 55 55 55 55 55 55 61"], 6);
    }

    #[test]
    fn where_nothing_comes_a_file_ends_a_grace_after_its_period() {
        check(&settings(60), "1 q61 59 q62 60", &["0: 1 59", "60: 60"], 0);
        check(&settings(0), "1 q9999 2", &["1: 1 2"], 0);
    }

    #[test]
    fn a_row_that_comes_when_its_file_is_closed_is_late_for_the_next() {
        check(&settings(60), "1 q62 59 61", &["0: 1", "60: 59 61"], 1);
        check(&settings(60), "1 q500 59 61 481", &["0: 1", "480: 59 61 481"], 2);
    }

    #[test]
    fn where_nothing_comes_two_clocks_that_differ_make_no_more_files_either() {
        let files = ["9000: 9000", "9060: 1 2 9065 3"];
        check(&settings(60), "9000 q9062 1 q9063 2 q9064 9065 q9066 3 q9067", &files, 3);
    }

    #[test]
    fn a_clock_that_has_gone_back_is_followed() {
        check(&settings(60), "9000 q9062 q5 6", &["9000: 9000", "0: 6"], 0);
    }

    #[test]
    fn where_there_is_a_clock_rows_from_the_future_move_nothing() {
        check(&settings(60), "c3 1 9000 2 3 c60 9001 4 60 c62 61", &["0: 1 9000 2 3 9001 4", "60: 60 61"], 2);
        check(&settings(60), "c3 9000 1 q3 c70 64 q70", &["0: 9000 1", "60: 64"], 1);
        check(
            &settings(60),
            "c3 1 c4 -9000 -9000 -9000 -9000 -9000 4",
            &["0: 1 -9000 -9000 -9000 -9000 -9000 4"],
            5,
        );
        check(&settings(0), "c3 9000 2", &["3: 9000 2"], 0);
    }

    #[test]
    fn a_clock_that_has_gone_back_ends_the_file_of_the_time_to_come() {
        check(&settings(60), "c1 1 c9001 9001 q9001 c2 2 c3 3", &["0: 1", "9000: 9001", "0: 2 3"], 0);
        check(&settings(60), "c61 61 c55 55 c62 62", &["60: 61 55 62"], 1);
    }

    #[test]
    fn a_file_of_so_many_rows_has_exactly_so_many() {
        let settings = Settings { rows: NonZeroU64::new(2), ..settings(0) };
        check(&settings, "1 2 3 4 5", &["1: 1 2", "3: 3 4", "5: 5"], 0);
    }

    #[test]
    fn a_file_ends_with_the_row_that_fills_it() {
        let settings = Settings { bytes: NonZeroU64::new(25), ..settings(0) };
        check(&settings, "1 2 3 4", &["1: 1 2 3", "4: 4"], 0);
    }

    #[test]
    fn another_period_is_in_force_from_the_next_file_on() {
        check(&settings(60), "65 p300 66 290 301", &["60: 65", "0: 66 290", "300: 301"], 0);
        check(&settings(300), "65 p10 66 71 69", &["0: 65", "60: 66", "70: 71 69"], 1);
        check(&settings(0), "65 66 p60 67 121", &["65: 65 66", "60: 67", "120: 121"], 0);
        // What was over before stays over.
        check(&settings(60), "1 q500 p10 59 499 q512 511", &["0: 1", "490: 59 499", "510: 511"], 1);
    }

    #[test]
    fn what_comes_first_ends_a_file() {
        let settings = Settings { rows: NonZeroU64::new(2), ..settings(60) };
        check(&settings, "1 60 61 62", &["0: 1", "60: 60 61", "60: 62"], 0);
    }

    #[test]
    fn times_at_the_end_of_what_can_be_told_are_times_too() {
        let settings = settings(60);
        let mut course = Course::new(&settings);
        for time_ns in [i64::MIN, i64::MAX, i64::MIN, i64::MAX] {
            course.begins(time_ns);
            course.add(1, u64::MAX / 8);
            course.is_over(time_ns);
        }
        for clock_ns in [i64::MIN, i64::MAX, i64::MIN, i64::MAX] {
            course.follow(clock_ns);
            course.begins(clock_ns);
            course.begins(i64::MAX);
            course.begins(i64::MIN);
            course.is_over(clock_ns);
        }
    }
}
