use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

fn pool(text: &str) -> Pool {
    Pool::new(text.parse().unwrap()).unwrap()
}

fn name(text: &str) -> WireName {
    WireName::parse(text).unwrap()
}

/// These never change: sidecars listen on the addresses that this function gave out.
const VECTORS: &[(&str, &str, &str)] = &[
    ("db1.mesh", "240.0.0.0/8", "240.177.131.9"),
    ("db2.mesh", "240.0.0.0/8", "240.65.254.185"),
    ("DB1.Mesh.", "240.0.0.0/8", "240.177.131.9"),
    ("a.b.c.example.com", "240.0.0.0/8", "240.157.239.73"),
    ("db1.mesh", "240.1.0.0/16", "240.1.131.9"),
    ("db2.mesh", "240.1.0.0/16", "240.1.254.185"),
    ("db1.mesh", "10.9.8.0/29", "10.9.8.5"),
    ("db2.mesh", "10.9.8.0/29", "10.9.8.3"),
    ("db1.mesh", "fd00:f1ee::/64", "fd00:f1ee::cf62:43b6:d9e9:457f"),
    ("db2.mesh", "fd00:f1ee::/64", "fd00:f1ee::d6c7:ebd5:2e85:253f"),
    ("db1.mesh", "fd00:f1ee::/48", "fd00:f1ee:0:a97c:cf62:43b6:d9e9:457f"),
    ("a.b.c.example.com", "fd00:f1ee::/120", "fd00:f1ee::49"),
];

#[test]
fn vectors() {
    for (text, network, address) in VECTORS {
        assert_eq!(pool(network).address(&name(text)).to_string(), *address, "{text} {network}");
    }
}

#[test]
fn counts_through_a_network() {
    let shown = |network: &str, numbers: &[u128]| {
        let pool = pool(network);
        numbers.iter().map(|number| pool.nth(*number).to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shown("240.0.0.0/24", &[0, 253]), "240.0.0.1 240.0.0.254");
    assert_eq!(shown("240.1.0.0/16", &[253, 254, 65_023]), "240.1.0.254 240.1.1.1 240.1.255.254");
    assert_eq!(shown("10.0.0.16/30", &[0, 1]), "10.0.0.17 10.0.0.18");
    assert_eq!(shown("240.0.0.0/4", &[(1 << 20) * 254 - 1]), "255.255.255.254");
    assert_eq!(shown("fd00::/120", &[0, 126]), "fd00::1 fd00::7f");
    let last = (1_u128 << 64) - 257;
    assert_eq!(
        shown("fd00::/64", &[0, ANYCAST_64 - 2, ANYCAST_64 - 1, last - 1]),
        "fd00::1 fd00::fdff:ffff:ffff:ff7f fd00::fe00:0:0:0 fd00::ffff:ffff:ffff:ff7f"
    );
    assert_eq!(shown("fd00::/63", &[last]), "fd00:0:0:1::1");
}

#[test]
fn networks_that_are_no_pool() {
    for (network, expected) in [
        ("240.0.0.1/32", "240.0.0.1/32 has no address"),
        ("240.0.0.0/31", "240.0.0.0/31 has no address"),
        ("fd00::/121", "fd00::/121 has no address"),
        ("127.1.0.0/16", "127.1.0.0/16 has addresses of 127.0.0.0/8: loopback"),
        ("0.0.0.0/0", "0.0.0.0/0 has addresses of 0.0.0.0/8"),
        ("192.0.0.0/2", "192.0.0.0/2 has addresses of 224.0.0.0/4: multicast"),
        ("169.254.7.0/24", "link-local"),
        ("fe80::/64", "fe80::/64 has addresses of fe80::/10: link-local"),
        ("::ffff:0:0/96", "IPv4 in IPv6"),
        ("ff02::/16", "multicast"),
    ] {
        let error = Pool::new(network.parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains(expected), "{network}: {error}");
    }
}

#[test]
fn says_which_prefix_would_do() {
    for (network, names, prefix) in [
        ("240.0.0.0/16", 30, Some(16)),
        ("240.0.0.0/16", 50, Some(15)),
        ("240.0.0.0/16", 1000, Some(6)),
        ("240.0.0.0/8", 2000, Some(4)),
        ("240.0.0.0/8", 10_000, None),
        ("240.0.0.0/8", 1, Some(8)),
        ("fd00::/120", 65_536, Some(90)),
    ] {
        let pool = pool(network);
        assert_eq!(pool.prefix_for(names), prefix, "{network} {names}");
        let is_likely = pool.likelihood(names) > LIKELY;
        assert_eq!(is_likely, prefix != Some(pool.network().prefix_len()), "{network} {names}");
    }
    let hundredth = pool("fd00::/64").likelihood(65_536);
    assert!(hundredth < 1e-9, "{hundredth}");
}

/// As many names collide as the birthday problem says, so the names are spread evenly.
#[test]
fn names_are_spread_evenly() {
    for (network, due) in [("240.1.0.0/16", 769.0_f64), ("240.0.0.0/8", 3.0), ("fd00::/64", 0.0)] {
        let pool = pool(network);
        let mut names = HashMap::<IpAddr, u32>::new();
        for number in 0..10_000 {
            let address = pool.address(&name(&format!("db{number}.team{}.mesh", number % 7)));
            *names.entry(address).or_default() += 1;
        }
        let found: u32 = names.values().map(|count| count * (count - 1) / 2).sum();
        // Three times the standard deviation of that count.
        assert!((f64::from(found) - due).abs() <= 3.0 * due.sqrt() + 1e-9, "{network}: {found}");
    }
}

fn label() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..20)
}

fn any_name() -> impl Strategy<Value = WireName> {
    prop::collection::vec(label(), 1..8).prop_filter_map("too long", |labels| {
        WireName::from_labels(labels.iter().map(Vec::as_slice))
    })
}

fn any_pool() -> impl Strategy<Value = Pool> {
    let v4 = (any::<u32>(), 1_u8..=32).prop_map(|(ip, prefix)| (Ipv4Addr::from(ip).into(), prefix));
    let v6 =
        (any::<u128>(), 8_u8..=128).prop_map(|(ip, prefix)| (Ipv6Addr::from(ip).into(), prefix));
    prop_oneof![v4, v6].prop_filter_map("no pool", |(ip, prefix): (IpAddr, u8)| {
        Pool::new(IpNet::new(ip, prefix).ok()?).ok()
    })
}

/// Whether nobody may have an address in a network, said without counting.
fn is_kept(network: IpNet, address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let is_edge = address == network.network() || address == network.broadcast();
            is_edge || matches!(v4.octets()[3], 0 | 255) || v4.is_broadcast() || v4.is_multicast()
        }
        IpAddr::V6(v6) => {
            let id = u128::from(v6) as u64;
            let is_anycast = match network.prefix_len() {
                ..=64 => id == 0 || id >= u64::MAX - 127 || id & !0x7f == 0xfdff_ffff_ffff_ff80,
                prefix => {
                    let host = id & (u64::MAX >> (prefix - 64));
                    host == 0 || host | 127 == u64::MAX >> (prefix - 64)
                }
            };
            is_anycast || v6.is_multicast() || v6.is_unspecified() || v6.is_loopback()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn an_address_is_of_its_pool_and_depends_on_nothing_else(
        pool in any_pool(), names in prop::collection::vec(any_name(), 1..8), number in any::<u128>()
    ) {
        let network = pool.network();
        for address in names.iter().map(|name| pool.address(name)).chain([pool.nth(number % pool.names())]) {
            prop_assert!(network.contains(&address), "{address}");
            prop_assert!(!is_kept(network, address), "{address} of {network}");
        }
        let again = Pool::new(network).unwrap();
        for name in names.iter().rev() {
            let upper: Vec<Vec<u8>> =
                name.labels_spelled().map(<[u8]>::to_ascii_uppercase).collect();
            let upper = WireName::from_labels(upper.iter().map(Vec::as_slice)).unwrap();
            prop_assert_eq!(again.address(&upper), pool.address(name));
        }
    }

    /// A small network is used wholly, each address once.
    #[test]
    fn every_number_is_another_address(ip in any::<u32>(), prefix in 20_u8..=30) {
        let Ok(pool) = Pool::new(IpNet::new(Ipv4Addr::from(ip).into(), prefix).unwrap()) else {
            return Ok(());
        };
        let all: HashSet<IpAddr> = (0..pool.names()).map(|number| pool.nth(number)).collect();
        prop_assert_eq!(all.len() as u128, pool.names());
        let due = pool.network().hosts().filter(|ip| !is_kept(pool.network(), *ip)).count();
        prop_assert_eq!(all.len(), due);
    }
}
