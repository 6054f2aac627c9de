use hickory_proto::op::Message;

use super::*;
use crate::plugin::testing;

/// A secondary that replies to each message with the next code, and what it was told.
async fn secondary(codes: Vec<ResponseCode>) -> (SocketAddr, tokio::task::JoinHandle<Vec<String>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    let told = tokio::spawn(async move {
        let mut told = Vec::new();
        for code in codes {
            let mut buffer = [0; 512];
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let mut message = Message::from_vec(&buffer[..length]).unwrap();
            let asked = &message.metadata;
            told.push(format!(
                "{} {:?} aa {} rd {} from {}",
                message.queries[0],
                asked.op_code,
                asked.authoritative,
                asked.recursion_desired,
                from.ip()
            ));
            message.metadata.message_type = MessageType::Response;
            message.metadata.response_code = code;
            // Somebody else's reply is not taken for one.
            let own = message.metadata.id;
            message.metadata.id = own.wrapping_add(1);
            socket.send_to(&message.to_vec().unwrap(), from).await.unwrap();
            message.metadata.id = own;
            socket.send_to(&message.to_vec().unwrap(), from).await.unwrap();
        }
        told
    });
    (at, told)
}

async fn notify(lines: &str, zone: &str) -> Result<(), String> {
    let (chain, _) = testing::setup(lines, "transfer", crate::plugin::transfer::setup).unwrap();
    let zone = crate::plugin::names::parse(zone).unwrap();
    chain.notifier.unwrap().notify(&zone).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn tells_each_secondary_until_it_agrees() {
    use ResponseCode::{NoError, Refused};
    let (first, told_first) = secondary(vec![Refused, NoError]).await;
    let (second, told_second) = secondary(vec![NoError]).await;
    let lines = format!("transfer a.test {{\nto * {first}\nto {second}\nsource 127.0.0.1\n}}");
    notify(&lines, "a.test").await.unwrap();
    let due = "a.test. IN SOA Notify aa true rd false from 127.0.0.1";
    assert_eq!(told_first.await.unwrap(), [due, due]);
    assert_eq!(told_second.await.unwrap(), [due]);
}

#[tokio::test]
async fn says_who_does_not_agree() {
    let (at, told) = secondary(vec![ResponseCode::NotAuth; 3]).await;
    let lines = format!("transfer a.test {{\nto {at}\n}}");
    let said = notify(&lines, "a.test").await.unwrap_err();
    assert_eq!(
        said,
        format!("notify for zone \"a.test.\" was not accepted by \"{at}\": rcode was \"NOTAUTH\"")
    );
    assert_eq!(told.await.unwrap().len(), 3);
    assert_eq!(notify(&lines, "b.test").await, Ok(()), "nobody is told");
}
