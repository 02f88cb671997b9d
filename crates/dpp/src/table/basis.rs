//! What columns are made of, if that is little and comes again and again: a name, or what the head of a message says.
//!
//! There are as many values of such a column as there are different [bases](Basis), not as many as there are rows. Who keeps
//! what a column said of a basis need not ask it again.

use super::Column;
use crate::transaction::{Edns, Side, State, Transaction};

/// What a column is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The name that was asked for.
    Name,
    /// The head of the query: its codes, flags and counts, and what carried it.
    Query,
    /// The head of the response.
    Response,
}

/// How many bytes the head of a message takes: as many as are compared without a loop.
pub const BASIS_ROOM: usize = 32;

impl Basis {
    /// All of them.
    pub const ALL: [Basis; 3] = [Basis::Name, Basis::Query, Basis::Response];

    /// What tells the bases of rows apart: columns say the same of rows for which these bytes are the same. They lie in `room` if
    /// they do not lie in the row.
    #[inline]
    pub fn bytes<'r>(self, row: &Transaction<'r>, room: &'r mut [u8; BASIS_ROOM]) -> &'r [u8] {
        *room = match self {
            Basis::Name => return row.key().name(),
            Basis::Query => query(row),
            Basis::Response => response(row),
        };
        room
    }
}

fn query(row: &Transaction) -> [u8; BASIS_ROOM] {
    let (key, facts) = (row.key(), row.facts());
    let role = u16::from(key.role().0);
    let numbers = [key.server_port(), key.qtype(), key.qclass(), key.transport() as u16 | role << 8];
    let retries = facts.map_or(0, |facts| facts.retries);
    head(row, facts.map(|facts| &facts.own), word(numbers), retries)
}

fn response(row: &Transaction) -> [u8; BASIS_ROOM] {
    let (side, facts) = (row.response(), row.facts());
    let rcodes = [row.response_code().unwrap_or_default(), side.map_or(0, |side| side.rcode)];
    let lacks = facts.map_or(0, |facts| facts.own.lacks.0);
    let messages = facts.map_or(0, |facts| facts.answer_messages);
    head(row, side, word([rcodes[0], rcodes[1], lacks as u16, (lacks >> 16) as u16]), messages)
}

/// What columns are made of that are made of the head of a message, and of these.
#[inline]
fn head(row: &Transaction, side: Option<&Side>, others: u64, count: u32) -> [u8; BASIS_ROOM] {
    let mut words = [0; BASIS_ROOM / 8];
    let is_v6 = row.key().client().is_ipv6();
    let state = row.state() as u64;
    const { assert!((State::Sweep as u8) < 1 << 5) };
    words[0] = state | u64::from(is_v6) << 5 | u64::from(count) << 32;
    words[1] = others;
    if let Some(side) = side {
        let Edns { udp_size, version, flags } = side.edns.unwrap_or_default();
        words[0] |=
            1 << 6 | u64::from(side.edns.is_some()) << 7 | u64::from(version) << 8 | u64::from(flags) << 16;
        words[2] = word(side.counts);
        words[3] = u64::from(side.lacks.0) << 32 | u64::from(side.flags) << 16 | u64::from(udp_size);
    }
    let mut head = [0; BASIS_ROOM];
    for (bytes, word) in head.as_chunks_mut().0.iter_mut().zip(words) {
        *bytes = word.to_le_bytes();
    }
    head
}

fn word([a, b, c, d]: [u16; 4]) -> u64 {
    u64::from(a) | u64::from(b) << 16 | u64::from(c) << 32 | u64::from(d) << 48
}

impl Column {
    /// What this column is made of, if it is made of nothing else of a row.
    pub fn basis(self) -> Option<Basis> {
        use Column::*;
        Some(match self {
            Qname | QnameLower | Labels | QnameLength | LabelLengthMax | Entropy | RegisteredDomain | Tld
            | ProbeQname | ProbeDomainname | EntradaQname | EntradaDomainname | EntradaTld
            | EntradaQnameFull => Basis::Name,
            DstPort | IpVersion | Transport | Qtype | QtypeName | Qclass | QclassName | Opcode
            | OpcodeName | QueryAa | QueryTc | QueryRd | QueryRa | QueryZ | QueryAd | QueryCd
            | QueryQdcount | QueryAncount | QueryNscount | QueryArcount | EdnsVersion | EdnsUdpSize
            | EdnsDo | QueryCount | Match | ProbeProt | DnstapRole => Basis::Query,
            Rcode | RcodeName | Aa | Tc | Rd | Ra | Z | Ad | Cd | Qdcount | Ancount | Nscount | Arcount
            | ResponseMessages | ResponseEdnsVersion | ResponseEdnsUdpSize | ResponseEdnsDo | ProbeRcode => {
                Basis::Response
            }
            _ => return Option::None,
        })
    }
}
