//! A bare echo: what the kernel alone costs. It takes and sends as many packets at a time as fleetdns does, asks
//! for the address that each was sent to, and sends answers that are as long as ours.

use std::io::{IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use nix::libc::in6_pktinfo;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg,
    sendmmsg, setsockopt, sockopt,
};

const BATCH: usize = 64;

/// Answers each packet by itself with `octets` more.
pub fn serve(port: u16, octets: usize) -> ! {
    // For both families, as the others that are not told which addresses to have.
    let socket = UdpSocket::bind(("::", port)).expect("a socket");
    setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true).expect("packet info");
    let fd = socket.as_raw_fd();
    let mut packets = vec![[0_u8; 4096]; BATCH];
    let space = || Some(nix::cmsg_space!(in6_pktinfo));
    let mut receiving = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, space());
    let mut sending = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, space());
    loop {
        let mut taken = Vec::with_capacity(BATCH);
        let mut from = None;
        {
            let mut slices: Vec<[IoSliceMut<'_>; 1]> =
                packets.iter_mut().map(|packet| [IoSliceMut::new(packet)]).collect();
            let received =
                recvmmsg(fd, &mut receiving, slices.iter_mut(), MsgFlags::MSG_WAITFORONE, None);
            for one in received.into_iter().flatten() {
                for message in one.cmsgs().into_iter().flatten() {
                    if let ControlMessageOwned::Ipv6PacketInfo(info) = message {
                        from = Some(in6_pktinfo { ipi6_ifindex: 0, ..info });
                    }
                }
                taken.push((one.address, one.bytes));
            }
        }
        let Some(from) = from else { continue };
        let slices: Vec<[IoSlice<'_>; 1]> = packets
            .iter_mut()
            .zip(&taken)
            .map(|(packet, (_, length))| {
                packet[2] |= 0x80;
                [IoSlice::new(&packet[..length + octets])]
            })
            .collect();
        let addresses: Vec<Option<SockaddrStorage>> = taken.iter().map(|(of, _)| *of).collect();
        let source = [ControlMessage::Ipv6PacketInfo(&from)];
        let _ = sendmmsg(fd, &mut sending, &slices, &addresses, source, MsgFlags::empty());
    }
}
