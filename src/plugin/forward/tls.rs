//! With which certificates an upstream is spoken to over TLS (CoreDNS, plugin/pkg/tls).

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::tls::pem::{self, PemError};
use crate::tls::system_roots;

/// What `tls [CERT KEY] [CA]` says: whom we trust, and who we are.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    /// The authorities that a server's certificate may be from; those of the system without any.
    pub authorities: Option<Vec<CertificateDer<'static>>>,
    pub client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

/// Why files are no credentials.
#[derive(Debug, thiserror::Error)]
pub(super) enum Wrong {
    #[error("cannot read {0} ({1})")]
    Unreadable(String, io::Error),
    #[error("cannot read {0} ({1})")]
    Pem(String, PemError),
    #[error("{0} has no certificate")]
    NoCertificate(String),
    #[error("the certificate or key cannot be used ({0})")]
    Unusable(#[from] rustls::Error),
}

/// The certificates of a PEM file.
///
/// # Errors
/// It cannot be read, or has none.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    pem::certificates(&read(path)?).map_err(|error| match error {
        PemError::NoCertificate => Wrong::NoCertificate(path.display().to_string()),
        error => Wrong::Pem(path.display().to_string(), error),
    })
}

/// The private key of a PEM file.
///
/// # Errors
/// It cannot be read, or has none.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Wrong> {
    pem::key(&read(path)?).map_err(|error| Wrong::Pem(path.display().to_string(), error))
}

fn read(path: &Path) -> Result<Vec<u8>, Wrong> {
    fs::read(path).map_err(|error| Wrong::Unreadable(path.display().to_string(), error))
}

impl Credentials {
    /// The configuration of a client. TLS 1.2 or later; `alpn` are the protocols that it offers.
    ///
    /// # Errors
    /// The client's certificate and key cannot be used.
    pub fn config(&self, alpn: &[&[u8]]) -> Result<ClientConfig, Wrong> {
        let roots = match &self.authorities {
            Some(authorities) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(authorities.iter().cloned());
                roots
            }
            // Where the system has none, no server is trusted, which its errors say.
            None => system_roots(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = match &self.client {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key())?,
        };
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(config)
    }
}

/// TLS with one upstream.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
    /// Whom its certificate must be for: a name, or the upstream's address.
    name: ServerName<'static>,
}

impl Tls {
    pub fn new(config: Arc<ClientConfig>, name: ServerName<'static>) -> Self {
        Tls { connector: TlsConnector::from(config), name }
    }

    pub async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), stream).await
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.name.fmt(f)
    }
}
