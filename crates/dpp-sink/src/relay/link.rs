//! One connection to a receiver: READY, ACCEPT, START; frames; STOP, FINISH.
//!
//! It blocks, with a time limit on everything: a receiver that takes its connection and says nothing more must not hold us for
//! ever.

#[cfg(feature = "tls")]
use super::tls;
use super::{Settings, Target};
use dpp::dnstap::frames::{self, ControlType};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SocketAddrUnix, SocketFlags, SocketType};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// What is needed to connect.
pub(super) struct Door {
    way: Way,
    patience: Duration,
    handshake: Duration,
}

enum Way {
    Unix(std::path::PathBuf),
    Tcp(String),
    #[cfg(feature = "tls")]
    Tls(String, tls::Client),
}

impl Door {
    /// Reads certificates and keys, if there are some.
    pub(super) fn new(settings: &Settings) -> io::Result<Door> {
        let way = match &settings.target {
            Target::Unix(path) => Way::Unix(path.clone()),
            Target::Tcp(address) => Way::Tcp(address.clone()),
            #[cfg(feature = "tls")]
            Target::Tls { address, authority, identity } => {
                Way::Tls(address.clone(), tls::Client::new(address, authority, identity.as_ref())?)
            }
        };
        Ok(Door { way, patience: settings.patience, handshake: settings.handshake })
    }

    /// Looks whether the host has an address.
    pub(super) fn look(&self) -> io::Result<()> {
        let address = match &self.way {
            Way::Unix(_) => return Ok(()),
            Way::Tcp(address) => address,
            #[cfg(feature = "tls")]
            Way::Tls(address, _) => address,
        };
        match address.to_socket_addrs()?.next() {
            Some(_) => Ok(()),
            None => Err(io::Error::new(ErrorKind::NotFound, "the host has no address")),
        }
    }

    /// Connects, and comes to the point where frames may be sent.
    pub(super) fn connect(&self) -> io::Result<Link> {
        let deadline = Instant::now() + self.handshake;
        let stream = match &self.way {
            Way::Unix(path) => Stream::Unix(connect_unix(path, self.handshake)?),
            Way::Tcp(address) => Stream::Tcp(connect_tcp(address, self.handshake)?),
            #[cfg(feature = "tls")]
            Way::Tls(address, client) => {
                let socket = connect_tcp(address, self.handshake)?;
                set_socket_timeout(&socket, Timeout::Recv, Some(self.handshake))?;
                Stream::Tls(Box::new(client.connect(socket)?))
            }
        };
        let mut link = Link { stream, handshake: self.handshake };
        let mut ready = Vec::new();
        frames::write_control(&mut ready, ControlType::Ready, &[frames::CONTENT_TYPE]);
        link.stream.write_all(&ready)?;
        link.wait_for(ControlType::Accept, deadline)?;
        let mut start = Vec::new();
        frames::write_start(&mut start);
        link.stream.write_all(&start)?;
        set_socket_timeout(&link.stream, Timeout::Send, Some(self.patience))?;
        Ok(link)
    }
}

/// Also connecting to a Unix socket can take long, if the receiver has many who wait.
fn connect_unix(path: &Path, limit: Duration) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&socket, Timeout::Send, Some(limit))?;
    rustix::net::connect(&socket, &address)?;
    Ok(socket.into())
}

/// The first of the host's addresses at which somebody listens.
fn connect_tcp(address: &str, limit: Duration) -> io::Result<TcpStream> {
    let mut problem = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, limit) {
            Ok(stream) => {
                set_socket_timeout(&stream, Timeout::Send, Some(limit))?;
                return Ok(stream);
            }
            Err(error) => problem = error,
        }
    }
    Err(problem)
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<tls::TlsStream>),
}

impl Stream {
    fn both(&mut self) -> &mut dyn ReadWrite {
        match self {
            Stream::Unix(stream) => stream,
            Stream::Tcp(stream) => stream,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => &mut **stream,
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.both();
        stream.write_all(bytes)?;
        stream.flush()
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Unix(stream) => stream.as_fd(),
            Stream::Tcp(stream) => stream.as_fd(),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.sock.as_fd(),
        }
    }
}

/// A connection on which frames may be sent.
pub(super) struct Link {
    stream: Stream,
    handshake: Duration,
}

impl Link {
    /// Sends whole frames.
    ///
    /// # Errors
    /// Why not all, and how many bytes were taken before.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        if self.is_gone() {
            return Err((0, ErrorKind::BrokenPipe.into()));
        }
        let mut sent = 0;
        while sent < bytes.len() {
            match self.stream.both().write(&bytes[sent..]) {
                Ok(0) => return Err((sent, ErrorKind::WriteZero.into())),
                Ok(taken) => sent += taken,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err((sent, error)),
            }
        }
        self.stream.both().flush().map_err(|error| (sent, error))
    }

    /// Whether the receiver has gone. TCP would take a block from us before it says so.
    fn is_gone(&self) -> bool {
        let mut byte = [0];
        match rustix::net::recv(&self.stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, length)) => length == 0,
            Err(error) => error != rustix::io::Errno::AGAIN && error != rustix::io::Errno::INTR,
        }
    }

    /// Says that all was sent, and waits until the receiver has it.
    pub(super) fn stop(mut self) -> io::Result<()> {
        let mut stop = Vec::new();
        frames::write_stop(&mut stop);
        self.stream.write_all(&stop)?;
        self.wait_for(ControlType::Finish, Instant::now() + self.handshake)
    }

    /// Reads control frames up to this one.
    fn wait_for(&mut self, kind: ControlType, deadline: Instant) -> io::Result<()> {
        let wrong = |what: &str| io::Error::new(ErrorKind::InvalidData, what);
        let mut frame = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::new(
                    ErrorKind::TimedOut,
                    "the receiver does not answer the handshake",
                ));
            }
            set_socket_timeout(&self.stream, Timeout::Recv, Some(left))?;
            // No more than the frame, and at most its 520 bytes.
            let start = frame.len();
            frame.resize(frames::needed(&frame), 0);
            match self.stream.both().read(&mut frame[start..]) {
                Ok(0) => return Err(wrong("the receiver ends the connection in the handshake")),
                Ok(given) => frame.truncate(start + given),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                    frame.truncate(start);
                    continue;
                }
                Err(error) => return Err(error),
            }
            match frames::control(&frame).map_err(wrong)? {
                Some((control, _)) if control.kind == kind && control.allows_dnstap() => return Ok(()),
                Some((control, _)) if control.kind == kind => {
                    return Err(wrong("the receiver takes something else than dnstap"));
                }
                Some((control, _)) if !matches!(control.kind, ControlType::Other(_)) => {
                    return Err(wrong("the receiver answers with another control frame"));
                }
                Some(_) => frame.clear(),
                None => {}
            }
        }
    }
}
