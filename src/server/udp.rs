//! Questions over UDP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::site::Site;
use crate::plugin::Transport;

/// Octets of the longest question that is read; CoreDNS reads 512, and refuses padded ones.
const LONGEST: usize = 4096;
/// At the end, how long the kernel may give no further question before there are none left ...
const QUIET: Duration = Duration::from_millis(10);
/// ... and how long they are taken at most.
const DRAIN: Duration = Duration::from_millis(200);

/// Answers the questions of one socket until `stop`; those that the kernel has by then are answered
/// too. Each question has a task, so that one that waits for an upstream holds up no other.
pub async fn serve(
    socket: UdpSocket,
    site: Arc<Site>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let socket = Arc::new(socket);
    let mut packet = [0; LONGEST];
    let take = |packet: &[u8], client: SocketAddr| {
        let (socket, site, packet) = (socket.clone(), site.clone(), packet.to_vec());
        tasks.spawn(async move {
            if let Some(reply) = site.answer(&packet, client, Transport::Udp).await
                && let Err(error) = socket.send_to(&reply, client).await
            {
                // The client is gone, or its address cannot be reached: nobody waits for this answer.
                tracing::debug!(%client, %error, "an answer could not be sent");
            }
        });
    };
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut packet) => received,
            () = stop.cancelled() => break,
        };
        match received {
            Ok((length, client)) => take(&packet[..length], client),
            // Errors that the kernel reports here belong to answers sent before (ICMP).
            Err(error) => tracing::debug!(%error, "a question could not be received"),
        }
    }
    // Clients that never fall silent are not waited for: what comes later is another server's.
    let drained = Instant::now() + DRAIN;
    while let Ok(Ok(Ok((length, client)))) =
        timeout_at(drained, timeout(QUIET, socket.recv_from(&mut packet))).await
    {
        take(&packet[..length], client);
    }
}
