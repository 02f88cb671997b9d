//! The program against frames of all kinds, and against the engine, which knows best what is DNS.

use super::interpreter::{Fate, MAP_DESCRIPTOR, Machine, NOW, QUEUE_NUMBER};
use super::*;
use dpp::packet::{self, Packet};

const DNS: &[RangeInclusive<u16>] = &[53..=53, 5353..=5355];

fn fate(takes: &Takes, frame: &[u8]) -> Fate {
    Machine::new(frame, true).run(&program(takes, MAP_DESCRIPTOR))
}

fn is_taken(fragments: bool, frame: &[u8]) -> bool {
    fate(&Takes { ports: DNS, fragments }, frame) != Fate::Passed
}

/// Ethernet with these tags, then the packet.
fn ethernet(tags: &[u16], ethertype: i32, packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    for tag in tags {
        frame.extend_from_slice(&tag.to_be_bytes());
        frame.extend_from_slice(&[0x20, 7]);
    }
    frame.extend_from_slice(&(ethertype as u16).to_be_bytes());
    frame.extend_from_slice(packet);
    frame
}

/// Source and destination port, and enough behind them for any transport.
fn ports(source: u16, destination: u16) -> Vec<u8> {
    let mut bytes = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    bytes.extend_from_slice(&[0, 28, 0, 0, 0, 0, 0, 0, 0x50, 0x10]);
    bytes.resize(28, 0);
    bytes
}

/// IPv4 with so many words of options, at this place of its datagram (in 8 bytes; the flag for more is 0x2000).
fn ipv4(options: u8, place: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = 20 + 4 * usize::from(options);
    let length = (header + payload.len()) as u16;
    let mut packet = vec![0x45 + options, 0];
    packet.extend_from_slice(&length.to_be_bytes());
    packet.extend_from_slice(&[0, 1]);
    packet.extend_from_slice(&place.to_be_bytes());
    packet.extend_from_slice(&[64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet.resize(header, 1);
    packet.extend_from_slice(payload);
    packet
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    packet.extend_from_slice(&[next, 64]);
    packet.resize(40, 0x20);
    packet.extend_from_slice(payload);
    packet
}

/// An extension header of 8 times `eights` bytes.
fn extension(next: u8, eights: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![next, eights - 1];
    header.resize(8 * usize::from(eights), 0);
    header.extend_from_slice(payload);
    header
}

fn fragment(next: u8, place_and_more: u16, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![next, 0];
    header.extend_from_slice(&place_and_more.to_be_bytes());
    header.extend_from_slice(&[0, 0, 0, 9]);
    header.extend_from_slice(payload);
    header
}

#[test]
fn a_packet_is_taken_if_either_port_is_one_of_dns() {
    let edges =
        [(52, 0), (53, 1), (54, 0), (5352, 0), (5353, 1), (5354, 1), (5355, 1), (5356, 0), (65535, 0)];
    for (port, expected) in edges {
        for (source, destination) in [(port, 40_000), (40_000, port)] {
            for protocol in [17, 6, 136] {
                let payload = ports(source, destination);
                for frame in [
                    ethernet(&[], IPV4, &ipv4(0, 0, protocol, &payload)),
                    ethernet(&[], IPV6, &ipv6(protocol, &payload)),
                ] {
                    assert_eq!(is_taken(false, &frame), expected == 1, "{source} {destination} {protocol}");
                }
            }
        }
    }
}

#[test]
fn it_goes_to_the_socket_of_its_queue_with_the_time_if_there_is_room() {
    let frame = ethernet(&[], IPV4, &ipv4(0, 0, 17, &ports(53, 9)));
    let program = program(&Takes { ports: DNS, fragments: false }, MAP_DESCRIPTOR);
    for (has_metadata, time) in [(true, Some(NOW)), (false, None)] {
        assert_eq!(Machine::new(&frame, has_metadata).run(&program), Fate::Taken(QUEUE_NUMBER, time));
    }
}

#[test]
fn tags_and_headers_of_any_length_are_passed_over() {
    let payload = ports(40_000, 53);
    for tags in [&[][..], &[0x8100], &[0x88A8, 0x8100], &[0x9100, 0x9300]] {
        for options in 0..=10 {
            assert!(is_taken(false, &ethernet(tags, IPV4, &ipv4(options, 0x4000, 17, &payload))));
        }
        for packet in [
            ipv6(0, &extension(17, 1, &payload)),
            ipv6(60, &extension(6, 8, &payload)),
            ipv6(0, &extension(43, 2, &extension(17, 3, &payload))),
            ipv6(44, &fragment(17, 0, &payload)),
            ipv6(44, &fragment(17, 1, &payload)),
        ] {
            assert!(is_taken(false, &ethernet(tags, IPV6, &packet)));
        }
    }
}

#[test]
fn whatever_else_is_left_alone() {
    let payload = ports(53, 53);
    let inner = ipv4(0, 0, 17, &payload);
    for frame in [
        ethernet(&[], 0x0806, &inner),
        ethernet(&[0x8100; 3], IPV4, &inner),
        ethernet(&[], IPV4, &ipv4(0, 0, 1, &payload)),
        ethernet(&[], IPV4, &ipv4(0, 0, 4, &inner)),
        ethernet(&[], IPV4, &ipv4(0, 0, 47, &payload)),
        ethernet(&[], IPV6, &ipv6(58, &payload)),
        ethernet(&[], IPV6, &ipv6(60, &extension(17, 9, &payload))),
        ethernet(&[], IPV6, &ipv6(0, &extension(0, 1, &extension(0, 1, &extension(17, 1, &payload))))),
    ] {
        for fragments in [false, true] {
            assert!(!is_taken(fragments, &frame), "{frame:02x?}");
        }
    }
    // A header of IPv4 that is too short for itself.
    let mut short = inner;
    short[0] = 0x44;
    assert!(!is_taken(true, &ethernet(&[], IPV4, &short)));
}

#[test]
fn fragments_without_ports_are_taken_on_request_only() {
    let payload = ports(53, 53);
    for frame in [
        ethernet(&[], IPV4, &ipv4(0, 0x2001, 17, &payload)),
        ethernet(&[], IPV4, &ipv4(3, 0x0100, 6, &payload)),
        ethernet(&[0x8100], IPV6, &ipv6(44, &fragment(17, 0x0101, &payload))),
        ethernet(&[], IPV6, &ipv6(60, &extension(44, 1, &fragment(6, 0x0008, &payload)))),
    ] {
        assert_eq!((is_taken(false, &frame), is_taken(true, &frame)), (false, true), "{frame:02x?}");
    }
    let other = ethernet(&[], IPV4, &ipv4(0, 0x2001, 1, &payload));
    assert!(!is_taken(true, &other));
}

#[test]
fn packets_that_end_anywhere_are_left_alone_and_never_read_beyond() {
    let payload = ports(53, 53);
    for (frame, needed) in [
        (ethernet(&[0x88A8, 0x8100], IPV4, &ipv4(2, 0, 17, &payload)), 22 + 28 + 4),
        (ethernet(&[], IPV6, &ipv6(0, &extension(44, 2, &fragment(6, 0, &payload)))), 14 + 40 + 16 + 8 + 4),
    ] {
        for length in 0..=frame.len() {
            assert_eq!(is_taken(false, &frame[..length]), length >= needed, "{length}");
        }
    }
}

/// What the engine finds in packets without tunnels, the program finds.
#[test]
fn the_engine_would_not_find_more() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let program = program(&Takes { ports: DNS, fragments: true }, MAP_DESCRIPTOR);
    let set = dpp::plan::Ports::new(DNS.to_vec());
    let (mut taken, mut passed) = (0, 0);
    for _ in 0..20_000 {
        let numbers = [53, 5353, 5355, 80, 0, 65_535];
        let payload = ports(numbers[next(6)], numbers[next(6)]);
        let protocol = [17, 6, 1][next(3)];
        let tags = [0x8100, 0x88A8, 0x9100];
        let tags: Vec<u16> = (0..next(3)).map(|_| tags[next(3)]).collect();
        let (ethertype, packet) = match next(4) {
            0 => (IPV6, ipv6(protocol, &payload)),
            1 => (IPV6, ipv6(44, &fragment(protocol, [0, 1, 8, 9][next(4)], &payload))),
            2 => (IPV6, ipv6(60, &extension(protocol, 1 + next(4) as u8, &payload))),
            _ => (IPV4, ipv4(next(11) as u8, [0, 0x4000, 0x2000, 0x2001, 5][next(5)], protocol, &payload)),
        };
        let mut frame = ethernet(&tags, ethertype, &packet);
        if next(8) == 0 {
            frame.truncate(next(frame.len()));
        }
        if next(8) == 0 {
            let at = next(frame.len().max(1));
            if let Some(byte) = frame.get_mut(at) {
                *byte ^= 1 << next(8);
            }
        }
        let is_taken = Machine::new(&frame, true).run(&program) != Fate::Passed;
        let is_wanted = match packet::decode(1, &frame) {
            Ok(Packet::Datagram(datagram)) => set.carry(&datagram.flow),
            Ok(Packet::Segment(segment)) => set.carry(&segment.flow),
            // Of the first fragment the ports are asked.
            Ok(Packet::Fragment(_)) | Err(_) => false,
        };
        assert!(is_taken || !is_wanted, "{frame:02x?}");
        if is_taken { taken += 1 } else { passed += 1 }
    }
    assert!(taken > 5000 && passed > 5000, "{taken} {passed}");
}
