//! The file that says how an endpoint is served over TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use serde::Deserialize;
use thiserror::Error;

use crate::tls::ClientAuth;
use crate::tls::pem::{self, PemError};

/// A file, by its path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFile(pub PathBuf);

/// Why a file cannot be used.
#[derive(Debug, Error)]
pub enum TlsFileError {
    #[error("{path} cannot be read: {cause}")]
    Read { path: PathBuf, cause: io::Error },
    #[error("it is wrong: {0}")]
    Syntax(String),
    #[error("it has no {0}")]
    Missing(&'static str),
    #[error("its {0} is not supported")]
    Unsupported(&'static str),
    #[error("it has client CAs, and a client_auth_type that asks for no certificate")]
    UnusedClientCa,
    #[error("its {what} is none: {cause}")]
    Pem { what: &'static str, cause: PemError },
    #[error("its certificate and key cannot be used: {0}")]
    Certificate(#[from] rustls::Error),
    #[error("its client CAs cannot be used: {0}")]
    ClientCa(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebConfig {
    #[serde(default)]
    tls_server_config: TlsConfig,
    #[serde(default)]
    http_server_config: HttpConfig,
    rate_limit: Option<serde_json::Value>,
    basic_auth_users: Option<serde_json::Value>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct TlsConfig {
    cert: Option<String>,
    key: Option<String>,
    client_ca: Option<String>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    client_ca_file: Option<PathBuf>,
    client_auth_type: Option<ClientAuth>,
    min_version: Option<Version>,
    max_version: Option<Version>,
    /// Without effect in CoreDNS, too.
    #[serde(rename = "prefer_server_cipher_suites")]
    _prefer_server_cipher_suites: Option<bool>,
    cipher_suites: Option<serde_json::Value>,
    curve_preferences: Option<serde_json::Value>,
    client_allowed_sans: Option<serde_json::Value>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct HttpConfig {
    /// Scrapers do without it.
    #[serde(rename = "http2")]
    _http2: Option<bool>,
    headers: Option<serde_json::Value>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    TLS10,
    TLS11,
    TLS12,
    TLS13,
}

impl TlsFile {
    /// What it says now.
    ///
    /// # Errors
    /// It or a file that it names cannot be read, or says what cannot be done.
    pub fn read(&self) -> Result<Arc<ServerConfig>, TlsFileError> {
        let text = String::from_utf8_lossy(&read(&self.0)?).into_owned();
        let config: WebConfig = serde_saphyr::from_str(&text)
            .map_err(|error| TlsFileError::Syntax(error.to_string()))?;
        let folder = self.0.parent().unwrap_or(Path::new(""));
        config.supported()?;
        config.tls_server_config.build(folder)
    }
}

impl WebConfig {
    fn supported(&self) -> Result<(), TlsFileError> {
        let tls = &self.tls_server_config;
        for (name, is_set) in [
            ("rate_limit", self.rate_limit.is_some()),
            ("basic_auth_users", self.basic_auth_users.is_some()),
            ("headers", self.http_server_config.headers.is_some()),
            ("cipher_suites", tls.cipher_suites.is_some()),
            ("curve_preferences", tls.curve_preferences.is_some()),
            ("client_allowed_sans", tls.client_allowed_sans.is_some()),
        ] {
            if is_set {
                return Err(TlsFileError::Unsupported(name));
            }
        }
        Ok(())
    }
}

impl TlsConfig {
    fn build(&self, folder: &Path) -> Result<Arc<ServerConfig>, TlsFileError> {
        let cert = content(&self.cert, &self.cert_file, folder)?;
        let cert = cert.ok_or(TlsFileError::Missing("cert_file"))?;
        let key = content(&self.key, &self.key_file, folder)?;
        let key = key.ok_or(TlsFileError::Missing("key_file"))?;
        let pem = |what| move |cause| TlsFileError::Pem { what, cause };
        let certificates = pem::certificates(&cert).map_err(pem("certificate"))?;
        let key = pem::key(&key).map_err(pem("key"))?;
        let client_ca = content(&self.client_ca, &self.client_ca_file, folder)?;
        let auth = self.client_auth_type.unwrap_or_default();
        if auth == ClientAuth::NoCert && client_ca.is_some() {
            return Err(TlsFileError::UnusedClientCa);
        }
        let roots = || {
            let client_ca = client_ca.ok_or(TlsFileError::Missing("client_ca_file"))?;
            pem::roots(&client_ca).map_err(pem("client CA"))
        };
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(self.versions()?)?;
        let builder = match auth.verifier(roots, provider, TlsFileError::ClientCa)? {
            None => builder.with_no_client_auth(),
            Some(verifier) => builder.with_client_cert_verifier(verifier),
        };
        Ok(Arc::new(builder.with_single_cert(certificates, key)?))
    }

    /// Go knows two versions more, which nobody should speak.
    fn versions(&self) -> Result<&'static [&'static SupportedProtocolVersion], TlsFileError> {
        static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        let (min, max) = (self.min_version, self.max_version);
        match (min.unwrap_or(Version::TLS12), max.unwrap_or(Version::TLS13)) {
            (_, Version::TLS10 | Version::TLS11) => Err(TlsFileError::Unsupported("max_version")),
            (Version::TLS13, Version::TLS12) => Err(TlsFileError::Unsupported("max_version")),
            (_, Version::TLS12) => Ok(&BOTH[1..]),
            (Version::TLS13, _) => Ok(&BOTH[..1]),
            _ => Ok(&BOTH),
        }
    }
}

/// What is written in the file itself or in one that it names, whose path is relative to the file.
fn content(
    text: &Option<String>,
    file: &Option<PathBuf>,
    folder: &Path,
) -> Result<Option<Vec<u8>>, TlsFileError> {
    match (file, text) {
        (Some(file), _) => read(&folder.join(file)).map(Some),
        (None, Some(text)) => Ok(Some(text.clone().into_bytes())),
        (None, None) => Ok(None),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsFileError> {
    fs::read(path).map_err(|cause| TlsFileError::Read { path: path.to_owned(), cause })
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
