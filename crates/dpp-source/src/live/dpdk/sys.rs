//! What of DPDK takes `unsafe`: the functions of `shim.c`. Nothing else is here, and nothing here decides anything.
//!
//! DPDK's functions that start, open and close are for one thread at a time: who holds the [`Control`] may call them. A
//! queue is emptied by one thread at a time: that has the [`Receiver`].

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int};
use std::marker::PhantomData;
use std::mem::size_of;
use std::ptr::{NonNull, null, null_mut};
use std::slice;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The outermost VLAN tag was taken out of the packet.
pub(super) const HAS_TAG: u16 = 1;
/// So was another before it.
pub(super) const HAS_OUTER_TAG: u16 = 2;
/// The device tells its time.
pub(super) const HAS_TIME: u16 = 4;

/// Bytes of a port's name, with the zero behind it.
const NAME_BYTES: usize = 64;

/// `struct rte_mbuf`, of which only addresses are known here.
#[repr(C)]
struct Mbuf([u8; 0]);

/// `struct dpp_dpdk_port`.
#[repr(C)]
struct RawPort([u8; 0]);

/// `struct dpp_dpdk_kind`.
#[repr(C)]
struct RawKind {
    driver: [c_char; NAME_BYTES],
    queues_max: u16,
    divides: u16,
}

/// `struct dpp_dpdk_opening`.
#[repr(C)]
struct RawOpening {
    port: u16,
    queues: u16,
    burst: u16,
    descriptors: u16,
    promiscuous: u16,
    key_bytes: u16,
    key: *const u8,
}

/// `struct dpp_dpdk_packet`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct RawPacket {
    mbuf: *const Mbuf,
    data: *const u8,
    time: u64,
    bytes: u32,
    pieces: u16,
    flags: u16,
    tag: u16,
    outer_tag: u16,
}

// As in shim.c.
const _: () = assert!(size_of::<RawPacket>() == 40);

unsafe extern "C" {
    fn dpp_dpdk_listen() -> c_int;
    fn dpp_dpdk_said(text: *mut *const c_char) -> usize;
    fn dpp_dpdk_init(count: c_int, arguments: *mut *mut c_char) -> c_int;
    fn dpp_dpdk_probe(device: *const c_char) -> c_int;
    fn dpp_dpdk_port(name: *const c_char) -> c_int;
    fn dpp_dpdk_next_port(from: u16, name: *mut c_char) -> c_int;
    fn dpp_dpdk_kind(port: u16, kind: *mut RawKind) -> c_int;
    fn dpp_dpdk_open(wanted: *const RawOpening, opened: *mut *mut RawPort, step: *mut *const c_char)
    -> c_int;
    fn dpp_dpdk_close(port: *mut RawPort);
    fn dpp_dpdk_lost(port: *const RawPort, missed: *mut u64, damaged: *mut u64) -> c_int;
    fn dpp_dpdk_enter() -> c_int;
    fn dpp_dpdk_leave();
    fn dpp_dpdk_receive(
        port: *const RawPort,
        queue: u16,
        mbufs: *mut *const Mbuf,
        packets: *mut RawPacket,
        max: u16,
    ) -> u16;
    fn dpp_dpdk_piece(mbuf: *const Mbuf, data: *mut *const u8, bytes: *mut u32) -> *const Mbuf;
    fn dpp_dpdk_free(mbufs: *mut *const Mbuf, count: u16);
}

/// A number of errno.h.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Errno(pub i32);

/// What the user said to DPDK when it was started, and whether it did: it can be started once in a process.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub arguments: Vec<String>,
    pub outcome: Result<(), (Errno, String)>,
}

static CONTROL: Mutex<Option<Start>> = Mutex::new(None);

/// The right to start DPDK, and to open and close its ports.
pub(super) struct Control(MutexGuard<'static, Option<Start>>);

/// What a port is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// The name of its driver.
    pub driver: String,
    pub queues_max: u16,
    /// Whether it divides packets among queues as it is told.
    pub divides: bool,
}

/// How a port is opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub port: u16,
    pub queues: u16,
    pub burst: u16,
    pub descriptors: u16,
    pub promiscuous: bool,
    /// What packets are divided among queues by.
    pub key: &'static [u8; 64],
}

impl Control {
    /// Waits until nobody else has it.
    pub(super) fn take() -> Control {
        Control(CONTROL.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How DPDK was started, if it was.
    pub(super) fn started(&self) -> Option<&Start> {
        self.0.as_ref()
    }

    /// Starts DPDK, which may be done once. The thread is bound to a processor by that, and those that it starts later.
    /// `usual` are arguments before those that the user said.
    pub(super) fn start(&mut self, usual: Vec<String>, arguments: Vec<String>) {
        assert!(self.0.is_none(), "DPDK is started once");
        // DPDK keeps pointers to its arguments for as long as it likes, so they are never given back.
        let words = ["dpp".to_string()].into_iter().chain(usual).chain(arguments.iter().cloned());
        let mut words: Vec<_> = words.filter_map(|word| Some(CString::new(word).ok()?.into_raw())).collect();
        let count = words.len() as c_int;
        words.push(null_mut());
        let words = words.leak().as_mut_ptr();
        let result = self.heard(|| {
            // SAFETY: `words` are `count` strings and a null pointer, writable and alive for ever; the control is held.
            unsafe { dpp_dpdk_init(count, words) }
        });
        *self.0 = Some(Start { arguments, outcome: result.map(|_| ()) });
    }

    /// Makes a device known that is named and described in DPDK's way.
    pub(super) fn probe(&mut self, device: &CStr) -> Result<(), (Errno, String)> {
        // SAFETY: DPDK reads the string during the call; the control is held.
        self.heard(|| unsafe { dpp_dpdk_probe(device.as_ptr()) }).map(|_| ())
    }

    /// The number of a port.
    pub(super) fn port(&self, name: &CStr) -> Option<u16> {
        // SAFETY: DPDK reads the string during the call.
        u16::try_from(unsafe { dpp_dpdk_port(name.as_ptr()) }).ok()
    }

    /// All ports: numbers, rising, and names.
    pub(super) fn ports(&self) -> impl Iterator<Item = (u16, String)> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let mut name = [0; NAME_BYTES];
            // SAFETY: a name has at most so many bytes (RTE_ETH_NAME_MAX_LEN), with the zero behind it.
            let port = u16::try_from(unsafe { dpp_dpdk_next_port(from, name.as_mut_ptr()) }).ok()?;
            from = port + 1;
            Some((port, text(&name)))
        })
    }

    /// What the port is.
    pub(super) fn kind(&self, port: u16) -> Result<Kind, Errno> {
        let mut kind = RawKind { driver: [0; NAME_BYTES], queues_max: 0, divides: 0 };
        // SAFETY: the shim writes a structure of this layout, with a zero behind the name.
        check(unsafe { dpp_dpdk_kind(port, &mut kind) })?;
        Ok(Kind { driver: text(&kind.driver), queues_max: kind.queues_max, divides: kind.divides != 0 })
    }

    /// Opens a port and starts it; gives a receiver for each queue. What fails is told with the step.
    pub(super) fn open(&mut self, opening: Opening) -> Result<Vec<Receiver>, (&'static str, Errno, String)> {
        let Opening { port, queues, burst, descriptors, promiscuous, key } = opening;
        let (promiscuous, key_bytes, key) = (promiscuous.into(), key.len() as u16, key.as_ptr());
        let wanted = RawOpening { port, queues, burst, descriptors, promiscuous, key_bytes, key };
        let (mut opened, mut step) = (null_mut(), null());
        let result = self.heard(|| {
            // SAFETY: the shim reads `wanted`, and writes a port or a string that is never given back; the key is static; the
            // control is held.
            unsafe { dpp_dpdk_open(&wanted, &mut opened, &mut step) }
        });
        if let Err((errno, said)) = result {
            // SAFETY: on errors `step` is a string literal of the shim's.
            let step = unsafe { CStr::from_ptr(step) }.to_str().unwrap_or_default();
            return Err((step, errno, said));
        }
        let port = Arc::new(Port(NonNull::new(opened).expect("a port that was opened")));
        let receiver = |queue| Receiver {
            port: Arc::clone(&port),
            queue,
            mbufs: vec![null(); usize::from(burst)],
            packets: Vec::with_capacity(usize::from(burst)),
        };
        Ok((0..queues).map(receiver).collect())
    }

    /// Runs something that gives 0 or more, or an error below it; then what DPDK said belongs to it.
    fn heard(&mut self, run: impl FnOnce() -> c_int) -> Result<c_int, (Errno, String)> {
        // SAFETY: the control is held, so nobody else listens.
        check(unsafe { dpp_dpdk_listen() }).map_err(|errno| (errno, String::new()))?;
        let result = check(run());
        let mut text = null();
        // SAFETY: the shim gives so many bytes, which stand until somebody listens again, and that takes the control.
        let said = unsafe {
            let bytes = dpp_dpdk_said(&mut text);
            slice::from_raw_parts(text.cast::<u8>(), bytes)
        };
        result.map_err(|errno| (errno, String::from_utf8_lossy(said).into_owned()))
    }
}

fn check(result: c_int) -> Result<c_int, Errno> {
    if result < 0 { Err(Errno(-result)) } else { Ok(result) }
}

fn text(bytes: &[c_char; NAME_BYTES]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(NAME_BYTES);
    String::from_utf8_lossy(&bytes[..end].iter().map(|byte| *byte as u8).collect::<Vec<_>>()).into_owned()
}

/// A port that is open. It is closed with its last receiver.
#[derive(Debug)]
struct Port(NonNull<RawPort>);

// SAFETY: the port may be asked for its counters, and its queues emptied, by any thread (rte_ethdev.h).
unsafe impl Send for Port {}
// SAFETY: as above; what changes it takes the control, and a queue has one receiver.
unsafe impl Sync for Port {}

impl Drop for Port {
    fn drop(&mut self) {
        let _control = Control::take();
        // SAFETY: the port is open, and nobody has it any more; all packets went back with the bursts they came in, which
        // borrow from a receiver; the control is held.
        unsafe { dpp_dpdk_close(self.0.as_ptr()) }
    }
}

/// Who empties a queue.
#[derive(Debug)]
pub(super) struct Receiver {
    port: Arc<Port>,
    queue: u16,
    mbufs: Vec<*const Mbuf>,
    packets: Vec<RawPacket>,
}

// SAFETY: the pointers are to packets that belong to the receiver alone; DPDK takes them back from any thread.
unsafe impl Send for Receiver {}

impl Receiver {
    /// Takes what is in the queue, at most as much as a burst has.
    #[inline]
    pub(super) fn receive(&mut self) -> Burst<'_> {
        let max = self.mbufs.len() as u16;
        debug_assert!(self.packets.capacity() >= self.mbufs.len());
        // SAFETY: there is room for `max` packets in both; the port is open, and the queue is this receiver's.
        let received = unsafe {
            let (mbufs, packets) = (self.mbufs.as_mut_ptr(), self.packets.as_mut_ptr());
            let received = dpp_dpdk_receive(self.port.0.as_ptr(), self.queue, mbufs, packets, max);
            self.packets.set_len(usize::from(received));
            usize::from(received)
        };
        Burst { mbufs: &mut self.mbufs[..received], packets: &self.packets }
    }

    /// How many packets the device lost so far: for want of room, and for being damaged. `None` if it cannot be asked.
    pub(super) fn lost(&self) -> Option<(u64, u64)> {
        let (mut missed, mut damaged) = (0, 0);
        // SAFETY: the port is open, and the shim writes two numbers.
        let error = unsafe { dpp_dpdk_lost(self.port.0.as_ptr(), &mut missed, &mut damaged) };
        (error == 0).then_some((missed, damaged))
    }
}

/// Packets that were received together. They go back to the device with it.
pub(super) struct Burst<'a> {
    mbufs: &'a mut [*const Mbuf],
    packets: &'a [RawPacket],
}

impl Burst<'_> {
    /// How many packets.
    pub(super) fn len(&self) -> usize {
        self.packets.len()
    }

    /// The packets.
    #[inline]
    pub(super) fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.packets.iter().map(Packet)
    }
}

impl Drop for Burst<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.mbufs.is_empty() {
            // SAFETY: these were received, and nobody else gives them back; what was lent of their bytes is over.
            unsafe { dpp_dpdk_free(self.mbufs.as_mut_ptr(), self.mbufs.len() as u16) }
        }
    }
}

/// A packet in the device's memory.
#[derive(Clone, Copy)]
pub(super) struct Packet<'a>(&'a RawPacket);

impl<'a> Packet<'a> {
    /// [`HAS_TAG`] and others.
    pub(super) fn flags(self) -> u16 {
        self.0.flags
    }

    /// Tags that were taken out, if flags say so: the inner, the outer.
    pub(super) fn tags(self) -> (u16, u16) {
        (self.0.tag, self.0.outer_tag)
    }

    /// When it came, if flags say so, in units that the driver knows.
    pub(super) fn time(self) -> u64 {
        self.0.time
    }

    /// Whether the first piece is all.
    #[inline]
    pub(super) fn is_in_one_piece(self) -> bool {
        self.0.pieces == 1
    }

    /// The first piece.
    #[inline]
    pub(super) fn first(self) -> &'a [u8] {
        // SAFETY: the driver wrote so many bytes there; they stay until the burst, from which this borrows, goes back.
        unsafe { slice::from_raw_parts(self.0.data, self.0.bytes as usize) }
    }

    /// The pieces behind the first.
    pub(super) fn rest(self) -> Rest<'a> {
        Rest { mbuf: self.0.mbuf, burst: PhantomData }
    }
}

/// The pieces of a packet behind the first.
pub(super) struct Rest<'a> {
    mbuf: *const Mbuf,
    burst: PhantomData<&'a [u8]>,
}

impl<'a> Iterator for Rest<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (mut data, mut bytes) = (null(), 0);
        // SAFETY: pieces are linked, the last one to null, where this ends; as for the first, they stay as long as the burst.
        unsafe {
            if !self.mbuf.is_null() {
                self.mbuf = dpp_dpdk_piece(self.mbuf, &mut data, &mut bytes);
            }
            (!self.mbuf.is_null()).then(|| slice::from_raw_parts(data, bytes as usize))
        }
    }
}

/// A thread that DPDK knows, which has buffers at hand.
pub(super) struct Known(bool, PhantomData<*const ()>);

impl Known {
    /// Makes the thread known, if there is a place for it; else it is slower, and that is all.
    pub(super) fn new() -> Known {
        // SAFETY: DPDK was started, or there would be no queue to empty.
        Known(unsafe { dpp_dpdk_enter() } == 0, PhantomData)
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        if self.0 {
            // SAFETY: this thread was made known; it is still the same, for this cannot be sent.
            unsafe { dpp_dpdk_leave() }
        }
    }
}
