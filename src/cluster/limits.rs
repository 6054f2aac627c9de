//! How much may be asked of an API server: `apiserver_qps`, `apiserver_burst` and
//! `apiserver_max_inflight` of the Corefile.
//!
//! In: [`Limits`]. Out: a [`Limiter`] for each cluster, which every request passes before it is sent.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// The limits of each cluster's client; none by default, for a few watches ask little.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Limits {
    pub rate: Option<Rate>,
    /// Requests whose response has not begun. A watch that is open is none of them.
    pub in_flight: Option<u32>,
}

/// A bucket of `burst` tokens, which begins full and gets a new one `every` so often; a request takes
/// one (client-go, util/flowcontrol/throttle.go).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rate {
    pub every: Duration,
    /// At least 1.
    pub burst: u32,
}

/// The state of the limits of one cluster.
#[derive(Debug, Default)]
pub struct Limiter {
    bucket: Option<Bucket>,
    in_flight: Option<Semaphore>,
}

#[derive(Debug)]
struct Bucket {
    rate: Rate,
    /// When the bucket will be full again.
    full: Mutex<Option<Instant>>,
}

impl Limiter {
    pub fn new(limits: &Limits) -> Self {
        let bucket = limits.rate.clone().map(|rate| Bucket { rate, full: Mutex::new(None) });
        let in_flight = limits.in_flight.map(|most| Semaphore::new(most as usize));
        Limiter { bucket, in_flight }
    }

    /// Waits until a request may be sent. What is returned is to be kept until its response begins.
    pub async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        if let Some(bucket) = &self.bucket {
            tokio::time::sleep_until(bucket.take(Instant::now())).await;
        }
        match &self.in_flight {
            // It is never closed.
            Some(in_flight) => in_flight.acquire().await.ok(),
            None => None,
        }
    }
}

impl Bucket {
    /// Takes a token; from when on it is there.
    fn take(&self, now: Instant) -> Instant {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let before = full.map_or(now, |full| full.max(now));
        let after = before + self.rate.every;
        *full = Some(after);
        // The bucket lacks as many tokens as it needs time to be full.
        after.checked_sub(self.rate.every * self.rate.burst).map_or(now, |token| token.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long each of the requests of one moment waits, in milliseconds.
    fn waits(bucket: &Bucket, now: Instant, count: usize) -> Vec<u128> {
        (0..count).map(|_| (bucket.take(now) - now).as_millis()).collect()
    }

    fn bucket(every: u64, burst: u32) -> Bucket {
        let rate = Rate { every: Duration::from_millis(every), burst };
        Bucket { rate, full: Mutex::new(None) }
    }

    #[test]
    fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let (bucket, start) = (bucket(100, 3), Instant::now());
        assert_eq!(waits(&bucket, start, 5), [0, 0, 0, 100, 200]);
        let rested = start + Duration::from_secs(60);
        assert_eq!(waits(&bucket, rested, 4), [0, 0, 0, 100]);
        assert_eq!(waits(&bucket, rested + Duration::from_millis(250), 2), [0, 50]);
    }

    #[test]
    fn a_burst_of_one_is_no_burst() {
        assert_eq!(waits(&bucket(200, 1), Instant::now(), 3), [0, 200, 400]);
    }

    #[tokio::test]
    async fn no_more_requests_are_in_flight_than_allowed() {
        let limiter = Limiter::new(&Limits { rate: None, in_flight: Some(2) });
        let first = limiter.enter().await;
        let _second = limiter.enter().await;
        let mut third = Box::pin(limiter.enter());
        assert!(futures::poll!(&mut third).is_pending());
        drop(first);
        assert!(third.await.is_some());
    }
}
