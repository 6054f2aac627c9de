//! Asks both servers of a pair, and says whether they say the same: or what is due where README lists a
//! difference.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use hickory_proto::op::Message;
use hickory_proto::rr::{Record, RecordType};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::asked::{Asked, Way};
use super::names::Names;
use super::population::Population;
use super::servers::Pair;
use crate::harness::client::exchange_tcp;
use crate::harness::compare::{lines, render};
use crate::oracle::{Facts, expected_difference};
use crate::transfer::{answers, transfer};

/// How many askers there are of one pair.
const ASKERS: usize = 16;
/// Questions for one name.
const TYPES_OF_A_NAME: usize = 5;
/// Enough to see the orders of a few slices that CoreDNS gives, the rarest of which is one of eight.
const DRAWS: usize = 300;
/// A server that says nothing for so long says nothing.
const PATIENCE: Duration = Duration::from_secs(10);
/// More differences than anybody reads.
const MOST_SHOWN: usize = 40;

/// What was asked, and what was wrong.
#[derive(Debug, Default)]
pub struct Tally {
    asked: usize,
    /// By title, type and response code.
    counts: BTreeMap<String, usize>,
    /// How often which difference of README was due.
    rows: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

impl Tally {
    pub fn asked(&self) -> usize {
        self.asked
    }

    pub fn is_hopeless(&self) -> bool {
        self.wrong.len() > MOST_SHOWN
    }

    pub fn add(&mut self, title: &str, other: Tally) {
        self.asked += other.asked;
        *self.counts.entry(format!("under {title}")).or_default() += other.asked;
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
        for (row, count) in other.rows {
            *self.rows.entry(row).or_default() += count;
        }
        self.wrong.extend(other.wrong);
    }

    pub fn show(&self) {
        println!("{} questions: {:#?}", self.asked, self.counts);
        println!("differences that README lists: {:#?}", self.rows);
        self.wrong.iter().take(MOST_SHOWN).for_each(|wrong| println!("{wrong}"));
    }

    pub fn assert_clean(&self) {
        assert_eq!(self.wrong.len(), 0, "of {} questions so many are answered wrong", self.asked);
    }
}

impl Pair {
    /// Asks so many questions about a population and the one before it.
    pub async fn compare(
        &self,
        population: &Population,
        before: Option<&Population>,
        seed: u64,
        questions: usize,
    ) -> Tally {
        let each = questions.div_ceil(ASKERS);
        let asker = async |number: usize| {
            // Askers of all option sets ask different questions.
            let mut rng = StdRng::seed_from_u64(seed ^ (number as u64) << 32 ^ self.salt());
            let mut asker = Asker::new(self, seed).await;
            while asker.tally.asked < each {
                let population = before.filter(|_| rng.random_bool(0.15)).unwrap_or(population);
                asker.name(&Names { population, zones: self.set.zones }, &mut rng).await;
            }
            asker.tally
        };
        let mut all = Tally::default();
        for tally in join_all((0..ASKERS).map(asker)).await {
            all.add("any", tally);
        }
        all.counts.remove("under any");
        all
    }

    /// Asks about each of these names.
    pub async fn compare_all(&self, names: &[String], seed: u64) -> Tally {
        let asker = async |part: &[String]| {
            let mut asker = Asker::new(self, seed).await;
            for name in part {
                let facts = asker.facts(name).await;
                let kinds: &[RecordType] = match name {
                    reverse if reverse.ends_with(".arpa.") => &[RecordType::PTR],
                    pod if pod.contains(".pod.") => &[RecordType::A],
                    _ => &[RecordType::A, RecordType::SRV],
                };
                for &kind in kinds {
                    asker.question(&facts, &Asked::plain(name, kind)).await;
                }
            }
            asker.tally
        };
        let parts = names.chunks(names.len().div_ceil(ASKERS).max(1));
        let mut all = Tally::default();
        for tally in join_all(parts.map(asker)).await {
            all.add("any", tally);
        }
        all
    }

    /// Compares all records of every zone.
    pub async fn compare_transfers(&self, seed: u64) -> Tally {
        let mut tally = Tally::default();
        for zone in self.set.zones.iter().map(|zone| absolute(zone)) {
            let records = async |server| lines(&answers(&transfer(server, &zone, None).await));
            let (due, found) = (records(&self.coredns).await, records(&self.fleetdns).await);
            tally.asked += 1;
            *tally.counts.entry("records transferred".into()).or_default() += due.len();
            let only = |these: &[String], those: &[String]| {
                these.iter().filter(|line| !those.contains(line)).cloned().collect::<Vec<_>>()
            };
            if due != found {
                tally.wrong.push(format!(
                    "### {zone} AXFR, seed {seed}\n--- {} records of CoreDNS, alone\n{:#?}\n\
                     --- {} of fleetdns, alone\n{:#?}",
                    due.len(),
                    only(&due, &found),
                    found.len(),
                    only(&found, &due)
                ));
            }
        }
        tally
    }

    fn salt(&self) -> u64 {
        self.set
            .title
            .bytes()
            .fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
    }
}

/// One that asks, with sockets of its own.
pub struct Asker<'a> {
    pair: &'a Pair,
    seed: u64,
    coredns: UdpSocket,
    fleetdns: UdpSocket,
    id: u16,
    tally: Tally,
}

impl<'a> Asker<'a> {
    pub async fn new(pair: &'a Pair, seed: u64) -> Self {
        let socket = async |at: SocketAddr| {
            let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
            socket.connect(at).await.expect("connect");
            socket
        };
        let coredns = socket(pair.coredns.dns_addr()).await;
        let fleetdns = socket(pair.fleetdns.dns_addr()).await;
        Asker { pair, seed, coredns, fleetdns, id: 0, tally: Tally::default() }
    }

    /// Asks about one name in several ways.
    async fn name(&mut self, names: &Names<'_>, rng: &mut StdRng) {
        let name = names.draw(rng);
        let facts = self.facts(&name).await;
        for _ in 0..TYPES_OF_A_NAME {
            let asked = Asked { name: name.clone(), kind: names.kind(rng), way: Way::random(rng) };
            self.question(&facts, &asked).await;
        }
    }

    /// What is known of a name, for what is due.
    async fn facts(&mut self, name: &str) -> Facts {
        let zones = self.pair.set.zones.iter().map(|zone| absolute(zone)).collect();
        let mut facts = Facts::new(zones, absolute(self.pair.set.primary()));
        for (name, kind) in facts.wanted(name) {
            let reply = self.coredns(&Asked::plain(&name, kind)).await;
            facts.learn(&name, kind, &reply);
        }
        facts
    }

    async fn question(&mut self, facts: &Facts, asked: &Asked) {
        let coredns = self.coredns(asked).await;
        let fleetdns = self.fleetdns(asked).await;
        self.tally.asked += 1;
        let code = coredns.metadata.response_code;
        *self.tally.counts.entry(format!("{} {code}", asked.kind)).or_default() += 1;
        let (what, like, due) = match expected_difference(facts, &asked.name, asked.kind, &coredns)
        {
            None => ("CoreDNS".to_owned(), asked.clone(), coredns),
            Some(expected) => {
                *self.tally.rows.entry(expected.row).or_default() += 1;
                let like = asked.of_type(expected.like);
                let due = self.coredns(&like).await;
                (format!("due instead of CoreDNS's answer ({})", expected.row), like, due)
            }
        };
        let found = shown(&fleetdns, asked.kind);
        // What is left of a long answer, and whether its first endpoint is an alias, depends on the order
        // of the slices, which CoreDNS draws anew for every question: one of its answers must be ours.
        // They are rotations of one order, though, which need not be ours: of a long answer any part will do.
        let truncated = due.metadata.truncation && fleetdns.metadata.truncation;
        let is_part = truncated && is_part(&fleetdns, &self.whole(&like).await);
        let is_drawn = asked.kind == RecordType::CNAME;
        let mut due = shown(&due, asked.kind);
        let mut draws = if is_drawn { DRAWS } else { 0 };
        while due != found && draws > 0 {
            due = shown(&self.coredns(&like).await, asked.kind);
            draws -= 1;
        }
        if due != found && !is_part {
            let (title, seed) = (self.pair.set.title, self.seed);
            self.tally.wrong.push(format!(
                "### {asked}\n    under {title}, seed {seed}\n--- {what}\n{due}--- fleetdns\n{found}"
            ));
        }
    }

    /// All that CoreDNS has to say.
    async fn whole(&mut self, asked: &Asked) -> Message {
        let mut asked = asked.clone();
        asked.way.tcp = true;
        self.coredns(&asked).await
    }

    async fn coredns(&mut self, asked: &Asked) -> Message {
        self.id = self.id.wrapping_add(1);
        exchange(&self.coredns, self.id, asked).await
    }

    pub async fn fleetdns(&mut self, asked: &Asked) -> Message {
        self.id = self.id.wrapping_add(1);
        exchange(&self.fleetdns, self.id, asked).await
    }
}

/// The reply in text, with the type that was asked for: that of a like question has its own.
fn shown(message: &Message, kind: RecordType) -> String {
    let mut message = message.clone();
    for query in &mut message.queries {
        query.set_query_type(kind);
    }
    render(&message)
}

/// Whether a truncated answer holds nothing but what the whole one has, and something of it.
fn is_part(part: &Message, whole: &Message) -> bool {
    let within = |part: &[Record], whole: &[Record]| {
        let whole = lines(whole);
        lines(part).iter().all(|line| whole.contains(line))
    };
    !part.answers.is_empty()
        && within(&part.answers, &whole.answers)
        && within(&part.additionals, &whole.additionals)
        && part.authorities.is_empty()
}

fn absolute(zone: &str) -> String {
    if zone == "." { zone.to_owned() } else { format!("{zone}.") }
}

async fn exchange(socket: &UdpSocket, id: u16, asked: &Asked) -> Message {
    let packet = asked.packet(id);
    let at = socket.peer_addr().expect("a peer");
    let reply = async {
        if asked.way.tcp {
            return exchange_tcp(at, &packet, None).await.expect("a reply over TCP");
        }
        socket.send(&packet).await.expect("a question can be sent");
        let mut reply = vec![0; 65_536];
        loop {
            let length = socket.recv(&mut reply).await.expect("a reply");
            // One that came too late is of another question.
            if reply[..2] == id.to_be_bytes() {
                reply.truncate(length);
                return reply;
            }
        }
    };
    let reply =
        timeout(PATIENCE, reply).await.unwrap_or_else(|_| panic!("{at} says nothing to {asked}"));
    Message::from_vec(&reply).unwrap_or_else(|error| panic!("{asked}: {error}: {reply:02x?}"))
}
