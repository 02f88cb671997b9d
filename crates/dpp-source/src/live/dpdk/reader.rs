//! The thread that empties a queue of a port.
//!
//! DPDK wakes nobody: a queue is asked again and again. Where nothing has come for a while the thread rests between two
//! questions, and the device's descriptors cover that. Where the queue to the engine is full it waits with a burst in its
//! hands: descriptors run out behind it, and the device drops and counts.

use super::look::may_be_dns;
use super::sys::{HAS_OUTER_TAG, HAS_TAG, HAS_TIME, Known, Packet, Receiver};
use super::{Poll, Settings};
use crate::live::{Count, Inlet, now_ns};
use dpp::plan::Ports;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Questions without an answer before the thread rests: some hundred nanoseconds, in which a busy port has the next packet.
const EMPTY_MAX: u32 = 16;
/// How long a rest is. The kernel makes some 100 us of it, in which ten million packets a second bring 1000.
const REST: Duration = Duration::from_micros(50);
/// How long one wait for the engine lasts.
const WAIT_FOR_ROOM: Duration = Duration::from_millis(20);
/// How often the device is asked what it lost.
const TICK: Duration = Duration::from_secs(1);
/// How long the queue is emptied after the source was told to end. What the engine has not taken by then is dropped.
const LAST: Duration = Duration::from_millis(150);

/// The linktype of all that devices give.
pub(super) const ETHERNET: u16 = 1;
/// The addresses of an Ethernet header, behind which tags stand.
const ADDRESSES: usize = 12;
/// The types of a tag that is alone or within another, and of an outer one. Devices do not tell what was there.
const TAG: u16 = 0x8100;
const OUTER_TAG: u16 = 0x88A8;

pub(super) struct Reader {
    pub receiver: Receiver,
    pub settings: Arc<Settings>,
    /// What the device's time is counted in, ns since 1970 UTC for each; `None` if its packets are dated here.
    pub unit_ns: Option<i64>,
    /// What the device had lost before, if this one counts that for all queues.
    pub lost: Option<(u64, u64)>,
    pub inlet: Inlet,
    /// When it has to be over, once that is known.
    pub end: Option<Instant>,
}

impl Reader {
    /// Reads until the source is to end.
    pub(super) fn run(mut self) {
        let _known = Known::new();
        let mut next_tick = Instant::now() + TICK;
        let mut empty = 0;
        while !self.inlet.is_stopping() {
            empty = if self.take_burst() { 0 } else { empty + 1 };
            if empty == EMPTY_MAX {
                empty = 0;
                self.rest();
            }
            // Not at each empty question, for the clock takes as long as that.
            if empty == 0 && Instant::now() >= next_tick {
                next_tick += TICK;
                self.count_lost();
            }
        }
        self.finish();
    }

    /// Nothing is at hand: what there is goes to the engine.
    fn rest(&mut self) {
        // If there is no room now, it waits for the next packets, or the next time.
        let _ = self.inlet.hand_over();
        match self.settings.poll {
            Poll::Idle => thread::sleep(REST),
            Poll::Busy => std::hint::spin_loop(),
        }
    }

    /// Takes what came before the end.
    fn finish(mut self) {
        let end = *self.end.get_or_insert_with(|| Instant::now() + LAST);
        while Instant::now() < end && self.take_burst() {}
        wait_for_room(&mut self.inlet, &mut self.end);
        self.count_lost();
    }

    /// Takes the packets that are there; `false` if there are none.
    fn take_burst(&mut self) -> bool {
        let Reader { receiver, settings, unit_ns, inlet, end, .. } = self;
        let burst = receiver.receive();
        if burst.len() == 0 {
            return false;
        }
        let now_ns = now_ns();
        let mut others = 0;
        for packet in burst.packets() {
            if !is_wanted(packet, &settings.ports) {
                others += 1;
                continue;
            }
            let said_ns = device_ns(packet, *unit_ns).unwrap_or(now_ns);
            if inlet.push_said(said_ns, now_ns, ETHERNET, |bytes| write(packet, bytes)).is_err() {
                wait_for_room(inlet, end);
            }
        }
        inlet.counts().add(Count::OtherTraffic, others);
        true
    }

    fn count_lost(&mut self) {
        let Some((missed_before, damaged_before)) = &mut self.lost else { return };
        let Some((missed, damaged)) = self.receiver.lost() else { return };
        // A counter that was set back counts from 0.
        let more = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
        self.inlet.counts().add(Count::DroppedByDevice, more(missed, *missed_before));
        self.inlet.counts().add(Count::DamagedAtDevice, more(damaged, *damaged_before));
        (*missed_before, *damaged_before) = (missed, damaged);
    }
}

/// Waits until the batch can be handed over; at the end of all it is dropped.
fn wait_for_room(inlet: &mut Inlet, end: &mut Option<Instant>) {
    while inlet.hand_over().is_err() {
        let now = Instant::now();
        if inlet.is_stopping() && now >= *end.get_or_insert(now + LAST) {
            return inlet.drop_batch();
        }
        inlet.wait_for_room(now + WAIT_FOR_ROOM);
    }
}

fn device_ns(packet: Packet, unit_ns: Option<i64>) -> Option<i64> {
    let unit_ns = unit_ns.filter(|_| packet.flags() & HAS_TIME != 0)?;
    i64::try_from(packet.time()).ok()?.checked_mul(unit_ns)
}

/// A packet in several pieces is long, and rare: the engine looks.
#[inline]
fn is_wanted(packet: Packet, ports: &Ports) -> bool {
    !packet.is_in_one_piece() || may_be_dns(packet.first(), ports)
}

/// Appends the packet as it was on the wire.
#[inline]
fn write(packet: Packet, bytes: &mut Vec<u8>) {
    match packet.flags() & (HAS_TAG | HAS_OUTER_TAG) {
        0 => bytes.extend_from_slice(packet.first()),
        flags => write_tagged(packet.first(), flags, packet.tags(), bytes),
    }
    if !packet.is_in_one_piece() {
        packet.rest().for_each(|piece| bytes.extend_from_slice(piece));
    }
}

/// Puts tags back that the device took out. A packet too short for them stays as it is.
fn write_tagged(first: &[u8], flags: u16, (tag, outer_tag): (u16, u16), bytes: &mut Vec<u8>) {
    let Some((addresses, rest)) = first.split_at_checked(ADDRESSES) else {
        return bytes.extend_from_slice(first);
    };
    bytes.extend_from_slice(addresses);
    for (flag, number, tag) in [(HAS_OUTER_TAG, OUTER_TAG, outer_tag), (HAS_TAG, TAG, tag)] {
        if flags & flag != 0 {
            bytes.extend_from_slice(&number.to_be_bytes());
            bytes.extend_from_slice(&tag.to_be_bytes());
        }
    }
    bytes.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(first: &[u8], flags: u16, expected: &[u8]) {
        let mut bytes = Vec::new();
        write_tagged(first, flags, (0x2005, 6), &mut bytes);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn tags_that_were_taken_out_are_put_back_behind_the_addresses() {
        check(b"destinsource08", HAS_TAG, b"destinsource\x81\x00\x20\x0508");
        check(b"destinsource08", HAS_TAG | HAS_OUTER_TAG, b"destinsource\x88\xa8\x00\x06\x81\x00\x20\x0508");
        check(b"short", HAS_TAG, b"short");
    }
}
