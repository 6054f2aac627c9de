//! Floods: a thread that sends as fast as it can, until it is stopped or dropped.

use std::collections::VecDeque;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hickory_proto::rr::RecordType;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use socket2::SockRef;

use crate::harness::Question;

/// Connections of a flood that are open at a time, fewer than the kernel keeps for the server to take.
const OPEN: usize = 200;

/// What a flood of packets is made of.
#[derive(Clone, Copy)]
pub enum Packets {
    /// Questions that are answered where they come in.
    Fast,
    /// Questions that the chain is asked.
    Chain,
    /// Random octets, halves of questions, names of all lengths, responses, any opcode.
    Garbage,
}

/// A flood that runs.
pub struct Flood {
    sent: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// Of packets from so many sockets, in turns. Nobody reads the answers.
    pub fn packets(at: SocketAddr, sockets: usize, packets: Packets) -> Self {
        let packets = packets.some();
        Flood::start(move |sent, stop| {
            let bind = || {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
                socket.connect(at).expect("connect");
                socket
            };
            let sockets: Vec<UdpSocket> = (0..sockets).map(|_| bind()).collect();
            let turns = sockets.iter().cycle().zip(packets.iter().cycle());
            for (socket, packet) in turns.take_while(|_| !stop.load(Ordering::Relaxed)) {
                // The kernel may have no room.
                if socket.send(packet).is_ok() {
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    }

    /// Of connections on which this is written and nothing more. The oldest are reset, so that no port is kept for
    /// one that is over.
    pub fn connections(at: SocketAddr, text: &'static [u8]) -> Self {
        Flood::start(move |sent, stop| {
            let mut open = VecDeque::new();
            while !stop.load(Ordering::Relaxed) {
                let Ok(mut stream) = TcpStream::connect(at) else { continue };
                SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("an option");
                // Some are closed by now.
                let _ = stream.write_all(text);
                open.push_back(stream);
                if open.len() > OPEN {
                    open.pop_front();
                }
                sent.fetch_add(1, Ordering::Relaxed);
            }
        })
    }

    fn start(run: impl FnOnce(&AtomicUsize, &AtomicBool) + Send + 'static) -> Self {
        let (sent, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let thread = {
            let (sent, stop) = (sent.clone(), stop.clone());
            thread::spawn(move || run(&sent, &stop))
        };
        Flood { sent, stop, thread: Some(thread) }
    }

    /// How many packets or connections there were so far.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Ends it; how many there were.
    pub fn stop(mut self) -> usize {
        self.end();
        self.sent()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a flood");
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.end();
        }
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Packets {
    /// Some hundred of them.
    fn some(self) -> Vec<Vec<u8>> {
        let question = |name: String, kind| Question::new(&name, kind).packet();
        match self {
            Packets::Fast => (0..500)
                .map(|n| {
                    question(format!("{n}.flood.remote."), [RecordType::A, RecordType::AAAA][n % 2])
                })
                .collect(),
            Packets::Chain => {
                (0..500).map(|n| question(format!("{n}.flood.chain."), RecordType::A)).collect()
            }
            Packets::Garbage => {
                let mut rng = StdRng::seed_from_u64(7);
                (0..500).map(|_| garbage(&mut rng)).collect()
            }
        }
    }
}

fn garbage(rng: &mut StdRng) -> Vec<u8> {
    let mut packet = Question::new("www.flood.remote.", RecordType::A).packet();
    match rng.random_range(0..6) {
        0 => return (0..rng.random_range(0..600)).map(|_| rng.random()).collect(),
        1 => packet.truncate(rng.random_range(0..packet.len())),
        // As long as a name may be, or an octet too long.
        2 => {
            let last = rng.random_range(52..=56);
            let labels = [63, 63, 62, last].map(|length| [vec![length], vec![b'a'; length.into()]]);
            let name: Vec<u8> = labels.into_iter().flatten().flatten().collect();
            packet.truncate(12);
            packet.extend([&name[..], b"\x06remote\0\0\x01\0\x01"].concat());
        }
        // A response.
        3 => packet[2] |= 0x80,
        // Any opcode and counts.
        4 => {
            packet[2] = rng.random::<u8>() & 0x7f;
            packet[5] = rng.random_range(0..3);
            packet[7] = rng.random_range(0..3);
            packet[11] = rng.random_range(0..4);
        }
        _ => packet.extend((0..rng.random_range(1..900)).map(|_| rng.random::<u8>())),
    }
    packet
}
