//! Where the window of streams is enforced: the captured bytes of TCP segments, summed up over the capture.
//!
//! The sum is over all shards, so none of them can tell; and chunks are decoded out of order, so it is taken when all before
//! are known. Nearly always that is one addition for a chunk. Only in a chunk where the sum reaches another multiple of
//! [`Limits::sweep_stream_bytes`] the segments are looked at one by one, and all shards are told the place.

use crate::limits::Limits;
use crate::stream::Moment;
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
        let bytes: u64 = parts.iter().flatten().map(|part| part.segments.payload_bytes()).sum();
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
        let mut segments: Vec<(Moment, u64)> =
            parts.iter().flatten().flat_map(|part| part.segments.payloads()).collect();
        segments.sort_by_key(|(moment, _)| moment.position);
        // A packet has one segment at most.
        segments.iter().filter_map(|(moment, bytes)| self.add(moment, *bytes)).collect()
    }

    /// Adds a segment. If the sum reaches a multiple, and something has left the window, gives the closing behind its packet.
    fn add(&mut self, moment: &Moment, bytes: u64) -> Option<Closing> {
        let before = self.multiple(self.sum);
        self.sum += bytes;
        let now = self.multiple(self.sum);
        if now == before {
            return None;
        }
        self.reached.push_back((now, moment.position));
        while self.reached.front().is_some_and(|(then, _)| now - then > self.window_bytes) {
            self.reached.pop_front();
        }
        let &(_, oldest) = self.reached.front()?;
        (oldest > 0).then_some(Closing { position: moment.position, clock_ns: moment.after_ns, oldest })
    }
}
