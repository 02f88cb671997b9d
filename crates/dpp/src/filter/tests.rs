//! Expressions, the rows that meet them, and what is said of those that are none.

use super::*;
use crate::dns::Question;
use crate::table::{ALIASES, COLUMNS};
use crate::transaction::{Arrival, Facts, Part, Seldom, Side, State, Transport};
// Named as users name it: the room itself knows no packets, only its rows here are made of some.
use dpp::packet::{Addresses, Flow, Outer};

/// 2023-11-14T22:13:20Z.
const THEN_NS: i64 = 1_700_000_000_000_000_000;

/// An answered query over UDP and IPv4 for `WWW.Example.com`, an unanswered one over TCP and IPv6 for the root, and one whose
/// question cannot be read.
struct Rows(Part);

const NAMES: [&str; 3] = ["answered", "unanswered", "unreadable"];

impl Rows {
    fn new() -> Rows {
        let mut part = Part::default();
        let arrival = Arrival { time_ns: THEN_NS, before_ns: THEN_NS, after_ns: THEN_NS, packet: 0 };
        let v4 = Addresses::V4 { source: &[192, 0, 2, 1], destination: &[198, 51, 100, 53] };
        let v6 = (
            std::net::Ipv6Addr::LOCALHOST.octets(),
            "2001:db8::53".parse::<std::net::Ipv6Addr>().unwrap().octets(),
        );
        let v6 = Addresses::V6 { source: &v6.0, destination: &v6.1 };
        let outer = Outer { vlans: [7, 9, 0, 0], vlan_count: 2, hop_limit: 64, ..Outer::default() };
        let mut push =
            |addresses, transport, id, state, rcode, question: Option<Question>, own: Side, answer| {
                let flow = Flow { addresses, source_port: 40_000 + id, destination_port: 53 };
                let tuple = Tuple::of(&flow, transport, id, false);
                part.push(&arrival, state, rcode, (&tuple, 0), question.as_ref());
                let mut own = own;
                if id == 1 {
                    part.add_seldom(&mut own, &Seldom { outer, ..Seldom::default() });
                }
                part.describe(Facts { own, ..Facts::default() }, answer);
            };
        let name = b"\x03WWW\x07Example\x03com\0";
        let asked = Question { name, qtype: 28, qclass: 1 };
        let own = Side { hop_limit: 64, length: 33, flags: 0x0100, ..Side::default() };
        let answer = Side { length: 120, flags: 0x8500, counts: [1, 2, 0, 1], ..Side::default() };
        push(v4, Transport::Udp, 1, State::Matched, 3, Some(asked), own, Some(answer));
        let own = Side { flags: 5 << 11, ..Side::default() };
        let root = Question { name: b"\0", qtype: 65280, qclass: 3 };
        push(v6, Transport::Tcp, 2, State::TimedOut, 0, Some(root), own, None);
        let own = Side { lacks: Lacks::TYPE.and(Lacks::CLASS).and(Lacks::NAME), ..Side::default() };
        push(v4, Transport::Udp, 3, State::TimedOut, 0, None, own, None);
        part.events[0].rtt_ns = 1_500_000;
        Rows(part)
    }

    /// Which rows meet a condition.
    fn of(&self, filter: &Filter) -> Vec<&'static str> {
        let (context, mut scratch) = (Context::default(), Scratch::default());
        let mut passes = |row: usize| filter.passes(&Transaction::new(&self.0, row), &context, &mut scratch);
        (0..NAMES.len()).filter(|&row| passes(row)).map(|row| NAMES[row]).collect()
    }
}

fn parse(text: &str) -> Result<Filter, Error> {
    Filter::parse(text, &|word| {
        if word == "qnam" { "; did you mean 'qname'?".to_owned() } else { String::new() }
    })
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let filter = parse(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    assert_eq!(Rows::new().of(&filter), expected, "{text}");
}

#[track_caller]
fn check_each(texts: &[&str], expected: &[&str]) {
    texts.iter().for_each(|text| check(text, expected));
}

const ALL: &[&str] = &NAMES;
const ANSWERED: &[&str] = &["answered"];
const UNANSWERED: &[&str] = &["unanswered"];
const UNREADABLE: &[&str] = &["unreadable"];
const READABLE: &[&str] = &["answered", "unanswered"];
const V4: &[&str] = &["answered", "unreadable"];

#[test]
fn numbers_are_compared() {
    check_each(&["dst_port = 53", "dst_port == '53'", "dst_port>52", "dst_port >= 53 and dst_port<=53"], ALL);
    check_each(&["dst_port != 53", "dst_port <> 53", "dst_port < 53", "dst_port > 99999"], &[]);
    check_each(
        &["src_port in (40001, 40009)", "id < 2", "query_size=33", "udp.dstport = 53 and dns.id = 1"],
        ANSWERED,
    );
    check_each(&["src_port not in (40001,40003)", "id > 1 and id < 3"], UNANSWERED);
    check("id > -5", ALL);
    check("qname_entropy > 2.5", ANSWERED);
    check_each(&["qname_entropy = 0", "qname_entropy < 0.5", "qname_entropy <= -0.0"], UNANSWERED);
}

#[test]
fn code_points_have_names() {
    check_each(
        &["qtype = AAAA", "qtype = aaaa", "qtype = 28", "qtype = TYPE28", "qtype in (A, 'AAAA')"],
        ANSWERED,
    );
    check_each(&["qtype = TYPE65280", "qclass = CH", "opcode = UPDATE"], UNANSWERED);
    check_each(
        &[
            "rcode = NXDOMAIN",
            "rcode != NOERROR",
            "query_type = AAAA",
            "response_code = 'non-existent domain'",
        ],
        ANSWERED,
    );
}

#[test]
fn addresses_lie_in_prefixes() {
    check_each(&["src_ip = 192.0.2.1", "src_ip in 192.0.2.0/24", "ip.src in (10.0.0.0/8, 192.0.2.1/31)"], V4);
    check_each(&["src_ip in 0.0.0.0/0", "ip_version = 4", "dst_ip = '198.51.100.53'"], V4);
    check_each(
        &["src_ip = ::1", "src_ip in ::/0", "src_ip not in 192.0.2.0/24", "src_ip != 192.0.2.1"],
        UNANSWERED,
    );
    check_each(&["dst_ip in 2001:db8::/32", "dst_ip in (2001:db8::53/128)"], UNANSWERED);
    check_each(&["src_ip in 192.0.2.0/32", "src_ip in ::/128", "src_ip in ::ffff:192.0.2.1/96"], &[]);
}

#[test]
fn names_know_no_case_and_no_final_dot() {
    check_each(
        &["qname = www.example.com", "qname = 'WWW.EXAMPLE.COM.'", "name in (a, www.example.com)"],
        ANSWERED,
    );
    check_each(
        &[
            "qname under example.com",
            "qname under Com.",
            "qname under www.example.com",
            "qname under (net, com)",
        ],
        ANSWERED,
    );
    check_each(
        &[
            "qname = .",
            "qname != www.example.com",
            "qname not under com",
            "qname not in (a.b, www.example.com)",
        ],
        UNANSWERED,
    );
    check_each(
        &[
            "qname under ample.com",
            "qname = example.com",
            "qname under x.www.example.com",
            r"qname = www\.example.com",
        ],
        &[],
    );
    check_each(
        &["qname under .", r"qname = . or qname = \127\127w.example.com or qname under \143om"],
        READABLE,
    );
    check_each(
        &["qname like '*.example.*'", "qname like WWW.*", "qname like 'www.exampl?.com'", "qname ~ '^www'"],
        ANSWERED,
    );
    check_each(
        &["qname like 'www'", "qname like '*.exampl?'", "qname ~ 'www$'", "qname like 'www.example?com?'"],
        &[],
    );
    check_each(&["qname !~ 'example'", "qname not like '*example*'"], UNANSWERED);
}

#[test]
fn words_know_no_case_and_texts_do() {
    check_each(&["transport = udp", "transport = 'UDP'", "transport ~ '^u'", "transport in (UDP, dot)"], V4);
    check_each(&["match = matched", "match like 'Match*'"], ANSWERED);
    check_each(&["input = a", "tunnel = gre"], &[]);
}

#[test]
fn times_and_spans_have_units() {
    check_each(
        &[
            "rtt_ns = 1.5ms",
            "rtt_ns = 1500us",
            "rtt_ns = 1500000",
            "rtt_ns < 1s",
            "rtt_ns >= '1.5 ms'",
            "rtt_ns < 1h",
        ],
        ANSWERED,
    );
    check_each(&["rtt_ns > 1.5ms", "rtt_ns < 0.1us"], &[]);
    check_each(
        &[
            "query_time = 2023-11-14T22:13:20Z",
            "query_time = '2023-11-14 22:13:20'",
            "query_time < 2023-11-15",
        ],
        ALL,
    );
    check_each(&["query_time = 2023-11-15T00:13:20+02:00", "query_time = 2023-11-14T20:13:20-02:00"], ALL);
    check_each(
        &[
            "query_time = 1700000000",
            "query_time <= 2023-11-14T22:13:20.000000000Z",
            "query_time > 2023-11-14T22:13",
        ],
        ALL,
    );
    check_each(
        &["request_timestamp = 2023-11-14T22:13:20.0Z", "query_time >= 1969-12-31 and query_time > -1"],
        ALL,
    );
    check_each(&["query_time > 2023-11-14T22:13:20Z", "query_time < 2000-02-29T23:59:60Z"], &[]);
    check("response_time = 2023-11-14T22:13:20.0015Z", ANSWERED);
}

#[test]
fn flags_stand_alone() {
    check_each(&["aa", "aa = true", "aa != false", "(q_rd and aa)", "not tc"], ANSWERED);
    check_each(&["not q_rd", "q_rd = FALSE"], &["unanswered", "unreadable"]);
    check_each(&["not aa", "tc"], &[]);
}

#[test]
fn a_list_has_what_one_of_its_values_is() {
    check_each(
        &["vlan = 7", "vlan = 9", "vlan in (1, 9)", "vlan > 8", "vlan is not null", "vlan != 8"],
        ANSWERED,
    );
    check_each(&["vlan = 8", "vlan != 7", "vlan > 9"], &[]);
}

/// SQL's three truth values: what is not known is neither true nor false, and a row passes only if all is true.
#[test]
fn what_is_absent_meets_no_condition_and_no_opposite() {
    check_each(
        &["rcode = NXDOMAIN", "rcode is not null", "not rcode is null", "rtt_ns is not null"],
        ANSWERED,
    );
    check_each(
        &["rcode = NOERROR", "not rcode = NXDOMAIN", "not (rcode != NOERROR)", "rcode not in (3)"],
        &[],
    );
    check_each(&["rcode is null", "rcode IS NULL", "not (rcode is not null)"], &["unanswered", "unreadable"]);
    check_each(
        &["qname is null", "qtype is null", "not (qname is not null)", "qname_entropy is null"],
        UNREADABLE,
    );
    // Unknown or true is true, unknown and false is false: their opposites say the same.
    check_each(&["rcode = NXDOMAIN or id > 0", "not (rcode = 9 and id < 0)"], ALL);
    check_each(&["rcode = 3 and id > 0", "not (rcode != 3 or id < 0)"], ANSWERED);
    check("not (rcode = NXDOMAIN or transport = tcp)", &[]);
}

#[test]
fn and_binds_closer_than_or() {
    check("id = 3 or id = 1 and transport = tcp", UNREADABLE);
    check("(id = 3 or id = 1) and transport = tcp", &[]);
    check("id = 1 and transport = tcp or id = 3", UNREADABLE);
    check("not id = 1 and not id = 2", UNREADABLE);
    check("not (id = 1 or id = 2)", UNREADABLE);
    check("NOT not id = 3 AND (((id IN (1,3))))", UNREADABLE);
}

#[test]
fn quotes_are_doubled_within() {
    check("response_code = 'it''s' or id = 1", ANSWERED);
    check(r#"response_code = "a ""word""" or id = 1"#, ANSWERED);
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    match parse(text) {
        Ok(filter) => panic!("{text} is {filter:?}"),
        Err(error) => assert_eq!(error.to_string(), expected, "{text}"),
    }
}

#[test]
fn an_error_shows_its_place_and_the_remedy() {
    check_error("qnam = x", "there is no column 'qnam'; did you mean 'qname'?\n  qnam = x\n  ^^^^");
    check_error(
        "id = 1 and qname > 5",
        "> cannot be asked of qname, which is a name: it knows =, !=, in, under, like, ~, !~ and is null\
         \n  id = 1 and qname > 5\n                   ^",
    );
    check_error(
        "qtype = AAAAA",
        "'AAAAA' is no type that is known by name here: write AAAA, TYPE64 or 28\n  qtype = AAAAA\n          ^^^^^",
    );
    check_error("id = x", "'x' is no whole number, such as 53\n  id = x\n       ^");
    check_error("id = 'x\r\ny'", "'x  y' is no whole number, such as 53\n  id = 'x  y'\n       ^^^^^^");
    check_error("id = 1.5", "'1.5' is no whole number, such as 53\n  id = 1.5\n       ^^^");
    check_error(
        "rtt_ns > 1.5 and aa",
        "'1.5' is not a time span, which rtt_ns is compared with: write 10ms, 1.5s, or a number of nanoseconds\
         \n  rtt_ns > 1.5 and aa\n           ^^^",
    );
    check_error(
        "query_time < 2023-02-29",
        "'2023-02-29' is not a time, which query_time is compared with: write 2026-01-31, 2026-01-31T12:00:00Z, or \
         seconds since 1970\n  query_time < 2023-02-29\n               ^^^^^^^^^^",
    );
    check_error(
        "src_ip = 192.0.2.0/24",
        "an address equals no prefix; write in 192.0.2.0/24\n  src_ip = 192.0.2.0/24\n         ^",
    );
    check_error(
        "src_ip in 192.0.2.0/33",
        "'192.0.2.0/33' is no address: write 192.0.2.1, 2001:db8::1, or a prefix such as 192.0.2.0/24\
         \n  src_ip in 192.0.2.0/33\n            ^^^^^^^^^^^^",
    );
    check_error("qname = a..b", "a label of a name is empty: 'a..b'\n  qname = a..b\n          ^^^^");
    check_error(
        r"qname = a\9",
        "behind a backslash there are three octal digits, up to 377: 'a\\9'\n  qname = a\\9\n          ^^^",
    );
    check_error("aa = 1", "aa is true or false\n  aa = 1\n       ^");
    check_error(
        "qname",
        "what is asked of qname? It knows =, !=, in, under, like, ~, !~ and is null\n  qname\n  ^^^^^",
    );
    check_error(
        "query_wire = 00",
        "= cannot be asked of query_wire, which is no plain value: it knows is null and is not null\
         \n  query_wire = 00\n             ^",
    );
    check_error(
        "id under 5",
        "under cannot be asked of id, which is a number: it knows =, !=, <, <=, >, >=, in and is null\n  id under 5\n     ^^^^^",
    );
    check_error(
        "rcode = null",
        "nothing equals null: write is null or is not null\n  rcode = null\n          ^^^^",
    );
    check_error(
        "qname = in",
        "'in' is a word of the language; as a value it stands in quotes\n  qname = in\n          ^^",
    );
    check_error("qname ~ www", "a pattern stands in quotes\n  qname ~ www\n          ^^^");
    check_error("qname ~ '('", "this pattern cannot be used: unclosed group\n  qname ~ '('\n          ^^^");
    check_error(
        "qname not = a",
        "not stands before a condition, or before in, under or like\n  qname not = a\n        ^^^",
    );
    check_error("aa && ra", "'&&' is written and\n  aa && ra\n     ^^");
    check_error("aa ra", "here the condition is over: only and, or or its end can follow\n  aa ra\n     ^^");
    check_error("(aa", "this bracket is never closed\n  (aa\n  ^");
    check_error("aa)", "this bracket was never opened\n  aa)\n    ^");
    check_error("id in (1 2)", "here a comma or ) stands\n  id in (1 2)\n           ^");
    check_error("id in (1,", "here a value is missing\n  id in (1,\n           ^");
    check_error("!aa", "'!' stands only before = and ~; to negate a condition write not\n  !aa\n  ^");
    check_error("id = 'x", "this quote is never closed\n  id = 'x\n       ^");
    check_error("", "here the name of a column is missing\n  \n  ^");
    check_error("aa and", "here the name of a column is missing\n  aa and\n        ^");
    check_error(
        "id = 1 is",
        "here the condition is over: only and, or or its end can follow\n  id = 1 is\n         ^^",
    );
    check_error("id is 5", "behind is there is null or not null\n  id is 5\n        ^");
}

#[test]
fn an_error_fits_on_a_line() {
    let long = format!(
        "{} or\tqnam\u{7}\u{1b}x = ä {}",
        vec!["id = 1"; 50].join(" or "),
        vec!["or id = 1"; 50].join(" ")
    );
    let text = parse(&long).unwrap_err().to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[1].chars().count() < 150 && lines[1].contains(" qnam??x = ä or"), "{}", lines[1]);
    let place = lines[2].find('^').unwrap();
    assert_eq!(&lines[1][place..place + 7], "qnam??x");
}

#[test]
fn everything_has_a_bound() {
    let fails = |text: String, with: &str| {
        let error = parse(&text).expect_err(with).to_string();
        assert!(error.starts_with(with), "{error}");
    };
    let nested = |depth: usize| format!("{}aa{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(100)).is_ok());
    fails(nested(101), "more than 100 brackets and negations are open here");
    fails(nested(30_000), "more than 100 brackets");
    fails(nested(100_000), "the condition is longer than 65536 bytes");
    fails("not ".repeat(16_000), "more than 100 brackets");
    let list = |values: usize| format!("id in ({})", vec!["7"; values].join(","));
    assert!(parse(&list(4096)).is_ok());
    fails(list(4097), "this list has more than 4096 values");
    let patterns = |count: usize| vec!["qname ~ 'a'"; count].join(" or ");
    assert!(parse(&patterns(16)).is_ok());
    fails(patterns(17), "there are more than 16 patterns");
    fails(
        "qname ~ '(((a{100}){100}){100}){100}'".to_owned(),
        "this pattern cannot be used: it takes more than 1048576 bytes",
    );
    fails(
        format!("qname ~ '{}a{}'", "(".repeat(200), ")".repeat(200)),
        "this pattern cannot be used: exceed the maximum",
    );
    assert!(parse(&vec!["id = 1"; 5000].join(" or ")).is_ok());
    let short = format!("'{}...' is no", "9".repeat(40));
    fails(format!("id = {}", "9".repeat(50_000)), &short);
    fails(format!("src_ip = {}", "9".repeat(50_000)), &short);
}

#[test]
fn names_are_read_as_they_are_printed() {
    for wire in [&b"\0"[..], b"\x03a.b\x01c\0", b"\x02-a\x02b-\x02*b\x02b*\0", b"\x05a b\xFF\\\x01\"\0"] {
        let mut text = Vec::new();
        name::write_text(wire, &mut text);
        assert_eq!(*name::to_wire(str::from_utf8(&text).unwrap()).unwrap(), *wire);
    }
    let label = "a".repeat(63);
    assert!(name::to_wire(&label).is_ok() && name::to_wire(&format!("{label}a")).is_err());
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(name::to_wire(&longest).map(|wire| wire.len()), Ok(255));
    assert!(name::to_wire(&format!("{longest}a")).is_err());
    for nothing in ["", "..", ".a", "a..", "a.\\", r"\400"] {
        assert!(name::to_wire(nothing).is_err(), "{nothing}");
    }
}

#[test]
fn fractions_are_in_order() {
    let fractions = [f64::MIN, -1.5, -1e-300, 0.0, 1e-300, 1.0, 1.5, f64::MAX];
    assert!(fractions.is_sorted_by(|one, next| tree::place(*one) < tree::place(*next)));
    assert_eq!(tree::place(-0.0), tree::place(0.0));
}

/// What all columns of these rows can be asked: that there is no value, or that there is.
#[test]
fn every_column_and_alias_can_be_asked() {
    let rows = Rows::new();
    for name in COLUMNS.iter().map(|entry| entry.name).chain(ALIASES.iter().map(|alias| alias.0)) {
        let count = |text: String| rows.of(&parse(&text).unwrap()).len();
        assert_eq!(
            count(format!("{name} is null")) + count(format!("{name} is not null")),
            NAMES.len(),
            "{name}"
        );
    }
}

fn add_columns(node: &Node, columns: &mut Vec<Column>) {
    match node {
        Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| add_columns(node, columns)),
        Node::Leaf(leaf) if columns.contains(&leaf.column) => {}
        Node::Leaf(leaf) => columns.push(leaf.column),
    }
}

/// What follows for the tuple alone, and what is left: the columns of both.
#[track_caller]
fn check_split(text: &str, early: &[Column], rest: &[Column]) {
    let filter = parse(text).unwrap();
    let columns = |node: &Option<Node>| {
        let mut columns = Vec::new();
        node.iter().for_each(|node| add_columns(node, &mut columns));
        columns.sort_by_key(|column| *column as u8);
        columns
    };
    assert_eq!((&columns(&filter.of_tuple)[..], &columns(&filter.rest)[..]), (early, rest), "{text}");
}

#[test]
fn what_a_tuple_tells_is_decided_early() {
    use Column::*;
    check_split("src_ip in 10.0.0.0/8", &[SrcIp], &[]);
    check_split("src_ip = ::1 and not dst_port = 53 and transport = tcp", &[SrcIp, DstPort, Transport], &[]);
    check_split("qtype = A", &[], &[Qtype]);
    check_split("src_ip = ::1 and qtype = A", &[SrcIp], &[Qtype]);
    check_split("src_ip = ::1 or qtype = A", &[], &[SrcIp, Qtype]);
    check_split(
        "src_ip = ::1 and qtype = A or src_port = 5 and qtype = NS",
        &[SrcIp, SrcPort],
        &[SrcIp, SrcPort, Qtype],
    );
    check_split("not (src_ip = ::1 or qtype = A)", &[SrcIp], &[Qtype]);
    check_split("(src_ip = ::1 or id = 5) and (ip_version = 6 or aa)", &[Id, SrcIp], &[IpVersion, Aa]);
}

/// Samples are the same for ever: these were computed by a program in another language, from the description alone.
#[test]
fn a_sample_never_changes() {
    let server = [10, 0, 0, 53];
    let sampled = |text: &str, of: &dyn Fn(&Sample, u8) -> bool| {
        let sample: Sample = text.parse().unwrap();
        (0..64).filter(|number| of(&sample, *number)).collect::<Vec<u8>>()
    };
    let has = |sample: &Sample, client: Addresses, source_port, id| {
        let flow = Flow { addresses: client, source_port, destination_port: 53 };
        sample.has_tuple(&Tuple::of(&flow, Transport::Udp, id, false))
    };
    let v4 = |sample: &Sample, last| {
        has(
            sample,
            Addresses::V4 { source: &[10, 0, 0, last], destination: &server },
            last.into(),
            last.into(),
        )
    };
    assert_eq!(sampled("client:1/8", &v4), [2, 36, 41, 46, 48]);
    let v6 = |sample: &Sample, last| {
        let source = [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
        has(sample, Addresses::V6 { source: &source, destination: &[0; 16] }, 1, 1)
    };
    assert_eq!(sampled("client:0.125,seed=7", &v6), [1, 13, 14, 18, 24, 38, 61]);
    let transaction = |sample: &Sample, id: u8| {
        has(sample, Addresses::V4 { source: &[10, 0, 0, 1], destination: &server }, 40_000, id.into())
    };
    assert_eq!(sampled("transaction:1/8", &transaction), [1, 6, 28, 36, 44, 52, 57]);
}

#[test]
fn a_row_is_in_a_sample_as_its_messages_are() {
    let rows = Rows::new();
    let addresses = Addresses::V4 { source: &[192, 0, 2, 1], destination: &[198, 51, 100, 53] };
    let flow = Flow { addresses, source_port: 40_001, destination_port: 53 };
    for seed in 0..100 {
        for of in ["client", "transaction"] {
            let sample: Sample = format!("{of}:1/2,seed={seed}").parse().unwrap();
            let of_message = sample.has_tuple(&Tuple::of(&flow, Transport::Udp, 1, false));
            assert_eq!(of_message, sample.has_row(&Transaction::new(&rows.0, 0)), "{sample}");
        }
    }
}

#[test]
fn a_sample_has_its_share() {
    for text in ["client:1/10", "transaction:0.1", "client:0.1,seed=9", "transaction:1/10,seed=123456789"] {
        let sample: Sample = text.parse().unwrap();
        let in_it = (0..10_000_u32).filter(|number| {
            let [.., a, b] = number.to_be_bytes();
            let addresses = Addresses::V4 { source: &[10, 0, a, b], destination: &[10, 1, 0, 53] };
            let flow = Flow { addresses, source_port: 5, destination_port: 53 };
            sample.has_tuple(&Tuple::of(&flow, Transport::Udp, 7, false))
        });
        let count = in_it.count();
        assert!((900..1100).contains(&count), "{text}: {count}");
    }
}

#[test]
fn samples_are_fractions() {
    let told = |text: &str| {
        text.parse::<Sample>().map(|sample| sample.to_string()).map_err(|error| error.to_string())
    };
    for (text, expected) in [
        ("client:1/100", "client:1/100"),
        (" transaction:0.010 ", "transaction:1/100"),
        ("client: 5 / 10 , seed=7", "client:1/2,seed=7"),
        ("client:1", "client:1/1"),
        ("client:1.0,seed=0", "client:1/1"),
    ] {
        assert_eq!(told(text).as_deref(), Ok(expected), "{text}");
    }
    for (text, trouble) in [
        ("1/100", "it is not said what is sampled"),
        ("server:1/100", "what is sampled is neither client nor transaction"),
        ("client:1/100,seed=x", "the seed is no number"),
        ("client:1/100,7", "the seed is no number"),
        ("client:0", "the share is no fraction up to 1"),
        ("client:2", "the share is no fraction up to 1"),
        ("client:1/0", "the share is no fraction up to 1"),
        ("client:-1/2", "the share is no fraction up to 1"),
        ("client:.5", "the share is no fraction up to 1"),
        ("client:0.00000000000001", "the share is no fraction up to 1"),
        ("client:99999999999/1", "the share is no fraction up to 1"),
        ("client:", "the share is no fraction up to 1"),
    ] {
        assert!(told(text).is_err_and(|error| error.starts_with(trouble)), "{text}: {:?}", told(text));
    }
}

#[test]
fn only_numbers_and_words_name_nobody() {
    for text in [
        "qtype = AAAA and rcode != 0",
        "transport = 'tcp' or not rtt_ns > 5",
        "src_ip is null",
        "id in (1, 2)",
    ] {
        assert!(parse(text).unwrap().names_nobody(), "{text}");
    }
    for text in [
        "qtype = A or src_ip = 192.0.2.1",
        "qname = 'a.example'",
        "not qname ~ 'x'",
        "qname under example.com",
    ] {
        match parse(text) {
            Ok(filter) => assert!(!filter.names_nobody(), "{text}"),
            Err(error) => panic!("{text}\n{error}"),
        }
    }
}
