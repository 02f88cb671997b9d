//! All senders of a listener, and the one thread that waits for them.
//!
//! A round: wait until somebody has something to say, take new ones, read once from each that is ready, part from those that
//! are done, and hand over what came. Nobody is waited for, and nobody gets more than one read a round, so a sender that never
//! stops, or one that sends a byte at a time, delays no other.

use super::conversation::{Conversation, Heard};
use super::stream::{Listener, Stream};
use crate::live::counts::Count;
use crate::live::now_ns;
use crate::live::queue::Inlet;
use dpp::capture::Record;
use dpp::dnstap::time_of;
use dpp::limits::DNSTAP_HALVES_MAX;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// So much is read at once: what a Unix socket holds as a rule.
const READ_BYTES: usize = 256 << 10;
/// So many new senders are taken in a round.
const ACCEPT_MAX: usize = 64;
/// A round takes no longer than this, so that the end is noticed and those who are late are parted from.
const ROUND: Duration = Duration::from_millis(100);
/// When the system has no more files, new senders are looked after again after this.
const PAUSE: Duration = Duration::from_millis(100);
/// When all is to end, what the sockets still hold is read for so long.
const LAST: Duration = Duration::from_millis(80);

/// A listener and those who are connected.
pub(super) struct Senders {
    listener: Listener,
    connections: Vec<Connection>,
    inlet: Inlet,
    senders_max: usize,
    handshake: Duration,
    /// Until when no new ones are taken.
    accept_after: Option<Instant>,
    /// Bytes of half frames, of all.
    held: usize,
    /// What is read into.
    buffer: Vec<u8>,
}

/// A sender.
struct Connection {
    stream: Stream,
    conversation: Conversation,
    /// When it must have started; and, once it is over, have taken what it is told.
    deadline: Instant,
    is_ready: bool,
    ended: Option<Ended>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// As it should.
    Well,
    /// In the middle.
    Broken,
    /// With something that the protocol does not know, or too late.
    Protocol,
    /// As there is no room for what it sends.
    Refused,
}

impl Senders {
    pub(super) fn new(listener: Listener, inlet: Inlet, senders_max: usize, handshake: Duration) -> Senders {
        let (connections, buffer) = (Vec::new(), vec![0; READ_BYTES]);
        Senders { listener, connections, inlet, senders_max, handshake, accept_after: None, held: 0, buffer }
    }

    /// Takes what is sent until the end.
    pub(super) fn run(mut self) {
        while !self.inlet.is_stopping() {
            self.round(ROUND);
        }
        let last = Instant::now() + LAST;
        while self.round(Duration::ZERO) && Instant::now() < last {}
    }

    /// Gives whether somebody was ready.
    fn round(&mut self, timeout: Duration) -> bool {
        let is_called = self.wait(timeout);
        if is_called {
            self.accept();
        }
        let now = Instant::now();
        let mut was_ready = is_called;
        for connection in &mut self.connections {
            if connection.is_ready {
                was_ready = true;
                let before = connection.conversation.held();
                connection.serve(&mut self.buffer, &mut self.inlet, now + self.handshake);
                self.held = self.held - before + connection.conversation.held();
                if self.held > DNSTAP_HALVES_MAX {
                    connection.ended.get_or_insert(Ended::Refused);
                }
            }
            if now > connection.deadline && !connection.is_settled() {
                connection.ended.get_or_insert(Ended::Protocol);
            }
            // Its half frame is given up at once: those behind it need not be.
            if connection.ended.is_some() {
                self.held -= connection.conversation.held();
                connection.conversation = Conversation::default();
            }
        }
        self.part();
        // If there is no room the batch waits for the next round, or until it is full.
        let _ = self.inlet.hand_over();
        was_ready
    }

    /// Waits until somebody is ready. Gives whether new ones are.
    fn wait(&mut self, timeout: Duration) -> bool {
        let accepts = self.accept_after.is_none_or(|after| Instant::now() >= after);
        let has_more = self.connections.iter().any(|connection| connection.stream.has_more());
        let timeout = if has_more { Duration::ZERO } else { timeout };
        let mut asked: Vec<PollFd> = self.connections.iter().map(Connection::ask).collect();
        let listener = if accepts { PollFlags::IN } else { PollFlags::empty() };
        asked.push(PollFd::new(&self.listener, listener));
        let timeout = Timespec::try_from(timeout).expect("not so long");
        if poll(&mut asked, Some(&timeout)).is_err() {
            // A signal.
            return false;
        }
        let ready: Vec<bool> = asked.iter().map(|asked| !asked.revents().is_empty()).collect();
        for (connection, is_ready) in self.connections.iter_mut().zip(&ready) {
            connection.is_ready = *is_ready || connection.stream.has_more();
        }
        accepts && ready.last() == Some(&true)
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPT_MAX {
            let counts = self.inlet.counts();
            match self.listener.accept() {
                Ok(_) if self.connections.len() >= self.senders_max => {
                    counts.add(Count::ConnectionsRefused, 1);
                }
                Ok(stream) => {
                    counts.add(Count::Connections, 1);
                    self.connections.push(Connection::new(stream, Instant::now() + self.handshake));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // It went before it was taken.
                Err(error)
                    if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
                // There are no more files, or no memory: who waits to be taken would be ready again at once.
                Err(_) => {
                    counts.add(Count::ConnectionsRefused, 1);
                    self.accept_after = Some(Instant::now() + PAUSE);
                    return;
                }
            }
        }
    }

    /// Parts from those who are done.
    fn part(&mut self) {
        let counts = self.inlet.counts();
        self.connections.retain(|connection| {
            match connection.ended {
                None => return true,
                Some(Ended::Well) => {}
                Some(Ended::Broken) => counts.add(Count::ConnectionsBroken, 1),
                Some(Ended::Protocol) => counts.add(Count::ProtocolErrors, 1),
                Some(Ended::Refused) => counts.add(Count::ConnectionsRefused, 1),
            }
            false
        });
    }
}

impl Connection {
    fn new(stream: Stream, deadline: Instant) -> Connection {
        Connection { stream, conversation: Conversation::default(), deadline, is_ready: false, ended: None }
    }

    /// What is waited for.
    fn ask(&self) -> PollFd<'_> {
        let has_to_say = !self.conversation.replies.is_empty() || self.stream.wants_to_write();
        let mut flags = if self.conversation.is_over() { PollFlags::empty() } else { PollFlags::IN };
        flags.set(PollFlags::OUT, has_to_say);
        PollFd::new(&self.stream, flags)
    }

    /// Whether it may take its time.
    fn is_settled(&self) -> bool {
        self.conversation.is_established() && !self.conversation.is_over()
    }

    /// Reads once, and says what is to be said. Once all was sent, it has until `deadline` to take what it is told.
    fn serve(&mut self, buffer: &mut [u8], inlet: &mut Inlet, deadline: Instant) {
        if !self.conversation.is_over() {
            self.read(buffer, inlet);
            if self.conversation.is_over() {
                self.deadline = deadline;
            }
        }
        if self.ended.is_none() && self.say().is_err() {
            self.ended = Some(self.ending());
        }
        let has_said = self.conversation.replies.is_empty() && !self.stream.wants_to_write();
        if self.conversation.is_over() && has_said {
            self.ended.get_or_insert(Ended::Well);
        }
    }

    /// What it is if the sender goes here. Who has said STOP need not wait for the answer.
    fn ending(&self) -> Ended {
        if self.conversation.may_end() { Ended::Well } else { Ended::Broken }
    }

    fn read(&mut self, buffer: &mut [u8], inlet: &mut Inlet) {
        match self.stream.read(buffer) {
            Ok(0) => self.ended = Some(self.ending()),
            Ok(given) => self.take(&buffer[..given], inlet),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted => {}
                // Of TLS.
                ErrorKind::InvalidData => self.ended = Some(Ended::Protocol),
                _ => self.ended = Some(self.ending()),
            },
        }
    }

    /// Frames go to the engine; those that say no time are dated now.
    fn take(&mut self, bytes: &[u8], inlet: &mut Inlet) {
        let now_ns = now_ns();
        let taken = self.conversation.take(bytes, &mut |heard| match heard {
            Heard::Frame(frame) => {
                let said_ns = time_of(frame).unwrap_or(now_ns);
                let write = |bytes: &mut Vec<u8>| bytes.extend_from_slice(frame);
                let pushed = inlet.push_said(said_ns, now_ns, Record::DNSTAP, write);
                if pushed.is_err() {
                    inlet.drop_batch();
                }
            }
            Heard::TooLong => inlet.counts().add(Count::TooLong, 1),
        });
        if taken.is_err() {
            self.ended = Some(Ended::Protocol);
        }
    }

    /// Says what is to be said, as far as the socket takes it.
    fn say(&mut self) -> io::Result<()> {
        while !self.conversation.replies.is_empty() || self.stream.wants_to_write() {
            match self.stream.write(&self.conversation.replies) {
                Ok(0) => return Ok(()),
                Ok(said) => {
                    self.conversation.replies.drain(..said);
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
