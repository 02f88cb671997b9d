//! The same as `afpacket_rate` by XDP: as root, `xdp_rate eth0`. A second word would be a number of rings, which is not for us to
//! choose.

mod rate;

use dpp_source::live::xdp::{Settings, Xdp};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let interface = std::env::args().nth(1).ok_or("xdp_rate INTERFACE")?;
    let source = Xdp::open(Settings { interface, ..Settings::default() })?;
    eprintln!("{}", source.facts());
    rate::measure(|queue, counts| source.start(queue, 0, counts))
}
