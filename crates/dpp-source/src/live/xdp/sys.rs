//! What of XDP takes `unsafe`: the system call bpf (man 2 bpf), sockets of AF_XDP with the memory that they share with the
//! kernel (Documentation/networking/af_xdp.rst), and two requests about interfaces. Nothing here decides anything.

#![allow(unsafe_code)]

use super::program::Instruction;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use rustix::net::sockopt;
use rustix::net::xdp::{SocketAddrXdp, SocketAddrXdpFlags, XdpRingOffset, XdpUmemReg, XdpUmemRegFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use std::io;
use std::mem::size_of;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

// ---- bpf(2): union bpf_attr of linux/bpf.h. Numbers that a kernel does not know must be 0, and are not sent.

const MAP_CREATE: libc::c_int = 0;
const MAP_UPDATE: libc::c_int = 2;
const PROGRAM_LOAD: libc::c_int = 5;
const PROGRAM_BY_NUMBER: libc::c_int = 13;
const INFO: libc::c_int = 15;
const LINK_CREATE: libc::c_int = 28;
const LINK_DETACH: libc::c_int = 34;

const KIND_XSKMAP: u32 = 17;
const KIND_XDP: u32 = 6;
const ATTACH_XDP: u32 = 37;
/// Attach to the driver, or to the stack behind it (XDP_FLAGS_ of linux/if_link.h).
const FLAG_DRIVER: u32 = 1 << 2;
const FLAG_GENERIC: u32 = 1 << 1;

/// As the kernel stores programs' and maps' names.
const NAME: [u8; 16] = *b"dpp_xdp\0\0\0\0\0\0\0\0\0";

/// What is asked of bpf(2).
///
/// # Safety
/// `repr(C)`, as linux/bpf.h lays it out, without padding, and each pointer in it points to as much as the kernel reads or
/// writes there, for as long as the call takes. The kernel may write any bytes over the rest.
unsafe trait Attributes {}

#[repr(C)]
struct MapCreate {
    kind: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries_max: u32,
    flags: u32,
    inner: u32,
    node: u32,
    name: [u8; 16],
}

#[repr(C)]
struct MapUpdate {
    map: u32,
    zero: u32,
    key: *const u32,
    value: *const u32,
    flags: u64,
}

#[repr(C)]
struct ProgramLoad {
    kind: u32,
    instructions: u32,
    program: *const u8,
    license: *const u8,
    log_level: u32,
    log_bytes: u32,
    log: *mut u8,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attach: u32,
}

#[repr(C)]
struct LinkCreate {
    program: u32,
    interface: u32,
    attach: u32,
    flags: u32,
}

#[repr(C)]
struct LinkDetach {
    link: u32,
}

#[repr(C)]
struct ByNumber {
    number: u32,
    next: u32,
    flags: u32,
}

#[repr(C)]
struct Info {
    descriptor: u32,
    bytes: u32,
    info: *mut u8,
}

// SAFETY (of all seven): laid out as the header says, without holes; pointers are set by the functions below from memory that
// lives as long as the call, with the lengths beside them.
unsafe impl Attributes for MapCreate {}
unsafe impl Attributes for MapUpdate {}
unsafe impl Attributes for ProgramLoad {}
unsafe impl Attributes for LinkCreate {}
unsafe impl Attributes for LinkDetach {}
unsafe impl Attributes for ByNumber {}
unsafe impl Attributes for Info {}

fn bpf<A: Attributes>(command: libc::c_int, mut attributes: A) -> io::Result<libc::c_long> {
    // SAFETY: the kernel reads as many bytes as we say, which are those of `attributes`, or writes some of them (any bytes are
    // a value), and follows its pointers, for which its type answers (`Attributes`).
    let answer =
        unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut attributes, size_of::<A>() as libc::c_uint) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

fn bpf_descriptor<A: Attributes>(command: libc::c_int, attributes: A) -> io::Result<OwnedFd> {
    let descriptor = bpf(command, attributes)?;
    // SAFETY: these commands answer with a new descriptor, which is nobody else's, and closed on exec.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor as i32) })
}

/// Sockets by queue.
#[derive(Debug)]
pub(super) struct SocketMap(OwnedFd);

impl SocketMap {
    pub(super) fn new(queues_max: u32) -> io::Result<SocketMap> {
        let attributes = MapCreate {
            kind: KIND_XSKMAP,
            key_bytes: 4,
            value_bytes: 4,
            entries_max: queues_max,
            flags: 0,
            inner: 0,
            node: 0,
            name: NAME,
        };
        bpf_descriptor(MAP_CREATE, attributes).map(SocketMap)
    }

    pub(super) fn descriptor(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// From now on packets of this queue go to this socket; until it is closed.
    pub(super) fn set(&self, queue: u32, socket: &Socket) -> io::Result<()> {
        let value = socket.0.as_raw_fd() as u32;
        let map = self.0.as_raw_fd() as u32;
        bpf(MAP_UPDATE, MapUpdate { map, zero: 0, key: &queue, value: &value, flags: 0 }).map(drop)
    }
}

/// A program that the kernel has found harmless.
#[derive(Debug)]
pub(super) struct Program(OwnedFd);

impl Program {
    /// Loads it. What the verifier said goes with the error.
    pub(super) fn load(program: &[Instruction]) -> Result<Program, (io::Error, String)> {
        const LOG_BYTES: usize = 256 << 10;
        /// The verifier gives up, to be asked again, whenever a signal comes.
        const TIMES: usize = 20;
        let interrupted = |loaded: &io::Result<Program>| {
            loaded.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        };
        let mut loads = (0..TIMES).map(|_| Program::load_with_log(program, &mut []));
        let loaded =
            loads.find(|loaded| !interrupted(loaded)).unwrap_or(Err(io::ErrorKind::Interrupted.into()));
        loaded.or_else(|error| {
            // Only a program that was refused is explained: the log takes memory, of which there may be too little.
            let mut log = vec![0; LOG_BYTES];
            Program::load_with_log(program, &mut log).map_err(|_| (error, text(&log)))
        })
    }

    fn load_with_log(program: &[Instruction], log: &mut [u8]) -> io::Result<Program> {
        let bytes: Vec<u8> = program.iter().flat_map(encode).collect();
        let attributes = ProgramLoad {
            kind: KIND_XDP,
            instructions: program.len() as u32,
            program: bytes.as_ptr(),
            license: c"Apache-2.0".as_ptr().cast(),
            log_level: u32::from(!log.is_empty()),
            log_bytes: log.len() as u32,
            log: if log.is_empty() { std::ptr::null_mut() } else { log.as_mut_ptr() },
            kernel_version: 0,
            flags: 0,
            name: NAME,
            interface: 0,
            attach: ATTACH_XDP,
        };
        bpf_descriptor(PROGRAM_LOAD, attributes).map(Program)
    }

    /// Makes it the program of an interface, in the driver or behind it, until what is given is closed.
    pub(super) fn attach(&self, interface: u32, in_driver: bool) -> io::Result<Attachment> {
        let program = self.0.as_raw_fd() as u32;
        let flags = if in_driver { FLAG_DRIVER } else { FLAG_GENERIC };
        let attributes = LinkCreate { program, interface, attach: ATTACH_XDP, flags };
        bpf_descriptor(LINK_CREATE, attributes).map(Attachment)
    }
}

fn encode(instruction: &Instruction) -> [u8; 8] {
    let Instruction { code, dst, src, offset, immediate } = *instruction;
    let registers = if cfg!(target_endian = "little") { src << 4 | dst } else { dst << 4 | src };
    let [low, high] = offset.to_ne_bytes();
    let [a, b, c, d] = immediate.to_ne_bytes();
    [code, registers, low, high, a, b, c, d]
}

/// Text that ends with a zero.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// A program at an interface (a link, as the kernel says). It is taken off when this is closed, however we end: by the kernel, once
/// nobody has the descriptor any more.
#[derive(Debug)]
pub(super) struct Attachment(OwnedFd);

impl Attachment {
    /// Whether it is still there: an interface that is deleted loses its program.
    pub(super) fn holds(&self) -> bool {
        // struct bpf_link_info: kind, number, number of the program, a hole; then of XDP the interface.
        info::<20>(self.0.as_fd()).is_ok_and(|info| info[16..20] != [0; 4])
    }
}

impl Drop for Attachment {
    /// A process that we just start still has a copy of the descriptor for a moment, so it is not enough to close ours.
    fn drop(&mut self) {
        let _ = bpf(LINK_DETACH, LinkDetach { link: self.0.as_raw_fd() as u32 });
    }
}

/// The name of a program, if we may know.
pub(super) fn program_name(number: u32) -> Option<String> {
    let program = bpf_descriptor(PROGRAM_BY_NUMBER, ByNumber { number, next: 0, flags: 0 }).ok()?;
    // struct bpf_prog_info: the name stands behind 64 bytes.
    let info = info::<80>(program.as_fd()).ok()?;
    Some(text(&info[64..80])).filter(|name| !name.is_empty())
}

fn info<const BYTES: usize>(descriptor: BorrowedFd) -> io::Result<[u8; BYTES]> {
    let mut info = [0; BYTES];
    let descriptor = descriptor.as_raw_fd() as u32;
    bpf(INFO, Info { descriptor, bytes: BYTES as u32, info: info.as_mut_ptr() })?;
    Ok(info)
}

// ---- AF_XDP: struct xdp_desc, xdp_umem_reg and sockaddr_xdp of linux/if_xdp.h

/// Bytes of a frame: half a page or a page, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameSize {
    Half = 2048,
    Page = 4096,
}

impl FrameSize {
    /// What the kernel keeps for itself in each frame, before the packet.
    const HEADROOM: usize = 256;

    /// The smaller one, if packets of so many bytes fit.
    pub(super) fn for_packets_of(bytes: usize) -> FrameSize {
        if bytes + FrameSize::HEADROOM <= FrameSize::Half as usize {
            FrameSize::Half
        } else {
            FrameSize::Page
        }
    }
}

/// Where the kernel maps the fill ring.
const FILL_RING_AT: u64 = 1 << 32;
const RX_RING_AT: u64 = 0;
/// Frames that we sent would come back here; we send none, but there must be a ring.
const COMPLETION_RING: u32 = 8;

/// How packets come into our memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The network card writes them there.
    ZeroCopy,
    /// The kernel copies them there.
    Copy,
}

/// Memory that we share with the kernel.
#[derive(Debug)]
struct Memory {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it is a mapping of the process, which is nobody else's and is not bound to a thread.
unsafe impl Send for Memory {}

impl Memory {
    /// New memory of zeros.
    fn new(bytes: usize) -> io::Result<Memory> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping, at a place that the kernel chooses; nobody else knows it.
        let base = unsafe {
            mmap_anonymous(std::ptr::null_mut(), bytes, access, MapFlags::PRIVATE | MapFlags::POPULATE)?
        };
        Memory::at(base, bytes)
    }

    /// A ring of a socket.
    fn of(socket: &OwnedFd, at: u64, bytes: usize) -> io::Result<Memory> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED | MapFlags::POPULATE);
        // SAFETY: as above.
        let base = unsafe { mmap(std::ptr::null_mut(), bytes, access, flags, socket, at)? };
        Memory::at(base, bytes)
    }

    fn at(base: *mut libc::c_void, bytes: usize) -> io::Result<Memory> {
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Memory { base, bytes })
    }

    /// A number that both sides read and write.
    fn number(&self, at: usize) -> &AtomicU32 {
        assert!(at.is_multiple_of(4) && at + 4 <= self.bytes, "it lies in the mapping");
        // SAFETY: aligned and inside (just asserted; a mapping begins at a page); it lives as long as `self`; and it is only ever
        // touched as an atomic, by the kernel too.
        unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(at).cast()) }
    }

    /// Eight bytes that only one side has at a time.
    fn get(&self, at: usize) -> u64 {
        assert!(at.is_multiple_of(8) && at + 8 <= self.bytes, "it lies in the mapping");
        // SAFETY: aligned and inside; the kernel does not write there, as its ring's producer or consumer said that it is ours.
        unsafe { self.base.as_ptr().add(at).cast::<u64>().read() }
    }

    fn put(&mut self, at: usize, value: u64) {
        assert!(at.is_multiple_of(8) && at + 8 <= self.bytes, "it lies in the mapping");
        // SAFETY: as above.
        unsafe { self.base.as_ptr().add(at).cast::<u64>().write(value) }
    }

    /// These bytes, if they are inside.
    fn bytes(&mut self, at: u64, length: usize) -> Option<&mut [u8]> {
        let at = usize::try_from(at).ok()?;
        let end = at.checked_add(length)?;
        if end > self.bytes {
            return None;
        }
        // SAFETY: inside; and the kernel writes only to frames that it was given, and gives them back with what it says about them
        // (its promise: af_xdp.rst). We give a frame to it only after this slice has gone (`Socket::receive`).
        Some(unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr().add(at), length) })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: our own mapping, of this length, into which no reference is left, as they all borrow from `self`. The kernel holds
        // the pages of a socket's memory by itself, as long as it needs them.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}

/// A ring: one side produces, the other consumes, and each counts how much.
#[derive(Debug)]
struct Ring {
    memory: Memory,
    offset: XdpRingOffset,
    mask: u32,
    /// How far we have come.
    ours: u32,
}

impl Ring {
    fn new(
        socket: &OwnedFd,
        at: u64,
        offset: XdpRingOffset,
        entries: u32,
        entry_bytes: usize,
    ) -> io::Result<Ring> {
        let memory = Memory::of(socket, at, offset.desc as usize + entries as usize * entry_bytes)?;
        Ok(Ring { memory, offset, mask: entries - 1, ours: 0 })
    }

    fn producer(&self) -> &AtomicU32 {
        self.memory.number(self.offset.producer as usize)
    }

    fn consumer(&self) -> &AtomicU32 {
        self.memory.number(self.offset.consumer as usize)
    }

    /// Where the entry of this number is, of so many bytes each.
    fn entry(&self, number: u32, bytes: usize) -> usize {
        self.offset.desc as usize + (number & self.mask) as usize * bytes
    }
}

/// The packets of one queue of an interface.
#[derive(Debug)]
pub(super) struct Socket(OwnedFd);

/// A socket with its rings and frames. Of the frames each is either in the fill ring, with the kernel, in the ring of packets,
/// or looked at by us: so neither ring is ever full.
#[derive(Debug)]
pub(super) struct Packets {
    socket: Socket,
    frames: Memory,
    frame_bytes: u64,
    packets: Ring,
    fill: Ring,
    /// Of the interface, until now.
    lost: u64,
}

const ADDRESS_BYTES: usize = 8;
const DESCRIPTOR_BYTES: usize = 16;

impl Packets {
    /// A socket that is bound to nothing yet, with so many frames, a power of two, all of which are for the kernel.
    pub(super) fn new(frames: u32, size: FrameSize) -> io::Result<Packets> {
        assert!(frames.is_power_of_two());
        let socket = socket_with(AddressFamily::XDP, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        let bytes = frames as usize * size as usize;
        let memory = Memory::new(bytes)?;
        let registration = XdpUmemReg {
            addr: memory.base.as_ptr() as u64,
            len: bytes as u64,
            chunk_size: size as u32,
            headroom: 0,
            flags: XdpUmemRegFlags::empty(),
            tx_metadata_len: 0,
        };
        sockopt::set_xdp_umem_reg(&socket, registration)?;
        sockopt::set_xdp_umem_fill_ring_size(&socket, frames)?;
        sockopt::set_xdp_umem_completion_ring_size(&socket, COMPLETION_RING)?;
        sockopt::set_xdp_rx_ring_size(&socket, frames)?;
        let offsets = sockopt::xdp_mmap_offsets(&socket)?;
        let packets = Ring::new(&socket, RX_RING_AT, offsets.rx, frames, DESCRIPTOR_BYTES)?;
        let fill = Ring::new(&socket, FILL_RING_AT, offsets.fr, frames, ADDRESS_BYTES)?;
        let socket = Socket(socket);
        let mut made = Packets { socket, frames: memory, frame_bytes: size as u64, packets, fill, lost: 0 };
        (0..u64::from(frames)).for_each(|frame| made.give(frame * size as u64));
        made.publish();
        Ok(made)
    }

    /// Binds it to a queue of an interface.
    pub(super) fn bind(&self, interface: u32, queue: u32, way: Way) -> io::Result<()> {
        let way = match way {
            Way::ZeroCopy => SocketAddrXdpFlags::XDP_ZEROCOPY,
            Way::Copy => SocketAddrXdpFlags::XDP_COPY,
        };
        let flags = way | SocketAddrXdpFlags::XDP_USE_NEED_WAKEUP;
        Ok(bind(&self.socket.0, &SocketAddrXdp::new(flags, interface, queue))?)
    }

    /// What the map wants.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Hands a frame to the kernel, once that is [published](Self::publish).
    fn give(&mut self, address: u64) {
        let at = self.fill.entry(self.fill.ours, ADDRESS_BYTES);
        self.fill.memory.put(at, address);
        self.fill.ours = self.fill.ours.wrapping_add(1);
    }

    fn publish(&self) {
        self.packets.consumer().store(self.packets.ours, Ordering::Release);
        self.fill.producer().store(self.fill.ours, Ordering::Release);
    }

    /// Calls `take` for each packet that is there, at most so many, with `before` bytes before it, until that is no more
    /// content. Gives how many those were, whose frames are the kernel's again.
    pub(super) fn receive(
        &mut self,
        packets_max: u32,
        before: usize,
        mut take: impl FnMut(&mut [u8]) -> bool,
    ) -> u32 {
        let first = self.packets.ours;
        let there = self.packets.producer().load(Ordering::Acquire).wrapping_sub(first).min(packets_max);
        for _ in 0..there {
            let at = self.packets.entry(self.packets.ours, DESCRIPTOR_BYTES);
            let address = self.packets.memory.get(at);
            let length = self.packets.memory.get(at + 8) as u32 as usize;
            let start = address % self.frame_bytes;
            // The kernel leaves room before each packet, and none reaches beyond its frame.
            let is_whole = start >= before as u64 && start + length as u64 <= self.frame_bytes;
            let at = address.wrapping_sub(before as u64);
            let packet = is_whole.then(|| self.frames.bytes(at, before + length)).flatten();
            let goes_on = packet.is_none_or(&mut take);
            self.packets.ours = self.packets.ours.wrapping_add(1);
            self.give(address - start);
            if !goes_on {
                break;
            }
        }
        self.publish();
        self.packets.ours.wrapping_sub(first)
    }

    /// Waits until there are packets, at most so long, and wakes up a driver that sleeps. `false` if the interface has gone.
    pub(super) fn wait(&self, longest: Duration) -> bool {
        let longest = Timespec { tv_sec: longest.as_secs() as _, tv_nsec: longest.subsec_nanos() as _ };
        let mut sockets = [PollFd::new(&self.socket.0, PollFlags::IN)];
        let is_some = poll(&mut sockets, Some(&longest)).unwrap_or(0) > 0;
        !(is_some && sockets[0].revents().intersects(PollFlags::ERR | PollFlags::HUP))
    }

    /// Whether the driver sleeps until it is waited for.
    pub(super) fn must_wake(&self) -> bool {
        const NEED_WAKEUP: u32 = 1;
        let flags = self
            .fill
            .offset
            .flags
            .map_or(0, |at| self.fill.memory.number(at as usize).load(Ordering::Relaxed));
        flags & NEED_WAKEUP != 0
    }

    /// How many packets the kernel has dropped since this was asked last: that came while no frame was free, or were longer than a
    /// frame. What the kernel tells of an empty fill ring are the same ones; where the network card itself finds that empty, they
    /// are how often it looked, and what it drops then is in its own statistics (rx_missed and the like of ethtool -S).
    pub(super) fn take_lost(&mut self) -> u64 {
        let Ok(told) = sockopt::xdp_statistics(&self.socket.0) else { return 0 };
        let lost = told.rx_dropped + told.rx_ring_full.unwrap_or(0);
        let before = std::mem::replace(&mut self.lost, lost);
        lost - before
    }
}

// ---- interfaces

/// How many queues of an interface are in use, if its driver tells.
pub(super) fn queues(interface: &str) -> Option<u32> {
    const SIOCETHTOOL: libc::c_ulong = 0x8946;
    /// ETHTOOL_GCHANNELS, and `struct ethtool_channels` of linux/ethtool.h: the most of each kind, then those there are.
    const GET_CHANNELS: u32 = 0x3C;
    #[repr(C)]
    struct Channels {
        command: u32,
        most: [u32; 4],
        rx: u32,
        tx: u32,
        other: u32,
        combined: u32,
    }
    let socket = std::os::unix::net::UnixDatagram::unbound().ok()?;
    let mut channels = Channels { command: GET_CHANNELS, most: [0; 4], rx: 0, tx: 0, other: 0, combined: 0 };
    // SAFETY: an `ifreq` is integers, arrays and pointers, for which zeros are values.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let name = interface.as_bytes();
    if name.len() >= request.ifr_name.len() {
        return None;
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = (&raw mut channels).cast();
    // SAFETY: the kernel reads and writes the request, and behind its pointer a `struct ethtool_channels`, which lives as long.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL as _, &raw mut request) };
    (answer == 0).then_some(channels.rx + channels.combined).filter(|queues| *queues > 0)
}

/// A socket of AF_PACKET, which gets no packets.
#[derive(Debug)]
pub(super) struct PacketSocket(OwnedFd);

impl PacketSocket {
    pub(super) fn new() -> io::Result<PacketSocket> {
        Ok(PacketSocket(socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, None)?))
    }

    /// Makes the interface take packets that are not for it, as long as this socket lives.
    pub(super) fn make_promiscuous(&self, interface: u32) -> io::Result<()> {
        let membership = libc::packet_mreq {
            mr_ifindex: interface as i32,
            mr_type: libc::PACKET_MR_PROMISC as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        // SAFETY: the kernel reads as many bytes as we say, which are those of `membership`.
        let answer = unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_ADD_MEMBERSHIP,
                (&raw const membership).cast(),
                size_of::<libc::packet_mreq>() as libc::socklen_t,
            )
        };
        if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}
