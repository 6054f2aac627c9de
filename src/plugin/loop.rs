//! `loop`: ends the process where forwarded questions come back (CoreDNS, plugin/loop).
//!
//! At the start the server asks itself for a name that nobody else knows. In: that question. Out: what the
//! next plugin says, and the end of the process when it comes for the third time. Once an answer
//! came, or after half a minute, it looks no more.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use std::{fmt, io};

use async_trait::async_trait;
use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep, timeout};

use super::background::Background;
use super::bind::Bound;
use super::explain::Told;
use super::fast::Stance;
use super::setup::Setup;
use super::{Next, Outcome, Plugin, Request, names};
use crate::corefile::{Diagnostic, Directive};
use crate::telemetry::log;
use crate::zone::explain::Steps;

const NAME: &str = "loop";
/// For how long the server tries to ask itself, how long it waits each time, and between two times.
const TRIES: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_secs(1);
/// How often the question may come: from the server itself, and once by accident.
const MOST: u32 = 2;

/// The plugin.
#[derive(Debug)]
pub struct Loop(Arc<State>);

#[derive(Debug)]
struct State {
    /// The first zone of the server block, in words.
    zone: String,
    /// The name that is asked for, in words and as the codec reads it.
    text: String,
    name: Name,
    /// Where the block is asked, in CoreDNS's words: `:53`.
    at: String,
    seen: AtomicU32,
    is_over: AtomicBool,
}

/// Reads `loop`.
///
/// # Errors
/// It stands twice, or has an argument or a block.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    directive.no_args()?;
    directive.no_block()?;
    let Some(key) = setup.block.keys.first() else { return Ok(()) };
    let at = At(setup.chain.bind.first().copied(), key.port).to_string();
    // 62 bits each, as CoreDNS's.
    let [first, second] = [(); 2].map(|()| rand::random::<u64>() >> 2);
    let zone = key.zone.clone();
    let text = format!("{first}.{second}.{}", zone.trim_start_matches('.'));
    let name = names::parse(&text).ok_or_else(|| {
        directive.name.error(
            format!("the zone {zone} has no room for the names that loop asks for"),
            "begin the server block with a shorter zone",
        )
    })?;
    let (seen, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    setup.push(Loop(Arc::new(State { zone, text, name, at, seen, is_over })));
    Ok(())
}

/// `ADDRESS:PORT`, where no address is all.
struct At(Option<Bound>, u16);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.at(self.1).fmt(f),
            None => write!(f, ":{}", self.1),
        }
    }
}

#[async_trait]
impl Plugin for Loop {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stance(&self) -> Stance {
        Stance::Aside
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        if let Some(found) = self.0.look(request) {
            log::fatal(NAME, &found);
        }
        next.run(NAME, request).await
    }

    fn start(&self, background: &Background) {
        if let Some(listener) = background.listeners().first() {
            background.spawn(probe(self.0.clone(), reachable(*listener)));
        }
    }

    fn explain(&self, _: &Request, _: &mut Steps) -> Told {
        Told::Passes
    }
}

impl State {
    /// Counts the server's question to itself; the line to end with, when it came too often.
    fn look(&self, request: &Request) -> Option<String> {
        // The numbers guard nothing but themselves, so no order with other memory is needed.
        if request.qtype() != RecordType::HINFO
            || self.is_over.load(Ordering::Relaxed)
            || *request.qname() != self.name
            || self.seen.fetch_add(1, Ordering::Relaxed) < MOST
        {
            return None;
        }
        let State { zone, text, at, .. } = self;
        Some(format!(
            "Loop ({} -> {at}) detected for zone {zone:?}, see \
             https://coredns.io/plugins/loop#troubleshooting. Query: \"HINFO {text}\"",
            request.client,
        ))
    }
}

/// The address of this machine that a listener is asked at.
fn reachable(listener: SocketAddr) -> SocketAddr {
    let address = match listener.ip() {
        // The sockets of all addresses take both families.
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) | IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        }
        address => address,
    };
    SocketAddr::new(address, listener.port())
}

/// Asks until an answer comes. Questions that nobody answered may still be on their way: they do not count.
async fn probe(state: Arc<State>, to: SocketAddr) {
    let end = Instant::now() + TRIES;
    while Instant::now() < end {
        if let Ok(Ok(())) = timeout(PATIENCE, ask(&state.name, to)).await {
            break;
        }
        state.seen.store(0, Ordering::Relaxed);
        sleep(PAUSE).await;
    }
    state.is_over.store(true, Ordering::Relaxed);
}

/// Asks over UDP, and waits for a reply.
async fn ask(name: &Name, to: SocketAddr) -> io::Result<()> {
    let mut query = Message::new(rand::random(), MessageType::Query, OpCode::Query);
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(name.clone(), RecordType::HINFO));
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(to).await?;
    socket.send(&query.to_vec().map_err(io::Error::other)?).await?;
    let mut buffer = [0; 512];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if Message::from_vec(&buffer[..length]).is_ok_and(|reply| reply.id == query.id) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing::{self, request};

    fn state() -> Arc<State> {
        let text = "1.2.example.org.".to_owned();
        let name = names::parse(&text).unwrap();
        let (zone, at) = ("example.org.".to_owned(), At(None, 1053).to_string());
        let (seen, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
        Arc::new(State { zone, text, name, at, seen, is_over })
    }

    #[test]
    fn reads_its_line() {
        let long = ["a".repeat(60), "b".repeat(60), "c".repeat(60), "d".repeat(60)].join(".");
        for (lines, expected) in [
            ("loop", Ok("1")),
            ("loop x", Err("'loop' has the argument 'x'")),
            ("loop {\nx\n}", Err("'loop' takes no block")),
            ("loop\nloop", Err("used twice")),
        ] {
            testing::check(lines, NAME, setup, expected, |chain, _| {
                chain.plugins.len().to_string()
            });
        }
        let found = testing::setup_in(&long, "loop", NAME, setup).err().unwrap().to_string();
        assert!(found.contains("has no room for the names that loop asks for"), "{found}");
    }

    #[test]
    fn counts_its_own_question_alone() {
        let state = state();
        let own = request("1.2.Example.org", RecordType::HINFO);
        let others = [
            request("1.2.example.org", RecordType::A),
            request("1.3.example.org", RecordType::HINFO),
        ];
        assert!(others.iter().cycle().take(9).all(|asked| state.look(asked).is_none()));
        assert_eq!([(); 2].map(|()| state.look(&own)), [None, None]);
        assert_eq!(
            state.look(&own).unwrap(),
            "Loop (192.0.2.1:40000 -> :1053) detected for zone \"example.org.\", see \
             https://coredns.io/plugins/loop#troubleshooting. Query: \"HINFO 1.2.example.org.\""
        );
        state.is_over.store(true, Ordering::Relaxed);
        assert!(state.look(&own).is_none());
    }

    #[tokio::test]
    async fn looks_no_more_once_an_answer_came() {
        let state = state();
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let probing = tokio::spawn(probe(state.clone(), server.local_addr().unwrap()));
        let mut buffer = [0; 512];
        let (length, client) = server.recv_from(&mut buffer).await.unwrap();
        let query = Message::from_vec(&buffer[..length]).unwrap();
        assert_eq!(query.queries[0].query_type(), RecordType::HINFO);
        assert!(!state.is_over.load(Ordering::Relaxed));
        server.send_to(b"no message", client).await.unwrap();
        server.send_to(&buffer[..length], client).await.unwrap();
        probing.await.unwrap();
        assert!(state.is_over.load(Ordering::Relaxed));
    }

    #[test]
    fn listeners_of_all_addresses_are_asked_on_this_machine() {
        for (listener, expected) in [
            ("[::]:53", "127.0.0.1:53"),
            ("0.0.0.0:53", "127.0.0.1:53"),
            ("192.0.2.1:53", "192.0.2.1:53"),
            ("[::1]:53", "[::1]:53"),
        ] {
            assert_eq!(reachable(listener.parse().unwrap()).to_string(), expected);
        }
        assert_eq!(At(Some(IpAddr::V6(Ipv6Addr::LOCALHOST).into()), 53).to_string(), "[::1]:53");
    }
}
