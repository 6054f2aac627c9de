//! An upstream over HTTPS (RFC 8484), by HTTP/2 or HTTP/1.1.
//!
//! As in CoreDNS (plugin/pkg/doh) neither the status nor the content type of a reply is looked at: its body
//! is a message or it is not. The client keeps its connections itself.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use futures::future::BoxFuture;
use hickory_proto::op::Message;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::Service;

use super::query::Query;
use super::{Error, connection, read};

const MEDIA_TYPE: &str = "application/dns-message";
const PATH: &str = "/dns-query";
/// How long a question may take, connection and all.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long a health check may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// Octets of a body at most.
const BODY: usize = 65_536;
/// How many connections wait for questions where `max_idle_conns` says nothing (Go's net/http).
const IDLE: usize = 2;
/// How long they wait (Go's net/http).
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// The upstream.
#[derive(Debug)]
pub(super) struct Https {
    client: Client<HttpsConnector<Connector>, Full<Bytes>>,
    method: Method,
    /// Where questions go: the server's name if it has one, or its address.
    uri: Uri,
    /// The same with its address, as errors have it.
    url: String,
}

/// What an upstream over HTTPS is.
#[derive(Debug)]
pub(super) struct Server<'a> {
    pub address: SocketAddr,
    pub source: Option<IpAddr>,
    /// `tls_servername`, for the certificate and the header `Host`.
    pub name: Option<&'a str>,
    /// Without protocols (ALPN), which the client adds.
    pub config: ClientConfig,
    pub method: Method,
    /// 0 where it is not said.
    pub max_idle: usize,
}

impl Https {
    /// # Errors
    /// The name cannot be that of a server.
    pub fn new(server: Server<'_>) -> Result<Self, http::Error> {
        let address = server.address.to_string();
        let authority = server.name.unwrap_or(&address);
        let uri =
            Uri::builder().scheme("https").authority(authority).path_and_query(PATH).build()?;
        let tcp = Connector { to: server.address, source: server.source };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(server.config)
            .https_only()
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(if server.max_idle == 0 { IDLE } else { server.max_idle })
            .build(connector);
        let url = format!("https://{address}{PATH}");
        Ok(Https { client, method: server.method, uri, url })
    }

    /// Asks once. The ID is 0, which caches of HTTP like (RFC 8484 §4.1).
    pub async fn ask(&self, query: &Query) -> Result<Message, Error> {
        let asked = self.exchange(&self.method, query.under(0), TIMEOUT).await;
        let body = asked.map_err(Error::Failed)?;
        read::message(&body).map_err(|error| Error::Failed(error.to_string()))
    }

    /// Whether it says anything that is a message.
    pub async fn probe(&self, question: &[u8]) -> Result<(), String> {
        let body = self.exchange(&Method::POST, question.to_vec(), PROBE_TIMEOUT).await?;
        read::message(&body).map(drop).map_err(|error| error.to_string())
    }

    async fn exchange(
        &self,
        method: &Method,
        message: Vec<u8>,
        patience: Duration,
    ) -> Result<Bytes, String> {
        let (request, verb, url) = self.request(method, message)?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| cause(&error))?;
            let body = Limited::new(response.into_body(), BODY).collect().await;
            body.map(|body| body.to_bytes()).map_err(|error| cause(&*error))
        };
        let failed = |why: &str| format!("{verb} \"{url}\": {why}");
        match timeout(patience, exchange).await {
            Ok(done) => done.map_err(|why| failed(&why)),
            Err(_) => Err(failed("context deadline exceeded")),
        }
    }

    /// A request, and how Go calls its method and its address.
    fn request(
        &self,
        method: &Method,
        message: Vec<u8>,
    ) -> Result<(Request<Full<Bytes>>, &'static str, String), String> {
        let (uri, url, verb, body) = if *method == Method::GET {
            let query = format!("?dns={}", BASE64URL_NOPAD.encode(&message));
            let mut parts = self.uri.clone().into_parts();
            parts.path_and_query = format!("{PATH}{query}").parse().ok();
            let uri = Uri::from_parts(parts).map_err(|error| error.to_string())?;
            (uri, format!("{}{query}", self.url), "Get", Bytes::new())
        } else {
            (self.uri.clone(), self.url.clone(), "Post", Bytes::from(message))
        };
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(CONTENT_TYPE, MEDIA_TYPE)
            .header(ACCEPT, MEDIA_TYPE)
            .body(Full::new(body));
        Ok((request.map_err(|error| error.to_string())?, verb, url))
    }
}

/// What is at the bottom of an error.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut bottom = error;
    while let Some(source) = bottom.source() {
        bottom = source;
    }
    bottom.to_string()
}

/// Connects to the upstream, whatever the address of a request says.
#[derive(Clone, Copy, Debug)]
struct Connector {
    to: SocketAddr,
    source: Option<IpAddr>,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let Connector { to, source } = *self;
        Box::pin(async move {
            match connection::tcp(to, source).await {
                Ok(stream) => Ok(TokioIo::new(stream)),
                Err((step, error)) => {
                    let words = connection::words(&error);
                    Err(io::Error::other(format!("dial tcp {to}: {step}: {words}")))
                }
            }
        })
    }
}
