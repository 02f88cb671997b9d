//! A session: from when the program is put at an interface until that goes away, or the source ends.
//!
//! The order matters. The sockets are bound and in the map before the program is attached, so that there is nothing to
//! undo when a step fails; at the end the program is taken off first, and then the rings are emptied, so that no packet is lost
//! between us and the kernel.

use super::links::{self, Link};
use super::program::{self, Takes};
use super::reader::{Reader, Signs};
use super::sys::{self, Attachment, FrameSize, PacketSocket, Packets, Program, SocketMap, Way};
use super::{Copying, Facts, Settings, TICK};
use crate::live::ports::merge;
use crate::live::{Inlet, LiveError};
use dpp::limits;
use std::io;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// How long a queue may be taken by a socket that was closed already.
const FREEING: Duration = Duration::from_millis(500);

/// What is made once and outlives interfaces, as it takes privileges.
#[derive(Debug)]
pub(super) struct Kernel {
    map: SocketMap,
    program: Program,
    promiscuity: Option<PacketSocket>,
}

impl Kernel {
    /// Loads the program.
    pub(super) fn prepare(settings: &Settings) -> Result<Kernel, LiveError> {
        let step = |what| failed(settings, what);
        let ports = merge(settings.ports.ranges());
        let (there, most) = (ports.len(), limits::XDP_PORT_RANGES_MAX);
        if there > most {
            return Err(LiveError::XdpPorts { there, most });
        }
        // Before anything else, so that a wrong name is not told as a missing privilege.
        find(settings)?;
        let promiscuity = settings.promiscuous.then(PacketSocket::new).transpose().map_err(step("socket"))?;
        let map = SocketMap::new(limits::XDP_QUEUES_MAX).map_err(step("map"))?;
        let takes = Takes { ports: &ports, fragments: settings.fragments };
        let instructions = program::program(&takes, map.descriptor());
        let program = Program::load(&instructions).map_err(|(source, log)| {
            let interface = settings.interface.clone();
            match source.kind() {
                io::ErrorKind::PermissionDenied if log.is_empty() => step("program")(source),
                _ => LiveError::XdpProgram { interface, source, log },
            }
        })?;
        Ok(Kernel { map, program, promiscuity })
    }

    pub(super) fn attach(&self, interface: u32, in_driver: bool) -> io::Result<Attachment> {
        self.program.attach(interface, in_driver)
    }
}

/// An interface whose DNS comes to us.
#[derive(Debug)]
pub(super) struct Session {
    attachment: Attachment,
    queues: Vec<Packets>,
    facts: Facts,
}

impl Session {
    /// Opens a socket for each queue, and puts the program at the interface.
    pub(super) fn open(settings: &Settings, kernel: &Kernel) -> Result<Session, LiveError> {
        let step = |what| failed(settings, what);
        let link = find(settings)?;
        let interface = settings.interface.clone();
        let (queues, zero_copy) = open_queues(settings, kernel, &link)?;
        if let Some(socket) = &kernel.promiscuity {
            socket.make_promiscuous(link.index).map_err(step("promiscuous mode"))?;
        }
        let attach = |in_driver| kernel.attach(link.index, in_driver);
        let (attachment, behind_driver) = match attach(true) {
            Ok(attachment) => (attachment, None),
            // Somebody was faster than we.
            Err(error) if is_taken(&error) => return Err(taken(settings, &link)),
            Err(error) => match attach(false) {
                Ok(attachment) => (attachment, Some(error.to_string())),
                Err(error) if is_taken(&error) => return Err(taken(settings, &link)),
                Err(error) => return Err(step("attaching the program")(error)),
            },
        };
        let facts = Facts { interface, queues: queues.len() as u32, zero_copy, behind_driver };
        Ok(Session { attachment, queues, facts })
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Reads all queues until the source is to end, or the interface has gone.
    pub(super) fn run(self, held: &Inlet, inlet: impl Fn() -> Inlet) {
        let signs = Signs::default();
        let Session { attachment, queues, facts } = self;
        thread::scope(|scope| {
            for (number, packets) in queues.into_iter().enumerate() {
                let reader = Reader::new(packets, inlet(), &signs);
                let name = format!("dpp-{}-{number}", facts.interface);
                let spawned = thread::Builder::new().name(name).spawn_scoped(scope, move || reader.run());
                // Without its thread a queue would take packets for nobody: all begins anew later.
                signs.gone.fetch_or(spawned.is_err(), Ordering::Release);
            }
            while !held.is_stopping() && !signs.gone.load(Ordering::Acquire) && attachment.holds() {
                thread::sleep(TICK);
            }
            drop(attachment);
            signs.over.store(true, Ordering::Release);
        });
    }
}

/// The interface, if it is there and nothing speaks against it.
pub(super) fn find(settings: &Settings) -> Result<Link, LiveError> {
    /// Ethernet, and the loopback interface, which has the same header (linux/if_arp.h).
    const ETHERNET: [u16; 2] = [1, 772];
    let name = &settings.interface;
    let links = links::links().map_err(failed(settings, "list of interfaces"))?;
    let Some(link) = links.iter().find(|link| link.name == *name) else {
        let there: Vec<&str> = links.iter().map(|link| &*link.name).collect();
        return Err(LiveError::NoInterface { name: name.clone(), there: there.join(", ") });
    };
    if !ETHERNET.contains(&link.hardware) {
        return Err(LiveError::LinkLayer { interface: name.clone(), hardware: link.hardware });
    }
    let used = links::use_of(link, &links).map_err(failed(settings, "list of addresses"))?;
    if let Some(used) = used.filter(|_| !settings.steal) {
        return Err(LiveError::XdpSteals { interface: name.clone(), used: used.to_string() });
    }
    if link.program.is_some() {
        return Err(taken(settings, link));
    }
    Ok(link.clone())
}

/// A socket for each queue, and how many are without copying.
fn open_queues(settings: &Settings, kernel: &Kernel, link: &Link) -> Result<(Vec<Packets>, u32), LiveError> {
    let told = sys::queues(&link.name);
    let queues = told.unwrap_or(link.rx_queues).clamp(1, limits::XDP_QUEUES_MAX);
    let (mut open, mut zero_copy) = (Vec::new(), 0);
    for queue in 0..queues {
        let packets = memory(settings, link, queues)?;
        match bind_in_time(&packets, settings.copying, link.index, queue) {
            Ok(Way::ZeroCopy) => zero_copy += 1,
            Ok(Way::Copy) => {}
            // Of a driver that does not tell, we know only how many there may be.
            Err(error) if told.is_none() && queue > 0 && error.kind() == io::ErrorKind::InvalidInput => break,
            Err(error) => return Err(not_bound(settings, queue, error)),
        }
        kernel.map.set(queue, packets.socket()).map_err(failed(settings, "map"))?;
        open.push(packets);
    }
    Ok((open, zero_copy))
}

fn memory(settings: &Settings, link: &Link, queues: u32) -> Result<Packets, LiveError> {
    /// The header of Ethernet with two tags.
    const LINK_LAYER: usize = 22;
    let size = FrameSize::for_packets_of(link.mtu as usize + LINK_LAYER);
    let frames = settings.ring_bytes / size as usize;
    let frames = frames.clamp(limits::XDP_FRAMES_MIN, limits::XDP_FRAMES_MAX).next_power_of_two();
    Packets::new(frames as u32, size).map_err(|source| match source.raw_os_error() {
        Some(libc::ENOBUFS | libc::ENOMEM) => {
            let (interface, bytes) = (settings.interface.clone(), frames * size as usize);
            LiveError::XdpMemory { interface, bytes, queues, source }
        }
        _ => failed(settings, "socket")(source),
    })
}

/// The kernel takes a moment to free a queue whose socket was closed, as that of a process before us.
fn bind_in_time(packets: &Packets, copying: Copying, interface: u32, queue: u32) -> io::Result<Way> {
    let end = Instant::now() + FREEING;
    loop {
        match bind(packets, copying, interface, queue) {
            Err(error) if is_taken(&error) && Instant::now() < end => thread::sleep(FREEING / 50),
            bound => return bound,
        }
    }
}

fn bind(packets: &Packets, copying: Copying, interface: u32, queue: u32) -> io::Result<Way> {
    let bind = |way| packets.bind(interface, queue, way).map(|()| way);
    match copying {
        Copying::Auto => bind(Way::ZeroCopy).or_else(|_| bind(Way::Copy)),
        Copying::Copy => bind(Way::Copy),
        Copying::ZeroCopy => bind(Way::ZeroCopy),
    }
}

fn not_bound(settings: &Settings, queue: u32, source: io::Error) -> LiveError {
    let interface = settings.interface.clone();
    match source.raw_os_error() {
        Some(libc::EBUSY) => LiveError::XdpQueueTaken { interface, queue },
        _ if settings.copying == Copying::ZeroCopy => LiveError::XdpZeroCopy { interface, source },
        _ => failed(settings, "binding a socket")(source),
    }
}

/// Whether there is another program, in the same place or the other.
fn is_taken(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EBUSY | libc::EEXIST))
}

fn taken(settings: &Settings, link: &Link) -> LiveError {
    let program = match link.program.map(|number| (number, sys::program_name(number))) {
        Some((number, Some(name))) => format!("'{name}' (number {number})"),
        Some((number, None)) => format!("number {number}"),
        None => "which came just now".to_string(),
    };
    LiveError::XdpTaken { interface: settings.interface.clone(), program }
}

fn failed(settings: &Settings, what: &'static str) -> impl Fn(io::Error) -> LiveError {
    let interface = settings.interface.clone();
    move |source| match source.kind() {
        io::ErrorKind::PermissionDenied => {
            LiveError::XdpNotPermitted { interface: interface.clone(), what, source }
        }
        _ => LiveError::XdpStep { interface: interface.clone(), what, source },
    }
}
