//! What was seen where no DNS was: numbers of headers, with the names people know them by.
//!
//! The names are only those that help somebody who expected DNS; a number without a name is shown as it is.

use super::figures::grouped;
use dpp::packet::{Skip, Skips};
use dpp::plan::Ports;
use dpp::stats::{Seen, Tally};
use serde_json::{Value, json};

/// So many of each kind are shown.
const SHOWN_MAX: usize = 5;

const LINKTYPES: &[(u16, &str)] = &[
    (0, "BSD loopback"),
    (1, "Ethernet"),
    (9, "PPP"),
    (12, "raw IP"),
    (14, "raw IP"),
    (101, "raw IP"),
    (105, "IEEE 802.11"),
    (108, "OpenBSD loopback"),
    (113, "Linux cooked"),
    (127, "IEEE 802.11 radiotap"),
    (147, "user-defined"),
    (189, "USB"),
    (201, "Bluetooth"),
    (220, "USB"),
    (228, "IPv4"),
    (229, "IPv6"),
    (239, "NFLOG"),
    (253, "netlink"),
    (276, "Linux cooked v2"),
    (dpp::capture::Record::NO_LINKTYPE, "interface not described"),
];

const ETHERTYPES: &[(u16, &str)] = &[
    (0x0800, "IPv4"),
    (0x0806, "ARP"),
    (0x8100, "802.1Q"),
    (0x86DD, "IPv6"),
    (0x8808, "flow control"),
    (0x8809, "LACP"),
    (0x8847, "MPLS"),
    (0x8848, "MPLS"),
    (0x8863, "PPPoE discovery"),
    (0x8864, "PPPoE"),
    (0x888E, "802.1X"),
    (0x88A8, "802.1ad"),
    (0x88CC, "LLDP"),
    (0x88E5, "MACsec"),
    (0x88E7, "802.1ah"),
    (0x88F7, "PTP"),
];

const PROTOCOLS: &[(u16, &str)] = &[
    (1, "ICMP"),
    (2, "IGMP"),
    (4, "IP in IP"),
    (6, "TCP"),
    (17, "UDP"),
    (41, "IPv6 in IP"),
    (47, "GRE"),
    (50, "ESP"),
    (51, "AH"),
    (58, "ICMPv6"),
    (89, "OSPF"),
    (103, "PIM"),
    (112, "VRRP"),
    (115, "L2TP"),
    (132, "SCTP"),
];

/// Ports that often carry DNS; behind a name, so that they can be told apart.
const DNS_PORTS: &[(u16, &str)] = &[
    (53, "DNS"),
    (1053, "DNS?"),
    (Ports::MDNS, "mDNS"),
    (Ports::LLMNR, "LLMNR"),
    (8053, "DNS?"),
    (9953, "DNS?"),
];

const OTHER_PORTS: &[(u16, &str)] = &[
    (22, "SSH"),
    (25, "SMTP"),
    (67, "DHCP"),
    (80, "HTTP"),
    (123, "NTP"),
    (137, "NetBIOS names"),
    (138, "NetBIOS datagrams"),
    (161, "SNMP"),
    (179, "BGP"),
    (443, "HTTPS, QUIC, perhaps DNS in it"),
    (445, "SMB"),
    (500, "IKE"),
    (514, "syslog"),
    (546, "DHCPv6"),
    (853, "DNS over TLS, QUIC or DTLS"),
    (993, "IMAPS"),
    (1900, "SSDP"),
    (2055, "NetFlow"),
    (2152, "GTP-U"),
    (3478, "STUN"),
    (4500, "IPsec"),
    (4739, "IPFIX"),
    (4789, "VXLAN"),
    (6343, "sFlow"),
];

fn name_in(table: &[(u16, &'static str)], number: u16) -> Option<&'static str> {
    table.iter().find(|row| row.0 == number).map(|row| row.1)
}

fn port_name(port: u16) -> Option<&'static str> {
    name_in(DNS_PORTS, port).or_else(|| name_in(OTHER_PORTS, port))
}

/// A kind of number.
struct Kind<'a> {
    key: &'static str,
    words: &'static str,
    tally: &'a Tally,
    name: fn(u16) -> Option<&'static str>,
    /// How the number is written.
    write: fn(u16) -> String,
}

fn kinds(seen: &Seen) -> [Kind<'_>; 7] {
    let decimal = |number: u16| number.to_string();
    let hex = |number: u16| format!("0x{number:04x}");
    let kind = |key, words, tally, name, write| Kind { key, words, tally, name, write };
    [
        kind("link_types", "link types", &seen.linktypes, |number| name_in(LINKTYPES, number), decimal),
        kind("ethertypes", "ethertypes", &seen.ethertypes, |number| name_in(ETHERTYPES, number), hex),
        kind("ip_protocols", "IP protocols", &seen.protocols, |number| name_in(PROTOCOLS, number), decimal),
        kind("udp_ports", "UDP ports", &seen.udp_ports, port_name, decimal),
        kind("tcp_ports", "TCP ports", &seen.tcp_ports, port_name, decimal),
        kind("tcp_opened", "TCP connections opened, by port", &seen.tcp_opened, port_name, decimal),
        kind("quic_opened", "QUIC connections opened, by port", &seen.quic_opened, port_name, decimal),
    ]
}

/// Each kind as a list of numbers, most frequent first.
pub(super) fn json(seen: &Seen) -> Value {
    let lists = kinds(seen).into_iter().map(|kind| {
        let rows = kind.tally.most_frequent(SHOWN_MAX).into_iter();
        let rows = rows.map(
            |(number, packets)| json!({ "number": number, "name": (kind.name)(number), "packets": packets }),
        );
        (kind.key.to_owned(), Value::Array(rows.collect()))
    });
    Value::Object(lists.collect())
}

/// A line for each kind of which there is something.
pub(super) fn lines(seen: &Seen) -> Vec<(&'static str, String)> {
    let line = |kind: Kind| {
        let rows = kind.tally.most_frequent(SHOWN_MAX).into_iter().map(|(number, packets)| {
            let name = (kind.name)(number).map_or_else(String::new, |name| format!(" ({name})"));
            format!("{}{name} {}", (kind.write)(number), grouped(packets))
        });
        (kind.words, rows.collect::<Vec<_>>().join(", "))
    };
    kinds(seen).into_iter().map(line).filter(|(_, rows)| !rows.is_empty()).collect()
}

/// What was set aside, because a message may take several such packets.
const PIECES: &[(&str, &[Skip])] = &[
    (
        FRAGMENTS,
        &[
            Skip::FragmentMalformed,
            Skip::FragmentRepeated,
            Skip::FragmentOverlap,
            Skip::FragmentTimeout,
            Skip::FragmentEvicted,
            Skip::FragmentIncomplete,
        ],
    ),
    ("TCP on a DNS port without data", &[Skip::TcpNoData]),
    ("TCP on a DNS port without a message", &[Skip::TcpRepeated, Skip::TcpUnplaced, Skip::TcpEvicted]),
];

const FRAGMENTS: &str = "IP fragments";

/// How many packets were such.
fn packets_of(skips: &Skips, of: &[Skip]) -> u64 {
    of.iter().map(|skip| skips.of(*skip).packets).sum()
}

/// A line for these, if there are any.
pub(super) fn pieces(skips: &Skips) -> Option<String> {
    let counts = PIECES.iter().map(|(words, of)| (words, packets_of(skips, of)));
    let cells: Vec<String> = counts
        .filter(|(_, packets)| *packets > 0)
        .map(|(words, packets)| format!("{words} {}", grouped(packets)))
        .collect();
    (!cells.is_empty()).then(|| cells.join(", "))
}

/// What to do about it: the most frequent port that may carry DNS, if it was not asked for; or the fragments that are missing.
pub(super) fn remedy(seen: &Seen, skips: &Skips) -> Option<String> {
    remedy_for_ports(seen).or_else(|| {
        let has_fragments = PIECES.iter().any(|(words, of)| *words == FRAGMENTS && packets_of(skips, of) > 0);
        has_fragments.then(|| {
            "a capture filter on ports takes only the first fragment of each datagram: \
             add 'or (ip[6:2] & 0x1fff != 0) or (ip6[6] = 44)' to it"
                .to_owned()
        })
    })
}

fn remedy_for_ports(seen: &Seen) -> Option<String> {
    let ports =
        [&seen.udp_ports, &seen.tcp_ports].into_iter().flat_map(|tally| tally.most_frequent(SHOWN_MAX));
    let ports: Vec<u16> = ports.map(|(port, _)| port).collect();
    let known = ports.iter().find(|port| name_in(DNS_PORTS, **port).is_some());
    let unnamed = || ports.iter().find(|port| port_name(**port).is_none());
    if let Some(port) = known {
        return Some(format!("to read what is on port {port}, add --port {port}"));
    }
    if let Some(port) = unnamed() {
        return Some(format!("if port {port} carries DNS, add --port {port}"));
    }
    let encrypted = ports.iter().find(|port| matches!(port, 443 | 853))?;
    Some(format!("what is on port {encrypted} is encrypted; capture behind the resolver, where it is not"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_once_and_in_order() {
        for table in [LINKTYPES, ETHERTYPES, PROTOCOLS, DNS_PORTS, OTHER_PORTS] {
            assert!(table.is_sorted_by(|before, behind| before.0 < behind.0));
        }
    }
}
