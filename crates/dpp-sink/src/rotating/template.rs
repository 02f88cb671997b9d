//! What files are called: `dns-{site}-%Y%m%d-%H%M.csv.gz`.
//!
//! A template is read once, at the start, and then two things are made of it: names, from a time and a number, and a pattern
//! that knows these names again, by which [`recover`](super::recover()) finds what a killed run left. The surprising fact: a name that
//! is taken gets a number before its extension (`dns-1.csv.gz`), so a template also knows where that begins.

use dpp::calendar::Civil;
use dpp::limits::{PLACE_NAME_MAX, TEMPLATE_PARTS_MAX};
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// What files are called, with the folders they are in.
///
/// | part | stands for |
/// | --- | --- |
/// | `%Y` `%m` `%d` `%j` | year, month, day of the month, day of the year |
/// | `%H` `%M` `%S` | hour, minute, second |
/// | `%s` | seconds since 1970 |
/// | `{site}` | the site that was named |
/// | `{seq}` | the number of the file in this run, from 0, six digits or more |
/// | `%%` | a percent sign |
///
/// Times are UTC: where the file's period begins, or, if files have no periods, the time of its first row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// All but the extension.
    parts: Vec<Part>,
    extension: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Time(&'static Unit),
    Sequence,
}

/// A part of a time.
#[derive(Debug)]
struct Unit {
    letter: char,
    /// So many digits; 0 if any number.
    digits: usize,
    value: fn(i64, &Civil) -> i64,
}

impl PartialEq for Unit {
    fn eq(&self, other: &Self) -> bool {
        self.letter == other.letter
    }
}

impl Eq for Unit {}

/// All of them.
const UNITS: &[Unit] = &[
    Unit { letter: 'Y', digits: 4, value: |_, civil| civil.year.into() },
    Unit { letter: 'm', digits: 2, value: |_, civil| civil.month.into() },
    Unit { letter: 'd', digits: 2, value: |_, civil| civil.day.into() },
    Unit { letter: 'j', digits: 3, value: |_, civil| day_of_year(civil) },
    Unit { letter: 'H', digits: 2, value: |_, civil| civil.hour.into() },
    Unit { letter: 'M', digits: 2, value: |_, civil| civil.minute.into() },
    Unit { letter: 'S', digits: 2, value: |_, civil| civil.second.into() },
    Unit { letter: 's', digits: 0, value: |second, _| second },
];

/// Digits of `{seq}`, at least.
const SEQUENCE_DIGITS: usize = 6;

fn day_of_year(civil: &Civil) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let is_leap =
        civil.year.is_multiple_of(4) && !civil.year.is_multiple_of(100) || civil.year.is_multiple_of(400);
    let leap_day = i64::from(is_leap && civil.month > 2);
    BEFORE[usize::from(civil.month) - 1] + i64::from(civil.day) + leap_day
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A part in braces that does not exist, or whose brace does not close.
    #[error("there is no part '{0}'; there are {{site}} and {{seq}}")]
    Part(String),
    /// A percent sign before something that is no part of a time.
    #[error("there is no part '%{0}' of a time; there are {units}, and %% for a percent sign", units = units())]
    Time(String),
    /// `{site}` without a site.
    #[error("{{site}} is in it, but no site is named; name one, or leave {{site}} out")]
    NoSite,
    /// A site that cannot be in a name.
    #[error("'{0}' cannot be the site in a file's name: it is empty, too long, or has a slash in it")]
    Site(String),
    /// It ends with a slash, or has nothing in it.
    #[error("it names no file; put a name behind the folder, like 'dns-%Y%m%d-%H%M.csv'")]
    NoFile,
    /// More parts than a name could need.
    #[error("it has more than {TEMPLATE_PARTS_MAX} parts")]
    Long,
}

/// The units, as they are written.
fn units() -> String {
    let written: Vec<String> = UNITS.iter().map(|unit| format!("%{}", unit.letter)).collect();
    written.join(" ")
}

impl Template {
    /// Reads a template; `site` is what `{site}` stands for.
    ///
    /// # Errors
    /// [`TemplateError`] says what is wrong.
    ///
    /// ```
    /// # use dpp_sink::rotating::Template;
    /// let template = Template::parse("out/%Y/%m%d-{site}-{seq}.csv.gz", Some("ams"))?;
    /// assert_eq!(template.path(1_795_271_908_000_000_000, 7, 0).to_str(), Some("out/2026/1121-ams-000007.csv.gz"));
    /// assert_eq!(template.path(1_795_271_908_000_000_000, 7, 2).to_str(), Some("out/2026/1121-ams-000007-2.csv.gz"));
    /// # Ok::<(), dpp_sink::rotating::TemplateError>(())
    /// ```
    pub fn parse(template: &str, site: Option<&str>) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some(letter) = rest.chars().next() {
            let (part, size) = match letter {
                '{' => {
                    let size = rest.find('}').map_or(rest.len(), |at| at + 1);
                    (braces(&rest[..size], site)?, size)
                }
                '%' => {
                    let letter = rest[1..].chars().next();
                    (time(letter)?, 1 + letter.map_or(0, char::len_utf8))
                }
                letter => (Part::Text(letter.to_string()), letter.len_utf8()),
            };
            add(&mut parts, part);
            if parts.len() > TEMPLATE_PARTS_MAX {
                return Err(TemplateError::Long);
            }
            rest = &rest[size..];
        }
        if template.is_empty() || template.ends_with('/') {
            return Err(TemplateError::NoFile);
        }
        let extension = split_extension(&mut parts);
        Ok(Template { parts, extension })
    }

    /// The name of the file of this time (ns) and number. `copy` is 0, or tells it from files that have that name already.
    pub fn path(&self, time_ns: i64, sequence: u64, copy: u32) -> PathBuf {
        let second = time_ns.div_euclid(1_000_000_000);
        let civil = Civil::of(second);
        let mut path = String::new();
        for part in &self.parts {
            let written = match part {
                Part::Text(text) => write!(path, "{text}"),
                Part::Time(unit) => {
                    write!(path, "{:0width$}", (unit.value)(second, &civil), width = unit.digits)
                }
                Part::Sequence => write!(path, "{sequence:0SEQUENCE_DIGITS$}"),
            };
            written.expect("a string has room");
        }
        if copy > 0 {
            write!(path, "-{copy}").expect("a string has room");
        }
        path.push_str(&self.extension);
        path.into()
    }

    /// Whether `{seq}` is in it.
    pub(super) fn is_numbered(&self) -> bool {
        self.parts.contains(&Part::Sequence)
    }

    /// What is missing in it for periods of so many seconds to have different names, as parts of a template.
    pub(super) fn missing_for(&self, seconds: i64) -> Vec<&'static str> {
        const DAY: i64 = 86_400;
        let has =
            |letter| self.parts.iter().any(|part| matches!(part, Part::Time(unit) if unit.letter == letter));
        if has('s') || self.is_numbered() {
            return Vec::new();
        }
        let is_told = [
            ("%Y", has('Y')),
            ("%j", has('j') || has('m') && has('d')),
            ("%H", has('H') || seconds % DAY == 0),
            ("%M", has('M') || seconds % 3600 == 0),
            ("%S", has('S') || seconds % 60 == 0),
        ];
        is_told.into_iter().filter(|(_, told)| !told).map(|(part, _)| part).collect()
    }

    /// The patterns that folders and name have, from the first folder on.
    pub(super) fn patterns(&self) -> Vec<Pattern> {
        let mut patterns = vec![Pattern::default()];
        for part in &self.parts {
            let mut pattern = patterns.pop().expect("there is one always");
            match part {
                Part::Text(text) => {
                    let mut folders = text.split('/');
                    pattern.0.extend(folders.next().map(|text| Match::Text(text.to_owned())));
                    for text in folders {
                        patterns.push(std::mem::replace(
                            &mut pattern,
                            Pattern(vec![Match::Text(text.to_owned())]),
                        ));
                    }
                }
                Part::Time(unit) if unit.digits > 0 => pattern.0.push(Match::Digits(unit.digits)),
                Part::Time(_) | Part::Sequence => pattern.0.push(Match::Number),
            }
            patterns.push(pattern);
        }
        let name = patterns.last_mut().expect("there is one always");
        name.0.extend([Match::Copy, Match::Text(self.extension.clone())]);
        patterns
    }
}

/// Adds a part; text to text.
fn add(parts: &mut Vec<Part>, part: Part) {
    match (parts.last_mut(), part) {
        (Some(Part::Text(text)), Part::Text(more)) => text.push_str(&more),
        (_, part) => parts.push(part),
    }
}

fn braces(part: &str, site: Option<&str>) -> Result<Part, TemplateError> {
    match part {
        "{seq}" => Ok(Part::Sequence),
        "{site}" => {
            let site = site.ok_or(TemplateError::NoSite)?;
            let fits = (1..=PLACE_NAME_MAX).contains(&site.len()) && !site.contains(['/', '\0']);
            fits.then(|| Part::Text(site.to_owned())).ok_or_else(|| TemplateError::Site(site.to_owned()))
        }
        _ => Err(TemplateError::Part(part.chars().take(64).collect())),
    }
}

/// The part that stands for a time, from the letter behind its percent sign.
fn time(letter: Option<char>) -> Result<Part, TemplateError> {
    if letter == Some('%') {
        return Ok(Part::Text("%".to_owned()));
    }
    let unit = UNITS.iter().find(|unit| Some(unit.letter) == letter);
    unit.map(Part::Time).ok_or_else(|| TemplateError::Time(letter.into_iter().collect()))
}

/// Takes the extension off: of the text at the end, what is behind the name's first dot; a name does not begin with it.
fn split_extension(parts: &mut [Part]) -> String {
    let is_whole_name = parts.len() == 1;
    let Some(Part::Text(text)) = parts.last_mut() else { return String::new() };
    let name = text.rfind('/').map_or(0, |at| at + 1);
    let begins_name = is_whole_name || name > 0;
    let first = name + text[name..].chars().next().filter(|_| begins_name).map_or(0, char::len_utf8);
    text[first..].find('.').map_or_else(String::new, |at| text.split_off(first + at))
}

/// What the name of a folder or file looks like.
#[derive(Clone, Debug, Default)]
pub(super) struct Pattern(Vec<Match>);

#[derive(Clone, Debug)]
enum Match {
    Text(String),
    Digits(usize),
    /// Digits, perhaps behind a minus.
    Number,
    /// Nothing, or a minus and digits.
    Copy,
}

impl Pattern {
    /// The only name it has, if there is only one.
    pub(super) fn only(&self) -> Option<String> {
        self.0
            .iter()
            .map(|part| if let Match::Text(text) = part { Some(text.as_str()) } else { None })
            .collect()
    }

    /// Whether a name is like that.
    pub(super) fn matches(&self, name: &str) -> bool {
        // The places in the name that can be reached so far.
        let mut places = vec![0];
        for part in &self.0 {
            let reached =
                |&at: &usize| part.ends(&name[at..]).map(move |length| at + length).collect::<Vec<_>>();
            places = places.iter().flat_map(reached).collect();
            places.sort_unstable();
            places.dedup();
        }
        places.contains(&name.len())
    }
}

impl Match {
    /// How long this may be at the beginning of `rest`.
    fn ends(&self, rest: &str) -> impl Iterator<Item = usize> + use<> {
        let digits = |from: usize| {
            let rest = rest.as_bytes().get(from..).unwrap_or_default();
            from + rest.iter().take_while(|octet| octet.is_ascii_digit()).count()
        };
        let minus = usize::from(rest.starts_with('-'));
        let lengths = match self {
            Match::Text(text) if rest.starts_with(text.as_str()) => text.len()..=text.len(),
            Match::Digits(count) if digits(0) >= *count => *count..=*count,
            Match::Number => minus + 1..=digits(minus),
            Match::Copy if minus == 1 => 2..=digits(1),
            Match::Text(_) | Match::Digits(_) | Match::Copy => RangeInclusive::new(1, 0),
        };
        matches!(self, Match::Copy).then_some(0).into_iter().chain(lengths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-12-31T23:59:58Z, the last day of a leap year.
    const TIME_NS: i64 = 1_735_689_598_123_456_789;

    fn template(text: &str) -> Template {
        Template::parse(text, Some("ams")).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Names of this template, as such and as the third of this name.
    fn check(text: &str, expected: &str, third: &str) {
        let template = template(text);
        assert_eq!(template.path(TIME_NS, 41, 0).to_str(), Some(expected));
        assert_eq!(template.path(TIME_NS, 41, 2).to_str(), Some(third));
        let patterns = template.patterns();
        for path in [expected, third] {
            let names: Vec<&str> = path.split('/').collect();
            assert_eq!(names.len(), patterns.len(), "{path}");
            for (name, pattern) in names.iter().zip(&patterns) {
                assert!(pattern.matches(name), "{name} of {path}: {pattern:?}");
            }
        }
    }

    #[test]
    fn names_tell_their_time() {
        check("%Y-%m-%d_%H%M%S.csv", "2024-12-31_235958.csv", "2024-12-31_235958-2.csv");
        check("/a/%Y/%j/%s.pcap", "/a/2024/366/1735689598.pcap", "/a/2024/366/1735689598-2.pcap");
    }

    #[test]
    fn names_have_site_and_number() {
        check("{site}/{site}.{seq}.csv.gz", "ams/ams.000041.csv.gz", "ams/ams.000041-2.csv.gz");
        assert_eq!(template("{seq}").path(0, 12_345_678, 0).to_str(), Some("12345678"));
    }

    #[test]
    fn a_number_for_taken_names_stands_before_the_extension() {
        check("a.b/rows", "a.b/rows", "a.b/rows-2");
        check("a.b/.rows", "a.b/.rows", "a.b/.rows-2");
        check("%Y.csv.zst", "2024.csv.zst", "2024-2.csv.zst");
        check("100%%.csv", "100%.csv", "100%-2.csv");
        check("%Y", "2024", "2024-2");
    }

    #[test]
    fn what_a_template_cannot_have_is_named_with_what_there_is() {
        let error = |text: &str, site| Template::parse(text, site).unwrap_err().to_string();
        assert_eq!(
            error("a-%Q.csv", None),
            "there is no part '%Q' of a time; there are %Y %m %d %j %H %M %S %s, and %% for a percent sign"
        );
        assert!(error("a-%", None).starts_with("there is no part '%' of a time; "));
        assert_eq!(error("{pid}", None), "there is no part '{pid}'; there are {site} and {seq}");
        assert_eq!(error("{se", None), "there is no part '{se'; there are {site} and {seq}");
        assert!(error("{site}", None).contains("no site is named"));
        for site in ["", "a/b", "a\0", &"x".repeat(256)] {
            assert_eq!(Template::parse("{site}", Some(site)), Err(TemplateError::Site(site.to_owned())));
        }
        for text in ["", "rows/", "%Y/"] {
            assert_eq!(Template::parse(text, None), Err(TemplateError::NoFile), "{text}");
        }
        assert_eq!(Template::parse(&"%Y-".repeat(40), None), Err(TemplateError::Long));
    }

    #[test]
    fn what_a_template_does_not_tell_of_a_period_is_known() {
        for (text, seconds, missing) in [
            ("%Y%m%d-%H%M%S", 1, ""),
            ("%Y%m%d-%H%M", 30, "%S"),
            ("%Y%m%d-%H%M", 300, ""),
            ("%Y%j-%H", 300, "%M"),
            ("%Y%j-%H", 7200, ""),
            ("%Y%m", 86_400, "%j"),
            ("%Y%m%d", 7 * 86_400, ""),
            ("%m%d", 86_400, "%Y"),
            ("rows", 60, "%Y %j %H %M"),
            ("%s", 1, ""),
            ("{seq}", 1, ""),
        ] {
            assert_eq!(template(text).missing_for(seconds).join(" "), missing, "{text} {seconds}");
        }
    }

    #[test]
    fn names_of_others_are_not_known() {
        let patterns = template("%Y/{site}-%H-{seq}.csv").patterns();
        assert!(patterns[0].matches("2024") && !patterns[0].matches("20245") && !patterns[0].matches("year"));
        assert!(patterns[0].only().is_none());
        for (name, is_known) in [
            ("ams-23-000041.csv", true),
            ("ams-23-000041-7.csv", true),
            ("ams-23-000041-.csv", false),
            ("lhr-23-000041.csv", false),
            ("ams-2-000041.csv", false),
            ("ams-23-.csv", false),
            ("ams-23-000041.csv.gz", false),
            ("", false),
            ("ams-23-ä.csv", false),
        ] {
            assert_eq!(patterns[1].matches(name), is_known, "{name}");
        }
    }
}
