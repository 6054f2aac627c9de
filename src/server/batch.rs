//! Many packets by one system call each way: what one turn of a socket takes, and what it sends.
//!
//! In: a socket that does not block. Out: its packets with the way back of each, and the answers to them by
//! that way. Each thread has room of its own for one turn, which all its sockets use one after the other;
//! no turn waits for anything.
//!
//! The only unsafe code of fleetdns is here: nix's `recvmmsg` keeps the lengths of addresses and control
//! messages from one call to the next, so that its headers cannot be used again for another socket, and
//! its `sendmmsg` has one source address for all packets.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::RawFd;
use std::{io, mem, ptr};

use nix::libc::{
    AF_INET, AF_INET6, CMSG_DATA, CMSG_FIRSTHDR, CMSG_NXTHDR, IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6,
    IPV6_PKTINFO, MSG_DONTWAIT, in_addr, in_pktinfo, in6_pktinfo, iovec, mmsghdr, msghdr, recvmmsg,
    sendmmsg, sockaddr_in, sockaddr_in6, sockaddr_storage,
};

use super::datagram::{Source, Way};

/// The most packets of one turn: enough for the calls to cost little, few enough for others to have theirs.
const MOST: usize = 64;
/// Octets of the longest question that is read; CoreDNS reads 512, and refuses padded ones.
const LONGEST: usize = 4096;
/// Octets that an answer has room for before its buffer grows: longer ones would be sent in fragments.
const ANSWER: usize = 1500;

/// What a turn did.
#[derive(Debug)]
pub struct Turn {
    /// How many packets there were.
    pub count: usize,
    /// Whether the kernel had no more.
    pub is_last: bool,
    /// Answers that the kernel had no room for, to be sent when it has.
    pub unsent: Vec<(Vec<u8>, Way)>,
}

/// Room for one turn. The packet, the client and the control messages of a question have the same number, and
/// so has its answer.
struct Room {
    questions: Box<[[u8; LONGEST]]>,
    clients: Box<[sockaddr_storage]>,
    controls: Box<[Control]>,
    /// What the kernel is told of these. It points to them, and is whole before each call; to write all of it for
    /// each would cost as much as an answer.
    taking: Box<[mmsghdr]>,
    taking_parts: Box<[iovec]>,
    /// The same of the answers, as far as there are any to be sent.
    sending: Box<[mmsghdr]>,
    sending_parts: Box<[iovec]>,
    /// Of each packet that was taken.
    taken: Vec<Taken>,
    answers: Vec<Vec<u8>>,
}

/// Room for the control messages of a packet: the largest that is asked for has 36 octets with its header.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 64]);

/// A packet, and whether it has an answer to be sent.
#[derive(Clone, Copy)]
struct Taken {
    length: usize,
    client_length: u32,
    control_length: usize,
    way: Option<Way>,
    is_answered: bool,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::new(Room::new());
}

/// What answers questions.
pub trait Answers {
    /// Writes the answer to a packet to `out`, if it says so.
    fn answer(&mut self, packet: &[u8], way: &Way, out: &mut Vec<u8>) -> bool;

    /// The packets of a turn were all given, and the answers go out next.
    fn end(&mut self);
}

/// Takes the packets that a socket has, gives each to `answers`, and sends what that writes.
///
/// # Errors
/// Those of taking, e.g. that there is no packet. An answer that cannot be sent is no error of the turn.
pub fn turn(socket: RawFd, answers: &mut impl Answers) -> io::Result<Turn> {
    ROOM.with_borrow_mut(|room| {
        room.take(socket)?;
        let packets = room.questions.iter().zip(&mut room.answers);
        for (taken, (question, out)) in room.taken.iter_mut().zip(packets) {
            let packet = &question[..taken.length];
            taken.is_answered = taken.way.is_some_and(|way| answers.answer(packet, &way, out));
        }
        answers.end();
        let count = room.taken.len();
        Ok(Turn { count, is_last: count < MOST, unsent: room.send(socket) })
    })
}

impl Room {
    fn new() -> Self {
        // SAFETY: a sockaddr_storage is plain numbers, for which zero is a value.
        let no_client: sockaddr_storage = unsafe { mem::zeroed() };
        // SAFETY: an mmsghdr is numbers and pointers, for which zero and null are values.
        let no_header: mmsghdr = unsafe { mem::zeroed() };
        let no_part = iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        let mut room = Room {
            questions: vec![[0; LONGEST]; MOST].into(),
            clients: vec![no_client; MOST].into(),
            controls: vec![Control([0; 64]); MOST].into(),
            taking: vec![no_header; MOST].into(),
            taking_parts: vec![no_part; MOST].into(),
            sending: vec![no_header; MOST].into(),
            sending_parts: vec![no_part; MOST].into(),
            taken: Vec::with_capacity(MOST),
            answers: (0..MOST).map(|_| Vec::with_capacity(ANSWER)).collect(),
        };
        (0..MOST).for_each(|number| room.clear(number));
        room
    }

    /// Makes room for a packet with this number.
    fn clear(&mut self, number: usize) {
        let (question, part) = (&mut self.questions[number], &mut self.taking_parts[number]);
        *part = iovec { iov_base: question.as_mut_ptr().cast(), iov_len: question.len() };
        let header = &mut self.taking[number].msg_hdr;
        header.msg_name = ptr::from_mut(&mut self.clients[number]).cast();
        header.msg_namelen = mem::size_of::<sockaddr_storage>() as u32;
        header.msg_iov = part;
        header.msg_iovlen = 1;
        header.msg_control = ptr::from_mut(&mut self.controls[number]).cast();
        header.msg_controllen = mem::size_of::<Control>() as _;
    }

    /// Takes as many packets as there are, and as there is room for.
    fn take(&mut self, socket: RawFd) -> io::Result<()> {
        // The kernel wrote into the headers of those that it had packets for.
        (0..self.taken.len()).for_each(|number| self.clear(number));
        self.taken.clear();
        // SAFETY: there are `MOST` headers, and each points to a packet, an address and control messages of
        // which it says the length, all of them in boxes of `self` that are never replaced, and borrowed by
        // nobody else.
        let count = unsafe {
            let flags = MSG_DONTWAIT as _;
            recvmmsg(socket, self.taking.as_mut_ptr(), MOST as u32, flags, ptr::null_mut())
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for (number, header) in self.taking[..count].iter().enumerate() {
            let client = address(&self.clients[number]);
            let source = source(&header.msg_hdr);
            self.taken.push(Taken {
                length: header.msg_len as usize,
                client_length: header.msg_hdr.msg_namelen,
                // A fixed type on one C library, and another one on others.
                #[allow(clippy::unnecessary_cast)]
                control_length: header.msg_hdr.msg_controllen as usize,
                way: client.map(|client| Way { client, source }),
                is_answered: false,
            });
        }
        Ok(())
    }

    /// Sends the answers, each by the way that its question came. Gives those that the kernel has no room for.
    fn send(&mut self, socket: RawFd) -> Vec<(Vec<u8>, Way)> {
        let mut numbers = [0; MOST];
        let mut count = 0;
        for number in (0..self.taken.len()).filter(|number| self.taken[*number].is_answered) {
            let (taken, answer) = (self.taken[number], &mut self.answers[number]);
            let (part, header) = (&mut self.sending_parts[count], &mut self.sending[count].msg_hdr);
            *part = iovec { iov_base: answer.as_mut_ptr().cast(), iov_len: answer.len() };
            header.msg_name = ptr::from_mut(&mut self.clients[number]).cast();
            header.msg_namelen = taken.client_length;
            header.msg_iov = part;
            header.msg_iovlen = 1;
            let control = ptr::from_mut(&mut self.controls[number]);
            header.msg_control =
                if taken.control_length > 0 { control.cast() } else { ptr::null_mut() };
            header.msg_controllen = taken.control_length as _;
            numbers[count] = number;
            count += 1;
        }
        let mut sent = 0;
        while sent < count {
            let left = &mut self.sending[sent..count];
            // SAFETY: `left` has as many headers as is said, and each points to an answer, an address and
            // control messages of which it says the length, all in boxes of `self`. The kernel reads them,
            // and writes how much it sent into the headers.
            let more = unsafe {
                sendmmsg(socket, left.as_mut_ptr(), left.len() as u32, MSG_DONTWAIT as _)
            };
            match usize::try_from(more) {
                Ok(more) => sent += more.max(1),
                Err(_) => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::WouldBlock => break,
                    error if error.kind() == io::ErrorKind::Interrupted => {}
                    error => {
                        // The client is gone, or its address cannot be reached: nobody waits for this one.
                        tracing::debug!(%error, "an answer could not be sent");
                        sent += 1;
                    }
                },
            }
        }
        let unsent = numbers[sent..count].iter();
        unsent.filter_map(|&at| Some((self.answers[at].clone(), self.taken[at].way?))).collect()
    }
}

/// The address that the kernel wrote.
fn address(client: &sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(client.ss_family) {
        AF_INET => {
            // SAFETY: the family says that it is a sockaddr_in, for which the storage is large enough and
            // aligned.
            let v4 = unsafe { &*ptr::from_ref(client).cast::<sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::from((ip, u16::from_be(v4.sin_port))))
        }
        AF_INET6 => {
            // SAFETY: the same, of a sockaddr_in6.
            let v6 = unsafe { &*ptr::from_ref(client).cast::<sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let (port, scope) = (u16::from_be(v6.sin6_port), v6.sin6_scope_id);
            Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, scope).into())
        }
        _ => None,
    }
}

/// The address that a packet was sent to, where the kernel tells. The control message is made one that has
/// answers leave from there.
fn source(header: &msghdr) -> Option<Source> {
    // SAFETY: the kernel wrote whole control messages, and how long they are together; the room for them is
    // aligned, and no reference to it exists. Each is read and written as what its level and type say it is,
    // unaligned as its data may be.
    unsafe {
        let mut message = CMSG_FIRSTHDR(header);
        while let Some(head) = message.as_ref() {
            let data = CMSG_DATA(message);
            match (head.cmsg_level, head.cmsg_type) {
                (IPPROTO_IP, IP_PKTINFO) => {
                    let mut info: in_pktinfo = data.cast::<in_pktinfo>().read_unaligned();
                    // The interface is the kernel's choice: the answer may take another way out.
                    info = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: info.ipi_addr, ..info };
                    data.cast::<in_pktinfo>().write_unaligned(info);
                    let in_addr { s_addr } = info.ipi_addr;
                    return Some(Source(IpAddr::from(Ipv4Addr::from(u32::from_be(s_addr)))));
                }
                (IPPROTO_IPV6, IPV6_PKTINFO) => {
                    let mut info: in6_pktinfo = data.cast::<in6_pktinfo>().read_unaligned();
                    info.ipi6_ifindex = 0;
                    data.cast::<in6_pktinfo>().write_unaligned(info);
                    return Some(Source(Ipv6Addr::from(info.ipi6_addr.s6_addr).into()));
                }
                _ => message = CMSG_NXTHDR(header, message),
            }
        }
    }
    None
}
