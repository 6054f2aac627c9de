//! The HTTP client of one cluster, and what kube's own client leaves out.
//!
//! In: a [`kube::Config`]. Out: a [`Client`] that never waits for ever. kube sets no limit to how
//! long response headers or the next bytes of a body may take, so a server that accepts and then
//! says nothing would look healthy for good; its own retries would hide a server that answers 503
//! for six minutes. [`Probe`] sets both limits and keeps a [`Contact`]: when bytes were last seen,
//! and that a watch was accepted, neither of which kube's watcher tells.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body as HttpBody, Frame};
use kube::client::{Body, Client, ClientBuilder};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};
use tower::layer::layer_fn;
use tower::{BoxError, Service};

use super::limits::Limiter;
use super::protobuf::{self, Reading};
use crate::telemetry::kubernetes::KUBERNETES;

/// How long each step of talking to an API server may take.
#[derive(Clone, Debug)]
pub struct Timing {
    /// TCP and TLS handshakes.
    pub connect: Duration,
    /// From sending a request to the headers of its response.
    pub headers: Duration,
    /// Between two pieces of a body. Longer than [`Timing::watch_seconds`], for a quiet watch says
    /// nothing until the server ends it.
    pub silence: Duration,
    /// The server ends a watch after this many seconds and it is resumed: the bound on how long a
    /// dead connection goes unnoticed.
    pub watch_seconds: u32,
    /// Two watches of one kind begin at least this far apart, whatever the server does.
    pub pace: Duration,
    /// The first wait after a failure; it grows with each one that follows.
    pub retry_min: Duration,
    /// The longest wait after a failure.
    pub retry_max: Duration,
    /// How often it is looked whether a kind that was forbidden may be listed now.
    pub rights: Duration,
    /// The longest wait before it is looked again for a kind that is not served.
    pub discovery: Duration,
    /// Lists that new ServiceExports make necessary begin at least this far apart.
    pub renewal: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            connect: Duration::from_secs(5),
            headers: Duration::from_secs(10),
            silence: Duration::from_secs(43),
            watch_seconds: 40,
            pace: Duration::from_millis(200),
            retry_min: Duration::from_millis(800),
            retry_max: Duration::from_secs(10),
            rights: Duration::from_secs(300),
            discovery: Duration::from_secs(60),
            renewal: Duration::from_secs(5),
        }
    }
}

/// Builds a cluster's client. Every watch wraps it in a [`Probe`] of its own.
///
/// Blocks on nothing but a credential program that the local kubeconfig may name.
pub fn connect(mut config: kube::Config, timing: &Timing) -> Result<Client, kube::Error> {
    config.connect_timeout = Some(timing.connect);
    config.default_retry = false;
    let agent = HeaderValue::from_static(concat!("fleetdns/", env!("CARGO_PKG_VERSION")));
    config.headers.push((USER_AGENT, agent));
    let host: Option<Arc<str>> = config.cluster_url.authority().map(|host| host.as_str().into());
    let host = host.unwrap_or_default();
    let counted = layer_fn(|inner| Counted { inner, host: host.clone() });
    Ok(ClientBuilder::try_from(config)?.with_layer(&counted).build())
}

/// How long a request waited for the limits of the Corefile.
#[derive(Clone, Copy)]
struct Waited(Duration);

/// Counts what is asked of an API server, and how it answers.
struct Counted<S> {
    inner: S,
    host: Arc<str>,
}

impl<S, B, R> Service<Request<B>> for Counted<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (host, method) = (self.host.clone(), request.method().clone());
        let is_watch = is_watch(&request);
        let waited = request.extensions().get().map_or(Duration::ZERO, |Waited(time)| *time);
        KUBERNETES.waited(&host, method.as_str(), waited);
        let start = Instant::now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            if !is_watch {
                KUBERNETES.took(&host, method.as_str(), start.elapsed());
            }
            let status = answer.as_ref().map(|answer| answer.status());
            let code = status.as_ref().map_or("<error>", |status| status.as_str());
            KUBERNETES.answered(&host, method.as_str(), code);
            answer
        })
    }
}

/// Whether a request asks to be told of changes.
fn is_watch<B>(request: &Request<B>) -> bool {
    let mut pairs = request.uri().query().unwrap_or_default().split('&');
    pairs.any(|pair| pair == "watch=true" || pair == "watch=1")
}

/// When a watch last heard from its API server.
#[derive(Default, Debug)]
pub struct Contact {
    /// Milliseconds since 1970; 0 is never.
    last: AtomicU64,
    /// The version from which the last watch was to go on; 0 before the first.
    version: AtomicU64,
    /// Whether the watch before the last one ended long before its time.
    early: AtomicBool,
    watching: Notify,
}

impl Contact {
    /// When bytes were last received, if ever.
    pub fn last(&self) -> Option<SystemTime> {
        match self.last.load(Ordering::Relaxed) {
            0 => None,
            millis => Some(UNIX_EPOCH + Duration::from_millis(millis)),
        }
    }

    /// Notes that the other side said something.
    pub fn stamp(&self) {
        // A clock before 1970 is no reason to fail: the stamp is for status pages.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last.store(now.as_millis() as u64, Ordering::Relaxed);
    }

    /// The version from which the last watch was to go on; 0 before the first.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// Whether the watch before the last one ended long before its time: the server may be another one.
    pub fn is_early(&self) -> bool {
        self.early.load(Ordering::Relaxed)
    }

    /// Resolves when the server accepts a watch. kube's watcher says nothing of it, so that a
    /// recovered but quiet watch would look broken.
    pub async fn watching(&self) {
        self.watching.notified().await;
    }
}

/// Wraps a client for one watch: limits, pace and contact. `limiter` is that of the API server.
pub fn probe(
    client: Client,
    contact: Arc<Contact>,
    limiter: Arc<Limiter>,
    timing: &Timing,
) -> Client {
    let namespace = client.default_namespace().to_owned();
    let timing = timing.clone();
    Client::new(Probe { client, contact, limiter, timing, next_watch: None }, namespace)
}

struct Probe {
    client: Client,
    contact: Arc<Contact>,
    limiter: Arc<Limiter>,
    timing: Timing,
    /// No watch begins before this.
    next_watch: Option<Instant>,
}

impl Service<Request<Body>> for Probe {
    type Response = Response<Listened>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let pairs = || request.uri().query().unwrap_or_default().split('&');
        let is_watch = is_watch(&request);
        if is_watch {
            let version = pairs().find_map(|pair| pair.strip_prefix("resourceVersion="));
            let version = version.and_then(|version| version.parse().ok()).unwrap_or_default();
            self.contact.version.store(version, Ordering::Relaxed);
            let least = Duration::from_secs(self.timing.watch_seconds.into()) * 3 / 4;
            // When the one before began, and how long it lasted.
            let before = self.next_watch.and_then(|next| next.checked_sub(self.timing.pace));
            let early = before.is_some_and(|before| before.elapsed() < least);
            self.contact.early.store(early, Ordering::Relaxed);
        }
        if is_watch && protobuf::is_spoken(request.uri().path()) {
            request.headers_mut().insert(ACCEPT, HeaderValue::from_static(protobuf::ACCEPT));
        }
        // A server or proxy that ends every watch at once would be asked again without a pause:
        // kube waits after errors only.
        let wait = is_watch.then(|| {
            let now = Instant::now();
            let start = self.next_watch.map_or(now, |next| next.max(now));
            self.next_watch = Some(start + self.timing.pace);
            start
        });
        let client = self.client.clone();
        let (contact, limiter) = (self.contact.clone(), self.limiter.clone());
        let timing = self.timing.clone();
        Box::pin(async move {
            if let Some(start) = wait {
                tokio::time::sleep_until(start).await;
            }
            let begin = Instant::now();
            let permit = limiter.enter().await;
            request.extensions_mut().insert(Waited(begin.elapsed()));
            let mut response = tokio::time::timeout(timing.headers, client.send(request))
                .await
                .map_err(|_| Silence::Headers(timing.headers))??;
            drop(permit);
            contact.stamp();
            let is_watching = is_watch && response.status().is_success();
            if is_watching {
                contact.watching.notify_one();
            }
            let reading = read_as_json(response.headers_mut(), is_watching);
            Ok(response.map(|body| Listened {
                body,
                reading,
                contact,
                limit: timing.silence,
                timer: Box::pin(tokio::time::sleep(timing.silence)),
            }))
        })
    }
}

/// The server stopped talking.
#[derive(Debug, thiserror::Error)]
enum Silence {
    #[error("no response within {0:?}")]
    Headers(Duration),
    #[error("nothing received for {0:?}")]
    Body(Duration),
}

/// How the body is read, of which the headers say from now on that it is JSON.
fn read_as_json(headers: &mut HeaderMap, is_watching: bool) -> Reading {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let reading = Reading::of(content_type.unwrap_or_default(), is_watching);
    if !matches!(reading, Reading::AsIs) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.remove(CONTENT_LENGTH);
    }
    reading
}

/// A body that stamps the contact with each piece and fails when none comes for too long.
struct Listened {
    body: Body,
    reading: Reading,
    contact: Arc<Contact>,
    limit: Duration,
    timer: Pin<Box<Sleep>>,
}

impl HttpBody for Listened {
    type Data = <Body as HttpBody>::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, BoxError>>> {
        while let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.contact.stamp();
            let next = Instant::now() + self.limit;
            self.timer.as_mut().reset(next);
            let Some(frame) = frame else {
                return Poll::Ready(self.reading.end().map(|json| Ok(Frame::data(json))));
            };
            match frame?.into_data() {
                Ok(piece) => {
                    if let Some(json) = self.reading.take(piece) {
                        return Poll::Ready(Some(Ok(Frame::data(json))));
                    }
                }
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        ready!(self.timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(Silence::Body(self.limit).into())))
    }
}
