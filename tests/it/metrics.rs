//! The page `/metrics` beside CoreDNS's: the same families, of the same type and with the same labels and
//! bounds, so that alerts and dashboards that were made for CoreDNS work. `metrics/Corefile` is what both run;
//! a plugin that counts belongs in there, and its questions in [`QUESTIONS`].

mod page;

use std::sync::atomic::{AtomicU8, Ordering};

use hickory_proto::rr::RecordType::{self, A, AAAA, AXFR, MX, PTR, SRV, TXT};

use crate::harness::{
    COREDNS, ControlPlane, DnsServer, FLEETDNS, LONG, Program, Question, eventually, get,
};
use page::{Family, Page};

const COREFILE: &str = include_str!("metrics/Corefile");

/// Each is asked over UDP and TCP, with DO and without.
const QUESTIONS: [(&str, RecordType); 11] = [
    ("web.metrics.svc.cluster.local.", A),
    ("web.metrics.svc.cluster.local.", AAAA),
    ("_http._tcp.web.metrics.svc.cluster.local.", SRV),
    ("none.metrics.svc.cluster.local.", A),
    ("cluster.local.", AXFR),
    ("1.0.43.10.in-addr.arpa.", PTR),
    ("www.example.org.", MX),
    ("elsewhere.test.", TXT),
    ("www.localhost.", A),
    ("www.elsewhere.test.", A),
    ("www.elsewhere.test.", A),
];

/// Where the rest is asked.
const UPSTREAM: &str = ".:{PORT} {
    bind 127.0.0.1
    hosts {
        192.0.2.2 www.elsewhere.test
    }
}";

/// What there is before the servers start.
const OBJECTS: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: metrics}}
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: metrics }
spec: { clusterIP: None, ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: web-1
  namespace: metrics
  labels: { kubernetes.io/service-name: web }
  annotations: { endpoints.kubernetes.io/last-change-trigger-time: 2026-01-01T00:00:00Z }
addressType: IPv4
endpoints: [{ addresses: [10.43.0.1] }]
ports: [{ name: http, port: 80 }]
";

/// What comes when both know the Service: CoreDNS measures no slice that it knows before.
const LATE: &str = "apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: web-NUMBER
  namespace: metrics
  labels: { kubernetes.io/service-name: web }
  annotations: { endpoints.kubernetes.io/last-change-trigger-time: 2026-01-01T00:00:00Z }
addressType: IPv4
endpoints: [{ addresses: [10.43.1.NUMBER] }]
ports: [{ name: http, port: 80 }]
";

/// Families of lists, which CoreDNS has where its API server cannot send a list by a watch.
const OF_LISTS: [&str; 2] = [
    "coredns_kubernetes_rest_client_rate_limiter_duration_seconds",
    "coredns_kubernetes_rest_client_request_duration_seconds",
];

/// Families of CoreDNS that fleetdns has not, and what is instead.
const ABSENT: [&str; 3] = [
    // Of Go's runtime: `go_goroutines` and `go_threads` alone have a counterpart.
    "go_",
    // Of plugins that are not built in.
    "coredns_dnssec_",
    "coredns_nomad_",
];

/// What the alerts and dashboards name that the public CoreDNS mixin has, each with its labels.
const NAMED: [(&str, &[&str]); 25] = [
    ("coredns_build_info", &[]),
    ("coredns_panics_total", &[]),
    ("coredns_plugin_enabled", &["name"]),
    ("coredns_dns_requests_total", &["zone", "type", "server", "proto", "family"]),
    ("coredns_dns_responses_total", &["rcode", "plugin", "server", "zone", "view"]),
    ("coredns_dns_request_duration_seconds_bucket", &["server", "zone", "le"]),
    ("coredns_dns_request_size_bytes_bucket", &["server", "zone", "proto", "le"]),
    ("coredns_dns_response_size_bytes_bucket", &["server", "zone", "proto", "le"]),
    ("coredns_dns_do_requests_total", &["server", "zone"]),
    ("coredns_kubernetes_dns_programming_duration_seconds_bucket", &["service_kind", "le"]),
    ("coredns_health_request_duration_seconds_bucket", &["le"]),
    ("coredns_health_request_failures_total", &[]),
    ("coredns_reload_failed_total", &[]),
    ("coredns_forward_requests_total", &["to"]),
    ("coredns_forward_responses_total", &["to", "rcode"]),
    ("coredns_forward_request_duration_seconds_bucket", &["to", "le"]),
    ("coredns_forward_healthcheck_failures_total", &["to"]),
    ("coredns_forward_healthcheck_broken_total", &[]),
    ("coredns_proxy_request_duration_seconds_bucket", &["proxy_name", "to", "rcode", "le"]),
    ("coredns_cache_hits_total", &["type"]),
    ("coredns_cache_misses_total", &[]),
    ("coredns_cache_entries", &["type"]),
    ("process_resident_memory_bytes", &[]),
    ("process_cpu_seconds_total", &[]),
    ("go_goroutines", &[]),
];

/// Both pages, after the same questions.
async fn pages() -> (Page, Page) {
    let east = &ControlPlane::shared().await.east;
    east.apply(OBJECTS).await;
    let kubeconfig = format!("{} east", east.kubeconfig().display());
    let upstream = COREDNS.start(UPSTREAM).await;
    let corefile = COREFILE
        .replace("KUBECONFIG", &kubeconfig)
        .replace("UPSTREAM", &upstream.dns_addr().to_string());
    let (coredns, fleetdns) = tokio::join!(asked(COREDNS, &corefile), asked(FLEETDNS, &corefile));
    // Each of the tests has its own.
    static NUMBER: AtomicU8 = AtomicU8::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed).to_string();
    east.apply(&LATE.replace("NUMBER", &number)).await;
    (page(&coredns).await, page(&fleetdns).await)
}

async fn asked(program: Program, corefile: &str) -> DnsServer {
    let server = program.start(corefile).await;
    let at = server.dns_addr();
    eventually("the slice", LONG, async || {
        let reply = Question::new(QUESTIONS[0].0, A).ask(at).await?;
        if reply.answers.is_empty() { Err("no answer".to_owned()) } else { Ok(()) }
    })
    .await;
    for (name, kind) in QUESTIONS {
        let question = Question::new(name, kind);
        for question in [question.clone(), question.clone().tcp(), question.dnssec_ok()] {
            question.ask(at).await.unwrap_or_else(|e| panic!("{name} {kind}: {e}"));
        }
    }
    server
}

/// The page, once the process has asked itself how it is, and knows the late slice.
async fn page(server: &DnsServer) -> Page {
    eventually("the self-probe", LONG, async || {
        let (_, text) = get(server.addr("METRICS_PORT"), "/metrics").await?;
        let page = Page::read(&text);
        let probed = page.value("coredns_health_request_duration_seconds_count") > 0.0;
        let told = page.value("coredns_kubernetes_dns_programming_duration_seconds_count") > 0.0;
        if probed && told { Ok(page) } else { Err(std::io::Error::other("not yet")) }
    })
    .await
}

#[tokio::test]
async fn families_are_those_of_coredns() {
    let (coredns, fleetdns) = pages().await;
    let mut wrong = Vec::new();
    for (name, expected) in coredns.families() {
        if ABSENT.iter().any(|aside| name.starts_with(aside)) {
            continue;
        }
        match fleetdns.family(name) {
            None => wrong.push(format!("{name} is missing: {expected:?}")),
            Some(found) if found != expected => {
                wrong.push(format!("{name}\n  CoreDNS  {expected:?}\n  fleetdns {found:?}"));
            }
            Some(_) => {}
        }
    }
    let own = ["coredns_", "process_"];
    for (name, found) in fleetdns.families() {
        let is_own = name.starts_with("coredns_fleet_") || name.starts_with("coredns_sentinel_");
        let is_common = own.iter().any(|prefix| name.starts_with(prefix)) && !is_own;
        if is_common && coredns.family(name).is_none() && !OF_LISTS.contains(&name) {
            wrong.push(format!("{name} is not in CoreDNS: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
    assert!(coredns.families().count() > 30);
    assert!(fleetdns.value("process_resident_memory_bytes") > 1e6);
    assert!(fleetdns.value("process_start_time_seconds") > 1.6e9);
    assert!(fleetdns.value("go_goroutines") >= 1.0);
}

#[tokio::test]
async fn what_alerts_and_dashboards_name_is_there() {
    let (coredns, fleetdns) = pages().await;
    for (name, labels) in NAMED {
        // Some are names of older versions of CoreDNS.
        let Some(series) = coredns.series(name) else { continue };
        let found = fleetdns.series(name).unwrap_or_else(|| panic!("{name} is missing"));
        for label in labels {
            assert!(series.contains(*label), "{name} of CoreDNS has no label {label}");
            assert!(found.contains(*label), "{name} has no label {label}: {found:?}");
        }
    }
}

#[tokio::test]
async fn each_type_and_bound_is_said() {
    let text = "# HELP a_total x\n# TYPE a_total counter\na_total{b=\"c\",d=\"e,\\\"f=\\\"\"} 1\n\
                # TYPE h histogram\nh_bucket{le=\"0.5\"} 0\nh_bucket{le=\"+Inf\"} 1\nh_sum 2\nh_count 1\n";
    let page = Page::read(text);
    let counter = Family {
        kind: "counter".into(),
        labels: ["b", "d"].map(str::to_owned).into(),
        bounds: Default::default(),
    };
    assert_eq!(page.family("a_total"), Some(&counter));
    let bounds = page.family("h").map(|family| family.bounds.clone());
    assert_eq!(bounds, Some(["+Inf", "0.5"].map(str::to_owned).into()));
    assert_eq!((page.value("h_count"), page.value("a_total")), (1.0, 1.0));
}
