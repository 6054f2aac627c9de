//! Questions over UDP.

use std::io;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::datagram::{Datagrams, Way};
use super::door::Door;
use super::site::Ends;
use crate::plugin::Transport;

/// Octets of the longest question that is read; CoreDNS reads 512, and refuses padded ones.
const LONGEST: usize = 4096;

/// Answers the questions of one socket until `stop`; those that the kernel has by then are answered
/// too, and later ones refused. Each question has a task, so that one that waits for an upstream holds up
/// no other.
pub async fn serve(
    socket: Datagrams,
    door: Arc<Door>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let socket = Arc::new(socket);
    let mut packet = [0; LONGEST];
    let take = |packet: &[u8], way: Way| {
        let (socket, service, packet) = (socket.clone(), door.service(), packet.to_vec());
        tasks.spawn(async move {
            let ends = Ends { client: way.client, local: socket.asked(&way) };
            if let Some(reply) = service.site.answer(&packet, ends, Transport::Udp).await
                && let Err(error) = socket.send(&reply, &way).await
            {
                // The client is gone, or its address cannot be reached: nobody waits for this answer.
                tracing::debug!(client = %way.client, %error, "an answer could not be sent");
            }
        });
    };
    loop {
        let received = tokio::select! {
            received = socket.receive(&mut packet) => received,
            () = stop.cancelled() => break,
        };
        match received {
            Ok((length, way)) => take(&packet[..length], way),
            // Errors that the kernel reports here belong to answers sent before (ICMP).
            Err(error) => tracing::debug!(%error, "a question could not be received"),
        }
    }
    if let Err(error) = socket.close() {
        tracing::debug!(%error, "questions that come now are lost");
    }
    loop {
        match socket.take(&mut packet) {
            Ok((length, way)) => take(&packet[..length], way),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => tracing::debug!(%error, "a question could not be received"),
        }
    }
}
