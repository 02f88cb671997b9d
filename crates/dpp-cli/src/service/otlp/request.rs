//! Families as an `ExportMetricsServiceRequest`, in the JSON of OTLP: proto3's, with enums as their numbers.
//!
//! 64-bit integers are strings there, as a reader in JavaScript could not hold them. The surprising fact: buckets of a
//! histogram are counted each for itself here, and up to their bounds for Prometheus; the bounds themselves belong to the lower
//! bucket in both.

use super::Resource;
use crate::service::families::{Families, Family, Kind, Sample, Spread, Value as Figure};
use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u8 = 2;

/// The body of a request. Counts began at `start`.
pub(super) fn request(families: &Families, resource: &Resource, start: SystemTime, now: SystemTime) -> Value {
    // A clock that was set back does not make a figure end before it begins.
    let times = Times { start: unix_ns(start), now: unix_ns(now).max(unix_ns(start)) };
    let metrics: Vec<Value> = families.iter().map(|family| metric(family, times)).collect();
    let attributes: Vec<Value> = resource.iter().map(|(key, value)| attribute(key, value)).collect();
    let scope = json!({ "name": "dpp", "version": env!("CARGO_PKG_VERSION") });
    json!({ "resourceMetrics": [{
        "resource": { "attributes": attributes },
        "scopeMetrics": [{ "scope": scope, "metrics": metrics }],
    }] })
}

/// Ns since 1970 UTC.
#[derive(Clone, Copy)]
struct Times {
    start: u128,
    now: u128,
}

fn unix_ns(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn metric(Family { name, kind, help, samples }: &Family, times: Times) -> Value {
    let points: Vec<Value> = samples.iter().map(|sample| point(sample, *kind, times)).collect();
    let mut metric = json!({ "name": name, "description": help });
    if let Some(unit) = unit(name) {
        metric["unit"] = unit.into();
    }
    let (key, data) = match kind {
        Kind::Counter => (
            "sum",
            json!({ "dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true }),
        ),
        Kind::Gauge => ("gauge", json!({ "dataPoints": points })),
        Kind::Histogram => {
            ("histogram", json!({ "dataPoints": points, "aggregationTemporality": CUMULATIVE }))
        }
    };
    metric[key] = data;
    metric
}

/// The unit (UCUM) that a name tells. Counts of things have none: a unit would become a part of their names where they
/// are stored.
fn unit(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix("_total").unwrap_or(name);
    match name {
        name if name.ends_with("_seconds") => Some("s"),
        name if name.ends_with("_bytes") => Some("By"),
        _ => None,
    }
}

fn point(Sample { labels, value }: &Sample, kind: Kind, times: Times) -> Value {
    let mut point = Map::new();
    let attributes: Vec<Value> = labels.iter().map(|(key, value)| attribute(key, value)).collect();
    point.insert("attributes".into(), attributes.into());
    if kind != Kind::Gauge {
        point.insert("startTimeUnixNano".into(), times.start.to_string().into());
    }
    point.insert("timeUnixNano".into(), times.now.to_string().into());
    match value {
        Figure::Count(count) => _ = point.insert("asInt".into(), integer(*count)),
        Figure::Real(number) => _ = point.insert("asDouble".into(), (*number).into()),
        Figure::Spread(spread) => point.extend(buckets(spread)),
    }
    point.into()
}

/// OTLP's integers of values have a sign. No count of ours comes to where that matters.
fn integer(count: u64) -> Value {
    count.min(i64::MAX as u64).to_string().into()
}

fn buckets(Spread { bounds, up_to, count, sum }: &Spread) -> [(String, Value); 4] {
    let mut before = 0;
    let mut own = |up_to: &u64| {
        let own = up_to.saturating_sub(before);
        before = *up_to;
        own.to_string()
    };
    let counts: Vec<String> = up_to.iter().chain([count]).map(&mut own).collect();
    [
        ("count".into(), count.to_string().into()),
        ("sum".into(), (*sum).into()),
        ("bucketCounts".into(), counts.into()),
        ("explicitBounds".into(), json!(bounds)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::metrics::example_families;
    use std::time::Duration;

    /// What of the example is a metric of this name.
    fn example(name: &str) -> Value {
        let resource = vec![("service.name", "dpp".to_owned()), ("dpp.site", "fra1".to_owned())];
        let (start, later) = (UNIX_EPOCH + Duration::from_secs(7), UNIX_EPOCH + Duration::from_secs(9));
        let request = request(&example_families(), &resource, start, later);
        let of_one = &request["resourceMetrics"][0];
        assert_eq!(of_one["resource"]["attributes"][1], attribute("dpp.site", "fra1"));
        let metrics = of_one["scopeMetrics"][0]["metrics"].as_array().unwrap();
        let mut named = metrics.iter().filter(|metric| metric["name"] == name);
        named.next().unwrap_or_else(|| panic!("no {name}")).clone()
    }

    #[test]
    fn counters_are_sums_since_the_start() {
        let metric = example("dpp_source_dropped_total");
        let sum = &metric["sum"];
        assert_eq!((&sum["isMonotonic"], &sum["aggregationTemporality"]), (&true.into(), &2.into()));
        let expected = json!({
            "attributes": [attribute("source", "afpacket:eth0"), attribute("reason", "by_kernel")],
            "startTimeUnixNano": "7000000000",
            "timeUnixNano": "9000000000",
            "asInt": "3",
        });
        assert!(sum["dataPoints"].as_array().unwrap().contains(&expected), "{metric:#}");
    }

    #[test]
    fn gauges_have_no_start_and_names_tell_units() {
        let metric = example("dpp_queue_bytes");
        let point = json!({ "attributes": [], "timeUnixNano": "9000000000", "asInt": "5" });
        assert_eq!(metric["gauge"]["dataPoints"], json!([point]));
        assert_eq!(metric["unit"], "By");
        assert_eq!(example("process_cpu_seconds_total")["unit"], "s");
        assert_eq!(example("dpp_rows_total")["unit"], Value::Null);
    }

    #[test]
    fn buckets_are_counted_each_for_itself() {
        let point = &example("dpp_rtt_seconds")["histogram"]["dataPoints"][0];
        let counts: Vec<u64> = point["bucketCounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|count| count.as_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(counts.len(), point["explicitBounds"].as_array().unwrap().len() + 1);
        assert_eq!((counts[0], counts[4], counts[12], counts[16]), (1, 1, 1, 1));
        assert_eq!(counts.iter().sum::<u64>().to_string(), point["count"].as_str().unwrap());
    }

    #[test]
    fn a_clock_that_was_set_back_ends_nothing_before_its_beginning() {
        let start = UNIX_EPOCH + Duration::from_secs(7);
        let request = request(&example_families(), &Vec::new(), start, UNIX_EPOCH);
        let text = request.to_string();
        assert!(!text.contains("\"timeUnixNano\":\"0\"") && text.contains("\"timeUnixNano\":\"7000000000\""));
    }
}
