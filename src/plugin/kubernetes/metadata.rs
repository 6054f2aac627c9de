//! What a question for a Kubernetes zone is about, in words (CoreDNS, plugin/kubernetes/metadata.go).
//!
//! CoreDNS never gives `kubernetes/cluster`, as it asks for the zone before it is known.

use crate::plugin::metadata::Values;
use crate::zone::name::WireName;
use crate::zone::schema::{Grammar, bare};

/// CoreDNS's words for a name that no record can have.
const NO_NAME: &str = "invalid query name";

/// Puts what a name with `left` labels left of its zone asks for.
pub fn put(name: &WireName, left: usize, grammar: Grammar, values: &mut Values) {
    let parts = parts(name, left, grammar);
    let mut put = |label: &str, value: String| {
        values.insert(format!("kubernetes/{label}"), value);
    };
    let Some(parts) = parts else { return put("parse-error", NO_NAME.into()) };
    put("port-name", parts.port);
    put("protocol", parts.protocol);
    put("endpoint", parts.endpoint);
    if grammar.multicluster {
        put("cluster", parts.cluster);
    }
    if grammar.zonal {
        put("zone", parts.zone);
    }
    put("service", parts.service);
    put("namespace", parts.namespace);
    put("kind", parts.kind);
}

/// The parts of a name; what it does not have is empty.
#[derive(Default)]
struct Parts {
    port: String,
    protocol: String,
    endpoint: String,
    cluster: String,
    zone: String,
    service: String,
    namespace: String,
    kind: String,
}

/// `None` for a name that is none of the schema.
fn parts(name: &WireName, left: usize, grammar: Grammar) -> Option<Parts> {
    let label = |from_right: usize| name.label(left - 1 - from_right);
    let text = |label: &[u8]| String::from_utf8_lossy(label).into_owned();
    let mut parts = Parts::default();
    if left == 0 || left == 1 && matches!(label(0), b"svc" | b"pod") {
        return Some(parts);
    }
    if !matches!(label(0), b"svc" | b"pod") {
        return None;
    }
    parts.kind = text(label(0));
    parts.namespace = text(label(1));
    if left > 2 {
        parts.service = text(label(2));
    }
    match left {
        ..=3 => {}
        4 => parts.endpoint = text(label(3)),
        5 if grammar.multicluster && !label(3).starts_with(b"_") && !label(4).starts_with(b"_") => {
            parts.cluster = text(label(3));
            parts.endpoint = text(label(4));
        }
        5 => {
            parts.protocol = text(bare(label(3)));
            parts.port = text(bare(label(4)));
        }
        _ => {
            let directive = matches!(label(4), b"pin" | b"prefer");
            let zonal = grammar.zonal && !grammar.multicluster && label(0) == b"svc";
            if !zonal || label(3) != b"_zone" || !directive {
                return None;
            }
            let zone: Vec<String> = (0..left - 5).map(|index| text(name.label(index))).collect();
            parts.zone = zone.join(".");
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_words() {
        let zonal = Grammar { zonal: true, multicluster: false };
        let set = Grammar { zonal: false, multicluster: true };
        let plain = Grammar::default();
        for (name, grammar, expected) in [
            ("", plain, ""),
            ("svc.", plain, ""),
            ("shop.svc.", plain, "kind=svc namespace=shop"),
            ("Web.shop.svc.", plain, "kind=svc namespace=shop service=web"),
            ("db-0.web.shop.svc.", plain, "endpoint=db-0 kind=svc namespace=shop service=web"),
            (
                "_http._tcp.web.shop.svc.",
                plain,
                "kind=svc namespace=shop port-name=http protocol=tcp service=web",
            ),
            ("1-2-3-4.shop.pod.", plain, "kind=pod namespace=shop service=1-2-3-4"),
            ("a.b.c.web.shop.svc.", plain, "parse-error=invalid query name"),
            ("dns-version.", plain, "parse-error=invalid query name"),
            (
                "eu.a.pin._zone.web.shop.svc.",
                zonal,
                "kind=svc namespace=shop service=web zone=eu.a",
            ),
            (
                "db-0.west.web.shop.svc.",
                set,
                "cluster=west endpoint=db-0 kind=svc namespace=shop service=web",
            ),
        ] {
            let zone = WireName::parse("cluster.local").unwrap();
            let name = WireName::parse(&format!("{name}cluster.local")).unwrap();
            let mut values = Values::new();
            put(&name, name.left_of(&zone).unwrap(), grammar, &mut values);
            let known = values.iter().filter(|(_, value)| !value.is_empty());
            let shown = known.map(|(label, value)| {
                format!("{}={value}", label.trim_start_matches("kubernetes/"))
            });
            assert_eq!(shown.collect::<Vec<_>>().join(" "), expected, "{name}");
            assert!(values.contains_key("kubernetes/kind") != expected.contains("parse-error"));
        }
    }
}
