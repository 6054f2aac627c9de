//! A Corefile's server blocks as one running server.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::{Name, RecordType};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::explain::{self, Explained};
use super::listen::{self, ListenError};
use super::site::{Block, Site};
use super::{stream, udp};
use crate::admin;
use crate::corefile::{Claims, Corefile, Diagnostic, Key, Position, Scheme};
use crate::plugin::background::Background;
use crate::plugin::setup::Process;
use crate::plugin::{Plugin, fleet, health, kubernetes, order, prometheus, ready, sentinel};
use crate::zone::name::WireName;

/// How long questions that are being answered may go on after the sockets are closed.
const GRACE: Duration = Duration::from_secs(5);

/// Where a block is asked: an address, or all of them, and a port.
type Place = (Option<IpAddr>, u16);
/// The plugins of a block.
type Plugins = Arc<[Box<dyn Plugin>]>;

/// A server that is set up and not started: nothing has been opened yet.
pub struct Instance {
    sites: Vec<(Option<IpAddr>, u16, Arc<Site>)>,
    /// Each block's plugins, and where they are asked.
    chains: Vec<(Plugins, Vec<Place>)>,
    process: Process,
    /// `zone:port`, as the banner shows them.
    served: Vec<String>,
}

/// A server that runs.
pub struct Running {
    instance: Instance,
    /// Ends the questions.
    stop: CancellationToken,
    /// Ends `/ready`, which is over as soon as the end is asked for.
    unready: CancellationToken,
    /// Ends `/health`, `/metrics` and the status pages.
    endpoints: CancellationToken,
    tasks: TaskTracker,
    endpoint_tasks: TaskTracker,
}

impl Instance {
    /// Sets up every server block.
    ///
    /// # Errors
    /// The first thing that is wrong in the Corefile.
    pub fn build(corefile: &Corefile) -> Result<Self, Diagnostic> {
        if corefile.blocks.is_empty() {
            let file = corefile.files.first().cloned().unwrap_or_default();
            return Err(Diagnostic::new(
                Position::new(file.into(), 1),
                "the Corefile has no server block",
                "write one, e.g. `.:53 {`, with plugins, one a line",
            ));
        }
        let mut process = Process::default();
        let mut claims = Claims::default();
        let mut sites: BTreeMap<Place, Vec<Block>> = BTreeMap::new();
        let mut served = Vec::new();
        let mut chains = Vec::new();
        for block in &corefile.blocks {
            block.keys.iter().try_for_each(plain)?;
            let chain = order::chain(&corefile.blocks, block, &mut process)?;
            let plugins: Plugins = chain.plugins.into();
            let addresses: Vec<Option<IpAddr>> = match chain.bind.as_slice() {
                [] => vec![None],
                bind => bind.iter().copied().map(Some).collect(),
            };
            let mut places = Vec::new();
            for (key, address) in
                block.keys.iter().flat_map(|key| addresses.iter().map(move |on| (key, *on)))
            {
                places.push((address, key.port));
                let on = address.map(|address| address.to_string()).unwrap_or_default();
                claims.claim(key, &on, chain.view.is_some())?;
                let shown = shown(key, address);
                if !served.contains(&shown) {
                    served.push(shown);
                }
                sites.entry((address, key.port)).or_default().push(Block {
                    zone: zone(key)?,
                    text: key.zone.as_str().into(),
                    chain: plugins.clone(),
                    max_payload: chain.max_payload,
                    view: chain.view.clone(),
                });
            }
            let view = chain.view.as_ref().map(|view| &view.name);
            enabled(&process, block.keys.first(), view, &addresses, &plugins);
            chains.push((plugins, places));
        }
        let metrics = process.metrics.clone();
        let site = |((address, port), blocks)| {
            let site = Site::new(label(address, port), blocks, metrics.clone());
            (address, port, Arc::new(site))
        };
        let sites = sites.into_iter().map(site).collect();
        Ok(Instance { sites, chains, process, served })
    }

    /// The zones that are served, as CoreDNS lists them at the start.
    pub fn served(&self) -> &[String] {
        &self.served
    }

    /// What all server blocks share, for whoever starts no server with it.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Explains a question by the block that is for it, on whatever address.
    pub async fn explain(&self, name: &Name, qtype: RecordType) -> Explained {
        explain::explain(&self.sites(), name, qtype).await
    }

    fn sites(&self) -> Vec<Arc<Site>> {
        self.sites.iter().map(|(_, _, site)| site.clone()).collect()
    }

    /// Starts to watch the clusters, and what is asked of others beside the questions. Needs a runtime.
    pub fn watch(&self) {
        let asker = |at: Place| {
            let mut sites = self.sites.iter();
            let site = sites.find(|(address, port, _)| (*address, *port) == at);
            site.map(|(_, _, site)| site.asker())
        };
        self.process.views.start();
        kubernetes::start(&self.process.kubernetes, &self.process.metrics, asker);
    }

    /// Waits until all clusters are known and the addresses of all gateways, or have had their time.
    pub async fn settled(&self) {
        self.process.views.settled().await;
        kubernetes::settled(&self.process.kubernetes).await;
    }

    /// Opens all sockets, and starts to watch and to answer. Needs a runtime.
    ///
    /// # Errors
    /// An address that cannot be listened on; then nothing goes on running.
    pub fn start(self) -> Result<Running, ListenError> {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let mut sockets = Vec::new();
        for (address, port, site) in &self.sites {
            sockets.push((listen::dns(*address, *port, workers)?, site.clone()));
        }
        let running = Running {
            instance: self,
            stop: CancellationToken::new(),
            unready: CancellationToken::new(),
            endpoints: CancellationToken::new(),
            tasks: TaskTracker::new(),
            endpoint_tasks: TaskTracker::new(),
        };
        running.endpoints()?;
        running.instance.watch();
        let process = &running.instance.process;
        kubernetes::status::measure(&process.views, &process.metrics);
        sentinel::start(&process.pools, process.views.all(), process.metrics.clone());
        let (tasks, stop) = (&running.tasks, &running.stop);
        let mut opened = BTreeMap::new();
        for ((address, port, _), (sockets, _)) in running.instance.sites.iter().zip(&sockets) {
            opened.insert((*address, *port), sockets.address);
        }
        for (plugins, places) in &running.instance.chains {
            let listeners = places.iter().filter_map(|place| opened.get(place).copied()).collect();
            let background = Background::new(listeners, tasks.clone(), stop.clone());
            plugins.iter().for_each(|plugin| plugin.start(&background));
        }
        for (sockets, site) in sockets {
            tracing::debug!(address = %sockets.address, "listening");
            for socket in sockets.udp {
                tasks.spawn(udp::serve(socket, site.clone(), tasks.clone(), stop.clone()));
            }
            tasks.spawn(stream::serve(sockets.tcp, site, tasks.clone(), stop.clone()));
        }
        Ok(running)
    }
}

impl Running {
    /// Opens `/health`, `/ready`, `/metrics` and the status pages.
    fn endpoints(&self) -> Result<(), ListenError> {
        let process = &self.instance.process;
        let mut routers = Vec::new();
        if let Some(health) = &process.health {
            routers.push((health.addr, health::router(), &self.endpoints));
        }
        if let Some(address) = process.ready {
            let readiness = process.readiness.clone();
            routers.push((address, ready::router(readiness), &self.unready));
        }
        for address in &process.prometheus {
            let page = prometheus::router(process.metrics.clone())
                .merge(sentinel::router(process.pools.clone()));
            routers.push((*address, page, &self.endpoints));
        }
        if let Some(address) = process.admin {
            let page = fleet::admin::router(process).merge(explain::router(self.instance.sites()));
            routers.push((address, page, &self.endpoints));
        }
        let mut listening = Vec::new();
        for (address, router, stop) in routers {
            listening.push((listen::tcp(address)?, router, stop.clone()));
        }
        for (listener, router, stop) in listening {
            self.endpoint_tasks.spawn(async move {
                if let Err(error) = admin::serve(listener, router, stop.cancelled_owned()).await {
                    tracing::error!(%error, "an HTTP endpoint ended");
                }
            });
        }
        Ok(())
    }

    /// Ends in CoreDNS's order: `/ready` is gone at once, questions are answered through the lameduck
    /// time, then the sockets close and what is being answered has `GRACE` to be done.
    pub async fn stop(self) {
        self.unready.cancel();
        if let Some(health) = &self.instance.process.health {
            health.lameduck().await;
        }
        self.stop.cancel();
        self.tasks.close();
        if timeout(GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!("some questions were still being answered at the end");
        }
        self.endpoints.cancel();
        self.endpoint_tasks.close();
        // Scrapes that are under way may end; nobody waits longer for them than for questions.
        let _ = timeout(GRACE, self.endpoint_tasks.wait()).await;
    }
}

/// Only plain DNS is built in.
fn plain(key: &Key) -> Result<(), Diagnostic> {
    if key.scheme == Scheme::Dns {
        return Ok(());
    }
    Err(Diagnostic::new(
        key.at.clone(),
        format!("{key}: the scheme {} is not supported yet", key.scheme),
        "serve plain DNS, and take the scheme out",
    ))
}

fn zone(key: &Key) -> Result<WireName, Diagnostic> {
    crate::plugin::names::parse(&key.zone).map(|name| crate::plugin::names::wire(&name)).ok_or_else(
        || {
            Diagnostic::new(
                key.at.clone(),
                format!("no question can be for the zone {}", key.zone),
                "write a domain name of at most 255 octets with labels of at most 63",
            )
        },
    )
}

/// The label of a listener in metrics: with an address only where `bind` names one.
fn label(address: Option<IpAddr>, port: u16) -> String {
    match address {
        None => format!("dns://:{port}"),
        Some(IpAddr::V6(address)) => format!("dns://[{address}]:{port}"),
        Some(IpAddr::V4(address)) => format!("dns://{address}:{port}"),
    }
}

/// A line of the banner.
fn shown(key: &Key, address: Option<IpAddr>) -> String {
    match address {
        None => format!("{}:{}", key.zone, key.port),
        Some(address) => format!("{}:{} on {address}", key.zone, key.port),
    }
}

/// Tells the metrics which plugins a block has, under its first key.
fn enabled(
    process: &Process,
    key: Option<&Key>,
    view: Option<&Arc<str>>,
    addresses: &[Option<IpAddr>],
    plugins: &[Box<dyn Plugin>],
) {
    let Some(key) = key else { return };
    if !plugins.iter().any(|plugin| plugin.name() == "prometheus") {
        return;
    }
    for address in addresses {
        for plugin in plugins {
            let (label, zone) = (label(*address, key.port).into(), key.zone.as_str().into());
            process.metrics.plugin_enabled(&label, &zone, view, plugin.name());
        }
    }
}
