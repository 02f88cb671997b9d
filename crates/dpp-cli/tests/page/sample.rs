//! Statistics as a busy resolver's day would give them, made from a fixed seed; and those of a capture in which nothing was.

use serde_json::{Value, json};

/// Names that would be markup or script if a page took them for more than text.
pub(crate) const HOSTILE: [&str; 5] = [
    "</script><script>document.title='owned'</script>.example",
    "\"><img src=x onerror=\"document.title='owned'\">.example",
    "<!--<script>.example",
    "{{title}}{{report}}'`${document.title='owned'}.example",
    "line\u{2028}separator\u{202e}elpmaxe",
];

/// Numbers without pattern, always the same (Knuth's linear congruential generator).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    /// About this many, one in ten more or less.
    fn about(&mut self, many: u64) -> u64 {
        many * (90 + self.next(21)) / 100
    }
}

const COLUMNS: [&str; 19] = [
    "queries",
    "answered",
    "unanswered",
    "retries",
    "rcodes.0",
    "rcodes.2",
    "rcodes.3",
    "rcodes.5",
    "rcodes.other",
    "types.1",
    "types.28",
    "types.65",
    "types.12",
    "types.15",
    "types.16",
    "types.other",
    "transports.udp",
    "transports.tcp",
    "transports.dot",
];

/// A day in bins of a minute: busy at noon, an outage at 14:00, a storm of names that do not exist at 20:00, and nothing at all
/// for some minutes after 04:00.
fn bins(numbers: &mut Numbers) -> Vec<Value> {
    let minutes = (0..1440_u64).filter(|minute| !(245..262).contains(minute));
    minutes.map(|minute| bin(minute, numbers)).collect()
}

fn bin(minute: u64, numbers: &mut Numbers) -> Value {
    let noon = minute.abs_diff(780).min(720);
    let all = numbers.about(2_000 + 12 * (720 - noon));
    let storm = if (1200..1230).contains(&minute) { numbers.about(9_000) } else { 0 };
    let outage = if (840..855).contains(&minute) { all * 3 / 5 } else { 0 };
    let unanswered = numbers.about(all / 80) + outage;
    let retries = unanswered / 2 + numbers.about(20);
    let answered = all - unanswered + storm;
    let (failed, refused) = (numbers.about(answered / 60) + outage / 5, numbers.about(answered / 200));
    let (missing, other) = (numbers.about(answered / 9) + storm, numbers.next(4));
    let all = all + storm;
    let (aaaa, https, pointer) = (all / 4, all / 9, all / 20);
    let (mail, words, rare) = (all / 60, all / 90, numbers.next(12));
    let a = all - aaaa - https - pointer - mail - words - rare;
    let (tcp, dot) = (all / 30, all / 70);
    let fine = answered - failed - refused - missing - other;
    json!([
        format!("2026-11-22T{:02}:{:02}:00Z", minute / 60, minute % 60),
        all + retries,
        answered,
        unanswered,
        retries,
        fine,
        failed,
        missing,
        refused,
        other,
        a,
        aaaa,
        https,
        pointer,
        mail,
        words,
        rare,
        all - tcp - dot,
        tcp,
        dot
    ])
}

/// The sum of a column over all bins; the first column is the time.
fn total(bins: &[Value], column: &str) -> u64 {
    let place = COLUMNS.iter().position(|name| *name == column).expect("a column") + 1;
    bins.iter().map(|bin| bin[place].as_u64().expect("a count")).sum()
}

fn rows(bins: &[Value], entries: &[(&str, u16, &str)]) -> Value {
    let counted = entries.iter().map(|(key, number, column)| (total(bins, column), *key, *number));
    let mut rows: Vec<_> = counted.collect();
    rows.sort_by_key(|(count, key, _)| (u64::MAX - count, key.to_string()));
    let rows: Vec<Value> = rows
        .iter()
        .map(|(count, key, number)| json!({"key": key, "number": number, "count": count}))
        .collect();
    json!({ "rows": rows })
}

/// Quantiles and buckets of values around two peaks, 64 buckets to each doubling.
fn quantiles(numbers: &mut Numbers, many: u64, peaks: [u64; 2], spread: u64) -> Value {
    let mut buckets: std::collections::BTreeMap<u64, (u64, u64)> = Default::default();
    for _ in 0..many.min(20_000) {
        let peak = peaks[usize::from(numbers.next(10) > 6)];
        let factor = (0..4).map(|_| numbers.next(spread)).sum::<u64>() as f64 / (2 * spread) as f64;
        let value = (peak as f64 * 4_f64.powf((factor - 1.0) * 3.0)).max(1.0) as u64;
        let step = (1 << value.ilog2()) / 64;
        let low = value.checked_div(step).map_or(value, |whole| whole * step);
        buckets.entry(low).or_insert((low + step.max(1), 0)).1 += 1;
    }
    let scale = (many / 20_000).max(1);
    let histogram: Vec<[u64; 3]> = buckets.iter().map(|(low, (high, n))| [*low, *high, n * scale]).collect();
    let count: u64 = histogram.iter().map(|bucket| bucket[2]).sum();
    let at = |share: f64| {
        let mut left = (count as f64 * share).ceil() as u64;
        let bucket = histogram.iter().find(|bucket| {
            left = left.saturating_sub(bucket[2]);
            left == 0
        });
        bucket.expect("some bucket")[0]
    };
    let mean = histogram.iter().map(|[low, high, n]| (low + high) as f64 / 2.0 * *n as f64).sum::<f64>()
        / count as f64;
    json!({"count": count, "min": at(0.0000001), "mean": mean, "p50": at(0.5), "p75": at(0.75), "p90": at(0.9), "p95": at(0.95),
        "p99": at(0.99), "p999": at(0.999), "max": histogram.last().expect("some bucket")[1], "relative_error": 0.0079,
        "histogram": histogram})
}

/// A hundred rows, less in each; `error` is by how much each may be too high.
fn top(numbers: &mut Numbers, whole: u64, error: u64, key: impl Fn(usize) -> String) -> Value {
    let row = |(place, numbers): (usize, &mut Numbers)| {
        let count = whole / (6 * place as u64 + 9) + error + numbers.next(3);
        let low = count - numbers.next(error + 1);
        json!({"key": key(place), "count": count, "low": low, "high": count, "answered": low - low / 50})
    };
    let rows: Vec<Value> = (0..100).map(|place| row((place, &mut *numbers))).collect();
    json!({"exact": error == 0, "total": whole, "error": error, "rows": rows})
}

fn servers(numbers: &mut Numbers, whole: u64) -> Value {
    let row = |(place, numbers): (u64, &mut Numbers)| {
        let transactions = whole / (place + 2) / 3;
        let rtt = quantiles(numbers, 400, [300_000 * (place + 1), 9_000_000 * (place + 1)], 90);
        let silent = place == 11;
        json!({"key": format!("2001:db8:{:x}::{}", place * 77, place + 1), "transactions": transactions,
            "unanswered": if silent { transactions } else { transactions / (30 + 7 * place) },
            "rtt": if silent { Value::Null } else { rtt }})
    };
    let rows: Vec<Value> = (0..26).map(|place| row((place, &mut *numbers))).collect();
    json!({"exact": true, "rows": rows})
}

fn numbered(prefix: &'static str) -> impl Fn(usize) -> String {
    move |place| format!("{prefix}{}", place + 1)
}

fn hostile_or(place: usize, otherwise: impl Fn(usize) -> String) -> String {
    HOSTILE.get(place).map_or_else(|| otherwise(place), ToString::to_string)
}

/// A day of a busy resolver.
pub(crate) fn busy_day() -> Value {
    let mut numbers = Numbers(4);
    let bins = bins(&mut numbers);
    let sum = |column| total(&bins, column);
    let (queries, answered, unanswered) = (sum("queries"), sum("answered"), sum("unanswered"));
    let transactions = answered + unanswered;
    let skips = json!([
        {"reason": "not_dns", "words": "of ports that are none of DNS", "packets": 41_223},
        {"reason": "tcp_hole", "words": "behind a hole in its TCP stream", "packets": 977},
        {"reason": "malformed", "words": "no DNS message, <b>whatever</b> its port says", "packets": 12},
    ]);
    let used = queries + answered + 310_022;
    json!({
        "dpp": "0.1.0", "format": 1,
        "inputs": [{"name": "/var/captures/resolver-2026-11-22T00.pcap.zst", "ending": "complete", "packets": used},
            {"name": "<i>second</i>.pcap", "ending": "cut", "packets": 42_212}],
        "first": "2026-11-22T00:00:00.004211973Z", "last": "2026-11-22T23:59:59.988123004Z", "seconds": 86_399.983_911_031,
        "accounting": {"packets_read": used + 42_212, "packets_used": used, "bytes_read": 3_118_223_104_u64,
            "messages": queries + answered + 2_200, "queries": queries, "responses": answered + 2_200,
            "unclaimed_responses": 2_199, "duplicates": 1, "skips": skips},
        "encrypted": {"dot_connections": 18_224, "doq_connections": 311, "https_connections": 90_877, "quic_connections": 0},
        "transactions": transactions,
        "outcomes": [{"key": "answered", "count": answered}, {"key": "unanswered", "count": unanswered}],
        "retries": sum("retries"), "retried_transactions": sum("retries") * 2 / 3,
        "types": rows(&bins, &[("A", 1, "types.1"), ("AAAA", 28, "types.28"), ("HTTPS", 65, "types.65"), ("PTR", 12, "types.12"),
            ("MX", 15, "types.15"), ("TXT", 16, "types.16"), ("NAPTR", 35, "types.other")]),
        "rcodes": rows(&bins, &[("NOERROR", 0, "rcodes.0"), ("SERVFAIL", 2, "rcodes.2"), ("NXDOMAIN", 3, "rcodes.3"),
            ("REFUSED", 5, "rcodes.5"), ("NOTIMP", 4, "rcodes.other")]),
        "transports": rows(&bins, &[("UDP", 17, "transports.udp"), ("TCP", 6, "transports.tcp"), ("DoT", 853, "transports.dot")]),
        "ip_versions": {"rows": [{"key": "IPv4", "number": 4, "count": transactions - 812_345}, {"key": "IPv6", "number": 6, "count": 812_345}]},
        "opcodes": {"rows": [{"key": "QUERY", "number": 0, "count": transactions - 31}, {"key": "NOTIFY", "number": 4, "count": 31}]},
        "classes": {"rows": [{"key": "IN", "number": 1, "count": transactions - 3}, {"key": "CH", "number": 3, "count": 3}]},
        "edns": {"queries": queries / 10 * 9, "queries_do": queries / 4, "responses": answered / 10 * 9, "sizes": [
            {"key": "1232", "number": 1232, "count": queries / 2}, {"key": "4096", "number": 4096, "count": queries / 4},
            {"key": "512", "number": 512, "count": queries / 9}, {"key": "65494", "number": 65_494, "count": 17}]},
        "flags": {"rd": queries - 400, "tc": 9_121, "ad": queries / 7, "cd": 1_204, "aa": 0},
        "sizes": {"query": quantiles(&mut numbers, queries, [40, 70], 40), "response": quantiles(&mut numbers, answered, [90, 420], 60)},
        "rtt": quantiles(&mut numbers, answered, [400_000, 24_000_000], 1_000),
        "servers": servers(&mut numbers, transactions),
        "tops": {
            "clients": top(&mut numbers, transactions, 0, numbered("192.0.2.")),
            "client_prefixes": top(&mut numbers, transactions, 0, |place| format!("2001:db8:{place:x}::/48")),
            "names": top(&mut numbers, transactions, 5_210, |place| {
                hostile_or(place, |place| format!("host{place}.with.a.rather.long.name.in.department{place}.example{}.org", place % 9))
            }),
            "domains": top(&mut numbers, transactions, 5_210, numbered("example-")),
            "tlds": top(&mut numbers, transactions, 0, numbered("tld")),
            "servers": top(&mut numbers, transactions, 0, numbered("198.51.100.")),
        },
        "distinct": {"clients": {"count": 18_221, "exact": true, "low": 18_221, "high": 18_221},
            "names": {"count": 1_922_004, "exact": false, "low": 1_890_112, "high": 1_954_417},
            "domains": {"count": 201_877, "exact": false, "low": 198_000, "high": 205_755}},
        "times": {"bin_seconds": 60, "columns": COLUMNS, "bins": bins}
    })
}

/// Four queries within two seconds, one of them not answered.
pub(crate) fn few() -> Value {
    let quantiles = json!({"count": 3, "min": 812_000, "mean": 1_204_333.333_3, "p50": 1_001_000, "p75": 1_800_000, "p90": 1_800_000,
        "p95": 1_800_000, "p99": 1_800_000, "p999": 1_800_000, "max": 1_800_000, "relative_error": 0.0079,
        "histogram": [[808_000, 816_000, 1], [1_000_000, 1_008_000, 1], [1_792_000, 1_808_000, 1]]});
    let mut few = nothing();
    let rest = json!({
        "inputs": [{"name": "few.pcap", "ending": "complete", "packets": 7}],
        "first": "2026-11-22T12:00:00.000000000Z", "last": "2026-11-22T12:00:01.500000000Z", "seconds": 1.5,
        "accounting": {"packets_read": 7, "packets_used": 7, "bytes_read": 900, "messages": 7, "queries": 4, "responses": 3,
            "unclaimed_responses": 0, "duplicates": 0, "skips": []},
        "transactions": 4, "rtt": quantiles,
        "outcomes": [{"key": "answered", "count": 3}, {"key": "unanswered", "count": 1}],
        "times": {"bin_seconds": 1, "columns": ["queries", "answered", "unanswered", "retries", "rcodes.0"],
            "bins": [["2026-11-22T12:00:00Z", 3, 2, 1, 0, 2], ["2026-11-22T12:00:01Z", 1, 1, 0, 0, 1]]}
    });
    let (few_members, rest) =
        (few.as_object_mut().expect("an object"), rest.as_object().expect("an object").clone());
    few_members.extend(rest);
    few
}

/// What an empty capture gives.
pub(crate) fn nothing() -> Value {
    let none = json!({"exact": true, "total": 0, "error": 0, "rows": []});
    let zero = json!({"count": 0, "exact": true, "low": 0, "high": 0});
    let empty = json!({"rows": []});
    json!({
        "dpp": "0.1.0", "format": 1, "inputs": [{"name": "empty.pcap", "ending": "complete", "packets": 0}],
        "first": null, "last": null, "seconds": null,
        "accounting": {"packets_read": 0, "packets_used": 0, "bytes_read": 24, "messages": 0, "queries": 0, "responses": 0,
            "unclaimed_responses": 0, "duplicates": 0, "skips": []},
        "encrypted": {"dot_connections": 0, "doq_connections": 0, "https_connections": 0, "quic_connections": 0},
        "transactions": 0, "outcomes": [], "retries": 0, "retried_transactions": 0,
        "types": empty, "rcodes": empty, "transports": empty, "ip_versions": empty, "opcodes": empty, "classes": empty,
        "edns": {"queries": 0, "queries_do": 0, "responses": 0, "sizes": []},
        "flags": {"rd": 0, "tc": 0, "ad": 0, "cd": 0, "aa": 0},
        "sizes": {"query": null, "response": null}, "rtt": null, "servers": {"exact": true, "rows": []},
        "tops": {"clients": none, "client_prefixes": none, "names": none, "domains": none, "tlds": none, "servers": none},
        "distinct": {"clients": zero, "names": zero, "domains": zero},
        "times": {"bin_seconds": 1, "columns": [], "bins": []}
    })
}
