//! The probe of Knot DNS: sockets to which it sends a datagram for each query, one socket for each of its channels.
//!
//! The surprising fact: here too the receiver makes the sockets, and Knot DNS looks for them every few seconds, sends without
//! waiting, and forgets what a socket has no room for, of which nobody is told. What a socket holds is bounded in datagrams by
//! `net.unix.max_dgram_qlen`, so they are emptied as often as can be. A datagram says no time; it is dated when it comes.

use super::counts::Counts;
use super::error::LiveError;
use super::now_ns;
use super::queue::{Inlet, Queue};
use super::unix_socket::{SocketFile, UnixSocket};
use dpp::capture::Record;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, recv};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Knot DNS runs as a user of its own, whom we do not know. So everybody may send, unless it is said who; and nobody else may take
/// what is sent. It is what Knot's own library gives the sockets of those who listen.
const MODE: u32 = 0o222;
/// A datagram has at most 344 bytes. What is longer is cut, and can be read as far as it is one.
const DATAGRAM_MAX: usize = 512;
/// So many are taken from a socket before the next one's turn.
const TURN: usize = 1024;
/// A round takes no longer, so that the end is noticed.
const ROUND: Duration = Duration::from_millis(100);

/// Where Knot DNS sends to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder of the sockets, Knot's `path`.
    pub folder: PathBuf,
    /// How many there are, Knot's `channels`: `probe01.sock` and so on.
    pub sockets: u32,
    /// The user they belong to; ours if there is none.
    pub owner: Option<u32>,
    /// The group they belong to; ours if there is none.
    pub group: Option<u32>,
    /// The permission bits: who may write can send. Everybody, if there are none.
    pub mode: Option<u32>,
}

impl Settings {
    /// So many sockets in a folder, to which everybody may send.
    pub fn new(folder: PathBuf, sockets: u32) -> Settings {
        Settings { folder, sockets, owner: None, group: None, mode: None }
    }
}

/// Sockets that are open.
#[derive(Debug)]
pub struct Probe {
    sockets: Vec<(OwnedFd, SocketFile)>,
}

impl Settings {
    /// Looks whether the sockets could be made, as far as that can be seen without making them.
    ///
    /// # Errors
    /// What stands against it.
    pub fn look(&self) -> Result<(), LiveError> {
        match self.sockets {
            number @ 1..=CHANNELS_MAX => self.socket(number).look(),
            number => Err(LiveError::KnotSockets(number)),
        }
    }

    fn socket(&self, number: u32) -> UnixSocket {
        let path = self.folder.join(format!("probe{number:02}.sock"));
        let &Settings { owner, group, mode, .. } = self;
        UnixSocket { path, owner, group, mode: mode.or(Some(MODE)) }
    }
}

/// Knot DNS numbers its channels from 1 up to this.
const CHANNELS_MAX: u32 = u16::MAX as u32;

impl Probe {
    /// Makes the sockets. From now on Knot DNS can send to them.
    ///
    /// # Errors
    /// Which cannot be made, and what can be done about it.
    pub fn open(settings: &Settings) -> Result<Probe, LiveError> {
        if !(1..=CHANNELS_MAX).contains(&settings.sockets) {
            return Err(LiveError::KnotSockets(settings.sockets));
        }
        let socket = |number| settings.socket(number).datagrams();
        Ok(Probe { sockets: (1..=settings.sockets).map(socket).collect::<Result<_, _>>()? })
    }

    /// Takes datagrams into the queue, until that is stopping.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(
        self,
        queue: &Arc<Queue>,
        input: u32,
        counts: Arc<Counts>,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let inlet = queue.inlet(input, counts);
        Ok(vec![thread::Builder::new().name("knot".into()).spawn(move || self.run(inlet))?])
    }

    fn run(self, mut inlet: Inlet) {
        while !inlet.is_stopping() {
            for index in self.ready() {
                take(&self.sockets[index].0, &mut inlet);
            }
            // If there is no room the batch waits for the next round, or until it is full.
            let _ = inlet.hand_over();
        }
        self.sockets.iter().for_each(|(socket, _)| take(socket, &mut inlet));
    }

    /// Waits until something has come. Gives to which sockets.
    fn ready(&self) -> Vec<usize> {
        let mut asked: Vec<PollFd> =
            self.sockets.iter().map(|(socket, _)| PollFd::new(socket, PollFlags::IN)).collect();
        let timeout = Timespec::try_from(ROUND).expect("not so long");
        if poll(&mut asked, Some(&timeout)).is_err() {
            // A signal.
            return Vec::new();
        }
        (0..asked.len()).filter(|&index| !asked[index].revents().is_empty()).collect()
    }
}

/// Takes what a socket has, for one turn.
fn take(socket: &OwnedFd, inlet: &mut Inlet) {
    let mut datagram = [0; DATAGRAM_MAX];
    for _ in 0..TURN {
        let Ok((_, length)) = recv(socket, &mut datagram, RecvFlags::DONTWAIT) else { return };
        let datagram = &datagram[..length.min(DATAGRAM_MAX)];
        if inlet.push(now_ns(), Record::KNOT, |bytes| bytes.extend_from_slice(datagram)).is_err() {
            inlet.drop_batch();
        }
    }
}
