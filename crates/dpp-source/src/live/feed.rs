//! [`Feed`]: the batches of all live sources as chunks, at the pace of time.
//!
//! A chunk is complete when it has enough bytes, or when it is as old as may be: rows should come soon also where there is
//! little traffic. Where there is none at all, the engine hears that ([`Composer::quiet`]). The only place where a live
//! capture meets a clock of ours, and only to ask it how much time has passed.

use super::queue::{Closed, Queue};
use dpp::capture::{CaptureRead, Chunk, Chunks, Composer, InputError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How chunks are made.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// A chunk that has so many bytes is complete.
    pub bytes: usize,
    /// A chunk whose first packet has waited so long is complete; and after so long without packets the engine is told.
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
}

impl Feed {
    /// The capture of all sources that put packets into this queue.
    pub fn new(queue: Arc<Queue>, pace: Pace) -> Feed {
        Feed { queue, composer: Composer::new(pace.jump_ns), pace, last: Instant::now() }
    }

    /// Fills a chunk that was begun until it is complete.
    fn fill(&mut self, chunk: &mut Chunk) -> Result<(), Closed> {
        let deadline = Instant::now() + self.pace.interval;
        while chunk.filled < self.pace.bytes {
            let Some(batch) = self.queue.take(deadline)? else { break };
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
        // When all is over, the chunk at hand is the last; an empty one is none.
        if chunk.records.len() > before && !is_closed {
            self.composer.end(&mut chunk);
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
        assert_eq!(next(&mut feed).unwrap().records.len(), 12);
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
        assert_eq!(next(&mut feed).unwrap().records.len(), 2);
    }

    #[test]
    fn where_nothing_comes_the_engine_is_told() {
        let (mut feed, mut inlet) = feed(PACE);
        put(&mut inlet, &[5]);
        assert!(!next(&mut feed).unwrap().is_quiet);
        let quiet = next(&mut feed).unwrap();
        assert!(quiet.is_quiet && quiet.records.is_empty() && quiet.live_until_ns > Some(5));
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
