//! A query and what becomes of it, and the hand that writes its messages.
//!
//! The surprising fact: a transaction holds no bytes. Its messages follow from a few numbers and are written
//! when they are recorded. Called by `traffic` and `connection`.

use super::frame::Flow;
use super::hosts::Hosts;
use super::message::{self, Answer, Part, Question};
use super::names::Names;
use super::profile::{QueryType, Rcode};
use super::random::mixed;

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Resolver,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Side::Client => Side::Resolver,
            Side::Resolver => Side::Client,
        }
    }
}

/// A query and what will become of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transaction {
    pub(super) client: u32,
    pub(super) resolver: u32,
    pub(super) name: u32,
    pub(super) query_type: QueryType,
    pub(super) rcode: Rcode,
    pub(super) answered: bool,
    pub(super) id: u16,
    pub(super) client_port: u16,
    pub(super) edns_size: Option<u16>,
    /// The answer section is at least this long.
    pub(super) answer_bytes_min: u16,
    /// See [`Question::upper_case`].
    pub(super) upper_case: u64,
    /// Random bits for what nobody asks about: IP identifications and TCP sequence numbers.
    pub(super) numbers: u64,
}

impl Transaction {
    /// Makes it a transaction with EDNS and a response of two or three fragments.
    pub(super) fn enlarge_response(&mut self) {
        self.rcode = Rcode::NoError;
        self.edns_size = Some(4096);
        self.answer_bytes_min = 1500 + (self.numbers % 2048) as u16;
    }

    fn question<'a>(&self, names: &'a Names) -> Question<'a> {
        Question {
            id: self.id,
            name: names.wire(self.name),
            query_type: self.query_type,
            upper_case: self.upper_case,
            edns_size: self.edns_size,
        }
    }

    fn answer(&self) -> Answer {
        let bytes_min = usize::from(self.answer_bytes_min);
        Answer { rcode: self.rcode, facts: Names::facts(self.name), bytes_min }
    }

    /// From this side to the other; `turn` tells packets of one side apart.
    pub(super) fn flow(&self, side: Side, turn: u16, hosts: &Hosts) -> Flow {
        let pair = hosts.pair(self.client, self.resolver);
        match side {
            Side::Client => Flow {
                side,
                pair,
                source_port: self.client_port,
                destination_port: DNS_PORT,
                hops: HOPS - (self.client % 16) as u8,
                identification: (self.numbers as u16).wrapping_add(turn),
            },
            Side::Resolver => Flow {
                side,
                pair: pair.reversed(),
                source_port: DNS_PORT,
                destination_port: self.client_port,
                hops: HOPS,
                identification: ((self.numbers >> 16) as u16).wrapping_add(turn),
            },
        }
    }

    pub(super) fn first_sequence(&self, side: Side) -> u32 {
        match side {
            Side::Client => (self.numbers >> 32) as u32,
            Side::Resolver => mixed(self.numbers) as u32,
        }
    }
}

const DNS_PORT: u16 = 53;
/// What senders start with; clients are up to 15 hops away from the capture, resolvers none.
const HOPS: u8 = 64;

/// Writes the messages of transactions.
pub(super) struct Scribe {
    pub(super) names: Names,
    /// The message being written, used again for each.
    message: Vec<u8>,
}

impl Scribe {
    pub(super) fn new(names: Names) -> Self {
        Scribe { names, message: Vec::with_capacity(1 << 13) }
    }

    pub(super) fn query(&mut self, transaction: &Transaction) -> &[u8] {
        message::write_query(&mut self.message, &transaction.question(&self.names));
        &self.message
    }

    pub(super) fn response(&mut self, transaction: &Transaction) -> &[u8] {
        let question = transaction.question(&self.names);
        message::write_response(&mut self.message, &question, &transaction.answer());
        &self.message
    }

    /// One message of a zone transfer.
    pub(super) fn transfer(&mut self, transaction: &Transaction, part: Part) -> &[u8] {
        let question = transaction.question(&self.names);
        message::write_transfer(&mut self.message, &question, &transaction.answer(), part);
        &self.message
    }
}
