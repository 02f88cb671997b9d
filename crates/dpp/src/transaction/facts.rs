//! What a transaction is known by beside its event and key: kept only if the plan wants it ([`Needs`]).
//!
//! A message brings its own [`Side`]; when a response answers a query, its side is copied into the query's facts, and its bytes
//! behind those of the query's part, so that the row has both.

use crate::dns::edns::Opt;
use crate::dns::rdata::rdata_address;
use crate::dns::{Message, ParseError};
use crate::packet::Outer;
use std::num::NonZeroU32;
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
    /// The bytes of the response, and where in it the records are that are [`Noted`].
    pub const NOTED: Needs = Needs(1 | 4 | 64);

    /// Lengths, flags and EDNS of both sides: [`Brief`](super::Brief).
    pub const BRIEF: Needs = Needs(128);

    /// Whether briefs are to be kept: sides tell all that is in them.
    pub(crate) const fn keeps_briefs(self) -> bool {
        self.has(Needs::BRIEF) && !self.has(Needs::SIDES)
    }

    /// Whether all of `other` is in it.
    #[inline]
    pub const fn has(self, other: Needs) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    pub const fn and(self, other: Needs) -> Needs {
        Needs(self.0 | other.0)
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
    /// Which of the answers of the part is the (first) response that answered it, from 1.
    pub answer: Option<NonZeroU32>,
    /// How often the query was repeated.
    pub retries: u32,
    /// How many messages the answer took: more than one for a zone transfer.
    pub answer_messages: u32,
    /// Their lengths in all, bytes.
    pub answer_bytes: u64,
    /// How long the TCP handshake of its connection took, ns.
    pub handshake_rtt_ns: Option<i64>,
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
    /// What lay around it.
    pub outer: Outer,
    /// The number of its input, from 0.
    pub input: u32,
    /// Which packet (frame, item) of that input it came with, or was completed by; from 1.
    pub frame: u64,
    /// Which of the questions of its message the row is about, from 0.
    pub question: u16,
    /// Its length in bytes as the headers state it.
    pub length: u32,
    /// Where in the message the captured bytes end, if that is before its end.
    pub truncated_at: Option<u32>,
    /// The total length of the IP packet it came in; 0 if it came in several, or in none.
    pub ip_length: u32,
    /// The checksum of the UDP header, if it came in one datagram.
    pub udp_checksum: Option<u16>,
    /// The second word of its header.
    pub flags: u16,
    /// QDCOUNT, ANCOUNT, NSCOUNT and ARCOUNT, as its header states them.
    pub counts: [u16; 4],
    /// Its response code, extended by OPT or replaced by a TSIG error.
    pub rcode: u16,
    /// What the OPT record says beside its options.
    pub edns: Option<Edns>,
    /// Where in the message the options of its OPT record start, and how many octets they are; if there is one.
    pub options: Option<(u32, u16)>,
    /// Where the records are that are asked for most often; only of responses, and if they are needed.
    pub noted: Noted,
    /// What is not known of it. (Of packets, only type and class of a question that is cut, and the server of a group.)
    pub lacks: Lacks,
    /// What is wrong with it.
    pub error: Option<ParseError>,
    /// Its bytes, as far as they were captured; empty unless they are needed.
    pub message: Kept,
    /// The frame or item it came in; empty unless it is needed.
    pub record: Kept,
}

impl Side {
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
        self.outer |= side.outer.vlan_count > 0 || side.outer.tunnel.is_some();
        self.damage |= side.error.is_some();
        self.cuts |= side.truncated_at.is_some();
        self.frames |= side.record.length > 0;
        self.query_options |= has_options && is_query;
        self.response_options |= has_options && !is_query;
        self.add_inputs((side.input, side.input));
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

/// Where in a response lies what is asked for most often of the records of its answer section, so that not each column has to
/// look for its own. Nothing lies at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// The address of the first record of type A that has one.
    pub a: Option<NonZeroU32>,
    /// That of the first of type AAAA that has one.
    pub aaaa: Option<NonZeroU32>,
    /// The first record of type CNAME.
    pub cname: Option<NonZeroU32>,
    /// The least TTL, seconds.
    pub ttl_min: Option<u32>,
}

const TYPE_A: u16 = 1;
const TYPE_CNAME: u16 = 5;
const TYPE_AAAA: u16 = 28;

impl Noted {
    /// What is to be noted of a response, as far as it can be read.
    pub(crate) fn of(message: &Message) -> Noted {
        let mut noted = Noted::default();
        let count = usize::from(message.counts()[1]);
        let Some(records) = message.records_behind_questions().filter(|_| count > 0) else { return noted };
        for record in records.take(count) {
            noted.ttl_min = Some(noted.ttl_min.map_or(record.ttl, |least| least.min(record.ttl)));
            let (place, at) = match record.rtype {
                TYPE_A => (&mut noted.a, record.rdata_at),
                TYPE_AAAA => (&mut noted.aaaa, record.rdata_at),
                TYPE_CNAME => (&mut noted.cname, record.owner_at),
                _ => continue,
            };
            if place.is_none() && (record.rtype == TYPE_CNAME || rdata_address(&record).is_some()) {
                *place = u32::try_from(at).ok().and_then(NonZeroU32::new);
            }
        }
        noted
    }
}

impl Facts {
    /// A response has come that answers this query, or is a further message of its answer.
    pub(super) fn answered_by(&mut self, response: &Side, handshake_rtt_ns: Option<i64>) {
        self.answer_messages += 1;
        self.answer_bytes += u64::from(response.length);
        self.handshake_rtt_ns = self.handshake_rtt_ns.or(handshake_rtt_ns);
    }
}
