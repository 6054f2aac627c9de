//! Free ports of 127.0.0.1.

use std::collections::HashSet;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::{LazyLock, Mutex};

/// A port that is free for TCP and UDP and that no other call in this process gets.
///
/// The kernel says that it is free. It lies below the range from which the kernel takes the ports
/// of outgoing sockets, so that a question in flight cannot take it before its server binds it, nor
/// while a killed server is away. Another process still can: whoever starts a server tries again.
pub fn free() -> u16 {
    static TAKEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);
    let mut taken = TAKEN.lock().expect("the set of ports");
    let span = 10_000.min(first_outgoing().saturating_sub(2_000));
    assert!(span > 0, "no ports below net.ipv4.ip_local_port_range");
    let first = first_outgoing() - span;
    let start = std::process::id().wrapping_mul(131) % u32::from(span);
    (0..u32::from(span))
        .map(|step| first + ((start + step) % u32::from(span)) as u16)
        .find(|port| !taken.contains(port) && is_free(*port) && taken.insert(*port))
        .expect("a free port")
}

fn is_free(port: u16) -> bool {
    let at = (Ipv4Addr::LOCALHOST, port);
    TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok()
}

fn first_outgoing() -> u16 {
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(32_768)
}
