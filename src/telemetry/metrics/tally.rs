//! What one worker of the fast path counts, by itself.
//!
//! In: its questions, without a lock, an allocation or a cache line that another core writes. Out: the
//! families of all questions, to which what is new is added whenever the page is shown.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Answered, Asked, COUNTED_TYPES, Carried, Metrics, SIZES, Served, counted};
use crate::telemetry::buckets::TIMES;
use crate::telemetry::cache::{Kept, Labels as CacheLabels};
use crate::telemetry::histogram::bucket;
use crate::zone::rcode;

/// Values of the label `family`: IPv4 and IPv6.
const FAMILIES: [&str; 2] = ["1", "2"];
/// All types, with all that have no name of their own as the last.
const TYPES: usize = COUNTED_TYPES.len() + 1;
/// The codes that the fast path answers with.
const CODES: [(u16, &str); 2] = [(rcode::NOERROR, "NOERROR"), (rcode::NXDOMAIN, "NXDOMAIN")];

/// The stores of `cache`.
const KEPT: [Kept; 2] = [Kept::Success, Kept::Denial];

/// Where each number stands.
const REQUESTS: usize = 0;
const RESPONSES: usize = REQUESTS + FAMILIES.len() * TYPES;
const DNSSEC_OK: usize = RESPONSES + CODES.len();
const MISSES: usize = DNSSEC_OK + 1;
/// In the order of [`KEPT`].
const HITS: usize = MISSES + 1;
const DURATIONS: usize = HITS + KEPT.len();
const REQUEST_SIZES: usize = DURATIONS + TIMES.len() + 1;
const RESPONSE_SIZES: usize = REQUEST_SIZES + SIZES.len() + 1;
/// Nanoseconds.
const DURATION_SUM: usize = RESPONSE_SIZES + SIZES.len() + 1;
const REQUEST_SUM: usize = DURATION_SUM + 1;
const RESPONSE_SUM: usize = REQUEST_SUM + 1;
const NUMBERS: usize = RESPONSE_SUM + 1;

/// Whose questions they are.
#[derive(Clone, Debug)]
pub struct Labels {
    /// `dns://:53`.
    pub server: Arc<str>,
    /// `udp` or `tcp`.
    pub proto: &'static str,
    pub zone: Arc<str>,
    pub view: Option<Arc<str>>,
    /// The plugin behind `prometheus`.
    pub plugin: &'static str,
    /// The zones of `cache`, where it counts.
    pub cache: Arc<str>,
}

/// A question that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub ipv6: bool,
    pub qtype: u16,
    /// Whether the client asked for DNSSEC records.
    pub dnssec_ok: bool,
    pub request_size: usize,
    /// Octets of the reply without compression and OPT.
    pub response_size: usize,
    /// NOERROR or NXDOMAIN.
    pub code: u16,
}

/// The numbers of one worker, which alone counts up.
#[derive(Debug)]
pub struct Tally {
    numbers: Arc<Numbers>,
    /// Questions whose time is not known yet.
    untimed: u32,
}

#[derive(Debug)]
struct Numbers {
    labels: Labels,
    all: [AtomicU64; NUMBERS],
}

/// All that workers count, and what of it is on the page.
#[derive(Debug, Default)]
pub(super) struct Tallies(Mutex<Vec<Shown>>);

#[derive(Debug)]
struct Shown {
    numbers: Arc<Numbers>,
    /// What is on the page.
    shown: Box<[u64; NUMBERS]>,
}

impl Tally {
    /// Counts a question and its answer, but for the time that it took.
    pub fn count(&mut self, seen: &Seen) {
        let code = CODES.iter().position(|(code, _)| *code == seen.code).unwrap_or_default();
        self.add(REQUESTS + usize::from(seen.ipv6) * TYPES + counted(seen.qtype), 1);
        self.add(RESPONSES + code, 1);
        self.add(REQUEST_SIZES + bucket(&SIZES, seen.request_size as f64), 1);
        self.add(REQUEST_SUM, seen.request_size as u64);
        self.add(RESPONSE_SIZES + bucket(&SIZES, seen.response_size as f64), 1);
        self.add(RESPONSE_SUM, seen.response_size as u64);
        if seen.dnssec_ok {
            self.add(DNSSEC_OK, 1);
        }
        self.untimed += 1;
    }

    /// Counts the time that each took of those whose time was not known.
    pub fn took(&mut self, each: Duration) {
        let untimed = u64::from(mem::take(&mut self.untimed));
        if untimed > 0 {
            let nanos = u64::try_from(each.as_nanos()).unwrap_or(u64::MAX);
            self.add(DURATIONS + bucket(&TIMES, each.as_secs_f64()), untimed);
            self.add(DURATION_SUM, nanos.saturating_mul(untimed));
        }
    }

    /// Counts a question for which `cache` has nothing.
    pub fn missed(&mut self) {
        self.add(MISSES, 1);
    }

    /// Counts one for which it has something.
    pub fn hit(&mut self, kept: Kept) {
        let number = KEPT.iter().position(|known| *known == kept).unwrap_or_default();
        self.add(HITS + number, 1);
    }

    /// Whether answers with this code can be counted.
    pub fn has(code: u16) -> bool {
        CODES.iter().any(|(known, _)| *known == code)
    }

    /// Nobody else writes, so that no step can come between.
    fn add(&mut self, number: usize, more: u64) {
        let number = &self.numbers.all[number];
        number.store(number.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }
}

impl Metrics {
    /// A worker's own numbers.
    pub fn tally(&self, labels: Labels) -> Tally {
        let numbers = Arc::new(Numbers { labels, all: [const { AtomicU64::new(0) }; NUMBERS] });
        let mut tallies = self.tallies.0.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.push(Shown { numbers: numbers.clone(), shown: Box::new([0; NUMBERS]) });
        Tally { numbers, untimed: 0 }
    }

    /// Adds what is new in the workers' numbers, and forgets those of workers that are gone.
    pub(super) fn gather(&self) {
        // Numbers are only added up: a panic between would cost some of them.
        let mut tallies = self.tallies.0.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.retain_mut(|Shown { numbers, shown }| {
            // First: what a worker counted before it went is seen below.
            let is_over = Arc::strong_count(numbers) == 1;
            fence(Ordering::Acquire);
            let mut new = [0; NUMBERS];
            for ((new, number), shown) in new.iter_mut().zip(&numbers.all).zip(shown.iter_mut()) {
                let now = number.load(Ordering::Relaxed);
                *new = now.wrapping_sub(*shown);
                *shown = now;
            }
            self.add(&numbers.labels, &new);
            !is_over
        });
    }

    fn add(&self, labels: &Labels, new: &[u64; NUMBERS]) {
        let Labels { server, proto, zone, view, plugin, cache } = labels;
        let whose = CacheLabels { server, zones: cache, view: view.as_ref() };
        let kept = KEPT.iter().map(|kept| Some(*kept)).zip(&new[HITS..DURATIONS]);
        for (found, count) in kept.chain([(None, &new[MISSES])]).filter(|(_, count)| **count > 0) {
            self.cache.asked_often(found, whose, *count);
        }
        let (server, zone, view) = (|| server.clone(), || zone.clone(), || view.clone());
        let answered = new[RESPONSES..DNSSEC_OK].iter().sum::<u64>();
        if answered == 0 {
            return;
        }
        for (family, requests) in FAMILIES.iter().zip(new[REQUESTS..RESPONSES].chunks(TYPES)) {
            let types = COUNTED_TYPES.iter().map(|(_, name)| *name).chain([super::OTHER_TYPE]);
            for (r#type, count) in types.zip(requests).filter(|(_, count)| **count > 0) {
                let (server, zone, view) = (server(), zone(), view());
                let asked = Asked { family, proto, server, r#type, view, zone };
                self.requests.get_or_create(&asked).inc_by(*count);
            }
        }
        for ((_, rcode), count) in CODES.iter().zip(&new[RESPONSES..DNSSEC_OK]) {
            if *count > 0 {
                let (server, zone, view) = (server(), zone(), view());
                let answered = Answered { plugin, rcode: (*rcode).into(), server, view, zone };
                self.responses.get_or_create(&answered).inc_by(*count);
            }
        }
        let served = Served { server: server(), view: view(), zone: zone() };
        if new[DNSSEC_OK] > 0 {
            self.do_requests.get_or_create(&served).inc_by(new[DNSSEC_OK]);
        }
        let buckets = |from: usize, bounds: usize| new[from..=from + bounds].iter().copied();
        let seconds = Duration::from_nanos(new[DURATION_SUM]).as_secs_f64();
        let durations = self.request_duration.get_or_create(&served);
        durations.add(buckets(DURATIONS, TIMES.len()), seconds);
        let carried = Carried { proto, server: server(), view: view(), zone: zone() };
        let sizes = self.request_size.get_or_create(&carried);
        sizes.add(buckets(REQUEST_SIZES, SIZES.len()), new[REQUEST_SUM] as f64);
        let sizes = self.response_size.get_or_create(&carried);
        sizes.add(buckets(RESPONSE_SIZES, SIZES.len()), new[RESPONSE_SUM] as f64);
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::ResponseCode;
    use hickory_proto::rr::RecordType;

    use super::*;
    use crate::telemetry::metrics::Observation;

    /// What is counted here is on the page as if it had been counted there.
    #[test]
    fn the_page_is_the_same() {
        let (one, other) = (Metrics::default(), Metrics::default());
        let server: Arc<str> = "dns://:53".into();
        let zone: Arc<str> = "cluster.local.".into();
        let labels = Labels {
            server: server.clone(),
            proto: "tcp",
            zone: zone.clone(),
            view: None,
            plugin: "errors",
            cache: ".".into(),
        };
        let mut tallies = [(); 2].map(|()| one.tally(labels.clone()));
        // Parts of seconds whose sum is the same in any order.
        let table = [
            (RecordType::A, false, ResponseCode::NoError, 60, 100, 0),
            (RecordType::AAAA, true, ResponseCode::NXDomain, 61, 101, 250_000),
            (RecordType::CAA, false, ResponseCode::NoError, 600, 1200, 9_000_000),
        ];
        for (number, (qtype, ipv6, rcode, request_size, response_size, micros)) in
            table.into_iter().cycle().take(10).enumerate()
        {
            let (duration, dnssec_ok) = (Duration::from_micros(micros), number % 2 == 0);
            let found = [None, Some(Kept::Success), Some(Kept::Denial)][number % 3];
            let (code, qtype_code) = (u16::from(rcode), u16::from(qtype));
            tallies[number % 2].count(&Seen {
                ipv6,
                qtype: qtype_code,
                dnssec_ok,
                request_size,
                response_size,
                code,
            });
            tallies[number % 2].took(duration);
            match found {
                Some(kept) => tallies[number % 2].hit(kept),
                None => tallies[number % 2].missed(),
            }
            other.observe(&Observation {
                server: &server,
                zone: &zone,
                view: None,
                proto: "tcp",
                ipv6,
                qtype,
                dnssec_ok,
                request_size,
                response_size,
                rcode,
                plugin: "errors",
                duration,
            });
            let zones = ".".into();
            other.cache.asked(found, CacheLabels { server: &server, zones: &zones, view: None });
            if number == 5 {
                // Shown twice, nothing is counted twice.
                one.page();
                one.page();
            }
        }
        drop(tallies);
        let ours = |page: String| {
            let counted = |line: &&str| line.contains("coredns_dns") || line.contains("_cache_");
            let mut lines: Vec<String> =
                page.lines().filter(counted).map(ToOwned::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(ours(one.page()), ours(other.page()));
        assert_eq!(ours(one.page()), ours(other.page()));
        assert!(one.tallies.0.lock().unwrap().is_empty());
    }
}
