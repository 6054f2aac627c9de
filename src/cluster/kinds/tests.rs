use std::net::IpAddr;

use serde_json::{Value, json};

use super::*;

fn service(spec: Value) -> Service {
    let object = json!({"metadata": {"namespace": "n", "name": "s"}, "spec": spec});
    serde_json::from_value::<ServiceObject>(object).unwrap().into()
}

fn slice(rest: Value) -> EndpointSlice {
    let mut object = json!({"metadata": {"namespace": "n", "name": "s-1",
        "labels": {"kubernetes.io/service-name": "s"}}, "addressType": "IPv4"});
    object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    serde_json::from_value::<EndpointSliceObject>(object).unwrap().into()
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn services_are_reached_from_outside() {
    let object = json!({
        "metadata": {"namespace": "n", "name": "s"},
        "spec": {"externalIPs": ["192.0.2.1", "bogus", "2001:db8::1"]},
        "status": {"loadBalancer": {"ingress": [
            {"hostname": "LB.example.org."}, {"ip": "192.0.2.2", "hostname": "unused"}, {"ip": "", "hostname": ""},
        ]}},
    });
    let found: Service = serde_json::from_value::<ServiceObject>(object).unwrap().into();
    let address = |text: &str| Point::Address(text.parse().unwrap());
    let expected = [
        address("192.0.2.1"),
        address("2001:db8::1"),
        Point::host("lb.example.org"),
        address("192.0.2.2"),
    ];
    assert_eq!(*found.external, expected);
    assert!(found.is_same_inside(&Service { external: Default::default(), ..found.clone() }));
}

#[test]
fn services_are_of_three_kinds() {
    let cases = [
        (json!({"clusterIP": "10.0.0.1"}), ServiceKind::ClusterIp(ips(&["10.0.0.1"]).into())),
        (
            json!({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "fd00::1"]}),
            ServiceKind::ClusterIp(ips(&["10.0.0.1", "fd00::1"]).into()),
        ),
        (json!({"clusterIP": "None", "clusterIPs": ["None"]}), ServiceKind::Headless),
        (json!({"clusterIP": "None", "type": "ClusterIP"}), ServiceKind::Headless),
        (
            json!({"type": "ExternalName", "externalName": "a.example."}),
            ServiceKind::ExternalName("a.example.".into()),
        ),
        (
            json!({"type": "LoadBalancer", "clusterIP": "10.0.0.1"}),
            ServiceKind::ClusterIp(ips(&["10.0.0.1"]).into()),
        ),
        // Not assigned yet, as in a manifest: there are no addresses, but the name exists.
        (json!({}), ServiceKind::ClusterIp(Default::default())),
        (json!({"clusterIP": "", "clusterIPs": null}), ServiceKind::ClusterIp(Default::default())),
    ];
    for (spec, kind) in cases {
        assert_eq!(service(spec.clone()).kind, kind, "{spec}");
    }
}

#[test]
fn ports_are_decoded() {
    let ports = json!([
        {"port": 80},
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": "dns", "nodePort": 30000},
        {"name": "s", "port": 1, "protocol": "SCTP", "appProtocol": "x"},
    ]);
    let expected = [("", Protocol::Tcp, 80), ("dns", Protocol::Udp, 53), ("s", Protocol::Sctp, 1)]
        .map(|(name, protocol, number)| Port { name: name.into(), protocol, number: Some(number) });
    assert_eq!(*service(json!({"ports": ports})).ports, expected);
    assert_eq!(*service(json!({"ports": null})).ports, []);
    assert_eq!(slice(json!({"ports": [{"name": ""}]})).ports[0].number, None);
}

#[test]
fn creation_is_in_seconds() {
    let metadata = json!({"name": "s", "creationTimestamp": "1970-01-02T00:00:00Z"});
    let object: ServiceObject = serde_json::from_value(json!({"metadata": metadata})).unwrap();
    assert_eq!(Service::from(object).created, 86_400);
}

#[test]
fn slices_hold_ready_endpoints_only() {
    let cases = [
        (json!({}), true),
        (json!({"conditions": null}), true),
        (json!({"conditions": {}}), true),
        (json!({"conditions": {"ready": null}}), true),
        (json!({"conditions": {"ready": true}}), true),
        (json!({"conditions": {"ready": false}}), false),
        (json!({"conditions": {"ready": false, "serving": true, "terminating": true}}), false),
    ];
    for (mut endpoint, is_ready) in cases {
        endpoint["addresses"] = json!(["10.1.0.1"]);
        let slice = slice(json!({"endpoints": [endpoint.clone()]}));
        assert_eq!(slice.endpoints.len(), usize::from(is_ready), "{endpoint}");
    }
}

#[test]
fn slices_decode_what_api_servers_write() {
    for nothing in [json!({}), json!({"endpoints": null, "ports": null}), json!({"endpoints": []})]
    {
        let slice = slice(nothing);
        assert_eq!((slice.endpoints.len(), slice.ports.len()), (0, 0));
        assert_eq!(slice.service.as_deref(), Some("s"));
    }
    let slice = slice(json!({"endpoints": [
        {"addresses": ["10.1.0.1"], "hostname": "pod-0", "nodeName": "x", "targetRef": {"kind": "Pod"}},
        {"addresses": ["fd00::2"], "hostname": ""},
        {"addresses": ["host.example", "10.1.0.3"]},
        {"addresses": null},
    ]}));
    let found: Vec<_> = slice.endpoints.iter().map(|e| (e.address, e.hostname())).collect();
    assert_eq!(
        found,
        [
            (ips(&["10.1.0.1"])[0], Some("pod-0")),
            (ips(&["fd00::2"])[0], None),
            (ips(&["10.1.0.3"])[0], None),
        ]
    );
    let alias = Alias { target: "host.example".into(), hostname: None, zone: None };
    assert_eq!(*slice.aliases, [alias]);
    assert_eq!(&*slice.aliases[0].label(), "host-example");
}

#[test]
fn names_of_pods_and_zones_are_kept_where_they_are_asked_for() {
    let long = "a".repeat(64);
    let object = json!({"metadata": {"name": "s"}, "endpoints": [
        {"addresses": ["10.1.0.1"], "hostname": "h", "targetRef": {"name": "pod-0"}, "zone": "A"},
        {"addresses": ["10.1.0.2", "10.1.0.3"], "targetRef": {"name": "pod.1"}, "zone": "B"},
        {"addresses": ["10.1.0.4"], "targetRef": {"name": long}},
        {"addresses": ["10.1.0.5"], "targetRef": {"kind": "Node"}},
        {"addresses": ["10.1.0.2"], "zone": "c"},
    ]});
    let slim = |keep| {
        let object: EndpointSliceObject = serde_json::from_value(object.clone()).unwrap();
        let shown = |endpoint: &Endpoint| {
            format!("{} {}", &*endpoint.label(), endpoint.zone().unwrap_or("-"))
        };
        object.slim(keep).endpoints.iter().map(shown).collect::<Vec<_>>().join(", ")
    };
    let keep = |pod_names, zones| Keep { pod_names, zones };
    assert_eq!(
        slim(keep(false, false)),
        "h -, 10-1-0-2 -, 10-1-0-3 -, 10-1-0-4 -, 10-1-0-5 -, 10-1-0-2 -"
    );
    assert_eq!(
        slim(keep(true, false)),
        "h -, pod.1 -, pod.1 -, 10-1-0-4 -, 10-1-0-5 -, 10-1-0-2 -"
    );
    assert_eq!(
        slim(keep(false, true)),
        "h a, 10-1-0-2 c, 10-1-0-3 b, 10-1-0-4 -, 10-1-0-5 -, 10-1-0-2 c"
    );
}

#[test]
fn slices_of_a_multi_cluster_controller_say_where_they_come_from() {
    let slice = |labels: Value| {
        let object = json!({"metadata": {"name": "s", "labels": labels}});
        serde_json::from_value::<EndpointSliceObject>(object).unwrap().slim(Keep::default())
    };
    let (name, cluster) =
        ("multicluster.kubernetes.io/service-name", "multicluster.kubernetes.io/source-cluster");
    let from =
        |cluster: &str| Some(Box::new(Imported { service: "web".into(), cluster: cluster.into() }));
    assert_eq!(slice(json!({name: "web", cluster: "west"})).import, from("west"));
    assert_eq!(slice(json!({name: "web"})).import, from(""));
    assert_eq!(slice(json!({cluster: "west"})).import, None);
}

#[test]
fn a_slice_without_the_label_has_no_service() {
    let object = json!({"metadata": {"namespace": "n", "name": "s", "labels": {"a": "b"}}});
    let slice: EndpointSliceObject = serde_json::from_value(object).unwrap();
    assert_eq!(EndpointSlice::from(slice).service, None);
}

#[test]
fn keys_print_as_kubectl_prints_them() {
    assert_eq!(ObjectKey::new("n", "s").to_string(), "n/s");
    assert_eq!(ObjectKey::new("", "n").to_string(), "n");
}

fn service_entry(spec: Value, status: Value) -> ServiceEntry {
    let object = json!({"metadata": {"namespace": "n", "name": "e",
        "creationTimestamp": "1970-01-01T00:01:00Z"}, "spec": spec, "status": status});
    serde_json::from_value::<ServiceEntryObject>(object).unwrap().into()
}

#[test]
fn service_entries_are_decoded_loosely() {
    let nothing = json!(null);
    let entry = service_entry(
        json!({"hosts": ["a.mesh", "*.b.mesh"], "resolution": "STATIC",
            "addresses": ["240.0.0.1", "10.0.0.0/8", "10.7.7.7/32", "fd00::1/128", "x", ""]}),
        json!({"conditions": [], "addresses": [{"value": "240.240.0.1", "host": "a.mesh"},
            {"value": "2001:2::1"}, {"host": "a.mesh"}, {"value": "none"}, {"value": "1.1.1.1", "host": ""}]}),
    );
    assert_eq!(entry.hosts, ["a.mesh".into(), "*.b.mesh".into()]);
    assert_eq!(
        (entry.addresses, entry.is_addressed),
        (ips(&["240.0.0.1", "10.7.7.7", "fd00::1"]), true)
    );
    let allocated = [(Some("a.mesh"), "240.240.0.1"), (None, "2001:2::1"), (None, "1.1.1.1")];
    let allocated = allocated.map(|(host, ip)| (host.map(Into::into), ip.parse().unwrap()));
    assert_eq!(entry.allocated, allocated);
    assert_eq!((entry.exported, entry.created), (Exported::All, 60));

    for empty in [json!({}), json!({"hosts": null, "addresses": null, "exportTo": null})] {
        let entry = service_entry(empty, nothing.clone());
        assert!(entry.hosts.is_empty() && !entry.is_addressed && entry.allocated.is_empty());
        assert_eq!(entry.exported, Exported::All);
    }
    let cidr = service_entry(json!({"addresses": ["10.0.0.0/8"]}), json!({"addresses": null}));
    assert!(cidr.addresses.is_empty() && cidr.is_addressed);
    for (words, expected) in [
        (json!(["."]), Exported::To(vec!["n".into()])),
        (json!(["ops", "."]), Exported::To(vec!["ops".into(), "n".into()])),
        (json!(["~"]), Exported::To(vec![])),
        (json!(["ops", "*"]), Exported::All),
        (json!([]), Exported::All),
    ] {
        let entry = service_entry(json!({"exportTo": words}), nothing.clone());
        assert_eq!(entry.exported, expected, "{words}");
    }
}

#[test]
fn ranges_are_those_of_service_cidrs_and_nodes() {
    let cidr = |spec: Value| {
        let object = json!({"metadata": {"name": "c"}, "spec": spec});
        Ranges::from(serde_json::from_value::<ServiceCidrObject>(object).unwrap()).networks
    };
    let node = |spec: Value| {
        let object = json!({"metadata": {"name": "m"}, "spec": spec});
        Ranges::from(serde_json::from_value::<NodeObject>(object).unwrap()).networks
    };
    let networks = |texts: &[&str]| -> Vec<ipnet::IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    };
    let both = ["10.96.0.0/16", "fd00:96::/112"];
    assert_eq!(cidr(json!({"cidrs": both})), networks(&both));
    assert_eq!(cidr(json!({"cidrs": ["10.96.1.2/16", "x"]})), networks(&["10.96.0.0/16"]));
    assert_eq!(cidr(json!({})), []);
    assert_eq!(node(json!({"podCIDR": "10.1.0.0/24"})), networks(&["10.1.0.0/24"]));
    assert_eq!(node(json!({"podCIDR": "10.1.0.0/24", "podCIDRs": both})), networks(&both));
    assert_eq!(node(json!({"podCIDRs": null, "taints": []})), []);
}

#[test]
fn annotations_say_how_services_go_together() {
    let of = |annotations: Value| {
        let object =
            json!({"metadata": {"namespace": "n", "name": "s", "annotations": annotations}});
        Service::from(serde_json::from_value::<ServiceObject>(object).unwrap()).annotations
    };
    let merge = |merge| FleetAnnotations { merge, is_hidden: false };
    for (annotations, expected) in [
        (json!(null), FleetAnnotations::default()),
        (json!({"fleetdns.io/merge": "union"}), merge(Some(Merge::Union))),
        (json!({"fleetdns.io/merge": "failover"}), merge(Some(Merge::Failover))),
        (json!({"fleetdns.io/merge": "local-first"}), merge(Some(Merge::LocalFirst))),
        (json!({"fleetdns.io/merge": "Union"}), merge(None)),
        (json!({"fleetdns.io/expose": "false"}), FleetAnnotations { merge: None, is_hidden: true }),
        (json!({"fleetdns.io/expose": "true"}), FleetAnnotations::default()),
    ] {
        assert_eq!(of(annotations.clone()), expected, "{annotations}");
    }
}
