//! Questions one at a time, each with its answer.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::load::PATIENCE;

/// A socket that asks one server.
pub struct Single {
    socket: UdpSocket,
    answer: [u8; 4096],
}

impl Single {
    pub fn to(at: SocketAddr) -> Self {
        Self::patient(at, PATIENCE)
    }

    /// One that waits for so long for each answer.
    pub fn patient(at: SocketAddr, patience: Duration) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(at).expect("a way to the server");
        socket.set_read_timeout(Some(patience)).expect("a time limit");
        Single { socket, answer: [0; 4096] }
    }

    /// The answer; `None` where there is none in time, or nobody is there.
    pub fn ask(&mut self, packet: &[u8]) -> Option<&[u8]> {
        self.socket.send(packet).ok()?;
        loop {
            let length = self.socket.recv(&mut self.answer).ok()?;
            // A late answer is to another question.
            let is_ours = self.answer[..length].get(12..packet.len()) == packet.get(12..);
            if is_ours {
                return Some(&self.answer[..length]);
            }
        }
    }

    /// Asks one after the other until the time is over: how long each took.
    pub fn trips(&mut self, packets: &[Vec<u8>], time: Duration) -> Vec<Duration> {
        let start = Instant::now();
        let mut trips = Vec::new();
        for packet in packets.iter().cycle() {
            let begin = Instant::now();
            if begin - start > time {
                break;
            }
            if self.ask(packet).is_some() {
                trips.push(begin.elapsed());
            }
        }
        trips
    }

    /// What is said to each: the code and the number of records in the answer section.
    ///
    /// # Panics
    /// If one is not answered after some attempts.
    pub fn says<'p>(&mut self, packets: impl Iterator<Item = &'p Vec<u8>>) -> Vec<(u8, u8)> {
        const ATTEMPTS: usize = 20;
        let said = |answer: &[u8]| (answer[3] & 15, answer[7]);
        let mut once = |packet: &Vec<u8>| self.ask(packet).map(said);
        let attempts = |packet| (0..ATTEMPTS).find_map(|_| once(packet)).expect("an answer");
        packets.map(attempts).collect()
    }
}
