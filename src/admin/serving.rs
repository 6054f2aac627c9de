//! Serving pages within limits, which are those of CoreDNS (plugin/health, plugin/ready, plugin/metrics).
//!
//! In: connections. Out: what the router says to the requests on them. A connection is closed where its next
//! request, be it the first, does not come in time, and where its client does not take a response in time: who
//! connects and is silent costs nothing for long.
//!
//! axum serves without limits, so the loop is our own, over hyper.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::serve::Listener;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// How long a request may take to come, with the silence before it, and a response to be taken.
const LIMIT: Duration = Duration::from_secs(5);
/// How long open connections may go on after the end was asked for.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until `stop` is done; requests that are being answered then have 5 seconds more.
pub async fn serve(mut listener: impl Listener, router: Router, stop: impl Future<Output = ()>) {
    let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
    let mut stop = pin!(stop);
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        tasks.spawn(connection(stream, router.clone(), stopping.clone()));
    }
    drop(listener);
    stopping.cancel();
    tasks.close();
    // Nobody waits longer for them.
    let _ = timeout(GRACE, tasks.wait()).await;
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    stop: CancellationToken,
) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(LIMIT);
    let answer =
        service_fn(|request: Request<Incoming>| router.clone().oneshot(request.map(Body::new)));
    let stream = TokioIo::new(Prompt::new(stream, LIMIT));
    let mut serving = pin!(builder.serve_connection(stream, answer));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to a page broke");
    }
}

/// A stream whose other end takes what is written before a limit is over.
struct Prompt<S> {
    stream: S,
    limit: Duration,
    /// The end of the time for what is being written; none while nothing waits.
    end: Option<Pin<Box<Sleep>>>,
}

impl<S> Prompt<S> {
    fn new(stream: S, limit: Duration) -> Self {
        Prompt { stream, limit, end: None }
    }

    /// What writing came to: an error where it waits, and the time is over.
    fn within<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_pending() {
            let limit = self.limit;
            let end = self.end.get_or_insert_with(|| Box::pin(sleep(limit)));
            ready!(end.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.within(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        let flushed = ready!(self.within(context, flushed));
        // All is taken that was written: what comes next has a time of its own.
        self.end = None;
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.within(context, shut)
    }
}

#[cfg(test)]
#[path = "serving_tests.rs"]
mod tests;
