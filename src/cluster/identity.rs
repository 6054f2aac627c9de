//! What an API server knows the client by, where it is a certificate.
//!
//! In: the configuration of a client, and the clock. Out: why a refusal is no wonder. An API server says of
//! an expired certificate what it says of any other that it does not accept.

use std::sync::Arc;

use k8s_openapi::ByteString;
use kube::config::AuthInfo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, Error, RootCertStore};

use super::failure::Cause;

/// The client's certificate, if it has one.
#[derive(Clone, Default, Debug)]
pub struct Identity(Option<Arc<CertificateDer<'static>>>);

impl Identity {
    /// That of a configuration. Blocks on the file that a local one may name.
    pub fn of(user: &AuthInfo) -> Self {
        let inline = user.client_certificate_data.as_deref().and_then(decoded);
        let pem = inline.or_else(|| std::fs::read(user.client_certificate.as_deref()?).ok());
        let certificate = pem.and_then(|pem| CertificateDer::from_pem_slice(&pem).ok());
        Identity(certificate.map(Arc::new))
    }

    /// Adds to the description of a failure what this has to do with it.
    pub fn explain(&self, cause: Cause, error: String) -> String {
        match self.outside_its_time(UnixTime::now()) {
            Some(why) if cause == Cause::Status(401) => format!("{error}: {why}"),
            _ => error,
        }
    }

    /// Whether the certificate is not one of this time.
    fn outside_its_time(&self, now: UnixTime) -> Option<&'static str> {
        let certificate = self.0.as_deref()?;
        // It stands in for its own authority: only what is found before the chain is of interest.
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).ok()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verified = verifier.build().ok()?.verify_client_cert(certificate, &[], now);
        match verified.err()? {
            Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            ) => Some("the client certificate has expired"),
            Error::InvalidCertificate(
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
            ) => Some("the client certificate is not valid yet"),
            _ => None,
        }
    }
}

/// The bytes that a base64 text of a kubeconfig stands for.
pub(super) fn decoded(base64: &str) -> Option<Vec<u8>> {
    let bytes: ByteString = serde_json::from_value(base64.into()).ok()?;
    Some(bytes.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{CertificateParams, Issuer, KeyPair};

    use super::*;

    /// A certificate of another authority, valid from 1 January 2020 until 1 January 2030.
    fn certificate() -> Identity {
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::new(CertificateParams::new(Vec::new()).unwrap(), key);
        let mut client = CertificateParams::new(Vec::new()).unwrap();
        client.not_before = rcgen::date_time_ymd(2020, 1, 1);
        client.not_after = rcgen::date_time_ymd(2030, 1, 1);
        let signed = client.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        let pem = ByteString(signed.pem().into_bytes());
        let text = serde_json::to_value(pem).unwrap();
        let text = text.as_str().map(str::to_owned);
        Identity::of(&AuthInfo { client_certificate_data: text, ..AuthInfo::default() })
    }

    #[test]
    fn a_certificate_is_of_its_time() {
        let identity = certificate();
        let year = |year: u64| {
            let since_1970 = Duration::from_secs((year - 1970) * 365 * 24 * 3600 + 30 * 24 * 3600);
            identity.outside_its_time(UnixTime::since_unix_epoch(since_1970))
        };
        assert_eq!(year(2019), Some("the client certificate is not valid yet"));
        assert_eq!(year(2025), None);
        assert_eq!(year(2031), Some("the client certificate has expired"));
        assert_eq!(Identity::default().explain(Cause::Status(401), "no".into()), "no");
    }
}
