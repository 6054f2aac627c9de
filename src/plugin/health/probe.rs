//! The process asks its own `/health` (CoreDNS, plugin/health/overloaded.go).

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tracing::warn;

use super::Health;
use crate::corefile::GoDuration;
use crate::telemetry::Metrics;

/// Between two requests.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a request may take before it has failed.
const PATIENCE: Duration = Duration::from_secs(3);
/// A request on the own machine that takes longer is worth a line.
const SLOW: Duration = Duration::from_secs(1);

/// Asks every second, for ever, and measures.
pub async fn run(health: Health, metrics: Arc<Metrics>) {
    run_every(PERIOD, health, metrics).await;
}

async fn run_every(period: Duration, health: Health, metrics: Arc<Metrics>) {
    let url = format!("http://{}/health", health.shown);
    let at = reached(health.addr);
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let start = Instant::now();
        let answer = timeout(PATIENCE, ask(at)).await;
        let took = start.elapsed();
        let failure = match answer {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("nothing came within {}", GoDuration(PATIENCE))),
        };
        metrics.health.asked(took, failure.is_some());
        match failure {
            Some(why) => warn!("Local health request to {url:?} failed: {why}"),
            None if took > SLOW => {
                let took = GoDuration(took);
                warn!("Local health request to {url:?} took more than 1s: {took}");
            }
            None => {}
        }
    }
}

/// Where a listener is reached from its own machine.
fn reached(address: SocketAddr) -> SocketAddr {
    match address.ip().is_unspecified() {
        // A listener for both families takes both.
        true => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()),
        false => address,
    }
}

async fn ask(at: SocketAddr) -> Result<(), Box<dyn Error + Send + Sync>> {
    let stream = TcpStream::connect(at).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = http::Request::get("/health")
        .header(http::header::HOST, at.to_string())
        .body(Empty::<Bytes>::new())?;
    let exchange = async {
        let reply = sender.send_request(request).await?;
        reply.into_body().collect().await?;
        Ok(())
    };
    tokio::select! {
        done = exchange => done,
        Err(error) = connection => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn measures_and_counts_failures() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let health = Health { addr, shown: addr.to_string(), lameduck: Duration::ZERO };
        let metrics = Arc::new(Metrics::default());
        let server = tokio::spawn(async { axum::serve(listener, super::super::router()).await });
        let period = Duration::from_millis(1);
        let probe = tokio::spawn(run_every(period, health, metrics.clone()));
        let count = |name: &str| {
            let page = metrics.page();
            let line = page.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|count| count.trim().parse::<u32>().ok()).unwrap()
        };
        while count("coredns_health_request_duration_seconds_count") < 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(count("coredns_health_request_failures_total"), 0);
        server.abort();
        while count("coredns_health_request_failures_total") < 2 {
            tokio::task::yield_now().await;
        }
        probe.abort();
    }
}
