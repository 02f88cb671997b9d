//! Streams as text, a segment a line: `time_ms side [-flags] [@place] [<acknowledged] [data] => result`.
//!
//! Sides are `c` and `s`; places count from the first byte of data, and the client's sequence numbers wrap after 15 of them.
//! A line `end` ends the input: its result is what is found behind holes then. Data: `a` is a query with its prefix, 21 bytes, `A` a response of 221; `a[2..9]` is a part of it, `x5` is noise, `+` joins,
//! `/9` at the end says that 9 bytes were captured. A result is the messages, each with `~` if the other side sent it, `/n`
//! if only n bytes are there, and `@time` if it is dated otherwise than with the segment; or the name of the skip, then the messages.

use super::*;
use crate::packet::{Addresses, SKIPS, Skips};

const ISN: [u32; 2] = [u32::MAX - 15, 77_000];
const MS: i64 = 1_000_000;

/// A message with its length prefix, by its name.
fn framed(name: char) -> Vec<u8> {
    let (length, flags) = if name.is_ascii_uppercase() { (219u16, 0x80) } else { (19, 0) };
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend([0, name as u8, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, name as u8, 0, 0, 1, 0, 1]);
    bytes.resize(2 + usize::from(length), 0xEE);
    bytes
}

fn data(text: &str) -> Vec<u8> {
    let part = |part: &str| -> Vec<u8> {
        if let Some(count) = part.strip_prefix('x') {
            return vec![0xFF; count.parse().unwrap()];
        }
        let whole = framed(part.chars().next().unwrap());
        let Some((from, to)) = part[1..].trim_matches(['[', ']']).split_once("..") else { return whole };
        let place = |text: &str, otherwise: usize| text.parse().unwrap_or(otherwise);
        whole[place(from, 0)..place(to, whole.len())].to_vec()
    };
    text.split('+').flat_map(part).collect()
}

struct Play {
    cell: Connections,
    position: u64,
    clock_ns: i64,
    limits: StreamLimits,
    rtts: Vec<Option<i64>>,
    /// What became of the segments so far.
    used: u64,
    skips: Skips,
}

impl Play {
    fn new(limits: StreamLimits) -> Play {
        let (cell, skips) = (Connections::new(&limits), Skips::default());
        Play { cell, position: 0, clock_ns: 0, limits, rtts: Vec::new(), used: 0, skips }
    }

    /// Counts what became of a segment, and of those that had waited.
    fn decide(&mut self, outcome: Option<Result<(), Skip>>) {
        let own = outcome.map(|outcome| Decided { position: 0, volume: Volume::of(0), outcome });
        for Decided { position, volume, outcome } in own.into_iter().chain(self.cell.decided()) {
            match outcome {
                Ok(()) => self.used += volume.packets,
                Err(skip) => self.skips.add_all(skip, position, &volume),
            }
        }
    }

    /// Plays a line from a client with this number, and gives the result as text.
    fn line(&mut self, client: u16, line: &str) -> String {
        if line.trim() == "end" {
            let mut found = Vec::new();
            self.cell.flush(|message| {
                found.push(format!("{}@{}", message.bytes[1] as char, message.time_ns / MS));
            });
            return found.join(" ");
        }
        let mut words = line.split_whitespace();
        let time_ms: i64 = words.next().unwrap().parse().unwrap();
        let side = usize::from(words.next() == Some("s"));
        let (mut flags, mut place, mut acknowledged, mut bytes, mut captured) =
            (0, 0i64, None, Vec::new(), None);
        let mut isn = ISN;
        for word in words {
            if let Some(text) = word.strip_prefix('@') {
                place = text.parse().unwrap();
            } else if let Some(text) = word.strip_prefix('<') {
                acknowledged = Some(text.parse::<i64>().unwrap());
            } else if let Some(text) = word.strip_prefix('#') {
                isn[side] = text.parse().unwrap();
            } else if let Some(word) = word.strip_prefix('-') {
                flags = word.bytes().fold(0, |flags, flag| {
                    flags
                        | match flag {
                            b'S' => Segment::SYN,
                            b'A' => Segment::ACK,
                            b'R' => Segment::RST,
                            _ => Segment::FIN,
                        }
                });
            } else {
                let (text, cut) = word.split_once('/').map_or((word, None), |(text, cut)| (text, Some(cut)));
                bytes = data(text);
                captured = cut.map(|cut| cut.parse::<usize>().unwrap());
            }
        }
        if acknowledged.is_some() {
            flags |= Segment::ACK;
        }
        let (ends, ports) = ([[192, 0, 2, 9], [192, 0, 2, 1]], [client, 53]);
        let flow = Flow {
            addresses: Addresses::V4 { source: &ends[side], destination: &ends[1 - side] },
            source_port: ports[side],
            destination_port: ports[1 - side],
        };
        let first = u32::from(flags & Segment::SYN == 0);
        let segment = Segment {
            flow,
            sequence: isn[side].wrapping_add(first).wrapping_add(place as u32),
            acknowledgment: isn[1 - side].wrapping_add(1).wrapping_add(acknowledged.unwrap_or(0) as u32),
            flags,
            payload: &bytes[..captured.unwrap_or(bytes.len())],
            payload_length: bytes.len(),
        };
        let time_ns = time_ms * MS;
        let moment = Moment { position: self.position, time_ns, before_ns: self.clock_ns, after_ns: time_ns };
        (self.position, self.clock_ns) = (self.position + 1, time_ns);
        let (mut found, mut rtts) = (Vec::new(), Vec::new());
        let carrier = Carrier { position: self.position - 1, volume: Volume::of(0), ..Carrier::default() };
        let taken = self.cell.take(&segment, &moment, &carrier, |message| {
            let own = framed(message.bytes.get(1).map_or('?', |&name| name as char));
            assert_eq!(message.bytes, &own[2..2 + message.bytes.len()]);
            assert_eq!(message.length, own.len() - 2);
            let back = if message.flow == flow { "" } else { "~" };
            assert!(back.is_empty() || message.flow == flow.reversed());
            let mut text = format!("{back}{}", message.bytes[1] as char);
            if message.bytes.len() < message.length {
                text += &format!("/{}", message.bytes.len());
            }
            if message.time_ns != time_ns {
                text += &format!("@{}", message.time_ns / MS);
            }
            found.push(text);
            rtts.push(message.handshake_rtt_ns);
        });
        self.rtts.extend(rtts);
        self.check_bounds();
        self.decide(taken);
        let skip = taken.and_then(Result::err).map(|skip| skip.name().to_string());
        skip.into_iter().chain(found).collect::<Vec<_>>().join(" ")
    }

    fn check_bounds(&self) {
        let cell = &self.cell;
        assert!(cell.pool.held <= self.limits.cell_bytes);
        let most = [self.limits.half_open, self.limits.connections, self.limits.closed];
        let lengths = cell.phases.each_ref().map(Order::len);
        assert!(lengths.iter().zip(most).all(|(&length, most)| length <= most), "{lengths:?}");
        assert_eq!(lengths.iter().sum::<usize>(), cell.index.len());
    }

    /// The input has ended. Everything must be accounted for.
    fn finish(&mut self) -> Streams {
        self.cell.finish();
        assert!(self.cell.counts.check(), "{:?}", self.cell.counts);
        assert_eq!((self.cell.pool.held, self.cell.waiting.len()), (0, 0));
        self.decide(None);
        assert_eq!((self.used + self.skips.total().packets, self.cell.tickets.waiting()), (self.position, 0));
        self.cell.counts
    }
}

/// Plays a script, compares each line's result, and then the counts named: `gaps 1, gap_bytes 21`.
fn check_with(limits: StreamLimits, script: &str, counts: &str) -> Play {
    let mut play = Play::new(limits);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (line, expected) = line.split_once("=>").unwrap();
        assert_eq!(play.line(4000, line), expected.trim(), "{line}");
    }
    let found = play.finish();
    for count in counts.split(',').map(str::trim).filter(|count| !count.is_empty()) {
        let (name, value) = count.split_once(' ').unwrap();
        let skip = SKIPS.iter().find(|row| row.1 == name).map(|row| play.skips.of(row.0).packets);
        let found = found.rows().find(|row| row.0 == name).map(|row| row.1).or(skip);
        let found = found.or((name == "used").then_some(play.used)).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(found.to_string(), value, "{name}");
    }
    play
}

fn check(script: &str, counts: &str) -> Play {
    check_with(StreamLimits::default(), script, counts)
}

const HANDSHAKE: &str = "0 c -S => tcp_no_data
    10 s -SA => tcp_no_data
    20 c -A => tcp_no_data\n";

fn check_opened(script: &str, counts: &str) -> Play {
    check(&format!("{HANDSHAKE}{script}"), counts)
}

#[test]
fn messages_are_cut_by_their_prefixes_however_segments_are_cut() {
    check_opened(
        "21 c @0 a+b => a b
         22 c @42 c[..1] =>
         23 c @43 c[1..2] =>
         24 c @44 c[2..20] =>
         25 c @62 c[20..]+d+e[..5] => c d
         26 c @89 e[5..]+f => e f
         30 s @0 A[..100] =>
         31 s @100 A[100..]+B => A B",
        "connections 1, opened 1, handshakes 1, messages 8, message_bytes 552, incomplete 0",
    );
}

#[test]
fn the_first_packet_of_a_capture_may_begin_a_connection() {
    check(
        "1500000000000 c -S => tcp_no_data
         1500000000001 s -SA => tcp_no_data
         1500000000002 c -A @0 a => a",
        "connections 1, opened 1, handshakes 1",
    );
}

#[test]
fn what_comes_again_is_repeated_and_the_first_copy_counts() {
    check_opened(
        "21 c @0 a+b[..5] => a
         22 c @0 a+b[..5] => tcp_repeated
         23 c @5 x4 => tcp_repeated
         24 c @10 x15+b[4..] => b
         25 c @20 x1+x21+c => c",
        "messages 3, repeated_bytes 68",
    );
}

#[test]
fn keep_alives_and_window_probes_bring_nothing_new() {
    check_opened(
        "21 c @0 a => a
         30 c -A @20 => tcp_no_data
         31 c -A @20 x1 => tcp_repeated
         32 c @21 b[..1] =>
         33 c @21 b[..1] => tcp_repeated
         34 c @21 b => b",
        "messages 2, repeated_bytes 3",
    );
}

#[test]
fn segments_that_come_early_wait_for_their_turn() {
    check_opened(
        "21 c @42 c =>
         22 c @21 b =>
         23 c @26 b[5..]+c => tcp_repeated
         24 c @60 c[18..]+d =>
         25 c @0 a => a b c d
         26 c @84 e => e",
        "messages 5, gaps 0, repeated_bytes 40",
    );
}

#[test]
fn of_early_data_that_overlaps_the_first_copy_counts() {
    check_opened(
        "21 c @30 b[9..12] =>
         22 c @21 b[..9]+x3+b[12..15] =>
         23 c @28 x8 => tcp_repeated
         24 c @30 b[9..]+c[..4] =>
         25 c @0 a => a b
         26 c @42 c => c",
        "messages 3",
    );
}

#[test]
fn a_hole_whose_bytes_were_acknowledged_is_given_up_after_some_segments() {
    check_opened(
        "21 c @21 b =>
         22 s -A <21 => tcp_no_data
         23 s -A <42 => tcp_no_data
         24 s -A <42 => tcp_no_data
         25 s -A <42 => tcp_no_data ~b@21
         26 c @0 a => tcp_repeated
         27 c @42 c => c",
        "messages 2, gaps 1, gap_bytes 21, resynchronisations 1",
    );
}

#[test]
fn or_after_a_moment() {
    check_opened(
        "21 c @21 b =>
         22 s <42 @0 A => A
         123 c @42 c => b@21 c",
        "",
    );
}

#[test]
fn an_acknowledgment_may_come_before_a_late_segment() {
    check_opened(
        "21 c @21 b =>
         22 s -A <42 => tcp_no_data
         23 c @0 a => a b",
        "messages 2, gaps 0",
    );
}

#[test]
fn a_hole_nobody_acknowledged_waits_for_the_sender_to_try_again() {
    check_opened(
        "21 c @21 b =>
         2900 c @0 a => a b",
        "gaps 0",
    );
    check_opened(
        "21 c @21 b =>
         3021 c @42 c =>
         3022 c @63 d => b@21 c@3021 d",
        "gaps 1",
    );
}

#[test]
fn a_message_with_a_hole_is_handed_out_as_far_as_it_goes_and_framing_goes_on_behind_it() {
    check_opened(
        "21 s @0 A[..100] =>
         22 s @150 A[150..]+B =>
         23 c -A <442 => tcp_no_data
         24 c -A <442 => tcp_no_data
         25 c -A <442 => tcp_no_data
         26 c -A <442 => tcp_no_data ~A/98@21 ~B@22",
        "messages 2, messages_cut 1, gap_bytes 50, lost_bytes 71, resynchronisations 0",
    );
}

#[test]
fn a_message_without_its_header_is_lost_but_not_its_successor() {
    check_opened(
        "21 s @0 A[..8] =>
         22 s @150 A[150..]+B =>
         23 s -FA @442 => tcp_no_data
         24 c -FA <443 => tcp_no_data ~B@22",
        "messages 1, incomplete 1, resynchronisations 0, finished 1",
    );
}

#[test]
fn behind_a_hole_that_hides_where_messages_end_segment_starts_are_tried() {
    check_opened(
        "21 s @0 A[..100] =>
         22 s @300 B[79..] =>
         23 s @442 C+D[..9] =>
         24 s @672 D[9..] =>
         25 s -RA @884 => tcp_no_data A/98@21 C@23 D@24",
        "gaps 1, skipped_bytes 142, resynchronisations 1, reset 1",
    );
}

#[test]
fn what_the_snaplen_cut_is_handed_out_at_once() {
    check_opened(
        "21 s @0 A/60 => A/58
         22 s @221 B+C/230 => B
         23 s @663 D+E/300 => D E/77
         24 s @1105 F[..8]/4 => tcp_hole
         25 s @1113 F[8..]+G => G
         26 s @1547 H[..100]/100 =>
         27 s @1647 H[100..]+I/60 => H/158
         28 s @1989 J => J",
        "messages_cut 3, incomplete 2, gaps 0, cut_bytes 801",
    );
}

#[test]
fn a_stream_without_syn_is_read_from_the_first_segment_that_starts_with_a_message() {
    check(
        "0 c @100 a[5..] => tcp_not_dns
         1 c @116 b+c => b c
         2 c @158 d[..2] =>
         3 c @160 d[2..] => d
         4 s @700 x30 => tcp_not_dns
         5 s @730 A[..2] =>
         6 s @732 A[2..] => A",
        "connections 1, opened 0, messages 4, resynchronisations 2, skipped_bytes 46",
    );
}

#[test]
fn the_first_segments_of_a_capture_may_overtake_each_other() {
    let messages = "used 3, messages 3, repeated_bytes 21, skipped_bytes 0";
    check(
        "0 c @121 b => b
         1 c @100 a => a
         2 c @142 c => c
         3 c @100 a => tcp_repeated",
        messages,
    );
    check(
        "0 c @142 c => c
         1 c @100 a => a
         2 c @121 b => b
         3 c @121 b => tcp_repeated",
        messages,
    );
    check(
        "0 c @163 d => d
         1 c @100 a => a
         2 c @142 c => c
         3 c @121 b => b
         4 c @74 x5+e => e",
        "used 5, messages 5, skipped_bytes 5",
    );
    check(
        "0 c @121 b => b
         1 c @100 a+b => a",
        "used 2, messages 2, repeated_bytes 21",
    );
    check(
        "0 s @300 A[200..] => tcp_not_dns
         1 s @100 A[..200] => A/198",
        "used 1, messages_cut 1",
    );
}

#[test]
fn what_is_from_long_before_a_stream_was_picked_up_is_repeated() {
    let limits = StreamLimits { earlier_bytes: 30, ..StreamLimits::default() };
    check_with(
        limits,
        "0 c @142 c => c
         1 c @100 a => tcp_repeated
         2 c @121 b => b
         3 c @163 d => d
         4 c @100 a => tcp_repeated",
        "used 3",
    );
}

#[test]
fn a_try_that_fails_begins_again_at_the_segment_that_decided_it() {
    check(
        "0 c @100 a[16..] =>
         1 c @105 b => b",
        "skipped_bytes 5, resynchronisations 1",
    );
}

#[test]
fn framing_that_was_guessed_is_given_up_where_it_fails() {
    check(
        "0 c @0 a+x30 => a
         1 c @51 b => b",
        "skipped_bytes 30, resynchronisations 2",
    );
}

#[test]
fn lengths_are_believed_from_the_syn_on() {
    let play = check_opened("21 c @0 x100 =>", "messages 0, incomplete 1, lost_bytes 100");
    assert_eq!(play.cell.counts.skipped_bytes, 0);
}

#[test]
fn what_looks_like_no_message_is_named_so_when_its_stream_ends() {
    check_opened("21 c @0 x100 =>", "tcp_not_dns 1, used 0, incomplete 1");
    check_opened("21 c @0 x9 =>", "tcp_incomplete 1, used 0");
}

#[test]
fn a_segment_is_used_if_a_message_got_one_of_its_bytes_and_else_the_first_loss_is_the_reason() {
    check_opened(
        "21 s @0 A[..100] =>
         22 s @100 A[100..200] =>
         23 s @200 A[200..]+B[..10] => A
         24 s @231 B[10..20] =>
         25 s @900 x50 =>
         end => B@24",
        "used 4, tcp_not_dns 1",
    );
    check_opened(
        "21 s @0 A[..8] =>
         22 s @150 A[150..] =>
         23 s @221 B[..9] =>
         24 s -R @230 => tcp_no_data",
        "tcp_hole 2, tcp_incomplete 1, used 0",
    );
}

#[test]
fn early_data_is_decided_when_it_is_read_or_lost() {
    check_opened(
        "21 c @30 b[9..12] =>
         22 c @21 b[..9]+x3+b[12..15] =>
         23 c @26 b[5..] =>
         24 c @0 a => a b",
        "used 4",
    );
    check_opened(
        "21 c @30 b[9..12] =>
         22 c @21 b[..9]+x3+b[12..15] =>
         end =>",
        "tcp_incomplete 2, lost_bytes 15",
    );
}

#[test]
fn of_many_segments_of_a_message_each_is_counted() {
    let mut script = HANDSHAKE.to_string();
    for at in 0..200 {
        script += &format!("21 s @{at} A[{at}..{}] =>\n", at + 1);
    }
    check(&format!("{script}22 s @200 A[200..] => A"), "used 201");
    check(&script, "tcp_incomplete 200");
}

#[test]
fn at_the_end_of_the_input_what_is_behind_holes_is_read() {
    check_opened(
        "21 c @21 b =>
         22 c @63 d+e[..9] =>
         23 s @0 A[..100] =>
         24 s @150 A[150..]+B =>
         end => b@21 d@22 A@23 B@24",
        "gaps 3, gap_bytes 92, messages 4, tcp_incomplete 0, used 4",
    );
}

#[test]
fn a_fin_or_a_reset_ends_what_is_incomplete() {
    check_opened(
        "21 c @0 a+b[..9] => a
         22 c -F @30 => tcp_no_data
         23 s @0 A[..50] =>
         24 s -F @50 => tcp_no_data",
        "incomplete 2, lost_bytes 59, finished 1",
    );
    check_opened(
        "21 c @0 a[..9] =>
         22 s @0 A[..50] =>
         23 s -R @50 => tcp_no_data
         24 s -R @50 => tcp_no_data",
        "incomplete 2, reset 1",
    );
}

#[test]
fn data_in_a_fin_counts_and_a_fin_may_come_early() {
    check_opened(
        "21 c -F @21 b =>
         22 c @0 a => a b
         23 s -F @0 A => A",
        "finished 1, incomplete 0",
    );
}

#[test]
fn after_the_end_old_data_is_repeated_and_other_data_begins_anew() {
    check_opened(
        "21 c -F @0 a => a
         22 s -F @0 A => A
         23 c -F @0 a => tcp_repeated
         24 c @22 b => b
         25 s @900000000 B => B",
        "messages 4, resynchronisations 2",
    );
}

#[test]
fn a_reset_from_far_away_is_not_believed() {
    check_opened(
        "21 c @0 a[..9] =>
         22 s -R @900000000 => tcp_no_data
         23 c @9 a[9..] => a",
        "reset 0",
    );
}

#[test]
fn a_syn_with_another_number_begins_a_new_connection() {
    check_opened(
        "21 c @0 a+b[..9] => a
         22 c -S #500 => tcp_no_data
         23 s -SA #900 => tcp_no_data
         24 c -A #500 <823 => tcp_no_data
         25 c @0 #500 c => c",
        "connections 2, opened 2, incomplete 1",
    );
}

#[test]
fn what_is_behind_a_hole_is_read_before_a_new_connection_begins() {
    check_opened(
        "21 c @0 a =>  a
         22 c @42 c =>
         23 s @0 A => A
         24 s @442 C[..100] =>
         30 c -S #500 => tcp_no_data c@22
         31 s -SA #900 => tcp_no_data",
        "connections 2, incomplete 1, gaps 2, used 3",
    );
    // Nothing for ten minutes, and then something.
    check_opened(
        "21 c @0 a => a
         22 c @42 c =>
         700000 c @63 d => c@22 d",
        "connections 2, incomplete 0, gaps 1",
    );
}

#[test]
fn a_syn_that_comes_again_changes_nothing() {
    check_opened(
        "21 c @0 a[..9] =>
         22 c -S => tcp_no_data
         23 s -SA => tcp_no_data
         24 c @9 a[9..] => a",
        "connections 1",
    );
}

#[test]
fn data_in_a_syn_counts() {
    let play = check(
        "0 c -S @0 a => a
         10 s -SA => tcp_no_data
         11 s @0 A => A
         20 c -A => tcp_no_data
         21 c @21 b => b",
        "connections 1, handshakes 1",
    );
    assert_eq!(play.rtts, [None, None, Some(20 * MS)]);
}

#[test]
fn both_ends_may_open() {
    check(
        "0 c -S => tcp_no_data
         1 s -S => tcp_no_data
         2 c -SA => tcp_no_data
         3 s -SA => tcp_no_data
         4 c -A @0 a => a
         5 s @0 A => A",
        "connections 1, resynchronisations 0",
    );
}

#[test]
fn the_handshake_takes_from_the_last_syn_before_its_answer_to_the_clients_first_acknowledgment() {
    let rtts = |script| check(script, "").rtts;
    let usual = "0 c -S => tcp_no_data
        10 s -SA => tcp_no_data
        25 c -A => tcp_no_data
        40 c @0 a => a
        50 s @0 A => A";
    assert_eq!(rtts(usual), [Some(25 * MS); 2]);
    let again = "0 c -S => tcp_no_data
        1000 c -S => tcp_no_data
        1010 s -SA => tcp_no_data
        1011 c -S => tcp_no_data
        1020 c -A @0 a => a";
    assert_eq!(rtts(again), [Some(20 * MS)]);
    let unanswered = "0 c -S => tcp_no_data
        10 c -A @0 a => a";
    assert_eq!(rtts(unanswered), [Some(10 * MS)]);
    let without_syn = "0 s -SA => tcp_no_data
        10 c -A @0 a => a";
    assert_eq!(rtts(without_syn), [None]);
    let backwards = "10 c -S => tcp_no_data
        5 c -A @0 a => a";
    assert_eq!(rtts(backwards), [None]);
}

#[test]
fn the_clients_acknowledgment_tells_where_a_server_begins_that_was_not_heard() {
    check(
        "0 c -S => tcp_no_data
         10 c -A => tcp_no_data
         11 s @21 B =>
         12 s @0 x1 =>
         13 c -F @0 => tcp_no_data
         14 s -F @242 => tcp_no_data B@11",
        "",
    );
}

#[test]
fn a_segment_far_away_is_believed_if_the_next_one_goes_on_there() {
    check_opened(
        "21 c @0 a+b[..9] => a
         22 c @900000000 c => tcp_unplaced
         23 c @30 b[9..] => b
         24 c @900000021 c => tcp_unplaced
         25 c @900000042 d => d
         26 c @900000063 e => e",
        "strayed 1, unplaced_bytes 42, messages 4, resynchronisations 1",
    );
}

#[test]
fn what_lies_far_away_is_not_believed_if_something_else_comes_between() {
    check_opened(
        "21 c @900000000 b => tcp_unplaced
         22 c @0 a => a
         23 c @900000021 c => tcp_unplaced
         24 c @900000042 d => d",
        "strayed 1",
    );
}

#[test]
fn what_was_acknowledged_before_a_stream_strayed_says_nothing_about_it() {
    check_opened(
        "21 c @21 b =>
         22 s -A <42 => tcp_no_data
         23 c @900000000 c => tcp_unplaced
         24 c @900000021 d+e[..9] => b@21 d
         25 c @900000063 f =>
         26 s -A => tcp_no_data
         27 s -A => tcp_no_data
         28 s -A => tcp_no_data
         29 c @900000051 e[9..] => e f",
        "strayed 1, gaps 1",
    );
}

#[test]
fn a_connection_that_was_quiet_for_long_begins_anew() {
    check_opened(
        "21 c @0 a+b[..9] => a
         600022 c @30 b[9..] =>
         600023 c @42 c => c",
        "connections 2, incomplete 1",
    );
}

#[test]
fn of_early_data_only_so_much_waits_and_then_its_hole_is_given_up() {
    let limits = StreamLimits { direction_pieces: 2, ..StreamLimits::default() };
    let script = "21 c @21 b =>
        22 c @63 d =>
        23 c @105 f => b@21
        24 c @84 e => d@22 e f@23
        25 c @0 a => tcp_repeated
        26 c @42 c => tcp_repeated";
    check_with(limits, &format!("{HANDSHAKE}{script}"), "gaps 2");
    let limits = StreamLimits { direction_bytes: 50, ..StreamLimits::default() };
    check_with(limits, &format!("{HANDSHAKE}{script}"), "gaps 2");
}

#[test]
fn of_too_much_that_is_incomplete_what_waited_longest_is_given_up() {
    let limits = StreamLimits { cell_bytes: 1300, ..StreamLimits::default() };
    let mut play = Play::new(limits);
    let mut all = |lines: &[(u16, &str, &str)]| {
        for (client, line, expected) in lines {
            assert_eq!(play.line(*client, line), *expected, "{client} {line}");
        }
    };
    all(&[
        (1, "0 c -S", "tcp_no_data"),
        (2, "0 c -S", "tcp_no_data"),
        (3, "0 c -S", "tcp_no_data"),
        (1, "1 c @0 a[..9]", ""),
        (2, "2 c @0 b[..9]", ""),
        (1, "3 c @9 a[9..20]", ""),
        (3, "4 c @0 c[..9]", ""),
        // The first has gone, but the place in its framing is kept.
        (1, "5 c @20 a[20..]+d", "d"),
        (2, "6 c @9 b[9..]+e[..9]", "b"),
        (3, "7 c @9 c[9..19]", ""),
        (1, "8 c @42 f[..9]", ""),
        // Now the third has waited longest, because the second had completed a message.
        (3, "9 c @19 c[19..]+g", "g"),
        (2, "10 c @30 e[9..]", "e"),
    ]);
    let counts = play.finish();
    assert_eq!((counts.evicted, counts.incomplete, counts.messages), (2, 3, 4));
}

#[test]
fn a_segment_whose_data_is_given_up_at_once_is_not_used_unless_a_message_was_read() {
    let limits = StreamLimits { cell_bytes: 515, ..StreamLimits::default() };
    let script = "20 c @0 a[..9] => tcp_evicted
        21 c @9 a[9..] => tcp_evicted
        22 c @21 b+c[..9] => b
        23 c @51 c[9..]+d => d";
    check_with(limits, &format!("{HANDSHAKE}{script}"), "evicted 2, incomplete 2, tcp_evicted 2, used 2");
}

#[test]
fn a_flood_of_syns_drives_out_half_open_connections_alone() {
    let limits = StreamLimits { connections: 2, half_open: 2, ..StreamLimits::default() };
    let mut play = Play::new(limits);
    play.line(1, "0 c -S");
    play.line(1, "1 c -A @0 a[..9]");
    for client in 10..100 {
        assert_eq!(play.line(client, "2 c -S"), "tcp_no_data");
    }
    assert_eq!(play.line(1, "3 c @9 a[9..]"), "a");
    // Of those that were more than opened, the one that was quiet longest goes, and is picked up again.
    play.line(2, "4 c @0 a");
    play.line(1, "5 c @21 b");
    play.line(3, "6 c @0 a");
    assert_eq!(play.line(1, "7 c @42 c"), "c");
    assert_eq!(play.line(2, "8 c @21 b"), "b");
    let counts = play.finish();
    assert_eq!((counts.half_open_forgotten, counts.forgotten, counts.connections), (88, 2, 94));
}

#[test]
fn of_closed_connections_the_last_ones_are_remembered_and_drive_out_no_open_one() {
    let limits = StreamLimits { connections: 1, closed: 2, ..StreamLimits::default() };
    let mut play = Play::new(limits);
    for client in 1..=3 {
        assert_eq!(play.line(client, "0 c -FA @0 a"), "a");
        assert_eq!(play.line(client, "1 s -FA @0 A"), "A");
        assert_eq!(play.line(client, "2 c -A @22"), "tcp_no_data");
    }
    assert_eq!(play.line(4, "3 c @0 d"), "d");
    // What comes again to one that is remembered is repeated; to another it begins a new one.
    assert_eq!(play.line(3, "4 c -FA @0 a"), "tcp_repeated");
    assert_eq!(play.line(2, "5 s -FA @0 A"), "tcp_repeated");
    assert_eq!(play.line(4, "6 c @21 e"), "e");
    assert_eq!(play.line(1, "7 c -FA @0 a"), "a");
    // One that goes on after all is open again.
    assert_eq!(play.line(3, "8 c @22 b"), "b");
    assert_eq!(play.line(2, "9 s -FA @0 A"), "tcp_repeated");
    let counts = play.finish();
    assert_eq!((counts.finished, counts.forgotten, counts.connections), (3, 2, 5));
}

#[test]
fn memory_is_what_is_charged() {
    let mut play = Play::new(StreamLimits::default());
    play.line(1, "0 c -S");
    // A long message, then a byte: the room of the long one is given back.
    let long = [&65_000u16.to_be_bytes()[..], &[7; 65_000]].concat();
    for (place, part) in long.chunks(1000).enumerate() {
        let ends = [[192, 0, 2, 9], [192, 0, 2, 1]];
        let flow = Flow {
            addresses: Addresses::V4 { source: &ends[0], destination: &ends[1] },
            source_port: 1,
            destination_port: 53,
        };
        let tail = [part, &[0][..usize::from(part.len() < 1000)]].concat();
        let segment = Segment {
            flow,
            sequence: ISN[0].wrapping_add(1 + place as u32 * 1000),
            acknowledgment: 0,
            flags: 0,
            payload: &tail,
            payload_length: tail.len(),
        };
        let moment = Moment { position: 1, time_ns: 0, before_ns: 0, after_ns: 0 };
        let carrier = Carrier::default();
        play.cell.take(&segment, &moment, &carrier, |message| assert_eq!(message.length, 65_000));
    }
    let slot = play.cell.phases[Phase::Open as usize].first().unwrap();
    let buffer = play.cell.slots[slot].sides.iter().find_map(|side| side.buffer.as_ref()).unwrap();
    assert_eq!((buffer.message.len(), buffer.charge), (1, 593));
    assert!(buffer.message.capacity() <= 512);
    assert!(size_of::<Connection>() <= 208, "{}", size_of::<Connection>());
    assert_eq!(play.finish().incomplete, 1);
}
