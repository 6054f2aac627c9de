//! One listener: its sockets, and the tasks that read from them.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::datagram::Datagrams;
use super::door::{Door, Service};
use super::listen::{self, ListenError};
use super::place::Place;
use super::{accept, quic, udp};
use crate::corefile::Scheme;

/// Sockets that are open, and that nobody reads from yet.
pub struct Opened {
    place: Place,
    address: SocketAddr,
    sockets: Sockets,
}

enum Sockets {
    Dns(Vec<Datagrams>, TcpListener),
    Stream(TcpListener),
    Quic(std::net::UdpSocket),
}

impl Opened {
    /// Opens what a place needs.
    ///
    /// # Errors
    /// Its address is in use, is not of this machine, or may not be used.
    pub fn new(place: Place, sockets: usize) -> Result<Self, ListenError> {
        let Place { scheme, address, port } = place;
        let (address, sockets) = match scheme {
            Scheme::Dns => {
                let opened = listen::dns(address, port, sockets)?;
                (opened.address, Sockets::Dns(opened.udp, opened.tcp))
            }
            Scheme::Quic => {
                let (address, socket) = listen::quic(address, port)?;
                (address, Sockets::Quic(socket))
            }
            Scheme::Tls | Scheme::Https | Scheme::Https3 | Scheme::Grpc => {
                let (address, listener) = listen::stream(address, port)?;
                (address, Sockets::Stream(listener))
            }
        };
        tracing::debug!(%address, "listening");
        Ok(Opened { place, address, sockets })
    }

    /// Where it will be answered, with the port that the kernel chose if none was said.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to answer. The tasks are `tasks`; they end after [`Listener::stop`].
    pub fn serve(self, service: Service, tasks: &TaskTracker) -> Listener {
        let door = Arc::new(Door::new(service));
        let stop = CancellationToken::new();
        let mut listener =
            Listener { address: self.address, door, tasks: tasks.clone(), stop, udp: Vec::new() };
        let (door, stop) = (listener.door.clone(), listener.stop.clone());
        match self.sockets {
            Sockets::Dns(udp, tcp) => {
                udp.into_iter().for_each(|socket| listener.receive(socket));
                tasks.spawn(accept::serve(tcp, self.place.scheme, door, tasks.clone(), stop));
            }
            Sockets::Stream(tcp) => {
                tasks.spawn(accept::serve(tcp, self.place.scheme, door, tasks.clone(), stop));
            }
            Sockets::Quic(socket) => {
                let serving = quic::serve(socket, door, tasks.clone(), stop);
                tasks.spawn(async move {
                    if let Err(error) = serving.await {
                        tracing::error!(%error, "a listener of QUIC ended");
                    }
                });
            }
        }
        listener
    }
}

/// A listener that answers.
pub struct Listener {
    address: SocketAddr,
    door: Arc<Door>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// What ends each UDP socket.
    udp: Vec<CancellationToken>,
}

impl Listener {
    /// Where it listens, with the port that the kernel chose if none was said.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads elsewhere from now on.
    pub fn lead(&mut self, service: Service) {
        let wanted = service.sockets;
        self.door.lead(service);
        if self.udp.is_empty() {
            return;
        }
        while self.udp.len() > wanted.max(1) {
            if let Some(stop) = self.udp.pop() {
                stop.cancel();
            }
        }
        while self.udp.len() < wanted {
            match listen::another(self.address) {
                Ok(socket) => self.receive(socket),
                Err(error) => {
                    return tracing::warn!("{error}; there are fewer sockets than were asked for");
                }
            }
        }
    }

    /// Takes no further questions.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    fn receive(&mut self, socket: Datagrams) {
        let stop = self.stop.child_token();
        self.udp.push(stop.clone());
        self.tasks.spawn(udp::serve(socket, self.door.clone(), self.tasks.clone(), stop));
    }
}
