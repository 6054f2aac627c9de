//! Questions over TCP (RFC 7766) and TLS (RFC 7858): many on a connection, answered as they are ready.
//!
//! What the fast path knows ([`super::fast`]) is answered at once, and what has a task for each question, the
//! slow ones, does not hold up those behind it. Many questions are read, and many answers written, by one call of
//! the system. Reading and writing have time limits of their own,
//! which are CoreDNS's (core/dnsserver/server.go) or those of `timeouts`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::door::Door;
use super::reply::Response;
use super::site::Ends;
use crate::plugin::Transport;
use crate::plugin::timeouts::Timeouts;

/// Questions of one connection that are worked on at a time; the next is read when one is done.
const IN_FLIGHT: usize = 128;

/// Octets of questions that are read at a time, for which each connection has room: about thirty questions.
const READ: usize = 2048;
/// Octets of answers from which on no others are waited for.
const WRITE: usize = 16_384;

/// Answers the questions of a connection, each as the Corefile says at that time. After `stop` it reads no
/// further ones, and sends the answers to those that it has read.
pub async fn connection(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    ends: Ends,
    door: Arc<Door>,
    stop: CancellationToken,
) {
    let timeouts = door.service().timeouts;
    let (read, write) = tokio::io::split(stream);
    let read = BufReader::with_capacity(READ, read);
    let (answers, ready) = mpsc::channel(IN_FLIGHT);
    let broken = CancellationToken::new();
    let writing = tokio::spawn(write_answers(write, ready, timeouts, broken.clone()));
    tokio::select! {
        () = read_questions(read, ends, &door, &timeouts, answers) => {}
        () = stop.cancelled() => {}
        () = broken.cancelled() => {}
    }
    // It ends when the last question's task has dropped its end of the channel.
    let _ = writing.await;
}

async fn read_questions(
    mut stream: impl AsyncRead + Unpin,
    ends: Ends,
    door: &Door,
    timeouts: &Timeouts,
    answers: mpsc::Sender<Vec<u8>>,
) {
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut left = timeouts.queries.unwrap_or(u32::MAX);
    // Who connects has a question.
    let mut silence = timeouts.read;
    while left > 0
        && let Ok(Some(packet)) = question(&mut stream, silence, timeouts.read).await
    {
        silence = timeouts.idle;
        if timeouts.queries.is_some() {
            left -= 1;
        }
        let service = door.service();
        if let Some(reply) = service.answer_now(&packet, ends.client) {
            // Where sending fails the client has closed the connection.
            if answers.send(reply).await.is_err() {
                return;
            }
            continue;
        }
        // The semaphore is never closed.
        let Ok(permit) = in_flight.clone().acquire_owned().await else { return };
        let (site, answers) = (service.site.clone(), answers.clone());
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

/// The next question, which begins after some `silence` at most and then takes no longer than `read`; `None`
/// at the end of the connection, by the client, by silence or by a length of nothing.
async fn question(
    stream: &mut (impl AsyncRead + Unpin),
    silence: Duration,
    read: Duration,
) -> io::Result<Option<Vec<u8>>> {
    let Ok(first) = timeout(silence, stream.read_u8()).await else { return Ok(None) };
    let first = first?;
    let rest = async {
        let length = usize::from(u16::from_be_bytes([first, stream.read_u8().await?]));
        let mut packet = vec![0; length];
        stream.read_exact(&mut packet).await?;
        io::Result::Ok(packet)
    };
    let packet = timeout(read, rest).await??;
    Ok(Some(packet).filter(|packet| !packet.is_empty()))
}

async fn write_answers(
    mut stream: impl AsyncWrite + Unpin,
    mut ready: mpsc::Receiver<Vec<u8>>,
    timeouts: Timeouts,
    broken: CancellationToken,
) {
    let mut out = Vec::new();
    while let Some(reply) = ready.recv().await {
        out.clear();
        frame(&reply, &mut out);
        while out.len() < WRITE
            && let Ok(reply) = ready.try_recv()
        {
            frame(&reply, &mut out);
        }
        let write = async {
            stream.write_all(&out).await?;
            // TLS keeps a part of it otherwise.
            stream.flush().await
        };
        if !matches!(timeout(timeouts.write, write).await, Ok(Ok(()))) {
            broken.cancel();
            return;
        }
    }
    // A client that is gone need not be told.
    let _ = timeout(timeouts.write, stream.shutdown()).await;
}

/// A message behind its length (RFC 1035 §4.2.2). None is longer than that can say.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 + message.len());
    frame(message, &mut out);
    out
}

fn frame(message: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(message.len() as u16).to_be_bytes());
    out.extend_from_slice(message);
}
