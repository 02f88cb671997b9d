//! Captures nobody here made, read by this program and by others: every difference is listed, with its reason.
//!
//! Two readings are compared with ours: tshark's messages (on port 53, with malformed queries, and multicast), and the rows of DPP 0.3.1. What differs must stand in
//! `captures/differences.tsv`, and what stands there must differ: the list can neither hide a regression nor outlive the
//! bug it excuses. The captures are those in `captures/`, or those of a larger collection, laid out alike, that the
//! environment variable `DPP_CAPTURES` names.

mod cdns;
mod collection;
mod counts;
mod differences;
mod messages;
mod multicast;
mod ours;
mod passed_on;
mod rows;
mod tables;
mod theirs;

use collection::{Capture, Collection};
use differences::{Comparison, Difference, Listed};
use dpp::packet::SKIPS;
use dpp::plan::Plan;
use dpp::tallies::servers::Servers;
use ours::{Opened, Reading};
use std::collections::{BTreeMap, BTreeSet};

/// Compares all captures in one way, and holds what differs against the list.
fn check(comparison: Comparison, mut differ: impl FnMut(&Collection, &Capture) -> Vec<Difference>) {
    let collection = Collection::open();
    let mut listed = Listed::of(comparison, &collection);
    for capture in &collection.captures {
        differ(&collection, capture)
            .into_iter()
            .for_each(|difference| listed.take(&capture.name, difference));
    }
    listed.finish();
}

/// Tells why frames give us no message.
type Skips<'a> = &'a dyn Fn(&BTreeSet<u64>) -> BTreeMap<u64, &'static str>;

/// Compares tshark's messages with ours, read as `plan` wants them.
fn check_messages(
    comparison: Comparison,
    plan: &Plan,
    differ: impl Fn(&Collection, &Capture, Reading, Skips) -> Vec<Difference>,
) {
    check(comparison, |collection, capture| match ours::open(capture) {
        Opened::Capture => {
            let skips = |frames: &BTreeSet<u64>| ours::skips(capture, plan, frames);
            differ(collection, capture, ours::read(capture, plan), &skips)
        }
        Opened::Refused | Opened::Logged => Vec::new(),
    });
}

#[test]
fn messages_are_those_that_tshark_reads() {
    check_messages(Comparison::Messages, &Plan::default(), |collection, capture, ours, skips| {
        messages::differences(&collection.messages(capture, &[53]), &ours, skips)
    });
}

#[test]
fn with_malformed_queries_every_message_whose_header_tshark_reads_is_ours() {
    check_messages(Comparison::Malformed, &ours::with_malformed(), |collection, capture, ours, skips| {
        messages::missing(&collection.messages(capture, &[53]), &ours, skips)
    });
}

#[test]
fn multicast_messages_are_those_that_tshark_reads() {
    check_messages(Comparison::Multicast, &ours::with_multicast(), |collection, capture, ours, skips| {
        let theirs = collection.messages(capture, &ours::MULTICAST);
        let unpaired = ours::totals(capture, &ours::with_multicast()).matches.unpaired_responses;
        multicast::differences(theirs, ours, unpaired, skips)
    });
}

#[test]
fn figures_are_those_that_plain_maps_over_tsharks_reading_give() {
    let mut counted = 0;
    check(Comparison::Figures, |collection, capture| {
        if ours::open(capture) != Opened::Capture {
            return Vec::new();
        }
        let messages = collection.messages(capture, &[53]);
        let messages = || messages.values().flatten();
        counted += messages().count();
        let theirs = counts::theirs(messages(), |_| true);
        let ours = counts::ours(&ours::totals(capture, &counts::plan(Servers::all())));
        let mut differences = counts::differences(&theirs, &ours);
        // Where all figures agree, those of one server do.
        if let (Some(server), []) = (counts::busiest(messages()), &differences[..]) {
            let mut servers = Servers::default();
            servers.add(server, if server.is_ipv4() { 32 } else { 128 }).expect("an address");
            let theirs = counts::theirs(messages(), |address| address == server);
            let ours = counts::ours(&ours::totals(capture, &counts::plan(servers)));
            differences.extend(counts::differences(&theirs, &ours));
        }
        differences
    });
    assert!(counted > 1_000, "{counted} messages");
}

/// The figures of a capture, whatever kind it is, counted beside rows or without.
fn figures(capture: &Capture, rows: bool) -> counts::Figures {
    let plan = Plan { rows, sparse: true, ..counts::plan(Servers::all()) };
    counts::ours(&ours::totals(capture, &plan))
}

#[test]
fn figures_are_the_same_beside_rows() {
    let collection = Collection::open();
    let readable = |capture: &&Capture| ours::open(capture) != Opened::Refused;
    for capture in collection.captures.iter().filter(readable) {
        assert_eq!(figures(capture, true), figures(capture, false), "{}", capture.name);
    }
}

#[test]
fn tables_of_parts_are_those_of_captures() {
    let collection = Collection::open();
    let (captures, lines) =
        tables::check(collection.captures.iter().filter(|capture| capture.bytes < 200_000));
    assert!(captures > 100 && lines > 5_000, "{captures} captures, {lines} lines");
}

#[test]
fn items_count_like_the_packets_they_were_made_of() {
    let collection = Collection::open();
    let named = |name: &str| collection.captures.iter().find(|capture| capture.name == name);
    let [packets, items] = ["compactor__gold.pcap.xz", "compactor__gold.cbor.xz"].map(named);
    let of = |capture: Option<&Capture>| figures(capture.expect("it is in every collection"), false);
    assert!(of(packets).len() > 30);
    assert_eq!(of(packets), of(items));
}

#[test]
fn ethernet_rows_are_those_that_dpp_writes() {
    check(Comparison::Rows, |collection, capture| match ours::open(capture) {
        Opened::Capture if capture.is_ethernet() => {
            rows::differences(&collection.rows(capture), &ours::rows(capture))
        }
        _ => Vec::new(),
    });
}

#[test]
fn every_capture_is_opened_and_read_to_the_packet_that_tshark_reads_last() {
    check(Comparison::Packets, |_, capture| match (ours::open(capture), capture.packets) {
        (Opened::Refused, _) => vec![Difference::one("refused", "*")],
        (Opened::Logged, _) => Vec::new(),
        (Opened::Capture, Some(packets))
            if ours::read(capture, &Plan::default()).totals.read.packets != packets =>
        {
            vec![Difference::one("count", ours::read(capture, &Plan::default()).totals.read.packets)]
        }
        (Opened::Capture, _) => Vec::new(),
    });
}

#[test]
fn the_sums_of_every_capture_close() {
    for capture in ours::opened(&Collection::open()) {
        assert!(ours::totals(&capture, &Plan::default()).check(), "{}", capture.name);
    }
}

#[test]
fn the_fates_of_all_packets_are_what_was_counted() {
    for capture in ours::opened(&Collection::open()) {
        let plan = Plan::default();
        let reading = ours::read(&capture, &plan);
        let fates = ours::fates(&capture, &plan, &(0..reading.totals.read.packets).collect());
        for &(skip, name, _) in SKIPS {
            let so_many = fates.iter().filter(|fate| fate.skip == Some(skip)).count() as u64;
            assert_eq!(so_many, reading.totals.skips.of(skip).packets, "{}: {name}", capture.name);
        }
        for fate in fates {
            let frame = fate.position + 1;
            let messages = reading.messages.get(&frame).map_or(0, Vec::len);
            assert_eq!(fate.messages.len(), messages, "{}: frame {frame}", capture.name);
            let waited = fate.part.is_some() || fate.skip.is_some();
            assert!(messages > 0 || waited, "{}: frame {frame}: {fate:?}", capture.name);
        }
    }
}

#[test]
fn captures_without_dns_on_port_53_give_no_rows() {
    let collection = Collection::open();
    for capture in ours::opened(&collection) {
        if collection.messages(&capture, &[53]).is_empty() {
            assert_eq!(ours::rows(&capture), "", "{}", capture.name);
        }
    }
}

#[test]
fn every_reason_is_explained_and_every_explained_reason_is_in_use() {
    assert_eq!(differences::reasons_explained(), differences::reasons_listed());
}

#[test]
fn every_capture_is_as_long_as_the_manifest_says() {
    for capture in Collection::open().captures {
        let bytes = std::fs::metadata(&capture.path).expect("a capture that the manifest names").len();
        assert_eq!(bytes, capture.bytes, "{}", capture.name);
    }
}
