//! What privacy does to rows: only to values that it is for, the same wherever the capture is cut and whoever does the work, and
//! what it forgets is found.

use dpp::capture::single;
use dpp::pipeline::{Checked, Machine, Outcome, Pool, Rows, Sink, Watch, run};
use dpp::plan::Plan;
use dpp::privacy::{AddressMap, Fields, KeyFile, NameMap, Privacy};
use dpp::table::{COLUMNS, Column, Context, Entry, LeakCheck, Schema, Scratch};
use dpp::transaction::{Needs, Transaction};
use std::convert::Infallible;
use std::io::Cursor;
use std::num::NonZeroUsize;
use std::sync::Mutex;

const QUERY: u16 = 0x0100;
const RESPONSE: u16 = 0x8180;

/// Clients end in what they ask for; the server is 198.51.100.53.
const SERVER: [u8; 4] = [198, 51, 100, 53];

/// A message with these names as questions.
fn message(id: u16, flags: u16, names: &[&str]) -> Vec<u8> {
    let counts = [names.len() as u16, 0, 0, 0].map(u16::to_be_bytes).concat();
    let mut bytes = [&id.to_be_bytes()[..], &flags.to_be_bytes(), &counts].concat();
    for name in names {
        for label in name.split('.') {
            bytes.push(label.len() as u8);
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.extend_from_slice(&[0, 0, 1, 0, 1]);
    }
    bytes
}

/// The same with a client subnet behind it.
fn with_subnet(mut message: Vec<u8>, [a, b, c]: [u8; 3]) -> Vec<u8> {
    message[11] = 1;
    message.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, a, b, c]);
    message
}

/// The same with an address as its answer.
fn with_address(mut message: Vec<u8>, address: [u8; 4]) -> Vec<u8> {
    message[7] = 1;
    message.extend_from_slice(&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4]);
    message.extend_from_slice(&address);
    message
}

fn ip(protocol: u8, from: [u8; 4], to: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len() as u16).to_be_bytes();
    let header = [0x45, 0, length[0], length[1], 0, 1, 0, 0, 64, protocol, 0, 0];
    [&header[..], &from, &to, payload].concat()
}

fn udp(client: [u8; 4], is_query: bool, payload: &[u8]) -> Vec<u8> {
    let ((from, from_port), (to, to_port)) = ends(client, is_query);
    let header = [from_port, to_port, 8 + payload.len() as u16, 0].map(u16::to_be_bytes).concat();
    ip(17, from, to, &[&header, payload].concat())
}

/// A TCP segment with whole messages.
fn tcp(client: [u8; 4], sequence: u32, messages: &[Vec<u8>]) -> Vec<u8> {
    let ((from, from_port), (to, to_port)) = ends(client, true);
    let ports = [from_port, to_port].map(u16::to_be_bytes).concat();
    let rest = [&sequence.to_be_bytes()[..], &[0; 4], &[0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]].concat();
    let framed =
        messages.iter().flat_map(|message| [&(message.len() as u16).to_be_bytes()[..], message].concat());
    ip(6, from, to, &[&ports[..], &rest, &framed.collect::<Vec<u8>>()].concat())
}

fn ends(client: [u8; 4], is_query: bool) -> (([u8; 4], u16), ([u8; 4], u16)) {
    let (client, server) = ((client, 40_000), (SERVER, 53));
    if is_query { (client, server) } else { (server, client) }
}

/// A capture of raw IP packets, a millisecond apart.
fn pcap(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x65\0\0\0".to_vec();
    for (at, packet) in (0..).zip(packets) {
        let length = packet.len() as u32;
        for field in [1_700_000_000, at * 1000, length, length] {
            bytes.extend_from_slice(&u32::to_le_bytes(field));
        }
        bytes.extend_from_slice(packet);
    }
    bytes
}

/// Queries with one question, with several and with retries; two connections with several queries in a segment; names that
/// spell addresses, a subnet, and addresses as answers.
fn capture() -> Vec<u8> {
    let client = |last| [192, 0, 2, last];
    let name = |last: u8| format!("x{last}.Example.com");
    let mut packets = Vec::new();
    for last in 1..6 {
        let names = [&*name(last)];
        for _ in 0..4 {
            packets.push(udp(client(last), true, &message(last.into(), QUERY, &names)));
        }
        let response = with_address(message(last.into(), RESPONSE, &names), [203, 0, 113, last]);
        packets.push(udp(client(last), false, &response));
    }
    packets.push(udp(client(9), true, &message(9, QUERY, &["a.example", "b.example", "c.example"])));
    packets.push(udp(
        client(7),
        true,
        &with_subnet(message(7, QUERY, &["7.2.0.192.in-addr.arpa"]), [10, 1, 2]),
    ));
    for (last, sequence) in [(10, 1), (11, 1)] {
        let messages: Vec<Vec<u8>> = (1..4).map(|id| message(id, QUERY, &[&name(id as u8)])).collect();
        packets.push(tcp(client(last), sequence, &messages));
    }
    packets.push(udp(client(1), true, &message(77, QUERY, &["ip-192.0.2.1.example"])));
    pcap(&packets)
}

/// Takes what a function makes of each row.
struct Told<F> {
    tell: F,
    compact: bool,
    lines: Mutex<Vec<String>>,
}

impl<F: Fn(&Transaction) -> String + Sync> Sink for Told<F> {
    type Piece = Vec<String>;
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Vec<String> {
        let rows = if self.compact { rows.compact(pool) } else { rows };
        let lines = rows.iter().map(|row| (self.tell)(&row)).collect();
        pool.recycle(rows);
        lines
    }

    fn size(&self, _: &Vec<String>) -> usize {
        0
    }

    fn accept(&self, _: usize, piece: &Vec<String>) -> Result<(), Infallible> {
        self.lines.lock().unwrap().extend_from_slice(piece);
        Ok(())
    }

    fn recycle(&self, _: Vec<String>, _: &Pool) {}
}

fn machine(workers: usize, chunk_packets: usize) -> Machine {
    let machine = Machine::new(NonZeroUsize::new(workers).unwrap(), workers as u64);
    Machine { chunk_packets, ..machine }
}

/// What a function tells of each row, and the run's outcome.
fn told(
    plan: &Plan,
    machine: &Machine,
    compact: bool,
    tell: impl Fn(&Transaction) -> String + Sync,
) -> (Vec<String>, Outcome) {
    let sink = Told { tell, compact, lines: Mutex::default() };
    let outcome = run(single(Cursor::new(capture())), plan, machine, &sink, &Watch::default()).unwrap();
    (sink.lines.into_inner().unwrap(), outcome)
}

fn privacy(addresses: Option<&str>, names: Option<&str>, fields: &str) -> Privacy {
    let key = KeyFile::read(b"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap();
    Privacy {
        addresses: addresses.map(|scheme| AddressMap::new(scheme.parse().unwrap(), Some(&key)).unwrap()),
        names: names.map(|scheme| NameMap::new(scheme.parse().unwrap(), Some(&key)).unwrap()),
        fields: fields.parse::<Fields>().unwrap(),
    }
}

/// A plan for all columns.
fn plan(privacy: Privacy) -> Plan {
    Plan {
        schema: Schema::of(COLUMNS.iter().map(|entry| entry.column)),
        context: Context { privacy, ..Context::default() },
        ..Plan::default()
    }
}

/// The value of each column in each row.
fn cells(plan: &Plan) -> Vec<Vec<String>> {
    let cells = |row: &Transaction| {
        let mut scratch = Scratch::default();
        let fields = plan.schema.fields().iter();
        let cells = fields.map(|field| format!("{:?}", field.value(row, &plan.context, &mut scratch)));
        cells.collect::<Vec<_>>().join("\t")
    };
    let (lines, _) = told(plan, &machine(1, 100), false, cells);
    lines.iter().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[test]
fn a_row_has_the_same_number_wherever_the_capture_is_cut() {
    for by_message in [false, true] {
        let mut plan = Plan::default();
        plan.schema.by_message = by_message;
        let number = |row: &Transaction| format!("{} {:?}", row.number(), row.face());
        let (expected, _) = told(&plan, &machine(1, 100), false, number);
        let mut distinct = expected.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), expected.len(), "no two rows share a number");
        assert_eq!(expected.len(), if by_message { 21 } else { 16 });
        for (workers, packets) in [(1, 1), (1, 3), (2, 7), (3, 1), (3, 100)] {
            for compact in [false, true] {
                let (numbers, _) = told(&plan, &machine(workers, packets), compact, number);
                assert_eq!(numbers, expected, "{workers} workers, {packets} packets, {compact}");
            }
        }
    }
}

/// Nothing changes but these columns, and in each of them something does.
#[track_caller]
fn check_changes(privacy: Privacy, expected: &[Column]) {
    let (plain, hidden) = (plan(Privacy::default()), plan(privacy));
    let (before, after) = (cells(&plain), cells(&hidden));
    assert_eq!(before.len(), after.len());
    let changed = COLUMNS.iter().enumerate().filter(|(number, _)| {
        before.iter().zip(&after).any(|(before, after)| before[*number] != after[*number])
    });
    let (foreign, changed): (Vec<&Entry>, Vec<&Entry>) =
        changed.map(|(_, entry)| entry).partition(|entry| entry.is_foreign);
    let changed: Vec<Column> = changed.iter().map(|entry| entry.column).collect();
    // The checksum is over all that is hidden.
    let mut expected = [expected, &[Column::UdpChecksum]].concat();
    expected.sort_by_key(|column| *column as u16);
    assert_eq!(changed, expected);
    // Those of other tools' schemas change if what they are made of does.
    let words: &[&str] = match expected.iter().any(|column| matches!(column, Column::SrcIp | Column::DstIp)) {
        true => &["addr", "uid", "community_id", "related"],
        false => &[
            "name",
            "domain",
            "query",
            "tld",
            "etld_plus_one",
            "answers",
            "subdomain",
            "top_level",
            "rdatas",
            "resolved_ip",
            "related",
            "client_subnet",
            "options.datas",
            "edns0_ecs",
            "opt.subnet",
        ],
    };
    for entry in foreign {
        assert!(words.iter().any(|word| entry.name.contains(word)), "{}", entry.name);
    }
    let totals = |plan: &Plan| told(plan, &machine(1, 100), false, |_: &Transaction| String::new()).1.totals;
    assert_eq!(
        format!("{:?}", totals(&plain)),
        format!("{:?}", totals(&hidden)),
        "matching sees what was captured"
    );
}

#[test]
fn only_what_is_hidden_changes() {
    use Column::{
        AnswerA, AnswerCnames, Answers, DstIp, Ecs, Entropy, LabelLengthMax, Labels, Name, Qname,
        QnameLength, QnameLower,
    };
    use Column::{RegisteredDomain, SourceIp, SrcIp, Tld};
    for scheme in
        ["truncate", "cryptopan", "ipcrypt-pfx", "ipcrypt-det", "ipcrypt-nd", "ipcrypt-ndx", "hmac", "dpp"]
    {
        check_changes(privacy(Some(scheme), None, "client"), &[SourceIp, SrcIp]);
        check_changes(privacy(Some(scheme), None, "server"), &[DstIp]);
    }
    check_changes(privacy(Some("cryptopan"), None, "ptr"), &[Name, Qname, QnameLower, RegisteredDomain]);
    for scheme in ["cryptopan", "ipcrypt-det", "ipcrypt-ndx", "hmac"] {
        check_changes(privacy(Some(scheme), None, "rdata"), &[AnswerA, Answers]);
        check_changes(privacy(Some(scheme), None, "ecs"), &[Ecs]);
    }
    check_changes(
        privacy(None, Some("hash"), "names"),
        &[Name, Qname, QnameLower, RegisteredDomain, Tld, Answers],
    );
    check_changes(privacy(None, Some("registered-domain"), "names"), &[Name, Qname, QnameLower, Answers]);
    check_changes(
        privacy(None, Some("drop"), "names"),
        &[
            Name,
            Qname,
            QnameLower,
            Labels,
            QnameLength,
            LabelLengthMax,
            Entropy,
            RegisteredDomain,
            Tld,
            AnswerCnames,
            Answers,
        ],
    );
}

#[test]
fn columns_of_the_same_thing_agree() {
    let place = |column: Column| COLUMNS.iter().position(|entry| entry.column == column).unwrap();
    for scheme in ["cryptopan", "ipcrypt-nd", "ipcrypt-ndx"] {
        for row in cells(&plan(privacy(Some(scheme), Some("hash"), "all"))) {
            assert_eq!(row[place(Column::SourceIp)], row[place(Column::SrcIp)]);
            assert_eq!(row[place(Column::Name)], row[place(Column::Qname)]);
            assert_ne!(row[place(Column::SrcIp)], row[place(Column::DstIp)]);
        }
    }
}

#[test]
fn a_pseudonym_that_is_for_one_row_comes_never_again() {
    let place = COLUMNS.iter().position(|entry| entry.column == Column::DstIp).unwrap();
    let mut servers: Vec<String> = cells(&plan(privacy(Some("ipcrypt-nd"), None, "server")))
        .into_iter()
        .map(|mut row| row.remove(place))
        .collect();
    let count = servers.len();
    servers.sort();
    servers.dedup();
    assert_eq!(servers.len(), count);
}

/// What a second look finds with these columns: how many values give something away, by column.
fn found(privacy: Privacy, columns: &[Column]) -> (LeakCheck, Vec<(Column, u64)>) {
    let plan = Plan {
        schema: Schema::of(columns.iter().copied()),
        sink_needs: Needs::QUERY | Needs::RESPONSE,
        ..plan(privacy)
    };
    let run_on = |machine: &Machine| {
        let tell = |_: &Transaction| String::new();
        let sink = Told { tell, compact: false, lines: Mutex::default() };
        let watched = Checked::new(&sink, &plan);
        run(single(Cursor::new(capture())), &plan, machine, &watched, &Watch::default()).unwrap();
        watched.found()
    };
    let found = run_on(&machine(1, 100));
    assert_eq!(found, run_on(&machine(3, 1)));
    let leaks = columns.iter().copied().zip(found.leaks.iter().copied()).filter(|leak| leak.1 > 0).collect();
    (found, leaks)
}

#[test]
fn what_gives_a_hidden_address_away_is_found() {
    use Column::{DstIp, Name, Qname, ResponseWire, SrcIp};
    let columns = [SrcIp, DstIp, Qname, Name];
    let (found_all, leaks) = found(privacy(Some("cryptopan"), None, "client"), &columns);
    assert_eq!(
        leaks,
        [(Qname, 2), (Name, 2)],
        "a name that spells the client's address, and one that points back to it"
    );
    assert_eq!((found_all.rows, found_all.values, found_all.hidden), (16, 64, 16));
    let (_, leaks) = found(privacy(Some("cryptopan"), None, "client,ptr"), &columns);
    assert_eq!(leaks, [(Qname, 1), (Name, 1)], "names that point back are hidden now");
    assert_eq!(found(privacy(Some("cryptopan"), Some("hash"), "all"), &columns).1, []);
    let (names, leaks) = found(privacy(None, Some("hash"), "names"), &[Qname, ResponseWire]);
    assert_eq!((leaks, names.names), (vec![(ResponseWire, 5)], 16), "a name in octets");
    assert_eq!(found(privacy(Some("ipcrypt-nd"), Some("drop"), "all"), &columns).1, []);
    let (answers, leaks) = found(privacy(Some("hmac"), None, "rdata"), &[SrcIp, ResponseWire]);
    assert_eq!((leaks, answers.hidden), (vec![(ResponseWire, 5)], 5));
    let (subnets, _) = found(privacy(Some("hmac"), None, "ecs"), &[SrcIp]);
    assert_eq!(subnets.hidden, 1);
}

#[test]
fn an_address_that_is_its_own_pseudonym_is_no_secret() {
    let (found, leaks) = found(privacy(Some("truncate:32,128"), None, "client"), &[Column::SrcIp]);
    assert_eq!((leaks.len(), found.hidden, found.unchanged), (0, 0, 16));
}
