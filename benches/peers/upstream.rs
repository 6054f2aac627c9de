//! The name server that names outside of the cluster are forwarded to: each has one address.

use std::net::UdpSocket;

/// Octets of a header.
const HEADER: usize = 12;
/// One A record of the name that was asked for, for an hour.
const RECORD: [u8; 16] = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4, 192, 0, 2, 1];

/// Answers questions for A with an address, and others with nothing.
pub fn serve(port: u16) -> ! {
    let socket = UdpSocket::bind(("127.0.0.1", port)).expect("a socket");
    let mut packet = [0; 4096];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut packet) else { continue };
        let Some(answer) = answer(&packet[..length]) else { continue };
        let _ = socket.send_to(&answer, client);
    }
}

fn answer(packet: &[u8]) -> Option<Vec<u8>> {
    let mut end = HEADER;
    while *packet.get(end)? != 0 {
        end += 1 + usize::from(packet[end]);
    }
    end += 1;
    let question = packet.get(..end + 4)?;
    let mut answer = question.to_vec();
    // QR and RA; one question and nothing else.
    answer[2] |= 0x80;
    answer[3] = 0x80;
    let is_address = question[end..] == [0, 1, 0, 1];
    answer[4..HEADER].copy_from_slice(&[0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    if is_address {
        answer.extend_from_slice(&RECORD);
    }
    Some(answer)
}
