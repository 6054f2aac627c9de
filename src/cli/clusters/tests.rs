use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::cli::whom::Said;
use crate::plugin::kubernetes::status::{
    ClusterStatus, FleetStatus, Fleets, State, Successor, UnusedClaim,
};

const NOW: u64 = 1_000_000;

fn parsed(line: &str) -> Result<Clusters, String> {
    let words = line.split_whitespace().map(OsString::from);
    parse(words).map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

#[test]
fn reads_its_words() {
    let whom = Whom { conf: "Corefile".into(), server: None, offline: false };
    let usual = Clusters { output: Output::Text, whom: whom.clone() };
    let of = |whom| Clusters { output: Output::Text, whom };
    let server = Some(([127, 0, 0, 1], 9154).into());
    for (line, expected) in [
        ("", usual.clone()),
        ("-o json", Clusters { output: Output::Json, ..usual.clone() }),
        ("--output=json", Clusters { output: Output::Json, ..usual.clone() }),
        ("-o text -conf x", of(Whom { conf: "x".into(), ..whom.clone() })),
        ("--conf x --offline", of(Whom { conf: "x".into(), offline: true, ..whom.clone() })),
        ("--server 127.0.0.1:9154", of(Whom { server, ..whom.clone() })),
    ] {
        assert_eq!(parsed(line), Ok(expected), "{line}");
    }
    for (line, expected) in [
        ("-o yaml", "error: invalid value 'yaml' for '--output <OUTPUT>'"),
        ("east", "error: unexpected argument 'east' found"),
        (
            "--server 127.0.0.1:1 --offline",
            "error: the argument '--server <ADDRESS:PORT>' cannot be used with '--offline'",
        ),
        (
            "--server 127.0.0.1:1 --conf x",
            "error: the argument '--server <ADDRESS:PORT>' cannot be used with '--conf <FILE>'",
        ),
    ] {
        assert_eq!(parsed(line), Err(expected.to_owned()), "{line}");
    }
}

fn cluster(id: &str, state: State) -> ClusterStatus {
    ClusterStatus {
        id: id.to_owned(),
        local: false,
        source: format!("Secret s/{id}, key {id}"),
        state,
        problem: None,
        last_contact: Some(NOW as f64 - 3.5),
        objects: [("Services".to_owned(), 12), ("EndpointSlices".to_owned(), 5)].into(),
        endpoints: 30,
        reach: vec!["direct".to_owned()],
        missing_rules: Vec::new(),
        unused_claims: Vec::new(),
        reconnects: 0,
        successor: None,
    }
}

fn fleet() -> FleetStatus {
    let claim = UnusedClaim {
        source: "Secret s/x, key west".into(),
        fault: "taken".into(),
        text: "Secret s/x, key west: west is a member already".into(),
    };
    let east = ClusterStatus { local: true, reach: Vec::new(), ..cluster("east", State::Synced) };
    let north = ClusterStatus {
        last_contact: None,
        objects: [].into(),
        source: "kubeconfig /x/no\nrth.yaml".into(),
        ..cluster("north", State::Refused)
    };
    let west = ClusterStatus {
        last_contact: Some(NOW as f64 - 312.0),
        objects: [("Services".to_owned(), 3)].into(),
        reach: vec!["gateway 203.0.113.10".to_owned(), "direct".to_owned()],
        problem: Some("Services: connection refused".into()),
        missing_rules: vec!["nodes".into()],
        unused_claims: vec![claim],
        successor: Some(Successor { state: State::Failing, problem: Some("Nodes: no".into()) }),
        ..cluster("west", State::Stale)
    };
    FleetStatus {
        zones: vec!["cluster.local.".into()],
        clusters: vec![east, north, west],
        unread_sources: vec!["members secrets s".into()],
    }
}

fn shown(page: &Said<Fleets>) -> String {
    table::text(page, UNIX_EPOCH + Duration::from_secs(NOW))
}

const TABLE: &str = "\
CLUSTER       STATE    LAST CONTACT  SERVICES  ENDPOINTS  REACH                         SOURCE
east (local)  synced   3s ago        12        30         -                             Secret s/east, key east
north         refused  never         -         -          direct                        kubeconfig /x/no\\nrth.yaml
west          stale    5m12s ago     3         -          gateway 203.0.113.10, direct  Secret s/west, key west

west: Services: connection refused
west: may not list nodes: allow list and watch of it
west: Secret s/x, key west: west is a member already
west: new credentials do not work yet: Nodes: no
members secrets s: not read yet
";

#[test]
fn shows_a_table_and_what_is_wrong() {
    let page = Said { server: None, offline: None, page: Fleets { fleets: vec![fleet()] } };
    assert_eq!(shown(&page), TABLE);
    let page = Said {
        server: None,
        offline: Some("as was asked for".into()),
        page: Fleets { fleets: vec![] },
    };
    assert_eq!(
        shown(&page),
        "Offline (as was asked for): this is what the Corefile connects to from here.\n\n\
         No clusters: there is no kubernetes in the Corefile.\n"
    );
    let page =
        Said { server: None, offline: None, page: Fleets { fleets: vec![fleet(), fleet()] } };
    assert_eq!(shown(&page), format!("cluster.local.\n{TABLE}\ncluster.local.\n{TABLE}"));
}

#[test]
fn ages_are_short() {
    let at =
        |seconds: f64| ClusterStatus { last_contact: Some(seconds), ..cluster("x", State::Synced) };
    for (age, expected) in [
        (-5.0, "0s ago"),
        (59.0, "59s ago"),
        (60.0, "1m0s ago"),
        (7384.0, "2h3m ago"),
        (200_000.0, "2d7h ago"),
    ] {
        let fleet = FleetStatus {
            zones: Vec::new(),
            clusters: vec![at(NOW as f64 - age)],
            unread_sources: Vec::new(),
        };
        let page = Said { server: None, offline: None, page: Fleets { fleets: vec![fleet] } };
        assert!(shown(&page).contains(expected), "{expected}: {}", shown(&page));
    }
}

/// The names that the README promises.
#[test]
fn json_has_stable_names() {
    let server = Some(([127, 0, 0, 1], 9154).into());
    let page = Said { server, offline: None, page: Fleets { fleets: vec![fleet()] } };
    let page = serde_json::to_value(&page).unwrap();
    assert_eq!((&page["server"], &page["offline"]), (&"127.0.0.1:9154".into(), &().into()));
    let due = serde_json::json!({
        "id": "west", "local": false, "source": "Secret s/west, key west", "state": "stale",
        "problem": "Services: connection refused", "last_contact": 999_688.0,
        "objects": {"Services": 3}, "endpoints": 30, "reach": ["gateway 203.0.113.10", "direct"],
        "missing_rules": ["nodes"], "reconnects": 0,
        "successor": {"state": "failing", "problem": "Nodes: no"},
        "unused_claims": [{"source": "Secret s/x, key west", "fault": "taken",
            "text": "Secret s/x, key west: west is a member already"}],
    });
    assert_eq!(page["fleets"][0]["clusters"][2], due);
    assert_eq!(page["fleets"][0]["zones"], serde_json::json!(["cluster.local."]));
    assert_eq!(page["fleets"][0]["unread_sources"], serde_json::json!(["members secrets s"]));
}
