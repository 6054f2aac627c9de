//! One case, played on both.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::RData;

use super::case::{Ask, Case, Does};
use super::traces;
use crate::harness::compare::{about_same, render};
use crate::harness::pki::Pki;
use crate::harness::{COREDNS, DnsServer, FLEETDNS, LONG, Program, eventually, scratch};

/// A server under test, with upstreams and files of its own.
pub struct Side {
    pub server: DnsServer,
    /// By the names that the case gives them.
    pub upstreams: Vec<(String, DnsServer)>,
    pub folder: PathBuf,
    /// What stands for something of this side in Corefiles, and for what.
    words: Vec<(String, String)>,
}

impl Side {
    /// A text of the case with what its words stand for.
    pub fn filled(&self, text: &str) -> String {
        filled(text, &self.words)
    }

    /// The upstream of this name.
    pub fn upstream(&self, name: &str) -> &DnsServer {
        let found = self.upstreams.iter().find(|(known, _)| known == name);
        &found.unwrap_or_else(|| panic!("no upstream {name}")).1
    }
}

fn filled(text: &str, words: &[(String, String)]) -> String {
    words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
}

/// Plays it; what differs, each with its place.
pub async fn play(case: &Case) -> Vec<String> {
    let (mut coredns, mut fleetdns) = tokio::join!(start(COREDNS, case), start(FLEETDNS, case));
    let mut wrong = Vec::new();
    for step in &case.steps {
        match &step.does {
            Does::Ask(ask) => {
                for time in 1..=ask.times {
                    if let Err(difference) = same(&coredns, &fleetdns, ask).await {
                        let place = &step.place;
                        wrong.push(format!("{place} (time {time}): {difference}"));
                    }
                }
            }
            // What is awaited is that time itself: the TTL of a record, the pause of a poll.
            Does::Pass(seconds) => tokio::time::sleep(Duration::from_secs(*seconds)).await,
            Does::Write { file, other } => {
                for side in [&coredns, &fleetdns] {
                    replace(&side.folder, file, other);
                }
            }
            Does::Until { question, text } => {
                for side in [&coredns, &fleetdns] {
                    let what = format!("{}: {text}", step.place);
                    eventually(&what, LONG, async || {
                        let reply = question.ask(side.server.dns_addr()).await?;
                        let shown = render(&reply);
                        if shown.contains(text) { Ok(()) } else { Err(shown) }
                    })
                    .await;
                }
            }
            Does::Around(around) => {
                let (expected, found) =
                    tokio::join!(around.show(&mut coredns), around.show(&mut fleetdns));
                if expected != found {
                    let place = &step.place;
                    let both = format!("--- CoreDNS\n{expected}\n--- fleetdns\n{found}");
                    wrong.push(format!("{place}:\n{both}"));
                }
            }
        }
    }
    if wrong.is_empty() && !case.probes() {
        wrong.extend(traces::compare(case, &coredns, &fleetdns).await);
    }
    if !wrong.is_empty() {
        let logs = fleetdns.server.logs();
        wrong.push(format!("the log of fleetdns for {}\n{logs}", case.name));
    }
    wrong
}

async fn start(program: Program, case: &Case) -> Side {
    let folder = scratch::folder(&format!("{}-files", program.name));
    for (name, text) in &case.files {
        fs::write(folder.join(name), text).expect("write a file");
    }
    let pki = Pki::shared().ca.parent().expect("its folder");
    let mut words = vec![
        ("FOLDER".to_owned(), folder.to_string_lossy().into_owned()),
        ("PKI".to_owned(), pki.to_string_lossy().into_owned()),
    ];
    let mut upstreams = Vec::new();
    for (name, text) in &case.upstreams {
        let upstream = COREDNS.start(&filled(text, &words[..2])).await;
        for (port, number) in upstream.ports() {
            words.push((format!("{{{name}_{port}}}"), number.to_string()));
        }
        upstreams.push((name.clone(), upstream));
    }
    let server = program.start(&filled(&case.corefile, &words)).await;
    Side { server, upstreams, folder, words }
}

/// At once, as the files of a ConfigMap are.
fn replace(folder: &Path, file: &str, other: &str) {
    let new = folder.join(format!("{file}.new"));
    fs::copy(folder.join(other), &new).expect("copy a file");
    fs::rename(new, folder.join(file)).expect("replace a file");
}

/// Asks both the same, byte for byte, and compares.
async fn same(coredns: &Side, fleetdns: &Side, ask: &Ask) -> Result<(), String> {
    let (expected, found) =
        tokio::join!(reply(coredns.server.dns_addr(), ask), reply(fleetdns.server.dns_addr(), ask));
    let (mut expected, mut found) = (expected?, found?);
    if ask.anyport {
        expected.iter_mut().chain(&mut found).for_each(without_ports);
    }
    match (expected, found) {
        (None, None) => Ok(()),
        (Some(expected), Some(found)) if about_same(&expected, &found, ask.ordered) => Ok(()),
        (expected, found) => {
            let shown = |message: Option<Message>| match message {
                Some(message) if ask.ordered => {
                    format!("{}{:#?}", render(&message), message.answers)
                }
                Some(message) => render(&message),
                None => "silence".into(),
            };
            Err(format!("--- CoreDNS\n{}--- fleetdns\n{}", shown(expected), shown(found)))
        }
    }
}

async fn reply(at: std::net::SocketAddr, ask: &Ask) -> Result<Option<Message>, String> {
    match &ask.silence {
        None => ask.question.ask(at).await.map(Some),
        Some(other) => ask.question.ask_before(other, at).await,
    }
}

fn without_ports(message: &mut Message) {
    for record in &mut message.additionals {
        if let RData::SRV(srv) = &mut record.data {
            srv.port = 0;
        }
    }
}
