//! THE table of figures: key in JSON, words in text, and the number.
//!
//! [`metrics`] are DPP's own, with its keys and its words; the others are ours. **To report another figure,
//! add a row here**; both reports, the documentation of the keys (docs/operations.md) and the metrics of a service
//! ([`metrics`](crate::service)) follow this order.

use super::Account;
use dpp::capture::Ending;
use dpp::dns::PARSE_ERRORS;
use dpp::packet::{SKIPS, Skip, Skips};
use dpp::pipeline::Outcome;
use dpp::stats::{Totals, Volume};
use dpp::stream::{Fragments, Streams};
use dpp::transaction::Rtt;
use dpp_sink::relay;
use dpp_source::live;
use serde_json::{Value, json};
use std::time::Duration;

/// A figure.
pub(crate) struct Figure {
    /// Its key in JSON.
    pub(crate) key: &'static str,
    /// What people call it.
    pub(crate) words: &'static str,
    pub(crate) number: Number,
}

/// A number, with all that is needed to write it.
pub(crate) enum Number {
    Count(u64),
    /// So many of so many.
    Share(u64, u64),
    Ratio(f64),
    Millis(Option<f64>),
    Duration(Duration),
    PerSecond(u64),
    Kib(u64),
}

impl Number {
    pub(super) fn json(&self) -> Value {
        match *self {
            Number::Count(count)
            | Number::Share(count, _)
            | Number::PerSecond(count)
            | Number::Kib(count) => count.into(),
            Number::Ratio(ratio) => ratio.into(),
            Number::Millis(millis) => millis.into(),
            Number::Duration(duration) => duration.as_secs_f64().into(),
        }
    }

    pub(super) fn text(&self) -> String {
        match *self {
            Number::Count(count) => grouped(count),
            Number::Share(count, all) => format!("{} ({:.2}%)", grouped(count), 100.0 * ratio(count, all)),
            Number::Ratio(ratio) => format!("{ratio:.4}"),
            Number::Millis(Some(millis)) => format!("{millis:.3} ms"),
            Number::Millis(None) => "n/a".to_owned(),
            Number::Duration(duration) => format!("{:.3} seconds", duration.as_secs_f64()),
            Number::PerSecond(count) => format!("{} per second", several(count, "packet")),
            Number::Kib(count) => format!("{} KiB", grouped(count)),
        }
    }
}

impl Figure {
    /// The figure in a line with others, if it is worth telling.
    pub(super) fn cell(&self) -> Option<String> {
        let is_nothing = matches!(self.number, Number::Count(0));
        (!is_nothing).then(|| format!("{} {}", self.number.text(), self.words))
    }
}

/// Figures that belong together.
pub(crate) struct Group {
    /// Their key in JSON.
    pub(crate) key: &'static str,
    /// What people call them.
    pub(crate) words: &'static str,
    pub(crate) figures: Vec<Figure>,
}

/// A row of the table.
fn figure(key: &'static str, words: &'static str, number: Number) -> Figure {
    Figure { key, words, number }
}

/// DPP's figures, under DPP's keys and in their order.
pub(super) fn metrics(account: &Account) -> Vec<Figure> {
    use Number::*;
    let totals = &account.outcome.totals;
    let matches = &totals.matches;
    let times = &account.times;
    let too_long = totals.skips.of(Skip::DnsNameTooLong).packets;
    let seconds = times.processing.as_secs_f64();
    let speed = if seconds > 0.0 { totals.read.packets as f64 / seconds } else { 0.0 };
    vec![
        figure("total_packets_processed", "Total packets processed", Count(totals.read.packets)),
        figure(
            "dns_messages_rejected_oversized_qname",
            "DNS messages rejected for oversized QNAME",
            Count(too_long),
        ),
        figure("total_dns_queries_processed", "Total DNS queries processed", Count(matches.queries)),
        figure("deduplicated_duplicate_queries", "Deduplicated duplicate queries", Count(matches.retries)),
        figure("total_dns_responses_processed", "Total DNS responses processed", Count(matches.responses)),
        figure(
            "total_matched_query_response_pairs",
            "Total matched Query-Response pairs",
            Count(matches.matched),
        ),
        figure("timed_out_queries", "Timed-out queries", Share(matches.timed_out, matches.queries)),
        figure(
            "timed_out_query_ratio",
            "Timed-out query ratio",
            Ratio(ratio(matches.timed_out, matches.queries)),
        ),
        figure("average_matched_rtt_ms", "Average matched RTT", Millis(totals.rtt.mean_ns().map(millis))),
        figure("processing_seconds", "Processing", Duration(times.processing)),
        figure("processing_speed_pps", "Processing speed", PerSecond(speed as u64)),
        figure(
            "final_write_post_processing_seconds",
            "Final write post-processing",
            Duration(times.finishing),
        ),
        figure("max_memory_usage_kib", "Max memory usage (RSS)", Kib(peak_rss_kib())),
        figure("total_runtime_seconds", "Total runtime", Duration(times.total)),
    ]
}

/// What became of the messages, and how many rows they gave.
pub(crate) fn messages(outcome: &Outcome) -> Vec<Figure> {
    use Number::Count;
    let totals = &outcome.totals;
    let matches = &totals.matches;
    let mut figures = vec![
        figure("messages", "DNS messages", Count(totals.messages)),
        figure("queries", "Queries", Count(matches.queries)),
        figure("responses", "Responses", Count(matches.responses)),
        figure("matched", "Matched", Count(matches.matched)),
        figure("timed_out", "Timed out", Count(matches.timed_out)),
        figure("retries", "Retries", Count(matches.retries)),
    ];
    figures.extend(rarities(outcome));
    figures.push(rows(outcome));
    figures
}

/// What happens to few messages, if any.
pub(super) fn rarities(outcome: &Outcome) -> Vec<Figure> {
    use Number::Count;
    let totals = &outcome.totals;
    let matches = &totals.matches;
    vec![
        figure("messages_filtered", "Messages left out before matching", Count(totals.messages_filtered)),
        figure("rows_filtered", "Rows left out", Count(totals.rows_filtered)),
        figure("still_open", "Queries still open", Count(matches.still_open)),
        figure("unclaimed_responses", "Unclaimed responses", Count(matches.unclaimed_responses)),
        figure("records_unread", "Responses with unreadable records", Count(totals.records_unread)),
        figure("questions_unread", "Questions that were not read", Count(totals.questions_unread)),
        figure("messages_cut", "Messages cut by the snaplen", Count(totals.messages_cut)),
        figure("multicast_queries", "Multicast queries", Count(matches.unpaired_queries)),
        figure("multicast_responses", "Multicast responses", Count(matches.unpaired_responses)),
        figure("duplicate_queries", "Queries captured twice", Count(matches.duplicate_queries)),
        figure("duplicate_responses", "Responses captured twice", Count(matches.duplicate_responses)),
        figure("continuations", "Further messages of an answer", Count(matches.continuations)),
        figure(
            "stream_messages_unread",
            "Messages in TCP streams that are unreadable",
            Count(totals.stream_messages_unread),
        ),
        figure("tuple_overflows", "Messages given up, too many of one tuple", Count(matches.tuple_overflows)),
        figure(
            "window_overflows",
            "Messages given up, too many packets ago",
            Count(matches.window_overflows),
        ),
        figure(
            "frames_too_long",
            "Frames passed over because they are too long",
            Count(outcome.inputs.too_long),
        ),
        figure(
            "items_malformed",
            "Malformed messages in C-DNS files, which are no rows",
            Count(totals.items_malformed),
        ),
        figure("item_faults", "Fields of C-DNS items that cannot be right", Count(totals.item_faults)),
        figure("items_unread", "C-DNS items given up, too much in one block", Count(totals.items_unread)),
    ]
}

/// A count: key, words, and where it stands.
type Row<T> = (&'static str, &'static str, fn(&T) -> u64);

const FRAGMENTS: &[Row<Fragments>] = &[
    ("begun", "begun", |of| of.begun),
    ("completed", "completed", |of| of.completed),
    ("conflicting", "with fragments that contradict each other", |of| of.conflicting),
    ("timed_out", "not complete in time", |of| of.timed_out),
    ("evicted", "given up because too many waited", |of| of.evicted),
    ("incomplete", "not complete when the capture ended", |of| of.incomplete),
];

const STREAMS: &[Row<Streams>] = &[
    ("connections", "connections", |of| of.connections),
    ("opened", "opened (SYN)", |of| of.opened),
    ("handshakes", "with their whole handshake", |of| of.handshakes),
    ("finished", "finished (FIN)", |of| of.finished),
    ("reset", "reset (RST)", |of| of.reset),
    ("forgotten", "connections forgotten because too many were there", |of| of.forgotten),
    ("half_open_forgotten", "half-open ones forgotten because too many were there", |of| {
        of.half_open_forgotten
    }),
    ("messages", "messages", |of| of.messages),
    ("message_bytes", "bytes in messages", |of| of.message_bytes),
    ("messages_cut", "messages with bytes missing", |of| of.messages_cut),
    ("incomplete", "messages of which too little came", |of| of.incomplete),
    ("gaps", "holes", |of| of.gaps),
    ("gap_bytes", "bytes in holes", |of| of.gap_bytes),
    ("cut_bytes", "bytes cut by the snaplen", |of| of.cut_bytes),
    ("strayed", "streams that went on elsewhere", |of| of.strayed),
    ("resynchronisations", "times a message was found where none was expected", |of| of.resynchronisations),
    ("evicted", "streams given up because too much waited", |of| of.evicted),
    ("payload_bytes", "captured bytes", |of| of.payload_bytes),
    ("repeated_bytes", "bytes that came again", |of| of.repeated_bytes),
    ("unplaced_bytes", "bytes too far ahead", |of| of.unplaced_bytes),
    ("skipped_bytes", "bytes without a message", |of| of.skipped_bytes),
    ("lost_bytes", "bytes of messages that were given up", |of| of.lost_bytes),
];

/// What a live source counts.
pub(super) fn source(counts: &live::Counts) -> Vec<Figure> {
    let figures = live::COUNTS.iter();
    figures.map(|entry| figure(entry.name, entry.meaning, Number::Count(counts.get(entry.count)))).collect()
}

/// What is counted of messages that are sent on.
pub(super) fn relayed(counts: &relay::Counts) -> Vec<Figure> {
    let figures = relay::RELAY_COUNTS.iter();
    figures.map(|(count, key, words)| figure(key, words, Number::Count(counts.get(*count)))).collect()
}

/// What was put together from several packets.
pub(crate) fn groups(outcome: &Outcome) -> [Group; 2] {
    fn figures<T>(rows: &[Row<T>], of: &T) -> Vec<Figure> {
        rows.iter().map(|(key, words, count)| figure(key, words, Number::Count(count(of)))).collect()
    }
    let Totals { fragments, streams, .. } = &outcome.totals;
    [
        Group { key: "fragments", words: "Fragmented datagrams", figures: figures(FRAGMENTS, fragments) },
        Group { key: "streams", words: "TCP streams", figures: figures(STREAMS, streams) },
    ]
}

/// Messages by what is wrong with them.
pub(crate) fn parse_errors(outcome: &Outcome) -> Vec<Figure> {
    let counts = PARSE_ERRORS.iter().zip(outcome.totals.parse_errors);
    counts.map(|((_, key, sentence), count)| figure(key, sentence, Number::Count(count))).collect()
}

/// So many examples of a reason are shown.
pub(crate) const EXAMPLES_SHOWN: usize = 8;

/// The first frames that were skipped for a reason, numbered from 1.
pub(crate) fn frames(skips: &Skips, skip: Skip) -> String {
    let all: Vec<String> =
        skips.first(skip).take(EXAMPLES_SHOWN + 1).map(|position| (position + 1).to_string()).collect();
    match &all[..] {
        [one] => format!("frame {one}"),
        few if few.len() <= EXAMPLES_SHOWN => format!("frames {}", few.join(", ")),
        many => format!("frames {}, ...", many[..EXAMPLES_SHOWN].join(", ")),
    }
}

/// The rows of the table.
pub(super) fn rows(outcome: &Outcome) -> Figure {
    figure("rows", "Rows", Number::Count(outcome.rows))
}

/// Percentiles of the round-trip time, in ms.
pub(super) fn round_trips(rtt: &Rtt) -> Vec<Figure> {
    let percentile = |per_mille| Number::Millis(rtt.percentile_ns(per_mille).map(|ns| millis(ns as f64)));
    vec![
        figure("p50", "p50", percentile(500)),
        figure("p90", "p90", percentile(900)),
        figure("p99", "p99", percentile(990)),
        figure("p99_9", "p99.9", percentile(999)),
        figure("max", "max", Number::Millis(rtt.max_ns().map(|ns| millis(ns as f64)))),
    ]
}

/// Packets by reason why they were not used: name, sentence, volume.
pub(crate) fn skips(outcome: &Outcome) -> impl Iterator<Item = (&'static str, &'static str, Volume)> {
    SKIPS.iter().map(move |&(skip, name, sentence)| (name, sentence, outcome.totals.skips.of(skip)))
}

/// A sum that must close: the first term equals all others together.
pub(super) struct Identity(Vec<(&'static str, u64)>);

impl Identity {
    fn holds(&self) -> bool {
        let Identity(terms) = self;
        terms[0].1 == terms[1..].iter().map(|term| term.1).sum::<u64>()
    }

    pub(super) fn json(&self) -> Value {
        let names = self.write(|&(name, _)| name.to_owned());
        let numbers: Vec<u64> = self.0.iter().map(|term| term.1).collect();
        json!({ "claim": names, "left": numbers[0], "right": numbers[1..], "holds": self.holds() })
    }

    pub(super) fn text(&self) -> String {
        self.write(|&(name, number)| format!("{} {name}", grouped(number)))
    }

    fn write(&self, term: impl Fn(&(&'static str, u64)) -> String) -> String {
        let terms: Vec<String> = self.0.iter().map(term).collect();
        format!("{} = {}", terms[0], terms[1..].join(" + "))
    }
}

/// The sums that show that nothing was lost.
pub(super) fn identities(outcome: &Outcome) -> Vec<Identity> {
    let totals = &outcome.totals;
    let (read, used, skipped) = (totals.read, totals.used, totals.skips.total());
    let Totals { matches, streams, .. } = totals;
    let decided = [("matched", matches.matched), ("timed out", matches.timed_out)];
    let queries = [("queries", matches.queries), decided[0], decided[1], ("retries", matches.retries)];
    let mut identities = vec![
        vec![("packets", read.packets), ("with DNS messages", used.packets), ("skipped", skipped.packets)],
        vec![("packet bytes", read.bytes), ("with DNS messages", used.bytes), ("skipped", skipped.bytes)],
        [
            &queries[..],
            &[
                ("still open", matches.still_open),
                ("multicast", matches.unpaired_queries),
                ("duplicates", matches.duplicate_queries),
            ],
        ]
        .concat(),
        vec![
            ("responses", matches.responses),
            decided[0],
            ("unclaimed", matches.unclaimed_responses),
            ("continuations", matches.continuations),
            ("multicast", matches.unpaired_responses),
            ("duplicates", matches.duplicate_responses),
        ],
        vec![
            ("stream bytes", streams.payload_bytes),
            ("in messages", streams.message_bytes),
            ("in their lengths", 2 * streams.messages),
            ("repeated", streams.repeated_bytes),
            ("unplaced", streams.unplaced_bytes),
            ("without a message", streams.skipped_bytes),
            ("lost", streams.lost_bytes),
        ],
    ];
    // An interrupted run writes no row behind the first query that is still open.
    if !matches!(outcome.ending, Ending::Interrupted) {
        let rows = match totals.rows_filtered {
            0 => ("rows", outcome.rows),
            left_out => ("rows and those left out", outcome.rows + left_out),
        };
        let mut sum = vec![rows, decided[0], decided[1], ("multicast", matches.unpaired_queries)];
        let more = [("unasked", totals.rows_unasked), ("second messages", totals.rows_split)];
        sum.extend(more.into_iter().filter(|term| term.1 > 0));
        identities.push(sum);
    }
    identities.into_iter().map(Identity).collect()
}

fn ratio(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

fn millis(ns: f64) -> f64 {
    ns / 1e6
}

/// The most memory this process has had, in KiB; 0 where the system does not tell.
fn peak_rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}

/// A number with a comma between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many things: `1 part`, `1,440 parts`.
pub(crate) fn several(count: u64, thing: &str) -> String {
    format!("{} {}", grouped(count), things(count, thing))
}

/// So many things of which something was so: `1 part was`, `1,440 parts were`.
pub(crate) fn several_were(count: u64, thing: &str) -> String {
    format!("{} {}", several(count, thing), were(count))
}

/// That of so many things none can what is said behind this: `none of the 2 parts can`.
pub(crate) fn none_can(count: u64, thing: &str) -> String {
    match count {
        1 => format!("the {thing} cannot"),
        _ => format!("none of the {} can", several(count, thing)),
    }
}

/// The verb behind so many things.
pub(crate) fn were(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

/// What so many of a thing are called.
pub(crate) fn things(count: u64, thing: &str) -> String {
    let vowels = ['a', 'e', 'i', 'o', 'u'];
    match thing.strip_suffix('y') {
        _ if count == 1 => thing.to_owned(),
        Some(stem) if !stem.ends_with(vowels) => format!("{stem}ies"),
        Some(_) => format!("{thing}s"),
        None if thing.ends_with('s') => format!("{thing}es"),
        None => format!("{thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn one_thing_is_no_things() {
        for (count, thing, text) in [
            (1, "client", "1 client"),
            (0, "client", "0 clients"),
            (1440, "part", "1,440 parts"),
            (1, "query", "1 query"),
            (2, "query", "2 queries"),
            (2, "day", "2 days"),
            (2, "hidden address", "2 hidden addresses"),
        ] {
            assert_eq!(several(count, thing), text);
        }
        assert_eq!([1, 2].map(|count| several_were(count, "part")), ["1 part was", "2 parts were"]);
        let none = [1, 2].map(|count| none_can(count, "part"));
        assert_eq!(none, ["the part cannot", "none of the 2 parts can"]);
    }

    #[test]
    fn no_count_of_streams_is_left_out() {
        let rows: Vec<_> = STREAMS.iter().map(|row| row.0).collect();
        assert_eq!(rows, Streams::default().rows().map(|row| row.0).collect::<Vec<_>>());
    }

    #[test]
    fn a_share_of_nothing_is_no_division_by_zero() {
        assert_eq!(Number::Share(0, 0).text(), "0 (0.00%)");
        assert_eq!(Number::Share(13, 25).text(), "13 (52.00%)");
    }
}
