//! IP fragments: one cell puts datagrams together.
//!
//! Nobody can know what a receiver took when fragments disagree, so a datagram is whole only if each byte came once. The
//! decoder hands every fragment to a cell's [`Reassembler`], in capture order; the one that completes a datagram gives a
//! [`Whole`], with which the walk goes on.
//!
//! **One datagram** are the fragments with the same addresses, in this direction, identification, tunnel, and protocol (in
//! IPv6 the first fragment's counts, whatever the others say). VLAN tags do not matter.
//!
//! **Overlaps.** A fragment that was there already, the same range with the same bytes, is dropped alone
//! ([`Skip::FragmentRepeated`]); so is one of a datagram that was begun less than a second ago and is complete, as captures on
//! several interfaces have them. (Later it is another datagram: some senders give all of them the same identification.) Any other overlap gives the datagram up ([`Skip::FragmentOverlap`]): RFC 5722 wants that for IPv6, and for IPv4
//! each system decides in another way. Its later fragments are dropped too, until its time is over.
//!
//! **Lengths.** A fragment that no datagram can have is dropped alone ([`Skip::FragmentMalformed`]): no bytes, an end beyond
//! 65535, a length that is no multiple of 8 with more to follow. Two that cannot be of one datagram, because the last one
//! ends before the other or elsewhere, give it up as an overlap does. All lengths are those stated; a packet cut by the
//! snaplen leaves a hole in the bytes but completes its datagram, of which the bytes before the first hole can be read. That
//! a first fragment has all headers (RFC 7112) is not asked: those of the whole datagram are read.
//!
//! **Time** is the capture's clock. A datagram that is not whole a while after its first packet is given up
//! ([`Skip::FragmentTimeout`]). If the clock goes back behind that packet, the datagram counts as begun at the new time: it
//! waits no longer than any other, and nothing waits for a time that may never come again.
//!
//! **Bounds** are counted in datagrams and in bytes ([`FragmentLimits`]). A source (an IPv4 address, an IPv6 /64) has a
//! share of an eighth of both; beyond it, it loses its own oldest datagram. If the cell is full all the same, the oldest of
//! all goes. So up to seven sources, whatever they send, take nothing from an eighth. Against many sources, as in a flood
//! with forged addresses, nothing tells the honest one, but it has time: its datagram goes only when newer ones fill the
//! whole cell, and honest fragments follow each other closely. To refuse the newest would let one burst close the cell for
//! 30 s; to take from the largest would let forgers with one small datagram each drive out everybody else. What is lost so is
//! counted ([`Skip::FragmentEvicted`]), as is a datagram in more pieces than any real link makes.

mod buffers;
mod datagram;
mod key;
#[cfg(test)]
mod tests;
mod waiting;

pub use key::Key;

use crate::limits::{FragmentLimits, RECENT_BYTES_MAX, RECENT_DATAGRAMS, RECENT_NS};
use crate::packet::{Addresses, Fragment, Skip, Skips, Volume, Walk};
use crate::stream::Moment;
use crate::stream::steps::steps;
use buffers::Buffers;
use datagram::{Datagram, Extent, Verdict, captured};
use key::Family;
use std::collections::VecDeque;
use waiting::{Slot, Waiting};

/// One cell of the reassembly.
#[derive(Debug)]
pub struct Reassembler {
    /// What became of datagrams.
    pub counts: Fragments,
    /// The fragments that are in no whole datagram, by reason.
    pub skips: Skips,
    limits: FragmentLimits,
    clock_ns: i64,
    waiting: Waiting,
    /// The datagrams last completed, the newest at the end.
    recent: VecDeque<Datagram>,
    buffers: Buffers,
}

/// A datagram all of whose fragments are there.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    /// What its fragment at offset 0 said: addresses, protocol, what lay around it. It has no payload.
    pub first: Fragment<'a>,
    /// The outermost addresses of that fragment's packet.
    pub outermost: Addresses<'a>,
    /// Its payload, up to the first byte that was not captured.
    pub payload: &'a [u8],
    /// The payload's length as stated; more than `payload` if the snaplen cut one of its packets.
    pub length: usize,
    /// All its packets.
    pub volume: Volume,
    /// The position of the packet it began with.
    pub first_position: u64,
}

impl<'a> Whole<'a> {
    /// The walk goes on into the payload.
    ///
    /// # Errors
    /// A [`Skip`] if nothing is known of what the datagram carries.
    pub fn walk(&self) -> Result<Walk<'a>, Skip> {
        Walk::resume(&self.first, self.outermost, self.payload, self.length)
    }
}

/// What became of fragmented datagrams. `begun` is the sum of the others and of those that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fragments {
    /// Datagrams of which a fragment was seen.
    pub begun: u64,
    /// Datagrams put together.
    pub completed: u64,
    /// Datagrams whose fragments contradicted or overlapped each other.
    pub conflicting: u64,
    /// Datagrams that were not complete in time.
    pub timed_out: u64,
    /// Datagrams given up at a bound.
    pub evicted: u64,
    /// Datagrams that were not complete when the capture ended.
    pub incomplete: u64,
}

impl Fragments {
    /// Adds another count.
    pub fn merge(&mut self, other: &Fragments) {
        self.begun += other.begun;
        self.completed += other.completed;
        self.conflicting += other.conflicting;
        self.timed_out += other.timed_out;
        self.evicted += other.evicted;
        self.incomplete += other.incomplete;
    }

    /// One more datagram was given up for this reason.
    fn give_up(&mut self, reason: Skip) {
        *match reason {
            Skip::FragmentTimeout => &mut self.timed_out,
            Skip::FragmentEvicted => &mut self.evicted,
            Skip::FragmentIncomplete => &mut self.incomplete,
            _ => &mut self.conflicting,
        } += 1;
    }
}

impl Reassembler {
    /// A cell in which nothing waits.
    pub fn new(limits: &FragmentLimits) -> Self {
        Reassembler {
            counts: Fragments::default(),
            skips: Skips::default(),
            limits: *limits,
            clock_ns: i64::MIN,
            waiting: Waiting::default(),
            recent: VecDeque::with_capacity(RECENT_DATAGRAMS + 1),
            buffers: Buffers::default(),
        }
    }

    /// Takes a fragment from inside `outermost`, seen at `moment`. `volume` is what it stands for: one packet with its
    /// captured bytes, or all packets of the datagram that it lay in. Gives the datagram that it completed.
    pub fn take(
        &mut self,
        fragment: &Fragment,
        outermost: Addresses,
        moment: &Moment,
        volume: Volume,
    ) -> Option<Whole<'_>> {
        self.forget_large();
        self.advance(moment.after_ns);
        let (slot, extent) = match self.place(fragment, moment) {
            Ok(found) => found,
            Err(reason) => {
                self.skips.add_all(reason, moment.position, &volume);
                return None;
            }
        };
        let datagram = self.waiting.datagram_mut(slot);
        datagram.put(&extent, fragment, outermost, &volume, &mut self.buffers);
        datagram.is_whole().then(|| self.complete(slot))
    }

    /// The input has ended: what still waits is never completed.
    pub fn finish(&mut self) {
        while let Some(slot) = self.waiting.oldest() {
            self.remove(slot, Skip::FragmentIncomplete);
        }
    }

    /// The packets that wait.
    pub fn waiting(&self) -> Volume {
        let mut waiting = Volume::default();
        self.waiting.datagrams().for_each(|datagram| waiting.merge(&datagram.volume));
        waiting
    }

    /// Finds the datagram that the fragment is to be put to, and makes room for it there.
    fn place(&mut self, fragment: &Fragment, moment: &Moment) -> Result<(Slot, Extent), Skip> {
        let extent = Extent::of(fragment).ok_or(Skip::FragmentMalformed)?;
        let (key, payload) = (Key::of(fragment), captured(fragment));
        let slot = match self.waiting.find(&key) {
            Some(slot) => slot,
            None if self.was_completed(&key, &extent, payload) => return Err(Skip::FragmentRepeated),
            None => {
                self.counts.begun += 1;
                self.waiting.begin(Datagram::new(key, moment.position, moment.after_ns))
            }
        };
        let datagram = self.waiting.datagram(slot);
        if let Some(reason) = datagram.given_up {
            return Err(reason);
        }
        let verdict = match datagram.judge(&extent, payload) {
            Verdict::New if datagram.pieces() == self.limits.pieces => {
                Verdict::Against(Skip::FragmentEvicted)
            }
            verdict => verdict,
        };
        match verdict {
            Verdict::New => self.make_room(slot, payload).map(|()| (slot, extent)),
            Verdict::Repeated => Err(Skip::FragmentRepeated),
            Verdict::Against(reason) => {
                self.give_up(slot, reason);
                Err(reason)
            }
        }
    }

    /// Charges the datagram for the piece to come. Others go for it, or the datagram itself if it is the oldest.
    fn make_room(&mut self, slot: Slot, payload: &[u8]) -> Result<(), Skip> {
        let datagram = self.waiting.datagram(slot);
        let (before, after) = (datagram.charge(), datagram.charge_with(payload));
        while let Some(old) = self.waiting.in_the_way(slot, after - before, &self.limits) {
            self.remove(old, Skip::FragmentEvicted);
            if old == slot {
                return Err(Skip::FragmentEvicted);
            }
        }
        self.waiting.charge(slot, before, after);
        Ok(())
    }

    fn complete(&mut self, slot: Slot) -> Whole<'_> {
        let mut datagram = self.waiting.remove(slot);
        self.counts.completed += 1;
        if self.recent.len() == RECENT_DATAGRAMS
            && let Some(oldest) = self.recent.pop_front()
        {
            self.buffers.give_back(oldest.buffer);
        }
        let readable = datagram.assemble(&mut self.buffers);
        self.recent.push_back(datagram);
        let datagram = self.recent.back().expect("one was added");
        let (first, outermost) = datagram.first().expect("a whole datagram has a fragment at offset 0");
        Whole {
            first,
            outermost,
            payload: &datagram.buffer[..readable],
            length: datagram.length(),
            volume: datagram.volume,
            first_position: datagram.first_position,
        }
    }

    /// Whether this very fragment is of a datagram that was completed not long ago.
    fn was_completed(&self, key: &Key, extent: &Extent, payload: &[u8]) -> bool {
        self.recent.iter().any(|datagram| {
            datagram.key == *key
                && self.clock_ns.saturating_sub(datagram.since_ns) <= RECENT_NS
                && datagram.repeats(extent, payload)
        })
    }

    /// The datagram completed last could be lent to the caller, but not be kept if it is large.
    fn forget_large(&mut self) {
        if let Some(large) = self.recent.pop_back_if(|last| last.length() > RECENT_BYTES_MAX) {
            self.buffers.give_back(large.buffer);
        }
    }

    /// Sets the clock, and gives up what is due.
    fn advance(&mut self, clock_ns: i64) {
        if clock_ns < self.clock_ns {
            steps(self.waiting.places());
            let all = self.waiting.datagrams_mut().chain(&mut self.recent);
            all.for_each(|datagram| datagram.since_ns = datagram.since_ns.min(clock_ns));
        }
        self.clock_ns = clock_ns;
        for family in [Family::V4, Family::V6] {
            while let Some(slot) = self.waiting.oldest_of(family).filter(|&slot| self.is_due(slot, family)) {
                self.remove(slot, Skip::FragmentTimeout);
            }
        }
    }

    fn is_due(&self, slot: Slot, family: Family) -> bool {
        self.clock_ns.saturating_sub(self.waiting.datagram(slot).since_ns) > self.timeout_ns(family)
    }

    fn timeout_ns(&self, family: Family) -> i64 {
        match family {
            Family::V4 => self.limits.v4_timeout_ns,
            Family::V6 => self.limits.v6_timeout_ns,
        }
    }

    /// Drops the fragments of a datagram, and those to come.
    fn give_up(&mut self, slot: Slot, reason: Skip) {
        let before = self.waiting.datagram(slot).charge();
        let datagram = self.waiting.datagram_mut(slot);
        let position = datagram.first_position;
        let volume = datagram.give_up(reason, &mut self.buffers);
        self.waiting.charge(slot, before, 0);
        self.count(reason, position, &volume);
    }

    /// Drops a datagram altogether. If it was given up before, it has been counted.
    fn remove(&mut self, slot: Slot, reason: Skip) {
        steps(1);
        let datagram = self.waiting.remove(slot);
        self.buffers.give_back(datagram.buffer);
        if datagram.given_up.is_none() {
            self.count(reason, datagram.first_position, &datagram.volume);
        }
    }

    fn count(&mut self, reason: Skip, position: u64, volume: &Volume) {
        self.counts.give_up(reason);
        if volume.packets > 0 {
            self.skips.add_all(reason, position, volume);
        }
    }
}
