//! `k8s_external` and `autopath @kubernetes` beside the real CoreDNS, with one Corefile on one API server.

mod transfers;

use hickory_proto::rr::RecordType;

use crate::harness::{ControlPlane, Question, same_answer};
use crate::oracle::Pair;

/// What exists, and what is asked about it.
const OBJECTS: &str = include_str!("outside/objects.yaml");
const NAMES: &str = include_str!("outside/names");
/// Made last.
const MARKER: &str = "marker.outside-marker.svc.cluster.local.";
const TYPES: [RecordType; 10] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::SRV,
    RecordType::PTR,
    RecordType::CNAME,
    RecordType::NS,
    RecordType::SOA,
    RecordType::TXT,
    RecordType::ANY,
    RecordType::DS,
];

async fn apply() {
    ControlPlane::shared().await.east.apply(OBJECTS).await;
}

/// Asks both for all names by all types.
async fn compare(corefile: &str, zones: &[&str]) {
    apply().await;
    let pair = Pair::start(corefile, MARKER).await;
    let names = NAMES.lines().map(str::trim);
    let names = names.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let absolute = |line: &str| match line.strip_suffix('.') {
        Some(_) => vec![line.to_owned()],
        None if line == "@" => zones.iter().map(|zone| (*zone).to_owned()).collect(),
        None => zones.iter().map(|zone| format!("{line}.{zone}")).collect(),
    };
    let (mut asked, mut wrong) = (0, Vec::new());
    for name in names.flat_map(absolute) {
        for (index, kind) in TYPES.into_iter().enumerate() {
            let question = Question::new(&name, kind);
            let question = match index % 3 {
                0 => question,
                1 => question.edns(1232),
                _ => question.tcp(),
            };
            let (expected, found) = pair.both(&question).await;
            let (expected, found) = (expected.expect("CoreDNS"), found.expect("fleetdns"));
            asked += 1;
            if let Err(difference) = same_answer(&expected, &found) {
                wrong.push(format!("### {name} {kind}\n{difference}"));
            }
        }
    }
    println!("{asked} questions");
    assert!(asked > 300, "only {asked} questions");
    assert!(wrong.is_empty(), "{} of {asked}\n{}", wrong.len(), wrong.join("\n"));
}

/// The options are as they are without a line; nothing falls through.
#[tokio::test]
async fn external_names_with_defaults() {
    let corefile = ".:{PORT} {
        bind 127.0.0.1
        errors
        kubernetes cluster.local {
            kubeconfig KUBECONFIG
            ttl 30
        }
        k8s_external example.org example.net in-addr.arpa
        forward . UPSTREAM
    }";
    compare(corefile, &["example.org.", "Example.NET."]).await;
}

#[tokio::test]
async fn external_names_with_all_options() {
    let corefile = "example.org:{PORT} example.net:{PORT} cluster.local:{PORT} {
        bind 127.0.0.1
        errors
        kubernetes cluster.local {
            kubeconfig KUBECONFIG
            namespaces outside outside-empty outside-marker
            endpoint_pod_names
        }
        k8s_external example.org sub.example.org {
            apex NSdns
            ttl 300
            headless
            fallthrough sub.example.org
        }
        forward . UPSTREAM
    }";
    compare(corefile, &["example.org.", "sub.example.org."]).await;
}

#[tokio::test]
async fn external_names_that_fall_through() {
    let corefile = ".:{PORT} {
        bind 127.0.0.1
        kubernetes cluster.local {
            kubeconfig KUBECONFIG
        }
        k8s_external example.org ip6.arpa in-addr.arpa {
            ttl 0
            headless
            fallthrough
        }
        forward . UPSTREAM
    }";
    compare(corefile, &["example.org.", "example.org."]).await;
}

/// Clients are pods of two namespaces, or none.
#[tokio::test]
async fn search_paths_of_pods() {
    apply().await;
    let corefile = ".:{PORT} {
        bind 127.0.0.1
        errors
        autopath @kubernetes
        kubernetes cluster.local {
            kubeconfig KUBECONFIG
            pods verified
        }
        hosts {
            192.0.2.1 host.example
            fallthrough
        }
        forward . UPSTREAM
    }";
    let pair = Pair::start(corefile, MARKER).await;
    let own = ["outside", "outside-empty"].map(|space| format!("{space}.svc.cluster.local."));
    let names = [
        "plain",
        "ports",
        "plain.outside",
        "plain.outside.svc",
        "host.example",
        "www.upstream.example",
        "alias.upstream.example",
        "none",
        "none.refused.example",
    ];
    let mut wrong = Vec::new();
    for client in ["127.0.0.71", "127.0.0.72", "127.0.0.73"] {
        let mut all: Vec<String> = own.to_vec();
        all.extend(own.iter().flat_map(|own| names.map(|name| format!("{name}.{own}"))));
        all.extend(names.map(|name| format!("{name}.svc.cluster.local.")));
        for name in all {
            for kind in [RecordType::A, RecordType::AAAA, RecordType::SRV] {
                let from = client.parse().expect("an address");
                let question = Question::new(&name, kind).from(from);
                let (expected, found) = pair.both(&question).await;
                let (expected, found) = (expected.expect("CoreDNS"), found.expect("fleetdns"));
                if let Err(difference) = same_answer(&expected, &found) {
                    wrong.push(format!("### {name} {kind} from {client}\n{difference}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}
