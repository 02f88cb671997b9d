//! [`Feed`]: the batches of all live sources as chunks, at the pace of time.
//!
//! A chunk is complete when it has enough bytes, or when rows are due: they should come soon also where there is little traffic,
//! and no output should hold them back then ([`Chunk::is_due`]). Where nothing comes at all, the engine hears that
//! ([`Composer::quiet`]). Here a clock of ours is only asked how much time has passed.

use super::queue::{Closed, Queue};
use dpp::capture::{CaptureRead, Chunk, Chunks, Composer, InputError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How chunks are made.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// A chunk that has so many bytes is complete.
    pub bytes: usize,
    /// So often rows are due, and the chunk at hand is complete; and after so long without packets the engine is told.
    pub interval: Duration,
    /// J in ns, as in files.
    pub jump_ns: i64,
}

/// Live sources as a capture.
#[derive(Debug)]
pub struct Feed {
    queue: Arc<Queue>,
    composer: Composer,
    pace: Pace,
    /// When the last packet came.
    last: Instant,
    /// When rows are due next.
    due: Instant,
}

impl Feed {
    /// The capture of all sources that put packets into this queue.
    pub fn new(queue: Arc<Queue>, pace: Pace) -> Feed {
        let (now, composer) = (Instant::now(), Composer::new(pace.jump_ns));
        Feed { queue, composer, pace, last: now, due: now + pace.interval }
    }

    /// Fills a chunk that was begun until it is complete.
    fn fill(&mut self, chunk: &mut Chunk) -> Result<(), Closed> {
        while chunk.filled < self.pace.bytes {
            let Some(batch) = self.queue.take(self.due)? else { break };
            self.composer.add(chunk, &batch);
            self.queue.recycle(batch);
            self.last = Instant::now();
        }
        Ok(())
    }
}

impl Chunks for Feed {
    fn next(&mut self, mut chunk: Chunk) -> Result<Option<Chunk>, InputError> {
        self.composer.begin(&mut chunk);
        // A packet in doubt that was kept back is not new.
        let before = chunk.records.len();
        let is_closed = self.fill(&mut chunk).is_err();
        let now = Instant::now();
        let is_due = now >= self.due;
        if is_due {
            self.due = now + self.pace.interval;
        }
        // When all is over, the chunk at hand is the last; an empty one is none.
        if chunk.records.len() > before && !is_closed {
            self.composer.end(&mut chunk);
            chunk.is_due = is_due;
            return Ok(Some(chunk));
        }
        let since_ns = i64::try_from(self.last.elapsed().as_nanos()).unwrap_or(i64::MAX);
        match is_closed {
            // What is in doubt at the end is as in a file.
            true => self.composer.settle_last(&mut chunk),
            false => self.composer.quiet(&mut chunk, since_ns),
        }
        Ok((!is_closed || !chunk.records.is_empty()).then_some(chunk))
    }

    fn read(&mut self) -> CaptureRead {
        self.composer.read()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Counts, Inlet};
    use super::*;

    const PACE: Pace = Pace { bytes: 1000, interval: Duration::from_millis(1), jump_ns: 1_000_000_000 };

    fn feed(pace: Pace) -> (Feed, Inlet) {
        let queue = Queue::new(1 << 20, Arc::default());
        let inlet = queue.inlet(0, Arc::<Counts>::default());
        (Feed::new(queue, pace), inlet)
    }

    fn put(inlet: &mut Inlet, times: &[i64]) {
        for time_ns in times {
            inlet.push(*time_ns, 1, |bytes| bytes.extend_from_slice(&[0; 100])).unwrap();
        }
        inlet.hand_over().unwrap();
    }

    fn next(feed: &mut Feed) -> Option<Chunk> {
        Chunks::next(feed, Chunk::default()).expect("a feed has no errors")
    }

    #[test]
    fn a_chunk_is_complete_when_it_has_enough_bytes() {
        let (mut feed, mut inlet) = feed(Pace { interval: Duration::from_secs(600), ..PACE });
        put(&mut inlet, &[1; 6]);
        put(&mut inlet, &[2; 6]);
        put(&mut inlet, &[3; 6]);
        let full = next(&mut feed).unwrap();
        assert_eq!((full.records.len(), full.is_due), (12, false));
        drop(inlet);
        let last = next(&mut feed).unwrap();
        assert_eq!((last.records.len(), last.first_position), (6, 12));
        assert!(next(&mut feed).is_none());
        assert_eq!(feed.read().first_and_last_ns, Some((1, 3)));
    }

    #[test]
    fn a_chunk_is_complete_when_it_has_waited_long_enough() {
        let (mut feed, mut inlet) = feed(PACE);
        put(&mut inlet, &[1, 2]);
        let chunk = next(&mut feed).unwrap();
        assert_eq!((chunk.records.len(), chunk.is_due), (2, true));
    }

    #[test]
    fn where_nothing_comes_the_engine_is_told() {
        let (mut feed, mut inlet) = feed(PACE);
        put(&mut inlet, &[5]);
        assert!(!next(&mut feed).unwrap().is_quiet);
        let quiet = next(&mut feed).unwrap();
        assert!(quiet.is_quiet && quiet.is_due && quiet.records.is_empty() && quiet.live_until_ns > Some(5));
    }

    #[test]
    fn the_end_is_where_the_last_source_has_gone() {
        let (mut feed, inlet) = feed(Pace { interval: Duration::from_secs(600), ..PACE });
        drop(inlet);
        assert!(next(&mut feed).is_none());
    }

    #[test]
    fn a_packet_in_doubt_at_the_end_is_not_lost() {
        let (mut feed, mut inlet) = feed(Pace { interval: Duration::from_secs(600), ..PACE });
        put(&mut inlet, &[5, 9_000_000_000_000]);
        drop(inlet);
        assert_eq!(next(&mut feed).unwrap().records.len(), 2);
        assert!(next(&mut feed).is_none());
    }
}
