//! Captures that are written as messages and read again: rows of what comes back are those of the capture itself, but for
//! what the format in between has no place for. Others read what was written, too: `fstrm_dump`, `dnstap-read`, `dnstap-ldns` and `tshark`.

use crate::cdns::rows;
use crate::collection::Collection;
use crate::ours::{self, Opened};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Columns that a packet of its own for each message cannot tell, and why.
const LOST_IN_PCAP: [(&str, &str); 14] = [
    ("input", "another file"),
    ("frame_query", "packets that are no messages of rows are left out"),
    ("frame_response", "likewise"),
    ("query_count", "a query is written once"),
    ("udp_checksum", "it is over another packet"),
    ("query_ip_length", "fragments and segments become one packet"),
    ("response_ip_length", "likewise"),
    ("tcp_rtt_ns", "handshakes are no messages"),
    ("vlan", "what lay around the message is left out"),
    ("tunnel", "likewise"),
    ("tunnel_id", "likewise"),
    ("response_messages", "of a zone transfer only the first message is kept"),
    ("response_bytes", "likewise"),
    ("truncated_at", "a message that was cut is as long as what there was of it"),
];

/// Columns that dnstap cannot tell beside those.
const LOST_IN_DNSTAP: [(&str, &str); 3] = [
    ("ip_ttl", "frames have no packets"),
    ("response_ip_ttl", "likewise"),
    ("dnstap_role", "it is told of what comes from dnstap only"),
];

/// Rows of messages whose bytes were not all captured come back as what there was: lengths and errors differ, and nobody can
/// tell any more that an option may have been cut off.
const OF_CUT_MESSAGES: [&str; 5] =
    ["query_size", "response_size", "parse_error", "cookie_client", "cookie_server"];

/// Writes what the program makes of a capture as messages, into `folder`.
fn pass_on(capture: &Path, format: &str, folder: &Path) -> PathBuf {
    let path = folder.join(format!("messages.{format}"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_dpp"));
    command.args(["extract", "--unasked", "-f", format]).arg(capture).arg("-o").arg(&path);
    if format == "cdns" {
        command.args(["--cdns-ticks", "ns"]);
    }
    let output = command.output().expect("dpp starts");
    assert!(output.status.success(), "{}: {output:?}", capture.display());
    path
}

fn differences(direct: &[Value], back: &[Value], lost: &[&str]) -> Vec<String> {
    if direct.len() != back.len() {
        return vec![format!("{} rows, not {}", back.len(), direct.len())];
    }
    let (direct, back) = (by_time(direct), by_time(back));
    let mut differences = Vec::new();
    for (number, (direct, back)) in direct.into_iter().zip(back).enumerate() {
        let is_cut = !direct["truncated_at"].is_null();
        for (column, value) in direct.as_object().expect("an object") {
            let is_lost = lost.contains(&&column[..]) || is_cut && OF_CUT_MESSAGES.contains(&&column[..]);
            if !is_lost && back[column] != *value {
                differences.push(format!("row {number}, {column}: {}, not {value}", back[column]));
            }
        }
    }
    differences
}

/// Rows in an order of their own: messages are written by time, and some were captured in another order.
fn by_time(rows: &[Value]) -> Vec<&Value> {
    let mut rows: Vec<&Value> = rows.iter().collect();
    rows.sort_by_key(|row| {
        let time = if row["query_time"].is_null() { &row["response_time"] } else { &row["query_time"] };
        [time, &row["src_ip"], &row["src_port"], &row["id"], &row["qname"], &row["match"]]
            .map(Value::to_string)
    });
    rows
}

/// Captures whose rows come back otherwise, and why.
const OTHERWISE: [(&str, &str, &str); 11] = [
    ("dpkt__truncated_dns_2.pcap", "cdns", CUT),
    ("ndpi__malformed_dns.pcap", "cdns", CUT),
    ("tcpdump__dns-badlabel.pcap", "cdns", CUT),
    ("suricata__dns-detect-query-03.pcap", "pcap", "a TTL of 0 is written as 64"),
    ("compactor__knot-live.ignored.pcap.xz", "cdns", UNREADABLE),
    ("compactor__knot-live.raw.pcap.xz", "cdns", UNREADABLE),
    ("compactor__malformed.pcap.xz", "cdns", UNREADABLE),
    ("ndpi__fuzz-2006-06-26-2594.pcap", "cdns", UNREADABLE),
    ("pcapsql__triple_encap_vxlan_ipinip.pcap", "cdns", UNREADABLE),
    ("pcpp__DnsTooManyResources.pcap", "cdns", UNREADABLE),
    ("suricata__dns-udp-junkrequest-first.pcap", "cdns", UNREADABLE),
];

const CUT: &str =
    "of a message that is damaged or cut, what is missing cannot be told from what is not there";
const UNREADABLE: &str = "a query whose question cannot be read is a malformed message there, and no item";

fn check(format: &str, lost: &[&str], read: impl Fn(&Path, usize) -> Result<(), String>) {
    let mut wrong = Vec::new();
    for capture in Collection::open().captures {
        if ours::open(&capture) != Opened::Capture {
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let written = pass_on(&capture.path, format, folder.path());
        let (direct, back) = (rows(&capture.path, &[]), rows(&written, &[]));
        let mut differences = differences(&direct, &back, lost);
        differences.extend(read(&written, messages(&direct)).err());
        let is_listed = OTHERWISE.iter().any(|(name, of, _)| *name == capture.name && *of == format);
        match (differences.first(), is_listed) {
            (None, true) => wrong.push(format!("{}: comes back as it was, and is listed", capture.name)),
            (Some(first), false) => {
                wrong.push(format!("{}: {} differences, {first}", capture.name, differences.len()));
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{format}:\n{}", wrong.join("\n"));
}

/// How many messages rows stand for. One with several questions is of several rows.
fn messages(rows: &[Value]) -> usize {
    let mut shared = BTreeSet::new();
    let mut is_new = |row: &Value, frame: &str, questions: &str| {
        let message = [frame, "src_ip", "src_port", "id"].map(|column| row[column].to_string());
        !row[frame].is_null()
            && (row[questions].as_u64() <= Some(1) || shared.insert((frame.to_owned(), message)))
    };
    let of = |row| {
        usize::from(is_new(row, "frame_query", "q_qdcount"))
            + usize::from(is_new(row, "frame_response", "qdcount"))
    };
    rows.iter().map(of).sum()
}

fn run(program: &str, arguments: &[&str], path: &Path) -> Result<String, String> {
    let Output { status, stdout, stderr } =
        Command::new(program).args(arguments).arg(path).output().unwrap_or_else(|error| {
            panic!("{program}: {error} (tools/peers installs it)");
        });
    match status.success() {
        true => Ok(String::from_utf8_lossy(&stdout).into_owned()),
        false => Err(format!("{program}: {status}, {}", String::from_utf8_lossy(&stderr))),
    }
}

#[test]
fn rows_come_back_from_packets() {
    let lost: Vec<&str> = LOST_IN_PCAP.iter().map(|(column, _)| *column).collect();
    check("pcap", &lost, |path, messages| {
        let read = run("tshark", &["-n", "-T", "fields", "-e", "frame.number", "-r"], path)?;
        let count = read.lines().count();
        (count >= messages).then_some(()).ok_or(format!("tshark: {count} packets of {messages} messages"))
    });
}

#[test]
fn rows_come_back_from_frames() {
    let lost = LOST_IN_PCAP.iter().chain(&LOST_IN_DNSTAP).map(|(column, _)| *column);
    check("dnstap", &lost.collect::<Vec<_>>(), |path, messages| {
        run("fstrm_dump", &[], path)?;
        // It shows no responses that are nothing but a header.
        run("dnstap-read", &[], path)?;
        let read = run("dnstap-ldns", &["-q", "-r"], path)?;
        let count = read.lines().count();
        (count == messages).then_some(()).ok_or(format!("dnstap-ldns: {count} frames of {messages} messages"))
    });
}

/// What is told of a frame: its direction, second, client, server, id, length, number of answers and code.
type Told = (&'static str, [String; 8]);

/// What `dnstap-read -y` tells of a frame.
fn told_by_peer(document: &str) -> Told {
    let field = |name: &str| {
        let line = document.lines().find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(": "));
        line.map(|value| value.trim_matches('"').to_owned()).unwrap_or_default()
    };
    let direction = if document.contains("_RESPONSE\n") { "response" } else { "query" };
    let time = field(&format!("{direction}_time"));
    let end =
        |side: &str| format!("{} {}", field(&format!("{side}_address")), field(&format!("{side}_port")));
    let code = if direction == "response" { field("status") } else { String::new() };
    let length = field("message_size").trim_end_matches('b').to_owned();
    let second = time.trim_start_matches("!!timestamp ").trim_end_matches('Z').to_owned();
    let told = [
        second,
        end("query"),
        end("response"),
        field("id"),
        length,
        field("ANSWER"),
        code,
        field("query_zone"),
    ];
    (direction, told)
}

/// What our rows tell of the frames.
fn told_by_row(row: &Value) -> Vec<Told> {
    let text = |column: &str| match &row[column] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let side = |direction, time: &str, size: &str, answers: &str, code: &str| {
        let second = text(time).split('.').next().unwrap_or_default().to_owned();
        let end = |side: &str| format!("{} {}", text(&format!("{side}_ip")), text(&format!("{side}_port")));
        let zone = text("dnstap_zone");
        let zone = if zone.is_empty() { zone } else { format!("{zone}.") };
        let told = [second, end("src"), end("dst"), text("id"), text(size), text(answers), text(code), zone];
        (direction, told)
    };
    let query = side("query", "query_time", "query_size", "q_ancount", "");
    let response = side("response", "response_time", "response_size", "ancount", "rcode_name");
    [query, response].into_iter().filter(|(_, told)| !told[4].is_empty()).collect()
}

#[test]
fn frames_of_others_are_what_dnstap_read_says() {
    let is_stream = |name: &str| name.ends_with(".dnstap") || name.ends_with(".fstrm");
    let captures = Collection::open().captures.into_iter().filter(|capture| is_stream(&capture.name));
    let mut streams = 0;
    for capture in captures.filter(|capture| ours::open(capture) == Opened::Logged) {
        let read = run("dnstap-read", &["-y"], &capture.path).unwrap_or_else(|error| panic!("{error}"));
        let frames = || read.split("\n---").filter(|frame| frame.contains("type: MESSAGE"));
        let mut ours: Vec<Told> = rows(&capture.path, &[]).iter().flat_map(told_by_row).collect();
        // Messages that are damaged, it does not read.
        for theirs in frames().filter(|frame| frame.contains("_message_data:")).map(told_by_peer) {
            let at = ours.iter().position(|ours| *ours == theirs);
            let at = at.unwrap_or_else(|| panic!("{}: {theirs:?} is not in {ours:?}", capture.name));
            ours.remove(at);
        }
        let unread = frames().filter(|frame| !frame.contains("_message_data:")).count();
        assert_eq!(ours.len(), unread, "{}: {ours:?}", capture.name);
        streams += 1;
    }
    assert!(streams >= 2, "{streams} streams");
}

/// Columns that C-DNS cannot tell, and why.
const LOST_IN_CDNS: [(&str, &str); 21] = [
    ("input", "another file"),
    ("frame_query", "blocks are numbered, not items"),
    ("frame_response", "likewise"),
    ("query_count", "a query is written once"),
    ("udp_checksum", "there is no place for it"),
    ("query_ip_length", "likewise"),
    ("response_ip_length", "likewise"),
    ("response_ip_ttl", "there is one for the query only"),
    ("tcp_rtt_ns", "the standard has no place for it"),
    ("vlan", "likewise"),
    ("tunnel", "likewise"),
    ("tunnel_id", "likewise"),
    ("dnstap_role", "it is told of what was logged only"),
    ("qdcount", "there is one set of counts: the query's"),
    ("ancount", "likewise"),
    ("nscount", "likewise"),
    ("arcount", "likewise"),
    ("response_messages", "of a zone transfer only the first message is kept"),
    ("response_bytes", "likewise"),
    ("parse_error", "a message is put together from what could be read of it"),
    ("truncated_at", "likewise"),
];

#[test]
fn rows_come_back_from_blocks() {
    let lost: Vec<&str> = LOST_IN_CDNS.iter().map(|(column, _)| *column).collect();
    check("cdns", &lost, |_, _| Ok(()));
}
