//! Captures nobody here made, read by this program and by others: every difference is listed, with its reason.
//!
//! Two readings are compared with ours: tshark's messages, and the rows of DPP 0.3.1. What differs must stand in
//! `captures/differences.tsv`, and what stands there must differ: the list can neither hide a regression nor outlive the
//! bug it excuses. The captures are those in `captures/`, or those of a larger collection, laid out alike, that the
//! environment variable `DPP_CAPTURES` names.

mod collection;
mod differences;
mod messages;
mod ours;
mod rows;
mod theirs;

use collection::{Capture, Collection};
use differences::{Comparison, Difference, Listed};
use dpp::packet::SKIPS;
use ours::Opened;

/// Compares all captures in one way, and holds what differs against the list.
fn check(comparison: Comparison, differ: impl Fn(&Collection, &Capture) -> Vec<Difference>) {
    let collection = Collection::open();
    let mut listed = Listed::of(comparison, &collection);
    for capture in &collection.captures {
        differ(&collection, capture)
            .into_iter()
            .for_each(|difference| listed.take(&capture.name, difference));
    }
    listed.finish();
}

#[test]
fn messages_are_those_that_tshark_reads() {
    check(Comparison::Messages, |collection, capture| match ours::open(capture) {
        Opened::Capture => {
            let theirs = theirs::messages(&collection.truth(capture));
            messages::differences(&theirs, &ours::read(capture), |frames| ours::skips(capture, frames))
        }
        Opened::Refused => Vec::new(),
    });
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
        (Opened::Capture, Some(packets)) if ours::read(capture).totals.read.packets != packets => {
            vec![Difference::one("count", ours::read(capture).totals.read.packets)]
        }
        (Opened::Capture, _) => Vec::new(),
    });
}

#[test]
fn the_sums_of_every_capture_close() {
    for capture in ours::opened(&Collection::open()) {
        assert!(ours::totals(&capture).check(), "{}", capture.name);
    }
}

#[test]
fn the_fates_of_all_packets_are_what_was_counted() {
    for capture in ours::opened(&Collection::open()) {
        let (reading, fates) = (ours::read(&capture), ours::fates(&capture));
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
        if theirs::messages(&collection.truth(&capture)).is_empty() {
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
