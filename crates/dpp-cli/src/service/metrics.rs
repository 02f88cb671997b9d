//! THE metrics: what `/metrics` says and a collector is told, made from the tables that the report is made of.
//!
//! Each figure of [`report`] that is a count becomes a counter under its key (`retries`: `dpp_retries_total`), each
//! skip reason a value of the label `reason`, each row of a live source's table a counter with the label `source`. So a new
//! row in one of these tables is a new metric, and nothing is added here. What is not here, on purpose: ratios and means, which Prometheus
//! computes of counters; and the packets by protocol and port of the report's `seen`, whose labels would be as many as
//! strangers like, but for the two ports of encrypted DNS.

use super::families::{Families, Kind, Spread};
use crate::report::{self, Figure, Number};
use dpp::pipeline::Told;
use dpp::stats::{Totals, Volume};
use dpp::transaction::{Matches, Rtt};
use dpp_sink::relay::{self, RELAY_COUNTS};
use dpp_source::live::{COUNTS, Counts};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Bounds of the histogram of round trips, in seconds: from the resolver next door to the longest time-out that may be set.
static RTT_BOUNDS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Ports where encrypted DNS is: DNS over TLS and QUIC, and among others DNS over HTTPS.
const ENCRYPTED_PORTS: [(u16, &str); 2] = [(853, "853"), (443, "443")];

/// Something that an output counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Delivery {
    Rows,
    Files,
    Bytes,
    Failures,
    RowsDropped,
    RowsMisfiled,
}

/// All of these, in the order of [`Delivery`]: name, and what it means.
pub(crate) const DELIVERIES: [(Delivery, &str, &str); 6] = [
    (Delivery::Rows, "rows", "rows in complete files"),
    (Delivery::Files, "files", "files completed"),
    (Delivery::Bytes, "bytes", "bytes of complete files"),
    (
        Delivery::Failures,
        "failures",
        "times that writing failed, or completing a file, or the command behind it",
    ),
    (Delivery::RowsDropped, "rows_dropped", "rows that could not be written, and are lost"),
    (
        Delivery::RowsMisfiled,
        "rows_misfiled",
        "rows in the file of another period than theirs, being late or dated wrong",
    ),
];

/// What one output has counted so far. Shared by those who write and those who tell.
#[derive(Debug, Default)]
pub(crate) struct Deliveries([AtomicU64; DELIVERIES.len()]);

impl Deliveries {
    /// Counts so many more.
    pub(crate) fn add(&self, what: Delivery, more: u64) {
        self.0[what as usize].fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self, what: Delivery) -> u64 {
        self.0[what as usize].load(Ordering::Relaxed)
    }
}

/// Counts under the name by which the configuration knows whose they are.
pub(crate) type Named<T> = Vec<(String, Arc<T>)>;

/// A receiver that messages are sent on to.
#[derive(Debug)]
pub(crate) struct Relayed {
    pub(crate) name: String,
    pub(crate) counts: Arc<relay::Counts>,
    /// So many bytes may wait for it.
    pub(crate) bytes_max: usize,
}

/// What came of figures that were sent to a collector.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    pub(crate) succeeded: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// Values that a collector did not want.
    pub(crate) rejected: AtomicU64,
}

/// Everything there is to tell at a moment.
pub(crate) struct View<'a> {
    pub(crate) told: Told,
    pub(crate) sources: &'a Named<Counts>,
    pub(crate) sinks: &'a Named<Deliveries>,
    /// Bytes that wait between sources and the engine, and how many may; `None` without live sources.
    pub(crate) queue: Option<(usize, usize)>,
    pub(crate) started: SystemTime,
    pub(crate) is_ready: bool,
    pub(crate) relays: &'a [Relayed],
    /// `None` if there is no collector.
    pub(crate) exports: Option<&'a Exports>,
    /// How often the configuration was read again: with success, and without.
    pub(crate) reloads: (u64, u64),
}

/// All figures.
pub(crate) fn families(view: View) -> Families {
    let View {
        told: Told { totals, rows },
        sources,
        sinks,
        relays,
        exports,
        queue,
        started,
        is_ready,
        reloads,
    } = view;
    let mut all = Families::default();
    service(&mut all, started, is_ready, reloads);
    engine(&mut all, totals, rows);
    of_sources(&mut all, sources);
    of_absences(&mut all, sources);
    of_sinks(&mut all, sinks);
    of_relays(&mut all, relays);
    if let Some((bytes, bytes_max)) = queue {
        let what = "Bytes that wait between live sources and the engine";
        all.single("dpp_queue_bytes", Kind::Gauge, what, bytes);
        let what = "How many may wait until sources drop";
        all.single("dpp_queue_limit_bytes", Kind::Gauge, what, bytes_max);
    }
    if let Some(exports) = exports {
        of_exports(&mut all, exports);
    }
    process(&mut all);
    all
}

fn service(all: &mut Families, started: SystemTime, is_ready: bool, reloads: (u64, u64)) {
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    all.family("dpp_build_info", Kind::Gauge, "Which dpp this is", |samples| samples.add(&version, 1_u64));
    let seconds = started.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    all.single("dpp_start_time_seconds", Kind::Gauge, "When it began, since 1970 UTC", seconds);
    let what = "Whether packets are taken and rows can be written";
    all.single("dpp_ready", Kind::Gauge, what, is_ready);
    let what = "How often the configuration was read again";
    all.family("dpp_reloads_total", Kind::Counter, what, |samples| {
        samples.add(&[("result", "success")], reloads.0);
        samples.add(&[("result", "failure")], reloads.1);
    });
}

/// What the engine has counted.
fn engine(all: &mut Families, totals: Totals, rows: u64) {
    volume(all, "packets_read", "Packets that the engine took", totals.read);
    volume(all, "packets_used", "Packets with DNS messages", totals.used);
    let outcome = report::outcome(totals, rows);
    let what = "Packets that were not used, by reason";
    all.family("dpp_packets_skipped_total", Kind::Counter, what, |samples| {
        report::skips(&outcome)
            .for_each(|(name, _, volume)| samples.add(&[("reason", name)], volume.packets));
    });
    let what = "Bytes of packets that were not used, by reason";
    all.family("dpp_packets_skipped_bytes_total", Kind::Counter, what, |samples| {
        report::skips(&outcome).for_each(|(name, _, volume)| samples.add(&[("reason", name)], volume.bytes));
    });
    let what = "Queries that wait for their responses now";
    all.single("dpp_waiting_queries", Kind::Gauge, what, waiting(&outcome.totals.matches));
    report::messages(&outcome).iter().for_each(|figure| counter(all, "dpp_", "", figure));
    for report::Group { key, words, figures } in report::groups(&outcome) {
        figures.iter().for_each(|figure| counter(all, &format!("dpp_{key}_"), &format!("{words}: "), figure));
    }
    let what = "Messages with something wrong, by what is wrong; counted if a column wants to know";
    all.family("dpp_parse_errors_total", Kind::Counter, what, |samples| {
        for Figure { key, number, .. } in report::parse_errors(&outcome) {
            if let Number::Count(count) = number {
                samples.add(&[("reason", key)], count);
            }
        }
    });
    let what = "Connections that were opened where encrypted DNS may be: TCP SYNs, and first packets of QUIC";
    all.family("dpp_encrypted_connections_total", Kind::Counter, what, |samples| {
        let seen = &outcome.totals.seen;
        for (transport, tally) in [("tcp", &seen.tcp_opened), ("quic", &seen.quic_opened)] {
            for (port, name) in ENCRYPTED_PORTS {
                samples.add(&[("transport", transport), ("port", name)], tally.of(port));
            }
        }
    });
    round_trips(all, &outcome.totals.rtt);
}

/// What law 3 leaves: queries of which nothing has become yet.
fn waiting(matches: &Matches) -> u64 {
    let Matches { matched, timed_out, retries, unpaired_queries, duplicate_queries, still_open, .. } =
        matches;
    let decided = matched + timed_out + retries + unpaired_queries + duplicate_queries + still_open;
    matches.queries.saturating_sub(decided)
}

fn volume(all: &mut Families, name: &str, what: &str, Volume { packets, bytes }: Volume) {
    all.single(&format!("dpp_{name}_total"), Kind::Counter, what, packets);
    all.single(&format!("dpp_{name}_bytes_total"), Kind::Counter, &format!("{what}: bytes"), bytes);
}

/// A figure that is a count. What is computed of counts, Prometheus can compute better.
fn counter(all: &mut Families, before: &str, words_before: &str, figure: &Figure) {
    if let Number::Count(count) = figure.number {
        let (name, help) =
            (format!("{before}{}_total", figure.key), format!("{words_before}{}", figure.words));
        all.single(&name, Kind::Counter, &help, count);
    }
}

fn round_trips(all: &mut Families, rtt: &Rtt) {
    let what = "Time from query to response";
    let up_to = RTT_BOUNDS.iter().map(|bound| rtt.up_to((bound * 1e9).round() as u64)).collect();
    let spread = Spread { bounds: &RTT_BOUNDS, up_to, count: rtt.count(), sum: rtt.sum_ns() as f64 / 1e9 };
    all.single("dpp_rtt_seconds", Kind::Histogram, what, spread);
}

/// Counts of packets that were lost have names that begin like this.
const DROPPED: &str = "dropped_";

/// All that a source has lost.
pub(crate) fn dropped(counts: &Counts) -> u64 {
    let drops = COUNTS.iter().filter(|entry| entry.name.starts_with(DROPPED));
    drops.map(|entry| counts.get(entry.count)).sum()
}

/// What live sources count. Those counts that tell of a drop are one family, so that one can ask for all of them.
fn of_sources(all: &mut Families, sources: &Named<Counts>) {
    for entry in COUNTS.iter().filter(|entry| !entry.name.starts_with(DROPPED)) {
        let name = format!("dpp_source_{}_total", entry.name);
        let help = format!("Live source: {}", entry.meaning);
        all.family(&name, Kind::Counter, &help, |samples| {
            for (source, counts) in sources {
                samples.add(&[("source", source)], counts.get(entry.count));
            }
        });
    }
    let what = "Live source: packets or messages that were lost, by reason";
    all.family("dpp_source_dropped_total", Kind::Counter, what, |samples| {
        for entry in COUNTS {
            let Some(reason) = entry.name.strip_prefix(DROPPED) else { continue };
            for (source, counts) in sources {
                samples.add(&[("source", source), ("reason", reason)], counts.get(entry.count));
            }
        }
    });
}

/// Whether live sources are there.
fn of_absences(all: &mut Families, sources: &Named<Counts>) {
    let what = "Live source: whether it is away, so that nothing can come";
    all.family("dpp_source_away", Kind::Gauge, what, |samples| {
        for (source, counts) in sources {
            samples.add(&[("source", source)], counts.away_since().is_some());
        }
    });
}

fn of_sinks(all: &mut Families, sinks: &Named<Deliveries>) {
    for (delivery, name, meaning) in DELIVERIES {
        let (name, help) = (format!("dpp_sink_{name}_total"), format!("Output: {meaning}"));
        all.family(&name, Kind::Counter, &help, |samples| {
            for (sink, deliveries) in sinks {
                samples.add(&[("sink", sink)], deliveries.get(delivery));
            }
        });
    }
}

/// What is sent on. Here too, those counts that tell of a drop are one family.
fn of_relays(all: &mut Families, relays: &[Relayed]) {
    if relays.is_empty() {
        return;
    }
    for (count, name, meaning) in RELAY_COUNTS.iter().filter(|entry| !entry.1.starts_with(DROPPED)) {
        let (name, help) = (format!("dpp_relay_{name}_total"), format!("Sent on: {meaning}"));
        all.family(&name, Kind::Counter, &help, |samples| {
            for Relayed { name, counts, .. } in relays {
                samples.add(&[("sink", name)], counts.get(*count));
            }
        });
    }
    let what = "Sent on: frames that were lost, by reason";
    all.family("dpp_relay_dropped_total", Kind::Counter, what, |samples| {
        for (count, entry, _) in RELAY_COUNTS {
            let Some(reason) = entry.strip_prefix(DROPPED) else { continue };
            for Relayed { name, counts, .. } in relays {
                samples.add(&[("sink", name), ("reason", reason)], counts.get(*count));
            }
        }
    });
    let mut gauge = |name: &str, what: &str, value: fn(&Relayed) -> u64| {
        all.family(name, Kind::Gauge, what, |samples| {
            relays.iter().for_each(|relay| samples.add(&[("sink", &relay.name)], value(relay)));
        });
    };
    let what = "Sent on: whether a receiver is there; that one has gone shows when something is sent";
    gauge("dpp_relay_connected", what, |relay| relay.counts.is_connected().into());
    let what = "Sent on: bytes that wait for the receiver";
    gauge("dpp_relay_waiting_bytes", what, |relay| relay.counts.waiting_bytes());
    let what = "Sent on: how many may wait until frames are dropped";
    gauge("dpp_relay_limit_bytes", what, |relay| relay.bytes_max as u64);
}

/// How the figures themselves get to a collector.
fn of_exports(all: &mut Families, exports: &Exports) {
    let what = "How often figures were sent to a collector (OTLP)";
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    all.family("dpp_otlp_exports_total", Kind::Counter, what, |samples| {
        samples.add(&[("result", "success")], count(&exports.succeeded));
        samples.add(&[("result", "failure")], count(&exports.failed));
    });
    let what = "Values that the collector did not want (OTLP)";
    all.single("dpp_otlp_rejected_total", Kind::Counter, what, count(&exports.rejected));
}

/// What everybody tells of a process, under the names that everybody uses.
fn process(all: &mut Families) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let status: BTreeMap<&str, &str> = status.lines().filter_map(|line| line.split_once(':')).collect();
    let number = |key: &str| status.get(key)?.split_whitespace().next()?.parse::<u64>().ok();
    if let Some(kib) = number("VmRSS") {
        let what = "Memory that is in use";
        all.single("process_resident_memory_bytes", Kind::Gauge, what, kib * 1024);
    }
    if let Some(threads) = number("Threads") {
        all.single("process_threads", Kind::Gauge, "Threads", threads);
    }
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    all.single("process_cpu_seconds_total", Kind::Counter, "Time on CPUs", seconds);
}

/// A page on which everything is, once.
#[cfg(test)]
pub(crate) fn example() -> String {
    super::exposition::text(&example_families())
}

/// The same before it is text.
#[cfg(test)]
pub(crate) fn example_families() -> Families {
    let sources = vec![("afpacket:eth0".to_owned(), Arc::<Counts>::default())];
    sources[0].1.add(dpp_source::live::Count::DroppedByKernel, 3);
    let sinks = vec![("rows".to_owned(), Arc::<Deliveries>::default())];
    sinks[0].1.add(Delivery::Rows, 12);
    let mut told = Told::default();
    [50_000, 1_000_000, 700_000_000, 20_000_000_000].iter().for_each(|ns| told.totals.rtt.add(*ns));
    told.totals.skip(dpp::packet::Skip::Port, 1, 7, b"nothing");
    told.totals.messages = 17;
    told.totals.matches.queries = 11;
    told.totals.matches.matched = 4;
    told.rows = 9;
    let queue = Some((5, 1 << 20));
    let relays = [Relayed { name: "'/run/r.sock'".to_owned(), counts: Arc::default(), bytes_max: 1 << 24 }];
    families(View {
        told,
        sources: &sources,
        sinks: &sinks,
        relays: &relays,
        exports: Some(&Exports::default()),
        queue,
        started: UNIX_EPOCH,
        is_ready: true,
        reloads: (2, 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::io::Write;
    use std::process::{Command, Stdio};

    #[track_caller]
    fn has(lines: &[&str]) {
        let page = example();
        for line in lines {
            assert!(page.lines().any(|other| other == *line), "no line {line}\n{page}");
        }
    }

    #[test]
    fn figures_of_the_report_are_counters() {
        has(&[
            "# HELP dpp_messages_total DNS messages",
            "# TYPE dpp_messages_total counter",
            "dpp_messages_total 17",
            "dpp_waiting_queries 7",
            "dpp_rows_total 9",
            "dpp_packets_skipped_total{reason=\"port\"} 1",
            "dpp_packets_skipped_bytes_total{reason=\"port\"} 7",
            "dpp_streams_connections_total 0",
            "dpp_encrypted_connections_total{transport=\"quic\",port=\"853\"} 0",
        ]);
    }

    #[test]
    fn sources_and_outputs_have_their_own() {
        has(&[
            "dpp_source_packets_total{source=\"afpacket:eth0\"} 0",
            "dpp_source_dropped_total{source=\"afpacket:eth0\",reason=\"by_kernel\"} 3",
            "dpp_source_dropped_total{source=\"afpacket:eth0\",reason=\"queue_full\"} 0",
            "dpp_sink_rows_total{sink=\"rows\"} 12",
            "dpp_relay_sent_total{sink=\"'/run/r.sock'\"} 0",
            "dpp_relay_dropped_total{sink=\"'/run/r.sock'\",reason=\"no_receiver\"} 0",
            "dpp_relay_limit_bytes{sink=\"'/run/r.sock'\"} 16777216",
            "dpp_otlp_exports_total{result=\"failure\"} 0",
            "dpp_queue_bytes 5",
            "dpp_reloads_total{result=\"failure\"} 1",
        ]);
    }

    #[test]
    fn round_trips_are_a_histogram() {
        has(&[
            "# TYPE dpp_rtt_seconds histogram",
            "dpp_rtt_seconds_bucket{le=\"0.0001\"} 1",
            "dpp_rtt_seconds_bucket{le=\"0.0005\"} 1",
            "dpp_rtt_seconds_bucket{le=\"0.0025\"} 2",
            "dpp_rtt_seconds_bucket{le=\"1\"} 3",
            "dpp_rtt_seconds_bucket{le=\"10\"} 3",
            "dpp_rtt_seconds_bucket{le=\"+Inf\"} 4",
            "dpp_rtt_seconds_count 4",
            "dpp_rtt_seconds_sum 20.70105",
        ]);
    }

    #[test]
    fn each_family_is_told_once_and_each_count_of_a_source_is_told() {
        let page = example();
        let mut names = BTreeSet::new();
        let families = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        families.for_each(|family| assert!(names.insert(family), "{family} twice"));
        let told = page.lines().filter(|line| line.contains("source=\"afpacket:eth0\"")).count();
        // And whether it is away.
        assert_eq!(told, COUNTS.len() + 1);
    }

    #[test]
    fn deliveries_stand_at_their_numbers() {
        for (number, (delivery, name, _)) in DELIVERIES.iter().enumerate() {
            assert_eq!(*delivery as usize, number, "{name}");
        }
    }

    /// Prometheus' own opinion, of syntax and of names.
    #[test]
    fn promtool_has_nothing_to_say() {
        let promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut promtool = promtool.expect("promtool is installed by `make peers`");
        promtool.stdin.take().unwrap().write_all(example().as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
    }
}
