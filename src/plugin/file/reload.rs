//! Zones as their files change: looked at now and then, taken whole, and told to the secondaries.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, MissedTickBehavior};
use tracing::{error, info, warn};

use super::zone::{Refused, Zone, words};
use crate::plugin::background::Background;
use crate::plugin::transfer::Notifier;

/// When the file of a zone is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// How often; never if zero.
    pub interval: Duration,
    /// Whether the time of the file says that it changed, and not the serial.
    pub by_time: bool,
    /// The time of the file that was read at set-up.
    pub read: Option<SystemTime>,
}

/// Tells the secondaries of all zones that there may be news, one zone after the other.
pub fn announce(zones: Vec<Arc<Zone>>, notifier: &Arc<Notifier>, background: &Background) {
    let notifier = notifier.clone();
    background.spawn(async move {
        for zone in zones {
            // Secondaries may not be up yet; they ask by themselves.
            let _ = notifier.notify(&zone.name).await;
        }
    });
}

/// Looks at the file of a zone until the block ends.
pub fn watch(
    zone: &Arc<Zone>,
    watch: Watch,
    notifier: Option<&Arc<Notifier>>,
    background: &Background,
) {
    if watch.interval.is_zero() {
        return;
    }
    let (zone, notifier) = (zone.clone(), notifier.cloned());
    background.spawn(async move {
        let mut ticks = tokio::time::interval_at(Instant::now() + watch.interval, watch.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut read = watch.read;
        loop {
            ticks.tick().await;
            let looked = zone.clone();
            let look = move || (look(&looked, watch.by_time, &mut read), read);
            // It fails only where the runtime ends.
            let Ok((taken, time)) = tokio::task::spawn_blocking(look).await else { return };
            read = time;
            if let (true, Some(notifier)) = (taken, &notifier)
                && let Err(error) = notifier.notify(&zone.name).await
            {
                warn!("Failed sending notifies: {error}");
            }
        }
    });
}

/// Reads the file if it changed: `read` is the time of the one that was read. Says whether it was taken.
fn look(zone: &Zone, by_time: bool, read: &mut Option<SystemTime>) -> bool {
    let (name, path) = (&zone.text, zone.path.display().to_string());
    let mut known = zone.data().map(|data| data.serial());
    let mut changed = None;
    if by_time {
        match zone.changed() {
            Ok(time) if read.is_some_and(|read| time <= read) => return false,
            Ok(time) => changed = Some(time),
            Err(error) => {
                error!("Failed to stat zone {name:?} in {path:?}: stat {path}: {}", words(&error));
                return false;
            }
        }
        known = None;
    }
    match zone.read(known) {
        Ok(data) => {
            info!(
                "Successfully reloaded zone {name:?} in {path:?} with {} SOA serial",
                data.serial()
            );
            zone.replace(data);
            if changed.is_some() {
                *read = changed;
            }
            true
        }
        Err(Refused::SameSerial) => false,
        Err(error @ Refused::Open { .. }) => {
            error!("Failed to open zone {name:?} in {path:?}: {error}");
            false
        }
        Err(error) => {
            error!("Parsing zone {name:?}: {error}");
            false
        }
    }
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod tests;
