//! The pools of the process, and the names that are in use of each.
//!
//! In: the names that get an address of a pool, the hosts of ServiceEntries, and the ranges that clusters
//! say they have. Out: which names an address has, for reverse look-ups; and in the log and the metrics
//! what is wrong: names that share an address, a pool that is too small, one that a cluster uses.
//!
//! Questions only stamp a name that is known; a new one is handed to one task, which does the rest.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::NAME;
use crate::cluster::ClusterId;
use crate::corefile::{Diagnostic, Token};
use crate::plugin::kubernetes::View;
use crate::zone::name::WireName;
use crate::zone::pool::{Pool, overlap};
use crate::zone::sentinel::in_use::{Collision, Declared, Folded, InUse};
use crate::zone::sentinel::{Eyes, Sentinel as Zones, Viewer};

/// New names that may wait for the task; more are left out, to be told when they are asked for again.
const WAITING: usize = 16_384;

/// All pools. Clones are of the same.
#[derive(Clone, Default)]
pub struct Pools(Arc<Shared>);

/// What questions and the task share.
pub(super) struct Shared {
    all: Mutex<Vec<(Arc<InUse>, Token)>>,
    /// Those of the Corefile before.
    before: Vec<Arc<InUse>>,
    /// What ServiceEntries declare to the suffixes of a server block.
    declaring: Mutex<Vec<Declaring>>,
    /// Addresses that all names of a suffix share.
    answers: Mutex<Vec<(Folded, IpAddr)>>,
    /// Minutes since the start, counted from 1.
    pub minute: AtomicU32,
    told: mpsc::Sender<Told>,
    /// Names that were not told.
    lost: AtomicU64,
    telling: Mutex<Option<mpsc::Receiver<Told>>>,
}

/// A name that got an address of a pool.
pub(super) struct Told {
    pub pool: Arc<InUse>,
    pub name: Folded,
}

/// The suffixes of a server block, and the clusters whose ServiceEntries they listen to.
pub(super) struct Declaring {
    pub zones: Arc<Zones>,
    pub view: Arc<View>,
    pub local: ClusterId,
}

impl Default for Shared {
    fn default() -> Self {
        let (told, telling) = mpsc::channel(WAITING);
        Shared {
            all: Mutex::default(),
            before: Vec::new(),
            declaring: Mutex::default(),
            answers: Mutex::default(),
            minute: AtomicU32::new(1),
            told,
            lost: AtomicU64::new(0),
            telling: Mutex::new(Some(telling)),
        }
    }
}

impl Pools {
    /// Those of a Corefile that replaces the one of `before`: equal pools know the names that are in use.
    pub fn after(before: &Pools) -> Self {
        let minute = AtomicU32::new(before.minute());
        Pools(Arc::new(Shared { before: before.all(), minute, ..Shared::default() }))
    }

    /// The names in use of a pool that stands at this word: of one that is there already, or a new one.
    ///
    /// # Errors
    /// It has a part in common with another one.
    pub fn share(&self, pool: Pool, at: &Token) -> Result<Arc<InUse>, Diagnostic> {
        let mut all = lock(&self.0.all);
        for (known, before) in all.iter() {
            if known.pool == pool {
                return Ok(known.clone());
            }
            if overlap(&known.pool.network(), &pool.network()) {
                return Err(at.error(
                    format!(
                        "the pool {pool} shares addresses with {} of {}",
                        known.pool, before.at
                    ),
                    "make them equal, to be one pool, or give them networks apart",
                ));
            }
        }
        let kept = self.0.before.iter().find(|in_use| in_use.pool == pool).cloned();
        let new = kept.unwrap_or_else(|| Arc::new(InUse::new(pool)));
        all.push((new.clone(), at.clone()));
        Ok(new)
    }

    /// Listens to what ServiceEntries declare to these suffixes.
    pub fn listen(&self, zones: Arc<Zones>, view: Arc<View>, local: ClusterId) {
        lock(&self.0.declaring).push(Declaring { zones, view, local });
    }

    /// Notes the addresses that all names of a suffix share.
    pub fn answers(&self, suffix: &WireName, addresses: &[IpAddr]) {
        let Some(all_below) = WireName::from_labels([&b"*"[..]]).and_then(|mut name| {
            name.extend(suffix)?;
            Some(name)
        }) else {
            return;
        };
        let named = addresses.iter().map(|ip| (all_below.folded().into(), *ip));
        lock(&self.0.answers).extend(named);
    }

    /// Notes that a name got its addresses of these pools.
    pub fn used(&self, pools: &[Arc<InUse>], name: &WireName) {
        let minute = self.0.minute.load(Ordering::Relaxed);
        for pool in pools.iter().filter(|pool| !pool.stamp(name.folded(), minute)) {
            let told = Told { pool: pool.clone(), name: name.folded().into() };
            // Full or ended: it is told again when it is asked for again.
            if self.0.told.try_send(told).is_err() {
                self.0.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The addresses that several names have, of all pools.
    pub fn collisions(&self) -> Vec<(Pool, Collision)> {
        let all = self.all();
        let of = |pool: &Arc<InUse>| {
            let pool = pool.clone();
            pool.collisions().into_iter().map(move |collision| (pool.pool, collision))
        };
        all.iter().flat_map(of).collect()
    }

    /// What the task is told, for the one that there is; `None` where it was taken, or nothing is to count.
    pub(super) fn telling(&self) -> Option<mpsc::Receiver<Told>> {
        let telling = lock(&self.0.telling).take();
        telling.filter(|_| !lock(&self.0.all).is_empty())
    }

    pub(super) fn all(&self) -> Vec<Arc<InUse>> {
        lock(&self.0.all).iter().map(|(pool, _)| pool.clone()).collect()
    }

    /// Begins another minute, and says which.
    pub(super) fn tick(&self) -> u32 {
        self.0.minute.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn minute(&self) -> u32 {
        self.0.minute.load(Ordering::Relaxed)
    }

    /// Tells each pool all names that are declared now with an address of it, whoever declares them.
    pub(super) fn declare(&self) {
        let mut names: BTreeMap<Folded, Declared> = BTreeMap::new();
        for (name, address) in lock(&self.0.answers).iter() {
            names.entry(name.clone()).or_default().addresses.insert(*address);
        }
        for declaring in lock(&self.0.declaring).iter() {
            let (registry, local) = (declaring.view.registry(), &declaring.local);
            let viewer = Viewer { registry, local, eyes: Eyes::All, knows_services: true };
            for (name, declared) in declaring.zones.declared_names(&viewer) {
                let known = names.entry(name).or_default();
                known.addresses.extend(declared.addresses);
                known.by = declared.by;
            }
        }
        for pool in self.all() {
            let within = |declared: &Declared| {
                let addresses = declared.addresses.iter().copied();
                addresses.filter(|address| pool.pool.contains(*address)).collect()
            };
            let mine = names.iter().map(|(name, declared)| {
                (name.clone(), Declared { addresses: within(declared), by: declared.by })
            });
            pool.declare(&mine.filter(|(_, declared)| !declared.addresses.is_empty()).collect());
        }
    }

    /// How many names were not told since the last time, as too many were waiting.
    pub(super) fn take_lost(&self) -> u64 {
        self.0.lost.swap(0, Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Pools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let networks = self.all().into_iter().map(|in_use| in_use.pool.network());
        f.debug_list().entry(&NAME).entries(networks).finish()
    }
}

/// What is behind these locks is never half changed.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
