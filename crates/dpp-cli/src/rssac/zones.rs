//! Load times and zone sizes, from a log of zone serials that the operator keeps: no packet tells them.
//!
//! A line is a time, a serial and what happened; lines that begin with `#`, and empty ones, do not count:
//!
//! ```text
//! 2025-06-01T00:05:12Z 2025060100 notify
//! 2025-06-01T00:05:20Z 2025060100 loaded ams1
//! 2025-06-01T00:05:23Z 2025060100 loaded fra1
//! 2025-06-01T00:05:12Z 2025060100 size 1470014
//! 2025-06-01T00:05:12Z 2025060100 instances 42
//! ```
//! The load time of a serial is how long it took, from its first `notify` on, until 95 of 100 instances had loaded it. There are
//! as many instances as the log names, or `instances` says. A serial is of the day of its first `notify`; a size, of its line's.

use anyhow::bail;
use std::collections::{BTreeMap, BTreeSet};

/// What a log tells of a serial.
#[derive(Clone, Debug, Default)]
struct Serial {
    notify_s: Option<i64>,
    /// When each instance had it first.
    loaded_s: BTreeMap<String, i64>,
    instances: Option<u64>,
    size: Option<(i64, u64)>,
}

/// What a log tells.
#[derive(Clone, Debug, Default)]
pub(super) struct Zones {
    serials: BTreeMap<u32, Serial>,
    instances: BTreeSet<String>,
}

/// Serials with a number each.
pub(super) type OfDay = Vec<(u32, u64)>;

impl Zones {
    /// Reads a log.
    ///
    /// # Errors
    /// The first line that cannot be understood.
    pub(super) fn parse(text: &str) -> anyhow::Result<Zones> {
        let mut zones = Zones::default();
        for (number, line) in (1..).zip(text.lines()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.first().is_none_or(|word| word.starts_with('#')) {
                continue;
            }
            if zones.line(&words).is_none() {
                bail!(
                    "line {number} is not understood: '{line}'; a line is a time (2025-06-01T00:05:12Z), a serial, and notify, loaded INSTANCE, size OCTETS or instances NUMBER"
                )
            }
        }
        Ok(zones)
    }

    fn line(&mut self, words: &[&str]) -> Option<()> {
        let (time_s, serial) = (seconds(words.first()?)?, words.get(1)?.parse().ok()?);
        let serial = self.serials.entry(serial).or_default();
        match words.get(2..)? {
            ["notify"] => serial.notify_s = Some(serial.notify_s.map_or(time_s, |first| first.min(time_s))),
            ["loaded", instance] => {
                let first = serial.loaded_s.entry((*instance).to_owned()).or_insert(time_s);
                *first = time_s.min(*first);
                self.instances.insert((*instance).to_owned());
            }
            ["size", octets] => serial.size = Some((time_s, octets.parse().ok()?)),
            ["instances", count] => serial.instances = Some(count.parse().ok().filter(|count| *count > 0)?),
            _ => return None,
        }
        Some(())
    }

    /// Load times in seconds, by serial. A serial that 95 of 100 instances never had has none.
    pub(super) fn load_times(&self, day: u16) -> OfDay {
        let mut times = Vec::new();
        for (serial, told) in &self.serials {
            let Some(notify_s) = told.notify_s.filter(|time_s| day_of(*time_s) == i64::from(day)) else {
                continue;
            };
            let mut loaded: Vec<i64> = told.loaded_s.values().copied().collect();
            loaded.sort_unstable();
            let instances = told.instances.unwrap_or(self.instances.len() as u64);
            let least = (u128::from(instances) * 95).div_ceil(100).max(1) as usize;
            if let Some(time_s) = loaded.get(least - 1) {
                times.push((*serial, time_s.saturating_sub(notify_s).max(0) as u64));
            }
        }
        times
    }

    /// Sizes in octets, by serial.
    pub(super) fn sizes(&self, day: u16) -> OfDay {
        let sizes = self.serials.iter().filter_map(|(serial, told)| Some((*serial, told.size?)));
        sizes
            .filter(|(_, (time_s, _))| day_of(*time_s) == i64::from(day))
            .map(|(serial, (_, octets))| (serial, octets))
            .collect()
    }
}

fn day_of(time_s: i64) -> i64 {
    time_s.div_euclid(86_400)
}

/// The seconds of a time in UTC, `YYYY-MM-DDTHH:MM:SSZ`, or of seconds since 1970.
fn seconds(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let day = dpp::tallies::rssac::day_of(&date.replace('-', "")).filter(|_| date.len() == 10)?;
    let mut parts = time.split(':').map(|part| part.parse::<i64>().ok().filter(|_| part.len() == 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let is_time = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    (is_time && parts.next().is_none()).then(|| i64::from(day) * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u16 = 20_240;

    fn log(lines: &str) -> Zones {
        Zones::parse(&lines.replace("1 ", "2025-06-01T00:00:0")).unwrap()
    }

    #[test]
    fn a_load_time_is_that_of_the_instance_that_makes_it_95_of_100() {
        let mut text = "2025-06-01T23:59:59Z 7 notify\n".to_owned();
        (0..20).for_each(|number| text += &format!("2025-06-02T00:00:{number:02}Z 7 loaded i{number}\n"));
        let zones = Zones::parse(&text).unwrap();
        assert_eq!((zones.load_times(DAY), zones.load_times(DAY + 1)), (vec![(7, 19)], vec![]));
        let zones = Zones::parse(&(text.clone() + "1748736000 7 instances 21\n")).unwrap();
        assert_eq!(zones.load_times(DAY), [(7, 20)]);
        let zones = Zones::parse(&(text + "1748736000 7 instances 22\n")).unwrap();
        assert_eq!(zones.load_times(DAY), [], "too few have it");
    }

    #[test]
    fn lines_are_told_by_their_words() {
        let zones = log(
            "# a comment\n\n1 1Z 7 notify\n1 3Z 7 notify\n1 5Z 7 loaded a\n1 4Z 7 loaded a\n1 2Z 8 size 1470014\n",
        );
        assert_eq!((zones.load_times(DAY), zones.sizes(DAY)), (vec![(7, 3)], vec![(8, 1_470_014)]));
        for wrong in [
            "7 notify",
            "2025-06-01T00:00:00 7 notify",
            "2025-02-29T00:00:00Z 7 notify",
            "1 x notify",
            "1 7 loaded",
            "1 7 gone a",
        ] {
            assert!(
                Zones::parse(wrong).unwrap_err().to_string().starts_with("line 1 is not understood"),
                "{wrong}"
            );
        }
    }
}
