//! dnstap sent on: to a receiver at a Unix socket, TCP or TLS, with the handshake that it expects.
//!
//! A [`Relay`] is written to like a file of dnstap, so the sink that writes such files ([`crate::dnstap`]) need not know: the
//! START and STOP that it writes are taken out, as each connection has its own. Between the two is a buffer, and a thread that
//! sends ([`link`] is one connection). The surprising fact: the receiver may be gone for a while. It is looked for again and
//! again; meanwhile the buffer fills, and then either whoever writes waits, as with files, or what does not fit is dropped
//! and counted, as behind a live source, which must not wait ([`WhenFull`]).

mod counts;
mod link;
#[cfg(feature = "tls")]
mod tls;

pub use counts::{Count, Counts, RELAY_COUNTS};

use dpp::dnstap::frames::{Frames, Step};
use link::Link;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Where a receiver listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// At a Unix socket.
    Unix(PathBuf),
    /// At a host and port of TCP, as in `collector.example:6000`.
    Tcp(String),
    /// At one where they speak TLS.
    #[cfg(feature = "tls")]
    Tls {
        /// The host and port. The receiver's certificate must be one of that host.
        address: String,
        /// The file with the authorities (PEM) of which the receiver must show a certificate.
        authority: PathBuf,
        /// The files with our own certificate and its key (PEM), if it asks for them.
        identity: Option<(PathBuf, PathBuf)>,
    },
}

impl std::fmt::Display for Target {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Target::Unix(path) => write!(out, "'{}'", path.display()),
            Target::Tcp(address) => out.write_str(address),
            #[cfg(feature = "tls")]
            Target::Tls { address, .. } => out.write_str(address),
        }
    }
}

/// What becomes of frames for which the buffer has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Whoever writes waits. The receiver must be there from the beginning, and may be gone no longer than we are patient.
    Wait,
    /// They are dropped and counted. The receiver may come later, and be gone for as long as it likes.
    Drop,
}

/// How frames are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// To whom.
    pub target: Target,
    /// So many bytes may wait in the buffer.
    pub buffer_bytes: usize,
    /// What happens to further ones.
    pub when_full: WhenFull,
    /// How long a receiver may be gone, or take nothing, while it is waited for, also at the end.
    pub patience: Duration,
    /// How long connecting may take, and the handshake.
    pub handshake: Duration,
}

impl Settings {
    /// The usual bounds. 16 MiB are some 100,000 messages.
    pub fn new(target: Target, when_full: WhenFull) -> Settings {
        let (patience, handshake) = (Duration::from_secs(60), Duration::from_secs(10));
        Settings { target, buffer_bytes: 16 << 20, when_full, patience, handshake }
    }
}

impl Settings {
    /// Looks whether it could be sent, as far as that can be seen without connecting: certificates are read, the host is looked up.
    ///
    /// # Errors
    /// What stands against it.
    pub fn look(&self) -> io::Result<()> {
        link::Door::new(self)?.look()
    }
}

/// A receiver that is gone is looked for after this, and then after twice as long, up to [`PAUSE_MAX`]: soon enough after a
/// restart, and seldom enough not to be a burden.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Frames on their way to a receiver.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Shared>,
    counts: Arc<Counts>,
    sender: Option<JoinHandle<()>>,
    /// What is written, as a stream, and of it what is not a whole frame yet.
    frames: Frames,
    half: Vec<u8>,
}

impl Relay {
    /// Begins to send. If it is to be waited for, the receiver must be there.
    ///
    /// # Errors
    /// Why it cannot be connected to, with its name.
    pub fn open(settings: Settings) -> io::Result<Relay> {
        Relay::open_counted(settings, Arc::default())
    }

    /// The same, and counts there.
    ///
    /// # Errors
    /// The same.
    pub fn open_counted(settings: Settings, counts: Arc<Counts>) -> io::Result<Relay> {
        let door = link::Door::new(&settings)?;
        let named = |error: io::Error| {
            let problem =
                format!("cannot send dnstap to {}: {error}; is a receiver listening there?", settings.target);
            io::Error::new(error.kind(), problem)
        };
        let first = match settings.when_full {
            WhenFull::Wait => Some(door.connect().map_err(named)?),
            WhenFull::Drop => None,
        };
        let shared = Arc::new(Shared::new(&settings));
        counts.add(Count::Connections, u64::from(first.is_some()));
        counts.set_connected(first.is_some());
        let sender = Sender { door, shared: Arc::clone(&shared), counts: Arc::clone(&counts), settings };
        let sender = thread::Builder::new().name("relay".into()).spawn(move || sender.run(first))?;
        Ok(Relay { shared, counts, sender: Some(sender), frames: Frames::new(), half: Vec::new() })
    }

    /// What it has counted, and counts.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Sends what is left, and takes leave. What cannot be sent within our patience is counted as dropped.
    ///
    /// # Errors
    /// If whoever writes is to wait, that not everything was sent.
    pub fn finish(mut self) -> io::Result<()> {
        self.close();
        let inside = self.shared.lock();
        match (&inside.failed, self.shared.when_full) {
            (Some(problem), WhenFull::Wait) => Err(io::Error::other(problem.clone())),
            _ => Ok(()),
        }
    }

    fn close(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_all();
        if let Some(sender) = self.sender.take() {
            sender.join().expect("the sender does not panic");
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.close();
    }
}

impl Write for Relay {
    /// Takes the bytes of a stream of dnstap, however they are cut.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.half.extend_from_slice(bytes);
        let (mut block, mut at) = (Block::default(), 0);
        loop {
            at += match self.frames.step(&self.half[at..]) {
                Step::Data { total, .. } => {
                    block.bytes.extend_from_slice(&self.half[at..at + total]);
                    block.frames += 1;
                    total
                }
                Step::Control { total, .. } => total,
                Step::More => break,
                Step::TooLong { .. } => {
                    return Err(io::Error::new(ErrorKind::InvalidInput, "a frame too long for dnstap"));
                }
                Step::Damaged(what) => return Err(io::Error::new(ErrorKind::InvalidInput, what)),
            };
        }
        self.half.drain(..at);
        if block.frames > 0 {
            self.shared.offer(block, &self.counts)?;
        }
        Ok(bytes.len())
    }

    /// Nothing waits here: it is sent as soon as it can be.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whole data frames.
#[derive(Debug, Default)]
struct Block {
    bytes: Vec<u8>,
    frames: u64,
}

impl Block {
    /// Takes away the frames that are whole in the first `sent` bytes. Gives how many they were.
    fn cut(&mut self, sent: usize) -> u64 {
        let (mut at, mut frames) = (0, 0);
        while let Some(length) = self.bytes.get(at..at + 4) {
            let total = 4 + u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
            if at + total > sent {
                break;
            }
            (at, frames) = (at + total, frames + 1);
        }
        self.bytes.drain(..at);
        self.frames -= frames;
        frames
    }
}

/// What the writer and the sender share.
#[derive(Debug)]
struct Shared {
    inside: Mutex<Inside>,
    changed: Condvar,
    buffer_bytes: usize,
    when_full: WhenFull,
}

#[derive(Debug, Default)]
struct Inside {
    blocks: VecDeque<Block>,
    bytes: usize,
    is_closed: bool,
    /// Why nothing is sent any more.
    failed: Option<String>,
}

impl Shared {
    fn new(settings: &Settings) -> Shared {
        let Settings { buffer_bytes, when_full, .. } = *settings;
        Shared { inside: Mutex::default(), changed: Condvar::new(), buffer_bytes, when_full }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offer(&self, block: Block, counts: &Counts) -> io::Result<()> {
        let mut inside = self.lock();
        // A block larger than the whole buffer may pass when that is empty.
        while inside.failed.is_none()
            && inside.bytes > 0
            && inside.bytes + block.bytes.len() > self.buffer_bytes
        {
            if self.when_full == WhenFull::Drop {
                counts.add(Count::DroppedFull, block.frames);
                return Ok(());
            }
            inside = self.changed.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(problem) = &inside.failed {
            counts.add(Count::DroppedNoReceiver, block.frames);
            return Err(io::Error::other(problem.clone()));
        }
        inside.bytes += block.bytes.len();
        counts.set_waiting(inside.bytes);
        inside.blocks.push_back(block);
        drop(inside);
        self.changed.notify_all();
        Ok(())
    }

    /// The next block; `None` when all is over.
    fn take(&self, counts: &Counts) -> Option<Block> {
        let mut inside = self.lock();
        loop {
            if let Some(block) = inside.blocks.pop_front() {
                inside.bytes -= block.bytes.len();
                counts.set_waiting(inside.bytes);
                self.changed.notify_all();
                return Some(block);
            }
            if inside.is_closed {
                return None;
            }
            inside = self.changed.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits so long, or until the writer is done. Gives whether it is.
    fn pause(&self, pause: Duration) -> bool {
        let inside = self.lock();
        if !inside.is_closed {
            let while_open = |inside: &mut Inside| !inside.is_closed;
            let waited = self.changed.wait_timeout_while(inside, pause, while_open);
            return waited.unwrap_or_else(PoisonError::into_inner).0.is_closed;
        }
        drop(inside);
        thread::sleep(pause);
        true
    }

    /// Nothing is sent any more. What waits is dropped.
    fn fail(&self, problem: String, counts: &Counts) {
        let mut inside = self.lock();
        let dropped = inside.blocks.drain(..).map(|block| block.frames).sum();
        counts.add(Count::DroppedNoReceiver, dropped);
        counts.set_waiting(0);
        inside.bytes = 0;
        inside.failed = Some(problem);
        drop(inside);
        self.changed.notify_all();
    }
}

/// The thread that sends.
struct Sender {
    door: link::Door,
    shared: Arc<Shared>,
    counts: Arc<Counts>,
    settings: Settings,
}

impl Sender {
    fn run(self, first: Option<Link>) {
        if let Err(error) = self.send_all(first) {
            let problem = format!("dnstap can no longer be sent to {}: {error}", self.settings.target);
            self.shared.fail(problem, &self.counts);
        }
    }

    /// Sends until the writer is done.
    fn send_all(&self, first: Option<Link>) -> io::Result<()> {
        let mut link = match first {
            Some(link) => link,
            None => self.connect(0)?,
        };
        while let Some(mut block) = self.shared.take(&self.counts) {
            while let Err(error) = self.send(&mut link, &mut block) {
                self.counts.add(Count::Broken, 1);
                self.counts.set_connected(false);
                link = self.connect(block.frames).map_err(|_| {
                    self.counts.add(Count::DroppedNoReceiver, block.frames);
                    error
                })?;
            }
        }
        // Everything was sent. Whether it was also received only a FINISH says.
        if link.stop().is_err() {
            self.counts.add(Count::Broken, 1);
        }
        Ok(())
    }

    /// Sends a block. If that breaks, what was not sent stays in it.
    fn send(&self, link: &mut Link, block: &mut Block) -> io::Result<()> {
        match link.send(&block.bytes) {
            Ok(()) => {
                self.counts.add(Count::Sent, block.frames);
                Ok(())
            }
            Err((sent, error)) => {
                self.counts.add(Count::Sent, block.cut(sent));
                Err(error)
            }
        }
    }

    /// Connects, as often as it takes while we are patient. `in_hand` frames wait for it beside those in the buffer.
    fn connect(&self, in_hand: u64) -> io::Result<Link> {
        let drops = self.settings.when_full == WhenFull::Drop;
        // Who drops has all the time in the world, until the end.
        let mut waited_since = (!drops).then(Instant::now);
        let mut pause = PAUSE_MIN;
        loop {
            let error = match self.door.connect() {
                Ok(link) => {
                    self.counts.add(Count::Connections, 1);
                    self.counts.set_connected(true);
                    return Ok(link);
                }
                Err(error) => error,
            };
            self.counts.add(Count::Refused, 1);
            let is_closed = self.shared.pause(pause);
            pause = if is_closed { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
            if is_closed {
                waited_since.get_or_insert_with(Instant::now);
            }
            let has_nothing = is_closed && in_hand == 0 && self.shared.lock().blocks.is_empty();
            if has_nothing || waited_since.is_some_and(|since| since.elapsed() > self.settings.patience) {
                return Err(error);
            }
        }
    }
}
