//! C-DNS files, written out in CBOR's diagnostic notation (RFC 8949 section 8).
//!
//! A case is a few messages, and the blocks that are written of them, wrapped as it suits. Messages come a second after each other, from or to the
//! server 192.0.2.53, in packets of nothing but IPv4 and UDP.

use dpp::pipeline::{Machine, Watch, run};
use dpp::plan::Plan;
use dpp_sink::TableSink;
use dpp_sink::cdns::{CdnsFile, FIELDS, Field, Prefixes, Sections, Settings};
use std::num::NonZeroUsize;

const CLIENT: [u8; 4] = [198, 51, 100, 7];
const SERVER: [u8; 4] = [192, 0, 2, 53];

/// `www.example.`
const NAME: &[u8] = b"\x03www\x07example\0";
const A_IN: &[u8] = b"\0\x01\0\x01";
/// OPT: version 0, 1232 octets, DO, and a cookie.
const OPT: &[u8] = b"\0\0\x29\x04\xD0\0\0\x80\0\0\x0C\0\x0A\0\x08\x01\x02\x03\x04\x05\x06\x07\x08";

fn message(id: u16, flags: u16, counts: [u16; 4], rest: &[&[u8]]) -> Vec<u8> {
    let words = [id, flags, counts[0], counts[1], counts[2], counts[3]];
    [&words.map(u16::to_be_bytes).concat()[..], &rest.concat()].concat()
}

fn query(id: u16) -> Vec<u8> {
    message(id, 0x0100, [1, 0, 0, 1], &[NAME, A_IN, OPT])
}

/// An alias and an address, all names compressed; the server's OPT record is empty.
fn response(id: u16) -> Vec<u8> {
    let alias = b"\xC0\x0C\0\x05\0\x01\0\0\x0E\x10\0\x04\x01a\xC0\x10";
    let address = b"\xC0\x29\0\x01\0\x01\0\0\0\x3C\0\x04\xCB\0\x71\x09";
    let opt = b"\0\0\x29\x02\0\0\0\x80\0\0\0";
    message(id, 0x8580, [1, 2, 0, 1], &[NAME, A_IN, alias, address, opt])
}

fn capture(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes =
        vec![0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 101, 0, 0, 0];
    for (second, message) in (1_600_000_000_u32..).zip(messages) {
        let from_client = message[2] & 0x80 == 0;
        let udp = if from_client { [40_000, 53] } else { [53, 40_000] };
        let (source, destination) = if from_client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let length = 28 + message.len() as u16;
        for word in [second, 250_000, length.into(), length.into()] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        let [high, low] = length.to_be_bytes();
        bytes.extend_from_slice(&[0x45, 0, high, low, 0, 0, 0, 0, 57, 17, 0, 0]);
        bytes.extend_from_slice(&[source, destination].concat());
        bytes.extend_from_slice(&[udp[0], udp[1], length - 20, 0].map(u16::to_be_bytes).concat());
        bytes.extend_from_slice(message);
    }
    bytes
}

/// What is written of these messages, with chunks of so many packets.
fn written(messages: &[Vec<u8>], settings: &Settings, chunk_packets: usize) -> Vec<u8> {
    let plan = Plan {
        unasked: true,
        match_timeout_ns: 5_000_000_000,
        sink_needs: settings.needs(),
        ..Plan::default()
    };
    let machine = Machine { chunk_packets, ..Machine::new(NonZeroUsize::MIN, chunk_packets as u64) };
    let sink = CdnsFile::new(Vec::new(), &plan, settings, chunk_packets as u64).expect("memory");
    run(dpp::capture::single(&capture(messages)[..]), &plan, &machine, &sink, &Watch::default())
        .expect("a run");
    sink.finish(Vec::new()).expect("memory")
}

/// Checks the blocks.
fn check(messages: &[Vec<u8>], settings: &Settings, expected: &str) {
    let file = written(messages, settings, 1);
    assert_eq!(file, written(messages, settings, usize::MAX), "other chunks");
    let mut told = String::new();
    assert_eq!(tell(&file, &mut told), b"", "one value");
    let (_, blocks) = told.split_once("[_ ").expect("blocks");
    let expected: Vec<&str> = expected.split_whitespace().collect();
    assert_eq!(blocks.strip_suffix("]]").expect("they end"), expected.join(" "));
}

/// Writes a value in diagnostic notation; gives what is behind it.
fn tell<'a>(bytes: &'a [u8], out: &mut String) -> &'a [u8] {
    let (first, rest) = bytes.split_first().expect("a value");
    let (argument, mut rest) = match first & 0x1F {
        few @ 0..24 => (u64::from(few), rest),
        31 => (u64::MAX, rest),
        size => {
            let (number, rest) = rest.split_at(1 << (size - 24));
            (number.iter().fold(0, |number, octet| number << 8 | u64::from(*octet)), rest)
        }
    };
    match first >> 5 {
        0 => *out += &argument.to_string(),
        1 => *out += &format!("-{}", argument + 1),
        kind @ (2 | 3) => {
            let (octets, behind) = rest.split_at(argument as usize);
            rest = behind;
            *out += &match kind {
                2 => format!("h'{}'", octets.iter().map(|octet| format!("{octet:02X}")).collect::<String>()),
                _ => format!("\"{}\"", std::str::from_utf8(octets).expect("UTF-8")),
            };
        }
        kind => {
            let (opens, closes) = if kind == 4 { ("[", "]") } else { ("{", "}") };
            *out += if argument == u64::MAX && kind == 4 { "[_ " } else { opens };
            for number in 0..argument {
                if rest[0] == 0xFF {
                    rest = &rest[1..];
                    break;
                }
                *out += if number > 0 { ", " } else { "" };
                rest = tell(rest, out);
                if kind == 5 {
                    *out += ": ";
                    rest = tell(rest, out);
                }
            }
            *out += closes;
        }
    }
    rest
}

fn without(names: &[&str]) -> Settings {
    let excluded = names.iter().map(|name| Field::named(name).expect(name)).collect();
    Settings { excluded, ..Settings::default() }
}

#[test]
fn a_query_and_its_response_are_an_item() {
    check(
        &[query(7), response(7)],
        &Settings::default(),
        "{0: {0: [1600000000, 250000]}, 1: {0: 2, 1: 1, 2: 0, 3: 0, 5: 0},
         2: {0: [h'C6336407', h'C0000235'],
         1: [{0: 1, 1: 1}, {0: 5, 1: 1}, {0: 41, 1: 512}],
         2: [h'000A00080102030405060708', h'03777777076578616D706C6500', h'0161076578616D706C6500',
           h'CB007109', h'00', h''],
         3: [{0: 1, 1: 53, 2: 0, 4: 15, 5: 0, 6: 153744, 7: 0, 8: 0, 9: 1, 10: 0, 11: 0, 12: 1, 13: 0,
           14: 1232, 15: 0, 16: 0}],
         6: [[0, 1], [2]],
         7: [{0: 1, 1: 1, 2: 3600, 3: 2}, {0: 2, 1: 0, 2: 60, 3: 3}, {0: 4, 1: 2, 2: 32768, 3: 5}]},
         3: [{0: 0, 1: 0, 2: 40000, 3: 7, 4: 0, 5: 57, 6: 1000000, 7: 1, 8: 52, 9: 72, 12: {1: 0, 3:
           1}}]}",
    );
}

#[test]
fn without_sections_only_the_question_is_stored() {
    let settings = Settings { sections: Sections::None, ..Settings::default() };
    check(
        &[query(7), response(7)],
        &settings,
        "{0: {0: [1600000000, 250000]}, 1: {0: 2, 1: 1, 2: 0, 3: 0, 5: 0},
         2: {0: [h'C6336407', h'C0000235'], 1: [{0: 1, 1: 1}], 2: [h'000A00080102030405060708',
           h'03777777076578616D706C6500'],
         3: [{0: 1, 1: 53, 2: 0, 4: 15, 5: 0, 6: 153744, 7: 0, 8: 0, 9: 1, 10: 0, 11: 0, 12: 1, 13: 0,
           14: 1232, 15: 0, 16: 0}]},
         3: [{0: 0, 1: 0, 2: 40000, 3: 7, 4: 0, 5: 57, 6: 1000000, 7: 1, 8: 52, 9: 72}]}",
    );
}

#[test]
fn what_has_no_other_half_is_an_item_too_and_counted() {
    let settings = Settings { sections: Sections::None, ..Settings::default() };
    check(
        &[query(1), response(2), query(3), response(3)],
        &settings,
        "{0: {0: [1600000000, 250000]}, 1: {0: 4, 1: 3, 2: 1, 3: 1, 5: 0},
         2: {0: [h'C6336407', h'C0000235'], 1: [{0: 1, 1: 1}], 2: [h'000A00080102030405060708',
           h'03777777076578616D706C6500'],
         3: [{0: 1, 1: 53, 2: 0, 4: 5, 5: 0, 6: 144, 7: 0, 8: 0, 9: 1, 10: 0, 11: 0, 12: 1, 13: 0, 14:
           1232, 15: 0},
         {0: 1, 1: 53, 2: 0, 4: 10, 5: 0, 6: 153600, 8: 0, 9: 1, 10: 2, 11: 0, 12: 1, 16: 0},
         {0: 1, 1: 53, 2: 0, 4: 15, 5: 0, 6: 153744, 7: 0, 8: 0, 9: 1, 10: 0, 11: 0, 12: 1, 13: 0, 14:
           1232, 15: 0, 16: 0}]},
         3: [{0: 0, 1: 0, 2: 40000, 3: 1, 4: 0, 5: 57, 7: 1, 8: 52}, {0: 1000000, 1: 0, 2: 40000, 3: 2,
           4: 1, 7: 1, 9: 72},
         {0: 2000000, 1: 0, 2: 40000, 3: 3, 4: 2, 5: 57, 6: 1000000, 7: 1, 8: 52, 9: 72}]}",
    );
}

#[test]
fn a_query_that_cannot_be_read_is_a_malformed_message() {
    let damaged = message(9, 0, [1, 0, 0, 0], &[b"\x03www\x80"]);
    check(
        &[damaged.clone(), query(7)],
        &Settings::default(),
        "{0: {0: [1600000000, 250000]}, 1: {0: 1, 1: 1, 2: 1, 3: 0, 5: 1},
         2: {0: [h'C6336407', h'C0000235'], 1: [{0: 1, 1: 1}], 2: [h'000A00080102030405060708',
           h'03777777076578616D706C6500'],
         3: [{0: 1, 1: 53, 2: 0, 4: 5, 5: 0, 6: 144, 7: 0, 8: 0, 9: 1, 10: 0, 11: 0, 12: 1, 13: 0, 14:
           1232, 15: 0}],
         8: [{0: 1, 1: 53, 2: 0, 3: h'0009000000010000000000000377777780'}]},
         3: [{0: 1000000, 1: 0, 2: 40000, 3: 7, 4: 0, 5: 57, 7: 1, 8: 52}], 5: [{0: 0, 1: 0, 2: 40000,
           3: 0}]}",
    );
    // The answer to it is an item without a query.
    let bare = message(9, 0x8001, [0, 0, 0, 0], &[]);
    check(
        &[damaged.clone(), bare.clone()],
        &Settings::default(),
        "{0: {0: [1600000000, 250000]}, 1: {0: 1, 1: 1, 2: 0, 3: 1, 5: 1},
         2: {0: [h'C6336407', h'C0000235'],
         3: [{0: 1, 1: 53, 2: 0, 4: 34, 5: 0, 6: 0, 9: 0, 10: 0, 11: 0, 12: 0, 16: 1}],
         8: [{0: 1, 1: 53, 2: 0, 3: h'0009000000010000000000000377777780'}]},
         3: [{0: 1000000, 1: 0, 2: 40000, 3: 9, 4: 0, 9: 12}], 5: [{0: 0, 1: 0, 2: 40000, 3: 0}]}",
    );
    check(
        &[damaged, bare],
        &without(&["malformed-messages"]),
        "{0: {0: [1600000001, 250000]}, 1: {0: 1, 1: 1, 2: 0, 3: 1},
         2: {0: [h'C6336407', h'C0000235'],
         3: [{0: 1, 1: 53, 2: 0, 4: 34, 5: 0, 6: 0, 9: 0, 10: 0, 11: 0, 12: 0, 16: 1}]},
         3: [{0: 0, 1: 0, 2: 40000, 3: 9, 4: 0, 9: 12}]}",
    );
}

#[test]
fn a_message_of_several_questions_is_one_item() {
    let other = b"\x05other\0\0\x1C\0\x01";
    let asks = message(7, 0x0100, [2, 0, 0, 0], &[NAME, A_IN, other]);
    let answers = message(7, 0x8100, [2, 0, 0, 0], &[NAME, A_IN, other]);
    check(
        &[asks, answers],
        &Settings::default(),
        "{0: {0: [1600000000, 250000]}, 1: {0: 2, 1: 1, 2: 0, 3: 0, 5: 0},
         2: {0: [h'C6336407', h'C0000235'], 1: [{0: 1, 1: 1}, {0: 28, 1: 1}],
         2: [h'03777777076578616D706C6500', h'056F7468657200'],
         3: [{0: 1, 1: 53, 2: 0, 4: 3, 5: 0, 6: 4112, 7: 0, 8: 0, 9: 2, 10: 0, 11: 0, 12: 0, 16: 0}],
         4: [[0]], 5: [{0: 1, 1: 1}]},
         3: [{0: 0, 1: 0, 2: 40000, 3: 7, 4: 0, 5: 57, 6: 1000000, 7: 0, 8: 40, 9: 40, 11: {0: 0}, 12:
           {0: 0}}]}",
    );
}

#[test]
fn octets_behind_a_query_are_told() {
    let settings = Settings { sections: Sections::None, ..Settings::default() };
    check(
        &[[&query(7)[..], b"more"].concat()],
        &settings,
        "{0: {0: [1600000000, 250000]}, 1: {0: 1, 1: 1, 2: 1, 3: 0, 5: 0},
         2: {0: [h'C6336407', h'C0000235'], 1: [{0: 1, 1: 1}], 2: [h'000A00080102030405060708',
           h'03777777076578616D706C6500'],
         3: [{0: 1, 1: 53, 2: 32, 4: 5, 5: 0, 6: 144, 7: 0, 8: 0, 9: 1, 10: 0, 11: 0, 12: 1, 13: 0, 14:
           1232, 15: 0}]},
         3: [{0: 0, 1: 0, 2: 40000, 3: 7, 4: 0, 5: 57, 7: 1, 8: 56}]}",
    );
}

#[test]
fn a_block_has_so_many_items() {
    let settings =
        Settings { sections: Sections::None, block_items: 2, ..without(&["query-name", "query-opt-rdata"]) };
    check(
        &[query(1), query(2), query(3)],
        &settings,
        "{0: {0: [1600000000, 250000]}, 1: {0: 2, 1: 2, 2: 2, 3: 0, 5: 0},
         2: {0: [h'C6336407', h'C0000235'], 1: [{0: 1, 1: 1}],
         3: [{0: 1, 1: 53, 2: 0, 4: 5, 5: 0, 6: 144, 7: 0, 8: 0, 9: 1, 10: 0, 11: 0, 12: 1, 13: 0, 14:
           1232}]},
         3: [{0: 0, 1: 0, 2: 40000, 3: 1, 4: 0, 5: 57, 8: 52}, {0: 1000000, 1: 0, 2: 40000, 3: 2, 4: 0,
           5: 57, 8: 52}]},
         {0: {0: [1600000002, 250000]}, 1: {0: 1, 1: 1, 2: 1, 3: 0, 5: 0},
         2: {0: [h'C6336407', h'C0000235'], 1: [{0: 1, 1: 1}],
         3: [{0: 1, 1: 53, 2: 0, 4: 5, 5: 0, 6: 144, 7: 0, 8: 0, 9: 1, 10: 0, 11: 0, 12: 1, 13: 0, 14:
           1232}]},
         3: [{0: 0, 1: 0, 2: 40000, 3: 3, 4: 0, 5: 57, 8: 52}]}",
    );
}

#[test]
fn addresses_are_cut_and_times_as_fine_as_wanted() {
    let prefixes = Prefixes { client_v4: Some(20), server_v4: Some(24), ..Prefixes::default() };
    let settings = Settings {
        prefixes,
        ticks_per_second: 1_000_000_000,
        sections: Sections::None,
        ..Settings::default()
    };
    check(
        &[query(7), response(7)],
        &settings,
        "{0: {0: [1600000000, 250000000]}, 1: {0: 2, 1: 1, 2: 0, 3: 0, 5: 0},
         2: {0: [h'C63360', h'C00002'], 1: [{0: 1, 1: 1}], 2: [h'000A00080102030405060708',
           h'03777777076578616D706C6500'],
         3: [{0: 1, 1: 53, 2: 0, 4: 15, 5: 0, 6: 153744, 7: 0, 8: 0, 9: 1, 10: 0, 11: 0, 12: 1, 13: 0,
           14: 1232, 15: 0, 16: 0}]},
         3: [{0: 0, 1: 0, 2: 40000, 3: 7, 4: 0, 5: 57, 6: 1000000000, 7: 1, 8: 52, 9: 72}]}",
    );
}

#[test]
fn lists_of_opcodes_and_types_are_obeyed() {
    let settings = Settings { rr_types: Some(vec![1]), opcodes: Some(vec![0]), ..Settings::default() };
    let notify = message(8, 0x2000, [1, 0, 0, 0], &[NAME, A_IN]);
    check(
        &[query(7), response(7), notify],
        &settings,
        "{0: {0: [1600000000, 250000]}, 1: {0: 2, 1: 1, 2: 0, 3: 0, 4: 1, 5: 0},
         2: {0: [h'C6336407', h'C0000235'], 1: [{0: 1, 1: 1}],
         2: [h'000A00080102030405060708', h'03777777076578616D706C6500', h'0161076578616D706C6500',
           h'CB007109'],
         3: [{0: 1, 1: 53, 2: 0, 4: 15, 5: 0, 6: 153744, 7: 0, 8: 0, 9: 1, 10: 0, 11: 0, 12: 1, 13: 0,
           14: 1232, 15: 0, 16: 0}],
         6: [[0]], 7: [{0: 2, 1: 0, 2: 60, 3: 3}]},
         3: [{0: 0, 1: 0, 2: 40000, 3: 7, 4: 0, 5: 57, 6: 1000000, 7: 1, 8: 52, 9: 72, 12: {1: 0}}]}",
    );
}

#[test]
fn without_every_field_nothing_but_items_is_left() {
    let all: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    check(&[query(7), response(7)], &without(&all), "{0: {}, 1: {0: 2, 1: 1, 2: 0, 3: 0}, 3: [{}]}");
}
