//! The figures on one screen, for people: a line for each thing that one asks first, a plot, and the tops side by side.
//!
//! Everything is looked up by its key in the engine's [`Figures`], which JSON and pages are made of too; here it is only decided
//! which of it is shown, how it is rounded, and where it stands.

use super::traffic::Account;
use crate::report::{grouped, several, things, utc};
use dpp::summary::{Figures, Shown, Table};
use dpp::tallies::Number;
use std::cmp::Reverse;
use std::fmt::Write;

/// Columns of the screen.
const WIDTH: usize = 100;
/// Of the words before a line.
const LABEL: usize = 12;
/// So many reasons for skips.
const REASONS: usize = 3;
/// So many of a kind stand in a line.
const CELLS: usize = 6;
/// So many of what there is most of.
pub(super) const TOPS: usize = 8;

/// The screen.
pub(super) fn screen(figures: &Figures, account: &Account) -> String {
    let mut screen = Screen { figures, text: String::new() };
    screen.packets(account);
    screen.head();
    screen.plot();
    screen.answers();
    for (words, key) in [("Types", "types"), ("Rcodes", "rcodes"), ("Transports", "transports")] {
        screen.kinds(words, key);
    }
    screen.first("Top TLDs", "tlds");
    screen.edns();
    for (words, key) in [("RTT", "rtt"), ("Query size", "query_size"), ("Answer size", "response_size")] {
        screen.distribution(words, key);
    }
    screen.servers();
    screen.tops([("Top clients", "clients"), ("Top names", "names")]);
    screen.tops([("Top client networks", "client_prefixes"), ("Top domains", "domains")]);
    screen.text
}

struct Screen<'a> {
    figures: &'a Figures,
    text: String,
}

impl Screen<'_> {
    fn of(&self, group: &str, key: &str) -> &Shown {
        self.figures.of(group, key).unwrap_or(&Shown::Nothing)
    }

    fn count(&self, key: &str) -> u64 {
        match self.of("totals", key) {
            Shown::Count(count) => *count,
            _ => 0,
        }
    }

    fn line(&mut self, words: &str, value: &str) {
        let _ = writeln!(self.text, "{words:<LABEL$} {value}");
    }

    /// What was read, and why some of it says nothing of DNS.
    fn packets(&mut self, account: &Account) {
        let mut reasons: Vec<_> = account.skips().collect();
        let skipped = reasons.iter().fold(0_u64, |sum, reason| sum.saturating_add(reason.2));
        let mut told = format!("{}, {} skipped", grouped(account.count("packets_read")), grouped(skipped));
        reasons.sort_by_key(|(.., packets)| Reverse(*packets));
        for (name, _, packets) in reasons.iter().take(REASONS) {
            let _ = write!(told, ", {} {name}", grouped(*packets));
        }
        self.line("Packets", &told);
        let [dot, doq] = ["dot_connections", "doq_connections"].map(|key| account.count(key));
        if dot + doq > 0 {
            let (dot, doq) = (several(dot, "connection"), grouped(doq));
            self.line("Encrypted", &format!("{dot} of DNS over TLS, {doq} of DNS over QUIC"));
        }
    }

    /// How much there is, of when, and of how many.
    fn head(&mut self) {
        self.line("Queries", &grouped(self.count("queries")));
        if let (Shown::Time(first), Shown::Time(last)) =
            (self.of("totals", "first_query"), self.of("totals", "last_query"))
        {
            let (first, last) = (*first, *last);
            let seconds = (last.saturating_sub(first)) as f64 / 1e9;
            let rate = match seconds >= 1.0 {
                true => format!(", {} a second", rate(self.count("queries"), seconds)),
                false => String::new(),
            };
            self.line("Time", &format!("{} to {}, {}{rate}", utc(first), utc(last), span(seconds)));
        }
        let different = [
            ("clients", "client"),
            ("servers", "server"),
            ("names", "name"),
            ("domains", "registered domain"),
        ]
        .map(|(key, thing)| {
            let number = self.of("distinct", key);
            // What is not known exactly is not one either.
            let count = if let Shown::About(Number { keys, .. }) = number { *keys } else { 0 };
            format!("{} {}", value(number), things(count, thing))
        });
        self.line("Different", &different.join(", "));
    }

    /// Queries over time. What lies between two columns is in the left one.
    fn plot(&mut self) {
        const COLUMNS: usize = WIDTH - LABEL - 1;
        const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let Some(table) = self.figures.table("over_time") else { return };
        let column = |key: &str| table.columns.iter().position(|column| *column == key);
        let (Some(start), Some(width), Some(queries)) = (column("start"), column("width"), column("queries"))
        else {
            return;
        };
        let spans: Vec<(i64, i64, u64)> = table
            .rows
            .iter()
            .filter_map(|row| match (&row[start], &row[width], &row[queries]) {
                (Shown::Time(start), Shown::Ns(width), Shown::Count(count)) => {
                    Some((start / 1_000_000_000, *width as i64 / 1_000_000_000, *count))
                }
                _ => None,
            })
            .collect();
        let (Some(&(first, width, _)), Some(&(last, ..))) = (spans.first(), spans.last()) else { return };
        let places = (last - first) / width + 1;
        if places < 3 {
            return;
        }
        // As many spans make a column as are needed for all to fit.
        let in_column = places.div_euclid(COLUMNS as i64) + i64::from(places % COLUMNS as i64 > 0);
        let mut sums = vec![0_u64; ((places + in_column - 1) / in_column) as usize];
        for (start, width, count) in spans {
            sums[((start - first) / width / in_column) as usize] += count;
        }
        let most = sums.iter().copied().max().unwrap_or(1).max(1);
        let bar = |sum: &u64| match *sum {
            0 => BARS[0],
            sum => BARS[(1 + (u128::from(sum) * 7 / u128::from(most)) as usize).min(8)],
        };
        let seconds = (in_column * width) as f64;
        let bars: String = sums.iter().map(bar).collect();
        self.line("Over time", &bars);
        self.line("", &format!("a column is {}; at most {} a second", span(seconds), rate(most, seconds)));
    }

    fn answers(&mut self) {
        let cells = ["unanswered", "retried", "nxdomain", "servfail", "truncated"];
        let told = cells.map(|key| format!("{key} {}", value(self.of("shares", key))));
        self.line("Shares", &told.join(", "));
    }

    fn edns(&mut self) {
        let told = ["edns", "dnssec", "ipv6"].map(|key| format!("{key} {}", value(self.of("shares", key))));
        self.line("Queries with", &told.join(", "));
    }

    /// The most frequent of a kind, with their shares.
    fn kinds(&mut self, words: &str, key: &str) {
        let Some(table) = self.figures.table(key).filter(|table| !table.rows.is_empty()) else { return };
        let cell = |row: &Vec<Shown>| format!("{} {}", value(&row[0]), value(&row[row.len() - 1]));
        let mut told: Vec<String> = table.rows.iter().take(CELLS).map(cell).collect();
        if table.rows.len() > CELLS {
            told.push(format!("{} more", table.rows.len() - CELLS));
        }
        self.line(words, &told.join(", "));
    }

    /// Those of what there is most of that fit into a line, with their shares.
    fn first(&mut self, words: &str, key: &str) {
        let Some(table) = self.figures.table(key).filter(|table| !table.rows.is_empty()) else { return };
        let mark = if table.is_exact { "" } else { " (estimated)" };
        let mut told = String::new();
        for row in &table.rows {
            let comma = if told.is_empty() { "" } else { ", " };
            let cell = format!("{comma}{} {}", value(&row[0]), value(&row[row.len() - 1]));
            if LABEL + 1 + told.chars().count() + cell.chars().count() + mark.len() > WIDTH {
                break;
            }
            told.push_str(&cell);
        }
        self.line(words, &format!("{told}{mark}"));
    }

    fn distribution(&mut self, words: &str, group: &str) {
        if self.of(group, "max") == &Shown::Nothing {
            return;
        }
        let told = ["min", "p10", "p50", "p90", "p99", "p999", "max"]
            .map(|key| format!("{key} {}", value(self.of(group, key))));
        self.line(words, &told.join(", "));
    }

    /// Servers with what they did.
    fn servers(&mut self) {
        let Some(table) = self.figures.table("servers").filter(|table| !table.rows.is_empty()) else {
            return;
        };
        let shown = [
            ("value", "Top servers"),
            ("count", "queries"),
            ("without_code", "unanswered"),
            ("nxdomain", "nxdomain"),
            ("servfail", "servfail"),
            ("rtt_p50", "rtt p50"),
            ("rtt_p99", "p99"),
            ("rtt_max", "max"),
        ];
        let places: Vec<(usize, &str)> = shown
            .iter()
            .filter_map(|(key, words)| Some((table.columns.iter().position(|column| column == key)?, *words)))
            .collect();
        let head = places.iter().map(|(_, words)| (*words).to_owned()).collect();
        let rows = table.rows.iter().take(TOPS / 2);
        let lines = rows.map(|row| places.iter().map(|(place, _)| value(&row[*place])).collect::<Vec<_>>());
        self.text.push('\n');
        for cells in std::iter::once(head).chain(lines) {
            let mut line = clipped(&cells[0], 23);
            cells[1..].iter().for_each(|cell| {
                let _ = write!(line, " {cell:>10}");
            });
            let _ = writeln!(self.text, "{}", line.trim_end());
        }
        self.estimate(table);
    }

    fn estimate(&mut self, table: &Table) {
        if !table.is_exact {
            let _ = writeln!(self.text, "(estimated; --json tells between what)");
        }
    }

    /// Two tables side by side.
    fn tops(&mut self, [left, right]: [(&str, &str); 2]) {
        const HALF: usize = WIDTH / 2;
        let cells = |(words, key): (&str, &str)| {
            let table = self.figures.table(key);
            let rows = table.iter().flat_map(|table| &table.rows).take(TOPS);
            let name = HALF - 24;
            let told = rows.map(move |row| {
                let (value, count, share) = (value(&row[0]), value(&row[1]), value(&row[row.len() - 1]));
                format!("{} {count:>13} {share:>7}", clipped(&value, name))
            });
            let mark = if table.is_some_and(|table| !table.is_exact) { " (estimated)" } else { "" };
            std::iter::once(format!("{words}{mark}")).chain(told).collect::<Vec<_>>()
        };
        let (left, right) = (cells(left), cells(right));
        self.text.push('\n');
        for place in 0..left.len().max(right.len()) {
            let cell = |cells: &[String]| cells.get(place).cloned().unwrap_or_default();
            let line = format!("{:<HALF$}  {}", cell(&left), cell(&right));
            let _ = writeln!(self.text, "{}", line.trim_end());
        }
    }
}

/// A text in so many columns, filled up with blanks. Names are ASCII; what others bring is as wide as it has letters.
fn clipped(text: &str, columns: usize) -> String {
    match text.chars().count() > columns {
        true => format!("{}…", text.chars().take(columns - 1).collect::<String>()),
        false => format!("{text:<columns$}"),
    }
}

/// A value as people read it.
pub(crate) fn value(value: &Shown) -> String {
    match value {
        Shown::Nothing => "-".to_owned(),
        Shown::Count(number) => grouped(*number),
        Shown::About(Number { keys, error }) if *error > 0.0 => {
            format!("about {} (± {:.1} %)", grouped(*keys), 100.0 * error)
        }
        Shown::About(Number { keys, .. }) => grouped(*keys),
        Shown::Share(_, 0) => "-".to_owned(),
        Shown::Share(part, whole) => share(*part, *whole),
        Shown::Ns(ns) => time(*ns as f64),
        Shown::Bytes(bytes) => format!("{bytes} B"),
        Shown::Mean(mean) => rounded(*mean),
        Shown::Time(ns) => utc(*ns),
        Shown::Flag(is_so) => if *is_so { "yes" } else { "no" }.to_owned(),
        Shown::Text(text) => text.to_string(),
    }
}

/// Some of something is never 0 %, and not all of it never 100 %.
fn share(part: u64, whole: u64) -> String {
    let percent = 100.0 * part as f64 / whole as f64;
    match () {
        () if part > 0 && percent < 0.1 => "< 0.1 %".to_owned(),
        () if part < whole && percent > 99.9 => "> 99.9 %".to_owned(),
        () => format!("{percent:.1} %"),
    }
}

/// A length of time, given in ns, with three digits or so.
fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{} us", digits(ns / 1e3)),
        ns if ns < 1e9 => format!("{} ms", digits(ns / 1e6)),
        ns => format!("{} s", digits(ns / 1e9)),
    }
}

fn digits(number: f64) -> String {
    match number {
        number if number < 9.995 => format!("{number:.2}"),
        number if number < 99.95 => format!("{number:.1}"),
        number => format!("{number:.0}"),
    }
}

/// A number that need not be exact.
pub(crate) fn rounded(number: f64) -> String {
    match number {
        number if number > 0.0 && number < 0.005 => "< 0.01".to_owned(),
        number if number < 100.0 => digits(number),
        number => grouped(number.round() as u64),
    }
}

/// So many in so many seconds, for one.
fn rate(count: u64, seconds: f64) -> String {
    match count as f64 / seconds {
        whole if whole.fract() == 0.0 => grouped(whole as u64),
        rate => rounded(rate),
    }
}

/// A length of time, given in seconds, as people say it.
fn span(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..=59 if seconds.fract() == 0.0 => format!("{whole} s"),
        0..=59 => time(seconds * 1e9),
        60..=3599 => format!("{} min {} s", whole / 60, whole % 60),
        3600..=86_399 => format!("{} h {} min", whole / 3600, whole / 60 % 60),
        _ => format!("{} d {} h", whole / 86_400, whole / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_is_never_none_and_not_all_is_never_all() {
        for (part, whole, told) in [
            (0, 5, "0.0 %"),
            (1, 1_000_000, "< 0.1 %"),
            (1, 3, "33.3 %"),
            (999_999, 1_000_000, "> 99.9 %"),
            (5, 5, "100.0 %"),
        ] {
            assert_eq!(share(part, whole), told);
        }
    }

    #[test]
    fn times_have_three_digits() {
        for (ns, told) in [
            (999, "999 ns"),
            (1_234, "1.23 us"),
            (12_345_678, "12.3 ms"),
            (9_999_999, "10.0 ms"),
            (2_000_000_000, "2.00 s"),
        ] {
            assert_eq!(time(ns as f64), told);
        }
    }

    #[test]
    fn rates_and_spans_have_no_more_digits_than_they_need() {
        for (count, seconds, told) in [
            (9, 1.0, "9"),
            (17, 40.4, "0.42"),
            (3, 2.0, "1.50"),
            (1_000_000, 3.0, "333,333"),
            (37, 9e7, "< 0.01"),
            (0, 7.0, "0"),
        ] {
            assert_eq!(rate(count, seconds), told);
        }
        for (seconds, told) in [(1.0, "1 s"), (40.4, "40.4 s"), (0.5, "500 ms"), (90.0, "1 min 30 s")] {
            assert_eq!(span(seconds), told);
        }
    }

    #[test]
    fn long_names_are_clipped() {
        assert_eq!(clipped("example.com", 5), "exam…");
        assert_eq!(clipped("com", 5), "com  ");
    }
}
