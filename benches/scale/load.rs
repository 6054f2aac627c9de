//! Questions at a rate, each with the answer that is right.
//!
//! In: names and what they have. Out: how many were asked, answered, wrong and lost.

use std::collections::HashMap;
use std::fmt;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

/// What is not answered after this is lost.
const PATIENCE: Duration = Duration::from_secs(2);
/// Questions on their way, of each thread: what a socket of the server holds, whose buffer is the kernel's default.
const WINDOW: usize = 128;
const THREADS: u64 = 2;

/// What came of them.
#[derive(Default)]
pub struct Told {
    asked: u64,
    right: u64,
    wrong: HashMap<String, u64>,
    lost: u64,
    seconds: f64,
}

impl Told {
    pub fn is_good(&self) -> bool {
        self.wrong.is_empty() && self.lost == 0
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong: u64 = self.wrong.values().sum();
        write!(
            f,
            "load: {} asked, {} right, {wrong} wrong, {} lost in {:.0} s: {:.0} questions/s",
            self.asked,
            self.right,
            self.lost,
            self.seconds,
            self.asked as f64 / self.seconds
        )?;
        for (what, count) in self.wrong.iter().take(20) {
            write!(f, "\n  {count} times: {what}")?;
        }
        Ok(())
    }
}

/// Asks for a while, at `rate` questions a second or as fast as answers come.
pub fn run(
    at: SocketAddr,
    names: &[(String, Option<Ipv4Addr>)],
    rate: u64,
    time: Duration,
) -> Told {
    let packets: Vec<(Vec<u8>, Option<Ipv4Addr>)> =
        names.iter().map(|(name, address)| (packet(name), *address)).collect();
    let packets = &packets;
    let mut all = Told::default();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| scope.spawn(move || one(at, packets, rate / THREADS, time, number)))
            .collect();
        for told in threads.into_iter().map(|thread| thread.join().expect("a thread of the load")) {
            all.asked += told.asked;
            all.right += told.right;
            all.lost += told.lost;
            all.seconds = told.seconds;
            for (what, count) in told.wrong {
                *all.wrong.entry(what).or_default() += count;
            }
        }
    });
    all
}

fn one(
    at: SocketAddr,
    packets: &[(Vec<u8>, Option<Ipv4Addr>)],
    rate: u64,
    time: Duration,
    number: u64,
) -> Told {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.connect(at).expect("connect");
    socket.set_nonblocking(true).expect("non-blocking");
    let mut told = Told::default();
    // By ID: the number of the question and when it was asked.
    let mut waiting: HashMap<u16, (usize, Instant)> = HashMap::with_capacity(WINDOW * 2);
    let (mut id, mut buffer) = (0_u16, [0_u8; 2048]);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number + 1);
    let started = Instant::now();
    let mut last_look = started;
    loop {
        let now = Instant::now();
        let is_over = now - started >= time;
        if is_over && waiting.is_empty() {
            break;
        }
        let due = ((now - started).as_secs_f64() * rate as f64) as u64;
        let mut moved = false;
        while !is_over && told.asked < due && waiting.len() < WINDOW {
            id = id.wrapping_add(1);
            if waiting.contains_key(&id) {
                continue;
            }
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let index = (random >> 33) as usize % packets.len();
            buffer[..packets[index].0.len()].copy_from_slice(&packets[index].0);
            buffer[..2].copy_from_slice(&id.to_be_bytes());
            match socket.send(&buffer[..packets[index].0.len()]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("cannot ask: {error}"),
            }
            waiting.insert(id, (index, now));
            told.asked += 1;
            moved = true;
        }
        while let Ok(length) = socket.recv(&mut buffer) {
            moved = true;
            let reply = &buffer[..length];
            let id = u16::from_be_bytes([reply[0], reply[1]]);
            let Some((index, _)) = waiting.remove(&id) else { continue };
            let (packet, expected) = &packets[index];
            match wrong(packet, *expected, reply) {
                None => told.right += 1,
                Some(what) => *told.wrong.entry(what).or_default() += 1,
            }
        }
        if now - last_look > Duration::from_millis(500) {
            last_look = now;
            let before = waiting.len();
            waiting.retain(|_, (_, asked)| now - *asked < PATIENCE);
            told.lost += (before - waiting.len()) as u64;
        }
        if !moved {
            thread::sleep(Duration::from_micros(100));
        }
    }
    told.seconds = started.elapsed().as_secs_f64();
    told
}

/// A question for an A record.
fn packet(name: &str) -> Vec<u8> {
    let mut packet = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        packet.push(u8::try_from(label.len()).expect("a label"));
        packet.extend_from_slice(label.as_bytes());
    }
    packet.extend_from_slice(&[0, 0, 1, 0, 1]);
    packet
}

/// What is wrong with a reply, if anything is: another question, code, number of records or address.
fn wrong(question: &[u8], expected: Option<Ipv4Addr>, reply: &[u8]) -> Option<String> {
    let name = || String::from_utf8_lossy(&question[12..question.len() - 4]).into_owned();
    if reply.len() < question.len() || reply[12..question.len()] != question[12..] {
        return Some(format!("another question than {:?}", name()));
    }
    let code = reply[3] & 15;
    let answers = u16::from_be_bytes([reply[6], reply[7]]);
    let right = match expected {
        Some(address) => code == 0 && answers == 1 && reply.ends_with(&address.octets()),
        None => code == 3 && answers == 0,
    };
    (!right).then(|| format!("{:?}: code {code}, {answers} records", name()))
}
