//! What a frame says (dnstap.proto): a DNS message, who sent it to whom, when, and who tells it.
//!
//! The *initiator* sent the query and the *responder* answers it, whichever of the two messages the frame is about; so a
//! response's sender is its responder. A frame about a response usually repeats the time of the query, and may carry the
//! query. Fields that nobody knows yet are passed over, numbers that mean nothing yet are kept.
//!
//! [`time_of`] runs for every frame where only one thread reads, so it looks at tags and times and at nothing else.

use super::names::{MESSAGE_TYPES, MESSAGE_TYPES_SHORT};
use super::wire::{Counter, Damage, Fields, Output};
use schema::{frame, message, policy};

/// The fields of the schema, each with its number and what it is.
mod schema {
    pub(super) mod frame {
        use crate::dnstap::wire::{bytes, number};
        pub(crate) const IDENTITY: u32 = bytes(1);
        pub(crate) const VERSION: u32 = bytes(2);
        pub(crate) const EXTRA: u32 = bytes(3);
        pub(crate) const MESSAGE: u32 = bytes(14);
        pub(crate) const TYPE: u32 = number(15);
    }

    pub(super) mod message {
        use crate::dnstap::wire::{bytes, fixed32, number};
        pub(crate) const TYPE: u32 = number(1);
        pub(crate) const SOCKET_FAMILY: u32 = number(2);
        pub(crate) const SOCKET_PROTOCOL: u32 = number(3);
        pub(crate) const QUERY_ADDRESS: u32 = bytes(4);
        pub(crate) const RESPONSE_ADDRESS: u32 = bytes(5);
        pub(crate) const QUERY_PORT: u32 = number(6);
        pub(crate) const RESPONSE_PORT: u32 = number(7);
        pub(crate) const QUERY_SECONDS: u32 = number(8);
        pub(crate) const QUERY_NANOSECONDS: u32 = fixed32(9);
        pub(crate) const QUERY_MESSAGE: u32 = bytes(10);
        pub(crate) const QUERY_ZONE: u32 = bytes(11);
        pub(crate) const RESPONSE_SECONDS: u32 = number(12);
        pub(crate) const RESPONSE_NANOSECONDS: u32 = fixed32(13);
        pub(crate) const RESPONSE_MESSAGE: u32 = bytes(14);
        pub(crate) const POLICY: u32 = bytes(15);
        pub(crate) const HTTP_PROTOCOL: u32 = number(16);
    }

    pub(super) mod policy {
        use crate::dnstap::wire::{bytes, number};
        pub(crate) const TYPE: u32 = bytes(1);
        pub(crate) const RULE: u32 = bytes(2);
        pub(crate) const ACTION: u32 = number(3);
        pub(crate) const MATCH: u32 = number(4);
        pub(crate) const VALUE: u32 = bytes(5);
    }
}

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dnstap<'a> {
    /// The server's name, as its operator chose it.
    pub identity: Option<&'a [u8]>,
    /// The server's software.
    pub version: Option<&'a [u8]>,
    /// What else the server has to say ([`Extra`](super::Extra)).
    pub extra: Option<&'a [u8]>,
    /// What the frame is about: [`Dnstap::MESSAGE`]; nothing else exists yet.
    pub kind: u32,
    /// The message.
    pub message: Option<Message<'a>>,
}

/// A DNS message and its circumstances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Whose message, and which way it went.
    pub kind: MessageType,
    /// Address family ([`SOCKET_FAMILIES`](super::names::SOCKET_FAMILIES)).
    pub socket_family: Option<u32>,
    /// Transport ([`SOCKET_PROTOCOLS`](super::names::SOCKET_PROTOCOLS)).
    pub socket_protocol: Option<u32>,
    /// The initiator's address, four or sixteen octets, as the family demands.
    pub query_address: Option<&'a [u8]>,
    /// The responder's.
    pub response_address: Option<&'a [u8]>,
    /// The initiator's port.
    pub query_port: Option<u16>,
    /// The responder's.
    pub response_port: Option<u16>,
    /// When the query was sent or received.
    pub query_time: Option<Time>,
    /// The query as on the wire, without a length before it.
    pub query_message: Option<&'a [u8]>,
    /// The zone (a name in wire form) that the query is about, for whom asks; the one that answers, for who is asked.
    pub query_zone: Option<&'a [u8]>,
    /// When the response was sent or received.
    pub response_time: Option<Time>,
    /// The response as on the wire, without a length before it.
    pub response_message: Option<&'a [u8]>,
    /// The policy that was applied.
    pub policy: Option<Policy<'a>>,
    /// HTTP version, of DNS over HTTPS ([`HTTP_PROTOCOLS`](super::names::HTTP_PROTOCOLS)).
    pub http_protocol: Option<u32>,
}

/// A policy that was applied to a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy<'a> {
    /// The kind of policy, as text: `RPZ`.
    pub kind: Option<&'a [u8]>,
    /// The rule that applied; of RPZ its owner name, in wire form.
    pub rule: Option<&'a [u8]>,
    /// What was done ([`POLICY_ACTIONS`](super::names::POLICY_ACTIONS)).
    pub action: Option<u32>,
    /// What was looked at ([`POLICY_MATCHES`](super::names::POLICY_MATCHES)). (The schema calls it `match`.)
    pub matched: Option<u32>,
    /// What was found there.
    pub value: Option<&'a [u8]>,
}

impl<'a> Dnstap<'a> {
    /// The only kind of frame.
    pub const MESSAGE: u32 = 1;

    /// A frame about a message, and nothing about who tells it.
    pub fn new(message: Message<'a>) -> Self {
        Dnstap { identity: None, version: None, extra: None, kind: Self::MESSAGE, message: Some(message) }
    }

    /// Reads a frame. An address that does not fit its family, and a port that cannot be, is left out.
    ///
    /// # Errors
    /// [`Damage`] says why it cannot be read.
    ///
    /// ```
    /// use dpp::dnstap::{Dnstap, Role};
    /// let dnstap = Dnstap::parse(b"\x72\x02\x08\x05\x78\x01").unwrap();
    /// assert_eq!(dnstap.message.unwrap().kind.role(), Role::Client);
    /// assert!(Dnstap::parse(b"\x72\x02\x08").is_err());
    /// ```
    pub fn parse(frame: &'a [u8]) -> Result<Dnstap<'a>, Damage> {
        let (mut identity, mut version, mut extra, mut kind) = (None, None, None, None);
        // A message in several parts is one.
        let mut draft: Option<Draft> = None;
        let mut fields = Fields(frame);
        while let Some(tag) = fields.tag()? {
            match tag {
                frame::IDENTITY => identity = Some(fields.bytes()?),
                frame::VERSION => version = Some(fields.bytes()?),
                frame::EXTRA => extra = Some(fields.bytes()?),
                frame::MESSAGE => draft.get_or_insert_default().read(fields.bytes()?)?,
                frame::TYPE => kind = Some(fields.number()? as u32),
                _ => fields.pass(tag)?,
            }
        }
        let message = draft.map(Draft::finish).transpose()?;
        Ok(Dnstap { identity, version, extra, kind: kind.ok_or(Damage::NoType)?, message })
    }

    /// When the message was sent or received, ns since 1970 UTC ([`Message::time_ns`]).
    pub fn time_ns(&self) -> Option<i64> {
        self.message.as_ref().and_then(Message::time_ns)
    }

    /// Appends the frame: fields in the order of their numbers, so that equal frames are equal bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.put(out);
    }

    /// How many bytes [`Dnstap::write`] appends.
    pub fn written_len(&self) -> usize {
        length_of(|counter| self.put(counter))
    }

    fn put(&self, out: &mut impl Output) {
        out.bytes(frame::IDENTITY, self.identity);
        out.bytes(frame::VERSION, self.version);
        out.bytes(frame::EXTRA, self.extra);
        if let Some(message) = &self.message {
            out.length(frame::MESSAGE, length_of(|counter| message.put(counter)));
            message.put(out);
        }
        out.number(frame::TYPE, Some(self.kind));
    }
}

fn length_of(put: impl FnOnce(&mut Counter)) -> usize {
    let mut counter = Counter::default();
    put(&mut counter);
    counter.0
}

impl<'a> Message<'a> {
    /// A message of which nothing is known but its type.
    pub fn new(kind: MessageType) -> Self {
        Message {
            kind,
            socket_family: None,
            socket_protocol: None,
            query_address: None,
            response_address: None,
            query_port: None,
            response_port: None,
            query_time: None,
            query_message: None,
            query_zone: None,
            response_time: None,
            response_message: None,
            policy: None,
            http_protocol: None,
        }
    }

    /// When it was sent or received, ns since 1970 UTC. A response that does not tell has the time of its query.
    pub fn time_ns(&self) -> Option<i64> {
        let ns = |time: Option<Time>| time.and_then(Time::ns);
        match self.kind.direction() {
            Direction::Query => ns(self.query_time),
            Direction::Response => ns(self.response_time).or(ns(self.query_time)),
        }
    }

    /// The DNS message that the frame is about: the query of a query, the response of a response.
    pub fn dns(&self) -> Option<&'a [u8]> {
        match self.kind.direction() {
            Direction::Query => self.query_message,
            Direction::Response => self.response_message,
        }
    }

    fn put(&self, out: &mut impl Output) {
        out.number(message::TYPE, Some(self.kind.0));
        out.number(message::SOCKET_FAMILY, self.socket_family);
        out.number(message::SOCKET_PROTOCOL, self.socket_protocol);
        out.bytes(message::QUERY_ADDRESS, self.query_address);
        out.bytes(message::RESPONSE_ADDRESS, self.response_address);
        out.number(message::QUERY_PORT, self.query_port);
        out.number(message::RESPONSE_PORT, self.response_port);
        if let Some(time) = self.query_time {
            out.number(message::QUERY_SECONDS, Some(time.seconds));
            out.fixed32(message::QUERY_NANOSECONDS, time.nanoseconds);
        }
        out.bytes(message::QUERY_MESSAGE, self.query_message);
        out.bytes(message::QUERY_ZONE, self.query_zone);
        if let Some(time) = self.response_time {
            out.number(message::RESPONSE_SECONDS, Some(time.seconds));
            out.fixed32(message::RESPONSE_NANOSECONDS, time.nanoseconds);
        }
        out.bytes(message::RESPONSE_MESSAGE, self.response_message);
        if let Some(policy) = &self.policy {
            out.length(message::POLICY, length_of(|counter| policy.put(counter)));
            policy.put(out);
        }
        out.number(message::HTTP_PROTOCOL, self.http_protocol);
    }
}

impl<'a> Policy<'a> {
    fn read(&mut self, bytes: &'a [u8]) -> Result<(), Damage> {
        let mut fields = Fields(bytes);
        while let Some(tag) = fields.tag()? {
            match tag {
                policy::TYPE => self.kind = Some(fields.bytes()?),
                policy::RULE => self.rule = Some(fields.bytes()?),
                policy::ACTION => self.action = Some(fields.number()? as u32),
                policy::MATCH => self.matched = Some(fields.number()? as u32),
                policy::VALUE => self.value = Some(fields.bytes()?),
                _ => fields.pass(tag)?,
            }
        }
        Ok(())
    }

    fn put(&self, out: &mut impl Output) {
        out.bytes(policy::TYPE, self.kind);
        out.bytes(policy::RULE, self.rule);
        out.number(policy::ACTION, self.action);
        out.number(policy::MATCH, self.matched);
        out.bytes(policy::VALUE, self.value);
    }
}

/// A message that is being read.
struct Draft<'a> {
    message: Message<'a>,
    kind: Option<u32>,
    query_time: Parts,
    response_time: Parts,
}

impl Default for Draft<'_> {
    fn default() -> Self {
        let (query_time, response_time) = Default::default();
        Draft { message: Message::new(MessageType(0)), kind: None, query_time, response_time }
    }
}

impl<'a> Draft<'a> {
    fn read(&mut self, bytes: &'a [u8]) -> Result<(), Damage> {
        let message = &mut self.message;
        let mut fields = Fields(bytes);
        while let Some(tag) = fields.tag()? {
            match tag {
                message::TYPE => self.kind = Some(fields.number()? as u32),
                message::SOCKET_FAMILY => message.socket_family = Some(fields.number()? as u32),
                message::SOCKET_PROTOCOL => message.socket_protocol = Some(fields.number()? as u32),
                message::QUERY_ADDRESS => message.query_address = Some(fields.bytes()?),
                message::RESPONSE_ADDRESS => message.response_address = Some(fields.bytes()?),
                message::QUERY_PORT => message.query_port = port(fields.number()?),
                message::RESPONSE_PORT => message.response_port = port(fields.number()?),
                message::QUERY_SECONDS => self.query_time.seconds = Some(fields.number()?),
                message::QUERY_NANOSECONDS => self.query_time.nanoseconds = fields.fixed32()?,
                message::QUERY_MESSAGE => message.query_message = Some(fields.bytes()?),
                message::QUERY_ZONE => message.query_zone = Some(fields.bytes()?),
                message::RESPONSE_SECONDS => self.response_time.seconds = Some(fields.number()?),
                message::RESPONSE_NANOSECONDS => self.response_time.nanoseconds = fields.fixed32()?,
                message::RESPONSE_MESSAGE => message.response_message = Some(fields.bytes()?),
                message::POLICY => message.policy.get_or_insert_default().read(fields.bytes()?)?,
                message::HTTP_PROTOCOL => message.http_protocol = Some(fields.number()? as u32),
                _ => fields.pass(tag)?,
            }
        }
        Ok(())
    }

    /// What can only be said when all fields are there.
    fn finish(self) -> Result<Message<'a>, Damage> {
        let mut message = self.message;
        message.kind = MessageType(self.kind.ok_or(Damage::NoType)?);
        (message.query_time, message.response_time) = (self.query_time.time(), self.response_time.time());
        for address in [&mut message.query_address, &mut message.response_address] {
            address.take_if(|address| !fits(address.len(), message.socket_family));
        }
        Ok(message)
    }
}

/// Numbers of 32 bits, in which ports are written, hold more than ports.
fn port(number: u64) -> Option<u16> {
    u16::try_from(number as u32).ok()
}

/// Whether an address of so many octets is one of the family. A family that is unknown may have those of both.
fn fits(octets: usize, family: Option<u32>) -> bool {
    match family {
        Some(1) => octets == 4,
        Some(2) => octets == 16,
        _ => matches!(octets, 4 | 16),
    }
}

/// A time, in two fields as it is written. There are always less than 1,000,000,000 nanoseconds: of more, BIND's tools
/// die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    seconds: u64,
    nanoseconds: u32,
}

impl Time {
    /// A time from seconds since 1970 UTC and nanoseconds. A second or more of these, which broken writers leave, carries over;
    /// `None` if there is no room for it.
    #[inline]
    pub fn new(seconds: u64, nanoseconds: u32) -> Option<Time> {
        let seconds = seconds.checked_add((nanoseconds / SECOND).into())?;
        Some(Time { seconds, nanoseconds: nanoseconds % SECOND })
    }

    /// Nanoseconds since 1970 UTC; `None` if they are too many.
    #[inline]
    pub fn ns(self) -> Option<i64> {
        let seconds = i64::try_from(self.seconds).ok()?;
        seconds.checked_mul(SECOND.into())?.checked_add(self.nanoseconds.into())
    }

    /// The same the other way; `None` before 1970, which cannot be written.
    #[inline]
    pub fn from_ns(ns: i64) -> Option<Time> {
        let ns = u64::try_from(ns).ok()?;
        let second = u64::from(SECOND);
        Some(Time { seconds: ns / second, nanoseconds: (ns % second) as u32 })
    }
}

/// A second, ns.
const SECOND: u32 = 1_000_000_000;

/// The fields of a time, as they come.
#[derive(Clone, Copy, Default)]
struct Parts {
    seconds: Option<u64>,
    nanoseconds: u32,
}

impl Parts {
    /// Without seconds there is no time.
    #[inline]
    fn time(self) -> Option<Time> {
        self.seconds.and_then(|seconds| Time::new(seconds, self.nanoseconds))
    }

    #[inline]
    fn ns(self) -> Option<i64> {
        self.time().and_then(Time::ns)
    }
}

/// The time of a frame, ns since 1970 UTC: the [`Dnstap::time_ns`] of a frame that can be read, without reading the rest of
/// it. Of a damaged one, what stands before the damage.
pub fn time_of(frame: &[u8]) -> Option<i64> {
    let mut dated = Dated::default();
    let mut fields = Fields(frame);
    while let Ok(Some(tag)) = fields.tag() {
        let passed = match tag {
            frame::MESSAGE => fields.bytes().and_then(|message| dated.read(message)),
            _ => fields.pass(tag),
        };
        if passed.is_err() {
            break;
        }
    }
    dated.ns()
}

/// What dates a message.
#[derive(Default)]
struct Dated {
    kind: Option<u32>,
    query_time: Parts,
    response_time: Parts,
}

impl Dated {
    #[inline(always)]
    fn read(&mut self, message: &[u8]) -> Result<(), Damage> {
        let mut fields = Fields(message);
        while let Some(tag) = fields.tag()? {
            match tag {
                message::TYPE => self.kind = Some(fields.number()? as u32),
                message::QUERY_SECONDS => self.query_time.seconds = Some(fields.number()?),
                message::QUERY_NANOSECONDS => self.query_time.nanoseconds = fields.fixed32()?,
                message::RESPONSE_SECONDS => self.response_time.seconds = Some(fields.number()?),
                message::RESPONSE_NANOSECONDS => self.response_time.nanoseconds = fields.fixed32()?,
                _ => fields.pass(tag)?,
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn ns(self) -> Option<i64> {
        match MessageType(self.kind?).direction() {
            Direction::Query => self.query_time.ns(),
            Direction::Response => self.response_time.ns().or(self.query_time.ns()),
        }
    }
}

/// The type of a message, as a number: whose it is and which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageType(pub u32);

/// Who saw the message, and between whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A server that is asked for its zones.
    Authoritative,
    /// A resolver that asks such servers.
    Resolver,
    /// A resolver that is asked by its clients.
    Client,
    /// A server that asks another resolver.
    Forwarder,
    /// A stub resolver that asks.
    Stub,
    /// A tool that asks.
    Tool,
    /// A server that is asked to change a zone (RFC 2136).
    Update,
    /// A type that means nothing yet.
    Other(u32),
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the responder.
    Query,
    /// To the initiator.
    Response,
}

/// Roles in the order of their types, two for each.
const ROLES: [Role; 7] = [
    Role::Authoritative,
    Role::Resolver,
    Role::Client,
    Role::Forwarder,
    Role::Stub,
    Role::Tool,
    Role::Update,
];

impl MessageType {
    /// The type for a role and a direction.
    pub fn of(role: Role, direction: Direction) -> MessageType {
        let Some(index) = ROLES.iter().position(|other| *other == role) else {
            let Role::Other(number) = role else { unreachable!("ROLES has all others") };
            return MessageType(number);
        };
        MessageType(2 * index as u32 + if direction == Direction::Query { 1 } else { 2 })
    }

    /// Who saw it.
    #[inline]
    pub fn role(self) -> Role {
        let role = self.0.checked_sub(1).and_then(|index| ROLES.get(index as usize / 2));
        role.copied().unwrap_or(Role::Other(self.0))
    }

    /// Which way it goes: types of queries are odd. It may be hoped that this holds of those that are still to come.
    #[inline]
    pub fn direction(self) -> Direction {
        if self.0 % 2 == 1 { Direction::Query } else { Direction::Response }
    }

    /// Its name in the schema: `CLIENT_QUERY`.
    #[inline]
    pub fn name(self) -> Option<&'static str> {
        MESSAGE_TYPES.name(self.0)
    }

    /// Its name in the output of tools: `CQ`.
    #[inline]
    pub fn short_name(self) -> Option<&'static str> {
        MESSAGE_TYPES_SHORT.name(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT_QUERY: MessageType = MessageType(5);
    const CLIENT_RESPONSE: MessageType = MessageType(6);

    /// A frame: fields of a message, fields behind the message, the type.
    fn frame(message: &[u8], behind: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        frame.bytes(super::frame::MESSAGE, Some(message));
        [&frame[..], behind, b"\x78\x01"].concat()
    }

    /// A message with these fields beside its type is read as `expected`; written, it is read so again.
    fn check(fields: &[u8], expected: Message) {
        let frame = frame(fields, b"");
        let read = Dnstap::parse(&frame).unwrap();
        assert_eq!(read, Dnstap::new(expected), "{}", fields.escape_ascii());
        let mut written = Vec::new();
        read.write(&mut written);
        assert_eq!(written.len(), read.written_len());
        assert_eq!(Dnstap::parse(&written), Ok(read));
    }

    fn check_damage(frame: &[u8], damage: Damage) {
        assert_eq!(Dnstap::parse(frame), Err(damage), "{}", frame.escape_ascii());
        time_of(frame);
    }

    #[test]
    fn every_field_has_its_place() {
        let all = Dnstap {
            identity: Some(b"ns1"),
            version: Some(b"v"),
            extra: Some(b""),
            kind: 1,
            message: Some(Message {
                kind: CLIENT_RESPONSE,
                socket_family: Some(1),
                socket_protocol: Some(7),
                query_address: Some(&[192, 0, 2, 1]),
                response_address: Some(&[192, 0, 2, 2]),
                query_port: Some(53000),
                response_port: Some(853),
                query_time: Time::new(1_600_000_000, 1),
                query_message: Some(b"query"),
                query_zone: Some(b"\0"),
                response_time: Time::new(1_600_000_001, 2),
                response_message: Some(b"response"),
                policy: Some(Policy {
                    kind: Some(b"RPZ"),
                    rule: Some(b"r"),
                    action: Some(1),
                    matched: Some(5),
                    value: Some(b"x"),
                }),
                http_protocol: Some(2),
            }),
        };
        let mut written = Vec::new();
        all.write(&mut written);
        let message = [
            &b"\x08\x06\x10\x01\x18\x07\x22\x04\xC0\0\x02\x01\x2A\x04\xC0\0\x02\x02\x30\x88\x9E\x03\x38\xD5\x06"[..],
            b"\x40\x80\xA0\xF8\xFA\x05\x4D\x01\0\0\0\x52\x05query\x5A\x01\0",
            b"\x60\x81\xA0\xF8\xFA\x05\x6D\x02\0\0\0\x72\x08response",
            b"\x7A\x0F\x0A\x03RPZ\x12\x01r\x18\x01\x20\x05\x2A\x01x\x80\x01\x02",
        ]
        .concat();
        let head = [b"\x0A\x03ns1\x12\x01v\x1A\0\x72", &[message.len() as u8][..]].concat();
        let expected = [&head[..], &message, b"\x78\x01"].concat();
        assert_eq!(written.escape_ascii().to_string(), expected.escape_ascii().to_string());
        assert_eq!(Dnstap::parse(&written), Ok(all));
    }

    #[test]
    fn nothing_but_the_types_need_be_there() {
        check(b"\x08\x05", Message::new(CLIENT_QUERY));
        assert_eq!(Dnstap::parse(b"\x78\x01").unwrap().message, None);
        check_damage(b"", Damage::NoType);
        check_damage(b"\x72\x02\x08\x05", Damage::NoType);
        check_damage(&frame(b"\x10\x01", b""), Damage::NoType);
    }

    #[test]
    fn fields_come_in_any_order_and_the_last_one_holds() {
        let expected =
            Message { socket_protocol: Some(2), query_message: Some(b"b"), ..Message::new(CLIENT_QUERY) };
        check(b"\x52\x01a\x18\x02\x52\x01b\x08\x06\x08\x05", expected);
    }

    #[test]
    fn a_message_in_several_parts_is_one() {
        let policy = Policy { action: Some(4), value: Some(b"v"), ..Policy::default() };
        let message = Message { policy: Some(policy), socket_family: Some(2), ..Message::new(CLIENT_QUERY) };
        check(b"\x7A\x05\x18\x03\x2A\x01v\x10\x02\x7A\x02\x18\x04\x08\x05", message);
        let parts = frame(b"\x7A\x05\x18\x03\x2A\x01v\x10\x01", b"\x72\x08\x7A\x02\x18\x04\x08\x05\x10\x02");
        assert_eq!(Dnstap::parse(&parts), Ok(Dnstap::new(message)));
    }

    #[test]
    fn unknown_fields_of_all_wire_types_are_passed_over() {
        let unknown: &[&[u8]] = &[
            b"\x98\x06\xFF\x01",                          // 99, a number
            b"\x99\x06abcdefgh",                          // eight bytes
            b"\x9A\x06\x02ab",                            // bytes
            b"\x9B\x06\x08\x07\x13\x1A\x01x\x14\x9C\x06", // a group with a group in it
            b"\x9D\x06abcd",                              // four bytes
            b"\x0A\x01a",                                 // the type, as bytes
            b"\x18",                                      // the end of that: transport
        ];
        let fields = [&b"\x08\x05"[..], &unknown.concat(), b"\x01"].concat();
        check(&fields, Message { socket_protocol: Some(1), ..Message::new(CLIENT_QUERY) });
        let around = [&unknown[..6].concat(), &frame(b"\x08\x05", b"")[..]].concat();
        let read = Dnstap { identity: Some(b"a"), ..Dnstap::new(Message::new(CLIENT_QUERY)) };
        assert_eq!(Dnstap::parse(&around), Ok(read));
    }

    #[test]
    fn numbers_that_mean_nothing_yet_are_kept() {
        let expected = Message {
            socket_protocol: Some(99),
            http_protocol: Some(u32::MAX),
            ..Message::new(MessageType(200))
        };
        check(b"\x08\xC8\x01\x18\x63\x80\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", expected);
        assert_eq!(Dnstap::parse(b"\x78\x07").unwrap().kind, 7);
    }

    #[test]
    fn an_address_that_does_not_fit_its_family_is_left_out() {
        let family = |family| Message { socket_family: family, ..Message::new(CLIENT_QUERY) };
        let (four, sixteen) = (&[b'a'; 4][..], &[b'b'; 16][..]);
        let addresses = [&b"\x22\x04"[..], four, b"\x2A\x10", sixteen].concat();
        let with = |more: &[u8]| [&b"\x08\x05"[..], &addresses, more].concat();
        check(&with(b"\x10\x01"), Message { query_address: Some(four), ..family(Some(1)) });
        check(&with(b"\x10\x02"), Message { response_address: Some(sixteen), ..family(Some(2)) });
        let both = Message { query_address: Some(four), response_address: Some(sixteen), ..family(None) };
        check(&with(b""), both);
        check(&with(b"\x10\x09"), Message { socket_family: Some(9), ..both });
        check(b"\x08\x05\x22\x00\x2A\x05abcde", family(None));
    }

    #[test]
    fn a_port_that_cannot_be_is_left_out() {
        let ports =
            |query_port, response_port| Message { query_port, response_port, ..Message::new(CLIENT_QUERY) };
        check(b"\x08\x05\x30\xFF\xFF\x03\x38\0", ports(Some(65535), Some(0)));
        check(b"\x08\x05\x30\x80\x80\x04\x38\x35", ports(None, Some(53)));
    }

    #[test]
    fn queries_are_dated_by_their_own_time_and_responses_by_theirs_if_they_have_one() {
        let time = |fields: &[u8], expected: Option<i64>| {
            let frame = frame(fields, b"");
            assert_eq!(Dnstap::parse(&frame).unwrap().time_ns(), expected, "{}", fields.escape_ascii());
            assert_eq!(time_of(&frame), expected);
        };
        let (query, response) = (&b"\x40\x05\x4D\x01\0\0\0"[..], &b"\x60\x06\x6D\x02\0\0\0"[..]);
        let of = |kind: &[u8], times: &[&[u8]]| [kind, &times.concat()].concat();
        time(&of(b"\x08\x05", &[query, response]), Some(5_000_000_001));
        time(&of(b"\x08\x05", &[response]), None);
        time(&of(b"\x08\x06", &[query, response]), Some(6_000_000_002));
        time(&of(b"\x08\x06", &[query]), Some(5_000_000_001));
        time(b"\x08\x06", None);
        // The type behind the times, seconds alone, nanoseconds alone.
        time(&of(query, &[b"\x08\x05"]), Some(5_000_000_001));
        time(b"\x08\x05\x40\x05", Some(5_000_000_000));
        time(b"\x08\x05\x4D\x01\0\0\0", None);
    }

    #[test]
    fn times_carry_over_and_do_not_overflow() {
        let ns = |seconds, nanoseconds| Time::new(seconds, nanoseconds).and_then(Time::ns);
        assert_eq!(ns(1, 1_000_000_000), Some(2_000_000_000));
        assert_eq!(ns(0, u32::MAX), Some(4_294_967_295));
        assert_eq!(ns(9_223_372_036, 854_775_807), Some(i64::MAX));
        assert_eq!(ns(9_223_372_036, 854_775_808), None);
        assert_eq!(ns(u64::MAX, 0), None);
        assert_eq!(Time::new(u64::MAX, SECOND), None);
        let carried = Message { query_time: Time::new(7, 5), ..Message::new(CLIENT_QUERY) };
        check(b"\x08\x05\x40\x03\x4D\x05\x28\x6B\xEE", carried);
        assert_eq!(Time::from_ns(i64::MAX).and_then(Time::ns), Some(i64::MAX));
        assert_eq!(Time::from_ns(-1), None);
    }

    #[test]
    fn damage_is_told() {
        for cut in
            [&b"\x08"[..], b"\x08\x85", b"\x22\x04abc", b"\x4D\0\0\0", b"\x9B\x06\x08\x07", b"\x09abcdefg"]
        {
            check_damage(&frame(cut, b""), Damage::Cut);
        }
        check_damage(b"\x72\x05\x08\x05", Damage::Cut);
        check_damage(b"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", Damage::Cut);
        check_damage(b"\x78\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", Damage::Number);
        check_damage(b"\x78\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0", Damage::Number);
        for field in
            [&b"\0\0"[..], b"\x07\0", b"\x0E", b"\x0F", b"\xF8\xFF\xFF\xFF\x1F\0", b"\x0B\0\x0C", b"\x0B\x0E"]
        {
            check_damage(field, Damage::Field);
        }
        for group in [&b"\x0C"[..], b"\x0B\x14", b"\x0B\x13\x0C\x14"] {
            check_damage(group, Damage::Group);
        }
        check_damage(&frame(b"\x08\x05\x7A\x01\x0B", b""), Damage::Cut);
    }

    #[test]
    fn groups_may_be_a_hundred_deep_and_not_one_more() {
        let nested = |depth| [&[0x0B].repeat(depth)[..], &[0x0C].repeat(depth), b"\x78\x01"].concat();
        assert!(Dnstap::parse(&nested(100)).is_ok());
        check_damage(&nested(101), Damage::Group);
    }

    #[test]
    fn types_have_a_role_a_direction_and_two_names() {
        for number in 1..=14 {
            let kind = MessageType(number);
            assert_eq!(MessageType::of(kind.role(), kind.direction()), kind);
            let (role, direction) = kind.name().unwrap().split_once('_').unwrap();
            let short: String = [role, direction].map(|word| word.chars().next().unwrap()).iter().collect();
            assert_eq!(kind.short_name(), Some(&short[..]));
            let named = format!("{:?}_{:?}", kind.role(), kind.direction()).to_uppercase();
            assert_eq!(named.replace("AUTHORITATIVE", "AUTH"), kind.name().unwrap());
        }
        for number in [0, 15, u32::MAX] {
            let kind = MessageType(number);
            assert_eq!((kind.role(), kind.name(), kind.short_name()), (Role::Other(number), None, None));
            assert_eq!(MessageType::of(kind.role(), Direction::Query), kind);
        }
        assert_eq!(MessageType(15).direction(), Direction::Query);
    }
}
