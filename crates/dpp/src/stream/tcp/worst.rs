//! The worst that a cell can be sent: work is linear in the packets, and what is held stays below its bounds.
//!
//! Called by nobody; the same traffic for all cells at once, through the whole program, is in the command line's `abuse`.

use super::*;
use crate::packet::Addresses;
use crate::stream::steps::check_linear;

const MESSAGE: &[u8] = b"\0\x13\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";

/// A cell that is sent something, a segment each ten microseconds.
struct Victim {
    cell: Connections,
    position: u64,
    messages: u64,
    held_most: usize,
}

impl Victim {
    fn new() -> Victim {
        Victim { cell: Connections::new(&StreamLimits::default()), position: 0, messages: 0, held_most: 0 }
    }

    fn send(&mut self, client: u32, sequence: u32, flags: u8, payload: &[u8]) {
        let (source, destination) = (client.to_be_bytes(), [192, 0, 2, 53]);
        let addresses = Addresses::V4 { source: &source, destination: &destination };
        let segment = Segment {
            flow: Flow { addresses, source_port: 4000, destination_port: 53 },
            sequence,
            acknowledgment: 0,
            flags,
            payload,
            payload_length: payload.len(),
        };
        let now_ns = self.position as i64 * 10_000;
        let moment = Moment { position: self.position, time_ns: now_ns, before_ns: now_ns, after_ns: now_ns };
        self.position += 1;
        let carrier = Carrier { position: moment.position, ..Carrier::default() };
        self.cell.take(&segment, &moment, &carrier, |_| self.messages += 1);
        self.cell.decided().for_each(drop);
        self.held_most = self.held_most.max(self.cell.pool.held);
    }

    fn begin(&mut self, client: u32) {
        self.send(client, 0, Segment::SYN, &[]);
    }

    fn bring(&mut self, client: u32, sequence: u32, payload: &[u8]) {
        self.send(client, sequence, Segment::ACK, payload);
    }
}

/// Sends so much, and four times as much: at most `most` steps a segment.
#[track_caller]
fn check(name: &str, most: u64, segments: u32, attack: impl Fn(&mut Victim, u32)) {
    check_linear(name, most, segments, |segments| {
        let mut victim = Victim::new();
        attack(&mut victim, segments);
        let Connections { limits, slots, index, .. } = &victim.cell;
        assert!(victim.position <= u64::from(segments) * 11 / 10, "{name}: {} segments", victim.position);
        assert!(victim.held_most <= limits.cell_bytes, "{name}: {} bytes", victim.held_most);
        let connections = limits.half_open + limits.connections + limits.closed;
        assert!(index.len() <= connections && slots.len() <= connections, "{name}: {}", slots.len());
    });
}

#[test]
fn connections_that_are_only_begun_take_a_step_each() {
    check("half-open", 1, 16_000, |victim, count| (0..count).for_each(|client| victim.begin(client)));
}

#[test]
fn half_messages_are_copied_once_and_given_up_once() {
    check("half messages", 60, 16_000, |victim, count| {
        for client in 0..count / 2 {
            victim.begin(client);
            victim.bring(client, 1, &MESSAGE[..20]);
        }
    });
}

#[test]
fn a_byte_at_a_time_of_everybody_takes_a_few_steps() {
    // 400 at a time: fewer than may be half-open, and than wait in all the room there is.
    check("slow loris", 4, 2 * 400 * 22, |victim, count| {
        for group in 0..count / (400 * 22) {
            let clients = group * 400..(group + 1) * 400;
            clients.clone().for_each(|client| victim.begin(client));
            for (at, byte) in (1..).zip(MESSAGE) {
                clients.clone().for_each(|client| victim.bring(client, at, &[*byte]));
            }
        }
        assert_eq!(victim.messages, u64::from(count / 22));
    });
    // A crowd of more than there is room for: each drives out others before a message is whole.
    check("slow loris in crowds", 4, 2 * 6_000, |victim, count| {
        for group in 0..count / 6_000 {
            let clients = group * 2_000..(group + 1) * 2_000;
            for client in clients.clone() {
                victim.begin(client);
                victim.bring(client, 1, &[0]);
            }
            clients.for_each(|client| victim.bring(client, 2, &[0]));
        }
        assert!(victim.held_most > 1_020 << 10, "{}", victim.held_most);
    });
}

#[test]
fn holes_are_waited_for_in_lists_of_bounded_length() {
    let holes = |victim: &mut Victim, client: u32, count: u32, turn: &dyn Fn(u32) -> u32| {
        victim.begin(client);
        (0..count).for_each(|number| victim.bring(client, 2 + 2 * turn(number), &[1]));
    };
    check("holes", 300, 20_000, |victim, count| holes(victim, 1, count, &|number| number));
    // Runs of 200, each from its last to its first.
    let turned = |number: u32| number / 200 * 200 + 199 - number % 200;
    check("holes turned round", 300, 20_000, |victim, count| holes(victim, 1, count, &turned));
    // A step of 77 goes round 200 places and meets each: every piece is put between others.
    let mixed = |number: u32| number / 200 * 200 + number * 77 % 200;
    check("holes mixed", 300, 20_000, |victim, count| holes(victim, 1, count, &mixed));
    let longest = |number: u32| number / 1000 * 1000 + number * 389 % 1000;
    check("holes mixed in the longest lists", 600, 20_000, |victim, count| holes(victim, 1, count, &longest));
    check("holes of many", 300, 20_000, |victim, count| {
        let clients = count / 101;
        (0..clients).for_each(|client| holes(victim, client, 100, &|number| number));
    });
}

#[test]
fn segments_of_one_byte_take_a_few_steps_in_any_order() {
    for (name, window) in [("a byte in order", 1), ("bytes turned round", 100)] {
        check(name, 110, 21_000, |victim, count| {
            let stream = MESSAGE.repeat(count as usize / MESSAGE.len());
            victim.begin(1);
            for (number, bytes) in stream.chunks(window).enumerate() {
                for (at, byte) in bytes.iter().enumerate().rev() {
                    victim.bring(1, (1 + number * window + at) as u32, &[*byte]);
                }
            }
            assert_eq!(victim.messages, stream.len() as u64 / MESSAGE.len() as u64);
        });
    }
}

#[test]
fn noise_is_looked_at_twice_at_most() {
    check("noise", 2 * 1400, 2_000, |victim, count| {
        (0..count).for_each(|number| victim.bring(1, number * 1400, &[0xFF; 1400]));
    });
}

#[test]
fn the_longest_message_begun_everywhere_is_copied_a_few_times() {
    // Of each 60,000 bytes of a message of 65,535: the cell has room for six.
    let payload = [&[0xFF; 2][..], &[7; 998]].concat();
    check("long messages", 5_000, 6_000, |victim, count| {
        for client in 0..count / 60 {
            (0..60).for_each(|number| victim.bring_after_syn(client, number, &payload));
        }
    });
}

impl Victim {
    /// The segment of this number, all of one length; a SYN before the first.
    fn bring_after_syn(&mut self, client: u32, number: u32, payload: &[u8]) {
        if number == 0 {
            self.begin(client);
        }
        self.bring(client, 1 + number * payload.len() as u32, payload);
    }
}
