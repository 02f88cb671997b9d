//! Ways to write a capture that are seldom met: each read as it was meant.

use crate::packet::{EPOCH_NS, Packet, SECOND};
use crate::production::{machine, plain, run};
use dpp::capture::Ending;
use dpp::plan::Plan;

/// How numbers of four bytes are written.
type Order = fn(u32) -> [u8; 4];
const ORDERS: [Order; 2] = [u32::to_be_bytes, u32::to_le_bytes];

/// A query, and its answer 100 ms later.
fn frames() -> [Vec<u8>; 2] {
    ["0 query a7 www", "0.1 response a7 www"].map(|line| Packet::parse(line).frame())
}

/// Checks that a capture is the query and its answer, to the end.
fn check(what: &str, capture: &[u8]) {
    for machine in [plain(), machine(2, 1, 1, 0), machine(1, 1, 100, 0)] {
        let run = run(capture, &Plan::default(), &machine);
        assert!(matches!(run.outcome.ending, Ending::Complete), "{what}: {:?}", run.outcome.ending);
        assert_eq!(run.outcome.totals.read.packets, 2, "{what}");
        assert_eq!(run.outcome.totals.read.bytes as usize, frames().concat().len(), "{what}");
        assert_eq!(run.outcome.totals.rtt.max_ns(), Some(100_000_000), "{what}");
    }
}

/// Classic pcap. The lengths of a record are as given, and so is what stands behind them.
fn classic(order: Order, magic: u32, version: [u8; 2], lengths: fn(u32) -> [u32; 2], more: &[u8]) -> Vec<u8> {
    // A number of two bytes is the half of one of four that is not zero.
    let half = |number: u8| {
        let [a, b, c, d] = order(number.into());
        [a | c, b | d]
    };
    let mut bytes = [&order(magic)[..], &half(version[0]), &half(version[1]), &[0; 12], &order(1)].concat();
    for (frame, micros) in frames().iter().zip([0, 100_000]) {
        let [first, second] = lengths(frame.len() as u32);
        let numbers = [(EPOCH_NS / SECOND) as u32, micros, first, second];
        bytes.extend(numbers.map(order).concat());
        bytes.extend(more);
        bytes.extend(frame);
    }
    bytes
}

#[test]
fn before_version_2_3_the_lengths_stood_the_other_way_round() {
    for order in ORDERS {
        let usual = |caplen| [caplen, caplen + 1000];
        let swapped = |caplen| [caplen + 1000, caplen];
        check("2.4", &classic(order, 0xA1B2_C3D4, [2, 4], usual, &[]));
        check("2.3", &classic(order, 0xA1B2_C3D4, [2, 3], usual, &[]));
        check("2.3, swapped", &classic(order, 0xA1B2_C3D4, [2, 3], swapped, &[]));
        check("2.2", &classic(order, 0xA1B2_C3D4, [2, 2], swapped, &[]));
        check("2.0", &classic(order, 0xA1B2_C3D4, [2, 0], swapped, &[]));
    }
}

#[test]
fn the_modified_pcap_has_longer_record_headers() {
    for order in ORDERS {
        check("modified", &classic(order, 0xA1B2_CD34, [2, 4], |caplen| [caplen, caplen], &[0xEE; 8]));
    }
}

/// pcapng with one interface, then these blocks (type, body). The last one is not padded, and does not count padding.
fn pcapng(order: Order, blocks: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let section = [&order(0x1A2B_3C4D)[..], &[0; 12]].concat();
    let interface = [order(0x0001_0001), order(0)].concat();
    let mut bytes = Vec::new();
    for (kind, body) in [(0x0A0D_0D0A, section), (1, interface)].iter().chain(blocks) {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let length = order(12 + body.len() as u32);
        bytes.extend([&order(*kind), &length, &body[..], &length].concat());
    }
    bytes
}

#[test]
fn the_last_block_of_a_pcapng_may_lack_its_padding() {
    for order in ORDERS {
        let mut blocks = Vec::new();
        for (frame, micros) in frames().iter().zip([0, 100_000]) {
            let ticks = (EPOCH_NS / 1000) as u64 + micros;
            let caplen = frame.len() as u32;
            let numbers = [0, (ticks >> 32) as u32, ticks as u32, caplen, caplen].map(order).concat();
            blocks.push((6, [&numbers[..], &frame[..]].concat()));
        }
        let capture = pcapng(order, &blocks);
        assert_ne!(capture.len() % 4, 0, "these packets must not be so long that nothing is missing");
        check("packet", &capture);
        check_cut_off(&capture[..capture.len() - 1]);
        for size in 0..8 {
            let capture = pcapng(order, &[&blocks[..], &[(0xBAD, vec![0xA5; size])]].concat());
            check("unknown", &capture);
            check_cut_off(&capture[..capture.len() - 1]);
        }
    }
}

fn check_cut_off(capture: &[u8]) {
    for machine in [plain(), machine(2, 1, 1, 0)] {
        let ending = run(capture, &Plan::default(), &machine).outcome.ending;
        assert!(matches!(ending, Ending::CutOff { .. }), "{ending:?}");
    }
}
