use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};

use super::*;
use crate::plugin::testing;

/// A certificate and its key, as files in a folder.
fn pair(folder: &Path, name: &str) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let cert = params.self_signed(&key).expect("a certificate");
    fs::write(folder.join(format!("{name}.crt")), cert.pem()).expect("write");
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).expect("write");
}

#[test]
fn reads_its_words_and_files() {
    let folder = tempfile::tempdir().expect("a folder");
    pair(folder.path(), "a");
    pair(folder.path(), "b");
    fs::write(folder.path().join("empty"), "").expect("write");
    let here = |text: &str| text.replace("DIR", &folder.path().to_string_lossy());
    for (text, expected) in [
        ("tls DIR/a.crt DIR/a.key", Ok("NoCert")),
        ("tls DIR/a.crt DIR/a.key DIR/b.crt", Ok("NoCert")),
        ("tls DIR/a.crt DIR/a.key DIR/b.crt {\nclient_auth require_and_verify\n}", Ok("Require")),
        ("tls DIR/a.crt DIR/a.key DIR/b.crt {\nclient_auth verify_if_given\n}", Ok("Verify")),
        ("tls DIR/a.crt DIR/a.key {\nclient_auth request\n}", Ok("Request")),
        ("tls DIR/a.crt DIR/a.key {\nclient_auth require\n}", Ok("Require")),
        ("tls DIR/a.crt DIR/a.key {\nclient_auth nocert\nkeylog DIR/keys\n}", Ok("key_log: Some")),
        ("tls", Err("asking an ACME server for one is not built in")),
        ("tls DIR/a.crt", Err("tls has no certificate and key")),
        ("tls DIR/a.crt DIR/a.key DIR/b.crt x", Err("tls CERT KEY [CA]")),
        ("tls DIR/none DIR/a.key", Err("none is no certificate: No such file")),
        ("tls DIR/empty DIR/a.key", Err("empty is no certificate: it holds no PEM block")),
        ("tls DIR/a.crt DIR/empty", Err("empty is no private key: it holds no PEM block")),
        ("tls DIR/a.crt DIR/b.key", Err("certificate and key cannot be used")),
        ("tls DIR/a.crt DIR/a.key DIR/empty", Err("empty has no authorities for clients")),
        ("tls DIR/a.crt DIR/a.key {\nclient_auth yes\n}", Err("'yes'")),
        ("tls DIR/a.crt DIR/a.key {\nkeylog DIR/none/x\n}", Err("TLS keys cannot be written to")),
        ("tls DIR/a.crt DIR/a.key {\nclient_aut request\n}", Err("did you mean 'client_auth'?")),
    ] {
        let text = here(text);
        let shown = match expected {
            Ok(part) => match testing::setup(&text, NAME, setup) {
                Ok((chain, _)) => {
                    let shown = format!("{:?}", chain.tls);
                    assert!(shown.contains(part), "{text}: {shown}");
                    assert!(!shown.contains("PRIVATE"), "{shown}");
                    continue;
                }
                Err(error) => panic!("{text}: {error}"),
            },
            Err(part) => part,
        };
        testing::check(&text, NAME, setup, Err(shown), |_, _| String::new());
    }
}

#[test]
fn follows_its_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = (folder.path().join("a.crt"), folder.path().join("a.key"));
    pair(folder.path(), "a");
    let text = format!("tls {} {}", cert.display(), key.display());
    let read = || testing::setup(&text, NAME, setup).expect("files").0.tls.expect("an identity");
    let identity = read();
    assert!(identity.equals(&read()));
    let (before, mut refused) = (identity.config(&[]), None);
    // What cannot be used changes nothing, and is looked at once.
    fs::write(&cert, "nonsense").expect("write");
    identity.refresh(&mut refused);
    assert!(refused.is_some());
    fs::remove_file(&cert).expect("remove");
    identity.refresh(&mut refused);
    assert!(Arc::ptr_eq(&before, &identity.config(&[])));
    pair(folder.path(), "a");
    identity.refresh(&mut refused);
    assert!(!Arc::ptr_eq(&before, &identity.config(&[])));
    assert!(refused.is_none() && identity.equals(&read()));
    assert_eq!(identity.config(&[b"h2"]).alpn_protocols, [b"h2"]);
}
