//! Captures an interface and throws away what comes, to see how much can come without loss. `benches/afpacket` runs it; as
//! root, `afpacket_rate eth0 2` captures in two rings.

mod rate;

use dpp_source::live::afpacket::{AfPacket, Settings};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [interface, threads] = &words[..] else { return Err("afpacket_rate INTERFACE RINGS".into()) };
    let settings =
        Settings { interface: interface.clone(), threads: threads.parse()?, ..Settings::default() };
    let source = AfPacket::open(settings)?;
    rate::measure(|queue, counts| source.start(queue, 0, counts))
}
