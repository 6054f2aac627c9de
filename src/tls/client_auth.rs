//! Whether clients show a certificate, and which ones are taken (Go, crypto/tls `ClientAuthType`).

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use serde::Deserialize;

/// What a listener asks of its clients: `client_auth` of `tls`, in whose words its names are, and
/// `client_auth_type` of Prometheus's web configuration, in Go's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum ClientAuth {
    #[default]
    #[serde(rename = "NoClientCert")]
    NoCert,
    /// Asked for one, which may be any or none.
    #[serde(rename = "RequestClientCert")]
    Request,
    /// Any.
    #[serde(rename = "RequireAnyClientCert", alias = "RequireClientCert")]
    Require,
    /// None, or one of the authorities.
    #[serde(rename = "VerifyClientCertIfGiven")]
    VerifyIfGiven,
    /// One of the authorities.
    #[serde(rename = "RequireAndVerifyClientCert")]
    RequireAndVerify,
}

impl ClientAuth {
    /// Its values in the words of `tls`.
    pub const NAMES: [&str; 5] =
        ["nocert", "request", "require", "verify_if_given", "require_and_verify"];

    /// The value with a name of `tls`.
    pub fn named(name: &str) -> Option<Self> {
        use ClientAuth::{NoCert, Request, Require, RequireAndVerify, VerifyIfGiven};
        let all = [NoCert, Request, Require, VerifyIfGiven, RequireAndVerify];
        let index = Self::NAMES.iter().position(|known| *known == name)?;
        all.get(index).copied()
    }

    /// What looks at clients' certificates; nothing where none is asked for.
    ///
    /// # Errors
    /// There are no authorities.
    pub fn verifier<E>(
        self,
        roots: impl FnOnce() -> Result<RootCertStore, E>,
        provider: Arc<CryptoProvider>,
        no_authorities: impl FnOnce(String) -> E,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, E> {
        let any = |mandatory| Arc::new(Any { mandatory, provider: provider.clone() });
        let builder = match self {
            ClientAuth::NoCert => return Ok(None),
            ClientAuth::Request => return Ok(Some(any(false))),
            ClientAuth::Require => return Ok(Some(any(true))),
            ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify => {
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots()?), provider)
            }
        };
        let builder = match self {
            ClientAuth::VerifyIfGiven => builder.allow_unauthenticated(),
            _ => builder,
        };
        let verifier = builder.build().map_err(|error| no_authorities(error.to_string()))?;
        Ok(Some(verifier))
    }
}

/// Takes any certificate whose key the client has.
#[derive(Debug)]
struct Any {
    mandatory: bool,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Any {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
