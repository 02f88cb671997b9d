//! What tests of captured interfaces share: a pair of virtual ones in a network namespace, the test at one end, and a source that
//! runs at the other.
//!
//! The surprising fact: a namespace holds for a thread. So each test has one of its own, and what it starts (readers of sources,
//! the program `ip`) is in there with it.

use super::{Count, Counts, Queue, afpacket};
use dpp::capture::Batch;
use rustix::fd::AsFd;
use rustix::thread::LinkNameSpaceType;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A network namespace, which the thread of the test is in: there are `lo`, and `one` and `two`, which are joined.
pub(super) struct Namespace {
    pub(super) name: String,
    before: File,
}

impl Namespace {
    pub(super) fn new() -> Namespace {
        Namespace::with(&[])
    }

    /// With these words about both ends.
    pub(super) fn with(words: &[&str]) -> Namespace {
        let namespace = Namespace::empty();
        join_one_and_two(words);
        namespace
    }

    /// With `lo` alone.
    pub(super) fn empty() -> Namespace {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("dpp-test-{}-{number}", std::process::id());
        let before = File::open("/proc/thread-self/ns/net").expect("the namespace of the thread");
        ip(&["netns", "add", &name]);
        let namespace = Namespace { name, before };
        namespace.enter();
        ip(&["link", "set", "lo", "up"]);
        namespace
    }

    /// Brings the thread there.
    pub(super) fn enter(&self) {
        enter(&File::open(format!("/run/netns/{}", self.name)).expect("the namespace"));
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        enter(&self.before);
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

fn enter(namespace: &File) {
    rustix::thread::move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .expect("these tests take root: sudo");
}

pub(super) fn ip(words: &[&str]) {
    let output = Command::new("ip").args(words).output().expect("the program ip, of iproute2");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "ip {words:?}: {told} These tests take root: sudo");
}

/// Makes `one` and `two`, with these words about both.
pub(super) fn join_one_and_two(words: &[&str]) {
    ip(&[&["link", "add", "one"], words, &["type", "veth", "peer", "name", "two"], words].concat());
    for end in ["one", "two"] {
        ip(&["link", "set", end, "addrgenmode", "none", "up"]);
    }
    // Before the kernel says so, it drops what is sent, and says nothing of that.
    let is_up = |end| {
        let told = Command::new("ip").args(["link", "show", end]).output().unwrap().stdout;
        String::from_utf8_lossy(&told).contains("state UP")
    };
    until("both ends are up", || is_up("one") && is_up("two"));
}

/// Waits until something is so.
#[track_caller]
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Sends frames out of an interface.
pub(super) struct Sender(OwnedFd);

impl Sender {
    pub(super) fn new(interface: &str) -> Sender {
        Sender(afpacket::sender(interface).expect("a socket that is bound to the interface"))
    }

    pub(super) fn send(&self, frame: &[u8]) {
        assert_eq!(self.try_to_send(frame).expect("to send"), frame.len());
    }

    fn try_to_send(&self, frame: &[u8]) -> rustix::io::Result<usize> {
        rustix::io::write(&self.0, frame)
    }
}

/// A source that runs, as input 3.
pub(super) struct Tap {
    pub(super) queue: Arc<Queue>,
    counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// Time, link type and bytes of the packets that came.
    pub(super) taken: Vec<(i64, u16, Vec<u8>)>,
}

impl Tap {
    /// Starts a source with a queue of so many bytes.
    pub(super) fn start(
        bytes_max: usize,
        start: impl FnOnce(&Arc<Queue>, u32, Arc<Counts>) -> io::Result<Vec<JoinHandle<()>>>,
    ) -> Tap {
        let stop = Arc::default();
        let queue = Queue::new(bytes_max, Arc::clone(&stop));
        let counts = Arc::default();
        let threads = start(&queue, 3, Arc::clone(&counts)).expect("threads");
        Tap { queue, counts, stop, threads, taken: Vec::new() }
    }

    pub(super) fn count(&self, count: Count) -> u64 {
        self.counts.get(count)
    }

    /// Whether the source has gone, for now.
    pub(super) fn is_away(&self) -> bool {
        self.counts.away_since().is_some()
    }

    /// Takes packets until there are so many.
    #[track_caller]
    pub(super) fn take(&mut self, packets: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.taken.len() < packets {
            let batch = self.queue.take(deadline).expect("a source that goes on");
            self.keep(batch.unwrap_or_else(|| panic!("{} of {packets} packets", self.taken.len())));
        }
    }

    fn keep(&mut self, batch: Batch) {
        assert_eq!(batch.input, 3);
        for record in &batch.records {
            let bytes = &batch.bytes[record.start as usize..][..record.caplen as usize];
            self.taken.push((record.time_ns, record.linktype, bytes.to_vec()));
        }
    }

    /// Ends the source; gives how long that took.
    pub(super) fn end(&mut self) -> Duration {
        let start = Instant::now();
        self.stop.store(true, Ordering::Release);
        self.threads.drain(..).for_each(|thread| thread.join().expect("a thread that ended well"));
        let took = start.elapsed();
        while let Ok(Some(batch)) = self.queue.take(Instant::now()) {
            self.keep(batch);
        }
        took
    }

    /// The bytes of the packets that came.
    pub(super) fn bytes(&self) -> Vec<&[u8]> {
        self.taken.iter().map(|(_, _, bytes)| &bytes[..]).collect()
    }

    /// Sends out of `one` until that comes, and takes it as often as it does.
    #[track_caller]
    pub(super) fn send_until_taken(&mut self, frame: &[u8]) {
        let before = self.taken.len();
        until("the first packet", || {
            // As long as the other end is off there is none to send to.
            let _ = Sender::new("one").try_to_send(frame);
            if let Ok(Some(batch)) = self.queue.take(Instant::now() + Duration::from_millis(20)) {
                self.keep(batch);
            }
            self.taken.len() > before
        });
        while let Ok(Some(batch)) = self.queue.take(Instant::now() + Duration::from_millis(50)) {
            self.keep(batch);
        }
        assert!(self.taken[before..].iter().all(|(_, _, bytes)| bytes == frame));
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

/// A datagram with this number to a port, in an Ethernet frame for everybody; `tags` stand before the ethertype.
pub(super) fn frame(tags: &[u8], port: u16, number: u32) -> Vec<u8> {
    let mut frame = vec![0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 0, 0, 0, 1];
    frame.extend_from_slice(tags);
    frame.extend_from_slice(&[0x08, 0x00]);
    frame.extend_from_slice(&datagram(port, number));
    frame
}

/// Such a datagram alone.
pub(super) fn datagram(port: u16, number: u32) -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    // Clients' ports differ, so that there are flows to divide.
    bytes.extend_from_slice(&(10_000 + number as u16 % 1000).to_be_bytes());
    bytes.extend_from_slice(&port.to_be_bytes());
    bytes.extend_from_slice(&[0, 40, 0, 0]);
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.resize(60, 7);
    bytes
}

/// A tag of a VLAN, and two in each other.
pub(super) const VLAN: &[u8] = &[0x81, 0x00, 0x20, 0x05];
pub(super) const TWO_VLANS: &[u8] = &[0x88, 0xA8, 0x00, 0x06, 0x81, 0x00, 0x00, 0x07];
