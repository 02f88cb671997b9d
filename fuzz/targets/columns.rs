//! Columns: of any capture, any messages and any frames, both ways to ask a column say the same, of its kind, and text is text;
//! and what is in the records of the messages, and in their options, is one line of ASCII that tells all of it.
//!
//! The input's first octet says what the rest is: a capture, pieces that are messages, or pieces that are frames of dnstap.
//! Before a piece stands its length, two octets. Started by `fuzz/run`.

#![no_main]

#[path = "../../crates/dpp/tests/columns/asked.rs"]
#[allow(dead_code)]
mod asked;

use asked::{capture_of, rows, stream_of};
use dpp::dns::edns::{Opt, write_option};
use dpp::dns::rdata::{expand_rdata, rdata_address, rdata_name, write_rdata};
use dpp::dns::{Message, Record};
use dpp::limits::RECORDS_TEXT_MAX;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((&how, rest)) = input.split_first() else { return };
    let told = match how & 3 {
        0 => rows(rest),
        1 => rows(&stream_of(&pieces(rest))),
        _ => {
            let messages = pieces(rest);
            messages.iter().for_each(|message| check_records(message));
            rows(&capture_of(&messages))
        }
    };
    for row in told {
        for list in ["answers", "authority", "additional"] {
            // The separators that the list is written with here come to little.
            assert!(row[list].len() <= 2 * RECORDS_TEXT_MAX);
            assert_eq!(row[list] == "-", row["response_wire"] == "-" || is_unknown(list, &row));
        }
    }
});

/// Whether a section that is announced cannot be read.
fn is_unknown(list: &str, row: &asked::Row) -> bool {
    let count = match list {
        "answers" => "ancount",
        "authority" => "nscount",
        _ => "arcount",
    };
    row[list] == "-" && row[count] != "0"
}

/// Lengths and as much of the octets behind each as there is.
fn pieces(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(behind.len());
        let (piece, behind) = behind.split_at(length);
        // A frame has at least an octet.
        pieces.extend((!piece.is_empty()).then_some(piece));
        rest = behind;
    }
    pieces
}

/// All records that are found from any place on that could be the end of the questions.
fn check_records(bytes: &[u8]) {
    let Some(message) = Message::parse(bytes) else { return };
    for at in [Message::QUESTIONS, message.skip_question(Message::QUESTIONS).unwrap_or(bytes.len())] {
        message.records(at).for_each(|record| check_record(bytes, &record));
        assert_eq!(message.opt(at), message.opt_record(at).and_then(|record| Opt::of(&record)));
    }
}

fn check_record(message: &[u8], record: &Record) {
    let text = text_of(message, record);
    assert!(text.iter().all(|octet| (b' '..=b'~').contains(octet)), "{}", text.escape_ascii());
    let (mut expanded, mut scratch) = (Vec::new(), [0; 255]);
    expand_rdata(message, record, &mut expanded);
    match text.strip_prefix(b"\\# ") {
        Some(unknown) => assert_eq!(unknown, unknown_text(record.rdata)),
        None => {
            // Without compression it is its own message.
            let alone = Record { rdata_at: 0, rdata: &expanded, ..*record };
            assert_eq!(
                text_of(&expanded, &alone).escape_ascii().to_string(),
                text.escape_ascii().to_string()
            );
            let mut again = Vec::new();
            expand_rdata(&expanded, &alone, &mut again);
            assert_eq!(again, expanded);
            let mut other = [0; 255];
            assert_eq!(rdata_name(message, record, &mut scratch), rdata_name(&expanded, &alone, &mut other));
        }
    }
    if let Some(address) = rdata_address(record) {
        assert_eq!(text, address.to_string().as_bytes());
    }
    let Some(opt) = Opt::of(record) else { return };
    let (mut options, mut read) = (opt.options(), 0);
    for (code, data) in options.by_ref() {
        read += 4 + data.len();
        let mut text = Vec::new();
        write_option(code, data, &mut text);
        assert!(!text.is_empty() && text.iter().all(|octet| (b' '..=b'~').contains(octet)));
    }
    assert_eq!(options.is_complete(), read == record.rdata.len());
}

fn text_of(message: &[u8], record: &Record) -> Vec<u8> {
    let mut text = Vec::new();
    write_rdata(message, record, &mut text);
    text
}

/// RFC 3597, behind its mark.
fn unknown_text(rdata: &[u8]) -> Vec<u8> {
    let digits: String = rdata.iter().map(|octet| format!("{octet:02X}")).collect();
    format!("{} {digits}", rdata.len()).trim_end().as_bytes().to_vec()
}
