//! The filter against cases, against a machine that runs it, and against what the engine makes of real packets.

use super::*;
use dpp::capture::{Chunk, Cutter, Settings, single};
use dpp::packet::Layer;
use dpp::plan::Ports;
use std::path::Path;

/// Runs a program as the kernel does; the result is how many bytes pass.
fn run(program: &[Instruction], bytes: &[u8], packet_type: u32) -> u32 {
    let (mut a, mut x, mut memory, mut at) = (0u32, 0u32, [None; 16], 0);
    let load = |at: u32, length: usize| {
        let at = at as usize;
        bytes.get(at..at + length).map(|bytes| bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    };
    loop {
        let Instruction { code, then, otherwise, k } = program[at];
        at += 1;
        let mut branch = |holds: bool| at += usize::from(if holds { then } else { otherwise });
        let loaded = match code {
            code::LOAD_WORD if k == PACKET_TYPE => Some(packet_type),
            code::LOAD_WORD => load(k, 4),
            code::LOAD_HALF => load(k, 2),
            code::LOAD_BYTE_AT_X => load(x + k, 1),
            code::LOAD_HALF_AT_X => load(x + k, 2),
            _ => Some(a),
        };
        // A load from behind the end drops the packet.
        let Some(loaded) = loaded else { return 0 };
        a = loaded;
        match code {
            code::LOAD_WORD | code::LOAD_HALF | code::LOAD_BYTE_AT_X | code::LOAD_HALF_AT_X => {}
            code::LOAD_MEMORY => a = memory[k as usize].expect("what is loaded was stored"),
            code::STORE_MEMORY => memory[k as usize] = Some(a),
            code::SET_X => x = k,
            code::ADD => a += k,
            code::ADD_X => a += x,
            code::AND => a &= k,
            code::SHIFT_LEFT => a <<= k,
            code::A_TO_X => x = a,
            code::X_TO_A => a = x,
            code::JUMP => at += k as usize,
            code::IF_EQUAL => branch(a == k),
            code::IF_GREATER => branch(a > k),
            code::IF_AT_LEAST => branch(a >= k),
            code::IF_ANY_BIT => branch(a & k != 0),
            code::RETURN => return k,
            code => panic!("no such instruction: {code:#x}"),
        }
    }
}

const DNS: Passes =
    Passes { ports: &[53..=53], fragments: false, tunnels: false, incoming_only: false, snaplen: 999 };
const FRAGMENTS: Passes = Passes { fragments: true, ..DNS };
const TUNNELS: Passes = Passes { tunnels: true, ..DNS };

/// A packet as octets in hexadecimal, where `N*` before one repeats it.
fn octets(text: &str) -> Vec<u8> {
    let octet = |text: &str| u8::from_str_radix(text, 16).expect("an octet");
    let word = |word: &str| match word.split_once('*') {
        Some((count, value)) => vec![octet(value); count.parse().expect("a count")],
        None => (0..word.len()).step_by(2).map(|at| octet(&word[at..at + 2])).collect(),
    };
    text.split_whitespace().flat_map(word).collect()
}

/// Whether a packet passes, given what comes behind the two Ethernet addresses.
fn check(passes: &Passes, behind_addresses: &str, expected: bool) {
    let frame = octets(&format!("12*00 {behind_addresses}"));
    assert_eq!(run(&program(Link::Ethernet, passes), &frame, 0) > 0, expected, "{behind_addresses}");
}

/// IPv4 headers up to the addresses' end, by protocol and fragment field.
fn v4(fragment: &str, protocol: &str) -> String {
    format!("0800 45 00 0054 0001 {fragment} 40 {protocol} 0000 0a000001 0a000002")
}

fn v6(next: &str) -> String {
    format!("86dd 60000000 0020 {next} 40 16*fd 16*fe")
}

const TO_53: &str = "c000 0035 0020 0000 20*00";
const FROM_53: &str = "0035 c000 0020 0000 20*00";
const TO_54: &str = "c000 0036 0020 0000 20*00";

#[test]
fn dns_passes_on_either_side_over_udp_and_tcp() {
    for header in [v4("0000", "11"), v4("4000", "06"), v4("0000", "88"), v6("11"), v6("06"), v6("88")] {
        check(&DNS, &format!("{header} {TO_53}"), true);
        check(&DNS, &format!("{header} {FROM_53}"), true);
        check(&DNS, &format!("{header} {TO_54}"), false);
    }
}

#[test]
fn other_protocols_do_not_pass() {
    for other in
        [v4("0000", "01"), v4("0000", "2f"), v6("3a"), v6("84"), "0806".into(), "0035".into(), "8847".into()]
    {
        check(&DNS, &format!("{other} {TO_53}"), false);
    }
}

#[test]
fn tags_are_stepped_over_and_more_than_two_pass() {
    for tags in ["8100 0005", "88a8 0005 8100 0006", "9100 0001 9200 0002"] {
        check(&DNS, &format!("{tags} {} {TO_53}", v4("0000", "11")), true);
        check(&DNS, &format!("{tags} {} {FROM_53}", v6("06")), true);
        check(&DNS, &format!("{tags} {} {TO_54}", v4("0000", "11")), false);
    }
    check(&DNS, "8100 0001 8100 0002 8100 0003 0806", true);
}

#[test]
fn options_of_ipv4_move_the_ports() {
    let header = "0800 47 00 0054 0001 0000 40 11 0000 0a000001 0a000002 0035 0035 0035 0035";
    check(&DNS, &format!("{header} {TO_53}"), true);
    check(&DNS, &format!("{header} {TO_54}"), false);
}

#[test]
fn extension_headers_pass_unseen() {
    for next in ["00", "2b", "3c", "33", "87"] {
        check(&DNS, &format!("{} {TO_54}", v6(next)), true);
    }
}

#[test]
fn behind_an_authentication_header_nothing_is_looked_for() {
    check(&DNS, &format!("{} {TO_54}", v4("0000", "33")), true);
    check(&FRAGMENTS, &format!("{} {TO_54}", v4("20b9", "33")), true);
}

#[test]
fn fragments_pass_if_asked_for() {
    for (fragment, protocol) in [("2000", "11"), ("20b9", "11"), ("00b9", "06")] {
        check(&DNS, &format!("{} {TO_53}", v4(fragment, protocol)), false);
        check(&FRAGMENTS, &format!("{} {TO_54}", v4(fragment, protocol)), true);
    }
    check(&FRAGMENTS, &format!("{} {TO_53}", v4("2000", "01")), false);
    for header in ["1100 0001 00000001", "1100 05a8 00000001"] {
        check(&DNS, &format!("{} {header} {TO_53}", v6("2c")), false);
        check(&FRAGMENTS, &format!("{} {header} {TO_54}", v6("2c")), true);
    }
}

#[test]
fn a_fragment_header_of_a_whole_datagram_is_no_fragment() {
    check(&DNS, &format!("{} 1100 0000 00000001 {TO_53}", v6("2c")), true);
}

#[test]
fn tunnels_pass_if_asked_for() {
    let vxlan = "c000 12b5 0020 0000 20*00";
    let gtp = "0868 c000 0020 0000 20*00";
    let tunnels = [
        v4("0000", "2f"),
        v4("0000", "04"),
        v4("0000", "29"),
        v6("29"),
        "8847".into(),
        "8864".into(),
        "0035".into(),
    ]
    .map(|header| format!("{header} {TO_54}"));
    for packet in tunnels.into_iter().chain([vxlan, gtp].map(|udp| format!("{} {udp}", v4("0000", "11")))) {
        check(&DNS, &packet, false);
        check(&TUNNELS, &packet, true);
    }
    for other in ["0806".into(), "8863".into(), v4("0000", "01"), v4("0000", "06"), v4("0000", "32")] {
        check(&TUNNELS, &format!("{other} {vxlan}"), false);
    }
    check(&TUNNELS, &format!("{} {TO_53}", v4("2000", "2f")), false);
    check(&Passes { fragments: true, ..TUNNELS }, &format!("{} {TO_53}", v4("2000", "2f")), true);
}

#[test]
fn what_ends_before_its_ports_does_not_pass() {
    for cut in ["", "00", "0035", "0035 c0"] {
        check(&DNS, &format!("{} {cut}", v4("0000", "11")), false);
    }
}

#[test]
fn bare_ip_begins_with_its_version() {
    let program = program(Link::RawIp, &DNS);
    for (header, ports, expected) in
        [(v4("0000", "11"), TO_53, true), (v6("06"), FROM_53, true), (v4("0000", "11"), TO_54, false)]
    {
        // Without the ethertype.
        let packet = octets(&format!("{} {ports}", &header[5..]));
        assert_eq!(run(&program, &packet, 0) > 0, expected, "{header} {ports}");
        let other = [&[0x50], &packet[1..]].concat();
        assert_eq!(run(&program, &other, 0), 0, "IP has no version 5");
    }
}

#[test]
fn what_goes_out_is_dropped_where_it_comes_in_again() {
    let frame = octets(&format!("12*00 {} {TO_53}", v4("0000", "11")));
    let once = program(Link::Ethernet, &Passes { incoming_only: true, ..DNS });
    let all = program(Link::Ethernet, &DNS);
    let passed = |program: &[Instruction]| [0, PACKET_OUTGOING].map(|kind| run(program, &frame, kind));
    assert_eq!((passed(&once), passed(&all)), ([999, 0], [999, 999]));
}

#[test]
fn ranges_are_merged_and_asked_for_at_both_ends() {
    assert_eq!(merge(&[60..=70, 5..=6, 7..=9, 65..=80, 8..=8]), [5..=9, 60..=80]);
    let passes = Passes { ports: &[5000..=5002, 53..=53, 0..=0, 65534..=65535], ..DNS };
    let program = program(Link::Ethernet, &passes);
    for (port, expected) in [
        (0u16, true),
        (1, false),
        (52, false),
        (53, true),
        (54, false),
        (4999, false),
        (5000, true),
        (5002, true),
        (5003, false),
        (65533, false),
        (65534, true),
        (65535, true),
    ] {
        for ports in [format!("ea60 {port:04x}"), format!("{port:04x} ea60")] {
            let frame = octets(&format!("12*00 {} {ports} 0020 0000", v4("0000", "11")));
            assert_eq!(run(&program, &frame, 0) > 0, expected, "{ports}");
        }
    }
}

#[test]
fn any_number_of_ranges_makes_a_program_that_the_kernel_takes() {
    // BPF_MAXINSNS is 4096; kernels before 6.8 give a socket 20 KiB for its filter, 8 bytes an instruction.
    const INSTRUCTIONS_MAX: usize = 2000;
    for count in [0, 1, 63, 64, 65, 1000, 16000u16] {
        let ranges: Vec<_> = (0..count).map(|index| index * 4..=index * 4 + 1).collect();
        let passes =
            Passes { ports: &ranges, fragments: true, tunnels: true, incoming_only: true, snaplen: 1 };
        let program = program(Link::Ethernet, &passes);
        assert!(program.len() < INSTRUCTIONS_MAX, "{count} ranges: {} instructions", program.len());
        for port in [0, 1, 4, 252, 253, 3997].into_iter().filter(|port| port / 4 < count && port % 4 < 2) {
            let frame = octets(&format!("12*00 {} {port:04x} 0002 0020 0000", v6("06")));
            assert_eq!(run(&program, &frame, 0), 1, "{count} ranges, port {port}");
        }
    }
}

const TUNNEL_PROTOCOLS: &[u8] = &[4, 41, 47, 97, 115, 137];

#[test]
fn the_engine_tells_what_leads_on() {
    let leads = Leads::ask();
    for (number, expected) in
        [(0x8847, true), (0x8864, true), (0x6558, true), (0x0806, false), (0x8863, false)]
    {
        assert_eq!(leads.ethertypes.contains(&number), expected, "{number:#06x}");
    }
    assert!(leads.ethertypes.len() < 30 && leads.protocols.len() < 20 && leads.ports.len() < 30);
    assert_eq!(leads.protocols, TUNNEL_PROTOCOLS);
    assert!([1701, 2152, 4789, 6081].iter().all(|port| leads.ports.contains(port)), "{:?}", leads.ports);
}

/// Whether the engine would use a packet, or keep it until it can: a message on these ports, or a fragment. And whether it
/// came to it through anything that counts as a tunnel here.
fn engine_wants<'a>(link: Link, bytes: &'a [u8], ports: &Ports) -> Option<(Packet<'a>, bool)> {
    let (layers, found) = packet::layers(link.linktype(), bytes, |datagram| ports.carry(&datagram.flow));
    let is_plain = |layer: &Layer| {
        use Layer::*;
        matches!(
            layer,
            Ethernet
                | Vlan
                | RawIp
                | Ipv4
                | Ipv6
                | Ipv6Extension
                | Ipv6Authentication
                | Udp
                | Tcp
                | UdpLite
                | Ipv4Fragment
                | Ipv6Fragment
        )
    };
    let ips = layers.iter().filter(|seen| matches!(seen.layer, Layer::Ipv4 | Layer::Ipv6)).count();
    let is_tunnelled = ips > 1 || !layers.iter().all(|seen| is_plain(&seen.layer));
    match found.ok()? {
        Packet::Datagram(datagram) if !ports.carry(&datagram.flow) => None,
        Packet::Segment(segment) if !ports.carry(&segment.flow) => None,
        packet => Some((packet, is_tunnelled)),
    }
}

/// Whether a fragment could become something that the engine uses.
fn is_of_use(packet: &Packet, tunnels: bool) -> bool {
    let Packet::Fragment(fragment) = packet else { return true };
    let protocol = fragment.protocol;
    [UDP, TCP, UDP_LITE, AUTHENTICATION].contains(&protocol)
        || tunnels && TUNNEL_PROTOCOLS.contains(&protocol)
}

/// A packet that the engine wants passes, whatever else was asked for. Gives whether it was wanted with everything on.
fn must_pass(link: Link, bytes: &[u8], ports: &Ports, programs: &[(bool, bool, Vec<Instruction>)]) -> bool {
    let Some((packet, is_tunnelled)) = engine_wants(link, bytes, ports) else { return false };
    let is_fragment = matches!(packet, Packet::Fragment(_));
    for (fragments, tunnels, program) in programs {
        // A fragment inside of a tunnel looks like the tunnel.
        let is_asked_for =
            (!is_fragment || *fragments) && (!is_tunnelled || *tunnels) && is_of_use(&packet, *tunnels);
        if is_asked_for {
            let passed = run(program, bytes, 0);
            assert!(
                passed > 0,
                "{link:?}, fragments {fragments}, tunnels {tunnels}: {bytes:02x?}\n{packet:?}"
            );
        }
    }
    true
}

fn programs(link: Link, ports: &Ports) -> Vec<(bool, bool, Vec<Instruction>)> {
    [(false, false), (false, true), (true, false), (true, true)]
        .map(|(fragments, tunnels)| {
            let passes = Passes { ports: ports.ranges(), fragments, tunnels, ..DNS };
            (fragments, tunnels, program(link, &passes))
        })
        .to_vec()
}

/// The next of a row of numbers that look like chance (SplitMix64).
fn chance(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

/// A packet with something else in its headers: an octet, a tag more, an end.
fn vary(bytes: &[u8], state: &mut u64) -> Vec<u8> {
    let mut varied = bytes.to_vec();
    for _ in 0..1 + chance(state) % 2 {
        let at = chance(state) as usize % varied.len().clamp(1, 64);
        match chance(state) % 8 {
            0 if varied.len() > 14 => {
                let tag = TAGS[chance(state) as usize % TAGS.len()].to_be_bytes();
                varied.splice(12..12, [tag[0], tag[1], 0, 7]);
            }
            1 => varied.truncate(at),
            2 if at < varied.len() => varied[at] ^= 1 << (chance(state) % 8),
            3 if at < varied.len() => {
                const TELLING: [u8; 12] = [0, 4, 6, 17, 41, 44, 47, 51, 53, 60, 136, 255];
                varied[at] = TELLING[chance(state) as usize % TELLING.len()];
            }
            _ if at < varied.len() => varied[at] = chance(state) as u8,
            _ => {}
        }
    }
    varied
}

#[test]
fn whatever_the_engine_uses_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../captures/files");
    let ports = Ports::new(vec![53..=53, 5353..=5355]);
    let all = [Link::Ethernet, Link::RawIp].map(|link| (link, programs(link, &ports)));
    let (mut wanted, mut varied_wanted, mut state) = (0, 0, 1);
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files {
        let Ok(source) = crate::Source::open(&path) else { continue };
        let settings =
            Settings { bytes: 256 << 10, packets: 4096, jump_ns: 1, monotonic: false, merge: false };
        let Ok(mut cutter) = Cutter::new(single(source), settings) else { continue };
        while let Ok(Some(chunk)) = cutter.next(Chunk::default()) {
            for record in &chunk.records {
                let Some((link, programs)) = all.iter().find(|(link, _)| link.linktype() == record.linktype)
                else {
                    continue;
                };
                let bytes = chunk.packet(record);
                wanted += u64::from(must_pass(*link, bytes, &ports, programs));
                for _ in 0..4 {
                    let varied = vary(bytes, &mut state);
                    varied_wanted += u64::from(must_pass(*link, &varied, &ports, programs));
                }
            }
        }
    }
    assert!(
        wanted > 5_000 && varied_wanted > 5_000,
        "{wanted} and {varied_wanted} packets are a poor sample"
    );
}
