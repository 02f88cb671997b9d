//! Who does what next: the state that workers share, and the order in which work is handed out.
//!
//! Everything here is per chunk, never per packet, so one lock serves. A chunk in flight goes through four states: cut
//! (being decoded), matching (its parts are with the shards or wait for them), encoding, encoded. Work nearest to the
//! output is handed out first, so that memory is given back before more is taken; input is cut only while the stages
//! behind it keep up (back-pressure, never loss).

use super::decode::Decoded;
use super::defragment::{Fragments, Wholes};
use super::rows::Row;
use super::stream_window::StreamWindow;
use crate::limits::{self, Limits};
use crate::transaction::Part;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// What a worker is to do.
#[expect(clippy::large_enum_variant, reason = "there are a few for each chunk, and each is moved twice")]
pub(super) enum Task<P> {
    /// Cut the next chunk and decode it.
    Cut,
    /// Let a shard take its part of the next chunk.
    Match { shard: usize, part: Part },
    /// The input has ended: let a shard time out what still waits.
    Finish { shard: usize },
    /// The run was interrupted: let a shard give back what still waits, undecided.
    Abandon { shard: usize },
    /// Let a shard put the fragments of the next chunk together that has some for it.
    Defragment { shard: usize, chunk: u64, fragments: Fragments },
    /// Add what became whole to its chunk.
    Join { chunk: u64, decoded: Decoded, wholes: Vec<Wholes> },
    /// Encode a chunk whose queries are all decided.
    Encode { chunk: u64, parts: Vec<Part>, order: Vec<Row> },
    /// The input has ended and all shards are at its end: read what waits behind holes in streams.
    Flush,
    /// Let a lane accept the next piece.
    Accept { lane: usize, piece: Arc<P> },
    /// Nothing can be done until another worker has done something.
    Wait,
    /// Nothing will have to be done any more.
    Leave,
}

/// A chunk on its way.
struct Flight<P> {
    /// The fragments that shards have still to take; `None` until the chunk is decoded.
    fragments: Option<Vec<Fragments>>,
    /// A decoded chunk, as long as it waits for its fragments.
    waiting: Option<Waiting>,
    /// The shards' parts, decoded and not yet taken.
    decoded: Vec<Option<Part>>,
    /// The parts the shards have given back.
    decided: Vec<Option<Part>>,
    /// How many are still missing in `decided`.
    missing: usize,
    order: Vec<Row>,
    piece: Option<Arc<P>>,
    piece_bytes: usize,
    /// How many lanes have still to accept the piece.
    lanes: usize,
}

impl<P> Flight<P> {
    /// Whether it is decoded, with all its fragments.
    fn is_ready(&self) -> bool {
        !self.decoded.is_empty()
    }
}

/// A chunk whose fragments are being put together.
struct Waiting {
    decoded: Decoded,
    wholes: Vec<Wholes>,
    /// How many shards have not given theirs.
    missing: usize,
}

/// Somebody who sees all chunks in order: a shard or a lane.
#[derive(Clone, Copy, Default)]
struct Turn {
    /// The next chunk.
    next: u64,
    busy: bool,
}

/// The chunk that the last of them is at.
fn behind(turns: &[Turn]) -> u64 {
    turns.iter().map(|turn| turn.next).min().expect("there are shards and lanes")
}

/// How far what waits in streams at the end of the input has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tail {
    Waits,
    Busy,
    Read,
}

/// The state that workers share.
pub(super) struct Schedule<P> {
    /// The chunks in flight, from number `first` on.
    flights: VecDeque<Flight<P>>,
    first: u64,
    cutting: bool,
    /// The shards as those who put fragments together.
    defragmenters: Vec<Turn>,
    shards: Vec<Turn>,
    lanes: Vec<Turn>,
    /// Chunks that are decided and wait to be encoded.
    complete: BTreeSet<u64>,
    /// Bytes of the pieces that are encoded and not yet accepted by all lanes.
    pieces_bytes: usize,
    /// How many chunks there are, once the input has ended.
    total: Option<u64>,
    /// How many chunks the lanes will see; fewer than all if the run was interrupted.
    lanes_total: Option<u64>,
    interrupted: bool,
    /// What waits in streams at the end of the input.
    tail: Tail,
    /// Shards that have still to finish.
    unfinished: usize,
    failed: bool,
    /// How many chunks may wait at any stage.
    backlog: u64,
    /// The bytes of streams in all chunks before number `counted`.
    streams: StreamWindow,
    counted: u64,
}

impl<P> Schedule<P> {
    pub(super) fn new(shards: usize, lanes: usize, workers: usize, limits: &Limits) -> Self {
        Schedule {
            flights: VecDeque::new(),
            first: 0,
            cutting: false,
            defragmenters: vec![Turn::default(); shards],
            shards: vec![Turn::default(); shards],
            lanes: vec![Turn::default(); lanes],
            complete: BTreeSet::new(),
            pieces_bytes: 0,
            total: None,
            lanes_total: None,
            interrupted: false,
            tail: Tail::Waits,
            unfinished: shards,
            failed: false,
            backlog: 2 + 2 * workers as u64,
            streams: StreamWindow::new(limits),
            counted: 0,
        }
    }

    /// The next thing to do for a worker whose own shard is `own`.
    pub(super) fn next(&mut self, own: usize) -> Task<P> {
        if self.failed {
            return Task::Leave;
        }
        self.accept()
            .or_else(|| self.encode())
            .or_else(|| self.flush())
            .or_else(|| self.match_or_finish(own))
            .or_else(|| self.join())
            .or_else(|| self.defragment(own))
            .or_else(|| self.cut())
            .unwrap_or(if self.is_done() { Task::Leave } else { Task::Wait })
    }

    fn accept(&mut self) -> Option<Task<P>> {
        let ready = |turn: &Turn| !turn.busy && self.piece(turn.next).is_some();
        let lane = self.lanes.iter().position(ready)?;
        let piece = self.piece(self.lanes[lane].next).cloned()?;
        self.lanes[lane].busy = true;
        Some(Task::Accept { lane, piece })
    }

    fn encode(&mut self) -> Option<Task<P>> {
        let chunk = *self.complete.first()?;
        // After an interruption, the last chunk to be written is known when all shards have told what is open.
        let too_early = self.interrupted && self.unfinished > 0;
        let too_far =
            self.pieces_bytes >= limits::PIECES_BYTES_MAX && chunk >= behind(&self.lanes) + self.backlog;
        if too_early || too_far {
            return None;
        }
        self.complete.remove(&chunk);
        let flight = self.flight(chunk);
        let parts = flight.decided.drain(..).map(|part| part.expect("none is missing")).collect();
        Some(Task::Encode { chunk, parts, order: std::mem::take(&mut flight.order) })
    }

    /// Behind the last chunk may come another, once no shard has anything to do before it.
    fn flush(&mut self) -> Option<Task<P>> {
        let is_behind = |turn: &Turn| !turn.busy && Some(turn.next) == self.total;
        let is_due = self.tail == Tail::Waits && !self.interrupted && self.shards.iter().all(is_behind);
        is_due.then(|| {
            self.tail = Tail::Busy;
            Task::Flush
        })
    }

    /// What waited in streams has been read: the last chunk, if anything was found.
    pub(super) fn flushed(&mut self, decoded: Option<Decoded>) {
        self.tail = Tail::Read;
        if let Some(decoded) = decoded {
            let chunk = self.cut_one();
            self.flight(chunk).fragments = Some(Vec::new());
            self.total = Some(chunk + 1);
            self.ready(chunk, decoded);
        }
    }

    fn match_or_finish(&mut self, own: usize) -> Option<Task<P>> {
        let count = self.shards.len();
        (0..count).map(|shard| (own + shard) % count).find_map(|shard| self.match_or_finish_shard(shard))
    }

    fn match_or_finish_shard(&mut self, shard: usize) -> Option<Task<P>> {
        let Turn { next, busy } = self.shards[shard];
        if busy {
            return None;
        }
        if Some(next) == self.total {
            if self.tail != Tail::Read && !self.interrupted {
                return None;
            }
            self.shards[shard] = Turn { next: next + 1, busy: true };
            return Some(match self.interrupted {
                true => Task::Abandon { shard },
                false => Task::Finish { shard },
            });
        }
        let flight = self.flights.get_mut(next.checked_sub(self.first)? as usize)?;
        let part = flight.decoded.get_mut(shard)?.take()?;
        self.shards[shard].busy = true;
        Some(Task::Match { shard, part })
    }

    fn join(&mut self) -> Option<Task<P>> {
        let whole = |flight: &Flight<P>| flight.waiting.as_ref().is_some_and(|waiting| waiting.missing == 0);
        let index = self.flights.iter().position(whole)?;
        let Waiting { decoded, wholes, .. } = self.flights[index].waiting.take()?;
        Some(Task::Join { chunk: self.first + index as u64, decoded, wholes })
    }

    fn defragment(&mut self, own: usize) -> Option<Task<P>> {
        let count = self.defragmenters.len();
        (0..count).map(|shard| (own + shard) % count).find_map(|shard| self.defragment_shard(shard))
    }

    /// The next chunk that has fragments for the shard, once all before it are known.
    fn defragment_shard(&mut self, shard: usize) -> Option<Task<P>> {
        let turn = &mut self.defragmenters[shard];
        turn.next = turn.next.max(self.first);
        while !turn.busy {
            let flight = self.flights.get_mut((turn.next - self.first) as usize)?;
            let fragments = flight.fragments.as_mut()?;
            match fragments.get_mut(shard).map(std::mem::take) {
                Some(fragments) if !fragments.is_empty() => {
                    turn.busy = true;
                    return Some(Task::Defragment { shard, chunk: turn.next, fragments });
                }
                _ => turn.next += 1,
            }
        }
        None
    }

    fn cut(&mut self) -> Option<Task<P>> {
        let wanted = !self.cutting && self.total.is_none() && self.keeps_up();
        wanted.then(|| {
            self.cutting = true;
            Task::Cut
        })
    }

    /// Whether neither the shards nor the lanes are too far behind.
    fn keeps_up(&self) -> bool {
        let cut = self.first + self.flights.len() as u64;
        let unmatched = cut.saturating_sub(behind(&self.shards));
        let accepted = behind(&self.lanes);
        let unaccepted = (accepted..accepted + self.backlog).take_while(|&chunk| self.piece(chunk).is_some());
        unmatched < self.backlog && unaccepted.count() < self.backlog as usize
    }

    fn is_done(&self) -> bool {
        let all_accepted = |total| self.lanes.iter().all(|turn| turn.next >= total);
        self.unfinished == 0 && self.lanes_total.is_some_and(all_accepted)
    }

    fn piece(&self, chunk: u64) -> Option<&Arc<P>> {
        if self.lanes_total.is_some_and(|total| chunk >= total) {
            return None;
        }
        self.flights.get(chunk.checked_sub(self.first)? as usize)?.piece.as_ref()
    }

    fn flight(&mut self, chunk: u64) -> &mut Flight<P> {
        &mut self.flights[(chunk - self.first) as usize]
    }

    /// A chunk has been cut. Gives its number.
    pub(super) fn cut_one(&mut self) -> u64 {
        self.cutting = false;
        self.flights.push_back(Flight {
            fragments: None,
            waiting: None,
            decoded: Vec::new(),
            decided: self.shards.iter().map(|_| None).collect(),
            missing: self.shards.len(),
            order: Vec::new(),
            piece: None,
            piece_bytes: 0,
            lanes: self.lanes.len(),
        });
        self.first + self.flights.len() as u64 - 1
    }

    /// There is nothing more to cut.
    pub(super) fn cut_last(&mut self, interrupted: bool) {
        self.cutting = false;
        self.interrupted = interrupted;
        self.total = Some(self.first + self.flights.len() as u64);
    }

    /// A chunk has been decoded. If it has fragments, it waits for them.
    pub(super) fn decoded(&mut self, chunk: u64, mut decoded: Decoded) {
        let fragments = std::mem::take(&mut decoded.fragments);
        let missing = fragments.iter().filter(|fragments| !fragments.is_empty()).count();
        if missing == 0 {
            self.flight(chunk).fragments = Some(Vec::new());
            return self.ready(chunk, decoded);
        }
        let flight = self.flight(chunk);
        flight.fragments = Some(fragments);
        flight.waiting = Some(Waiting { decoded, wholes: Vec::new(), missing });
    }

    /// A shard has put its fragments of a chunk together.
    pub(super) fn defragmented(&mut self, shard: usize, chunk: u64, wholes: Wholes) {
        self.defragmenters[shard] = Turn { next: chunk + 1, busy: false };
        let waiting = self.flight(chunk).waiting.as_mut().expect("a chunk waits for its fragments");
        waiting.wholes.push(wholes);
        waiting.missing -= 1;
    }

    /// A chunk can be matched, once all before it can. By then it is known where in it the window of streams is enforced: a shard
    /// comes to it only behind all others.
    pub(super) fn ready(&mut self, chunk: u64, decoded: Decoded) {
        let flight = self.flight(chunk);
        flight.decoded = decoded.parts.into_iter().map(Some).collect();
        flight.order = decoded.order;
        while let Some(flight) = self.flights.get_mut((self.counted - self.first) as usize)
            && flight.is_ready()
        {
            self.streams.count(&mut flight.decoded);
            self.counted += 1;
        }
    }

    /// A shard has taken its part and gives back others.
    pub(super) fn matched(&mut self, shard: usize, parts: &mut Vec<(u64, Part)>) {
        let turn = &mut self.shards[shard];
        *turn = Turn { next: turn.next + 1, busy: false };
        self.give_back(shard, parts);
    }

    /// A shard has finished and gives back all its parts.
    pub(super) fn finished(&mut self, shard: usize, parts: &mut Vec<(u64, Part)>) {
        self.give_back(shard, parts);
        self.unfinished -= 1;
        if self.unfinished == 0 {
            self.lanes_total = if self.interrupted { self.first_open() } else { self.total };
        }
    }

    fn give_back(&mut self, shard: usize, parts: &mut Vec<(u64, Part)>) {
        for (chunk, part) in parts.drain(..) {
            let flight = self.flight(chunk);
            flight.decided[shard] = Some(part);
            flight.missing -= 1;
            if flight.missing == 0 {
                self.complete.insert(chunk);
            }
        }
    }

    /// After an interruption: how many chunks there are up to and with the first that has an open query.
    fn first_open(&self) -> Option<u64> {
        let open = self.flights.iter().position(|flight| {
            flight
                .decided
                .iter()
                .flatten()
                .any(|part| part.events.iter().any(|event| event.state.is_undecided()))
        });
        open.map_or(self.total, |open| Some(self.first + open as u64 + 1))
    }

    /// A chunk has been encoded, to a piece of so many bytes.
    pub(super) fn encoded(&mut self, chunk: u64, piece: P, bytes: usize) {
        let flight = self.flight(chunk);
        (flight.piece, flight.piece_bytes) = (Some(Arc::new(piece)), bytes);
        self.pieces_bytes += bytes;
    }

    /// A lane has accepted its piece. Gives the pieces that all lanes have accepted.
    pub(super) fn accepted(&mut self, lane: usize) -> Option<Arc<P>> {
        let turn = &mut self.lanes[lane];
        let chunk = turn.next;
        *turn = Turn { next: chunk + 1, busy: false };
        let flight = self.flight(chunk);
        flight.lanes -= 1;
        if flight.lanes > 0 {
            return None;
        }
        // Lanes keep the order, so the first chunk in flight is the one that all have passed.
        self.first += 1;
        let flight = self.flights.pop_front()?;
        self.pieces_bytes -= flight.piece_bytes;
        flight.piece
    }

    /// Whether the run was stopped before the end of the input.
    pub(super) fn was_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Something failed: all workers leave.
    pub(super) fn fail(&mut self) {
        self.failed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Addresses, Flow, Fragment, Outer, Segment, Volume};
    use crate::stream::Moment;
    use crate::transaction::Closing;

    const SHARDS: usize = 2;

    fn schedule() -> Schedule<()> {
        Schedule::new(SHARDS, 1, 1, &Limits::default())
    }

    /// A decoded chunk with a fragment for each of these shards.
    fn decoded(fragments_for: &[usize]) -> Decoded {
        let addresses = Addresses::V4 { source: &[1; 4], destination: &[2; 4] };
        let fragment = Fragment {
            addresses,
            protocol: 17,
            identification: 1,
            offset: 0,
            more: true,
            payload: &[0; 8],
            payload_length: 8,
            outer: Outer::default(),
            layers_left: 1,
        };
        let moment = Moment { position: 0, time_ns: 0, before_ns: 0, after_ns: 0 };
        let mut fragments: Vec<Fragments> = (0..SHARDS).map(|_| Fragments::default()).collect();
        for &shard in fragments_for {
            fragments[shard].add(shard, &fragment, addresses, moment, Volume::of(42));
        }
        Decoded { parts: (0..SHARDS).map(|_| Part::default()).collect(), order: Vec::new(), fragments }
    }

    /// A decoded chunk with segments: at a position, of so many bytes, for this shard. The clock is the position.
    fn with_segments(segments: &[(u64, usize, usize)]) -> Decoded {
        let mut decoded = decoded(&[]);
        decoded.parts.iter_mut().for_each(|part| part.first_position = segments[0].0);
        let addresses = Addresses::V4 { source: &[1; 4], destination: &[2; 4] };
        for &(position, bytes, shard) in segments {
            let segment = Segment {
                flow: Flow { addresses, source_port: 4000, destination_port: 53 },
                sequence: 0,
                acknowledgment: 0,
                flags: 0,
                payload: &[0; 8][..bytes],
                payload_length: bytes,
            };
            let ns = position as i64;
            let moment = Moment { position, time_ns: ns, before_ns: ns - 1, after_ns: ns };
            decoded.parts[shard].segments.add(&segment, moment, 0, &Volume::of(42), &Outer::default());
        }
        decoded
    }

    /// What a worker is told to do, in words.
    fn told(task: &Task<()>) -> String {
        match task {
            Task::Cut => "cut".into(),
            Task::Match { shard, .. } => format!("match {shard}"),
            Task::Finish { shard } => format!("finish {shard}"),
            Task::Abandon { shard } => format!("abandon {shard}"),
            Task::Defragment { shard, chunk, .. } => format!("defragment {shard} of {chunk}"),
            Task::Join { chunk, wholes, .. } => format!("join {} to {chunk}", wholes.len()),
            Task::Encode { chunk, .. } => format!("encode {chunk}"),
            Task::Accept { .. } => "accept".into(),
            Task::Flush => "flush".into(),
            Task::Wait => "wait".into(),
            Task::Leave => "leave".into(),
        }
    }

    /// Does what is to be done, one after the other, until input is wanted, none is there, or all is done; each chunk goes back as
    /// soon as it is matched. Gives what was done.
    fn work(schedule: &mut Schedule<()>) -> Vec<String> {
        let mut done = Vec::new();
        loop {
            let task = schedule.next(0);
            let told = told(&task);
            match task {
                Task::Match { shard, part } => {
                    let chunk = schedule.shards[shard].next;
                    schedule.matched(shard, &mut vec![(chunk, part)]);
                }
                Task::Finish { shard } | Task::Abandon { shard } => schedule.finished(shard, &mut Vec::new()),
                Task::Defragment { shard, chunk, .. } => {
                    schedule.defragmented(shard, chunk, Wholes::default())
                }
                Task::Join { chunk, decoded, .. } => schedule.ready(chunk, decoded),
                Task::Encode { chunk, .. } => schedule.encoded(chunk, (), 0),
                Task::Accept { lane, .. } => drop(schedule.accepted(lane)),
                Task::Flush => schedule.flushed(None),
                Task::Cut => {
                    schedule.cutting = false;
                    return done;
                }
                Task::Wait | Task::Leave => return done,
            }
            done.push(told);
        }
    }

    /// Cuts a chunk.
    fn cut(schedule: &mut Schedule<()>) -> u64 {
        assert_eq!(told(&schedule.next(0)), "cut");
        schedule.cut_one()
    }

    #[test]
    fn a_chunk_without_fragments_goes_from_stage_to_stage() {
        let mut schedule = schedule();
        let chunk = cut(&mut schedule);
        schedule.decoded(chunk, decoded(&[]));
        assert_eq!(work(&mut schedule), ["match 0", "match 1", "encode 0", "accept"]);
        schedule.cut_last(false);
        assert_eq!(work(&mut schedule), ["flush", "finish 0", "finish 1"]);
        assert_eq!(told(&schedule.next(0)), "leave");
    }

    #[test]
    fn what_waits_in_streams_at_the_end_is_read_when_all_shards_are_there_and_goes_the_way_of_a_chunk() {
        let mut schedule = schedule();
        let chunk = cut(&mut schedule);
        schedule.cut_last(false);
        assert_eq!(told(&schedule.next(0)), "wait");
        schedule.decoded(chunk, decoded(&[]));
        let Task::Match { part, .. } = schedule.next(0) else { panic!("a part is to be matched") };
        schedule.matched(0, &mut vec![(0, part)]);
        assert_eq!(told(&schedule.next(0)), "match 1");
        schedule.matched(1, &mut vec![(0, Part::default())]);
        assert_eq!(["encode 0", "flush"].map(|_| told(&schedule.next(0))), ["encode 0", "flush"]);
        schedule.encoded(0, (), 0);
        schedule.flushed(Some(decoded(&[])));
        let order = ["accept", "match 0", "finish 0", "match 1", "encode 1", "accept", "finish 1"];
        assert_eq!(work(&mut schedule), order);
        assert_eq!(told(&schedule.next(0)), "leave");
    }

    #[test]
    fn chunks_are_matched_in_order_though_the_first_waits_for_its_fragments() {
        let mut schedule = schedule();
        let (first, second) = (cut(&mut schedule), cut(&mut schedule));
        schedule.decoded(second, decoded(&[1]));
        assert!(work(&mut schedule).is_empty(), "fragments are taken in order");
        schedule.decoded(first, decoded(&[0, 1]));
        let rest = work(&mut schedule);
        assert_eq!(
            rest[..5],
            ["defragment 0 of 0", "defragment 1 of 0", "join 2 to 0", "match 0", "match 1"]
        );
        assert_eq!(
            rest[5..],
            [
                "encode 0",
                "accept",
                "defragment 1 of 1",
                "join 1 to 1",
                "match 0",
                "match 1",
                "encode 1",
                "accept"
            ]
        );
    }

    #[test]
    fn fragments_are_taken_up_behind_chunks_that_have_long_left() {
        let mut schedule = schedule();
        for _ in 0..5 {
            let chunk = cut(&mut schedule);
            schedule.decoded(chunk, decoded(&[]));
            work(&mut schedule);
        }
        let chunk = cut(&mut schedule);
        schedule.decoded(chunk, decoded(&[1]));
        assert_eq!(work(&mut schedule)[..2], ["defragment 1 of 5", "join 1 to 5"]);
    }

    #[test]
    fn a_lane_waits_for_the_first_chunk_that_is_not_decided() {
        let mut schedule = schedule();
        let (first, second) = (cut(&mut schedule), cut(&mut schedule));
        schedule.decoded(second, decoded(&[]));
        assert!(work(&mut schedule).is_empty(), "shards take the chunks in order");
        schedule.decoded(first, decoded(&[]));
        let order = ["match 0", "match 0", "match 1", "encode 0", "accept", "match 1", "encode 1", "accept"];
        assert_eq!(work(&mut schedule), order);
    }

    #[test]
    fn the_window_of_streams_is_known_when_a_chunk_is_matched_though_it_was_decoded_first() {
        let limits = Limits { window_stream_bytes: 0, sweep_stream_bytes: 10, ..Limits::default() };
        let mut schedule: Schedule<()> = Schedule::new(SHARDS, 1, 1, &limits);
        let (first, second) = (cut(&mut schedule), cut(&mut schedule));
        schedule.decoded(second, with_segments(&[(2, 4, 1), (3, 4, 0)]));
        schedule.decoded(first, with_segments(&[(0, 4, 0), (1, 4, 1)]));
        let mut closings = Vec::new();
        while let Task::Match { shard, part } = schedule.next(0) {
            closings.push((part.first_position, shard, part.closings.clone()));
            schedule.matched(shard, &mut Vec::new());
        }
        let closing = Closing { position: 2, clock_ns: 2, oldest: 2 };
        let both = |shard| [(0, shard, vec![]), (2, shard, vec![closing])];
        assert_eq!(closings, [both(0), both(1)].concat());
    }

    #[test]
    fn an_interrupted_run_abandons_what_waits() {
        let mut schedule = schedule();
        let chunk = cut(&mut schedule);
        schedule.cut_last(true);
        schedule.decoded(chunk, decoded(&[0]));
        let done = work(&mut schedule);
        assert_eq!(done[..2], ["defragment 0 of 0", "join 1 to 0"]);
        assert_eq!(done[2..], ["match 0", "abandon 0", "match 1", "abandon 1", "encode 0", "accept"]);
        assert_eq!(told(&schedule.next(0)), "leave");
    }

    #[test]
    fn input_is_cut_only_while_the_shards_keep_up() {
        let mut schedule = schedule();
        for _ in 0..schedule.backlog {
            cut(&mut schedule);
        }
        assert_eq!(told(&schedule.next(0)), "wait");
    }
}
