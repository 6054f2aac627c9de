//! The names that are asked for, as questions and as zone files.
//!
//! In: how many there are. Out: packets, and the same names for servers that read zones.

use std::fmt::Write;
use std::net::Ipv4Addr;

use hickory_proto::rr::RecordType;

use super::Sizes;
use super::harness::Question;
use super::kind::Kind;

/// How many namespaces the Services are in.
pub const NAMESPACES: usize = 100;
/// Names outside of the cluster: few enough for every cache to keep them all.
const OUTSIDE: usize = 1000;
/// The address of all names below `remote`.
pub const SENTINEL: Ipv4Addr = Ipv4Addr::new(240, 0, 0, 1);

/// The namespace of a Service.
pub fn namespace(index: usize) -> String {
    format!("ns-{}", index % NAMESPACES)
}

/// The address of a Service, in the range of the cluster.
pub fn address(index: usize) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 64, 1, 0)) + u32::try_from(index).expect("few"))
}

fn service(index: usize) -> String {
    format!("svc-{index}.{}", namespace(index))
}

/// Zone files with the same names: `cluster.local` and `remote`.
pub fn zones(sizes: &Sizes) -> [(&'static str, String); 2] {
    let head = "$TTL 30\n@ IN SOA ns.dns hostmaster 1 7200 1800 86400 30\n@ IN NS ns.dns\n\
                ns.dns IN A 127.0.0.1\n";
    let mut cluster = format!("$ORIGIN cluster.local.\n{head}");
    for index in 0..sizes.services {
        let _ = writeln!(cluster, "{}.svc IN A {}", service(index), address(index));
    }
    let remote = format!("$ORIGIN remote.\n{head}* IN A {SENTINEL}\n");
    [("cluster.local", cluster), ("remote", remote)]
}

/// The questions of a load.
pub fn packets(kind: Kind, sizes: &Sizes) -> Vec<Vec<u8>> {
    use RecordType::{A, AAAA, PTR, SRV};
    let mut all = Vec::new();
    let mut ask = |name: String, kind| all.push(Question::new(&name, kind).packet());
    let count = match kind {
        Kind::One | Kind::Many => sizes.remote,
        Kind::Cached => OUTSIDE,
        _ => sizes.services,
    };
    for index in 0..count {
        let name = format!("{}.svc.cluster.local.", service(index));
        match kind {
            Kind::Hit | Kind::Tcp | Kind::One | Kind::Many => ask(name, A),
            Kind::Srv => ask(format!("_http._tcp.{name}"), SRV),
            Kind::Ptr => {
                let [a, b, c, d] = address(index).octets();
                ask(format!("{d}.{c}.{b}.{a}.in-addr.arpa."), PTR);
            }
            Kind::Sentinel => ask(format!("{}.remote.", service(index)), A),
            Kind::Cached => ask(format!("www-{index}.example.com."), A),
            Kind::Mix => {
                for suffix in [format!("{}.svc.", namespace(index)), "svc.".into(), String::new()] {
                    for kind in [A, AAAA] {
                        ask(format!("www-{index}.example.com.{suffix}cluster.local."), kind);
                    }
                }
                ask(name.clone(), A);
                ask(name, AAAA);
            }
        }
    }
    all
}
