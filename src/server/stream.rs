//! Questions over TCP (RFC 7766): many on a connection, answered as they are ready.
//!
//! The accept loop is our own: an accept that fails (too many open files, a client that is gone again)
//! does not end it, slow questions do not hold up those behind them, and reading and writing have time
//! limits of their own, which are CoreDNS's (core/dnsserver/server.go).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reply::Response;
use super::site::{Ends, Site};
use crate::plugin::Transport;

/// How long a connection may say nothing.
const IDLE: Duration = Duration::from_secs(10);
/// How long the rest of a question may take.
const READ: Duration = Duration::from_secs(3);
/// How long a client may take to accept an answer.
const WRITE: Duration = Duration::from_secs(5);
/// Questions of one connection that are worked on at a time; the next is read when one is done.
const IN_FLIGHT: usize = 128;
/// Pause after an accept that failed for want of memory or file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until `stop`. Open ones then read no further questions, and send the answers to
/// those that they have read.
pub async fn serve(
    listener: TcpListener,
    site: Arc<Site>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, client)) => {
                failing = false;
                // A connection that has no address any more is at its end.
                let Ok(local) = stream.local_addr() else { continue };
                let ends = Ends { client, local };
                tasks.spawn(connection(stream, ends, site.clone(), stop.clone()));
            }
            Err(error) if of_the_client(&error) => {}
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "connections cannot be accepted; trying on");
                }
                failing = true;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether only the connection that was to be accepted is lost.
fn of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

async fn connection(stream: TcpStream, ends: Ends, site: Arc<Site>, stop: CancellationToken) {
    // Without it the second of two small answers waits for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let (answers, ready) = mpsc::channel(IN_FLIGHT);
    let broken = CancellationToken::new();
    let writing = tokio::spawn(write_answers(write, ready, broken.clone()));
    tokio::select! {
        () = read_questions(read, ends, site, answers) => {}
        () = stop.cancelled() => {}
        () = broken.cancelled() => {}
    }
    // It ends when the last question's task has dropped its end of the channel.
    let _ = writing.await;
}

async fn read_questions(
    mut stream: OwnedReadHalf,
    ends: Ends,
    site: Arc<Site>,
    answers: mpsc::Sender<Vec<u8>>,
) {
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT));
    while let Ok(Some(packet)) = question(&mut stream).await {
        // The semaphore is never closed.
        let Ok(permit) = in_flight.clone().acquire_owned().await else { return };
        let (site, answers) = (site.clone(), answers.clone());
        tokio::spawn(async move {
            // Where sending fails the client has closed the connection: nobody waits for the answer.
            match site.respond(&packet, ends, Transport::Tcp).await {
                Response::Nothing => {}
                Response::One(reply) => {
                    let _ = answers.send(reply).await;
                }
                Response::Many(replies) => {
                    for reply in replies {
                        if answers.send(reply).await.is_err() {
                            break;
                        }
                    }
                }
            }
            drop(permit);
        });
    }
}

/// The next question; `None` at the end of the connection, by the client, by silence or by a length of
/// nothing.
async fn question(stream: &mut OwnedReadHalf) -> io::Result<Option<Vec<u8>>> {
    let Ok(first) = timeout(IDLE, stream.read_u8()).await else { return Ok(None) };
    let first = first?;
    let rest = async {
        let length = usize::from(u16::from_be_bytes([first, stream.read_u8().await?]));
        let mut packet = vec![0; length];
        stream.read_exact(&mut packet).await?;
        io::Result::Ok(packet)
    };
    let packet = timeout(READ, rest).await??;
    Ok(Some(packet).filter(|packet| !packet.is_empty()))
}

async fn write_answers(
    mut stream: OwnedWriteHalf,
    mut ready: mpsc::Receiver<Vec<u8>>,
    broken: CancellationToken,
) {
    while let Some(reply) = ready.recv().await {
        // No reply is longer than its length field can say.
        let mut framed = (reply.len() as u16).to_be_bytes().to_vec();
        framed.extend_from_slice(&reply);
        if !matches!(timeout(WRITE, stream.write_all(&framed)).await, Ok(Ok(()))) {
            broken.cancel();
            return;
        }
    }
}
