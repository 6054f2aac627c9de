//! In which order upstreams are tried.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::seq::SliceRandom;

/// The value of `policy`.
#[derive(Debug)]
pub(super) enum Policy {
    /// Another order each time.
    Random,
    /// Each in turn first, then the others as they stand; holds how many questions there were.
    RoundRobin(AtomicUsize),
    /// As they stand.
    Sequential,
}

impl Policy {
    pub const NAMES: [&str; 3] = ["random", "round_robin", "sequential"];

    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "random" => Policy::Random,
            "round_robin" => Policy::RoundRobin(AtomicUsize::new(0)),
            "sequential" => Policy::Sequential,
            _ => return None,
        })
    }

    /// The upstreams in the order in which one question tries them.
    pub fn order(&self, upstreams: &[SocketAddr]) -> Vec<SocketAddr> {
        let mut order = upstreams.to_vec();
        match self {
            Policy::Random => order.shuffle(&mut rand::rng()),
            Policy::RoundRobin(asked) if !order.is_empty() => {
                // CoreDNS counts before it takes, so the second is the first. The counter guards
                // nothing but itself.
                let turn = asked.fetch_add(1, Ordering::Relaxed).wrapping_add(1) % order.len();
                order[..=turn].rotate_right(1);
            }
            Policy::RoundRobin(_) | Policy::Sequential => {}
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_coredns_does() {
        let upstreams: Vec<SocketAddr> =
            (1..=3).map(|last| SocketAddr::from(([10, 0, 0, last], 53))).collect();
        let ports = |policy: &Policy| -> Vec<String> {
            policy.order(&upstreams).iter().map(|u| u.ip().to_string()[7..].to_owned()).collect()
        };
        let sequential = Policy::named("sequential").unwrap();
        assert_eq!(ports(&sequential), ["1", "2", "3"]);
        let turns = Policy::named("round_robin").unwrap();
        assert_eq!(ports(&turns), ["2", "1", "3"]);
        assert_eq!(ports(&turns), ["3", "1", "2"]);
        assert_eq!(ports(&turns), ["1", "2", "3"]);
        let random = Policy::named("random").unwrap();
        let mut seen = [false; 3];
        while seen.contains(&false) {
            let mut order = ports(&random);
            seen[order[0].parse::<usize>().unwrap() - 1] = true;
            order.sort();
            assert_eq!(order, ["1", "2", "3"]);
        }
        assert!(Policy::named("best").is_none());
    }
}
