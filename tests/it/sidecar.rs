//! The whole way of a request to a name that only a mesh knows: curl asks fleetdns, gets the sentinel,
//! connects to it, iptables hands the connection to Envoy, and Envoy routes by authority.

use std::net::{Ipv4Addr, TcpListener};

use crate::harness::dig::dig_inside;
use crate::harness::{Backend, Envoy, FLEETDNS, Namespace, envoy};

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
