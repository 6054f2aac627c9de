//! CoreDNS and fleetdns beside each other: one API server, one Corefile, one upstream.

use std::net::SocketAddr;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;

use crate::harness::client::exchange_udp;
use crate::harness::compare::rdata;
use crate::harness::{
    ApiServer, COREDNS, ControlPlane, DnsServer, FLEETDNS, LONG, Program, Question, eventually,
};

use super::questions::Asked;

/// What is outside of the clusters. Every other name is NXDOMAIN.
const UPSTREAM: &str = r#"
upstream.example:{PORT} {
    bind 127.0.0.1
    template IN A www.upstream.example {
        answer "{{ .Name }} 60 IN A 192.0.2.10"
    }
    template IN AAAA www.upstream.example {
        answer "{{ .Name }} 60 IN AAAA 2001:db8::10"
    }
    template IN ANY alias.upstream.example {
        answer "{{ .Name }} 60 IN CNAME www.upstream.example."
    }
    template IN ANY back.upstream.example {
        answer "{{ .Name }} 60 IN CNAME dual.oracle.svc.cluster.local."
    }
    template IN ANY upstream.example {
        authority "upstream.example. 60 IN SOA ns.upstream.example. host.upstream.example. 1 2 3 4 5"
    }
}
refused.example:{PORT} {
    bind 127.0.0.1
    template ANY ANY {
        rcode REFUSED
    }
}
9.9.44.10.in-addr.arpa:{PORT} {
    bind 127.0.0.1
    template IN PTR {
        answer "{{ .Name }} 60 IN PTR printer.upstream.example."
    }
    template IN ANY {
        authority "{{ .Zone }} 60 IN SOA ns.upstream.example. host.upstream.example. 1 2 3 4 5"
    }
}
.:{PORT} {
    bind 127.0.0.1
    template ANY ANY {
        rcode NXDOMAIN
        authority ". 60 IN SOA ns.upstream.example. host.upstream.example. 1 2 3 4 5"
    }
}
"#;

/// What is outside, running.
pub async fn upstream() -> DnsServer {
    COREDNS.start(UPSTREAM).await
}

/// Both servers.
#[derive(Debug)]
pub struct Pair {
    coredns: DnsServer,
    fleetdns: DnsServer,
    /// What they forward to, if to anything.
    _upstream: Option<DnsServer>,
}

impl Pair {
    /// Starts both with one Corefile, in which `KUBECONFIG` stands for east's and `UPSTREAM` for the
    /// outside, and waits until both answer `marker`, the last Service that was made.
    pub async fn start(corefile: &str, marker: &str) -> Self {
        Self::start_on(&ControlPlane::shared().await.east, corefile, marker).await
    }

    /// The same with another API server.
    pub async fn start_on(api: &ApiServer, corefile: &str, marker: &str) -> Self {
        let upstream = upstream().await;
        let kubeconfig = format!("{} {}", api.kubeconfig().display(), api.name());
        let corefile = corefile
            .replace("KUBECONFIG", &kubeconfig)
            .replace("UPSTREAM", &upstream.dns_addr().to_string());
        let start = async |program: Program| {
            let server = program.start(&corefile).await;
            eventually(&format!("{marker} in {}", program.name), LONG, async || {
                !rdata(&server.ask(marker, RecordType::A).await).is_empty()
            })
            .await;
            server
        };
        let (coredns, fleetdns) = tokio::join!(start(COREDNS), start(FLEETDNS));
        Self { coredns, fleetdns, _upstream: Some(upstream) }
    }

    /// Two that run already, each with a Corefile of its own.
    pub fn of(coredns: DnsServer, fleetdns: DnsServer) -> Self {
        Self { coredns, fleetdns, _upstream: None }
    }

    /// fleetdns itself.
    pub fn ours(&self) -> &DnsServer {
        &self.fleetdns
    }

    /// CoreDNS itself.
    pub fn theirs(&self) -> &DnsServer {
        &self.coredns
    }

    /// What CoreDNS says.
    pub async fn coredns(&self, asked: &Asked) -> Message {
        ask(&self.coredns, asked).await
    }

    /// What fleetdns says.
    pub async fn fleetdns(&self, asked: &Asked) -> Message {
        ask(&self.fleetdns, asked).await
    }

    /// What fleetdns says where CoreDNS says nothing.
    pub async fn fleetdns_alone(&self, question: &Question) -> Result<Message, String> {
        question.ask(self.fleetdns.dns_addr()).await
    }

    /// Where they answer: CoreDNS first.
    pub fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.coredns.dns_addr(), self.fleetdns.dns_addr())
    }

    /// The packets that both say to a packet: CoreDNS first.
    pub async fn exchange(&self, packet: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let ask = async |server: &DnsServer| {
            exchange_udp(server.dns_addr(), packet, None).await.expect("a reply")
        };
        tokio::join!(ask(&self.coredns), ask(&self.fleetdns))
    }

    /// What both say to a question, or why there is no reply: CoreDNS first.
    pub async fn both(
        &self,
        question: &Question,
    ) -> (Result<Message, String>, Result<Message, String>) {
        tokio::join!(question.ask(self.coredns.dns_addr()), question.ask(self.fleetdns.dns_addr()))
    }
}

async fn ask(server: &DnsServer, asked: &Asked) -> Message {
    let reply = asked.question().ask(server.dns_addr()).await;
    reply.unwrap_or_else(|e| panic!("{asked}: {e}"))
}
