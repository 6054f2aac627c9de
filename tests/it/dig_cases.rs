//! Acceptance cases: what the real `dig` is told, as data. Each file of `dig_cases/` is a Corefile, a line
//! `---`, and cases, one a line:
//!
//! ```text
//! DIG ARGUMENTS => STATUS FLAGS | SECTION: RECORD; RECORD | SECTION: ...
//! foo.remote A  => NOERROR aa   | answer: foo.remote. 30 IN A 240.0.0.1
//! ```
//!
//! A section that is not named must be empty; records compare as sets, with the serial of an SOA as `*`.
//! Flags are `aa tc rd ra ad cd`; `rd`, which dig sets, need not be written. `| edns: LINE` compares dig's
//! EDNS line, `| edns:` says that there is none; where it is not named it is not compared. `| answers: N`
//! counts instead of comparing. `TRANSFER-FAILED` is what dig says of a refused AXFR. `#` begins a comment.
//!
//! A new case is a line, a new Corefile a file with its name in [`FILES`].

use crate::harness::{DigReply, FLEETDNS, dig};

/// Every file, so that none is forgotten in the folder.
const FILES: [(&str, &str); 5] = [
    ("demo", include_str!("dig_cases/demo")),
    ("sentinel", include_str!("dig_cases/sentinel")),
    ("blocks", include_str!("dig_cases/blocks")),
    ("messages", include_str!("dig_cases/messages")),
    ("selection", include_str!("dig_cases/selection")),
];

/// The manifests of the demo, for Corefiles that serve them.
const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/zones/demo");

#[tokio::test]
async fn dig_is_told_what_the_cases_say() {
    let mut asked = 0;
    let mut wrong = Vec::new();
    for (name, text) in FILES {
        let (corefile, cases) = text.split_once("\n---\n").expect("a Corefile, ---, cases");
        let first = corefile.lines().count() + 2;
        let server = FLEETDNS.start(&corefile.replace("DEMO", DEMO)).await;
        for (index, line) in cases.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let place = format!("tests/it/dig_cases/{name}:{}", first + index);
            let (args, expected) =
                line.split_once("=>").unwrap_or_else(|| panic!("{place}: no => in {line}"));
            let reply = dig(server.dns_addr(), &format!("+tries=1 +nocookie {args}")).await;
            asked += 1;
            if let Err(difference) = compare(&reply, expected) {
                wrong.push(format!("{place}: {args}\n{difference}\n{}", reply.text));
            }
        }
    }
    assert!(asked >= 100, "only {asked} cases");
    assert!(wrong.is_empty(), "{} of {asked}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_file_is_run() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/dig_cases");
    let mut there: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("a file").file_name().into_string().expect("UTF-8"))
        .collect();
    there.sort();
    let mut listed = FILES.map(|(name, _)| name);
    listed.sort_unstable();
    assert_eq!(there, listed);
}

/// Whether dig was told this, or how not.
fn compare(reply: &DigReply, expected: &str) -> Result<(), String> {
    let mut parts = expected.split('|').map(str::trim);
    let head = parts.next().unwrap_or_default();
    if head == "TRANSFER-FAILED" {
        let failed = reply.text.contains("; Transfer failed.") && reply.answer.is_empty();
        return if failed { Ok(()) } else { Err("the transfer did not fail".into()) };
    }
    let mut words = head.split_whitespace();
    let status = words.next().unwrap_or_default();
    let mut flags: Vec<&str> = words.collect();
    flags.push("qr");
    let mut said: Vec<&str> = reply.flags.iter().map(String::as_str).collect();
    if !flags.contains(&"rd") {
        said.retain(|flag| *flag != "rd");
    }
    flags.sort_unstable();
    said.sort_unstable();
    if reply.status != status || said != flags {
        return Err(format!("  expected {status} {flags:?}\n  said {} {said:?}", reply.status));
    }
    let mut sections = [
        ("answer", &reply.answer, Vec::new()),
        ("authority", &reply.authority, Vec::new()),
        ("additional", &reply.additional, Vec::new()),
    ];
    for part in parts {
        let (name, records) = part.split_once(':').ok_or(format!("no section in {part}"))?;
        if name == "edns" {
            let said = reply.edns.join("; ");
            if said != records.trim() {
                return Err(format!("  expected EDNS {records}\n  said {said}"));
            }
            continue;
        }
        if name == "answers" {
            let said = reply.answer.len().to_string();
            if said != records.trim() {
                return Err(format!("  expected {records} answers\n  said {said}"));
            }
            sections[0].2.clone_from(&reply.answer);
            continue;
        }
        let section = sections.iter_mut().find(|section| section.0 == name);
        let section = section.ok_or(format!("there is no section {name}"))?;
        section.2 = records.split(';').map(|record| record.trim().to_owned()).collect();
    }
    for (name, said, mut expected) in sections {
        let mut said: Vec<String> = said.iter().map(|record| without_serial(record)).collect();
        said.sort();
        expected.sort();
        if said != expected {
            return Err(format!("  expected {name} {expected:#?}\n  said {said:#?}"));
        }
    }
    Ok(())
}

/// The record with `*` for the serial of an SOA.
fn without_serial(record: &str) -> String {
    let mut words: Vec<&str> = record.split(' ').collect();
    if words.get(3) == Some(&"SOA") && words.len() == 11 {
        words[6] = "*";
    }
    words.join(" ")
}
