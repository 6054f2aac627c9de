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
    /// One of its endpoints, by hostname or dashed address. `cluster` is empty but for names below a
    /// multi-cluster zone, which have both.
    Endpoint { name: &'a [u8], cluster: &'a [u8] },
    /// A port, without underscores; an empty part matches all.
    Port { name: &'a [u8], protocol: &'a [u8] },
    /// The endpoints in a topology zone, whose name is these wire labels; where there are none,
    /// all if `prefer`.
    Topology { zone: &'a [u8], prefer: bool },
}

/// Which names a zone has beside those of the schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Grammar {
    /// Two labels before a Service are an endpoint and its cluster, unless one starts with `_`: names
    /// of ServiceImports (KEP-1645).
    pub multicluster: bool,
    /// `ZONE.pin._zone` and `ZONE.prefer._zone` may stand before a Service.
    pub zonal: bool,
}

/// Reads a name with `left` labels left of its zone.
pub fn read(name: &WireName, left: usize, grammar: Grammar) -> Asked<'_> {
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
        (b"svc", _) => match below(name, left, grammar) {
            Some(below) => Asked::Service {
                key: name.folded_labels(last - 2, last),
                namespace: label(1),
                below,
            },
            None => Asked::Nothing,
        },
        _ => Asked::Nothing,
    }
}

fn below(name: &WireName, left: usize, grammar: Grammar) -> Option<Below<'_>> {
    let label = |from_right: usize| name.label(left - 1 - from_right);
    Some(match left {
        3 => Below::Itself,
        4 => Below::Endpoint { name: label(3), cluster: b"" },
        5 if grammar.multicluster && ![label(3), label(4)].iter().any(|l| l.starts_with(b"_")) => {
            Below::Endpoint { name: label(4), cluster: label(3) }
        }
        5 => Below::Port { name: bare(label(4)), protocol: bare(label(3)) },
        _ if grammar.zonal && !grammar.multicluster && label(3) == b"_zone" => Below::Topology {
            zone: name.folded_labels(0, left - 5),
            prefer: match label(4) {
                b"pin" => false,
                b"prefer" => true,
                _ => return None,
            },
        },
        _ => return None,
    })
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
            ("db-0.web.shop.svc.", service(Below::Endpoint { name: b"db-0", cluster: b"" })),
            ("_HTTP._tcp.web.shop.svc.", service(Below::Port { name: b"http", protocol: b"tcp" })),
            ("http.tcp.web.shop.svc.", service(Below::Port { name: b"http", protocol: b"tcp" })),
            ("__http._.web.shop.svc.", service(Below::Port { name: b"_http", protocol: b"" })),
            ("a.b.c.web.shop.svc.", Asked::Nothing),
            ("1-2-3-4.shop.pod.", Asked::Pod { pod: b"1-2-3-4", namespace: b"shop" }),
            ("a.b.1-2-3-4.shop.pod.", Asked::Pod { pod: b"1-2-3-4", namespace: b"shop" }),
            ("a.b.c.1-2-3-4.shop.pod.", Asked::Nothing),
            ("web.shop.service.", Asked::Nothing),
        ];
        check(table, Grammar::default());
    }

    #[test]
    fn names_of_topology_zones() {
        let service = |below| Asked::Service { key: b"\x03web\x04shop", namespace: b"shop", below };
        let zone = |zone, prefer| service(Below::Topology { zone, prefer });
        let zonal = Grammar { zonal: true, multicluster: false };
        let table: &[(&str, Asked)] = &[
            ("A1.Pin._zone.web.shop.svc.", zone(b"\x02a1", false)),
            ("a.b.prefer._Zone.web.shop.svc.", zone(b"\x01a\x01b", true)),
            ("a.only._zone.web.shop.svc.", Asked::Nothing),
            ("pin._zone.web.shop.svc.", service(Below::Port { name: b"pin", protocol: b"zone" })),
            ("a.pin.zone.web.shop.svc.", Asked::Nothing),
            ("a.pin._zone.web.shop.pod.", Asked::Nothing),
        ];
        check(table, zonal);
        check(&[("a.pin._zone.web.shop.svc.", Asked::Nothing)], Grammar::default());
        let both = Grammar { multicluster: true, ..zonal };
        check(&[("a.pin._zone.web.shop.svc.", Asked::Nothing)], both);
    }

    #[test]
    fn names_of_clusters() {
        let service = |below| Asked::Service { key: b"\x03web\x04shop", namespace: b"shop", below };
        let port = |name, protocol| service(Below::Port { name, protocol });
        let table: &[(&str, Asked)] = &[
            (
                "db-0.West.web.shop.svc.",
                service(Below::Endpoint { name: b"db-0", cluster: b"west" }),
            ),
            ("db-0.web.shop.svc.", service(Below::Endpoint { name: b"db-0", cluster: b"" })),
            ("_http._tcp.web.shop.svc.", port(b"http", b"tcp")),
            ("http._tcp.web.shop.svc.", port(b"http", b"tcp")),
            ("_db.west.web.shop.svc.", port(b"db", b"west")),
        ];
        check(table, Grammar { multicluster: true, zonal: false });
    }

    fn check(table: &[(&str, Asked<'_>)], grammar: Grammar) {
        let zone = WireName::parse("cluster.local").unwrap();
        for (left, expected) in table {
            let name = WireName::parse(&format!("{left}cluster.local.")).unwrap();
            let labels = name.left_of(&zone).unwrap();
            assert_eq!(read(&name, labels, grammar), *expected, "{name}");
        }
    }
}
