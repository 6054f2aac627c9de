//! What goes on beside the questions: health checks, files that are read again, questions of a plugin's own.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

/// Where the plugins of a Corefile have their work done, until it is replaced or the server ends.
#[derive(Clone, Debug, Default)]
pub struct Background {
    listeners: Arc<[SocketAddr]>,
    stop: CancellationToken,
}

impl Background {
    /// The same for a block that is asked at `listeners`.
    pub fn at(&self, listeners: Vec<SocketAddr>) -> Self {
        Background { listeners: listeners.into(), stop: self.stop.clone() }
    }

    /// Where the block is asked: the first address of the block's first key first. `[::]` or `0.0.0.0` stands
    /// for all addresses.
    pub fn listeners(&self) -> &[SocketAddr] {
        &self.listeners
    }

    /// Has some work done on the current runtime. It is dropped at the end, at one of its awaits.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Ends all work.
    pub fn stop(&self) {
        self.stop.cancel();
    }
}
