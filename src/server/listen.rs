//! Opening sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

use super::datagram::Datagrams;
use crate::plugin::bind::Bound;

/// Connections that the kernel keeps for us until they are accepted.
const BACKLOG: i32 = 1024;
/// Octets of questions that the kernel keeps for each UDP socket; it may give less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// An address that could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("listen {transport} {address}: {cause}{hint}")]
pub struct ListenError {
    transport: &'static str,
    address: SocketAddr,
    cause: io::Error,
    hint: &'static str,
}

/// The sockets of one address: UDP ones that share the port, one for each worker, and a listener.
pub struct Sockets {
    pub address: SocketAddr,
    pub udp: Vec<Datagrams>,
    pub tcp: TcpListener,
}

/// Opens the sockets of a port on one address, or on all of both families where there is none. With
/// port 0 the kernel chooses one, for UDP and TCP alike.
///
/// # Errors
/// The address is in use, is not of this machine, or may not be used.
pub fn dns(address: Option<Bound>, port: u16, workers: usize) -> Result<Sockets, ListenError> {
    // The kernel chooses a port that is free for UDP; that it is free for TCP too is likely.
    let mut tries = if port == 0 { 16 } else { 1 };
    loop {
        tries -= 1;
        match open(address, port, workers) {
            Err(error) if tries > 0 && error.cause.kind() == io::ErrorKind::AddrInUse => {}
            opened => return opened,
        }
    }
}

/// Opens a listener of connections alone.
///
/// # Errors
/// As [`dns`].
pub fn stream(address: Option<Bound>, port: u16) -> Result<(SocketAddr, TcpListener), ListenError> {
    match address {
        Some(address) => tcp_on(address.at(port)),
        None => on_all(port, tcp_on),
    }
}

/// Opens a socket for QUIC.
///
/// # Errors
/// As [`dns`].
pub fn quic(
    address: Option<Bound>,
    port: u16,
) -> Result<(SocketAddr, std::net::UdpSocket), ListenError> {
    match address {
        Some(address) => plain_udp(address.at(port)),
        None => on_all(port, plain_udp),
    }
}

/// Opens one more UDP socket for a port that others have open.
///
/// # Errors
/// There are no more.
pub fn another(address: SocketAddr) -> Result<Datagrams, ListenError> {
    Ok(open_udp(address)?.1)
}

fn open(address: Option<Bound>, port: u16, workers: usize) -> Result<Sockets, ListenError> {
    let first = match address {
        Some(address) => open_udp(address.at(port))?,
        None => on_all(port, open_udp)?,
    };
    let address = first.0;
    let mut udp = vec![first.1];
    while udp.len() < workers {
        udp.push(open_udp(address)?.1);
    }
    Ok(Sockets { address, udp, tcp: tcp_on(address)?.1 })
}

/// Opens a listener for an endpoint of the process.
///
/// # Errors
/// As [`dns`].
pub fn tcp(address: SocketAddr) -> Result<TcpListener, ListenError> {
    if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        return Ok(on_all(address.port(), tcp_on)?.1);
    }
    Ok(tcp_on(address)?.1)
}

/// Both families by one socket, or IPv4 alone on a machine without IPv6.
fn on_all<T>(
    port: u16,
    open: impl Fn(SocketAddr) -> Result<T, ListenError>,
) -> Result<T, ListenError> {
    use io::ErrorKind::{AddrInUse, PermissionDenied};
    open(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).or_else(|error| {
        match error.cause.kind() {
            AddrInUse | PermissionDenied => Err(error),
            // The kernel has no IPv6, or it is switched off.
            _ => open(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        }
    })
}

fn open_udp(address: SocketAddr) -> Result<(SocketAddr, Datagrams), ListenError> {
    let open = || {
        let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
        // A small buffer loses questions under load; less than asked for is no reason to stop.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        socket.bind(&address.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        Ok((socket.local_addr()?, Datagrams::new(socket)?))
    };
    open().map_err(|cause| failed("udp", address, cause))
}

fn plain_udp(address: SocketAddr) -> Result<(SocketAddr, std::net::UdpSocket), ListenError> {
    let open = || {
        let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        socket.bind(&address.into())?;
        let socket = std::net::UdpSocket::from(socket);
        Ok((socket.local_addr()?, socket))
    };
    open().map_err(|cause| failed("udp", address, cause))
}

fn tcp_on(address: SocketAddr) -> Result<(SocketAddr, TcpListener), ListenError> {
    let open = || {
        let socket = socket(address, Type::STREAM, Protocol::TCP)?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let listener = TcpListener::from_std(socket.into())?;
        Ok((listener.local_addr()?, listener))
    };
    open().map_err(|cause| failed("tcp", address, cause))
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(address.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED))?;
    }
    // The UDP sockets of a place share their port. So may another process of the same user, over all
    // transports, as with CoreDNS: one that takes over on the network of its node.
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn failed(transport: &'static str, address: SocketAddr, cause: io::Error) -> ListenError {
    let hint = match cause.kind() {
        io::ErrorKind::AddrInUse => "; another server is there: end it, or choose a port with -p",
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need the capability NET_BIND_SERVICE: give it, or choose one with -p"
        }
        io::ErrorKind::AddrNotAvailable => "; no interface of this machine has this address",
        _ => "",
    };
    ListenError { transport, address, cause, hint }
}
