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
fn services_are_of_three_kinds() {
    let cases = [
        (json!({"clusterIP": "10.0.0.1"}), ServiceKind::ClusterIp(ips(&["10.0.0.1"]))),
        (
            json!({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "fd00::1"]}),
            ServiceKind::ClusterIp(ips(&["10.0.0.1", "fd00::1"])),
        ),
        (json!({"clusterIP": "None", "clusterIPs": ["None"]}), ServiceKind::Headless),
        (json!({"clusterIP": "None", "type": "ClusterIP"}), ServiceKind::Headless),
        (
            json!({"type": "ExternalName", "externalName": "a.example."}),
            ServiceKind::ExternalName("a.example.".into()),
        ),
        (
            json!({"type": "LoadBalancer", "clusterIP": "10.0.0.1"}),
            ServiceKind::ClusterIp(ips(&["10.0.0.1"])),
        ),
        // Not assigned yet, as in a manifest: there are no addresses, but the name exists.
        (json!({}), ServiceKind::ClusterIp(vec![])),
        (json!({"clusterIP": "", "clusterIPs": null}), ServiceKind::ClusterIp(vec![])),
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
    assert_eq!(service(json!({"ports": ports})).ports, expected);
    assert_eq!(service(json!({"ports": null})).ports, []);
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
    let found: Vec<_> =
        slice.endpoints.iter().map(|e| (e.addresses.clone(), e.hostname.as_deref())).collect();
    assert_eq!(
        found,
        [
            (ips(&["10.1.0.1"]), Some("pod-0")),
            (ips(&["fd00::2"]), None),
            (ips(&["10.1.0.3"]), None),
            (vec![], None),
        ]
    );
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
