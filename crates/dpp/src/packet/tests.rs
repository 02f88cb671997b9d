//! Packets as hexadecimal text, one layer a line, and what they decode to.

use super::*;

/// The bytes of a packet given as hexadecimal digits; white space and what follows a `#` do not count.
fn packet(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or("").chars())
        .filter_map(|character| character.to_digit(16))
        .collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

/// Decodes a packet to "source:port > destination:port stated/captured", or the name of the skip.
fn check(text: &str, expected: &str) {
    let bytes = packet(text);
    let found = match decode(1, &bytes) {
        Err(skip) => skip.name().to_string(),
        Ok(Packet::Segment(_)) => "tcp".to_string(),
        Ok(Packet::Fragment(_)) => "fragment".to_string(),
        Ok(Packet::Datagram(datagram)) => {
            let flow = datagram.flow;
            let (source, destination) = match flow.addresses {
                Addresses::V4 { source, destination } => {
                    (std::net::IpAddr::from(*source), std::net::IpAddr::from(*destination))
                }
                Addresses::V6 { source, destination } => ((*source).into(), (*destination).into()),
            };
            format!(
                "{source}:{} > {destination}:{} {}/{}",
                flow.source_port,
                flow.destination_port,
                datagram.payload_length,
                datagram.payload.len()
            )
        }
    };
    assert_eq!(found, expected, "{text}");
}

const ETHERNET_4: &str = "020000000001 020000000002 0800\n";
const ETHERNET_6: &str = "020000000001 020000000002 86dd\n";
const ADDRESSES_6: &str = "20010db8000000000000000000000001 20010db8000000000000000000000002\n";

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
    check(&format!("{ETHERNET_4}{ip} d431 0035 000a 0000 6162"), "192.0.2.1:54321 > 192.0.2.2:53 2/2");
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
        ("2f", "ip_protocol"),
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
