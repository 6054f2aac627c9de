use super::*;

fn folded(text: &str) -> Folded {
    WireName::parse(text).unwrap().folded().into()
}

/// By an entry of this number.
fn declared(by: u64, ips: &[&str]) -> Declared {
    Declared { addresses: ips.iter().map(|ip| ip.parse().unwrap()).collect(), by }
}

fn in_use(network: &str) -> InUse {
    InUse::new(Pool::new(network.parse().unwrap()).unwrap())
}

/// Names in use by their addresses.
fn shown(all: &InUse) -> String {
    let mut lines: Vec<String> = all
        .addresses
        .iter()
        .map(|entry| {
            let names =
                entry.value().iter().map(|name| WireName::read(name).unwrap().0.to_string());
            format!("{} {}", entry.key(), names.collect::<Vec<_>>().join(" "))
        })
        .collect();
    lines.sort();
    lines.join(", ")
}

#[test]
fn a_name_is_in_use_for_an_hour() {
    let all = in_use("240.1.0.0/16");
    assert!(!all.stamp(&folded("db1.mesh"), 1));
    assert!(all.learn(&folded("db1.mesh"), 1) && all.learn(&folded("db2.mesh"), 30));
    assert_eq!(shown(&all), "240.1.131.9 db1.mesh., 240.1.254.185 db2.mesh.");
    assert!(all.stamp(&folded("db1.mesh"), 2));
    all.sweep(62);
    assert_eq!(all.len(), 2);
    all.sweep(63);
    assert_eq!(shown(&all), "240.1.254.185 db2.mesh.");
    assert!(all.names("240.1.131.9".parse().unwrap()).is_none());
}

#[test]
fn names_that_collide_are_told_with_their_address() {
    // Both are pinned by the vectors of the pool.
    let all = in_use("10.9.8.0/29");
    for name in ["db2.mesh", "a.b.c.example.com", "db1.mesh"] {
        assert!(all.learn(&folded(name), 1));
    }
    let names = BTreeSet::from(["a.b.c.example.com", "db2.mesh"].map(folded));
    let address = "10.9.8.3".parse().unwrap();
    assert_eq!(all.collisions(), [Collision { address, names }]);
    all.sweep(100);
    assert!(all.collisions().is_empty() && all.is_empty());
}

#[test]
fn a_declared_name_stays_and_has_its_own_addresses() {
    let all = in_use("240.1.0.0/16");
    all.learn(&folded("db2.mesh"), 1);
    all.declare(&BTreeMap::from([
        (folded("db1.mesh"), declared(1, &["240.1.9.9"])),
        (folded("api.mesh"), declared(2, &["240.1.254.185"])),
    ]));
    assert_eq!(shown(&all), "240.1.254.185 api.mesh. db2.mesh., 240.1.9.9 db1.mesh.");
    assert_eq!(all.collisions().len(), 1);
    all.sweep(1000);
    assert_eq!(shown(&all), "240.1.254.185 api.mesh., 240.1.9.9 db1.mesh.");
    // Whoever does not see the entry is given the pool's address, which is in use, too.
    assert!(!all.stamp(&folded("db1.mesh"), 1000) && all.learn(&folded("db1.mesh"), 1000));
    assert_eq!(shown(&all), "240.1.131.9 db1.mesh., 240.1.254.185 api.mesh., 240.1.9.9 db1.mesh.");
    all.declare(&BTreeMap::new());
    assert_eq!(shown(&all), "240.1.131.9 db1.mesh.");
    all.sweep(1061);
    assert!(all.is_empty());
}

#[test]
fn the_hosts_of_one_entry_may_share_an_address() {
    let all = in_use("240.1.0.0/16");
    let mut names = BTreeMap::from([
        (folded("a.mesh"), declared(1, &["240.1.9.9"])),
        (folded("b.mesh"), declared(1, &["240.1.9.9"])),
    ]);
    all.declare(&names);
    assert!(all.collisions().is_empty() && all.shared() == 1);
    names.insert(folded("c.mesh"), declared(2, &["240.1.9.9"]));
    all.declare(&names);
    assert_eq!(all.collisions()[0].names.len(), 3);
}

#[test]
fn no_more_names_than_there_is_room_for() {
    let all = in_use("240.0.0.0/8");
    for number in 0..MOST {
        assert!(all.learn(&folded(&format!("n{number}.mesh")), 1));
    }
    assert!(!all.learn(&folded("one.mesh"), 1));
    assert!(all.learn(&folded("n7.mesh"), 2));
    all.declare(&BTreeMap::from([(folded("two.mesh"), declared(1, &["240.1.1.1"]))]));
    assert_eq!(all.len(), MOST + 1);
}
