//! What columns say of messages: a few of them, in bytes, through the whole engine, and the values as text.
//!
//! A case is an exchange, carried by packets or told by the frames of a server, and what some columns of its first row must
//! say. Every column is asked in both ways that sinks ask, whatever the case is about, and must say the same, of its kind.

#[allow(dead_code, reason = "what comes live is asked about elsewhere")]
mod asked;

use asked::{capture_of, rows, stream_of};
use dpp::dnstap::{Dnstap, Message, MessageType, Policy, Time};
use dpp::table::{ALIASES, COLUMNS, Column, Kind, Schema};
use std::collections::BTreeSet;

/// The first row of an input says this.
fn check_input(input: &[u8], expected: &[(&str, &str)]) {
    let rows = rows(input);
    let told: Vec<_> = expected.iter().map(|(name, _)| (*name, &rows[0][name][..])).collect();
    assert_eq!(told, expected);
}

/// The row of these messages, each in a packet of its own, says this.
fn check(messages: &[&[u8]], expected: &[(&str, &str)]) {
    check_input(&capture_of(messages), expected);
}

/// A message about `a.`, type A, with these flags, counts of records and records.
fn message(flags: u16, counts: [u16; 3], records: &[&[u8]]) -> Vec<u8> {
    let [answers, authorities, additionals] = counts;
    let header = [0x1234, flags, 1, answers, authorities, additionals].map(u16::to_be_bytes).concat();
    [&header[..], b"\x01a\0\0\x01\0\x01", &records.concat()].concat()
}

/// An OPT record with these options.
fn opt(options: &[(u16, &[u8])]) -> Vec<u8> {
    let option = |(code, data): &(u16, &[u8])| {
        [&code.to_be_bytes()[..], &(data.len() as u16).to_be_bytes(), data].concat()
    };
    let options: Vec<u8> = options.iter().flat_map(option).collect();
    [b"\0\0\x29\x04\xD0\0\0\x80\0", &(options.len() as u16).to_be_bytes()[..], &options].concat()
}

fn query(options: &[(u16, &[u8])]) -> Vec<u8> {
    message(0x0100, [0, 0, 1], &[&opt(options)])
}

fn response(options: &[(u16, &[u8])]) -> Vec<u8> {
    message(0x8180, [0, 0, 1], &[&opt(options)])
}

const PLAIN_QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
const CNAME: &[u8] = b"\xC0\x0C\0\x05\0\x01\0\0\x0E\x10\0\x04\x01b\xC0\x0C";
const A: &[u8] = b"\xC0\x1F\0\x01\0\x01\0\0\0\x3C\0\x04\xC0\0\x02\x63";
const A_AGAIN: &[u8] = b"\xC0\x1F\0\x01\0\x01\0\0\0\x3D\0\x04\xC0\0\x02\x64";
const AAAA: &[u8] = b"\xC0\x1F\0\x1C\0\x01\0\0\0\x3E\0\x10\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01";
const NS: &[u8] = b"\0\0\x02\0\x01\0\0\0\x05\0\x02\xC0\x0C";
const MX: &[u8] = b"\xC0\x0C\0\x0F\0\x01\0\0\0\x05\0\x04\0\x0A\xC0\x0C";

#[test]
fn codes_have_names_and_those_without_have_their_numbers() {
    check(
        &[PLAIN_QUERY, &message(0x8183, [0; 3], &[])],
        &[
            ("qtype_name", "A"),
            ("qclass_name", "IN"),
            ("opcode_name", "QUERY"),
            ("rcode", "3"),
            ("rcode_name", "NXDOMAIN"),
        ],
    );
    let query = b"\x12\x34\x18\0\0\x01\0\0\0\0\0\0\x01a\0\x02\xDB\0\x09";
    let names = [
        ("qtype_name", "TYPE731"),
        ("qclass_name", "CLASS9"),
        ("opcode_name", "OPCODE3"),
        ("rcode", "-"),
        ("rcode_name", "-"),
    ];
    check(&[query], &names);
    let answer = b"\x12\x34\x98\x0F\0\x01\0\0\0\0\0\x01\x01a\0\x02\xDB\0\x09\0\0\x29\x04\xD0\xFF\0\0\0\0\0";
    check(&[query, answer], &[("rcode", "4095"), ("rcode_name", "RCODE4095")]);
}

#[test]
fn what_was_cut_off_a_question_is_not_told() {
    let unread = [("qtype", "-"), ("qtype_name", "-"), ("query_type", "-"), ("zeek.qtype", "-")];
    let unread_class = [
        ("qclass", "-"),
        ("qclass_name", "-"),
        ("zeek.qclass", "-"),
        ("zeek.qclass_name", "-"),
        ("packetq.qclass", "-"),
        ("dns-collector.dns.qclass", "-"),
        ("ecs.dns.question.class", "-"),
    ];
    for length in [19, 20] {
        check(&[&PLAIN_QUERY[..length - 4]], &[&unread[..], &unread_class].concat());
    }
    for length in [17, 18] {
        check(&[&PLAIN_QUERY[..length]], &[&[("qname", "a"), ("qtype", "1")][..], &unread_class].concat());
    }
}

#[test]
fn sixteen_has_the_name_of_its_registry() {
    let tsig = b"\0\0\xFA\0\xFF\0\0\0\0\0\x13\x01h\0\0\0\0\0\0\0\0\0\0\0\x12\x34\0\x10\0\0";
    let response_by = |record: &[u8]| message(0x8189, [0, 0, 1], &[record]);
    check(&[PLAIN_QUERY, &response_by(tsig)], &[("rcode", "16"), ("rcode_name", "BADSIG")]);
    let badvers = message(0x8180, [0, 0, 1], &[b"\0\0\x29\x04\xD0\x01\0\0\0\0\0"]);
    check(&[PLAIN_QUERY, &badvers], &[("rcode", "16"), ("rcode_name", "BADVERS")]);
}

#[test]
fn options_of_the_query_are_told() {
    let options: &[(u16, &[u8])] = &[
        (8, b"\0\x01\x18\0\xC0\0\x02"),
        (3, b""),
        (10, b"abcdefgh"),
        (12, b"\0\0\0"),
        (14, b"\x4F\x66\x9A\x5F"),
        (5, b"\x08\x0D"),
        (65001, b"?"),
    ];
    check(
        &[&query(options), &response(&[])],
        &[
            ("edns_options", "[8, 3, 10, 12, 14, 5, 65001]"),
            ("response_edns_options", "[]"),
            ("ecs", "192.0.2.0/24"),
            ("ecs_scope", "-"),
            ("nsid", "-"),
            ("cookie_client", "true"),
            ("cookie_server", "false"),
            ("padding", "3"),
            ("response_padding", "-"),
            ("edns_key_tags", "[20326, 39519]"),
            ("edns_dau", "[8, 13]"),
            ("edns_dhu", "-"),
        ],
    );
    let subnet = |data: &[u8], ecs: &str| check(&[&query(&[(8, data)])], &[("ecs", ecs)]);
    subnet(b"\0\x02\x38\0\x20\x01\x0D\xB8\0\0\x01", "2001:db8:0:100::/56");
    subnet(b"\0\0\0\0", "0.0.0.0/0");
    subnet(b"\0\x01\x18\0\xC0\0", "-");
}

#[test]
fn options_of_the_response_are_told() {
    let options: &[(u16, &[u8])] = &[
        (15, b"\0\x16"),
        (15, b"\0\x17no \\ answer\n \xC3\xA9\0"),
        (15, b"?"),
        (3, b"gpdns-\xFFlga\\"),
        (8, b"\0\x01\x18\x10\xC0\0\x02"),
        (11, b"\x01\x2C"),
        (12, b""),
    ];
    check(
        &[&query(&[]), &response(options)],
        &[
            ("edns_options", "[]"),
            ("response_edns_options", "[15, 15, 15, 3, 8, 11, 12]"),
            ("ede", "[22, 23]"),
            ("ede_text", "no \\\\ answer\\010 é"),
            ("nsid", "gpdns-\\255lga\\\\"),
            ("ecs", "-"),
            ("ecs_scope", "16"),
            ("keepalive", "300"),
            ("padding", "-"),
            ("response_padding", "0"),
        ],
    );
}

#[test]
fn without_an_opt_record_there_are_no_options_and_a_cookie_is_known_to_be_none() {
    check(
        &[PLAIN_QUERY, &message(0x8180, [0; 3], &[])],
        &[
            ("edns_options", "-"),
            ("response_edns_options", "-"),
            ("ecs", "-"),
            ("ede", "-"),
            ("ede_text", "-"),
            ("cookie_client", "false"),
            ("cookie_server", "false"),
        ],
    );
    let cookie = |data: &[u8], client: &str, server: &str| {
        check(&[&query(&[(10, data)])], &[("cookie_client", client), ("cookie_server", server)]);
    };
    cookie(b"abcdefghABCDEFGH", "true", "true");
    cookie(b"abcdefghA", "false", "false");
}

#[test]
fn sections_are_lists_without_the_opt_record() {
    let sections = [CNAME, A, A_AGAIN, AAAA, NS, &opt(&[]), MX];
    check(
        &[PLAIN_QUERY, &message(0x8180, [4, 1, 2], &sections)],
        &[
            (
                "answers",
                "[a 3600 IN CNAME b.a.; b.a 60 IN A 192.0.2.99; b.a 61 IN A 192.0.2.100; b.a 62 IN AAAA 2001:db8::1]",
            ),
            ("authority", "[. 5 IN NS a.]"),
            ("additional", "[a 5 IN MX 10 a.]"),
            ("answer_a", "192.0.2.99"),
            ("answer_aaaa", "2001:db8::1"),
            ("answer_cname", "b.a"),
            ("answer_cnames", "[b.a]"),
            ("answer_ttl_min", "60"),
            ("query_answers", "[]"),
        ],
    );
}

#[test]
fn an_empty_section_is_an_empty_list_and_without_a_response_there_is_none() {
    let lists = |list| ["answers", "authority", "additional", "answer_cnames"].map(|name| (name, list));
    check(&[PLAIN_QUERY, &message(0x8180, [0; 3], &[])], &lists("[]"));
    check(&[PLAIN_QUERY], &lists("-"));
    check(&[PLAIN_QUERY], &["answer_a", "answer_cname", "answer_ttl_min"].map(|name| (name, "-")));
    check(&[PLAIN_QUERY, &message(0x8180, [0, 0, 1], &[&opt(&[])])], &[("additional", "[]")]);
}

#[test]
fn a_damaged_section_has_what_is_before_the_damage_and_those_behind_are_unknown() {
    check(
        &[PLAIN_QUERY, &message(0x8180, [2, 0, 1], &[CNAME, &A[..15]])],
        &[
            ("answers", "[a 3600 IN CNAME b.a.]"),
            ("authority", "[]"),
            ("additional", "-"),
            ("ancount", "2"),
            ("answer_a", "-"),
            ("answer_ttl_min", "3600"),
        ],
    );
    check(&[PLAIN_QUERY, &message(0x8180, [1, 1, 0], &[&A[..15]])], &[("answers", "-"), ("authority", "-")]);
}

#[test]
fn a_record_of_no_known_type_or_class_and_one_without_a_readable_owner_are_in_the_list() {
    let unknown = b"\xC0\x0C\x02\xDB\0\x09\0\0\0\0\0\x02\x01\x02";
    let loops = b"\xC0\x21\0\x01\0\x01\0\0\0\x01\0\x04\xC0\0\x02\x01";
    check(
        &[PLAIN_QUERY, &message(0x8180, [2, 0, 0], &[unknown, loops])],
        &[("answers", "[a 0 CLASS9 TYPE731 \\# 2 0102;  1 IN A 192.0.2.1]")],
    );
}

#[test]
fn an_update_and_a_transfer_have_records_in_the_query() {
    let soa = b"\xC0\x0C\0\x06\0\x01\0\0\0\0\0\x18\xC0\x0C\xC0\x0C\0\0\0\x07\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04";
    check(
        &[&message(0x2800, [0, 1, 1], &[soa, &opt(&[])])],
        &[
            ("opcode_name", "UPDATE"),
            ("query_answers", "[]"),
            ("query_authority", "[a 0 IN SOA a. a. 7 1 2 3 4]"),
            ("query_additional", "[]"),
        ],
    );
}

#[test]
fn names_made_long_by_compression_do_not_make_a_list_without_bounds() {
    // A name of 250 octets that cannot be seen, four characters each, for records of 16 octets.
    let label = [&b"\x32"[..], &[7; 50]].concat();
    let long = [&label.repeat(4)[..], b"\0\0\x01\0\x01\0\0\0\0\0\x04\xC0\0\x02\x01"].concat();
    let record = [&b"\xC0\x13"[..], &A[2..]].concat();
    let records: Vec<u8> = [&long[..], &record.repeat(3000)].concat();
    let answer = message(0x8180, [3001, 0, 0], &[&records]);
    let frame = Dnstap::new(Message { response_message: Some(&answer), ..told(6) });
    let rows = rows(&stream(&[frame]));
    let answers = &rows[0]["answers"];
    assert!(answers.len() > 1_000_000 && answers.len() < 1_200_000, "{}", answers.len());
    assert_eq!(rows[0]["ancount"], "3001");
}

#[test]
fn a_response_that_nobody_asked_for_has_answers_and_no_query() {
    check(
        &[&message(0x8180, [1, 0, 0], &[CNAME])],
        &[
            ("match", "no_query"),
            ("answer_cname", "b.a"),
            ("edns_options", "-"),
            ("cookie_client", "-"),
            ("query_answers", "-"),
            ("opcode_name", "QUERY"),
        ],
    );
}

/// A message of a frame, its type and addresses.
fn told(kind: u32) -> Message<'static> {
    Message {
        socket_family: Some(1),
        socket_protocol: Some(1),
        query_address: Some(b"\xC0\0\x02\x01"),
        response_address: Some(b"\xC0\0\x02\x02"),
        query_port: Some(40000),
        response_port: Some(53),
        query_time: Time::new(1, 0),
        ..Message::new(MessageType(kind))
    }
}

/// A stream of these frames.
fn stream(told: &[Dnstap]) -> Vec<u8> {
    let written = |frame: &Dnstap| {
        let mut bytes = Vec::new();
        frame.write(&mut bytes);
        bytes
    };
    stream_of(&told.iter().map(written).collect::<Vec<_>>())
}

#[test]
fn a_frame_says_who_tells_it_and_what_a_policy_did() {
    let answer = message(0x8183, [0; 3], &[]);
    let asked = Dnstap {
        identity: Some(b"ns1"),
        version: Some(b"knot \x00\\"),
        ..Dnstap::new(Message { query_message: Some(PLAIN_QUERY), ..told(5) })
    };
    let policy = Policy {
        kind: Some(b"RPZ"),
        rule: Some(b"\x01a\x03rpz\0"),
        action: Some(1),
        matched: Some(2),
        value: Some(b"\xC0\0\x02\x01"),
    };
    let answered = Message {
        response_message: Some(&answer),
        response_time: Time::new(1, 5),
        query_zone: Some(b"\0"),
        policy: Some(policy),
        socket_protocol: Some(1),
        http_protocol: Some(2),
        ..told(6)
    };
    let answered = Dnstap { identity: Some(b"other"), extra: Some(b"rtt=5\n"), ..Dnstap::new(answered) };
    check_input(
        &stream(&[asked, answered]),
        &[
            ("match", "matched"),
            ("dnstap_role", "CLIENT"),
            ("dnstap_type", "CLIENT_QUERY"),
            ("dnstap_identity", "ns1"),
            ("dnstap_version", "knot \\000\\\\"),
            ("dnstap_socket_protocol", "UDP"),
            ("dnstap_http_protocol", "HTTP2"),
            ("dnstap_zone", "."),
            ("dnstap_policy_type", "RPZ"),
            ("dnstap_policy_rule", "a.rpz"),
            ("dnstap_policy_action", "NXDOMAIN"),
            ("dnstap_policy_match", "CLIENT_IP"),
            ("dnstap_policy_value", "192.0.2.1"),
            ("dnstap_extra", "rtt=5\\010"),
        ],
    );
}

#[test]
fn numbers_that_dnstap_has_no_word_for_pass_through() {
    let policy = Policy {
        rule: Some(b"1.2.3"),
        action: Some(99),
        matched: Some(0),
        value: Some(b"\xFF"),
        ..Policy::default()
    };
    let asked = Message {
        query_message: Some(PLAIN_QUERY),
        socket_protocol: Some(12),
        http_protocol: Some(4),
        query_zone: Some(b"\xC0\0"),
        policy: Some(policy),
        ..told(21)
    };
    check_input(
        &stream(&[Dnstap::new(asked)]),
        &[
            ("transport", "-"),
            ("dnstap_role", "11"),
            ("dnstap_type", "21"),
            ("dnstap_identity", "-"),
            ("dnstap_socket_protocol", "12"),
            ("dnstap_http_protocol", "4"),
            ("dnstap_zone", "-"),
            ("dnstap_policy_type", "-"),
            ("dnstap_policy_rule", "1.2.3"),
            ("dnstap_policy_action", "99"),
            ("dnstap_policy_match", "0"),
            ("dnstap_policy_value", "\\255"),
        ],
    );
}

#[test]
fn packets_have_no_frame() {
    let names = COLUMNS.iter().map(|entry| entry.name).filter(|name| name.starts_with("dnstap"));
    let expected: Vec<_> = names.map(|name| (name, "-")).collect();
    assert_eq!(expected.len(), 13);
    check(&[PLAIN_QUERY, &message(0x8180, [0; 3], &[])], &expected);
}

#[test]
fn of_a_query_that_only_its_response_tells_of_nothing_is_made_up() {
    let answer = message(0x8180, [1, 0, 1], &[CNAME, &opt(&[])]);
    let answered = Message { response_message: Some(&answer), response_time: Time::new(1, 7), ..told(4) };
    check_input(
        &stream(&[Dnstap { identity: Some(b"x"), ..Dnstap::new(answered) }]),
        &[
            ("match", "matched"),
            ("rtt_ns", "7"),
            ("qname", "a"),
            ("qtype_name", "A"),
            ("opcode_name", "QUERY"),
            ("id", "4660"),
            ("q_rd", "-"),
            ("q_qdcount", "-"),
            ("query_size", "-"),
            ("query_wire", "-"),
            ("query_answers", "-"),
            ("edns_version", "-"),
            ("edns_options", "-"),
            ("cookie_client", "-"),
            ("padding", "-"),
            ("rd", "true"),
            ("response_edns_options", "[]"),
            ("answer_cname", "b.a"),
            ("dnstap_role", "RESOLVER"),
            ("dnstap_type", "RESOLVER_RESPONSE"),
            ("dnstap_identity", "x"),
        ],
    );
}

#[test]
fn a_query_that_its_response_repeats_is_told_as_if_it_had_a_frame() {
    let (asked, answer) = (query(&[(12, b"\0\0")]), message(0x8180, [0; 3], &[]));
    let answered = Message {
        query_message: Some(&asked),
        response_message: Some(&answer),
        response_time: Time::new(1, 7),
        ..told(4)
    };
    let wire: String = asked.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = [("q_rd", "true"), ("padding", "2"), ("query_wire", &wire), ("cookie_client", "false")];
    check_input(&stream(&[Dnstap::new(answered)]), &expected);
}

#[test]
fn a_frame_without_a_time_is_not_dated() {
    let asked = Message { query_message: Some(PLAIN_QUERY), query_time: None, ..told(5) };
    let expected = [("query_time", "-"), ("request_timestamp", "-"), ("qname", "a"), ("rtt_ns", "-")];
    check_input(&stream(&[Dnstap::new(asked)]), &expected);
}

#[test]
fn names_of_columns_and_aliases_are_all_different() {
    let names: Vec<_> =
        COLUMNS.iter().map(|entry| entry.name).chain(ALIASES.iter().map(|alias| alias.0)).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert!(names.iter().all(|name| Column::named(name).is_some()));
}

#[test]
fn the_full_schema_has_scalars_first_and_no_bytes_of_messages() {
    let kinds: Vec<_> = Schema::full().fields().iter().map(|field| field.kind()).collect();
    assert!(!kinds.contains(&Kind::Bytes));
    let lists = kinds.iter().position(|kind| *kind == Kind::Records).expect("there are lists");
    assert!(kinds[lists..].iter().all(|kind| *kind == Kind::Records));
}
