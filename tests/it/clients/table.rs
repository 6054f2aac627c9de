//! The clients, and what each asks.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// All of them. The words of a command are those of [`super::programs::words`].
pub const CLIENTS: [Client; 18] = [
    // AI_ADDRCONFIG: asks only for families that an interface has.
    client("getent ahosts NAME", |place| vec![if place.has_ipv6 { BOTH } else { A }]),
    client("getent ahostsv4 NAME", |_| vec![A]),
    // AI_V4MAPPED too: IPv4 will do.
    client("getent ahostsv6 NAME", |place| if place.has_ipv6 { ipv6_first(place) } else { vec![] }),
    client("getent hosts NAME", ipv6_first),
    client("PROGRAMS/musl NAME", |_| vec![BOTH]),
    client("PROGRAMS/musl NAME 4", |_| vec![A]),
    client("PROGRAMS/musl NAME 6", |_| vec![AAAA]),
    client("env GODEBUG=netdns=go PROGRAMS/go NAME ip", |_| vec![BOTH]),
    client("env GODEBUG=netdns=go PROGRAMS/go NAME ip4", |_| vec![A]),
    client("env GODEBUG=netdns=go PROGRAMS/go NAME ip6", |_| vec![AAAA]),
    client("java -cp PROGRAMS Resolve NAME", |_| vec![BOTH]),
    client("node SOURCES/resolve.js NAME lookup", |_| vec![BOTH]),
    client("node SOURCES/resolve.js NAME lookup4", |_| vec![A]),
    client("node SOURCES/resolve.js NAME lookup6", |_| vec![AAAA]),
    // c-ares, which is given whole names here.
    whole("node SOURCES/resolve.js NAME resolve4", |_| vec![A]),
    whole("node SOURCES/resolve.js NAME resolve6", |_| vec![AAAA]),
    // The answer is an HINFO record (RFC 8482), which Node leaves out.
    whole("node SOURCES/resolve.js NAME resolveAny", |_| vec![&["ANY"]]),
    Client { connects: true, ..client(CURL, |_| vec![BOTH]) },
];

const CURL: &str = "curl -sS -m 20 -o /dev/null -w %{remote_ip} http://NAME:8000/";

/// What they resolve.
pub const NAME: &str = "foo.remote";

/// What a pod's resolver makes of it, for it has fewer than five dots; in this order.
const SEARCHED: [&str; 4] = [
    "foo.remote.ns1.svc.cluster.local.",
    "foo.remote.svc.cluster.local.",
    "foo.remote.cluster.local.",
    "foo.remote.",
];

/// A command that resolves the name.
pub struct Client {
    /// Its words. It writes one address a line.
    pub line: &'static str,
    /// Whether it connects, and writes only the address where it did.
    pub connects: bool,
    searches: bool,
    asks: fn(&Place) -> Vec<Types>,
}

/// The types asked for of every name at once; further ones only where these led to no address.
type Types = &'static [&'static str];

const A: Types = &["A"];
const AAAA: Types = &["AAAA"];
const BOTH: Types = &["A", "AAAA"];

/// Where a client runs.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Whether an interface has an IPv6 address; all have IPv4.
    pub has_ipv6: bool,
    /// Whether there is the search list that the kubelet writes for pods.
    pub is_pod: bool,
    /// What the name resolves to.
    pub suffix: &'static [IpAddr],
}

impl Place {
    /// The resolver's configuration.
    pub fn resolv_conf(&self) -> &'static str {
        if self.is_pod {
            "search ns1.svc.cluster.local svc.cluster.local cluster.local\n\
             nameserver 127.0.0.1\n\
             options ndots:5\n"
        } else {
            "nameserver 127.0.0.1\n"
        }
    }
}

impl Client {
    /// What it asks, as `NAME TYPE RCODE`.
    pub fn questions(&self, place: &Place) -> Vec<String> {
        let [.., last] = SEARCHED;
        let names = if self.searches && place.is_pod { &SEARCHED[..] } else { &[last] };
        let mut questions = Vec::new();
        for types in (self.asks)(place) {
            for name in names {
                let code = if *name == last { "NOERROR" } else { "NXDOMAIN" };
                questions.extend(types.iter().map(|kind| format!("{name} {kind} {code}")));
            }
        }
        questions
    }

    /// What it resolves the name to.
    pub fn addresses(&self, place: &Place) -> BTreeSet<IpAddr> {
        let types = (self.asks)(place).concat();
        let asked =
            |address: &&IpAddr| types.contains(if address.is_ipv4() { &"A" } else { &"AAAA" });
        place.suffix.iter().filter(asked).copied().collect()
    }
}

const fn client(line: &'static str, asks: fn(&Place) -> Vec<Types>) -> Client {
    Client { line, connects: false, searches: true, asks }
}

/// Of a client that takes a name as it is, whatever the search list.
const fn whole(line: &'static str, asks: fn(&Place) -> Vec<Types>) -> Client {
    Client { searches: false, ..client(line, asks) }
}

fn ipv6_first(place: &Place) -> Vec<Types> {
    if place.suffix.iter().any(IpAddr::is_ipv6) { vec![AAAA] } else { vec![AAAA, A] }
}
