//! C-DNS through the whole program: the rows of every file, field by field, against what inspector reads in it.
//!
//! `cdns/NAME.cdns` (`.gz`, `.xz`) is by dns-stats compactor, `cdns/NAME.rows.tsv` (`.xz`) by its inspector: a line an item, in
//! the order of the file. What a file does not store must be absent from our rows; in [`WITH_DEFAULTS`] inspector put something
//! there, so that what equals [`DEFAULTS`] may be absent.

use crate::collection::{self, Row, Table};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files that inspector reads only with something in the place of what is not stored.
const WITH_DEFAULTS: [&str; 5] =
    ["dnstap", "ex-addresses", "ex-times-and-id", "ex-signature", "ex-names-only"];

/// What it puts there, by our columns. (Of flags, none is set.)
const DEFAULTS: [(&str, &str); 15] = [
    ("src_ip", "0.0.0.0"),
    ("dst_ip", "0.0.0.0"),
    ("src_port", "0"),
    ("dst_port", "0"),
    ("ip_version", "4"),
    ("ip_ttl", "0"),
    ("transport", "udp"),
    ("id", "0"),
    ("opcode", "0"),
    ("rcode", "0"),
    ("qtype", "1"),
    ("qclass", "1"),
    ("edns_version", "0"),
    ("edns_udp_size", "0"),
    ("rtt_ns", "0"),
];

const RESPONSE_OPT: u32 = 8;
const QUERY_OPT: u32 = 4;

const QUERY_FLAGS: [(&str, u32); 7] =
    [("q_cd", 0), ("q_ad", 1), ("q_z", 2), ("q_ra", 3), ("q_rd", 4), ("q_tc", 5), ("q_aa", 6)];
const RESPONSE_FLAGS: [(&str, u32); 7] =
    [("cd", 8), ("ad", 9), ("z", 10), ("ra", 11), ("rd", 12), ("tc", 13), ("aa", 14)];

fn folder() -> PathBuf {
    std::env::var_os("DPP_CAPTURES").map_or_else(collection::project_folder, PathBuf::from).join("cdns")
}

/// All files: name, path, and inspector's reading.
fn files() -> Vec<(String, PathBuf, Table)> {
    let entries = std::fs::read_dir(folder()).expect("a folder of C-DNS files");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().filter_map(file).collect()
}

fn file(path: PathBuf) -> Option<(String, PathBuf, Table)> {
    let (name, packing) = path.file_name()?.to_str()?.rsplit_once(".cdns")?;
    let name = ["", ".gz", ".xz"].contains(&packing).then(|| name.to_owned())?;
    let rows = [".rows.tsv", ".rows.tsv.xz"].map(|end| folder().join(format!("{name}{end}")));
    let rows = rows.iter().find_map(|path| collection::text(path));
    let rows = rows.unwrap_or_else(|| panic!("{name}: no rows"));
    Some((name, path, Table::parse(&rows)))
}

/// The rows that the program writes of a file.
pub(crate) fn rows(path: &Path, more: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join("rows.jsonl");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dpp"));
    command.args(["extract", "--schema", "full", "--unasked", "-f", "jsonl"]).args(more);
    let output = command.arg(path).arg("-o").arg(&table).output().expect("dpp starts");
    assert!(output.status.success(), "{}: {output:?}", path.display());
    let text = std::fs::read_to_string(table).expect("a table");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
}

#[test]
fn rows_of_items_are_what_inspector_reads() {
    let mut wrong = Vec::new();
    let files = files();
    assert!(files.len() > 30, "the collection is there");
    for (name, path, table) in files {
        let (ours, theirs): (Vec<_>, Vec<_>) = (rows(&path, &[]), table.rows().collect());
        assert_eq!(ours.len(), theirs.len(), "{name}: rows");
        let may_be_default = WITH_DEFAULTS.contains(&&name[..]);
        for (number, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            for (column, expected) in expected(theirs) {
                let told = told(column, &ours[column]);
                let is_default = expected == "false"
                    || expected == "[]"
                    || DEFAULTS.contains(&(column, &expected))
                    || column.ends_with("_time");
                if told != expected && !(told.is_empty() && may_be_default && is_default) {
                    wrong.push(format!("{name}, row {number}, {column}: {told:?}, not {expected:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

/// Our value as text; nothing if there is none. Names as octets, as inspector escapes them otherwise.
fn told(column: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if column == "qname" => octets(text, 8),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What our columns must say of an item.
fn expected(theirs: &Row) -> Vec<(&'static str, String)> {
    let [has_query, has_response] =
        ["query_response_has_query", "query_response_has_response"].map(|column| theirs.is_set(column));
    let on = |side: bool, text: &str| if side { text.to_owned() } else { String::new() };
    let number = |column| theirs.number::<u32>(column).unwrap_or_default();
    let (flags, transport) = (number("dns_flags"), number("transport_flags"));
    let kinds = number("query_response_flags");
    let bit = |bit: u32| (flags >> bit & 1 == 1).to_string();
    let has_question = kinds & if has_query { 16 } else { 32 } == 0;
    let time_ns: i64 = theirs.number("timestamp_nanosecs").expect("a time");
    let delay_ns: i64 = theirs.number("response_delay_nanosecs").unwrap_or_default();
    let answered_ns = if has_query { time_ns + delay_ns } else { time_ns };
    let codes = theirs.get("query_opt_codes").trim_end_matches(',');
    let mut expected = vec![
        ("query_time", on(has_query, &utc(time_ns))),
        ("response_time", on(has_response, &utc(answered_ns))),
        ("rtt_ns", on(has_query && has_response, &delay_ns.to_string())),
        ("src_ip", theirs.get("client_address").to_owned()),
        ("src_port", theirs.get("client_port").to_owned()),
        ("dst_ip", theirs.get("server_address").to_owned()),
        ("dst_port", theirs.get("server_port").to_owned()),
        ("ip_version", if transport & 1 == 1 { "6" } else { "4" }.to_owned()),
        ("ip_ttl", on(has_query, theirs.get("client_hoplimit"))),
        ("transport", ["udp", "tcp", "dot", "dtls", "doh"][(transport >> 1 & 15) as usize].to_owned()),
        ("id", theirs.get("id").to_owned()),
        ("opcode", theirs.get("query_opcode").to_owned()),
        ("rcode", on(has_response, theirs.get("response_rcode"))),
        ("qtype", theirs.get("query_type").to_owned()),
        ("qclass", theirs.get("query_class").to_owned()),
        ("query_size", on(has_query, theirs.get("query_len"))),
        ("response_size", on(has_response, theirs.get("response_len"))),
        ("edns_version", theirs.get("query_edns_version").to_owned()),
        ("edns_udp_size", theirs.get("query_edns_udp_payload_size").to_owned()),
        ("edns_do", on(!theirs.get("query_edns_udp_payload_size").is_empty(), &bit(7))),
        ("edns_options", on(kinds & QUERY_OPT != 0, &format!("[{codes}]"))),
    ];
    // The root is nothing to inspector, and so is a name that is not stored: there our column has none either.
    let name = octets(theirs.get("query_name"), 16);
    match (has_question, &name[..]) {
        (true, "") => {}
        _ => expected.push(("qname", name)),
    }
    expected.extend(QUERY_FLAGS.map(|(column, number)| (column, on(has_query, &bit(number)))));
    expected.extend(RESPONSE_FLAGS.map(|(column, number)| (column, on(has_response, &bit(number)))));
    if kinds & RESPONSE_OPT == 0 {
        expected.push(("response_edns_udp_size", String::new()));
    }
    expected
}

/// A name without its escapes, in hexadecimal. Ours are octal; those of C hexadecimal, or letters.
fn octets(text: &str, radix: u32) -> String {
    let (mut rest, mut octets) = (text.as_bytes(), Vec::new());
    while let [first, after @ ..] = rest {
        let digits = |from: usize, to: usize| {
            let digits = std::str::from_utf8(after.get(from..to)?).ok()?;
            u8::from_str_radix(digits, radix).ok()
        };
        let (octet, length) = match (first, after.first(), radix) {
            (b'\\', Some(b'0'..=b'9'), 8) => (digits(0, 3).expect("three digits"), 4),
            (b'\\', Some(b'x'), 16) => (digits(1, 3).expect("two digits"), 4),
            (b'\\', Some(code), 16) => {
                let known = b"0\0a\x07b\x08t\tn\nv\x0bf\x0cr\r";
                (known.chunks(2).find(|pair| pair[0] == *code).map_or(*code, |pair| pair[1]), 2)
            }
            (b'\\', Some(code), _) => (*code, 2),
            _ => (*first, 1),
        };
        octets.push(octet);
        rest = &rest[length..];
    }
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A time as our columns write it.
fn utc(ns: i64) -> String {
    let (days, ns) = (ns.div_euclid(86_400_000_000_000), ns.rem_euclid(86_400_000_000_000));
    // Years begin in March, so that the leap day is the last (Howard Hinnant's civil_from_days).
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, ns) = (ns / 1_000_000_000, ns % 1_000_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ns:09}Z")
}
