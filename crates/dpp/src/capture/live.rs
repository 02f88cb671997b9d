//! A capture that has not ended: packets that come in batches, and times in which none come.
//!
//! Live sources take packets as their kernel, or a server, gives them and hand them over in a [`Batch`]. The [`Composer`] puts
//! batches behind each other into chunks, in the order in which they arrive; from there on nobody knows that the capture is
//! still growing. The surprising fact: time is a matter of the packets here too. Where all is quiet the capture's clock must
//! go on all the same, or the last queries would wait for ever; it goes on by as much as *passed* since the last packet
//! ([`Composer::quiet`]). And where a packet's time is what somebody says, who may lie or have a wrong clock, the source says
//! beside it by which time the clock goes ([`Batch::push_at`]): the packet's own decides what it is an answer to, and nothing else.

use super::clock::Clock;
use super::{CaptureRead, Chunk, InputsRead, Record, Regression};
use crate::packet::Origin;

/// Packets that a live source took together, in its order.
#[derive(Debug, Default)]
pub struct Batch {
    /// The number of the source, from 0.
    pub input: u32,
    /// The packets' bytes; records point into them.
    pub bytes: Vec<u8>,
    /// The packets. The capture's clock is not known yet; in its place stands the time by which it will go.
    pub records: Vec<Record>,
}

impl Batch {
    /// Adds a packet, whose bytes `write` appends to those that are there.
    #[inline]
    pub fn push(&mut self, time_ns: i64, linktype: u16, write: impl FnOnce(&mut Vec<u8>)) {
        self.push_at(time_ns, time_ns, linktype, write);
    }

    /// Adds a packet by whose own time the capture's clock does not go, as it cannot be believed, but by `clock_ns`.
    #[inline]
    pub fn push_at(&mut self, time_ns: i64, clock_ns: i64, linktype: u16, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let caplen = (self.bytes.len() - start) as u32;
        self.records.push(Record { time_ns, clock_ns, start: start as u32, caplen, linktype });
    }

    /// Takes all packets out; the memory stays.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }
}

/// Puts batches into chunks: numbers packets, keeps the clock, and notices when time goes backwards.
#[derive(Debug)]
pub struct Composer {
    clock: Clock,
    position: u64,
    last_ns: i64,
    /// Where the clock stood when the last packet came, from where quiet times are counted.
    anchor_ns: i64,
    /// How many packets came from each source.
    frames: Vec<u64>,
    /// The packet whose timestamp is in doubt, which waits for the next, with its bytes.
    doubted: Option<(Record, Origin)>,
    doubted_bytes: Vec<u8>,
    span: Option<(i64, i64)>,
    regressions: u64,
    first_regression: Option<Regression>,
}

impl Composer {
    /// Nothing has come yet. `jump_ns` is J, how far timestamps may be from the clock without being doubted.
    pub fn new(jump_ns: i64) -> Composer {
        Composer {
            clock: Clock::new(jump_ns),
            position: 0,
            last_ns: 0,
            anchor_ns: 0,
            frames: Vec::new(),
            doubted: None,
            doubted_bytes: Vec::new(),
            span: None,
            regressions: 0,
            first_regression: None,
        }
    }

    /// Begins a chunk. It has the packet that was in doubt, if there is one.
    pub fn begin(&mut self, chunk: &mut Chunk) {
        chunk.records.clear();
        chunk.origins.clear();
        chunk.preambles.clear();
        chunk.bytes.clear();
        chunk.clock_before_ns = self.clock.ns();
        chunk.is_quiet = false;
        chunk.is_due = false;
        chunk.live_until_ns = None;
        if let Some((record, origin)) = self.doubted.take() {
            chunk.bytes.extend_from_slice(&self.doubted_bytes);
            chunk.records.push(Record { start: 0, ..record });
            chunk.origins.push(Origin { packet: 0, ..origin });
        }
        chunk.first_position = self.position - chunk.records.len() as u64;
        chunk.filled = chunk.bytes.len();
    }

    /// Adds a batch to a chunk that was begun.
    pub fn add(&mut self, chunk: &mut Chunk, batch: &Batch) {
        let input = batch.input;
        if self.frames.len() <= input as usize {
            self.frames.resize(input as usize + 1, 0);
        }
        let frames = &mut self.frames[input as usize];
        if !batch.records.is_empty() {
            let origin = Origin { packet: chunk.records.len() as u32, input, frame: *frames + 1 };
            Origin::note(&mut chunk.origins, origin);
        }
        *frames += batch.records.len() as u64;
        let base = chunk.bytes.len() as u32;
        chunk.bytes.extend_from_slice(&batch.bytes);
        chunk.filled = chunk.bytes.len();
        for record in &batch.records {
            self.follow(chunk, record.clock_ns);
            chunk.records.push(Record { clock_ns: self.clock.ns(), start: base + record.start, ..*record });
        }
        self.anchor_ns = self.clock.ns();
    }

    /// Follows the time of a packet, the next of the chunk.
    #[inline]
    fn follow(&mut self, chunk: &mut Chunk, time_ns: i64) {
        if !self.clock.follow(time_ns) {
            self.admit(chunk, time_ns);
        }
        if time_ns < self.last_ns && self.position > 0 {
            self.regressions += 1;
            let (position, previous_ns) = (self.position, self.last_ns);
            self.first_regression.get_or_insert(Regression { position, previous_ns, time_ns });
        }
        self.last_ns = time_ns;
        self.position += 1;
        self.span = Some((self.span.map_or(time_ns, |(first_ns, _)| first_ns), time_ns));
    }

    /// A timestamp that is not simply believed.
    #[cold]
    fn admit(&mut self, chunk: &mut Chunk, time_ns: i64) {
        if self.position == 0 {
            self.clock.start(time_ns);
            chunk.clock_before_ns = time_ns;
            return;
        }
        self.settle(chunk, Some(time_ns));
        if !self.clock.follow(time_ns) {
            self.clock.doubt(time_ns);
        }
    }

    /// Decides about the packet in doubt, which is the chunk's last, if there is one.
    fn settle(&mut self, chunk: &mut Chunk, next_ns: Option<i64>) {
        if self.clock.doubts() {
            self.clock.settle(next_ns);
            let last = chunk.records.last_mut().expect("the packet in doubt is the last of its chunk");
            last.clock_ns = self.clock.ns();
        }
    }

    /// Ends a chunk. A packet in doubt is kept back for the next one.
    pub fn end(&mut self, chunk: &mut Chunk) {
        if let Some(record) = chunk.records.pop_if(|_| self.clock.doubts()) {
            self.doubted_bytes.clear();
            self.doubted_bytes.extend_from_slice(chunk.packet(&record));
            let origin = Origin::of(&chunk.origins, chunk.records.len() as u32).unwrap_or_default();
            self.doubted = Some((record, origin));
        }
        chunk.live_until_ns = (self.position > 0).then_some(self.clock.ns());
    }

    /// Ends a chunk that was begun, and to which nothing was added, because nothing has come for so long, in ns. Whatever is due
    /// after that time is forgotten, and rows that are decided by it come out, to be read at once. Before the first packet there
    /// is nothing to tell.
    pub fn quiet(&mut self, chunk: &mut Chunk, since_ns: i64) {
        self.settle(chunk, None);
        if self.position == 0 {
            return;
        }
        self.clock.follow_at_least(self.anchor_ns.saturating_add(since_ns));
        chunk.is_quiet = true;
        chunk.is_due = true;
        chunk.live_until_ns = Some(self.clock.ns());
    }

    /// Ends the last chunk of all. A packet in doubt stays in it, as nothing comes that could tell.
    pub fn settle_last(&mut self, chunk: &mut Chunk) {
        self.settle(chunk, None);
    }

    /// What was seen of the capture.
    pub fn read(&self) -> CaptureRead {
        CaptureRead {
            inputs: InputsRead { captures: self.frames.len() as u64, ..InputsRead::default() },
            regressions: self.regressions,
            first_regression: self.first_regression,
            first_and_last_ns: self.span,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches of (source, times), each with its packets' first byte its number; `Err` is a quiet time. Told are chunks: each
    /// record as `position:input.frame@time/clock`, and `quiet clock`.
    fn check(batches: &[Result<(u32, &[i64]), i64>], expected: &[&str]) {
        let mut composer = Composer::new(10);
        let (mut chunk, mut told, mut number) = (Chunk::default(), Vec::new(), 0u8);
        for batch in batches {
            composer.begin(&mut chunk);
            match batch {
                Ok((input, times)) => {
                    let mut batch = Batch { input: *input, ..Batch::default() };
                    for time_ns in *times {
                        batch.push(*time_ns, 1, |bytes| bytes.push(number));
                        number += 1;
                    }
                    composer.add(&mut chunk, &batch);
                    composer.end(&mut chunk);
                }
                Err(since_ns) => {
                    composer.quiet(&mut chunk, *since_ns);
                }
            }
            let mut line = Vec::new();
            for (index, record) in chunk.records.iter().enumerate() {
                let position = chunk.first_position + index as u64;
                assert_eq!(u64::from(chunk.packet(record)[0]), position, "bytes follow their packets");
                let Origin { input, frame, .. } = Origin::of(&chunk.origins, index as u32).unwrap();
                line.push(format!("{position}:{input}.{frame}@{}/{}", record.time_ns, record.clock_ns));
            }
            if chunk.is_quiet {
                line.push(format!("quiet {}", chunk.live_until_ns.expect("the clock")));
            }
            told.push(line.join(" "));
        }
        assert_eq!(told, expected);
    }

    #[test]
    fn sources_share_the_positions_and_number_their_own_packets() {
        check(
            &[Ok((0, &[100, 101])), Ok((1, &[99])), Ok((0, &[103]))],
            &["0:0.1@100/100 1:0.2@101/101", "2:1.1@99/101", "3:0.3@103/103"],
        );
    }

    #[test]
    fn before_the_first_packet_quiet_says_nothing() {
        check(&[Err(5), Ok((0, &[100]))], &["", "0:0.1@100/100"]);
    }

    #[test]
    fn quiet_times_are_counted_from_the_last_packet() {
        check(
            &[Ok((0, &[100])), Err(4), Err(9), Ok((0, &[105])), Err(1)],
            &["0:0.1@100/100", "quiet 104", "quiet 109", "1:0.2@105/109", "quiet 110"],
        );
    }

    #[test]
    fn a_doubted_packet_waits_for_the_next_or_for_quiet() {
        check(&[Ok((0, &[100, 500])), Ok((1, &[501]))], &["0:0.1@100/100", "1:0.2@500/500 2:1.1@501/501"]);
        check(&[Ok((0, &[100, 500])), Err(3)], &["0:0.1@100/100", "1:0.2@500/100 quiet 103"]);
    }

    #[test]
    fn after_quiet_times_longer_than_any_jump_time_goes_on() {
        check(
            &[Ok((0, &[100])), Err(1000), Ok((0, &[1100, 1101]))],
            &["0:0.1@100/100", "quiet 1100", "1:0.2@1100/1100 2:0.3@1101/1101"],
        );
    }

    #[test]
    fn the_clock_goes_by_the_time_beside_a_packet_that_cannot_be_believed() {
        let mut composer = Composer::new(10);
        let mut chunk = Chunk::default();
        let mut batch = Batch::default();
        for (time_ns, clock_ns) in [(9000, 100), (9001, 101), (-5, 102), (103, 103), (9002, 104)] {
            batch.push_at(time_ns, clock_ns, 1, |bytes| bytes.push(0));
        }
        composer.begin(&mut chunk);
        composer.add(&mut chunk, &batch);
        composer.end(&mut chunk);
        let told = chunk.records.iter().map(|record| (record.time_ns, record.clock_ns));
        assert!(told.eq([(9000, 100), (9001, 101), (-5, 102), (103, 103), (9002, 104)]));
        let read = composer.read();
        assert_eq!((read.regressions, read.first_and_last_ns), (0, Some((100, 104))));
        composer.begin(&mut chunk);
        composer.quiet(&mut chunk, 7);
        assert_eq!(chunk.live_until_ns, Some(111));
    }

    #[test]
    fn a_source_whose_clock_is_wrong_is_followed_as_in_a_file() {
        check(
            &[Ok((0, &[100])), Ok((1, &[5000, 5001])), Err(2)],
            &["0:0.1@100/100", "1:1.1@5000/5000 2:1.2@5001/5001", "quiet 5003"],
        );
    }
}
