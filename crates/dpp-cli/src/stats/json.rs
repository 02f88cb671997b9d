//! All figures as one JSON object, which the page of `dpp report` is made of too. docs/stats.md describes it.
//!
//! Times are in nanoseconds and lengths in bytes where a key does not say otherwise, dates RFC 3339 in UTC. No shares are in it:
//! who reads divides. What there is none of is null or an empty list.

use super::traffic::{Account, ENCRYPTED, READ, Traffic};
use dpp::summary::{Counted, ServerFigures, Shown, Summary, TIMED, Table};
use dpp::tallies::{Counts, Number, Quantiles, Top, Tops};
use dpp_sink::parts::ledger::{Ledger, LeftOut, Sequence, left_out_words};
use dpp_sink::parts::name_of;
use dpp_sink::text::{Dates, NUMBER_ROOM};
use serde_json::{Map, Value, json};

/// The format's number, which grows when a key changes its meaning.
const FORMAT: u32 = 1;

/// The object: `rows` is how many of what there is most of.
pub(super) fn object(traffic: &Traffic, ledger: &Ledger, rows: usize) -> Value {
    let Traffic { summary, account, inputs, .. } = traffic;
    let count = |what| summary.counted(what);
    let figures = summary.figures(rows);
    let of_most = |of: &Tops, key| tops(of, figures.table(key));
    let each = |of: &Counts, key| counts(of, figures.table(key));
    let ends = summary.first_and_last_ns();
    let inputs: Vec<Value> =
        inputs.iter().map(|input| json!({ "name": input.name, "ending": input.ending })).collect();
    json!({
        "dpp": env!("CARGO_PKG_VERSION"),
        "format": FORMAT,
        "inputs": inputs,
        "first": ends.map(|(first, _)| date(first)),
        "last": ends.map(|(_, last)| date(last)),
        "seconds": ends.map(|(first, last)| last.saturating_sub(first) as f64 / 1e9),
        "left_out": left_out(ledger),
        "missing": missing(ledger),
        "accounting": accounting(account),
        "encrypted": rows_of(account, &ENCRYPTED),
        "transactions": count(Counted::Queries),
        "outcomes": outcomes(summary),
        "retries": count(Counted::Retries),
        "retried_transactions": count(Counted::Retried),
        "types": each(&summary.types, "types"),
        "rcodes": each(&summary.rcodes, "rcodes"),
        "transports": each(&summary.transports, "transports"),
        "ip_versions": { "rows": [
            { "key": "IPv4", "number": 4, "count": count(Counted::Ipv4) },
            { "key": "IPv6", "number": 6, "count": count(Counted::Ipv6) },
        ] },
        "opcodes": each(&summary.opcodes, "opcodes"),
        "classes": each(&summary.classes, "classes"),
        "edns": {
            "queries": count(Counted::Edns),
            "queries_do": count(Counted::Do),
            "responses": count(Counted::AnsweredEdns),
            "versions": each(&summary.edns_versions, "edns_versions")["rows"],
            "sizes": each(&summary.edns_sizes, "edns_sizes")["rows"],
        },
        "flags": {
            "rd": count(Counted::Rd),
            "cd": count(Counted::Cd),
            "ad": count(Counted::Ad),
            "tc": count(Counted::Tc),
            "aa": count(Counted::Aa),
        },
        "sizes": { "query": quantiles(&summary.query_sizes), "response": quantiles(&summary.response_sizes) },
        "rtt": quantiles(&summary.rtts),
        "servers": servers(summary, figures.table("servers")),
        "tops": {
            "clients": of_most(&summary.clients, "clients"),
            "client_prefixes": of_most(&summary.client_prefixes, "client_prefixes"),
            "servers": of_most(&summary.servers, "servers"),
            "names": of_most(&summary.names, "names"),
            "domains": of_most(&summary.domains, "domains"),
            "tlds": of_most(&summary.tlds, "tlds"),
        },
        "distinct": {
            "clients": distinct(&summary.clients),
            "client_prefixes": distinct(&summary.client_prefixes),
            "servers": distinct(&summary.servers),
            "names": distinct(&summary.names),
            "domains": distinct(&summary.domains),
            "tlds": distinct(&summary.tlds),
        },
        "times": times(summary),
    })
}

/// Captures and parts that should have been among them, and why they are not.
fn left_out(ledger: &Ledger) -> Vec<Value> {
    let row = |left_out: LeftOut| {
        let name = name_of(left_out.name).unwrap_or_else(|| left_out.name.to_owned());
        json!({ "name": name, "reason": left_out.reason, "words": left_out_words(left_out.reason) })
    };
    ledger.all_left_out().map(row).collect()
}

/// Numbers of captures that are missing between those of a site: how many, and ranges, the first of them.
fn missing(ledger: &Ledger) -> Vec<Value> {
    let missing = ledger.sequences().into_iter().filter(|sequence| sequence.missing_count > 0);
    let row = |sequence: Sequence| {
        json!({
            "site": name_of(&sequence.site).unwrap_or(sequence.site),
            "first": sequence.first,
            "last": sequence.last,
            "count": sequence.missing_count,
            "ranges": sequence.missing,
        })
    };
    missing.map(row).collect()
}

/// Where every packet went.
fn accounting(account: &Account) -> Value {
    let skips: Vec<Value> = account
        .skips()
        .map(|(name, words, packets)| json!({ "reason": name, "words": words, "packets": packets }))
        .collect();
    let mut accounting = rows_of(account, &READ);
    accounting["skips"] = json!(skips);
    accounting
}

fn rows_of<T>(account: &Account, rows: &[(&str, T)]) -> Value {
    rows.iter().map(|(key, _)| ((*key).to_owned(), json!(account.count(key)))).collect::<Map<_, _>>().into()
}

fn outcomes(summary: &Summary) -> Vec<Value> {
    let rows = [
        ("answered", Counted::Answered),
        ("unanswered", Counted::Unanswered),
        ("multicast", Counted::Unpaired),
    ];
    let rows = rows.map(|(key, what)| (key, summary.counted(what))).into_iter();
    rows.filter(|(_, count)| *count > 0).map(|(key, count)| json!({ "key": key, "count": count })).collect()
}

/// Numbers with their names, which the table has in the same order.
fn counts(of: &Counts, table: Option<&Table>) -> Value {
    let Some(table) = table else { return Value::Null };
    let row = |((number, count), row): ((u16, u64), &Vec<Shown>)| json!({ "key": text(&row[0]), "number": number, "count": count });
    let rows: Vec<Value> = of.most_frequent().into_iter().zip(&table.rows).map(row).collect();
    json!({ "rows": rows })
}

/// What is told of a distribution; null if there is nothing in it.
fn quantiles(of: &Quantiles) -> Value {
    if of.count() == 0 {
        return Value::Null;
    }
    let mut told = brief(of);
    let buckets: Vec<_> = of.buckets().map(|(low, high, count)| json!([low, high, count])).collect();
    told["histogram"] = json!(buckets);
    told
}

/// The same without the histogram.
fn brief(of: &Quantiles) -> Value {
    if of.count() == 0 {
        return Value::Null;
    }
    json!({
        "count": of.count(),
        "min": of.min(),
        "mean": of.mean(),
        "p50": of.quantile(500),
        "p75": of.quantile(750),
        "p90": of.quantile(900),
        "p95": of.quantile(950),
        "p99": of.quantile(990),
        "p999": of.quantile(999),
        "max": of.max(),
        "relative_error": Quantiles::RELATIVE_ERROR,
    })
}

/// What servers did. Where they are many it is known of a sample alone, and is that much of all.
fn servers(summary: &Summary, table: Option<&Table>) -> Value {
    let Some(table) = table else { return Value::Null };
    let top = summary.servers.top(table.rows.len());
    let all = summary.of_servers(top.iter().map(|top| &top.key[..]));
    let row = |((top, figures), row): ((&Top, Option<ServerFigures>), &Vec<Shown>)| {
        let figures = figures.unwrap_or_default();
        let looked_at = figures.queries();
        let of_all = |part: u64| {
            (looked_at > 0).then(|| (u128::from(part) * u128::from(top.count) / u128::from(looked_at)) as u64)
        };
        json!({
            "key": text(&row[0]),
            "transactions": top.count,
            "unanswered": of_all(figures.without_code),
            "nxdomain": of_all(figures.rcodes.of(NXDOMAIN)),
            "servfail": of_all(figures.rcodes.of(SERVFAIL)),
            "rtt": brief(&figures.rtts),
        })
    };
    let rows: Vec<Value> = top.iter().zip(all).zip(&table.rows).map(row).collect();
    json!({ "exact": table.is_exact, "rows": rows })
}

const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;

fn tops(of: &Tops, table: Option<&Table>) -> Value {
    let Some(table) = table else { return Value::Null };
    let top = of.top(table.rows.len());
    let error = top.iter().map(|top| top.most - top.least).max().unwrap_or(0);
    let row = |(top, row): (&Top, &Vec<Shown>)| json!({ "key": text(&row[0]), "count": top.count, "low": top.least, "high": top.most });
    let rows: Vec<Value> = top.iter().zip(&table.rows).map(row).collect();
    json!({ "exact": of.is_exact(), "total": of.total(), "error": error, "rows": rows })
}

fn text(shown: &Shown) -> &str {
    match shown {
        Shown::Text(text) => text,
        _ => "",
    }
}

fn distinct(of: &Tops) -> Value {
    let Number { keys, error } = of.distinct();
    // Twice the standard error: 19 of 20 estimates are that near.
    let apart = (2.0 * error * keys as f64).ceil() as u64;
    json!({ "count": keys, "exact": error == 0.0, "low": keys - apart.min(keys), "high": keys + apart })
}

/// What came in each span of time with something in it.
fn times(summary: &Summary) -> Value {
    let columns: Vec<&str> = TIMED.iter().map(|row| row.1).collect();
    let bin = |(start, counters): (i64, &[u64; TIMED.len()])| {
        let mut bin = vec![json!(date(start.saturating_mul(1_000_000_000)))];
        bin.extend(counters.map(|count| json!(count)));
        bin
    };
    let bins: Vec<_> = summary.times.spans().map(bin).collect();
    json!({ "bin_seconds": summary.times.width_s(), "columns": columns, "bins": bins })
}

/// A time, to the nanosecond.
fn date(ns: i64) -> String {
    let mut room = [0; NUMBER_ROOM];
    let length = Dates::default().write(ns, &mut room);
    String::from_utf8_lossy(&room[..length]).into_owned()
}
