//! Questions over UDP as fast as answers come.
//!
//! In: packets. Out: how many were answered in a second, and how much of the time the clients were at work. What
//! is sent together is one packet for the kernel until it comes to the server's socket (UDP_SEGMENT), so that
//! asking costs less than answering.

use std::collections::BTreeMap;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmsg,
};

use super::cores;
use super::told::Told;

/// Sockets of all clients, and questions that each has on their way: what the buffer of one socket of a server
/// holds.
const SOCKETS: usize = 8;
const WINDOW: usize = 16;
/// What has no answer after this is lost, and others are asked.
pub const PATIENCE: Duration = Duration::from_millis(200);

/// One run.
pub struct Load {
    pub at: SocketAddr,
    pub packets: Arc<Vec<Vec<u8>>>,
    pub time: Duration,
}

impl Load {
    /// As many as there is room for on their way, until the time is over, from all cores of the clients.
    pub fn run(&self) -> Told {
        let bundles = &bundles(&self.packets);
        let clients = cores::clients().min(SOCKETS);
        let mut all = Told::default();
        std::thread::scope(|scope| {
            let one = |number| {
                scope.spawn(move || {
                    cores::pin(cores::CLIENT + number);
                    self.client(bundles, SOCKETS / clients, number * bundles.len() / clients)
                })
            };
            let threads: Vec<_> = (0..clients).map(one).collect();
            threads.into_iter().for_each(|thread| all += thread.join().expect("a client"));
        });
        all
    }

    fn client(&self, bundles: &[Bundle], sockets: usize, first: usize) -> Told {
        let mut sockets: Vec<Asking> = (0..sockets).map(|_| Asking::new(self.at)).collect();
        let mut told = Told::default();
        let mut bundles = bundles.iter().cycle().skip(first);
        let start = Instant::now();
        while start.elapsed() < self.time {
            for asking in sockets.iter_mut().filter(|asking| asking.out == 0) {
                asking.send(bundles.next().expect("questions without end"), &mut told);
            }
            for asking in &mut sockets {
                asking.take(&mut told);
            }
        }
        told.time = start.elapsed();
        told
    }
}

/// Packets of one length, one behind the other.
struct Bundle {
    octets: Vec<u8>,
    length: u16,
}

/// All packets in bundles, mixed.
fn bundles(packets: &[Vec<u8>]) -> Vec<Bundle> {
    let mut lengths: BTreeMap<usize, Vec<&[u8]>> = BTreeMap::new();
    mixed(packets).for_each(|packet| lengths.entry(packet.len()).or_default().push(packet));
    let bundles: Vec<(&[&[u8]], usize)> = lengths
        .iter()
        .flat_map(|(length, packets)| packets.chunks(WINDOW).map(|chunk| (chunk, *length)))
        .collect();
    let bundle = |&(packets, length): &(&[&[u8]], usize)| Bundle {
        octets: packets.concat(),
        length: u16::try_from(length).expect("a short question"),
    };
    mixed(&bundles).map(bundle).collect()
}

/// All in another order: by a step that has no factor in common with any number of them that is likely.
fn mixed<T>(all: &[T]) -> impl Iterator<Item = &T> {
    (0..all.len()).map(|index| &all[index * 7919 % all.len()])
}

/// A socket with questions on their way.
struct Asking {
    socket: UdpSocket,
    out: usize,
    last: Instant,
    receiving: MultiHeaders<SockaddrStorage>,
    answers: Vec<[u8; 1536]>,
}

impl Asking {
    fn new(at: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(at).expect("a way to the server");
        socket.set_nonblocking(true).expect("a socket that does not block");
        Asking {
            socket,
            out: 0,
            last: Instant::now(),
            receiving: MultiHeaders::preallocate(WINDOW, None),
            answers: vec![[0; 1536]; WINDOW],
        }
    }

    fn send(&mut self, bundle: &Bundle, told: &mut Told) {
        let fd = self.socket.as_raw_fd();
        let parts = [IoSlice::new(&bundle.octets)];
        let control = [ControlMessage::UdpGsoSegments(&bundle.length)];
        let begin = Instant::now();
        match sendmsg::<()>(fd, &parts, &control, MsgFlags::MSG_DONTWAIT, None) {
            Ok(sent) => self.out = sent / usize::from(bundle.length),
            Err(Errno::EAGAIN) => {}
            Err(error) => panic!("the load: {error}"),
        }
        self.last = Instant::now();
        told.busy += self.last - begin;
    }

    fn take(&mut self, told: &mut Told) {
        let fd = self.socket.as_raw_fd();
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            self.answers.iter_mut().map(|answer| [IoSliceMut::new(answer)]).collect();
        let flags = MsgFlags::MSG_DONTWAIT;
        let begin = Instant::now();
        match recvmmsg(fd, &mut self.receiving, slices.iter_mut(), flags, None) {
            Ok(received) => {
                for one in received {
                    told.octets += one.bytes as u64;
                    told.answered += 1;
                    self.out = self.out.saturating_sub(1);
                }
                self.last = Instant::now();
                told.busy += self.last - begin;
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
