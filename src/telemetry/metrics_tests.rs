use super::*;

fn observe(metrics: &Metrics, zone: &str, change: impl FnOnce(&mut Observation<'_>)) {
    let (server, zone) = (Arc::from("dns://:53"), Arc::from(zone));
    let mut seen = Observation {
        server: &server,
        zone: &zone,
        view: None,
        proto: "udp",
        ipv6: false,
        qtype: RecordType::A,
        dnssec_ok: false,
        request_size: 41,
        response_size: 68,
        rcode: ResponseCode::NoError,
        plugin: "errors",
        duration: Duration::from_micros(300),
    };
    change(&mut seen);
    metrics.observe(&seen);
}

#[track_caller]
fn assert_line(page: &str, line: &str) {
    assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
}

#[test]
fn counts_under_the_names_of_coredns() {
    let metrics = Metrics::default();
    observe(&metrics, ".", |_| {});
    observe(&metrics, ".", |seen| {
        seen.proto = "tcp";
        seen.ipv6 = true;
        seen.qtype = RecordType::from(99);
        seen.dnssec_ok = true;
    });
    observe(&metrics, DROPPED, |seen| {
        seen.rcode = ResponseCode::Refused;
        seen.plugin = "";
    });
    observe(&metrics, ".", |seen| seen.rcode = ResponseCode::Unknown(100));
    metrics.panicked();
    let enabled = |view: Option<&str>| Enabled {
        name: "errors",
        server: "dns://:53".into(),
        view: view.map(Into::into),
        zone: ".".into(),
    };
    metrics.enabled(&[enabled(None), enabled(Some("office"))]);
    let page = metrics.page();
    for line in [
        "# TYPE coredns_panics_total counter",
        "coredns_panics_total 1",
        "# TYPE coredns_plugin_enabled gauge",
        "coredns_plugin_enabled{name=\"errors\",server=\"dns://:53\",view=\"\",zone=\".\"} 1",
        "coredns_plugin_enabled{name=\"errors\",server=\"dns://:53\",view=\"office\",zone=\".\"} 1",
        "# HELP coredns_dns_requests_total Counter of DNS requests made per zone, protocol and family.",
        "# TYPE coredns_dns_requests_total counter",
        "coredns_dns_requests_total{family=\"1\",proto=\"udp\",server=\"dns://:53\",type=\"A\",view=\"\",zone=\".\"} 2",
        "coredns_dns_requests_total{family=\"2\",proto=\"tcp\",server=\"dns://:53\",type=\"other\",view=\"\",zone=\".\"} 1",
        "coredns_dns_do_requests_total{server=\"dns://:53\",view=\"\",zone=\".\"} 1",
        "coredns_dns_responses_total{plugin=\"\",rcode=\"REFUSED\",server=\"dns://:53\",view=\"\",zone=\"dropped\"} 1",
        "coredns_dns_responses_total{plugin=\"errors\",rcode=\"RCODE100\",server=\"dns://:53\",view=\"\",zone=\".\"} 1",
        "# TYPE coredns_dns_request_duration_seconds histogram",
        "coredns_dns_request_duration_seconds_count{server=\"dns://:53\",view=\"\",zone=\".\"} 3",
        "coredns_dns_request_duration_seconds_bucket{le=\"0.00025\",server=\"dns://:53\",view=\"\",zone=\".\"} 0",
        "coredns_dns_request_duration_seconds_bucket{le=\"8.192\",server=\"dns://:53\",view=\"\",zone=\".\"} 3",
        "coredns_dns_request_size_bytes_bucket{le=\"64000\",proto=\"udp\",server=\"dns://:53\",view=\"\",zone=\".\"} 2",
        "coredns_dns_response_size_bytes_bucket{le=\"100\",proto=\"tcp\",server=\"dns://:53\",view=\"\",zone=\".\"} 1",
    ] {
        assert_line(&page, line);
    }
    assert!(page.contains("coredns_build_info{goversion="), "{page}");
    assert!(!page.contains("# EOF"), "{page}");
    metrics.enabled(&[]);
    assert!(!metrics.page().contains("coredns_plugin_enabled{"));
}

#[test]
fn a_fresh_page_has_the_families_that_always_are_there() {
    assert_line(&Metrics::default().page(), "coredns_panics_total 0");
}
