//! What a member's kubeconfig may do, and what is said of one that may not.

use serde_json::{Value, json};

use crate::harness::account::accounts;
use crate::harness::objects::{grant, namespace, remote_secret, role, service};
use crate::harness::{ApiServer, ControlPlane, DnsServer, FLEETDNS, Tunnel};

/// East's server, with members from the Secrets of this namespace, and more lines of its `fleet`.
async fn east(secrets: &str, lines: &str) -> DnsServer {
    let east = &ControlPlane::shared().await.east;
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            kubernetes cluster.local {{
                kubeconfig {}
                ttl 30
            }}
            fleet {{
                local east
                members secrets {secrets}
                {lines}
            }}
        }}",
        east.kubeconfig().display()
    );
    // Not for this program: nobody listens there.
    FLEETDNS.with(&corefile).env("HTTPS_PROXY", "http://127.0.0.1:1").start().await
}

/// Gives a cluster a Service and tells how it is answered.
async fn answer(cluster: &ApiServer, space: &str, name: &str) -> String {
    cluster.apply(&(namespace(space) + &service(space, name))).await;
    format!("NOERROR {}", cluster.cluster_ips(space, name).await[0])
}

#[tokio::test]
async fn what_is_wrong_is_said_by_secret_key_and_field() {
    let ControlPlane { east: e, west: w } = ControlPlane::shared().await;
    let (secrets, space) = ("kubeconfigs-wrong-secrets", "kubeconfigs-wrong");
    let (here, there) = (answer(e, space, "here").await, answer(w, space, "there").await);
    let good = w.kubeconfig_yaml();
    let user = |fields: &str| good.replace("user: { token:", &format!("user: {{ {fields}, token:"));
    let cluster = |fields: &str| good.replace("    server:", &format!("    {fields}\n    server:"));
    let inline = "put the data itself into the kubeconfig";
    let allow = "or let fleet say `kubeconfig_allow impersonate`";
    let cases: Vec<(&str, String, String)> = vec![
        ("exec", user("exec: { command: /bin/sh, apiVersion: v1 }"), "exec is not allowed in the kubeconfig of a member: use a token or a client certificate".into()),
        ("provider", user("auth-provider: { name: gcp }"), "auth-provider is not allowed".into()),
        ("token-file", user("tokenFile: /etc/passwd"), format!("tokenFile is not allowed in the kubeconfig of a member: {inline}")),
        ("cert-file", user("client-certificate: /a"), format!("client-certificate is not allowed in the kubeconfig of a member: {inline}")),
        ("key-file", user("client-key: /a"), format!("client-key is not allowed in the kubeconfig of a member: {inline}")),
        ("as", user("as: admin"), format!("as is not allowed in the kubeconfig of a member: use credentials of the identity itself, {allow}")),
        ("as-uid", user("as-uid: '1'"), "as-uid is not allowed".into()),
        ("as-groups", user("as-groups: ['system:masters']"), "as-groups is not allowed".into()),
        ("as-extra", user("as-user-extra: { a: [b] }"), "as-user-extra is not allowed".into()),
        ("ca-file", cluster("certificate-authority: /etc/passwd"), "certificate-authority is not allowed in the kubeconfig of a member: put the certificate into certificate-authority-data".into()),
        ("proxy", cluster("proxy-url: http://127.0.0.1:1"), "proxy-url is not allowed in the kubeconfig of a member: the API server is asked directly, unless fleet says `kubeconfig_allow proxy-url`".into()),
        ("insecure", cluster("insecure-skip-tls-verify: true"), "insecure-skip-tls-verify is not allowed".into()),
        ("empty", String::new(), "it is empty".into()),
        ("no-yaml", "a: [b".into(), "it is no YAML of a kubeconfig (line ".into()),
        ("no-context", good.replace("current-context: west", "current-context: east"), "it has no context of the name that current-context gives".into()),
        ("no-user", good.replace("user: west }", "user: nobody }"), "it has no user of the name that its context gives".into()),
        ("no-cluster", good.replace("cluster: west,", "cluster: none,"), "it has no cluster of the name that its context gives".into()),
        ("plain", good.replace("https:", "http:"), "clusters[].cluster.server is wrong: credentials are sent to https:// only".into()),
        ("no-url", good.replace("https://127.0.0.1", "nowhere/"), "clusters[].cluster.server is wrong: it must be https://HOST[:PORT], without a user or a query".into()),
        ("bad-ca", good.replace("authority-data: ", "authority-data: AAAA"), "certificate-authority-data is wrong: it must be base64 of PEM certificates".into()),
        ("bad-cert", user("client-certificate-data: AAAA, client-key-data: AAAA"), "client-certificate-data and client-key-data is wrong: both must be base64 of PEM and belong together".into()),
    ];
    let data: Vec<(&str, &str)> =
        cases.iter().map(|(key, kubeconfig, _)| (*key, kubeconfig.as_str())).collect();
    // The first to claim an ID keeps it, and the local cluster's ID is nobody else's.
    let taken = [("west", good.as_str()), ("east", good.as_str())];
    e.apply(
        &(namespace(secrets)
            + &remote_secret(secrets, "bad", &data)
            + &remote_secret(secrets, "good", &[("west", &good)])
            + &remote_secret(secrets, "taken", &taken)),
    )
    .await;
    let server = east(secrets, "").await;
    for (name, expected) in [("here", &here), ("there", &there)] {
        server.comes_to_say(&format!("{name}.{space}.svc.cluster.local A"), expected).await;
    }
    for (key, _, why) in &cases {
        let said = format!("Secret {secrets}/bad, key {key}: the kubeconfig is refused: {why}");
        server.comes_to_log(&said).await;
    }
    for said in [
        "key west: west is a member already, by Secret kubeconfigs-wrong-secrets/good, key west; the first one keeps the ID",
        "key east: east is the local cluster's own ID and is not used",
    ] {
        server.comes_to_log(&format!("Secret {secrets}/taken, {said}")).await;
    }
    // Once each, whatever else changes.
    e.apply(&remote_secret(secrets, "more", &[("more", "")])).await;
    server.comes_to_log("key more: the kubeconfig is refused").await;
    let logs = server.logs();
    for (key, ..) in &cases {
        assert_eq!(logs.matches(&format!("key {key}: ")).count(), 1, "{key}: {logs}");
    }
    assert!(!logs.contains("panicked"), "{logs}");
}

#[tokio::test]
async fn a_proxy_that_is_allowed_is_gone_through() {
    let ControlPlane { east: e, west: w } = ControlPlane::shared().await;
    let (secrets, space) = ("kubeconfigs-proxy-secrets", "kubeconfigs-proxy");
    let there = answer(w, space, "there").await;
    let tunnel = Tunnel::start().await;
    let field = format!("    proxy-url: http://me:hush%40hush@{}\n    server:", tunnel.address());
    let kubeconfig = w.kubeconfig_yaml().replace("    server:", &field);
    let secret = remote_secret(secrets, "west", &[("west", &kubeconfig)]);
    e.apply(&(namespace(secrets) + &secret)).await;
    let server = east(secrets, "kubeconfig_allow proxy-url").await;
    let name = format!("there.{space}.svc.cluster.local A");
    server.comes_to_say(&name, &there).await;
    let heads = tunnel.heads();
    let to = format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n", w.port());
    // `me:hush@hush`
    let is_it = |head: &String| {
        head.starts_with(&to)
            && head.contains("\r\nProxy-Authorization: Basic bWU6aHVzaEBodXNo\r\n")
    };
    assert!(!heads.is_empty() && heads.iter().all(is_it), "{heads:?}");
    assert!(!server.logs().contains("hush"), "{}", server.logs());

    // Without the line it is refused, and so is another field.
    let (none, other) =
        tokio::join!(east(secrets, ""), east(secrets, "kubeconfig_allow impersonate"));
    for server in [&none, &other] {
        server.comes_to_log("proxy-url is not allowed in the kubeconfig of a member").await;
        server.comes_to_say(&name, "NXDOMAIN cluster.local. 30").await;
    }
}

/// What the one may who may impersonate another: nothing else.
fn may_impersonate(user: &str, groups: &[&str]) -> Value {
    json!([
        {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": [user]},
        {"apiGroups": [""], "resources": ["groups"], "verbs": ["impersonate"], "resourceNames": groups},
    ])
}

#[tokio::test]
async fn another_that_is_allowed_is_impersonated() {
    let ControlPlane { east: e, west: w } = ControlPlane::shared().await;
    let (secrets, space) = ("kubeconfigs-as-secrets", "kubeconfigs-as");
    let there = answer(w, space, "there").await;
    let token = w.token(space, "relay").await;
    let group = |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name});
    // Only both groups together may read enough.
    let (one, two) = ("kubeconfigs-as-one", "kubeconfigs-as-two");
    w.apply(
        &(role(space, &accounts(space), &may_impersonate("somebody", &[one, two]))
            + &grant(one, &group(one), &["/services"])
            + &grant(two, &group(two), &["/namespaces", "discovery.k8s.io/endpointslices"])),
    )
    .await;
    let plain = w.kubeconfig_yaml_of(&token);
    let own = format!("token: {token}");
    let other = format!("token: {token}, as: somebody, as-groups: [{one}, {two}]");
    let secret = remote_secret(
        secrets,
        "members",
        &[("as-another", &plain.replace(&own, &other)), ("as-itself", &plain)],
    );
    e.apply(&(namespace(secrets) + &secret)).await;
    let server = east(secrets, "kubeconfig_allow impersonate").await;
    let name = format!("there.{space}.svc.cluster.local A");
    server.comes_to_say(&name, &there).await;
    let refused = "cluster=as-itself kind=Services error=";
    server.comes_to_log(refused).await;
    assert!(
        !server.logs().contains("cluster=as-another kind=Services error="),
        "{}",
        server.logs()
    );

    // Whom it may not impersonate, it does not: the API server decides.
    let root =
        plain.replace(&own, &format!("token: {token}, as: admin, as-groups: ['system:masters']"));
    e.apply(&remote_secret(secrets, "members", &[("as-root", &root)])).await;
    server.comes_to_log("cluster=as-root kind=Services error=").await;
    server.comes_to_log("HTTP 403 Forbidden").await;
    server.comes_to_say(&name, "NXDOMAIN cluster.local. 5").await;
}
