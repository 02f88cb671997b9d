//! Traffic made to cost memory or time: what it leads to is counted, and the memory of the whole program stays bounded.
//!
//! Each capture is written here as it goes into the program's pipe. Time is not measured: where it were not linear, these would
//! not end. The runs start the program itself, since what counts is the memory of a process, which its report tells.

use serde_json::Value;
use std::io::{BufWriter, Write};
use std::process::{ChildStdin, Command, Stdio};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// All runs here take less. The cells of TCP alone may take 250 MiB, those of fragments 64.
const KIB_MAX: u64 = 320 * 1024;

const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01";

#[test]
fn a_flood_of_connections_that_are_only_begun_takes_no_memory() {
    let report = check(|capture| {
        for client in 0..300_000 {
            capture.tcp(client, 4000, 7, SYN, &[]);
        }
    });
    assert_eq!(skipped(&report, "tcp_no_data"), 300_000);
}

#[test]
fn half_a_message_in_each_of_many_connections_takes_no_memory() {
    let report = check(|capture| {
        for client in 0..150_000 {
            capture.tcp(client, 4000, 7, SYN, &[]);
            capture.tcp(client, 4000, 8, ACK, &[&[1, 0][..], &QUERY[..20]].concat());
        }
    });
    assert_eq!(number(&report, "/packets/read/packets"), 300_000);
    assert_eq!(queries(&report), 0);
}

#[test]
fn a_stream_in_segments_of_one_byte_is_read_in_order_and_in_windows_turned_round() {
    let message = [&(QUERY.len() as u16).to_be_bytes()[..], QUERY].concat();
    let stream = message.repeat(10_000);
    for window in [1, 100] {
        let report = check(|capture| {
            capture.tcp(1, 4000, 0, SYN, &[]);
            for (number, bytes) in stream.chunks(window).enumerate() {
                for (at, byte) in bytes.iter().enumerate().rev() {
                    capture.tcp(1, 4000, (1 + number * window + at) as u32, ACK, &[*byte]);
                }
            }
        });
        assert_eq!(queries(&report), 10_000, "windows of {window}");
    }
}

/// Single bytes and whole messages, all of them behind holes, far more than may wait.
#[test]
fn what_is_behind_holes_in_many_connections_takes_no_memory_and_each_segment_is_decided() {
    let message = [&(QUERY.len() as u16).to_be_bytes()[..], QUERY].concat();
    let (connections, each) = (20_000, 20);
    let report = check(|capture| {
        for turn in 1..=each {
            for client in 0..connections {
                let payload = if client % 2 == 0 { &message[..1] } else { &message[..] };
                capture.tcp(client, 4000, 7, SYN, &[]);
                capture.tcp(client, 4000, 8 + 100 * turn, ACK, payload);
            }
        }
    });
    let reasons =
        ["tcp_evicted", "tcp_incomplete", "tcp_hole", "tcp_not_dns", "tcp_unplaced", "tcp_repeated"];
    let skips: u64 = reasons.iter().map(|reason| skipped(&report, reason)).sum();
    let used = number(&report, "/packets/used/packets");
    assert_eq!(used + skips, u64::from(connections * each));
    assert!(used > 0 && skipped(&report, "tcp_evicted") > 0);
}

#[test]
fn segments_of_thousands_of_messages_of_four_questions_are_read_whole() {
    let question = b"\x01a\0\0\x01\0\x01";
    let message = [&[0, 40, 0x12, 0x34, 1, 0, 0, 4, 0, 0, 0, 0, 0, 0][..], &question.repeat(4)].concat();
    let payload = message.repeat(1500);
    let report = check(|capture| {
        capture.tcp(1, 4000, 0, SYN, &[]);
        for number in 0..10 {
            capture.tcp(1, 4000, 1 + number * payload.len() as u32, ACK, &payload);
        }
    });
    assert_eq!(queries(&report), 10 * 1500 * 4);
}

#[test]
fn of_ten_thousand_questions_in_a_message_four_are_read() {
    let more = b"\xC0\x0C\0\x01\0\x01".repeat(9_999);
    let message = [b"\x12\x34\x01\0\x27\x10\0\0\0\0\0\0\x01a\0\0\x01\0\x01", &more[..]].concat();
    let bytes = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    let report = check(|capture| {
        for client in 0..200 {
            capture.tcp(client, 4000, 0, SYN, &[]);
            let halves = bytes.split_at(40_000);
            capture.tcp(client, 4000, 1, ACK, halves.0);
            capture.tcp(client, 4000, 40_001, ACK, halves.1);
        }
    });
    assert_eq!(queries(&report), 200 * 4);
    assert_eq!(number(&report, "/messages/questions_unread"), 200 * 9_996);
}

#[test]
fn a_zone_transfer_that_goes_on_and_on_is_one_row_and_takes_no_memory() {
    let query = b"\0\x12\x12\x34\0\0\0\x01\0\0\0\0\0\0\x01a\0\0\xFC\0\x01";
    let query = [&[0, query.len() as u8 - 2][..], &query[2..]].concat();
    let response = [&query[..4], &[0x84, 0], &query[6..]].concat();
    let report = check(|capture| {
        capture.tcp(1, 4000, 1, ACK, &query);
        for number in 0..200_000 {
            capture.reply(1, 4000, 1 + number * response.len() as u32, &response);
        }
    });
    assert_eq!(number(&report, "/messages/rows"), 1);
    assert_eq!(number(&report, "/messages/continuations"), 199_999);
}

#[test]
fn tiny_fragments_and_floods_of_first_ones_take_no_memory() {
    let report = check(|capture| {
        // 64 KiB in pieces of eight bytes: more than are kept of a datagram.
        for datagram in 0..20 {
            for offset in 0..8000 {
                capture.fragment(1, datagram, offset, true, &[7; 8]);
            }
        }
        // Beginnings that nothing follows, of everybody.
        for client in 0..200_000 {
            capture.fragment(client, client as u16, 0, true, &[7; 64]);
        }
    });
    assert_eq!(number(&report, "/packets/read/packets"), 360_000);
    assert_eq!(number(&report, "/packets/used/packets"), 0);
}

#[test]
fn a_packet_nested_as_deep_as_it_can_be_is_too_deep_or_read() {
    let report = check(|capture| {
        let datagram = capture.udp(1, QUERY);
        for depth in 0..60 {
            let nested = (0..depth).fold(datagram.clone(), |inside, _| ip(1, 4, [0; 4], &inside));
            (0..1000).for_each(|_| capture.packet(&nested));
        }
    });
    let deep = skipped(&report, "too_deep");
    assert_eq!(number(&report, "/packets/used/packets") + deep, 60_000);
    assert!((20_000..40_000).contains(&deep), "{deep} too deep");
}

/// A capture of bare IPv4 on its way into the program.
struct Capture {
    pipe: BufWriter<ChildStdin>,
    packets: u32,
}

impl Capture {
    /// Writes a packet; each comes ten microseconds after the one before.
    fn packet(&mut self, bytes: &[u8]) {
        let (seconds, length) = (1_700_000_000 + self.packets / 100_000, bytes.len() as u32);
        let header = [seconds, self.packets % 100_000 * 10, length, length].map(u32::to_le_bytes).concat();
        self.packets += 1;
        self.pipe.write_all(&header).and_then(|()| self.pipe.write_all(bytes)).expect("dpp reads on");
    }

    fn tcp(&mut self, client: u32, port: u16, sequence: u32, flags: u8, payload: &[u8]) {
        let ports = [port, 53].map(u16::to_be_bytes).concat();
        let rest =
            [&sequence.to_be_bytes()[..], &[0; 4], &[0x50, flags, 255, 255, 0, 0, 0, 0], payload].concat();
        self.packet(&ip(client, 6, [0; 4], &[ports, rest].concat()));
    }

    fn reply(&mut self, client: u32, port: u16, sequence: u32, payload: &[u8]) {
        let ports = [53, port].map(u16::to_be_bytes).concat();
        let rest =
            [&sequence.to_be_bytes()[..], &[0; 4], &[0x50, ACK, 255, 255, 0, 0, 0, 0], payload].concat();
        let mut packet = ip(client, 6, [0; 4], &[ports, rest].concat());
        packet[12..20].rotate_left(4);
        self.packet(&packet);
    }

    fn udp(&self, client: u32, payload: &[u8]) -> Vec<u8> {
        let header = [4000, 53, 8 + payload.len() as u16, 0].map(u16::to_be_bytes).concat();
        ip(client, 17, [0; 4], &[&header, payload].concat())
    }

    fn fragment(&mut self, client: u32, identification: u16, offset: u16, more: bool, payload: &[u8]) {
        let [high, low] = (offset | u16::from(more) << 13).to_be_bytes();
        let [first, second] = identification.to_be_bytes();
        self.packet(&ip(client, 17, [first, second, high, low], payload));
    }
}

fn ip(client: u32, protocol: u8, fragment: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let [high, low] = (20 + payload.len() as u16).to_be_bytes();
    let head = [&[0x45, 0, high, low][..], &fragment, &[64, protocol, 0, 0]].concat();
    [&head, &(0x0A00_0000 + client).to_be_bytes()[..], &[192, 0, 2, 53], payload].concat()
}

/// Runs the program on a capture; gives its report.
fn check(write: impl FnOnce(&mut Capture)) -> Value {
    let folder = tempfile::tempdir().expect("a place for temporary files");
    let mut run = Command::new(env!("CARGO_BIN_EXE_dpp"))
        .args(["--threads", "2", "--report-format", "json", "-"])
        .arg(folder.path().join("out.csv"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("dpp starts");
    let pipe = BufWriter::with_capacity(1 << 16, run.stdin.take().expect("a pipe"));
    let mut capture = Capture { pipe, packets: 0 };
    let raw_ip = [0xA1B2_C3D4, 0x0004_0002, 0, 0, 0x0004_0000, 101].map(u32::to_le_bytes).concat();
    capture.pipe.write_all(&raw_ip).expect("dpp reads");
    write(&mut capture);
    drop(capture);
    let output = run.wait_with_output().expect("dpp ends");
    assert!(output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
    let peak = number(&report, "/metrics/max_memory_usage_kib");
    println!("{peak} KiB");
    assert!(peak < KIB_MAX, "{peak} KiB");
    report
}

fn number(report: &Value, path: &str) -> u64 {
    report.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("no number at {path}"))
}

fn queries(report: &Value) -> u64 {
    number(report, "/metrics/total_dns_queries_processed")
}

fn skipped(report: &Value, reason: &str) -> u64 {
    number(report, &format!("/packets/skipped_by_reason/{reason}/packets"))
}
