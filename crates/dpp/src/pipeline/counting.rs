//! Counting messages where they are read, for tallies that need nothing to be matched.
//!
//! The surprising fact: what a packet or a server's log cannot tell (an address, a size) does not keep a message from being
//! counted, but for the server's own address, without which nobody knows whose message it is.

use super::reading::{Around, Arrived, Scratch};
use crate::dns::Message;
use crate::packet::{Addresses, Flow};
use crate::plan::{Plan, Ports};
use crate::stats::Totals;
use crate::tallies::rssac::{Counted, Rssac, Wanted, Way};
use crate::transaction::{Lacks, Role, Transport};
use std::net::IpAddr;

/// What is counted, and of whom.
#[derive(Clone, Copy)]
pub(super) struct Counting<'a> {
    wanted: &'a Wanted,
    ports: &'a Ports,
    seed: u64,
}

/// A message's two ends, as one who logged it tells them, and its other facts.
pub(super) struct Logged<'a> {
    /// From whom it came to whom.
    pub(super) flow: Flow<'a>,
    pub(super) transport: Transport,
    pub(super) role: Role,
    pub(super) lacks: Lacks,
    pub(super) is_response: bool,
    pub(super) time_ns: i64,
    pub(super) size: Option<usize>,
    pub(super) rcode: Option<u16>,
    /// The name that is asked for, in wire form.
    pub(super) name: Option<&'a [u8]>,
}

impl<'a> Counting<'a> {
    pub(super) fn of(plan: &'a Plan, seed: u64) -> Option<Counting<'a>> {
        plan.rssac.as_ref().map(|wanted| Counting { wanted, ports: &plan.ports, seed })
    }

    /// Counts a message.
    #[inline(always)]
    pub(super) fn message<A: Around>(
        &self,
        arrived: &Arrived<A>,
        message: Message,
        totals: &mut Totals,
        scratch: &mut Scratch,
    ) {
        let logged = self.read(arrived, message, totals, scratch);
        self.logged(&logged, totals);
    }

    /// The same of a message that is known: the complete response code, and the name of its question.
    #[inline(always)]
    pub(super) fn known<A: Around>(
        &self,
        arrived: &Arrived<A>,
        (is_response, rcode, name): (bool, u16, &[u8]),
        totals: &mut Totals,
    ) {
        let rcode = is_response.then_some(rcode);
        let logged = self.told(arrived, is_response, rcode, (!is_response).then_some(name));
        self.logged(&logged, totals);
    }

    /// The same for one that counts only if it was not captured before, which its shard will find.
    #[cold]
    pub(super) fn later<A: Around>(
        &self,
        arrived: &Arrived<A>,
        message: Message,
        totals: &mut Totals,
        scratch: &mut Scratch,
    ) -> Option<Counted> {
        let logged = self.read(arrived, message, totals, scratch);
        let counted = self.counted(&logged);
        if counted.is_none() {
            self.tally(totals).others += 1;
        }
        counted
    }

    /// What is to be known of a message.
    #[inline(always)]
    fn read<'b, A: Around>(
        &self,
        arrived: &'b Arrived<A>,
        message: Message<'b>,
        totals: &mut Totals,
        scratch: &'b mut Scratch,
    ) -> Logged<'b> {
        let is_response = message.is_response();
        let rcode = is_response.then(|| rcode(&message, totals));
        let name = match self.wanted.labels && !is_response && message.question_count() > 0 {
            true => message.question(Message::QUESTIONS, scratch).ok().map(|(question, _)| question.name),
            false => None,
        };
        self.told(arrived, is_response, rcode, name)
    }

    #[inline(always)]
    fn told<'b, A: Around>(
        &self,
        arrived: &'b Arrived<A>,
        is_response: bool,
        rcode: Option<u16>,
        name: Option<&'b [u8]>,
    ) -> Logged<'b> {
        let around = &arrived.around;
        Logged {
            flow: arrived.datagram.flow,
            transport: arrived.transport,
            role: around.role(),
            lacks: around.lacks(),
            is_response,
            time_ns: arrived.arrival.time_ns,
            size: Some(arrived.datagram.payload_length),
            rcode,
            name,
        }
    }

    #[inline(always)]
    fn tally<'b>(&self, totals: &'b mut Totals) -> &'b mut Rssac {
        totals.rssac.get_or_insert_with(|| Box::new(Rssac::new(self.seed)))
    }

    /// Counts a message that somebody tells of.
    #[inline(always)]
    pub(super) fn logged(&self, logged: &Logged, totals: &mut Totals) {
        match self.counted(logged) {
            Some(counted) => self.tally(totals).count(&counted),
            None => self.tally(totals).others += 1,
        }
    }

    /// As what it counts; `None` if it is not the server's.
    #[inline(always)]
    fn counted(&self, logged: &Logged) -> Option<Counted> {
        let Flow { addresses, source_port, destination_port } = logged.flow;
        let (source, destination) = both(addresses);
        let (server, port, peer, way) = match logged.is_response {
            true => (source, source_port, destination, Way::Response),
            false => (destination, destination_port, source, Way::Query),
        };
        let lacks = logged.lacks;
        let is_known = !lacks.has(Lacks::SERVER);
        // What is no packet was not found by its port: the server says that it is its own.
        let is_packet = logged.role == Role::default() && lacks == Lacks::default();
        let is_service = !is_packet || self.ports.has(port) || !is_plain(logged.transport);
        let is_ours = match is_known {
            true => self.wanted.servers.has(server),
            false => self.wanted.servers.is_all(),
        };
        if !(is_ours && is_service && serves(logged.role)) {
            return None;
        }
        Some(Counted {
            time_ns: logged.time_ns,
            way,
            carrier: carrier(logged.transport),
            peer: if lacks.has(Lacks::CLIENT) { Err(peer.is_ipv6()) } else { Ok(peer) },
            size: logged.size,
            rcode: logged.rcode,
            labels: logged.name.filter(|_| self.wanted.labels).map(labels),
            sketch: self.wanted.sketch,
        })
    }
}

/// Whether one who logs in this role is the server of the message. Resolvers log what they ask others, too.
#[inline(always)]
fn serves(role: Role) -> bool {
    const RESOLVER: u8 = 2;
    const FORWARDER: u8 = 4;
    const STUB: u8 = 5;
    const TOOL: u8 = 6;
    !matches!(role.0, RESOLVER | FORWARDER | STUB | TOOL)
}

fn is_plain(transport: Transport) -> bool {
    matches!(transport, Transport::Udp | Transport::Tcp)
}

#[inline(always)]
fn both(addresses: Addresses) -> (IpAddr, IpAddr) {
    match addresses {
        Addresses::V4 { source, destination } => ((*source).into(), (*destination).into()),
        Addresses::V6 { source, destination } => ((*source).into(), (*destination).into()),
    }
}

/// Which of [`CARRIERS`](crate::tallies::rssac::CARRIERS) it is.
#[inline(always)]
fn carrier(transport: Transport) -> usize {
    match transport {
        Transport::Udp => 0,
        Transport::Tcp => 1,
        Transport::Dot => 2,
        Transport::Doh => 3,
        Transport::Doq => 4,
        Transport::Dtls => 5,
        Transport::DnscryptUdp => 6,
        Transport::DnscryptTcp => 7,
        Transport::Unknown => 8,
    }
}

/// The complete response code, or that of the header if the records cannot be walked. Few responses need to be.
#[inline(always)]
fn rcode(message: &Message, totals: &mut Totals) -> u16 {
    match message.counts()[3] {
        0 => message.header_rcode(),
        _ => extended_rcode(message).unwrap_or_else(|| {
            totals.records_unread += 1;
            message.header_rcode()
        }),
    }
}

#[inline]
fn extended_rcode(message: &Message) -> Option<u16> {
    let mut at = Message::QUESTIONS;
    for _ in 0..message.question_count() {
        at = message.skip_question(at).ok()?;
    }
    message.response_code(at).ok()
}

/// How many labels a name in wire form has; the root has none.
fn labels(name: &[u8]) -> u8 {
    let (mut at, mut count) = (0, 0);
    while let Some(&length @ 1..) = name.get(at) {
        (at, count) = (at + 1 + usize::from(length), count + 1);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tallies::rssac::CARRIERS;
    use crate::transaction::TRANSPORTS;

    #[test]
    fn carriers_are_named_like_transports() {
        for (transport, name, _) in TRANSPORTS.iter().filter(|row| row.0 != Transport::Unknown) {
            assert_eq!(CARRIERS[carrier(*transport)].0, *name);
        }
    }

    #[test]
    fn labels_of_a_name() {
        for (name, count) in [(&b"\0"[..], 0), (b"\x03com\0", 1), (b"\x01a\x01b\0", 2), (b"", 0)] {
            assert_eq!(labels(name), count);
        }
    }
}
