//! Certificates and keys out of PEM (RFC 7468).

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

/// Why a text does not hold what it should.
#[derive(Debug, Error)]
pub enum PemError {
    #[error("it holds no PEM block CERTIFICATE")]
    NoCertificate,
    #[error("it holds no PEM block of a private key")]
    NoKey,
    #[error("{0}")]
    Broken(pem::Error),
    #[error("{0}")]
    NoAuthority(rustls::Error),
}

/// All certificates, in their order.
///
/// # Errors
/// There is none, or a block is broken.
pub fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match all {
        Ok(all) if all.is_empty() => Err(PemError::NoCertificate),
        all => all.map_err(PemError::Broken),
    }
}

/// The first private key.
///
/// # Errors
/// There is none, or it is broken.
pub fn key(text: &[u8]) -> Result<PrivateKeyDer<'static>, PemError> {
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound => PemError::NoKey,
        error => PemError::Broken(error),
    })
}

/// All certificates, as those of authorities.
///
/// # Errors
/// As [`certificates`], or one cannot be an authority's.
pub fn roots(text: &[u8]) -> Result<RootCertStore, PemError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(text)? {
        roots.add(certificate).map_err(PemError::NoAuthority)?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_said() {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (cert, secret) = (pair.cert.pem(), pair.signing_key.serialize_pem());
        assert_eq!(certificates((cert.clone() + &cert).as_bytes()).unwrap().len(), 2);
        assert!(key(secret.as_bytes()).is_ok());
        assert_eq!(roots(cert.as_bytes()).unwrap().len(), 1);
        let text = |error: PemError| error.to_string();
        for empty in ["", "nothing", &secret] {
            let found = certificates(empty.as_bytes()).map_err(text);
            assert_eq!(found, Err("it holds no PEM block CERTIFICATE".into()));
        }
        let found = key(cert.as_bytes()).map_err(text).err();
        assert_eq!(found.as_deref(), Some("it holds no PEM block of a private key"));
        assert!(certificates(b"-----BEGIN CERTIFICATE-----\n").is_err());
    }
}
