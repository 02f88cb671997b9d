//! The thread that empties the ring of one queue.
//!
//! It copies packets into batches, and gives their frames back to the kernel. Where the queue to the engine is full it waits:
//! packets stay in the ring, and once all frames are there the kernel drops what comes, and counts.

use super::program::{MARK, METADATA_BYTES};
use super::sys::Packets;
use crate::live::{Count, Inlet};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Packets that are looked for together: so many share a time, where the driver has no room for theirs.
const PACKETS_TOGETHER: u32 = 256;
/// How long one wait lasts where nothing comes; after that it is looked whether all is over.
const WAIT: Duration = Duration::from_millis(40);
/// How long one wait for the engine lasts.
const WAIT_FOR_ROOM: Duration = Duration::from_millis(20);
/// How long the engine has for the last packets. What it has not taken by then is dropped.
const LAST: Duration = Duration::from_millis(100);
/// How long packets gather before they are looked for again: being woken for each turn of the driver, which is 64 packets, costs
/// more than the packets. Only where they are dated already. The smallest ring of use, 4 MiB, has room for 500,000 a second.
const PAUSE: Duration = Duration::from_millis(4);
/// How often packets go to the engine, where there are always more.
const HAND_OVER: Duration = Duration::from_millis(20);
/// How often the kernel is asked what it dropped.
const COUNT: Duration = Duration::from_secs(1);
const ETHERNET: u16 = 1;

/// What the threads of a session tell each other.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// The interface has gone.
    pub gone: AtomicBool,
    /// No more packets will come into the rings.
    pub over: AtomicBool,
}

pub(super) struct Reader<'a> {
    packets: Packets,
    inlet: Inlet,
    signs: &'a Signs,
    next_count: Instant,
    next_hand_over: Instant,
    /// Whether the program had room for the time of the last packet.
    is_dated: bool,
    /// Whether packets have had time to gather since the last ones.
    has_paused: bool,
    /// When the last packets are given up.
    end: Option<Instant>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(packets: Packets, inlet: Inlet, signs: &'a Signs) -> Reader<'a> {
        let now = Instant::now();
        let (next_count, next_hand_over) = (now + COUNT, now + HAND_OVER);
        Reader {
            packets,
            inlet,
            signs,
            next_count,
            next_hand_over,
            is_dated: false,
            has_paused: true,
            end: None,
        }
    }

    /// Reads until all is over, and nothing is left.
    pub(super) fn run(mut self) {
        loop {
            // Asked before the ring is: what came before it was said is still taken.
            let is_over = self.signs.over.load(Ordering::Acquire);
            let received = self.receive();
            self.tick();
            if received > 0 {
                self.has_paused = !self.is_dated;
                self.wake();
            } else if is_over {
                break;
            } else {
                self.rest();
            }
        }
        self.hand_over();
        self.count_lost();
    }

    /// Takes some of the packets that are there. Gives how many.
    fn receive(&mut self) -> u32 {
        let Reader { packets, inlet, .. } = self;
        let clock = Clock::read();
        let (mut is_full, mut is_dated) = (false, self.is_dated);
        let received = packets.receive(PACKETS_TOGETHER, METADATA_BYTES, |bytes| {
            let (metadata, packet) = bytes.split_at_mut(METADATA_BYTES);
            let time_ns = clock.time_of(metadata);
            is_dated = time_ns.is_some();
            is_full = inlet
                .push(time_ns.unwrap_or(clock.utc_ns), ETHERNET, |to| to.extend_from_slice(packet))
                .is_err();
            !is_full
        });
        self.is_dated = is_dated;
        if is_full {
            self.hand_over();
        }
        received
    }

    /// Some drivers sleep until somebody waits.
    fn wake(&self) {
        if self.packets.must_wake() {
            self.packets.wait(Duration::ZERO);
        }
    }

    /// Nothing is at hand: what there is goes to the engine, and more is waited for.
    fn rest(&mut self) {
        if !self.has_paused {
            self.has_paused = true;
            return std::thread::sleep(PAUSE);
        }
        // If there is no room now, it waits for the next packets, or the next time.
        let _ = self.inlet.hand_over();
        if !self.packets.wait(WAIT) {
            self.signs.gone.store(true, Ordering::Release);
            // Until the session has heard it, there is nothing to wait for.
            std::thread::sleep(WAIT / 10);
        }
    }

    /// Waits until the engine has room; at the end of all the batch is dropped.
    fn hand_over(&mut self) {
        while self.inlet.hand_over().is_err() {
            let now = Instant::now();
            let is_ending = self.inlet.is_stopping() || self.signs.over.load(Ordering::Acquire);
            if is_ending && now >= *self.end.get_or_insert(now + LAST) {
                return self.inlet.drop_batch();
            }
            self.inlet.wait_for_room(now + WAIT_FOR_ROOM);
            self.tick();
        }
    }

    /// What is done now and then.
    fn tick(&mut self) {
        let now = Instant::now();
        if now >= self.next_hand_over {
            self.next_hand_over = now + HAND_OVER;
            let _ = self.inlet.hand_over();
        }
        if now >= self.next_count {
            self.next_count = now + COUNT;
            self.count_lost();
        }
    }

    fn count_lost(&mut self) {
        let lost = self.packets.take_lost();
        self.inlet.counts().add(Count::DroppedByKernel, lost);
    }
}

/// The clock of the system beside the one that the program reads, which nobody sets.
#[derive(Clone, Copy, Debug)]
struct Clock {
    utc_ns: i64,
    monotonic_ns: i64,
}

impl Clock {
    fn read() -> Clock {
        let before_ns = now_ns(ClockId::Monotonic);
        let utc_ns = now_ns(ClockId::Realtime);
        let after_ns = now_ns(ClockId::Monotonic);
        Clock { utc_ns, monotonic_ns: before_ns + (after_ns - before_ns) / 2 }
    }

    /// The time that the program put before a packet, in ns since 1970. It is taken away, so that nobody finds it there again
    /// when the frame has another packet.
    fn time_of(&self, metadata: &mut [u8]) -> Option<i64> {
        let number = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("eight bytes"));
        let (stamp, mark) = metadata.split_at_mut(8);
        let is_there = number(mark) == MARK;
        mark.fill(0);
        let age_ns = i64::try_from(number(stamp)).ok().map(|stamp_ns| self.monotonic_ns - stamp_ns);
        // What came after this reading of the clocks is a little younger.
        age_ns.filter(|_| is_there).map(|age_ns| self.utc_ns - age_ns)
    }
}

fn now_ns(clock: ClockId) -> i64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
    tv_sec * 1_000_000_000 + tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stamp: u64, mark: u64, expected: Option<i64>) {
        let clock = Clock { utc_ns: 1_000_000, monotonic_ns: 500 };
        let mut metadata = [stamp.to_ne_bytes(), mark.to_ne_bytes()].concat();
        assert_eq!(clock.time_of(&mut metadata), expected);
        assert_eq!(clock.time_of(&mut metadata), None, "a time is good for one packet");
    }

    #[test]
    fn a_time_of_the_kernel_is_told_in_utc() {
        check(500, MARK, Some(1_000_000));
        check(480, MARK, Some(999_980));
        check(510, MARK, Some(1_000_010));
    }

    #[test]
    fn without_a_mark_there_is_no_time() {
        check(480, 0, None);
        check(480, MARK ^ 1, None);
        check(u64::MAX, MARK, None);
    }
}
