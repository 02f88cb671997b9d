//! How the bytes of a sender come: over a Unix socket, TCP or TLS. None of these ever blocks.

#[cfg(feature = "tls")]
use super::tls::{self, TlsStream};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
#[cfg(feature = "tls")]
use std::sync::Arc;

/// Where senders connect.
#[derive(Debug)]
pub(super) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
    #[cfg(feature = "tls")]
    Tls(TcpListener, Arc<tls::ServerConfig>),
}

impl Listener {
    /// The next sender that has connected.
    pub(super) fn accept(&self) -> io::Result<Stream> {
        match self {
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Stream::Unix(stream))
            }
            Listener::Tcp(listener) => Ok(Stream::Tcp(accept(listener)?)),
            #[cfg(feature = "tls")]
            Listener::Tls(listener, settings) => {
                TlsStream::new(accept(listener)?, settings).map(|stream| Stream::Tls(Box::new(stream)))
            }
        }
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Unix(_) => None,
            Listener::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(feature = "tls")]
            Listener::Tls(listener, _) => listener.local_addr().ok(),
        }
    }
}

/// A host that vanished must not keep its place for ever, so TCP asks now and then whether it is there.
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept()?;
    stream.set_nonblocking(true)?;
    rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
    Ok(stream)
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Listener::Unix(listener) => listener.as_fd(),
            Listener::Tcp(listener) => listener.as_fd(),
            #[cfg(feature = "tls")]
            Listener::Tls(listener, _) => listener.as_fd(),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
}

impl Stream {
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.read(into),
            Stream::Tcp(stream) => stream.read(into),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.read(into),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.write(bytes),
            Stream::Tcp(stream) => stream.write(bytes),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    /// Whether something is to be sent that the caller did not write, or that was taken from it before.
    pub(super) fn wants_to_write(&self) -> bool {
        match self {
            Stream::Unix(_) | Stream::Tcp(_) => false,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.wants_to_write(),
        }
    }

    /// Whether something has come that was not read, though the socket has no more.
    pub(super) fn has_more(&self) -> bool {
        match self {
            Stream::Unix(_) | Stream::Tcp(_) => false,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.has_more(),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Unix(stream) => stream.as_fd(),
            Stream::Tcp(stream) => stream.as_fd(),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.as_fd(),
        }
    }
}
