//! The little HTTP that tests need: read a health or metrics page, and a backend behind the sidecar.

use std::net::{SocketAddr, TcpListener};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener as AsyncListener, TcpStream};
use tokio::task::JoinHandle;

/// GET over a new connection: the status and the body as they are sent.
pub async fn get(at: impl Into<SocketAddr>, path: &str) -> std::io::Result<(u16, String)> {
    exchange(at, &format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")).await
}

/// POST of a text, likewise.
pub async fn post(
    at: impl Into<SocketAddr>,
    path: &str,
    body: &str,
) -> std::io::Result<(u16, String)> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {length}\r\n");
    exchange(at, &format!("{head}\r\n{body}")).await
}

/// A request without a body over a connection of its own, with these lines of headers.
pub async fn request(
    at: impl Into<SocketAddr>,
    method: &str,
    path: &str,
    headers: &[&str],
) -> std::io::Result<Page> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    headers.iter().for_each(|line| text += &format!("{line}\r\n"));
    fetch(at, &(text + "\r\n")).await
}

/// What comes back.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    /// In the order of their names, which are in lower case.
    pub headers: Vec<(String, String)>,
    /// As it is sent.
    pub body: String,
}

async fn exchange(at: impl Into<SocketAddr>, request: &str) -> std::io::Result<(u16, String)> {
    fetch(at, request).await.map(|page| (page.status, page.body))
}

async fn fetch(at: impl Into<SocketAddr>, request: &str) -> std::io::Result<Page> {
    let mut stream = TcpStream::connect(at.into()).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await?;
    let reply = String::from_utf8_lossy(&reply).into_owned();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("not HTTP: {head:?}")))?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_lowercase(), value.trim().to_owned()))
    };
    let mut headers: Vec<_> = lines.filter_map(header).collect();
    headers.sort();
    Ok(Page { status, headers, body: body.to_owned() })
}

/// An HTTP server that answers every request with its name and the request's authority.
#[derive(Debug)]
pub struct Backend {
    task: JoinHandle<()>,
    address: SocketAddr,
}

impl Backend {
    /// Serves on `listener`, which may have been bound inside of a [`super::Namespace`].
    pub fn start(name: &str, listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("a bound listener");
        listener.set_nonblocking(true).expect("a socket");
        let listener = AsyncListener::from_std(listener).expect("a socket");
        let name = name.to_owned();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let name = name.clone();
                tokio::spawn(async move { answer(stream, &name).await });
            }
        });
        Self { task, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, name: &str) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request).to_lowercase();
    let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("-");
    let body = format!("{name} {host}\n");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await?;
    stream.shutdown().await
}
