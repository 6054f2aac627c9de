//! What goes on beside the questions: health checks, files that are read again, questions of a plugin's own.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where the plugins of a server block have their work done, until the block is replaced or the server ends.
#[derive(Clone, Debug)]
pub struct Background {
    listeners: Arc<[SocketAddr]>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Background {
    /// For a block that is asked at `listeners`.
    pub fn new(listeners: Vec<SocketAddr>, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Background { listeners: listeners.into(), tasks, stop }
    }

    /// Where the block is asked, over UDP and TCP: the first address of the block's first key first. `[::]` or
    /// `0.0.0.0` stands for all addresses.
    pub fn listeners(&self) -> &[SocketAddr] {
        &self.listeners
    }

    /// Has some work done on the current runtime. It is dropped at the end, at one of its awaits.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
        });
    }
}
