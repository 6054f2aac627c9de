use hickory_proto::rr::RecordType;

use super::*;
use crate::plugin::testing::{self, request};
use crate::plugin::{Failure, Reply};

#[test]
fn reads_its_words() {
    for (lines, expected) in [
        ("prometheus", Ok("127.0.0.1:9153")),
        ("prometheus :9153", Ok("[::]:9153")),
        ("prometheus localhost:9253", Ok("127.0.0.1:9253")),
        ("prometheus 127.0.0.2:1", Ok("127.0.0.2:1")),
        ("prometheus [::1]:1", Ok("[::1]:1")),
        ("prometheus 9153", Err("it has no port")),
        ("prometheus a b", Err("'prometheus' has 2 arguments")),
        ("prometheus {\nruntime_metrics\n}", Ok("127.0.0.1:9153")),
        ("prometheus {\nruntime_metrics on\n}", Err("'runtime_metrics' has the argument 'on'")),
        (
            "prometheus {\ntls /nowhere\n}",
            Err("'/nowhere' is no TLS file: /nowhere cannot be read"),
        ),
        ("prometheus {\ntls\n}", Err("'tls' has no argument; write `tls FILE`")),
        ("prometheus {\nbogus\n}", Err("bogus")),
        ("prometheus\nprometheus", Err("used twice")),
    ] {
        testing::check(lines, NAME, setup, expected, |_, process| {
            process.prometheus.keys().map(ToString::to_string).collect()
        });
    }
}

#[tokio::test]
async fn counts_the_outcome() {
    let keys = ". Example.org b.example.org:54";
    let (mut chain, process) = testing::setup_in(keys, "prometheus", NAME, setup).unwrap();
    type Case = (&'static str, fn(&Request) -> Outcome, &'static str);
    let cases: [Case; 4] = [
        (
            "a.example.org",
            |request| Reply::message(request.reply()),
            "plugin=\"last\",rcode=\"NOERROR\",server=\"dns://:53\",view=\"\",zone=\"example.org.\"",
        ),
        (
            "a.b.example.org",
            |_| Err(Failure::code(ResponseCode::ServFail)),
            "plugin=\"\",rcode=\"SERVFAIL\",server=\"dns://:53\",view=\"\",zone=\"b.example.org.\"",
        ),
        (
            "other",
            |_| Ok(Reply::Silence),
            "plugin=\"\",rcode=\"NOERROR\",server=\"dns://:53\",view=\"\",zone=\".\"",
        ),
        (
            "other",
            |request| {
                let mut reply = request.reply();
                reply.metadata.response_code = ResponseCode::NXDomain;
                Reply::message(reply)
            },
            "plugin=\"last\",rcode=\"NXDOMAIN\",server=\"dns://:53\",view=\"\",zone=\".\"",
        ),
    ];
    for (name, last, labels) in cases {
        let _ = testing::ask_before(&mut chain, &request(name, RecordType::A), last).await;
        let page = process.metrics.page();
        assert!(page.contains(&format!("coredns_dns_responses_total{{{labels}}} 1")), "{page}");
    }
}

#[tokio::test]
async fn counts_a_transfer_when_it_is_done() {
    let (mut chain, process) = testing::setup_in(".", "prometheus", NAME, setup).unwrap();
    let transfer: fn(&Request) -> Outcome = |request| {
        let message = request.reply();
        Ok(Reply::Messages(Box::new(vec![message.clone(), message].into_iter())))
    };
    let request = request("a", RecordType::AXFR);
    let outcome = testing::ask_before(&mut chain, &request, transfer).await;
    assert!(!process.metrics.page().contains("coredns_dns_responses_total{"));
    let Ok(Reply::Messages(messages)) = outcome else { panic!("no zone") };
    assert_eq!(messages.count(), 2);
    let labels = "proto=\"udp\",server=\"dns://:53\",view=\"\",zone=\".\"";
    let sum = format!("coredns_dns_response_size_bytes_sum{{{labels}}} 38.0");
    let page = process.metrics.page();
    assert!(page.contains(&sum), "{page}");
}
