//! Captures an interface and throws away what comes, to see how much can come without loss. `benches/afpacket` runs it; as
//! root, `afpacket_rate eth0 2` captures in two rings until a line, or the end, of standard input comes.
//! Told are what was taken and what was lost, and the CPU seconds of the process once the rings were there.

use dpp::capture::{Chunk, Chunks};
use dpp_source::live::afpacket::{AfPacket, Settings};
use dpp_source::live::{COUNTS, Counts, Feed, Pace, Queue};
use std::error::Error;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [interface, threads] = &words[..] else { return Err("afpacket_rate INTERFACE RINGS".into()) };
    let settings =
        Settings { interface: interface.clone(), threads: threads.parse()?, ..Settings::default() };
    let stop: Arc<AtomicBool> = Arc::default();
    let counts: Arc<Counts> = Arc::default();
    let queue = Queue::new(64 << 20, Arc::clone(&stop));
    let threads = AfPacket::open(settings)?.start(&queue, 0, Arc::clone(&counts))?;
    let before = cpu_seconds()?;
    eprintln!("ready");
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        stop.store(true, Ordering::Release);
    });
    let pace = Pace { bytes: 256 << 10, interval: Duration::from_millis(100), jump_ns: 10_000_000_000 };
    let mut feed = Feed::new(queue, pace);
    let mut chunk = Some(Chunk::default());
    while let Some(next) = chunk {
        chunk = feed.next(next)?;
    }
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")?;
    }
    for entry in COUNTS {
        println!("{} {}", entry.name, counts.get(entry.count));
    }
    println!("cpu_seconds {:.2}", cpu_seconds()? - before);
    Ok(())
}

/// User and system time of this process so far (man 5 proc: fields 14 and 15 of stat, in hundredths of a second).
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<u64> =
        behind_name.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<u64>() as f64 / 100.0)
}
