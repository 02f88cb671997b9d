//! The thread that empties a ring.
//!
//! It copies the packets of a block into batches and gives the block back. Where the queue is full it waits with the block in
//! its hands: the ring fills up behind it, and the kernel drops what has no place, and counts. So nothing waits for the engine
//! but packets, and what is lost is known.

use super::filter::Link;
use super::ring::{Group, Ring, Waited};
use super::sys::Socket;
use super::{Settings, Timestamps};
use crate::live::{Count, Inlet, now_ns};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one wait lasts where nothing comes; after that it is looked whether the source is to end.
const WAIT: Duration = Duration::from_millis(50);
/// How long one wait for the engine lasts.
const WAIT_FOR_ROOM: Duration = Duration::from_millis(20);
/// How often the kernel is asked what it dropped, and whether an interface is back.
const TICK: Duration = Duration::from_secs(1);
/// How long the ring is emptied after the source was told to end. What the engine has not taken by then is dropped.
const LAST: Duration = Duration::from_millis(150);
/// Where the kernel says that there is a block, and there is none: it is asked again a little later.
const PAUSE: Duration = Duration::from_millis(1);

pub(super) struct Reader {
    pub ring: Ring,
    pub settings: Arc<Settings>,
    pub group: Arc<Group>,
    pub inlet: Inlet,
    /// Whether it speaks for all rings of the interface, when that goes away.
    pub is_first: bool,
}

/// What a reader remembers while it runs.
struct State {
    is_away: bool,
    /// When an interface that is away is looked for again.
    next_look: Instant,
    /// When the kernel is asked again what it dropped.
    next_count: Instant,
    /// When it has to be over.
    end: Option<Instant>,
}

impl Reader {
    /// Reads until the source is to end.
    pub(super) fn run(mut self) {
        let is_away = !self.ring.was_up();
        self.tell_away(is_away);
        let soon = Instant::now() + TICK;
        let mut state = State { is_away, next_look: soon, next_count: soon, end: None };
        while !self.inlet.is_stopping() {
            if !self.take_block(&mut state) {
                self.rest(&mut state);
            }
            state.count_drops(self.ring.socket(), &self.inlet);
            if state.is_away && Instant::now() >= state.next_look {
                self.look_for_interface(&mut state);
            }
        }
        self.finish(&mut state);
    }

    /// Tries to come back to an interface that was away.
    fn look_for_interface(&mut self, state: &mut State) {
        state.next_look = Instant::now() + TICK;
        // The ring may be another then, so what is in this one comes first.
        if !self.ring.has_block() {
            state.next_count = Instant::now();
            state.count_drops(self.ring.socket(), &self.inlet);
            state.is_away = !self.ring.come_back(&self.settings, &self.group);
            self.tell_away(state.is_away);
        }
    }

    /// One of the rings tells for all of them whether the interface is there.
    fn tell_away(&self, is_away: bool) {
        if self.is_first {
            self.inlet.counts().set_away(is_away);
        }
    }

    /// Nothing is at hand: what there is goes to the engine, and more is waited for.
    fn rest(&mut self, state: &mut State) {
        // If there is no room now, it waits for the next packets, or the next time.
        let _ = self.inlet.hand_over();
        match self.ring.wait(WAIT) {
            Waited::Quiet => {}
            Waited::Ready if self.ring.has_block() => {}
            Waited::Ready => std::thread::sleep(PAUSE),
            Waited::Away => {
                (state.is_away, state.next_look) = (true, Instant::now() + TICK);
                self.inlet.counts().add(Count::Reopened, u64::from(self.is_first));
                self.tell_away(true);
            }
        }
    }

    /// Takes the packets of the next block. `false` if there is none.
    fn take_block(&mut self, state: &mut State) -> bool {
        let Reader { ring, inlet, settings, .. } = self;
        let (linktype, is_ethernet) = (ring.link().linktype(), ring.link() == Link::Ethernet);
        // The kernel's time is the machine's; a card has a clock of its own.
        let is_said = settings.timestamps == Timestamps::Hardware;
        let now_ns = if is_said { now_ns() } else { 0 };
        ring.take_block(|socket, frame| {
            let write = |bytes: &mut Vec<u8>| frame.write(bytes, is_ethernet);
            let pushed = match is_said {
                true => inlet.push_said(frame.time_ns, now_ns, linktype, write),
                false => inlet.push(frame.time_ns, linktype, write),
            };
            if pushed.is_err() {
                state.wait_for_room(socket, inlet);
            }
        })
    }

    /// Takes what came before the end: the ring, and the block that the kernel has not yet handed over.
    fn finish(mut self, state: &mut State) {
        self.ring.close();
        let end = *state.end.get_or_insert_with(|| Instant::now() + LAST);
        // The kernel looks after each timeout whether the block is as it was, so it may take two.
        let quiet = (Instant::now() + self.settings.block_timeout * 2 + PAUSE * 10).min(end);
        loop {
            let is_over = Instant::now() >= quiet;
            if self.take_block(state) {
                continue;
            }
            if is_over {
                break;
            }
            self.ring.wait(PAUSE * 5);
        }
        if self.inlet.hand_over().is_err() {
            state.wait_for_room(self.ring.socket(), &mut self.inlet);
        }
        state.next_count = Instant::now();
        state.count_drops(self.ring.socket(), &self.inlet);
    }
}

impl State {
    /// Waits until the batch can be handed over; at the end of all it is dropped.
    fn wait_for_room(&mut self, socket: &Socket, inlet: &mut Inlet) {
        while inlet.hand_over().is_err() {
            let now = Instant::now();
            if inlet.is_stopping() && now >= *self.end.get_or_insert(now + LAST) {
                return inlet.drop_batch();
            }
            inlet.wait_for_room(now + WAIT_FOR_ROOM);
            self.count_drops(socket, inlet);
        }
    }

    /// Asks the kernel about once a second what it dropped.
    fn count_drops(&mut self, socket: &Socket, inlet: &Inlet) {
        let now = Instant::now();
        if now >= self.next_count {
            inlet.counts().add(Count::DroppedByKernel, socket.take_drops().unwrap_or(0));
            self.next_count = now + TICK;
        }
    }
}
