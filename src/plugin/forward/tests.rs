use std::sync::Arc;

use hickory_proto::op::{self, Edns, OpCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::*;
use crate::plugin::testing::{self, Last, request, shown};

/// What an upstream sends back for a message; each is sent in turn.
type Answer = fn(&Message) -> Vec<Vec<u8>>;

/// An upstream over UDP at a port of the kernel's choice.
async fn udp(answer: Answer) -> SocketAddr {
    udp_at(UdpSocket::bind("127.0.0.1:0").await.unwrap(), answer)
}

/// An upstream over TCP at a port of the kernel's choice.
async fn tcp(answer: Answer) -> SocketAddr {
    tcp_at(TcpListener::bind("127.0.0.1:0").await.unwrap(), answer)
}

/// An upstream over UDP and TCP at one port, which both must have free.
async fn udp_and_tcp(over_udp: Answer, over_tcp: Answer) -> SocketAddr {
    loop {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Ok(listener) = TcpListener::bind(socket.local_addr().unwrap()).await {
            tcp_at(listener, over_tcp);
            return udp_at(socket, over_udp);
        }
    }
}

fn udp_at(socket: UdpSocket, answer: Answer) -> SocketAddr {
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 65535];
        loop {
            let (length, client) = socket.recv_from(&mut buffer).await.unwrap();
            for reply in answer(&Message::from_vec(&buffer[..length]).unwrap()) {
                socket.send_to(&reply, client).await.unwrap();
            }
        }
    });
    address
}

fn tcp_at(listener: TcpListener, answer: Answer) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let length = stream.read_u16().await.unwrap();
            let mut message = vec![0; length.into()];
            stream.read_exact(&mut message).await.unwrap();
            for reply in answer(&Message::from_vec(&message).unwrap()) {
                stream.write_u16(reply.len().try_into().unwrap()).await.unwrap();
                stream.write_all(&reply).await.unwrap();
            }
        }
    });
    address
}

/// A port on which nobody is, as long as the socket lives: it hears only itself, so that datagrams of
/// others are refused, and no other test is given its port.
async fn nobody() -> (SocketAddr, UdpSocket) {
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = udp.local_addr().unwrap();
    udp.connect(address).await.unwrap();
    (address, udp)
}

/// A reply with as many addresses as `count`, the last octet of the first being `first`.
fn reply(query: &Message, first: u8, count: u8) -> Message {
    let mut reply = Message::response(query.metadata.id, OpCode::Query);
    reply.metadata.recursion_available = true;
    reply.metadata.authentic_data = true;
    reply.queries = query.queries.clone();
    let name = query.queries[0].name().clone();
    for last in first..first + count {
        let address = RData::A(A::new(10, 0, 0, last));
        reply.add_answer(Record::from_rdata(name.clone(), 5, address));
    }
    reply
}

fn forward(upstreams: Vec<SocketAddr>) -> Forward {
    Forward {
        from: Name::root(),
        except: Vec::new(),
        upstreams,
        policy: Policy::Sequential,
        force_tcp: false,
        prefer_udp: false,
        max_concurrent: 0,
        concurrent: AtomicUsize::new(0),
        read_timeout: READ_TIMEOUT,
    }
}

async fn ask(forward: Forward, request: &Request) -> Outcome {
    let mut chain = crate::plugin::setup::Chain::default();
    chain.plugins.push(Box::new(forward));
    testing::ask(&mut chain, request).await
}

#[tokio::test]
async fn relays_the_message_and_the_reply() {
    let upstream = udp(|query| {
        let edns = query.edns.as_ref().unwrap();
        let cookie = edns.options().as_ref().iter().any(|(code, _)| u16::from(*code) == 10);
        assert!(query.metadata.checking_disabled && query.metadata.recursion_desired && cookie);
        assert_eq!((edns.max_payload(), edns.flags().dnssec_ok), (1400, true));
        let mut reply = reply(query, 1, 1);
        reply.metadata.response_code = ResponseCode::NXDomain;
        vec![reply.to_vec().unwrap()]
    })
    .await;
    let mut asked = request("A.Example", RecordType::A);
    let mut message = (*asked.message).clone();
    message.metadata.checking_disabled = true;
    let mut edns = Edns::new();
    edns.set_max_payload(1400).set_dnssec_ok(true);
    edns.options_mut().insert(EdnsOption::Unknown(10, vec![1; 8]));
    message.set_edns(edns);
    asked.message = Arc::new(message);
    let outcome = ask(forward(vec![upstream]), &asked).await;
    let Ok(Reply::Message(message)) = &outcome else { panic!("{outcome:?}") };
    assert_eq!(message.metadata.id, 7);
    assert!(message.metadata.recursion_available && message.metadata.authentic_data);
    assert_eq!(shown(&outcome), "NXDomain: A.Example. 5 A 10.0.0.1");
}

#[tokio::test]
async fn passes_on_what_it_does_not_take() {
    let upstream = udp(|query| vec![reply(query, 1, 1).to_vec().unwrap()]).await;
    for (name, taken) in [
        ("example.org", true),
        ("a.example.org", true),
        ("b.EXAMPLE.org", false),
        ("a.b.example.org", false),
        ("ab.example.org", true),
        ("myexample.org", false),
        ("org", false),
    ] {
        let mut forward = forward(vec![upstream]);
        forward.from = names::parse("Example.org").unwrap();
        forward.except = vec![names::parse("b.example.org").unwrap(), forward.from.clone()];
        forward.except.truncate(1);
        let outcome = ask(forward, &request(name, RecordType::A)).await;
        assert_eq!(shown(&outcome) != "failed NotImp", taken, "{name}: {}", shown(&outcome));
    }
    let mut all = forward(vec![upstream]);
    all.except = vec![Name::root()];
    let outcome = ask(all, &request(".", RecordType::A)).await;
    assert_eq!(shown(&outcome), "NoError: . 5 A 10.0.0.1", "FROM itself is always forwarded");
}

#[tokio::test]
async fn takes_the_next_upstream_at_once_where_nobody_listens() {
    let upstream = udp(|query| vec![reply(query, 1, 1).to_vec().unwrap()]).await;
    let (nobody, _socket) = nobody().await;
    // Only an ICMP error can end the first attempt in a test's time.
    let patient = Duration::from_secs(86_400);
    let forward = Forward { read_timeout: patient, ..forward(vec![nobody, upstream]) };
    let outcome = ask(forward, &request("a", RecordType::A)).await;
    assert_eq!(shown(&outcome), "NoError: a. 5 A 10.0.0.1");
}

#[tokio::test]
async fn says_what_failed_as_coredns_does() {
    let (to, _socket) = nobody().await;
    let found = shown(&ask(forward(vec![to]), &request("a", RecordType::A)).await);
    assert!(found.starts_with("failed ServFail: read udp 127.0.0.1:"), "{found}");
    assert!(found.ends_with(&format!("->{to}: read: connection refused")), "{found}");

    let silent = udp(|_| Vec::new()).await;
    let mut waits = forward(vec![silent]);
    waits.read_timeout = Duration::from_millis(20);
    let found = shown(&ask(waits, &request("a", RecordType::A)).await);
    assert!(found.ends_with(&format!("->{silent}: i/o timeout")), "{found}");

    let mut by_tcp = forward(vec![to]);
    by_tcp.force_tcp = true;
    let found = shown(&ask(by_tcp, &request("a", RecordType::A)).await);
    assert_eq!(found, format!("failed ServFail: dial tcp {to}: connect: connection refused"));

    let ends = tcp(|_| Vec::new()).await;
    let mut by_tcp = forward(vec![ends]);
    by_tcp.force_tcp = true;
    let found = shown(&ask(by_tcp, &request("a", RecordType::A)).await);
    assert_eq!(found, "failed ServFail: EOF");
}

#[tokio::test]
async fn ignores_what_is_no_reply_to_it() {
    let upstream = udp(|query| {
        let mut other_id = reply(query, 1, 1);
        other_id.metadata.id = query.metadata.id.wrapping_add(1);
        let mut other_name = reply(query, 2, 1);
        let name = names::parse("other").unwrap();
        other_name.queries = vec![op::Query::query(name, RecordType::A)];
        let mut other_type = reply(query, 3, 1);
        other_type.queries[0].set_query_type(RecordType::MX);
        let mut forged: Vec<Vec<u8>> = [other_id, other_name, other_type, query.clone()]
            .iter()
            .map(|message| message.to_vec().unwrap())
            .collect();
        forged.push(vec![0]);
        forged.push(reply(query, 9, 1).to_vec().unwrap());
        forged
    })
    .await;
    let outcome = ask(forward(vec![upstream]), &request("a", RecordType::A)).await;
    assert_eq!(shown(&outcome), "NoError: a. 5 A 10.0.0.9");
}

#[tokio::test]
async fn says_formerr_where_only_another_question_is_answered() {
    fn wrong(query: &Message) -> Vec<Vec<u8>> {
        let mut reply = reply(query, 1, 1);
        reply.queries[0].set_query_type(RecordType::MX);
        vec![reply.to_vec().unwrap()]
    }
    let mut by_udp = forward(vec![udp(wrong).await]);
    by_udp.read_timeout = Duration::from_millis(20);
    assert_eq!(shown(&ask(by_udp, &request("a", RecordType::A)).await), "FormErr:");
    let mut by_tcp = forward(vec![tcp(wrong).await]);
    by_tcp.force_tcp = true;
    assert_eq!(shown(&ask(by_tcp, &request("a", RecordType::A)).await), "FormErr:");
}

/// A truncated reply over UDP, and all of it over TCP.
async fn large() -> SocketAddr {
    let truncated: Answer = |query| {
        let mut reply = reply(query, 1, 1);
        reply.metadata.truncation = true;
        vec![reply.to_vec().unwrap()]
    };
    udp_and_tcp(truncated, |query| vec![reply(query, 1, 3).to_vec().unwrap()]).await
}

#[tokio::test]
async fn keeps_the_transport_of_the_client() {
    let address = large().await;
    for (transport, force_tcp, prefer_udp, count, truncated) in [
        (Transport::Udp, false, false, 1, true),
        (Transport::Tcp, false, false, 3, false),
        (Transport::Udp, true, false, 3, false),
        (Transport::Udp, false, true, 3, false),
        (Transport::Tcp, true, true, 3, false),
    ] {
        let mut forward = forward(vec![address]);
        (forward.force_tcp, forward.prefer_udp) = (force_tcp, prefer_udp);
        let mut asked = request("a", RecordType::A);
        asked.transport = transport;
        let outcome = ask(forward, &asked).await;
        let Ok(Reply::Message(message)) = &outcome else { panic!("{outcome:?}") };
        let found = (message.answers.len(), message.metadata.truncation);
        assert_eq!(found, (count, truncated), "{transport:?} {force_tcp} {prefer_udp}");
    }
}

#[tokio::test]
async fn says_truncated_for_a_reply_the_client_could_not_take() {
    let upstream = udp(|query| vec![reply(query, 1, 100).to_vec().unwrap()]).await;
    let outcome = ask(forward(vec![upstream]), &request("a", RecordType::A)).await;
    let Ok(Reply::Message(message)) = &outcome else { panic!("{outcome:?}") };
    assert!(message.metadata.truncation && message.metadata.recursion_available);
    assert_eq!((message.answers.len(), message.queries.len(), message.metadata.id), (0, 1, 7));
}

#[tokio::test]
async fn tries_another_upstream_for_a_reply_that_is_none() {
    let garbled = udp(|query| {
        let mut bytes = reply(query, 1, 1).to_vec().unwrap();
        bytes.truncate(bytes.len() - 2);
        vec![bytes]
    })
    .await;
    let good = udp(|query| vec![reply(query, 2, 1).to_vec().unwrap()]).await;
    let outcome = ask(forward(vec![garbled, good]), &request("a", RecordType::A)).await;
    assert_eq!(shown(&outcome), "NoError: a. 5 A 10.0.0.2");
}

#[tokio::test]
async fn refuses_more_than_max_concurrent() {
    let silent = udp(|_| Vec::new()).await;
    let mut limited = forward(vec![silent]);
    limited.max_concurrent = 1;
    let chain: Vec<Box<dyn Plugin>> =
        vec![Box::new(limited), Box::new(Last(|_| Err(Failure::code(ResponseCode::NotImp))))];
    let asked = request("a", RecordType::A);
    let first = Next::all(&chain).start(&asked);
    let second = Next::all(&chain).start(&asked);
    // The first is asked first and waits for its upstream, so it is the second that comes back.
    tokio::select! {
        biased;
        outcome = first => panic!("{outcome:?}"),
        outcome = second => assert_eq!(
            shown(&outcome),
            "failed Refused: concurrent queries exceeded maximum 1"
        ),
    }
}
