//! Questions over UDP.
//!
//! One task for each socket, and one socket for each core: it takes what has come, many packets at a time,
//! and answers it on the spot by the fast path ([`super::fast`]). All else has a task for each question, so
//! that one that waits for an upstream holds up no other. After each turn the other tasks of the core have
//! theirs, so that a flood starves nobody.

use std::io;
use std::sync::Arc;

use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::batch::{Answers, Turn};
use super::datagram::{Datagrams, Way};
use super::door::{Door, Service};
use super::fast::Worker;
use super::site::Ends;
use crate::plugin::Transport;

/// Answers the questions of one socket until `stop`; those that the kernel has by then are answered
/// too, and later ones refused.
pub async fn serve(
    socket: Datagrams,
    door: Arc<Door>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let worker = Worker::new(door.service().site.clone(), Transport::Udp);
    let mut serving = Serving { socket: Arc::new(socket), door, tasks, worker };
    loop {
        let readable = tokio::select! {
            readable = serving.socket.readable() => readable,
            () = stop.cancelled() => break,
        };
        if let Err(error) = readable {
            return tracing::debug!(%error, "a socket ended");
        }
        serving.turns(&stop).await;
    }
    if let Err(error) = serving.socket.close() {
        tracing::debug!(%error, "questions that come now are lost");
    }
    serving.turns(&CancellationToken::new()).await;
}

struct Serving {
    socket: Arc<Datagrams>,
    door: Arc<Door>,
    tasks: TaskTracker,
    worker: Worker,
}

impl Serving {
    /// Answers what the kernel has, until it has no more or `stop`.
    async fn turns(&mut self, stop: &CancellationToken) {
        loop {
            match self.turn() {
                Ok(Turn { is_last, unsent, .. }) => {
                    for (answer, way) in unsent {
                        send(&self.socket, &answer, &way).await;
                    }
                    if is_last {
                        return;
                    }
                    yield_now().await;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Errors that the kernel reports here belong to answers sent before (ICMP).
                Err(error) => tracing::debug!(%error, "a question could not be received"),
            }
            if stop.is_cancelled() {
                return;
            }
        }
    }

    fn turn(&mut self) -> io::Result<Turn> {
        let Serving { socket, door, tasks, worker } = self;
        let service = &door.service();
        if !worker.is_of(&service.site) {
            *worker = Worker::new(service.site.clone(), Transport::Udp);
        }
        socket.turn(&mut Answering { socket, service, tasks, worker })
    }
}

/// What answers a turn's questions: the fast path, or else the chain.
struct Answering<'a> {
    socket: &'a Arc<Datagrams>,
    service: &'a Arc<Service>,
    tasks: &'a TaskTracker,
    worker: &'a mut Worker,
}

impl Answers for Answering<'_> {
    fn answer(&mut self, packet: &[u8], way: &Way, out: &mut Vec<u8>) -> bool {
        let is_answered = self.worker.answer(packet, way.client, out);
        if !is_answered {
            let (socket, service) = (self.socket.clone(), self.service.clone());
            self.tasks.spawn(ask(socket, service, packet.to_vec(), *way));
        }
        is_answered
    }

    fn end(&mut self) {
        self.worker.end();
    }
}

/// Asks the chain.
async fn ask(socket: Arc<Datagrams>, service: Arc<Service>, packet: Vec<u8>, way: Way) {
    let ends = Ends { client: way.client, local: socket.asked(&way) };
    if let Some(reply) = service.site.answer(&packet, ends, Transport::Udp).await {
        send(&socket, &reply, &way).await;
    }
}

async fn send(socket: &Datagrams, answer: &[u8], way: &Way) {
    if let Err(error) = socket.send(answer, way).await {
        // The client is gone, or its address cannot be reached: nobody waits for this answer.
        tracing::debug!(client = %way.client, %error, "an answer could not be sent");
    }
}
