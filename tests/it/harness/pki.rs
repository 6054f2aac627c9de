//! One certificate authority, one server certificate for 127.0.0.1 and one client certificate, for all
//! servers of a run; and others of the same authority, of any time.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::LazyLock;

use k8s_openapi::ByteString;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::scratch;

/// Files of the authority, the server, a client, and of the key that signs service account tokens.
#[derive(Debug)]
pub struct Pki {
    /// The authority's certificate, PEM.
    pub ca: PathBuf,
    /// The server's certificate for IP 127.0.0.1 and localhost, PEM.
    pub cert: PathBuf,
    /// The server's key, PEM.
    pub key: PathBuf,
    /// The certificate of a client with all rights (group `system:masters`), PEM.
    pub client_cert: PathBuf,
    /// The client's key, PEM.
    pub client_key: PathBuf,
    /// Private key of service account tokens, PEM.
    pub sa_key: PathBuf,
    /// Public key of service account tokens, PEM.
    pub sa_public: PathBuf,
    ca_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
}

/// When a certificate is valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Valid {
    /// Now.
    Now,
    /// Until 2021.
    NoMore,
    /// From 2090.
    NotYet,
}

impl Pki {
    /// The one of this run.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Pki> =
            LazyLock::new(|| Pki::create().expect("make the certificates"));
        &SHARED
    }

    /// The authority's certificate as kubeconfigs carry it.
    pub fn ca_base64(&self) -> String {
        base64(&self.ca_pem)
    }

    /// The authority, for clients.
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(self.ca_pem.as_bytes());
        roots.add(authority.expect("a certificate")).expect("an authority");
        roots
    }

    /// A server's certificate for IP 127.0.0.1.
    pub fn server(&self, valid: Valid) -> Issued {
        let mut server = CertificateParams::new(Vec::new()).expect("no names");
        server.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        self.issue(server, valid)
    }

    /// A server's certificate for a name.
    pub fn named_server(&self, name: &str) -> Issued {
        self.issue(CertificateParams::new(vec![name.to_owned()]).expect("a name"), Valid::Now)
    }

    /// A client's certificate for a user with all rights (group `system:masters`).
    pub fn client(&self, user: &str, valid: Valid) -> Issued {
        self.issue(client(user), valid)
    }

    fn issue(&self, mut params: CertificateParams, valid: Valid) -> Issued {
        let (first, last) = match valid {
            Valid::Now => (2020, 2090),
            Valid::NoMore => (2020, 2021),
            Valid::NotYet => (2090, 2095),
        };
        params.not_before = rcgen::date_time_ymd(first, 1, 1);
        params.not_after = rcgen::date_time_ymd(last, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        Issued { cert: cert.pem(), key: key.serialize_pem() }
    }

    fn create() -> Result<Self, rcgen::Error> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // A name of its own: what names itself as its issuer passes for self-signed.
        authority.distinguished_name.push(DnType::CommonName, "the authority of the tests");
        let ca_key = KeyPair::generate()?;
        let ca_pem = authority.self_signed(&ca_key)?.pem();
        let issuer = Issuer::new(authority, ca_key);

        let mut server = CertificateParams::new(vec!["localhost".to_owned()])?;
        server.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let key = KeyPair::generate()?;
        let cert = server.signed_by(&key, &issuer)?;
        let client_key = KeyPair::generate()?;
        let client_cert = client("admin").signed_by(&client_key, &issuer)?;
        let sa_key = KeyPair::generate()?;

        let folder = scratch::folder("pki");
        let write = |name: &str, text: &str| {
            let file = folder.join(name);
            fs::write(&file, text).expect("write a certificate");
            file
        };
        Ok(Self {
            ca: write("ca.pem", &ca_pem),
            cert: write("cert.pem", &cert.pem()),
            key: write("key.pem", &key.serialize_pem()),
            client_cert: write("client-cert.pem", &client_cert.pem()),
            client_key: write("client-key.pem", &client_key.serialize_pem()),
            sa_key: write("sa-key.pem", &sa_key.serialize_pem()),
            sa_public: write("sa-public.pem", &sa_key.public_key_pem()),
            ca_pem,
            issuer,
        })
    }
}

fn client(user: &str) -> CertificateParams {
    let mut client = CertificateParams::new(Vec::new()).expect("no names");
    client.distinguished_name.push(DnType::CommonName, user);
    client.distinguished_name.push(DnType::OrganizationName, "system:masters");
    client.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    client
}

/// A text as kubeconfigs and Secrets carry it.
pub fn base64(text: &str) -> String {
    let encoded = serde_json::to_value(ByteString(text.as_bytes().to_vec()));
    encoded.ok().and_then(|v| v.as_str().map(str::to_owned)).expect("base64")
}
