//! A Corefile's server blocks, set up as one server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use hickory_proto::rr::{Name, RecordType};

use super::door::Service;
use super::endpoints::{Page, Pages, Purpose};
use super::explain::{self, Explained};
use super::place::Place;
use super::site::{Block, Site};
use crate::corefile::{Claims, Corefile, Diagnostic, Key, Position, Scheme};
use crate::plugin::background::Background;
use crate::plugin::bind::Bound;
use crate::plugin::fast::Fast;
use crate::plugin::setup::{Chain, Process};
use crate::plugin::timeouts::Timeouts;
use crate::plugin::{Plugin, fleet, health, kubernetes, order, prometheus, ready, sentinel, tls};
use crate::telemetry::log;
use crate::telemetry::metrics::Enabled;
use crate::zone::name::WireName;

/// The plugins of a block.
type Plugins = Arc<[Arc<dyn Plugin>]>;

/// A server that is set up and not started: nothing has been opened yet.
pub struct Instance {
    /// The blocks of each place.
    pub(super) places: BTreeMap<Place, Service>,
    /// Each block's plugins, and where they are asked.
    chains: Vec<(Plugins, Vec<Place>)>,
    /// The certificates that are followed.
    identities: Vec<Arc<tls::Identity>>,
    /// What the metrics say of the plugins.
    enabled: Vec<Enabled>,
    process: Process,
    /// `zone:port`, as the banner shows them.
    served: Vec<String>,
}

/// The blocks of one place while they are gathered.
#[derive(Default)]
struct Group {
    blocks: Vec<Block>,
    timeouts: Timeouts,
    /// What the first block says that is for the whole listener.
    first: Option<First>,
}

struct First {
    tls: Option<Arc<tls::Identity>>,
    sockets: Option<usize>,
    https: crate::plugin::crowds::Https,
    quic: crate::plugin::crowds::Quic,
    key: Key,
}

impl Instance {
    /// Sets up every server block.
    ///
    /// # Errors
    /// The first thing that is wrong in the Corefile.
    pub fn build(corefile: &Corefile) -> Result<Self, Diagnostic> {
        Self::of(corefile, Process::default())
    }

    /// All that is wrong in a Corefile.
    pub fn problems(corefile: &Corefile) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let mut note = |problem| {
            problems.push(problem);
            Ok(())
        };
        let process = Process { is_checked: true, ..Process::default() };
        let ended = Self::with(corefile, process, &mut note).err();
        problems.extend(ended);
        problems
    }

    /// Sets up every server block of a Corefile that replaces this one's: what has not changed of the
    /// clusters is kept, and what was counted.
    ///
    /// # Errors
    /// As [`Instance::build`].
    pub fn successor(&self, corefile: &Corefile) -> Result<Self, Diagnostic> {
        Self::of(corefile, Process::after(&self.process))
    }

    /// Sets up every server block of a process.
    ///
    /// # Errors
    /// As [`Instance::build`].
    pub fn of(corefile: &Corefile, process: Process) -> Result<Self, Diagnostic> {
        Self::with(corefile, process, &mut Err)
    }

    fn with(
        corefile: &Corefile,
        mut process: Process,
        found: &mut order::Found<'_>,
    ) -> Result<Self, Diagnostic> {
        if corefile.blocks.is_empty() {
            let file = corefile.files.first().cloned().unwrap_or_default();
            return Err(Diagnostic::new(
                Position::new(file.into(), 1),
                "the Corefile has no server block",
                "write one, e.g. `.:53 {`, with plugins, one a line",
            ));
        }
        let mut claims = Claims::default();
        let mut groups: BTreeMap<Place, Group> = BTreeMap::new();
        let mut served = Vec::new();
        let (mut chains, mut identities, mut enabled) = (Vec::new(), Vec::new(), Vec::new());
        for block in &corefile.blocks {
            block.keys.iter().try_for_each(supported).or_else(&mut *found)?;
            let mut chain = order::chain(&corefile.blocks, block, &mut process, found)?;
            let plugins: Plugins = std::mem::take(&mut chain.plugins).into();
            let addresses: Vec<Option<Bound>> = match chain.bind.as_slice() {
                [] => vec![None],
                bind => bind.iter().copied().map(Some).collect(),
            };
            let mut places = Vec::new();
            for (key, address) in
                block.keys.iter().flat_map(|key| addresses.iter().map(move |on| (key, *on)))
            {
                let on = address.map(|address| address.to_string()).unwrap_or_default();
                claims.claim(key, &on, chain.view.is_some()).or_else(&mut *found)?;
                let shown = shown(key, address);
                if !served.contains(&shown) {
                    served.push(shown);
                }
                let place = Place { scheme: key.scheme, address, port: key.port };
                let group = groups.entry(place).or_default();
                group.add(key, &chain).or_else(&mut *found)?;
                let zone = match zone(key) {
                    Ok(zone) => zone,
                    Err(problem) => {
                        found(problem)?;
                        continue;
                    }
                };
                group.blocks.push(Block {
                    zone,
                    text: key.zone.as_str().into(),
                    chain: plugins.clone(),
                    fast: Fast::of(&plugins),
                    max_payload: chain.max_payload,
                    view: chain.view.clone(),
                    stacktrace: chain.stacktrace,
                });
                places.push(place);
            }
            enabled.extend(named(block.keys.first(), &chain, &addresses, &plugins));
            identities.extend(chain.tls);
            chains.push((plugins, places));
        }
        let places = groups.into_iter().map(|(at, group)| (at, group.service(at, &process)));
        let places = places.collect();
        Ok(Instance { places, chains, identities, enabled, process, served })
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

    /// The sites of all places.
    pub fn sites(&self) -> Vec<Arc<Site>> {
        self.places.values().map(|service| service.site.clone()).collect()
    }

    /// Starts to watch the clusters, and what is asked of others for them. Needs a runtime.
    pub fn watch(&self, background: &Background) {
        log::set_debug(self.process.debug);
        let asker = |at: (Option<Bound>, u16)| {
            let mut places = self.places.iter();
            let place = places.find(|(place, _)| (place.address, place.port) == at);
            place.map(|(_, service)| service.site.asker())
        };
        self.process.views.start();
        kubernetes::start(&self.process.kubernetes, &self.process.metrics, asker, background);
    }

    /// Starts all else that goes on beside the questions: what only a server needs that is asked. `opened`
    /// says where each place is.
    pub(super) fn accompany(
        &self,
        opened: impl Fn(&Place) -> Option<SocketAddr>,
        background: &Background,
    ) {
        let process = &self.process;
        process.metrics.enabled(&self.enabled);
        kubernetes::status::measure(&process.views, &process.metrics);
        let metrics = process.metrics.clone();
        sentinel::start(&process.pools, process.views.all(), metrics, background);
        for identity in &self.identities {
            let identity = identity.clone();
            background.spawn(async move { identity.follow().await });
        }
        for health in process.health.iter().cloned() {
            background.spawn(health::probe::run(health, process.metrics.clone()));
        }
        for (plugins, places) in &self.chains {
            let background = background.at(places.iter().filter_map(&opened).collect());
            plugins.iter().for_each(|plugin| plugin.start(&background));
        }
    }

    /// Tells the plugins that the instance that was to replace this one is wrong.
    pub(super) fn goes_on(&self, background: &Background) {
        let plugins = self.chains.iter().flat_map(|(plugins, _)| plugins.iter());
        plugins.for_each(|plugin| plugin.goes_on(background));
    }

    /// Waits until all clusters are known and the addresses of all gateways, or have had their time.
    pub async fn settled(&self) {
        self.process.views.settled().await;
        kubernetes::settled(&self.process.kubernetes).await;
    }

    /// What is shown over HTTP.
    pub(super) fn pages(&self) -> Pages {
        let process = &self.process;
        let mut pages = Pages::new();
        for health in &process.health {
            pages.insert((Purpose::Health, health.addr), health::router().into());
        }
        for address in &process.ready {
            let readiness = process.readiness.clone();
            pages.insert((Purpose::Ready, *address), ready::router(readiness).into());
        }
        for (address, tls) in &process.prometheus {
            let router = prometheus::router(process.metrics.clone())
                .merge(sentinel::router(process.pools.clone()));
            pages.insert((Purpose::Metrics, *address), Page::new(router, tls.clone()));
        }
        if let Some(address) = process.admin {
            let page = fleet::admin::router(process).merge(explain::router(self.sites()));
            pages.insert((Purpose::Admin, address), page.into());
        }
        pages
    }
}

impl Group {
    /// Adds what a block says of its listener.
    fn add(&mut self, key: &Key, chain: &Chain) -> Result<(), Diagnostic> {
        self.timeouts = chain.timeouts.over(self.timeouts);
        let Some(first) = &self.first else {
            if key.scheme == Scheme::Quic && chain.tls.is_none() {
                return Err(Diagnostic::new(
                    key.at.clone(),
                    format!("{key} has no certificate, and QUIC is always encrypted"),
                    "add `tls CERT KEY` to the server block",
                ));
            }
            self.first = Some(First {
                tls: chain.tls.clone(),
                sockets: chain.sockets,
                https: chain.https,
                quic: chain.quic,
                key: key.clone(),
            });
            return Ok(());
        };
        let same = match (&first.tls, &chain.tls) {
            (None, None) => true,
            (Some(a), Some(b)) => a.equals(b),
            _ => false,
        };
        if same || key.scheme == Scheme::Dns {
            return Ok(());
        }
        Err(Diagnostic::new(
            key.at.clone(),
            format!(
                "{key} shares its listener with {} of {}, and their tls differs",
                first.key, first.key.at
            ),
            "write the same `tls` in both server blocks, or give them different ports or `bind` addresses",
        ))
    }

    fn service(self, place: Place, process: &Process) -> Service {
        let mirrored = process.mirrored.iter().map(|code| *code).collect();
        let site = Site::new(place, self.blocks, process.metrics.clone());
        let site = Arc::new(site.mirroring(mirrored));
        let Some(first) = self.first else { return Service::new(site, None) };
        let connections = match place.scheme {
            Scheme::Https => first.https.connections(),
            Scheme::Quic => first.quic.connections(),
            _ => None,
        };
        let cores = || available_parallelism().map_or(1, NonZero::get);
        let mut service = Service::new(site, connections);
        service.timeouts = self.timeouts;
        service.tls = first.tls;
        service.sockets = first.sockets.unwrap_or_else(cores);
        (service.https, service.quic) = (first.https, first.quic);
        service
    }
}

/// That the scheme is built in.
fn supported(key: &Key) -> Result<(), Diagnostic> {
    match key.scheme {
        Scheme::Dns | Scheme::Tls | Scheme::Https | Scheme::Quic => Ok(()),
        Scheme::Https3 | Scheme::Grpc => Err(Diagnostic::new(
            key.at.clone(),
            format!("{key}: the scheme {} is not built in", key.scheme),
            "serve DNS over TLS (tls://), HTTPS (https://) or QUIC (quic://)",
        )),
    }
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

/// A line of the banner.
fn shown(key: &Key, address: Option<Bound>) -> String {
    let scheme = match key.scheme {
        Scheme::Dns => String::new(),
        scheme => format!("{scheme}://"),
    };
    match address {
        None => format!("{scheme}{}:{}", key.zone, key.port),
        Some(address) => format!("{scheme}{}:{} on {address}", key.zone, key.port),
    }
}

/// The plugins of a block for the metrics, under its first key.
fn named(
    key: Option<&Key>,
    chain: &Chain,
    addresses: &[Option<Bound>],
    plugins: &[Arc<dyn Plugin>],
) -> Vec<Enabled> {
    let counts = plugins.iter().any(|plugin| plugin.name() == "prometheus");
    let Some(key) = key.filter(|_| counts) else { return Vec::new() };
    let one = |address: Option<Bound>, name| Enabled {
        name,
        server: Place { scheme: key.scheme, address, port: key.port }.to_string().into(),
        view: chain.view.as_ref().map(|view| view.name.clone()),
        zone: key.zone.as_str().into(),
    };
    let each = |address: &Option<Bound>| {
        let address = *address;
        plugins.iter().map(move |plugin| one(address, plugin.name()))
    };
    addresses.iter().flat_map(each).collect()
}
