//! Questions over HTTPS (RFC 8484), by HTTP/1.1 or HTTP/2.
//!
//! hyper carries the protocol. hickory-server would too, but it knows no HTTP/1.1, no plain HTTP behind a
//! proxy that ends TLS, and has one time limit for all; CoreDNS has these (core/dnsserver/server_https.go).

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use data_encoding::BASE64URL_NOPAD;
use hickory_proto::op::Message;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::door::{Door, Service};
use super::site::Ends;
use crate::plugin::Transport;
use crate::plugin::response::{DEFAULT_TTL, Kind, least_ttl};

/// Where questions are asked.
const PATH: &str = "/dns-query";
const MEDIA_TYPE: &str = "application/dns-message";
/// Octets of the longest question.
const LONGEST: usize = 65_536;
/// No answer may be kept for longer.
const MOST_AGE: Duration = Duration::from_secs(3600);

type Response = http::Response<Full<Bytes>>;

/// Answers the questions of a connection, each as the Corefile says at that time. After `stop` it takes no
/// further ones.
pub async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ends: Ends,
    door: Arc<Door>,
    stop: CancellationToken,
) {
    let service = door.service();
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(service.timeouts.idle);
    builder
        .http2()
        .timer(TokioTimer::new())
        // A client that is silent is asked whether it is there.
        .keep_alive_interval(service.timeouts.idle)
        .keep_alive_timeout(service.timeouts.read)
        .max_concurrent_streams(service.https.streams());
    let answer = service_fn(|request| {
        let service = door.service();
        async move {
            let is_head = request.method() == Method::HEAD;
            let mut response = answer(request, ends, &service).await;
            if is_head {
                without_body(&mut response);
            }
            service.site.metrics().encrypted.https(service.site.label(), response.status());
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), answer));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(client = %ends.client, error, "a connection of HTTPS broke");
    }
}

async fn answer(request: Request<Incoming>, ends: Ends, service: &Service) -> Response {
    if request.uri().path() != PATH {
        return plain(StatusCode::NOT_FOUND, "");
    }
    let packet = match timeout(service.timeouts.read, question(request)).await {
        Ok(Some(packet)) if Message::from_vec(&packet).is_ok() => packet,
        _ => return plain(StatusCode::BAD_REQUEST, "invalid request"),
    };
    let Some(reply) = service.site.answer(&packet, ends, Transport::Tcp).await else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "No response");
    };
    let age = age(&reply).as_secs();
    let mut response = Response::new(Full::new(reply.into()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if let Ok(age) = HeaderValue::try_from(format!("max-age={age}")) {
        headers.insert(CACHE_CONTROL, age);
    }
    response
}

/// The message of a GET or POST (RFC 8484 §4.1).
async fn question(request: Request<Incoming>) -> Option<Vec<u8>> {
    match *request.method() {
        Method::GET => {
            let query = request.uri().query()?;
            let mut all = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "dns");
            let (Some((_, text)), None) = (all.next(), all.next()) else { return None };
            let packet = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
            Some(packet).filter(|packet| packet.len() <= LONGEST)
        }
        Method::POST => {
            let body = Limited::new(request.into_body(), LONGEST).collect().await.ok()?;
            Some(body.to_bytes().to_vec())
        }
        _ => None,
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Full::new(Bytes::from(format!("{text}\n"))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Leaves the length of the body alone (RFC 9110 §9.3.2), which hyper does not for HTTP/2.
fn without_body(response: &mut Response) {
    let body = std::mem::take(response.body_mut());
    if let Some(length) = body.size_hint().exact() {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
}

/// How long an answer may be kept (RFC 8484 §5.1).
fn age(reply: &[u8]) -> Duration {
    let Ok(message) = Message::from_vec(reply) else { return DEFAULT_TTL };
    let dnssec_ok = message.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
    least_ttl(&message, Kind::of(&message, dnssec_ok), MOST_AGE)
}
