//! TLS under a stream of frames, with rustls: we are the client.

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A connection with TLS on it.
pub(super) type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// Whom we trust, and who we are.
pub(super) struct Client {
    settings: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Client {
    pub(super) fn new(
        address: &str,
        authority: &Path,
        identity: Option<&(PathBuf, PathBuf)>,
    ) -> io::Result<Client> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name =
            ServerName::try_from(host.to_owned()).map_err(|error| wrong("host", host.as_ref(), error))?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates("authorities of the receiver", authority)? {
            roots.add(certificate).map_err(|error| wrong("authorities of the receiver", authority, error))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring knows TLS 1.2 and 1.3")
            .with_root_certificates(roots);
        let settings = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates("certificate", certificate)?;
                let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong("key", key, error))?;
                builder.with_client_auth_cert(chain, private).map_err(|error| wrong("key", key, error))?
            }
        };
        Ok(Client { settings: Arc::new(settings), name })
    }

    /// The handshake is made with what is read and written first.
    pub(super) fn connect(&self, socket: TcpStream) -> io::Result<TlsStream> {
        let tls = ClientConnection::new(Arc::clone(&self.settings), self.name.clone());
        Ok(StreamOwned::new(tls.map_err(io::Error::other)?, socket))
    }
}

fn certificates(what: &'static str, path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(|certificates| certificates.collect());
    match certificates.map_err(|error| wrong(what, path, error))? {
        none if none.is_empty() => Err(wrong(what, path, "there is none in it")),
        some => Ok(some),
    }
}

fn wrong(what: &'static str, path: &Path, problem: impl ToString) -> io::Error {
    let problem = problem.to_string();
    io::Error::new(io::ErrorKind::InvalidInput, format!("{what} '{}': {problem}", path.display()))
}
