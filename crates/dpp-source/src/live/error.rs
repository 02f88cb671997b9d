//! Why a live source cannot be opened: each names the thing and the remedy.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;

impl LiveError {
    /// Whether somebody else has what is wanted; perhaps another `dpp` with this very configuration.
    pub fn is_in_use(&self) -> bool {
        match self {
            LiveError::SocketInUse(_) => true,
            LiveError::Address { source, .. } => source.kind() == io::ErrorKind::AddrInUse,
            _ => false,
        }
    }
}

/// Why a live source cannot be opened.
#[derive(Debug, Error)]
pub enum LiveError {
    /// Another process receives what is sent to this socket.
    #[error("cannot listen on '{}': somebody listens there already; stop that process, or choose another path", .0.display())]
    SocketInUse(PathBuf),
    /// The path is something else than a socket.
    #[error("cannot listen on '{}': there is something that is no socket; remove it, or choose another path", .0.display())]
    NoSocket(PathBuf),
    /// The path of a socket does not fit.
    #[error("cannot listen on '{}': the path of a socket has at most 107 bytes; choose a shorter one", .0.display())]
    PathTooLong(PathBuf),
    /// The folder is not there, or nothing may be made in it.
    #[error("cannot listen on '{}': {source}; look whether its folder is there and may be written to", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Owner, group or mode of a socket cannot be set.
    #[error("cannot set owner, group and mode of '{}': {source}; another owner needs root", path.display())]
    SocketRights {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An address of TCP cannot be used.
    #[error(
        "cannot listen on {address}: {source}; look whether it is an address of this machine, and the port free"
    )]
    Address {
        /// The address and port.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A certificate or key cannot be used.
    #[error("{what} '{}': {problem}; it must be a file in PEM format", path.display())]
    Credentials {
        /// What the file should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Sockets of Knot DNS are numbered from 1.
    #[error("{0} sockets for Knot DNS: it numbers its channels from 1 to 65535")]
    KnotSockets(u32),
    /// There is no such interface.
    #[error("there is no interface '{name}'; there are: {there}")]
    NoInterface {
        /// The one that was asked for.
        name: String,
        /// Those that there are, with commas.
        there: String,
    },
    /// Packets of interfaces are for those who may see them.
    #[error(
        "cannot capture on '{interface}': that takes the capability {capability}; give it to the program \
         (setcap {lower}+ep PATH/dpp), or to its service (AmbientCapabilities={capability}), or run it as root",
        lower = capability.to_lowercase()
    )]
    NotPermitted {
        /// The interface.
        interface: String,
        /// What is missing.
        capability: &'static str,
    },
    /// The interface's link layer is not read.
    #[error(
        "cannot capture on '{interface}': its link layer (ARPHRD {hardware}) is neither Ethernet nor bare IP; \
         capture on the interface that its packets go on to"
    )]
    LinkLayer {
        /// The interface.
        interface: String,
        /// The number of its link layer in linux/if_arp.h.
        hardware: u16,
    },
    /// The interface dates no packets.
    #[error(
        "'{interface}' gives packets no hardware timestamps: {source}; take those of the kernel (software)"
    )]
    HardwareTimestamps {
        /// The interface.
        interface: String,
        /// What the system says.
        source: io::Error,
    },
    /// There is no memory for a ring.
    #[error("no memory for a ring of {bytes} bytes on '{interface}': {source}; take smaller rings, or fewer")]
    Ring {
        /// The interface.
        interface: String,
        /// The bytes of one ring.
        bytes: usize,
        /// What the system says.
        source: io::Error,
    },
    /// Another step of the kernel's failed.
    #[error(
        "cannot capture on '{interface}': {what}: {source}; it takes Linux 4.12 or later with CONFIG_PACKET"
    )]
    Interface {
        /// The interface.
        interface: String,
        /// What was tried.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The host would miss the packets that XDP takes.
    #[error(
        "cannot capture on '{interface}' by XDP: what XDP captures is taken away from this machine, and '{interface}' {used}, so \
         its DNS would stop working; capture by afpacket:{interface}, or say steal=yes if that is what you want"
    )]
    XdpSteals {
        /// The interface.
        interface: String,
        /// What the host does with it.
        used: String,
    },
    /// There is room for one program.
    #[error(
        "cannot capture on '{interface}' by XDP: it has an XDP program already, {program}; take that off, or capture by \
         afpacket:{interface}"
    )]
    XdpTaken {
        /// The interface.
        interface: String,
        /// The program's number and name.
        program: String,
    },
    /// Somebody else has the queue's packets.
    #[error(
        "cannot capture on '{interface}' by XDP: another program has a socket at its queue {queue}; stop that program, or capture \
         by afpacket:{interface}"
    )]
    XdpQueueTaken {
        /// The interface.
        interface: String,
        /// The number of the queue, from 0.
        queue: u32,
    },
    /// XDP is for those who may.
    #[error(
        "cannot capture on '{interface}' by XDP: {what}: {source}; that takes CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW: give them to the \
         program (setcap cap_bpf,cap_net_admin,cap_net_raw+ep PATH/dpp), or to its service (AmbientCapabilities=CAP_BPF \
         CAP_NET_ADMIN CAP_NET_RAW), or run it as root"
    )]
    XdpNotPermitted {
        /// The interface.
        interface: String,
        /// What was tried.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The memory of rings is locked, and how much may be is bounded.
    #[error(
        "cannot capture on '{interface}' by XDP: {bytes} bytes of memory for each of {queues} queues cannot be locked: {source}; \
         allow more (LimitMEMLOCK=infinity in its service, ulimit -l), give it CAP_IPC_LOCK, or take smaller rings"
    )]
    XdpMemory {
        /// The interface.
        interface: String,
        /// Of one queue.
        bytes: usize,
        /// How many queues the interface has.
        queues: u32,
        /// What the system says.
        source: io::Error,
    },
    /// The network card writes into no memory of ours.
    #[error(
        "cannot capture on '{interface}' by XDP without copying: {source}; its driver may not know how; say copy=auto to copy where it \
         must be"
    )]
    XdpZeroCopy {
        /// The interface.
        interface: String,
        /// What the system says.
        source: io::Error,
    },
    /// The program would be too long.
    #[error(
        "cannot capture by XDP on {there} ranges of ports; at most {most} are possible: take fewer, or wider ones"
    )]
    XdpPorts {
        /// How many there are, once those that touch are put together.
        there: usize,
        /// How many there may be.
        most: usize,
    },
    /// The kernel found something wrong with the program: our fault, or that of a kernel that is too old.
    #[error(
        "cannot capture on '{interface}' by XDP: the kernel refuses the program: {source}; it takes Linux 5.9 or later; \
         afpacket:{interface} takes less. The kernel says: {log}"
    )]
    XdpProgram {
        /// The interface.
        interface: String,
        /// What the system says.
        source: io::Error,
        /// What its verifier says.
        log: String,
    },
    /// Another step of the kernel's failed.
    #[error(
        "cannot capture on '{interface}' by XDP: {what}: {source}; it takes Linux 5.9 or later with CONFIG_XDP_SOCKETS; \
         afpacket:{interface} takes less"
    )]
    XdpStep {
        /// The interface.
        interface: String,
        /// What was tried.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A port of DPDK cannot be captured.
    #[cfg(feature = "dpdk")]
    #[error(transparent)]
    Dpdk(#[from] super::dpdk::DpdkError),
}
