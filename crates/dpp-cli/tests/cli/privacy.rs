//! What is hidden, by which options, and what is refused together with it.

use crate::frames::{message, udp};
use crate::room::{Room, pcap};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
const FIELDS: [&str; 2] = ["--fields", "source_ip,src_ip,dst_ip,name,qname,id"];

/// A room with a capture and keys.
fn room() -> Room {
    let room = Room::with_capture();
    room.write("key", KEY);
    room.write("other", "correct horse battery staple\n");
    room
}

/// The cells of the rows of a run with these options.
fn rows(room: &Room, options: &[&str]) -> Vec<Vec<String>> {
    room.dpp(&[&["in.pcap", "out.csv"], &FIELDS[..], options].concat()).well();
    let lines = room.lines("out.csv");
    lines[1..].iter().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn addresses_and_names_are_mapped_alike_in_all_columns_and_rows() {
    let room = room();
    let plain = rows(&room, &[]);
    for scheme in ["truncate", "cryptopan", "ipcrypt-pfx", "ipcrypt-det", "hmac", "dpp"] {
        let key: &[&str] = if scheme == "truncate" { &[] } else { &["--hide-key", "key"] };
        let options = ["--hide-addresses", scheme, "--hide-fields", "client,server", "--check-privacy"];
        let hidden = rows(&room, &[&options, key].concat());
        assert_eq!(plain.len(), hidden.len());
        let mut pseudonyms = BTreeMap::new();
        for (plain, hidden) in plain.iter().zip(&hidden) {
            for column in 0..3 {
                // What ends in zeros is cut already.
                let is_cut = scheme == "truncate" && plain[column].ends_with(".0");
                assert_eq!(plain[column] == hidden[column], is_cut, "{scheme}");
                let seen = pseudonyms.entry(&plain[column]).or_insert(&hidden[column]);
                assert_eq!(*seen, &hidden[column], "{scheme}");
            }
            assert_eq!(plain[3..], hidden[3..], "{scheme}");
        }
    }
    let names = rows(&room, &["--hide-names", "registered-domain:hash", "--hide-key", "other"]);
    for (plain, hidden) in plain.iter().zip(&names) {
        assert_eq!((&plain[..3], &plain[5]), (&hidden[..3], &hidden[5]));
        assert_eq!(hidden[3], hidden[4]);
    }
    assert!(names.iter().zip(&plain).any(|(hidden, plain)| hidden[3] != plain[3]));
    assert!(rows(&room, &["--hide-names", "drop"]).iter().all(|row| row[3].is_empty() && row[4].is_empty()));
}

#[test]
fn what_is_no_address_is_hexadecimal_and_the_same_for_any_number_of_workers() {
    let room = room();
    let options = ["--hide-addresses", "ipcrypt-nd", "--hide-key", "key", "-t"];
    let one = rows(&room, &[&options[..], &["1"]].concat());
    assert_eq!(one, rows(&room, &[&options[..], &["3"]].concat()));
    for row in &one {
        assert!(row[0].len() == 48 && row[0].bytes().all(|octet| octet.is_ascii_hexdigit()), "{}", row[0]);
        assert_eq!(row[0], row[1]);
    }
    let some = &one[0][0];
    assert_eq!(one.iter().filter(|row| row[0] == *some).count(), 1);
    let parquet = [&["in.pcap", "out.pq", "--fields", "src_ip"], &options[..], &["2"]].concat();
    room.dpp(&parquet).well();
    let table = room.read("out.pq");
    assert!(table.windows(48).any(|text| text == some.as_bytes()), "Parquet has the same texts");
}

#[test]
fn the_compatible_option_is_one_of_the_schemes() {
    let room = room();
    // Digits that are no key: DPP takes them for a passphrase.
    room.write("digits", "0123456789abcdef0123456789abcdef01");
    room.dpp(&["in.pcap", "digits.csv", "--anonymize", "digits"]).well();
    let compatible = rows(&room, &["--anonymize", "other"]);
    assert_eq!(
        compatible,
        rows(&room, &["--hide-addresses", "dpp", "--hide-key", "other", "--hide-fields", "client"])
    );
}

#[test]
fn keys_are_known_by_their_fingerprints_and_nothing_else() {
    let room = room();
    let hidden = |options: &[&str]| {
        let run = ["in.pcap", "out.pq", "--fields", "src_ip,name", "--report-format", "json"];
        let report = room.dpp(&[&run, options].concat()).well().report();
        let table = String::from_utf8_lossy(&room.read("out.pq")).into_owned();
        let privacy = &report["config"]["privacy"];
        assert!(table.contains(&format!(r#""privacy":{privacy}"#)), "the plan in the table: {privacy}");
        let told = format!("{report} {table}");
        assert!(!told.contains(KEY.trim()) && !told.contains("battery"), "the key is nowhere");
        privacy.clone()
    };
    assert_eq!(hidden(&[]), Value::Null);
    let addresses = ["--hide-addresses", "cryptopan", "--hide-key"];
    let one = hidden(&[&addresses[..], &["key"]].concat());
    assert_eq!(
        (&one["addresses"], &one["names"], &one["names_key"]),
        (&"cryptopan".into(), &Value::Null, &Value::Null)
    );
    assert_eq!(one["fields"], "client,ecs,dnstap,names");
    assert_eq!(one["addresses_key"].as_str().map(str::len), Some(16));
    let other = hidden(&[&addresses[..], &["other"]].concat());
    assert_ne!(one["addresses_key"], other["addresses_key"]);
    let both = hidden(&[&addresses[..], &["key", "--hide-names", "hash"]].concat());
    assert_eq!(both["addresses_key"], one["addresses_key"]);
    assert_ne!(both["names_key"], both["addresses_key"]);
}

#[test]
fn matching_sees_what_was_captured() {
    let room = room();
    let messages = |options: &[&str]| {
        let run = ["in.pcap", "out.csv", "--report-format", "json"];
        room.dpp(&[&run, options].concat()).well().report()["messages"].clone()
    };
    let all = ["--hide-addresses", "truncate:0,0", "--hide-names", "drop", "--hide-fields", "all"];
    assert_eq!(messages(&all), messages(&[]));
}

#[test]
fn columns_can_be_dropped() {
    let room = room();
    room.dpp(&["in.pcap", "out.csv", "--drop", "source_ip,name"]).well();
    let header = "request_timestamp,response_timestamp,source_port,id,query_type,response_code";
    assert_eq!(room.lines("out.csv")[0], header);
    room.dpp(&["in.pcap", "out.csv", "--fields", "id,qname,src_ip", "--drop", "ip.src"]).well();
    assert_eq!(room.lines("out.csv")[0], "id,qname");
    // A column goes under any name that it has somewhere: its own, DPP's or Wireshark's, and what the schema calls it.
    for word in ["source_port", "src_port", "udp.srcport"] {
        room.dpp(&["in.pcap", "out.csv", "--drop", word]).well();
        assert!(!room.lines("out.csv")[0].contains("port"), "{word}");
        room.dpp(&["in.pcap", "out.csv", "--fields", "id,src_port", "--drop", word]).well();
        assert_eq!(room.lines("out.csv")[0], "id", "{word}");
    }
    room.dpp(&["in.pcap", "out.csv", "--fields", "id,source_port,src_port", "--drop", "src_port"]).well();
    assert_eq!(room.lines("out.csv")[0], "id,source_port");
    for (schema, column) in
        [("zeek", "id.orig_h"), ("ecs", "client.ip"), ("dns-collector", "network.query-ip")]
    {
        room.dpp(&["in.pcap", "out.csv", "-f", "csv", "--schema", schema]).well();
        let all = room.lines("out.csv")[0].clone();
        assert!(all.split(',').any(|name| name == column), "{all}");
        room.dpp(&["in.pcap", "out.csv", "-f", "csv", "--schema", schema, "--drop", column]).well();
        let some = room.lines("out.csv")[0].clone();
        assert!(some.split(',').eq(all.split(',').filter(|name| *name != column)), "{some}");
    }
}

#[test]
fn a_table_that_gives_a_client_away_is_none() {
    let room = Room::new();
    room.write("key", KEY);
    let query = |name| udp("192.0.2.1:40000", "192.0.2.53:53", &message(7, 0x0100, name));
    let frames = [query("www.example"), query("ip-192.0.2.1.example"), query("1.2.0.192.in-addr.arpa")];
    room.write("in.pcap", pcap(&frames.each_ref().map(Vec::as_slice)));
    let before = room.inventory();
    let options = ["--fields", "src_ip,qname", "--hide-addresses", "cryptopan", "--hide-key", "key"];
    for output in ["out.csv", "out.pq"] {
        let run = room.dpp(&[&["in.pcap", output, "--check-privacy"], &options[..]].concat());
        assert_eq!(run.code, Some(1));
        let reason = "--check-privacy: addresses or names that are to be hidden are seen in 'qname' (rows: 2); \
                      no table was written; hide more (--hide-names, --hide-fields all), \
                      or leave these columns out (--drop qname)\n";
        assert!(run.stderr.contains(reason), "{}", run.stderr);
        assert!(room.inventory() == before);
    }
    let piped = room.dpp(&[&["in.pcap", "-", "--check-privacy"], &options[..]].concat());
    assert!(
        piped.code == Some(1) && piped.stderr.contains("the rows are already written"),
        "{}",
        piped.stderr
    );
    room.dpp(&[&["in.pcap", "out.csv"], &options[..]].concat()).well();
    let hash = ["--check-privacy", "--hide-names", "hash", "--report-format", "json"];
    let report = room.dpp(&[&["in.pcap", "out.csv"], &options[..], &hash].concat()).well().report();
    let check = &report["privacy_check"];
    assert_eq!((&check["rows"], &check["values"], &check["hidden"]), (&3.into(), &6.into(), &3.into()));
    let text = room.dpp(&[&["in.pcap", "out.csv"], &options[..], &hash[..3]].concat()).well().stderr;
    assert!(text.contains("Privacy check: 3 rows with 3 hidden addresses, none is seen; 0 are"), "{text}");
    assert!(
        text.contains(
            "Anonymization: True, addresses by cryptopan, names by hash, of client,ecs,dnstap,names\n"
        ),
        "{text}"
    );
    let same = udp("192.0.2.1:40000", "192.0.2.1:53", &message(7, 0x0100, "www.example"));
    room.write("in.pcap", pcap(&[&same]));
    let own = ["--fields", "src_ip,dst_ip", "--check-privacy", "--hide-addresses", "truncate"];
    let run = room.dpp(&[&["in.pcap", "own.csv"], &own[..]].concat());
    assert!(run.stderr.contains("'dst_ip' (rows: 1)"), "a client that asks itself: {}", run.stderr);
}

#[test]
fn options_that_hide_nothing_or_too_little_are_refused() {
    let room = room();
    room.write("short", "0123456789abcdef0123456789ab\n");
    room.write("empty", "\n");
    room.write("prefixed", format!("0x{KEY}"));
    room.write("marked", "\u{FEFF}correct horse battery staple\n");
    let before = room.inventory();
    for (options, reason) in [
        (
            &["--hide-addresses", "crypto-pan"][..],
            "--hide-addresses: there is no 'crypto-pan'; did you mean one of truncate,",
        ),
        (&["--hide-addresses", "truncate:33,64"], "--hide-addresses: "),
        (&["--hide-names", "hsh"], "--hide-names: there is no 'hsh'; did you mean one of drop,"),
        (&["--hide-addresses", "cryptopan"], "--hide-addresses: 'cryptopan' needs a key file"),
        (&["--hide-names", "hash"], "name it with --hide-key"),
        (
            &["--hide-names", "hash", "--hide-key", "missing"],
            "--hide-key: cannot open the key file 'missing'",
        ),
        (&["--hide-names", "hash", "--hide-key", "."], "is not a regular file"),
        (&["--hide-names", "hash", "--hide-key", "short"], "the key file 'short' has 28 hexadecimal digits"),
        (&["--hide-names", "hash", "--hide-key", "empty"], "is empty; write a key into it"),
        (
            &["--hide-names", "hash", "--hide-key", "prefixed"],
            "the key file 'prefixed' has 0x before its hexadecimal digits; a raw key is 32 or 64 of them",
        ),
        (
            &["--hide-names", "hash", "--hide-key", "marked"],
            "the key file 'marked' begins with a byte order mark; save it as UTF-8 without such a mark",
        ),
        (&["--hide-names", "drop", "--hide-key", "key"], "no scheme that was chosen has a key"),
        (&["--hide-key", "key"], "--hide-key: nothing is hidden; add --hide-addresses or --hide-names"),
        (&["--hide-fields", "client"], "--hide-fields: nothing is hidden"),
        (&["--check-privacy"], "--check-privacy: nothing is hidden"),
        (&["--hide-addresses", "truncate", "--hide-fields", "clients"], "there is no field 'clients'"),
        (
            &["--hide-addresses", "truncate", "--hide-fields", "names"],
            "so --hide-addresses hides nothing; add client",
        ),
        (
            &["--hide-addresses", "truncate", "--hide-fields", "client,names"],
            "'names' are hidden; add --hide-names",
        ),
        (&["--hide-names", "drop", "--hide-fields", "client,names"], "'client' is addresses"),
        (
            &["--hide-names", "drop", "--hide-addresses", "truncate", "--hide-fields", "ecs"],
            "so --hide-names hides nothing",
        ),
        (
            &["--anonymize", "other", "--hide-names", "drop"],
            "--anonymize hides clients as DPP does, and nothing else",
        ),
        (&["--drop", "nam"], "--drop: there is no column 'nam'; did you mean 'name'?"),
        (&["--drop", "rtt_ns"], "--drop: the column 'rtt_ns' is not in the table anyway"),
        (&["--fields", "id", "--drop", "id"], "--drop: no column would be left"),
        (&["--drop", "source_ip,src_ip"], "--drop: the column 'src_ip' stands there twice"),
        (&["--schema", "zeek", "--drop", "id.orig_q"], "no column 'id.orig_q'; did you mean 'id.orig_"),
    ] {
        let run = room.dpp(&[&["in.pcap", "out.csv"], options].concat());
        assert!(run.code == Some(1) && run.stderr.contains(reason), "{options:?}: {}", run.stderr);
    }
    assert!(room.inventory() == before);
}

/// A query and its response, with addresses that begin with 77 and `secret` in all names; and a query that cannot be read.
fn telling_capture() -> Vec<u8> {
    let record = |rtype: u16, rdata: &[u8]| {
        let fixed = [0xC0, 12, (rtype >> 8) as u8, rtype as u8, 0, 1, 0, 0, 0, 9, 0, rdata.len() as u8];
        [&fixed[..], rdata].concat()
    };
    let opt = |options: &[u8]| [&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, options.len() as u8], options].concat();
    let subnet = [0, 8, 0, 7, 0, 1, 24, 0, 77, 7, 8];
    let unknown = [0xFD, 0xE9, 0, 4, 77, 1, 2, 3];
    let error = b"\0\x0F\0\x0A\0\x17at secret";
    let name = b"\x06target\x06secret\x07example\0";
    let mut query = message(7, 0x0100, "www.secret.example");
    let mut response = message(7, 0x8180, "www.secret.example");
    let records = [
        record(5, name),
        record(1, &[77, 10, 1, 1]),
        record(28, b"\x20\x77\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
        record(15, &[&[0, 10], &name[..]].concat()),
        record(16, b"\x04text"),
        // SVCB with a hint, a type that nobody knows, an address that is too long.
        record(64, &[&[0, 1], &name[..], &[0, 4, 0, 4, 77, 10, 1, 2]].concat()),
        record(731, &[77, 10, 1, 3]),
        record(1, &[77, 10, 1, 4, 0]),
    ];
    response[7] = records.len() as u8;
    response[11] = 1;
    response.extend(records.concat());
    response.extend(opt(&[&subnet[..], &unknown, error].concat()));
    query[11] = 1;
    query.extend(opt(&[&subnet[..], &unknown].concat()));
    let damaged = [&query[..12], b"\x06secret\x3Fsecret.example 77.1.2.3"].concat();
    let (client, server) = ("77.1.2.3:40000", "77.4.5.6:53");
    pcap(&[&udp(client, server, &query), &udp(server, client, &response), &udp(client, server, &damaged)])
}

#[test]
fn c_dns_has_the_pseudonyms_of_the_table_and_nothing_of_what_they_stand_for() {
    let room = room();
    room.write("in.pcap", telling_capture());
    let needles: [&[u8]; 6] =
        [&[77, 1, 2, 3], &[77, 4, 5, 6], &[77, 7, 8], &[77, 10, 1], &[0x20, 0x77, 0x0d, 0xb8], b"secret"];
    let shown = |file: &str| {
        let bytes = room.read(file);
        let is_in = |needle: &&[u8]| bytes.windows(needle.len()).any(|window| window == *needle);
        needles.into_iter().filter(is_in).count()
    };
    room.dpp(&["in.pcap", "plain.cdns"]).well();
    assert_eq!(shown("plain.cdns"), needles.len());
    let fields = "src_ip,dst_ip,qname,qtype,answer_a,answer_aaaa,answer_cname,src_port,id,query_count";
    for (addresses, names) in
        [("cryptopan", "hash"), ("ipcrypt-pfx", "hash"), ("hmac", "hash"), ("dpp", "drop")]
    {
        let hide = ["--hide-addresses", addresses, "--hide-names", names, "--hide-fields", "all"];
        let hide = [&hide[..], &["--hide-key", "key"]].concat();
        room.dpp(&[&["in.pcap", "hidden.cdns"], &hide[..]].concat()).well();
        assert_eq!(shown("hidden.cdns"), 0, "{addresses}");
        let bytes = room.read("hidden.cdns");
        let has = |octets: &[u8]| bytes.windows(octets.len()).any(|window| window == octets);
        assert!(has(format!("{addresses}, names {names}").as_bytes()), "{addresses}");
        room.dpp(&[&["in.pcap", "direct.csv", "--fields", fields], &hide[..]].concat()).well();
        room.dpp(&["hidden.cdns", "back.csv", "--fields", fields]).well();
        assert_eq!(room.lines("direct.csv"), room.lines("back.csv"), "{addresses}");
        room.dpp(&[&["in.pcap", "ecs.csv", "--fields", "ecs"], &hide[..]].concat()).well();
        let option = |rest: &[u8]| has(&[&[0, 8, 0, 7, 0, 1, 24, 0], rest].concat());
        let subnet = room.lines("ecs.csv")[1].clone();
        match subnet.strip_suffix(".0/24") {
            Some(three) => {
                let octets: Vec<u8> = three.split('.').map(|octet| octet.parse().unwrap()).collect();
                assert!(option(&octets), "{addresses}: {subnet}");
            }
            // No subnet stands for it, and the format has no place for anything else.
            None => assert!(["hmac", "dpp"].contains(&addresses) && !option(&[]), "{addresses}: {subnet}"),
        }
    }
}

/// Addresses and names of at least two labels in a line of JSON that shows everything.
fn shown_in(row: &str) -> Vec<String> {
    let row: Value = serde_json::from_str(row).expect("a line is JSON");
    let texts = |key: &str| match &row[key] {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(text) => vec![text.split('/').next().unwrap_or_default().to_owned()],
        _ => Vec::new(),
    };
    let keys = ["src_ip", "dst_ip", "ecs", "answer_a", "answer_aaaa", "qname", "answer_cname", "dnstap_zone"];
    let is_telling = |text: &String| text.contains(['.', ':']) && !text.ends_with(".arpa") && text != "::";
    keys.iter().flat_map(|key| texts(key)).filter(is_telling).collect()
}

#[test]
fn no_schema_shows_anything_of_what_is_hidden() {
    let room = room();
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../captures");
    room.write("telling.pcap", telling_capture());
    for (name, file) in
        [("test.dnstap", "files/compactor__test.dnstap"), ("edns.cdns", "cdns/edns-opts.cdns")]
    {
        room.write(name, fs::read(captures.join(file)).expect("it is shipped"));
    }
    room.write("dns.pcap", fs::read(captures.join("../demo/dns.pcap")).unwrap());
    let hide =
        ["--hide-fields", "all", "--hide-addresses", "hmac", "--hide-names", "hash", "--hide-key", "key"];
    for capture in ["telling.pcap", "dns.pcap", "test.dnstap", "edns.cdns"] {
        room.dpp(&[capture, "plain.jsonl", "--schema", "full"]).well();
        let mut needles: Vec<String> =
            room.lines("plain.jsonl").iter().flat_map(|row| shown_in(row)).collect();
        if capture == "telling.pcap" {
            needles.extend(["77.1.2", "77.7.8", "77.10.1", "2077:db8", "secret"].map(str::to_owned));
        }
        needles.sort();
        needles.dedup();
        assert!(needles.len() > 1, "{capture}: {needles:?}");
        let shown = |output: &str| -> Vec<&String> {
            let text = String::from_utf8(room.read(output)).unwrap().to_lowercase();
            needles.iter().filter(|needle| text.contains(&needle.to_lowercase())).collect()
        };
        assert_eq!(shown("plain.jsonl").len(), needles.len(), "{capture}");
        for schema in ["dpp", "full", "dns-probe", "entrada2", "zeek", "dns-collector", "ecs", "packetq"] {
            for output in ["out.csv", "out.tsv", "out.jsonl"] {
                let run = [&[capture, output, "--check-privacy", "--schema", schema], &hide[..]].concat();
                room.dpp(&run).well();
                assert_eq!(shown(output), Vec::<&String>::new(), "{capture} as {schema}, {output}");
            }
        }
    }
}

#[test]
fn what_a_check_advises_can_be_done() {
    let room = room();
    let record = [&b"\xC0\x0C\0\x10\0\x01\0\0\0\x09\0\x0A\x09"[..], b"192.0.2.1"].concat();
    let mut response = message(7, 0x8180, "www.example");
    response[7] = 1;
    response.extend(record);
    let (client, server) = ("192.0.2.1:40000", "192.0.2.53:53");
    let query = udp(client, server, &message(7, 0x0100, "www.example"));
    room.write("in.pcap", pcap(&[&query, &udp(server, client, &response)]));
    let hide =
        ["--check-privacy", "--hide-addresses", "truncate", "--hide-names", "drop", "--hide-fields", "all"];
    for schema in ["full", "entrada2", "zeek", "dns-collector", "ecs"] {
        let run = [&["in.pcap", "out.csv", "--schema", schema], &hide[..]].concat();
        let error = room.dpp(&run).stderr;
        assert!(!error.contains("hide more"), "all is hidden: {error}");
        let (_, columns) = error.split_once("leave these columns out (--drop ").expect(&error);
        let columns = columns.split(')').next().unwrap();
        room.dpp(&[&run[..], &["--drop", columns]].concat()).well();
    }
    let alone = room.dpp(&[&["in.pcap", "out.csv", "--fields", "answers"], &hide[..]].concat()).stderr;
    assert!(alone.contains("no table was written; choose other columns (--fields help"), "{alone}");
    room.write("in.pcap", pcap(&[&udp(client, "192.0.2.1:53", &message(7, 0x0100, "www.example"))]));
    let fields = ["in.pcap", "out.csv", "--fields", "src_ip,dst_ip", "--check-privacy"];
    let compatible = room.dpp(&[&fields[..], &["--anonymize", "other"]].concat()).stderr;
    let advice = "hide more (--hide-addresses dpp instead of --anonymize, --hide-fields all, --hide-names)";
    assert!(compatible.contains(advice), "{compatible}");
    let followed =
        ["--hide-addresses", "dpp", "--hide-key", "other", "--hide-fields", "all", "--hide-names", "drop"];
    room.dpp(&[&fields[..], &followed].concat()).well();
    let cdns = room.dpp(&["in.pcap", "out.cdns", "--check-privacy", "--hide-addresses", "truncate"]);
    assert!(
        cdns.code == Some(1) && cdns.stderr.contains("-f cdns has none of; leave it out"),
        "{}",
        cdns.stderr
    );
}

#[test]
fn whole_messages_and_what_is_hidden_do_not_go_together() {
    let room = room();
    let before = room.inventory();
    for (options, reason) in [
        (&["--fields", "id,query_wire"][..], "the column 'query_wire' holds messages as they were captured"),
        (&["--fields", "id,response_wire"], "leave it out (--drop response_wire)"),
        (&["-f", "pcap"], "-f pcap writes messages as they were captured"),
        (&["-f", "dnstap"], "-f dnstap writes messages as they were captured"),
        (&["--save-skipped", "skipped.pcap"], "with what --hide-addresses and --hide-names hide"),
        (&["--save-skipped", "skipped.pcap", "--anonymize", "other"], "--anonymize hides"),
    ] {
        let hide: &[&str] = if options.contains(&"--anonymize") { &[] } else { &["--hide-names", "drop"] };
        let run = room.dpp(&[&["in.pcap", "out"], hide, options].concat());
        assert!(run.code == Some(1) && run.stderr.contains(reason), "{options:?}: {}", run.stderr);
    }
    for scheme in ["ipcrypt-nd", "ipcrypt-ndx", "ipcrypt-det"] {
        let run = room.dpp(&["in.pcap", "out.cdns", "--hide-addresses", scheme, "--hide-key", "key"]);
        let reason = format!("-f cdns stores addresses only, and '{scheme}' gives others");
        assert!(run.code == Some(1) && run.stderr.contains(&reason), "{}", run.stderr);
    }
    let key = room.dpp(&["in.pcap", "key", "--hide-names", "hash", "--hide-key", "key"]);
    assert!(key.stderr.contains("the output 'key' and the key file are the same file"), "{}", key.stderr);
    assert!(room.inventory() == before);
}
