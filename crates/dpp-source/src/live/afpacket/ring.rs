//! One ring: how it is opened, waited for, and opened again when its interface was away.
//!
//! The order matters. A socket gets packets only once it is bound, so the filter and the ring are there before; where several
//! rings share an interface, each would get all packets between being bound and having joined the others, so it lets nothing
//! through until then. When the interface goes down the kernel leaves the socket and comes back to it by itself. When the
//! interface is deleted, one of the same name is another to the kernel: a ring of its own is bound to it, which takes no
//! privileges; but one that has joined others cannot be bound again, so it is made anew, which does.

use super::block::{self, Frame};
use super::filter::{self, Instruction, Link, Passes};
use super::sys::{self, Block, Interface, Layout, Map, Socket};
use super::{Settings, Timestamps};
use crate::live::LiveError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::SocketType;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Blocks are a multiple of this, which is one of every machine's pages.
const BLOCK_GRAIN: usize = 64 << 10;
/// What the kernel puts before a packet in a block, and a block before its first: much less.
const HEADERS_MAX: usize = 4 << 10;

/// The rings that share an interface: the interface's number, and the kernel's for the group.
#[derive(Debug, Default)]
pub(super) struct Group(Mutex<Option<(i32, u16)>>);

/// A ring that is open.
#[derive(Debug)]
pub(super) struct Ring {
    socket: Socket,
    map: Map,
    /// The block that comes next.
    next: usize,
    link: Link,
    /// Whether the interface was on when the ring was opened.
    was_up: bool,
}

/// What came of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// There may be a block.
    Ready,
    /// There is none.
    Quiet,
    /// The interface has gone away.
    Away,
}

impl Ring {
    /// Opens a ring on an interface that is there.
    ///
    /// # Errors
    /// [`LiveError`] names what is missing.
    pub(super) fn open(settings: &Settings, group: &Group) -> Result<Ring, LiveError> {
        let name = &settings.interface;
        // Any socket can be asked about interfaces, and this one takes no privileges.
        let asked = std::os::unix::net::UnixDatagram::unbound().map_err(failed(name, "socket"))?;
        let interface = sys::interface(&asked, name).ok_or_else(|| no_interface(name))?;
        let link = link(name, interface)?;
        let kind = if link == Link::Ethernet { SocketType::RAW } else { SocketType::DGRAM };
        let socket = Socket::new(kind).map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => not_permitted(name, "CAP_NET_RAW"),
            _ => failed(name, "socket")(source),
        })?;
        let program = program(link, interface, settings);
        let first = if settings.threads > 1 { filter::NOTHING } else { &program };
        socket.set_filter(first).map_err(failed(name, "filter"))?;
        if settings.timestamps == Timestamps::Hardware {
            socket.take_hardware_timestamps(name).map_err(|source| no_timestamps(name, source))?;
        }
        let map = map(&socket, settings)?;
        let ring = Ring { socket, map, next: 0, link, was_up: true };
        ring.bind(interface, settings).map_err(failed(name, "bind"))?;
        if settings.threads > 1 {
            group.join(&ring.socket, interface).map_err(failed(name, "fanout"))?;
            ring.socket.set_filter(&program).map_err(failed(name, "filter"))?;
        }
        Ok(Ring { was_up: ring.is_up(settings), ..ring })
    }

    fn bind(&self, interface: Interface, settings: &Settings) -> io::Result<()> {
        self.socket.bind(interface.index, true)?;
        // If the interface is off the socket says so at once, which is no news.
        self.socket.take_error()?;
        if settings.promiscuous {
            self.socket.make_promiscuous(interface.index)?;
        }
        Ok(())
    }

    /// What its packets begin with.
    pub(super) fn link(&self) -> Link {
        self.link
    }

    /// Whether the interface was on when the ring was opened.
    pub(super) fn was_up(&self) -> bool {
        self.was_up
    }

    /// Calls `take` for each packet of the next block, which then goes back to the kernel. `false` if there is no block.
    pub(super) fn take_block(&mut self, mut take: impl FnMut(&Socket, Frame)) -> bool {
        let Some(block) = self.map.block(self.next) else { return false };
        block::frames(Block::bytes(&block)).for_each(|frame| take(&self.socket, frame));
        drop(block);
        self.next = (self.next + 1) % self.map.blocks();
        true
    }

    /// Whether there is a block.
    pub(super) fn has_block(&self) -> bool {
        self.map.is_ours(self.next)
    }

    /// Waits for a block.
    pub(super) fn wait(&self, longest: Duration) -> Waited {
        let longest = Timespec { tv_sec: longest.as_secs() as _, tv_nsec: longest.subsec_nanos() as _ };
        let mut sockets = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut sockets, Some(&longest)) {
            Ok(0) | Err(Errno::INTR) => return Waited::Quiet,
            // Whoever finds no block then waits in another way.
            Err(_) => return Waited::Ready,
            Ok(_) => {}
        }
        // Taking the error out is what makes the next wait one.
        let is_error = sockets[0].revents().contains(PollFlags::ERR);
        match is_error.then(|| self.socket.take_error()) {
            Some(Ok(Some(Errno::NETDOWN | Errno::NODEV))) => Waited::Away,
            _ => Waited::Ready,
        }
    }

    /// The socket of the ring.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Lets no more packets in.
    pub(super) fn close(&self) {
        // A program of one instruction that was taken before is taken again; and if not, the end comes all the same.
        let _ = self.socket.set_filter(filter::NOTHING);
    }

    /// Whether the interface is on.
    fn is_up(&self, settings: &Settings) -> bool {
        let interface = sys::interface(&self.socket, &settings.interface);
        interface.is_some_and(|interface| interface.is_up && self.is_bound_to(interface))
    }

    /// Tries to come back to an interface that was away. `true` if packets can come again.
    pub(super) fn come_back(&mut self, settings: &Settings, group: &Group) -> bool {
        let Some(interface) = sys::interface(&self.socket, &settings.interface) else { return false };
        if !self.is_bound_to(interface) && !self.bind_again(interface, settings) {
            match Ring::open(settings, group) {
                Ok(ring) => *self = ring,
                Err(_) => return false,
            }
        }
        self.is_up(settings)
    }

    fn bind_again(&self, interface: Interface, settings: &Settings) -> bool {
        let is_alike = link(&settings.interface, interface).is_ok_and(|link| link == self.link);
        let is_dated = settings.timestamps == Timestamps::Software
            || self.socket.take_hardware_timestamps(&settings.interface).is_ok();
        is_alike && is_dated && self.bind(interface, settings).is_ok()
    }

    fn is_bound_to(&self, interface: Interface) -> bool {
        self.socket.bound_to().is_ok_and(|index| index == interface.index)
    }
}

impl Group {
    /// Joins the rings on the same interface, or is the first.
    fn join(&self, socket: &Socket, interface: Interface) -> io::Result<()> {
        let mut group = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // If that fails the next one makes a new group. Not this one: both would get all packets.
        let there = group.take_if(|(index, _)| *index == interface.index);
        let number = socket.join(there.map(|(_, number)| number))?;
        *group = Some((interface.index, number));
        Ok(())
    }
}

/// Rings of whole blocks, and blocks that the longest packet fits into.
fn layout(settings: &Settings) -> Layout {
    let longest = settings.snaplen as usize + HEADERS_MAX;
    let block_bytes = settings.block_bytes.max(longest).next_multiple_of(BLOCK_GRAIN);
    let timeout_ms = settings.block_timeout.as_millis() as u32;
    Layout { block_bytes, blocks: (settings.ring_bytes / block_bytes).max(2), timeout_ms }
}

fn map(socket: &Socket, settings: &Settings) -> Result<Map, LiveError> {
    let layout = layout(settings);
    let bytes = layout.block_bytes * layout.blocks;
    let interface = settings.interface.clone();
    socket.map(layout).map_err(|source| LiveError::Ring { interface, bytes, source })
}

fn program(link: Link, interface: Interface, settings: &Settings) -> Vec<Instruction> {
    let passes = Passes {
        ports: settings.ports.ranges(),
        fragments: settings.fragments,
        tunnels: settings.tunnels,
        incoming_only: interface.hardware == libc::ARPHRD_LOOPBACK,
        snaplen: settings.snaplen,
    };
    filter::program(link, &passes)
}

/// What the packets of an interface begin with.
fn link(name: &str, interface: Interface) -> Result<Link, LiveError> {
    /// A tunnel whose far end decides what it carries (linux/if_arp.h: RAWIP, and IP6GRE), for which libc has no names.
    const RAWIP: u16 = 519;
    const IP6GRE: u16 = 823;
    match interface.hardware {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => Ok(Link::Ethernet),
        libc::ARPHRD_NONE
        | libc::ARPHRD_PPP
        | libc::ARPHRD_TUNNEL
        | libc::ARPHRD_TUNNEL6
        | libc::ARPHRD_SIT
        | libc::ARPHRD_IPGRE
        | RAWIP
        | IP6GRE => Ok(Link::RawIp),
        hardware => Err(LiveError::LinkLayer { interface: name.to_string(), hardware }),
    }
}

/// Looks whether there is such an interface, and whether its link layer is read.
pub(super) fn look(name: &str) -> Result<(), LiveError> {
    let anything =
        rustix::net::socket(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::DGRAM, None);
    let socket = anything.map_err(|error| failed(name, "a socket")(error.into()))?;
    let interface = sys::interface(&socket, name).ok_or_else(|| no_interface(name))?;
    link(name, interface).map(drop)
}

fn no_interface(name: &str) -> LiveError {
    LiveError::NoInterface { name: name.to_string(), there: sys::interfaces().join(", ") }
}

fn not_permitted(interface: &str, capability: &'static str) -> LiveError {
    LiveError::NotPermitted { interface: interface.to_string(), capability }
}

fn no_timestamps(name: &str, source: io::Error) -> LiveError {
    match source.kind() {
        io::ErrorKind::PermissionDenied => not_permitted(name, "CAP_NET_ADMIN"),
        _ => LiveError::HardwareTimestamps { interface: name.to_string(), source },
    }
}

fn failed(interface: &str, what: &'static str) -> impl Fn(io::Error) -> LiveError {
    move |source| LiveError::Interface { interface: interface.to_string(), what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_have_whole_blocks_that_the_longest_packet_fits_into() {
        let check = |ring_bytes, block_bytes, snaplen, expected: (usize, usize)| {
            let settings = Settings { ring_bytes, block_bytes, snaplen, ..Settings::default() };
            let layout = layout(&settings);
            assert_eq!((layout.blocks, layout.block_bytes), expected);
        };
        check(64 << 20, 1 << 20, 262_144, (64, 1 << 20));
        check(10 << 20, 3 << 20, 100, (3, 3 << 20));
        check(0, 0, 100, (2, 64 << 10));
        check(1 << 20, 1, 65_535, (8, 128 << 10));
        check(1 << 20, 100_000, 100, (8, 128 << 10));
    }

    #[test]
    fn link_layers_that_are_not_read_are_refused_by_number() {
        let told = |hardware| {
            let interface = Interface { index: 1, hardware, is_up: true };
            link("wlan0", interface).map_err(|error| error.to_string())
        };
        assert_eq!(told(1), Ok(Link::Ethernet));
        assert_eq!(told(772), Ok(Link::Ethernet));
        assert_eq!(told(0xFFFE), Ok(Link::RawIp));
        assert!(told(803).unwrap_err().contains("'wlan0': its link layer (ARPHRD 803)"));
    }
}
