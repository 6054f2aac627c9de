//! Certificates and keys, for all that speaks TLS: listeners, upstreams and the pages of the process.
//!
//! In: PEM, and whether clients are asked for a certificate. Out: what rustls takes.

mod client_auth;
pub mod pem;

use rustls::RootCertStore;

pub use client_auth::ClientAuth;

/// The authorities of the system.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // Some of a system's certificates are of kinds that are not supported: the others count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
