//! No column shows what is hidden: one transaction that has known addresses and names in every place where there can be some, and
//! every column of the table, under every scheme. A new column that bypasses the context fails here by itself.

use dpp::capture::single;
use dpp::dnstap::{Dnstap, Message, MessageType, Policy, Time, frames};
use dpp::pipeline::{Checked, Machine, Pool, Rows, Sink, Watch, run};
use dpp::plan::Plan;
use dpp::privacy::{AddressMap, Fields, KeyFile, NameMap, Privacy};
use dpp::table::{CAPTURED, COLUMNS, Column, Context, Schema, Scratch, Value};
use std::convert::Infallible;
use std::io::Cursor;
use std::num::NonZeroUsize;
use std::sync::Mutex;

/// What is shown though all is hidden: the messages as they were captured, which the program refuses together with anything
/// hidden. To add a column here is to refuse it.
const SHOWN: [Column; 2] = CAPTURED;

/// Octets that stand for addresses. All begin with 77 or 2077:, whatever they are of, and no pseudonym of this key does.
const CLIENT: &[u8] = &[77, 1, 2, 3];
const SERVER: &[u8] = &[77, 4, 5, 6];
const SUBNET: &[u8] = &[77, 7, 8];
const V4: [&[u8]; 6] =
    [&[77, 10, 1, 1], &[77, 10, 1, 2], &[77, 10, 1, 3], &[77, 10, 1, 4], &[77, 10, 1, 5], &[77, 10, 1, 6]];
const V6: [&[u8]; 3] = [
    b"\x20\x77\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
    b"\x20\x77\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02",
    b"\x20\x77\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x03",
];

/// A name below the one that is asked for: `LABEL.secret.example`.
fn name(label: &[u8]) -> Vec<u8> {
    [&[label.len() as u8][..], label, b"\x06secret\x07example\0"].concat()
}

const PTR: &[u8] = b"\x013\x012\x011\x0277\x07in-addr\x04arpa\0";

fn record(owner: &[u8], rtype: u16, rdata: &[u8]) -> Vec<u8> {
    let fixed = [&rtype.to_be_bytes()[..], b"\0\x01\0\0\0\x09", &(rdata.len() as u16).to_be_bytes()].concat();
    [owner, &fixed, rdata].concat()
}

/// Records of all types that have names or addresses in them, and of some that may have and cannot be read.
fn records() -> Vec<Vec<u8>> {
    let (owner, target) = (name(b"owner"), name(b"target"));
    let with = |before: &[u8], name: &[u8], behind: &[u8]| [before, name, behind].concat();
    let names = [2u16, 3, 4, 5, 7, 8, 9, 12, 23, 39].map(|rtype| (rtype, target.clone()));
    let hints = [
        b"\0\x01\0\0\x04\0\x08",
        V4[1],
        V4[2],
        b"\0\x05\0\x06secret",
        b"\0\x06\0\x10",
        V6[0],
        b"\x02\0\0\x04",
        V4[1],
    ];
    let mut all = vec![
        (1, V4[0].to_vec()),
        (28, V6[1].to_vec()),
        (6, with(&target, &target, &[0; 20])),
        (11, with(V4[1], b"\x11\x40", b"")),
        (14, with(&target, &target, b"")),
        (15, with(b"\0\x0a", &target, b"")),
        (17, with(&target, &target, b"")),
        (18, with(b"\0\x0a", &target, b"")),
        (26, with(b"\0\x0a", &target, &target)),
        (30, with(&target, b"\x40", b"")),
        (33, with(&[0; 6], &target, b"")),
        (35, with(b"\0\x01\0\x02\x01s\0\x10!sip:a@secret.x!", &target, b"")),
        (
            42,
            with(b"\0\x01\x18\x03", &V4[3][..3], b"\0\x02\x80\x10\x20\x77\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
        ),
        (38, with(b"\0", V6[0], b"")),
        (45, with(b"\x01\x01\x02", V4[4], b"key")),
        (45, with(b"\x01\x02\x02", V6[2], b"key")),
        (45, with(b"\x01\x03\x02", &target, b"key")),
        (46, with(b"\0\x01\x08\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0", &target, b"signature")),
        (47, with(&target, b"\0\x01\x40", b"")),
        (50, with(b"\x01\0\0\x00\0\x06", b"secret", b"\0\x01\x40")),
        (55, with(b"\x10\x02\0\x03", V6[2], &with(b"key", &target, b""))),
        (58, with(&target, &target, b"")),
        (64, with(b"\0\x01", &target, b"")),
        (65, hints.concat()),
        (66, with(b"\0\x01\x01\0\x35", &target, b"")),
        (104, with(b"\0\x0a", &V6[2][..8], b"")),
        (105, with(b"\0\x0a", V4[5], b"")),
        (106, with(b"\0\x0a", &V6[2][..8], b"")),
        (107, with(b"\0\x0a", &target, b"")),
        (250, with(&target, &[0; 6], b"\x01\x2c\0\x03mac\x12\x34\0\0\0\0")),
        (256, with(b"\0\x01\0\x01", b"https://www.secret.example/77.10.1.1", b"")),
        (257, with(b"\0\x05issue", b"ca.secret.example", b"")),
        (260, with(b"\x0a\x01", V4[4], b"")),
        (260, with(b"\x0a\x03", &target, b"")),
        // Nobody knows it; it is not what its type says; an OPT record where there can be none.
        (731, V4[1].to_vec()),
        (1, with(V4[1], b"\0", b"")),
        (15, with(b"\0\x0a", &target, b"\0")),
        (41, options(b"\x20")),
    ];
    all.extend(names);
    all.push((12, PTR.to_vec()));
    let owned = all.iter().map(|(rtype, rdata)| record(&owner, *rtype, rdata));
    owned.chain([record(PTR, 16, b"\x04text"), record(PTR, 12, &target)]).collect()
}

/// Options: a client subnet with this scope, one that is damaged, one that nobody knows, errors, names.
fn options(scope: &[u8]) -> Vec<u8> {
    let option =
        |code: u16, data: &[u8]| [&code.to_be_bytes()[..], &(data.len() as u16).to_be_bytes(), data].concat();
    [
        option(8, &[b"\0\x01\x18", scope, SUBNET].concat()),
        option(8, &[b"\0\x01\x20", scope, CLIENT, b"\0"].concat()),
        option(20292, CLIENT),
        option(15, b"\0\x17no answer from 77.4.5.6 for asked.secret.example A"),
        option(18, &name(b"agent")),
        option(13, &name(b"trust")),
    ]
    .concat()
}

/// A message about this name, with all records in all sections.
fn message(qname: &[u8], flags: u16) -> Vec<u8> {
    let records = records();
    let count = records.len() as u16;
    let header = [0x1234, flags, 1, count, count, count + 1].map(u16::to_be_bytes).concat();
    let opt = record(b"\0", 41, &options(if flags & 0x8000 == 0 { b"\0" } else { b"\x18" }));
    let all = records.concat();
    [&header[..], qname, b"\0\x01\0\x01", &all, &all, &all, &opt].concat()
}

/// The frames of a server that logs a query about this name and its response.
fn stream(qname: &[u8], policy: Policy) -> Vec<u8> {
    let (query, response) = (message(qname, 0x0100), message(qname, 0x8180));
    let zone = name(b"zone");
    let told = |kind| Message {
        query_address: Some(CLIENT),
        response_address: Some(SERVER),
        query_port: Some(40000),
        response_port: Some(53),
        query_time: Time::new(1, 0),
        query_zone: Some(&zone),
        policy: Some(policy),
        ..Message::new(MessageType(kind))
    };
    let asked = Message { query_message: Some(&query), ..told(5) };
    let answered = Message { response_message: Some(&response), response_time: Time::new(1, 5), ..told(6) };
    let mut stream = Vec::new();
    frames::write_start(&mut stream);
    for message in [asked, answered] {
        let frame = Dnstap {
            identity: Some(b"ns1"),
            extra: Some(b"77.1.2.3 asked.secret.example"),
            ..Dnstap::new(message)
        };
        let mut bytes = Vec::new();
        frame.write(&mut bytes);
        frames::write_frame(&mut stream, &bytes);
    }
    frames::write_stop(&mut stream);
    stream
}

/// Takes the values of all columns, as they print.
struct Told<'a>(&'a Context, Mutex<Vec<Vec<String>>>);

impl Sink for Told<'_> {
    type Piece = Vec<Vec<String>>;
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, _: &Pool) -> Self::Piece {
        let mut scratch = Scratch::default();
        let row =
            |row| COLUMNS.iter().map(|entry| told(&entry.column.value(&row, self.0, &mut scratch))).collect();
        rows.iter().map(row).collect()
    }

    fn size(&self, _: &Self::Piece) -> usize {
        0
    }

    fn accept(&self, _: usize, piece: &Self::Piece) -> Result<(), Infallible> {
        self.1.lock().unwrap().extend_from_slice(piece);
        Ok(())
    }

    fn recycle(&self, _: Self::Piece, _: &Pool) {}
}

/// A value in small letters, with names and octets also as what they spell.
fn told(value: &Value) -> String {
    let text = match value {
        Value::Name(wire) => {
            // Length octets become dots.
            let letters = wire.iter().map(|&octet| if octet < 33 { '.' } else { char::from(octet) });
            letters.collect()
        }
        Value::Bytes(bytes) => bytes.iter().map(|octet| format!("{octet:02x}")).collect(),
        Value::Texts(texts) => format!("{:?}", texts.iter().collect::<Vec<_>>()),
        Value::Records(records) => format!("{:?}", records.iter().collect::<Vec<_>>()),
        Value::Address(address) => address.to_string(),
        value => format!("{value:?}"),
    };
    text.to_lowercase()
}

/// All columns of the one row of a stream, which the second look finds nothing in but where it stands.
fn row(stream: Vec<u8>, privacy: Privacy) -> Vec<String> {
    let context = Context { privacy, ..Context::default() };
    let schema = Schema::of(COLUMNS.iter().map(|entry| entry.column));
    let plan = Plan { schema, context, sparse: true, ..Plan::default() };
    let sink = Told(&plan.context, Mutex::default());
    let (watched, machine) = (Checked::new(&sink, &plan), Machine::new(NonZeroUsize::MIN, 0));
    run(single(Cursor::new(stream)), &plan, &machine, &watched, &Watch::default()).unwrap();
    let leaks = watched.found().leaks;
    let leaking = COLUMNS.iter().zip(leaks).filter(|(_, count)| *count > 0).map(|(entry, _)| entry.column);
    assert_eq!(
        leaking.filter(|column| !SHOWN.contains(column)).collect::<Vec<_>>(),
        [],
        "{:?}",
        plan.context.privacy
    );
    let rows = sink.1.into_inner().unwrap();
    let [row] = &rows[..] else { panic!("{} rows", rows.len()) };
    row.clone()
}

fn privacy(addresses: &str, names: Option<&str>) -> Privacy {
    let key = KeyFile::read(b"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap();
    Privacy {
        addresses: Some(AddressMap::new(addresses.parse().unwrap(), Some(&key)).unwrap()),
        names: names.map(|scheme| NameMap::new(scheme.parse().unwrap(), Some(&key)).unwrap()),
        fields: Fields::ALL,
    }
}

/// What addresses look like: in text, as names that point back, and in hexadecimal digits.
const ADDRESSES: [&str; 13] = [
    "77.1.2.3",
    "77.4.5.6",
    "77.7.8",
    "77.10.1",
    "2077:",
    "3.2.1.77",
    "6.5.4.77",
    "8.b.d.0.7.7.0.2",
    "4d010203",
    "4d040506",
    "4d0708",
    "4d0a01",
    "20770db8",
];

/// And labels that stand in names only; one also in base32 and base64.
const LABELS: [&str; 10] =
    ["secret", "asked", "owner", "target", "zone", "agent", "trust", "rule", "edim6sj5", "c2vjcmv0"];

/// The streams: a name that is asked for, or one that points back to the client, and policies of all kinds.
fn streams() -> Vec<Vec<u8>> {
    let rule = name(b"rule");
    let for_client = b"\x0232\x013\x012\x011\x0277\x0drpz-client-ip\x03rpz\0";
    let policy = |rule, matched, value| Policy {
        kind: Some(b"RPZ"),
        rule: Some(rule),
        action: Some(1),
        matched: Some(matched),
        value: Some(value),
    };
    let asked = name(b"asked");
    vec![
        stream(&asked, policy(&rule, 1, &asked)),
        stream(PTR, policy(for_client, 2, CLIENT)),
        stream(&asked, policy(b"77.1.2.3", 3, V4[0])),
        stream(&asked, policy(b"rule of asked.secret.example", 5, V6[1])),
        stream(PTR, policy(&rule, 77, CLIENT)),
    ]
}

/// The columns that have one of these in them.
fn columns_with(row: &[String], wanted: &[&str]) -> Vec<Column> {
    let has = |text: &String| wanted.iter().any(|wanted| text.contains(wanted));
    COLUMNS.iter().zip(row).filter(|(_, text)| has(text)).map(|(entry, _)| entry.column).collect()
}

#[track_caller]
fn check(addresses: &str, names: Option<&str>, wanted: &[&str]) {
    let privacy = privacy(addresses, names);
    for (number, stream) in streams().into_iter().enumerate() {
        let row = row(stream, privacy.clone());
        let mut shown = columns_with(&row, wanted);
        shown.retain(|column| !SHOWN.contains(column));
        let texts: Vec<_> =
            shown.iter().map(|column| (column.entry().name, &row[*column as usize])).collect();
        assert!(texts.is_empty(), "{addresses} {names:?}, stream {number}: {texts:#?}");
    }
}

#[test]
fn the_transaction_has_what_is_hidden_in_all_places() {
    let mut shown = Vec::new();
    for stream in streams() {
        let row = row(stream, Privacy::default());
        shown.extend(columns_with(&row, &[&ADDRESSES[..], &LABELS].concat()));
    }
    use Column::*;
    for column in [
        SourceIp,
        SrcIp,
        DstIp,
        Name,
        Qname,
        QnameLower,
        RegisteredDomain,
        Ecs,
        EdeText,
        AnswerA,
        AnswerAaaa,
        AnswerCname,
        AnswerCnames,
        Answers,
        Authority,
        Additional,
        QueryAnswers,
        QueryAuthority,
        QueryAdditional,
        DnstapZone,
        DnstapPolicyRule,
        DnstapPolicyValue,
        DnstapExtra,
        QueryWire,
        ResponseWire,
        CollectorAnRdatas,
        CollectorOptionDatas,
        EcsAnswers,
        EcsOptSubnet,
        PacketqEcsAddress,
        ZeekAnswers,
    ] {
        assert!(shown.contains(&column), "{} shows something", column.entry().name);
    }
}

#[test]
fn no_column_shows_an_address() {
    for scheme in ["cryptopan", "ipcrypt-pfx", "ipcrypt-det", "ipcrypt-nd", "ipcrypt-ndx", "hmac", "dpp"] {
        check(scheme, None, &ADDRESSES);
    }
    for names in ["hash", "drop", "registered-domain", "registered-domain:hash"] {
        check("cryptopan", Some(names), &ADDRESSES);
        check("ipcrypt-nd", Some(names), &ADDRESSES);
    }
    let whole = [
        "77.1.2.3", "77.4.5.6", "77.7.8", "77.10.1.", "3.2.1.77", "4d010203", "4d040506", "4d0708", "4d0a01",
    ];
    check("truncate:16,24", None, &whole);
    check(
        "truncate:8,16",
        Some("hash"),
        &["77.1", "77.4", "77.7", "77.10", "2077:db8", "1.77", "4d01", "4d04", "4d07"],
    );
}

#[test]
fn no_column_shows_a_name() {
    for names in ["hash", "drop"] {
        check("cryptopan", Some(names), &LABELS);
    }
    let before_domain = ["asked", "owner", "target", "zone", "agent", "trust", "rule"];
    for names in ["registered-domain", "registered-domain:hash"] {
        check("hmac", Some(names), &before_domain);
    }
}
