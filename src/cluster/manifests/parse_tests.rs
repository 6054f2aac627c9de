use super::*;
use crate::cluster::kinds::{ObjectKey, ServiceKind};

fn read(text: &str) -> Result<File, String> {
    parse(text, &Selection::default())
}

fn services(text: &str) -> Vec<String> {
    read(text).unwrap().services.iter().map(|service| service.key.to_string()).collect()
}

#[test]
fn documents_lists_and_json_are_read() {
    let yaml = "\
# A comment first.
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: n}
spec: {clusterIP: 10.0.0.1}
---
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: b}
  spec: {clusterIP: None}
- apiVersion: v1
  kind: Namespace
  metadata: {name: empty}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a-1, namespace: n, labels: {kubernetes.io/service-name: a}}
addressType: IPv4
endpoints: [{addresses: [10.1.0.1]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ignored}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: of-another-group}
";
    assert_eq!(services(yaml), ["n/a", "default/b"]);
    let objects = read(yaml).unwrap();
    assert_eq!(objects.slices[0].key, ObjectKey::new("n", "a-1"));
    assert_eq!(
        objects.namespaces.keys().map(|name| &**name).collect::<Vec<_>>(),
        ["default", "empty", "n"]
    );
    let json =
        r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": null}"#;
    assert!(read(json).is_err(), "a spec must be an object");
    assert_eq!(services(&json.replace("null", "{}")), ["default/a"]);
    for nothing in ["", "\n# only a comment\n", "---\n---\n"] {
        assert_eq!(read(nothing), Ok(File::default()), "{nothing:?}");
    }
}

#[test]
fn names_that_look_like_booleans_are_names() {
    for name in ["n", "y", "no", "on", "off", "yes"] {
        let yaml = format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{}}");
        assert_eq!(services(&yaml), [format!("default/{name}")]);
    }
}

#[test]
fn a_service_without_an_address_is_kept() {
    let yaml = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}";
    assert_eq!(read(yaml).unwrap().services[0].kind, ServiceKind::ClusterIp(Default::default()));
}

#[test]
fn errors_name_document_line_and_object() {
    let good = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {}\n---\n";
    let cases = [
        ("apiVersion: v1\nkind: [", "document 2, line "),
        ("apiVersion: v1\nkind: Service", "document 2 (from line 6): the Service has no metadata"),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {namespace: n}",
            "document 2 (from line 6): the Service has no metadata.name",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {ports: [{port: 70000}]}",
            "document 2 (from line 6): Service b: ",
        ),
        ("metadata: {name: b}", "document 2 (from line 6): apiVersion or kind is missing"),
        ("just text", "document 2 (from line 6): it is no Kubernetes object"),
        (
            "apiVersion: v1\nkind: List\nitems: [{kind: Service}]",
            "document 2 (from line 6): item 1: apiVersion or kind is missing",
        ),
    ];
    for (bad, expected) in cases {
        let error = read(&format!("{good}{bad}")).unwrap_err();
        assert!(error.starts_with(expected), "{bad}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}
