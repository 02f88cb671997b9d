//! From addresses to sources that are open, and then run.
//!
//! One function for each kind, which reads what was said of it; what can be said stands in the table of
//! [`address`](super::address).

use super::address::{Address, Scheme};
use crate::time;
use anyhow::{Context, bail};
use dpp::limits::LIVE_RINGS_MAX;
use dpp::plan::Ports;
use dpp_source::live::afpacket::{self, AfPacket, Timestamps};
use dpp_source::live::dnstap::{self, Listen, Receiver};
#[cfg(feature = "dpdk")]
use dpp_source::live::dpdk;
use dpp_source::live::knot::{self, Probe};
#[cfg(feature = "xdp")]
use dpp_source::live::xdp;
use dpp_source::live::{Counts, LiveError, Queue, UnixSocket};
use std::fs;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

/// A source that is open, with all that takes privileges behind it.
pub(super) trait Opened: Send {
    /// Starts its threads, which put packets into the queue under this number until that is stopping.
    fn start(
        self: Box<Self>,
        queue: &Arc<Queue>,
        input: u32,
        counts: Arc<Counts>,
    ) -> io::Result<Vec<JoinHandle<()>>>;
}

/// Opens a source.
///
/// # Errors
/// What stands against it, and what to do.
pub(super) fn open(address: &Address, ports: &Ports) -> anyhow::Result<Box<dyn Opened>> {
    settings(address, ports)?.open().with_context(|| format!("'{address}'"))
}

/// Looks whether a source could be opened, as far as that can be seen without doing so. Somebody else may have what it needs,
/// perhaps another `dpp` with this very configuration: that is told as a note.
///
/// # Errors
/// What cannot be understood, and what stands against it.
pub(super) fn look(address: &Address, ports: &Ports) -> anyhow::Result<Option<String>> {
    match settings(address, ports)?.look() {
        Ok(()) => Ok(None),
        Err(error) if error.is_in_use() => Ok(Some(format!("'{address}': {error}"))),
        Err(error) => Err(error).with_context(|| format!("'{address}'")),
    }
}

/// What was said of a source, understood.
enum Settings {
    AfPacket(afpacket::Settings),
    #[cfg(feature = "xdp")]
    Xdp(xdp::Settings),
    #[cfg(feature = "dpdk")]
    Dpdk(dpdk::Settings),
    Dnstap(dnstap::Settings),
    Knot(knot::Settings),
}

impl Settings {
    fn look(&self) -> Result<(), LiveError> {
        match self {
            Settings::AfPacket(settings) => settings.look(),
            #[cfg(feature = "xdp")]
            Settings::Xdp(settings) => settings.look(),
            // What DPDK has, only DPDK knows.
            #[cfg(feature = "dpdk")]
            Settings::Dpdk(_) => Ok(()),
            Settings::Dnstap(settings) => settings.look(),
            Settings::Knot(settings) => settings.look(),
        }
    }

    fn open(self) -> anyhow::Result<Box<dyn Opened>> {
        Ok(match self {
            Settings::AfPacket(settings) => Box::new(AfPacket::open(settings)?),
            #[cfg(feature = "xdp")]
            Settings::Xdp(settings) => Box::new(xdp::Xdp::open(settings)?),
            #[cfg(feature = "dpdk")]
            Settings::Dpdk(settings) => Box::new(dpdk::Dpdk::open(settings)?),
            Settings::Dnstap(settings) => Box::new(Receiver::open(&settings)?),
            Settings::Knot(settings) => Box::new(Probe::open(&settings)?),
        })
    }
}

macro_rules! opened {
    ($($source:ty),*) => {$(
        impl Opened for $source {
            fn start(
                self: Box<Self>,
                queue: &Arc<Queue>,
                input: u32,
                counts: Arc<Counts>,
            ) -> io::Result<Vec<JoinHandle<()>>> {
                (*self).start(queue, input, counts)
            }
        }
    )*};
}

opened!(AfPacket, Receiver, Probe);
#[cfg(feature = "xdp")]
opened!(xdp::Xdp);
#[cfg(feature = "dpdk")]
opened!(dpdk::Dpdk);

fn settings(address: &Address, ports: &Ports) -> anyhow::Result<Settings> {
    match address.scheme {
        Scheme::AfPacket => afpacket(address, ports),
        #[cfg(feature = "xdp")]
        Scheme::Xdp => by_xdp(address, ports),
        #[cfg(feature = "dpdk")]
        Scheme::Dpdk => by_dpdk(address, ports),
        #[cfg(not(feature = "xdp"))]
        Scheme::Xdp => not_built(address, "xdp"),
        #[cfg(not(feature = "dpdk"))]
        Scheme::Dpdk => not_built(address, "dpdk"),
        Scheme::DnstapUnix => dnstap(address, Listen::Unix(unix_socket(address)?)),
        Scheme::DnstapTcp => dnstap(address, Listen::Tcp(host_and_port(address)?)),
        Scheme::DnstapTls => dnstap(address, tls(address)?),
        Scheme::Knot => knot(address),
    }
}

#[cfg(not(all(feature = "xdp", feature = "dpdk")))]
fn not_built(address: &Address, feature: &str) -> anyhow::Result<Settings> {
    bail!(
        "'{address}': this dpp was built without it; build it with --features {feature}, or capture by afpacket:INTERFACE"
    )
}

fn afpacket(address: &Address, ports: &Ports) -> anyhow::Result<Settings> {
    let usual = afpacket::Settings::default();
    let timestamps = address.value("timestamps", "software or hardware", |text| match text {
        "software" => Some(Timestamps::Software),
        "hardware" => Some(Timestamps::Hardware),
        _ => None,
    })?;
    let block_timeout = address.value("block-timeout", "a time up to 60ms, such as 20ms", |text| {
        time::read(text, None).filter(|time| *time <= afpacket::BLOCK_TIMEOUT_MAX)
    })?;
    let snaplen = address.number("snaplen", usual.snaplen as usize)?.map(|bytes| bytes as u32);
    Ok(Settings::AfPacket(afpacket::Settings {
        interface: address.place.clone(),
        ports: ports.clone(),
        threads: address.number("threads", LIVE_RINGS_MAX)?.unwrap_or(usual.threads),
        ring_bytes: address.size("ring")?.unwrap_or(usual.ring_bytes),
        block_timeout: block_timeout.unwrap_or(usual.block_timeout),
        promiscuous: address.truth("promiscuous")?.unwrap_or(usual.promiscuous),
        timestamps: timestamps.unwrap_or(usual.timestamps),
        snaplen: snaplen.unwrap_or(usual.snaplen),
        fragments: address.truth("fragments")?.unwrap_or(usual.fragments),
        tunnels: address.truth("tunnels")?.unwrap_or(usual.tunnels),
        ..usual
    }))
}

#[cfg(feature = "xdp")]
fn by_xdp(address: &Address, ports: &Ports) -> anyhow::Result<Settings> {
    let usual = xdp::Settings::default();
    let copying = address.value("copy", "auto, copy or zero", |text| match text {
        "auto" => Some(xdp::Copying::Auto),
        "copy" => Some(xdp::Copying::Copy),
        "zero" => Some(xdp::Copying::ZeroCopy),
        _ => None,
    })?;
    Ok(Settings::Xdp(xdp::Settings {
        interface: address.place.clone(),
        ports: ports.clone(),
        ring_bytes: address.size("ring")?.unwrap_or(usual.ring_bytes),
        promiscuous: address.truth("promiscuous")?.unwrap_or(usual.promiscuous),
        copying: copying.unwrap_or(usual.copying),
        fragments: address.truth("fragments")?.unwrap_or(usual.fragments),
        steal: address.truth("steal")?.unwrap_or(usual.steal),
    }))
}

#[cfg(feature = "dpdk")]
fn by_dpdk(address: &Address, ports: &Ports) -> anyhow::Result<Settings> {
    let usual = dpdk::Settings::default();
    let poll = address.value("poll", "idle or busy", |text| match text {
        "idle" => Some(dpdk::Poll::Idle),
        "busy" => Some(dpdk::Poll::Busy),
        _ => None,
    })?;
    let number = |name: &str| -> anyhow::Result<Option<u16>> {
        Ok(address.number(name, usize::from(u16::MAX))?.map(|number| number as u16))
    };
    Ok(Settings::Dpdk(dpdk::Settings {
        device: address.place.clone(),
        ports: ports.clone(),
        queues: number("queues")?,
        eal: address.get("eal").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        promiscuous: address.truth("promiscuous")?.unwrap_or(usual.promiscuous),
        burst: number("burst")?.unwrap_or(usual.burst),
        poll: poll.unwrap_or(usual.poll),
    }))
}

/// The most senders at once that may be asked for: each takes a file descriptor.
const SENDERS_MAX: usize = 1 << 16;

fn dnstap(address: &Address, listen: Listen) -> anyhow::Result<Settings> {
    let usual = dnstap::Settings::new(listen);
    let senders_max = address.number("max-connections", SENDERS_MAX)?.unwrap_or(usual.senders_max);
    Ok(Settings::Dnstap(dnstap::Settings { senders_max, ..usual }))
}

/// Knot DNS numbers its channels from 1 to 65535.
const CHANNELS_MAX: usize = u16::MAX as usize;

fn knot(address: &Address) -> anyhow::Result<Settings> {
    let sockets = address.number("sockets", CHANNELS_MAX)?.unwrap_or(1) as u32;
    let UnixSocket { path: folder, owner, group, mode } = unix_socket(address)?;
    Ok(Settings::Knot(knot::Settings { folder, sockets, owner, group, mode }))
}

fn unix_socket(address: &Address) -> anyhow::Result<UnixSocket> {
    let octal = |text: &str| u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    Ok(UnixSocket {
        path: PathBuf::from(&address.place),
        owner: account(address, "owner", "/etc/passwd")?,
        group: account(address, "group", "/etc/group")?,
        mode: address.value("mode", "an octal number up to 0777, such as 0660", octal)?,
    })
}

/// The number of a user or group, which is either said, or stands in the system's file.
fn account(address: &Address, parameter: &str, file: &str) -> anyhow::Result<Option<u32>> {
    let named = |name: &str| {
        let lines = fs::read_to_string(file).ok()?;
        let mut accounts = lines.lines().map(|line| line.split(':'));
        accounts
            .find_map(|mut account| (account.next() == Some(name)).then(|| account.nth(1)?.parse().ok())?)
    };
    let allowed = format!("a number, or a name that stands in {file}");
    address.value(parameter, &allowed, |text| text.parse().ok().or_else(|| named(text)))
}

fn host_and_port(address: &Address) -> anyhow::Result<SocketAddr> {
    let found = address.place.to_socket_addrs().map(|mut found| found.next());
    match found {
        Ok(Some(found)) => Ok(found),
        Ok(None) => bail!("'{address}': the host has no address"),
        Err(error) => bail!(
            "'{address}': {error}; say host and port, such as 127.0.0.1:6000 or [::1]:6000, of this machine"
        ),
    }
}

fn tls(address: &Address) -> anyhow::Result<Listen> {
    let file = |name: &str| address.get(name).map(PathBuf::from);
    let (Some(certificate), Some(key)) = (file("cert"), file("key")) else {
        bail!("'{address}': TLS needs a certificate and its key: ?cert=FILE&key=FILE")
    };
    let client_authority = file("client-ca");
    Ok(Listen::Tls { address: host_and_port(address)?, certificate, key, client_authority })
}
