//! The whole way of a request to a name that only a mesh knows: curl asks fleetdns, gets the sentinel,
//! connects to it, iptables hands the connection to Envoy, and Envoy routes by authority, by server name,
//! or by the address where each name has its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;

use crate::harness::dig::dig_inside;
use crate::harness::envoy::Sidecar;
use crate::harness::{Backend, Envoy, FLEETDNS, Namespace, envoy, parts};

/// Where Istio's sidecar takes outgoing connections.
const OUTBOUND: u16 = 15_001;

#[tokio::test]
async fn a_sentinel_leads_to_the_right_cluster_through_the_sidecar() {
    let Some(namespace) = Namespace::or_skip("the sidecar with fleetdns") else { return };
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let west = Backend::start("west", namespace.within(listen));
    let north = Backend::start("north", namespace.within(listen));
    let routes = [("httpbin.bar.remote", west.address()), ("api.foo.remote", north.address())];
    let _envoy = Envoy::start(&envoy::sidecar(OUTBOUND, &routes), Some(&namespace)).await;
    namespace.redirect_tcp("240.0.0.0/4", OUTBOUND);
    let corefile = ".:53 {
        bind 127.0.0.1
        errors
        log
        sentinel remote {
            answer 240.0.0.1
        }
    }";
    let dns = FLEETDNS.with(corefile).inside(&namespace).start().await;
    namespace.resolve_with(Ipv4Addr::LOCALHOST.into());

    let dug = dig_inside(&namespace, dns.dns_addr(), "httpbin.bar.remote").await;
    assert_eq!(dug.answer, ["httpbin.bar.remote. 30 IN A 240.0.0.1"], "{}", dug.text);
    for (name, cluster) in [("httpbin.bar.remote", "west"), ("api.foo.remote", "north")] {
        let line = format!("curl -sS -m 20 -w %{{remote_ip}}:%{{remote_port}} http://{name}:8000/");
        let reply = namespace.run(&line).await;
        let said = String::from_utf8_lossy(&reply.stdout);
        let why = String::from_utf8_lossy(&reply.stderr);
        // The backend's name and the authority that it saw, and where curl believes it went.
        assert_eq!(said, format!("{cluster} {name}\n240.0.0.1:8000"), "{why}\n{}", dns.logs());
    }
    // The sidecar knows no such authority, and nothing else is at the sentinel.
    let reply = namespace.run("curl -sS -m 20 -w %{http_code} http://other.remote:8000/").await;
    assert_eq!(String::from_utf8_lossy(&reply.stdout), "404", "{}", dns.logs());
    // A name outside of the suffix has no address at all.
    let reply = namespace.run("curl -sS -m 20 http://httpbin.bar.remotely:8000/").await;
    assert_eq!(reply.status.code(), Some(6), "curl resolved it: {}", dns.logs());
}

/// All names share the sentinel, and TLS tells which is meant.
#[tokio::test]
async fn tls_on_a_shared_sentinel_is_routed_by_server_name() {
    let Some(namespace) = Namespace::or_skip("TLS through the sidecar") else { return };
    let tls: [(&str, SocketAddr); 2] = [
        ("api.pay.remote", ([127, 0, 0, 1], 15_443).into()),
        ("web.shop.remote", ([127, 0, 0, 1], 15_444).into()),
    ];
    let sidecar = Sidecar { port: OUTBOUND, tls: &tls, ..Sidecar::default() };
    let _envoy = Envoy::start(&sidecar.config(), Some(&namespace)).await;
    namespace.redirect_tcp("240.0.0.0/4", OUTBOUND);
    let corefile = ".:53 {
        bind 127.0.0.1
        sentinel remote {
            answer 240.0.0.1
        }
    }";
    let dns = FLEETDNS.with(corefile).inside(&namespace).start().await;
    namespace.resolve_with(Ipv4Addr::LOCALHOST.into());
    for (name, _) in tls {
        let line = format!("curl -sSk -m 20 -w %{{remote_ip}}:%{{remote_port}} https://{name}/");
        let reply = namespace.run(&line).await;
        let why = String::from_utf8_lossy(&reply.stderr);
        let said = String::from_utf8_lossy(&reply.stdout);
        assert_eq!(said, format!("TLS of {name}\n240.0.0.1:443"), "{why}\n{}", dns.logs());
    }
}

/// Scenario 24: plain TCP on one port, told apart by the addresses that `fleetdns vip` prints.
#[tokio::test]
async fn s24_two_tcp_services_on_one_port_are_told_apart_by_their_addresses() {
    let Some(namespace) = Namespace::or_skip("TCP through the sidecar") else { return };
    let vip = |name: &str, pool: &str| -> IpAddr {
        let mut command = Command::new(parts::fleetdns());
        let output = command.args(["vip", name, "--pool", pool]).output().expect("fleetdns runs");
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("an address")
    };
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let names = ["db1.mesh", "db2.mesh"];
    let mut backends = Vec::new();
    let mut tcp = Vec::new();
    for name in names {
        let backend = Backend::start(&format!("{name} by TCP"), namespace.within(listen));
        let vip = vip(name, "240.0.0.0/8");
        tcp.push((SocketAddr::new(vip, 3306), backend.address()));
        backends.push(backend);
    }
    assert_ne!(tcp[0].0, tcp[1].0);
    let sidecar = Sidecar { port: OUTBOUND, tcp: &tcp, ..Sidecar::default() };
    let _envoy = Envoy::start(&sidecar.config(), Some(&namespace)).await;
    namespace.redirect_tcp("240.0.0.0/4", OUTBOUND);
    let corefile = ".:53 {
        bind 127.0.0.1
        sentinel mesh {
            pool 240.0.0.0/8
        }
    }";
    let dns = FLEETDNS.with(corefile).inside(&namespace).start().await;
    namespace.resolve_with(Ipv4Addr::LOCALHOST.into());
    for (name, (vip, _)) in names.into_iter().zip(&tcp) {
        // Envoy does not look into it: the backend is found by the address alone.
        let line = format!("curl -sS -m 20 -w %{{remote_ip}}:%{{remote_port}} http://{name}:3306/");
        let reply = namespace.run(&line).await;
        let why = String::from_utf8_lossy(&reply.stderr);
        let said = String::from_utf8_lossy(&reply.stdout);
        assert_eq!(said, format!("{name} by TCP {name}:3306\n{vip}"), "{why}\n{}", dns.logs());
    }
}
