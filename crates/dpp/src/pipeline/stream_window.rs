//! Where the window of streams is enforced: the captured bytes of TCP segments, summed up over the capture, and of messages
//! that are kept for columns.
//!
//! The sum is over all shards, so none of them can tell; and chunks are decoded out of order, so it is taken when all before
//! are known. Nearly always that is one addition for a chunk. Only in a chunk where the sum reaches another multiple of
//! [`Limits::sweep_stream_bytes`] the segments are looked at one by one, and all shards are told the place.

use crate::limits::{KEPT_PER_STREAM_BYTE, Limits};
use crate::transaction::{Closing, Part};
use std::collections::VecDeque;

pub(super) struct StreamWindow {
    window_bytes: u64,
    sweep_bytes: u64,
    /// Bytes of all segments so far.
    sum: u64,
    /// Where the sum reached a multiple: that, and the packet's position. As many as the window has, and the last before it.
    reached: VecDeque<(u64, u64)>,
}

impl StreamWindow {
    pub(super) fn new(limits: &Limits) -> Self {
        StreamWindow {
            window_bytes: limits.window_stream_bytes,
            sweep_bytes: limits.sweep_stream_bytes,
            sum: 0,
            reached: VecDeque::from([(0, 0)]),
        }
    }

    /// Adds the segments of the next chunk, and tells its parts where they have to close what left the window.
    pub(super) fn count(&mut self, parts: &mut [Option<Part>]) {
        let bytes: u64 = parts.iter().flatten().map(weight).sum();
        if self.multiple(self.sum + bytes) == self.multiple(self.sum) {
            self.sum += bytes;
            return;
        }
        let closings = self.closings(parts);
        parts.iter_mut().flatten().for_each(|part| part.closings.clone_from(&closings));
    }

    /// The greatest multiple that a sum has reached.
    fn multiple(&self, sum: u64) -> u64 {
        sum - sum.checked_rem(self.sweep_bytes).unwrap_or(sum)
    }

    #[cold]
    fn closings(&mut self, parts: &[Option<Part>]) -> Vec<Closing> {
        let mut segments: Vec<(u64, i64, u64)> = parts.iter().flatten().flat_map(weights).collect();
        segments.sort_unstable();
        segments
            .iter()
            .filter_map(|&(position, clock_ns, bytes)| self.add(position, clock_ns, bytes))
            .collect()
    }

    /// Adds the bytes of the packet at this position. If the sum reaches a multiple, and something has left the window, gives
    /// the closing behind it.
    fn add(&mut self, position: u64, clock_ns: i64, bytes: u64) -> Option<Closing> {
        let before = self.multiple(self.sum);
        self.sum += bytes;
        let now = self.multiple(self.sum);
        if now == before {
            return None;
        }
        self.reached.push_back((now, position));
        while self.reached.front().is_some_and(|(then, _)| now - then > self.window_bytes) {
            self.reached.pop_front();
        }
        let &(_, oldest) = self.reached.front()?;
        (oldest > 0).then_some(Closing { position, clock_ns, oldest })
    }
}

/// What a part counts for: the sum of [`weights`].
fn weight(part: &Part) -> u64 {
    let kept: u64 = part.facts.iter().map(|facts| kept_weight(facts.own.captured)).sum();
    part.segments.payload_bytes() + kept
}

/// The packets that count: position, the clock after it, and bytes.
fn weights(part: &Part) -> impl Iterator<Item = (u64, i64, u64)> + '_ {
    let segments = part.segments.payloads().map(|(moment, bytes)| (moment.position, moment.after_ns, bytes));
    let messages = part
        .events
        .iter()
        .zip(&part.facts)
        .map(|(event, facts)| (part.position(event), event.after_ns, kept_weight(facts.own.captured)));
    segments.chain(messages.filter(|&(_, _, bytes)| bytes > 0))
}

fn kept_weight(length: u32) -> u64 {
    u64::from(length) / KEPT_PER_STREAM_BYTE
}
