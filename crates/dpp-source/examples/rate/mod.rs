//! Takes what a source captures and throws it away, until a line, or the end, of standard input comes. Told are what was taken
//! and what was lost, and the CPU seconds of the process once the source was open.

use dpp::capture::{Chunk, Chunks};
use dpp_source::live::{COUNTS, Counts, Feed, Pace, Queue};
use std::error::Error;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Measures the source that `start` starts.
pub fn measure(
    start: impl FnOnce(&Arc<Queue>, Arc<Counts>) -> io::Result<Vec<JoinHandle<()>>>,
) -> Result<(), Box<dyn Error>> {
    let stop: Arc<AtomicBool> = Arc::default();
    let counts: Arc<Counts> = Arc::default();
    let queue = Queue::new(64 << 20, Arc::clone(&stop));
    let threads = start(&queue, Arc::clone(&counts))?;
    let before = cpu_seconds()?;
    eprintln!("ready");
    std::thread::spawn(move || {
        let _ = io::stdin().read(&mut [0]);
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
