//! Messages that were captured twice, as on a mirror port that sees a packet come and go.
//!
//! Two packets are one if addresses, ports, the IPv4 identification and the payload are the same and their timestamps at
//! most the window apart; what is counted on the way (hop limit) or added to it (tags) does not matter. A client that asks
//! again sends a new IPv4 identification, or waits longer than a mirror does.

use super::event::Arrival;
use std::collections::{HashMap, VecDeque};

/// What was seen within the window.
#[derive(Debug)]
pub(super) struct Duplicates {
    window_ns: i64,
    window_packets: u64,
    seen: HashMap<u128, Seen>,
    /// In the order they came.
    queue: VecDeque<(u128, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    time_ns: i64,
    /// Forgotten when the clock is past this.
    due_ns: i64,
    position: u64,
}

impl Duplicates {
    pub(super) fn new(window_ns: i64, window_packets: u64) -> Self {
        Duplicates { window_ns, window_packets, seen: HashMap::new(), queue: VecDeque::new() }
    }

    /// Whether this message was seen before, within the window. If not, it is remembered.
    pub(super) fn is_one(&mut self, digest: u128, arrival: &Arrival, position: u64) -> bool {
        self.forget(arrival.before_ns, position);
        let due_ns = arrival.after_ns.saturating_add(self.window_ns);
        let here = Seen { time_ns: arrival.time_ns, due_ns, position };
        let seen = self
            .seen
            .get(&digest)
            .filter(|seen| !seen.is_due(arrival.before_ns, position, self.window_packets));
        if seen.is_some_and(|seen| seen.time_ns.abs_diff(here.time_ns) <= self.window_ns as u64) {
            return true;
        }
        self.seen.insert(digest, here);
        self.queue.push_back((digest, position));
        false
    }

    /// Forgets what is due at the front of the queue: what is due behind it can wait.
    fn forget(&mut self, clock_ns: i64, position: u64) {
        while let Some(&(digest, from)) = self.queue.front() {
            match self.seen.get(&digest).filter(|seen| seen.position == from) {
                Some(seen) if !seen.is_due(clock_ns, position, self.window_packets) => break,
                Some(_) => drop(self.seen.remove(&digest)),
                None => {}
            }
            self.queue.pop_front();
        }
    }

    /// Forgets everything that is due.
    pub(super) fn sweep(&mut self, clock_ns: i64, position: u64) {
        let window_packets = self.window_packets;
        self.seen.retain(|_, seen| !seen.is_due(clock_ns, position, window_packets));
    }
}

impl Seen {
    fn is_due(&self, clock_ns: i64, position: u64, window_packets: u64) -> bool {
        clock_ns > self.due_ns || position - self.position > window_packets
    }
}
