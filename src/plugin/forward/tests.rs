use std::net::SocketAddr;

use hickory_proto::op::{self, Edns, OpCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::*;
use crate::plugin::setup::Chain;
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
            // One question a connection.
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

/// A chain that forwards all to these upstreams, in their order, with these options.
fn chain(upstreams: &[SocketAddr], options: &str) -> (Chain, Arc<Metrics>) {
    let to: String = upstreams.iter().map(|upstream| format!(" {upstream}")).collect();
    let lines = format!("forward .{to} {{\npolicy sequential\n{options}\n}}");
    let (chain, process) = testing::setup(&lines, NAME, setup).unwrap();
    (chain, process.metrics)
}

async fn ask(upstreams: &[SocketAddr], options: &str, request: &Request) -> Outcome {
    testing::ask(&mut chain(upstreams, options).0, request).await
}

/// Asks for the address of `a`.
async fn ask_a(upstreams: &[SocketAddr], options: &str) -> String {
    shown(&ask(upstreams, options, &request("a", RecordType::A)).await)
}

fn one(query: &Message) -> Vec<Vec<u8>> {
    vec![reply(query, 1, 1).to_vec().unwrap()]
}

fn nothing(_query: &Message) -> Vec<Vec<u8>> {
    Vec::new()
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
    asked.metadata = Some(Arc::default());
    let outcome = ask(&[upstream], "", &asked).await;
    let Ok(Reply::Message(message)) = &outcome else { panic!("{outcome:?}") };
    assert_eq!(message.metadata.id, 7);
    assert!(message.metadata.recursion_available && message.metadata.authentic_data);
    assert_eq!(shown(&outcome), "NXDomain: A.Example. 5 A 10.0.0.1");
    assert_eq!(asked.metadata.unwrap().get("forward/upstream"), Some(upstream.to_string()));
}

#[tokio::test]
async fn passes_on_what_it_does_not_take() {
    let upstream = udp(one).await;
    let lines = format!("forward Example.org {upstream} {{\nexcept b.example.org\n}}");
    let (mut chain, _) = testing::setup(&lines, NAME, setup).unwrap();
    for (name, taken) in [
        ("example.org", true),
        ("a.example.org", true),
        ("b.EXAMPLE.org", false),
        ("a.b.example.org", false),
        ("ab.example.org", true),
        ("myexample.org", false),
        ("org", false),
    ] {
        let outcome = testing::ask(&mut chain, &request(name, RecordType::A)).await;
        assert_eq!(shown(&outcome) != "failed NotImp", taken, "{name}: {}", shown(&outcome));
    }
    let outcome = ask(&[upstream], "except .", &request(".", RecordType::A)).await;
    assert_eq!(shown(&outcome), "NoError: . 5 A 10.0.0.1", "FROM itself is always forwarded");
}

#[tokio::test]
async fn takes_the_next_upstream_at_once_where_nobody_listens() {
    let upstream = udp(one).await;
    let (nobody, _socket) = nobody().await;
    // Only an ICMP error can end the first attempt in a test's time.
    let found = ask_a(&[nobody, upstream], "read_timeout 24h").await;
    assert_eq!(found, "NoError: a. 5 A 10.0.0.1");
}

#[tokio::test]
async fn says_what_failed_as_coredns_does() {
    let (to, _socket) = nobody().await;
    let found = ask_a(&[to], "").await;
    assert!(found.starts_with("failed ServFail: read udp 127.0.0.1:"), "{found}");
    assert!(found.ends_with(&format!("->{to}: read: connection refused")), "{found}");

    let silent = udp(nothing).await;
    let found = ask_a(&[silent], "read_timeout 20ms").await;
    assert!(found.ends_with(&format!("->{silent}: i/o timeout")), "{found}");

    let found = ask_a(&[to], "force_tcp").await;
    assert_eq!(found, format!("failed ServFail: dial tcp {to}: connect: connection refused"));
    let found = ask_a(&[to], "force_tcp\nsource_address 192.0.2.1").await;
    let expected = format!("dial tcp 192.0.2.1:0->{to}: bind: cannot assign requested address");
    assert_eq!(found, format!("failed ServFail: {expected}"));

    let ends = tcp(nothing).await;
    assert_eq!(ask_a(&[ends], "force_tcp").await, "failed ServFail: EOF");
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
    assert_eq!(ask_a(&[upstream], "").await, "NoError: a. 5 A 10.0.0.9");
}

#[tokio::test]
async fn knows_its_question_in_any_case() {
    let upstream = udp(|query| {
        let mut reply = reply(query, 1, 1);
        let name = names::parse("WWW.TEST").unwrap();
        reply.queries = vec![op::Query::query(name, RecordType::A)];
        vec![reply.to_vec().unwrap()]
    })
    .await;
    let outcome = ask(&[upstream], "read_timeout 24h", &request("www.Test", RecordType::A)).await;
    assert_eq!(shown(&outcome), "NoError: www.Test. 5 A 10.0.0.1");
}

#[tokio::test]
async fn says_formerr_where_only_another_question_is_answered() {
    fn wrong(query: &Message) -> Vec<Vec<u8>> {
        let mut reply = reply(query, 1, 1);
        reply.queries[0].set_query_type(RecordType::MX);
        vec![reply.to_vec().unwrap()]
    }
    fn header(query: &Message) -> Vec<Vec<u8>> {
        vec![Message::response(query.metadata.id, OpCode::Query).to_vec().unwrap()]
    }
    assert_eq!(ask_a(&[udp(wrong).await], "read_timeout 20ms").await, "FormErr:");
    assert_eq!(ask_a(&[tcp(wrong).await], "force_tcp").await, "FormErr:");
    assert_eq!(ask_a(&[udp(header).await], "read_timeout 24h").await, "FormErr:");
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
    for (transport, options, count, truncated) in [
        (Transport::Udp, "", 1, true),
        (Transport::Tcp, "", 3, false),
        (Transport::Udp, "force_tcp", 3, false),
        (Transport::Udp, "prefer_udp", 3, false),
        (Transport::Tcp, "force_tcp\nprefer_udp", 3, false),
    ] {
        let mut asked = request("a", RecordType::A);
        asked.transport = transport;
        let outcome = ask(&[address], options, &asked).await;
        let Ok(Reply::Message(message)) = &outcome else { panic!("{outcome:?}") };
        let found = (message.answers.len(), message.metadata.truncation);
        assert_eq!(found, (count, truncated), "{transport:?} {options}");
    }
}

#[tokio::test]
async fn says_truncated_for_a_reply_that_is_cut_off() {
    fn long(query: &Message) -> Vec<Vec<u8>> {
        vec![reply(query, 1, 100).to_vec().unwrap()]
    }
    fn short(query: &Message) -> Vec<Vec<u8>> {
        let mut bytes = reply(query, 1, 1).to_vec().unwrap();
        bytes.truncate(bytes.len() - 2);
        vec![bytes]
    }
    for answer in [long as Answer, short] {
        let outcome = ask(&[udp(answer).await], "", &request("a", RecordType::A)).await;
        let Ok(Reply::Message(message)) = &outcome else { panic!("{outcome:?}") };
        assert!(message.metadata.truncation && message.metadata.recursion_available);
        assert_eq!((message.answers.len(), message.queries.len(), message.metadata.id), (0, 1, 7));
    }
    // Over TCP it is no reply, and another upstream is asked.
    let good = tcp(|query| vec![reply(query, 2, 1).to_vec().unwrap()]).await;
    let found = ask_a(&[tcp(short).await, good], "force_tcp").await;
    assert_eq!(found, "NoError: a. 5 A 10.0.0.2");
}

#[tokio::test]
async fn refuses_more_than_max_concurrent() {
    let silent = udp(nothing).await;
    let (mut chain, metrics) = chain(&[silent], "max_concurrent 1");
    chain.plugins.push(Arc::new(Last(|_| Err(Failure::code(ResponseCode::NotImp)))));
    let asked = request("a", RecordType::A);
    let first = Next::all(&chain.plugins).start(&asked);
    let second = Next::all(&chain.plugins).start(&asked);
    // The first is asked first and waits for its upstream, so it is the second that comes back.
    tokio::select! {
        biased;
        outcome = first => panic!("{outcome:?}"),
        outcome = second => assert_eq!(
            shown(&outcome),
            "failed Refused: concurrent queries exceeded maximum 1"
        ),
    }
    assert!(metrics.page().contains("coredns_forward_max_concurrent_rejects_total 1"));
}

/// Codes by the name that is asked for: of the upstream that answers.
fn coded(query: &Message, own: &str) -> Vec<Vec<u8>> {
    let mut reply = reply(query, 1, 0);
    let name = query.queries[0].name().to_string();
    reply.metadata.response_code = match name.as_str() {
        "all." => ResponseCode::ServFail,
        name if name.starts_with(own) => ResponseCode::NXDomain,
        _ => ResponseCode::NoError,
    };
    vec![reply.to_vec().unwrap()]
}

#[tokio::test]
async fn asks_another_upstream_for_a_code_of_failover() {
    let first = udp(|query| coded(query, "first")).await;
    let second = udp(|query| coded(query, "second")).await;
    for (name, options, expected) in [
        ("first", "failover NXDOMAIN", "NoError:"),
        ("second", "failover NXDOMAIN", "NoError:"),
        ("first", "failover SERVFAIL", "NXDomain:"),
        ("all", "failover nxdomain servfail", "ServFail:"),
        // To fail over costs no attempt.
        ("first", "failover NXDOMAIN\nmax_connect_attempts 1", "NoError:"),
    ] {
        let (mut chain, metrics) = chain(&[first, second], options);
        let outcome = testing::ask(&mut chain, &request(name, RecordType::A)).await;
        assert_eq!(shown(&outcome), expected, "{name} {options}");
        let asked = metrics.page().matches("coredns_proxy_request_duration_seconds_count{").count();
        let failed_over = name != "second" && options != "failover SERVFAIL";
        assert_eq!(asked, if failed_over { 2 } else { 1 }, "{name} {options}");
    }
}

#[tokio::test]
async fn hands_on_to_the_next_forward_alone() {
    let first = udp(|query| coded(query, "first")).await;
    let second = udp(one).await;
    for (options, name, expected) in [
        ("next NXDOMAIN", "first", "NoError: first. 5 A 10.0.0.1"),
        ("next nxdomain refused", "first", "NoError: first. 5 A 10.0.0.1"),
        ("next REFUSED", "first", "NXDomain:"),
        ("next NXDOMAIN", "other", "NoError:"),
        ("next_on_nodata", "other", "NoError: other. 5 A 10.0.0.1"),
        ("next_on_nodata", "first", "NXDomain:"),
    ] {
        let lines = format!("forward . {first} {{\n{options}\n}}\nforward . {second}");
        let (mut both, _) = testing::setup(&lines, NAME, setup).unwrap();
        let outcome = testing::ask(&mut both, &request(name, RecordType::A)).await;
        assert_eq!(shown(&outcome), expected, "{options} {name}");
        // Behind a single one stands another plugin.
        let alone = shown(&ask(&[first], options, &request(name, RecordType::A)).await);
        assert_eq!(alone, if name == "first" { "NXDomain:" } else { "NoError:" }, "{options}");
    }
}

#[tokio::test]
async fn uses_connections_again_and_counts_it() {
    let upstream = udp(one).await;
    for (options, hits, misses) in
        [("", 2, 1), ("max_idle_conns 1", 2, 1), ("expire 0s", 0, 3), ("max_age 10s", 2, 1)]
    {
        let (mut chain, metrics) = chain(&[upstream], options);
        for _ in 0..3 {
            let outcome = testing::ask(&mut chain, &request("a", RecordType::A)).await;
            assert_eq!(shown(&outcome), "NoError: a. 5 A 10.0.0.1");
        }
        let page = metrics.page();
        let labels = format!("{{proto=\"udp\",proxy_name=\"forward\",to=\"{upstream}\"}}");
        for (name, count) in [("hits", hits), ("misses", misses)] {
            let line = format!("coredns_proxy_conn_cache_{name}_total{labels} {count}");
            let has = page.lines().any(|found| found == line);
            assert_eq!(has, count > 0, "{options}: {line} of\n{page}");
        }
        let rcode = format!("proxy_name=\"forward\",rcode=\"NOERROR\",to=\"{upstream}\"}} 3");
        assert!(page.contains(&format!("coredns_proxy_request_duration_seconds_count{{{rcode}")));
    }
}

#[tokio::test]
async fn a_connection_that_the_upstream_closed_costs_no_attempt() {
    // It closes after each answer, behind the back of whoever keeps the connection.
    let upstream = tcp(one).await;
    let (mut chain, metrics) = chain(&[upstream], "force_tcp\nmax_connect_attempts 1");
    for _ in 0..3 {
        let outcome = testing::ask(&mut chain, &request("a", RecordType::A)).await;
        assert_eq!(shown(&outcome), "NoError: a. 5 A 10.0.0.1");
    }
    let labels = format!("{{proto=\"tcp\",proxy_name=\"forward\",to=\"{upstream}\"}}");
    let page = metrics.page();
    for line in ["hits_total{} 2", "misses_total{} 3"] {
        let line = format!("coredns_proxy_conn_cache_{}", line.replace("{}", &labels));
        assert!(page.contains(&line), "{line} of\n{page}");
    }
}
