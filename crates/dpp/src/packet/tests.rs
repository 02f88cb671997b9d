//! Packets as hexadecimal text, one layer a line, and what they decode to.

use super::*;
use crate::limits;

/// The bytes of a packet given as hexadecimal digits; white space and what follows a `#` do not count.
fn packet(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or("").chars())
        .filter_map(|character| character.to_digit(16))
        .collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn is_dns(datagram: &Datagram) -> bool {
    datagram.flow.source_port == 53 || datagram.flow.destination_port == 53
}

/// Walks to the innermost packet as the pipeline does: into tunnels that are on no DNS port.
fn walk(linktype: u16, bytes: &[u8]) -> (Result<Packet<'_>, Skip>, Outer) {
    let mut outer = Outer::default();
    let found = Walk::new(linktype, bytes).and_then(|mut walk| {
        loop {
            let packet = walk.packet();
            outer = walk.outer();
            match packet? {
                Packet::Datagram(datagram) if !is_dns(&datagram) => walk.enter(&datagram)?,
                packet => return Ok(packet),
            }
        }
    });
    (found, outer)
}

fn flow_text(flow: &Flow) -> String {
    let (source, destination) = match flow.addresses {
        Addresses::V4 { source, destination } => {
            (std::net::IpAddr::from(*source), std::net::IpAddr::from(*destination))
        }
        Addresses::V6 { source, destination } => ((*source).into(), (*destination).into()),
    };
    format!("{source}:{} > {destination}:{}", flow.source_port, flow.destination_port)
}

/// A packet as "source:port > destination:port stated/captured" and what is around it, or the name of the skip.
fn text(linktype: u16, bytes: &[u8]) -> String {
    let (found, outer) = walk(linktype, bytes);
    let mut text = match found {
        Err(skip) => return skip.name().to_string(),
        Ok(Packet::Segment(_)) => "tcp".to_string(),
        Ok(Packet::Fragment(_)) => "fragment".to_string(),
        Ok(Packet::Datagram(Datagram { flow, payload, payload_length })) => {
            format!("{} {payload_length}/{}", flow_text(&flow), payload.len())
        }
    };
    for id in &outer.vlans[..usize::from(outer.vlan_count)] {
        text += &format!(" vlan {id}");
    }
    if let Some(tunnel) = outer.tunnel {
        text += &format!(" {} {}", tunnel.name(), outer.tunnel_id);
    }
    text
}

/// Decodes an Ethernet frame.
fn check(frame: &str, expected: &str) {
    check_linktype(1, frame, expected);
}

/// Decodes a packet, and again cut off at every byte and with every byte damaged: it is a skip, or it is the same with less
/// of its payload; damaged it may be anything, but it comes to an end. [`layers`] tells the same story.
fn check_linktype(linktype: u16, frame: &str, expected: &str) {
    let bytes = packet(frame);
    assert_eq!(text(linktype, &bytes), expected, "{frame}");
    check_layers(linktype, &bytes);
    for cut in 0..bytes.len() {
        check_cut(linktype, &bytes, cut);
        check_layers(linktype, &bytes[..cut]);
    }
    for at in 0..bytes.len() {
        for damage in [0x01, 0x80, 0xFF, bytes[at], !bytes[at]] {
            let mut damaged = bytes.clone();
            damaged[at] ^= damage;
            check_layers(linktype, &damaged);
        }
    }
}

fn check_cut(linktype: u16, bytes: &[u8], cut: usize) {
    let (Ok(Packet::Datagram(less)), outer) = walk(linktype, &bytes[..cut]) else { return };
    let (Ok(Packet::Datagram(whole)), whole_outer) = walk(linktype, bytes) else {
        panic!("{bytes:02x?} cut at {cut} is a datagram, but is none when whole")
    };
    assert_eq!((less.flow, less.payload_length, outer), (whole.flow, whole.payload_length, whole_outer));
    assert!(whole.payload.starts_with(less.payload));
}

fn check_layers(linktype: u16, bytes: &[u8]) {
    let (seen, found) = layers(linktype, bytes, is_dns);
    match (walk(linktype, bytes).0, found) {
        // A datagram that is in no tunnel after all is still one for those who look.
        (Err(Skip::Port), Ok(Packet::Datagram(_))) => {}
        (walked, found) => assert_eq!(walked, found),
    }
    for pair in seen.windows(2) {
        assert_eq!(pair[0].start + pair[0].length, pair[1].start, "{pair:?}");
    }
}

const ETHERNET_4: &str = "020000000001 020000000002 0800\n";
const ETHERNET_6: &str = "020000000001 020000000002 86dd\n";
const ADDRESSES_6: &str = "20010db8000000000000000000000001 20010db8000000000000000000000002\n";

/// IPv4, UDP and two bytes.
const IPV4: &str = "4500001e 00000000 40110000 c0000201 c0000202 d431 0035 000a 0000 6162\n";
/// What it decodes to.
const FLOW_4: &str = "192.0.2.1:54321 > 192.0.2.2:53 2/2";
/// The same with IPv6.
const IPV6: &str = "60000000 000a 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002
                    d431 0035 000a 0000 6162\n";
const FLOW_6: &str = "2001:db8::1:54321 > 2001:db8::2:53 2/2";

/// An Ethernet frame.
fn ethernet(ethertype: &str, payload: &str) -> String {
    format!("020000000001 020000000002 {ethertype}\n{payload}")
}

/// An outer IPv4 header.
fn ip(protocol: &str, payload: &str) -> String {
    let length = 20 + packet(payload).len();
    format!("4500 {length:04x} 00000000 40 {protocol} 0000 c6336401 c6336402\n{payload}")
}

/// A frame with a datagram in IPv4.
fn udp(source: u16, destination: u16, payload: &str) -> String {
    let length = 8 + packet(payload).len();
    ethernet("0800", &ip("11", &format!("{source:04x} {destination:04x} {length:04x} 0000\n{payload}")))
}

/// A frame with GRE in IPv4.
fn gre(header: &str, payload: &str) -> String {
    ethernet("0800", &ip("2f", &format!("{header}\n{payload}")))
}

#[test]
fn a_datagram_is_found_behind_ethernet_and_ipv4() {
    let ip = "45000020 00000000 40110000 c0000201 c0000202\n";
    check(&format!("{ETHERNET_4}{ip} d431 0035 000c 0000 61626364"), "192.0.2.1:54321 > 192.0.2.2:53 4/4");
}

#[test]
fn ethernet_padding_does_not_count() {
    let ip = "4500001d 00000000 40110000 c0000201 c0000202\n";
    check(
        &format!("{ETHERNET_4}{ip} d431 0035 0009 0000 61 0000000000"),
        "192.0.2.1:54321 > 192.0.2.2:53 1/1",
    );
}

#[test]
fn ipv4_options_are_stepped_over() {
    let ip = "46000021 00000000 40110000 c0000201 c0000202 01010100\n";
    check(&format!("{ETHERNET_4}{ip} d431 0035 0009 0000 61"), "192.0.2.1:54321 > 192.0.2.2:53 1/1");
}

#[test]
fn a_packet_cut_by_the_snaplen_tells_its_real_length() {
    let ip = "45000064 00000000 40110000 c0000201 c0000202\n";
    check(&format!("{ETHERNET_4}{ip} d431 0035 0050 0000 6162"), "192.0.2.1:54321 > 192.0.2.2:53 72/2");
}

#[test]
fn total_length_0_left_by_offload_means_all_that_was_captured() {
    let ip = "45000000 00000000 40110000 c0000201 c0000202\n";
    check(&format!("{ETHERNET_4}{ip} d431 0035 000a 0000 6162"), FLOW_4);
}

#[test]
fn ipv6_extension_headers_are_walked() {
    let ip = format!("60000000 0021 00 40 {ADDRESSES_6}");
    let extensions =
        "3c 00 000000000000 # hop by hop, then destination options\n 33 00 000000000000 # then AH\n
                      11 00 000000000000 # AH of 8 bytes, then UDP\n";
    check(
        &format!("{ETHERNET_6}{ip}{extensions} 0035 d431 0009 0000 61"),
        "2001:db8::1:53 > 2001:db8::2:54321 1/1",
    );
}

#[test]
fn an_extension_header_longer_than_the_packet_is_malformed() {
    let ip = format!("60000000 0008 00 40 {ADDRESSES_6}");
    check(&format!("{ETHERNET_6}{ip} 11 ff 000000000000"), "ip_malformed");
}

#[test]
fn snap_carries_an_ethertype() {
    let ip = "4500001d 00000000 40110000 c0000201 c0000202\n";
    let llc = "020000000001 020000000002 0026 aaaa03 000000 0800\n";
    check(&format!("{llc}{ip} d431 0035 0009 0000 61"), "192.0.2.1:54321 > 192.0.2.2:53 1/1");
    check("020000000001 020000000002 0026 424203 000000 0000", "ethertype");
}

#[test]
fn what_is_no_udp_is_skipped_by_name() {
    for (protocol, skip) in [
        ("06", "tcp_cut"),
        ("01", "icmp"),
        ("2f", "tunnel_control"),
        ("32", "encrypted"),
        ("84", "ip_protocol"),
        ("00", "ip_protocol"),
    ] {
        check(
            &format!("{ETHERNET_4} 4500001c 00000000 40{protocol}0000 c0000201 c0000202 0000000000000000"),
            skip,
        );
    }
    check(&format!("{ETHERNET_4} 4500001c 00002000 40110000 c0000201 c0000202 0000000000000000"), "fragment");
    check(&format!("{ETHERNET_6} 60000000 0008 2c 40 {ADDRESSES_6} 1100000100000000"), "fragment");
    check(&format!("{ETHERNET_6} 60000000 0008 2c 40 {ADDRESSES_6} 1100000000000000 # whole"), "udp_cut");
    check("020000000001 020000000002 88cc 00", "ethertype");
}

#[test]
fn what_is_cut_or_contradicts_itself_is_skipped_by_name() {
    check("020000000001 0200", "link_cut");
    check(&format!("{ETHERNET_4} 45000020"), "ip_cut");
    check(&format!("{ETHERNET_4} 65000020 00000000 40110000 c0000201 c0000202"), "ip_malformed");
    check(&format!("{ETHERNET_4} 44000020 00000000 40110000 c0000201 c0000202"), "ip_malformed");
    check(&format!("{ETHERNET_4} 45000020 00000000 40110000 c0000201 c0000202 d431"), "udp_cut");
    check(
        &format!("{ETHERNET_4} 4500001c 00000000 40110000 c0000201 c0000202 d431 0035 0007 0000"),
        "udp_malformed",
    );
    assert_eq!(decode(147, &[0; 64]), Err(Skip::Linktype));
}

#[test]
fn a_chain_of_headers_without_end_is_too_deep() {
    let chain = "3c 00 000000000000\n".repeat(40);
    check(&format!("{ETHERNET_6} 60000000 0140 3c 40 {ADDRESSES_6}{chain}"), "too_deep");
}

#[test]
fn each_link_type_leads_to_its_packet() {
    let wlan = "0801 0000 020000000001 020000000002 020000000003 1000\n aaaa03 000000 0800\n";
    for (linktype, header, packet) in [
        (12, "", IPV4),
        (14, "", IPV6),
        (101, "", IPV4),
        (101, "", IPV6),
        (228, "", IPV4),
        (229, "", IPV6),
        (0, "02000000", IPV4),
        (0, "00000002", IPV4),
        (0, "1c000000", IPV6),
        (0, "0000001e", IPV6),
        (108, "00000002", IPV4),
        (108, "00000018", IPV6),
        (109, "02000000 00001234 00000002", IPV4),
        (109, "00000018 00001234 00000002", IPV6),
        (113, "0000 0001 0006 0200000000020000 0800", IPV4),
        (113, "0000 0001 0006 0200000000020000 0004\n aaaa03 000000 86dd", IPV6),
        (113, "0000 030a 0006 0200000000020000 0800", IPV4),
        (113, "0000 0302 0006 0200000000020000 0000\n 1841 03 cc", IPV4),
        (113, &format!("0000 0323 0006 0200000000020000 0000\n 0000 0800 00000000\n {wlan}"), IPV4),
        (276, "86dd 0000 00000003 0001 00 06 0200000000020000", IPV6),
        (9, "ff03 0021", IPV4),
        (9, "0057", IPV6),
        (9, "ff03 21", IPV4),
        (9, "57", IPV6),
        (50, "ff03 0021", IPV4),
        (50, "0f00 0800", IPV4),
        (104, "8f00 86dd", IPV6),
        (104, "ff03 0021", IPV4),
        (166, "00 ff03 0021", IPV4),
        (204, "01 0057", IPV6),
        (107, "1841 03 cc", IPV4),
        (107, "1841 03 00 80 000000 86dd", IPV6),
        (107, "1841 0800", IPV4),
        (107, "18404041 03 8e", IPV6),
        (105, wlan, IPV4),
        (127, &format!("0000 0900 00000000 00\n {wlan}"), IPV4),
        (119, &format!("{}{wlan}", "44000000".repeat(36)), IPV4),
        (119, &format!("80211001 0000000c 00000000\n {wlan}"), IPV4),
        (163, &format!("80211001 0000000c 00000000\n {wlan}"), IPV4),
        (192, &format!("00 00 0c00 69000000 02000000\n {wlan}"), IPV4),
        (192, &format!("00 00 0800 01000000\n {ETHERNET_6}"), IPV6),
        (258, "10000000 01000000 65000000 00000000", IPV4),
        (
            239,
            "02 00 0005 # little-endian entries\n 0800 0100 08000100\n 0500 0a00 61 000000\n 2200 0900",
            IPV4,
        ),
        (239, "0a 00 0005 # big-endian entries\n 0008 0001 08000100\n 0036 0009", IPV6),
        (117, "3d 02 000000 # 61, padded to 64\n", ""),
        (226, "01 02 0000 00000000 00000000 00000000 00000000 00000000", IPV4),
        (226, "01 1a 0000 00000000 00000000 00000000 00000000 00000000", IPV6),
        (242, &format!("{} 0800 0000", "00".repeat(40)), IPV4),
        (6, "10 40 020000000001 020000000002 aaaa03 000000 0800", IPV4),
        (6, "10 40 020000000001 820000000002 0630 0011 0022 aaaa03 000000 0800", IPV4),
        (10, "50 020000000001 020000000002 aaaa03 000000 86dd", IPV6),
    ] {
        let expected = if packet == IPV4 { FLOW_4 } else { FLOW_6 };
        match packet {
            "" => check_linktype(linktype, &format!("{header}{}{IPV4}", "00".repeat(59)), FLOW_4),
            packet => check_linktype(linktype, &format!("{header}\n{packet}"), expected),
        }
    }
    check_linktype(
        51,
        &format!("11 00 0007 0020 # session 7\n 0021\n{IPV4}"),
        "192.0.2.1:54321 > 192.0.2.2:53 2/2 pppoe 7",
    );
}

#[test]
fn link_layers_that_carry_no_ip_are_skipped_by_name() {
    for (linktype, frame, expected) in [
        (101, "3500", "ip_malformed"),
        (0, "07000000 4500", "ethertype"),
        (0, "02010000 4500", "ethertype"),
        (117, "01 02 0000", "link_malformed"),
        (113, "0000 0338 0006 0200000000020000 0800 4500", "ethertype"),
        (113, "0000 0001 0006 0200000000020000 0001 ffff", "ethertype"),
        (9, "ff03 c021 0101", "link_control"),
        (9, "003d c000", "link_fragment"),
        (9, "00fd 9000", "encrypted"),
        (9, "ff03", "link_cut"),
        (51, "11 09 0000 0004 01010000", "link_control"),
        (51, "21 00 0007 0020 0021", "link_malformed"),
        (107, "18404040 0000", "link_malformed"),
        (6, "10 00 020000000001 020000000002 aaaa03", "link_control"),
        (10, "41 020000000001 020000000002 aaaa03", "link_control"),
        (127, "0000 0400 00000000", "link_malformed"),
        (192, "00 00 0400 69000000", "link_malformed"),
        (192, "00 00 0800 93000000 0000", "linktype"),
        (258, "0c000000 00000000 01000000", "link_control"),
        (258, "08000000 01000000 01000000", "link_malformed"),
        (239, "02 00 0005 0200 0100", "link_malformed"),
        (1, "020000000001 020000000002 8863 1109", "link_control"),
        (1, "020000000001 020000000002 88e5 2000", "encrypted"),
        (1, "020000000001 020000000002 0003 424203 00", "ethertype"),
    ] {
        check_linktype(linktype, frame, expected);
    }
}

#[test]
fn wlan_data_frames_of_all_shapes_are_read_and_others_named() {
    const ADDRESSES: &str = "020000000001 020000000002 020000000003";
    const LLC: &str = "aaaa03 000000 0800\n";
    let length = 8 + packet(IPV4).len();
    let subframe = format!("020000000001 020000000002 {length:04x} {LLC}{IPV4}");
    for (claim, frame, expected) in [
        ("plain", format!("0800 0000 {ADDRESSES} 1000 {LLC}{IPV4}"), FLOW_4),
        ("four addresses", format!("0803 0000 {ADDRESSES} 1000 020000000004 {LLC}{IPV4}"), FLOW_4),
        ("QoS", format!("8802 0000 {ADDRESSES} 1000 0500 {LLC}{IPV4}"), FLOW_4),
        ("QoS, padded to 4", format!("8802 0000 {ADDRESSES} 1000 0500 0000 {LLC}{IPV4}"), FLOW_4),
        ("QoS and HT control", format!("8882 0000 {ADDRESSES} 1000 0500 00000000 {LLC}{IPV4}"), FLOW_4),
        ("everything", format!("8883 0000 {ADDRESSES} 1000 020000000004 0500 00000000 {LLC}{IPV4}"), FLOW_4),
        ("checksum behind", format!("0800 0000 {ADDRESSES} 1000 {LLC}{IPV4} 12345678"), FLOW_4),
        ("one in an A-MSDU", format!("8802 0000 {ADDRESSES} 1000 8500 {subframe} 0000 12345678"), FLOW_4),
        (
            "two in an A-MSDU",
            format!("8802 0000 {ADDRESSES} 1000 8500 {subframe} 0000 {subframe}"),
            "link_aggregate",
        ),
        ("protected", format!("0840 0000 {ADDRESSES} 1000 0000000000000000"), "wlan_protected"),
        ("first fragment", format!("0804 0000 {ADDRESSES} 1000 {LLC}{IPV4}"), "link_fragment"),
        ("last fragment", format!("0800 0000 {ADDRESSES} 1100 {LLC}{IPV4}"), "link_fragment"),
        ("beacon", format!("8000 0000 {ADDRESSES} 1000"), "link_control"),
        ("acknowledgment", "d400 0000 020000000001".to_string(), "link_control"),
        ("null function", format!("4801 0000 {ADDRESSES} 1000"), "link_control"),
        ("version 1", format!("0900 0000 {ADDRESSES} 1000"), "link_malformed"),
    ] {
        let bytes = packet(&frame);
        assert_eq!(text(105, &bytes), expected, "{claim}");
        // Where the snaplen cut off the others, one packet of an aggregate looks like the only one.
        if expected != "link_aggregate" {
            check_linktype(105, &frame, expected);
        }
    }
}

#[test]
fn tags_are_stepped_over_and_vlan_ids_kept() {
    for (types, expected) in [
        ("8100 2005 0800", " vlan 5"),
        ("88a8 0064 8100 0007 0800", " vlan 100 vlan 7"),
        ("9100 0001 9200 0002 9300 0003 0800", " vlan 1 vlan 2 vlan 3"),
        ("8100 0001 8100 0002 8100 0003 8100 0004 8100 0005 0800", " vlan 1 vlan 2 vlan 3 vlan 4"),
        ("8100 0005 0026 aaaa03 000000 0800", " vlan 5"),
        ("8926 80010002 8100 0005 0800", " vlan 5"),
        ("893f 000000010000 0800", ""),
        ("8909 0101 0001 0007 0800", ""),
        ("dada 0000 40010000 0800", ""),
        ("0026 060603", ""),
        ("0026 aaaa03 0000f8 0800", ""),
        ("0034 aaaa03 0080c2 0007 020000000003 020000000004 0800", ""),
        ("8870 aaaa03 000000 0800", ""),
        ("88a8 0064 88e7 00000309 020000000003 020000000004 8100 0007 0800", " vlan 100 vlan 7 pbb 777"),
        ("8864 1100 0009 0020 0021", " pppoe 9"),
        ("8100 0005 8864 1100 0009 0024 0281 00010140", " vlan 5 mpls 16"),
        ("894f 0fc2 0101 00000123", ""),
    ] {
        check(&ethernet(types, IPV4), &format!("{FLOW_4}{expected}"));
    }
    check(&ethernet("894f", "0fc6 0101 00000123"), "tunnel_cut");
    check(&ethernet("8100 0005", "88cc 0207"), "ethertype");
}

#[test]
fn mpls_finds_what_it_carries() {
    let frame = |payload: &str| ethernet("8847", &format!("00010040 00020140 # labels 16 and 32\n{payload}"));
    let inner = |destination: &str| format!("{destination} 020000000002 0800\n{IPV4}");
    let found = format!("{FLOW_4} mpls 32");
    check(&frame(IPV4), &found);
    check(&frame(IPV6), &format!("{FLOW_6} mpls 32"));
    // Ethernet, whose first address begins with every four bits.
    for destination in ["000c29000001", "100000000001", "450000000001", "600000000001", "f00000000001"] {
        check(&frame(&inner(destination)), &found);
        check(&frame(&format!("00000000 # control word\n{}", inner(destination))), &found);
        check(&frame(&format!("00001234 # control word\n{}", inner(destination))), &found);
    }
    // A tag's number stands where a control word would make it a type.
    check(
        &frame(&format!("000c29000001 020000000002 8100 0005 0800\n{IPV4}")),
        &format!("{FLOW_4} vlan 5 mpls 32"),
    );
    check(&frame(&format!("000c29000001 020000000002 0026 aaaa03 000000 0800\n{IPV4}")), &found);
    check(&frame("10000021 2000"), "tunnel_control");
    check(&frame("f20c29000001 020000000002 88cc 0207"), "ethertype");
    check(&frame(""), "link_cut");
    check(&ethernet("8848", &format!("00010140{IPV4}")), &format!("{FLOW_4} mpls 16"));
    check(&ethernet("0800", &ip("89", &format!("00010140{IPV4}"))), &format!("{FLOW_4} mpls 16"));
    check(&udp(50000, 6635, &format!("00010140{IPV4}")), &format!("{FLOW_4} mpls 16"));
    check(&udp(50000, 6635, "00000000 00000000"), "port");
}

#[test]
fn ipv4_with_a_right_checksum_is_ipv4_even_when_cut() {
    let ip = "45000050 00000000 4011f69b c0000201 c0000202\n";
    check(
        &ethernet("8847", &format!("00010140 {ip} d431 0035 003c 0000 6162")),
        "192.0.2.1:54321 > 192.0.2.2:53 52/2 mpls 16",
    );
}

#[test]
fn gre_is_read_with_every_combination_of_fields() {
    for flags in 0..16_u16 {
        let has = |bit: u16| flags << 12 & bit != 0;
        let checksum = if has(0xC000) { "12340000 " } else { "" };
        let key = if has(0x2000) { "0000002a " } else { "" };
        let sequence = if has(0x1000) { "00000001 " } else { "" };
        let routes = if has(0x4000) { "0002 00 04 c0000201 0000 00 00" } else { "" };
        let id = if has(0x2000) { 42 } else { 0 };
        check(
            &gre(&format!("{flags:x}000 0800 {checksum}{key}{sequence}{routes}"), IPV4),
            &format!("{FLOW_4} gre {id}"),
        );
    }
}

#[test]
fn gre_carries_many_things() {
    for (header, payload, expected) in [
        ("0000 86dd", IPV6, format!("{FLOW_6} gre 0")),
        ("2000 6558 00002a01 020000000003 020000000004 0800", IPV4, format!("{FLOW_4} gre 10753")),
        ("0000 8847 00010140", IPV4, format!("{FLOW_4} mpls 16")),
        ("0000 880b ff03 0021", IPV4, format!("{FLOW_4} gre 0")),
        ("0000 883e", IPV4, format!("{FLOW_4} gre 0")),
        ("0000 883e 00010002", IPV4, format!("{FLOW_4} gre 0")),
        ("0000 88be 020000000003 020000000004 0800", IPV4, format!("{FLOW_4} erspan 0")),
        (
            "1000 88be 00000001 10640809 00000005 020000000003 020000000004 0800",
            IPV4,
            format!("{FLOW_4} erspan 9"),
        ),
        (
            "1000 22eb 00000001 2064 0809 00000000 0000 0000 020000000003 020000000004 8100 0005 0800",
            IPV4,
            format!("{FLOW_4} vlan 5 erspan 9"),
        ),
        (
            "1000 22eb 00000001 2064 0809 00000000 0000 0001 0000000000000000 020000000003 020000000004 0800",
            IPV4,
            format!("{FLOW_4} erspan 9"),
        ),
        ("1000 22eb 00000001 2064 0809 00000000 0000 0800", IPV6, format!("{FLOW_6} erspan 9")),
        ("3001 880b 0020 0007 00000001 0021", IPV4, format!("{FLOW_4} pptp 7")),
        ("3081 880b 0022 0007 00000001 00000002 ff03 0021", IPV4, format!("{FLOW_4} pptp 7")),
        ("2081 880b 0000 0007 00000002", "", "tunnel_control".to_string()),
        ("0000 0000", "", "tunnel_control".to_string()),
        ("0000 0800", "", "tunnel_control".to_string()),
        ("0002 0800", IPV4, "tunnel_malformed".to_string()),
        ("0001 0800", IPV4, "tunnel_malformed".to_string()),
        ("2001 880b ff00 0007 0021", IPV4, "tunnel_malformed".to_string()),
        ("1000 88be 00000001 30640809 00000005", IPV4, "tunnel_malformed".to_string()),
        ("1000 22eb 00000001 2064 0809 00000000 0000 1000", IPV6, "ethertype".to_string()),
        ("4000 0800 00000000 0002 00 ff", "", "tunnel_malformed".to_string()),
        ("0000 6007", IPV4, "ethertype".to_string()),
    ] {
        check(&gre(header, payload), &expected);
    }
    check(&udp(50000, 4754, &format!("2000 0800 00000007 {IPV4}")), &format!("{FLOW_4} gre 7"));
    check(&udp(50000, 4754, &format!("1234 0800 00000007 {IPV4}")), "port");
}

#[test]
fn ip_in_ip_is_entered() {
    check(&ethernet("0800", &ip("04", IPV4)), &format!("{FLOW_4} ipip 0"));
    check(&ethernet("0800", &ip("29", IPV6)), &format!("{FLOW_6} 6in4 0"));
    check(&format!("{ETHERNET_6} 60000000 001e 04 40 {ADDRESSES_6}{IPV4}"), &format!("{FLOW_4} ipip 0"));
    check(&format!("{ETHERNET_6} 60000000 0032 29 40 {ADDRESSES_6}{IPV6}"), &format!("{FLOW_6} 6in4 0"));
    check(&ethernet("0800", &ip("61", &format!("3000 {ETHERNET_4}{IPV4}"))), &format!("{FLOW_4} etherip 0"));
    check(&ethernet("0800", &ip("61", &format!("4000 {ETHERNET_4}{IPV4}"))), "tunnel_malformed");
    check(&ethernet("0800", &ip("61", "30")), "tunnel_malformed");
}

#[test]
fn udp_lite_is_udp_whose_length_ip_tells() {
    check(&ethernet("0800", "4500001e 00000000 40880000 c0000201 c0000202 d431 0035 0008 0000 6162"), FLOW_4);
}

#[test]
fn tunnels_over_udp_are_entered() {
    let inner = format!("{ETHERNET_4}{IPV4}");
    let cookie = "0102030405060708";
    let gtp_length = packet(IPV4).len();
    for (port, payload, expected) in [
        (4789, format!("08000000 00002a00 {inner}"), format!("{FLOW_4} vxlan 42")),
        (8472, format!("08000000 00002a00 {inner}"), format!("{FLOW_4} vxlan 42")),
        (4789, format!("88000001 00002a00 {inner}"), format!("{FLOW_4} vxlan 42")),
        (4789, format!("0c000001 00002a00 {IPV4}"), format!("{FLOW_4} vxlan 42")),
        (4789, format!("00000000 00002a00 {inner}"), "port".to_string()),
        (4789, "08000000".to_string(), "tunnel_malformed".to_string()),
        (4790, format!("0c000001 00002a00 {IPV4}"), format!("{FLOW_4} vxlan 42")),
        (4790, format!("04000002 00002a00 {IPV6}"), format!("{FLOW_6} vxlan 0")),
        (4790, format!("0c000003 00002a00 {inner}"), format!("{FLOW_4} vxlan 42")),
        (4790, format!("08000000 00002a00 {inner}"), format!("{FLOW_4} vxlan 42")),
        (
            4790,
            format!("0c000004 00002a00 0fc60201 00000123 0000000000000000 0000000000000000 {IPV4}"),
            format!("{FLOW_4} vxlan 42"),
        ),
        (4790, format!("0c000004 00002a00 0fc20203 00000123 {inner}"), format!("{FLOW_4} vxlan 42")),
        (4790, format!("0c000004 00002a00 2fc20203 00000123 {inner}"), "tunnel_control".to_string()),
        (4790, format!("0c000004 00002a00 0fc10203 00000123 {inner}"), "tunnel_malformed".to_string()),
        (4790, format!("0c000005 00002a00 00010140 {IPV4}"), format!("{FLOW_4} mpls 16")),
        (4790, format!("0d000001 00002a00 {IPV4}"), "tunnel_control".to_string()),
        (4790, format!("3c000001 00002a00 {IPV4}"), "port".to_string()),
        (6081, format!("00006558 00002a00 {inner}"), format!("{FLOW_4} geneve 42")),
        (6081, format!("02400800 00002a00 01028001 00000007 {IPV4}"), format!("{FLOW_4} geneve 42")),
        (6081, format!("000086dd 00002a00 {IPV6}"), format!("{FLOW_6} geneve 42")),
        (6081, format!("00806558 00002a00 {inner}"), "tunnel_control".to_string()),
        (6081, format!("40006558 00002a00 {inner}"), "port".to_string()),
        (6081, "3f006558 00002a00 00000000".to_string(), "tunnel_malformed".to_string()),
        (2152, format!("30ff {gtp_length:04x} 0000002a {IPV4}"), format!("{FLOW_4} gtp 42")),
        (2152, format!("32ff {:04x} 0000002a 0001 00 00 {IPV4}", gtp_length + 4), format!("{FLOW_4} gtp 42")),
        (
            2152,
            format!("34ff {:04x} 0000002a 0000 00 85 01 1009 00 {IPV4}", gtp_length + 8),
            format!("{FLOW_4} gtp 42"),
        ),
        (
            2152,
            format!("34ff {:04x} 0000002a 0000 00 85 02 100900000000 c0 01 0000 00 {IPV4}", gtp_length + 16),
            format!("{FLOW_4} gtp 42"),
        ),
        (
            2152,
            format!("34ff {:04x} 0000002a 0000 00 85 00 100900 {IPV4}", gtp_length + 8),
            "tunnel_malformed".to_string(),
        ),
        (2152, format!("30ff {:04x} 0000002a {inner}", gtp_length + 14), format!("{FLOW_4} gtp 42")),
        (2152, format!("30ff ffff 0000002a {IPV4}"), "tunnel_malformed".to_string()),
        (2152, "3201 0004 00000000 0001 0000".to_string(), "tunnel_control".to_string()),
        (2152, "30ff 0000 00000001".to_string(), "tunnel_control".to_string()),
        (2152, format!("10ff {gtp_length:04x} 0000002a {IPV4}"), "port".to_string()),
        (2152, "30ff 0004 00000001 12345678".to_string(), "ethertype".to_string()),
        (1701, format!("0002 0001 002a ff03 0021 {IPV4}"), format!("{FLOW_4} l2tp 42")),
        (1701, format!("4002 {:04x} 0001 002a 0021 {IPV4}", 10 + gtp_length), format!("{FLOW_4} l2tp 42")),
        (
            1701,
            format!("4a02 {:04x} 0001 002a 0000 0001 0003 616263 21 {IPV4}", 18 + gtp_length),
            format!("{FLOW_4} l2tp 42"),
        ),
        (1701, format!("4002 0003 0001 002a 0021 {IPV4}"), "tunnel_malformed".to_string()),
        (1701, "0202 0001 002a ffff 00".to_string(), "tunnel_malformed".to_string()),
        (1701, "c802 000c 0001 0000 0000 0000".to_string(), "tunnel_control".to_string()),
        (1701, "0002 0001 002a ff03 c021 0101".to_string(), "link_control".to_string()),
        (1701, "0005 0001 002a ff03 c021 0101".to_string(), "port".to_string()),
        (1701, format!("0003 0000 0000002a {inner}"), format!("{FLOW_4} l2tp 42")),
        (1701, format!("0003 0000 0000002a {cookie} 00000000 {inner}"), format!("{FLOW_4} l2tp 42")),
        (1701, "8003 0014 00000000 0000 0000 00000000".to_string(), "tunnel_control".to_string()),
        (3544, IPV6.to_string(), format!("{FLOW_6} teredo 0")),
        (3544, format!("0001 0000 {cookie} 00 {IPV6}"), format!("{FLOW_6} teredo 0")),
        (
            3544,
            format!("0001 0204 6162 01020304 {cookie} 00 0000 1234 c0000201 {IPV6}"),
            format!("{FLOW_6} teredo 0"),
        ),
        (3544, format!("0000 1234 c0000201 {IPV6}"), format!("{FLOW_6} teredo 0")),
        (3544, format!("60000000 0000 3b 40 {ADDRESSES_6}"), "tunnel_control".to_string()),
        (3544, IPV4.to_string(), "port".to_string()),
        (4341, format!("08000000 00002a00 {IPV4}"), format!("{FLOW_4} lisp 42")),
        (4341, format!("80123456 00000001 {IPV6}"), format!("{FLOW_6} lisp 0")),
        (4341, "08000000 00002a00 1234".to_string(), "port".to_string()),
        (
            5072,
            format!("4152 11 29 00000000 {cookie}{cookie} {} {IPV6}", "00".repeat(20)),
            format!("{FLOW_6} ayiya 0"),
        ),
        (5072, format!("0000 01 04 00000000 61 {IPV4}"), format!("{FLOW_4} ayiya 0")),
        (5072, format!("0000 02 3b 00000000 61 {IPV4}"), "tunnel_control".to_string()),
        (5072, format!("0000 01 3b 00000000 61 {IPV4}"), "tunnel_control".to_string()),
        (5072, format!("0000 09 29 00000000 61 {IPV4}"), "port".to_string()),
        (5072, "f000 01 29 00000000".to_string(), "tunnel_malformed".to_string()),
        (5247, format!("00 100200 00000000 {inner}"), format!("{FLOW_4} capwap 0")),
        (
            5247,
            format!("00 100300 00000000 0801 0000 {cookie}{cookie}0102 1000 aaaa03 000000 0800 {IPV4}"),
            format!("{FLOW_4} capwap 0"),
        ),
        (
            5247,
            format!("00 100300 00000000 1108 0000 {cookie}{cookie}0102 7630 aaaa03 000000 0800 {IPV4}"),
            format!("{FLOW_4} capwap 0"),
        ),
        (5247, format!("00 100280 00000000 {inner}"), "link_fragment".to_string()),
        (5247, format!("00 100208 00000000 {inner}"), "tunnel_control".to_string()),
        (5247, format!("00 080200 00000000 {inner}"), "tunnel_malformed".to_string()),
        (5247, "01 000000 1600".to_string(), "encrypted".to_string()),
        (5247, "16 000000 1600".to_string(), "port".to_string()),
        (9999, "08000000 00002a00".to_string(), "port".to_string()),
    ] {
        check(&udp(50000, port, &payload), &expected);
    }
}

#[test]
fn what_comes_from_a_tunnels_port_is_entered_if_it_leads_somewhere() {
    let inner = format!("00006558 00002a00 {ETHERNET_4}{IPV4}");
    check(&udp(6081, 50000, &inner), &format!("{FLOW_4} geneve 42"));
    check(&udp(6081, 50000, "00006558 00002a00 616263646566676869"), "port");
    check(&udp(2152, 50000, &format!("30ff 001e 0000002a {IPV4}")), &format!("{FLOW_4} gtp 42"));
    check(&udp(2152, 53, &format!("30ff 001e 0000002a {IPV4}")), "198.51.100.1:2152 > 198.51.100.2:53 38/38");
}

#[test]
fn l2tp_over_ip_finds_where_the_packet_begins() {
    let frame = |payload: &str| ethernet("0800", &ip("73", payload));
    let found = format!("{FLOW_4} l2tp 42");
    for skipped in ["", "01020304", "0102030405060708", "010203040506070800000000"] {
        check(&frame(&format!("0000002a {skipped} {ETHERNET_4}{IPV4}")), &found);
        check(&frame(&format!("0000002a {skipped} {IPV4}")), &found);
        check(&frame(&format!("0000002a {skipped} ff03 0021 {IPV4}")), &found);
        let tagged = format!("020000000001 020000000002 8100 0005 0800 {IPV4}");
        check(&frame(&format!("0000002a {skipped} {tagged}")), &format!("{FLOW_4} vlan 5 l2tp 42"));
    }
    check(&frame("0000002a 010203040506 020000000001 020000000002 0800"), "ethertype");
    check(&frame("00000000 c803 0014"), "tunnel_control");
}

#[test]
fn stated_lengths_survive_layers_that_have_none() {
    // The outer packet states 78 bytes, the inner one 50 with offload's total length of 0; the snaplen cut off the rest.
    let inner = "45000000 00000000 40110000 c0000201 c0000202 d431 0035 0000 0000 6162";
    check(
        &ethernet("0800", &format!("4500004e 00000000 402f0000 c6336401 c6336402 0000 0800 {inner}")),
        "192.0.2.1:54321 > 192.0.2.2:53 26/2 gre 0",
    );
    // VXLAN with all lengths stated.
    let inner = "45000064 00000000 40110000 c0000201 c0000202 d431 0035 0050 0000 6162";
    let outer = "45000096 00000000 40110000 c6336401 c6336402 c350 12b5 0082 0000 08000000 00002a00";
    check(
        &ethernet("0800", &format!("{outer}{ETHERNET_4}{inner}")),
        "192.0.2.1:54321 > 192.0.2.2:53 72/2 vxlan 42",
    );
    // What lies behind the inner packet and inside the outer one does not count.
    check(&ethernet("0800", &ip("04", &format!("{IPV4} 00000000"))), &format!("{FLOW_4} ipip 0"));
    check(&ethernet("8864", &format!("1100 0009 0020 0021 {IPV4} 00000000")), &format!("{FLOW_4} pppoe 9"));
}

#[test]
fn layers_may_be_nested_as_deep_as_the_limit_and_no_deeper() {
    let tags = |count: usize| format!("8100 {} 0800", "0001 8100 ".repeat(count - 1) + "0001");
    // Ethernet, IPv4 and UDP are three.
    check(
        &ethernet(&tags(limits::LAYERS_MAX - 3), IPV4),
        &format!("{FLOW_4}{}", " vlan 1".repeat(VLANS_MAX)),
    );
    check(&ethernet(&tags(limits::LAYERS_MAX - 2), IPV4), "too_deep");
    let labels = |count: usize| "00010040".repeat(count - 1) + "00010140";
    check(
        &ethernet("8847", &format!("{}{IPV4}", labels(limits::LAYERS_MAX - 3))),
        &format!("{FLOW_4} mpls 16"),
    );
    check(&ethernet("8847", &format!("{}{IPV4}", labels(limits::LAYERS_MAX - 2))), "too_deep");
    let mut packet = IPV4.to_string();
    (0..limits::LAYERS_MAX).for_each(|_| packet = ip("04", &packet));
    assert_eq!(text(101, &self::packet(&packet)), "too_deep");
    let mut frame = format!("{ETHERNET_4}{IPV4}");
    (0..limits::LAYERS_MAX / 4).for_each(|_| frame = udp(50000, 4789, &format!("08000000 00002a00 {frame}")));
    assert_eq!(text(1, &self::packet(&frame)), "too_deep");
}

#[test]
fn a_fragment_in_a_tunnel_remembers_it_and_the_walk_goes_on_behind_it() {
    let fragment = "45000024 00072000 40040000 c0000201 c0000202 4500001e 00000000 40110000";
    let bytes = packet(&gre("2000 0800 0000002a", fragment));
    let (Ok(Packet::Fragment(first)), _) = walk(1, &bytes) else { panic!("not a fragment") };
    assert_eq!((first.outer.tunnel, first.outer.tunnel_id), (Some(Tunnel::Gre), 42));
    let whole = packet(IPV4);
    let mut walk = Walk::resume(&first, first.addresses, &whole, whole.len()).expect("IPv4 in IP is known");
    let Ok(Packet::Datagram(datagram)) = walk.packet() else { panic!("not a datagram") };
    assert_eq!(format!("{} 2/2", flow_text(&datagram.flow)), FLOW_4);
    assert_eq!(walk.outer().tunnel, Some(Tunnel::Ipip));
}

#[test]
fn layers_are_told_with_what_they_say() {
    let frame = ethernet("8100 0005 8847 00010140", "");
    let tunnel = udp(50000, 4789, &format!("08000000 00002a00 {ETHERNET_4}{IPV4}"));
    let bytes = packet(&format!("{frame}{}", tunnel.split_once('\n').expect("Ethernet is a line").1));
    let (seen, _) = layers(1, &bytes, is_dns);
    let told: Vec<String> = seen
        .iter()
        .map(|seen| {
            let LayerSeen { layer, start, length, about } = seen;
            format!("{start}+{length} {}: {}", layer.name(), about.as_deref().unwrap_or("-"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "0+14 Ethernet: 02:00:00:00:00:02 > 02:00:00:00:00:01, type 0x8100",
            "14+4 VLAN tag: id 5, type 0x8847",
            "18+4 MPLS: label 16",
            "22+20 IPv4: 198.51.100.1 > 198.51.100.2, protocol 17",
            "42+8 UDP: 50000 > 4789, 52 bytes",
            "50+8 VXLAN: vxlan 42",
            "58+14 Ethernet: 02:00:00:00:00:02 > 02:00:00:00:00:01, type 0x0800",
            "72+20 IPv4: 192.0.2.1 > 192.0.2.2, protocol 17",
            "92+8 UDP: 54321 > 53, 2 bytes",
        ]
    );
}

#[test]
fn each_number_stands_in_its_table_once() {
    fn check<K: Copy + Ord + std::fmt::Debug>(keys: impl Iterator<Item = K>) {
        let mut keys: Vec<K> = keys.collect();
        keys.sort_unstable();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "{keys:?}");
    }
    check(LINKTYPES.iter().map(|row| row.0));
    check(ETHERTYPES.iter().map(|row| row.0));
    check(PPP_PROTOCOLS.iter().map(|row| row.0));
    check(GRE_PROTOCOLS.iter().map(|row| row.0));
    check(NSH_PROTOCOLS.iter().map(|row| row.0));
    check(IP_PROTOCOLS.iter().map(|row| row.0));
    check(UDP_TUNNELS.iter().map(|row| row.0));
}
