//! A dnstap receiver whose frames go through queue and feed to nobody: what receiving alone can do.
//!
//! `discard SOCKET FRAMES` listens until so many frames came, and tells how long that took from the first one on.

use dpp::capture::{Chunk, Chunks};
use dpp_source::live::dnstap::{Listen, Receiver, Settings};
use dpp_source::live::{Count, Counts, Feed, Pace, Queue, UnixSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(frames)) = (arguments.next(), arguments.next()) else {
        panic!("usage: discard SOCKET FRAMES")
    };
    let frames: u64 = frames.parse().expect("a number of frames");
    let socket = UnixSocket { path: path.into(), ..UnixSocket::default() };
    let receiver = Receiver::open(&Settings::new(Listen::Unix(socket))).expect("a socket");
    let (stop, counts) = (Arc::<AtomicBool>::default(), Arc::<Counts>::default());
    let queue = Queue::new(64 << 20, Arc::clone(&stop));
    let threads = receiver.start(&queue, 0, Arc::clone(&counts)).expect("a thread");
    let pace = Pace { bytes: 256 << 10, interval: Duration::from_millis(100), jump_ns: i64::MAX };
    let mut feed = Feed::new(queue, pace);
    let (mut chunk, mut began, mut records) = (Chunk::default(), None, 0);
    while let Some(next) = feed.next(chunk).expect("a feed has no errors") {
        if !next.records.is_empty() {
            began.get_or_insert_with(Instant::now);
        }
        records += next.records.len() as u64;
        chunk = next;
        if records + counts.get(Count::DroppedQueueFull) >= frames {
            break;
        }
    }
    let seconds = began.map_or(0.0, |began| began.elapsed().as_secs_f64());
    let dropped = counts.get(Count::DroppedQueueFull);
    println!("{records} frames taken and {dropped} dropped in {seconds:.3} s");
    stop.store(true, Ordering::Release);
    threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
}
