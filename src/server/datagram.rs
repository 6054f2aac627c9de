//! A UDP socket whose answers come from the address that was asked, and that ends without losing any.
//!
//! A socket that is bound to all addresses would send from the one that the kernel prefers on the way to
//! the client, which takes only answers from where it asked. So the address that a packet was sent to is
//! read (`IP_PKTINFO`, RFC 3542 §6.1) and given with the answer, as CoreDNS does. Packets are taken, and
//! answers that are known at once are sent, many at a time.

use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, sendmsg, setsockopt, sockopt};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::batch::{self, Answers, Turn};

/// A bound socket.
pub struct Datagrams {
    socket: UdpSocket,
    /// What it is bound to.
    bound: SocketAddr,
    is_closed: AtomicBool,
}

/// The way of an answer: the way of its question, back.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// Who asked.
    pub client: SocketAddr,
    /// Whom it asked, where the socket is bound to more than one address.
    pub source: Option<Source>,
}

/// The address that an answer leaves from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source(pub IpAddr);

impl Datagrams {
    /// Takes a bound socket.
    ///
    /// # Errors
    /// The kernel does not tell where packets were sent to.
    pub fn new(socket: UdpSocket) -> io::Result<Self> {
        let bound = socket.local_addr()?;
        let ip = bound.ip();
        if ip == Ipv4Addr::UNSPECIFIED {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        } else if ip == Ipv6Addr::UNSPECIFIED {
            // For IPv4 too, with addresses as `::ffff:192.0.2.1`.
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        }
        Ok(Datagrams { socket, bound, is_closed: AtomicBool::new(false) })
    }

    /// Waits until there are packets, or an error to take.
    ///
    /// # Errors
    /// The runtime ends.
    pub async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Takes the packets that the kernel has, as many as one turn may, and gives each to `answers`: what that
    /// writes is sent at once.
    ///
    /// # Errors
    /// Those of the kernel, which also tells here of answers that nobody took (ICMP), or `WouldBlock` where
    /// there are no packets.
    pub fn turn(&self, answers: &mut impl Answers) -> io::Result<Turn> {
        let mut turn = || batch::turn(self.socket.as_raw_fd(), answers);
        // The runtime may not know yet of packets that came just before the end.
        if self.is_closed.load(Ordering::Relaxed) {
            return turn().map(|turn| Turn { is_last: false, ..turn });
        }
        let mut last = None;
        let taken = self.socket.try_io(Interest::READABLE, || match turn()? {
            // The kernel would say so, asked once more; it tells the runtime of any that come from now on.
            turn if turn.is_last => {
                last = Some(turn);
                Err(io::ErrorKind::WouldBlock.into())
            }
            turn => Ok(turn),
        });
        last.map_or(taken, Ok)
    }

    /// The address that a packet was sent to.
    pub fn asked(&self, way: &Way) -> SocketAddr {
        let ip = way.source.map_or(self.bound.ip(), |Source(ip)| ip);
        SocketAddr::new(ip, self.bound.port())
    }

    /// Sends an answer.
    ///
    /// # Errors
    /// The client cannot be reached.
    pub async fn send(&self, packet: &[u8], way: &Way) -> io::Result<()> {
        let (v4, v6);
        let control = match way.source {
            None => return self.socket.send_to(packet, way.client).await.map(drop),
            Some(Source(IpAddr::V4(ip))) => {
                let address = in_addr { s_addr: u32::from(ip).to_be() };
                v4 = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address, ipi_addr: address };
                ControlMessage::Ipv4PacketInfo(&v4)
            }
            Some(Source(IpAddr::V6(ip))) => {
                let address = in6_addr { s6_addr: ip.octets() };
                v6 = in6_pktinfo { ipi6_addr: address, ipi6_ifindex: 0 };
                ControlMessage::Ipv6PacketInfo(&v6)
            }
        };
        let send = || {
            let (fd, parts) = (self.socket.as_raw_fd(), [IoSlice::new(packet)]);
            let client = SockaddrStorage::from(way.client);
            sendmsg(fd, &parts, &[control], MsgFlags::MSG_DONTWAIT, Some(&client))?;
            Ok(())
        };
        self.socket.async_io(Interest::WRITABLE, send).await
    }

    /// Takes no more packets: clients are told that nobody is there. What the kernel has by then can be
    /// taken and answered.
    ///
    /// # Errors
    /// The kernel refused; then packets that come are lost.
    pub fn close(&self) -> io::Result<()> {
        // Packets of others do not find a socket that has a peer, and nobody else can be this one.
        let mut peer = self.socket.local_addr()?;
        if peer.ip().is_unspecified() {
            peer.set_ip(match peer.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        self.is_closed.store(true, Ordering::Relaxed);
        SockRef::from(&self.socket).connect(&peer.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers each packet, which is the one that is expected.
    struct Seen<'a> {
        expected: &'a [u8],
        ways: Vec<Way>,
        is_over: bool,
    }

    impl Answers for Seen<'_> {
        fn answer(&mut self, packet: &[u8], way: &Way, out: &mut Vec<u8>) -> bool {
            assert_eq!(packet, self.expected);
            self.ways.push(*way);
            out.clear();
            out.extend_from_slice(b"at once");
            true
        }

        fn end(&mut self) {
            self.is_over = true;
        }
    }

    /// The way of the only packet, which is answered at once.
    fn taken(server: &Datagrams, expected: &[u8]) -> io::Result<Way> {
        let mut seen = Seen { expected, ways: Vec::new(), is_over: false };
        let turn = server.turn(&mut seen)?;
        assert_eq!((turn.count, turn.unsent.len(), seen.ways.len()), (1, 0, 1));
        assert!(seen.is_over);
        Ok(seen.ways[0])
    }

    async fn asked(bind: &str, at: &str) {
        let server = match UdpSocket::bind(bind).await {
            // Containers often have no IPv6.
            Err(_) if bind.starts_with('[') => return,
            server => server.unwrap(),
        };
        let at = SocketAddr::new(at.parse().unwrap(), server.local_addr().unwrap().port());
        let server = Datagrams::new(server).unwrap();
        let any = SocketAddr::new(
            if at.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() },
            0,
        );
        let client = UdpSocket::bind(any).await.unwrap();
        client.connect(at).await.unwrap();
        client.send(b"question").await.unwrap();
        let mut packet = [0; 64];
        server.readable().await.unwrap();
        let way = taken(&server, b"question").unwrap();
        assert_eq!(way.client.ip().to_canonical(), client.local_addr().unwrap().ip());
        let found = server.asked(&way);
        assert_eq!(SocketAddr::new(found.ip().to_canonical(), found.port()), at, "{bind}");

        // What came before it is closed is answered; what comes then is refused.
        client.send(b"another").await.unwrap();
        server.close().unwrap();
        let another = taken(&server, b"another").unwrap();
        for (answer, way) in [(&b"one"[..], way), (b"two", another)] {
            let length = client.recv(&mut packet).await.unwrap();
            assert_eq!(&packet[..length], b"at once", "{bind} {at}");
            server.send(answer, &way).await.unwrap();
        }
        for answer in [&b"one"[..], b"two"] {
            // Only packets from the peer come here.
            let length = client.recv(&mut packet).await.unwrap();
            assert_eq!(&packet[..length], answer, "{bind} {at}");
        }
        client.send(b"late").await.unwrap();
        let refused = client.recv(&mut packet).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "{bind} {at}");
        let none = taken(&server, b"").unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
    }

    #[tokio::test]
    async fn answers_come_from_where_the_question_went() {
        for (bind, at) in [
            ("127.0.0.1:0", "127.0.0.1"),
            ("0.0.0.0:0", "127.0.0.1"),
            ("0.0.0.0:0", "127.0.0.2"),
            ("[::]:0", "127.0.0.2"),
            ("[::]:0", "::1"),
            ("[::1]:0", "::1"),
        ] {
            asked(bind, at).await;
        }
    }
}
