//! Questions as fast as answers come, and one at a time.
//!
//! In: packets. Out: how many were answered in a second, and how long single ones took.

use std::fmt;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};

/// Sockets, and questions on their way from each.
const SOCKETS: usize = 8;
const WINDOW: usize = 16;
/// What has no answer after this is lost, and others are asked.
const PATIENCE: Duration = Duration::from_millis(200);

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Addresses of Services.
    Hit,
    /// What clients with `ndots:5` ask for: an eighth each of A and AAAA of Services, and names of search lists
    /// that do not exist.
    Mix,
    Srv,
    Ptr,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Hit, Kind::Mix, Kind::Srv, Kind::Ptr];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Hit => "hit",
            Kind::Mix => "mix",
            Kind::Srv => "SRV",
            Kind::Ptr => "PTR",
        }
    }
}

/// One run.
pub struct Load {
    pub at: SocketAddr,
    pub packets: Arc<Vec<Vec<u8>>>,
    pub time: Duration,
}

/// What came of it.
pub struct Told {
    pub answered: u64,
    pub lost: u64,
    /// Octets of all answers.
    octets: u64,
    time: Duration,
}

impl Told {
    pub fn per_second(&self) -> f64 {
        self.answered as f64 / self.time.as_secs_f64()
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = self.octets as f64 / self.answered.max(1) as f64;
        write!(f, "{:.0}/s, {} lost, {mean:.0} octets", self.per_second(), self.lost)
    }
}

impl Load {
    fn socket(&self) -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(self.at).expect("a way to the server");
        socket
    }

    /// As many as there is room for on their way, until the time is over.
    pub fn run(&self) -> Told {
        let mut sockets: Vec<Asking> = (0..SOCKETS).map(|_| Asking::new(self.socket())).collect();
        let mut told = Told { answered: 0, lost: 0, octets: 0, time: Duration::ZERO };
        // A step that has no factor in common with any number of packets that is likely.
        let mut next = 0_usize;
        let mut packets = std::iter::from_fn(|| {
            next = (next + 7919) % self.packets.len();
            Some(self.packets[next].as_slice())
        });
        let start = Instant::now();
        while start.elapsed() < self.time {
            for asking in &mut sockets {
                asking.fill(&mut packets);
            }
            for asking in &mut sockets {
                asking.take(&mut told);
            }
        }
        told.time = start.elapsed();
        told
    }

    /// One after the other: how long each took.
    pub fn trips(&self) -> Vec<Duration> {
        let socket = self.socket();
        socket.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let mut answer = [0; 4096];
        let start = Instant::now();
        let mut trips = Vec::new();
        for packet in self.packets.iter().cycle() {
            let begin = Instant::now();
            if begin - start > self.time {
                return trips;
            }
            socket.send(packet).expect("a question sent");
            if socket.recv(&mut answer).is_ok() {
                trips.push(begin.elapsed());
            }
        }
        trips
    }
}

/// A socket with questions on their way.
struct Asking {
    socket: UdpSocket,
    out: usize,
    last: Instant,
    sending: MultiHeaders<SockaddrStorage>,
    receiving: MultiHeaders<SockaddrStorage>,
    answers: Vec<[u8; 1536]>,
}

impl Asking {
    fn new(socket: UdpSocket) -> Self {
        socket.set_nonblocking(true).expect("a socket that does not block");
        Asking {
            socket,
            out: 0,
            last: Instant::now(),
            sending: MultiHeaders::preallocate(WINDOW, None),
            receiving: MultiHeaders::preallocate(WINDOW, None),
            answers: vec![[0; 1536]; WINDOW],
        }
    }

    fn fill<'p>(&mut self, packets: &mut impl Iterator<Item = &'p [u8]>) {
        let count = WINDOW - self.out;
        // Few at a time cost a call each.
        if count < WINDOW / 2 {
            return;
        }
        let slices: Vec<[IoSlice<'_>; 1]> =
            packets.take(count).map(|packet| [IoSlice::new(packet)]).collect();
        let nobody: [Option<SockaddrStorage>; WINDOW] = [None; WINDOW];
        let fd = self.socket.as_raw_fd();
        let flags = MsgFlags::MSG_DONTWAIT;
        let sent = sendmmsg(fd, &mut self.sending, &slices, &nobody[..count], [], flags);
        self.out += sent.map_or(0, Iterator::count);
    }

    fn take(&mut self, told: &mut Told) {
        let fd = self.socket.as_raw_fd();
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            self.answers.iter_mut().map(|answer| [IoSliceMut::new(answer)]).collect();
        let flags = MsgFlags::MSG_DONTWAIT;
        match recvmmsg(fd, &mut self.receiving, slices.iter_mut(), flags, None) {
            Ok(received) => {
                for one in received {
                    told.octets += one.bytes as u64;
                    told.answered += 1;
                    self.out = self.out.saturating_sub(1);
                }
                self.last = Instant::now();
            }
            Err(error) if std::io::Error::from(error).kind() == ErrorKind::WouldBlock => {
                if self.out > 0 && self.last.elapsed() > PATIENCE {
                    told.lost += self.out as u64;
                    (self.out, self.last) = (0, Instant::now());
                }
            }
            Err(error) => panic!("the load: {error}"),
        }
    }
}
