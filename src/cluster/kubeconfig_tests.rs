use super::*;

const SECRET: &str = "hunter2-very-secret";

/// A kubeconfig with these fields of the cluster and the user added.
fn with(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: one\n\
         contexts:\n- name: one\n  context: {{cluster: k, user: u}}\n\
         clusters:\n- name: k\n  cluster:\n    server: https://10.0.0.1:6443\n{}\
         users:\n- name: u\n  user:\n    username: x\n{}",
        indent(cluster),
        indent(user)
    )
}

fn indent(fields: &str) -> String {
    fields.lines().map(|line| format!("    {line}\n")).collect()
}

fn read(text: &str) -> Result<kube::Config, Refused> {
    sanitize(text.as_bytes(), Allowed::default())
}

fn refused(text: &str) -> Refused {
    refused_with(text, Allowed::default())
}

fn refused_with(text: &str, allowed: Allowed) -> Refused {
    let refused = sanitize(text.as_bytes(), allowed).expect_err("this must be refused");
    for text in [refused.to_string(), format!("{refused:?}")] {
        assert!(!text.contains(SECRET), "{text}");
    }
    refused
}

#[test]
fn dangerous_fields_are_refused_by_name() {
    let users = [
        ("exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/sh}", "exec"),
        ("auth-provider: {name: gcp}", "auth-provider"),
        ("auth-provider: {name: oidc}", "auth-provider"),
        ("tokenFile: /var/run/secrets/hunter2-very-secret", "tokenFile"),
        ("client-certificate: /etc/hunter2-very-secret", "client-certificate"),
        ("client-key: /etc/hunter2-very-secret", "client-key"),
        ("as: hunter2-very-secret", "as"),
        ("as-uid: '1'", "as-uid"),
        ("as-groups: ['system:masters']", "as-groups"),
        ("as-user-extra: {a: [b]}", "as-user-extra"),
    ];
    for (fields, field) in users {
        match refused(&with("", fields)) {
            Refused::Forbidden { field: named, .. } => assert_eq!(named, field),
            other => panic!("{fields}: {other}"),
        }
    }
    let clusters = [
        ("certificate-authority: /etc/hunter2-very-secret", "certificate-authority"),
        ("proxy-url: http://hunter2-very-secret@evil:3128", "proxy-url"),
        ("insecure-skip-tls-verify: true", "insecure-skip-tls-verify"),
    ];
    for (fields, field) in clusters {
        match refused(&with(fields, "")) {
            Refused::Forbidden { field: named, .. } => assert_eq!(named, field),
            other => panic!("{fields}: {other}"),
        }
    }
}

#[test]
fn allowed_fields_are_rebuilt_and_no_others() {
    let cluster = "tls-server-name: api.west\ninsecure-skip-tls-verify: false\nnew-field: x";
    let user = format!("token: {SECRET}\npassword: {SECRET}\nnew-field: {SECRET}");
    let config = read(&with(cluster, &user)).unwrap();
    assert_eq!(config.cluster_url, "https://10.0.0.1:6443");
    assert_eq!(config.tls_server_name.as_deref(), Some("api.west"));
    assert!(!config.accept_invalid_certs && config.proxy_url.is_none());
    // The whole user, so that a field that is passed by mistake shows.
    let user = serde_json::to_value(&config.auth_info).unwrap();
    let expected = serde_json::json!({"username": "x", "password": SECRET, "token": SECRET});
    assert_eq!(user, expected);
    assert!(!format!("{config:?}").contains(SECRET));
}

#[test]
fn the_context_is_current_or_only() {
    let two = "contexts:\n- {name: a, context: {cluster: a}}\n- {name: b, context: {cluster: b}}\n\
        clusters:\n- {name: a, cluster: {server: 'https://a'}}\n- {name: b, cluster: {server: 'https://b'}}\n";
    assert_eq!(refused(two), Refused::NoContext);
    let b = read(&format!("{two}current-context: b")).unwrap();
    assert_eq!(b.cluster_url.host(), Some("b"));
    assert_eq!(refused(&format!("{two}current-context: c")), Refused::UnknownContext);
    let one = "contexts: [{name: a, context: {cluster: a}}]\n\
        clusters: [{name: a, cluster: {server: 'https://a'}}]";
    assert_eq!(read(one).unwrap().cluster_url.host(), Some("a"));
    let dangling = "contexts: [{name: a, context: {cluster: a, user: u}}]\n\
        clusters: [{name: a, cluster: {server: 'https://a'}}]";
    assert_eq!(refused(dangling), Refused::Unknown("user"));
    assert_eq!(
        refused("contexts: [{name: a, context: {cluster: a}}]"),
        Refused::Unknown("cluster")
    );
}

#[test]
fn broken_input_is_refused_without_quoting_it() {
    assert_eq!(refused(""), Refused::Empty);
    assert_eq!(refused(" \n"), Refused::Empty);
    let broken = with("", &format!("token: [{SECRET}"));
    assert!(matches!(refused(&broken), Refused::Syntax { line: 10.., .. }), "{}", refused(&broken));
    let wrong_type = with("", &format!("as-groups: {SECRET}"));
    assert!(matches!(refused(&wrong_type), Refused::Syntax { .. }));
    assert!(matches!(
        sanitize(&[0xff, 0xfe, 0xfd], Allowed::default()),
        Err(Refused::Wrong { .. })
    ));
    // The third is PEM of something that is no certificate.
    for (cluster, user, field) in [
        ("certificate-authority-data: hunter2-very-secret", "", "certificate-authority-data"),
        (
            "certificate-authority-data: aHVudGVyMi12ZXJ5LXNlY3JldA==",
            "",
            "certificate-authority-data",
        ),
        (
            "certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCmFIVnVkR1Z5TWc9PQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg==",
            "",
            "certificate-authority-data",
        ),
        (
            "",
            "client-certificate-data: hunter2-very-secret\nclient-key-data: hunter2-very-secret",
            "client-certificate-data and client-key-data",
        ),
        (
            "",
            "client-certificate-data: aHVudGVyMg==",
            "client-certificate-data and client-key-data",
        ),
        ("", "token: \"hunter2-very-secret\\n\"", "token"),
    ] {
        match refused(&with(cluster, user)) {
            Refused::Wrong { field: named, .. } => assert_eq!(named, field),
            other => panic!("{cluster} {user}: {other}"),
        }
    }
}

#[test]
fn the_server_is_a_plain_url() {
    let server = |server: &str, user: &str| with("", user).replace("https://10.0.0.1:6443", server);
    let wrong = [
        "''",
        "10.0.0.1",
        "ftp://a",
        "https://hunter2-very-secret@a",
        "https://a?token=hunter2-very-secret",
        "unix:///a",
        "/a",
    ];
    for wrong in wrong {
        assert!(matches!(refused(&server(wrong, "")), Refused::Wrong { .. }), "{wrong}");
    }
    // Without credentials nothing can leak.
    assert!(read(&server("http://127.0.0.1:1", "")).is_ok());
    for scheme in ["http", "HTTP"] {
        let token = server(&format!("{scheme}://127.0.0.1:1"), "token: hunter2-very-secret");
        assert!(matches!(refused(&token), Refused::Wrong { .. }), "{scheme}");
    }
}

#[test]
fn a_proxy_is_used_where_it_is_allowed() {
    let allowed = Allowed { proxy: true, ..Allowed::default() };
    let proxied = |url: &str| with(&format!("proxy-url: '{url}'"), "");
    for url in ["http://proxy:3128", "http://proxy/", "http://hunter2:very-secret@[::1]:3128"] {
        let config = sanitize(proxied(url).as_bytes(), allowed).unwrap();
        assert_eq!(config.proxy_url, Some(url.parse().unwrap()));
    }
    let wrong = [
        "",
        "proxy:3128",
        "https://proxy:3128",
        "socks5://hunter2-very-secret@proxy:1080",
        "http://proxy/hunter2-very-secret",
        "http://proxy?hunter2-very-secret",
        "http://a@b@hunter2-very-secret",
    ];
    for url in wrong {
        let wrong = refused_with(&proxied(url), allowed);
        assert!(matches!(wrong, Refused::Wrong { field: "proxy-url", .. }), "{url}: {wrong}");
    }
    let plain = proxied("http://proxy").replace("https://10", "http://10");
    assert!(matches!(refused_with(&plain, allowed), Refused::Wrong { field: "proxy-url", .. }));
    // One permission is not the other.
    let other = refused_with(&with("", "as: other"), allowed);
    assert!(matches!(other, Refused::Forbidden { field: "as", .. }));
}

#[test]
fn another_is_impersonated_where_that_is_allowed() {
    let allowed = Allowed { impersonation: true, ..Allowed::default() };
    let fields = "as: other\nas-uid: '7'\nas-groups: [a, b]\nas-user-extra: {scope: [x]}";
    let config = sanitize(with("", fields).as_bytes(), allowed).unwrap();
    let user = serde_json::to_value(&config.auth_info).unwrap();
    let expected = serde_json::json!({"username": "x", "as": "other", "as-uid": "7",
        "as-groups": ["a", "b"], "as-user-extra": {"scope": ["x"]}});
    assert_eq!(user, expected);
    for (fields, field) in [
        ("as: ''", "as"),
        ("as-uid: '7'", "as-uid"),
        ("as-groups: [hunter2-very-secret]", "as-groups"),
        ("as-user-extra: {a: [b]}", "as-user-extra"),
        ("as: \"hunter2-very-secret\\n\"", "as, as-uid, as-groups or as-user-extra"),
    ] {
        match refused_with(&with("", fields), allowed) {
            Refused::Wrong { field: named, .. } => assert_eq!(named, field),
            other => panic!("{fields}: {other}"),
        }
    }
    let proxy = refused_with(&with("proxy-url: http://proxy", ""), allowed);
    assert!(matches!(proxy, Refused::Forbidden { field: "proxy-url", .. }));
}
