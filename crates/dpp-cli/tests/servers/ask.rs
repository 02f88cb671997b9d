//! Who asks: a sender that knows each of its questions, and dnsperf, which is many clients at once.

use crate::rows::Fact;
use crate::stage::Stage;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

/// An answer that has not come by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// A question as it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    id: u16,
    name: String,
    qtype: u16,
    /// The longest datagram that is taken, with EDNS.
    edns: Option<u16>,
}

/// Names that the servers of these tests know, or do not, with types. `www` has an address, `text` more text than fits into
/// 512 bytes, `alias` leads to `www`; what begins with `no` is not there, and `outside.example` is not theirs.
pub(crate) const NAMES: &[(&str, u16)] = &[
    ("www.zone.test", 1),
    ("WwW.Zone.TEST", 1),
    ("www.zone.test", 28),
    ("text.zone.test", 16),
    ("alias.zone.test", 1),
    ("zone.test", 6),
    ("no-such-name.zone.test", 1),
    ("www.zone.test", 65),
];

impl Question {
    /// So many questions, no two with the same id; the first id is `seed`.
    pub(crate) fn list(seed: u16, count: u16) -> Vec<Question> {
        let question = |number: u16| {
            let (name, qtype) = NAMES[usize::from(number) % NAMES.len()];
            let edns = [None, Some(1232), Some(4096)][usize::from(number / 3) % 3];
            Question { id: seed.wrapping_add(number.wrapping_mul(7919)), name: name.into(), qtype, edns }
        };
        (0..count).map(question).collect()
    }

    /// One for an address, with any id.
    pub(crate) fn of(name: &str) -> Question {
        Question { id: 1, name: name.into(), qtype: 1, edns: None }
    }

    fn message(&self) -> Vec<u8> {
        let mut message = Vec::new();
        let records = u16::from(self.edns.is_some());
        for field in [self.id, 0x0100, 1, 0, 0, records] {
            message.extend_from_slice(&field.to_be_bytes());
        }
        for label in self.name.split('.') {
            message.push(label.len() as u8);
            message.extend_from_slice(label.as_bytes());
        }
        message.push(0);
        for field in [self.qtype, 1] {
            message.extend_from_slice(&field.to_be_bytes());
        }
        if let Some(size) = self.edns {
            message.extend_from_slice(&[0, 0, 41]);
            message.extend_from_slice(&size.to_be_bytes());
            message.extend_from_slice(&[0; 6]);
        }
        message
    }

    /// What all three tables must say of it.
    fn fact(&self, client: SocketAddr, transport: &'static str, response: &[u8]) -> Fact {
        let rcode = u16::from(response[3] & 0xF);
        Fact {
            client,
            transport: transport.into(),
            id: self.id,
            name: self.name.clone(),
            qtype: self.qtype,
            rcode,
        }
    }
}

/// Asks over UDP, one question after the other, each from the same socket. Gives what was asked and answered.
#[track_caller]
pub(crate) fn udp(from: IpAddr, server: SocketAddr, questions: &[Question]) -> Vec<Fact> {
    let socket = UdpSocket::bind((from, 0)).expect("there is a port");
    socket.connect(server).expect("loopback");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let client = socket.local_addr().expect("bound");
    let ask = |question: &Question| {
        let mut response = [0; 4096];
        socket.send(&question.message()).expect("loopback takes it");
        let length = socket.recv(&mut response).unwrap_or_else(|error| panic!("{question:?}: {error}"));
        assert_eq!(response[..2], question.id.to_be_bytes(), "the answer is that to the question");
        question.fact(client, "udp", &response[..length])
    };
    questions.iter().map(ask).collect()
}

/// Asks over TCP: so many questions at once on one connection, whose answers may come in any order, then the next ones.
#[track_caller]
pub(crate) fn tcp(server: SocketAddr, questions: &[Question], at_once: usize) -> Vec<Fact> {
    let mut stream = TcpStream::connect(server).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let client = stream.local_addr().expect("bound");
    let mut facts = Vec::new();
    for some in questions.chunks(at_once) {
        let framed = |question: &Question| {
            let message = question.message();
            [&(message.len() as u16).to_be_bytes(), &message[..]].concat()
        };
        stream.write_all(&some.iter().flat_map(framed).collect::<Vec<u8>>()).expect("it takes them");
        let mut open: HashMap<u16, &Question> = some.iter().map(|question| (question.id, question)).collect();
        while !open.is_empty() {
            let mut length = [0; 2];
            stream.read_exact(&mut length).expect("an answer");
            let mut response = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut response).expect("a whole answer");
            let id = u16::from_be_bytes([response[0], response[1]]);
            let question = open.remove(&id).expect("an answer to one of the questions");
            facts.push(question.fact(client, "tcp", &response));
        }
    }
    facts
}

/// How dnsperf asks.
#[derive(Clone, Copy)]
pub(crate) struct Perf {
    pub(crate) mode: &'static str,
    pub(crate) port: u16,
    pub(crate) queries: usize,
    /// The most queries a second.
    pub(crate) rate: usize,
}

impl Perf {
    /// Asks, and makes sure that each query was answered.
    #[track_caller]
    pub(crate) fn run(self, stage: &Stage) {
        let Perf { mode, port, queries, rate } = self;
        let list = format!("{mode}-{port}.txt");
        let lines: Vec<String> = (0..queries).map(|n| format!("host{}.perf.test A\n", n % 1000)).collect();
        stage.write(&list, &lines.concat());
        let mut dnsperf = Command::new("dnsperf");
        dnsperf.args([
            "-s",
            "127.0.0.1",
            "-m",
            mode,
            "-n",
            "1",
            "-c",
            "4",
            "-q",
            "50",
            "-t",
            "60",
            "-d",
            &list,
        ]);
        dnsperf.args(["-p", &port.to_string(), "-Q", &rate.to_string()]).current_dir(stage.folder());
        let told = dnsperf.output().expect("dnsperf is there (Debian: apt-get install dnsperf)");
        let text = String::from_utf8_lossy(&told.stdout);
        let completed = format!("Queries completed:    {queries} (100.00%)");
        assert!(text.contains(&completed), "{text}{}", String::from_utf8_lossy(&told.stderr));
    }
}
