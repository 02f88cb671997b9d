//! The schemas of other tools, against what these tools have published: logs, lines of JSON, rows. Where the capture behind a
//! sample is at hand it is read; else its messages are built here, so that every value of the sample must come out.

use crate::room::Room;
use serde_json::{Value, json};
use std::path::Path;

/// A capture of the collection.
fn collected(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../captures/files").join(name);
    path.to_str().expect("the project lies at a path of text").to_owned()
}

/// The lines of a run on standard output.
fn lines(room: &Room, capture: &str, options: &[&str]) -> Vec<String> {
    let ended = room.dpp(&[&[capture, "-"], options].concat()).well();
    ended.stdout.lines().map(str::to_owned).collect()
}

/// The rows of a log of Zeek in the order of their times, without the uid, which is random in Zeek.
fn zeek(capture: &str, options: &[&str]) -> Vec<String> {
    let all = lines(&Room::new(), &collected(capture), &[&["--schema", "zeek"], options].concat());
    let mut rows: Vec<Vec<&str>> =
        all.iter().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
    rows.iter_mut().for_each(|row| assert!(row.remove(1).starts_with('C'), "{row:?}"));
    rows.iter().map(|row| row.join("\t")).collect()
}

#[test]
fn zeeks_log_of_its_own_capture_comes_out_again() {
    let rows = zeek("zeek__dnssec-rrsig.pcap", &[]);
    let with_opcode = |row: &&str| format!("{row}\t0\tquery");
    let expected: Vec<String> = [
        "1533309950.391966\t35.184.172.191\t5386\t128.175.13.16\t53\tudp\t62809\t-\tvirgo.sas.upenn.edu\t1\tC_INTERNET\t1\tA\t-\t-\tF\tF\tF\tF\t1\t-\t-\tF",
        "1533309955.393636\t35.184.172.191\t10267\t128.175.13.16\t53\tudp\t17129\t0.003405\tvirgo.sas.upenn.edu\t1\tC_INTERNET\t1\tA\t0\tNOERROR\tT\tF\tF\tF\t1\t128.91.234.142,RRSIG 1 upenn.edu\t30.000000,30.000000\tF",
        "1533309959.571738\t35.184.172.191\t50056\t128.175.13.16\t53\tudp\t26222\t0.003363\tvirgo.sas.upenn.edu\t1\tC_INTERNET\t1\tA\t0\tNOERROR\tT\tF\tF\tF\t1\t128.91.234.142,RRSIG 1 upenn.edu\t30.000000,30.000000\tF",
        "1533309959.968589\t35.184.172.191\t39975\t128.175.13.16\t53\tudp\t27118\t0.003748\tworkfamily.sas.upenn.edu\t1\tC_INTERNET\t1\tA\t0\tNOERROR\tT\tF\tF\tF\t1\tquasar.sas.upenn.edu,RRSIG 5 upenn.edu,128.91.234.145,RRSIG 1 upenn.edu\t900.000000,900.000000,30.000000,30.000000\tF",
    ]
    .iter()
    .map(with_opcode)
    .collect();
    assert_eq!(rows, expected);
}

#[test]
fn zeek_tells_updates_errors_and_keys_as_it_does() {
    let rows = zeek("zeek__dns-dynamic-update.pcap", &[]);
    let masked: Vec<&str> = rows.iter().map(|row| row.split_once('\t').unwrap().1).collect();
    let expected = [
        "192.168.1.106\t62763\t192.168.1.108\t53\tudp\t47952\t0.104400\tnwin2.stratolab.org\t-\t-\t-\t-\t5\tREFUSED\tF\tF\tF\tF\t0\tpre: NoRRSet CNAME nwin2.stratolab.org,del: RRSet AAAA,del: RRSet A,add: A nwin2.stratolab.org 192.168.1.106\t0.000000,0.000000,0.000000,1200.000000\tF\t5\tdynamic-update",
        "192.168.1.105\t62763\t192.168.1.108\t53\tudp\t61191\t0.001146\tnwin1.stratolab.org\t-\t-\t-\t-\t0\tNOERROR\tF\tF\tF\tF\t0\tpre: NoRRSet CNAME nwin1.stratolab.org,del: RRSet AAAA,del: RRSet A,add: A nwin1.stratolab.org 192.168.1.105\t0.000000,0.000000,0.000000,1200.000000\tF\t5\tdynamic-update",
    ];
    assert_eq!(masked, expected);
    // Zeek waits longer than we do unless told otherwise: this response takes 1205 ms.
    let rows = zeek("zeek__dnssec-nsec3.pcap", &["--match-timeout-ms", "5000"]);
    let expected = "1537560385.602565\t192.168.1.102\t49324\t192.168.1.1\t53\tudp\t9835\t-\tfoobar.sshfp.net\t1\tC_INTERNET\t1\tA\t3\tNXDOMAIN\tF\tF\tT\tF\t2\t-\t-\tF\t0\tquery";
    assert_eq!(rows, [expected]);
    let rows = zeek("zeek__dns-tkey.pcap", &[]);
    let expected = "tcp\t52640\t-\t1068-ms-7.309-2c6e448.7a9463b8-b109-11ed-26a3-080027f220e5\t1\tC_INTERNET\t249\tTKEY\t0\tNOERROR\tF\tF\tF\tF\t0\t-\t-\tF\t0\tquery";
    assert_eq!(rows.len(), 1);
    assert!(rows[0].ends_with(expected), "{rows:?}");
}

#[test]
fn zeeks_header_lines_name_and_type_the_fields() {
    let all = lines(&Room::new(), &collected("zeek__dnssec-rrsig.pcap"), &["--schema", "zeek"]);
    let head = [
        "#separator \\x09",
        "#set_separator\t,",
        "#empty_field\t(empty)",
        "#unset_field\t-",
        "#path\tdns",
        "#open\t2018-08-03-15-25-50",
        "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\ttrans_id\trtt\tquery\tqclass\tqclass_name\tqtype\tqtype_name\trcode\trcode_name\tAA\tTC\tRD\tRA\tZ\tanswers\tTTLs\trejected\topcode\topcode_name",
        "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tcount\tinterval\tstring\tcount\tstring\tcount\tstring\tcount\tstring\tbool\tbool\tbool\tbool\tcount\tvector[string]\tvector[interval]\tbool\tcount\tstring",
    ];
    assert_eq!(&all[..8], head);
    assert_eq!(all.last().unwrap(), "#close\t2018-08-03-15-25-59");
}

/// A name in wire form, of labels without dots in them.
fn wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut wire: Vec<u8> =
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    wire.push(0);
    wire
}

/// A message with one question of class IN; `rest` is all that is behind it.
fn message(id: u16, flags: u16, name: &[u8], qtype: u16, counts: [u16; 3], rest: &[u8]) -> Vec<u8> {
    let [answers, authorities, additionals] = counts;
    let header = [id, flags, 1, answers, authorities, additionals].map(u16::to_be_bytes).concat();
    [&header, name, &qtype.to_be_bytes(), &[0, 1], rest].concat()
}

/// A record of class IN; an owner is the question's name unless it is given.
fn record(owner: Option<&str>, rtype: u16, ttl: u32, rdata: &[u8]) -> Vec<u8> {
    let owner = owner.map_or(vec![0xC0, 12], wire);
    let length = rdata.len() as u16;
    [&owner, &rtype.to_be_bytes()[..], &[0, 1], &ttl.to_be_bytes(), &length.to_be_bytes(), rdata].concat()
}

/// An OPT record with DO.
fn opt(options: &[u8]) -> Vec<u8> {
    [&[0, 0, 41, 0x10, 0, 0, 0, 0x80, 0][..], &(options.len() as u16).to_be_bytes(), options].concat()
}

/// One end of a flow: address and port.
type End = ([u8; 4], u16);

/// A classic pcap of UDP over IPv4 over Ethernet, with times in nanoseconds.
fn pcap(packets: &[(u64, End, End, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"\x4d\x3c\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0".to_vec();
    for (ns, from, to, message) in packets {
        let udp = [from.1, to.1, message.len() as u16 + 8, 0].map(u16::to_be_bytes).concat();
        let total = (20 + udp.len() + message.len()) as u16;
        let ip = [&[0x45, 0][..], &total.to_be_bytes(), &[0, 1, 0, 0, 64, 17, 0, 0], &from.0, &to.0].concat();
        let frame = [&[2; 12][..], &[8, 0], &ip, &udp, message].concat();
        let (seconds, part, length) = (ns / 1_000_000_000, ns % 1_000_000_000, frame.len() as u64);
        for field in [seconds, part, length, length] {
            bytes.extend_from_slice(&(field as u32).to_le_bytes());
        }
        bytes.extend_from_slice(&frame);
    }
    bytes
}

/// The lines that a schema gives of packets.
fn of_packets(packets: &[(u64, End, End, Vec<u8>)], options: &[&str]) -> Vec<String> {
    let room = Room::new();
    room.write("in.pcap", pcap(packets));
    lines(&room, "in.pcap", options)
}

/// The value of the first member of this name in a line, cut out of it, quotes and all.
fn without(line: &str, key: &str) -> String {
    let start = line.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key} in {line}"));
    let end = start + line[start..].find(',').expect("it is not the last one") + 1;
    [&line[..start], &line[end..]].concat()
}

#[test]
fn the_lines_of_zeeks_manual_come_out() {
    let (client, server) = (([172, 17, 0, 2], 36844), ([1, 1, 1, 1], 53));
    let name = wire("zeek.org");
    let soa = record(None, 99, 60, b"\x01x");
    let answers = [record(None, 1, 60, &[192, 0, 78, 150]), record(None, 1, 60, &[192, 0, 78, 212])].concat();
    let packets = [
        (1_774_911_641_789_170_000, client, server, message(54060, 0x0120, &name, 28, [0; 3], &[])),
        (1_774_911_641_800_000_000, server, client, message(54060, 0x8180, &name, 28, [0, 1, 0], &soa)),
        (1_774_911_641_803_041_000, client, server, message(20661, 0x0120, &name, 1, [0; 3], &[])),
        (1_774_911_641_841_412_000, server, client, message(20661, 0x8180, &name, 1, [2, 0, 0], &answers)),
    ];
    let found = of_packets(&packets, &["--schema", "zeek", "--format", "jsonl"]);
    let expected = [
        r#"{"ts":1774911641.78917,"uid":"CHhAvVGS1DHFjwGM9","id.orig_h":"172.17.0.2","id.orig_p":36844,"id.resp_h":"1.1.1.1","id.resp_p":53,"proto":"udp","trans_id":54060,"query":"zeek.org","qclass":1,"qclass_name":"C_INTERNET","qtype":28,"qtype_name":"AAAA","rcode":0,"rcode_name":"NOERROR","AA":false,"TC":false,"RD":true,"RA":false,"Z":2,"rejected":false,"opcode":0,"opcode_name":"query"}"#,
        r#"{"ts":1774911641.803041,"uid":"CHhAvVGS1DHFjwGM9","id.orig_h":"172.17.0.2","id.orig_p":36844,"id.resp_h":"1.1.1.1","id.resp_p":53,"proto":"udp","trans_id":20661,"rtt":0.03837108612060547,"query":"zeek.org","qclass":1,"qclass_name":"C_INTERNET","qtype":1,"qtype_name":"A","rcode":0,"rcode_name":"NOERROR","AA":false,"TC":false,"RD":true,"RA":true,"Z":2,"answers":["192.0.78.150","192.0.78.212"],"TTLs":[60.0,60.0],"rejected":false,"opcode":0,"opcode_name":"query"}"#,
    ];
    assert_eq!(found.len(), 2);
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(without(found, "uid"), without(expected, "uid"));
    }
    let uid = |line: &str| serde_json::from_str::<Value>(line).unwrap()["uid"].clone();
    assert_eq!(uid(&found[0]), uid(&found[1]), "rows of one flow share it");
}

#[test]
fn the_packets_of_a_packetq_table_come_out() {
    let (client, server) = (([127, 0, 0, 1], 33253), ([127, 0, 0, 1], 53));
    let name = wire("connectivity-check.ubuntu.com");
    let answers = [record(None, 1, 50, &[35, 0, 0, 1]), record(None, 1, 50, &[35, 0, 0, 2])].concat();
    let packets = [
        (1_571_823_089_546_025_000, client, server, message(16589, 0x0100, &name, 1, [0; 3], &[])),
        (1_571_823_089_546_430_000, server, client, message(16589, 0x8180, &name, 1, [2, 0, 0], &answers)),
    ];
    let found = of_packets(&packets, &["--schema", "packetq"]);
    let header = "id,s,us,ether_type,src_port,dst_port,src_addr,dst_addr,protocol,ip_ttl,ip_version,fragments,qname,aname,msg_id,msg_size,opcode,rcode,extended_rcode,edns_version,z,udp_size,qd_count,an_count,ns_count,ar_count,qtype,qclass,atype,aclass,attl,aa,tc,rd,cd,ra,ad,do,edns0,qr,edns0_ecs,edns0_ecs_family,edns0_ecs_source,edns0_ecs_scope,edns0_ecs_address";
    let rows = [
        r#"1,1571823089,546025,2048,33253,53,"127.0.0.1","127.0.0.1",17,64,4,0,"connectivity-check.ubuntu.com.","",16589,47,0,0,0,0,0,0,1,0,0,0,1,1,0,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,"""#,
        r#"2,1571823089,546430,2048,53,33253,"127.0.0.1","127.0.0.1",17,64,4,0,"connectivity-check.ubuntu.com.","connectivity-check.ubuntu.com.",16589,79,0,0,0,0,0,0,1,2,0,0,1,1,1,1,50,0,0,1,0,1,0,0,0,1,0,0,0,0,"""#,
    ];
    let plain = rows.map(|row| row.replace('"', ""));
    assert_eq!(found, [header, &plain[0], &plain[1]]);
    // Its JSON: a head, then the rows as they are.
    let found = of_packets(&packets, &["--schema", "packetq", "--format", "jsonl"]);
    let head = [
        "[",
        "  {",
        "    \"table_name\": \"result-0\",",
        "    \"query\": \"select * from dns\",",
        "    \"head\": [",
    ];
    assert_eq!(&found[..5], head);
    assert_eq!(found[5], "      { \"name\": \"id\",\"type\": \"int\" },");
    assert_eq!(found[49], "      { \"name\": \"edns0_ecs_address\",\"type\": \"text\" }");
    let data = [format!("      [{}],", rows[0]), format!("      [{}]", rows[1])];
    assert_eq!(found[50..], ["    ],", "    \"data\": [", &data[0], &data[1], "    ]", "  }", "]"]);
    let empty = of_packets(&[], &["--schema", "packetq", "--format", "jsonl"]);
    assert!(
        serde_json::from_str::<Value>(&empty.join("\n")).unwrap()[0]["data"].as_array().unwrap().is_empty()
    );
}

#[test]
fn packetq_shows_odd_octets_as_dollars() {
    let (client, server) = (([127, 0, 0, 1], 33253), ([127, 0, 0, 1], 53));
    let odd: [(&[u8], &str); 7] = [
        (b"\x01'\0", "'."),
        (b"\x01\"\0", "\"."),
        (b"\x01$\0", "$."),
        (b"\x01\\\0", "\\."),
        (b"\x01\0\0", "$."),
        (b"\x01\xFF\0", "$."),
        (b"\x03a.b\x04test\0", "a.b.test."),
    ];
    let packets: Vec<_> = (0u16..)
        .zip(odd)
        .map(|(id, (name, _))| (u64::from(id), client, server, message(id, 0x0100, name, 1, [0; 3], &[])))
        .collect();
    let found = of_packets(&packets, &["--schema", "packetq", "--format", "jsonl"]);
    let table: Value = serde_json::from_str(&found.join("\n")).unwrap();
    let rows = table[0]["data"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row[12].as_str().unwrap()).collect();
    assert_eq!(names, odd.map(|odd| odd.1));
}

#[test]
fn the_event_of_elastics_own_test_comes_out() {
    let (client, server) = (([192, 168, 238, 68], 65020), ([8, 8, 8, 8], 53));
    let name = wire("nothing.elastic.co");
    let authority = record(None, 99, 60, &[1; 73]);
    let start = 1_643_884_129_401_000_000;
    let packets = [
        (start, client, server, message(681, 0x0100, &name, 1, [0; 3], &[])),
        (start + 58_475_961, server, client, message(681, 0x8183, &name, 1, [0, 1, 0], &authority)),
    ];
    let found = of_packets(&packets, &["--schema", "ecs"]);
    let expected = json!({
        "@timestamp": "2022-02-03T10:28:49.401Z",
        "client": { "bytes": 36, "ip": "192.168.238.68", "port": 65020 },
        "destination": { "bytes": 121, "ip": "8.8.8.8", "port": 53 },
        "dns": {
            "additionals_count": 0,
            "answers_count": 0,
            "authorities_count": 1,
            "flags": {
                "authentic_data": false,
                "authoritative": false,
                "checking_disabled": false,
                "recursion_available": true,
                "recursion_desired": true,
                "truncated_response": false
            },
            "header_flags": ["RD", "RA"],
            "id": 681,
            "op_code": "QUERY",
            "question": {
                "class": "IN",
                "etld_plus_one": "elastic.co",
                "name": "nothing.elastic.co",
                "registered_domain": "elastic.co",
                "subdomain": "nothing",
                "top_level_domain": "co",
                "type": "A"
            },
            "response_code": "NXDOMAIN",
            "type": "answer"
        },
        "ecs": { "version": "8.11.0" },
        "event": {
            "category": ["network"],
            "dataset": "dns",
            "duration": 58475961,
            "end": "2022-02-03T10:28:49.459Z",
            "kind": "event",
            "start": "2022-02-03T10:28:49.401Z",
            "type": ["connection", "protocol"]
        },
        "method": "QUERY",
        "network": {
            "bytes": 157,
            "community_id": "1:qYA6Pi3oK/YLNdQXD2WrnEBi118=",
            "direction": "unknown",
            "protocol": "dns",
            "transport": "udp",
            "type": "ipv4"
        },
        "query": "class IN, type A, nothing.elastic.co",
        "related": { "ip": ["192.168.238.68", "8.8.8.8"] },
        "resource": "nothing.elastic.co",
        "server": { "bytes": 121, "ip": "8.8.8.8", "port": 53 },
        "source": { "bytes": 36, "ip": "192.168.238.68", "port": 65020 },
        "status": "Error",
        "type": "dns"
    });
    assert_eq!(found.len(), 1);
    assert_eq!(serde_json::from_str::<Value>(&found[0]).unwrap(), expected);
}

#[test]
fn elastic_has_answers_as_objects_and_words_for_what_is_missing() {
    let (client, server) = (([192, 0, 2, 1], 4000), ([192, 0, 2, 2], 53));
    let name = wire("elastic.co");
    let target = wire("ns-1183.awsdns-19.org");
    let answers = [record(None, 2, 21599, &target), record(None, 1, 7, &[192, 0, 2, 9])].concat();
    let packets = [
        (1_000_000_000, client, server, message(1, 0x0100, &name, 2, [0; 3], &[])),
        (1_001_000_000, server, client, message(1, 0x8180, &name, 2, [2, 0, 0], &answers)),
        (1_002_000_000, client, server, message(2, 0x0100, &wire("co.uk"), 1, [0, 0, 1], &opt(b""))),
    ];
    let found = of_packets(&packets, &["--schema", "ecs"]);
    let [answered, lost] = &found[..] else { panic!("{found:?}") };
    let answered: Value = serde_json::from_str(answered).unwrap();
    assert_eq!(
        answered["dns"]["answers"],
        json!([
            { "class": "IN", "data": "ns-1183.awsdns-19.org", "name": "elastic.co", "ttl": "21599", "type": "NS" },
            { "class": "IN", "data": "192.0.2.9", "name": "elastic.co", "ttl": "7", "type": "A" },
        ])
    );
    assert_eq!(answered["status"], "OK");
    assert_eq!(answered["dns"]["resolved_ip"], json!(["192.0.2.9"]));
    assert_eq!(answered["related"]["ip"], json!(["192.0.2.1", "192.0.2.2", "192.0.2.9"]));
    let lost: Value = serde_json::from_str(lost).unwrap();
    assert_eq!(lost["error"]["message"], "No response to this query was received");
    assert_eq!(lost["status"], "Error");
    assert_eq!((&lost["dns"]["type"], &lost["dns"]["response_code"]), (&json!("query"), &json!("NOERROR")));
    assert_eq!(
        lost["dns"]["opt"],
        json!({ "do": true, "ext_rcode": "NOERROR", "udp_size": 4096, "version": "0" })
    );
    assert_eq!(
        lost["dns"]["question"],
        json!({ "class": "IN", "name": "co.uk", "registered_domain": "co.uk", "top_level_domain": "uk", "type": "A" })
    );
    for absent in [&lost["event"]["end"], &lost["server"]["bytes"], &lost["event"]["duration"]] {
        assert_eq!(*absent, Value::Null);
    }
}

/// What DNS-collector's documentation lists, in byte order.
const COLLECTOR_KEYS: [&str; 64] = [
    "dns.ancount",
    "dns.arcount",
    "dns.flags.aa",
    "dns.flags.ad",
    "dns.flags.cd",
    "dns.flags.qr",
    "dns.flags.ra",
    "dns.flags.rd",
    "dns.flags.tc",
    "dns.id",
    "dns.length",
    "dns.malformed-packet",
    "dns.nscount",
    "dns.opcode",
    "dns.qclass",
    "dns.qdcount",
    "dns.qname",
    "dns.qtype",
    "dns.rcode",
    "dns.resource-records.an.classes",
    "dns.resource-records.an.names",
    "dns.resource-records.an.rdatas",
    "dns.resource-records.an.rdatatypes",
    "dns.resource-records.an.ttls",
    "dns.resource-records.ar.classes",
    "dns.resource-records.ar.names",
    "dns.resource-records.ar.rdatas",
    "dns.resource-records.ar.rdatatypes",
    "dns.resource-records.ar.ttls",
    "dns.resource-records.ns.classes",
    "dns.resource-records.ns.names",
    "dns.resource-records.ns.rdatas",
    "dns.resource-records.ns.rdatatypes",
    "dns.resource-records.ns.ttls",
    "dnstap.extra",
    "dnstap.identity",
    "dnstap.latency",
    "dnstap.latency_ms",
    "dnstap.operation",
    "dnstap.peer-name",
    "dnstap.policy-action",
    "dnstap.policy-match",
    "dnstap.policy-rule",
    "dnstap.policy-type",
    "dnstap.policy-value",
    "dnstap.query-zone",
    "dnstap.timestamp-rfc3339ns",
    "dnstap.version",
    "edns.dnssec-ok",
    "edns.options.codes",
    "edns.options.datas",
    "edns.options.names",
    "edns.optionscount",
    "edns.rcode",
    "edns.udp-size",
    "edns.version",
    "network.family",
    "network.ip-defragmented",
    "network.protocol",
    "network.query-ip",
    "network.query-port",
    "network.response-ip",
    "network.response-port",
    "network.tcp-reassembled",
];

#[test]
fn dns_collector_has_all_keys_in_a_line_for_each_message() {
    let (client, server) = (([10, 0, 0, 1], 36232), ([10, 0, 0, 2], 53));
    let name = wire("Google.nl");
    let answers =
        [record(Some("a1.com"), 1, 100, &[1, 1, 1, 1]), record(Some("a2.com"), 1, 200, &[2, 2, 2, 2])]
            .concat();
    let options = b"\0\x08\0\x08\0\x01\x20\x00\xC0\xA8\0\0\0\x0F\0\x09\0\x0FBlocked\0\x0A\0\x08aaaabbbb";
    let additional = opt(options);
    let response = [answers, additional].concat();
    let packets = [
        (1_680_257_686_000_000_000, client, server, message(34555, 0x0100, &name, 1, [0; 3], &[])),
        (1_680_257_686_014_617_000, server, client, message(34555, 0x8180, &name, 1, [2, 0, 1], &response)),
    ];
    let found = of_packets(&packets, &["--schema", "dns-collector"]);
    assert_eq!(found.len(), 2);
    let keys = |line: &str| {
        let row: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        assert_eq!(row.len(), 64);
        COLLECTOR_KEYS.map(|key| row[key].clone())
    };
    let (query, response) = (keys(&found[0]), keys(&found[1]));
    // Byte order, as the Go library writes it.
    let places = COLLECTOR_KEYS.map(|key| found[0].find(&format!("\"{key}\":")).unwrap());
    assert!(places.is_sorted());
    let check = |row: &[Value; 64], values: &[(&str, Value)]| {
        for (key, expected) in values {
            let at = COLLECTOR_KEYS.iter().position(|other| other == key).unwrap();
            assert_eq!(row[at], *expected, "{key}");
        }
    };
    check(
        &query,
        &[
            ("dns.qname", json!("Google.nl")),
            ("dns.rcode", json!("-")),
            ("dns.flags.qr", json!(false)),
            ("dns.resource-records.an.names", json!("-")),
            ("dnstap.latency", json!(0)),
            ("dnstap.operation", json!("CLIENT_QUERY")),
            ("dnstap.timestamp-rfc3339ns", json!("2023-03-31T10:14:46Z")),
            ("edns.options.codes", json!("-")),
            ("edns.udp-size", json!(0)),
            ("network.query-port", json!("36232")),
            ("dnstap.identity", json!("-")),
        ],
    );
    check(
        &response,
        &[
            ("dns.flags.qr", json!(true)),
            ("dns.rcode", json!("NOERROR")),
            ("dns.arcount", json!(1)),
            ("dns.resource-records.an.names", json!("a1.com|a2.com")),
            ("dns.resource-records.an.rdatas", json!("1.1.1.1|2.2.2.2")),
            ("dns.resource-records.an.rdatatypes", json!("A|A")),
            ("dns.resource-records.an.ttls", json!("100|200")),
            ("dns.resource-records.an.classes", json!("IN|IN")),
            ("dns.resource-records.ar.names", json!("-")),
            ("dnstap.latency", json!(0.014617)),
            ("dnstap.latency_ms", json!(14)),
            ("dnstap.operation", json!("CLIENT_RESPONSE")),
            ("dnstap.timestamp-rfc3339ns", json!("2023-03-31T10:14:46.014617Z")),
            ("edns.dnssec-ok", json!(1)),
            ("edns.optionscount", json!(3)),
            ("edns.options.codes", json!("8|15|10")),
            ("edns.options.names", json!("CSUBNET|ERRORS|COOKIE")),
            ("edns.options.datas", json!("192.168.0.0/32|15 Blocked Blocked|-")),
            ("network.query-ip", json!("10.0.0.1")),
            ("network.family", json!("IPv4")),
            ("network.protocol", json!("UDP")),
        ],
    );
    assert!(
        found[0].contains(r#""dnstap.latency":0,"#) && found[1].contains(r#""dnstap.latency":0.014617,"#)
    );
}

#[test]
fn the_columns_of_entrada_and_its_heirs_have_their_values() {
    let (client, server) = (([192, 0, 2, 1], 4000), ([192, 0, 2, 53], 53));
    let name = wire("WWW.Example.co.uk");
    let answers = record(None, 5, 300, &wire("a.example"));
    // Subnet, cookie without data (not listed), algorithms 8 and 13.
    let options = b"\0\x08\0\x07\0\x01\x18\0\xC0\0\x02\0\x0A\0\0\0\x05\0\x02\x08\x0D";
    let packets = [
        (1_700_000_000_123_456_789, client, server, message(7, 0x0110, &name, 1, [0, 0, 1], &opt(options))),
        (1_700_000_000_126_456_789, server, client, message(7, 0x8583, &name, 1, [1, 0, 0], &answers)),
        (1_700_000_001_000_000_000, client, server, message(8, 0x0100, &[0], 2, [0; 3], &[])),
    ];
    let found = of_packets(&packets, &["--schema", "dns-probe", "--format", "jsonl"]);
    let expected = concat!(
        r#"{"id":7,"unixtime":1700000000,"time":1700000000123456,"qname":"WWW.Example.co.uk","domainname":"co.uk","#,
        r#""len":95,"frag":0,"ttl":64,"ipv":4,"prot":17,"src":"192.0.2.1","srcp":4000,"dst":"192.0.2.53","dstp":53,"#,
        r#""udp_sum":0,"dns_len":67,"aa":true,"tc":false,"rd":true,"ra":false,"z":false,"ad":false,"cd":true,"#,
        r#""ancount":1,"arcount":0,"nscount":0,"qdcount":1,"opcode":0,"rcode":3,"qtype":1,"qclass":1,"country":"","#,
        r#""asn":"","edns_udp":4096,"edns_version":0,"edns_do":true,"edns_ping":false,"edns_nsid":"","#,
        r#""edns_dnssec_dau":"8,13","edns_dnssec_dhu":"","edns_dnssec_n3u":"","edns_client_subnet":"","#,
        r#""edns_other":"8,5","edns_client_subnet_asn":"","edns_client_subnet_country":"","labels":4,"res_len":86,"#,
        r#""time_micro":123456,"resp_frag":0,"proc_time":0,"is_google":false,"is_opendns":false,"dns_res_len":58,"#,
        r#""server_location":"","tcp_hs_rtt":null}"#
    );
    assert_eq!(found[0], expected);
    let unanswered: Value = serde_json::from_str(&found[1]).unwrap();
    for (key, expected) in
        [("rcode", json!(-1)), ("qname", json!("")), ("labels", json!(0)), ("aa", json!(false))]
    {
        assert_eq!(unanswered[key], expected, "{key}");
    }
    let found = of_packets(&packets, &["--schema", "entrada2", "--format", "jsonl"]);
    let row: Value = serde_json::from_str(&found[0]).unwrap();
    for (key, expected) in [
        ("dns_qname", json!("www")),
        ("dns_domainname", json!("example.co.uk")),
        ("dns_qname_full", json!("WWW.Example.co.uk")),
        ("dns_tld", json!("uk")),
        ("dns_proc_time", json!(3)),
        ("edns_options", json!([8, 10, 5])),
        ("edns_ecs", json!("192.0.2.0/24")),
        ("dns_cname", json!(["a.example"])),
        ("server", json!("default-ns")),
        ("server_location", json!("default-site")),
        ("ip_asn", Value::Null),
    ] {
        assert_eq!(row[key], expected, "{key}");
    }
    let unanswered: Value = serde_json::from_str(&found[1]).unwrap();
    assert_eq!((&unanswered["dns_rcode"], &unanswered["dns_qname"]), (&Value::Null, &Value::Null));
}

#[test]
fn each_schema_is_listed_and_every_one_has_a_table() {
    let room = Room::new();
    let list = room.dpp(&["--schema", "help"]).well().stdout;
    let names: Vec<&str> = list.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(names, ["dpp", "full", "dns-probe", "entrada2", "zeek", "dns-collector", "ecs", "packetq"]);
    // What stands in place of what is not known is of the column's kind in every format.
    for name in names {
        for output in ["out.csv", "out.tsv", "out.jsonl", "out.parquet"] {
            room.dpp(&[&collected("zeek__dns-dynamic-update.pcap"), output, "--schema", name, "--unasked"])
                .well();
        }
    }
}
