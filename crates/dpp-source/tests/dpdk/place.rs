//! What tests of DPDK share: processes and namespaces of their own, captures, and a source with all that came of it.

use dpp::capture::{Chunk, Chunks};
use dpp_source::live::dpdk::{Dpdk, Settings};
use dpp_source::live::{Count, Counts, Feed, Pace, Queue};
use rustix::thread::LinkNameSpaceType;
use std::fmt;
use std::io::{BufWriter, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{env, fs};

/// Set in processes that run one test.
const ALONE: &str = "DPP_TEST_ALONE";

/// Runs the test of this name in a process of its own.
pub(crate) fn alone(name: &str, test: impl FnOnce()) {
    if env::var_os(ALONE).is_some() {
        return test();
    }
    let program = env::current_exe().unwrap();
    let mut command = Command::new(program);
    let output = command.args([name, "--exact", "--nocapture"]).env(ALONE, "1").output().unwrap();
    let told = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success() && told[0].contains("1 passed"), "{}\n{}", told[0], told[1]);
}

/// Waits until it is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A network namespace, which the process is in: interfaces `one` and `two`, which are joined.
pub(crate) struct Namespace(String);

impl Namespace {
    pub(crate) fn new() -> Namespace {
        let namespace = Namespace(format!("dpp-dpdk-{}", std::process::id()));
        ip(&format!("netns add {}", namespace.0));
        let file = fs::File::open(format!("/run/netns/{}", namespace.0)).unwrap();
        rustix::thread::move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("these tests take root");
        ip("link add one type veth peer name two");
        ip("link set one addrgenmode none up");
        ip("link set two addrgenmode none up");
        namespace
    }

    /// Sends frames out of `one`.
    pub(crate) fn send<'a>(&self, frames: impl Iterator<Item = &'a Vec<u8>>) {
        const SENDER: &str = "
import socket, sys
one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
one.bind(('one', 0))
for line in sys.stdin: one.send(bytes.fromhex(line))";
        let mut python =
            Command::new("python3").args(["-c", SENDER]).stdin(Stdio::piped()).spawn().expect("python3");
        let mut lines = BufWriter::new(python.stdin.take().unwrap());
        for frame in frames {
            frame.iter().for_each(|byte| write!(lines, "{byte:02x}").unwrap());
            writeln!(lines).unwrap();
        }
        drop(lines);
        assert!(python.wait().unwrap().success());
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The interfaces go with the process, as it is inside.
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn ip(words: &str) {
    let output = Command::new("ip").args(words.split(' ')).output().expect("the program ip, of iproute2");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "ip {words}: {told} These tests take root.");
}

/// A device, with what DPDK needs to be told where there are no huge pages.
pub(crate) fn on(device: &str) -> Settings {
    let eal = ["--no-huge", "-m", "128", "--no-pci"].map(str::to_string).to_vec();
    Settings { device: device.to_string(), eal, ..Settings::default() }
}

/// A file, which is removed with this.
pub(crate) struct TemporaryFile(pub(crate) PathBuf);

pub(crate) fn file(name: &str) -> TemporaryFile {
    TemporaryFile(env::temp_dir().join(format!("dpp-dpdk-{}-{name}.pcap", std::process::id())))
}

impl fmt::Display for TemporaryFile {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// An Ethernet frame of so many bytes, with a datagram of this number to a port.
pub(crate) fn frame(port: u16, number: u32, bytes: usize) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
    frame.extend_from_slice(&(bytes as u16 - 14).to_be_bytes());
    frame.extend_from_slice(&[0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x40, 0]);
    frame.extend_from_slice(&port.to_be_bytes());
    frame.extend_from_slice(&(bytes as u16 - 34).to_be_bytes());
    frame.extend_from_slice(&[0, 0]);
    frame.extend_from_slice(&number.to_be_bytes());
    frame.resize(bytes, 7);
    let end = frame.len();
    frame[end - 4..].copy_from_slice(&number.to_be_bytes());
    frame
}

/// The frame with these tags.
pub(crate) fn tagged(frame: &[u8], tags: &[u8]) -> Vec<u8> {
    [&frame[..12], tags, &frame[12..]].concat()
}

/// A packet that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) linktype: u16,
    pub(crate) time_ns: i64,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn write_pcap(path: &PathBuf, packets: &[Vec<u8>]) {
    let mut bytes = Vec::new();
    for word in [0xA1B2_C3D4, 0x0004_0002, 0, 0, 1 << 18, 1u32] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    for (number, packet) in (0u32..).zip(packets) {
        let length = packet.len() as u32;
        for word in [1_700_000_000, number, length, length] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(packet);
    }
    fs::write(path, bytes).unwrap();
}

/// The packets of a file in this machine's byte order, with microseconds.
pub(crate) fn read_pcap(path: &str) -> Vec<Received> {
    let bytes = fs::read(path).unwrap();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!((word(0), word(20)), (0xA1B2_C3D4, 1), "{path}");
    let mut at = 24;
    let mut packets = Vec::new();
    while at < bytes.len() {
        let time_ns = (i64::from(word(at)) * 1_000_000 + i64::from(word(at + 4))) * 1000;
        let end = at + 16 + word(at + 8) as usize;
        packets.push(Received { linktype: 1, time_ns, bytes: bytes[at + 16..end].to_vec() });
        at = end;
    }
    packets
}

/// A source at work, and all that came of it.
pub(crate) struct Scene {
    counts: Arc<Counts>,
    queue: Arc<Queue>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    received: Arc<Mutex<Vec<Received>>>,
}

/// Of sources without end only so many packets are kept.
const KEPT_MAX: usize = 1 << 16;

impl Scene {
    pub(crate) fn new(settings: Settings) -> Scene {
        Scene::start(Dpdk::open(settings).unwrap_or_else(|error| panic!("{error}")), 64 << 20)
    }

    /// With a queue of so many bytes.
    pub(crate) fn start(source: Dpdk, queue_bytes: usize) -> Scene {
        let mut scene = Scene::without_engine(source, queue_bytes);
        let pace = Pace { bytes: 1, interval: Duration::from_millis(1), jump_ns: i64::MAX };
        let (mut feed, all) = (Feed::new(Arc::clone(&scene.queue), pace), Arc::clone(&scene.received));
        scene.threads.push(thread::spawn(move || {
            while let Some(chunk) = feed.next(Chunk::default()).unwrap() {
                let mut all = all.lock().unwrap();
                let room = KEPT_MAX - all.len();
                all.extend(chunk.records.iter().take(room).map(|record| Received {
                    linktype: record.linktype,
                    time_ns: record.time_ns,
                    bytes: chunk.packet(record).to_vec(),
                }));
            }
        }));
        scene
    }

    /// Nobody takes anything out of the queue.
    pub(crate) fn without_engine(source: Dpdk, queue_bytes: usize) -> Scene {
        let (stop, counts) = (Arc::<AtomicBool>::default(), Arc::<Counts>::default());
        let queue = Queue::new(queue_bytes, Arc::clone(&stop));
        let threads = source.start(&queue, 0, Arc::clone(&counts)).unwrap();
        Scene { counts, queue, stop, threads, received: Arc::default() }
    }

    pub(crate) fn count(&self, count: Count) -> u64 {
        self.counts.get(count)
    }

    pub(crate) fn counted(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Waits until so much was counted.
    pub(crate) fn counts(&self, count: Count, number: u64) {
        until(&format!("{number} of {count:?}"), || self.count(count) >= number);
        assert_eq!(self.count(count), number, "{count:?}");
    }

    /// How many threads the source has, beside that of the engine.
    pub(crate) fn threads(&self) -> usize {
        self.threads.len() - 1
    }

    pub(crate) fn queue_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Ends it, and gives all that came.
    pub(crate) fn end(mut self) -> Vec<Received> {
        self.stop_all();
        std::mem::take(&mut *self.received.lock().unwrap())
    }

    fn stop_all(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.stop_all();
        }
    }
}
