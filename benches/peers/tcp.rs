//! Many questions at once on each of several TCP connections.
//!
//! In: packets. Out: how many were answered in a second. Answers may come in any order (RFC 7766 §6.2.1.1).

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::cores;
use super::load::{Load, PATIENCE};
use super::told::Told;

const CONNECTIONS: usize = 10;
/// Questions on their way on each.
const WINDOW: usize = 32;

impl Load {
    /// As [`Load::run`], over TCP and from one core.
    pub fn run_tcp(&self) -> Told {
        cores::pin(cores::CLIENT);
        let mut packets = self.packets.iter().cycle();
        let mut connections: Vec<Connection> =
            (0..CONNECTIONS).map(|_| Connection::to(self.at)).collect();
        let mut told = Told::default();
        let start = Instant::now();
        while start.elapsed() < self.time {
            for connection in &mut connections {
                if connection.out <= WINDOW / 2 {
                    connection.send(&mut packets, &mut told);
                }
                if !connection.take(&mut told) {
                    told.lost += connection.out as u64;
                    *connection = Connection::to(self.at);
                }
            }
        }
        told.time = start.elapsed();
        told
    }
}

struct Connection {
    stream: TcpStream,
    out: usize,
    last: Instant,
    /// What the kernel had no room for.
    unsent: Vec<u8>,
    /// The start of an answer whose end has not come.
    begun: Vec<u8>,
}

impl Connection {
    fn to(at: SocketAddr) -> Self {
        let stream = TcpStream::connect(at).expect("a connection");
        stream.set_nodelay(true).expect("a connection that sends at once");
        stream.set_nonblocking(true).expect("a connection that does not block");
        Connection { stream, out: 0, last: Instant::now(), unsent: Vec::new(), begun: Vec::new() }
    }

    fn send<'p>(&mut self, packets: &mut impl Iterator<Item = &'p Vec<u8>>, told: &mut Told) {
        for packet in packets.take(WINDOW - self.out) {
            let length = u16::try_from(packet.len()).expect("a short question");
            self.unsent.extend_from_slice(&length.to_be_bytes());
            self.unsent.extend_from_slice(packet);
        }
        self.out = WINDOW;
        let begin = Instant::now();
        // An error is seen where answers are taken.
        let sent = self.stream.write(&self.unsent).unwrap_or(0);
        self.last = Instant::now();
        told.busy += self.last - begin;
        self.unsent.drain(..sent);
    }

    /// Takes the answers that are there. Says whether more can come.
    fn take(&mut self, told: &mut Told) -> bool {
        let mut octets = [0; 16_384];
        let begin = Instant::now();
        match self.stream.read(&mut octets) {
            Ok(0) => return false,
            Ok(length) => self.begun.extend_from_slice(&octets[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return self.out == 0 || self.last.elapsed() < PATIENCE;
            }
            Err(_) => return false,
        }
        let mut rest = self.begun.as_slice();
        while let Some((length, behind)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            let Some(behind) = behind.get(length..) else { break };
            told.octets += length as u64;
            told.answered += 1;
            self.out = self.out.saturating_sub(1);
            rest = behind;
        }
        let read = self.begun.len() - rest.len();
        self.begun.drain(..read);
        self.last = Instant::now();
        told.busy += self.last - begin;
        true
    }
}
