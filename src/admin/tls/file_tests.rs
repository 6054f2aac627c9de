use super::*;

/// A folder with a certificate and its key, for a file to name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.path().join("cert.pem"), pair.cert.pem()).unwrap();
    fs::write(folder.path().join("key.pem"), pair.signing_key.serialize_pem()).unwrap();
    fs::write(folder.path().join("empty.pem"), "").unwrap();
    folder
}

#[test]
fn reads_the_format_of_prometheus() {
    let folder = folder();
    let file = TlsFile(folder.path().join("web.yaml"));
    let pair = "cert_file: cert.pem\n  key_file: key.pem";
    let verify = "client_auth_type: RequireAndVerifyClientCert";
    for (tls, rest, expected) in [
        (pair, "", Ok(())),
        ("cert_file: cert.pem\n  key_file: key.pem\n  min_version: TLS13", "", Ok(())),
        (&format!("{pair}\n  client_ca_file: cert.pem\n  {verify}"), "", Ok(())),
        (&format!("{pair}\n  client_auth_type: RequireAnyClientCert"), "", Ok(())),
        (&format!("{pair}\n  client_auth_type: RequireClientCert"), "", Ok(())),
        (&format!("{pair}\n  client_auth_type: Require"), "", Err("it is wrong")),
        (pair, "http_server_config:\n  http2: false", Ok(())),
        ("key_file: key.pem", "", Err("it has no cert_file")),
        ("cert_file: cert.pem", "", Err("it has no key_file")),
        ("cert_file: no.pem\n  key_file: key.pem", "", Err("no.pem cannot be read: No such file")),
        ("cert_file: empty.pem\n  key_file: key.pem", "", Err("its certificate is none")),
        ("cert_file: cert.pem\n  key_file: cert.pem", "", Err("its key is none")),
        (&format!("{pair}\n  {verify}"), "", Err("it has no client_ca_file")),
        (&format!("{pair}\n  client_ca_file: cert.pem"), "", Err("that asks for no certificate")),
        (&format!("{pair}\n  max_version: TLS11"), "", Err("its max_version is not supported")),
        (&format!("{pair}\n  cipher_suites: [X]"), "", Err("its cipher_suites is not supported")),
        (pair, "basic_auth_users: { a: b }", Err("its basic_auth_users is not supported")),
        (&format!("{pair}\n  bogus: 1"), "", Err("it is wrong")),
    ] {
        fs::write(&file.0, format!("tls_server_config:\n  {tls}\n{rest}\n")).unwrap();
        match (file.read().map(|_| ()).map_err(|error| error.to_string()), expected) {
            (Ok(()), Ok(())) => {}
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{tls}: {found}"),
            (found, _) => panic!("{tls} {rest}: {found:?}"),
        }
    }
}
