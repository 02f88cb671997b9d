//! Network interfaces, through AF_PACKET: what the kernel sends and receives, in rings of memory that it shares with us.
//!
//! ```text
//!  interface -> filter -> ring -> reader (a thread) -> inlet
//! ```
//! The kernel copies each packet that passes the filter into a block of a ring, with the time at which it saw it, and hands
//! over whole blocks; a reader empties them. With several rings it divides packets among them by flow. The surprising
//! fact: nobody is asked to slow down. Where the engine is behind, blocks stay in the ring, and the kernel drops what has no
//! place and counts it ([`Count::DroppedByKernel`](super::Count)).

mod block;
mod filter;
mod reader;
mod ring;
mod sys;
#[cfg(test)]
mod tests;

use super::{Counts, LiveError, Queue};
use dpp::limits;
use dpp::plan::Ports;
use reader::Reader;
use ring::{Group, Ring};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Who dates packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timestamps {
    /// The kernel, by the clock of the system, when it takes the packet over. Good to some microseconds, more under load.
    #[default]
    Software,
    /// The network card, when the packet is on the wire. By its own clock, which something must keep near UTC (phc2sys): where it
    /// is more than ten seconds away, the clock of the capture goes by when packets come, and they are counted. Takes
    /// CAP_NET_ADMIN, and a card that can: one that cannot is refused, as times would be others than those that were asked for.
    /// What the card does not date (what goes out, as a rule) has the kernel's time.
    Hardware,
}

/// What is captured, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of the interface.
    pub interface: String,
    /// Ports that carry DNS: what has none of them on either side stays in the kernel.
    pub ports: Ports,
    /// Rings, each with a thread. One takes some hundred thousand packets a second, more than most servers have; several
    /// cost each packet a little, may bring those of one flow in another order, and need CAP_NET_RAW again if
    /// the interface is deleted and comes back.
    pub threads: usize,
    /// Bytes of each ring, at least two blocks. What may come while nobody reads: 64 MiB are 300,000 packets of DNS.
    pub ring_bytes: usize,
    /// Bytes of a block, rounded up to 64 KiB, and so that a packet of `snaplen` fits. The kernel hands over whole blocks: small
    /// ones cost switches, and large ones are few.
    pub block_bytes: usize,
    /// After so long, at most 60 ms, a block is handed over that is not full. Rows come so much later where there is little
    /// traffic; and a ring that nobody reads is full after so long for each block.
    pub block_timeout: Duration,
    /// Whether the interface is to take packets that are not for this machine, as other programs do that capture: a mirror port
    /// has no others. What the machine itself sends and receives is seen without.
    pub promiscuous: bool,
    /// Who dates packets.
    pub timestamps: Timestamps,
    /// Bytes of a packet that are captured; more are cut off. Segments that were put together by the network card or by the
    /// kernel have 64 KiB and more.
    pub snaplen: u32,
    /// Whether fragments of IP are captured. They do not tell their ports, so it is all of UDP and TCP.
    pub fragments: bool,
    /// Whether all is captured that may have DNS inside: tunnels, MPLS, PPPoE, IP in IP and others. Without, a capture in a file
    /// has rows that this one has not; but where tunnels carry much else, it saves looking at that.
    pub tunnels: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            interface: String::new(),
            ports: Ports::default(),
            threads: 1,
            ring_bytes: 64 << 20,
            block_bytes: 1 << 20,
            block_timeout: Duration::from_millis(20),
            promiscuous: true,
            timestamps: Timestamps::Software,
            snaplen: limits::CAPLEN_MAX,
            fragments: true,
            tunnels: true,
        }
    }
}

impl Settings {
    /// Looks whether there is such an interface, and whether its link layer is read.
    ///
    /// # Errors
    /// If not.
    pub fn look(&self) -> Result<(), LiveError> {
        ring::look(&self.interface)
    }
}

/// A longer timeout would let the last packets be late when the source is to end.
pub const BLOCK_TIMEOUT_MAX: Duration = Duration::from_millis(60);

/// A socket out of which frames are sent that are written to it: for tests of whatever captures them.
#[cfg(test)]
pub(super) fn sender(interface: &str) -> io::Result<std::os::fd::OwnedFd> {
    let socket = sys::Socket::new(rustix::net::SocketType::RAW)?;
    let there = sys::interface(&socket, interface).ok_or(io::ErrorKind::NotFound)?;
    socket.bind(there.index, false)?;
    rustix::io::dup(&socket).map_err(Into::into)
}

/// An interface that is captured. The kernel fills its rings already; [`AfPacket::start`] empties them.
#[derive(Debug)]
pub struct AfPacket {
    settings: Arc<Settings>,
    rings: Vec<Ring>,
    group: Arc<Group>,
}

impl AfPacket {
    /// Opens what takes privileges: sockets, rings, the interface's promiscuous mode.
    ///
    /// # Errors
    /// [`LiveError`] if there is no such interface, its link layer is not read, or privileges (CAP_NET_RAW) or memory are
    /// missing.
    pub fn open(settings: Settings) -> Result<AfPacket, LiveError> {
        let settings = Arc::new(Settings {
            threads: settings.threads.clamp(1, limits::LIVE_RINGS_MAX),
            block_timeout: settings.block_timeout.clamp(Duration::from_millis(1), BLOCK_TIMEOUT_MAX),
            snaplen: settings.snaplen.clamp(1, limits::CAPLEN_MAX),
            ..settings
        });
        let group = Arc::default();
        let rings = (0..settings.threads).map(|_| Ring::open(&settings, &group)).collect::<Result<_, _>>()?;
        Ok(AfPacket { settings, rings, group })
    }

    /// Starts a thread for each ring, which puts its packets into the queue as those of `input`.
    ///
    /// # Errors
    /// If the system gives no more threads.
    pub fn start(
        self,
        queue: &Arc<Queue>,
        input: u32,
        counts: Arc<Counts>,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let AfPacket { settings, rings, group } = self;
        let reader = |(number, ring)| Reader {
            ring,
            settings: Arc::clone(&settings),
            group: Arc::clone(&group),
            inlet: queue.inlet(input, Arc::clone(&counts)),
            is_first: number == 0,
        };
        // All inlets are there before the first thread can end, as the last one closes the queue.
        let readers: Vec<Reader> = rings.into_iter().enumerate().map(reader).collect();
        let spawn = |reader: Reader| {
            thread::Builder::new().name(format!("dpp-{}", settings.interface)).spawn(move || reader.run())
        };
        readers.into_iter().map(spawn).collect()
    }
}
