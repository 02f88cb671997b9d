//! The report for people, on standard error: what is about to be done, and what came of it.
//!
//! The first lines of each are DPP's, in its order and its words, so that what people look for is where it
//! was.

use super::figures::{self, Figure, Number, grouped, several};
use super::seen;
use super::{Account, End, inputs_path, say, target_path};
use crate::checks::{Job, Table, Voice};
use crate::inputs::Input;
use crate::output::Target;
use dpp::calendar::Civil;
use dpp::packet::SKIPS;
use dpp::pipeline::Outcome;
use dpp::privacy::Privacy;
use dpp::table::LeakCheck;

/// DPP's figures, in the order of its text report; its JSON has another.
const METRICS: [&str; 8] = [
    "total_packets_processed",
    "total_dns_queries_processed",
    "deduplicated_duplicate_queries",
    "total_dns_responses_processed",
    "dns_messages_rejected_oversized_qname",
    "total_matched_query_response_pairs",
    "timed_out_queries",
    "average_matched_rtt_ms",
];

/// And those of the machine.
const MACHINE: [&str; 3] =
    ["processing_speed_pps", "final_write_post_processing_seconds", "max_memory_usage_kib"];

/// How many skip reasons explain a capture without DNS.
const REASONS_MAX: usize = 3;

/// Says what is about to be done.
pub(crate) fn banner(job: &Job) {
    if job.voice != Voice::Text {
        return;
    }
    let mut lines = Lines::default();
    lines.plain(&format!("dpp {}", env!("CARGO_PKG_VERSION")));
    lines.line("Input", &inputs_path(job));
    lines.line("Format is", &table(&job.table));
    lines.line("Anonymization", &anonymization(job));
    lines.line("DNS match timeout", &format!("{} ms", job.plan.match_timeout_ns / 1_000_000));
    if let Some(filter) = &job.plan.select.filter {
        lines.line("Rows where", &filter.text().split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if let Some(sample) = job.plan.select.sample {
        lines.line("Sample", &sample.to_string());
    }
    if job.plan.monotonic {
        lines.line("Monotonic capture", "True, ends at the first packet that is earlier than the one before");
    }
    lines.line("Workers", &job.workers.to_string());
    lines.line("PID", &std::process::id().to_string());
    lines.line("Results will be written to", &target_path(&job.target));
    say(&lines.text);
}

/// What came of it.
pub(super) fn report(account: &Account) -> String {
    let outcome = &account.outcome;
    let metrics = figures::metrics(account);
    let mut lines = Lines::default();
    lines.figures(&metrics, &METRICS);
    lines.round_trips(outcome);
    if !account.is_single() {
        lines.captures(account);
    }
    for (name, counts) in &account.lived.sources {
        lines.cells(&format!("Source {name}"), &figures::source(counts));
    }
    lines.rows(outcome);
    if let Some((name, figures)) = account.receiver() {
        lines.cells(&format!("Receiver {name}"), &figures);
    }
    if let Some(LeakCheck { rows, hidden, unchanged, .. }) = account.checked() {
        let (rows, hidden) = (several(rows, "row"), several(hidden, "hidden address"));
        let unchanged = grouped(unchanged);
        lines.line(
            "Privacy check",
            &format!("{rows} with {hidden}, none is seen; {unchanged} are their own pseudonyms"),
        );
    }
    lines.accounting(outcome);
    lines.warnings(account);
    lines.figures(&metrics, &MACHINE);
    lines.line("Processing completed in", &clock(account.times.total.as_millis()));
    lines.text
}

/// How a table is written, in words.
pub(crate) fn table(table: &Table) -> String {
    let Table { format, packing, zstd, v2, .. } = *table;
    let version = if v2 { " V2" } else { "" };
    let inside = if zstd.is_some() { " with ZSTD compression" } else { "" };
    let around = packing.map(|packing| format!(" in {packing:?}").to_uppercase()).unwrap_or_default();
    format!("{}{version}{inside}{around}", format.row().name.to_uppercase())
}

/// What is hidden, and how: in DPP's words where it is hidden as DPP does it, or nothing is.
fn anonymization(job: &Job) -> String {
    if let Some(key) = &job.options.hiding.anonymize {
        return format!("True, key file {}", key.display());
    }
    let Privacy { addresses, names, fields } = &job.plan.context.privacy;
    let addresses = addresses.as_ref().map(|map| format!("addresses by {}", map.scheme()));
    let names = names.as_ref().map(|map| format!("names by {}", map.scheme()));
    let what: Vec<String> = addresses.into_iter().chain(names).collect();
    match &what[..] {
        [] => "False".to_owned(),
        what => format!("True, {}, of {fields}", what.join(", ")),
    }
}

/// The report as it grows.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn plain(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn line(&mut self, words: &str, value: &str) {
        self.plain(&format!("{words}: {value}"));
    }

    fn figures(&mut self, figures: &[Figure], keys: &[&str]) {
        for key in keys {
            let figure = figures.iter().find(|figure| figure.key == *key).expect("a figure has this key");
            self.line(figure.words, &figure.number.text());
        }
    }

    fn round_trips(&mut self, outcome: &Outcome) {
        let figures = figures::round_trips(&outcome.totals.rtt);
        let cells: Vec<String> =
            figures.iter().map(|figure| format!("{} {}", figure.words, figure.number.text())).collect();
        if outcome.totals.matches.matched > 0 {
            self.line("RTT percentiles", &cells.join(", "));
        }
    }

    /// How many captures there are, and how many tables.
    fn captures(&mut self, account: &Account) {
        let (read, failed) = (account.taken().count(), account.failed.len());
        let left_out =
            if failed > 0 { format!(", {} left out", grouped(failed as u64)) } else { String::new() };
        self.line("Captures", &format!("{}{left_out}", grouped(read as u64)));
        if let Target::Directory { .. } = account.job.target {
            self.line("Tables", &grouped(account.tables.len() as u64));
        }
    }

    /// How many rows there are, of when, and what did not become one.
    fn rows(&mut self, outcome: &Outcome) {
        let rows = figures::rows(outcome);
        self.line(rows.words, &rows.number.text());
        for figure in figures::rarities(outcome) {
            if !matches!(figure.number, Number::Count(0)) {
                self.line(figure.words, &figure.number.text());
            }
        }
        if let Some((first, last)) = outcome.first_and_last_ns {
            self.line("First and last packet", &format!("{}, {}", utc(first), utc(last)));
        }
    }

    /// Where every packet, query and response went.
    fn accounting(&mut self, outcome: &Outcome) {
        let totals = &outcome.totals;
        for identity in figures::identities(outcome) {
            self.line("Accounting", &identity.text());
        }
        for (skip, name, sentence) in SKIPS {
            let volume = totals.skips.of(*skip);
            if volume.packets > 0 {
                let (packets, bytes) = (several(volume.packets, "packet"), several(volume.bytes, "byte"));
                let frames = figures::frames(&totals.skips, *skip);
                self.line("Skipped", &format!("{packets}, {bytes}: {sentence} ({name}; {frames})"));
            }
        }
        for group in figures::groups(outcome) {
            self.cells(group.words, &group.figures);
        }
        self.cells("Messages with something wrong", &figures::parse_errors(outcome));
        if totals.used.packets == 0 && totals.read.packets > 0 {
            self.no_dns(outcome);
        }
    }

    /// What there is of these, in one line.
    fn cells(&mut self, words: &str, figures: &[Figure]) {
        let cells: Vec<String> = figures.iter().filter_map(Figure::cell).collect();
        if !cells.is_empty() {
            self.line(words, &cells.join(", "));
        }
    }

    /// Why there is nothing, what there is instead, and what to do.
    fn no_dns(&mut self, outcome: &Outcome) {
        self.line("No DNS message found", &reasons(outcome));
        let seen = &outcome.totals.seen;
        for (words, rows) in seen::lines(seen) {
            self.line(&format!("Seen instead, {words} with packets"), &rows);
        }
        let skips = &outcome.totals.skips;
        if let Some(pieces) = seen::pieces(skips) {
            self.line("Seen instead, segments and fragments with packets", &pieces);
        }
        if let Some(remedy) = seen::remedy(seen, skips) {
            self.line("What to do", &remedy);
        }
    }

    fn warnings(&mut self, account: &Account) {
        let outcome = &account.outcome;
        if let Some(first) = outcome.first_regression {
            let (count, position) = (grouped(outcome.regressions), first.position + 1);
            let at = format!("packet {position} at {} ns, after {} ns", first.time_ns, first.previous_ns);
            self.line("WARN", &format!("packets out of order: {count}; the first is {at}"));
        }
        for warning in account.warnings() {
            self.line("WARN", &warning);
        }
        if End::of(&outcome.ending) == End::Interrupted {
            let is_begun_again = matches!(account.job.target, Target::Dataset(_))
                && account.job.captures.iter().all(Input::is_file);
            let what = match is_begun_again {
                true => {
                    "the dataset has only a part of these rows; the same command replaces it by the whole"
                }
                false => "the rows of all that was decided by then are written",
            };
            self.line("WARN", &format!("stopped by a signal; {what}"));
        }
    }
}

/// Why no packet was used: the most frequent reasons.
fn reasons(outcome: &Outcome) -> String {
    let mut skips: Vec<_> = figures::skips(outcome).filter(|(.., volume)| volume.packets > 0).collect();
    skips.sort_by_key(|(.., volume)| std::cmp::Reverse(volume.packets));
    let all = outcome.totals.read.packets as f64;
    let cells = skips.iter().take(REASONS_MAX).map(|(_, sentence, volume)| {
        format!("{:.0} % of the packets: {sentence}", 100.0 * volume.packets as f64 / all)
    });
    cells.collect::<Vec<_>>().join("; ")
}

/// `HH:MM:SS.mmm`.
fn clock(millis: u128) -> String {
    let seconds = millis / 1000;
    format!("{:02}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, millis % 1000)
}

/// A timestamp in ns since 1970 as people read it, RFC 3339 in UTC.
pub(crate) fn utc(ns: i64) -> String {
    let Civil { year, month, day, hour, minute, second } = Civil::of(ns.div_euclid(1_000_000_000));
    let micros = ns.rem_euclid(1_000_000_000) / 1000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_dates_in_utc() {
        for (ns, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_826_829_000_001_000, "2000-02-29T12:20:29.000001Z"),
            (1_767_225_600_000_000_000, "2026-01-01T00:00:00.000000Z"),
            (4_294_967_295_999_999_999, "2106-02-07T06:28:15.999999Z"),
        ] {
            assert_eq!(utc(ns), text);
        }
    }

    #[test]
    fn durations_are_clocks() {
        assert_eq!(clock(3_723_004), "01:02:03.004");
    }
}
