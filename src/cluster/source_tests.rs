use super::*;

const ONE: &str = "current-context: a\ncontexts: [{name: a, context: {cluster: k}}, \
    {name: b, context: {cluster: k}}]\nclusters: [{name: k, cluster: {server: 'https://127.0.0.1'}}]";

fn write(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, text).unwrap();
    file
}

fn kubeconfig(file: &tempfile::NamedTempFile, context: Option<&str>) -> Source {
    let context = context.map(str::to_owned);
    Source::Kubeconfig { file: file.path().to_owned(), context }
}

#[test]
fn a_kubeconfig_is_checked() {
    let file = write(ONE);
    for context in [None, Some("a"), Some("b")] {
        kubeconfig(&file, context).check().unwrap();
    }
    let error = kubeconfig(&file, Some("c")).check().unwrap_err().to_string();
    assert!(error.contains("\"c\"; it has a, b"), "{error}");
    let error = kubeconfig(&write(&ONE.replace("current-context: a", "")), None).check();
    assert!(error.unwrap_err().to_string().ends_with("it has a, b"));
    let error = kubeconfig(&write("token: [secret"), None).check().unwrap_err().to_string();
    assert!(error.contains("line 1") && !error.contains("secret"), "{error}");
    let error = kubeconfig(&write(&ONE.replace("server:", "x:")), None).check().unwrap_err();
    assert!(error.to_string().contains("cluster url"), "{error}");
    let gone = Source::Kubeconfig { file: "/nowhere/at/all".into(), context: None };
    assert!(matches!(gone.check(), Err(SourceError::Unreadable { .. })));
}

#[test]
fn the_operators_kubeconfig_may_name_a_program() {
    let text = format!(
        "{}\nusers: [{{name: u, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, \
         command: /nowhere/at/all}}}}}}]",
        ONE.replace("cluster: k}", "cluster: k, user: u}")
    );
    kubeconfig(&write(&text), None).check().unwrap();
}

#[test]
fn an_endpoint_is_checked() {
    let endpoint = |url: &str, tls| Source::Endpoint { url: url.to_owned(), tls };
    for right in ["http://127.0.0.1:8080", "https://api.example:6443", "https://[::1]:6443/"] {
        endpoint(right, None).check().unwrap();
    }
    for wrong in ["", "127.0.0.1:8080", "api", "ftp://a", "http://", "https:///x"] {
        let error = endpoint(wrong, None).check().unwrap_err();
        assert!(matches!(error, SourceError::Url { .. }), "{wrong}: {error}");
    }
    let file = write("no PEM");
    let tls = |cert: &Path| {
        let path = file.path().to_owned();
        Some(TlsFiles { cert: cert.to_owned(), key: path.clone(), ca: path })
    };
    let error = endpoint("https://a", tls(Path::new("/nowhere"))).check().unwrap_err();
    assert!(error.to_string().contains("cannot read /nowhere"), "{error}");
    let error = endpoint("https://a", tls(file.path())).check().unwrap_err();
    assert!(matches!(error, SourceError::Tls { .. }), "{error}");
}

#[test]
fn manifests_are_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    Source::Manifests(directory.path().into()).check().unwrap();
    let file = write("");
    let error = Source::Manifests(file.path().into()).check().unwrap_err();
    assert!(matches!(error, SourceError::NoDirectory(_)), "{error}");
    let error = Source::Manifests("/nowhere/at/all".into()).check().unwrap_err();
    assert!(matches!(error, SourceError::Unreadable { .. }), "{error}");
}
