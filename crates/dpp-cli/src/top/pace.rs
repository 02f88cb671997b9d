//! How fast a capture is read again: [`Pace`], and the captures that keep to it ([`Paced`]).
//!
//! The wrapper stands between the cutter and the engine and hands packets over when they are due, so a pause stops the reading
//! itself. A chunk may have minutes of a quiet server; so it is cut once more, by time, and where nothing is due the engine is
//! told how far time has gone on, as a live source does. Neither changes a figure: where chunks are cut means nothing, and a clock
//! that goes on before the next packet forgets what that packet would have made it forget.

use dpp::capture::{CaptureRead, Chunk, Chunks, InputError, Record};
use dpp::packet::Origin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Often enough to look alive.
const TICK: Duration = Duration::from_millis(100);

/// Nobody waits longer for the next packet: a gap that would take more is passed over.
const PATIENCE: Duration = Duration::from_secs(10);

/// A clock that goes back by more is another capture's: J of ARCHITECTURE.md.
const JUMP_NS: i64 = 10_000_000_000;

/// How fast: so many seconds of a capture in one.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct Speed(f64);

impl Speed {
    /// As fast as it can be.
    pub(super) const MAX: Speed = Speed(f64::INFINITY);

    /// What the user says: a number above 0, or max.
    pub(super) fn read(text: &str) -> Option<Speed> {
        let text = text.trim();
        match text {
            "max" => Some(Speed::MAX),
            _ => text.parse().ok().filter(|speed: &f64| speed.is_finite() && *speed >= 0.001).map(Speed),
        }
    }

    /// The next step up.
    pub(super) fn faster(self) -> Speed {
        STEPS.iter().copied().map(Speed).find(|step| *step > self).unwrap_or(Speed::MAX)
    }

    /// The next step down.
    pub(super) fn slower(self) -> Speed {
        STEPS.iter().rev().copied().map(Speed).find(|step| *step < self).unwrap_or(self)
    }

    /// As people read it.
    pub(super) fn words(self) -> String {
        if self == Speed::MAX { "speed max".to_owned() } else { format!("speed {}", self.0) }
    }
}

/// Steps of the keys.
const STEPS: [f64; 10] = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0];

/// How fast packets are handed over, and whether at all. Shared by who presses keys and who reads.
pub(super) struct Pace {
    held: Mutex<Held>,
    changed: Condvar,
}

struct Held {
    speed: Speed,
    is_paused: bool,
    is_over: bool,
    /// A time of the capture, ns, and when it was.
    anchor: Option<(i64, Instant)>,
    /// When something was handed over last.
    handed: Option<Instant>,
}

/// What is to be done now.
#[derive(Debug, PartialEq)]
enum Turn {
    /// Hand over all there is.
    All,
    /// All up to this time of the capture, ns.
    Until(i64),
    /// Nothing is due up to this time.
    Quiet(i64),
    /// It is over.
    Over,
}

impl Pace {
    pub(super) fn new(speed: Speed) -> Pace {
        let held = Held { speed, is_paused: false, is_over: false, anchor: None, handed: None };
        Pace { held: Mutex::new(held), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Held)) {
        let mut held = self.lock();
        held.anchor = None;
        change(&mut held);
        self.changed.notify_all();
    }

    pub(super) fn set_speed(&self, speed: Speed) {
        self.change(|held| held.speed = speed);
    }

    pub(super) fn pause(&self, is_paused: bool) {
        self.change(|held| held.is_paused = is_paused);
    }

    /// Nothing is handed over any more.
    pub(super) fn end(&self) {
        self.change(|held| held.is_over = true);
    }

    /// Waits a tick at most, unless it is paused, for packets of which the next and the last are of these times of the capture.
    /// Some of them are handed over once in a tick only: each chunk on its way costs, however little there is in it.
    fn turn(&self, next_ns: i64, last_ns: i64) -> Turn {
        let mut held = self.lock();
        loop {
            if held.is_over {
                return Turn::Over;
            }
            if held.is_paused {
                held = self.changed.wait(held).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if held.speed == Speed::MAX {
                return Turn::All;
            }
            let (speed, now) = (held.speed.0, Instant::now());
            let (from_ns, since) = *held.anchor.get_or_insert((next_ns, now));
            // Of numbers that are too large the nearest is taken.
            let passed_ns = now.duration_since(since).as_nanos() as f64 * speed;
            let at_ns = from_ns.saturating_add(passed_ns as i64);
            if next_ns.saturating_sub(at_ns) as f64 / speed > PATIENCE.as_nanos() as f64 {
                held.anchor = Some((next_ns, now));
                continue;
            }
            let rest = held.handed.map_or(Duration::ZERO, |handed| TICK.saturating_sub(now - handed));
            if last_ns <= at_ns || rest.is_zero() {
                held.handed = Some(now);
                return if next_ns <= at_ns { Turn::Until(at_ns) } else { Turn::Quiet(at_ns) };
            }
            held = self.changed.wait_timeout(held, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The chunks of a capture, at a pace.
pub(super) struct Paced<'a, C> {
    chunks: C,
    pace: &'a Pace,
    /// What is being handed out.
    chunk: Option<Chunk>,
    /// The first packet of it that was not.
    next: usize,
    /// The clock behind what was handed out.
    clock_ns: Option<i64>,
    /// Memory to be used again.
    spare: Chunk,
}

impl<'a, C: Chunks> Paced<'a, C> {
    pub(super) fn new(chunks: C, pace: &'a Pace) -> Paced<'a, C> {
        Paced { chunks, pace, chunk: None, next: 0, clock_ns: None, spare: Chunk::default() }
    }

    /// What is due of the chunk at hand.
    fn due(&mut self, chunk: Chunk, out: Chunk) -> Option<Chunk> {
        let next_ns = chunk.records[self.next].clock_ns;
        if self.clock_ns.is_some_and(|clock_ns| next_ns < clock_ns.saturating_sub(JUMP_NS)) {
            self.pace.change(|_| ());
        }
        let last_ns = chunk.records.last().map_or(next_ns, |record| record.clock_ns);
        let until_ns = match self.pace.turn(next_ns, last_ns) {
            Turn::Over => return None,
            Turn::All if self.next == 0 => {
                self.spare = out;
                return Some(self.hand_over(chunk));
            }
            Turn::All => i64::MAX,
            Turn::Until(ns) => ns,
            Turn::Quiet(ns) => {
                let quiet = self.quiet(&chunk, ns, out);
                self.chunk = Some(chunk);
                return Some(quiet);
            }
        };
        let due = |record: &Record| record.clock_ns <= until_ns;
        let count = chunk.records[self.next..].iter().take_while(|record| due(record)).count().max(1);
        let mut part = out;
        take(&chunk, self.next, count, &mut part);
        self.next += count;
        match self.next < chunk.records.len() {
            true => self.chunk = Some(chunk),
            false => self.spare = chunk,
        }
        Some(self.hand_over(part))
    }

    /// A chunk that says only how far time has gone on.
    fn quiet(&mut self, chunk: &Chunk, ns: i64, out: Chunk) -> Chunk {
        let mut quiet = out;
        take(chunk, self.next, 0, &mut quiet);
        let mut quiet = self.hand_over(quiet);
        quiet.is_quiet = true;
        self.clock_ns = Some(ns.max(quiet.clock_before_ns));
        quiet.live_until_ns = self.clock_ns;
        quiet
    }

    /// Rows of these packets are to come soon, and tell the time.
    fn hand_over(&mut self, mut chunk: Chunk) -> Chunk {
        chunk.clock_before_ns = self.clock_ns.unwrap_or(chunk.clock_before_ns);
        self.clock_ns = chunk.records.last().map(|record| record.clock_ns).or(self.clock_ns);
        chunk.live_until_ns = self.clock_ns;
        chunk.is_due = true;
        chunk
    }
}

/// Copies so many packets of a chunk, from number `first` on.
fn take(chunk: &Chunk, first: usize, count: usize, part: &mut Chunk) {
    let records = &chunk.records[first..first + count];
    let from = records.iter().map(|record| record.start).min().unwrap_or(0);
    let to = records.iter().map(|record| record.start + record.caplen).max().unwrap_or(0);
    part.bytes.clear();
    part.bytes.extend_from_slice(&chunk.bytes[from as usize..to as usize]);
    part.filled = part.bytes.len();
    part.records.clear();
    part.records.extend(records.iter().map(|record| Record { start: record.start - from, ..*record }));
    part.origins.clear();
    let here = first as u32..(first + count) as u32;
    let first_origin = (count > 0).then(|| Origin::of(&chunk.origins, here.start)).flatten();
    let further =
        chunk.origins.iter().filter(|origin| origin.packet > here.start && origin.packet < here.end);
    for origin in first_origin.iter().chain(further) {
        part.origins.push(Origin { packet: origin.packet - here.start, ..*origin });
    }
    part.preambles.clone_from(&chunk.preambles);
    part.clock_before_ns = chunk.clock_before_ns;
    part.first_position = chunk.first_position + u64::from(here.start);
    part.is_quiet = false;
}

impl<C: Chunks> Chunks for Paced<'_, C> {
    fn next(&mut self, out: Chunk) -> Result<Option<Chunk>, InputError> {
        let chunk = match self.chunk.take() {
            Some(chunk) => chunk,
            None => {
                self.next = 0;
                match self.chunks.next(std::mem::take(&mut self.spare))? {
                    Some(chunk) => chunk,
                    None => return Ok(None),
                }
            }
        };
        Ok(self.due(chunk, out))
    }

    fn read(&mut self) -> CaptureRead {
        self.chunks.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// Chunks of packets at these milliseconds, each with two octets that are its number.
    struct Made(VecDeque<Chunk>);

    impl Made {
        fn of(chunks: &[&[i64]]) -> Made {
            let (mut number, mut made, mut before_ns) = (0_u16, VecDeque::new(), 0);
            for times in chunks {
                let mut chunk =
                    Chunk { first_position: number.into(), clock_before_ns: before_ns, ..Chunk::default() };
                // What is left of a block that is no packet.
                chunk.bytes.push(0xff);
                for (packet, ms) in (0..).zip(*times) {
                    let (time_ns, start) = (ms * 1_000_000, chunk.bytes.len() as u32);
                    chunk.bytes.extend_from_slice(&number.to_be_bytes());
                    chunk.records.push(Record { time_ns, clock_ns: time_ns, start, caplen: 2, linktype: 1 });
                    // Each second packet is of another input.
                    let (input, frame) = (u32::from(number % 2), u64::from(number / 2 + 1));
                    Origin::note(&mut chunk.origins, Origin { packet, input, frame });
                    number += 1;
                    before_ns = time_ns;
                }
                chunk.filled = chunk.bytes.len();
                made.push_back(chunk);
            }
            Made(made)
        }
    }

    impl Chunks for Made {
        fn next(&mut self, _: Chunk) -> Result<Option<Chunk>, InputError> {
            Ok(self.0.pop_front())
        }

        fn read(&mut self) -> CaptureRead {
            CaptureRead::default()
        }
    }

    /// What comes out at this speed: how many packets each chunk has. Whatever that is, they are all there, in their order, and the
    /// clock goes on from chunk to chunk.
    fn check(chunks: &[&[i64]], speed: &str) -> Vec<usize> {
        let pace = Pace::new(Speed::read(speed).expect("a speed"));
        let mut paced = Paced::new(Made::of(chunks), &pace);
        let (mut counts, mut number, mut clock_ns) = (Vec::new(), 0_u16, None);
        while let Some(chunk) = paced.next(Chunk::default()).expect("there are no errors") {
            assert_eq!(chunk.first_position, u64::from(number));
            assert_eq!(clock_ns.unwrap_or(chunk.clock_before_ns), chunk.clock_before_ns);
            assert_eq!(chunk.is_quiet, chunk.records.is_empty());
            for (packet, record) in (0..).zip(&chunk.records) {
                assert_eq!(chunk.packet(record), number.to_be_bytes());
                let (input, frame) = (u32::from(number % 2), u64::from(number / 2 + 1));
                assert_eq!(Origin::of(&chunk.origins, packet), Some(Origin { packet, input, frame }));
                number += 1;
            }
            let last_ns = chunk.records.last().map(|record| record.clock_ns);
            clock_ns = chunk.live_until_ns;
            match last_ns {
                Some(last_ns) => assert_eq!(clock_ns, Some(last_ns)),
                None => assert!(clock_ns >= Some(chunk.clock_before_ns)),
            }
            counts.push(chunk.records.len());
        }
        assert_eq!(usize::from(number), chunks.iter().map(|times| times.len()).sum::<usize>());
        counts
    }

    #[test]
    fn as_fast_as_it_can_be_chunks_are_as_they_were() {
        assert_eq!(check(&[&[0, 1, 2], &[50_000], &[60_000, 60_001]], "max"), [3, 1, 2]);
    }

    #[test]
    fn packets_come_when_they_are_due_and_where_none_do_time_goes_on() {
        let begin = Instant::now();
        let counts = check(&[&[0, 1, 4000, 4001], &[4002, 8000]], "10");
        assert!(begin.elapsed() >= Duration::from_millis(800), "{:?}", begin.elapsed());
        let quiet = counts.iter().filter(|count| **count == 0).count();
        assert!(quiet >= 2, "eight ticks, and not all on a slow machine: {counts:?}");
    }

    #[test]
    fn a_gap_and_a_clock_that_goes_back_are_passed_over() {
        let begin = Instant::now();
        check(&[&[0, 86_400_000, 86_400_001], &[5, 6, 40_000]], "1");
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    }

    #[test]
    fn nothing_comes_of_a_capture_that_is_paused_and_none_ever_of_one_that_is_over() {
        let pace = Pace::new(Speed::MAX);
        pace.pause(true);
        let mut paced = Paced::new(Made::of(&[&[0], &[1], &[2]]), &pace);
        let (told, heard) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while let Ok(Some(chunk)) = paced.next(Chunk::default()) {
                    pace.pause(true);
                    told.send(chunk.records.len()).expect("somebody hears");
                }
                drop(told);
            });
            for _ in 0..2 {
                assert!(heard.try_recv().is_err());
                pace.pause(false);
                assert_eq!(heard.recv(), Ok(1));
            }
            pace.end();
            assert!(heard.recv().is_err(), "the third does not come");
        });
    }
}
