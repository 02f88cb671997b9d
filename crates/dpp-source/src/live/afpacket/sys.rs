//! What of AF_PACKET takes `unsafe`: options of sockets, requests about interfaces, and the memory of a ring (man 7 packet, 7
//! netdevice; the kernel's Documentation/networking/packet_mmap.rst). Nothing else is here, and nothing here decides anything.

#![allow(unsafe_code)]

use super::filter::Instruction;
use libc::{c_int, c_uint, c_ulong, c_ushort, socklen_t};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};
use std::ffi::CStr;
use std::io;
use std::mem::{offset_of, size_of};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

/// Something that `getsockopt`, `setsockopt`, `getsockname` or `ioctl` may read and write.
///
/// # Safety
/// Any bytes must be a value of the type, and it must have no padding: the kernel reads and writes all of it.
unsafe trait Plain: Copy {}

// SAFETY (of all): integers and C structures of integers, laid out by the kernel's headers without holes.
unsafe impl Plain for c_int {}
unsafe impl Plain for c_uint {}
unsafe impl Plain for libc::tpacket_req3 {}
unsafe impl Plain for libc::tpacket_stats_v3 {}
unsafe impl Plain for libc::packet_mreq {}

/// A socket that gives and takes packets of an interface.
#[derive(Debug)]
pub(super) struct Socket(OwnedFd);

/// How a ring is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub block_bytes: usize,
    pub blocks: usize,
    /// After so long a block is handed over that is not full, milliseconds.
    pub timeout_ms: u32,
}

impl Socket {
    /// A socket that is bound to nothing, and so gets nothing. `SocketType::DGRAM` is given packets without link layer.
    pub(super) fn new(kind: SocketType) -> io::Result<Socket> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        Ok(Socket(socket_with(AddressFamily::PACKET, kind, flags, None)?))
    }

    /// Begins to give packets of the interface with this number: of all protocols, or of none.
    pub(super) fn bind(&self, index: i32, all: bool) -> io::Result<()> {
        let protocol = if all { libc::ETH_P_ALL as u16 } else { 0 };
        let address = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as c_ushort,
            sll_protocol: protocol.to_be(),
            sll_ifindex: index,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        // SAFETY: the kernel reads as many bytes as we say, which are those of `address`.
        check(unsafe {
            libc::bind(self.0.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as socklen_t)
        })
    }

    /// The number of the interface it is bound to; none is negative if that is gone.
    pub(super) fn bound_to(&self) -> io::Result<i32> {
        let mut address = libc::sockaddr_ll {
            sll_family: 0,
            sll_protocol: 0,
            sll_ifindex: 0,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        let mut length = size_of_val(&address) as socklen_t;
        // SAFETY: the kernel writes at most `length` bytes, which are those of `address`, and any bytes are one.
        check(unsafe { libc::getsockname(self.0.as_raw_fd(), (&raw mut address).cast(), &mut length) })?;
        Ok(address.sll_ifindex)
    }

    /// The error that waits in the socket, which is taken out.
    pub(super) fn take_error(&self) -> io::Result<Option<rustix::io::Errno>> {
        Ok(sockopt::socket_error(&self.0)?.err())
    }

    /// From now on only packets that pass the program are given; it replaces the one before at once.
    pub(super) fn set_filter(&self, program: &[Instruction]) -> io::Result<()> {
        let mut filter: Vec<libc::sock_filter> = program
            .iter()
            .map(|step| libc::sock_filter { code: step.code, jt: step.then, jf: step.otherwise, k: step.k })
            .collect();
        let length = c_ushort::try_from(filter.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let program = libc::sock_fprog { len: length, filter: filter.as_mut_ptr() };
        // SAFETY: the kernel reads `program`, and `len` instructions behind its pointer, which is `filter`'s and lives longer
        // than the call; it keeps a copy of its own.
        check(unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const program).cast(),
                size_of_val(&program) as socklen_t,
            )
        })
    }

    /// Joins the sockets among which the kernel divides packets by flow: those of this number, or a new group. What finds
    /// its ring full goes to another. Gives the group's number.
    pub(super) fn join(&self, group: Option<u16>) -> io::Result<u16> {
        let kind = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_ROLLOVER;
        let kind = if group.is_some() { kind } else { kind | libc::PACKET_FANOUT_FLAG_UNIQUEID };
        self.set(libc::PACKET_FANOUT, c_uint::from(group.unwrap_or(0)) | kind << 16)?;
        self.get(libc::PACKET_FANOUT, 0 as c_uint).map(|number| number as u16)
    }

    /// Makes the interface take packets that are not for it, as long as this socket lives and is bound.
    pub(super) fn make_promiscuous(&self, index: i32) -> io::Result<()> {
        let membership = libc::packet_mreq {
            mr_ifindex: index,
            mr_type: libc::PACKET_MR_PROMISC as c_ushort,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        self.set(libc::PACKET_ADD_MEMBERSHIP, membership)
    }

    /// Makes the interface date all packets that come in, and the ring show these times.
    pub(super) fn take_hardware_timestamps(&self, name: &str) -> io::Result<()> {
        let mut wish =
            libc::hwtstamp_config { flags: 0, tx_type: 0, rx_filter: libc::HWTSTAMP_FILTER_ALL as c_int };
        let mut request = request(name).ok_or(io::ErrorKind::NotFound)?;
        request.ifr_ifru.ifru_data = (&raw mut wish).cast();
        self.ask(libc::SIOCSHWTSTAMP, &mut request)?;
        self.set(libc::PACKET_TIMESTAMP, libc::SOF_TIMESTAMPING_RAW_HARDWARE as c_int)
    }

    /// Makes the ring, and maps it. To be called once, before the socket is bound.
    pub(super) fn map(&self, layout: Layout) -> io::Result<Map> {
        /// The kernel wants frames of some length that divides blocks; in this version of rings they have any.
        const FRAME_BYTES: usize = 2048;
        self.set(libc::PACKET_VERSION, libc::tpacket_versions::TPACKET_V3 as c_int)?;
        let size = |number: usize| c_uint::try_from(number).map_err(|_| io::ErrorKind::InvalidInput);
        let request = libc::tpacket_req3 {
            tp_block_size: size(layout.block_bytes)?,
            tp_block_nr: size(layout.blocks)?,
            tp_frame_size: FRAME_BYTES as c_uint,
            tp_frame_nr: size(layout.block_bytes / FRAME_BYTES * layout.blocks)?,
            tp_retire_blk_tov: layout.timeout_ms,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        self.set(libc::PACKET_RX_RING, request)?;
        let length = layout.block_bytes * layout.blocks;
        // SAFETY: a new mapping, at a place that the kernel chooses; nobody else knows it.
        let base = unsafe {
            mmap(
                std::ptr::null_mut(),
                length,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &self.0,
                0,
            )?
        };
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Map { base, layout })
    }

    /// How many packets found no room in the ring since this was asked last.
    pub(super) fn take_drops(&self) -> io::Result<u64> {
        let none = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
        self.get(libc::PACKET_STATISTICS, none).map(|statistics| u64::from(statistics.tp_drops))
    }

    fn set<T: Plain>(&self, option: c_int, value: T) -> io::Result<()> {
        // SAFETY: the kernel reads as many bytes as we say, which are those of `value`.
        check(unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                option,
                (&raw const value).cast(),
                size_of::<T>() as socklen_t,
            )
        })
    }

    fn get<T: Plain>(&self, option: c_int, mut value: T) -> io::Result<T> {
        let mut length = size_of::<T>() as socklen_t;
        // SAFETY: the kernel writes at most `length` bytes, which are those of `value`, and any bytes are one (`Plain`).
        check(unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                option,
                (&raw mut value).cast(),
                &mut length,
            )
        })?;
        Ok(value)
    }

    fn ask(&self, number: c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
        ask(self.as_fd(), number, request)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// An interface, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    /// Its number, which another of the same name will not have.
    pub index: i32,
    /// Its link layer (linux/if_arp.h).
    pub hardware: u16,
    /// Whether it is on.
    pub is_up: bool,
}

/// The interface of this name, if there is one where the socket is.
pub(super) fn interface(socket: impl AsFd, name: &str) -> Option<Interface> {
    let mut answer = request(name)?;
    ask(socket.as_fd(), libc::SIOCGIFINDEX, &mut answer).ok()?;
    // SAFETY (of all three): the request that was answered is the one that fills this member, and any bits are a value of it.
    let index = unsafe { answer.ifr_ifru.ifru_ifindex };
    ask(socket.as_fd(), libc::SIOCGIFHWADDR, &mut answer).ok()?;
    let hardware = unsafe { answer.ifr_ifru.ifru_hwaddr.sa_family };
    ask(socket.as_fd(), libc::SIOCGIFFLAGS, &mut answer).ok()?;
    let flags = c_int::from(unsafe { answer.ifr_ifru.ifru_flags });
    Some(Interface { index, hardware, is_up: flags & libc::IFF_UP != 0 })
}

/// The names of all interfaces.
pub(super) fn interfaces() -> Vec<String> {
    let mut names = Vec::new();
    // SAFETY: a list of the C library's, which is ours until it is given back, and ends with an entry without a name.
    unsafe {
        let list = libc::if_nameindex();
        let mut entry = list;
        while !entry.is_null() && !(*entry).if_name.is_null() {
            names.push(CStr::from_ptr((*entry).if_name).to_string_lossy().into_owned());
            entry = entry.add(1);
        }
        if !list.is_null() {
            libc::if_freenameindex(list);
        }
    }
    names
}

/// A request about the interface of this name; `None` if no interface can have it.
fn request(name: &str) -> Option<libc::ifreq> {
    // SAFETY: a C structure of integers and pointers, for which zeros are values.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last octet stays 0.
    let places = request.ifr_name.len() - 1;
    if name.is_empty() || name.len() > places || name.bytes().any(|byte| byte == 0) {
        return None;
    }
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    Some(request)
}

fn ask(socket: BorrowedFd, number: c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
    // SAFETY: all requests that are made here read and write one `ifreq`; what it points to, if anything, is alive in the
    // caller.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), number as _, std::ptr::from_mut(request)) })
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The memory of a ring, which is shared with the kernel. A block belongs to one side at a time; its status tells to which.
#[derive(Debug)]
pub(super) struct Map {
    base: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the mapping belongs to the process, not to a thread, and only one `Map` leads to it.
unsafe impl Send for Map {}

/// Where a block's status stands in it.
const STATUS_AT: usize =
    offset_of!(libc::tpacket_block_desc, hdr) + offset_of!(libc::tpacket_hdr_v1, block_status);

impl Map {
    /// A block, if it is ours. It goes back to the kernel when it is dropped.
    pub(super) fn block(&mut self, number: usize) -> Option<Block<'_>> {
        // Not before it is sure: a block that is dropped goes back.
        if self.is_ours(number) { Some(Block { map: self, number }) } else { None }
    }

    /// Whether the kernel has handed a block over.
    pub(super) fn is_ours(&self, number: usize) -> bool {
        // What the kernel wrote before it changed the status is there, once we see that.
        self.status(number).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// How many blocks there are.
    pub(super) fn blocks(&self) -> usize {
        self.layout.blocks
    }

    fn start(&self, number: usize) -> *mut u8 {
        assert!(number < self.layout.blocks, "there is no block {number}");
        // SAFETY: within the mapping, which is as long as all blocks are.
        unsafe { self.base.as_ptr().add(number * self.layout.block_bytes) }
    }

    fn status(&self, number: usize) -> &AtomicU32 {
        // SAFETY: within the block, at a multiple of 4, as blocks begin with pages. Both sides change it as a whole; the bytes
        // of a block cover it, but are not borrowed when it is given back.
        unsafe { AtomicU32::from_ptr(self.start(number).add(STATUS_AT).cast()) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no block of it is borrowed any more. Failing changes nothing.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.layout.block_bytes * self.layout.blocks) };
    }
}

/// A block of packets that is ours.
#[derive(Debug)]
pub(super) struct Block<'a> {
    map: &'a mut Map,
    number: usize,
}

impl Block<'_> {
    /// Its bytes, from its header on.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the block lies in the mapping (`start`), and the kernel, which alone could write into it, does not before
        // it is given back; that takes `self`, so not as long as these bytes are borrowed.
        unsafe { std::slice::from_raw_parts(self.map.start(self.number), self.map.layout.block_bytes) }
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        // What we read was read before the kernel may write again.
        self.map.status(self.number).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}
