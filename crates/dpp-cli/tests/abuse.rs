//! Traffic made to cost memory or time: what it leads to is counted, and the memory of the whole program stays bounded.
//!
//! Each capture is written here as it goes into the program's pipe, of a million packets where that takes no care. Each is
//! run twice, the first time with a quarter of it: what is bounded takes no more memory for four times the packets. Time is not
//! measured; that work is linear is counted in steps where the work is (`stream` in the engine), and shown by `benches/abuse`.
//! The runs start the program itself, since what counts is the memory of a process, which its report tells.

use serde_json::Value;
use std::io::{BufWriter, Write};
use std::process::{ChildStdin, Command, Stdio};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// All runs here take less. The cells of TCP alone may take 250 MiB, those of fragments 64.
const KIB_MAX: u64 = 320 * 1024;

/// Peaks may differ by so much from run to run, beside a share: it depends on how far the workers are apart.
const JITTER_KIB: u64 = 24 * 1024;

const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01";

#[test]
fn a_million_connections_that_are_only_begun_take_no_memory() {
    let report = check(1_000_000, |capture, connections| {
        for client in 0..connections {
            capture.tcp(client, 7, SYN, &[]);
        }
    });
    assert_eq!(skipped(&report, "tcp_no_data"), 1_000_000);
    let forgotten = stream(&report, "half_open_forgotten");
    assert!(forgotten >= 1_000_000 - 65_536, "{forgotten} forgotten");
}

#[test]
fn half_a_message_in_each_of_many_connections_takes_no_memory() {
    let half = [&[1, 0][..], &QUERY[..20]].concat();
    let report = check(600_000, |capture, connections| {
        for client in 0..connections {
            capture.tcp(client, 7, SYN, &[]);
            capture.tcp(client, 8, ACK, &half);
        }
    });
    assert_eq!(number(&report, "/packets/read/packets"), 1_200_000);
    assert_eq!(queries(&report), 0);
    assert_eq!(stream(&report, "incomplete"), 600_000);
}

/// Of everybody a byte, then of everybody the next one: each direction waits for the rest all the time.
fn write_loris(capture: &mut Capture, connections: u32) {
    let message = framed(QUERY);
    for client in 0..connections {
        capture.tcp(client, 0, SYN, &[]);
    }
    for (at, byte) in (1..).zip(&message) {
        for client in 0..connections {
            capture.tcp(client, at, ACK, &[*byte]);
        }
    }
}

#[test]
fn thousands_of_connections_that_bring_a_byte_at_a_time_are_read_as_far_as_there_is_room() {
    // All that wait at once are charged less than 64 MiB.
    let report = check(28_000, write_loris);
    assert_eq!(queries(&report), 28_000);
    assert_eq!(stream(&report, "evicted"), 0);
}

#[test]
fn more_of_them_than_there_is_room_for_drive_out_each_other_and_take_no_memory() {
    let message = framed(QUERY);
    let report = check(600_000, |capture, connections| {
        // So few at a time that none is forgotten while it is half-open.
        for group in 0..connections / 50_000 {
            let clients = group * 50_000..(group + 1) * 50_000;
            clients.clone().for_each(|client| capture.tcp(client, 0, SYN, &[]));
            clients.clone().for_each(|client| capture.tcp(client, 1, ACK, &message[..1]));
            clients.for_each(|client| capture.tcp(client, 2, ACK, &message[1..2]));
        }
    });
    let (evicted, forgotten) = (stream(&report, "evicted"), stream(&report, "forgotten"));
    assert!(evicted + forgotten > 100_000, "{evicted} evicted, {forgotten} forgotten");
}

#[test]
fn streams_of_nothing_but_holes_take_no_memory() {
    // A byte, and one that is missing: 250 times in each of 6,400 connections, nothing of it acknowledged.
    let report = check(6_400, |capture, connections| {
        for client in 0..connections {
            capture.tcp(client, 0, SYN, &[]);
        }
        for hole in 0..250 {
            for client in 0..connections {
                capture.tcp(client, 2 + 2 * hole, ACK, &[1]);
            }
        }
    });
    assert_eq!(number(&report, "/packets/read/packets"), 6_400 * 251);
    assert_eq!(queries(&report), 0);
    assert!(stream(&report, "gaps") + stream(&report, "evicted") > 6_400, "{report}");
}

#[test]
fn one_stream_of_nothing_but_holes_takes_no_memory() {
    let report = check(1_000_000, |capture, segments| {
        capture.tcp(1, 0, SYN, &[]);
        for hole in 0..segments {
            capture.tcp(1, 2 + 2 * hole, ACK, &[1]);
        }
    });
    assert_eq!(queries(&report), 0);
    assert!(stream(&report, "gaps") > 900_000, "{}", stream(&report, "gaps"));
}

#[test]
fn a_stream_in_segments_of_one_byte_is_read_in_order_and_in_windows_turned_round() {
    let message = framed(QUERY);
    for window in [1, 100] {
        let report = check(30_000, |capture, messages| {
            let stream = message.repeat(messages as usize);
            capture.tcp(1, 0, SYN, &[]);
            for (number, bytes) in stream.chunks(window).enumerate() {
                for (at, byte) in bytes.iter().enumerate().rev() {
                    capture.tcp(1, (1 + number * window + at) as u32, ACK, &[*byte]);
                }
            }
        });
        assert_eq!(queries(&report), 30_000, "windows of {window}");
    }
}

/// Single bytes and whole messages, all of them behind holes, far more than may wait.
#[test]
fn what_is_behind_holes_in_many_connections_takes_no_memory_and_each_segment_is_decided() {
    let (message, connections, each) = (framed(QUERY), 20_000, 20);
    let report = run(|capture| {
        for turn in 1..=each {
            for client in 0..connections {
                let payload = if client % 2 == 0 { &message[..1] } else { &message[..] };
                capture.tcp(client, 7, SYN, &[]);
                capture.tcp(client, 8 + 100 * turn, ACK, payload);
            }
        }
    });
    let reasons =
        ["tcp_evicted", "tcp_incomplete", "tcp_hole", "tcp_not_dns", "tcp_unplaced", "tcp_repeated"];
    let skips: u64 = reasons.iter().map(|reason| skipped(&report, reason)).sum();
    let used = number(&report, "/packets/used/packets");
    assert_eq!(used + skips, u64::from(connections * each));
    assert!(used > 0 && skipped(&report, "tcp_evicted") > 0);
    assert!(peak(&report) < KIB_MAX, "{} KiB", peak(&report));
}

/// Two octets that announce nothing, or responses that are nothing but a header: as many as may wait when the capture ends.
#[test]
fn short_messages_behind_holes_at_the_end_take_no_memory() {
    let header = framed(&[0x12, 0x34, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for (message, has_messages) in [(&[0, 0][..], false), (&header, true)] {
        let payload = message.repeat(40_000 / message.len());
        let report = run(|capture| {
            for client in 0..32 {
                capture.tcp(client, 0, SYN, &[]);
                capture.tcp(client, 1, ACK, &[0, 12]);
                for number in 0..12 {
                    capture.tcp(client, 15 + number * payload.len() as u32, ACK, &payload);
                }
            }
        });
        assert_eq!(number(&report, "/packets/read/packets"), 32 * 14);
        assert!(number(&report, "/messages/stream_messages_unread") > 500_000, "{report}");
        assert_eq!(number(&report, "/messages/responses") > 50_000, has_messages, "{report}");
        assert!(peak(&report) < KIB_MAX, "{} KiB", peak(&report));
    }
}

#[test]
fn segments_of_thousands_of_messages_of_four_questions_are_read_whole() {
    let question = b"\x01a\0\0\x01\0\x01";
    let message = [&[0, 40, 0x12, 0x34, 1, 0, 0, 4, 0, 0, 0, 0, 0, 0][..], &question.repeat(4)].concat();
    let payload = message.repeat(1500);
    let report = run(|capture| {
        capture.tcp(1, 0, SYN, &[]);
        for number in 0..10 {
            capture.tcp(1, 1 + number * payload.len() as u32, ACK, &payload);
        }
    });
    assert_eq!(queries(&report), 10 * 1500 * 4);
    // They all wait for their answers.
    assert!(peak(&report) < KIB_MAX, "{} KiB", peak(&report));
}

#[test]
fn of_ten_thousand_questions_in_a_message_four_are_read() {
    let more = b"\xC0\x0C\0\x01\0\x01".repeat(9_999);
    let message = [b"\x12\x34\x01\0\x27\x10\0\0\0\0\0\0\x01a\0\0\x01\0\x01", &more[..]].concat();
    let bytes = framed(&message);
    let report = check(200, |capture, connections| {
        for client in 0..connections {
            capture.tcp(client, 0, SYN, &[]);
            let halves = bytes.split_at(40_000);
            capture.tcp(client, 1, ACK, halves.0);
            capture.tcp(client, 40_001, ACK, halves.1);
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
    let report = check(1_000_000, |capture, responses| {
        capture.tcp(1, 1, ACK, &query);
        for number in 0..responses {
            capture.reply(1, 1 + number * response.len() as u32, &response);
        }
    });
    assert_eq!(number(&report, "/messages/rows"), 1);
    assert_eq!(number(&report, "/messages/continuations"), 999_999);
}

#[test]
fn tiny_fragments_take_no_memory() {
    // 64 KiB in pieces of eight bytes: more than are kept of a datagram.
    let report = check(128, |capture, datagrams| {
        for datagram in 0..datagrams {
            for offset in 0..8000 {
                capture.fragment(datagram % 7, datagram as u16, offset, true, &[7; 8]);
            }
        }
    });
    assert_eq!(skipped(&report, "fragment_evicted"), 128 * 8000);
}

#[test]
fn a_million_first_fragments_that_nothing_follows_take_no_memory() {
    let report = check(1_000_000, |capture, clients| {
        for client in 0..clients {
            capture.fragment(client, client as u16, 0, true, &[7; 64]);
        }
    });
    assert_eq!(number(&report, "/packets/used/packets"), 0);
    assert!(skipped(&report, "fragment_evicted") >= 1_000_000 - 16_384);
}

#[test]
fn fragments_turned_round_and_with_holes_are_given_up_in_bounds() {
    // The last piece first, and each second one never: the list of pieces is as long and as far apart as it may be.
    let report = check(1_000, |capture, datagrams| {
        for datagram in 0..datagrams {
            for piece in (0..1000).rev() {
                capture.fragment(datagram, 9, piece * 2, true, &[7; 8]);
            }
        }
    });
    assert_eq!(number(&report, "/packets/read/packets"), 1_000_000);
    assert_eq!(number(&report, "/packets/used/packets"), 0);
}

#[test]
fn a_packet_nested_as_deep_as_it_can_be_is_too_deep_or_read() {
    let report = check(4_000, |capture, times| {
        let datagram = udp(1, QUERY);
        for depth in 0..60 {
            let nested = (0..depth).fold(datagram.clone(), |inside, _| ip(1, 4, [0; 4], &[&inside]));
            (0..times).for_each(|_| capture.packet(&[&nested]));
        }
    });
    let deep = skipped(&report, "too_deep");
    assert_eq!(number(&report, "/packets/used/packets") + deep, 240_000);
    assert!((80_000..160_000).contains(&deep), "{deep} too deep");
}

/// A message behind its length.
fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes()[..], message].concat()
}

/// A capture of bare IPv4 on its way into the program. Packets are written piece by piece, since a million are many for a
/// program that was not optimized.
struct Capture {
    pipe: BufWriter<ChildStdin>,
    packets: u32,
}

impl Capture {
    /// Writes a packet; each comes ten microseconds after the one before.
    fn packet(&mut self, parts: &[&[u8]]) {
        let length = parts.iter().map(|part| part.len() as u32).sum();
        let mut header = [0; 16];
        let numbers = [1_700_000_000 + self.packets / 100_000, self.packets % 100_000 * 10, length, length];
        for (place, number) in header.chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&u32::to_le_bytes(number));
        }
        self.packets += 1;
        for bytes in [&header[..]].iter().chain(parts) {
            self.pipe.write_all(bytes).expect("dpp reads on");
        }
    }

    /// From a client's port 4000.
    fn tcp(&mut self, client: u32, sequence: u32, flags: u8, payload: &[u8]) {
        let tcp = segment([4000, 53], sequence, flags);
        self.packet(&[&header(client, 6, [0; 4], 20 + payload.len()), &tcp, payload]);
    }

    fn reply(&mut self, client: u32, sequence: u32, payload: &[u8]) {
        let mut ip = header(client, 6, [0; 4], 20 + payload.len());
        ip[12..20].rotate_left(4);
        self.packet(&[&ip, &segment([53, 4000], sequence, ACK), payload]);
    }

    fn fragment(&mut self, client: u32, identification: u16, offset: u16, more: bool, payload: &[u8]) {
        let [high, low] = (offset | u16::from(more) << 13).to_be_bytes();
        let [first, second] = identification.to_be_bytes();
        self.packet(&[&header(client, 17, [first, second, high, low], payload.len()), payload]);
    }
}

/// A TCP header (RFC 9293 section 3.1).
fn segment([source, destination]: [u16; 2], sequence: u32, flags: u8) -> [u8; 20] {
    let mut header = [0; 20];
    header[..2].copy_from_slice(&source.to_be_bytes());
    header[2..4].copy_from_slice(&destination.to_be_bytes());
    header[4..8].copy_from_slice(&sequence.to_be_bytes());
    (header[12], header[13], header[14], header[15]) = (0x50, flags, 255, 255);
    header
}

fn udp(client: u32, payload: &[u8]) -> Vec<u8> {
    let header = [4000, 53, 8 + payload.len() as u16, 0].map(u16::to_be_bytes).concat();
    ip(client, 17, [0; 4], &[&header, payload])
}

fn ip(client: u32, protocol: u8, fragment: [u8; 4], payload: &[&[u8]]) -> Vec<u8> {
    let payload = payload.concat();
    [&header(client, protocol, fragment, payload.len()), &payload[..]].concat()
}

/// An IPv4 header from a client to the server, in front of so many bytes.
fn header(client: u32, protocol: u8, fragment: [u8; 4], length: usize) -> [u8; 20] {
    let mut header = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 0, 0, 0, 0, 192, 0, 2, 53];
    header[2..4].copy_from_slice(&(20 + length as u16).to_be_bytes());
    header[4..8].copy_from_slice(&fragment);
    header[12..16].copy_from_slice(&(0x0A00_0000 + client).to_be_bytes());
    header
}

/// Runs the program on a capture of so many, and before that of a quarter; gives the report of the whole.
#[track_caller]
fn check(many: u32, write: impl Fn(&mut Capture, u32)) -> Value {
    let quarter = peak(&run(|capture| write(capture, many / 4)));
    let report = run(|capture| write(capture, many));
    let whole = peak(&report);
    println!("{quarter} KiB, four times as many {whole} KiB");
    assert!(whole < KIB_MAX, "{whole} KiB");
    assert!(whole <= quarter + quarter / 3 + JITTER_KIB, "{quarter} KiB, four times as many {whole} KiB");
    report
}

/// Runs the program on a capture; gives its report.
fn run(write: impl FnOnce(&mut Capture)) -> Value {
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
    serde_json::from_slice(&output.stdout).expect("the report is JSON")
}

/// The most memory that the program had, KiB.
fn peak(report: &Value) -> u64 {
    number(report, "/metrics/max_memory_usage_kib")
}

/// What was counted of TCP streams.
fn stream(report: &Value, name: &str) -> u64 {
    number(report, &format!("/assembled/streams/{name}"))
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
