use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use tokio::runtime::Handle;

use super::*;
use crate::plugin::testing::{self, request};
use crate::telemetry::log::Line;
use crate::telemetry::memory::Memory;

#[test]
fn reads_its_words() {
    let long = format!("errors {{\nconsolidate 5m {}\n}}", "a".repeat(10_001));
    for (lines, expected) in [
        ("errors", Ok("errors")),
        ("errors stdout", Ok("errors")),
        ("errors {\nstacktrace\n}", Ok("errors stacktrace")),
        (
            "errors {\nconsolidate 5m .*\nconsolidate 0 ^a$ warning show_first\n\
             consolidate 1s x debug\nconsolidate 1s x show_first\n}",
            Ok("errors"),
        ),
        ("errors stderr", Err("errors cannot write to 'stderr'")),
        ("errors stdout stdout", Err("'errors' has 2 arguments")),
        ("errors {\nbogus\n}", Err("unknown property of errors 'bogus'")),
        ("errors {\nstacktrace on\n}", Err("'stacktrace' has the argument 'on'")),
        ("errors {\nconsolidate 5m\n}", Err("'consolidate' has the argument '5m'; write `cons")),
        ("errors {\nconsolidate 5 .*\n}", Err("'5' is no duration")),
        ("errors {\nconsolidate -5m .*\n}", Err("'-5m' is a negative duration")),
        ("errors {\nconsolidate 5m (\n}", Err("'(' is no regular expression")),
        (&long, Err("the pattern has 10001 octets")),
        ("errors {\nconsolidate 5m .* warn\n}", Err("unknown option of consolidate 'warn'; use")),
        ("errors {\nconsolidate 5m .* info error\n}", Err("consolidate has two levels")),
        ("errors {\nconsolidate 5m .* show_first info\n}", Err("info stands behind show_first")),
        ("errors {\nconsolidate 5m .* info show_first x\n}", Err("'consolidate' has 5 arguments")),
        ("errors\nerrors", Err("errors is used twice in this server block")),
    ] {
        testing::check(lines, NAME, setup, expected, |chain, _| {
            let names: Vec<&str> = chain.plugins.iter().map(|plugin| plugin.name()).collect();
            format!("{}{}", names.join(" "), if chain.stacktrace { " stacktrace" } else { "" })
        });
    }
}

/// The lines of as many failures `upstream gone` and one `other`, up to the end of the server.
async fn lines(options: &str, failures: usize) -> Vec<String> {
    let lines = format!("errors {{\nconsolidate 1h ^upstream {options}\nconsolidate 1m up\n}}");
    let (mut chain, _) = testing::setup(&lines, NAME, setup).unwrap();
    let background = Background::default();
    let written = Memory::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .event_format(Line)
        .with_writer(written.clone())
        .finish();
    // The test has one thread, on which the lines of its tasks are written, too.
    let _written_here = tracing::subscriber::set_default(subscriber);
    chain.plugins[0].start(&background);
    let gone: fn(&Request) -> Outcome = |_| {
        let cause = Some("upstream gone".to_owned());
        Err(Failure { code: ResponseCode::ServFail, cause })
    };
    for _ in 0..failures {
        let request = request("Example.org", RecordType::AAAA);
        let outcome = testing::ask_before(&mut chain, &request, gone).await;
        assert_eq!(testing::shown(&outcome), "failed ServFail: upstream gone");
    }
    let other: fn(&Request) -> Outcome =
        |_| Err(Failure { code: ResponseCode::NotImp, cause: Some("other".to_owned()) });
    let _ = testing::ask_before(&mut chain, &request("a", RecordType::A), other).await;
    background.stop();
    while Handle::current().metrics().num_alive_tasks() > 0 {
        tokio::task::yield_now().await;
    }
    written.text().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn errors_that_are_alike_are_one_line_at_the_end() {
    const OTHER: &str = "[ERROR] plugin/errors: 4 a. A: other";
    const WHOLE: &str = "plugin/errors: 2 example.org. AAAA: upstream gone";
    let counted = |level: &str, count: usize| {
        format!("[{level}] plugin/errors: {count} errors like '^upstream' occurred in last 1h0m0s")
    };
    for (options, failures, expected) in [
        ("", 3, vec![OTHER.into(), counted("ERROR", 3)]),
        ("", 1, vec![OTHER.into(), counted("ERROR", 1)]),
        ("", 0, vec![OTHER.into()]),
        ("warning", 2, vec![OTHER.into(), counted("WARNING", 2)]),
        ("show_first", 1, vec![format!("[ERROR] {WHOLE}"), OTHER.into()]),
        ("info show_first", 4, vec![format!("[INFO] {WHOLE}"), OTHER.into(), counted("INFO", 4)]),
    ] {
        assert_eq!(lines(options, failures).await, expected, "{options}");
    }
}

#[tokio::test]
async fn without_a_server_every_error_is_logged() {
    let (chain, _) = testing::setup("errors {\nconsolidate 1h .*\n}", NAME, setup).unwrap();
    let outcome = Next::all(&chain.plugins).start(&request("a", RecordType::A)).await;
    assert_eq!(testing::shown(&outcome), "failed ServFail: plugin/errors: no next plugin found");
}
