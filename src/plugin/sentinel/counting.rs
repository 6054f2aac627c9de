//! The task that counts the names in use, and says what is wrong with the pools.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use tracing::{info, warn};

use super::pools::{Pools, Told};
use crate::cluster::ClusterId;
use crate::plugin::background::Background;
use crate::plugin::kubernetes::View;
use crate::telemetry::Metrics;
use crate::zone::name::WireName;
use crate::zone::pool::{LIKELY, Pool, overlap};
use crate::zone::sentinel::in_use::{InUse, MOST, spelled};

const MINUTE: Duration = Duration::from_secs(60);
/// Between two looks at all that is declared, which may change often.
const PAUSE: Duration = Duration::from_secs(1);
/// Collisions of one pool that are logged in one minute.
const LINES: usize = 100;
/// Names of one address that a line shows.
const SHOWN: usize = 5;

/// What the task knows.
struct Counting {
    pools: Pools,
    views: Vec<Arc<View>>,
    metrics: Arc<Metrics>,
    said: HashMap<Pool, Said>,
    /// The ranges of clusters that touch a pool.
    overlaps: HashMap<Pool, HashMap<ClusterId, BTreeSet<IpNet>>>,
}

/// What was said of a pool.
#[derive(Default)]
struct Said {
    /// Of each address that several names have.
    collisions: HashMap<IpAddr, Shared>,
    lines: usize,
    left_out: usize,
    is_full: bool,
    /// The prefix that was recommended.
    prefix: Option<Option<u8>>,
}

/// How many names of an address were counted, and how many there were when they were logged.
#[derive(Default)]
struct Shared {
    counted: usize,
    logged: usize,
}

/// Starts to count. Without pools there is nothing to do.
pub fn start<'a>(
    pools: &Pools,
    views: impl Iterator<Item = &'a Arc<View>>,
    metrics: Arc<Metrics>,
    background: &Background,
) {
    let Some(telling) = pools.telling() else { return };
    pools.all().iter().for_each(|pool| beside_istio(pool.pool));
    let (pools, views) = (pools.clone(), views.cloned().collect());
    let (said, overlaps) = (HashMap::new(), HashMap::new());
    background.spawn(Counting { pools, views, metrics, said, overlaps }.run(telling));
}

/// Says that Istio gives addresses of a pool to ServiceEntries, by its default (pilot/pkg/features/pilot.go):
/// names may collide with those, which is told when it happens.
fn beside_istio(pool: Pool) {
    const ALLOCATED: [&str; 2] = ["240.240.0.0/16", "2001:2::/48"];
    for allocated in ALLOCATED.iter().filter_map(|text| text.parse().ok()) {
        if overlap(&allocated, &pool.network()) {
            info!(
                "the pool {pool} has addresses of {allocated}, from which Istio gives some to \
                 ServiceEntries; 241.0.0.0/8 has none"
            );
        }
    }
}

impl Counting {
    async fn run(mut self, mut telling: mpsc::Receiver<Told>) {
        let declared = Arc::new(Notify::new());
        // They end with this task.
        let mut following = JoinSet::new();
        for view in &self.views {
            let (mut changes, declared) = (view.registry().declared(), declared.clone());
            following.spawn(async move {
                while changes.changed().await.is_ok() {
                    declared.notify_one();
                }
            });
        }
        let mut minutes = interval_at(Instant::now() + MINUTE, MINUTE);
        minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Addresses that all names of a suffix share are known at once.
        self.declared();
        let mut due: Option<Instant> = None;
        let mut last = Instant::now();
        loop {
            tokio::select! {
                told = telling.recv() => match told {
                    Some(Told { pool, name }) => self.learn(&pool, &name),
                    None => return,
                },
                () = declared.notified(), if due.is_none() => due = Some(last + PAUSE),
                () = sleep_until(due.unwrap_or(last)), if due.is_some() => {
                    self.declared();
                    (due, last) = (None, Instant::now());
                }
                _ = minutes.tick() => self.minute(),
            }
        }
    }

    fn learn(&mut self, pool: &InUse, name: &[u8]) {
        let said = self.said.entry(pool.pool).or_default();
        if !pool.learn(name, self.pools.minute()) {
            self.metrics.sentinel.overlooked(&pool.pool);
            if !std::mem::replace(&mut said.is_full, true) {
                warn!(pool = %pool.pool, "{MOST} names were asked for in an hour; more are answered, and not counted");
            }
            return;
        }
        if let Some((wire, _)) = WireName::read(name) {
            self.collided(pool, pool.pool.address(&wire));
        }
        self.judge(pool);
    }

    /// Looks at all that is declared.
    fn declared(&mut self) {
        self.pools.declare();
        for pool in self.pools.all() {
            for collision in pool.collisions() {
                self.collided(&pool, collision.address);
            }
            self.judge(&pool);
            self.overlapped(pool.pool);
        }
    }

    fn minute(&mut self) {
        let minute = self.pools.tick();
        let lost = self.pools.take_lost();
        self.metrics.sentinel.lost(lost);
        for pool in self.pools.all() {
            pool.sweep(minute);
            self.judge(&pool);
            let said = self.said.entry(pool.pool).or_default();
            said.is_full = said.is_full && pool.len() >= MOST;
            said.lines = 0;
            let left_out = std::mem::take(&mut said.left_out);
            if left_out > 0 {
                warn!(pool = %pool.pool, "{left_out} more collisions; `fleetdns vip --collisions` lists all");
            }
        }
    }

    /// Says that an address has several names, if it has: each of the first few times, and then as often as
    /// there are twice as many.
    fn collided(&mut self, pool: &InUse, address: IpAddr) {
        let Some(names) = pool.collision(address) else { return };
        let said = self.said.entry(pool.pool).or_default();
        if said.collisions.len() >= MOST {
            said.collisions.clear();
        }
        let known = said.collisions.entry(address).or_default();
        if names.len() <= known.counted {
            return;
        }
        known.counted = names.len();
        self.metrics.sentinel.collided(&pool.pool);
        if names.len() > SHOWN && names.len() < known.logged * 2 {
            return;
        }
        known.logged = names.len();
        if said.lines == LINES {
            said.left_out += 1;
            return;
        }
        said.lines += 1;
        let mut shown: Vec<String> = names.iter().take(SHOWN).map(|name| spelled(name)).collect();
        shown.sort();
        if names.len() > SHOWN {
            shown.push(format!("and {} more", names.len() - SHOWN));
        }
        warn!(pool = %pool.pool, %address, names = shown.join(" "),
            "names share an address: where one of them is plain TCP, both lead to it; give one an address \
             of its own by a ServiceEntry");
    }

    /// Updates the figures, and says once that a pool is too small, and what would do.
    fn judge(&mut self, pool: &InUse) {
        let (names, network) = (pool.len(), pool.pool);
        self.metrics.sentinel.names(&network, names, pool.shared());
        if network.likelihood(names) <= LIKELY {
            return;
        }
        let said = self.said.entry(network).or_default();
        let prefix = network.prefix_for(names);
        if said.prefix.replace(prefix) == Some(prefix) {
            return;
        }
        let likelihood = format!("{:.0} %", (network.likelihood(names) * 100.0).max(1.0));
        match prefix {
            Some(prefix) => warn!(pool = %network, names, likelihood,
                "the pool is small for the names in use: two may share an address; a /{prefix} would do"),
            None => warn!(pool = %network, names, likelihood,
                "the pool is small for the names in use: two may share an address; no network of IPv4 would \
                 do, only one of IPv6, e.g. fd00:f1ee::/64"),
        }
    }

    /// Says once that a cluster uses addresses of a pool, and counts how many of its ranges do.
    fn overlapped(&mut self, pool: Pool) {
        let mut now: HashMap<ClusterId, BTreeSet<IpNet>> = HashMap::new();
        let touches = |range: &&IpNet| overlap(range, &pool.network());
        for view in &self.views {
            for (cluster, ranges) in view.registry().ranges().iter() {
                let touching = ranges.joined().iter().filter(touches);
                now.entry(cluster.clone()).or_default().extend(touching);
            }
        }
        let before = self.overlaps.remove(&pool).unwrap_or_default();
        for cluster in before.keys().filter(|cluster| !now.contains_key(cluster)) {
            self.metrics.sentinel.overlaps(&pool, cluster, 0);
        }
        for (cluster, ranges) in &now {
            self.metrics.sentinel.overlaps(&pool, cluster, ranges.len());
            let known = before.get(cluster);
            for range in ranges.iter().filter(|range| known.is_none_or(|of| !of.contains(range))) {
                warn!(%pool, %cluster, %range,
                    "the pool has addresses that the cluster gives to Services or pods: choose another \
                     network for the pool");
            }
        }
        self.overlaps.insert(pool, now);
    }
}
