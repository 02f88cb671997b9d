//! A dnstap receiver whose frames go through queue and feed to nobody: what receiving alone can do. `discard SOCKET` listens;
//! `benches/dnstap` runs it.

mod rate;

use dpp_source::live::UnixSocket;
use dpp_source::live::dnstap::{Listen, Receiver, Settings};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("discard SOCKET")?;
    let socket = UnixSocket { path: path.into(), ..UnixSocket::default() };
    let receiver = Receiver::open(&Settings::new(Listen::Unix(socket)))?;
    rate::measure(|queue, counts| receiver.start(queue, 0, counts))
}
