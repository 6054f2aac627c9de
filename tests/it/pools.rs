//! Address pools: the same address for a name everywhere and for ever, reverse look-ups, and what is said
//! when names collide, a pool is too small, or a cluster uses it.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::process::Command;

use fleetdns::zone::name::WireName;
use fleetdns::zone::pool::Pool;
use fleetdns::zone::reverse;
use hickory_proto::rr::RecordType;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::harness::{ControlPlane, DnsServer, FLEETDNS, LONG, eventually, get, parts, scratch};

const COREFILE: &str = ".:{PORT} {
    bind 127.0.0.1
    prometheus 127.0.0.1:{METRICS_PORT}
    sentinel mesh {
        pool 240.1.0.0/16 fd00:f1ee::/64
    }
}";

fn pool(text: &str) -> Pool {
    Pool::new(text.parse().expect("a network")).expect("a pool")
}

fn address(name: &str, pool: &Pool) -> IpAddr {
    pool.address(&WireName::parse(name).expect("a name"))
}

/// The addresses of all names, asked for in an order of this seed.
async fn addresses(server: &DnsServer, names: &[String], seed: u64) -> BTreeMap<String, IpAddr> {
    let mut order: Vec<&String> = names.iter().collect();
    order.shuffle(&mut StdRng::seed_from_u64(seed));
    let mut all = BTreeMap::new();
    for name in order {
        let reply = server.ask(name, RecordType::A).await;
        assert_eq!(reply.answers.len(), 1, "{name}");
        let address = reply.answers[0].data.ip_addr().expect("an address");
        all.insert(name.clone(), address);
    }
    all
}

/// Scenarios 17 and 18: three replicas, restarts, any order, and other names that come and go.
#[tokio::test]
async fn s17_s18_10_000_names_have_one_address_on_every_replica_and_keep_it() {
    let names: Vec<String> = (0..10_000).map(|n| format!("db{n}.team{}.mesh.", n % 13)).collect();
    let [first, second, third] = [(); 3].map(|()| FLEETDNS.start(COREFILE));
    let (first, second, mut third) = tokio::join!(first, second, third);
    let (one, two, three) = tokio::join!(
        addresses(&first, &names, 1),
        addresses(&second, &names, 2),
        addresses(&third, &names, 3),
    );
    assert_eq!(one, two);
    assert_eq!(one, three);
    third.kill();
    // The last is new, and is asked for other names first.
    let third = FLEETDNS.start(COREFILE).await;
    let others: Vec<String> = (0..1000).map(|n| format!("other{n}.mesh.")).collect();
    addresses(&third, &others, 4).await;
    addresses(&first, &others, 5).await;
    let sample: Vec<String> = names.iter().step_by(7).cloned().collect();
    for (server, seed) in [(&third, 6), (&first, 7)] {
        let again = addresses(server, &sample, seed).await;
        assert!(again.iter().all(|(name, address)| one[name] == *address));
    }
    // As the documented function has it, which the program prints.
    for name in names.iter().take(5) {
        let printed = vip(&[name, "--pool", "240.1.0.0/16"]);
        assert_eq!(printed, one[name].to_string(), "{name}");
    }
}

/// What `fleetdns vip` prints.
fn vip(words: &[&str]) -> String {
    let output = Command::new(parts::fleetdns()).arg("vip").args(words).output();
    let output = output.expect("fleetdns runs");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// Two names of `mesh` with one address in a pool.
fn colliding(pool: &Pool) -> (String, String, IpAddr) {
    let mut seen = HashMap::new();
    for number in 0.. {
        let name = format!("db{number}.mesh.");
        let address = address(&name, pool);
        if let Some(other) = seen.insert(address, name.clone()) {
            return (other, name, address);
        }
    }
    unreachable!("a pool is finite")
}

/// The value of a metric, by its name and labels.
async fn metric(server: &DnsServer, name: &str) -> Option<String> {
    let (_, page) = get(server.addr("METRICS_PORT"), "/metrics").await.expect("the metrics");
    let line = page.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().to_owned())
}

/// Scenario 19: never silently shared.
#[tokio::test]
async fn s19_names_that_collide_are_logged_once_counted_and_listed() {
    let dns = FLEETDNS.start(COREFILE).await;
    let (one, other, address) = colliding(&pool("240.1.0.0/16"));
    let labels = "{pool=\"240.1.0.0/16\"}";
    let list = || {
        let conf = dns.corefile().display().to_string();
        vip(&["--collisions", "--conf", &conf])
    };
    assert_eq!(list(), "No two names in use share an address.");
    let answer = format!("NOERROR {address}");
    dns.must_say(&[(&format!("{one} A"), &answer), (&format!("{other} A"), &answer)]).await;
    dns.comes_to_log("names share an address").await;
    // Both are told whichever was asked for first.
    let line = dns.logs().lines().find(|line| line.contains("share an address")).map(str::to_owned);
    let line = line.expect("a line");
    assert!(line.contains(&one) && line.contains(&other) && line.contains(&address.to_string()));
    let mut names = [one.clone(), other.clone()];
    names.sort();
    assert_eq!(list(), format!("240.1.0.0/16 {address} {}", names.join(" ")));
    let server = format!("--server={}", dns.addr("METRICS_PORT"));
    assert_eq!(list(), vip(&["--collisions", &server]));
    for (name, value) in [("names", "2"), ("collisions", "1"), ("new_collisions_total", "1")] {
        let name = format!("coredns_sentinel_pool_{name}{labels}");
        eventually(&format!("{name} {value}"), LONG, async || match metric(&dns, &name).await {
            found if found.as_deref() == Some(value) => Ok(()),
            found => Err(format!("{found:?}")),
        })
        .await;
    }
    for name in [&one, &other, &one.to_uppercase()] {
        dns.must_say(&[(&format!("{name} A"), &answer)]).await;
    }
    let pointer = format!("{} PTR", reverse::name(address));
    dns.must_say(&[(&pointer, &format!("NOERROR {}", names.join(", ")))]).await;
    assert_eq!(dns.logs().matches("share an address").count(), 1, "{}", dns.logs());

    let mut command = Command::new(parts::fleetdns());
    let output = command.args(["vip", "--collisions", "--server=127.0.0.1:1"]).output();
    let output = output.expect("fleetdns runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("no server answers at 127.0.0.1:1") && !output.status.success(),
        "{said}"
    );
}

/// Scenario 20: no address that means something else, and no pool that a cluster or another one uses.
#[tokio::test]
async fn s20_no_name_has_an_address_that_is_something_else() {
    let dns = FLEETDNS
        .start(
            ".:{PORT} {\nbind 127.0.0.1\nsentinel mesh {\npool 10.200.0.0/20 fd00:f1ee::/120\n}\n}",
        )
        .await;
    for number in 0..3000 {
        let name = format!("n{number}.mesh.");
        for kind in [RecordType::A, RecordType::AAAA] {
            let reply = dns.ask(&name, kind).await;
            let address = reply.answers[0].data.ip_addr().expect("an address");
            let is_kept = match address {
                IpAddr::V4(v4) => matches!(v4.octets()[3], 0 | 255),
                IpAddr::V6(v6) => v6.octets()[15] == 0 || v6.octets()[15] >= 128,
            };
            assert!(!is_kept, "{name} {address}");
        }
    }
    for (pools, problem) in [
        ("10.244.0.0/16", "shares addresses with 10.240.0.0/12 in cidrs"),
        (
            "240.0.0.0/8\n}\nsentinel global {\npool 240.7.0.0/16",
            "shares addresses with 240.0.0.0/8",
        ),
        ("224.0.0.0/8", "multicast"),
    ] {
        let corefile = format!(
            ".:{{PORT}} {{\nkubernetes cluster.local {{\nmanifests .\n}}\nfleet {{\nlocal east\n\
             cidrs 10.240.0.0/12\n}}\nsentinel mesh {{\npool {pools}\n}}\n}}"
        );
        let (status, said) = FLEETDNS.refuse(&corefile).await;
        assert!(!status.success() && said.contains(problem), "{pools}: {said}");
    }
}

/// Whoever declares an address of a pool: a wildcard, a host of another suffix, or of any domain.
#[tokio::test]
async fn declared_addresses_collide_with_those_of_names() {
    let folder = scratch::folder("entries");
    let entry = |name: &str, spec: &str| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{ name: {name} }}\n{spec}\n"
        )
    };
    let [one, two, three] =
        [1, 2, 3].map(|n| address(&format!("db{n}.mesh"), &pool("240.1.0.0/16")));
    let entries = [
        entry("wild", &format!("spec: {{ hosts: ['*.w.mesh'], addresses: [{one}] }}")),
        entry("other", &format!("spec: {{ hosts: [r.remote], addresses: [{two}] }}")),
        entry(
            "given",
            &format!(
                "spec: {{ hosts: [api.example.com] }}\nstatus: {{ addresses: [{{ value: {three} }}] }}"
            ),
        ),
        // Seen by nobody here, so that its name has the pool's address, too.
        entry("private", "spec: { hosts: [own.mesh], addresses: [240.1.7.7], exportTo: [ops] }"),
    ];
    std::fs::write(folder.join("entries.yaml"), entries.concat()).expect("write a manifest");
    let dns = FLEETDNS
        .start(&format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                prometheus 127.0.0.1:{{METRICS_PORT}}
                kubernetes cluster.local {{
                    manifests {}
                }}
                sentinel mesh {{
                    pool 240.1.0.0/16
                    serviceentries
                }}
                sentinel remote {{
                    answer 241.0.0.1
                }}
            }}",
            folder.display()
        ))
        .await;
    dns.comes_to_say("x.w.mesh A", &format!("NOERROR {one}")).await;
    for name in ["db1", "db2", "db3", "own"] {
        dns.ask(&format!("{name}.mesh."), RecordType::A).await;
    }
    let conf = dns.corefile().display().to_string();
    let mut due = [
        format!("240.1.0.0/16 {one} *.w.mesh. db1.mesh."),
        format!("240.1.0.0/16 {two} db2.mesh. r.remote."),
        format!("240.1.0.0/16 {three} api.example.com. db3.mesh."),
    ];
    due.sort();
    eventually("all collisions", LONG, async || {
        let listed = vip(&["--collisions", "-conf", &conf]);
        let mut listed: Vec<&str> = listed.lines().collect();
        listed.sort_unstable();
        if listed == due { Ok(()) } else { Err(listed.join("; ")) }
    })
    .await;
    let own = address("own.mesh", &pool("240.1.0.0/16"));
    dns.comes_to_say(&format!("{} PTR", reverse::name(own)), "NOERROR own.mesh.").await;
    dns.must_say(&[(&format!("{} PTR", reverse::name(one)), "NOERROR db1.mesh.")]).await;
}

/// The prefix that would do is named, and where only IPv6 would do, that.
#[tokio::test]
async fn a_pool_that_is_small_for_its_names_is_said() {
    let dns = FLEETDNS.start(COREFILE).await;
    let ask = async |range: std::ops::Range<u32>| {
        for number in range {
            dns.ask(&format!("n{number}.mesh."), RecordType::AAAA).await;
        }
    };
    ask(0..36).await;
    eventually("36 names in use", LONG, async || {
        let name = "coredns_sentinel_pool_names{pool=\"240.1.0.0/16\"}";
        metric(&dns, name).await.is_some_and(|value| value == "36")
    })
    .await;
    assert!(!dns.logs().contains("small for the names"), "{}", dns.logs());
    ask(36..60).await;
    dns.comes_to_log("a /15 would do").await;
    ask(60..2400).await;
    dns.comes_to_log("no network of IPv4 would do").await;
    // Of all prefixes from 15 to 4 each is said once, and of IPv6 nothing.
    assert_eq!(dns.logs().matches("small for the names").count(), 13, "{}", dns.logs());
}

/// Scenario 21, and scenario 20 for an address that all names of another suffix share.
#[tokio::test]
async fn s21_an_address_in_use_has_the_name_and_others_have_none() {
    let dns = FLEETDNS
        .start(
            ".:{PORT} {
                bind 127.0.0.1
                prometheus 127.0.0.1:{METRICS_PORT}
                sentinel mesh {
                    pool 240.1.0.0/16 fd00:f1ee::/64
                }
                sentinel remote {
                    answer 240.1.0.1
                }
            }",
        )
        .await;
    let pools = ["240.1.0.0/16", "fd00:f1ee::/64"].map(pool);
    let pointer = |address: IpAddr| format!("{} PTR", reverse::name(address));
    let all = pools.map(|pool| pointer(address("db1.mesh", &pool)));
    dns.must_say(&[(&all[0], "NXDOMAIN 1.240.in-addr.arpa. 5")]).await;
    dns.ask("DB1.mesh.", RecordType::A).await;
    for pointer in &all {
        dns.comes_to_say(pointer, "NOERROR db1.mesh.").await;
    }
    dns.must_say(&[
        ("1.0.1.240.in-addr.arpa PTR", "NODATA 1.240.in-addr.arpa. 5"),
        ("2.0.1.240.in-addr.arpa PTR", "NXDOMAIN 1.240.in-addr.arpa. 5"),
        (
            "1.240.in-addr.arpa SOA",
            "NOERROR ns.dns.1.240.in-addr.arpa. hostmaster.1.240.in-addr.arpa. 1 7200 1800 86400 5",
        ),
    ])
    .await;
    // A name that has the address of `answer` collides with all names of that suffix.
    let name = (0..)
        .map(|n| format!("x{n}.mesh."))
        .find(|name| address(name, &pools[0]).to_string() == "240.1.0.1");
    dns.ask(&name.expect("some name"), RecordType::A).await;
    dns.comes_to_log("names=\"*.remote. x").await;
}

/// Ranges that a cluster says it uses: its ServiceCIDR, and its Nodes' pods.
#[tokio::test]
async fn a_pool_that_a_cluster_uses_is_warned_about() {
    let cluster = ControlPlane::cluster("pool-ranges", "10.127.0.0/16").await;
    let node = |cidr: &str| {
        format!(
            "---\n{{apiVersion: v1, kind: Node, metadata: {{name: n1}}, spec: {{podCIDR: {cidr}, podCIDRs: [{cidr}]}}}}\n"
        )
    };
    let dns = FLEETDNS
        .start(&format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                prometheus 127.0.0.1:{{METRICS_PORT}}
                kubernetes cluster.local {{
                    kubeconfig {}
                }}
                sentinel mesh {{
                    pool 10.112.0.0/12
                }}
            }}",
            cluster.kubeconfig().display()
        ))
        .await;
    dns.comes_to_log("range=10.127.0.0/16").await;
    let name = "coredns_sentinel_pool_overlaps{cluster=\"local\",pool=\"10.112.0.0/12\"}";
    assert_eq!(metric(&dns, name).await.as_deref(), Some("1"));
    cluster.apply(&node("10.120.7.0/24")).await;
    dns.comes_to_log("range=10.120.7.0/24").await;
    assert_eq!(metric(&dns, name).await.as_deref(), Some("2"));
    cluster.delete(&node("10.120.7.0/24")).await;
    eventually("one range less", LONG, async || {
        metric(&dns, name).await.is_some_and(|value| value == "1")
    })
    .await;
    assert_eq!(dns.logs().matches("choose another network").count(), 2, "{}", dns.logs());
}
