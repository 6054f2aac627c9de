//! What a name under a Kubernetes zone asks for: the DNS-Based Service Discovery schema 1.1.0, read
//! right to left, with CoreDNS's additions (plugin/kubernetes/parse.go).

use super::name::WireName;

/// What a name asks for. All labels are lower case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked<'a> {
    /// The zone itself, or `svc.` or `pod.` directly under it.
    Container,
    /// `dns-version`.
    DnsVersion,
    /// `dns`, which exists because `ns.dns` does.
    NameServerParent,
    /// `ns.dns`, the name of the server itself.
    NameServer,
    /// `NAMESPACE.svc`.
    Namespace { namespace: &'a [u8] },
    /// `SERVICE.NAMESPACE.svc`, or a name below it.
    Service {
        /// The wire labels of `SERVICE.NAMESPACE`: the registry's key.
        key: &'a [u8],
        namespace: &'a [u8],
        below: Below<'a>,
    },
    /// `NAMESPACE.pod`.
    PodNamespace { namespace: &'a [u8] },
    /// `ADDRESS-WITH-DASHES.NAMESPACE.pod`, also with one or two labels to its left.
    Pod { pod: &'a [u8], namespace: &'a [u8] },
    /// No name of the schema.
    Nothing,
}

/// What is asked of a Service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Below<'a> {
    /// The Service.
    Itself,
    /// One of its endpoints, by hostname or dashed address.
    Endpoint(&'a [u8]),
    /// A port, without underscores; an empty part matches all.
    Port { name: &'a [u8], protocol: &'a [u8] },
}

/// Reads a name with `left` labels left of its zone.
pub fn read(name: &WireName, left: usize) -> Asked<'_> {
    let Some(last) = left.checked_sub(1) else { return Asked::Container };
    let label = |from_right: usize| name.label(last - from_right);
    match (label(0), left) {
        (b"svc" | b"pod", 1) => Asked::Container,
        (b"dns-version", 1) => Asked::DnsVersion,
        (b"dns", 1) => Asked::NameServerParent,
        (b"dns", 2) if label(1) == b"ns" => Asked::NameServer,
        (b"svc", 2) => Asked::Namespace { namespace: label(1) },
        (b"pod", 2) => Asked::PodNamespace { namespace: label(1) },
        (b"pod", 3..=5) => Asked::Pod { pod: label(2), namespace: label(1) },
        (b"svc", 3..=5) => Asked::Service {
            key: name.folded_labels(last - 2, last),
            namespace: label(1),
            below: match left {
                3 => Below::Itself,
                4 => Below::Endpoint(label(3)),
                _ => Below::Port { name: bare(label(4)), protocol: bare(label(3)) },
            },
        },
        _ => Asked::Nothing,
    }
}

/// A port or protocol label without its one leading underscore, which is optional.
pub fn bare(label: &[u8]) -> &[u8] {
    label.strip_prefix(b"_").unwrap_or(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_they_ask_for() {
        let zone = WireName::parse("cluster.local").unwrap();
        let service = |below| Asked::Service { key: b"\x03web\x04shop", namespace: b"shop", below };
        let table: &[(&str, Asked)] = &[
            ("", Asked::Container),
            ("SVC.", Asked::Container),
            ("pod.", Asked::Container),
            ("dns-version.", Asked::DnsVersion),
            ("dns.", Asked::NameServerParent),
            ("ns.dns.", Asked::NameServer),
            ("x.dns.", Asked::Nothing),
            ("shop.svc.", Asked::Namespace { namespace: b"shop" }),
            ("shop.pod.", Asked::PodNamespace { namespace: b"shop" }),
            ("Web.Shop.svc.", service(Below::Itself)),
            ("db-0.web.shop.svc.", service(Below::Endpoint(b"db-0"))),
            ("_HTTP._tcp.web.shop.svc.", service(Below::Port { name: b"http", protocol: b"tcp" })),
            ("http.tcp.web.shop.svc.", service(Below::Port { name: b"http", protocol: b"tcp" })),
            ("__http._.web.shop.svc.", service(Below::Port { name: b"_http", protocol: b"" })),
            ("a.b.c.web.shop.svc.", Asked::Nothing),
            ("1-2-3-4.shop.pod.", Asked::Pod { pod: b"1-2-3-4", namespace: b"shop" }),
            ("a.b.1-2-3-4.shop.pod.", Asked::Pod { pod: b"1-2-3-4", namespace: b"shop" }),
            ("a.b.c.1-2-3-4.shop.pod.", Asked::Nothing),
            ("web.shop.service.", Asked::Nothing),
        ];
        for (left, expected) in table {
            let name = WireName::parse(&format!("{left}cluster.local.")).unwrap();
            let labels = name.left_of(&zone).unwrap();
            assert_eq!(read(&name, labels), *expected, "{name}");
        }
    }
}
