use std::time::Duration;

use super::*;
use crate::telemetry::Metrics;

/// The lines of the fleet, without those that explain them.
fn series(metrics: &Metrics) -> Vec<String> {
    let page = metrics.page();
    let lines = page.lines().filter_map(|line| line.strip_prefix("coredns_fleet_"));
    lines.map(str::to_owned).collect()
}

fn sample(seconds: u64) -> ClusterSample {
    ClusterSample {
        is_up: true,
        is_synced: true,
        last_contact: Some(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 500)),
        objects: [("Services", 3), ("Namespaces", 1)].into(),
        reconnects: 2,
        ..ClusterSample::default()
    }
}

#[test]
fn says_how_each_cluster_is_when_it_is_asked() {
    let metrics = Metrics::default();
    assert!(series(&metrics).is_empty(), "{}", metrics.page());
    metrics.fleet.watch(|| {
        let lost = ClusterSample { conflicts: 1, refused: 2, ..ClusterSample::default() };
        vec![("east".into(), sample(1_000_000_000)), ("we\"st".into(), lost)]
    });
    metrics.fleet.overlapped(&"we\"st");
    metrics.fleet.hidden(0, &"east", 4);
    metrics.fleet.hidden(1, &"east", 2);
    let expected = [
        "up{cluster=\"east\"} 1",
        "up{cluster=\"we\\\"st\"} 0",
        "synced{cluster=\"east\"} 1",
        "synced{cluster=\"we\\\"st\"} 0",
        "stale{cluster=\"east\"} 0",
        "stale{cluster=\"we\\\"st\"} 0",
        "last_contact_timestamp_seconds{cluster=\"east\"} 1000000000.5",
        "conflicts{cluster=\"east\"} 0",
        "conflicts{cluster=\"we\\\"st\"} 1",
        "refused{cluster=\"east\"} 0",
        "refused{cluster=\"we\\\"st\"} 2",
        "objects{cluster=\"east\",kind=\"Namespaces\"} 1",
        "objects{cluster=\"east\",kind=\"Services\"} 3",
        "reconnects_total{cluster=\"east\"} 2",
        "reconnects_total{cluster=\"we\\\"st\"} 0",
        "overlaps_total{cluster=\"we\\\"st\"} 1",
        "hidden_namespaces{cluster=\"east\"} 4",
    ];
    assert_eq!(series(&metrics), expected);
    let page = metrics.page();
    for line in [
        "# HELP coredns_fleet_up Whether the API server or folder of a cluster works at present.",
        "# TYPE coredns_fleet_up gauge",
        "# TYPE coredns_fleet_reconnects_total counter",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
}

#[test]
fn forgets_a_cluster_that_left_whole() {
    let metrics = Metrics::default();
    metrics.fleet.watch(|| vec![("east".into(), sample(1))]);
    metrics.fleet.overlapped(&"west");
    metrics.fleet.hidden(0, &"west", 1);
    assert!(series(&metrics).iter().all(|line| line.contains("east")), "{}", metrics.page());
    metrics.fleet.watch(|| vec![("west".into(), sample(1))]);
    let left = series(&metrics);
    assert!(left.iter().all(|line| line.contains("west") && !line.contains("overlaps")));
}

#[test]
fn a_cluster_that_is_held_twice_is_the_worse_of_both() {
    let metrics = Metrics::default();
    metrics.fleet.watch(|| {
        let never = ClusterSample { is_up: false, last_contact: None, ..sample(1) };
        let stale = ClusterSample { is_stale: true, ..sample(2) };
        vec![("east".into(), sample(3)), ("east".into(), never), ("east".into(), stale)]
    });
    let expected = [
        "up{cluster=\"east\"} 0",
        "synced{cluster=\"east\"} 1",
        "stale{cluster=\"east\"} 1",
        "conflicts{cluster=\"east\"} 0",
        "refused{cluster=\"east\"} 0",
        "objects{cluster=\"east\",kind=\"Namespaces\"} 3",
        "objects{cluster=\"east\",kind=\"Services\"} 9",
        "reconnects_total{cluster=\"east\"} 6",
    ];
    assert_eq!(series(&metrics), expected);
}
