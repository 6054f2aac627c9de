//! Open connections that wait for their next question.
//!
//! The one that waited longest is used first, so that source ports change (CoreDNS, plugin/pkg/proxy/persistent.go).

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use crate::plugin::Transport;

/// When connections are closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    /// How long one may be idle.
    pub expire: Duration,
    /// How old one may become; 0 is no limit.
    pub max_age: Duration,
    /// How many of one transport may be idle; 0 is no limit.
    pub max_idle: usize,
}

/// The idle connections to one upstream.
#[derive(Debug)]
pub(super) struct Pool {
    lifetime: Lifetime,
    idle: Mutex<[VecDeque<Connection>; 2]>,
}

impl Pool {
    pub fn new(lifetime: Lifetime) -> Self {
        Pool { lifetime, idle: Mutex::default() }
    }

    /// The connection that waited longest, of those that may still be used.
    pub fn take(&self, transport: Transport) -> Option<Connection> {
        let now = Instant::now();
        let mut idle = self.lock();
        let idle = &mut idle[place(transport)];
        while let Some(connection) = idle.pop_front() {
            let waited = now.duration_since(connection.used);
            if waited <= self.lifetime.expire && !self.is_old(&connection, now) {
                return Some(connection);
            }
        }
        None
    }

    /// Takes a connection back, or closes it where enough are idle.
    pub fn put(&self, transport: Transport, mut connection: Connection) {
        connection.used = Instant::now();
        let mut idle = self.lock();
        let idle = &mut idle[place(transport)];
        if self.lifetime.max_idle == 0 || idle.len() < self.lifetime.max_idle {
            idle.push_back(connection);
        }
    }

    /// Closes what has been idle for too long, or is too old.
    pub fn clean(&self) {
        let now = Instant::now();
        for idle in self.lock().iter_mut() {
            idle.retain(|connection| {
                let waited = now.duration_since(connection.used);
                waited < self.lifetime.expire && !self.is_old(connection, now)
            });
        }
    }

    fn is_old(&self, connection: &Connection, now: Instant) -> bool {
        let Lifetime { max_age, .. } = self.lifetime;
        !max_age.is_zero() && now.duration_since(connection.created) > max_age
    }

    fn lock(&self) -> MutexGuard<'_, [VecDeque<Connection>; 2]> {
        // Nothing that is done under the lock leaves the queues half changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(transport: Transport) -> usize {
    match transport {
        Transport::Udp => 0,
        _ => 1,
    }
}
