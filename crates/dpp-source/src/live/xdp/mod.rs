//! Network interfaces, through XDP: DNS is taken out of the driver's hands before the kernel makes anything of it.
//!
//! ```text
//!  queue of the interface -> program -> socket of that queue -> reader (a thread) -> inlet
//!                                \-> the kernel, as ever: all that is not DNS
//! ```
//! The surprising fact: what is captured is *gone* for this machine. On a mirror port that is what one wants, and the cheapest
//! there is; on the interface of a server it would steal its queries. So an interface that the host uses is refused unless
//! [`Settings::steal`] says otherwise, and what this machine sends is not seen at all. The program is bound to a
//! descriptor of ours: however we end, the kernel takes it off, and packets go their old way.
//!
//! What to know before one believes the packets: a tag of VLAN that the network card takes out (rxvlan of ethtool -K) is not in
//! them; frames longer than 1,792 bytes, or 3,840 where the MTU is above 1770 (jumbo frames; what the kernel put together, where
//! the program runs behind the driver: gro of ethtool -K) are dropped and counted; tunnels are left to the kernel.
//! Where the network card writes into our memory itself, what it drops for want of frames is in its own statistics only.
//! Their time is when the program saw them, by the kernel's clock; where the driver has no room for that, it is when the reader
//! found them, one time for all that it found together.

mod links;
mod program;
mod reader;
mod session;
mod sys;
#[cfg(test)]
mod tests;

use super::{Count, Counts, Inlet, LiveError, Queue};
use dpp::plan::Ports;
use session::{Kernel, Session};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Who brings packets into our memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Copying {
    /// The network card, where its driver can do that; else the kernel.
    #[default]
    Auto,
    /// The kernel copies them.
    Copy,
    /// The network card, or there is no capture.
    ZeroCopy,
}

/// What is captured, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of the interface.
    pub interface: String,
    /// Ports that carry DNS: what has none of them on either side goes to the kernel.
    pub ports: Ports,
    /// Bytes of the ring of each queue, each of which has a thread: a packet takes 2 KiB however short it is (4 KiB where the
    /// interface's MTU is above 1770), so 64 MiB are 32,768 packets that may come while nobody reads. Rounded up to a power of two.
    /// This memory is locked (RLIMIT_MEMLOCK).
    pub ring_bytes: usize,
    /// Whether the interface is to take packets that are not for this machine: a mirror port has no others.
    pub promiscuous: bool,
    /// Who brings packets into our memory.
    pub copying: Copying,
    /// Whether fragments of IP are taken that do not tell their ports, which is all of UDP and TCP but the first of each datagram.
    /// Without, long responses over UDP may be incomplete. What is no DNS of it is gone for this machine.
    pub fragments: bool,
    /// Whether to capture on an interface that the host uses itself: that has an address, is part of a bridge or bond, or carries
    /// VLANs. Its DNS stops working while we capture. That is asked when the interface is opened; who gives it an address later
    /// finds that DNS does not work there.
    pub steal: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            interface: String::new(),
            ports: Ports::default(),
            ring_bytes: 64 << 20,
            promiscuous: true,
            copying: Copying::Auto,
            fragments: false,
            steal: false,
        }
    }
}

impl Settings {
    /// Looks whether there is such an interface, and whether it could be captured.
    ///
    /// # Errors
    /// What stands against it.
    pub fn look(&self) -> Result<(), LiveError> {
        session::find(self).map(drop)
    }
}

/// How an interface is captured; of use in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The interface.
    pub interface: String,
    /// Its queues, each of which has a socket and a thread.
    pub queues: u32,
    /// At how many of them the network card writes into our memory itself.
    pub zero_copy: u32,
    /// Why the program is not in the driver but behind it, where it costs more: what the driver said.
    pub behind_driver: Option<String>,
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Facts { interface, queues, zero_copy, behind_driver } = self;
        let plural = if *queues == 1 { "" } else { "s" };
        write!(f, "'{interface}': {queues} queue{plural}, {zero_copy} of them without copying, ")?;
        match behind_driver {
            None => f.write_str("the program in the driver"),
            Some(why) => write!(f, "the program behind the driver, where it costs more, as that said: {why}"),
        }
    }
}

/// An interface that is captured. Its packets come to us already; [`Xdp::start`] takes them.
#[derive(Debug)]
pub struct Xdp {
    settings: Settings,
    kernel: Kernel,
    session: Session,
}

/// How often it is looked whether the source is to end, or its interface has gone.
const TICK: Duration = Duration::from_millis(40);
/// How often it is tried to open an interface again that has gone.
const RETRY: Duration = Duration::from_millis(500);

impl Xdp {
    /// Opens what takes privileges: program, sockets, rings. From here on DNS is taken away from the kernel, until this is dropped
    /// or the source ends. To find an interface again that has gone takes CAP_NET_RAW once more, and the right to lock memory.
    ///
    /// # Errors
    /// [`LiveError`] if there is no such interface, the host uses it, it has a program already, or privileges (CAP_BPF,
    /// CAP_NET_ADMIN, CAP_NET_RAW) or memory are missing.
    pub fn open(settings: Settings) -> Result<Xdp, LiveError> {
        let kernel = Kernel::prepare(&settings)?;
        let session = Session::open(&settings, &kernel)?;
        Ok(Xdp { settings, kernel, session })
    }

    /// How it is captured.
    pub fn facts(&self) -> &Facts {
        self.session.facts()
    }

    /// Starts a thread for each queue, which puts its packets into `queue` as those of `input`, and one that looks after them.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(
        self,
        queue: &Arc<Queue>,
        input: u32,
        counts: Arc<Counts>,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        // This inlet is never used: it holds the queue open while the interface is away.
        let held = queue.inlet(input, Arc::clone(&counts));
        let queue = Arc::clone(queue);
        let inlet = move || queue.inlet(input, Arc::clone(&counts));
        let name = format!("dpp-{}", self.settings.interface);
        let thread = thread::Builder::new().name(name).spawn(move || self.keep(held, inlet))?;
        Ok(vec![thread])
    }

    /// Runs sessions, until the source is to end.
    fn keep(self, held: Inlet, inlet: impl Fn() -> Inlet) {
        let Xdp { settings, kernel, session } = self;
        session.run(&held, &inlet);
        while !held.is_stopping() {
            held.counts().set_away(true);
            match Session::open(&settings, &kernel) {
                Ok(session) => {
                    held.counts().add(Count::Reopened, 1);
                    held.counts().set_away(false);
                    session.run(&held, &inlet);
                }
                // It may be away for long, or be in others' hands; nobody could do more than wait.
                Err(_) => pause(&held),
            }
        }
    }
}

fn pause(held: &Inlet) {
    let ticks = RETRY.as_millis() / TICK.as_millis();
    (0..ticks).take_while(|_| !held.is_stopping()).for_each(|_| thread::sleep(TICK));
}
