//! Answers explained: what is said beside them, rule by rule.

use super::*;
use crate::zone::explain::{Step, Steps};

/// The steps behind that of the zone, each as `rule [cluster]: says`.
fn explained(zone: &Kubernetes, registry: &Registry, known: Known, name: &str) -> Vec<String> {
    let name = WireName::parse(&name.replace('~', ".svc.cluster.local")).unwrap();
    let left = zone.find(&name).unwrap();
    let mut steps = Steps::default();
    zone.explain(registry, known, &name, left, &mut steps);
    let line = |step: Step| match step.cluster {
        Some(cluster) => format!("{} {cluster}: {}", step.rule, step.says),
        None => format!("{}: {}", step.rule, step.says),
    };
    steps.0.into_iter().skip(1).map(line).collect()
}

/// `table` has a name a block, and its steps below it.
fn check(zone: &Kubernetes, registry: &Registry, known: Known, table: &str) {
    for block in table.trim().split("\n\n") {
        let mut lines = block.lines().map(str::trim);
        let name = lines.next().unwrap();
        let expected: Vec<&str> = lines.collect();
        assert_eq!(explained(zone, registry, known, name), expected, "{name}");
    }
}

#[test]
fn local_and_remote_services() {
    let (mut zone, registry) = (zone(), fleet());
    zone.per_cluster = vec![WireName::parse("clusters.local").unwrap()];
    let table = "
        web.shop~
            name: it asks for the Service shop/web
            local east: has it: ClusterIP 10.96.0.1, fd00:96::1, ready endpoints: 2
            merge: local-first: the local cluster alone answers (the Corefile)
            members west: has it: ClusterIP 10.97.0.1, ready endpoints: 0
            members: do not have it, or do not expose it: south, vms
            choice east: answers: the local cluster comes first
            ttl: 30 seconds

        shared.ledger~
            name: it asks for the Service ledger/shared
            local east: does not have this Service
            members south: has it: ClusterIP 10.98.0.60, ready endpoints: 0, created 1970-01-01T00:05:00Z
            members west: has it: ClusterIP 10.97.0.60, ready endpoints: 0, created 1970-01-01T00:08:20Z
            members: do not have it, or do not expose it: vms
            choice south: answers: its Service is the oldest of those that may answer, or of equals its ID the first
            reach south: direct: by its own addresses
            ttl: 30 seconds

        clash.ledger~
            name: it asks for the Service ledger/clash
            local east: does not have this Service
            members west: has it: ClusterIP 10.96.0.1, ready endpoints: 0
            members: do not have it, or do not expose it: south, vms
            choice west: answers: nobody else has it
            reach west: direct: by its own addresses
            overlap west: 10.96.0.1 of ledger/clash in west is left out: shop/web in east has it
            overlap: where none is left, there is no data
            ttl: 30 seconds

        gone.mail.legacy~
            name: it asks for the endpoint gone of the Service legacy/mail
            local east: does not have this Service
            members vms: has it: ClusterIP 172.16.0.9
            members: do not have it, or do not expose it: south, west
            choice vms: answers: nobody else has it
            reach vms: by 203.0.113.10, 2001:db8::10 in place of its own; endpoints have no names
            name: the Service has no ready endpoint or port of this name

        missing.shop~
            name: it asks for the Service shop/missing
            services: no cluster that is known has this Service, or exposes it

        api.billing.svc.west.clusters.local
            per_cluster west: this cluster alone is asked
            name: it asks for the Service billing/api
            members west: has it: ClusterIP 10.97.0.40, ready endpoints: 1, created 1970-01-01T00:03:20Z
            choice west: answers: it is the one that the name says
            reach west: direct: by its own addresses
            ttl: 30 seconds

        api.billing.svc.north.clusters.local
            per_cluster: no known cluster has the ID north

        shop.svc.west.clusters.local
            per_cluster west: this cluster alone is asked
            name: it asks for the namespace shop
            clusters west: has it

        empty.svc.west.clusters.local
            per_cluster west: this cluster alone is asked
            name: it asks for the namespace empty
            clusters: no known cluster that is asked has it

        dns-version.clusters.local
            name: the version of the schema, in a TXT record
        ";
    check(&zone, &registry, ALL, table);
}

#[test]
fn other_names() {
    let (mut zone, registry) = (zone(), fleet());
    zone.namespaces = Some(["shop", "billing"].map(|name| name.as_bytes().into()).into());
    let table = "
        cluster.local
            name: it is there because of the names below it

        a.b.c.d.e~
            name: no name of the schema has this form

        billing~
            name: it asks for the namespace billing
            namespaces: its namespace is answered for
            clusters south: has it
            clusters west: has it

        db.ledger~
            name: it asks for the Service ledger/db
            namespaces: its namespace is not answered for

        1.0.96.10.in-addr.arpa
            name: it asks whose 10.96.0.1 is
            clusters east: the ClusterIP of shop/web; the local cluster's come first
            clusters west: the ClusterIP of ledger/clash; its namespace is not answered for

        40.0.97.10.in-addr.arpa
            name: it asks whose 10.97.0.40 is
            clusters west: the ClusterIP of billing/api; handed out for its name, and so answered

        9.9.9.9.in-addr.arpa
            name: it asks whose 9.9.9.9 is
            clusters: no known Service or endpoint has it

        9.in-addr.arpa
            name: it is not the name of a whole address

        1-2-3-4.shop.pod.cluster.local
            name: it asks for the pod 1-2-3-4 of shop
            pods: insecure: pods have the address in their name, whether there is such a pod or not
            local east: has the namespace
        ";
    check(&zone, &registry, ALL, table);
}

#[test]
fn what_is_lost_hidden_or_not_known() {
    let lines = format!(
        "{EAST}{FLEET}
        west namespace com
        west service   com/github 10.97.0.70 http:80/tcp
        south service  billing/secret 10.98.0.71 http:80/tcp hidden
        east headless  shop/spare http:80/tcp failover
        west headless  shop/spare http:80/tcp
        west slice     shop/spare-1 spare http:80/tcp 10.2.0.99
        "
    );
    let (zone, registry) = (zone(), registry(&lines));
    registry.apply(&ClusterId::new("west"), Change::Lost(true));
    let table = "
        github.com~
            name: it asks for the Service com/github
            local east: does not have this Service
            members west: has it: ClusterIP 10.97.0.70, ready endpoints: 0; hidden: a namespace that only members have and that is named like a top-level domain; out of reach, so it is the last choice
            members: do not have it, or do not expose it: south, vms
            choice: no cluster may answer: the name does not exist

        com~
            name: it asks for the namespace com
            clusters west: hidden: a namespace that only members have and that is named like a top-level domain

        secret.billing~
            name: it asks for the Service billing/secret
            local east: does not have this Service
            members south: has it: ClusterIP 10.98.0.71, ready endpoints: 0; the annotation fleetdns.io/expose hides it
            members: do not have it, or do not expose it: vms, west
            choice: no cluster may answer: the name does not exist

        spare.shop~
            name: it asks for the Service shop/spare
            local east: has it: headless, ready endpoints: 0
            merge: failover: members answer while it has no ready endpoint here (the annotation of the local Service)
            members west: has it: headless, ready endpoints: 1; out of reach, so it is the last choice
            members: do not have it, or do not expose it: south, vms
            choice west: answers: the local one has no ready endpoint, and of the others it is the oldest
            choice: the endpoints of east, west are joined
            reach west: direct: by its own addresses
            ttl: 5 seconds: less than that of the zone, as a cluster is out of reach or a gateway's name says so
        ";
    check(&zone, &registry, ALL, table);
    let unknown = Known { local: false, members: false };
    let table = "
        api.billing~
            name: it asks for the Service billing/api
            local east: is not known yet: members are not asked before it
            members west: has it: ClusterIP 10.97.0.40, ready endpoints: 1, created 1970-01-01T00:03:20Z; out of reach, so it is the last choice
            members: do not have it, or do not expose it: south, vms
            choice: no cluster may answer: the name does not exist
        ";
    check(&zone, &registry, unknown, table);
}
