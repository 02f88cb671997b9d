//! What a transaction is known by beside its event and key: kept only if the plan wants it ([`Needs`]).
//!
//! A message brings its own [`Side`]; when a response answers a query, its side is copied into the query's facts, and its bytes
//! behind those of the query's part, so that the row has both. Most columns that look into messages ask for little: the options
//! of the OPT record, the first addresses. If nobody wants the whole message, then only these are kept, one behind the other.

use crate::dns::edns::Opt;
use crate::dns::{Found, Message, ParseError, Survey, name};
use crate::packet::{Outer, VLANS_MAX};
use std::num::{NonZeroI64, NonZeroU32};
use std::ops::{BitOr, BitOrAssign};

/// What of a transaction has to be kept so that columns, filters and sinks can be computed: a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Needs(u16);

impl Needs {
    /// Event and key are enough.
    pub const NOTHING: Needs = Needs(0);
    /// Both sides' [`Side`].
    pub const SIDES: Needs = Needs(1);
    /// The bytes of the query, and its side.
    pub const QUERY: Needs = Needs(1 | 2);
    /// The bytes of the response, and its side.
    pub const RESPONSE: Needs = Needs(1 | 4);
    /// Queries whose question cannot be read, or that have none, become rows.
    pub const UNREADABLE: Needs = Needs(1 | 32);
    /// What is wrong with messages; and those queries.
    pub const DAMAGE: Needs = Needs(1 | 8 | 32);
    /// The bytes of both.
    pub const MESSAGES: Needs = Needs(1 | 2 | 4);
    /// What the frame of a dnstap stream, or the item of a C-DNS file, says beside its messages.
    pub const FRAME: Needs = Needs(1 | 16);
    /// What is [`Noted`] of the records of the response.
    pub const NOTED: Needs = Needs(1 | 64);
    /// The EDNS options of the query.
    pub const QUERY_OPTIONS: Needs = Needs(1 | 128);
    /// The EDNS options of the response.
    pub const RESPONSE_OPTIONS: Needs = Needs(1 | 256);

    /// Whether all of `other` is in it.
    #[inline]
    pub const fn has(self, other: Needs) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    pub const fn and(self, other: Needs) -> Needs {
        Needs(self.0 | other.0)
    }

    /// Whether something of queries is needed that stands in their bytes.
    pub const fn reads_queries(self) -> bool {
        self.has(Needs::QUERY) || self.has(Needs::QUERY_OPTIONS)
    }

    /// The same of responses.
    pub const fn reads_responses(self) -> bool {
        self.has(Needs::RESPONSE) || self.has(Needs::RESPONSE_OPTIONS) || self.has(Needs::NOTED)
    }
}

impl BitOr for Needs {
    type Output = Needs;

    fn bitor(self, other: Needs) -> Needs {
        self.and(other)
    }
}

impl BitOrAssign for Needs {
    fn bitor_assign(&mut self, other: Needs) {
        *self = *self | other;
    }
}

/// What is known of a query and, once it is answered, of its response. Of a response that nobody asked for only `own`. The
/// response's side lies elsewhere: half of all messages are responses, whose own facts would have room for one in vain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The message itself.
    pub own: Side,
    /// Where the side of the (first) response is that answered it.
    pub(crate) answer: Option<Answer>,
    /// How often the query was repeated.
    pub retries: u32,
    /// How many messages the answer took: more than one for a zone transfer.
    pub answer_messages: u32,
    /// Their lengths in all, bytes.
    pub answer_bytes: u64,
    /// How long the TCP handshake of its connection took.
    pub(crate) handshake_rtt: Option<Nanos>,
}

// Two lines of the cache: rows wait for their responses longer than the nearer caches remember them.
const _: () = assert!(size_of::<Facts>() <= 128);

/// Where a response's side is: in the same part among the facts of events, or among the answers, which were copied from other
/// parts. Their numbers share one that is never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer(NonZeroU32);

impl Answer {
    /// Set of the number of an event.
    const HERE: u32 = 1 << 31;

    pub(super) fn here(event: u32) -> Option<Answer> {
        NonZeroU32::new(event | Answer::HERE).map(Answer)
    }

    /// The answer that was copied last, which makes so many.
    pub(super) fn copied(count: usize) -> Option<Answer> {
        NonZeroU32::new(count as u32).map(Answer)
    }

    /// The number of the event, or of the answer.
    #[inline]
    pub(super) fn place(self) -> Result<usize, usize> {
        match self.0.get() {
            number if number & Answer::HERE != 0 => Ok((number & !Answer::HERE) as usize),
            number => Err(number as usize - 1),
        }
    }
}

/// A number of nanoseconds, but for the least one that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nanos(NonZeroI64);

impl Nanos {
    #[inline]
    fn new(ns: i64) -> Nanos {
        Nanos(NonZeroI64::new(ns.max(i64::MIN + 1) ^ i64::MIN).expect("only the least is 0"))
    }

    #[inline]
    fn get(self) -> i64 {
        self.0.get() ^ i64::MIN
    }
}

/// Bytes that are kept in the arena of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Where they start.
    pub start: usize,
    /// How many there are.
    pub length: u32,
}

/// What an input that has no packets does not tell of a message: a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lacks(pub u32);

impl Lacks {
    /// When it was captured.
    pub const TIME: Lacks = Lacks(1);
    /// The client's address.
    pub const CLIENT: Lacks = Lacks(2);
    /// The client's port.
    pub const CLIENT_PORT: Lacks = Lacks(4);
    /// The server's address.
    pub const SERVER: Lacks = Lacks(8);
    /// The server's port.
    pub const SERVER_PORT: Lacks = Lacks(16);
    /// The DNS id.
    pub const ID: Lacks = Lacks(32);
    /// What carried it.
    pub const TRANSPORT: Lacks = Lacks(64);
    /// QTYPE.
    pub const TYPE: Lacks = Lacks(128);
    /// The flags of the header.
    pub const FLAGS: Lacks = Lacks(256);
    /// The opcode.
    pub const OPCODE: Lacks = Lacks(512);
    /// The response code.
    pub const RCODE: Lacks = Lacks(1024);
    /// How many records each section has.
    pub const COUNTS: Lacks = Lacks(2048);
    /// How long it is.
    pub const LENGTH: Lacks = Lacks(4096);
    /// QNAME.
    pub const NAME: Lacks = Lacks(8192);
    /// How long the response took.
    pub const DELAY: Lacks = Lacks(16384);
    /// The answer section, which is not in the message that was put together.
    pub const ANSWERS: Lacks = Lacks(1 << 15);
    /// The authority section, likewise.
    pub const AUTHORITY: Lacks = Lacks(1 << 16);
    /// The additional section, likewise.
    pub const ADDITIONAL: Lacks = Lacks(1 << 17);
    /// Which EDNS options it has.
    pub const OPTIONS: Lacks = Lacks(1 << 18);
    /// QCLASS.
    pub const CLASS: Lacks = Lacks(1 << 19);
    /// What is in its EDNS options; which it has may be known.
    pub const OPTION_DATA: Lacks = Lacks(1 << 20);

    /// Whether all of `other` is in it.
    #[inline]
    pub const fn has(self, other: Lacks) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    pub const fn and(self, other: Lacks) -> Lacks {
        Lacks(self.0 | other.0)
    }

    /// Adds `other` if that `is` so.
    pub fn set(&mut self, other: Lacks, is: bool) {
        if is {
            self.0 |= other.0;
        }
    }
}

/// What is known of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Which packet (frame, item) of its input it came with, or was completed by; from 1.
    pub frame: u64,
    /// The number of its input, from 0.
    pub input: u32,
    /// Its length in bytes as the headers state it.
    pub length: u32,
    /// The total length of the IP packet it came in; 0 if it came in several, or in none.
    pub ip_length: u32,
    /// How many of its bytes were captured, if something of them is needed.
    pub captured: u32,
    /// What is not known of it. (Of packets, only type and class of a question that is cut, and the server of a group.)
    pub lacks: Lacks,
    /// Where in what was kept of the message the options of its OPT record start, and how many octets they are; if there is one,
    /// and they are needed.
    pub options: Option<(Spot, u16)>,
    /// QDCOUNT, ANCOUNT, NSCOUNT and ARCOUNT, as its header states them.
    pub counts: [u16; 4],
    /// What the OPT record says beside its options.
    pub edns: Option<Edns>,
    /// Which of the questions of its message the row is about, from 0.
    pub question: u16,
    /// The second word of its header.
    pub flags: u16,
    /// Its response code, extended by OPT or replaced by a TSIG error.
    pub rcode: u16,
    /// TTL or hop limit of the innermost IP header; 0 if there was none.
    pub hop_limit: u8,
    /// What is wrong with it.
    pub error: Option<ParseError>,
    /// What was kept of its bytes.
    pub(crate) kept_at: usize,
    pub(crate) kept_length: u32,
    /// What was noted of its records.
    pub(crate) a: Option<Spot>,
    pub(crate) aaaa: Option<Spot>,
    pub(crate) cname: Option<Spot>,
    pub(crate) ttl_min: u32,
    pub(crate) udp_checksum: u16,
    /// What there is of these.
    pub(crate) marks: u8,
    /// Which of what is seldom known in its part is known of it, from 1.
    pub(crate) seldom: Option<NonZeroU32>,
}

/// All of the message was kept.
const IS_WHOLE: u8 = 1;
/// There is a checksum.
const HAS_CHECKSUM: u8 = 2;
/// There is a TTL.
const HAS_TTL: u8 = 4;

/// What is known of few messages, and kept of these alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seldom {
    /// What lay around it.
    pub outer: Outer,
    /// Where in the message the captured bytes end, if that is before its end.
    pub truncated_at: Option<u32>,
    /// The frame or item it came in; empty unless it is needed.
    pub(crate) record: Kept,
}

/// What a query of another part is told of the response that answers it.
pub(super) struct Told {
    pub(super) side: Side,
    pub(super) seldom: Seldom,
    pub(super) handshake_rtt: Option<Nanos>,
}

impl Seldom {
    /// Of nearly all messages.
    pub(super) const NOTHING: &'static Seldom = &Seldom {
        outer: Outer { vlans: [0; VLANS_MAX], vlan_count: 0, hop_limit: 0, tunnel: None, tunnel_id: 0 },
        truncated_at: None,
        record: Kept { start: 0, length: 0 },
    };
}

impl Side {
    /// What was kept of its bytes.
    #[inline]
    pub(crate) fn kept(&self) -> Kept {
        Kept { start: self.kept_at, length: self.kept_length }
    }

    /// Whether that is all of them.
    #[inline]
    pub(crate) fn is_whole(&self) -> bool {
        self.marks & IS_WHOLE != 0
    }

    #[inline]
    pub(crate) fn keep(&mut self, kept: Kept) {
        (self.kept_at, self.kept_length) = (kept.start, kept.length);
    }

    /// Says that the message was kept as it is.
    #[inline]
    pub(crate) fn keep_whole(&mut self, kept: Kept) {
        self.keep(kept);
        (self.captured, self.marks) = (kept.length, self.marks | IS_WHOLE);
    }

    /// Where the records are that are asked for most often; only of responses, and if they are needed.
    #[inline]
    pub fn noted(&self) -> Noted {
        let ttl_min = (self.marks & HAS_TTL != 0).then_some(self.ttl_min);
        Noted { a: self.a, aaaa: self.aaaa, cname: self.cname, ttl_min }
    }

    #[inline]
    pub(crate) fn note(&mut self, noted: Noted) {
        (self.a, self.aaaa, self.cname) = (noted.a, noted.aaaa, noted.cname);
        self.ttl_min = noted.ttl_min.unwrap_or_default();
        self.marks |= if noted.ttl_min.is_some() { HAS_TTL } else { 0 };
    }

    /// The checksum of the UDP header, if it came in one datagram.
    #[inline]
    pub fn udp_checksum(&self) -> Option<u16> {
        (self.marks & HAS_CHECKSUM != 0).then_some(self.udp_checksum)
    }

    #[inline]
    pub(crate) fn set_udp_checksum(&mut self, checksum: u16) {
        (self.udp_checksum, self.marks) = (checksum, self.marks | HAS_CHECKSUM);
    }

    /// Whether this is about a later question than `before`, of a message that came with the same packet.
    pub(super) fn continues(&self, before: &Side) -> bool {
        (self.input, self.frame) == (before.input, before.frame) && self.question > before.question
    }
}

/// What there is among some messages. Most of it is seldom there at all, and then nobody need look for it in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tells {
    /// VLANs or tunnels.
    pub outer: bool,
    /// Messages with something wrong.
    pub damage: bool,
    /// Messages that were cut.
    pub cuts: bool,
    /// Connections whose handshake took a known time.
    pub handshakes: bool,
    /// Frames.
    pub frames: bool,
    /// Queries with options.
    pub query_options: bool,
    /// Responses with options.
    pub response_options: bool,
    /// The least and the largest number of their inputs.
    pub inputs: Option<(u32, u32)>,
}

impl Tells {
    /// Adds what is known of a query, or of a response.
    #[inline]
    pub(super) fn add(&mut self, side: &Side, is_query: bool) {
        let has_options = side.options.is_some_and(|(_, length)| length > 0);
        self.damage |= side.error.is_some();
        self.query_options |= has_options && is_query;
        self.response_options |= has_options && !is_query;
        self.add_inputs((side.input, side.input));
    }

    /// Adds what is seldom known of a message.
    pub(super) fn add_seldom(&mut self, seldom: &Seldom) {
        self.outer |= seldom.outer.vlan_count > 0 || seldom.outer.tunnel.is_some();
        self.cuts |= seldom.truncated_at.is_some();
        self.frames |= seldom.record.length > 0;
    }

    #[inline]
    fn add_inputs(&mut self, (least, largest): (u32, u32)) {
        let (before, behind) = self.inputs.unwrap_or((least, largest));
        self.inputs = Some((before.min(least), behind.max(largest)));
    }

    /// Adds what there is among others.
    pub fn merge(&mut self, other: &Tells) {
        self.outer |= other.outer;
        self.damage |= other.damage;
        self.cuts |= other.cuts;
        self.handshakes |= other.handshakes;
        self.frames |= other.frames;
        self.query_options |= other.query_options;
        self.response_options |= other.response_options;
        other.inputs.iter().for_each(|inputs| self.add_inputs(*inputs));
    }
}

/// What an OPT record says beside its options (RFC 6891 section 6.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edns {
    /// The longest datagram that the sender can take.
    pub udp_size: u16,
    /// The version.
    pub version: u8,
    /// DO and what may follow.
    pub flags: u16,
}

impl From<Opt<'_>> for Edns {
    fn from(Opt { udp_size, version, flags, .. }: Opt) -> Edns {
        Edns { udp_size, version, flags }
    }
}

/// Where in what was kept of a response lies what is asked for most often of the records of its answer section, so that not each
/// column has to look for its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// The address of the first record of type A that has one.
    pub a: Option<Spot>,
    /// That of the first of type AAAA that has one.
    pub aaaa: Option<Spot>,
    /// The name that the first record of type CNAME leads to.
    pub cname: Option<Spot>,
    /// The least TTL, seconds.
    pub ttl_min: Option<u32>,
}

/// A place among bytes that were kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot(NonZeroU32);

impl Spot {
    #[inline]
    pub(crate) fn new(at: usize) -> Option<Spot> {
        u32::try_from(at).ok()?.checked_add(1).and_then(NonZeroU32::new).map(Spot)
    }

    /// That of so many bytes.
    pub(crate) fn with_length((at, length): (u32, u16)) -> Option<(Spot, u16)> {
        Spot::new(at as usize).map(|spot| (spot, length))
    }

    /// How many bytes are before it.
    #[inline]
    pub fn at(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl Noted {
    /// What is to be noted of a response that is kept as it is.
    pub(crate) fn of_whole(message: &Message, survey: &Survey) -> Noted {
        let spot = |place: Option<NonZeroU32>| place.and_then(|at| Spot::new(at.get() as usize));
        let can_be_read = |it: &Found| it.target(message.bytes(), &mut [0; name::WIRE_MAX]).is_some();
        let cname = survey.cname.filter(can_be_read);
        Noted {
            a: spot(survey.a),
            aaaa: spot(survey.aaaa),
            cname: cname.and_then(|record| Spot::new(record.rdata_at())),
            ttl_min: survey.ttl_min,
        }
    }

    /// The same of one of which no more is kept than what is noted: appends that to `kept`, in which it starts at `start`.
    pub(crate) fn keep(message: &Message, survey: &Survey, start: usize, kept: &mut Vec<u8>) -> Noted {
        let mut keep = |bytes: Option<&[u8]>| {
            let bytes = bytes?;
            let spot = Spot::new(kept.len() - start);
            kept.extend_from_slice(bytes);
            spot
        };
        let octets = |place: Option<NonZeroU32>, length: usize| {
            place.and_then(|at| message.bytes().get(at.get() as usize..)?.get(..length))
        };
        Noted {
            a: keep(octets(survey.a, 4)),
            aaaa: keep(octets(survey.aaaa, 16)),
            cname: survey.cname.and_then(|it| keep(it.target(message.bytes(), &mut [0; name::WIRE_MAX]))),
            ttl_min: survey.ttl_min,
        }
    }
}

impl Facts {
    /// Whether a response has come that answers it.
    #[inline]
    pub fn is_answered(&self) -> bool {
        self.answer.is_some()
    }

    /// How long the TCP handshake of its connection took, ns.
    #[inline]
    pub fn handshake_rtt_ns(&self) -> Option<i64> {
        self.handshake_rtt.map(Nanos::get)
    }

    /// What is known of a message as it comes, over a connection whose handshake took so long, ns.
    #[inline]
    pub(crate) fn of(own: Side, handshake_rtt_ns: Option<i64>) -> Facts {
        Facts { own, handshake_rtt: handshake_rtt_ns.map(Nanos::new), ..Facts::default() }
    }

    /// A response of this length has come that answers this query, or is a further message of its answer.
    pub(super) fn answered_by(&mut self, length: u32, handshake_rtt: Option<Nanos>) {
        self.answer_messages += 1;
        self.answer_bytes += u64::from(length);
        self.handshake_rtt = self.handshake_rtt.or(handshake_rtt);
    }
}
