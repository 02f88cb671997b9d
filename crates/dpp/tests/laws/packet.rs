//! Packets as descriptions: what a packet means, the bytes that say so, and the line of text that names it.
//!
//! A description knows what it means, so the oracle needs no decoder. People are letters: `a7@2` is client `a` asking
//! server 2 with id 7. A description prints as the line that [`Packet::parse`] reads, so a case that the properties
//! shrink can be pasted into `cases.rs` as it is. Called by all of this test.
//!
//! ```text
//!  1.2 query a7 www/28,mail        1.25 response a7 wWw 3        1.3 response a7 -        1.4 arp
//!  time      tuple questions       time          tuple  question code   without question  not DNS
//! ```

use dpp::packet::Skip;
use std::fmt;
use std::net::IpAddr;

/// What the times in the texts are relative to, in ns since 1970: 2023-11-14 22:13:20 UTC.
pub(crate) const EPOCH_NS: i64 = 1_700_000_000 * SECOND;
pub(crate) const SECOND: i64 = 1_000_000_000;

/// The last second that classic pcap can tell: in the year 2106.
pub(crate) const LAST_NS: i64 = u32::MAX as i64 * SECOND;

/// A packet of a capture.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) time_ns: i64,
    pub(crate) content: Content,
}

/// What is in a packet.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Message(Message),
    Other(Other),
}

/// A DNS message.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) tuple: Tuple,
    pub(crate) questions: Vec<Question>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Query,
    Response(Code),
}

/// Who asks whom with which id. Client and server are names of [`CLIENTS`] and [`SERVERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tuple {
    pub(crate) client: char,
    pub(crate) server: u8,
    pub(crate) id: u16,
}

/// Clients. `e` and `f` ask from port 53, as resolvers once did; `f` is where `e`'s server 1 is.
pub(crate) const CLIENTS: [(char, &str, u16); 6] = [
    ('a', "192.0.2.1", 4001),
    ('b', "192.0.2.1", 4002),
    ('c', "198.51.100.9", 4001),
    ('d', "2001:db8::1", 4001),
    ('e', "192.0.2.1", 53),
    ('f', "203.0.113.53", 53),
];

/// Servers, with their IPv4 and IPv6 addresses. 3 listens on another port and can be asked by `e` and `f` only;
/// 4 is where `e` is, so that `f7@4` is `e7@1` the other way round.
pub(crate) const SERVERS: [(u8, &str, &str, u16); 4] = [
    (1, "203.0.113.53", "2001:db8::53", 53),
    (2, "203.0.113.54", "2001:db8::54", 53),
    (3, "203.0.113.53", "2001:db8::53", 5353),
    (4, "192.0.2.1", "2001:db8::54:4", 53),
];

/// An entry of the question section. The name is ASCII without its final dot; the root is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) qtype: u16,
    pub(crate) qclass: u16,
}

/// How a response tells its code. The first number is always the header's four bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Header(u8),
    /// With an OPT record that tells the upper eight bits (and a second OPT that tells others).
    Opt(u8, u8),
    /// With an OPT record that tells upper bits, and a TSIG record with an error.
    Tsig(u8, u16),
    /// With more additional records promised than there are.
    Unreadable(u8),
}

/// Packets that carry no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Other {
    Arp,
    Tcp,
    /// UDP, but neither port is 53.
    Port,
    /// No bytes at all.
    Empty,
    /// UDP to port 53 with half a DNS header.
    Half,
}

const OTHERS: [(Other, &str, Skip); 5] = [
    (Other::Arp, "arp", Skip::Arp),
    (Other::Tcp, "tcp", Skip::TcpMalformed),
    (Other::Port, "port", Skip::Port),
    (Other::Empty, "empty", Skip::LinkCut),
    (Other::Half, "half", Skip::DnsHeaderCut),
];

impl Packet {
    /// Why the packet gives no message; `None` if it gives one.
    pub(crate) fn skip(&self) -> Option<Skip> {
        match &self.content {
            Content::Other(other) => OTHERS.iter().find(|row| row.0 == *other).map(|row| row.2),
            Content::Message(Message { kind: Kind::Query, questions, .. }) if questions.is_empty() => {
                Some(Skip::DnsQueryWithoutQuestion)
            }
            Content::Message(_) => None,
        }
    }

    /// Whether it is a response whose records cannot be walked.
    pub(crate) fn has_unreadable_records(&self) -> bool {
        let Content::Message(message) = &self.content else { return false };
        matches!(message.kind, Kind::Response(Code::Unreadable(_)))
    }

    /// The packet as an Ethernet frame.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let a1 = Tuple { client: 'a', server: 1, id: 0 };
        match &self.content {
            Content::Message(message) => message.frame(),
            Content::Other(Other::Arp) => ethernet(0x0806, &[0; 28]),
            Content::Other(Other::Tcp) => ip(a1.client().0, a1.server().0, 6, &[0; 20]),
            Content::Other(Other::Port) => udp((a1.client().0, 123), (a1.server().0, 123), &[0; 48]),
            Content::Other(Other::Empty) => Vec::new(),
            Content::Other(Other::Half) => udp(a1.client(), a1.server(), &[0; 6]),
        }
    }
}

impl Message {
    fn frame(&self) -> Vec<u8> {
        match self.kind {
            Kind::Query => udp(self.tuple.client(), self.tuple.server(), &self.bytes()),
            Kind::Response(_) => udp(self.tuple.server(), self.tuple.client(), &self.bytes()),
        }
    }

    /// The message as RFC 1035 section 4.1 has it.
    fn bytes(&self) -> Vec<u8> {
        let (flags, records, additional) = match self.kind {
            Kind::Query => (0x0100, Vec::new(), 0),
            Kind::Response(code) => code.flags_and_records(),
        };
        let mut bytes = Vec::new();
        for field in [self.tuple.id, flags, self.questions.len() as u16, 0, 0, additional] {
            bytes.extend(field.to_be_bytes());
        }
        for (index, question) in self.questions.iter().enumerate() {
            // A name that repeats the first one is a compression pointer to it.
            let again = index > 0 && question.name == self.questions[0].name;
            bytes.extend(if again { vec![0xC0, 12] } else { wire_name(&question.name) });
            bytes.extend(question.qtype.to_be_bytes());
            bytes.extend(question.qclass.to_be_bytes());
        }
        bytes.extend(records);
        bytes
    }
}

impl Tuple {
    /// The client's address and port.
    pub(crate) fn client(&self) -> (IpAddr, u16) {
        let row = CLIENTS.iter().find(|row| row.0 == self.client).expect("a client of the table");
        (row.1.parse().expect("an address"), row.2)
    }

    /// The server's address, of the client's kind, and port.
    pub(crate) fn server(&self) -> (IpAddr, u16) {
        let row = SERVERS.iter().find(|row| row.0 == self.server).expect("a server of the table");
        let address = if self.client().0.is_ipv4() { row.1 } else { row.2 };
        (address.parse().expect("an address"), row.3)
    }

    /// The tuple with these addresses and ports.
    pub(crate) fn between(client: (IpAddr, u16), server: (IpAddr, u16), id: u16) -> Tuple {
        let every =
            CLIENTS.iter().flat_map(|c| SERVERS.iter().map(|s| Tuple { client: c.0, server: s.0, id }));
        let mut same = every.filter(|tuple| tuple.client() == client && tuple.server() == server);
        same.next().unwrap_or_else(|| panic!("nobody described {client:?} asking {server:?}"))
    }
}

impl Question {
    /// The question as it is compared: without regard to case.
    pub(crate) fn folded(&self) -> (String, u16, u16) {
        (self.name.to_ascii_lowercase(), self.qtype, self.qclass)
    }
}

impl Code {
    /// What a row says of it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Code::Header(low) | Code::Unreadable(low) | Code::Tsig(low, 0) => code_text(u16::from(low)),
            Code::Opt(low, upper) => code_text(u16::from(upper) << 4 | u16::from(low)),
            Code::Tsig(_, 16) => "TSIG Failure",
            Code::Tsig(_, error) => code_text(error),
        }
    }

    /// The flags of the header, the additional records, and how many the header promises.
    fn flags_and_records(self) -> (u16, Vec<u8>, u16) {
        let (low, records, promised) = match self {
            Code::Header(low) => (low, Vec::new(), 0),
            Code::Opt(low, upper) => (low, [opt(upper), opt(!upper)].concat(), 2),
            Code::Tsig(low, error) => (low, [opt(if error == 0 { 0 } else { 1 }), tsig(error)].concat(), 2),
            Code::Unreadable(low) => (low, opt(1), 2),
        };
        (0x8180 | u16::from(low), records, promised)
    }
}

/// Response codes in words.
fn code_text(code: u16) -> &'static str {
    match code {
        0 => "No Error",
        1 => "Form Error",
        2 => "Server Failure",
        3 => "Non-Existent Domain",
        4 => "Not Implemented",
        5 => "Query Refused",
        6 => "Name should not exist",
        7 => "RR Set should not exist",
        8 => "RR Set does not exist",
        9 => "Not authorized",
        10 => "Name not in zone",
        16 => "EDNS_BADVERS",
        17 => "Key not recognized",
        18 => "Signature out of time window",
        19 => "Bad TKEY mode",
        20 => "Duplicate key name",
        21 => "Algorithm not supported",
        22 => "Bad truncation",
        23 => "Bad server cookie",
        _ => "Unknown response code",
    }
}

/// An OPT record (RFC 6891 section 6.1.2).
fn opt(upper: u8) -> Vec<u8> {
    vec![0, 0, 41, 4, 208, upper, 0, 0, 0, 0, 0]
}

/// A TSIG record (RFC 8945 section 4.2) with a MAC of four bytes.
fn tsig(error: u16) -> Vec<u8> {
    let mut rdata = [&wire_name("hmac-sha256")[..], &[0; 6], &[1, 44], &[0, 4], &[9; 4], &[0; 2]].concat();
    rdata.extend(error.to_be_bytes());
    rdata.extend([0, 0]);
    let head = [&wire_name("key")[..], &[0, 250, 0, 255, 0, 0, 0, 0], &(rdata.len() as u16).to_be_bytes()];
    [head.concat(), rdata].concat()
}

fn wire_name(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(label.len() as u8);
        wire.extend(label.as_bytes());
    }
    wire.push(0);
    wire
}

fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 12], &ethertype.to_be_bytes()[..], payload].concat()
}

fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16;
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let [high, low] = (20 + length).to_be_bytes();
            let head = [0x45, 0, high, low, 0, 0, 0, 0, 64, protocol, 0, 0];
            ethernet(0x0800, &[&head, &source.octets()[..], &destination.octets(), payload].concat())
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let [high, low] = length.to_be_bytes();
            let head = [0x60, 0, 0, 0, high, low, protocol, 64];
            ethernet(0x86DD, &[&head, &source.octets()[..], &destination.octets(), payload].concat())
        }
        _ => panic!("IPv4 does not speak to IPv6"),
    }
}

fn udp(source: (IpAddr, u16), destination: (IpAddr, u16), payload: &[u8]) -> Vec<u8> {
    let header = [source.1, destination.1, 8 + payload.len() as u16, 0].map(u16::to_be_bytes).concat();
    ip(source.0, destination.0, 17, &[&header, payload].concat())
}

// From here on: text.

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", Time(self.time_ns))?;
        match &self.content {
            Content::Message(Message { kind: Kind::Query, tuple, questions }) => {
                write!(f, "query {tuple} {}", texts(questions))
            }
            Content::Message(Message { kind: Kind::Response(code), tuple, questions }) => {
                write!(f, "response {tuple} {}{code}", texts(questions))
            }
            Content::Other(other) => {
                f.write_str(OTHERS.iter().find(|row| row.0 == *other).expect("a row for each").1)
            }
        }
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A time in seconds after [`EPOCH_NS`], with as many decimals as it needs.
pub(crate) struct Time(pub(crate) i64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = i128::from(self.0) - i128::from(EPOCH_NS);
        let (sign, size) = (if ns < 0 { "-" } else { "" }, ns.unsigned_abs());
        let (seconds, fraction) = (size / SECOND as u128, size % SECOND as u128);
        let text = format!("{sign}{seconds}.{fraction:09}");
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.client, self.id)?;
        if self.server == 1 { Ok(()) } else { write!(f, "@{}", self.server) }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { "." } else { &self.name };
        match (self.qtype, self.qclass) {
            (1, 1) => write!(f, "{name}"),
            (qtype, 1) => write!(f, "{name}/{qtype}"),
            (qtype, qclass) => write!(f, "{name}/{qtype}/{qclass}"),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Code::Header(0) => Ok(()),
            Code::Header(low) => write!(f, " {low}"),
            Code::Opt(low, upper) => write!(f, " opt {low} {upper}"),
            Code::Tsig(low, error) => write!(f, " tsig {low} {error}"),
            Code::Unreadable(low) => write!(f, " unreadable {low}"),
        }
    }
}

fn texts(questions: &[Question]) -> String {
    match questions {
        [] => "-".into(),
        _ => questions.iter().map(Question::to_string).collect::<Vec<_>>().join(","),
    }
}

impl Packet {
    /// Reads the line that describes a packet.
    pub(crate) fn parse(line: &str) -> Packet {
        Packet::try_parse(line).unwrap_or_else(|| panic!("no packet: {line:?}"))
    }

    fn try_parse(line: &str) -> Option<Packet> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (time, rest) = words.split_first()?;
        let content = match rest {
            [other] => Content::Other(OTHERS.iter().find(|row| row.1 == *other)?.0),
            ["query", tuple, questions] => Content::Message(Message {
                kind: Kind::Query,
                tuple: parse_tuple(tuple)?,
                questions: parse_questions(questions)?,
            }),
            ["response", tuple, questions, code @ ..] => Content::Message(Message {
                kind: Kind::Response(parse_code(code)?),
                tuple: parse_tuple(tuple)?,
                questions: parse_questions(questions)?,
            }),
            _ => return None,
        };
        Some(Packet { time_ns: parse_time(time)?, content })
    }
}

fn parse_time(text: &str) -> Option<i64> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let ns = seconds.parse::<i64>().ok()? * SECOND + format!("{fraction:0<9}").parse::<i64>().ok()?;
    Some(EPOCH_NS + if negative { -ns } else { ns })
}

fn parse_tuple(text: &str) -> Option<Tuple> {
    let (text, server) = text.split_once('@').unwrap_or((text, "1"));
    let client = text.chars().next()?;
    Some(Tuple { client, server: server.parse().ok()?, id: text[1..].parse().ok()? })
}

fn parse_questions(text: &str) -> Option<Vec<Question>> {
    if text == "-" {
        return Some(Vec::new());
    }
    text.split(',').map(parse_question).collect()
}

fn parse_question(text: &str) -> Option<Question> {
    let mut fields = text.split('/');
    let name = fields.next()?.trim_end_matches('.').to_string();
    let mut number = || fields.next().map_or(Some(1), |field| field.parse().ok());
    Some(Question { name, qtype: number()?, qclass: number()? })
}

fn parse_code(words: &[&str]) -> Option<Code> {
    Some(match words {
        [] => Code::Header(0),
        [low] => Code::Header(low.parse().ok()?),
        ["opt", low, upper] => Code::Opt(low.parse().ok()?, upper.parse().ok()?),
        ["tsig", low, error] => Code::Tsig(low.parse().ok()?, error.parse().ok()?),
        ["unreadable", low] => Code::Unreadable(low.parse().ok()?),
        _ => return None,
    })
}
