//! When the Corefile is read again, and what becomes of it.
//!
//! In: a signal or a tick of `reload`, and the Corefile as it is now. Out: a server that does what it says; or
//! one that goes on as before, where it is wrong: that is logged, and counted where
//! `reload` found it, once for each Corefile.

use std::fmt::Display;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::running::Running;
use crate::corefile::Corefile;
use crate::plugin::reload::{checksum, say_failed, say_running, say_unreadable};

/// Why the Corefile is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// SIGUSR1: it is taken even if it has not changed.
    Signal,
    /// A tick of `reload`.
    Poll,
}

/// What was read last.
#[derive(Debug)]
pub struct Reloading {
    checksum: String,
    /// Of a Corefile that could not be read: what was wrong.
    unreadable: Option<String>,
    ticks: Option<Interval>,
}

impl Reloading {
    /// For a server that was started with this Corefile.
    pub fn new(corefile: &Corefile, running: &Running) -> Self {
        let mut new = Reloading { checksum: checksum(corefile), unreadable: None, ticks: None };
        new.follow(running);
        new
    }

    /// Waits until the Corefile is to be looked at; for ever without `reload`.
    pub async fn due(&mut self) {
        match &mut self.ticks {
            Some(ticks) => drop(ticks.tick().await),
            None => std::future::pending().await,
        }
    }

    /// Reads the Corefile, and has the server do what it says if that has changed.
    pub async fn reload<E: Display>(
        &mut self,
        due: Due,
        read: impl FnOnce() -> Result<Corefile, E>,
        running: &mut Running,
    ) {
        if due == Due::Signal {
            tracing::info!("SIGUSR1: Reloading");
        }
        let corefile = match read() {
            Ok(corefile) => corefile,
            Err(error) => return self.unreadable(due, &error.to_string(), running),
        };
        self.unreadable = None;
        let sum = checksum(&corefile);
        if due == Due::Poll && sum == self.checksum {
            return;
        }
        let changed = sum != self.checksum;
        // What fails is not tried again until it changes.
        self.checksum = sum;
        tracing::info!("Reloading");
        for warning in &corefile.warnings {
            tracing::warn!("{warning}");
        }
        let failed = match running.instance().successor(&corefile) {
            Ok(next) => running.become_instance(next).await.err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        let metrics = running.instance().process().metrics.clone();
        if changed && due == Due::Poll {
            metrics.reload.changed(&self.checksum);
        }
        match failed {
            None => {
                tracing::info!("Reloading complete");
                self.follow(running);
            }
            Some(why) => {
                running.goes_on();
                tracing::error!("Restart failed: {why}");
                match due {
                    Due::Signal => tracing::error!("SIGUSR1: {why}"),
                    Due::Poll => {
                        metrics.reload.failed();
                        say_failed(&why);
                    }
                }
            }
        }
    }

    fn unreadable(&mut self, due: Due, why: &str, running: &Running) {
        let said = self.unreadable.replace(why.to_owned()).is_some_and(|before| before == why);
        match due {
            Due::Signal => {
                tracing::info!("Reloading");
                tracing::error!("Restart failed: {why}");
                tracing::error!("SIGUSR1: {why}");
                running.goes_on();
            }
            Due::Poll if said => {}
            Due::Poll => {
                say_unreadable(why);
                running.instance().process().metrics.reload.failed();
            }
        }
    }

    /// Looks as often as the running Corefile says.
    fn follow(&mut self, running: &Running) {
        self.ticks = running.instance().process().reload.map(|every| {
            say_running(&self.checksum);
            let mut ticks = interval_at(Instant::now() + every, every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
    }
}
