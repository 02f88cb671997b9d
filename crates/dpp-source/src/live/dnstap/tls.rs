//! TLS under a stream of frames, with rustls.
//!
//! rustls does no reading or writing of its own, which suits sockets that never block: what came is given to it, what it has to
//! say is taken. How much it holds is bounded by itself.

use crate::live::error::LiveError;
pub(super) use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConnection};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;

/// Reads our certificate and its key, and, if each sender must show a certificate, those of its authorities.
pub(super) fn settings(
    certificate: &Path,
    key: &Path,
    client_authority: Option<&Path>,
) -> Result<Arc<ServerConfig>, LiveError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3");
    let builder = match client_authority {
        None => builder.with_no_client_auth(),
        Some(path) => {
            const WHAT: &str = "authorities of senders";
            let mut roots = RootCertStore::empty();
            for authority in certificates(WHAT, path)? {
                roots.add(authority).map_err(|error| wrong(WHAT, path, error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| wrong(WHAT, path, error))?)
        }
    };
    let chain = certificates("certificate", certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong("key", key, error))?;
    let settings = builder.with_single_cert(chain, private).map_err(|error| wrong("key", key, error))?;
    Ok(Arc::new(settings))
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, LiveError> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(|certificates| certificates.collect());
    match certificates.map_err(|error| wrong(what, path, error))? {
        none if none.is_empty() => Err(wrong(what, path, "there is none in it")),
        some => Ok(some),
    }
}

fn wrong(what: &'static str, path: &Path, problem: impl ToString) -> LiveError {
    LiveError::Credentials { what, path: path.into(), problem: problem.to_string() }
}

/// A connection with TLS on it.
#[derive(Debug)]
pub(super) struct TlsStream {
    tls: ServerConnection,
    socket: TcpStream,
    has_more: bool,
}

impl TlsStream {
    pub(super) fn new(socket: TcpStream, settings: &Arc<ServerConfig>) -> io::Result<TlsStream> {
        let tls = ServerConnection::new(Arc::clone(settings)).map_err(io::Error::other)?;
        Ok(TlsStream { tls, socket, has_more: false })
    }

    /// Reads what has come. The end of TCP is the end, too: whether it was one the frames tell.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        self.has_more = false;
        while filled < into.len() {
            match self.tls.reader().read(&mut into[filled..]) {
                Ok(0) => return Ok(filled),
                Ok(given) => {
                    filled += given;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(filled),
                Err(error) => return Err(error),
            }
            if let Err(error) = self.take() {
                // What was read comes first; the error stays.
                return if filled > 0 { Ok(filled) } else { Err(error) };
            }
        }
        self.has_more = true;
        Ok(filled)
    }

    /// Gives TLS what the socket has.
    fn take(&mut self) -> io::Result<()> {
        self.tls.read_tls(&mut self.socket)?;
        let taken = self.tls.process_new_packets();
        // Also that something is wrong is said to the other side.
        let sent = self.send();
        taken.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        sent
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.tls.writer().write(bytes)?;
        self.send()?;
        Ok(taken)
    }

    /// Sends what the socket takes of what TLS has to say.
    fn send(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) fn wants_to_write(&self) -> bool {
        self.tls.wants_write()
    }

    pub(super) fn has_more(&self) -> bool {
        self.has_more
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        self.tls.send_close_notify();
        let _ = self.send();
    }
}

impl AsFd for TlsStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
