//! Packets as descriptions: what a packet means, the bytes that say so, and the line of text that names it.
//!
//! A description knows what it means, so the oracle needs no decoder. People are letters: `a7@2` is client `a` asking
//! server 2 with id 7. A description prints as the line that [`Packet::parse`] reads, so a case that the properties
//! shrink can be pasted into `cases.rs` as it is. Called by all of this test.
//!
//! ```text
//!  1.2 query a7 www/28,mail        1.25 response a7 wWw 3        1.3 response a7 -        1.4 arp
//!  time      tuple questions       time          tuple  question code   without question  not DNS
//!
//!  1 #3 query a7 www     1 type-cut query a7 www      1 fragment 1/2 #9 query a7 www     1 segment 42 1/1 query A7 www + 1/2 query A8 mail
//!  IPv4 identification   damaged                      the first of two fragments         a message and half of another, over TCP
//! ```
//! Who speaks over TCP is a capital letter.

use dpp::packet::{Segment as Flags, Skip};
use dpp::plan::{Plan, Ports};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

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
    /// A whole message in a datagram.
    Message(Message),
    /// A fragment of such a datagram: which one, counted from 1, and of how many.
    Fragment(Message, (usize, usize)),
    /// A TCP segment: the sequence number, and parts of messages.
    Segment(u32, Vec<Part>),
    /// A TCP segment without data, of the connection of this tuple.
    Bare(Bare, Tuple, u32),
    Other(Other),
}

/// A message with its length before it, or a part of that: which one, counted from 1, and of how many.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) message: Message,
    pub(crate) number: usize,
    pub(crate) count: usize,
}

/// Segments without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bare {
    Syn,
    SynAck,
    Ack,
}

const BARES: [(Bare, &str, u8); 3] = [
    (Bare::Syn, "syn", Flags::SYN),
    (Bare::SynAck, "syn-ack", Flags::SYN | Flags::ACK),
    (Bare::Ack, "ack", Flags::ACK),
];

/// The number before the first byte of every stream: soon it goes over the end.
pub(crate) const INITIAL_SEQUENCE: u32 = u32::MAX - 60;

/// A DNS message.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) tuple: Tuple,
    pub(crate) questions: Vec<Question>,
    /// What tells a packet sent again from one captured twice; IPv6 has it in fragments only.
    pub(crate) identification: u16,
    pub(crate) damage: Option<Damage>,
    /// Whether it has a VLAN tag.
    pub(crate) tagged: bool,
    /// Whether it is in an IP tunnel.
    pub(crate) tunnelled: bool,
}

/// What is wrong with the (only) question of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The message ends before the name does.
    NameCut,
    /// The message ends in the type.
    TypeCut,
    /// The message ends behind the type.
    ClassCut,
    /// The message ends in the class.
    ClassHalf,
    /// Instead of its end the name has a label of no known type.
    BadLabel,
}

const DAMAGES: [(Damage, &str, Skip); 5] = [
    (Damage::NameCut, "name-cut", Skip::DnsQuestionCut),
    (Damage::TypeCut, "type-cut", Skip::DnsQuestionCut),
    (Damage::ClassCut, "class-cut", Skip::DnsQuestionCut),
    (Damage::ClassHalf, "class-half", Skip::DnsQuestionCut),
    (Damage::BadLabel, "bad-label", Skip::DnsQuestionMalformed),
];

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

/// Clients. `e` and `f` ask from port 53, as resolvers once did; `f` is where `e`'s server 1 is. `m` and `n` speak multicast DNS.
pub(crate) const CLIENTS: [(char, &str, u16); 8] = [
    ('a', "192.0.2.1", 4001),
    ('b', "192.0.2.1", 4002),
    ('c', "198.51.100.9", 4001),
    ('d', "2001:db8::1", 4001),
    ('e', "192.0.2.1", 53),
    ('f', "203.0.113.53", 53),
    ('m', "192.0.2.77", 5353),
    ('n', "2001:db8::77", 5353),
];

/// Servers, with their IPv4 and IPv6 addresses. 3 listens on another port and can be asked by `e` and `f` only;
/// 4 is where `e` is, so that `f7@4` is `e7@1` the other way round. 5 and 6 are the groups of mDNS and LLMNR, 7 and 8 members
/// that answer. 90 and above are any server.
pub(crate) const SERVERS: [(u8, &str, &str, u16); 11] = [
    (1, "203.0.113.53", "2001:db8::53", 53),
    (2, "203.0.113.54", "2001:db8::54", 53),
    (3, "203.0.113.53", "2001:db8::53", 5353),
    (4, "192.0.2.1", "2001:db8::54:4", 53),
    (5, "224.0.0.251", "ff02::fb", 5353),
    (6, "224.0.0.252", "ff02::1:3", 5355),
    (7, "192.0.2.78", "2001:db8::78", 5353),
    (8, "192.0.2.78", "2001:db8::78", 5355),
    (90, "0.0.0.0", "::", 53),
    (93, "0.0.0.0", "::", 5353),
    (95, "0.0.0.0", "::", 5355),
];

/// An entry of the question section. The name is ASCII without its final dot; the root is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) qtype: u16,
    pub(crate) qclass: u16,
}

/// A question as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) qtype: Option<u16>,
    pub(crate) qclass: Option<u16>,
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
    /// The packet as an Ethernet frame.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let a1 = Tuple { client: 'a', server: 1, id: 0 };
        match &self.content {
            Content::Message(message) => message.frame(),
            Content::Fragment(message, (number, count)) => message.fragment(*number, *count),
            Content::Segment(sequence, parts) => segment(*sequence, parts),
            Content::Bare(bare, tuple, sequence) => bare.frame(tuple, *sequence),
            Content::Other(Other::Arp) => ethernet(0x0806, &[0; 28]),
            Content::Other(Other::Tcp) => Ip::of(6).frame(a1.client().0, a1.server().0, &[0; 20]),
            Content::Other(Other::Port) => {
                Ip::of(17).frame(a1.client().0, a1.server().0, &udp(123, 123, &[0; 48]))
            }
            Content::Other(Other::Empty) => Vec::new(),
            Content::Other(Other::Half) => {
                Ip::of(17).frame(a1.client().0, a1.server().0, &udp(a1.client().1, 53, &[0; 6]))
            }
        }
    }
}

impl Other {
    /// Why it gives no message.
    pub(crate) fn skip(self) -> Skip {
        OTHERS.iter().find(|row| row.0 == self).expect("a row for each").2
    }
}

impl Bare {
    fn frame(self, tuple: &Tuple, sequence: u32) -> Vec<u8> {
        let flags = BARES.iter().find(|row| row.0 == self).expect("a row for each").2;
        let (source, destination) = match self {
            Bare::SynAck => (tuple.server(), tuple.client()),
            Bare::Syn | Bare::Ack => (tuple.client(), tuple.server()),
        };
        let segment = tcp(source.1, destination.1, sequence, flags, &[]);
        Ip::of(6).frame(source.0, destination.0, &segment)
    }
}

impl Part {
    /// Its bytes in the stream.
    fn bytes(&self) -> Vec<u8> {
        let message = self.message.bytes();
        let bytes = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
        let end = |number| bytes.len() * number / self.count;
        bytes[end(self.number - 1)..end(self.number)].to_vec()
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }
}

fn segment(sequence: u32, parts: &[Part]) -> Vec<u8> {
    let payload: Vec<u8> = parts.iter().flat_map(Part::bytes).collect();
    let message = &parts[0].message;
    let (source, destination) = message.ends();
    let ip = Ip { tagged: message.tagged, tunnelled: message.tunnelled, ..Ip::of(6) };
    ip.frame(source.0, destination.0, &tcp(source.1, destination.1, sequence, 0x08, &payload))
}

impl Message {
    /// Why it is not used; `None` if it is.
    pub(crate) fn skip(&self, plan: &Plan) -> Option<Skip> {
        if self.kind != Kind::Query || plan.wants_malformed() {
            return None;
        }
        match self.damage {
            Some(damage) => DAMAGES.iter().find(|row| row.0 == damage).map(|row| row.2),
            None => self.questions.is_empty().then_some(Skip::DnsQueryWithoutQuestion),
        }
    }

    /// The questions that come out. A damaged one of a response counts for none, that of a query as far as it goes; a query
    /// without asks "-".
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let nothing = Asked { name: "-".to_string(), qtype: None, qclass: None };
        match (self.kind, self.damage, &self.questions[..]) {
            (Kind::Query, None, []) => vec![nothing],
            (Kind::Response(_), Some(_), _) => Vec::new(),
            (Kind::Query, Some(damage), [question, ..]) => {
                let has_type = matches!(damage, Damage::ClassCut | Damage::ClassHalf);
                let qtype = has_type.then_some(question.qtype);
                match (&question.name[..], damage) {
                    ("", Damage::NameCut | Damage::BadLabel) => vec![nothing],
                    _ => vec![Asked { name: question.name.clone(), qtype, qclass: None }],
                }
            }
            (_, _, questions) => {
                questions.iter().take(dpp::limits::QUESTIONS_MAX.into()).map(Asked::from).collect()
            }
        }
    }

    /// Whether it is a response whose records cannot be walked.
    pub(crate) fn has_unreadable_records(&self) -> bool {
        matches!(self.kind, Kind::Response(Code::Unreadable(_))) && self.damage.is_none()
    }

    /// What is wrong with it, by another room's word.
    pub(crate) fn error(&self) -> Option<dpp::dns::ParseError> {
        let bytes = self.bytes();
        dpp::dns::Message::parse(&bytes).and_then(|message| message.inspect(bytes.len()))
    }

    /// Source and destination.
    fn ends(&self) -> ((IpAddr, u16), (IpAddr, u16)) {
        match self.kind {
            Kind::Query => (self.tuple.client(), self.tuple.server()),
            Kind::Response(_) => (self.tuple.server(), self.tuple.client()),
        }
    }

    fn ip(&self) -> Ip {
        let Message { identification, tagged, tunnelled, .. } = *self;
        Ip { identification, tagged, tunnelled, ..Ip::of(17) }
    }

    fn frame(&self) -> Vec<u8> {
        let ((source, source_port), (destination, destination_port)) = self.ends();
        let datagram = udp(source_port, destination_port, &self.bytes());
        self.ip().frame(source, destination, &datagram)
    }

    /// One fragment of so many; all but the last have a multiple of eight bytes.
    fn fragment(&self, number: usize, count: usize) -> Vec<u8> {
        let ((mut source, source_port), (mut destination, destination_port)) = self.ends();
        let (mut datagram, mut ip) = (udp(source_port, destination_port, &self.bytes()), self.ip());
        if self.tunnelled && self.identification % 2 == 1 {
            // Not what is in the tunnel is in fragments, but the tunnel's packet.
            (ip.protocol, datagram) = Ip { tunnelled: false, ..ip }.in_tunnel(source, destination, &datagram);
            (ip.tunnelled, source, destination) = (false, TUNNEL.0.into(), TUNNEL.1.into());
        }
        let end = |number: usize| match number == count {
            true => datagram.len(),
            false => (datagram.len() * number / count).next_multiple_of(8),
        };
        ip.fragment = Some((end(number - 1), number < count));
        ip.frame(source, destination, &datagram[end(number - 1)..end(number)])
    }

    /// The message as RFC 1035 section 4.1 has it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (flags, records, additional) = match self.kind {
            Kind::Query => (0x0100, Vec::new(), 0),
            Kind::Response(code) => code.flags_and_records(),
        };
        let mut bytes = Vec::new();
        for field in [self.tuple.id, flags, self.questions.len() as u16, 0, 0, additional] {
            bytes.extend(field.to_be_bytes());
        }
        if let (Some(damage), [question, ..]) = (self.damage, &self.questions[..]) {
            bytes.extend(damage.bytes(question));
            return bytes;
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

impl Damage {
    /// What is there of the question.
    fn bytes(self, question: &Question) -> Vec<u8> {
        let mut bytes = wire_name(&question.name);
        match self {
            Damage::NameCut => drop(bytes.pop()),
            Damage::TypeCut => bytes.push(0),
            Damage::ClassCut => bytes.extend(question.qtype.to_be_bytes()),
            Damage::ClassHalf => bytes.extend([&question.qtype.to_be_bytes()[..], &[0]].concat()),
            Damage::BadLabel => {
                bytes.pop();
                bytes.extend([0x40, 0, 1, 0, 1]);
            }
        }
        bytes
    }
}

/// How a query and its response find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairing {
    Tuple,
    AnyServer,
    Nobody,
}

impl Tuple {
    /// Whether they speak over TCP.
    pub(crate) fn is_tcp(&self) -> bool {
        self.client.is_ascii_uppercase()
    }

    /// Whether one of the ports is a port that the plan asks for.
    pub(crate) fn is_wanted(&self, plan: &Plan) -> bool {
        has_port(plan, self.client().1) || has_port(plan, self.server().1)
    }

    /// By what they find each other: multicast DNS not at all, unless one of them is on another port; LLMNR, and the rest of
    /// multicast DNS, whoever answers.
    pub(crate) fn pairing(&self, plan: &Plan) -> Pairing {
        let ports = [self.client().1, self.server().1];
        let on = |port| if has_port(plan, port) { ports.iter().filter(|&&p| p == port).count() } else { 0 };
        match (self.is_tcp(), on(Ports::MDNS), on(Ports::LLMNR)) {
            (false, 2, _) => Pairing::Nobody,
            (false, 1, _) | (false, _, 1..) => Pairing::AnyServer,
            _ => Pairing::Tuple,
        }
    }

    /// The bits of a class that are the class: the first is not in multicast DNS.
    pub(crate) fn class_bits(&self, plan: &Plan) -> u16 {
        let is_mdns = [self.client().1, self.server().1].contains(&Ports::MDNS) && !self.is_tcp();
        if is_mdns && has_port(plan, Ports::MDNS) { 0x7FFF } else { 0xFFFF }
    }

    /// The same with any server of that port.
    pub(crate) fn of_any_server(self) -> Tuple {
        let port = self.server().1;
        let row = SERVERS.iter().find(|row| row.0 >= 90 && row.3 == port).expect("one for each port");
        Tuple { server: row.0, ..self }
    }

    /// The client's address and port.
    pub(crate) fn client(&self) -> (IpAddr, u16) {
        let row = CLIENTS
            .iter()
            .find(|row| row.0 == self.client.to_ascii_lowercase())
            .expect("a client of the table");
        (row.1.parse().expect("an address"), row.2)
    }

    /// The server's address, of the client's kind, and port.
    pub(crate) fn server(&self) -> (IpAddr, u16) {
        let row = SERVERS.iter().find(|row| row.0 == self.server).expect("a server of the table");
        let address = if self.client().0.is_ipv4() { row.1 } else { row.2 };
        (address.parse().expect("an address"), row.3)
    }

    /// The tuple with these addresses and ports.
    pub(crate) fn between(client: (IpAddr, u16), server: (IpAddr, u16), id: u16, is_tcp: bool) -> Tuple {
        let name = |client: char| if is_tcp { client.to_ascii_uppercase() } else { client };
        let every = CLIENTS
            .iter()
            .flat_map(|c| SERVERS.iter().map(move |s| Tuple { client: name(c.0), server: s.0, id }));
        let mut same = every.filter(|tuple| tuple.client() == client && tuple.server() == server);
        same.next().unwrap_or_else(|| panic!("nobody described {client:?} asking {server:?}"))
    }
}

fn has_port(plan: &Plan, port: u16) -> bool {
    plan.ports.ranges().iter().any(|range| range.contains(&port))
}

impl From<&Question> for Asked {
    fn from(question: &Question) -> Asked {
        Asked { name: question.name.clone(), qtype: Some(question.qtype), qclass: Some(question.qclass) }
    }
}

impl Asked {
    /// The question as it is compared: without regard to case.
    pub(crate) fn folded(&self) -> (String, Option<u16>, Option<u16>) {
        (self.name.to_ascii_lowercase(), self.qtype, self.qclass)
    }
}

impl Code {
    /// What the header says.
    pub(crate) fn of_header(self) -> Code {
        match self {
            Code::Header(low) | Code::Opt(low, _) | Code::Tsig(low, _) | Code::Unreadable(low) => {
                Code::Header(low)
            }
        }
    }

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

/// What an IP header says beside the addresses.
#[derive(Clone, Copy)]
struct Ip {
    protocol: u8,
    identification: u16,
    /// Offset in bytes, and whether more follow.
    fragment: Option<(usize, bool)>,
    tagged: bool,
    tunnelled: bool,
}

/// The ends of the tunnel.
const TUNNEL: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));

impl Ip {
    fn of(protocol: u8) -> Ip {
        Ip { protocol, identification: 0, fragment: None, tagged: false, tunnelled: false }
    }

    fn frame(self, source: IpAddr, destination: IpAddr, payload: &[u8]) -> Vec<u8> {
        let (mut ethertype, mut packet) = self.packet(source, destination, payload);
        if self.tunnelled {
            let (protocol, inner) = self.in_tunnel(source, destination, payload);
            (ethertype, packet) = Ip::of(protocol).packet(TUNNEL.0.into(), TUNNEL.1.into(), &inner);
        }
        match self.tagged {
            true => ethernet(0x8100, &[&[0, 7], &ethertype.to_be_bytes()[..], &packet].concat()),
            false => ethernet(ethertype, &packet),
        }
    }

    /// The protocol of what is in the tunnel, and that.
    fn in_tunnel(self, source: IpAddr, destination: IpAddr, payload: &[u8]) -> (u8, Vec<u8>) {
        let (ethertype, packet) = self.packet(source, destination, payload);
        (if ethertype == 0x0800 { 4 } else { 41 }, packet)
    }

    fn packet(self, source: IpAddr, destination: IpAddr, payload: &[u8]) -> (u16, Vec<u8>) {
        let id = self.identification.to_be_bytes();
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let (offset, more) = self.fragment.unwrap_or((0, false));
                let [high, low] = (20 + payload.len() as u16).to_be_bytes();
                let [at, by] = ((offset as u16 / 8) | (u16::from(more) << 13)).to_be_bytes();
                let head = [0x45, 0, high, low, id[0], id[1], at, by, 64, self.protocol, 0, 0];
                (0x0800, [&head, &source.octets()[..], &destination.octets(), payload].concat())
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let extension = self.fragment.map(|(offset, more)| {
                    let [at, by] = (offset as u16 | u16::from(more)).to_be_bytes();
                    [self.protocol, 0, at, by, 0, 0, id[0], id[1]]
                });
                let extension = extension.as_ref().map_or(&[][..], |extension| &extension[..]);
                let next = if extension.is_empty() { self.protocol } else { 44 };
                let [high, low] = ((extension.len() + payload.len()) as u16).to_be_bytes();
                let head = [0x60, 0, 0, 0, high, low, next, 64];
                let addresses = [source.octets(), destination.octets()].concat();
                (0x86DD, [&head[..], &addresses, extension, payload].concat())
            }
            _ => panic!("IPv4 does not speak to IPv6"),
        }
    }
}

fn udp(source_port: u16, destination_port: u16, payload: &[u8]) -> Vec<u8> {
    let header = [source_port, destination_port, 8 + payload.len() as u16, 0].map(u16::to_be_bytes).concat();
    [&header, payload].concat()
}

/// A segment. What it acknowledges is only the beginning.
fn tcp(source_port: u16, destination_port: u16, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let ports = [source_port, destination_port].map(u16::to_be_bytes).concat();
    let numbers = [sequence, INITIAL_SEQUENCE.wrapping_add(1)].map(u32::to_be_bytes).concat();
    let rest = [0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0];
    [&ports, &numbers, &rest[..], payload].concat()
}

// From here on: text.

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", Time(self.time_ns))?;
        match &self.content {
            Content::Message(message) => message.fmt(f),
            Content::Fragment(message, (number, count)) => write!(f, "fragment {number}/{count} {message}"),
            Content::Segment(sequence, parts) => {
                let part = |part: &Part| format!("{}/{} {}", part.number, part.count, part.message);
                write!(f, "segment {sequence} {}", parts.iter().map(part).collect::<Vec<_>>().join(" + "))
            }
            Content::Bare(bare, tuple, sequence) => {
                let row = BARES.iter().find(|row| row.0 == *bare).expect("a row for each");
                write!(f, "{} {tuple} {sequence}", row.1)
            }
            Content::Other(other) => {
                f.write_str(OTHERS.iter().find(|row| row.0 == *other).expect("a row for each").1)
            }
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.identification != 0 {
            write!(f, "#{} ", self.identification)?;
        }
        if self.tagged {
            write!(f, "tagged ")?;
        }
        if self.tunnelled {
            write!(f, "tunnelled ")?;
        }
        if let Some(damage) = self.damage {
            write!(f, "{} ", DAMAGES.iter().find(|row| row.0 == damage).expect("a row for each").1)?;
        }
        match self.kind {
            Kind::Query => write!(f, "query {} {}", self.tuple, texts(&self.questions)),
            Kind::Response(code) => write!(f, "response {} {}{code}", self.tuple, texts(&self.questions)),
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

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.qtype, self.qclass) {
            (Some(qtype), Some(qclass)) => Question { name: self.name.clone(), qtype, qclass }.fmt(f),
            (Some(qtype), None) => write!(f, "{}/{qtype}/?", self.name),
            (None, _) => write!(f, "{}/?/?", self.name),
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
            ["fragment", part, message @ ..] => Content::Fragment(parse_message(message)?, parse_part(part)?),
            ["segment", sequence, parts @ ..] => {
                let parts = parts.split(|word| *word == "+").map(|part| {
                    let (number, count) = parse_part(part.first()?)?;
                    Some(Part { message: parse_message(&part[1..])?, number, count })
                });
                Content::Segment(sequence.parse().ok()?, parts.collect::<Option<_>>()?)
            }
            [bare, tuple, sequence] if BARES.iter().any(|row| row.1 == *bare) => {
                let row = BARES.iter().find(|row| row.1 == *bare)?;
                Content::Bare(row.0, parse_tuple(tuple)?, sequence.parse().ok()?)
            }
            message => Content::Message(parse_message(message)?),
        };
        Some(Packet { time_ns: parse_time(time)?, content })
    }
}

fn parse_message(words: &[&str]) -> Option<Message> {
    let (first, rest) = words.split_first()?;
    if let Some(number) = first.strip_prefix('#') {
        return Some(Message { identification: number.parse().ok()?, ..parse_message(rest)? });
    }
    if *first == "tagged" {
        return Some(Message { tagged: true, ..parse_message(rest)? });
    }
    if *first == "tunnelled" {
        return Some(Message { tunnelled: true, ..parse_message(rest)? });
    }
    if let Some(row) = DAMAGES.iter().find(|row| row.1 == *first) {
        return Some(Message { damage: Some(row.0), ..parse_message(rest)? });
    }
    let (kind, tuple, questions) = match words {
        ["query", tuple, questions] => (Kind::Query, tuple, questions),
        ["response", tuple, questions, code @ ..] => (Kind::Response(parse_code(code)?), tuple, questions),
        _ => return None,
    };
    let (tuple, questions) = (parse_tuple(tuple)?, parse_questions(questions)?);
    Some(Message { kind, tuple, questions, identification: 0, damage: None, tagged: false, tunnelled: false })
}

/// A number and how many there are.
fn parse_part(text: &str) -> Option<(usize, usize)> {
    let (number, count) = text.split_once('/')?;
    Some((number.parse().ok()?, count.parse().ok()?))
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
