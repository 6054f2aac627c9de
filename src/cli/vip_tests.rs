use super::*;

fn said(line: &str) -> String {
    match parse(line.split_whitespace().map(OsString::from)) {
        Ok(vip) => vip.text(|_| panic!("no Corefile is read")).unwrap(),
        Err(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}

#[test]
fn prints_the_address_of_a_name() {
    for (line, expected) in [
        ("db1.mesh --pool 240.0.0.0/8", "240.177.131.9"),
        ("--pool=240.0.0.0/8 DB1.mesh.", "240.177.131.9"),
        ("-pool 240.1.0.0/16 db2.mesh", "240.1.254.185"),
        (
            "db1.mesh --pool 240.0.0.0/8 --pool fd00:f1ee::/64",
            "240.177.131.9\nfd00:f1ee::cf62:43b6:d9e9:457f",
        ),
    ] {
        assert_eq!(said(line), expected, "{line}");
    }
}

#[test]
fn says_what_is_wrong() {
    for (line, expected) in [
        ("", "error: the following required arguments were not provided:"),
        ("db1.mesh", "error: the following required arguments were not provided:"),
        ("db1.mesh --pool x", "error: 'x' is no network; write e.g. 241.0.0.0/8"),
        ("a..b --pool 240.0.0.0/8", "error: 'a..b' is no host name"),
        (". --pool 240.0.0.0/8", "error: '.' is no host name"),
        (
            "x --pool 240.0.0.0/16 --pool 241.0.0.0/16",
            "error: the pools 240.0.0.0/16 and 241.0.0.0/16 are of one family, and a name has one address of each",
        ),
        (
            "x --pool 240.0.0.0/8 --service-entry --port 0",
            "error: '0' is no port; write e.g. 3306 or 3306/TCP",
        ),
        (
            "x --pool 240.0.0.0/8 --service-entry --port 1/UDP",
            "error: '1/UDP' has no protocol of Istio's: TCP, TLS, HTTP, HTTP2, HTTPS, GRPC, GRPC-WEB, MONGO, MYSQL",
        ),
        ("a@b.mesh --pool 240.0.0.0/8", "error: 'a@b.mesh' is no host name"),
        ("*.mesh --pool 240.0.0.0/8", "error: '*.mesh' is no host name"),
        (
            "x --pool 240.0.0.0/8 --service-entry --port 80 --port 80/http",
            "error: the port 80 is there twice",
        ),
        (
            "x --pool 240.0.0.0/8 --service-entry --port +80",
            "error: '+80' is no port; write e.g. 3306 or 3306/TCP",
        ),
        (
            "x --pool 240.0.0.0/8 --service-entry --endpoint a/b",
            "error: 'a/b' is neither an address nor a host name",
        ),
        (
            "x --pool 240.0.0.0/8 --collisions",
            "error: the argument '[NAME]' cannot be used with '--collisions'",
        ),
    ] {
        assert_eq!(said(line), expected, "{line}");
    }
    let error = said("x --pool 127.0.0.0/8");
    assert!(
        error.starts_with("error: 127.0.0.0/8 has addresses of 127.0.0.0/8: loopback"),
        "{error}"
    );
}

#[test]
fn prints_a_service_entry_that_reads_back() {
    use crate::cluster::kinds::{ServiceEntry, ServiceEntryObject};
    let text = said(
        "db1.mesh --pool 240.0.0.0/8 --pool fd00:f1ee::/64 --service-entry --port 3306/mysql --port 443 \
         --endpoint 203.0.113.7",
    );
    let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let due = serde_json::json!([
        {"number": 3306, "name": "mysql-3306", "protocol": "MYSQL"},
        {"number": 443, "name": "tcp-443", "protocol": "TCP"}
    ]);
    assert_eq!(value["spec"]["ports"], due, "{text}");
    assert_eq!(value["spec"]["endpoints"], serde_json::json!([{"address": "203.0.113.7"}]));
    let object: ServiceEntryObject = serde_json::from_value(value).unwrap();
    let entry = ServiceEntry::from(object);
    assert_eq!((&*entry.key.name, &*entry.hosts), ("db1-mesh", &["db1.mesh".into()][..]));
    let addresses: Vec<String> = entry.addresses.iter().map(IpAddr::to_string).collect();
    assert_eq!(addresses, ["240.177.131.9", "fd00:f1ee::cf62:43b6:d9e9:457f"]);
}

#[test]
fn lists_what_is_shared() {
    assert_eq!(table(&[]), "No two names in use share an address.");
    let shared = Shared {
        pool: "240.1.0.0/16".into(),
        address: "240.1.2.3".parse().unwrap(),
        names: vec!["a.mesh.".into(), "b.mesh.".into()],
    };
    assert_eq!(table(&[shared]), "240.1.0.0/16 240.1.2.3 a.mesh. b.mesh.");
}
