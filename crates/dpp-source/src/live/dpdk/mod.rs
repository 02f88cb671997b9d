//! Ports of DPDK: network cards without the kernel, and virtual devices (feature `dpdk`, which needs libdpdk).
//!
//! ```text
//!  device -> queue -> reader (a thread that asks again and again) -> look -> inlet
//! ```
//! A device is made known by its PCI address, or as a virtual one (`net_af_packet0,iface=eth1`, `net_pcap0,rx_pcap=FILE`).
//! It divides packets among its queues by flow, so that both directions of one meet in the same queue
//! ([`Settings::queues`]). The surprising fact: a device that was given to DPDK's drivers is gone for the kernel, and its
//! packets with it; this is for ports to which traffic is mirrored.
//!
//! Time: packets are dated when their burst is received, by the system's clock, some 100 us after they came at most unless
//! there is a jam. Devices that tell a time do so in units of their own; the one that is understood is `net_pcap`, whose
//! packets keep the time they have in the file.

mod eal;
mod error;
mod look;
mod reader;
mod sys;

pub use error::DpdkError;

use super::{Counts, LiveError, Queue};
use dpp::limits;
use dpp::plan::Ports;
use reader::Reader;
use std::ffi::CString;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use sys::{Control, Kind, Opening, Receiver};

/// What is done where nothing comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Poll {
    /// The thread sleeps some 100 us at a time: 5 to 10 percent of a processor. Packets are dated so much late, so that a
    /// server that answers faster than that seems to need no time at all, or 100 us.
    #[default]
    Idle,
    /// It asks on, and takes a whole processor whatever comes. Packets are dated within a microsecond.
    Busy,
}

/// What is captured, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A PCI address (`0000:03:00.0`), a virtual device with its arguments (`net_af_packet0,iface=eth1`), the name of a
    /// port that DPDK knows already, or its number.
    pub device: String,
    /// Ports that carry DNS. What has none of them on either side, and is no fragment and no tunnel, is not copied.
    pub ports: Ports,
    /// Receive queues, each with a thread. `None`: one if the device divides packets as it is told (RSS), with a key that
    /// brings both directions of a flow together; all that it has if it does that in a way of its own, for what comes to a
    /// queue that nobody empties is lost.
    pub queues: Option<u16>,
    /// Arguments of DPDK's EAL, such as `--no-huge -m 256`. It is started once in a process: all sources say the same, or
    /// nothing.
    pub eal: Vec<String>,
    /// Whether the device is to take packets that are not for it: a mirror port has no others.
    pub promiscuous: bool,
    /// Packets that are taken out of a queue at once, at most.
    pub burst: u16,
    /// What is done where nothing comes.
    pub poll: Poll,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            device: String::new(),
            ports: Ports::default(),
            queues: None,
            eal: Vec::new(),
            promiscuous: true,
            burst: 64,
            poll: Poll::Idle,
        }
    }
}

/// Descriptors of a queue, unless the device has fewer: packets that may come while its thread sleeps, or another has the
/// processor. 4096 are 4 ms of a million packets a second, which is one slice of the scheduler's.
const DESCRIPTORS: u16 = 4096;

/// The key of the Toeplitz hash by which network cards divide packets (RSS). As it repeats after 16 bits, source and
/// destination may change places and the hash stays: addresses and ports stand at multiples of 16 bits in what is hashed.
static SYMMETRIC_KEY: [u8; 64] = {
    let mut key = [0x6D; 64];
    let mut at = 1;
    while at < key.len() {
        key[at] = 0x5A;
        at += 2;
    }
    key
};

/// A port that is started: its queues fill, and [`Dpdk::start`] empties them.
#[derive(Debug)]
pub struct Dpdk {
    settings: Arc<Settings>,
    unit_ns: Option<i64>,
    receivers: Vec<Receiver>,
    /// What the device had lost when it was opened.
    lost: Option<(u64, u64)>,
}

impl Dpdk {
    /// Starts DPDK, unless that is done, and the port.
    ///
    /// # Errors
    /// [`LiveError::Dpdk`] if DPDK does not start, or there is no such device, or it does not do what is asked for.
    pub fn open(settings: Settings) -> Result<Dpdk, LiveError> {
        let settings = Settings { burst: settings.burst.clamp(1, limits::DPDK_BURST_MAX), ..settings };
        let mut control = eal::start(&settings.eal)?;
        let port = find(&mut control, &settings.device)?;
        let kind = control.kind(port).map_err(|errno| failed(&settings, "what it is", errno, ""))?;
        let opening = Opening {
            port,
            queues: queues(&settings, &kind)?,
            burst: settings.burst,
            descriptors: DESCRIPTORS,
            promiscuous: settings.promiscuous,
            key: &SYMMETRIC_KEY,
        };
        let receivers =
            control.open(opening).map_err(|(step, errno, said)| failed(&settings, step, errno, &said))?;
        let lost = receivers.first().and_then(Receiver::lost);
        Ok(Dpdk { settings: Arc::new(settings), unit_ns: unit_ns(&kind.driver), receivers, lost })
    }

    /// Starts a thread for each queue, which puts its packets into the engine's as those of `input`.
    ///
    /// # Errors
    /// If the system gives no more threads.
    pub fn start(
        self,
        queue: &Arc<Queue>,
        input: u32,
        counts: Arc<Counts>,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let Dpdk { settings, unit_ns, receivers, lost } = self;
        let reader = |(number, receiver): (usize, Receiver)| Reader {
            lost: lost.filter(|_| number == 0),
            receiver,
            settings: Arc::clone(&settings),
            unit_ns,
            inlet: queue.inlet(input, Arc::clone(&counts)),
            end: None,
        };
        // All inlets are there before the first thread can end, as the last one closes the queue.
        let readers: Vec<Reader> = receivers.into_iter().enumerate().map(reader).collect();
        let spawn =
            |reader: Reader| thread::Builder::new().name("dpp-dpdk".to_string()).spawn(move || reader.run());
        readers.into_iter().map(spawn).collect()
    }
}

/// The number of the port that `device` names, which is made if there is none yet.
fn find(control: &mut Control, device: &str) -> Result<u16, DpdkError> {
    let whole = CString::new(device).map_err(|_| DpdkError::Zero(device.escape_debug().to_string()))?;
    let name = device.split(',').next().unwrap_or_default();
    let name = CString::new(name).expect("a part of what has no zero");
    let by_number = |control: &Control| {
        let number = device.parse().ok()?;
        control.ports().map(|port| port.0).find(|port| *port == number)
    };
    if let Some(port) = control.port(&name).or_else(|| by_number(control)) {
        return Ok(port);
    }
    let told = control.probe(&whole);
    if let Some(port) = control.port(&name) {
        return Ok(port);
    }
    let (errno, said) = told.err().unwrap_or_default();
    let there: Vec<_> = control.ports().map(|port| port.1).collect();
    Err(DpdkError::NoPort {
        device: device.to_string(),
        problem: error::problem(errno, &said),
        there: if there.is_empty() { "none".to_string() } else { there.join(", ") },
        remedy: error::remedy_for_device(&said),
    })
}

fn queues(settings: &Settings, kind: &Kind) -> Result<u16, DpdkError> {
    let max = kind.queues_max.min(limits::DPDK_QUEUES_MAX);
    let usual = if kind.divides { 1 } else { max };
    match settings.queues.unwrap_or(usual) {
        queues if (1..=max).contains(&queues) => Ok(queues),
        queues => Err(DpdkError::Queues { device: settings.device.clone(), queues, max }),
    }
}

fn failed(settings: &Settings, step: &'static str, errno: sys::Errno, said: &str) -> DpdkError {
    let device = settings.device.clone();
    DpdkError::Port { device, step, problem: error::problem(errno, said), remedy: error::remedy(errno, said) }
}

/// What the driver's time of packets is counted in, ns; `None` if that is not known.
fn unit_ns(driver: &str) -> Option<i64> {
    (driver == "net_pcap").then_some(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash of network cards, bit by bit: for each that is set, 32 bits of the key from there on.
    fn toeplitz(key: &[u8], hashed: &[u8]) -> u32 {
        let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
        let word = |at: usize| (at..at + 32).fold(0, |word, at| word << 1 | u32::from(bit(key, at)));
        (0..hashed.len() * 8).filter(|at| bit(hashed, *at) == 1).fold(0, |hash, at| hash ^ word(at))
    }

    /// A flow whose addresses have so many bytes, as it is hashed: addresses, then ports; and its other direction.
    fn flow(bytes: usize) -> [Vec<u8>; 2] {
        let [one, two] = [3, 7].map(|factor| (0..bytes as u8).map(|at| at * factor + 1).collect::<Vec<_>>());
        let ports = [[0x40, 1], [0, 53]];
        [[&one[..], &two, &ports[0], &ports[1]].concat(), [&two[..], &one, &ports[1], &ports[0]].concat()]
    }

    #[test]
    fn both_directions_of_a_flow_meet_in_one_queue() {
        for bytes in [4, 16] {
            let [there, back] = flow(bytes);
            assert_eq!(toeplitz(&SYMMETRIC_KEY, &there), toeplitz(&SYMMETRIC_KEY, &back));
            assert_ne!(
                toeplitz(&SYMMETRIC_KEY, &there),
                toeplitz(&SYMMETRIC_KEY, &there[2..]),
                "flows differ"
            );
        }
    }
}
