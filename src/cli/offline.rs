//! A Corefile without a server: what it connects to, from here and now.
//!
//! In: a Corefile. Out: the [`Instance`] that a server would start, with the clusters that could be reached.
//! No socket is opened for questions, so that it can be done beside a server that runs.

use crate::corefile::{Corefile, Diagnostic};
use crate::plugin::background::Background;
use crate::server::instance::Instance;

/// Starts the clusters of a Corefile, and waits for them as long as a server would make questions wait.
/// Needs a runtime; the watches go on as long as that and what is returned live.
///
/// # Errors
/// The first thing that is wrong in the Corefile.
pub async fn connect(corefile: &Corefile) -> Result<Instance, Diagnostic> {
    let instance = Instance::build(corefile)?;
    // kube's TLS needs a provider for the process; it is there already where a server runs.
    let _ = rustls::crypto::ring::default_provider().install_default();
    instance.watch(&Background::default());
    instance.settled().await;
    Ok(instance)
}
