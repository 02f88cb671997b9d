//! What tests of live sources share: folders, waiting, programs, and a receiver with all that it has received.

use dpp::capture::{Chunk, Chunks};
use dpp::dnstap::frames;
use dpp::dnstap::{Direction, Dnstap, Message, MessageType, Role, Time};
use dpp_source::live::dnstap::{Listen, Receiver, Settings};
use dpp_source::live::{Count, Counts, Feed, Pace, Queue, UnixSocket};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{env, fs};

/// A folder of a test's own, which servers of other users may read, too.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn new() -> Place {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let ordinal = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("dpp-live-{}-{ordinal}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Place(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until it is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A program that is running, and is ended with this.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Running {
        Running(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}; see tools/peers")))
    }

    /// Waits until it ends by itself, well.
    pub(crate) fn ends(&mut self) {
        until("a program ends", || self.0.try_wait().unwrap().is_some());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A live source at work, and all that came of it.
pub(crate) struct Scene {
    pub(crate) place: Place,
    pub(crate) counts: Arc<Counts>,
    pub(crate) address: Option<SocketAddr>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A message that came, as the engine gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) linktype: u16,
    pub(crate) time_ns: i64,
    pub(crate) bytes: Vec<u8>,
}

/// The socket of a scene that has one.
pub(crate) const SOCKET: &str = "dnstap.sock";

impl Scene {
    pub(crate) fn unix() -> Scene {
        Scene::unix_with(|_| {})
    }

    /// With other bounds than the usual ones.
    pub(crate) fn unix_with(change: impl FnOnce(&mut Settings)) -> Scene {
        let place = Place::new();
        let socket = UnixSocket { path: place.path(SOCKET), mode: Some(0o666), ..UnixSocket::default() };
        let mut settings = Settings::new(Listen::Unix(socket));
        change(&mut settings);
        Scene::new(place, &settings)
    }

    pub(crate) fn tcp() -> Scene {
        Scene::new(Place::new(), &Settings::new(Listen::Tcp("127.0.0.1:0".parse().unwrap())))
    }

    pub(crate) fn new(place: Place, settings: &Settings) -> Scene {
        let receiver = Receiver::open(settings).unwrap();
        let address = receiver.address();
        let mut scene = Scene::of(place, 64 << 20, |queue, counts| receiver.start(queue, 0, counts).unwrap());
        scene.address = address;
        scene
    }

    /// Any source, with a queue of so many bytes.
    pub(crate) fn of(
        place: Place,
        queue_bytes: usize,
        start: impl FnOnce(&Arc<Queue>, Arc<Counts>) -> Vec<JoinHandle<()>>,
    ) -> Scene {
        let (stop, counts) = (Arc::<AtomicBool>::default(), Arc::<Counts>::default());
        let queue = Queue::new(queue_bytes, Arc::clone(&stop));
        let mut threads = start(&queue, Arc::clone(&counts));
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let pace = Pace { bytes: 1, interval: Duration::from_millis(1), jump_ns: i64::MAX };
        let (mut feed, all) = (Feed::new(queue, pace), Arc::clone(&received));
        threads.push(thread::spawn(move || {
            while let Some(chunk) = feed.next(Chunk::default()).unwrap() {
                all.lock().unwrap().extend(chunk.records.iter().map(|record| Received {
                    linktype: record.linktype,
                    time_ns: record.time_ns,
                    bytes: chunk.packet(record).to_vec(),
                }));
            }
        }));
        Scene { place, counts, address: None, stop, threads, received }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.place.path(SOCKET)
    }

    pub(crate) fn count(&self, count: Count) -> u64 {
        self.counts.get(count)
    }

    /// Waits until so much was counted.
    pub(crate) fn counts(&self, count: Count, number: u64) {
        until(&format!("{number} of {count:?}"), || self.count(count) >= number);
        assert_eq!(self.count(count), number, "{count:?}");
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn received_count(&self) -> usize {
        self.received.lock().unwrap().len()
    }

    /// Ends it, and gives all that came.
    pub(crate) fn end(mut self) -> Vec<Received> {
        self.stop_all();
        self.received()
    }

    fn stop_all(&mut self) {
        self.stop.store(true, Ordering::Release);
        let began = Instant::now();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "a source ends soon");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.stop_all();
        }
    }
}

/// A frame of a query that a client asked at so many seconds, with so many bytes of message behind its header.
pub(crate) fn frame(seconds: u64, more: usize) -> Vec<u8> {
    let mut query = vec![0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    query.resize(12 + more, 7);
    let mut message = Message::new(MessageType::of(Role::Client, Direction::Query));
    message.query_time = Time::new(seconds, 5);
    message.query_message = Some(&query);
    let mut out = Vec::new();
    Dnstap { identity: Some(b"ns1"), ..Dnstap::new(message) }.write(&mut out);
    out
}

/// Frames of so many seconds, of different lengths.
pub(crate) fn some_frames(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|number| frame(1_000_000 + number, number as usize % 300)).collect()
}

/// START, frames, STOP.
pub(crate) fn stream(all: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = Vec::new();
    frames::write_start(&mut stream);
    all.iter().for_each(|frame| frames::write_frame(&mut stream, frame));
    frames::write_stop(&mut stream);
    stream
}

/// The frames that came.
pub(crate) fn bytes_of(received: &[Received]) -> Vec<Vec<u8>> {
    received.iter().map(|received| received.bytes.clone()).collect()
}

/// Sends a file as others do.
pub(crate) fn fstrm_replay(file: &Path) -> Command {
    let mut command = Command::new("fstrm_replay");
    command.args(["-t", "protobuf:dnstap.Dnstap", "-r"]).arg(file);
    command
}
