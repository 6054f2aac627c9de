//! Churn: 12,000 objects made, changed and deleted as fast as the API server takes them, while questions
//! run; then both servers must agree on every name that there ever was.

mod moving;
mod objects;

use std::time::Instant;

use futures::StreamExt;
use futures::stream;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tokio::sync::watch;

use super::judge::Tally;
use super::options::{ALL, OptionSet};
use super::population::Population;
use super::servers::Servers;
use super::writer::Writer;
use moving::Moving;
use objects::Life;

const SEED: u64 = 12_000;
/// Objects that come and go, in all.
const OBJECTS: usize = 12_000;
/// How many of them change at a time.
const AT_ONCE: usize = 24;
/// Fewer answers during churn would prove little.
const LEAST_ANSWERS: usize = 2_000;

static SETS: [OptionSet; 1] = [OptionSet {
    title: "churn",
    zones: &["cluster.local", "in-addr.arpa", "ip6.arpa"],
    lines: &["pods verified", "ttl 30"],
    others: &["forward . UPSTREAM"],
    transfers: false,
    sees: super::options::Sees { pods: true, ..ALL },
}];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generated_churn() {
    let servers = Servers::start("generated-churn", &SETS).await;
    let writer = servers.writer();
    let pair = &servers.pairs()[0];
    let mut rng = StdRng::seed_from_u64(SEED);
    let moving = Moving::create(writer).await;
    servers.settle(1).await;

    let (mut population, mut lives) = objects::generate(OBJECTS, &mut rng);
    lives.shuffle(&mut rng);
    let (stop, stopped) = watch::channel(false);
    let begin = Instant::now();
    let churn = async {
        let written = live(writer, lives, &mut population).await;
        stop.send_replace(true);
        written
    };
    let changes = moving.change(writer, stopped.clone());
    let questions = moving.ask(pair, stopped);
    let (written, changed, answers) = tokio::join!(churn, changes, questions);
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{written} writes about {OBJECTS} objects and {changed} about those that are asked for, \
         {:.0} a second; {answers} answers meanwhile",
        (written + changed) as f64 / seconds
    );
    assert!(answers >= LEAST_ANSWERS, "only {answers} answers");

    servers.settle(2).await;
    let mut tally = Tally::default();
    tally.add("settled", pair.compare_all(&names(&population), SEED).await);
    tally.show();
    assert!(tally.asked() >= OBJECTS, "only {} questions", tally.asked());
    tally.assert_clean();
}

/// Lets all objects live: the writes of one after the other, those of many at a time. Says how many
/// writes there were.
async fn live(writer: &Writer, lives: Vec<Life>, population: &mut Population) -> usize {
    let all = lives.into_iter().map(|life| life.live(writer));
    let mut lived = stream::iter(all).buffer_unordered(AT_ONCE);
    let mut written = 0;
    while let Some((writes, addresses)) = lived.next().await {
        written += writes;
        population.addresses.extend(addresses);
    }
    written
}

/// Every name of a population.
fn names(population: &Population) -> Vec<String> {
    let zone = "cluster.local.";
    let services = population.services.iter().flat_map(|(namespace, name)| {
        let service = format!("{name}.{namespace}.svc.{zone}");
        [format!("_http._tcp.{service}"), service]
    });
    let endpoints = population
        .endpoints
        .iter()
        .map(|[label, service, namespace]| format!("{label}.{service}.{namespace}.svc.{zone}"));
    let reverse = population.addresses.iter().map(|address| {
        let address: std::net::IpAddr = address.parse().expect("an address");
        hickory_proto::rr::Name::from(address).to_string()
    });
    let pods = population.addresses.iter().flat_map(|address| {
        let label = address.replace(['.', ':'], "-");
        ["gen-a", "gen-b"].map(|namespace| format!("{label}.{namespace}.pod.{zone}"))
    });
    let mut all: Vec<String> = services.chain(endpoints).chain(reverse).chain(pods).collect();
    all.sort();
    all.dedup();
    all
}
