//! Columns that come from tables which the user brings, and what is refused of these.

use crate::frames::{message, udp};
use crate::room::{Room, pcap};
use mmdb_writer::Value::{Map, Number};
use mmdb_writer::{Database, Value, text};
use std::fs;

/// The writer of the engine's own tests.
#[path = "../../../dpp/src/enrich/mmdb_writer.rs"]
#[allow(dead_code)]
mod mmdb_writer;

fn database(prefixes: &[(&str, u32, Value)]) -> Vec<u8> {
    let prefixes =
        prefixes.iter().map(|(address, length, value)| (address.parse().unwrap(), *length, value.clone()));
    Database {
        record_bits: 24,
        ip_version: 6,
        database_type: "Test".to_string(),
        prefixes: prefixes.collect(),
    }
    .write()
}

fn country(code: &str) -> Value {
    Map(vec![("country", Map(vec![("iso_code", text(code))]))])
}

fn network(number: u32, org: &str) -> Value {
    Map(vec![("autonomous_system_number", Number(number)), ("autonomous_system_organization", text(org))])
}

/// A room with queries of two clients to two servers, and with all tables.
fn room() -> Room {
    let room = Room::new();
    let query = |id, client: &str, server: &str, name| udp(client, server, &message(id, 0x0100, name));
    for (id, capture) in (1..).zip(["ns1_ams-20240101.pcap", "ns2_lon-20240101.pcap", "other.pcap"]) {
        let frames = [
            query(id, "192.0.2.1:40000", "198.51.100.1:53", "www.a.example.co.uk"),
            query(id, "203.0.113.9:40000", "198.51.100.2:53", "b.example.com"),
        ];
        room.write(capture, pcap(&frames.each_ref().map(Vec::as_slice)));
    }
    room.write(
        "country.mmdb",
        database(&[("192.0.2.0", 24, country("NL")), ("198.51.100.0", 24, country("DE"))]),
    );
    room.write(
        "asn.mmdb",
        database(&[
            ("192.0.2.0", 24, network(64500, "Example, Inc. \"NL\"")),
            ("198.51.100.2", 32, network(64501, "Name Servers")),
        ]),
    );
    room.write("servers", "198.51.100.1 table-1\n");
    room.write("psl", "example.co.uk\n");
    room
}

/// The rows of a run on a capture.
fn rows(room: &Room, capture: &str, options: &[&str]) -> Vec<String> {
    room.dpp(&[&[capture, "out.csv"], options].concat()).well();
    room.lines("out.csv")[1..].to_vec()
}

const GEO: [&str; 4] = ["--geoip", "country.mmdb", "--geoip", "asn.mmdb"];

#[test]
fn tables_of_figures_are_by_what_is_looked_up_too() {
    let room = room();
    room.write("sites", "198.51.100.1 table-1 ams\n198.51.100.2 table-2 lon\n");
    let more = [&GEO[..], &["--servers", "sites"]].concat();
    let keys = |told: &str| -> Vec<String> {
        told.lines().skip(1).map(|line| line.split(",1,0,").next().unwrap().to_owned()).collect()
    };
    let by = ["--by", "country,asn,dst_as_org,site"];
    let stats = |arguments: &[&str]| room.dpp(&[&["stats"], arguments, &by].concat()).well().stdout;
    let whole = stats(&[&["other.pcap"], &more[..]].concat());
    assert_eq!(keys(&whole), [",,Name Servers,lon", "NL,64500,,ams"]);
    stats(&[&["map", "other.pcap", "-o", "part.tally", "-s"], &more[..]].concat());
    assert_eq!(stats(&["report", "part.tally"]), whole, "they were looked up where they were counted");
    fs::copy(room.path("sites"), room.path("sites.csv")).unwrap();
    for step in [&[][..], &["map"]] {
        let onto = ["other.pcap", "--by", "site", "--servers", "sites.csv", "-o", "sites.csv"];
        let refused = room.dpp(&[&["stats"], step, &onto].concat());
        assert!(refused.stderr.contains("are the same file"), "{step:?}: {}", refused.stderr);
    }
    assert!(room.read("sites.csv") == room.read("sites"));
    room.write("sites", "198.51.100.0/24 table-1 fra\n");
    stats(&[&["map", "ns1_ams-20240101.pcap", "-o", "other.tally", "-s"], &more[..]].concat());
    let refused = room.dpp(&["stats", "merge", "part.tally", "other.tally", "-o", "x"]);
    assert!(refused.stderr.contains("do not add up: servers_sha256="), "{}", refused.stderr);
}

#[test]
fn country_and_network_are_those_of_the_databases() {
    let room = room();
    let client = ["--fields", "src_ip,country,asn,as_org"];
    let expected = ["192.0.2.1,NL,64500,\"Example, Inc. \"\"NL\"\"\"", "203.0.113.9,,,"];
    assert_eq!(rows(&room, "other.pcap", &[&client[..], &GEO].concat()), expected);
    let server = ["--fields", "dst_ip,dst_country,dst_asn,dst_as_org"];
    let expected = ["198.51.100.1,DE,,", "198.51.100.2,DE,64501,Name Servers"];
    assert_eq!(rows(&room, "other.pcap", &[&server[..], &GEO].concat()), expected);
    let mut command = room.command(&["other.pcap", "-", "--fields", "country"]);
    let output = command.env("DPP_GEOIP", "country.mmdb").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "country\nNL\n\n");
}

#[test]
fn look_ups_come_before_anything_is_hidden() {
    let room = room();
    let all = ["--fields", "src_ip,country,registered_domain,tld,server", "--servers", "servers"];
    let hide =
        ["--hide-addresses", "truncate:0,0", "--hide-fields", "all", "--hide-names", "registered-domain"];
    let hidden = rows(&room, "other.pcap", &[&all[..], &GEO, &hide].concat());
    assert_eq!(hidden, ["0.0.0.0,NL,example.co.uk,uk,table-1", "0.0.0.0,,example.com,com,"]);
}

#[test]
fn the_registered_domain_is_by_the_list() {
    let room = room();
    let fields = ["--fields", "registered_domain,tld"];
    assert_eq!(rows(&room, "other.pcap", &fields), ["example.co.uk,uk", "example.com,com"]);
    let own = rows(&room, "other.pcap", &[&fields[..], &["--psl", "psl"]].concat());
    assert_eq!(own, ["a.example.co.uk,uk", "example.com,com"]);
}

#[test]
fn server_and_site_are_those_of_the_table_else_of_the_name() {
    let room = room();
    let fields = ["--fields", "dst_ip,server,site"];
    let template = ["--server-template", "{server}_{site}-%Y%m%d.pcap"];
    let by_name = ["198.51.100.1,ns1,ams", "198.51.100.2,ns1,ams"];
    assert_eq!(rows(&room, "ns1_ams-20240101.pcap", &[&fields[..], &template].concat()), by_name);
    let by_table = ["198.51.100.1,table-1,", "198.51.100.2,,"];
    assert_eq!(rows(&room, "other.pcap", &[&fields[..], &["--servers", "servers"]].concat()), by_table);
    let both = ["198.51.100.1,table-1,ams", "198.51.100.2,ns1,ams"];
    let options = [&fields[..], &template, &["--servers", "servers"]].concat();
    assert_eq!(rows(&room, "ns1_ams-20240101.pcap", &options), both);
}

#[test]
fn each_input_is_of_its_own_server() {
    let room = room();
    let inputs = ["extract", "ns2_lon-20240101.pcap", "other.pcap", "ns1_ams-20240101.pcap", "-o", "out.csv"];
    let options = ["--fields", "server,site", "--server-template", "{server}_{site}-%Y%m%d.pcap"];
    room.dpp(&[&inputs[..], &options].concat()).well();
    let lines = room.lines("out.csv");
    assert_eq!(lines[1..], ["ns1,ams", "ns1,ams", "ns2,lon", "ns2,lon", ",", ","]);
}

#[test]
fn tables_that_are_none_are_refused() {
    let room = room();
    let mut cut = database(&[("192.0.2.0", 24, country("NL"))]);
    cut.truncate(40);
    room.write("cut.mmdb", cut);
    room.write("bad.psl", "co.uk\nco..uk\n");
    room.write("bad.servers", "192.0.2.1 ns1\nnowhere ns2\n");
    let before = room.inventory();
    for (options, reason) in [
        (
            &["--geoip", "missing.mmdb"][..],
            "--geoip: cannot open the database 'missing.mmdb'; check the path",
        ),
        (&["--geoip", "cut.mmdb"], "--geoip: the file 'cut.mmdb' is not a database in MaxMind's format"),
        (&["--psl", "bad.psl"], "--psl: the list 'bad.psl': line 2: 'co..uk' is not a rule"),
        (
            &["--servers", "bad.servers"],
            "--servers: the table 'bad.servers': line 2: 'nowhere' is no address",
        ),
        (&["--servers", "."], "is not a regular file"),
        (
            &["--server-template", "{sever}.pcap"],
            "--server-template '{sever}.pcap': there is no part '{sever}'",
        ),
        (&["--server-template", "{server}_x.pcap"], "'other.pcap' is not called like this"),
        (&["--fields", "country"], "the column 'country' needs a database; name one with --geoip"),
        (
            &["--fields", "site"],
            "the column 'site' needs names; give them with --servers or --server-template",
        ),
    ] {
        let run = room.dpp(&[&["other.pcap", "out.csv"], options].concat());
        assert!(run.code == Some(1) && run.stderr.contains(reason), "{options:?}: {}", run.stderr);
    }
    for (options, called) in [
        (["--geoip", "asn.mmdb"], "the database of --geoip"),
        (["--psl", "psl"], "the list of --psl"),
        (["--servers", "servers"], "the table of --servers"),
    ] {
        let run = room.dpp(&[&["other.pcap", options[1]], &options[..]].concat());
        let reason = format!("the output '{}' and {called} are the same file", options[1]);
        assert!(run.code == Some(1) && run.stderr.contains(&reason), "{}", run.stderr);
    }
    assert!(room.inventory() == before);
}
