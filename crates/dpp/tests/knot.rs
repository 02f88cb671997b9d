//! Datagrams of Knot DNS through the whole engine: what columns say of them, and that they say nothing that is not there.

#[allow(dead_code, reason = "files are asked about elsewhere")]
#[path = "columns/asked.rs"]
mod asked;

use asked::{Row, rows_live};
use dpp::capture::Record;
use dpp::packet::Skip;
use std::collections::BTreeSet;

const CLIENT: [u8; 4] = [192, 0, 2, 1];
const SERVER: [u8; 4] = [192, 0, 2, 53];

/// A datagram about `www.Example.`, type AAAA: of zeros, with this name and these bytes at these places.
fn datagram(parts: &[(usize, &[u8])]) -> Vec<u8> {
    let name = b"\x03www\x07Example\0";
    let mut bytes = vec![0; 89 + name.len()];
    let all = [
        (0, &[4, 0][..]),
        (2, &SERVER),
        (18, &53_u16.to_le_bytes()),
        (20, &CLIENT),
        (36, &40_000_u16.to_le_bytes()),
        (54, &[0xFF; 2]),
        (68, b"\x12\x34\x01\x10\0\x01\0\0\0\0\0\0"),
        (80, &[29, 0, 1, 0, 28, 0]),
        (86, &[name.len() as u8]),
        (87, name),
    ];
    all.iter().chain(parts).for_each(|(at, part)| bytes[*at..at + part.len()].copy_from_slice(part));
    bytes
}

/// The header, size and response code of a reply.
const REPLY: (usize, &[u8]) = (38, b"\x12\x34\x85\x00\0\x01\0\x02\0\0\0\x01\x90\x00\x00\x00");
/// Options 3, 8, 10 and 12, 1232 octets, version 0, DO.
const OPT: (usize, &[u8]) = (60, b"\x08\x15\0\0\xD0\x04\x00\x03");

fn rows(told: &[&[u8]]) -> Vec<Row> {
    rows_live(Record::KNOT, told, 1).0
}

/// The row of a datagram with these parts says this.
fn check(parts: &[(usize, &[u8])], expected: &[(&str, &str)]) {
    let rows = rows(&[&datagram(parts)]);
    let told: Vec<_> = expected.iter().map(|(name, _)| (*name, &rows[0][name][..])).collect();
    assert_eq!((told, rows.len()), (expected.to_vec(), 1));
}

#[test]
fn a_query_and_its_reply_are_a_row() {
    check(
        &[REPLY, OPT],
        &[
            ("query_time", "1000000000"),
            ("src_ip", "192.0.2.1"),
            ("src_port", "40000"),
            ("dst_ip", "192.0.2.53"),
            ("dst_port", "53"),
            ("transport", "udp"),
            ("id", "4660"),
            ("qname", "www.Example"),
            ("qtype", "28"),
            ("qclass", "1"),
            ("match", "matched"),
            ("rcode", "0"),
            ("aa", "true"),
            ("q_rd", "true"),
            ("q_cd", "true"),
            ("cd", "false"),
            ("ancount", "2"),
            ("arcount", "1"),
            ("q_arcount", "0"),
            ("query_size", "29"),
            ("response_size", "144"),
            ("edns_version", "0"),
            ("edns_udp_size", "1232"),
            ("edns_do", "true"),
            ("edns_options", "[3, 8, 10, 12]"),
            ("dnstap_role", "AUTH"),
        ],
    );
}

#[test]
fn what_the_datagram_does_not_say_nobody_makes_up() {
    let unknown = [
        "response_time",
        "rtt_ns",
        "answers",
        "answer_a",
        "answer_aaaa",
        "additional",
        "response_edns_version",
        "response_edns_udp_size",
        "response_edns_do",
        "response_edns_options",
        "cookie_client",
        "cookie_server",
        "padding",
        "ecs",
        "nsid",
        "ede",
        "tcp_rtt_ns",
        "ip_ttl",
        "query_ip_length",
        "parse_error",
    ];
    check(&[REPLY, OPT], &unknown.map(|column| (column, "-")));
}

#[test]
fn a_query_without_a_reply_was_not_answered() {
    check(&[], &[("match", "no_response"), ("response_size", "-"), ("rcode", "-"), ("edns_version", "-")]);
}

#[test]
fn response_codes_come_with_their_extension_and_error() {
    let badvers = (50, &b"\x0C\x00\x10\x00"[..]);
    let error = (54, &b"\x12\x00"[..]);
    check(&[REPLY, badvers, error], &[("rcode", "16"), ("ede", "[18]"), ("ede_text", "-")]);
    check(&[REPLY, error], &[("response_edns_options", "-"), ("nsid", "-")]);
}

#[test]
fn what_carried_it_is_told() {
    for (number, name) in [(0, "udp"), (1, "tcp"), (2, "doq"), (3, "dot"), (4, "doh"), (9, "-")] {
        check(&[(1, &[number])], &[("transport", name)]);
    }
    check(&[REPLY, (1, &[1]), (56, &[0x10, 0x27, 0, 0])], &[("tcp_rtt_ns", "10000000"), ("rtt_ns", "-")]);
}

#[test]
fn addresses_may_be_longer_or_unknown() {
    let [client, server] = [1, 2].map(|last| [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    check(
        &[(0, &[6]), (2, &server), (20, &client)],
        &[("src_ip", "2001:db8::1"), ("dst_ip", "2001:db8::2"), ("ip_version", "6")],
    );
    let on_a_unix_socket = [(0, &[0][..]), (2, &[0; 18]), (20, &[0; 18])];
    let none = ["src_ip", "src_port", "dst_ip", "dst_port", "ip_version"].map(|column| (column, "-"));
    check(&on_a_unix_socket, &none);
    check(&[(2, &[0; 4])], &[("dst_ip", "-"), ("dst_port", "53"), ("src_ip", "192.0.2.1")]);
}

#[test]
fn messages_are_put_together_of_what_is_known() {
    check(
        &[REPLY, OPT, (54, b"\x12\x00")],
        &[
            (
                "query_wire",
                "1234011000010000000000010377777707457861\
                 6d706c6500001c0001000029\
                 04d000008000001000030000000800000\
                 00a0000000c0000",
            ),
            (
                "response_wire",
                "12348500000100000000000103777777074578616d706c6500001c00010000290000000000000006000f00020012",
            ),
        ],
    );
}

#[test]
fn a_query_that_asks_nothing_is_a_row_only_if_such_are_wanted() {
    // All columns are asked for, so it is.
    let nothing = (68, &b"\x12\x34\x01\x10\0\0"[..]);
    check(&[nothing, (84, &[0, 0])], &[("qname", "-"), ("qtype", "-"), ("qclass", "-"), ("id", "4660")]);
}

#[test]
fn what_is_no_datagram_of_knot_is_skipped_and_counted() {
    let good = datagram(&[REPLY]);
    let told = [
        &good[..],
        b"",
        b"GET / HTTP/1.1",
        &good[..99],
        &datagram(&[(87, &[77])]),
        &datagram(&[(0, &[5])]),
        &good,
    ];
    let (rows, totals) = rows_live(Record::KNOT, &told, 3);
    assert_eq!((rows.len(), totals.skips.of(Skip::KnotMalformed).packets), (2, 5));
    assert_eq!((totals.read.packets, totals.used.packets, totals.messages), (7, 2, 4));
}

#[test]
fn equal_queries_are_rows_of_their_own_however_they_come() {
    let good = datagram(&[REPLY]);
    let told: Vec<&[u8]> = (0..20).map(|_| &good[..]).collect();
    let expected = rows(&told);
    assert_eq!(expected.iter().map(|row| &row["frame_query"][..]).collect::<BTreeSet<_>>().len(), 20);
    for at_once in [2, 3, 7, 100] {
        assert_eq!(rows_live(Record::KNOT, &told, at_once).0, expected);
    }
}
