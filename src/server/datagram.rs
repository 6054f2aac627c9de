//! A UDP socket whose answers come from the address that was asked, and that ends without losing any.
//!
//! A socket that is bound to all addresses would send from the one that the kernel prefers on the way to
//! the client, which takes only answers from where it asked. So the address that a packet was sent to is
//! read (`IP_PKTINFO`, RFC 3542 §6.1) and given with the answer, as CoreDNS does.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

use nix::libc::{in_pktinfo, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// A bound socket.
pub struct Datagrams {
    socket: UdpSocket,
    /// What it is bound to.
    bound: SocketAddr,
}

/// The way of an answer: the way of its question, back.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// Who asked.
    pub client: SocketAddr,
    /// Whom it asked, where the socket is bound to more than one address.
    from: Option<From>,
}

#[derive(Clone, Copy, Debug)]
enum From {
    V4(in_pktinfo),
    V6(in6_pktinfo),
}

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
        Ok(Datagrams { socket, bound })
    }

    /// Waits for the next packet; its length, and where to send the answer.
    ///
    /// # Errors
    /// Those of the kernel, which also tells here of answers that nobody took (ICMP).
    pub async fn receive(&self, packet: &mut [u8]) -> io::Result<(usize, Way)> {
        self.socket.async_io(Interest::READABLE, || self.take(packet)).await
    }

    /// The next packet that the kernel has.
    ///
    /// # Errors
    /// As [`Datagrams::receive`], or `WouldBlock` if there is none.
    pub fn take(&self, packet: &mut [u8]) -> io::Result<(usize, Way)> {
        // The larger of the two, which stand alone.
        let mut control = nix::cmsg_space!(in6_pktinfo);
        let mut parts = [IoSliceMut::new(packet)];
        let fd = self.socket.as_raw_fd();
        let received =
            recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
        let client = received.address.as_ref().and_then(address);
        let client = client.ok_or_else(|| io::Error::other("a packet from no address"))?;
        let from = received.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                // The interface is the kernel's choice: the answer may take another way out.
                let (ipi_spec_dst, ipi_addr) = (info.ipi_addr, info.ipi_addr);
                Some(From::V4(in_pktinfo { ipi_ifindex: 0, ipi_spec_dst, ipi_addr }))
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                Some(From::V6(in6_pktinfo { ipi6_ifindex: 0, ..info }))
            }
            _ => None,
        });
        Ok((received.bytes, Way { client, from }))
    }

    /// The address that a packet was sent to.
    pub fn asked(&self, way: &Way) -> SocketAddr {
        let ip = match &way.from {
            None => self.bound.ip(),
            Some(From::V4(info)) => Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)).into(),
            Some(From::V6(info)) => Ipv6Addr::from(info.ipi6_addr.s6_addr).into(),
        };
        SocketAddr::new(ip, self.bound.port())
    }

    /// Sends an answer.
    ///
    /// # Errors
    /// The client cannot be reached.
    pub async fn send(&self, packet: &[u8], way: &Way) -> io::Result<()> {
        let control = match &way.from {
            None => return self.socket.send_to(packet, way.client).await.map(drop),
            Some(From::V4(info)) => ControlMessage::Ipv4PacketInfo(info),
            Some(From::V6(info)) => ControlMessage::Ipv6PacketInfo(info),
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
        SockRef::from(&self.socket).connect(&peer.into())
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|v4| SocketAddr::from(*v4));
    v4.or_else(|| storage.as_sockaddr_in6().map(|v6| SocketAddr::from(*v6)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let (length, way) = server.receive(&mut packet).await.unwrap();
        assert_eq!(&packet[..length], b"question", "{bind} {at}");
        assert_eq!(way.client.ip().to_canonical(), client.local_addr().unwrap().ip());
        let found = server.asked(&way);
        assert_eq!(SocketAddr::new(found.ip().to_canonical(), found.port()), at, "{bind}");

        // What came before it is closed is answered; what comes then is refused.
        client.send(b"another").await.unwrap();
        server.close().unwrap();
        let (length, another) = server.take(&mut packet).unwrap();
        assert_eq!(&packet[..length], b"another");
        for (answer, way) in [(b"one", way), (b"two", another)] {
            server.send(answer, &way).await.unwrap();
            // Only packets from the peer come here.
            let length = client.recv(&mut packet).await.unwrap();
            assert_eq!(&packet[..length], answer, "{bind} {at}");
        }
        client.send(b"late").await.unwrap();
        let refused = client.recv(&mut packet).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "{bind} {at}");
        let none = server.take(&mut packet).unwrap_err();
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
