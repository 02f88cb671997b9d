//! What is said of a run: keys, sums, warnings, and the exit code of a capture that ends badly.

use crate::frames::{fragments, message, tcp, udp};
use crate::room::{Room, pcap};
use serde_json::Value;

/// The keys of DPP's report, in its order.
const KEYS: [(&str, &str); 5] = [
    (
        "build",
        "version_hash git_commit_author git_timestamp build_timestamp build_hostname allocator os arch pid",
    ),
    (
        "config",
        "input_filename output_filename output_format report_format match_timeout_ms monotonic_capture \
         dns_wire_fast_path anonymization_enabled anonymize_key_path zstd v2 silent affinity \
         output_channel_capacity output_channel_message_capacity output_record_batch_size \
         uses_default_output_channel_capacity",
    ),
    ("execution", "available_cpus model rayon_threads staged_reserved_service_threads staged_worker_budget"),
    (
        "metrics",
        "total_packets_processed dns_messages_rejected_oversized_qname total_dns_queries_processed \
         deduplicated_duplicate_queries total_dns_responses_processed total_matched_query_response_pairs \
         timed_out_queries timed_out_query_ratio average_matched_rtt_ms processing_seconds \
         processing_speed_pps final_write_post_processing_seconds max_memory_usage_kib \
         total_runtime_seconds",
    ),
    ("warnings", "non_monotonic_capture_timestamps graceful_signal_shutdown"),
];

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn report(room: &Room, arguments: &[&str]) -> Value {
    room.dpp(&[arguments, &["--report-format", "json"]].concat()).well().report()
}

#[test]
fn the_keys_of_dpp_come_first_and_in_its_order() {
    let room = Room::with_capture();
    let report = report(&room, &["in.pcap"]);
    assert_eq!(keys(&report)[..KEYS.len()], KEYS.map(|(section, _)| section));
    for (section, expected) in KEYS {
        let expected: Vec<&str> = expected.split_whitespace().collect();
        assert_eq!(keys(&report[section])[..expected.len()], expected, "{section}");
    }
}

#[test]
fn the_report_knows_what_was_asked_for() {
    let room = Room::with_capture();
    room.write("key", "secret");
    let options = ["--match-timeout-ms", "500", "-z", "--v2", "-s", "--anonymize", "key", "-t", "2"];
    let report = report(&room, &[&["in.pcap", "out.pq"], &options[..]].concat());
    let path = |name| room.path(name).canonicalize().unwrap().display().to_string();
    let config = &report["config"];
    assert_eq!(config["input_filename"], path("in.pcap"));
    assert_eq!(config["output_filename"], path("out.pq"));
    assert_eq!(config["output_format"], "parquet");
    assert_eq!(config["report_format"], "json");
    assert_eq!(config["match_timeout_ms"], 500);
    for switch in ["zstd", "v2", "silent", "anonymization_enabled"] {
        assert_eq!(config[switch], true, "{switch}");
    }
    for switch in ["affinity", "monotonic_capture", "dns_wire_fast_path", "strict"] {
        assert_eq!(config[switch], false, "{switch}");
    }
    assert_eq!(report["execution"]["workers"], 2);
}

#[test]
fn the_sums_close_and_are_those_of_the_table() {
    let room = Room::new();
    room.write(
        "profile.toml",
        "loss_share = 0.1\nretry_share = 0.1\ntcp_share = 0.1\nduplicate_share = 0.1\n",
    );
    room.dpp(&["generate", "in.pcap", "--transactions", "2000", "--profile", "profile.toml"]).well();
    let report = report(&room, &["in.pcap", "out.csv"]);
    let identities = report["accounting"].as_array().unwrap();
    assert_eq!(identities.len(), 6);
    for identity in identities {
        let right: u64 =
            identity["right"].as_array().unwrap().iter().map(|term| term.as_u64().unwrap()).sum();
        assert_eq!(identity["left"].as_u64(), Some(right), "{identity}");
        assert_eq!(identity["holds"], true, "{identity}");
    }
    let rows = room.lines("out.csv")[1..].to_vec();
    let answered = rows.iter().filter(|row| row.split(',').nth(1) != Some("")).count();
    let metrics = &report["metrics"];
    assert_eq!(report["messages"]["rows"], rows.len());
    assert_eq!(metrics["total_matched_query_response_pairs"], answered);
    assert_eq!(metrics["timed_out_queries"], rows.len() - answered);
    assert!(
        metrics["timed_out_queries"].as_u64() > Some(0)
            && metrics["deduplicated_duplicate_queries"].as_u64() > Some(0)
    );
    let skipped = report["packets"]["skipped_by_reason"].as_object().unwrap();
    assert!(report["packets"]["skipped"]["packets"].as_u64() > Some(0));
    let sum: u64 = skipped.values().map(|volume| volume["bytes"].as_u64().unwrap()).sum();
    assert_eq!(report["packets"]["skipped"]["bytes"], sum);
}

#[test]
fn percentiles_grow_and_the_times_are_those_of_the_capture() {
    let room = Room::with_capture();
    let report = report(&room, &["in.pcap", "out.csv"]);
    let percentiles: Vec<f64> =
        report["rtt_ms"].as_object().unwrap().values().map(|ms| ms.as_f64().unwrap()).collect();
    assert_eq!(keys(&report["rtt_ms"]), ["p50", "p90", "p99", "p99_9", "max"]);
    assert!(percentiles.is_sorted() && percentiles[0] > 0.0, "{percentiles:?}");
    let capture = room.read("in.pcap");
    let field = |at: usize| u64::from(u32::from_le_bytes(capture[at..at + 4].try_into().unwrap()));
    assert_eq!(report["capture"]["first_timestamp_micros"], field(24) * 1_000_000 + field(28));
}

#[test]
fn text_and_json_agree_whether_anything_is_hidden() {
    let room = Room::with_capture();
    room.write("key", "secret");
    let address = ["--hide-addresses", "truncate", "--hide-fields", "client,server"];
    for (options, line) in [
        (&[][..], "Anonymization: False\n"),
        (&["--anonymize", "key"], "Anonymization: True, key file key\n"),
        (&address, "Anonymization: True, addresses by truncate:24,48, of client,server,dnstap\n"),
        (&["--hide-names", "drop"], "Anonymization: True, names by drop, of client,ecs,dnstap,names\n"),
    ] {
        let run = [&["in.pcap", "out.csv"], options].concat();
        let text = room.dpp(&run).well().stderr;
        assert!(text.contains(line), "{text}");
        assert_eq!(text.matches("addresses by").count(), line.matches("addresses by").count(), "{text}");
        let report = room.dpp(&[&run[..], &["--report-format", "json"]].concat()).well().report();
        let config = &report["config"];
        assert_eq!(config["anonymization_enabled"], line.contains("True"));
        assert_eq!(config["privacy"].is_null(), line.contains("False"));
    }
}

#[test]
fn the_text_report_has_the_lines_of_dpp_in_its_order() {
    let room = Room::with_capture();
    let text = room.dpp(&["in.pcap", "out.csv"]).well().stderr;
    let mut rest = text.as_str();
    for words in [
        "Format is: CSV\n",
        "Anonymization: False\n",
        "DNS match timeout: 1200 ms\n",
        "PID: ",
        "Results will be written to: ",
        "Total packets processed: 2,00",
        "Total DNS queries processed: 1,00",
        "Deduplicated duplicate queries: ",
        "Total DNS responses processed: ",
        "DNS messages rejected for oversized QNAME: 0\n",
        "Total matched Query-Response pairs: ",
        "Timed-out queries: ",
        "Average matched RTT: ",
        "Rows: 1,000\n",
        "Accounting: ",
        "Processing speed: ",
        "Max memory usage (RSS): ",
        "Processing completed in: 00:00:",
    ] {
        let at = rest.find(words).unwrap_or_else(|| panic!("'{words}' at its place in:\n{text}"));
        rest = &rest[at + words.len()..];
    }
}

#[test]
fn a_capture_that_is_cut_off_is_a_warning_and_with_strict_an_error() {
    let room = Room::with_capture();
    let whole = room.read("in.pcap");
    room.write("cut.pcap", &whole[..whole.len() - 1]);
    let run = room.dpp(&["cut.pcap", "cut.csv"]).well();
    assert!(
        run.stderr.contains("'cut.pcap' is cut off in the middle of the record at byte "),
        "{}",
        run.stderr
    );
    let report = report(&room, &["cut.pcap", "cut.csv"]);
    assert_eq!((&report["capture"]["ending"], &report["capture"]["cut_off"]), (&"cut_off".into(), &1.into()));
    let offset = report["capture"]["ending_offset"].as_u64().unwrap() as usize;
    assert!((whole.len() - 400..whole.len()).contains(&offset));
    let strict = room.dpp(&["cut.pcap", "strict.csv", "--strict"]);
    assert_eq!(strict.code, Some(1));
    assert!(strict.stderr.contains("Error: 'cut.pcap' is cut off"), "{}", strict.stderr);
    assert!(room.read("strict.csv") == room.read("cut.csv"), "the rows are written all the same");
    assert_eq!(room.dpp(&["in.pcap", "out.csv", "--strict"]).code, Some(0));
}

#[test]
fn a_capture_that_is_damaged_is_a_warning_and_with_strict_an_error() {
    let room = Room::with_capture();
    let mut damaged = room.read("in.pcap");
    let intact = damaged.len();
    damaged.extend_from_slice(&[0xff; 64]);
    room.write("damaged.pcap", damaged);
    let run = room.dpp(&["damaged.pcap", "out.csv"]).well();
    assert!(run.stderr.contains(&format!("'damaged.pcap' is damaged at byte {intact}: ")), "{}", run.stderr);
    assert_eq!(room.lines("out.csv").len(), 1001);
    assert_eq!(report(&room, &["damaged.pcap", "out.csv"])["capture"]["damaged"], 1);
    assert_eq!(room.dpp(&["damaged.pcap", "out.csv", "-s", "--strict"]).code, Some(1));
}

/// Three packets of multicast DNS, one of HTTPS, and ARP.
fn without_dns() -> Room {
    let mdns = udp("192.0.2.1:5353", "224.0.0.251:5353", &message(0, 0, "printer.local"));
    let https = tcp("192.0.2.1:40000", "192.0.2.80:443", 1, b"");
    let arp = [&[0; 12][..], &[8, 6], &[0; 28]].concat();
    let room = Room::new();
    room.write("in.pcap", pcap(&[&mdns, &arp, &mdns, &mdns, &https]));
    room
}

#[test]
fn a_capture_without_dns_is_explained() {
    let room = without_dns();
    let text = room.dpp(&["in.pcap", "out.csv"]).well().stderr;
    for line in [
        "Skipped: 3 packets, 219 bytes: UDP, but not on a DNS port (port; frames 1, 3, 4)",
        "Skipped: 1 packet, 42 bytes: ARP (arp; frame 2)",
        "No DNS message found: 60 % of the packets: UDP, but not on a DNS port; 20 % of the packets: ARP; ",
        "Seen instead, link types with packets: 1 (Ethernet) 5",
        "Seen instead, ethertypes with packets: 0x0800 (IPv4) 4, 0x0806 (ARP) 1",
        "Seen instead, IP protocols with packets: 17 (UDP) 3, 6 (TCP) 1",
        "Seen instead, UDP ports with packets: 5353 (mDNS) 3",
        "Seen instead, TCP ports with packets: 443 (HTTPS, QUIC, perhaps DNS in it) 1",
        "What to do: to read what is on port 5353, add --port 5353",
    ] {
        assert!(text.contains(line), "'{line}' in:\n{text}");
    }
    assert_eq!(room.lines("out.csv").len(), 1);
    let text = room.dpp(&["in.pcap", "out.csv", "--port", "5353"]).well().stderr;
    assert!(!text.contains("Seen instead") && !text.contains("What to do"), "{text}");
    assert_eq!(room.lines("out.csv").len(), 4);
}

/// What the report says of these packets, none of which gives a message.
#[track_caller]
fn check_seen(frames: &[&[u8]], lines: &[&str]) {
    let room = Room::new();
    room.write("in.pcap", pcap(frames));
    let text = room.dpp(&["in.pcap", "out.csv"]).well().stderr;
    let told: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("Seen instead") || line.starts_with("What to do"))
        .collect();
    assert_eq!(told, lines, "{text}");
}

#[test]
fn segments_without_data_and_fragments_are_seen_where_no_dns_is() {
    let handshake = tcp("192.0.2.1:40000", "192.0.2.53:53", 1, b"");
    let silent = "Seen instead, segments and fragments with packets: TCP on a DNS port without data 2";
    check_seen(&[&handshake, &handshake], &[silent]);
    let [first, second] = fragments(&udp("192.0.2.1:40000", "192.0.2.2:123", &[0; 100]));
    let alone = "Seen instead, segments and fragments with packets: IP fragments 1";
    let remedy = "What to do: a capture filter on ports takes only the first fragment of each datagram: add 'or \
                  (ip[6:2] & 0x1fff != 0) or (ip6[6] = 44)' to it";
    check_seen(&[&first], &[alone, remedy]);
    let put_together = ["IP protocols with packets: 17 (UDP) 1", "UDP ports with packets: 123 (NTP) 1"]
        .map(|line| format!("Seen instead, {line}"));
    check_seen(&[&first, &second], &[&put_together[0], &put_together[1]]);
}

#[test]
fn what_was_seen_and_the_first_frames_are_in_the_json_report_in_any_case() {
    let report = report(&without_dns(), &["in.pcap", "out.csv", "--port", "5353,53"]);
    let only =
        |number: u64, name: &str| serde_json::json!([{ "number": number, "name": name, "packets": 1 }]);
    assert_eq!(report["seen"]["ethertypes"][0], only(0x0800, "IPv4")[0]);
    assert_eq!(report["seen"]["tcp_ports"], only(443, "HTTPS, QUIC, perhaps DNS in it"));
    assert_eq!(report["seen"]["udp_ports"], serde_json::json!([]));
    let skipped = &report["packets"]["skipped_by_reason"];
    assert_eq!(skipped["arp"], serde_json::json!({ "packets": 1, "bytes": 42, "first_frames": [2] }));
    assert_eq!(skipped["port"]["first_frames"], serde_json::json!([]));
    assert_eq!(report["config"]["port"], "53,5353");
    assert_eq!(report["config"]["fields"][0], "request_timestamp");
}

#[test]
fn packets_out_of_order_are_a_warning() {
    let room = Room::new();
    let mut capture = pcap(&[b"one", b"two", b"six"]);
    capture[24 + 16 + 3 + 4..][..4].copy_from_slice(&5000_u32.to_le_bytes());
    room.write("in.pcap", capture);
    let warning = report(&room, &["in.pcap"])["warnings"]["non_monotonic_capture_timestamps"].clone();
    assert_eq!(warning["count"], 1);
    assert_eq!(
        (&warning["previous_packet_ordinal"], &warning["current_packet_ordinal"]),
        (&2.into(), &3.into())
    );
    assert_eq!(warning["previous_timestamp_micros"], 1_700_000_000_005_000_u64);
    assert_eq!(warning["current_timestamp_micros"], 1_700_000_000_002_000_u64);
    assert!(warning["recommendation"].is_string());
    let text = room.dpp(&["in.pcap"]).well().stderr;
    assert!(
        text.contains("WARN: packets out of order: 1; the first is packet 3 at 1700000000002000000 ns"),
        "{text}"
    );
}
