//! Files written out in CBOR's diagnostic notation (RFC 8949 section 8), and what is read in them; and what is written, read
//! again.

use super::*;

/// Octets of a value in diagnostic notation: numbers, `h'00'`, `"text"`, arrays and maps, each also without a length (`[_ 1]`),
/// strings in pieces (`(_ h'00', h'01')`), `true`, `1.5` (as a half float), tags (`4(1)`). Commas and colons are for people.
fn cbor(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let rest = value(text.trim_start(), &mut out);
    assert_eq!(rest.trim(), "", "behind the value");
    out
}

fn value<'t>(text: &'t str, out: &mut Vec<u8>) -> &'t str {
    let closes = |close| move |text: &'t str, out: &mut Vec<u8>| container(text, close, out);
    match text.as_bytes()[0] {
        b'[' => closes(']')(&text[1..], out),
        b'{' => closes('}')(&text[1..], out),
        b'(' => closes(')')(&text[1..], out),
        b'"' => {
            let (content, rest) = text[1..].split_once('"').expect("a text ends");
            cbor::put_text(out, content.as_bytes());
            rest
        }
        b'h' => {
            let (digits, rest) = text[2..].split_once('\'').expect("a string ends");
            let octet = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal");
            cbor::put_bytes(out, &(0..digits.len()).step_by(2).map(octet).collect::<Vec<_>>());
            rest
        }
        b't' => {
            out.push(0xF5);
            text.strip_prefix("true").expect("true")
        }
        _ => number(text, out),
    }
}

fn number<'t>(text: &'t str, out: &mut Vec<u8>) -> &'t str {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-' && c != '.').unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits == "1.5" {
        out.extend_from_slice(&[0xF9, 0x3E, 0]);
        return rest;
    }
    if let Some(tagged) = rest.strip_prefix('(') {
        cbor::put_head(out, 6, digits.parse().expect("a tag"));
        return value(tagged, out).strip_prefix(')').expect("a tag's value ends");
    }
    match digits.parse::<u64>() {
        Ok(number) => cbor::put_head(out, cbor::UNSIGNED, number),
        Err(_) => cbor::put_signed(out, digits.parse().expect("a number")),
    }
    rest
}

fn container<'t>(text: &'t str, close: char, out: &mut Vec<u8>) -> &'t str {
    let (mut text, has_length) = match text.strip_prefix('_') {
        Some(text) => (text, false),
        None => (text, true),
    };
    let (mut values, mut count) = (Vec::new(), 0);
    let of_bytes = loop {
        text = text.trim_start_matches([' ', ',', ':', '\n']);
        if let Some(rest) = text.strip_prefix(close) {
            text = rest;
            break values.first().is_none_or(|first| first >> 5 == cbor::BYTES);
        }
        text = value(text, &mut values);
        count += 1;
    };
    match (close, has_length) {
        (']', true) => cbor::put_head(out, cbor::ARRAY, count),
        ('}', true) => cbor::put_head(out, cbor::MAP, count / 2),
        (']', false) => out.push(cbor::ARRAY_BEGINS),
        ('}', false) => out.push(0xBF),
        _ => out.push(if of_bytes { 0x5F } else { 0x7F }),
    }
    out.append(&mut values);
    if !has_length {
        out.push(cbor::ENDS);
    }
    text
}

/// The preamble that cases have: microseconds.
const PREAMBLE: &str =
    "{0: 1, 1: 0, 3: [{0: {0: 1000000, 1: 10, 2: {0: 262143, 1: 131071, 2: 3, 3: 3}, 3: [0], 4: [1]}}]}";

/// The tables that cases have.
const TABLES: &str =
    "{0: [h'C0000201', h'20010DB8'], 1: [{0: 1, 1: 1}, {0: 28, 1: 1}], 2: [h'016100', h'00', h'7F000001'],
    3: [{0: 0, 1: 53, 2: 0, 8: 0}, {2: 1}], 4: [[0]], 5: [{0: 0, 1: 1}], 6: [[0], [0, 1]],
    7: [{0: 0, 1: 0, 2: 300, 3: 2}, {0: 1, 1: 1}], 8: [{0: 0, 1: 53, 2: 0, 3: h'FF'}]}";

/// Everything in a file, a line each: what is read, and what is wrong with it.
fn told(file: &[u8]) -> Vec<String> {
    let (mut reader, mut rest, mut preamble, mut told) = (Reader::new(), file, None, Vec::new());
    let mut faults = Faults::default();
    loop {
        let length = match reader.step(rest) {
            Step::Preamble { length } => {
                match FilePreamble::parse(&rest[..length], &mut faults) {
                    Ok(read) => preamble = Some(read),
                    Err(refused) => {
                        told.push(refused.to_string());
                        return told;
                    }
                }
                length
            }
            Step::Block { length } => {
                let preamble = preamble.as_ref().expect("stands before the blocks");
                tell(Block::parse(&rest[..length], preamble), &mut faults, &mut told);
                length
            }
            Step::More => {
                told.push("more".to_string());
                if let Some(preamble) = &preamble {
                    tell(Block::parse_cut(rest, preamble), &mut faults, &mut told);
                }
                break;
            }
            Step::End { length } => {
                assert_eq!(length, rest.len(), "nothing follows");
                break;
            }
            Step::Refused(refused) => {
                told.push(refused.to_string());
                break;
            }
        };
        rest = &rest[length..];
    }
    let found =
        FAULTS.iter().map(|&(fault, name, _)| (name, faults.of(fault))).filter(|(_, count)| *count > 0);
    told.extend(found.map(|(name, count)| format!("{count} {name}")));
    told
}

fn tell(block: Result<Block, Refused>, faults: &mut Faults, told: &mut Vec<String>) {
    let block = match block {
        Ok(block) => block,
        Err(refused) => return told.push(refused.to_string()),
    };
    faults.merge(block.faults());
    block.for_each_item(faults, |item| told.push(shown("item", item)));
    block.for_each_event(faults, |event| told.push(shown("event", event)));
    block.for_each_malformed(faults, |message| told.push(shown("malformed", message)));
}

/// A value without what is absent in it, octets in hexadecimal.
fn shown(kind: &str, of: &impl std::fmt::Debug) -> String {
    let text = format!("{of:?}");
    let (_, fields) = text.split_once(" { ").expect("a structure");
    let mut fields = format!("{kind} {}", fields.trim_end_matches([' ', '}']));
    let absent = [
        "questions: []",
        "answers: []",
        "authority: []",
        "additional: []",
        "signature: Signature {  }",
        "query: Sections {  }",
        "response: Sections {  }",
    ];
    while let Some(at) = fields.find(": None") {
        let start = fields[..at].rfind([' ', '{']).map_or(0, |start| start + 1);
        fields.replace_range(start..at + 6, "");
    }
    loop {
        let before = fields.clone();
        absent.iter().for_each(|absent| fields = fields.replace(absent, ""));
        fields = fields.replace(" ,", "").replace("{,", "{").replace(", }", " }");
        if fields == before {
            break;
        }
    }
    let mut words = fields.replace("Some(", "").replace(')', "");
    for word in ["Signature ", "Sections ", "Record ", "Question ", "ClassType "] {
        words = words.replace(word, "");
    }
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ").replace(", }", " }");
    words.trim_end_matches([',', ' ']).to_string()
}

#[track_caller]
fn check(blocks: &str, expected: &[&str]) {
    let file = cbor(&format!("[\"C-DNS\", {PREAMBLE}, {blocks}]"));
    assert_eq!(told(&file), expected, "{blocks}");
}

/// A block with these items, or whatever follows the tables.
#[track_caller]
fn check_items(items: &str, expected: &[&str]) {
    check(&format!("[{{0: {{0: [1, 5]}}, 2: {TABLES}, {items}}}]"), expected);
}

#[test]
fn an_item_is_looked_up_in_the_tables() {
    check_items(
        "3: [{0: 7, 1: 0, 2: 4242, 3: 9, 4: 0, 5: 64, 6: -2, 7: 0, 8: 30, 9: 40}]",
        &[
            "item time_ns: 1000012000, client: [192, 0, 2, 1], client_port: 4242, id: 9, hop_limit: 64, delay_ns: -2000, \
           qname: [1, 97, 0], query_size: 30, response_size: 40, signature: { server: [192, 0, 2, 1], server_port: 53, \
           transport_flags: 0, class_type: { rtype: 1, class: 1 } }",
        ],
    );
}

#[test]
fn sections_are_looked_up_in_the_tables() {
    check_items(
        "3: [{10: {0: 0, 1: 1}, 11: {0: 0}, 12: {1: 1, 3: 0}}]",
        &[
            "item bailiwick: [1, 97, 0], processing_flags: 1, query: { questions: [{ name: [1, 97, 0], class_type: \
           { rtype: 28, class: 1 } }] }, response: { answers: [{ name: [1, 97, 0], class_type: { rtype: 1, class: 1 }, \
           ttl: 300, rdata: [127, 0, 0, 1] }, { name: [0], class_type: { rtype: 28, class: 1 } }], additional: \
           [{ name: [1, 97, 0], class_type: { rtype: 1, class: 1 }, ttl: 300, rdata: [127, 0, 0, 1] }] }",
        ],
    );
}

#[test]
fn private_fields_of_cz_nic_are_known() {
    check_items(
        "3: [{-1: \"AS1\", -2: \"CZ\", -3: -5, -4: \"me\", -5: 4, -6: h'FF00'}]",
        &[
            "item asn: [65, 83, 49], country: [67, 90], rtt: -5, user: [109, 101], policy_action: 4, policy_rule: [255, 0]",
        ],
    );
}

#[test]
fn events_and_malformed_messages_are_looked_up() {
    check_items(
        "4: [{0: 2, 1: 3, 2: 1, 3: 1, 4: 9}, {0: 0, 2: 0, 4: 1}], 5: [{0: 1, 1: 0, 2: 7, 3: 0}, {}]",
        &[
            "event kind: 2, code: 3, address: [32, 1, 13, 184], transport_flags: 1, count: 9",
            "event kind: 0, address: [192, 0, 2, 1], count: 1",
            "malformed time_ns: 1000006000, client: [192, 0, 2, 1], client_port: 7, server: [192, 0, 2, 1], \
             server_port: 53, transport_flags: 0, payload: [255]",
            "malformed",
        ],
    );
}

#[test]
fn tables_may_come_after_the_items() {
    check(
        &format!("[{{3: [{{0: 0, 7: 0}}], 2: {TABLES}, 0: {{0: [0, 0]}}}}]"),
        &["item time_ns: 0, qname: [1, 97, 0]"],
    );
}

#[test]
fn everything_may_be_without_a_length_and_strings_in_pieces() {
    let block = "{_ 0: {_ 0: [_ 1, 5]}, 2: {_ 0: [_ (_ h'C000', h'0201')], 1: [_ {_ 0: 1, 1: 1}], 2: [_ (_ h'0161', h'00')],
        3: [_ {_ 0: 0}], 6: [_ [_ 0]], 7: [_ {_ 0: 0, 1: 0}], 8: [_ {_ 3: (_ h'01', h'02')}]},
        3: [_ {_ 0: 0, 1: 0, 4: 0, 7: 0, 12: {_ 1: 0}, -1: (_ \"A\", \"S\"), -4: (_ \"x\")}], 5: [_ {_ 3: 0}]}";
    let expected = [
        "item time_ns: 1000005000, client: [192, 0, 2, 1], qname: [1, 97, 0], signature: { server: [192, 0, 2, 1] }, \
         response: { answers: [{ name: [1, 97, 0], class_type: { rtype: 1, class: 1 } }] }, asn: [65, 83], user: [120]",
        "malformed payload: [1, 2]",
    ];
    check(&format!("[_ {block}]"), &expected);
    let open = cbor(&format!("[_ \"C-DNS\", {PREAMBLE}, [_ {block}]]"));
    assert_eq!(told(&open), expected);
}

#[test]
fn unknown_fields_of_any_type_are_passed_over() {
    check_items(
        "99: {1: [1.5]}, -9: true, 3: [{2: 1, 13: {1: [_ 2]}, -7: 1.5, \"key\": (_ h'00'), 1.5: 0, 3: 2, 4(5): 6(7)}]",
        &["item client_port: 1, id: 2, hop_limit: 7"],
    );
}

#[test]
fn a_field_that_cannot_be_right_is_left_out_and_its_neighbours_kept() {
    for (field, fault) in [
        ("1: 2", "no_such_entry"),
        ("1: 18446744073709551615", "no_such_entry"),
        ("4: 2", "no_such_entry"),
        ("7: 3", "no_such_entry"),
        ("7: 2", "not_a_name"),
        ("2: 65536", "out_of_range"),
        ("2: -1", "wrong_type"),
        ("2: \"53\"", "wrong_type"),
        ("2: [_ 1, {2: 3}]", "wrong_type"),
        ("5: 256", "out_of_range"),
        ("0: 9223372036854775807", "out_of_range"),
        ("6: 18446744073709551615", "out_of_range"),
        ("11: 4", "wrong_type"),
        ("11: {0: 1}", "no_such_entry"),
        ("12: {1: 2}", "no_such_entry"),
        ("-1: 1", "wrong_type"),
    ] {
        let fault = format!("1 {fault}");
        check_items(
            &format!("3: [{{3: 1}}, {{3: 2, {field}, 8: 30}}, {{3: 3}}]"),
            &["item id: 1", "item id: 2, query_size: 30", "item id: 3", &fault],
        );
    }
}

#[test]
fn an_entry_that_is_of_the_wrong_type_keeps_its_place() {
    check(
        "[{0: {}, 2: {0: [7, h'C0000201', h'0102030405060708090A0B0C0D0E0F1011'], 1: [0, {0: 1}], 2: [\"\", 1, h'00'], 3: [[], {8: 1}]},
           3: [{1: 0}, {1: 1}, {1: 2}, {7: 1}, {7: 2}, {4: 0}, {4: 1}, 8, {2: 1}]}]",
        &[
            "item", "item client: [192, 0, 2, 1]", "item", "item", "item qname: [0]", "item", "item", "item client_port: 1",
            "4 wrong_type", "2 out_of_range", "1 not_a_name", "1 incomplete",
        ],
    );
}

#[test]
fn what_a_list_cannot_name_is_left_out_of_it() {
    check(
        "[{0: {}, 2: {6: [[0, 9, \"x\", 1]], 7: [{2: 1}, {0: 5, 2: 2}]}, 3: [{12: {1: 0}}]}]",
        &["item response: { answers: [{ ttl: 1 }, { ttl: 2 }] }", "1 wrong_type", "2 no_such_entry"],
    );
}

#[test]
fn a_time_without_an_earliest_is_unknown() {
    check("[{0: {}, 3: [{0: 5, 2: 1}]}]", &["item client_port: 1", "1 incomplete"]);
}

#[test]
fn a_time_before_the_earliest_is_one() {
    check("[{0: {0: [1, 0]}, 3: [{0: -5}]}]", &["item time_ns: 999995000"]);
}

#[test]
fn blocks_choose_their_parameters() {
    let parameters = "{0: 1, 1: 9, 3: [{0: {0: 1000}}, {0: {0: 3}}, {0: {}}, 7]}";
    let blocks = "{0: {0: [1, 1]}, 3: [{0: 1, 6: 1}]}, {0: {0: [1, 1], 1: 1}, 3: [{0: 0, 6: 1}]}, {0: {1: 2}}, {0: {1: 3}}, {0: {1: 4}}";
    let no_ticks = "C-DNS: a block's parameters do not say how long a tick is";
    assert_eq!(
        told(&cbor(&format!("[\"C-DNS\", {parameters}, [{blocks}]]"))),
        [
            "item time_ns: 1002000000, delay_ns: 1000000",
            "item time_ns: 1333333334, delay_ns: 333333333",
            no_ticks,
            no_ticks,
            "C-DNS: a block chooses parameters that the file does not have",
            "1 wrong_type",
        ]
    );
}

#[test]
fn another_version_is_refused_by_name() {
    for (file, expected) in [
        ("[\"C-DNS\", {0: 2, 1: 5, 3: [{}]}, []]", "is C-DNS of version 2.5; only version 1 can be read"),
        ("[\"C-DNS\", {0: 0, 1: 5}, []]", "is C-DNS of version 0.5; only version 1 can be read"),
        ("[\"C-DNS\", {0: 1, 1: 0}, []]", "C-DNS: there are no block parameters"),
        ("[\"C-DNS\", [], []]", "C-DNS: a field of the wrong type"),
        ("[\"C-DNS\", {0: 1, 3: [{}]}, {}]", "C-DNS: there is something else where the blocks should be"),
        (
            "[\"DNS-STAT\", 2]",
            "is C-DNS of an older format (DNS-STAT); only that of RFC 8618, version 1, can be read",
        ),
        ("[\"C-DMS\", 2]", "is not C-DNS"),
    ] {
        // What follows an array of two is not read: an older format is known by its beginning.
        let mut file = cbor(file);
        file[0] = 0x83;
        assert_eq!(told(&file), [expected]);
    }
}

#[test]
fn a_file_is_known_by_its_beginning() {
    for (bytes, expected) in [
        (&b"\x83eC-DNS"[..], true),
        (b"\x9feC-DNS\xa4", true),
        (b"\x83hDNS-STAT", true),
        (b"\x83eC-DN", false),
        (b"\x82eC-DNS", false),
        (b"", false),
    ] {
        assert_eq!(begins(bytes), expected, "{bytes:?}");
    }
}

#[test]
fn lengths_that_nobody_can_have_are_refused_without_waiting_for_them() {
    let preamble = cbor(&format!("[\"C-DNS\", {PREAMBLE}]"));
    for (block, expected) in [
        ("A1 02 5B 8000000000000000", "C-DNS: a block is longer than 64 MiB"),
        ("A1 02 7B FFFFFFFFFFFFFFFF", "C-DNS: a block is longer than 64 MiB"),
        ("A1 02 5A 04000000", "C-DNS: a block is longer than 64 MiB"),
        ("1C", "C-DNS: is not CBOR"),
        ("818181818181818181818181818181818100", "C-DNS: is nested deeper than C-DNS is"),
    ] {
        let digits: String = block.split(' ').collect();
        let mut file = preamble.clone();
        file[0] = 0x83;
        file.push(0x9F);
        file.extend(cbor(&format!("[h'{digits}']")).split_off(if digits.len() < 48 { 2 } else { 3 }));
        assert_eq!(told(&file), [expected], "{block}");
    }
}

#[test]
fn counts_that_nobody_can_have_cost_nothing() {
    let preamble = FilePreamble::default();
    for (head, key) in [(0x9B_u8, 2_u8), (0x9B, 3), (0xBB, 2), (0xBB, 1), (0x9B, 5)] {
        let mut block = vec![0xA1, key, head];
        block.extend_from_slice(&(1_u64 << 63).to_be_bytes());
        assert!(Block::parse(&block, &preamble).is_err());
        let mut faults = Faults::default();
        let cut = Block::parse_cut(&block, &preamble).expect("there is nothing in it");
        cut.for_each_item(&mut faults, |item| panic!("{item:?}"));
    }
}

#[test]
fn records_that_are_named_for_ever_are_not_given_for_ever() {
    let numbers = vec!["0"; 60_000].join(",");
    let items = vec!["{12: {1: 0}}"; 2000].join(",");
    let block = cbor(&format!("{{0: {{}}, 2: {{6: [[{numbers}]], 7: [{{2: 1}}]}}, 3: [{items}]}}"));
    let preamble = FilePreamble::default();
    let (block, mut faults, mut records, mut items) =
        (Block::parse(&block, &preamble).expect("well-formed"), Faults::default(), 0, 0);
    block.for_each_item(&mut faults, |item| {
        records += item.response.answers.len();
        items += 1;
    });
    assert_eq!((items, faults.of(Fault::TooManyRecords) > 1990), (2000, true));
    assert!(records < 500_000, "{records} records");
}

#[test]
fn of_a_block_that_is_cut_the_whole_items_are_read_if_its_tables_are() {
    let first = format!("{{0: {{0: [0, 0]}}, 2: {TABLES}, 3: [{{7: 0}}, {{7: 1}}]}}");
    let second = format!("{{0: {{0: [0, 0]}}, 3: [{{7: 0}}], 2: {TABLES}}}");
    let file = |block: &str| cbor(&format!("[\"C-DNS\", {PREAMBLE}, [{block}]]"));
    let (first, second) = (file(&first), file(&second));
    assert_eq!(told(&first), ["item qname: [1, 97, 0]", "item qname: [0]"]);
    assert_eq!(told(&first[..first.len() - 1]), ["more", "item qname: [1, 97, 0]"]);
    assert_eq!(told(&first[..first.len() - 4]), ["more"]);
    assert_eq!(told(&second), ["item qname: [1, 97, 0]"]);
    assert_eq!(told(&second[..second.len() - 1]), ["more"]);
}

/// Numbers that look random: splitmix64.
struct Dice(std::cell::Cell<u64>);

impl Dice {
    fn roll(&self, below: usize) -> usize {
        let state = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.set(state);
        let mixed = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % below as u64) as usize
    }

    fn maybe<T>(&self, of: T) -> Option<T> {
        (self.roll(3) > 0).then_some(of)
    }
}

const NAMES: [&[u8]; 4] = [b"\0", b"\x01a\0", b"\x03www\x07example\x03org\0", b"\x05\0\x01\x02\x03\xFF\0"];
const ADDRESSES: [&[u8]; 4] = [
    &[192, 0, 2, 255],
    &[198, 51, 100, 7],
    b"\x20\x01\x0d\xb8\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\x01",
    b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02",
];

fn record(dice: &Dice) -> Record<'static> {
    Record {
        name: dice.maybe(NAMES[dice.roll(4)]),
        class_type: dice
            .maybe(ClassType { rtype: [1, 28, 300][dice.roll(3)], class: [1, 255, 4096][dice.roll(3)] }),
        ttl: dice.maybe([0, 300, u32::MAX][dice.roll(3)]),
        rdata: dice.maybe([&b""[..], &[7; 300], b"\x01a\0"][dice.roll(3)]),
    }
}

/// An item with each field there or not.
fn item<'a>(dice: &Dice, records: &'a [Record<'a>], questions: &'a [Question<'a>]) -> Item<'a> {
    let section = |dice: &Dice| &records[..dice.roll(3) * dice.roll(2)];
    let sections = |dice: &Dice| Sections {
        questions: &questions[..dice.roll(3)],
        answers: section(dice),
        authority: section(dice),
        additional: section(dice),
    };
    let (query, response) = (sections(dice), sections(dice));
    let is_v6 = dice.roll(2);
    let address = |dice: &Dice| ADDRESSES[is_v6 * 2 + dice.roll(2)];
    let d = dice;
    Item {
        time_ns: d.maybe(1_700_000_000_000_000_000 + d.roll(5_000_000_000) as i64),
        client: d.maybe(address(d)),
        client_port: d.maybe([0, 23, 24, 65_535][d.roll(4)]),
        id: d.maybe(d.roll(65_536) as u16),
        hop_limit: d.maybe(255),
        delay_ns: d.maybe(d.roll(2_000_000) as i64 - 1_000_000),
        qname: d.maybe(NAMES[d.roll(4)]),
        query_size: d.maybe(70_000),
        response_size: d.maybe(512),
        signature: Signature {
            server: d.maybe(address(d)),
            server_port: d.maybe(53),
            transport_flags: d.maybe(is_v6 as u8 | (d.roll(5) as u8) << 1),
            qr_type: d.maybe(6),
            sig_flags: d.maybe(63),
            opcode: d.maybe(d.roll(16) as u8),
            dns_flags: d.maybe(1 << d.roll(20)),
            query_rcode: d.maybe(4095),
            class_type: d.maybe(ClassType { rtype: 24, class: 255 }),
            qdcount: d.maybe(1),
            ancount: d.maybe(2),
            nscount: d.maybe(256),
            arcount: d.maybe(65_535),
            edns_version: d.maybe(255),
            udp_size: d.maybe(1232),
            opt_rdata: d.maybe(b"\0\x0A\0\x01x"),
            response_rcode: d.maybe(3),
        },
        bailiwick: d.maybe(NAMES[d.roll(4)]),
        processing_flags: d.maybe(1),
        query,
        response,
        asn: d.maybe(b"AS65536"),
        country: d.maybe(b"\xFF\xFE"),
        rtt: d.maybe(-7),
        user: d.maybe(b""),
        policy_action: d.maybe(255),
        policy_rule: d.maybe(NAMES[2]),
    }
}

/// Writes some items as `change` leaves them, and reads them as `expect` does.
fn round_trip(storage: StorageParameters, restrict: bool, expect: impl Fn(&mut Item)) {
    let dice = Dice(storage.ticks_per_second.into());
    let records: Vec<Record> = (0..3).map(|_| record(&dice)).collect();
    let questions: Vec<Question> =
        records.iter().map(|&Record { name, class_type, .. }| Question { name, class_type }).collect();
    let items: Vec<Item> = (0..300).map(|_| item(&dice, &records, &questions)).collect();
    let preamble = FilePreamble {
        parameters: vec![BlockParameters { storage, collection: None }],
        ..FilePreamble::default()
    };
    let mut writer = Writer::new(preamble, 3);
    if restrict {
        writer = writer.only_listed();
    }
    let (mut file, mut expected) = (Vec::new(), Vec::new());
    writer.begin(&mut file);
    for item in &items {
        if writer.add(item) {
            let mut item = *item;
            expect(&mut item);
            expected.push(shown("item", &item));
        }
        if writer.is_full() {
            writer.finish_block(&mut file);
        }
    }
    writer.finish_block(&mut file);
    writer.finish_block(&mut file);
    writer.end(&mut file);
    assert_eq!(told(&file), expected);
    assert!(expected.len() > 200 && expected.iter().any(|line| line.contains("additional")));
}

#[test]
fn what_is_written_is_read() {
    let storage = |ticks_per_second| StorageParameters {
        ticks_per_second,
        max_block_items: 70,
        ..StorageParameters::default()
    };
    round_trip(storage(1_000_000_000), false, |_| {});
    round_trip(storage(1_000_000), false, |item| {
        let then = item.time_ns.unwrap_or(0) + item.delay_ns.unwrap_or(0);
        item.time_ns = item.time_ns.map(|ns| ns / 1000 * 1000);
        let time_ns = item.time_ns.unwrap_or(0);
        item.delay_ns = item.delay_ns.map(|_| then.div_euclid(1000) * 1000 - time_ns);
    });
}

#[test]
fn ticks_that_are_read_and_written_again_are_the_same() {
    for ticks_per_second in [1, 3, 7, 1_000, 999_983, 1_000_000, 1_000_000_000] {
        let parameters = format!(
            "{{0: 1, 1: 0, 3: [{{0: {{0: {ticks_per_second}, 1: 9, 2: {{0: 127, 1: 0, 2: 0, 3: 0}}}}}}]}}"
        );
        let items = "[{0: 0, 6: -1}, {0: 1, 6: 1}, {0: 2, 6: 100}, {0: 12345}, {6: -5}]";
        let block = cbor(&format!("{{0: {{0: [77, 0]}}, 3: {items}}}"));
        let head = cbor(&format!("[\"C-DNS\", {parameters}, []]"));
        let preamble = FilePreamble::parse(&head, &mut Faults::default()).expect("well-formed");
        let read = Block::parse(&block, &preamble).expect("well-formed");
        let (mut writer, mut written) = (Writer::new(preamble.clone(), 0), Vec::new());
        read.for_each_item(&mut Faults::default(), |item| assert!(writer.add(item)));
        writer.finish_block(&mut written);
        assert_eq!(written, block, "{ticks_per_second}");
    }
}

#[test]
fn what_hints_do_not_name_is_not_stored() {
    let hints = Hints { item: 0, signature: 0, record: 0, other: 0 };
    let storage =
        |hints| StorageParameters { ticks_per_second: 1_000_000_000, hints, ..StorageParameters::default() };
    round_trip(storage(Hints { record: 0, signature: 4, ..Hints::ALL }), false, |item| {
        item.signature =
            Signature { transport_flags: item.signature.transport_flags, ..Signature::default() };
        // Records lose TTL and data; the lines below show that only these are gone.
        let stripped = |of: &[Record]| -> &'static [Record<'static>] {
            let owned = of.iter().map(|of| Record {
                name: of.name.map(|name| &*name.to_vec().leak()),
                class_type: of.class_type,
                ..Record::default()
            });
            owned.collect::<Vec<_>>().leak()
        };
        for sections in [&mut item.query, &mut item.response] {
            sections.answers = stripped(sections.answers);
            sections.authority = stripped(sections.authority);
            sections.additional = stripped(sections.additional);
        }
    });
    let mut writer = Writer::new(
        FilePreamble {
            parameters: vec![BlockParameters { storage: storage(hints), collection: None }],
            ..FilePreamble::default()
        },
        0,
    );
    let (dice, mut block) = (Dice(1.into()), Vec::new());
    let (records, questions) = ([Record::default(); 3], [Question::default(); 3]);
    let full = item(&dice, &records, &questions);
    writer.add(&Item {
        asn: None,
        country: None,
        rtt: None,
        user: None,
        policy_action: None,
        policy_rule: None,
        ..full
    });
    writer.add_event(&AddressEvent { address: &[1, 2, 3, 4], ..AddressEvent::default() });
    writer.add_malformed(&MalformedMessage::default());
    writer.finish_block(&mut block);
    assert_eq!(block, cbor("{0: {}, 3: [{}]}"));
}

#[test]
fn addresses_are_cut_to_their_prefixes() {
    let storage = StorageParameters {
        ticks_per_second: 1_000_000_000,
        client_prefix_v4: Some(25),
        client_prefix_v6: Some(45),
        server_prefix_v4: Some(13),
        server_prefix_v6: Some(64),
        ..StorageParameters::default()
    };
    round_trip(storage, false, |item| {
        let flags = item.signature.transport_flags;
        let cut = |address: &[u8], bits: usize| -> &'static [u8] {
            let mut address = address[..bits.div_ceil(8)].to_vec();
            (bits..address.len() * 8).for_each(|bit| address[bit / 8] &= !(0x80 >> (bit % 8)));
            address.leak()
        };
        let v6 = |address: &[u8]| is_ipv6(address, flags).expect("whole addresses");
        item.client = item.client.map(|of| cut(of, if v6(of) { 45 } else { 25 }));
        item.signature.server = item.signature.server.map(|of| cut(of, if v6(of) { 64 } else { 13 }));
    });
}

#[test]
fn an_address_of_which_nothing_may_be_kept_is_not_stored() {
    let mut preamble = FilePreamble::default();
    preamble.parameters[0].storage.client_prefix_v4 = Some(0);
    let (mut writer, mut block) = (Writer::new(preamble, 0), Vec::new());
    writer.add(&Item { client: Some(&[192, 0, 2, 1]), ..Item::default() });
    writer.finish_block(&mut block);
    assert_eq!(block, cbor("{0: {}, 3: [{}]}"));
}

#[test]
fn lists_of_opcodes_and_types_are_obeyed_if_asked() {
    let storage = StorageParameters {
        ticks_per_second: 1_000_000_000,
        opcodes: (0..14).collect(),
        rr_types: vec![1, 28, 300],
        ..StorageParameters::default()
    };
    round_trip(storage.clone(), true, |item| assert!(item.signature.opcode.is_none_or(|opcode| opcode < 14)));
    let storage = StorageParameters { rr_types: vec![7], ..storage };
    let preamble = FilePreamble {
        parameters: vec![BlockParameters { storage, collection: None }],
        ..FilePreamble::default()
    };
    let (mut writer, mut block) = (Writer::new(preamble, 0).only_listed(), Vec::new());
    let of = |rtype| Record { class_type: Some(ClassType { rtype, class: 1 }), ..Record::default() };
    let records = [of(1), of(7), of(65_535)];
    writer.add(&Item {
        response: Sections { answers: &records, authority: &records[..1], ..Sections::default() },
        ..Item::default()
    });
    assert!(
        !writer.add(&Item {
            signature: Signature { opcode: Some(15), ..Signature::default() },
            ..Item::default()
        })
    );
    writer.finish_block(&mut block);
    assert_eq!(block, cbor("{0: {}, 2: {1: [{0: 7, 1: 1}], 6: [[0]], 7: [{1: 0}]}, 3: [{12: {1: 0}}]}"));
}

#[test]
fn events_malformed_messages_and_counts_are_written() {
    let (mut writer, mut file) = (Writer::new(FilePreamble::default(), 0), Vec::new());
    writer.begin(&mut file);
    let start = file.len();
    writer.add_event(&AddressEvent {
        kind: 1,
        code: Some(2),
        address: &[192, 0, 2, 1],
        transport_flags: Some(0),
        count: 1 << 40,
    });
    writer.add_malformed(&MalformedMessage {
        time_ns: Some(5_000_007_000),
        client: Some(&[192, 0, 2, 1]),
        client_port: Some(1),
        server: Some(&[192, 0, 2, 2]),
        server_port: Some(53),
        transport_flags: Some(2),
        payload: Some(&[0xFF, 0]),
    });
    writer.add(&Item { time_ns: Some(5_000_009_999), ..Item::default() });
    let mut statistics = BlockStatistics { items: Some(1), ..BlockStatistics::default() };
    statistics.private[11] = Some(3);
    writer.set_statistics(statistics);
    writer.set_times(BlockTimes { earliest_ns: None, start_ns: Some(4_000_000_000), end_ns: None });
    writer.finish_block(&mut file);
    assert_eq!(
        file[start..],
        cbor(
            "{0: {0: [5, 7], -2: [4, 0]}, 1: {1: 1, -12: 3}, 2: {0: [h'C0000201', h'C0000202'], 8: [{0: 1, 1: 53, 2: 2, 3: h'FF00'}]},
              3: [{0: 2}], 4: [{0: 1, 1: 2, 2: 0, 3: 0, 4: 1099511627776}], 5: [{0: 0, 1: 0, 2: 1, 3: 0}]}"
        )
    );
}

#[test]
fn a_block_is_full_when_it_has_its_items_or_is_long() {
    let mut preamble = FilePreamble::default();
    preamble.parameters[0].storage.max_block_items = 3;
    let (mut writer, mut out) = (Writer::new(preamble, 0), Vec::new());
    let rdata = vec![0; 65_535];
    let mut fulls = Vec::new();
    for _ in 0..4 {
        writer.add(&Item::default());
        fulls.push(writer.is_full());
        if writer.is_full() {
            writer.finish_block(&mut out);
        }
    }
    assert_eq!(fulls, [false, false, true, false]);
    let mut preamble = FilePreamble::default();
    preamble.parameters[0].storage.max_block_items = u64::MAX;
    let mut writer = Writer::new(preamble, 0);
    let mut items = 0;
    while !writer.is_full() {
        let mut rdata = rdata.clone();
        rdata[0] = (items >> 8) as u8;
        rdata[1] = items as u8;
        let answers = [Record { rdata: Some(&rdata), ..Record::default() }];
        writer.add(&Item {
            response: Sections { answers: &answers, ..Sections::default() },
            ..Item::default()
        });
        items += 1;
    }
    assert_eq!(items, 256);
}
