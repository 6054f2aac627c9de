//! A fleet whose members come from Istio's remote Secrets, on two real API servers.

use serde_json::json;

use crate::harness::api_server::ADMIN;
use crate::harness::objects::{
    endpoints, external_name, headless, namespace, remote_secret, service, service_of,
};
use crate::harness::{ControlPlane, DnsServer, FLEETDNS, LONG, eventually};

/// East's server, with members from the Secrets of this namespace.
async fn east(secrets: &str) -> DnsServer {
    let east = &ControlPlane::shared().await.east;
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            errors
            ready 127.0.0.1:{{READY_PORT}}
            kubernetes cluster.local in-addr.arpa ip6.arpa {{
                kubeconfig {} east
                ttl 30
            }}
            fleet {{
                local east
                members secrets {secrets}
            }}
        }}",
        east.kubeconfig().display()
    );
    FLEETDNS.start(&corefile).await
}

/// The Secret by which west joins.
fn west_joins(secrets: &str, kubeconfig: &str) -> String {
    remote_secret(secrets, "istio-remote-secret-west", &[("west", kubeconfig)])
}

fn reverse(ip: &str) -> String {
    let address: std::net::IpAddr = ip.parse().expect("an address");
    hickory_proto::rr::Name::from(address).to_string()
}

#[tokio::test]
async fn a_secret_adds_a_cluster_and_its_end_takes_it_away() {
    let ControlPlane { east: e, west: w } = ControlPlane::shared().await;
    let secrets = "members-secrets";
    let both = namespace("members-both") + &service("members-both", "web");
    e.apply(&(namespace(secrets) + &both + &service("members-both", "own"))).await;
    w.apply(&(both + &service("members-both", "far"))).await;
    let ip = async |cluster: &crate::harness::ApiServer, name| {
        format!("NOERROR {}", cluster.cluster_ips("members-both", name).await[0])
    };
    let (here, own, far) = (ip(e, "web").await, ip(e, "own").await, ip(w, "far").await);
    let server = east(secrets).await;
    let [web, own_name, far_name] =
        ["web", "own", "far"].map(|name| format!("{name}.members-both.svc.cluster.local A"));
    let missing = "NXDOMAIN cluster.local. 30";
    server.comes_to_say(&own_name, &own).await;
    server.must_say(&[(&web, &here), (&far_name, missing)]).await;

    let secret = west_joins(secrets, &w.kubeconfig_yaml());
    e.apply(&secret).await;
    server.comes_to_say(&far_name, &far).await;
    server.must_say(&[(&web, &here), (&own_name, &own)]).await;

    // The local cluster's Service hides the member's while it is there.
    let mine = service("members-both", "web");
    e.delete(&mine).await;
    server.comes_to_say(&web, &ip(w, "web").await).await;
    e.apply(&mine).await;
    server.comes_to_say(&web, &ip(e, "web").await).await;

    e.delete(&secret).await;
    server.comes_to_say(&far_name, missing).await;
    server.must_say(&[(&web, &ip(e, "web").await), (&own_name, &own)]).await;
    server.comes_to_log("left the fleet").await;
    assert!(!server.logs().contains(ADMIN), "{}", server.logs());
}

#[tokio::test]
async fn every_kind_of_a_members_service_is_answered_where_the_namespace_is_missing() {
    let ControlPlane { east: e, west: w } = ControlPlane::shared().await;
    let secrets = "members-kinds-secrets";
    e.apply(&(namespace(secrets) + &west_joins(secrets, &w.kubeconfig_yaml()))).await;
    let server = east(secrets).await;

    // All of it is made while the server runs.
    let space = "members-kinds";
    let dual = json!({
        "ipFamilyPolicy": "RequireDualStack",
        "ports": [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}],
    });
    let slice = endpoints(space, "db", &[("db-0", "10.245.1.5"), ("", "10.245.1.6")]);
    w.apply(
        &(namespace(space)
            + &service_of(space, "web", &dual)
            + &headless(space, "db")
            + &slice
            + &external_name(space, "alias", "web.members-kinds.svc.cluster.local")
            + &external_name(space, "outside", "api.example.com")),
    )
    .await;
    let ips = w.cluster_ips(space, "web").await;
    let (v4, v6) = (ips[0].as_str(), ips[1].as_str());
    let name = |rest: &str| rest.replace('@', "members-kinds.svc.cluster.local.");
    let at = name("web.@");
    let web = format!("NOERROR {v4}");
    server.comes_to_say(&name("web.@ A"), &web).await;
    server.comes_to_say(&name("db.@ A"), "NOERROR 10.245.1.5, 10.245.1.6").await;

    let glue = format!("{at} {v4}, {at} {v6}");
    let database = name("db-0.db.@");
    let dashed = name("10-245-1-6.db.@");
    let both = format!("+ {dashed} 10.245.1.6, {database} 10.245.1.5");
    for (question, expected) in [
        ("web.@ AAAA", format!("NOERROR {v6}")),
        ("_http._tcp.web.@ SRV", format!("NOERROR 0 50 80 {at} + {glue}")),
        ("_dns._udp.web.@ SRV", format!("NOERROR 0 50 53 {at} + {glue}")),
        ("web.@ SRV", format!("NOERROR 0 25 53 {at}, 0 25 80 {at} + {glue}")),
        ("_http._udp.web.@ SRV", "NXDOMAIN cluster.local. 30".into()),
        ("web.@ TXT", "NODATA cluster.local. 30".into()),
        ("@ A", "NODATA cluster.local. 30".into()),
        ("db.@ AAAA", "NODATA cluster.local. 30".into()),
        ("db-0.db.@ A", "NOERROR 10.245.1.5".into()),
        ("10-245-1-6.db.@ A", "NOERROR 10.245.1.6".into()),
        ("10-245-1-5.db.@ A", "NXDOMAIN cluster.local. 30".into()),
        ("_http._tcp.db.@ SRV", format!("NOERROR 0 50 80 {dashed}, 0 50 80 {database} {both}")),
        ("alias.@ A", format!("NOERROR {v4}, {at}")),
        ("alias.@ CNAME", format!("NOERROR {at}")),
        ("outside.@ CNAME", "NOERROR api.example.com.".into()),
    ] {
        assert_eq!(server.says(&name(question)).await, expected, "to {question}");
    }
    server
        .must_say(&[
            (&format!("{} PTR", reverse(v4)), &format!("NOERROR {at}")),
            (&format!("{} PTR", reverse(v6)), &format!("NOERROR {at}")),
            (&format!("{} PTR", reverse("10.245.1.5")), &format!("NOERROR {database}")),
            (&format!("{} PTR", reverse("10.245.1.6")), &format!("NOERROR {dashed}")),
        ])
        .await;

    w.apply(&endpoints(space, "db", &[("db-0", "10.245.1.7")])).await;
    server.comes_to_say(&name("db.@ A"), "NOERROR 10.245.1.7").await;
    server
        .must_say(&[
            (&name("db-0.db.@ A"), "NOERROR 10.245.1.7"),
            (&name("10-245-1-6.db.@ A"), "NXDOMAIN cluster.local. 30"),
            (&format!("{} PTR", reverse("10.245.1.5")), "NXDOMAIN in-addr.arpa. 30"),
            (&format!("{} PTR", reverse("10.245.1.7")), &format!("NOERROR {database}")),
        ])
        .await;
    w.delete(&endpoints(space, "db", &[])).await;
    server.comes_to_say(&name("db.@ A"), "NXDOMAIN cluster.local. 30").await;
    w.delete(&service(space, "web")).await;
    server.comes_to_say(&name("web.@ A"), "NXDOMAIN cluster.local. 30").await;
    server.must_say(&[(&format!("{} PTR", reverse(v4)), "NXDOMAIN in-addr.arpa. 30")]).await;
}

#[tokio::test]
async fn no_name_goes_away_while_a_secret_is_rotated() {
    let ControlPlane { east: e, west: w } = ControlPlane::shared().await;
    let (secrets, space) = ("members-rotation-secrets", "members-rotation");
    let objects = namespace(space)
        + &service(space, "web")
        + &headless(space, "db")
        + &endpoints(space, "db", &[("db-0", "10.245.2.5")]);
    w.apply(&objects).await;
    e.apply(&(namespace(secrets) + &west_joins(secrets, &w.kubeconfig_yaml()))).await;
    let server = east(secrets).await;
    let web = format!("NOERROR {}", w.cluster_ips(space, "web").await[0]);
    let names = [
        (format!("web.{space}.svc.cluster.local A"), web.as_str()),
        (format!("db.{space}.svc.cluster.local A"), "NOERROR 10.245.2.5"),
        (format!("db-0.db.{space}.svc.cluster.local A"), "NOERROR 10.245.2.5"),
    ];
    for (question, expected) in &names {
        server.comes_to_say(question, expected).await;
    }

    let rotate = async {
        for turn in 1..=5 {
            let rotated = format!("{}# turn {turn}\n", w.kubeconfig_yaml());
            e.apply(&west_joins(secrets, &rotated)).await;
            eventually("the rotated member", LONG, async || {
                server.logs().matches("the member runs anew").count() == turn
            })
            .await;
        }
        // What cannot be used, or leads nowhere, does not end what runs.
        e.apply(&west_joins(secrets, "no: [kubeconfig")).await;
        server.comes_to_log("the kubeconfig is refused").await;
        let elsewhere = w.kubeconfig_yaml().replace(&w.port().to_string(), "1");
        e.apply(&west_joins(secrets, &elsewhere)).await;
        server.comes_to_log("the watch fails").await;
    };
    server.keeps_saying(&names, rotate).await;
}

#[tokio::test]
async fn a_bad_secret_disturbs_nobody_and_is_logged_without_its_token() {
    const TOKEN: &str = "hush-hush-token";
    let ControlPlane { east: e, west: w } = ControlPlane::shared().await;
    let (secrets, space) = ("members-bad-secrets", "members-bad");
    e.apply(&(namespace(secrets) + &namespace(space) + &service(space, "here"))).await;
    w.apply(&(namespace(space) + &service(space, "there"))).await;
    let bad = w.kubeconfig_yaml_of(TOKEN);
    let program = bad.replace(
        &format!("token: {TOKEN}"),
        &format!("token: {TOKEN}, exec: {{ command: /bin/{TOKEN}, apiVersion: v1 }}"),
    );
    let files = bad.replace("certificate-authority-data: ", "certificate-authority: /");
    let cut = &bad[..bad.find(TOKEN).expect("the token") + TOKEN.len()];
    e.apply(
        &(remote_secret(
            secrets,
            "bad",
            &[("program", &program), ("files", &files), ("cut", cut), ("empty", "")],
        ) + &remote_secret(secrets, "wrong", &[("wrong", &bad)])
            + &remote_secret(secrets, "own", &[("east", &w.kubeconfig_yaml())])
            + &west_joins(secrets, &w.kubeconfig_yaml())),
    )
    .await;
    let server = east(secrets).await;
    let answer = async |cluster: &crate::harness::ApiServer, name: &str| {
        let question = format!("{name}.{space}.svc.cluster.local A");
        let expected = format!("NOERROR {}", cluster.cluster_ips(space, name).await[0]);
        server.comes_to_say(&question, &expected).await;
    };
    answer(e, "here").await;
    answer(w, "there").await;
    for key in ["program", "files", "cut", "empty"] {
        server.comes_to_log(&format!("Secret {secrets}/bad, key {key}: the kubeconfig is")).await;
    }
    server.comes_to_log("cluster=wrong").await;
    let own = format!("Secret {secrets}/own, key east: east is the local cluster's own ID");
    server.comes_to_log(&own).await;
    let logs = server.logs();
    assert!(!logs.contains(TOKEN) && !logs.contains(ADMIN), "{logs}");
}
