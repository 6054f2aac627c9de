//! `/health`, `/ready`, `/metrics` and the status pages: HTTP listeners whose pages are swapped when the
//! Corefile is read again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use axum::Router;
use axum::extract::Request;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::listen::{self, ListenError};
use crate::admin;
use crate::admin::tls::{TlsFile, TlsListener};

/// What an endpoint is for. Each has a listener of its own on its address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Purpose {
    Health,
    Ready,
    Metrics,
    Admin,
}

/// What an endpoint is for, and where it is.
type Endpoint = (Purpose, SocketAddr);
/// What is to be shown, where.
pub type Pages = BTreeMap<Endpoint, Page>;

/// What is to be shown, and how.
pub struct Page {
    router: Router,
    /// Over TLS, as the file says.
    tls: Option<TlsFile>,
}

impl Page {
    /// What is shown at its path, and at all others.
    pub fn new(router: Router, tls: Option<TlsFile>) -> Self {
        Page { router: router.fallback(admin::elsewhere), tls }
    }
}

impl From<Router> for Page {
    fn from(router: Router) -> Self {
        Page::new(router, None)
    }
}

/// Endpoints that are open.
#[derive(Default)]
pub struct Endpoints {
    open: BTreeMap<Endpoint, Open>,
    tasks: TaskTracker,
}

struct Open {
    page: Arc<ArcSwap<Router>>,
    tls: Arc<ArcSwapOption<TlsFile>>,
    stop: CancellationToken,
}

impl Endpoints {
    /// Opens the listeners of the pages that have none yet. Where `/metrics` or `/ready` cannot be, questions
    /// are answered all the same, as in CoreDNS: the log says it, and the next Corefile tries again.
    ///
    /// # Errors
    /// Another address that cannot be listened on.
    pub fn listen(&self, pages: &Pages) -> Result<Vec<(Endpoint, TcpListener)>, ListenError> {
        let mut opened = Vec::new();
        for at in pages.keys().filter(|at| !self.open.contains_key(at)) {
            match (listen::tcp(at.1), at.0) {
                (Ok(listener), _) => opened.push((*at, listener)),
                (Err(error), Purpose::Metrics) => {
                    tracing::error!("Failed to start metrics handler: {error}");
                }
                (Err(error), Purpose::Ready) => {
                    tracing::error!("Failed to start ready handler: {error}");
                }
                (Err(error), Purpose::Health | Purpose::Admin) => return Err(error),
            }
        }
        Ok(opened)
    }

    /// Shows these pages and no others, with the listeners that [`Endpoints::listen`] opened for them.
    pub fn show(&mut self, mut pages: Pages, listeners: Vec<(Endpoint, TcpListener)>) {
        self.open.retain(|at, open| match pages.remove(at) {
            Some(page) => {
                open.page.store(Arc::new(page.router));
                open.tls.store(page.tls.map(Arc::new));
                true
            }
            None => {
                open.stop.cancel();
                false
            }
        });
        for (at, listener) in listeners {
            let Some(page) = pages.remove(&at) else { continue };
            let open = Open {
                page: Arc::new(ArcSwap::from_pointee(page.router)),
                tls: Arc::new(ArcSwapOption::from_pointee(page.tls)),
                stop: CancellationToken::new(),
            };
            let listener = TlsListener::new(listener, open.tls.clone());
            let (page, stop) = (open.page.clone(), open.stop.clone());
            let current = Router::new().fallback(move |request: Request| {
                let page = page.load_full();
                async move { (*page).clone().oneshot(request).await }
            });
            self.tasks.spawn(admin::serve(listener, current, stop.cancelled_owned()));
            self.open.insert(at, open);
        }
    }

    /// Ends `/ready`.
    pub fn unready(&mut self) {
        self.end(|purpose| purpose == Purpose::Ready);
    }

    /// Ends all; requests that are being answered may go on for `grace`.
    pub async fn stop(&mut self, grace: Duration) {
        self.end(|_| true);
        self.tasks.close();
        // Nobody waits longer for them.
        let _ = timeout(grace, self.tasks.wait()).await;
    }

    fn end(&mut self, which: impl Fn(Purpose) -> bool) {
        self.open.retain(|(purpose, _), open| {
            let ends = which(*purpose);
            if ends {
                open.stop.cancel();
            }
            !ends
        });
    }
}
