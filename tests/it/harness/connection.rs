//! One connection to a DNS server, over TCP or TLS, on which a test writes what it likes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::client::Question;
use super::pki::Pki;

/// A reply that has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open connection.
#[derive(Debug)]
pub struct Connection(Either<TcpStream, Box<TlsStream<TcpStream>>>);

impl Connection {
    /// Connects.
    pub async fn open(at: SocketAddr) -> io::Result<Self> {
        Ok(Self(Either::Left(connect(at).await?)))
    }

    /// Connects over TLS, to a server with the certificate of the tests.
    pub async fn open_tls(at: SocketAddr) -> io::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = rustls::ClientConfig::builder().with_root_certificates(Pki::shared().roots());
        let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
        let stream = connector.connect(at.ip().into(), connect(at).await?).await?;
        Ok(Self(Either::Right(Box::new(stream))))
    }

    /// Writes these bytes as they are.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// Sends a question.
    pub async fn send(&mut self, question: &Question) -> io::Result<()> {
        self.write(&framed(question)).await
    }

    /// The next reply; `None` at the end of the connection.
    pub async fn receive(&mut self) -> io::Result<Option<Message>> {
        let receive = async {
            let mut length = [0; 2];
            if self.0.read(&mut length[..1]).await? == 0 {
                return Ok(None);
            }
            self.0.read_exact(&mut length[1..]).await?;
            let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
            self.0.read_exact(&mut reply).await?;
            Message::from_vec(&reply).map(Some).map_err(io::Error::other)
        };
        timeout(PATIENCE, receive).await?
    }

    /// The next reply, which must come.
    pub async fn reply(&mut self) -> Message {
        self.receive().await.expect("a reply").expect("a reply before the connection's end")
    }
}

async fn connect(at: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A question with the length before it.
pub fn framed(question: &Question) -> Vec<u8> {
    let packet = question.packet();
    let length = u16::try_from(packet.len()).expect("a short question");
    [&length.to_be_bytes()[..], &packet].concat()
}
