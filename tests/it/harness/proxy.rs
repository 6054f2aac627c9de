//! A proxy in front of an API server, which breaks on cue what passes through it.
//!
//! It ends TLS with a certificate of its own and opens it anew behind, so that it can also answer in the
//! server's stead. With [`Pass::Answer`] from the start it is an API server that lies.

use std::fmt;
use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::api_server::ApiServer;
use super::pki::{Issued, Pki, Valid};
use super::ports;

/// Makes the whole HTTP response to the head of a request.
pub type Answer = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// What becomes of what is sent. A change cuts the connections that are open, but for those that a
/// [`Pass::Hole`] keeps, which they never leave.
#[derive(Clone)]
pub enum Pass {
    /// It arrives.
    Through,
    /// What the server says arrives so much later, piece by piece.
    Slow(Duration),
    /// Nobody listens.
    Refuse,
    /// Connections that are open are kept, new ones are accepted, and all that is sent is dropped.
    Hole,
    /// Connections are accepted and never answered.
    Deaf,
    /// Requests get this response, so much later.
    Answer(Duration, Answer),
}

/// A running proxy; ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    /// The port of the server behind it.
    behind: u16,
    pass: watch::Sender<Pass>,
    asked: Asked,
    task: JoinHandle<()>,
}

/// Path and query of each request that went through.
type Asked = Arc<Mutex<Vec<String>>>;

impl Proxy {
    /// Starts one in front of a server.
    pub async fn before(server: &ApiServer) -> Self {
        let good = Pki::shared().server(Valid::Now);
        Self::start(server.port(), &good, Pass::Through).await
    }

    /// Starts one that shows such a certificate.
    pub async fn with_certificate(server: &ApiServer, valid: Valid) -> Self {
        Self::start(server.port(), &Pki::shared().server(valid), Pass::Through).await
    }

    /// Starts one with nothing behind it, which answers itself.
    pub async fn answering(delay: Duration, answer: Answer) -> Self {
        let good = Pki::shared().server(Valid::Now);
        Self::start(0, &good, Pass::Answer(delay, answer)).await
    }

    /// What becomes of what is sent from now on.
    pub fn pass(&self, pass: Pass) {
        self.pass.send_replace(pass);
    }

    /// Cuts all connections that are open; new ones are as those before.
    pub fn cut(&self) {
        self.pass.send_modify(|_| ());
    }

    /// How many requests that match went through, by path and query.
    pub fn count(&self, matches: impl Fn(&str) -> bool) -> usize {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|target| matches(target)).count()
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A kubeconfig of the server behind it, made to lead here.
    pub fn lead(&self, kubeconfig: &str) -> String {
        let (from, to) = (format!("127.0.0.1:{}", self.behind), format!("127.0.0.1:{}", self.port));
        assert!(kubeconfig.contains(&from), "{kubeconfig}");
        kubeconfig.replace(&from, &to)
    }

    async fn start(behind: u16, certificate: &Issued, pass: Pass) -> Self {
        let (mut listener, port) = loop {
            let port = ports::free();
            if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
                break (Some(listener), port);
            }
        };
        let tls = acceptor(certificate);
        let pass = watch::Sender::new(pass);
        let mut passing = pass.subscribe();
        let asked = Asked::default();
        let noted = asked.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let refuses = matches!(*passing.borrow_and_update(), Pass::Refuse);
                if refuses {
                    listener = None;
                } else if listener.is_none() {
                    listener = Some(listen_again(port).await);
                }
                let accepted = async {
                    match &listener {
                        Some(listener) => listener.accept().await,
                        None => pending().await,
                    }
                };
                tokio::select! {
                    changed = passing.changed() => if changed.is_err() { return },
                    Ok((stream, _)) = accepted => {
                        let (passing, noted) = (passing.clone(), noted.clone());
                        connections.spawn(carry(stream, tls.clone(), behind, passing, noted));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { port, behind, pass, asked, task }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pass::Through => "Through",
            Pass::Slow(_) => "Slow",
            Pass::Refuse => "Refuse",
            Pass::Hole => "Hole",
            Pass::Deaf => "Deaf",
            Pass::Answer(..) => "Answer",
        })
    }
}

/// A response with this status and body.
pub fn response(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The response to a watch that has begun and says nothing.
pub fn silent_watch() -> String {
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".into()
}

/// Answers all requests with this status.
pub fn refusing(status: u16) -> Pass {
    Pass::Answer(Duration::ZERO, Arc::new(move |_| response(status, "told to fail")))
}

/// The port is below those that the kernel gives away, but a connection may linger on it.
async fn listen_again(port: u16) -> TcpListener {
    loop {
        match TcpListener::bind(("127.0.0.1", port)).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// One connection. Every way that it ends is one that a client must bear.
async fn carry(
    stream: TcpStream,
    tls: TlsAcceptor,
    behind: u16,
    mut passing: watch::Receiver<Pass>,
    asked: Asked,
) -> io::Result<()> {
    let pass = passing.borrow_and_update().clone();
    if matches!(pass, Pass::Refuse) {
        return Ok(());
    }
    if matches!(pass, Pass::Hole | Pass::Deaf) {
        return swallow(stream).await;
    }
    let mut client = tls.accept(stream).await?;
    let ends = async |passing: &mut watch::Receiver<Pass>| {
        // The sender lives as long as this task.
        let _ = passing.changed().await;
        matches!(*passing.borrow(), Pass::Hole)
    };
    let is_hole = match pass {
        Pass::Answer(delay, answer) => tokio::select! {
            ended = speak(&mut client, delay, &answer) => return ended,
            is_hole = ends(&mut passing) => is_hole,
        },
        pass => {
            let delay = if let Pass::Slow(delay) = pass { delay } else { Duration::ZERO };
            let server = connect(behind).await?;
            tokio::select! {
                ended = exchange(&mut client, server, delay, &asked) => return ended,
                is_hole = ends(&mut passing) => is_hole,
            }
        }
    };
    if is_hole { swallow(client).await } else { Ok(()) }
}

/// Takes what is sent and never answers, until the client goes.
async fn swallow(mut client: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut dropped = [0; 4096];
    while client.read(&mut dropped).await? > 0 {}
    Ok(())
}

/// Answers each request of a connection.
async fn speak(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    delay: Duration,
    answer: &Answer,
) -> io::Result<()> {
    let mut sent = Vec::new();
    loop {
        // Requests to API servers that list and watch have no body.
        while let Some(end) = sent.windows(4).position(|end| end == b"\r\n\r\n") {
            let head: Vec<u8> = sent.drain(..end + 4).collect();
            tokio::time::sleep(delay).await;
            client.write_all(answer(&String::from_utf8_lossy(&head)).as_bytes()).await?;
            client.flush().await?;
        }
        if client.read_buf(&mut sent).await? == 0 {
            return Ok(());
        }
    }
}

/// Carries both directions and notes what is asked for.
async fn exchange(
    client: impl AsyncRead + AsyncWrite,
    server: impl AsyncRead + AsyncWrite,
    delay: Duration,
    asked: &Asked,
) -> io::Result<()> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    tokio::select! {
        ended = forward(&mut from_client, &mut to_server, Duration::ZERO, Some(asked)) => ended,
        ended = forward(&mut from_server, &mut to_client, delay, None) => ended,
    }
}

async fn forward(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    delay: Duration,
    asked: Option<&Asked>,
) -> io::Result<()> {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        if let Some(asked) = asked {
            note(asked, &piece[..length]);
        }
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        to.write_all(&piece[..length]).await?;
        to.flush().await?;
    }
}

/// Notes the requests that begin in a piece; their heads are small enough to come in one.
fn note(asked: &Asked, piece: &[u8]) {
    let lines = piece.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"GET "));
    let targets = lines.map(|line| {
        let line = String::from_utf8_lossy(line);
        line.split(' ').next().unwrap_or_default().to_owned()
    });
    asked.lock().unwrap_or_else(PoisonError::into_inner).extend(targets);
}

async fn connect(port: u16) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let pem = std::fs::read(&Pki::shared().ca)?;
    let authority = CertificateDer::from_pem_slice(&pem).map_err(io::Error::other)?;
    roots.add(authority).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn acceptor(certificate: &Issued) -> TlsAcceptor {
    let cert = CertificateDer::from_pem_slice(certificate.cert.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![cert], key);
    TlsAcceptor::from(Arc::new(config.expect("a certificate and its key")))
}
