//! `tls`: the certificate of a server block's encrypted listeners, and what they ask of clients (CoreDNS,
//! plugin/tls).
//!
//! In: its lines, and the files that they name. Out: an [`Identity`] for the listeners of the block; it
//! follows the files, which are replaced when a certificate is renewed.

mod identity;
mod key_log;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::setup::Setup;
use crate::corefile::{Diagnostic, Directive, Token};
use crate::tls::ClientAuth;
pub use identity::Identity;
use identity::{Files, Wrong};
use key_log::KeyLogFile;

const NAME: &str = "tls";
const USAGE: &str = "tls CERT KEY [CA]";
const OPTIONS: [&str; 2] = ["client_auth", "keylog"];

/// Reads `tls CERT KEY [CA] { client_auth nocert|request|require|verify_if_given|require_and_verify;
/// keylog FILE }`, and the files.
///
/// # Errors
/// A wrong word, or a file that cannot be read or does not hold what it should.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let words = directive.args_within(0..=3, USAGE)?;
    let (cert, key, ca) = match words {
        [cert, key] => (cert, key, None),
        [cert, key, ca] => (cert, key, Some(ca)),
        _ => {
            return Err(directive.name.error(
                "tls has no certificate and key, and asking an ACME server for one is not built in",
                format!("write `{USAGE}`, with files such as cert-manager makes"),
            ));
        }
    };
    let mut files = Files {
        cert: setup.path(cert),
        key: setup.path(key),
        ca: ca.map(|ca| setup.path(ca)),
        client_auth: ClientAuth::default(),
        key_log: None,
    };
    for line in directive.lines() {
        match line.name().text.as_str() {
            "client_auth" => {
                let word = line.one_arg("client_auth TYPE")?;
                files.client_auth = ClientAuth::named(&word.text)
                    .ok_or_else(|| word.unknown("type of client_auth", &ClientAuth::NAMES))?;
            }
            "keylog" => {
                let word = line.one_arg("keylog FILE")?;
                let path = setup.path(word);
                let log = KeyLogFile::open(&path).map_err(|error| {
                    word.error(
                        format!("TLS keys cannot be written to {}: {error}", path.display()),
                        "name a file in a folder that may be written to, or take the line out",
                    )
                })?;
                tracing::warn!(target: "fleetdns::plugin::tls", "Writing TLS Key Log to {path:?}");
                files.key_log = Some(Arc::new(log));
            }
            _ => return Err(line.unknown(NAME, &OPTIONS)),
        }
    }
    let identity = Identity::new(files).map_err(|wrong| wrong.at(cert, key, ca))?;
    setup.chain.tls = Some(Arc::new(identity));
    Ok(())
}

impl Wrong {
    /// At the word that names the file.
    fn at(self, cert: &Token, key: &Token, ca: Option<&Token>) -> Diagnostic {
        let (word, remedy) = match &self {
            Wrong::Certificate(..) => {
                (cert, "name a PEM file with the certificate of the server, and those above it")
            }
            Wrong::Key(..) => (key, "name a PEM file with the private key of the certificate"),
            Wrong::Pair(_) => (key, "name the certificate, and the key that was made with it"),
            Wrong::Authorities(..) => {
                (ca.unwrap_or(cert), "name a PEM file with the certificates of the authorities")
            }
        };
        word.error(self.to_string(), remedy)
    }
}
