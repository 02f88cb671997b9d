//! What becomes of a segment: decided when its last byte leaves the reassembler, not when it comes.
//!
//! The surprising fact: nearly every segment is decided at once, by two flags, and never has a ticket. A segment of which
//! bytes wait gets one; pieces and begun messages hold on to it. It was used if a message got one of its bytes; otherwise
//! the first reason for which bytes were lost is its skip reason.

use super::Decided;
use crate::packet::{Origin, Outer, Skip, Volume};
use std::collections::HashMap;

/// The packets that a segment came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carrier {
    /// Position of the last of them.
    pub position: u64,
    /// How many they are; more than one if the segment was put together from fragments.
    pub volume: Volume,
    /// What lay around them.
    pub outer: Outer,
    /// Which packet of its input the last one is, if somebody wants to know.
    pub origin: Origin,
}

/// The segment that has just come, while it has no ticket.
const OWN: u32 = u32::MAX;

/// What is charged for a ticket and its place in a list.
pub(super) const TICKET_CHARGE: usize = 80;

/// So many segments of a begun message are remembered one by one; of more, those in the middle are counted together, with the
/// first of them as the example. One-byte segments would otherwise cost eighty bytes each.
const ALONE: usize = 4;

/// A segment of which bytes wait, or some that share a fate.
#[derive(Clone, Copy, Debug)]
struct Ticket {
    carrier: Carrier,
    /// How many pieces, messages and callers hold on to it.
    holders: u32,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Verdict {
    is_used: bool,
    skip: Option<Skip>,
}

impl Verdict {
    /// What it comes to. A segment without captured bytes brought nothing.
    fn outcome(self) -> Result<(), Skip> {
        match self.is_used {
            true => Ok(()),
            false => Err(self.skip.unwrap_or(Skip::TcpNoData)),
        }
    }
}

/// The tickets of a cell.
#[derive(Debug)]
pub(super) struct Tickets {
    slots: Vec<Ticket>,
    free: Vec<u32>,
    /// What was decided of segments that had waited, and is not fetched yet.
    pub(super) decided: Vec<Decided>,
    /// The segment that has just come: what is known of it, and its ticket, if it has one.
    own: Verdict,
    own_ticket: u32,
    /// Whose bytes are being read.
    current: u32,
    /// Of tickets for several segments all of them, if each is to be told. What is charged does not depend on it.
    traced: Option<HashMap<u32, Vec<(u64, Volume)>>>,
}

impl Default for Tickets {
    fn default() -> Self {
        Tickets {
            slots: Vec::new(),
            free: Vec::new(),
            decided: Vec::new(),
            own: Verdict::default(),
            own_ticket: OWN,
            current: OWN,
            traced: None,
        }
    }
}

impl Tickets {
    /// From now on each segment is told by itself when it is decided.
    pub(super) fn trace(&mut self) {
        self.traced.get_or_insert_default();
    }

    /// A segment has come.
    #[inline]
    pub(super) fn begin(&mut self) {
        (self.own, self.own_ticket, self.current) = (Verdict::default(), OWN, OWN);
    }

    /// All that came of the segment at once has come. Gives what became of it, if that is decided.
    #[inline]
    pub(super) fn end(&mut self) -> Option<Result<(), Skip>> {
        match self.own_ticket {
            OWN => Some(self.own.outcome()),
            ticket => self.let_go(ticket).map(|ticket| ticket.verdict.outcome()),
        }
    }

    /// From now on bytes of the holder of this ticket are read. Gives whose were before.
    pub(super) fn turn_to(&mut self, ticket: u32) -> u32 {
        std::mem::replace(&mut self.current, ticket)
    }

    /// The packets whose bytes are being read.
    #[inline]
    pub(super) fn carrier<'a>(&'a self, own: &'a Carrier) -> &'a Carrier {
        self.slots.get(self.current as usize).map_or(own, |ticket| &ticket.carrier)
    }

    /// A message got bytes that are being read.
    #[inline]
    pub(super) fn used(&mut self) {
        self.verdict().is_used = true;
    }

    /// Bytes that are being read are lost.
    pub(super) fn lost(&mut self, skip: Skip) {
        self.verdict().skip.get_or_insert(skip);
    }

    #[inline]
    fn verdict(&mut self) -> &mut Verdict {
        let ticket = if self.current == OWN { self.own_ticket } else { self.current };
        match self.slots.get_mut(ticket as usize) {
            Some(ticket) => &mut ticket.verdict,
            None => &mut self.own,
        }
    }

    /// Bytes that are being read have to wait: whoever keeps them holds on to this ticket.
    pub(super) fn hold(&mut self, own: &Carrier) -> u32 {
        if self.current == OWN && self.own_ticket == OWN {
            let ticket = Ticket { carrier: *own, holders: 1, verdict: self.own };
            self.own_ticket = match self.free.pop() {
                Some(slot) => {
                    self.slots[slot as usize] = ticket;
                    slot
                }
                None => {
                    self.slots.push(ticket);
                    self.slots.len() as u32 - 1
                }
            };
        }
        let ticket = if self.current == OWN { self.own_ticket } else { self.current };
        self.slots[ticket as usize].holders += 1;
        ticket
    }

    /// Adds those being read to the segments of a message.
    pub(super) fn join(&mut self, segments: &mut Vec<u32>, own: &Carrier) {
        let ticket = self.hold(own);
        if segments.last() == Some(&ticket) {
            self.release(ticket);
            return;
        }
        if let Some(&[.., first, second]) = segments.get(ALONE..)
            && self.is_alone(first)
            && self.is_alone(second)
        {
            segments.pop();
            self.merge(first, second);
        }
        segments.push(ticket);
    }

    /// Counts the segment of the second ticket with those of the first.
    fn merge(&mut self, first: u32, second: u32) {
        let [into, from] = [first, second].map(|ticket| self.slots[ticket as usize].carrier);
        if let Some(traced) = &mut self.traced {
            let all = traced.entry(first).or_insert_with(|| vec![(into.position, into.volume)]);
            all.push((from.position, from.volume));
        }
        self.slots[first as usize].carrier.volume.merge(&from.volume);
        self.free.push(second);
    }

    /// Whether nothing is known of it but that one message waits for it.
    fn is_alone(&self, ticket: u32) -> bool {
        let ticket = &self.slots[ticket as usize];
        ticket.holders == 1 && ticket.verdict == Verdict::default()
    }

    /// These segments were parts of a message.
    pub(super) fn use_all(&mut self, segments: &mut Vec<u32>) {
        for ticket in segments.drain(..) {
            self.slots[ticket as usize].verdict.is_used = true;
            self.release(ticket);
        }
    }

    /// Bytes of these segments are lost.
    pub(super) fn lose_all(&mut self, segments: &mut Vec<u32>, skip: Skip) {
        for ticket in segments.drain(..) {
            self.lose(ticket, skip);
        }
    }

    /// Bytes that somebody kept are lost.
    pub(super) fn lose(&mut self, ticket: u32, skip: Skip) {
        self.slots[ticket as usize].verdict.skip.get_or_insert(skip);
        self.release(ticket);
    }

    /// Whoever kept bytes has handed them on.
    pub(super) fn release(&mut self, ticket: u32) {
        if let Some(Ticket { carrier, verdict, .. }) = self.let_go(ticket) {
            let (alone, outcome) = ([(carrier.position, carrier.volume)], verdict.outcome());
            let all = self.traced.as_mut().and_then(|traced| traced.remove(&ticket));
            let all = all.as_deref().unwrap_or(&alone).iter();
            self.decided.extend(all.map(|&(position, volume)| Decided { position, volume, outcome }));
        }
    }

    /// One holder less. Gives the ticket back if it was the last.
    fn let_go(&mut self, ticket: u32) -> Option<Ticket> {
        let slot = &mut self.slots[ticket as usize];
        slot.holders -= 1;
        let gone = (slot.holders == 0).then_some(*slot)?;
        self.free.push(ticket);
        Some(gone)
    }

    /// How many segments wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
