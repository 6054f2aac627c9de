//! A certificate with its key, from files that are read again when they change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::ring;
use rustls::server::ServerConfig;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use super::key_log::KeyLogFile;
use crate::tls::pem::{self, PemError};
use crate::tls::{ClientAuth, system_roots};

/// How often the files are looked at: a certificate is renewed weeks before its end.
const INTERVAL: Duration = Duration::from_secs(10);

/// What the lines of `tls` say.
#[derive(Debug)]
pub(super) struct Files {
    pub cert: PathBuf,
    pub key: PathBuf,
    /// The authorities of clients' certificates; those of the system without it.
    pub ca: Option<PathBuf>,
    pub client_auth: ClientAuth,
    pub key_log: Option<Arc<KeyLogFile>>,
}

/// What a listener shows its clients, and asks of them.
pub struct Identity {
    files: Files,
    config: ArcSwap<ServerConfig>,
    read: ArcSwap<Contents>,
}

impl std::fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Identity").field(&self.files).finish()
    }
}

/// The octets of the files: certificate, key, authorities.
pub(super) type Contents = [Vec<u8>; 3];

/// What is wrong with the files.
#[derive(Debug, thiserror::Error)]
pub(super) enum Wrong {
    #[error("{0} is no certificate: {1}")]
    Certificate(String, String),
    #[error("{0} is no private key: {1}")]
    Key(String, String),
    #[error("certificate and key cannot be used: {0}")]
    Pair(rustls::Error),
    #[error("{0} has no authorities for clients: {1}")]
    Authorities(String, String),
}

impl Identity {
    /// Reads the files.
    pub(super) fn new(files: Files) -> Result<Self, Wrong> {
        let read = files.read()?;
        let config = ArcSwap::from_pointee(files.config(&read)?);
        Ok(Identity { files, config, read: ArcSwap::from_pointee(read) })
    }

    /// TLS for the protocols of this listener (ALPN), in the order in which they are preferred. With none
    /// a client may offer what it likes.
    pub fn config(&self, protocols: &[&[u8]]) -> Arc<ServerConfig> {
        let config = self.config.load_full();
        if protocols.is_empty() {
            return config;
        }
        let mut config = (*config).clone();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }

    /// Whether clients see the same certificate and are asked for the same.
    pub fn equals(&self, other: &Identity) -> bool {
        self.files.client_auth == other.files.client_auth
            && *self.read.load_full() == *other.read.load_full()
    }

    /// Reads the files again whenever they have changed. What cannot be used leaves what there was.
    pub async fn follow(&self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut refused = None;
        loop {
            ticks.tick().await;
            self.refresh(&mut refused);
        }
    }

    /// Small files, seldom read. `refused` is what was there and could not be used: it is said once.
    pub(super) fn refresh(&self, refused: &mut Option<Contents>) {
        let read = match self.files.read() {
            Ok(read) => read,
            // Between the removal of a file and its replacement.
            Err(wrong) => return tracing::debug!("{wrong}"),
        };
        if read == **self.read.load() || refused.as_ref() == Some(&read) {
            return;
        }
        match self.files.config(&read) {
            Ok(config) => {
                info!("{} has changed and is used", self.files.cert.display());
                self.config.store(Arc::new(config));
                self.read.store(Arc::new(read));
                *refused = None;
            }
            Err(wrong) => {
                warn!("{wrong}; what was read before stays");
                *refused = Some(read);
            }
        }
    }
}

impl Files {
    fn read(&self) -> Result<Contents, Wrong> {
        let read = |path: &Path| std::fs::read(path).map_err(|error: io::Error| error.to_string());
        let cert = read(&self.cert)
            .map_err(|why| Wrong::Certificate(self.cert.display().to_string(), why))?;
        let key = read(&self.key).map_err(|why| Wrong::Key(self.key.display().to_string(), why))?;
        let ca = self
            .ca
            .as_ref()
            .map(|ca| read(ca).map_err(|why| Wrong::Authorities(ca.display().to_string(), why)));
        Ok([cert, key, ca.transpose()?.unwrap_or_default()])
    }

    /// TLS 1.2 and 1.3, as in CoreDNS.
    fn config(&self, [cert, key, ca]: &Contents) -> Result<ServerConfig, Wrong> {
        let no_certificate = |error: PemError| {
            Wrong::Certificate(self.cert.display().to_string(), error.to_string())
        };
        let certs = pem::certificates(cert).map_err(no_certificate)?;
        let key = pem::key(key)
            .map_err(|error| Wrong::Key(self.key.display().to_string(), error.to_string()))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(Wrong::Pair)?;
        let no_authorities = |why: String| {
            let whose = self.ca.as_ref().map(|ca| ca.display().to_string());
            Wrong::Authorities(whose.unwrap_or_else(|| "the system".into()), why)
        };
        let roots = || match &self.ca {
            Some(_) => pem::roots(ca).map_err(|error| no_authorities(error.to_string())),
            None => Ok(system_roots()),
        };
        // Authorities that cannot be read are wrong, also where no client is asked for a certificate.
        if self.ca.is_some() {
            roots()?;
        }
        let verifier = self.client_auth.verifier(roots, provider, no_authorities)?;
        let builder = match verifier {
            None => builder.with_no_client_auth(),
            Some(verifier) => builder.with_client_cert_verifier(verifier),
        };
        let mut config = builder.with_single_cert(certs, key).map_err(Wrong::Pair)?;
        if let Some(log) = &self.key_log {
            config.key_log = log.clone();
        }
        Ok(config)
    }
}
