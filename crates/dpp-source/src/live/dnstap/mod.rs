//! dnstap from servers that run: a listener on a Unix socket, TCP or TLS, and any number of senders.
//!
//! One thread waits for all of them ([`senders`]); what each says is read by its [`conversation`], which knows no socket;
//! [`stream`] is how its bytes come. The surprising fact: here the receiver makes the socket, and servers connect when they
//! like, go, and come again. A sender is never made to wait: while the engine is behind, what it sends is read and dropped,
//! and counted.

mod conversation;
mod senders;
mod stream;
#[cfg(feature = "tls")]
mod tls;

use super::counts::Counts;
use super::error::LiveError;
use super::queue::Queue;
use super::unix_socket::{SocketFile, UnixSocket};
use dpp::limits::{DNSTAP_HANDSHAKE_MS, DNSTAP_SENDERS_MAX};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use senders::Senders;
use std::io;
use std::net::{SocketAddr, TcpListener};
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use stream::Listener;

/// Where senders connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// To a Unix socket.
    Unix(UnixSocket),
    /// To an address and port of TCP; port 0 is any that is free.
    Tcp(SocketAddr),
    /// To one where they speak TLS.
    #[cfg(feature = "tls")]
    Tls {
        /// The address and port.
        address: SocketAddr,
        /// The file with our certificate, and those between it and its authority (PEM).
        certificate: PathBuf,
        /// The file with its key (PEM).
        key: PathBuf,
        /// The file with the authorities (PEM) of which each sender must show a certificate; without it none is asked for.
        client_authority: Option<PathBuf>,
    },
}

/// What a receiver listens to, and its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where senders connect.
    pub listen: Listen,
    /// So many may be connected at once; one more is turned away.
    pub senders_max: usize,
    /// A sender whose handshake, or leave, takes longer is turned away.
    pub handshake: Duration,
}

impl Settings {
    /// The usual bounds.
    pub fn new(listen: Listen) -> Settings {
        let handshake = Duration::from_millis(DNSTAP_HANDSHAKE_MS);
        Settings { listen, senders_max: DNSTAP_SENDERS_MAX, handshake }
    }
}

impl Settings {
    /// Looks whether it could be listened there, as far as that can be seen without doing so: certificates are read, an address is
    /// tried.
    ///
    /// # Errors
    /// What stands against it.
    pub fn look(&self) -> Result<(), LiveError> {
        match &self.listen {
            Listen::Unix(socket) => socket.look(),
            Listen::Tcp(address) => try_address(*address),
            #[cfg(feature = "tls")]
            Listen::Tls { address, certificate, key, client_authority } => {
                tls::settings(certificate, key, client_authority.as_deref())?;
                try_address(*address)
            }
        }
    }
}

/// Takes the address and gives it back, without ever listening there.
fn try_address(address: SocketAddr) -> Result<(), LiveError> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let attempt = || -> io::Result<()> {
        let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        // As whoever listens does: a port of which only old connections are left is free.
        rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
        Ok(rustix::net::bind(&socket, &address)?)
    };
    attempt().map_err(|source| LiveError::Address { address, source })
}

/// A listener that is open.
#[derive(Debug)]
pub struct Receiver {
    listener: Listener,
    socket_file: Option<SocketFile>,
    senders_max: usize,
    handshake: Duration,
}

impl Receiver {
    /// Listens. From now on servers can connect; they are answered once it is started.
    ///
    /// # Errors
    /// What cannot be listened on, and what can be done about it.
    pub fn open(settings: &Settings) -> Result<Receiver, LiveError> {
        let (listener, socket_file) = match &settings.listen {
            Listen::Unix(socket) => {
                let (socket, file) = socket.listen()?;
                (Listener::Unix(socket.into()), Some(file))
            }
            Listen::Tcp(address) => (Listener::Tcp(listen(*address)?), None),
            #[cfg(feature = "tls")]
            Listen::Tls { address, certificate, key, client_authority } => {
                let settings = tls::settings(certificate, key, client_authority.as_deref())?;
                (Listener::Tls(listen(*address)?, settings), None)
            }
        };
        let Settings { senders_max, handshake, .. } = *settings;
        Ok(Receiver { listener, socket_file, senders_max, handshake })
    }

    /// The address and port of TCP that it listens on.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.address()
    }

    /// Takes frames from senders into the queue, until that is stopping.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(
        self,
        queue: &Arc<Queue>,
        input: u32,
        counts: Arc<Counts>,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let inlet = queue.inlet(input, counts);
        let Receiver { listener, socket_file, senders_max, handshake } = self;
        let senders = Senders::new(listener, inlet, senders_max, handshake);
        let run = move || {
            senders.run();
            drop(socket_file);
        };
        Ok(vec![thread::Builder::new().name("dnstap".into()).spawn(run)?])
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, LiveError> {
    let failed = |source| LiveError::Address { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}
